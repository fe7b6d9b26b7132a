//! The words of a work tree's files: which files have a word in their paths, in the names that they define, and in
//! their text. Kept in a folder of deepcoder's own, so that a search reads only what has changed.
//!
//! **Invariant:** the files and their text come through a [`Tree`], and text with a secret is not counted. **Invariant:** an
//! answer is that of the files as they are now: a kept index counts for a file only while its stamp is the same, and an index
//! that is damaged, old or of another tree is made anew.

mod keep;
mod place;
mod segment;
#[cfg(test)]
mod tests;
mod words;

pub use words::{Hit, Term, parts_of, stem};

use deepcoder_syntax::{Language, is_generated, is_minified};
use deepcoder_types::{Cancel, Cancelled, RepoPath};
use deepcoder_workspace::{FileStamp, ListError, Tree, contains_secret};
use place::Place;
use segment::{Damaged, Segment};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use words::{Counts, holds, terms_of};

/// Of larger files the path alone counts: what people edit is smaller, and what is generated is larger.
const MAX_TEXT: usize = 512 << 10;

/// Fewer changed files than this are read at each search and not written to the index.
const FEW: usize = 64;

/// A share of the files that may have changed before the index is written anew.
const SHARE: usize = 200;

/// Of a file that changed so short a time before it was read, a later change may leave the stamp as it is.
const YOUNG_NS: i64 = 2_100_000_000;

/// Why files cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// They cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// The caller has cancelled it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A file that was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path.
    pub path: RepoPath,
    /// Its length in words.
    pub length: u32,
    /// Its text says that a program wrote it.
    pub generated: bool,
    /// How often it has each of the terms, in their order; empty where it has none.
    pub hits: Vec<Hit>,
}

/// Tells how many files of how many are read.
pub type Progress<'p> = &'p (dyn Fn(usize, usize) + Sync);

/// A file with its stamp, where it has one.
pub type Listed = (RepoPath, Option<FileStamp>);

/// Counts `terms` in every file of `tree` that a model may see, in the order of the paths.
pub fn search(
    tree: &dyn Tree,
    terms: &[Term],
    progress: Progress<'_>,
    cancel: &Cancel,
) -> Result<Vec<Found>, SearchError> {
    let words = Words::open_for(tree, Arc::new(tree.stamped_files()?), Some(terms), progress, cancel)?;
    match words.found(terms) {
        Ok(found) => Ok(found),
        // The kept index is of no use: every file is read, as in a tree that keeps none.
        Err(Damaged) => {
            words.forget();
            let run = Run { tree, listed: &words.listed, progress, cancel };
            let all: Vec<usize> = (0..words.listed.len()).collect();
            let read = run.read(&all, &|term| terms.iter().any(|t| t.0 == term))?;
            let known = vec![None; all.len()];
            let words = Words { kept: None, known, read, ..words };
            Ok(words.found(terms).unwrap_or_default())
        }
    }
}

/// The words of a tree's files as they were when it was opened: asked many times, made once.
pub struct Words {
    listed: Arc<Vec<Listed>>,
    place: Option<Place>,
    kept: Option<Segment>,
    /// For each listed file its number in the kept index, where that knows it.
    known: Vec<Option<u32>>,
    /// Those that it does not know.
    read: HashMap<usize, Read>,
}

impl Words {
    /// Reads what the kept index does not know of these files of `tree`, which are listed in their order.
    pub fn open(
        tree: &dyn Tree,
        listed: Arc<Vec<Listed>>,
        progress: Progress<'_>,
        cancel: &Cancel,
    ) -> Result<Self, SearchError> {
        Self::open_for(tree, listed, None, progress, cancel)
    }

    /// The same; with `terms`, no other ones need be known later.
    fn open_for(
        tree: &dyn Tree,
        listed: Arc<Vec<Listed>>,
        terms: Option<&[Term]>,
        progress: Progress<'_>,
        cancel: &Cancel,
    ) -> Result<Self, SearchError> {
        cancel.check()?;
        let place = tree.cache().map(|(folder, root)| Place::new(folder, root));
        let mut kept = place.as_ref().and_then(Segment::of);
        let mut known = kept.as_ref().map(|kept| known(kept, &listed)).unwrap_or_else(|| vec![None; listed.len()]);
        let stale: Vec<usize> = (0..listed.len()).filter(|at| known[*at].is_none()).collect();
        let run = Run { tree, listed: &listed, progress, cancel };
        let renewed = place.as_ref().filter(|_| stale.len() > FEW.max(listed.len() / SHARE));
        let wanted = |term: u64| terms.is_none_or(|terms| terms.iter().any(|t| t.0 == term));
        let mut read = match renewed {
            Some(_) => run.read(&stale, &|_| true)?,
            None => run.read(&stale, &wanted)?,
        };
        if let Some(place) = renewed {
            let mut kept_anew = keep::keep(place, &listed, kept.as_ref(), &known, &read);
            if matches!(kept_anew, Err(keep::NotKept::Damaged)) {
                let all: Vec<usize> = (0..listed.len()).collect();
                read = run.read(&all, &|_| true)?;
                (kept, known) = (None, vec![None; listed.len()]);
                kept_anew = keep::keep(place, &listed, None, &known, &read);
            }
            // What was written is read from there; another process may have written since.
            let same = |segment: &Segment| segment.entries.iter().map(|e| e.path.as_str()).eq(paths(&listed));
            if kept_anew.is_ok()
                && let Some(segment) = Segment::of(place).filter(same)
            {
                known = (0..listed.len()).map(|at| u32::try_from(at).ok()).collect();
                kept = Some(segment);
                read = HashMap::new();
            }
        }
        Ok(Self { listed, place, kept, known, read })
    }

