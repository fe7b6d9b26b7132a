//! Codemod: what matches a pattern becomes something else, wherever it stands.
//!
//! A person who wrote the pattern asked for every match. What is checked is whether the code still means what it says: every
//! inserted name is declared, no name is captured, captured code stays in one piece, and no comment is lost. A file whose
//! result would not parse is left out.

mod judge;

use crate::{Changes, CodemodRequest, Refusal};
use deepcoder_codemod::{Codemod, Match};
use deepcoder_edit::LineEnding;
use deepcoder_resolve::{Files, Project};
use deepcoder_syntax::{Language, LanguageKind, errors};
use deepcoder_types::{Hint, RepoPath, TextRange, check_glob};
use globset::{Glob, GlobMatcher};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The matches by file.
pub(super) type Found = BTreeMap<RepoPath, Vec<Match>>;

/// Why a codemod changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum CodemodError {
    #[error("`{0}` is not a glob")]
    Glob(String),
    #[error("`{0}` is no file, directory or glob with files of this repository")]
    Nothing(String),
    #[error("a template needs the files or the language that it is about")]
    Where,
    #[error("it matches code of several languages: {}", .0.join(", "))]
    Languages(Vec<&'static str>),
    #[error("no result of it would parse; the first is in `{0}`")]
    Syntax(RepoPath),
}

impl Hint for CodemodError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Glob(_) | Self::Nothing(_) => "write a path or a glob, such as src/**/*.py".to_owned(),
            Self::Where => "name them behind the replacement, or add --language NAME".to_owned(),
            Self::Languages(names) => format!("name one: --language {}", names.first().copied().unwrap_or("python")),
            Self::Syntax(_) => "nothing was changed; the replacement does not fit where the pattern matches".to_owned(),
        })
    }
}

pub(super) fn codemod(project: &Project<'_>, request: &CodemodRequest) -> Result<Changes, Refusal> {
    let codemod = Codemod::new(&request.source, request.language).map_err(|error| Refusal::of(&error))?;
    if codemod.is_template() && request.language.is_none() && request.files.is_empty() {
        return Err(Refusal::of(&CodemodError::Where));
    }
    let files = chosen(project.files(), &codemod, request)?;
    let mut changes = Changes::default();
    let mut found = Found::new();
    for path in files {
        let Some(text) = project.files().text(&path) else {
            // Files that are no text have no matches.
            continue;
        };
        match codemod.matches(&path, language_of(&codemod, request, &path), &text) {
            Some(mut matches) => {
                matches.truncate(request.most.unwrap_or(usize::MAX));
                if !matches.is_empty() {
                    found.insert(path, matches);
                }
            }
            None => changes.doubt(&path, TextRange::new(0, 0), "this file is too large to be searched"),
        }
    }
    if request.language.is_none() && request.files.is_empty() {
        one_language(&found)?;
    }
    let broken = leave_out_broken(project.files(), &mut found);
    if let (true, Some(first)) = (found.is_empty(), broken.first()) {
        return Err(Refusal::of(&CodemodError::Syntax(first.clone())));
    }
    if found.is_empty() {
        // Nobody needs to look at files that are not changed.
        return Ok(Changes::default());
    }
    for path in broken {
        changes.doubt(&path, TextRange::new(0, 0), "left out: the result would not parse");
    }
    for (path, matches) in &found {
        for one in matches {
            changes.replace(path, one.range, one.replacement.clone());
        }
    }
    if let (true, Some((path, first))) = (request.learned, found.iter().find_map(|(p, all)| Some((p, all.first()?)))) {
        let count: usize = found.values().map(Vec::len).sum();
        changes.doubt(path, first.range, format!("the pattern was learned from an edit: look at its {count} matches"));
    }
    changes.settle(project.files());
    judge::judge(project, &found, &mut changes)?;
    Ok(changes)
}

/// The language in which a file is read.
fn language_of(codemod: &Codemod, request: &CodemodRequest, path: &RepoPath) -> Option<Language> {
    let own = Language::of(path);
    let named = !request.files.is_empty();
    // A named file is read in the named language, whatever its name is.
    request.language.filter(|_| named || codemod.is_template()).or(own)
}

