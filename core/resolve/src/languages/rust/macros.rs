//! Macros: arguments that are read as expressions, tokens that are not understood, attributes.

use super::collect::{Binder, Border, Wanted, children, offset, range};
use super::walk::Work;
use crate::{DeclarationKind, Form, HazardKind, Role, ScopeId, ScopeKind, Space, Target};
use deepcoder_syntax::{Language, Node, Tree, tree_within};
use deepcoder_types::TextRange;
use std::collections::HashMap;

/// Macros whose arguments are expressions, with whether they hold a format string.
const EXPRESSIONS: &[(&str, bool)] = &[
    ("format", true),
    ("format_args", true),
    ("print", true),
    ("println", true),
    ("eprint", true),
    ("eprintln", true),
    ("write", true),
    ("writeln", true),
    ("panic", true),
    ("todo", true),
    ("unimplemented", true),
    ("unreachable", true),
    ("assert", true),
    ("assert_eq", true),
    ("assert_ne", true),
    ("debug_assert", true),
    ("debug_assert_eq", true),
    ("debug_assert_ne", true),
    ("anyhow", true),
    ("bail", true),
    ("ensure", true),
    ("trace", true),
    ("debug", true),
    ("info", true),
    ("warn", true),
    ("error", true),
    ("vec", false),
    ("dbg", false),
];

/// Deeper arguments of arguments are tokens.
const MAX_NESTED: u32 = 6;

/// Attributes that leave the names of their item alone.
const HARMLESS: &[&str] = &[
    "allow",
    "bench",
    "cfg",
    "cfg_attr",
    "cold",
    "default",
    "deny",
    "deprecated",
    "derive",
    "doc",
    "expect",
    "feature",
    "forbid",
    "ignore",
    "inline",
    "macro_export",
    "macro_use",
    "must_use",
    "no_std",
    "non_exhaustive",
    "path",
    "recursion_limit",
    "repr",
    "should_panic",
    "target_feature",
    "test",
    "track_caller",
    "transparent",
    "warn",
];

/// Traits whose derived implementations make no other names.
const DERIVED: &[&str] =
    &["Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd", "Send", "Sync"];

fn expressions(name: &str) -> Option<bool> {
    EXPRESSIONS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
}

/// The tree of every argument list that is read as expressions, by the offset where it starts.
pub(super) fn arguments(tree: &Tree, text: &str) -> HashMap<usize, Tree> {
    let mut found = HashMap::new();
    let mut level = vec![tree.clone()];
    for _ in 0..MAX_NESTED {
        let mut next = Vec::new();
        for tree in level {
            let mut cursor = tree.walk();
            'nodes: loop {
                let node = cursor.node();
                for part in matched_parts(node, text) {
                    if !found.contains_key(&(part.start as usize))
                        && let Some(inner) = tree_within(Language::Rust, text, part)
                        && expression(&inner, part).is_some()
                    {
                        next.push(inner.clone());
                        found.insert(part.start as usize, inner);
                    }
                }
                if let Some(arguments) = call_arguments(node, text)
                    && !found.contains_key(&arguments.start_byte())
                    && let Some(inner) = tree_within(Language::Rust, text, range(arguments))
                    && expression(&inner, range(arguments)).is_some()
                {
                    next.push(inner.clone());
                    found.insert(arguments.start_byte(), inner);
                }
                if cursor.goto_first_child() {
                    continue;
                }
                while !cursor.goto_next_sibling() {
                    if !cursor.goto_parent() {
                        break 'nodes;
                    }
                }
            }
        }
        level = next;
    }
    found
}

