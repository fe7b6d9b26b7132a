//! How to run a model, and the limits of its memory.

use crate::prefix::disk::PrefixCache;
use crate::weights::WeightPlace;
use deepcoder_types::GenerateError;

/// Where a model is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// On the processor.
    #[default]
    Cpu,
    /// On the first CUDA device; an error where there is none.
    Cuda,
    /// On a CUDA device where one can be used, else on the processor; [`crate::Engine::warnings`] says which and why.
    Auto,
}

impl std::str::FromStr for Device {
    type Err = GenerateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "auto" => Ok(Self::Auto),
            _ => Err(GenerateError::Invalid(format!("the device `{text}` is none of cpu, cuda, auto"))),
        }
    }
}

/// How to run a model.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Threads of one step; `None` uses the cores that the process may use.
    pub threads: Option<usize>,
    /// Maximum number of tokens of prompt and answer; `None` is the context that the model was trained for. Memory is
    /// allocated as it is needed, not in advance.
    pub max_context: Option<u32>,
    /// Where to compute.
    pub device: Device,
    /// Where the weights lie, on the processor.
    pub weights: WeightPlace,
    /// Maximum number of bytes of the KV cache of all requests; a request that exceeds it alone is refused. `None` is
    /// enough for one request of the whole context and [`EngineOptions::kept_bytes`], but no more than half of
    /// [`EngineOptions::free_memory`].
    pub cache_bytes: Option<usize>,
    /// Bytes of memory that are free, if known.
    pub free_memory: Option<usize>,
    /// Maximum number of bytes that cached prefixes of finished requests take.
    pub kept_bytes: usize,
    /// Maximum number of cached conversations, where the KV cache is contiguous.
    pub kept_conversations: usize,
    /// Where computed prefixes of prompts are stored on the disk; `None` keeps them in memory only.
    pub prefix_cache: Option<PrefixCache>,
    /// Whether threads that wait for work spin for a moment. It makes steps faster and takes time from other
    /// programs.
    pub spin: bool,
    /// Whether to draft. Only measurements turn it off.
    pub draft: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: None,
            max_context: None,
            device: Device::Cpu,
            weights: WeightPlace::Mapped,
            cache_bytes: None,
            free_memory: None,
            kept_bytes: 1 << 30,
            kept_conversations: 3,
            prefix_cache: None,
            spin: true,
            draft: true,
        }
    }
}

/// The limits of the KV cache.
pub(crate) struct Limits {
    pub(crate) context: usize,
    pub(crate) kept_bytes: usize,
    pub(crate) kept_conversations: usize,
    cache_bytes: Option<usize>,
    free_memory: Option<usize>,
    pub(crate) prefix_cache: Option<PrefixCache>,
}

impl Limits {
    pub(crate) fn new(options: &EngineOptions, context: u32) -> Self {
        Self {
            context: context as usize,
            kept_bytes: options.kept_bytes,
            kept_conversations: options.kept_conversations,
            cache_bytes: options.cache_bytes,
            free_memory: options.free_memory,
            prefix_cache: options.prefix_cache.clone(),
        }
    }

    /// Maximum number of bytes of the KV cache, where a token takes `per_token` bytes.
    pub(crate) fn cache_bytes(&self, per_token: usize) -> usize {
        let wanted = self.context.saturating_mul(per_token).saturating_add(self.kept_bytes);
        self.cache_bytes.unwrap_or_else(|| wanted.min(self.free_memory.map_or(usize::MAX, |free| free / 2)))
    }
}
