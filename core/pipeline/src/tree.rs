//! What a run works on: a work tree, or one text that is in none.

use crate::error::RunError;
use crate::marks::Marks;
use deepcoder_context::{Choice, Context};
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_types::{
    Cancel, ContentHash, ContextBundle, ContextRequest, FileImage, GenerateError, Instruction, RepoPath, Snippet,
    Symbol, TextRange,
};
use deepcoder_verify::Project;
use deepcoder_workspace::{ReadError, Workspace};

/// What a run works on.
pub(crate) enum Tree<'a> {
    /// A repository's work tree.
    Work(&'a Workspace),
    /// A buffer of an editor, a file outside a repository, a task of a benchmark.
    Text {
        /// Its name.
        path: RepoPath,
        /// All of it.
        text: String,
    },
}

/// A [`Tree`] opened for one run.
pub(crate) enum View<'a> {
    Work { workspace: &'a Workspace, context: Context, marks: &'a Marks },
    Text { path: &'a RepoPath, text: &'a str },
}

/// A context bundle, and what was left out of it.
pub(crate) struct Gathered {
    pub(crate) bundle: ContextBundle,
    pub(crate) notes: Vec<String>,
}

impl Tree<'_> {
    /// The comments that asked for the run.
    pub(crate) fn marks(&self, instruction: &Instruction) -> Result<Marks, RunError> {
        match self {
            Tree::Work(workspace) => Marks::read(workspace, instruction),
            Tree::Text { .. } => Ok(Marks::default()),
        }
    }

    pub(crate) fn view<'v>(&'v self, marks: &'v Marks) -> View<'v> {
        match self {
            Tree::Work(workspace) => {
                View::Work { workspace, context: Context::new(workspace).with_texts(marks.texts()), marks }
            }
            Tree::Text { path, text } => View::Text { path, text },
        }
    }
}

impl View<'_> {
    /// The files that `prompt` is about: for an edit as few as it means, otherwise up to `limit`.
    pub(crate) fn choose(&self, prompt: &str, edit: bool, limit: usize, cancel: &Cancel) -> Result<Choice, RunError> {
        match self {
            View::Work { context, .. } if edit => Ok(context.choose(prompt, cancel)?),
            View::Work { context, .. } => {
                Ok(Choice { targets: context.find_targets(prompt, limit, cancel)?, spare: Vec::new() })
            }
            View::Text { path, .. } => Ok(Choice { targets: vec![(*path).clone()], spare: Vec::new() }),
        }
    }

    pub(crate) fn gather(
        &self,
        instruction: &Instruction,
        others: &[RepoPath],
        request: &ContextRequest,
        count: &dyn Fn(&str) -> Result<u32, GenerateError>,
        cancel: &Cancel,
    ) -> Result<Gathered, RunError> {
        match self {
            // A plugin that wants nothing gathered reads what it needs itself.
            _ if request.token_budget == 0 => Ok(Gathered { bundle: ContextBundle::default(), notes: Vec::new() }),
            View::Work { context, .. } => {
                let gathered = context.gather_beside(instruction, others, request, count, cancel)?;
                Ok(Gathered { bundle: gathered.bundle, notes: gathered.notes })
            }
            View::Text { .. } => {
                let mut snippets = Vec::new();
                for target in &instruction.targets {
                    snippets.push(Snippet { origin: "target".into(), ..self.read_file(target)? });
                }
                let snapshot = snippets.iter().map(|snippet| snippet.file_hash.to_string()).collect();
                let token_budget = request.token_budget;
                Ok(Gathered { bundle: ContextBundle { snapshot, snippets, token_budget }, notes: Vec::new() })
            }
        }
    }

    /// The bytes that are there now, without the comments that asked for the run.
    pub(crate) fn image(&self, wanted: &RepoPath) -> Result<Option<FileImage>, String> {
        match self {
            View::Work { workspace, marks, .. } => match marks.image(wanted).map_or_else(|| workspace.read(wanted), Ok)
            {
                Ok(image) => Ok(Some(image)),
                Err(ReadError::Missing { .. }) => Ok(None),
                Err(error) => Err(error.to_string()),
            },
            View::Text { path, text } => {
                Ok((wanted == *path).then(|| FileImage { bytes: text.as_bytes().to_vec(), mode: None }))
            }
        }
    }

    pub(crate) fn read_file(&self, wanted: &RepoPath) -> Result<Snippet, PluginError> {
        match self {
            View::Work { context, .. } => context.read_file(wanted),
            View::Text { path, text } if wanted == *path => {
                let end = u32::try_from(text.len())
                    .map_err(|_| PluginError::new(ErrorCode::Invalid, format!("`{path}` is too large")))?;
                Ok(Snippet {
                    path: (*path).clone(),
                    range: TextRange::new(0, end),
                    text: (*text).to_owned(),
                    file_hash: ContentHash::of(text.as_bytes()),
                    origin: "read".into(),
                })
            }
            View::Text { .. } => Err(PluginError::new(ErrorCode::NotFound, format!("`{wanted}` does not exist"))),
        }
    }

    pub(crate) fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        match self {
            View::Work { context, .. } => context.list_files(glob, limit),
            View::Text { .. } => Ok(Vec::new()),
        }
    }

    pub(crate) fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        match self {
            View::Work { context, .. } => context.search_text(pattern, glob, limit),
            View::Text { .. } => Ok(Vec::new()),
        }
    }

    pub(crate) fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        match self {
            View::Work { context, .. } => context.search_symbols(query, limit),
            View::Text { .. } => Ok(Vec::new()),
        }
    }
}

impl Project for View<'_> {
    fn text(&self, wanted: &RepoPath) -> Option<String> {
        self.read_file(wanted).ok().map(|snippet| snippet.text)
    }

    fn files(&self) -> Vec<RepoPath> {
        match self {
            View::Work { workspace, .. } => workspace.files().unwrap_or_default(),
            View::Text { path, .. } => vec![(*path).clone()],
        }
    }
}
