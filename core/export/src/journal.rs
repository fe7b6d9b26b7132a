//! The durable part of a weights' file that is being written, so that an import that was killed resumes there.
//!
//! The journal names the tensors that had reached the disk when it was written, and what they were made from. It is
//! replaced as a whole, after the weights: what it says is never more than what is there.

use crate::error::ImportError;
use deepcoder_types::ContentHash;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Name in the folder that is being written.
pub(crate) const JOURNAL_FILE: &str = "journal";

/// Bytes that a crash may cost: after as many, what was written is made durable.
const CHECKPOINT: u64 = if cfg!(test) { 1 << 12 } else { 512 << 20 };

/// The journal of one weights' file.
pub(crate) struct Journal {
    path: PathBuf,
    key: ContentHash,
    /// Offset and length of the tensors, in the order of the file.
    tensors: Vec<(u64, u64)>,
    /// How many of them were durable when the import began.
    known: usize,
    /// The next tensor.
    at: usize,
    pending: u64,
}

impl Journal {
    /// The journal in `folder` if it is of an import of the same source in the same way (`key`), else an empty one.
    pub(crate) fn open(folder: &Path, key: ContentHash) -> Self {
        let path = folder.join(JOURNAL_FILE);
        let tensors = std::fs::read_to_string(&path).ok().and_then(|text| parse(&text, key)).unwrap_or_default();
        Self { path, key, known: tensors.len(), tensors, at: 0, pending: 0 }
    }

    /// Whether there is something to go on with.
    pub(crate) fn is_known(&self) -> bool {
        self.known > 0
    }

    /// Whether the next tensors, of these offsets and lengths, are there.
    pub(crate) fn has(&self, tensors: impl Iterator<Item = (u64, u64)>) -> bool {
        let (mut tensors, mut known) = (tensors, self.tensors.iter().take(self.known).skip(self.at));
        tensors.all(|tensor| known.next() == Some(&tensor))
    }

    /// Notes that the next tensor is written, whether it was there or not.
    pub(crate) fn add(&mut self, offset: u64, length: u64) {
        if !self.has(std::iter::once((offset, length))) {
            // Another one than the journal says: nothing that it says of what follows can be trusted.
            self.tensors.truncate(self.at);
            self.known = self.known.min(self.at);
            self.tensors.push((offset, length));
            self.pending += length;
        }
        self.at += 1;
    }

    /// Makes the tensors so far durable once they are many bytes.
    pub(crate) fn checkpoint(&mut self, weights: &File, weights_path: &Path) -> Result<(), ImportError> {
        if self.pending < CHECKPOINT {
            return Ok(());
        }
        weights.sync_data().map_err(ImportError::io("write", weights_path))?;
        let mut text = format!("{}\n", self.key);
        for (offset, length) in &self.tensors {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{offset} {length}");
        }
        text.push_str("end\n");
        let new = self.path.with_extension("new");
        let write = || {
            #[expect(clippy::disallowed_methods, reason = "a file of the model folder that is being made")]
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            #[expect(clippy::disallowed_methods, reason = "a file of the model folder that is being made")]
            std::fs::rename(&new, &self.path)
        };
        write().map_err(ImportError::io("write", &self.path))?;
        self.pending = 0;
        Ok(())
    }
}

/// The tensors of a journal that is whole and of `key`.
fn parse(text: &str, key: ContentHash) -> Option<Vec<(u64, u64)>> {
    let mut lines = text.strip_suffix("end\n")?.lines();
    if lines.next()?.parse() != Ok(key) {
        return None;
    }
    lines.map(|line| line.split_once(' ').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))).collect()
}
