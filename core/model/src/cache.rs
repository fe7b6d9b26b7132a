//! The KV caches. Each tensor is one buffer that grows and is updated in place; several conversations keep theirs, so
//! that they do not evict each other.

use crate::graph::Graph;
use crate::memory::{Buffer, Element, Place, Tensor};
use deepcoder_types::{CacheTensor, GenerateError, Priority};
use ort::environment::Environment;
use std::sync::{Arc, Weak};

/// Capacities are multiples of this many tokens.
const STEP: usize = 128;
/// A prefix shorter than this is not worth a copy.
const COPY_FROM: usize = 16;

/// Shapes of the cache tensors.
pub(crate) struct Layout(Vec<TensorLayout>);

struct TensorLayout {
    shape: Vec<i64>,
    axis: usize,
    // Blocks before the token axis, and bytes of one token in a block.
    outer: usize,
    inner: usize,
    element: Element,
}

impl Layout {
    /// From a manifest that was checked.
    pub(crate) fn new(tensors: &[CacheTensor]) -> Self {
        let product = |dims: &[i64]| dims.iter().map(|d| usize::try_from(*d).unwrap_or(0)).product::<usize>();
        Self(
            tensors
                .iter()
                .map(|t| {
                    let axis = t.shape.iter().position(|d| *d == -1).unwrap_or(0);
                    let element = Element::of(&t.dtype).unwrap_or(Element::Float32);
                    TensorLayout {
                        shape: t.shape.clone(),
                        axis,
                        outer: product(&t.shape[..axis]),
                        inner: product(&t.shape[axis + 1..]) * element.bytes(),
                        element,
                    }
                })
                .collect(),
        )
    }

    pub(crate) const fn bytes_per_token(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        let tensors = self.0.as_slice();
        while i < tensors.len() {
            sum += tensors[i].outer * tensors[i].inner;
            i += 1;
        }
        sum
    }

    /// Whether every tensor has the tokens outermost, so that a prefix of the buffer is a tensor of fewer tokens.
    fn is_prefixable(&self) -> bool {
        self.0.iter().all(|t| t.outer == 1)
    }
}

/// The cache of one conversation.
#[derive(Default)]
pub(crate) struct Cache {
    // Declared before the buffers that they view: dropped first.
    tensors: Vec<Tensor>,
    buffers: Vec<Buffer>,
    // Tokens that the buffers have room for, and that the tensors' shapes say.
    capacity: usize,
    view: usize,
    // Tokens that may be held: the view, or less at the end of the model's context.
    limit: usize,
    tokens: Vec<u32>,
}

impl Cache {
    /// Tokens that are held.
    pub(crate) const fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens that may be added before more room must be made.
    pub(crate) const fn room(&self) -> usize {
        self.limit.saturating_sub(self.tokens.len())
    }

