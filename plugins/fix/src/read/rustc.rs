//! The text that rustc, cargo and clippy print: messages, and the suggestions that they show as changed lines.
//!
//! The form is that of rustc's `HumanEmitter`. Suggestions are shown in three ways: beside the marks (`^^^ help: try: `x``),
//! as lines with `-` and `+`, and as lines with `~`, of which the old ones are not shown. Line numbers may be `LL`, as the
//! compiler's own test suite prints them.

use super::source::{Source, range};
use super::{Message, Places};
use deepcoder_types::TextEdit;
use std::collections::BTreeMap;

/// A line of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown<'t> {
    number: Option<usize>,
    mark: Mark,
    text: &'t str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A line of the file.
    Code,
    /// A line without a number: marks below the code.
    Below,
    Minus,
    Plus,
    Tilde,
    /// Lines are left out.
    Gap,
}

/// The part of a message from one heading to the next.
#[derive(Debug, Clone, Default)]
struct Part<'t> {
    place: Option<(&'t str, usize, usize)>,
    shown: Vec<Shown<'t>>,
}

/// Reads all messages.
pub(super) fn read<'t>(text: &'t str, places: &mut Places<'_>) -> Vec<Message> {
    let lines: Vec<&'t str> = text.lines().collect();
    let mut found: Vec<Message> = Vec::new();
    // A lint names itself at its first message only.
    let mut rules: BTreeMap<String, String> = BTreeMap::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let Some((level, rule, message)) = heading(line) else {
            at += 1;
            continue;
        };
        let end = lines.iter().skip(at + 1).position(|line| line.trim().is_empty() || heading(line).is_some());
        let end = end.map_or(lines.len(), |more| at + 1 + more);
        let body = lines.get(at + 1..end).unwrap_or_default();
        if let Some(mut message) = one(level, rule, message, body, places) {
            if message.rule.is_empty() {
                message.rule = rules.get(&message.message).cloned().unwrap_or_default();
            } else {
                rules.insert(message.message.clone(), message.rule.clone());
            }
            found.push(message);
        }
        at = end;
    }
    found
}

/// The level, the code and the message of a first line.
fn heading(line: &str) -> Option<(&str, &str, &str)> {
    let level = ["error", "warning"].into_iter().find(|level| line.starts_with(level))?;
    let rest = line.strip_prefix(level)?;
    if let Some(message) = rest.strip_prefix(": ") {
        return Some((level, "", message));
    }
    let (code, message) = rest.strip_prefix('[')?.split_once("]: ")?;
    Some((level, code, message))
}

fn one(level: &str, code: &str, message: &str, body: &[&str], places: &mut Places<'_>) -> Option<Message> {
    let mut parts: Vec<Part<'_>> = vec![Part::default()];
    let mut rule = code.to_owned();
    for line in body {
        if line.starts_with("help: ") || line.starts_with("note: ") {
            parts.push(Part::default());
            continue;
        }
        let Some(part) = parts.last_mut() else { continue };
        if let Some(place) = arrow(line) {
            part.place.get_or_insert(place);
        } else if let Some(shown) = listing(line) {
            part.shown.push(shown);
        }
        if let Some(lint) = lint(line) {
            rule = lint;
        }
    }
    let first = parts.first()?.clone();
    let (path, line, column) = first.place?;
    let source = places.source(path)?;
    let start = source.byte(line, column)?;
    let listed = first.shown.iter().find(|shown| shown.mark == Mark::Code);
    let listed = listed.and_then(|shown| shown_line(&source, shown, line, 1)).map_or(line, |(number, _)| number);
    let primary = Primary {
        line,
        start,
        first: listed.min(line),
        end: end_of(&source, &first, line, column).unwrap_or((line, start)),
    };
    let helps = parts.iter().skip(1).filter(|part| part.place.is_none_or(|(other, ..)| other == path));
    let suggestion = beside(&source, &first, &primary)
        .or_else(|| helps.filter_map(|part| changed_lines(&source, part, &primary)).next())
        .unwrap_or_default();
    Some(Message {
        tool: "rustc",
        rule,
        error: level == "error",
        message: message.to_owned(),
        path: path.to_owned(),
        line,
        range: range(start, primary.end.1),
        suggestion,
        applicable: false,
    })
}

/// The place that a message is about.
struct Primary {
    line: usize,
    start: usize,
    /// The first line that the message shows.
    first: usize,
    /// Its last line, and the byte after it.
    end: (usize, usize),
}

/// `  --> src/main.rs:12:5`
fn arrow(line: &str) -> Option<(&str, usize, usize)> {
    let rest = line.trim_start().strip_prefix("--> ")?;
    let (rest, column) = rest.rsplit_once(':')?;
    let (path, line) = rest.rsplit_once(':')?;
    Some((path, line.parse().ok()?, column.trim().parse().ok()?))
}

