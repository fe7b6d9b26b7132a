//! The last four inputs of every paged attention node: the rows' positions int64 `[S]` and sequences int64 `[S]`, the
//! page tables int64 `[N, M]`, and the cache float16 `[P, numbers]`: `P` pages of 64 tokens of all layers.
//!
//! The nodes write to the cache in place, although it is an input: it is state outside of the data flow, as in vLLM,
//! because ONNX has no state. A node reads only its own layer's part of the pages, which only it writes, so the nodes
//! need no order among each other.

use super::missing;
use deepcoder_kernels::Ragged;
use ort::operator::ComputeContext;
use ort::value::{DynTensorValueType, TensorElementType as Type, ValueRef};

/// The types of the inputs.
pub(super) const INPUTS: [Type; 4] = [Type::Int64, Type::Int64, Type::Int64, Type::Float16];

/// The ragged batch: positions, sequences and page tables of the rows.
pub(super) struct Places<'a> {
    positions: ValueRef<'a>,
    sequences: ValueRef<'a>,
    tables: ValueRef<'a>,
}

impl<'a> Places<'a> {
    /// The inputs from `at` on.
    pub(super) fn of(context: &'a ComputeContext, at: usize) -> Result<Self, ort::Error> {
        let input = |at: usize| context.input(at)?.ok_or_else(missing);
        Ok(Self { positions: input(at)?, sequences: input(at + 1)?, tables: input(at + 2)? })
    }

    pub(super) fn ragged(&self) -> Result<Ragged<'_>, ort::Error> {
        let (shape, tables) = self.tables.try_extract_tensor::<i64>()?;
        let [count, _] = **shape else { return Err(ort::Error::new("the tables have not two dimensions")) };
        Ok(Ragged {
            positions: self.positions.try_extract_tensor::<i64>()?.1,
            sequences: self.sequences.try_extract_tensor::<i64>()?.1,
            tables,
            count: usize::try_from(count).unwrap_or(0),
        })
    }
}

/// The cache.
pub(super) struct Pages<'a> {
    tensor: ValueRef<'a, DynTensorValueType>,
    numbers: usize,
    each: usize,
}

impl<'a> Pages<'a> {
    /// The input `at`.
    pub(super) fn of(context: &'a ComputeContext, at: usize) -> Result<Self, ort::Error> {
        let tensor = context.input(at)?.ok_or_else(missing)?.downcast::<DynTensorValueType>()?;
        let [pages, each] = **tensor.shape() else { return Err(ort::Error::new("the cache has not two dimensions")) };
        let [pages, each] = [pages, each].map(|n| usize::try_from(n).unwrap_or(0));
        Ok(Self { tensor, numbers: pages.saturating_mul(each), each })
    }

    /// An error unless a page has `numbers` numbers.
    pub(super) fn check(&self, numbers: Option<usize>) -> Result<(), ort::Error> {
        let right = numbers == Some(self.each);
        let wrong = || ort::Error::new(format!("the cache's pages have {} numbers and not {numbers:?}", self.each));
        right.then_some(()).ok_or_else(wrong)
    }

    /// The numbers of all pages, for reading and writing.
    #[expect(unsafe_code, reason = "an input that is written to")]
    pub(super) fn numbers(&mut self) -> &mut [u16] {
        if self.numbers == 0 {
            return &mut [];
        }
        // SAFETY: the tensor has so many numbers of two bytes, on the processor, and lives as long as `self`. Nothing
        // else uses its memory meanwhile: the engine lends the pages to one run at a time through a pointer that it may
        // write through, the runtime neither moves nor copies an input that is where the operator wants it nor gives
        // its memory to anything else, other nodes of the run that have this input are of these operators, and a
        // session runs its nodes one after the other.
        unsafe { std::slice::from_raw_parts_mut(self.tensor.data_ptr().cast_mut().cast::<u16>(), self.numbers) }
    }
}
