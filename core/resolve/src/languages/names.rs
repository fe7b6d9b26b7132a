//! What binders collect while they read a file, and how a name is looked up in it.

use crate::{
    Bindings, Declaration, DeclarationId, DeclarationKind, Form, Hazard, HazardKind, Known, Reference, Role, Scope,
    ScopeId, ScopeKind, Space, Target,
};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;
use std::collections::HashMap;

/// The names of a file while they are collected: declarations in any order.
pub(super) struct Names<'t> {
    pub(super) text: &'t str,
    pub(super) bindings: Bindings,
    index: HashMap<(ScopeId, Space, &'t str), Vec<DeclarationId>>,
}

/// The text of a node.
pub(super) fn range(node: Node<'_>) -> TextRange {
    TextRange::new(offset(node.start_byte()), offset(node.end_byte()))
}

/// Texts that are too large to parse are not bound, so that every offset fits.
pub(super) fn offset(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

/// The named children of a node, without comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// The children that have this field's name.
pub(super) fn fields<'t>(node: Node<'t>, name: &str) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.children_by_field_name(name, &mut cursor).filter(Node::is_named).collect()
}

/// The first child of this kind.
pub(super) fn child<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|child| child.kind() == kind)
}

impl<'t> Names<'t> {
    pub(super) fn new(language: Language, text: &'t str) -> Self {
        Self { text, bindings: Bindings::empty(language, offset(text.len())), index: HashMap::new() }
    }

    pub(super) fn slice(&self, at: TextRange) -> &'t str {
        self.text.get(at.as_range()).unwrap_or("")
    }

    pub(super) fn of(&self, node: Node<'_>) -> &'t str {
        self.slice(range(node))
    }

    pub(super) fn scope(&mut self, kind: ScopeKind, parent: ScopeId, node: Node<'_>) -> ScopeId {
        let id = ScopeId(offset(self.bindings.scopes.len()));
        self.bindings.scopes.push(Scope { kind, parent: Some(parent), range: range(node), owner: None, of: None });
        id
    }

    pub(super) fn kind(&self, scope: ScopeId) -> ScopeKind {
        self.bindings.scope(scope).map_or(ScopeKind::File, |scope| scope.kind)
    }

    pub(super) fn parent(&self, scope: ScopeId) -> Option<ScopeId> {
        self.bindings.scope(scope).and_then(|scope| scope.parent)
    }

    /// A declaration with nothing known of it.
    pub(super) fn plain(&self, kind: DeclarationKind, scope: ScopeId, at: TextRange, extent: TextRange) -> Declaration {
        let space = if kind == DeclarationKind::Label { Space::Label } else { Space::Value };
        Declaration::new(self.slice(at), (kind, space), scope, (at, extent))
    }

    /// Adds a declaration whose name can be looked up in its scope.
    pub(super) fn declare(&mut self, name: &'t str, declaration: Declaration) -> DeclarationId {
        let id = self.hide(declaration);
        if let Some(found) = self.bindings.declaration(id) {
            self.index.entry((found.scope, found.space, name)).or_default().push(id);
        }
        id
    }

    /// Lets a declaration be found in a further space.
    pub(super) fn also(&mut self, id: DeclarationId, scope: ScopeId, space: Space, name: &'t str) {
        self.index.entry((scope, space, name)).or_default().push(id);
    }

    /// Adds a declaration that no name finds.
    pub(super) fn hide(&mut self, declaration: Declaration) -> DeclarationId {
        let id = DeclarationId(offset(self.bindings.declarations.len()));
        self.bindings.declarations.push(declaration);
        id
    }

    pub(super) fn declaration(&mut self, id: DeclarationId) -> Option<&mut Declaration> {
        self.bindings.declarations.get_mut(id.0 as usize)
    }

    /// What a scope itself declares under a name.
    pub(super) fn here(&self, scope: ScopeId, space: Space, name: &'t str) -> &[DeclarationId] {
        self.index.get(&(scope, space, name)).map_or(&[], Vec::as_slice)
    }

    /// The last declaration of a scope that is visible at an offset.
    pub(super) fn visible(&self, scope: ScopeId, space: Space, name: &'t str, at: u32) -> Option<DeclarationId> {
        let visible = |id: &&DeclarationId| self.bindings.declaration(**id).is_some_and(|found| found.from <= at);
        self.here(scope, space, name).iter().rev().find(visible).copied()
    }

    pub(super) fn refer(&mut self, at: TextRange, scope: ScopeId, role: Role, target: Target) {
        self.form(at, scope, role, target, Form::Plain);
    }

    pub(super) fn form(&mut self, at: TextRange, scope: ScopeId, role: Role, target: Target, form: Form) {
        let name = self.slice(at).to_owned();
        self.bindings.references.push(Reference { at, name, role, form, scope, target });
    }

    pub(super) fn hazard(&mut self, at: TextRange, kind: HazardKind, name: Option<&str>) {
        self.bindings.hazards.push(Hazard { at, kind, name: name.map(str::to_owned) });
    }

    /// The bindings in the order of the text.
    pub(super) fn finish(self) -> Bindings {
        let mut bindings = self.bindings;
        let mut order: Vec<usize> = (0..bindings.declarations.len()).collect();
        order.sort_by_key(|index| bindings.declarations.get(*index).map_or(0, |found| found.at.start));
        let mut moved = vec![DeclarationId(0); order.len()];
        for (to, from) in (0..).zip(&order) {
            if let Some(slot) = moved.get_mut(*from) {
                *slot = DeclarationId(to);
            }
        }
        let moved = |id: &mut DeclarationId| *id = moved.get(id.0 as usize).copied().unwrap_or(*id);
        let mut declarations: Vec<Option<Declaration>> = bindings.declarations.into_iter().map(Some).collect();
        bindings.declarations = order.iter().filter_map(|index| declarations.get_mut(*index)?.take()).collect();
        for found in &mut bindings.declarations {
            known(&mut found.value, &moved);
            found.bases.iter_mut().for_each(|base| known(base, &moved));
        }
        for scope in &mut bindings.scopes {
            scope.owner.iter_mut().for_each(moved);
            scope.of.iter_mut().for_each(|of| known(of, &moved));
        }
        for reference in &mut bindings.references {
            target(&mut reference.target, &moved);
        }
        bindings.references.sort_by_key(|found| (found.at.start, found.at.end));
        bindings.references.dedup_by_key(|found| found.at);
        bindings
    }
}

/// Binders build values of a bounded depth, so that these two may recurse.
pub(super) fn known(value: &mut Known, moved: &impl Fn(&mut DeclarationId)) {
    match value {
        Known::Unknown | Known::Builtin(_) | Known::Outside(_) | Known::Module(_) => {}
        Known::Itself(id) => moved(id),
        Known::Instance(of) | Known::Member(of, _) | Known::Called(of) | Known::Element(of) | Known::Part(of, _) => {
            known(of, moved);
        }
        Known::Either(all) | Known::Tuple(all) => all.iter_mut().for_each(|one| known(one, moved)),
    }
}

pub(super) fn target(means: &mut Target, moved: &impl Fn(&mut DeclarationId)) {
    match means {
        Target::Declaration(id) => moved(id),
        Target::Several(ids, _) => ids.iter_mut().for_each(moved),
        Target::Member(of) => known(of, moved),
        Target::Lookup { of, otherwise, .. } => {
            of.iter_mut().for_each(|one| known(one, moved));
            target(otherwise, moved);
        }
        Target::Outside | Target::Module(_) | Target::Expanded | Target::Dynamic(_) => {}
    }
}
