//! Which instruction has one exact answer. Every word of it must belong to the task.

use deepcoder_syntax::is_file_extension;

/// Columns between tab stops where the instruction names no number.
const TAB: usize = 4;

/// An instruction that is understood to the last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// No blanks at the ends of lines.
    TrailingSpace,
    /// The last line is finished.
    FinalNewline,
    /// Spaces for the tabs that lines begin with, so many for each.
    Spaces(usize),
    /// No more than so many blank lines together.
    BlankLines(usize),
    /// Imports in their order.
    SortImports,
    /// No imports that nothing uses, or no such import of one name.
    UnusedImports(Option<String>),
}

/// Words that say nothing about which task it is.
const FILLERS: [&str; 30] = [
    "please", "the", "all", "any", "every", "a", "an", "of", "from", "in", "this", "file", "files", "code", "module",
    "lines", "line", "each", "at", "end", "ends", "missing", "its", "should", "there", "be", "that", "are", "my", "up",
];
const REMOVES: [&str; 9] = ["remove", "delete", "strip", "trim", "drop", "clean", "cleanup", "prune", "eliminate"];
const BLANKS: [&str; 5] = ["whitespace", "whitespaces", "spaces", "blanks", "space"];
const SORTS: [&str; 7] = ["sort", "order", "organize", "organise", "reorder", "arrange", "tidy"];

/// Whether a word of an instruction is the path of a file.
pub(super) fn is_path(word: &str) -> bool {
    word.contains('/')
        || word.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && is_file_extension(ending))
}

/// The task of the instruction, if every word of it belongs to one.
pub(crate) fn task(instruction: &str) -> Option<Task> {
    let text = instruction.trim().trim_end_matches(['.', '!']).replace("white space", "whitespace");
    let lower = text.to_lowercase();
    // `…, add it`, `…, keep all of them`: what follows says what is meant anyway.
    let lower =
        [", add it", ", add one", ", drop it", ", remove it", ", keep all of them", ", keep them all", ", please"]
            .iter()
            .fold(lower.as_str(), |text, tail| text.strip_suffix(tail).unwrap_or(text));
    if let Some(name) = unused_name(lower, &text) {
        return Some(Task::UnusedImports(Some(name)));
    }
    let each_line = ["each line", "every line", "all lines"].iter().any(|words| lower.contains(words));
    let edges = ["end", "start", "beginning", "top", "bottom"];
    let at_edge = lower.split_whitespace().any(|word| edges.contains(&word));
    let words = lower.split_whitespace().map(|word| word.trim_matches('`'));
    let rest: Vec<&str> = words.filter(|word| !FILLERS.contains(word) && !is_path(word)).collect();
    let is_blanks = |word: &str| BLANKS.contains(&word);
    match rest.as_slice() {
        [verb, "trailing", blanks] if (REMOVES.contains(verb) || *verb == "no") && is_blanks(blanks) => {
            Some(Task::TrailingSpace)
        }
        ["add" | "ensure" | "insert" | "with" | "needs" | "lacks" | "misses", rest @ ..] if !each_line => match rest {
            ["newline"] | ["final" | "trailing", "newline"] => Some(Task::FinalNewline),
            _ => None,
        },
        // `the file has no newline at its end, add it`
        ["has", "no", "newline"] | ["has", "no", "final" | "trailing", "newline"] => Some(Task::FinalNewline),
        [verb, "with", "newline"] if *verb == "finish" || *verb == "terminate" => Some(Task::FinalNewline),
        [
            "convert" | "replace" | "change" | "turn" | "expand",
            "tabs",
            "to" | "with" | "by" | "into" | "for",
            rest @ ..,
        ] => spaces(rest),
        ["indent", "with" | "by" | "using", rest @ .., "instead", "tabs"]
        | ["use", rest @ .., "instead", "tabs"]
        | ["indent", "with" | "by" | "using", rest @ .., "not", "tabs"]
        | ["use", rest @ .., "not", "tabs"]
        | ["tabs", rest @ ..] => spaces(rest),
        ["no", "more", "than", number, "blank", rest @ ..] | ["most", number, "blank", rest @ ..] if !at_edge => {
            count(number).filter(|most| together(rest, *most)).map(Task::BlankLines)
        }
        ["limit", "blank", "to", number] | ["limit", "blank", "to", "most", number] => {
            count(number).map(Task::BlankLines)
        }
        [
            "collapse" | "squeeze" | "reduce" | "merge",
            "multiple" | "consecutive" | "repeated" | "several" | "double",
            "blank",
            "to" | "into",
            number,
            ..,
        ] if rest.len() == 5 || rest[5..] == ["blank"] => count(number).map(Task::BlankLines),
        [verb, "imports"] if SORTS.contains(verb) => Some(Task::SortImports),
        ["put" | "bring", "imports", "order"] | ["put" | "bring", "imports", "into", "order"] => {
            Some(Task::SortImports)
        }
        ["imports", "sorted"] => Some(Task::SortImports),
        [verb, "unused", "imports" | "import"]
        | [verb, "imports", "unused"]
        | [verb, "imports", "not" | "never", "used" | "needed"]
            if REMOVES.contains(verb) =>
        {
            Some(Task::UnusedImports(None))
        }
        [verb, "imports", "nothing" | "nobody", "uses" | "needs"] if REMOVES.contains(verb) => {
            Some(Task::UnusedImports(None))
        }
        _ => None,
    }
}

