//! Models with the shape of a published one and random weights, to measure speed and memory where the real weights
//! cannot be had. The cost of a step does not depend on the weights' values, as long as tokens go to all experts.

mod metadata;
mod random;
mod table;
mod tensors;
#[cfg(test)]
mod tests;

use crate::tensor::TensorType;
use deepcoder_types::{Cancel, Cancelled, Hint};
use metadata::Metadata;
use random::Random;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tensors::Tensor;

/// Boundaries at which tensors begin.
const ALIGNMENT: u64 = 32;
/// About as many bytes are made and written at once.
const CHUNK: usize = 4 << 20;

/// The numbers that make a model's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    layers: u64,
    hidden: u64,
    heads: u64,
    feed_forward: u64,
    vocabulary: u64,
    context: u64,
    epsilon: f32,
    rope_base: f32,
    attention: Attention,
    experts: Option<Experts>,
    words: Words,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Attention {
    /// DeepSeek-V2's: keys and values are made from latents, and the latents are what is cached.
    Latent { q_rank: Option<u64>, rank: u64, nope: u64, rope: u64, value: u64, yarn: Yarn },
    /// Qwen2's: groups of heads share keys and values.
    Grouped { kv_heads: u64, tied: bool },
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Yarn {
    factor: f32,
    original: u64,
    mscale: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Experts {
    count: u64,
    used: u64,
    shared: u64,
    intermediate: u64,
    dense_layers: u64,
    groups: u64,
    top_groups: u64,
    scale: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Words {
    pre: &'static str,
    normal: u64,
    special: &'static [&'static str],
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// The operating system refused.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// The operation, such as `write`.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The user cancelled; nothing is left.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Hint for ShapeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space, or choose another folder".to_owned())
            }
            Self::Io { .. } | Self::Cancelled(_) => None,
        }
    }
}

impl Shape {
    /// All that are known.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &table::SHAPES
    }

    /// The one with the name `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|shape| shape.name == name)
    }

    /// Bytes of the file that [`Shape::write`] makes.
    #[must_use]
    pub fn file_bytes(&self, seed: u64) -> u64 {
        let tensors = tensors::of(self);
        let data: u64 = tensors.iter().map(|t| t.bytes().next_multiple_of(ALIGNMENT)).sum();
        header(&Metadata::of(self, seed), &tensors).len() as u64 + data
    }

    /// Bytes of weights that one token reads: of the experts those that are chosen, of the embedding one row.
    #[must_use]
    pub fn bytes_per_token(&self) -> u64 {
        tensors::of(self).iter().map(|t| t.bytes() * t.read.0 / t.read.1).sum()
    }

    /// Bytes of cache that every earlier token adds to that, in 16-bit floats.
    #[must_use]
    pub const fn cache_bytes_per_token(&self) -> u64 {
        let values = match self.attention {
            Attention::Latent { rank, rope, .. } => rank + rope,
            Attention::Grouped { kv_heads, .. } => 2 * kv_heads * (self.hidden / self.heads),
        };
        2 * self.layers * values
    }

    /// Weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        tensors::of(self).iter().map(|t| t.shape.iter().product::<u64>()).sum()
    }

    /// Tokens that a model of this shape attends to.
    #[must_use]
    pub const fn context(&self) -> u64 {
        self.context
    }

    /// The name in the file, by which files of this shape and seed are recognised.
    #[must_use]
    pub fn title(&self, seed: u64) -> String {
        format!("{} with random weights, seed {seed}", self.name)
    }

    /// Writes a GGUF file of this shape: the types of `llama-quantize`'s Q4_0, the newer of llama.cpp's layouts for
    /// latent attention, the same bytes for the same seed. Under `path` there is a whole file or none.
    ///
    /// `progress` sees the bytes written, and of how many.
    pub fn write(
        &self,
        path: &Path,
        seed: u64,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<(), ShapeError> {
        self.write_by(CHUNK, path, seed, progress, cancel)
    }

    fn write_by(
        &self,
        chunk: usize,
        path: &Path,
        seed: u64,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<(), ShapeError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = Part(path.with_file_name(name));
        #[expect(clippy::disallowed_methods, reason = "beside the file that was asked for, under a name of our own")]
        let file = File::create(&part.0).map_err(io("create", &part.0))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let tensors = tensors::of(self);
        let head = header(&Metadata::of(self, seed), &tensors);
        let total = self.file_bytes(seed);
        file.write_all(&head).map_err(io("write", &part.0))?;
        let mut done = head.len() as u64;
        let mut buffer = Vec::new();
        for (index, tensor) in (0u64..).zip(&tensors) {
            let mut random = Random::new(seed, index);
            // Whole blocks, and a multiple of the alignment: only the end of a tensor is filled up.
            let unit = tensor.kind.block_bytes() * ALIGNMENT as usize;
            let most = (chunk / unit).max(1) * unit;
            let mut left = tensor.bytes();
            while left > 0 {
                cancel.check()?;
                let size = usize::try_from(left).unwrap_or(most).min(most);
                buffer.resize(size, 0);
                random::fill(tensor.kind, tensor.spread, &mut random, &mut buffer);
                left -= size as u64;
                if left == 0 {
                    buffer.resize(size.next_multiple_of(ALIGNMENT as usize), 0);
                }
                file.write_all(&buffer).map_err(io("write", &part.0))?;
                done += buffer.len() as u64;
                progress(done, total);
            }
        }
        file.flush().map_err(io("write", &part.0))?;
        #[expect(clippy::disallowed_methods, reason = "the file that was asked for takes its name")]
        std::fs::rename(&part.0, path).map_err(io("rename to", path))
    }

    /// Whether the embedding is the output layer as well.
    const fn is_tied(&self) -> bool {
        matches!(self.attention, Attention::Grouped { tied: true, .. })
    }

    const fn architecture(&self) -> &'static str {
        match self.attention {
            Attention::Latent { .. } => "deepseek2",
            Attention::Grouped { .. } => "qwen2",
        }
    }
}

/// All that comes before the first tensor's bytes.
fn header(metadata: &Metadata, tensors: &[Tensor]) -> Vec<u8> {
    let mut out = b"GGUF\x03\0\0\0".to_vec();
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend(metadata.entries.to_le_bytes());
    out.extend(&metadata.bytes);
    let mut offset = 0u64;
    for tensor in tensors {
        out.extend((tensor.name.len() as u64).to_le_bytes());
        out.extend(tensor.name.as_bytes());
        out.extend(u32::try_from(tensor.shape.len()).unwrap_or(0).to_le_bytes());
        out.extend(tensor.shape.iter().rev().flat_map(|d| d.to_le_bytes()));
        out.extend(number(tensor.kind).to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset += tensor.bytes().next_multiple_of(ALIGNMENT);
    }
    out.resize(out.len().next_multiple_of(ALIGNMENT as usize), 0);
    out
}

/// GGUF's number of the types that are written here.
const fn number(kind: TensorType) -> u32 {
    match kind {
        TensorType::Q4_0 => 2,
        TensorType::Q8_0 => 8,
        TensorType::Q6_K => 14,
        _ => 0,
    }
}

/// The unfinished file, removed when it is dropped. After the rename there is none.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "what was begun here and not finished")]
        let _ = std::fs::remove_file(&self.0);
    }
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ShapeError {
    move |source| ShapeError::Io { what, path: path.to_owned(), source }
}
