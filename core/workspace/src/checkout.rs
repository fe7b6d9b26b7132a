//! What a program needs of a work tree that runs on a copy of it.

use crate::{ListError, Workspace, beneath};
use deepcoder_types::RepoPath;
use rustix::fd::AsFd as _;
use rustix::fs::{FileType, OFlags};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;

/// One entry of a work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File,
    /// A tracked symbolic link to something in the tree, with the path that it holds.
    Link(String),
}

impl Workspace {
    /// The files that a model may see, the tracked ones that it may not, and the tracked links that stay in the tree. Links
    /// that lead out of it are left out.
    pub fn checkout(&self) -> Result<BTreeMap<RepoPath, Entry>, ListError> {
        let mut found: BTreeMap<RepoPath, Entry> = self.files()?.into_iter().map(|path| (path, Entry::File)).collect();
        for (text, link) in self.index_entries() {
            let Ok(path) = RepoPath::new(text) else { continue };
            if found.contains_key(&path) {
                continue;
            }
            if !link {
                if self.exists(&path) {
                    found.insert(path, Entry::File);
                }
            } else if let Some(target) = self.link_inside(&path) {
                found.insert(path, Entry::Link(target));
            }
        }
        Ok(found)
    }

    /// A regular file of any size, opened for reading. No link is followed, nothing blocks.
    pub fn open_file(&self, path: &RepoPath) -> io::Result<File> {
        let fd = beneath::open(self.inner.root_fd.as_fd(), path.as_str(), OFlags::RDONLY)?;
        match deepcoder_files::odd_kind(FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode)) {
            None => Ok(fd.into()),
            Some(odd) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {odd}, not a regular file"))),
        }
    }

    /// The tracked files and links; whether each is a link.
    fn index_entries(&self) -> Vec<(String, bool)> {
        const KIND: u32 = 0o170_000;
        const REGULAR: u32 = 0o100_000;
        const LINK: u32 = 0o120_000;
        let Ok(index) = self.repository().and_then(|r| r.index()) else { return Vec::new() };
        let entries = index.iter().filter(|e| matches!(e.mode & KIND, REGULAR | LINK));
        entries.filter_map(|e| Some((String::from_utf8(e.path).ok()?, e.mode & KIND == LINK))).collect()
    }

    /// The path that the link at `path` holds, if it leads to something in the tree.
    fn link_inside(&self, path: &RepoPath) -> Option<String> {
        let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let folder_fd = beneath::open(self.inner.root_fd.as_fd(), folder, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let target = rustix::fs::readlinkat(&folder_fd, name, Vec::new()).ok()?.into_string().ok()?;
        if target.starts_with('/') {
            return None;
        }
        let mut depth: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." => _ = depth.pop()?,
                part => depth.push(part),
            }
        }
        RepoPath::new(depth.join("/")).ok().map(|_| target)
    }
}
