//! The complete new file, or the complete new version of a part of it: the format that small models are best at. The old
//! text is given to the engine as a draft, so that what stays the same costs little.

use crate::answer;
use crate::ask::{Attempt, Question, ask};
use crate::guard::{doubt, mentions, without_example};
use crate::place::Place;
use crate::target::{Base, ended, shown};
use crate::units::{Unit, signature, units};
use crate::work::{Edited, Work};
use deepcoder_edit::formats::{FormatError, fenced, lazy, region};
use deepcoder_edit::{Adoption, adopt};
use deepcoder_plugin_api::{ErrorCode, Level, PluginError, fill};
use deepcoder_syntax::fence_tag;
use deepcoder_types::{Message, RepoPath};
use std::ops::Range;

const WHOLE: &str = include_str!("../prompts/whole.md");
const REGION: &str = include_str!("../prompts/region.md");
const SHORT: &str = include_str!("../prompts/short.md");
const CREATE: &str = include_str!("../prompts/create.md");
const NEW: &str = include_str!("../prompts/new.md");
const REPAIR: &str = include_str!("../prompts/repair.md");
const REPAIR_PART: &str = include_str!("../prompts/repair-part.md");

/// Tokens for a new definition.
const NEW_UNIT_TOKENS: u32 = 1_024;
/// Signatures of other definitions that are shown beside a unit at most.
const MAX_SIGNATURES: usize = 12;
/// Tokens for the first version of a new file.
const NEW_FILE_TOKENS: u32 = 3_072;

