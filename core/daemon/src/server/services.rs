//! Calls into the services. They block, so that they run on threads of their own: see `calls`.

use super::Shared;
use super::calls::broken;
use super::sink::Sink;
use deepcoder_protocol::wire::{Body, Failure, JobOp, Refusal, TaskOp, WatchOp};
use deepcoder_protocol::{Jobs, Tasks, Watching};
use deepcoder_types::{Cancel, JobEvent, TaskEvent};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// Threads that follow a task or wait for it to land.
pub(super) const MOST_WAITERS: usize = 256;

/// Events that a follower gets at a time.
const PAGE: u32 = 256;

/// The most events of one answer: a client asks again behind the last one.
const MOST_EVENTS: u32 = 10_000;

/// A follower looks again at most this often: changes in between are one.
const BREATH: Duration = Duration::from_millis(20);

/// And at least this often, should it have missed that it was cancelled.
const PATIENCE: Duration = Duration::from_millis(200);

/// Answer one operation about jobs, of a client with the permits `own`.
pub(super) async fn jobs(shared: Arc<Shared>, own: Arc<Semaphore>, op: JobOp, sink: Arc<Sink>) {
    let Some(jobs) = shared.services.jobs.clone() else {
        return sink.finish_soon(unsupported("background jobs")).await;
    };
    match op {
        JobOp::Follow { id, after } => follow(shared, own, jobs, id, after, sink).await,
        op => {
            let body = call(&shared, &own, &sink, move || job(jobs.as_ref(), op)).await;
            sink.finish_soon(body).await;
        }
    }
}

/// Answer one operation about watched repositories.
pub(super) async fn watching(shared: Arc<Shared>, own: Arc<Semaphore>, op: WatchOp, sink: Arc<Sink>) {
    let Some(watching) = shared.services.watching.clone() else {
        return sink.finish_soon(unsupported("watching")).await;
    };
    let body = call(&shared, &own, &sink, move || watch(watching.as_ref(), op)).await;
    sink.finish_soon(body).await;
}

/// Answer one operation about tasks.
pub(super) async fn tasks(shared: Arc<Shared>, own: Arc<Semaphore>, op: TaskOp, sink: Arc<Sink>) {
    let Some(tasks) = shared.services.tasks.clone() else {
        return sink.finish_soon(unsupported("tasks")).await;
    };
    match op {
        // These take as long as the task or the user's hooks do.
        op @ (TaskOp::Follow { .. } | TaskOp::Decide { .. }) => wait(shared, tasks, op, sink).await,
        op => {
            let none = Cancel::new();
            let body = call(&shared, &own, &sink, move || task(tasks.as_ref(), op, &none, &mut |_| {})).await;
            sink.finish_soon(body).await;
        }
    }
}

fn task(tasks: &dyn Tasks, op: TaskOp, cancel: &Cancel, on_event: &mut dyn FnMut(TaskEvent)) -> Result<Body, Failure> {
    let one = |task| Body::Task(Box::new(task));
    Ok(match op {
        TaskOp::Submit { request } => one(tasks.submit(*request)?),
        TaskOp::List { repository } => {
            let mut list = tasks.list(repository.as_deref())?;
            list.iter_mut().filter_map(|task| task.result.as_mut()).for_each(|result| result.diff.clear());
            Body::Tasks(list)
        }
        TaskOp::Get { id } => one(tasks.get(&id)?),
        TaskOp::Follow { id, after } => one(tasks.follow(&id, after, cancel, on_event)?),
        TaskOp::Cancel { id } => one(tasks.cancel(&id)?),
        TaskOp::Decide { id, decision } => one(tasks.decide(&id, &decision)?),
        TaskOp::Text { id, path } => Body::Text(tasks.text(&id, &path)?),
        TaskOp::Content { id } => Body::Content(tasks.content(&id)?),
        TaskOp::Forget { id } => {
            tasks.forget(&id)?;
            Body::Ok
        }
    })
}

/// Run `op` on a thread of its own until it is done, the client leaves, or the server ends. A client that reads slowly
/// holds up this thread and not the task, which keeps its events.
async fn wait(shared: Arc<Shared>, tasks: Arc<dyn Tasks>, op: TaskOp, sink: Arc<Sink>) {
    let Ok(permit) = Arc::clone(&shared.waiters).try_acquire_owned() else {
        let busy = Failure::Busy(format!("{MOST_WAITERS} clients follow tasks already"));
        return sink.finish_soon(Body::error(busy)).await;
    };
    let (runtime, out) = (Handle::current(), Arc::clone(&sink));
    let (ended, mut end) = oneshot::channel();
    let work = move || {
        let mut send = |event| _ = runtime.block_on(out.part(Body::TaskEvent(event)));
        let result = catch_unwind(AssertUnwindSafe(|| task(tasks.as_ref(), op, out.cancel(), &mut send)));
        let body = result.unwrap_or_else(|_| Err(broken())).unwrap_or_else(Body::error);
        out.finish_blocking(body);
        drop(permit);
        // The other end is gone where the server ends.
        _ = ended.send(());
    };
    if let Err(e) = std::thread::Builder::new().name("deepcoder-task".into()).spawn(work) {
        return sink.finish_soon(Body::error(Failure::Busy(e.to_string()))).await;
    }
    let mut stop = shared.stop.subscribe();
    let stopping = tokio::select! {
        _ = &mut end => false,
        stopped = stop.wait_for(|stop| *stop) => stopped.is_ok(),
    };
    if stopping {
        sink.finish_soon(Body::error(Failure::Stopping)).await;
        sink.cancel().cancel();
    }
}

