//! The scopes of a Python text.
//!
//! The order of statements does not count: a name that a scope binds anywhere is bound in all of it. Names inside strings
//! (annotations among them) are not read.

use super::{FreeName, Import, Surface, builtins};
use std::collections::{BTreeMap, HashSet};
use tree_sitter::{Node, Tree};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Module,
    Class,
    Function,
    Comprehension,
}

struct Scope<'s> {
    kind: Kind,
    parent: usize,
    names: HashSet<&'s str>,
    /// Names that `global` or `nonlocal` gives to another scope.
    elsewhere: HashSet<&'s str>,
}

/// The role in which a node is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Use,
    Target,
    Pattern,
}

/// A node that is still to be read.
#[derive(Clone, Copy)]
struct Work<'t> {
    node: Node<'t>,
    scope: usize,
    role: As,
    /// The program expects that a name may be missing here.
    expected: bool,
    /// The program may go on without what is here.
    optional: bool,
}

/// A text's scopes, with the names that are bound and used in each.
pub(crate) struct Walk<'t, 's> {
    text: &'s str,
    scopes: Vec<Scope<'s>>,
    uses: Vec<(usize, &'s str, usize, u32)>,
    todo: Vec<Work<'t>>,
    /// The imports, in their order.
    pub(crate) imports: Vec<Import>,
    /// The names in `__all__`.
    exports: Vec<FreeName>,
    star: bool,
    unknown: bool,
}

impl<'t, 's> Walk<'t, 's> {
    pub(crate) fn of(tree: &'t Tree, text: &'s str) -> Self {
        let mut walk = Self {
            text,
            scopes: Vec::new(),
            uses: Vec::new(),
            todo: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            star: false,
            unknown: false,
        };
        let scope = walk.open(Kind::Module, 0);
        walk.todo.push(Work { node: tree.root_node(), scope, role: As::Use, expected: false, optional: false });
        while let Some(work) = walk.todo.pop() {
            walk.read(work);
        }
        walk.imports.sort_by_key(|import| import.line);
        walk
    }

    pub(crate) fn free(&self) -> Option<Vec<FreeName>> {
        if self.star || self.unknown {
            return None;
        }
        let mut first: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
        for &(scope, name, at, line) in &self.uses {
            if self.resolves(scope, name) {
                continue;
            }
            let place = first.entry(name).or_insert((at, line));
            *place = (*place).min((at, line));
        }
        let mut free: Vec<_> = first.into_iter().map(|(name, (at, line))| (at, line, name)).collect();
        free.sort_unstable();
        Some(free.into_iter().map(|(_, line, name)| FreeName { line, name: name.to_owned() }).collect())
    }

    /// The names that `__all__` lists and the module does not bind.
    pub(crate) fn missing_exports(self) -> Vec<FreeName> {
        let surface = self.surface();
        if surface.open {
            return Vec::new();
        }
        self.exports.into_iter().filter(|export| !surface.names.contains(&export.name)).collect()
    }

    fn exports_of(&mut self, node: Node<'t>) {
        if node.child_by_field_name("left").is_none_or(|left| self.said(left) != "__all__") {
            return;
        }
        let Some(right) = node.child_by_field_name("right").filter(|r| matches!(r.kind(), "list" | "tuple")) else {
            return;
        };
        let mut cursor = right.walk();
        for string in right.named_children(&mut cursor).filter(|child| child.kind() == "string") {
            let content =
                string.named_child(1).filter(|c| c.kind() == "string_content" && string.named_child_count() == 3);
            if let Some(content) = content {
                let line = u32::try_from(content.start_position().row + 1).unwrap_or(u32::MAX);
                self.exports.push(FreeName { line, name: self.said(content).to_owned() });
            }
        }
    }

    pub(crate) fn surface(&self) -> Surface {
        let names: std::collections::BTreeSet<String> =
            self.scopes.first().into_iter().flat_map(|s| &s.names).map(|n| (*n).to_owned()).collect();
        let open = self.star || self.unknown || names.contains("__getattr__");
        Surface { names, open }
    }

    fn open(&mut self, kind: Kind, parent: usize) -> usize {
        self.scopes.push(Scope { kind, parent, names: HashSet::new(), elsewhere: HashSet::new() });
        self.scopes.len() - 1
    }

    fn resolves(&self, scope: usize, name: &str) -> bool {
        let mut at = scope;
        // The names of a class are seen in its own body, and not in the functions there.
        let mut in_class = true;
        loop {
            let here = &self.scopes[at];
            if here.names.contains(name) && (here.kind != Kind::Class || in_class) {
                return true;
            }
            if here.kind != Kind::Comprehension {
                in_class = false;
            }
            if at == 0 {
                return builtins::PYTHON.binary_search(&name).is_ok();
            }
            at = here.parent;
        }
    }

