//! Masks: for an instruction about documentation or annotations the model writes nothing but these. The code comes from
//! the file, byte for byte, so that it needs no comparison afterwards.

mod annotations;
mod documentation;
mod uses;

use self::documentation::Letters;
use crate::ask::{Question, ask_within};
use crate::narrow::Noun;
use crate::regions::{Every, every, find};
use crate::target::{Base, ended, shown};
use crate::units::{Unit, named, units};
use crate::work::{Edited, Work};
use deepcoder_edit::formats::fenced::fence_for;
use deepcoder_edit::{LineEnding, split_bom};
use deepcoder_plugin_api::{ErrorCode, Level, PluginError, fill};
use deepcoder_syntax::{Language, fence_tag, import_statements, parses};
use deepcoder_types::{Form, Grammar, Message, RepoPath};
use std::ops::Range;

const REGION: &str = include_str!("../prompts/region.md");
/// Definitions that one instruction is about at most.
const MAX_UNITS: usize = 48;
/// Tokens of one documentation or of the annotations of one signature.
const TOKENS: u32 = 320;

/// A text that the model writes into a definition.
struct Hole {
    /// What it takes the place of.
    range: Range<usize>,
    /// The answer up to there, as the prompt gives it.
    prefill: String,
    /// The texts that it may be.
    form: Form,
    /// The short ones of them, for a model that finds no end.
    short: Form,
}

/// What came of a mask.
pub(crate) enum Masked {
    /// The new text.
    Done(Edited),
    /// The instruction or the file has none.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The documentation, where the language has it.
    Documentation,
    /// A comment in front of the definition, in whatever language.
    Above,
    Annotations,
}

/// The kind of mask of an instruction that adds something that may be missing.
fn kind(work: &Work<'_>) -> Option<Kind> {
    let sentence = work.sentence.as_ref().filter(|sentence| sentence.adds)?;
    let of_file = |word: &str| matches!(word.to_lowercase().as_str(), "module" | "file" | "header");
    if work.instruction.prompt.split(|c: char| !c.is_alphanumeric()).any(of_file) {
        return None;
    }
    match sentence.noun {
        Noun::Documentation => Some(Kind::Documentation),
        Noun::Above => Some(Kind::Above),
        Noun::Hints => Some(Kind::Annotations),
        Noun::Comments => None,
    }
}

/// Whether the instruction is about documentation or annotations only, and the file is a program.
pub(crate) fn apply(work: &Work<'_>, path: &RepoPath) -> bool {
    kind(work).is_some() && Language::program(path).is_some()
}

