//! Whether a person should look at the matches of a codemod.

use super::{Found, ended};
use crate::{Changes, Refusal};
use deepcoder_codemod::Match;
use deepcoder_resolve::{
    Bindings, How, Mapped, Overlay, Place, Project, Reference, Resolution, Role, Target, changed_meanings, supports,
};
use deepcoder_syntax::{Language, Tree, comments, errors, python_builtin, tree};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Doubts about one file: more tell nothing new.
const MOST: usize = 20;

/// Adds what a person should look at. The changes are settled.
pub(super) fn judge(project: &Project<'_>, found: &Found, changes: &mut Changes) -> Result<(), Refusal> {
    let texts = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    let overlay = Overlay::new(
        project.files(),
        texts.iter().map(|(path, text)| (path.clone(), Some(Arc::from(text.as_str())))).collect(),
    );
    let is = Project::new(&overlay);
    let mapped: BTreeMap<RepoPath, Mapped> = found
        .iter()
        .filter_map(|(path, matches)| Some((path, places(&project.files().text(path)?, matches))))
        .map(|(path, places)| {
            (path.clone(), Mapped::new(places.into_iter().map(|(was, now)| (was, now.end - now.start))))
        })
        .collect();
    for (path, matches) in found {
        let (Some(old), Some(new)) = (project.files().text(path), texts.get(path)) else { continue };
        let mut doubts = Doubts { path, changes: &mut *changes, left: MOST };
        let places = places(&old, matches);
        let language = Language::of(path);
        if let Some(language) = language {
            shape(language, (&old, new), matches, &places, &mut doubts);
        }
        let bound = language.filter(|language| supports(*language));
        match (bound, project.bindings(path), is.bindings(path)) {
            (Some(_), Some(was_bound), Some(is_bound)) => {
                let pair = Pair { path, was: project, is: &is, mapped: &mapped, places: &places };
                pair.names(&was_bound, &is_bound, &mut doubts);
                pair.declarations(&was_bound, changes);
            }
            _ => {
                let what = language.map_or("this kind of file", Language::name);
                let first = places.first().map_or(TextRange::new(0, 0), |(was, _)| *was);
                doubts.add(first, format!("names of {what} are not followed"));
            }
        }
    }
    for change in changed_meanings(project, &is, &mapped) {
        let how = match change.how {
            How::Nothing => "means nothing any more",
            _ => "means something else",
        };
        changes.doubt(&change.place.path, change.place.at, format!("`{}` {how}", change.name));
    }
    Ok(())
}

/// The doubts about a file, up to a number.
struct Doubts<'d> {
    path: &'d RepoPath,
    changes: &'d mut Changes,
    left: usize,
}

impl Doubts<'_> {
    fn add(&mut self, at: TextRange, why: impl Into<String>) {
        if self.left > 0 {
            self.left -= 1;
            self.changes.doubt(self.path, at, why);
        }
    }
}

/// Where each match is before, and what it became after.
fn places(text: &str, matches: &[Match]) -> Vec<(TextRange, TextRange)> {
    let mut shift = 0_i64;
    let place = |one: &Match| {
        let length = i64::try_from(ended(text, &one.replacement).len()).unwrap_or(i64::MAX);
        let moved = |at: u32, by: i64| u32::try_from(i64::from(at) + by).unwrap_or(u32::MAX);
        let start = moved(one.range.start, shift);
        shift += length - i64::from(one.range.end - one.range.start);
        (one.range, TextRange::new(start, moved(one.range.end, shift)))
    };
    matches.iter().map(place).collect()
}

/// Whether code stays in one piece and comments stay.
fn shape(
    language: Language,
    (old, new): (&str, &str),
    matches: &[Match],
    places: &[(TextRange, TextRange)],
    doubts: &mut Doubts<'_>,
) {
    let (Some(was), Some(is)) = (tree(language, old), tree(language, new)) else { return };
    if let (Some(_), Some((at, _))) = (errors(language, old).first(), places.first()) {
        doubts.add(*at, "the file does not parse: there may be more matches");
    }
    let remarks = comments(language, old);
    for (one, (before, now)) in matches.iter().zip(places) {
        if !whole(&was, old, *before) {
            doubts.add(*before, "the match is a part of an expression");
        } else if !whole(&is, new, *now) {
            doubts.add(*before, "the replacement becomes a part of another expression: brackets may be missing");
        }
        let text = new.get(now.as_range()).unwrap_or_default();
        let split = one.captures.iter().find(|capture| torn(&is, new, *now, capture));
        if let Some(capture) = split {
            doubts.add(*before, format!("`{}` is torn apart: brackets may be missing", shown(capture)));
        }
        let within = remarks.iter().filter(|remark| before.start <= remark.start && remark.end <= before.end);
        let lost = within.filter_map(|remark| old.get(remark.as_range())).find(|remark| !text.contains(remark));
        if let Some(remark) = lost {
            doubts.add(*before, format!("the comment `{}` would be lost", shown(remark)));
        }
    }
}

fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.len() < text.len() || line.chars().count() > 40 {
        format!("{}…", line.chars().take(40).collect::<String>())
    } else {
        line.to_owned()
    }
}

/// Whether a captured text stands in the replacement and is no whole there.
fn torn(tree: &Tree, text: &str, within: TextRange, capture: &str) -> bool {
    let capture = capture.trim();
    if capture.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return false;
    }
    let mut places = text.get(within.as_range()).unwrap_or_default().match_indices(capture).peekable();
    let range = |at: usize| {
        let start = within.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        TextRange::new(start, start.saturating_add(u32::try_from(capture.len()).unwrap_or(u32::MAX)))
    };
    places.peek().is_some() && !places.any(|(at, _)| whole(tree, text, range(at)))
}

