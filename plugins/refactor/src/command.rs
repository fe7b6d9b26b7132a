//! From words to an operation and what it is about, by rules.

mod convert;
mod imports;
mod signature;

use crate::parameters::ParameterChange;
use crate::request::Imports;
use deepcoder_syntax::Language;
use deepcoder_types::{AskedRenaming, RepoPath};

/// An operation as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its name: `rename`, `list`, …
    pub(crate) operation: &'static str,
    /// What it is about; `None` where the words do not say.
    pub(crate) subject: Option<Subject>,
    /// The name that something gets.
    pub(crate) name: Option<String>,
    /// The file that the words limit it to, or that something moves to.
    pub(crate) file: Option<String>,
    /// Whether it is about every such place.
    pub(crate) all: bool,
    /// What becomes of imports.
    pub(crate) imports: Option<Imports>,
    /// What becomes of parameters.
    pub(crate) changes: Vec<ParameterChange>,
}

/// What an operation is about, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// `FILE:LINE:COL`, or `FILE:LINE:COL-LINE:COL`.
    Place(RepoPath, Spot, Option<Spot>),
    /// `FILE:LINE` or `FILE:LINE-LINE`.
    Lines(RepoPath, usize, usize),
    /// A file as a whole.
    File(RepoPath),
    /// A name, perhaps with the modules and types around it.
    Name(String),
}

/// A line and a column, from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The first words that name an operation, and the operation.
const OPERATIONS: &[(&str, &str)] = &[
    ("rename", "rename"),
    ("list", "list"),
    ("extract-function", "extract-function"),
    ("extract-method", "extract-function"),
    ("extract-variable", "extract-variable"),
    ("extract-constant", "extract-constant"),
    ("extract", "extract-variable"),
    ("inline", "inline"),
    ("inline-variable", "inline"),
    ("inline-function", "inline"),
    ("move", "move"),
    ("convert", "convert"),
];

/// Words that say nothing about which thing is meant.
const FILLER: &[&str] = &[
    "the",
    "a",
    "an",
    "new",
    "function",
    "method",
    "class",
    "struct",
    "union",
    "typedef",
    "macro",
    "namespace",
    "label",
    "member",
    "enum",
    "trait",
    "interface",
    "type",
    "variable",
    "parameter",
    "argument",
    "field",
    "attribute",
    "property",
    "constant",
    "module",
    "symbol",
    "name",
    "named",
    "called",
    "expression",
    "lines",
    "line",
    "imports",
    "it",
];

/// Words behind a request that change nothing.
const WHOLE: &[&str] = &[
    "everywhere",
    "across",
    "throughout",
    "all",
    "over",
    "whole",
    "entire",
    "repository",
    "repo",
    "project",
    "codebase",
    "tree",
    "code",
    "files",
    "please",
    "and",
    "update",
    "its",
    "callers",
    "call",
    "sites",
    "usages",
    "uses",
    "references",
];

