//! Every command that a message, a help text or a document names exists, and takes the flags that are written behind it.

use clap::{Arg, Command};
use deepcoder_cli::command;
use std::path::{Path, PathBuf};

/// The commands whose users see the messages of a source, for messages that name a flag without its command.
const SEEN_BY: [(&str, &[&str]); 22] = [
    ("core/app/src/error.rs", &["edit", "jobs review", "tasks review"]),
    ("core/app/src/learn.rs", &["codemod learn"]),
    ("core/apply/src/error/request.rs", &["edit", "restore"]),
    ("core/cli/src/verbs/bench/", &["bench"]),
    ("core/cli/src/verbs/demo.rs", &["demo"]),
    ("core/cli/src/verbs/edit", &["edit"]),
    ("core/cli/src/verbs/eval", &["eval edits", "eval humaneval"]),
    ("core/cli/src/verbs/generate.rs", &["generate"]),
    ("core/cli/src/verbs/history.rs", &["restore"]),
    ("core/cli/src/verbs/hook.rs", &["hook install", "hook uninstall"]),
    ("core/cli/src/verbs/install.rs", &["pull", "import"]),
    ("core/cli/src/verbs/jobs/add.rs", &["jobs add"]),
    ("core/cli/src/verbs/jobs/review.rs", &["jobs review"]),
    ("core/cli/src/verbs/run.rs", &["edit"]),
    ("core/cli/src/verbs/service", &["service install"]),
    ("core/cli/src/verbs/task", &["edit", "tasks review"]),
    ("core/cli/src/verbs/watch.rs", &["watch"]),
    ("core/codemod/src/", &["refactor"]),
    ("core/eval/src/error.rs", &["eval edits"]),
    ("core/hook/src/install.rs", &["hook install"]),
    ("core/profile/src/install.rs", &["import"]),
    ("plugins/refactor/src/", &["refactor"]),
];

/// Other programs, whose flags these tests do not know.
const OTHERS: [&str; 9] = ["git", "diff", "systemctl", "cargo", "curl", "make", "llama-bench", "python", "launchctl"];

/// Sources whose texts with flags are no messages: forms of secrets, a file for pip, and a table of flags.
const NO_MESSAGES: [&str; 4] = [
    "core/workspace/src/secrets/",
    "core/hub/src/pull/packages.rs",
    "python/src/error.rs",
    // Arguments of language servers.
    "core/lsp-client/src/find.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two directories up").to_owned()
}

/// The files below `directory` with this ending, but for tests.
fn files(directory: &str, ending: &str) -> Vec<(String, String)> {
    let (root, mut found, mut directories) = (root(), Vec::new(), vec![root().join(directory)]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory").filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let skipped = ["tests", "tests.rs", "examples", "cases", "snapshots"].contains(&name.as_str());
            if path.is_dir() && !skipped {
                directories.push(path);
            } else if name.ends_with(ending) && !skipped {
                let short = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                found.push((short, std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found
}

/// A text of a source or a document.
struct Text {
    /// The file and the line.
    place: String,
    words: String,
    /// Whether a user reads it as a message, so that a flag in it must be one that they can give.
    message: bool,
}

/// The string literals and the doc comments of Rust code, without its unit tests.
fn texts(path: &str, source: &str) -> Vec<Text> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let (mut found, mut rest) = (Vec::new(), source);
    let mut keep = |from: &str, words: String, message: bool| {
        let line = source[..source.len() - from.len()].matches('\n').count() + 1;
        found.push(Text { place: format!("{path}:{line}"), words, message });
    };
    while let Some(at) = rest.find(['"', '/', '\'']) {
        rest = &rest[at..];
        if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            if rest.starts_with("///") {
                keep(rest, rest[3..end].to_owned(), false);
            }
            rest = &rest[end..];
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\") {
            // A quote as a character.
            rest = rest[1..]
                .split_once('\'')
                .map_or("", |(escaped, after)| if escaped.is_empty() { &after[1..] } else { after });
        } else if rest.starts_with('"') {
            let raw = source[..source.len() - rest.len()].ends_with(['#', 'r']);
            let mut end = 1;
            while end < rest.len() && !rest[end..].starts_with('"') {
                end += if rest[end..].starts_with('\\') && !raw {
                    2
                } else {
                    rest[end..].chars().next().map_or(1, char::len_utf8)
                };
            }
            let inner = &rest[1..end.min(rest.len())];
            let lines: Vec<&str> =
                inner.split("\\\n").enumerate().map(|(n, l)| if n == 0 { l } else { l.trim_start() }).collect();
            keep(rest, lines.concat().replace("\\\"", "\"").replace("\\n", "\n"), true);
            rest = rest.get(end + 1..).unwrap_or_default();
        } else {
            rest = &rest[1..];
        }
    }
    found
}

/// The words of a command line up to the end of it: a quoted word is one, and comments and other commands do not belong to it.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match (quote, letter) {
            (None, '\n' | ';' | '|' | '>' | '#' | ')' | '`') => break,
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(letter),
        }
        // Prose goes on behind a comma; a command does not.
        if quote.is_none() && word.ends_with([',', ':']) && word.len() > 1 && !word.starts_with('-') {
            break;
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

fn find_flag<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    let name = flag.split('=').next().unwrap_or_default().trim_end_matches([',', '.', ':']);
    command.get_arguments().find(|arg| match name.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => name.chars().nth(1).is_some_and(|short| arg.get_short() == Some(short)),
    })
}

