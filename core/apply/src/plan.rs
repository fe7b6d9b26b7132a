//! The plan of a set for this tree as it is now: its files and the refusals. Reads only.

use crate::index::Entries;
use crate::protect::protected;
use crate::tree::{Found, OnDisk, kind, split};
use crate::{Applier, ApplyError, Refusal};
use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use rustix::io::Errno;
use std::collections::{BTreeSet, HashSet};

/// A set, as it will be written.
pub(crate) struct Plan<'a> {
    /// Its files, without those that are as they should be already.
    pub(crate) files: Vec<Planned<'a>>,
    /// Folders to be made, outermost first.
    pub(crate) made_dirs: Vec<String>,
    /// The reasons against it.
    pub(crate) refusals: Vec<Refusal>,
}

/// One file of it.
pub(crate) struct Planned<'a> {
    pub(crate) path: &'a RepoPath,
    /// Bytes and mode.
    pub(crate) old: Option<(&'a [u8], u32)>,
    pub(crate) new: Option<(&'a [u8], u32)>,
}

impl Applier {
    pub(crate) fn plan<'a>(&self, set: &'a EditSet, allow_protected: bool) -> Result<Plan<'a>, ApplyError> {
        let index = Entries::read(&self.repository()?, &self.runner)?;
        let mut plan = Plan { files: Vec::new(), made_dirs: Vec::new(), refusals: overlaps(set) };
        let mut made = BTreeSet::new();
        for change in &set.files {
            let reason = if allow_protected { None } else { protected(&change.path) };
            if let Some(reason) = reason {
                plan.refusals.push(Refusal::Protected { path: change.path.clone(), reason });
                continue;
            }
            match self.plan_file(change, &index, &mut made)? {
                Ok(Some(planned)) => plan.files.push(planned),
                Ok(None) => {}
                Err(refusal) => plan.refusals.push(refusal),
            }
        }
        // A folder that was there for one file and not for another is being moved.
        for file in plan.files.iter().filter(|file| file.old.is_some()) {
            if folders(file.path).any(|folder| made.contains(folder)) {
                plan.refusals.push(Refusal::Missing(file.path.clone()));
            }
        }
        // A folder sorts before what is in it.
        plan.made_dirs = made.into_iter().collect();
        Ok(plan)
    }

    fn plan_file<'a>(
        &self,
        change: &'a FileChange,
        index: &Entries,
        made: &mut BTreeSet<String>,
    ) -> Result<Result<Option<Planned<'a>>, Refusal>, ApplyError> {
        let path = &change.path;
        let refuse = |refusal: fn(RepoPath) -> Refusal| Ok(Err(refusal(path.clone())));
        if self.workspace.is_in_git_dir(path) {
            return Ok(Err(Refusal::Protected { path: path.clone(), reason: "it belongs to git" }));
        }
        if index.is_unmerged(path.as_str()) {
            return refuse(Refusal::Unmerged);
        }
        if folders(path).chain([path.as_str()]).any(|p| index.is_submodule(p)) {
            return refuse(Refusal::Submodule);
        }
        let io = |errno: Errno| ApplyError::io(format!("`{path}`"), errno);
        let mut missing = Vec::new();
        for folder in folders(path) {
            match self.tree.folder(folder) {
                Ok(fd) if kind(&fd, ".git").is_ok() => return refuse(Refusal::Submodule),
                Ok(_) => {}
                Err(Errno::NOENT) => missing.push(folder.to_owned()),
                Err(Errno::LOOP) => return refuse(Refusal::Link),
                Err(Errno::NOTDIR) => return refuse(Refusal::NotAFolder),
                Err(errno) => return Err(io(errno)),
            }
        }
        let (folder, name) = split(path.as_str());
        let found = if missing.is_empty() {
            self.tree.look(&self.tree.folder(folder).map_err(io)?, name).map_err(io)?
        } else {
            Found::Nothing
        };
        let disk = match found {
            Found::Link => return refuse(Refusal::Link),
            Found::Other => return refuse(Refusal::NotAFile),
            Found::File(file) => Some(file),
            Found::Nothing => None,
        };
        match (&change.old, disk) {
            (None, Some(_)) => refuse(Refusal::Exists),
            (Some(_), None) => refuse(Refusal::Missing),
            (Some(old), Some(disk)) if old.bytes != disk.bytes => refuse(Refusal::Stale),
            (_, Some(disk)) if disk.links > 1 => refuse(Refusal::HardLink),
            (_, Some(disk)) if lends_rights(disk.mode) => refuse(Refusal::Privileged),
            _ if change.new.as_ref().and_then(|new| new.mode).is_some_and(lends_rights) => refuse(Refusal::Privileged),
            (_, Some(disk)) if is_lfs_pointer(&disk.bytes) => refuse(Refusal::LfsPointer),
            (Some(old), Some(disk)) => Ok(Ok(replace(path, old, change.new.as_ref(), &disk))),
            (None, None) => Ok(Ok(change.new.as_ref().map(|new| {
                made.extend(missing);
                let mode = new.mode.unwrap_or_else(|| 0o666 & !umask());
                Planned { path, old: None, new: Some((&new.bytes, mode)) }
            }))),
        }
    }
}

fn replace<'a>(
    path: &'a RepoPath,
    old: &'a FileImage,
    new: Option<&'a FileImage>,
    disk: &OnDisk,
) -> Option<Planned<'a>> {
    let new = new.map(|new| {
        // A mode that the edit does not change stays what it is on the disk, whatever it was when the edit was made.
        let mode = new.mode.filter(|mode| Some(*mode) != old.mode).unwrap_or(disk.mode);
        (new.bytes.as_slice(), mode)
    });
    let old = (old.bytes.as_slice(), disk.mode);
    (new != Some(old)).then_some(Planned { path, old: Some(old), new })
}

/// The folders on the way to `path`, outermost first.
pub(crate) fn folders(path: &RepoPath) -> impl Iterator<Item = &str> {
    path.as_str().match_indices('/').map(|(at, _)| &path.as_str()[..at])
}

fn overlaps(set: &EditSet) -> Vec<Refusal> {
    let mut seen = HashSet::new();
    let mut refusals: Vec<_> = set
        .files
        .iter()
        .filter(|f| !seen.insert(f.path.as_str()))
        .map(|f| Refusal::Duplicate(f.path.clone()))
        .collect();
    let inside = set.files.iter().filter(|f| folders(&f.path).any(|folder| seen.contains(folder)));
    refusals.extend(inside.map(|f| Refusal::Overlap(f.path.clone())));
    refusals
}

/// Setuid and setgid. A model's bytes must not run with another user's rights.
const fn lends_rights(mode: u32) -> bool {
    mode & 0o6000 != 0
}

fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// The bits that new files do not get. Setting it is the only other way to ask, and would race with other threads.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    digits.and_then(|d| u32::from_str_radix(d.trim(), 8).ok()).unwrap_or(0o022)
}
