//! The walk over a tree: scopes, declarations, and the names that are looked up afterwards.

use super::collect::{Base, Binder, Border, Path, Value, Wanted, children, offset, range};
use crate::{DeclarationKind, Form, HazardKind, Members, Role, ScopeId, ScopeKind, Space};
use deepcoder_syntax::Node;

/// What is left to visit.
pub(super) type Work<'t> = Vec<(Node<'t>, ScopeId)>;

impl<'t> Binder<'t> {
    /// What does not parse may mean anything.
    pub(super) fn errors(&mut self, tree: &deepcoder_syntax::Tree) {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            if node.is_error() || node.is_missing() {
                self.out.hazards.push(crate::Hazard { at: range(node), kind: HazardKind::Syntax, name: None });
            } else if node.has_error() && cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    /// Visits everything below a node.
    pub(super) fn walk(&mut self, root: Node<'t>, scope: ScopeId) {
        let mut work: Work<'t> = vec![(root, scope)];
        while let Some((node, scope)) = work.pop() {
            self.visit(node, scope, &mut work);
        }
    }

    pub(super) fn below(work: &mut Work<'t>, node: Node<'t>, scope: ScopeId) {
        work.extend(children(node).into_iter().rev().map(|child| (child, scope)));
    }

    /// Visits the child in this field, if there is one.
    pub(super) fn field(work: &mut Work<'t>, node: Node<'t>, name: &str, scope: ScopeId) {
        if let Some(child) = node.child_by_field_name(name) {
            work.push((child, scope));
        }
    }

    fn visit(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        match node.kind() {
            "identifier" => self.refer(self.name_at(node), scope, Wanted::Scoped(Space::Value)),
            "type_identifier" if self.of(node) != "Self" => {
                self.refer(self.name_at(node), scope, Wanted::Scoped(Space::Type));
            }
            "shorthand_field_identifier" | "field_identifier" => {
                // Only in text that does not parse.
                self.refer(self.name_at(node), scope, Wanted::Token);
            }
            "scoped_identifier" => _ = self.path(node, scope, Space::Value, work),
            "scoped_type_identifier" => _ = self.path(node, scope, Space::Type, work),
            "lifetime" => self.lifetime(node, scope, Space::Lifetime),
            "label" => self.lifetime(node, scope, Space::Label),
            "function_item" | "function_signature_item" => self.function(node, scope, work),
            "struct_item" | "union_item" | "enum_item" => self.type_item(node, scope, work),
            "trait_item" => self.trait_item(node, scope, work),
            "impl_item" => self.impl_item(node, scope, work),
            "mod_item" => self.mod_item(node, scope, work),
            "foreign_mod_item" => {
                self.rewritten.push(range(node));
                Self::below(work, node, scope);
            }
            "const_item" | "static_item" => self.constant(node, scope, work),
            "type_item" | "associated_type" => self.alias(node, scope, work),
            "use_declaration" => self.use_declaration(node, scope),
            "extern_crate_declaration" => self.extern_crate(node, scope),
            "macro_definition" => self.macro_definition(node, scope),
            "macro_invocation" => self.macro_call(node, scope, work),
            "attribute_item" | "inner_attribute_item" => self.attribute(node, scope),
            "let_declaration" => self.let_declaration(node, scope, work),
            "let_condition" => {
                let from = offset(node.end_byte());
                let value = node.child_by_field_name("value");
                if let Some(pattern) = node.child_by_field_name("pattern") {
                    self.pattern(pattern, scope, from, DeclarationKind::Variable, value.map(Value::Expression), work);
                }
                Self::field(work, node, "value", scope);
            }
            "if_expression" | "while_expression" => self.conditional(node, scope, work),
            "for_expression" => self.for_loop(node, scope, work),
            "loop_expression" | "block" | "unsafe_block" | "async_block" | "gen_block" | "try_block"
            | "const_block" => {
                let inner = self.open(ScopeKind::Block, scope, node, Border::None);
                self.labelled(node, inner, work);
            }
            "match_arm" | "last_match_arm" => {
                let inner = self.open(ScopeKind::Block, scope, node, Border::None);
                Self::below(work, node, inner);
            }
            "match_pattern" => {
                let from = offset(node.start_byte());
                let condition = node.child_by_field_name("condition");
                for child in children(node).into_iter().filter(|child| Some(*child) != condition) {
                    self.pattern(child, scope, from, DeclarationKind::Variable, None, work);
                }
                work.extend(condition.map(|node| (node, scope)));
            }
            "closure_expression" => self.closure(node, scope, work),
            "field_expression" => {
                if let Some(field) = node.child_by_field_name("field")
                    && let Some(value) = node.child_by_field_name("value")
                {
                    if field.kind() == "field_identifier" {
                        self.refer(self.name_at(field), scope, Wanted::MemberOf(value, Members::Values));
                    }
                    work.push((value, scope));
                }
            }
            "call_expression" | "generic_function" => {
                let function = node.child_by_field_name("function");
                let method = function.filter(|function| function.kind() == "field_expression");
                let named = method
                    .and_then(|method| method.child_by_field_name("field").zip(method.child_by_field_name("value")));
                match named {
                    // What is called so is a method: a field with a function in it needs parentheses.
                    Some((name, value)) if name.kind() == "field_identifier" => {
                        self.refer(self.name_at(name), scope, Wanted::MemberOf(value, Members::Methods(None)));
                        work.push((value, scope));
                        work.extend(
                            children(node).into_iter().filter(|child| Some(*child) != function).map(|c| (c, scope)),
                        );
                    }
                    _ => Self::below(work, node, scope),
                }
            }
            "struct_expression" => self.struct_expression(node, scope, work),
            "type_binding" => {
                // The visit of the type around it names its associated types; this is one without such a type.
                if let Some(name) = node.child_by_field_name("name") {
                    self.refer(self.name_at(name), scope, Wanted::Token);
                }
                Self::field(work, node, "type_arguments", scope);
                Self::field(work, node, "type", scope);
            }
            "generic_type" | "generic_type_with_turbofish" => self.generic_type(node, scope, work),
            "higher_ranked_trait_bound" => {
                let inner = self.open(ScopeKind::TypeParameters, scope, node, Border::None);
                self.type_parameters(node, inner, work);
                Self::field(work, node, "type", inner);
            }
            "function_type" => {
                let inner = self.open(ScopeKind::TypeParameters, scope, node, Border::None);
                for child in children(node) {
                    if child.kind() == "for_lifetimes" {
                        self.declare_lifetimes(child, inner);
                    } else {
                        work.push((child, inner));
                    }
                }
            }
            "visibility_modifier" => {
                for path in children(node) {
                    if matches!(path.kind(), "scoped_identifier" | "identifier") {
                        _ = self.path(path, scope, Space::Type, work);
                    }
                }
            }
            "where_clause" => {
                for predicate in children(node) {
                    self.where_predicate(predicate, scope, work);
                }
            }
            "string_literal" | "raw_string_literal" | "char_literal" | "self" | "crate" | "super" | "metavariable" => {}
            _ => Self::below(work, node, scope),
        }
    }

    fn lifetime(&mut self, node: Node<'t>, scope: ScopeId, space: Space) {
        let Some(name) = node.named_child(0) else { return };
        if !matches!(self.of(name), "static" | "_") {
            self.refer(self.name_at(name), scope, Wanted::Scoped(space));
        }
    }

    pub(super) fn declare_lifetimes(&mut self, node: Node<'t>, scope: ScopeId) {
        for lifetime in children(node) {
            if let Some(name) = lifetime.named_child(0) {
                self.declare(DeclarationKind::Lifetime, Space::Lifetime, scope, name, lifetime);
            }
        }
    }

    /// A loop or a block, whose label is visible in it.
    fn labelled(&mut self, node: Node<'t>, inner: ScopeId, work: &mut Work<'t>) {
        for child in children(node).into_iter().rev() {
            if child.kind() != "label" {
                work.push((child, inner));
            } else if let Some(name) = child.named_child(0) {
                self.declare(DeclarationKind::Label, Space::Label, inner, name, child);
            }
        }
    }

    /// What the condition binds is visible in the body, and in the rest of the condition.
    fn conditional(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        Self::field(work, node, "alternative", scope);
        let inner = self.open(ScopeKind::Block, scope, node, Border::None);
        let alternative = node.child_by_field_name("alternative");
        if let Some(alternative) = alternative
            && let Some(scope) = self.out.scopes.get_mut(inner.0 as usize)
        {
            scope.range.end = offset(alternative.start_byte());
        }
        for child in children(node).into_iter().rev().filter(|child| Some(*child) != alternative) {
            if child.kind() != "label" {
                work.push((child, inner));
            } else if let Some(name) = child.named_child(0) {
                self.declare(DeclarationKind::Label, Space::Label, inner, name, child);
            }
        }
    }

    fn for_loop(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        Self::field(work, node, "value", scope);
        let inner = self.open(ScopeKind::Block, scope, node, Border::None);
        let body = node.child_by_field_name("body");
        let from = body.map_or(0, |body| offset(body.start_byte()));
        if let Some(pattern) = node.child_by_field_name("pattern") {
            self.pattern(pattern, inner, from, DeclarationKind::Variable, None, work);
        }
        work.extend(body.map(|body| (body, inner)));
        if let Some(name) = children(node).into_iter().find(|c| c.kind() == "label").and_then(|c| c.named_child(0)) {
            self.declare(DeclarationKind::Label, Space::Label, inner, name, name);
        }
    }

    fn closure(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let inner = self.open(ScopeKind::Function, scope, node, Border::None);
        let from = offset(node.start_byte());
        for parameter in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            if parameter.kind() == "parameter" {
                self.parameter(parameter, inner, from, work);
            } else {
                self.pattern(parameter, inner, from, DeclarationKind::Parameter, None, work);
            }
        }
        Self::field(work, node, "return_type", inner);
        Self::field(work, node, "body", inner);
    }

