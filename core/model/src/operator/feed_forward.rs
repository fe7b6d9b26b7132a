//! `GgufFeedForward`: a gated network, `down · (SiLU(gate · x) * (up · x))`, in one node.
//!
//! Inputs: the tokens, and the tiles of gate, up and down. Attributes: `H` and `I`, the widths of the tokens and
//! inside, and `gate_type`, `up_type` and `down_type`.

use super::moe::{expert, shapes};
use super::{Shape, calls, failed, missing, size, with_threads};
use deepcoder_kernels::Level;
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType as Type;

pub(super) struct FeedForward;

pub(super) struct FeedForwardKernel {
    hidden: usize,
    shapes: [Shape; 3],
    level: Level,
    calls: usize,
}

impl Operator for FeedForward {
    type Kernel<'attr> = FeedForwardKernel;

    fn name(&self) -> &'static str {
        "GgufFeedForward"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [Type::Float32, Type::Uint8, Type::Uint8, Type::Uint8].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Type::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        let hidden = size(node, "H")?;
        let shapes = shapes(node, hidden, size(node, "I")?, "")?;
        Ok(FeedForwardKernel { hidden, shapes, level: Level::best(), calls: calls() })
    }
}

impl Kernel for FeedForwardKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let input = |at: usize| context.input(at)?.ok_or_else(missing);
        let (x, weights) = (input(0)?, [input(1)?, input(2)?, input(3)?]);
        let (shape, x) = x.try_extract_tensor::<f32>()?;
        if shape.last().and_then(|w| usize::try_from(*w).ok()) != Some(self.hidden) {
            return Err(ort::Error::new(format!("the tokens have not {} numbers", self.hidden)));
        }
        let network = expert(self.shapes, 1, &weights)?;
        let mut output = context.output(0, shape.to_vec())?.ok_or_else(missing)?;
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        with_threads(context, self.calls, |scratch, everywhere| {
            network.run(self.level, x, output, scratch, everywhere)
        })?
        .map_err(failed)
    }
}
