//! Clearing away work trees of ours whose worker has died: the next attempt would replace them, but a job that was
//! cancelled, paused or has failed has none, and its work tree would stay in the user's `git worktree list`.

use crate::service::Inner;
use crate::worker::lock;
use deepcoder_apply::clear_scratch_worktree;
use deepcoder_queue::{Queue, QueueError};
use deepcoder_types::{JobId, JobState};

/// Remove every work tree of ours that no running job works in. Best effort: the next sweep retries the rest.
pub(crate) fn sweep(inner: &Inner, queue: &Queue) {
    for entry in std::fs::read_dir(inner.scratch()).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Held until the end: a worker that takes the job meanwhile lists it first, and then makes a new work tree.
        let running = lock(&inner.running);
        if running.contains_key(&JobId(name.clone())) {
            continue;
        }
        let home = match queue.get(&name) {
            // Another process may work on it, or has died unnoticed so far.
            Ok(job) if job.id.0 == name && job.state == JobState::Running => continue,
            Ok(job) if job.id.0 == name => Some(job.spec.repository),
            Ok(_) | Err(QueueError::NotFound(_)) => None,
            Err(_) => return,
        };
        clear_scratch_worktree(&entry.path(), home.as_deref());
    }
}
