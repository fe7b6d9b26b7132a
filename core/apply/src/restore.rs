//! One file as an edit found it, left it, or kept it: put into the tree by the same order of writes as an edit, or handed
//! out as bytes.

use crate::commit::About;
use crate::preimage::own_names;
use crate::tree::{Found, split};
use crate::undo::find_by_id;
use crate::{Applier, ApplyError, RestoreError, Restored, Side};
use deepcoder_history::{FileRow, NewSet, SetRow, State};
use deepcoder_types::{Cancel, EditSet, FileChange, FileImage, RepoPath};
use rustix::io::Errno;
use std::collections::BTreeSet;

impl Applier {
    /// Bring `paths` to what they were on `side` of the edit `id` (a prefix will do), whatever they are now; what they are
    /// now is kept, and undoing this by the id in [`Restored`] brings it back. All of them or none.
    ///
    /// A file that did not exist on that side is removed.
    pub fn restore(
        &self,
        id: &str,
        paths: &[RepoPath],
        side: Side,
        now_ms: u64,
        cancel: &Cancel,
    ) -> Result<Restored, RestoreError> {
        let _lock = self.begin(now_ms, cancel)?;
        let row = self.find_any(id)?;
        let wanted: BTreeSet<&RepoPath> = paths.iter().collect();
        let files = wanted.into_iter().map(|path| {
            let new = self.image_of(&row, path, side)?;
            Ok(FileChange { path: path.clone(), old: self.image_now(path)?, new })
        });
        let files = files.collect::<Result<Vec<_>, RestoreError>>()?;
        let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let title = format!("restore {} {}: {}", names.join(", "), side.as_words(), row.set.title);
        let back = EditSet { id: String::new(), title, files };
        // The user has named the file and the edit, which is the consent to write.
        let plan = self.plan(&back, true)?;
        if let Some(refusal) = plan.refusals.first() {
            return Err(ApplyError::from(refusal.clone()).into());
        }
        let changed = |path: &RepoPath| plan.files.iter().any(|file| file.path == path);
        let already = back.files.iter().map(|file| &file.path).filter(|path| !changed(path)).cloned().collect();
        let removed = plan.files.iter().filter(|file| file.new.is_none()).map(|file| file.path.clone()).collect();
        let mut restored = Restored {
            id: None,
            edit: row.set.edit_id.clone(),
            files: Vec::new(),
            removed,
            already,
            kept: Vec::new(),
            fsyncs: 0,
        };
        if plan.files.is_empty() {
            return Ok(restored);
        }
        let about = About {
            edit_id: None,
            title: back.title.clone(),
            undoes: None,
            drop_dirs: row.set.made_dirs.clone(),
            as_before: Vec::new(),
            created_ms: now_ms,
            request_json: None,
        };
        let applied = self.execute(&plan, about, cancel)?;
        restored.id = Some(applied.id);
        restored.files = applied.files;
        restored.kept = applied.kept;
        restored.fsyncs = applied.fsyncs;
        Ok(restored)
    }

    /// The bytes and mode of `path` on `side` of the edit `id`; `None` where it did not exist. Writes nothing.
    pub fn image(&self, id: &str, path: &RepoPath, side: Side) -> Result<Option<FileImage>, RestoreError> {
        self.image_of(&self.find_any(id)?, path, side)
    }

    /// Also finds an edit that was rolled back because another program wrote: its bytes are kept.
    fn find_any(&self, id: &str) -> Result<SetRow, RestoreError> {
        let rows = find_by_id(&self.history, self.tree_id, id)?;
        let lasting = |row: &SetRow| matches!(row.state, State::Done | State::Conflict);
        rows.into_iter().find(lasting).ok_or_else(|| RestoreError::NotFound(id.to_owned()))
    }

    fn image_of(&self, row: &SetRow, path: &RepoPath, side: Side) -> Result<Option<FileImage>, RestoreError> {
        let SetRow { set, .. } = row;
        let Some((n, file)) = set.files.iter().enumerate().find(|(_, file)| file.path == *path) else {
            let files = set.files.iter().map(|file| file.path.clone()).collect();
            return Err(RestoreError::NotInEdit { id: set.edit_id.clone(), path: path.clone(), files });
        };
        let image = match side {
            Side::Before => &file.old,
            Side::After => &file.new,
            Side::Kept => return self.kept_image(set, n, file).map(Some),
        };
        let Some(image) = image else { return Ok(None) };
        let bytes = self.load(image)?.ok_or_else(|| RestoreError::Lost(path.clone()))?;
        Ok(Some(FileImage { bytes, mode: Some(image.mode) }))
    }

    /// The bytes that a program wrote to the old file through a handle from before the exchange.
    fn kept_image(&self, set: &NewSet, n: usize, file: &FileRow) -> Result<FileImage, RestoreError> {
        let known = [&file.old, &file.new];
        let known = |hash| known.into_iter().flatten().any(|image| image.hash == hash);
        if let Some(displaced) = self.displaced(false)? {
            for name in own_names(&set.ulid, n) {
                let suffix = name.rsplit('.').next().unwrap_or_default();
                let found = self.tree.look(&displaced, &format!("{}-{n}.{suffix}", set.ulid));
                if let Found::File(disk) = found.map_err(|e| ApplyError::io("what was kept", e))?
                    && !known(disk.hash())
                {
                    return Ok(FileImage { bytes: disk.bytes, mode: Some(disk.mode) });
                }
            }
        }
        Err(RestoreError::NothingKept { id: set.edit_id.clone(), path: file.path.clone() })
    }

    fn image_now(&self, path: &RepoPath) -> Result<Option<FileImage>, ApplyError> {
        let (folder, name) = split(path.as_str());
        let found = match self.tree.folder(folder) {
            Ok(folder) => self.tree.look(&folder, name),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(None),
            Err(errno) => Err(errno),
        };
        match found.map_err(|e| ApplyError::io(format!("`{path}`"), e))? {
            Found::File(disk) => Ok(Some(FileImage { bytes: disk.bytes, mode: Some(disk.mode) })),
            // The plan refuses where another file is there.
            _ => Ok(None),
        }
    }
}
