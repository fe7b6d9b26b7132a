//! What becomes of the parameters, the variables and the receiver of a call.

use super::InlineError;
use super::call::{Argument, Call};
use super::callee::{Callee, Parameter};
use super::names::Names;
use super::parts::Plan;
use super::receiver::receiver;
use crate::Changes;
use crate::carried::Moved;
use crate::effects::Reads;
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, holds, range};
use crate::grammar::{Step, is_field};
use crate::paths::{Ways, function_around};
use deepcoder_resolve::{DeclarationKind, Reference, Target};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// What ends a statement.
pub(super) const fn end_of(source: &Source<'_>) -> &'static str {
    if source.grammar.line_ends { "" } else { ";" }
}

/// Whether two operators would become one: `1 + ++i`.
pub(super) fn glued(value: Node<'_>, call: Node<'_>) -> bool {
    let sign = matches!(value.kind(), "update_expression" | "unary_expression");
    sign && call.parent().is_some_and(|parent| matches!(parent.kind(), "binary_expression" | "unary_expression"))
}

/// What becomes of the parameters, the variables and the receiver.
pub(super) fn plan<'s>(
    source: &'s Source<'_>,
    paths: &'static Paths,
    callee: &Callee<'s>,
    call: &Call<'s>,
    block: TextRange,
    changes: &mut Changes,
) -> Result<Plan, InlineError> {
    let mut plan = Plan::default();
    let mut given: Vec<String> = Vec::new();
    let mut bound = call.bound(source, callee)?;
    if let (Some(this), Some(receiver)) = (&callee.this, call.receiver) {
        bound.insert(0, (this.clone(), Argument::One(receiver)));
    } else if callee.this.is_some() {
        return Err(InlineError::Arguments(callee.name.clone()));
    }
    let mut names = Names { source, call: range(call.node), block, given: &mut given };
    let rust = source.language == Language::Rust;
    let last_local =
        bound.iter().rposition(|(parameter, argument)| !replaces(source, paths, callee, call, parameter, argument));
    for (index, (parameter, argument)) in bound.iter().enumerate() {
        let this = parameter.is_this;
        // A variable of the body would hide one of the argument.
        let hides = |node: Node<'_>| {
            rust && source
                .references(range(node))
                .iter()
                .any(|r| callee.locals.iter().any(|(_, name, _)| *name == r.name))
        };
        let hidden = matches!(argument, Argument::One(node) if hides(*node));
        let direct = replaces(source, paths, callee, call, parameter, argument) && !(rust && this) && !hidden;
        // What has effects stays before what comes later.
        let ordered = match argument {
            Argument::One(node) => {
                let acts = source.value(*node).reads == Reads::Effects;
                !acts || last_local.is_none_or(|last| last < index) && in_order(source, &bound, index)
            }
            Argument::Rest(_) => true,
        };
        if direct && ordered {
            let Argument::One(node) = argument else { continue };
            for at in &parameter.uses {
                let Some(place) = source.node_at(*at) else { continue };
                let mut text = Moved::default();
                let brackets = source.grammar.needs_brackets(*node, place)
                    || widened(source, *node, place)
                    || glued(*node, place)
                    || rust && node.kind() == "closure_expression";
                let shorthand = place.parent().filter(|up| {
                    up.kind() == "shorthand_field_initializer" || place.kind() == "shorthand_property_identifier"
                });
                if shorthand.is_some() && source.text_of(range(*node)) != parameter.name {
                    text.push(&format!("{}: ", parameter.name));
                }
                text.expression(source, range(*node), brackets, false);
                plan.replaced.push((*at, text));
            }
            continue;
        }
        let wanted = if rust && this { "this".to_owned() } else { parameter.name.clone() };
        let name = if rust { wanted } else { names.free(&wanted) };
        if name != parameter.name {
            plan.replaced.extend(parameter.uses.iter().map(|at| (*at, Moved::new(name.clone()))));
        }
        if parameter.uses.is_empty() {
            changes.doubt(&source.path, range(call.node), format!("nothing reads `{name}`"));
        }
        let open = parameter.kind.as_ref().is_some_and(|kind| type_parameter(source, callee, kind));
        if open {
            return Err(InlineError::Arguments(callee.name.clone()));
        }
        plan.declared.push(declare(source, parameter, argument, &name)?);
    }
    for (id, name, at) in &callee.locals {
        if rust {
            continue;
        }
        let new = names.free(name);
        if new != *name {
            if source.language == Language::Python && function_around(paths, call.node).is_none() {
                return Err(InlineError::Taken(name.clone()));
            }
            let body = callee.node.child_by_field_name("body").map_or_else(|| range(callee.node), range);
            let own = |r: &&Reference| r.target == Target::Declaration(*id) || r.at == *at;
            plan.replaced.extend(source.references(body).iter().filter(own).map(|r| (r.at, Moved::new(new.clone()))));
        }
    }
    if source.language == Language::Java {
        receiver(source, callee, call, &mut names, &mut plan, changes)?;
    }
    plan.replaced.sort_by_key(|(at, _)| (at.start, at.end));
    plan.replaced.dedup_by_key(|(at, _)| *at);
    Ok(plan)
}

/// Whether a type names a type parameter of the function.
fn type_parameter(source: &Source<'_>, callee: &Callee<'_>, kind: &str) -> bool {
    let Some(list) = callee.node.child_by_field_name("type_parameters") else { return false };
    let names: Vec<&str> = source.text_of(range(list)).split(|c: char| !c.is_alphanumeric()).collect();
    kind.split(|c: char| !c.is_alphanumeric()).any(|word| !word.is_empty() && names.contains(&word))
}