/// The file rewritten as a whole.
pub(crate) fn whole(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Edited, PluginError> {
    Rewriting::of_file(path, base).run(work)
}

/// The lines `range` of the file rewritten.
pub(crate) fn part(work: &Work<'_>, path: &RepoPath, base: &Base, range: Range<usize>) -> Result<Edited, PluginError> {
    let outline = match base.outline.as_str() {
        "" => String::new(),
        signatures => {
            let shown = shown(path, signatures);
            format!("These are signatures of other parts of the file, for reference only.\n\n{shown}\n")
        }
    };
    let old = &base.text[range.clone()];
    Rewriting { path, old, file: &base.text, range, outline, template: REGION, units: Vec::new() }.run(work)
}

/// The unit of the file rewritten. The model sees it with the signatures of what it uses, and nothing else of the file can
/// change, but for new helpers, constants and imports.
pub(crate) fn unit(work: &Work<'_>, path: &RepoPath, base: &Base, unit: &Unit) -> Result<Edited, PluginError> {
    Rewriting::of_unit(path, base, units(path, &base.text), unit).run(work)
}

/// The source of a cell of a notebook rewritten; `path` says what it holds.
pub(crate) fn cell(work: &Work<'_>, path: &RepoPath, text: &str, outline: &str) -> Result<Edited, PluginError> {
    let (outline, units) = (outline.to_owned(), Vec::new());
    Rewriting { path, old: text, file: text, range: 0..text.len(), outline, template: REGION, units }.run(work)
}

/// The signatures of the definitions of the file that a unit speaks of, and of the type that it is in.
fn used_by(path: &RepoPath, file: &str, unit: &Unit, units: &[Unit]) -> String {
    let own = &file[unit.range.clone()];
    let words: std::collections::BTreeSet<&str> = own.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let used = |other: &&Unit| {
        let apart = other.range != unit.range && !unit.holds(other) && other.name != unit.name;
        apart && (other.holds(unit) || words.contains(other.name.as_str())) && other.kind != "constant"
    };
    let signatures: String =
        units.iter().filter(used).take(MAX_SIGNATURES).map(|u| signature(file, u) + "\n").collect();
    if signatures.is_empty() {
        return signatures;
    }
    format!("These definitions are elsewhere in the file. Do not write them.\n\n{}\n", shown(path, &signatures))
}

/// A definition that is not there yet, at `place`.
pub(crate) fn define(work: &Work<'_>, path: &RepoPath, base: &Base, place: &Place) -> Result<Edited, PluginError> {
    let units = units(path, &base.text);
    let file = base.text.as_str();
    let signatures = || units.iter().map(|unit| signature(file, unit) + "\n").collect::<String>();
    let text = if work.host.count_tokens(file)? <= crate::whole_limit(work)? { file.to_owned() } else { signatures() };
    let within = place.within.as_deref().map(|owner| format!(" of `{owner}`")).unwrap_or_default();
    let fence = fenced::fence_for(file);
    let messages = work.fitted(
        &|context| {
            let values = [
                ("context", context),
                ("file", &shown(path, &text)),
                ("instruction", work.instruction.prompt.trim()),
                ("within", &within),
            ];
            vec![Message::user(fill(NEW, &values))]
        },
        512,
    )?;
    let question = Question {
        messages,
        prefill: format!("{fence}{}\n", fence_tag(path)),
        stop: vec![format!("\n{fence}")],
        draft: None,
        tokens: 64..work.options.max_tokens.unwrap_or(NEW_UNIT_TOKENS),
    };
    let attempt = |attempt: Attempt| -> Result<Edited, Failure> {
        let answer = ask(work.host, &question, attempt).map_err(Failure::Plugin)?;
        let answer = without_short_fence(&answer, "").to_owned();
        let owner = place.within.as_deref();
        let parts = answer::sorted(path, &units, None, owner, &work.instruction.prompt, &ended(&answer));
        let parts = parts.ok_or(Failure::Format(FormatError::Nothing { wanted: "new definition" }))?;
        let text = crate::imports::with(path, &parts.at(file, place), &parts.imports);
        Ok(Edited { text, notes: parts.notes, doubt: None })
    };
    match attempt(work.first_attempt()) {
        Err(Failure::Format(error)) => {
            work.host.log(Level::Info, &format!("`{path}`: {error}; asking again"));
            attempt(work.first_attempt().next()).map_err(|failure| failure.into_error(path))
        }
        edited => edited.map_err(|failure| failure.into_error(path)),
    }
}

/// An earlier result corrected.
pub(crate) fn repair(work: &Work<'_>, path: &RepoPath, base: &Base, previous: &str) -> Result<Edited, PluginError> {
    Rewriting::of_file(path, base).correct(work, previous)
}

/// A file that does not exist yet.
pub(crate) fn create(work: &Work<'_>, path: &RepoPath) -> Result<String, PluginError> {
    let fence = if fence_tag(path) == "markdown" { "````" } else { "```" };
    let prompt = |context: &str| {
        let values = [("context", context), ("path", path.as_str()), ("instruction", work.instruction.prompt.trim())];
        fill(CREATE, &values)
    };
    let messages = work.fitted(&|context| vec![Message::user(prompt(context))], 512)?;
    let question = Question {
        messages,
        prefill: format!("{fence}{}\n", fence_tag(path)),
        stop: vec![format!("\n{fence}")],
        draft: None,
        tokens: 64..work.options.max_tokens.unwrap_or(NEW_FILE_TOKENS),
    };
    let attempt = work.first_attempt();
    // A greedy answer that runs into its limit repeats itself; some chance ends that.
    let mut text = match ask(work.host, &question, attempt) {
        Err(error) if error.code == ErrorCode::Budget => String::new(),
        text => text?,
    };
    if unusable(&text) {
        text = ask(work.host, &question, attempt.next())?;
    }
    if unusable(&text) {
        return Err(PluginError::new(ErrorCode::Unavailable, format!("the model wrote no text for `{path}`"))
            .with_hint("say in more words what the file is to hold, or use a larger model"));
    }
    Ok(ended(without_own_name(path, without_short_fence(&text, ""))))
}

/// Models write the file's own path above it, as if there were several.
fn without_own_name<'a>(path: &RepoPath, text: &'a str) -> &'a str {
    let Some((first, rest)) = text.split_once('\n') else { return text };
    let bare = first.trim().trim_start_matches(['#', '/', '-', '*', ';', ' ']).trim_end_matches(['*', '/', ' ']);
    let named = bare == path.as_str() || bare == path.file_name();
    if named && first.trim() != bare { rest.trim_start_matches('\n') } else { text }
}

