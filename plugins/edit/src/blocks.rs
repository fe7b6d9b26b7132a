//! SEARCH/REPLACE blocks and unified diffs: for files that are too large to be written anew.

use crate::ask::{Question, ask};
use crate::guard::doubt;
use crate::target::{Base, language_tag, shown};
use crate::work::{Edited, Work, refused};
use deepcoder_edit::formats::{FormatError, fenced::same_file, locate::Fit, patch, search_replace};
use deepcoder_plugin_api::{Level, PluginError, fill};
use deepcoder_types::{Message, RepoPath};

const SEARCH_REPLACE: &str = include_str!("../prompts/search-replace.md");
const DIFF: &str = include_str!("../prompts/diff.md");
/// Tokens for the blocks.
const TOKENS: u32 = 2_048;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SEARCH/REPLACE blocks.
    SearchReplace,
    /// A unified diff.
    Diff,
}

/// The file with the blocks that the model wrote.
pub(crate) fn edit(work: &Work<'_>, path: &RepoPath, base: &Base, kind: Kind) -> Result<Edited, PluginError> {
    let template = if kind == Kind::Diff { DIFF } else { SEARCH_REPLACE };
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
    let answer = question.prefill.clone() + &ask(work.host, &question, attempt)?;
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
        Kind::SearchReplace => format!("{path}\n```{}\n<<<<<<< SEARCH\n", language_tag(path)),
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
        return Ok(Edited { text: patch::apply(old, &hunks)?, notes: Vec::new(), doubt: None });
    }
    let blocks = search_replace::parse(answer)?;
    blocks.iter().try_for_each(|b| ours(b.path.as_deref()))?;
    let applied = search_replace::apply(old, &blocks)?;
    let notes = match applied.fits.iter().max() {
        Some(Fit::TrailingSpace) => vec!["matched without regard to blanks at line ends".to_owned()],
        Some(Fit::Indentation) => vec!["matched with another indentation".to_owned()],
        Some(Fit::Typography) => vec!["matched with plain instead of typographic characters".to_owned()],
        _ => Vec::new(),
    };
    Ok(Edited { text: applied.text, notes, doubt: None })
}
