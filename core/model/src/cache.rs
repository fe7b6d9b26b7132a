//! A contiguous KV cache of one sequence: each tensor is one buffer, which grows and which the graph updates in place.

use crate::memory::{Buffer, Element, Place, Tensor, noise};
use deepcoder_types::{CacheTensor, GenerateError};
use ort::environment::Environment;

/// Capacities are multiples of this many tokens.
const STEP: usize = 128;

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
    /// What is held.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

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
    pub(crate) fn fill_with_noise(&mut self, layout: &Layout, tokens: &[u32]) -> bool {
        self.tokens.clear();
        for (tensor, buffer) in layout.0.iter().zip(&mut self.buffers) {
            let Some(bytes) = buffer.host() else { return false };
            noise(bytes, tensor.element == Element::Float16);
        }
        self.push(tokens);
        true
    }

    pub(crate) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter()
    }

    /// Tokens that the buffers have room for.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
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
