//! The function whose calls are replaced: its parameters, its body, its value.

use super::InlineError;
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, range, walk};
use crate::paths::{completes, direct};
use deepcoder_resolve::{DeclarationId, DeclarationKind, Role, Target};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// A parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter<'s> {
    pub(super) name: String,
    pub(super) id: Option<DeclarationId>,
    /// Its type as it is written, with what stands before it.
    pub(super) kind: Option<String>,
    pub(super) default: Option<Node<'s>>,
    /// Whether it takes all further arguments.
    pub(super) spread: bool,
    /// Whether the body gives it another value.
    pub(super) written: bool,
    pub(super) uses: Vec<TextRange>,
    /// Whether it is the value that the function is called on.
    pub(super) is_this: bool,
}

/// A function that can be put in the place of its calls.
pub(super) struct Callee<'s> {
    pub(super) node: Node<'s>,
    pub(super) name: String,
    /// The statements of the body, the last `return` apart.
    pub(super) statements: Vec<Node<'s>>,
    /// The value at the end.
    pub(super) value: Option<Node<'s>>,
    /// Whether it returns elsewhere, too: it can only take the place of a statement that returns its value.
    pub(super) returns: bool,
    pub(super) parameters: Vec<Parameter<'s>>,
    /// The parameter or the word that stands for the value that it is called on.
    pub(super) this: Option<Parameter<'s>>,
    /// Whether it is a member that is called on a value.
    pub(super) member: bool,
    /// Variables of the body.
    pub(super) locals: Vec<(DeclarationId, String, TextRange)>,
}

