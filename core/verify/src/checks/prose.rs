//! Lines of prose, tables and settings without a grammar that are gone without a word of the instruction.

use super::data::Format;
use super::prompt::is_word;
use super::{Context, File};
use crate::policy::{Finding, Severity};
use deepcoder_syntax::Language;
use similar::TextDiff;
use std::collections::{HashMap, HashSet};

/// Lines alike to this share of their characters are the same line, edited.
const ALIKE: f32 = 0.5;

/// A line of which this share of words is in what was added has been wrapped or rewritten.
const REWORDED: f64 = 0.6;

/// More differences than this are a rewrite, which another check measures.
const MOST_GONE: usize = 200;
const MOST_ADDED: usize = 600;
const LONG: usize = 200;

/// So many pairs of lines are compared by their characters.
const MOST_PAIRS: usize = 1_000;

/// Verbs that say what is to be added or changed, so that all else stays.
const NARROW: &[&str] = &[
    "add", "append", "insert", "put", "include", "set", "change", "rename", "replace", "fix", "correct", "mention",
    "note", "document", "describe", "explain", "write", "give", "install", "use", "increase", "decrease", "bump",
    "expose", "sort",
];

/// Words that tell nothing of what a sentence is about.
const EMPTY: &[&str] = &[
    "the", "and", "for", "with", "that", "this", "from", "into", "have", "has", "are", "was", "will", "can", "not",
    "you", "your", "all", "any", "add", "line", "lines", "file", "end", "each", "every", "document", "text", "write",
    "then", "when", "use", "make", "new", "its", "should", "must",
];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // Which lines are meant by `remove the links` or `update the guide` is not known.
    if !context.prompt.clauses_begin_with(NARROW) || context.prompt.removes() {
        return;
    }
    for file in context.files.iter().filter(|f| has_prose(f) && Format::of(f.path).is_none() && is_prose(f)) {
        let (Some(old), Some(new)) = (file.old, file.new) else { continue };
        // A file that another finding holds back needs no second one.
        if old == new || findings.iter().any(|f| f.path == *file.path && f.severity != Severity::Warning) {
            continue;
        }
        let gone = unspoken(context, file, old, new);
        let Some((line, text)) = gone.first() else { continue };
        let text: String = text.chars().take(60).collect();
        let more = if gone.len() > 1 { format!(", and {} more", gone.len() - 1) } else { String::new() };
        findings.push(Finding::review(
            file.path,
            format!("the line `{text}` (line {line} before the edit{more}) is gone, and the instruction does not speak of it"),
        ));
    }
}

/// A shell script has few definitions: its lines are what may be lost.
fn has_prose(file: &File<'_>) -> bool {
    matches!(file.language, None | Some(Language::Bash))
}

/// Files that people write and read, and that are no program of a language with a grammar.
fn is_prose(file: &File<'_>) -> bool {
    let name = file.path.file_name().to_lowercase();
    let known = [
        "md",
        "markdown",
        "rst",
        "txt",
        "adoc",
        "csv",
        "tsv",
        "ini",
        "cfg",
        "conf",
        "properties",
        "sh",
        "bash",
        "zsh",
        "fish",
        "env",
        "mk",
        "tex",
        "org",
        "sql",
    ];
    name.rsplit_once('.').is_some_and(|(_, ending)| known.contains(&ending))
        || ["dockerfile", "containerfile", "makefile", "readme", "license", "authors", "procfile"]
            .contains(&name.as_str())
        || name.starts_with("dockerfile.")
}

