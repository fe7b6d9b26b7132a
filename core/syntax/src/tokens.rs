//! A text as its tokens, with or without what does not run.

use crate::Language;
use crate::parse::{parse, range};
use deepcoder_types::TextRange;
use tree_sitter::{Node, Point};

/// The tokens that are reported of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Every token, comments too.
    All,
    /// Code that runs: no comments, docstrings and statements that do nothing.
    Code,
    /// Code and docstrings without type annotations, and with the imports apart.
    Untyped,
}

/// One token, or the end of a statement or a block where only the layout shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Where it is.
    pub range: TextRange,
    /// Its line, from 1.
    pub line: u32,
    /// Its kind.
    pub kind: TokenKind,
}

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Anything that is none of the others.
    Code,
    /// A comment.
    Comment,
    /// The beginning or the end of a string.
    Quote,
    /// The end of a statement that no sign needs to end; empty.
    StatementEnd,
    /// The end of a block that only its indentation ends; empty.
    BlockEnd,
}

/// The tokens of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// In their order.
    pub code: Vec<Token>,
    /// Import statements, where they are apart. Those that only annotations need are left out.
    pub imports: Vec<TextRange>,
}

/// The tokens of `text`; `None` when it is too large to parse or does not parse.
#[must_use]
pub fn tokens(language: Language, text: &str, kept: Kept) -> Option<Tokens> {
    let tree = parse(language, text)?;
    if tree.root_node().has_error() {
        return None;
    }
    let mut out = Tokens::default();
    let mut read = 0;
    // For each node that the walk is in, whether its children are statements that a line end ends.
    let mut within: Vec<bool> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let field = cursor.field_name();
        let skipped = skips(language, text, node, field, kept, &mut out.imports);
        if !skipped && !is_atom(node) && cursor.goto_first_child() {
            within.push(language.spec().statements.contains(&node.kind()));
            continue;
        }
        gap(text, read..node.start_byte(), &mut out.code);
        read = read.max(node.end_byte());
        if !skipped && node.start_byte() < node.end_byte() {
            let whole = range(node.start_byte(), node.end_byte());
            out.code.push(Token { range: whole, line: line_of(node.start_position()), kind: kind_of(node) });
            if within.last() == Some(&true) && node.is_named() && kind_of(node) == TokenKind::Code {
                out.code.push(end_of(node, TokenKind::StatementEnd));
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                gap(text, read..text.len(), &mut out.code);
                return Some(out);
            }
            let left = cursor.node();
            within.pop();
            out.code.extend(boundary(language, left, within.last() == Some(&true)).map(|mark| end_of(left, mark)));
        }
    }
}

fn end_of(node: Node<'_>, kind: TokenKind) -> Token {
    Token { range: range(node.end_byte(), node.end_byte()), line: line_of(node.end_position()), kind }
}

fn line_of(point: Point) -> u32 {
    u32::try_from(point.row + 1).unwrap_or(u32::MAX)
}

/// Text that no token covers, such as what stands between two escapes of a string.
fn gap(text: &str, between: std::ops::Range<usize>, out: &mut Vec<Token>) {
    let Some(rest) = text.get(between.clone()).filter(|t| !t.trim().is_empty()) else { return };
    let start = between.start + (rest.len() - rest.trim_start().len());
    let line = text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count() + 1;
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    out.push(Token { range: range(start, start + rest.trim().len()), line, kind: TokenKind::Code });
}

/// Nodes whose text counts to the letter, whatever the grammar sees in it.
fn is_atom(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind.ends_with("comment") || kind == "string_content" || kind == "string_fragment"
}

fn kind_of(node: Node<'_>) -> TokenKind {
    match node.kind() {
        kind if kind.ends_with("comment") => TokenKind::Comment,
        "string_start" | "string_end" | "\"" | "'" => TokenKind::Quote,
        _ => TokenKind::Code,
    }
}

/// A token that only the layout shows: the end of a block in Python, and that of a statement where no sign needs to end
/// it.
fn boundary(language: Language, node: Node<'_>, is_statement: bool) -> Option<TokenKind> {
    match node.kind() {
        "block" if language == Language::Python => Some(TokenKind::BlockEnd),
        _ if is_statement && node.is_named() => Some(TokenKind::StatementEnd),
        kind if kind.ends_with("_statement") && (language.is_script() || language == Language::Python) => {
            Some(TokenKind::StatementEnd)
        }
        _ => None,
    }
}

