//! The scratch copy of a work tree that checks run on. There is one for each repository; it is kept, and before each run it is
//! made equal to the files that are wanted: those of the work tree, with an edit in place or without.
//!
//! A file is a copy of its own, shared with the original only where the file system makes the blocks copy-on-write
//! (`FICLONE`). A hard link would let a check that writes into a file change the user's. An overlay would need a
//! namespace of its own, which the kernel denies to a process with threads.
//!
//! **Invariant:** the copy's content is known by the stamps that files got when they were written here. A check cannot
//! forge `ctime`, so that whatever it changed is written anew. **Invariant:** two contents of one path never have the same
//! time of modification in whole seconds: caches of Python and mypy would take the second for the first.

use crate::folder::{Folder, Stamp, Trash, is_folder, stamp};
use deepcoder_types::{Cancel, ContentHash, FileImage, Hint, RepoPath};
use deepcoder_workspace::Workspace;
use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_OMIT, flock, futimens, ioctl_ficlone};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Directories deeper than this are removed and not looked into.
const MAX_DEPTH: usize = 100;

/// The most bytes of a tree that is copied.
const MAX_TREE: u64 = 8 << 30;

/// The most bytes of the list of files.
const MAX_LIST: u64 = 256 << 20;

/// Progress is told after this many files.
const STEP: usize = 256;

/// The state that a path is to have.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// The file of the work tree, with its stamp.
    Source(Stamp),
    /// These bytes.
    Image(FileImage),
    /// A symbolic link that holds this path.
    Link(String),
}

/// All that is wanted, by path.
pub(crate) type Files = BTreeMap<String, Wanted>;

/// Names a content without holding it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Identity {
    Source(Stamp),
    Image(ContentHash, bool),
    Link(String),
    Gone,
}

/// A path of the copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    content: Identity,
    /// The file as it was written here.
    stamp: Stamp,
    /// The last time of modification that it had, in seconds.
    modified: i64,
}

/// Why the copy cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Its directory cannot be used.
    #[error("cannot use the scratch copy {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The tree is too large.
    #[error("the tree has {0} bytes, and a copy at most {MAX_TREE}")]
    TooLarge(u64),
    /// Another process runs checks.
    #[error("another process runs the checks of this repository")]
    Busy,
    /// The caller cancelled.
    #[error("interrupted")]
    Cancelled,
}

impl Hint for CopyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => {
                Some("make room on the disk; XDG_CACHE_HOME moves the copy".into())
            }
            Self::TooLarge(_) => Some("list generated data in .gitignore".into()),
            Self::Busy => Some("let it finish, and try again".into()),
            Self::Io { .. } | Self::Cancelled => None,
        }
    }
}

/// Progress: how many files of how many are looked at.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// The copy of one repository, locked for this process.
pub(crate) struct ScratchCopy {
    /// Of deepcoder's own: the list of files, and what is to be removed.
    dir: PathBuf,
    /// Where checks may write.
    scratch: PathBuf,
    known: HashMap<String, Known>,
    trash: Trash,
    changed: bool,
    _lock: File,
}

