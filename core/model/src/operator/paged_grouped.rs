//! `PagedGroupedAttention`: grouped-query attention (Ainslie et al. 2023) over pages of keys and values.
//!
//! Inputs: queries, keys and values `[1, S, (heads + 2 · kv_heads) · head_dim]`; cosines and sines `[positions, rotated
//! / 2]`; and [`super::paged`]'s. Output: `[1, S, heads · head_dim]`. The attribute `scale` defaults to `1 /
//! sqrt(head_dim)`. The kernel is [`deepcoder_kernels::GroupedAttention`].

use super::paged::{Pages, Places};
use super::{calls, count, failed, missing, number, size, with_threads};
use deepcoder_kernels::{GroupedAttention, GroupedStep, Level};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType as Type;

pub(super) struct PagedGrouped;

pub(super) struct PagedGroupedKernel {
    // Without the rotated width, which follows from the shape of the cosines.
    attention: GroupedAttention,
    level: Level,
    calls: usize,
}

impl Operator for PagedGrouped {
    type Kernel<'attr> = PagedGroupedKernel;

    fn name(&self) -> &'static str {
        "PagedGroupedAttention"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [Type::Float32; 3].into_iter().chain(super::paged::INPUTS).map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Type::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        let head_dim = size(node, "head_dim")?;
        #[expect(clippy::cast_precision_loss, reason = "widths are small")]
        let scale = match node.get::<f32>("scale") {
            Some(_) => number(node, "scale")?,
            None => 1.0 / (head_dim as f32).sqrt(),
        };
        let attention = GroupedAttention {
            heads: size(node, "heads")?,
            kv_heads: size(node, "kv_heads")?,
            head_dim,
            rotary: 0,
            interleaved: count(node, "interleaved", 0)? != 0,
            scale,
            layer: count(node, "layer", 0)?,
            layers: size(node, "layers")?,
        };
        Ok(PagedGroupedKernel { attention, level: Level::best(), calls: calls() })
    }
}

impl Kernel for PagedGroupedKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let input = |at: usize| context.input(at)?.ok_or_else(missing);
        let (qkv, cos, sin) = (input(0)?, input(1)?, input(2)?);
        let (places, mut cache) = (Places::of(context, 3)?, Pages::of(context, 6)?);
        let (shape, qkv) = qkv.try_extract_tensor::<f32>()?;
        let ((angles, cos), (_, sin)) = (cos.try_extract_tensor::<f32>()?, sin.try_extract_tensor::<f32>()?);
        let pairs = angles.last().and_then(|n| usize::try_from(*n).ok()).unwrap_or(0);
        let attention = GroupedAttention { rotary: pairs.saturating_mul(2), ..self.attention };
        cache.check(attention.page_numbers())?;
        let mut shape = shape.to_vec();
        let width = attention.heads.saturating_mul(attention.head_dim);
        match shape.last_mut() {
            // The kernel checks the other sizes.
            Some(last) => *last = i64::try_from(width).unwrap_or(i64::MAX),
            None => return Err(ort::Error::new("queries, keys and values are one number")),
        }
        let step = GroupedStep { qkv, cos, sin, rows: places.ragged()? };
        let mut output = context.output(0, shape)?.ok_or_else(missing)?;
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        with_threads(context, self.calls, |scratch, everywhere| {
            attention.run(self.level, &step, cache.numbers(), output, scratch, everywhere)
        })?
        .map_err(failed)
    }
}
