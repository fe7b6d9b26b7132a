//! The contiguous backend: a graph of ONNX Runtime's own operators computes one sequence in a run, whose cache is one
//! growing buffer for each tensor. It is the reference for [`crate::paged`] in tests, and runs on other devices and
//! processors.

use crate::cache::{Cache, Layout};
use crate::memory::{Element, Place, Tensor};
use crate::options::Limits;
use crate::prefix::tree::common;
use crate::session::{BoundSession, Interrupt, RunOutcome, check, index};
use crate::step::{SlotRequest, StepTokens, no_room};
use deepcoder_types::{GenerateError, Manifest};
use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorElementType as Type;

/// Runs are padded to a multiple of this many tokens, and so are the rows of logits. The attention of a single token
/// and the last row of an odd number take other kernels, which round differently: without them the result for a token
/// does not depend on how the tokens were split over runs, so that cached prefixes and drafts change no token. A
/// second row costs next to nothing, as the time of a step goes into reading the weights. Graphs whose rows are
/// independent by themselves are run as they are.
const EVEN: usize = 2;
/// A prefix shorter than this is not worth a copy.
const COPY_FROM: usize = 16;

/// The session, and the caches of recent conversations.
pub(crate) struct ContiguousBackend {
    session: BoundSession,
    environment: Environment,
    // The memory of small inputs and logits, and that of caches.
    host: Place,
    place: Place,
    layout: Layout,
    vocab: usize,
    chunk: usize,
    context: usize,
    // The number of tokens in a run is a multiple of this.
    multiple: usize,
    kept: Vec<Kept>,
    most_kept: usize,
    clock: u64,
    // Maximum number of bytes of sequences, and bytes reserved for admitted ones.
    allowed: usize,
    reserved: usize,
    kept_bytes: usize,
    ids: Vec<i64>,
    rows: Vec<i64>,
    past: [i64; 1],
    logits: Vec<f32>,
}

/// The cache of a finished request, for a conversation that continues.
struct Kept {
    cache: Cache,
    used: u64,
    interactive: bool,
}

/// A sequence's cache.
pub(crate) struct ContiguousSlot {
    cache: Cache,
    reserved: usize,
    interactive: bool,
}

impl ContiguousBackend {
    pub(crate) fn new(
        session: Session,
        environment: Environment,
        manifest: &Manifest,
        on_cuda: bool,
        limits: &Limits,
    ) -> Result<Self, String> {
        let place = if on_cuda { Place::cuda(&session) } else { Place::host() };
        let tensors = &manifest.graph.cache;
        let kind = |dtype: &str| if dtype == "float16" { Type::Float16 } else { Type::Float32 };
        let mut inputs =
            vec![("input_ids", Type::Int64, 2), ("past_len", Type::Int64, 1), ("logit_rows", Type::Int64, 1)];
        let mut outputs = vec![("logits", Type::Float32, 2)];
        inputs.extend(tensors.iter().map(|t| (t.input.as_str(), kind(&t.dtype), t.shape.len())));
        outputs.extend(tensors.iter().map(|t| (t.output.as_str(), kind(&t.dtype), t.shape.len())));
        check(session.inputs(), &inputs, "input")?;
        check(session.outputs(), &outputs, "output")?;
        let inputs: Vec<&str> = inputs.iter().map(|(name, ..)| *name).collect();
        let outputs: Vec<&str> = outputs.iter().map(|(name, ..)| *name).collect();
        let layout = Layout::new(tensors);
        Ok(Self {
            host: Place::host().map_err(|e| e.to_string())?,
            place: place.map_err(|e| e.to_string())?,
            vocab: manifest.vocab_size as usize,
            chunk: manifest.graph.chunk as usize,
            context: limits.context,
            multiple: if manifest.graph.independent_rows { 1 } else { EVEN },
            kept: Vec::new(),
            most_kept: limits.kept_conversations.max(1),
            clock: 0,
            allowed: limits.cache_bytes(layout.bytes_per_token()),
            reserved: 0,
            kept_bytes: limits.kept_bytes,
            ids: Vec::new(),
            rows: Vec::new(),
            past: [0],
            logits: Vec::new(),
            session: BoundSession::new(session, &inputs, &outputs)?,
            layout,
            environment,
        })
    }

