//! The [`Host`] of one run: every call is checked against the grants and counted.

use crate::confidence::{Confidence, Tokens};
use crate::grants::Grants;
use crate::names::NameServers;
use deepcoder_context::Context;
use deepcoder_plugin_api::{ErrorCode, Host, Level, PluginError};
use deepcoder_types::{
    Cancel, Event, FinishReason, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, NameAnswer,
    NameQuestion, Prompt, RepoPath, Snippet, Stats, Symbol, TokenEvent,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where events go. Shared by the host, whose calls may come from any thread, and the pipeline.
pub(crate) type Events<'a> = Mutex<&'a mut (dyn FnMut(Event) + Send)>;

/// Tell the caller.
pub(crate) fn emit(events: &Events<'_>, event: Event) {
    (lock(events))(event);
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The host of one run of one plugin.
pub(crate) struct RunHost<'a, 'e> {
    pub(crate) context: Context<'a>,
    pub(crate) model: &'a dyn LanguageModel,
    pub(crate) names: Option<&'a dyn NameServers>,
    pub(crate) grants: &'a Grants,
    pub(crate) cancel: &'a Cancel,
    /// Where events go; a sample beside the greedy answer has none.
    pub(crate) events: Option<&'a Events<'e>>,
    pub(crate) stats: &'a Mutex<Stats>,
    pub(crate) variant: Variant,
    pub(crate) confidence: &'a Mutex<Confidence>,
}

/// How a candidate's answers differ from those that the plugin asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Variant {
    /// From 0, which is what the plugin asks for.
    pub(crate) number: u32,
    /// The least temperature.
    pub(crate) temperature: f32,
}

/// Keeps the seeds of candidates apart from those that plugins count up.
const SEED_STEP: u64 = 0x9E37_79B9;

impl Variant {
    fn of(self, request: &GenerateRequest) -> GenerateRequest {
        let mut request = request.clone();
        // The engine computes them anyway; what they cost is one sum over the vocabulary for each token.
        request.logprobs.get_or_insert(0);
        if self.number > 0 {
            let sampling = &mut request.sampling;
            sampling.temperature = sampling.temperature.max(self.temperature);
            sampling.top_p = sampling.top_p.min(0.95);
            sampling.seed = sampling.seed.wrapping_add(u64::from(self.number).wrapping_mul(SEED_STEP));
        }
        request
    }
}

impl RunHost<'_, '_> {
    fn go_on(&self) -> Result<(), PluginError> {
        self.cancel.check().map_err(|_| PluginError::cancelled())
    }

    fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(events) = self.events {
            emit(events, event());
        }
    }

    /// Only what the plugin may read.
    fn readable<T>(&self, items: Vec<T>, path: impl Fn(&T) -> &RepoPath) -> Vec<T> {
        items.into_iter().filter(|item| self.grants.may_read(path(item))).collect()
    }
}

impl Host for RunHost<'_, '_> {
    fn model(&self) -> Result<ModelInfo, PluginError> {
        Ok(self.model.info().clone())
    }

    fn count_tokens(&self, text: &str) -> Result<u32, PluginError> {
        self.go_on()?;
        Ok(self.model.count_tokens(text)?)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, PluginError> {
        self.go_on()?;
        let call = {
            let mut stats = lock(self.stats);
            self.grants.check_generate(stats.calls, stats.usage.completion_tokens, request.max_tokens)?;
            // Counted before the call, so that several threads cannot pass the check together.
            stats.calls += 1;
            stats.calls
        };
        self.tell(|| Event::Generating { call, max_tokens: request.max_tokens });
        let mut tokens = Tokens::default();
        let generation = self.model.generate(&self.variant.of(request), self.cancel, &mut |token| {
            self.tell(|| Event::Token(token.text.clone()));
            tokens.see(token);
            on_token(token);
        })?;
        lock(self.stats).add(&generation);
        lock(self.confidence).add(&generation.text, &tokens.seen, request.draft.as_deref());
        self.tell(|| Event::Generated { usage: generation.usage, timing: generation.timing });
        if generation.finish == FinishReason::Cancelled {
            return Err(PluginError::cancelled());
        }
        Ok(generation)
    }

    fn choose(&self, prompt: &Prompt, options: &[String]) -> Result<Vec<Likelihood>, PluginError> {
        self.go_on()?;
        {
            let mut stats = lock(self.stats);
            self.grants.check_generate(stats.calls, stats.usage.completion_tokens, 0)?;
            stats.calls += 1;
        }
        Ok(self.model.choose(prompt, options, self.cancel)?)
    }

    fn read_file(&self, path: &RepoPath) -> Result<Snippet, PluginError> {
        self.go_on()?;
        self.grants.check_read(path)?;
        if self.grants.asks_model() { self.context.read_file(path) } else { self.context.read_any(path) }
    }

    fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.list_files(glob, limit)?, |path| path))
    }

    fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.search_text(pattern, glob, limit)?, |snippet| &snippet.path))
    }

    fn files_with(&self, word: &str) -> Result<Vec<RepoPath>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.files_with(word, self.cancel)?, |path| path))
    }

    fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.search_symbols(query, limit)?, |symbol| &symbol.path))
    }

    fn ask_about_names(&self, question: &NameQuestion) -> Result<Option<NameAnswer>, PluginError> {
        self.go_on()?;
        for spot in question.declared.iter().chain(&question.doubtful) {
            self.grants.check_read(&spot.path)?;
        }
        let text = |path: &RepoPath| self.context.read_any(path).ok().map(|file| file.text);
        Ok(self.names.and_then(|names| names.ask(question, &text, self.cancel)))
    }

    fn run_check(&self, id: &str) -> Result<String, PluginError> {
        Err(PluginError::new(ErrorCode::NotFound, format!("this workspace defines no check `{id}`")))
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn progress(&self, message: &str, fraction: Option<f32>) {
        self.tell(|| Event::Progress { message: message.to_owned(), fraction });
    }

    fn log(&self, level: Level, message: &str) {
        self.tell(|| Event::Log { level, message: message.to_owned() });
    }
}