/// The parts of the arguments of `matches!` that are read as expressions: the value, and the paths in the pattern.
fn matched_parts(node: Node<'_>, text: &str) -> Vec<TextRange> {
    let named = |node: Node<'_>| node.child_by_field_name("macro").and_then(|name| text.get(name.byte_range()));
    if node.kind() != "macro_invocation" || named(node).and_then(|name| name.rsplit("::").next()) != Some("matches") {
        return Vec::new();
    }
    let Some(arguments) = children(node).into_iter().find(|child| child.kind() == "token_tree") else {
        return Vec::new();
    };
    let all =
        |node: Node<'_>| (0..node.child_count()).filter_map(|index| node.child(index)).map(range).collect::<Vec<_>>();
    let word = |at: &TextRange| text.get(at.as_range()).unwrap_or("");
    let tokens = all(arguments);
    let Some(comma) = tokens.iter().position(|at| word(at) == ",") else { return Vec::new() };
    let mut parts = Vec::new();
    if let (Some(first), Some(last)) = (tokens.get(1), comma.checked_sub(1).and_then(|last| tokens.get(last))) {
        parts.push(TextRange::new(first.start, last.end));
    }
    let Some(comma) = tokens.get(comma) else { return parts };
    // A path is words with `::` between them; its text has no spaces.
    let pattern = text.get(comma.end as usize..node.end_byte()).unwrap_or("");
    let mut from = None;
    for (index, c) in pattern.char_indices().chain([(pattern.len(), ' ')]) {
        let part = c == '_' || c == ':' || c.is_alphanumeric();
        match (from, part) {
            (None, true) => from = Some(index),
            (Some(start), false) => {
                let path = pattern.get(start..index).unwrap_or("").trim_end_matches(':');
                if path.contains("::") && path.starts_with(|c: char| c == '_' || c.is_alphabetic()) {
                    let at = comma.end + offset(start);
                    parts.push(TextRange::new(at, at + offset(path.len())));
                }
                from = None;
            }
            _ => {}
        }
    }
    parts
}

fn call_arguments<'t>(node: Node<'t>, text: &str) -> Option<Node<'t>> {
    if node.kind() != "macro_invocation" {
        return None;
    }
    let name = node.child_by_field_name("macro")?;
    let name = text.get(name.byte_range())?;
    let crates = ["std::", "core::", "log::", "tracing::", "anyhow::"];
    let name = crates.iter().find_map(|of| name.strip_prefix(of)).unwrap_or(name);
    expressions(name)?;
    let tree = children(node).into_iter().find(|child| child.kind() == "token_tree")?;
    text.get(tree.byte_range()).is_some_and(|text| !text.starts_with('{')).then_some(tree)
}

/// The only expression of a tree of arguments. Without the semicolon after it, the grammar takes it for an error, or for a
/// statement from which something is missing.
fn expression(tree: &Tree, whole: TextRange) -> Option<Node<'_>> {
    let mut node = tree.root_node();
    while node.is_error() || matches!(node.kind(), "source_file" | "expression_statement") {
        if node.named_child_count() != 1 {
            return None;
        }
        node = node.named_child(0)?;
    }
    (range(node) == whole && !node.has_error()).then_some(node)
}

impl<'t> Binder<'t> {
    pub(super) fn macro_definition(&mut self, node: Node<'t>, scope: ScopeId) {
        if let Some(name) = node.child_by_field_name("name").filter(|name| name.kind() == "identifier") {
            let id = self.declare(DeclarationKind::Macro, Space::Macro, scope, name, node);
            if let Some(found) = self.declaration(id) {
                found.from = offset(node.end_byte());
                found.public = true;
            }
        }
        for rule in children(node).into_iter().filter(|child| child.kind() == "macro_rule") {
            for part in children(rule) {
                self.tokens(part, scope);
            }
        }
    }

