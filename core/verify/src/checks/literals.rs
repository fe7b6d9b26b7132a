//! Values that the instruction writes as code or in quotation marks and that the result does not have.

use super::Context;
use super::data::Format;
use super::prompt::is_word;
use crate::policy::Finding;
use deepcoder_types::RepoPath;

/// Words in front of a literal that is to be used.
const WANTED: &[&str] = &[
    "to",
    "with",
    "return",
    "returns",
    "returning",
    "print",
    "prints",
    "printing",
    "use",
    "uses",
    "using",
    "default",
    "defaults",
    "raise",
    "raises",
    "throw",
    "throws",
    "log",
    "logs",
    "output",
    "outputs",
    "runs",
    "run",
    "exit",
    "exits",
    "emit",
    "emits",
    "write",
    "writes",
    "insert",
    "append",
    "put",
    "say",
    "says",
    "add",
    "adds",
    "set",
    "sets",
    "be",
    "image",
    "port",
    "line",
    "comment",
    "option",
    "flag",
    "message",
    "text",
    "value",
    "prefix",
    "suffix",
    "header",
    "label",
    "status",
    "code",
    "=",
];

/// Words between the two.
const FILLERS: &[&str] = &[
    "the",
    "a",
    "an",
    "string",
    "new",
    "constant",
    "literal",
    "following",
    "optional",
    "command",
    "key",
    "parameter",
    "argument",
    "is",
    "just",
    "exactly",
    "line",
    "comment",
    "option",
    "flag",
    "message",
    "text",
    "value",
    "prefix",
    "suffix",
    "image",
    "port",
    "status",
    "code",
    "error",
    "by",
    "as",
    "header",
    "label",
];

/// Words that make of a literal what is not wanted, or what is only spoken of.
const OTHERWISE: &[&str] = &[
    "not",
    "no",
    "never",
    "don't",
    "dont",
    "doesn't",
    "stop",
    "instead",
    "without",
    "avoid",
    "rather",
    "remove",
    "delete",
    "drop",
    "rename",
    "replace",
    "strip",
    "when",
    "if",
    "unless",
    "where",
    "while",
    "because",
    "since",
    "like",
    "such",
    "e.g.",
    "e.g",
    "example",
    "from",
    "than",
    "currently",
    "previously",
    "for",
    "about",
    "fails",
    "skip",
    "ignore",
    "ignores",
    "allow",
    "support",
    "access",
    "similar",
    "compared",
    "relative",
    "equivalent",
    "according",
    "due",
    "related",
    "refers",
];

/// Verbs that say that something is to be made.
const VERBS: &[&str] = &[
    "add", "set", "use", "return", "raise", "throw", "print", "default", "change", "make", "let", "write", "log",
    "put", "append", "insert", "create", "include", "replace", "rename", "show", "output", "exit", "should", "must",
    "have", "give",
];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let text = context.prompt.text();
    defaults(context, findings);
    let Some(first) = context.files.iter().find(|file| file.new.is_some()) else { return };
    let data = context.files.iter().all(|file| Format::of(file.path).is_some());
    let result: Vec<String> = context.files.iter().filter_map(|file| file.new).map(plain).collect();
    let mut told: Vec<&str> = Vec::new();
    for Literal { before, said, code } in literals(text) {
        if !is_value(context, said)
            || !is_wanted(before)
            || (!code && is_emphasis(before, said))
            || told.contains(&said)
        {
            continue;
        }
        // A key of a data file is told as one.
        let key = said.chars().all(|c| is_word(c) || matches!(c, '.' | '-'));
        if data && key && findings.iter().any(|f| f.message.contains(&format!("`{said}`"))) {
            continue;
        }
        let wanted = plain(if code { without_arguments(said) } else { said });
        if !wanted.is_empty() && !result.iter().any(|text| text.contains(&wanted)) {
            told.push(said);
            findings.push(Finding::review(first.path, format!("`{said}`, which the instruction asks for, is nowhere")));
        }
    }
}

/// `currency="EUR"`: a parameter of that name that has another default wherever it is.
fn defaults(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for Literal { before, said, code } in literals(context.prompt.text()) {
        let Some(head) = before.strip_suffix('=').filter(|_| !code) else { continue };
        let name = head.rsplit(|c| !is_word(c)).next().unwrap_or_default();
        if name.is_empty() || is_otherwise(head) {
            continue;
        }
        let mut other: Option<(&RepoPath, String)> = None;
        let mut found = false;
        for file in context.files.iter().filter(|file| file.sound()) {
            let new = file.new.unwrap_or_default();
            for symbol in file.after().iter().filter(|s| matches!(s.kind, "function" | "method")) {
                let range = symbol.signature_start as usize..symbol.signature_end as usize;
                let Some(default) = default_of(new.get(range).unwrap_or_default(), name) else { continue };
                if plain(default).trim_matches('"') == plain(said) {
                    found = true;
                } else {
                    other.get_or_insert_with(|| (file.path, default.trim().to_owned()));
                }
            }
        }
        if let Some((path, default)) = other.filter(|_| !found) {
            let message = format!("`{name}` is to be \"{said}\" where it is not given, and it is `{default}`");
            findings.push(Finding::review(path, message));
        }
    }
}

