//! Images that must not be in git's object store: those of files with a clean filter.
//!
//! The bytes that such a filter (git-crypt's, say) keeps from git stand in the work tree, and so in the
//! images of an edit. Under a ref it would be pushed by `git push --mirror`. So these images are files in
//! `deepcoder/kept/<ulid>` of git's own folder, where no push reaches, named by the hash of their bytes.

use crate::tree::{Found, Tree};
use crate::{Applier, ApplyError, lock};
use deepcoder_types::{ContentHash, RepoPath};
use git2::{AttrCheckFlags, AttrValue, Repository};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::path::Path;

const KEPT: &str = "kept";
const ABOUT: &str = "about";

/// Whether git's filters change `path` on its way into the object store. One that cannot be asked counts as filtered.
pub(crate) fn is_filtered(repo: &Repository, path: &RepoPath) -> bool {
    let value = repo.get_attr_bytes(Path::new(path.as_str()), "filter", AttrCheckFlags::FILE_THEN_INDEX);
    value.map_or(true, |value| {
        matches!(AttrValue::from_bytes(value), AttrValue::String(_) | AttrValue::Bytes(_) | AttrValue::True)
    })
}

fn error(errno: Errno) -> ApplyError {
    ApplyError::io("the originals beside git's objects", errno)
}

impl Applier {
    /// Whether the images of `path` are kept here, and not in git's objects.
    pub(crate) fn is_outside(&self, path: &RepoPath) -> bool {
        self.repository().is_ok_and(|repo| is_filtered(&repo, path))
    }

    /// Keep `images` for the set `ulid`, and what is to be known of it: hashes tell who guesses that they guessed right.
    /// On the disk when this returns.
    pub(crate) fn keep_images(&self, ulid: &str, about: &str, images: &[&[u8]]) -> Result<(), ApplyError> {
        let all = format!("{}/{KEPT}", lock::FOLDER);
        let own = format!("{all}/{ulid}");
        for folder in [lock::FOLDER, &all, &own] {
            self.git.make_folder(folder).map_err(error)?;
        }
        let folder = self.git.folder(&own).map_err(error)?;
        let named = images.iter().map(|bytes| (ContentHash::of(bytes).to_string(), *bytes));
        for (name, bytes) in named.chain([(ABOUT.to_owned(), about.as_bytes())]) {
            let new = || Tree::write_new(&folder, &name, bytes, 0o600);
            let file = match new() {
                // Another file of this set with the same bytes, or half of it, from a run that died.
                Err(Errno::EXIST) => self.git.remove(&folder, &name).and_then(|()| new()),
                file => file,
            };
            let file = file.map_err(error)?;
            self.git.adjust(&file);
            self.tree.sync(&file).map_err(error)?;
        }
        self.tree.sync(&folder).map_err(error)?;
        for folder in [all.as_str(), lock::FOLDER, ""] {
            self.tree.sync(self.git.folder(folder).map_err(error)?).map_err(error)?;
        }
        Ok(())
    }

    /// The record of the set `ulid`, if it is kept here.
    pub(crate) fn kept_about(&self, ulid: &str) -> Option<String> {
        let folder = self.git.folder(&format!("{}/{KEPT}/{ulid}", lock::FOLDER)).ok()?;
        match self.git.look(&folder, ABOUT).ok()? {
            Found::File(disk) => String::from_utf8(disk.bytes).ok(),
            _ => None,
        }
    }

    /// The image with this hash, whichever set it is kept for.
    pub(crate) fn kept_image_of(&self, hash: &ContentHash) -> Option<Vec<u8>> {
        self.kept_folders().into_iter().find_map(|(_, folder)| {
            match self.git.look(&folder, &hash.to_string()).ok()? {
                Found::File(disk) if disk.hash() == *hash => Some(disk.bytes),
                _ => None,
            }
        })
    }

    /// Let go of the images of sets that no ref names any more. Best effort: the next call does what this one could not.
    pub(crate) fn release_images(&self, repo: &Repository) {
        for (ulid, folder) in self.kept_folders() {
            if self.has_ref(repo, &ulid) {
                continue;
            }
            for entry in rustix::fs::Dir::read_from(&folder).into_iter().flatten().flatten() {
                if let Ok(name) = entry.file_name().to_str().map(str::to_owned)
                    && (name == ABOUT || name.parse::<ContentHash>().is_ok())
                {
                    let _ = self.git.remove(&folder, &name);
                }
            }
            self.git.drop_folder(&format!("{}/{KEPT}/{ulid}", lock::FOLDER));
        }
    }

    fn kept_folders(&self) -> Vec<(String, OwnedFd)> {
        let all = format!("{}/{KEPT}", lock::FOLDER);
        let Ok(folder) = self.git.folder(&all) else { return Vec::new() };
        let entries = rustix::fs::Dir::read_from(&folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        let ours = names.filter(|name| name.parse::<ulid::Ulid>().is_ok());
        ours.filter_map(|name| Some((self.git.folder(&format!("{all}/{name}")).ok()?, name)).map(|(f, n)| (n, f)))
            .collect()
    }
}
