//! Types that inherit from others, and what a name was asked for.

use super::{Global, Project, Symbol};
use crate::bindings::{DeclarationKind, Known, Reference};
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

impl Project<'_> {
    /// The declaration of the symbol that a reference means first.
    pub(crate) fn chosen(&self, path: &RepoPath, reference: &Reference, symbol: &Symbol) -> Global {
        let meant = self.meaning(path, reference).declarations;
        let first = meant.into_iter().find(|global| symbol.declarations.contains(global));
        first
            .or_else(|| symbol.declarations.first().cloned())
            .unwrap_or_else(|| (path.clone(), crate::DeclarationId(0)))
    }

    /// The types that inherit from these, without themselves.
    pub(crate) fn below(&self, of: &BTreeSet<Global>) -> BTreeSet<Global> {
        let mut found: BTreeSet<Global> = BTreeSet::new();
        let mut left: Vec<Global> = of.iter().cloned().collect();
        while let Some(above) = left.pop() {
            let Some(name) = self.declaration(&above).map(|declaration| declaration.name) else { continue };
            for path in self.files.mentions(&name) {
                let Some(bindings) = self.bindings(&path) else { continue };
                for (id, declaration) in bindings.ids() {
                    let global = (path.clone(), id);
                    if declaration.bases.is_empty() || found.contains(&global) || of.contains(&global) {
                        continue;
                    }
                    if declaration.bases.iter().any(|base| self.types_of(&path, base).contains(&above)) {
                        found.insert(global.clone());
                        left.push(global);
                    }
                }
            }
        }
        found
    }

    /// The types that a base means.
    pub(crate) fn types_of(&self, path: &RepoPath, known: &Known) -> Vec<Global> {
        super::family::types(self.evaluate(path, known, 0).found)
    }

    /// Whether one type inherits from both an interface of one member and the type of the other: it takes one for the other.
    pub(super) fn met(&self, one: &BTreeSet<Global>, other: &[Global]) -> bool {
        let interface =
            |global: &Global| self.declaration(global).is_some_and(|d| d.kind == DeclarationKind::Interface);
        if !other.iter().any(interface) && !one.iter().any(interface) {
            return false;
        }
        let below = self.below(one);
        !below.is_empty()
            && below.iter().any(|of| self.above(std::slice::from_ref(of)).0.iter().any(|up| other.contains(up)))
    }
}
