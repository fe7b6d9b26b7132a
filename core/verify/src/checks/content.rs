//! Characters that no editor writes, files of which next to nothing is left, and text that repeats itself.

use super::prompt::is_word;
use super::{Context, File};
use crate::policy::{Finding, Severity};
use std::collections::{HashMap, HashSet};

/// A file with fewer lines may be rewritten as a whole.
const MIN_LINES: usize = 4;

/// So many equal lines or words in a row are no text.
const RUN: usize = 8;

/// So many added lines are looked at for repetition.
const MANY: usize = 30;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in &context.files {
        let Some(new) = file.new else { continue };
        characters(context, file, new, findings);
        scripts(context, file, new, findings);
        // A refused file needs no second reason.
        let refused = |f: &Finding| f.path == *file.path && f.severity == Severity::Error;
        if let Some(old) = file.old.filter(|_| !findings.iter().any(refused)) {
            left(context, file, old, new, findings);
        }
        noise(file, new, findings);
    }
}

/// The name of a character that should not be there.
fn foreign(c: char) -> Option<(&'static str, bool)> {
    Some(match c {
        '\u{fffd}' => ("the replacement character", true),
        // NUL is told by itself. A form feed separates pages in old sources.
        '\0' | '\t' | '\n' | '\r' | '\u{c}' => return None,
        c if c.is_control() => ("the control character", true),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ("the invisible direction mark", false),
        _ => return None,
    })
}

fn characters(context: &Context<'_>, file: &File<'_>, new: &str, findings: &mut Vec<Finding>) {
    let mut told: HashSet<char> = HashSet::new();
    for (index, line) in new.lines().enumerate() {
        for c in line.chars() {
            let Some((what, error)) = foreign(c) else { continue };
            if !told.insert(c) {
                continue;
            }
            // A character that moves from one file to another is not new.
            let count = |text: Option<&str>| text.map_or(0, |text| text.matches(c).count());
            let before: usize = context.files.iter().map(|f| count(f.old)).sum();
            let after: usize = context.files.iter().map(|f| count(f.new)).sum();
            if count(Some(new)) > count(file.old) && after > before {
                let message = format!("line {} has {what} U+{:04X}, which was not there", index + 1, u32::from(c));
                findings.push(if error {
                    Finding::error(file.path, message)
                } else {
                    Finding::review(file.path, message)
                });
            }
        }
    }
}

/// The script of a letter, where small models fall into its languages.
fn script(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{400}'..='\u{52f}' => "Cyrillic",
        '\u{590}'..='\u{5ff}' => "Hebrew",
        '\u{600}'..='\u{6ff}' => "Arabic",
        '\u{900}'..='\u{97f}' => "Devanagari",
        '\u{e00}'..='\u{e7f}' => "Thai",
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => "Chinese or Japanese",
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => "Korean",
        _ => return None,
    })
}

/// Text in a script that neither the instruction nor a file of the edit has. One that speaks of languages may want it.
fn scripts(context: &Context<'_>, file: &File<'_>, new: &str, findings: &mut Vec<Finding>) {
    const LANGUAGES: [&str; 16] = [
        "translat", "locali", "i18n", "unicode", "language", "alphabet", "chinese", "japanese", "kanji", "korean",
        "russian", "cyrillic", "arabic", "hebrew", "hindi", "thai",
    ];
    let prompt = context.prompt.text().to_lowercase();
    if new.is_ascii() || LANGUAGES.iter().any(|word| prompt.contains(word)) {
        return;
    }
    let known = |wanted: &str| {
        let has = |text: &str| text.chars().filter_map(script).any(|script| script == wanted);
        has(&prompt) || context.files.iter().filter_map(|file| file.old).any(has)
    };
    let strange = new.lines().enumerate().find_map(|(index, line)| {
        let script = line.chars().filter_map(script).find(|script| !known(script))?;
        Some((index + 1, script))
    });
    if let Some((line, script)) = strange {
        let message = format!("line {line} has {script} letters, and neither the instruction nor the file has any");
        findings.push(Finding::review(file.path, message));
    }
}

