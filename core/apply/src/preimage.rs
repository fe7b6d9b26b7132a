//! The originals, kept by git itself: `refs/deepcoder/undo/<ulid>` names a commit whose tree has the files as they were
//! below `old/` and as they became below `new/`, so that plain git gets every byte back without deepcoder. Files with a
//! clean filter are not among them: see `kept`.
//!
//! They go into one pack, which needs three syncs for any number of files. It holds them even where git has the same
//! blob already, since git by itself does not sync what it writes. A `.keep` file beside it makes git leave it alone:
//! without one, fifty edits would make `git gc --auto` repack the whole repository. Packs are never removed here, since
//! git does not write an object again that it has: a commit of the user may rest on one. Without its `.keep`, a pack is
//! git's to tidy up.

use crate::tree::{Tree, split};
use crate::{Applier, ApplyError, kept};
use deepcoder_history::{FileRow, ImageRow, NewSet};
use deepcoder_types::{ContentHash, RepoPath};
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, ObjectType, Oid, Repository, Signature, Time};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;

const REFS: &str = "refs/deepcoder/undo";
/// The same below `refs`.
const FOLDER: &str = "deepcoder/undo";
/// How the `.keep` files of our packs begin.
const KEEP: &str = "deepcoder ";
/// The most bytes of such a file.
const MAX_KEEP: u64 = 4096;

/// The bytes of one file before and after.
pub(crate) type Images<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The blob that `bytes` make, without filters.
pub(crate) fn blob_id(bytes: &[u8]) -> Result<String, ApplyError> {
    Ok(Oid::hash_object(ObjectType::Blob, bytes)?.to_string())
}

