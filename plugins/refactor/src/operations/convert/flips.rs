//! Neighbours that change places: operands, elements of lists, patterns, bounds.

use super::site::{Draft, Site, field, parts};
use super::{ConvertError, Kind, RUST, SCRIPTS};
use crate::effects::Reads;
use crate::grammar::source::range;
use deepcoder_syntax::{Language, Node};

const ALL: &[Language] = &[
    Language::Rust,
    Language::Go,
    Language::Python,
    Language::Java,
    Language::JavaScript,
    Language::TypeScript,
    Language::Tsx,
];

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "flip-operands",
        title: "swap the two sides of the operator",
        languages: ALL,
        applies: operator_at,
        rewrite: flip_operands,
    },
    Kind {
        name: "flip-comma",
        title: "swap the elements around the comma",
        languages: ALL,
        applies: comma_at,
        rewrite: flip_comma,
    },
    Kind {
        name: "flip-pattern",
        title: "swap the patterns around `|`",
        languages: RUST,
        applies: pattern_bar_at,
        rewrite: flip_patterns,
    },
    Kind {
        name: "flip-bound",
        title: "swap the bounds around `+`",
        languages: RUST,
        applies: bound_plus_at,
        rewrite: flip_bounds,
    },
    Kind {
        name: "flip-union",
        title: "swap the types around `|`",
        languages: SCRIPTS,
        applies: union_bar_at,
        rewrite: flip_union,
    },
];

/// Two neighbours in each other's place.
fn swapped(site: &Site<'_>, left: Node<'_>, right: Node<'_>) -> Draft {
    let mut draft = Draft::of(left, site.text(right));
    draft.replace(right, site.text(left));
    draft
}

fn operator_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let signs = ["==", "!=", "===", "!==", "<", ">", "<=", ">=", "+", "*", "&", "|", "^", "&&", "||", "and", "or"];
    let found =
        site.owner(&signs, &["binary_expression", "binary_operator", "boolean_operator", "comparison_operator"])?;
    let sides = field(found, "operator").or_else(|| field(found, "operators"))?;
    (found.named_child_count() == 2 && site.tokens().iter().any(|token| token.id() == sides.id())).then_some(found)
}

fn flip_operands(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let [left, right] = parts(node)[..] else { return Err(ConvertError::Broken) };
    let operator = field(node, "operator").or_else(|| field(node, "operators")).ok_or(ConvertError::Broken)?;
    let sign = site.text(operator);
    let mirrored = match sign {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        same => same,
    };
    let same_operator = |side: Node<'_>| side.kind() == node.kind() && field(side, "operator").is_some();
    if same_operator(left) && !matches!(sign, "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">=") {
        return Err(ConvertError::Because("a chain of operators has no two sides"));
    }
    let mut draft = swapped(site, left, right);
    draft.replace(operator, mirrored);
    let reads = |side: Node<'_>| site.source.value(side).reads;
    let plain = |side: Node<'_>| reads(side) == Reads::Nothing;
    if matches!(sign, "&&" | "||" | "and" | "or") {
        draft.doubt(node, "the other side is evaluated first, and may decide alone");
    } else if reads(left).max(reads(right)) >= Reads::State {
        draft.doubt(node, "the sides are evaluated in another order");
    } else if !(plain(left) && plain(right) || matches!(sign, "===" | "!==") || site.source.language == Language::Go) {
        draft.doubt(operator, "the operator may be another one for the other side's type");
    } else if sign == "+" {
        draft.doubt(operator, "`+` joins texts in their order");
    }
    Ok(draft)
}

/// Lists whose commas part elements.
const LISTS: &[&str] = &[
    "arguments",
    "argument_list",
    "parameters",
    "parameter_list",
    "formal_parameters",
    "closure_parameters",
    "tuple_expression",
    "tuple_pattern",
    "tuple_type",
    "array_expression",
    "array",
    "list",
    "tuple",
    "set",
    "dictionary",
    "object",
    "field_initializer_list",
    "field_declaration_list",
    "ordered_field_declaration_list",
    "enum_variant_list",
    "use_list",
    "type_parameters",
    "type_arguments",
    "named_imports",
    "literal_value",
    "import_from_statement",
    "array_initializer",
];

