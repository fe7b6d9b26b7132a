//! The one gate that every result passes: what it breaks is refused, what is doubtful waits for a person.

use crate::{Changes, Refusal};
use deepcoder_resolve::{How, Mapped, Overlay, Place, Project, changed_meanings, in_parallel};
use deepcoder_syntax::{Language, SyntaxError, errors};
use deepcoder_types::{Hint, RepoPath, TextRange};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What may become of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Exact: every name means what it meant before.
    Safe,
    /// A person should look at the doubts first.
    NeedsReview,
    /// Nothing is changed.
    Refused,
}

/// Why a result does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum GateError {
    #[error("the result would not parse in line {line} of `{path}`")]
    Syntax { path: RepoPath, line: u32 },
    #[error("`{name}` would mean {}", match .how { How::Nothing => "nothing any more", _ => "something else" })]
    Meaning { name: String, how: How },
}

impl Hint for GateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } => Some("nothing was changed; the operation does not fit this code".into()),
            Self::Meaning { .. } => Some("choose another name".into()),
        }
    }
}

impl Changes {
    /// What may become of them, once they have passed the gate.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.doubts.is_empty() { Verdict::Safe } else { Verdict::NeedsReview }
    }
}

/// The changes of an operation, in order and checked.
pub(crate) fn pass(project: &Project<'_>, mut changes: Changes) -> Result<Changes, Refusal> {
    changes.settle(project.files());
    let after = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    parses(project, &changes, &after)?;
    Ok(changes)
}

/// Every name outside of the edits means what it meant. The changes are settled: in order, and of their file's line ending.
pub(crate) fn keeps_meanings(project: &Project<'_>, changes: &Changes) -> Result<(), Refusal> {
    let texts = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    let mut changed: BTreeMap<RepoPath, Option<Arc<str>>> =
        changes.renamed.iter().map(|(from, _)| (from.clone(), None)).collect();
    changed.extend(texts.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))));
    let overlay = Overlay::new(project.files(), changed);
    let after = project.after(&overlay);
    let length = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mapped =
        |edits: &Vec<(TextRange, String)>| Mapped::new(edits.iter().map(|(range, text)| (*range, length(text))));
    let edits = changes.edits.iter().map(|(path, edits)| (path.clone(), mapped(edits))).collect();
    match changed_meanings(project, &after, &edits).into_iter().next() {
        Some(first) => {
            let error = GateError::Meaning { name: first.name, how: first.how };
            Err(Refusal::of(&error).at(&first.place.path, first.place.at))
        }
        None => Ok(()),
    }
}

/// No file has an error that it did not have before.
fn parses(project: &Project<'_>, changes: &Changes, after: &BTreeMap<RepoPath, String>) -> Result<(), Refusal> {
    let sources: BTreeMap<&RepoPath, &RepoPath> = changes.renamed.iter().map(|(from, to)| (to, from)).collect();
    let texts: Vec<(&RepoPath, &String)> = after.iter().collect();
    let with_errors: Mutex<BTreeMap<&RepoPath, Vec<SyntaxError>>> = Mutex::default();
    in_parallel(&texts, |(path, text)| {
        let found = Language::program(path).map(|language| errors(language, text)).unwrap_or_default();
        if !found.is_empty() {
            with_errors.lock().unwrap_or_else(PoisonError::into_inner).insert(path, found);
        }
    });
    for (path, found) in with_errors.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let Some(language) = Language::program(path) else { continue };
        let Some(first) = found.first() else { continue };
        let source = sources.get(path).copied().unwrap_or(path);
        let old = if changes.created.contains_key(path) { None } else { project.files().text(source) };
        let before = old.map(|old| errors(language, &old)).unwrap_or_default();
        if found.len() > before.len() {
            let line = new_error(&before, &found).unwrap_or(first).line;
            let refusal = Refusal::of(&GateError::Syntax { path: path.clone(), line });
            let place = changes.edits.get(source).and_then(|edits| edits.first()).map(|(at, _)| *at);
            return Err(Refusal {
                place: Some(Place { path: source.clone(), at: place.unwrap_or(TextRange::new(0, 0)) }),
                ..refusal
            });
        }
    }
    Ok(())
}

/// The first error that was not there before, by its line from either end.
fn new_error<'e>(before: &[SyntaxError], after: &'e [SyntaxError]) -> Option<&'e SyntaxError> {
    let same = before.iter().zip(after).take_while(|(a, b)| a.line == b.line && a.missing == b.missing).count();
    after.get(same)
}
