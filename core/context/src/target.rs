//! Targets: whole where they fit, otherwise the parts that are meant.

use crate::budget::Budget;
use crate::{GatherError, cut, offset, whole};
use deepcoder_syntax::{Language, RawSymbol, symbols};
use deepcoder_types::{Snippet, TextRange};
use deepcoder_workspace::TextFile;

/// The most signatures of a file that does not fit.
const MAX_OUTLINE: usize = 60;

/// The text before the first definition is shown up to this many bytes.
const MAX_HEAD: u32 = 2048;

/// One target.
pub(crate) struct Target {
    pub(crate) file: TextFile,
    pub(crate) selection: Option<TextRange>,
    tokens: u32,
    parts: Vec<Snippet>,
    narrowed: bool,
}

impl Target {
    pub(crate) fn new(file: TextFile, selection: Option<TextRange>, budget: &Budget<'_>) -> Result<Self, GatherError> {
        let tokens = budget.tokens(&file.text)?;
        let parts = vec![whole(&file, "target")];
        Ok(Self { file, selection, tokens, parts, narrowed: false })
    }

    /// Keep only what the selection or the prompt means. An error when neither means a part.
    fn narrow(&mut self, prompt: &str, budget: &Budget<'_>) -> Result<(), GatherError> {
        let language = Language::program(&self.file.path);
        let found = language.map(|l| symbols(l, &self.file.text)).unwrap_or_default();
        let mut meant: Vec<TextRange> = named(&found, prompt).map(|s| s.range).collect();
        if let Some(selection) = self.selection {
            meant.push(around(&found, selection).unwrap_or_else(|| lines_around(&self.file.text, selection)));
        }
        let meant = merged(meant);
        if meant.is_empty() {
            return Err(self.too_large(budget));
        }
        self.parts = meant.iter().filter_map(|range| cut(&self.file, *range, "target")).collect();
        self.tokens = 0;
        for part in &self.parts {
            self.tokens = self.tokens.saturating_add(budget.tokens(&part.text)?);
        }
        self.narrowed = true;
        Ok(())
    }

    fn too_large(&self, budget: &Budget<'_>) -> GatherError {
        GatherError::TooLarge { path: self.file.path.clone(), tokens: self.tokens, budget: budget.left() }
    }

    /// Signatures of the rest of a narrowed file, so that the model knows what is around the part that it sees.
    fn outline(&self) -> Vec<Snippet> {
        let language = Language::program(&self.file.path);
        let found = language.map(|l| symbols(l, &self.file.text)).unwrap_or_default();
        let shown = |range: TextRange| self.parts.iter().any(|p| overlap(p.range, range));
        let head = TextRange::new(0, found.first().map_or(0, |s| s.range.start));
        let mut snippets = Vec::new();
        if (1..=MAX_HEAD).contains(&head.end) && !shown(head) {
            snippets.extend(cut(&self.file, head, "outline"));
        }
        snippets.extend(signatures(&self.file, &found).filter(|s| !shown(s.range)).take(MAX_OUTLINE));
        snippets
    }
}

/// Make all targets fit, the largest giving way first, and take their tokens.
pub(crate) fn pack(
    mut targets: Vec<Target>,
    prompt: &str,
    budget: &mut Budget<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<Snippet>, GatherError> {
    loop {
        let sum: u64 = targets.iter().map(|t| u64::from(t.tokens)).sum();
        if sum <= u64::from(budget.left()) {
            break;
        }
        match targets.iter_mut().filter(|t| !t.narrowed).max_by_key(|t| t.tokens) {
            Some(largest) => largest.narrow(prompt, budget)?,
            None => {
                let largest = targets.iter().max_by_key(|t| t.tokens);
                return Err(largest.map_or(GatherError::Cancelled(deepcoder_types::Cancelled), |t| t.too_large(budget)));
            }
        }
    }
    let mut snippets = Vec::new();
    for target in &targets {
        budget.take(target.tokens);
        snippets.extend(target.parts.iter().cloned());
    }
    for target in targets.iter().filter(|t| t.narrowed) {
        notes.push(format!("`{}` does not fit whole: only the parts that are meant are shown", target.file.path));
        let mut left_out = 0;
        for signature in target.outline() {
            if budget.push(&mut snippets, signature)?.is_err() {
                left_out += 1;
            }
        }
        if left_out > 0 {
            notes.push(format!("{left_out} signatures of `{}` left out: no room", target.file.path));
        }
    }
    Ok(snippets)
}

/// Signatures of the functions, types and methods of `file`, as exact ranges.
pub(crate) fn signatures<'f>(file: &'f TextFile, found: &'f [RawSymbol]) -> impl Iterator<Item = Snippet> + 'f {
    let wanted = found.iter().filter(|s| !matches!(s.kind, "variable" | "field" | "constant"));
    wanted.filter_map(|s| cut(file, TextRange::new(s.signature_start, s.signature_end), "outline"))
}

/// Definitions whose names stand in the prompt as words. Where a qualified name does, only that one is meant.
fn named<'s>(found: &'s [RawSymbol], prompt: &str) -> impl Iterator<Item = &'s RawSymbol> {
    let prompt = prompt.replace("::", ".");
    let words: std::collections::HashSet<String> = prompt
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '#' | '~' | '$')))
        .map(|w| w.trim_matches('.').to_owned())
        .collect();
    let qualified = found.iter().any(|s| s.qualified != s.name && words.contains(&s.qualified));
    found.iter().filter(move |s| {
        if s.qualified == s.name {
            words.contains(&s.name)
        } else {
            words.contains(&s.qualified) || (!qualified && words.contains(&s.name))
        }
    })
}

fn around(found: &[RawSymbol], selection: TextRange) -> Option<TextRange> {
    let covers = |s: &&RawSymbol| s.range.start <= selection.start && selection.end <= s.range.end;
    found.iter().filter(covers).map(|s| s.range).min_by_key(|r| r.end - r.start)
}

/// The selection with 20 whole lines before and after it.
fn lines_around(text: &str, selection: TextRange) -> TextRange {
    const LINES: usize = 20;
    let before = text.get(..selection.start as usize).unwrap_or_default();
    let after = text.get(selection.end as usize..).unwrap_or_default();
    let start = before.rmatch_indices('\n').nth(LINES).map_or(0, |(at, _)| at + 1);
    let end = after.match_indices('\n').nth(LINES).map_or(text.len(), |(at, _)| selection.end as usize + at + 1);
    TextRange::new(offset(start), offset(end))
}

pub(crate) fn overlap(a: TextRange, b: TextRange) -> bool {
    a.start < b.end && b.start < a.end
}

/// Sorted, with overlapping ones made one: edits in two snippets must not meet.
fn merged(mut ranges: Vec<TextRange>) -> Vec<TextRange> {
    ranges.sort_unstable_by_key(|r| (r.start, r.end));
    let mut out: Vec<TextRange> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}