    /// The files that hold `word` with no letter, digit or `_` beside it, and programs that cannot be read, which may hold it.
    pub fn files_with(&self, tree: &dyn Tree, word: &str, cancel: &Cancel) -> Result<Vec<RepoPath>, SearchError> {
        let terms = terms_of(word);
        let (certain, asked) = match self.candidates(&terms, terms.len() == 1 && terms[0] == Term::name(word)) {
            Ok(candidates) => candidates,
            Err(Damaged) => {
                self.forget();
                (BTreeSet::new(), (0..self.listed.len()).collect())
            }
        };
        let one = |at: &usize| self.listed.get(*at).is_some_and(|(path, _)| holds_word(tree, path, word));
        let mut found = in_parallel(&asked, cancel, |at| one(at).then_some(*at))?;
        found.extend(certain);
        found.sort_unstable();
        Ok(found.into_iter().filter_map(|at| self.listed.get(at)).map(|(path, _)| path.clone()).collect())
    }

    /// The files that have all of these terms, and those whose text must be looked at. `whole`: nothing else need be known.
    fn candidates(&self, terms: &[Term], whole: bool) -> Result<(BTreeSet<usize>, Vec<usize>), Damaged> {
        if terms.is_empty() {
            return Ok((BTreeSet::new(), (0..self.listed.len()).collect()));
        }
        let mut with: Option<BTreeSet<usize>> = None;
        let places = self.places();
        for term in terms {
            let mut here: BTreeSet<usize> = BTreeSet::new();
            for (number, hit) in self.kept.as_ref().map_or_else(|| Ok(Vec::new()), |kept| kept.hits(term.0))? {
                if hit.text > 0 {
                    here.extend(places.get(number as usize).copied().flatten());
                }
            }
            let has = |read: &Read| read.counts.hits.get(&term.0).is_some_and(|hit| hit.text > 0);
            here.extend(self.read.iter().filter(|(_, read)| has(read)).map(|(at, _)| *at));
            with = Some(with.map_or_else(|| here.clone(), |before| before.intersection(&here).copied().collect()));
        }
        let mut with = with.unwrap_or_default();
        let mut asked = Vec::new();
        for at in 0..self.listed.len() {
            let partial = match (self.read.get(&at), self.known.get(at).copied().flatten(), &self.kept) {
                (Some(read), ..) => read.partial,
                (None, Some(number), Some(kept)) => kept.entries.get(number as usize).ok_or(Damaged)?.partial,
                _ => true,
            };
            if partial {
                with.remove(&at);
                asked.push(at);
            }
        }
        if whole {
            return Ok((with, asked));
        }
        asked.extend(with);
        Ok((BTreeSet::new(), asked))
    }

    /// For each file of the kept index where it is in the list.
    fn places(&self) -> Vec<Option<usize>> {
        let mut places = vec![None; self.kept.as_ref().map_or(0, |kept| kept.entries.len())];
        for (at, number) in self.known.iter().enumerate() {
            if let Some(place) = number.and_then(|number| places.get_mut(number as usize)) {
                *place = Some(at);
            }
        }
        places
    }

    /// A damaged index is made anew by the next search.
    fn forget(&self) {
        if let Some(place) = &self.place {
            place.remove();
        }
    }

