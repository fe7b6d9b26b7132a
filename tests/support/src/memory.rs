//! A tree in memory, as the host of a plugin.

use crate::FakeModel;
use deepcoder_plugin_api::{ErrorCode, Host, Level, ModelGrant, PluginError};
use deepcoder_types::{
    Cancel, ContentHash, ContextBundle, ContextRequest, FileImage, FinishReason, GenerateRequest, Generation,
    LanguageModel as _, ModelInfo, RepoPath, Snippet, Symbol, TextRange, TokenEvent,
};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Files by path.
pub type Tree = BTreeMap<RepoPath, Vec<u8>>;

/// Serves a tree and a scripted model. Every call is counted, and the user can cancel at any of them.
pub struct MemoryHost<'a> {
    tree: &'a Tree,
    model: &'a FakeModel,
    grant: ModelGrant,
    cancel_at: Option<usize>,
    state: Mutex<State>,
    cancel: Cancel,
}

#[derive(Default)]
struct State {
    calls: usize,
    generations: u32,
    tokens: u32,
    log: Vec<(Level, String)>,
}

impl<'a> MemoryHost<'a> {
    /// A host that grants what `grant` says.
    #[must_use]
    pub fn new(tree: &'a Tree, model: &'a FakeModel, grant: ModelGrant) -> Self {
        Self { tree, model, grant, cancel_at: None, state: Mutex::default(), cancel: Cancel::new() }
    }

    /// The user cancels when call number `index` (from 0) begins.
    #[must_use]
    pub fn cancelling_at(mut self, index: usize) -> Self {
        self.cancel_at = Some(index);
        self
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// What was logged.
    #[must_use]
    pub fn log_lines(&self) -> Vec<(Level, String)> {
        self.state().log.clone()
    }

    /// What a context builder would gather: the files that match, whole.
    #[must_use]
    pub fn bundle(&self, request: &ContextRequest) -> ContextBundle {
        let wanted = |path: &&RepoPath| request.globs.iter().any(|g| matches(g, path));
        let snippets = self.tree.keys().filter(wanted).filter_map(|p| self.snippet(p, "target").ok()).collect();
        ContextBundle { snapshot: "memory".into(), snippets, token_budget: request.token_budget }
    }

    /// A file as [`deepcoder_edit::materialise`] wants it.
    #[must_use]
    pub fn image(&self, path: &RepoPath) -> Option<FileImage> {
        self.tree.get(path).map(|bytes| FileImage { bytes: bytes.clone(), mode: Some(0o644) })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn call(&self) -> Result<(), PluginError> {
        let mut state = self.state();
        if self.cancel_at == Some(state.calls) {
            self.cancel.cancel();
        }
        state.calls += 1;
        if self.cancel.is_cancelled() { Err(PluginError::cancelled()) } else { Ok(()) }
    }

    fn snippet(&self, path: &RepoPath, origin: &str) -> Result<Snippet, PluginError> {
        let missing = || PluginError::new(ErrorCode::NotFound, format!("`{path}` does not exist"));
        let bytes = self.tree.get(path).ok_or_else(missing)?;
        let text = String::from_utf8(bytes.clone())
            .map_err(|_| PluginError::new(ErrorCode::Invalid, format!("`{path}` is not UTF-8 text")))?;
        Ok(Snippet {
            path: path.clone(),
            range: TextRange::new(0, u32::try_from(text.len()).unwrap_or(u32::MAX)),
            file_hash: ContentHash::of(bytes),
            text,
            origin: origin.to_owned(),
        })
    }

    fn texts(&self, glob: &str) -> impl Iterator<Item = Snippet> {
        let paths: Vec<&RepoPath> = self.tree.keys().filter(|p| matches(glob, p)).collect();
        paths.into_iter().filter_map(|p| self.snippet(p, "search").ok())
    }
}

fn matches(glob: &str, path: &RepoPath) -> bool {
    globset::Glob::new(glob).is_ok_and(|g| g.compile_matcher().is_match(path.as_str()))
}

impl Host for MemoryHost<'_> {
    fn model(&self) -> Result<ModelInfo, PluginError> {
        self.call()?;
        Ok(self.model.info().clone())
    }

    fn count_tokens(&self, text: &str) -> Result<u32, PluginError> {
        self.call()?;
        Ok(self.model.count_tokens(text)?)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, PluginError> {
        self.call()?;
        {
            let mut state = self.state();
            state.generations += 1;
            if state.generations > self.grant.max_calls || state.tokens >= self.grant.max_tokens {
                return Err(PluginError::new(ErrorCode::Budget, "the grant of the plugin is used up"));
            }
        }
        let generation = self.model.generate(request, &self.cancel, on_token)?;
        self.state().tokens += generation.usage.completion_tokens;
        match generation.finish {
            FinishReason::Cancelled => Err(PluginError::cancelled()),
            _ => Ok(generation),
        }
    }

    fn read_file(&self, path: &RepoPath) -> Result<Snippet, PluginError> {
        self.call()?;
        self.snippet(path, "read")
    }

    fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        self.call()?;
        Ok(self.tree.keys().filter(|p| matches(glob, p)).take(limit as usize).cloned().collect())
    }

    fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        self.call()?;
        let regex = regex::Regex::new(pattern).map_err(|e| PluginError::new(ErrorCode::Invalid, e.to_string()))?;
        let mut out = Vec::new();
        for file in self.texts(glob) {
            let mut at = 0u32;
            for line in file.text.split_inclusive('\n') {
                let end = at + u32::try_from(line.len()).unwrap_or(u32::MAX);
                if regex.is_match(line.trim_end()) && out.len() < limit as usize {
                    out.push(Snippet { range: TextRange::new(at, end), text: line.to_owned(), ..file.clone() });
                }
                at = end;
            }
        }
        Ok(out)
    }

    /// Knows functions and classes of Python only, and takes the indented lines below as theirs.
    fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        self.call()?;
        let mut out = Vec::new();
        for file in self.texts("**") {
            let mut at = 0;
            for line in file.text.split_inclusive('\n') {
                let start = at;
                at += line.len();
                let body = line.trim_start();
                let Some((kind, rest)) = body.split_once(' ').filter(|(k, _)| matches!(*k, "def" | "class")) else {
                    continue;
                };
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.contains(query) {
                    continue;
                }
                let indent = line.len() - body.len();
                let deeper = |l: &&str| l.trim().is_empty() || l.len() - l.trim_start().len() > indent;
                let size: usize = file.text[at..].split_inclusive('\n').take_while(deeper).map(str::len).sum();
                let end = start + file.text[start..at + size].trim_end().len();
                let range = TextRange::new(u32::try_from(start).unwrap_or(0), u32::try_from(end).unwrap_or(0));
                out.push(Symbol {
                    name,
                    kind: if kind == "def" { "function" } else { "class" }.into(),
                    path: file.path.clone(),
                    range,
                });
            }
        }
        out.sort_by_key(|s| s.name != query);
        out.truncate(limit as usize);
        Ok(out)
    }

    fn run_check(&self, id: &str) -> Result<String, PluginError> {
        self.call()?;
        Err(PluginError::new(ErrorCode::NotFound, format!("there is no check `{id}`")))
    }

    fn cancelled(&self) -> bool {
        self.call().is_err()
    }

    fn progress(&self, _: &str, _: Option<f32>) {
        let _ = self.call();
    }

    fn log(&self, level: Level, message: &str) {
        let _ = self.call();
        self.state().log.push((level, message.to_owned()));
    }
}
