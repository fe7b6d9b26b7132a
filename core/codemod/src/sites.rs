//! The matches of patterns and rules in a text, and the text that replaces each.

use crate::Match;
use crate::fix::{Captures, Layout, Template};
use crate::grammar::Grammar;
use ast_grep_core::NodeMatch;
use ast_grep_core::tree_sitter::StrDoc;
use deepcoder_syntax::{Language, multiline_strings};
use deepcoder_types::TextRange;
use std::ops::Range;

/// Matches in the captures of matches, and so on.
const MAX_DEPTH: usize = 50;

/// One match.
pub(crate) struct Site<'t> {
    /// The text that is replaced.
    pub(crate) replaced: Range<usize>,
    pub(crate) captures: Captures,
    pub(crate) template: &'t Template,
}

impl<'t> Site<'t> {
    pub(crate) fn new(
        found: &NodeMatch<'_, StrDoc<Grammar>>,
        replaced: Range<usize>,
        template: &'t Template,
        names: &[String],
    ) -> Self {
        let environment = found.get_env();
        let mut captures = Captures::default();
        for name in names {
            if let Some(node) = environment.get_match(name) {
                captures.one.insert(name.clone(), node.range());
            }
            let nodes = environment.get_multiple_matches(name);
            if let (Some(first), Some(last)) = (nodes.first(), nodes.last()) {
                captures.many.insert(name.clone(), first.range().start..last.range().end);
            }
            if let Some(bytes) = environment.get_transformed(name) {
                captures.made.insert(name.clone(), String::from_utf8_lossy(bytes).into_owned());
            }
        }
        Self { replaced, captures, template }
    }
}

/// The outermost matches with their replacements, in which what matches within a capture is replaced as well. Of two
/// matches that overlap otherwise the outer one counts, or the first.
pub(crate) fn replaced(language: Language, text: &str, mut sites: Vec<Site<'_>>) -> Vec<Match> {
    sites.retain(|site| site.replaced.start <= site.replaced.end && text.get(site.replaced.clone()).is_some());
    sites.sort_by_key(|site| (site.replaced.start, std::cmp::Reverse(site.replaced.end)));
    let inner = nested(&sites);
    let strings: Vec<Range<usize>> =
        multiline_strings(language, text).unwrap_or_default().into_iter().map(TextRange::as_range).collect();
    let mut layouts: Vec<Layout> = Vec::new();
    layouts.resize_with(sites.len(), Layout::default);
    let mut out = Vec::new();
    // Inner matches come behind outer ones.
    for (at, site) in sites.iter().enumerate().rev() {
        let Some(place) = inner.get(at).copied().flatten() else { continue };
        let within: Vec<usize> =
            (at + 1..sites.len()).take_while(|next| sites[*next].replaced.start < site.replaced.end).collect();
        let taken = |range: &Range<usize>| {
            let mut layout = Layout::default();
            let mut from = range.start;
            for next in &within {
                let child = &sites[*next].replaced;
                if inner[*next] != Some(Place::In(at)) || child.start < from || child.end > range.end {
                    continue;
                }
                layout.push(Layout::new(text.get(from..child.start).unwrap_or_default(), &strings, from));
                layout.push(layouts[*next].clone());
                from = child.end;
            }
            layout.push(Layout::new(text.get(from..range.end).unwrap_or_default(), &strings, from));
            layout
        };
        layouts[at] = site.template.fill(text, site.replaced.start, &site.captures, &taken);
        if place == Place::Outermost {
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let captures = site.captures.ranges().filter_map(|range| text.get(range.clone())).map(str::to_owned);
            out.push(Match {
                range: TextRange::new(offset(site.replaced.start), offset(site.replaced.end)),
                replacement: layouts[at].text.clone(),
                captures: captures.collect(),
            });
        }
    }
    out.reverse();
    out
}

/// Where a match counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By itself.
    Outermost,
    /// In a capture of this one.
    In(usize),
}

/// Where each match counts; `None`: another one has its text.
fn nested(sites: &[Site<'_>]) -> Vec<Option<Place>> {
    let mut places: Vec<Option<Place>> = vec![None; sites.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, site) in sites.iter().enumerate() {
        while open.last().is_some_and(|last| sites[*last].replaced.end <= site.replaced.start) {
            open.pop();
        }
        let place = match open.last() {
            None => Place::Outermost,
            Some(outer) => {
                let holds = |range: &Range<usize>| range.start <= site.replaced.start && site.replaced.end <= range.end;
                let same = sites[*outer].replaced == site.replaced;
                if same || open.len() >= MAX_DEPTH || !sites[*outer].captures.ranges().any(holds) {
                    continue;
                }
                Place::In(*outer)
            }
        };
        places[at] = Some(place);
        open.push(at);
    }
    places
}
