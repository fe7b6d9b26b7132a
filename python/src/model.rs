//! `Model`, `Stream` and what they yield.

use crate::error::{Kind, raise, with_hint};
use crate::fork::Owned;
use crate::surroundings::profile;
use crate::wait::{PyCancel, cancel_of, cancelled, off_interpreter, receive};
use deepcoder_profile::{Overrides, Profile};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, LanguageModel, Message, ModelInfo, Priority, Prompt, Role,
    Sampling,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::path::PathBuf;
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
pub(crate) struct Generation(deepcoder_types::Generation);

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
    fn start(model: Arc<dyn LanguageModel>, request: GenerateRequest, cancel: Cancel) -> Self {
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A language model in this process, or in the daemon (:meth:`Client.model`).
///
/// Threads may share it; their calls then wait for each other. A process that is forked after :meth:`load` gets
/// :class:`ModelError`: the threads of the engine stay with its parent. A model in the daemon goes on in the child.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Model {
    model: Mutex<Owned<Arc<dyn LanguageModel>>>,
    info: ModelInfo,
    /// Where the daemon has it, and its name there; a child of this process connects anew.
    daemon: Option<(Arc<Profile>, String)>,
}

impl Model {
    fn here(model: Arc<dyn LanguageModel>) -> Self {
        Self { info: model.info().clone(), model: Mutex::new(Owned::new(model)), daemon: None }
    }

    /// The model `name` of the daemon of `profile`.
    pub(crate) fn in_daemon(py: Python<'_>, profile: &Arc<Profile>, name: String, cancel: &Cancel) -> PyResult<Self> {
        let model = connected(py, profile, &name, cancel)?;
        let daemon = Some((Arc::clone(profile), name));
        Ok(Self { daemon, ..Self::here(model) })
    }

    pub(crate) const fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model, in this process.
    pub(crate) fn shared(&self, py: Python<'_>) -> PyResult<Arc<dyn LanguageModel>> {
        if let Some(own) = lock(&self.model).get() {
            return Ok(Arc::clone(own));
        }
        let Some((profile, name)) = &self.daemon else {
            let hint = "load it in the process that uses it, start processes with \
                        multiprocessing.get_context(\"spawn\"), or share one through deepcoder.Client";
            let message = "the model belongs to the process that this one was forked from";
            return Err(with_hint(py, Kind::Model, message, Some(hint.to_owned())));
        };
        let model = connected(py, profile, name, &Cancel::new())?;
        *lock(&self.model) = Owned::new(Arc::clone(&model));
        Ok(model)
    }
}

fn connected(py: Python<'_>, profile: &Arc<Profile>, name: &str, cancel: &Cancel) -> PyResult<Arc<dyn LanguageModel>> {
    let model = off_interpreter(py, cancel, |cancel| profile.model(name, cancel))?;
    model.map_err(|e| raise(py, Kind::Model, &e))
}

/// The arguments of `generate` and `stream`, beside the prompt.
struct Options {
    suffix: Option<String>,
    raw: bool,
    sampling: Sampling,
    max_tokens: u32,
    stop: Vec<String>,
    logprobs: Option<u32>,
    draft: Option<String>,
}

impl Options {
    fn request(self, prompt: &Bound<'_, PyAny>) -> PyResult<GenerateRequest> {
        let prompt = match (prompt.extract::<String>(), self.suffix, self.raw) {
            (Ok(_), Some(_), true) => return Err(PyValueError::new_err("`suffix` and `raw` exclude each other")),
            (Ok(prefix), Some(suffix), false) => Prompt::Fill { prefix, suffix },
            (Ok(text), None, true) => Prompt::Text(text),
            (Ok(question), None, false) => {
                Prompt::Chat { messages: vec![Message::user(question)], prefill: String::new() }
            }
            (Err(_), None, false) => chat(prompt)?,
            (Err(_), ..) => return Err(PyTypeError::new_err("`suffix` and `raw` go with a prompt that is a string")),
        };
        Ok(GenerateRequest {
            prompt,
            sampling: self.sampling,
            max_tokens: self.max_tokens,
            stop: self.stop,
            logprobs: self.logprobs,
            draft: self.draft,
            priority: Priority::Interactive,
            grammar: None,
            client: String::new(),
        })
    }
}

/// The turns of a chat, as dictionaries with `role` and `content`. A last turn of the assistant is continued.
fn chat(turns: &Bound<'_, PyAny>) -> PyResult<Prompt> {
    let mut messages = Vec::new();
    for turn in turns.try_iter()? {
        let turn = turn?;
        let role = match turn.get_item("role")?.extract::<String>()?.as_str() {
            "system" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => {
                return Err(PyValueError::new_err(format!("`{other}` is not a role: system, user or assistant")));
            }
        };
        messages.push(Message { role, content: turn.get_item("content")?.extract()? });
    }
    let prefill = match messages.pop_if(|last| last.role == Role::Assistant) {
        Some(last) => last.content,
        None => String::new(),
    };
    if messages.is_empty() {
        return Err(PyValueError::new_err("the chat has no turn of the user"));
    }
    Ok(Prompt::Chat { messages, prefill })
}

