//! Writes the index: what the old one knows and what was read anew, as one.

use crate::place::Place;
use crate::segment::{self, Entry, List, Segment};
use crate::words::Hit;
use crate::{Listed, Read};
use std::collections::{BTreeMap, HashMap};
use std::io;

/// Why an index was not written. Without one the next search reads the files again.
pub(crate) enum NotKept {
    /// What the old one says is not what was written.
    Damaged,
    /// It cannot be written there.
    Io,
}

/// Puts an index of `listed` in place of the old one. `known` gives the files' numbers in the old one, `read` the others.
pub(crate) fn keep(
    place: &Place,
    listed: &[Listed],
    kept: Option<&Segment>,
    known: &[Option<u32>],
    read: &HashMap<usize, Read>,
) -> Result<(), NotKept> {
    let entry = |(at, (path, stamp)): (usize, &Listed)| {
        let path = path.as_str().to_owned();
        if let Some(read) = read.get(&at) {
            let stamp = stamp.filter(|_| !read.young);
            let (length, generated, partial) = (read.counts.length, read.generated, read.partial);
            return Ok(Entry { path, stamp, length, generated, partial });
        }
        let number = known.get(at).copied().flatten().ok_or(NotKept::Damaged)?;
        let old = kept.and_then(|kept| kept.entries.get(number as usize)).ok_or(NotKept::Damaged)?;
        Ok(Entry { path, stamp: *stamp, ..*old })
    };
    let entries: Vec<Entry> = listed.iter().enumerate().map(entry).collect::<Result<_, NotKept>>()?;
    let mut added: BTreeMap<u64, Vec<(u32, Hit)>> = BTreeMap::new();
    for at in 0..listed.len() {
        let (Ok(number), Some(read)) = (u32::try_from(at), read.get(&at)) else { continue };
        for (term, hit) in &read.counts.hits {
            added.entry(*term).or_default().push((number, *hit));
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
    let mut damaged = false;
    let merged = std::iter::from_fn(|| {
        let next_old = old.peek().map(|term| term.as_ref().map_or(0, |(hash, _)| *hash));
        let next_new = new.peek().map(|(hash, _)| *hash);
        let hash = next_old.into_iter().chain(next_new).min()?;
        let mut files: Vec<(u32, Hit)> = Vec::new();
        if next_old == Some(hash) {
            match old.next() {
                Some(Ok((_, hits))) => files
                    .extend(hits.into_iter().filter_map(|(number, hit)| Some(((*moved.get(number as usize)?)?, hit)))),
                _ => {
                    damaged = true;
                    return Some(Err(io::Error::other("the index is damaged")));
                }
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
    let written = place.replace(|file| {
        let mut out = io::BufWriter::with_capacity(1 << 20, file);
        segment::write(&mut out, &place.name, &entries, merged)
    });
    match written {
        Ok(()) => Ok(()),
        Err(_) if damaged => Err(NotKept::Damaged),
        Err(_) => Err(NotKept::Io),
    }
}
