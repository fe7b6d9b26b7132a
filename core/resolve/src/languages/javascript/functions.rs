//! Functions with their parameters.

use super::build::{Binding, Builder, Meaning, Merge, Mode, This, UNKNOWN, VALUE, nth, range};
use super::hint::{Ctx, Hint, HintId};
use crate::{DeclarationKind, Form, Role, ScopeId, ScopeKind};
use deepcoder_syntax::Node;

impl<'t> Builder<'t> {
    pub(super) fn function_declaration(&mut self, node: Node<'t>, scope: ScopeId, public: bool) -> Option<usize> {
        let name = node.child_by_field_name("name")?;
        let index = self.declare(name, scope, DeclarationKind::Function, VALUE, Merge::Var, node);
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public |= public;
            draft.writes += u32::from(node.kind() != "function_signature");
        }
        let vars = self.vars(scope);
        if !self.typescript && vars != scope {
            self.hoisted.push((self.str(name), vars, index));
        }
        self.function(node, scope, This::Unknown, Some(index), Ctx::Own);
        Some(index)
    }

    /// A function as a value; `named` is the declaration whose value it is.
    pub(super) fn function_expression(&mut self, node: Node<'t>, scope: ScopeId, ctx: Ctx, named: Option<usize>) {
        let is_arrow = node.kind() == "arrow_function";
        let this = if is_arrow { This::Same } else { This::Unknown };
        let result = if named.is_some() && ctx == Ctx::Own { Ctx::Own } else { Ctx::None };
        match node.child_by_field_name("name") {
            Some(name) if !is_arrow => {
                // Only the function itself sees its name.
                let own = self.scope(ScopeKind::Block, scope, node);
                let index = self.declare(name, own, DeclarationKind::Function, VALUE, Merge::Once, node);
                self.function(node, own, this, Some(named.unwrap_or(index)), result);
            }
            _ => {
                self.function(node, scope, this, named, result);
            }
        }
    }

    /// The scope of a function, its parameters and its body.
    pub(super) fn function(
        &mut self,
        node: Node<'t>,
        scope: ScopeId,
        this: This,
        index: Option<usize>,
        result: Ctx,
    ) -> ScopeId {
        self.function_of(node, scope, this, index, result, None)
    }

    /// The same for a constructor, whose parameters may be fields of a class.
    pub(super) fn function_of(
        &mut self,
        node: Node<'t>,
        scope: ScopeId,
        this: This,
        index: Option<usize>,
        result: Ctx,
        class: Option<ScopeId>,
    ) -> ScopeId {
        let field = |name: &str| node.child_by_field_name(name);
        let inner = self.scope_at(ScopeKind::Function, Some(scope), range(node), index);
        let body = field("body");
        let returned = field("return_type").or_else(|| field("type").filter(|_| node.kind() != "arrow_function"));
        let annotated = returned.filter(|node| matches!(node.kind(), "type_annotation"));
        let indirect = Self::has(node, "async") || Self::has(node, "*") || node.kind().starts_with("generator");
        let hint = match annotated {
            Some(annotated) => self.hint(Hint::Type(annotated, inner)),
            None => UNKNOWN,
        };
        if let Some(inside) = self.inside(inner) {
            inside.body = body.map(|body| range(body).start);
            inside.this = this;
            inside.function = index.filter(|_| !indirect);
            inside.result = match hint {
                _ if indirect => Ctx::None,
                UNKNOWN => result,
                hint => Ctx::Of(hint),
            };
        }
        let result = self.inside.get(inner.0 as usize).map_or(Ctx::None, |inside| inside.result);
        if let Some(draft) = index.and_then(|index| self.drafts.get_mut(index))
            && draft.hint == UNKNOWN
            && !indirect
        {
            draft.hint = hint;
        }
        match body {
            Some(body) if body.kind() == "statement_block" => self.push_children(body, inner),
            Some(body) => {
                let value = self.hint(Hint::Value(body, inner));
                if let Some(draft) = index.filter(|_| !indirect).and_then(|index| self.drafts.get_mut(index)) {
                    draft.returns.push(value);
                }
                self.push_as(Some(body), inner, Mode::Plain(result));
            }
            None => {}
        }
        self.push(returned, inner);
        let hints = match (field("parameters"), field("parameter")) {
            (Some(parameters), _) => self.parameters(parameters, inner, class),
            (None, Some(parameter)) => {
                self.push_as(Some(parameter), inner, Mode::Bind(Self::parameter(inner, parameter, UNKNOWN)));
                vec![UNKNOWN]
            }
            (None, None) => Vec::new(),
        };
        if let Some(index) = index {
            // Overloads differ in what they take.
            let taken = self.parameters.contains_key(&index);
            self.parameters.insert(index, if taken { Vec::new() } else { hints });
        }
        self.push(field("type_parameters"), inner);
        inner
    }

    fn parameter(inner: ScopeId, extent: Node<'t>, hint: HintId) -> Binding<'t> {
        Binding {
            kind: DeclarationKind::Parameter,
            merge: Merge::Var,
            into: inner,
            hint,
            extent,
            public: false,
            required: None,
            field: None,
        }
    }

    fn parameters(&mut self, list: Node<'t>, inner: ScopeId, class: Option<ScopeId>) -> Vec<HintId> {
        let from = self.stack.len();
        let mut hints = Vec::new();
        let mut cursor = list.walk();
        for child in list.named_children(&mut cursor).filter(|child| child.kind() != "comment") {
            if !matches!(child.kind(), "required_parameter" | "optional_parameter") {
                hints.push(UNKNOWN);
                self.push_as(Some(child), inner, Mode::Bind(Self::parameter(inner, child, UNKNOWN)));
                continue;
            }
            let pattern = child.child_by_field_name("pattern").or_else(|| child.child_by_field_name("name"));
            let (annotation, value) = (child.child_by_field_name("type"), child.child_by_field_name("value"));
            let hint = match (annotation, value) {
                (Some(annotation), _) => self.hint(Hint::Type(annotation, inner)),
                (None, Some(value)) => self.hint(Hint::Value(value, inner)),
                (None, None) => UNKNOWN,
            };
            let rest = pattern.is_some_and(|pattern| pattern.kind() == "rest_pattern");
            hints.push(if rest { UNKNOWN } else { hint });
            let modified = Self::has(child, "accessibility_modifier")
                || Self::has(child, "override_modifier")
                || Self::has(child, "readonly");
            let binding = Binding { field: class.filter(|_| modified), ..Self::parameter(inner, child, hint) };
            let mut decorators = child.walk();
            for decorator in child.named_children(&mut decorators).filter(|child| child.kind() == "decorator") {
                self.push(Some(decorator), inner);
            }
            match pattern.filter(|pattern| pattern.kind() == "rest_pattern").and_then(|rest| nth(rest, 0)) {
                // `...all: T[]` is of the whole type.
                Some(inside) => self.push_as(Some(inside), inner, Mode::Bind(binding)),
                None => self.push_as(pattern, inner, Mode::Bind(binding)),
            }
            self.push(annotation, inner);
            let ctx = if annotation.is_some() { Ctx::Of(hint) } else { Ctx::Own };
            self.push_as(value, inner, Mode::Plain(ctx));
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
        hints
    }

    /// The declaration of a type's member; accessors, overloads and parts of an interface are one.
    pub(super) fn member(
        &mut self,
        class: ScopeId,
        name: &str,
        is_static: bool,
        kind: DeclarationKind,
        at: deepcoder_types::TextRange,
        extent: deepcoder_types::TextRange,
    ) -> usize {
        let key = (name.to_owned(), is_static && !name.starts_with('#'));
        // Parts of an interface have their members together.
        let owner = self.scopes.get(class.0 as usize).and_then(|scope| scope.owner);
        let parts = owner.and_then(|owner| self.parts.get(&(owner.0 as usize))).cloned().unwrap_or_default();
        for part in std::iter::once(class).chain(parts) {
            let found = self.inside.get(part.0 as usize).and_then(|inside| inside.members.get(&key));
            if let Some(index) = found {
                return *index;
            }
        }
        let index = self.draft(name, kind, 0, Merge::Var, class, (at, extent));
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.is_static = is_static;
            draft.declaration.space = crate::Space::Value;
            draft.declaration.public = !name.starts_with('#');
        }
        if let Some(inside) = self.inside(class) {
            inside.members.insert(key, index);
        }
        index
    }

    /// Declares the member that a key names; `None` where the key is computed or no name.
    pub(super) fn declare_member(
        &mut self,
        key: Node<'t>,
        class: ScopeId,
        is_static: bool,
        kind: DeclarationKind,
        extent: Node<'t>,
    ) -> Option<usize> {
        let key = match key.kind() {
            "computed_property_name" => nth(key, 0).filter(|inner| inner.kind() == "string").unwrap_or(key),
            _ => key,
        };
        match key.kind() {
            "property_identifier" | "private_property_identifier" => {
                let index = self.member(class, self.str(key), is_static, kind, range(key), range(extent));
                self.refer(key, class, Role::Declares, Form::Plain, Meaning::Draft(index));
                Some(index)
            }
            "string" => {
                let name = self.inner(key);
                let at = Self::inner_range(key);
                let index = self.member(class, name, is_static, kind, at, range(extent));
                self.refer_at(at, name, class, Role::Declares, Form::Plain, Meaning::Draft(index));
                Some(index)
            }
            "computed_property_name" => {
                if let Some(inner) = nth(key, 0) {
                    self.computed.push((inner, class));
                }
                self.push_children(key, class);
                None
            }
            _ => None,
        }
    }
}
