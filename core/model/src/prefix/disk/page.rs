//! The file format of a page: name, header and checksum.
//!
//! A file is a header of [`HEADER`] bytes and the page. The header names the layout, the model, the page's key and its
//! length, so that a renamed or foreign file is noticed, and has a checksum of the page. The checksum finds damage, not
//! attackers: the directory is the user's own.

use deepcoder_types::ContentHash;
use xxhash_rust::xxh3::xxh3_128;

/// Version of the layout. Raise it when the layout of a page or header changes, or the kernels compute other bits.
const LAYOUT: u32 = 1;
const MAGIC: &[u8; 8] = b"DCPREFIX";
/// Bytes before the page: magic, layout, length, model, key, checksum.
pub(super) const HEADER: usize = 8 + 4 + 8 + 32 + 32 + CHECKSUM;
const CHECKSUM: usize = 16;

/// Files take whole blocks of the disk. It bounds their number too: an empty file counts.
const BLOCK: u64 = 4096;

/// The bytes that a file of `len` bytes takes on the disk.
pub(super) fn counted(len: u64) -> u64 {
    len.max(1).next_multiple_of(BLOCK)
}

/// The ending of a page's name.
const PAGE: &str = ".page";
/// The ending of the name of a file that is being written.
pub(super) const PART: &str = ".part";
/// Hexadecimal digits of a key in a name.
const DIGITS: usize = 64;

/// Names a page: the model, the layout, and every token up to the end of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    hash: ContentHash,
    /// Pages before this one.
    index: u32,
}

impl PageKey {
    /// The key of the empty prefix, from which those of pages derive. `model` must differ between models whose pages
    /// differ: it names the weights and the recipe.
    pub(crate) fn root(model: &str) -> Self {
        let text = format!("{LAYOUT} {model}");
        Self { hash: ContentHash::of(text.as_bytes()), index: 0 }
    }

    /// The key of the page that holds `tokens` after the prefix that this key names.
    pub(crate) fn then(&self, tokens: &[u32]) -> Self {
        let mut bytes = self.hash.as_bytes().to_vec();
        bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
        Self { hash: ContentHash::of(&bytes), index: self.index.saturating_add(1) }
    }

    /// The name of its file. The number of pages before it lets eviction spare the beginnings, without which the rest
    /// of a prefix is of no use.
    pub(super) fn file(&self) -> String {
        format!("{}-{}{PAGE}", self.hash, self.index)
    }
}

/// What a name in the directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// A page, with the number of pages before it.
    Page(u32),
    /// A page that is being written, or was when its writer died.
    Part,
}

impl Name {
    /// `None` for the name of a file that is not ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (digits, rest) = name.split_at_checked(DIGITS)?;
        if !digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) || !rest.starts_with('-') {
            return None;
        }
        if rest.ends_with(PART) {
            return Some(Self::Part);
        }
        rest[1..].strip_suffix(PAGE)?.parse().ok().map(Self::Page)
    }
}

/// The header of every page of one model.
#[derive(Debug)]
pub(super) struct Format {
    model: ContentHash,
    /// Bytes of a page.
    pub(super) page: usize,
}

impl Format {
    pub(super) fn new(model: &str, page: usize) -> Self {
        Self { model: ContentHash::of(model.as_bytes()), page }
    }

    /// Bytes of a page's file.
    pub(super) const fn file_len(&self) -> u64 {
        (HEADER + self.page) as u64
    }

    pub(super) fn header(&self, key: &PageKey, page: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let parts: [&[u8]; 6] = [
            MAGIC,
            &LAYOUT.to_le_bytes(),
            &(self.page as u64).to_le_bytes(),
            self.model.as_bytes(),
            key.hash.as_bytes(),
            &xxh3_128(page).to_le_bytes(),
        ];
        let bytes = parts.into_iter().flatten();
        header.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        header
    }

    /// Whether `header` is that of `page` under `key`.
    pub(super) fn matches(&self, key: &PageKey, header: &[u8; HEADER], page: &[u8]) -> bool {
        *header == self.header(key, page)
    }
}
