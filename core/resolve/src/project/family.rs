//! Declarations that have one name together.
//!
//! A method that overrides another one, or that an interface asks for, cannot have a name of its own. The families are
//! found among the members of the name: two belong together when the type of one inherits from that of the other.

use super::entities::{Entities, Entity, alike};
use super::{Global, Project, Symbol};
use crate::bindings::{DeclarationKind, Known, ScopeId, ScopeKind, Why};
use crate::languages::rules;
use crate::languages::{GLOBAL, GLOBAL_MODULE};
use deepcoder_syntax::Language;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A member with all that its type inherits from.
struct Member {
    global: Global,
    of: Vec<Global>,
    above: BTreeSet<Global>,
    /// Some base is not known.
    open: Option<Why>,
    parameters: Option<u32>,
    takes: Vec<Option<String>>,
    is_static: bool,
    /// Where fields and methods have names of their own: it is a method.
    is_method: bool,
}

impl Project<'_> {
    /// The symbol of a declaration: itself, or the family of a member.
    #[must_use]
    pub fn symbol(&self, global: &Global) -> Symbol {
        let name = self.declaration(global).map(|declaration| declaration.name).unwrap_or_default();
        let alone = |open| Symbol { name: name.clone(), declarations: vec![global.clone()], open };
        if self.names_module(global) {
            return alone(Some(Why::SeveralDeclarations));
        }
        if self.augments(global) {
            return alone(Some(Why::OutsideTree));
        }
        let member = self.as_member(global);
        if member.is_none() && self.includes(&global.0) {
            return self.unit_symbol(global, name);
        }
        let Some(own) = member else {
            // The parts of a global name are one, whatever file they are in.
            let is_global = self.bindings(&global.0).is_some_and(|bindings| {
                bindings.package == GLOBAL
                    && bindings
                        .declaration(global.1)
                        .is_some_and(|d| d.scope == ScopeId(0) && d.kind != DeclarationKind::Label)
            });
            let mut all = if is_global { self.globals(&global.0, &name).as_ref().clone() } else { Vec::new() };
            if !all.contains(global) {
                return alone(self.overwritten(global, &name));
            }
            all.sort();
            return Symbol { name, declarations: all, open: None };
        };
        // Java: only methods override, and those that are private do not.
        let java = Language::program(&global.0) == Some(Language::Java);
        let overrides = |global: &Global| {
            self.declaration(global)
                .is_some_and(|d| d.public && (d.kind == DeclarationKind::Method || d.parameters.is_some()))
        };
        if java && !overrides(global) {
            return alone(None);
        }
        if own.is_static && !self.structural(&global.0) && own.above.len() <= own.of.len() {
            return alone(own.open.or_else(|| self.made(global, &name)));
        }
        let mut others: Vec<Member> =
            self.anywhere(&global.0, &name).iter().filter_map(|g| self.as_member(g)).collect();
        others.retain(|other| !java || overrides(&other.global));
        let go = Language::program(&global.0) == Some(Language::Go);
        let mut structural = false;
        let mut family = vec![own];
        let mut grown = true;
        while grown {
            let before = family.len();
            let (more, rest) = others.into_iter().partition(|other| family.iter().any(|one| related(one, other)));
            family.extend::<Vec<Member>>(more);
            others = rest;
            if java {
                let (met, rest) = others.into_iter().partition(|other: &Member| {
                    family
                        .iter()
                        .any(|one| same_arity(one, other) && self.met(&one.of.iter().cloned().collect(), &other.of))
                });
                family.extend::<Vec<Member>>(met);
                others = rest;
            }
            if go {
                let (met, rest): (Vec<Member>, Vec<Member>) =
                    others.into_iter().partition(|other| family.iter().any(|one| self.fulfils_one(one, other)));
                structural |= !met.is_empty();
                family.extend(met);
                others = rest;
            }
            grown = family.len() > before;
        }
        let open = family.iter().find_map(|member| member.open).or_else(|| self.made(global, &name)).or_else(|| {
            let alike = self.structural(&global.0)
                && Language::program(&global.0).is_some_and(|language| language.is_related(Language::JavaScript))
                && others.iter().any(|other| family.iter().any(|one| self.alike(one, other)));
            let python = Language::program(&global.0) == Some(Language::Python);
            (alike || structural || python && self.by_protocol(&family, &others) || java && unsure(&family))
                .then_some(Why::SeveralDeclarations)
        });
        let mut declarations: Vec<Global> = family.into_iter().map(|member| member.global).collect();
        declarations.sort();
        declarations.dedup();
        Symbol { name, declarations, open }
    }

    /// Whether a declaration adds to a module of another package (`declare module "m" { interface I { … } }`).
    fn augments(&self, (path, id): &Global) -> bool {
        let Some(bindings) = self.bindings(path) else { return false };
        let mut scope = bindings.declaration(*id).and_then(|declaration| bindings.scope(declaration.scope));
        while let Some(at) = scope {
            let owner = at.owner.and_then(|owner| bindings.declaration(owner));
            let quoted = |name: &str| name.starts_with('"') && name != GLOBAL_MODULE;
            if owner.is_some_and(|owner| owner.kind == DeclarationKind::Module && quoted(&owner.name)) {
                return true;
            }
            scope = at.parent.and_then(|parent| bindings.scope(parent));
        }
        false
    }

    /// An import of all names can give the name of a file's declaration another value (Python).
    fn overwritten(&self, (path, id): &Global, name: &str) -> Option<Why> {
        let bindings = self.bindings(path).filter(|_| Language::program(path) == Some(Language::Python))?;
        let declared = bindings.declaration(*id)?;
        let all = bindings.wildcards.iter().filter(|(scope, _)| *scope == declared.scope && declared.import.is_none());
        let mut modules = all.map(|(_, import)| self.modules(path, &import.module));
        modules.any(|modules| !self.exported(&modules, name).is_empty()).then_some(Why::Wildcard)
    }

    /// Whether a name is that of a module of the tree as well, since an import took it over: the module's file may be meant.
    fn names_module(&self, global: &Global) -> bool {
        let Some(declaration) = self.declaration(global) else { return false };
        let Some(import) = &declaration.import else { return false };
        let taken = import.name.as_ref().unwrap_or(&import.module);
        let is_module = |entity: &Entity| matches!(entity, Entity::Module(_));
        *taken == declaration.name && self.evaluate(&global.0, &Known::Itself(global.1), 0).found.iter().any(is_module)
    }

    /// The member that a declaration is, if it is one.
    fn as_member(&self, global: &Global) -> Option<Member> {
        let bindings = self.bindings(&global.0)?;
        let declaration = bindings.declaration(global.1)?;
        let scope = bindings.scope(declaration.scope).filter(|scope| scope.kind == ScopeKind::Class)?;
        if matches!(declaration.kind, DeclarationKind::TypeParameter | DeclarationKind::Parameter) {
            return None;
        }
        let of: Vec<Global> = match (&scope.of, scope.owner) {
            (Some(known), _) => types(self.evaluate(&global.0, known, 0).found),
            (None, Some(owner)) => self.same_type(&(global.0.clone(), owner)),
            (None, None) => Vec::new(),
        };
        if Language::program(&global.0).and_then(rules).is_some_and(|rules| rules.implements_by_name()) {
            let mut member = Member {
                global: global.clone(),
                above: of.iter().cloned().collect(),
                of,
                open: None,
                parameters: None,
                takes: Vec::new(),
                is_static: false,
                is_method: declaration.kind == DeclarationKind::Method,
            };
            let implementation = scope.owner.filter(|_| scope.of.is_some()).and_then(|id| bindings.declaration(id));
            if let Some(implementation) = implementation.filter(|implementation| !implementation.bases.is_empty()) {
                let known = implementation.bases.iter().map(|base| self.evaluate(&global.0, base, 0));
                let known: Vec<Entities> = known.collect();
                member.open = known.iter().find_map(|entities| entities.open);
                member.of = types(known.into_iter().flat_map(|entities| entities.found).collect());
                member.above = member.of.iter().cloned().collect();
            }
            return Some(member);
        }
        let (mut above, mut open) = self.above(&of);
        // An implementation says itself what it implements.
        if let Some(owner) = scope.owner.filter(|_| scope.of.is_some()) {
            let (more, why) = self.above(&[(global.0.clone(), owner)]);
            above.extend(more);
            open = open.or(why);
        }
        Some(Member {
            global: global.clone(),
            of,
            above,
            open,
            parameters: declaration.parameters.filter(|_| bindings.language.has_overloads()),
            takes: declaration.takes.clone(),
            is_static: declaration.is_static,
            is_method: false,
        })
    }

    /// Whether the type of one of two methods has all that the interface of the other one asks for (Go).
    fn fulfils_one(&self, one: &Member, other: &Member) -> bool {
        let is = |member: &Member, kind: DeclarationKind| {
            member.of.iter().any(|of| self.declaration(of).is_some_and(|d| d.kind == kind))
        };
        let of_interface = |member: &Member| is(member, DeclarationKind::Interface);
        let (interface, of) = match (of_interface(one), of_interface(other)) {
            (true, _) => (one, other),
            (false, true) => (other, one),
            (false, false) => return false,
        };
        let asked: BTreeSet<String> = interface.above.iter().flat_map(|of| self.members_of(of).into_keys()).collect();
        let has = |name: &String| {
            of.of.iter().any(|of| !self.inherited(of, name, crate::bindings::Members::Any).0.is_empty())
        };
        asked.iter().all(has)
    }

    /// The type of a member with all that it inherits from.
    pub(super) fn types_above(&self, global: &Global) -> BTreeSet<Global> {
        self.as_member(global).map(|member| member.above).unwrap_or_default()
    }

    /// Whether a member of a type that lists what others must have (a protocol of Python) is named like another one: what has
    /// its members can stand for it and need not say so.
    fn by_protocol(&self, family: &[Member], others: &[Member]) -> bool {
        let protocol = |of: &Global| {
            let bases = self.declaration(of).map(|declaration| declaration.bases).unwrap_or_default();
            bases.iter().any(|base| match base {
                Known::Itself(id) => self.declaration(&(of.0.clone(), *id)).is_some_and(|d| d.name == "Protocol"),
                Known::Outside(name) | Known::Member(_, name) => name == "Protocol",
                _ => false,
            })
        };
        let any = |members: &[Member]| members.iter().any(|member| member.of.iter().any(protocol));
        !others.is_empty() && (any(family) || any(others))
    }

    /// Whether a value of one type can stand for one of the other although neither says so: it has all of its members.
    fn alike(&self, one: &Member, other: &Member) -> bool {
        let names = |member: &Member| -> BTreeSet<String> {
            member.above.iter().flat_map(|of| self.members_of(of).into_keys()).collect()
        };
        let (own, theirs) = (names(one), names(other));
        // A type without a name is written where its only values are.
        let named = other.of.iter().any(|of| self.declaration(of).is_some_and(|d| !d.name.is_empty()));
        one.is_static == other.is_static && (theirs.is_superset(&own) || named && own.is_superset(&theirs))
    }

    /// Whether a member belongs to an interface, or may belong to one that is not in the tree.
    pub(super) fn fulfils(&self, global: &Global) -> bool {
        self.as_member(global).is_some_and(|member| {
            let interface = |of: &Global| self.declaration(of).is_some_and(|d| d.kind == DeclarationKind::Interface);
            member.open.is_some() || member.of.is_empty() || member.of.iter().any(interface)
        })
    }

    /// These types with all that they inherit from, and why there may be more.
    pub(crate) fn above(&self, of: &[Global]) -> (BTreeSet<Global>, Option<Why>) {
        let mut seen: BTreeSet<Global> = BTreeSet::new();
        let mut left: VecDeque<Global> = of.iter().cloned().collect();
        let mut open = None;
        while let Some(global) = left.pop_front() {
            if !seen.insert(global.clone()) {
                continue;
            }
            let Some(declaration) = self.declaration(&global) else { continue };
            for base in &declaration.bases {
                let bases = self.evaluate(&global.0, base, 0);
                open = open.or(bases.open);
                left.extend(types(bases.found));
            }
        }
        (seen, open)
    }

    /// The members of a type by name, its own only.
    #[must_use]
    pub fn members_of(&self, of: &Global) -> BTreeMap<String, Vec<Global>> {
        let mut found: BTreeMap<String, Vec<Global>> = BTreeMap::new();
        let Some(bindings) = self.bindings(&of.0) else { return found };
        for (id, declaration) in bindings.ids() {
            let is_own = bindings
                .scope(declaration.scope)
                .is_some_and(|scope| scope.kind == ScopeKind::Class && scope.of.is_none() && scope.owner == Some(of.1));
            if is_own {
                found.entry(declaration.name.clone()).or_default().push((of.0.clone(), id));
            }
        }
        found
    }
}

