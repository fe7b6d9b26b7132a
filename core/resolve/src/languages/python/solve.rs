//! From what a walk found to declarations and references.

use super::facts::{Act, Bind, Event, Facts, Member, Receiver, Shape};
use super::names::{Found, Names};
use super::shapes::join;
use crate::bindings::{
    Bindings, Declaration, DeclarationId, DeclarationKind, Form, Known, Members, Reference, Role, Scope, ScopeId,
    ScopeKind, Space, Target, Why,
};
use deepcoder_syntax::{Language, python_builtin};
use deepcoder_types::TextRange;
use std::collections::HashMap;

/// The last words of the names of built-in exceptions, which have few members.
const EXCEPTIONS: &[&str] = &["Error", "Exception", "Warning", "Exit", "Interrupt", "Iteration", "Group"];

/// A declaration's scope and name.
type Key<'f> = (usize, &'f str);

/// A declaration before it has its number.
#[derive(Default)]
struct Draft<'f> {
    binds: Vec<(&'f Event, &'f Bind)>,
    members: Vec<&'f Member>,
}

impl Draft<'_> {
    fn start(&self) -> u32 {
        let names = self.binds.iter().map(|(event, _)| event.at.start);
        let members = self.members.iter().map(|member| member.at.start);
        // What a body declares comes before what methods give.
        names.min().or_else(|| members.min()).unwrap_or(0)
    }
}

/// Looks every name up.
pub(super) fn solve(facts: &mut Facts) -> Bindings {
    facts.events.sort_by_key(|event| event.at.start);
    facts.members.sort_by_key(|member| member.at.start);
    let facts = &*facts;
    let names = Names::new(facts);
    let mut drafts: HashMap<Key<'_>, Draft<'_>> = HashMap::new();
    for (key, events) in &names.bound {
        let binds = events.iter().filter_map(|event| match &event.act {
            Act::Bind(bind) => Some((*event, &**bind)),
            _ => None,
        });
        drafts.insert(*key, Draft { binds: binds.collect(), members: Vec::new() });
    }
    for member in facts.members.iter().filter(|member| member.role == Role::Writes) {
        if let Some(class) = names.own_class(&member.of) {
            drafts.entry((class, member.name.as_str())).or_default().members.push(member);
        }
    }
    let mut order: Vec<(Key<'_>, Draft<'_>)> = drafts.into_iter().collect();
    order.sort_by_key(|((scope, _), draft)| (draft.start(), *scope));
    let ids: HashMap<Key<'_>, DeclarationId> =
        (0..).map(DeclarationId).zip(&order).map(|(id, (key, _))| (*key, id)).collect();
    let solver = Solver { facts, names, ids };
    solver.bindings(&order)
}

struct Solver<'f> {
    facts: &'f Facts,
    names: Names<'f>,
    ids: HashMap<Key<'f>, DeclarationId>,
}

fn scope_id(scope: usize) -> ScopeId {
    ScopeId(u32::try_from(scope).unwrap_or(u32::MAX))
}

