//! Arguments that name a parameter of what is called.

use super::entities::Entity;
use super::{Global, Meaning, Project};
use crate::bindings::{DeclarationKind, Known, Members, ScopeKind, Why};
use crate::languages::rules;
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;

/// What calling a value calls.
const CALL: &str = "__call__";

impl Project<'_> {
    /// The methods that calling a type calls, where arguments name parameters.
    pub(super) fn constructors(&self, path: &RepoPath) -> &'static [&'static str] {
        Language::program(path).and_then(rules).map_or(&[], |rules| rules.constructors())
    }

    /// The parameters, or the fields of a type without a constructor, that an argument's name means.
    pub(super) fn keyword(&self, path: &RepoPath, callee: &Known, name: &str) -> Meaning {
        let of = self.evaluate(path, callee, 0);
        let mut found: Vec<Global> = Vec::new();
        let mut open = of.open;
        for entity in &of.found {
            match entity {
                Entity::Function(global) => {
                    let parameters = self.parameters_of_family(global, name);
                    // What a function takes by any name it may pass on.
                    let passed = parameters.is_empty() && self.takes_any_name(global);
                    open = open.or(passed.then_some(Why::SeveralDeclarations));
                    found.extend(parameters);
                }
                Entity::Type(global) => {
                    let (more, why) = self.constructed(path, global, name);
                    found.extend(more);
                    open = open.or(why);
                }
                Entity::Value(global) => {
                    let (methods, why) = self.inherited(global, CALL, Members::Any);
                    found.extend(methods.iter().flat_map(|method| self.parameters_of_family(method, name)));
                    open = open.or(why.filter(|_| methods.is_empty()));
                }
                Entity::Builtin | Entity::Foreign | Entity::Module(_) => {}
            }
        }
        found.sort();
        found.dedup();
        match (found.is_empty(), open) {
            (false, None) => Meaning::exact(found),
            (false, Some(why)) => Meaning::doubtful(found, why),
            (true, None) => Meaning::default(),
            // What another package declares has no parameter of ours.
            (true, Some(Why::OutsideTree)) if of.found.is_empty() && is_path(callee) => Meaning::default(),
            (true, Some(why)) => {
                // What is passed on may be called anything.
                let called = self.called_name(path, callee).filter(|_| why != Why::SeveralDeclarations);
                let found = self.any_parameters(path, name, called.as_deref());
                Meaning::doubtful(found, why)
            }
        }
    }

    /// The parameters of a function, and of those that override it.
    fn parameters_of_family(&self, function: &Global, name: &str) -> Vec<Global> {
        let family = self.symbol(function).declarations;
        family.iter().flat_map(|function| self.parameters(function, name)).collect()
    }

    /// What an argument of a type's call means: a parameter of its constructor, or a field where it has none.
    fn constructed(&self, path: &RepoPath, of: &Global, name: &str) -> (Vec<Global>, Option<Why>) {
        let mut open = None;
        let mut constructors = Vec::new();
        for constructor in self.constructors(path) {
            let (found, why) = self.inherited(of, constructor, Members::Any);
            open = open.or(why);
            constructors.extend(found);
        }
        if constructors.is_empty() {
            let (fields, why) = self.inherited(of, name, Members::Any);
            return (fields, open.or(why));
        }
        // Each type has constructors of its own.
        let found: Vec<Global> = constructors.iter().flat_map(|function| self.parameters(function, name)).collect();
        let passed = found.is_empty() && constructors.iter().any(|function| self.takes_any_name(function));
        (found, passed.then_some(Why::SeveralDeclarations))
    }

    /// Whether a function takes arguments by names that it does not list (`**options`).
    fn takes_any_name(&self, function: &Global) -> bool {
        let (Some(bindings), Some(text)) = (self.bindings(&function.0), self.files.text(&function.0)) else {
            return false;
        };
        let rest = |d: &crate::Declaration| {
            d.kind == DeclarationKind::Parameter
                && bindings.scope(d.scope).is_some_and(|scope| scope.owner == Some(function.1))
                && text.get(d.extent.as_range()).is_some_and(|text| text.starts_with("**"))
        };
        bindings.declarations.iter().any(rest)
    }

    /// The name that is called, where it is the function's own.
    fn called_name(&self, path: &RepoPath, callee: &Known) -> Option<String> {
        match callee {
            Known::Member(_, name) | Known::Outside(name) => Some(name.clone()),
            Known::Itself(id) => {
                let declaration = self.declaration(&(path.clone(), *id))?;
                let fixed = matches!(declaration.kind, DeclarationKind::Function | DeclarationKind::Class);
                fixed.then_some(declaration.name)
            }
            _ => None,
        }
    }

    /// Every parameter of this name, of functions or of types with the name that is called, where it is known.
    fn any_parameters(&self, path: &RepoPath, name: &str, called: Option<&str>) -> Vec<Global> {
        let mut found = Vec::new();
        let constructors = self.constructors(path);
        for other in self.files.mentions(name) {
            let same_language = Language::program(&other) == Language::program(path);
            let Some(bindings) = self.bindings(&other).filter(|_| same_language) else { continue };
            for (id, declaration) in bindings.ids().filter(|(_, d)| d.name == name) {
                let Some(scope) = bindings.scope(declaration.scope) else { continue };
                let Some(owner) = scope.owner.and_then(|owner| bindings.declaration(owner)) else { continue };
                let fits = match (scope.kind, declaration.kind) {
                    (ScopeKind::Function, DeclarationKind::Parameter) => match called {
                        Some(called) if constructors.contains(&owner.name.as_str()) => {
                            let class = bindings.scope(owner.scope).and_then(|scope| scope.owner);
                            let class = class.and_then(|class| bindings.declaration(class));
                            called == owner.name || class.is_some_and(|class| class.name == called)
                        }
                        Some(called) => owner.name == called,
                        None => true,
                    },
                    (ScopeKind::Class, DeclarationKind::Field) => called.is_none_or(|called| owner.name == called),
                    _ => false,
                };
                if fits {
                    found.push((other.clone(), id));
                }
            }
        }
        found
    }
}

/// Whether a name with dots is called, and nothing that a call gave.
fn is_path(known: &Known) -> bool {
    match known {
        Known::Itself(_) | Known::Module(_) | Known::Outside(_) => true,
        Known::Member(of, _) => is_path(of),
        _ => false,
    }
}