fn has_flag(command: &Command, flag: &str) -> bool {
    find_flag(command, flag).is_some()
}

/// The command that a line behind `deepcoder` names, or what is wrong with it. Prose that begins with the program's name has
/// no verb behind it and names the program itself.
fn read<'a>(root: &'a Command, line: &str, quoted: bool) -> Result<&'a Command, String> {
    let mut command = root;
    let (mut verbs, mut is_value) = (true, false);
    for word in words(line) {
        if word == "--" {
            break;
        }
        if std::mem::take(&mut is_value) {
            continue;
        }
        if let Some(inner) = command.find_subcommand(&word).filter(|_| verbs) {
            command = inner;
        } else if word.starts_with('-') && word.len() > 1 && !word[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let is_flag = word[1..].trim_start_matches('-').starts_with(|c: char| c.is_ascii_alphabetic());
            let flag = find_flag(command, &word);
            if is_flag && flag.is_none() {
                return Err(format!("`{}` has no {word}", command.get_name()));
            }
            is_value = !word.contains('=') && flag.is_some_and(|flag| flag.get_action().takes_values());
        } else if command.get_name() == "deepcoder" && word.starts_with(|c: char| c.is_ascii_lowercase()) && quoted {
            return Err(format!("there is no `deepcoder {word}`"));
        } else {
            verbs = command.get_name() == "deepcoder";
        }
    }
    let incomplete = quoted && command.is_subcommand_required_set() && command.get_name() != "deepcoder";
    if incomplete { Err(format!("`deepcoder {}` lacks a command", command.get_name())) } else { Ok(command) }
}

fn flags(text: &str) -> impl Iterator<Item = &str> {
    let flag =
        |word: &&str| word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    text.split([' ', '`', '(', ')', '\n', '"']).filter(flag).map(|word| word.trim_end_matches([',', '.', ':', ';']))
}

fn of<'a>(root: &'a Command, name: &str) -> &'a Command {
    name.split(' ').fold(root, |command, word| command.find_subcommand(word).expect("a command of `SEEN_BY`"))
}

