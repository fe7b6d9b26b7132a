//! Instructions that are about one thing only: comments, type annotations, a name, the layout. An instruction that is
//! not certainly one of these is none: a constraint that is wrong refuses good edits.

mod sentence;

pub(crate) use sentence::{Noun, Sentence, sentence};

use deepcoder_types::{AskedRenaming, Constraint, Renaming};

const VERBS: [&str; 24] = [
    "add",
    "write",
    "insert",
    "put",
    "include",
    "improve",
    "update",
    "translate",
    "fix",
    "correct",
    "complete",
    "remove",
    "delete",
    "drop",
    "shorten",
    "generate",
    "create",
    "rewrite",
    "provide",
    "give",
    "make",
    "clarify",
    "expand",
    "extend",
];
/// Words between the verb and what it is about, which make it no other thing.
const FILLERS: [&str; 49] = [
    "a",
    "an",
    "the",
    "all",
    "every",
    "each",
    "any",
    "some",
    "more",
    "missing",
    "existing",
    "short",
    "brief",
    "clear",
    "better",
    "good",
    "proper",
    "helpful",
    "detailed",
    "descriptive",
    "concise",
    "useful",
    "appropriate",
    "english",
    "german",
    "google",
    "google-style",
    "numpy",
    "numpy-style",
    "sphinx",
    "sphinx-style",
    "style",
    "one-line",
    "one-liner",
    "inline",
    "python",
    "module",
    "class",
    "function",
    "method",
    "doc",
    "line",
    "block",
    "explanatory",
    "its",
    "their",
    "suitable",
    "complete",
    "code",
];
/// Words that may follow: where, and what it says.
const PREPOSITIONS: [&str; 20] = [
    "to",
    "for",
    "in",
    "on",
    "at",
    "of",
    "above",
    "before",
    "below",
    "from",
    "into",
    "throughout",
    "everywhere",
    "that",
    "which",
    "explaining",
    "describing",
    "about",
    "with",
    "wherever",
];
/// Names of the comments that document a definition in some language.
const DOCUMENTATION: [&str; 7] = ["jsdoc", "javadoc", "rustdoc", "tsdoc", "godoc", "kdoc", "doxygen"];
/// Words after which another task may begin.
const CONNECTORS: [&str; 9] = ["and", "then", "also", "but", "plus", "while", "so", "or", "as"];
/// Kinds of things that have a name within a file.
const NAMED: [&str; 16] = [
    "function",
    "method",
    "variable",
    "class",
    "parameter",
    "argument",
    "attribute",
    "field",
    "constant",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "property",
    "local",
];

/// All that the instruction may change, where its words alone make that certain.
#[must_use]
pub(crate) fn constraint(instruction: &str) -> Option<Constraint> {
    if let Some(AskedRenaming { name, new_name, .. }) = AskedRenaming::read(instruction) {
        let name = name.rsplit(['.', ':', '#']).next().unwrap_or(&name).to_owned();
        return Some(Constraint::Rename(Renaming { name, new_name }));
    }
    let text = unquoted(instruction);
    let text = text.trim().trim_end_matches(['.', '!']);
    // A second sentence, a list or code may ask for anything.
    if text.contains(['\n', ';']) || text.contains(". ") || text.contains(", ") {
        return sentence(instruction).filter(|found| found.certain).map(|found| found.constraint());
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|w| w.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).skip_while(|w| *w == "please").collect();
    let (verb, rest) = lower.split_first()?;
    if *verb == "rename" {
        return None;
    }
    if is_layout(verb, rest) {
        return Some(Constraint::Layout);
    }
    sentence(instruction).filter(|found| found.certain).map(|found| found.constraint())
}

/// Stands for a text in quotes.
const QUOTE: &str = "\u{201c}\u{201d}";

