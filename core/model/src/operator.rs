//! Operators of our own, for graphs whose weights are the source's blocks: `GgufMatMul` and `GgufGather` in the domain
//! `ai.deepcoder`. The attributes `type` (GGUF's name), `N` and `K` describe a matrix in the layout of
//! `deepcoder-kernels`.

use deepcoder_kernels::{Format, Level, Matrix, Scratch, multiply};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput};
use ort::value::TensorElementType as Type;
use std::cell::RefCell;

/// The operators' domain.
const DOMAIN: &str = "ai.deepcoder";

thread_local! {
    // One for all operators: they run one after the other.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The domain with its operators; ONNX Runtime must have been started.
pub(crate) fn domain() -> Result<OperatorDomain, ort::Error> {
    OperatorDomain::new(DOMAIN)?.add(MatMul)?.add(Gather)
}

/// The shape of a matrix, from the node's attributes.
#[derive(Debug, Clone, Copy)]
struct Shape {
    format: Format,
    rows: usize,
    columns: usize,
}

impl Shape {
    fn of(node: &KernelContext<'_>) -> Result<Self, ort::Error> {
        let number = |name: &str| {
            let value = node.get::<i64>(name).and_then(|v| usize::try_from(v).ok()).filter(|v| *v > 0);
            value.ok_or_else(|| ort::Error::new(format!("the attribute `{name}` is missing or not a size")))
        };
        let format = node.get::<String>("type").and_then(|name| Format::from_name(&name));
        let format = format.ok_or_else(|| ort::Error::new("the attribute `type` is missing or not known"))?;
        Ok(Self { format, rows: number("N")?, columns: number("K")? })
    }

    fn matrix(self, tiles: &[u8]) -> Result<Matrix<'_>, ort::Error> {
        Matrix::new(self.format, self.rows, self.columns, tiles).map_err(|e| ort::Error::new(e.to_string()))
    }
}

fn missing() -> ort::Error {
    ort::Error::new("an input or the output is missing")
}

/// `input · weightsᵀ + bias`.
struct MatMul;

struct MatMulKernel {
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
        let calls = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(MatMulKernel { shape: Shape::of(node)?, level: Level::best(), calls })
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
        let failed = RefCell::new(None);
        // Who is called when all work is taken returns at once.
        let everywhere = |work: &(dyn Fn() + Sync)| {
            if let Err(error) = context.par_for(self.calls, 0, |_| work()) {
                failed.replace(Some(error));
            }
        };
        SCRATCH
            .with_borrow_mut(|scratch| multiply(self.level, &matrix, input, bias, output, scratch, &everywhere))
            .map_err(|e| ort::Error::new(e.to_string()))?;
        failed.into_inner().map_or(Ok(()), Err)
    }
}

/// Rows of a matrix, by their numbers.
struct Gather;

struct GatherKernel(Shape);

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
