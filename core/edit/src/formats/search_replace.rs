//! SEARCH/REPLACE blocks.
//!
//! ```text
//! path/of/file.py
//! <<<<<<< SEARCH
//! lines of the file
//! =======
//! lines in their place
//! >>>>>>> REPLACE
//! ```

use super::fenced::file_name;
use super::locate::{self, Fit, LocateError, Place};
use super::replacement::replacement;
use super::{Applied, FormatError, lazy};
use crate::adopt::Adoption;
use crate::lines::{split_bom, to_lf};
use std::collections::HashMap;

const DIVIDER: &str = "=======";

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    /// The file that the lines above the block name; a block without a name of its own has that of the one before.
    pub path: Option<String>,
    /// The text to replace. Empty for a new file.
    pub search: String,
    /// The replacement. Empty to remove the text.
    pub replace: String,
    /// The line, from 1, that the model says the text is at.
    pub line_hint: Option<usize>,
}

/// All blocks of a reply.
pub fn parse(reply: &str) -> Result<Vec<Block>, FormatError> {
    let lines: Vec<&str> = reply.lines().collect();
    let mut out: Vec<Block> = Vec::new();
    let mut at = 0;
    let mut above = 0;
    while at < lines.len() {
        if !is_marker(lines[at], '<', "SEARCH") {
            at += 1;
            continue;
        }
        let wanted = |wanted| FormatError::Unfinished { line: at + 1, wanted };
        let end = (at + 1..lines.len()).find(|&i| is_marker(lines[i], '>', "REPLACE"));
        let next = (at + 1..lines.len()).find(|&i| is_marker(lines[i], '<', "SEARCH")).unwrap_or(lines.len());
        let end = end.filter(|&e| e < next).or_else(|| fenced_end(&lines[..next], at + 1));
        let Some(end) = end else { return Err(wanted(">>>>>>> REPLACE")) };
        let body = without_stutter(&lines[at + 1..end]);
        let divider = divider(body)
            .map_err(|n| if n == 0 { wanted("=======") } else { FormatError::SeveralDividers { line: at + 1 } })?;
        let (search, line_hint) = without_header(&body[..divider]);
        let named = lines[above..at].iter().rev().filter(|l| !l.trim().is_empty()).take(3).find_map(|l| {
            if l.trim_start().starts_with("```") {
                l.trim().trim_matches('`').split(' ').find_map(file_name)
            } else {
                file_name(l)
            }
        });
        let path = named.or_else(|| out.last().and_then(|b| b.path.clone()));
        let (search, replace) = without_numbers(search, &body[divider + 1..]);
        out.push(Block { path, search, replace, line_hint });
        at = end + 1;
        above = at;
    }
    if out.is_empty() { Err(FormatError::Nothing { wanted: "SEARCH/REPLACE block" }) } else { Ok(out) }
}

/// Make the blocks one after the other. Lines that they do not touch keep their bytes, and new lines get the line
/// endings of the file. Blocks that are the same are made in all their places when there are as many places as blocks.
pub fn apply(text: &str, blocks: &[Block]) -> Result<Applied, FormatError> {
    super::with_line_feeds(text, |text| made(text, blocks))
}

fn made(text: &str, blocks: &[Block]) -> Result<Applied, FormatError> {
    let mut counts: HashMap<&Block, usize> = HashMap::new();
    blocks.iter().for_each(|b| *counts.entry(b).or_default() += 1);
    let mut out = Applied { text: text.to_owned(), fits: Vec::new() };
    for (index, block) in blocks.iter().enumerate() {
        let Some(count) = counts.remove(block) else { continue };
        let wrong = |source| FormatError::Locate { block: index + 1, source };
        if let Some((line, marker)) = lazy::markers(&block.replace, &block.search).into_iter().next() {
            return Err(FormatError::LeftOut { line, marker });
        }
        if block.search.trim().is_empty() {
            if let Some(line) = block.line_hint {
                out.text = inserted(&out.text, line, &block.replace).map_err(wrong)?;
                out.fits.push(Fit::Exact);
                continue;
            }
            if !split_bom(&out.text).1.trim().is_empty() {
                return Err(wrong(LocateError::Empty));
            }
            out.text = crate::adopt::adopt(&out.text, &block.replace, Adoption::default());
            out.fits.push(Fit::Exact);
            continue;
        }
        let mut places = places(&out.text, block, count).map_err(wrong)?;
        places.sort_by_key(|p| std::cmp::Reverse(p.range.start));
        for place in places {
            out.fits.push(place.fit);
            let new = replacement(&out.text, &place, &block.search, &block.replace);
            out.text.replace_range(place.range, &new);
        }
    }
    Ok(out)
}

