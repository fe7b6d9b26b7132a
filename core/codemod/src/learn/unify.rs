//! Anti-unification: the most special pattern that several pieces of code are instances of (Plotkin 1970; over syntax trees
//! as in Rolim and others, Learning Syntactic Program Transformations from Examples, 2017).

use super::differ::Site;
use super::term::Term;
use crate::fix::{Layout, indentation};
use std::collections::BTreeMap;
use std::ops::Range;

/// A site with its texts.
#[derive(Debug, Clone)]
pub(super) struct Instance<'n> {
    pub(super) site: Site<'n>,
    pub(super) old: &'n str,
    pub(super) new: &'n str,
}

/// A pattern and its replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generalised {
    pub(super) pattern: String,
    pub(super) replacement: String,
}

/// A variable: the texts that it stands for, one of each instance, and whether each is a run of nodes.
type Key = (Vec<String>, bool);

/// The variables of a pattern, and where the first instance has them.
#[derive(Default)]
struct Variables {
    names: BTreeMap<Key, String>,
    places: Vec<(Range<usize>, String)>,
}

impl Variables {
    fn add(&mut self, range: Range<usize>, key: Key) {
        let number = self.names.len();
        let name = self.names.entry(key).or_insert_with_key(|(_, several)| {
            let letter = char::from(b'A' + u8::try_from(number % 26).unwrap_or(0));
            let round = if number < 26 { String::new() } else { (number / 26).to_string() };
            format!("{}{letter}{round}", if *several { "$$$" } else { "$" })
        });
        self.places.push((range, name.clone()));
    }
}

