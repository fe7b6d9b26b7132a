//! The daemon that r9 and r10 torture: the real server and real processes for models, with a model that counts, for
//! many requests at once, and that dies where it is asked to.

use crate::writer::Writer;
use deepcoder_daemon::{ServeOptions, Services, WorkOptions, Workers, keep_memory_together, serve, work};
use deepcoder_protocol::client::Client;
use deepcoder_protocol::{ModelLoader, Status, WorkerCommand};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, ModelInfo, Priority, Prompt,
    Timing, TokenEvent, Usage,
};
use rustix::process::{Pid, Resource, Rlimit, setrlimit};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a process with a model may allocate.
const MEMORY: u64 = 256 << 20;

/// How long such a process may be silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests of users that run at once. The clients are one process, which has three quarters of the places: some wait.
const AT_ONCE: usize = 32;

/// Milliseconds until the first token of a request whose prompt is [`LONG`].
const PREFILL: u32 = 10;

/// The prompt that takes a while to read.
pub(crate) const LONG: &str = "long";

/// What the daemon without guards keeps of every request.
const LEAK: usize = 32 << 10;

/// The daemon, on the command line.
#[derive(clap::Args, Clone)]
pub(crate) struct ServeAct {
    #[arg(long)]
    socket: PathBuf,
    #[arg(long, default_value = "ours")]
    writer: Writer,
}

/// The process of a model.
#[derive(clap::Args, Clone)]
pub(crate) struct WorkAct {
    #[arg(long)]
    parent: u32,
}

impl ServeAct {
    /// Serve until a client says stop. Without the guards the model is in the daemon's own process, and leaks.
    pub(crate) fn act(&self) -> ExitCode {
        // As the daemon does.
        keep_memory_together();
        let loader: Arc<dyn ModelLoader> = if self.writer == Writer::Plain {
            let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
            setrlimit(Resource::Data, limit).expect("a limit");
            Arc::new(Counters { leaks: true })
        } else {
            let program = std::env::current_exe().expect("this program");
            let (args, env) = (vec!["work".into()], Vec::new());
            let command = WorkerCommand { program, name: None, args, env, patience: PATIENCE };
            Arc::new(Workers::new(command, Arc::new(Counters { leaks: false })))
        };
        let options = ServeOptions { at_once: AT_ONCE, ..ServeOptions::new(&self.socket) };
        match serve(&options, loader, Services::default(), &Cancel::new()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        }
    }
}

impl WorkAct {
    pub(crate) fn act(&self) -> ExitCode {
        let options = WorkOptions { parent: self.parent, memory: Some(MEMORY) };
        let Err(e) = work(Arc::new(Counters { leaks: false }), &options);
        eprintln!("{e}");
        ExitCode::FAILURE
    }
}

struct Counters {
    leaks: bool,
}

impl ModelLoader for Counters {
    fn load(&self, name: &str, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Ok(Arc::new(Counter { info: self.describe(name)?, leaks: self.leaks, running: AtomicU32::new(0) }))
    }

    fn describe(&self, name: &str) -> Result<ModelInfo, GenerateError> {
        Ok(ModelInfo {
            name: name.to_owned(),
            context_length: 1 << 20,
            supports_fill: false,
            fill_warning: None,
            fingerprint: "counter".into(),
            warnings: Vec::new(),
        })
    }
}

/// Counts upwards, some thousand numbers a second, or does what the prompt says. The answer has the largest number of
/// requests that ran beside it in place of its cached tokens.
struct Counter {
    info: ModelInfo,
    leaks: bool,
    running: AtomicU32,
}

impl LanguageModel for Counter {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(text.len()).unwrap_or(u32::MAX))
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        if let Prompt::Text(text) = &request.prompt {
            obey(text)?;
        }
        if self.leaks {
            std::mem::forget(vec![1u8; LEAK]);
            std::mem::forget(std::fs::File::open("/dev/null"));
        }
        self.running.fetch_add(1, Ordering::SeqCst);
        let (mut text, mut usage) = (String::new(), Usage { cached_tokens: 1, ..Usage::default() });
        if request.prompt == Prompt::Text(LONG.into()) {
            (0..PREFILL)
                .take_while(|_| !cancel.is_cancelled())
                .for_each(|_| std::thread::sleep(Duration::from_millis(1)));
        }
        for id in 0..request.max_tokens {
            std::thread::sleep(Duration::from_micros(50));
            if cancel.is_cancelled() {
                break;
            }
            usage.cached_tokens = usage.cached_tokens.max(self.running.load(Ordering::SeqCst));
            let token = TokenEvent { text: format!("{id} "), id, logprob: None, top: Vec::new() };
            text.push_str(&token.text);
            on_token(&token);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        let finish = if cancel.is_cancelled() { FinishReason::Cancelled } else { FinishReason::Length };
        Ok(Generation { text, finish, usage, timing: Timing::default() })
    }
}

/// Die, where `word` says how.
#[expect(clippy::panic, reason = "asked for")]
fn obey(word: &str) -> Result<(), GenerateError> {
    match word {
        "gobble" => {
            let hoard: Vec<Vec<u8>> = (0..1 << 20).map(|_| vec![1u8; 1 << 20]).collect();
            Err(GenerateError::Invalid(format!("{} MiB were to be had", hoard.len())))
        }
        "overflow" => Err(GenerateError::Invalid(format!("{} calls deep", deep(0)))),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(7),
        "panic" => panic!("as asked"),
        _ => Ok(()),
    }
}

/// Calls itself until the stack ends.
fn deep(n: u64) -> u64 {
    let frame = black_box([n; 64]);
    if n == u64::MAX { frame[0] } else { deep(n + 1) + black_box(frame[1]) % 2 }
}

/// What the model writes when it is asked for `tokens` tokens.
pub(crate) fn counted(tokens: u32) -> String {
    (0..tokens).fold(String::new(), |mut text, id| {
        write!(text, "{id} ").expect("memory");
        text
    })
}

/// A request for `tokens` tokens, or for a death.
pub(crate) fn ask(word: &str, tokens: u32, priority: Priority) -> GenerateRequest {
    GenerateRequest { priority, ..GenerateRequest::greedy(Prompt::Text(word.into()), tokens) }
}

/// A daemon in a process of its own. It ends with this.
pub(crate) struct Daemon {
    pub(crate) socket: PathBuf,
    child: Child,
}

impl Daemon {
    pub(crate) fn start(folder: &Path, writer: Writer) -> Self {
        let socket = folder.join("run/daemon.sock");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["serve", "--writer", writer.as_arg(), "--socket"]).arg(&socket);
        // What dies says so there, a thousand times.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("a process");
        let daemon = Self { socket, child };
        let start = Instant::now();
        while Client::connect(&daemon.socket).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the daemon does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        daemon
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs, as far as the system knows.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it is, and how long it took to say so.
    pub(crate) fn status(&self) -> Result<(Status, Duration), String> {
        let start = Instant::now();
        let mut client = Client::connect(&self.socket).map_err(|e| e.to_string())?;
        let status = client.status().map_err(|e| e.to_string())?;
        Ok((status, start.elapsed()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone, which the suite has told.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

pub(crate) fn as_pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Bytes of memory that are its own: neither shared nor a file's.
    pub(crate) memory: u64,
    pub(crate) files: usize,
    pub(crate) threads: usize,
}

impl Holds {
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
        };
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        Some(Self { memory: number("RssAnon:")? * 1024, files, threads: usize::try_from(number("Threads:")?).ok()? })
    }
}
