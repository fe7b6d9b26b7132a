//! The `edit` plugin: an instruction and files in, changed files out.
//!
//! Small models write a whole file far better than they copy pieces of it, so that a file is written anew as long as it
//! is not too long: shown in a fence, asked for in a fence whose opening line is already given, and compared with what was
//! there. Longer files are edited definition by definition, and by SEARCH/REPLACE blocks where none is named.
//! `docs/lab/edit-formats.md` has the measurements behind that.
//!
//! Code that the model leaves out is never deleted: an answer that is cut off is an error, a marker for code left out
//! is filled in or refused, and an answer that loses definitions is asked for again and otherwise needs a review.
//!
//! To have an earlier result corrected, run the same instruction with
//! `options.repair = {"findings": [{"path", "message"}], "previous": {path: text}}`.

mod answer;
mod ask;
mod blocks;
mod generated;
mod guard;
mod imports;
mod masks;
mod mechanical;
mod narrow;
mod notebook;
mod options;
mod place;
mod python;
mod regions;
mod repair;
mod scope;
mod search;
mod target;
mod units;
mod whole;
mod work;

pub use options::{Finding, Format, Options, Repair};

use blocks::Kind;
use deepcoder_edit::edits_between;
use deepcoder_plugin_api::{ErrorCode, Host, Plugin, PluginError, PluginManifest};
use deepcoder_syntax::{Language, parses};
use deepcoder_types::{
    Applicability, Change, Constraint, ContextBundle, ContextRequest, FileEdit, Instruction, NewFile, Outcome,
    Proposal, REFACTOR, Renaming, RepoPath,
};
use masks::Masked;
use scope::Scope;
use target::{Base, Target};
use units::Unit;
use work::{Edited, Work};

/// Tokens of context that are asked for.
const CONTEXT_TOKENS: u32 = 12_000;
/// Files of up to this many tokens are written anew as a whole.
const WHOLE_TOKENS: u32 = 3_000;

/// Units that a note names at most.
const MAX_NAMES: usize = 5;

/// The plugin.
pub struct EditPlugin {
    manifest: PluginManifest,
}

impl EditPlugin {
    /// With the manifest that is compiled in.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
        let manifest = PluginManifest::parse(include_str!("../plugin.toml")).expect("plugin.toml is valid");
        Self { manifest }
    }
}

impl Default for EditPlugin {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugin for EditPlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        check(instruction)?;
        let renaming = match narrow::constraint(&instruction.prompt) {
            Some(Constraint::Rename(renaming)) => Some(renaming),
            _ => None,
        };
        let reserved = renaming.as_ref().map(|renaming: &Renaming| renaming.new_name.as_str()).filter(|name| {
            let mut languages = instruction.targets.iter().filter_map(Language::program);
            languages.any(|language| !language.is_identifier(name))
        });
        if let Some(name) = narrow::wrong_name(&instruction.prompt).or(reserved) {
            return Err(PluginError::new(ErrorCode::Invalid, format!("`{name}` is not a name that code can have"))
                .with_hint(
                    "names are letters, digits and `_`, begin with no digit and are no keyword: rename transfer to move_money",
                ));
        }
        // Lines that are selected limit a renaming to them, which is no refactoring.
        let refactors = renaming.is_some() || narrow::adds_parameter(&instruction.prompt);
        let exact = (refactors && instruction.selection.is_none()).then(|| REFACTOR.to_owned());
        // The size of a file that no model reads has no limit of tokens: the file is read as a whole.
        let sees_no_model = Options::parse(&instruction.options)?.format == Format::Auto
            && !instruction.targets.is_empty()
            && mechanical::is_exact(&instruction.prompt, &instruction.targets);
        let token_budget = if sees_no_model { 0 } else { CONTEXT_TOKENS };
        Ok(ContextRequest { exact, token_budget, ..ContextRequest::default() })
    }

    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let options = check(instruction)?;
        let targets = target::targets(instruction, context, host)?;
        let work = Work::new(instruction, options, context, &targets, host);
        let mut changes = Vec::new();
        let mut notes = Vec::new();
        let mut doubts = Vec::new();
        for (index, target) in targets.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
            let fraction = index as f32 / targets.len() as f32;
            host.progress(&format!("editing {}", target.path), Some(fraction));
            let (change, edited) = edit_target(&work.about(&target.path), target)?;
            let about = |text: String| format!("{}: {text}", target.path);
            if let Some(change) = change {
                changes.push(change);
                notes.extend(edited.notes.into_iter().map(about));
                doubts.extend(edited.doubt.into_iter().map(about));
            }
        }
        if changes.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let applicability = if doubts.is_empty() { Applicability::Safe } else { Applicability::NeedsReview };
        let rationale: Vec<String> = doubts.into_iter().chain(notes).collect();
        Ok(Outcome::Proposals(vec![Proposal {
            snapshot: context.snapshot.clone(),
            title: title(&instruction.prompt),
            rationale: rationale.join("\n"),
            applicability,
            changes,
            checks: Vec::new(),
            constraint: work.constraint.clone(),
        }]))
    }
}

