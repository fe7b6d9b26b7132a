//! Whether the edit does what the instruction plainly asks: the definition that it names, all of a kind, a renaming.

use super::prompt::{is_identifier, is_word};
use super::{Context, File, docs, line_of, list};
use crate::policy::Finding;
use deepcoder_syntax::{Kept, Language, RawSymbol, TokenKind, imports, symbols, tokens};
use deepcoder_types::{Constraint, RepoPath};
use std::collections::BTreeSet;

/// The end of the finding about a definition that the instruction is about and that stays as it is.
pub(crate) const STILL: &str = "the edit leaves it as it is and changes something else";

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let words = Words::of(context.prompt.text());
    match renaming(context, &words) {
        Some((name, new_name)) => renamed(context, &name, &new_name, findings),
        None => unchanged(context, &words, findings),
    }
    if let Some(all) = All::of(&words) {
        covered(context, &all, findings);
    }
    exported(context, &words, findings);
}

/// A new script is made for those who import from it: one that is asked to export something does.
fn exported(context: &Context<'_>, words: &Words<'_>, findings: &mut Vec<Finding>) {
    if !(0..words.0.len()).any(|at| words.is(at, &["export", "exports", "exporting", "exported"])) {
        return;
    }
    for file in context.files.iter().filter(|file| file.old.is_none() && file.sound()) {
        let script = file.language.is_some_and(Language::is_script);
        let Some(new) = file.new.filter(|_| script) else { continue };
        if !new.contains("export") {
            findings.push(Finding::review(file.path, "the instruction speaks of what is exported, and nothing is"));
        } else if new.contains("module.exports") && is_in_es_package(context, file.path) {
            let message = "`module.exports` exports nothing here: package.json says that the files are ES modules";
            findings.push(Finding::review(file.path, message));
        }
    }
}

/// Whether the next package.json above the file has `"type": "module"`.
fn is_in_es_package(context: &Context<'_>, path: &RepoPath) -> bool {
    if path.extension() != Some("js") {
        return false;
    }
    let mut folder = super::tree::folder_of(path);
    loop {
        let at = if folder.is_empty() { "package.json".to_owned() } else { format!("{folder}/package.json") };
        if let Some(text) = RepoPath::new(&at).ok().and_then(|path| context.tree.text(&path)) {
            let package: Option<serde_json::Value> = serde_json::from_str(&text).ok();
            return package.is_some_and(|package| package.get("type").is_some_and(|kind| kind == "module"));
        }
        match folder.rsplit_once('/') {
            Some((above, _)) => folder = above,
            None if folder.is_empty() => return false,
            None => folder = "",
        }
    }
}

/// The words of an instruction, each with whether it is written as code.
struct Words<'a>(Vec<(&'a str, bool)>);

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let split = |word: &'a str| {
            let bare = word.trim_matches(|c: char| !is_word(c));
            let call = word.contains(&format!("{bare}()"));
            (bare, call || word.contains('`') || is_identifier(bare))
        };
        Self(text.split_whitespace().map(split).filter(|(word, _)| !word.is_empty()).collect())
    }

    fn at(&self, index: usize) -> &'a str {
        self.0.get(index).map_or("", |(word, _)| word)
    }

    fn is(&self, index: usize, list: &[&str]) -> bool {
        let word = self.at(index).to_lowercase();
        list.contains(&word.as_str())
    }
}

/// Words between a verb and the definition that it is about.
const BETWEEN: &[&str] = &[
    "the",
    "a",
    "an",
    "function",
    "method",
    "class",
    "struct",
    "type",
    "constant",
    "variable",
    "module",
    "helper",
    "property",
    "enum",
    "trait",
    "interface",
    "existing",
    "python",
    "called",
    "named",
    "field",
    "attribute",
];

/// Verbs whose object changes.
const CHANGES: &[&str] = &[
    "rewrite",
    "refactor",
    "fix",
    "simplify",
    "optimize",
    "optimise",
    "document",
    "change",
    "update",
    "improve",
    "modify",
    "convert",
    "extend",
    "rework",
    "split",
    "inline",
    "remove",
    "delete",
    "drop",
    "vectorize",
    "parallelize",
    "annotate",
    "generalize",
    "harden",
    "debug",
    "correct",
    "implement",
    "finish",
    "complete",
    "clean",
    "memoize",
    "rename",
    "replace",
];

