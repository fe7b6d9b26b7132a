//! The list of parameters of a definition, written anew.

use super::SignatureError;
use super::plan::{Plan, Slot, written};
use super::relist::{Edits, Item};
use super::signature::{Definition, Kind, Parameter, is_script};
use crate::grammar::source::{Source, holds};
use deepcoder_resolve::Target;
use deepcoder_syntax::Language;
use deepcoder_types::TextRange;

/// Whether the new parameters can stand in this order; marks that mark nothing any more go.
pub(super) fn ordered(source: &Source<'_>, definition: &Definition<'_>, plan: &mut Plan) -> Result<(), SignatureError> {
    let parameters = &definition.parameters;
    let mark = |slot: &Slot, text: &str| matches!(slot, Slot::Old(at) if parameters[*at].kind == Kind::Mark && source.text_of(parameters[*at].at) == text);
    let kind = |slot: &Slot| match slot {
        Slot::Old(at) => Some(parameters[*at].kind),
        Slot::New(_) => None,
    };
    // `*` needs a parameter by name behind it, `/` one by position before it.
    let star = plan.slots.iter().position(|slot| mark(slot, "*"));
    let keyword = |slot: &Slot| matches!(kind(slot), Some(Kind::Keyword) | None);
    if let Some(star) = star.filter(|star| !plan.slots[star + 1..].iter().any(keyword)) {
        plan.slots.remove(star);
    }
    let slash = plan.slots.iter().position(|slot| mark(slot, "/"));
    if slash == Some(0) {
        plan.slots.remove(0);
    }
    let slash = plan.slots.iter().position(|slot| mark(slot, "/"));
    let star = plan.slots.iter().position(|slot| mark(slot, "*") || kind(slot) == Some(Kind::Rest));
    let mut rank = 0;
    let mut default = false;
    let mut optional = false;
    for (at, slot) in plan.slots.iter().enumerate() {
        let by_name = star.is_some_and(|star| star < at) && source.language == Language::Python;
        let own = match kind(slot) {
            Some(Kind::Receiver | Kind::This) => 0,
            Some(Kind::Positional) => 1,
            Some(Kind::Mark) if mark(slot, "/") => 2,
            Some(Kind::Plain) => 3,
            Some(Kind::Rest | Kind::Mark) => 4,
            Some(Kind::Keyword) => 5,
            Some(Kind::KeywordRest) => 6,
            None if by_name => 5,
            None if slash.is_some_and(|slash| at < slash) => 1,
            None => 3,
        };
        if own < rank {
            return Err(SignatureError::Order);
        }
        rank = own;
        if matches!(own, 1 | 3) {
            let (has, may, name) = match slot {
                Slot::Old(at) => {
                    let old = &parameters[*at];
                    (old.default.is_some() || default && plan.default.is_some(), old.optional, &old.name)
                }
                Slot::New(at) => (plan.new[*at].default.is_some(), false, &plan.new[*at].name),
            };
            if default && !has && source.language == Language::Python || optional && !has && !may {
                return Err(SignatureError::NeedsDefault(name.clone()));
            }
            default |= has;
            optional |= may;
        }
    }
    // A default that reads another parameter needs it before.
    let reads = |at: TextRange| {
        source.references(at).iter().any(|r| match r.target {
            Target::Declaration(id) => {
                source.bindings.declaration(id).is_some_and(|d| parameters.iter().any(|p| p.name_at == Some(d.at)))
            }
            _ => false,
        })
    };
    let moves =
        !plan.slots.iter().filter_map(|slot| if let Slot::Old(at) = slot { Some(*at) } else { None }).is_sorted();
    if moves && is_script(source.language) && parameters.iter().filter_map(|p| p.default).any(reads) {
        return Err(SignatureError::Order);
    }
    Ok(())
}

