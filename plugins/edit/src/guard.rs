//! Signs that a new text is wrong: small models drop code that the instruction does not mention.

use deepcoder_syntax::{Language, RawSymbol, comment_marks, symbols};
use deepcoder_types::RepoPath;
use std::collections::{BTreeSet, HashMap};

/// Files shorter than this say nothing about how much of them should stay.
const SMALL: usize = 12;

/// Why a person should look at the new text before it is used; `None` where nothing looks wrong. A definition that the
/// instruction names may go; no other word of it excuses a loss.
#[must_use]
pub(crate) fn doubt(path: &RepoPath, old: &str, new: &str, instruction: &str) -> Option<String> {
    let (had, kept) = (definitions(path, old), definitions(path, new));
    let lost: Vec<&String> = had.difference(&kept).filter(|name| !names(instruction, name)).collect();
    if !lost.is_empty() {
        let names: Vec<String> = lost.iter().take(5).map(|n| format!("`{n}`")).collect();
        return Some(format!("{} would be lost", names.join(", ")));
    }
    if Language::program(path).is_some()
        && let Some(name) = lost_import(old, new)
    {
        return Some(format!("the import of `{name}`, which is still used, would be lost"));
    }
    let (before, after) = (filled(old), filled(new));
    if before.len() < SMALL {
        return None;
    }
    if after.len() * 5 < before.len() * 2 {
        return Some(format!("{} of {} lines would be left", after.len(), before.len()));
    }
    let shared = shared(&before, &after);
    if shared * 4 < before.len() {
        return Some(format!("only {shared} of {} lines would stay as they are", before.len()));
    }
    None
}

/// `new` without a usage example that the model put at its end although the instruction asks for none; `None` where
/// there is none. Such code would run whenever the file is imported.
#[must_use]
pub(crate) fn without_example(path: &RepoPath, old: &str, new: &str, instruction: &str) -> Option<String> {
    const MARKERS: [&str; 7] =
        ["example usage", "usage example", "example:", "sample usage", "test the ", "testing the ", "test cases"];
    let wanted = ["example", "usage", "main", "demo", "test", "print", "script"];
    if Language::program(path).is_none() || mentions(instruction, &wanted) {
        return None;
    }
    let is_marker = |line: &str| {
        let text = comment_marks(path).into_iter().find_map(|mark| line.strip_prefix(mark)).map(str::to_lowercase);
        text.is_some_and(|text| MARKERS.iter().any(|marker| text.trim_start().starts_with(marker)))
    };
    let lines: Vec<&str> = new.lines().collect();
    let first = lines.iter().position(|line| is_marker(line))?;
    let known: BTreeSet<&str> = old.lines().map(str::trim).collect();
    let added = |line: &&str| line.trim().is_empty() || !known.contains(line.trim());
    let rest = lines.get(..first)?.join("\n");
    let defines = defined(path, new).iter().any(|symbol| symbol.signature_start as usize >= rest.len());
    (lines[first..].iter().all(added) && !defines && !rest.trim().is_empty()).then(|| rest.trim_end().to_owned() + "\n")
}

/// Words that instructions are made of: when they are names as well, only backticks show that the name is meant.
const COMMON: [&str; 30] = [
    "add",
    "remove",
    "get",
    "set",
    "update",
    "run",
    "test",
    "main",
    "make",
    "create",
    "delete",
    "count",
    "total",
    "print",
    "sort",
    "filter",
    "find",
    "check",
    "call",
    "return",
    "use",
    "format",
    "parse",
    "read",
    "write",
    "change",
    "rename",
    "move",
    "docstring",
    "function",
];

/// Whether the instruction speaks of the definition `name`.
#[must_use]
pub(crate) fn names(instruction: &str, name: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    if COMMON.contains(&name) {
        return instruction.contains(&format!("`{name}")) || instruction.contains(&format!("{name}("));
    }
    instruction.split(|c| !of_name(c)).any(|word| word == name)
}

/// Whether the instruction has one of the words, as a word of its own or the beginning of one.
#[must_use]
pub(crate) fn mentions(instruction: &str, words: &[&str]) -> bool {
    let lower = instruction.to_lowercase();
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    words.iter().any(|word| {
        let word = word.to_lowercase();
        lower.match_indices(&word).any(|(at, _)| !lower[..at].ends_with(of_word))
    })
}

