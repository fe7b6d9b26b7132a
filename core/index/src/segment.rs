//! The file that holds an index: a header, the files with their stamps, a table of terms, and for each term the files that
//! have it.
//!
//! **Invariant:** what is read is what was written, or it is [`Damaged`]: each part has a checksum. Nothing in the file is
//! trusted to be within bounds.

use crate::place::Place;
use crate::words::Hit;
use deepcoder_workspace::FileStamp;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};

/// Changes with the format, the words that are counted and their stems.
const MAGIC: &[u8; 8] = b"dcindex2";

/// The header's bytes.
const HEADER: usize = 64;

/// The bytes of an entry of the table of terms: its hash, where its files begin, their length and their checksum.
const ENTRY: usize = 24;

/// A larger file is no index of ours.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// The file is not an index of this version and tree, or not what was written.
#[derive(Debug)]
pub(crate) struct Damaged;

/// A file of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    /// `None` where the bytes may have changed since without a trace.
    pub(crate) stamp: Option<FileStamp>,
    /// Its words.
    pub(crate) length: u32,
    /// A program wrote it.
    pub(crate) generated: bool,
    /// Not all words of its text are counted.
    pub(crate) partial: bool,
}

/// An index, open for reading.
#[derive(Debug)]
pub(crate) struct Segment {
    file: File,
    pub(crate) entries: Vec<Entry>,
    terms: Vec<u8>,
    postings: u64,
}

impl Segment {
    /// The index that is kept, where it is one of this tree.
    pub(crate) fn of(place: &Place) -> Option<Self> {
        Self::open(place.open().ok()?, &place.name).ok()
    }

    /// Opens the index of the tree `name`.
    pub(crate) fn open(file: File, name: &[u8]) -> Result<Self, Damaged> {
        let length = file.metadata().map_err(|_| Damaged)?.len();
        let mut head = [0u8; HEADER];
        file.read_exact_at(&mut head, 0).map_err(|_| Damaged)?;
        let number = |at: usize| head.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
        let (files, terms, total) = (number(16), number(24), number(32));
        let whole = &head[..8] == MAGIC && number(8) == xxh3_64(name) && number(56) == xxh3_64(&head[..56]);
        let table = (HEADER as u64).checked_add(files).ok_or(Damaged)?;
        let postings = table.checked_add(terms).ok_or(Damaged)?;
        if !whole || total != length || length > MAX_BYTES || postings > length || terms % ENTRY as u64 != 0 {
            return Err(Damaged);
        }
        let part = |from: u64, length: u64, sum: u64| {
            let mut bytes = vec![0; usize::try_from(length).map_err(|_| Damaged)?];
            file.read_exact_at(&mut bytes, from).map_err(|_| Damaged)?;
            if xxh3_64(&bytes) == sum { Ok(bytes) } else { Err(Damaged) }
        };
        let entries = entries(&part(HEADER as u64, files, number(40))?)?;
        let terms = part(table, terms, number(48))?;
        Ok(Self { file, entries, terms, postings })
    }

    fn term(&self, at: usize) -> Option<(u64, u64, u32, u32)> {
        let entry = self.terms.get(at * ENTRY..(at + 1) * ENTRY)?;
        let wide = |at: usize| entry.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        let narrow = |at: usize| entry.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
        Some((wide(0)?, wide(8)?, narrow(16)?, narrow(20)?))
    }

    fn count(&self) -> usize {
        self.terms.len() / ENTRY
    }

    /// The files that have a term.
    pub(crate) fn hits(&self, term: u64) -> Result<Vec<(u32, Hit)>, Damaged> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            let (hash, ..) = self.term(middle).ok_or(Damaged)?;
            match hash.cmp(&term) {
                std::cmp::Ordering::Equal => return self.postings(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(Vec::new())
    }

    fn postings(&self, at: usize) -> Result<Vec<(u32, Hit)>, Damaged> {
        let (hash, from, length, sum) = self.term(at).ok_or(Damaged)?;
        let from = self.postings.checked_add(from).ok_or(Damaged)?;
        // At most ten bytes for each file.
        if u64::from(length) > self.entries.len() as u64 * 10 {
            return Err(Damaged);
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, from).map_err(|_| Damaged)?;
        if check(&bytes, hash) != sum {
            return Err(Damaged);
        }
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        let mut file = 0u32;
        while !rest.is_empty() {
            let step = u32::try_from(varint(&mut rest)?).map_err(|_| Damaged)?;
            file = file.checked_add(step).ok_or(Damaged)?;
            let [text, both, after @ ..] = rest else { return Err(Damaged) };
            rest = after;
            if file as usize > self.entries.len() || file == 0 {
                return Err(Damaged);
            }
            found.push((file - 1, Hit { text: *text, defined: both >> 4, path: both & 15 }));
        }
        Ok(found)
    }

    /// Every term with its files, in the order of the terms.
    pub(crate) fn all(&self) -> impl Iterator<Item = Result<(u64, Vec<(u32, Hit)>), Damaged>> {
        (0..self.count()).map(|at| Ok((self.term(at).ok_or(Damaged)?.0, self.postings(at)?)))
    }
}

fn check(bytes: &[u8], hash: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "half of the checksum is kept")]
    let sum = xxh3_64_with_seed(bytes, hash) as u32;
    sum
}