/// The operation that `text` asks for; `None` where it asks for something else.
pub(crate) fn parse(text: &str) -> Option<Command> {
    if let Some(command) = quoted(text) {
        return Some(command);
    }
    if let Some(asked) = AskedRenaming::read(text) {
        let subject = Some(Subject::Name(asked.qualified()));
        let (name, file) = (Some(asked.new_name), asked.file);
        return Some(Command {
            operation: "rename",
            subject,
            name,
            file,
            all: false,
            imports: None,
            changes: Vec::new(),
        });
    }
    let all = tokens(text.trim().trim_end_matches(['.', '!']));
    let skip = all.iter().take_while(|word| matches!(word.to_lowercase().as_str(), "please" | "can" | "you")).count();
    if let Some(command) = imports::parse(all.get(skip..)?) {
        return Some(command);
    }
    if let Some(command) = signature::parse(all.get(skip..)?) {
        return Some(command);
    }
    if let Some(command) = convert::parse(all.get(skip..)?) {
        return Some(command);
    }
    let (first, rest) = all.get(skip..)?.split_first()?;
    let lower = first.to_lowercase();
    let (_, operation) = OPERATIONS.iter().find(|(word, _)| *word == lower)?;
    let all_places = rest.iter().any(|word| matches!(word.to_lowercase().as_str(), "all" | "everywhere" | "every"));
    let mut command = Command {
        operation,
        subject: None,
        name: None,
        file: None,
        all: all_places,
        imports: None,
        changes: Vec::new(),
    };
    let (before, after) = split_at_to(rest);
    let (before, file) = of_file(before);
    let (after, other) = of_file(after);
    command.file = file.or(other);
    if lower == "extract" && rest.iter().any(|word| matches!(word.as_str(), "function" | "method")) {
        command.operation = "extract-function";
    }
    // `rename a.py:1:5 name`: a place and whatever the name is.
    let bare = takes_name(operation) && after.is_empty() && before.len() == 2;
    let mut subjects = if bare { before.to_vec() } else { meaning(before) };
    // `the parameter x of f` is `f.x`.
    if let [name, of, owner] = subjects.as_slice()
        && matches!(of.as_str(), "of" | "in" | "from")
    {
        subjects = vec![format!("{owner}.{name}")];
    }
    let mut names = meaning(after);
    if names.is_empty() && takes_name(command.operation) && subjects.len() > 1 {
        names.extend(subjects.pop());
    }
    if subjects.len() > 1 || names.len() > 1 {
        return None;
    }
    let subject = subjects.pop();
    // `move src/a.py to src/b.py`
    let path = |word: &String| RepoPath::new(word.trim_start_matches("./")).ok();
    let file = subject.as_ref().filter(|_| operation == &"move").and_then(path);
    if let Some(file) = file.filter(|file| !file.as_str().contains(':') && Language::program(file).is_some()) {
        command.subject = Some(Subject::File(file));
        command.file = names.pop().or(command.file);
        return Some(command);
    }
    command.subject = match (subject, &command.file) {
        // `extract lines 3-5 of a.py`
        (Some(lines), Some(file)) if lines.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(subject_of(&format!("{file}:{lines}"))?)
        }
        (Some(subject), _) => Some(subject_of(&subject)?),
        (None, _) => None,
    };
    match command.operation {
        "move" => command.file = names.pop().or(command.file),
        _ => command.name = names.pop(),
    }
    Some(command)
}

fn takes_name(operation: &str) -> bool {
    matches!(operation, "rename" | "extract-function" | "extract-variable" | "move" | "convert")
}

/// An operation whose operands are all in backquotes, as programs write them: ``rename `a.py:1:5` `to` ``. No part of an
/// operand is taken for a word.
fn quoted(text: &str) -> Option<Command> {
    let (first, rest) = text.trim().split_once(char::is_whitespace)?;
    let (_, operation) = OPERATIONS.iter().find(|(word, _)| *word == first)?;
    let rest = rest.trim();
    let operands = rest.strip_suffix(" everywhere");
    let mut left = operands.unwrap_or(rest);
    let mut words = Vec::new();
    while !left.is_empty() {
        let (word, tail) = left.strip_prefix('`')?.split_once('`')?;
        words.push(word);
        left = tail.trim_start();
    }
    let (target, name) = match (words.as_slice(), takes_name(operation) && *operation != "move") {
        ([target], _) => (target, None),
        ([target, name], true) => (target, Some((*name).to_owned())),
        _ => return None,
    };
    Some(Command {
        operation,
        subject: Some(subject_of(target)?),
        name,
        file: None,
        all: operands.is_some(),
        imports: None,
        changes: Vec::new(),
    })
}

/// The words of a text; what is in backquotes or quotes is one word.
fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let quote = Some(first).filter(|c| matches!(c, '`' | '"' | '\''));
        let (word, tail) = match quote.and_then(|quote| rest[1..].split_once(quote)) {
            Some((word, tail)) => (word, tail),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        let word = if quote.is_some() { word } else { word.trim_end_matches([',', ';']) };
        out.push(word.to_owned());
        rest = tail.trim_start();
    }
    out
}