fn unusable(text: &str) -> bool {
    text.trim().trim_matches('`').trim().is_empty() || !lazy::markers(text, "").is_empty()
}

/// Lines of a file that are written anew.
pub(crate) struct Rewriting<'a> {
    path: &'a RepoPath,
    old: &'a str,
    file: &'a str,
    range: Range<usize>,
    outline: String,
    template: &'static str,
    /// The units of the file, where the lines are one of them.
    units: Vec<Unit>,
}

impl<'a> Rewriting<'a> {
    fn of_file(path: &'a RepoPath, base: &'a Base) -> Self {
        let (text, range) = (base.text.as_str(), 0..base.text.len());
        Self { path, old: text, file: text, range, outline: String::new(), template: WHOLE, units: Vec::new() }
    }

    fn run(&self, work: &Work<'_>) -> Result<Edited, PluginError> {
        let ask = |template: &str, feedback: &str| {
            self.question(work, self.old, &|context| {
                let mut message = self.asked(work, template, context);
                message.content.push_str(feedback);
                vec![message]
            })
        };
        let edited = self.best_of_two(work, &ask(self.template, "")?, &|feedback| ask(self.template, feedback))?;
        if !work.sole || edited.text != self.file {
            return Ok(edited);
        }
        // A small model that hears much about completeness copies the file; the short prompt has it change something,
        // and would have it leave out the rest of a longer file. Of several files, some may well need no change.
        work.host.log(Level::Info, &format!("`{}`: nothing changed; asking again", self.path));
        match self.attempt(work, &ask(SHORT, "")?, work.first_attempt()) {
            Err(Failure::Plugin(error)) if error.code == ErrorCode::Cancelled => Err(error),
            Ok(second) if second.doubt.is_none() => Ok(second),
            // Better no change than one that is not certain.
            _ => Ok(edited),
        }
    }

    /// The unit at `range`, of which an earlier answer is to be corrected.
    pub(crate) fn of_unit(path: &'a RepoPath, base: &'a Base, units: Vec<Unit>, unit: &Unit) -> Self {
        let file = base.text.as_str();
        let outline = used_by(path, file, unit, &units);
        Self { path, old: &file[unit.range.clone()], file, range: unit.range.clone(), outline, template: REGION, units }
    }

    pub(crate) fn correct(&self, work: &Work<'_>, previous: &str) -> Result<Edited, PluginError> {
        let (opening, fence) = self.fences(previous);
        let turns = |context: &str, feedback: &str| {
            let template = if self.range == (0..self.file.len()) { REPAIR } else { REPAIR_PART };
            let findings = fill(template, &[("findings", &work.findings(self.path))]);
            vec![
                self.asked(work, self.template, context),
                Message::assistant(format!("{opening}{}{fence}", ended(previous))),
                Message::user(findings + feedback),
            ]
        };
        let question = self.question(work, previous, &|context| turns(context, ""))?;
        let again = |feedback: &str| self.question(work, previous, &|context| turns(context, feedback));
        self.best_of_two(work, &question, &again)
    }

    fn asked(&self, work: &Work<'_>, template: &str, context: &str) -> Message {
        let values = [
            ("context", context),
            ("outline", self.outline.as_str()),
            ("file", &shown(self.path, self.old)),
            ("instruction", work.instruction.prompt.trim()),
        ];
        Message::user(fill(template, &values))
    }

    /// The opening line of the answer, and the fence that ends it.
    fn fences(&self, draft: &str) -> (String, String) {
        let fence = fenced::fence_for(&[self.old, draft].join("\n"));
        (format!("{fence}{}\n", fence_tag(self.path)), fence)
    }

