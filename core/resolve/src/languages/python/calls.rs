//! Calls, subscripts and lists of names: keywords, strings that name something, and what happens at run time.

use super::facts::{Act, Shape};
use super::walk::{At, Mode, Walk};
use crate::bindings::{Form, Hazard, HazardKind, Role, ScopeKind};
use deepcoder_syntax::Node;

/// Built-in functions that run text or reach names.
const REACHING: &[(&str, HazardKind)] = &[
    ("eval", HazardKind::Eval),
    ("exec", HazardKind::Eval),
    ("execfile", HazardKind::Eval),
    ("globals", HazardKind::Reflection),
    ("locals", HazardKind::Reflection),
    ("vars", HazardKind::Reflection),
    ("dir", HazardKind::Reflection),
    ("__import__", HazardKind::Reflection),
];

/// Functions that take the names of attributes as strings.
const BY_NAME: &[&str] = &[
    "getattr",
    "setattr",
    "hasattr",
    "delattr",
    "attrgetter",
    "methodcaller",
    "import_module",
    "patch",
    "object",
    "namedtuple",
    "make_dataclass",
    "usefixtures",
];

/// Functions that make strings of the names of fields.
const AS_TEXT: &[&str] =
    &["asdict", "_asdict", "fields", "getmembers", "get_type_hints", "signature", "make_dataclass"];

/// Functions that pass arguments on by name, to a function or a type that they are given.
const PASSING_ON: &[&str] = &[
    "partial",
    "partialmethod",
    "submit",
    "to_thread",
    "run_in_executor",
    "apply_async",
    "delay",
    "replace",
    "_replace",
    "evolve",
    "callLater",
    "deferToThread",
];

