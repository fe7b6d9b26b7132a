//! The originals, kept by git itself: `refs/deepcoder/undo/<ulid>` names a commit whose tree has the files as they were
//! below `old/` and as they became below `new/`, so that plain git gets every byte back without deepcoder.
//!
//! They go into one pack, which needs three syncs for any number of files. It holds them even where git has the same
//! blob already, since git by itself does not sync what it writes. A `.keep` file beside it makes git leave it alone:
//! without one, fifty edits would make `git gc --auto` repack the whole repository. Packs are never removed here, since
//! git does not write an object again that it has: a commit of the user may rest on one. Without its `.keep`, a pack is
//! git's to tidy up.

use crate::{Applier, ApplyError};
use deepcoder_store::{ImageRow, NewSet};
use deepcoder_types::ContentHash;
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, ObjectType, Oid, Repository, RepositoryOpenFlags, Signature, Time};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const REFS: &str = "refs/deepcoder/undo";
/// How the `.keep` files of our packs begin.
const KEEP: &str = "deepcoder ";

/// The bytes of one file before and after.
pub(crate) type Images<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The blob that `bytes` make, without filters.
pub(crate) fn blob_id(bytes: &[u8]) -> Result<String, ApplyError> {
    Ok(Oid::hash_object(ObjectType::Blob, bytes)?.to_string())
}

/// What the message of the commit says, after the title.
#[derive(Serialize, Deserialize)]
struct About<S> {
    /// Linked work trees share the refs: the folder of this one inside git's, empty for the main one. A path would not
    /// survive a move of the repository.
    work_tree: String,
    set: S,
}

