//! The walk over a file: which node opens a scope, declares, or names.

use super::build::{
    Binding, Builder, FILE, Meaning, Merge, Mode, NAMESPACE, TYPE, Task, This, UNKNOWN, VALUE, nth, range,
};
use super::hint::{Ctx, Hint, HintId};
use crate::{DeclarationKind, Form, HazardKind, Role, ScopeId, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// Reads a file up to what needs every declaration to be known.
pub(super) fn collect<'t>(root: Node<'t>, text: &'t str, typescript: bool) -> Builder<'t> {
    let mut builder = Builder::new(text, typescript);
    builder.push_children(root, FILE);
    while let Some(Task { node, scope, mode }) = builder.stack.pop() {
        match mode {
            Mode::Plain(ctx) => builder.plain(node, scope, ctx),
            Mode::Bind(binding) => builder.bind(node, scope, binding),
            Mode::Assign(hint) => builder.assign(node, scope, hint),
        }
    }
    builder
}

impl<'t> Builder<'t> {
    /// The text of a string literal without its quotes.
    pub(super) fn inner(&self, string: Node<'_>) -> &'t str {
        let range = string.byte_range();
        self.text.get(range.start + 1..range.end.saturating_sub(1)).unwrap_or_default()
    }

    pub(super) fn inner_range(string: Node<'_>) -> TextRange {
        let range = range(string);
        TextRange::new(range.start + 1, range.end.saturating_sub(1).max(range.start + 1))
    }

    /// Whether one of the tokens of a node is this one.
    pub(super) fn has(node: Node<'_>, token: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).take(16).any(|child| child.kind() == token)
    }

    fn plain(&mut self, node: Node<'t>, scope: ScopeId, ctx: Ctx) {
        let field = |name: &str| node.child_by_field_name(name);
        match node.kind() {
            "comment" => self.comment(node, scope),
            "property_identifier" | "string" | "number" | "import_attribute" | "meta_property" => {}
            "identifier" => self.refer(node, scope, Role::Reads, Form::Plain, Meaning::Name(VALUE)),
            "type_identifier" if !matches!(self.str(node), "const" | "bigint") => {
                self.refer(node, scope, Role::Reads, Form::Plain, Meaning::Name(TYPE));
            }
            "private_property_identifier" => self.refer(node, scope, Role::Reads, Form::Plain, Meaning::Private),
            "nested_type_identifier" | "nested_identifier" => self.qualified(node, scope),
            "ERROR" => {
                self.hazard(node, HazardKind::Syntax, None);
                self.push_children(node, scope);
            }
            "statement_block" => {
                let block = self.scope(ScopeKind::Block, scope, node);
                self.push_children(node, block);
            }
            "switch_statement" => {
                self.push(field("body"), scope);
                self.push(field("value"), scope);
            }
            "switch_body" => {
                let block = self.scope(ScopeKind::Block, scope, node);
                self.push_children(node, block);
            }
            "for_statement" => {
                let block = self.scope(ScopeKind::Block, scope, node);
                self.push_children(node, block);
            }
            "for_in_statement" => self.for_in(node, scope),
            "catch_clause" => self.catch(node, scope),
            "class_static_block" => {
                let block = self.scope(ScopeKind::Function, scope, node);
                if let Some(inside) = self.inside(block) {
                    inside.this = This::Class(scope);
                }
                if let Some(body) = field("body") {
                    self.push_children(body, block);
                }
            }
            "with_statement" => {
                self.hazard(node, HazardKind::Scope, None);
                self.push_children(node, scope);
            }
            "labeled_statement" => self.label(node, scope),
            "break_statement" | "continue_statement" => {
                if let Some(label) = field("label") {
                    self.refer(label, scope, Role::Reads, Form::Plain, Meaning::Label);
                }
            }
            "return_statement" => self.give_back(node, scope),
            "variable_declaration" | "lexical_declaration" => self.variables(node, scope, false),
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                self.function_declaration(node, scope, false);
            }
            "function_expression" | "generator_function" | "arrow_function" => {
                self.function_expression(node, scope, ctx, None);
            }
            "function_type" | "constructor_type" | "call_signature" | "construct_signature" => {
                self.function(node, scope, This::Same, None, Ctx::None);
            }
            "class_declaration" | "abstract_class_declaration" => {
                self.class_declaration(node, scope, false);
            }
            "class" => self.class_expression(node, scope, None),
            "interface_declaration" => {
                self.interface(node, scope, false);
            }
            "type_alias_declaration" => {
                self.alias(node, scope, false);
            }
            "enum_declaration" => {
                self.enumeration(node, scope, false);
            }
            "internal_module" | "module" => self.namespace(node, scope, false),
            "ambient_declaration" => self.ambient(node, scope, false),
            "object_type" => {
                self.object_type(node, scope);
            }
            "intersection_type" => {
                self.intersection(node, scope);
            }
            "index_signature" => self.index_signature(node, scope),
            "conditional_type" => {
                let inner = self.scope(ScopeKind::TypeParameters, scope, node);
                self.push(field("alternative"), scope);
                self.push(field("consequence"), inner);
                self.push(field("right"), inner);
                self.push(field("left"), scope);
            }
            "infer_type" => self.infer(node, scope),
            "tuple_type" => self.tuple(node, scope),
            "type_parameter" => self.type_parameter(node, scope),
            "import_statement" => self.import_statement(node, scope),
            "import_alias" => self.import_alias(node, scope, false),
            "export_statement" => self.export_statement(node, scope),
            "assignment_expression" => self.assignment(node, scope),
            "augmented_assignment_expression" => {
                self.push(field("right"), scope);
                self.push_as(field("left"), scope, Mode::Assign(UNKNOWN));
            }
            "update_expression" => self.push_as(field("argument"), scope, Mode::Assign(UNKNOWN)),
            "member_expression" => self.access(node, scope, Role::Reads),
            "subscript_expression" => self.subscript(node, scope, Role::Reads),
            "call_expression" => self.call(node, scope),
            "new_expression" => {
                if field("constructor").is_some_and(|function| self.str(function) == "Function") {
                    self.hazard(node, HazardKind::Eval, None);
                }
                self.push_children(node, scope);
            }
            "object" => self.object(node, scope, ctx),
            "array" => {
                let element = match ctx {
                    Ctx::Of(of) => Ctx::Of(self.hint(Hint::Element(of))),
                    _ => Ctx::None,
                };
                self.push_with(node, scope, element);
            }
            "parenthesized_expression" | "non_null_expression" => self.push_with(node, scope, ctx),
            "ternary_expression" => {
                self.push_as(field("alternative"), scope, Mode::Plain(ctx));
                self.push_as(field("consequence"), scope, Mode::Plain(ctx));
                self.push(field("condition"), scope);
            }
            "as_expression" | "satisfies_expression" | "type_assertion" => self.cast(node, scope),
            "jsx_opening_element" | "jsx_self_closing_element" | "jsx_closing_element" => self.tag(node, scope),
            "jsx_namespace_name" => {}
            _ => self.push_children(node, scope),
        }
    }

    fn push_with(&mut self, node: Node<'t>, scope: ScopeId, ctx: Ctx) {
        let from = self.stack.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.push_as(Some(child), scope, Mode::Plain(ctx));
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }

    /// `A.B` in a type: what comes first is a namespace.
    pub(super) fn qualified(&mut self, node: Node<'t>, scope: ScopeId) {
        let mut next = node;
        loop {
            let (object, name) = if next.kind() == "nested_type_identifier" {
                (next.child_by_field_name("module"), next.child_by_field_name("name"))
            } else {
                (next.child_by_field_name("object"), next.child_by_field_name("property"))
            };
            let (Some(object), Some(name)) = (object, name) else { return };
            let of = self.hint(Hint::Named(object, scope));
            self.refer(name, scope, Role::Reads, Form::Plain, Meaning::Member(of));
            if object.kind() == "identifier" {
                self.refer(object, scope, Role::Reads, Form::Plain, Meaning::Name(NAMESPACE));
                return;
            }
            next = object;
        }
    }

    fn for_in(&mut self, node: Node<'t>, scope: ScopeId) {
        let field = |name: &str| node.child_by_field_name(name);
        let block = self.scope(ScopeKind::Block, scope, node);
        self.push(field("body"), block);
        self.push(field("value"), scope);
        self.push(field("right"), block);
        let of = field("operator").is_some_and(|operator| self.str(operator) == "of");
        let hint = match field("right") {
            Some(right) if of => {
                let all = self.hint(Hint::Value(right, scope));
                self.hint(Hint::Element(all))
            }
            _ => self.hint(Hint::Builtin("string")),
        };
        let Some(left) = field("left") else { return };
        match field("kind").map(|kind| self.str(kind)) {
            Some(word) => {
                let is_var = word == "var";
                let binding = Binding {
                    kind: if word == "const" { DeclarationKind::Constant } else { DeclarationKind::Variable },
                    merge: if is_var { Merge::Var } else { Merge::Once },
                    into: if is_var { self.vars(scope) } else { block },
                    hint,
                    extent: left,
                    public: false,
                    required: None,
                    field: None,
                };
                self.push_as(Some(left), block, Mode::Bind(binding));
            }
            None => self.push_as(Some(left), block, Mode::Assign(hint)),
        }
    }

    fn catch(&mut self, node: Node<'t>, scope: ScopeId) {
        let block = self.scope(ScopeKind::Block, scope, node);
        if let Some(body) = node.child_by_field_name("body") {
            self.push(Some(body), block);
        }
        self.push(node.child_by_field_name("type"), block);
        if let Some(parameter) = node.child_by_field_name("parameter") {
            let binding = Binding {
                kind: DeclarationKind::Variable,
                merge: Merge::Once,
                into: block,
                hint: UNKNOWN,
                extent: parameter,
                public: false,
                required: None,
                field: None,
            };
            self.push_as(Some(parameter), block, Mode::Bind(binding));
        }
    }

    fn label(&mut self, node: Node<'t>, scope: ScopeId) {
        let block = self.scope(ScopeKind::Block, scope, node);
        if let Some(label) = node.child_by_field_name("label") {
            let name = self.str(label);
            let kind = DeclarationKind::Label;
            let index = self.draft(name, kind, 0, Merge::Once, block, (range(label), range(node)));
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.declaration.space = crate::Space::Label;
            }
            if let Some(inside) = self.inside(block) {
                inside.labels.insert(name, index);
            }
            self.refer(label, block, Role::Declares, Form::Plain, Meaning::Draft(index));
        }
        self.push(node.child_by_field_name("body"), block);
    }

    fn give_back(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(value) = nth(node, 0) else { return };
        let inside = self.inside.get(scope.0 as usize);
        let (ctx, function) = inside.map_or((Ctx::None, None), |inside| (inside.result, inside.function));
        let hint = self.hint(Hint::Value(value, scope));
        if let Some(draft) = function.and_then(|function| self.drafts.get_mut(function)) {
            draft.returns.push(hint);
        }
        self.push_as(Some(value), scope, Mode::Plain(ctx));
    }

    pub(super) fn variables(&mut self, node: Node<'t>, scope: ScopeId, public: bool) {
        let word = node.child(0).map(|word| word.kind()).unwrap_or_default();
        let is_var = word == "var";
        let from = self.stack.len();
        let mut cursor = node.walk();
        let all: Vec<_> = node.named_children(&mut cursor).filter(|c| c.kind() == "variable_declarator").collect();
        let alone = all.len() == 1;
        for declarator in all {
            let (Some(name), value) = (declarator.child_by_field_name("name"), declarator.child_by_field_name("value"))
            else {
                continue;
            };
            let annotation = declarator.child_by_field_name("type");
            let hint = match (annotation, value) {
                (Some(annotation), _) => self.hint(Hint::Type(annotation, scope)),
                (None, Some(value)) => self.hint(Hint::Value(value, scope)),
                (None, None) => UNKNOWN,
            };
            let binding = Binding {
                kind: if word == "const" { DeclarationKind::Constant } else { DeclarationKind::Variable },
                merge: if is_var { Merge::Var } else { Merge::Once },
                into: if is_var { self.vars(scope) } else { scope },
                hint,
                extent: if alone { node } else { declarator },
                public,
                required: value.and_then(|value| self.required(value, scope)),
                field: None,
            };
            let (binding, taken) = match value.and_then(|value| self.required_member(value, scope)) {
                Some((module, member)) => (Binding { required: Some(module), ..binding }, Some((module, member))),
                None => (binding, None),
            };
            // A name that is declared at once lets its value belong to it.
            self.is_commonjs |= binding.required.is_some();
            let declared = if name.kind() == "identifier" { self.bind_name(name, scope, binding) } else { None };
            if declared.is_none() {
                self.push_as(Some(name), scope, Mode::Bind(binding));
            }
            self.push(annotation, scope);
            if let (Some((module, member)), Some(index)) = (taken, declared) {
                self.take(index, module, self.str(member));
                let of = self.of_module(module);
                self.refer(member, scope, Role::Imports, Form::Plain, of);
                continue;
            }
            let ctx = if annotation.is_some() { Ctx::Of(hint) } else { Ctx::Own };
            self.initial(value, scope, ctx, declared.filter(|_| word == "const" && annotation.is_none()));
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }

    /// The first value of a declared name: a function or a class that has no other name has this one.
    pub(super) fn initial(&mut self, value: Option<Node<'t>>, scope: ScopeId, ctx: Ctx, declared: Option<usize>) {
        let Some(value) = value else { return };
        match (value.kind(), declared) {
            ("arrow_function" | "function_expression" | "generator_function", Some(index)) => {
                if let Some(draft) = self.drafts.get_mut(index) {
                    draft.declaration.kind = match draft.declaration.kind {
                        DeclarationKind::Field => DeclarationKind::Method,
                        _ => DeclarationKind::Function,
                    };
                    draft.hint = UNKNOWN;
                }
                self.function_expression(value, scope, Ctx::Own, Some(index));
            }
            ("class", Some(index)) if value.child_by_field_name("name").is_none() => {
                if let Some(draft) = self.drafts.get_mut(index)
                    && draft.declaration.kind != DeclarationKind::Field
                {
                    draft.declaration.kind = DeclarationKind::Class;
                    draft.hint = UNKNOWN;
                    self.class_expression(value, scope, Some(index));
                } else {
                    self.class_expression(value, scope, None);
                }
            }
            _ => self.push_as(Some(value), scope, Mode::Plain(ctx)),
        }
    }

    fn assignment(&mut self, node: Node<'t>, scope: ScopeId) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return self.push_children(node, scope);
        };
        if self.exported(left, right, scope) {
            return;
        }
        let hint = self.hint(Hint::Value(right, scope));
        let of = if matches!(left.kind(), "identifier" | "member_expression" | "subscript_expression") {
            self.hint(Hint::Value(left, scope))
        } else {
            UNKNOWN
        };
        self.push_as(Some(right), scope, Mode::Plain(if of == UNKNOWN { Ctx::Own } else { Ctx::Of(of) }));
        self.push_as(Some(left), scope, Mode::Assign(hint));
    }

    fn cast(&mut self, node: Node<'t>, scope: ScopeId) {
        let (first, second) = (nth(node, 0), nth(node, 1));
        let (value, to) = if node.kind() == "type_assertion" {
            (second, first.and_then(|arguments| nth(arguments, 0)))
        } else {
            (first, second)
        };
        let ctx = match to {
            Some(to) => Ctx::Of(self.hint(Hint::Type(to, scope))),
            // `as const` says nothing of members.
            None => Ctx::Own,
        };
        self.push(to, scope);
        self.push_as(value, scope, Mode::Plain(ctx));
    }

    fn call(&mut self, node: Node<'t>, scope: ScopeId) {
        let (Some(function), arguments) = (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
        else {
            return self.push_children(node, scope);
        };
        if self.required(node, scope).is_some() {
            self.is_commonjs = true;
        }
        if matches!(self.str(function), "eval" | "Function") {
            self.hazard(node, HazardKind::Eval, None);
        }
        if let Some(arguments) = arguments {
            if arguments.kind() == "arguments" {
                let from = self.stack.len();
                let mut cursor = arguments.walk();
                let values = arguments.named_children(&mut cursor).filter(|child| child.kind() != "comment");
                for (index, child) in values.enumerate() {
                    let hint = self.hint(Hint::Argument(function, index, scope));
                    self.push_as(Some(child), scope, Mode::Plain(Ctx::Of(hint)));
                }
                self.stack.get_mut(from..).unwrap_or_default().reverse();
            } else {
                self.push(Some(arguments), scope);
            }
        }
        self.push(node.child_by_field_name("type_arguments"), scope);
        self.push(Some(function), scope);
    }

    fn index_signature(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.scope(ScopeKind::TypeParameters, scope, node);
        let mut cursor = node.walk();
        let mapped = node.named_children(&mut cursor).find(|child| child.kind() == "mapped_type_clause");
        self.push(node.child_by_field_name("type"), inner);
        self.push(node.child_by_field_name("index_type"), scope);
        if let Some(name) = node.child_by_field_name("name").filter(|_| mapped.is_none()) {
            // The name says only what the index is for.
            self.declare(name, inner, DeclarationKind::Parameter, VALUE, Merge::Once, name);
        }
        if let Some(mapped) = mapped {
            if let Some(name) = mapped.child_by_field_name("name") {
                self.declare(name, inner, DeclarationKind::TypeParameter, TYPE, Merge::Once, name);
            }
            self.push(mapped.child_by_field_name("alias"), inner);
            self.push(mapped.child_by_field_name("type"), scope);
        }
    }

    fn infer(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = nth(node, 0).filter(|name| name.kind() == "type_identifier") else {
            return self.push_children(node, scope);
        };
        let mut into = scope;
        // The nearest conditional type takes the name.
        let mut next = Some(scope);
        while let Some(id) = next {
            let Some(found) = self.scopes.get(id.0 as usize) else { break };
            if found.kind == ScopeKind::TypeParameters {
                into = id;
                break;
            }
            next = found.parent;
        }
        self.declare(name, into, DeclarationKind::TypeParameter, TYPE, Merge::Var, name);
        self.push(nth(node, 1), scope);
    }

    fn tuple(&mut self, node: Node<'t>, scope: ScopeId) {
        let from = self.stack.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match child.kind() {
                "required_parameter" | "optional_parameter" => self.push(child.child_by_field_name("type"), scope),
                _ => self.push(Some(child), scope),
            }
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let index = self.declare(name, scope, DeclarationKind::TypeParameter, TYPE, Merge::Once, node);
        let constraint = node.child_by_field_name("constraint");
        if let Some(constraint) = constraint {
            let base: HintId = self.hint(Hint::Named(constraint, scope));
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.hint = base;
            }
        }
        self.push(node.child_by_field_name("value"), scope);
        self.push(constraint, scope);
    }
}
