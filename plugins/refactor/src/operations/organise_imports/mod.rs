//! Organise imports: what nothing uses goes, what comes from one module is one import, and all stand in the order that the
//! language's tools give them.
//!
//! An import may be there for what its module does, for others who take the name from here, or for code that looks names up
//! while it runs. What the text shows to be so stays, and what it leaves open waits for a person.

mod go;
mod java;
pub(in crate::operations) mod python;
mod rust;
pub(in crate::operations) mod script;
mod sorted;

use crate::grammar::source::Source;
use crate::request::{ImportStyle, Imports};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{
    DeclarationId, HazardKind, Import, Mapped, Overlay, Project, Reference, Resolution, Role, Target as Meant,
};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, TextRange};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why imports stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ImportsError {
    #[error("the file does not parse")]
    Syntax,
    #[error("imports of {0} cannot be organised so")]
    Language(&'static str),
    #[error("`{0}` is no import of one module")]
    NotAnImport(String),
    #[error("`{0}` is taken")]
    Taken(String),
    #[error("`{0}` is imported from two modules, and the later import counts")]
    Twice(String),
    #[error("`{0}` would come from another module")]
    Meaning(String),
    #[error("there is no import here that has a neighbour like it")]
    NoNeighbour,
    #[error("there is no name here that can have an import of its own")]
    NoName,
}

impl Hint for ImportsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax => Some("correct the syntax first".into()),
            Self::NotAnImport(_) => Some("write one import as it stands in a file".into()),
            Self::NoNeighbour | Self::NoName => Some("place the cursor on an import: FILE:LINE:COLUMN".into()),
            Self::Language(_) | Self::Taken(_) | Self::Twice(_) | Self::Meaning(_) => None,
        }
    }
}

/// The changes that put the imports of a file in order.
pub(crate) fn organise_imports(
    project: &Project<'_>,
    target: &Target,
    work: &Imports,
    style: &ImportStyle,
) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    if source.tree.root_node().has_error() {
        return Err(source.refuse(&ImportsError::Syntax, target.range));
    }
    let mut changes = Changes::default();
    match source.language {
        Language::Python => python::organise(&source, work, &mut changes)?,
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            script::organise(&source, work, style, &mut changes)?
        }
        Language::Java => java::organise(&source, work, &mut changes)?,
        Language::Go => go::organise(&source, work, &mut changes)?,
        Language::Rust => rust::organise(&source, target.range, work, &mut changes)?,
        other => return Err(source.refuse(&ImportsError::Language(other.name()), target.range)),
    }
    changes.settle(project.files());
    same_imports(&source, &changes)?;
    Ok(changes)
}

/// The declaration that a text declares.
pub(super) fn declared_at(source: &Source<'_>, at: TextRange) -> Option<DeclarationId> {
    let declares = |r: &&Reference| r.at == at && matches!(r.role, Role::Declares | Role::Writes);
    source.references(at).iter().filter(declares).find_map(|r| match r.target {
        Meant::Declaration(id) => Some(id),
        _ => None,
    })
}

/// Whether anything but imports names a declaration.
pub(super) fn is_used(source: &Source<'_>, id: DeclarationId) -> bool {
    source.bindings.references.iter().any(|r| {
        !matches!(r.role, Role::Declares | Role::Imports)
            && match &r.target {
                Meant::Declaration(of) => *of == id,
                Meant::Several(of, _) => of.contains(&id),
                Meant::Lookup { otherwise, .. } => **otherwise == Meant::Declaration(id),
                _ => false,
            }
    })
}

/// Whether code looks names up while it runs.
pub(super) fn looks_names_up(source: &Source<'_>) -> bool {
    let any = |kind: HazardKind| matches!(kind, HazardKind::Eval | HazardKind::Scope | HazardKind::Reflection);
    source.bindings.hazards.iter().any(|hazard| hazard.name.is_none() && any(hazard.kind))
}

/// The ranges to take away so that a list loses some of its items, with their commas.
pub(in crate::operations) fn without(source: &Source<'_>, items: &[TextRange], gone: &[bool]) -> Vec<TextRange> {
    let Some(last) = gone.iter().rposition(|gone| !gone) else { return Vec::new() };
    let mut out = Vec::new();
    for (at, pair) in items.windows(2).enumerate().take(last) {
        if gone.get(at) == Some(&true) {
            // A comment above the next item stays with it.
            let between = source.text_of(TextRange::new(pair[0].end, pair[1].start));
            let line = between.find('\n').map_or(between.len(), |line| line + 1);
            let blank = between.get(line..).map_or(0, |rest| rest.len() - rest.trim_start().len());
            let end = pair[0].end + u32::try_from(line + blank).unwrap_or(0);
            out.push(TextRange::new(pair[0].start, end.min(pair[1].start)));
        }
    }
    if let (Some(kept), Some(end)) = (items.get(last), items.last())
        && kept.end < end.end
    {
        out.push(TextRange::new(kept.end, end.end));
    }
    out
}

