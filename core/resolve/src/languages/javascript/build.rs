//! What the walk gathers: scopes, drafts of declarations, names that wait until every declaration is known.

use super::hint::{Ctx, Hint, HintId};
use crate::{
    Declaration, DeclarationId, DeclarationKind, Form, Hazard, HazardKind, Import, Role, Scope, ScopeId, ScopeKind,
    Space,
};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::HashMap;

/// The meanings that a name can have at once, as bits.
pub(super) const VALUE: u8 = 1;
pub(super) const TYPE: u8 = 2;
pub(super) const NAMESPACE: u8 = 4;
pub(super) const ANY: u8 = VALUE | TYPE | NAMESPACE;

/// How a declaration gets on with another one of its name in the same scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    /// `var`, parameters, functions: one binding however often it is written.
    Var,
    /// `let`, `const`, `class`, an import: one for a scope.
    Once,
    /// Interfaces, namespaces, enums: their parts are one.
    Parts,
}

/// A declaration in the making.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) declaration: Declaration,
    pub(super) flags: u8,
    pub(super) merge: Merge,
    pub(super) hint: HintId,
    pub(super) bases: Vec<HintId>,
    /// The values that a function returns; the result is known where they are alike.
    pub(super) returns: Vec<HintId>,
    /// How often something gives it a value.
    pub(super) writes: u32,
}

/// What `this` means in a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum This {
    /// The same as around it.
    Same,
    /// A value of the type with this class scope.
    Instance(ScopeId),
    /// The class itself.
    Class(ScopeId),
    /// Whatever the caller says.
    Unknown,
}

/// What a scope has beside its public data.
#[derive(Debug)]
pub(super) struct Inside<'t> {
    pub(super) names: HashMap<&'t str, Vec<usize>>,
    pub(super) labels: HashMap<&'t str, usize>,
    pub(super) members: HashMap<(String, bool), usize>,
    /// Where a function's body begins: what comes before it does not see the body's names.
    pub(super) body: Option<u32>,
    /// The scope that takes the `var`s.
    pub(super) vars: ScopeId,
    pub(super) this: This,
    /// What a `return` in the function is expected to give, and the function.
    pub(super) result: Ctx,
    pub(super) function: Option<usize>,
    pub(super) is_enum: bool,
}

/// A name that waits for its meaning.
#[derive(Debug)]
pub(super) struct Pending<'t> {
    pub(super) at: TextRange,
    pub(super) name: &'t str,
    pub(super) role: Role,
    pub(super) form: Form,
    pub(super) scope: ScopeId,
    pub(super) meaning: Meaning,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    Draft(usize),
    Name(u8),
    Label,
    Private,
    Member(HintId),
}

/// A node that waits for its turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'t> {
    pub(super) node: Node<'t>,
    pub(super) scope: ScopeId,
    pub(super) mode: Mode<'t>,
}

/// How a node is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode<'t> {
    /// An expression, a statement or a type; what an object literal in its place stands for.
    Plain(Ctx),
    /// A pattern that declares.
    Bind(Binding<'t>),
    /// A pattern that gives values to what is declared elsewhere.
    Assign(HintId),
}

/// What the names of a pattern become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding<'t> {
    pub(super) kind: DeclarationKind,
    pub(super) merge: Merge,
    /// The scope that takes them.
    pub(super) into: ScopeId,
    pub(super) hint: HintId,
    pub(super) extent: Node<'t>,
    pub(super) public: bool,
    /// The module that the value comes from, where it is `require("…")`.
    pub(super) required: Option<&'t str>,
    /// The class scope of a constructor's parameter that is a field too.
    pub(super) field: Option<ScopeId>,
}

