//! The definitions in a text.

use crate::definition::{self, Definition};
use crate::{Language, parse};
use deepcoder_types::TextRange;
use tree_sitter::Node;

/// At most this many definitions are told.
const MAX_SYMBOLS: usize = 50_000;

/// Definitions nested deeper than this are left out.
const MAX_DEPTH: usize = 50;

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSymbol {
    /// Its name.
    pub name: String,
    /// The name with those of the definitions around it, joined with dots: `Class.method`.
    pub qualified: String,
    /// `function`, `method`, `class`, `struct`, `enum`, `union`, `trait`, `impl`, `interface`, `module`, `type`, `macro`,
    /// `constant`, `variable` or `field`; in documents and data `section`, `key`, `rule` or `element`.
    pub kind: &'static str,
    /// The whole definition, with the decorators, attributes and comments directly above it.
    pub range: TextRange,
    /// The definition proper begins here, after comments and attributes.
    pub signature_start: u32,
    /// The signature ends here, before the body.
    pub signature_end: u32,
}

/// The definitions in `text`, in the order in which they begin; outer ones before what is in them. Empty when it is too
/// large to parse. Where a part of the text does not parse, the rest is still found.
#[must_use]
pub fn symbols(language: Language, text: &str) -> Vec<RawSymbol> {
    let Some(tree) = parse::parse(language, text) else { return Vec::new() };
    let mut walk = Walk { language, text, above: Vec::new(), around: Vec::new(), lead: None, found: Vec::new() };
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let start = walk.visit(node);
        if walk.found.len() >= MAX_SYMBOLS {
            return walk.found;
        }
        if cursor.goto_first_child() {
            walk.above.push(Level { node, start, lead: walk.lead.take() });
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walk.found;
            }
            walk.lead = walk.above.pop().and_then(|level| level.lead);
        }
    }
}

/// The innermost definition that `offset` is in, if any. Fields and variables do not count.
#[must_use]
pub fn enclosing(language: Language, text: &str, offset: u32) -> Option<RawSymbol> {
    let covers = |s: &RawSymbol| s.range.start <= offset && offset < s.range.end.max(s.range.start + 1);
    let big = |s: &RawSymbol| !matches!(s.kind, "field" | "variable");
    symbols(language, text).into_iter().filter(|s| big(s) && covers(s)).min_by_key(|s| s.range.end - s.range.start)
}

/// The statements of `text` that bring in names of other files, by the query of the language.
#[must_use]
pub fn import_statements(language: Language, text: &str) -> Vec<TextRange> {
    let (Some(tree), Some(tags)) = (parse::parse(language, text), language.tags()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if tags.captures(node, text, "reference.import").is_some() {
            found.push(parse::range(node.start_byte(), node.end_byte()));
        } else if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

/// A node that the walk is in.
struct Level<'t> {
    node: Node<'t>,
    /// Where it begins with what leads it.
    start: usize,
    /// The lead at this level when the walk went down.
    lead: Option<Lead>,
}

/// A run of comments and attributes.
#[derive(Clone, Copy)]
struct Lead {
    start: usize,
    end: usize,
}

/// A definition that the walk may be in.
struct Around {
    qualified: String,
    kind: &'static str,
    end: usize,
}

struct Walk<'t, 's> {
    language: Language,
    text: &'s str,
    above: Vec<Level<'t>>,
    around: Vec<Around>,
    lead: Option<Lead>,
    found: Vec<RawSymbol>,
}

impl<'t> Walk<'t, '_> {
    /// Returns where `node` begins with what leads it.
    fn visit(&mut self, node: Node<'t>) -> usize {
        let (first, last) = (node.start_byte(), node.end_byte());
        let led = self.lead.filter(|lead| self.adjacent(lead.end, first));
        let start = led.map_or(first, |lead| lead.start);
        if definition::leads(self.language, node, self.text) {
            // A comment behind code on the same line belongs to that code.
            let own_line = first == 0 || self.text[..first].trim_end_matches([' ', '\t']).ends_with('\n');
            self.lead = if led.is_some() || own_line || !node.kind().ends_with("comment") {
                Some(Lead { start, end: first + self.text[first..last].trim_end().len() })
            } else {
                None
            };
            return first;
        }
        self.lead = None;
        if node.is_named()
            && let Some(definition) = definition::of(self.language, node, self.text)
        {
            self.define(node, start, definition);
        }
        start
    }

    fn adjacent(&self, end: usize, start: usize) -> bool {
        let gap = self.text.get(end..start).unwrap_or("x");
        gap.trim().is_empty() && gap.matches('\n').count() <= 1
    }

    /// Whether constants, variables and fields count there: in a file, a module or a class, not in a block of statements.
    fn is_home(&self, kind: &str, outer: Option<&Around>) -> bool {
        match kind {
            "statement_block" => outer.is_some_and(|a| a.kind == "module"),
            _ => self.language.spec().homes.contains(&kind),
        }
    }

    fn define(&mut self, node: Node<'t>, start: usize, definition: Definition) {
        let (mut range_start, mut end, mut proper) = (start, node.end_byte(), node.start_byte());
        let mut parents = self.above.iter().rev().peekable();
        while let Some(shell) = parents.next_if(|level| definition::wraps(self.language, level.node)) {
            range_start = shell.start;
            proper = shell.node.start_byte();
            end = end.max(shell.node.end_byte());
        }
        let home = parents.peek().map_or("", |level| level.node.kind());
        while self.around.last().is_some_and(|a| a.end <= node.start_byte()) {
            self.around.pop();
        }
        // Names grow with every level, so that hostile nesting would cost memory without bound.
        if self.around.len() >= MAX_DEPTH {
            return;
        }
        let outer = self.around.last();
        let in_function = self.around.iter().any(|a| matches!(a.kind, "function" | "method"));
        if definition.only_outside_functions && (in_function || !self.is_home(home, outer)) {
            return;
        }
        let in_type = outer
            .is_some_and(|a| matches!(a.kind, "class" | "struct" | "union" | "trait" | "impl" | "interface" | "enum"));
        let kind = if definition.kind == "function" && in_type { "method" } else { definition.kind };
        let prefix = definition.owner.as_deref().or_else(|| outer.map(|a| a.qualified.as_str()));
        let qualified = prefix.map_or_else(|| definition.name.clone(), |p| format!("{p}.{}", definition.name));
        let qualified = qualified.replace("::", ".");
        if self.language.is_c() {
            end += trailing_semicolon(&self.text[end..]);
        }
        // Some grammars count the line's end to the node.
        end = proper + self.text[proper..end].trim_end().len();
        let signature_end = match definition.body {
            Some(body) => proper + self.text[proper..body.max(proper)].trim_end().len(),
            None => proper + one_line(&self.text[proper..end]),
        };
        self.found.push(RawSymbol {
            name: definition.name,
            qualified: qualified.clone(),
            kind,
            range: parse::range(range_start, end),
            signature_start: parse::range(proper, proper).start,
            signature_end: parse::range(signature_end, signature_end).end,
        });
        self.around.push(Around { qualified, kind, end: node.end_byte() });
    }
}

fn trailing_semicolon(after: &str) -> usize {
    let spaces = after.len() - after.trim_start_matches([' ', '\t']).len();
    if after[spaces..].starts_with(';') { spaces + 1 } else { 0 }
}

/// A definition without a body is its own signature, unless it is a long table.
fn one_line(text: &str) -> usize {
    const SHORT: usize = 200;
    if text.len() <= SHORT { text.len() } else { text.find('\n').unwrap_or(text.len()).min(floor(text, SHORT)) }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}
