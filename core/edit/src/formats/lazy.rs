//! Lines such as `# ... existing code ...` that stand for code which the model did not repeat.

use super::FormatError;
use crate::lines::with_endings;

/// Lines of `written` that stand for something left out and are not in `old`: their number, from 1, and their text.
#[must_use]
pub fn markers(written: &str, old: &str) -> Vec<(usize, String)> {
    let known = |line: &str| old.lines().any(|l| l.trim() == line.trim());
    written
        .lines()
        .enumerate()
        .filter(|(_, l)| is_marker(l) && !known(l))
        .map(|(i, l)| (i + 1, l.trim().to_owned()))
        .collect()
}

/// `written` with every such line replaced by what it stands for in `old`. That is certain when the line above it and
/// the line below it are lines of `old`, each in one place only (or the beginning or end of the text).
pub fn expand(old: &str, written: &str) -> Result<String, FormatError> {
    let marked = markers(written, old);
    if marked.is_empty() {
        return Ok(written.to_owned());
    }
    let (old_lines, new_lines) = (with_endings(old), with_endings(written));
    let is_marked = |index: usize| marked.iter().any(|(line, _)| line - 1 == index);
    let mut out = String::new();
    let mut from = 0;
    for (index, line) in new_lines.iter().enumerate() {
        let Some((number, marker)) = marked.iter().find(|(n, _)| n - 1 == index) else {
            out.push_str(line);
            continue;
        };
        let unclear = || FormatError::LeftOut { line: *number, marker: marker.clone() };
        let above = anchor(&new_lines[..index], &old_lines, true).map_err(|()| unclear())?;
        let below = anchor(&new_lines[index + 1..], &old_lines, false).map_err(|()| unclear())?;
        let start = above.map_or(0, |at| at + 1);
        let end = below.unwrap_or(old_lines.len());
        // Two markers without a line between them, or anchors in the wrong order: not certain.
        if start < from || end < start || (index > 0 && is_marked(index - 1)) {
            return Err(unclear());
        }
        old_lines[start..end].iter().for_each(|l| out.push_str(l));
        if !out.ends_with('\n') && index + 1 < new_lines.len() {
            out.push('\n');
        }
        from = end;
    }
    Ok(out)
}

/// Where in `old` the filled line next to a marker is: `None` at the end of the text, an error where it is not certain.
fn anchor(side: &[&str], old: &[&str], above: bool) -> Result<Option<usize>, ()> {
    let filled = |l: &&&str| !l.trim().is_empty();
    let next = if above { side.iter().rfind(filled) } else { side.iter().find(filled) };
    let Some(line) = next else { return Ok(None) };
    let mut places = (0..old.len()).filter(|&i| old[i].trim_end() == line.trim_end());
    match (places.next(), places.next()) {
        (Some(one), None) => Ok(Some(one)),
        _ => Err(()),
    }
}

/// Words that a marker is made of, beside its dots.
const STANDS_FOR: [&str; 14] = [
    "existing",
    "unchanged",
    "rest of",
    "remaining",
    "remains",
    "same as",
    "previous code",
    "other methods",
    "other functions",
    "as before",
    "omitted",
    "no changes",
    "your code here",
    "code continues",
];

/// A comment that consists of dots, or has dots and such words, or says only that the rest stays.
fn is_marker(line: &str) -> bool {
    let line = line.trim();
    let comment = ["#", "//", "--", ";", "/*", "<!--", "%", "\"\"\"", "{/*"].iter().find_map(|p| line.strip_prefix(p));
    let body = comment.unwrap_or(line).trim_start_matches(['/', '#', '*', ' ']);
    let body = body.trim_end_matches("-->").trim_end_matches("*/}").trim_end_matches("*/").trim();
    let dotted = body.contains("...") || body.contains('…');
    let only_dots = !body.is_empty() && body.chars().all(|c| c == '.' || c == '…') && body.len() >= 3;
    if comment.is_none() {
        // Without a comment sign, three dots are Python's ellipsis or a spread, and not ours to judge.
        return dotted && body.starts_with(['.', '…']) && says_so(body);
    }
    only_dots
        || (dotted && (says_so(body) || (body.starts_with(['.', '…']) && body.ends_with(['.', '…']))))
        || says_all(body)
}

fn says_so(body: &str) -> bool {
    let lower = body.to_lowercase();
    STANDS_FOR.iter().any(|w| lower.contains(w)) || lower.contains("rest ") || lower.ends_with("rest")
}

/// Without dots only unmistakable sentences count: a comment may well speak of existing things.
fn says_all(body: &str) -> bool {
    let lower = body.to_lowercase();
    let lower = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let starts = [
        "rest of the",
        "rest of code",
        "rest unchanged",
        "remaining code",
        "existing code",
        "the rest of",
        "unchanged code",
    ];
    let ends = [
        "unchanged",
        "the same",
        "same as before",
        "remains",
        "here",
        "code",
        "file",
        "function",
        "class",
        "as before",
    ];
    starts.iter().any(|s| lower.starts_with(s)) && ends.iter().any(|e| lower.ends_with(e))
}
