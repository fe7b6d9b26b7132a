//! What is undocumented, and what a documentation says wrongly: found from the texts, without a model.

use crate::said::Style;
use crate::scope::Scope;
use crate::signature::{Gives, Parameter, Signature};
use crate::units::{Doc, Source, Unit, line_of};
use deepcoder_syntax::{Language, module_documentation};
use deepcoder_types::{ContentHash, Diagnostic, RepoPath, Severity};
use std::collections::BTreeSet;

/// The name of this check in its findings.
const TOOL: &str = "document";

/// Errors that any operator of Python may raise.
const OF_OPERATORS: [&str; 9] = [
    "KeyError",
    "IndexError",
    "TypeError",
    "ValueError",
    "AttributeError",
    "ZeroDivisionError",
    "OverflowError",
    "StopIteration",
    "AssertionError",
];

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its kind: `undocumented`, `unknown-parameter`, …
    pub rule: &'static str,
    /// The line of the file, from 1.
    pub line: u32,
    /// The kind of the definition: `function`, `class`, `module`, …
    pub kind: &'static str,
    /// The name of the definition with those around it.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// Whether the text leaves it open.
    pub is_doubt: bool,
}

impl Problem {
    /// As a finding of a check, in the file `path`.
    pub(crate) fn diagnostic(&self, path: &RepoPath) -> Diagnostic {
        let id = format!("{}\n{path}\n{}\n{}", self.rule, self.name, self.message);
        Diagnostic {
            tool: TOOL.to_owned(),
            rule: self.rule.to_owned(),
            severity: if self.is_doubt { Severity::Warning } else { Severity::Review },
            path: Some(path.clone()),
            line: self.line,
            range: None,
            message: format!("{} `{}`: {}", self.kind, self.name, self.message),
            fingerprint: ContentHash::of(id.as_bytes()).to_string().chars().take(16).collect(),
            fixes: Vec::new(),
        }
    }
}

/// The problems of one file, in the order of its lines. `declared`: functions that a header of C declares.
pub(crate) fn problems(
    path: &RepoPath,
    text: &str,
    source: &Source,
    scope: &Scope,
    declared: &BTreeSet<String>,
) -> Vec<Problem> {
    let all = scope.all;
    let mut found = if scope.is_whole() { module(path, text, source.language) } else { Vec::new() };
    for unit in source.units.iter().filter(|unit| scope.has(path, unit)) {
        match &unit.doc {
            Some(doc) => wrong(source, unit, doc, &mut found),
            // Python gives it later: `copy.__doc__ = …`.
            None if text.contains(&format!("{}.__doc__ = ", unit.symbol.name)) => {}
            None if unit.inherits || (all && is_special(source.language, unit)) => {}
            None if source.language.is_c() && unit.body.is_some() && declared.contains(&unit.symbol.name) => {}
            None => found.push(problem(unit, "undocumented", unit.line, "no documentation".to_owned())),
        }
    }
    found.sort_by_key(|problem| problem.line);
    found
}

/// Methods that the language names: their meaning is known.
fn is_special(language: Language, unit: &Unit) -> bool {
    let name = unit.symbol.name.as_str();
    match language {
        Language::Python => name.starts_with("__") && name.ends_with("__"),
        language if language.is_script() => name == "constructor",
        language => language.is_c() && (name.starts_with('~') || name.starts_with("operator")),
    }
}

fn problem(unit: &Unit, rule: &'static str, line: u32, message: String) -> Problem {
    let (kind, name) = (unit.symbol.kind, unit.symbol.qualified.clone());
    Problem { rule, line, kind, name, message, is_doubt: false }
}

