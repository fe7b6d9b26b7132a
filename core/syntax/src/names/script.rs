//! The scopes of a script: JavaScript and TypeScript.
//!
//! The order of statements does not count: a name that a scope binds anywhere is bound in all of it. Types are not read.

use super::FreeName;
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;
use tree_sitter::{Node, Tree};

/// The globals of browsers, Node.js and test frameworks, after the lists of the package `globals` (MIT).
static GLOBALS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("globals.txt").split_whitespace().collect());

/// Interfaces of browsers, of which there are more every year.
const INTERFACES: &[&str] = &["HTML", "SVG", "WebGL", "RTC", "IDB", "CSS", "GPU", "XR", "DOM"];

struct Scope<'s> {
    parent: usize,
    /// The scope in which `var` binds.
    function: usize,
    names: HashSet<&'s str>,
}

/// The role in which a node is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Use,
    /// Names that `let`, a parameter and the like bind in a scope.
    Binding(usize),
    /// The target of an assignment.
    Target,
}

#[derive(Clone, Copy)]
struct Work<'t> {
    node: Node<'t>,
    scope: usize,
    role: As,
}

/// The names that a script uses and does not bind; `None` where scripts share their names, or may.
pub(crate) fn free(tree: &Tree, text: &str) -> Option<Vec<FreeName>> {
    let mut walk = Walk { text, scopes: Vec::new(), uses: Vec::new(), todo: Vec::new(), unknown: false, module: false };
    walk.scopes.push(Scope { parent: 0, function: 0, names: HashSet::new() });
    walk.todo.push(Work { node: tree.root_node(), scope: 0, role: As::Use });
    while let Some(work) = walk.todo.pop() {
        walk.read(work);
    }
    walk.free()
}

struct Walk<'t, 's> {
    text: &'s str,
    scopes: Vec<Scope<'s>>,
    uses: Vec<(usize, &'s str, usize, u32)>,
    todo: Vec<Work<'t>>,
    unknown: bool,
    /// Imports or exports something.
    module: bool,
}

impl<'t, 's> Walk<'t, 's> {
    fn free(self) -> Option<Vec<FreeName>> {
        if self.unknown || !self.module {
            return None;
        }
        let mut first: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
        for &(scope, name, at, line) in &self.uses {
            if !self.resolves(scope, name) {
                let place = first.entry(name).or_insert((at, line));
                *place = (*place).min((at, line));
            }
        }
        let mut free: Vec<_> = first.into_iter().map(|(name, (at, line))| (at, line, name)).collect();
        free.sort_unstable();
        Some(free.into_iter().map(|(_, line, name)| FreeName { line, name: name.to_owned() }).collect())
    }

    fn resolves(&self, scope: usize, name: &str) -> bool {
        let mut at = scope;
        while !self.scopes[at].names.contains(name) {
            if at == 0 {
                return GLOBALS.contains(name) || INTERFACES.iter().any(|lead| name.starts_with(lead));
            }
            at = self.scopes[at].parent;
        }
        true
    }

    fn said(&self, node: Node<'_>) -> &'s str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn bind(&mut self, node: Node<'_>, scope: usize) {
        let name = self.said(node);
        self.scopes[scope].names.insert(name);
    }

    fn open(&mut self, parent: usize, function: bool) -> usize {
        let at = self.scopes.len();
        let function = if function { at } else { self.scopes[parent].function };
        self.scopes.push(Scope { parent, function, names: HashSet::new() });
        at
    }

    fn add(&mut self, node: Option<Node<'t>>, scope: usize, role: As) {
        self.todo.extend(node.map(|node| Work { node, scope, role }));
    }

    fn children(&mut self, work: Work<'t>) {
        let mut cursor = work.node.walk();
        self.todo.extend(work.node.named_children(&mut cursor).map(|node| Work { node, ..work }));
    }

    fn read(&mut self, work: Work<'t>) {
        match work.role {
            As::Use => self.read_use(work),
            As::Binding(scope) => self.read_pattern(work, scope),
            As::Target => self.read_target(work),
        }
    }

    fn read_pattern(&mut self, work: Work<'t>, into: usize) {
        let Work { node, scope, .. } = work;
        match node.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => self.bind(node, into),
            "pair_pattern" => {
                let key = node.child_by_field_name("key").filter(|key| key.kind() == "computed_property_name");
                self.add(key, scope, As::Use);
                self.add(node.child_by_field_name("value"), scope, work.role);
            }
            "assignment_pattern" | "object_assignment_pattern" => {
                self.add(node.child_by_field_name("left"), scope, work.role);
                self.add(node.child_by_field_name("right"), scope, As::Use);
            }
            "required_parameter" | "optional_parameter" => {
                let mut cursor = node.walk();
                let decorators = node.named_children(&mut cursor).filter(|child| child.kind() == "decorator");
                self.todo.extend(decorators.map(|node| Work { node, scope, role: As::Use }));
                self.add(node.child_by_field_name("pattern"), scope, work.role);
                self.add(node.child_by_field_name("value"), scope, As::Use);
            }
            "object_pattern" | "array_pattern" | "rest_pattern" | "formal_parameters" => self.children(work),
            _ => {}
        }
    }