impl<'f> Solver<'f> {
    fn bindings(&self, order: &[(Key<'f>, Draft<'f>)]) -> Bindings {
        let mut out = Bindings::empty(Language::Python, self.facts.regions.first().map_or(0, |file| file.range.end));
        out.scopes = self
            .facts
            .regions
            .iter()
            .map(|region| Scope {
                kind: region.kind,
                parent: region.parent.map(scope_id),
                range: region.range,
                owner: region.owner.as_ref().and_then(|(scope, name)| self.declared(*scope, name)),
                of: None,
            })
            .collect();
        out.declarations = order.iter().map(|(key, draft)| self.declaration(*key, draft)).collect();
        let firsts: HashMap<u32, DeclarationId> =
            (0..).map(DeclarationId).zip(&out.declarations).map(|(id, found)| (found.at.start, id)).collect();
        self.facts.events.iter().for_each(|event| out.references.push(self.named(event, &firsts)));
        for member in &self.facts.members {
            out.references.push(self.member(member, &firsts));
        }
        for path in &self.facts.paths {
            out.references.push(Reference {
                at: path.at,
                name: path.name.clone(),
                role: Role::Imports,
                form: path.form,
                scope: scope_id(path.scope),
                target: Target::Module(path.module.clone()),
            });
        }
        let second = |form: Form| matches!(form, Form::Second(_) | Form::Fixed);
        out.references.sort_by_key(|found| (found.at.start, second(found.form)));
        for (hazard, rests) in &self.facts.hazards {
            if rests.is_none_or(|(scope, name)| self.names.home(scope, name).is_none()) {
                out.hazards.push(hazard.clone());
            }
        }
        out.hazards.sort_by_key(|hazard| hazard.at.start);
        out.wildcards = self.facts.wildcards.iter().map(|(scope, import)| (scope_id(*scope), import.clone())).collect();
        out
    }

    /// The declaration that a name in a scope means.
    fn declared(&self, scope: usize, name: &str) -> Option<DeclarationId> {
        let home = self.names.home(scope, name)?;
        self.ids.get(&(home, name)).copied()
    }

    fn declaration(&self, (scope, name): Key<'f>, draft: &Draft<'f>) -> Declaration {
        let first = draft.binds.first();
        let at = first.map(|(event, _)| event.at).or_else(|| draft.members.first().map(|member| member.at));
        let extent = first.map(|(_, bind)| bind.extent).or_else(|| draft.members.first().map(|member| member.extent));
        let written: Vec<&Bind> = draft.binds.iter().map(|(_, bind)| *bind).filter(|bind| !bind.removes).collect();
        let import = written.first().and_then(|bind| bind.import.clone());
        let alike = draft.members.is_empty() && written.iter().all(|bind| bind.import == import);
        let import = import.filter(|_| alike);
        let kinds = written.iter().map(|bind| bind.kind);
        let kind = kinds.clone().find(|kind| *kind != DeclarationKind::Import || import.is_some());
        let kind = match kind {
            // A variable that a definition or an import also makes is what that makes.
            Some(DeclarationKind::Variable | DeclarationKind::Field) => {
                kinds.clone().find(|kind| *kind == DeclarationKind::Class).or(kind)
            }
            kind => kind,
        };
        let body = matches!(self.facts.regions[scope].kind, ScopeKind::Class);
        let kind = kind.unwrap_or(if body { DeclarationKind::Field } else { DeclarationKind::Variable });
        let public = matches!(self.facts.regions[scope].kind, ScopeKind::File | ScopeKind::Class)
            && (!name.starts_with('_') || name.ends_with("__"));
        Declaration {
            name: name.to_owned(),
            kind,
            space: Space::Value,
            scope: scope_id(scope),
            at: at.unwrap_or(TextRange::new(0, 0)),
            extent: extent.unwrap_or(TextRange::new(0, 0)),
            from: 0,
            import,
            public,
            exported_as: Vec::new(),
            bases: written.iter().flat_map(|bind| &bind.bases).map(|base| self.base(base)).collect(),
            value: self.value(scope, name, draft),
            parameters: None,
            takes: Vec::new(),
            is_static: written.iter().any(|bind| bind.is_static),
        }
    }

    /// What a class inherits from. The members of a built-in container are not ours, and a class may override them.
    fn base(&self, shape: &Shape) -> Known {
        let bare = |name: &str| name == "object" || EXCEPTIONS.iter().any(|ending| name.ends_with(ending));
        match self.known(shape) {
            Known::Builtin(name) if !bare(name) => Known::Outside(name.to_owned()),
            known => known,
        }
    }