/// The lint that a note names.
fn lint(line: &str) -> Option<String> {
    let note = line.trim_start().strip_prefix("= ")?;
    let named = note
        .find("#[warn(")
        .or_else(|| note.find("#[deny("))
        .or_else(|| note.find(concat!("#[", "allow(")))
        .and_then(|at| note.get(at..)?.split_once('(')?.1.split_once(')').map(|(name, _)| name));
    let name =
        named.or_else(|| note.split_once("`-D ").and_then(|(_, rest)| rest.split_once('`')).map(|(name, _)| name))?;
    Some(name.trim_start_matches("clippy::").replace('-', "_"))
}

fn listing(line: &str) -> Option<Shown<'_>> {
    let rest = line.trim_start();
    if rest == "..." {
        return Some(Shown { number: None, mark: Mark::Gap, text: "" });
    }
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let digits = if rest.starts_with("LL ") || rest == "LL" { 2 } else { digits };
    let (number, rest) = rest.split_at_checked(digits)?;
    let rest = rest.trim_start_matches(' ');
    let mark = match (rest.chars().next()?, number.is_empty()) {
        ('|', true) => Mark::Below,
        ('|', false) => Mark::Code,
        ('-', false) => Mark::Minus,
        ('+', false) => Mark::Plus,
        ('~', false) => Mark::Tilde,
        _ => return None,
    };
    let text = rest.get(1..)?;
    Some(Shown { number: number.parse().ok(), mark, text: text.strip_prefix(' ').unwrap_or(text) })
}

/// The line of the file that a listing shows, and the columns in front of it.
fn shown_line(source: &Source<'_>, shown: &Shown<'_>, near: usize, from: usize) -> Option<(usize, usize)> {
    let tail = shown.text.trim_end().chars().next_back();
    let fits = |number: usize| {
        let line = source.line(number)?;
        if line.trim_end().chars().next_back() != tail {
            return None;
        }
        let line = line.replace('\t', "    ");
        let before = shown.text.trim_end().strip_suffix(line.trim_end())?;
        before.chars().all(|c| matches!(c, ' ' | '|' | '/' | '_')).then(|| (number, before.chars().count()))
    };
    if let Some(number) = shown.number {
        return fits(number);
    }
    if shown.text.trim().is_empty() {
        return None;
    }
    let mut best: Option<(usize, usize)> = None;
    for number in from..=source.len() {
        let Some((number, columns)) = fits(number) else { continue };
        // Columns in front are those of marks of several lines; a line that needs none is the better one.
        let rank = |(n, c): (usize, usize)| (c.min(4), n.abs_diff(near));
        if source.line(number).is_some_and(|line| !line.trim().is_empty())
            && best.is_none_or(|best| rank((number, columns)) < rank(best))
        {
            best = Some((number, columns));
        }
    }
    best
}

/// The last line of a place and the byte after it, by its marks.
fn end_of(source: &Source<'_>, part: &Part<'_>, line: usize, column: usize) -> Option<(usize, usize)> {
    let mut code: Option<Shown<'_>> = None;
    let mut near = line;
    for shown in &part.shown {
        match shown.mark {
            Mark::Code => {
                code = Some(*shown);
                near += 1;
            }
            Mark::Below if shown.text.contains('^') => {
                let near = near.saturating_sub(1).max(line);
                let (number, before) = shown_line(source, code.as_ref()?, near, line)?;
                let chars: Vec<char> = shown.text.chars().collect();
                if number == line && !shown.text.contains('_') {
                    let first = chars.iter().position(|c| *c == '^')?;
                    let run = chars.iter().skip(first).take_while(|c| **c == '^').count();
                    return Some((line, source.byte(line, column + run)?));
                }
                // The marks of several lines begin with one on the first line.
                if number > line {
                    let last = chars.iter().position(|c| *c == '^')?;
                    return Some((number, source.shown_byte(number, (last + 1).checked_sub(before)?)?));
                }
            }
            _ => {}
        }
    }
    None
}

