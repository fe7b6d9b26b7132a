//! Where a template matches a text.
//!
//! A hole takes as few units as it can so that the rest of its sequence matches, and what it takes is never tried again:
//! the answer depends on the item and the offset only, and is kept. So a search takes a time that is linear in the text for
//! each item.

use super::source::{Source, is_space};
use super::template::{Expression, Hole, HoleKind, Item, Template};
use regex_automata::{Anchored, Input};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The longest text that an expression looks at.
const MAX_LOOK: usize = 1 << 16;

/// The texts of holes by their names.
pub(crate) type Environment = BTreeMap<String, String>;

/// A text that a template matches.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) range: Range<usize>,
    pub(crate) environment: Environment,
}

/// A template and a text.
pub(crate) struct Matcher<'m> {
    template: &'m Template,
    source: &'m Source<'m>,
    /// Signs that end a text without spaces.
    signs: &'m [&'static str],
    /// Ends of holes by sequence, item and offset.
    known: RefCell<HashMap<(usize, usize, usize), usize>>,
}

impl<'m> Matcher<'m> {
    pub(crate) fn new(template: &'m Template, source: &'m Source<'m>, signs: &'m [&'static str]) -> Self {
        Self { template, source, signs, known: RefCell::default() }
    }

    /// Every match, from the front, none in another one. Comments and strings are no places where a match begins, unless
    /// the template does.
    pub(crate) fn all(&self) -> Vec<Found> {
        let mut found = Vec::new();
        if self.template.is_empty() {
            return found;
        }
        let mut at = 0;
        while at < self.source.text.len() {
            if let Some(end) = self.sequence(0, 0, at) {
                found.extend(self.environment(at, end));
                if end > at {
                    at = end;
                    continue;
                }
            } else if let Some(end) = self.source.comment(at).or_else(|| self.source.string(at)) {
                at = end;
                continue;
            }
            at = self.source.character(at).map_or(at + 1, |(_, end)| end);
        }
        found
    }

    /// The match of the whole text.
    pub(crate) fn whole(&self) -> Option<Found> {
        let end = self.sequence(0, 0, 0).filter(|end| *end == self.source.text.len())?;
        self.environment(0, end)
    }

    /// The texts of the holes; `None` where one name has two texts.
    fn environment(&self, start: usize, end: usize) -> Option<Found> {
        let mut environment = Environment::new();
        let mut steps = vec![(0, 0, start)];
        while let Some((sequence, item, at)) = steps.pop() {
            let Some(next) = self.item(sequence, item) else { continue };
            let Some((from, to)) = self.step(sequence, item, at) else { continue };
            match next {
                Item::Hole(hole) if hole.name != "_" => {
                    let text = self.source.text.get(from..to).unwrap_or_default();
                    if environment.get(&hole.name).is_some_and(|known| known != text) {
                        return None;
                    }
                    environment.insert(hole.name.clone(), text.to_owned());
                }
                Item::Nested(inner) => steps.push((*inner, 0, at)),
                _ => {}
            }
            let after = self.after(sequence, item, at)?;
            steps.push((sequence, item + 1, after));
        }
        Some(Found { range: start..end, environment })
    }

    fn item(&self, sequence: usize, item: usize) -> Option<&Item> {
        self.template.sequences.get(sequence)?.items.get(item)
    }

    /// The end of the sequence from `item` on at `at`.
    fn sequence(&self, sequence: usize, mut item: usize, mut at: usize) -> Option<usize> {
        while self.item(sequence, item).is_some() {
            at = self.after(sequence, item, at)?;
            item += 1;
        }
        Some(at)
    }

    /// Where an item ends at `at`, with what is no part of its text.
    fn after(&self, sequence: usize, item: usize, at: usize) -> Option<usize> {
        match self.item(sequence, item)? {
            Item::Hole(Hole { kind: HoleKind::Regex(expression), .. }) => self.expression(expression, at).map(|e| e.2),
            _ => self.step(sequence, item, at).map(|(_, end)| end),
        }
    }

    /// The text of an item at `at`.
    fn step(&self, sequence: usize, item: usize, at: usize) -> Option<(usize, usize)> {
        let source = self.source;
        let end = match self.item(sequence, item)? {
            Item::Text(text) => {
                let mut from = at;
                while !source.text.get(from..)?.starts_with(text.as_str()) {
                    from = source.comment(from)?;
                }
                from + text.len()
            }
            Item::Space => {
                let mut end = at;
                while let Some(next) = source.comment(end).or_else(|| source.spaces(end)) {
                    end = next;
                }
                return (end > at).then_some((at, end));
            }
            Item::Spaces => source.spaces(at)?,
            Item::Loose => source.spaces(at).unwrap_or(at),
            Item::Nested(inner) => self.sequence(*inner, 0, at)?,
            Item::Hole(hole) => return self.hole(hole, (sequence, item), at),
        };
        Some((at, end))
    }

    fn hole(&self, hole: &Hole, item: (usize, usize), at: usize) -> Option<(usize, usize)> {
        let rest = self.source.text.get(at..)?;
        let span = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let some = |length: usize| (length > 0).then_some((at, at + length));
        match &hole.kind {
            HoleKind::Word => some(span(|c| c.is_ascii_alphanumeric() || c == '_')),
            HoleKind::Blank => some(span(|c| matches!(c, ' ' | '\t'))),
            HoleKind::Line => some(rest.find('\n')? + 1),
            HoleKind::Regex(expression) => self.expression(expression, at).map(|(from, to, _)| (from, to)),
            HoleKind::Everything => Some((at, self.lazy(hole, item, at))),
            HoleKind::Expression | HoleKind::NonSpace => {
                Some(self.lazy(hole, item, at)).filter(|end| *end > at).map(|end| (at, end))
            }
        }
    }

    /// The end of a hole that takes as little as it can.
    fn lazy(&self, hole: &Hole, (sequence, item): (usize, usize), start: usize) -> usize {
        let mut passed = Vec::new();
        let mut at = start;
        let end = loop {
            if let Some(end) = self.known.borrow().get(&(sequence, item, at)) {
                break *end;
            }
            let last = self.item(sequence, item + 1).is_none();
            let fits =
                if last { at == self.source.text.len() } else { self.sequence(sequence, item + 1, at).is_some() };
            passed.push(at);
            match self.unit(hole, sequence, at) {
                Some(next) if !fits => at = next,
                _ => break at,
            }
        };
        self.known.borrow_mut().extend(passed.into_iter().map(|at| ((sequence, item, at), end)));
        end
    }

    /// The end of the unit that a hole takes at `at`.
    fn unit(&self, hole: &Hole, sequence: usize, at: usize) -> Option<usize> {
        let source = self.source;
        let (c, next) = source.character(at)?;
        let rest = source.text.get(at..)?;
        let plain = || {
            let sign = self.signs.iter().any(|sign| rest.starts_with(sign));
            (!is_space(c) && !sign).then_some(next)
        };
        let quote = self.template.sequences.get(sequence).and_then(|sequence| sequence.quote);
        match (&hole.kind, quote) {
            (HoleKind::Everything, Some((quote, escapes))) => {
                if escapes && c == '\\' {
                    return source.character(next).map(|(_, end)| end);
                }
                (!rest.starts_with(quote)).then_some(next)
            }
            (HoleKind::Everything, None) => source.unit(at),
            (HoleKind::Expression, _) => {
                source.comment(at).or_else(|| source.string(at)).or_else(plain).or_else(|| {
                    // What is left of units is a bracket with its partner.
                    source.unit(at).filter(|_| !is_space(c))
                })
            }
            _ => plain(),
        }
    }

    /// The text of an expression at `at`, and where what follows begins.
    fn expression(&self, expression: &Expression, at: usize) -> Option<(usize, usize, usize)> {
        let text = self.source.text;
        let mut from = at;
        if expression.line_start && text.get(at..)?.starts_with('\n') {
            from += 1;
        } else if expression.line_start && at > 0 {
            return None;
        }
        let mut limit = text.len().min(from + MAX_LOOK);
        while !text.is_char_boundary(limit) {
            limit += 1;
        }
        let input = Input::new(text).span(from..limit).anchored(Anchored::Yes);
        let found = expression.regex.search(&input).map(|found| found.end());
        let to = found.or_else(|| (at == text.len()).then_some(at))?;
        let behind = match (expression.line_end, text.get(to..)?.chars().next()) {
            (false, _) | (true, None) => to,
            (true, Some('\n')) => to + 1,
            (true, Some(_)) => return None,
        };
        Some((from, to, behind))
    }
}