    fn question(
        &self,
        work: &Work<'_>,
        draft: &str,
        build: &dyn Fn(&str) -> Vec<Message>,
    ) -> Result<Question, PluginError> {
        let (opening, fence) = self.fences(draft);
        let draft = ended(draft);
        let size = work.host.count_tokens(&draft)?;
        Ok(Question {
            messages: work.fitted(build, size + size / 4 + 64)?,
            prefill: opening,
            stop: vec![format!("\n{fence}")],
            draft: Some(draft),
            tokens: size + 32..work.options.max_tokens.unwrap_or(size + size / 2 + 512),
        })
    }

    /// A second answer is only asked for when there is something wrong with the first.
    fn best_of_two(
        &self,
        work: &Work<'_>,
        question: &Question,
        again: &dyn Fn(&str) -> Result<Question, PluginError>,
    ) -> Result<Edited, PluginError> {
        let first = self.attempt(work, question, work.first_attempt());
        let wrong = match &first {
            Ok(edited) => edited.doubt.clone(),
            Err(Failure::Format(error)) => Some(error.to_string()),
            Err(Failure::Plugin(error)) if error.code == ErrorCode::Budget => Some(error.to_string()),
            Err(Failure::Plugin(_)) => None,
        };
        let Some(reason) = wrong else { return first.map_err(|f| f.into_error(self.path)) };
        work.host.log(Level::Info, &format!("`{}`: {reason}; asking again", self.path));
        let feedback = match &first {
            Err(Failure::Format(error)) => format!("\n{}", error.feedback()),
            _ => String::new(),
        };
        let question = again(&feedback)?;
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
        let answer = without_short_fence(&answer, self.old).to_owned();
        let nothing = answer.trim().trim_matches('`').trim().is_empty();
        if nothing && !self.old.trim().is_empty() {
            return Err(Failure::Format(FormatError::Nothing { wanted: "code block" }));
        }
        let instruction = &work.instruction.prompt;
        let mut notes = Vec::new();
        let answer = match without_example(self.path, self.old, &answer, instruction) {
            Some(without) => {
                notes.push("a usage example that the model added at the end is left out".to_owned());
                without
            }
            None => answer,
        };
        let keep = adoption(instruction);
        let text = if self.range == (0..self.file.len()) {
            let body = ended(self.file);
            let full = lazy::expand(&body, &region::reindented(&body, &ended(&answer))).map_err(Failure::Format)?;
            adopt(self.file, &full, keep)
        } else if let Some((text, left_out)) = self.unit_of(&ended(&answer), instruction, keep)? {
            notes.extend(left_out);
            text
        } else {
            region::replace(self.file, self.range.clone(), &ended(&answer), keep).map_err(Failure::Format)?
        };
        let doubt = doubt(self.path, self.file, &text, instruction);
        Ok(Edited { text, notes, doubt })
    }
}

impl Rewriting<'_> {
    /// The file with the answer for its unit, where the answer can be taken apart with certainty.
    fn unit_of(
        &self,
        answer: &str,
        instruction: &str,
        keep: Adoption,
    ) -> Result<Option<(String, Vec<String>)>, Failure> {
        let Some(unit) = self.units.iter().find(|unit| unit.range == self.range) else { return Ok(None) };
        let outer = self.units.iter().filter(|outer| outer.holds(unit)).min_by_key(|outer| outer.range.len());
        let owner = outer.map(|outer| outer.qualified.as_str());
        let parts = answer::sorted(self.path, &self.units, Some(unit), owner, instruction, answer);
        let Some(parts) = parts else { return Ok(None) };
        let text = parts.in_place(self.path, self.file, unit, outer, keep).map_err(Failure::Format)?;
        Ok(Some((crate::imports::with(self.path, &text, &parts.imports), parts.notes)))
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

/// Why an attempt failed.
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

/// The parts of the layout that are kept: all that the instruction does not mention.
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