/// `text` with lines put in front of line `line`, or at the end when there are that many lines before it.
fn inserted(text: &str, line: usize, new: &str) -> Result<String, LocateError> {
    let bom = text.len() - split_bom(text).1.len();
    let lines = crate::lines::with_endings(&text[bom..]);
    let before = line.checked_sub(1).filter(|&n| n <= lines.len()).ok_or(LocateError::Empty)?;
    let at = bom + lines[..before].iter().map(|l| l.len()).sum::<usize>();
    let ending = crate::lines::LineEnding::dominant(text).as_str();
    let new = to_lf(new).replace('\n', ending);
    if text[..at].ends_with('\n') || at == bom {
        return Ok([&text[..at], &new, &text[at..]].concat());
    }
    // The last line stays as unfinished as it was.
    Ok([&text[..at], ending, new.strip_suffix(ending).unwrap_or(&new)].concat())
}

fn places(text: &str, block: &Block, count: usize) -> Result<Vec<Place>, LocateError> {
    let bom = text.len() - split_bom(text).1.len();
    let mut places = locate::find_all(&text[bom..], &block.search)?;
    places.iter_mut().for_each(|p| p.range = p.range.start + bom..p.range.end + bom);
    let disjoint = places.windows(2).all(|w| w[0].range.end <= w[1].range.start);
    if places.len() == count && disjoint {
        return Ok(places);
    }
    let lines: Vec<usize> = places.iter().map(|p| locate::line_at(text, p.range.start)).collect();
    match block.line_hint.and_then(|hint| lines.iter().position(|&l| l == hint)) {
        Some(index) => Ok(vec![places.swap_remove(index)]),
        None if places.len() == 1 => Ok(places),
        None => Err(LocateError::Ambiguous { lines }),
    }
}

/// `<<<<<<< SEARCH` and its like: five to nine of them, the word may be missing only at the end of a block.
fn is_marker(line: &str, mark: char, word: &str) -> bool {
    let line = line.trim_end();
    let rest = line.trim_start_matches(mark);
    let rest = rest.trim();
    let rest = rest.strip_suffix(['<', '>']).unwrap_or(rest).trim();
    (5..=9).contains(&(line.len() - line.trim_start_matches(mark).len()))
        && (rest == word || (mark == '>' && rest.is_empty()))
}

/// The index of the line that divides a block, or how many could be it.
fn divider(body: &[&str]) -> Result<usize, usize> {
    let size = |l: &str| if l.trim_end().bytes().all(|b| b == b'=') { l.trim_end().len() } else { 0 };
    let all: Vec<usize> = (0..body.len()).filter(|&i| (5..=9).contains(&size(body[i]))).collect();
    let seven: Vec<usize> = all.iter().copied().filter(|&i| size(body[i]) == 7).collect();
    match (all.as_slice(), seven.as_slice()) {
        ([one], _) | (_, [one]) => Ok(*one),
        (several, _) => Err(several.len()),
    }
}

/// Where a block ends that has a second divider for its end marker: the fence below that divider.
fn fenced_end(lines: &[&str], from: usize) -> Option<usize> {
    let end = (from..lines.len()).find(|&i| lines[i].starts_with("```"))?;
    (lines[end - 1].trim_end() == DIVIDER && divider(&lines[from..end]) == Err(2)).then_some(end)
}

/// The body without dividers right in front of its end marker that come after another one: what they would divide is not
/// there.
fn without_stutter<'a, 'b>(body: &'b [&'a str]) -> &'b [&'a str] {
    match body {
        [rest @ .., last] if last.trim_end() == DIVIDER && rest.iter().any(|l| l.trim_end() == DIVIDER) => {
            without_stutter(rest)
        }
        _ => body,
    }
}

/// The search text without the lines that some formats put in front of it (`:start_line:12`, `-------`).
fn without_header<'a, 'b>(lines: &'b [&'a str]) -> (&'b [&'a str], Option<usize>) {
    let mut rest = lines;
    let mut hint = None;
    while let [first, tail @ ..] = rest {
        if let Some(number) = first.strip_prefix(":start_line:") {
            hint = number.trim().parse().ok();
        } else if !(first.starts_with(":end_line:") || (hint.is_some() && first.trim() == "-------")) {
            break;
        }
        rest = tail;
    }
    (rest, hint)
}

/// Both texts without the line numbers (`12 | `) that models copy from numbered listings, if every line has one.
fn without_numbers(search: &[&str], replace: &[&str]) -> (String, String) {
    fn content(line: &str) -> Option<&str> {
        let (number, rest) = line.split_once('|')?;
        let digits = number.trim();
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| rest.strip_prefix(' ').unwrap_or(rest))
    }
    let strip = |lines: &[&str]| lines.iter().map(|l| content(l).map(|c| format!("{c}\n"))).collect::<Option<String>>();
    match (strip(search), strip(replace)) {
        (Some(search), Some(replace)) if !search.is_empty() => (search, replace),
        _ => (joined(search), joined(replace)),
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|l| [*l, "\n"]).collect()
}
