//! Single import statements: how they are written, and where they go.

use super::prologue;
use crate::Changes;
use crate::grammar::source::{Source, range};
use crate::operations::organise_imports::script::parts::{self, Part};
use deepcoder_types::TextRange;

/// Whether statements of a file end with semicolons.
pub(super) fn ends(source: &Source<'_>) -> bool {
    let closed = |line: &str| line.trim().is_empty() || line.trim_end().ends_with(['}', '{', '*', '/']);
    source.text.contains(';') || source.text.lines().all(closed)
}

/// One import statement, with its quote and with or without a semicolon.
pub(super) fn line(default: Option<&str>, names: &[String], module: &str, (quote, ends): (char, bool)) -> String {
    let mut clauses: Vec<String> = default.map(str::to_owned).into_iter().collect();
    if !names.is_empty() {
        clauses.push(format!("{{ {} }}", names.join(", ")));
    }
    let end = if ends { ";" } else { "" };
    format!("import {} from {quote}{module}{quote}{end}", clauses.join(", "))
}

/// Puts an import where imports stand: in its place where they are sorted, or else behind them.
pub(super) fn insert(source: &Source<'_>, module: &str, line: &str, changes: &mut Changes, gone: &[TextRange]) {
    let all: Vec<Part<'_>> = parts::of(source).into_iter().filter(|part| !part.is_export).collect();
    let key = |module: &str| (module.starts_with('.'), module.to_lowercase());
    let keys: Vec<(bool, String)> = all.iter().map(|part| key(part.module.as_deref().unwrap_or_default())).collect();
    let kept: Vec<usize> = (0..all.len()).filter(|at| !gone.contains(&all[*at].at)).collect();
    let sorted = kept.windows(2).all(|pair| keys[pair[0]] <= keys[pair[1]]);
    if let Some(before) = kept.iter().find(|at| sorted && keys[**at] > key(module)) {
        changes.insert(&source.path, source.line_start(all[*before].at.start), format!("{line}\n"));
        return;
    }
    if let (Some(first), true) = (all.first(), kept.is_empty()) {
        changes.insert(&source.path, source.line_start(first.at.start), format!("{line}\n"));
        return;
    }
    if let Some(last) = kept.last().map(|at| &all[*at]) {
        let end = source.line_end(last.at.end);
        let ended = source.text_of(TextRange::new(0, end)).ends_with('\n');
        changes.insert(&source.path, end, if ended { format!("{line}\n") } else { format!("\n{line}\n") });
        return;
    }
    let directive = prologue(source).last().map(|last| source.line_end(range(*last).end));
    let top = directive.unwrap_or_else(|| header(source));
    let blank = source.text_of(TextRange::new(top, source.line_end(top))).trim().is_empty();
    changes.insert(&source.path, top, format!("{line}\n{}", if blank { "" } else { "\n" }));
}

/// The end of the comments that open a file and that a blank line parts from the code.
fn header(source: &Source<'_>) -> u32 {
    let mut at = 0;
    let mut next = source.tree.root_node().child(0);
    while let Some(node) = next.filter(|node| node.is_extra()) {
        let end = source.line_end(range(node).end);
        if source.text.get(end as usize..).is_some_and(|rest| rest.starts_with(['\n', '\r'])) {
            at = end;
        }
        next = node.next_sibling();
    }
    at
}
