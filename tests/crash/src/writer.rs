//! Who writes: deepcoder, or what it is measured against.

use deepcoder_apply::{Applier, ApplierOptions, ApplyOptions, Steps};
use deepcoder_types::{Cancel, EditSet, FileChange, Hint};
use deepcoder_workspace::Workspace;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Who is put to the test.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Writer {
    /// deepcoder.
    Ours,
    /// Compares, writes beside, syncs and renames, one file after the other, as careful tools do.
    Plain,
    /// deepcoder where syncing does nothing.
    NoSync,
}

/// An operation failed.
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Half-way, as the next run is told.
    pub(crate) interrupted: bool,
}

impl Failure {
    fn of(error: &(impl std::fmt::Display + Hint)) -> Self {
        let message = error.to_string();
        let interrupted = message.contains("interrupted half-way");
        Self { message, hint: error.hint(), interrupted }
    }
}

/// A writer at work on one tree.
pub(crate) enum Tool {
    Ours(Box<Applier>),
    Plain(PathBuf, Box<dyn Steps>),
}

impl Writer {
    /// What has to be written on the command line for it.
    pub(crate) const fn as_arg(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Plain => "plain",
            Self::NoSync => "no-sync",
        }
    }

    pub(crate) fn open(self, repo: &Path, state: &Path, steps: Box<dyn Steps>) -> Result<Tool, Failure> {
        if self == Self::Plain {
            return Ok(Tool::Plain(repo.to_owned(), steps));
        }
        let workspace = Workspace::open(repo).map_err(|e| Failure::of(&e))?;
        let options = ApplierOptions { steps, ..ApplierOptions::default() };
        let applier = Applier::open_with(&workspace, state, options).map_err(|e| Failure::of(&e))?;
        Ok(Tool::Ours(Box::new(applier)))
    }
}

impl Tool {
    pub(crate) fn apply(&self, set: &EditSet, now_ms: u64) -> Result<(), Failure> {
        match self {
            Self::Ours(applier) => {
                let options = ApplyOptions { now_ms, ..ApplyOptions::default() };
                applier.apply(set, &options, &Cancel::new()).map(drop).map_err(|e| Failure::of(&e))
            }
            Self::Plain(root, steps) => plain(root, set, steps.as_ref()).map_err(|e| Failure {
                message: e.to_string(),
                hint: Some("none".into()),
                interrupted: false,
            }),
        }
    }

    /// Whether something was found interrupted.
    pub(crate) fn has_recovered(&self) -> bool {
        match self {
            Self::Ours(applier) => !applier.recovered().is_empty(),
            Self::Plain(..) => false,
        }
    }

    /// Take back the last set.
    pub(crate) fn undo(&self, now_ms: u64) -> Result<(), Failure> {
        match self {
            Self::Ours(applier) => applier.undo(None, now_ms, &Cancel::new()).map(drop).map_err(|e| Failure::of(&e)),
            Self::Plain(..) => {
                Err(Failure { message: "nothing was kept".into(), hint: Some("none".into()), interrupted: false })
            }
        }
    }
}

/// The ordinary way.
fn plain(root: &Path, set: &EditSet, steps: &dyn Steps) -> std::io::Result<()> {
    let stale = || std::io::Error::other("the file has changed");
    for FileChange { path, old, .. } in &set.files {
        let at = root.join(path);
        // Asked first: reading a FIFO would wait.
        let found = std::fs::metadata(&at).ok().filter(std::fs::Metadata::is_file).and_then(|_| std::fs::read(at).ok());
        if found != old.as_ref().map(|old| old.bytes.clone()) {
            return Err(stale());
        }
    }
    steps.at("compared")?;
    for FileChange { path, new, .. } in &set.files {
        let target = root.join(path);
        let folder = target.parent().ok_or_else(stale)?;
        let Some(new) = new else {
            std::fs::remove_file(&target)?;
            continue;
        };
        std::fs::create_dir_all(folder)?;
        let temp = folder.join(".plain.tmp");
        let mut file = std::fs::File::create(&temp)?;
        file.write_all(&new.bytes)?;
        file.set_permissions(std::fs::Permissions::from_mode(new.mode.unwrap_or(0o644)))?;
        file.sync_all()?;
        steps.at("written")?;
        std::fs::rename(&temp, &target)?;
        std::fs::File::open(folder)?.sync_all()?;
        steps.at("renamed")?;
    }
    Ok(())
}
