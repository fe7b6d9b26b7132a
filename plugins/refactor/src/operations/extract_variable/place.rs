//! Where a declaration can stand: before a statement, or in braces that are new.

use crate::grammar::is_field;
use crate::grammar::source::Source;
use deepcoder_syntax::{Language, Node};

/// What a place without braces is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// A statement.
    Statement,
    /// A value, which is the value of a block, too.
    Value,
    /// A value that a block must return.
    Return,
}

/// Where the declaration goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'t> {
    /// The statement or the value that it precedes.
    pub(super) statement: Node<'t>,
    pub(super) wrap: Option<Wrap>,
}

impl<'t> Place<'t> {
    /// The innermost place around an expression.
    pub(super) fn of(source: &Source<'_>, expression: Node<'t>) -> Option<Self> {
        let mut at = expression;
        loop {
            if source.grammar.is_statement(at) {
                return Some(Self { statement: at, wrap: None });
            }
            let parent = at.parent()?;
            if let Some(wrap) = wrap(source, parent, at) {
                return Some(Self { statement: at, wrap: Some(wrap) });
            }
            at = parent;
        }
    }

    /// Before the statement of the file that holds an expression.
    pub(super) fn top(source: &Source<'_>, expression: Node<'t>) -> Option<Self> {
        let mut at = expression;
        while at.parent()?.parent().is_some() {
            at = at.parent()?;
        }
        source.grammar.is_statement(at).then_some(Self { statement: at, wrap: None })
    }
}

/// What a child is that stands without braces.
fn wrap(source: &Source<'_>, parent: Node<'_>, child: Node<'_>) -> Option<Wrap> {
    let field = |name: &str| is_field(parent, child, name);
    let kind = parent.kind();
    match source.language {
        Language::Java | Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let braces = matches!(child.kind(), "block" | "statement_block" | "else_clause");
            let body = source.grammar.loops.contains(&kind) && field("body")
                || kind == "if_statement" && (field("consequence") || field("alternative"))
                || kind == "else_clause";
            let lambda = matches!(kind, "lambda_expression" | "arrow_function") && field("body");
            match () {
                () if braces => None,
                () if body => Some(Wrap::Statement),
                () if lambda => Some(Wrap::Return),
                () => None,
            }
        }
        Language::Rust if child.kind() != "block" => {
            let value = kind == "match_arm" && field("value") || kind == "closure_expression" && field("body");
            value.then_some(Wrap::Value)
        }
        _ => None,
    }
}
