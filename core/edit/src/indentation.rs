//! The character that a file indents with, kept where a model writes the other one.

use crate::lines::indent_of;

/// How a text is indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Tabs,
    Blanks,
}

/// The style of a text, where every indented line has the same; a few blanks behind tabs only align.
fn style<'t>(lines: impl Iterator<Item = &'t str>) -> Option<Style> {
    let mut found = None;
    for line in lines {
        let indent = indent_of(line);
        if indent.len() == line.trim_end().len() || indent.is_empty() || is_aligned_comment(line) {
            continue;
        }
        let style = if indent.starts_with('\t') { Style::Tabs } else { Style::Blanks };
        match found {
            None => found = Some(style),
            Some(known) if known == style => {}
            Some(_) => return None,
        }
    }
    found
}

/// The further lines of a block comment at the left edge: ` * text`.
fn is_aligned_comment(line: &str) -> bool {
    line.starts_with(" *")
}

/// `written`, lines that a model wrote for a text of the lines `old`, with the character that `file` indents with.
///
/// Nothing changes where the file has no single style, where the model uses the file's own for any line that is new, or
/// where its steps cannot be told.
pub(crate) fn kept(file: &[&str], old: &[&str], written: &[&str]) -> Option<Vec<String>> {
    let wanted = style(file.iter().copied())?;
    let there: std::collections::HashSet<&str> = old.iter().map(|line| line.trim_end()).collect();
    let new = || written.iter().copied().filter(|line| !there.contains(line.trim_end()));
    if style(new())? == wanted {
        return None;
    }
    let unit = match wanted {
        Style::Tabs => step(old, new())?,
        Style::Blanks => smallest(file.iter().copied())?,
    };
    let convert = |line: &&str| -> String {
        let indent = indent_of(line);
        if there.contains(line.trim_end()) || indent.is_empty() {
            return (*line).to_owned();
        }
        let rest = &line[indent.len()..];
        match wanted {
            Style::Tabs => {
                let (tabs, more) = (indent.len() / unit, indent.len() % unit);
                format!("{}{}{rest}", "\t".repeat(tabs), " ".repeat(more))
            }
            Style::Blanks => format!("{}{rest}", indent.replace('\t', &" ".repeat(unit))),
        }
    };
    Some(written.iter().map(convert).collect())
}

/// How many blanks the model writes for one tab: by lines that were there with tabs, or else by the smallest indentation.
fn step<'t>(old: &[&str], new: impl Iterator<Item = &'t str> + Clone) -> Option<usize> {
    let mut units = Vec::new();
    for line in new.clone() {
        let content = line.trim();
        let mut same = old.iter().filter(|old| old.trim() == content && !content.is_empty());
        if let (Some(same), None) = (same.next(), same.next()) {
            let (tabs, blanks) = (indent_of(same).len(), indent_of(line).len());
            if tabs > 0 && blanks % tabs == 0 {
                units.push(blanks / tabs);
            }
        }
    }
    let least = smallest(new);
    let votes = |unit: usize| units.iter().filter(|u| **u == unit).count();
    let usual = units.iter().copied().filter(|unit| matches!(unit, 1..=8));
    // A line that also moves to another level says something else than the rest.
    usual.max_by_key(|unit| (votes(*unit), Some(*unit) == least)).or(least)
}

/// The smallest indentation, where it is a usual one and a measure of all.
fn smallest<'t>(lines: impl Iterator<Item = &'t str>) -> Option<usize> {
    let depths: Vec<usize> = lines
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('*'))
        .map(|line| indent_of(line).len())
        .filter(|depth| *depth > 0)
        .collect();
    let smallest = depths.iter().copied().min()?;
    let measures = depths.iter().filter(|depth| *depth % smallest == 0).count();
    (matches!(smallest, 2 | 3 | 4 | 8) && measures * 4 >= depths.len() * 3).then_some(smallest)
}