#[pymethods]
impl Model {
    /// Load a model of the store by name, or a model folder by path.
    ///
    /// ``name``: ``None`` takes ``DEEPCODER_MODEL``, the configuration file, or the default of the catalogue.
    /// ``threads``: at least 1; ``None`` uses the physical cores that this process may use.
    /// ``device``: ``cpu``, ``cuda`` or ``auto``.
    /// Raises :class:`ModelError` when it is not installed (the hint names the command) or damaged.
    #[staticmethod]
    #[pyo3(signature = (name=None, *, threads=None, device=None))]
    fn load(py: Python<'_>, name: Option<PathBuf>, threads: Option<usize>, device: Option<String>) -> PyResult<Self> {
        let overrides = Overrides {
            threads,
            config: device.map(|device| format!("device={device}")).into_iter().collect(),
            ..Overrides::default()
        };
        let profile = profile(py, &overrides)?;
        crate::exit::engine_loaded();
        let loaded = off_interpreter(py, &Cancel::new(), |_| match name {
            // A path has a separator; a name of the store cannot have one.
            Some(path) if path.components().count() > 1 || path.is_absolute() => profile.engine_at(&path),
            Some(name) => profile.engine(&name.to_string_lossy()),
            None => profile.engine(&profile.settings().model),
        })?;
        let engine = loaded.map_err(|e| raise(py, Kind::Model, &e))?;
        crate::error::warn(py, engine.info())?;
        Ok(Self::here(Arc::new(engine)))
    }

    /// Its name in the store, such as ``qwen2.5-coder-0.5b-instruct``.
    #[getter]
    fn name(&self) -> &str {
        &self.info().name
    }

    /// The most tokens that prompt and answer may have together.
    #[getter]
    fn context_length(&self) -> u32 {
        self.info().context_length
    }

    /// Whether it can fill in the middle: ``generate`` with ``suffix``, and :meth:`Repo.complete`.
    #[getter]
    fn supports_fill(&self) -> bool {
        self.info().supports_fill
    }

    /// Identifies weights and recipe: the same prompt, seed, fingerprint and threads give the same tokens.
    #[getter]
    fn fingerprint(&self) -> &str {
        &self.info().fingerprint
    }

    /// The number of tokens of a plain text, without a chat template.
    ///
    /// Raises :class:`ModelError` when the model cannot be asked.
    fn count_tokens(&self, py: Python<'_>, text: &str) -> PyResult<u32> {
        self.shared(py)?.count_tokens(text).map_err(|e| raise(py, Kind::Model, &e))
    }

    /// Generate text and return it whole; :meth:`stream` gives it token by token.
    ///
    /// ``prompt``: a question, or the turns of a chat as ``{"role": …, "content": …}``; with ``suffix`` the text before
    /// a hole that is filled in; with ``raw`` plain text that is continued without a chat template.
    /// ``max_tokens`` bounds the answer. ``temperature`` 0 is greedy; ``top_k`` 0, ``top_p`` 1 and ``min_p`` 0 are off.
    /// The same prompt, options and ``seed`` give the same text. ``stop``: the text ends before the first of these
    /// strings. ``logprobs``: the number of likeliest tokens that :attr:`TokenEvent.top` has, 0 for that of the token only.
    /// ``draft`` is text that the answer is likely to repeat: it makes it faster.
    ///
    /// Raises :class:`ModelError` when the prompt does not fit (it is never cut) or an option is out of range,
    /// :class:`ValueError` and :class:`TypeError` for prompts of another form, and :class:`Cancelled`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (prompt, *, suffix=None, raw=false, max_tokens=512, temperature=0.0, top_k=0, top_p=1.0,
        min_p=0.0, repetition_penalty=1.0, seed=0, stop=None, logprobs=None, draft=None, cancel=None))]
    fn generate(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        suffix: Option<String>,
        raw: bool,
        max_tokens: u32,
        temperature: f32,
        top_k: u32,
        top_p: f32,
        min_p: f32,
        repetition_penalty: f32,
        seed: u64,
        stop: Option<Stops>,
        logprobs: Option<u32>,
        draft: Option<String>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Generation> {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty, seed };
        let request = Options { suffix, raw, sampling, max_tokens, stop: stop.unwrap_or_default().0, logprobs, draft }
            .request(prompt)?;
        if matches!(request.prompt, Prompt::Fill { .. }) {
            crate::error::warn_of_fill(py, self.info())?;
        }
        let cancel = cancel_of(cancel);
        let model = self.shared(py)?;
        let made = off_interpreter(py, &cancel, |cancel| model.generate(&request, cancel, &mut |_| {}))?;
        let made = made.map_err(|e| raise(py, Kind::Model, &e))?;
        if made.finish == FinishReason::Cancelled { Err(cancelled()) } else { Ok(Generation(made)) }
    }

    /// As :meth:`generate`, as an iterator of tokens. The generation runs in a thread of its own.
    ///
    /// Raises as :meth:`generate` does, for what the model refuses at the first token.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (prompt, *, suffix=None, raw=false, max_tokens=512, temperature=0.0, top_k=0, top_p=1.0,
        min_p=0.0, repetition_penalty=1.0, seed=0, stop=None, logprobs=None, draft=None))]
    fn stream(
        &self,
        prompt: &Bound<'_, PyAny>,
        suffix: Option<String>,
        raw: bool,
        max_tokens: u32,
        temperature: f32,
        top_k: u32,
        top_p: f32,
        min_p: f32,
        repetition_penalty: f32,
        seed: u64,
        stop: Option<Stops>,
        logprobs: Option<u32>,
        draft: Option<String>,
    ) -> PyResult<Stream> {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty, seed };
        let request = Options { suffix, raw, sampling, max_tokens, stop: stop.unwrap_or_default().0, logprobs, draft }
            .request(prompt)?;
        if matches!(request.prompt, Prompt::Fill { .. }) {
            crate::error::warn_of_fill(prompt.py(), self.info())?;
        }
        Ok(Stream::start(self.shared(prompt.py())?, request, Cancel::new()))
    }

    fn __repr__(&self) -> String {
        format!("Model({:?})", self.name())
    }
}

/// Stop strings. A lone string is refused: taken as a sequence, it would stop at each of its characters.
#[derive(Default)]
struct Stops(Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Stops {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("`stop` is a sequence of strings, not a string"));
        }
        object.extract().map(Self)
    }
}
