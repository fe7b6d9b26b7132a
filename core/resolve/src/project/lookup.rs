//! Names that other files declare: exports, packages, wildcards.

use super::{Global, Meaning, Project};
use crate::bindings::{Bindings, DeclarationKind, Members, ScopeId, ScopeKind, Space};
use crate::languages::rules;
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

/// The scope of a module: a file's, or that of a module within a file.
pub(crate) type Module = (RepoPath, ScopeId);

/// The scope of a file.
const FILE: ScopeId = ScopeId(0);

impl Project<'_> {
    /// The scopes of the module that a file means by these words, found out anew.
    pub(super) fn find_modules(&self, from: &RepoPath, module: &str) -> Vec<Module> {
        let Some(rules) = Language::program(from).and_then(rules) else { return Vec::new() };
        let files = rules.module_files(self.files, from, module);
        if !files.is_empty() {
            // A file that cannot be parsed is still the module's.
            let scope = |path: &RepoPath| match self.bindings(path) {
                Some(bindings) => rules.module_scope(&bindings, module),
                None => Some(FILE),
            };
            return files.into_iter().filter_map(|path| scope(&path).map(|scope| (path, scope))).collect();
        }
        let declared = self.ambient(from, module);
        if !declared.is_empty() {
            return declared;
        }
        // A module within a file: the last word names it in what the others mean.
        let split = module.rsplit_once("::").or_else(|| module.rsplit_once('.'));
        let Some((outer, inner)) = split.filter(|(outer, inner)| !outer.is_empty() && !inner.is_empty()) else {
            return Vec::new();
        };
        let found = self.exported(&self.modules(from, outer), inner);
        found.iter().flat_map(|global| self.inner_modules(global)).collect()
    }

    /// The scopes of a module that a file declares for others (`declare module "a"`).
    fn ambient(&self, from: &RepoPath, module: &str) -> Vec<Module> {
        if !Language::program(from).and_then(rules).is_some_and(|rules| rules.has_globals()) {
            return Vec::new();
        }
        if module.is_empty() || module.starts_with('.') {
            return Vec::new();
        }
        let quoted = format!("\"{module}\"");
        let mut found = Vec::new();
        for path in self.files.mentions(module) {
            let Some(bindings) = self.bindings(&path) else { continue };
            let named = bindings.ids().filter(|(_, d)| d.kind == DeclarationKind::Module && d.name == quoted);
            let ids: Vec<_> = named.map(|(id, _)| id).collect();
            found.extend(ids.into_iter().flat_map(|id| self.inner_modules(&(path.clone(), id))));
        }
        found
    }

    /// The scopes of a module that is declared within a file.
    pub(crate) fn inner_modules(&self, global: &Global) -> Vec<Module> {
        let Some(bindings) = self.bindings(&global.0) else { return Vec::new() };
        let is_it = |scope: &crate::Scope| scope.owner == Some(global.1) && scope.kind == ScopeKind::Module;
        let scopes = (0..).map(ScopeId).zip(&bindings.scopes);
        scopes.filter(|(_, scope)| is_it(scope)).map(|(id, _)| (global.0.clone(), id)).collect()
    }

    /// What these modules give to others under a name.
    pub(crate) fn exported(&self, modules: &[Module], name: &str) -> Vec<Global> {
        let mut seen: BTreeSet<Module> = BTreeSet::new();
        let mut left: Vec<Module> = modules.to_vec();
        let mut out = Vec::new();
        while let Some((path, scope)) = left.pop() {
            if !seen.insert((path.clone(), scope)) {
                continue;
            }
            let Some(bindings) = self.bindings(&path) else { continue };
            let found = declared(&bindings, scope, name);
            if found.is_empty() {
                for (at, import) in &bindings.wildcards {
                    if *at == scope {
                        left.extend(self.modules(&path, &import.module));
                    }
                }
            }
            if found.is_empty() && scope != FILE {
                // Members that the type inherits are imported as well.
                let owner =
                    bindings.scope(scope).filter(|scope| scope.kind == ScopeKind::Class).and_then(|scope| scope.owner);
                out.extend(
                    owner.into_iter().flat_map(|owner| self.inherited(&(path.clone(), owner), name, Members::Any).0),
                );
            }
            out.extend(found.into_iter().map(|id| (path.clone(), id)));
        }
        out
    }

    /// The members of a type that a path names (`use m::Enum::*`).
    pub(super) fn members_of_type(
        &self,
        from: &RepoPath,
        path: &str,
        name: &str,
        seen: &mut BTreeSet<Global>,
    ) -> Vec<Global> {
        let Some((outer, inner)) = path.rsplit_once("::") else { return Vec::new() };
        let types = self.exported(&self.modules(from, outer), inner);
        types
            .into_iter()
            .flat_map(|global| self.origin_beyond(global, seen))
            .flat_map(|global| self.own_members(&global, name))
            .collect()
    }

    /// A name that its file does not declare: of the package, or taken over with all names of a module.
    pub(super) fn outside(&self, path: &RepoPath, scope: ScopeId, name: &str) -> Meaning {
        let Some(bindings) = self.bindings(path) else { return Meaning::default() };
        let Some(rules) = Language::program(path).and_then(rules) else { return Meaning::default() };
        if rules.includes() {
            return self.included(path, name);
        }
        // The names of a package come before those of imports of all names.
        let found = self.of_package(path, name);
        if !found.is_empty() {
            return Meaning::exact(found);
        }
        let mut scope = Some(scope);
        while let Some(id) = scope {
            for (at, import) in &bindings.wildcards {
                if *at == id {
                    let mut found = self.exported(&self.modules(path, &import.module), name);
                    if found.is_empty() {
                        found = self.members_of_type(path, &import.module, name, &mut BTreeSet::new());
                    }
                    if !found.is_empty() {
                        return Meaning::exact(found);
                    }
                }
            }
            scope = bindings.scope(id).and_then(|scope| scope.parent);
        }
        if rules.has_globals() {
            return Meaning::exact(self.globals(path, name).as_ref().clone());
        }
        Meaning::default()
    }
}

/// The declarations of a scope that others know by a name: those exported so, or else those with the name.
pub(super) fn declared(bindings: &Bindings, scope: ScopeId, name: &str) -> Vec<crate::DeclarationId> {
    let of_scope =
        || bindings.ids().filter(|(_, d)| d.scope == scope && !matches!(d.space, Space::Label | Space::Lifetime));
    let exported: Vec<_> =
        of_scope().filter(|(_, d)| d.exported_as.iter().any(|n| n == name)).map(|(id, _)| id).collect();
    if !exported.is_empty() {
        return exported;
    }
    let named: Vec<_> = of_scope().filter(|(_, d)| d.name == name && d.kind != DeclarationKind::Label).collect();
    // What the language lets out comes first; what it does not is what a program with a mistake means.
    let public: Vec<_> = named.iter().filter(|(_, d)| d.public).map(|(id, _)| *id).collect();
    if public.is_empty() { named.into_iter().map(|(id, _)| id).collect() } else { public }
}

/// The names by which others may know declarations of a scope.
pub(super) fn names_of(bindings: &Bindings, scope: ScopeId) -> BTreeSet<&str> {
    let of_scope = bindings.ids().filter(|(_, d)| d.scope == scope);
    of_scope.flat_map(|(_, d)| d.exported_as.iter().chain([&d.name])).map(String::as_str).collect()
}
