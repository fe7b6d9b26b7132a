//! The hunks of an edit set, numbered as its diff shows them, and the set that has only some of them.
//!
//! Within a file, hunks count from 1. A file that is added, deleted or renamed, and one that is not text, is one hunk. New
//! permission bits belong to the first hunk.

use crate::diff::line_spans;
use crate::lines::with_endings;
use crate::unified::{groups, renames, text};
use deepcoder_types::{EditSet, FileChange, FileImage, HunkRef, RepoPath};
use std::collections::BTreeSet;

/// A file of a set, as its diff shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHunks {
    /// The file, by its new name where it is renamed.
    pub path: RepoPath,
    /// Its old name, where it is renamed.
    pub from: Option<RepoPath>,
    /// `added`, `modified`, `deleted` or `renamed`.
    pub status: &'static str,
    /// How many.
    pub hunks: u32,
}

/// Why hunks cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// The set has no such file.
    #[error("the change has no file `{0}`")]
    NoFile(RepoPath),
    /// The file has no such hunk.
    #[error("`{path}` has {hunks} hunks, and no hunk {hunk}")]
    NoHunk {
        /// The file.
        path: RepoPath,
        /// How many it has.
        hunks: u32,
        /// Which was asked for.
        hunk: u32,
    },
}

impl deepcoder_types::Hint for ChooseError {
    fn hint(&self) -> Option<String> {
        Some("files are named as in the diff, and hunks count from 1 in each of them".into())
    }
}

/// The files of `set` with their hunks, in the order of its diff.
#[must_use]
pub fn hunks(set: &EditSet) -> Vec<FileHunks> {
    let renames = renames(&set.files);
    let mut out = Vec::new();
    for (index, change) in set.files.iter().enumerate() {
        if change.old == change.new || renames.iter().any(|rename| rename.deleted == index) {
            continue;
        }
        let from = renames.iter().find(|rename| rename.added == index).map(|rename| &set.files[rename.deleted].path);
        let status = match (&change.old, &change.new) {
            _ if from.is_some() => "renamed",
            (None, _) => "added",
            (_, None) => "deleted",
            _ => "modified",
        };
        out.push(FileHunks { path: change.path.clone(), from: from.cloned(), status, hunks: count(change) });
    }
    out
}

/// The set that has only the `chosen` hunks of `set`. It may be empty.
pub fn choose(set: &EditSet, chosen: &[HunkRef]) -> Result<EditSet, ChooseError> {
    let all = hunks(set);
    for one in chosen {
        let file = all.iter().find(|file| file.path == one.path);
        let hunks = file.ok_or_else(|| ChooseError::NoFile(one.path.clone()))?.hunks;
        if one.hunk == 0 || one.hunk > hunks {
            return Err(ChooseError::NoHunk { path: one.path.clone(), hunks, hunk: one.hunk });
        }
    }
    let of = |path: &RepoPath| -> BTreeSet<u32> {
        chosen.iter().filter(|one| one.path == *path).map(|one| one.hunk).collect()
    };
    let mut files = Vec::new();
    for change in &set.files {
        // The old half of a rename goes with the new one.
        let renamed = all.iter().find(|file| file.from.as_ref() == Some(&change.path));
        let picked = of(renamed.map_or(&change.path, |file| &file.path));
        files.extend(part(change, &picked));
    }
    Ok(EditSet { id: set.id.clone(), title: set.title.clone(), files })
}

fn count(change: &FileChange) -> u32 {
    let hunks = both(change).map_or(0, |(old, new)| {
        let (a, b) = (with_endings(old), with_endings(new));
        groups(&line_spans(&a, &b)).len()
    });
    u32::try_from(hunks.max(1)).unwrap_or(u32::MAX)
}

/// Both sides as text, where there are two and both are.
fn both(change: &FileChange) -> Option<(&str, &str)> {
    Some((text(&change.old.as_ref()?.bytes)?, text(&change.new.as_ref()?.bytes)?))
}