/// The definition that the instruction is about, where that is plain: the object of its first verb, or what something is
/// added to.
fn object<'a>(words: &Words<'a>) -> Option<&'a str> {
    let after = |from: usize| {
        let mut at = from;
        while words.is(at, BETWEEN) {
            at += 1;
        }
        // Right behind the verb a plain word may be a name too; that a definition has it is asked later.
        words.0.get(at).filter(|(_, code)| *code || at == from).map(|(word, _)| *word)
    };
    if words.is(0, CHANGES) {
        return after(1);
    }
    if words.is(0, &["add", "give"]) {
        let refers = ["call", "calls", "reference", "link", "alias", "test", "tests", "access", "wrapper"];
        let to = (1..words.0.len()).find(|&at| words.is(at, &["to"]))?;
        return (!(1..to).any(|at| words.is(at, &refers))).then(|| after(to + 1)).flatten();
    }
    None
}

/// The definition that the instruction is about stays as it is, and something else changes.
fn unchanged(context: &Context<'_>, words: &Words<'_>, findings: &mut Vec<Finding>) {
    let Some(object) = object(words) else { return };
    let is = |symbol: &RawSymbol| symbol.qualified == object || symbol.name == object;
    let mut still: Option<&File<'_>> = None;
    for file in &context.files {
        let (Some(old), Some(new)) = (file.old, file.new) else { continue };
        let of = |text: &'_ str, symbols: &[RawSymbol]| -> Vec<String> {
            let parts = symbols.iter().filter(|s| is(s)).filter_map(|s| text.get(s.range.as_range()));
            parts.map(str::to_owned).collect()
        };
        let before = of(old, file.before());
        if before.is_empty() {
            continue;
        }
        if !file.sound() || old == new || before != of(new, file.after()) {
            return;
        }
        still = Some(file);
    }
    if let Some(file) = still {
        let message = format!("the instruction is about `{object}`, and {STILL}");
        findings.push(Finding::review(file.path, message));
    }
}

/// `rename A to B`, as the plugin understood it or as it is written.
fn renaming(context: &Context<'_>, words: &Words<'_>) -> Option<(String, String)> {
    if let Some(Constraint::Rename(renaming)) = context.constraint {
        return Some((renaming.name.clone(), renaming.new_name.clone()));
    }
    if !words.is(0, &["rename"]) {
        return None;
    }
    let mut at = 1;
    while words.is(at, BETWEEN) {
        at += 1;
    }
    let to = (at + 1..words.0.len().min(at + 4)).find(|&i| words.is(i, &["to", "into", "as"]))?;
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    Some((last(words.at(at)), last(words.at(to + 1)))).filter(|(a, b)| !a.is_empty() && !b.is_empty() && a != b)
}

/// The old name after a renaming.
fn renamed(context: &Context<'_>, name: &str, new_name: &str, findings: &mut Vec<Finding>) {
    let global = |symbol: &&RawSymbol| symbol.name == name && !matches!(symbol.kind, "variable" | "field" | "impl");
    let homes: Vec<&File<'_>> =
        context.files.iter().filter(|f| f.sound() && f.before().iter().any(|s| global(&s))).collect();
    // The name of a variable or of something in a file that is not edited is another question.
    let Some(home) = homes.first() else { return };
    if homes.len() > 1 || home.before().iter().filter(global).count() > 1 {
        return;
    }
    if home.after().iter().any(|symbol| global(&symbol)) {
        if !home.after().iter().any(|symbol| symbol.name == new_name) {
            let message = format!("`{name}` was to become `{new_name}`, and it is still defined under its old name");
            findings.push(Finding::review(home.path, message));
        }
        return;
    }
    // Kept for those who still use it.
    if home.after().iter().any(|symbol| symbol.name == name) || !home.after().iter().any(|s| s.name == new_name) {
        return;
    }
    let elsewhere = |path: &&RepoPath| {
        Language::program(path) == home.language && !context.tree.in_set(path)
            || home.language.is_some_and(Language::is_script)
                && Language::program(path).is_some_and(Language::is_script)
                && !context.tree.in_set(path)
    };
    for file in context.files.iter().filter(|file| file.sound()) {
        let Some((language, new)) = file.language.zip(file.new) else { continue };
        if let Some(line) = uses(language, new, name) {
            let message = format!("line {line} still says `{name}`, which is `{new_name}` now");
            findings.push(Finding::review(file.path, message));
        }
    }
    let others: Vec<&str> = context
        .tree
        .files()
        .iter()
        .filter(elsewhere)
        .filter(|path| {
            let text = context.tree.text(path);
            text.is_some_and(|text| {
                Language::program(path).is_some_and(|language| uses(language, &text, name).is_some())
            })
        })
        .map(RepoPath::as_str)
        .collect();
    if !others.is_empty() {
        let verb = if others.len() == 1 { "uses" } else { "use" };
        let message = format!("`{name}` is `{new_name}` now, and {} still {verb} the old name", list(&others));
        findings.push(Finding::review(home.path, message));
    }
}

