//! Directives, the bodies of macros, and the names that the grammar did not read.

use super::super::names::{child, children, offset, range};
use super::lexer::{Kind as Token, body, tokens};
use super::macros::is_keyword;
use super::walk::{FILE, Walk, What};
use crate::{DeclarationKind as Kind, HazardKind, Role, ScopeId, ScopeKind, Space, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::HashSet;

/// Nodes in which the definitions of a file are.
const HOMES: &[&str] = &[
    "translation_unit",
    "declaration_list",
    "linkage_specification",
    "namespace_definition",
    "preproc_if",
    "preproc_ifdef",
    "preproc_else",
    "preproc_elif",
    "preproc_elifdef",
];

impl<'t> Walk<'t> {
    pub(super) fn macro_definition(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let id = self.once(name, (Kind::Macro, Space::Macro), FILE, node, 0);
        let mut scope = FILE;
        if let Some(list) = node.child_by_field_name("parameters") {
            scope = self.names.scope(ScopeKind::Function, FILE, node);
            let names: Vec<Node<'t>> = children(list).into_iter().filter(|part| part.kind() == "identifier").collect();
            if let Some(found) = self.names.declaration(id) {
                found.parameters = Some(offset(names.len()));
            }
            for name in names {
                self.once(name, (Kind::Parameter, Space::Value), scope, node, 0);
            }
        }
        if let Some(value) = node.child_by_field_name("value") {
            self.macro_body(value, scope);
        }
    }

    fn macro_body(&mut self, value: Node<'t>, scope: ScopeId) {
        let start = value.start_byte();
        let tokens = body(self.names.of(value));
        let is = |index: Option<usize>, kind| index.and_then(|index| tokens.get(index)).is_some_and(|t| t.kind == kind);
        // The calls around a token: the callee, the argument's position and where it begins.
        let mut calls: Vec<(Option<&str>, u32, usize)> = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let at = TextRange::new(offset(start + token.at), offset(start + token.at + token.text.len()));
            match token.text {
                "(" => {
                    let before = index.checked_sub(1).and_then(|index| tokens.get(index));
                    let callee = before.filter(|b| b.kind == Token::Word && !is_keyword(b.text)).map(|b| b.text);
                    calls.push((callee, 0, token.at + 1));
                }
                ")" | "," => {
                    if let Some((Some(callee), position, from)) = calls.last().copied() {
                        let own = scope != FILE && !self.names.here(scope, Space::Value, callee).is_empty();
                        let range = TextRange::new(offset(start + from), at.start);
                        self.argument(if own { "" } else { callee }, position, range);
                    }
                    match calls.last_mut().filter(|_| token.text == ",") {
                        Some(call) => {
                            call.1 += 1;
                            call.2 = token.at + 1;
                        }
                        None if token.text == ")" => _ = calls.pop(),
                        None => {}
                    }
                }
                name if token.kind == Token::Word && !is_keyword(name) => {
                    if scope != FILE
                        && let Some(id) = self.names.here(scope, Space::Value, name).first().copied()
                    {
                        self.names.refer(at, scope, Role::Reads, Target::Declaration(id));
                    } else if is(index.checked_sub(1), Token::Paste) || is(Some(index + 1), Token::Paste) {
                        self.parts.insert(at.start);
                    } else {
                        let dot = index.checked_sub(1).and_then(|index| tokens.get(index));
                        let member = dot.is_some_and(|dot| dot.text == "." || dot.kind == Token::Arrow);
                        let what = if member { What::Designator(None) } else { What::Expanded };
                        self.pending.push(super::walk::Pending { at, scope, role: Role::Reads, what });
                    }
                }
                _ => {}
            }
        }
    }

    /// What is under a condition; a macro that it tests may be defined outside of the text, but for the guard of a header.
    pub(super) fn conditional(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("name");
        let condition = node.child_by_field_name("condition");
        let parts = children(node);
        if let Some(name) = name {
            self.later(name, FILE, Role::Reads, What::Macro);
            let first = parts.iter().find(|part| **part != name);
            let guard = child(node, "#ifndef").is_some()
                && first.is_some_and(|first| {
                    first.kind() == "preproc_def"
                        && first.child_by_field_name("value").is_none()
                        && first
                            .child_by_field_name("name")
                            .is_some_and(|own| self.names.of(own) == self.names.of(name))
                });
            if !guard {
                self.names.hazard(range(name), HazardKind::Conditional, Some(self.names.of(name)));
            }
        }
        if let Some(condition) = condition {
            self.condition(condition);
        }
        let rest: Vec<Node<'t>> =
            parts.into_iter().filter(|part| Some(*part) != name && Some(*part) != condition).collect();
        self.push_all(&rest, scope);
    }

    pub(super) fn condition(&mut self, node: Node<'t>) {
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            if node.kind() == "identifier" {
                self.later(node, FILE, Role::Reads, What::Macro);
                self.names.hazard(range(node), HazardKind::Conditional, Some(self.names.of(node)));
            }
            left.extend(children(node));
        }
    }

    pub(super) fn directive(&mut self, node: Node<'t>) {
        let directive = node.child_by_field_name("directive").map(|found| self.names.of(found)).unwrap_or_default();
        let Some(argument) = node.child_by_field_name("argument") else { return };
        if directive.trim_start_matches('#').trim() != "undef" {
            return;
        }
        if let Some(name) = body(self.names.of(argument)).first() {
            let start = offset(argument.start_byte() + name.at);
            let at = TextRange::new(start, start + offset(name.text.len()));
            self.pending.push(super::walk::Pending { at, scope: FILE, role: Role::Reads, what: What::Macro });
        }
    }

    /// Every word of a text that is code to others, be it in a string.
    pub(super) fn words(&mut self, node: Node<'t>) {
        let text = self.names.of(node);
        for word in text.split(|c: char| c != '_' && !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            self.names.hazard(range(node), HazardKind::Reflection, Some(word));
        }
    }

    /// Macros that the tree does not show.
    pub(super) fn masked(&mut self, masked: super::mask::Masked) {
        for at in masked.words {
            self.pending.push(super::walk::Pending { at, scope: FILE, role: Role::Reads, what: What::Name });
        }
        for (callee, position, at) in masked.arguments {
            self.argument(&callee, position, at);
        }
    }

    /// Names that no reference stands for, and those around what does not parse: each may mean anything.
    pub(super) fn unread(&mut self, root: Node<'t>) {
        let mut read: HashSet<u32> = self.names.bindings.references.iter().map(|found| found.at.start).collect();
        read.extend(&self.parts);
        for token in tokens(self.names.text) {
            if token.kind == Token::Word
                && !is_keyword(token.text)
                && !read.contains(&offset(token.at))
                && !is_builtin(token.text)
            {
                let at = TextRange::new(offset(token.at), offset(token.at + token.text.len()));
                self.macro_hazard(at, token.text);
            }
        }
        for region in regions(root) {
            let text = self.names.slice(region);
            let mut seen = HashSet::new();
            for token in body(text) {
                if token.kind == Token::Word && !is_keyword(token.text) && seen.insert(token.text) {
                    self.names.hazard(region, HazardKind::Syntax, Some(token.text));
                }
            }
        }
        self.nest_arguments();
    }

    /// Puts the arguments in order and finds what is around each.
    fn nest_arguments(&mut self) {
        let all = &mut self.names.bindings.arguments;
        all.sort_by_key(|argument| (argument.at.start, std::cmp::Reverse(argument.at.end)));
        let mut around: Vec<(u32, u32)> = Vec::new();
        for (index, argument) in (0..).zip(all.iter_mut()) {
            while around.last().is_some_and(|(_, end)| *end < argument.at.end || *end <= argument.at.start) {
                around.pop();
            }
            argument.around = around.last().map(|(index, _)| *index);
            around.push((index, argument.at.end));
        }
    }
}

