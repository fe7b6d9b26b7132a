//! Tests of the server and the client together.

mod background;
mod hostile;
mod jobs;
mod processes;
mod tasks;
mod together;

use super::*;
use deepcoder_protocol::client::{Client, ConnectError, RemoteModel, ensure, stop};
use deepcoder_protocol::wire::{Failure, MAX_REQUEST};
use deepcoder_test_support::{FakeModel, Reply};
use deepcoder_types::{
    FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, ModelInfo, Prompt, Timing, TokenEvent,
    Usage,
};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::thread::{self, JoinHandle};

type Make = Box<dyn Fn(&str) -> Result<Arc<dyn LanguageModel>, GenerateError> + Send + Sync>;

/// Loads what a closure makes and counts the loads.
struct Loader {
    make: Make,
    loads: AtomicUsize,
}

impl ModelLoader for Loader {
    fn load(&self, name: &str, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        (self.make)(name)
    }

    fn describe(&self, name: &str) -> Result<ModelInfo, GenerateError> {
        Ok(ModelInfo { name: name.to_owned(), ..Chatterbox::new(Duration::ZERO).info })
    }
}

/// A server in a thread, stopped when dropped.
struct Server {
    _dir: tempfile::TempDir,
    socket: PathBuf,
    loader: Arc<Loader>,
    cancel: Cancel,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    fn start(
        idle: Duration,
        make: impl Fn(&str) -> Result<Arc<dyn LanguageModel>, GenerateError> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(|socket| options(socket, idle), Services::default(), make)
    }

    fn start_with(
        options: impl FnOnce(&Path) -> ServeOptions,
        services: Services,
        make: impl Fn(&str) -> Result<Arc<dyn LanguageModel>, GenerateError> + Send + Sync + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let socket = dir.path().join("run/daemon.sock");
        let loader = Arc::new(Loader { make: Box::new(make), loads: AtomicUsize::new(0) });
        let cancel = Cancel::new();
        let options = options(&socket);
        let (thread_loader, thread_cancel) = (Arc::clone(&loader), cancel.clone());
        let mut thread = None;
        ensure(
            &socket,
            &mut || {
                let (options, loader, cancel) = (options.clone(), Arc::clone(&thread_loader), thread_cancel.clone());
                let services = services.clone();
                thread = Some(thread::spawn(move || serve(&options, loader, services, &cancel)));
                Ok(None)
            },
            Duration::from_secs(10),
        )
        .expect("the server answers");
        Self { _dir: dir, socket, loader, cancel, thread }
    }

    fn with(model: impl LanguageModel + 'static) -> Self {
        let model: Arc<dyn LanguageModel> = Arc::new(model);
        Self::start(Duration::from_secs(60), move |_| Ok(Arc::clone(&model)))
    }

    /// Of which one request of a user runs at a time, and one in the background.
    fn one_by_one(model: impl LanguageModel + 'static) -> Self {
        let model: Arc<dyn LanguageModel> = Arc::new(model);
        let options = |socket: &Path| ServeOptions { at_once: 1, ..options(socket, Duration::from_secs(60)) };
        Self::start_with(options, Services::default(), move |_| Ok(Arc::clone(&model)))
    }

    fn client(&self) -> Client {
        Client::connect(&self.socket).expect("connected")
    }

    /// A connection that says what it likes.
    fn raw(&self) -> BufReader<UnixStream> {
        let stream = UnixStream::connect(&self.socket).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
        BufReader::new(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("no panic").expect("a clean end");
                assert!(!self.socket.exists(), "the socket is left behind");
            }
        }
    }
}

fn options(socket: &Path, idle: Duration) -> ServeOptions {
    ServeOptions { idle, handle_signals: false, ..ServeOptions::new(socket) }
}

fn ask(text: &str) -> GenerateRequest {
    GenerateRequest::greedy(Prompt::Text(text.into()), 100)
}

fn line(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).expect("an answer in time");
    line
}

const HELLO: &[u8] = b"{\"id\":1,\"do\":{\"hello\":{\"protocol\":3,\"client\":\"test\"}}}\n";

/// Talks until it is cancelled, `pause` a token.
struct Chatterbox {
    info: ModelInfo,
    pause: Duration,
    /// Tokens of all generations.
    said: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
}

impl Chatterbox {
    fn new(pause: Duration) -> Self {
        let info = ModelInfo {
            name: "c".into(),
            context_length: 1,
            supports_fill: false,
            fill_warning: None,
            fingerprint: "c".into(),
            warnings: Vec::new(),
        };
        Self { info, pause, said: Arc::default(), running: Arc::default() }
    }
}

