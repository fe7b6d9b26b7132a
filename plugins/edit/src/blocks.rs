//! SEARCH/REPLACE blocks, unified diffs and patches: for files that are too large to be written anew.

use crate::ask::{Question, ask};
use crate::guard::doubt;
use crate::search::{self, Blocks};
use crate::target::{Base, shown};
use crate::work::{Edited, Work, refused};
use deepcoder_edit::formats::envelope::{self, FileOp};
use deepcoder_edit::formats::{Applied, FormatError, fenced::same_file, patch, search_replace};
use deepcoder_plugin_api::{Level, PluginError, fill};
use deepcoder_syntax::fence_tag;
use deepcoder_types::{Message, RepoPath};

const SEARCH_REPLACE: &str = include_str!("../prompts/search-replace.md");
const DIFF: &str = include_str!("../prompts/diff.md");
const PATCH: &str = include_str!("../prompts/patch.md");
/// Tokens for the blocks.
const TOKENS: u32 = 2_048;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SEARCH/REPLACE blocks.
    SearchReplace,
    /// A unified diff.
    Diff,
    /// The format of `apply_patch`.
    Patch,
}

/// The file with the blocks that the model wrote.
pub(crate) fn edit(work: &Work<'_>, path: &RepoPath, base: &Base, kind: Kind) -> Result<Edited, PluginError> {
    let template = match kind {
        Kind::SearchReplace => SEARCH_REPLACE,
        Kind::Diff => DIFF,
        Kind::Patch => PATCH,
    };
    let file = shown(path, &base.text);
    let messages = work.fitted(
        &|context| {
            let instruction = work.instruction.prompt.trim();
            let values =
                [("context", context), ("file", file.as_str()), ("path", path.as_str()), ("instruction", instruction)];
            vec![Message::user(fill(template, &values))]
        },
        TOKENS / 4,
    )?;
    let mut question = Question {
        messages,
        prefill: prefill(path, kind),
        stop: if kind == Kind::Diff { vec!["\n```".to_owned()] } else { Vec::new() },
        draft: Some(base.text.replace("\r\n", "\n")),
        tokens: 64..work.options.max_tokens.unwrap_or(TOKENS),
    };
    let attempt = work.first_attempt();
    let first = if kind == Kind::SearchReplace {
        match search::edit(work, base, &question)? {
            Ok(Blocks::Text(text)) => {
                let doubt = doubt(path, &base.text, &text, &work.instruction.prompt);
                return Ok(Edited { text, notes: Vec::new(), doubt });
            }
            Ok(Blocks::Answer(answer)) => answer,
            Err(error) => return Err(refused(path, &error)),
        }
    } else {
        ask(work.host, &question, attempt)?
    };
    let answer = question.prefill.clone() + &first;
    let edited = match read(path, &base.text, &answer, kind) {
        Ok(edited) => edited,
        Err(error) => {
            work.host.log(Level::Info, &format!("`{path}`: {error}; asking again"));
            let answer = match halves(&answer, &error) {
                Some(half) => {
                    question.prefill = half;
                    question.stop = vec!["\n>>>>>>>".to_owned()];
                    let second = ask(work.host, &question, attempt)?;
                    [&question.prefill, second.trim_end(), "\n>>>>>>> REPLACE\n"].concat()
                }
                None => {
                    question.messages.push(Message::assistant(answer));
                    question.messages.push(Message::user(error.feedback()));
                    question.prefill.clone() + &ask(work.host, &question, attempt.next())?
                }
            };
            read(path, &base.text, &answer, kind).map_err(|error| refused(path, &error))?
        }
    };
    let doubt = doubt(path, &base.text, &edited.text, &work.instruction.prompt);
    Ok(Edited { doubt, ..edited })
}

fn prefill(path: &RepoPath, kind: Kind) -> String {
    match kind {
        Kind::Diff => format!("```diff\n--- a/{path}\n+++ b/{path}\n@@"),
        Kind::Patch => format!("*** Begin Patch\n*** Update File: {path}\n"),
        Kind::SearchReplace => format!("{path}\n```{}\n<<<<<<< SEARCH\n", fence_tag(path)),
    }
}

/// Small models go from the first half of a block to its end. The first half is good; they are only asked for the second.
fn halves(answer: &str, error: &FormatError) -> Option<String> {
    if !matches!(error, FormatError::Unfinished { wanted: "=======", .. }) {
        return None;
    }
    let (half, _) = answer.split_once("\n>>>>>>>")?;
    Some(format!("{half}\n=======\n"))
}

fn read(path: &RepoPath, old: &str, answer: &str, kind: Kind) -> Result<Edited, FormatError> {
    let ours = |name: Option<&str>| match name {
        Some(name) if !same_file(name, path.as_str()) => Err(FormatError::UnknownFile(name.to_owned())),
        _ => Ok(()),
    };
    if kind == Kind::Diff {
        let mut hunks = Vec::new();
        for file in patch::parse(answer)? {
            ours(file.new.as_deref().or(file.old.as_deref()))?;
            hunks.extend(file.hunks);
        }
        return Ok(edited(patch::apply(old, &hunks)?));
    }
    if kind == Kind::Patch {
        let mut all = Vec::new();
        for op in envelope::parse(answer)? {
            match op {
                FileOp::Update { path, moved: None, chunks } => {
                    ours(Some(&path))?;
                    all.extend(chunks);
                }
                // The plugin edits the files that it was given; it neither adds nor moves nor removes any.
                FileOp::Add { path, .. } | FileOp::Delete { path } | FileOp::Update { path, .. } => {
                    return Err(FormatError::UnknownFile(path));
                }
            }
        }
        return Ok(edited(envelope::apply(old, &all)?));
    }
    let blocks = search_replace::parse(answer)?;
    blocks.iter().try_for_each(|b| ours(b.path.as_deref()))?;
    Ok(edited(search_replace::apply(old, &blocks)?))
}

fn edited(applied: Applied) -> Edited {
    let notes = applied.notes();
    Edited { text: applied.text, notes, doubt: None }
}
