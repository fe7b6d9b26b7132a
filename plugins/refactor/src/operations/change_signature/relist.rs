//! Lists that are separated by commas: what stays, goes, is new or changes its place, with as little of the layout changed as
//! possible.

use crate::grammar::source::{Source, holds};
use deepcoder_types::TextRange;

/// Texts that replace others in one file; an edit may lie within a text that a later one moves.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) all: Vec<(TextRange, String)>,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// The entry at this position of the list before.
    Old(usize),
    /// A new text.
    Text(String),
}

impl Edits {
    /// The text of a range with the edits within it.
    pub(super) fn text(&self, source: &Source<'_>, at: TextRange) -> String {
        let mut inside: Vec<_> = self.all.iter().filter(|(edit, _)| holds(at, *edit)).collect();
        inside.sort_by_key(|(edit, _)| (edit.start, edit.end));
        let mut out = String::new();
        let mut from = at.start;
        for (edit, text) in inside {
            out.push_str(source.text_of(TextRange::new(from, edit.start)));
            out.push_str(text);
            from = edit.end;
        }
        out.push_str(source.text_of(TextRange::new(from, at.end)));
        out
    }

    /// Put a text in the place of a range, whatever was to change within it.
    pub(super) fn put(&mut self, at: TextRange, text: impl Into<String>) {
        if at.start < at.end {
            self.all.retain(|(edit, _)| !holds(at, *edit));
        }
        self.all.push((at, text.into()));
    }

    /// Write a list anew. `inner` is the text between its brackets.
    pub(super) fn relist(&mut self, source: &Source<'_>, inner: TextRange, old: &[TextRange], new: &[Item]) {
        let kept: Vec<usize> =
            new.iter().filter_map(|item| if let Item::Old(at) = item { Some(*at) } else { None }).collect();
        let in_order = kept.is_sorted();
        let (Some(first), Some(last)) = (old.first(), old.last()) else {
            let texts: Vec<String> = new.iter().map(|item| self.item(source, old, item)).collect();
            if !texts.is_empty() {
                let blank = source.text_of(inner).trim().is_empty();
                let at = if blank { inner } else { TextRange::new(inner.end, inner.end) };
                self.put(at, texts.join(", "));
            }
            return;
        };
        match () {
            () if in_order && kept.len() == new.len() => self.without(source, inner, old, &kept),
            () if in_order && kept.len() == old.len() => self.with_more(old, new),
            () if kept.len() == old.len() && new.len() == old.len() => {
                let texts: Vec<String> = new.iter().map(|item| self.item(source, old, item)).collect();
                for (at, text) in old.iter().zip(texts) {
                    if self.text(source, *at) != text {
                        self.put(*at, text);
                    }
                }
            }
            () => {
                let texts: Vec<String> = new.iter().map(|item| self.item(source, old, item)).collect();
                let between = old.get(1).map(|second| source.text_of(TextRange::new(first.end, second.start)));
                let plain = between.filter(|text| text.trim() == ",").unwrap_or(", ").to_owned();
                self.put(TextRange::new(first.start, last.end), texts.join(&plain));
            }
        }
    }

    fn item(&self, source: &Source<'_>, old: &[TextRange], item: &Item) -> String {
        match item {
            Item::Old(at) => old.get(*at).map(|at| self.text(source, *at)).unwrap_or_default(),
            Item::Text(text) => text.clone(),
        }
    }

    /// Take entries away, each with one comma.
    fn without(&mut self, source: &Source<'_>, inner: TextRange, old: &[TextRange], kept: &[usize]) {
        if kept.len() == old.len() {
            return;
        }
        if kept.is_empty() {
            let comment = source.text_of(inner).contains("/*") || source.text_of(inner).contains("//");
            let ends = old.first().zip(old.last()).map(|(first, last)| TextRange::new(first.start, last.end));
            let Some(mut ends) = ends.filter(|_| comment || source.text_of(inner).contains('#')) else {
                return self.put(inner, "");
            };
            let rest = source.text_of(TextRange::new(ends.end, inner.end));
            if rest.trim_start().starts_with(',') {
                let length = rest.len() - rest.trim_start().len() + 1;
                ends.end += u32::try_from(length).unwrap_or(0);
            }
            return self.put(ends, "");
        }
        let mut at = 0;
        while at < old.len() {
            if kept.contains(&at) {
                at += 1;
                continue;
            }
            let mut end = at;
            while end < old.len() && !kept.contains(&end) {
                end += 1;
            }
            let run = match (old.get(end), at.checked_sub(1).and_then(|before| old.get(before))) {
                (Some(next), _) => TextRange::new(old[at].start, next.start),
                (None, Some(before)) => TextRange::new(before.end, old[end - 1].end),
                (None, None) => TextRange::new(old[at].start, old[end - 1].end),
            };
            self.put(run, "");
            at = end;
        }
    }

    /// Add entries between those that stay.
    fn with_more(&mut self, old: &[TextRange], new: &[Item]) {
        let mut waiting: Vec<&str> = Vec::new();
        for item in new {
            match item {
                Item::Text(text) => waiting.push(text),
                Item::Old(at) => {
                    for text in waiting.drain(..) {
                        let start = old[*at].start;
                        self.put(TextRange::new(start, start), format!("{text}, "));
                    }
                }
            }
        }
        let Some(last) = old.last() else { return };
        for text in waiting {
            self.put(TextRange::new(last.end, last.end), format!(", {text}"));
        }
    }
}