    pub(super) fn macro_call(&mut self, node: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let Some(name) = node.child_by_field_name("macro") else { return };
        let defined = if name.kind() == "identifier" {
            let at = self.name_at(name);
            self.refer(at, scope, Wanted::Scoped(Space::Macro));
            // A macro of the file, or one that is imported under the name of one of the language.
            self.macros.contains(self.slice(at))
        } else {
            self.path(name, scope, Space::Macro, work);
            false
        };
        if self.of(name) == "include" {
            self.hazard(range(node), None);
        }
        let Some(tree) = children(node).into_iter().find(|child| child.kind() == "token_tree") else { return };
        let arguments = self.arguments;
        let parts: Vec<TextRange> = if defined { Vec::new() } else { matched_parts(node, self.text) };
        let parts: Vec<(TextRange, Node<'t>)> = parts
            .into_iter()
            .filter_map(|part| Some((part, expression(arguments.get(&(part.start as usize))?, part)?)))
            .collect();
        if !parts.is_empty() {
            work.extend(parts.iter().map(|(_, root)| (*root, scope)));
            return self.tokens_but(tree, scope, &parts.iter().map(|(at, _)| *at).collect::<Vec<_>>());
        }
        let Some(inner) =
            arguments.get(&tree.start_byte()).filter(|_| !defined && call_arguments(node, self.text).is_some())
        else {
            return self.tokens(tree, scope);
        };
        let Some(root) = expression(inner, range(tree)) else { return };
        let name = self.of(name);
        let name = name.rsplit("::").next().unwrap_or(name);
        if expressions(name) == Some(true) {
            self.formatted(root, scope, work);
        } else {
            work.push((root, scope));
        }
    }

    /// The names in the examples of documentation comments, which tests run.
    pub(super) fn examples(&mut self) {
        let (mut start, mut code) = (0, None);
        for line in self.text.split_inclusive('\n') {
            let trimmed = line.trim_start();
            let doc = trimmed.strip_prefix("///").or_else(|| trimmed.strip_prefix("//!"));
            match doc.map(str::trim_start) {
                None => code = None,
                Some(fence) if fence.starts_with("```") => {
                    let info = fence.trim_matches('`').trim();
                    let other = [
                        "text", "ignore", "toml", "json", "sh", "bash", "console", "c", "python", "js", "html", "yaml",
                    ];
                    code = if code.is_some() {
                        None
                    } else {
                        Some(!other.iter().any(|word| info.split(',').any(|i| i == *word)))
                    };
                }
                Some(example) if code == Some(true) => {
                    let skipped =
                        line.trim_end_matches(['\n', '\r']).len() - example.trim_end_matches(['\n', '\r']).len();
                    for at in words(example, start + offset(skipped)) {
                        let name = Some(self.slice(at).to_owned());
                        self.out.hazards.push(crate::Hazard { at, kind: HazardKind::Eval, name });
                    }
                }
                Some(_) => {}
            }
            start += offset(line.len());
        }
    }

    /// The arguments of a macro with a format string.
    fn formatted(&mut self, root: Node<'t>, scope: ScopeId, work: &mut Work<'t>) {
        let inner = self.open(ScopeKind::Block, scope, root, Border::None);
        let mut named: HashMap<&'t str, crate::DeclarationId> = HashMap::new();
        let arguments = children(root);
        for argument in &arguments {
            if argument.kind() == "assignment_expression"
                && let Some(name) = argument.child_by_field_name("left").filter(|left| left.kind() == "identifier")
            {
                // No expression sees it, only the string does.
                let at = self.name_at(name);
                let mut declared = self.plain(DeclarationKind::Variable, Space::Value, inner, at, range(*argument));
                declared.from = u32::MAX;
                let id = self.add(declared, self.slice(at));
                self.declares(id, at, inner);
                named.insert(self.slice(at), id);
                Self::field(work, *argument, "right", scope);
            } else {
                work.push((*argument, scope));
            }
        }
        // Only the first string can be the format.
        let format = arguments.iter().find(|node| matches!(node.kind(), "string_literal" | "raw_string_literal"));
        if let Some(argument) = format {
            for at in placeholders(self.of(*argument), offset(argument.start_byte())) {
                let wanted = match named.get(self.slice(at)) {
                    Some(id) => Wanted::Known(Target::Declaration(*id)),
                    None => Wanted::Scoped(Space::Value),
                };
                self.form(at, scope, Role::Reads, Form::Plain, wanted);
            }
        }
    }

    /// Tokens that only the macro understands.
    fn tokens(&mut self, root: Node<'t>, scope: ScopeId) {
        self.tokens_but(root, scope, &[]);
    }

    /// The same, without parts that are read otherwise.
    fn tokens_but(&mut self, root: Node<'t>, scope: ScopeId, parts: &[TextRange]) {
        let mut left = vec![root];
        while let Some(node) = left.pop() {
            let at = range(node);
            if parts.iter().any(|part| part.start <= at.start && at.end <= part.end) {
                continue;
            }
            match node.kind() {
                "identifier" | "type_identifier" | "field_identifier" => {
                    self.refer(self.name_at(node), scope, Wanted::Token);
                }
                "string_literal" | "raw_string_literal" => {
                    for at in placeholders(self.of(node), offset(node.start_byte())) {
                        self.hazard(at, Some(self.slice(at)));
                    }
                }
                "lifetime" | "label" => {
                    if let Some(name) = node.named_child(0) {
                        let at = self.name_at(name);
                        self.hazard(at, Some(self.slice(at)));
                    }
                }
                _ => left.extend(children(node).into_iter().rev()),
            }
        }
    }

    /// An attribute: derived traits, and what a macro makes of the item after it.
    pub(super) fn attribute(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(attribute) = children(node).into_iter().find(|child| child.kind() == "attribute") else { return };
        let Some(path) = attribute.named_child(0) else { return };
        let name = self.of(path);
        let mut rewrites = !HARMLESS.contains(&name);
        if path.kind() == "identifier" {
            self.refer(self.name_at(path), scope, Wanted::Scoped(Space::Macro));
        } else if path.kind() == "scoped_identifier" {
            self.path(path, scope, Space::Macro, &mut Vec::new());
        }
        if let Some(arguments) = attribute.child_by_field_name("arguments") {
            let mut left = vec![arguments];
            while let Some(node) = left.pop() {
                match node.kind() {
                    "identifier" if name == "derive" => {
                        rewrites |= !DERIVED.contains(&self.of(node));
                        self.refer(self.name_at(node), scope, Wanted::Scoped(Space::Macro));
                    }
                    "identifier" if rewrites => self.refer(self.name_at(node), scope, Wanted::Token),
                    "string_literal" | "raw_string_literal" if name != "doc" => {
                        for at in words(self.of(node), offset(node.start_byte())) {
                            self.hazard(at, Some(self.slice(at)));
                        }
                    }
                    _ => left.extend(children(node)),
                }
            }
        }
        let mut next = node.next_named_sibling();
        while let Some(node) = next.filter(|node| node.is_extra() || node.kind() == "attribute_item") {
            next = node.next_named_sibling();
        }
        if rewrites && node.kind() == "attribute_item" {
            self.rewritten.extend(next.map(range));
        }
    }
}

/// The names in the braces of a format string, with offsets of the file.
pub(super) fn placeholders(literal: &str, start: u32) -> Vec<TextRange> {
    let mut found = Vec::new();
    let bytes = literal.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes.get(at) != Some(&b'{') {
            at += 1;
            continue;
        }
        if bytes.get(at + 1) == Some(&b'{') {
            at += 2;
            continue;
        }
        let end = literal.get(at..).and_then(|rest| rest.find('}')).map_or(bytes.len(), |length| at + length);
        let inside = literal.get(at + 1..end).unwrap_or("");
        let (name, spec) = inside.split_once(':').unwrap_or((inside, ""));
        let mut push = |from: usize, name: &str| {
            let trimmed = name.trim();
            let skipped = name.len() - name.trim_start().len();
            if is_word(trimmed) {
                let first = start + offset(at + 1 + from + skipped);
                found.push(TextRange::new(first, first + offset(trimmed.len())));
            }
        };
        push(0, name);
        // Width and precision: `{:width$.precision$}`.
        let mut from = 0;
        for (index, _) in spec.match_indices('$') {
            let word = spec.get(from..index).unwrap_or("");
            let head = word.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |last| {
                last + word.get(last..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            });
            let digits = word.get(head..).unwrap_or("");
            // `0width$`: the zero is a flag.
            let flag = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            push(name.len() + 1 + from + head + flag, digits.get(flag..).unwrap_or(""));
            from = index + 1;
        }
        at = end + 1;
    }
    found
}

fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && text != "_"
}

fn words(literal: &str, start: u32) -> Vec<TextRange> {
    let mut found = Vec::new();
    let mut from = 0;
    for (index, c) in literal.char_indices().chain([(literal.len(), ' ')]) {
        if !(c.is_alphanumeric() || c == '_') {
            if literal.get(from..index).is_some_and(is_word) {
                found.push(TextRange::new(start + offset(from), start + offset(index)));
            }
            from = index + c.len_utf8();
        }
    }
    found
}
