//! What sequences ask of the graph.

use deepcoder_types::GenerateError;

/// Prompts are cut at multiples of this many tokens: latent attention computes complete groups of so many in another form
/// than single tokens, and which tokens these are must not depend on what runs beside them.
pub(crate) const GROUP: usize = 128;

/// A wish for a seat.
pub(crate) struct Ask<'a> {
    /// The tokens to compute first.
    pub(crate) tokens: &'a [u32],
    /// The first of them that may come from a cache.
    pub(crate) usable: usize,
    /// Of the tokens, the prompt's; an answer may be among them that is computed again.
    pub(crate) prompt: usize,
    /// Tokens that it may have in all.
    pub(crate) total: usize,
    /// Whether it is a user's, whose conversations are kept before those of the background.
    pub(crate) precious: bool,
}

impl Ask<'_> {
    /// Tokens that may come from a cache.
    pub(crate) fn usable(&self) -> &[u32] {
        &self.tokens[..self.usable.min(self.tokens.len())]
    }
}

/// What one sequence has in a run.
#[derive(Debug)]
pub(crate) struct Part {
    /// The tokens, at least one.
    pub(crate) tokens: Vec<u32>,
    /// Tokens before them.
    pub(crate) at: usize,
    /// The logits of so many of the last of them are wanted.
    pub(crate) wanted: usize,
}

/// The error for a request that can never be held.
pub(crate) fn no_room(tokens: usize, needed: usize, allowed: usize) -> GenerateError {
    let mib = |bytes: usize| (bytes as u64).div_ceil(1 << 20);
    let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    GenerateError::NoRoom { tokens, needs_mib: mib(needed), allowed_mib: mib(allowed) }
}
