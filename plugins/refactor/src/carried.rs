//! Texts that move within a file: every name in them must mean the same at the new place.

use crate::grammar::source::{Source, range, walk};
use crate::{Changes, Refusal};
use deepcoder_resolve::{Form, Mapped, Overlay, Place, Project, Reference};
use deepcoder_syntax::Node;
use deepcoder_types::{Hint, TextRange};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A new text, in parts that are new and parts that come from the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moved {
    pub(crate) text: String,
    /// Where parts of the file are in it: their range before, and their offset in the new text.
    parts: Vec<(TextRange, u32)>,
    /// Those of them that are one expression, which it must be at its new place as well.
    whole: Vec<(TextRange, u32)>,
}

/// What a name in a moved text may mean at its new place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// What it meant before.
    Same,
    /// A declaration of its name that is new, in the moved text or around it.
    New,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum CarriedError {
    #[error("`{0}` would mean something else at the new place")]
    Other(String),
    #[error("`{0}` would be read as a part of the code around it")]
    Torn(String),
}

impl Hint for CarriedError {
    fn hint(&self) -> Option<String> {
        None
    }
}

impl Moved {
    /// A text that is all new.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Another text after this one.
    pub(crate) fn append(&mut self, other: Self) {
        let offset = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(&other.text);
        self.parts.extend(other.parts.into_iter().map(|(from, to)| (from, to + offset)));
        self.whole.extend(other.whole.into_iter().map(|(from, to)| (from, to + offset)));
    }

    /// Text that is new.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Text of the file.
    pub(crate) fn carry(&mut self, source: &Source<'_>, at: TextRange) {
        self.parts.push((at, u32::try_from(self.text.len()).unwrap_or(u32::MAX)));
        self.text.push_str(source.text_of(at));
    }

    /// The text of an expression for another place: with brackets where it needs them, and in one line where a line break
    /// would end the statement.
    pub(crate) fn expression(&mut self, source: &Source<'_>, at: TextRange, brackets: bool, free: bool) {
        let node = source.node_at(at);
        let lines = source.text_of(at).contains('\n');
        let own = node.is_some_and(|node| range(node) == at && source.grammar.bracketed.contains(&node.kind()));
        if brackets {
            self.push("(");
        }
        let continued = source.grammar.line_ends && source.text_of(at).contains("\\\n");
        if continued || lines && !own && !brackets && !free && source.grammar.line_ends {
            self.joined(source, at);
        } else {
            if node.is_some_and(|node| range(node) == at) {
                self.whole.push((at, u32::try_from(self.text.len()).unwrap_or(u32::MAX)));
            }
            self.carry(source, at);
        }
        if brackets {
            self.push(")");
        }
    }

    /// The text of an expression with parts of it replaced.
    pub(crate) fn expression_with(
        &mut self,
        source: &Source<'_>,
        at: TextRange,
        brackets: bool,
        replaced: &[(TextRange, Self)],
    ) {
        let inside = |here: TextRange| at.start <= here.start && here.end <= at.end;
        let text = source.text_of(at);
        let lines = text.matches('\n').count();
        let continued = lines > 0 && text.matches("\\\n").count() == lines && !brackets;
        if !continued && !replaced.iter().any(|(here, _)| inside(*here)) {
            return self.expression(source, at, brackets, false);
        }
        if brackets {
            self.push("(");
        }
        self.carry_with(source, at, replaced);
        if brackets {
            self.push(")");
        }
    }

    /// Text of the file with parts of it replaced.
    fn carry_with(&mut self, source: &Source<'_>, at: TextRange, replaced: &[(TextRange, Self)]) {
        let mut start = at.start;
        for (here, new) in replaced.iter().filter(|(here, _)| at.start <= here.start && here.start < at.end) {
            self.carry(source, TextRange::new(start, here.start.max(start)));
            self.append(new.clone());
            start = here.end.min(at.end).max(start);
        }
        self.carry(source, TextRange::new(start, at.end));
    }