impl ScratchCopy {
    /// The copy in the directory `dir` of the repository at `root`, once no other process uses it.
    pub(crate) fn open(dir: &Path, root: &Path, patience: Duration, cancel: &Cancel) -> Result<Self, CopyError> {
        let error = |source| CopyError::Io { path: dir.to_owned(), source };
        make_private(dir).map_err(error)?;
        let flags = rustix::fs::OFlags::CREATE;
        let lock = deepcoder_files::open_to_write(&dir.join("lock"), flags).map_err(error)?;
        let pause = Duration::from_millis(50);
        let mut left = patience;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            if cancel.wait_timeout(pause) {
                return Err(CopyError::Cancelled);
            }
            left = left.checked_sub(pause).ok_or(CopyError::Busy)?;
        }
        let trash = Trash::new(dir).map_err(error)?;
        let scratch = dir.join("scratch");
        make_private(&scratch).map_err(error)?;
        // For the sweep, which removes the copies of repositories that are gone.
        write_own(&dir.join("root"), root.as_os_str().as_bytes()).map_err(error)?;
        let known = deepcoder_files::read(&dir.join("files.json"), MAX_LIST).ok();
        let known: Option<HashMap<String, Known>> = known.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut copy = Self { dir: dir.to_owned(), scratch, known: HashMap::new(), trash, changed: false, _lock: lock };
        match known {
            Some(known) => copy.known = known,
            // The caches know times of files that nobody remembers.
            None => copy.wipe().map_err(error)?,
        }
        Ok(copy)
    }

    /// Where checks may write.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The copy of the tree.
    pub(crate) fn tree(&self) -> PathBuf {
        self.scratch.join("tree")
    }

    /// A directory of deepcoder's own beside it, for results.
    pub(crate) fn results(&self) -> PathBuf {
        self.dir.join("results")
    }

    /// The directories of one run, empty.
    pub(crate) fn fresh(&mut self, names: &[&str]) -> Result<(), CopyError> {
        let made = Folder::open(&self.scratch)
            .and_then(|scratch| names.iter().try_for_each(|name| scratch.fresh(name, &mut self.trash)));
        made.map_err(|source| self.error(source))
    }

    /// The directories that stay from run to run.
    pub(crate) fn keep(&mut self, names: &[&str]) -> Result<(), CopyError> {
        let made = Folder::open(&self.scratch).and_then(|scratch| {
            names.iter().try_for_each(|name| scratch.child_or_new(name, &mut self.trash).map(drop))
        });
        made.map_err(|source| self.error(source))
    }

    /// At most `most` bytes of the file `name` in the directory `folder` of the scratch directory.
    pub(crate) fn read(&self, folder: &str, name: &str, most: u64) -> io::Result<Vec<u8>> {
        Folder::open(&self.scratch)?.child(folder)?.read(name, most)
    }

    /// Make the copy equal to `files`.
    pub(crate) fn sync(
        &mut self,
        workspace: &Workspace,
        files: &Files,
        cancel: &Cancel,
        progress: Progress<'_>,
    ) -> Result<(), CopyError> {
        let bytes: u64 = files.values().map(size).sum();
        if bytes > MAX_TREE {
            return Err(CopyError::TooLarge(bytes));
        }
        match self.try_sync(workspace, files, cancel, progress) {
            Err(CopyError::Io { source, .. }) if source.raw_os_error() != Some(Errno::NOSPC.raw_os_error()) => {
                // A check may have left what cannot be mended piece by piece.
                self.wipe().map_err(|source| self.error(source))?;
                self.try_sync(workspace, files, cancel, progress)
            }
            done => done,
        }
    }

    fn try_sync(
        &mut self,
        workspace: &Workspace,
        files: &Files,
        cancel: &Cancel,
        progress: Progress<'_>,
    ) -> Result<(), CopyError> {
        let scratch = Folder::open(&self.scratch).map_err(|source| self.error(source))?;
        let tree = scratch.child_or_new("tree", &mut self.trash).map_err(|source| self.error(source))?;
        let mut folders = BTreeSet::new();
        for path in files.keys() {
            folders.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
        }
        let mut good = BTreeSet::new();
        self.look(&tree, "", 0, files, &folders, &mut good).map_err(|source| self.error(source))?;
        let mut open: Vec<(String, Folder)> = Vec::new();
        for (done, (path, wanted)) in files.iter().filter(|(path, _)| !good.contains(path.as_str())).enumerate() {
            if cancel.is_cancelled() {
                return Err(CopyError::Cancelled);
            }
            if done % STEP == 0 {
                progress(good.len() + done, files.len());
            }
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            // The list is sorted, so that neighbours are in one directory.
            while open.last().is_some_and(|(at, _)| !(folder == at || folder.starts_with(&format!("{at}/")))) {
                open.pop();
            }
            let written = descend(&tree, &mut open, folder, &mut self.trash).and_then(|parent| {
                let last = self.known.get(path).map_or(i64::MIN, |known| known.modified);
                write(workspace, parent, name, path, wanted, last, &mut self.trash)
            });
            self.changed = true;
            match written {
                Ok(known) => _ = self.known.insert(path.clone(), known),
                // It went away since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(self.error(source)),
            }
        }
        Ok(())
    }

    /// Remove from the directory what is not wanted or not as it was written; the rest is `good`.
    fn look<'f>(
        &mut self,
        folder: &Folder,
        prefix: &str,
        depth: usize,
        files: &'f Files,
        folders: &BTreeSet<&str>,
        good: &mut BTreeSet<&'f str>,
    ) -> io::Result<()> {
        for (name, stat) in folder.entries()? {
            let path = name
                .to_str()
                .ok()
                .map(|name| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") });
            if let Some(path) = path {
                if is_folder(&stat) {
                    if folders.contains(path.as_str()) && depth < MAX_DEPTH {
                        let name = path.rsplit('/').next().unwrap_or(&path);
                        if let Ok(child) = folder.child(name) {
                            self.look(&child, &path, depth + 1, files, folders, good)?;
                            continue;
                        }
                    }
                } else if let (Some((key, wanted)), Some(known)) = (files.get_key_value(&path), self.known.get(&path)) {
                    if known.content == identity(wanted) && known.stamp == Stamp::of(&stat) {
                        good.insert(key.as_str());
                        continue;
                    }
                } else if let Some(known) = self.known.get_mut(&path) {
                    known.content = Identity::Gone;
                }
            }
            folder.remove(name.as_c_str(), &mut self.trash)?;
        }
        Ok(())
    }

    /// Start anew, caches included.
    pub(crate) fn wipe(&mut self) -> io::Result<()> {
        let own = Folder::open(&self.dir)?;
        own.fresh("scratch", &mut self.trash)?;
        self.known.values_mut().for_each(|known| known.content = Identity::Gone);
        self.changed = true;
        Ok(())
    }

    /// Remember what is here for the next process.
    pub(crate) fn save(&mut self) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        if let Ok(text) = serde_json::to_string(&self.known) {
            // Without the list the next process copies everything anew.
            _ = write_own(&self.dir.join("files.json"), text.as_bytes());
        }
    }

    fn error(&self, source: io::Error) -> CopyError {
        CopyError::Io { path: self.scratch.clone(), source }
    }
}

