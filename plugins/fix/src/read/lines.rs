//! Messages of one line: tsc, gcc, clang, javac, go, ruff, mypy and others that print `path:line:column: message`.

use super::source::range;
use super::{Message, Places};

/// Reads all messages.
pub(super) fn read(text: &str, places: &mut Places<'_>) -> Vec<Message> {
    text.lines().filter_map(|line| one(line.trim_end(), places)).collect()
}

fn one(line: &str, places: &mut Places<'_>) -> Option<Message> {
    let (path, number, column, rest) = in_brackets(line).or_else(|| by_colons(line))?;
    let source = places.source(path)?;
    let start = source.byte(number, column.max(1))?;
    let (error, rule, message) = message(rest);
    if message.is_empty() {
        return None;
    }
    // A compiler's position is the start of a word: the word is what it is about.
    let word = source.text.get(start..)?.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '$');
    let length: usize = word.map(char::len_utf8).sum();
    Some(Message {
        tool: if rule.starts_with("TS") { "tsc" } else { "" },
        rule,
        error,
        message,
        path: path.to_owned(),
        line: number,
        range: if column == 0 { range(start, start) } else { range(start, start + length) },
        suggestion: Vec::new(),
        applicable: false,
    })
}

/// `src/a.ts(3,5): rest`
fn in_brackets(line: &str) -> Option<(&str, usize, usize, &str)> {
    let (head, rest) = line.split_once("): ")?;
    let (path, place) = head.rsplit_once('(')?;
    let (number, column) = place.split_once(',')?;
    Some((path, number.parse().ok()?, column.parse().ok()?, rest))
}

/// `src/a.c:3:5: rest`, `A.java:3: rest` and `src/a.ts:3:5 - rest`
fn by_colons(line: &str) -> Option<(&str, usize, usize, &str)> {
    let mut from = 0;
    while let Some(colon) = line.get(from..)?.find(':').map(|at| from + at) {
        let rest = line.get(colon + 1..)?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let path = line.get(..colon)?.trim_start();
        if digits > 0 && !path.is_empty() {
            let number = rest.get(..digits)?.parse().ok()?;
            let rest = rest.get(digits..)?;
            let columns = rest
                .strip_prefix(':')
                .map_or(0, |r| r.len() - r.trim_start_matches(|c: char| c.is_ascii_digit()).len());
            let (column, rest) =
                if columns > 0 { (rest.get(1..=columns)?.parse().ok()?, rest.get(columns + 1..)?) } else { (0, rest) };
            let message = rest.strip_prefix(": ").or_else(|| rest.strip_prefix(" - "))?;
            return Some((path, number, column, message));
        }
        from = colon + 1;
    }
    None
}

/// The level, the rule and the message.
fn message(rest: &str) -> (bool, String, String) {
    let rest = rest.trim();
    let levels = ["fatal error", "error", "warning", "note"];
    let level = levels.into_iter().find(|level| rest.starts_with(level));
    let body = level.and_then(|level| rest.strip_prefix(level)).unwrap_or(rest).trim_start_matches([' ', ':']);
    // `TS2304: message` and `F401 [*] message`
    let code = |word: &str| {
        let letters = word.len() - word.trim_start_matches(|c: char| c.is_ascii_uppercase()).len();
        letters > 0 && letters < word.len() && word.bytes().skip(letters).all(|b| b.is_ascii_digit())
    };
    let (word, tail) = body.split_once(' ').unwrap_or((body, ""));
    if code(word.trim_end_matches(':')) {
        let message = tail.trim_start_matches("[*] ");
        return (level != Some("warning"), word.trim_end_matches(':').to_owned(), message.to_owned());
    }
    // `message [-Wunused]` and `message  [import-not-found]`
    if let Some((message, rule)) = body.strip_suffix(']').and_then(|body| body.rsplit_once('['))
        && !rule.contains(' ')
    {
        return (level.is_none_or(|level| level.ends_with("error")), rule.to_owned(), message.trim_end().to_owned());
    }
    (level.is_none_or(|level| level.ends_with("error")), String::new(), body.to_owned())
}
