//! Helpers that an edit defines anew although a module beside it, or one that it imports, has them.

use super::tree::folder_of;
use super::{Context, File, line_of};
use crate::policy::Finding;
use deepcoder_syntax::{Language, RawSymbol, imports, is_test, symbols};
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

/// Parts of the names of files of which each is for another system or way, so that they have the same names.
const PARALLEL: &[&str] = &[
    "linux", "windows", "win32", "unix", "posix", "darwin", "macos", "wasm", "android", "ios", "node", "browser",
    "server", "client", "sync", "async", "mock", "fake", "stub", "dummy", "v1", "v2", "example", "examples", "demo",
    "bench",
];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    of_project(context, findings);
    of_set(context, findings);
}

/// Reports definitions that two files of the set both add.
fn of_set(context: &Context<'_>, findings: &mut Vec<Finding>) {
    if context.files.len() < 2 || wants_several(context) {
        return;
    }
    let added: Vec<(&File<'_>, Vec<&RawSymbol>)> = context
        .files
        .iter()
        .filter(|file| file.sound() && !is_repetitive(file.path))
        .map(|file| (file, anew(file)))
        .collect();
    for (file, symbols) in &added {
        for symbol in symbols {
            let is = |s: &&RawSymbol| s.name == symbol.name && s.kind == symbol.kind;
            let mut twins = added.iter().filter(|(other, all)| other.path != file.path && all.iter().any(is));
            // Where several files get it, each is meant to have its own.
            if let (Some((twin, _)), None) = (twins.next(), twins.next())
                && twin.language == file.language
                && !are_parallel(file.path, twin.path)
                && !takes_from(file, twin.path, &symbol.name)
                && !takes_from(twin, file.path, &symbol.name)
                && !is_conditional(file)
                && !is_conditional(twin)
                && !named_together(context, file.path, twin.path)
            {
                let line = line_of(file.new.unwrap_or_default(), symbol.signature_start);
                let message = format!("line {line} defines `{}`, and so does `{}` now", symbol.name, twin.path);
                findings.push(Finding::review(file.path, message));
            }
        }
    }
}

/// Whether the instruction asks for the same in several files.
fn wants_several(context: &Context<'_>) -> bool {
    let text = context.prompt.text().to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !super::prompt::is_word(c)).filter(|word| !word.is_empty()).collect();
    let many = |word: &&str| ["files", "modules", "packages", "crates", "scripts", "components"].contains(word);
    words.iter().enumerate().any(|(at, word)| match *word {
        "each" | "every" | "both" => true,
        "all" | "two" => words.iter().skip(at + 1).take(2).any(many),
        _ => false,
    })
}

/// Whether the instruction has the names of two files as a pair: `add it to a.py and b.py`.
fn named_together(context: &Context<'_>, a: &RepoPath, b: &RepoPath) -> bool {
    let text: String = context.prompt.text().chars().filter(|c| !matches!(c, '`' | '"' | '\'')).collect();
    let pair = |a: &str, b: &str| text.contains(&format!("{a} and {b}"));
    [(a, b), (b, a)].iter().any(|(a, b)| pair(a.as_str(), b.as_str()) || pair(a.file_name(), b.file_name()))
}

/// The functions and types outermost in a file that it had not before.
fn anew<'f>(file: &'f File<'_>) -> Vec<&'f RawSymbol> {
    let before: HashSet<&str> = file.before().iter().map(|s| s.name.as_str()).collect();
    let proper = |s: &&RawSymbol| match file.language {
        // Without a body it is a declaration, and a file may define one that another declares.
        None => false,
        Some(language) if language.is_c() => false,
        Some(Language::TypeScript | Language::Tsx) => s.signature_end < s.range.end,
        _ => true,
    };
    let chosen = |s: &&RawSymbol| {
        let lead = file.new.and_then(|new| new.get(s.range.start as usize..s.signature_start as usize));
        lead.is_some_and(|lead| lead.contains("#[cfg"))
    };
    let kind = |s: &&RawSymbol| matches!(s.kind, "function" | "class" | "struct" | "enum" | "trait");
    let outermost = file.after().iter().filter(|s| s.qualified == s.name).filter(kind).filter(proper);
    outermost.filter(|s| !chosen(s)).filter(|s| !before.contains(s.name.as_str()) && !is_usual(&s.name)).collect()
}

/// Whether two files are made alike on purpose: they are for two systems or packages, or one has the types of the other.
fn are_parallel(a: &RepoPath, b: &RepoPath) -> bool {
    let (one, other) = (folder_of(a), folder_of(b));
    let within =
        |outer: &str, inner: &str| outer.is_empty() || inner == outer || inner.starts_with(&format!("{outer}/"));
    let lower = |path: &RepoPath| path.as_str().to_lowercase();
    // `command_go120.go` and `command_go121.go`.
    let unnumbered = |path: &RepoPath| path.as_str().replace(|c: char| c.is_ascii_digit(), "");
    let marked = |path: &str| path.split(|c: char| !c.is_alphanumeric()).any(|part| PARALLEL.contains(&part));
    a.file_name() == b.file_name()
        || a.extension() != b.extension()
        || a.file_name().contains(".d.") != b.file_name().contains(".d.")
        || unnumbered(a) == unnumbered(b)
        || !(within(one, other) || within(other, one))
        || marked(&lower(a))
        || marked(&lower(b))
}

