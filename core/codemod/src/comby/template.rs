//! The syntax of templates: text, spaces, brackets, strings and holes.

use super::TemplateError;
use super::lexicon::Lexicon;
use super::source::{Source, is_space};
use regex_automata::meta::Regex;

/// Brackets in brackets.
const MAX_DEPTH: usize = 200;

/// The most bytes that the automaton of one hole's expression may take.
const MAX_EXPRESSION: usize = 1 << 22;

/// A template: sequences of items, of which the first is the whole one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    pub(crate) sequences: Vec<Sequence>,
}

/// Items that follow each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    pub(crate) items: Vec<Item>,
    /// Where this is the inside of a string: its closing quote, and whether a backslash escapes.
    pub(crate) quote: Option<(&'static str, bool)>,
}

/// A part of a template.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// This text; comments may stand before it.
    Text(String),
    /// Spaces and comments.
    Space,
    /// Spaces only: the text is in a string.
    Spaces,
    /// Spaces or nothing, next to a bracket.
    Loose,
    /// A hole.
    Hole(Hole),
    /// Another sequence: brackets with what is in them, or a string.
    Nested(usize),
}

/// What a text may stand for.
#[derive(Debug, Clone)]
pub(crate) struct Hole {
    pub(crate) name: String,
    pub(crate) kind: HoleKind,
}

/// What fits in a hole.
#[derive(Debug, Clone)]
pub(crate) enum HoleKind {
    /// `:[x]`: anything, brackets whole, up to what follows.
    Everything,
    /// `:[x:e]`: the same without spaces outside of brackets.
    Expression,
    /// `:[[x]]`: a word.
    Word,
    /// `:[x.]`: anything but spaces, brackets and quotes.
    NonSpace,
    /// `:[x\n]`: the rest of the line with its end.
    Line,
    /// `:[ x]`: spaces and tabs.
    Blank,
    /// `:[x~expression]`.
    Regex(Box<Expression>),
}

/// A regular expression, with the ends of lines that it is bound to.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    pub(crate) regex: Regex,
    pub(crate) line_start: bool,
    pub(crate) line_end: bool,
}

impl Template {
    /// Reads a template. `strict`: spaces next to brackets count.
    pub(crate) fn new(text: &str, lexicon: &Lexicon, strict: bool) -> Result<Self, TemplateError> {
        let text = text.replace("...", ":[_]");
        let source = Source::new(&text, lexicon).ok_or(TemplateError::Long)?;
        let mut reader = Reader { source, lexicon, strict, template: Self::default() };
        reader.template.sequences.push(Sequence::default());
        let (items, end) = reader.items(0, None, 0)?;
        if end < reader.source.text.len() {
            return Err(TemplateError::Brackets { at: reader.source.text.get(end..).map(shown).unwrap_or_default() });
        }
        if let Some(first) = reader.template.sequences.first_mut() {
            first.items = items;
        }
        Ok(reader.template)
    }

    /// Whether it matches nothing but the empty text.
    pub(crate) fn is_empty(&self) -> bool {
        self.sequences.first().is_none_or(|whole| whole.items.is_empty())
    }

    /// Whether anything in it may vary.
    pub(crate) fn has_holes(&self) -> bool {
        self.sequences.iter().flat_map(|sequence| &sequence.items).any(|item| matches!(item, Item::Hole(_)))
    }

    /// The names of its holes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sequences.iter().flat_map(|sequence| &sequence.items).filter_map(|item| match item {
            Item::Hole(hole) => Some(hole.name.as_str()),
            _ => None,
        })
    }
}

fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}

struct Reader<'t, 'l> {
    source: Source<'t>,
    lexicon: &'l Lexicon,
    strict: bool,
    template: Template,
}