/// Types that the grammar knows by name, and words of directives.
fn is_builtin(word: &str) -> bool {
    matches!(
        word,
        "bool"
            | "NULL"
            | "nullptr"
            | "defined"
            | "true"
            | "false"
            | "once"
            | "override"
            | "final"
            | "__attribute__"
            | "__VA_ARGS__"
    ) || word.ends_with("_t")
}

/// What does not parse, with the whole definition that it is in and the ones beside it.
pub(super) fn regions(root: Node<'_>) -> Vec<TextRange> {
    let mut found = Vec::new();
    let mut left = vec![root];
    while let Some(home) = left.pop() {
        if !home.has_error() && home.kind() != "translation_unit" {
            continue;
        }
        let inner = children(home);
        for (index, node) in inner.iter().enumerate() {
            let odd = node.is_error()
                || node.is_missing()
                || node.kind().ends_with("_statement") && node.kind() != "expression_statement";
            if odd {
                let beside = index.checked_sub(1).and_then(|before| inner.get(before)).unwrap_or(node);
                let after = inner.get(index + 1).unwrap_or(node);
                for node in [beside, node, after] {
                    if !HOMES.contains(&node.kind()) || node == beside && node == after {
                        found.push(range(*node));
                    }
                }
            } else if HOMES.contains(&node.kind()) {
                left.push(*node);
            } else if node.has_error() {
                found.push(range(*node));
            }
        }
    }
    found
}
