//! Whether an edit for a narrow instruction changes only what that may change. The tokens of the old and the new text are
//! compared, so that neither layout nor an unlucky diff hides a change of the code.

use crate::policy::Finding;
use deepcoder_syntax::{Docs, Kept, Language, Token, TokenKind, comments, tokens};
use deepcoder_types::{Constraint, FileChange, Renaming};

/// The most characters of code that a finding shows.
const SHOWN: usize = 60;

/// Checks one file. `instruction` is what the user wrote: who asks for docstrings does not ask for other comments.
pub(crate) fn check(change: &FileChange, constraint: &Constraint, instruction: &str, findings: &mut Vec<Finding>) {
    let path = &change.path;
    // Code may go anywhere; the operation compares what its names mean.
    if *constraint == Constraint::Refactoring {
        return;
    }
    // Without a grammar there is nothing to hold the edit to; a text that is not UTF-8 is refused elsewhere.
    let Some(language) = Language::program(path) else { return plain_lines(change, constraint, findings) };
    let text = |bytes: &'_ Vec<u8>| String::from_utf8(bytes.clone()).ok();
    let (Some(old), Some(new)) = (&change.old, &change.new) else {
        let what = if change.old.is_some() { "deletes" } else { "adds" };
        return findings.push(Finding::error(path, format!("{}, and this {what} a file", asked(constraint))));
    };
    let (Some(old), Some(new)) = (text(&old.bytes), text(&new.bytes)) else { return };
    let kept = match constraint {
        Constraint::Comments => Kept::Code,
        Constraint::Annotations => Kept::Untyped,
        Constraint::Rename(_) | Constraint::Layout | Constraint::Refactoring => Kept::All,
    };
    let Some(before) = tokens(language, &old, kept) else {
        let message = format!("{}; the file does not parse, so that this is not checked", asked(constraint));
        return findings.push(Finding::review(path, message));
    };
    // That the result does not parse is an error already.
    let Some(after) = tokens(language, &new, kept) else { return };
    let same = |a: &Token, b: &Token| same(constraint, (&old, a), (&new, b));
    if let Some((first, a, b)) = difference(&before.code, &after.code, same) {
        let (was, is) = (piece(&old, a), piece(&new, b));
        let line = after.code.get(first).or(after.code.last()).map_or(1, |t| t.line);
        let what = match (was.as_str(), is.as_str()) {
            ("", "") => "changes which block a statement is in".to_owned(),
            (was, "") => format!("removes `{was}`"),
            ("", is) => format!("adds `{is}`"),
            (was, is) => format!("makes `{is}` of `{was}`"),
        };
        findings.push(Finding::error(path, format!("{}, and line {line} {what}", asked(constraint))));
    }
    if keeps_comments(constraint, language, instruction)
        && let Some(what) = other_comments(language, (&old, &new))
    {
        findings.push(Finding::error(path, format!("{}, and this {what}", asked(constraint))));
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let left: Vec<String> = after.imports.iter().map(|r| words(&new[r.as_range()])).collect();
    let lost = before.imports.iter().map(|r| words(&old[r.as_range()])).find(|import| !left.contains(import));
    if let Some(import) = lost {
        findings.push(Finding::error(path, format!("{}, and `{}` is gone", asked(constraint), shown(&import))));
    }
}

/// Whether the instruction leaves comments as they are.
fn keeps_comments(constraint: &Constraint, language: Language, instruction: &str) -> bool {
    let mut words = instruction.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    match constraint {
        Constraint::Annotations => true,
        Constraint::Comments => {
            let (mut docstrings, mut comments) = (false, false);
            for word in words.by_ref() {
                docstrings |= word.starts_with("docstring");
                comments |= word.starts_with("comment") || word.starts_with("licen") || word == "header";
            }
            language.docs() == Docs::Docstring && docstrings && !comments
        }
        Constraint::Rename(_) | Constraint::Layout | Constraint::Refactoring => false,
    }
}

/// The first comment that is new or gone, but for those that tools read.
fn other_comments(language: Language, (old, new): (&str, &str)) -> Option<String> {
    let said = |text: &'_ str| -> Vec<String> {
        let all = comments(language, text).into_iter().filter_map(|range| text.get(range.as_range()));
        let directive = |comment: &&str| {
            let rest = comment.trim_start_matches(['#', '/', '*', ' ']);
            ["type:", "noqa", "mypy", "pyright", "pylint", "@ts-", "eslint"].iter().any(|lead| rest.starts_with(lead))
        };
        all.filter(|comment| !directive(comment)).map(|c| c.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let (before, mut after) = (said(old), said(new));
    let mut gone = None;
    for comment in &before {
        match after.iter().position(|other| other == comment) {
            Some(at) => _ = after.remove(at),
            None => gone = gone.or(Some(comment)),
        }
    }
    match (gone, after.first()) {
        (Some(was), Some(is)) => Some(format!("makes `{}` of `{}`", shown(is), shown(was))),
        (Some(was), None) => Some(format!("removes `{}`", shown(was))),
        (None, Some(is)) => Some(format!("adds `{}`", shown(is))),
        (None, None) => None,
    }
}

/// Holds an edit of comments to what it may do where there is no grammar: every line that is there stays, in its order. A
/// line behind a new comment mark is gone.
fn plain_lines(change: &FileChange, constraint: &Constraint, findings: &mut Vec<Finding>) {
    let (Constraint::Comments, Some(old), Some(new)) = (constraint, &change.old, &change.new) else { return };
    let (Ok(old), Ok(new)) = (std::str::from_utf8(&old.bytes), std::str::from_utf8(&new.bytes)) else { return };
    let is_comment = |line: &&str| ["#", "//", ";", "<!--", "--", "/*", "*"].iter().any(|mark| line.starts_with(mark));
    let mut left = new.lines().map(str::trim);
    let lost = old.lines().map(str::trim).filter(|l| !l.is_empty() && !is_comment(l)).find(|line| {
        // A comment may stand behind what is there.
        !left.by_ref().any(|now| now == *line || now.strip_prefix(line).is_some_and(|rest| rest.starts_with(' ')))
    });
    if let Some(line) = lost {
        let message = format!("{}, and the line `{}` is changed or gone", asked(constraint), shown(line));
        findings.push(Finding::error(&change.path, message));
    }
}

fn asked(constraint: &Constraint) -> String {
    match constraint {
        Constraint::Comments => "only comments or docstrings were asked for".to_owned(),
        Constraint::Annotations => "only type annotations were asked for".to_owned(),
        Constraint::Rename(Renaming { name, new_name }) => {
            format!("only a new name was asked for, `{new_name}` for `{name}`")
        }
        Constraint::Layout => "only another layout was asked for".to_owned(),
        Constraint::Refactoring => "only other names and places were asked for".to_owned(),
    }
}

fn same(constraint: &Constraint, (old, a): (&str, &Token), (new, b): (&str, &Token)) -> bool {
    fn said<'a>(text: &'a str, token: &Token) -> &'a str {
        text.get(token.range.as_range()).unwrap_or_default()
    }
    let (old, new) = (said(old, a), said(new, b));
    if a.kind != b.kind {
        return false;
    }
    match constraint {
        _ if old == new => true,
        Constraint::Rename(Renaming { name, new_name }) => renamed(old, new, name, new_name),
        Constraint::Layout if a.kind == TokenKind::Quote => old.replace('\'', "\"") == new.replace('\'', "\""),
        Constraint::Layout if a.kind == TokenKind::Comment => old.split_whitespace().eq(new.split_whitespace()),
        Constraint::Layout | Constraint::Comments | Constraint::Annotations | Constraint::Refactoring => false,
    }
}

