//! Whether a check runs the code that changed, by a canary: the changed code is made to fail, and a check that fails with it
//! and passes without it has run it.
//!
//! Where the language makes it easy the canary is one statement at the start of a definition (`raise`, `throw`, `panic!`), so
//! that it says that the definition ran. Code outside of definitions has a canary at the end of its file, which says that
//! the file was loaded. For a build, and in other languages, the file gets a line that does not parse, which says that the
//! file was compiled or read.

use deepcoder_syntax::{Language, LanguageKind, RawSymbol};
use deepcoder_types::{CheckKind, FileChange, RepoPath};
use std::collections::BTreeMap;

/// A text that the output of a check has when the canary was reached.
pub(crate) const MARK: &str = "deepcoder-canary-was-reached";

/// At most this many definitions have a canary each; more of them share one.
const MAX_SINGLE: usize = 4;

/// One canary: the file in which code is made to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canary {
    pub(crate) path: RepoPath,
    pub(crate) text: String,
    /// Whether it stands in the file as it was before the edit: then it is the same for every candidate.
    pub(crate) before: bool,
    /// Whether a failure must show [`MARK`]: another one may be a compiler that rejects the canary.
    pub(crate) needs_mark: bool,
}

/// The canaries for `changes`; each must be reached. `None` where nothing tells whether the code runs, empty where no code
/// changes.
pub(crate) fn canaries(kind: CheckKind, changes: &[FileChange]) -> Option<Vec<Canary>> {
    let mut all = Vec::new();
    for change in changes {
        let Some(new) = change.new.as_ref() else { continue };
        let new = std::str::from_utf8(&new.bytes).ok()?;
        let old = match &change.old {
            Some(old) => Some(std::str::from_utf8(&old.bytes).ok()?),
            None => None,
        };
        // Data and documents: a check may read them or not.
        let language = Language::of(&change.path).filter(|language| language.kind() == LanguageKind::Program)?;
        all.extend(of_file(kind, language, &change.path, old, new));
    }
    Some(all)
}

fn of_file(kind: CheckKind, language: Language, path: &RepoPath, old: Option<&str>, new: &str) -> Vec<Canary> {
    let whole = |text: &str, before: bool, runs: bool| Canary {
        path: path.clone(),
        text: if runs { loaded(language, text) } else { None }.unwrap_or_else(|| format!("{text}\n) {MARK} (\n")),
        before,
        needs_mark: false,
    };
    let base = old.unwrap_or(new);
    let Some(statement) = statement(language).filter(|_| kind == CheckKind::Test) else {
        return vec![whole(base, old.is_some(), kind == CheckKind::Test)];
    };
    let (was, is) = (bodies(language, base), bodies(language, new));
    let changed: Vec<&str> = match old {
        None => Vec::new(),
        Some(old) => is
            .iter()
            .filter(|(name, symbol)| was.get(*name).is_none_or(|known| text_of(old, known) != text_of(new, symbol)))
            .map(|(name, _)| name.as_str())
            .collect(),
    };
    let elsewhere = old.is_none_or(|old| outside(old, &was) != outside(new, &is));
    let (before, after): (Vec<&str>, Vec<&str>) = changed.into_iter().partition(|name| was.contains_key(*name));
    let mut all = Vec::new();
    for (names, symbols, text, before) in [(before, &was, base, true), (after, &is, new, false)] {
        let groups: Vec<&[&str]> = if names.len() > MAX_SINGLE { vec![&names] } else { names.chunks(1).collect() };
        all.extend(groups.into_iter().filter_map(|names| {
            let symbols = names.iter().filter_map(|name| symbols.get(*name));
            let text = with_statement(language, text, symbols, statement)?;
            Some(Canary { path: path.clone(), text, before, needs_mark: needs_mark(language) })
        }));
    }
    if elsewhere || all.is_empty() {
        all.push(whole(base, old.is_some(), true));
    }
    all
}

/// The functions and methods of `text` that have a body, by their qualified names. Of overloads the last one counts.
fn bodies(language: Language, text: &str) -> BTreeMap<String, RawSymbol> {
    let all = deepcoder_syntax::symbols(language, text).into_iter();
    all.filter(|s| matches!(s.kind, "function" | "method") && body(language, text, s).is_some())
        .map(|s| (s.qualified.clone(), s))
        .collect()
}

fn text_of<'t>(text: &'t str, symbol: &RawSymbol) -> &'t str {
    text.get(symbol.range.as_range()).unwrap_or_default()
}

/// What is outside of the functions, with its words only: blank lines and indentation move with the code around them.
fn outside(text: &str, symbols: &BTreeMap<String, RawSymbol>) -> Vec<String> {
    let mut ranges: Vec<_> = symbols.values().map(|symbol| symbol.range.as_range()).collect();
    ranges.sort_by_key(|range| range.start);
    let (mut rest, mut at) = (String::new(), 0);
    for range in ranges.into_iter().chain(std::iter::once(text.len()..text.len())) {
        rest.push_str(text.get(at..range.start).unwrap_or_default());
        rest.push(' ');
        at = at.max(range.end);
    }
    rest.split_whitespace().map(str::to_owned).collect()
}

/// The statement that fails. It must compile wherever a body begins.
fn statement(language: Language) -> Option<&'static str> {
    Some(match language {
        Language::Python => "raise RuntimeError(\"deepcoder-canary-was-reached\")",
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            "if (true) throw new Error(\"deepcoder-canary-was-reached\");"
        }
        Language::Java => "if (true) throw new RuntimeException(\"deepcoder-canary-was-reached\");",
        Language::Rust => "if true { panic!(\"deepcoder-canary-was-reached\"); }",
        Language::Go => "if true { panic(\"deepcoder-canary-was-reached\") };",
        Language::C | Language::Cpp => "__builtin_trap();",
        _ => return None,
    })
}