    pub(super) fn parameter(&mut self, node: Node<'t>, scope: ScopeId, from: u32, work: &mut Work<'t>) {
        let written = node.child_by_field_name("type");
        if let Some(pattern) = node.child_by_field_name("pattern") {
            self.pattern(pattern, scope, from, DeclarationKind::Parameter, written.map(Value::Type), work);
        }
        work.extend(written.map(|written| (written, scope)));
    }

    fn let_declaration(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let written = node.child_by_field_name("type").map(Value::Type);
        let value = written.or_else(|| node.child_by_field_name("value").map(Value::Expression));
        if let Some(pattern) = node.child_by_field_name("pattern") {
            let first = self.out.declarations.len();
            let from = offset(node.end_byte());
            self.pattern(pattern, scope, from, DeclarationKind::Variable, value, work);
            let before = node.prev_named_sibling();
            if before.is_some_and(|before| before.kind() == "attribute_item" && self.of(before).contains("cfg")) {
                let declared = first..self.out.declarations.len();
                self.conditional.extend(declared.map(|id| crate::DeclarationId(offset(id))));
            }
        }
        for field in ["alternative", "value", "type"] {
            Self::field(work, node, field, scope);
        }
    }

    fn struct_expression(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return Self::below(work, node, scope) };
        let path = self.path(name, scope, Space::Type, work);
        for field in node.child_by_field_name("body").map(children).unwrap_or_default() {
            match field.kind() {
                "field_initializer" => {
                    if let Some(name) = field.child_by_field_name("field")
                        && name.kind() == "field_identifier"
                    {
                        self.form(self.name_at(name), scope, Role::Keyword, Form::Plain, Wanted::Field(path));
                        self.pair(name, field.child_by_field_name("value"));
                    }
                    Self::field(work, field, "value", scope);
                }
                "shorthand_field_initializer" => {
                    if let Some(name) = children(field).into_iter().find(|child| child.kind() == "identifier") {
                        let at = self.name_at(name);
                        self.form(
                            at,
                            scope,
                            Role::Keyword,
                            self.shorthand(name, Form::First(": ")),
                            Wanted::Field(path),
                        );
                        let form = self.shorthand(name, Form::Second(": "));
                        self.form(at, scope, Role::Reads, form, Wanted::Scoped(Space::Value));
                    }
                }
                _ => work.push((field, scope)),
            }
        }
    }

    /// `field: value` where the value is a name.
    pub(super) fn pair(&mut self, field: Node<'t>, value: Option<Node<'t>>) {
        let value = value.and_then(|value| match value.kind() {
            "mut_pattern" | "ref_pattern" => children(value).into_iter().find(|child| child.kind() == "identifier"),
            "identifier" => Some(value),
            _ => None,
        });
        self.out.pairs.extend(value.map(|value| (range(field), range(value))));
    }

    /// `r#a` stands for two names in a way that cannot be taken apart.
    pub(super) fn shorthand(&self, name: Node<'t>, form: Form) -> Form {
        if self.of(name).starts_with("r#") { Form::Fixed } else { form }
    }

    fn generic_type(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let of = node.child_by_field_name("type");
        for argument in node.child_by_field_name("type_arguments").map(children).unwrap_or_default() {
            if argument.kind() == "type_binding"
                && let (Some(name), Some(of)) = (argument.child_by_field_name("name"), of)
            {
                self.refer(self.name_at(name), scope, Wanted::TypeMember(of));
                Self::field(work, argument, "type_arguments", scope);
                Self::field(work, argument, "type", scope);
            } else {
                work.push((argument, scope));
            }
        }
        work.extend(of.map(|of| (of, scope)));
    }

    /// Takes a path apart: each of its segments is a name, its type arguments are visited.
    pub(super) fn path(&mut self, node: Node<'t>, scope: ScopeId, space: Space, work: &mut Work<'t>) -> usize {
        let (base, segments) = self.segments(node, scope, work);
        self.add_path(Path { base, segments, scope, space, items: false }, 0)
    }

    /// Adds a path, whose segments from this one on are occurrences.
    pub(super) fn add_path(&mut self, path: Path<'t>, from: usize) -> usize {
        let id = self.paths.len();
        for (index, segment) in path.segments.iter().enumerate().skip(from) {
            let at = self.name_at(*segment);
            self.refer(at, path.scope, Wanted::Segment(id, index));
        }
        self.paths.push(path);
        id
    }

    /// The base and the segments of a path.
    pub(super) fn segments(
        &mut self,
        node: Node<'t>,
        scope: ScopeId,
        work: &mut Work<'t>,
    ) -> (Base<'t>, Vec<Node<'t>>) {
        let mut segments = Vec::new();
        let mut supers = 0;
        let mut next = Some(node);
        let mut base = Base::Scope;
        while let Some(node) = next {
            next = None;
            match node.kind() {
                "scoped_identifier" | "scoped_type_identifier" => {
                    match node.child_by_field_name("name") {
                        Some(name) if name.kind() == "super" => supers += 1,
                        Some(name) => segments.push(name),
                        None => {}
                    }
                    next = node.child_by_field_name("path");
                    if next.is_none() {
                        base = Base::Outer("::".to_owned());
                    }
                }
                "generic_type" | "generic_type_with_turbofish" | "generic_function" | "generic_pattern" => {
                    if let Some(arguments) = node.child_by_field_name("type_arguments") {
                        work.push((arguments, scope));
                    }
                    next = node.child_by_field_name("type").or_else(|| node.child_by_field_name("function"));
                    next = next.or_else(|| node.named_child(0));
                }
                "bracketed_type" => {
                    if let Some(inner) = node.named_child(0) {
                        work.push((inner, scope));
                        base = Base::Type(inner.child_by_field_name("alias").unwrap_or(inner));
                    }
                }
                "crate" => base = Base::Outer("crate".to_owned()),
                "self" => base = Base::Module(self.module(scope)),
                "super" => supers += 1,
                "identifier" | "type_identifier" if self.of(node) == "Self" => base = Base::SelfType,
                "identifier" | "type_identifier" => segments.push(node),
                "metavariable" => {}
                _ => {
                    work.push((node, scope));
                    base = Base::Type(node);
                }
            }
        }
        segments.reverse();
        if supers > 0 {
            base = self.above(scope, supers);
        }
        (base, segments)
    }

    /// The module so many times above the one that a scope is in.
    fn above(&self, scope: ScopeId, times: u32) -> Base<'t> {
        let mut module = self.module(scope);
        for left in (1..=times).rev() {
            match self.parent(module) {
                Some(parent) => module = self.module(parent),
                None => return Base::Outer(vec!["super"; left as usize].join("::")),
            }
        }
        Base::Module(module)
    }
}
