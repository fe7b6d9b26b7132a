//! The [`Host`] of one run: every call is checked against the grants and counted.

use crate::grants::Grants;
use deepcoder_context::Context;
use deepcoder_plugin_api::{ErrorCode, Host, Level, PluginError};
use deepcoder_types::{
    Cancel, Event, FinishReason, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, Prompt, RepoPath,
    Snippet, Stats, Symbol, TokenEvent,
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
    pub(crate) grants: &'a Grants,
    pub(crate) cancel: &'a Cancel,
    pub(crate) events: &'a Events<'e>,
    pub(crate) stats: &'a Mutex<Stats>,
}

impl RunHost<'_, '_> {
    fn go_on(&self) -> Result<(), PluginError> {
        self.cancel.check().map_err(|_| PluginError::cancelled())
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
        emit(self.events, Event::Generating { call, max_tokens: request.max_tokens });
        let generation = self.model.generate(request, self.cancel, &mut |token| {
            emit(self.events, Event::Token(token.text.clone()));
            on_token(token);
        })?;
        lock(self.stats).add(&generation);
        emit(self.events, Event::Generated { usage: generation.usage, timing: generation.timing });
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
        self.context.read_file(path)
    }

    fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.list_files(glob, limit)?, |path| path))
    }

    fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.search_text(pattern, glob, limit)?, |snippet| &snippet.path))
    }

    fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError> {
        self.go_on()?;
        Ok(self.readable(self.context.search_symbols(query, limit)?, |symbol| &symbol.path))
    }

    fn run_check(&self, id: &str) -> Result<String, PluginError> {
        Err(PluginError::new(ErrorCode::NotFound, format!("this workspace defines no check `{id}`")))
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn progress(&self, message: &str, fraction: Option<f32>) {
        emit(self.events, Event::Progress { message: message.to_owned(), fraction });
    }

    fn log(&self, level: Level, message: &str) {
        emit(self.events, Event::Log { level, message: message.to_owned() });
    }
}
