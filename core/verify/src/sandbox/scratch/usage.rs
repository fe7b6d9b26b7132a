//! How much a program has written, while it runs.
//!
//! Limits of the kernel hold for each file. For all of them together there is no limit that a user may set, so they are
//! counted: when the free space of the file system has fallen, which is cheap to ask, and from time to time in any case.

use super::super::group::GroupId;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, StatVfs, fstatvfs, openat, statat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::CString;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The least that a file counts for: an inode and a name are not free either.
const SMALLEST: u64 = 4096;

/// How long to leave a tree alone that nothing speaks against.
const REST: Duration = Duration::from_millis(200);

/// The limit of what a run may have in its folder.
pub(crate) struct Quota {
    root: OwnedFd,
    path: PathBuf,
    device: u64,
    limit: u64,
    file_limit: u64,
    /// Bytes and files that were free at the start; nothing when the file system itself is no larger than the limit.
    free: Option<(u64, u64)>,
    counted: Instant,
    took: Duration,
}

/// The sums of a count.
struct Count {
    bytes: u64,
    seen: HashSet<u64>,
    /// Whether every folder could be read.
    complete: bool,
}

impl Quota {
    /// At most `limit` bytes in the folder `path`, of which each file has at most `file_limit`.
    pub(crate) fn new(path: &Path, limit: u64, file_limit: u64) -> io::Result<Self> {
        let root = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let space = fstatvfs(&root)?;
        // Some file systems do not say how large they are.
        let bounded = space.f_blocks > 0 && space.f_blocks.saturating_mul(space.f_frsize) <= limit;
        Ok(Self {
            device: rustix::fs::fstat(&root)?.st_dev,
            root,
            path: path.to_owned(),
            limit,
            file_limit,
            free: (!bounded).then(|| free(&space)),
            counted: Instant::now(),
            took: Duration::ZERO,
        })
    }

    /// Whether the folder must be measured: not where the file system itself is that small.
    pub(crate) fn needs_watching(&self) -> bool {
        self.free.is_some()
    }

    /// Whether more is there than may be. Cheap when nothing has been written.
    pub(crate) fn exceeded(&mut self, group: GroupId) -> bool {
        let Some((bytes, files)) = self.free else { return false };
        let Ok(space) = fstatvfs(&self.root) else { return false };
        let (free_bytes, free_files) = free(&space);
        // Others write as well, so this is a reason to count and no more.
        let lost = bytes.saturating_sub(free_bytes).max(files.saturating_sub(free_files).saturating_mul(SMALLEST));
        let alarm = lost >= self.limit;
        // However large a tree is, counting it takes a part of one processor only.
        let rest = match lost {
            _ if alarm => self.took,
            lost if lost >= self.limit / 2 => self.took * 4,
            _ => REST.max(self.took * 20),
        };
        if self.counted.elapsed() < rest {
            return false;
        }
        let started = Instant::now();
        let mut count = Count { bytes: 0, seen: HashSet::new(), complete: true };
        self.count_tree(&mut count);
        if alarm && count.bytes <= self.limit {
            self.count_deleted(group, &mut count);
        }
        (self.counted, self.took) = (Instant::now(), started.elapsed());
        count.bytes > self.limit || (alarm && !count.complete)
    }

    /// Counts the tree. Folders are opened by their paths from the root and one at a time; one whose path is too long
    /// for the kernel is not counted.
    fn count_tree(&self, count: &mut Count) {
        let mut folders = vec![CString::from(c".")];
        while let Some(folder) = folders.pop() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(open) = openat(&self.root, &*folder, flags, Mode::empty()) else {
                // It may just have been removed, which is no reason to be strict.
                let gone = statat(&self.root, &*folder, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT);
                count.complete &= gone;
                continue;
            };
            let Ok(mut entries) = Dir::read_from(&open) else { continue };
            while let Some(Ok(entry)) = entries.read() {
                let name = entry.file_name();
                if name == c"." || name == c".." {
                    continue;
                }
                let Ok(stat) = statat(&open, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                if stat.st_nlink > 1 && !count.seen.insert(stat.st_ino) {
                    continue;
                }
                count.bytes += blocks(stat.st_blocks.unsigned_abs());
                if count.bytes > self.limit {
                    return;
                }
                if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                    let path = [folder.to_bytes(), name.to_bytes()].join(&b'/');
                    folders.extend(CString::new(path));
                }
            }
        }
    }

    /// Counts deleted files that members of the group keep open or mapped into memory.
    fn count_deleted(&self, group: GroupId, count: &mut Count) {
        for process in group.members() {
            for entry in std::fs::read_dir(process.join("fd")).into_iter().flatten().filter_map(Result::ok) {
                let Ok(meta) = std::fs::metadata(entry.path()) else { continue };
                let hidden = meta.is_file() && meta.nlink() == 0 && meta.dev() == self.device;
                if hidden && count.seen.insert(meta.ino()) {
                    count.bytes += blocks(meta.blocks());
                }
            }
            let Ok(maps) = std::fs::File::open(process.join("maps")) else { continue };
            for line in BufReader::new(maps).split(b'\n').map_while(Result::ok) {
                // `range mode offset device inode path (deleted)`. A part of a file keeps all of it.
                let Some(start) = line.iter().position(|b| *b == b'/') else { continue };
                if !line.ends_with(b" (deleted)") || !line[start..].starts_with(self.path.as_os_str().as_bytes()) {
                    continue;
                }
                let head = String::from_utf8_lossy(&line[..start]);
                let inode = head.split_whitespace().nth(4).and_then(|word| word.parse().ok());
                if inode.is_some_and(|inode| count.seen.insert(inode)) {
                    count.bytes += self.file_limit;
                }
            }
        }
    }
}

fn free(space: &StatVfs) -> (u64, u64) {
    (space.f_bfree.saturating_mul(space.f_frsize), space.f_ffree)
}

fn blocks(blocks: u64) -> u64 {
    blocks.saturating_mul(512).max(SMALLEST)
}