impl Drop for ScratchCopy {
    fn drop(&mut self) {
        self.save();
    }
}

/// The bytes that a path will have.
fn size(wanted: &Wanted) -> u64 {
    match wanted {
        Wanted::Source(stamp) => stamp.size(),
        Wanted::Image(image) => image.bytes.len() as u64,
        Wanted::Link(_) => 0,
    }
}

fn identity(wanted: &Wanted) -> Identity {
    match wanted {
        Wanted::Source(stamp) => Identity::Source(*stamp),
        Wanted::Image(image) => Identity::Image(image.hash(), is_executable(image)),
        Wanted::Link(target) => Identity::Link(target.clone()),
    }
}

fn is_executable(image: &FileImage) -> bool {
    image.mode.unwrap_or(0) & 0o111 != 0
}

/// Names the state of all `files`.
pub(crate) fn state(files: &Files) -> ContentHash {
    let mut text = String::new();
    for (path, wanted) in files {
        text.push_str(path);
        text.push('\0');
        text.push_str(&format!("{:?}", identity(wanted)));
        text.push('\0');
    }
    ContentHash::of(text.as_bytes())
}

/// The directory `folder`, made where it is missing. `open` holds the way to the last one.
fn descend<'o>(
    tree: &'o Folder,
    open: &'o mut Vec<(String, Folder)>,
    folder: &str,
    trash: &mut Trash,
) -> io::Result<&'o Folder> {
    loop {
        let at = open.last().map(|(at, _)| at.as_str()).unwrap_or_default();
        if at == folder {
            break;
        }
        let rest = folder.get(at.len()..).unwrap_or_default().trim_start_matches('/');
        let name = rest.split('/').next().unwrap_or_default();
        let path = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
        let next = open.last().map_or(tree, |(_, folder)| folder).child_or_new(name, trash)?;
        open.push((path, next));
    }
    Ok(open.last().map_or(tree, |(_, folder)| folder))
}

/// Write one path, with a time of modification in a later second than `last`.
fn write(
    workspace: &Workspace,
    folder: &Folder,
    name: &str,
    path: &str,
    wanted: &Wanted,
    last: i64,
    trash: &mut Trash,
) -> io::Result<Known> {
    let content = identity(wanted);
    let file = match wanted {
        Wanted::Link(target) => {
            return Ok(Known { content, stamp: folder.link(name, target, trash)?, modified: last });
        }
        Wanted::Image(image) => {
            let mut file = folder.create(name, is_executable(image), trash)?;
            file.write_all(&image.bytes)?;
            file
        }
        Wanted::Source(_) => {
            let path = RepoPath::new(path).map_err(io::Error::other)?;
            let mut source = workspace.open_file(&path)?;
            let executable = rustix::fs::fstat(&source)?.st_mode & 0o111 != 0;
            let mut file = folder.create(name, executable, trash)?;
            if ioctl_ficlone(&file, &source).is_err() {
                io::copy(&mut source, &mut file)?;
            }
            file
        }
    };
    let now = rustix::fs::fstat(&file)?.st_mtime;
    let modified = if now <= last { last.saturating_add(1) } else { now };
    if modified != now {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access: omit, last_modification: Timespec { tv_sec: modified, tv_nsec: 0 } };
        futimens(&file, &times)?;
    }
    Ok(Known { content, stamp: stamp(&file)?, modified })
}

/// A directory that only this user may enter.
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Write a file of deepcoder's own, whole or not at all.
#[expect(clippy::disallowed_methods, reason = "writes to deepcoder's own cache folder")]
pub(crate) fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, bytes)?;
    std::fs::rename(&next, path)
}

/// Remove the copies of repositories that are gone. Those in use stay.
pub(crate) fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let dir = entry.path();
        let Ok(root) = deepcoder_files::read(&dir.join("root"), 1 << 16) else { continue };
        let root = Path::new(std::ffi::OsStr::from_bytes(&root));
        let Err(error) = root.symlink_metadata() else { continue };
        if error.kind() != io::ErrorKind::NotFound {
            continue;
        }
        let Ok(lock) = deepcoder_files::open(&dir.join("lock"), 1) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // What cannot be removed now is found by the next sweep.
            _ = deepcoder_verify::sandbox::remove_scratch(&dir);
        }
    }
}