    /// Forget all but the first `len` tokens. Costs nothing: what follows is overwritten.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
    }

    /// Note tokens that a run has written.
    pub(crate) fn push(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// Hold `tokens` without computing them: all that is cached becomes noise of the size of normalised values. There
    /// must be room for them. `false`, and nothing is held, where the memory is a device's.
    pub(crate) fn pretend(&mut self, layout: &Layout, tokens: &[u32]) -> bool {
        self.tokens.clear();
        let mut state = 1u64;
        for (tensor, buffer) in layout.0.iter().zip(&mut self.buffers) {
            let Some(bytes) = buffer.host() else { return false };
            for word in bytes.as_chunks_mut::<8>().0 {
                state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                // Any sign and fraction, and exponents for magnitudes from a half to two.
                let noise = state ^ (state >> 32);
                *word = match tensor.element {
                    Element::Float16 => noise & 0x87FF_87FF_87FF_87FF | 0x3800_3800_3800_3800,
                    _ => noise & 0x80FF_FFFF_80FF_FFFF | 0x3F00_0000_3F00_0000,
                }
                .to_le_bytes();
            }
        }
        self.push(tokens);
        true
    }

    pub(crate) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter()
    }

    fn common_prefix(&self, tokens: &[u32]) -> usize {
        self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count()
    }

    /// Room for `needed` tokens: the buffers grow by half at least, never beyond `most`.
    pub(crate) fn reserve(
        &mut self,
        layout: &Layout,
        needed: usize,
        most: usize,
        place: &Place,
        environment: &Environment,
    ) -> Result<(), GenerateError> {
        if needed > self.capacity {
            let wanted = needed.max((self.capacity + self.capacity / 2).min(most)).next_multiple_of(STEP);
            self.grow(layout, wanted, place, environment)?;
        }
        let view =
            if layout.is_prefixable() { needed.next_multiple_of(STEP).min(self.capacity) } else { self.capacity };
        if view != self.view {
            self.look(layout, view, place)?;
        }
        self.limit = view.min(most);
        Ok(())
    }

    fn grow(
        &mut self,
        layout: &Layout,
        capacity: usize,
        place: &Place,
        environment: &Environment,
    ) -> Result<(), GenerateError> {
        let mut buffers = Vec::with_capacity(layout.0.len());
        for (i, tensor) in layout.0.iter().enumerate() {
            let bytes = tensor.outer.checked_mul(tensor.inner).and_then(|n| n.checked_mul(capacity));
            let buffer = bytes.and_then(|bytes| Buffer::new(place, bytes));
            let mut buffer = buffer.ok_or_else(|| {
                GenerateError::Engine(format!("there is not enough memory for a context of {capacity} tokens"))
            })?;
            if let Some(old) = self.buffers.get(i) {
                copy_tokens(tensor, old, &mut buffer, self.tokens.len(), place, environment)?;
            }
            buffers.push(buffer);
        }
        self.tensors.clear();
        self.view = 0;
        self.buffers = buffers;
        self.capacity = capacity;
        Ok(())
    }

    fn look(&mut self, layout: &Layout, view: usize, place: &Place) -> Result<(), GenerateError> {
        self.tensors.clear();
        self.view = 0;
        for (tensor, buffer) in layout.0.iter().zip(&self.buffers) {
            let mut shape = tensor.shape.clone();
            shape[tensor.axis] = i64::try_from(view).unwrap_or(i64::MAX);
            self.tensors.push(buffer.view(place, &shape, tensor.element).map_err(|e| failed(&e))?);
        }
        self.view = view;
        Ok(())
    }

    /// Take over the first `tokens` tokens of another cache. There must be room for them.
    pub(crate) fn copy_prefix(
        &mut self,
        from: &Self,
        tokens: usize,
        layout: &Layout,
        place: &Place,
        environment: &Environment,
    ) -> Result<(), GenerateError> {
        self.tokens.clear();
        for ((tensor, source), target) in layout.0.iter().zip(&from.buffers).zip(&mut self.buffers) {
            copy_tokens(tensor, source, target, tokens, place, environment)?;
        }
        self.tokens.extend_from_slice(&from.tokens[..tokens]);
        Ok(())
    }
}