    /// The answer, from the kept index and from what was read.
    fn found(&self, terms: &[Term]) -> Result<Vec<Found>, Damaged> {
        let mut found: Vec<Found> = Vec::with_capacity(self.listed.len());
        for (at, (path, _)) in self.listed.iter().enumerate() {
            let mut this = Found { path: path.clone(), length: 0, generated: false, hits: Vec::new() };
            if let Some(read) = self.read.get(&at) {
                (this.length, this.generated) = (read.counts.length, read.generated);
                let hits: Vec<Hit> =
                    terms.iter().map(|term| read.counts.hits.get(&term.0).copied().unwrap_or_default()).collect();
                if hits.iter().any(|hit| *hit != Hit::default()) {
                    this.hits = hits;
                }
            } else if let (Some(kept), Some(number)) = (&self.kept, self.known.get(at).copied().flatten()) {
                let entry = kept.entries.get(number as usize).ok_or(Damaged)?;
                (this.length, this.generated) = (entry.length, entry.generated);
            }
            found.push(this);
        }
        let places = self.places();
        for (index, term) in terms.iter().enumerate() {
            let Some(kept) = &self.kept else { break };
            for (number, hit) in kept.hits(term.0)? {
                let at = places.get(number as usize).copied().flatten();
                let Some(file) = at.and_then(|at| found.get_mut(at)) else { continue };
                if file.hits.is_empty() {
                    file.hits = vec![Hit::default(); terms.len()];
                }
                file.hits[index] = hit;
            }
        }
        Ok(found)
    }
}

fn holds_word(tree: &dyn Tree, path: &RepoPath, word: &str) -> bool {
    match tree.read_text(path) {
        Ok(file) => holds(&file.text, word),
        // A file that is no text may still be a program, in another encoding.
        Err(_) => Language::program(path).is_some(),
    }
}

fn paths(listed: &[Listed]) -> impl Iterator<Item = &str> {
    listed.iter().map(|(path, _)| path.as_str())
}

/// For each listed file its number in the kept index, where it is still the same.
fn known(kept: &Segment, listed: &[Listed]) -> Vec<Option<u32>> {
    let mut known = vec![None; listed.len()];
    let mut old = kept.entries.iter().enumerate().peekable();
    for (at, (path, stamp)) in listed.iter().enumerate() {
        while old.next_if(|(_, entry)| entry.path.as_str() < path.as_str()).is_some() {}
        if let Some((number, entry)) = old.next_if(|(_, entry)| entry.path == path.as_str())
            && stamp.is_some()
            && entry.stamp == *stamp
        {
            known[at] = u32::try_from(number).ok();
        }
    }
    known
}

/// What was read of a file.
struct Read {
    counts: Counts,
    generated: bool,
    /// The latest time that the file may have changed without its stamp showing it.
    young: bool,
    /// Not all words of its text are counted.
    partial: bool,
}

struct Run<'r> {
    tree: &'r dyn Tree,
    listed: &'r [Listed],
    progress: Progress<'r>,
    cancel: &'r Cancel,
}

impl Run<'_> {
    /// Reads files on every core.
    fn read(
        &self,
        which: &[usize],
        wanted: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<HashMap<usize, Read>, SearchError> {
        let now = now_ns();
        let done = AtomicUsize::new(0);
        let read = in_parallel(which, self.cancel, |at| {
            let count = done.fetch_add(1, Ordering::Relaxed);
            if count.is_multiple_of(1_000) && count > 0 {
                (self.progress)(count, which.len());
            }
            let (path, stamp) = self.listed.get(*at)?;
            Some((*at, self.read_one(path, *stamp, now, wanted)))
        })?;
        Ok(read.into_iter().collect())
    }

    fn read_one(&self, path: &RepoPath, stamp: Option<FileStamp>, now: i64, wanted: &dyn Fn(u64) -> bool) -> Read {
        let large = stamp.is_some_and(|stamp| stamp.size > MAX_TEXT as u64);
        let text = (!large).then(|| self.tree.read_text(path).ok()).flatten().map(|file| file.text);
        let text = text.as_deref();
        let all = text.filter(|text| text.len() <= MAX_TEXT && !is_minified(path, text) && !contains_secret(text));
        let counts = Counts::of(path.as_str(), all.unwrap_or_default(), wanted);
        let young = stamp.is_none_or(|stamp| stamp.changed_ns.max(stamp.modified_ns).saturating_add(YOUNG_NS) > now);
        let partial = all.is_none() || counts.cut;
        Read { counts, generated: text.is_some_and(is_generated), young, partial }
    }
}

/// What `work` makes of the items, on every core, in no order.
fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    cancel: &Cancel,
    work: impl Fn(&I) -> Option<T> + Sync,
) -> Result<Vec<T>, Cancelled> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::with_capacity(items.len()));
    let thread = || {
        let mut own = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !cancel.is_cancelled()) {
            own.extend(work(item));
        }
        if let Ok(mut all) = all.lock() {
            all.extend(own);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(items.len() / 32 + 1);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(thread);
        }
        thread();
    });
    cancel.check()?;
    Ok(all.into_inner().unwrap_or_default())
}

/// The kernel's own clock, which the times of files are from.
fn now_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}
