//! The manifest of a model folder: written by `export`, read by `model` and `hub`.

use crate::ContentHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// File name of the manifest inside a model folder.
pub const MANIFEST_FILE: &str = "deepcoder.json";

/// Version of the folder's layout. A reader refuses a higher one.
pub const MANIFEST_FORMAT: u32 = 2;

/// Everything that is known about a model folder. The folder holds `model.onnx`, its external data, `tokenizer.json`,
/// and, where the model has one, `chat_template.jinja`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`] of the writer.
    pub format: u32,
    /// Name in the store.
    pub name: String,
    /// `qwen2`, `llama`, `deepseek2`.
    pub architecture: String,
    /// Tokens that the model was trained to attend to.
    pub context_length: u32,
    /// Rows of the output layer.
    pub vocab_size: u32,
    /// Tokens that end a generation.
    pub eos_ids: Vec<u32>,
    /// Token that begins every sequence, where the model wants one.
    pub bos_id: Option<u32>,
    /// The FIM tokens, as text in the vocabulary.
    pub fim: Option<FimTokens>,
    /// It has FIM tokens and was not trained with them, as far as its maker or its name says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fim_untrained: bool,
    /// SPDX id or name of the weights' licence.
    pub license: Option<String>,
    /// The names and shapes that the engine binds.
    pub graph: GraphInfo,
    /// Its source.
    pub source: SourceInfo,
    /// How it was made.
    pub recipe: Recipe,
    /// Size and SHA-256 of each file of the folder but this one.
    pub files: BTreeMap<String, FileEntry>,
}

/// Tokens that mark a hole to be filled, in the order prefix, suffix, middle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FimTokens {
    /// Begins what stands before the hole.
    pub prefix: String,
    /// Begins what stands after the hole (DeepSeek: marks the hole, and the suffix follows).
    pub suffix: String,
    /// The model writes the middle after this.
    pub middle: String,
}

/// The engine's description of `model.onnx`. There are two kinds of graph.
///
/// A paged graph, with [`GraphInfo::pages`], takes a ragged batch of several sequences. Inputs: `input_ids` int64 `[1,
/// S]`; `positions` int64 `[S]`, each row's position in its sequence; `sequences` int64 `[S]`, each row's page table,
/// as a row of `tables`; `tables` int64 `[N, M]`, for each sequence the pages of its tokens 0 to 63, 64 to 127 and so
/// on, -1 where there is none; `logit_rows` int64 `[R]`, the rows of `S` whose logits are wanted; and `cache` float16
/// `[P, numbers]`, the pages. Output: `logits` float32 `[R, vocab_size]`. The rows of a sequence are adjacent, and
/// their positions ascend. The graph writes the keys and values of the new tokens to the pages in place, although
/// `cache` is an input: the pages are state outside of the data flow, and each node reads only the part that it wrote
/// itself.
///
/// Any other graph takes one sequence. Inputs: `input_ids` int64 `[1, S]`; `past_len` int64 `[1]`, the tokens already
/// in the cache; `logit_rows` as above; and the tensors of [`GraphInfo::cache`]. Outputs: `logits` as above and the
/// cache. Each cache input and its output are bound to one buffer that is updated in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphInfo {
    /// The ONNX file.
    pub file: String,
    /// The cache tensors, one entry each; empty for a paged graph.
    pub cache: Vec<CacheTensor>,
    /// The pages of a paged graph, whose rows are independent ([`GraphInfo::independent_rows`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// The largest `S` that is efficient in one run; longer prompts are run in chunks of this many tokens.
    pub chunk: u32,
    /// Whether the result for a token is the same to the last bit whichever tokens are run together with it. Otherwise
    /// the engine fills runs up to an even number of tokens.
    #[serde(default)]
    pub independent_rows: bool,
    /// Whether there are operators of the engine's own, which are for the processor; else any program with ONNX Runtime
    /// can run the graph.
    #[serde(default)]
    pub own_operators: bool,
}

/// The pages of the KV cache. A page is contiguous memory for some tokens of all layers, in 16-bit floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// Number of tokens of a page.
    pub tokens: u32,
    /// Number of 16-bit floats of a page.
    pub numbers: u64,
    /// Complete groups of this many prompt tokens, aligned to multiples of it, are computed in another way than single
    /// tokens, and have other bits. 1 if there are no such groups.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub group: u32,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_one(group: &u32) -> bool {
    *group == 1
}

/// One cache tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheTensor {
    /// Name of the graph input.
    pub input: String,
    /// Name of the graph output.
    pub output: String,
    /// `float32` or `float16`.
    pub dtype: String,
    /// Shape with `-1` at the axis whose length is the capacity in tokens. That axis may be longer than is filled.
    pub shape: Vec<i64>,
}

/// The source of a model folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// `gguf` or `safetensors`.
    pub format: String,
    /// File name of the source, without its folder.
    pub file: String,
    /// SHA-256 of the source.
    pub sha256: ContentHash,
}

/// How a model folder was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// `None` keeps the source's precision as exactly as the kernels can; `Some(4 | 8)` requantises.
    pub bits: Option<u32>,
    /// Weights that share a scale.
    pub block: u32,
    /// How each kind of source tensor was mapped, such as `"Q4_K": "4 bits, block 32, real zero points"`.
    pub mapping: BTreeMap<String, String>,
    /// Version of deepcoder that wrote it.
    pub deepcoder: String,
    /// The oldest ONNX Runtime that can run it.
    pub onnxruntime_min: String,
}

/// One file of a model folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Bytes.
    pub size: u64,
    /// Content.
    pub sha256: ContentHash,
}
