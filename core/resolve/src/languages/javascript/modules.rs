//! Imports and exports, in the words of ES modules, TypeScript and CommonJS.

use super::build::{ANY, Builder, FILE, Meaning, Merge, Mode, This, UNKNOWN, VALUE, nth, range};
use super::hint::{Ctx, Hint, HintId};
use crate::{DeclarationKind, Form, Import, Role, ScopeId};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// The name under which `export =` and `module.exports =` let one value out.
pub(super) const WHOLE: &str = "export=";

impl<'t> Builder<'t> {
    /// The module of `require("…")`.
    pub(super) fn required(&self, value: Node<'t>, scope: ScopeId) -> Option<&'t str> {
        let function = value.child_by_field_name("function")?;
        let arguments = value.child_by_field_name("arguments")?;
        let module = nth(arguments, 0).filter(|module| module.kind() == "string")?;
        let is_require = value.kind() == "call_expression" && self.str(function) == "require";
        let own = self.lookup("require", scope, VALUE, range(value).start).is_some();
        (is_require && !own && arguments.named_child_count() == 1).then(|| self.inner(module))
    }

    /// The module and the name of `require("…").name`.
    pub(super) fn required_member(&self, value: Node<'t>, scope: ScopeId) -> Option<(&'t str, Node<'t>)> {
        if value.kind() != "member_expression" {
            return None;
        }
        let module = self.required(value.child_by_field_name("object")?, scope)?;
        let property = value.child_by_field_name("property")?;
        (property.kind() == "property_identifier").then_some((module, property))
    }

    fn import(
        &mut self,
        name: Node<'t>,
        scope: ScopeId,
        module: &str,
        imported: Option<&str>,
        extent: Node<'t>,
    ) -> usize {
        let index = self.declare(name, scope, DeclarationKind::Import, ANY, Merge::Once, extent);
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.import = Some(Import { module: module.to_owned(), name: imported.map(str::to_owned) });
        }
        index
    }

