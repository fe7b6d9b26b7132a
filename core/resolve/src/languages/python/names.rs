//! The lookup of names: which scope gives one its meaning.

use super::facts::{Act, Event, Facts, Receiver, Shape};
use crate::bindings::ScopeKind;
use std::collections::HashMap;

/// What the text says of a name in one scope.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    bound: bool,
    global: bool,
    nonlocal: bool,
}

/// The names of every scope.
pub(super) struct Names<'f> {
    facts: &'f Facts,
    said: HashMap<(usize, &'f str), Said>,
    /// The events that give a name a meaning, by its scope.
    pub(super) bound: HashMap<(usize, &'f str), Vec<&'f Event>>,
}

/// What a name that is read means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// That of this scope.
    In(usize),
    /// That of the first scope, or else, before it has one, that of the second one or a built-in.
    Perhaps(usize, Option<usize>),
    /// None of the text.
    Outside,
}

impl<'f> Names<'f> {
    /// Reads what the events say; they are in the order of the text.
    pub(super) fn new(facts: &'f Facts) -> Self {
        let mut said: HashMap<(usize, &str), Said> = HashMap::new();
        for event in &facts.events {
            let said = said.entry((event.scope, event.name.as_str())).or_default();
            match event.act {
                Act::Bind(_) => said.bound = true,
                Act::Global => said.global = true,
                Act::Nonlocal => said.nonlocal = true,
                Act::Read | Act::Export => {}
            }
        }
        let globals: Vec<&str> =
            said.iter().filter(|(_, said)| said.global && said.bound).map(|((_, name), _)| *name).collect();
        for name in globals {
            said.entry((0, name)).or_default().bound = true;
        }
        let mut names = Self { facts, said, bound: HashMap::new() };
        for event in facts.events.iter().filter(|event| matches!(event.act, Act::Bind(_))) {
            let home = names.home(event.scope, &event.name).unwrap_or(event.scope);
            names.bound.entry((home, event.name.as_str())).or_default().push(event);
        }
        names
    }

    /// The scope that gives a name its meaning, seen from a scope.
    pub(super) fn home(&self, from: usize, name: &str) -> Option<usize> {
        self.home_beyond(from, name, None)
    }

    /// The same, as if one scope did not have the name.
    fn home_beyond(&self, from: usize, name: &str, without: Option<usize>) -> Option<usize> {
        let file = || (without != Some(0) && self.said.get(&(0, name)).is_some_and(|said| said.bound)).then_some(0);
        let (mut at, mut direct, mut functions_only) = (from, true, false);
        loop {
            let region = &self.facts.regions[at];
            let seen = region.kind != ScopeKind::Class || direct;
            if seen && without != Some(at) {
                match self.said.get(&(at, name)) {
                    Some(said) if said.global && at != 0 => return file(),
                    Some(said) if said.nonlocal => functions_only = true,
                    Some(said) if said.bound && !(functions_only && at == 0) => return Some(at),
                    _ => {}
                }
            }
            // Only type parameters see the class that they are in.
            direct = direct && region.kind == ScopeKind::TypeParameters;
            at = region.parent?;
        }
    }

    /// What a name means where it is read: in a class or a file the one of another scope, until it has one there.
    pub(super) fn read(&self, event: &Event, builtin: bool) -> Found {
        let Some(home) = self.home(event.scope, &event.name) else { return Found::Outside };
        let kind = self.facts.regions[home].kind;
        let here = self.facts.outside_comprehensions(event.scope) == home;
        if !matches!(kind, ScopeKind::Class | ScopeKind::File) || (kind == ScopeKind::Class && !here) {
            return Found::In(home);
        }
        let other = if home == 0 { None } else { self.home_beyond(event.scope, &event.name, Some(home)) };
        if other.is_none() && !builtin {
            return Found::In(home);
        }
        let none = Vec::new();
        let events = self.bound.get(&(home, event.name.as_str())).unwrap_or(&none);
        let own = || events.iter().filter(|bind| bind.scope == home);
        if !here {
            // A function runs later: what the file does for sure has happened, and what only functions do may have.
            let sure = own().any(|bind| bind.sure == u32::MAX && !removes(bind));
            return if sure { Found::In(home) } else { Found::Perhaps(home, other) };
        }
        let before = |bind: &&&Event| effect(bind) <= event.at.start;
        let removed = own().filter(before).any(|bind| removes(bind));
        if own().filter(before).any(|bind| event.at.start < bind.sure) && !removed {
            return Found::In(home);
        }
        let after = own().all(|bind| effect(bind) > event.at.start) && events.len() == own().count();
        match (after && !event.looped, other) {
            (true, Some(other)) => Found::In(other),
            (true, None) => Found::Outside,
            (false, _) => Found::Perhaps(home, other),
        }
    }

    /// Of a method's first parameter that is given no other value: the scope of the class, and what it stands for.
    pub(super) fn receiver(&self, home: usize, name: &str) -> Option<(usize, Receiver)> {
        let (own, receiver) = self.facts.regions[home].receiver.as_ref()?;
        let once = self.bound.get(&(home, name)).is_some_and(|bound| bound.len() == 1);
        let class = self.facts.class_of(home)?;
        (own == name && once).then_some((class, *receiver))
    }

    /// The class that an expression is a value of, or stands for itself, where it is a method's own.
    pub(super) fn own_class(&self, shape: &Shape) -> Option<usize> {
        let Shape::Name(scope, name) = shape else { return None };
        self.receiver(self.home(*scope, name)?, name).map(|(class, _)| class)
    }
}

/// Where a name has its meaning: at the end of what gives it one.
fn effect(event: &Event) -> u32 {
    match &event.act {
        Act::Bind(bind) => bind.extent.end.max(event.at.end),
        _ => event.at.end,
    }
}

fn removes(event: &Event) -> bool {
    matches!(&event.act, Act::Bind(bind) if bind.removes)
}
