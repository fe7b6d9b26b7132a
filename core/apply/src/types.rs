//! The arguments and results of the applier.

use deepcoder_types::{ContentHash, RepoPath};
use std::path::PathBuf;

/// How to apply a set.
#[derive(Debug, Clone, Default)]
pub struct ApplyOptions {
    /// Now, in milliseconds since 1970. Libraries have no clock.
    pub now_ms: u64,
    /// The request that the set answers, for the record.
    pub request_json: Option<String>,
    /// Also change files that steer tools, hooks or agents (see [`crate::protected`]).
    pub allow_protected: bool,
}

/// A set that is in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The id of the set; [`crate::Applier::undo`] takes it.
    pub id: String,
    /// The files that were changed.
    pub files: Vec<RepoPath>,
    /// It was in the tree already, applied by an earlier call with the same id.
    pub already: bool,
    /// Files (outside the tree, in git's own folder) with bytes that a program wrote to an old file through a handle
    /// that it had opened before. Empty but for such races.
    pub kept: Vec<PathBuf>,
    /// How often the disk was waited for.
    pub fsyncs: u32,
}

/// A set that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Names the undoing itself; undoing it brings the edit back.
    pub id: String,
    /// The id of the set that was undone.
    pub undone: String,
    /// Its title.
    pub title: String,
    /// The files that were changed.
    pub files: Vec<RepoPath>,
    /// Files that another program had already put back as they were before the edit.
    pub already: Vec<RepoPath>,
    /// The commit on the user's branch that the edit is in. It stays there: only files are taken back.
    pub user_commit: Option<String>,
    /// As [`Applied::kept`].
    pub kept: Vec<PathBuf>,
    /// How often the disk was waited for.
    pub fsyncs: u32,
}

/// Which bytes of a file that an edit touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those from before it.
    Before,
    /// Those that it wrote, or was about to.
    After,
    /// Those that another program wrote to the old file while the edit was applied (see [`Applied::kept`]).
    Kept,
}

impl Side {
    /// The words after "the file" in a title.
    pub(crate) const fn as_words(self) -> &'static str {
        match self {
            Self::Before => "as before",
            Self::After => "as after",
            Self::Kept => "as kept from",
        }
    }
}

/// Files that were brought to what they once were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Names the restoring itself; undoing it brings back what the files held. `None` where nothing had to be done.
    pub id: Option<String>,
    /// The edit that they were taken from.
    pub edit: String,
    /// The files that were changed.
    pub files: Vec<RepoPath>,
    /// Those of them that were removed, because they did not exist then.
    pub removed: Vec<RepoPath>,
    /// Files that were as wanted already.
    pub already: Vec<RepoPath>,
    /// As [`Applied::kept`].
    pub kept: Vec<PathBuf>,
    /// How often the disk was waited for.
    pub fsyncs: u32,
}

/// The state of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It is in the tree.
    Applied,
    /// It was, and was undone.
    Undone,
    /// It was rolled back, because another program wrote at the same moment.
    Conflict,
    /// It was interrupted and is being recovered.
    Pending,
}

impl LogState {
    /// One word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Undone => "undone",
            Self::Conflict => "conflict",
            Self::Pending => "pending",
        }
    }
}

/// One file of a [`LogEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The file.
    pub path: RepoPath,
    /// Before; `None`: it did not exist.
    pub old: Option<LogImage>,
    /// After; `None`: it was removed.
    pub new: Option<LogImage>,
}

/// One state of a [`LogFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogImage {
    /// Of its bytes.
    pub hash: ContentHash,
    /// `st_mode & 0o7777`.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The id for [`crate::Applier::undo`].
    pub id: String,
    /// The title.
    pub title: String,
    /// When, in milliseconds since 1970.
    pub created_ms: u64,
    /// Its state.
    pub state: LogState,
    /// Its files.
    pub files: Vec<LogFile>,
    /// Whether undoing it would go well now: it is in effect, and none of its files was changed since.
    pub undoable: bool,
    /// Files of an edit in effect that were changed since.
    pub changed_since: Vec<RepoPath>,
    /// The id of the set that it undid.
    pub undoes: Option<String>,
    /// The commit that holds both states of the files, below `old/` and `new/`.
    pub commit: String,
    /// The commit on the user's branch that it was put into.
    pub user_commit: Option<String>,
    /// A note on unusual events.
    pub note: Option<String>,
    /// The request that the set answers, as it was recorded with it.
    pub request_json: Option<String>,
}

/// The sets that recovery found interrupted, by their outcome. Ids of sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Completed: the tree is as after them.
    pub completed: Vec<String>,
    /// Taken back: the tree is as before them.
    pub reverted: Vec<String>,
    /// Rolled back, except files that another program has written to since: those were left alone.
    pub conflicts: Vec<(String, Vec<RepoPath>)>,
    /// As [`Applied::kept`].
    pub kept: Vec<PathBuf>,
    /// Sets read back from git's refs because the history did not know this tree.
    pub rebuilt: usize,
    /// Where a damaged history was moved to.
    pub damaged_history: Option<PathBuf>,
}

impl Recovery {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The edits that were pruned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Sets.
    pub sets: usize,
    /// Bytes of their images. Git frees the space with its next `git gc`.
    pub bytes: u64,
}
