//! Statements put in order: each with the comments above it and behind it.

use super::{ImportsError, lines_of, remove_statements};
use crate::grammar::source::Source;
use crate::{Changes, Refusal};
use deepcoder_types::TextRange;
use std::collections::BTreeMap;

/// One statement of a block that is put in order.
pub(super) struct Entry<K> {
    /// Where it stood; that of the first where several became one.
    pub(super) at: TextRange,
    /// Its order.
    pub(super) key: K,
    /// Its group: groups are parted by a blank line.
    pub(super) group: u8,
    /// Its text, without what stands around it; `None`: it goes.
    pub(super) text: Option<String>,
    /// The names that it gives to the file, each with where it comes from.
    pub(super) names: Vec<(String, String)>,
}

/// Puts the statements of one block in order. They are in the order of the text, and nothing but blanks and comments is
/// between them. What stays in its place stays as it is, byte for byte.
pub(super) fn put<K: Ord>(
    source: &Source<'_>,
    mut entries: Vec<Entry<K>>,
    parted: bool,
    changes: &mut Changes,
) -> Result<(), Refusal> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
    if entries.iter().all(|entry| entry.text.is_none()) {
        let gone: Vec<TextRange> = entries.iter().map(|entry| entry.at).collect();
        if commented_above(source, first.at.start) {
            changes.doubt(&source.path, first.at, "the comment above the import stays");
        }
        remove_statements(source, &gone, changes);
        return Ok(());
    }
    if !whole(source, &entries) {
        return Ok(());
    }
    let block = TextRange::new(lines_of(source, first.at).start, lines_of(source, last.at).end);
    let before: Vec<TextRange> = entries.iter().filter(|e| e.text.is_some()).map(|entry| entry.at).collect();
    // What stands above a statement and behind it in its line moves with it.
    let mut lead: BTreeMap<u32, String> = BTreeMap::new();
    let mut tail: BTreeMap<u32, String> = BTreeMap::new();
    let mut commented = false;
    let mut at = block.start;
    for entry in &entries {
        let above = source.text_of(TextRange::new(at, entry.at.start));
        let lines: String = above.split_inclusive('\n').filter(|line| !line.trim().is_empty()).collect();
        commented |= !lines.is_empty();
        if !lines.is_empty() && !lines.ends_with('\n') {
            // A comment that ends where a statement begins.
            return Ok(());
        }
        lead.insert(entry.at.start, lines);
        let end = source.line_end(entry.at.end).min(block.end);
        let behind = source.text_of(TextRange::new(entry.at.end, end)).trim_end();
        if behind.contains("/*") && !behind.contains("*/") {
            return Ok(());
        }
        commented |= !behind.trim_matches([';', ' ', '\t']).is_empty();
        tail.insert(entry.at.start, behind.to_owned());
        at = end;
    }
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, module) in entries.iter().filter(|e| e.text.is_some()).flat_map(|entry| &entry.names) {
        if from.insert(name, module).is_some_and(|other| other != module) {
            return Err(source.refuse(&ImportsError::Twice(name.clone()), block));
        }
    }
    let unchanged = |entry: &Entry<K>| entry.text.as_deref() == Some(source.text_of(entry.at));
    let same = entries.iter().all(unchanged);
    entries.sort_by(|a, b| (a.group, &a.key).cmp(&(b.group, &b.key)));
    let order: Vec<TextRange> = entries.iter().filter(|e| e.text.is_some()).map(|entry| entry.at).collect();
    let blanks = parted && !well_parted(source, &entries);
    if same && before == order && !blanks {
        return Ok(());
    }
    let moves = before != order;
    let headless = entries.iter().min_by_key(|e| e.at.start).is_some_and(|e| e.text.is_none());
    if headless && commented_above(source, block.start) {
        changes.doubt(&source.path, block, "the comment above the import stays");
    }
    if commented && (moves || entries.iter().any(|e| e.text.is_none())) {
        changes.doubt(&source.path, block, "comments stand among the imports: each moves with the import below it");
    }
    let mut out = String::new();
    let mut group = None;
    for entry in &entries {
        out.push_str(lead.get(&entry.at.start).map_or("", String::as_str));
        let Some(text) = &entry.text else { continue };
        if parted && group.is_some_and(|group| group != entry.group) {
            out.push('\n');
        }
        group = Some(entry.group);
        out.push_str(source.indentation(entry.at.start));
        out.push_str(text);
        out.push_str(tail.get(&entry.at.start).map_or("", String::as_str));
        out.push('\n');
    }
    if !source.text_of(block).ends_with('\n') {
        out.truncate(out.trim_end().len());
    }
    changes.replace(&source.path, block, out);
    Ok(())
}

/// Whether every statement has its lines for itself; the last line of a file has no end.
fn whole<K>(source: &Source<'_>, entries: &[Entry<K>]) -> bool {
    let last = u32::try_from(source.text.len()).unwrap_or(u32::MAX);
    entries.iter().all(|entry| {
        let lines = lines_of(source, entry.at);
        source.begins_line(entry.at.start) && (lines.end > entry.at.end || lines.end == last)
    })
}

/// Whether the line above, but for blank ones, is a comment.
pub(super) fn commented_above(source: &Source<'_>, at: u32) -> bool {
    let above = source.text_of(TextRange::new(0, at)).trim_end();
    let line = above.rsplit('\n').next().unwrap_or_default().trim();
    line.ends_with("*/") || line.starts_with("//") || line.starts_with('#')
}

/// Whether blank lines stand between the groups, and only there.
fn well_parted<K>(source: &Source<'_>, entries: &[Entry<K>]) -> bool {
    entries.windows(2).all(|pair| {
        let between = source.text_of(TextRange::new(pair[0].at.end, pair[1].at.start.max(pair[0].at.end)));
        let blank = between.split('\n').skip(1).any(|line| line.trim().is_empty() && !between.trim_end().is_empty())
            || between.matches('\n').count() > 1;
        pair[0].at.start > pair[1].at.start || (pair[0].group != pair[1].group) == blank
    })
}
