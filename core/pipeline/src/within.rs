//! Reduces a result that does more than a narrow instruction asks for.

use deepcoder_edit::{apply_edits, edits_between};
use deepcoder_types::{EditSet, FileChange, TextEdit};
use deepcoder_verify::{Policy, verify};
use deepcoder_workspace::Memory;

/// Files with more differences are not taken apart: each costs a parse.
const MAX_EDITS: usize = 100;

/// Of longer additions only so many lines may be kept.
const MAX_LINES: usize = 20;

/// The set with the files that pass verification, and of the others only those differences that do, one by one and all
/// together; `None` where none does, or where nothing is asked that a difference could go beyond.
pub(crate) fn within(set: &EditSet, policy: &Policy) -> Option<EditSet> {
    policy.constraint.as_ref()?;
    let files: Vec<FileChange> = set.files.iter().filter_map(|file| part(set, file, policy)).collect();
    let rest = EditSet { files, ..set.clone() };
    (!rest.files.is_empty() && verify(&rest, policy, &Memory::default()).passed).then_some(rest)
}

fn part(set: &EditSet, file: &FileChange, policy: &Policy) -> Option<FileChange> {
    let alone =
        |change: FileChange| verify(&EditSet { files: vec![change], ..set.clone() }, policy, &Memory::default()).passed;
    if alone(file.clone()) {
        return Some(file.clone());
    }
    let (old, new) = (file.old.as_ref()?, file.new.as_ref()?);
    let (before, after) = (std::str::from_utf8(&old.bytes).ok()?, std::str::from_utf8(&new.bytes).ok()?);
    let edits = edits_between(before, after);
    let made = |edits: &[TextEdit]| {
        let mut change = file.clone();
        change.new.as_mut()?.bytes = apply_edits(before, edits).ok()?.into_bytes();
        Some(change)
    };
    let passes = |edit: &TextEdit| made(std::slice::from_ref(edit)).is_some_and(alone);
    let same = |edit: &TextEdit| before.get(edit.range.as_range()) == Some(edit.replacement.as_str());
    let shorter = |edit: &TextEdit| first_lines(edit).find(|part| !same(part) && passes(part));
    let kept: Vec<TextEdit> = edits
        .iter()
        .take(MAX_EDITS)
        .filter_map(|edit| if passes(edit) { Some(edit.clone()) } else { shorter(edit) })
        .collect();
    if kept.is_empty() { None } else { made(&kept) }
}

/// The beginnings of an edit, the longest first, such as the annotated signature of a function that also got a
/// docstring.
fn first_lines(edit: &TextEdit) -> impl Iterator<Item = TextEdit> {
    let text = &edit.replacement;
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).take(MAX_LINES).collect();
    let whole = text.ends_with('\n');
    ends.into_iter().rev().filter(move |&at| !whole || at + 1 < text.len()).map(move |at| {
        let end = if whole { at + 1 } else { at };
        TextEdit { replacement: text.get(..end).unwrap_or_default().to_owned(), ..edit.clone() }
    })
}
