//! `PagedLatentAttention`: multi-head latent attention (MLA; DeepSeek-V2, 2024) over pages of latents. The kernel is
//! [`deepcoder_kernels::LatentAttention`].
//!
//! Inputs: queries `[1, S, heads · (nope + rope)]`; latents before norm and rotation `[1, S, rank + rope]`; the norm's
//! weights; cosines and sines `[positions, rope / 2]`; for each head a matrix from queries to latents (`rank` rows of
//! `nope`) and one from latents to results (`value` rows of `rank`), as tiles or floats; and [`super::paged`]'s.
//! Output: `[1, S, heads · value]`.

use super::paged::{Pages, Places};
use super::{Shape, calls, count, failed, format, missing, number, size, with_threads};
use deepcoder_kernels::{LatentAttention, LatentStep, Level, Weights};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType as Type, ValueRef};

/// The operator for these types of the matrices.
pub(super) struct PagedLatent {
    pub(super) keys: Type,
    pub(super) values: Type,
}

pub(super) struct PagedLatentKernel {
    heads: usize,
    nope: usize,
    rope: usize,
    value: usize,
    rank: usize,
    scale: f32,
    epsilon: f32,
    layer: usize,
    layers: usize,
    // Of tiles.
    keys: Option<Shape>,
    values: Option<Shape>,
    level: Level,
    calls: usize,
}

impl Operator for PagedLatent {
    type Kernel<'attr> = PagedLatentKernel;

    fn name(&self) -> &'static str {
        "PagedLatentAttention"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = Type::Float32;
        let own = [float, float, float, float, float, self.keys, self.values];
        own.into_iter().chain(super::paged::INPUTS).map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Type::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        let (nope, value, rank) = (size(node, "nope")?, size(node, "value")?, size(node, "rank")?);
        let shape = |input: Type, name: &str, rows, columns| {
            let tiles = input == Type::Uint8;
            tiles.then(|| Ok::<_, ort::Error>(Shape { format: format(node, name)?, rows, columns })).transpose()
        };
        Ok(PagedLatentKernel {
            heads: size(node, "heads")?,
            nope,
            rope: size(node, "rope")?,
            value,
            rank,
            scale: number(node, "scale")?,
            epsilon: number(node, "epsilon")?,
            layer: count(node, "layer", 0)?,
            layers: size(node, "layers")?,
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

impl Kernel for PagedLatentKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let input = |at: usize| context.input(at)?.ok_or_else(missing);
        let (queries, latents, norm, cos, sin) = (input(0)?, input(1)?, input(2)?, input(3)?, input(4)?);
        let (keys, values) = (input(5)?, input(6)?);
        let (places, mut cache) = (Places::of(context, 7)?, Pages::of(context, 10)?);
        let (shape, queries) = queries.try_extract_tensor::<f32>()?;
        let mut shape = shape.to_vec();
        match shape.last_mut() {
            Some(last)
                if usize::try_from(*last).ok() == self.heads.checked_mul(self.nope.saturating_add(self.rope)) =>
            {
                *last = i64::try_from(self.heads.saturating_mul(self.value)).unwrap_or(i64::MAX);
            }
            _ => return Err(ort::Error::new("the queries have not the width of the heads")),
        }
        let attention = LatentAttention {
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
            layer: self.layer,
            layers: self.layers,
        };
        cache.check(attention.page_numbers())?;
        let step = LatentStep {
            queries,
            latents: latents.try_extract_tensor::<f32>()?.1,
            cos: cos.try_extract_tensor::<f32>()?.1,
            sin: sin.try_extract_tensor::<f32>()?.1,
            rows: places.ragged()?,
        };
        let mut output = context.output(0, shape)?.ok_or_else(missing)?;
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        with_threads(context, self.calls, |scratch, everywhere| {
            attention.run(self.level, &step, cache.numbers(), output, scratch, everywhere)
        })?
        .map_err(failed)
    }
}