/// The instruction with a sign in place of each text in quotes, which may say anything. Backticks mark names and stay.
fn unquoted(instruction: &str) -> String {
    let mut out = String::with_capacity(instruction.len());
    let mut rest = instruction;
    while let Some(at) = rest.find(['"', '\'']) {
        let sign = if rest[at..].starts_with('"') { '"' } else { '\'' };
        // An apostrophe opens nothing.
        let opens = rest[..at].chars().next_back().is_none_or(char::is_whitespace);
        let end = rest[at + 1..].find(sign).filter(|_| opens).map(|end| at + 1 + end);
        // One word in quotes may be a name.
        match end.filter(|end| rest[at + 1..*end].contains(|c: char| !(c.is_alphanumeric() || c == '_'))) {
            Some(end) => {
                out.push_str(&rest[..at]);
                out.push_str(QUOTE);
                rest = &rest[end + 1..];
            }
            None => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    out + rest
}

/// Whether an instruction only adds a parameter with a default to a function: `add the parameter fee=0 to pay`. A model that
/// writes such an edit makes use of the parameter as well.
pub(crate) fn adds_parameter(instruction: &str) -> bool {
    let words: Vec<&str> = instruction.trim().trim_end_matches('.').split_whitespace().collect();
    let is = |word: &str, known: &[&str]| known.contains(&word.to_lowercase().as_str());
    let Some((first, rest)) = words.split_first() else { return false };
    let kind = rest.iter().position(|word| is(word, &["parameter"]));
    let Some((before, behind)) = kind.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) else { return false };
    let [parameter, to, function @ ..] = behind else { return false };
    let (function, around) = match function {
        [around @ .., function] => (*function, around),
        [] => return false,
    };
    let given = parameter.split_once('=').is_some_and(|(name, value)| identifier(name).is_some() && !value.is_empty());
    let fillers = before.iter().all(|word| is(word, &["a", "the", "new"]))
        && around.iter().all(|word| is(word, &["the", "function", "method"]));
    is(first, &["add"])
        && given
        && is(to, &["to"])
        && fillers
        && function.split('.').all(|name| identifier(name).is_some())
}

/// The new name of a renaming, where no code can have it.
#[must_use]
pub(crate) fn wrong_name(instruction: &str) -> Option<&str> {
    let words: Vec<&str> = instruction.trim().trim_end_matches(['.', '!']).split_whitespace().collect();
    let [verb, name, to, new_name] = words[..] else { return None };
    let plain = verb.eq_ignore_ascii_case("rename") && matches!(to, "to" | "into" | "as") && identifier(name).is_some();
    // A path is another renaming, and so is a text in quotes.
    let path = new_name.contains(['/', '.', '"', '\'']);
    (plain && !path && identifier(new_name).is_none()).then_some(new_name)
}

fn identifier(word: &str) -> Option<String> {
    let name = word.trim_matches(['`', '\'', '"']);
    let name = name.strip_suffix("()").unwrap_or(name).trim_matches(['`', '\'', '"']);
    let first = name.chars().next()?;
    let valid = (first.is_alphabetic() || first == '_') && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    // A word such as `something` is a name as well; what is not one is a description.
    (valid && !["it", "a", "the", "an", "something", "them", "this"].contains(&name)).then(|| name.to_owned())
}

/// `format the file`, not `format the output`.
fn is_layout(verb: &str, rest: &[&str]) -> bool {
    let at = rest
        .iter()
        .take_while(|w| matches!(**w, "the" | "this" | "all" | "my" | "whole" | "entire" | "python"))
        .count();
    let tail = match rest.get(at..) {
        Some(["code" | "file" | "module" | "source" | "files", tail @ ..]) => tail,
        Some([]) => &[],
        _ => return false,
    };
    matches!(verb, "format" | "reformat" | "autoformat")
        && matches!(
            tail,
            [] | ["properly" | "consistently" | "nicely"]
                | ["with" | "using" | "like", "black" | "rustfmt" | "gofmt" | "prettier" | "ruff"]
                | ["according", "to", "pep" | "pep8", ..]
        )
}

#[cfg(test)]
mod tests;
