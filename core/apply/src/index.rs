//! The entries of git's index for single files. Read only.

use crate::{ApplyError, git};
use deepcoder_git::Git;
use deepcoder_types::Cancel;
use git2::{ErrorClass, Index, Repository};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The mode of an entry that stands for another repository.
const GITLINK: u32 = 0o160_000;

/// The index as it is now.
pub(crate) enum Entries {
    Read(Index),
    /// Split and sparse indices, which only git itself reads.
    Listed {
        entries: HashMap<String, (u32, String)>,
        unmerged: HashSet<String>,
    },
}

impl Entries {
    pub(crate) fn read(repo: &Repository, git: &Git) -> Result<Self, ApplyError> {
        let read = repo.index().and_then(|mut index| index.read(true).map(|()| index));
        match read {
            Ok(index) => Ok(Self::Read(index)),
            Err(error) if error.class() == ErrorClass::Index => {
                let said = git::quiet(git, &["ls-files", "--stage", "-z"], b"", &Cancel::new());
                said.map(|list| Self::parse(&list)).map_err(|_| ApplyError::Index(error.message().to_owned()))
            }
            Err(error) => Err(ApplyError::Index(error.message().to_owned())),
        }
    }

    /// `mode id stage\tpath`, each with a NUL after it.
    fn parse(list: &[u8]) -> Self {
        let (mut entries, mut unmerged) = (HashMap::new(), HashSet::new());
        for line in list.split(|byte| *byte == 0) {
            let line = String::from_utf8_lossy(line);
            let Some((about, path)) = line.split_once('\t') else { continue };
            let words: Vec<&str> = about.split(' ').collect();
            let &[mode, id, stage] = words.as_slice() else { continue };
            if stage == "0" {
                let mode = u32::from_str_radix(mode, 8).unwrap_or_default();
                entries.insert(path.to_owned(), (mode, id.to_owned()));
            } else {
                unmerged.insert(path.to_owned());
            }
        }
        Self::Listed { entries, unmerged }
    }

    /// Mode and id of the merged entry for `path`.
    pub(crate) fn entry(&self, path: &str) -> Option<(u32, String)> {
        match self {
            Self::Read(index) => index.get_path(Path::new(path), 0).map(|entry| (entry.mode, entry.id.to_string())),
            Self::Listed { entries, .. } => entries.get(path).cloned(),
        }
    }

    pub(crate) fn is_unmerged(&self, path: &str) -> bool {
        match self {
            Self::Read(index) => (1..=3).any(|stage| index.get_path(Path::new(path), stage).is_some()),
            Self::Listed { unmerged, .. } => unmerged.contains(path),
        }
    }

    pub(crate) fn is_submodule(&self, path: &str) -> bool {
        match self {
            Self::Read(index) => index.get_path(Path::new(path), 0).is_some_and(|entry| entry.mode == GITLINK),
            Self::Listed { entries, .. } => entries.get(path).is_some_and(|(mode, _)| *mode == GITLINK),
        }
    }
}
