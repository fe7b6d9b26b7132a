//! A file that grows part by part and survives interruption.

use super::error::Stop;
use crate::disk;
use deepcoder_types::{Cancel, ContentHash};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The verified part of a partial file; written after those bytes are on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Identifies the list of parts: another list does not continue this file.
    plan: ContentHash,
    /// Parts appended.
    parts: usize,
    /// Bytes that they have.
    bytes: u64,
    /// SHA-256 of those bytes.
    sha256: ContentHash,
}

/// A file being put together.
pub(super) struct Partial {
    path: PathBuf,
    record_path: PathBuf,
    file: File,
    hasher: Sha256,
    plan: ContentHash,
    parts: usize,
    bytes: u64,
}

impl Partial {
    /// Open what an earlier call left, cut back to the last whole part, or begin anew.
    pub(super) fn open(path: PathBuf, plan: ContentHash, cancel: &Cancel) -> Result<Self, Opening> {
        let record_path = path.with_extension("json");
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let mut partial = Self { path, record_path, file, hasher: Sha256::new(), plan, parts: 0, bytes: 0 };
        if let Some(record) = partial.read_record().filter(|r| r.plan == plan) {
            let hasher = hash_file(&partial.path, record.bytes, cancel)?;
            if ContentHash::from_digest(digest(&hasher)) == record.sha256 {
                (partial.hasher, partial.parts, partial.bytes) = (hasher, record.parts, record.bytes);
            }
        }
        partial.file.set_len(partial.bytes)?;
        partial.file.seek(SeekFrom::Start(partial.bytes))?;
        Ok(partial)
    }

    pub(super) fn parts(&self) -> usize {
        self.parts
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn sha256(&self) -> ContentHash {
        ContentHash::from_digest(digest(&self.hasher))
    }

    /// Append one part of exactly `expected` bytes and make it durable. On any error the file is as before, but for
    /// bytes past the record, which the next opening cuts off.
    pub(super) fn append(
        &mut self,
        reader: &mut dyn Read,
        expected: u64,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &Cancel,
    ) -> Result<(), Appending> {
        let mut hasher = self.hasher.clone();
        let mut buffer = vec![0u8; 256 << 10];
        let mut got = 0u64;
        loop {
            if cancel.is_cancelled() {
                return Err(Appending::Cancelled);
            }
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Appending::Read(e)),
            };
            got += n as u64;
            if got > expected {
                return Err(Appending::Length { more: true });
            }
            self.file.write_all(&buffer[..n]).map_err(Appending::Write)?;
            hasher.update(&buffer[..n]);
            on_bytes(self.bytes + got);
        }
        if got < expected {
            return Err(Appending::Length { more: false });
        }
        self.file.sync_data().map_err(Appending::Write)?;
        (self.hasher, self.parts, self.bytes) = (hasher, self.parts + 1, self.bytes + got);
        self.write_record().map_err(Appending::Write)
    }

    /// Give the complete file its final name.
    pub(super) fn publish(self, destination: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        disk::publish(&self.path, destination)?;
        disk::remove_file(&self.record_path)
    }

    /// Leave nothing behind.
    pub(super) fn delete(self) -> io::Result<()> {
        disk::remove_file(&self.record_path)?;
        disk::remove_file(&self.path)
    }

    fn read_record(&self) -> Option<Record> {
        let text = deepcoder_files::read_text(&self.record_path, 4096).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write_record(&self) -> io::Result<()> {
        let record = Record { plan: self.plan, parts: self.parts, bytes: self.bytes, sha256: self.sha256() };
        let new = self.record_path.with_extension("json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&record)?)?;
        file.sync_all()?;
        disk::publish(&new, &self.record_path)
    }
}

/// Why [`Partial::open`] failed.
#[derive(Debug)]
pub(super) enum Opening {
    Io(io::Error),
    Stop(Stop),
}

impl From<io::Error> for Opening {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Stop> for Opening {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Why [`Partial::append`] failed.
#[derive(Debug)]
pub(super) enum Appending {
    Cancelled,
    /// The part is damaged.
    Read(io::Error),
    /// The part is longer or shorter than it should be.
    Length {
        more: bool,
    },
    /// Our own disk failed.
    Write(io::Error),
}

/// Hash the first `limit` bytes of a file.
pub(super) fn hash_file(path: &Path, limit: u64, cancel: &Cancel) -> Result<Sha256, Stop> {
    let failed = |source| Stop::Fatal(super::FetchError::Io { path: path.to_owned(), source });
    let mut reader = File::open(path).map_err(failed)?.take(limit);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        if cancel.is_cancelled() {
            return Err(Stop::CANCELLED);
        }
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
}

/// The digest of what was hashed so far.
pub(super) fn digest(hasher: &Sha256) -> [u8; 32] {
    hasher.clone().finalize().into()
}
