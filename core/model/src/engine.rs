//! Loading a model and answering requests.

use crate::backend::Backend;
use crate::device;
use crate::folder::{self, LoadError};
use crate::grammars::Grammars;
use crate::model::{Model, fingerprint};
use crate::operator;
use crate::options::{EngineOptions, Limits};
use crate::prompt::Prompts;
use crate::runtime;
use crate::scheduler::{Command, Scheduler, gone};
use crate::vocab::Vocabulary;
use deepcoder_types::{
    Cancel, GenerateError, GenerateRequest, Generation, LanguageModel, Likelihood, Manifest, ModelInfo, Prompt,
    TokenEvent,
};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

/// How long a thread spins for work before it sleeps. The gaps between the operations of a step are shorter; without a
/// bound, decoding beside a busy compiler took twice as long.
const SPIN_KEY: &str = "session.intra_op.spin_duration_us";
const SPIN_US: &str = "50";

/// A loaded model. Requests are computed together, by a thread of its own, and each has the tokens that it has alone. A
/// background request pauses between two steps while interactive ones are computed, and keeps its cache as far as
/// these do not need the memory.
pub struct Engine {
    pub(crate) model: Arc<Model>,
    pub(crate) scheduler: Scheduler,
}

impl Engine {
    /// Load the model of a folder that `export` wrote. ONNX Runtime must have been started with [`runtime::init`].
    pub fn load(folder: &Path, options: &EngineOptions) -> Result<Self, LoadError> {
        let start = Instant::now();
        let (environment, version) = runtime::started().ok_or(LoadError::NoRuntime)?;
        let manifest = folder::read_manifest(folder)?;
        let needs = &manifest.recipe.onnxruntime_min;
        if !runtime::version_at_least(&version, needs) {
            let (name, needs) = (manifest.name.clone(), needs.clone());
            return Err(LoadError::RuntimeTooOld { name, needs, has: version });
        }
        let failed = |reason: String| LoadError::Runtime { name: manifest.name.clone(), reason };
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = options.threads.filter(|n| *n > 0).unwrap_or_else(cores);
        let mut warnings = Vec::new();
        // The vocabulary is read while the session is built: each takes about half of the time.
        let (vocabulary, session) = std::thread::scope(|scope| {
            let read = || Vocabulary::load(&folder.join(folder::TOKENIZER_FILE), &manifest);
            let reader = std::thread::Builder::new().spawn_scoped(scope, read).ok();
            let builder = session_builder(&environment, options, threads).map_err(|e| failed(e.to_string()));
            let commit = |builder| {
                operator::build(|| device::commit(builder, folder, &manifest, options, threads, &mut warnings))
            };
            let session = builder.and_then(commit);
            let vocabulary = match reader.map(std::thread::ScopedJoinHandle::join) {
                Some(read) => read.unwrap_or_else(|_| Err(failed("the tokenizer could not be read".into()))),
                None => read(),
            };
            (vocabulary, session)
        });
        let (vocabulary, (session, on_cuda)) = (vocabulary?, session?);
        if manifest.graph.own_operators && manifest.graph.pages.is_none() {
            warnings.push(format!(
                "the model `{0}` was imported by an earlier version, and computes one request at a time: `deepcoder pull {0}`, or \
                 import it again",
                manifest.name
            ));
        }
        let mut info = ModelInfo { warnings, ..describe(&manifest, options) };
        let limits = Limits::new(options, info.context_length);
        let backend = Backend::new(session, environment, &manifest, on_cuda, &limits, &mut info.warnings)
            .map_err(|reason| LoadError::Damaged { name: manifest.name.clone(), reason })?;
        let prompts = Prompts::new(&manifest, &vocabulary, folder::read_template(folder, &manifest)?)?;
        let name = manifest.name.clone();
        let (drafts, load_time) = (options.draft, start.elapsed());
        let grammars = Grammars::default();
        let vocabulary = Arc::new(vocabulary);
        let model = Model { info, manifest, vocabulary, prompts, grammars, drafts, threads, load_time };
        let model = Arc::new(model);
        let scheduler = Scheduler::start(backend, Arc::clone(&model));
        let scheduler = scheduler.map_err(|e| LoadError::Runtime { name, reason: e.to_string() })?;
        Ok(Self { model, scheduler })
    }

