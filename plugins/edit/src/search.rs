//! SEARCH/REPLACE blocks whose first half is chosen among the file's own lines, so that it cannot miss.

use crate::ask::{Question, ask, ask_within};
use crate::target::{Base, ended};
use crate::work::Work;
use deepcoder_edit::formats::{FormatError, region};
use deepcoder_edit::{Adoption, split_bom};
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_types::{Form, Grammar, MAX_CHOICES, MAX_GRAMMAR_BYTES};
use std::collections::HashMap;
use std::ops::Range;

/// Blocks of one answer at most.
const MAX_BLOCKS: usize = 8;
/// How many lines the first half of a block may have more than it needs to be found.
const MORE: [usize; 5] = [0, 1, 2, 4, 8];
/// Lines that a place needs at most to be the only one like it.
const MAX_LINES: usize = 12;
const DIVIDER: &str = "=======\n";
const BEGIN: &str = "<<<<<<< SEARCH\n";
const END: &str = "```";

/// What came of asking for blocks.
pub(crate) enum Blocks {
    /// The new text.
    Text(String),
    /// The model kept to no grammar: its answer, in which blocks are looked for.
    Answer(String),
}

/// Lines of a file that are nowhere else in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    /// The bytes of the file.
    range: Range<usize>,
    /// The lines as the model sees them.
    text: String,
}

/// The blocks that the model writes, one after the other, each half by half.
pub(crate) fn edit(
    work: &Work<'_>,
    base: &Base,
    question: &Question,
) -> Result<Result<Blocks, FormatError>, PluginError> {
    let windows = windows(&base.text, &work.instruction.prompt);
    let mut question = question.clone();
    let mut made: Vec<(Range<usize>, String)> = Vec::new();
    let attempt = work.first_attempt();
    while made.len() < MAX_BLOCKS {
        let apart = |w: &&Window| made.iter().all(|(r, _)| w.range.end <= r.start || r.end <= w.range.start);
        let free: Vec<&Window> = windows.iter().filter(apart).collect();
        // The opening line of the first block is given.
        let lead = if made.is_empty() { "" } else { BEGIN };
        let mut options: Vec<String> = free.iter().map(|w| format!("{lead}{}{DIVIDER}", w.text)).collect();
        if !made.is_empty() {
            options.push(END.to_owned());
        }
        if options.is_empty() {
            break;
        }
        let grammar = Grammar::of(Form::Choices(options.clone()));
        let found = match ask_within(work.host, &question, attempt, Some(grammar)) {
            Ok(found) => found,
            // A model without grammars is asked as it was before there were any.
            Err(error) if error.code == ErrorCode::Invalid && made.is_empty() => ask(work.host, &question, attempt)?,
            Err(error) => return Err(error),
        };
        let Some(at) = options.iter().position(|option| *option == found) else {
            if made.is_empty() {
                return Ok(Ok(Blocks::Answer(found)));
            }
            break;
        };
        let Some(window) = free.get(at) else { break };
        question.prefill.push_str(&found);
        let stop = std::mem::replace(&mut question.stop, vec![">>>>>>>".to_owned()]);
        let replacement = ask(work.host, &question, attempt)?;
        question.stop = stop;
        question.prefill.push_str(&format!("{}\n>>>>>>> REPLACE\n", replacement.trim_end()));
        made.push((window.range.clone(), replacement));
    }
    made.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = base.text.clone();
    for (range, replacement) in made {
        if replacement.trim().is_empty() {
            text.replace_range(range, "");
            continue;
        }
        match region::replace(&text, range, &ended(&replacement), Adoption::default()) {
            Ok(new) => text = new,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(Blocks::Text(text)))
}

/// Runs of whole lines that are in the file once, as many as a grammar takes; of longer files those that have most words
/// of the instruction.
fn windows(text: &str, instruction: &str) -> Vec<Window> {
    let bom = text.len() - split_bom(text).1.len();
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut at = bom;
    for line in text[bom..].split_inclusive('\n') {
        lines.push(at..at + line.len());
        at += line.len();
    }
    let shown: Vec<String> = lines.iter().map(|range| ended(&text[range.clone()])).collect();
    // How often each run of so many lines is there.
    let mut out: Vec<(usize, usize, Window)> = Vec::new();
    let mut counts: Vec<HashMap<&[String], usize>> = Vec::new();
    for size in 1..=MAX_LINES {
        let mut count: HashMap<&[String], usize> = HashMap::new();
        shown.windows(size).for_each(|run| *count.entry(run).or_default() += 1);
        counts.push(count);
    }
    let words: Vec<String> = words(instruction).collect();
    for start in (0..lines.len()).filter(|at| !shown[*at].trim().is_empty()) {
        let once =
            |size: &usize| shown.get(start..start + size).is_some_and(|run| counts[size - 1].get(run) == Some(&1));
        let Some(least) = (1..=MAX_LINES).find(once) else { continue };
        for (rank, more) in MORE.into_iter().enumerate() {
            let end = start + least + more;
            if end > lines.len() || shown[end - 1].trim().is_empty() {
                continue;
            }
            let run = shown[start..end].concat();
            let known = self::words(&run).filter(|word| words.contains(word)).count();
            // What divides a block cannot be told from its text.
            if run
                .lines()
                .any(|line| line.starts_with("=======") || line.starts_with(">>>>>>>") || line.starts_with("<<<<<<<"))
            {
                continue;
            }
            out.push((rank, known, Window { range: lines[start].start..lines[end - 1].end, text: run }));
        }
    }
    out.sort_by_key(|(rank, known, window)| (*rank, std::cmp::Reverse(*known), window.range.start));
    let mut bytes = 0;
    let fits = |(_, _, window): &(usize, usize, Window)| {
        bytes += window.text.len() + BEGIN.len() + DIVIDER.len();
        bytes < MAX_GRAMMAR_BYTES / 2
    };
    out.into_iter().take(MAX_CHOICES - 1).take_while(fits).map(|(_, _, window)| window).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.len() > 2).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects files from a block that fits in two places or in none: only lines that are there once can be named.
    #[test]
    fn every_window_is_there_once() {
        let text = "\u{feff}a = 1\r\nx = 0\r\nbeta = 2\r\nx = 0\r\n\r\n=======\r\nc";
        let windows = windows(text, "change beta");
        assert!(windows.len() > 4);
        assert!(windows[0].text.contains("beta = 2"), "{windows:?}");
        for window in &windows {
            let found = text[window.range.clone()].replace("\r\n", "\n");
            assert_eq!(found.trim_end(), window.text.trim_end());
            assert_eq!(text.matches(&text[window.range.clone()]).count(), 1, "{window:?}");
            assert!(!window.text.contains("======="));
        }
    }
}
