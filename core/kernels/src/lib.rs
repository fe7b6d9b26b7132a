//! Products with matrices of quantised weights, in the formats of GGUF and at the speed of the memory.
//!
//! The result for a row of input is the same to the last bit however many rows are computed with it, on however many
//! threads and with whichever instructions: prompts in chunks, reused caches and verified drafts give the same tokens.
#![warn(missing_docs)]

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "as `kernel`")]
mod amx;
mod dequantise;
#[expect(unsafe_code, reason = "as `kernel`")]
mod float;
mod format;
mod grouped;
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "as `kernel`"))]
mod input;
#[expect(unsafe_code, reason = "instructions that not every processor has, and memory by its address")]
mod kernel;
mod latent;
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "as `kernel`"))]
mod level;
mod moe;
mod multiply;
mod paged;
mod share;
#[cfg(test)]
mod tests;
#[expect(unsafe_code, reason = "as `kernel`")]
mod vector;
#[expect(unsafe_code, reason = "as `kernel`")]
mod wide;

pub use format::{Format, Matrix, Stack, TILE_ROWS};
pub use grouped::{GroupedAttention, GroupedStep};
pub use latent::{GROUP_ROWS, LatentAttention, LatentStep, Weights};
pub use level::Level;
pub use moe::{Expert, Mixture, MixtureError, Routing};
pub use multiply::{Scratch, ShapeError, multiply};
pub use paged::{PAGE_TOKENS, PagedError, Ragged};

/// Bytes that are not the tiles of a matrix of that shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not a {rows} × {columns} matrix in {format}")]
pub struct LayoutError {
    format: &'static str,
    rows: usize,
    columns: usize,
    bytes: usize,
}