/// The words before and behind `to`.
fn split_at_to(words: &[String]) -> (&[String], &[String]) {
    let to = |word: &String| matches!(word.to_lowercase().as_str(), "to" | "into" | "as");
    match words.iter().position(to) {
        Some(at) if at > 0 => (&words[..at], &words[at + 1..]),
        _ => (words, &[]),
    }
}

/// The words without `in FILE`, and the file.
fn of_file(words: &[String]) -> (&[String], Option<String>) {
    let is_file = |word: &String| word.rsplit('/').next().is_some_and(|name| name.contains('.')) && !word.contains(':');
    match words {
        [before @ .., of, file] if matches!(of.as_str(), "in" | "of" | "from") && is_file(file) => {
            (before, Some(file.clone()))
        }
        _ => (words, None),
    }
}

/// The words that mean something.
fn meaning(words: &[String]) -> Vec<String> {
    let only = words.len() == 1;
    let says = |word: &&String| {
        let lower = word.to_lowercase();
        only || !FILLER.contains(&lower.as_str()) && !WHOLE.contains(&lower.as_str())
    };
    let mut said: Vec<String> = words.iter().filter(says).cloned().collect();
    // `in the repository`
    while said.len() > 1 && said.last().is_some_and(|last| matches!(last.as_str(), "in" | "of" | "from")) {
        said.pop();
    }
    said
}

