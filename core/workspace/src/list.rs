//! Listing what a model may see.

use crate::rules::{RuleSource as _, Rules, Verdict, visible};
use crate::{Workspace, beneath, secrets};
use deepcoder_types::RepoPath;
use rustix::fd::{AsFd as _, BorrowedFd};
use rustix::fs::{Dir, FileType, OFlags};
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

impl Workspace {
    /// Every file that a model may see: regular, not ignored, not secret by name, not in a repository inside this one,
    /// with a name that is UTF-8. Sorted.
    pub fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        let mut found = Vec::new();
        let mut hidden_by_git = false;
        let mut folders: Vec<(String, Arc<Rules>)> = vec![(String::new(), self.root_rules())];
        while let Some((folder, parent)) = folders.pop() {
            let entries = match self.entries(&folder) {
                Ok(entries) => entries,
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
                let text = if folder.is_empty() { name } else { format!("{folder}/{name}") };
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
                    Verdict::Shown => found.push(path),
                }
            }
        }
        found.sort_unstable();
        if hidden_by_git {
            self.add_tracked(&mut found);
        }
        Ok(found)
    }

    /// Git's rules do not apply to files that are tracked.
    fn add_tracked(&self, found: &mut Vec<RepoPath>) {
        let unknown = |path: &RepoPath| found.binary_search(path).is_err();
        let tracked = self.tracked().into_iter().filter_map(|text| RepoPath::new(text).ok());
        let mut hidden: Vec<RepoPath> = tracked.filter(unknown).collect();
        hidden.sort_unstable();
        hidden = visible(self, hidden.iter());
        hidden.retain(|path| self.exists(path));
        found.append(&mut hidden);
        found.sort_unstable();
    }

    fn entries(&self, folder: &str) -> Result<Vec<(String, FileType)>, rustix::io::Errno> {
        let fd = beneath::open(self.inner.root_fd.as_fd(), folder, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if !matches!(name, "." | "..") {
                entries.push((name.to_owned(), known_kind(fd.as_fd(), name, entry.file_type())));
            }
        }
        Ok(entries)
    }
}

/// Some file systems do not say in the listing what an entry is.
fn known_kind(folder: BorrowedFd<'_>, name: &str, listed: FileType) -> FileType {
    if listed == FileType::Unknown { beneath::kind(folder, name).unwrap_or(listed) } else { listed }
}
