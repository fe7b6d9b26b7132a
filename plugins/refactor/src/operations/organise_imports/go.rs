//! Go: imports that nothing uses are errors there; the lines of a block are sorted by their paths, as gofmt does.

use super::sorted::{Entry, put};
use super::{ImportsError, children, is_used, remove_statements};
use crate::grammar::source::{Source, holds, range};
use crate::request::Imports;
use crate::{Changes, Refusal};
use deepcoder_resolve::{Role, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) fn organise(source: &Source<'_>, work: &Imports, changes: &mut Changes) -> Result<(), Refusal> {
    if matches!(work, Imports::Add(_) | Imports::Merge | Imports::Split) {
        return Err(source.refuse(&ImportsError::Language("Go"), TextRange::new(0, 0)));
    }
    let only: &[String] = if let Imports::Unused(only) = work { only } else { &[] };
    let removes = matches!(work, Imports::All | Imports::Unused(_));
    let open = names_a_package(source);
    let mut whole = Vec::new();
    for declaration in children(source.tree.root_node(), &["import_declaration"]) {
        let lists = children(declaration, &["import_spec_list"]);
        let specs = children(lists.first().copied().unwrap_or(declaration), &["import_spec"]);
        let gone: Vec<bool> = specs.iter().map(|spec| removes && is_gone(source, *spec, open, only)).collect();
        if !specs.is_empty() && gone.iter().all(|gone| *gone) {
            whole.push(range(declaration));
            continue;
        }
        if lists.is_empty() || matches!(work, Imports::Unused(_)) {
            let gone: Vec<TextRange> =
                specs.iter().zip(&gone).filter(|(_, gone)| **gone).map(|(spec, _)| range(*spec)).collect();
            remove_statements(source, &gone, changes);
            continue;
        }
        block(source, &specs, &gone, changes)?;
    }
    remove_statements(source, &whole, changes);
    Ok(())
}

fn path<'s>(source: &'s Source<'_>, spec: Node<'_>) -> &'s str {
    spec.child_by_field_name("path").map_or("", |path| source.text_of(range(path)).trim_matches(['"', '`']))
}

/// Whether the file names a package that no import is known to give: one whose name is not the end of its path.
fn names_a_package(source: &Source<'_>) -> bool {
    source.bindings.references.iter().any(|r| {
        let member = source.text.get(r.at.end as usize..).is_some_and(|rest| rest.starts_with('.'));
        r.role == Role::Reads && r.target == Target::Outside && member && !r.name.starts_with(char::is_uppercase)
    })
}

fn is_gone(source: &Source<'_>, spec: Node<'_>, open: bool, only: &[String]) -> bool {
    let path = path(source, spec);
    let name = spec.child_by_field_name("name").map(|name| source.text_of(range(name)));
    if matches!(name, Some("_" | ".")) || path == "C" {
        return false;
    }
    // Of a package of others only its files tell its name.
    let standard = !path.split('/').next().unwrap_or_default().contains('.');
    let known = name.is_some() || standard || !source.project.module_files(&source.path, path).is_empty();
    let at = range(spec);
    let declared = source.bindings.ids().find(|(_, d)| d.import.is_some() && holds(at, d.at));
    let Some((id, declaration)) = declared else { return false };
    let chosen = only.is_empty() || only.iter().any(|only| *only == declaration.name || only == path);
    chosen && (known || !open) && !is_used(source, id)
}

/// Sorts the runs of lines of a block that no blank line parts.
fn block(source: &Source<'_>, specs: &[Node<'_>], gone: &[bool], changes: &mut Changes) -> Result<(), Refusal> {
    let mut runs: Vec<Vec<Entry<(String, String)>>> = Vec::new();
    let mut end = None;
    for (spec, gone) in specs.iter().zip(gone) {
        let at = range(*spec);
        if !source.begins_line(at.start) {
            return Ok(());
        }
        let text = source.text_of(at).to_owned();
        let between = end.map(|end| source.text_of(TextRange::new(end, at.start)));
        end = Some(at.end);
        let key = (path(source, *spec).to_owned(), text.clone());
        let entry = Entry { at, key, group: 0, text: (!*gone).then_some(text), names: Vec::new() };
        let beside = between.is_some_and(|between| between.matches('\n').count() == 1);
        match runs.last_mut().filter(|_| beside) {
            Some(run) => run.push(entry),
            None => runs.push(vec![entry]),
        }
    }
    runs.into_iter().try_for_each(|run| put(source, run, false, changes))
}