    pub(crate) const fn chunk(&self) -> usize {
        self.chunk
    }

    pub(crate) fn fits(&self, tokens: usize) -> Result<(), GenerateError> {
        let needed = tokens.saturating_mul(self.layout.bytes_per_token());
        if needed <= self.allowed { Ok(()) } else { Err(no_room(tokens, needed, self.allowed)) }
    }

    pub(crate) fn cached_len(&self, tokens: &[u32]) -> usize {
        self.kept.iter().map(|kept| common(kept.cache.tokens(), tokens)).max().unwrap_or(0)
    }

    /// As [`Backend::allocate`](crate::backend::Backend::allocate). A conversation that continues takes its cache back.
    /// A request with only a common prefix copies that, and so does a background request from a user's conversation.
    pub(crate) fn allocate<'s>(
        &mut self,
        request: &SlotRequest<'_>,
        running: impl Iterator<Item = (&'s [u32], &'s ContiguousSlot)>,
    ) -> Result<Option<(ContiguousSlot, usize)>, GenerateError> {
        let tokens = request.usable();
        let reserved = request.total.saturating_mul(self.layout.bytes_per_token());
        if self.reserved.saturating_add(reserved) > self.allowed {
            return Ok(None);
        }
        self.clock += 1;
        let mut cache = Cache::default();
        let shared = |cache: &Cache| common(cache.tokens(), tokens);
        let best = (0..self.kept.len()).max_by_key(|i| (shared(&self.kept[*i].cache), self.kept[*i].used));
        let here = best.map_or(0, |i| shared(&self.kept[i].cache));
        let there = running.map(|(computed, slot)| (common(computed, tokens), &slot.cache)).max_by_key(|(n, _)| *n);
        match (best, there) {
            (_, Some((matched, source))) if matched > here && matched >= COPY_FROM => {
                self.copy(source, &mut cache, request.tokens.len(), matched)?;
            }
            (Some(i), _)
                if here * 2 >= self.kept[i].cache.len() && (request.interactive || !self.kept[i].interactive) =>
            {
                cache = self.kept.remove(i).cache;
                cache.truncate(here);
            }
            (Some(i), _) if here >= COPY_FROM => {
                self.kept[i].used = self.clock;
                let source = std::mem::take(&mut self.kept[i].cache);
                let copied = self.copy(&source, &mut cache, request.tokens.len(), here);
                self.kept[i].cache = source;
                copied?;
            }
            _ => {}
        }
        self.reserved += reserved;
        let cached = cache.len();
        Ok(Some((ContiguousSlot { cache, reserved, interactive: request.interactive }, cached)))
    }

    fn copy(&self, from: &Cache, to: &mut Cache, room: usize, tokens: usize) -> Result<(), GenerateError> {
        self.reserve(to, room)?;
        to.copy_prefix(from, tokens, &self.layout, &self.place, &self.environment)
    }

    pub(crate) fn free(&mut self, slot: ContiguousSlot, tokens: &[u32]) {
        let ContiguousSlot { mut cache, reserved, interactive } = slot;
        self.reserved -= reserved;
        self.clock += 1;
        cache.truncate(tokens.len());
        if cache.len() == 0 {
            return;
        }
        self.kept.push(Kept { cache, used: self.clock, interactive });
        let bytes = |kept: &Kept| kept.cache.capacity() * self.layout.bytes_per_token();
        // At most one background conversation, where there is room for a user's beside it.
        let others = self.kept.iter().filter(|kept| !kept.interactive).count();
        let surplus = usize::from(others > 1 && self.most_kept > 1);
        for round in 0.. {
            let all: usize = self.kept.iter().map(bytes).sum();
            let crowded = self.kept.len() > self.most_kept || (all > self.kept_bytes && self.kept.len() > 1);
            if !crowded && round >= surplus {
                break;
            }
            let oldest = (0..self.kept.len()).min_by_key(|i| (self.kept[*i].interactive, self.kept[*i].used));
            let Some(oldest) = oldest else { break };
            self.kept.remove(oldest);
        }
    }

    pub(crate) fn forget(&mut self) {
        self.kept.clear();
    }

    /// As [`Backend::fill_with_noise`](crate::backend::Backend::fill_with_noise). `false`, with an empty cache, where a
    /// device has the memory.
    pub(crate) fn fill_with_noise(&self, slot: &mut ContiguousSlot, tokens: &[u32]) -> Result<bool, GenerateError> {
        self.reserve(&mut slot.cache, tokens.len())?;
        Ok(slot.cache.fill_with_noise(&self.layout, tokens))
    }

    /// Reserve room for `tokens` tokens.
    fn reserve(&self, cache: &mut Cache, tokens: usize) -> Result<(), GenerateError> {
        // And for the padding of a run.
        let needed = (tokens + self.multiple - 1).min(self.context);
        cache.reserve(&self.layout, needed, self.context, &self.place, &self.environment)
    }

    pub(crate) fn logits(&mut self, i: usize) -> &mut [f32] {
        &mut self.logits[i * self.vocab..(i + 1) * self.vocab]
    }

    /// As [`Backend::run`](crate::backend::Backend::run), for one part.
    pub(crate) fn run(
        &mut self,
        part: &StepTokens,
        slot: &mut ContiguousSlot,
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError> {
        let cache = &mut slot.cache;
        cache.truncate(part.at);
        self.reserve(cache, part.at + part.tokens.len())?;
        self.ids.clear();
        self.ids.extend(part.tokens.iter().map(|t| i64::from(*t)));
        let filled = part.tokens.len().next_multiple_of(self.multiple);
        if filled <= cache.room() {
            // The padding's keys and values are overwritten by the next run.
            self.ids.resize(filled, self.ids.last().copied().unwrap_or(0));
        }
        let (last, wanted) = (part.tokens.len(), part.wanted.max(1));
        self.rows.clear();
        self.rows.extend((last - wanted..last).map(index));
        let rows = wanted.next_multiple_of(self.multiple);
        self.rows.resize(rows, index(last - 1));
        self.past = [index(part.at)];
        if self.logits.len() < rows * self.vocab {
            self.logits.resize(rows * self.vocab, 0.0);
        }
        let outcome = self.call(&slot.cache, interrupt).map_err(|e| GenerateError::Engine(e.to_string()))?;
        if outcome == RunOutcome::Done {
            slot.cache.push(&part.tokens);
        }
        Ok(outcome)
    }

    #[expect(unsafe_code, reason = "values are bound by their address")]
    fn call(&mut self, cache: &Cache, interrupt: Option<Interrupt<'_>>) -> Result<RunOutcome, ort::Error> {
        let (tokens, rows) = (index(self.ids.len()), index(self.rows.len()));
        let given = [
            Tensor::of(&self.host, &mut self.ids, &[1, tokens], Element::Int64)?,
            Tensor::of(&self.host, &mut self.past, &[1], Element::Int64)?,
            Tensor::of(&self.host, &mut self.rows, &[rows], Element::Int64)?,
        ];
        let logits = Tensor::of(&self.host, &mut self.logits, &[rows, index(self.vocab)], Element::Float32)?;
        // SAFETY: the lists are borrowed mutably, and the cache's memory is only reached through its tensors. Each of
        // these is both input and output: the graph writes the rows of the new tokens only, as its manifest promises.
        unsafe {
            self.session.run(
                given.iter().chain(cache.tensors()),
                std::iter::once(&logits).chain(cache.tensors()),
                interrupt,
            )
        }
    }
}
