//! Makes a model folder (`model.onnx`, its weights, tokenizer, template, manifest) from a GGUF file or a folder of
//! safetensors. Offline, without Python, in one pass over the weights.
//!
//! [`inspect`] reads only the headers and says what a source is; [`import`] converts it.
//!
//! **Invariant:** whatever the source's bytes are, the answer is a model folder or a typed error: no panic, no
//! allocation that is not bounded by the file's own size, and never half a model under the destination's name.
//!
//! Sources are read with positioned reads, not mapped: a file that is truncated while it is read gives an error, where
//! a mapping would end the process.

mod arch;
mod blocks;
mod deepseek;
mod error;
mod gguf;
mod graph;
mod grid;
mod grouped;
mod import;
mod journal;
mod linear;
mod matrix;
mod native;
mod onnx;
mod quant;
mod safetensors;
mod shape;
mod source;
mod split;
mod stage;
mod tensor;
mod tokenizer;
mod transformer;
mod weights;

#[cfg(test)]
mod tests;

pub use error::ImportError;
pub use gguf::{Array, Gguf, GgufError, Value};
pub use import::{
    Check, ImportOptions, ImportProgress, ImportStage, Needs, SourceSummary, WORKING_MEMORY, Words, has_own_operators,
    import, import_checked, inspect, needs,
};
pub use shape::{Shape, ShapeError};
pub use tensor::{Part, TensorInfo, TensorType};
