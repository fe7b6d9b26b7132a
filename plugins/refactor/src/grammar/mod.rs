//! What operations must know of a language's grammar: one table for each language.

pub(crate) mod go;
pub(crate) mod java;
mod javascript;
pub(crate) mod paths;
mod python;
pub(crate) mod rust;
pub(crate) mod source;

use deepcoder_syntax::{Language, Node};
use source::Source;

/// The node kinds of a language by what they are to operations.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// Expressions that have a value of their own.
    pub(crate) expressions: &'static [&'static str],
    /// Nodes whose children are statements.
    pub(crate) blocks: &'static [&'static str],
    /// Definitions and lambdas: their bodies run later.
    pub(crate) functions: &'static [&'static str],
    /// Loops: their bodies run many times.
    pub(crate) loops: &'static [&'static str],
    /// Expressions that make a new changeable thing each time.
    pub(crate) makers: &'static [&'static str],
    /// Members and elements: they are read from something that others may change.
    pub(crate) accesses: &'static [&'static str],
    /// Expressions that may do anything: calls, jumps to other code, assignments.
    pub(crate) effects: &'static [&'static str],
    /// Texts that are one token whatever they hold.
    pub(crate) strings: &'static [&'static str],
    /// Expressions with brackets of their own around all that they hold.
    pub(crate) bracketed: &'static [&'static str],
    /// Whether a line break ends a statement outside of brackets.
    pub(crate) line_ends: bool,
    /// Whether brackets around a value are left out where it is declared.
    pub(crate) loose: bool,
    /// How strongly an expression holds together.
    pub(crate) precedence: fn(Node<'_>) -> u8,
    /// How strongly an expression must hold together in the place of this child to need no brackets.
    pub(crate) slot: fn(Node<'_>, Node<'_>) -> u8,
    /// What a parent does with this child.
    pub(crate) step: fn(Node<'_>, Node<'_>) -> Step,
    /// The only name and the value that a statement declares, if it is such a declaration.
    pub(crate) declared: for<'t> fn(Node<'t>) -> Option<(Node<'t>, Node<'t>)>,
    /// How a name is declared with the value of this expression, as a statement without a line break; `None`: it cannot be.
    pub(crate) declare: fn(&Source<'_>, Node<'_>, &str) -> Option<Declare>,
    /// What is doubtful about giving this expression a name.
    pub(crate) doubt: fn(Node<'_>) -> Option<&'static str>,
    /// What is doubtful about putting a value (the second) of a declaration (the first) in the place of a name (the third).
    pub(crate) doubt_inlined: fn(&Source<'_>, Node<'_>, Node<'_>, Node<'_>) -> Option<&'static str>,
    /// The statement that a block without others needs.
    pub(crate) empty: Option<&'static str>,
}

/// The strength of an expression that needs no brackets anywhere.
pub(crate) const ATOM: u8 = 100;

/// How a part of a statement is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Once, whenever the whole is.
    Once,
    /// Once or not at all.
    Maybe,
    /// Any number of times.
    Often,
    /// Later, or at any time.
    Later,
    /// It is no expression that could stand elsewhere: why. Its parts may be.
    Never(&'static str),
    /// Nothing in it is one.
    Nowhere(&'static str),
}

impl Grammar {
    /// The grammar of a language that operations know.
    pub(crate) fn of(language: Language) -> Option<&'static Self> {
        Some(match language {
            Language::Python => &python::PYTHON,
            Language::JavaScript | Language::TypeScript | Language::Tsx => &javascript::JAVASCRIPT,
            Language::Java => &java::JAVA,
            Language::Go => &go::GO,
            Language::Rust => &rust::RUST,
            _ => return None,
        })
    }

    /// Whether an expression needs brackets in the place of `at`.
    pub(crate) fn needs_brackets(&self, expression: Node<'_>, at: Node<'_>) -> bool {
        let slot = at.parent().map_or(0, |parent| (self.slot)(parent, at));
        (self.precedence)(expression) < slot || is_braced(expression) && in_head(at) || clings(expression, at)
    }

    /// Whether this node is a statement: one of a block.
    pub(crate) fn is_statement(&self, node: Node<'_>) -> bool {
        let block = |parent: &Node<'_>| self.blocks.contains(&parent.kind());
        let Some(parent) = node.parent().filter(block) else { return false };
        // What a case compares with is no statement, and neither is a label.
        node.is_named() && !node.is_extra() && !node.kind().ends_with("_label") && !is_field(parent, node, "value")
    }
}

