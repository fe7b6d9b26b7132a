//! What a definition takes, gives and raises, as its own text says it.

mod body;
mod parameters;

use deepcoder_syntax::{Language, Node, RawSymbol, Tree};
use std::ops::Range;

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its name; empty for a pattern that takes a value apart.
    pub name: String,
    /// Its type, as written.
    pub annotation: Option<String>,
    /// Whether a call may leave it out.
    pub optional: bool,
    /// Whether it takes any number of further arguments.
    pub rest: bool,
}

/// What a call gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Gives {
    /// Certainly nothing.
    Nothing,
    /// A value.
    Something,
    /// The text does not tell.
    #[default]
    Unknown,
}

/// What the text of a definition says of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Signature {
    /// The parameters in their order, without the receiver (`self`, `this`).
    pub parameters: Vec<Parameter>,
    /// Takes arguments by any name (`**kwargs`).
    pub open: bool,
    /// What it gives back.
    pub gives: Gives,
    /// The type of that, as written.
    pub result: Option<String>,
    /// Whether it gives values one by one.
    pub yields: bool,
    /// The names of the errors that its body raises, in their order.
    pub raises: Vec<String>,
    /// Whether it may raise errors that its text does not name: it calls something, or raises a value that it has.
    pub may_raise_more: bool,
    /// Whether it has a body that does something.
    pub has_code: bool,
    /// Whether callers must keep a contract (`unsafe`).
    pub is_unsafe: bool,
}

/// The functions of a text, for looking up that of a definition.
pub(crate) struct Functions<'t> {
    language: Language,
    text: &'t str,
    nodes: Vec<Node<'t>>,
}

impl<'t> Functions<'t> {
    pub(crate) fn of(language: Language, text: &'t str, tree: &'t Tree) -> Self {
        let kinds = kinds(language);
        let mut nodes = Vec::new();
        let mut cursor = tree.walk();
        'walk: loop {
            let node = cursor.node();
            if kinds.contains(&node.kind()) {
                nodes.push(node);
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    break 'walk;
                }
            }
        }
        Self { language, text, nodes }
    }

    /// The node of a function; `None` where the definition is none.
    fn node(&self, symbol: &RawSymbol) -> Option<Node<'t>> {
        let (start, end) = (symbol.signature_start as usize, symbol.range.end as usize);
        let head = (symbol.signature_end as usize).max(start + 1);
        let first = self.nodes.partition_point(|node| node.start_byte() < start);
        let inside = self.nodes[first..].iter().take_while(|node| node.start_byte() < head);
        let named = |node: &&Node<'_>| {
            let name = node.child_by_field_name("name").and_then(|name| self.text.get(name.byte_range()));
            name.is_none_or(|name| name.trim_matches(['"', '\'']) == symbol.name)
        };
        inside.filter(|node| node.end_byte() <= end).find(named).copied()
    }

    /// The signature of a definition; `None` where it is no function.
    pub(crate) fn signature(&self, symbol: &RawSymbol) -> Option<Signature> {
        let node = self.node(symbol)?;
        let mut signature = Signature::default();
        parameters::read(self.language, self.text, node, &mut signature);
        body::read(self.language, self.text, node, &mut signature);
        let head = self.text.get(symbol.signature_start as usize..symbol.signature_end as usize).unwrap_or_default();
        signature.is_unsafe = self.language == Language::Rust && head.split_whitespace().any(|word| word == "unsafe");
        Some(signature)
    }

    /// Whether a member of a class of C++ is private, or stands in a namespace without a name.
    pub(crate) fn is_hidden(&self, symbol: &RawSymbol) -> bool {
        let mut node = match self.node(symbol) {
            Some(node) => node,
            None => return false,
        };
        while let Some(outer) = node.parent() {
            if outer.kind() == "namespace_definition" && outer.child_by_field_name("name").is_none() {
                return true;
            }
            if outer.kind() == "field_declaration_list" {
                let mut before = node.prev_sibling();
                while let Some(other) = before {
                    if other.kind() == "access_specifier" {
                        return said(self.text, other).starts_with("private");
                    }
                    before = other.prev_sibling();
                }
                return outer.parent().is_some_and(|class| class.kind() == "class_specifier");
            }
            node = outer;
        }
        false
    }

    /// The body of a function.
    pub(crate) fn body(&self, symbol: &RawSymbol) -> Option<Range<usize>> {
        body::node(self.language, self.node(symbol)?).map(|body| body.byte_range())
    }
}

/// The nodes of functions.
fn kinds(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &["function_definition"],
        Language::Rust => &["function_item", "function_signature_item"],
        Language::Go => &["function_declaration", "method_declaration", "method_elem", "method_spec"],
        Language::Java => &["method_declaration", "constructor_declaration"],
        language if language.is_c() => &["function_declarator"],
        language if language.is_script() => &[
            "function_declaration",
            "generator_function_declaration",
            "function_expression",
            "generator_function",
            "arrow_function",
            "function_signature",
            "method_definition",
            "method_signature",
            "abstract_method_signature",
        ],
        _ => &[],
    }
}

/// The text of a node on one line.
fn said(text: &str, node: Node<'_>) -> String {
    text.get(node.byte_range()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
