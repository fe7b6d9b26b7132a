//! The arguments of one call, for the new list of parameters.

use super::calls::{Given, Site};
use super::plan::{Plan, Slot};
use super::relist::{Edits, Item};
use super::signature::{Kind, Parameter, is_script};
use crate::effects::Reads;
use crate::grammar::source::{Source, holds, range};
use deepcoder_syntax::Language;
use deepcoder_types::TextRange;

/// Why a call needs a person.
pub(super) enum Trouble {
    /// It stays as it is.
    Stays(&'static str),
    /// Nothing can be done at all: a new parameter has no argument.
    NoValue,
}

/// What becomes of a call.
pub(super) struct Written {
    pub(super) items: Vec<Item>,
    /// Doubts, each with its place.
    pub(super) doubts: Vec<(TextRange, &'static str)>,
    /// Arguments that are gone.
    pub(super) gone: Vec<TextRange>,
}

/// The arguments of a call for the new parameters.
pub(super) fn written(
    source: &Source<'_>,
    edits: &Edits,
    site: &Site<'_>,
    (parameters, given, plan): (&[Parameter], &Given, &Plan),
    defaults: &dyn Fn(usize) -> Option<String>,
) -> Result<Written, Trouble> {
    let python = source.language == Language::Python;
    let mut items: Vec<Item> = Vec::new();
    // Those by name, in the order that they have in the call; new ones behind them.
    let mut named: Vec<(usize, Item)> = Vec::new();
    let mut order: Vec<usize> = Vec::new();
    let mut only_named = false;
    let mut left_out: usize = 0;
    let value = |at: usize| edits.text(source, site.arguments[at].value);
    for slot in &plan.slots {
        let (kind, name) = match slot {
            Slot::Old(at) => (parameters[*at].kind, parameters[*at].name.as_str()),
            Slot::New(at) => (Kind::Plain, plan.new[*at].name.as_str()),
        };
        let behind = matches!(slot, Slot::New(_))
            && python
            && {
                let here = plan.slots.iter().position(|other| other == slot).unwrap_or(0);
                plan.slots[..here].iter().any(|before| matches!(before, Slot::Old(at) if matches!(parameters[*at].kind, Kind::Rest | Kind::Keyword) || parameters[*at].kind == Kind::Mark && source.language == Language::Python))
            };
        match kind {
            Kind::This | Kind::Mark => {}
            Kind::Receiver if site.bound => {}
            Kind::Rest => {
                if !given.rest.is_empty() && (only_named || left_out > 0 && !fill(source, &mut items, &mut left_out)) {
                    return Err(Trouble::Stays("its further arguments would be those of another parameter"));
                }
                for at in &given.rest {
                    items.push(Item::Old(*at));
                    order.push(*at);
                }
            }
            Kind::KeywordRest => {
                named.extend(given.named.iter().map(|at| (*at, Item::Old(*at))));
            }
            Kind::Plain | Kind::Positional | Kind::Keyword | Kind::Receiver => {
                let old = match slot {
                    Slot::Old(at) => given.of.get(*at).copied().flatten(),
                    Slot::New(_) => None,
                };
                let text = match slot {
                    Slot::Old(at) if old.is_none() && plan.inlined.contains(at) => defaults(*at),
                    Slot::New(at) => {
                        let new = &plan.new[*at];
                        let has_defaults = python || is_script(source.language);
                        let text = new.value.clone().or_else(|| new.default.clone().filter(|_| !has_defaults));
                        if text.is_none() && new.default.is_none() {
                            return Err(Trouble::NoValue);
                        }
                        text
                    }
                    Slot::Old(_) => None,
                };
                let by_name = old.is_some_and(|at| site.arguments[at].keyword.is_some());
                let as_name = kind == Kind::Keyword || behind || only_named || by_name && !plan.normalise;
                match (old, text) {
                    (None, None) => {
                        only_named |= python && kind != Kind::Keyword;
                        left_out += 1;
                    }
                    (Some(_) | None, _) if as_name && kind == Kind::Positional => {
                        return Err(Trouble::Stays("an argument that has no name would need one"));
                    }
                    (Some(at), _) if as_name => {
                        only_named = only_named || kind == Kind::Plain && !behind;
                        let item = if by_name { Item::Old(at) } else { Item::Text(format!("{name}={}", value(at))) };
                        named.push((if plan.normalise { named.len() } else { at }, item));
                    }
                    (None, Some(text)) if as_name => {
                        let last = site.arguments.len() + named.len();
                        named.push((
                            if plan.normalise { named.len() } else { last },
                            Item::Text(format!("{name}={text}")),
                        ));
                    }
                    (old, text) => {
                        if left_out > 0 && !fill(source, &mut items, &mut left_out) {
                            return Err(Trouble::Stays("an argument before it is left out"));
                        }
                        match (old, text) {
                            (Some(at), _) => {
                                items.push(if by_name { Item::Text(value(at)) } else { Item::Old(at) });
                                order.push(at);
                            }
                            (None, text) => items.extend(text.map(Item::Text)),
                        }
                    }
                }
            }
        }
    }
    if !plan.normalise {
        named.sort_by_key(|(at, _)| *at);
    }
    let by_name = |item: &Item| match item {
        Item::Old(at) => Some(*at),
        Item::Text(_) => None,
    };
    order.extend(named.iter().filter_map(|(_, item)| by_name(item)));
    items.extend(named.into_iter().map(|(_, item)| item));
    let kept = |at: usize| {
        order.contains(&at)
            || given.of.iter().enumerate().any(|(p, a)| *a == Some(at) && plan.slots.contains(&Slot::Old(p)))
    };
    let gone: Vec<TextRange> =
        (0..site.arguments.len()).filter(|at| !kept(*at)).map(|at| site.arguments[at].at).collect();
    let mut doubts = Vec::new();
    for at in &gone {
        if reads(source, *at) >= Reads::Effects {
            doubts.push((*at, "this argument goes, and what it does is not done any more"));
        }
    }
    let arguments: Vec<TextRange> = order.iter().map(|at| site.arguments[*at].value).collect();
    doubts.extend(swapped(source, &arguments));
    Ok(Written { items, doubts, gone })
}

/// Fills what is left out before another argument; whether the language can.
fn fill(source: &Source<'_>, items: &mut Vec<Item>, left_out: &mut usize) -> bool {
    if !is_script(source.language) {
        return false;
    }
    items.extend((0..*left_out).map(|_| Item::Text("undefined".to_owned())));
    *left_out = 0;
    true
}

/// What the evaluation of an argument reads and does.
pub(super) fn reads(source: &Source<'_>, at: TextRange) -> Reads {
    let Some(node) = source.node_at(at) else { return Reads::Effects };
    let mut reads = source.value(node).reads;
    // Go's receive is an operator, and a macro's name is no call.
    crate::grammar::source::walk(node, |node| {
        let receive = node.kind() == "unary_expression" && source.text_of(range(node)).starts_with("<-");
        let other = matches!(
            node.kind(),
            "receive_expression" | "yield" | "await" | "await_expression" | "block" | "unsafe_block"
        );
        if (receive || other) && holds(at, range(node)) {
            reads = Reads::Effects;
        }
        true
    });
    reads
}

/// Arguments that are evaluated in another order, where that may matter.
fn swapped(source: &Source<'_>, order: &[TextRange]) -> Option<(TextRange, &'static str)> {
    for (at, one) in order.iter().enumerate() {
        for other in order.get(at + 1..).unwrap_or_default() {
            if other.start > one.start {
                continue;
            }
            let (a, b) = (reads(source, *one), reads(source, *other));
            let moved = Language::Rust == source.language && a.max(b) > Reads::Nothing && a.min(b) > Reads::Nothing;
            if a.max(b) >= Reads::Effects && a.min(b) > Reads::Nothing || moved && a.max(b) > Reads::Names {
                return Some((*one, "the arguments are evaluated in another order"));
            }
        }
    }
    None
}