/// The part of a change that some of its hunks make.
fn part(change: &FileChange, picked: &BTreeSet<u32>) -> Option<FileChange> {
    if picked.is_empty() {
        return None;
    }
    let (Some((old, new)), Some(old_image), Some(new_image)) = (both(change), &change.old, &change.new) else {
        return Some(change.clone());
    };
    let (a, b) = (with_endings(old), with_endings(new));
    let spans = line_spans(&a, &b);
    let groups = groups(&spans);
    let mut bytes = Vec::with_capacity(new.len().max(old.len()));
    for (at, span) in spans.iter().enumerate() {
        let hunk = groups.iter().position(|group| group.contains(&at));
        let new_side = hunk.is_some_and(|hunk| u32::try_from(hunk + 1).is_ok_and(|number| picked.contains(&number)));
        let lines = if new_side { &b[span.new.clone()] } else { &a[span.old.clone()] };
        lines.iter().for_each(|line| bytes.extend_from_slice(line.as_bytes()));
    }
    let mode = if picked.contains(&1) { new_image.mode } else { old_image.mode };
    let new = FileImage { bytes, mode };
    (new.bytes != old_image.bytes || new.mode != old_image.mode).then(|| FileChange {
        path: change.path.clone(),
        old: Some(old_image.clone()),
        new: Some(new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unified_diff;
    use proptest::prelude::*;

    fn image(text: &str) -> Option<FileImage> {
        Some(FileImage { bytes: text.as_bytes().to_vec(), mode: Some(0o644) })
    }

    fn path(name: &str) -> RepoPath {
        RepoPath::new(name.to_owned()).expect("a path")
    }

    fn set(files: Vec<(&str, Option<FileImage>, Option<FileImage>)>) -> EditSet {
        let files = files.into_iter().map(|(name, old, new)| FileChange { path: path(name), old, new }).collect();
        EditSet { id: "id".into(), title: "title".into(), files }
    }

    fn all_of(set: &EditSet) -> Vec<HunkRef> {
        hunks(set).iter().flat_map(|f| (1..=f.hunks).map(|hunk| HunkRef { path: f.path.clone(), hunk })).collect()
    }

    fn apply(set: &EditSet, name: &str) -> Option<String> {
        let file = set.files.iter().find(|file| file.path == path(name))?;
        file.new.as_ref().map(|image| String::from_utf8(image.bytes.clone()).expect("text"))
    }

    /// Protects the user who takes a part: what was not chosen stays as it was, byte for byte, line endings included.
    #[test]
    fn a_part_is_exact() {
        let filler: String = (0..9).map(|n| format!("line {n}\r\n")).collect();
        let old = format!("\u{feff}a\r\n{filler}b\nlast");
        let new = format!("\u{feff}A\r\n{filler}B\nlast\n");
        let whole = set(vec![("f", image(&old), image(&new))]);
        assert_eq!(hunks(&whole)[0].hunks, 2);
        assert_eq!(unified_diff(&whole).matches("\n@@ ").count(), 2);
        let first = choose(&whole, &[HunkRef { path: path("f"), hunk: 1 }]).expect("chosen");
        assert_eq!(apply(&first, "f"), Some(format!("\u{feff}A\r\n{filler}b\nlast")));
        let second = choose(&whole, &[HunkRef { path: path("f"), hunk: 2 }]).expect("chosen");
        assert_eq!(apply(&second, "f"), Some(format!("\u{feff}a\r\n{filler}B\nlast\n")));
    }

    /// Protects reviews of whole files: each is one hunk, and both halves of a rename go together.
    #[test]
    fn whole_files_are_one_hunk() {
        let many = "one\ntwo\nthree\nfour\n";
        let whole = set(vec![
            ("added", None, image("x\n")),
            ("gone", image("completely different\n"), None),
            ("new", None, image(many)),
            ("old", image(many), None),
        ]);
        let listed: Vec<_> = hunks(&whole).into_iter().map(|f| (f.path.to_string(), f.status, f.hunks)).collect();
        let wanted = [("added", "added"), ("gone", "deleted"), ("new", "renamed")];
        assert_eq!(listed, wanted.map(|(name, status)| (name.to_owned(), status, 1)));
        let renamed = choose(&whole, &[HunkRef { path: path("new"), hunk: 1 }]).expect("chosen");
        let names: Vec<_> = renamed.files.iter().map(|file| file.path.to_string()).collect();
        assert_eq!(names, ["new", "old"]);
    }

    /// Protects users from typing errors: a hunk that is not there is refused by name.
    #[test]
    fn what_is_not_there_is_refused() {
        let whole = set(vec![("f", image("a\n"), image("b\n"))]);
        let error = choose(&whole, &[HunkRef { path: path("f"), hunk: 2 }]).expect_err("refused");
        assert_eq!(error.to_string(), "`f` has 1 hunks, and no hunk 2");
        assert_eq!(choose(&whole, &[HunkRef { path: path("g"), hunk: 1 }]), Err(ChooseError::NoFile(path("g"))));
    }

    fn text_of(lines: &[u8]) -> String {
        lines.iter().map(|n| if n % 7 == 0 { format!("{n}\r\n") } else { format!("{n}\n") }).collect()
    }

    proptest! {
        /// Protects the promise of review: all hunks are the change, none are nothing, the numbers are those of the diff,
        /// and hunks that are taken one after the other come to the same as together.
        #[test]
        fn hunks_compose(old in prop::collection::vec(0u8..12, 0..60), cut in prop::collection::vec((0usize..60, 0u8..12), 0..6)) {
            let mut lines = old.clone();
            for (at, value) in &cut {
                let at = at % (lines.len() + 1);
                if value % 3 == 0 && at < lines.len() { lines.remove(at); } else { lines.insert(at, *value); }
            }
            let (before, after) = (text_of(&old), text_of(&lines));
            prop_assume!(before != after && !before.is_empty());
            let whole = set(vec![("f", image(&before), image(&after))]);
            let all = all_of(&whole);
            prop_assert_eq!(&choose(&whole, &all).expect("all"), &whole);
            prop_assert!(choose(&whole, &[]).expect("none").files.is_empty());
            prop_assert_eq!(unified_diff(&whole).lines().filter(|l| l.starts_with("@@ ")).count(), all.len());
            // From the last to the first, each on what the one before left: earlier lines keep their places.
            let mut now = before;
            for one in all.iter().rev() {
                let only = apply(&choose(&whole, std::slice::from_ref(one)).expect("one"), "f").expect("changed");
                let step = set(vec![("f", image(&text_of(&old)), image(&only))]);
                let diff = crate::edits_between(&text_of(&old), apply(&step, "f").as_deref().unwrap_or_default());
                now = crate::apply_edits(&now, &diff).expect("fits");
            }
            prop_assert_eq!(now, after);
        }
    }
}
