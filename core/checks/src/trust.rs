//! Which `deepcoder.toml` the user has read. A repository comes from others: what it says runs no program, and makes no
//! model write, before the user has agreed to these very words.

use deepcoder_types::ContentHash;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What the user agrees to. Each is a decision of its own: who lets hooks ask the model has not let checks run programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Hooks may ask the model.
    Hooks,
    /// Checks may run.
    Checks,
}

/// The record of what the user trusts in one repository.
#[derive(Debug, Clone)]
pub struct Trust {
    file: PathBuf,
}

impl Trust {
    /// The record in deepcoder's state directory about the repository at `root`.
    #[must_use]
    pub fn new(state_dir: &Path, root: &Path, purpose: Purpose) -> Self {
        let folder = match purpose {
            Purpose::Hooks => "hook-trust",
            Purpose::Checks => "check-trust",
        };
        Self { file: state_dir.join(folder).join(ContentHash::of(root.as_os_str().as_bytes()).to_string()) }
    }

    /// Whether the user trusts exactly `config`.
    #[must_use]
    pub fn covers(&self, config: &[u8]) -> bool {
        deepcoder_files::read_text(&self.file, 4096)
            .is_ok_and(|known| known.trim() == ContentHash::of(config).to_string())
    }

    /// Trust `config` until it changes.
    #[expect(clippy::disallowed_methods, reason = "writes to deepcoder's own state folder")]
    pub fn record(&self, config: &[u8]) -> Result<(), TrustError> {
        let error = |source| TrustError { path: self.file.clone(), source };
        std::fs::create_dir_all(self.file.parent().unwrap_or(&self.file)).map_err(error)?;
        std::fs::write(&self.file, format!("{}\n", ContentHash::of(config))).map_err(error)
    }
}

/// The record cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct TrustError {
    /// The record.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl deepcoder_types::Hint for TrustError {}
