//! Stack traces and panics: Python, Node, Rust, Go and Java. The finding is at the deepest frame inside the repository.

use super::source::range;
use super::{Message, Places};

/// A frame of a trace.
struct Frame<'t> {
    path: &'t str,
    line: usize,
}

/// Reads all traces.
pub(super) fn read(text: &str, places: &mut Places<'_>) -> Vec<Message> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let trace = if line.trim_start().starts_with("Traceback (most recent call last)") {
            Some(python(rest))
        } else if line.starts_with("thread '") && line.contains("panicked at ") {
            rust(line, rest)
        } else if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
            Some(go(line, rest))
        } else if rest.first().is_some_and(|next| next.trim_start().starts_with("at "))
            && !line.trim_start().starts_with("at ")
        {
            Some(called(line, rest))
        } else {
            None
        };
        let Some((frames, message, length)) = trace else {
            at += 1;
            continue;
        };
        found.extend(deepest(&frames, message, places));
        at += 1 + length;
    }
    found
}

/// The finding at the first of the frames, deepest first, whose file the tree has.
fn deepest(frames: &[Frame<'_>], message: &str, places: &mut Places<'_>) -> Option<Message> {
    for frame in frames {
        let Some(start) = places.source(frame.path).and_then(|source| source.start(frame.line)) else { continue };
        let message = message.trim();
        let rule = message.split([':', ' ']).next().unwrap_or_default();
        return Some(Message {
            tool: "trace",
            rule: rule.to_owned(),
            error: true,
            message: message.to_owned(),
            path: frame.path.to_owned(),
            line: frame.line,
            range: range(start, start),
            suggestion: Vec::new(),
            applicable: false,
        });
    }
    None
}

type Trace<'t> = (Vec<Frame<'t>>, &'t str, usize);

/// `  File "a.py", line 3, in f` down to the line of the exception, which is not indented.
fn python<'t>(rest: &[&'t str]) -> Trace<'t> {
    let mut frames = Vec::new();
    for (at, line) in rest.iter().enumerate() {
        if let Some((path, place)) =
            line.trim_start().strip_prefix("File \"").and_then(|rest| rest.split_once("\", line "))
        {
            let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
            frames.extend(digits.parse().ok().map(|line| Frame { path, line }));
        } else if !line.starts_with(' ') && !line.is_empty() {
            frames.reverse();
            return (frames, line, at + 1);
        }
    }
    frames.reverse();
    (frames, "", rest.len())
}

/// `thread 'main' panicked at src/main.rs:3:5:` and the message in the next line.
fn rust<'t>(line: &'t str, rest: &[&'t str]) -> Option<Trace<'t>> {
    let (_, place) = line.split_once("panicked at ")?;
    let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
    let (_column, number, path) = (parts.next()?, parts.next()?, parts.next()?);
    // Before 2023 the message stood in front of the place.
    let (message, path) = match path.rsplit_once("', ") {
        Some((message, path)) => (message.trim_start_matches('\''), path),
        None => (rest.first().copied().unwrap_or_default(), path),
    };
    Some((vec![Frame { path, line: number.parse().ok()? }], message, 0))
}

/// `panic: message`, then pairs of a function and `\t/path/file.go:12 +0x1d`.
fn go<'t>(line: &'t str, rest: &[&'t str]) -> Trace<'t> {
    let frame = |line: &&'t str| {
        let (path, place) = line.strip_prefix('\t')?.split_once(".go:")?;
        let digits = place.len() - place.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let path = line.get(1..path.len() + 1 + 3)?;
        Some(Frame { path, line: place.get(..digits)?.parse().ok()? })
    };
    let message = line.split_once(": ").map_or(line, |(_, message)| message);
    (rest.iter().filter_map(frame).collect(), message, rest.len())
}

/// A message, then `    at f (path:line:column)` or `\tat p.C.m(File.java:12)`.
fn called<'t>(line: &'t str, rest: &[&'t str]) -> Trace<'t> {
    let own: Vec<&&str> = rest.iter().take_while(|line| line.trim_start().starts_with("at ")).collect();
    let frame = |line: &&&'t str| {
        let inner = line.trim().strip_prefix("at ")?;
        let inner = inner.rsplit_once('(').map_or(inner, |(_, inner)| inner).trim_end_matches(')');
        let mut parts: Vec<&str> = inner.rsplitn(3, ':').collect();
        parts.reverse();
        match parts.as_slice() {
            [path, number, column] if column.parse::<usize>().is_ok() => {
                Some(Frame { path, line: number.parse().ok()? })
            }
            [path, number] => Some(Frame { path, line: number.parse().ok()? }),
            _ => None,
        }
    };
    let length = own.len();
    (own.iter().filter_map(frame).collect(), line, length)
}
