//! The process that computes. It ends when the daemon does, whatever it is doing, and the system takes it first when
//! memory is short.

use deepcoder_protocol::ModelLoader;
use deepcoder_protocol::wire::{self, Body, Failure, Op, PROTOCOL, Request, ServerInfo};
use deepcoder_types::{Cancel, GenerateError, Hint, LanguageModel};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How willing the system is to end this process when memory is short: before the daemon, whose files are small, and
/// before the user's own programs.
const OOM_SCORE: &str = "500";

/// Settings of [`work`].
#[derive(Debug, Clone)]
pub struct WorkOptions {
    /// The process that started this one, and that it must not outlive.
    pub parent: u32,
    /// The most bytes that it may allocate; `None` is as many as there are.
    pub memory: Option<u64>,
}

/// Why there is nothing to work for.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It was started by hand, or the daemon is gone already.
    #[error("this is started by the daemon only")]
    NoDaemon,
    /// A limit cannot be set.
    #[error("cannot limit this process: {0}")]
    Limit(io::Error),
    /// The operating system refused.
    #[error("{0}")]
    Io(io::Error),
}

impl Hint for WorkError {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoDaemon).then(|| "use `deepcoder serve`".into())
    }
}

/// Answer the daemon at the other end of standard input until it goes away; then this process ends at once.
pub fn work(loader: Arc<dyn ModelLoader>, options: &WorkOptions) -> Result<Infallible, WorkError> {
    let stream = io::stdin().as_fd().try_clone_to_owned().map_err(WorkError::Io)?;
    let stream = UnixStream::from(stream);
    // Anything but our daemon: a terminal, a pipe, or the process that took over its children.
    stream.peer_addr().map_err(|_| WorkError::NoDaemon)?;
    confine(options)?;
    let out = Mutex::new(stream.try_clone().map_err(WorkError::Io)?);
    let inside = Arc::new(Inside { loader, model: OnceLock::new(), out, requests: Mutex::default() });
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if !matches!(lines.read_until(b'\n', &mut line), Ok(n) if n > 0) {
            end();
        }
        match serde_json::from_slice::<Request<'static>>(&line) {
            Ok(request) => inside.request(request),
            Err(e) => inside.say(wire::id_of(&line), Body::error(Failure::BadRequest(e.to_string()))),
        }
    }
}

/// Not by `exit`, which would unload the runtime under a running step, and hang or crash in it.
fn end() -> ! {
    rustix::process::kill_process(rustix::process::getpid(), Signal::KILL).unwrap_or_default();
    std::process::abort()
}

fn confine(options: &WorkOptions) -> Result<(), WorkError> {
    let limit = |resource, most| {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, limit).map_err(|e| WorkError::Limit(e.into()))
    };
    // A dump would hold the user's code, and gigabytes of weights.
    limit(Resource::Core, 0)?;
    if let Some(memory) = options.memory {
        // Allocated memory without mapped files: weights that are read from their file do not count.
        limit(Resource::Data, memory)?;
    }
    #[expect(clippy::disallowed_methods, reason = "a setting of this process in /proc")]
    // Where the system does not let us, it chooses by size, which mostly comes to the same.
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE).unwrap_or_default();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| WorkError::Limit(e.into()))?;
    // It may have died before that.
    let parent = rustix::process::getppid().map(Pid::as_raw_nonzero).and_then(|pid| u32::try_from(pid.get()).ok());
    if parent == Some(options.parent) { Ok(()) } else { Err(WorkError::NoDaemon) }
}

type Loading = Result<Arc<dyn LanguageModel>, GenerateError>;

struct Inside {
    loader: Arc<dyn ModelLoader>,
    /// The first request names it.
    model: OnceLock<(String, Loading)>,
    out: Mutex<UnixStream>,
    requests: Mutex<HashMap<u64, Cancel>>,
}

impl Inside {
    /// Answer one request, on a thread of its own where it needs the model. The thread that reads is always there to
    /// hear of a cancel, and of the daemon's end.
    fn request(self: &Arc<Self>, Request { id, op }: Request<'static>) {
        match op {
            Op::Hello { .. } => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                self.say(
                    id,
                    Body::Hello(ServerInfo { protocol: PROTOCOL, version, pid: std::process::id(), busy: false }),
                );
            }
            Op::Cancel { target } => {
                if let Some(cancel) = self.requests().get(&target) {
                    cancel.cancel();
                }
            }
            op => {
                let cancel = Cancel::new();
                self.requests().insert(id, cancel.clone());
                let inside = Arc::clone(self);
                let thread = std::thread::Builder::new().name("deepcoder-request".into());
                if let Err(e) = thread.spawn(move || inside.answer(id, &op, &cancel)) {
                    self.finish(id, Body::error(GenerateError::Engine(e.to_string())));
                }
            }
        }
    }

    fn answer(&self, id: u64, op: &Op<'static>, cancel: &Cancel) {
        match catch_unwind(AssertUnwindSafe(|| self.compute(id, op, cancel))) {
            Ok(Ok(body)) => self.finish(id, body),
            Ok(Err(e)) => self.finish(id, Body::error(e)),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
                self.finish(id, Body::error(GenerateError::Engine(format!("it panicked: {text}"))));
                // The panic leaves the model in an unknown state.
                std::process::abort();
            }
        }
    }

    fn compute(&self, id: u64, op: &Op<'static>, cancel: &Cancel) -> Result<Body, GenerateError> {
        match op {
            Op::ModelInfo { model } => Ok(Body::Model(self.model(model)?.info().clone())),
            Op::CountTokens { model, text } => Ok(Body::Count(self.model(model)?.count_tokens(text)?)),
            Op::Generate { model, request } => {
                let say = &mut |token: &deepcoder_types::TokenEvent| self.say(id, Body::Token(token.clone()));
                Ok(Body::Done(self.model(model)?.generate(request, cancel, say)?))
            }
            Op::Choose { model, prompt, options } => {
                Ok(Body::Likelihoods(self.model(model)?.choose(prompt, options, cancel)?))
            }
            _ => Err(GenerateError::Invalid("it is not for a worker".into())),
        }
    }

    fn model(&self, name: &str) -> Result<&Arc<dyn LanguageModel>, GenerateError> {
        let load = || (name.to_owned(), self.loader.load(name, &Cancel::new()));
        let (loaded, model) = self.model.get_or_init(load);
        if loaded != name {
            return Err(GenerateError::Invalid(format!("this process holds the model `{loaded}`")));
        }
        model.as_ref().map_err(Clone::clone)
    }

    fn finish(&self, id: u64, body: Body) {
        self.requests().remove(&id);
        self.say(id, body);
    }

    fn say(&self, id: u64, event: Body) {
        let line = wire::event_line(id, event);
        if self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line).is_err() {
            end();
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<u64, Cancel>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
