//! The files that a module's words mean.

use crate::Files;
use deepcoder_syntax::{Language, Node, tree};
use deepcoder_types::RepoPath;

/// What a path may go without.
const EXTENSIONS: &[&str] =
    &[".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs", ".d.mts", ".d.cts"];

/// What a script's extension may stand for: the file that it is made from.
const SOURCES: &[(&str, &[&str])] = &[
    (".js", &[".ts", ".tsx", ".d.ts", ".jsx"]),
    (".jsx", &[".tsx", ".d.ts"]),
    (".mjs", &[".mts", ".d.mts"]),
    (".cjs", &[".cts", ".d.cts"]),
];

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `folder` and a path relative to it, as one path; `None` where it leaves the tree.
fn join(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn existing(files: &dyn Files, path: &str) -> Option<RepoPath> {
    let path = RepoPath::new(path).ok()?;
    files.paths().binary_search(&path).is_ok().then_some(path)
}

/// The file of a path that may go without its extension, or name a folder.
fn file(files: &dyn Files, path: &str) -> Option<RepoPath> {
    for (script, sources) in SOURCES {
        if let Some(stem) = path.strip_suffix(script) {
            let found = sources.iter().find_map(|source| existing(files, &format!("{stem}{source}")));
            if found.is_some() {
                return found;
            }
        }
    }
    existing(files, path)
        .or_else(|| EXTENSIONS.iter().find_map(|extension| existing(files, &format!("{path}{extension}"))))
        .or_else(|| {
            let index = join(path, "index")?;
            EXTENSIONS.iter().find_map(|extension| existing(files, &format!("{index}{extension}")))
        })
}

/// The file of a module, seen from a file; none for a package of others.
pub(super) fn module_files(files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
    let here = folder(from.as_str());
    if module.starts_with("./") || module.starts_with("../") || module == "." || module == ".." {
        return join(here, module).and_then(|path| file(files, &path)).into_iter().collect();
    }
    if module.starts_with('/') {
        return file(files, module.trim_start_matches('/')).into_iter().collect();
    }
    let mut above = Some(here);
    while let Some(folder) = above {
        let path = |name: &str| join(folder, name);
        let config = ["tsconfig.json", "jsconfig.json"]
            .iter()
            .find_map(|name| path(name).and_then(|path| existing(files, &path)))
            .and_then(|path| files.text(&path));
        if let Some(found) = config.and_then(|config| configured(files, folder, &config, module)) {
            return vec![found];
        }
        let package = path("node_modules").and_then(|folder| join(&folder, module));
        if let Some(found) = package.and_then(|path| file(files, &path)) {
            return vec![found];
        }
        above = (!folder.is_empty()).then(|| self::folder(folder));
    }
    Vec::new()
}

fn value<'t>(object: Node<'t>, text: &str, key: &str) -> Option<Node<'t>> {
    let mut cursor = object.walk();
    let quoted = format!("\"{key}\"");
    object
        .named_children(&mut cursor)
        .find(|pair| pair.child_by_field_name("key").is_some_and(|k| text.get(k.byte_range()) == Some(&quoted)))
        .and_then(|pair| pair.child_by_field_name("value"))
}

fn string<'s>(node: Node<'_>, text: &'s str) -> Option<&'s str> {
    text.get(node.byte_range())?.strip_prefix('"')?.strip_suffix('"')
}

/// The file that `baseUrl` and `paths` of a configuration give for a module.
fn configured(files: &dyn Files, folder: &str, text: &str, module: &str) -> Option<RepoPath> {
    let tree = tree(Language::Json, text)?;
    let root = tree.root_node();
    let mut cursor = root.walk();
    let object = root.named_children(&mut cursor).find(|child| child.kind() == "object")?;
    let options = value(object, text, "compilerOptions")?;
    let base = value(options, text, "baseUrl").and_then(|base| string(base, text));
    let root = join(folder, base.unwrap_or("."))?;
    if let Some(paths) = value(options, text, "paths") {
        let mut pairs = paths.walk();
        for pair in paths.named_children(&mut pairs) {
            let (Some(key), Some(targets)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
            else {
                continue;
            };
            let Some(pattern) = string(key, text) else { continue };
            let Some(middle) = fits(pattern, module) else { continue };
            let mut list = targets.walk();
            for target in targets.named_children(&mut list) {
                let target = string(target, text).map(|target| target.replacen('*', middle, 1));
                let found = target.and_then(|target| join(&root, &target)).and_then(|path| file(files, &path));
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    base.and_then(|_| join(&root, module)).and_then(|path| file(files, &path))
}

/// What the star of a pattern stands for.
fn fits<'m>(pattern: &str, module: &'m str) -> Option<&'m str> {
    match pattern.split_once('*') {
        None => (pattern == module).then_some(""),
        Some((before, after)) => module.strip_prefix(before)?.strip_suffix(after),
    }
}
