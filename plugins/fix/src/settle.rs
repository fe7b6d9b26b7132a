//! Fixes of many findings as one change of the tree.

use crate::Fix;
use deepcoder_edit::apply_edits;
use deepcoder_resolve::Files;
use deepcoder_syntax::{Language, errors};
use deepcoder_types::{RepoPath, TextEdit};
use std::collections::BTreeMap;

/// The fixes that fit together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fixed {
    /// The edits, sorted and without overlaps, of the files as they are before.
    pub edits: BTreeMap<RepoPath, Vec<TextEdit>>,
    /// The files that change, as they are afterwards.
    pub after: BTreeMap<RepoPath, String>,
    /// How many fixes are among the edits.
    pub applied: usize,
    /// How many are left out: they overlap another one, or the file would not parse any more.
    pub left: usize,
    /// Why a person should look first, each reason once.
    pub doubts: Vec<String>,
}

impl Fixed {
    /// Puts fixes together, the first ones first.
    #[must_use]
    pub fn new(files: &dyn Files, fixes: Vec<Fix>) -> Self {
        let mut fixed = Self::default();
        let all = fixes.len();
        let mut taken = Vec::new();
        for fix in fixes {
            if fix.edits.iter().all(|(path, new)| fits(fixed.edits.get(path), new)) {
                for (path, new) in &fix.edits {
                    fixed.edits.entry(path.clone()).or_default().extend(new.iter().cloned());
                }
                taken.push(fix);
            }
        }
        // One fix that breaks a file must not cost the others.
        if !fixed.apply(files) {
            let whole = std::mem::take(&mut taken);
            fixed = Self::default();
            for fix in whole {
                let before = fixed.edits.clone();
                for (path, new) in &fix.edits {
                    fixed.edits.entry(path.clone()).or_default().extend(new.iter().cloned());
                }
                if fixed.apply(files) {
                    taken.push(fix);
                } else {
                    fixed.edits = before;
                }
            }
            fixed.apply(files);
        }
        fixed.applied = taken.len();
        fixed.left = all - taken.len();
        for doubt in taken.into_iter().filter_map(|fix| fix.doubt) {
            if !fixed.doubts.contains(&doubt) {
                fixed.doubts.push(doubt);
            }
        }
        fixed
    }

    /// Makes the texts of the files afterwards; whether none has an error that it did not have.
    fn apply(&mut self, files: &dyn Files) -> bool {
        self.after.clear();
        for (path, edits) in &mut self.edits {
            edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
            edits.dedup();
            let Some(before) = files.text(path) else { return false };
            let Ok(after) = apply_edits(&before, edits) else { return false };
            if let Some(language) = Language::program(path)
                && errors(language, &after).len() > errors(language, &before).len()
            {
                return false;
            }
            self.after.insert(path.clone(), after);
        }
        true
    }
}

/// Whether no edit touches the bytes of one that is there, unless both are the same.
fn fits(there: Option<&Vec<TextEdit>>, new: &[TextEdit]) -> bool {
    let there = there.map(Vec::as_slice).unwrap_or_default();
    let apart = |a: &TextEdit, b: &TextEdit| {
        a == b
            || a.range.end <= b.range.start && a.range != b.range
            || b.range.end <= a.range.start && a.range != b.range
    };
    new.iter().all(|edit| there.iter().all(|other| apart(edit, other)))
}