/// Whether an expression needs brackets where precedence alone would not give them.
fn clings(expression: Node<'_>, at: Node<'_>) -> bool {
    let Some(parent) = at.parent() else { return false };
    let operand = parent.kind().contains("binary") || parent.kind().contains("unary");
    let object = matches!(
        parent.kind(),
        "member_expression"
            | "subscript_expression"
            | "call_expression"
            | "field_expression"
            | "index_expression"
            | "try_expression"
            | "type_cast_expression"
            | "non_null_expression"
    ) && parent.start_byte() == at.start_byte();
    match expression.kind() {
        // `--a`, `3/*a`
        "unary_expression" | "update_expression" | "unary_operator" => operand && !is_reference(expression),
        // JavaScript does not mix `??` with `||` and `&&`.
        "binary_expression" if sign(expression) == Some("??") => matches!(sign(parent), Some("||" | "&&")),
        "binary_expression" if matches!(sign(expression), Some("||" | "&&")) => sign(parent) == Some("??"),
        // `a as usize < 3` begins arguments of a type.
        "type_cast_expression" => matches!(sign(parent), Some("<" | "<<")) && parent.start_byte() == at.start_byte(),
        // A block ends the statement that begins with it.
        "if_expression" | "match_expression" | "block" | "unsafe_block" | "loop_expression" | "async_block"
        | "const_block" => (operand || object) && begins_statement(at),
        // `(a?.b).c` fails where `a?.b.c` does not.
        _ if object && has_chain(expression) => true,
        // `new (a().B)(1)`
        _ => parent.kind() == "new_expression" && is_field(parent, at, "constructor") && has_call(expression),
    }
}

/// `&a`, which no sign before it changes.
fn is_reference(expression: Node<'_>) -> bool {
    sign(expression) == Some("&")
}

/// Whether a place is the first one of a statement.
fn begins_statement(place: Node<'_>) -> bool {
    let mut at = place;
    while let Some(parent) = at.parent() {
        if matches!(parent.kind(), "block" | "expression_statement" | "source_file") {
            return true;
        }
        if parent.start_byte() != place.start_byte() {
            return false;
        }
        at = parent;
    }
    false
}

/// The operator of an expression with two sides.
fn sign<'t>(node: Node<'t>) -> Option<&'t str> {
    node.child_by_field_name("operator").map(|operator| operator.kind())
}

/// Whether a chain of members has `?.` in it.
fn has_chain(expression: Node<'_>) -> bool {
    let mut at = expression;
    while matches!(at.kind(), "member_expression" | "subscript_expression" | "call_expression") {
        let mut cursor = at.walk();
        if at.children(&mut cursor).any(|child| child.kind() == "optional_chain" || child.kind() == "?.") {
            return true;
        }
        let Some(object) = at.child_by_field_name("object").or_else(|| at.child_by_field_name("function")) else {
            break;
        };
        at = object;
    }
    false
}

/// Whether a chain of members calls something.
fn has_call(expression: Node<'_>) -> bool {
    let mut at = expression;
    while let Some(object) = at.child_by_field_name("object").filter(|_| at.kind() != "call_expression") {
        at = object;
    }
    at.kind() == "call_expression"
}