impl Reader<'_, '_> {
    /// The items from `at` to the bracket `close` or to where nothing can be read, and that offset.
    fn items(
        &mut self,
        mut at: usize,
        close: Option<&'static str>,
        depth: usize,
    ) -> Result<(Vec<Item>, usize), TemplateError> {
        let mut items = Vec::new();
        while let Some(rest) = self.source.text.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some((hole, length)) = hole(rest)? {
                items.push(Item::Hole(hole));
                at += length;
            } else if let Some(end) = self.source.string(at) {
                items.push(self.string(at, end)?);
                at = end;
            } else if close.is_some_and(|close| rest.starts_with(close)) {
                break;
            } else if let Some((open, close)) = self.lexicon.brackets.iter().find(|(open, _)| rest.starts_with(open)) {
                if depth >= MAX_DEPTH {
                    return Err(TemplateError::Deep);
                }
                let (inner, end) = self.items(at + open.len(), Some(close), depth + 1)?;
                if !self.source.text.get(end..).is_some_and(|rest| rest.starts_with(close)) {
                    return Err(TemplateError::Brackets { at: shown(rest) });
                }
                items.push(self.nested(open, inner, close));
                at = end + close.len();
            } else if let Some(end) = self.space(at) {
                items.push(Item::Space);
                at = end;
            } else {
                let signs: Vec<&str> = self.lexicon.signs().collect();
                let ends = |(offset, c): &(usize, char)| {
                    let rest = rest.get(*offset..).unwrap_or_default();
                    is_space(*c) || signs.iter().any(|sign| rest.starts_with(sign)) || matches!(hole(rest), Ok(Some(_)))
                };
                let length = rest.char_indices().find(ends).map_or(rest.len(), |(offset, _)| offset);
                if length == 0 {
                    break;
                }
                items.push(Item::Text(rest.get(..length).unwrap_or_default().to_owned()));
                at += length;
            }
        }
        Ok((items, at))
    }

    /// The end of spaces and comments.
    fn space(&self, at: usize) -> Option<usize> {
        let mut end = at;
        while let Some(next) = self.source.comment(end).or_else(|| self.source.spaces(end)) {
            end = next;
        }
        (end > at).then_some(end)
    }

    fn nested(&mut self, open: &str, inner: Vec<Item>, close: &str) -> Item {
        let tight = |item: Option<&Item>| !matches!(item, None | Some(Item::Hole(_) | Item::Space));
        let (first, last) = (tight(inner.first()) && !self.strict, tight(inner.last()) && !self.strict);
        let mut items = vec![Item::Text(open.to_owned())];
        items.extend(first.then_some(Item::Loose));
        items.extend(inner);
        items.extend(last.then_some(Item::Loose));
        items.push(Item::Text(close.to_owned()));
        self.template.sequences.push(Sequence { items, quote: None });
        Item::Nested(self.template.sequences.len() - 1)
    }

    /// A string of the template, in which holes are holes.
    fn string(&mut self, at: usize, end: usize) -> Result<Item, TemplateError> {
        let text = self.source.text.get(at..end).unwrap_or_default();
        let raw = self.lexicon.raw.iter().find(|(open, _)| text.starts_with(open)).map(|(_, close)| (*close, false));
        let quoted = self.lexicon.quotes.iter().find(|quote| text.starts_with(**quote)).map(|quote| (*quote, true));
        let mut items = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some((hole, length)) = hole(rest)? {
                items.push(Item::Hole(hole));
                at += length;
                continue;
            }
            let spaces = rest.len() - rest.trim_start_matches(is_space).len();
            if spaces > 0 {
                items.push(Item::Spaces);
                at += spaces;
                continue;
            }
            let ends = |(offset, c): &(usize, char)| {
                is_space(*c) || matches!(hole(rest.get(*offset..).unwrap_or_default()), Ok(Some(_)))
            };
            let length = rest.char_indices().find(ends).map_or(rest.len(), |(offset, _)| offset);
            items.push(Item::Text(rest.get(..length).unwrap_or_default().to_owned()));
            at += length.max(1);
        }
        self.template.sequences.push(Sequence { items, quote: raw.or(quoted) });
        Ok(Item::Nested(self.template.sequences.len() - 1))
    }
}

/// The hole that `text` begins with, and its length.
pub(crate) fn hole(text: &str) -> Result<Option<(Hole, usize)>, TemplateError> {
    let Some(rest) = text.strip_prefix(":[") else { return Ok(None) };
    let lead = if rest.starts_with('[') || rest.starts_with(' ') { 1 } else { 0 };
    let inner = rest.get(lead..).unwrap_or_default();
    let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    let (name, tail) = inner.split_at(length);
    if lead == 0 && tail.starts_with('~') {
        let Some((expression, end)) = expression(&tail[1..]) else { return Ok(None) };
        let name = if name.is_empty() { "_" } else { name };
        let hole = Hole { name: name.to_owned(), kind: HoleKind::Regex(Box::new(compiled(expression)?)) };
        return Ok(Some((hole, 2 + length + 1 + end)));
    }
    if name.is_empty() {
        return Ok(None);
    }
    let (kind, close) = match (rest.chars().next(), tail) {
        (Some('['), tail) if tail.starts_with("]]") => (HoleKind::Word, 2),
        (Some(' '), tail) if tail.starts_with(']') => (HoleKind::Blank, 1),
        (Some('[' | ' '), _) => return Ok(None),
        (_, tail) if tail.starts_with(".]") => (HoleKind::NonSpace, 2),
        (_, tail) if tail.starts_with("\\n]") => (HoleKind::Line, 3),
        (_, tail) if tail.starts_with(":e]") => (HoleKind::Expression, 3),
        (_, tail) if tail.starts_with(']') => (HoleKind::Everything, 1),
        _ => return Ok(None),
    };
    Ok(Some((Hole { name: name.to_owned(), kind }, 2 + lead + length + close)))
}

/// The expression of a hole and the length of it with the bracket behind it: brackets of classes and escaped ones do not
/// end the hole.
fn expression(text: &str) -> Option<(&str, usize)> {
    let (mut escaped, mut class) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' if class => class = false,
            ']' => return Some((&text[..at], at + 1)),
            _ => {}
        }
    }
    None
}

fn compiled(text: &str) -> Result<Expression, TemplateError> {
    let (text, line_start) = text.strip_prefix('^').map_or((text, false), |rest| (rest, true));
    let ends = text.ends_with('$') && !text.ends_with("\\$");
    let text = if ends { &text[..text.len() - 1] } else { text };
    let config = Regex::config().nfa_size_limit(Some(MAX_EXPRESSION)).onepass_size_limit(Some(MAX_EXPRESSION));
    let built = Regex::builder().configure(config).build(text);
    let regex = built.map_err(|error| TemplateError::Expression { text: text.to_owned(), why: error.to_string() })?;
    Ok(Expression { regex, line_start, line_end: ends })
}