/// The first line that takes `name` from elsewhere: as a member or by an import, and anywhere in languages whose files share
/// their names.
fn uses(language: Language, text: &str, name: &str) -> Option<u32> {
    if !text.contains(name) || symbols(language, text).iter().any(|symbol| symbol.name == name) {
        return None;
    }
    let shares = language.shares_names();
    let imported = imports(language, text).iter().any(|import| import.names.iter().any(|n| n == name));
    let tokens = tokens(language, text, Kept::All)?.code;
    let said = |at: usize| tokens.get(at).and_then(|t| text.get(t.range.as_range())).unwrap_or_default();
    let is_use = |at: &usize| {
        let in_string = *at > 0 && tokens[*at - 1].kind == TokenKind::Quote;
        let member = *at > 0 && matches!(said(*at - 1), "." | "::" | "->" | "?.");
        // `name=` and `name:` are another's parameters and keys.
        let key = matches!(said(*at + 1), "=" | ":") && !member;
        said(*at) == name
            && tokens[*at].kind == TokenKind::Code
            && !in_string
            && (member || (!key && (imported || shares)))
    };
    (0..tokens.len()).find(is_use).map(|at| tokens[at].line)
}

/// An instruction about all definitions of a kind.
struct All {
    /// The kinds of definitions.
    kinds: &'static [&'static str],
    /// Private ones do not count.
    public: bool,
    docs: bool,
    hints: bool,
}

impl All {
    fn of(words: &Words<'_>) -> Option<Self> {
        let at = (0..words.0.len()).find(|&at| words.is(at, &["every", "all", "each"]))?;
        let skipped = ["the", "of", "public", "top-level", "existing", "python"];
        let mut kind = at + 1;
        while words.is(kind, &skipped) {
            kind += 1;
        }
        let kinds: &[&str] = if words.is(kind, &["function", "functions"]) {
            &["function", "method"]
        } else if words.is(kind, &["method", "methods"]) {
            &["method"]
        } else if words.is(kind, &["class", "classes"]) {
            &["class"]
        } else {
            return None;
        };
        let has = |list: &[&str]| (0..words.0.len()).any(|at| words.is(at, list));
        // Some of them only, or all but some.
        let narrowed =
            ["that", "which", "whose", "where", "except", "but", "if", "when", "unless", "without", "starting", "with"];
        if (kind..words.0.len()).any(|at| words.is(at, &narrowed)) || has(&["remove", "delete", "strip"]) {
            return None;
        }
        let docs = has(&["docstring", "docstrings", "document", "documentation"]);
        let hints = has(&["hints", "hint", "annotations", "annotate"]) && !docs;
        (docs || hints).then(|| Self { kinds, public: has(&["public"]), docs, hints })
    }
}

/// Definitions that an instruction about all of them left out.
fn covered(context: &Context<'_>, all: &All, findings: &mut Vec<Finding>) {
    for file in context.files.iter().filter(|file| file.sound() && file.old.is_some()) {
        let (Some(language), Some(new)) = (file.language, file.new) else { continue };
        let left: BTreeSet<(usize, &str)> = file
            .after()
            .iter()
            .filter(|symbol| all.kinds.contains(&symbol.kind) && is_outside(file.after(), symbol))
            .filter(|symbol| !(symbol.name.starts_with("__") || all.public && symbol.name.starts_with('_')))
            .filter(|symbol| {
                (all.docs && !docs::is_documented(language, new, symbol))
                    || (all.hints && language == Language::Python && !is_annotated(new, symbol))
            })
            .map(|symbol| (line_of(new, symbol.signature_start), symbol.qualified.as_str()))
            .collect();
        if left.is_empty() {
            continue;
        }
        let names: Vec<&str> = left.iter().map(|(_, name)| *name).collect();
        let what = if all.docs { "a docstring" } else { "type hints" };
        let verb = if names.len() == 1 { "has" } else { "have" };
        findings.push(Finding::review(
            file.path,
            format!(
                "the instruction is about all of them, and {} {verb} no {}",
                list(&names),
                what.trim_start_matches("a ")
            ),
        ));
    }
}

/// Whether a definition is not inside a function.
fn is_outside(all: &[RawSymbol], symbol: &RawSymbol) -> bool {
    !all.iter().any(|outer| {
        matches!(outer.kind, "function" | "method")
            && outer.range != symbol.range
            && outer.range.start <= symbol.range.start
            && symbol.range.end <= outer.range.end
    })
}

/// Whether a function of Python has any annotation, or nothing that could have one.
fn is_annotated(text: &str, symbol: &RawSymbol) -> bool {
    let signature = text.get(symbol.signature_start as usize..symbol.signature_end as usize).unwrap_or_default();
    let Some(open) = signature.find("def ").and_then(|def| signature[def..].find('(').map(|at| def + at)) else {
        return true;
    };
    let rest = signature[open..].trim_end().trim_end_matches(':');
    rest.contains("->") || rest.contains(':')
}
