//! The walk over a tree: which names are read and given a meaning, and in which scopes.
//!
//! The order of the walk means nothing: what it finds is sorted by its place in the text.

use super::facts::{Act, Bind, Event, Facts, Member, Region, Shape};
use super::words::{normal, private};
use crate::bindings::{DeclarationKind, Form, Hazard, HazardKind, Role, ScopeKind};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// String annotations within string annotations are followed this far.
const MAX_QUOTES: u32 = 3;

/// What a node is visited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
    Parameter,
    Delete,
    /// An annotation: strings in it are code.
    Type,
    /// A pattern of `match`: a name alone is a target.
    Pattern,
}

/// Where a node is visited.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) scope: usize,
    pub(super) mode: Mode,
    /// Up to where what happens here has happened for sure.
    pub(super) until: u32,
    pub(super) looped: bool,
}

impl At {
    pub(super) fn with(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn within(self, scope: usize) -> Self {
        Self { scope, mode: Mode::Read, until: u32::MAX, looped: false }
    }
}

/// A string that is code.
pub(super) struct Quoted {
    range: TextRange,
    scope: usize,
    depth: u32,
}

/// A walk over one tree.
pub(super) struct Walk<'t, 'f> {
    pub(super) facts: &'f mut Facts,
    pub(super) text: &'t str,
    base: u32,
    depth: u32,
    stack: Vec<(Node<'t>, At)>,
    quoted: &'f mut Vec<Quoted>,
}

/// Walks over the tree of a text, and then over the strings in it that are code.
pub(super) fn collect(root: Node<'_>, text: &str) -> Facts {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut facts = Facts::default();
    facts.regions.push(Region {
        kind: ScopeKind::File,
        parent: None,
        range: TextRange::new(0, length),
        owner: None,
        private: None,
        receiver: None,
        returns: Vec::new(),
        indirect: false,
    });
    let mut quoted = Vec::new();
    let at = At { scope: 0, mode: Mode::Read, until: u32::MAX, looped: false };
    Walk { facts: &mut facts, text, base: 0, depth: 0, stack: vec![(root, at)], quoted: &mut quoted }.run();
    while let Some(Quoted { range, scope, depth }) = quoted.pop() {
        let Some(inner) = text.get(range.as_range()) else { continue };
        let parsed = deepcoder_syntax::tree(Language::Python, inner).filter(|tree| !tree.root_node().has_error());
        let Some(tree) = parsed else {
            words(inner, range.start, |at, word| {
                let hazard = Hazard { at, kind: HazardKind::Syntax, name: Some(word.to_owned()) };
                facts.hazards.push((hazard, None));
            });
            continue;
        };
        let at = At { scope, mode: Mode::Type, until: u32::MAX, looped: false };
        let stack = vec![(tree.root_node(), at)];
        Walk { facts: &mut facts, text: inner, base: range.start, depth, stack, quoted: &mut quoted }.run();
    }
    for (at, key) in std::mem::take(&mut facts.keys).into_iter().filter(|_| facts.splats) {
        if !facts.hazards.iter().any(|(hazard, _)| hazard.at == at) {
            facts.hazards.push((Hazard { at, kind: HazardKind::Keywords, name: Some(key) }, None));
        }
    }
    facts
}

/// Whether the language or a tool looks a name up itself (`__init__`, `__all__`).
fn special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// Calls a function with each word of a text.
pub(super) fn words(text: &str, base: u32, mut found: impl FnMut(TextRange, &str)) {
    let mut start = None;
    for (index, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let part = c == '_' || c.is_alphanumeric();
        match (start, part) {
            (None, true) => start = Some(index),
            (Some(from), false) => {
                let at = |offset: usize| base.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
                found(TextRange::new(at(from), at(index)), text.get(from..index).unwrap_or_default());
                start = None;
            }
            _ => {}
        }
    }
}

impl<'t> Walk<'t, '_> {
    fn run(&mut self) {
        while let Some((node, at)) = self.stack.pop() {
            self.visit(node, at);
        }
    }

