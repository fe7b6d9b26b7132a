//! What a case about imports asks for.

use crate::refactor::case::{Case, Texts};
use deepcoder_plugin_refactor::{Collation, ImportStyle, Imports, TypeOrder};
use deepcoder_types::{RepoPath, TextRange};
use serde_json::Value;

/// The work and the order that are asked for; `None`: another operation.
pub(super) fn work(tool: &str, params: &Value) -> Option<(Imports, ImportStyle)> {
    let plain = ImportStyle::default();
    let steps = params.get("steps").and_then(|steps| steps.get(0));
    let step = |at: usize| steps.and_then(|steps| steps.get(at)).and_then(Value::as_str);
    let off = |key: &str| params.get(key).and_then(Value::as_bool) == Some(false);
    Some(match tool {
        "ImportTools.add_import" => (Imports::Add(step(1)?.to_owned()), plain),
        "ImportTools.organize_imports" if off("sort") => (Imports::Repeated, plain),
        "ImportTools.organize_imports" if off("unused") => (Imports::Sort, plain),
        "ImportTools.organize_imports" | "source.organizeImports" => (Imports::All, plain),
        "ImportTools.sort_imports" => (Imports::Sort, plain),
        "ImportTools.remove_duplicates" => (Imports::Repeated, plain),
        "ImportTools.remove_unused_imports"
        | "RemoveUnusedImportsCommand"
        | "RemoveUnusedImports"
        | "remove_unused_imports" => (Imports::Unused(Vec::new()), plain),
        "RemoveImportsVisitor" => (Imports::Unused(named(params)?), plain),
        "OrderImports" if params["args"].get(1).is_none_or(Value::is_null) => {
            let removes = params["args"].get(0).and_then(Value::as_bool) == Some(true);
            (if removes { Imports::All } else { Imports::Sort }, plain)
        }
        "merge_imports" if params.get("import_granularity").is_none() => (Imports::Merge, plain),
        "unmerge_imports" => (Imports::Split, plain),
        "organizeImports" => {
            let work = match params.get("mode").and_then(Value::as_str).map(|mode| mode.rsplit('.').next()) {
                Some(Some("SortAndCombine")) => Imports::Sort,
                Some(Some("RemoveUnused")) => Imports::Unused(Vec::new()),
                _ => Imports::All,
            };
            (work, style(params.get("preferences").unwrap_or(&Value::Null)))
        }
        _ => return None,
    })
}

/// LibCST names what it removes by module, name and alias; a module of its own that it is told about is more than a file says.
fn named(params: &Value) -> Option<Vec<String>> {
    if params.get("context_override").is_some() {
        return None;
    }
    let names = params["args"].get(0)?.as_array()?;
    let name = |of: &Value| of.as_array()?.iter().rev().find_map(Value::as_str).map(str::to_owned);
    Some(names.iter().filter_map(name).collect())
}

fn style(preferences: &Value) -> ImportStyle {
    let flag = |key: &str| preferences.get(key).and_then(Value::as_bool);
    let text = |key: &str| preferences.get(key).and_then(Value::as_str);
    let numeric = flag("organizeImportsNumericCollation") == Some(true);
    let accents = flag("organizeImportsAccentCollation") != Some(false);
    let upper_first = text("organizeImportsCaseFirst") == Some("upper");
    ImportStyle {
        ignore_case: flag("organizeImportsIgnoreCase"),
        types: match text("organizeImportsTypeOrder") {
            Some("first") => Some(TypeOrder::First),
            Some("inline") => Some(TypeOrder::Inline),
            Some("last") => Some(TypeOrder::Last),
            _ => None,
        },
        collation: match text("organizeImportsCollation") {
            Some("unicode") => Collation::Unicode { numeric, upper_first, accents },
            _ => Collation::Ordinal,
        },
    }
}

/// A recipe runs over all files: the one that it changes, or else one with imports.
pub(super) fn file(case: &Case) -> Option<(RepoPath, TextRange)> {
    let after = case.after.as_ref();
    let changes = |(path, text): &(&RepoPath, &std::sync::Arc<str>)| {
        after.is_some_and(|after: &Texts| after.get(*path) != Some(*text))
    };
    let imports = |(_, text): &(&RepoPath, &std::sync::Arc<str>)| text.contains("import ");
    let found = case.before.iter().find(changes).or_else(|| case.before.iter().find(imports));
    found.map(|(path, _)| (path.clone(), TextRange::new(0, 0)))
}
