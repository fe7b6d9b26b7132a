//! Deepcoder's own operators, in the domain `ai.deepcoder`, for graphs whose weights are blocks of GGUF in the layout
//! of `deepcoder-kernels`:
//!
//! - `GgufMatMul` and `GgufGather`: a product with a matrix and rows of one; the attributes `type` (GGUF's name), `N`
//!   and `K` describe it;
//! - `PagedGroupedAttention` and `PagedLatentAttention`: attention over pages of keys and values, or of latents, which
//!   they write to in place;
//! - `GgufFeedForward`: a gated network;
//! - `GgufMoe`: a mixture of such networks with its router.

mod feed_forward;
mod gather;
mod matmul;
mod moe;
mod paged;
mod paged_grouped;
mod paged_latent;
#[cfg(test)]
mod tests;

use deepcoder_kernels::{Format, Matrix, Scratch, Stack};
use ort::operator::{ComputeContext, KernelContext, OperatorDomain};
use ort::value::TensorElementType as Type;
use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

/// The operators' domain.
const DOMAIN: &str = "ai.deepcoder";

thread_local! {
    // One for all operators: they run one after the other.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Build a session with the domain.
pub(crate) fn build<T, E>(build: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    static REGISTERED: Mutex<bool> = Mutex::new(false);
    first_alone(&REGISTERED, build)
}

/// The first session with a domain registers it with the runtime for all. Of two that are built at once one fails, as both
/// do that: so the first is built alone.
fn first_alone<T, E>(is_registered: &Mutex<bool>, build: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let mut registered = is_registered.lock().unwrap_or_else(PoisonError::into_inner);
    if *registered {
        drop(registered);
        return build();
    }
    let session = build();
    *registered = session.is_ok();
    session
}

/// The domain with its operators; ONNX Runtime must have been started.
pub(crate) fn domain() -> Result<OperatorDomain, ort::Error> {
    let mut domain = OperatorDomain::new(DOMAIN)?.add(matmul::MatMul)?.add(gather::Gather)?.add(moe::Moe)?;
    domain = domain.add(feed_forward::FeedForward)?.add(paged_grouped::PagedGrouped)?;
    // An operator for each combination of types that the inputs may have.
    for keys in [Type::Uint8, Type::Float32] {
        for values in [Type::Uint8, Type::Float32] {
            domain = domain.add(paged_latent::PagedLatent { keys, values })?;
        }
    }
    Ok(domain)
}

fn missing() -> ort::Error {
    ort::Error::new("an input or the output is missing")
}

/// As an error of the runtime, which has a text only.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: impl ToString) -> ort::Error {
    ort::Error::new(error.to_string())
}

/// A node's attribute that is a size, and not zero.
fn size(node: &KernelContext<'_>, name: &str) -> Result<usize, ort::Error> {
    let value = node.get::<i64>(name).and_then(|v| usize::try_from(v).ok()).filter(|v| *v > 0);
    value.ok_or_else(|| ort::Error::new(format!("the attribute `{name}` is missing or not a size")))
}

/// A node's attribute that is a number or a flag, and may be missing.
fn count(node: &KernelContext<'_>, name: &str, default: usize) -> Result<usize, ort::Error> {
    let value = node.get::<i64>(name).map_or(Some(default), |v| usize::try_from(v).ok());
    value.ok_or_else(|| ort::Error::new(format!("the attribute `{name}` is below zero")))
}

/// A node's attribute that is a finite number.
fn number(node: &KernelContext<'_>, name: &str) -> Result<f32, ort::Error> {
    let value = node.get::<f32>(name).filter(|v| v.is_finite());
    value.ok_or_else(|| ort::Error::new(format!("the attribute `{name}` is missing or not a number")))
}

/// A node's attribute that is GGUF's name of a format.
fn format(node: &KernelContext<'_>, name: &str) -> Result<Format, ort::Error> {
    let format = node.get::<String>(name).and_then(|name| Format::from_name(&name));
    format.ok_or_else(|| ort::Error::new(format!("the attribute `{name}` is missing or not known")))
}

/// The shape of a matrix, or of several.
#[derive(Debug, Clone, Copy)]
struct Shape {
    format: Format,
    rows: usize,
    columns: usize,
}

impl Shape {
    fn of(node: &KernelContext<'_>) -> Result<Self, ort::Error> {
        Ok(Self { format: format(node, "type")?, rows: size(node, "N")?, columns: size(node, "K")? })
    }

    fn matrix(self, tiles: &[u8]) -> Result<Matrix<'_>, ort::Error> {
        Matrix::new(self.format, self.rows, self.columns, tiles).map_err(failed)
    }

    fn stack(self, count: usize, tiles: &[u8]) -> Result<Stack<'_>, ort::Error> {
        Stack::new(self.format, count, self.rows, self.columns, tiles).map_err(failed)
    }
}

/// Enough parallel calls for every thread to get one.
fn calls() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Calls `f` with scratch memory, and with a function that runs a closure on all threads of the runtime.
fn with_threads<R>(
    context: &ComputeContext,
    calls: usize,
    f: impl FnOnce(&mut Scratch, &dyn Fn(&(dyn Fn() + Sync))) -> R,
) -> Result<R, ort::Error> {
    let failed = RefCell::new(None);
    // A call that starts after all work is taken returns at once.
    let everywhere = |work: &(dyn Fn() + Sync)| {
        if let Err(error) = context.par_for(calls, 0, |_| work()) {
            failed.replace(Some(error));
        }
    };
    let result = SCRATCH.with_borrow_mut(|scratch| f(scratch, &everywhere));
    failed.into_inner().map_or(Ok(result), Err)
}
