//! Unified diffs as git writes them.

use crate::diff::{Span, line_spans};
use crate::lines::with_endings;
use crate::quote::{header, quoted};
use deepcoder_types::{EditSet, FileChange, FileImage};
use std::fmt::Write as _;
use std::ops::Range;

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// Pairs of a deleted and an added file that are compared to find renames with changes.
const MAX_PAIRS: usize = 400;

/// The diff that `git apply` accepts and that reproduces every byte: new, deleted and renamed files, permission bits,
/// `\ No newline at end of file`. Files that are not UTF-8 text are only named, as git does without `--binary`.
#[must_use]
pub fn unified_diff(set: &EditSet) -> String {
    let renames = renames(&set.files);
    let mut out = String::new();
    for (index, change) in set.files.iter().enumerate() {
        if renames.iter().any(|r| r.deleted == index) {
            continue;
        }
        match renames.iter().find(|r| r.added == index) {
            Some(rename) => rename.print(&set.files, &mut out),
            None => print_file(change, &mut out),
        }
    }
    out
}

/// The diff of one file.
#[must_use]
pub fn file_diff(change: &FileChange) -> String {
    let mut out = String::new();
    print_file(change, &mut out);
    out
}

/// A deleted and an added file that are one file under two names.
pub(crate) struct Rename {
    pub(crate) deleted: usize,
    pub(crate) added: usize,
    percent: usize,
}

impl Rename {
    fn print(&self, files: &[FileChange], out: &mut String) {
        let (from, to) = (files[self.deleted].path.as_str(), files[self.added].path.as_str());
        let (Some(old), Some(new)) = (&files[self.deleted].old, &files[self.added].new) else { return };
        let _ = writeln!(out, "diff --git {} {}", quoted("a/", from), quoted("b/", to));
        print_modes(old, new, out);
        let _ = writeln!(out, "similarity index {}%", self.percent);
        let _ = writeln!(out, "rename from {}\nrename to {}", quoted("", from), quoted("", to));
        print_content(Some((from, &old.bytes)), Some((to, &new.bytes)), out);
    }
}

fn print_file(change: &FileChange, out: &mut String) {
    let path = change.path.as_str();
    if change.old == change.new {
        return;
    }
    let _ = writeln!(out, "diff --git {} {}", quoted("a/", path), quoted("b/", path));
    match (&change.old, &change.new) {
        (None, Some(new)) => {
            let _ = writeln!(out, "new file mode {}", mode(new));
        }
        (Some(old), None) => {
            let _ = writeln!(out, "deleted file mode {}", mode(old));
        }
        (Some(old), Some(new)) => print_modes(old, new, out),
        (None, None) => {}
    }
    let side = |image: &'_ Option<FileImage>| image.as_ref().map(|i| i.bytes.clone());
    let (old, new) = (side(&change.old), side(&change.new));
    print_content(old.as_deref().map(|b| (path, b)), new.as_deref().map(|b| (path, b)), out);
}

fn print_modes(old: &FileImage, new: &FileImage, out: &mut String) {
    let (from, to) = (mode(old), mode(new));
    // A new image without permission bits takes those of the old one.
    if new.mode.is_some() && from != to {
        let _ = writeln!(out, "old mode {from}\nnew mode {to}");
    }
}

/// git knows two kinds of regular files.
fn mode(image: &FileImage) -> &'static str {
    if image.mode.is_some_and(|m| m & 0o111 != 0) { "100755" } else { "100644" }
}

fn print_content(old: Option<(&str, &[u8])>, new: Option<(&str, &[u8])>, out: &mut String) {
    let bytes = |side: Option<(&str, &[u8])>| side.map_or(Vec::new(), |(_, b)| b.to_vec());
    let (old_bytes, new_bytes) = (bytes(old), bytes(new));
    if old_bytes == new_bytes {
        return;
    }
    let name = |prefix, side: Option<(&str, &[u8])>| match side {
        Some((path, _)) => header(prefix, path),
        None => "/dev/null".to_owned(),
    };
    let (Some(before), Some(after)) = (text(&old_bytes), text(&new_bytes)) else {
        let plain = |prefix, side: Option<(&str, &[u8])>| match side {
            Some((path, _)) => quoted(prefix, path),
            None => "/dev/null".to_owned(),
        };
        let _ = writeln!(out, "Binary files {} and {} differ", plain("a/", old), plain("b/", new));
        return;
    };
    let _ = writeln!(out, "--- {}\n+++ {}", name("a/", old), name("b/", new));
    print_hunks(before, after, out);
}