/// Whether a file takes `name` from another, so that its own one is made of that.
fn takes_from(file: &File<'_>, other: &RepoPath, name: &str) -> bool {
    let stem = other.file_name().split('.').next().unwrap_or_default();
    let word = |line: &str, word: &str| line.split(|c| !super::prompt::is_word(c)).any(|w| w == word);
    file.new.is_some_and(|new| {
        new.contains(&format!("{stem}.{name}"))
            || new.contains(&format!("{stem}::{name}"))
            || new.lines().map(str::trim).any(|line| {
                let takes = ["import ", "from ", "use ", "pub use ", "export "].iter().any(|t| line.starts_with(t));
                (takes || line.contains("require(")) && word(line, stem) && word(line, name)
            })
    })
}

/// Whether a file is compiled only for some systems or versions.
fn is_conditional(file: &File<'_>) -> bool {
    let marks = ["//go:build", "// +build", "#![cfg"];
    file.new.is_some_and(|new| new.lines().any(|line| marks.iter().any(|mark| line.starts_with(mark))))
}

/// Verbs whose object is made.
const MAKES: &[&str] = &["define", "create", "add", "write", "implement", "make", "copy", "duplicate", "move"];

/// Reports definitions that a file adds although the project has them.
fn of_project(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in context.files.iter().filter(|file| file.sound()) {
        let Some(language) = file.language.filter(|language| has_modules(*language)) else { continue };
        let before: HashSet<&str> = file.before().iter().map(|s| s.name.as_str()).collect();
        // An instruction that makes what it names may want a second one; one that uses it does not.
        let makes = context.prompt.clauses_begin_with(MAKES);
        let added: Vec<&RawSymbol> = file
            .after()
            .iter()
            .filter(|s| s.qualified == s.name && matches!(s.kind, "function" | "class"))
            .filter(|s| !before.contains(s.name.as_str()) && !is_usual(&s.name))
            .filter(|s| !(makes && context.names(&s.name)))
            .collect();
        if added.is_empty() || is_repetitive(file.path) {
            continue;
        }
        let mut others: Vec<(&RepoPath, Vec<RawSymbol>)> = siblings(context, file, language).collect();
        // A name in the instruction may be defined anywhere.
        let named: Vec<&str> = added.iter().map(|s| s.name.as_str()).filter(|name| context.names(name)).collect();
        if !named.is_empty() {
            others.extend(elsewhere(context, file, language, &named));
        }
        for symbol in added {
            let is = |s: &RawSymbol| s.name == symbol.name && s.qualified == s.name && s.kind == symbol.kind;
            // `of_set` reports a definition that another file of the set gets as well.
            let had = |path: &RepoPath| {
                context.files.iter().find(|f| f.path == path).is_none_or(|f| f.before().iter().any(is))
            };
            let has = others.iter().filter(|(_, symbols)| symbols.iter().any(is)).map(|(path, _)| *path);
            let mut twins = has.filter(|path| had(path));
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
    matches!(language, Language::Python | Language::Go) || language.is_script()
}

fn is_usual(name: &str) -> bool {
    USUAL.contains(&name) || name.starts_with("__") || name.to_lowercase().starts_with("test")
}

/// Files of tests and of migrations define the same names again and again.
fn is_repetitive(path: &RepoPath) -> bool {
    is_test(path) || path.as_str().split('/').rev().skip(1).any(|part| part == "migrations")
}

/// Files in other folders that speak of one of `names`.
fn elsewhere<'c>(
    context: &'c Context<'_>,
    file: &File<'_>,
    language: Language,
    names: &[&str],
) -> Vec<(&'c RepoPath, Vec<RawSymbol>)> {
    let folder = folder_of(file.path);
    let far = |path: &&RepoPath| {
        folder_of(path) != folder
            && Language::program(path) == Some(language)
            && !is_repetitive(path)
            && !are_parallel(path, file.path)
    };
    let files = context.tree.files().iter().filter(far).filter_map(|path| Some((path, context.tree.text(path)?)));
    files
        .filter(|(_, text)| names.iter().any(|name| text.contains(name)))
        .map(|(path, text)| (path, symbols(language, &text)))
        .collect()
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
        **path != own
            && Language::program(path) == Some(language)
            && !is_repetitive(path)
            && (beside || imported.contains(stem))
    };
    context.tree.files().iter().filter(near).take(MAX_SIBLINGS).filter_map(move |path| {
        let text = context.tree.text(path)?;
        Some((path, symbols(language, &text)))
    })
}
