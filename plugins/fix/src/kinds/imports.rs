//! Imports of TypeScript and JavaScript.

use super::Ask;
use super::nodes::{all, at, children, insert, text};
use crate::Fix;
use deepcoder_resolve::{Role, Target, bind};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

/// The endings that a module's name leaves out.
const ENDINGS: &[&str] = &[".d.ts", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];

/// An import of each name that is nowhere declared and that exactly one file of the tree exports.
pub(super) fn missing(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(bindings) = bind(ask.language, ask.text) else { return Vec::new() };
    let declared: BTreeSet<&str> = bindings.declarations.iter().map(|d| d.name.as_str()).collect();
    let mut names: Vec<&str> = Vec::new();
    for reference in &bindings.references {
        let open = matches!(reference.target, Target::Outside | Target::Dynamic(_)) && reference.role == Role::Reads;
        let here = ask.place.is_none_or(|place| reference.at.start <= place.end && place.start <= reference.at.end);
        if open && here && !declared.contains(reference.name.as_str()) && !names.contains(&reference.name.as_str()) {
            names.push(&reference.name);
        }
    }
    let mut fixes: Vec<Fix> = Vec::new();
    let mut found: Vec<(&str, RepoPath)> = Vec::new();
    for name in names {
        let exporting = exporting(ask, name);
        if let [path] = exporting.as_slice() {
            found.push((name, path.clone()));
        }
    }
    if !ask.all {
        found.truncate(1);
    }
    let mut modules: Vec<RepoPath> = Vec::new();
    for (_, path) in &found {
        if !modules.contains(path) {
            modules.push(path.clone());
        }
    }
    for path in modules {
        let of_module: Vec<&str> = found.iter().filter(|(_, other)| *other == path).map(|(name, _)| *name).collect();
        fixes.extend(import(ask, &of_module, &path));
    }
    fixes
}

/// The files that export a name, this one not among them.
fn exporting(ask: &Ask<'_>, name: &str) -> Vec<RepoPath> {
    let mut found = Vec::new();
    for path in ask.files.mentions(name) {
        let Some(language) = Language::program(&path).filter(|language| language.is_script()) else { continue };
        let Some(bindings) = ask.files.text(&path).filter(|_| path != *ask.path).and_then(|text| bind(language, &text))
        else {
            continue;
        };
        if bindings.declarations.iter().any(|d| d.exported_as.iter().any(|exported| exported == name)) {
            found.push(path);
        }
    }
    found
}

/// The name of a module as another file writes it.
fn module(from: &RepoPath, to: &RepoPath) -> String {
    let to = ENDINGS.iter().find_map(|ending| to.as_str().strip_suffix(ending)).unwrap_or(to.as_str());
    let to = to.strip_suffix("/index").unwrap_or(to);
    let from: Vec<&str> = from.as_str().split('/').collect();
    let folder = from.get(..from.len().saturating_sub(1)).unwrap_or_default();
    let to: Vec<&str> = to.split('/').collect();
    let same = folder.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let ups = folder.len() - same;
    let rest = to.get(same..).unwrap_or_default().join("/");
    if ups == 0 { format!("./{rest}") } else { format!("{}{rest}", "../".repeat(ups)) }
}

fn import(ask: &Ask<'_>, names: &[&str], path: &RepoPath) -> Option<Fix> {
    let module = module(ask.path, path);
    let root = ask.tree.root_node();
    let statements: Vec<Node<'_>> = children(root).into_iter().filter(|n| n.kind() == "import_statement").collect();
    let source = |statement: &Node<'_>| {
        statement.child_by_field_name("source").map(|s| text(s, ask.text).trim_matches(['"', '\'']).to_owned())
    };
    let doubt = "a package may export the name as well";
    if let Some(same) = statements.iter().find(|s| source(s).as_deref() == Some(&module)) {
        let list = all(*same).into_iter().find(|n| n.kind() == "named_imports");
        let list = list?;
        let elements = children(list);
        let mut all_names: Vec<String> = elements.iter().map(|e| text(*e, ask.text).to_owned()).collect();
        let sorted = |names: &[String]| {
            names.windows(2).all(|w| w.first().map(|s| s.to_lowercase()) <= w.last().map(|s| s.to_lowercase()))
        };
        let ordered = sorted(&all_names);
        all_names.extend(names.iter().map(|name| (*name).to_owned()));
        if ordered {
            all_names.sort_by_key(|name| name.to_lowercase());
        }
        let (first, last) = (elements.first()?, elements.last()?);
        let edit = deepcoder_types::TextEdit {
            range: crate::read::source::range(first.start_byte(), last.end_byte()),
            replacement: all_names.join(", "),
        };
        return Some(Fix::of(ask.path, vec![edit]).doubted(doubt));
    }
    let quote = statements
        .first()
        .and_then(|s| s.child_by_field_name("source"))
        .map(|s| text(s, ask.text).chars().next().unwrap_or('"'));
    let quote = quote.unwrap_or('"');
    let mut names: Vec<&str> = names.to_vec();
    names.sort_by_key(|name| name.to_lowercase());
    let line = format!("import {{ {} }} from {quote}{module}{quote};\n", names.join(", "));
    let (place, line) = match statements.last() {
        Some(last) => (last.end_byte(), format!("\n{}", line.trim_end())),
        None => (0, format!("{line}\n")),
    };
    Some(Fix::of(ask.path, vec![insert(place, line)]).doubted(doubt))
}

/// `import type` for an import of which only types are used.
pub(super) fn type_only(ask: &Ask<'_>) -> Vec<Fix> {
    statement(ask, "import_statement", "import")
}

/// `export type` for a type that is exported again.
pub(super) fn type_only_export(ask: &Ask<'_>) -> Vec<Fix> {
    statement(ask, "export_statement", "export")
}

fn statement(ask: &Ask<'_>, kind: &str, word: &str) -> Vec<Fix> {
    let root = ask.tree.root_node();
    let fits = |node: &Node<'_>| {
        let own = text(*node, ask.text);
        node.kind() == kind
            && own.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('{'))
            && ask.place.is_none_or(|place| at(*node).start <= place.start && place.end <= at(*node).end)
    };
    let found: Vec<Node<'_>> = children(root).into_iter().filter(fits).collect();
    let edit = |node: &Node<'_>| {
        let fix = Fix::of(ask.path, vec![insert(node.start_byte() + word.len(), " type")]);
        if ask.place.is_some() { fix } else { fix.doubted("the finding has no place") }
    };
    match found.as_slice() {
        [one] => vec![edit(one)],
        several if ask.all => several.iter().map(edit).collect(),
        _ => Vec::new(),
    }
}