/// The files that may have matches.
fn chosen(files: &dyn Files, codemod: &Codemod, request: &CodemodRequest) -> Result<Vec<RepoPath>, Refusal> {
    let globs = request.files.iter().map(|typed| Named::new(typed, files)).collect::<Result<Vec<_>, _>>();
    let globs = globs.map_err(|error| Refusal::of(&error))?;
    let with_word: Option<BTreeSet<RepoPath>> = codemod.word().map(|word| files.mentions(&word).into_iter().collect());
    let wanted = |path: &&RepoPath| {
        let named = globs.iter().any(|glob| glob.names(path));
        let exactly = globs.iter().any(|glob| glob.path == path.as_str());
        let about = codemod.is_about(Language::of(path));
        with_word.as_ref().is_none_or(|with_word| with_word.contains(path))
            && if globs.is_empty() { about } else { named && (about || exactly || codemod.is_template()) }
    };
    Ok(files.paths().iter().filter(wanted).cloned().collect())
}

/// A file, a directory or a glob.
struct Named<'t> {
    path: &'t str,
    /// `None` for a file, whose name may look like a glob.
    glob: Option<GlobMatcher>,
}

impl<'t> Named<'t> {
    fn new(typed: &'t str, files: &dyn Files) -> Result<Self, CodemodError> {
        let path = typed.trim_start_matches("./").trim_end_matches('/');
        let mut named = Self { path, glob: None };
        if !files.paths().iter().any(|file| named.names(file)) {
            let wrong = || CodemodError::Glob(typed.to_owned());
            check_glob(path).map_err(|_| wrong())?;
            let glob = Glob::new(path).map_err(|_| wrong())?;
            named.glob = Some(glob.compile_matcher());
            if !files.paths().iter().any(|file| named.names(file)) {
                return Err(CodemodError::Nothing(typed.to_owned()));
            }
        }
        Ok(named)
    }

    fn names(&self, path: &RepoPath) -> bool {
        let below = path.as_str().strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let whole = matches!(self.path, "" | ".");
        whole || below || self.glob.as_ref().is_some_and(|glob| glob.is_match(path.as_str()))
    }
}

/// A pattern that is code of several languages was meant for one of them.
fn one_language(found: &Found) -> Result<(), Refusal> {
    let mut names: Vec<Language> = Vec::new();
    for language in found.keys().filter_map(Language::of) {
        if !names.iter().any(|known| known.is_related(language)) {
            names.push(language);
        }
    }
    let names = names.into_iter().map(Language::name).collect::<Vec<_>>();
    if names.len() > 1 { Err(Refusal::of(&CodemodError::Languages(names))) } else { Ok(()) }
}

/// Takes the files out whose result has an error that was not there before.
fn leave_out_broken(files: &dyn Files, found: &mut Found) -> Vec<RepoPath> {
    let mut broken = Vec::new();
    found.retain(|path, matches| {
        let language = Language::of(path).filter(|language| language.kind() == LanguageKind::Program);
        let (Some(language), Some(before)) = (language, files.text(path)) else { return true };
        let after = errors(language, &after(&before, matches)).len();
        let sound = after == 0 || after <= errors(language, &before).len();
        if !sound {
            broken.push(path.clone());
        }
        sound
    });
    broken
}

/// A text after the matches were replaced.
fn after(text: &str, matches: &[Match]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for one in matches {
        out.push_str(text.get(at..one.range.as_range().start).unwrap_or_default());
        out.push_str(&ended(text, &one.replacement));
        at = one.range.as_range().end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A replacement whose lines end as those of the text.
pub(super) fn ended<'r>(text: &str, replacement: &'r str) -> Cow<'r, str> {
    if !replacement.contains('\n') {
        return Cow::Borrowed(replacement);
    }
    Cow::Owned(replacement.replace("\r\n", "\n").replace('\n', LineEnding::dominant(text).as_str()))
}
