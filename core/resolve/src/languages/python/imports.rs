//! Imports: parts of paths, names of other modules, and the names that they get here.

use super::facts::{Act, Bind, Path, Shape};
use super::walk::{At, Walk};
use crate::bindings::{DeclarationKind, Form, Import, Role};
use deepcoder_syntax::Node;

/// Stands between the name of a module or of what is in it, and the one that it gets here.
const AS: &str = " as ";

impl<'t> Walk<'t, '_> {
    pub(super) fn import(&mut self, node: Node<'t>, at: At) {
        for name in imported(node) {
            if name.kind() == "aliased_import" {
                let (path, alias) = (name.child_by_field_name("name"), name.child_by_field_name("alias"));
                let (Some(path), Some(alias)) = (path, alias) else { continue };
                let module = self.path(path, "", at, Form::Plain);
                self.local(alias, node, at, Import { module, name: None }, Form::Plain);
                continue;
            }
            let Some(first) = name.named_child(0) else { continue };
            let alone = name.named_child_count() == 1;
            // `import a.b` gives the name `a`, and there is no other way to write it.
            let (form, local) = if alone { (Form::First(AS), Form::Second(AS)) } else { (Form::Plain, Form::Fixed) };
            self.path(name, "", at, form);
            let import = Import { module: self.name(first, 0), name: None };
            self.local(first, node, at, import, local);
        }
    }

    pub(super) fn import_from(&mut self, node: Node<'t>, at: At) {
        let module = match node.child_by_field_name("module_name") {
            Some(path) if path.kind() == "relative_import" => {
                let dots = path.named_child(0).map_or("", |dots| self.text(dots));
                let dots: String = dots.chars().filter(|c| *c == '.').collect();
                match path.named_child(1) {
                    Some(rest) => self.path(rest, &dots, at, Form::Plain),
                    None => dots,
                }
            }
            Some(path) => self.path(path, "", at, Form::Plain),
            None => "__future__".to_owned(),
        };
        for name in imported(node) {
            let (name, alias) = match name.kind() {
                "wildcard_import" => {
                    self.facts.wildcards.push((at.scope, Import { module: module.clone(), name: None }));
                    continue;
                }
                "aliased_import" => (name.child_by_field_name("name"), name.child_by_field_name("alias")),
                _ => (Some(name), None),
            };
            let Some(name) = name.and_then(|name| name.named_child(0)) else { continue };
            let import = Import { module: module.clone(), name: Some(self.name(name, 0)) };
            let of = Shape::Module(module.clone());
            match alias {
                Some(alias) => {
                    self.member(name, at, Role::Imports, Form::Plain, of);
                    self.local(alias, node, at, import, Form::Plain);
                }
                None => {
                    self.member(name, at, Role::Imports, Form::First(AS), of);
                    self.local(name, node, at, import, Form::Second(AS));
                }
            }
        }
    }

    /// The parts of a module's path; gives the whole path.
    fn path(&mut self, path: Node<'t>, dots: &str, at: At, form: Form) -> String {
        let mut module = dots.to_owned();
        let mut cursor = path.walk();
        let parts: Vec<Node<'t>> = path.named_children(&mut cursor).filter(|n| n.kind() == "identifier").collect();
        for (index, part) in parts.iter().enumerate() {
            let name = self.name(*part, 0);
            if index > 0 {
                module.push('.');
            }
            module.push_str(&name);
            let range = self.range(*part);
            self.facts.paths.push(Path { at: range, name, scope: at.scope, module: module.clone(), form });
        }
        module
    }

    fn local(&mut self, name: Node<'t>, statement: Node<'t>, at: At, import: Import, form: Form) {
        let bind =
            Bind { import: Some(import), ..Bind::new(DeclarationKind::Import, Role::Declares, self.range(statement)) };
        self.shown(name, at, Act::Bind(Box::new(bind)), form);
    }
}

/// What an import statement names.
fn imported(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let path = node.child_by_field_name("module_name");
    let names = node.named_children(&mut cursor).filter(|child| Some(*child) != path);
    names.filter(|child| matches!(child.kind(), "dotted_name" | "aliased_import" | "wildcard_import")).collect()
}