/// Text as git sees it: no NUL byte.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|t| !t.contains('\0'))
}

fn print_hunks(old: &str, new: &str, out: &mut String) {
    let (a, b) = (with_endings(old), with_endings(new));
    let spans = line_spans(&a, &b);
    for hunk in groups(&spans) {
        let lead = hunk.start.checked_sub(1).map_or(0, |i| spans[i].old.len().min(CONTEXT));
        let trail = spans.get(hunk.end).map_or(0, |s| s.old.len().min(CONTEXT));
        print_hunk(&a, &b, &spans[hunk], lead, trail, out);
    }
}

/// The spans of each hunk: changes that are close enough to share their context.
pub(crate) fn groups(spans: &[Span]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut from = 0;
    while let Some(first) = spans[from..].iter().position(|s| !s.equal).map(|at| from + at) {
        let mut last = first;
        while let Some(next) = spans.get(last + 2).filter(|_| spans[last + 1].old.len() <= 2 * CONTEXT) {
            debug_assert!(!next.equal);
            last += 2;
        }
        groups.push(first..last + 1);
        from = last + 1;
    }
    groups
}

fn print_hunk(a: &[&str], b: &[&str], spans: &[Span], lead: usize, trail: usize, out: &mut String) {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return };
    let old = first.old.start - lead..last.old.end + trail;
    let new = first.new.start - lead..last.new.end + trail;
    let place = |r: &Range<usize>| match r.len() {
        0 => format!("{},0", r.start),
        1 => format!("{}", r.start + 1),
        n => format!("{},{n}", r.start + 1),
    };
    let _ = write!(out, "@@ -{} +{} @@", place(&old), place(&new));
    match a[..old.start].iter().rev().find(|l| l.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$'))
    {
        Some(heading) => {
            let short: String = heading.trim_end().chars().take(80).collect();
            let _ = writeln!(out, " {short}");
        }
        None => out.push('\n'),
    }
    a[old.start..first.old.start].iter().for_each(|l| print_line(' ', l, out));
    for span in spans {
        if span.equal {
            a[span.old.clone()].iter().for_each(|l| print_line(' ', l, out));
        } else {
            a[span.old.clone()].iter().for_each(|l| print_line('-', l, out));
            b[span.new.clone()].iter().for_each(|l| print_line('+', l, out));
        }
    }
    a[last.old.end..old.end].iter().for_each(|l| print_line(' ', l, out));
}

fn print_line(sign: char, line: &str, out: &mut String) {
    out.push(sign);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

/// Deleted and added files that belong together: the same bytes, or text of which at least half is the same.
pub(crate) fn renames(files: &[FileChange]) -> Vec<Rename> {
    let sides = |f: &FileChange| (f.old.is_some(), f.new.is_some());
    let of = |want: (bool, bool)| (0..files.len()).filter(move |&i| sides(&files[i]) == want);
    let mut scored: Vec<Rename> = Vec::new();
    for (deleted, added) in of((true, false)).flat_map(|d| of((false, true)).map(move |a| (d, a))).take(MAX_PAIRS) {
        let (Some(old), Some(new)) = (&files[deleted].old, &files[added].new) else { continue };
        let percent = similarity(&old.bytes, &new.bytes);
        if percent >= 50 {
            scored.push(Rename { deleted, added, percent });
        }
    }
    scored.sort_by_key(|r| (std::cmp::Reverse(r.percent), r.deleted, r.added));
    let mut out: Vec<Rename> = Vec::new();
    for rename in scored {
        if out.iter().all(|r| r.deleted != rename.deleted && r.added != rename.added) {
            out.push(rename);
        }
    }
    out
}

/// How many of a hundred bytes are the same, by lines; 0 for empty files, which say nothing.
fn similarity(old: &[u8], new: &[u8]) -> usize {
    let larger = old.len().max(new.len());
    if larger == 0 {
        return 0;
    }
    if old == new {
        return 100;
    }
    let (Some(old), Some(new)) = (text(old), text(new)) else { return 0 };
    let (a, b) = (with_endings(old), with_endings(new));
    let same: usize =
        line_spans(&a, &b).iter().filter(|s| s.equal).flat_map(|s| &a[s.old.clone()]).map(|l| l.len()).sum();
    (same * 100 / larger).min(99)
}
