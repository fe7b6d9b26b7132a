//! The parts that all formats share: the request, the model, and the context that fits.

use crate::ask::{Attempt, room, too_large};
use crate::narrow::{Sentence, constraint, sentence};
use crate::options::Options;
use crate::target::{Target, ended, shown};
use crate::units::{is_named, units};
use deepcoder_edit::formats::FormatError;
use deepcoder_plugin_api::{ErrorCode, Host, Level, PluginError};
use deepcoder_types::{Constraint, ContextBundle, Hint as _, Instruction, Message, RepoPath, Snippet};

/// One run.
pub(crate) struct Work<'a> {
    /// The user's instruction.
    pub instruction: &'a Instruction,
    /// Its options.
    pub options: Options,
    /// The program.
    pub host: &'a dyn Host,
    /// Whether only one file is edited: then an answer that changes nothing is more likely a failure than the truth.
    pub(crate) sole: bool,
    /// All that the instruction may change, where that is certain.
    pub constraint: Option<Constraint>,
    /// What it says, where it is about documentation, comments or type hints.
    pub sentence: Option<Sentence>,
    /// The context beside the file, most important first, each ready to be put into a prompt.
    pub context: Vec<(RepoPath, String)>,
}

/// Whether a snippet is one of many of its file.
fn in_pieces(snippet: &Snippet) -> bool {
    snippet.origin == "outline" || snippet.origin.starts_with("symbol:")
}

/// The new text of a file.
#[derive(Debug, Clone)]
pub(crate) struct Edited {
    /// The text, with the file's own line endings.
    pub text: String,
    /// Notes for the user on how it was made.
    pub notes: Vec<String>,
    /// Why a person should look at it first.
    pub doubt: Option<String>,
}

impl<'a> Work<'a> {
    /// The work of `instruction`.
    pub(crate) fn new(
        instruction: &'a Instruction,
        options: Options,
        context: &ContextBundle,
        targets: &[Target],
        host: &'a dyn Host,
    ) -> Self {
        let is_target = |path: &RepoPath| targets.iter().any(|t| t.path == *path);
        // An instruction about comments, annotations or layout needs no other file, and small models copy what they see.
        let defined = |name: &str| {
            let bases = targets.iter().filter_map(|target| Some((&target.path, target.base.as_ref()?)));
            bases.into_iter().any(|(path, base)| units(path, &base.text).iter().any(|unit| is_named(unit, name)))
        };
        // `document f` is about a definition only where there is one.
        let sentence = sentence(&instruction.prompt).filter(|s| s.certain || s.name.as_deref().is_some_and(defined));
        let constraint = sentence.as_ref().map(Sentence::constraint).or_else(|| constraint(&instruction.prompt));
        let narrow = constraint.is_some();
        let wanted = |s: &&Snippet| !(is_target(&s.path) || (narrow && in_pieces(s)));
        let others: Vec<&Snippet> = context.snippets.iter().filter(wanted).collect();
        // The pieces of one file stand in one fence.
        let pieces = others.chunk_by(|a, b| a.path == b.path && in_pieces(a) && in_pieces(b));
        let shared = pieces.filter_map(|pieces| {
            let path = &pieces.first()?.path;
            let text: String = pieces.iter().map(|s| ended(&s.text)).collect();
            Some((path.clone(), shown(path, &text)))
        });
        let (sole, context) = (targets.len() == 1, shared.collect());
        Self { instruction, options, host, sole, constraint, sentence, context }
    }

    /// The first attempt.
    pub(crate) fn first_attempt(&self) -> Attempt {
        Attempt { number: 0, seed: self.instruction.seed, temperature: self.options.temperature }
    }

    /// The same work with the context for `path`, which does not show the file itself a second time.
    pub(crate) fn about(&self, path: &RepoPath) -> Work<'a> {
        let context = self.context.iter().filter(|(p, _)| p != path).cloned().collect();
        self.with(self.sole, context)
    }

    /// The same work for one of many parts, of which some may well need no change.
    pub(crate) fn for_each(&self) -> Work<'a> {
        self.with(false, self.context.clone())
    }

    fn with(&self, sole: bool, context: Vec<(RepoPath, String)>) -> Work<'a> {
        Work {
            instruction: self.instruction,
            options: self.options.clone(),
            host: self.host,
            sole,
            constraint: self.constraint.clone(),
            sentence: self.sentence.clone(),
            context,
        }
    }

    /// The messages that `build` makes of the context, with as much of the context as leaves `needed` tokens for the
    /// answer. Parts that are left out are logged.
    pub(crate) fn fitted(
        &self,
        build: &dyn Fn(&str) -> Vec<Message>,
        needed: u32,
    ) -> Result<Vec<Message>, PluginError> {
        for count in (0..=self.context.len()).rev() {
            let mut messages = build(&self.joined(count));
            // The newline at the end of a prompt's file is not part of the prompt.
            messages.iter_mut().for_each(|m| m.content.truncate(m.content.trim_end().len()));
            let room = room(self.host, &messages)?;
            if room >= needed {
                for (path, _) in &self.context[count..] {
                    let note = format!("`{path}` is left out of the context: it does not fit the model");
                    self.host.log(Level::Warn, &note);
                }
                return Ok(messages);
            }
            if count == 0 {
                return Err(too_large(needed, room));
            }
        }
        Err(too_large(needed, 0))
    }

    fn joined(&self, count: usize) -> String {
        if count == 0 {
            return String::new();
        }
        let texts: Vec<&str> = self.context[..count].iter().map(|(_, text)| text.as_str()).collect();
        format!("These files are for reference only. Do not edit them.\n\n{}\n", texts.join("\n"))
    }

    /// The findings about `path` or about everything, as a list.
    pub(crate) fn findings(&self, path: &RepoPath) -> String {
        let all = self.options.repair.iter().flat_map(|r| &r.findings);
        let ours = all.filter(|f| f.path.as_ref().is_none_or(|p| p == path));
        ours.map(|f| format!("- {}\n", f.message)).collect()
    }
}

/// The error of an answer that is no edit of `path`.
pub(crate) fn refused(path: &RepoPath, error: &FormatError) -> PluginError {
    let refused = PluginError::new(ErrorCode::Invalid, format!("`{path}`: {error}"));
    match error.hint() {
        Some(hint) => refused.with_hint(hint),
        None => refused,
    }
}
