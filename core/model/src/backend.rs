//! One interface to both kinds of graphs: it allocates each sequence's part of the KV cache, and runs some of the
//! sequences.
//!
//! A paged graph computes several sequences in one run and shares pages between them (PagedAttention; Kwon et al. 2023,
//! vLLM). A graph of the runtime's operators computes one sequence in a run, on a contiguous cache.

use crate::contiguous::{ContiguousBackend, ContiguousSlot};
use crate::options::Limits;
use crate::paged::{PagedBackend, PagedSlot};
use crate::session::{Interrupt, RunOutcome};
use crate::step::{SlotRequest, StepTokens};
use deepcoder_types::{GenerateError, Manifest};
use ort::environment::Environment;
use ort::session::Session;

/// A graph, and the KV cache of its sequences.
pub(crate) enum Backend {
    /// Deepcoder's own attention, over pages.
    Paged(Box<PagedBackend>),
    /// The runtime's operators, with one contiguous cache for each sequence.
    Contiguous(Box<ContiguousBackend>),
}

/// A sequence's part of the KV cache.
pub(crate) enum KvSlot {
    /// A page table.
    Paged(PagedSlot),
    /// One contiguous cache.
    Contiguous(ContiguousSlot),
}

impl Backend {
    pub(crate) fn new(
        session: Session,
        environment: Environment,
        manifest: &Manifest,
        on_cuda: bool,
        limits: &Limits,
        warnings: &mut Vec<String>,
    ) -> Result<Self, String> {
        match &manifest.graph.pages {
            Some(pages) => {
                let paged = PagedBackend::new(session, manifest, pages, limits, warnings);
                paged.map(|paged| Self::Paged(Box::new(paged)))
            }
            None => {
                let contiguous = ContiguousBackend::new(session, environment, manifest, on_cuda, limits);
                contiguous.map(|contiguous| Self::Contiguous(Box::new(contiguous)))
            }
        }
    }

    /// Maximum number of tokens that is efficient in one run.
    pub(crate) fn chunk(&self) -> usize {
        match self {
            Self::Paged(paged) => paged.chunk(),
            Self::Contiguous(contiguous) => contiguous.chunk(),
        }
    }

    /// Maximum number of sequences in one run.
    pub(crate) const fn max_sequences(&self) -> usize {
        match self {
            Self::Paged(_) => usize::MAX,
            Self::Contiguous(_) => 1,
        }
    }

    /// An error with the numbers if the whole cache is too small for `tokens` tokens.
    pub(crate) fn fits(&self, tokens: usize) -> Result<(), GenerateError> {
        match self {
            Self::Paged(paged) => paged.fits(tokens),
            Self::Contiguous(contiguous) => contiguous.fits(tokens),
        }
    }

    /// Length of the longest cached prefix of `tokens`.
    pub(crate) fn cached_len(&self, tokens: &[u32]) -> usize {
        match self {
            Self::Paged(paged) => paged.cached_len(tokens),
            Self::Contiguous(contiguous) => contiguous.cached_len(tokens),
        }
    }

    /// Allocate the cache of a sequence, and say how many of its tokens are cached already. `None` while other
    /// sequences have the memory. `running` are those, with the tokens that they have computed: their prefixes can be
    /// copied.
    pub(crate) fn allocate<'s>(
        &mut self,
        request: &SlotRequest<'_>,
        running: impl Iterator<Item = (&'s [u32], &'s KvSlot)>,
    ) -> Result<Option<(KvSlot, usize)>, GenerateError> {
        match self {
            Self::Paged(paged) => {
                let running = running.filter_map(|(tokens, slot)| match slot {
                    KvSlot::Paged(slot) => Some((tokens, slot)),
                    KvSlot::Contiguous(_) => None,
                });
                Ok(paged.allocate(request, running)?.map(|(slot, cached)| (KvSlot::Paged(slot), cached)))
            }
            Self::Contiguous(contiguous) => {
                let running = running.filter_map(|(tokens, slot)| match slot {
                    KvSlot::Contiguous(slot) => Some((tokens, slot)),
                    KvSlot::Paged(_) => None,
                });
                Ok(contiguous.allocate(request, running)?.map(|(slot, cached)| (KvSlot::Contiguous(slot), cached)))
            }
        }
    }

    /// Record that a sequence has computed `tokens`, its first ones, so that other sequences find them.
    pub(crate) fn commit(&mut self, slot: &mut KvSlot, tokens: &[u32]) {
        if let (Self::Paged(paged), KvSlot::Paged(slot)) = (self, slot) {
            paged.commit(slot, tokens);
        }
    }

    /// Release a sequence's cache, of which `tokens` are computed. They stay cached for later requests with this
    /// prefix.
    pub(crate) fn free(&mut self, slot: KvSlot, tokens: &[u32]) {
        match (self, slot) {
            (Self::Paged(paged), KvSlot::Paged(slot)) => paged.free(slot, tokens),
            (Self::Contiguous(contiguous), KvSlot::Contiguous(slot)) => contiguous.free(slot, tokens),
            _ => {}
        }
    }

    /// Evict every cached prefix that no sequence uses, and return its memory to the system.
    pub(crate) fn forget(&mut self) {
        match self {
            Self::Paged(paged) => paged.forget(),
            Self::Contiguous(contiguous) => contiguous.forget(),
        }
    }

    /// Fill a sequence's cache for `tokens` with noise of the magnitude of normalised values, for measurements. `false`
    /// where only a run can write the cache.
    pub(crate) fn fill_with_noise(&mut self, slot: &mut KvSlot, tokens: &[u32]) -> Result<bool, GenerateError> {
        match (self, slot) {
            (Self::Paged(paged), KvSlot::Paged(slot)) => paged.fill_with_noise(slot, tokens.len()).map(|()| true),
            (Self::Contiguous(contiguous), KvSlot::Contiguous(slot)) => contiguous.fill_with_noise(slot, tokens),
            _ => Ok(false),
        }
    }

    /// Run one step: at most [`Backend::max_sequences`] parts, each from its position in its sequence on. Cached tokens
    /// from that position on are overwritten.
    pub(crate) fn run<'p>(
        &mut self,
        parts: impl Iterator<Item = (&'p StepTokens, &'p mut KvSlot)>,
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError> {
        match self {
            Self::Paged(paged) => {
                let parts = parts.filter_map(|(part, slot)| match slot {
                    KvSlot::Paged(slot) => Some((part, slot)),
                    KvSlot::Contiguous(_) => None,
                });
                paged.run(parts, interrupt)
            }
            Self::Contiguous(contiguous) => {
                let mut parts = parts;
                match parts.next() {
                    Some((part, KvSlot::Contiguous(slot))) => contiguous.run(part, slot, interrupt),
                    _ => Ok(RunOutcome::Done),
                }
            }
        }
    }

    /// The logits `[vocab]` of row `i` of the last run, counted over the wanted rows of all parts.
    pub(crate) fn logits(&mut self, i: usize) -> &mut [f32] {
        match self {
            Self::Paged(paged) => paged.logits(i),
            Self::Contiguous(contiguous) => contiguous.logits(i),
        }
    }
}
