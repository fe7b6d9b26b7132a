//! What the walk collects before names are looked up: Rust's items are visible before they are declared.

use crate::{
    Bindings, Declaration, DeclarationId, DeclarationKind, Form, Hazard, HazardKind, Members, Role, Scope, ScopeId,
    ScopeKind, Space, Target,
};
use deepcoder_syntax::{Language, Node, Tree};
use deepcoder_types::TextRange;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

pub(super) use crate::languages::names::{offset, range};

/// The named children of a node, without comments; errors are among them.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.kind().ends_with("_comment")).collect()
}

/// What a scope hides of the scopes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// Nothing.
    None,
    /// Variables, type parameters, lifetimes and labels (an item in a function).
    Item,
    /// Everything but macros.
    Module,
}

/// What `Self` is within the body of a type.
#[derive(Debug, Clone, Copy)]
pub(super) enum SelfType<'t> {
    Declared(DeclarationId),
    Written(Node<'t>, ScopeId),
}

/// What the first segment of a path is relative to.
#[derive(Debug, Clone)]
pub(super) enum Base<'t> {
    /// The scopes around the path.
    Scope,
    /// `Self`.
    SelfType,
    /// A module of this file.
    Module(ScopeId),
    /// `crate`, `super` beyond the file, as [`Import::module`] writes it.
    Outer(String),
    /// `<T>::`, `<T as Trait>::`: the trait or the type.
    Type(Node<'t>),
}

/// The segments of a path, each of which is a name.
#[derive(Debug, Clone)]
pub(super) struct Path<'t> {
    pub(super) base: Base<'t>,
    pub(super) segments: Vec<Node<'t>>,
    pub(super) scope: ScopeId,
    /// The space of the last segment.
    pub(super) space: Space,
    /// Variables cannot be meant (imports).
    pub(super) items: bool,
}

/// What a name will be looked up as.
#[derive(Debug, Clone)]
pub(super) enum Wanted<'t> {
    /// In the scopes around it.
    Scoped(Space),
    /// This segment of a path.
    Segment(usize, usize),
    /// The field or method of an expression.
    MemberOf(Node<'t>, Members),
    /// The associated type of a trait or type.
    TypeMember(Node<'t>),
    /// The field of the struct or variant that this path names.
    Field(usize),
    /// A name of a pattern that was declared; it may name a constant instead.
    Pattern(DeclarationId),
    /// In the arguments or the body of a macro.
    Token,
    /// A format argument in a string: a named argument of the macro, or else a variable.
    Known(Target),
    /// What an import takes, declared as this.
    Imported(DeclarationId, usize),
}

#[derive(Debug, Clone)]
pub(super) struct Pending<'t> {
    pub(super) at: TextRange,
    pub(super) scope: ScopeId,
    pub(super) role: Role,
    pub(super) form: Form,
    pub(super) wanted: Wanted<'t>,
}

