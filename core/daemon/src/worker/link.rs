//! The daemon's end of one worker: a process, and a model that is in it.

use super::pool::Records;
use deepcoder_protocol::WorkerCommand;
use deepcoder_protocol::wire::{self, Body, Event, Failure, Op, PROTOCOL, Request};
use deepcoder_types::{
    Cancel, GenerateError, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, Prompt, TokenEvent,
    generate_at_once,
};
use deepcoder_workspace::process;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a cancelled request may take to end before the process counts as hung. A step takes less, also one for many
/// requests on a slow machine: ending the process costs them all.
const LET_GO: Duration = Duration::from_secs(30);

/// The model in a worker process. Dropping it ends the process, and returns when its memory is free.
pub(super) struct WorkerModel {
    link: Arc<Link>,
    info: ModelInfo,
}

struct Link {
    name: String,
    child: Mutex<Child>,
    /// Lines for the process. A thread writes them, so that a process that does not read cannot block the daemon.
    lines: Sender<Vec<u8>>,
    waiting: Mutex<Waiting>,
    next: AtomicU64,
    /// Milliseconds from `started` to when it last said something.
    sign: AtomicU64,
    started: Instant,
    /// Silence after which it counts as hung.
    patience: Duration,
    /// Why we ended it ourselves, where that is the reason to tell.
    verdict: Mutex<Option<String>>,
    unloaded: AtomicBool,
    records: Arc<Records>,
}

#[derive(Default)]
struct Waiting {
    requests: HashMap<u64, Sender<News>>,
    dead: Option<String>,
}

/// The messages to a waiting call.
enum News {
    Body(Body),
    /// Its caller wants no answer any more.
    Cancelled,
}

impl WorkerModel {
    /// Start a process and have it load the model `name`. Ends the process soon after `cancel` is set.
    pub(super) fn start(
        command: &WorkerCommand,
        name: &str,
        cancel: &Cancel,
        records: &Arc<Records>,
    ) -> Result<Self, GenerateError> {
        let failed = |e: io::Error| GenerateError::Died { reason: format!("it could not be started: {e}") };
        let link = Link::start(command, name, records).map_err(failed)?;
        // From here on it is ended when this is dropped.
        let mut model = Self { link, info: unknown() };
        let op = Op::ModelInfo { model: Cow::Borrowed(name) };
        match model.link.call(op, cancel, Duration::ZERO, &mut |_| {})? {
            Body::Model(info) => model.info = info,
            _ => return Err(confused()),
        }
        Ok(model)
    }
}

#[cfg(test)]
impl WorkerModel {
    /// Requests whose last event is to come.
    pub(super) fn waiting(&self) -> usize {
        self.link.waiting().requests.len()
    }

    /// Send the process what is no request; `ID` in it is the id of the last one.
    pub(super) fn confuse(&self, line: &str) {
        let line = line.replace("ID", &(self.link.next.load(Ordering::Relaxed) - 1).to_string());
        self.link.lines.send(format!("{line}\n").into_bytes()).expect("the writer lives");
    }
}

fn unknown() -> ModelInfo {
    ModelInfo {
        name: String::new(),
        context_length: 0,
        supports_fill: false,
        fill_warning: None,
        fingerprint: String::new(),
        warnings: Vec::new(),
    }
}

fn confused() -> GenerateError {
    GenerateError::Engine("its process answered what was not asked".into())
}

impl Drop for WorkerModel {
    fn drop(&mut self) {
        self.link.unloaded.store(true, Ordering::SeqCst);
        self.link.kill();
        // The reader sees its end and notes it; here only the memory matters.
        self.link.child().wait().map(drop).unwrap_or_default();
    }
}

impl LanguageModel for WorkerModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        let op = Op::CountTokens { model: Cow::Borrowed(&self.link.name), text: Cow::Borrowed(text) };
        match self.link.call(op, &Cancel::new(), LET_GO, &mut |_| {})? {
            Body::Count(count) => Ok(count),
            _ => Err(confused()),
        }
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        request.check()?;
        let op = Op::Generate { model: Cow::Borrowed(&self.link.name), request: Cow::Borrowed(request) };
        match self.link.call(op, cancel, LET_GO, on_token)? {
            Body::Done(generation) => {
                self.link.records.works();
                Ok(generation)
            }
            _ => Err(confused()),
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
        let model = Cow::Borrowed(self.link.name.as_str());
        let op = Op::Choose { model, prompt: Cow::Borrowed(prompt), options: Cow::Borrowed(options) };
        match self.link.call(op, cancel, LET_GO, &mut |_| {})? {
            Body::Likelihoods(options) => Ok(options),
            _ => Err(confused()),
        }
    }
}

