//! What this process knows of a task.

use deepcoder_pipeline::Run;
use deepcoder_types::{Cancel, Event, JobState, Request, Task, TaskEvent};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Tasks that have ended and are still known, so that a client that was away finds them.
const MOST_ENDED: usize = 64;

/// A task that this process knows.
pub(crate) struct Entry {
    pub(crate) cancel: Cancel,
    pub(crate) state: Mutex<State>,
    pub(crate) bell: Condvar,
}

pub(crate) struct State {
    pub(crate) task: Task,
    /// With the buffers that the task does not show.
    pub(crate) request: Request,
    pub(crate) events: Vec<TaskEvent>,
    /// Kept while a caller in this process may ask for more than the task's result.
    pub(crate) run: Option<Run>,
}

impl Entry {
    pub(crate) fn push(&self, event: Event) {
        lock(&self.state).push(event);
        self.bell.notify_all();
    }
}

impl State {
    pub(crate) fn push(&mut self, event: Event) {
        let seq = self.events.len() as u64 + 1;
        self.events.push(TaskEvent { seq, event });
        self.task.events = seq;
    }

    pub(crate) const fn end(&mut self, to: JobState, now_ms: u64) {
        self.task.state = to;
        self.task.finished_ms = Some(now_ms);
    }
}

/// Forgets the tasks that ended first, but for those whose result waits.
pub(crate) fn forget_oldest(tasks: &mut BTreeMap<String, Arc<Entry>>) {
    let ended = |entry: &Arc<Entry>| {
        let state = lock(&entry.state);
        (!matches!(state.task.state, JobState::Running | JobState::Review)).then_some(state.task.finished_ms)
    };
    let mut all: Vec<_> = tasks.iter().filter_map(|(id, entry)| Some((ended(entry)?, id.clone()))).collect();
    all.sort();
    for (_, id) in all.iter().take(all.len().saturating_sub(MOST_ENDED)) {
        tasks.remove(id);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
