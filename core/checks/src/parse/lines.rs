//! Messages of compilers and linters, a line each.

use super::{Raw, Unit, number};
use deepcoder_types::Severity;

/// Longer lines are no messages.
const MAX_LINE: usize = 4096;

/// `FILE:LINE:COLUMN: KIND: MESSAGE` of gcc, clang, javac, mypy, go and flake8, `FILE(LINE,COLUMN): KIND CODE: MESSAGE` of tsc,
/// and `KIND[CODE]: MESSAGE` with `--> FILE:LINE:COLUMN` below it of rustc.
pub(super) fn read(text: &str) -> Vec<Raw> {
    let mut found = Vec::new();
    let mut open: Option<Raw> = None;
    for line in text.lines().filter(|line| line.len() <= MAX_LINE) {
        if let Some(place) = line.trim_start().strip_prefix("--> ") {
            if let Some((raw, (file, line, column))) = open.take().zip(position(place.trim())) {
                found.push(raw.at(file, line, column));
            }
            continue;
        }
        if let Some(raw) = rustc(line) {
            open = Some(raw);
        } else if let Some(raw) = with_colons(line).or_else(|| with_parentheses(line)) {
            found.push(raw);
        }
    }
    found
}

/// `error[E0308]: mismatched types`
fn rustc(line: &str) -> Option<Raw> {
    let (severity, rest) = line
        .strip_prefix("error")
        .map(|rest| (Severity::Error, rest))
        .or_else(|| line.strip_prefix("warning").map(|rest| (Severity::Warning, rest)))?;
    let (code, message) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once("]: ")?,
        None => ("", rest.strip_prefix(": ")?),
    };
    let mut raw = Raw::new(severity, message);
    raw.rule = code.to_owned();
    Some(raw)
}

/// `FILE:LINE:COLUMN`
fn position(text: &str) -> Option<(&str, u32, u32)> {
    let (rest, column) = text.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file, number(line)?, number(column)?))
}

fn with_colons(line: &str) -> Option<Raw> {
    // The first number between two colons: a path may have colons, and a message too.
    for (at, _) in line.match_indices(':') {
        let (path, rest) = (&line[..at], &line[at + 1..]);
        if !is_path(path) {
            continue;
        }
        let Some((first, rest)) = rest.split_once(':') else { break };
        let Some(row) = number(first) else { continue };
        let (column, rest) = match rest.split_once(':') {
            Some((column, after)) if number(column).is_some() => (number(column).unwrap_or(0), after),
            _ => (0, rest),
        };
        let (severity, message) = severity(rest.trim_start())?;
        let (rule, message) = rule(message);
        let mut raw = Raw::new(severity, message).at(path, row, column);
        raw.rule = rule.to_owned();
        raw.span.unit = Unit::Bytes;
        return Some(raw);
    }
    None
}

fn with_parentheses(line: &str) -> Option<Raw> {
    let (path, rest) = line.split_once('(')?;
    let (place, rest) = rest.split_once("): ")?;
    let (row, column) = place.split_once(',').unwrap_or((place, "0"));
    let (row, column) = (number(row)?, number(column)?);
    if !is_path(path) {
        return None;
    }
    let (kind, message) = rest.split_once(": ")?;
    let (kind, code) = kind.split_once(' ').unwrap_or((kind, ""));
    let (severity, _) = severity(&format!("{kind}: "))?;
    let mut raw = Raw::new(severity, message).at(path, row, column);
    raw.rule = code.to_owned();
    raw.span.unit = Unit::Utf16;
    Some(raw)
}

fn is_path(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or(text);
    // A file of source has an extension; a time of day does not.
    let extension = name.rsplit_once('.').is_some_and(|(stem, ext)| !stem.is_empty() && !ext.is_empty());
    extension && !text.starts_with(char::is_whitespace) && !text.contains("  ")
}

/// The severity of a message, and the message; nothing where it explains another one.
fn severity(text: &str) -> Option<(Severity, &str)> {
    let kinds = [
        ("fatal error: ", Severity::Error),
        ("error: ", Severity::Error),
        ("warning: ", Severity::Warning),
        ("Error: ", Severity::Error),
        ("Warning: ", Severity::Warning),
    ];
    for (word, severity) in kinds {
        if let Some(message) = text.strip_prefix(word).or_else(|| (text == word.trim_end()).then_some("")) {
            return Some((severity, message));
        }
    }
    if text.starts_with("note: ") || text.starts_with("In ") || text.trim().is_empty() {
        return None;
    }
    Some((Severity::Error, text))
}

/// `[-Wunused]`, `[attr-defined]` or `[deprecation]` around the message, or `E501` before it.
fn rule(message: &str) -> (&str, &str) {
    let plain = |text: &str| !text.is_empty() && text.len() < 64 && !text.contains([' ', '[', ']']);
    let last = message.strip_suffix(']').and_then(|text| text.rsplit_once(" ["));
    if let Some((before, rule)) = last.filter(|(_, rule)| plain(rule)) {
        return (rule, before.trim_end());
    }
    let first = message.strip_prefix('[').and_then(|text| text.split_once("] "));
    if let Some(split) = first.filter(|(rule, _)| plain(rule)) {
        return split;
    }
    if let Some((rule, after)) = message.split_once(' ') {
        let letters = rule.bytes().take_while(u8::is_ascii_uppercase).count();
        if (1..=4).contains(&letters) && rule.len() > letters && rule[letters..].bytes().all(|b| b.is_ascii_digit()) {
            return (rule, after);
        }
    }
    ("", message)
}
