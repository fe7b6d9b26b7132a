//! `Model`.

use crate::ask::{FormOptions, Options, Strings, prompt_of};
use crate::error::{Kind, raise, with_hint};
use crate::fork::Owned;
use crate::generation::{Generation, Stream, lock};
use crate::surroundings::profile;
use crate::wait::{PyCancel, cancel_of, cancelled, off_interpreter};
use deepcoder_profile::{Overrides, Profile, Role};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, LanguageModel, Likelihood, ModelInfo, Prompt, Sampling,
};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A language model in this process, or in the daemon (:meth:`Client.model`).
///
/// Threads may share it; the model then computes their calls as one batch. A process that is forked after :meth:`load`
/// gets :class:`ModelError`: the threads of the engine stay with its parent. A model in the daemon goes on in the
/// child.
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

    /// The answers to several requests, in their order.
    fn all(
        &self,
        py: Python<'_>,
        requests: Vec<GenerateRequest>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Vec<Generation>> {
        if let Some(first) = requests.first() {
            self.warn(py, first)?;
        }
        let (cancel, model) = (cancel_of(cancel), self.shared(py)?);
        let made = off_interpreter(py, &cancel, |cancel| match &*requests {
            [one] => vec![model.generate(one, cancel, &mut |_| {})],
            several => model.generate_all(several, cancel, &mut |_, _| {}),
        })?;
        let made: Result<Vec<_>, GenerateError> = made.into_iter().collect();
        let made = made.map_err(|e| raise(py, Kind::Model, &e))?;
        if made.iter().any(|made| made.finish == FinishReason::Cancelled) {
            return Err(cancelled());
        }
        Ok(made.into_iter().map(Generation).collect())
    }

    fn warn(&self, py: Python<'_>, request: &GenerateRequest) -> PyResult<()> {
        match request.prompt {
            Prompt::Fill { .. } => crate::error::warn_of_fill(py, self.info()),
            _ => Ok(()),
        }
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
            None => profile.engine(&profile.model_for(Role::Edit)),
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
    /// a hole that is filled in; with ``raw`` plain text that is continued without a chat template. ``max_tokens``
    /// bounds the answer. ``temperature`` 0 is greedy; ``top_k`` 0, ``top_p`` 1 and ``min_p`` 0 are off. The same
    /// prompt, options and ``seed`` give the same text. ``stop``: the text ends before the first of these strings.
    /// ``logprobs``: the number of likeliest tokens that :attr:`TokenEvent.top` has, 0 for that of the token only.
    /// ``draft`` is text that the answer is likely to repeat: it makes it faster.
    ///
    /// At most one of these constrains the answer. ``schema``: JSON that is valid under this JSON schema: a dictionary,
    /// its text, a pydantic model or a dataclass (the class). ``regex``: a text that this regular expression, in the
    /// syntax of Rust's regex crate, matches as a whole. ``choices``: one of these texts. ``grammar``: a text of this
    /// Lark grammar. With ``after``, the answer is free until this text has appeared, and constrained from there on. If
    /// ``max_tokens`` ends the answer (:attr:`Generation.finish` is ``length``), it is only the beginning of such a
    /// text.
    ///
    /// ``n``: a list of this many answers, which cost little more than one. The first has the seed ``seed``, the second
    /// ``seed + 1``, and so on; with ``temperature`` 0 they are equal.
    ///
    /// Raises :class:`ModelError` when the prompt does not fit (it is never cut), an option is out of range or the
    /// grammar cannot be compiled, :class:`ValueError` and :class:`TypeError` for wrong arguments, and
    /// :class:`Cancelled`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (prompt, *, suffix=None, raw=false, max_tokens=512, temperature=0.0, top_k=0, top_p=1.0,
        min_p=0.0, repetition_penalty=1.0, seed=0, stop=None, logprobs=None, draft=None, schema=None, regex=None,
        choices=None, grammar=None, after=None, n=None, cancel=None))]
    fn generate<'py>(
        &self,
        py: Python<'py>,
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
        stop: Option<Strings>,
        logprobs: Option<u32>,
        draft: Option<String>,
        schema: Option<&Bound<'_, PyAny>>,
        regex: Option<String>,
        choices: Option<Strings>,
        grammar: Option<String>,
        after: Option<String>,
        n: Option<u32>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty, seed };
        let grammar = FormOptions { schema, regex, choices, grammar, after }.grammar(py)?;
        let stop = stop.unwrap_or_default().0;
        let options = Options { suffix, raw, sampling, max_tokens, stop, logprobs, draft, grammar };
        let request = options.request(prompt)?;
        match n {
            None => {
                let mut made = self.all(py, vec![request], cancel)?;
                made.pop().ok_or_else(cancelled)?.into_bound_py_any(py)
            }
            Some(0) => Err(PyValueError::new_err("`n` is at least 1")),
            Some(n) => {
                let seeded = |i: u32| {
                    let sampling = Sampling { seed: seed.wrapping_add(u64::from(i)), ..request.sampling };
                    GenerateRequest { sampling, ..request.clone() }
                };
                self.all(py, (0..n).map(seeded).collect(), cancel)?.into_bound_py_any(py)
            }
        }
    }

    /// Generate for several prompts as one batch, which is faster than one after the other, and return the answers in
    /// the order of the prompts. The options are those of :meth:`generate`, and apply to each prompt.
    ///
    /// Raises as :meth:`generate` does, for the first prompt that fails.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (prompts, *, raw=false, max_tokens=512, temperature=0.0, top_k=0, top_p=1.0,
        min_p=0.0, repetition_penalty=1.0, seed=0, stop=None, logprobs=None, draft=None, schema=None, regex=None,
        choices=None, grammar=None, after=None, cancel=None))]
    fn generate_all(
        &self,
        py: Python<'_>,
        prompts: &Bound<'_, PyAny>,
        raw: bool,
        max_tokens: u32,
        temperature: f32,
        top_k: u32,
        top_p: f32,
        min_p: f32,
        repetition_penalty: f32,
        seed: u64,
        stop: Option<Strings>,
        logprobs: Option<u32>,
        draft: Option<String>,
        schema: Option<&Bound<'_, PyAny>>,
        regex: Option<String>,
        choices: Option<Strings>,
        grammar: Option<String>,
        after: Option<String>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Vec<Generation>> {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty, seed };
        let grammar = FormOptions { schema, regex, choices, grammar, after }.grammar(py)?;
        let stop = stop.unwrap_or_default().0;
        let options = Options { suffix: None, raw, sampling, max_tokens, stop, logprobs, draft, grammar };
        if prompts.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("`prompts` is a sequence of prompts, not a string"));
        }
        let requests = prompts.try_iter()?.map(|prompt| options.clone().request(&prompt?));
        self.all(py, requests.collect::<PyResult<_>>()?, cancel)
    }

    /// How likely each of ``options`` is as the answer to ``prompt``: ``(option, log-probability)``, the likeliest
    /// first.
    ///
    /// The log-probability is the natural logarithm of the probability of the whole option and, in a chat, of the end
    /// of the answer; at most 0. No text is generated, so this is the fastest way to ask a question with a few possible
    /// answers. ``prompt`` and ``raw`` are as for :meth:`generate`.
    ///
    /// Raises :class:`ModelError` when the prompt does not fit or the model cannot compare options, :class:`ValueError`
    /// without options, and :class:`Cancelled`.
    #[pyo3(signature = (prompt, options, *, raw=false, cancel=None))]
    fn choose(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        options: Strings,
        raw: bool,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Vec<(String, f32)>> {
        let options = options.0;
        if options.is_empty() || options.iter().any(String::is_empty) {
            return Err(PyValueError::new_err("`options` is empty, or one of them is"));
        }
        let prompt = prompt_of(prompt, None, raw)?;
        let (cancel, model) = (cancel_of(cancel), self.shared(py)?);
        let chosen = off_interpreter(py, &cancel, |cancel| model.choose(&prompt, &options, cancel))?;
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        let mut chosen = chosen.map_err(|e| raise(py, Kind::Model, &e))?;
        chosen.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
        let named = |likely: &Likelihood| Some((options.get(likely.option as usize)?.clone(), likely.logprob));
        Ok(chosen.iter().filter_map(named).collect())
    }

    /// As :meth:`generate`, as an iterator of tokens. The generation runs in a thread of its own.
    ///
    /// Raises as :meth:`generate` does, for what the model refuses at the first token.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (prompt, *, suffix=None, raw=false, max_tokens=512, temperature=0.0, top_k=0, top_p=1.0,
        min_p=0.0, repetition_penalty=1.0, seed=0, stop=None, logprobs=None, draft=None, schema=None, regex=None,
        choices=None, grammar=None, after=None))]
    fn stream(
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
        stop: Option<Strings>,
        logprobs: Option<u32>,
        draft: Option<String>,
        schema: Option<&Bound<'_, PyAny>>,
        regex: Option<String>,
        choices: Option<Strings>,
        grammar: Option<String>,
        after: Option<String>,
    ) -> PyResult<Stream> {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty, seed };
        let grammar = FormOptions { schema, regex, choices, grammar, after }.grammar(py)?;
        let stop = stop.unwrap_or_default().0;
        let options = Options { suffix, raw, sampling, max_tokens, stop, logprobs, draft, grammar };
        let request = options.request(prompt)?;
        self.warn(py, &request)?;
        Ok(Stream::start(self.shared(py)?, request, Cancel::new()))
    }

    fn __repr__(&self) -> String {
        format!("Model({:?})", self.name())
    }
}