impl Applier {
    fn work_tree_name(&self, repo: &Repository) -> String {
        let inside = self.git_dir.strip_prefix(repo.commondir().canonicalize().unwrap_or_default());
        inside.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(crate) fn repository(&self) -> Result<Repository, ApplyError> {
        Ok(Repository::open_ext(&self.root, RepositoryOpenFlags::NO_SEARCH, &[] as &[&OsStr])?)
    }

    /// Keep the images of `set` and name the commit in it. On the disk when this returns.
    pub(crate) fn save(&self, set: &mut NewSet, images: &[Images<'_>]) -> Result<(), ApplyError> {
        let repo = self.repository()?;
        let objects = repo.commondir().join("objects");
        // The name tells git's own housekeeping to remove it should we die here.
        let quarantine = objects.join(format!("tmp_objdir-deepcoder-{}", set.ulid));
        let result = self.write_pack(&repo, set, images, &quarantine, &objects.join("pack"));
        // Empty unless something failed.
        #[expect(clippy::disallowed_methods, reason = "removes a folder that this call made in git's object store")]
        let _ = std::fs::remove_dir_all(&quarantine);
        let pack = result?;
        self.at("pack-synced")?;
        self.write_ref(repo.commondir(), &set.ulid, &set.git_commit)?;
        // Last, so that a pack without a ref is never kept; a pack without this file merely counts for `git gc --auto`.
        #[expect(clippy::disallowed_methods, reason = "marks a pack of ours in git's object store")]
        let _ = std::fs::write(pack.with_extension("keep"), format!("{KEEP}{}\n", set.ulid));
        self.at("saved")
    }

    fn write_pack(
        &self,
        repo: &Repository,
        set: &mut NewSet,
        images: &[Images<'_>],
        quarantine: &Path,
        packs: &Path,
    ) -> Result<PathBuf, ApplyError> {
        let odb = repo.odb()?;
        // Everything written from here on stays in memory, and goes with `repo`.
        let _mempack = odb.add_new_mempack_backend(1000)?;
        let mut tree = TreeUpdateBuilder::new();
        for (file, (old, new)) in set.files.iter().zip(images) {
            for (side, bytes, row) in [("old", old, &file.old), ("new", new, &file.new)] {
                let (Some(bytes), Some(row)) = (bytes, row) else { continue };
                let id = odb.write(ObjectType::Blob, bytes)?;
                let mode = if row.mode & 0o100 == 0 { FileMode::Blob } else { FileMode::BlobExecutable };
                tree.upsert(format!("{side}/{}", file.path), id, mode);
            }
        }
        let empty = repo.find_tree(repo.treebuilder(None)?.write()?)?;
        let tree = repo.find_tree(tree.create_updated(repo, &empty)?)?;
        let seconds = i64::try_from(set.created_ms / 1000).unwrap_or(i64::MAX);
        let who = Signature::new("deepcoder", "deepcoder@localhost", &Time::new(seconds, 0))?;
        let about = About { work_tree: self.work_tree_name(repo), set: &*set };
        let about = serde_json::to_string(&about).map_err(|e| ApplyError::Git(e.to_string()))?;
        let message = format!("{}\n\n{about}\n", set.title.replace(['\n', '\0'], " "));
        let commit = repo.commit(None, &who, &who, &message, &tree, &[])?;
        set.git_commit = commit.to_string();

        let io = |e: std::io::Error| ApplyError::io("the originals into git", e);
        std::fs::create_dir(quarantine).map_err(io)?;
        let mut pack = repo.packbuilder()?;
        pack.insert_commit(commit)?;
        pack.write(quarantine, 0o444).map_err(|e| pack_error(&e))?;
        self.at("pack-written")?;
        std::fs::create_dir_all(packs).map_err(io)?;
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(quarantine).map_err(io)? {
            files.push(entry.map_err(io)?.path());
        }
        // Git takes a pack as there once its index is: `.pack` first, `.idx` last.
        files.sort_by_key(|path| path.extension() == Some(OsStr::new("idx")));
        for path in &files {
            self.sync_path(path)?;
        }
        for path in &files {
            let name = path.file_name().unwrap_or_default();
            #[expect(clippy::disallowed_methods, reason = "moves a pack of ours into git's object store")]
            std::fs::rename(path, packs.join(name)).map_err(io)?;
        }
        self.sync_path(packs)?;
        let name = files.last().and_then(|path| path.file_name());
        name.map(|name| packs.join(name)).ok_or_else(|| ApplyError::Git("no pack was written".into()))
    }

    /// As git writes a ref: under the name of its lock, synced, then renamed. (libgit2 does not sync it.)
    #[expect(clippy::disallowed_methods, reason = "makes a ref of ours, below refs/deepcoder/undo")]
    fn write_ref(&self, common_dir: &Path, ulid: &str, commit: &str) -> Result<(), ApplyError> {
        let io = |e: std::io::Error| ApplyError::io("the ref that keeps the originals", e);
        let folder = common_dir.join(REFS);
        let fresh = !folder.exists();
        std::fs::create_dir_all(&folder).map_err(io)?;
        let (lock, path) = (folder.join(format!("{ulid}.lock")), folder.join(ulid));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&lock).map_err(io)?;
        let written = file.write_all(format!("{commit}\n").as_bytes()).map_err(io).and_then(|()| {
            self.tree.sync(&file).map_err(|e| ApplyError::io("the ref that keeps the originals", e))?;
            self.at("ref-synced")?;
            std::fs::rename(&lock, &path).map_err(io)
        });
        if let Err(error) = written {
            let _ = std::fs::remove_file(&lock);
            return Err(error);
        }
        self.sync_path(&folder)?;
        if fresh {
            self.sync_path(&common_dir.join("refs/deepcoder"))?;
            self.sync_path(&common_dir.join("refs"))?;
        }
        Ok(())
    }

    fn sync_path(&self, path: &Path) -> Result<(), ApplyError> {
        let error = |e: std::io::Error| ApplyError::io(path.display().to_string(), e);
        self.tree.sync(File::open(path).map_err(error)?).map_err(|e| error(e.into()))
    }

    /// Whether a ref has this name.
    pub(crate) fn has_ref(&self, repo: &Repository, ulid: &str) -> bool {
        repo.find_reference(&format!("{REFS}/{ulid}")).is_ok()
    }

    /// Let git forget the images of sets. One that is unknown is as good.
    pub(crate) fn forget<'a>(&self, ulids: impl IntoIterator<Item = &'a str>) -> Result<(), ApplyError> {
        let repo = self.repository()?;
        for ulid in ulids {
            delete_ref(&repo, ulid)?;
        }
        self.release_packs(&repo);
        Ok(())
    }

    /// Leave packs whose ref is gone to git. Best effort: the next call does what this one could not.
    fn release_packs(&self, repo: &Repository) {
        let packs = repo.commondir().join("objects/pack");
        for entry in std::fs::read_dir(packs).into_iter().flatten().flatten() {
            let path = entry.path();
            let ours = path.extension() == Some(OsStr::new("keep"));
            let Some(text) = ours.then(|| std::fs::read_to_string(&path).ok()).flatten() else { continue };
            if text.strip_prefix(KEEP).is_some_and(|ulid| !self.has_ref(repo, ulid.trim())) {
                #[expect(clippy::disallowed_methods, reason = "removes our own mark from a pack")]
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The sets that git keeps for this work tree, oldest first. What is not ours or not readable is left out.
    pub(crate) fn kept_sets(&self) -> Result<Vec<NewSet>, ApplyError> {
        let repo = self.repository()?;
        let work_tree = self.work_tree_name(&repo);
        let mut sets = Vec::new();
        for reference in repo.references_glob(&format!("{REFS}/*"))?.flatten() {
            let Ok(commit) = reference.peel_to_commit() else { continue };
            let Ok(message) = commit.message() else { continue };
            let Some((_, about)) = message.split_once("\n\n") else { continue };
            let Ok(About { work_tree: owner, mut set }) = serde_json::from_str::<About<NewSet>>(about) else {
                continue;
            };
            // The ref is what is deleted and looked up, so a copy under another name is not taken for it.
            if owner == work_tree && reference.name().ok() == Some(&format!("{REFS}/{}", set.ulid)) {
                set.git_commit = commit.id().to_string();
                sets.push(set);
            }
        }
        sets.sort_by(|a, b| a.ulid.cmp(&b.ulid));
        Ok(sets)
    }

    /// The bytes of an image, from git or from the history, checked against its hash. `None`: they are gone.
    pub(crate) fn load(&self, image: &ImageRow) -> Result<Option<Vec<u8>>, ApplyError> {
        let fits = |bytes: &[u8]| ContentHash::of(bytes) == image.hash;
        let blob = Oid::from_str(&image.blob).ok().zip(self.repository().ok());
        if let Some(bytes) = blob.and_then(|(id, repo)| repo.find_blob(id).ok().map(|b| b.content().to_vec()))
            && fits(&bytes)
        {
            return Ok(Some(bytes));
        }
        Ok(self.store.image(&image.hash)?.filter(|bytes| fits(bytes)))
    }
}

fn delete_ref(repo: &Repository, ulid: &str) -> Result<(), ApplyError> {
    match repo.find_reference(&format!("{REFS}/{ulid}")).and_then(|mut reference| reference.delete()) {
        Err(e) if e.code() != ErrorCode::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

/// libgit2 says a full disk in words.
fn pack_error(error: &git2::Error) -> ApplyError {
    let what = "the originals into git".to_owned();
    if error.message().contains("No space left") {
        return ApplyError::NoSpace { what };
    }
    if error.message().contains("Read-only file system") {
        return ApplyError::ReadOnly { what };
    }
    ApplyError::Git(error.message().to_owned())
}