/// Whether the braces of an expression would begin the block of a statement.
fn is_braced(expression: Node<'_>) -> bool {
    matches!(expression.kind(), "struct_expression" | "composite_literal")
}

/// Whether a place is in the head of a statement with a block, outside of brackets.
fn in_head(place: Node<'_>) -> bool {
    let mut at = place;
    while let Some(parent) = at.parent() {
        match parent.kind() {
            "if_expression"
            | "while_expression"
            | "for_expression"
            | "match_expression"
            | "if_statement"
            | "for_statement"
            | "expression_switch_statement" => {
                return at.kind() != "block" && !is_field(parent, at, "body") && !is_field(parent, at, "consequence");
            }
            "arguments"
            | "argument_list"
            | "parenthesized_expression"
            | "tuple_expression"
            | "array_expression"
            | "index_expression"
            | "block" => return false,
            _ => at = parent,
        }
    }
    false
}

/// The declaration of a name.
#[derive(Debug)]
pub(crate) struct Declare {
    /// What stands before the value.
    pub(crate) before: String,
    /// What stands after it.
    pub(crate) after: &'static str,
    /// What is doubtful about it.
    pub(crate) doubt: Option<&'static str>,
}

/// Whether a child is this field of its parent.
pub(crate) fn is_field(parent: Node<'_>, child: Node<'_>, field: &str) -> bool {
    let mut cursor = parent.walk();
    let mut found = parent.children_by_field_name(field, &mut cursor);
    found.any(|is| is.id() == child.id())
}

/// Steps as a table: the parent, its field (`*` for any child), and the step. The first row that fits counts.
type Steps = &'static [(&'static str, &'static str, Step)];

fn looked_up(steps: Steps, parent: Node<'_>, child: Node<'_>) -> Step {
    let fits = |(kind, field, _): &&(&str, &str, Step)| {
        *kind == parent.kind() && (*field == "*" || is_field(parent, child, field))
    };
    steps.iter().find(fits).map_or(Step::Once, |(_, _, step)| *step)
}

/// The operator of a binary expression by its strength, in languages that took them from C.
fn operator(node: Node<'_>) -> u8 {
    match node.child_by_field_name("operator").map(|operator| operator.kind()) {
        Some("??" | "||") => 20,
        Some("&&") => 25,
        Some("|") => 30,
        Some("^") => 35,
        Some("&") => 40,
        Some("==" | "!=" | "===" | "!==") => 45,
        Some("<" | ">" | "<=" | ">=" | "instanceof" | "in") => 50,
        Some("<<" | ">>" | ">>>") => 60,
        Some("+" | "-") => 70,
        Some("*" | "/" | "%") => 73,
        Some("**") => 80,
        _ => 0,
    }
}

const NEVER_TARGET: Step = Step::Never("a value is given to it");
const NEVER_MEMBER: Step = Step::Never("it names a member");
const NEVER_METHOD: Step = Step::Never("it is called as a method");
const NOWHERE_TYPE: Step = Step::Nowhere("it is a type");
const NOWHERE_PATTERN: Step = Step::Nowhere("it is a pattern");
const NOWHERE_FIELD: Step = Step::Nowhere("it is a part of a class and no statement");
const NOWHERE_IMPORT: Step = Step::Nowhere("it is part of an import");
const NOWHERE_ERROR: Step = Step::Nowhere("the code around it does not parse");
const NEVER_NAME: Step = Step::Never("it is declared here");

/// Whether nothing else than the text could stand in a place; a call can stand where only a declaration before it could not.
pub(crate) fn lasting(why: &str) -> bool {
    [NOWHERE_TYPE, NOWHERE_PATTERN, NOWHERE_IMPORT, NOWHERE_ERROR]
        .iter()
        .any(|step| matches!(step, Step::Nowhere(reason) if *reason == why))
        || why.contains("constant")
        || why.contains("annotation")
        || why.contains("attribute")
        || why.contains("macro")
        || why.contains("decorator")
}
