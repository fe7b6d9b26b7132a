//! The checks that look at the bytes of one file.

use crate::markers;
use crate::policy::{Finding, Policy};
use deepcoder_types::{FileChange, FileImage, RepoPath};
use std::collections::HashMap;

const BOM: &str = "\u{feff}";

pub(crate) fn check(change: &FileChange, policy: &Policy, findings: &mut Vec<Finding>) {
    let path = &change.path;
    let (old, new) = match (&change.old, &change.new) {
        (None, None) => return findings.push(Finding::error(path, "the change has neither an old nor a new file")),
        (Some(_), None) => return findings.push(Finding::warning(path, "the file is deleted")),
        (old, Some(new)) => (old.as_ref(), new),
    };
    let size = new.bytes.len() as u64;
    if size > policy.max_file_bytes {
        let limit = policy.max_file_bytes;
        findings.push(Finding::error(path, format!("the result has {size} bytes, more than the limit of {limit}")));
        return;
    }
    mode(path, old, new, findings);
    let Some((old, new)) = encoding(path, old, new, findings) else { return };
    if let Some(old) = old {
        line_endings(path, old, new, findings);
        deletions(path, old, new, findings);
    }
    for (line, text) in markers::introduced(old.unwrap_or_default(), new, markers::is_conflict) {
        findings.push(Finding::error(path, format!("line {line} is a conflict marker: `{}`", shown(text))));
    }
    if deepcoder_syntax::Language::program(path).is_some() {
        for (line, text) in markers::introduced(old.unwrap_or_default(), new, markers::is_placeholder) {
            findings.push(Finding::error(path, format!("line {line} stands for code left out: `{}`", shown(text))));
        }
        let asked = policy.instruction.to_lowercase().contains("todo");
        for (line, text) in
            markers::introduced(old.unwrap_or_default(), new, |line| !asked && markers::is_unwritten(line))
        {
            findings.push(Finding::review(path, format!("line {line} leaves the work to be done: `{}`", shown(text))));
        }
    }
    crate::syntax::check(path, old, new, findings);
}

/// Permission bits. A set-user-id bit is never what an instruction to edit text means.
fn mode(path: &RepoPath, old: Option<&FileImage>, new: &FileImage, findings: &mut Vec<Finding>) {
    let (was, is) = (old.and_then(|o| o.mode).unwrap_or(0o644), new.mode.unwrap_or(0o644));
    if is & !was & 0o7000 != 0 {
        findings.push(Finding::error(path, format!("the permissions gain special bits: {is:04o}")));
    } else if is & !was & 0o111 != 0 {
        findings.push(Finding::warning(path, format!("the file becomes executable: {is:04o}")));
    }
}

/// The texts, where both are text and the encoding is kept.
fn encoding<'a>(
    path: &RepoPath,
    old: Option<&'a FileImage>,
    new: &'a FileImage,
    findings: &mut Vec<Finding>,
) -> Option<(Option<&'a str>, &'a str)> {
    let old = match old.map(|o| std::str::from_utf8(&o.bytes)) {
        Some(Err(_)) => {
            findings.push(Finding::error(path, "the file is not UTF-8, so its edit cannot be checked"));
            return None;
        }
        Some(Ok(text)) => Some(text),
        None => None,
    };
    let new = match std::str::from_utf8(&new.bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            findings.push(Finding::error(path, format!("the result is not UTF-8 (at byte {at})")));
            return None;
        }
    };
    if new.contains('\0') && !old.is_some_and(|o| o.contains('\0')) {
        findings.push(Finding::error(path, "the result contains a NUL character"));
    }
    match old.map(|o| o.starts_with(BOM)) {
        Some(true) if !new.starts_with(BOM) && !new.is_empty() => {
            findings.push(Finding::error(path, "the byte order mark at the start of the file is lost"));
        }
        Some(false) | None if new.starts_with(BOM) => {
            findings.push(Finding::error(path, "a byte order mark appears at the start of the file"));
        }
        _ => {}
    }
    Some((old, new))
}

/// Line endings that flip or become mixed. An instruction may ask for it, so it is a warning.
fn line_endings(path: &RepoPath, old: &str, new: &str, findings: &mut Vec<Finding>) {
    let kinds = |text: &str| {
        let crlf = text.matches("\r\n").count();
        (crlf, text.matches('\n').count() - crlf, text.matches('\r').count() - crlf)
    };
    let ((old_crlf, old_lf, old_cr), (new_crlf, new_lf, new_cr)) = (kinds(old), kinds(new));
    // A few in a text of other lines are characters; alone they end the lines.
    if old_cr > 0 && old_crlf + old_lf == 0 && new_crlf + new_lf > 0 {
        let message = match new_cr {
            0 if new_crlf > 0 => "the line endings change from CR to CRLF",
            0 => "the line endings change from CR to LF",
            _ => "the line endings become mixed",
        };
        return findings.push(Finding::warning(path, message));
    }
    if new_cr > 0 && new_crlf + new_lf == 0 && old_crlf + old_lf > 1 {
        let was = if old_crlf > 0 { "CRLF" } else { "LF" };
        return findings.push(Finding::warning(path, format!("the line endings change from {was} to CR")));
    }
    if new_cr > old_cr && old_cr == 0 && old_crlf + old_lf > 0 {
        return findings.push(Finding::warning(path, "the line endings become mixed"));
    }
    let message = match (old_crlf > 0, old_lf > 0, new_crlf > 0, new_lf > 0) {
        (true, false, false, true) => "the line endings change from CRLF to LF",
        (false, true, true, false) => "the line endings change from LF to CRLF",
        (true, false, true, true) | (false, true, true, true) => "the line endings become mixed",
        _ => return,
    };
    findings.push(Finding::warning(path, message));
}

/// Lines that are gone. Moved lines are not gone, so the comparison is of multisets.
fn deletions(path: &RepoPath, old: &str, new: &str, findings: &mut Vec<Finding>) {
    let lines = |text: &'_ str| text.lines().map(str::trim).filter(|l| !l.is_empty()).count();
    let total = lines(old);
    if total > 0 && lines(new) == 0 {
        return findings.push(Finding::review(path, "the file becomes empty"));
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for line in new.lines().map(str::trim) {
        *left.entry(line).or_default() += 1;
    }
    let gone = old
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .filter(|line| match left.get_mut(line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .count();
    // A rewrite of most lines of a short file is an ordinary edit; a file that also shrinks to half is not.
    if total >= 10 && gone * 2 > total && lines(new) * 2 < total {
        findings.push(Finding::warning(path, format!("{gone} of {total} lines are removed")));
    }
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
