//! The file with the weights: written once from front to back, hashed on the way, every tensor on a page boundary so
//! that the runtime can map it. Weights that a killed import had written are read instead.

use crate::error::ImportError;
use crate::journal::Journal;
use crate::onnx::{self, Element, Message};
use deepcoder_types::ContentHash;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
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
    /// Opens the file to be written from its start; what it holds already stays until it is written over.
    pub(crate) fn create(path: &Path) -> Result<Self, ImportError> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
        let file = file.map_err(ImportError::io("create", path))?;
        Ok(Self { path: path.to_owned(), file, digest: Sha256::new(), len: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.file.write_all_at(bytes, self.len).map_err(ImportError::io("write", &self.path))?;
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Takes the next `length` bytes as they are in the file.
    fn keep(&mut self, length: u64) -> Result<(), ImportError> {
        let mut buffer = vec![0; 1 << 20];
        let end = self.len + length;
        while self.len < end {
            let part = usize::try_from(end - self.len).unwrap_or(usize::MAX).min(buffer.len());
            let part = &mut buffer[..part];
            self.file.read_exact_at(part, self.len).map_err(ImportError::io("read", &self.path))?;
            self.digest.update(&*part);
            self.len += part.len() as u64;
        }
        Ok(())
    }

    /// Makes the file durable and says what it holds.
    pub(crate) fn finish(self) -> Result<(u64, ContentHash), ImportError> {
        self.file.set_len(self.len).map_err(ImportError::io("write", &self.path))?;
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
    journal: Journal,
    pub(crate) initializers: Vec<Message>,
}

impl Weights {
    pub(crate) fn create(folder: &Path, name: &'static str, journal: Journal) -> Result<Self, ImportError> {
        let file = HashedFile::create(&folder.join(name))?;
        Ok(Self { file, name, open: None, journal, initializers: Vec::new() })
    }

    /// The next tensors as an earlier import left them, if it wrote all of them and they have these lengths.
    pub(crate) fn kept<const N: usize>(&mut self, lengths: [u64; N]) -> Result<Option<[Place; N]>, ImportError> {
        let mut end = self.file.len;
        let places = lengths.map(|length| {
            let offset = end.next_multiple_of(PAGE);
            end = offset + length;
            Place { offset, length }
        });
        if !self.journal.has(places.iter().map(|place| (place.offset, place.length))) {
            return Ok(None);
        }
        for length in lengths {
            self.begin()?;
            self.file.keep(length)?;
            self.end();
        }
        Ok(Some(places))
    }

    /// Starts a tensor; its bytes follow with [`Weights::append`].
    pub(crate) fn begin(&mut self) -> Result<(), ImportError> {
        self.journal.checkpoint(&self.file.file, &self.file.path)?;
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
        self.journal.add(offset, self.file.len - offset);
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
