//! Writing: the model gives descriptions, and everything else comes from the code.

mod ask;
mod clean;
mod exact;
mod place;
mod render;

use crate::check::usual_style;
use crate::files::{File, asked, declared};
use crate::options::Options;
use crate::said::Style;
use crate::scope::Scope;
use crate::units::{Unit, read};
use ask::Asked;
use deepcoder_edit::{LineEnding, split_bom};
use deepcoder_plugin_api::{Host, Level, PluginError};
use deepcoder_syntax::{Kept, Language, tokens};
use deepcoder_types::{
    Applicability, Change, Constraint, ContextBundle, FileEdit, Instruction, Outcome, Proposal, TextEdit, TextRange,
};
use std::collections::BTreeSet;

pub(crate) use render::Layout;

/// Names that a note lists at most.
const SHOWN: usize = 5;

/// A text to be inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Insertion {
    /// Where, in bytes.
    pub at: usize,
    /// With the file's own line endings.
    pub text: String,
}

/// What the model says of one definition: descriptions, each for a name that the signature has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Descriptions {
    /// The first sentence.
    pub summary: String,
    /// By the names of the parameters.
    pub parameters: Vec<(String, String)>,
    /// Of the result.
    pub gives: Option<String>,
    /// By the names of the errors.
    pub raises: Vec<(String, String)>,
}

/// What came of one file.
struct Written {
    insertions: Vec<Insertion>,
    left: Vec<String>,
    doubts: Vec<String>,
}

