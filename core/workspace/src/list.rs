//! Listing what a model may see.

use crate::rules::{RuleSource as _, Rules, Verdict, visible};
use crate::{Workspace, beneath, secrets};
use deepcoder_types::RepoPath;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use std::sync::Arc;

/// Why the files cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The root itself cannot be read. (A folder below it that cannot be read is left out, as git does.)
    #[error("cannot list `{}`: {source}", path.display())]
    Root {
        /// The root.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl deepcoder_types::Hint for ListError {}

/// What the file system says of a file without reading it: while this stays the same, so do the bytes, unless the file
/// changed a moment ago (see [`FileStamp::changed_ns`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Its size in bytes.
    pub size: u64,
    /// Its number in the file system.
    pub inode: u64,
    /// The time of the last change of its bytes, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// The time of the last change of its bytes or attributes, in nanoseconds since 1970.
    pub changed_ns: i64,
}

impl FileStamp {
    fn of(stat: &Stat) -> Self {
        let ns = |seconds: i64, nanos: u64| {
            seconds.saturating_mul(1_000_000_000).saturating_add(i64::try_from(nanos).unwrap_or(0))
        };
        Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            inode: stat.st_ino,
            modified_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
            changed_ns: ns(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

impl Workspace {
    /// Every file that a model may see: regular, not ignored, not secret by name, not in a repository inside this one,
    /// with a name that is UTF-8. Sorted.
    pub fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        Ok(self.walk(false)?.into_iter().map(|(path, _)| path).collect())
    }

    /// The same, each with its stamp.
    pub fn stamped_files(&self) -> Result<Vec<(RepoPath, Option<FileStamp>)>, ListError> {
        self.walk(true)
    }

    fn walk(&self, stamps: bool) -> Result<Vec<(RepoPath, Option<FileStamp>)>, ListError> {
        let mut found: Vec<(RepoPath, Option<FileStamp>)> = Vec::new();
        let mut hidden_by_git = false;
        let mut folders: Vec<(String, Arc<Rules>)> = vec![(String::new(), self.root_rules())];
        while let Some((folder, parent)) = folders.pop() {
            let fd = beneath::open(self.inner.root_fd.as_fd(), &folder, OFlags::RDONLY | OFlags::DIRECTORY);
            let read = fd.and_then(|fd| Ok((entries(&fd)?, fd)));
            let (entries, fd) = match read {
                Ok(read) => read,
                Err(errno) if folder.is_empty() => {
                    return Err(ListError::Root { path: self.root().to_owned(), source: errno.into() });
                }
                Err(_) => continue,
            };
            let has = |name: &str| entries.iter().any(|(n, _)| n == name);
            let rules = if folder.is_empty() {
                parent
            } else if has(".git") {
                continue;
            } else {
                self.rules_below(parent, &folder, &has)
            };
            for (name, kind) in entries {
                let text = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                let is_dir = kind == FileType::Directory;
                if !is_dir && kind != FileType::RegularFile {
                    continue;
                }
                // Refuses git's own folder.
                let Ok(path) = RepoPath::new(text) else { continue };
                match rules.verdict(path.as_str(), is_dir) {
                    Verdict::Hidden => {}
                    Verdict::HiddenByGit => hidden_by_git = true,
                    Verdict::Shown if is_dir => folders.push((path.into(), Arc::clone(&rules))),
                    Verdict::Shown if secrets::is_secret_path(&path) => {}
                    Verdict::Shown => {
                        let stat = stamps.then(|| rustix::fs::statat(&fd, &name, AtFlags::SYMLINK_NOFOLLOW).ok());
                        found.push((path, stat.flatten().as_ref().map(FileStamp::of)));
                    }
                }
            }
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if hidden_by_git {
            self.add_tracked(&mut found);
        }
        Ok(found)
    }

    /// Git's rules do not apply to files that are tracked.
    fn add_tracked(&self, found: &mut Vec<(RepoPath, Option<FileStamp>)>) {
        let unknown = |path: &RepoPath| found.binary_search_by(|(known, _)| known.cmp(path)).is_err();
        let tracked = self.tracked().into_iter().filter_map(|text| RepoPath::new(text).ok());
        let mut hidden: Vec<RepoPath> = tracked.filter(unknown).collect();
        hidden.sort_unstable();
        hidden = visible(self, hidden.iter());
        hidden.retain(|path| self.exists(path));
        // Without a stamp they are read anew each time: there are few of them.
        found.extend(hidden.into_iter().map(|path| (path, None)));
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
}

fn entries(folder: &OwnedFd) -> Result<Vec<(String, FileType)>, rustix::io::Errno> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if !matches!(name, "." | "..") {
            entries.push((name.to_owned(), known_kind(folder.as_fd(), name, entry.file_type())));
        }
    }
    Ok(entries)
}

/// Some file systems do not say in the listing what an entry is.
fn known_kind(folder: BorrowedFd<'_>, name: &str, listed: FileType) -> FileType {
    if listed == FileType::Unknown { beneath::kind(folder, name).unwrap_or(listed) } else { listed }
}
