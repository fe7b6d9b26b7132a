//! `GgufGather`: rows of a matrix, by their numbers.

use super::{Shape, missing};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType as Type;

pub(super) struct Gather;

pub(super) struct GatherKernel(Shape);

impl Operator for Gather {
    type Kernel<'attr> = GatherKernel;

    fn name(&self) -> &'static str {
        "GgufGather"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(Type::Uint8), OperatorInput::required(Type::Int64)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Type::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        Shape::of(node).map(GatherKernel)
    }
}

impl Kernel for GatherKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let (weights, ids) = (context.input(0)?.ok_or_else(missing)?, context.input(1)?.ok_or_else(missing)?);
        let (_, weights) = weights.try_extract_tensor::<u8>()?;
        let (shape, ids) = ids.try_extract_tensor::<i64>()?;
        let matrix = self.0.matrix(weights)?;
        let mut shape = shape.to_vec();
        shape.push(i64::try_from(self.0.columns).unwrap_or(i64::MAX));
        let mut output = context.output(0, shape)?.ok_or_else(missing)?;
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        for (id, row) in ids.iter().zip(output.chunks_exact_mut(self.0.columns)) {
            let id = usize::try_from(*id).ok().filter(|id| *id < self.0.rows);
            matrix.row(id.ok_or_else(|| ort::Error::new("a token is not in the vocabulary"))?, row);
        }
        Ok(())
    }
}
