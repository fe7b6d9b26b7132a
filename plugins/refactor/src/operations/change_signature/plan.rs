//! The steps of a change as one new list of parameters.

use super::SignatureError;
use super::signature::{Kind, Parameter};
use crate::parameters::{NewParameter, ParameterChange, Which};
use deepcoder_syntax::Language;

/// A parameter of the new list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The one at this position of the list before.
    Old(usize),
    /// The new one with this number.
    New(usize),
}

/// What becomes of the parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) slots: Vec<Slot>,
    pub(super) new: Vec<NewParameter>,
    /// Calls give what they can by position.
    pub(super) normalise: bool,
    /// Parameters whose default the calls write.
    pub(super) inlined: Vec<usize>,
    /// The default of those that need one.
    pub(super) default: Option<String>,
    /// One object for all.
    pub(super) object: bool,
    /// Types that the file of the definition is to import (Java).
    pub(super) imports: Vec<String>,
}

impl Plan {
    /// What the steps come to. `at_target` is the parameter at the target.
    pub(super) fn of(
        parameters: &[Parameter],
        changes: &[ParameterChange],
        at_target: Option<usize>,
    ) -> Result<Self, SignatureError> {
        let mut plan = Self { slots: (0..parameters.len()).map(Slot::Old).collect(), ..Self::default() };
        for change in changes {
            match change {
                ParameterChange::Add(new) => {
                    let kind = |slot: &Slot| match slot {
                        Slot::Old(at) => parameters[*at].kind,
                        Slot::New(_) => Kind::Plain,
                    };
                    let last = plan.slots.iter().position(|slot| matches!(kind(slot), Kind::Rest | Kind::KeywordRest));
                    let at = new.index.or(last).unwrap_or(plan.slots.len());
                    if at > plan.slots.len() {
                        return Err(SignatureError::NoParameter((at + 1).to_string()));
                    }
                    if parameters.iter().any(|p| p.name == new.name) {
                        return Err(SignatureError::Taken(new.name.clone()));
                    }
                    plan.slots.insert(at, Slot::New(plan.new.len()));
                    plan.new.push(new.clone());
                }
                ParameterChange::Remove(which) => {
                    let at = plan.position(parameters, which, at_target)?;
                    plan.slots.remove(at);
                }
                ParameterChange::Order { parameters: order, default } => {
                    let all: Result<Vec<usize>, _> =
                        order.iter().map(|which| plan.position(parameters, which, at_target)).collect();
                    let all = all?;
                    if (1..all.len()).any(|at| all[..at].contains(&all[at])) {
                        return Err(SignatureError::Twice);
                    }
                    // What no argument stands for keeps its place.
                    let fixed = |slot: &&Slot| match slot {
                        Slot::Old(at) => matches!(parameters[*at].kind, Kind::Receiver | Kind::This),
                        Slot::New(_) => false,
                    };
                    let before: Vec<Slot> = plan.slots.iter().take_while(fixed).copied().collect();
                    let mut slots: Vec<Slot> = all.iter().map(|at| plan.slots[*at]).collect();
                    slots.retain(|slot| !before.contains(slot));
                    plan.slots = before.into_iter().chain(slots).collect();
                    plan.default.clone_from(default);
                }
                ParameterChange::Move { which, right } => {
                    let at = plan.position(parameters, which, at_target)?;
                    let other = if *right { at + 1 } else { at.wrapping_sub(1) };
                    if other >= plan.slots.len() {
                        return Err(SignatureError::NoNeighbour);
                    }
                    plan.slots.swap(at, other);
                }
                ParameterChange::Normalise => plan.normalise = true,
                ParameterChange::InlineDefault(which) => {
                    let at = plan.position(parameters, which, at_target)?;
                    match plan.slots[at] {
                        Slot::Old(old) if parameters[old].default.is_some() => plan.inlined.push(old),
                        Slot::Old(old) => return Err(SignatureError::NoDefault(parameters[old].name.clone())),
                        Slot::New(_) => {}
                    }
                }
                ParameterChange::Object => plan.object = true,
                ParameterChange::Rename { .. } => return Err(SignatureError::Alone),
            }
        }
        Ok(plan)
    }

    /// The position that a parameter has by now.
    fn position(
        &self,
        parameters: &[Parameter],
        which: &Which,
        at_target: Option<usize>,
    ) -> Result<usize, SignatureError> {
        let missing = |what: String| SignatureError::NoParameter(what);
        let old = |slot: &Slot, wanted: &dyn Fn(usize) -> bool| matches!(slot, Slot::Old(at) if wanted(*at));
        match which {
            Which::Index(at) if *at < self.slots.len() => Ok(*at),
            Which::Index(at) => Err(missing((at + 1).to_string())),
            Which::Name(name) => self
                .slots
                .iter()
                .position(|slot| match slot {
                    Slot::Old(at) => parameters[*at].name == *name,
                    Slot::New(at) => self.new[*at].name == *name,
                })
                .ok_or_else(|| missing(name.clone())),
            Which::AtTarget => {
                let wanted = at_target.ok_or(SignatureError::WhichParameter)?;
                let found = self.slots.iter().position(|slot| old(slot, &|at| at == wanted));
                found.ok_or_else(|| missing(parameters[wanted].name.clone()))
            }
        }
    }

    /// The parameters that go.
    pub(super) fn removed(&self, count: usize) -> Vec<usize> {
        (0..count).filter(|at| !self.slots.contains(&Slot::Old(*at))).collect()
    }

    /// Whether the list of parameters is another one.
    pub(super) fn changes_list(&self, count: usize) -> bool {
        !self.slots.iter().copied().eq((0..count).map(Slot::Old)) || self.object
    }
}

/// A new parameter as the language writes it.
pub(super) fn written(language: Language, new: &NewParameter) -> Result<String, SignatureError> {
    let (name, of_type) = (&new.name, new.of_type.as_deref());
    let default = new.default.as_deref();
    let needed = || of_type.ok_or_else(|| SignatureError::NoType(name.clone(), language.name()));
    Ok(match language {
        Language::Go => format!("{name} {}", needed()?),
        Language::Java => format!("{} {name}", needed()?),
        Language::Rust => format!("{name}: {}", needed()?),
        Language::Python => match (of_type, default) {
            (None, None) => name.clone(),
            (Some(of_type), None) => format!("{name}: {of_type}"),
            (None, Some(default)) => format!("{name}={default}"),
            (Some(of_type), Some(default)) => format!("{name}: {of_type} = {default}"),
        },
        _ => {
            let of_type = of_type.map(|of_type| format!(": {of_type}")).unwrap_or_default();
            let default = default.map(|default| format!(" = {default}")).unwrap_or_default();
            format!("{name}{of_type}{default}")
        }
    })
}
