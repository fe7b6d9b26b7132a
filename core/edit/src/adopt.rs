//! Text that a model wrote, with the habits of the file that it is for.

use crate::diff::line_spans;
use crate::indentation;
use crate::lines::split_bom;
use std::ops::Range;

/// The parts of the old file that are kept although the model wrote something else. Models drop such parts without
/// being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// Blanks at the end of lines that are otherwise unchanged.
    pub trailing_space: bool,
    /// Empty lines between lines that are unchanged.
    pub blank_lines: bool,
    /// Empty lines at the beginning and the end of the text, and whether its last line is finished.
    pub outer_lines: bool,
}

impl Default for Adoption {
    fn default() -> Self {
        Self { trailing_space: true, blank_lines: true, outer_lines: true }
    }
}

/// `written` as the new text of a file that holds `old`: the byte order mark is kept, unchanged lines keep their bytes
/// with their own line endings, and lines that are new get the ending that most lines have and the character that the file
/// indents with.
#[must_use]
pub fn adopt(old: &str, written: &str, keep: Adoption) -> String {
    let (bom, body) = split_bom(old);
    let mut out = bom.to_owned();
    out.push_str(&blend(old, body, split_bom(written).1, keep));
    out
}

/// `written` as the new text of the lines `range` of `file`, in the same manner.
#[must_use]
pub fn adopt_block(file: &str, range: Range<usize>, written: &str, keep: Adoption) -> String {
    blend(file, &file[range], written, keep)
}

/// The lines of `text`, each with what ends it. A carriage return by itself ends a line as well, as in the files of old
/// systems, and so does one too many, as a conversion that was made twice leaves it.
fn lines_of(text: &str) -> Vec<(&str, &str)> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        let ending = ["\r\r\n", "\r\n", "\n"].into_iter().find(|ending| rest[at..].starts_with(ending)).unwrap_or("\r");
        lines.push((&rest[..at], &rest[at..at + ending.len()]));
        rest = &rest[at + ending.len()..];
    }
    if !rest.is_empty() {
        lines.push((rest, ""));
    }
    lines
}

fn contents<'t>(lines: &[(&'t str, &'t str)]) -> Vec<&'t str> {
    lines.iter().map(|line| line.0).collect()
}

/// The most frequent line ending; `\n` where there is no majority.
fn dominant<'t>(lines: &[(&'t str, &'t str)]) -> &'t str {
    let count = |wanted: &str| lines.iter().filter(|(_, ending)| *ending == wanted).count();
    let ended = lines.len() - count("");
    ["\r\n", "\r", "\r\r\n"].into_iter().find(|ending| count(ending) * 2 > ended).unwrap_or("\n")
}

fn blend(file: &str, old: &str, written: &str, keep: Adoption) -> String {
    if written.trim().is_empty() && keep.outer_lines {
        return String::new();
    }
    let file_lines = lines_of(file);
    let ending = dominant(&file_lines);
    let old_lines = lines_of(old);
    let written_lines = lines_of(written);
    let written_content = contents(&written_lines);
    let indented = indentation::kept(&contents(&file_lines), &contents(&old_lines), &written_content);
    let new_lines: Vec<&str> = match &indented {
        Some(lines) => lines.iter().map(String::as_str).collect(),
        None => written_content,
    };
    let (old_core, new_core) = if keep.outer_lines {
        (core(&old_lines, |l| l.0), core(&new_lines, |l| l))
    } else {
        (0..old_lines.len(), 0..new_lines.len())
    };
    let key =
        |line: &'_ str| -> String { if keep.trailing_space { line.trim_end().to_owned() } else { line.to_owned() } };
    let old_keys: Vec<String> = old_lines[old_core.clone()].iter().map(|l| key(l.0)).collect();
    let new_keys: Vec<String> = new_lines[new_core.clone()].iter().map(|l| key(l)).collect();
    let mut lines: Vec<(&str, &str)> = old_lines[..old_core.start].to_vec();
    for span in line_spans(&old_keys, &new_keys) {
        let blank = |keys: &[String]| keys.iter().all(|k| k.trim().is_empty());
        if span.equal || (keep.blank_lines && blank(&old_keys[span.old.clone()]) && blank(&new_keys[span.new.clone()]))
        {
            lines.extend(&old_lines[old_core.start..][span.old]);
        } else {
            lines.extend(new_lines[new_core.start..][span.new].iter().map(|l| (*l, ending)));
        }
    }
    if !old_core.is_empty() {
        lines.extend(&old_lines[old_core.end..]);
    }
    let ended = |text: &str| text.ends_with(['\n', '\r']);
    let finished = if keep.outer_lines { old.is_empty() || ended(old) } else { ended(written) };
    let last = lines.len().saturating_sub(1);
    let mut out = String::with_capacity(old.len() + written.len());
    for (index, (content, own)) in lines.into_iter().enumerate() {
        out.push_str(content);
        match (index == last, own.is_empty()) {
            (true, _) if !finished => {}
            (_, true) => out.push_str(ending),
            (_, false) => out.push_str(own),
        }
    }
    out
}

/// The lines without the blank ones at either end; empty where all are blank.
fn core<T>(lines: &[T], content: impl Fn(&T) -> &str) -> Range<usize> {
    let filled = |l: &T| !content(l).trim().is_empty();
    match (lines.iter().position(filled), lines.iter().rposition(filled)) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}
