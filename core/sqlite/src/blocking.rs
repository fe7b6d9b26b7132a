//! Waiting for what is asynchronous, from any thread.

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime without I/O: SQLite works on a thread of its own, and only its answers are awaited.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().build()
}

/// Wait for `task`.
pub fn wait<T: Send>(runtime: &Runtime, task: impl Future<Output = T> + Send) -> T {
    off_runtime(|| runtime.block_on(task))
}

/// Call `work`, which blocks. A thread that already drives a runtime must not block in another, so a helper thread does
/// it there.
pub fn off_runtime<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if Handle::try_current().is_err() {
        return work();
    }
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
