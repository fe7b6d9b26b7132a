//! Imports that nothing uses. Silence where it is not certain: what may be there for others, or for what it does, stays.

use crate::python::{Item, Source, names};
use crate::work::Work;
use deepcoder_edit::split_bom;
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_syntax::{Language, import_statements, is_python_standard, parses};
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

/// Modules of the standard library that do something when they are imported.
const DOING: [&str; 4] = ["readline", "rlcompleter", "antigravity", "this"];
/// Files that are looked through for uses of a name.
const MAX_FOUND: u32 = 200;

/// The text without the imports that nothing uses, or that of `only`; `None` where the language or the file does not let that be known.
pub(super) fn removed(
    work: &Work<'_>,
    path: &RepoPath,
    text: &str,
    only: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Option<String>, PluginError> {
    match Language::of(path) {
        Some(Language::Python) if parses(Language::Python, text) == Some(true) => {
            python(work, path, text, only, notes).map(Some)
        }
        Some(Language::Java) if only.is_none() && parses(Language::Java, text) == Some(true) => Ok(Some(java(text))),
        _ => Ok(None),
    }
}

fn python(
    work: &Work<'_>,
    path: &RepoPath,
    text: &str,
    only: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<String, PluginError> {
    // What these import is there for others.
    if path.as_str().ends_with("__init__.py") || path.extension() == Some("pyi") {
        notes.push("imports of such a file are there for others, and stay".to_owned());
        return Ok(text.to_owned());
    }
    let (bom, body) = split_bom(text);
    let source = Source::new(body);
    let dynamic = ["globals", "eval", "exec", "locals", "vars", "__getattr__"];
    if names(&source.code).any(|(name, free, _)| free && dynamic.contains(&name)) {
        notes.push("the file looks up names while it runs, so that its imports stay".to_owned());
        return Ok(text.to_owned());
    }
    let is_import = |line: &usize| source.import(*line).is_some();
    let used: BTreeSet<&str> = (0..source.lines.len())
        .filter(|line| !is_import(line))
        .flat_map(|line| names(&source.quoted[source.lines[line].clone()]))
        .map(|(name, _, _)| name)
        .collect();
    // Examples in docstrings run as tests.
    let examples: BTreeSet<&str> = body
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with(">>>") || line.starts_with("..."))
        .flat_map(names)
        .map(|(name, _, _)| name)
        .collect();
    // Types in comments, as programs had them before they had annotations.
    let typed: BTreeSet<&str> = body
        .lines()
        .filter_map(|line| line.split_once('#').and_then(|(_, comment)| comment.trim_start().strip_prefix("type:")))
        .flat_map(names)
        .map(|(name, _, _)| name)
        .collect();
    let mut out = body.to_owned();
    let mut kept = Vec::new();
    for line in (0..source.lines.len()).rev().filter(is_import).filter(|line| source.indent(*line) == 0) {
        let range = source.lines[line].clone();
        let written = &body[range.clone()];
        let Some(items) = source.import(line) else { continue };
        if written.contains('#') || written.contains(';') || written.contains('\\') {
            continue;
        }
        let mut gone: Vec<&Item> = Vec::new();
        for item in &items {
            let bound = item.bound();
            if item.name == "*"
                || only.is_some_and(|only| only != bound && only != item.name)
                || used.contains(bound)
                || examples.contains(bound)
                || typed.contains(bound)
                || item.module.as_deref() == Some("__future__")
            {
                continue;
            }
            if item.alias.as_deref() == Some(item.name.as_str()) {
                continue;
            }
            if may_do_something(item) {
                kept.push(format!("`{}`", written.trim()));
            } else if !used_elsewhere(work, path, bound)? {
                gone.push(item);
            }
        }
        if gone.len() == items.len() {
            out.replace_range(range, "");
        } else if !gone.is_empty()
            && let Some(rest) = without(written, &gone)
        {
            out.replace_range(range, &rest);
        }
    }
    if !kept.is_empty() {
        notes.push(format!("{} may be there for what it does when it is imported, and stays", kept.join(", ")));
    }
    // A file that began with its imports does not begin with the blank lines behind them.
    let out = if body.starts_with(['\n', '\r']) { out.as_str() } else { out.trim_start_matches(['\n', '\r']) };
    Ok(bom.to_owned() + out)
}

/// Whether an import may be there for what the module does: only the standard library is known not to.
fn may_do_something(item: &Item) -> bool {
    match &item.module {
        Some(module) => module.chars().all(|c| c == '.'),
        None => !is_python_standard(&item.name) || DOING.contains(&item.name.as_str()),
    }
}

/// Whether another file may take the name from this one.
fn used_elsewhere(work: &Work<'_>, path: &RepoPath, name: &str) -> Result<bool, PluginError> {
    let stem = path.file_name().split('.').next().unwrap_or_default();
    // No other file imports a module whose name is none.
    if !stem.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Ok(false);
    }
    let found = |pattern: String| -> Result<Vec<RepoPath>, PluginError> {
        match work.host.search_text(&pattern, "**/*.py", MAX_FOUND) {
            Ok(found) if found.len() >= MAX_FOUND as usize => Err(PluginError::new(ErrorCode::Budget, "")),
            Ok(found) => Ok(found.into_iter().map(|s| s.path).filter(|p| p != path).collect()),
            Err(error) => Err(error),
        }
    };
    let importers = match found(format!(r"\b(import|from)\b.*\b{stem}\b")) {
        // Too many to tell.
        Err(error) if error.code == ErrorCode::Budget => return Ok(true),
        importers => importers?,
    };
    if importers.is_empty() {
        return Ok(false);
    }
    match found(format!(r"\b{name}\b")) {
        Err(error) if error.code == ErrorCode::Budget => Ok(true),
        users => {
            for user in users?.iter().filter(|user| importers.contains(user)) {
                if takes(&work.host.read_file(user)?.text, stem, name) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// Whether a text takes `name` from a module whose last name is `stem`, also in a string as mocks do.
fn takes(text: &str, stem: &str, name: &str) -> bool {
    let source = Source::new(text);
    let mut items = (0..source.lines.len()).filter_map(|line| source.import(line)).flatten();
    let last = |path: &str| path.rsplit('.').next() == Some(stem);
    let taken = |item: Item| match &item.module {
        Some(module) if last(module) => item.name == name || item.name == "*",
        // The module itself, by its own name or another one.
        Some(_) => item.name == stem && text.contains(&format!("{}.{name}", item.bound())),
        None => last(&item.name) && text.contains(&format!("{}.{name}", item.alias.as_deref().unwrap_or(stem))),
    };
    text.contains(&format!("{stem}.{name}")) || items.any(taken)
}

/// An import of several names without some of them, in its own layout.
pub(crate) fn without(written: &str, gone: &[&Item]) -> Option<String> {
    let at = written.find("import")?;
    let after = at + "import".len();
    let (open, close) = match (written.find('('), written.rfind(')')) {
        (Some(open), Some(close)) => (open + 1, close),
        _ => (after, written.trim_end().len()),
    };
    let list = written.get(open..close)?;
    let is_gone = |piece: &&str| {
        let words: Vec<&str> = piece.split_whitespace().collect();
        gone.iter().any(|item| match (words.as_slice(), &item.alias) {
            ([name], None) => *name == item.name,
            ([name, "as", alias], Some(of)) => *name == item.name && alias == of,
            _ => false,
        })
    };
    let pieces: Vec<&str> = list.split(',').collect();
    let left: Vec<&str> = pieces.iter().copied().filter(|piece| !is_gone(piece)).collect();
    let mut joined = left.join(",");
    // The first name keeps the blanks in front of the list, and the last one what is in front of the bracket.
    let lead = |piece: &'_ str| piece.len() - piece.trim_start().len();
    let first = pieces.first()?;
    joined = format!("{}{}", &first[..lead(first)], joined.trim_start());
    let last = pieces.last()?;
    let tail = &last[last.trim_end().len()..];
    joined = format!("{}{}", joined.trim_end(), if last.trim().is_empty() { last } else { tail });
    Some([&written[..open], &joined, &written[close..]].concat())
}

/// The text without imports of single classes of which it has no word. Comments count: they may link to one.
fn java(text: &str) -> String {
    let imports = import_statements(Language::Java, text);
    let mut rest = text.to_owned();
    imports.iter().rev().for_each(|range| rest.replace_range(range.as_range(), ""));
    let words: BTreeSet<&str> = rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).collect();
    let mut out = text.to_owned();
    for range in imports.iter().rev() {
        let name = text[range.as_range()].trim_end_matches([';', ' ']).rsplit('.').next().unwrap_or("*").trim();
        if name == "*" || words.contains(name) {
            continue;
        }
        if let Some(lines) = crate::units::whole_lines(text, *range)
            && text[lines.clone()].trim() == text[range.as_range()].trim()
        {
            out.replace_range(lines, "");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> Item {
        Item { module: Some("m".into()), name: name.into(), alias: None }
    }

    /// Protects the layout of an import of which only some names go.
    #[test]
    fn names_go_one_by_one() {
        let without = |text: &str, names: &[&str]| {
            let items: Vec<Item> = names.iter().map(|name| item(name)).collect();
            without(text, &items.iter().collect::<Vec<_>>())
        };
        assert_eq!(without("from m import a, b, c\n", &["b"]).as_deref(), Some("from m import a, c\n"));
        assert_eq!(without("from m import a, b, c\n", &["a"]).as_deref(), Some("from m import b, c\n"));
        assert_eq!(without("from m import a, b, c\n", &["b", "c"]).as_deref(), Some("from m import a\n"));
        let lines = "from m import (\n    a,\n    b,\n)\n";
        assert_eq!(without(lines, &["a"]).as_deref(), Some("from m import (\n    b,\n)\n"));
        assert_eq!(without(lines, &["b"]).as_deref(), Some("from m import (\n    a,\n)\n"));
        assert_eq!(without("from m import (a,\n    b)\n", &["b"]).as_deref(), Some("from m import (a)\n"));
    }

    /// Protects imports that comments link to, or that take all there is.
    #[test]
    fn java_imports_go_when_no_word_is_left() {
        let text = "package p;\n\nimport java.util.List;\nimport java.util.Map;\nimport java.io.*;\nimport java.util.Set;\n\n/** \
                    {@link Set} */\nclass A {\n    List<String> a;\n}\n";
        assert_eq!(java(text), text.replace("import java.util.Map;\n", ""));
    }

    /// Protects other files from losing a name that they take from this one, and only these: a package that imports both has its
    /// names from where they are defined.
    #[test]
    fn who_takes_a_name_is_read() {
        for (text, taken) in [
            ("from taskq.queue import Queue\nfrom taskq.worker import Worker\n", false),
            ("from taskq.worker import (\n    Worker,\n    Queue,\n)\n", true),
            ("from .worker import *\nQueue()\n", true),
            ("from taskq import worker as w, Queue\nw.Queue()\n", true),
            ("from taskq import worker, Queue\nQueue()\n", false),
            ("import taskq.worker\ntaskq.worker.Queue()\n", true),
            ("import taskq.worker as w\nw.Queue()\n", true),
            ("import taskq.worker\nmock.patch(\"taskq.worker.Queue\")\n", true),
        ] {
            assert_eq!(takes(text, "worker", "Queue"), taken, "{text}");
        }
    }
}
