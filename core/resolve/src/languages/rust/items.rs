//! Items: functions, types, traits, implementations, modules, imports.

use super::collect::{Base, Binder, Border, Implementation, Path, SelfType, Value, Wanted, children, offset, range};
use super::walk::Work;
use crate::{DeclarationId, DeclarationKind, Form, Import, Role, ScopeId, ScopeKind, Space};
use deepcoder_syntax::Node;

/// Deeper lists of imports are not read.
const MAX_USE: usize = 64;

/// The part of an import's path that it shares with others.
type Prefix<'t> = (Base<'t>, Vec<Node<'t>>);

impl<'t> Binder<'t> {
    /// Declares an item by the name in its field `name`.
    fn item(&mut self, node: Node<'t>, scope: ScopeId, kind: DeclarationKind, space: Space) -> Option<DeclarationId> {
        let name = node.child_by_field_name("name").filter(|name| name.kind() != "metavariable")?;
        let id = self.declare(kind, space, scope, name, node);
        let visibility = children(node).into_iter().find(|child| child.kind() == "visibility_modifier");
        let public = visibility.is_some();
        let member = self.kind(scope) == ScopeKind::Class;
        if let Some(found) = self.declaration(id) {
            found.public = public || member;
        }
        Some(id)
    }

    fn visibility(work: &mut Work<'t>, node: Node<'t>, scope: ScopeId) {
        work.extend(children(node).into_iter().filter(|c| c.kind() == "visibility_modifier").map(|c| (c, scope)));
    }

    /// Where the type parameters of an item go.
    fn generics(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) -> ScopeId {
        let border = if self.kind(scope) == ScopeKind::Class { Border::None } else { Border::Item };
        let inner = self.open(ScopeKind::TypeParameters, scope, node, border);
        self.type_parameters(node, inner, work);
        for clause in children(node).into_iter().filter(|child| child.kind() == "where_clause") {
            work.push((clause, inner));
        }
        inner
    }

    pub(super) fn type_parameters(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        for parameter in node.child_by_field_name("type_parameters").map(children).unwrap_or_default() {
            let Some(name) = parameter.child_by_field_name("name") else {
                work.push((parameter, scope));
                continue;
            };
            match parameter.kind() {
                "lifetime_parameter" => {
                    if let Some(name) = name.named_child(0) {
                        self.declare(DeclarationKind::Lifetime, Space::Lifetime, scope, name, parameter);
                    }
                }
                "const_parameter" => {
                    let id = self.declare(DeclarationKind::TypeParameter, Space::Value, scope, name, parameter);
                    self.values
                        .extend(parameter.child_by_field_name("type").map(|node| (id, scope, Value::Type(node))));
                    Self::field(work, parameter, "type", scope);
                    Self::field(work, parameter, "value", scope);
                }
                _ => {
                    let id = self.declare(DeclarationKind::TypeParameter, Space::Type, scope, name, parameter);
                    if let Some(bounds) = parameter.child_by_field_name("bounds") {
                        self.values.push((id, scope, Value::Bounds(bounds)));
                    }
                    Self::field(work, parameter, "default_type", scope);
                }
            }
            Self::field(work, parameter, "bounds", scope);
        }
    }

    pub(super) fn where_predicate(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        if let (Some(left), Some(bounds)) = (node.child_by_field_name("left"), node.child_by_field_name("bounds"))
            && left.kind() == "type_identifier"
        {
            let parameter = self.index.get(&(scope, self.name(left))).and_then(|ids| ids.last().copied());
            self.values.extend(parameter.map(|id| (id, scope, Value::Bounds(bounds))));
        }
        Self::below(work, node, scope);
    }