fn check(instruction: &Instruction) -> Result<Options, PluginError> {
    if instruction.prompt.trim().is_empty() {
        return Err(PluginError::new(ErrorCode::Invalid, "the instruction is empty")
            .with_hint("say what to change: deepcoder edit \"add type hints\" src/file.py"));
    }
    Options::parse(&instruction.options)
}

/// The change of one target, if it changes.
fn edit_target(work: &Work<'_>, target: &Target) -> Result<(Option<Change>, Edited), PluginError> {
    let path = &target.path;
    let previous = work.options.repair.as_ref().and_then(|r| r.previous.get(path));
    let Some(base) = &target.base else {
        let text = match previous {
            Some(previous) => {
                let empty = Base {
                    text: previous.clone(),
                    hash: deepcoder_types::ContentHash::of(b""),
                    parts: Vec::new(),
                    outline: String::new(),
                };
                whole::repair(work, path, &empty, previous)?.text
            }
            None => whole::create(work, path)?,
        };
        let edited = Edited { text: text.clone(), notes: Vec::new(), doubt: None };
        return Ok((Some(Change::Create(NewFile { path: path.clone(), text })), edited));
    };
    if previous.is_none() && nothing_to_do(work, path, &base.text) {
        let edited = Edited { text: base.text.clone(), notes: Vec::new(), doubt: None };
        return Ok((None, edited));
    }
    let mut edited = match previous {
        // A file without findings keeps its earlier result, a notebook is never written as a whole, and what has one exact answer
        // has no other one.
        Some(previous)
            if work.findings(path).is_empty()
                || notebook::is_notebook(path)
                || mechanical::applies(&work.instruction.prompt) =>
        {
            Edited { text: previous.clone(), notes: Vec::new(), doubt: None }
        }
        Some(previous) => repair::repair(work, path, base, previous)?,
        None => edit_file(work, path, base)?,
    };
    if let Some(tidied) = imports::tidied(path, &base.text, &edited.text, &work.instruction.prompt) {
        edited.text = tidied.text;
        edited.notes.extend(tidied.note);
        edited.doubt = edited.doubt.or(tidied.doubt);
    }
    // A user who names such a file sees the change first.
    if let Some(why) = generated::reason(path, &base.text) {
        if work.instruction.targets.is_empty() {
            return Err(PluginError::new(ErrorCode::Invalid, format!("`{path}` {why}"))
                .with_hint("name the file to have it edited all the same: deepcoder edit \"…\" FILE"));
        }
        edited.doubt = edited.doubt.or_else(|| Some(format!("the file {why}")));
    }
    if let Some(text) = imports::released(path, &base.text, &edited.text) {
        edited.text = text;
    }
    let edits = edits_between(&base.text, &edited.text);
    if edits.is_empty() {
        return Ok((None, edited));
    }
    Ok((Some(Change::Modify(FileEdit { path: path.clone(), base_hash: base.hash, edits })), edited))
}