    pub(super) fn push(&mut self, node: Option<Node<'t>>, at: At) {
        self.stack.extend(node.map(|node| (node, at)));
    }

    /// Visits the named children of a node.
    pub(super) fn inside(&mut self, node: Node<'t>, at: At) {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        self.stack.extend(children.into_iter().map(|child| (child, at)));
    }

    pub(super) fn range(&self, node: Node<'_>) -> TextRange {
        let at = |offset: usize| self.base.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        TextRange::new(at(node.start_byte()), at(node.end_byte()))
    }

    pub(super) fn text(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// The name that a token means in a scope.
    pub(super) fn name(&self, node: Node<'_>, scope: usize) -> String {
        let name = normal(self.text(node));
        let class = self.facts.regions[scope].private.as_deref();
        class.and_then(|class| private(class, &name)).unwrap_or(name)
    }

    pub(super) fn event(&mut self, node: Node<'_>, at: At, act: Act) {
        self.shown(node, at, act, Form::Plain);
    }

    pub(super) fn shown(&mut self, node: Node<'_>, at: At, act: Act, form: Form) {
        // What error recovery makes up is no text.
        if node.start_byte() == node.end_byte() {
            return;
        }
        let name = self.name(node, at.scope);
        // The language gives these names their meaning.
        let form = if special(&name) { Form::Fixed } else { form };
        let (at_text, scope) = (self.range(node), at.scope);
        let event = Event { at: at_text, name, scope, act, form, sure: at.until, looped: at.looped };
        self.facts.events.push(event);
    }

    /// A new scope.
    pub(super) fn open(&mut self, kind: ScopeKind, parent: usize, range: TextRange) -> usize {
        let private = self.facts.regions[parent].private.clone();
        self.facts.regions.push(Region {
            kind,
            parent: Some(parent),
            range,
            owner: None,
            private,
            receiver: None,
            returns: Vec::new(),
            indirect: false,
        });
        self.facts.regions.len() - 1
    }

    /// The kind of a variable of a scope.
    pub(super) fn variable(&self, scope: usize) -> DeclarationKind {
        if self.facts.regions[scope].kind == ScopeKind::Class {
            DeclarationKind::Field
        } else {
            DeclarationKind::Variable
        }
    }

    fn visit(&mut self, node: Node<'t>, at: At) {
        match node.kind() {
            "identifier" => self.identifier(node, at),
            "attribute" | "member_type" => self.attribute(node, at, Shape::Unknown, false, self.range(node)),
            "call" => self.call(node, at),
            "subscript" | "generic_type" => self.subscript(node, at),
            "function_definition" => self.function(node, node, at),
            "class_definition" => self.class(node, node, at),
            "decorated_definition" => self.decorated(node, at),
            "lambda" => self.lambda(node, at),
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                self.comprehension(node, at);
            }
            "assignment" => self.assignment(node, at),
            "augmented_assignment" => self.augmented(node, at),
            "named_expression" => self.walrus(node, at),
            "for_statement" | "while_statement" => self.repeat(node, at),
            "if_statement" | "elif_clause" | "else_clause" | "try_statement" | "finally_clause" | "match_statement" => {
                self.branches(node, at);
            }
            "except_clause" => self.except(node, at),
            "case_clause" => self.inside(node, At { until: self.range(node).end, ..at }),
            "with_item" => self.with_item(node, at),
            "as_pattern" => self.as_pattern(node, at, Shape::Unknown),
            "delete_statement" => self.inside(node, at.with(Mode::Delete)),
            "global_statement" => self.names(node, at, || Act::Global),
            "nonlocal_statement" => self.names(node, at, || Act::Nonlocal),
            "import_statement" => self.import(node, at),
            "import_from_statement" | "future_import_statement" => self.import_from(node, at),
            "type_alias_statement" => self.type_alias(node, at),
            "return_statement" => self.returns(node, at),
            "yield" => {
                self.facts.regions[at.scope].indirect = true;
                self.inside(node, at.with(Mode::Read));
            }
            "case_pattern" => self.inside(node, at.with(Mode::Pattern)),
            "dotted_name" => self.dotted(node, at),
            "class_pattern" => self.class_pattern(node, at),
            "splat_pattern" => self.inside(node, at.with(Mode::Write)),
            "string" if at.mode == Mode::Type => self.quoted(node, at),
            // `f"{x=}"` prints the name.
            "interpolation" => {
                if node.child(2).is_some_and(|sign| sign.kind() == "=") {
                    let (text, start) = (self.text(node), self.range(node).start);
                    words(text, start, |at, word| {
                        let hazard = Hazard { at, kind: HazardKind::Reflection, name: Some(word.to_owned()) };
                        self.facts.hazards.push((hazard, None));
                    });
                }
                self.inside(node, at.with(Mode::Read));
            }
            "string_content" => {
                let text = self.text(node);
                if text.contains(">>> ") {
                    self.examples(node);
                }
                if !text.is_empty() && text.chars().all(|c| c == '_' || c.is_alphanumeric()) {
                    self.facts.keys.push((self.range(node), text.to_owned()));
                }
                self.inside(node, at.with(Mode::Read));
            }
            "print_statement" => {
                self.push(node.child(0).filter(|word| word.kind() == "print"), at.with(Mode::Read));
                self.inside(node, at.with(Mode::Read));
            }
            "print" => self.event(node, at, Act::Read),
            "keyword_argument" => self.inside(node, at.with(Mode::Read)),
            "type" => self.inside(node, at.with(Mode::Type)),
            "ERROR" => self.error(node, at),
            // Parts of a target are targets, and what is read within one is read.
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "list_splat_pattern"
            | "dictionary_splat_pattern"
            | "tuple"
            | "list"
            | "expression_list"
            | "parenthesized_expression"
            | "list_splat"
            | "as_pattern_target"
            | "union_pattern"
            | "dict_pattern"
            | "binary_operator"
            | "union_type"
            | "splat_type"
            | "module"
            | "type_parameter"
            | "expression_statement"
            | "concatenated_string" => self.inside(node, at),
            "integer" | "float" | "true" | "false" | "none" | "comment" | "ellipsis" | "pass_statement"
            | "break_statement" | "continue_statement" | "string_start" | "string_end" => {}
            _ => self.inside(node, at.with(if at.mode == Mode::Type { Mode::Type } else { Mode::Read })),
        }
    }

