//! Patterns in the syntax of ast-grep.

use crate::CodemodError;
use crate::fix::{Template, is_of_name};
use crate::grammar::{Grammar, document};
use crate::sites::Site;
use ast_grep_core::{AstGrep, Matcher as _, Pattern};
use deepcoder_syntax::{Language, LanguageKind, Node, Tree, errors};

/// The longest pattern.
const MAX_LENGTH: usize = 1 << 14;

/// The deepest tree of a pattern: matching goes down it by recursion.
const MAX_DEPTH: usize = 200;

/// A pattern and its replacement, for each language that it may be about.
#[derive(Clone)]
pub(crate) struct Rewrite {
    pub(crate) languages: Vec<(Language, Pattern)>,
    template: Template,
    names: Vec<String>,
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let languages: Vec<Language> = self.languages.iter().map(|(language, _)| *language).collect();
        f.debug_struct("Rewrite").field("languages", &languages).finish_non_exhaustive()
    }
}

impl Rewrite {
    /// For `language`, or for every language of programs in which the pattern is code.
    pub(crate) fn new(pattern: &str, replacement: &str, language: Option<Language>) -> Result<Self, CodemodError> {
        let pattern = pattern.trim();
        if pattern.is_empty() {
            return Err(CodemodError::Empty);
        }
        if pattern.len() > MAX_LENGTH {
            return Err(CodemodError::Long);
        }
        let bare = pattern.trim_start_matches('$');
        if bare.len() < pattern.len() && bare.chars().all(is_of_name) {
            return Err(CodemodError::Everything(pattern.to_owned()));
        }
        let languages = match language {
            Some(language) => vec![(language, built(pattern, language)?)],
            None => {
                let programs = Language::ALL.into_iter().filter(|one| one.kind() == LanguageKind::Program);
                let all: Vec<_> = programs.filter_map(|one| Some((one, built(pattern, one).ok()?))).collect();
                if all.is_empty() {
                    return Err(CodemodError::Anywhere(pattern.to_owned()));
                }
                all
            }
        };
        let template = Template::new(replacement);
        let names: Vec<String> = template.names().map(str::to_owned).collect();
        for (_, pattern) in &languages {
            let known = pattern.defined_vars();
            if let Some(name) = names.iter().find(|name| !known.contains(name.as_str())) {
                return Err(CodemodError::Unbound(name.clone()));
            }
        }
        Ok(Self { languages, template, names })
    }

    /// A word that every match has.
    pub(crate) fn word(&self) -> Option<String> {
        let mut words = self.languages.iter().map(|(_, pattern)| pattern.fixed_string().into_owned());
        let first = words.next()?;
        let whole = first.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && first.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (whole && words.all(|word| word == first)).then_some(first)
    }

    /// The matches in a text of `language`; `None` where it cannot be parsed.
    pub(crate) fn sites(&self, language: Language, text: &str) -> Option<Vec<Site<'_>>> {
        let Some((_, pattern)) = self.languages.iter().find(|(known, _)| *known == language) else {
            return Some(Vec::new());
        };
        let fixed = pattern.fixed_string();
        if !text.contains(fixed.as_ref()) {
            return Some(Vec::new());
        }
        let root = AstGrep::doc(document(text, Grammar(language))?);
        let mut sites = Vec::new();
        for found in root.root().find_all(pattern) {
            let mut range = found.range();
            if let Some(length) = pattern.get_match_len(found.get_node().clone()) {
                range.end = range.start + length;
            }
            sites.push(Site::new(&found, range, &self.template, &self.names));
        }
        Some(sites)
    }
}

/// Code around a pattern, in the order in which it is tried: some grammars read a call outside of a function as something
/// else.
fn contexts(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::Go => &[("package p\nfunc f() {\n", "\n}\n"), ("", "")],
        Language::C | Language::Cpp => &[("void f() {\n", ";\n}\n"), ("void f() {\n", "\n}\n"), ("", "")],
        Language::Php => &[("<?php\n", ""), ("<?php\n", ";")],
        Language::Rust => &[("", ""), ("fn f() {\n", "\n}\n")],
        Language::Java | Language::CSharp => &[("", ""), ("class A { void f() {\n", "\n} }"), ("class A {\n", "\n}")],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &[("", ""), ("(\n", "\n)")],
        _ => &[("", "")],
    }
}

fn built(pattern: &str, language: Language) -> Result<Pattern, CodemodError> {
    let grammar = Grammar(language);
    let marked = ast_grep_core::Language::pre_process_pattern(&grammar, pattern);
    let mut why = "it is no code";
    for (before, after) in contexts(language) {
        let text = format!("{before}{marked}{after}");
        let Some(document) = document(&text, grammar) else {
            why = "it is too contorted";
            continue;
        };
        if errors(language, &text).iter().any(|error| error.missing.is_none()) {
            continue;
        }
        let tree = document.tree.clone();
        if depth(&tree) > MAX_DEPTH {
            why = "it is nested too deeply";
            continue;
        }
        let end = before.len() + marked.len();
        let whole = tree.root_node().descendant_for_byte_range(before.len(), end);
        let exact = |node: &Node<'_>| node.start_byte() == before.len() && node.end_byte() == end;
        let Some(node) = whole.filter(|node| exact(node) && node.parent().is_some()) else {
            why = "it is more than one expression or statement";
            continue;
        };
        let root = AstGrep::doc(document);
        // The same node, of the tree that the root owns.
        let same = root.root().dfs().find(|one| one.range() == node.byte_range() && one.kind() == node.kind());
        if let Some(same) = same {
            return Ok(Pattern::from(same));
        }
    }
    Err(CodemodError::Pattern { language: language.name(), why: why.to_owned() })
}

fn depth(tree: &Tree) -> usize {
    let mut cursor = tree.walk();
    let (mut depth, mut most) = (0_usize, 0);
    loop {
        if cursor.goto_first_child() {
            depth += 1;
            most = most.max(depth);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return most;
            }
            depth -= 1;
        }
    }
}
