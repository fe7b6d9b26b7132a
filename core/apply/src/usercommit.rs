//! Putting an applied edit into a commit of the user's, where that was asked for.
//!
//! `git commit --only` makes it, so that hooks, signing, filters and the identity are those of the user, and entries of
//! the index for other files stay as they are. Only files without changes of the user's own are committed: a commit holds
//! the edit and nothing else. The work tree is never written to here, and HEAD moves by the commit, or to a branch that is
//! made at the same commit.
//!
//! The lock of the tree is not held: the user's hooks may run deepcoder.

use crate::index::Entries;
use crate::preimage::blob_id;
use crate::publish::FileState;
use crate::undo::find_by_id;
use crate::{Applier, ApplyError, CommitError, git};
use deepcoder_history::{NewSet, SetRow, State};
use deepcoder_types::{Cancel, RepoPath};
use deepcoder_workspace::Workspace;
use git2::{Branch, ErrorCode, Oid, Repository, RepositoryState};
use std::path::{Path, PathBuf};

/// How to commit.
#[derive(Debug, Clone, Default)]
pub struct CommitOptions {
    /// The message: a subject, and after an empty line what else is to be said.
    pub message: String,
    /// A branch to make for it, and to be on afterwards; otherwise the one that HEAD is on.
    pub branch: Option<String>,
}

/// An edit in a commit of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit.
    pub commit: String,
    /// The branch that it is on; `None` where HEAD is detached.
    pub branch: Option<String>,
    /// Files that the user's hooks changed or added on the way.
    pub by_hooks: Vec<RepoPath>,
}

impl Applier {
    /// Whether an edit of `paths` could be committed once it is applied. To be asked before: no commit holds what the user
    /// has changed, and none can be made in the midst of a merge.
    pub fn check_commit(&self, paths: &[RepoPath], branch: Option<&str>, cancel: &Cancel) -> Result<(), CommitError> {
        self.check_clean(paths, cancel)?;
        let repo = self.repository()?;
        if repo.state() != RepositoryState::Clean && repo.state() != RepositoryState::Bisect {
            return Err(CommitError::InProgress(words(repo.state())));
        }
        branch.map_or(Ok(()), |branch| check_branch(&repo, branch))?;
        git::quiet(&self.runner, &["var", "GIT_COMMITTER_IDENT"], b"", cancel).map(drop).map_err(|error| match error {
            CommitError::Git { said, .. } => CommitError::NoIdentity(said),
            other => other,
        })
    }

    /// Whether `paths` are as HEAD has them, and not ignored.
    fn check_clean(&self, paths: &[RepoPath], cancel: &Cancel) -> Result<(), CommitError> {
        for some in paths.chunks(256) {
            let mut args = vec!["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"];
            args.extend(["--ignore-submodules=all", "--"].into_iter().chain(some.iter().map(RepoPath::as_str)));
            let out = git::quiet(&self.runner, &args, b"", cancel)?;
            // `XY path`, each with a NUL after it.
            let dirty = |path: &&RepoPath| {
                out.split(|byte| *byte == 0).any(|line| line.get(3..) == Some(path.as_str().as_bytes()))
            };
            if let Some(path) = some.iter().find(dirty) {
                return Err(CommitError::Dirty(path.clone()));
            }
        }
        // A `:` at the beginning would have a meaning.
        let names: Vec<u8> = paths.iter().flat_map(|path| format!("./{path}\0").into_bytes()).collect();
        let said = git::quiet_status(&self.runner, &["check-ignore", "-z", "--stdin"], &names, cancel)?;
        match said.status.code() {
            Some(0 | 1) => {}
            _ => return Err(CommitError::Git { command: "check-ignore".into(), said: said.text() }),
        }
        let first = said.out.split(|byte| *byte == 0).next().unwrap_or_default();
        match paths.iter().find(|path| first.strip_prefix(b"./") == Some(path.as_str().as_bytes())) {
            Some(path) => Err(CommitError::Ignored(path.clone())),
            None => Ok(()),
        }
    }

