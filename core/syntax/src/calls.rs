//! Functions with the parameters that they take, and calls with what they give.
//!
//! **Invariant:** silent when unsure. A function is told only where its name has no other meaning in the text, and a call
//! only where its arguments can be counted.

use crate::Language;
use crate::parse::parse;
use std::collections::{BTreeSet, HashMap};
use tree_sitter::Node;

/// A function that can be called by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    /// Its name; that of the class where it makes one.
    pub name: String,
    /// Its parameters that have a place, in their order, `self` left out.
    pub positional: Vec<Parameter>,
    /// Parameters that are given by name only.
    pub named: Vec<Parameter>,
    /// Takes any number of further arguments.
    pub rest: bool,
    /// Takes further arguments by name.
    pub names: bool,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; empty for a pattern.
    pub name: String,
    /// It must be given.
    pub required: bool,
}

/// A call of a name, with arguments that can be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The name of the callee.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// How many arguments have no name.
    pub positional: usize,
    /// The names of the others.
    pub named: Vec<String>,
}

/// The functions and the calls of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calls {
    /// Functions that are defined once, at the top level, and are what they say: nothing decorates them.
    pub callables: Vec<Callable>,
    /// Calls of names that no function around them binds otherwise.
    pub calls: Vec<Call>,
}

/// The functions and calls of a Python text or a script; `None` for other languages, and where the text does not parse.
#[must_use]
pub fn calls(language: Language, text: &str) -> Option<Calls> {
    let tree = parse(language, text).filter(|tree| !tree.root_node().has_error())?;
    let script = match language {
        Language::Python => false,
        script if script.is_script() => true,
        _ => return None,
    };
    let mut reader = Reader { text, script, found: Calls::default(), bound: HashMap::new(), imported: BTreeSet::new() };
    let mut cursor = tree.walk();
    loop {
        reader.read(cursor.node());
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(reader.finish());
            }
        }
    }
}

struct Reader<'s> {
    text: &'s str,
    script: bool,
    found: Calls,
    /// How often each name is bound.
    bound: HashMap<&'s str, usize>,
    imported: BTreeSet<&'s str>,
}

impl<'s> Reader<'s> {
    fn said(&self, node: Node<'_>) -> &'s str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn finish(mut self) -> Calls {
        let bound = &self.bound;
        self.found.callables.retain(|callable| bound.get(callable.name.as_str()) == Some(&1));
        // A name that is bound once is a function of the module or an import; otherwise a scope may hide it.
        self.found.calls.retain(|call| bound.get(call.name.as_str()).is_none_or(|count| *count == 1));
        let known: BTreeSet<&str> = self.found.callables.iter().map(|c| c.name.as_str()).collect();
        let imported = &self.imported;
        self.found.calls.retain(|call| known.contains(call.name.as_str()) || imported.contains(call.name.as_str()));
        self.found
    }

    fn read(&mut self, node: Node<'_>) {
        if self.script { self.read_script(node) } else { self.read_python(node) }
    }

    fn bind(&mut self, node: Node<'_>) {
        let name = self.said(node);
        *self.bound.entry(name).or_default() += 1;
    }

    /// Binds every name of a pattern.
    fn bind_all(&mut self, pattern: Node<'_>) {
        let mut todo = vec![pattern];
        while let Some(node) = todo.pop() {
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" => self.bind(node),
                "attribute"
                | "subscript"
                | "member_expression"
                | "subscript_expression"
                | "type"
                | "type_annotation" => {}
                _ => {
                    let values = ["value", "right"].map(|field| node.child_by_field_name(field));
                    let key = node.child_by_field_name("key");
                    let mut cursor = node.walk();
                    let inner = node.named_children(&mut cursor).filter(|child| {
                        node.kind() == "pair_pattern" && Some(*child) != key
                            || !values.contains(&Some(*child)) && Some(*child) != key
                    });
                    todo.extend(inner);
                }
            }
        }
    }