impl LanguageModel for Chatterbox {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(text.len()).expect("short"))
    }

    fn generate(
        &self,
        _request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let mut text = String::new();
        while !cancel.is_cancelled() {
            text.push_str("bla ");
            self.said.fetch_add(1, Ordering::SeqCst);
            on_token(&TokenEvent { text: "bla ".into(), id: 7, logprob: None, top: Vec::new() });
            thread::sleep(self.pause);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(Generation { text, finish: FinishReason::Cancelled, usage: Usage::default(), timing: Timing::default() })
    }
}

/// Panics when it counts `panic`.
struct Brittle(FakeModel);

impl LanguageModel for Brittle {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        assert_ne!(text, "panic", "counting panics");
        self.0.count_tokens(text)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.0.generate(request, cancel, on_token)
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Protects every surface: through the daemon a model says, counts and fails exactly as in the process.
#[test]
fn a_remote_model_is_like_a_local_one() {
    let too_long = GenerateError::TooLong { prompt: 5, max_tokens: 6, context: 7 };
    let script = || [Reply::Text("fn main() {}\n".into()), Reply::Error(too_long.clone())];
    let local = FakeModel::new(script());
    let server = Server::with(FakeModel::new(script()));
    let remote = RemoteModel::new(&server.socket, "fake").expect("model");
    let mut request = ask("hi");
    request.stop = vec!["}".into()];
    let run = |model: &dyn LanguageModel| {
        let mut tokens = Vec::new();
        let first = model.generate(&request, &Cancel::new(), &mut |t| tokens.push(t.clone()));
        let second = model.generate(&request, &Cancel::new(), &mut |_| {});
        (model.info().clone(), model.count_tokens("a b c"), first, second, tokens)
    };
    let here = run(&local);
    assert_eq!(here.4.len(), 3);
    assert_eq!(run(&remote), here);
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 1, "loaded once, kept warm");
}

/// Protects the user's patience: cancelling a running request ends it at once, with the text so far.
#[test]
fn cancel_ends_a_running_generation() {
    let server = Server::with(Chatterbox::new(Duration::from_millis(1)));
    let cancel = Cancel::new();
    let mut seen = 0;
    let mut at = None;
    let generation = server.client().generate("c", &ask(""), &cancel, &mut |_| {
        seen += 1;
        if seen == 3 {
            cancel.cancel();
            at = Some(Instant::now());
        }
    });
    let generation = generation.expect("cancelled is no error");
    assert_eq!(generation.finish, FinishReason::Cancelled);
    assert!(generation.text.starts_with("bla bla bla "));
    assert!(at.expect("was cancelled").elapsed() < Duration::from_secs(1));
}

/// Protects the others: a waiting request is cancelled at once while the model is busy with another client's, and
/// questions about the model do not wait.
#[test]
fn waiting_requests_are_cancelled_at_once() {
    let model = Chatterbox::new(Duration::from_millis(1));
    let running = Arc::clone(&model.running);
    let server = Server::one_by_one(model);
    let (busy, cancel) = (Cancel::new(), Cancel::new());
    thread::scope(|scope| {
        let first = scope.spawn(|| server.client().generate("c", &ask("1"), &busy, &mut |_| {}));
        eventually("the first one runs", || running.load(Ordering::SeqCst) == 1);
        let second = scope.spawn(|| server.client().generate("c", &ask("2"), &cancel, &mut |_| {}));
        let mut client = server.client();
        eventually("the second one waits", || client.status().expect("status").queued == 1);
        // Questions do not wait for the model.
        assert_eq!(client.count_tokens("c", "four", &Cancel::new()).expect("count"), 4);
        let start = Instant::now();
        cancel.cancel();
        let generation = second.join().expect("no panic").expect("cancelled");
        assert_eq!((generation.finish, generation.text.as_str()), (FinishReason::Cancelled, ""));
        assert!(start.elapsed() < Duration::from_secs(1));
        let status = client.status().expect("status");
        assert_eq!((status.queued, status.busy, status.model.as_deref()), (0, true, Some("c")));
        assert!(status.memory.expect("Linux tells") > 0);
        busy.cancel();
        first.join().expect("no panic").expect("cancelled");
    });
}