    /// Commit the edit `id`, which is in effect.
    ///
    /// Where this fails, for one because a hook refuses, the edit stays applied, HEAD is where it was, and the index is
    /// as it was but for what the user's hooks did to it.
    pub fn commit(&self, id: &str, options: &CommitOptions, cancel: &Cancel) -> Result<Committed, CommitError> {
        let rows = find_by_id(&self.history, self.tree_id, id)?;
        let in_effect = |row: &SetRow| row.state == State::Done && row.undone_by.is_none();
        let row = rows.into_iter().find(in_effect).ok_or_else(|| CommitError::NotInEffect(id.to_owned()))?;
        let repo = self.repository()?;
        if let Some(commit) = row.user_commit {
            return Ok(Committed { commit, branch: branch_of(&repo), by_hooks: Vec::new() });
        }
        for file in &row.set.files {
            if self.file_state(file)? != FileState::New {
                return Err(CommitError::Changed(file.path.clone()));
            }
        }
        let before = head(&repo)?;
        let was = self.to_new_branch(&repo, options.branch.as_deref(), before, cancel)?;
        let made = self.commit_only(&repo, &row.set, &options.message, cancel);
        // Whether there is a commit is what counts: git may have been stopped right after it made one.
        match head(&repo)? {
            Some(commit) if Some(commit) != before => {
                let commit = commit.to_string();
                self.history.set_user_commit(self.tree_id, &row.set.edit_id, &commit).map_err(ApplyError::from)?;
                // The commit is made; an index that could not be put right shows itself in `git status`.
                let by_hooks = self.settle_index(&repo, &row.set, &commit).unwrap_or_default();
                Ok(Committed { commit, branch: branch_of(&repo), by_hooks })
            }
            _ => {
                if let Some((was, branch)) = was {
                    self.leave_branch(&was, &branch, before)?;
                }
                Err(made.err().unwrap_or(CommitError::Refused(String::new())))
            }
        }
    }

    /// Make a branch at HEAD and put HEAD on it, which changes neither the index nor a file. Returns where HEAD was.
    fn to_new_branch(
        &self,
        repo: &Repository,
        branch: Option<&str>,
        head: Option<Oid>,
        cancel: &Cancel,
    ) -> Result<Option<(Was, String)>, CommitError> {
        let Some(branch) = branch else { return Ok(None) };
        check_branch(repo, branch)?;
        let was = match repo.find_reference("HEAD").map_err(ApplyError::from)?.symbolic_target() {
            Ok(Some(target)) => Was::On(target.to_owned()),
            _ => Was::Detached,
        };
        let reference = format!("refs/heads/{branch}");
        if let Some(head) = head {
            // Only where there is none.
            let zero = "0".repeat(head.to_string().len());
            git::quiet(&self.runner, &["update-ref", &reference, &head.to_string(), &zero], b"", cancel)?;
        }
        let message = format!("deepcoder: moving to {branch}");
        git::quiet(&self.runner, &["symbolic-ref", "-m", &message, "HEAD", &reference], b"", cancel)?;
        Ok(Some((was, reference)))
    }

    /// Undo [`Applier::to_new_branch`], after nothing was committed. Not to be cancelled.
    fn leave_branch(&self, was: &Was, branch: &str, head: Option<Oid>) -> Result<(), CommitError> {
        let (cancel, head) = (Cancel::new(), head.map(|head| head.to_string()));
        let message = "deepcoder: moving back";
        match (was, &head) {
            (Was::On(target), _) => {
                git::quiet(&self.runner, &["symbolic-ref", "-m", message, "HEAD", target], b"", &cancel)?;
            }
            (Was::Detached, Some(head)) => {
                git::quiet(&self.runner, &["update-ref", "-m", message, "--no-deref", "HEAD", head], b"", &cancel)?;
            }
            (Was::Detached, None) => {}
        }
        if let Some(head) = &head {
            git::quiet(&self.runner, &["update-ref", "-d", branch, head], b"", &cancel)?;
        }
        Ok(())
    }