    fn read_python(&mut self, node: Node<'_>) {
        match node.kind() {
            "function_definition" | "class_definition" => {
                // Methods are no names of their own.
                let in_class = node
                    .parent()
                    .map(|p| if p.kind() == "decorated_definition" { p.parent() } else { Some(p) })
                    .and_then(|p| p.filter(|p| p.kind() == "block").and_then(|p| p.parent()))
                    .is_some_and(|p| p.kind() == "class_definition");
                if let Some(name) = node.child_by_field_name("name").filter(|_| !in_class) {
                    self.bind(name);
                }
                if node.parent().is_some_and(|p| p.kind() == "module") {
                    let callable =
                        if node.kind() == "class_definition" { self.class(node) } else { self.function(node, false) };
                    self.found.callables.extend(callable);
                }
            }
            "parameters" | "lambda_parameters" => self.parameters(node),
            "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.bind_all(left);
                }
            }
            "named_expression" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name);
                }
            }
            "as_pattern_target" | "global_statement" | "nonlocal_statement" | "case_pattern" | "delete_statement" => {
                self.bind_all(node);
            }
            "import_from_statement" => {
                let mut cursor = node.walk();
                for name in node.children_by_field_name("name", &mut cursor) {
                    if name.kind() == "aliased_import" {
                        if let Some(alias) = name.child_by_field_name("alias") {
                            self.bind(alias);
                        }
                    } else if name.named_child_count() == 1 {
                        self.bind(name);
                        self.imported.insert(self.said(name));
                    }
                }
            }
            "import_statement" => {
                let mut cursor = node.walk();
                for name in node.children_by_field_name("name", &mut cursor) {
                    if let Some(name) = name.child_by_field_name("alias").or_else(|| name.named_child(0)) {
                        self.bind(name);
                    }
                }
            }
            "call" => self.call(node, "function"),
            _ => {}
        }
    }

    fn parameters(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let all: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        for parameter in all {
            let name = parameter.child_by_field_name("name").or_else(|| match parameter.kind() {
                "identifier" => Some(parameter),
                _ => parameter.named_child(0),
            });
            if let Some(name) = name {
                self.bind_all(name);
            }
        }
    }

    fn function(&self, node: Node<'_>, method: bool) -> Option<Callable> {
        let name = self.said(node.child_by_field_name("name")?).to_owned();
        let list = node.child_by_field_name("parameters")?;
        let mut callable = Callable { name, positional: Vec::new(), named: Vec::new(), rest: false, names: false };
        let mut by_name = false;
        let mut cursor = list.walk();
        for parameter in list.named_children(&mut cursor) {
            let inner = parameter.named_child(0).map(|n| n.kind());
            let kind = if parameter.kind() == "typed_parameter" { inner.unwrap_or_default() } else { parameter.kind() };
            let (name, required) = match kind {
                "identifier" if parameter.kind() == "typed_parameter" => (parameter.named_child(0), true),
                "identifier" => (Some(parameter), true),
                "default_parameter" | "typed_default_parameter" => (parameter.child_by_field_name("name"), false),
                "list_splat_pattern" => {
                    (callable.rest, by_name) = (true, true);
                    continue;
                }
                "keyword_separator" => {
                    by_name = true;
                    continue;
                }
                "dictionary_splat_pattern" => {
                    callable.names = true;
                    continue;
                }
                "positional_separator" | "comment" => continue,
                _ => return None,
            };
            let parameter = Parameter { name: name.map(|n| self.said(n).to_owned()).unwrap_or_default(), required };
            if by_name { callable.named.push(parameter) } else { callable.positional.push(parameter) }
        }
        if method {
            if callable.positional.is_empty() {
                return None;
            }
            callable.positional.remove(0);
        }
        Some(callable)
    }

    /// A class that says itself what its objects are made of.
    fn class(&self, node: Node<'_>) -> Option<Callable> {
        let name = self.said(node.child_by_field_name("name")?);
        let bases = node.child_by_field_name("superclasses").map_or(0, |bases| bases.named_child_count());
        let body = node.child_by_field_name("body")?;
        let mut cursor = body.walk();
        let all: Vec<Node<'_>> = body.named_children(&mut cursor).collect();
        let named = |node: &Node<'_>| node.child_by_field_name("name").map(|n| self.said(n));
        if bases > 0 || all.iter().any(|node| named(node) == Some("__new__")) {
            return None;
        }
        let mut makers =
            all.iter().filter(|node| node.kind() == "function_definition" && named(node) == Some("__init__"));
        let (Some(maker), None) = (makers.next(), makers.next()) else { return None };
        Some(Callable { name: name.to_owned(), ..self.function(*maker, true)? })
    }

    fn call(&mut self, node: Node<'_>, field: &str) {
        let Some(called) = node.child_by_field_name(field).filter(|called| called.kind() == "identifier") else {
            return;
        };
        let Some(arguments) = node.child_by_field_name("arguments") else { return };
        let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
        let mut call = Call { name: self.said(called).to_owned(), line, positional: 0, named: Vec::new() };
        if arguments.kind() == "generator_expression" {
            call.positional = 1;
        } else {
            let mut cursor = arguments.walk();
            for argument in arguments.named_children(&mut cursor) {
                match argument.kind() {
                    "comment" => {}
                    "list_splat" | "dictionary_splat" | "spread_element" => return,
                    "keyword_argument" => {
                        call.named.extend(argument.child_by_field_name("name").map(|name| self.said(name).to_owned()));
                    }
                    _ => call.positional += 1,
                }
            }
        }
        self.found.calls.push(call);
    }

    fn read_script(&mut self, node: Node<'_>) {
        match node.kind() {
            "function_declaration" | "generator_function_declaration" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name);
                    self.top(node, name, node);
                }
            }
            "function_signature" => {
                // Overloads of one function.
                for _ in 0..2 {
                    if let Some(name) = node.child_by_field_name("name") {
                        self.bind(name);
                    }
                }
            }
            "class_declaration" | "class" | "function_expression" | "enum_declaration" | "internal_module" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name);
                }
            }
            "variable_declarator" => {
                let Some(name) = node.child_by_field_name("name") else { return };
                self.bind_all(name);
                let constant = node.parent().is_some_and(|p| self.said(p).starts_with("const"));
                let value = node.child_by_field_name("value");
                if let Some(value) =
                    value.filter(|v| constant && matches!(v.kind(), "arrow_function" | "function_expression"))
                    && let (Some(declaration), "identifier") = (node.parent(), name.kind())
                {
                    self.top(declaration, name, value);
                }
            }
            "formal_parameters" | "catch_clause" => {
                let parameter =
                    if node.kind() == "catch_clause" { node.child_by_field_name("parameter") } else { Some(node) };
                if let Some(parameter) = parameter {
                    self.bind_all(parameter);
                }
            }
            "arrow_function" => {
                if let Some(parameter) = node.child_by_field_name("parameter") {
                    self.bind(parameter);
                }
            }
            "assignment_expression" | "augmented_assignment_expression" | "for_in_statement" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.bind_all(left);
                }
            }
            "import_specifier" => {
                let (name, alias) = (node.child_by_field_name("name"), node.child_by_field_name("alias"));
                if let Some(bound) = alias.or(name) {
                    self.bind(bound);
                }
                if let (Some(name), None) = (name, alias) {
                    self.imported.insert(self.said(name));
                }
            }
            "import_clause" | "namespace_import" => {
                let mut cursor = node.walk();
                let names: Vec<Node<'_>> =
                    node.named_children(&mut cursor).filter(|n| n.kind() == "identifier").collect();
                for name in names {
                    self.bind(name);
                }
            }
            "call_expression" => self.call(node, "function"),
            _ => {}
        }
    }

    /// A function of the top level.
    fn top(&mut self, declaration: Node<'_>, name: Node<'_>, function: Node<'_>) {
        let above =
            declaration.parent().and_then(|p| if p.kind() == "export_statement" { p.parent() } else { Some(p) });
        let body = function.child_by_field_name("body").map(|body| self.said(body)).unwrap_or_default();
        if above.is_none_or(|above| above.kind() != "program") || body.contains("arguments") {
            return;
        }
        let mut callable = Callable {
            name: self.said(name).to_owned(),
            positional: Vec::new(),
            named: Vec::new(),
            rest: false,
            names: false,
        };
        let Some(list) = function.child_by_field_name("parameters") else {
            if let Some(parameter) = function.child_by_field_name("parameter") {
                callable.positional.push(Parameter { name: self.said(parameter).to_owned(), required: true });
                self.found.callables.push(callable);
            }
            return;
        };
        let mut cursor = list.walk();
        for parameter in list.named_children(&mut cursor) {
            let pattern = parameter.child_by_field_name("pattern").unwrap_or(parameter);
            match (parameter.kind(), pattern.kind()) {
                ("comment", _) => continue,
                (_, "this") => continue,
                (_, "rest_pattern") => callable.rest = true,
                (kind, _) => {
                    let default = parameter.child_by_field_name("value").is_some();
                    let required = !default && !matches!(kind, "assignment_pattern" | "optional_parameter");
                    callable.positional.push(Parameter { name: self.said(pattern).to_owned(), required });
                }
            }
        }
        self.found.callables.push(callable);
    }
}