fn copy_tokens(
    tensor: &TensorLayout,
    from: &Buffer,
    to: &mut Buffer,
    tokens: usize,
    place: &Place,
    environment: &Environment,
) -> Result<(), GenerateError> {
    if tokens == 0 {
        return Ok(());
    }
    let (from_block, to_block) = (from.bytes() / tensor.outer, to.bytes() / tensor.outer);
    for block in 0..tensor.outer {
        to.copy_from(block * to_block, from, block * from_block, tokens * tensor.inner, environment, place)
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}

fn failed(error: &ort::Error) -> GenerateError {
    GenerateError::Engine(error.to_string())
}

/// The caches of the last few conversations.
pub(crate) struct Slots {
    slots: Vec<Slot>,
    most: usize,
    bytes: usize,
    clock: u64,
}

struct Slot {
    id: u64,
    cache: Cache,
    last_used: u64,
    /// Who opened it last.
    priority: Priority,
    /// Of the lease, while there is one.
    lease: Weak<()>,
}

impl Slot {
    fn is_leased(&self) -> bool {
        self.lease.strong_count() > 0
    }
}

/// The right to a cache while its generation lasts, also where that is paused for another one. Other generations may
/// copy from the cache meanwhile, and none takes it. Dropping this gives it back, and needs no lock.
pub(crate) struct Lease {
    id: u64,
    _held: Arc<()>,
}

impl Slots {
    /// At most `most` conversations, which together take at most `bytes` (one may always have what it needs, beside one
    /// that is paused).
    pub(crate) fn new(most: usize, bytes: usize) -> Self {
        Self { slots: Vec::new(), most: most.max(1), bytes, clock: 0 }
    }

    /// A cache for `prompt`, which will grow to `total` tokens of at most `context`: it holds the longest beginning
    /// of `prompt` that any conversation has computed, but never the last token, whose logits are wanted. Background
    /// work has one slot of its own, so that the users' conversations stay warm beside it.
    pub(crate) fn open(
        &mut self,
        graph: &Graph,
        prompt: &[u32],
        total: usize,
        context: usize,
        priority: Priority,
    ) -> Result<Lease, GenerateError> {
        self.clock += 1;
        self.trim();
        let usable = prompt.len().saturating_sub(1);
        let best = (0..self.slots.len()).max_by_key(|i| {
            let slot = &self.slots[*i];
            (slot.cache.common_prefix(prompt).min(usable), slot.last_used)
        });
        let shared = best.map_or(0, |i| self.slots[i].cache.common_prefix(prompt).min(usable));
        // A conversation that goes on keeps its slot; one that only begins alike gets its own.
        let index = match best {
            Some(i) if shared * 2 >= self.slots[i].cache.len() && self.may_take(i, priority) => i,
            _ => self.vacate(graph, best.filter(|_| shared >= COPY_FROM), prompt.len().min(total), priority),
        };
        match best {
            Some(from) if from != index && shared >= COPY_FROM => {
                let source = std::mem::take(&mut self.slots[from].cache);
                let target = &mut self.slots[index].cache;
                target.truncate(0);
                let copied = graph
                    .reserve(target, prompt.len(), context)
                    .and_then(|()| graph.copy_prefix(&source, target, shared));
                self.slots[from].cache = source;
                copied?;
            }
            Some(from) if from == index => self.slots[index].cache.truncate(shared),
            _ => self.slots[index].cache.truncate(0),
        }
        let (slot, held) = (&mut self.slots[index], Arc::new(()));
        slot.last_used = self.clock;
        slot.priority = priority;
        slot.lease = Arc::downgrade(&held);
        Ok(Lease { id: slot.id, _held: held })
    }

    /// The cache of a lease.
    pub(crate) fn leased(&mut self, lease: &Lease) -> Result<&mut Cache, GenerateError> {
        let slot = self.slots.iter_mut().find(|slot| slot.id == lease.id);
        slot.map(|slot| &mut slot.cache).ok_or_else(|| GenerateError::Engine("its cache is gone".into()))
    }

    /// Give back the memory of all conversations but those that are computed or paused.
    pub(crate) fn clear(&mut self) {
        self.slots.retain(Slot::is_leased);
    }

    fn may_take(&self, index: usize, priority: Priority) -> bool {
        let slot = &self.slots[index];
        let users = priority == Priority::Background && slot.priority == Priority::Interactive && self.most > 1;
        !slot.is_leased() && !users
    }

    /// While one is paused there may be one too many.
    fn trim(&mut self) {
        while self.slots.len() > self.most
            && let Some(oldest) = self.oldest(|slot| !slot.is_leased())
        {
            self.slots.remove(oldest);
        }
    }

    fn oldest(&self, matches: impl Fn(&Slot) -> bool) -> Option<usize> {
        let candidates = (0..self.slots.len()).filter(|i| matches(&self.slots[*i]));
        candidates.min_by_key(|i| self.slots[*i].last_used)
    }

    /// Index of an empty slot, or of the one that was used longest ago; never `keep`'s, if there may be two, and never one
    /// that is leased.
    fn vacate(&mut self, graph: &Graph, keep: Option<usize>, tokens: usize, priority: Priority) -> usize {
        let keep = keep.filter(|_| self.slots.len() > 1).map(|i| self.slots[i].id);
        let free = |slot: &Slot| !slot.is_leased() && Some(slot.id) != keep;
        if priority == Priority::Background
            && let Some(own) = self.oldest(|slot| free(slot) && slot.priority == Priority::Background)
        {
            return own;
        }
        let per_token = graph.bytes_per_token();
        let held: usize = self.slots.iter().map(|s| s.cache.capacity * per_token).sum();
        let affordable = held.saturating_add(tokens.saturating_mul(per_token)) <= self.bytes;
        let more = self.slots.len() < self.most && affordable;
        match self.oldest(free).filter(|_| !more) {
            Some(oldest) => oldest,
            None => {
                let (id, cache, lease) = (self.clock, Cache::default(), Weak::new());
                self.slots.push(Slot { id, cache, last_used: 0, priority, lease });
                self.slots.len() - 1
            }
        }
    }
}
