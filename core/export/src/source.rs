//! A source that has been opened: its tensors under GGUF's names, its settings, its vocabulary.

use crate::arch::{self, Spec};
use crate::error::ImportError;
use crate::safetensors;
use crate::split;
use crate::tensor::TensorInfo;
use crate::tokenizer::{self, Vocabulary};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// An opened source.
pub(crate) struct Source {
    pub(crate) format: &'static str,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) tensors: BTreeMap<String, TensorInfo>,
    pub(crate) spec: Spec,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) license: Option<String>,
    /// The name in the source; empty if it has none.
    pub(crate) title: String,
}

/// One file of a source.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) len: u64,
    /// When it was written last: seconds and nanoseconds.
    pub(crate) modified: (i64, i64),
}

impl SourceFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(ImportError::io("open", path))?;
        let meta = file.metadata().map_err(ImportError::io("read", path))?;
        if !meta.is_file() {
            return Err(ImportError::folder(path, "it is not a regular file"));
        }
        Ok(Self { path: path.to_owned(), file, len: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()) })
    }

    pub(crate) fn read_at(&self, out: &mut [u8], offset: u64) -> Result<(), ImportError> {
        self.file.read_exact_at(out, offset).map_err(ImportError::io("read", &self.path))
    }
}

impl Source {
    /// Opens a GGUF file or a folder of safetensors and checks everything but the weights' values.
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        let meta = std::fs::metadata(path).map_err(ImportError::io("open", path))?;
        let source = if meta.is_dir() { safetensors::open(path)? } else { Self::open_gguf(path)? };
        arch::check_tensors(&source.spec, &source.tensors)?;
        Ok(source)
    }

    fn open_gguf(path: &Path) -> Result<Self, ImportError> {
        let (files, gguf) = split::open(path)?;
        let rope = match gguf.tensors.get("rope_freqs.weight") {
            Some(info) => Some(read_floats(&files, info)?),
            None => None,
        };
        let spec = arch::from_gguf(&gguf, rope.as_deref())?;
        let vocabulary = tokenizer::from_gguf(&gguf, spec.vocabulary)?;
        let license = gguf.text("general.license").map(ToOwned::to_owned);
        let title = gguf.text("general.name").unwrap_or_default().to_owned();
        let mut tensors = gguf.tensors;
        tensors.remove("rope_freqs.weight");
        if spec.deepseek.is_some() {
            // Some converters wrote keys and values both together and apart.
            for layer in 0..spec.layers {
                if tensors.contains_key(&format!("blk.{layer}.attn_k_b.weight")) {
                    tensors.remove(&format!("blk.{layer}.attn_kv_b.weight"));
                }
            }
        }
        Ok(Self { format: "gguf", files, tensors, spec, vocabulary, license, title })
    }

    /// The tensor `name`, which [`arch::check_tensors`] has found.
    pub(crate) fn tensor(&self, name: &str) -> Result<&TensorInfo, ImportError> {
        self.tensors.get(name).ok_or_else(|| ImportError::MissingTensor(name.to_owned()))
    }

    /// `rows` rows of a tensor from `first` on, as stored.
    pub(crate) fn read_rows(
        &self,
        info: &TensorInfo,
        first: u64,
        rows: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), ImportError> {
        let row = info.bytes / info.rows().max(1);
        out.resize(usize::try_from(row * rows).unwrap_or(usize::MAX), 0);
        let (mut skip, mut rest) = (first * row, out.as_mut_slice());
        for part in &info.parts {
            if skip >= part.bytes {
                skip -= part.bytes;
                continue;
            }
            let here = usize::try_from(part.bytes - skip).unwrap_or(usize::MAX).min(rest.len());
            let (piece, later) = rest.split_at_mut(here);
            let file = self.files.get(part.file).ok_or_else(|| ImportError::MissingTensor(String::new()))?;
            file.read_at(piece, part.offset + skip)?;
            (skip, rest) = (0, later);
            if rest.is_empty() {
                return Ok(());
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(ImportError::MissingTensor("rows beyond the last".to_owned())) }
    }

    /// A whole small tensor as floats.
    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>, ImportError> {
        let values = read_floats(&self.files, self.tensor(name)?)?;
        if values.iter().all(|v| v.is_finite()) { Ok(values) } else { Err(ImportError::NotFinite(name.to_owned())) }
    }
}

/// Vectors and routers only: the largest are as long as the vocabulary or as experts and hidden size together.
fn read_floats(files: &[SourceFile], info: &TensorInfo) -> Result<Vec<f32>, ImportError> {
    let elements = info.rows() * info.columns();
    if elements > 1 << 22 {
        return Err(ImportError::Unsupported(format!("a vector of {elements} elements")));
    }
    let mut bytes = vec![0u8; usize::try_from(info.bytes).unwrap_or(0)];
    let mut rest = bytes.as_mut_slice();
    for part in &info.parts {
        let (piece, later) = rest.split_at_mut(usize::try_from(part.bytes).unwrap_or(0).min(rest.len()));
        let file = files.get(part.file).ok_or_else(|| ImportError::MissingTensor(String::new()))?;
        file.read_at(piece, part.offset)?;
        rest = later;
    }
    let mut out = vec![0f32; usize::try_from(elements).unwrap_or(0)];
    crate::grid::dequantize(info.kind, &bytes, &mut out);
    Ok(out)
}
