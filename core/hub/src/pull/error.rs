//! Why a source cannot be had.

use deepcoder_types::{ContentHash, Hint};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Why the download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The user cancelled. The partial file is kept for the next call.
    #[error("cancelled")]
    Cancelled,
    /// Another process fetches the same model.
    #[error("`{name}` is being downloaded by another process")]
    Busy {
        /// Which.
        name: String,
    },
    /// Not enough room.
    #[error(
        "not enough disk space in `{}`: {} needed, {} free",
        path.display(), human(*need), human(*free)
    )]
    DiskFull {
        /// The downloads' folder.
        path: PathBuf,
        /// Bytes needed.
        need: u64,
        /// Bytes free.
        free: u64,
    },
    /// Every source failed.
    #[error("`{name}` could not be downloaded{}", list(attempts))]
    NoSource {
        /// Which.
        name: String,
        /// The attempts, in order.
        attempts: Vec<Attempt>,
    },
    /// The operating system refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A source that failed.
#[derive(Debug)]
pub struct Attempt {
    /// Which, in words.
    pub source: String,
    /// Why.
    pub error: SourceError,
}

/// Why one source failed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No answer.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// It answered, and refused or broke off.
    #[error("{0}")]
    Refused(String),
    /// There is no pip to fetch packages with.
    #[error("`{command}` cannot be run: {why}")]
    NoPip {
        /// The command.
        command: String,
        /// Why it did not.
        why: String,
    },
    /// Pip failed.
    #[error("pip could not fetch {package}: {message}")]
    Pip {
        /// `name==version`.
        package: String,
        /// The end of what it said.
        message: String,
    },
    /// The package is not what the catalogue says.
    #[error("package {package}: {message}")]
    Package {
        /// `name==version`.
        package: String,
        /// The error, in words.
        message: String,
    },
    /// The bytes are not the right ones. They have been deleted.
    #[error("wrong sha256 of {file}: {found} instead of {expected}")]
    WrongHash {
        /// Of which file.
        file: String,
        /// The expected hash.
        expected: ContentHash,
        /// Its hash.
        found: ContentHash,
    },
}

impl Hint for FetchError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Cancelled => Some("run the command again to continue where it stopped".into()),
            Self::Busy { .. } => Some("wait for it, or end it".into()),
            Self::DiskFull { .. } => Some("make room and run the command again; nothing was left behind".into()),
            Self::NoSource { .. } => Some(
                "check the network and run the command again: what is here already is not downloaded twice; a GGUF \
                 file that you have is taken by `deepcoder import FILE`"
                    .into(),
            ),
            Self::Io { .. } => None,
        }
    }
}

/// Ends a source, or the whole call.
#[derive(Debug)]
pub(super) enum Stop {
    /// The next source may do better.
    Source(SourceError),
    /// No other source can help.
    Fatal(FetchError),
}

impl Stop {
    pub(super) const CANCELLED: Self = Self::Fatal(FetchError::Cancelled);

    /// For places without a source.
    pub(super) fn or_io(self, path: &Path) -> FetchError {
        match self {
            Self::Fatal(error) => error,
            Self::Source(error) => FetchError::Io { path: path.to_owned(), source: io::Error::other(error) },
        }
    }
}

fn list(attempts: &[Attempt]) -> String {
    let mut out = String::new();
    for Attempt { source, error } in attempts {
        // Writing to a string does not fail.
        write!(out, "\n  {source}: {error}").unwrap_or_default();
    }
    out
}

fn human(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes >= 1024.0 { format!("{:.1} GiB", mebibytes / 1024.0) } else { format!("{mebibytes:.1} MiB") }
}
