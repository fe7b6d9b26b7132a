//! A syntax tree as data: what is compared when patterns are learned.

use deepcoder_syntax::{Language, Node, tree};
use std::ops::Range;

/// Trees that are deeper are not learned from: they are walked by recursion.
const MAX_DEPTH: usize = 500;

/// A node of a tree.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) kind: String,
    /// Whether it says what the code does, by its role in the node above.
    name: bool,
    pub(super) named: bool,
    pub(super) range: Range<usize>,
    pub(super) children: Vec<Term>,
}

/// Roles in which a name says what the code does: it stays in a pattern.
const NAMES: &[&str] = &[
    "function",
    "name",
    "attribute",
    "property",
    "field",
    "method",
    "type",
    "constructor",
    "key",
    "macro",
    "label",
    "path",
    "operator",
    "module_name",
];

impl Term {
    /// The tree of a text; `None` where it does not parse or is too deep.
    pub(super) fn new(language: Language, text: &str) -> Option<Self> {
        let tree = tree(language, text)?;
        let root = tree.root_node();
        if root.has_error() {
            return None;
        }
        Self::of(root, false, 0)
    }

    fn of(node: Node<'_>, name: bool, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut children = Vec::new();
        let mut cursor = node.walk();
        if cursor.goto_first_child() {
            loop {
                let child = cursor.node();
                if child.start_byte() < child.end_byte() {
                    let name = cursor.field_name().is_some_and(|field| NAMES.contains(&field));
                    children.push(Self::of(child, name, depth + 1)?);
                }
                if !cursor.goto_next_sibling() {
                    break;
                }
            }
        }
        let kind = node.kind().to_owned();
        Some(Self { kind, name, named: node.is_named(), range: node.byte_range(), children })
    }

    pub(super) fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.range.clone()).unwrap_or_default()
    }

    pub(super) const fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// Whether it is a name that says what the code does.
    pub(super) const fn is_name(&self) -> bool {
        self.name
    }

    /// Whether it is the inside of a string, which is no code.
    pub(super) fn is_text(&self) -> bool {
        self.kind.ends_with("_content") || self.kind.ends_with("_fragment")
    }

    /// Whether its children are any number of things of one kind.
    pub(super) fn is_list(&self) -> bool {
        let listed = |kind: &str| {
            let ends =
                ["_list", "arguments", "parameters", "block", "_body", "suite", "program", "module", "source_file"];
            ends.iter().any(|end| kind.ends_with(end))
                || matches!(kind, "list" | "tuple" | "set" | "array" | "dictionary" | "object" | "translation_unit")
        };
        listed(&self.kind)
    }

    /// Whether its children are statements.
    pub(super) fn holds_statements(&self) -> bool {
        ["block", "_body", "suite", "program", "module", "source_file", "translation_unit", "statement_list"]
            .iter()
            .any(|end| self.kind.ends_with(end))
            || matches!(self.kind.as_str(), "declaration_list" | "compound_statement")
    }

    /// Calls `each` for this node and those below, from the outside in, until it says that those below do not matter.
    pub(super) fn walk<'n>(&'n self, each: &mut dyn FnMut(&'n Self) -> bool) {
        let mut next = vec![self];
        while let Some(node) = next.pop() {
            if each(node) {
                next.extend(node.children.iter().rev());
            }
        }
    }
}