/// The documentation of the file itself, in languages where tools show it.
fn module(path: &RepoPath, text: &str, language: Language) -> Vec<Problem> {
    let name = path.file_name();
    let stem = name.split('.').next().unwrap_or_default();
    let shown = match language {
        Language::Python => {
            (stem == "__init__" || !stem.starts_with('_')) && !matches!(stem, "setup" | "conftest" | "manage")
        }
        Language::Rust => name == "lib.rs",
        _ => false,
    };
    let code = text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    // rustdoc reads blocks as well.
    let block = language == Language::Rust && text.trim_start().starts_with("/*!");
    let bare = shown && code && !block && module_documentation(language, text).is_none();
    // Only exports, or a string that is no documentation by its place.
    let bare = bare && !(stem == "__init__" && text.lines().count() < 3);
    let problem = || Problem {
        rule: "undocumented",
        line: 1,
        kind: if language == Language::Rust { "crate" } else { "module" },
        name: module_name(path),
        message: "no documentation".to_owned(),
        is_doubt: false,
    };
    bare.then(problem).into_iter().collect()
}

fn module_name(path: &RepoPath) -> String {
    let bare = path.as_str().rsplit_once('.').map_or(path.as_str(), |(bare, _)| bare);
    let bare = bare.trim_end_matches("/__init__").trim_end_matches("/lib").trim_end_matches("/src");
    bare.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Compares a documentation with the signature.
fn wrong(source: &Source, unit: &Unit, doc: &Doc, found: &mut Vec<Problem>) {
    let language = source.language;
    if doc.said.inherits {
        return;
    }
    if !doc.text.chars().any(char::is_alphanumeric) {
        found.push(problem(unit, "empty", doc.line, "the documentation is empty".to_owned()));
        return;
    }
    if language == Language::Go && unit.is_public {
        begins_with_name(unit, doc, found);
    }
    if let Some(signature) = &unit.signature {
        parameters(unit, doc, signature, found);
        results(unit, doc, signature, found);
        errors(language, unit, doc, signature, found);
        if signature.is_unsafe && !doc.said.has_safety && unit.is_public {
            let message = "an unsafe function without a section `# Safety`".to_owned();
            found.push(problem(unit, "missing-safety", doc.line, message));
        }
    } else if language == Language::Python && unit.symbol.kind == "class" {
        let init = format!("{}.__init__", unit.symbol.qualified);
        let init = source.units.iter().find(|other| other.symbol.qualified == init);
        if let Some(signature) = init.and_then(|init| init.signature.as_ref()) {
            parameters(unit, doc, signature, found);
        }
    }
}

/// The documentation of Go begins with the name, after an article where it is about a type.
fn begins_with_name(unit: &Unit, doc: &Doc, found: &mut Vec<Problem>) {
    let text = doc.text.trim_start();
    let mut words = text.split_whitespace();
    let mut first = words.next().unwrap_or_default();
    if unit.is_type() && matches!(first, "A" | "An" | "The") {
        first = words.next().unwrap_or_default();
    }
    let bare = first.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let bare = bare.trim_end_matches("'s").split(['(', '[', '.']).next().unwrap_or_default();
    if bare != unit.symbol.name && !text.starts_with("Deprecated:") {
        let message = format!("the documentation does not begin with `{}`", unit.symbol.name);
        found.push(problem(unit, "name-first", doc.line, message));
    }
}

fn parameters(unit: &Unit, doc: &Doc, signature: &Signature, found: &mut Vec<Problem>) {
    let said = &doc.said.parameters;
    let known = |name: &str| signature.parameters.iter().any(|parameter| parameter.name == name);
    // A pattern has no name, and the documentation gives it one.
    let mut patterns = signature.parameters.iter().filter(|parameter| parameter.name.is_empty()).count();
    let mut unknown = Vec::new();
    for (name, line) in said.iter().filter(|(name, _)| !known(name)) {
        if signature.open {
            continue;
        }
        if patterns > 0 {
            patterns -= 1;
            continue;
        }
        unknown.push((name, line));
    }
    let documented = |parameter: &&Parameter| said.iter().any(|(name, _)| *name == parameter.name);
    let needs =
        |parameter: &&Parameter| !parameter.name.is_empty() && !parameter.rest && !parameter.name.starts_with('_');
    let missing: Vec<&Parameter> = signature.parameters.iter().filter(needs).filter(|p| !documented(p)).collect();
    for (name, line) in unknown {
        let close = missing.iter().find(|parameter| alike(&parameter.name, name));
        let hint = close.map(|p| format!("; is it `{}`?", p.name)).unwrap_or_default();
        let message = format!("documents `{name}`, which is no parameter{hint}");
        found.push(problem(unit, "unknown-parameter", doc.line + line, message));
    }
    if said.is_empty() {
        return;
    }
    for parameter in missing {
        let message = format!("does not document the parameter `{}`", parameter.name);
        found.push(problem(unit, "missing-parameter", doc.line, message));
    }
}

/// Whether one name may be a misspelling of the other.
fn alike(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('_', "");
    let (a, b) = (plain(a), plain(b));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    a == b
        || letters(&a) == letters(&b)
        || (same >= 3 && a.len().abs_diff(b.len()) <= 2 && same + 2 >= a.len().min(b.len()))
}

fn results(unit: &Unit, doc: &Doc, signature: &Signature, found: &mut Vec<Problem>) {
    let Some(line) = doc.said.gives else { return };
    let constructs = unit.symbol.name == "__init__";
    if signature.gives == Gives::Nothing && !signature.yields && !constructs {
        let message = "describes a result, and the function returns nothing".to_owned();
        found.push(problem(unit, "returns-nothing", doc.line + line, message));
    }
}

fn errors(language: Language, unit: &Unit, doc: &Doc, signature: &Signature, found: &mut Vec<Problem>) {
    if !signature.has_code || signature.may_raise_more {
        return;
    }
    for (name, line) in &doc.said.raises {
        let of_operator = language == Language::Python && OF_OPERATORS.contains(&name.as_str());
        let of_value = matches!(name.as_str(), "Error" | "Exception" | "NullPointerException");
        if of_operator || of_value || signature.raises.contains(name) {
            continue;
        }
        let message = format!("documents the error `{name}`, which nothing in it seems to raise");
        let doubt = problem(unit, "doubtful-error", doc.line + line, message);
        found.push(Problem { is_doubt: true, ..doubt });
    }
}

/// The convention that most documentations with sections have.
pub(crate) fn usual_style<'s>(sources: impl Iterator<Item = &'s Source>) -> Option<Style> {
    let styles: Vec<Style> =
        sources.flat_map(|source| &source.units).filter_map(|unit| unit.doc.as_ref()?.said.style).collect();
    let count = |style: Style| styles.iter().filter(|other| **other == style).count();
    // The first of equals, so that the same files give the same answer.
    let mut best: Option<(Style, usize)> = None;
    for style in &styles {
        if best.is_none_or(|(_, most)| count(*style) > most) {
            best = Some((*style, count(*style)));
        }
    }
    best.map(|(style, _)| style)
}

