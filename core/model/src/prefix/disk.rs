//! Pages of prefixes on the disk, so that a prompt that was computed before a restart is not computed again.
//!
//! A page is a file of its own, named by a hash of the model and of all tokens up to its end (see [`page`]). It is
//! private data: numbers that derive from the user's code, from which text can be guessed. So the directory is 0700 and
//! the files are 0600, [`forget_prefixes`] deletes them, and nothing sends them anywhere.
//!
//! **Invariant:** a page is the very bytes that were stored under its key, or it is a miss. Reading never waits for
//! another process, and storing never makes the engine wait. Several processes may use one directory.

mod folder;
mod page;
#[cfg(test)]
mod tests;
mod writer;

use deepcoder_types::Hint;
use folder::{Folder, Miss};
use page::Format;
pub(crate) use page::PageKey;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use writer::{Queue, Writer};

/// If reading a page takes longer than this, computing it is as fast.
const SLOW: Duration = Duration::from_millis(250);
/// How long reading pauses after a slow read.
const SLOW_PAUSE: Duration = Duration::from_secs(60);

/// Where computed prefixes are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixCache {
    /// The directory, which is made where it is absent.
    pub folder: PathBuf,
    /// Maximum number of bytes of all pages in it, of any model.
    pub bytes: u64,
}

/// Why the directory of prefixes is not used.
#[derive(Debug, thiserror::Error)]
pub enum PrefixFolderError {
    /// It belongs to another user.
    #[error("the prefix cache {} is not used: it belongs to the user {owner}", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
    },
    /// Other users may write to it.
    #[error("the prefix cache {} is not used: other users may write in it", path.display())]
    Writable {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be opened or made.
    #[error("the prefix cache {} is not used: {error}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl Hint for PrefixFolderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Foreign { .. } | Self::Io { .. } => {
                Some("set DEEPCODER_HOME or XDG_CACHE_HOME to a directory of yours".into())
            }
            Self::Writable { path } => Some(format!("chmod go-w {}", path.display())),
        }
    }
}

/// The pages in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrefixUsage {
    /// Their number.
    pub pages: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
}

/// Count the pages of all models in `folder`; none if the directory does not exist.
pub fn prefix_usage(folder: &Path) -> Result<PrefixUsage, PrefixFolderError> {
    count(folder, false)
}

/// Delete the pages of all models in `folder`, and count them. A running daemon goes on storing new ones.
pub fn forget_prefixes(folder: &Path) -> Result<PrefixUsage, PrefixFolderError> {
    count(folder, true)
}

fn count(path: &Path, delete: bool) -> Result<PrefixUsage, PrefixFolderError> {
    match Folder::open(path, false) {
        Ok(folder) => folder.count(delete).map_err(|error| PrefixFolderError::Io { path: path.to_owned(), error }),
        Err(PrefixFolderError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(PrefixUsage::default())
        }
        Err(error) => Err(error),
    }
}

/// The pages of one model, in a directory that other models may share.
#[derive(Debug)]
pub(crate) struct DiskCache {
    shared: Arc<Shared>,
    writer: Option<Writer>,
}

/// Shared by the engine and the writer thread.
#[derive(Debug)]
struct Shared {
    folder: Folder,
    format: Format,
    queue: Queue,
    limits: Limits,
    /// When reading resumes after a slow read.
    read_after: Mutex<Option<Instant>>,
    /// Pages found, for tests and measurements.
    hits: AtomicU64,
}

/// Limits of size and time.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Maximum number of bytes of all pages on the disk.
    cap: u64,
    /// Maximum number of bytes of pages in the write queue.
    queue: usize,
    /// How long writing pauses after an error.
    pause: Duration,
    /// How long a read may take.
    slow: Duration,
    /// How long dropping a [`DiskCache`] waits for the write queue.
    drain: Duration,
}

impl Limits {
    const fn of(cap: u64) -> Self {
        Self { cap, queue: 64 << 20, pause: Duration::from_secs(600), slow: SLOW, drain: Duration::from_secs(1) }
    }
}

impl DiskCache {
    /// Open the pages of `page_bytes` bytes of the model `model_key` in `folder`, which is created if absent. All pages
    /// in it, of any model, take at most `cap_bytes` and at most a tenth of the disk space that is free or theirs.
    /// `warn` is called with the reason of a pause in writing, once for each reason.
    pub(crate) fn open(
        folder: &Path,
        model_key: &str,
        page_bytes: usize,
        cap_bytes: u64,
        warn: impl Fn(String) + Send + 'static,
    ) -> Result<Self, PrefixFolderError> {
        Self::with_limits(folder, model_key, page_bytes, Limits::of(cap_bytes), warn)
    }

    fn with_limits(
        path: &Path,
        model_key: &str,
        page_bytes: usize,
        limits: Limits,
        warn: impl Fn(String) + Send + 'static,
    ) -> Result<Self, PrefixFolderError> {
        let shared = Arc::new(Shared {
            folder: Folder::open(path, true)?,
            format: Format::new(model_key, page_bytes),
            queue: Queue::default(),
            limits,
            read_after: Mutex::new(None),
            hits: AtomicU64::new(0),
        });
        let writer = Writer::start(Arc::clone(&shared), PageKey::root(model_key), Box::new(warn))
            .map_err(|error| PrefixFolderError::Io { path: path.to_owned(), error })?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Read a page. After a miss (`false`) the content of `into` is undefined.
    pub(crate) fn get(&self, key: &PageKey, into: &mut [u8]) -> bool {
        let shared = &self.shared;
        let mut read_after = shared.read_after.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        if into.len() != shared.format.page || read_after.is_some_and(|after| start < after) {
            return false;
        }
        let read = shared.folder.read(&shared.format, key, into);
        if start.elapsed() > shared.limits.slow {
            *read_after = Some(Instant::now() + SLOW_PAUSE);
        }
        match read {
            Ok(()) => {
                shared.hits.fetch_add(1, Ordering::Relaxed);
                shared.queue.touch(key);
            }
            Err(Miss::Absent) => {}
            Err(Miss::Bad) => _ = shared.folder.delete(&key.file()),
        }
        read.is_ok()
    }

    /// Ask the system to read pages ahead of [`DiskCache::get`].
    pub(crate) fn read_ahead(&self, keys: &[PageKey]) {
        keys.iter().for_each(|key| self.shared.folder.read_ahead(key));
    }

    /// Whether a file for a page exists. It counts as used now.
    pub(crate) fn has(&self, key: &PageKey) -> bool {
        let has = self.shared.folder.has(key);
        if has {
            self.shared.queue.touch(key);
        }
        has
    }

    /// Whether [`DiskCache::put`] would store a page: not if it is stored, and not while the queue is full or writing
    /// pauses. Call it before copying a page.
    pub(crate) fn wants(&self, key: &PageKey) -> bool {
        let shared = &self.shared;
        shared.queue.accepts(shared.format.page, &shared.limits) && !self.has(key)
    }

    /// Queue a page for writing. Dropped if the queue is full.
    pub(crate) fn put(&self, key: PageKey, bytes: Vec<u8>) {
        if bytes.len() == self.shared.format.page {
            self.shared.queue.put(key, bytes, &self.shared.limits);
        }
    }

    /// Pages found so far.
    #[cfg(test)]
    pub(crate) fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::Relaxed)
    }
}

impl Drop for DiskCache {
    fn drop(&mut self) {
        self.shared.queue.close(self.shared.limits.drain);
        if let Some(writer) = self.writer.take() {
            writer.join();
        }
    }
}
