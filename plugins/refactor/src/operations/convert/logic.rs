//! The opposite of a condition.

use super::site::{Site, field, parts};
use crate::grammar::source::range;
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// What was not certain on the way.
pub(super) type Doubts = Vec<(TextRange, &'static str)>;

/// The opposite of a condition as a text, and how strongly it holds together.
pub(super) struct Opposite {
    pub(super) text: String,
    pub(super) strength: Strength,
}

/// How strongly a condition holds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Or,
    And,
    /// A comparison, and in Python `not`.
    Comparison,
    /// An operand of any operator.
    Operand,
}

const ORDER: &str = "the opposite of an order differs for values without one, such as NaN";
const OWN: &str = "a type may define this operator and its opposite in two ways";
const PAIR: &str = "only the names say that these two methods are opposites";

impl Site<'_> {
    /// The operator of a condition with two sides, and the sides.
    pub(super) fn sides<'t>(&self, node: Node<'t>) -> Option<(Node<'t>, Node<'t>, Node<'t>)> {
        match node.kind() {
            "binary_expression" | "boolean_operator" => {
                Some((field(node, "left")?, field(node, "operator")?, field(node, "right")?))
            }
            "comparison_operator" if node.named_child_count() == 2 => {
                Some((node.named_child(0)?, field(node, "operators")?, node.named_child(1)?))
            }
            _ => None,
        }
    }

    /// How strongly a condition holds together.
    pub(super) fn strength(&self, node: Node<'_>) -> Strength {
        match self.sides(node).map(|(_, operator, _)| operator.kind()) {
            Some("||" | "or" | "??") => Strength::Or,
            Some("&&" | "and") => Strength::And,
            Some(_) => Strength::Comparison,
            None => match node.kind() {
                "not_operator" => Strength::Comparison,
                "conditional_expression"
                | "ternary_expression"
                | "lambda"
                | "named_expression"
                | "assignment_expression"
                | "closure_expression"
                | "return_expression"
                | "arrow_function"
                | "range_expression"
                | "yield_expression"
                | "sequence_expression"
                | "let_condition"
                | "let_chain" => Strength::Or,
                "comparison_operator"
                | "binary_operator"
                | "type_cast_expression"
                | "as_expression"
                | "satisfies_expression" => Strength::Comparison,
                _ => Strength::Operand,
            },
        }
    }

    /// The condition in brackets, without them.
    pub(super) fn bare<'t>(&self, node: Node<'t>) -> Node<'t> {
        let mut at = node;
        while let ("parenthesized_expression", [inner]) = (at.kind(), parts(at).as_slice()) {
            at = *inner;
        }
        at
    }

    /// What a negation negates.
    pub(super) fn negated<'t>(&self, node: Node<'t>) -> Option<Node<'t>> {
        match node.kind() {
            "not_operator" => field(node, "argument"),
            "unary_expression" if node.child(0)?.kind() == "!" => parts(node).into_iter().next(),
            _ => None,
        }
    }

    /// `text` as an operand that must hold together as strongly as `least`.
    pub(super) fn wrapped(text: &str, strength: Strength, least: Strength) -> String {
        if strength < least { format!("({text})") } else { text.to_owned() }
    }

    /// A negation of a condition that has no shorter opposite.
    fn not(&self, node: Node<'_>) -> Opposite {
        let python = self.source.language == Language::Python;
        let inner = self.text(node);
        if python {
            let text = Self::wrapped(inner, self.strength(node), Strength::Comparison);
            return Opposite { text: format!("not {text}"), strength: Strength::Comparison };
        }
        let text = Self::wrapped(inner, self.strength(node), Strength::Operand);
        Opposite { text: format!("!{text}"), strength: Strength::Operand }
    }

    /// Whether the value of a side is a number that can be compared with every other.
    fn is_counted(&self, node: Node<'_>) -> bool {
        let text = self.text(node);
        match self.source.language {
            Language::Go => {
                node.kind() == "call_expression"
                    && field(node, "function").is_some_and(|f| matches!(self.text(f), "len" | "cap"))
            }
            Language::Python => node.kind() == "call" && text.starts_with("len("),
            _ => false,
        }
    }

    fn is_literal(&self, node: Node<'_>) -> bool {
        node.kind().ends_with("_literal")
            || matches!(
                node.kind(),
                "integer" | "float" | "number" | "string" | "none" | "true" | "false" | "null" | "nil"
            )
    }

    /// The opposite of a condition. In a chain of `&&` or `||` each part is negated where `deep`.
    pub(super) fn opposite(&self, node: Node<'_>, deep: bool, doubts: &mut Doubts) -> Opposite {
        let inner = self.bare(node);
        if inner.id() != node.id() {
            return self.opposite(inner, deep, doubts);
        }
        if let Some(inner) = self.negated(node) {
            // Brackets around several lines hold these together.
            let lines = self.text(inner).contains('\n');
            let inner = if lines { inner } else { self.bare(inner) };
            return Opposite { text: self.text(inner).to_owned(), strength: self.strength(inner) };
        }
        if let Some((left, operator, right)) = self.sides(node) {
            let sign = operator.kind();
            if let Some(other) = opposite_junction(sign) {
                if !deep {
                    return self.not(node);
                }
                let strength = if matches!(other, "||" | "or") { Strength::Or } else { Strength::And };
                let mut side = |part: Node<'_>| {
                    let opposite = self.opposite(part, deep, doubts);
                    Self::wrapped(&opposite.text, opposite.strength, strength)
                };
                let (left, right) = (side(left), side(right));
                return Opposite { text: format!("{left} {other} {right}"), strength };
            }
            if let Some(other) = opposite_comparison(self.source.language, sign) {
                let counted = self.is_counted(left) || self.is_counted(right);
                match sign {
                    "<" | ">" | "<=" | ">=" if !counted => doubts.push((range(operator), ORDER)),
                    "==" | "!="
                        if self.source.language == Language::Python
                            && !self.is_literal(left)
                            && !self.is_literal(right) =>
                    {
                        doubts.push((range(operator), OWN));
                    }
                    _ => {}
                }
                let start = range(node).start;
                let (from, to) = (range(operator).start, range(operator).end);
                let end = range(node).end;
                let text = format!("{}{other}{}", self.text_between(start, from), self.text_between(to, end));
                return Opposite { text, strength: Strength::Comparison };
            }
            return self.not(node);
        }
        if self.source.language == Language::Rust && node.kind() == "call_expression" {
            let method =
                field(node, "function").filter(|f| f.kind() == "field_expression").and_then(|f| field(f, "field"));
            if let Some((method, other)) = method.and_then(|m| Some((m, opposite_method(self.text(m))?))) {
                doubts.push((range(method), PAIR));
                let (start, end) = (range(node).start, range(node).end);
                let at = range(method);
                let text = format!("{}{other}{}", self.text_between(start, at.start), self.text_between(at.end, end));
                return Opposite { text, strength: Strength::Operand };
            }
        }
        let constant = match self.text(node) {
            "true" => Some("false"),
            "false" => Some("true"),
            "True" => Some("False"),
            "False" => Some("True"),
            _ => None,
        };
        match constant {
            Some(text) => Opposite { text: text.to_owned(), strength: Strength::Operand },
            None => self.not(node),
        }
    }
}

/// `&&` for `||`, and the other way round.
pub(super) fn opposite_junction(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "&&" => "||",
        "||" => "&&",
        "and" => "or",
        "or" => "and",
        _ => return None,
    })
}

fn opposite_comparison(language: Language, sign: &str) -> Option<&'static str> {
    Some(match sign {
        "==" => "!=",
        "!=" => "==",
        "===" => "!==",
        "!==" => "===",
        "<" => ">=",
        ">=" => "<",
        ">" => "<=",
        "<=" => ">",
        "is" if language == Language::Python => "is not",
        "is not" if language == Language::Python => "is",
        "in" if language == Language::Python => "not in",
        "not in" if language == Language::Python => "in",
        _ => return None,
    })
}

fn opposite_method(name: &str) -> Option<&'static str> {
    Some(match name {
        "is_some" => "is_none",
        "is_none" => "is_some",
        "is_ok" => "is_err",
        "is_err" => "is_ok",
        _ => return None,
    })
}
