//! Imports of scripts, Go and Rust.

use super::super::{Context, File, list};
use super::{Added, folders_above, joined, lists, manifests, plain};
use deepcoder_syntax::{Language, imports, surface, symbols};
use deepcoder_types::RepoPath;

/// Endings that a path in a script may leave out.
const ENDINGS: [&str; 16] = [
    "",
    ".js",
    ".ts",
    ".tsx",
    ".jsx",
    ".mjs",
    ".cjs",
    ".mts",
    ".cts",
    ".d.ts",
    ".json",
    ".vue",
    ".svelte",
    "/index.js",
    "/index.ts",
    "/index.tsx",
];

/// At most this many files are asked whether they import a package.
const MAX_ASKED: usize = 2_000;

pub(crate) fn script(context: &Context<'_>, file: &File<'_>, added: &Added<'_>) -> Option<String> {
    let module = added.import.module.split(['?', '#']).next().filter(|m| !m.is_empty())?;
    if module.starts_with("./") || module.starts_with("../") || matches!(module, "." | "..") {
        return relative(context, file, module, added);
    }
    let mut parts = module.split('/');
    let first = parts.next()?;
    let scoped = first.starts_with('@').then(|| parts.next()).flatten();
    let package = scoped.map_or_else(|| first.to_owned(), |name| format!("{first}/{name}"));
    // Aliases, import maps and protocols are a bundler's business.
    let alias = first.starts_with(['~', '#', '$', '/']) || matches!(first, "@" | "@/") || module.contains(':');
    if alias || lists::NODE.binary_search(&first).is_ok() || added.known || context.prompt.has_word(&package) {
        return None;
    }
    let named = [format!("\"{package}\""), format!("\"@types/{package}\"")];
    let manifest = |path: &RepoPath| {
        let name = path.file_name();
        name == "package.json"
            || name.starts_with("tsconfig")
            || name.starts_with("jsconfig")
            || name.starts_with("deno.")
    };
    let mut any = false;
    for text in manifests(context, manifest) {
        any = true;
        // Paths of a compiler may rename anything.
        if named.iter().any(|name| text.contains(name))
            || text.contains("\"paths\"")
            || text.contains("\"baseUrl\"")
            || text.contains("\"imports\"")
        {
            return None;
        }
    }
    let folder =
        context.tree.files().iter().any(|path| path.as_str().split('/').rev().skip(1).any(|part| part == first));
    let config =
        |path: &RepoPath| path.file_name().contains(".config.") || path.file_name().ends_with("importmap.json");
    let quoted = [format!("'{package}"), format!("\"{package}")];
    let elsewhere = |path: &&RepoPath| {
        let is_script = matches!(
            path.extension(),
            Some("js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "vue" | "svelte" | "html")
        );
        (is_script || config(path)) && !context.tree.in_set(path)
    };
    let mut others = context.tree.files().iter().filter(elsewhere).take(MAX_ASKED);
    let says =
        |path: &RepoPath| context.tree.text(path).is_none_or(|text| quoted.iter().any(|q| text.contains(q.as_str())));
    if folder || !any || others.any(says) {
        return None;
    }
    Some(format!("imports `{package}`, which no package.json names and Node does not have"))
}

/// The parts of the path that a relative module means.
fn place_of<'m>(from: &'m RepoPath, module: &'m str) -> Option<Vec<&'m str>> {
    let mut parts: Vec<&str> = folders_above(from).next()?.split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts)
}

/// The file at a place that may lack its ending, or have that of what it is compiled to.
fn file_at(context: &Context<'_>, place: &str) -> Option<RepoPath> {
    let scripts = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"];
    let stem = place.rsplit_once('.').filter(|(_, ending)| scripts.contains(ending)).map(|(stem, _)| stem);
    let index = ENDINGS.iter().map(|end| format!("{place}{end}"));
    let by_stem = stem.iter().flat_map(|stem| ENDINGS.iter().map(move |end| format!("{stem}{end}")));
    let more =
        ["mjs", "cjs", "jsx", "mts", "vue", "d.ts", "json"].iter().map(|end| joined(place, &format!("index.{end}")));
    let there = |name: String| RepoPath::new(name).ok().filter(|path| context.tree.files().contains(path));
    index.chain(by_stem).chain(more).find_map(there)
}

/// The file of the project that a script's import of `module` means.
pub(crate) fn home(context: &Context<'_>, from: &RepoPath, module: &str) -> Option<RepoPath> {
    module.starts_with('.').then(|| place_of(from, module)).flatten().and_then(|p| file_at(context, &p.join("/")))
}