/// The edit, where the instruction is about documentation or annotations of definitions that lack them.
pub(crate) fn edit(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Masked, PluginError> {
    let prompt = &work.instruction.prompt;
    let Some((kind, language)) = kind(work).zip(Language::program(path)) else {
        return Ok(Masked::None);
    };
    let text = base.text.as_str();
    if parses(language, text) != Some(true) || prompt.contains(['"', '\u{201c}']) {
        return Ok(Masked::None);
    }
    let all = units(path, text);
    let mut meant = meant(work, path, base, &all)?;
    let letters = Letters::of(prompt, text);
    let hole = |unit: &Unit| match kind {
        Kind::Documentation => documentation::hole(language, text, unit, letters),
        Kind::Above => documentation::above(language, text, unit, letters),
        Kind::Annotations => annotations::hole(language, text, unit, &all),
    };
    meant.retain(|unit| hole(unit).is_some());
    if meant.is_empty() || meant.len() > MAX_UNITS {
        return Ok(Masked::None);
    }
    let mut result = Edited { text: text.to_owned(), notes: Vec::new(), doubt: None };
    let (mut left, mut imports) = (Vec::new(), Vec::new());
    // From the last to the first, so that the places of those that are left stay what they are.
    for unit in meant.iter().rev() {
        let Some(hole) = hole(unit) else { continue };
        match written(work, path, text, unit, &hole, kind)? {
            Some((new, brings)) => {
                if kind == Kind::Annotations && annotations::says_nothing(&new) {
                    result.doubt = Some(format!("a hint of `{}` is `Any`, which says nothing", unit.qualified));
                }
                result.text.replace_range(hole.range, &new);
                imports.extend(brings);
            }
            None => left.push(format!("`{}`", unit.qualified)),
        }
    }
    if left.len() == meant.len() {
        return Ok(Masked::None);
    }
    result.text = crate::imports::with(path, &result.text, &imports);
    if !left.is_empty() {
        result.notes.push(format!("{} stays as it is: the model wrote nothing that fits", left.join(", ")));
    }
    Ok(Masked::Done(result))
}

/// The definitions that the instruction is about: those that it names, a selection, all of a kind, or all that there are.
fn meant(work: &Work<'_>, path: &RepoPath, base: &Base, all: &[Unit]) -> Result<Vec<Unit>, PluginError> {
    let prompt = &work.instruction.prompt;
    let named: Vec<Unit> = named(prompt, all).into_iter().cloned().collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let first = work.instruction.targets.first().is_none_or(|first| first == path);
    if (first && work.instruction.selection.is_some()) || !base.parts.is_empty() {
        let ranges = find(work.instruction, path, base, work.host)?;
        let touched = |unit: &&Unit| {
            ranges.iter().any(|r| unit.signature.start < r.end && r.start < unit.signature.end) && unit.kind != "impl"
        };
        return Ok(all.iter().filter(touched).cloned().collect());
    }
    // A name that is nowhere is an error elsewhere.
    if crate::regions::called(prompt).is_some() || prompt.contains('`') {
        return Ok(Vec::new());
    }
    let documents = |unit: &&Unit| match every(prompt) {
        Some(Every::Functions) => unit.is_function(),
        Some(Every::Methods) => unit.kind == "method",
        Some(Every::Classes) => unit.is_type(),
        None => unit.is_function() || unit.is_type(),
    };
    Ok(all.iter().filter(documents).filter(|unit| unit.kind != "impl").cloned().collect())
}

/// What the model writes into a hole, and the imports that came with it; `None` where that does not fit.
fn written(
    work: &Work<'_>,
    path: &RepoPath,
    text: &str,
    unit: &Unit,
    hole: &Hole,
    kind: Kind,
) -> Result<Option<(String, Vec<String>)>, PluginError> {
    let old = &text[unit.range.clone()];
    let fence = fence_for(old);
    let values = [
        ("context", ""),
        ("outline", ""),
        ("file", &shown(path, old)),
        ("instruction", work.instruction.prompt.trim()),
    ];
    let question = Question {
        messages: vec![Message::user(fill(REGION, &values).trim_end().to_owned())],
        prefill: format!("{fence}{}\n{}", fence_tag(path), hole.prefill),
        stop: Vec::new(),
        draft: None,
        tokens: 64..TOKENS,
    };
    let ask = |form: &Form| ask_within(work.host, &question, work.first_attempt(), Some(Grammar::of(form.clone())));
    let answer = match ask(&hole.form) {
        Err(error) if error.code == ErrorCode::Budget => ask(&hole.short),
        answer => answer,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if matches!(error.code, ErrorCode::Budget | ErrorCode::Invalid) => {
            work.host.log(Level::Info, &format!("`{path}`: `{}`: {}", unit.qualified, error.message));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let answer = ended(&answer);
    let fits = match kind {
        Kind::Documentation | Kind::Above => documentation::fitting(path, unit, &answer, hole),
        Kind::Annotations => annotations::fitting(&text[hole.range.clone()], &unit.name, &answer),
    };
    let ending = LineEnding::dominant(split_bom(text).1).as_str();
    // A model without grammars writes more than the signature.
    let brings = if kind == Kind::Annotations { imports_of(path, &answer) } else { Vec::new() };
    Ok(fits.map(|new| (new.replace('\n', ending), brings)))
}

fn imports_of(path: &RepoPath, answer: &str) -> Vec<String> {
    let Some(language) = Language::program(path) else { return Vec::new() };
    let all = import_statements(language, answer).into_iter().filter_map(|range| answer.get(range.as_range()));
    all.map(str::to_owned).collect()
}
