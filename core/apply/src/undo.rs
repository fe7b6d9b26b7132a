//! Taking a set back: the same order of writes with old and new exchanged.

use crate::commit::About;
use crate::publish::FileState;
use crate::tree::{Found, split};
use crate::{Applier, ApplyError, UndoError, Undone};
use deepcoder_history::{FileRow, History, HistoryError, SetRow, State, TreeId};
use deepcoder_types::{Cancel, EditSet, FileChange, FileImage, RepoPath};

impl Applier {
    pub(crate) fn undo_locked(&self, id: Option<&str>, now_ms: u64, cancel: &Cancel) -> Result<Undone, UndoError> {
        let row = self.find(id)?;
        let set = &row.set;
        let changed = |paths: Vec<RepoPath>| {
            let commit = if paths.first().is_some_and(|path| self.is_outside(path)) { "" } else { &set.git_commit };
            UndoError::Changed { id: set.edit_id.clone(), commit: commit.to_owned(), paths }
        };
        // All of them are looked at before anything else, so that all are named.
        let (mut wanted, mut already, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for file in &set.files {
            match self.file_state(file)? {
                FileState::New => wanted.push(file),
                // By `git checkout`, or by hand.
                FileState::Old => already.push(file.clone()),
                FileState::Displaced | FileState::Foreign => later.push(file.path.clone()),
            }
        }
        if !later.is_empty() {
            return Err(changed(later));
        }
        let files = wanted.into_iter().map(|file| self.inverse(file)).collect::<Result<_, _>>()?;
        let back = EditSet { id: String::new(), title: inverse_title(&set.title, set.undoes.is_some()), files };
        // The user's consent to the edit covers its undo.
        let plan = self.plan(&back, true)?;
        let (stale, other): (Vec<_>, Vec<_>) = plan.refusals.iter().cloned().partition(crate::Refusal::is_stale);
        if let Some(refusal) = other.into_iter().next() {
            return Err(ApplyError::from(refusal).into());
        }
        if !stale.is_empty() {
            return Err(changed(stale.iter().map(|r| r.path().clone()).collect()));
        }
        let about = About {
            edit_id: None,
            title: back.title.clone(),
            undoes: Some(set.ulid.clone()),
            drop_dirs: set.made_dirs.clone(),
            as_before: already.clone(),
            created_ms: now_ms,
            request_json: None,
        };
        let applied = self.execute(&plan, about, cancel)?;
        Ok(Undone {
            id: applied.id,
            undone: set.edit_id.clone(),
            title: set.title.clone(),
            files: applied.files,
            already: already.into_iter().map(|file| file.path).collect(),
            user_commit: row.user_commit,
            kept: applied.kept,
            fsyncs: applied.fsyncs,
        })
    }

    fn find(&self, id: Option<&str>) -> Result<SetRow, UndoError> {
        let Some(id) = id.map(str::trim) else {
            return self.history.last_in_effect(self.tree_id)?.ok_or(UndoError::Nothing);
        };
        let rows = find_by_id(&self.history, self.tree_id, id)?;
        let first = rows.first().map_or(id, |row| &row.set.edit_id).to_owned();
        // One request can have been applied, undone and applied again: the newest application counts.
        let in_effect = |row: &SetRow| row.state == State::Done && row.undone_by.is_none();
        rows.into_iter().find(in_effect).ok_or(UndoError::NotInEffect(first))
    }

    /// The change that takes `file`, which stands as it became, back to what it was.
    fn inverse(&self, file: &FileRow) -> Result<FileChange, UndoError> {
        let (folder, name) = split(file.path.as_str());
        let io = |errno: rustix::io::Errno| UndoError::Apply(ApplyError::io(format!("`{}`", file.path), errno));
        let old = match &file.new {
            None => None,
            Some(image) => match self.tree.look(&self.tree.folder(folder).map_err(io)?, name).map_err(io)? {
                Found::File(disk) => Some(FileImage { bytes: disk.bytes, mode: Some(image.mode) }),
                _ => None,
            },
        };
        let new = match &file.old {
            None => None,
            Some(image) => {
                let bytes = self.load(image)?.ok_or_else(|| UndoError::Lost(file.path.clone()))?;
                Some(FileImage { bytes, mode: Some(image.mode) })
            }
        };
        Ok(FileChange { path: file.path.clone(), old, new })
    }
}

/// Why an id names no edit.
pub(crate) enum NoEdit {
    NotFound(String),
    Ambiguous(String),
    Failed(HistoryError),
}

/// Every application, newest first, of the one edit whose id starts with `id`. An id in full is not the beginning of
/// others, and attempts that were aborted or rolled back do not count.
pub(crate) fn find_by_id(history: &History, tree: TreeId, id: &str) -> Result<Vec<SetRow>, NoEdit> {
    let id = id.trim();
    let mut rows = if id.is_empty() { Vec::new() } else { history.by_prefix(tree, id).map_err(NoEdit::Failed)? };
    rows.retain(|row| !matches!(row.state, State::Aborted | State::RolledBack));
    if rows.iter().any(|row| row.set.edit_id == id) {
        rows.retain(|row| row.set.edit_id == id);
    }
    match rows.first() {
        None => Err(NoEdit::NotFound(id.to_owned())),
        Some(first) if rows.iter().any(|row| row.set.edit_id != first.set.edit_id) => {
            Err(NoEdit::Ambiguous(id.to_owned()))
        }
        Some(_) => Ok(rows),
    }
}

fn inverse_title(title: &str, is_undo: bool) -> String {
    match title.strip_prefix("undo: ").filter(|_| is_undo) {
        Some(original) => format!("redo: {original}"),
        None => match title.strip_prefix("redo: ").filter(|_| is_undo) {
            Some(original) => format!("undo: {original}"),
            None => format!("undo: {title}"),
        },
    }
}