impl<'s> Callee<'s> {
    /// What the function at a node is made of.
    pub(super) fn of(source: &'s Source<'_>, paths: &Paths, node: Node<'s>) -> Result<Self, InlineError> {
        let text = |node: Node<'_>| source.text_of(range(node)).to_owned();
        let name_node = node.child_by_field_name("name").ok_or(InlineError::NoFunction)?;
        let name = text(name_node);
        let body = node.child_by_field_name("body").ok_or_else(|| InlineError::NoBody(name.clone()))?;
        if node.has_error() {
            return Err(InlineError::Syntax(name));
        }
        refuse(source, paths, node, body, &name)?;
        let mut cursor = body.walk();
        let block = match source.language {
            Language::Go => body.named_child(0).unwrap_or(body),
            _ => body,
        };
        let mut cursor_of_block = block.walk();
        let all: Vec<Node<'s>> = if block.kind() == "statement_list" || block.id() == body.id() {
            body_statements(source, block.named_children(&mut cursor_of_block).filter(|child| !child.is_extra()))
        } else {
            body.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
        };
        let mut statements = all;
        let returns: Vec<Node<'s>> = {
            let mut found = Vec::new();
            walk(body, |inner| {
                if paths.returns.contains(&inner.kind()) && direct(paths, inner, range(body)) {
                    found.push(inner);
                }
                true
            });
            found
        };
        let mut value = None;
        let mut elsewhere = returns.len();
        if let Some(last) = statements.last().copied() {
            let inner = if last.kind() == "expression_statement" && source.language == Language::Rust {
                last.named_child(0).unwrap_or(last)
            } else {
                last
            };
            if paths.returns.contains(&inner.kind()) {
                elsewhere -= 1;
                value = inner.named_children(&mut inner.walk()).find(|child| !child.is_extra());
                if value.is_some_and(|value| value.kind() == "expression_list" && value.named_child_count() > 1) {
                    return Err(InlineError::Several(name));
                }
                if value.is_some_and(|value| value.kind() == "expression_list") {
                    value = value.and_then(|value| value.named_child(0));
                }
                statements.pop();
            } else if source.language == Language::Rust
                && !text(last).ends_with(';')
                && !last.kind().ends_with("_item")
                && last.kind() != "let_declaration"
            {
                let unit = node.child_by_field_name("return_type").is_none();
                if !unit {
                    value = Some(inner);
                    statements.pop();
                }
            }
        }
        let valued = returns.iter().any(|node| node.named_child_count() > 0);
        if elsewhere > 0 && valued && completes(source, paths, body, 0) {
            return Err(InlineError::Returns(name));
        }
        let mut out = Self {
            node,
            name,
            statements,
            value,
            returns: elsewhere > 0,
            parameters: Vec::new(),
            this: None,
            member: false,
            locals: Vec::new(),
        };
        out.parameters(source, node)?;
        out.member = node.parent().is_some_and(|up| {
            paths.types.contains(&up.kind()) || up.parent().is_some_and(|up| paths.types.contains(&up.kind()))
        }) && !is_static(source, node);
        let home = range(node);
        for (id, declaration) in source.bindings.ids() {
            let local = matches!(
                declaration.kind,
                DeclarationKind::Variable
                    | DeclarationKind::Constant
                    | DeclarationKind::Class
                    | DeclarationKind::Function
            );
            let inside = range(body).start <= declaration.at.start && declaration.at.end <= range(body).end;
            let member = source
                .bindings
                .scope(declaration.scope)
                .is_some_and(|scope| scope.kind == deepcoder_resolve::ScopeKind::Class);
            if local && inside && !member && crate::grammar::source::holds(home, declaration.at) {
                out.locals.push((id, declaration.name.clone(), declaration.at));
            }
        }
        Ok(out)
    }

    fn parameters(&mut self, source: &'s Source<'_>, node: Node<'s>) -> Result<(), InlineError> {
        let body = node.child_by_field_name("body").map_or_else(|| range(node), range);
        let list = node.child_by_field_name("parameters").ok_or(InlineError::NoFunction)?;
        let text = |node: Node<'_>| source.text_of(range(node)).to_owned();
        let make = |name: Node<'s>, kind: Option<String>, default: Option<Node<'s>>, spread: bool| {
            let at = range(name);
            let id = source.bindings.ids().find(|(_, d)| d.at == at).map(|(id, _)| id);
            let own = |r: &&deepcoder_resolve::Reference| {
                id.is_some_and(|id| r.target == Target::Declaration(id)) && r.at != at
            };
            let uses: Vec<&deepcoder_resolve::Reference> = source.references(body).iter().filter(own).collect();
            Parameter {
                name: source.text_of(at).to_owned(),
                id,
                kind,
                default,
                spread,
                written: uses.iter().any(|r| matches!(r.role, Role::Writes | Role::Declares)) || updated(source, &uses),
                uses: uses.iter().map(|r| r.at).collect(),
                is_this: false,
            }
        };
        let mut cursor = list.walk();
        for parameter in list.named_children(&mut cursor).filter(|child| !child.is_extra()) {
            let field = |name: &str| parameter.child_by_field_name(name);
            let kind = |end: Node<'_>| {
                Some(source.text_of(TextRange::new(range(parameter).start, range(end).start)).trim().to_owned())
            };
            match parameter.kind() {
                "identifier" => self.parameters.push(make(parameter, None, None, false)),
                "default_parameter" | "typed_default_parameter" => {
                    let name = field("name").ok_or(InlineError::Parameters)?;
                    self.parameters.push(make(name, None, field("value"), false));
                }
                "typed_parameter" => {
                    let name = parameter
                        .named_child(0)
                        .filter(|name| name.kind() == "identifier")
                        .ok_or(InlineError::Parameters)?;
                    self.parameters.push(make(name, None, None, false));
                }
                "formal_parameter" => {
                    let name = field("name").ok_or(InlineError::Parameters)?;
                    self.parameters.push(make(name, kind(name), None, false));
                }
                "spread_parameter" => {
                    let declarator = parameter
                        .named_children(&mut parameter.walk())
                        .find(|c| c.kind() == "variable_declarator")
                        .ok_or(InlineError::Parameters)?;
                    let name = declarator.child_by_field_name("name").ok_or(InlineError::Parameters)?;
                    let kind = kind(declarator).map(|kind| kind.trim_end_matches("...").trim().to_owned() + "[]");
                    self.parameters.push(make(name, kind, None, true));
                }
                "parameter" => {
                    let pattern =
                        field("pattern").filter(|p| p.kind() == "identifier").ok_or(InlineError::Parameters)?;
                    let mut made = make(pattern, field("type").map(text), None, false);
                    made.written |=
                        parameter.named_children(&mut parameter.walk()).any(|c| c.kind() == "mutable_specifier");
                    self.parameters.push(made);
                }
                "self_parameter" => {
                    let this = parameter
                        .named_children(&mut parameter.walk())
                        .find(|c| c.kind() == "self")
                        .ok_or(InlineError::Parameters)?;
                    let mut made = make(this, Some(text(parameter)), None, false);
                    made.written =
                        parameter.named_children(&mut parameter.walk()).any(|c| c.kind() == "mutable_specifier")
                            && !text(parameter).starts_with('&');
                    made.uses.clear();
                    if let Some(body) = node.child_by_field_name("body") {
                        walk(body, |inner| {
                            if inner.kind() == "self" {
                                made.uses.push(range(inner));
                            }
                            inner.kind() != "function_item"
                        });
                    }
                    self.this = Some(made);
                }
                "required_parameter" | "optional_parameter" => {
                    let name = field("pattern").filter(|p| p.kind() == "identifier").ok_or(InlineError::Parameters)?;
                    self.parameters.push(make(name, None, field("value"), false));
                }
                "assignment_pattern" => {
                    let name = field("left").filter(|p| p.kind() == "identifier").ok_or(InlineError::Parameters)?;
                    self.parameters.push(make(name, None, field("right"), false));
                }
                "parameter_declaration" => {
                    let of = field("type").map(text);
                    let mut cursor = parameter.walk();
                    for name in parameter.children_by_field_name("name", &mut cursor) {
                        self.parameters.push(make(name, of.clone(), None, false));
                    }
                }
                "attribute_item" | "line_comment" => {}
                _ => return Err(InlineError::Parameters),
            }
        }
        let python = source.language == Language::Python && self.node_is_method();
        if python && !is_static(source, node) && !self.parameters.is_empty() {
            self.this = Some(self.parameters.remove(0));
        }
        if let Some((at, receiver)) = (source.language == Language::Go).then(|| receiver(node)).flatten() {
            self.this = Some(make(receiver, Some(text(at)), None, false));
        }
        if let Some(this) = &mut self.this {
            this.is_this = true;
        }
        Ok(())
    }

    fn node_is_method(&self) -> bool {
        let outer = self.node.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(self.node);
        outer.parent().and_then(|block| block.parent()).is_some_and(|up| up.kind() == "class_definition")
    }

    /// Everything of the body that moves.
    pub(super) fn body(&self) -> Option<TextRange> {
        let first = self.statements.first()?;
        let last = self.statements.last()?;
        Some(TextRange::new(range(*first).start, range(*last).end))
    }
}