#[derive(Debug)]
pub(super) struct Builder<'t> {
    pub(super) text: &'t str,
    pub(super) typescript: bool,
    pub(super) scopes: Vec<Scope>,
    pub(super) inside: Vec<Inside<'t>>,
    pub(super) drafts: Vec<Draft>,
    pub(super) pending: Vec<Pending<'t>>,
    pub(super) hints: Vec<Hint<'t>>,
    pub(super) hazards: Vec<Hazard>,
    /// Comments of documentation, with their scopes.
    pub(super) docs: Vec<(Node<'t>, ScopeId)>,
    /// Computed accesses: hazards unless the index is a number.
    pub(super) computed: Vec<(Node<'t>, ScopeId)>,
    pub(super) wildcards: Vec<(ScopeId, Import)>,
    /// The types without a name that literals and types of objects make.
    pub(super) anonymous: HashMap<usize, usize>,
    /// What default exports let out: the name inside, the word outside.
    pub(super) exports: Vec<(&'t str, ScopeId, &'static str)>,
    pub(super) stack: Vec<Task<'t>>,
    /// Functions in blocks of a script, visible in the function around as `var`s are.
    pub(super) hoisted: Vec<(&'t str, ScopeId, usize)>,
    pub(super) is_module: bool,
    pub(super) is_commonjs: bool,
    /// The scopes of `declare global`, which every file sees behind its own.
    pub(super) globals: Vec<ScopeId>,
    /// The parts of a type or a namespace.
    pub(super) parts: HashMap<usize, Vec<ScopeId>>,
    /// What `exports.name` declares.
    pub(super) exported_members: HashMap<&'t str, usize>,
    /// The parameters of functions.
    pub(super) parameters: HashMap<usize, Vec<HintId>>,
}

pub(super) const FILE: ScopeId = ScopeId(0);
pub(super) const UNKNOWN: HintId = HintId(0);

pub(super) fn range(node: Node<'_>) -> TextRange {
    let short = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    TextRange::new(short(node.start_byte()), short(node.end_byte()))
}

/// A named child that is no comment.
pub(super) fn nth(node: Node<'_>, index: usize) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").nth(index)
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str, typescript: bool) -> Self {
        let mut new = Self {
            text,
            typescript,
            scopes: Vec::new(),
            inside: Vec::new(),
            drafts: Vec::new(),
            pending: Vec::new(),
            hints: vec![Hint::Unknown],
            hazards: Vec::new(),
            docs: Vec::new(),
            computed: Vec::new(),
            wildcards: Vec::new(),
            anonymous: HashMap::new(),
            exports: Vec::new(),
            stack: Vec::new(),
            hoisted: Vec::new(),
            is_module: false,
            is_commonjs: false,
            globals: Vec::new(),
            parts: HashMap::new(),
            exported_members: HashMap::new(),
            parameters: HashMap::new(),
        };
        let whole = TextRange::new(0, u32::try_from(text.len()).unwrap_or(u32::MAX));
        new.scope_at(ScopeKind::File, None, whole, None);
        new
    }

    pub(super) fn str(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    pub(super) fn hint(&mut self, hint: Hint<'t>) -> HintId {
        if matches!(hint, Hint::Unknown) {
            return UNKNOWN;
        }
        self.hints.push(hint);
        HintId(u32::try_from(self.hints.len() - 1).unwrap_or(0))
    }

    pub(super) fn scope_at(
        &mut self,
        kind: ScopeKind,
        parent: Option<ScopeId>,
        range: TextRange,
        owner: Option<usize>,
    ) -> ScopeId {
        let id = ScopeId(u32::try_from(self.scopes.len()).unwrap_or(u32::MAX));
        let owner_id = owner.map(|index| DeclarationId(u32::try_from(index).unwrap_or(u32::MAX)));
        self.scopes.push(Scope { kind, parent, range, owner: owner_id, of: None });
        let around = parent.and_then(|parent| self.inside.get(parent.0 as usize));
        let takes_vars = matches!(kind, ScopeKind::File | ScopeKind::Module | ScopeKind::Function);
        let inside = Inside {
            names: HashMap::new(),
            labels: HashMap::new(),
            members: HashMap::new(),
            body: None,
            vars: if takes_vars { id } else { around.map_or(id, |around| around.vars) },
            this: This::Same,
            result: if takes_vars { Ctx::None } else { around.map_or(Ctx::None, |around| around.result) },
            function: if takes_vars { None } else { around.and_then(|around| around.function) },
            is_enum: false,
        };
        self.inside.push(inside);
        if let Some(owner) = owner
            && matches!(kind, ScopeKind::Module | ScopeKind::Class)
        {
            self.parts.entry(owner).or_default().push(id);
        }
        id
    }

    pub(super) fn scope(&mut self, kind: ScopeKind, parent: ScopeId, node: Node<'t>) -> ScopeId {
        self.scope_at(kind, Some(parent), range(node), None)
    }

    pub(super) fn inside(&mut self, scope: ScopeId) -> Option<&mut Inside<'t>> {
        self.inside.get_mut(scope.0 as usize)
    }

    pub(super) fn vars(&self, scope: ScopeId) -> ScopeId {
        self.inside.get(scope.0 as usize).map_or(FILE, |inside| inside.vars)
    }

    /// A declaration that no scope's names hold yet.
    pub(super) fn draft(
        &mut self,
        name: &str,
        kind: DeclarationKind,
        flags: u8,
        merge: Merge,
        scope: ScopeId,
        (at, extent): (TextRange, TextRange),
    ) -> usize {
        let space = match flags {
            _ if !self.typescript => Space::Value,
            VALUE => Space::Value,
            TYPE => Space::Type,
            _ => Space::Both,
        };
        let declaration = Declaration::new(name, (kind, space), scope, (at, extent));
        self.drafts.push(Draft {
            declaration,
            flags,
            merge,
            hint: UNKNOWN,
            bases: Vec::new(),
            returns: Vec::new(),
            writes: 0,
        });
        self.drafts.len() - 1
    }

    /// Declares the name that a node writes, in a scope; joins it to an earlier one where both are one thing.
    pub(super) fn declare(
        &mut self,
        node: Node<'t>,
        scope: ScopeId,
        kind: DeclarationKind,
        flags: u8,
        merge: Merge,
        extent: Node<'t>,
    ) -> usize {
        let name = self.str(node);
        let index = match self.joined(name, scope, flags, merge) {
            Some(index) => {
                self.widen(index, flags, kind, merge);
                index
            }
            None => {
                let index = self.draft(name, kind, flags, merge, scope, (range(node), range(extent)));
                if let Some(inside) = self.inside(scope) {
                    inside.names.entry(name).or_default().push(index);
                }
                index
            }
        };
        self.refer(node, scope, Role::Declares, Form::Plain, Meaning::Draft(index));
        index
    }

    fn joined(&self, name: &str, scope: ScopeId, flags: u8, merge: Merge) -> Option<usize> {
        let inside = self.inside.get(scope.0 as usize)?;
        inside.names.get(name)?.iter().copied().find(|&index| {
            self.drafts.get(index).is_some_and(|other| {
                let apart = other.flags & flags & (VALUE | TYPE) == 0;
                let once = merge == Merge::Once || other.merge == Merge::Once;
                let parts = merge == Merge::Parts || other.merge == Merge::Parts;
                (self.typescript && apart && other.declaration.import.is_none()) || !once || parts
            })
        })
    }

    fn widen(&mut self, index: usize, flags: u8, kind: DeclarationKind, merge: Merge) {
        let typescript = self.typescript;
        let Some(draft) = self.drafts.get_mut(index) else { return };
        draft.flags |= flags;
        if typescript {
            draft.declaration.space = match draft.flags {
                VALUE => Space::Value,
                TYPE => Space::Type,
                _ => Space::Both,
            };
        }
        // A class says more of the thing than an interface or a namespace of its name.
        let stronger = matches!(kind, DeclarationKind::Class | DeclarationKind::Enum | DeclarationKind::Function)
            || (kind == DeclarationKind::Interface && draft.declaration.kind == DeclarationKind::Module);
        if stronger && matches!(draft.declaration.kind, DeclarationKind::Interface | DeclarationKind::Module) {
            draft.declaration.kind = kind;
        }
        if merge == Merge::Once {
            draft.merge = Merge::Once;
        }
    }

    pub(super) fn refer(&mut self, node: Node<'t>, scope: ScopeId, role: Role, form: Form, meaning: Meaning) {
        self.refer_at(range(node), self.str(node), scope, role, form, meaning);
    }

    pub(super) fn refer_at(
        &mut self,
        at: TextRange,
        name: &'t str,
        scope: ScopeId,
        role: Role,
        form: Form,
        meaning: Meaning,
    ) {
        if at.start < at.end {
            self.pending.push(Pending { at, name, role, form, scope, meaning });
        }
    }

    pub(super) fn hazard(&mut self, node: Node<'_>, kind: HazardKind, name: Option<String>) {
        self.hazards.push(Hazard { at: range(node), kind, name });
    }

    pub(super) fn push(&mut self, node: Option<Node<'t>>, scope: ScopeId) {
        self.push_as(node, scope, Mode::Plain(Ctx::None));
    }

    pub(super) fn push_as(&mut self, node: Option<Node<'t>>, scope: ScopeId, mode: Mode<'t>) {
        if let Some(node) = node {
            self.stack.push(Task { node, scope, mode });
        }
    }

    /// All children, in the order of the text.
    pub(super) fn push_children(&mut self, node: Node<'t>, scope: ScopeId) {
        let from = self.stack.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.push(Some(child), scope);
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }

    /// The declaration of a name, seen from a place.
    pub(super) fn lookup(&self, name: &str, scope: ScopeId, flags: u8, offset: u32) -> Option<usize> {
        let mut next = Some(scope);
        while let Some(id) = next {
            let scope = self.scopes.get(id.0 as usize)?;
            let inside = self.inside.get(id.0 as usize)?;
            next = scope.parent;
            if scope.kind == ScopeKind::Class && !inside.is_enum {
                continue;
            }
            let fits = |&index: &usize| {
                self.drafts.get(index).is_some_and(|draft| {
                    draft.flags & flags != 0
                        && inside.body.is_none_or(|body| offset >= body || draft.declaration.at.start < body)
                })
            };
            if let Some(found) = inside.names.get(name).and_then(|all| all.iter().copied().find(fits)) {
                return Some(found);
            }
            if inside.is_enum
                && let Some(found) = inside.members.get(&(name.to_owned(), true))
            {
                return Some(*found);
            }
            let Some(parts) = scope.owner.and_then(|owner| self.parts.get(&(owner.0 as usize))) else { continue };
            for part in parts.iter().filter(|part| **part != id) {
                let Some(other) = self.inside.get(part.0 as usize) else { continue };
                let public = |index: &usize| {
                    fits(index) && self.drafts.get(*index).is_some_and(|draft| draft.declaration.public)
                };
                let found = other.names.get(name).and_then(|all| all.iter().copied().find(public));
                let member = other.members.get(&(name.to_owned(), true)).copied().filter(|_| inside.is_enum);
                if let Some(found) = found.or(member) {
                    return Some(found);
                }
            }
        }
        self.globals.iter().find_map(|scope| {
            let all = self.inside.get(scope.0 as usize)?.names.get(name)?;
            all.iter().copied().find(|index| self.drafts.get(*index).is_some_and(|draft| draft.flags & flags != 0))
        })
    }

    /// The class that `this` belongs to, and whether it is the class itself.
    pub(super) fn this(&self, scope: ScopeId) -> Option<(ScopeId, bool)> {
        let mut next = Some(scope);
        while let Some(id) = next {
            match self.inside.get(id.0 as usize)?.this {
                This::Same => next = self.scopes.get(id.0 as usize)?.parent,
                This::Instance(class) => return Some((class, false)),
                This::Class(class) => return Some((class, true)),
                This::Unknown => return None,
            }
        }
        None
    }
}
