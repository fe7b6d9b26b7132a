//! An edit that is applied and committed in one go.

use crate::{ApplyRun, Repo, RepoError};
use deepcoder_apply::{Applied, Applier, ApplyOptions, CommitOptions, Committed, add_work_tree, remove_work_tree};
use deepcoder_pipeline::Run;
use deepcoder_types::{Cancel, Delivery, RepoPath};
use deepcoder_workspace::Workspace;
use std::path::{Path, PathBuf};

/// The longest subject of a commit, in characters.
const SUBJECT: usize = 72;

/// Where an edit is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitPlace {
    /// A branch to make for it; otherwise the one that HEAD is on, or one named like the work tree.
    pub branch: Option<String>,
    /// A work tree to make for it; otherwise the user's.
    pub work_tree: Option<PathBuf>,
}

/// An edit that was applied and committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The edit that was applied.
    pub applied: Applied,
    /// The commit.
    pub committed: Committed,
    /// The root of the work tree that was made for it.
    pub work_tree: Option<PathBuf>,
}

impl CommitPlace {
    /// Where a result with this delivery is committed; `None` where it is not.
    #[must_use]
    pub fn of(delivery: &Delivery) -> Option<Self> {
        match delivery {
            Delivery::Commit { branch, worktree } => Some(Self { branch: branch.clone(), work_tree: worktree.clone() }),
            Delivery::Show | Delivery::Review | Delivery::Apply | Delivery::Branch(_) | Delivery::Worktree(_) => None,
        }
    }

    /// The branch that will be made.
    fn new_branch(&self) -> Option<String> {
        let like = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        self.branch.clone().or_else(|| self.work_tree.as_ref().and_then(like))
    }
}

impl Repo {
    /// Whether an edit of `paths` could be committed: asked before a model is, and once more before anything is written.
    pub fn check_commit(&self, paths: &[RepoPath], place: &CommitPlace, cancel: &Cancel) -> Result<(), RepoError> {
        Ok(self.applier()?.check_commit(paths, place.new_branch().as_deref(), cancel)?)
    }

    /// Write what a run for `instruction` came to and commit it; `None` when it changes nothing. Where only the commit
    /// fails, the edit stays applied and the error says so.
    pub(crate) fn apply_and_commit(
        &self,
        run: &Run,
        instruction: &str,
        place: &CommitPlace,
        how: ApplyRun,
        cancel: &Cancel,
    ) -> Result<Option<Made>, RepoError> {
        let Some(set) = &run.edit_set else { return Ok(None) };
        let files: Vec<RepoPath> = set.files.iter().map(|file| file.path.clone()).collect();
        self.check_commit(&files, place, cancel)?;
        let trailer = format!("Assisted-by: deepcoder {} ({})", env!("CARGO_PKG_VERSION"), run.record.model);
        let message = message(instruction, self.attribution.then_some(trailer.as_str()));
        if let Some(path) = &place.work_tree {
            return self.land_elsewhere(run, path, &place.new_branch().unwrap_or_default(), message, how, cancel);
        }
        let Some(applied) = self.apply(run, how, cancel)? else { return Ok(None) };
        let options = CommitOptions { message, branch: place.branch.clone() };
        let committed = commit(self.applier()?, &applied, &options, None, cancel)?;
        Ok(Some(Made { applied, committed, work_tree: None }))
    }

    fn land_elsewhere(
        &self,
        run: &Run,
        path: &Path,
        branch: &str,
        message: String,
        how: ApplyRun,
        cancel: &Cancel,
    ) -> Result<Option<Made>, RepoError> {
        let root = add_work_tree(&self.workspace, path, branch, cancel)?;
        let options = ApplyOptions { now_ms: how.now_ms, allow_protected: how.protected, ..ApplyOptions::default() };
        let applied = Workspace::open(&root).map_err(RepoError::from).and_then(|workspace| {
            let applier = self.open_applier(&workspace)?;
            let applied = deepcoder_pipeline::apply(&applier, run, options, how.unverified, cancel)?;
            Ok(applied.map(|applied| (applier, applied)))
        });
        let (applier, applied) = match applied {
            Ok(Some(done)) => done,
            nothing => {
                remove_work_tree(&self.workspace, &root, branch);
                return nothing.map(|_| None);
            }
        };
        let committed = commit(&applier, &applied, &CommitOptions { message, branch: None }, Some(&root), cancel)?;
        Ok(Some(Made { applied, committed, work_tree: Some(root) }))
    }
}

fn commit(
    applier: &Applier,
    applied: &Applied,
    options: &CommitOptions,
    work_tree: Option<&Path>,
    cancel: &Cancel,
) -> Result<Committed, RepoError> {
    let (id, work_tree) = (applied.id.clone(), work_tree.map(Path::to_owned));
    applier.commit(&id, options, cancel).map_err(|source| RepoError::NotCommitted { id, work_tree, source })
}

/// The instruction's first line as the subject; all of it follows where that is not all of it.
fn message(instruction: &str, trailer: Option<&str>) -> String {
    let whole = instruction.trim();
    let first = whole.lines().next().unwrap_or_default().trim_end();
    let mut subject = first.to_owned();
    if first.chars().count() > SUBJECT {
        let cut: String = first.chars().take(SUBJECT - 1).collect();
        // At a word, unless that would leave next to nothing.
        let at = cut.rfind(char::is_whitespace).filter(|at| *at > SUBJECT / 2).unwrap_or(cut.len());
        subject = format!("{}…", cut.get(..at).unwrap_or(&cut).trim_end());
    }
    let body = (subject != whole).then_some(whole);
    [Some(subject.as_str()), body, trailer].into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the user's log: subjects fit a line and nothing of the instruction is lost; the trailer is the last
    /// paragraph, where git finds it.
    #[test]
    fn the_message_is_the_instruction() {
        assert_eq!(message(" add type hints\n", None), "add type hints");
        assert_eq!(message("one\ntwo", Some("A: b")), "one\n\none\ntwo\n\nA: b");
        let long = "word ".repeat(30);
        let text = message(&long, None);
        let (subject, body) = text.split_once("\n\n").expect("a body");
        assert!(subject.chars().count() <= SUBJECT && subject.ends_with("word…"), "{subject}");
        assert_eq!(body, long.trim());
        assert_eq!(message(&"ü".repeat(100), None).lines().next().map(|s| s.chars().count()), Some(SUBJECT));
    }
}
