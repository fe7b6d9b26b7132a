//! An ONNX Runtime session whose inputs and outputs are bound by address, and whose runs can be interrupted.

use crate::memory::Tensor;
use ort::AsPointer as _;
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::sys;
use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The condition that interrupts a run.
#[derive(Clone, Copy)]
pub(crate) struct Interrupt<'a> {
    due: &'a (dyn Fn() -> bool + Sync),
    /// How often the watching thread checks the condition.
    every: Duration,
}

impl<'a> Interrupt<'a> {
    /// Interrupt the run when `due` returns true. `closely`: a user waits for that, so check more often.
    pub(crate) const fn when(due: &'a (dyn Fn() -> bool + Sync), closely: bool) -> Self {
        Self { due, every: Duration::from_millis(if closely { 2 } else { 10 }) }
    }

    pub(crate) fn is_due(&self) -> bool {
        (self.due)()
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// The logits and the cache hold the result.
    Done,
    /// It was interrupted. The cache still holds all tokens from before the run.
    Interrupted,
}

/// The session with the names of its inputs and outputs.
pub(crate) struct BoundSession {
    session: Session,
    options: RunOptions<NoSelectedOutputs>,
    inputs: Vec<*const c_char>,
    outputs: Vec<*const c_char>,
    // Owns what the pointers point to.
    _names: Vec<CString>,
    // Pointers for one run, reused.
    given: Vec<*const sys::OrtValue>,
    taken: Vec<*mut sys::OrtValue>,
}

// SAFETY: the names are owned, and the pointers in `given` and `taken` are dead outside of `run`, which has `&mut
// self`.
#[expect(unsafe_code, reason = "reused arrays of pointers")]
unsafe impl Send for BoundSession {}

impl BoundSession {
    pub(crate) fn new(session: Session, inputs: &[&str], outputs: &[&str]) -> Result<Self, String> {
        let names = inputs.iter().chain(outputs).map(|name| CString::new(*name));
        let names: Vec<CString> = names.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let (first, rest) = names.split_at(inputs.len());
        let pointers = |names: &[CString]| names.iter().map(|name| name.as_ptr()).collect();
        Ok(Self {
            session,
            options: RunOptions::new().map_err(|e| e.to_string())?,
            inputs: pointers(first),
            outputs: pointers(rest),
            _names: names,
            given: Vec::new(),
            taken: Vec::new(),
        })
    }

    /// Run, with values in the order of the names. With `interrupt`, another thread interrupts the run as soon as the
    /// condition holds.
    ///
    /// # Safety
    /// Each value views memory that nothing else uses meanwhile, or that the graph updates in place as its manifest
    /// promises.
    #[expect(unsafe_code, reason = "values are bound by their address")]
    pub(crate) unsafe fn run<'t>(
        &mut self,
        inputs: impl Iterator<Item = &'t Tensor>,
        outputs: impl Iterator<Item = &'t Tensor>,
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, ort::Error> {
        self.given.clear();
        self.given.extend(inputs.map(Tensor::as_ptr));
        self.taken.clear();
        self.taken.extend(outputs.map(|value| value.as_ptr().cast_mut()));
        if self.given.len() != self.inputs.len() || self.taken.len() != self.outputs.len() {
            return Err(ort::Error::new("a run has other inputs or outputs than its graph"));
        }
        let Some(interrupt) = interrupt else {
            let options = self.options.ptr();
            // SAFETY: as the caller promises.
            return unsafe { self.call(options) }.map(|()| RunOutcome::Done);
        };
        // Options of its own: `terminate` cannot be undone.
        let options = RunOptions::new()?;
        let (done, interrupted) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let watch = || {
                while !done.load(Ordering::Acquire) {
                    if interrupt.is_due() {
                        interrupted.store(true, Ordering::Release);
                        // If this fails, the run ends by itself later.
                        let _ = options.terminate();
                        return;
                    }
                    std::thread::park_timeout(interrupt.every);
                }
            };
            // If no thread can be started, a cancellation takes effect after this run.
            let watcher = std::thread::Builder::new().spawn_scoped(scope, watch).ok();
            // SAFETY: as the caller promises.
            let result = unsafe { self.call(options.ptr()) };
            done.store(true, Ordering::Release);
            if let Some(watcher) = watcher {
                watcher.thread().unpark();
            }
            match result {
                Ok(()) => Ok(RunOutcome::Done),
                Err(_) if interrupted.load(Ordering::Acquire) => Ok(RunOutcome::Interrupted),
                Err(error) => Err(error),
            }
        })
    }

    /// # Safety
    /// As [`BoundSession::run`], for the values in `given` and `taken`; `options` must be valid.
    #[expect(
        unsafe_code,
        reason = "`ort` copies borrowed inputs when they are bound, and refuses one buffer as both input and output"
    )]
    unsafe fn call(&mut self, options: *const sys::OrtRunOptions) -> Result<(), ort::Error> {
        // SAFETY: names and values are arrays of equal lengths whose elements live until the end of this function or
        // longer; what they view is the caller's promise. `&mut self` keeps other runs away.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                options,
                self.inputs.as_ptr(),
                self.given.as_ptr(),
                self.given.len(),
                self.outputs.as_ptr(),
                self.taken.len(),
                self.taken.as_mut_ptr(),
            )
        };
        // SAFETY: the status of the call above, used once.
        unsafe { ort::Error::result_from_status(status) }
    }
}

/// Checks that the graph has exactly these inputs or outputs, with these types and ranks: they are bound by address.
pub(crate) fn check(
    outlets: &[ort::value::Outlet],
    wanted: &[(&str, ort::value::TensorElementType, usize)],
    what: &str,
) -> Result<(), String> {
    if wanted.len() != outlets.len() {
        return Err(format!("its graph has {} {what}s and its manifest {}", outlets.len(), wanted.len()));
    }
    for (name, element, rank) in wanted {
        let outlet = outlets.iter().find(|o| o.name() == *name);
        let outlet = outlet.ok_or_else(|| format!("its graph has no {what} `{name}`"))?;
        let (ty, shape) = (outlet.dtype().tensor_type(), outlet.dtype().tensor_shape());
        if ty != Some(*element) || shape.is_none_or(|s| !s.is_empty() && s.len() != *rank) {
            return Err(format!("the {what} `{name}` of its graph has another type than its manifest says"));
        }
    }
    Ok(())
}

/// Numbers of tokens and rows fit: they are bounded by the context length.
pub(crate) fn index(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