/// `four spaces`, `blanks`
fn spaces(words: &[&str]) -> Option<Task> {
    let (blanks, count) = words.split_last()?;
    let count = match count {
        [] => TAB,
        [number] => columns(number)?,
        _ => return None,
    };
    BLANKS.contains(blanks).then_some(Task::Spaces(count))
}

/// `together`, `between functions`. Between functions a file may have two where it has one between methods.
fn together(words: &[&str], most: usize) -> bool {
    match words {
        [] | ["together" | "anywhere" | "consecutively" | "row" | "succession"] => true,
        ["between" | "before" | "after", _] => most > 1,
        _ => false,
    }
}

fn count(word: &str) -> Option<usize> {
    match word {
        "one" | "single" => Some(1),
        "two" => Some(2),
        "three" => Some(3),
        number => number.parse().ok().filter(|n| (1..=8).contains(n)),
    }
}

fn columns(word: &str) -> Option<usize> {
    match word {
        "two" => Some(2),
        "four" => Some(4),
        "eight" => Some(8),
        number => number.parse().ok().filter(|n| (1..=16).contains(n)),
    }
}

/// The name of `time is imported and not used`, `remove the unused import time`.
fn unused_name(lower: &str, text: &str) -> Option<String> {
    let words: Vec<&str> = lower.split_whitespace().collect();
    let at = match words.as_slice() {
        [_, "is", "imported", "and" | "but", "not" | "never" | "nowhere", "used"] => 0,
        [_, "is", "an", "unused", "import"] => 0,
        [verb, "the", "unused", "import", _] if REMOVES.contains(verb) => 4,
        [verb, "the", "unused", "import", "of", _] if REMOVES.contains(verb) => 5,
        _ => return None,
    };
    // As it was written.
    let name = text.split_whitespace().nth(at)?.trim_matches(['`', '\'', '"']);
    let valid = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    (valid && !["it", "that", "this", "there"].contains(&name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects instructions that ask for more than one exact thing from being cut down to it.
    #[test]
    fn only_what_is_certain_needs_no_model() {
        let unused = || Some(Task::UnusedImports(None));
        let one = |name: &str| Some(Task::UnusedImports(Some(name.into())));
        for (text, wanted) in [
            ("Remove trailing whitespace.", Some(Task::TrailingSpace)),
            ("please strip all trailing spaces in src/a.py", Some(Task::TrailingSpace)),
            ("there should be no trailing whitespace", Some(Task::TrailingSpace)),
            ("add a newline at the end of the file", Some(Task::FinalNewline)),
            ("the file lacks a newline at its end, add it", Some(Task::FinalNewline)),
            ("end the file with a newline", Some(Task::FinalNewline)),
            ("convert tabs to four spaces", Some(Task::Spaces(4))),
            ("replace all tabs with 2 spaces", Some(Task::Spaces(2))),
            ("replace the tabs by four blanks", Some(Task::Spaces(4))),
            ("indent with four spaces instead of tabs", Some(Task::Spaces(4))),
            ("use 2 spaces instead of tabs", Some(Task::Spaces(2))),
            ("there should be no more than two blank lines between functions", Some(Task::BlankLines(2))),
            ("no more than 1 blank line in a row", Some(Task::BlankLines(1))),
            ("at most two blank lines together", Some(Task::BlankLines(2))),
            ("collapse multiple blank lines into one", Some(Task::BlankLines(1))),
            ("sort the imports", Some(Task::SortImports)),
            ("sort the imports, keep all of them", Some(Task::SortImports)),
            ("put the imports in order", Some(Task::SortImports)),
            ("remove unused imports", unused()),
            ("clean up unused imports", unused()),
            ("Remove the imports that nothing uses", unused()),
            ("remove all imports that are not used", unused()),
            ("time is imported and not used, drop it", one("time")),
            ("remove the unused import of OrderedDict", one("OrderedDict")),
            ("remove trailing whitespace from the input of parse", None),
            ("remove unused imports and variables", None),
            ("sort the imports by length", None),
            ("add a newline after each record", None),
            ("convert tabs to spaces in the output", None),
            ("remove the imports", None),
            ("remove the imports that are not sorted", None),
            ("use tabs instead of spaces", None),
            ("trim whitespace", None),
            ("end the file with no newline", None),
            ("ensure no trailing newline at the end of the file", None),
            ("add a newline at the end of each line", None),
            ("no more than one blank line between methods", None),
            ("at most one blank line between methods, and two between classes", None),
            ("there should be no more than one blank line at the end of the file", None),
            ("remove unused import typing.Any", None),
            ("remove the unused imports of os.path", None),
            ("remove the imports that are not at the end of the file", None),
            ("it is imported and not used, drop it", None),
        ] {
            assert_eq!(task(text), wanted, "{text}");
        }
    }
}
