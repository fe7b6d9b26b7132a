//! Names in comments of documentation: `@param name`, `{Type}`, `{@link name}`.

use super::build::{ANY, Builder, Meaning, TYPE, range};
use crate::{DeclarationKind, Form, Role, ScopeId, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// Between a comment and the function that it is about stand at most this many bytes of modifiers.
const MAX_BETWEEN: u32 = 200;

/// Tags whose word after the type names a parameter.
const PARAMETERS: &[&str] = &["param", "arg", "argument"];

/// Tags that name something without braces.
const NAMES: &[&str] = &["see", "augments", "extends", "implements", "memberof"];

/// A name in a comment, by its offsets in it.
struct Word {
    from: usize,
    to: usize,
    is_parameter: bool,
}

impl<'t> Builder<'t> {
    pub(super) fn comment(&mut self, node: Node<'t>, scope: ScopeId) {
        if self.str(node).starts_with("/**") {
            self.docs.push((node, scope));
        }
    }

    /// The names in comments, once every declaration is known. Only what is found is a name: the rest is prose.
    pub(super) fn documented(&mut self) {
        let docs = std::mem::take(&mut self.docs);
        if docs.is_empty() {
            return;
        }
        let mut functions: Vec<(u32, ScopeId)> = (0..)
            .map(ScopeId)
            .zip(&self.scopes)
            .filter(|(_, scope)| scope.kind == ScopeKind::Function)
            .map(|(id, scope)| (scope.range.start, id))
            .collect();
        functions.sort_unstable();
        for (node, scope) in docs {
            let comment = range(node);
            let text = self.str(node);
            for word in words(text) {
                let short = |offset: usize| comment.start + u32::try_from(offset).unwrap_or(0);
                let at = TextRange::new(short(word.from), short(word.to));
                let Some(name) = text.get(word.from..word.to) else { continue };
                let found = if word.is_parameter {
                    self.parameter_after(&functions, comment.end, name)
                } else {
                    self.lookup(name, scope, TYPE, at.start).or_else(|| self.lookup(name, scope, ANY, at.start))
                };
                if let Some(found) = found {
                    self.refer_at(at, name, scope, Role::Reads, Form::Quoted, Meaning::Draft(found));
                }
            }
        }
    }

    /// The parameter of the function that follows a comment.
    fn parameter_after(&self, functions: &[(u32, ScopeId)], end: u32, name: &str) -> Option<usize> {
        let next = functions.partition_point(|(start, _)| *start < end);
        let (start, scope) = functions.get(next)?;
        let between = self.text.get(end as usize..*start as usize)?;
        if start - end > MAX_BETWEEN || between.contains([';', '}', '{']) || between.contains("*/") {
            return None;
        }
        let all = self.inside.get(scope.0 as usize)?.names.get(name)?;
        all.iter().copied().find(|index| {
            self.drafts.get(*index).is_some_and(|draft| {
                matches!(draft.declaration.kind, DeclarationKind::Parameter | DeclarationKind::Field)
            })
        })
    }
}

fn is_part(letter: char) -> bool {
    letter == '$' || unicode_ident::is_xid_continue(letter)
}

/// The words of a comment that may be names.
fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(tag) = text.get(at..).and_then(|rest| rest.find('@')) {
        let from = at + tag + 1;
        let rest = text.get(from..).unwrap_or_default();
        let name: &str = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        at = from + name.len();
        let mut left = skip(text, at);
        if name == "link" || name == "linkcode" || name == "linkplain" || NAMES.contains(&name) {
            found.extend(word(text, left, false));
            continue;
        }
        if text.get(left..).is_some_and(|rest| rest.starts_with('{')) {
            let Some(length) = text.get(left..).and_then(|rest| rest.find(['}', '\n'])) else { break };
            types(text, left + 1, left + length, &mut found);
            left = skip(text, left + length + 1);
            at = left;
        }
        if PARAMETERS.contains(&name) {
            // `[name=default]` is one that may be left out.
            let optional = usize::from(text.get(left..).is_some_and(|rest| rest.starts_with('[')));
            found.extend(word(text, left + optional, true));
        }
    }
    found
}

fn skip(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches([' ', '\t']).len()
}

fn word(text: &str, from: usize, is_parameter: bool) -> Option<Word> {
    let rest = text.get(from..)?;
    let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    // `a.b` of a parameter names what the parameter has, behind the parameter.
    (length > 0).then_some(Word { from, to: from + length, is_parameter })
}

/// The names in a type: not those after a dot, before a colon or in quotes.
fn types(text: &str, from: usize, to: usize, found: &mut Vec<Word>) {
    let mut at = from;
    let mut before = ' ';
    while at < to {
        let Some(rest) = text.get(at..to) else { return };
        let Some(first) = rest.chars().next() else { return };
        if first == '"' || first == '\'' {
            let length = rest.get(1..).and_then(|inner| inner.find(first)).map_or(rest.len(), |inner| inner + 2);
            at += length;
            continue;
        }
        if !is_part(first) {
            if !first.is_whitespace() {
                before = first;
            }
            at += first.len_utf8();
            continue;
        }
        let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let after = rest.get(length..).unwrap_or_default().trim_start();
        if before != '.' && !after.starts_with(':') {
            found.push(Word { from: at, to: at + length, is_parameter: false });
        }
        before = ' ';
        at += length;
    }
}
