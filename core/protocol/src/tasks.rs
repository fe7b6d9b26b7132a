//! The interface of the application layer.

use crate::service::Models;
use crate::wire::Failure;
use deepcoder_types::{Cancel, Decision, JobState, RepoPath, Request, Task, TaskEvent};
use std::path::Path;
use std::sync::Arc;

/// The requests in flight, and those that have ended and are still known. The application implements it in the process,
/// and [`RemoteTasks`](crate::client::RemoteTasks) over the socket.
///
/// An `id` may be any prefix that names one task only. Calls may block for as long as the disk takes.
pub trait Tasks: Send + Sync {
    /// Begin. The daemon calls it once, when it listens; returns at once.
    fn start(&self, _models: Arc<dyn Models>) -> Result<(), Failure> {
        Ok(())
    }

    /// End the tasks that run; returns when none runs any more.
    fn stop(&self) {}

    /// Check `request` and begin to carry it out. Returns at once; [`Tasks::follow`] tells how it goes.
    fn submit(&self, request: Request) -> Result<Task, Failure>;

    /// The tasks of a repository, or all that are known, newest first.
    fn list(&self, repository: Option<&Path>) -> Result<Vec<Task>, Failure>;

    /// One task.
    fn get(&self, id: &str) -> Result<Task, Failure>;

    /// Every event of a task behind number `after`, as it comes; then the task, once it no longer runs.
    /// [`Failure::Cancelled`] soon after `cancel` is set, which has no effect on the task.
    fn follow(
        &self,
        id: &str,
        after: u64,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(TaskEvent),
    ) -> Result<Task, Failure>;

    /// Cancel a task; one that runs ends within one decode step.
    fn cancel(&self, id: &str) -> Result<Task, Failure>;

    /// Decide about a result. Returns when it has landed, which may take as long as the user's commit hooks.
    fn decide(&self, id: &str, decision: &Decision) -> Result<Task, Failure>;

    /// The text that the file `path` would have; `None` where the result leaves it alone or deletes it.
    fn text(&self, id: &str, path: &RepoPath) -> Result<Option<String>, Failure>;

    /// The result with the bytes of its files, as the application encodes it: for a client that lands it with its own
    /// environment.
    fn content(&self, id: &str) -> Result<Vec<u8>, Failure>;

    /// Forget a task that no longer runs, with its result.
    fn forget(&self, id: &str) -> Result<(), Failure>;

    /// How many tasks run. The daemon calls it for each client that connects.
    fn running(&self) -> usize {
        let running = |tasks: Vec<Task>| tasks.iter().filter(|task| task.state == JobState::Running).count();
        self.list(None).map_or(0, running)
    }
}