fn relative(context: &Context<'_>, file: &File<'_>, module: &str, added: &Added<'_>) -> Option<String> {
    let parts = place_of(file.path, module)?;
    let place = parts.join("/");
    // Build output is not in version control.
    let built = ["dist", "build", "out", "lib", "generated", "__generated__", "node_modules", ".next", "pkg", "wasm"];
    if parts.iter().any(|part| built.contains(part) || part.starts_with('$') || part.contains("generated")) {
        return None;
    }
    let last = parts.last().copied().unwrap_or_default();
    let ending = last.rsplit_once('.').map(|(_, ending)| ending);
    // Assets may be written by tools.
    let asset = [
        "css", "scss", "sass", "less", "svg", "png", "jpg", "jpeg", "gif", "webp", "wasm", "node", "graphql", "gql",
        "html", "txt", "md", "mdx",
    ];
    if ending.is_some_and(|e| asset.contains(&e)) {
        return None;
    }
    let there = |name: String| RepoPath::new(name).ok().filter(|path| context.tree.files().contains(path));
    let Some(found) = file_at(context, &place) else {
        let package = there(joined(&place, "package.json")).is_some();
        return (!package && !place.is_empty())
            .then(|| format!("imports `{module}`, and the project has no such file"));
    };
    let language = Language::program(&found).filter(|language| language.is_script())?;
    let surface = surface(language, &context.tree.text(&found)?).filter(|s| !s.open && !s.names.is_empty())?;
    let lost: Vec<&str> = added.names.iter().map(|n| n.as_str()).filter(|n| !surface.names.contains(*n)).collect();
    (!lost.is_empty()).then(|| format!("imports {} from `{module}`, and `{found}` does not export that", list(&lost)))
}

pub(crate) fn go(context: &Context<'_>, added: &Added<'_>) -> Option<String> {
    let module = added.import.module.as_str();
    let first = module.split('/').next().filter(|first| !first.is_empty())?;
    if lists::GO.binary_search(&first).is_ok() || first.starts_with('.') || context.prompt.has_word(module) {
        return None;
    }
    let mut any = false;
    for path in context.tree.files().iter().filter(|path| matches!(path.file_name(), "go.mod" | "go.work")) {
        let text = context.tree.text(path)?;
        any = true;
        for line in text.lines() {
            let mut words = line.split_whitespace().filter(|w| !matches!(*w, "require" | "replace"));
            let (Some(word), second) = (words.next(), words.next()) else { continue };
            if word == "module" {
                let own = second?.trim_matches('"');
                if let Some(inner) = inside(module, own) {
                    let folder = joined(super::super::tree::folder_of(path), inner);
                    let there = context.tree.siblings(&folder).any(|path| path.extension() == Some("go"));
                    return (!there).then(|| format!("imports `{module}`, and the project has no such package"));
                }
            } else if inside(module, word.trim_matches('"')).is_some() {
                return None;
            }
        }
    }
    let vendored = context.tree.files().iter().any(|path| path.as_str().contains(&format!("vendor/{module}/")));
    (any && !vendored).then(|| format!("imports `{module}`, which go.mod and the standard library do not have"))
}

/// The rest of a path of packages after `prefix`.
fn inside<'m>(module: &'m str, prefix: &str) -> Option<&'m str> {
    let rest = module.strip_prefix(prefix)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

pub(crate) fn rust(context: &Context<'_>, file: &File<'_>, added: &Added<'_>) -> Option<String> {
    let root = added.import.module.as_str();
    let known = ["std", "core", "alloc", "proc_macro", "test", "crate", "self", "super"];
    if known.contains(&root) || root.starts_with('$') || added.known || context.prompt.has_word(root) {
        return None;
    }
    let new = file.new?;
    let words = |text: &str| text.split(|c| !super::super::prompt::is_word(c)).filter(|word| *word == root).count();
    // A module or type of this file, something that another `use` brings, or what a macro makes.
    let defined = symbols(Language::Rust, new).iter().any(|s| s.name == root);
    let roots = imports(Language::Rust, new).iter().filter(|import| import.module == root).count();
    let brought =
        new.lines().filter(|line| line.contains("use ") || line.contains("extern crate")).map(words).sum::<usize>()
            > roots;
    let globs = new.contains("::*");
    let module = context.tree.files().iter().any(|path| {
        path.file_name() == format!("{root}.rs") || path.as_str().split('/').rev().skip(1).any(|part| part == root)
    });
    if defined || brought || globs || module || root.chars().any(char::is_uppercase) {
        return None;
    }
    let mut any = false;
    for text in manifests(context, |path| path.file_name() == "Cargo.toml") {
        any = true;
        let mut names = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'))).map(plain);
        if names.any(|name| name == plain(root)) {
            return None;
        }
    }
    any.then(|| format!("uses the crate `{root}`, which no Cargo.toml names"))
}
