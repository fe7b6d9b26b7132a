//! Scopes, declarations and names of a file.

use super::super::names::{Names, child, children, fields, offset, range};
use crate::{
    Bindings, DeclarationId, DeclarationKind as Kind, Form, HazardKind, Import, Role, ScopeId, ScopeKind, Space, Target,
};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;
use std::collections::HashMap;

/// Where the value of a declaration can be read.
#[derive(Clone, Copy)]
pub(super) enum Source<'t> {
    /// It is of this type.
    Type(Node<'t>),
    /// It is this expression, or the value at this position of several.
    Value(Node<'t>, Option<u32>),
    /// It is an element of this.
    Element(Node<'t>),
    /// It is a key or an index of this.
    Key(Node<'t>),
    /// A function with this result.
    Result(Node<'t>),
    /// A type that is defined by this one.
    Defined(Node<'t>),
    /// Another name of this type.
    Alias(Node<'t>),
    /// What a type switch switches on.
    Switched(Node<'t>),
}

/// A name to be looked up when all declarations are known.
pub(super) struct Pending<'t> {
    pub(super) at: TextRange,
    pub(super) scope: ScopeId,
    pub(super) role: Role,
    pub(super) form: Form,
    pub(super) what: What<'t>,
}

pub(super) enum What<'t> {
    Name,
    Label,
    /// A field or a method of this.
    Selected(Node<'t>),
    /// A name or a key of a literal of this type, so many elements deep.
    Key(Option<(Node<'t>, u32)>),
}

pub(super) struct Walk<'t> {
    pub(super) names: Names<'t>,
    pub(super) sources: HashMap<DeclarationId, (Source<'t>, ScopeId)>,
    pub(super) pending: Vec<Pending<'t>>,
    /// The scopes of the bodies of types, by their nodes.
    pub(super) bodies: HashMap<usize, ScopeId>,
    /// The only type of a clause of a type switch.
    pub(super) clauses: HashMap<ScopeId, Node<'t>>,
    pub(super) bases: Vec<(DeclarationId, Node<'t>, ScopeId)>,
    /// The embedded types of structs without names.
    pub(super) embedded: HashMap<ScopeId, Vec<(Node<'t>, ScopeId)>>,
    pub(super) receivers: Vec<(ScopeId, Node<'t>)>,
    /// Declarations with the nodes that a doc comment stands before.
    pub(super) documented: Vec<(DeclarationId, Node<'t>)>,
    stack: Vec<(Node<'t>, ScopeId, Role)>,
}

const FILE: ScopeId = ScopeId(0);

impl<'t> Walk<'t> {
    pub(super) fn new(language: Language, text: &'t str) -> Self {
        Self {
            names: Names::new(language, text),
            sources: HashMap::new(),
            pending: Vec::new(),
            bodies: HashMap::new(),
            clauses: HashMap::new(),
            bases: Vec::new(),
            embedded: HashMap::new(),
            receivers: Vec::new(),
            documented: Vec::new(),
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
        self.comments(root);
        self.names.finish()
    }

    pub(super) fn push(&mut self, node: Node<'t>, scope: ScopeId) {
        self.stack.push((node, scope, Role::Reads));
    }

    pub(super) fn push_all(&mut self, nodes: &[Node<'t>], scope: ScopeId) {
        self.stack.extend(nodes.iter().rev().map(|node| (*node, scope, Role::Reads)));
    }

    pub(super) fn push_field(&mut self, node: Node<'t>, name: &str, scope: ScopeId) {
        let found = fields(node, name);
        self.push_all(&found, scope);
    }

    fn later(&mut self, node: Node<'t>, scope: ScopeId, role: Role, what: What<'t>) {
        if self.names.of(node) != "_" {
            self.pending.push(Pending { at: range(node), scope, role, form: Form::Plain, what });
        }
    }

    /// Declares what a node names.
    pub(super) fn declare(
        &mut self,
        node: Node<'t>,
        kind: Kind,
        scope: ScopeId,
        extent: Node<'t>,
        from: usize,
    ) -> Option<DeclarationId> {
        let name = self.names.of(node);
        if name == "_" || name.is_empty() {
            return None;
        }
        let mut found = self.names.plain(kind, scope, range(node), range(extent));
        found.from = if scope == FILE { 0 } else { offset(from) };
        let member = matches!(kind, Kind::Method | Kind::Field);
        found.public = (scope == FILE || member) && name.chars().next().is_some_and(char::is_uppercase);
        let fixed =
            kind == Kind::Function && (name == "init" || name == "main" && self.names.bindings.package == "main");
        let id = if fixed && name == "init" { self.names.hide(found) } else { self.names.declare(name, found) };
        let form = if fixed { Form::Fixed } else { Form::Plain };
        self.names.form(range(node), scope, Role::Declares, Target::Declaration(id), form);
        Some(id)
    }

    pub(super) fn source(&mut self, id: Option<DeclarationId>, source: Source<'t>, scope: ScopeId) {
        if let Some(id) = id {
            self.sources.insert(id, (source, scope));
        }
    }

    pub(super) fn document(&mut self, id: Option<DeclarationId>, node: Node<'t>) {
        self.documented.extend(id.map(|id| (id, node)));
    }

    fn visit(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        if node.is_error() || node.is_missing() {
            self.names.hazard(range(node), HazardKind::Syntax, None);
        }
        match node.kind() {
            "package_clause" => {
                if let Some(name) = child(node, "package_identifier") {
                    self.names.bindings.package = self.names.of(name).to_owned();
                }
            }
            "import_spec" => self.import(node),
            "function_declaration" => {
                let name = node.child_by_field_name("name");
                let id = name.and_then(|name| self.declare(name, Kind::Function, scope, node, 0));
                self.document(id, node);
                self.function(node, scope, id);
            }
            "method_declaration" => self.method(node, scope),
            "func_literal" => _ = self.function(node, scope, None),
            "function_type" => {
                let inner = self.names.scope(ScopeKind::Function, scope, node);
                self.signature(node, inner, node.end_byte());
            }
            "type_spec" | "type_alias" => self.type_spec(node, scope),
            "struct_type" | "interface_type" => self.body(node, scope, None),
            "const_spec" | "var_spec" => self.variables(node, scope),
            "short_var_declaration" => self.short(node, scope, None),
            "range_clause" => self.range(node, scope),
            "receive_statement" => {
                let right = node.child_by_field_name("right");
                if child(node, ":=").is_some() {
                    self.short(node, scope, right.map(Source::Element));
                } else {
                    self.written(node, scope);
                    self.push_field(node, "right", scope);
                }
            }
            "assignment_statement" => {
                self.written(node, scope);
                self.push_field(node, "right", scope);
            }
            "inc_statement" | "dec_statement" => {
                self.stack.extend(children(node).into_iter().map(|found| (found, scope, Role::Writes)));
            }
            "type_switch_statement" => self.type_switch(node, scope),
            "type_case" => {
                let inner = self.names.scope(ScopeKind::Block, scope, node);
                if let [only] = fields(node, "type").as_slice() {
                    self.clauses.insert(inner, *only);
                }
                self.push_all(&children(node), inner);
            }
            "block"
            | "if_statement"
            | "for_statement"
            | "expression_switch_statement"
            | "select_statement"
            | "communication_case"
            | "expression_case"
            | "default_case" => {
                let inner = self.names.scope(ScopeKind::Block, scope, node);
                self.push_all(&children(node), inner);
            }
            "labeled_statement" => self.label(node, scope),
            "label_name" => self.later(node, scope, role, What::Label),
            "selector_expression" => {
                let operand = node.child_by_field_name("operand");
                if let (Some(operand), Some(field)) = (operand, node.child_by_field_name("field")) {
                    self.later(field, scope, role, What::Selected(operand));
                    self.push(operand, scope);
                }
            }
            "qualified_type" => {
                let package = node.child_by_field_name("package");
                if let (Some(package), Some(name)) = (package, node.child_by_field_name("name")) {
                    self.later(name, scope, role, What::Selected(package));
                    self.later(package, scope, Role::Reads, What::Name);
                }
            }
            "composite_literal" => {
                let of = node.child_by_field_name("type");
                if let Some(body) = node.child_by_field_name("body") {
                    self.literal(body, scope, of.map(|of| (of, 0)));
                }
                self.push_field(node, "type", scope);
            }
            "identifier" | "type_identifier" | "package_identifier" | "nil" | "true" | "false" | "iota" => {
                self.later(node, scope, role, What::Name);
            }
            // A template has names of fields and methods: `{{.Name}}`.
            "interpreted_string_literal" | "raw_string_literal" => {
                let text = self.names.of(node);
                if text.contains("{{") {
                    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
                        self.names.hazard(range(node), HazardKind::Reflection, Some(word));
                    }
                }
            }
            "call_expression" => {
                self.reflection(node);
                self.push_all(&children(node), scope);
            }
            _ => self.push_all(&children(node), scope),
        }
    }

    fn import(&mut self, node: Node<'t>) {
        let Some(path) = node.child_by_field_name("path") else { return };
        let module = self.names.of(path).trim_matches(|c| c == '"' || c == '`');
        let import = Import { module: module.to_owned(), name: None };
        if module == "C" {
            self.names.hazard(range(node), HazardKind::Macro, None);
        }
        match node.child_by_field_name("name") {
            Some(name) if name.kind() == "dot" => self.names.bindings.wildcards.push((FILE, import)),
            Some(name) if name.kind() == "blank_identifier" || self.names.of(name) == "_" => {}
            Some(name) => {
                if let Some(id) = self.declare(name, Kind::Import, FILE, node, 0)
                    && let Some(found) = self.names.declaration(id)
                {
                    found.import = Some(import);
                    found.public = false;
                }
            }
            // An import without a name is named after its package, by convention the last element of its path: another name
            // is written before the path.
            None => {
                let at = TextRange::new(range(path).start, range(path).start);
                let name = package_name(module);
                let mut found = self.names.plain(Kind::Import, FILE, at, range(node));
                found.name = name.to_owned();
                found.import = Some(import);
                let id = self.names.declare(name, found);
                self.names.form(at, FILE, Role::Declares, Target::Declaration(id), Form::First(" "));
                if let Some(reference) = self.names.bindings.references.last_mut() {
                    name.clone_into(&mut reference.name);
                }
            }
        }
    }

    fn variables(&mut self, node: Node<'t>, scope: ScopeId) {
        let kind = if node.kind() == "const_spec" { Kind::Constant } else { Kind::Variable };
        let of = node.child_by_field_name("type");
        let values = node.child_by_field_name("value").map(children).unwrap_or_default();
        let names = fields(node, "name");
        for (index, name) in (0..).zip(&names) {
            let id = self.declare(*name, kind, scope, node, node.end_byte());
            self.document(id, node);
            match (of, source(&values, index, names.len())) {
                (Some(of), _) => self.source(id, Source::Type(of), scope),
                (None, Some(value)) => self.source(id, value, scope),
                (None, None) => {}
            }
        }
        self.push_all(&values, scope);
        if let Some(of) = of {
            self.push(of, scope);
        }
    }

    /// `:=` declares what the same block has not; the rest is given a value.
    fn short(&mut self, node: Node<'t>, scope: ScopeId, whole: Option<Source<'t>>) {
        let left = node.child_by_field_name("left").map(children).unwrap_or_default();
        let right = node.child_by_field_name("right");
        let values = match right {
            Some(list) if list.kind() == "expression_list" => children(list),
            right => right.into_iter().collect(),
        };
        for (index, name) in (0..).zip(&left) {
            let text = self.names.of(*name);
            if name.kind() != "identifier" {
                self.push(*name, scope);
            } else if !self.names.here(scope, Space::Value, text).is_empty() {
                self.later(*name, scope, Role::Writes, What::Name);
            } else {
                let id = self.declare(*name, Kind::Variable, scope, node, node.end_byte());
                self.document(id, node);
                let found =
                    if whole.is_some() { whole.filter(|_| index == 0) } else { source(&values, index, left.len()) };
                if let Some(found) = found {
                    self.source(id, found, scope);
                }
            }
        }
        self.push_all(&values, scope);
    }

    fn range(&mut self, node: Node<'t>, scope: ScopeId) {
        let right = node.child_by_field_name("right");
        if child(node, ":=").is_some() {
            let left = node.child_by_field_name("left").map(children).unwrap_or_default();
            for (index, name) in left.iter().enumerate() {
                let id = self.declare(*name, Kind::Variable, scope, node, node.end_byte());
                if let Some(right) = right {
                    self.source(id, if index == 0 { Source::Key(right) } else { Source::Element(right) }, scope);
                }
            }
        } else {
            self.written(node, scope);
        }
        self.push_field(node, "right", scope);
    }

    fn written(&mut self, node: Node<'t>, scope: ScopeId) {
        let left = node.child_by_field_name("left").map(children).unwrap_or_default();
        self.stack.extend(left.into_iter().map(|found| (found, scope, Role::Writes)));
    }

    /// The variable of a type switch is one symbol, although each clause has its own.
    fn type_switch(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Block, scope, node);
        let alias = node.child_by_field_name("alias").map(children).unwrap_or_default();
        let value = node.child_by_field_name("value");
        for name in alias.iter().take(1) {
            let from = value.map_or(node.end_byte(), |value| value.end_byte());
            let id = self.declare(*name, Kind::Variable, inner, node, from);
            if let Some(value) = value {
                self.source(id, Source::Switched(value), inner);
            }
        }
        let rest: Vec<Node<'t>> =
            children(node).into_iter().filter(|found| found.kind() != "expression_list").collect();
        self.push_all(&rest, inner);
    }

    fn label(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("label");
        if let Some(name) = name {
            let function = self.around(scope);
            self.declare(name, Kind::Label, function, node, 0);
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

    /// The elements of a literal. Names before a colon are fields of a struct, and expressions in a map.
    fn literal(&mut self, body: Node<'t>, scope: ScopeId, of: Option<(Node<'t>, u32)>) {
        let mut bodies = vec![(body, of)];
        while let Some((body, of)) = bodies.pop() {
            let deeper = of.map(|(node, depth)| (node, depth + 1));
            for element in children(body) {
                let keyed = element.kind() == "keyed_element";
                let key = element.child_by_field_name("key").filter(|_| keyed);
                let value = if keyed { element.child_by_field_name("value") } else { Some(element) };
                for (part, is_key) in [(key, true), (value, false)] {
                    for inner in part.map(children).unwrap_or_default() {
                        match inner.kind() {
                            "literal_value" => bodies.push((inner, deeper.filter(|_| !is_key))),
                            "identifier" if is_key => self.later(inner, scope, Role::Keyword, What::Key(of)),
                            _ => self.push(inner, scope),
                        }
                    }
                }
            }
        }
    }

    fn reflection(&mut self, node: Node<'t>) {
        let called = node.child_by_field_name("function").and_then(|called| called.child_by_field_name("field"));
        let Some("MethodByName" | "FieldByName") = called.map(|called| self.names.of(called)) else { return };
        let argument = node.child_by_field_name("arguments").and_then(|list| children(list).first().copied());
        let literal = argument.filter(|argument| argument.kind() == "interpreted_string_literal");
        let name = literal.map(|literal| self.names.of(literal).trim_matches('"'));
        self.names.hazard(range(node), HazardKind::Reflection, name);
    }
}

/// The value of one of several names.
fn source<'t>(values: &[Node<'t>], index: u32, names: usize) -> Option<Source<'t>> {
    match values {
        [only] if names > 1 => Some(Source::Value(*only, Some(index))),
        values => values.get(index as usize).map(|value| Source::Value(*value, None)),
    }
}

/// The name of a package by convention: the last element of its path that is no version.
pub(crate) fn package_name(module: &str) -> &str {
    let version = |element: &str| {
        element
            .strip_prefix('v')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut elements = module.rsplit('/');
    let last = elements.next().unwrap_or(module);
    let last = if version(last) { elements.next().unwrap_or(last) } else { last };
    match last.split_once(".v") {
        Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => last,
    }
}