/// `src/a.py:12:5`, `src/a.py:10-20` or a name.
fn subject_of(word: &str) -> Option<Subject> {
    let number = |text: &str| text.parse::<usize>().ok().filter(|n| *n > 0);
    let spot = |text: &str| {
        let (line, column) = text.split_once(':')?;
        Some(Spot { line: number(line)?, column: number(column)? })
    };
    let Some((file, place)) = word.split_once(':').filter(|(_, place)| place.starts_with(|c: char| c.is_ascii_digit()))
    else {
        let named = word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '#' | '$' | '@'));
        return (named && !word.is_empty()).then(|| Subject::Name(word.to_owned()));
    };
    let path = RepoPath::new(file.trim_start_matches("./")).ok()?;
    match place.split_once('-') {
        Some((from, to)) if from.contains(':') => {
            let (from, to) = (spot(from)?, spot(to)?);
            (from <= to).then_some(Subject::Place(path, from, Some(to)))
        }
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            (from <= to).then_some(Subject::Lines(path, from, to))
        }
        None if place.contains(':') => Some(Subject::Place(path, spot(place)?, None)),
        None => number(place).map(|line| Subject::Lines(path, line, line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a path")
    }

    fn name(text: &str) -> Option<Subject> {
        Some(Subject::Name(text.to_owned()))
    }

    /// Protects people from syntax: a renaming is understood as a command, with a place or a qualified name, and as a
    /// sentence.
    #[test]
    fn a_renaming_has_many_forms() {
        for (text, subject, new) in [
            ("rename transfer move_money", name("transfer"), "move_money"),
            ("rename transfer to move_money", name("transfer"), "move_money"),
            ("Please rename the function `transfer` to `move_money` everywhere.", name("transfer"), "move_money"),
            ("rename bank.transfer to move_money across the repository", name("bank.transfer"), "move_money"),
            ("rename crate::bank::Book as Ledger", name("crate::bank::Book"), "Ledger"),
            ("rename a to name", name("a"), "name"),
            ("rename transfer to pay in the repository", name("transfer"), "pay"),
            ("rename the parameter x of f to count", name("f.x"), "count"),
            ("rename total a", name("total"), "a"),
        ] {
            let command = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((command.operation, command.subject), ("rename", subject), "{text}");
            assert_eq!(command.name.as_deref(), Some(new), "{text}");
        }
        let at = parse("rename src/a.py:12:5 NEW").expect("a command");
        assert_eq!(at.subject, Some(Subject::Place(path("src/a.py"), Spot { line: 12, column: 5 }, None)));
        let within = parse("rename x to y in src/a.py").expect("a command");
        assert_eq!((within.subject, within.file.as_deref()), (name("x"), Some("src/a.py")));
    }

    /// Protects programs that ask: what they quote is a target or a name, whatever words it has in it.
    #[test]
    fn quoted_operands_are_no_words() {
        let spot = Spot { line: 1, column: 5 };
        for (text, new) in [("rename `my to/all.py:1:5` `to`", "to"), ("rename `my to/all.py:1:5` `all`", "all")] {
            let command = parse(text).unwrap_or_else(|| panic!("{text}"));
            let subject = Some(Subject::Place(path("my to/all.py"), spot, None));
            assert_eq!((command.subject, command.name.as_deref(), command.all), (subject, Some(new), false), "{text}");
        }
        let extracted = parse("extract-variable `a.py:1:5-1:9` `every` everywhere").expect("a command");
        assert_eq!((extracted.name.as_deref(), extracted.all), (Some("every"), true));
        let unnamed = parse("extract-function `a.py:3`").expect("a command");
        assert_eq!((unnamed.subject, unnamed.name), (Some(Subject::Lines(path("a.py"), 3, 3)), None));
        assert_eq!(parse("inline `function`").expect("a command").subject, name("function"));
        for text in ["rename `a.py:1:5` `b` `c`", "inline `a.py:1:5` `b`", "inline `a b`"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    /// Protects the other operations: their places and names are read, whatever the order of the words.
    #[test]
    fn other_operations_are_read() {
        let lines = Some(Subject::Lines(path("src/a.py"), 10, 20));
        for text in [
            "extract-function src/a.py:10-20 total",
            "extract lines 10-20 of src/a.py into a function named total",
            "extract src/a.py:10-20 into a new function total",
        ] {
            let command = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((command.operation, &command.subject), ("extract-function", &lines), "{text}");
            assert_eq!(command.name.as_deref(), Some("total"), "{text}");
        }
        let range = parse("extract-variable a.py:1:5-1:9 x").expect("a command");
        let (from, to) = (Spot { line: 1, column: 5 }, Spot { line: 1, column: 9 });
        assert_eq!(range.subject, Some(Subject::Place(path("a.py"), from, Some(to))));
        let moved = parse("move bank.transfer to src/money.py").expect("a command");
        assert_eq!((moved.subject, moved.file.as_deref()), (name("bank.transfer"), Some("src/money.py")));
        let file = parse("move src/a.py to src/b/a.py").expect("a command");
        assert_eq!((file.subject, file.file.as_deref()), (Some(Subject::File(path("src/a.py"))), Some("src/b/a.py")));
        let imports = parse("organise the imports of a.py").expect("a command");
        assert_eq!((imports.operation, imports.file.as_deref()), ("organise-imports", Some("a.py")));
        assert_eq!(imports.imports, Some(Imports::All));
        for (text, work) in [
            ("organise-imports a.py", Imports::All),
            ("sort the imports in a.py", Imports::Sort),
            ("remove all unused imports from a.py", Imports::Unused(Vec::new())),
            ("remove the unused import time from a.py", Imports::Unused(vec!["time".into()])),
            ("add the import `from os import path` to a.py", Imports::Add("from os import path".into())),
            ("merge the imports a.py:3:1", Imports::Merge),
        ] {
            let command = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((command.operation, &command.imports), ("organise-imports", &Some(work)), "{text}");
            assert!(command.file.as_deref() == Some("a.py") || command.subject.is_some(), "{text}");
        }
        assert_eq!(parse("inline total everywhere").expect("a command").subject, name("total"));
        assert_eq!(parse("list a.py:3:1").expect("a command").operation, "list");
    }

    /// Protects instructions that say more from being cut down to an operation.
    #[test]
    fn other_words_are_not_for_it() {
        for text in [
            "",
            "add docstrings",
            "rename x to y and z to w",
            "rename x to something better",
            "make transfer faster",
            "rename a.py:9-3 to y",
            "remove the imports of a.py",
            "sort the imports by length",
            "rename f(x) to g(x)",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