    fn said(&self, node: Node<'_>) -> &'s str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn bind(&mut self, node: Node<'t>, scope: usize) {
        let name = self.said(node);
        if self.scopes[scope].elsewhere.contains(name) {
            self.scopes[0].names.insert(name);
        } else {
            self.scopes[scope].names.insert(name);
        }
    }

    fn children(&mut self, work: Work<'t>) {
        let mut cursor = work.node.walk();
        // The last to be put there is read first.
        let from = self.todo.len();
        self.todo.extend(work.node.named_children(&mut cursor).map(|node| Work { node, ..work }));
        self.todo[from..].reverse();
    }

    fn field(&mut self, work: Work<'t>, field: &str) {
        let mut cursor = work.node.walk();
        self.todo.extend(work.node.children_by_field_name(field, &mut cursor).map(|node| Work { node, ..work }));
    }

    fn read(&mut self, work: Work<'t>) {
        match work.role {
            As::Use => self.read_use(work),
            As::Target => self.read_target(work),
            As::Pattern => self.read_pattern(work),
        }
    }

    fn read_target(&mut self, work: Work<'t>) {
        match work.node.kind() {
            "identifier" => self.bind(work.node, work.scope),
            "attribute" | "subscript" | "call" => self.read_use(Work { role: As::Use, ..work }),
            _ => self.children(work),
        }
    }

    fn read_pattern(&mut self, work: Work<'t>) {
        match work.node.kind() {
            "identifier" => self.bind(work.node, work.scope),
            "dotted_name" if work.node.named_child_count() == 1 => self.children(work),
            "dotted_name" => self.first(Work { role: As::Use, ..work }),
            "class_pattern" => {
                self.children(work);
                // The class is a use, even where it is a single name. It is on top.
                if let Some(class) = self.todo.pop() {
                    self.first(Work { role: As::Use, ..class });
                }
            }
            "keyword_pattern" => {
                self.children(work);
                self.todo.pop();
            }
            _ => self.children(work),
        }
    }

    /// Only the first of the children.
    fn first(&mut self, work: Work<'t>) {
        if let Some(node) = work.node.named_child(0) {
            self.todo.push(Work { node, ..work });
        }
    }

    fn read_use(&mut self, work: Work<'t>) {
        let Work { node, scope, .. } = work;
        match node.kind() {
            "identifier" => {
                let name = self.said(node);
                // These can bind names that no parser sees.
                self.unknown |= matches!(name, "globals" | "exec" | "execfile" | "global_enum" | "_convert_");
                if !work.expected {
                    let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
                    self.uses.push((scope, name, node.start_byte(), line));
                }
            }
            "comment" => {}
            // Python 2, whose names are others.
            "print_statement" | "exec_statement" => self.unknown = true,
            "attribute" => self.field(work, "object"),
            "member_type" => self.first(work),
            "keyword_argument" => self.field(work, "value"),
            "import_statement" | "import_from_statement" | "future_import_statement" => self.import(work),
            "function_definition" => self.function(work),
            "class_definition" => self.class(work),
            "lambda" => self.lambda(work),
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                let scope = self.open(Kind::Comprehension, scope);
                self.children(Work { scope, ..work });
            }
            "for_in_clause" | "for_statement" => {
                self.field(Work { role: As::Target, ..work }, "left");
                for field in ["right", "body", "alternative"] {
                    self.field(work, field);
                }
            }
            "named_expression" => {
                let mut holder = scope;
                while self.scopes[holder].kind == Kind::Comprehension {
                    holder = self.scopes[holder].parent;
                }
                self.field(Work { role: As::Target, scope: holder, ..work }, "name");
                self.field(work, "value");
            }
            "assignment" | "augmented_assignment" => {
                self.exports_of(node);
                self.field(Work { role: As::Target, ..work }, "left");
                self.field(work, "right");
                self.field(work, "type");
            }
            "as_pattern" => {
                self.first(work);
                self.field(Work { role: As::Target, ..work }, "alias");
            }
            "except_clause" | "except_group_clause" => {
                self.children(work);
                // Python 2 binds the second.
                self.field(Work { role: As::Target, ..work }, "alias");
            }
            "global_statement" | "nonlocal_statement" => self.elsewhere(node, scope),
            "delete_statement" => {
                // A deleted name was bound before.
                self.children(Work { role: As::Target, ..work });
            }
            "type_alias_statement" => {
                let inner = self.open(Kind::Function, scope);
                self.field(Work { role: As::Target, scope: inner, ..work }, "left");
                self.field(Work { scope: inner, ..work }, "right");
                if let Some(name) = node.child_by_field_name("left").and_then(leaf) {
                    self.bind(name, scope);
                }
            }
            "case_clause" => {
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    let role = if child.kind() == "case_pattern" { As::Pattern } else { As::Use };
                    self.todo.push(Work { node: child, role, ..work });
                }
            }
            "try_statement" => {
                let expected = work.expected || self.handles_missing_names(node);
                self.children(Work { optional: true, ..work });
                if expected && let Some(body) = node.child_by_field_name("body") {
                    for item in self.todo.iter_mut().filter(|item| item.node == body) {
                        item.expected = true;
                    }
                }
            }
            "if_statement" | "conditional_expression" => {
                let condition = node.child_by_field_name("condition").or_else(|| node.named_child(1));
                let said = condition.map(|c| self.said(c)).unwrap_or_default();
                let by_version = ["version_info", "PY2", "PY3", "hexversion", "sys.version"];
                let expected = work.expected || by_version.iter().any(|mark| said.contains(mark));
                self.children(Work { expected, optional: true, ..work });
            }
            _ => self.children(work),
        }
    }

