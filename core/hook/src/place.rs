//! Where a hook runs: the repository, the index of this commit, and what may be done to it.

use crate::HookError;
use crate::git::{Git, os};
use deepcoder_checks::trust::{Purpose, Trust};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The most bytes of a list of merged commits.
const MAX_HEADS: u64 = 1 << 20;

/// A repository as a hook sees it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) git: Git,
    /// Canonical.
    pub(crate) root: PathBuf,
    /// Git's folder of this work tree. Canonical.
    pub(crate) git_dir: PathBuf,
    pub(crate) common_dir: PathBuf,
    /// The index that the commit is made of.
    pub(crate) index: PathBuf,
    /// The name of the tree without files, in this repository's hash.
    pub(crate) empty_tree: &'static str,
}

/// How the index of a commit is to be updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `git commit`: the index itself, without a lock.
    AsIs,
    /// `git commit -a`, `-i` or `-p`: the new index, under the name of its lock.
    Locked,
    /// `git commit -- path`: an index for this commit alone; the one that stays is under the name of its lock.
    Partial,
    /// One that is only looked at, and why.
    CheckOnly(&'static str),
}

/// Whether the user lets the hooks of the repository at `root` ask the model.
pub(crate) fn trust(state_dir: &Path, root: &Path) -> Trust {
    Trust::new(state_dir, root, Purpose::Hooks)
}

impl Place {
    /// The repository that `cwd` is in. `index_file` is git's variable, when git called us.
    pub(crate) fn find(cwd: &Path, in_hook: bool, index_file: Option<&OsStr>) -> Result<Self, HookError> {
        // Git would wait for a FIFO among them, and no signal would end it.
        deepcoder_workspace::check_git_files(cwd)?;
        let git = Git::new(cwd, in_hook);
        let wanted = ["--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--show-object-format"];
        let out = git.run(&[&["rev-parse"][..], &wanted].concat())?;
        let lines: Vec<&[u8]> = out.strip_suffix(b"\n").unwrap_or(&out).split(|b| *b == b'\n').collect();
        let [root, git_dir, common_dir, format] = lines.as_slice() else {
            return Err(HookError::Strange(cwd.to_owned()));
        };
        let real = |bytes: &[u8]| {
            let path = cwd.join(os(bytes));
            path.canonicalize().map_err(|source| HookError::Io { path, source })
        };
        let (root, git_dir, common_dir) = (real(root)?, real(git_dir)?, real(common_dir)?);
        let index = index_file.filter(|_| in_hook).map_or_else(|| git_dir.join("index"), |file| cwd.join(file));
        let empty_tree = if *format == b"sha256" {
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        } else {
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        };
        // From here on relative to the root, as git's own paths are.
        let git = git.at(&root).with_index(&index);
        Ok(Self { git, root, git_dir, common_dir, index, empty_tree })
    }

    /// Which form of a commit this is, by the index that git made for it and by what is under way.
    pub(crate) fn form(&self) -> Form {
        const UNDER_WAY: &[(&str, &str)] = &[
            ("MERGE_HEAD", "a merge is being concluded"),
            ("CHERRY_PICK_HEAD", "a cherry-pick is under way"),
            ("REVERT_HEAD", "a revert is under way"),
            ("rebase-merge", "a rebase is under way"),
            ("rebase-apply", "a rebase is under way"),
        ];
        if let Some((_, why)) = UNDER_WAY.iter().find(|(name, _)| self.git_dir.join(name).exists()) {
            return Form::CheckOnly(why);
        }
        let folder = self.index.parent().and_then(|folder| folder.canonicalize().ok());
        let name = self.index.file_name().unwrap_or_default().as_bytes();
        match name {
            _ if folder.as_deref() != Some(&self.git_dir) => Form::CheckOnly("the index is not the repository's own"),
            b"index" => Form::AsIs,
            b"index.lock" => Form::Locked,
            _ if name.starts_with(b"next-index-") && name.ends_with(b".lock") => Form::Partial,
            _ => Form::CheckOnly("the index is not the repository's own"),
        }
    }

    /// The commits that are merged into HEAD by this one.
    pub(crate) fn merged(&self) -> Vec<String> {
        let heads = deepcoder_files::read(&self.git_dir.join("MERGE_HEAD"), MAX_HEADS).unwrap_or_default();
        String::from_utf8_lossy(&heads).lines().map(str::to_owned).collect()
    }
}