/// Write the parameters of a definition.
pub(super) fn write(
    source: &Source<'_>,
    definition: &Definition<'_>,
    plan: &Plan,
    edits: &mut Edits,
) -> Result<(), SignatureError> {
    if !plan.changes_list(definition.parameters.len()) {
        return Ok(());
    }
    if source.language == Language::Go {
        return go(source, definition, plan, edits);
    }
    let old: Vec<TextRange> = definition.parameters.iter().map(|p| p.at).collect();
    let mut items = Vec::new();
    let mut default = false;
    let mut by_name = false;
    for slot in &plan.slots {
        items.push(match slot {
            Slot::New(at) => {
                default |= plan.new[*at].default.is_some();
                Item::Text(written(source.language, &plan.new[*at])?)
            }
            Slot::Old(at) => {
                let parameter = &definition.parameters[*at];
                by_name |= matches!(parameter.kind, Kind::Rest | Kind::Mark);
                let plain = matches!(parameter.kind, Kind::Plain | Kind::Positional) && !by_name;
                match plan.default.as_ref().filter(|_| default && plain && parameter.default.is_none()) {
                    Some(value) => {
                        let sign = if parameter.type_at.is_some() { " = " } else { "=" };
                        Item::Text(format!("{}{sign}{value}", source.text_of(parameter.at)))
                    }
                    None => {
                        default |= plain && parameter.default.is_some();
                        Item::Old(*at)
                    }
                }
            }
        });
    }
    edits.relist(source, definition.inner, &old, &items);
    Ok(())
}

/// Go writes the type of several parameters once.
fn go(source: &Source<'_>, definition: &Definition<'_>, plan: &Plan, edits: &mut Edits) -> Result<(), SignatureError> {
    let parameters = &definition.parameters;
    let unnamed = parameters.iter().any(|p| p.name.is_empty());
    let of_type = |p: &Parameter| -> String {
        let text = p.type_at.map(|at| source.text_of(at)).unwrap_or_default();
        if p.kind == Kind::Rest { format!("...{text}") } else { text.to_owned() }
    };
    // Names that shared a type, or that got one and the same by the move of a neighbour.
    let shared = |a: usize, b: usize| parameters[a].type_at == parameters[b].type_at;
    let mut fields: Vec<(Vec<String>, String, Option<usize>)> = Vec::new();
    for slot in &plan.slots {
        let (name, of_type, old) = match slot {
            Slot::Old(at) => (parameters[*at].name.clone(), of_type(&parameters[*at]), Some(*at)),
            Slot::New(at) => {
                let new = &plan.new[*at];
                let needed = || SignatureError::NoType(new.name.clone(), source.language.name());
                (new.name.clone(), new.of_type.clone().ok_or_else(needed)?, None)
            }
        };
        if unnamed {
            fields.push((Vec::new(), of_type, old));
            continue;
        }
        let joins = fields.last().filter(|(_, before, _)| *before == of_type).is_some_and(|(_, _, last)| {
            match last.zip(old) {
                // Neighbours that had a type each keep it.
                Some((last, old)) => shared(last, old) || last.abs_diff(old) != 1,
                None => true,
            }
        });
        match fields.last_mut().filter(|_| joins) {
            Some((names, _, last)) => {
                names.push(name);
                *last = old;
            }
            None => fields.push((vec![name], of_type, old)),
        }
    }
    let texts: Vec<String> = fields
        .iter()
        .map(
            |(names, of_type, _)| {
                if names.is_empty() { of_type.clone() } else { format!("{} {of_type}", names.join(", ")) }
            },
        )
        .collect();
    let whole = parameters.iter().flat_map(|p| [Some(p.at), p.type_at]).flatten();
    let whole = whole.fold(None, |all: Option<TextRange>, at| {
        Some(all.map_or(at, |all| TextRange::new(all.start.min(at.start), all.end.max(at.end))))
    });
    let whole = match whole {
        Some(whole) if !texts.is_empty() && holds(definition.inner, whole) => whole,
        _ => definition.inner,
    };
    edits.put(whole, texts.join(", "));
    Ok(())
}