impl<'t> Walk<'t, '_> {
    pub(super) fn call(&mut self, node: Node<'t>, at: At) {
        let at = at.with(Mode::Read);
        let (function, arguments) = (node.child_by_field_name("function"), node.child_by_field_name("arguments"));
        self.push(function, at);
        let Some(function) = function else { return };
        let Some(arguments) = arguments else { return };
        if arguments.kind() != "argument_list" {
            return self.push(Some(arguments), at);
        }
        let callee = self.shape(function, at.scope);
        let last = function.child_by_field_name("attribute").unwrap_or(function);
        let word = self.text(last);
        self.reaches(function, last, arguments, at);
        let mut cursor = arguments.walk();
        let children: Vec<Node<'t>> = arguments.named_children(&mut cursor).collect();
        for (index, argument) in children.into_iter().enumerate() {
            match argument.kind() {
                "keyword_argument" => {
                    if let Some(name) = argument.child_by_field_name("name").filter(|_| PASSING_ON.contains(&word)) {
                        self.hazard(name, HazardKind::Reflection, Some(self.text(name).to_owned()));
                    }
                    if let Some(name) = argument.child_by_field_name("name").filter(|_| word == "dict") {
                        self.facts.keys.push((self.range(name), self.text(name).to_owned()));
                    }
                    let quoted = word == "TypeVar"
                        && argument.child_by_field_name("name").map(|n| self.text(n)) == Some("bound");
                    self.keyword(argument, if quoted { at.with(Mode::Type) } else { at }, callee.clone());
                }
                "dictionary_splat" => {
                    // `f(**{"name": value})`
                    let given = argument.named_child(0).filter(|given| given.kind() == "dictionary");
                    self.facts.splats |= given.is_none();
                    let mut cursor = argument.walk();
                    let pairs = given.map(|given| given.named_children(&mut cursor).collect::<Vec<_>>());
                    for pair in pairs.into_iter().flatten() {
                        pair.child_by_field_name("key").into_iter().for_each(|key| self.string_words(key));
                    }
                    self.push(Some(argument), at);
                }
                _ if index == 0 && word == "cast" => self.push(Some(argument), at.with(Mode::Type)),
                _ => self.push(Some(argument), at),
            }
        }
        // `__all__.append("name")`
        let list = function.child_by_field_name("object").filter(|_| matches!(word, "append" | "extend" | "remove"));
        if let Some(list) = list.filter(|list| self.text(*list) == "__all__") {
            self.listed(list, Some(arguments), at);
        }
    }

    /// `name=value`, a parameter or a field of what is called.
    pub(super) fn keyword(&mut self, node: Node<'t>, at: At, of: Shape) {
        if let Some(name) = node.child_by_field_name("name") {
            self.member(name, at, Role::Keyword, Form::Plain, of);
        }
        self.push(node.child_by_field_name("value"), at);
    }

    /// Notes what a call can reach by names that only its run knows.
    fn reaches(&mut self, function: Node<'t>, last: Node<'t>, arguments: Node<'t>, at: At) {
        let word = self.text(last);
        if function.kind() == "identifier" {
            for (name, kind) in REACHING.iter().filter(|(name, _)| *name == word) {
                let hazard = Hazard { at: self.range(last), kind: *kind, name: None };
                self.facts.hazards.push((hazard, Some((at.scope, *name))));
            }
        }
        if AS_TEXT.contains(&word) {
            self.hazard(last, HazardKind::Reflection, None);
        }
        if !BY_NAME.contains(&word) {
            return;
        }
        let mut cursor = arguments.walk();
        let given: Vec<Node<'t>> = arguments.named_children(&mut cursor).collect();
        let literal = |node: &Node<'t>| matches!(node.kind(), "string" | "concatenated_string" | "list" | "tuple");
        let of_attribute = matches!(word, "getattr" | "setattr" | "hasattr" | "delattr");
        let name = if of_attribute { given.get(1).or(given.first()) } else { given.iter().find(|node| literal(node)) };
        match name {
            Some(name) if literal(name) => self.string_words(*name),
            Some(_) if of_attribute => self.hazard(last, HazardKind::Reflection, None),
            _ => {}
        }
        if function.kind() == "attribute" && of_attribute {
            // `monkeypatch.setattr("module.name", value)`
            given.iter().filter(|node| literal(node)).for_each(|node| self.string_words(*node));
        }
    }

    pub(super) fn subscript(&mut self, node: Node<'t>, at: At) {
        let value = node.child_by_field_name("value").or_else(|| node.named_child(0));
        let Some(value) = value else { return };
        let mut cursor = node.walk();
        let rest: Vec<Node<'t>> = node.named_children(&mut cursor).filter(|child| *child != value).collect();
        let in_type = at.mode == Mode::Type;
        self.push(Some(value), at.with(if in_type { Mode::Type } else { Mode::Read }));
        let last = self.text(value.child_by_field_name("attribute").unwrap_or(value));
        let mut parts: Vec<Node<'t>> = Vec::new();
        for part in rest {
            if part.kind() == "type_parameter" {
                let mut cursor = part.walk();
                parts.extend(part.named_children(&mut cursor));
            } else {
                parts.push(part);
            }
        }
        // `Color["RED"]`
        if !in_type && last.starts_with(|c: char| c.is_ascii_uppercase()) {
            parts.iter().filter(|part| part.kind() == "string").for_each(|part| self.string_words(*part));
        }
        for (index, part) in parts.into_iter().enumerate() {
            let code = in_type && last != "Literal" && (index == 0 || last != "Annotated");
            match (code, part.kind()) {
                // `type` says that its strings are code.
                (false, "type") => self.inside(part, at.with(Mode::Read)),
                (true, _) => self.push(Some(part), at.with(Mode::Type)),
                (false, _) => self.push(Some(part), at.with(Mode::Read)),
            }
        }
    }

    /// Strings that name what a module exports, or the attributes of a class.
    pub(super) fn listed(&mut self, target: Node<'t>, value: Option<Node<'t>>, at: At) {
        let Some(value) = value else { return };
        let class = self.facts.regions[at.scope].kind == ScopeKind::Class;
        let exports = match self.text(target) {
            "__all__" if !class => true,
            "__slots__" | "__match_args__" if class => false,
            _ => return,
        };
        let mut left = vec![value];
        while let Some(node) = left.pop() {
            match node.kind() {
                "string_content" => {
                    let text = self.text(node);
                    let name = text.chars().all(|c| c == '_' || c.is_alphanumeric()) && !text.is_empty();
                    if name && exports {
                        self.shown(node, At { scope: 0, ..at }, Act::Export, Form::Quoted);
                    } else if name {
                        self.member(node, at, Role::Reads, Form::Quoted, Shape::Class(at.scope));
                    }
                }
                "pair" => left.extend(node.child_by_field_name("key")),
                "list"
                | "tuple"
                | "set"
                | "dictionary"
                | "string"
                | "parenthesized_expression"
                | "expression_list"
                | "argument_list"
                | "binary_operator"
                | "concatenated_string" => {
                    let mut cursor = node.walk();
                    left.extend(node.named_children(&mut cursor));
                }
                _ => {}
            }
        }
    }
}