/// Protects the user's patience: no request waits for the load of a model that is no longer wanted.
#[test]
fn cancel_does_not_wait_for_a_load() {
    let (begun, release) = (Arc::new(AtomicUsize::new(0)), Cancel::new());
    let (begun_in, release_in) = (Arc::clone(&begun), release.clone());
    let server = Server::start(Duration::from_secs(60), move |_| {
        begun_in.fetch_add(1, Ordering::SeqCst);
        while !release_in.is_cancelled() {
            thread::sleep(Duration::from_millis(2));
        }
        Ok(Arc::new(FakeModel::saying(["late"])) as Arc<dyn LanguageModel>)
    });
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let asking = scope.spawn(|| server.client().generate("slow", &ask(""), &cancel, &mut |_| {}));
        eventually("it loads", || begun.load(Ordering::SeqCst) == 1);
        let start = Instant::now();
        cancel.cancel();
        let generation = asking.join().expect("no panic").expect("cancelled");
        assert_eq!((generation.finish, generation.text.as_str()), (FinishReason::Cancelled, ""));
        assert!(start.elapsed() < Duration::from_secs(1));
    });
    release.cancel();
    // The model that was loaded for the cancelled request serves the next one; that request never reached it.
    let generation = server.client().generate("slow", &ask(""), &Cancel::new(), &mut |_| {}).expect("served");
    assert_eq!(generation.text, "late");
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

/// Protects the model from those who leave: a client that is killed frees it, and what it had waiting never runs.
#[test]
fn clients_that_leave_are_cancelled() {
    let model = Chatterbox::new(Duration::from_millis(1));
    let running = Arc::clone(&model.running);
    let server = Server::one_by_one(model);
    let mut leaver = server.raw();
    leaver.get_mut().write_all(HELLO).expect("sent");
    let request = serde_json::to_string(&ask("")).expect("json");
    for id in [2, 3] {
        let line = format!("{{\"id\":{id},\"do\":{{\"generate\":{{\"model\":\"c\",\"request\":{request}}}}}}}\n");
        leaver.get_mut().write_all(line.as_bytes()).expect("sent");
    }
    line(&mut leaver);
    assert!(line(&mut leaver).contains("bla"));
    drop(leaver);
    let mut client = server.client();
    eventually("the model is free", || {
        let status = client.status().expect("status");
        !status.busy && status.queued == 0
    });
    assert_eq!(running.load(Ordering::SeqCst), 0);
    assert_eq!(client.status().expect("status").clients, 1);
}

/// Protects the others from one that does not read: it is cut off, its generation ends, and they are served.
#[test]
fn slow_readers_are_cut_off() {
    let model = Chatterbox::new(Duration::ZERO);
    let running = Arc::clone(&model.running);
    let server = Server::with(model);
    let mut sleeper = server.raw();
    sleeper.get_mut().write_all(HELLO).expect("sent");
    let request = serde_json::to_string(&ask("")).expect("json");
    let generate = format!("{{\"id\":2,\"do\":{{\"generate\":{{\"model\":\"c\",\"request\":{request}}}}}}}\n");
    sleeper.get_mut().write_all(generate.as_bytes()).expect("sent");
    eventually("it runs", || running.load(Ordering::SeqCst) == 1);
    let cancel = Cancel::new();
    let generation = server.client().generate("c", &ask(""), &cancel, &mut |_| cancel.cancel());
    assert_eq!(generation.expect("served").finish, FinishReason::Cancelled);
    eventually("its generation ends", || running.load(Ordering::SeqCst) == 0);
    let cut = std::io::copy(&mut sleeper, &mut std::io::sink()).expect("the end of the connection");
    assert!(cut > 4096, "it got what fitted: {cut}");
}

/// Protects answers that come faster than they are read for a moment: nothing of them is lost.
#[test]
fn a_burst_is_not_lost() {
    let text = "word ".repeat(20_000);
    let server = Server::with(FakeModel::saying([text.as_str()]));
    let mut seen = String::new();
    let generation = server.client().generate("fake", &ask(""), &Cancel::new(), &mut |t| seen.push_str(&t.text));
    assert_eq!(generation.expect("generated").text, text);
    assert_eq!(seen, text);
}

/// Protects memory when there is no work: the model goes after the idle time and comes back when it is asked for.
#[test]
fn the_model_is_unloaded_when_idle() {
    let server = Server::start(Duration::from_millis(60), |_| {
        Ok(Arc::new(FakeModel::saying(["hello", "again"])) as Arc<dyn LanguageModel>)
    });
    let mut client = server.client();
    client.generate("fake", &ask(""), &Cancel::new(), &mut |_| {}).expect("generated");
    eventually("unloaded", || client.status().expect("status").model.is_none());
    client.generate("fake", &ask(""), &Cancel::new(), &mut |_| {}).expect("loaded again");
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 2);
}

