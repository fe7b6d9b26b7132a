//! Names in comments that are read as code: doc comments, links in them, directives.

use super::super::names::{offset, range};
use super::walk::Walk;
use crate::{DeclarationId, Form, HazardKind, Known, Role, ScopeId, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::{BTreeMap, HashSet};

const FILE: ScopeId = ScopeId(0);

impl<'t> Walk<'t> {
    pub(super) fn comments(&mut self, root: Node<'t>) {
        // Comments by the row that they end in.
        let mut ends: BTreeMap<usize, Node<'t>> = BTreeMap::new();
        let mut cursor = root.walk();
        'walk: loop {
            let node = cursor.node();
            if node.kind() == "comment" {
                ends.insert(node.end_position().row, node);
                self.directive(node);
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    break 'walk;
                }
            }
        }
        let mut taken = HashSet::new();
        for (id, node) in std::mem::take(&mut self.documented) {
            let mut row = node.start_position().row;
            while let Some(comment) = row.checked_sub(1).and_then(|above| ends.get(&above)) {
                if !self.alone(*comment) {
                    break;
                }
                self.words(id, *comment, &mut taken);
                row = comment.start_position().row;
            }
        }
        for comment in ends.values() {
            self.links(*comment, &mut taken);
        }
    }

    /// Whether nothing stands before a comment in its line.
    fn alone(&self, comment: Node<'t>) -> bool {
        let before = self.names.text.get(..comment.start_byte()).unwrap_or("");
        before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
    }

    /// The name of a declaration in its own doc comment.
    fn words(&mut self, id: DeclarationId, comment: Node<'t>, taken: &mut HashSet<u32>) {
        let Some(found) = self.names.bindings.declaration(id) else { return };
        let (name, scope) = (found.name.clone(), found.scope);
        let text = self.names.of(comment);
        if is_directive(text) {
            return;
        }
        for (start, _) in text.match_indices(name.as_str()) {
            if word(text, start, name.len()) {
                let at = offset(comment.start_byte() + start);
                if taken.insert(at) {
                    let at = TextRange::new(at, at + offset(name.len()));
                    self.names.form(at, scope, Role::Reads, Target::Declaration(id), Form::Quoted);
                }
            }
        }
    }

    /// `[Name]`, `[Type.Method]`, `[package.Name]`.
    fn links(&mut self, comment: Node<'t>, taken: &mut HashSet<u32>) {
        let text = self.names.of(comment);
        for (open, _) in text.match_indices('[') {
            let Some(inner) = text.get(open + 1..).and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner) else {
                break;
            };
            let stripped = inner.trim_start_matches('*');
            let mut start = comment.start_byte() + open + 1 + inner.len() - stripped.len();
            let parts: Vec<&'t str> = stripped.split('.').collect();
            if parts.len() > 3 || !parts.iter().all(|part| super::super::Rules::is_name(&super::Go, part)) {
                continue;
            }
            let mut before: Option<Known> = None;
            for part in parts {
                let at = TextRange::new(offset(start), offset(start + part.len()));
                start += part.len() + 1;
                let found = self.lookup(part, FILE, at.start);
                let (target, known) = match before {
                    None => (
                        found.map_or(Target::Outside, Target::Declaration),
                        found.map_or(Known::Outside(part.to_owned()), Known::Itself),
                    ),
                    Some(of) => (Target::Member(of.clone()), Known::Member(Box::new(of), part.to_owned())),
                };
                before = Some(known);
                if taken.insert(at.start) {
                    self.names.form(at, FILE, Role::Reads, target, Form::Quoted);
                }
            }
        }
    }

    fn directive(&mut self, comment: Node<'t>) {
        let text = self.names.of(comment);
        if text.starts_with("//go:build ") || text.starts_with("// +build ") {
            self.names.hazard(range(comment), HazardKind::Conditional, None);
        }
        for directive in ["//go:linkname ", "//export "] {
            let Some(rest) = text.strip_prefix(directive) else { continue };
            let mut start = comment.start_byte() + directive.len();
            for (index, part) in rest.split(' ').enumerate() {
                let last = part.trim_end().rsplit('.').next().unwrap_or(part);
                self.names.hazard(range(comment), HazardKind::Macro, Some(last));
                if index == 0 && !last.is_empty() && last == part.trim_end() {
                    let at = TextRange::new(offset(start), offset(start + last.len()));
                    let target = self.name(last, FILE, at.start);
                    self.names.form(at, FILE, Role::Reads, target, Form::Quoted);
                }
                start += part.len() + 1;
            }
        }
    }
}

fn is_directive(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("//") else { return false };
    let tool = rest.split(' ').next().unwrap_or("");
    tool.split_once(':').is_some_and(|(tool, name)| {
        !tool.is_empty() && !name.is_empty() && tool.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// Whether a part of a text is not part of a longer name.
fn word(text: &str, start: usize, length: usize) -> bool {
    let name = |c: char| c == '_' || c.is_alphanumeric();
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(start + length..).and_then(|text| text.chars().next());
    !before.is_some_and(name) && !after.is_some_and(name)
}