fn skips(
    language: Language,
    text: &str,
    node: Node<'_>,
    field: Option<&str>,
    kept: Kept,
    imports: &mut Vec<TextRange>,
) -> bool {
    if kept == Kept::All {
        return is_trailing_comma(node) || is_optional_semicolon(language, node);
    }
    if node.kind().ends_with("comment") || is_trailing_comma(node) {
        return true;
    }
    let python = language == Language::Python;
    if python && does_nothing(node) {
        return kept == Kept::Code || !is_string_statement(node);
    }
    if kept != Kept::Untyped {
        return false;
    }
    if matches!(node.kind(), "import_statement" | "import_from_statement" | "future_import_statement")
        && (python || language.is_script())
    {
        if !for_types(text, node) {
            imports.push(range(node.start_byte(), node.end_byte()));
        }
        return true;
    }
    if python { is_python_annotation(text, node, field) } else { language.is_script() && is_script_type(node) }
}

/// A comma in front of a closing bracket. That of a tuple makes it one.
fn is_trailing_comma(node: Node<'_>) -> bool {
    let closes = |n: Node<'_>| matches!(n.kind(), ")" | "]" | "}");
    let means_more = |n: Node<'_>| n.kind().contains("tuple") || matches!(n.kind(), "subscript" | "token_tree");
    node.kind() == ","
        && node.next_sibling().is_some_and(closes)
        && node.prev_sibling().is_some_and(|p| p.is_named())
        && !node.parent().is_some_and(means_more)
}

fn is_optional_semicolon(language: Language, node: Node<'_>) -> bool {
    language.is_script() && node.kind() == ";" && node.parent().is_some_and(|p| p.kind() != "for_statement")
}

/// A docstring, or a statement that only holds a place.
fn does_nothing(node: Node<'_>) -> bool {
    let only = |kinds: &[&str]| {
        node.kind() == "expression_statement"
            && node.child_count() == 1
            && node.child(0).is_some_and(|c| kinds.contains(&c.kind()) && !has_interpolation(c))
    };
    node.kind() == "pass_statement" || only(&["string", "concatenated_string", "ellipsis"])
}

fn is_string_statement(node: Node<'_>) -> bool {
    node.child(0).is_some_and(|child| child.kind().ends_with("string"))
}

fn has_interpolation(string: Node<'_>) -> bool {
    let mut cursor = string.walk();
    string.children(&mut cursor).any(|c| {
        let mut inner = c.walk();
        c.kind() == "interpolation" || c.children(&mut inner).any(|c| c.kind() == "interpolation")
    })
}

/// An import of names that are there for annotations.
fn for_types(text: &str, node: Node<'_>) -> bool {
    const MODULES: [&str; 5] = ["typing", "typing_extensions", "collections.abc", "types", "__future__"];
    let module = node.child_by_field_name("module_name").or_else(|| node.child_by_field_name("name"));
    node.kind() == "future_import_statement"
        || module.and_then(|m| text.get(m.byte_range())).is_some_and(|m| MODULES.contains(&m))
}

fn is_python_annotation(text: &str, node: Node<'_>, field: Option<&str>) -> bool {
    let said = |n: Option<Node<'_>>| n.and_then(|n| text.get(n.byte_range())).unwrap_or_default();
    let Some(parent) = node.parent() else { return false };
    match (parent.kind(), node.kind()) {
        ("typed_parameter" | "typed_default_parameter", kind) => field == Some("type") || kind == ":",
        ("function_definition", kind) => field == Some("return_type") || kind == "->",
        // Without a value it declares a field, which a dataclass sees.
        ("assignment", kind) if parent.child_by_field_name("right").is_some() => field == Some("type") || kind == ":",
        (_, "if_statement") => {
            matches!(said(node.child_by_field_name("condition")), "TYPE_CHECKING" | "typing.TYPE_CHECKING")
                && node.child_by_field_name("alternative").is_none()
        }
        (_, "expression_statement") => {
            let call = node.child(0).and_then(|a| a.child_by_field_name("right")).filter(|r| r.kind() == "call");
            let called = said(call.and_then(|c| c.child_by_field_name("function")));
            matches!(called.rsplit('.').next(), Some("TypeVar" | "ParamSpec" | "TypeVarTuple"))
        }
        _ => false,
    }
}

fn is_script_type(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "type_annotation"
            | "type_predicate_annotation"
            | "asserts_annotation"
            | "type_alias_declaration"
            | "interface_declaration"
    )
}