/// Whether `+` of an argument would become a part of another sum.
fn widened(source: &Source<'_>, argument: Node<'_>, place: Node<'_>) -> bool {
    let double =
        argument.kind() == "binary_expression" && place.parent().is_some_and(|up| up.kind() == "binary_expression");
    double && place.parent().is_some_and(|up| is_field(up, place, "right")) && source.language == Language::Java && {
        let text = source.text_of(range(argument));
        text.contains('.') || text.contains('"')
    }
}

/// Whether an argument can stand where its parameter does.
fn replaces(
    source: &Source<'_>,
    paths: &'static Paths,
    callee: &Callee<'_>,
    call: &Call<'_>,
    parameter: &Parameter<'_>,
    argument: &Argument<'_>,
) -> bool {
    let Argument::One(node) = argument else { return false };
    let value = source.value(*node);
    let body = callee.node.child_by_field_name("body").unwrap_or(callee.node);
    if parameter.written {
        // A variable of the caller that nothing reads any more can be written.
        let local = source.references(range(*node)).iter().find_map(|r| match r.target {
            Target::Declaration(id) if r.at == range(*node) => Some(id),
            _ => None,
        });
        let kind = local.and_then(|id| source.bindings.declaration(id)).map(|d| d.kind);
        let top = function_around(paths, call.node);
        return source.language == Language::Java
            && matches!(kind, Some(DeclarationKind::Variable | DeclarationKind::Parameter))
            && local.zip(top).is_some_and(|(id, top)| !Ways::new(source, paths, id).live_after(call.node, top));
    }
    if source.language == Language::Java
        && parameter.kind.as_ref().is_some_and(|kind| kind.starts_with("final "))
        && !value.single
    {
        return false;
    }
    if matches!(node.kind(), "null_literal" | "lambda_expression" | "method_reference" | "array_initializer")
        && source.language == Language::Java
    {
        return false;
    }
    if parameter.uses.is_empty() {
        return value.reads < Reads::Effects;
    }
    let inside_text = parameter.uses.iter().any(|at| {
        source.node_at(*at).is_some_and(|place| {
            !source.around(place, body, &["token_tree", "string", "template_string", "string_literal"]).is_empty()
        })
    });
    let later = parameter.uses.iter().any(|at| {
        source.node_at(*at).is_some_and(|place| !source.around(place, body, source.grammar.functions).is_empty())
    });
    if value.single && !later && matches!(value.reads, Reads::Nothing | Reads::Names) {
        return !(inside_text && (node.kind().contains("string") || source.language == Language::Rust));
    }
    if value.single && source.language == Language::Java && later {
        // What a function inside uses must not change.
        return parameter.kind.as_ref().is_none_or(|kind| !kind.starts_with("final ")) && value.reads == Reads::Nothing;
    }
    let [only] = parameter.uses.as_slice() else { return false };
    let Some(place) = source.node_at(*only) else { return false };
    if inside_text || value.makes && later {
        return false;
    }
    let looped = !source.around(place, body, source.grammar.loops).is_empty();
    if looped || later {
        return false;
    }
    let holder = source.statement(place).unwrap_or(body);
    let steps = source.steps(place, holder);
    let before = TextRange::new(range(body).start, only.start);
    match value.reads {
        Reads::Nothing | Reads::Names => true,
        Reads::State => !source.acts(body, before, Some(*only)),
        Reads::Effects => {
            let top = holder
                .parent()
                .is_none_or(|up| up.id() == body.id() || up.parent().is_some_and(|up| up.id() == body.id()));
            let first = callee.statements.first().map(|first| range(*first)).or(callee.value.map(range));
            let first = first.is_some_and(|first| holds(first, *only)) || !source.acts(body, before, Some(*only));
            steps == Step::Once && top && first && !source.acts(body, before, Some(*only))
        }
    }
}

/// Whether the effects of the arguments come in the order of the arguments.
fn in_order(source: &Source<'_>, bound: &[(Parameter<'_>, Argument<'_>)], index: usize) -> bool {
    let first = |parameter: &Parameter<'_>| parameter.uses.first().map_or(0, |at| at.start);
    let Some((own, _)) = bound.get(index) else { return false };
    bound.iter().enumerate().all(|(other, (parameter, argument))| {
        let Argument::One(node) = argument else { return true };
        if other == index || source.value(*node).reads < Reads::State {
            return true;
        }
        (other < index) == (first(parameter) < first(own))
    })
}

/// The variable that a parameter becomes.
fn declare(
    source: &Source<'_>,
    parameter: &Parameter<'_>,
    argument: &Argument<'_>,
    name: &str,
) -> Result<Moved, InlineError> {
    let mut text = Moved::default();
    let rest = end_of(source);
    text.push(&match source.language {
        Language::Java => format!("{} {name} = ", parameter.kind.clone().unwrap_or_else(|| "var".to_owned())),
        Language::Go => format!("{name} := "),
        Language::Python => format!("{name} = "),
        Language::Rust => {
            let mutable = if parameter.written { "mut " } else { "" };
            let kind = parameter.kind.as_deref().unwrap_or_default();
            if name == "this" {
                let lent = if kind.starts_with("&mut") {
                    "&mut "
                } else if kind.starts_with('&') {
                    "&"
                } else {
                    ""
                };
                format!("let {mutable}this = {lent}")
            } else if kind.starts_with('&') {
                format!("let {mutable}{name}: {kind} = ")
            } else {
                format!("let {mutable}{name} = ")
            }
        }
        _ => format!("{} {name} = ", if parameter.written { "let" } else { "const" }),
    });
    match argument {
        Argument::One(node) => text.expression(source, range(*node), false, false),
        Argument::Rest(nodes) => {
            text.push("{");
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    text.push(", ");
                }
                text.expression(source, range(*node), false, false);
            }
            text.push("}");
        }
    }
    text.push(rest);
    Ok(text)
}