/// The body of the commit message.
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
        Ok(self.workspace.repository()?)
    }

    /// Keep the images of `set` and name the commit in it. On the disk when this returns.
    pub(crate) fn save(&self, set: &mut NewSet, images: &[Images<'_>]) -> Result<(), ApplyError> {
        let repo = self.repository()?;
        let objects = repo.commondir().join("objects");
        // The name tells git's own housekeeping to remove it should we die here.
        let quarantine = objects.join(format!("tmp_objdir-deepcoder-{}", set.ulid));
        let result = self.write_pack(&repo, set, images, &quarantine);
        // Empty unless something failed.
        #[expect(clippy::disallowed_methods, reason = "removes a folder that this call made in git's object store")]
        let _ = std::fs::remove_dir_all(&quarantine);
        let (packs, pack) = result?;
        self.at("pack-synced")?;
        self.write_ref(repo.commondir(), &set.ulid, &set.git_commit)?;
        // Last, so that a pack without a ref is never kept; a pack without this file merely counts for `git gc --auto`.
        let keep = format!("{KEEP}{}\n", set.ulid);
        let keep = Tree::write_new(&packs, &pack.replace(".idx", ".keep"), keep.as_bytes(), 0o644);
        let _ = keep.map(|file| self.sharing.adjust(&file));
        self.at("saved")
    }

    fn write_pack(
        &self,
        repo: &Repository,
        set: &mut NewSet,
        images: &[Images<'_>],
        quarantine: &Path,
    ) -> Result<(OwnedFd, String), ApplyError> {
        let io = |e: Errno| ApplyError::io("the originals into git", e);
        // First: even an object that is there already would be touched.
        let objects =
            Tree::open_inside(repo.commondir(), "objects", self.steps.plain_opens()).map_err(io)?.shared(self.sharing);
        let odb = repo.odb()?;
        // Everything written from here on stays in memory, and goes with `repo`.
        let _mempack = odb.add_new_mempack_backend(1000)?;
        let mut tree = TreeUpdateBuilder::new();
        let mut outside = Vec::new();
        for (file, (old, new)) in set.files.iter().zip(images) {
            if kept::is_filtered(repo, &file.path) {
                outside.extend([old, new].into_iter().flatten().copied());
                continue;
            }
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
        let about = match outside.is_empty() {
            true => about,
            false => {
                self.keep_images(&set.ulid, &about, &outside)?;
                "It is described beside git's objects, in deepcoder/kept.".to_owned()
            }
        };
        let message = format!("{}\n\n{about}\n", set.title.replace(['\n', '\0'], " "));
        let commit = repo.commit(None, &who, &who, &message, &tree, &[])?;
        set.git_commit = commit.to_string();

        let inside = quarantine.file_name().and_then(OsStr::to_str).unwrap_or_default();
        // Fails where something is, be it a link.
        rustix::fs::mkdirat(&objects.folder("").map_err(io)?, inside, Mode::RWXU).map_err(io)?;
        let mut pack = repo.packbuilder()?;
        pack.insert_commit(commit)?;
        pack.write(quarantine, 0o444).map_err(|e| pack_error(&e))?;
        self.at("pack-written")?;
        objects.make_folder("pack").map_err(io)?;
        let (from, packs) = (objects.folder(inside).map_err(io)?, objects.folder("pack").map_err(io)?);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&from).map_err(io)? {
            let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
            names.extend(name.starts_with("pack-").then_some(name));
        }
        // Git takes a pack as there once its index is: `.pack` first, `.idx` last.
        names.sort_by_key(|name| name.ends_with(".idx"));
        for name in &names {
            let file =
                rustix::fs::openat(&from, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
            let file = file.map_err(io)?;
            self.sharing.adjust(&file);
            self.tree.sync(file).map_err(io)?;
        }
        for name in &names {
            rustix::fs::renameat(&from, name, &packs, name).map_err(io)?;
        }
        self.tree.sync(&packs).map_err(io)?;
        let name = names.pop().ok_or_else(|| ApplyError::Git("no pack was written".into()))?;
        Ok((packs, name))
    }

    /// As git writes a ref: under the name of its lock, synced, then renamed. (libgit2 does not sync it.)
    fn write_ref(&self, common_dir: &Path, ulid: &str, commit: &str) -> Result<(), ApplyError> {
        let io = |e: Errno| ApplyError::io("the ref that keeps the originals", e);
        let refs = Tree::open_inside(common_dir, "refs", self.steps.plain_opens()).map_err(io)?.shared(self.sharing);
        let fresh = refs.folder(FOLDER).is_err_and(|e| e == Errno::NOENT);
        let (parent, _) = split(FOLDER);
        refs.make_folder(parent).and_then(|()| refs.make_folder(FOLDER)).map_err(io)?;
        let folder = refs.folder(FOLDER).map_err(io)?;
        let lock = format!("{ulid}.lock");
        let file = Tree::write_new(&folder, &lock, format!("{commit}\n").as_bytes(), 0o644).map_err(io);
        let written = file.and_then(|file| {
            self.sharing.adjust(&file);
            self.tree.sync(&file).map_err(io)?;
            self.at("ref-synced")?;
            rustix::fs::renameat(&folder, &lock, &folder, ulid).map_err(io)
        });
        if let Err(error) = written {
            let _ = self.tree.remove(&folder, &lock);
            return Err(error);
        }
        self.tree.sync(&folder).map_err(io)?;
        if fresh {
            for path in [parent, ""] {
                self.tree.sync(refs.folder(path).map_err(io)?).map_err(io)?;
            }
        }
        Ok(())
    }

    /// Through a folder that is held: libgit2 makes a lock on the way, and would do so in whatever a link leads to that comes
    /// meanwhile. Only what git has packed is left to it.
    fn delete_ref(&self, repo: &Repository, ulid: &str) -> Result<(), ApplyError> {
        let io = |e: Errno| ApplyError::io("the ref that keeps the originals", e);
        let refs =
            Tree::open_inside(repo.commondir(), "refs", self.steps.plain_opens()).map_err(io)?.shared(self.sharing);
        match refs.folder(FOLDER) {
            Ok(folder) => refs.remove(&folder, ulid).map_err(io)?,
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(io(errno)),
        }
        match repo.find_reference(&format!("{REFS}/{ulid}")).and_then(|mut reference| reference.delete()) {
            Err(e) if e.code() != ErrorCode::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Whether a ref has this name.
    pub(crate) fn has_ref(&self, repo: &Repository, ulid: &str) -> bool {
        repo.find_reference(&format!("{REFS}/{ulid}")).is_ok()
    }

    /// Let git forget the images of sets. One that is unknown is as good.
    pub(crate) fn forget<'a>(&self, ulids: impl IntoIterator<Item = &'a str>) -> Result<(), ApplyError> {
        let repo = self.repository()?;
        for ulid in ulids {
            self.delete_ref(&repo, ulid)?;
        }
        self.release_packs(&repo);
        self.release_images(&repo);
        Ok(())
    }

    /// Leave packs whose ref is gone to git. Best effort: the next call does what this one could not.
    fn release_packs(&self, repo: &Repository) {
        let packs = repo.commondir().join("objects/pack");
        for entry in std::fs::read_dir(packs).into_iter().flatten().flatten() {
            let path = entry.path();
            let ours = path.extension() == Some(OsStr::new("keep"));
            let Some(text) = ours.then(|| deepcoder_files::read_text(&path, MAX_KEEP).ok()).flatten() else { continue };
            if text.strip_prefix(KEEP).is_some_and(|ulid| !self.has_ref(repo, ulid.trim())) {
                #[expect(clippy::disallowed_methods, reason = "removes our own mark from a pack")]
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The sets that git keeps for this work tree and the history does not know, oldest first. Skips
    /// sets that are not ours, not readable or not [`sound`].
    pub(crate) fn unknown_sets(&self) -> Result<Vec<NewSet>, ApplyError> {
        let repo = self.repository()?;
        let mut ulids = Vec::new();
        for name in repo.references_glob(&format!("{REFS}/*"))?.names().flatten() {
            ulids.extend(name.rsplit('/').next().map(str::to_owned));
        }
        let work_tree = self.work_tree_name(&repo);
        let unknown = self.history.unknown(self.tree_id, ulids)?;
        let mut sets: Vec<_> = unknown.iter().filter_map(|ulid| self.kept_set(&repo, ulid, &work_tree)).collect();
        sets.sort_by(|a, b| a.ulid.cmp(&b.ulid));
        Ok(sets)
    }

    /// The set under the ref `ulid`, if it is one of the linked work tree `work_tree`.
    fn kept_set(&self, repo: &Repository, ulid: &str, work_tree: &str) -> Option<NewSet> {
        let commit = repo.find_reference(&format!("{REFS}/{ulid}")).ok()?.peel_to_commit().ok()?;
        let (_, said) = commit.message().ok()?.split_once("\n\n")?;
        let read = |text: &str| serde_json::from_str::<About<NewSet>>(text).ok();
        let About { work_tree: owner, mut set } = read(said).or_else(|| read(&self.kept_about(ulid)?))?;
        // The ref is what is deleted and looked up, so a copy under another name is not taken for it.
        let ours = owner == work_tree && sound(&set) && set.ulid == ulid;
        set.git_commit = commit.id().to_string();
        ours.then_some(set)
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
        if let Some(bytes) = self.kept_image_of(&image.hash) {
            return Ok(Some(bytes));
        }
        Ok(self.history.image(&image.hash)?.filter(|bytes| fits(bytes)))
    }
}

/// Whether a set that a ref describes is one that we could have written. A repository may come from anybody, refs
/// included, and these names are opened, moved and removed: none of them may lead anywhere else.
fn sound(set: &NewSet) -> bool {
    let file = |(n, file): (usize, &FileRow)| [&file.temp, &file.displaced].into_iter().eq(&own_names(&set.ulid, n));
    set.ulid.parse::<ulid::Ulid>().is_ok()
        && set.ulid.len() == ulid::ULID_LEN
        && set.files.iter().enumerate().all(file)
        && set.made_dirs.iter().chain(&set.drop_dirs).all(|dir| RepoPath::new(dir.as_str()).is_ok())
}

/// The names, in the folder of its file, that the `n`-th file of a set uses on the way: for the new bytes, and for the old
/// ones where files cannot be exchanged.
pub(crate) fn own_names(ulid: &str, n: usize) -> [String; 2] {
    [format!(".deepcoder-{ulid}-{n}.tmp"), format!(".deepcoder-{ulid}-{n}.old")]
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