    /// The lines of a text with another indentation and parts of it replaced; the inside of strings stays.
    pub(crate) fn lines(&mut self, source: &Source<'_>, at: TextRange, indent: &str, replaced: &[(TextRange, Self)]) {
        let old = source.indentation(at.start).to_owned();
        let mut strings: Vec<TextRange> = Vec::new();
        walk(source.tree.root_node(), |node| {
            let here = range(node);
            if here.end <= at.start || here.start >= at.end {
                return false;
            }
            let string = source.grammar.strings.contains(&node.kind());
            if string {
                strings.push(here);
            }
            !string
        });
        let mut start = at.start;
        while start < at.end {
            let end = source.line_end(start).min(at.end);
            if start > at.start {
                let inside = strings.iter().any(|string| string.start < start && start < string.end);
                let line = source.text_of(TextRange::new(start, end));
                if !inside && line.starts_with(&old) && !line.trim().is_empty() {
                    start += u32::try_from(old.len()).unwrap_or(0);
                    self.push(indent);
                }
            }
            // What replaces a text over several lines ends its lines, too.
            let over = replaced.iter().find(|(here, _)| here.start < start && start < here.end);
            let start_of = over.map_or(start, |(here, _)| here.end);
            let end =
                replaced.iter().find(|(here, _)| here.start < end && end < here.end).map_or(end, |(here, _)| here.end);
            self.carry_with(source, TextRange::new(start_of.min(end), end), replaced);
            start = end;
        }
    }

    /// The text in one line as far as line breaks would end it; in brackets where comments stand in the way.
    fn joined(&mut self, source: &Source<'_>, at: TextRange) {
        let mut breaks: Vec<TextRange> = Vec::new();
        let mut comments = false;
        let mut end = at.start;
        let mut depth_end = 0;
        walk(source.tree.root_node(), |node| {
            let here = range(node);
            if here.end <= at.start || here.start >= at.end {
                return false;
            }
            if node.kind() == "line_continuation" {
                return false;
            }
            let whole = here.start >= at.start && here.end <= at.end;
            comments |= whole && node.kind().contains("comment");
            let string = source.grammar.strings.contains(&node.kind());
            let continued = !string && source.text_of(here).contains("\\\n");
            let closed = whole && here != at && !continued && source.grammar.bracketed.contains(&node.kind());
            if whole && (closed || node.child_count() == 0) {
                let between = TextRange::new(end, here.start.max(end));
                if here.start >= depth_end && source.text_of(between).contains('\n') {
                    breaks.push(between);
                }
                end = end.max(here.end);
                depth_end = depth_end.max(here.end);
                return false;
            }
            true
        });
        if comments {
            self.push("(");
            self.carry(source, at);
            self.push(")");
            return;
        }
        let mut from = at.start;
        for gap in breaks {
            self.carry(source, TextRange::new(from, gap.start));
            let open = source.text_of(TextRange::new(at.start, gap.start)).ends_with(['(', '[', '{']);
            let close = source.text_of(TextRange::new(gap.end, at.end)).starts_with([')', ']', '}']);
            self.push(if open || close { "" } else { " " });
            from = gap.end;
        }
        self.carry(source, TextRange::new(from, at.end));
    }
}

/// Texts that take the place of others in one file.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    edits: Vec<(TextRange, Moved)>,
}

impl Moves {
    /// Put a text in the place of a range.
    pub(crate) fn put(&mut self, at: TextRange, moved: Moved) {
        self.edits.push((at, moved));
    }

    /// Put a new text in the place of a range.
    pub(crate) fn write(&mut self, at: TextRange, text: impl Into<String>) {
        self.put(at, Moved::new(text));
    }

    /// Every expression that moved is one node of the new tree, of the same shape and in the same role.
    fn stay_whole(&self, source: &Source<'_>, after: &Project<'_>) -> Result<(), Refusal> {
        let text = after.files().text(&source.path);
        let tree = text.and_then(|text| deepcoder_syntax::tree(source.language, &text));
        let Some(tree) = tree else { return Ok(()) };
        let mut shift: i64 = 0;
        for (at, moved) in &self.edits {
            let start = u32::try_from(i64::from(at.start) + shift).unwrap_or(0);
            for (from, within) in &moved.whole {
                let here = TextRange::new(start + within, start + within + (from.end - from.start));
                let new = tree.root_node().named_descendant_for_byte_range(here.start as usize, here.end as usize);
                let old = source.node_at(*from).filter(|node| range(*node) == *from);
                // `1, 2` is a tuple of its own in brackets.
                let wider =
                    new.filter(|new| new.kind() == "tuple" && old.is_some_and(|old| old.kind() == "expression_list"));
                let tuple = wider.is_some_and(|new| {
                    let at = range(new);
                    at.start + 1 == here.start && here.end + 1 == at.end
                });
                let same =
                    tuple || old.zip(new).is_some_and(|(old, new)| range(new) == here && shape(old) == shape(new));
                // One text in the place of one name: it is the operand, the argument or the callee that the name was.
                let name = source
                    .node_at(*at)
                    .filter(|node| range(*node) == *at && moved.whole.len() == 1 && node.kind() == "identifier");
                let role = name.and_then(role).zip(new.and_then(role)).is_none_or(|(was, is)| was == is);
                if !(same && role) {
                    let text = source.text_of(*from).to_owned();
                    return Err(source.refuse(&CarriedError::Torn(text), *from));
                }
            }
            shift += i64::try_from(moved.text.len()).unwrap_or(0) - i64::from(at.end - at.start);
        }
        Ok(())
    }