/// Whether a text is one node, or nodes that follow each other in one list.
fn whole(tree: &Tree, text: &str, range: TextRange) -> bool {
    let inner = text.get(range.as_range()).unwrap_or_default();
    let start = range.as_range().start + (inner.len() - inner.trim_start().len());
    let end = start + inner.trim().len();
    if start >= end {
        return true;
    }
    let Some(node) = tree.root_node().descendant_for_byte_range(start, end) else { return false };
    if (node.start_byte(), node.end_byte()) == (start, end) {
        return true;
    }
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).filter(|child| child.start_byte() < child.end_byte()).collect();
    children.iter().any(|child| child.start_byte() == start)
        && children.iter().any(|child| child.end_byte() == end)
        && children.iter().all(|child| {
            child.end_byte() <= start || end <= child.start_byte() || {
                start <= child.start_byte() && child.end_byte() <= end
            }
        })
}

/// A file before and after.
struct Pair<'p, 'f> {
    path: &'p RepoPath,
    was: &'p Project<'f>,
    is: &'p Project<'p>,
    mapped: &'p BTreeMap<RepoPath, Mapped>,
    places: &'p [(TextRange, TextRange)],
}

impl Pair<'_, '_> {
    /// Doubts about the names in the replacements.
    fn names(&self, was: &Bindings, is: &Bindings, doubts: &mut Doubts<'_>) {
        for (before, now) in self.places {
            let old: Vec<&Reference> = was.references.iter().filter(|r| within(r.at, *before)).collect();
            let mut told = BTreeSet::new();
            for name in is.references.iter().filter(|r| within(r.at, *now)) {
                let same: Vec<&Reference> = old.iter().copied().filter(|r| r.name == name.name).collect();
                let why = if same.is_empty() { self.new_name(was, name) } else { self.kept_name(&same, name) };
                if let Some(why) = why
                    && told.insert(name.name.clone())
                {
                    doubts.add(*before, why);
                }
            }
        }
    }

    /// A name that the match had, too, means the same.
    fn kept_name(&self, old: &[&Reference], new: &Reference) -> Option<String> {
        let means = self.meant(new);
        let same = old.iter().any(|old| {
            let meant: BTreeSet<Option<Place>> =
                self.was.meant(self.path, old).into_iter().map(|place| self.now(&place)).collect();
            // What was declared in a match is declared in what that became.
            let moved = |place: &Place| {
                let at = |(_, now): &(TextRange, TextRange)| within(place.at, *now);
                place.path == *self.path && self.places.iter().any(at)
            };
            means.len() == meant.len()
                && means
                    .iter()
                    .all(|place| meant.contains(&Some(place.clone())) || meant.contains(&None) && moved(place))
        });
        (!same).then(|| format!("`{}` means something else here", new.name))
    }

    /// Why it is not certain what a new name means.
    fn new_name(&self, was: &Bindings, new: &Reference) -> Option<String> {
        let name = &new.name;
        let nowhere = || Some(format!("`{name}` is not declared here"));
        match self.is.resolve(self.path, new) {
            Resolution::Exact(_) if new.role == Role::Declares => {
                let own = |place: &Place| self.places.iter().any(|(_, now)| within(place.at, *now));
                let taken = !self.is.meant(self.path, new).iter().all(own);
                taken.then(|| format!("`{name}` is declared elsewhere, too"))
            }
            Resolution::Exact(_) => None,
            Resolution::Unresolved if matches!(new.target, Target::Member(_)) => {
                Some(format!("it is not known whether there is a `{name}`"))
            }
            Resolution::Unresolved => {
                let known = was.references.iter().any(|old| old.name == *name && old.target == Target::Outside);
                let built_in = was.language == Language::Python && python_builtin(name).is_some();
                if known || built_in || new.role == Role::Keyword { None } else { nowhere() }
            }
            Resolution::Candidates(..) => Some(format!("it is not known which `{name}` is meant")),
            Resolution::Dynamic(_) => nowhere(),
        }
    }

    /// Doubts about names outside of the matches that a match declared, and that nothing declares any more.
    fn declarations(&self, was: &Bindings, changes: &mut Changes) {
        let edited =
            |place: &Place| place.path == *self.path && self.places.iter().any(|(before, _)| within(place.at, *before));
        let here = |at: TextRange| edited(&Place { path: self.path.clone(), at });
        let names: BTreeSet<&str> = was
            .declarations
            .iter()
            .filter(|declared| here(declared.at))
            .map(|declared| declared.name.as_str())
            .collect();
        for name in names {
            for path in self.was.files().mentions(name) {
                let (Some(old), Some(new)) = (self.was.bindings(&path), self.is.bindings(&path)) else { continue };
                let uses = old.references.iter().filter(|r| r.name == name);
                for used in uses.filter(|r| self.was.meant(&path, r).iter().any(edited)) {
                    let now = self.now(&Place { path: path.clone(), at: used.at });
                    let now = now.and_then(|now| new.references.iter().find(|r| r.at == now.at && r.name == name));
                    if now.is_some_and(|now| self.is.meant(&path, now).is_empty()) {
                        changes.doubt(&path, used.at, format!("`{name}` means nothing any more"));
                    }
                }
            }
        }
    }

    fn meant(&self, reference: &Reference) -> BTreeSet<Place> {
        self.is.meant(self.path, reference).into_iter().collect()
    }

    /// Where a place is after the edits; `None` where it was edited.
    fn now(&self, place: &Place) -> Option<Place> {
        let untouched = Mapped::default();
        let at = self.mapped.get(&place.path).unwrap_or(&untouched).range(place.at)?;
        Some(Place { path: place.path.clone(), at })
    }
}

const fn within(inner: TextRange, outer: TextRange) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
