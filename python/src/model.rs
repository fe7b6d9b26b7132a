//! `Model`, `Stream` and what they yield.

use crate::error::{Kind, raise};
use crate::surroundings::session;
use crate::wait::{PyCancel, cancel_of, cancelled, off_interpreter, receive};
use deepcoder_session::Overrides;
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, LanguageModel, Message, Priority, Prompt, Role, Sampling,
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
    text: String,
    id: u32,
    logprob: Option<f32>,
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

/// What came of a request.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Generation(deepcoder_types::Generation);

#[pymethods]
impl Generation {
    #[getter]
    fn text(&self) -> &str {
        &self.0.text
    }

    #[getter]
    fn finish(&self) -> &'static str {
        match self.0.finish {
            FinishReason::End => "end",
            FinishReason::Length => "length",
            FinishReason::Stop => "stop",
            FinishReason::Cancelled => "cancelled",
        }
    }

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

/// What the generating thread sends.
enum Step {
    Token(deepcoder_types::TokenEvent),
    End(Result<deepcoder_types::Generation, GenerateError>),
}

/// A running generation.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Stream {
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
                // Nobody listens any more: what would be written is for nobody.
                if send.send(Step::Token(event.clone())).is_err() {
                    stop.cancel();
                }
            });
            _ = send.send(Step::End(end));
        });
        Self { steps: Mutex::new(steps), end: Mutex::new(None), cancel }
    }

    /// The next token; `None` at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Option<TokenEvent>> {
        let step = py.detach(|| {
            let steps = lock(&self.steps);
            if lock(&self.end).is_some() {
                return Ok(None);
            }
            receive(&steps, &self.cancel)
        })?;
        let end = match step {
            Some(Step::Token(event)) => return Ok(Some(event.into())),
            Some(Step::End(end)) => lock(&self.end).insert(end).clone(),
            None => lock(&self.end).clone().unwrap_or_else(|| Err(GenerateError::Engine("it has not ended".into()))),
        };
        end.map(|_| None).map_err(|error| raise(py, Kind::Model, &error))
    }
}

impl Drop for Stream {
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

    fn next_event(&self, py: Python<'_>) -> PyResult<Option<TokenEvent>> {
        self.next(py)
    }

    fn cancel(&self) {
        self.cancel.cancel();
    }

    fn result(&self, py: Python<'_>) -> PyResult<Generation> {
        while self.next(py)?.is_some() {}
        let end = lock(&self.end).clone();
        let end = end.unwrap_or_else(|| Err(GenerateError::Engine("it has not ended".into())));
        end.map(Generation).map_err(|error| raise(py, Kind::Model, &error))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A language model, in this process or in the daemon.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Model(Arc<dyn LanguageModel>);

impl Model {
    pub(crate) const fn new(model: Arc<dyn LanguageModel>) -> Self {
        Self(model)
    }

    pub(crate) fn shared(&self) -> Arc<dyn LanguageModel> {
        Arc::clone(&self.0)
    }
}

/// What `generate` and `stream` are asked, beside the prompt.
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
    #[staticmethod]
    #[pyo3(signature = (name=None, *, threads=None, device=None))]
    fn load(py: Python<'_>, name: Option<PathBuf>, threads: Option<usize>, device: Option<String>) -> PyResult<Self> {
        let overrides = Overrides {
            threads,
            config: device.map(|device| format!("device={device}")).into_iter().collect(),
            ..Overrides::default()
        };
        let session = session(py, &overrides)?;
        let loaded = off_interpreter(py, &Cancel::new(), |_| match name {
            // A path has a separator; a name of the store cannot have one.
            Some(path) if path.components().count() > 1 || path.is_absolute() => session.engine_at(&path),
            Some(name) => session.engine(&name.to_string_lossy()),
            None => session.engine(&session.settings().model),
        })?;
        let engine = loaded.map_err(|e| raise(py, Kind::Model, &e))?;
        crate::error::warn(py, engine.info())?;
        Ok(Self(Arc::new(engine)))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.info().name
    }

    #[getter]
    fn context_length(&self) -> u32 {
        self.0.info().context_length
    }

    #[getter]
    fn supports_fill(&self) -> bool {
        self.0.info().supports_fill
    }

    #[getter]
    fn fingerprint(&self) -> &str {
        &self.0.info().fingerprint
    }

    fn count_tokens(&self, py: Python<'_>, text: &str) -> PyResult<u32> {
        self.0.count_tokens(text).map_err(|e| raise(py, Kind::Model, &e))
    }

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
            crate::error::warn_of_fill(py, self.0.info())?;
        }
        let cancel = cancel_of(cancel);
        let made = off_interpreter(py, &cancel, |cancel| self.0.generate(&request, cancel, &mut |_| {}))?;
        let made = made.map_err(|e| raise(py, Kind::Model, &e))?;
        if made.finish == FinishReason::Cancelled { Err(cancelled()) } else { Ok(Generation(made)) }
    }

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
            crate::error::warn_of_fill(prompt.py(), self.0.info())?;
        }
        Ok(Stream::start(self.shared(), request, Cancel::new()))
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
