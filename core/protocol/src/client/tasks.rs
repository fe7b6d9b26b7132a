//! Tasks, asked for over the socket.

use super::services::DATABASE;
use super::{CallError, Client, ConnectError};
use crate::tasks::Tasks;
use crate::wire::{Body, Failure, Op, TaskOp};
use deepcoder_types::{Cancel, Decision, RepoPath, Request, Task, TaskEvent};
use std::path::{Path, PathBuf};

/// An `id` is any prefix that names one task only.
impl Client {
    /// Begin to carry out `request`.
    pub fn submit(&mut self, request: &Request) -> Result<Task, CallError> {
        self.one_task(TaskOp::Submit { request: Box::new(request.clone()) })
    }

    /// The tasks of a repository, or all that are known, newest first, without their diffs.
    pub fn tasks(&mut self, repository: Option<&Path>) -> Result<Vec<Task>, CallError> {
        match self.task_call(TaskOp::List { repository: repository.map(Path::to_owned) })? {
            Body::Tasks(tasks) => Ok(tasks),
            _ => Err(self.confused()),
        }
    }

    /// One task.
    pub fn task(&mut self, id: &str) -> Result<Task, CallError> {
        self.one_task(TaskOp::Get { id: id.into() })
    }

    /// Every event of a task behind number `after`, as it comes; then the task, once it no longer runs.
    /// [`CallError::Cancelled`] once `cancel` is set, which has no effect on the task.
    pub fn follow_task(
        &mut self,
        id: &str,
        after: u64,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(TaskEvent),
    ) -> Result<Task, CallError> {
        let op = Op::Task(TaskOp::Follow { id: id.into(), after });
        let result = self.call(op, cancel, None, &mut |part| {
            if let Body::TaskEvent(event) = part {
                on_event(event);
            }
        });
        match result? {
            Body::Task(task) => Ok(*task),
            _ => Err(self.confused()),
        }
    }

    /// Cancel a task.
    pub fn cancel_task(&mut self, id: &str) -> Result<Task, CallError> {
        self.one_task(TaskOp::Cancel { id: id.into() })
    }

    /// Decide about a task's result. Returns when it has landed.
    pub fn decide_task(&mut self, id: &str, decision: &Decision) -> Result<Task, CallError> {
        let op = Op::Task(TaskOp::Decide { id: id.into(), decision: decision.clone() });
        // The user's commit hooks take as long as they take.
        match self.call(op, &Cancel::new(), None, &mut |_| {})? {
            Body::Task(task) => Ok(*task),
            _ => Err(self.confused()),
        }
    }

    /// The text that the file `path` would have; `None` where the result leaves it alone or deletes it.
    pub fn task_text(&mut self, id: &str, path: &RepoPath) -> Result<Option<String>, CallError> {
        match self.task_call(TaskOp::Text { id: id.into(), path: path.clone() })? {
            Body::Text(text) => Ok(text),
            _ => Err(self.confused()),
        }
    }

    /// The result with the bytes of its files.
    pub fn task_content(&mut self, id: &str) -> Result<Vec<u8>, CallError> {
        match self.task_call(TaskOp::Content { id: id.into() })? {
            Body::Content(bytes) => Ok(bytes),
            _ => Err(self.confused()),
        }
    }

    /// Forget a task that no longer runs.
    pub fn forget_task(&mut self, id: &str) -> Result<(), CallError> {
        self.task_call(TaskOp::Forget { id: id.into() }).map(drop)
    }

    fn one_task(&mut self, op: TaskOp) -> Result<Task, CallError> {
        match self.task_call(op)? {
            Body::Task(task) => Ok(*task),
            _ => Err(self.confused()),
        }
    }

    fn task_call(&mut self, op: TaskOp) -> Result<Body, CallError> {
        self.call(Op::Task(op), &Cancel::new(), Some(DATABASE), &mut |_| {})
    }
}

/// Whether a connection may start a daemon where none runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It may.
    Allowed,
    /// It is not worth a process.
    Not,
}

type Connect = dyn Fn(Start) -> Result<Client, Failure> + Send + Sync;

/// The tasks of a daemon, which look like those of an application in the process. Each call has a connection of its own.
pub struct RemoteTasks(Box<Connect>);

impl RemoteTasks {
    /// Those of the daemon at `socket`, which must be running.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        let socket = socket.into();
        Self::with(move |_| Client::connect(&socket).map_err(ConnectError::into))
    }

    /// Those of the daemon that `connect` reaches, or starts where it may.
    pub fn with(connect: impl Fn(Start) -> Result<Client, Failure> + Send + Sync + 'static) -> Self {
        Self(Box::new(connect))
    }

    fn call<T>(&self, call: impl FnOnce(&mut Client) -> Result<T, CallError>) -> Result<T, Failure> {
        Ok(call(&mut (self.0)(Start::Allowed)?)?)
    }
}

impl Tasks for RemoteTasks {
    fn submit(&self, request: Request) -> Result<Task, Failure> {
        self.call(|client| client.submit(&request))
    }

    fn list(&self, repository: Option<&Path>) -> Result<Vec<Task>, Failure> {
        self.call(|client| client.tasks(repository))
    }

    fn get(&self, id: &str) -> Result<Task, Failure> {
        self.call(|client| client.task(id))
    }

    /// A connection that is lost is made anew, and no event is missed or seen twice.
    fn follow(
        &self,
        id: &str,
        after: u64,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(TaskEvent),
    ) -> Result<Task, Failure> {
        let mut seen = after;
        loop {
            let from = seen;
            let result = (self.0)(Start::Allowed)?.follow_task(id, from, cancel, &mut |event| {
                seen = event.seq;
                on_event(event);
            });
            match result {
                // Once more only where the last connection brought something, or a broken daemon is asked forever.
                Err(CallError::Lost(_) | CallError::Io(_)) if seen > from => {}
                result => return Ok(result?),
            }
        }
    }

    fn cancel(&self, id: &str) -> Result<Task, Failure> {
        self.call(|client| client.cancel_task(id))
    }

    fn decide(&self, id: &str, decision: &Decision) -> Result<Task, Failure> {
        self.call(|client| client.decide_task(id, decision))
    }

    fn text(&self, id: &str, path: &RepoPath) -> Result<Option<String>, Failure> {
        self.call(|client| client.task_text(id, path))
    }

    fn content(&self, id: &str) -> Result<Vec<u8>, Failure> {
        self.call(|client| client.task_content(id))
    }

    /// Starts no daemon: a result that waits in a file waits on.
    fn forget(&self, id: &str) -> Result<(), Failure> {
        Ok((self.0)(Start::Not)?.forget_task(id)?)
    }
}
