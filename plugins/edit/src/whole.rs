//! The complete new file, or the complete new version of a part of it: the format that small models are best at. The old
//! text is given to the engine as a draft, so that what stays the same costs little.

use crate::ask::{Attempt, Question, ask};
use crate::guard::{doubt, mentions};
use crate::target::{Base, ended, language_tag, shown};
use crate::work::{Edited, Work};
use deepcoder_edit::formats::{FormatError, fenced, lazy, region};
use deepcoder_edit::{Adoption, adopt};
use deepcoder_plugin_api::{ErrorCode, Level, PluginError, fill};
use deepcoder_types::{Message, RepoPath};
use std::ops::Range;

const WHOLE: &str = include_str!("../prompts/whole.md");
const CREATE: &str = include_str!("../prompts/create.md");
const REGION: &str = include_str!("../prompts/region.md");
const AGAIN: &str = include_str!("../prompts/again.md");
const REPAIR: &str = include_str!("../prompts/repair.md");

/// Tokens for the first version of a new file.
const NEW_FILE_TOKENS: u32 = 4_096;

/// The file rewritten as a whole.
pub(crate) fn whole(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Edited, PluginError> {
    let prompt = |context: &str| {
        let file = shown(path, &base.text);
        fill(WHOLE, &[("context", context), ("file", &file), ("instruction", work.instruction.prompt.trim())])
    };
    let rewriting = Rewriting { path, old: &base.text, file: &base.text, range: 0..base.text.len() };
    rewriting.run(work, &prompt, None)
}

/// The lines `range` of the file rewritten.
pub(crate) fn part(work: &Work<'_>, path: &RepoPath, base: &Base, range: Range<usize>) -> Result<Edited, PluginError> {
    let old = &base.text[range.clone()];
    let prompt = |context: &str| {
        let outline = if base.outline.is_empty() {
            String::new()
        } else {
            format!(
                "These are signatures of other parts of the file, for reference only.\n\n{}\n",
                shown(path, &base.outline)
            )
        };
        let values = [
            ("context", context),
            ("outline", outline.as_str()),
            ("file", &shown(path, old)),
            ("instruction", work.instruction.prompt.trim()),
        ];
        fill(REGION, &values)
    };
    let rewriting = Rewriting { path, old, file: &base.text, range };
    rewriting.run(work, &prompt, None)
}

/// An earlier result corrected.
pub(crate) fn repair(work: &Work<'_>, path: &RepoPath, base: &Base, previous: &str) -> Result<Edited, PluginError> {
    let prompt = |context: &str| {
        let file = shown(path, &base.text);
        fill(WHOLE, &[("context", context), ("file", &file), ("instruction", work.instruction.prompt.trim())])
    };
    let rewriting = Rewriting { path, old: &base.text, file: &base.text, range: 0..base.text.len() };
    rewriting.run(work, &prompt, Some(previous))
}

/// A file that does not exist yet.
pub(crate) fn create(work: &Work<'_>, path: &RepoPath) -> Result<String, PluginError> {
    let fence = if language_tag(path) == "markdown" { "````" } else { "```" };
    let prompt = |context: &str| {
        let values = [("context", context), ("path", path.as_str()), ("instruction", work.instruction.prompt.trim())];
        fill(CREATE, &values)
    };
    let messages = work.fitted(&|context| vec![Message::user(prompt(context))], 512)?;
    let question = Question {
        messages,
        prefill: format!("{fence}{}\n", language_tag(path)),
        stop: vec![format!("\n{fence}")],
        draft: None,
        tokens: 64..work.options.max_tokens.unwrap_or(NEW_FILE_TOKENS),
    };
    let attempt = work.first_attempt();
    let mut text = ask(work.host, &question, attempt)?;
    if unusable(&text) {
        text = ask(work.host, &question, attempt.next())?;
    }
    if unusable(&text) {
        return Err(PluginError::new(ErrorCode::Unavailable, format!("the model wrote no text for `{path}`"))
            .with_hint("say in more words what the file is to hold, or use a larger model"));
    }
    Ok(ended(without_short_fence(&text, "")))
}

fn unusable(text: &str) -> bool {
    text.trim().trim_matches('`').trim().is_empty() || !lazy::markers(text, "").is_empty()
}

/// Lines of a file that are written anew.
struct Rewriting<'a> {
    path: &'a RepoPath,
    old: &'a str,
    file: &'a str,
    range: Range<usize>,
}

