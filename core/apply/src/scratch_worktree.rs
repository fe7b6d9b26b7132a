//! Commits on a branch that is not checked out. They are made in a work tree of deepcoder's own, beside the user's:
//! hooks, signing, filters and the identity are those of the user, while no file, no index and no HEAD of theirs is
//! touched.
//!  The order of the writes: the commit is made on a detached HEAD, where nothing but the work tree names it; then
//! `refs/deepcoder/jobs/<mark>` does; then the branch is moved, from the commit that the work began with and no other.
//! After a crash in between, the next worker finds the mark ([`landed`]) and moves the branch, or sees that it was
//! moved.

use crate::{ApplyError, CommitError, git};
use deepcoder_git::Git;
use deepcoder_types::Cancel;
use deepcoder_workspace::Workspace;
use git2::{Branch, ErrorCode, Oid, Repository};
use std::path::{Path, PathBuf};

const MARKS: &str = "refs/deepcoder/jobs";

/// A work tree of deepcoder's own, at the tip of a branch. Call [`ScratchWorktree::remove`] when done; one that is left is
/// replaced by the next one at the same place.
#[derive(Debug)]
pub struct ScratchWorktree {
    home: Workspace,
    root: PathBuf,
    branch: String,
    /// Where the branch is, if there is one.
    old: Option<Oid>,
    tip: Oid,
}

/// Whether the branch was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is at the commit.
    Yes,
    /// Another program has moved it meanwhile; nothing was changed.
    Moved,
}