fn check(root: &Command, text: &Text) -> Vec<String> {
    let (mut found, mut named) = (Vec::new(), Vec::new());
    // A script calls the program by a variable.
    let source = text.words.replace("\"$deepcoder\" ", "deepcoder ");
    let mut prose = source.clone();
    for (at, name) in source.match_indices("deepcoder ") {
        let before = &source[..at];
        if before.ends_with(|c: char| c.is_alphanumeric() || "-_./".contains(c)) && !before.ends_with(".venv/bin/") {
            continue;
        }
        let line = &source[at + name.len()..];
        // In a code span, in an indented block or behind a prompt it is a command; elsewhere it may be the beginning of a sentence.
        let span = before.ends_with('`') && line.split('\n').next().is_some_and(|line| line.contains('`'));
        let line = if span { line.split('`').next().unwrap_or_default() } else { line };
        let block = before.ends_with("$ ") || (!text.message && before.len() >= 4 && before.trim().is_empty());
        match read(root, line, span && text.message || block) {
            Ok(command) => named.push(command),
            Err(error) => found.push(error),
        }
        for word in words(line) {
            prose = prose.replacen(&word, "", usize::from(word.starts_with("--")));
        }
    }
    let path = text.place.split(':').next().unwrap_or_default();
    let message = text.message && !NO_MESSAGES.iter().any(|prefix| path.starts_with(prefix));
    let seen = SEEN_BY.iter().find(|(prefix, _)| path.starts_with(prefix)).map_or(&[][..], |(_, commands)| commands);
    if message && prose.contains(' ') && !OTHERS.iter().any(|other| prose.contains(&format!("{other} "))) {
        for flag in flags(&prose) {
            let mut commands = named.iter().copied().chain(seen.iter().map(|name| of(root, name)));
            let known = has_flag(root, flag) || commands.any(|command| has_flag(command, flag));
            if !known {
                found.push(format!("{flag} is no flag of {seen:?}; write `deepcoder COMMAND {flag}`"));
            }
        }
    }
    found.into_iter().map(|wrong| format!("{}: {wrong}: {}", text.place, text.words.trim())).collect()
}

fn built() -> Command {
    let mut command = command();
    command.build();
    command
}

/// Protects users who do what a message says: a command that a hint, a note or a help text names exists and has the flag.
#[test]
fn hints_name_commands_that_exist() {
    let root = built();
    let mut wrong = Vec::new();
    let mut commands = 0;
    for (path, source) in ["core", "plugins", "python/src"].iter().flat_map(|directory| files(directory, ".rs")) {
        for text in texts(&path, &source) {
            commands += usize::from(text.message && text.words.contains("`deepcoder "));
            wrong.extend(check(&root, &text));
        }
    }
    assert!(commands > 60, "the sources hold {commands} messages with a command: are they not where this test looks?");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Protects readers of the documents: each command line in them can be typed.
#[test]
fn documents_name_commands_that_exist() {
    let root = built();
    let mut wrong = Vec::new();
    let documents = ["docs", "plugins", "python"].iter().flat_map(|directory| files(directory, ".md"));
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md"];
    let top =
        top.iter().map(|path| ((*path).to_owned(), std::fs::read_to_string(self::root().join(path)).expect("text")));
    for (path, document) in documents.chain(top).filter(|(path, _)| path != "docs/reference/commands.md") {
        for (number, line) in document.lines().enumerate() {
            let text = Text { place: format!("{path}:{}", number + 1), words: line.to_owned(), message: false };
            wrong.extend(check(&root, &text));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Protects the two tests above: they see what is wrong, and let prose pass.
#[test]
fn wrong_commands_are_seen() {
    let root = built();
    let said = |path: &str, words: &str| {
        check(&root, &Text { place: format!("{path}:1"), words: words.to_owned(), message: true }).len()
    };
    assert_eq!(said("core/x", "`deepcoder edit --top-k 9` makes it longer"), 1);
    assert_eq!(said("core/x", "`deepcoder pul` fetches it"), 1);
    assert_eq!(said("core/x", "`deepcoder jobs` decides"), 1);
    assert_eq!(said("core/x", "--max-tokens raises it"), 1);
    assert_eq!(said("core/x", "`deepcoder generate` takes --max-tokens"), 0);
    assert_eq!(said("core/cli/src/verbs/generate.rs", "--max-tokens raises it"), 0);
    assert_eq!(
        said("core/x", "try another --seed; `deepcoder jobs review {0} --accept all` or `deepcoder undo ID`"),
        0
    );
    let document = Text { place: "a.md:1".into(), words: "    deepcoder jobs ad x".into(), message: false };
    assert_eq!(check(&root, &document).len(), 1);
    assert_eq!(said("core/x", "deepcoder never reads git's own files; `git add --force` does"), 0);
    let literals =
        texts("a.rs", "let q = '\"'; f(\"one \\\n   --two\"); // \"no\"\n/// doc\nlet s: &'a str = r\"x\\\";");
    let words: Vec<&str> = literals.iter().map(|text| text.words.as_str()).collect();
    assert_eq!(words, ["one --two", " doc", "x\\"]);
}