    /// What all that gives a name a meaning tells of its value together.
    fn value(&self, scope: usize, name: &str, draft: &Draft<'f>) -> Known {
        if let Some((class, receiver)) = self.names.receiver(scope, name) {
            return self.own(class, receiver);
        }
        let annotated = draft.binds.iter().find(|(_, bind)| bind.annotated).map(|(_, bind)| &bind.value);
        let annotated = annotated.or_else(|| draft.members.iter().find(|member| member.annotated).map(|m| &m.value));
        if let Some(value) = annotated.filter(|value| **value != Shape::Unknown) {
            return self.known(value);
        }
        let mut shapes = Vec::new();
        for (event, bind) in draft.binds.iter().filter(|(_, bind)| !bind.removes) {
            match (&bind.import, bind.result_of) {
                (Some(import), _) => {
                    let module = Shape::Module(import.module.clone());
                    shapes.push(match &import.name {
                        Some(name) => Shape::Member(Box::new(module), name.clone()),
                        None => module,
                    });
                }
                (None, Some(function)) => shapes.push(self.result(function, event.scope)),
                (None, None) if bind.kind == DeclarationKind::Class => {}
                (None, None) if bind.reads => shapes.push(Shape::Unknown),
                (None, None) => shapes.push(bind.value.clone()),
            }
        }
        shapes.extend(draft.members.iter().map(|member| member.value.clone()));
        let imported = draft.binds.iter().all(|(_, bind)| bind.import.is_some());
        if imported && shapes.windows(2).all(|pair| pair[0] == pair[1]) {
            return Known::Unknown;
        }
        self.known(&join(shapes))
    }

    /// What a function's calls give.
    fn result(&self, function: usize, scope: usize) -> Shape {
        let region = &self.facts.regions[function];
        if region.indirect {
            return Shape::Unknown;
        }
        let result = if region.returns.is_empty() { Shape::Literal("None") } else { join(region.returns.clone()) };
        let itself = region.receiver.as_ref().is_some_and(|(own, _)| result == Shape::Name(function, own.clone()));
        // Another class may override a method and give something else.
        if self.facts.regions[scope].kind == ScopeKind::Class && !itself {
            return join(vec![result, Shape::Unknown]);
        }
        result
    }

    fn own(&self, class: usize, receiver: Receiver) -> Known {
        let owner = self.facts.regions[class].owner.as_ref();
        let Some(id) = owner.and_then(|(scope, name)| self.declared(*scope, name)) else { return Known::Unknown };
        match receiver {
            Receiver::Value => Known::Instance(Box::new(Known::Itself(id))),
            Receiver::Type => Known::Itself(id),
        }
    }

    fn known(&self, shape: &Shape) -> Known {
        match shape {
            Shape::Unknown => Known::Unknown,
            Shape::Name(scope, name) => match self.names.home(*scope, name) {
                Some(home) => match self.names.receiver(home, name) {
                    Some((class, receiver)) => self.own(class, receiver),
                    None => self.ids.get(&(home, name.as_str())).map_or(Known::Unknown, |id| Known::Itself(*id)),
                },
                None => python_builtin(name).map_or_else(|| Known::Outside(name.clone()), Known::Builtin),
            },
            Shape::Instance(of) => Known::Instance(Box::new(self.known(of))),
            Shape::Member(of, name) => Known::Member(Box::new(self.known(of)), name.clone()),
            Shape::Called(of) => Known::Called(Box::new(self.known(of))),
            Shape::Element(of) => Known::Element(Box::new(self.known(of))),
            Shape::Either(all) => Known::Either(all.iter().map(|shape| self.known(shape)).collect()),
            Shape::Literal(name) => Known::Builtin(name),
            Shape::Module(path) => Known::Module(path.clone()),
            Shape::Class(class) => self.own(*class, Receiver::Value),
            Shape::Super(class) => {
                let owner = self.facts.regions[*class].owner.as_ref();
                let of = owner.and_then(|(scope, name)| {
                    let home = self.names.home(*scope, name)?;
                    self.names.bound.get(&(home, name.as_str()))
                });
                let bases = of.into_iter().flatten().filter_map(|event| match &event.act {
                    Act::Bind(bind) => Some(&bind.bases),
                    _ => None,
                });
                let mut all: Vec<Known> =
                    bases.flatten().map(|base| Known::Instance(Box::new(self.known(base)))).collect();
                match all.len() {
                    0 => Known::Builtin("object"),
                    1 => all.remove(0),
                    _ => Known::Either(all),
                }
            }
        }
    }