    fn identifier(&mut self, node: Node<'t>, at: At) {
        let kind = self.variable(at.scope);
        let extent = self.range(node);
        let act = match at.mode {
            Mode::Read | Mode::Type => Act::Read,
            Mode::Pattern if self.text(node) == "_" => return,
            Mode::Write | Mode::Pattern => Act::Bind(Box::new(Bind::new(kind, Role::Writes, extent))),
            Mode::Parameter => Act::Bind(Box::new(Bind::new(DeclarationKind::Parameter, Role::Declares, extent))),
            Mode::Delete => {
                let bind = Bind { removes: true, ..Bind::new(kind, Role::Writes, extent) };
                Act::Bind(Box::new(bind))
            }
        };
        // A wildcard is no name.
        let wildcard = self.text(node) == "_" && node.parent().is_some_and(|p| p.kind() == "splat_pattern");
        if !wildcard {
            self.event(node, at, act);
        }
    }

    /// `a.b`, read or written.
    pub(super) fn attribute(&mut self, node: Node<'t>, at: At, value: Shape, annotated: bool, extent: TextRange) {
        let object = node.child_by_field_name("object").or_else(|| node.named_child(0));
        let name = node.child_by_field_name("attribute").or_else(|| node.named_child(1));
        let (Some(object), Some(name)) = (object, name) else { return self.inside(node, at.with(Mode::Read)) };
        self.push(Some(object), at.with(if at.mode == Mode::Type { Mode::Type } else { Mode::Read }));
        let role = match at.mode {
            Mode::Write | Mode::Delete | Mode::Parameter => Role::Writes,
            Mode::Read | Mode::Type | Mode::Pattern => Role::Reads,
        };
        let of = self.shape(object, at.scope);
        if self.text(name) == "__dict__" {
            self.hazard(name, HazardKind::Reflection, None);
        }
        self.member(name, at, role, Form::Plain, of);
        if let Some(member) = self.facts.members.last_mut() {
            (member.value, member.annotated, member.extent) = (value, annotated, extent);
        }
    }

