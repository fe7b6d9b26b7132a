//! Whether names mean the same after an edit.
//!
//! Names are bound before and after, and every name that stayed must mean the declaration that corresponds to the one
//! before (Schäfer, Ekman, de Moor: Sound and extensible renaming for Java, 2008; Eclipse compares bindings likewise).

use crate::bindings::{Bindings, DeclarationId, Reference, Target};
use crate::project::{Global, Place, Project, related};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};

/// A name that means something else after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its name before the edit.
    pub name: String,
    /// Where it is, before the edit where it was there.
    pub place: Place,
    /// What is wrong with it.
    pub how: How,
    /// Where what it means now is declared, after the edit.
    pub now: Option<Place>,
}

/// How a name's meaning changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It means another declaration: it is captured.
    Another,
    /// It means nothing in the tree any more.
    Nothing,
    /// It meant nothing of the tree, and now it does.
    Something,
    /// Two declarations have become one, or one has become two.
    Declarations,
    /// It is not certain any more.
    Doubt,
}

/// The names that mean something else when only names were replaced: the files have the same names in the same order.
///
/// `moved` gives the path after for files that were renamed, `names` the names that were replaced and the new ones.
#[must_use]
pub fn changed_by_renaming(
    before: &Project<'_>,
    after: &Project<'_>,
    edited: &BTreeSet<RepoPath>,
    moved: &BTreeMap<RepoPath, RepoPath>,
    names: &[&str],
) -> Vec<Changed> {
    let mut out = Vec::new();
    let mut paths: BTreeSet<RepoPath> = edited.clone();
    for name in names {
        let mentions = before.files().mentions(name);
        // One file of each language stands for the others.
        let mut languages: Vec<&RepoPath> = Vec::new();
        for path in edited {
            if !languages.iter().any(|known| Language::program(known) == Language::program(path)) {
                languages.push(path);
            }
        }
        paths.extend(mentions.into_iter().filter(|path| languages.iter().any(|edited| related(path, edited))));
    }
    let new_path = |path: &RepoPath| moved.get(path).unwrap_or(path).clone();
    before.bind_ahead(&paths);
    after.bind_ahead(&paths.iter().map(new_path).collect::<Vec<_>>());
    for path in paths {
        let (Some(old), Some(new)) = (before.bindings(&path), after.bindings(&new_path(&path))) else { continue };
        if old.declarations.len() != new.declarations.len() || old.references.len() != new.references.len() {
            out.push(merged(&path, &old.references, &new.references, &new, names));
            continue;
        }
        for (was, is) in old.references.iter().zip(&new.references) {
            if was.name == is.name && was.target == is.target && !names.contains(&is.name.as_str()) {
                continue;
            }
            let meant = before.compared(&path, was);
            let means = after.compared(&new_path(&path), is);
            let expected: BTreeSet<Global> = meant.declarations.iter().map(|(p, id)| (new_path(p), *id)).collect();
            let found: BTreeSet<Global> = means.declarations.iter().cloned().collect();
            let how = match (expected.is_empty(), found.is_empty()) {
                _ if expected == found && (meant.doubt.is_some() || means.doubt.is_none()) => continue,
                _ if expected == found => How::Doubt,
                // One of several declarations has got another name: that is the doubt about it.
                _ if expected.len() > 1 && !found.is_empty() && found.is_subset(&expected) => continue,
                // A name that was only one of many candidates may be one of others now.
                _ if meant.doubt.is_some() && means.doubt.is_some() => continue,
                (true, _) => How::Something,
                (_, true) => How::Nothing,
                _ => How::Another,
            };
            let now = means.declarations.first().and_then(|global| place_of(after, global));
            out.push(Changed { name: was.name.clone(), place: Place { path: path.clone(), at: was.at }, how, now });
        }
    }
    out
}

/// Two declarations have become one: the first name that is told apart no more.
fn merged(path: &RepoPath, old: &[Reference], new: &[Reference], bindings: &Bindings, names: &[&str]) -> Changed {
    let same = old.iter().zip(new).take_while(|(was, is)| was.target == is.target && was.role == is.role).count();
    let first = old.get(same).or_else(|| old.iter().find(|r| names.contains(&r.name.as_str()))).or(old.first());
    let now = new.get(same).and_then(|reference| match reference.target {
        Target::Declaration(id) => bindings.declaration(id).map(|d| Place { path: path.clone(), at: d.at }),
        _ => None,
    });
    Changed {
        name: first.map(|r| r.name.clone()).unwrap_or_default(),
        place: Place { path: path.clone(), at: first.map_or(TextRange::new(0, 0), |r| r.at) },
        how: How::Declarations,
        now,
    }
}