    fn commit_only(&self, repo: &Repository, set: &NewSet, message: &str, cancel: &Cancel) -> Result<(), CommitError> {
        // `--only` takes what git knows of.
        let index = Entries::read(repo, &self.runner)?;
        let fresh = |path: &&RepoPath| index.entry(path.as_str()).is_none();
        let fresh: Vec<&RepoPath> =
            set.files.iter().filter(|file| file.new.is_some()).map(|file| &file.path).filter(fresh).collect();
        const FROM_STDIN: [&str; 2] = ["--pathspec-from-file=-", "--pathspec-file-nul"];
        if !fresh.is_empty() {
            let args = ["add", "--intent-to-add", FROM_STDIN[0], FROM_STDIN[1]];
            git::quiet(&self.runner, &args, &listed(fresh.iter().copied()), cancel)?;
        }
        let args = ["commit", "--only", "--quiet", "--cleanup=whitespace", "-m", message, FROM_STDIN[0], FROM_STDIN[1]];
        let all =
            set.files.iter().flat_map(|file| format!(":(literal){}\0", file.path).into_bytes()).collect::<Vec<_>>();
        let said = git::as_user(&self.runner, &args, &all, cancel);
        let refused = match said {
            Ok(said) if said.status.success() => return Ok(()),
            Ok(said) => CommitError::Refused(said.text()),
            Err(error) => error,
        };
        self.forget_fresh(repo, &fresh)?;
        cancel.check().map_err(ApplyError::from)?;
        Err(refused)
    }

    /// Take files out of the index that were put there to be added later, and still wait for it: as empty ones.
    fn forget_fresh(&self, repo: &Repository, fresh: &[&RepoPath]) -> Result<(), CommitError> {
        let index = Entries::read(repo, &self.runner)?;
        let empty = blob_id(b"")?;
        let waits = |path: &&&RepoPath| index.entry(path.as_str()).is_some_and(|(_, id)| id == empty);
        let waiting: Vec<&RepoPath> = fresh.iter().filter(waits).copied().collect();
        if !waiting.is_empty() {
            let args = ["update-index", "--force-remove", "-z", "--stdin"];
            git::quiet(&self.runner, &args, &listed(waiting), &Cancel::new())?;
        }
        Ok(())
    }

    /// A hook that stages what it changed does so in an index of the commit's own, and `--only` leaves the user's as it
    /// was before: the next `git status` would show that the hook's changes are to be reverted. Entries that no other
    /// program has changed become those of the commit. Returns what the hooks changed.
    fn settle_index(&self, repo: &Repository, set: &NewSet, commit: &str) -> Result<Vec<RepoPath>, CommitError> {
        let (cancel, index) = (Cancel::new(), Entries::read(repo, &self.runner)?);
        let args = ["diff-tree", "-r", "-z", "--root", "--no-commit-id", "--no-renames", commit];
        let changes = git::quiet(&self.runner, &args, b"", &cancel)?;
        let mut parts = changes.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let (mut info, mut by_hooks) = (Vec::new(), Vec::new());
        while let (Some(change), Some(path)) = (parts.next(), parts.next()) {
            // `:old-mode new-mode old-id new-id status`
            let words: Vec<&str> = change.trim_start_matches(':').split(' ').collect();
            let &[old_mode, new_mode, old_id, new_id, _] = words.as_slice() else { continue };
            let Ok(path) = RepoPath::new(path.into_owned()) else { continue };
            let entry = index.entry(path.as_str());
            let is = |mode: &str, id: &str| match &entry {
                Some((its_mode, its_id)) => format!("{its_mode:06o}") == mode && its_id == id,
                None => mode == "000000",
            };
            if is(new_mode, new_id) {
                continue;
            }
            if set.files.iter().any(|file| file.path == path) || is(old_mode, old_id) {
                info.extend_from_slice(format!("{new_mode} {new_id}\t{path}\0").as_bytes());
            }
            by_hooks.push(path);
        }
        if !info.is_empty() {
            git::quiet(&self.runner, &["update-index", "-z", "--index-info"], &info, &cancel)?;
        }
        Ok(by_hooks)
    }
}

