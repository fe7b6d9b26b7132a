//! Names outside of the edited lines that mean another declaration after the edit: a new name that captures them.

use super::{Context, File, line_of};
use crate::policy::Finding;
use deepcoder_resolve::{How, Mapped, Memory, Project, changed_meanings};
use deepcoder_types::{Constraint, RepoPath, TextRange};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most names that one file is told of.
const MOST: usize = 4;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // What a renaming comes to has a check of its own.
    if matches!(context.constraint, Some(Constraint::Rename(_))) {
        return;
    }
    let files: Vec<(&File<'_>, &str, &str)> = context
        .files
        .iter()
        .filter(|file| file.sound() && file.language.is_some_and(deepcoder_resolve::supports))
        .filter_map(|file| Some((file, file.old?, file.new?)))
        .collect();
    if files.is_empty() {
        return;
    }
    let before = Memory::new(files.iter().map(|(file, old, _)| (file.path.clone(), Arc::from(*old))).collect());
    let after = Memory::new(files.iter().map(|(file, _, new)| (file.path.clone(), Arc::from(*new))).collect());
    let (was, is) = (Project::new(&before), Project::new(&after));
    let edits: BTreeMap<RepoPath, Mapped> =
        files.iter().map(|(file, old, new)| (file.path.clone(), Mapped::new(edited(old, new)))).collect();
    let changed = changed_meanings(&was, &is, &edits);
    for (file, old, new) in files {
        let captured = changed.iter().filter(|c| c.place.path == *file.path && c.how == How::Another);
        for change in captured.take(MOST) {
            let now = change.now.as_ref().filter(|now| now.path == *file.path);
            let now = now.map(|now| format!("what line {} declares", line_of(new, now.at.start)));
            let line = line_of(old, change.place.at.start);
            findings.push(Finding::review(
                file.path,
                format!("`{}` of line {line} means {} now", change.name, now.as_deref().unwrap_or("something else")),
            ));
        }
    }
}

/// The lines that an edit replaces, with the length of what stands there after it.
fn edited(old: &str, new: &str) -> Vec<(TextRange, u32)> {
    let lines = |text: &'_ str| -> Vec<u32> {
        let mut at = 0;
        let mut starts = vec![0];
        for line in text.split_inclusive('\n') {
            at += u32::try_from(line.len()).unwrap_or(u32::MAX);
            starts.push(at);
        }
        starts
    };
    let (starts, ends) = (lines(old), lines(new));
    let (a, b): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let at = |of: &[u32], line: usize| of.get(line).or(of.last()).copied().unwrap_or_default();
    capture_diff_slices(Algorithm::Myers, &a, &b)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| {
            let (before, after) = (op.old_range(), op.new_range());
            let range = TextRange::new(at(&starts, before.start), at(&starts, before.end));
            (range, at(&ends, after.end) - at(&ends, after.start))
        })
        .collect()
}
