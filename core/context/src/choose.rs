//! Which files an edit is about where the user names none.

use crate::rank::{Ranked, names_path};
use crate::{Context, GatherError};
use deepcoder_syntax::is_file_extension;
use deepcoder_types::{Cancel, ChosenFile, RepoPath};

/// Files that are tried when the best ones cannot be used.
const SPARE: usize = 4;

/// The most files that one instruction is taken to mean.
const MAX_TARGETS: usize = 12;

/// An instruction that means many files means those with a score down to this part of the best one's.
const MANY: f64 = 5.0;

/// Why a file is chosen that does not exist.
const NEW: &str = "the instruction makes it";

/// The files that an edit is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// The files, best first. One, unless the instruction means more; it may not exist yet where the instruction makes it.
    pub targets: Vec<ChosenFile>,
    /// The next best files, to be tried where no target fits the model.
    pub spare: Vec<ChosenFile>,
}

impl Ranked {
    fn chosen(self) -> ChosenFile {
        ChosenFile { path: self.path, reason: self.reason }
    }
}

impl Context<'_> {
    /// The files that the edit `prompt` is about: those whose paths it has, those that it makes, or else the best match.
    pub fn choose(&self, prompt: &str, cancel: &Cancel) -> Result<Choice, GatherError> {
        let ranked = self.rank(prompt, MAX_TARGETS + SPARE, cancel)?;
        let named: Vec<ChosenFile> =
            ranked.iter().filter(|r| names_path(prompt, &r.path)).cloned().map(Ranked::chosen).collect();
        let new = self.new_files(prompt).into_iter().map(|path| ChosenFile { path, reason: NEW.to_owned() });
        let new: Vec<ChosenFile> = new.collect();
        if !named.is_empty() || !new.is_empty() {
            let targets = named.into_iter().chain(new).take(MAX_TARGETS).collect();
            return Ok(Choice { targets, spare: Vec::new() });
        }
        let best = ranked.first().map_or(0.0, |r| r.score);
        let count = if means_many(prompt) { ranked.iter().filter(|r| r.score * MANY >= best).count() } else { 1 };
        let mut paths = ranked.into_iter().map(Ranked::chosen);
        let targets = paths.by_ref().take(count.min(MAX_TARGETS)).collect();
        Ok(Choice { targets, spare: paths.take(SPARE).collect() })
    }

    /// The files that `prompt` is most likely about, at most `limit`.
    pub fn best(&self, prompt: &str, limit: usize, cancel: &Cancel) -> Result<Choice, GatherError> {
        let ranked = self.rank(prompt, limit, cancel)?;
        Ok(Choice { targets: ranked.into_iter().map(Ranked::chosen).collect(), spare: Vec::new() })
    }

    /// Paths in the prompt that do not exist, where it says that something is made or moved there.
    fn new_files(&self, prompt: &str) -> Vec<RepoPath> {
        const MAKES: [&str; 12] = [
            "create", "new", "make", "write", "generate", "start", "move", "extract", "split", "copy", "into", "called",
        ];
        let lower = prompt.to_lowercase();
        if !lower.split(|c: char| !c.is_alphanumeric()).any(|word| MAKES.contains(&word)) {
            return Vec::new();
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
        let mut out: Vec<RepoPath> = Vec::new();
        for word in prompt.split(|c: char| !is_part(c)).map(|w| w.trim_end_matches('.').trim_start_matches("./")) {
            let Some((bare, extension)) = word.rsplit_once('.') else { continue };
            let shaped = !bare.is_empty()
                && !bare.ends_with('/')
                && (1..=5).contains(&extension.len())
                && extension.starts_with(|c: char| c.is_ascii_lowercase())
                && (word.contains('/') || is_file_extension(extension));
            let Ok(path) = RepoPath::new(word) else { continue };
            if shaped && !self.tree.exists(&path) && !crate::rank::is_unsuited(&path) && !out.contains(&path) {
                out.push(path);
            }
        }
        out
    }
}

/// Whether the prompt means as many files as there are.
fn means_many(prompt: &str) -> bool {
    let lower = prompt.to_lowercase();
    let many = [
        "everywhere",
        "all files",
        "every file",
        "each file",
        "all modules",
        "every module",
        "each module",
        "all the files",
        "whole project",
        "whole repository",
        "entire project",
        "across the",
        "throughout the",
    ];
    many.iter().any(|words| lower.contains(words))
}
