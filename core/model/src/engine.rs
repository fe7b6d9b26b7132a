//! Loading a model and answering requests.

use crate::cache::Slots;
use crate::device::{self, Device};
use crate::folder::{self, LoadError};
use crate::graph::Graph;
use crate::prefix::disk::PrefixCache;
use crate::prompt::Prompts;
use crate::turns::{Turn, Turns};
use crate::vocab::Vocabulary;
use crate::weights::WeightPlace;
use crate::{generate, runtime};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, Manifest, ModelInfo, Priority,
    Prompt, Timing, TokenEvent, Usage,
};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread spins for work before it sleeps. The gaps between the operations of a step are shorter; without a
/// bound, decoding beside a busy compiler took twice as long.
const SPIN_KEY: &str = "session.intra_op.spin_duration_us";
const SPIN_US: &str = "50";

/// How to run a model.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Threads of one step; `None` uses the cores that the process may use.
    pub threads: Option<usize>,
    /// The most tokens of prompt and answer; `None` takes what the model was trained for. Memory is taken as it is
    /// needed, not in advance.
    pub max_context: Option<u32>,
    /// Where to compute.
    pub device: Device,
    /// Where the weights lie, on the processor.
    pub weights: WeightPlace,
    /// Conversations whose computed prefix is kept.
    pub cache_slots: usize,
    /// Bytes that these may take together, beyond the one in use.
    pub cache_bytes: usize,
    /// Where computed prefixes of prompts are kept after this process; `None` keeps them in memory only.
    pub prefix_cache: Option<PrefixCache>,
    /// Whether threads that wait for work spin for a moment. It makes steps faster and takes time from other
    /// programs.
    pub spin: bool,
    /// Whether to draft. Only measurements turn it off.
    pub draft: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: None,
            max_context: None,
            device: Device::Cpu,
            weights: WeightPlace::Mapped,
            cache_slots: 3,
            cache_bytes: 1 << 30,
            prefix_cache: None,
            spin: true,
            draft: true,
        }
    }
}

/// A loaded model. One request is computed at a time; others wait. A background request pauses between two steps while
/// interactive ones are computed, and keeps its cache.
pub struct Engine {
    info: ModelInfo,
    pub(crate) manifest: Manifest,
    pub(crate) vocabulary: Vocabulary,
    prompts: Prompts,
    state: Mutex<State>,
    turns: Turns,
    pub(crate) drafts: bool,
    pub(crate) threads: usize,
    pub(crate) load_time: Duration,
}

/// The state of one request at a time.
pub(crate) struct State {
    pub(crate) graph: Graph,
    pub(crate) slots: Slots,
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
            let commit = |builder| device::commit(builder, folder, &manifest, options, threads, &mut warnings);
            let session = builder.and_then(commit);
            let vocabulary = match reader.map(std::thread::ScopedJoinHandle::join) {
                Some(read) => read.unwrap_or_else(|_| Err(failed("the tokenizer could not be read".into()))),
                None => read(),
            };
            (vocabulary, session)
        });
        let (vocabulary, (session, on_cuda)) = (vocabulary?, session?);
        let graph = Graph::new(session, environment, &manifest, on_cuda)
            .map_err(|reason| LoadError::Damaged { name: manifest.name.clone(), reason })?;
        let prompts = Prompts::new(&manifest, &vocabulary, folder::read_template(folder, &manifest)?)?;
        Ok(Self {
            info: ModelInfo { warnings, ..describe(&manifest, options) },
            vocabulary,
            prompts,
            state: Mutex::new(State { graph, slots: Slots::new(options.cache_slots, options.cache_bytes) }),
            turns: Turns::default(),
            drafts: options.draft,
            threads,
            load_time: start.elapsed(),
            manifest,
        })
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
        &self.info.warnings
    }

    /// The manifest of its folder.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The tokens of `text` as plain text: control tokens in it are not interpreted.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>, GenerateError> {
        self.vocabulary.encode(text).map_err(GenerateError::Engine)
    }

    /// The text of tokens, with control tokens spelled out.
    #[must_use]
    pub fn detokenize(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|id| self.vocabulary.bytes_of(*id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The tokens that the model sees for a prompt.
    pub fn render(&self, prompt: &Prompt) -> Result<Vec<u32>, GenerateError> {
        self.prompts.render(prompt, &self.vocabulary)
    }

    /// Give back the memory of the cached conversations.
    pub fn forget(&self) {
        self.lock().slots.clear();
    }

    /// Wait until no other request is computed. `None` if it was cancelled first.
    pub(crate) fn enter(&self, priority: Priority, cancel: &Cancel) -> Option<Turn<'_>> {
        self.turns.enter(priority, cancel)
    }

    /// The state that the holder of the turn computes with. Held for one step.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a caller's `on_token` leaves the state as it was after the last run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LanguageModel for Engine {
    fn info(&self) -> &ModelInfo {
        &self.info
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
        let start = Instant::now();
        request.check()?;
        let prompt = self.render(&request.prompt)?;
        let Some(turn) = self.enter(request.priority, cancel) else {
            return Ok(Generation {
                text: String::new(),
                finish: FinishReason::Cancelled,
                usage: Usage::default(),
                timing: Timing::default(),
            });
        };
        generate::generate(self, turn, request, &prompt, start, cancel, on_token)
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
        .with_operators(crate::operator::domain()?)?;
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

/// Source and recipe: what decides the weights. The files' own hashes would change with every version of the writer.
fn fingerprint(manifest: &Manifest) -> String {
    let mut files = String::new();
    for (name, entry) in &manifest.files {
        files.push_str(name);
        files.push_str(&entry.sha256.to_string());
    }
    let hash = deepcoder_types::ContentHash::of(files.as_bytes()).to_string();
    format!("{}-{}", manifest.name, &hash[..16])
}
