//! The engine: runs a model folder that `export` wrote on ONNX Runtime.
//!
//! [`runtime`] finds and starts ONNX Runtime, [`Engine`] loads a model and is a
//! [`LanguageModel`](deepcoder_types::LanguageModel).
//!
//! **Invariant:** knows nothing of git, of the user's files or of plugins. Text never becomes a control token. The same
//! prompt, seed, fingerprint and thread count give the same tokens.

mod backend;
mod bench;
mod cache;
mod contiguous;
mod device;
mod draft;
mod engine;
mod folder;
mod generate;
mod grammars;
mod memory;
mod model;
mod operator;
mod options;
mod paged;
mod pool;
mod prefix;
mod prompt;
pub mod runtime;
mod sampler;
mod scheduler;
mod score;
mod sequence;
mod session;
mod step;
mod stream;
mod template;
mod vocab;
mod weights;
mod words;

pub use bench::{
    BenchOptions, BenchReport, Candidates, DecodeAt, FormCost, PrefillAt, RequestPlan, RequestReport, Restart,
    SequencesAt, VerifyAt, bench_restart, read_bandwidth,
};
pub use device::why_not_cuda;
pub use engine::Engine;
pub use folder::LoadError;
pub use options::{Device, EngineOptions};
pub use prefix::disk::{PrefixCache, PrefixFolderError, PrefixUsage, forget_prefixes, prefix_usage};
pub use weights::WeightPlace;
pub use words::check_words;