fn job(jobs: &dyn Jobs, op: JobOp) -> Result<Body, Failure> {
    let one = |job| Body::Job(Box::new(job));
    Ok(match op {
        JobOp::Add { spec } => Body::Added(Box::new(jobs.add(*spec)?)),
        JobOp::Get { id } => one(jobs.get(&id)?),
        JobOp::List { filter } => {
            let mut list = jobs.list(&filter)?;
            // A page of lists is not to carry megabytes; who wants a diff asks for the job.
            list.iter_mut().filter_map(|job| job.result.as_mut()).for_each(|result| result.diff.clear());
            Body::Jobs(list)
        }
        JobOp::Events { id, after, limit } => Body::JobEvents(jobs.events(&id, after, limit.min(MOST_EVENTS))?),
        JobOp::Cancel { id } => one(jobs.cancel(&id)?),
        JobOp::Retry { id } => one(jobs.retry(&id)?),
        JobOp::Pause { id } => one(jobs.pause(&id)?),
        JobOp::Resume { id } => one(jobs.resume(&id)?),
        JobOp::Review { id, decision } => one(jobs.review(&id, &decision)?),
        JobOp::Counts => Body::JobCounts(jobs.counts()?),
        // It has a task of its own.
        JobOp::Follow { id, .. } => one(jobs.get(&id)?),
    })
}

fn watch(watching: &dyn Watching, op: WatchOp) -> Result<Body, Failure> {
    Ok(match op {
        WatchOp::Add { root } => Body::Watched(vec![watching.watch(&root)?]),
        WatchOp::Remove { root } => Body::Unwatched(watching.unwatch(&root)?),
        WatchOp::List => Body::Watched(watching.list()),
    })
}

/// Send the events of a job as they come, and the job itself once it is over and all of them are sent.
async fn follow(
    shared: Arc<Shared>,
    own: Arc<Semaphore>,
    jobs: Arc<dyn Jobs>,
    id: String,
    mut after: u64,
    sink: Arc<Sink>,
) {
    let mut changes = shared.changes.subscribe();
    let mut stop = shared.stop.subscribe();
    loop {
        if sink.is_finished() || sink.cancel().is_cancelled() {
            return sink.finish_soon(Body::error(Failure::Cancelled)).await;
        }
        // Marked as seen before the database is asked, so that what comes meanwhile is looked at too.
        changes.borrow_and_update();
        let (from, jobs, id) = (after, Arc::clone(&jobs), id.clone());
        let look = move || {
            // The job before its events: if it was over by then, they are all there.
            let job = jobs.get(&id)?;
            let events = jobs.events(&job.id.0, from, PAGE)?;
            Ok((job, events))
        };
        let (job, events): (_, Vec<JobEvent>) = match shared.calls.run(&own, &sink, look).await {
            Ok(found) => found,
            Err(failure) => return sink.finish_soon(Body::error(failure)).await,
        };
        let full = events.len() >= PAGE as usize;
        for event in events {
            after = event.seq;
            if !sink.part(Body::JobEvent(event)).await {
                return sink.finish_soon(Body::error(Failure::Cancelled)).await;
            }
        }
        if full {
            continue;
        }
        if job.state.is_over() {
            return sink.finish_soon(Body::Job(Box::new(job))).await;
        }
        sleep(BREATH).await;
        let stopping = tokio::select! {
            changed = timeout(PATIENCE, changes.changed()) => changed.is_ok_and(|alive| alive.is_err()),
            ended = stop.wait_for(|stop| *stop) => ended.is_ok(),
        };
        if stopping {
            return sink.finish_soon(Body::error(Failure::Stopping)).await;
        }
    }
}

async fn call(
    shared: &Shared,
    own: &Arc<Semaphore>,
    sink: &Sink,
    work: impl FnOnce() -> Result<Body, Failure> + Send + 'static,
) -> Body {
    shared.calls.run(own, sink, work).await.unwrap_or_else(Body::error)
}

fn unsupported(what: &str) -> Body {
    let message = format!("this daemon does no {what}");
    let hint = Some("end it with `deepcoder stop`; the next command starts one that does".into());
    Body::error(Failure::Refused { reason: Refusal::Unsupported, message, hint })
}