fn needs_mark(language: Language) -> bool {
    matches!(language, Language::Java | Language::Rust | Language::Go)
}

/// The byte where the body of `symbol` begins: after its brace, or its colon.
fn body(language: Language, text: &str, symbol: &RawSymbol) -> Option<usize> {
    let at = symbol.signature_end as usize;
    let rest = text.get(at..symbol.range.end as usize)?;
    if language == Language::Python {
        return text.get(..at)?.ends_with(':').then_some(at);
    }
    let gap = rest.len() - rest.trim_start().len();
    // An arrow function may have an expression in place of a block.
    rest.get(gap..)?.starts_with('{').then_some(at + gap + 1)
}

/// `text` with the statement at the start of each body; of a Python body nothing stays, since its layout is unknown.
fn with_statement<'s>(
    language: Language,
    text: &str,
    symbols: impl Iterator<Item = &'s RawSymbol>,
    statement: &str,
) -> Option<String> {
    let mut places: Vec<(usize, usize)> = symbols
        .filter_map(|symbol| {
            let start = body(language, text, symbol)?;
            let end = if language == Language::Python { symbol.range.end as usize } else { start };
            Some((start, end))
        })
        .collect();
    places.sort_unstable();
    let mut changed = String::with_capacity(text.len() + 100);
    let mut at = 0;
    for (start, end) in places {
        // A function in one that fails already.
        if start < at {
            continue;
        }
        changed.push_str(text.get(at..start)?);
        changed.push(' ');
        changed.push_str(statement);
        at = end;
    }
    changed.push_str(text.get(at..)?);
    (at > 0).then_some(changed)
}

/// `text` that fails when it is loaded, or compiled where loading runs nothing.
fn loaded(language: Language, text: &str) -> Option<String> {
    let statement = match language {
        Language::Python => statement(language)?,
        Language::JavaScript => statement(language)?,
        _ => return None,
    };
    Some(format!("{text}\n{statement}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::FileImage;

    fn change(path: &str, old: Option<&str>, new: &str) -> FileChange {
        let image = |text: &str| FileImage { bytes: text.as_bytes().to_vec(), mode: None };
        FileChange { path: RepoPath::new(path).expect("a path"), old: old.map(image), new: Some(image(new)) }
    }

    /// Protects the claim that a check reaches a change: the canary stands in the definition that changed and nowhere else, in
    /// the old file where the definition was there, and still parses.
    #[test]
    fn a_canary_stands_in_what_changed() {
        let old = "import os\n\ndef f(x):\n    \"\"\"F.\"\"\"\n    return x\n\ndef g():\n    return 1\n";
        let new = old.replace("return x", "return x + 1") + "\ndef h(): return 2\n";
        let found = canaries(CheckKind::Test, &[change("a.py", Some(old), &new)]).expect("code");
        let [f, h] = found.as_slice() else { panic!("{found:?}") };
        assert!(f.before && !h.before && !f.needs_mark);
        assert_eq!(
            f.text,
            old.replace("\n    \"\"\"F.\"\"\"\n    return x", &format!(" raise RuntimeError(\"{MARK}\")"))
        );
        assert!(h.text.ends_with(&format!("def h(): raise RuntimeError(\"{MARK}\")\n")), "{}", h.text);
        // Code outside of definitions runs when the file is loaded.
        let found = canaries(CheckKind::Test, &[change("a.py", Some(old), &old.replace("os", "re"))]).expect("code");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, format!("{old}\nraise RuntimeError(\"{MARK}\")\n"));
        // Whether data is read is not known.
        assert_eq!(canaries(CheckKind::Test, &[change("a.json", Some("{}"), "{ }")]), None);
    }

    /// Protects compiled languages from a canary that the compiler rejects: it stands first in the body and leaves the rest.
    #[test]
    fn a_canary_compiles() {
        for (path, old, new, wanted) in [
            ("a.rs", "fn f() -> u8 { 1 }\n", "fn f() -> u8 { 2 }\n", "fn f() -> u8 { if true { panic!"),
            (
                "a.js",
                "class A { m() { return 1; } }\n",
                "class A { m() { return 2; } }\n",
                "m() { if (true) throw new Error",
            ),
            (
                "a.c",
                "int f(void)\n{\n  return 1;\n}\n",
                "int f(void)\n{\n  return 2;\n}\n",
                "{ __builtin_trap();\n  return 1;",
            ),
            (
                "A.java",
                "class A { int f() { return 1; } }\n",
                "class A { int f() { return 2; } }\n",
                "int f() { if (true) throw",
            ),
        ] {
            let found = canaries(CheckKind::Test, &[change(path, Some(old), new)]).expect("code");
            let [canary] = found.as_slice() else { panic!("{path}: {found:?}") };
            assert!(canary.text.contains(wanted) && canary.before, "{path}: {}", canary.text);
            let language = Language::of(&canary.path).expect("a language");
            assert_eq!(deepcoder_syntax::errors(language, &canary.text), [], "{path}");
            // A build reaches what it compiles, which a line that does not parse shows.
            let built = canaries(CheckKind::Build, &[change(path, Some(old), new)]).expect("code");
            assert!(built.len() == 1 && built[0].text.contains(") deepcoder-canary"), "{built:?}");
        }
    }
}
