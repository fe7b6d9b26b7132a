//! Where indexes are: a file for each work tree, in a folder of deepcoder's own.

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// Of so many work trees the indexes are kept; those that were used last stay.
const MOST: usize = 32;

/// All indexes together have at most so many bytes.
const MOST_BYTES: u64 = 4 << 30;

/// The index of one work tree.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    file: PathBuf,
    /// The tree, in the bytes of its root.
    pub(crate) name: Vec<u8>,
}

impl Place {
    pub(crate) fn new(folder: &Path, root: &Path) -> Self {
        let name = root.as_os_str().as_bytes().to_vec();
        let file = folder.join(format!("{:032x}.words", xxh3_128(&name)));
        Self { folder: folder.to_owned(), file, name }
    }

    /// The file, where there is one.
    pub(crate) fn open(&self) -> io::Result<File> {
        deepcoder_files::open_at(rustix::fs::CWD, path_text(&self.file)?, OFlags::RDONLY, Mode::empty())
    }

    /// Takes it away.
    #[expect(clippy::disallowed_methods, reason = "the folder of the indexes")]
    pub(crate) fn remove(&self) {
        _ = std::fs::remove_file(&self.file);
    }

    /// Puts what `write` writes in place of the index. A reader sees the old or the new one.
    #[expect(clippy::disallowed_methods, reason = "the folder of the indexes")]
    pub(crate) fn replace(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let part = self.folder.join(format!(
            "{}.{}.part",
            self.file.file_name().unwrap_or_default().to_string_lossy(),
            std::process::id()
        ));
        _ = std::fs::remove_file(&part);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = deepcoder_files::open_at(rustix::fs::CWD, path_text(&part)?, flags, Mode::from_raw_mode(0o600))?;
        let written = write(&mut file).and_then(|()| std::fs::rename(&part, &self.file));
        if written.is_err() {
            _ = std::fs::remove_file(&part);
        }
        self.prune();
        written
    }

    /// Removes the indexes of other trees beyond [`MOST`] and [`MOST_BYTES`], the oldest first, and what writers left that died.
    #[expect(clippy::disallowed_methods, reason = "the folder of the indexes")]
    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(i64, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Ok(meta) = entry.metadata() else { continue };
            let name = name.to_string_lossy();
            if name.ends_with(".words") || name.ends_with(".part") {
                files.push((meta.mtime(), meta.len(), entry.path()));
            }
        }
        files.sort_by(|a, b| b.cmp(a));
        let mut bytes = 0u64;
        for (at, (_, size, path)) in files.into_iter().enumerate() {
            bytes = bytes.saturating_add(size);
            if path != self.file && (at >= MOST || bytes > MOST_BYTES) {
                _ = std::fs::remove_file(path);
            }
        }
    }
}

fn path_text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other("the folder of the indexes has a name that is not UTF-8"))
}