impl Link {
    fn start(command: &WorkerCommand, name: &str, records: &Arc<Records>) -> io::Result<Arc<Self>> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut program = Command::new(&command.program);
        // The daemon may have been started by hand, with all that its terminal had set.
        deepcoder_git::forget_caller(&mut program);
        if let Some(name) = &command.name {
            program.arg0(name);
        }
        program.args(&command.args).arg("--parent").arg(std::process::id().to_string());
        program.envs(command.env.iter().map(|(key, value)| (key, value)));
        // A process group of its own, so that the terminal's signals reach only the daemon, which ends the process.
        program.process_group(0);
        // Its standard error and output both go to the daemon's log: native libraries may print to either.
        let log = || io::stderr().as_fd().try_clone_to_owned();
        program.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::from(log()?)).stderr(Stdio::from(log()?));
        // The model's process, which runs third-party code, gets none of the daemon's inherited descriptors. It asks
        // for a signal at its parent's death, which comes with the end of the thread that starts it: so not on a thread
        // for this alone.
        process::mark_inherited();
        let child = program.spawn()?;
        // Holds the child's end of the pair: ours would never see it close.
        drop(program);
        records.began(child.id());
        let (lines, outgoing) = channel();
        let link = Arc::new(Self {
            name: name.to_owned(),
            child: Mutex::new(child),
            lines,
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            sign: AtomicU64::new(0),
            started: Instant::now(),
            patience: command.patience,
            verdict: Mutex::default(),
            unloaded: AtomicBool::new(false),
            records: Arc::clone(records),
        });
        let reader = Arc::clone(&link);
        let begun = ours.try_clone().and_then(|writing| {
            thread::Builder::new().name("deepcoder-to-worker".into()).spawn(move || write(writing, &outgoing))?;
            thread::Builder::new().name("deepcoder-from-worker".into()).spawn(move || reader.read(ours))
        });
        begun.map(drop).inspect_err(|_| link.kill())?;
        Ok(link)
    }

    /// Hand out what the process says until it is gone; then tell those who wait how it went.
    fn read(&self, stream: UnixStream) {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        let mut strange = None;
        while let Ok(n) = lines.read_until(b'\n', &mut line)
            && n > 0
        {
            self.note_sign();
            match serde_json::from_slice::<Event>(&line) {
                Ok(Event { id, event: Body::Token(token) }) => {
                    self.waiting()
                        .requests
                        .get(&id)
                        .map(|to| to.send(News::Body(Body::Token(token))))
                        .unwrap_or(Ok(()))
                        .unwrap_or_default();
                }
                // It could not read a request, and does not know whose: whichever it was would wait forever.
                Ok(Event { id: 0, event: Body::Error { kind, .. } }) => {
                    let all: Vec<_> = self.waiting().requests.drain().collect();
                    for (target, to) in all {
                        to.send(News::Body(Body::error(kind.clone()))).unwrap_or_default();
                        self.tell(Op::Cancel { target }).unwrap_or_default();
                    }
                }
                Ok(Event { id, event }) => {
                    self.waiting()
                        .requests
                        .remove(&id)
                        .map(|to| to.send(News::Body(event)))
                        .unwrap_or(Ok(()))
                        .unwrap_or_default();
                }
                Err(e) if line.ends_with(b"\n") => {
                    strange = Some(format!("it said what cannot be understood: {e}"));
                    break;
                }
                // Cut short by its end.
                Err(_) => {}
            }
            line.clear();
        }
        // It may be alive, and only silent for good.
        self.kill();
        let status = self.child().wait();
        let verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reason = verdict.or(strange).unwrap_or_else(|| status.map_or_else(|e| e.to_string(), obituary));
        let unloaded = self.unloaded.load(Ordering::SeqCst);
        self.records.ended(self.child().id(), (!unloaded).then_some(reason.as_str()));
        let mut waiting = self.waiting();
        waiting.dead = Some(if unloaded { "it was unloaded".into() } else { reason });
        waiting.requests.clear();
    }

    /// Send `op`; its events come out of the other end.
    fn ask(&self, op: Op<'_>) -> Result<(u64, Receiver<News>), GenerateError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (events, received) = channel();
        {
            let mut waiting = self.waiting();
            if let Some(reason) = &waiting.dead {
                return Err(GenerateError::Died { reason: reason.clone() });
            }
            waiting.requests.insert(id, events);
        }
        self.send(id, op).inspect_err(|_| drop(self.waiting().requests.remove(&id)))?;
        Ok((id, received))
    }

    /// Send `op` without waiting for an answer.
    fn tell(&self, op: Op<'_>) -> Result<(), GenerateError> {
        self.send(self.next.fetch_add(1, Ordering::Relaxed), op)
    }

    fn send(&self, id: u64, op: Op<'_>) -> Result<(), GenerateError> {
        let line = wire::line(&Request { id, op }).map_err(|e| GenerateError::Invalid(e.to_string()))?;
        // A failure is the process's end, which the reader sees as well.
        self.lines.send(line).unwrap_or_default();
        Ok(())
    }

    /// Send `op` and wait for the event that ends it. A process that is silent for too long, or does not let go within
    /// `let_go` after a cancel, is ended.
    fn call(
        self: &Arc<Self>,
        op: Op<'_>,
        cancel: &Cancel,
        let_go: Duration,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Body, GenerateError> {
        self.note_sign();
        let (id, received) = self.ask(op)?;
        let link = Arc::downgrade(self);
        // By the way that its events come, which the process's end closes.
        let _waiting = cancel.on_cancel(move || {
            let Some(link) = link.upgrade() else { return };
            link.waiting().requests.get(&id).map_or(Ok(()), |to| to.send(News::Cancelled)).unwrap_or_default();
        });
        let (mut cancelled, mut asked) = (None, None);
        // Silence is judged to a quarter of the patience.
        let look = (self.patience / 4).max(Duration::from_millis(1));
        loop {
            let left = cancelled.map_or(look, |at: Instant| let_go.saturating_sub(at.elapsed()).min(look));
            match received.recv_timeout(left.max(Duration::from_millis(1))) {
                Ok(News::Body(Body::Token(token))) => on_token(&token),
                Ok(News::Body(Body::Error { kind, .. })) => return Err(kind.into()),
                Ok(News::Body(body)) => return Ok(body),
                Ok(News::Cancelled) => {
                    cancelled = Some(Instant::now());
                    if let_go.is_zero() {
                        return Err(Failure::Cancelled.into());
                    }
                    self.tell(Op::Cancel { target: id })?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let reason = self.waiting().dead.clone().unwrap_or_default();
                    return Err(GenerateError::Died { reason });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if cancelled.is_some_and(|at: Instant| at.elapsed() > let_go) {
                self.condemn("it hung: it did not stop when it was asked to");
            }
            let silent = self.silence();
            if silent > self.patience {
                self.condemn(&format!("it hung: it said nothing for {} s", silent.as_secs()));
            } else if silent > self.patience / 4 && asked.is_none_or(|at: Instant| at.elapsed() > self.patience / 4) {
                asked = Some(Instant::now());
                self.tell(Op::Hello { protocol: PROTOCOL, oldest: None, client: Cow::Borrowed("daemon") })?;
            }
        }
    }

    fn condemn(&self, reason: &str) {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
        self.kill();
    }

    fn kill(&self) {
        // It fails where the process is gone and reaped.
        self.child().kill().unwrap_or_default();
    }

    fn note_sign(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sign.store(millis, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.sign.load(Ordering::Relaxed)))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(mut stream: UnixStream, lines: &Receiver<Vec<u8>>) {
    while let Ok(line) = lines.recv() {
        if stream.write_all(&line).is_err() {
            break;
        }
    }
}

/// How a process ended, in words.
fn obituary(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => "it was killed by signal 9, as the system does when memory runs out".into(),
        (Some(6), _) => "it aborted (signal 6), as when it gets no more memory".into(),
        (Some(signal @ (4 | 7 | 8 | 11)), _) => format!("it crashed (signal {signal})"),
        (Some(signal), _) => format!("it was ended by signal {signal}"),
        (None, Some(code)) => format!("it ended with exit code {code}"),
        (None, None) => "it ended for an unknown reason".into(),
    }
}