/// Where positions of a text are after edits of it.
#[derive(Debug, Clone, Default)]
pub struct Mapped {
    /// Replaced ranges of the text before, in order, apart from each other, each with how far it moves what comes after.
    edits: Vec<(TextRange, i64)>,
}

impl Mapped {
    /// Edits of one text: ranges before, and the length of what replaced each. They are in order and do not overlap.
    #[must_use]
    pub fn new(edits: impl IntoIterator<Item = (TextRange, u32)>) -> Self {
        let mut shift = 0;
        let moved = edits.into_iter().map(|(range, length)| {
            shift += i64::from(length) - i64::from(range.end - range.start);
            (range, shift)
        });
        Self { edits: moved.collect() }
    }

    /// Where a range that no edit touches is after them; `None` where one does.
    #[must_use]
    pub fn range(&self, at: TextRange) -> Option<TextRange> {
        let before = self.edits.partition_point(|(edit, _)| edit.end <= at.start);
        if self.edits.get(before).is_some_and(|(edit, _)| edit.start < at.end) {
            return None;
        }
        let shift = before.checked_sub(1).and_then(|last| self.edits.get(last)).map_or(0, |(_, shift)| *shift);
        let moved = |offset: u32| u32::try_from(i64::from(offset) + shift).ok();
        Some(TextRange::new(moved(at.start)?, moved(at.end)?))
    }
}

/// The names outside of the edited texts that mean something else after any edit of these files.
///
/// A name whose declaration was itself edited away is not judged: that is the edit. `edits` has an entry for each file that
/// changed.
#[must_use]
pub fn changed_meanings(before: &Project<'_>, after: &Project<'_>, edits: &BTreeMap<RepoPath, Mapped>) -> Vec<Changed> {
    let mut out = Vec::new();
    let untouched = Mapped::default();
    after.bind_ahead(edits.keys());
    let of_file = |path: &RepoPath| edits.get(path).unwrap_or(&untouched);
    for (path, mapped) in edits {
        let (Some(old), Some(new)) = (before.bindings(path), after.bindings(path)) else { continue };
        let at_place: BTreeMap<TextRange, Vec<&Reference>> =
            new.references.iter().fold(BTreeMap::new(), |mut map, r| {
                map.entry(r.at).or_insert_with(Vec::new).push(r);
                map
            });
        for was in &old.references {
            let Some(at) = mapped.range(was.at) else { continue };
            let same =
                at_place.get(&at).and_then(|there| there.iter().find(|is| is.name == was.name && is.form == was.form));
            let Some(is) = same else { continue };
            if let (Some(then), Some(now)) = (declared(&old, was), declared(&new, is)) {
                if mapped.range(then).is_some_and(|then| then != now) {
                    let now = Some(Place { path: path.clone(), at: now });
                    let place = Place { path: path.clone(), at: was.at };
                    out.push(Changed { name: was.name.clone(), place, how: How::Another, now });
                }
                continue;
            }
            let meant = before.compared(path, was);
            let means = after.compared(path, is);
            if meant.doubt.is_some() || means.doubt.is_some() {
                continue;
            }
            let mut expected: BTreeSet<Place> = BTreeSet::new();
            let mut rewritten = false;
            for global in &meant.declarations {
                let place = place_of(before, global);
                match place.and_then(|p| Some(Place { at: of_file(&p.path).range(p.at)?, path: p.path })) {
                    Some(place) => drop(expected.insert(place)),
                    None => rewritten = true,
                }
            }
            let found: BTreeSet<Place> =
                means.declarations.iter().filter_map(|global| place_of(after, global)).collect();
            if rewritten || expected == found {
                continue;
            }
            let how = match (expected.is_empty(), found.is_empty()) {
                (true, _) => How::Something,
                (_, true) => How::Nothing,
                _ => How::Another,
            };
            let now = found.into_iter().next();
            out.push(Changed { name: was.name.clone(), place: Place { path: path.clone(), at: was.at }, how, now });
        }
    }
    out
}

/// Where a name is declared that its file declares itself.
fn declared(bindings: &Bindings, reference: &Reference) -> Option<TextRange> {
    let Target::Declaration(id) = reference.target else { return None };
    bindings.declaration(id).filter(|declaration| declaration.import.is_none()).map(|declaration| declaration.at)
}

fn place_of(project: &Project<'_>, (path, id): &(RepoPath, DeclarationId)) -> Option<Place> {
    let at = project.bindings(path)?.declaration(*id)?.at;
    Some(Place { path: path.clone(), at })
}
