//! Circles between the modules of a crate.

use crate::tree;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// A module, as the names below the crate. The crate itself is empty.
type Module = Vec<String>;

/// Circles that are there still: the crate, and the modules of the circle. The list may only shrink.
const KNOWN: &[(&str, &str)] = &[
    ("core/apply", "commit error git index kept lock plan preimage publish undo"),
    ("core/daemon", "worker link pool"),
    ("core/export", "blocks matrix native"),
    ("core/export", "linear transformer"),
    ("core/export", "safetensors source split tokenizer"),
    ("core/hook", "comments text"),
    ("core/hook", "look run"),
    ("core/jobs", "review service sweep worker"),
    ("core/kernels", "dequantise format"),
    ("core/protocol", "service wire"),
    ("core/types", "job task"),
    ("core/workspace", "gitfiles open owner"),
];

/// The sources of one crate by their modules, without tests.
fn modules(folder: &str) -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    for (path, text) in tree::files(&format!("{folder}/src"), &[".rs"]) {
        let below = path.trim_start_matches(folder).trim_start_matches("/src/").trim_end_matches(".rs");
        let mut module: Module = below.split('/').map(str::to_owned).collect();
        if module.iter().any(|name| name == "tests" || name == "main") {
            continue;
        }
        if module.last().is_some_and(|last| last == "mod" || last == "lib") {
            module.pop();
        }
        let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = own.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        found.insert(module, code.join("\n"));
    }
    found
}

/// The parts of a group in braces, which `text` begins with.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 1, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 1 => {
                parts.push(text[start..at].trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    parts
}

/// The paths that a `use` tree, or a path in code, names: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<Vec<String>> {
    if text.starts_with('{') {
        return parts(text).into_iter().flat_map(paths).collect();
    }
    let (name, rest) = text.split_at(text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()));
    let below = rest.strip_prefix("::").map(paths).unwrap_or_default();
    match name {
        "" => Vec::new(),
        name if below.is_empty() => vec![vec![name.to_owned()]],
        name => below.into_iter().map(|path| [vec![name.to_owned()], path].concat()).collect(),
    }
}

/// What a module hands on from others, by name: `pub use a::B` in the crate is (crate, B) → a.
fn handed_on(all: &BTreeMap<Module, String>) -> BTreeMap<(Module, String), Module> {
    let handing =
        Regex::new(r"(?m)^\s*(?:pub(?:\([a-z ]+\))? )?use (?:(?:self|super)::)*([a-z_][a-z_0-9]*::)").expect("pattern");
    let mut found = BTreeMap::new();
    for (module, text) in all {
        for place in handing.captures_iter(text) {
            let start = place.get(1).expect("the path").start();
            for path in paths(&text[start..]) {
                let Some((name, way)) = path.split_last() else { continue };
                let child = [module.clone(), way.to_vec()].concat();
                if all.contains_key(&child) {
                    found.insert((module.clone(), name.clone()), child);
                }
            }
        }
    }
    found
}

/// The groups of modules below one parent that need each other, however indirectly.
fn circles(all: &BTreeMap<Module, String>) -> BTreeSet<String> {
    let handed = handed_on(all);
    let place = Regex::new(r"\b(crate|super(?:::super)*)::").expect("pattern");
    // From one child of a module to another child of it.
    let mut needs: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, text) in all {
        for found in place.captures_iter(text) {
            let (whole, root) = (found.get(0).expect("all of it"), &found[1]);
            let up = root.matches("super").count();
            let Some(base) = (if up == 0 { Some(0) } else { module.len().checked_sub(up) }) else { continue };
            for path in paths(&text[whole.end()..]) {
                let mut target = module[..base].to_vec();
                for name in path {
                    let child = [target.clone(), vec![name.clone()]].concat();
                    match handed.get(&(target.clone(), name)) {
                        _ if all.contains_key(&child) => target = child,
                        Some(other) => target.clone_from(other),
                        None => break,
                    }
                }
                let same = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
                if let (Some(from), Some(to)) = (module.get(same), target.get(same)) {
                    let parent = needs.entry(module[..same].to_vec()).or_default();
                    parent.entry(from.clone()).or_default().insert(to.clone());
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for (parent, graph) in &needs {
        let reach = |start: &String| {
            let (mut seen, mut queue) = (BTreeSet::new(), vec![start.clone()]);
            while let Some(next) = queue.pop() {
                queue.extend(graph.get(&next).into_iter().flatten().filter(|to| seen.insert((*to).clone())).cloned());
            }
            seen
        };
        for start in graph.keys() {
            let circle: BTreeSet<String> =
                reach(start).into_iter().filter(|other| reach(other).contains(start)).collect();
            if !circle.is_empty() {
                let names: Vec<String> = circle.into_iter().collect();
                found.insert([parent.join("::"), names.join(" ")].join(" ").trim_start().to_owned());
            }
        }
    }
    found
}

/// Protects readers: a module can be read before those that need it. Circles that are there still are listed, and one that
/// is gone leaves the list.
#[test]
fn modules_do_not_need_each_other() {
    let mut found = BTreeSet::new();
    let looked_at = |folder: &str| folder.starts_with("core/") || folder.starts_with("plugins/");
    for krate in tree::crates().iter().filter(|c| looked_at(&c.folder)) {
        found.extend(circles(&modules(&krate.folder)).into_iter().map(|circle| (krate.folder.clone(), circle)));
    }
    let known: BTreeSet<_> = KNOWN.iter().map(|(krate, circle)| ((*krate).to_owned(), (*circle).to_owned())).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "modules that need each other:\n{new:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "these are gone; take them out of the list:\n{gone:#?}");
}

/// Protects the test above: it sees circles through groups, `super` and what a crate hands on, and lets parents use their
/// children.
#[test]
fn circles_are_seen() {
    let seen = |sources: &[(&str, &str)]| {
        let module = |name: &str| name.split("::").filter(|n| !n.is_empty()).map(str::to_owned).collect::<Module>();
        let all = sources.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect();
        circles(&all).into_iter().collect::<Vec<_>>()
    };
    let root = ("", "mod a;\nmod b;\npub use a::A;\npub use b::{B, c::C};");
    assert_eq!(seen(&[root, ("a", "use crate::b::B;"), ("b", "use crate::{x, a::{A, D}};")]), ["a b"]);
    assert_eq!(seen(&[root, ("a", "use crate::B;"), ("b", "fn f() -> super::a::A"), ("b::c", "")]), ["a b"]);
    assert_eq!(seen(&[root, ("a", "use crate::C;"), ("b", ""), ("b::c", "use crate::A;")]), ["a b"]);
    let within = [root, ("a", ""), ("b", "mod c; mod d;"), ("b::c", "use super::d::D;"), ("b::d", "use super::c::X;")];
    assert_eq!(seen(&within), ["b c d"]);
    assert_eq!(seen(&[root, ("a", "use crate::B;"), ("b", "use c::C;"), ("b::c", "use super::B;")]), [""; 0]);
    assert_eq!(seen(&[root, ("a", "use crate::B;"), ("b", "use crate::Other;")]), [""; 0]);
}
