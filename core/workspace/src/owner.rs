//! Opening a repository with libgit2, and whether its owner may be trusted, which git itself decides.
//!
//! libgit2 has a check of its own. It knows less of `safe.directory` than git does: not the file that
//! `GIT_CONFIG_GLOBAL` names, not `GIT_CONFIG_COUNT`, neither `/dir/*` nor links. So it is switched off, and every
//! repository that is not wholly this user's is put to git.

use crate::OpenError;
use deepcoder_git::Git;
use git2::{Repository, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// Open the repository at `path`, or with no flags one above it. Nothing is known of its owner yet.
pub(crate) fn open(path: &Path, flags: RepositoryOpenFlags) -> Result<Repository, git2::Error> {
    static SWITCH: Once = Once::new();
    SWITCH.call_once(|| {
        #[expect(unsafe_code, reason = "libgit2's setting has no safe interface")]
        // SAFETY: it writes one variable of libgit2's, which is read when a repository is opened; every opening in this
        // program comes through here and waits for it.
        let switched = unsafe { git2::opts::set_verify_owner_validation(false) };
        // It fails for unknown options only. Then libgit2's check stays, which refuses more.
        _ = switched;
    });
    Repository::open_ext(path, flags, &[] as &[&OsStr])
}

/// Refuse a repository that belongs to others, unless git accepts it. `folder` is where the user is.
pub(crate) fn check(repository: &Repository, folder: &Path) -> Result<(), OpenError> {
    let me = rustix::process::geteuid().as_raw();
    let mine = |path: PathBuf| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.uid() == me);
    let links = repository.workdir().map(|root| [root.to_owned(), root.join(".git")]);
    let all = links.into_iter().flatten().chain([repository.path().to_owned()]);
    if all.filter(|path| std::fs::symlink_metadata(path).is_ok()).all(mine) {
        return Ok(());
    }
    let mut command = Git::new(folder).quiet();
    command.env("LC_ALL", "C").args(["rev-parse", "--git-dir"]);
    let said = deepcoder_git::run(command, b"", &deepcoder_types::Cancel::new());
    match said {
        Ok(said) if said.status.success() => Ok(()),
        Ok(said) if !String::from_utf8_lossy(&said.err).contains("dubious ownership") => {
            Err(OpenError::Git { path: folder.to_owned(), message: said.reason() })
        }
        // Without git there is no `safe.directory` to vouch for it.
        _ => {
            // The owner's folder is somewhere above; git's setting needs exactly that one.
            let owned = folder.ancestors().find(|dir| dir.join(".git").exists()).unwrap_or(folder);
            Err(OpenError::Owner(owned.to_owned()))
        }
    }
}
