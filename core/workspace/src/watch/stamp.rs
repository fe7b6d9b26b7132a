//! The attributes of a file, without its bytes.

use crate::{Workspace, beneath};
use deepcoder_types::{ContentHash, RepoPath};
use rustix::fd::AsFd as _;
use rustix::fs::{FileType, OFlags, Stat};
use rustix::time::{ClockId, clock_gettime};

/// A file that was changed so short a time ago can change again without its times showing it: they move with the
/// kernel's tick.
const TICK_NS: i128 = 20_000_000;

/// As [`TICK_NS`], where times have whole seconds.
const SECONDS_NS: i128 = 2_100_000_000;

/// The attributes of a file, without its bytes.
#[derive(Debug, Clone)]
pub struct Stamp {
    size: u64,
    inode: u64,
    mode: u32,
    modified_ns: i128,
    changed_ns: i128,
    /// Of the bytes, where the times are too young to be relied on.
    hash: Option<Box<ContentHash>>,
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        let all = |s: &Self| (s.size, s.inode, s.mode, s.modified_ns, s.changed_ns);
        all(self) == all(other)
    }
}

impl Eq for Stamp {}

impl Stamp {
    /// Of a regular file; `None` for anything else.
    pub(crate) fn of(stat: &Stat) -> Option<Self> {
        let ns = |seconds: i64, nanos: i128| i128::from(seconds) * 1_000_000_000 + nanos;
        (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            inode: stat.st_ino,
            mode: stat.st_mode & 0o7777,
            modified_ns: ns(stat.st_mtime, i128::from(stat.st_mtime_nsec)),
            changed_ns: ns(stat.st_ctime, i128::from(stat.st_ctime_nsec)),
            hash: None,
        })
    }

    /// Of the file at `path`, `None` when no regular file is there.
    pub(crate) fn at(workspace: &Workspace, path: &str) -> Option<Self> {
        let fd = beneath::open(workspace.inner.root_fd.as_fd(), path, OFlags::PATH).ok()?;
        Self::of(&rustix::fs::fstat(&fd).ok()?)
    }

    /// Whether this one, of now, tells of other bytes than `old`. Both stand for `path`.
    pub(crate) fn differs(&mut self, old: Option<&Self>, workspace: &Workspace, path: &RepoPath) -> bool {
        let same = old.filter(|old| **old == *self);
        let young = self.is_young();
        let doubted = same.and_then(|old| old.hash.as_deref());
        // A file that is too large to be read is taken for changed.
        let hash = if young || doubted.is_some() { workspace.read(path).ok().map(|image| image.hash()) } else { None };
        let differs = match (same, doubted) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(old)) => hash.as_ref() != Some(old),
        };
        self.hash = hash.filter(|_| young).map(Box::new);
        differs
    }

    fn is_young(&self) -> bool {
        // The kernel's own clock, which the times of files are from: no other tells whether they can still be the same.
        let now = clock_gettime(ClockId::RealtimeCoarse);
        let now = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
        let whole = self.changed_ns % 1_000_000_000 == 0 && self.modified_ns % 1_000_000_000 == 0;
        now - self.changed_ns < if whole { SECONDS_NS } else { TICK_NS }
    }
}
