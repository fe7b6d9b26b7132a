//! Statements that give names a meaning, and where they run for sure.

use super::facts::{Act, Bind, Shape};
use super::walk::{At, Mode, Walk};
use crate::bindings::{DeclarationKind, Form, Role, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

impl<'t> Walk<'t, '_> {
    pub(super) fn assignment(&mut self, node: Node<'t>, at: At) {
        let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        let annotation = node.child_by_field_name("type");
        let mut last = right;
        // `a = b = value`
        while let Some(inner) = last.filter(|node| node.kind() == "assignment") {
            last = inner.child_by_field_name("right");
        }
        let value = match annotation {
            Some(annotation) => self.annotation(annotation, at.scope),
            None => last.map(|value| self.shape(value, at.scope)).unwrap_or_default(),
        };
        // `(x): int` gives x no value.
        let only_said =
            annotation.is_some() && right.is_none() && left.is_some_and(|left| left.kind() == "tuple_pattern");
        if only_said {
            self.push(left, at.with(Mode::Read));
        } else if let Some(left) = left {
            self.listed(left, last, at);
            self.target(left, at, value, annotation.is_some(), self.range(node));
        }
        self.push(annotation, at.with(Mode::Type));
        self.push(right, at.with(Mode::Read));
    }

    /// What is given a value by a statement.
    fn target(&mut self, left: Node<'t>, at: At, value: Shape, annotated: bool, extent: TextRange) {
        match left.kind() {
            "identifier" => {
                let kind = self.variable(at.scope);
                let bind = Bind { value, annotated, ..Bind::new(kind, Role::Writes, extent) };
                self.event(left, at, Act::Bind(Box::new(bind)));
            }
            "attribute" => self.attribute(left, at.with(Mode::Write), value, annotated, extent),
            _ => self.push(Some(left), at.with(Mode::Write)),
        }
    }

    pub(super) fn augmented(&mut self, node: Node<'t>, at: At) {
        let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        match left {
            Some(left) if left.kind() == "identifier" => {
                self.listed(left, right, at);
                let kind = self.variable(at.scope);
                let bind = Bind { reads: true, ..Bind::new(kind, Role::Writes, self.range(node)) };
                self.event(left, at, Act::Bind(Box::new(bind)));
            }
            left => self.push(left, at.with(Mode::Write)),
        }
        self.push(right, at.with(Mode::Read));
    }

    pub(super) fn walrus(&mut self, node: Node<'t>, at: At) {
        let value = node.child_by_field_name("value");
        if let Some(name) = node.child_by_field_name("name") {
            let scope = self.facts.outside_comprehensions(at.scope);
            let kind = self.variable(scope);
            let shape = value.map(|value| self.shape(value, at.scope)).unwrap_or_default();
            // It runs where the expression around it does, which may depend on another one.
            let until = self.range(node).end;
            let bind = Bind { value: shape, ..Bind::new(kind, Role::Writes, self.range(node)) };
            self.event(name, At { scope, until, ..at }, Act::Bind(Box::new(bind)));
        }
        self.push(value, at.with(Mode::Read));
    }

    pub(super) fn repeat(&mut self, node: Node<'t>, at: At) {
        let at = At { looped: true, until: self.range(node).end, ..at };
        let mut cursor = node.walk();
        let mut children = Vec::new();
        if cursor.goto_first_child() {
            loop {
                children.push((cursor.node(), cursor.field_name()));
                if !cursor.goto_next_sibling() {
                    break;
                }
            }
        }
        let end = node.child_by_field_name("body").map_or(at.until, |body| self.range(body).end);
        for (child, field) in children.into_iter().filter(|(child, _)| child.is_named()) {
            match field {
                Some("left") => self.push(Some(child), At { until: end, ..at.with(Mode::Write) }),
                _ => self.push(Some(child), At { until: self.range(child).end, ..at }),
            }
        }
    }

    /// What happens in one branch has not happened in another one.
    pub(super) fn branches(&mut self, node: Node<'t>, at: At) {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        for child in children {
            self.push(Some(child), At { until: self.range(child).end.min(at.until), ..at.with(Mode::Read) });
        }
    }

    pub(super) fn except(&mut self, node: Node<'t>, at: At) {
        let at = At { until: self.range(node).end.min(at.until), ..at.with(Mode::Read) };
        let alias = node.child_by_field_name("alias");
        self.push(alias, at.with(Mode::Write));
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).filter(|child| Some(*child) != alias).collect();
        for child in children {
            match child.kind() {
                // `except E as e` gives a value of E.
                "as_pattern" => {
                    let of = child.named_child(0).map(|class| self.shape(class, at.scope));
                    let value = of.filter(|shape| *shape != Shape::Unknown);
                    self.as_pattern(child, at, value.map(|of| Shape::Instance(Box::new(of))).unwrap_or_default());
                }
                _ => self.push(Some(child), at),
            }
        }
    }

    pub(super) fn with_item(&mut self, node: Node<'t>, at: At) {
        let item = node.child_by_field_name("value");
        match item {
            Some(item) if item.kind() == "as_pattern" => {
                let manager = item.named_child(0).map(|manager| self.shape(manager, at.scope)).unwrap_or_default();
                let value = match manager {
                    Shape::Unknown => Shape::Unknown,
                    of => Shape::Called(Box::new(Shape::Member(Box::new(of), "__enter__".to_owned()))),
                };
                self.as_pattern(item, at, value);
            }
            item => self.push(item, at.with(Mode::Read)),
        }
    }

    /// `value as target`, in `with` and `except` and in patterns.
    pub(super) fn as_pattern(&mut self, node: Node<'t>, at: At, value: Shape) {
        if let Some(alias) = node.child_by_field_name("alias") {
            self.push(node.named_child(0), at.with(Mode::Read));
            match alias.named_child(0) {
                Some(target) => self.target(target, at, value, false, self.range(node)),
                None => self.push(Some(alias), at.with(Mode::Write)),
            }
            return;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        for child in children {
            let mode = if child.kind() == "identifier" { Mode::Write } else { Mode::Pattern };
            self.push(Some(child), at.with(mode));
        }
    }

    /// In a pattern a name alone is a target, one with dots is a value; elsewhere it is read.
    pub(super) fn dotted(&mut self, node: Node<'t>, at: At) {
        let mut cursor = node.walk();
        let parts: Vec<Node<'t>> = node.named_children(&mut cursor).filter(|n| n.kind() == "identifier").collect();
        match parts.as_slice() {
            [name] => self.push(Some(*name), at),
            [first, rest @ ..] => {
                self.push(Some(*first), at.with(Mode::Read));
                let mut of = Shape::Name(at.scope, self.name(*first, at.scope));
                for name in rest {
                    self.member(*name, at, Role::Reads, Form::Plain, of.clone());
                    of = deeper(of, |of| Shape::Member(of, self.name(*name, at.scope)));
                }
            }
            [] => {}
        }
    }

    /// `C(x, key=y)`
    pub(super) fn class_pattern(&mut self, node: Node<'t>, at: At) {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        let class = children.first().map(|class| self.shape(*class, at.scope)).unwrap_or_default();
        for child in children {
            if child.kind() == "dotted_name" {
                self.push(Some(child), at.with(Mode::Read));
                continue;
            }
            let keyword = child.named_child(0).filter(|inner| inner.kind() == "keyword_pattern");
            let Some(keyword) = keyword else {
                self.push(Some(child), at.with(Mode::Pattern));
                continue;
            };
            let mut cursor = keyword.walk();
            let parts: Vec<Node<'t>> = keyword.named_children(&mut cursor).collect();
            for (index, part) in parts.into_iter().enumerate() {
                if index == 0 {
                    let of = deeper(class.clone(), Shape::Instance);
                    self.member(part, at, Role::Reads, Form::Plain, of);
                } else {
                    self.push(Some(part), at.with(Mode::Pattern));
                }
            }
        }
    }

    pub(super) fn returns(&mut self, node: Node<'t>, at: At) {
        let shape = node.named_child(0).map_or(Shape::Literal("None"), |value| self.shape(value, at.scope));
        self.facts.regions[at.scope].returns.push(shape);
        self.inside(node, at.with(Mode::Read));
    }

    /// `type A[T] = value`
    pub(super) fn type_alias(&mut self, node: Node<'t>, at: At) {
        let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        let name = left.and_then(|left| left.named_child(0));
        // The grammar takes `type(x).y = value` for an alias.
        if let Some(target) = name.filter(|name| !matches!(name.kind(), "identifier" | "generic_type")) {
            if let Some(word) = node.child(0) {
                self.event(word, at, Act::Read);
            }
            let shape = right.and_then(|right| right.named_child(0)).map(|value| self.shape(value, at.scope));
            match target.kind() {
                "attribute" | "member_type" => {
                    self.attribute(target, at.with(Mode::Write), shape.unwrap_or_default(), false, self.range(node));
                }
                _ => self.push(Some(target), at.with(Mode::Read)),
            }
            return self.push(right.and_then(|right| right.named_child(0)), at.with(Mode::Read));
        }
        let (name, parameters) = match name {
            Some(generic) if generic.kind() == "generic_type" => (generic.named_child(0), generic.named_child(1)),
            name => (name, None),
        };
        let inner = match parameters {
            Some(parameters) => self.type_parameters(parameters, node, at),
            None => at.scope,
        };
        if let Some(name) = name {
            let value = right.map(|right| self.annotation(right, inner)).unwrap_or_default();
            let bind = Bind { value, ..Bind::new(DeclarationKind::TypeAlias, Role::Declares, self.range(node)) };
            self.event(name, at, Act::Bind(Box::new(bind)));
        }
        // The value is a scope of its own, which is evaluated later.
        let value = self.open(ScopeKind::TypeParameters, inner, self.range(right.unwrap_or(node)));
        self.push(right, at.within(value).with(Mode::Type));
    }
}

/// A shape around another one; nothing is known of what is unknown.
pub(super) fn deeper(of: Shape, around: impl FnOnce(Box<Shape>) -> Shape) -> Shape {
    if of == Shape::Unknown { of } else { around(Box::new(of)) }
}
