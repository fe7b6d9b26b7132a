//! `LatentAttention`: attention over a cache of latents.
//!
//! Inputs: queries `[1, S, heads · (nope + rope)]`; latents before norm and rotation `[1, S, rank + rope]`; the norm's
//! weights; cosines and sines `[positions, rope / 2]`; the cache `[1, 1, T, rank + rope]`; the number of tokens in it; for
//! each head a matrix from queries to latents (`rank` rows of `nope`) and one from latents to results (`value` rows of
//! `rank`), as tiles or floats. Outputs: `[1, S, heads · value]`, and the cache with the new tokens. If both caches are the
//! same memory, nothing but the new rows is written.

use super::{Shape, calls, failed, format, missing, size, with_threads};
use deepcoder_kernels::{Attention, Cache, Level, Step, Weights};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{DynTensorValueType, TensorElementType as Type, ValueRef};

/// The operator for these types of the cache and of the matrices.
pub(super) struct Latent {
    pub(super) cache: Type,
    pub(super) keys: Type,
    pub(super) values: Type,
}

pub(super) struct LatentKernel {
    heads: usize,
    nope: usize,
    rope: usize,
    value: usize,
    rank: usize,
    scale: f32,
    epsilon: f32,
    halves: bool,
    // Of tiles.
    keys: Option<Shape>,
    values: Option<Shape>,
    level: Level,
    calls: usize,
}

impl Operator for Latent {
    type Kernel<'attr> = LatentKernel;

    fn name(&self) -> &'static str {
        "LatentAttention"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = Type::Float32;
        [float, float, float, float, float, self.cache, Type::Int64, self.keys, self.values]
            .map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [Type::Float32, self.cache].map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        let (nope, value, rank) = (size(node, "nope")?, size(node, "value")?, size(node, "rank")?);
        let shape = |input: Type, name: &str, rows, columns| {
            let tiles = input == Type::Uint8;
            tiles.then(|| Ok::<_, ort::Error>(Shape { format: format(node, name)?, rows, columns })).transpose()
        };
        let number = |name: &str| {
            let value = node.get::<f32>(name).filter(|v| v.is_finite());
            value.ok_or_else(|| ort::Error::new(format!("the attribute `{name}` is missing or not a number")))
        };
        Ok(LatentKernel {
            heads: size(node, "heads")?,
            nope,
            rope: size(node, "rope")?,
            value,
            rank,
            scale: number("scale")?,
            epsilon: number("epsilon")?,
            halves: self.cache == Type::Float16,
            keys: shape(self.keys, "k_type", rank, nope)?,
            values: shape(self.values, "v_type", value, rank)?,
            level: Level::best(),
            calls: calls(),
        })
    }
}

fn weights<'a>(shape: Option<Shape>, heads: usize, value: &'a ValueRef<'_>) -> Result<Weights<'a>, ort::Error> {
    Ok(match shape {
        Some(shape) => Weights::Tiles(shape.stack(heads, value.try_extract_tensor::<u8>()?.1)?),
        None => Weights::Floats(value.try_extract_tensor::<f32>()?.1),
    })
}

impl Kernel for LatentKernel {
    #[expect(unsafe_code, reason = "the cache is read and written at the same place")]
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let input = |at: usize| context.input(at)?.ok_or_else(missing);
        let (queries, latents, norm, cos, sin) = (input(0)?, input(1)?, input(2)?, input(3)?, input(4)?);
        let (past, length, keys, values) = (input(5)?, input(6)?, input(7)?, input(8)?);
        let (shape, queries) = queries.try_extract_tensor::<f32>()?;
        let mut shape = shape.to_vec();
        match shape.last_mut() {
            Some(last) if usize::try_from(*last).ok() == self.heads.checked_mul(self.nope + self.rope) => {
                *last = i64::try_from(self.heads.saturating_mul(self.value)).unwrap_or(i64::MAX);
            }
            _ => return Err(ort::Error::new("the queries have not the width of the heads")),
        }
        let (_, length) = length.try_extract_tensor::<i64>()?;
        let length = length.first().and_then(|n| usize::try_from(*n).ok());
        let length = length.ok_or_else(|| ort::Error::new("the number of cached tokens is below zero"))?;
        let past = past.downcast::<DynTensorValueType>()?;
        let cached = past.shape().to_vec();
        let width = self.rank.saturating_add(self.rope);
        if cached.last().and_then(|w| usize::try_from(*w).ok()) != Some(width) {
            return Err(ort::Error::new(format!("the cache's rows have not {width} numbers")));
        }
        let numbers = cached.iter().map(|d| usize::try_from(*d).unwrap_or(0)).product::<usize>();
        if length > numbers / width {
            return Err(ort::Error::new(format!("the cache has no place for {length} tokens")));
        }
        let mut output = context.output(0, shape)?.ok_or_else(missing)?;
        let present = context.output(1, cached)?.ok_or_else(missing)?;
        let present = present.downcast::<DynTensorValueType>()?;
        let (from, to) = (past.data_ptr(), present.data_ptr().cast_mut());
        // SAFETY: both tensors have this shape and type, on the processor, and live until the end of this function.
        // They are copied as if they overlapped; nothing reads `past` afterwards, so that the slice of `present` is the
        // only way to its memory.
        let mut cache = unsafe {
            let size = if self.halves { 2 } else { 4 };
            if !std::ptr::eq(from, to) {
                std::ptr::copy(from.cast::<u8>(), to.cast::<u8>(), length * width * size);
            }
            if numbers == 0 {
                Cache::F32(&mut [])
            } else if self.halves {
                Cache::F16(std::slice::from_raw_parts_mut(to.cast(), numbers))
            } else {
                Cache::F32(std::slice::from_raw_parts_mut(to.cast(), numbers))
            }
        };
        let attention = Attention {
            heads: self.heads,
            nope: self.nope,
            rope: self.rope,
            value: self.value,
            rank: self.rank,
            scale: self.scale,
            epsilon: self.epsilon,
            norm: norm.try_extract_tensor::<f32>()?.1,
            keys: weights(self.keys, self.heads, &keys)?,
            values: weights(self.values, self.heads, &values)?,
        };
        let step = Step {
            queries,
            latents: latents.try_extract_tensor::<f32>()?.1,
            cos: cos.try_extract_tensor::<f32>()?.1,
            sin: sin.try_extract_tensor::<f32>()?.1,
            past: length,
        };
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        with_threads(context, self.calls, |scratch, everywhere| {
            attention.run(self.level, &step, &mut cache, output, scratch, everywhere)
        })?
        .map_err(failed)
    }
}