    /// A name that is looked up in something.
    pub(super) fn member(&mut self, node: Node<'_>, at: At, role: Role, form: Form, of: Shape) {
        let at_text = self.range(node);
        let name = self.name(node, at.scope);
        self.member_at(at_text, name, at, role, form, of);
    }

    /// The same, with its place and name.
    pub(super) fn member_at(&mut self, place: TextRange, name: String, at: At, role: Role, form: Form, of: Shape) {
        let scope = at.scope;
        // `_C__x` outside of C, which another private name would change in its middle.
        let hidden = name.starts_with('_') && !name.starts_with("__") && name.trim_start_matches('_').contains("__");
        let spelled_out = hidden && self.facts.regions[scope].private.is_none();
        let form = if spelled_out || special(&name) { Form::Fixed } else { form };
        let (value, annotated) = (Shape::Unknown, false);
        self.facts.members.push(Member { at: place, name, scope, role, form, of, value, annotated, extent: place });
    }

    pub(super) fn hazard(&mut self, node: Node<'_>, kind: HazardKind, name: Option<String>) {
        let at = self.range(node);
        self.facts.hazards.push((Hazard { at, kind, name }, None));
    }

    fn names(&mut self, node: Node<'t>, at: At, act: impl Fn() -> Act) {
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = node.named_children(&mut cursor).filter(|n| n.kind() == "identifier").collect();
        for name in names {
            self.event(name, at, act());
        }
    }

    /// The names in the examples of a documentation string, which tests run.
    fn examples(&mut self, node: Node<'t>) {
        let (text, mut start) = (self.text(node), self.range(node).start);
        for line in text.split_inclusive('\n') {
            let code = line.trim_start();
            if code.starts_with(">>> ") || code.starts_with("... ") {
                words(line, start, |at, word| {
                    let after = line.get((at.end - start) as usize..).unwrap_or("");
                    let given = after.starts_with('=') && !after.starts_with("==");
                    let kind = if given { HazardKind::Keywords } else { HazardKind::Eval };
                    self.facts.hazards.push((Hazard { at, kind, name: Some(word.to_owned()) }, None));
                });
            }
            start = start.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
        }
    }

    /// A string that is code, unless it has parts that only its value shows.
    fn quoted(&mut self, node: Node<'t>, at: At) {
        let mut cursor = node.walk();
        let parts: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        let [start, content, _] = parts.as_slice() else { return self.inside(node, at.with(Mode::Read)) };
        let plain = content.kind() == "string_content"
            && !self.text(*start).contains(['b', 'B', 'f', 'F', 't', 'T'])
            && !self.text(*content).contains(['\\', '\n'])
            && node.parent().is_none_or(|parent| parent.kind() != "concatenated_string");
        if !plain || self.depth >= MAX_QUOTES {
            let (range, text) = (self.range(node), self.text(node));
            return words(text, range.start, |at, word| {
                let hazard = Hazard { at, kind: HazardKind::Syntax, name: Some(word.to_owned()) };
                self.facts.hazards.push((hazard, None));
            });
        }
        let range = self.range(*content);
        let text = self.text(*content);
        let skipped = u32::try_from(text.len() - text.trim_start().len()).unwrap_or(0);
        let range = TextRange::new(range.start + skipped, range.end);
        self.quoted.push(Quoted { range, scope: at.scope, depth: self.depth + 1 });
    }

    fn error(&mut self, node: Node<'t>, at: At) {
        self.hazard(node, HazardKind::Syntax, None);
        self.inside(node, at.with(Mode::Read));
    }
}
