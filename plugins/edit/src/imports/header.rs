//! Imports of languages whose lines are taken as they are: the lines that an answer brings go behind those of the file, and
//! names that only the old text used go.

use deepcoder_edit::LineEnding;
use deepcoder_syntax::{Language, comments, import_statements};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

/// `text` with the lines behind its last import, or in front of its first code.
pub(super) fn with(path: &RepoPath, text: &str, lines: &[String]) -> String {
    let Some(language) = Language::program(path) else { return text.to_owned() };
    let has = statements(language, text);
    let known: BTreeSet<String> = has.iter().map(|range| words(&text[range.as_range()])).collect();
    let mut new: Vec<&str> = Vec::new();
    for line in lines.iter().flat_map(|line| single(language, line)) {
        let bare = words(line);
        if !known.contains(&bare) && !new.iter().any(|other| words(other) == bare) {
            new.push(line);
        }
    }
    if new.is_empty() {
        return text.to_owned();
    }
    let ending = LineEnding::dominant(text).as_str();
    if language == Language::Go
        && let Some(last) = has.last().filter(|range| text[range.as_range()].contains('('))
    {
        // Into the parentheses.
        let at = text[..last.end as usize].rfind(')').map_or(last.end as usize, |close| close);
        let lines: String =
            new.iter().map(|line| format!("\t{}{ending}", line.trim_start_matches("import").trim())).collect();
        return [&text[..at], &lines, &text[at..]].concat();
    }
    let last = has.last().map(|range| line_end(text, range.end as usize));
    let at = last.unwrap_or_else(|| first_code(language, text));
    let mut block: String = new.iter().map(|line| format!("{line}{ending}")).collect();
    if !text[..at].is_empty() && !text[..at].ends_with('\n') {
        block.insert_str(0, ending);
    }
    if last.is_none() && !text[at..].trim_start_matches(['\r', ' ']).starts_with('\n') && !text[at..].is_empty() {
        block.push_str(ending);
        if language == Language::Python {
            block.push_str(ending);
        }
    }
    [&text[..at], &block, &text[at..]].concat()
}

/// The import statements that stand outermost.
fn statements(language: Language, text: &str) -> Vec<TextRange> {
    let mut all = import_statements(language, text);
    all.retain(|range| {
        let start = text[..range.start as usize].rfind('\n').map_or(0, |at| at + 1);
        text[start..range.start as usize].is_empty()
    });
    // An import further down, such as one of a test module, is no place for others.
    all
}

/// The statement itself; a Go import of several in parentheses by its lines.
fn single(language: Language, line: &str) -> Vec<&str> {
    match line.split_once('(') {
        Some((_, rest)) if language == Language::Go => {
            rest.trim_end_matches([')', '\n', ' ']).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
        }
        _ => vec![line.trim()],
    }
}

fn words(text: &str) -> String {
    let text = text.trim().trim_end_matches(';');
    text.strip_prefix("import ")
        .filter(|rest| rest.starts_with(['"', '`']))
        .unwrap_or(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn line_end(text: &str, at: usize) -> usize {
    let at = if text[..at].ends_with('\n') { at - 1 } else { at };
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// The line with the first code, after the comments at the top and what names the package.
fn first_code(language: Language, text: &str) -> usize {
    let comments = comments(language, text);
    let mut at = 0;
    loop {
        let line = &text[at..line_end(text, at)];
        let start = at + (line.len() - line.trim_start().len());
        let comment = comments.iter().find(|range| range.start as usize == start);
        let lead = line.trim_start();
        if let Some(comment) = comment {
            let end = line_end(text, comment.end as usize);
            // A comment in front of code belongs to that.
            if text[end..].starts_with(['\n', '\r']) || lead.starts_with("#!") || lead.starts_with("//!") {
                at = end;
                continue;
            }
        } else if lead.starts_with("package ")
            || lead.starts_with("#!")
            || lead.starts_with("'use ")
            || lead.starts_with("\"use ")
            || (line.trim().is_empty() && !line.is_empty() && at + line.len() < text.len())
        {
            at += line.len();
            continue;
        }
        return at;
    }
}
