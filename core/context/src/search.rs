//! The queries of a running plugin: the functions of the plugin contract's `Host` that read.

use crate::{Context, GatherError, cut, offset, whole};
use deepcoder_index::{Listed, SearchError, Words};
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_syntax::{Language, RawSymbol, symbols};
use deepcoder_types::{Cancel, Hint as _, RepoPath, Snippet, Symbol, TextRange};
use deepcoder_workspace::{ReadError, TextFile};
use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use std::sync::{Arc, PoisonError};

/// A pattern that compiles to more than this is refused.
const MAX_PATTERN: usize = 1 << 20;

/// Longer lines are not shown whole, but around the match: minified files waste the context.
const MAX_LINE: usize = 1024;

/// The most results of one call.
const MAX_RESULTS: usize = 1000;

impl Context<'_> {
    /// A whole file, if a model may see it (origin `read`).
    pub fn read_file(&self, path: &RepoPath) -> Result<Snippet, PluginError> {
        self.admit(path).map(|file| whole(&file, "read")).map_err(|error| plugin_error(&error))
    }

    /// The same with text that looks like a secret, for what no model sees.
    pub fn read_any(&self, path: &RepoPath) -> Result<Snippet, PluginError> {
        self.visible(path).map(|file| whole(&file, "read")).map_err(|error| plugin_error(&error))
    }

    /// The visible files that hold `word` as a word, and those that cannot be read, sorted.
    pub fn files_with(&self, word: &str, cancel: &Cancel) -> Result<Vec<RepoPath>, PluginError> {
        let words = self.words(cancel)?;
        words.files_with(self.tree, word, cancel).map_err(|error| unsearchable(&error))
    }

    /// The words of the files, opened once for all copies of this context.
    fn words(&self, cancel: &Cancel) -> Result<Arc<Words>, PluginError> {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = &*words {
            return Ok(Arc::clone(words));
        }
        let quiet = |_, _| {};
        let opened = Words::open(self.tree, self.listed()?, self.progress.unwrap_or(&quiet), cancel);
        let opened = Arc::new(opened.map_err(|error| unsearchable(&error))?);
        *words = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Visible files that match, sorted, at most `limit`. An empty glob matches every file.
    pub fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        Ok(self.matching(glob)?.take(most(limit, usize::MAX)).collect())
    }

    /// Lines of visible text files that match a regular expression, in the order of the paths, at most `limit`.
    pub fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        let invalid = |error: regex::Error| {
            PluginError::new(ErrorCode::Invalid, format!("`{pattern}` is not a pattern: {error}"))
                .with_hint("patterns are linear-time regular expressions: no look-around, no back-references")
        };
        let regex =
            RegexBuilder::new(pattern).multi_line(true).crlf(true).size_limit(MAX_PATTERN).build().map_err(invalid)?;
        let limit = most(limit, MAX_RESULTS);
        let mut found = Vec::new();
        for path in self.matching(glob)? {
            if found.len() >= limit {
                break;
            }
            // Cheaper than `admit`: only what matches is looked through for secrets.
            let Ok(file) = self.tree.read_text(&path) else { continue };
            if !regex.is_match(&file.text) || deepcoder_workspace::contains_secret(&file.text) {
                continue;
            }
            let ranges = lines(&regex, &file.text, limit - found.len());
            found.extend(ranges.into_iter().filter_map(|r| cut(&file, r, format!("search:{pattern}"))));
        }
        Ok(found)
    }

    /// Definitions whose name contains `query`, exact names first, at most `limit`.
    pub fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        let found = self.definitions(query, most(limit, MAX_RESULTS), &Cancel::new());
        let found = found.map_err(|error| plugin_error(&error))?;
        let symbol = |(file, raw): (TextFile, RawSymbol)| Symbol {
            name: raw.qualified,
            kind: raw.kind.to_owned(),
            path: file.path,
            range: raw.range,
        };
        Ok(found.into_iter().map(symbol).collect())
    }

    /// Definitions by a part of their name (`method`, `Class.method` or `Class::method`), exact ones first.
    pub(crate) fn definitions(
        &self,
        query: &str,
        limit: usize,
        cancel: &Cancel,
    ) -> Result<Vec<(TextFile, RawSymbol)>, GatherError> {
        let query = query.trim().replace("::", ".");
        let last = query.rsplit('.').next().unwrap_or_default().to_lowercase();
        let Some(mentions) = Regex::new(&format!("(?i){}", regex::escape(&last))).ok().filter(|_| !last.is_empty())
        else {
            return Ok(Vec::new());
        };
        let wanted = query.to_lowercase();
        let mut found: Vec<(u8, TextFile, RawSymbol)> = Vec::new();
        for path in self.tree.files()? {
            cancel.check()?;
            let Some(language) = Language::program(&path) else { continue };
            let Ok(file) = self.tree.read_text(&path) else { continue };
            // Parsing is what takes the time.
            if !mentions.is_match(&file.text) {
                continue;
            }
            let rank = |s: &RawSymbol| match (s.name == query || s.qualified == query, &s.qualified.to_lowercase()) {
                (true, _) => Some(0),
                (_, name) if s.name.to_lowercase() == wanted || *name == wanted => Some(1),
                (_, name)
                    if s.name.to_lowercase().contains(&wanted) || name.contains(&wanted) && wanted.contains('.') =>
                {
                    Some(2)
                }
                _ => None,
            };
            let hits: Vec<_> = symbols(language, &file.text).into_iter().filter_map(|s| Some((rank(&s)?, s))).collect();
            if hits.is_empty() || deepcoder_workspace::contains_secret(&file.text) {
                continue;
            }
            found.extend(hits.into_iter().map(|(rank, s)| (rank, file.clone(), s)));
            // Stable, so that within a rank the order of the paths stays; cut now and then to keep memory small.
            if found.len() > limit.saturating_mul(4) {
                found.sort_by_key(|(rank, ..)| *rank);
                found.truncate(limit);
            }
        }
        found.sort_by_key(|(rank, ..)| *rank);
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, file, symbol)| (file, symbol)).collect())
    }

    fn matching(&self, glob: &str) -> Result<impl Iterator<Item = RepoPath> + use<>, PluginError> {
        let matcher = matcher(glob)?;
        let listed = self.listed()?;
        let matches = |p: &&RepoPath| matcher.as_ref().is_none_or(|m| p.as_str() == glob || m.is_match(p.as_str()));
        let files: Vec<RepoPath> = listed.iter().map(|(path, _)| path).filter(matches).cloned().collect();
        Ok(files.into_iter())
    }

    /// The files that a model may see, with their stamps.
    fn listed(&self) -> Result<Arc<Vec<Listed>>, PluginError> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listed) = &*listed {
            return Ok(Arc::clone(listed));
        }
        let found = Arc::new(self.tree.stamped_files().map_err(|error| unsearchable(&error.into()))?);
        *listed = Some(Arc::clone(&found));
        Ok(found)
    }
}

