//! The words of a work tree's files: which files have a word in their paths, in the names that they define, and in
//! their text. Kept in a folder of deepcoder's own, so that a search reads only what has changed.
//!
//! **Invariant:** the files and their text come through a [`Tree`], and text with a secret is not counted. **Invariant:** an
//! answer is that of the files as they are now: a kept index counts for a file only while its stamp is the same, and an index
//! that is damaged, old or of another tree is made anew.

mod place;
mod segment;
#[cfg(test)]
mod tests;
mod words;

pub use words::{Hit, Term, parts_of, stem};

use deepcoder_syntax::{is_generated, is_minified};
use deepcoder_types::{Cancel, Cancelled, RepoPath};
use deepcoder_workspace::{FileStamp, ListError, Tree, contains_secret};
use place::Place;
use segment::{Damaged, Entry, List, Segment};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use words::Counts;

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

/// Counts `terms` in every file of `tree` that a model may see, in the order of the paths.
pub fn search(
    tree: &dyn Tree,
    terms: &[Term],
    progress: Progress<'_>,
    cancel: &Cancel,
) -> Result<Vec<Found>, SearchError> {
    let listed = tree.stamped_files()?;
    cancel.check()?;
    let place = tree.cache().map(|(folder, root)| Place::new(folder, root));
    let kept = place.as_ref().and_then(|place| Segment::open(place.open().ok()?, &place.name).ok());
    let known = kept.as_ref().map(|kept| known(kept, &listed)).unwrap_or_else(|| vec![None; listed.len()]);
    let stale: Vec<usize> = (0..listed.len()).filter(|at| known[*at].is_none()).collect();
    if let Some(place) = place.filter(|_| stale.len() > FEW.max(listed.len() / SHARE)) {
        let run = Run { tree, listed: &listed, progress, cancel };
        return run.renew(&place, kept.as_ref(), &known, &stale, terms);
    }
    let run = Run { tree, listed: &listed, progress, cancel };
    let wanted = |term: u64| terms.iter().any(|t| t.0 == term);
    let read = run.read(&stale, &wanted)?;
    match run.found(kept.as_ref(), &known, &read, terms) {
        Ok(found) => Ok(found),
        // The kept index is of no use: every file is read, as in a tree that keeps none.
        Err(Damaged) => {
            let all: Vec<usize> = (0..listed.len()).collect();
            let read = run.read(&all, &wanted)?;
            Ok(run.found(None, &vec![None; listed.len()], &read, terms).unwrap_or_default())
        }
    }
}