    fn elsewhere(&mut self, node: Node<'t>, scope: usize) {
        let mut cursor = node.walk();
        for name in node.named_children(&mut cursor).filter(|n| n.kind() == "identifier") {
            let name = self.said(name);
            self.scopes[scope].elsewhere.insert(name);
            if node.kind() == "global_statement" {
                self.scopes[0].names.insert(name);
            }
        }
    }

    /// Whether a `try` statement catches what a name without a meaning raises.
    fn handles_missing_names(&self, node: Node<'t>) -> bool {
        let mut cursor = node.walk();
        node.named_children(&mut cursor).filter(|child| child.kind() == "except_clause").any(|clause| {
            let value = clause.child_by_field_name("value").map(|v| self.said(v)).unwrap_or_default();
            value.is_empty() || value.contains("NameError")
        })
    }

    fn function(&mut self, work: Work<'t>) {
        let Work { node, mut scope, .. } = work;
        if let Some(name) = node.child_by_field_name("name") {
            self.bind(name, scope);
        }
        if let Some(parameters) = node.child_by_field_name("type_parameters") {
            scope = self.type_parameters(Work { node: parameters, ..work });
        }
        let outer = Work { scope, ..work };
        self.field(outer, "return_type");
        let inner = Work { scope: self.open(Kind::Function, scope), ..work };
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.parameters(parameters, outer, inner.scope);
        }
        self.field(inner, "body");
    }

    fn lambda(&mut self, work: Work<'t>) {
        let scope = self.open(Kind::Function, work.scope);
        if let Some(parameters) = work.node.child_by_field_name("parameters") {
            self.parameters(parameters, work, scope);
        }
        self.field(Work { scope, ..work }, "body");
    }

    /// Names are bound inside; defaults and annotations are evaluated outside.
    fn parameters(&mut self, node: Node<'t>, outer: Work<'t>, inner: usize) {
        let mut cursor = node.walk();
        for parameter in node.named_children(&mut cursor) {
            let part = Work { node: parameter, ..outer };
            let target = Work { role: As::Target, scope: inner, ..part };
            match parameter.kind() {
                "default_parameter" | "typed_default_parameter" => {
                    self.field(target, "name");
                    self.field(part, "type");
                    self.field(part, "value");
                }
                "typed_parameter" => {
                    self.first(target);
                    self.field(part, "type");
                }
                _ => self.todo.push(target),
            }
        }
    }

    fn class(&mut self, work: Work<'t>) {
        let Work { node, mut scope, .. } = work;
        if let Some(name) = node.child_by_field_name("name") {
            self.bind(name, scope);
        }
        if let Some(parameters) = node.child_by_field_name("type_parameters") {
            scope = self.type_parameters(Work { node: parameters, ..work });
        }
        self.field(Work { scope, ..work }, "superclasses");
        let scope = self.open(Kind::Class, scope);
        self.field(Work { scope, ..work }, "body");
    }

    /// A scope with the type parameters of a definition. Bounds and defaults bind their names too, which only makes more
    /// known.
    fn type_parameters(&mut self, work: Work<'t>) -> usize {
        let scope = self.open(Kind::Function, work.scope);
        self.children(Work { scope, role: As::Target, ..work });
        scope
    }

    fn import(&mut self, work: Work<'t>) {
        let Work { node, scope, .. } = work;
        let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
        let optional = work.optional;
        let from = node.child_by_field_name("module_name").map(|module| self.said(module));
        let mut names = Vec::new();
        let mut cursor = node.walk();
        let parts: Vec<_> = node.children_by_field_name("name", &mut cursor).collect();
        for part in parts {
            let name = part.child_by_field_name("name").unwrap_or(part);
            let bound = part.child_by_field_name("alias").or_else(|| name.named_child(0)).unwrap_or(name);
            self.bind(bound, scope);
            let said: String = self.said(name).split_whitespace().collect();
            match from {
                _ if node.kind() == "future_import_statement" => {}
                Some(_) => names.push(said),
                None => self.imports.push(Import { module: said, names: Vec::new(), line, optional }),
            }
        }
        let mut cursor = node.walk();
        self.star |= node.named_children(&mut cursor).any(|child| child.kind() == "wildcard_import");
        if let Some(module) = from {
            let module = module.split_whitespace().collect();
            self.imports.push(Import { module, names, line, optional });
        }
    }
}

/// The first identifier in a node.
fn leaf(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node;
    while at.kind() != "identifier" {
        at = at.named_child(0)?;
    }
    Some(at)
}
