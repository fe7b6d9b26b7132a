//! One run of a plugin with the context and the host that the pipeline gives it.

use crate::case::Files;
use deepcoder_context::GatherError;
use deepcoder_pipeline::{Event, Pipeline, Policy, RunError, RunOptions};
use deepcoder_plugin_api::{ErrorCode, Host, Level, ModelGrant, Plugin, PluginError, PluginManifest};
use deepcoder_test_support::FakeModel;
use deepcoder_types::{
    Cancel, ContextBundle, ContextRequest, GenerateRequest, Generation, Hint as _, Instruction, Likelihood, ModelInfo,
    NameAnswer, NameQuestion, Outcome, Prompt, RepoPath, Snippet, Symbol, TokenEvent,
};
use deepcoder_workspace::Memory;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A run to be made.
pub struct Hosted<'a> {
    /// The plugin.
    pub plugin: &'a Arc<dyn Plugin>,
    /// The files that there are.
    pub files: &'a Files,
    /// The model's script.
    pub model: FakeModel,
    /// The plugin's use of the model, instead of what its manifest asks for.
    pub grant: Option<ModelGrant>,
    /// The user cancels when this call of the host (from 0) begins.
    pub cancel_at: Option<usize>,
    /// What the plugin sees, instead of what the pipeline gathers.
    pub context: Option<ContextBundle>,
}

/// What came of it.
pub struct Ran {
    /// The plugin's result, or the error that kept it from being asked.
    pub outcome: Result<Outcome, PluginError>,
    /// How many calls of the host there were.
    pub calls: usize,
    /// What the plugin logged.
    pub log: Vec<String>,
    /// The model, with the requests that it got.
    pub model: Arc<FakeModel>,
}

impl<'a> Hosted<'a> {
    /// A run as the plugin's manifest wants it.
    #[must_use]
    pub fn new(plugin: &'a Arc<dyn Plugin>, files: &'a Files, model: FakeModel) -> Self {
        Self { plugin, files, model, grant: None, cancel_at: None, context: None }
    }

    /// Makes the run.
    ///
    /// # Panics
    /// When the plugin panics.
    #[must_use]
    pub fn run(self, instruction: &Instruction) -> Ran {
        let manifest = self.plugin.manifest();
        let watched = Arc::new(Watched {
            // A request is about the targets that it names; the pipeline's splitting is not the plugin's.
            manifest: PluginManifest { each_target: false, ..manifest.clone() },
            plugin: Arc::clone(self.plugin),
            context: self.context,
            cancel_at: self.cancel_at,
            cancel: Cancel::new(),
            calls: AtomicUsize::new(0),
            outcome: Mutex::new(None),
        });
        let files: Memory = self.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let model = Arc::new(self.model);
        let mut policy = Policy::default();
        policy.model = self.grant.unwrap_or(policy.model);
        let instruction = Instruction { verb: manifest.verbs[0].name.clone(), ..instruction.clone() };
        let mut log = Vec::new();
        let ended = Pipeline::new(&files, Arc::clone(&model) as _)
            .with_plugins(vec![Arc::clone(&watched) as _])
            .with_policy(policy)
            .run(&instruction, &RunOptions::default(), &watched.cancel, &mut |event| {
                if let Event::Log { message, .. } = event {
                    log.push(message);
                }
            });
        let outcome = watched.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let outcome = outcome.unwrap_or_else(|| match ended {
            Err(error) => Err(refusal(error)),
            Ok(run) => panic!("the plugin was not asked: {run:?}"),
        });
        Ran { outcome, calls: watched.calls.load(Ordering::SeqCst), log, model }
    }
}

/// The error of a run in which the plugin was not asked to the end.
fn refusal(error: RunError) -> PluginError {
    let code = match &error {
        RunError::Plugin(error) => return error.clone(),
        RunError::EmptyInstruction => ErrorCode::Invalid,
        RunError::NoTargets => ErrorCode::NotFound,
        RunError::Gather(GatherError::TooLarge { .. }) => ErrorCode::Budget,
        RunError::Cancelled(_) | RunError::Gather(GatherError::Cancelled(_)) => ErrorCode::Cancelled,
        other => panic!("the plugin was not asked: {other}"),
    };
    PluginError { hint: error.hint(), ..PluginError::new(code, error.to_string()) }
}

/// The plugin, with its calls of the host counted. It keeps the outcome, so that the pipeline has nothing to verify.
struct Watched {
    manifest: PluginManifest,
    plugin: Arc<dyn Plugin>,
    context: Option<ContextBundle>,
    cancel_at: Option<usize>,
    cancel: Cancel,
    calls: AtomicUsize,
    outcome: Mutex<Option<Result<Outcome, PluginError>>>,
}

impl Plugin for Watched {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        // Where another verb is exact the pipeline does not ask the plugin.
        Ok(ContextRequest { exact: None, ..self.plugin.plan(instruction)? })
    }

    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let context = self.context.as_ref().unwrap_or(context);
        let outcome = self.plugin.run(instruction, context, &Counted { host, watched: self });
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        Ok(Outcome::Unchanged)
    }
}

/// The pipeline's host. At the call that it is told the user cancels.
struct Counted<'h> {
    host: &'h dyn Host,
    watched: &'h Watched,
}

impl Counted<'_> {
    fn call(&self) -> Result<(), PluginError> {
        if self.watched.cancel_at == Some(self.watched.calls.fetch_add(1, Ordering::SeqCst)) {
            self.watched.cancel.cancel();
        }
        // The pipeline's flag follows a moment later.
        self.watched.cancel.check().map_err(|_| PluginError::cancelled())
    }
}

impl Host for Counted<'_> {
    fn model(&self) -> Result<ModelInfo, PluginError> {
        self.call()?;
        self.host.model()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, PluginError> {
        self.call()?;
        self.host.count_tokens(text)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, PluginError> {
        self.call()?;
        self.host.generate(request, on_token)
    }

    fn choose(&self, prompt: &Prompt, options: &[String]) -> Result<Vec<Likelihood>, PluginError> {
        self.call()?;
        self.host.choose(prompt, options)
    }

    fn read_file(&self, path: &RepoPath) -> Result<Snippet, PluginError> {
        self.call()?;
        self.host.read_file(path)
    }

    fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        self.call()?;
        self.host.list_files(glob, limit)
    }

    fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        self.call()?;
        self.host.search_text(pattern, glob, limit)
    }

    fn files_with(&self, word: &str) -> Result<Vec<RepoPath>, PluginError> {
        self.call()?;
        self.host.files_with(word)
    }

    fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        self.call()?;
        self.host.search_symbols(query, limit)
    }

    fn ask_about_names(&self, question: &NameQuestion) -> Result<Option<NameAnswer>, PluginError> {
        self.call()?;
        self.host.ask_about_names(question)
    }

    fn run_check(&self, id: &str) -> Result<String, PluginError> {
        self.call()?;
        self.host.run_check(id)
    }

    fn cancelled(&self) -> bool {
        self.call().is_err() || self.host.cancelled()
    }

    fn progress(&self, message: &str, fraction: Option<f32>) {
        _ = self.call();
        self.host.progress(message, fraction);
    }

    fn log(&self, level: Level, message: &str) {
        _ = self.call();
        self.host.log(level, message);
    }
}
