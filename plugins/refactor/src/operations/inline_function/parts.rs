//! The parts of what takes the place of a call.

use crate::carried::Moved;
use deepcoder_types::TextRange;

/// What takes the place of a call, before it is written.
#[derive(Default)]
pub(super) struct Plan {
    /// Variables that are declared before the body.
    pub(super) declared: Vec<Moved>,
    /// What replaces parts of the body.
    pub(super) replaced: Vec<(TextRange, Moved)>,
}
