//! One interface to both kinds of graphs: it allocates each sequence's part of the KV cache, and runs some of the
//! sequences.
//!
//! A paged graph computes several sequences in one run and shares pages between them (PagedAttention; Kwon et al. 2023,
//! vLLM). A graph of the runtime's operators computes one sequence in a run, on a contiguous cache.

use crate::options::Limits;
use crate::paged::{Paged, PagedSeat};
use crate::session::{Halt, Ran};
use crate::step::{Ask, Part};
use crate::whole::{Whole, WholeSeat};
use deepcoder_types::{GenerateError, Manifest};
use ort::environment::Environment;
use ort::session::Session;

/// A graph, and the KV cache of its sequences.
pub(crate) enum Backend {
    /// Deepcoder's own attention, over pages.
    Paged(Box<Paged>),
    /// The runtime's operators, with one contiguous cache for each sequence.
    Whole(Box<Whole>),
}

/// A sequence's part of the KV cache.
pub(crate) enum Seat {
    /// A page table.
    Paged(PagedSeat),
    /// One contiguous cache.
    Whole(WholeSeat),
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
                let paged = Paged::new(session, manifest, pages, limits, warnings);
                paged.map(|paged| Self::Paged(Box::new(paged)))
            }
            None => {
                let whole = Whole::new(session, environment, manifest, on_cuda, limits);
                whole.map(|whole| Self::Whole(Box::new(whole)))
            }
        }
    }

    /// Maximum number of tokens that is efficient in one run.
    pub(crate) fn chunk(&self) -> usize {
        match self {
            Self::Paged(paged) => paged.chunk(),
            Self::Whole(whole) => whole.chunk(),
        }
    }

    /// Maximum number of sequences in one run.
    pub(crate) const fn most_parts(&self) -> usize {
        match self {
            Self::Paged(_) => usize::MAX,
            Self::Whole(_) => 1,
        }
    }

    /// An error with the numbers if the whole cache is too small for `tokens` tokens.
    pub(crate) fn fits(&self, tokens: usize) -> Result<(), GenerateError> {
        match self {
            Self::Paged(paged) => paged.fits(tokens),
            Self::Whole(whole) => whole.fits(tokens),
        }
    }

    /// Length of the longest cached prefix of `tokens`.
    pub(crate) fn known(&self, tokens: &[u32]) -> usize {
        match self {
            Self::Paged(paged) => paged.known(tokens),
            Self::Whole(whole) => whole.known(tokens),
        }
    }

    /// Allocate the cache of a sequence, and say how many of its tokens are cached already. `None` while other
    /// sequences have the memory. `running` are those, with the tokens that they have computed: their prefixes can be
    /// copied.
    pub(crate) fn open<'s>(
        &mut self,
        ask: &Ask<'_>,
        running: impl Iterator<Item = (&'s [u32], &'s Seat)>,
    ) -> Result<Option<(Seat, usize)>, GenerateError> {
        match self {
            Self::Paged(paged) => {
                let running = running.filter_map(|(tokens, seat)| match seat {
                    Seat::Paged(seat) => Some((tokens, seat)),
                    Seat::Whole(_) => None,
                });
                Ok(paged.open(ask, running)?.map(|(seat, cached)| (Seat::Paged(seat), cached)))
            }
            Self::Whole(whole) => {
                let running = running.filter_map(|(tokens, seat)| match seat {
                    Seat::Whole(seat) => Some((tokens, seat)),
                    Seat::Paged(_) => None,
                });
                Ok(whole.open(ask, running)?.map(|(seat, cached)| (Seat::Whole(seat), cached)))
            }
        }
    }

    /// Record that a sequence has computed `tokens`, its first ones, so that other sequences find them.
    pub(crate) fn commit(&mut self, seat: &mut Seat, tokens: &[u32]) {
        if let (Self::Paged(paged), Seat::Paged(seat)) = (self, seat) {
            paged.commit(seat, tokens);
        }
    }

    /// Release a sequence's cache, of which `tokens` are computed. They stay cached for later requests with this
    /// prefix.
    pub(crate) fn close(&mut self, seat: Seat, tokens: &[u32]) {
        match (self, seat) {
            (Self::Paged(paged), Seat::Paged(seat)) => paged.close(seat, tokens),
            (Self::Whole(whole), Seat::Whole(seat)) => whole.close(seat, tokens),
            _ => {}
        }
    }

    /// Evict every cached prefix that no sequence uses, and return its memory to the system.
    pub(crate) fn forget(&mut self) {
        match self {
            Self::Paged(paged) => paged.forget(),
            Self::Whole(whole) => whole.forget(),
        }
    }

    /// Fill a sequence's cache for `tokens` with noise of the magnitude of normalised values, for measurements. `false`
    /// where only a run can write the cache.
    pub(crate) fn pretend(&mut self, seat: &mut Seat, tokens: &[u32]) -> Result<bool, GenerateError> {
        match (self, seat) {
            (Self::Paged(paged), Seat::Paged(seat)) => paged.pretend(seat, tokens.len()).map(|()| true),
            (Self::Whole(whole), Seat::Whole(seat)) => whole.pretend(seat, tokens),
            _ => Ok(false),
        }
    }

    /// Run one step: at most [`Backend::most_parts`] parts, each from its position in its sequence on. Cached tokens
    /// from that position on are overwritten.
    pub(crate) fn run<'p>(
        &mut self,
        parts: impl Iterator<Item = (&'p Part, &'p mut Seat)>,
        halt: Option<Halt<'_>>,
    ) -> Result<Ran, GenerateError> {
        match self {
            Self::Paged(paged) => {
                let parts = parts.filter_map(|(part, seat)| match seat {
                    Seat::Paged(seat) => Some((part, seat)),
                    Seat::Whole(_) => None,
                });
                paged.run(parts, halt)
            }
            Self::Whole(whole) => {
                let mut parts = parts;
                match parts.next() {
                    Some((part, Seat::Whole(seat))) => whole.run(part, seat, halt),
                    _ => Ok(Ran::Done),
                }
            }
        }
    }

    /// The logits `[vocab]` of row `i` of the last run, counted over the wanted rows of all parts.
    pub(crate) fn logits(&mut self, i: usize) -> &mut [f32] {
        match self {
            Self::Paged(paged) => paged.logits(i),
            Self::Whole(whole) => whole.logits(i),
        }
    }
}