fn entries(bytes: &[u8]) -> Result<Vec<Entry>, Damaged> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(varint(&mut rest)?).map_err(|_| Damaged)?;
        let (path, after) = rest.split_at_checked(length).ok_or(Damaged)?;
        rest = after;
        let path = std::str::from_utf8(path).map_err(|_| Damaged)?.to_owned();
        let length = u32::try_from(varint(&mut rest)?).map_err(|_| Damaged)?;
        let [flags, after @ ..] = rest else { return Err(Damaged) };
        rest = after;
        let stamp = if flags & 2 == 0 {
            None
        } else {
            let signed = |value: u64| value.cast_signed();
            let (size, inode) = (varint(&mut rest)?, varint(&mut rest)?);
            let (modified, changed) = (varint(&mut rest)?, varint(&mut rest)?);
            Some(FileStamp { size, inode, modified_ns: signed(modified), changed_ns: signed(changed) })
        };
        found.push(Entry { path, stamp, length, generated: flags & 1 != 0, partial: flags & 4 != 0 });
    }
    Ok(found)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte, rest @ ..] = *bytes else { return Err(Damaged) };
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Ok(value);
        }
    }
    Err(Damaged)
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let byte = (value & 127) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 128);
    }
}

/// The files of one term, as they are written.
#[derive(Debug, Default)]
pub(crate) struct List {
    bytes: Vec<u8>,
    last: u32,
}

impl List {
    /// Adds a file behind those before it.
    pub(crate) fn push(&mut self, file: u32, hit: Hit) {
        let file = file + 1;
        put(&mut self.bytes, u64::from(file - self.last));
        self.last = file;
        self.bytes.extend([hit.text, (hit.defined.min(15) << 4) | hit.path.min(15)]);
    }
}

/// Writes an index whose `terms` come in their order.
pub(crate) fn write(
    out: &mut impl Write,
    name: &[u8],
    files: &[Entry],
    terms: impl Iterator<Item = io::Result<(u64, List)>>,
) -> io::Result<()> {
    let mut list = Vec::new();
    for Entry { path, stamp, length, generated, partial } in files {
        put(&mut list, path.len() as u64);
        list.extend(path.as_bytes());
        put(&mut list, u64::from(*length));
        list.push(u8::from(*generated) | (u8::from(stamp.is_some()) << 1) | (u8::from(*partial) << 2));
        if let Some(stamp) = stamp {
            for value in [stamp.size, stamp.inode, stamp.modified_ns.cast_unsigned(), stamp.changed_ns.cast_unsigned()]
            {
                put(&mut list, value);
            }
        }
    }
    // The table comes before what it points to, so the lists of files are held until it is complete.
    let mut table = Vec::new();
    let mut postings: Vec<u8> = Vec::new();
    for term in terms {
        let (hash, list) = term?;
        let length = u32::try_from(list.bytes.len()).map_err(io::Error::other)?;
        table.extend(hash.to_le_bytes());
        table.extend((postings.len() as u64).to_le_bytes());
        table.extend(length.to_le_bytes());
        table.extend(check(&list.bytes, hash).to_le_bytes());
        postings.extend(&list.bytes);
    }
    let total = HEADER + list.len() + table.len() + postings.len();
    if total as u64 > MAX_BYTES {
        return Err(io::Error::other("the index is too large"));
    }
    let mut head = Vec::with_capacity(HEADER);
    head.extend(MAGIC);
    for value in [xxh3_64(name), list.len() as u64, table.len() as u64, total as u64, xxh3_64(&list), xxh3_64(&table)] {
        head.extend(value.to_le_bytes());
    }
    let mut sum = Xxh3::new();
    sum.update(&head);
    head.extend(sum.digest().to_le_bytes());
    for part in [&head, &list, &table, &postings] {
        out.write_all(part)?;
    }
    out.flush()
}
