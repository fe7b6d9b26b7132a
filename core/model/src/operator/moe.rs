//! `GgufMoe`: a mixture of experts.
//!
//! Inputs: the tokens; the router's weights, `E` × `H`; gate, up and down of all experts; those of the shared one, if
//! there is one. Attributes: see [`Moe::create_kernel`].

use super::{Shape, calls, count, failed, format, missing, size, with_threads};
use deepcoder_kernels::{Expert, Level, Mixture, Routing};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType as Type, ValueRef};

pub(super) struct Moe;

pub(super) struct MoeKernel {
    hidden: usize,
    experts: usize,
    routing: Routing,
    // Gate, up and down; of the experts and of the shared one.
    routed: [Shape; 3],
    shared: Option<[Shape; 3]>,
    level: Level,
    calls: usize,
}

impl Operator for Moe {
    type Kernel<'attr> = MoeKernel;

    fn name(&self) -> &'static str {
        "GgufMoe"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let required = [Type::Float32, Type::Float32, Type::Uint8, Type::Uint8, Type::Uint8];
        required.map(OperatorInput::required).into_iter().chain([Type::Uint8; 3].map(OperatorInput::optional))
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Type::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>, ort::Error> {
        let (experts, hidden) = (size(node, "E")?, size(node, "H")?);
        let shared = count(node, "shared", 0)?;
        let routing = Routing {
            top_k: size(node, "top_k")?,
            groups: count(node, "groups", 1)?,
            top_groups: count(node, "top_groups", 1)?,
            limited: count(node, "group_limited", 0)? != 0,
            scale: node.get::<f32>("scale").unwrap_or(1.0),
            normalise: count(node, "normalise", 0)? != 0,
        };
        Ok(MoeKernel {
            hidden,
            experts,
            routing,
            routed: shapes(node, hidden, size(node, "I")?, "")?,
            shared: if shared == 0 { None } else { Some(shapes(node, hidden, shared, "shared_")?) },
            level: Level::best(),
            calls: calls(),
        })
    }
}

/// The shapes of gate, up and down, whose types are attributes.
pub(super) fn shapes(
    node: &KernelContext<'_>,
    hidden: usize,
    inner: usize,
    prefix: &str,
) -> Result<[Shape; 3], ort::Error> {
    let of = |name: &str, rows, columns| {
        Ok::<_, ort::Error>(Shape { format: format(node, &format!("{prefix}{name}_type"))?, rows, columns })
    };
    Ok([of("gate", inner, hidden)?, of("up", inner, hidden)?, of("down", hidden, inner)?])
}

pub(super) fn expert<'a>(
    shapes: [Shape; 3],
    count: usize,
    weights: &'a [ValueRef<'_>; 3],
) -> Result<Expert<'a>, ort::Error> {
    let stack = |which: usize| {
        let (_, tiles) = weights[which].try_extract_tensor::<u8>()?;
        shapes[which].stack(count, tiles)
    };
    Ok(Expert { gate: stack(0)?, up: stack(1)?, down: stack(2)? })
}

impl Kernel for MoeKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), ort::Error> {
        let given = context.num_inputs()?;
        let input = |at: usize| if at < given { context.input(at)?.ok_or_else(missing) } else { Err(missing()) };
        let (x, router) = (input(0)?, input(1)?);
        let (shape, x) = x.try_extract_tensor::<f32>()?;
        if shape.last().and_then(|w| usize::try_from(*w).ok()) != Some(self.hidden) {
            return Err(ort::Error::new(format!("the tokens have not {} numbers", self.hidden)));
        }
        let weights = [input(2)?, input(3)?, input(4)?];
        let experts = expert(self.routed, self.experts, &weights)?;
        let weights = if self.shared.is_some() { Some([input(5)?, input(6)?, input(7)?]) } else { None };
        let shared = match (&weights, self.shared) {
            (Some(weights), Some(shapes)) => Some(expert(shapes, 1, weights)?),
            _ => None,
        };
        let router = router.try_extract_tensor::<f32>()?.1;
        let mixture = Mixture { router, experts, shared, routing: self.routing };
        let mut output = context.output(0, shape.to_vec())?.ok_or_else(missing)?;
        let (_, output) = output.try_extract_tensor_mut::<f32>()?;
        with_threads(context, self.calls, |scratch, everywhere| {
            mixture.run(self.level, x, output, scratch, everywhere)
        })?
        .map_err(failed)
    }
}
