//! The new text of a place.

use super::locate::Place;
use crate::diff::line_spans;
use crate::lines::{LineEnding, split_line, to_lf, with_endings};

/// The replacement of the range when the piece `before` becomes `after`. Lines that both have keep the bytes that the
/// text has for them, however loosely they fitted; new ones get its indentation and its line endings.
pub(crate) fn replacement(text: &str, place: &Place, before: &str, after: &str) -> String {
    let ending = LineEnding::dominant(text).as_str();
    let (before, after) = (to_lf(before), to_lf(after));
    if !place.whole_lines {
        return after.trim_end_matches('\n').replace('\n', ending);
    }
    let old = &text[place.range.clone()];
    let lines: Vec<&str> = with_endings(old);
    let keys = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (first, last) = place.extra;
    let mut piece = keys(&before);
    piece = piece.get(first..piece.len().saturating_sub(last)).unwrap_or_default().to_vec();
    let new = keys(without_extra(&after, place.extra));
    let mut out: Vec<(String, &str)> = Vec::new();
    for span in line_spans(&piece, &new) {
        if span.equal {
            out.extend(
                lines
                    .get(span.old)
                    .unwrap_or_default()
                    .iter()
                    .map(|line| split_line(line))
                    .map(|(line, own)| (line.to_owned(), own)),
            );
        } else {
            out.extend(new[span.new].iter().map(|line| (place.shift.apply(line), ending)));
        }
    }
    // The last line of a file may be unfinished, and then its replacement is as well.
    let finished = old.is_empty() || old.ends_with('\n');
    let end = out.len().saturating_sub(1);
    let line = |(index, (line, own)): (usize, (String, &str))| match own {
        _ if index == end && !finished => line,
        "" => line + ending,
        own => line + own,
    };
    out.into_iter().enumerate().map(line).collect()
}

/// At most so many empty lines fewer at the beginning and the end.
fn without_extra(text: &str, (first, last): (usize, usize)) -> &str {
    let mut rest = text;
    for _ in 0..first {
        rest = rest.split_once('\n').filter(|(line, _)| line.trim().is_empty()).map_or(rest, |(_, rest)| rest);
    }
    for _ in 0..last {
        let Some(body) = rest.strip_suffix('\n') else { break };
        let line = body.rfind('\n').map_or(0, |i| i + 1);
        // A text that is all empty lines is what its beginning has left.
        if line == 0 || !body[line..].trim().is_empty() {
            break;
        }
        rest = &rest[..line];
    }
    rest
}
