//! Reading a file: its bytes, or its text.

use crate::{Workspace, beneath};
use deepcoder_types::{ContentHash, FileImage, RepoPath};
use rustix::fd::AsFd as _;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use std::io::Read as _;

/// The largest file that is read: 8 MiB.
pub const MAX_FILE: u64 = 8 << 20;

/// Where a NUL byte is looked for; git looks in as many.
const BINARY_PREFIX: usize = 8 << 10;

/// A file that is UTF-8 text, byte for byte as it is: line endings, a BOM and a missing final newline are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// The file.
    pub path: RepoPath,
    /// All of it.
    pub text: String,
    /// Hash of its bytes.
    pub hash: ContentHash,
    /// `st_mode & 0o7777`.
    pub mode: u32,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("`{path}` does not exist")]
    Missing {
        /// The path that was asked for.
        path: RepoPath,
        /// Visible files with names like it.
        similar: Vec<String>,
    },
    /// The file, or a folder on the way to it, is a symbolic link.
    #[error("`{path}` is reached through the symbolic link `{link}`")]
    Symlink {
        /// The path that was asked for.
        path: RepoPath,
        /// The link.
        link: String,
    },
    /// It is a folder.
    #[error("`{0}` is a folder")]
    Directory(RepoPath),
    /// It is a device, a socket or a FIFO.
    #[error("`{0}` is not a regular file")]
    NotRegular(RepoPath),
    /// It is over [`MAX_FILE`].
    #[error("`{path}` has {size} bytes; the most is {MAX_FILE}")]
    TooLarge {
        /// The file.
        path: RepoPath,
        /// Its bytes.
        size: u64,
    },
    /// It has a NUL byte.
    #[error("`{path}` is binary: NUL at byte {offset}")]
    Binary {
        /// The file.
        path: RepoPath,
        /// Where.
        offset: usize,
    },
    /// It has a UTF-16 byte order mark.
    #[error("`{path}` is encoded in {encoding}, not UTF-8")]
    Utf16 {
        /// The file.
        path: RepoPath,
        /// `UTF-16LE` or `UTF-16BE`.
        encoding: &'static str,
    },
    /// It is in another encoding.
    #[error("`{path}` is not valid UTF-8 at byte {offset} (line {line})")]
    NotUtf8 {
        /// The file.
        path: RepoPath,
        /// The first byte that is wrong.
        offset: usize,
        /// Its line, from 1.
        line: usize,
    },
    /// The file system refuses.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The file.
        path: RepoPath,
        /// Why.
        source: std::io::Error,
    },
}

impl deepcoder_types::Hint for ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { similar, .. } => crate::similar::hint(similar),
            Self::Symlink { .. } => Some("give the path of the real file; links are never followed".into()),
            Self::Directory(_) => Some("give the files in it".into()),
            Self::TooLarge { .. } => Some("split the file, or leave it out".into()),
            Self::Utf16 { .. } | Self::NotUtf8 { .. } => {
                Some("convert it to UTF-8 first, for example with `iconv -t UTF-8`".into())
            }
            Self::Binary { .. } => Some("only text files are read and edited".into()),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some("check its permissions".into())
            }
            Self::NotRegular(_) | Self::Io { .. } => None,
        }
    }
}

impl Workspace {
    /// The bytes and permission bits of a regular file. No link is followed, nothing blocks.
    pub fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        let fd = beneath::open(self.inner.root_fd.as_fd(), path.as_str(), OFlags::RDONLY)
            .map_err(|errno| self.read_error(path, errno))?;
        let io = |source: std::io::Error| ReadError::Io { path: path.clone(), source };
        let stat = rustix::fs::fstat(&fd).map_err(|e| io(e.into()))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(ReadError::Directory(path.clone())),
            _ => return Err(ReadError::NotRegular(path.clone())),
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size > MAX_FILE {
            return Err(ReadError::TooLarge { path: path.clone(), size });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
        // It may grow while it is read.
        std::fs::File::from(fd).take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(ReadError::TooLarge { path: path.clone(), size: bytes.len() as u64 });
        }
        Ok(FileImage { bytes, mode: Some(stat.st_mode & 0o7777) })
    }

    /// The text of a file that is UTF-8.
    pub fn read_text(&self, path: &RepoPath) -> Result<TextFile, ReadError> {
        text_of(path, self.read(path)?)
    }

    /// Whether a regular file is there, not behind a link.
    #[must_use]
    pub fn exists(&self, path: &RepoPath) -> bool {
        self.kind(path.as_str()) == Ok(FileType::RegularFile)
    }

    /// The kind of `path` (empty for the root); `ELOOP` behind or at a link.
    pub(crate) fn kind(&self, path: &str) -> Result<FileType, Errno> {
        let fd = beneath::open(self.inner.root_fd.as_fd(), path, OFlags::PATH)?;
        Ok(FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode))
    }

    fn read_error(&self, path: &RepoPath, errno: Errno) -> ReadError {
        let path = path.clone();
        match errno {
            Errno::LOOP => {
                let link = beneath::first_link(self.inner.root_fd.as_fd(), path.as_str()).unwrap_or(path.as_str());
                ReadError::Symlink { link: link.to_owned(), path }
            }
            Errno::NOENT | Errno::NOTDIR => ReadError::Missing { similar: self.similar(path.as_str()), path },
            // The error of opening a socket.
            Errno::NXIO => ReadError::NotRegular(path),
            other => ReadError::Io { path, source: other.into() },
        }
    }
}

/// The text of a file that is UTF-8.
pub(crate) fn text_of(path: &RepoPath, image: FileImage) -> Result<TextFile, ReadError> {
    let hash = image.hash();
    let encoding = match image.bytes.as_slice() {
        [0xFF, 0xFE, ..] => Some("UTF-16LE"),
        [0xFE, 0xFF, ..] => Some("UTF-16BE"),
        _ => None,
    };
    if let Some(encoding) = encoding {
        return Err(ReadError::Utf16 { path: path.clone(), encoding });
    }
    if let Some(offset) = image.bytes.iter().take(BINARY_PREFIX).position(|&b| b == 0) {
        return Err(ReadError::Binary { path: path.clone(), offset });
    }
    let text = String::from_utf8(image.bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count() + 1;
        ReadError::NotUtf8 { path: path.clone(), offset, line }
    })?;
    Ok(TextFile { path: path.clone(), text, hash, mode: image.mode.unwrap_or(0o644) })
}
