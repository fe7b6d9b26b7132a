//! Docstrings and comments that are deleted while their code stays.

use super::{Context, File, line_of, list};
use crate::policy::Finding;
use deepcoder_syntax::{Docs, Language, RawSymbol, comments, docstring, documentation, module_documentation};
use deepcoder_types::Constraint;
use std::collections::{HashMap, HashSet};

/// Words of instructions that speak of comments.
const SPEAKS: &[&str] = &[
    "comment",
    "docstring",
    "document",
    "doc",
    "docs",
    "javadoc",
    "jsdoc",
    "tsdoc",
    "rustdoc",
    "godoc",
    "pydoc",
    "doxygen",
    "license",
    "licence",
    "spdx",
    "copyright",
    "header",
    "todo",
    "todos",
];

/// Verbs of instructions that want more comments, and do not speak of those that there are.
const ADDS: &[&str] = &[
    "add", "adds", "put", "write", "insert", "create", "generate", "prepend", "append", "place", "include", "document",
    "provide",
];

/// Words of instructions that change or remove comments, wherever they stand.
const CHANGES: &[&str] = &[
    "remove",
    "removes",
    "removed",
    "removing",
    "delete",
    "deletes",
    "drop",
    "drops",
    "strip",
    "clean",
    "cleanup",
    "clear",
    "prune",
    "trim",
    "shorten",
    "condense",
    "compress",
    "simplify",
    "rewrite",
    "reword",
    "rephrase",
    "replace",
    "replaces",
    "replacing",
    "instead",
    "change",
    "changes",
    "update",
    "updates",
    "convert",
    "translate",
    "turn",
    "move",
    "moves",
    "rename",
    "edit",
    "improve",
    "fix",
    "fixes",
    "correct",
    "revise",
    "refactor",
    "rework",
    "reformat",
    "format",
    "polish",
    "merge",
    "migrate",
    "unify",
    "uncomment",
    "expand",
    "extend",
    "overwrite",
    "switch",
    "modernize",
    "standardize",
];

/// The attitude of an instruction to comments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Nothing.
    Nothing,
    /// It wants more of them.
    Adds,
    /// It may want that they go.
    Other,
}

impl Said {
    fn of(context: &Context<'_>) -> Self {
        let text = context.prompt.text().to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        let speaks = words.any(|word| {
            SPEAKS.contains(&word) || ["comment", "docstring", "document"].iter().any(|stem| word.starts_with(stem))
        });
        if !speaks && !matches!(context.constraint, Some(Constraint::Comments)) {
            return Self::Nothing;
        }
        let changes = text.split(|c: char| !c.is_alphanumeric()).any(|word| CHANGES.contains(&word));
        if context.prompt.clauses_begin_with(ADDS) && !changes { Self::Adds } else { Self::Other }
    }

    /// Why a deletion is told.
    fn why(self) -> &'static str {
        if self == Self::Adds { "the instruction only adds some" } else { "the instruction does not speak of it" }
    }
}

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let said = Said::of(context);
    if said == Said::Other {
        return;
    }
    for file in context.files.iter().filter(|file| file.sound()) {
        if let (Some(language), Some(old), Some(new)) = (file.language, file.old, file.new) {
            of_file(language, said.why(), file, (old, new), findings);
        }
    }
}

fn of_file(language: Language, why: &str, file: &File<'_>, (old, new): (&str, &str), findings: &mut Vec<Finding>) {
    let of_module = module_documentation(language, old).is_some_and(|doc| !new.contains(doc.trim_matches(['"', '\''])));
    if of_module && module_documentation(language, new).is_none() && !new.trim().is_empty() {
        let what = if language.docs() == Docs::Docstring { "docstring" } else { "doc comment" };
        findings.push(Finding::review(file.path, format!("the {what} of the module is deleted, and {why}")));
    }
    if language.docs() == Docs::Docstring && is_displaced(old, new) {
        findings.push(Finding::review(
            file.path,
            "the docstring of the module is below other statements now, where it is only a string",
        ));
    }
    // A type and what is implemented for it have the same name.
    let key = |symbol: &RawSymbol| (symbol.kind, symbol.qualified.clone());
    let after: HashMap<(&str, String), &RawSymbol> = file.after().iter().map(|s| (key(s), s)).collect();
    let bare: Vec<&str> = file
        .before()
        .iter()
        .filter(|symbol| !matches!(symbol.kind, "variable" | "field" | "constant" | "impl" | "module"))
        .filter_map(|symbol| Some((symbol, documentation(language, old, symbol).filter(|doc| !new.contains(doc))?)))
        .filter(|(symbol, doc)| {
            after.get(&key(symbol)).is_some_and(|after| match documentation(language, new, after) {
                Some(now) => language.is_doc_comment(doc) && !language.is_doc_comment(now),
                None => true,
            })
        })
        .map(|(symbol, _)| symbol.qualified.as_str())
        .collect();
    if !bare.is_empty() {
        let what = if language.docs() == Docs::Docstring { "docstring" } else { "comment" };
        findings.push(Finding::review(file.path, format!("the {what} of {} is deleted, and {why}", list(&bare))));
        return;
    }
    if let Some((line, text)) = deleted_comment(language, old, new) {
        let text: String = text.chars().take(60).collect();
        findings.push(Finding::review(
            file.path,
            format!("the comment `{text}` (line {line} before the edit) is deleted, and its code stays"),
        ));
    }
}