/// The packages of Go without a comment: the folder, and the file that is the place for it.
pub(crate) fn bare_packages(files: &[(RepoPath, String)]) -> Vec<(RepoPath, Problem)> {
    let folder = |path: &RepoPath| path.as_str().rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let of_go = |path: &RepoPath| Language::program(path) == Some(Language::Go) && !path.as_str().ends_with("_test.go");
    for (path, text) in files.iter().filter(|(path, _)| of_go(path)) {
        let own = folder(path);
        if !seen.insert(own.clone()) {
            continue;
        }
        let mut all = files.iter().filter(|(other, _)| of_go(other) && folder(other) == own);
        let Some((line, name)) = package(text).map(|(at, name, _)| (line_of(text, at), name)) else { continue };
        if name != "main" && !all.any(|(_, text)| package(text).is_some_and(|(_, _, said)| said)) {
            let message = "no comment above any `package` clause".to_owned();
            let problem = Problem { rule: "undocumented", line, kind: "package", name, message, is_doubt: false };
            found.push((path.clone(), problem));
        }
    }
    found
}

/// Where the clause `package` stands, the name, and whether a comment stands above it.
fn package(text: &str) -> Option<(usize, String, bool)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("package ") {
            let above = text[..at].trim_end_matches([' ', '\t']);
            let last = above.strip_suffix('\n').unwrap_or(above).lines().next_back().unwrap_or_default().trim();
            let said = last.ends_with("*/") || (last.starts_with("// ") && !last.starts_with("// +build"));
            return Some((at, name.trim().to_owned(), said));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests;
