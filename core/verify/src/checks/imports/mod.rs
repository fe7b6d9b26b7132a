//! Imports of a result that no module of the project, no manifest and no standard library provides.

mod lists;
mod other;
mod python;

use super::tree::folder_of;
use super::{Context, File};
use crate::policy::Finding;
use deepcoder_syntax::{Import, Language, imports};
use deepcoder_types::RepoPath;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // Of a single text nothing is known that it could import.
    if !context.tree.is_known() {
        return;
    }
    for file in context.files.iter().filter(|file| file.sound()) {
        let (Some(language), Some(new)) = (file.language, file.new) else { continue };
        let before = file.old.map(|old| imports(language, old)).unwrap_or_default();
        for import in imports(language, new) {
            let had = |name: &String| before.iter().any(|b| b.module == import.module && b.names.contains(name));
            let known = before.iter().any(|b| b.module == import.module);
            let names: Vec<&String> = import.names.iter().filter(|name| !had(name)).collect();
            if import.optional || (known && names.is_empty()) {
                continue;
            }
            let added = Added { import: &import, names: &names, known };
            if let Some(message) = doubt(context, file, language, &added) {
                findings.push(Finding::review(file.path, format!("line {} {message}", import.line)));
            }
        }
    }
}

/// An import that the edit adds, or to which it adds names.
struct Added<'i> {
    import: &'i Import,
    /// The names that are new.
    names: &'i [&'i String],
    /// Whether the file imported something from there before.
    known: bool,
}

/// Why an import will not work, as far as that can be known.
fn doubt(context: &Context<'_>, file: &File<'_>, language: Language, added: &Added<'_>) -> Option<String> {
    match language {
        Language::Python => python::doubt(context, file, added),
        language if language.is_script() => other::script(context, file, added),
        Language::Go => other::go(context, added),
        Language::Rust => other::rust(context, file, added),
        _ => None,
    }
}

/// The file of the project that an import in `from` means, as far as that can be known.
pub(crate) fn home(context: &Context<'_>, language: Language, from: &RepoPath, module: &str) -> Option<RepoPath> {
    match language {
        Language::Python => python::home(context, from, module),
        language if language.is_script() => other::home(context, from, module),
        _ => None,
    }
}

/// The texts of the files that say what the project is made of.
fn manifests<'c>(
    context: &'c Context<'_>,
    is: impl Fn(&RepoPath) -> bool + 'c,
) -> impl Iterator<Item = std::rc::Rc<str>> + 'c {
    context.tree.files().iter().filter(move |path| is(path)).filter_map(|path| context.tree.text(path))
}

/// A name of a package without what is written in several ways.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `folder` and those above it, the nearest first, the root as `""`.
fn folders_above(path: &RepoPath) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder_of(path)), |folder| {
        (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(above, _)| above))
    })
}

fn joined(folder: &str, rest: &str) -> String {
    match (folder.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{rest}"),
    }
}
