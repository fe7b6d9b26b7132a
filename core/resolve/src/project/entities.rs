//! What stands before a dot.

use super::lookup::Module;
use super::{Global, Meaning, Project};
use crate::bindings::{Declaration, DeclarationKind, Known, Members, ScopeId, ScopeKind, Why};
use crate::languages::rules;
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

/// Longer chains of values are not followed.
const MAX_DEPTH: u32 = 24;

/// Something that has members.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entity {
    /// A module.
    Module(Module),
    /// A type itself.
    Type(Global),
    /// A value of a type.
    Value(Global),
    /// A function.
    Function(Global),
    /// A module or a type of another repository: no type of ours, but it can have members by interfaces of ours.
    Foreign,
    /// Something of the language, without members of ours.
    Builtin,
}

/// All that an expression can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entities {
    pub(crate) found: Vec<Entity>,
    /// Why there may be others; `None`: there are none.
    pub(crate) open: Option<Why>,
}

impl Entities {
    fn unknown(why: Why) -> Self {
        Self { found: Vec::new(), open: Some(why) }
    }

    fn one(entity: Entity) -> Self {
        Self { found: vec![entity], open: None }
    }

    fn join(all: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Self::default();
        for entities in all {
            for entity in entities.found {
                if !out.found.contains(&entity) {
                    out.found.push(entity);
                }
            }
            out.open = out.open.or(entities.open);
        }
        if out.found.is_empty() && out.open.is_none() {
            out.open = Some(Why::UnknownReceiver);
        }
        out
    }
}