/// Where the value of a declaration is written.
#[derive(Debug, Clone)]
pub(super) enum Value<'t> {
    /// Its type.
    Type(Node<'t>),
    /// The type of a result or a field, which generic code may replace.
    Open(Node<'t>),
    /// What the alias means.
    Alias(Node<'t>),
    /// The bounds of a type parameter.
    Bounds(Node<'t>),
    /// The expression that it starts with.
    Expression(Node<'t>),
    /// A value of this enum.
    Variant(DeclarationId),
}

/// `impl Trait for T`.
pub(super) struct Implementation<'t> {
    pub(super) body: ScopeId,
    pub(super) scope: ScopeId,
    pub(super) id: DeclarationId,
    pub(super) implemented: Option<Node<'t>>,
    pub(super) of: Node<'t>,
}

pub(super) struct Binder<'t> {
    pub(super) text: &'t str,
    pub(super) out: Bindings,
    /// Trees of macro arguments by the offset where they start.
    pub(super) arguments: &'t HashMap<usize, Tree>,
    pub(super) borders: Vec<Border>,
    pub(super) index: HashMap<(ScopeId, &'t str), Vec<DeclarationId>>,
    pub(super) pending: Vec<Pending<'t>>,
    pub(super) paths: Vec<Path<'t>>,
    pub(super) values: Vec<(DeclarationId, ScopeId, Value<'t>)>,
    pub(super) selves: HashMap<ScopeId, SelfType<'t>>,
    pub(super) implementations: Vec<Implementation<'t>>,
    /// What traits require of their types.
    pub(super) supertraits: Vec<(DeclarationId, ScopeId, Node<'t>)>,
    /// The bodies of modules, types and variants.
    pub(super) bodies: HashMap<DeclarationId, ScopeId>,
    /// The paths of imports.
    pub(super) imports: HashMap<DeclarationId, usize>,
    /// Imports of everything: where, and from which path.
    pub(super) globs: Vec<(ScopeId, usize)>,
    /// The scopes of this file that they bring in, by the scope that they are in.
    pub(super) glob_scopes: HashMap<ScopeId, Vec<ScopeId>>,
    /// Names of macros, and of what may be one.
    pub(super) macros: HashSet<&'t str>,
    /// What is left of the steps for the name that is looked up.
    pub(super) fuel: Cell<u32>,
    /// Names of patterns that name a constant.
    pub(super) dead: HashSet<DeclarationId>,
    /// Variables that another one may stand for (`#[cfg]`).
    pub(super) conditional: HashSet<DeclarationId>,
    /// What attributes and derived traits may rewrite.
    pub(super) rewritten: Vec<TextRange>,
}

impl<'t> Binder<'t> {
    pub(super) fn new(text: &'t str, arguments: &'t HashMap<usize, Tree>) -> Self {
        Self {
            text,
            out: Bindings::empty(Language::Rust, offset(text.len())),
            arguments,
            borders: vec![Border::Module],
            index: HashMap::new(),
            pending: Vec::new(),
            paths: Vec::new(),
            values: Vec::new(),
            selves: HashMap::new(),
            implementations: Vec::new(),
            supertraits: Vec::new(),
            bodies: HashMap::new(),
            imports: HashMap::new(),
            globs: Vec::new(),
            glob_scopes: HashMap::new(),
            macros: HashSet::new(),
            fuel: Cell::new(0),
            dead: HashSet::new(),
            conditional: HashSet::new(),
            rewritten: Vec::new(),
        }
    }

    pub(super) fn slice(&self, at: TextRange) -> &'t str {
        self.text.get(at.as_range()).unwrap_or("")
    }

    pub(super) fn of(&self, node: Node<'_>) -> &'t str {
        self.slice(range(node))
    }

    /// Where the name of a token is, without `r#`.
    pub(super) fn name_at(&self, node: Node<'_>) -> TextRange {
        let mut at = range(node);
        if self.slice(at).starts_with("r#") {
            at.start += 2;
        }
        at
    }

    pub(super) fn name(&self, node: Node<'_>) -> &'t str {
        self.slice(self.name_at(node))
    }

    pub(super) fn open(&mut self, kind: ScopeKind, parent: ScopeId, node: Node<'_>, border: Border) -> ScopeId {
        let id = ScopeId(offset(self.out.scopes.len()));
        self.out.scopes.push(Scope { kind, parent: Some(parent), range: range(node), owner: None, of: None });
        self.borders.push(border);
        id
    }

    pub(super) fn kind(&self, scope: ScopeId) -> ScopeKind {
        self.out.scope(scope).map_or(ScopeKind::File, |scope| scope.kind)
    }

    pub(super) fn parent(&self, scope: ScopeId) -> Option<ScopeId> {
        self.out.scope(scope).and_then(|scope| scope.parent)
    }

    pub(super) fn own(&mut self, scope: ScopeId, owner: DeclarationId) {
        if let Some(scope) = self.out.scopes.get_mut(scope.0 as usize) {
            scope.owner = Some(owner);
        }
    }

    /// The module of this file that a scope is in.
    pub(super) fn module(&self, scope: ScopeId) -> ScopeId {
        let mut at = scope;
        while self.borders.get(at.0 as usize) != Some(&Border::Module) {
            match self.parent(at) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        at
    }

    pub(super) fn plain(
        &self,
        kind: DeclarationKind,
        space: Space,
        scope: ScopeId,
        at: TextRange,
        extent: TextRange,
    ) -> Declaration {
        Declaration::new(self.slice(at), (kind, space), scope, (at, extent))
    }

    /// Declares a name, with the occurrence that declares it.
    pub(super) fn declare(
        &mut self,
        kind: DeclarationKind,
        space: Space,
        scope: ScopeId,
        name: Node<'t>,
        whole: Node<'t>,
    ) -> DeclarationId {
        let at = self.name_at(name);
        let id = self.add(self.plain(kind, space, scope, at, range(whole)), self.slice(at));
        self.declares(id, at, scope);
        id
    }

    pub(super) fn declares(&mut self, id: DeclarationId, at: TextRange, scope: ScopeId) {
        let wanted = Wanted::Known(Target::Declaration(id));
        self.pending.push(Pending { at, scope, role: Role::Declares, form: Form::Plain, wanted });
    }

    /// Adds a declaration that its name finds.
    pub(super) fn add(&mut self, declaration: Declaration, name: &'t str) -> DeclarationId {
        let id = DeclarationId(offset(self.out.declarations.len()));
        if matches!(declaration.kind, DeclarationKind::Macro | DeclarationKind::Import) {
            self.macros.insert(name);
        }
        self.index.entry((declaration.scope, name)).or_default().push(id);
        self.out.declarations.push(declaration);
        id
    }

    pub(super) fn declaration(&mut self, id: DeclarationId) -> Option<&mut Declaration> {
        self.out.declarations.get_mut(id.0 as usize)
    }

    pub(super) fn refer(&mut self, at: TextRange, scope: ScopeId, wanted: Wanted<'t>) {
        self.form(at, scope, Role::Reads, Form::Plain, wanted);
    }

    pub(super) fn form(&mut self, at: TextRange, scope: ScopeId, role: Role, form: Form, wanted: Wanted<'t>) {
        if at.start < at.end {
            self.pending.push(Pending { at, scope, role, form, wanted });
        }
    }

    pub(super) fn hazard(&mut self, at: TextRange, name: Option<&str>) {
        self.out.hazards.push(Hazard { at, kind: HazardKind::Macro, name: name.map(str::to_owned) });
    }
}