/// The suggestion beside the marks: `^^^^ help: try: `code``.
fn beside(source: &Source<'_>, part: &Part<'_>, primary: &Primary) -> Option<Vec<TextEdit>> {
    for (index, shown) in part.shown.iter().enumerate().filter(|(_, shown)| shown.mark == Mark::Below) {
        let Some((head, help)) = shown.text.split_once("help: ") else { continue };
        let code = help.split_once(": `").and_then(|(_, code)| code.trim_end().strip_suffix('`'));
        let new = match code {
            Some(code) => code,
            None if help.starts_with("remove ") => "",
            None => continue,
        };
        let chars: Vec<char> = head.chars().collect();
        let marked = |c: &char| matches!(c, '^' | '-' | '~');
        let trimmed_len = head.trim_end().chars().count();
        let on_line = trimmed_len > 0 && chars.get(trimmed_len - 1).is_some_and(marked) && head.ends_with(' ');
        let (first, last) = if on_line {
            let kind = chars.get(trimmed_len - 1)?;
            let run = chars.iter().take(trimmed_len).rev().take_while(|c| *c == kind).count();
            if head.contains('_') {
                // The end of several lines.
                return Some(vec![TextEdit {
                    range: range(primary.start, primary.end.1),
                    replacement: new.to_owned(),
                }]);
            }
            (trimmed_len - run, trimmed_len)
        } else {
            let column = chars.len();
            let marks = part.shown.iter().take(index).rev().find(|above| {
                above.mark == Mark::Below && above.text.chars().nth(column).as_ref().is_some_and(marked)
            })?;
            let kind = marks.text.chars().nth(column)?;
            (column, column + marks.text.chars().skip(column).take_while(|c| *c == kind).count())
        };
        let code = part.shown.iter().take(index).rev().find(|above| above.mark == Mark::Code)?;
        let (number, before) = shown_line(source, code, primary.line, 1)?;
        let start = source.shown_byte(number, first.checked_sub(before)?)?;
        let end = source.shown_byte(number, last.checked_sub(before)?)?;
        return Some(vec![TextEdit { range: range(start, end), replacement: new.to_owned() }]);
    }
    None
}

/// The suggestion that a listing of changed lines shows.
fn changed_lines(source: &Source<'_>, part: &Part<'_>, primary: &Primary) -> Option<Vec<TextEdit>> {
    let changes = |shown: &Shown<'_>| {
        matches!(shown.mark, Mark::Minus | Mark::Plus | Mark::Tilde)
            || shown.mark == Mark::Below && marks_only(shown.text, '+')
    };
    if !part.shown.iter().any(changes) {
        return None;
    }
    let mut near = part.place.map_or(primary.line, |(_, line, _)| line);
    let mut edits = Vec::new();
    // Alternatives are apart by an empty line: the first one counts.
    let shown: Vec<Shown<'_>> = part.shown.iter().copied().skip_while(|shown| shown.mark == Mark::Below).collect();
    let empty = |shown: &Shown<'_>| shown.mark == Mark::Below && shown.text.trim().is_empty();
    let end = shown.iter().position(empty).unwrap_or(shown.len());
    let shown = shown.get(..end)?;
    for segment in shown.split(|shown| shown.mark == Mark::Gap).filter(|segment| !segment.is_empty()) {
        let (last, mut more) = if segment.iter().any(|shown| shown.mark == Mark::Tilde) {
            tildes(source, segment, near, primary)?
        } else {
            lines(source, segment, near)?
        };
        near = last;
        edits.append(&mut more);
    }
    (!edits.is_empty()).then_some(edits)
}

fn marks_only(text: &str, mark: char) -> bool {
    text.contains(mark) && text.chars().all(|c| c == ' ' || c == mark)
}

/// Blanks around what is put into a line have no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    None,
    After,
    Before,
}

/// The old and the new form of each line: `-` and `+`, and `+` below a line for what is put into it.
fn old_and_new(segment: &[Shown<'_>], blank: Blank) -> (Vec<String>, Vec<String>) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (index, shown) in segment.iter().enumerate() {
        match shown.mark {
            Mark::Minus => old.push(shown.text.to_owned()),
            Mark::Plus | Mark::Tilde => new.push(shown.text.to_owned()),
            Mark::Code => {
                new.push(shown.text.to_owned());
                let below = segment.get(index + 1).filter(|b| b.mark == Mark::Below && marks_only(b.text, '+'));
                let mut marks: Vec<char> = below.map(|below| below.text.chars().collect()).unwrap_or_default();
                let chars: Vec<char> = shown.text.chars().collect();
                marks.resize(chars.len(), ' ');
                let marked = |at: usize| marks.get(at) == Some(&'+');
                let unmarked: Vec<usize> = (0..chars.len())
                    .filter(|at| !marked(*at) && chars.get(*at) == Some(&' '))
                    .filter(|at| match blank {
                        Blank::None => false,
                        Blank::After => *at > 0 && marked(at - 1),
                        Blank::Before => marked(at + 1),
                    })
                    .collect();
                for at in unmarked {
                    if let Some(mark) = marks.get_mut(at) {
                        *mark = '+';
                    }
                }
                let kept = shown.text.chars().enumerate().filter(|(at, _)| marks.get(*at) != Some(&'+'));
                old.push(kept.map(|(_, c)| c).collect());
            }
            Mark::Below | Mark::Gap => {}
        }
    }
    (old, new)
}