impl Project<'_> {
    /// What a member of this name means.
    pub(super) fn member(&self, path: &RepoPath, known: &Known, name: &str, members: Members) -> Meaning {
        let of = self.evaluate(path, known, 0);
        let (found, open) = self.members(&of, name, members);
        match (found.is_empty(), open) {
            (false, None) => Meaning::exact(found),
            (false, Some(why)) => Meaning::doubtful(found, why),
            (true, None) => {
                let below = self.of_subtypes(path, &of, name);
                if below.is_empty() { Meaning::default() } else { Meaning::doubtful(below, Why::UnknownReceiver) }
            }
            (true, Some(_)) if !of.found.is_empty() && of.found.iter().all(|entity| *entity == Entity::Foreign) => {
                let found =
                    self.anywhere(path, name).into_iter().filter(|global| self.fulfils(global)).collect::<Vec<_>>();
                if found.is_empty() { Meaning::default() } else { Meaning::doubtful(found, Why::OutsideTree) }
            }
            (true, Some(why)) => Meaning::doubtful(self.anywhere(path, name), why),
        }
    }

    /// The members of this name of types that inherit from what an expression is: where no type is declared, a value can be of
    /// one of them.
    fn of_subtypes(&self, path: &RepoPath, of: &Entities, name: &str) -> Vec<Global> {
        let untyped = matches!(Language::program(path), Some(Language::Python | Language::JavaScript));
        let types: BTreeSet<&Global> = of
            .found
            .iter()
            .filter_map(|entity| match entity {
                Entity::Type(global) | Entity::Value(global) => Some(global),
                _ => None,
            })
            .collect();
        if !untyped || types.is_empty() {
            return Vec::new();
        }
        let mut found = self.anywhere(path, name);
        found.retain(|global| self.types_above(global).iter().any(|above| types.contains(above)));
        found
    }

    /// The members of this name of what an expression can be, and why there may be others.
    pub(super) fn members(&self, of: &Entities, name: &str, members: Members) -> (Vec<Global>, Option<Why>) {
        let mut found = Vec::new();
        let mut open = of.open;
        for entity in &of.found {
            let more = match entity {
                Entity::Module(module) => self.exported(std::slice::from_ref(module), name),
                Entity::Type(global) | Entity::Value(global) => {
                    let (mut more, why) = self.inherited(global, name, members);
                    if more.is_empty() {
                        // A namespace of the same name has more of it.
                        more = self.exported(&self.inner_modules(global), name);
                    }
                    if more.is_empty() {
                        open = open.or(why).or_else(|| self.opaque(global));
                    }
                    open = open.or_else(|| self.has_operators(global));
                    more
                }
                Entity::Function(global) => match self.inner_modules(global) {
                    inner if inner.is_empty() => self.parameters(global, name),
                    inner => self.exported(&inner, name),
                },
                Entity::Foreign => {
                    open = open.or(Some(Why::OutsideTree));
                    Vec::new()
                }
                Entity::Builtin => Vec::new(),
            };
            for global in more {
                if !found.contains(&global) {
                    found.push(global);
                }
            }
        }
        (found, open)
    }

    /// The member of a type, or else of the first of its bases that has it; and why there may be another one.
    pub(crate) fn inherited(&self, of: &Global, name: &str, members: Members) -> (Vec<Global>, Option<Why>) {
        let mut seen: BTreeSet<Global> = BTreeSet::new();
        let mut left = std::collections::VecDeque::from([of.clone()]);
        let mut open = None;
        let mut overloads: Vec<Global> = Vec::new();
        let embeds = Language::program(&of.0).and_then(rules).is_some_and(|rules| rules.embeds());
        while let Some(global) = left.pop_front() {
            if !seen.insert(global.clone()) {
                continue;
            }
            let own = self.fitting(self.own_members(&global, name), members);
            if matches!(members, Members::Methods(_)) {
                // An overload that a base declares is called by the same name: only what is overridden is not.
                overloads.extend(
                    own.into_iter()
                        .filter(|one| !overloads.iter().any(|below| self.overrides(below, one)))
                        .collect::<Vec<_>>(),
                );
            } else if !own.is_empty() {
                return (own, open);
            }
            let Some(declaration) = self.declaration(&global) else { continue };
            for base in &declaration.bases {
                let bases = self.evaluate(&global.0, base, 0);
                open = open.or(bases.open);
                for entity in bases.found {
                    if let Entity::Type(base) | Entity::Value(base) = entity {
                        if embeds && self.declaration(&base).is_some_and(|base| base.name == name) {
                            return (vec![base], open);
                        }
                        left.push_back(base);
                    }
                }
            }
        }
        (overloads, open)
    }

    /// Whether a method takes the same arguments as one of a base of its type.
    fn overrides(&self, below: &Global, above: &Global) -> bool {
        let takes = |global: &Global| self.declaration(global).map(|declaration| declaration.takes).unwrap_or_default();
        let (below, above) = (takes(below), takes(above));
        below.len() == above.len() && alike(&below, &above) != Some(false)
    }

    /// Those of them that a name can mean.
    pub(super) fn fitting(&self, found: Vec<Global>, members: Members) -> Vec<Global> {
        let with = |test: &dyn Fn(&Declaration) -> bool| -> Vec<Global> {
            let fits = |global: &&Global| self.declaration(global).is_some_and(|declaration| test(&declaration));
            found.iter().filter(fits).cloned().collect()
        };
        let is_type = |d: &Declaration| {
            use DeclarationKind::{Class, Enum, Interface, TypeAlias, TypeParameter};
            matches!(d.kind, Class | Enum | Interface | TypeAlias | TypeParameter)
        };
        match members {
            Members::Any => found,
            Members::Types => with(&is_type),
            Members::Values => {
                let fields = with(&|d| d.kind != DeclarationKind::Method && !is_type(d));
                if fields.is_empty() { with(&is_type) } else { fields }
            }
            Members::Methods(count) => with(&|d| {
                (d.kind == DeclarationKind::Method || d.parameters.is_some())
                    && (count.is_none() || d.parameters.is_none() || d.parameters == count)
            }),
        }
    }

    /// What the bodies of a type declare under a name: its own, and those that say that they belong to it.
    pub(crate) fn own_members(&self, of: &Global, name: &str) -> Vec<Global> {
        let mut found: Vec<Global> = Vec::new();
        for of in self.same_type(of) {
            for global in self.members_here(&of, name) {
                if !found.contains(&global) {
                    found.push(global);
                }
            }
        }
        found
    }

    /// What the bodies of this declaration of a type declare under a name.
    fn members_here(&self, of: &Global, name: &str) -> Vec<Global> {
        let mut found = self.members_elsewhere(of, name);
        let Some(bindings) = self.bindings(&of.0) else { return found };
        let own = bindings.ids().filter(|(_, d)| d.name == name).filter(|(_, declaration)| {
            bindings
                .scope(declaration.scope)
                .is_some_and(|scope| scope.kind == ScopeKind::Class && scope.of.is_none() && scope.owner == Some(of.1))
        });
        found.splice(0..0, own.map(|(id, _)| (of.0.clone(), id)));
        found
    }

    /// The parameter of this name of a function.
    pub(super) fn parameters(&self, of: &Global, name: &str) -> Vec<Global> {
        let Some(bindings) = self.bindings(&of.0) else { return Vec::new() };
        let parameter = |(_, d): &(crate::DeclarationId, &crate::Declaration)| {
            d.name == name
                && d.kind == DeclarationKind::Parameter
                && bindings.scope(d.scope).is_some_and(|scope| scope.owner == Some(of.1))
        };
        bindings.ids().filter(parameter).map(|(id, _)| (of.0.clone(), id)).collect()
    }

    /// What an expression of a file can be.
    pub(crate) fn evaluate(&self, path: &RepoPath, known: &Known, depth: u32) -> Entities {
        if depth > MAX_DEPTH {
            return Entities::unknown(Why::UnknownReceiver);
        }
        match known {
            Known::Unknown | Known::Element(_) => Entities::unknown(Why::UnknownReceiver),
            Known::Builtin(_) => Entities::one(Entity::Builtin),
            Known::Module(module) => match self.modules(path, module) {
                modules if modules.is_empty() => self.foreign(path),
                modules => Entities { found: modules.into_iter().map(Entity::Module).collect(), open: None },
            },
            Known::Outside(name) => {
                let found = self.outside(path, ScopeId(0), name).declarations;
                let package = if found.is_empty() { self.package_of_import(path, name) } else { Vec::new() };
                if !package.is_empty() {
                    return Entities { found: package.into_iter().map(Entity::Module).collect(), open: None };
                }
                match found.is_empty() {
                    // A package that is named in full (Java).
                    true => self.package(path, name).unwrap_or_else(|| self.foreign(path)),
                    false => Entities::join(found.iter().map(|global| self.stands_for(global, depth + 1))),
                }
            }
            // Several values have no members together.
            Known::Tuple(_) => Entities::one(Entity::Builtin),
            Known::Part(of, at) => self.part(path, of, *at, depth + 1),
            Known::Itself(id) => self.stands_for(&(path.clone(), *id), depth + 1),
            Known::Instance(of) => {
                let of = self.evaluate(path, of, depth + 1);
                if of.found.contains(&Entity::Foreign) {
                    // It may stand for a value of ours (a smart pointer).
                    return Entities::unknown(Why::OutsideTree);
                }
                Entities::join([Entities {
                    found: of
                        .found
                        .into_iter()
                        .map(|entity| match entity {
                            Entity::Type(global) => Entity::Value(global),
                            other => other,
                        })
                        .collect(),
                    open: of.open,
                }])
            }
            Known::Member(of, name) => {
                let full = dotted(of).map(|outer| format!("{outer}.{name}"));
                let of = self.evaluate(path, of, depth + 1);
                if of.found == [Entity::Foreign] {
                    return of;
                }
                let (found, open) = self.members(&of, name, Members::Any);
                let values = found.iter().map(|global| self.stands_for(global, depth + 1));
                let mut out = Entities::join(values);
                if found.is_empty() {
                    // A module of a package is no declaration of it.
                    let inner = of.found.iter().filter_map(|entity| match entity {
                        Entity::Module((path, _)) => Some(self.submodules(path, name)),
                        _ => None,
                    });
                    let inner: Vec<Entity> = inner.flatten().map(Entity::Module).collect();
                    if !inner.is_empty() {
                        return Entities { found: inner, open: None };
                    }
                }
                out.open = out.open.or(open);
                match full.filter(|_| out.found.is_empty()).and_then(|full| self.package(path, &full)) {
                    Some(package) => package,
                    None => out,
                }
            }
            Known::Called(of) => {
                let of = self.evaluate(path, of, depth + 1);
                let results = of.found.iter().map(|entity| match entity {
                    Entity::Type(global) => Entities::one(Entity::Value(global.clone())),
                    Entity::Function(global) => match self.declaration(global) {
                        Some(declaration) => self.evaluate(&global.0, &declaration.value, depth + 1),
                        None => Entities::unknown(Why::UnknownReceiver),
                    },
                    Entity::Builtin => Entities::one(Entity::Builtin),
                    Entity::Module(_) | Entity::Value(_) | Entity::Foreign => Entities::unknown(Why::UnknownReceiver),
                });
                let mut out = Entities::join(results);
                out.open = out.open.or(of.open);
                out
            }
            Known::Either(all) => Entities::join(all.iter().map(|known| self.evaluate(path, known, depth + 1))),
        }
    }

    /// The value at a position of several: of a tuple, or of the results of a function.
    fn part(&self, path: &RepoPath, of: &Known, at: u32, depth: u32) -> Entities {
        match of {
            Known::Tuple(values) => match values.get(at as usize) {
                Some(value) => self.evaluate(path, value, depth + 1),
                None => Entities::unknown(Why::UnknownReceiver),
            },
            Known::Called(function) => {
                let functions = self.evaluate(path, function, depth + 1);
                let results = functions.found.iter().map(|entity| match entity {
                    Entity::Function(global) => match self.declaration(global).map(|d| d.value) {
                        Some(value @ Known::Tuple(_)) => self.part(&global.0, &value, at, depth + 1),
                        Some(value) if at == 0 => self.evaluate(&global.0, &value, depth + 1),
                        _ => Entities::unknown(Why::UnknownReceiver),
                    },
                    _ => Entities::unknown(Why::UnknownReceiver),
                });
                let mut out = Entities::join(results);
                out.open = out.open.or(functions.open);
                out
            }
            _ => Entities::unknown(Why::UnknownReceiver),
        }
    }

    /// The files of an imported package that has another name than its path says (Go).
    fn package_of_import(&self, path: &RepoPath, name: &str) -> Vec<Module> {
        let Some(bindings) = self.bindings(path).filter(|b| b.language == Language::Go) else { return Vec::new() };
        let bare = bindings.declarations.iter().filter(|d| d.scope == ScopeId(0) && d.at.start == d.at.end);
        let mut all = bare.filter_map(|d| d.import.as_ref()).map(|import| self.modules(path, &import.module));
        let of_package = |(file, _): &Module| self.bindings(file).is_some_and(|theirs| theirs.package == name);
        all.find(|modules| modules.iter().any(of_package)).unwrap_or_default()
    }

    /// A package that is named in full, where the language has such names.
    fn package(&self, path: &RepoPath, name: &str) -> Option<Entities> {
        Language::program(path).filter(|language| *language == Language::Java)?;
        let modules = self.modules(path, name);
        let found: Vec<Entity> = modules.into_iter().map(Entity::Module).collect();
        (!found.is_empty()).then_some(Entities { found, open: None })
    }

    /// Something of another repository; in most languages it is not told apart from what is not known.
    fn foreign(&self, path: &RepoPath) -> Entities {
        match Language::program(path).and_then(rules) {
            Some(rules) if rules.implements_by_name() => Entities::one(Entity::Foreign),
            _ => Entities::unknown(Why::OutsideTree),
        }
    }

    /// The modules of a package's folder.
    fn submodules(&self, package: &RepoPath, name: &str) -> Vec<Module> {
        self.modules(package, &format!(".{name}"))
    }

    /// What a declaration stands for.
    fn stands_for(&self, global: &Global, depth: u32) -> Entities {
        if depth > MAX_DEPTH {
            return Entities::unknown(Why::UnknownReceiver);
        }
        let Some(declaration) = self.declaration(global) else { return Entities::unknown(Why::UnknownReceiver) };
        if let Some(import) = &declaration.import {
            let modules = self.modules(&global.0, &import.module);
            let Some(name) = &import.name else {
                // A module may be one value (`export = a`).
                let whole = self.exported(&modules, "export=");
                if !whole.is_empty() {
                    return Entities::join(whole.iter().map(|global| self.stands_for(global, depth + 1)));
                }
                return match modules.is_empty() {
                    true => self.foreign(&global.0),
                    false => Entities { found: modules.into_iter().map(Entity::Module).collect(), open: None },
                };
            };
            let found = self.exported(&modules, name);
            let found: Vec<Global> = found.into_iter().filter(|other| other != global).collect();
            if found.is_empty() {
                let inner = modules.iter().flat_map(|(path, _)| self.submodules(path, name)).map(Entity::Module);
                let found: Vec<Entity> = inner.collect();
                if found.is_empty() {
                    return if modules.is_empty() {
                        self.foreign(&global.0)
                    } else {
                        Entities::unknown(Why::OutsideTree)
                    };
                }
                return Entities { found, open: None };
            }
            return Entities::join(found.iter().map(|global| self.stands_for(global, depth + 1)));
        }
        match declaration.kind {
            DeclarationKind::Class | DeclarationKind::Interface | DeclarationKind::Enum => {
                Entities::one(Entity::Type(global.clone()))
            }
            DeclarationKind::Module => {
                let all = self.same_type(global);
                let inner: Vec<Module> = all.iter().flat_map(|global| self.inner_modules(global)).collect();
                match inner.is_empty() {
                    true => self.evaluate(&global.0, &declaration.value, depth + 1),
                    false => Entities { found: inner.into_iter().map(Entity::Module).collect(), open: None },
                }
            }
            DeclarationKind::Function | DeclarationKind::Method => Entities::one(Entity::Function(global.clone())),
            _ => self.evaluate(&global.0, &declaration.value, depth + 1),
        }
    }
}

/// A name with dots that no declaration begins.
fn dotted(known: &Known) -> Option<String> {
    let mut parts = Vec::new();
    let mut next = known;
    while let Known::Member(of, name) = next {
        parts.push(name.as_str());
        next = of;
    }
    let Known::Outside(first) = next else { return None };
    parts.push(first);
    parts.reverse();
    Some(parts.join("."))
}

/// Whether the types of parameters are the same; `None` where the texts do not tell.
pub(super) fn alike(one: &[Option<String>], other: &[Option<String>]) -> Option<bool> {
    let mut sure = true;
    for (a, b) in one.iter().zip(other) {
        match (a, b) {
            (Some(a), Some(b)) if a != b => return Some(false),
            (Some(_), Some(_)) => {}
            _ => sure = false,
        }
    }
    sure.then_some(true)
}