/// The lines of a statement that has them for itself, with a comment behind it; its own text where other code stands there.
pub(super) fn lines_of(source: &Source<'_>, at: TextRange) -> TextRange {
    let (start, end) = (source.line_start(at.start), source.line_end(at.end));
    let after = source.text_of(TextRange::new(at.end, end)).trim_start_matches([';', ' ', '\t']).trim_end();
    let comment =
        after.starts_with(['#', '/']) && (!after.starts_with("/*") || after.find("*/") == Some(after.len() - 2));
    if source.begins_line(at.start) && (after.is_empty() || comment) { TextRange::new(start, end) } else { at }
}

/// Takes whole statements away, and one of the blank lines where they leave two.
pub(in crate::operations) fn remove_statements(source: &Source<'_>, gone: &[TextRange], changes: &mut Changes) {
    let mut runs: Vec<TextRange> = Vec::new();
    for at in gone.iter().map(|at| lines_of(source, *at)) {
        match runs.last_mut() {
            Some(last) if last.end == at.start => last.end = at.end,
            _ => runs.push(at),
        }
    }
    let blank = |at: TextRange| at.start < at.end && source.text_of(at).trim().is_empty();
    for mut at in runs {
        if sorted::commented_above(source, at.start)
            && !blank(TextRange::new(source.line_start(at.start.saturating_sub(1)), at.start))
        {
            changes.doubt(&source.path, at, "the comment above the import stays");
        }
        let whole = source.line_start(at.start) == at.start && source.text_of(at).ends_with('\n');
        let above = at.start == 0 || blank(TextRange::new(source.line_start(at.start - 1), at.start));
        loop {
            let next = TextRange::new(at.end, source.line_end(at.end));
            if !(whole && above && blank(next)) {
                break;
            }
            at.end = next.end;
        }
        changes.remove(&source.path, at);
    }
}

/// The nodes of these kinds among the children of one.
pub(in crate::operations) fn children<'t>(node: Node<'t>, kinds: &[&str]) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| kinds.contains(&child.kind())).collect()
}

/// Whether a text holds a word.
pub(in crate::operations) fn has_word(text: &str, word: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(of_name) && !text[at + word.len()..].starts_with(of_name))
}

/// Every imported name outside of the edits still comes from the same module.
fn same_imports(source: &Source<'_>, changes: &Changes) -> Result<(), Refusal> {
    let texts = changes.apply(source.project.files()).map_err(|error| Refusal::of(&error))?;
    let Some(text) = texts.get(&source.path) else { return Ok(()) };
    let changed = BTreeMap::from([(source.path.clone(), Some(Arc::from(text.as_str())))]);
    let overlay = Overlay::new(source.project.files(), changed);
    let after = Project::new(&overlay);
    let Some(new) = after.bindings(&source.path) else { return Ok(()) };
    let length = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
    let edits = changes.edits.get(&source.path).map(Vec::as_slice).unwrap_or_default();
    let mapped = Mapped::new(edits.iter().map(|(range, text)| (*range, length(text))));
    let mut means: BTreeMap<TextRange, Vec<(&str, Option<&Import>)>> = BTreeMap::new();
    for reference in &new.references {
        let import = imported(&new, reference);
        means.entry(reference.at).or_default().push((&reference.name, import));
    }
    for reference in &source.bindings.references {
        let Some(import) = imported(&source.bindings, reference) else { continue };
        let Some(at) = mapped.range(reference.at) else { continue };
        // What the tree declares is compared by the gate.
        let found = source.project.resolve(&source.path, reference);
        if matches!(&found, Resolution::Exact(s) if s.declarations.iter().all(|(path, _)| *path != source.path)) {
            continue;
        }
        let same = (reference.name.as_str(), Some(import));
        if !means.get(&at).is_some_and(|means| means.contains(&same)) {
            return Err(source.refuse(&ImportsError::Meaning(reference.name.clone()), reference.at));
        }
    }
    Ok(())
}

/// What a reference to an import's name stands for.
fn imported<'b>(bindings: &'b deepcoder_resolve::Bindings, reference: &Reference) -> Option<&'b Import> {
    match &reference.target {
        Meant::Declaration(id) => bindings.declaration(*id)?.import.as_ref(),
        _ => None,
    }
}