impl Rewriting<'_> {
    fn run(
        &self,
        work: &Work<'_>,
        prompt: &dyn Fn(&str) -> String,
        previous: Option<&str>,
    ) -> Result<Edited, PluginError> {
        let draft = ended(previous.unwrap_or(self.old));
        let fence = fenced::fence_for(&[self.old, previous.unwrap_or("")].join("\n"));
        let opening = format!("{fence}{}\n", language_tag(self.path));
        let size = work.host.count_tokens(&draft)?;
        let messages = work.fitted(
            &|context| {
                let mut messages = vec![Message::user(prompt(context))];
                if previous.is_some() {
                    messages.push(Message::assistant(format!("{opening}{draft}{fence}")));
                    messages.push(Message::user(fill(REPAIR, &[("findings", &work.findings(self.path))])));
                }
                messages
            },
            size + size / 4 + 64,
        )?;
        let question = Question {
            messages,
            prefill: opening,
            stop: vec![format!("\n{fence}")],
            draft: Some(draft),
            tokens: size + 32..work.options.max_tokens.unwrap_or(size + size / 2 + 512),
        };
        if previous.is_some() || !work.sole {
            return self.best_of_two(work, &question);
        }
        let first = self.best_of_two(work, &question)?;
        if first.text != self.file {
            return Ok(first);
        }
        let file = shown(self.path, self.old);
        let again = |context: &str| {
            fill(AGAIN, &[("context", context), ("file", &file), ("instruction", work.instruction.prompt.trim())])
        };
        work.host.log(Level::Info, &format!("`{}`: nothing changed; asking again in other words", self.path));
        let messages = work.fitted(&|context| vec![Message::user(again(context))], question.tokens.start)?;
        let question = Question { messages, prefill: String::new(), stop: vec![format!("\n{fence}\n")], ..question };
        match self.attempt(work, &question, work.first_attempt()) {
            Err(Failure::Plugin(error)) if error.code == ErrorCode::Cancelled => Err(error),
            Ok(second) if second.doubt.is_none() => Ok(second),
            // Better no change than one that is not certain.
            _ => Ok(first),
        }
    }

    /// A second answer is only asked for when there is something wrong with the first.
    fn best_of_two(&self, work: &Work<'_>, question: &Question) -> Result<Edited, PluginError> {
        let first = self.attempt(work, question, work.first_attempt());
        let again = match &first {
            Ok(edited) => edited.doubt.clone(),
            Err(Failure::Format(error)) => Some(error.to_string()),
            Err(Failure::Plugin(error)) if error.code == ErrorCode::Budget => Some(error.to_string()),
            Err(Failure::Plugin(_)) => None,
        };
        let Some(reason) = again else { return first.map_err(|f| f.into_error(self.path)) };
        work.host.log(Level::Info, &format!("`{}`: {reason}; asking again", self.path));
        let mut question = question.clone();
        if let Err(Failure::Format(error)) = &first
            && let Some(message) = question.messages.last_mut()
        {
            message.content.push('\n');
            message.content.push_str(&error.feedback());
        }
        match (first, self.attempt(work, &question, work.first_attempt().next())) {
            (_, Err(Failure::Plugin(error))) if error.code == ErrorCode::Cancelled => Err(error),
            (_, Ok(second)) if second.doubt.is_none() => Ok(second),
            (Ok(first), _) => Ok(first),
            (Err(_), Ok(second)) => Ok(second),
            (Err(first), Err(_)) => Err(first.into_error(self.path)),
        }
    }

    fn attempt(&self, work: &Work<'_>, question: &Question, attempt: Attempt) -> Result<Edited, Failure> {
        let answer = ask(work.host, question, attempt).map_err(Failure::Plugin)?;
        let answer = match question.prefill.is_empty() {
            true => {
                let closed = question.stop.first().map_or_else(String::new, |stop| answer + stop);
                fenced::whole_file(&closed, self.path.as_str()).map_err(Failure::Format)?
            }
            false => without_short_fence(&answer, self.old).to_owned(),
        };
        let nothing = answer.trim().trim_matches('`').trim().is_empty();
        if nothing && !self.old.trim().is_empty() {
            return Err(Failure::Format(FormatError::Nothing { wanted: "code block" }));
        }
        let keep = adoption(&work.instruction.prompt);
        let text = if self.range == (0..self.file.len()) {
            let body = ended(self.file);
            let full = lazy::expand(&body, &region::reindented(&body, &ended(&answer))).map_err(Failure::Format)?;
            adopt(self.file, &full, keep)
        } else {
            region::replace(self.file, self.range.clone(), &ended(&answer), keep).map_err(Failure::Format)?
        };
        let doubt = doubt(self.path, self.file, &text, &work.instruction.prompt);
        Ok(Edited { text, notes: Vec::new(), doubt })
    }
}

/// Models close a long fence with a short one. That line is not part of the file when it leaves a fence open which the old
/// text does not.
fn without_short_fence<'a>(answer: &'a str, old: &str) -> &'a str {
    let fences = |text: &str| text.lines().filter(|l| l.starts_with("```")).count();
    let body = answer.trim_end();
    let (rest, last) = body.rsplit_once('\n').unwrap_or(("", body));
    let closes = last.len() >= 3 && last.bytes().all(|b| b == b'`');
    if closes && fences(body) % 2 == 1 && fences(old) % 2 == 0 { rest } else { answer }
}

/// Why an attempt came to nothing.
enum Failure {
    Format(FormatError),
    Plugin(PluginError),
}

impl Failure {
    fn into_error(self, path: &RepoPath) -> PluginError {
        match self {
            Self::Plugin(error) => error,
            Self::Format(error) => crate::work::refused(path, &error),
        }
    }
}

/// What of the layout is kept: everything that the instruction does not speak of.
pub(crate) fn adoption(instruction: &str) -> Adoption {
    let layout = mentions(
        instruction,
        &[
            "whitespace",
            "white space",
            "trailing",
            "format",
            "pep",
            "blank",
            "empty line",
            "newline",
            "spacing",
            "spaces",
            "lint",
        ],
    );
    Adoption { trailing_space: !layout, blank_lines: !layout, outer_lines: !layout }
}
