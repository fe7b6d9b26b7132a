//! Which `deepcoder.toml` the user has read. A repository comes from others, and what it says must not make the model
//! write before the user has agreed to these very words.

use crate::HookError;
use deepcoder_types::ContentHash;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Whether the user trusts `config` in the repository at `root`.
pub(crate) fn is_trusted(state_dir: &Path, root: &Path, config: &[u8]) -> bool {
    deepcoder_files::read_text(&file(state_dir, root), 4096)
        .is_ok_and(|known| known.trim() == ContentHash::of(config).to_string())
}

/// Trust `config` there, until it changes.
#[expect(clippy::disallowed_methods, reason = "writes to deepcoder's own state folder")]
pub(crate) fn trust(state_dir: &Path, root: &Path, config: &[u8]) -> Result<(), HookError> {
    let path = file(state_dir, root);
    let io = |source| HookError::Io { path: path.clone(), source };
    std::fs::create_dir_all(path.parent().unwrap_or(state_dir)).map_err(io)?;
    std::fs::write(&path, format!("{}\n", ContentHash::of(config))).map_err(io)
}

fn file(state_dir: &Path, root: &Path) -> PathBuf {
    state_dir.join("hook-trust").join(ContentHash::of(root.as_os_str().as_bytes()).to_string())
}