pub(super) fn types(entities: Vec<Entity>) -> Vec<Global> {
    let of_type = |entity| match entity {
        Entity::Type(global) | Entity::Value(global) => Some(global),
        _ => None,
    };
    entities.into_iter().filter_map(of_type).collect()
}

/// Whether one type inherits from the other, and the members can be one.
fn related(one: &Member, other: &Member) -> bool {
    let up = |a: &Member, b: &Member| b.of.iter().any(|of| a.above.contains(of));
    same_arity(one, other) && one.is_method == other.is_method && (up(one, other) || up(other, one))
}

/// Whether two members can take the same arguments. Where it cannot be told they can.
fn same_arity(one: &Member, other: &Member) -> bool {
    match (one.parameters, other.parameters) {
        (Some(a), Some(b)) if a != b => false,
        // The last of any number of arguments is an array.
        _ => one.takes.len() == other.takes.len() && alike(&one.takes, &other.takes) != Some(false),
    }
}

/// Whether the texts do not tell if some of these override each other: the types of their parameters are not comparable.
fn unsure(family: &[Member]) -> bool {
    let unlike = |one: &Member, other: &Member| alike(&one.takes, &other.takes).is_none();
    family.first().is_some_and(|first| family.iter().skip(1).any(|other| unlike(first, other)))
}
