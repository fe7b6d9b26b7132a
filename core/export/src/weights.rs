//! The file with the weights: written once from front to back, hashed on the way, every tensor on a page boundary so
//! that the runtime can map it.

use crate::error::ImportError;
use crate::onnx::{self, Element, Message};
use deepcoder_types::ContentHash;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const PAGE: u64 = 4096;

/// A file that is hashed while it is written.
pub(crate) struct HashedFile {
    path: PathBuf,
    file: File,
    digest: Sha256,
    len: u64,
}

impl HashedFile {
    pub(crate) fn create(path: &Path) -> Result<Self, ImportError> {
        #[expect(clippy::disallowed_methods, reason = "a file of the model folder that is being made")]
        let file = File::create(path).map_err(ImportError::io("create", path))?;
        Ok(Self { path: path.to_owned(), file, digest: Sha256::new(), len: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.file.write_all(bytes).map_err(ImportError::io("write", &self.path))?;
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file durable and says what it holds.
    pub(crate) fn finish(self) -> Result<(u64, ContentHash), ImportError> {
        self.file.sync_all().map_err(ImportError::io("write", &self.path))?;
        Ok((self.len, ContentHash::from_digest(self.digest.finalize().into())))
    }
}

/// Where in the file a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    offset: u64,
    length: u64,
}

/// The weights' file and the initialisers that point into it.
pub(crate) struct Weights {
    file: HashedFile,
    name: &'static str,
    open: Option<u64>,
    pub(crate) initializers: Vec<Message>,
}

impl Weights {
    pub(crate) fn create(folder: &Path, name: &'static str) -> Result<Self, ImportError> {
        let file = HashedFile::create(&folder.join(name))?;
        Ok(Self { file, name, open: None, initializers: Vec::new() })
    }

    /// Starts a tensor; its bytes follow with [`Weights::append`].
    pub(crate) fn begin(&mut self) -> Result<(), ImportError> {
        let gap = self.file.len.next_multiple_of(PAGE) - self.file.len;
        self.file.write(&vec![0; usize::try_from(gap).unwrap_or(0)])?;
        self.open = Some(self.file.len);
        Ok(())
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.file.write(bytes)
    }

    /// Ends the tensor that was begun.
    pub(crate) fn end(&mut self) -> Place {
        let offset = self.open.take().unwrap_or(self.file.len);
        Place { offset, length: self.file.len - offset }
    }

    /// Declares an initialiser over bytes that have been written, maybe not the first over the same ones.
    pub(crate) fn declare(&mut self, name: &str, element: Element, dims: &[u64], place: &Place) {
        self.initializers.push(onnx::external(name, element, dims, self.name, place.offset, place.length));
    }

    /// Declares bytes that have been written.
    pub(crate) fn declare_bytes(&mut self, name: &str, place: &Place) {
        self.declare(name, Element::U8, &[place.length], place);
    }

    /// Writes floats as one initialiser.
    pub(crate) fn floats(&mut self, name: &str, dims: &[u64], values: &[f32]) -> Result<(), ImportError> {
        let place = self.write_floats(values)?;
        self.declare(name, Element::F32, dims, &place);
        Ok(())
    }

    /// Writes floats, to be declared by the caller.
    pub(crate) fn write_floats(&mut self, values: &[f32]) -> Result<Place, ImportError> {
        self.begin()?;
        let mut bytes = Vec::with_capacity(4 << 16);
        for chunk in values.chunks(1 << 16) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(|v| v.to_le_bytes()));
            self.append(&bytes)?;
        }
        Ok(self.end())
    }

    pub(crate) fn finish(self) -> Result<(u64, ContentHash), ImportError> {
        self.file.finish()
    }
}
