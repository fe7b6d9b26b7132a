//! Imports of Python.

use super::super::tree::folder_of;
use super::super::{Context, File, list};
use super::{Added, folders_above, joined, lists, manifests, plain};
use deepcoder_syntax::{Language, surface};
use deepcoder_types::RepoPath;

/// Endings of files that are modules.
const ENDINGS: [&str; 4] = [".py", ".pyi", ".pyx", ".so"];

/// At most this many files are asked whether they import a package.
const MAX_ASKED: usize = 2_000;

pub(crate) fn doubt(context: &Context<'_>, file: &File<'_>, added: &Added<'_>) -> Option<String> {
    let module = added.import.module.as_str();
    let rest = module.trim_start_matches('.');
    let dots = module.len() - rest.len();
    if is_generated(rest) {
        return None;
    }
    let inner = rest.replace('.', "/");
    if dots > 0 {
        let base = folders_above(file.path).nth(dots - 1)?;
        let place = joined(base, &inner);
        return match resolve(context, &place) {
            Found::Nothing => Some(format!("imports `{module}`, and the project has no such module")),
            Found::Folder => missing(context, &place, None, added),
            Found::File(found) if found == *file.path => Some(format!("imports `{module}`, which is this file itself")),
            Found::File(found) => missing(context, &place, Some(&found), added),
        };
    }
    let top = rest.split('.').next()?;
    if lists::PYTHON.binary_search(&top).is_ok() {
        return None;
    }
    // Where a search path begins is not known, so that a module may be below any folder.
    let found: Vec<RepoPath> = anywhere(context, &inner);
    if let [only] = found.as_slice() {
        if only == file.path && folders_above(file.path).any(|folder| is_module(only, &joined(folder, &inner))) {
            return Some(format!("imports `{module}`, which is this file itself"));
        }
        let place = only.as_str().rsplit_once('.').map_or("", |(place, _)| place);
        let place = place.strip_suffix("/__init__").unwrap_or(place).to_owned();
        return missing(context, &place, Some(only), added);
    }
    if !found.is_empty() || added.known || declared(context, top) || imported_elsewhere(context, file, top) {
        return None;
    }
    let local = !anywhere(context, top).is_empty();
    let folder = is_folder(context, top);
    if context.prompt.has_word(top) || context.prompt.has_word(module) || (folder && !local) || (local && inner == top)
    {
        return None;
    }
    if local {
        // A package may make its modules when it is loaded, but ours are files.
        return (!is_folder_anywhere(context, &inner))
            .then(|| format!("imports `{module}`, and the project has no such module"));
    }
    Some(format!("imports `{module}`, which no module of the project, no manifest and no standard library provides"))
}

/// The file of the project that an import of `module` means, where there is only one.
pub(crate) fn home(context: &Context<'_>, from: &RepoPath, module: &str) -> Option<RepoPath> {
    let rest = module.trim_start_matches('.');
    let (dots, inner) = (module.len() - rest.len(), rest.replace('.', "/"));
    if dots > 0 {
        return match resolve(context, &joined(folders_above(from).nth(dots - 1)?, &inner)) {
            Found::File(path) => Some(path),
            Found::Nothing | Found::Folder => None,
        };
    }
    if lists::PYTHON.binary_search(&rest.split('.').next()?).is_ok() {
        return None;
    }
    let mut found = anywhere(context, &inner);
    if found.len() == 1 { found.pop() } else { None }
}

/// Modules that a build writes and that version control does not have.
fn is_generated(module: &str) -> bool {
    let last = module.rsplit('.').next().unwrap_or(module);
    matches!(last, "_version" | "version" | "__version__" | "_build" | "_generated" | "generated" | "_meta")
        || ["_pb2", "_pb2_grpc", "_ui", "_rc"].iter().any(|end| last.ends_with(end))
}

enum Found {
    Nothing,
    /// A package without an `__init__`.
    Folder,
    File(RepoPath),
}

/// Looks up a place that is given from the root on.
fn resolve(context: &Context<'_>, place: &str) -> Found {
    let files = context.tree.files();
    let there = |name: String| RepoPath::new(name).ok().filter(|path| files.contains(path));
    let candidates = ENDINGS.iter().flat_map(|end| [format!("{place}{end}"), joined(place, &format!("__init__{end}"))]);
    if let Some(found) = candidates.filter(|name| !name.starts_with('.')).find_map(there) {
        return Found::File(found);
    }
    let compiled = |path: &RepoPath| {
        path.as_str().strip_prefix(place).is_some_and(|rest| rest.starts_with(".c") || rest.starts_with(".abi"))
    };
    if place.is_empty() || files.iter().any(|path| is_below(path, place) || compiled(path)) {
        return Found::Folder;
    }
    Found::Nothing
}