/// Documentation for all that has none in the scope.
pub(crate) fn write(
    instruction: &Instruction,
    options: &Options,
    context: &ContextBundle,
    host: &dyn Host,
) -> Result<Outcome, PluginError> {
    let (scope, files) = asked(instruction, options, host)?;
    let declared = declared(&files, host);
    let (mut changes, mut notes, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
    for file in &files {
        let layout = layout(file, options);
        let written = file_written(file, &scope, &declared, &layout, (instruction, host))?;
        let path = &file.path;
        doubts.extend(written.doubts.iter().map(|doubt| format!("{path}: {doubt}")));
        if !written.left.is_empty() {
            notes.push(format!("left out in {path}: {}", listed(&written.left)));
        }
        if !written.insertions.is_empty() {
            changes.push(Change::Modify(FileEdit {
                path: path.clone(),
                base_hash: file.hash,
                edits: written.insertions.into_iter().map(edit).collect(),
            }));
        }
    }
    if changes.is_empty() {
        notes.iter().for_each(|note| host.log(Level::Warn, note));
        return Ok(Outcome::Unchanged);
    }
    let applicability = if doubts.is_empty() { Applicability::Safe } else { Applicability::NeedsReview };
    let title = match (files.as_slice(), instruction.prompt.trim()) {
        ([file], "") => format!("document {}", file.path),
        ([file], names) => format!("document {names} in {}", file.path),
        (_, "") => "document what had no documentation".to_owned(),
        (_, names) => format!("document {names}"),
    };
    Ok(Outcome::Proposals(vec![Proposal {
        snapshot: context.snapshot.clone(),
        title,
        rationale: doubts.into_iter().chain(notes).collect::<Vec<_>>().join("\n"),
        applicability,
        changes,
        checks: Vec::new(),
        constraint: Some(Constraint::Comments),
    }]))
}

fn edit(insertion: Insertion) -> TextEdit {
    let at = u32::try_from(insertion.at).unwrap_or(u32::MAX);
    TextEdit { range: TextRange::new(at, at), replacement: insertion.text }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "))
}

/// The form of documentation in a file: that which the user asks for, that of the file, or that of its language.
fn layout(file: &File, options: &Options) -> Layout {
    let language = file.source.language;
    let own = usual_style(std::iter::once(&file.source));
    let has_prose = file.source.units.iter().filter(|unit| unit.doc.is_some()).count() >= 3;
    let style = match (options.style(language), own) {
        (Some(style), _) | (None, Some(style)) => Some(style),
        // A file that is documented without sections stays so.
        (None, None) if has_prose => None,
        (None, None) => match language {
            Language::Python => Some(Style::Google),
            Language::Rust | Language::Go => None,
            _ => Some(Style::Tags),
        },
    };
    Layout::new(language, &file.text, style)
}

/// The documentation of one file.
fn file_written(
    file: &File,
    scope: &Scope,
    declared: &BTreeSet<String>,
    layout: &Layout,
    (instruction, host): (&Instruction, &dyn Host),
) -> Result<Written, PluginError> {
    let mut written = Written { insertions: Vec::new(), left: Vec::new(), doubts: Vec::new() };
    let language = file.source.language;
    let elsewhere = |unit: &Unit| language.is_c() && unit.body.is_some() && declared.contains(&unit.symbol.name);
    let bare = |unit: &&Unit| scope.has(&file.path, unit) && unit.doc.is_none() && !unit.inherits && !elsewhere(unit);
    let all: Vec<&Unit> = file.source.units.iter().filter(bare).collect();
    for (at, unit) in all.iter().enumerate() {
        let name = &unit.symbol.qualified;
        #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
        let fraction = at as f32 / all.len() as f32;
        host.progress(&format!("documenting {name}"), Some(fraction));
        let Some(place) = place::of(language, &file.text, unit) else {
            written.left.push(format!("`{name}`: its body shares a line with its signature"));
            continue;
        };
        let descriptions = match ask::descriptions(file, unit, layout, (instruction, host))? {
            Asked::Said(descriptions) => descriptions,
            Asked::Nothing(why) => {
                written.left.push(format!("`{name}`: {why}"));
                continue;
            }
        };
        match placed(file, unit, layout, &place, &descriptions) {
            Ok(insertion) => {
                if unit.signature.as_ref().is_some_and(|signature| signature.is_unsafe) {
                    let doubt = "is unsafe, and its section `# Safety` is for a person to write";
                    written.doubts.push(format!("`{name}` {doubt}"));
                }
                written.insertions.push(insertion);
            }
            Err(why) => written.left.push(format!("`{name}`: {why}")),
        }
    }
    written.insertions.sort_by_key(|insertion| insertion.at);
    if !written.insertions.is_empty() && !same_code(language, &file.text, &with(&file.text, &written.insertions)) {
        return Err(PluginError::new(
            deepcoder_plugin_api::ErrorCode::Internal,
            format!("the documentation of `{}` would change its code", file.path),
        ));
    }
    Ok(written)
}

/// The insertion of one documentation, proven: the code is the same, and a reader finds this text for this definition.
pub(crate) fn placed(
    file: &File,
    unit: &Unit,
    layout: &Layout,
    place: &place::Place,
    descriptions: &Descriptions,
) -> Result<Insertion, String> {
    let mut text = render::rendered(layout, unit, place, descriptions);
    // Formatters of Python put a blank line behind the docstring of a class.
    let follows = file.text.get(place.at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if file.source.language == Language::Python && unit.is_type() && !follows.trim().is_empty() {
        text.push('\n');
    }
    let ending = LineEnding::dominant(split_bom(&file.text).1).as_str();
    let insertion = Insertion { at: place.at, text: text.replace('\n', ending) };
    let after = with(&file.text, std::slice::from_ref(&insertion));
    if !same_code(file.source.language, &file.text, &after) {
        return Err("the text would change the code".to_owned());
    }
    let found = read(file.source.language, &after, crate::files::is_header(&file.path));
    let own = found.as_ref().and_then(|source| {
        let same = |other: &&Unit| {
            other.symbol.qualified == unit.symbol.qualified
                && other.symbol.range.end as usize == unit.symbol.range.end as usize + insertion.text.len()
        };
        source.units.iter().find(same)
    });
    match own.map(|own| &own.doc) {
        Some(Some(_)) => Ok(insertion),
        _ => Err("no reader would find the text".to_owned()),
    }
}

/// A text with insertions, which are in order.
pub(crate) fn with(text: &str, insertions: &[Insertion]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for insertion in insertions {
        out.push_str(text.get(from..insertion.at).unwrap_or_default());
        out.push_str(&insertion.text);
        from = insertion.at;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Whether two texts have the same tokens, but for comments and docstrings.
pub(crate) fn same_code(language: Language, old: &str, new: &str) -> bool {
    let code = |text: &str| -> Option<Vec<String>> {
        let all = tokens(language, text, Kept::Code)?;
        Some(all.code.iter().map(|token| text.get(token.range.as_range()).unwrap_or_default().to_owned()).collect())
    };
    code(old).is_some_and(|before| code(new).as_ref() == Some(&before))
}

#[cfg(test)]
mod tests;
