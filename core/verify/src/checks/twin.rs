//! Helpers that an edit defines anew although a module beside it, or one that it imports, has them.

use super::tree::folder_of;
use super::{Context, File, line_of};
use crate::policy::Finding;
use deepcoder_syntax::{Language, RawSymbol, imports, symbols};
use deepcoder_types::RepoPath;
use std::collections::HashSet;

/// At most this many modules are looked at.
const MAX_SIBLINGS: usize = 200;

/// Names that every module of a kind has.
const USUAL: &[&str] = &[
    "main",
    "run",
    "init",
    "setup",
    "teardown",
    "register",
    "handler",
    "handle",
    "upgrade",
    "downgrade",
    "Migration",
    "Config",
    "Meta",
    "Settings",
    "Args",
    "Options",
    "Props",
    "parse_args",
    "get_parser",
    "cli",
    "app",
    "router",
    "create",
    "load",
    "check",
    "configure",
    "execute",
    "process",
    "build",
    "default",
    "state",
    "logger",
    "log",
];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in context.files.iter().filter(|file| file.sound()) {
        let Some(language) = file.language.filter(|language| has_modules(*language)) else { continue };
        let before: HashSet<&str> = file.before().iter().map(|s| s.name.as_str()).collect();
        let added: Vec<&RawSymbol> = file
            .after()
            .iter()
            .filter(|s| s.qualified == s.name && matches!(s.kind, "function" | "class"))
            .filter(|s| !before.contains(s.name.as_str()) && !is_usual(&s.name) && !context.names(&s.name))
            .collect();
        if added.is_empty() || is_test(file.path) {
            continue;
        }
        let others: Vec<(&RepoPath, Vec<RawSymbol>)> = siblings(context, file, language).collect();
        for symbol in added {
            let is = |s: &RawSymbol| s.name == symbol.name && s.qualified == s.name && s.kind == symbol.kind;
            let mut twins = others.iter().filter(|(_, symbols)| symbols.iter().any(is)).map(|(path, _)| *path);
            // Where several modules have it, each is meant to have its own.
            if let (Some(twin), None) = (twins.next(), twins.next()) {
                let line = line_of(file.new.unwrap_or_default(), symbol.signature_start);
                let message = format!("line {line} defines `{}`, which `{twin}` has already", symbol.name);
                findings.push(Finding::review(file.path, message));
            }
        }
    }
}

/// Whether a file takes names from others by importing them.
fn has_modules(language: Language) -> bool {
    matches!(language, Language::Python | Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Go)
}

fn is_usual(name: &str) -> bool {
    USUAL.contains(&name) || name.starts_with("__") || name.to_lowercase().starts_with("test")
}

fn is_test(path: &RepoPath) -> bool {
    let name = path.file_name().to_lowercase();
    name.contains("test")
        || name.contains("spec")
        || path.as_str().split('/').any(|part| matches!(part, "tests" | "migrations"))
}

/// The modules of the same folder, and those that the file imports by a relative path below it.
fn siblings<'c>(
    context: &'c Context<'_>,
    file: &File<'_>,
    language: Language,
) -> impl Iterator<Item = (&'c RepoPath, Vec<RawSymbol>)> {
    let folder = folder_of(file.path).to_owned();
    let own = file.path.clone();
    let imported: HashSet<String> = imports(language, file.new.unwrap_or_default())
        .into_iter()
        .map(|import| import.module.rsplit(['.', '/']).find(|p| !p.is_empty()).unwrap_or_default().to_owned())
        .collect();
    let near = move |path: &&RepoPath| {
        let stem = path.file_name().split('.').next().unwrap_or_default();
        let beside = folder_of(path) == folder;
        **path != own && Language::of(path) == Some(language) && !is_test(path) && (beside || imported.contains(stem))
    };
    context.tree.files().iter().filter(near).take(MAX_SIBLINGS).filter_map(move |path| {
        let text = context.tree.text(path)?;
        Some((path, symbols(language, &text)))
    })
}