/// A name that `old` imports and `new` uses without importing it.
fn lost_import<'a>(old: &'a str, new: &str) -> Option<&'a str> {
    fn words(line: &str) -> impl Iterator<Item = &str> {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
    }
    let imports = |line: &&str| ["import ", "from ", "use "].iter().any(|keyword| line.starts_with(keyword));
    let imported: BTreeSet<&str> = new.lines().filter(imports).flat_map(words).collect();
    let used: BTreeSet<&str> = new.lines().filter(|line| !imports(line)).flat_map(words).collect();
    let used_before: BTreeSet<&str> = old.lines().filter(|line| !imports(line)).flat_map(words).collect();
    let kept: BTreeSet<&str> = new.lines().map(str::trim_end).collect();
    let lost = old.lines().filter(imports).filter(|line| !kept.contains(line.trim_end()));
    lost.flat_map(words).find(|name| !imported.contains(name) && used.contains(name) && used_before.contains(name))
}

fn filled(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|l| !l.is_empty()).collect()
}

fn shared(before: &[&str], after: &[&str]) -> usize {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    after.iter().for_each(|l| *counts.entry(l).or_default() += 1);
    before
        .iter()
        .filter(|l| match counts.get_mut(**l) {
            Some(n) if *n > 0 => {
                *n -= 1;
                true
            }
            _ => false,
        })
        .count()
}

/// The functions and types that a program defines.
pub(crate) fn definitions(path: &RepoPath, text: &str) -> BTreeSet<String> {
    defined(path, text).into_iter().map(|symbol| symbol.name).collect()
}

fn defined(path: &RepoPath, text: &str) -> Vec<RawSymbol> {
    let mut found = Language::program(path).map(|language| symbols(language, text)).unwrap_or_default();
    found.retain(|s| !matches!(s.kind, "variable" | "constant" | "field" | "macro" | "impl"));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubts(old: &str, new: &str, instruction: &str) -> bool {
        doubt(&RepoPath::new("a.py").expect("path"), old, new, instruction).is_some()
    }

    /// Protects code that the instruction does not ask to remove, and lets through what the instruction asks for.
    #[test]
    fn losses_are_doubted_unless_they_are_asked_for() {
        let old = "import re\n\ndef f(x):\n    return re.sub('a', 'b', x)\n\ndef g():\n    return 1\n";
        assert!(!doubts(old, &old.replace("return 1", "return 2"), "return two"));
        let without_g = old.split("\ndef g").next().expect("text");
        assert!(doubts(old, without_g, "return two"));
        assert!(doubts(old, without_g, "remove what is not used"));
        assert!(doubts(old, without_g, "rewrite f with match"));
        assert!(!doubts(old, without_g, "take `g` away"));
        assert!(!doubts(old, &old.replace("def g", "def h"), "rename g to h"));
        let method = "class C:\n    def add(self):\n        pass\n    def b(self):\n        pass\n";
        let lost = "class C:\n    def total(self):\n        pass\n    def b(self):\n        pass\n";
        assert!(doubts(method, lost, "add a method total to C"));
        assert!(!doubts(method, lost, "let `add` be called total"));
        assert!(doubts(old, &old.replace("import re\n", ""), "return two"));
        assert!(!doubts(old, &old.replace("import re\n", "").replace("re.sub('a', 'b', x)", "x"), "return x"));
        assert!(!doubts(old, &old.replace("import re\n", "import os, re\n"), "use os"));
    }

    /// Protects long files: one that shrinks to a fraction, or keeps hardly a line, needs a look.
    #[test]
    fn a_file_that_hardly_keeps_a_line_is_doubted() {
        let lines = |name: &str| (0..20).map(|i| format!("{name}{i} = {i}\n")).collect::<String>();
        assert!(doubts(&lines("a"), "a0 = 0\n", "set a0"));
        assert!(doubts(&lines("a"), &lines("b"), "set a0"));
        assert!(doubts(&lines("a"), &lines("b"), "rewrite it with b"));
    }

    /// Protects imports of a module from code that would run with them, and files that are about examples.
    #[test]
    fn only_unwanted_examples_are_cut() {
        let path = RepoPath::new("a.py").expect("path");
        let (old, example) = ("x = 1\n", "x = 2\n\n# Example usage:\nprint(x)\n");
        assert_eq!(without_example(&path, old, example, "set two").as_deref(), Some("x = 2\n"));
        assert_eq!(without_example(&path, old, example, "add an example"), None);
        assert_eq!(without_example(&path, example, example, "set two"), None);
        let with_code = "x = 2\n# Example usage\ndef f():\n    pass\n";
        assert_eq!(without_example(&path, old, with_code, "set two"), None);
    }
}