    pub(super) fn function(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let member = self.kind(scope) == ScopeKind::Class;
        let kind = if member { DeclarationKind::Method } else { DeclarationKind::Function };
        let id = self.item(node, scope, kind, Space::Value);
        Self::visibility(work, node, scope);
        let generics = self.generics(node, scope, work);
        let inner = self.open(ScopeKind::Function, generics, node, Border::None);
        let from = offset(node.start_byte());
        let parameters = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let takes_self = parameters.iter().any(|parameter| parameter.kind() == "self_parameter");
        for parameter in parameters {
            match parameter.kind() {
                "parameter" => self.parameter(parameter, inner, from, work),
                _ => work.push((parameter, inner)),
            }
        }
        let result = node.child_by_field_name("return_type");
        work.extend(result.map(|result| (result, inner)));
        Self::field(work, node, "body", inner);
        if let Some(id) = id {
            self.own(inner, id);
            self.values.extend(result.map(|result| (id, inner, Value::Open(result))));
            if let Some(found) = self.declaration(id) {
                found.is_static = member && !takes_self;
            }
            if self.out.declaration(id).is_some_and(|found| found.name == "main" && scope.0 == 0) {
                self.rewritten.extend(node.child_by_field_name("name").map(range));
            }
        }
    }

    pub(super) fn type_item(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let body = node.child_by_field_name("body");
        let is_enum = node.kind() == "enum_item";
        let kind = if is_enum { DeclarationKind::Enum } else { DeclarationKind::Class };
        let fields = body.is_some_and(|body| body.kind() != "ordered_field_declaration_list");
        let id = self.item(node, scope, kind, if is_enum || fields { Space::Type } else { Space::Both });
        Self::visibility(work, node, scope);
        let generics = self.generics(node, scope, work);
        let Some(id) = id else { return };
        let inner = self.open(ScopeKind::Class, generics, body.unwrap_or(node), Border::None);
        self.own(inner, id);
        self.bodies.insert(id, inner);
        self.selves.insert(inner, SelfType::Declared(id));
        self.selves.insert(generics, SelfType::Declared(id));
        let Some(body) = body else { return };
        if !is_enum {
            return self.fields(body, inner, work);
        }
        for variant in children(body) {
            if variant.kind() != "enum_variant" {
                work.push((variant, inner));
                continue;
            }
            let Some(member) = self.item(variant, inner, DeclarationKind::EnumMember, Space::Both) else { continue };
            Self::field(work, variant, "value", inner);
            let fields = variant.child_by_field_name("body");
            if fields.is_none_or(|fields| fields.kind() == "ordered_field_declaration_list") {
                self.values.push((member, inner, Value::Variant(id)));
            }
            if let Some(fields) = fields {
                let inside = self.open(ScopeKind::Class, inner, fields, Border::None);
                self.own(inside, member);
                self.bodies.insert(member, inside);
                self.fields(fields, inside, work);
            }
        }
    }

    fn fields(&mut self, body: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        for field in children(body) {
            if field.kind() == "field_declaration" {
                let id = self.item(field, scope, DeclarationKind::Field, Space::Value);
                Self::visibility(work, field, scope);
                let written = field.child_by_field_name("type");
                work.extend(written.map(|written| (written, scope)));
                self.values.extend(id.zip(written).map(|(id, written)| (id, scope, Value::Open(written))));
            } else {
                work.push((field, scope));
            }
        }
    }

    pub(super) fn trait_item(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let id = self.item(node, scope, DeclarationKind::Interface, Space::Type);
        Self::visibility(work, node, scope);
        let generics = self.generics(node, scope, work);
        if let Some(bounds) = node.child_by_field_name("bounds") {
            work.push((bounds, generics));
            self.supertraits.extend(id.map(|id| (id, generics, bounds)));
        }
        let inner =
            self.open(ScopeKind::Class, generics, node.child_by_field_name("body").unwrap_or(node), Border::None);
        if let Some(id) = id {
            self.own(inner, id);
            self.bodies.insert(id, inner);
            self.selves.insert(inner, SelfType::Declared(id));
            self.selves.insert(generics, SelfType::Declared(id));
        }
        Self::field(work, node, "body", inner);
    }

