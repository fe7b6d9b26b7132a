//! Long work off the interpreter's thread, and its cancellation.

use crate::error::{Cancelled, DeepcoderError};
use deepcoder_types::Cancel;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often Ctrl-C is looked for: the interpreter only sets a flag, which its main thread must ask. Shorter than a person notices, longer than costs anything.
pub(crate) const POLL: Duration = Duration::from_millis(40);

/// Cancels the calls that it is given to, from any thread.
///
/// A call that is cancelled raises :class:`Cancelled`. One ``Cancel`` may be given to several calls.
#[pyclass(name = "Cancel", module = "deepcoder._core", frozen)]
#[derive(Default)]
pub(crate) struct PyCancel(Cancel);

#[pymethods]
impl PyCancel {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Ask the work to stop at its next step. Never waits, and may be called again.
    fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether :meth:`cancel` has been called.
    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// The flag that Python passed, or a new one.
pub(crate) fn cancel_of(given: Option<&Bound<'_, PyCancel>>) -> Cancel {
    given.map_or_else(Cancel::new, |given| given.get().0.clone())
}

/// An error that says that the work was cancelled.
pub(crate) fn cancelled() -> PyErr {
    Cancelled::new_err("cancelled")
}

/// Do `work` on another thread while this one waits without the interpreter. Ctrl-C sets `cancel`, waits for the work
/// to end, and raises `KeyboardInterrupt`.
pub(crate) fn off_interpreter<T: Send>(
    py: Python<'_>,
    cancel: &Cancel,
    work: impl FnOnce(&Cancel) -> T + Send,
) -> PyResult<T> {
    until(py, cancel, None, work)
}

/// The time that is `timeout` seconds away. One that is too far away to be a time is none.
pub(crate) fn deadline_of(timeout: Option<f64>) -> PyResult<Option<Instant>> {
    let seconds = timeout.map(|s| Duration::try_from_secs_f64(s.max(0.0))).transpose();
    let seconds = seconds.map_err(|_| PyValueError::new_err("the timeout is not a number of seconds"))?;
    Ok(seconds.and_then(|seconds| Instant::now().checked_add(seconds)))
}

/// As [`off_interpreter`]; a `deadline` that passes sets `cancel`.
pub(crate) fn until<T: Send>(
    py: Python<'_>,
    cancel: &Cancel,
    deadline: Option<Instant>,
    work: impl FnOnce(&Cancel) -> T + Send,
) -> PyResult<T> {
    py.detach(|| {
        std::thread::scope(|scope| {
            let (done, waiting) = channel();
            scope.spawn(move || {
                // The receiver waits for exactly this message, so that sending cannot fail.
                _ = done.send(catch_unwind(AssertUnwindSafe(|| work(cancel))));
            });
            let mut interrupt = None;
            loop {
                match waiting.recv_timeout(POLL) {
                    Ok(Ok(value)) => return interrupt.map_or(Ok(value), Err),
                    Ok(Err(panic)) => return Err(panicked(panic.as_ref())),
                    Err(RecvTimeoutError::Disconnected) => return Err(panicked(&"the worker thread is gone")),
                    Err(RecvTimeoutError::Timeout) => {
                        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                            cancel.cancel();
                        }
                        if interrupt.is_none()
                            && let Err(error) = Python::attach(|py| py.check_signals())
                        {
                            cancel.cancel();
                            interrupt = Some(error);
                        }
                    }
                }
            }
        })
    })
}

/// Do `work` on a thread that may outlive the call: when Ctrl-C comes or `cancel` is set, the caller does not wait for its end.
pub(crate) fn leave_behind<T: Send + 'static>(
    py: Python<'_>,
    cancel: &Cancel,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    py.detach(|| {
        let (done, waiting) = channel();
        let give_up = done.clone();
        let _waiting = cancel.on_cancel(move || give_up.send(None).unwrap_or_default());
        std::thread::spawn(move || {
            // The send fails when the caller has stopped waiting.
            _ = done.send(Some(catch_unwind(AssertUnwindSafe(work))));
        });
        loop {
            match waiting.recv_timeout(POLL) {
                Ok(Some(Ok(value))) => return Ok(value),
                Ok(Some(Err(panic))) => return Err(panicked(panic.as_ref())),
                Ok(None) => return Err(cancelled()),
                Err(RecvTimeoutError::Disconnected) => return Err(panicked(&"the worker thread is gone")),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
            }
        }
    })
}

/// The next message, or `None` when no more can come. Ctrl-C sets `cancel` and raises `KeyboardInterrupt`. The caller
/// must have detached from the interpreter.
pub(crate) fn receive<T>(from: &Receiver<T>, cancel: &Cancel) -> PyResult<Option<T>> {
    loop {
        match from.recv_timeout(POLL) {
            Ok(message) => return Ok(Some(message)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = Python::attach(|py| py.check_signals()) {
                    cancel.cancel();
                    return Err(error);
                }
            }
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    DeepcoderError::new_err(format!("deepcoder has a defect: {text}"))
}