/// Whether the instruction is about what every program may have and this one has not: a model that is asked all the same
/// invents it.
fn nothing_to_do(work: &Work<'_>, path: &RepoPath, text: &str) -> bool {
    let prompt = &work.instruction.prompt;
    let of_definitions = || guard::mentions(prompt, &["function", "method", "class"]);
    match work.constraint {
        Some(Constraint::Comments | Constraint::Annotations) => {
            text.trim().is_empty() || (of_definitions() && defines_nothing(path, text))
        }
        Some(Constraint::Layout) => text.trim().is_empty(),
        _ => false,
    }
}

/// Whether a program certainly has no function and no class.
fn defines_nothing(path: &RepoPath, text: &str) -> bool {
    Language::program(path).is_some_and(|language| parses(language, text) == Some(true))
        && guard::definitions(path, text).is_empty()
}

fn edit_file(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Edited, PluginError> {
    if notebook::is_notebook(path) && !mechanical::applies(&work.instruction.prompt) {
        return notebook::edit(work, path, base);
    }
    match work.options.format {
        Format::Whole => whole::whole(work, path, base),
        Format::SearchReplace => blocks::edit(work, path, base, Kind::SearchReplace),
        Format::Diff => blocks::edit(work, path, base, Kind::Diff),
        Format::Patch => blocks::edit(work, path, base, Kind::Patch),
        Format::Region => {
            let ranges = regions::find(work.instruction, path, base, work.host)?;
            if ranges.is_empty() {
                return Err(PluginError::new(ErrorCode::NotFound, format!("nothing is selected in `{path}`"))
                    .with_hint("select lines, or name a function or class that the file defines"));
            }
            edit_parts(work, path, base, ranges)
        }
        Format::Auto => {
            let first = work.instruction.targets.first().is_none_or(|first| first == path);
            let selected = first && work.instruction.selection.is_some();
            if let Some(edited) = mechanical::edit(work, path, base)? {
                return Ok(edited);
            }
            if let Masked::Done(edited) = masks::edit(work, path, base)? {
                return Ok(edited);
            }
            if !selected && let Some(ranges) = regions::each(work.instruction, path, base) {
                return edit_each(&work.for_each(), path, base, ranges);
            }
            if !selected && let Some(ranges) = narrowed(work, path, base)? {
                return edit_parts(work, path, base, ranges);
            }
            let small = work.host.count_tokens(&base.text)? <= whole_limit(work)?;
            if !selected {
                match scope::choose(work, path, base, small)? {
                    Scope::Parts { units, new } if !units.is_empty() || new.is_some() => {
                        return edit_units(work, path, base, units, new);
                    }
                    Scope::File if small => return whole_or_parts(work, path, base),
                    _ => {}
                }
            }
            let ranges = regions::find(work.instruction, path, base, work.host)?;
            if ranges.is_empty() {
                blocks::edit(work, path, base, Kind::SearchReplace)
            } else {
                edit_parts(work, path, base, ranges)
            }
        }
    }
}

/// The definitions that an instruction about docstrings, comments or annotations names: nothing else is shown to be
/// written, so that nothing else changes. An error where it names one that is nowhere.
fn narrowed(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Option<Vec<std::ops::Range<usize>>>, PluginError> {
    let prompt = &work.instruction.prompt;
    let narrow = matches!(work.constraint, Some(Constraint::Comments | Constraint::Annotations));
    if !narrow || !base.parts.is_empty() {
        return Ok(None);
    }
    let ranges = regions::find(work.instruction, path, base, work.host)?;
    if !ranges.is_empty() {
        return Ok(Some(ranges));
    }
    match regions::called(prompt) {
        Some(name) if work.sole && !base.text.contains(name) => {
            let error = PluginError::new(ErrorCode::NotFound, format!("`{path}` defines no `{name}`"));
            Err(error.with_hint("check the spelling, or name the file that defines it"))
        }
        _ => Ok(None),
    }
}

/// The file as a whole, or else, when the model leaves it as it is or loses parts of it, the definitions that the
/// instruction names one by one.
fn whole_or_parts(work: &Work<'_>, path: &RepoPath, base: &Base) -> Result<Edited, PluginError> {
    let whole = whole::whole(work, path, base);
    let good = match &whole {
        Ok(edited) => edited.doubt.is_none() && (edited.text != base.text || !work.sole),
        Err(error) => !matches!(error.code, ErrorCode::Invalid | ErrorCode::Budget),
    };
    if good {
        return whole;
    }
    let ranges = regions::find(work.instruction, path, base, work.host)?;
    if ranges.is_empty() || ranges.contains(&(0..base.text.len())) {
        return whole;
    }
    match edit_parts(work, path, base, ranges) {
        Ok(parts) if parts.doubt.is_none() && parts.text != base.text => Ok(parts),
        Err(error) if error.code == ErrorCode::Cancelled => Err(error),
        _ => whole,
    }
}

/// A file that is to be written anew must fit the context twice, with room for what is added.
fn whole_limit(work: &Work<'_>) -> Result<u32, PluginError> {
    Ok(WHOLE_TOKENS.min(work.host.model()?.context_length / 3))
}

/// The parts from the last to the first, so that the places of those that are left stay what they are.
fn edit_parts(
    work: &Work<'_>,
    path: &RepoPath,
    base: &Base,
    ranges: Vec<std::ops::Range<usize>>,
) -> Result<Edited, PluginError> {
    let mut result = Edited { text: base.text.clone(), notes: Vec::new(), doubt: None };
    for range in ranges {
        let now = Base { text: result.text, ..base.clone() };
        let edited = whole::part(work, path, &now, range)?;
        result.text = edited.text;
        result.notes.extend(edited.notes);
        result.doubt = result.doubt.or(edited.doubt);
    }
    Ok(result)
}

/// Units of one kind one by one, from the last to the first.
fn edit_each(
    work: &Work<'_>,
    path: &RepoPath,
    base: &Base,
    ranges: Vec<std::ops::Range<usize>>,
) -> Result<Edited, PluginError> {
    let units = units::units(path, &base.text);
    let meant: Vec<Unit> = units.into_iter().filter(|unit| ranges.contains(&unit.range)).collect();
    edit_units(work, path, base, meant, None)
}

/// Some units, and a new definition, with all else as it is.
fn edit_units(
    work: &Work<'_>,
    path: &RepoPath,
    base: &Base,
    units: Vec<Unit>,
    new: Option<place::Place>,
) -> Result<Edited, PluginError> {
    let names: Vec<String> = units.iter().map(|unit| format!("`{}`", unit.qualified)).collect();
    let mut result = Edited { text: base.text.clone(), notes: Vec::new(), doubt: None };
    match names.as_slice() {
        [] => {}
        some if some.len() <= MAX_NAMES => result.notes.push(format!("only {} may change", some.join(", "))),
        many => result.notes.push(format!("only {} definitions may change", many.len())),
    }
    if let Some(place) = &new {
        result.text = whole::define(work, path, base, place)?.text;
    }
    let several = units.len() + usize::from(new.is_some()) > 1;
    let work = if several { work.for_each() } else { work.about(path) };
    for unit in units.iter().rev() {
        if work.host.cancelled() {
            return Err(PluginError::cancelled());
        }
        let now = Base { text: result.text.clone(), ..base.clone() };
        // A new definition may have moved it.
        let all = units::units(path, &now.text);
        let unit = all.iter().find(|other| other.qualified == unit.qualified && other.range.len() == unit.range.len());
        let Some(unit) = unit else { continue };
        let edited = whole::unit(&work, path, &now, unit)?;
        result.text = edited.text;
        result.notes.extend(edited.notes);
        result.doubt = result.doubt.or(edited.doubt);
    }
    Ok(result)
}

/// One line for the history.
fn title(prompt: &str) -> String {
    let line = prompt.trim().lines().next().unwrap_or_default().trim();
    if line.chars().count() <= 72 {
        return line.to_owned();
    }
    let cut: String = line.chars().take(71).collect();
    cut.trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests;
