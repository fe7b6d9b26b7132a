//! Functions, classes, comprehensions, and their scopes.

use super::facts::{Act, Bind, Receiver, Shape};
use super::walk::{At, Mode, Walk, words};
use crate::bindings::{DeclarationKind, Hazard, HazardKind, Role, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// Decorators that give back what calling the function gives.
const TRANSPARENT: &[&str] = &[
    "abstractmethod",
    "cache",
    "classmethod",
    "final",
    "lru_cache",
    "overload",
    "override",
    "staticmethod",
    "total_ordering",
    "wraps",
];

/// Decorators that make an attribute of a method.
const PROPERTIES: &[&str] =
    &["property", "cached_property", "abstractproperty", "getter", "setter", "deleter", "lazy_property"];

impl<'t> Walk<'t, '_> {
    pub(super) fn decorated(&mut self, node: Node<'t>, at: At) {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        for child in children {
            match child.kind() {
                "decorator" => self.inside(child, at.with(Mode::Read)),
                "function_definition" => self.function(child, node, at),
                "class_definition" => self.class(child, node, at),
                _ => self.push(Some(child), at.with(Mode::Read)),
            }
        }
    }

    /// The last names of the decorators of a definition, with the decorators.
    fn decorators(&self, whole: Node<'t>) -> Vec<(&'t str, Node<'t>)> {
        let mut cursor = whole.walk();
        let decorators = whole.named_children(&mut cursor).filter(|child| child.kind() == "decorator");
        let named = decorators.filter_map(|decorator| {
            let mut name = decorator.named_child(0)?;
            if name.kind() == "call" {
                name = name.child_by_field_name("function")?;
            }
            let last = name.child_by_field_name("attribute").unwrap_or(name);
            Some((self.text(last), decorator))
        });
        named.collect()
    }

    pub(super) fn function(&mut self, node: Node<'t>, whole: Node<'t>, at: At) {
        let Some(name) = node.child_by_field_name("name") else { return self.inside(node, at.with(Mode::Read)) };
        let outer = match node.child_by_field_name("type_parameters") {
            Some(parameters) => self.type_parameters(parameters, node, at),
            None => at.scope,
        };
        let parameters = node.child_by_field_name("parameters");
        let body = node.child_by_field_name("body");
        let start = parameters.map_or_else(|| self.range(node).start, |parameters| self.range(parameters).start);
        let scope = self.open(ScopeKind::Function, outer, TextRange::new(start, self.range(node).end));
        self.facts.regions[scope].owner = Some((at.scope, self.name(name, at.scope)));

        let member = self.facts.regions[at.scope].kind == ScopeKind::Class;
        let decorators = if whole == node { Vec::new() } else { self.decorators(whole) };
        let has = |word: &str| decorators.iter().any(|(name, _)| *name == word);
        let property = member && decorators.iter().any(|(name, _)| PROPERTIES.contains(name));
        let known = |name: &str| TRANSPARENT.contains(&name) || PROPERTIES.contains(&name);
        let unknown = decorators.iter().any(|(name, _)| !known(name));
        let is_async = node.child(0).is_some_and(|word| word.kind() == "async");
        self.facts.regions[scope].indirect = unknown || is_async;

        if let Some(parameters) = parameters {
            let names = self.parameters(parameters, scope, outer, at);
            self.run_time_names(&decorators, self.text(name), &names);
            let own = self.text(name);
            if member && !has("staticmethod") {
                let first = names.first().filter(|(node, positional)| *positional && node.kind() == "identifier");
                let of_type =
                    has("classmethod") || matches!(own, "__new__" | "__init_subclass__" | "__class_getitem__");
                let receiver = if of_type { Receiver::Type } else { Receiver::Value };
                self.facts.regions[scope].receiver = first.map(|(first, _)| (self.name(*first, scope), receiver));
            }
        }
        let annotation = node.child_by_field_name("return_type");
        self.push(annotation, At { scope: outer, ..at.with(Mode::Type) });
        self.push(body, at.within(scope));

        let kind = match (member, property) {
            (true, true) => DeclarationKind::Field,
            (true, false) => DeclarationKind::Method,
            (false, _) => DeclarationKind::Function,
        };
        let mut bind = Bind::new(kind, Role::Declares, self.range(whole));
        bind.is_static = has("staticmethod") || has("classmethod");
        match annotation {
            Some(annotation) if !unknown && !is_async => {
                bind.value = self.annotation(annotation, outer);
                bind.annotated = true;
            }
            // What others override may give something else there.
            _ => bind.result_of = Some(scope),
        }
        if matches!(self.text(name), "__getattr__" | "__getattribute__" | "__setattr__" | "__delattr__") {
            self.hazard(name, HazardKind::Reflection, None);
        }
        self.event(name, at, Act::Bind(Box::new(bind)));
    }

    /// Frameworks call a function with arguments by name that its decorators or its own name ask for.
    fn run_time_names(&mut self, decorators: &[(&'t str, Node<'t>)], own: &str, names: &[(Node<'t>, bool)]) {
        let fixtures = own.starts_with("test") || decorators.iter().any(|(name, _)| *name == "fixture");
        let mut asked: Vec<String> = Vec::new();
        for (name, decorator) in decorators.iter().filter(|(name, _)| !TRANSPARENT.contains(name)) {
            if PROPERTIES.contains(name) {
                continue;
            }
            words(&self.text(*decorator).replace('-', "_"), 0, |_, word| asked.push(word.trim_matches('_').to_owned()));
        }
        for (name, _) in names {
            let text = self.text(*name);
            if fixtures && text != "self" || asked.iter().any(|word| word == text.trim_matches('_')) {
                self.hazard(*name, HazardKind::Reflection, Some(text.to_owned()));
            }
        }
        let fixture = decorators.iter().find(|(name, _)| *name == "fixture");
        if let Some((_, decorator)) = fixture {
            self.hazard(*decorator, HazardKind::Reflection, Some(own.to_owned()));
        }
    }

    /// The parameters of a function, in their order, and whether each can be given by position.
    fn parameters(&mut self, node: Node<'t>, scope: usize, outer: usize, at: At) -> Vec<(Node<'t>, bool)> {
        let inner = at.within(scope).with(Mode::Parameter);
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        let mut names = Vec::new();
        let mut positional = true;
        for child in children {
            let (name, annotation, default) = match child.kind() {
                "identifier" | "tuple_pattern" => (Some(child), None, None),
                "default_parameter" | "typed_default_parameter" => (
                    child.child_by_field_name("name"),
                    child.child_by_field_name("type"),
                    child.child_by_field_name("value"),
                ),
                "typed_parameter" => (child.named_child(0), child.child_by_field_name("type"), None),
                "list_splat_pattern" | "dictionary_splat_pattern" => (Some(child), None, None),
                "keyword_separator" => {
                    positional = false;
                    continue;
                }
                "ERROR" => {
                    self.push(Some(child), inner.with(Mode::Read));
                    continue;
                }
                _ => continue,
            };
            self.push(annotation, At { scope: outer, ..at.with(Mode::Type) });
            self.push(default, at.with(Mode::Read));
            let Some(name) = name else { continue };
            let rest = match name.kind() {
                "list_splat_pattern" => Some("tuple"),
                "dictionary_splat_pattern" => Some("dict"),
                _ => None,
            };
            let inner_name = if rest.is_some() { name.named_child(0) } else { Some(name) };
            match inner_name {
                Some(named) if named.kind() == "identifier" => {
                    let value = match (rest, annotation) {
                        (Some(rest), _) => Shape::Literal(rest),
                        (None, Some(annotation)) => self.annotation(annotation, outer),
                        (None, None) => Shape::Unknown,
                    };
                    let annotated = annotation.is_some() || rest.is_some();
                    let extent = self.range(child);
                    let bind =
                        Bind { value, annotated, ..Bind::new(DeclarationKind::Parameter, Role::Declares, extent) };
                    self.event(named, inner, Act::Bind(Box::new(bind)));
                    names.push((named, positional && rest.is_none()));
                }
                other => self.push(other, inner),
            }
        }
        names
    }

    pub(super) fn lambda(&mut self, node: Node<'t>, at: At) {
        let scope = self.open(ScopeKind::Function, at.scope, self.range(node));
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.parameters(parameters, scope, at.scope, at.with(Mode::Read));
        }
        self.push(node.child_by_field_name("body"), at.within(scope));
    }

    pub(super) fn class(&mut self, node: Node<'t>, whole: Node<'t>, at: At) {
        let Some(name) = node.child_by_field_name("name") else { return self.inside(node, at.with(Mode::Read)) };
        let outer = match node.child_by_field_name("type_parameters") {
            Some(parameters) => self.type_parameters(parameters, node, at),
            None => at.scope,
        };
        let body = node.child_by_field_name("body");
        let scope = self.open(ScopeKind::Class, outer, self.range(body.unwrap_or(node)));
        self.facts.regions[scope].owner = Some((at.scope, self.name(name, at.scope)));
        self.facts.regions[scope].private = Some(self.text(name).to_owned());
        let mut bind = Bind::new(DeclarationKind::Class, Role::Declares, self.range(whole));
        if let Some(bases) = node.child_by_field_name("superclasses") {
            let at = At { scope: outer, ..at.with(Mode::Read) };
            let mut cursor = bases.walk();
            let children: Vec<Node<'t>> = bases.named_children(&mut cursor).collect();
            for base in children {
                match base.kind() {
                    "keyword_argument" => {
                        let receiver = Shape::Member(Box::new(Shape::Unknown), "__init_subclass__".to_owned());
                        self.keyword(base, at, receiver);
                    }
                    "comment" => {}
                    _ => {
                        self.push(Some(base), at);
                        let of =
                            if base.kind() == "subscript" { base.child_by_field_name("value") } else { Some(base) };
                        bind.bases.push(of.map(|of| self.shape(of, outer)).unwrap_or_default());
                    }
                }
            }
        }
        self.event(name, at, Act::Bind(Box::new(bind)));
        self.push(body, At { until: at.until, ..at.within(scope) });
        for (_, decorator) in if whole == node { Vec::new() } else { self.decorators(whole) } {
            self.string_words(decorator);
        }
    }

    /// The words of the strings in an expression, as names that it may reach.
    pub(super) fn string_words(&mut self, node: Node<'t>) {
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            if node.kind() == "string_content" {
                let (text, start) = (self.text(node), self.range(node).start);
                words(text, start, |at, word| {
                    let hazard = Hazard { at, kind: HazardKind::Reflection, name: Some(word.to_owned()) };
                    self.facts.hazards.push((hazard, None));
                });
                continue;
            }
            let mut cursor = node.walk();
            left.extend(node.named_children(&mut cursor));
        }
    }

    /// The scope of the type parameters of a definition.
    pub(super) fn type_parameters(&mut self, node: Node<'t>, definition: Node<'t>, at: At) -> usize {
        let range = TextRange::new(self.range(node).start, self.range(definition).end);
        let scope = self.open(ScopeKind::TypeParameters, at.scope, range);
        let inner = At { scope, ..at.with(Mode::Type) };
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        // The grammar does not know defaults: it takes `T =` for an error before the default.
        let mut defaults = false;
        for child in children {
            if child.kind() == "ERROR" {
                defaults = self.text(child).ends_with('=');
                let mut cursor = child.walk();
                let parts: Vec<Node<'t>> = child.named_children(&mut cursor).collect();
                for (index, part) in parts.into_iter().enumerate() {
                    if index == 0 && defaults {
                        self.type_parameter(part, inner);
                    } else {
                        self.push(Some(part), inner);
                    }
                }
                continue;
            }
            if defaults {
                self.push(Some(child), inner);
                defaults = false;
                continue;
            }
            self.type_parameter(child, inner);
        }
        scope
    }

    fn type_parameter(&mut self, node: Node<'t>, at: At) {
        let mut name = node;
        let mut bound = Shape::Unknown;
        while name.kind() != "identifier" {
            if name.kind() == "constrained_type" {
                let mut cursor = name.walk();
                let limits: Vec<Node<'t>> = name.named_children(&mut cursor).skip(1).collect();
                let first = limits.first().filter(|limit| limit.kind() == "type");
                bound = first.map(|limit| self.annotation(*limit, at.scope)).unwrap_or_default();
                for limit in limits {
                    // `T: bound = default`
                    match limit.kind() {
                        "ERROR" => self.inside(limit, at),
                        _ => self.push(Some(limit), at),
                    }
                }
            }
            match name.named_child(0) {
                Some(inner) => name = inner,
                None => return,
            }
        }
        let bind = Bind { value: bound, ..Bind::new(DeclarationKind::TypeParameter, Role::Declares, self.range(node)) };
        self.event(name, at, Act::Bind(Box::new(bind)));
    }

    pub(super) fn comprehension(&mut self, node: Node<'t>, at: At) {
        let scope = self.open(ScopeKind::Comprehension, at.scope, self.range(node));
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        let inner = At { until: at.until, ..at.within(scope) };
        let mut first = true;
        for child in children {
            if child.kind() != "for_in_clause" {
                self.push(Some(child), inner);
                continue;
            }
            // The first iterable is evaluated outside.
            let outside = if first { at.with(Mode::Read) } else { inner };
            first = false;
            let left = child.child_by_field_name("left");
            self.push(left, inner.with(Mode::Write));
            let mut cursor = child.walk();
            let rest: Vec<Node<'t>> = child.named_children(&mut cursor).filter(|part| Some(*part) != left).collect();
            rest.into_iter().for_each(|part| self.push(Some(part), outside));
        }
    }
}
