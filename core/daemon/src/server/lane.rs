//! The two threads that have the model: one for the users' own requests, one for what runs in the background.

use super::queue::{Begun, Job, Loaded, Next, Queue, Work};
use super::{ModelLoader, Shared};
use deepcoder_protocol::wire::{Body, Failure};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, Timing, TokenEvent, Usage,
};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Answer users' own requests, one at a time, until the queue is stopped. A panic in the model costs its job and the
/// model, not the server.
pub(super) fn front(shared: &Shared, loader: &dyn ModelLoader) {
    let queue = &shared.queue;
    loop {
        let loaded = queue.loaded().is_some();
        let limit = if loaded { Some(shared.options.idle) } else { shared.options.exit };
        match queue.next(limit) {
            Next::Stop => break,
            Next::Idle if loaded => queue.set_loaded(None),
            // A client that stays connected will send more requests.
            Next::Idle if shared.clients() == 0 && !shared.has_duties() => _ = shared.stop.send_replace(true),
            Next::Idle => {}
            Next::Job(job) => {
                let body = guarded(|| answer(shared, loader, &job), || queue.set_loaded(None));
                shared.served.fetch_add(1, Ordering::Relaxed);
                job.sink.finish_blocking(body);
            }
        }
    }
    queue.set_loaded(None);
}

/// Do background work, until the queue is stopped.
pub(super) fn back(shared: &Shared, loader: &dyn ModelLoader) {
    while let Some(mut begun) = shared.queue.next_background() {
        let body = guarded(|| attempt(shared, loader, &mut begun), || shared.queue.set_loaded(None));
        // Preempted by a user's own request, not cancelled by its client.
        let ended = !matches!(&body, Body::Done(g) if g.finish != FinishReason::Cancelled);
        let again = ended && begun.attempt.is_cancelled() && !begun.job.sink.cancel().is_cancelled();
        // Before the answer: the client that has it may ask for the cost.
        shared.queue.charge(&begun);
        if !again {
            shared.served.fetch_add(1, Ordering::Relaxed);
            begun.job.sink.finish_blocking(body);
        }
        shared.queue.end_background(begun, again);
    }
}

/// The last event of a generation that was cancelled before its first token.
pub(super) fn cancelled() -> Body {
    Body::Done(nothing())
}

/// A generation that was cancelled before its first token.
pub(super) fn nothing() -> Generation {
    Generation {
        text: String::new(),
        finish: FinishReason::Cancelled,
        usage: Usage::default(),
        timing: Timing::default(),
    }
}

/// The token count by a model that is in memory.
pub(super) fn count(model: &dyn LanguageModel, text: &str) -> Body {
    let count = || match model.count_tokens(text) {
        Ok(count) => Body::Count(count),
        Err(e) => Body::error(e),
    };
    guarded(count, || {})
}

/// Turn a panic into an answer.
fn guarded(work: impl FnOnce() -> Body, on_panic: impl FnOnce()) -> Body {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        on_panic();
        Body::error(GenerateError::Engine(format!("it panicked: {}", message(panic.as_ref()))))
    })
}

fn answer(shared: &Shared, loader: &dyn ModelLoader, job: &Job) -> Body {
    let sink = &job.sink;
    if matches!(job.work, Work::Unload) {
        shared.queue.clear_the_way(None);
        shared.queue.set_loaded(None);
        return Body::Ok;
    }
    if sink.cancel().is_cancelled() {
        return cancelled_as(&job.work);
    }
    shared.queue.clear_the_way(Some(&job.model));
    let model = match load(shared, loader, &job.model, sink.cancel(), |queue| {
        queue.set_loaded(None);
        true
    }) {
        Ok(model) => model,
        Err(e) => return Body::error(e),
    };
    if !sink.start() {
        return cancelled_as(&job.work);
    }
    let generate = |request: &GenerateRequest| {
        model.generate(request, sink.cancel(), &mut |token| sink.token(token)).map_or_else(Body::error, Body::Done)
    };
    work(shared, &job.work, model.as_ref(), generate)
}

fn attempt(shared: &Shared, loader: &dyn ModelLoader, begun: &mut Begun) -> Body {
    let Begun { job, attempt, .. } = begun;
    let model = match load(shared, loader, &job.model, attempt, |queue| {
        let free = queue.unload_for_background();
        if !free {
            attempt.cancel();
        }
        free
    }) {
        Ok(model) => model,
        Err(e) => return Body::error(e),
    };
    if !job.sink.start() || attempt.is_cancelled() {
        return cancelled_as(&job.work);
    }
    let (sink, emitted) = (&job.sink, &mut job.emitted);
    let generate = |request: &GenerateRequest| go_on(model.as_ref(), request, attempt, emitted, &|t| sink.token(t));
    work(shared, &job.work, model.as_ref(), generate)
}

/// Generate, and skip the tokens that were `emitted` before a preemption: the same request has the same tokens.
fn go_on(
    model: &dyn LanguageModel,
    request: &GenerateRequest,
    attempt: &Cancel,
    emitted: &mut Vec<u32>,
    emit: &dyn Fn(&TokenEvent),
) -> Body {
    let (mut at, mut differs) = (0, false);
    let result = model.generate(request, attempt, &mut |token| {
        match emitted.get(at) {
            Some(id) if *id == token.id => {}
            Some(_) => {
                differs = true;
                attempt.cancel();
            }
            None => {
                emitted.push(token.id);
                emit(token);
            }
        }
        at += 1;
    });
    match result {
        _ if differs => Body::error(GenerateError::Engine("it was interrupted and then wrote something else".into())),
        Ok(generation) => Body::Done(generation),
        Err(e) => Body::error(e),
    }
}

fn work(
    shared: &Shared,
    work: &Work,
    model: &dyn LanguageModel,
    generate: impl FnOnce(&GenerateRequest) -> Body,
) -> Body {
    let body = match work {
        Work::Generate(request) => generate(request),
        Work::Count(text) => count(model, text),
        Work::Info => Body::Model(model.info().clone()),
        Work::Unload => Body::Ok,
    };
    if matches!(body, Body::Error { kind: Failure::Died { .. }, .. }) {
        shared.queue.set_loaded(None);
    }
    body
}

fn cancelled_as(work: &Work) -> Body {
    match work {
        Work::Generate(_) => cancelled(),
        _ => Body::error(Failure::Cancelled),
    }
}

/// The model `name`. Where another one is in memory, `make_room` takes it out, or says that this one has to wait.
fn load(
    shared: &Shared,
    loader: &dyn ModelLoader,
    name: &str,
    cancel: &Cancel,
    make_room: impl FnOnce(&Queue) -> bool,
) -> Result<Arc<dyn LanguageModel>, GenerateError> {
    let queue = &shared.queue;
    let here = || queue.loaded().filter(|l| l.name == name && loader.is_alive()).map(|l| l.model);
    if let Some(model) = here() {
        return Ok(model);
    }
    // The other lane may be loading the very same one.
    let _alone = shared.loading.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = here() {
        return Ok(model);
    }
    // First out, then in: two models at once may not fit in memory.
    if !make_room(queue) {
        return Err(GenerateError::Unavailable("it has to wait".into()));
    }
    let model = loader.load(name, cancel)?;
    queue.set_loaded(Some(Loaded { name: name.to_owned(), model: Arc::clone(&model) }));
    Ok(model)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