    pub(super) fn impl_item(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let generics = self.generics(node, scope, work);
        let of = node.child_by_field_name("type");
        let implemented = node.child_by_field_name("trait");
        for part in [of, implemented].into_iter().flatten() {
            work.push((part, generics));
        }
        let body = node.child_by_field_name("body");
        let inner = self.open(ScopeKind::Class, generics, body.unwrap_or(node), Border::None);
        if let Some(of) = of {
            self.selves.insert(inner, SelfType::Written(of, generics));
            self.selves.insert(generics, SelfType::Written(of, generics));
            let nowhere = offset(node.start_byte());
            let nowhere = deepcoder_types::TextRange::new(nowhere, nowhere);
            // It has no name; its bases say what it implements.
            let id = self.add(self.plain(DeclarationKind::Class, Space::Type, scope, nowhere, range(node)), "");
            self.own(inner, id);
            self.implementations.push(Implementation { body: inner, scope: generics, id, implemented, of });
        }
        work.extend(body.map(|body| (body, inner)));
    }

    pub(super) fn mod_item(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let id = self.item(node, scope, DeclarationKind::Module, Space::Type);
        Self::visibility(work, node, scope);
        let Some(body) = node.child_by_field_name("body") else {
            if let Some(id) = id {
                let mut module = self.module_path(self.module(scope));
                if let Some(found) = self.declaration(id) {
                    module.push_str("::");
                    module.push_str(&found.name);
                    found.import = Some(Import { module, name: None });
                }
            }
            return;
        };
        let inner = self.open(ScopeKind::Module, scope, body, Border::Module);
        if let Some(id) = id {
            self.own(inner, id);
            self.bodies.insert(id, inner);
        }
        work.push((body, inner));
    }

    /// A module of this file, as paths from this file write it.
    pub(super) fn module_path(&self, module: ScopeId) -> String {
        let mut names = Vec::new();
        let mut at = module;
        while let Some(scope) = self.out.scope(at) {
            if let Some(owner) = scope.owner.and_then(|owner| self.out.declaration(owner)) {
                names.push(owner.name.as_str());
            }
            match scope.parent {
                Some(parent) => at = self.module(parent),
                None => break,
            }
        }
        names.push("self");
        names.reverse();
        names.join("::")
    }

    pub(super) fn constant(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let id = match node.child_by_field_name("name") {
            Some(name) if self.of(name) == "_" => None,
            _ => self.item(node, scope, DeclarationKind::Constant, Space::Value),
        };
        if let (Some(id), Some(written)) = (id, node.child_by_field_name("type")) {
            self.values.push((id, scope, Value::Open(written)));
        }
        if let Some(found) = id.and_then(|id| self.declaration(id)) {
            found.is_static = true;
        }
        for child in children(node) {
            if Some(child) != node.child_by_field_name("name") {
                work.push((child, scope));
            }
        }
    }

    pub(super) fn alias(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let id = self.item(node, scope, DeclarationKind::TypeAlias, Space::Type);
        Self::visibility(work, node, scope);
        let generics = self.generics(node, scope, work);
        if let (Some(id), Some(written)) = (id, node.child_by_field_name("type")) {
            self.values.push((id, generics, Value::Alias(written)));
        }
        Self::field(work, node, "type", generics);
        Self::field(work, node, "bounds", generics);
    }

    pub(super) fn extern_crate(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let module = self.name(name).to_owned();
        let local = node.child_by_field_name("alias");
        if let Some(local) = local {
            self.refer(self.name_at(name), scope, Wanted::Known(crate::Target::Outside));
            if self.of(local) == "_" {
                return;
            }
        }
        let id = self.declare(DeclarationKind::Import, Space::Both, scope, local.unwrap_or(name), node);
        if let Some(found) = self.declaration(id) {
            found.import = Some(Import { module, name: None });
        }
    }

