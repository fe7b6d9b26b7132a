//! The thread that owns the model.

use super::queue::{Job, Next, Work};
use super::{Loaded, ModelLoader, Shared};
use crate::wire::{Body, Failure};
use deepcoder_types::{FinishReason, GenerateError, Generation, LanguageModel, Timing, Usage};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Run jobs, one at a time, until the queue is stopped. A panic in the model costs its job and the model, not the
/// server.
pub(super) fn run(shared: &Shared, loader: &dyn ModelLoader) {
    loop {
        let loaded = shared.loaded().is_some();
        let limit = if loaded { Some(shared.options.idle) } else { shared.options.exit };
        match shared.queue.next(limit) {
            Next::Stop => break,
            Next::Idle if loaded => shared.set_loaded(None),
            // Whoever holds a connection means to come back.
            Next::Idle if shared.status().clients == 0 => _ = shared.stop.send_replace(true),
            Next::Idle => {}
            Next::Job(job) => {
                let body = guarded(|| answer(shared, loader, &job), || shared.set_loaded(None));
                shared.served.fetch_add(1, Ordering::Relaxed);
                job.sink.finish_blocking(body);
            }
        }
    }
    shared.set_loaded(None);
}

/// The last event of a generation that was cancelled before its first token.
pub(super) fn cancelled() -> Body {
    Body::Done(Generation {
        text: String::new(),
        finish: FinishReason::Cancelled,
        usage: Usage::default(),
        timing: Timing::default(),
    })
}

/// What a model that is in memory says to a quick question.
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
        shared.set_loaded(None);
        return Body::Ok;
    }
    if sink.cancel().is_cancelled() {
        return cancelled_as(&job.work);
    }
    let model = match load(shared, loader, &job.model) {
        Ok(model) => model,
        Err(e) => return Body::error(e),
    };
    if !sink.start() {
        return cancelled_as(&job.work);
    }
    match &job.work {
        Work::Generate(request) => match model.generate(request, sink.cancel(), &mut |token| sink.token(token)) {
            Ok(generation) => Body::Done(generation),
            Err(e) => Body::error(e),
        },
        Work::Count(text) => count(model.as_ref(), text),
        Work::Info => Body::Model(model.info().clone()),
        Work::Unload => Body::Ok,
    }
}

fn cancelled_as(work: &Work) -> Body {
    match work {
        Work::Generate(_) => cancelled(),
        _ => Body::error(Failure::Cancelled),
    }
}

fn load(shared: &Shared, loader: &dyn ModelLoader, name: &str) -> Result<Arc<dyn LanguageModel>, GenerateError> {
    if let Some(loaded) = shared.loaded().filter(|l| l.name == name) {
        return Ok(loaded.model);
    }
    // First out, then in: two models at once may not fit in memory.
    shared.set_loaded(None);
    let model = loader.load(name)?;
    shared.set_loaded(Some(Loaded { name: name.to_owned(), model: Arc::clone(&model) }));
    Ok(model)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