    pub(super) fn import_statement(&mut self, node: Node<'t>, scope: ScopeId) {
        self.is_module |= scope == FILE;
        let mut cursor = node.walk();
        let source = node.child_by_field_name("source");
        for clause in node.named_children(&mut cursor) {
            if clause.kind() == "import_require_clause" {
                let (Some(name), Some(source)) = (nth(clause, 0), clause.child_by_field_name("source")) else {
                    continue;
                };
                self.import(name, scope, self.inner(source), None, node);
            }
            let Some(module) = source.map(|source| self.inner(source)).filter(|_| clause.kind() == "import_clause")
            else {
                continue;
            };
            let mut parts = clause.walk();
            for part in clause.named_children(&mut parts) {
                match part.kind() {
                    "identifier" => {
                        self.import(part, scope, module, Some("default"), node);
                    }
                    "namespace_import" => {
                        if let Some(name) = nth(part, 0) {
                            self.import(name, scope, module, None, node);
                        }
                    }
                    "named_imports" => {
                        let mut names = part.walk();
                        for specifier in part.named_children(&mut names) {
                            self.import_specifier(specifier, scope, module);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn import_specifier(&mut self, node: Node<'t>, scope: ScopeId, module: &'t str) {
        let Some(name) = node.child_by_field_name("name") else { return };
        match node.child_by_field_name("alias") {
            Some(alias) => {
                let imported = if name.kind() == "string" { self.inner(name) } else { self.str(name) };
                let index = self.import(alias, scope, module, Some(imported), node);
                if imported == self.str(alias) {
                    // The two names are written apart, so that each can change alone.
                    let of = self.hint(Hint::Module(module.to_owned()));
                    let hint = self.hint(Hint::Member(of, imported.to_owned()));
                    if let Some(draft) = self.drafts.get_mut(index) {
                        draft.declaration.import = None;
                        draft.hint = hint;
                    }
                }
                let of = self.of_module(module);
                self.outer_name(name, scope, Role::Imports, of);
            }
            None => {
                self.import(name, scope, module, Some(self.str(name)), node);
                if let Some(last) = self.pending.last_mut() {
                    last.form = Form::Second(" as ");
                }
                let of = self.of_module(module);
                self.refer(name, scope, Role::Imports, Form::First(" as "), of);
            }
        }
    }

    /// What a name of another module means.
    pub(super) fn of_module(&mut self, module: &str) -> Meaning {
        Meaning::Member(self.hint(Hint::Module(module.to_owned())))
    }

    /// A name in another file or for other files; `default` is a word.
    fn outer_name(&mut self, node: Node<'t>, scope: ScopeId, role: Role, meaning: Meaning) {
        match node.kind() {
            "string" => self.quoted(node, scope, role, meaning),
            _ if self.str(node) == "default" => {}
            _ => self.refer(node, scope, role, Form::Plain, meaning),
        }
    }

    pub(super) fn import_alias(&mut self, node: Node<'t>, scope: ScopeId, public: bool) {
        let (Some(name), Some(of)) = (nth(node, 0), nth(node, 1)) else { return };
        // The grammar takes `export import a = require("m")` apart.
        let module = node
            .parent()
            .filter(|_| self.str(of) == "require")
            .and_then(|statement| statement.next_named_sibling())
            .and_then(|rest| nth(rest, 0).filter(|inner| inner.kind() == "parenthesized_expression"))
            .and_then(|inner| nth(inner, 0).filter(|inner| inner.kind() == "string"));
        if let Some(module) = module {
            let index = self.import(name, scope, self.inner(module), None, node);
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.declaration.public |= public;
            }
            return;
        }
        let hint = self.hint(Hint::Named(of, scope));
        let index = self.declare(name, scope, DeclarationKind::TypeAlias, ANY, Merge::Once, node);
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.hint = hint;
            draft.declaration.public |= public;
        }
        match of.kind() {
            "identifier" => self.refer(of, scope, Role::Reads, Form::Plain, Meaning::Name(ANY)),
            _ => self.push(Some(of), scope),
        }
    }

    pub(super) fn export_statement(&mut self, node: Node<'t>, scope: ScopeId) {
        self.is_module |= scope == FILE;
        let field = |name: &str| node.child_by_field_name(name);
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor).filter(|child| child.kind() == "decorator") {
            self.push(Some(child), scope);
        }
        if let Some(declaration) = field("declaration") {
            let is_default = Self::has(node, "default");
            let index = self.declaration(declaration, scope, !is_default);
            if let Some(draft) = index.filter(|_| is_default).and_then(|index| self.drafts.get_mut(index)) {
                draft.declaration.exported_as.push("default".to_owned());
            }
            return;
        }
        if let Some(source) = field("source") {
            return self.export_from(node, scope, self.inner(source));
        }
        if let Some(value) = field("value") {
            return self.export_default(value, scope);
        }
        let whole = Self::has(node, "=");
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        for child in children {
            match child.kind() {
                "export_clause" => {
                    let mut names = child.walk();
                    for specifier in child.named_children(&mut names) {
                        self.export_specifier(specifier, scope);
                    }
                }
                "identifier" if whole => {
                    self.exports.push((self.str(child), scope, WHOLE));
                    self.refer(child, scope, Role::Reads, Form::Plain, Meaning::Name(ANY));
                }
                "decorator" | "comment" | "identifier" => {}
                _ if whole => self.export_value(child, scope, &[WHOLE, "default"]),
                _ => self.push(Some(child), scope),
            }
        }
    }

    fn export_specifier(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name").filter(|name| name.kind() == "identifier") else { return };
        let alias = node.child_by_field_name("alias");
        if alias.is_some_and(|alias| self.str(alias) == "default") {
            self.exports.push((self.str(name), scope, "default"));
            return self.refer(name, scope, Role::Reads, Form::Plain, Meaning::Name(ANY));
        }
        let hint = self.hint(Hint::Any(name, scope));
        let index = self.passed(alias.unwrap_or(name), scope, hint, node);
        match alias {
            Some(alias) => {
                self.refer(name, scope, Role::Reads, Form::Plain, Meaning::Name(ANY));
                self.outer_name(alias, scope, Role::Exports, Meaning::Draft(index));
            }
            None => {
                self.refer(name, scope, Role::Reads, Form::First(" as "), Meaning::Name(ANY));
                self.refer(name, scope, Role::Exports, Form::Second(" as "), Meaning::Draft(index));
            }
        }
    }

    /// What another module has passes through: it is exported, and no name of this file.
    fn export_from(&mut self, node: Node<'t>, scope: ScopeId, module: &'t str) {
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        let of = self.hint(Hint::Module(module.to_owned()));
        let mut some = false;
        for child in children {
            match child.kind() {
                "export_clause" => {
                    some = true;
                    let mut names = child.walk();
                    for specifier in child.named_children(&mut names) {
                        let Some(name) = specifier.child_by_field_name("name") else { continue };
                        let alias = specifier.child_by_field_name("alias");
                        let text = if name.kind() == "string" { self.inner(name) } else { self.str(name) };
                        let hint = self.hint(Hint::Member(of, text.to_owned()));
                        let index = self.passed(alias.unwrap_or(name), scope, hint, specifier);
                        match alias {
                            Some(alias) => {
                                self.outer_name(name, scope, Role::Imports, Meaning::Member(of));
                                self.outer_name(alias, scope, Role::Exports, Meaning::Draft(index));
                            }
                            None if text != "default" && name.kind() != "string" => {
                                self.refer(name, scope, Role::Imports, Form::First(" as "), Meaning::Member(of));
                                self.refer(name, scope, Role::Exports, Form::Second(" as "), Meaning::Draft(index));
                            }
                            None => {}
                        }
                    }
                }
                "namespace_export" => {
                    some = true;
                    if let Some(name) = nth(child, 0) {
                        let index = self.passed(name, scope, of, child);
                        self.outer_name(name, scope, Role::Exports, Meaning::Draft(index));
                    }
                }
                _ => {}
            }
        }
        if !some && Self::has(node, "*") {
            self.wildcards.push((scope, Import { module: module.to_owned(), name: None }));
        }
    }

    /// A name for others alone: no name of the file means it, and it stands for what has another one here or elsewhere.
    fn passed(&mut self, node: Node<'t>, scope: ScopeId, hint: HintId, extent: Node<'t>) -> usize {
        let is_string = node.kind() == "string";
        let (name, at) =
            if is_string { (self.inner(node), Self::inner_range(node)) } else { (self.str(node), range(node)) };
        let index = self.draft(name, DeclarationKind::Import, ANY, Merge::Once, scope, (at, range(extent)));
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public = true;
            draft.declaration.exported_as.push(name.to_owned());
            draft.hint = hint;
        }
        index
    }

    fn export_default(&mut self, value: Node<'t>, scope: ScopeId) {
        if value.kind() == "identifier" {
            self.exports.push((self.str(value), scope, "default"));
            return self.refer(value, scope, Role::Reads, Form::Plain, Meaning::Name(ANY));
        }
        self.export_value(value, scope, &["default"]);
    }

    /// A value that has no name here and these outside.
    fn export_value(&mut self, value: Node<'t>, scope: ScopeId, names: &[&str]) {
        let start = range(value).start;
        let at = TextRange::new(start, start);
        let kind = DeclarationKind::Constant;
        let index = self.draft("default", kind, VALUE, Merge::Once, scope, (at, range(value)));
        let hint = self.hint(Hint::Value(value, scope));
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.exported_as.extend(names.iter().map(|name| (*name).to_owned()));
            draft.hint = hint;
        }
        // A function or a class with a name declares it where the statement stands.
        match (value.kind(), value.child_by_field_name("name")) {
            ("function_expression" | "generator_function" | "class", None) => {
                self.initial(Some(value), scope, Ctx::Own, Some(index));
            }
            _ => self.push_as(Some(value), scope, Mode::Plain(Ctx::Own)),
        }
    }

    /// Whether a node is the object of a CommonJS module's exports.
    pub(super) fn is_exports(&self, node: Node<'t>, scope: ScopeId) -> bool {
        let text = self.str(node);
        let name = match text {
            "exports" => "exports",
            "module.exports" => "module",
            _ => return false,
        };
        !self.typescript && self.lookup(name, scope, VALUE, range(node).start).is_none()
    }

    /// Reads `module.exports = …` and `exports.name = …`; says whether it was one of them.
    pub(super) fn exported(&mut self, left: Node<'t>, right: Node<'t>, scope: ScopeId) -> bool {
        if self.str(left) == "module.exports" && self.is_exports(left, scope) {
            self.is_commonjs = true;
            match right.kind() {
                "identifier" => {
                    self.exports.push((self.str(right), scope, WHOLE));
                    self.refer(right, scope, Role::Reads, Form::Plain, Meaning::Name(VALUE));
                }
                "object" => self.export_object(right, scope),
                _ => self.export_value(right, scope, &[WHOLE, "default"]),
            }
            return true;
        }
        let (Some(object), Some(property)) = (left.child_by_field_name("object"), left.child_by_field_name("property"))
        else {
            return false;
        };
        if left.kind() != "member_expression" || !self.is_exports(object, scope) {
            return false;
        }
        self.is_commonjs = true;
        let index = self.export_member(property, range(left));
        self.refer(property, scope, Role::Declares, Form::Plain, Meaning::Draft(index));
        let hint = self.hint(Hint::Value(right, scope));
        let first = match self.drafts.get_mut(index) {
            Some(draft) => {
                draft.hint = hint;
                draft.writes += 1;
                draft.writes == 1
            }
            None => false,
        };
        if matches!(right.kind(), "assignment_expression") {
            self.push(Some(right), scope);
        } else {
            self.initial(Some(right), scope, Ctx::Own, Some(index).filter(|_| first));
        }
        true
    }

    fn export_member(&mut self, name: Node<'t>, extent: TextRange) -> usize {
        let text = self.str(name);
        if let Some(index) = self.exported_members.get(text) {
            return *index;
        }
        let index = self.draft(text, DeclarationKind::Constant, ANY, Merge::Var, FILE, (range(name), extent));
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public = true;
            draft.declaration.exported_as.push(text.to_owned());
        }
        self.exported_members.insert(text, index);
        index
    }

