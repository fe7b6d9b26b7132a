//! A sequence's requests to the backend: cache, and tokens to compute in a step.

use deepcoder_types::GenerateError;

/// Prompts are cut at multiples of this many tokens. Latent attention computes complete groups of them with other bits
/// than single tokens, so the cuts must not depend on the other sequences in a step.
pub(crate) const PREFILL_GROUP: usize = 128;

/// A request for the cache of a sequence.
pub(crate) struct SlotRequest<'a> {
    /// The tokens to compute: the prompt, and after a preemption the answer so far.
    pub(crate) tokens: &'a [u32],
    /// How many of the first tokens may come from the cache. Logits are needed for the rest.
    pub(crate) usable: usize,
    /// How many of the tokens are the prompt's.
    pub(crate) prompt: usize,
    /// Maximum number of tokens of the sequence.
    pub(crate) total: usize,
    /// Whether it is interactive: cached conversations of users are evicted after those of the background.
    pub(crate) interactive: bool,
}

impl SlotRequest<'_> {
    /// Tokens that may come from a cache.
    pub(crate) fn usable(&self) -> &[u32] {
        &self.tokens[..self.usable.min(self.tokens.len())]
    }
}

/// One sequence's tokens in a run.
#[derive(Debug)]
pub(crate) struct StepTokens {
    /// The tokens, at least one.
    pub(crate) tokens: Vec<u32>,
    /// Position of the first one in its sequence.
    pub(crate) at: usize,
    /// How many of the last tokens need logits.
    pub(crate) wanted: usize,
}

/// The error for a request that exceeds the whole cache.
pub(crate) fn no_room(tokens: usize, needed: usize, allowed: usize) -> GenerateError {
    let mib = |bytes: usize| (bytes as u64).div_ceil(1 << 20);
    let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    GenerateError::NoRoom { tokens, needs_mib: mib(needed), allowed_mib: mib(allowed) }
}