/// The pattern of all instances; `None` where they have nothing in common, or the replacements do not agree.
pub(super) fn generalise(instances: &[Instance<'_>]) -> Option<Generalised> {
    // The longest has a place for each run, which may be empty in others.
    let mut instances: Vec<&Instance<'_>> = instances.iter().collect();
    instances.sort_by_key(|one| std::cmp::Reverse(one.site.old.range.len()));
    let first = *instances.first()?;
    let texts: Vec<&str> = instances.iter().map(|one| one.site.old.text(one.old)).collect();
    let mut variables = Variables::default();
    if texts.iter().all(|text| *text == texts[0]) {
        carried(first, &mut variables);
    } else {
        let olds: Vec<&Term> = instances.iter().map(|one| one.site.old).collect();
        let sources: Vec<&str> = instances.iter().map(|one| one.old).collect();
        if !differing(&olds, &sources, &mut variables) {
            return None;
        }
    }
    let pattern = written(first.old, first.site.old.range.clone(), &variables.places);
    let replacements: Vec<Option<String>> =
        instances.iter().enumerate().map(|(at, one)| replacement(at, one, &variables)).collect();
    // Where one text stands for two variables, another instance tells which is meant; the caller tries the result.
    let replacement = replacements.into_iter().flatten().next()?;
    Some(Generalised { pattern, replacement })
}

/// One instance: what the new code has of the old one may be anything.
fn carried(one: &Instance<'_>, variables: &mut Variables) {
    let mut kept: Vec<&str> = Vec::new();
    for node in &one.site.new {
        node.walk(&mut |node| {
            kept.push(node.text(one.new));
            true
        });
    }
    let root = one.site.old;
    root.walk(&mut |node| {
        let above = node.range == root.range || !node.named || node.is_name() || node.is_list() || node.is_text();
        let text = node.text(one.old);
        if above || !kept.contains(&text) || !node.children.is_empty() && node.kind.ends_with("statement") {
            return true;
        }
        variables.add(node.range.clone(), (vec![text.to_owned()], false));
        false
    });
}

/// Several instances: what differs becomes a variable. Whether the roots have a shape in common.
fn differing(nodes: &[&Term], texts: &[&str], variables: &mut Variables) -> bool {
    let Some(first) = nodes.first() else { return false };
    let all = |fits: &dyn Fn(&Term, &str) -> bool| nodes.iter().zip(texts).all(|(node, text)| fits(node, text));
    let own = first.text(texts[0]);
    if all(&|node, text| node.text(text) == own) {
        return true;
    }
    if first.is_leaf() || !all(&|node, _| node.kind == first.kind && !node.is_leaf()) {
        return false;
    }
    let count = first.children.len();
    if all(&|node, _| node.children.len() == count) {
        return (0..count).all(|at| {
            let children: Vec<&Term> = nodes.iter().map(|node| &node.children[at]).collect();
            one_or_variable(&children, texts, variables)
        });
    }
    if !first.is_list() {
        return false;
    }
    list(nodes, texts, variables)
}

/// The children have a shape in common, or are a variable where one may be.
fn one_or_variable(nodes: &[&Term], texts: &[&str], variables: &mut Variables) -> bool {
    let mark = (variables.names.clone(), variables.places.len());
    if differing(nodes, texts, variables) {
        return true;
    }
    variables.names = mark.0;
    variables.places.truncate(mark.1);
    let Some(first) = nodes.first() else { return false };
    if nodes.iter().any(|node| !node.named || node.is_list() || node.is_text()) {
        return false;
    }
    let key = nodes.iter().zip(texts).map(|(node, text)| node.text(text).to_owned()).collect();
    variables.add(first.range.clone(), (key, false));
    true
}

/// Lists of different lengths: what they begin and end with, and a run of anything between.
fn list(nodes: &[&Term], texts: &[&str], variables: &mut Variables) -> bool {
    let shortest = nodes.iter().map(|node| node.children.len()).min().unwrap_or(0);
    let same = |of: &dyn Fn(&Term) -> usize| {
        let own = nodes.first().map(|node| node.children[of(node)].text(texts[0]));
        nodes.iter().zip(texts).all(|(node, text)| Some(node.children[of(node)].text(text)) == own)
    };
    let front = (0..shortest).take_while(|at| same(&|_| *at)).count();
    let back = (0..shortest - front).take_while(|at| same(&|node| node.children.len() - 1 - at)).count();
    // A comma at either end belongs to the run, so that the run may be empty.
    let middles: Vec<&[Term]> = nodes.iter().map(|node| &node.children[front..node.children.len() - back]).collect();
    let Some(run) = middles.first().and_then(|run| Some(run.first()?.range.start..run.last()?.range.end)) else {
        return false;
    };
    let key = middles.iter().zip(texts).map(|(run, text)| {
        let range = run.first().zip(run.last()).map(|(first, last)| first.range.start..last.range.end);
        range.and_then(|range| text.get(range)).unwrap_or_default().to_owned()
    });
    let key: Vec<String> = key.collect();
    if key.iter().any(|text| text.starts_with(',') || text.ends_with(',')) {
        return false;
    }
    variables.add(run, (key, true));
    true
}

/// A part of a text with its variables, at no indentation.
fn written(text: &str, range: Range<usize>, places: &[(Range<usize>, String)]) -> String {
    let mut places: Vec<&(Range<usize>, String)> = places.iter().collect();
    places.sort_by_key(|(range, _)| range.start);
    let mut out = String::new();
    let mut at = range.start;
    for (place, name) in places {
        out.push_str(text.get(at..place.start).unwrap_or_default());
        out.push_str(name);
        at = place.end;
    }
    out.push_str(text.get(at..range.end).unwrap_or_default());
    Layout::new(&out, &[], 0).indented(indentation(text, range.start), "").text
}

/// The new code of the instance `at` with the variables in the place of what they stand for.
fn replacement(at: usize, one: &Instance<'_>, variables: &Variables) -> Option<String> {
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    let named = |text: &str, several: bool| {
        let fits =
            |((texts, many), _): &(&Key, &String)| *many == several && texts.get(at).is_some_and(|own| own == text);
        variables.names.iter().find(fits).map(|(_, name)| name.clone())
    };
    let runs: Vec<(&String, &String)> = variables
        .names
        .iter()
        .filter(|((_, many), _)| *many)
        .filter_map(|((texts, _), name)| Some((texts.get(at)?, name)))
        .collect();
    for node in &one.site.new {
        node.walk(&mut |node| {
            for (text, name) in &runs {
                if let Some(range) = run_in(node, one.new, text) {
                    places.push((range, (*name).clone()));
                }
            }
            match named(node.text(one.new), false).filter(|_| node.named && !node.is_name() && !node.is_text()) {
                Some(name) => {
                    places.push((node.range.clone(), name));
                    false
                }
                None => true,
            }
        });
    }
    // A run covers what is in it.
    let covers = |outer: &Range<usize>, inner: &Range<usize>| {
        outer != inner && outer.start <= inner.start && inner.end <= outer.end
    };
    let all: Vec<Range<usize>> = places.iter().map(|(range, _)| range.clone()).collect();
    places.retain(|(range, _)| !all.iter().any(|outer| covers(outer, range)));
    let used: Vec<&String> = places.iter().map(|(_, name)| name).collect();
    let known = |name: &String| used.contains(&name);
    // An instance whose texts are all different tells most.
    let ambiguous = variables.names.values().any(|name| !known(name)) && variables.names.len() > 1 && at > 0;
    (!ambiguous || at == 0).then(|| written(one.new, one.site.new_range(), &places))
}

/// Where children of a node follow each other whose text is `text`.
fn run_in(node: &Term, source: &str, text: &str) -> Option<Range<usize>> {
    if text.is_empty() || !node.is_list() {
        return None;
    }
    let starts = node.children.iter().map(|child| child.range.start);
    let end = |start: usize| {
        let end = start + text.len();
        node.children.iter().any(|child| child.range.end == end).then_some(end)
    };
    starts
        .filter(|start| source.get(*start..*start + text.len()) == Some(text))
        .find_map(|start| Some(start..end(start)?))
}
