//! The walk over the tree: scopes, declarations, and every name with the rule that it is looked up by.

use super::super::names::{Names, child, children, fields, range};
use super::declarator::{Declarator, path};
use crate::{Argument, Bindings, DeclarationId, DeclarationKind as Kind, HazardKind, Role, ScopeId, ScopeKind, Space};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;
use std::collections::{HashMap, HashSet};

pub(super) const FILE: ScopeId = ScopeId(0);

/// Where a value or a type is known from.
#[derive(Clone, Copy)]
pub(super) enum Source<'t> {
    /// A value of this type.
    Type(Node<'t>),
    /// The type itself.
    Alias(Node<'t>),
    /// The value of this expression.
    Value(Node<'t>),
}

/// What an initialiser with braces initialises: a type, the members on the way, and the arrays around it.
#[derive(Clone)]
pub(super) struct Aggregate<'t> {
    pub(super) of: Node<'t>,
    pub(super) members: Vec<&'t str>,
    pub(super) arrays: usize,
}

/// How a name is looked up.
pub(super) enum What<'t> {
    /// Outwards.
    Name,
    /// Outwards, a tag before anything else (C++).
    Tag,
    /// As a macro only.
    Macro,
    Label,
    /// A member of the value of this expression.
    Field(Node<'t>),
    /// A member of this type.
    Of(Node<'t>),
    /// A member of what is initialised.
    Designator(Option<Aggregate<'t>>),
    /// In what these names mean, the first one looked up outwards.
    Path(Vec<Node<'t>>),
    /// What the macro's use makes of it.
    Expanded,
    /// A member of the class around.
    Own,
    /// This.
    Is(DeclarationId),
}

pub(super) struct Pending<'t> {
    pub(super) at: TextRange,
    pub(super) scope: ScopeId,
    pub(super) role: Role,
    pub(super) what: What<'t>,
}

pub(super) struct Walk<'t> {
    pub(super) names: Names<'t>,
    /// The text has something that only C++ has; a header without it may be one of C.
    pub(super) cpp: bool,
    pub(super) pending: Vec<Pending<'t>>,
    pub(super) sources: HashMap<DeclarationId, (Source<'t>, ScopeId)>,
    pub(super) bases: Vec<(DeclarationId, Node<'t>, ScopeId)>,
    /// The scopes of members that are defined outside of their type, by the path of the type.
    pub(super) outer: HashMap<(ScopeId, String), ScopeId>,
    /// The paths of those.
    pub(super) owners: Vec<(ScopeId, Vec<Node<'t>>)>,
    /// Types without a name, by their nodes.
    pub(super) anonymous: HashMap<usize, DeclarationId>,
    /// The parameters of functions as they are written, to tell overloads apart.
    pub(super) signatures: HashMap<DeclarationId, String>,
    /// Parts of names that macros put together.
    pub(super) parts: HashSet<u32>,
    pub(super) stack: Vec<(Node<'t>, ScopeId, Role)>,
}

impl<'t> Walk<'t> {
    pub(super) fn new(language: Language, root: Node<'t>, text: &'t str) -> Self {
        Self {
            names: Names::new(language, text),
            cpp: language == Language::Cpp && only_cpp(root),
            pending: Vec::new(),
            sources: HashMap::new(),
            bases: Vec::new(),
            outer: HashMap::new(),
            owners: Vec::new(),
            anonymous: HashMap::new(),
            signatures: HashMap::new(),
            parts: HashSet::new(),
            stack: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, root: Node<'t>) {
        self.push(root, FILE);
        while let Some((node, scope, role)) = self.stack.pop() {
            self.visit(node, scope, role);
        }
    }

    pub(super) fn finish(mut self, root: Node<'t>) -> Bindings {
        self.resolve();
        // Where the text is not read right, a keyword may look like a name.
        self.names.bindings.references.retain(|found| !super::macros::is_keyword(&found.name));
        self.unread(root);
        self.names.finish()
    }

    pub(super) fn push(&mut self, node: Node<'t>, scope: ScopeId) {
        self.stack.push((node, scope, Role::Reads));
    }

    pub(super) fn push_all(&mut self, nodes: &[Node<'t>], scope: ScopeId) {
        self.stack.extend(nodes.iter().rev().map(|node| (*node, scope, Role::Reads)));
    }

    pub(super) fn push_field(&mut self, node: Node<'t>, name: &str, scope: ScopeId) {
        if let Some(found) = node.child_by_field_name(name) {
            self.push(found, scope);
        }
    }

    pub(super) fn later(&mut self, node: Node<'t>, scope: ScopeId, role: Role, what: What<'t>) {
        self.pending.push(Pending { at: range(node), scope, role, what });
    }

    /// The scope that declarations of a scope go to: type parameters have none but themselves.
    pub(super) fn home(&self, mut scope: ScopeId) -> ScopeId {
        while self.names.kind(scope) == ScopeKind::TypeParameters {
            let Some(parent) = self.names.parent(scope) else { break };
            scope = parent;
        }
        scope
    }

    /// The scope that a type or a constant in a type goes to: in C, that around it.
    pub(super) fn around_types(&self, scope: ScopeId) -> ScopeId {
        let mut scope = self.home(scope);
        while !self.cpp && self.names.kind(scope) == ScopeKind::Class {
            let Some(parent) = self.names.parent(scope) else { break };
            scope = parent;
        }
        scope
    }

    fn block(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Block, scope, node);
        self.push_all(&children(node), inner);
    }

    fn visit(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        match node.kind() {
            "preproc_def" | "preproc_function_def" => self.macro_definition(node),
            "preproc_if" | "preproc_ifdef" | "preproc_elif" | "preproc_elifdef" => self.conditional(node, scope),
            "preproc_defined" => self.condition(node),
            "preproc_call" => self.directive(node),
            "preproc_arg" | "preproc_directive" => {}
            // What stands in them are no names of the program; those that are have a hazard.
            "attribute_specifier" | "attribute_declaration" | "ms_declspec_modifier" => self.words(node),
            "gnu_asm_expression" => {
                self.words(node);
                self.push_all(&children(node), scope);
            }
            "gnu_asm_input_operand" | "gnu_asm_output_operand" => self.push_field(node, "value", scope),
            "gnu_asm_goto_list" => {
                for label in fields(node, "label") {
                    self.later(label, scope, Role::Reads, What::Label);
                }
            }
            "declaration" | "field_declaration" => self.declaration(node, scope),
            "type_definition" => self.type_definition(node, scope),
            "alias_declaration" => self.alias(node, scope),
            "function_definition" => self.function(node, scope),
            "struct_specifier" | "union_specifier" | "class_specifier" => self.class(node, scope),
            "enum_specifier" => self.enumeration(node, scope),
            "enumerator" => self.enumerator(node, scope),
            "namespace_definition" => self.namespace(node, scope),
            "namespace_alias_definition" => self.namespace_alias(node, scope),
            "template_declaration" => {
                let inner = self.names.scope(ScopeKind::TypeParameters, scope, node);
                self.push_all(&children(node), inner);
            }
            "type_parameter_declaration"
            | "variadic_type_parameter_declaration"
            | "optional_type_parameter_declaration" => self.type_parameter(node, scope),
            "friend_declaration" => {
                let mut outside = scope;
                while self.names.kind(outside) == ScopeKind::Class {
                    let Some(parent) = self.names.parent(outside) else { break };
                    outside = parent;
                }
                self.push_all(&children(node), outside);
            }
            "parameter_declaration" | "optional_parameter_declaration" | "variadic_parameter_declaration" => {
                self.parameter(node, scope);
            }
            "type_descriptor" => {
                if let Some(declarator) = node.child_by_field_name("declarator") {
                    let inner = self.names.scope(ScopeKind::Function, scope, node);
                    self.declarator_parts(&Declarator::of(declarator), inner, None);
                }
                self.push_field(node, "type", scope);
            }
            "lambda_expression" => self.lambda(node, scope),
            "for_range_loop" => self.range_loop(node, scope),
            "compound_statement"
            | "for_statement"
            | "if_statement"
            | "while_statement"
            | "do_statement"
            | "switch_statement"
            | "catch_clause"
            | "requires_expression" => self.block(node, scope),
            "labeled_statement" => self.label(node, scope),
            "statement_identifier" => self.later(node, scope, role, What::Label),
            "field_expression" => self.field(node, scope, role),
            "field_designator" | "field_initializer" => self.stray(node, scope),
            "field_identifier" => self.later(node, scope, role, What::Designator(None)),
            "offsetof_expression" => {
                if let (Some(of), Some(member)) = (node.child_by_field_name("type"), node.child_by_field_name("member"))
                {
                    self.later(member, scope, Role::Reads, What::Of(of));
                    self.push(of, scope);
                }
            }
            "compound_literal_expression" => {
                let of = node.child_by_field_name("type");
                if let Some(value) = node.child_by_field_name("value") {
                    let arrays = of.and_then(|of| of.child_by_field_name("declarator"));
                    let arrays = arrays.map_or(0, |declarator| Declarator::of(declarator).arrays());
                    self.literal(value, scope, of.map(|of| Aggregate { of, members: Vec::new(), arrays }));
                }
                self.push_field(node, "type", scope);
            }
            "initializer_list" => self.literal(node, scope, None),
            "qualified_identifier" => self.qualified(node, scope, role),
            "call_expression" => self.call(node, scope),
            "macro_type_specifier" => self.macro_type(node, scope),
            "assignment_expression" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.stack.push((left, scope, Role::Writes));
                }
                self.push_field(node, "right", scope);
            }
            "update_expression" => {
                self.stack.extend(children(node).into_iter().map(|found| (found, scope, Role::Writes)));
            }
            "identifier" | "type_identifier" | "namespace_identifier" => self.later(node, scope, role, What::Name),
            // The grammar knows the names of some types that a library declares.
            "primitive_type" if self.names.of(node).ends_with("_t") => self.later(node, scope, role, What::Name),
            "operator_name" | "string_literal" | "raw_string_literal" | "system_lib_string" | "comment" => {}
            _ => self.push_all(&children(node), scope),
        }
    }

    fn field(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        let (Some(of), Some(field)) = (node.child_by_field_name("argument"), node.child_by_field_name("field")) else {
            return self.push_all(&children(node), scope);
        };
        let name = if field.kind() == "template_method" { field.child_by_field_name("name") } else { Some(field) };
        match name.filter(|name| name.kind() == "field_identifier") {
            Some(name) => {
                self.later(name, scope, role, What::Field(of));
                self.push_field(field, "arguments", scope);
            }
            None => self.push(field, scope),
        }
        self.push(of, scope);
    }

    /// A member that stands without what it belongs to: of the class in an initialiser of a constructor, else of something.
    fn stray(&mut self, node: Node<'t>, scope: ScopeId) {
        for part in children(node) {
            match part.kind() {
                "field_identifier" if node.kind() == "field_initializer" => {
                    self.later(part, scope, Role::Writes, What::Own);
                }
                _ => self.push(part, scope),
            }
        }
    }

    fn call(&mut self, node: Node<'t>, scope: ScopeId) {
        let callee = node.child_by_field_name("function");
        if let (Some(arguments), Some(callee)) = (node.child_by_field_name("arguments"), callee)
            && callee.kind() == "identifier"
        {
            if matches!(self.names.of(callee), "dlsym" | "dlvsym" | "GetProcAddress") {
                self.words(arguments);
            }
            for (position, argument) in (0..).zip(children(arguments)) {
                self.argument(self.names.of(callee), position, range(argument));
            }
        }
        self.push_all(&children(node), scope);
    }

    fn macro_type(&mut self, node: Node<'t>, scope: ScopeId) {
        if let (Some(name), Some(of)) = (node.child_by_field_name("name"), node.child_by_field_name("type")) {
            self.argument(self.names.of(name), 0, range(of));
        }
        self.push_all(&children(node), scope);
    }

    /// `a::b::c`: the names, and what stands with them.
    pub(super) fn qualified(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        self.qualified_parts(node, &path(node), scope, role);
    }

    pub(super) fn qualified_parts(&mut self, node: Node<'t>, parts: &[Node<'t>], scope: ScopeId, role: Role) {
        let mut before: Vec<Node<'t>> = Vec::new();
        let rooted = node.child_by_field_name("scope").is_none();
        for (index, part) in parts.iter().enumerate() {
            let name = match part.kind() {
                "template_type" | "template_function" | "template_method" => part.child_by_field_name("name"),
                "namespace_identifier" | "identifier" | "type_identifier" | "field_identifier" => Some(*part),
                "destructor_name" => child(*part, "identifier"),
                _ => None,
            };
            let Some(name) = name else {
                self.push(*part, scope);
                continue;
            };
            if name != *part {
                self.push_field(*part, "arguments", scope);
            }
            let role = if index + 1 == parts.len() { role } else { Role::Reads };
            match before.last() {
                // The constructor of a class has its name.
                Some(last) if self.names.of(*last) == self.names.of(name) => {
                    let outer = before.get(..before.len() - 1).unwrap_or_default().to_vec();
                    let what = if outer.is_empty() { What::Name } else { What::Path(outer) };
                    self.later(name, scope, role, what);
                }
                Some(_) => self.later(name, scope, role, What::Path(before.clone())),
                None => self.later(name, if rooted { FILE } else { scope }, role, What::Name),
            }
            before.push(name);
        }
    }

    fn label(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("label");
        if let Some(name) = name {
            let function = self.around(scope);
            self.once(name, (Kind::Label, Space::Label), function, node, 0);
        }
        let rest: Vec<Node<'t>> = children(node).into_iter().filter(|found| Some(*found) != name).collect();
        self.push_all(&rest, scope);
    }

    /// The function around a scope.
    pub(super) fn around(&self, mut scope: ScopeId) -> ScopeId {
        while self.names.kind(scope) != ScopeKind::Function {
            let Some(parent) = self.names.parent(scope) else { break };
            scope = parent;
        }
        scope
    }

    fn lambda(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Function, scope, node);
        for capture in node.child_by_field_name("captures").map(children).unwrap_or_default() {
            match (capture.kind(), capture.child_by_field_name("left"), capture.child_by_field_name("right")) {
                ("lambda_capture_initializer", Some(name), Some(value)) => {
                    let id = self.once(name, (Kind::Variable, Space::Value), inner, capture, 0);
                    self.sources.insert(id, (Source::Value(value), scope));
                    self.push(value, scope);
                }
                _ => self.push(capture, scope),
            }
        }
        if let Some(declarator) = node.child_by_field_name("declarator") {
            let declarator = Declarator::of(declarator);
            self.declarator_parts(&declarator, inner, declarator.any_function());
        }
        self.push_field(node, "template_parameters", inner);
        for part in node.child_by_field_name("body").map(children).unwrap_or_default().iter().rev() {
            self.push(*part, inner);
        }
    }

    fn range_loop(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Block, scope, node);
        self.push_field(node, "body", inner);
        self.push_field(node, "right", inner);
        self.push_field(node, "initializer", inner);
        let of = node.child_by_field_name("type");
        if let Some(declarator) = node.child_by_field_name("declarator") {
            let from = node.child_by_field_name("right").map_or(declarator.end_byte(), |right| right.end_byte());
            self.variable(declarator, of, None, inner, (Kind::Variable, from), node);
        }
        self.push_field(node, "type", inner);
    }

    /// An initialiser in braces: names before `=` are members of what is initialised.
    pub(super) fn literal(&mut self, list: Node<'t>, scope: ScopeId, of: Option<Aggregate<'t>>) {
        let mut lists = vec![(list, of)];
        while let Some((list, of)) = lists.pop() {
            if list.kind() != "initializer_list" {
                self.push(list, scope);
                continue;
            }
            for element in children(list) {
                match element.kind() {
                    "initializer_list" => {
                        let inner = of.clone().filter(|of| of.arrays > 0);
                        lists.push((element, inner.map(|of| Aggregate { arrays: of.arrays - 1, ..of })));
                    }
                    "initializer_pair" => {
                        let mut inner = of.clone();
                        for designator in fields(element, "designator") {
                            let field = match designator.kind() {
                                "field_designator" => child(designator, "field_identifier"),
                                "field_identifier" => Some(designator),
                                _ => None,
                            };
                            match field {
                                Some(field) => {
                                    self.later(field, scope, Role::Keyword, What::Designator(inner.clone()));
                                    if let Some(of) = inner.as_mut() {
                                        of.members.push(self.names.of(field));
                                        of.arrays = 0;
                                    }
                                }
                                None => {
                                    self.push(designator, scope);
                                    inner = inner.map(|of| Aggregate { arrays: of.arrays.saturating_sub(1), ..of });
                                }
                            }
                        }
                        if let Some(value) = element.child_by_field_name("value") {
                            let inner = inner.filter(|of| of.members.len() < 16);
                            lists.push((value, inner));
                        }
                    }
                    _ => self.push(element, scope),
                }
            }
        }
    }

    pub(super) fn argument(&mut self, callee: &str, position: u32, at: TextRange) {
        let callee = callee.to_owned();
        self.names.bindings.arguments.push(Argument { at, callee, position, around: None });
    }

    pub(super) fn macro_hazard(&mut self, at: TextRange, name: &str) {
        self.names.hazard(at, HazardKind::Macro, Some(name));
    }
}

/// Whether a text has what C does not have.
fn only_cpp(root: Node<'_>) -> bool {
    let mut cursor = root.walk();
    loop {
        if matches!(
            cursor.node().kind(),
            "class_specifier"
                | "namespace_definition"
                | "template_declaration"
                | "access_specifier"
                | "using_declaration"
                | "alias_declaration"
                | "reference_declarator"
                | "abstract_reference_declarator"
                | "qualified_identifier"
                | "lambda_expression"
                | "base_class_clause"
                | "field_initializer_list"
                | "new_expression"
                | "delete_expression"
                | "operator_name"
                | "for_range_loop"
                | "this"
                | "virtual"
        ) {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}