    pub(super) fn use_declaration(&mut self, node: Node<'t>, scope: ScopeId) {
        let public = children(node).into_iter().any(|child| child.kind() == "visibility_modifier");
        let mut work = Vec::new();
        Self::visibility(&mut work, node, scope);
        let Some(argument) = node.child_by_field_name("argument") else { return };
        let mut left: Vec<(Node<'t>, Option<Prefix<'t>>)> = vec![(argument, None)];
        while let Some((node, before)) = left.pop() {
            let emitted = before.as_ref().map_or(0, |(_, segments)| segments.len());
            if emitted > MAX_USE {
                continue;
            }
            match node.kind() {
                "use_list" => left.extend(children(node).into_iter().rev().map(|child| (child, before.clone()))),
                "scoped_use_list" => {
                    let (base, segments) = match node.child_by_field_name("path") {
                        Some(path) => self.after(path, scope, before, &mut work),
                        None => before.unwrap_or((Base::Outer("::".to_owned()), Vec::new())),
                    };
                    let path =
                        Path { base: base.clone(), segments: segments.clone(), scope, space: Space::Type, items: true };
                    self.add_path(path, emitted);
                    left.extend(node.child_by_field_name("list").map(|list| (list, Some((base, segments)))));
                }
                "use_wildcard" => {
                    let (base, segments) = match node.named_child(0) {
                        Some(path) => self.after(path, scope, before, &mut work),
                        None => before.unwrap_or((Base::Outer("::".to_owned()), Vec::new())),
                    };
                    let path = self.add_path(Path { base, segments, scope, space: Space::Type, items: true }, emitted);
                    self.globs.push((scope, path));
                }
                "use_as_clause" => {
                    let path = node.child_by_field_name("path");
                    let Some((path, alias)) = path.zip(node.child_by_field_name("alias")) else { continue };
                    self.import(path, Some(alias), (node, scope, public), before, &mut work);
                }
                _ => self.import(node, None, (node, scope, public), before, &mut work),
            }
        }
        while let Some((node, scope)) = work.pop() {
            self.walk(node, scope);
        }
    }

    /// The path of a part of a list of imports.
    fn after(&mut self, path: Node<'t>, scope: ScopeId, before: Option<Prefix<'t>>, work: &mut Work<'t>) -> Prefix<'t> {
        let (base, more) = self.segments(path, scope, work);
        match before {
            None => (base, more),
            Some((base, mut segments)) => {
                segments.extend(more);
                (base, segments)
            }
        }
    }

    fn import(
        &mut self,
        path: Node<'t>,
        alias: Option<Node<'t>>,
        (whole, scope, public): (Node<'t>, ScopeId, bool),
        before: Option<Prefix<'t>>,
        work: &mut Work<'t>,
    ) {
        let emitted = before.as_ref().map_or(0, |(_, segments)| segments.len());
        let itself = path.kind() == "self" && before.is_some();
        let (base, segments) = match (itself, before) {
            (true, Some(before)) => before,
            (_, before) => self.after(path, scope, before, work),
        };
        let last = segments.last().copied();
        let mut named = emitted..segments.len();
        if alias.is_none() && !itself {
            // The last segment declares the local name.
            named.end = named.end.saturating_sub(1);
        }
        let id = self.paths.len();
        for index in named {
            let role = if index + 1 == segments.len() && alias.is_some() { Role::Imports } else { Role::Reads };
            if let Some(segment) = segments.get(index) {
                self.form(self.name_at(*segment), scope, role, Form::Plain, Wanted::Segment(id, index));
            }
        }
        let count = segments.len();
        self.paths.push(Path { base, segments, scope, space: Space::Both, items: true });
        let Some(local) = alias.or(last) else { return };
        if self.of(local) == "_" {
            return;
        }
        let at = if itself && alias.is_none() {
            let start = offset(path.start_byte());
            deepcoder_types::TextRange::new(start, start)
        } else {
            self.name_at(local)
        };
        let name = self.name(local);
        let mut found = self.plain(DeclarationKind::Import, Space::Both, scope, at, range(whole));
        name.clone_into(&mut found.name);
        found.public = public;
        let import = self.add(found, name);
        self.imports.insert(import, id);
        if alias.is_some() {
            self.declares(import, at, scope);
        } else if !itself && count > 0 {
            self.form(at, scope, Role::Imports, Form::First(" as "), Wanted::Imported(import, id));
            self.form(at, scope, Role::Declares, Form::Second(" as "), Wanted::Imported(import, id));
        }
    }
}
