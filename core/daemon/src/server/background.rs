//! Models for the services, as [`LanguageModel`]s of this process.

use super::sink::Sink;
use super::waiting::{Job, Work};
use super::{ModelLoader, Shared, dispatch};
use crate::memory::give_back_memory;
use deepcoder_protocol::Models;
use deepcoder_protocol::wire::{Body, Failure};
use deepcoder_types::{
    Cancel, GenerateError, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, Priority, Prompt,
    TokenEvent, generate_at_once,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Lends models to the services, which the server holds: they must not hold the server.
pub(super) struct Lender {
    shared: Weak<Shared>,
    loader: Arc<dyn ModelLoader>,
    /// Number of models lent for interactive tasks; each is a client of its own.
    lent: AtomicU64,
}

impl Lender {
    pub(super) fn new(shared: &Arc<Shared>, loader: Arc<dyn ModelLoader>) -> Self {
        Self { shared: Arc::downgrade(shared), loader, lent: AtomicU64::new(0) }
    }

    fn lend(&self, name: Option<&str>, repository: Option<&Path>) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        let shared = self.shared.upgrade().filter(|shared| !shared.queue.is_stopping());
        let shared = shared.ok_or_else(|| GenerateError::from(Failure::Stopping))?;
        let name = name.unwrap_or(&shared.options.model);
        if name.is_empty() {
            return Err(GenerateError::Invalid("no model is named, and the daemon has none of its own".into()));
        }
        let info = match shared.queue.loaded().filter(|loaded| loaded.name == name) {
            Some(loaded) => loaded.model.info().clone(),
            None => self.loader.describe(name)?,
        };
        let client = match repository {
            Some(repository) => format!("repository {}", repository.display()),
            None => format!("task {}", self.lent.fetch_add(1, Ordering::Relaxed)),
        };
        let (shared, name, repository) = (self.shared.clone(), name.to_owned(), repository.map(Path::to_owned));
        Ok(Arc::new(LentModel { shared, name, client, repository, info }))
    }
}

impl Models for Lender {
    fn background(&self, name: Option<&str>, repository: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        self.lend(name, Some(repository))
    }

    fn interactive(&self, name: Option<&str>, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        self.lend(name, None)
    }

    fn model_time(&self, repository: &Path) -> Duration {
        self.shared.upgrade().map_or(Duration::ZERO, |shared| shared.queue.used(repository))
    }

    fn rest(&self) {
        give_back_memory();
    }
}

struct LentModel {
    shared: Weak<Shared>,
    name: String,
    /// The client, for fairness between clients.
    client: String,
    /// For which repository, in the background.
    repository: Option<PathBuf>,
    info: ModelInfo,
}

impl LentModel {
    /// Queue `work` and wait for the event that ends it.
    fn ask(&self, work: Work, cancel: &Cancel, on_token: &mut dyn FnMut(&TokenEvent)) -> Result<Body, GenerateError> {
        let shared = self.shared.upgrade().ok_or_else(|| GenerateError::from(Failure::Stopping))?;
        let (events, received) = channel();
        // The server's end cancels a part only: the caller's own flag says what the caller wants.
        let sink = Sink::local(cancel.child(), events);
        let (background, repository) = (self.repository.is_some(), self.repository.clone());
        let job = Job::new(self.name.clone(), work, Arc::clone(&sink), self.client.clone());
        shared.queue.push(Job { background, repository, ..job })?;
        let server = Weak::clone(&self.shared);
        // One that waits ends at once, one that runs by itself within a step.
        let _waiting = cancel.on_cancel(move || {
            if let Some(job) = server.upgrade().and_then(|shared| shared.queue.remove(&sink)) {
                sink.finish(dispatch::cancelled(&job.work));
            }
        });
        for body in received {
            match body {
                Body::Token(token) => on_token(&token),
                Body::Error { kind, .. } => return Err(kind.into()),
                body => return Ok(body),
            }
        }
        Err(Failure::Stopping.into())
    }
}

impl LanguageModel for LentModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        let loaded = self.shared.upgrade().and_then(|shared| shared.queue.loaded());
        if let Some(loaded) = loaded.filter(|loaded| loaded.name == self.name) {
            match loaded.model.count_tokens(text) {
                // It was unloaded at this moment.
                Err(GenerateError::Died { .. }) => {}
                result => return result,
            }
        }
        match self.ask(Work::Count(text.to_owned()), &Cancel::new(), &mut |_| {})? {
            Body::Count(count) => Ok(count),
            _ => Err(Failure::Cancelled.into()),
        }
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        let mut request = GenerateRequest { client: self.client.clone(), ..request.clone() };
        if self.repository.is_some() {
            request.priority = Priority::Background;
        }
        match self.ask(Work::Generate(Box::new(request)), cancel, on_token)? {
            Body::Done(generation) => Ok(generation),
            _ => Err(Failure::Cancelled.into()),
        }
    }

    fn generate_all(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_token: &mut dyn FnMut(usize, &TokenEvent),
    ) -> Vec<Result<Generation, GenerateError>> {
        generate_at_once(self, requests, cancel, on_token)
    }

    fn choose(&self, prompt: &Prompt, options: &[String], cancel: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        let work = Work::Choose(Box::new(prompt.clone()), options.to_vec());
        match self.ask(work, cancel, &mut |_| {})? {
            Body::Likelihoods(options) => Ok(options),
            _ => Err(Failure::Cancelled.into()),
        }
    }
}
