//! What an expression reads and does, as far as the text tells: whether it may be evaluated at another time.

use crate::grammar::source::{Source, holds, range, walk};
use deepcoder_resolve::{DeclarationKind, Reference, Resolution, Role, ScopeId, ScopeKind, Target};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// What the value of an expression depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reads {
    /// Nothing: a literal.
    Nothing,
    /// Variables.
    Names,
    /// Members or elements of things, which others may change.
    State,
    /// Whatever a call or an assignment in it does.
    Effects,
}

/// What an expression reads and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) reads: Reads,
    /// Whether each evaluation makes a new thing that can be changed.
    pub(crate) makes: bool,
    /// Whether it is one name or one literal: it cannot fail.
    pub(crate) single: bool,
}

impl Source<'_> {
    /// What an expression reads and does.
    pub(crate) fn value(&self, expression: Node<'_>) -> Value {
        let grammar = self.grammar;
        let mut reads = Reads::Nothing;
        let mut makes = false;
        walk(expression, |node| {
            let kind = node.kind();
            makes |= grammar.makers.contains(&kind);
            let here = if grammar.effects.contains(&kind) {
                if self.pure(node) == Some(true) { Reads::State } else { Reads::Effects }
            } else if self.is_length(node) {
                Reads::Names
            } else if grammar.accesses.contains(&kind) {
                Reads::State
            } else {
                Reads::Nothing
            };
            reads = reads.max(here);
            true
        });
        for reference in self.references(range(expression)) {
            reads = reads.max(if self.shared(reference) { Reads::State } else { Reads::Names });
        }
        let text = grammar.strings.contains(&expression.kind()) && reads == Reads::Nothing;
        Value { reads, makes, single: expression.child_count() == 0 || text }
    }

    /// Whether a call may give a variable another value: another function writes it, or it is of another file.
    fn shared(&self, reference: &Reference) -> bool {
        let variable = |kind: DeclarationKind| kind == DeclarationKind::Variable;
        let Target::Declaration(id) = reference.target else {
            let outside = reference.target == Target::Outside;
            let meant = if outside { self.project.resolve(&self.path, reference) } else { Resolution::Unresolved };
            let Resolution::Exact(symbol) = meant else { return false };
            return symbol.declarations.iter().filter_map(|d| self.project.declaration(d)).any(|d| variable(d.kind));
        };
        if !self.bindings.declaration(id).is_some_and(|d| variable(d.kind) || d.kind == DeclarationKind::Parameter) {
            return false;
        }
        let own = self.function(reference.scope);
        let writes = |r: &&Reference| matches!(r.role, Role::Writes | Role::Declares) && r.target == reference.target;
        // What a function outside of this one writes when it begins is written before.
        let elsewhere = |r: &Reference| {
            let there = self.function(r.scope);
            there != own && self.bindings.declaration(id).is_some_and(|d| self.function(d.scope) != there)
        };
        self.bindings.references.iter().filter(writes).any(elsewhere)
    }

    /// The function that a scope is in.
    fn function(&self, scope: ScopeId) -> Option<ScopeId> {
        let mut at = Some(scope);
        while let Some(id) = at {
            let scope = self.bindings.scope(id)?;
            if scope.kind == ScopeKind::Function {
                return at;
            }
            at = scope.parent;
        }
        None
    }

    /// Whether anything in a range of the file calls or assigns, apart from what `except` holds or is held by.
    pub(crate) fn acts(&self, top: Node<'_>, within: TextRange, except: Option<TextRange>) -> bool {
        let mut found = false;
        walk(top, |node| {
            let here = range(node);
            if found || here.end <= within.start || here.start >= within.end {
                return false;
            }
            if except.is_some_and(|except| holds(except, here)) {
                return false;
            }
            let around = except.is_some_and(|except| holds(here, except));
            // A definition does nothing until it is called.
            let later = here != within && self.grammar.functions.contains(&node.kind()) && !around;
            // A variable that gets a value is found by its name.
            let plain = node.child_by_field_name("left").is_some_and(|left| left.kind() == "identifier");
            let acts =
                self.grammar.effects.contains(&node.kind()) && self.pure(node) != Some(true) && !self.prints(node);
            if !around && !plain && holds(within, here) && acts {
                found = true;
            }
            !later
        });
        found
    }

    /// Whether a call only computes something from what it reads: known where the function is in this file.
    pub(crate) fn pure(&self, call: Node<'_>) -> Option<bool> {
        self.pure_within(call, 0)
    }

    fn pure_within(&self, call: Node<'_>, depth: u32) -> Option<bool> {
        if self.language != Language::Java || call.kind() != "method_invocation" || depth > 8 {
            return None;
        }
        let name = range(call.child_by_field_name("name")?);
        let reference = self.references(name).iter().find(|r| r.at == name)?;
        let Resolution::Exact(symbol) = self.project.resolve(&self.path, reference) else { return None };
        let [(path, id)] = symbol.declarations.as_slice() else { return None };
        let declaration = self.bindings.declaration(*id).filter(|_| *path == self.path)?;
        let method = self.node_at(declaration.at)?.parent().filter(|node| node.kind() == "method_declaration")?;
        let body = method.child_by_field_name("body")?;
        let single =
            body.named_child_count() == 1 && body.named_child(0).is_some_and(|only| only.kind() == "return_statement");
        let mut pure = Some(single);
        walk(body, |node| {
            let kind = node.kind();
            if self.grammar.effects.contains(&kind) {
                pure = match (kind, pure) {
                    ("method_invocation", Some(true)) => self.pure_within(node, depth + 1),
                    (_, None) => None,
                    _ => Some(false),
                };
            }
            true
        });
        if pure == Some(false) && !single && !self.text_of(range(body)).contains(['=', '+', '-', '(']) {
            None
        } else {
            pure
        }
    }

    /// Whether a call only writes text for a person to see.
    fn prints(&self, call: Node<'_>) -> bool {
        let text = self.text_of(range(call));
        self.language == Language::Java
            && (text.starts_with("System.out.print") || text.starts_with("System.err.print"))
    }

    /// The length of an array never changes.
    fn is_length(&self, node: Node<'_>) -> bool {
        self.language == Language::Java
            && node.kind() == "field_access"
            && node.child_by_field_name("field").is_some_and(|field| self.text_of(range(field)) == "length")
            && node
                .child_by_field_name("object")
                .is_some_and(|of| crate::grammar::java::type_of(self, of).is_some_and(|kind| kind.ends_with("[]")))
    }

    /// The places in a range where a variable that an expression reads gets a value.
    pub(crate) fn written(&self, expression: TextRange, within: TextRange) -> Option<TextRange> {
        let names: Vec<(&str, &Target)> =
            self.references(expression).iter().map(|r| (r.name.as_str(), &r.target)).collect();
        let gives = |r: &&Reference| {
            matches!(r.role, Role::Writes | Role::Declares | Role::Imports)
                && !holds(expression, r.at)
                && names.iter().any(|(name, target)| *name == r.name && same(target, &r.target))
        };
        self.references(within).iter().find(gives).map(|r| r.at)
    }

    /// The loops and later bodies around a node, up to `top`, innermost first.
    pub(crate) fn around<'t>(&self, node: Node<'t>, top: Node<'t>, kinds: &[&str]) -> Vec<Node<'t>> {
        let mut out = Vec::new();
        let mut at = node;
        while at.id() != top.id() {
            let Some(parent) = at.parent() else { break };
            if kinds.contains(&parent.kind()) {
                out.push(parent);
            }
            at = parent;
        }
        out
    }
}

/// Whether two targets may be one: not if both are certain and differ.
fn same(a: &Target, b: &Target) -> bool {
    match (a, b) {
        (Target::Declaration(a), Target::Declaration(b)) => a == b,
        _ => true,
    }
}
