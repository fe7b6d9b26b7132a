//! The two kinds of graphs behind one face: seats for sequences, and runs of some of them.

use crate::options::Limits;
use crate::paged::{Paged, PagedSeat};
use crate::session::{Halt, Ran};
use crate::step::{Ask, Part};
use crate::whole::{Whole, WholeSeat};
use deepcoder_types::{GenerateError, Manifest};
use ort::environment::Environment;
use ort::session::Session;

/// A graph, and the memory of its sequences.
pub(crate) enum Backend {
    /// With pages.
    Paged(Box<Paged>),
    /// Of the runtime's operators.
    Whole(Box<Whole>),
}

/// The memory of a sequence.
pub(crate) enum Seat {
    /// With pages.
    Paged(PagedSeat),
    /// One cache.
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

    /// The largest number of tokens that is efficient in one run.
    pub(crate) fn chunk(&self) -> usize {
        match self {
            Self::Paged(paged) => paged.chunk(),
            Self::Whole(whole) => whole.chunk(),
        }
    }

    /// Sequences that one run may have.
    pub(crate) const fn most_parts(&self) -> usize {
        match self {
            Self::Paged(_) => usize::MAX,
            Self::Whole(_) => 1,
        }
    }

    /// Whether so many tokens can ever be held at once; an error with the numbers if not.
    pub(crate) fn fits(&self, tokens: usize) -> Result<(), GenerateError> {
        match self {
            Self::Paged(paged) => paged.fits(tokens),
            Self::Whole(whole) => whole.fits(tokens),
        }
    }

    /// Tokens at the beginning that need not be computed.
    pub(crate) fn known(&self, tokens: &[u32]) -> usize {
        match self {
            Self::Paged(paged) => paged.known(tokens),
            Self::Whole(whole) => whole.known(tokens),
        }
    }

    /// A seat for a sequence, and how many of its tokens need not be computed. `None` while others have the memory.
    /// `running` are the other sequences, with the tokens that they have computed.
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

    /// Note that a sequence has computed `tokens`, its first.
    pub(crate) fn commit(&mut self, seat: &mut Seat, tokens: &[u32]) {
        if let (Self::Paged(paged), Seat::Paged(seat)) = (self, seat) {
            paged.commit(seat, tokens);
        }
    }

    /// Give up a sequence, of which `tokens` are computed. They are kept for those that begin alike.
    pub(crate) fn close(&mut self, seat: Seat, tokens: &[u32]) {
        match (self, seat) {
            (Self::Paged(paged), Seat::Paged(seat)) => paged.close(seat, tokens),
            (Self::Whole(whole), Seat::Whole(seat)) => whole.close(seat, tokens),
            _ => {}
        }
    }

    /// Give back the memory of all that no sequence uses.
    pub(crate) fn forget(&mut self) {
        match self {
            Self::Paged(paged) => paged.forget(),
            Self::Whole(whole) => whole.forget(),
        }
    }

    /// Have a sequence hold `tokens` whose keys and values are noise of the size of normalised values. `false` where only
    /// a run can write them.
    pub(crate) fn pretend(&mut self, seat: &mut Seat, tokens: &[u32]) -> Result<bool, GenerateError> {
        match (self, seat) {
            (Self::Paged(paged), Seat::Paged(seat)) => paged.pretend(seat, tokens.len()).map(|()| true),
            (Self::Whole(whole), Seat::Whole(seat)) => whole.pretend(seat, tokens),
            _ => Ok(false),
        }
    }

    /// Run the parts, of which there are at most [`Backend::most_parts`], each behind what its sequence holds. What a
    /// sequence held behind that is overwritten.
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

    /// The logits of row `i` of the last run, counted over the wanted rows of all parts.
    pub(crate) fn logits(&mut self, i: usize) -> &mut [f32] {
        match self {
            Self::Paged(paged) => paged.logits(i),
            Self::Whole(whole) => whole.logits(i),
        }
    }
}