    /// The description of the model in a folder, without the warnings of loading it. Reads the manifest only.
    pub fn describe(folder: &Path, options: &EngineOptions) -> Result<ModelInfo, LoadError> {
        Ok(describe(&folder::read_manifest(folder)?, options))
    }

    /// Checks all that loading the folder checks but the runtime, the graph and the weights.
    pub fn check(folder: &Path) -> Result<(), LoadError> {
        let manifest = folder::read_manifest(folder)?;
        let vocabulary = Vocabulary::load(&folder.join(folder::TOKENIZER_FILE), &manifest)?;
        Prompts::new(&manifest, &vocabulary, folder::read_template(folder, &manifest)?).map(drop)
    }

    /// Warnings to the user about how it was loaded, such as that CUDA was not available.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.model.info.warnings
    }

    /// The manifest of its folder.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.model.manifest
    }

    /// The tokens of `text` as plain text: control tokens in it are not interpreted.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>, GenerateError> {
        self.model.vocabulary.encode(text).map_err(GenerateError::Engine)
    }

    /// The text of tokens, with control tokens spelled out.
    #[must_use]
    pub fn detokenize(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|id| self.model.vocabulary.bytes_of(*id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The tokens that the model sees for a prompt.
    pub fn render(&self, prompt: &Prompt) -> Result<Vec<u32>, GenerateError> {
        self.model.prompts.render(prompt, &self.model.vocabulary)
    }

    /// Give back the memory of what was computed for requests that are over.
    pub fn forget(&self) {
        // An engine whose thread is gone has nothing to forget.
        self.exclusive(Backend::forget).unwrap_or_default();
    }

    /// Do something with the graph between two steps of the others, and wait for its end.
    pub(crate) fn exclusive<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Backend) -> T + Send + 'static,
    ) -> Result<T, GenerateError> {
        let (sender, receiver) = channel();
        let work = move |backend: &mut Backend| sender.send(work(backend)).unwrap_or_default();
        self.scheduler.send(Command::Exclusive(Box::new(work)))?;
        receiver.recv().map_err(|_| gone())
    }
}

impl LanguageModel for Engine {
    fn info(&self) -> &ModelInfo {
        &self.model.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(self.tokenize(text)?.len()).unwrap_or(u32::MAX))
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        let mut all = self.submit(std::slice::from_ref(request), cancel, &mut |_, token| on_token(token));
        all.pop().unwrap_or_else(|| Err(gone()))
    }

    fn generate_all(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_token: &mut dyn FnMut(usize, &TokenEvent),
    ) -> Vec<Result<Generation, GenerateError>> {
        self.submit(requests, cancel, on_token)
    }

    fn choose(&self, prompt: &Prompt, options: &[String], cancel: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        self.compare(prompt, options, cancel)
    }
}

fn session_builder(
    environment: &ort::environment::Environment,
    options: &EngineOptions,
    threads: usize,
) -> Result<SessionBuilder, ort::Error> {
    let builder = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        // Shapes change with every step, so that a pattern is never used twice.
        .with_memory_pattern(false)?
        .with_intra_op_spinning(options.spin)?
        .with_config_entry(SPIN_KEY, SPIN_US)?
        // Between runs no thread spins.
        .with_config_entry("session.force_spinning_stop", "1")?
        .with_operators(operator::domain()?)?;
    Ok(builder)
}

fn describe(manifest: &Manifest, options: &EngineOptions) -> ModelInfo {
    ModelInfo {
        name: manifest.name.clone(),
        context_length: manifest.context_length.min(options.max_context.filter(|n| *n > 0).unwrap_or(u32::MAX)),
        supports_fill: manifest.fim.is_some(),
        fill_warning: fill_warning(manifest),
        fingerprint: fingerprint(manifest),
        warnings: Vec::new(),
    }
}

fn fill_warning(manifest: &Manifest) -> Option<String> {
    let text = |name| format!("the model `{name}` was not trained to fill in the middle: what it writes may not fit");
    manifest.fim_untrained.then(|| text(&manifest.name))
}