fn lines(source: &Source<'_>, segment: &[Shown<'_>], near: usize) -> Option<(usize, Vec<TextEdit>)> {
    let numbered = segment.iter().find(|shown| shown.mark != Mark::Plus).and_then(|shown| shown.number);
    let known = [Blank::None, Blank::After, Blank::Before].into_iter().find_map(|blank| {
        let (old, new) = old_and_new(segment, blank);
        let borrowed: Vec<&str> = old.iter().map(String::as_str).collect();
        let number = source.find(&borrowed, numbered.unwrap_or(near))?;
        numbered.is_none_or(|numbered| numbered == number).then_some((number, old.len(), new))
    });
    if let Some((number, old, new)) = known {
        return Some((number, source.replace(number, number + old - 1, &with_tabs(source, number, new))?));
    }
    let (old, new) = old_and_new(segment, Blank::None);
    if old.is_empty() {
        // Whole lines that come before the one with their number.
        let number = segment.first()?.number?;
        let at = source.start(number)?;
        let text: String = new.iter().map(|line| format!("{line}\n")).collect();
        return Some((number, vec![TextEdit { range: range(at, at), replacement: text }]));
    }
    None
}

/// Lines of which the old form is not shown: as many as are marked, or as the message is about. Of several possible
/// answers none is taken.
fn tildes(
    source: &Source<'_>,
    segment: &[Shown<'_>],
    near: usize,
    primary: &Primary,
) -> Option<(usize, Vec<TextEdit>)> {
    let new: Vec<String> =
        segment.iter().filter(|s| !matches!(s.mark, Mark::Below | Mark::Minus)).map(|s| s.text.to_owned()).collect();
    let lead = segment.iter().position(|shown| shown.mark != Mark::Code)?;
    let first = segment.first()?;
    let start = match first.number {
        Some(number) => number,
        None if lead > 0 => source.find(&[first.text], near)?,
        None => near.max(primary.line),
    };
    let kept = segment.iter().filter(|s| matches!(s.mark, Mark::Code | Mark::Tilde | Mark::Minus)).count();
    let (listed, last) = (primary.first.min(primary.line), primary.end.0);
    let starts = [start, listed, (last + 1).saturating_sub(kept)];
    let region = |start: usize| {
        let same = (start..start + new.len()).find(|end| {
            source.line(*end).zip(new.last()).is_some_and(|(a, b)| a.trim_end() == b.trim_end() && !a.trim().is_empty())
        });
        let ends = [same, Some(last), Some(start + kept - 1), Some(start + new.len() - 1)];
        ends.into_iter()
            .flatten()
            .filter(|end| *end >= start && *end <= source.len())
            .map(|end| (start, end))
            .collect::<Vec<_>>()
    };
    let fits = |(start, end): &(usize, usize)| {
        let (old_first, old_last) = (source.line(*start), source.line(*end));
        let same_start =
            old_first.zip(new.first()).is_some_and(|(old, new)| new.trim().is_empty() || indent(old) == indent(new));
        let last = segment.iter().rev().find(|s| s.mark != Mark::Below);
        let same_end = match last {
            Some(last) if last.mark == Mark::Code => old_last.is_some_and(|old| old.trim() == last.text.trim()),
            Some(last) if last.text.trim().is_empty() => true,
            Some(last) => old_last.is_some_and(|old| ends_alike(old, last.text)),
            None => false,
        };
        same_start && same_end && covers((*start, *end), primary)
    };
    let numbered = first.number.is_some();
    let mut candidates = starts.into_iter().filter(|at| *at > 0 && (!numbered || *at == start)).flat_map(region);
    let (start, end) = candidates.find(fits)?;
    Some((end, source.replace(start, end, &with_tabs(source, start, new))?))
}

/// Whether lines hold a part of what a message is about.
fn covers((start, end): (usize, usize), primary: &Primary) -> bool {
    start <= primary.end.0 && primary.first <= end
}

/// A tool replaces code, so that what ends a line stays, or both ends are code of their own.
fn ends_alike(old: &str, new: &str) -> bool {
    let edge = |text: &str| text.trim_end().chars().next_back();
    let (a, b) = (edge(old), edge(new));
    a == b || !matches!(a, Some('{' | ',' | ';')) || matches!((a, b), (Some(','), Some('}')))
}

fn indent(line: &str) -> usize {
    let line = line.replace('\t', "    ");
    line.len() - line.trim_start().len()
}

/// Lines as the file writes them: with tabs where it has them.
fn with_tabs(source: &Source<'_>, number: usize, new: Vec<String>) -> Vec<String> {
    if !source.line(number).is_some_and(|line| line.starts_with('\t')) {
        return new;
    }
    let tabbed = |line: String| {
        let rest = line.trim_start_matches("    ");
        let tabs = (line.len() - rest.len()) / 4;
        format!("{}{rest}", "\t".repeat(tabs))
    };
    new.into_iter().map(tabbed).collect()
}
