//! A process that forks, and its child.
//!
//! A forked child has one thread. The threads of an engine, of a generation and of SQLite are gone, so a child that waits
//! for one of them, or for a lock that one of them held, never ends. SQLite also keeps its locks per process: a child that
//! opens a history which its parent has open is not locked against anyone.
//!
//! So values that rest on threads belong to one process ([`Owned`]): a child neither uses nor drops them. Histories are
//! closed before a fork ([`before`]), and both processes open theirs again ([`Slot`]).

use deepcoder_app::Repo;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Forks between the first process and this one, as far as Python reports them.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Whether this process was forked while a history was open.
static TORN: AtomicBool = AtomicBool::new(false);

/// Every repository that is open.
static SLOTS: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

/// Identifies a process. The number alone would do, were it not given to another process later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    id: u32,
    forks: u64,
}

impl Process {
    fn current() -> Self {
        Self { id: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }
}

/// A value of one process. A forked child gets [`None`], and forgets the value instead of dropping it.
pub(crate) struct Owned<T> {
    value: Option<T>,
    process: Process,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Some(value), process: Process::current() }
    }

    /// The value, in its own process.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.process == Process::current())
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.process != Process::current() {
            std::mem::forget(self.value.take());
        }
    }
}

/// A repository that is open in this process, or was in the process that forked it.
///
/// The lock is held for moments and by threads that hold the interpreter's lock, as the thread that forks does; so no
/// child inherits it locked.
pub(crate) struct Slot(Mutex<Option<Owned<Arc<Repo>>>>);

/// This process was forked while a history was open.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this process was forked while the history of edits was in use, so it cannot use the history")]
pub(crate) struct Torn;

impl deepcoder_types::Hint for Torn {
    fn hint(&self) -> Option<String> {
        Some("start processes with multiprocessing.get_context(\"spawn\")".into())
    }
}

impl Slot {
    pub(crate) fn new(repo: Arc<Repo>) -> Result<Arc<Self>, Torn> {
        whole()?;
        let slot = Arc::new(Self(Mutex::new(Some(Owned::new(repo)))));
        let mut slots = lock(&SLOTS);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        Ok(slot)
    }

    /// The open repository; [`None`] where it was closed for a fork.
    pub(crate) fn get(&self) -> Result<Option<Arc<Repo>>, Torn> {
        whole()?;
        Ok(lock(&self.0).as_ref().and_then(Owned::get).cloned())
    }

    /// Keep `repo` open, unless another thread has opened it meanwhile; the one that is kept.
    pub(crate) fn put(&self, repo: Arc<Repo>) -> Arc<Repo> {
        let mut slot = lock(&self.0);
        if let Some(open) = slot.as_ref().and_then(Owned::get) {
            return Arc::clone(open);
        }
        *slot = Some(Owned::new(Arc::clone(&repo)));
        repo
    }

    /// Whether the parent of this process had it open when it forked.
    fn is_foreign(&self) -> bool {
        lock(&self.0).as_ref().is_some_and(|owned| owned.get().is_none())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.is_foreign() {
            TORN.store(true, Ordering::Relaxed);
        }
    }
}

/// An error where SQLite's locks are not what they seem. Forks that no hook reports are seen by the process's number.
fn whole() -> Result<(), Torn> {
    let foreign = || slots().iter().any(|slot| slot.is_foreign());
    if TORN.load(Ordering::Relaxed) || foreign() {
        TORN.store(true, Ordering::Relaxed);
        return Err(Torn);
    }
    Ok(())
}

/// The open repositories; a slot may be dropped here, so the list is not locked meanwhile.
fn slots() -> Vec<Arc<Slot>> {
    lock(&SLOTS).iter().filter_map(Weak::upgrade).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Close every repository that no thread uses, so that no child inherits an open history.
#[pyfunction]
pub(crate) fn before() {
    for slot in slots() {
        let idle = |open: &mut Owned<Arc<Repo>>| open.get().is_some_and(|repo| Arc::strong_count(repo) == 1);
        let closed = lock(&slot.0).take_if(idle);
        drop(closed);
    }
}

/// Make what belongs to the parent unusable here.
#[pyfunction]
pub(crate) fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    // Remembers it where a repository could not be closed.
    _ = whole();
    crate::exit::in_child();
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let hooks = pyo3::types::PyDict::new(py);
    hooks.set_item("before", pyo3::wrap_pyfunction!(before, module)?)?;
    hooks.set_item("after_in_child", pyo3::wrap_pyfunction!(in_child, module)?)?;
    let os = py.import("os")?;
    // Windows has no fork, and so no hooks.
    if os.hasattr("register_at_fork")? {
        os.call_method("register_at_fork", (), Some(&hooks))?;
    }
    Ok(())
}