    /// An assignment makes a name of the module where nothing else has it.
    fn read_target(&mut self, work: Work<'t>) {
        match work.node.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => self.bind(work.node, 0),
            "object_pattern" | "array_pattern" | "rest_pattern" => self.children(work),
            "pair_pattern" => self.add(work.node.child_by_field_name("value"), work.scope, As::Target),
            "assignment_pattern" | "object_assignment_pattern" => {
                self.add(work.node.child_by_field_name("left"), work.scope, As::Target);
                self.add(work.node.child_by_field_name("right"), work.scope, As::Use);
            }
            _ => self.read_use(Work { role: As::Use, ..work }),
        }
    }

    fn read_use(&mut self, work: Work<'t>) {
        let Work { node, scope, .. } = work;
        let field = |name: &str| node.child_by_field_name(name);
        match node.kind() {
            "identifier" | "shorthand_property_identifier" => {
                let name = self.said(node);
                self.module |= matches!(name, "module" | "exports" | "require");
                let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
                self.uses.push((scope, name, node.start_byte(), line));
            }
            "comment" => self.comment(node),
            "statement_block" | "for_statement" => {
                let scope = self.open(scope, false);
                self.children(Work { scope, ..work });
            }
            "for_in_statement" => {
                let inner = self.open(scope, false);
                let role = match field("kind").map(|kind| self.said(kind)) {
                    Some("var") => As::Binding(self.scopes[scope].function),
                    Some(_) => As::Binding(inner),
                    None => As::Target,
                };
                self.add(field("left"), inner, role);
                self.add(field("right"), inner, As::Use);
                self.add(field("body"), inner, As::Use);
            }
            "catch_clause" => {
                let inner = self.open(scope, false);
                self.add(field("parameter"), inner, As::Binding(inner));
                self.add(field("body"), inner, As::Use);
            }
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                if let Some(name) = field("name") {
                    self.bind(name, scope);
                    // A function in a block is seen in the function around it, too.
                    self.bind(name, self.scopes[scope].function);
                }
                self.function(node, scope);
            }
            "function_expression" | "generator_function" | "arrow_function" | "method_definition" => {
                if node.kind() == "method_definition" {
                    self.add(field("name").filter(|name| name.kind() == "computed_property_name"), scope, As::Use);
                }
                self.function(node, scope);
            }
            "class_declaration" | "abstract_class_declaration" | "class" => {
                let inner = self.open(scope, false);
                if let Some(name) = field("name") {
                    self.bind(name, if node.kind() == "class" { inner } else { scope });
                }
                let mut cursor = node.walk();
                let parts = node
                    .named_children(&mut cursor)
                    .filter(|c| matches!(c.kind(), "class_heritage" | "class_body" | "decorator"));
                self.todo.extend(parts.map(|node| Work { node, scope: inner, role: As::Use }));
            }
            "extends_clause" => self.add(field("value"), scope, As::Use),
            "class_static_block" => {
                let inner = self.open(scope, true);
                self.children(Work { scope: inner, ..work });
            }
            "variable_declarator" => {
                let var = node.parent().is_some_and(|parent| parent.kind() == "variable_declaration");
                let into = if var { self.scopes[scope].function } else { scope };
                self.add(field("name"), scope, As::Binding(into));
                self.add(field("value"), scope, As::Use);
            }
            "assignment_expression" => {
                self.add(field("left"), scope, As::Target);
                self.add(field("right"), scope, As::Use);
            }
            "unary_expression" if field("operator").is_some_and(|o| self.said(o) == "typeof") => {
                // Asks whether there is such a name.
                match field("argument") {
                    Some(argument) if argument.kind() == "identifier" => self.bind(argument, 0),
                    argument => self.add(argument, scope, As::Use),
                }
            }
            "member_expression" => self.add(field("object"), scope, As::Use),
            "import_statement" => {
                self.module = true;
                self.import(node);
            }
            "import_alias" => self.add(node.named_child(0), scope, As::Binding(0)),
            "export_statement" => {
                self.module = true;
                if field("source").is_none() {
                    self.children(work);
                }
            }
            "export_specifier" => self.add(field("name"), scope, As::Use),
            "call_expression" => {
                self.unknown |= field("function").is_some_and(|f| self.said(f) == "eval");
                self.children(work);
            }
            "with_statement" | "internal_module" | "module" => self.unknown = true,
            "enum_declaration" | "type_alias_declaration" | "interface_declaration" => {
                if let Some(name) = field("name") {
                    self.bind(name, scope);
                }
            }
            "as_expression" | "satisfies_expression" | "instantiation_expression" => {
                self.add(node.named_child(0), scope, As::Use);
            }
            "type_assertion" => {
                let last = u32::try_from(node.named_child_count()).unwrap_or(0).checked_sub(1);
                self.add(last.and_then(|last| node.named_child(last)), scope, As::Use);
            }
            "jsx_opening_element" | "jsx_self_closing_element" => {
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    let element = Some(child) == field("name") && child.kind() == "identifier";
                    // `<div>` is no name.
                    if !(element && self.said(child).starts_with(|c: char| !c.is_uppercase())) {
                        self.todo.push(Work { node: child, ..work });
                    }
                }
            }
            kind if is_type(kind) => {}
            _ => self.children(work),
        }
    }

    fn function(&mut self, node: Node<'t>, scope: usize) {
        let inner = self.open(scope, true);
        if node.kind() != "method_definition"
            && let Some(name) = node.child_by_field_name("name")
        {
            self.bind(name, inner);
        }
        for field in ["parameter", "parameters"] {
            self.add(node.child_by_field_name(field), inner, As::Binding(inner));
        }
        self.add(node.child_by_field_name("body"), inner, As::Use);
    }

    fn import(&mut self, node: Node<'t>) {
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            match node.kind() {
                "identifier" => self.bind(node, 0),
                "import_specifier" => {
                    todo.extend(node.child_by_field_name("alias").or_else(|| node.child_by_field_name("name")));
                }
                "string" | "import_attribute" => {}
                _ => {
                    let mut cursor = node.walk();
                    todo.extend(node.named_children(&mut cursor));
                }
            }
        }
    }

    /// `/* global jQuery */` tells of names from elsewhere.
    fn comment(&mut self, node: Node<'_>) {
        let text = self.said(node).trim_start_matches(['/', '*', ' ']);
        if text.starts_with("global") || text.starts_with("eslint-env") || text.starts_with("jshint") {
            let names = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
            self.scopes[0].names.extend(names);
        }
    }
}

/// Nodes in which only types are named.
fn is_type(kind: &str) -> bool {
    matches!(
        kind,
        "type_annotation"
            | "type_arguments"
            | "type_parameters"
            | "type_predicate_annotation"
            | "asserts_annotation"
            | "implements_clause"
            | "extends_type_clause"
            | "index_signature"
            | "abstract_method_signature"
            | "method_signature"
            | "property_signature"
            | "call_signature"
            | "construct_signature"
            | "jsx_closing_element"
            | "jsx_namespace_name"
            | "namespace_export"
            | "meta_property"
    )
}