/// Whether `new` is `old` with some of the words `name` become `new_name`.
fn renamed(old: &str, new: &str, name: &str, new_name: &str) -> bool {
    let (mut old, mut new) = (words(old), words(new));
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || (a == name && b == new_name) => {}
            _ => return false,
        }
    }
}

/// The text in pieces that are names or have none.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = of_name(rest.chars().next()?);
        let end = rest.find(|c| of_name(c) != first).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        rest = tail;
        Some(word)
    })
}

/// The index of the first difference, and what is on either side from there to the last one.
fn difference<'a>(
    old: &'a [Token],
    new: &'a [Token],
    same: impl Fn(&Token, &Token) -> bool,
) -> Option<(usize, &'a [Token], &'a [Token])> {
    let first = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let (old, new) = (&old[first..], &new[first..]);
    if old.is_empty() && new.is_empty() {
        return None;
    }
    let last = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| same(a, b)).count();
    Some((first, &old[..old.len() - last], &new[..new.len() - last]))
}

/// The text from the first to the last of the tokens.
fn piece(text: &str, tokens: &[Token]) -> String {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return String::new() };
    let (start, end) = (first.range.start as usize, last.range.end as usize);
    shown(text.get(start.min(end)..end).unwrap_or_default())
}

fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN - 1).collect::<String>() + "…" }
}