fn is_below(path: &RepoPath, folder: &str) -> bool {
    path.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn is_module(path: &RepoPath, place: &str) -> bool {
    path.as_str().strip_prefix(place).is_some_and(|rest| {
        let rest = rest.strip_prefix("/__init__").unwrap_or(rest);
        ENDINGS.contains(&rest)
    })
}

/// The modules that a path such as `a/b` may mean, from whatever folder it is looked up.
fn anywhere(context: &Context<'_>, inner: &str) -> Vec<RepoPath> {
    let is = |path: &&RepoPath| {
        path.as_str().match_indices(inner).any(|(at, _)| {
            let begins = at == 0 || path.as_str()[..at].ends_with('/');
            begins && is_module(path, &path.as_str()[..at + inner.len()])
        })
    };
    context.tree.files().iter().filter(is).cloned().collect()
}

/// Whether a folder of that name is anywhere.
fn is_folder(context: &Context<'_>, name: &str) -> bool {
    context.tree.files().iter().any(|path| folder_of(path).split('/').any(|part| part == name))
}

fn is_folder_anywhere(context: &Context<'_>, inner: &str) -> bool {
    context.tree.files().iter().any(|path| format!("/{}/", folder_of(path)).contains(&format!("/{inner}/")))
}

/// The names that a module of the project does not define. `place` is the module's path without an ending.
fn missing(context: &Context<'_>, place: &str, file: Option<&RepoPath>, added: &Added<'_>) -> Option<String> {
    let defined = match file {
        Some(path) if !path.as_str().ends_with(".py") => return None,
        Some(path) => {
            // One that is too large, is no text or does not parse may define anything.
            let surface = surface(Language::Python, &context.tree.text(path)?)?;
            if surface.open || surface.names.is_empty() && path.file_name() != "__init__.py" {
                return None;
            }
            surface.names
        }
        None => Default::default(),
    };
    let submodule = |name: &str| !matches!(resolve(context, &joined(place, name)), Found::Nothing);
    let names: Vec<&str> = added.names.iter().map(|name| name.as_str()).collect();
    let dunder = |name: &str| name.starts_with("__") && name.ends_with("__");
    let lost: Vec<&str> = names
        .into_iter()
        .filter(|n| !defined.contains(*n) && !submodule(n) && !is_generated(n) && !dunder(n))
        .collect();
    let module = &added.import.module;
    (!lost.is_empty()).then(|| match file {
        Some(path) => format!("imports {} from `{module}`, and `{path}` does not define that", list(&lost)),
        None => format!("imports {} from `{module}`, and the project has no such module", list(&lost)),
    })
}

/// Whether a manifest names a package that provides `top`.
fn declared(context: &Context<'_>, top: &str) -> bool {
    let is_manifest = |path: &RepoPath| {
        let name = path.file_name();
        let of_requirements =
            (name.contains("requirements") || name.contains("constraints") || path.as_str().contains("requirements/"))
                && (name.ends_with(".txt") || name.ends_with(".in"));
        of_requirements
            || matches!(
                name,
                "pyproject.toml"
                    | "setup.cfg"
                    | "setup.py"
                    | "Pipfile"
                    | "Pipfile.lock"
                    | "poetry.lock"
                    | "uv.lock"
                    | "pdm.lock"
                    | "pixi.toml"
                    | "environment.yml"
                    | "environment.yaml"
                    | "meta.yaml"
                    | "tox.ini"
                    | "noxfile.py"
            )
    };
    let wanted: Vec<String> = std::iter::once(top)
        .chain(lists::PACKAGES.iter().filter(|(module, _)| *module == top).map(|(_, package)| *package))
        .map(plain)
        .collect();
    manifests(context, is_manifest).any(|text| {
        let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')));
        words.map(plain).any(|word| wanted.iter().any(|wanted| word.contains(wanted.as_str())))
    })
}

/// Whether another file of the project has the package already.
fn imported_elsewhere(context: &Context<'_>, file: &File<'_>, top: &str) -> bool {
    let asked = context.tree.files().iter().filter(|p| *p != file.path && p.extension() == Some("py")).take(MAX_ASKED);
    let lines = |text: &str| {
        text.lines().any(|line| {
            let words = line.trim_start();
            let module = words.strip_prefix("import ").or_else(|| words.strip_prefix("from "));
            module.is_some_and(|m| {
                m.split(',').any(|m| m.trim_start().split(|c| !super::super::prompt::is_word(c)).next() == Some(top))
            })
        })
    };
    // A file of this set cannot vouch for what the same answer made up.
    asked.filter(|path| !context.tree.in_set(path)).any(|path| context.tree.text(path).is_none_or(|text| lines(&text)))
}