fn matcher(glob: &str) -> Result<Option<GlobMatcher>, PluginError> {
    if glob.is_empty() {
        return Ok(None);
    }
    deepcoder_types::check_glob(glob)
        .map_err(|why| PluginError::new(ErrorCode::Invalid, format!("this is not a glob: {why}")))?;
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    built
        .map(|g| Some(g.compile_matcher()))
        .map_err(|error| PluginError::new(ErrorCode::Invalid, format!("`{glob}` is not a glob: {}", error.kind())))
}

/// The lines that matches begin in, each once, without their line endings.
fn lines(regex: &Regex, text: &str, limit: usize) -> Vec<TextRange> {
    let mut out: Vec<TextRange> = Vec::new();
    let mut shown_to = 0;
    for found in regex.find_iter(text) {
        if out.len() >= limit {
            break;
        }
        if found.start() < shown_to {
            continue;
        }
        let line_start = text[..found.start()].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[found.start()..].find('\n').map_or(text.len(), |at| found.start() + at);
        shown_to = line_end + 1;
        let (mut start, mut end) = (line_start, line_end);
        if end - start > MAX_LINE {
            start = start.max(found.start().saturating_sub(MAX_LINE / 2));
            end = end.min(found.start() + MAX_LINE / 2);
            while !text.is_char_boundary(start) {
                start += 1;
            }
            while !text.is_char_boundary(end) {
                end -= 1;
            }
        }
        let end = start + text[start..end].trim_end_matches('\r').len();
        out.push(TextRange::new(offset(start), offset(end)));
    }
    out
}

fn most(limit: u32, cap: usize) -> usize {
    usize::try_from(limit).unwrap_or(cap).min(cap)
}

fn unsearchable(error: &SearchError) -> PluginError {
    match error {
        SearchError::Cancelled(_) => PluginError::cancelled(),
        SearchError::List(error) => PluginError::new(ErrorCode::Unavailable, error.to_string()),
    }
}

fn plugin_error(error: &GatherError) -> PluginError {
    let code = match error {
        GatherError::Read(ReadError::Missing { .. }) => ErrorCode::NotFound,
        GatherError::Ignored(_) | GatherError::SecretFile(_) | GatherError::SecretText { .. } => ErrorCode::Denied,
        GatherError::Read(ReadError::Symlink { .. }) => ErrorCode::Denied,
        GatherError::TooLarge { .. } => ErrorCode::Budget,
        GatherError::Cancelled(_) => ErrorCode::Cancelled,
        GatherError::Read(_) | GatherError::Selection { .. } => ErrorCode::Invalid,
        GatherError::List(_) | GatherError::Count(_) => ErrorCode::Unavailable,
    };
    let mut out = PluginError::new(code, error.to_string());
    out.hint = error.hint();
    out
}
