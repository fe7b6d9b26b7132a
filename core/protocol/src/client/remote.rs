//! A model in the daemon that looks like one in the process.

use super::{CallError, Client};
use deepcoder_types::{
    Cancel, GenerateError, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, Prompt, TokenEvent,
    generate_at_once,
};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Maximum number of requests of one call that run at once, each on a connection and a thread of its own; the daemon
/// limits the number of connections.
const AT_ONCE: usize = 32;

/// Maximum number of idle connections that are kept for later calls.
const KEPT: usize = 8;

/// A model that the daemon holds. Calls from several threads use several connections.
#[derive(Debug)]
pub struct RemoteModel {
    socket: PathBuf,
    name: String,
    info: ModelInfo,
    idle: Mutex<Vec<Client>>,
}

impl RemoteModel {
    /// The model `name` of the daemon at `socket`. Loads it, which may take seconds.
    pub fn new(socket: &Path, name: &str) -> Result<Self, GenerateError> {
        let client = Client::connect(socket).map_err(|e| GenerateError::Unavailable(e.to_string()))?;
        Self::with_client(client, socket, name, &Cancel::new()).map_err(GenerateError::from)
    }

    /// As [`RemoteModel::new`] on a connection that there is already; ends soon after `cancel` is set.
    pub fn with_client(mut client: Client, socket: &Path, name: &str, cancel: &Cancel) -> Result<Self, CallError> {
        let info = client.model_info(name, cancel)?;
        Ok(Self { socket: socket.to_owned(), name: name.to_owned(), info, idle: Mutex::new(vec![client]) })
    }

    fn with<T>(&self, call: &mut dyn FnMut(&mut Client) -> Result<T, GenerateError>) -> Result<T, GenerateError> {
        let pooled = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut client = match pooled {
            Some(client) => client,
            None => Client::connect(&self.socket).map_err(|e| GenerateError::Unavailable(e.to_string()))?,
        };
        let result = call(&mut client);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if client.is_usable() && idle.len() < KEPT {
            idle.push(client);
        }
        result
    }

    /// Call once more where the daemon was restarted between two calls: then the pooled connection is dead.
    fn with_retry<T>(
        &self,
        call: &mut dyn FnMut(&mut Client) -> Result<T, GenerateError>,
        untouched: &dyn Fn() -> bool,
    ) -> Result<T, GenerateError> {
        match self.with(call) {
            Err(GenerateError::Unavailable(_)) if untouched() => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                self.with(call)
            }
            result => result,
        }
    }
}

impl LanguageModel for RemoteModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        let mut call = |client: &mut Client| Ok(client.count_tokens(&self.name, text, &Cancel::new())?);
        self.with_retry(&mut call, &|| true)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        // Never again once the caller has seen a token, or a kill in the middle would say some text twice.
        let seen = std::cell::Cell::new(false);
        let mut call = |client: &mut Client| {
            client.generate(&self.name, request, cancel, &mut |token| {
                seen.set(true);
                on_token(token);
            })
        };
        self.with_retry(&mut call, &|| !seen.get() && !cancel.is_cancelled())
    }

    fn generate_all(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_token: &mut dyn FnMut(usize, &TokenEvent),
    ) -> Vec<Result<Generation, GenerateError>> {
        let mut results = Vec::new();
        for part in requests.chunks(AT_ONCE) {
            let first = results.len();
            results.extend(generate_at_once(self, part, cancel, &mut |i, token| on_token(first + i, token)));
        }
        results
    }

    fn choose(&self, prompt: &Prompt, options: &[String], cancel: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        let mut call = |client: &mut Client| client.choose(&self.name, prompt, options, cancel);
        self.with_retry(&mut call, &|| !cancel.is_cancelled())
    }
}