/// Whether the docstring of a Python module is still there, and no longer what the module begins with.
fn is_displaced(old: &str, new: &str) -> bool {
    let first = old.lines().map(str::trim_end).find(|line| line.starts_with(['"', '\'']));
    docstring(old).is_some()
        && docstring(new).is_none()
        && first.is_some_and(|first| new.lines().any(|line| line.trim_end() == first))
}

/// Whether a definition has a docstring or, in languages without, a comment in front.
pub(crate) fn is_documented(language: Language, text: &str, symbol: &RawSymbol) -> bool {
    documentation(language, text, symbol).is_some()
}

/// The first comment that is gone while the line of code that it is about is as it was.
fn deleted_comment<'t>(language: Language, old: &'t str, new: &str) -> Option<(usize, &'t str)> {
    let new_comments = comments(language, new);
    let said: HashSet<&str> = new_comments.iter().filter_map(|r| new.get(r.as_range())).map(str::trim).collect();
    let commented: HashSet<usize> = new_comments
        .iter()
        .flat_map(|r| line_of(new, r.start)..=line_of(new, r.end.saturating_sub(1).max(r.start)))
        .collect();
    let places = |text: &'_ str| -> HashMap<String, Option<usize>> {
        let mut places = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            places.entry(line.trim().to_owned()).and_modify(|place| *place = None).or_insert(Some(index + 1));
        }
        places
    };
    let (old_places, new_places) = (places(old), places(new));
    let old_comments = comments(language, old);
    let old_lines: Vec<&str> = old.lines().collect();
    let is_comment: HashSet<usize> = old_comments.iter().map(|r| line_of(old, r.start)).collect();
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
        "noqa",
        "type: ignore",
        "pylint",
        "eslint",
        "pragma",
        "clippy",
        "NOLINT",
    ];
    for range in &old_comments {
        let text = old.get(range.as_range())?.trim();
        if said.contains(text) || new.contains(text) || marks.iter().any(|mark| text.contains(mark)) {
            continue;
        }
        if text.chars().filter(|c| c.is_alphabetic()).count() < 3 {
            continue;
        }
        let line = line_of(old, range.start);
        let start = old[..range.start as usize].rfind('\n').map_or(0, |at| at + 1);
        let code = old[start..range.start as usize].trim();
        let unique = |key: &str| old_places.get(key).copied().flatten().is_some();
        let telling = |key: &str| key.chars().filter(|c| c.is_alphanumeric()).count() >= 4;
        if !code.is_empty() {
            // Behind the code. The whole line without its comment is there once, and was not before.
            let there = new_places.get(code).copied().flatten().is_some() && !old_places.contains_key(code);
            if there && telling(code) && unique(old_lines.get(line - 1)?.trim()) {
                return Some((line, text));
            }
            continue;
        }
        let end = line_of(old, range.end.saturating_sub(1).max(range.start));
        let next =
            (end..old_lines.len()).find(|&at| !old_lines[at].trim().is_empty() && !is_comment.contains(&(at + 1)));
        let Some(anchor) = next.map(|at| old_lines[at].trim()).filter(|a| telling(a) && unique(a)) else { continue };
        let Some(Some(place)) = new_places.get(anchor) else { continue };
        let new_lines: Vec<&str> = new.lines().take(place - 1).collect();
        // Where the code above changes as well, the comment may have been about that.
        let before = old_lines[..line - 1].iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
        let above = new_lines.iter().rposition(|line| !line.trim().is_empty()).map(|at| at + 1);
        let same = above.map(|above| new_lines[above - 1].trim()) == before;
        if same && above.is_none_or(|above| !commented.contains(&above)) {
            return Some((line, text));
        }
    }
    None
}