type Listed = (RepoPath, Option<FileStamp>);

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
        let next = AtomicUsize::new(0);
        let all = Mutex::new(HashMap::with_capacity(which.len()));
        let now = now_ns();
        let work = || {
            let mut own = Vec::new();
            while let Some(at) = which.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.cancel.is_cancelled() {
                    break;
                }
                if let Some((path, stamp)) = self.listed.get(*at) {
                    own.push((*at, self.read_one(path, *stamp, now, wanted)));
                }
                let done = next.load(Ordering::Relaxed).min(which.len());
                if done.is_multiple_of(1_000) {
                    (self.progress)(done, which.len());
                }
            }
            if let Ok(mut all) = all.lock() {
                all.extend(own);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(which.len() / 32 + 1);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        self.cancel.check()?;
        Ok(all.into_inner().unwrap_or_default())
    }

    fn read_one(&self, path: &RepoPath, stamp: Option<FileStamp>, now: i64, wanted: &dyn Fn(u64) -> bool) -> Read {
        let large = stamp.is_some_and(|stamp| stamp.size > MAX_TEXT as u64);
        let text = (!large).then(|| self.tree.read_text(path).ok()).flatten().map(|file| file.text).unwrap_or_default();
        let shown = text.len() <= MAX_TEXT && !is_minified(path, &text) && !contains_secret(&text);
        let counts = Counts::of(path.as_str(), if shown { &text } else { "" }, wanted);
        let young = stamp.is_none_or(|stamp| stamp.changed_ns.max(stamp.modified_ns).saturating_add(YOUNG_NS) > now);
        Read { counts, generated: is_generated(&text), young }
    }

    /// The answer, from the kept index and from what was read.
    fn found(
        &self,
        kept: Option<&Segment>,
        known: &[Option<u32>],
        read: &HashMap<usize, Read>,
        terms: &[Term],
    ) -> Result<Vec<Found>, Damaged> {
        let mut found: Vec<Found> = Vec::with_capacity(self.listed.len());
        let mut places: HashMap<u32, usize> = HashMap::new();
        for (at, (path, _)) in self.listed.iter().enumerate() {
            let mut this = Found { path: path.clone(), length: 0, generated: false, hits: Vec::new() };
            if let Some(read) = read.get(&at) {
                (this.length, this.generated) = (read.counts.length, read.generated);
                let hits: Vec<Hit> =
                    terms.iter().map(|term| read.counts.hits.get(&term.0).copied().unwrap_or_default()).collect();
                if hits.iter().any(|hit| *hit != Hit::default()) {
                    this.hits = hits;
                }
            } else if let (Some(kept), Some(number)) = (kept, known.get(at).copied().flatten()) {
                let entry = kept.entries.get(number as usize).ok_or(Damaged)?;
                (this.length, this.generated) = (entry.length, entry.generated);
                places.insert(number, at);
            }
            found.push(this);
        }
        for (index, term) in terms.iter().enumerate() {
            let Some(kept) = kept else { break };
            for (number, hit) in kept.hits(term.0)? {
                let Some(file) = places.get(&number).and_then(|at| found.get_mut(*at)) else { continue };
                if file.hits.is_empty() {
                    file.hits = vec![Hit::default(); terms.len()];
                }
                file.hits[index] = hit;
            }
        }
        Ok(found)
    }

    /// Reads what is stale, writes the index anew, and answers from it.
    fn renew(
        &self,
        place: &Place,
        kept: Option<&Segment>,
        known: &[Option<u32>],
        stale: &[usize],
        terms: &[Term],
    ) -> Result<Vec<Found>, SearchError> {
        let mut read = self.read(stale, &|_| true)?;
        let answer = match self.found(kept, known, &read, terms) {
            Ok(found) => found,
            Err(Damaged) => {
                let all: Vec<usize> = (0..self.listed.len()).collect();
                read = self.read(&all, &|_| true)?;
                let none = vec![None; self.listed.len()];
                let found = self.found(None, &none, &read, terms).unwrap_or_default();
                self.keep(place, None, &none, &mut read, &found);
                return Ok(found);
            }
        };
        self.keep(place, kept, known, &mut read, &answer);
        Ok(answer)
    }

    /// Best effort: without a kept index the next search reads the files again.
    fn keep(
        &self,
        place: &Place,
        kept: Option<&Segment>,
        known: &[Option<u32>],
        read: &mut HashMap<usize, Read>,
        found: &[Found],
    ) {
        let entry = |(at, file): (usize, &Found)| Entry {
            path: file.path.as_str().to_owned(),
            stamp: self.listed[at].1.filter(|_| read.get(&at).is_none_or(|read| !read.young)),
            length: file.length,
            generated: file.generated,
        };
        let entries: Vec<Entry> = found.iter().enumerate().map(entry).collect();
        let mut added: BTreeMap<u64, Vec<(u32, Hit)>> = BTreeMap::new();
        for at in 0..self.listed.len() {
            let (Ok(number), Some(read)) = (u32::try_from(at), read.remove(&at)) else { continue };
            for (term, hit) in read.counts.hits {
                added.entry(term).or_default().push((number, hit));
            }
        }
        // Where the files of the kept index are in the new one.
        let mut moved = vec![None; kept.map_or(0, |kept| kept.entries.len())];
        for (at, number) in known.iter().enumerate() {
            if let Some(place) = number.and_then(|number| moved.get_mut(number as usize)) {
                *place = u32::try_from(at).ok();
            }
        }
        let mut old = kept.into_iter().flat_map(Segment::all).peekable();
        let mut new = added.into_iter().peekable();
        let merged = std::iter::from_fn(|| {
            let next_old = old.peek().map(|term| term.as_ref().map_or(0, |(hash, _)| *hash));
            let next_new = new.peek().map(|(hash, _)| *hash);
            let hash = next_old.into_iter().chain(next_new).min()?;
            let mut files: Vec<(u32, Hit)> = Vec::new();
            if next_old == Some(hash) {
                match old.next() {
                    Some(Ok((_, hits))) => files.extend(
                        hits.into_iter().filter_map(|(number, hit)| Some(((*moved.get(number as usize)?)?, hit))),
                    ),
                    _ => return Some(Err(std::io::Error::other("the index is damaged"))),
                }
            }
            if next_new == Some(hash) {
                files.extend(new.next().into_iter().flat_map(|(_, hits)| hits));
                files.sort_unstable_by_key(|(number, _)| *number);
            }
            let mut list = List::default();
            for (number, hit) in files {
                list.push(number, hit);
            }
            Some(Ok((hash, list)))
        });
        _ = place.replace(|file| {
            let mut out = std::io::BufWriter::with_capacity(1 << 20, file);
            segment::write(&mut out, &place.name, &entries, merged)
        });
    }
}

/// The kernel's own clock, which the times of files are from.
fn now_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}