fn comma_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let comma = site.token(&[","])?;
    comma.parent().filter(|list| LISTS.contains(&list.kind())).map(|_| comma)
}

fn flip_comma(site: &Site<'_>, comma: Node<'_>) -> Result<Draft, ConvertError> {
    let none = || ConvertError::Because("there are not two elements around this comma");
    let left = comma.prev_named_sibling().filter(|node| !node.is_extra()).ok_or_else(none)?;
    let right = comma.next_named_sibling().filter(|node| !node.is_extra()).ok_or_else(none)?;
    let list = comma.parent().ok_or(ConvertError::Broken)?;
    let between = site.text_between(range(left).end, range(right).start);
    if between.trim() != "," || [left, right].iter().any(|node| node.kind().contains("attribute")) {
        return Err(none());
    }
    if list.kind() == "import_from_statement" && field(list, "module_name").is_some_and(|m| m.id() == left.id()) {
        return Err(none());
    }
    let draft = swapped(site, left, right);
    let literals = |node: Node<'_>| site.source.value(node).reads == Reads::Nothing;
    Ok(match list.kind() {
        "use_list" | "named_imports" | "import_from_statement" => draft,
        "field_initializer_list" | "object" | "dictionary" if literals(left) && literals(right) => {
            if list.kind() == "field_initializer_list" {
                draft
            } else {
                draft.doubted(comma, "the order of the keys is part of the value")
            }
        }
        "field_initializer_list" => draft.doubted(comma, "the fields are evaluated in another order"),
        "field_declaration_list" => draft.doubted(comma, "the order of the fields may be part of a format"),
        _ => draft.doubted(comma, "the order of these is part of what they mean"),
    })
}

fn pattern_bar_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.token(&["|"]).filter(|bar| bar.parent().is_some_and(|parent| parent.kind() == "or_pattern"))
}

fn flip_patterns(site: &Site<'_>, bar: Node<'_>) -> Result<Draft, ConvertError> {
    let none = || ConvertError::Because("there are not two patterns around this `|`");
    let mut left = bar.prev_named_sibling().ok_or_else(none)?;
    let right = bar.next_named_sibling().ok_or_else(none)?;
    while left.kind() == "or_pattern" {
        left = parts(left).pop().ok_or_else(none)?;
    }
    Ok(swapped(site, left, right).doubted(bar, "where both patterns match, the first one binds"))
}

fn bound_plus_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.token(&["+"])
        .filter(|plus| plus.parent().is_some_and(|parent| matches!(parent.kind(), "trait_bounds" | "bounded_type")))
}

fn flip_bounds(site: &Site<'_>, plus: Node<'_>) -> Result<Draft, ConvertError> {
    let none = || ConvertError::Because("there are not two bounds around this `+`");
    let mut left = plus.prev_named_sibling().ok_or_else(none)?;
    let right = plus.next_named_sibling().ok_or_else(none)?;
    while left.kind() == "bounded_type" {
        left = parts(left).pop().ok_or_else(none)?;
    }
    let dynamic = plus.parent().and_then(|parent| parent.parent()).is_some_and(|p| p.kind().contains("dynamic"));
    if dynamic {
        return Err(ConvertError::Because("the first bound of `dyn` is the trait of its methods"));
    }
    Ok(swapped(site, left, right))
}

fn union_bar_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.token(&["|"]).filter(|bar| bar.parent().is_some_and(|parent| parent.kind() == "union_type"))
}

fn flip_union(site: &Site<'_>, bar: Node<'_>) -> Result<Draft, ConvertError> {
    let none = || ConvertError::Because("there are not two types around this `|`");
    let mut left = bar.prev_named_sibling().ok_or_else(none)?;
    let right = bar.next_named_sibling().ok_or_else(none)?;
    while left.kind() == "union_type" {
        left = parts(left).pop().ok_or_else(none)?;
    }
    Ok(swapped(site, left, right))
}
