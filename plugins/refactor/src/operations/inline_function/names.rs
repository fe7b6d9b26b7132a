//! Names for what is declared at a call.

use crate::grammar::source::{Source, holds};
use deepcoder_resolve::{DeclarationKind, Reference, Target};
use deepcoder_syntax::Language;
use deepcoder_types::TextRange;

/// Names that can be declared before a call.
pub(super) struct Names<'a, 's> {
    pub(super) source: &'s Source<'s>,
    pub(super) call: TextRange,
    pub(super) block: TextRange,
    pub(super) given: &'a mut Vec<String>,
}

impl Names<'_, '_> {
    /// This name, or one like it that is free.
    pub(super) fn free(&mut self, wanted: &str) -> String {
        let numbered = (1..).map(|number| {
            if self.source.language == Language::Python {
                format!("{wanted}_{number}")
            } else {
                format!("{wanted}{number}")
            }
        });
        let found =
            std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !self.taken(name)).unwrap_or_default();
        self.given.push(found.clone());
        found
    }

    fn taken(&self, name: &str) -> bool {
        if self.given.iter().any(|given| given == name) {
            return true;
        }
        let (source, at) = (self.source, self.call);
        let variable = |kind: DeclarationKind| {
            matches!(
                kind,
                DeclarationKind::Variable
                    | DeclarationKind::Parameter
                    | DeclarationKind::Constant
                    | DeclarationKind::Class
                    | DeclarationKind::Import
                    | DeclarationKind::Function
            )
        };
        let visible = source.bindings.declarations.iter().any(|d| {
            d.name == name
                && variable(d.kind)
                && source
                    .bindings
                    .scope(d.scope)
                    .is_some_and(|scope| holds(scope.range, at) && scope.kind != deepcoder_resolve::ScopeKind::Class)
                && (d.at.start < at.start || holds(self.block, d.at))
        });
        let member = |r: &&Reference| matches!(r.target, Target::Member(_));
        let later = source.references(self.block).iter().filter(|r| !member(r)).any(|r| {
            let from = self.block.start.max(at.end.min(self.block.end));
            r.name == name && r.at.start >= from && !hidden(source, r, self.block)
        });
        visible || later
    }
}

/// Whether a name belongs to a function or a type that is declared inside of a range, where a name around is hidden.
fn hidden(source: &Source<'_>, r: &Reference, within: TextRange) -> bool {
    let Target::Declaration(id) = r.target else { return false };
    let Some(scope) = source.bindings.declaration(id).and_then(|d| source.bindings.scope(d.scope)) else {
        return false;
    };
    let mut at = Some(scope);
    while let Some(scope) = at.filter(|scope| holds(within, scope.range)) {
        if scope.kind == deepcoder_resolve::ScopeKind::Class {
            return true;
        }
        at = scope.parent.and_then(|parent| source.bindings.scope(parent));
    }
    false
}