    /// The changes, when every name in a moved text means what it must.
    pub(crate) fn finish(
        mut self,
        source: &Source<'_>,
        changes: &mut Changes,
        meaning: &dyn Fn(&Reference) -> Meaning,
    ) -> Result<(), Refusal> {
        self.edits.sort_by_key(|(at, _)| (at.start, at.end));
        for (at, moved) in &self.edits {
            changes.replace(&source.path, *at, moved.text.clone());
        }
        let files = changes.apply(source.project.files()).map_err(|error| Refusal::of(&error))?;
        let texts = files.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))).collect();
        let overlay = Overlay::new(source.project.files(), texts);
        let after = Project::new(&overlay);
        let Some(bindings) = after.bindings(&source.path) else { return Ok(()) };
        self.stay_whole(source, &after)?;
        let length = |moved: &Moved| u32::try_from(moved.text.len()).unwrap_or(u32::MAX);
        let mapped = Mapped::new(self.edits.iter().map(|(at, moved)| (*at, length(moved))));
        // Where the moved parts are after.
        let mut parts: Vec<(TextRange, u32)> = Vec::new();
        let mut shift: i64 = 0;
        for (at, moved) in &self.edits {
            let start = u32::try_from(i64::from(at.start) + shift).unwrap_or(0);
            parts.extend(moved.parts.iter().map(|(from, within)| (*from, start + within)));
            shift += i64::from(length(moved)) - i64::from(at.end - at.start);
        }
        let inside = |at: TextRange, edits: &[(TextRange, Moved)]| {
            edits.iter().any(|(edit, _)| edit.start <= at.start && at.end <= edit.end && edit.start < edit.end)
        };
        // All places that a text of before has after.
        let places = |at: TextRange| -> BTreeSet<TextRange> {
            let carried = parts.iter().filter(|(from, _)| from.start <= at.start && at.end <= from.end);
            let mut out: BTreeSet<TextRange> = carried
                .map(|(from, to)| {
                    let start = to + (at.start - from.start);
                    TextRange::new(start, start + (at.end - at.start))
                })
                .collect();
            if !inside(at, &self.edits) {
                out.extend(mapped.range(at));
            }
            out
        };
        for (from, to) in &parts {
            for was in source.references(*from).iter().filter(|r| r.at.end <= from.end) {
                let start = to + (was.at.start - from.start);
                let at = TextRange::new(start, start + (was.at.end - was.at.start));
                let other = || source.refuse(&CarriedError::Other(was.name.clone()), was.at);
                let is = bindings.references.iter().find(|is| is.at == at && is.name == was.name);
                let Some(is) = is.filter(|is| (is.form == Form::Plain) == (was.form == Form::Plain)) else {
                    return Err(other());
                };
                let meant = source.project.meant(&source.path, was);
                let means = after.meant(&source.path, is);
                if meaning(was) == Meaning::New {
                    continue;
                }
                let expected: BTreeSet<Place> = meant
                    .iter()
                    .flat_map(|place| {
                        let moved = if place.path == source.path { places(place.at) } else { [place.at].into() };
                        moved.into_iter().map(|at| Place { path: place.path.clone(), at })
                    })
                    .collect();
                let found: BTreeSet<Place> = means.into_iter().collect();
                // A text that is put in several places declares in each of them.
                if !(found.is_subset(&expected) && found.is_empty() == meant.is_empty()) {
                    return Err(other());
                }
            }
        }
        Ok(())
    }
}

/// The kinds of the nodes of an expression.
fn shape(expression: Node<'_>) -> Vec<u16> {
    let mut kinds = Vec::new();
    walk(expression, |node| {
        if node.is_named() {
            kinds.push(node.kind_id());
        }
        true
    });
    kinds
}

/// What an expression is a part of, brackets and casts aside: an operand, an argument, a callee.
fn role(expression: Node<'_>) -> Option<u16> {
    let mut up = expression.parent()?;
    while matches!(up.kind(), "parenthesized_expression" | "cast_expression") {
        up = up.parent()?;
    }
    Some(up.kind_id())
}
