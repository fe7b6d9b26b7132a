//! Dispatch: one thread loads models and starts requests; each request runs on a thread of its own.

use super::queue::{Action, Loaded, Running};
use super::waiting::{Job, Work};
use super::{ModelLoader, Shared};
use deepcoder_protocol::wire::{Body, Failure};
use deepcoder_types::{Cancel, FinishReason, GenerateError, Generation, LanguageModel, Timing, Usage};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

/// Load models and start requests until the queue is stopped. All loads happen on this thread, because the system ends
/// a model's process together with the thread that started it.
pub(super) fn dispatch(shared: &Arc<Shared>, loader: &dyn ModelLoader) {
    let queue = &shared.queue;
    loop {
        match queue.next(loader, shared.options.idle, shared.options.exit) {
            Action::Run(running) => start(shared, running),
            Action::Load(name, cancel) => load(shared, loader, name, &cancel),
            Action::Drop(loaded) => drop(loaded),
            Action::Unloaded(job) => answer(shared, &job, Body::Ok),
            // A client that stays connected will send more requests.
            Action::Idle if shared.clients() == 0 && !shared.has_duties() => _ = shared.stop.send_replace(true),
            Action::Idle => {}
            Action::Stop(loaded) => return drop(loaded),
        }
    }
}

/// The last event of a request that was cancelled before its first token.
pub(super) fn cancelled(work: &Work) -> Body {
    match work {
        Work::Generate(_) => Body::Done(Generation {
            text: String::new(),
            finish: FinishReason::Cancelled,
            usage: Usage::default(),
            timing: Timing::default(),
        }),
        _ => Body::error(Failure::Cancelled),
    }
}

/// Count tokens with a loaded model. A panic becomes an error.
pub(super) fn count(model: &dyn LanguageModel, text: &str) -> Body {
    let count = catch_unwind(AssertUnwindSafe(|| model.count_tokens(text)));
    count.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))).map_or_else(Body::error, Body::Count)
}

/// Answer without waiting for the client, because other requests wait for this thread.
fn answer(shared: &Shared, job: &Job, body: Body) {
    shared.served.fetch_add(1, Ordering::Relaxed);
    job.sink.finish(body);
}

fn load(shared: &Shared, loader: &dyn ModelLoader, name: String, cancel: &Cancel) {
    let loaded = catch_unwind(AssertUnwindSafe(|| loader.load(&name, cancel)));
    match loaded.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) {
        Ok(model) => shared.queue.set_loaded(Loaded { name, model }),
        Err(e) => shared.queue.load_failed(&name).iter().for_each(|job| answer(shared, job, Body::error(e.clone()))),
    }
}

fn start(shared: &Arc<Shared>, running: Box<Running>) {
    let (server, sink, number) = (Arc::clone(shared), Arc::clone(&running.job.sink), running.job.number);
    let started = thread::Builder::new().name("deepcoder-request".into()).spawn(move || run(&server, *running));
    if let Err(e) = started {
        sink.finish(Body::error(Failure::Busy(format!("no thread can be started: {e}"))));
        shared.queue.answered(number);
    }
}

/// Run a request and answer it. A panic in the model costs the request and the model, not the server.
fn run(shared: &Shared, mut running: Running) {
    let result = catch_unwind(AssertUnwindSafe(|| compute(&mut running)));
    let broken = result.is_err();
    let body = result.unwrap_or_else(|panic| Body::error(panicked(panic.as_ref())));
    let broken = broken || matches!(body, Body::Error { kind: Failure::Died { .. }, .. });
    if broken {
        shared.queue.forget(&running.model);
    }
    // Retry a request that was interrupted for another model, not one that its client cancelled or that broke the
    // model.
    let again = running.run.is_cancelled()
        && !running.job.sink.cancel().is_cancelled()
        && !broken
        && matches!(&body, Body::Error { .. } | Body::Done(Generation { finish: FinishReason::Cancelled, .. }));
    // Update the queue before answering: the client may ask for the used time next.
    if let Some(job) = shared.queue.computed(running, again) {
        shared.served.fetch_add(1, Ordering::Relaxed);
        job.sink.finish_blocking(body);
        shared.queue.answered(job.number);
    }
}

fn compute(Running { job, model, run, .. }: &mut Running) -> Body {
    let Job { work, emitted, sink, background, .. } = job;
    if run.is_cancelled() {
        return cancelled(work);
    }
    let result = match work {
        Work::Generate(request) if *background => {
            let (run, mut at, mut differs) = (run.child(), 0, false);
            let generation = model.generate(request, &run, &mut |token| {
                match emitted.get(at) {
                    Some(id) if *id == token.id => {}
                    Some(_) => {
                        differs = true;
                        run.cancel();
                    }
                    None => {
                        emitted.push(token.id);
                        sink.token(token);
                    }
                }
                at += 1;
            });
            let other = || GenerateError::Engine("it was interrupted and then wrote something else".into());
            if differs { Err(other()) } else { generation.map(Body::Done) }
        }
        Work::Generate(request) => model.generate(request, run, &mut |token| sink.token(token)).map(Body::Done),
        Work::Choose(prompt, options) => model.choose(prompt, options, run).map(Body::Likelihoods),
        Work::Count(text) => model.count_tokens(text).map(Body::Count),
        Work::Info => Ok(Body::Model(model.info().clone())),
        Work::Unload => Ok(Body::Ok),
    };
    result.unwrap_or_else(Body::error)
}

fn panicked(panic: &(dyn Any + Send)) -> GenerateError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    GenerateError::Engine(format!("it panicked: {text}"))
}
