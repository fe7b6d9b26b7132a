//! `GgufMatMul`: `input · weightsᵀ + bias`.

use super::{Shape, calls, failed, missing, with_threads};
use deepcoder_kernels::{Level, multiply};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType as Type;

pub(super) struct MatMul;

pub(super) struct MatMulKernel {
    shape: Shape,
    level: Level,
    calls: usize,
}

impl Operator for MatMul {
    type Kernel<'attr> = MatMulKernel;

    fn name(&self) -> &'static str {
        "GgufMatMul"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(Type::Float32),
            OperatorInput::required(Type::Uint8),
            OperatorInput::optional(Type::Float32),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Type::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        Ok(MatMulKernel { shape: Shape::of(node)?, level: Level::best(), calls: calls() })
    }
}

impl Kernel for MatMulKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let (input, weights) = (context.input(0)?.ok_or_else(missing)?, context.input(1)?.ok_or_else(missing)?);
        let bias = if context.num_inputs()? > 2 { context.input(2)? } else { None };
        let (shape, input) = input.try_extract_tensor::<f32>()?;
        let (_, weights) = weights.try_extract_tensor::<u8>()?;
        let bias = match &bias {
            Some(bias) => Some(bias.try_extract_tensor::<f32>()?.1),
            None => None,
        };
        let matrix = self.shape.matrix(weights)?;
        let mut shape = shape.to_vec();
        match shape.last_mut() {
            Some(last) if usize::try_from(*last) == Ok(self.shape.columns) => {
                *last = i64::try_from(self.shape.rows).unwrap_or(i64::MAX);
            }
            _ => return Err(ort::Error::new(format!("the input's rows have not {} numbers", self.shape.columns))),
        }
        let mut output = context.output(0, shape)?.ok_or_else(missing)?;
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        with_threads(context, self.calls, |scratch, everywhere| {
            multiply(self.level, &matrix, input, bias, output, scratch, everywhere)
        })?
        .map_err(failed)
    }
}
