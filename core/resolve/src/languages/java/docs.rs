//! Names in documentation comments: `@param`, `@throws`, `@see`, `{@link}`.

use super::super::names::offset;
use super::known::within;
use super::walk::Walk;
use crate::{Known, Members, ScopeId, ScopeKind, Space, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

impl<'t> Walk<'t> {
    pub(super) fn comments(&mut self, root: Node<'t>) {
        let mut cursor = root.walk();
        loop {
            let node = cursor.node();
            if node.kind() == "block_comment" && self.names.of(node).starts_with("/**") {
                let after = self.names.text.get(node.end_byte()..).unwrap_or("");
                let next = node.end_byte() + after.len() - after.trim_start().len();
                if let Some(scope) = self.documented.get(&next).copied() {
                    self.documentation(node, scope);
                }
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    fn documentation(&mut self, comment: Node<'t>, scope: ScopeId) {
        let text = self.names.of(comment);
        for (start, _) in text.match_indices('@') {
            let rest = text.get(start + 1..).unwrap_or("");
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            let (tag, rest) = rest.split_at(end);
            let space = rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            let at = comment.start_byte() + start + 1 + end + space;
            match tag {
                "param" => self.parameter(rest, at, scope),
                "link" | "linkplain" | "see" | "throws" | "exception" | "value" => self.link(rest, at, scope),
                _ => {}
            }
        }
    }

    fn parameter(&mut self, rest: &'t str, at: usize, scope: ScopeId) {
        let (rest, at, space) = match rest.strip_prefix('<') {
            Some(rest) => (rest, at + 1, Space::Type),
            None => (rest, at, Space::Value),
        };
        let name = word(rest);
        let home = match (space, self.names.kind(scope)) {
            (Space::Type, ScopeKind::Class) => self.names.parent(scope).unwrap_or(scope),
            _ => scope,
        };
        if let Some(id) = self.names.visible(home, space, name, u32::MAX) {
            self.quoted(TextRange::new(offset(at), offset(at + name.len())), scope, Target::Declaration(id));
        }
    }

    /// `Type`, `Type.Nested`, `Type#member`, `#member`.
    fn link(&mut self, rest: &'t str, mut at: usize, scope: ScopeId) {
        let mut rest = rest;
        let mut of = None;
        loop {
            let name = word(rest);
            if !name.is_empty() {
                let place = TextRange::new(offset(at), offset(at + name.len()));
                let (target, known) = match of.take() {
                    None => {
                        let target = self.type_name(name, scope, place.start);
                        let known = match target {
                            Target::Declaration(id) if self.is_type(id) => Known::Itself(id),
                            _ => Known::Outside(name.to_owned()),
                        };
                        (target, known)
                    }
                    Some(outer) => {
                        (within(Known::clone(&outer), Members::Types), Known::Member(Box::new(outer), name.to_owned()))
                    }
                };
                self.quoted(place, scope, target);
                of = Some(known);
            }
            at += name.len();
            rest = rest.get(name.len()..).unwrap_or("");
            match rest.strip_prefix('.') {
                Some(next) if !name.is_empty() => (rest, at) = (next, at + 1),
                _ => break,
            }
        }
        let Some(rest) = rest.strip_prefix('#') else { return };
        let name = word(rest);
        if name.is_empty() {
            return;
        }
        let at = TextRange::new(offset(at + 1), offset(at + 1 + name.len()));
        let after = rest.get(name.len()..).unwrap_or("");
        let members = match after.strip_prefix('(').and_then(|list| list.split_once(')')) {
            Some((list, _)) if list.trim().is_empty() => Members::Methods(Some(0)),
            Some((list, _)) => Members::Methods(Some(offset(list.split(',').count()))),
            None => Members::Any,
        };
        let of = of.or_else(|| self.class(scope).map(Known::Itself)).unwrap_or_default();
        self.quoted(at, scope, within(of, members));
    }
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}
