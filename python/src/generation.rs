//! The results of a generation: `Stream`, `TokenEvent` and `Generation`.

use crate::error::{Kind, raise, with_hint};
use crate::fork::Owned;
use crate::wait::receive;
use deepcoder_types::{Cancel, FinishReason, GenerateError, GenerateRequest, LanguageModel};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// One step of a generation.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct TokenEvent {
    /// The text that became certain with this step: whole characters, possibly none.
    text: String,
    /// The id of the token in the vocabulary of the model, from 0.
    id: u32,
    /// Natural logarithm of its probability at temperature 1, at most 0; ``None`` unless ``logprobs`` was given.
    logprob: Option<f32>,
    /// The likeliest tokens of this step as ``(text, id, logprob)``, likeliest first, as many as ``logprobs`` said.
    top: Vec<(String, u32, f32)>,
}

#[pymethods]
impl TokenEvent {
    fn __repr__(&self) -> String {
        format!("TokenEvent(text={:?}, id={})", self.text, self.id)
    }
}

impl From<deepcoder_types::TokenEvent> for TokenEvent {
    fn from(event: deepcoder_types::TokenEvent) -> Self {
        let top = event.top.into_iter().map(|t| (t.text, t.id, t.logprob)).collect();
        Self { text: event.text, id: event.id, logprob: event.logprob, top }
    }
}

/// The result of a generation. ``str()`` of it is its text.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Generation(pub(crate) deepcoder_types::Generation);

#[pymethods]
impl Generation {
    /// The text, without what a stop string cut off.
    #[getter]
    fn text(&self) -> &str {
        &self.0.text
    }

    /// Why it ended: ``end`` (by itself), ``length`` (``max_tokens``), ``stop`` (a stop string) or ``cancelled``.
    #[getter]
    fn finish(&self) -> &'static str {
        match self.0.finish {
            FinishReason::End => "end",
            FinishReason::Length => "length",
            FinishReason::Stop => "stop",
            FinishReason::Cancelled => "cancelled",
        }
    }

    /// Numbers of tokens.
    ///
    /// ``prompt_tokens``, of them ``cached_tokens`` that were not computed again, ``completion_tokens`` that the model
    /// wrote, and ``drafted_tokens`` that were guessed from ``draft``, of them ``accepted_tokens`` that were right.
    #[getter]
    fn usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let usage = self.0.usage;
        let dict = PyDict::new(py);
        dict.set_item("prompt_tokens", usage.prompt_tokens)?;
        dict.set_item("cached_tokens", usage.cached_tokens)?;
        dict.set_item("completion_tokens", usage.completion_tokens)?;
        dict.set_item("drafted_tokens", usage.drafted_tokens)?;
        dict.set_item("accepted_tokens", usage.accepted_tokens)?;
        Ok(dict)
    }

    /// Speeds and times.
    ///
    /// ``prefill_tps`` and ``decode_tps`` in tokens per second, ``first_token_ms`` and ``total_ms`` in milliseconds.
    #[getter]
    fn timing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let timing = self.0.timing;
        let dict = PyDict::new(py);
        dict.set_item("prefill_tps", timing.prefill_tps)?;
        dict.set_item("decode_tps", timing.decode_tps)?;
        dict.set_item("first_token_ms", timing.first_token_ms)?;
        dict.set_item("total_ms", timing.total_ms)?;
        Ok(dict)
    }

    fn __str__(&self) -> &str {
        &self.0.text
    }

    fn __repr__(&self) -> String {
        format!("Generation(finish={:?}, completion_tokens={})", self.finish(), self.0.usage.completion_tokens)
    }
}

/// The messages of the generating thread.
enum Step {
    Token(deepcoder_types::TokenEvent),
    End(Result<deepcoder_types::Generation, GenerateError>),
}

/// A running generation: an iterator of :class:`TokenEvent`. Dropping it cancels the generation.
///
/// It belongs to the process that began it: a forked child gets :class:`ModelError`.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Stream {
    running: Owned<Running>,
}

/// The thread of a generation, seen from outside. Dropping it cancels the generation.
struct Running {
    steps: Mutex<Receiver<Step>>,
    end: Mutex<Option<Result<deepcoder_types::Generation, GenerateError>>>,
    cancel: Cancel,
}

impl Stream {
    pub(crate) fn start(model: Arc<dyn LanguageModel>, request: GenerateRequest, cancel: Cancel) -> Self {
        let (send, steps) = channel();
        let stop = cancel.clone();
        std::thread::spawn(move || {
            let end = model.generate(&request, &stop, &mut |event| {
                // The iterator was dropped: stops the generation.
                if send.send(Step::Token(event.clone())).is_err() {
                    stop.cancel();
                }
            });
            _ = send.send(Step::End(end));
        });
        Self { running: Owned::new(Running { steps: Mutex::new(steps), end: Mutex::new(None), cancel }) }
    }

    fn running(&self, py: Python<'_>) -> PyResult<&Running> {
        self.running.get().ok_or_else(|| {
            let hint = "begin one in this process".to_owned();
            with_hint(
                py,
                Kind::Model,
                "the generation belongs to the process that this one was forked from",
                Some(hint),
            )
        })
    }

    /// The next token; `None` at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Option<TokenEvent>> {
        let Running { steps, end: ended, cancel } = self.running(py)?;
        let step = py.detach(|| {
            let steps = lock(steps);
            if lock(ended).is_some() {
                return Ok(None);
            }
            receive(&steps, cancel)
        })?;
        let end = match step {
            Some(Step::Token(event)) => return Ok(Some(event.into())),
            Some(Step::End(end)) => lock(ended).insert(end).clone(),
            None => lock(ended).clone().unwrap_or_else(|| Err(GenerateError::Engine("it has not ended".into()))),
        };
        end.map(|_| None).map_err(|error| raise(py, Kind::Model, &error))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[pymethods]
impl Stream {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<TokenEvent>> {
        self.next(py)
    }

    /// As ``next()``, but ``None`` at the end. Waits for the next token.
    ///
    /// Raises :class:`ModelError` when the generation fails.
    fn next_event(&self, py: Python<'_>) -> PyResult<Option<TokenEvent>> {
        self.next(py)
    }

    /// End the generation within one step of the model. Never waits.
    fn cancel(&self) {
        if let Some(running) = self.running.get() {
            running.cancel.cancel();
        }
    }

    /// Wait for the end and return the whole generation, with the text that was iterated before.
    ///
    /// Raises :class:`ModelError` when the generation failed.
    fn result(&self, py: Python<'_>) -> PyResult<Generation> {
        while self.next(py)?.is_some() {}
        let end = lock(&self.running(py)?.end).clone();
        let end = end.unwrap_or_else(|| Err(GenerateError::Engine("it has not ended".into())));
        end.map(Generation).map_err(|error| raise(py, Kind::Model, &error))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