    fn named(&self, event: &Event, firsts: &HashMap<u32, DeclarationId>) -> Reference {
        let (role, target) = match &event.act {
            Act::Read => (Role::Reads, self.read(event)),
            Act::Export => (Role::Exports, self.one(0, &event.name)),
            Act::Global | Act::Nonlocal => {
                let home = self.names.home(event.scope, &event.name);
                (Role::Reads, home.map_or(Target::Outside, |home| self.one(home, &event.name)))
            }
            Act::Bind(bind) => {
                let home = self.names.home(event.scope, &event.name).unwrap_or(event.scope);
                let target = self.one(home, &event.name);
                let first = matches!(target, Target::Declaration(id) if firsts.get(&event.at.start) == Some(&id));
                // `x += 1` in a class or a file may read what another scope has.
                let target = if bind.reads { self.updates(event, home, target) } else { target };
                (if first { Role::Declares } else { bind.role }, target)
            }
        };
        let (form, scope) = (event.form, scope_id(event.scope));
        Reference { at: event.at, name: event.name.clone(), role, form, scope, target }
    }

    fn one(&self, home: usize, name: &str) -> Target {
        self.ids.get(&(home, name)).map_or(Target::Outside, |id| Target::Declaration(*id))
    }

    fn read(&self, event: &Event) -> Target {
        match self.names.read(event, python_builtin(&event.name).is_some()) {
            Found::In(home) => self.one(home, &event.name),
            Found::Perhaps(home, other) => {
                let ids = [Some(home), other]
                    .into_iter()
                    .flatten()
                    .filter_map(|scope| self.ids.get(&(scope, event.name.as_str())));
                Target::Several(ids.copied().collect(), Why::SeveralDeclarations)
            }
            Found::Outside => Target::Outside,
        }
    }

    fn updates(&self, event: &Event, home: usize, target: Target) -> Target {
        match self.names.read(event, python_builtin(&event.name).is_some()) {
            Found::In(found) if found == home => target,
            Found::In(other) | Found::Perhaps(_, Some(other)) => {
                let ids = [home, other].into_iter().filter_map(|scope| self.ids.get(&(scope, event.name.as_str())));
                Target::Several(ids.copied().collect(), Why::SeveralDeclarations)
            }
            Found::Perhaps(_, None) | Found::Outside => target,
        }
    }

    fn member(&self, member: &'f Member, firsts: &HashMap<u32, DeclarationId>) -> Reference {
        let declared = self
            .names
            .own_class(&member.of)
            .filter(|_| member.role == Role::Writes)
            .and_then(|class| self.ids.get(&(class, member.name.as_str())))
            .filter(|id| firsts.get(&member.at.start) == Some(*id));
        let (role, target) = match declared {
            Some(id) => (Role::Declares, Target::Declaration(*id)),
            // In a class with several bases, `super()` goes on to classes that this text does not see.
            None if matches!(member.of, Shape::Super(_)) => {
                let otherwise = Box::new(Target::Dynamic(Why::UnknownReceiver));
                let target = Target::Lookup { of: vec![self.known(&member.of)], members: Members::Any, otherwise };
                (member.role, target)
            }
            None => (member.role, Target::Member(self.known(&member.of))),
        };
        let scope = scope_id(member.scope);
        Reference { at: member.at, name: member.name.clone(), role, form: member.form, scope, target }
    }
}