/// Protects machines from unused daemons: one without model and clients ends, a client keeps it.
#[test]
fn a_daemon_that_nobody_uses_ends() {
    let dir = tempfile::tempdir().expect("dir");
    let socket = dir.path().join("run/daemon.sock");
    let options = ServeOptions { exit: Some(Duration::from_millis(60)), ..options(&socket, Duration::from_millis(1)) };
    let make: Make = Box::new(|_| Ok(Arc::new(FakeModel::saying(["hello"]))));
    let loader = Arc::new(Loader { make, loads: AtomicUsize::new(0) });
    let server = thread::spawn(move || serve(&options, loader, Services::default(), &Cancel::new()));
    eventually("it listens", || Client::connect(&socket).is_ok());
    let mut client = Client::connect(&socket).expect("it did not end at once");
    client.generate("fake", &ask(""), &Cancel::new(), &mut |_| {}).expect("generated");
    thread::sleep(Duration::from_millis(300));
    assert!(client.status().is_ok(), "it ended under a client");
    drop(client);
    server.join().expect("no panic").expect("it ended by itself");
    assert!(!socket.exists());
}

/// Protects memory: another model is loaded only after the former one is gone, and a failed load leaves the server up.
#[test]
fn one_model_at_a_time() {
    let alive = Arc::new(Mutex::new(std::sync::Weak::<FakeModel>::new()));
    let server = Server::start(Duration::from_secs(60), move |name| {
        let mut alive = alive.lock().expect("lock");
        assert!(alive.upgrade().is_none(), "two models in memory");
        if name == "broken" {
            return Err(GenerateError::Engine("damaged".into()));
        }
        let model = Arc::new(FakeModel::saying(["hello"]));
        *alive = Arc::downgrade(&model);
        Ok(model as Arc<dyn LanguageModel>)
    });
    let mut client = server.client();
    for name in ["a", "b"] {
        client.generate(name, &ask(""), &Cancel::new(), &mut |_| {}).expect("generated");
        assert_eq!(client.status().expect("status").model.as_deref(), Some(name));
    }
    let error = client.generate("broken", &ask(""), &Cancel::new(), &mut |_| {}).expect_err("fails");
    assert_eq!(error, GenerateError::Engine("damaged".into()));
    client.generate("a", &ask(""), &Cancel::new(), &mut |_| {}).expect("the server is up");
    client.unload(&Cancel::new()).expect("unloaded");
    assert_eq!(client.status().expect("status").model, None);
}

/// Protects the daemon from a defect in the engine: a panic costs one request and the model, nothing else.
#[test]
fn a_panicking_model_costs_one_request() {
    let loads = AtomicUsize::new(0);
    let server = Server::start(Duration::from_secs(60), move |_| {
        assert!(loads.fetch_add(1, Ordering::SeqCst) > 0, "the first load panics");
        Ok(Arc::new(Brittle(FakeModel::saying(["hello"]))) as Arc<dyn LanguageModel>)
    });
    let mut client = server.client();
    let error = client.generate("m", &ask(""), &Cancel::new(), &mut |_| {}).expect_err("panicked");
    assert!(matches!(error, GenerateError::Engine(m) if m.contains("the first load panics")));
    assert_eq!(client.generate("m", &ask(""), &Cancel::new(), &mut |_| {}).expect("up").text, "hello");
    // The same where the question does not go through the queue.
    let error = client.count_tokens("m", "panic", &Cancel::new()).expect_err("panicked");
    assert!(error.to_string().contains("counting panics"), "{error}");
    assert!(client.status().is_ok());
}

/// Protects the end: a running request gets a typed error, the socket is removed, and a second server takes over.
#[test]
fn stopping_ends_everything_cleanly() {
    let model = Chatterbox::new(Duration::from_millis(1));
    let running = Arc::clone(&model.running);
    let server = Server::with(model);
    let taken = serve(
        &options(&server.socket, Duration::ZERO),
        Arc::clone(&server.loader) as Arc<_>,
        Services::default(),
        &Cancel::new(),
    );
    assert!(matches!(taken, Err(ServeError::AlreadyRunning { .. })));
    thread::scope(|scope| {
        let victim = scope.spawn(|| server.client().generate("c", &ask(""), &Cancel::new(), &mut |_| {}));
        eventually("it runs", || running.load(Ordering::SeqCst) == 1);
        assert!(stop(&server.socket).expect("stopped"));
        let error = victim.join().expect("no panic").expect_err("ended");
        assert_eq!(error, Failure::Stopping.into());
    });
    assert!(!stop(&server.socket).expect("nobody there"));
    let cancel = Cancel::new();
    cancel.cancel();
    serve(&options(&server.socket, Duration::ZERO), Arc::clone(&server.loader) as Arc<_>, Services::default(), &cancel)
        .expect("takes over");
}