impl ScratchWorktree {
    /// Make a work tree at `at`, a path of our own, with what `branch` holds; a branch that does not exist yet begins at
    /// HEAD. Whatever is at `at` is replaced.
    pub fn open(workspace: &Workspace, at: &Path, branch: &str, cancel: &Cancel) -> Result<Self, CommitError> {
        check_free_branch(workspace, branch, cancel)?;
        let repo = open(workspace)?;
        let old = tip(&repo, branch)?;
        let error = |said: String| CommitError::WorkTree { path: at.to_owned(), said };
        let Some(tip) = old.map_or_else(|| head(&repo), |old| Ok(Some(old)))? else {
            return Err(error("there is no commit yet".into()));
        };
        let text = at.to_str().ok_or_else(|| error("its path is not UTF-8".into()))?;
        discard(&workspace.git(), at);
        let args = ["worktree", "add", "--quiet", "--detach", "--force", "--", text, &tip.to_string()];
        match git::quiet(&workspace.git(), &args, b"", cancel) {
            Err(CommitError::Git { said, .. }) => return Err(error(said)),
            other => other?,
        };
        let root = at.canonicalize().map_err(|e| error(e.to_string()))?;
        Ok(Self { home: workspace.clone(), root, branch: branch.to_owned(), old, tip })
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that it began with.
    #[must_use]
    pub fn tip(&self) -> String {
        self.tip.to_string()
    }

    /// Put the branch at `commit`, which was made here, under `mark`. Where there is another commit under that mark already,
    /// nothing is changed.
    pub fn publish(&self, mark: &str, commit: &str) -> Result<Published, CommitError> {
        // Not to be cancelled: it takes milliseconds, and half of it would have to be found out later.
        match move_reference(&self.home, &marked(mark), commit, None)? {
            Published::Yes => move_branch(&self.home, &self.branch, commit, self.old),
            Published::Moved => Ok(Published::Moved),
        }
    }

    /// Remove it, with all that is in it.
    pub fn remove(self) {
        discard(&self.home.git(), &self.root);
    }
}

/// Whether commits can be put on `branch` without anybody noticing in a work tree.
pub fn check_free_branch(workspace: &Workspace, branch: &str, cancel: &Cancel) -> Result<(), CommitError> {
    if branch.starts_with('-') || !Branch::name_is_valid(branch).unwrap_or(false) {
        return Err(CommitError::BadBranch(branch.to_owned()));
    }
    let list = git::quiet(&workspace.git(), &["worktree", "list", "--porcelain"], b"", cancel)?;
    let list = String::from_utf8_lossy(&list);
    let mut at = "";
    for line in list.lines() {
        if let Some(path) = line.strip_prefix("worktree ") {
            at = path;
        } else if line.strip_prefix("branch refs/heads/") == Some(branch) {
            return Err(CommitError::BranchInUse { branch: branch.to_owned(), path: at.into() });
        }
    }
    Ok(())
}

/// Remove what a worker that died has left at `at`, a path of our own, together with git's entry for it. `home` is the
/// repository, for where the work tree itself does not say.
pub fn clear_scratch_worktree(at: &Path, home: Option<&Path>) {
    if let Some(home) = home_of(at).as_deref().or(home) {
        discard(&Git::new(home), at);
    } else if at.symlink_metadata().is_ok() {
        #[expect(clippy::disallowed_methods, reason = "the place is ours, and no repository is known for it")]
        let _ = std::fs::remove_dir_all(at);
    }
}

/// The commit that was made under `mark` and is on `branch`, which is moved there if no other program has moved it
/// since. A mark whose commit cannot be put on the branch any more is deleted.
pub fn landed(workspace: &Workspace, mark: &str, branch: &str) -> Result<Option<String>, CommitError> {
    let repo = open(workspace)?;
    let Some(id) = target(&repo, &marked(mark))? else { return Ok(None) };
    let commit = repo.find_commit(id).map_err(ApplyError::from)?;
    let old = tip(&repo, branch)?;
    let contains = |old: Oid| old == id || repo.graph_descendant_of(old, id).unwrap_or(false);
    if old.is_some_and(contains) {
        return Ok(Some(id.to_string()));
    }
    let begun_here = old.is_none_or(|old| commit.parent_ids().any(|parent| parent == old));
    if begun_here && move_branch(workspace, branch, &id.to_string(), old)? == Published::Yes {
        return Ok(Some(id.to_string()));
    }
    forget_mark(workspace, mark);
    Ok(None)
}

/// Delete `mark` when the job is over. Best effort: a mark that stays costs only a name.
pub fn forget_mark(workspace: &Workspace, mark: &str) {
    _ = git::quiet(&workspace.git(), &["update-ref", "-d", &marked(mark)], b"", &Cancel::new());
}

/// Check `branch` out in a work tree at `path`, for the user to keep. One that is there already is it.
pub fn keep_work_tree(
    workspace: &Workspace,
    path: &Path,
    branch: &str,
    cancel: &Cancel,
) -> Result<PathBuf, CommitError> {
    let error = |said: String| CommitError::WorkTree { path: path.to_owned(), said };
    match check_free_branch(workspace, branch, cancel) {
        Err(CommitError::BranchInUse { path: there, .. })
            if path.canonicalize().ok() == there.canonicalize().ok() && there.exists() =>
        {
            return Ok(there);
        }
        other => other?,
    }
    let text = path.to_str().ok_or_else(|| error("its path is not UTF-8".into()))?;
    match git::quiet(&workspace.git(), &["worktree", "add", "--quiet", "--", text, branch], b"", cancel) {
        Err(CommitError::Git { said, .. }) => Err(error(said)),
        Err(other) => Err(other),
        Ok(_) => path.canonicalize().map_err(|e| error(e.to_string())),
    }
}

fn marked(mark: &str) -> String {
    format!("{MARKS}/{mark}")
}

fn open(workspace: &Workspace) -> Result<Repository, CommitError> {
    Ok(workspace.repository().map_err(ApplyError::from)?)
}

fn tip(repo: &Repository, branch: &str) -> Result<Option<Oid>, CommitError> {
    target(repo, &format!("refs/heads/{branch}"))
}

fn target(repo: &Repository, reference: &str) -> Result<Option<Oid>, CommitError> {
    match repo.find_reference(reference).and_then(|reference| reference.peel_to_commit()) {
        Ok(commit) => Ok(Some(commit.id())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(ApplyError::from(error).into()),
    }
}

fn head(repo: &Repository) -> Result<Option<Oid>, CommitError> {
    match repo.head().and_then(|head| head.peel_to_commit()) {
        Ok(commit) => Ok(Some(commit.id())),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => Ok(None),
        Err(error) => Err(ApplyError::from(error).into()),
    }
}

/// Move `branch` from `old` to `commit`, by compare and swap.
fn move_branch(home: &Workspace, branch: &str, commit: &str, old: Option<Oid>) -> Result<Published, CommitError> {
    move_reference(home, &format!("refs/heads/{branch}"), commit, old)
}

/// Move a reference from `old`, or from not being there, to `commit`.
fn move_reference(home: &Workspace, reference: &str, commit: &str, old: Option<Oid>) -> Result<Published, CommitError> {
    let nothing = || "0".repeat(commit.len());
    let old = old.map_or_else(nothing, |old| old.to_string());
    let args = ["update-ref", "-m", "deepcoder: a background job", reference, commit, &old];
    let Err(error) = git::quiet(&home.git(), &args, b"", &Cancel::new()) else { return Ok(Published::Yes) };
    // Git says the same of a name that cannot be and of a value that is not the expected one: look.
    let repo = open(home)?;
    let now = target(&repo, reference)?.map_or_else(nothing, |now| now.to_string());
    match now {
        now if now == commit => Ok(Published::Yes),
        now if now == old => Err(error),
        _ => Ok(Published::Moved),
    }
}

/// Remove a work tree of ours, whatever is in it, with git's entry for it. No other entry is touched: `git worktree prune`
/// would also forget work trees of the user's on a disk that is away, and with them an index and a detached commit.
fn discard(home: &Git, at: &Path) {
    let remove = || {
        let args = ["worktree", "remove", "--force", "--force", "--"];
        at.to_str().map(|text| git::quiet(home, &[&args[..], &[text]].concat(), b"", &Cancel::new()))
    };
    let removed = matches!(remove(), Some(Ok(_)));
    if at.symlink_metadata().is_ok() {
        #[expect(clippy::disallowed_methods, reason = "the place is ours, and git knows no work tree there")]
        let _ = std::fs::remove_dir_all(at);
    }
    if !removed {
        // Git refused because of what the folder held; an entry without a folder it removes.
        remove();
    }
}

/// The most bytes of a file that names a folder.
const MAX_LINK: u64 = 16 << 10;

/// Git's folder of the repository that the work tree at `at` belongs to, by what the work tree says.
fn home_of(at: &Path) -> Option<PathBuf> {
    let text = deepcoder_files::read_text(&at.join(".git"), MAX_LINK).ok()?;
    let entry = at.join(text.strip_prefix("gitdir: ")?.trim_end_matches('\n'));
    // `…/worktrees/NAME` of a repository, which names our work tree in turn.
    let back = deepcoder_files::read_text(&entry.join("gitdir"), MAX_LINK).ok()?;
    let same = Path::new(back.trim_end_matches('\n')).parent()?.canonicalize().ok()? == at.canonicalize().ok()?;
    let folder = entry.parent().filter(|folder| same && folder.file_name().is_some_and(|name| name == "worktrees"))?;
    Some(folder.parent()?.to_owned())
}