/// Make a linked work tree at `path`, which must not exist, on a new `branch` at HEAD. Returns where it is.
pub fn add_work_tree(
    workspace: &Workspace,
    path: &Path,
    branch: &str,
    cancel: &Cancel,
) -> Result<PathBuf, CommitError> {
    let error = |said: String| CommitError::WorkTree { path: path.to_owned(), said };
    if std::fs::read_dir(path).map_or_else(|_| path.exists(), |mut entries| entries.next().is_some()) {
        return Err(error("there is something already".into()));
    }
    let repo = workspace.repository().map_err(ApplyError::from)?;
    check_branch(&repo, branch)?;
    let Some(head) = head(&repo)? else { return Err(error("there is no commit yet".into())) };
    let text = path.to_str().ok_or_else(|| error("it is not UTF-8".into()))?;
    let args = ["worktree", "add", "--quiet", "-b", branch, "--", text, &head.to_string()];
    match git::quiet(&workspace.git(), &args, b"", cancel) {
        Err(CommitError::Git { said, .. }) => Err(error(said)),
        Err(other) => Err(other),
        Ok(_) => path.canonicalize().map_err(|e| error(e.to_string())),
    }
}

/// Take back [`add_work_tree`], before anything was written there. Best effort: what stays is named by `git worktree list`.
pub fn remove_work_tree(workspace: &Workspace, path: &Path, branch: &str) {
    let (git, cancel) = (workspace.git(), Cancel::new());
    // Without `--force`, so that git refuses where files in it have changed.
    let removed = path.to_str().map(|path| git::quiet(&git, &["worktree", "remove", "--", path], b"", &cancel));
    if matches!(removed, Some(Ok(_))) {
        let _ = git::quiet(&git, &["branch", "--quiet", "-d", "--", branch], b"", &cancel);
    }
}

/// Where HEAD was.
enum Was {
    On(String),
    Detached,
}

fn listed<'a>(paths: impl IntoIterator<Item = &'a RepoPath>) -> Vec<u8> {
    paths.into_iter().flat_map(|path| path.as_str().bytes().chain([0])).collect()
}

/// The commit that HEAD is at; `None` before the first one.
fn head(repo: &Repository) -> Result<Option<Oid>, CommitError> {
    match repo.head().and_then(|head| head.peel_to_commit()) {
        Ok(commit) => Ok(Some(commit.id())),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => Ok(None),
        Err(error) => Err(ApplyError::from(error).into()),
    }
}

fn branch_of(repo: &Repository) -> Option<String> {
    let head = repo.find_reference("HEAD").ok()?;
    Some(head.symbolic_target().ok()??.strip_prefix("refs/heads/")?.to_owned())
}

fn check_branch(repo: &Repository, branch: &str) -> Result<(), CommitError> {
    if branch.starts_with('-') || !Branch::name_is_valid(branch).unwrap_or(false) {
        return Err(CommitError::BadBranch(branch.to_owned()));
    }
    match repo.find_reference(&format!("refs/heads/{branch}")) {
        Ok(_) => Err(CommitError::BranchExists(branch.to_owned())),
        Err(_) => Ok(()),
    }
}

const fn words(state: RepositoryState) -> &'static str {
    match state {
        RepositoryState::Merge => "a merge",
        RepositoryState::Revert | RepositoryState::RevertSequence => "a revert",
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "a cherry-pick",
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => "`git am`",
        _ => "a rebase",
    }
}
