//! Rust: a module within a file gets a file of its own.

use super::MoveError;
use crate::grammar::source::{Source, range};
use crate::{Changes, Refusal};
use deepcoder_syntax::Node;
use deepcoder_types::{RepoPath, TextRange};

pub(super) fn move_to(source: &Source<'_>, at: TextRange, to: Option<&RepoPath>) -> Result<Changes, Refusal> {
    let none = || source.refuse(&MoveError::NoDeclaration, at);
    let mut node = source.node_at(at).ok_or_else(none)?;
    while node.kind() != "mod_item" {
        node = node.parent().ok_or_else(none)?;
    }
    let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body")) else {
        return Err(none());
    };
    // Its name or its first line is meant, and nothing that stands in it.
    if at.start > range(body).start || at.end > range(body).start + 1 {
        return Err(none());
    }
    let path = path(source, node, source.text_of(range(name))).ok_or_else(none)?;
    if to.is_some_and(|to| *to != path) {
        return Err(none());
    }
    if source.project.files().exists(&path) {
        return Err(source.refuse(&MoveError::Exists(path), at));
    }
    let mut changes = Changes::default();
    let inner = TextRange::new(range(body).start + 1, range(body).end.saturating_sub(1));
    changes.created.insert(path, dedented(source, node, inner));
    let name_end = range(name).end;
    changes.replace(&source.path, TextRange::new(name_end, range(node).end), ";");
    Ok(changes)
}

/// The text of a body without the indentation that its lines have in common with the module. Lines within strings of several
/// lines stay.
fn dedented(source: &Source<'_>, node: Node<'_>, inner: TextRange) -> String {
    let text = source.text_of(inner);
    let text = text
        .trim_start_matches([' ', '\t'])
        .strip_prefix("\r\n")
        .or_else(|| text.trim_start_matches([' ', '\t']).strip_prefix('\n'))
        .unwrap_or(text.trim_start());
    let start = inner.end - u32::try_from(text.len()).unwrap_or(0);
    let outer = source.indentation(range(node).start);
    let strings = deepcoder_syntax::multiline_strings(source.language, &source.text).unwrap_or_default();
    let step = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .map_or("", |line| &line[..line.len() - line.trim_start().len()]);
    let step = if step.starts_with(outer) { step } else { "" };
    let mut out = String::new();
    let mut at = start;
    for line in text.split_inclusive('\n') {
        let within = strings.iter().any(|s| s.start < at && at < s.end);
        out.push_str(if within {
            line
        } else {
            line.strip_prefix(step).unwrap_or_else(|| line.trim_start_matches([' ', '\t']))
        });
        at += u32::try_from(line.len()).unwrap_or(0);
    }
    let mut out = out.trim_end().to_owned();
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Where the module's file must be.
fn path(source: &Source<'_>, node: Node<'_>, name: &str) -> Option<RepoPath> {
    let own = source.path.as_str();
    let (folder, file) = own.rsplit_once('/').unwrap_or(("", own));
    let stem = file.strip_suffix(".rs")?;
    let mut parts: Vec<String> = folder.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let attributed = source.project.files().mentions(file).iter().any(|path| {
        let text = source.project.files().text(path);
        text.is_some_and(|text| text.contains("#[path") && text.contains(&format!("{file}\"")))
    });
    if !matches!(stem, "mod" | "lib" | "main") && !attributed {
        parts.push(stem.to_owned());
    }
    let mut around = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent() {
        if parent.kind() == "mod_item" {
            // A path attribute would lead elsewhere.
            around.push(source.text_of(range(parent.child_by_field_name("name")?)).trim_start_matches("r#").to_owned());
        } else if parent.kind() == "block" {
            return None;
        }
        at = parent;
    }
    around.reverse();
    parts.extend(around);
    let bare = name.trim_start_matches("r#");
    // A file `mod.rs` is that of its folder.
    let ending = if bare == "mod" { "mod/mod.rs".to_owned() } else { format!("{bare}.rs") };
    parts.push(ending);
    RepoPath::new(parts.join("/")).ok()
}