/// The lines that are gone, with their numbers.
fn unspoken<'t>(context: &Context<'_>, file: &File<'_>, old: &'t str, new: &str) -> Vec<(usize, &'t str)> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    let mut added: Vec<&str> = Vec::new();
    for line in new.lines().map(str::trim) {
        *left.entry(line).or_default() += 1;
    }
    // A line that moves to another file of the set is not lost.
    for other in context.files.iter().filter(|other| other.path != file.path) {
        let had: HashSet<&str> = other.old.unwrap_or_default().lines().map(str::trim).collect();
        for line in other.new.unwrap_or_default().lines().map(str::trim).filter(|line| !had.contains(line)) {
            *left.entry(line).or_default() += 1;
            added.push(line);
        }
    }
    let mut gone: Vec<(usize, &str)> = Vec::new();
    for (index, line) in old.lines().enumerate() {
        let line = line.trim();
        match left.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ if telling(line) => gone.push((index + 1, line)),
            _ => {}
        }
    }
    let had: HashSet<&str> = old.lines().map(str::trim).collect();
    added.extend(new.lines().map(str::trim).filter(|line| !line.is_empty() && !had.contains(line)));
    if gone.len() > MOST_GONE || added.len() > MOST_ADDED {
        return Vec::new();
    }
    let pool: HashSet<String> = added.iter().flat_map(|line| words(line)).collect();
    let lines: Vec<&str> = old.lines().collect();
    // `Unreleased` and `Released today`: a few words in place of a few.
    let mut replaced: HashSet<usize> = HashSet::new();
    for op in TextDiff::from_lines(old, new).ops() {
        if let similar::DiffOp::Replace { old_index, old_len, new_len, .. } = *op
            && old_len == new_len
            && old_len <= 3
        {
            replaced.extend(old_index + 1..=old_index + old_len);
        }
    }
    gone.retain(|(number, line)| !(replaced.contains(number) && line.split_whitespace().count() <= 3));
    let mut pairs = MOST_PAIRS;
    gone.retain(|(number, line)| !rewritten(line, &added, &pool, &mut pairs) && !spoken(context, &lines, *number));
    gone
}

/// Whether a line says something, other than how what follows is shown.
fn telling(line: &str) -> bool {
    !line.starts_with("..") && !line.starts_with("```") && line.chars().filter(|c| c.is_alphanumeric()).count() >= 4
}

fn words(line: &str) -> Vec<String> {
    line.split(|c| !is_word(c)).filter(|word| word.len() > 2).map(str::to_lowercase).collect()
}

/// Whether a line is there in other words. A comparison that would take too long counts as a yes.
fn rewritten(line: &str, added: &[&str], pool: &HashSet<String>, pairs: &mut usize) -> bool {
    let own = words(line);
    let kept = own.iter().filter(|word| pool.contains(*word)).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of words of a line")]
    let reworded = !own.is_empty() && kept as f64 >= own.len() as f64 * REWORDED;
    let cut = |text: &str| text.chars().take(LONG).collect::<String>();
    let line = cut(line);
    let near = |other: &&&str| other.len() < line.len() * 4 && line.len() < other.len() * 4;
    reworded
        || added.iter().filter(near).any(|other| {
            let other = cut(other);
            if !may_be_alike(&line, &other) {
                return false;
            }
            *pairs = pairs.saturating_sub(1);
            *pairs == 0 || TextDiff::from_chars(line.as_str(), other.as_str()).ratio() >= ALIKE
        })
}

/// Whether two lines have enough characters in common, in whatever order.
fn may_be_alike(a: &str, b: &str) -> bool {
    let mut left: HashMap<char, usize> = HashMap::new();
    for c in a.chars() {
        *left.entry(c).or_default() += 1;
    }
    let mut take = |c: &char| left.get_mut(c).filter(|count| **count > 0).map(|count| *count -= 1).is_some();
    let common = b.chars().filter(|c| take(c)).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of characters of a line")]
    let share = 2.0 * common as f32 / (a.chars().count() + b.chars().count()).max(1) as f32;
    share >= ALIKE
}

/// Whether the instruction has a word of the line, or of the heading that it is under.
fn spoken(context: &Context<'_>, lines: &[&str], number: usize) -> bool {
    let said = |text: &str| {
        words(text).iter().any(|word| !EMPTY.contains(&word.as_str()) && context.prompt.speaks_of(word))
            || (!text.trim().is_empty() && context.prompt.text().contains(text.trim()))
    };
    let heading = lines[..number].iter().enumerate().rev().find(|(at, line)| {
        let under = lines.get(at + 1).is_some_and(|next| {
            let next = next.trim();
            next.len() >= 3 && next.chars().all(|c| "=-~^*\"".contains(c)) && !line.trim().is_empty()
        });
        under || line.starts_with('#') || (line.starts_with('[') && line.trim_end().ends_with(']'))
    });
    said(lines[number - 1]) || heading.is_some_and(|(_, line)| said(line))
}