/// A file of which less than a third is left, by lines and by words: rewriting prose keeps words, moving keeps lines.
fn left(context: &Context<'_>, file: &File<'_>, old: &str, new: &str, findings: &mut Vec<Finding>) {
    let lines = |text: &'_ str| -> Vec<String> {
        text.lines().map(str::trim).filter(|line| line.contains(is_word)).map(str::to_owned).collect()
    };
    let words = |text: &'_ str| -> Vec<String> {
        text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let old_lines = lines(old);
    if old_lines.len() < MIN_LINES {
        return;
    }
    // A text that is new in another file may have moved there.
    let elsewhere = || context.files.iter().filter(|other| other.path != file.path).filter_map(|other| other.new);
    let pool = |split: &dyn Fn(&str) -> Vec<String>| -> Vec<String> {
        std::iter::once(new).chain(elsewhere()).flat_map(split).collect()
    };
    let kept_lines = kept(&old_lines, pool(&lines));
    if kept_lines * 3 >= old_lines.len() {
        return;
    }
    let old_words = words(old);
    if kept(&old_words, pool(&words)) * 3 < old_words.len() {
        let all = old_lines.len();
        findings.push(Finding::review(file.path, format!("{kept_lines} of {all} lines of the file are left")));
    }
}

fn kept(old: &[String], new: Vec<String>) -> usize {
    let mut left: HashMap<String, usize> = HashMap::new();
    for part in new {
        *left.entry(part).or_default() += 1;
    }
    let mut take = |part: &&String| left.get_mut(*part).filter(|count| **count > 0).map(|count| *count -= 1).is_some();
    old.iter().filter(|part| take(part)).count()
}

/// Whether a part says something, unlike a bracket or a number of a table.
fn telling(part: &str) -> bool {
    part.chars().filter(|c| c.is_alphabetic()).count() >= 3
}

/// The longest run of equal lines.
fn lines_in_a_row(text: &str) -> Option<Run<'_>> {
    let lines = text.lines().enumerate().map(|(index, line)| (index, line.trim()));
    run(lines.filter(|(_, line)| !line.is_empty())).filter(|run| telling(run.part))
}

/// The longest run of equal words.
fn words_in_a_row(text: &str) -> Option<Run<'_>> {
    let lines = text.lines().enumerate();
    run(lines.flat_map(|(index, line)| line.split_whitespace().map(move |word| (index, word))))
        .filter(|run| telling(run.part))
}

/// Lines or words that repeat as models do when they have lost the thread.
fn noise(file: &File<'_>, new: &str, findings: &mut Vec<Finding>) {
    let old = file.old.unwrap_or_default();
    for (of, what) in [(lines_in_a_row as fn(&str) -> Option<Run<'_>>, "line"), (words_in_a_row, "word")] {
        let Some(Run { line, part, count }) = of(new).filter(|run| run.count >= RUN) else { continue };
        if of(old).is_some_and(|before| before.count >= count) {
            continue;
        }
        let part: String = part.chars().take(60).collect();
        let message = format!("from line {line} on, the {what} `{part}` is there {count} times in a row");
        return findings.push(Finding::review(file.path, message));
    }
    let had: HashSet<&str> = old.lines().map(str::trim).collect();
    let added: Vec<&str> = new.lines().map(str::trim).filter(|l| telling(l) && !had.contains(l)).collect();
    let distinct: HashSet<&&str> = added.iter().collect();
    if added.len() >= MANY && distinct.len() * 5 <= added.len() {
        let (all, few) = (added.len(), distinct.len());
        findings.push(Finding::review(file.path, format!("the {all} added lines are {few} lines again and again")));
    }
}

/// Equal parts in a row.
#[derive(Clone, Copy)]
struct Run<'t> {
    /// The line where it begins, from 1.
    line: usize,
    part: &'t str,
    count: usize,
}

/// The longest run of equal parts.
fn run<'t>(parts: impl Iterator<Item = (usize, &'t str)>) -> Option<Run<'t>> {
    let mut longest: Option<Run<'_>> = None;
    let mut current: Option<Run<'_>> = None;
    for (index, part) in parts {
        current = match current {
            Some(run) if run.part == part => Some(Run { count: run.count + 1, ..run }),
            _ => Some(Run { line: index + 1, part, count: 1 }),
        };
        if current.map(|run| run.count) > longest.map(|run| run.count) {
            longest = current;
        }
    }
    longest
}