/// The default of a parameter in a signature.
fn default_of<'t>(signature: &'t str, name: &str) -> Option<&'t str> {
    let after = signature.match_indices(name).find_map(|(at, _)| {
        let whole = !signature[..at].ends_with(is_word);
        Some(&signature[at + name.len()..]).filter(|rest| whole && !rest.starts_with(is_word))
    })?;
    let (before, value) = after.split_once('=')?;
    let typed = before.trim().is_empty() || before.trim().starts_with([':', '?']);
    (typed && !before.contains([',', ')'])).then(|| value.split([',', ')']).next()).flatten()
}

/// A piece of the instruction in quotation marks.
struct Literal<'t> {
    before: &'t str,
    said: &'t str,
    /// In backticks.
    code: bool,
}

fn literals(text: &str) -> Vec<Literal<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find(['`', '"']).map(|open| at + open) {
        let mark = if text[open..].starts_with('`') { '`' } else { '"' };
        let inner = open + 1;
        let Some(close) = text[inner..].find(mark).map(|close| inner + close) else { break };
        found.push(Literal { before: &text[..open], said: &text[inner..close], code: mark == '`' });
        at = close + 1;
    }
    found
}

/// Whether a literal is a value, not a file, a path or a piece of prose.
fn is_value(context: &Context<'_>, said: &str) -> bool {
    let is_file = |said: &str| {
        RepoPath::new(said)
            .is_ok_and(|path| path.extension().is_some_and(|e| e.len() <= 4 && e.chars().all(char::is_lowercase)))
            || context.tree.files().iter().any(|path| path.as_str() == said || path.file_name() == said)
    };
    !said.trim().is_empty()
        && said.len() <= 80
        && !said.contains(['\n', '…'])
        && !said.contains("...")
        && !said.contains(['<', '{', '*'])
        && (said.contains(' ') || !is_file(said))
}

/// `the "best" result`.
fn is_emphasis(before: &str, said: &str) -> bool {
    let article = before.split_whitespace().next_back().is_some_and(|word| matches!(word, "the" | "a" | "an"));
    article && said.chars().all(char::is_lowercase)
}

/// Whether what stands in front says that the literal is to be used.
fn is_wanted(before: &str) -> bool {
    let attached = before.ends_with('=') && before.chars().rev().nth(1).is_some_and(is_word);
    let clause = before.rsplit(['.', ';', ':', '(', '\n']).next().unwrap_or_default();
    let clause = if clause.trim().is_empty() { before.trim_end().trim_end_matches([':', '(']) } else { clause };
    let words: Vec<String> =
        clause.split_whitespace().map(|w| w.trim_matches([',', '(', '`', '"']).to_lowercase()).collect();
    let verb = before.split(|c: char| !c.is_alphabetic()).any(|w| VERBS.contains(&w.to_lowercase().as_str()));
    if !verb || is_otherwise(before) {
        return false;
    }
    let last = words.iter().rev().find(|word| !FILLERS.contains(&word.as_str())).map_or("", String::as_str);
    let filler = words.last().is_some_and(|word| WANTED.contains(&word.as_str()));
    attached || WANTED.contains(&last) || filler
}

/// Whether the words in front of a place, back to the beginning of its clause, turn its meaning round.
pub(crate) fn is_otherwise(before: &str) -> bool {
    let clause = before.rsplit([',', '.', ';', '(']).next().unwrap_or_default();
    let words: Vec<String> =
        clause.split_whitespace().map(|word| word.trim_matches(['`', '"']).to_lowercase()).collect();
    // `replace a with b`: b is wanted.
    let from = words.iter().rposition(|word| matches!(word.as_str(), "with" | "to" | "by" | "into" | "and" | "then"));
    let turned = |word: &String| OTHERWISE.contains(&word.as_str());
    let last = words.last().is_some_and(|word| matches!(word.as_str(), "with" | "to" | "by" | "into"));
    let replaces = words.iter().any(|word| matches!(word.as_str(), "replace" | "rename" | "change" | "from"));
    if last && replaces && !words.iter().any(|word| matches!(word.as_str(), "when" | "if" | "not" | "instead")) {
        return false;
    }
    match from {
        Some(and) if words[and] == "and" || words[and] == "then" => words[and..].iter().any(turned),
        _ => words.iter().any(turned),
    }
}

/// `clamp(value, min)` without what it is called with, which may get types.
fn without_arguments(said: &str) -> &str {
    let said = said.trim_start_matches('@');
    match said.split_once('(') {
        Some((name, rest))
            if rest.ends_with(')') && !name.is_empty() && name.chars().all(|c| is_word(c) || c == '.') =>
        {
            name.rsplit('.').next().unwrap_or(name)
        }
        _ if said.chars().all(|c| is_word(c) || c == '.') && !said.starts_with(|c: char| c.is_ascii_digit()) => {
            said.rsplit('.').find(|part| !part.is_empty()).unwrap_or(said)
        }
        _ => said,
    }
}

/// A text without what layout and quotation marks do to it.
fn plain(text: &str) -> String {
    let quote = |c: char| if matches!(c, '\'' | '`') { '"' } else { c };
    text.chars().filter(|c| !c.is_whitespace() && *c != '\\').map(quote).collect()
}