    fn export_object(&mut self, node: Node<'t>, scope: ScopeId) {
        let from = self.stack.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            let key = child.child_by_field_name("key").or_else(|| child.child_by_field_name("name"));
            let plain = key.filter(|key| key.kind() == "property_identifier");
            match (child.kind(), plain, child.child_by_field_name("value")) {
                ("shorthand_property_identifier", ..) => {
                    let hint = self.hint(Hint::Value(child, scope));
                    let index = self.passed(child, scope, hint, child);
                    self.refer(child, scope, Role::Exports, Form::First(": "), Meaning::Draft(index));
                    self.refer(child, scope, Role::Reads, Form::Second(": "), Meaning::Name(VALUE));
                }
                ("pair", Some(key), Some(value)) if value.kind() == "identifier" => {
                    let hint = self.hint(Hint::Value(value, scope));
                    let index = self.passed(key, scope, hint, child);
                    self.refer(key, scope, Role::Exports, Form::Plain, Meaning::Draft(index));
                    self.refer(value, scope, Role::Reads, Form::Plain, Meaning::Name(VALUE));
                }
                ("pair", Some(key), Some(value)) => {
                    let index = self.export_member(key, range(child));
                    self.refer(key, scope, Role::Declares, Form::Plain, Meaning::Draft(index));
                    let hint = self.hint(Hint::Value(value, scope));
                    if let Some(draft) = self.drafts.get_mut(index) {
                        draft.hint = hint;
                    }
                    self.initial(Some(value), scope, Ctx::Own, Some(index));
                }
                ("method_definition", Some(key), _) => {
                    let index = self.export_member(key, range(child));
                    self.refer(key, scope, Role::Declares, Form::Plain, Meaning::Draft(index));
                    if let Some(draft) = self.drafts.get_mut(index) {
                        draft.declaration.kind = DeclarationKind::Function;
                    }
                    self.function(child, scope, This::Unknown, Some(index), Ctx::Own);
                }
                ("pair", None, value) => {
                    if let Some(key) = key {
                        self.key(key, scope, UNKNOWN, Role::Exports);
                    }
                    self.push_as(value, scope, Mode::Plain(Ctx::Own));
                }
                _ => self.push(Some(child), scope),
            }
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }
}
