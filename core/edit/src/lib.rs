//! Edits as pure functions on text: applying them ([`apply_edits`]), finding them ([`edits_between`]), showing them
//! ([`unified_diff`]), turning a plugin's proposal into the bytes to be written ([`materialise`]), and reading what
//! models write ([`formats`]).
//!
//! **Invariant:** no I/O and no guessing. A text that fits in more than one place, or nowhere, is a typed error that
//! can be sent back to the model; lines outside of the edit keep their bytes, line endings included.

mod adopt;
mod diff;
mod edits;
pub mod formats;
pub mod hunks;
mod indentation;
mod lines;
mod materialise;
mod quote;
mod unified;
pub mod utf16;

pub use adopt::{Adoption, adopt, adopt_block};
pub use diff::{Span, edits_between, line_spans};
pub use edits::{EditError, apply_edits, invert};
pub use lines::{BOM, LineEnding, split_bom};
pub use materialise::{MaterialiseError, materialise};
pub use unified::{file_diff, unified_diff};

#[cfg(test)]
mod tests;