/// The receiver of a method of Go: its type and its name.
fn receiver(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let parameter = node.child_by_field_name("receiver")?.named_child(0)?;
    Some((parameter.child_by_field_name("type")?, parameter.child_by_field_name("name")?))
}

fn body_statements<'s>(source: &Source<'_>, nodes: impl Iterator<Item = Node<'s>>) -> Vec<Node<'s>> {
    let mut nodes: Vec<Node<'s>> = nodes.collect();
    if source.language == Language::Python {
        // What documents the function goes with it, and so does a statement that does nothing.
        let documents = |node: &Node<'_>| {
            node.kind() == "expression_statement" && node.named_child(0).is_some_and(|c| c.kind() == "string")
        };
        if nodes.first().is_some_and(documents) {
            nodes.remove(0);
        }
        nodes.retain(|node| node.kind() != "pass_statement");
    }
    nodes
}

/// Whether a parameter is counted up or changed by an operator.
fn updated(source: &Source<'_>, uses: &[&deepcoder_resolve::Reference]) -> bool {
    uses.iter().any(|r| {
        let parent = source.node_at(r.at).and_then(|node| node.parent());
        parent.is_some_and(|up| {
            matches!(
                up.kind(),
                "update_expression" | "inc_statement" | "dec_statement" | "augmented_assignment" | "delete_statement"
            ) || up.kind() == "reference_expression"
                && up.child(1).is_some_and(|word| word.kind() == "mutable_specifier")
        })
    })
}

/// Whether a member belongs to the type and not to its values.
pub(super) fn is_static(source: &Source<'_>, node: Node<'_>) -> bool {
    let outer = node.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(node);
    let body = node.child_by_field_name("body").map_or(range(node).end, |body| range(body).start);
    let head = source.text_of(TextRange::new(range(outer).start, body));
    head.split(|c: char| !c.is_alphanumeric() && c != '@').any(|word| matches!(word, "static" | "@staticmethod"))
        || source.language == Language::Rust && !head.contains("self")
}

/// Refuses what cannot be in another place.
fn refuse(source: &Source<'_>, paths: &Paths, node: Node<'_>, body: Node<'_>, name: &str) -> Result<(), InlineError> {
    let mut error = None;
    let own = node.child_by_field_name("name").map(range);
    let id = source.bindings.ids().find(|(_, d)| Some(d.at) == own).map(|(id, _)| id);
    let head = source.text_of(TextRange::new(range(node).start, range(body).start));
    if head.split_whitespace().any(|word| matches!(word, "async" | "abstract" | "native" | "synchronized"))
        || node.kind().starts_with("generator")
    {
        let word =
            head.split_whitespace().find(|word| matches!(*word, "async" | "abstract" | "native" | "synchronized"));
        let known = ["async", "abstract", "native", "synchronized"].into_iter().find(|known| word == Some(known));
        return Err(InlineError::Bound(known.unwrap_or("yield")));
    }
    walk(body, |inner| {
        let kind = inner.kind();
        let here = direct(paths, inner, range(body));
        if let Some((_, word)) = paths.bound.iter().find(|(of, _)| *of == kind && here) {
            error = Some(InlineError::Bound(word));
        }
        match kind {
            "super" if source.language == Language::Java && inner.parent().is_none_or(|up| up.kind() != "wildcard") => {
                error = Some(InlineError::Bound("super"))
            }
            "await" | "await_expression" if here => error = Some(InlineError::Bound("await")),
            "global_statement" | "nonlocal_statement" => error = Some(InlineError::Bound("global")),
            "try_expression" if here => error = Some(InlineError::Bound("?")),
            _ => {}
        }
        error.is_none()
    });
    if let Some(error) = error {
        return Err(error);
    }
    let recursive = source
        .references(range(body))
        .iter()
        .any(|r| r.name == name && (id.is_some_and(|id| r.target == Target::Declaration(id)) || same(source, r, own)));
    if recursive { Err(InlineError::Recursive(name.to_owned())) } else { Ok(()) }
}

fn same(source: &Source<'_>, r: &deepcoder_resolve::Reference, own: Option<TextRange>) -> bool {
    let deepcoder_resolve::Resolution::Exact(symbol) = source.project.resolve(&source.path, r) else { return false };
    symbol
        .declarations
        .iter()
        .any(|(path, id)| *path == source.path && source.bindings.declaration(*id).map(|d| d.at) == own)
}
