//! What operations must know of a language's grammar: one table for each language.

mod python;

use deepcoder_syntax::{Language, Node};

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
    /// How strongly an expression holds together.
    pub(crate) precedence: fn(Node<'_>) -> u8,
    /// How strongly an expression must hold together in the place of this child to need no brackets.
    pub(crate) slot: fn(Node<'_>, Node<'_>) -> u8,
    /// What a parent does with this child.
    pub(crate) step: fn(Node<'_>, Node<'_>) -> Step,
    /// The only name and the value that a statement declares, if it is such a declaration.
    pub(crate) declared: for<'t> fn(Node<'t>) -> Option<(Node<'t>, Node<'t>)>,
    /// A declaration of a name with a value, as a statement without a line break.
    pub(crate) declare: fn(&str, &str) -> String,
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
            _ => return None,
        })
    }

    /// Whether an expression needs brackets in the place of `at`.
    pub(crate) fn needs_brackets(&self, expression: Node<'_>, at: Node<'_>) -> bool {
        let slot = at.parent().map_or(0, |parent| (self.slot)(parent, at));
        (self.precedence)(expression) < slot
    }

    /// Whether this node is a statement: one of a block.
    pub(crate) fn is_statement(&self, node: Node<'_>) -> bool {
        node.is_named() && node.parent().is_some_and(|parent| self.blocks.contains(&parent.kind()))
    }
}
