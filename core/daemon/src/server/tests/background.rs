//! Work in the background: it waits, gives way, goes on, and keeps the daemon alive.

use super::*;
use deepcoder_protocol::{Added, JobCounts, Jobs, Models, OnChange, Watched, Watching};
use deepcoder_types::{Decision, Job, JobEvent, JobFilter, JobSpec, Priority};

/// Counts upwards, one number a millisecond, and remembers who asked.
struct Counter {
    info: ModelInfo,
    running: Arc<AtomicUsize>,
}

impl LanguageModel for Counter {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(text.len()).expect("short"))
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let (mut text, mut finish) = (String::new(), FinishReason::Length);
        for id in 0..request.max_tokens {
            thread::sleep(Duration::from_millis(1));
            if cancel.is_cancelled() {
                finish = FinishReason::Cancelled;
                break;
            }
            let token = TokenEvent { text: format!("{id} "), id, logprob: None, top: Vec::new() };
            text.push_str(&token.text);
            on_token(&token);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(Generation { text, finish, usage: Usage::default(), timing: Timing::default() })
    }
}

/// Jobs that hold what the server gives them.
#[derive(Default)]
struct Held {
    models: Mutex<Option<Arc<dyn Models>>>,
    waiting: AtomicUsize,
    stopped: AtomicUsize,
    watched: AtomicUsize,
}

impl Held {
    fn model(&self, name: &str, repository: &str) -> Arc<dyn LanguageModel> {
        let models = self.models.lock().expect("lock");
        models.as_ref().expect("started").background(Some(name), Path::new(repository)).expect("a model")
    }

    fn time(&self, repository: &str) -> Duration {
        self.models.lock().expect("lock").as_ref().expect("started").model_time(Path::new(repository))
    }
}

const UNUSED: Failure = Failure::Cancelled;

impl Jobs for Held {
    fn start(&self, models: Arc<dyn Models>, _: OnChange) -> Result<(), Failure> {
        *self.models.lock().expect("lock") = Some(models);
        Ok(())
    }
    fn stop(&self) {
        self.stopped.fetch_add(1, Ordering::SeqCst);
    }
    fn add(&self, _: JobSpec) -> Result<Added, Failure> {
        Err(UNUSED)
    }
    fn get(&self, _: &str) -> Result<Job, Failure> {
        Err(UNUSED)
    }
    fn list(&self, _: &JobFilter) -> Result<Vec<Job>, Failure> {
        Err(UNUSED)
    }
    fn events(&self, _: &str, _: u64, _: u32) -> Result<Vec<JobEvent>, Failure> {
        Err(UNUSED)
    }
    fn cancel(&self, _: &str) -> Result<Job, Failure> {
        Err(UNUSED)
    }
    fn retry(&self, _: &str) -> Result<Job, Failure> {
        Err(UNUSED)
    }
    fn pause(&self, _: &str) -> Result<Job, Failure> {
        Err(UNUSED)
    }
    fn resume(&self, _: &str) -> Result<Job, Failure> {
        Err(UNUSED)
    }
    fn review(&self, _: &str, _: &Decision) -> Result<Job, Failure> {
        Err(UNUSED)
    }
    fn counts(&self) -> Result<JobCounts, Failure> {
        Ok(JobCounts { waiting: self.waiting.load(Ordering::SeqCst) as u64, ..JobCounts::default() })
    }
}

impl Watching for Held {
    fn start(&self, _: Arc<dyn Jobs>, _: Arc<dyn Models>) -> Result<(), Failure> {
        Ok(())
    }
    fn stop(&self) {
        assert_eq!(self.stopped.load(Ordering::SeqCst), 0, "jobs stop last");
    }
    fn watch(&self, _: &Path) -> Result<Watched, Failure> {
        Err(UNUSED)
    }
    fn unwatch(&self, _: &Path) -> Result<bool, Failure> {
        Err(UNUSED)
    }
    fn list(&self) -> Vec<Watched> {
        let watched = Watched { root: "/r".into(), files: None, how: "events".into(), notes: Vec::new() };
        vec![watched; self.watched.load(Ordering::SeqCst)]
    }
}

/// A server whose models count, with services.
fn counting(options: impl FnOnce(&Path) -> ServeOptions) -> (Server, Arc<Held>, Arc<AtomicUsize>) {
    let (held, running) = (Arc::new(Held::default()), Arc::new(AtomicUsize::new(0)));
    let alive = Mutex::new(std::sync::Weak::<Counter>::new());
    let count = Arc::clone(&running);
    let make = move |name: &str| {
        let mut alive = alive.lock().expect("lock");
        assert!(alive.upgrade().is_none(), "two models in memory");
        let info = ModelInfo { name: name.to_owned(), ..Chatterbox::new(Duration::ZERO).info };
        let model = Arc::new(Counter { info, running: Arc::clone(&count) });
        *alive = Arc::downgrade(&model);
        Ok(model as Arc<dyn LanguageModel>)
    };
    let services =
        Services { jobs: Some(Arc::clone(&held) as _), watching: Some(Arc::clone(&held) as _), ..Services::default() };
    (Server::start_with(options, services, make), held, running)
}

fn counted(n: u32) -> GenerateRequest {
    GenerateRequest { max_tokens: n, ..ask("") }
}

/// Protects the user's own requests: one for another model takes the model from the background within a step, and the
/// background's tokens then go on where they were, none lost and none twice.
#[test]
fn another_model_takes_the_way_and_the_rest_follows() {
    let (server, held, _) = counting(|socket| options(socket, Duration::from_secs(60)));
    let model = held.model("slow", "/a");
    assert_eq!(model.info().name, "slow");
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 0, "loaded before it was asked for text");
    let mut seen = Vec::new();
    let generation = thread::scope(|scope| {
        let background = scope.spawn(|| model.generate(&counted(300), &Cancel::new(), &mut |t| seen.push(t.id)));
        let mut client = server.client();
        eventually("the background runs", || client.status().expect("status").background_busy);
        thread::sleep(Duration::from_millis(30));
        let quick = client.generate("quick", &counted(3), &Cancel::new(), &mut |_| {}).expect("served");
        assert_eq!((quick.text.as_str(), quick.finish), ("0 1 2 ", FinishReason::Length));
        // The user's model stays for a while, and the user may unload it.
        assert_eq!(client.status().expect("status").background_queued, 1);
        client.unload(&Cancel::new()).expect("unloaded");
        background.join().expect("no panic").expect("done")
    });
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
    assert_eq!((generation.finish, generation.text.split_whitespace().count()), (FinishReason::Length, 300));
    assert!(held.time("/a") > Duration::from_millis(200) && held.time("/b").is_zero());
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 3);
}

/// Counts, and notes who asked.
struct Noting(Counter, Arc<Mutex<Vec<Priority>>>);

impl LanguageModel for Noting {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        self.0.count_tokens(text)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.1.lock().expect("lock").push(request.priority);
        self.0.generate(request, cancel, on_token)
    }
}

/// Protects the user's own requests, and the work of the job: one for the same model goes to it at once, with its
/// priority, by which the engine lets it in at the next step. The job is neither ended nor begun again.
#[test]
fn the_same_model_is_asked_by_both() {
    let (held, asked) = (Arc::new(Held::default()), Arc::new(Mutex::new(Vec::new())));
    let (running, note) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&asked));
    let info = ModelInfo { name: "m".into(), ..Chatterbox::new(Duration::ZERO).info };
    let model: Arc<dyn LanguageModel> = Arc::new(Noting(Counter { info, running: Arc::clone(&running) }, note));
    let services = Services { jobs: Some(Arc::clone(&held) as _), ..Services::default() };
    let server = Server::start_with(
        |socket| options(socket, Duration::from_secs(60)),
        services,
        move |_| Ok(Arc::clone(&model)),
    );
    let job = held.model("m", "/a");
    let mut seen = Vec::new();
    thread::scope(|scope| {
        let working = scope.spawn(|| job.generate(&counted(400), &Cancel::new(), &mut |t| seen.push(t.id)));
        eventually("the job runs", || running.load(Ordering::SeqCst) == 1);
        let mut client = server.client();
        for _ in 0..3 {
            let quick = client.generate("m", &counted(3), &Cancel::new(), &mut |_| {}).expect("served");
            assert_eq!((quick.text.as_str(), running.load(Ordering::SeqCst)), ("0 1 2 ", 1));
        }
        assert!(!working.is_finished());
        assert_eq!(working.join().expect("no panic").expect("done").finish, FinishReason::Length);
    });
    assert_eq!(seen, (0..400).collect::<Vec<_>>());
    let user = Priority::Interactive;
    assert_eq!(*asked.lock().expect("lock"), [Priority::Background, user, user, user]);
}

/// Protects jobs: cancelling one ends it at once, where it waits and where it runs, and no other job ends.
#[test]
fn background_work_is_cancelled_alone() {
    let one = |socket: &Path| ServeOptions { at_once: 1, ..options(socket, Duration::from_secs(60)) };
    let (server, held, running) = counting(one);
    let (first, second) = (held.model("m", "/a"), held.model("m", "/b"));
    let (cancel, other) = (Cancel::new(), Cancel::new());
    thread::scope(|scope| {
        let runs = scope.spawn(|| first.generate(&counted(100_000), &cancel, &mut |_| {}));
        eventually("it runs", || running.load(Ordering::SeqCst) == 1);
        let waits = scope.spawn(|| second.generate(&counted(5), &other, &mut |_| {}));
        let mut client = server.client();
        eventually("it waits", || client.status().expect("status").background_queued == 1);
        other.cancel();
        assert_eq!(waits.join().expect("no panic").expect("cancelled").finish, FinishReason::Cancelled);
        assert_eq!(running.load(Ordering::SeqCst), 1);
        cancel.cancel();
        let generation = runs.join().expect("no panic").expect("cancelled");
        assert_eq!(generation.finish, FinishReason::Cancelled);
    });
    let again = second.generate(&counted(5), &Cancel::new(), &mut |_| {}).expect("its place is free");
    assert_eq!(again.text, "0 1 2 3 4 ");
}

/// Protects small repositories from a busy one: however much that asks for, a place is left for another.
#[test]
fn one_repository_does_not_take_all_places() {
    let sixteen = |socket: &Path| ServeOptions { at_once: 16, ..options(socket, Duration::from_secs(60)) };
    let (server, held, running) = counting(sixteen);
    let (busy, other, cancel) = (held.model("m", "/a"), held.model("m", "/b"), Cancel::new());
    thread::scope(|scope| {
        let many: Vec<_> =
            (0..5).map(|_| scope.spawn(|| busy.generate(&counted(1_000_000), &cancel, &mut |_| {}))).collect();
        let mut client = server.client();
        eventually("three run and two wait", || {
            running.load(Ordering::SeqCst) == 3 && client.status().expect("status").background_queued == 2
        });
        assert_eq!(other.generate(&counted(2), &Cancel::new(), &mut |_| {}).expect("served").text, "0 1 ");
        assert_eq!(running.load(Ordering::SeqCst), 3);
        cancel.cancel();
        for asking in many {
            assert_eq!(asking.join().expect("no panic").expect("cancelled").finish, FinishReason::Cancelled);
        }
    });
}

/// Protects clients that ask in the background: several run at once, a user's request for another model interrupts them
/// all, and each gets every token once.
#[test]
fn clients_may_ask_in_the_background() {
    let (server, _, running) = counting(|socket| options(socket, Duration::from_secs(60)));
    let request = GenerateRequest { priority: Priority::Background, ..counted(300) };
    thread::scope(|scope| {
        let (server, request) = (&server, &request);
        let ask = || {
            let mut seen = Vec::new();
            let done = server.client().generate("slow", request, &Cancel::new(), &mut |t| seen.push(t.id));
            (done.expect("served"), seen)
        };
        let asking: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        let mut client = server.client();
        eventually("all three run", || running.load(Ordering::SeqCst) == 3);
        assert_eq!(client.generate("quick", &counted(2), &Cancel::new(), &mut |_| {}).expect("served").text, "0 1 ");
        assert_eq!(client.status().expect("status").background_queued, 3);
        client.unload(&Cancel::new()).expect("unloaded");
        for asking in asking {
            let (done, seen) = asking.join().expect("no panic");
            assert_eq!(seen, (0..300).collect::<Vec<_>>());
            assert_eq!((done.finish, done.text.split_whitespace().count()), (FinishReason::Length, 300));
        }
    });
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 3);
}

/// Writes other tokens each time that it is loaded.
struct Fickle(ModelInfo, u32);

impl LanguageModel for Fickle {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn count_tokens(&self, _: &str) -> Result<u32, GenerateError> {
        Ok(1)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        on_token(&TokenEvent { text: String::new(), id: self.1, logprob: None, top: Vec::new() });
        let finish = match request.max_tokens {
            1 => FinishReason::Length,
            _ => match cancel.wait_timeout(Duration::from_secs(20)) {
                true => FinishReason::Cancelled,
                false => return Err(GenerateError::Engine("it was not interrupted".into())),
            },
        };
        Ok(Generation { text: String::new(), finish, usage: Usage::default(), timing: Timing::default() })
    }
}

/// Protects the client of an interrupted request from a text that does not belong together: where the second run
/// differs, the request fails, and nothing starts over again and again.
#[test]
fn a_second_run_that_differs_is_an_error() {
    let loads = AtomicUsize::new(0);
    let server = Server::start(Duration::from_secs(60), move |name| {
        let info = ModelInfo { name: name.to_owned(), ..Chatterbox::new(Duration::ZERO).info };
        let load = u32::try_from(loads.fetch_add(1, Ordering::SeqCst)).expect("few");
        Ok(Arc::new(Fickle(info, load)) as Arc<dyn LanguageModel>)
    });
    let request = GenerateRequest { priority: Priority::Background, ..counted(9) };
    thread::scope(|scope| {
        let (given, got) = std::sync::mpsc::channel();
        let server = &server;
        let asking = scope.spawn(move || {
            let mut give = |token: &TokenEvent| given.send(token.id).expect("the test waits");
            server.client().generate("slow", &request, &Cancel::new(), &mut give)
        });
        assert_eq!(got.recv(), Ok(0));
        let mut client = server.client();
        client.generate("quick", &counted(1), &Cancel::new(), &mut |_| {}).expect("served");
        client.unload(&Cancel::new()).expect("unloaded");
        let error = asking.join().expect("no panic").expect_err("it differs");
        assert!(matches!(&error, GenerateError::Engine(m) if m.contains("something else")), "{error}");
        assert!(got.recv().is_err(), "the other token was sent");
    });
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 3);
}

/// Protects jobs and watched repositories: a daemon that has some does not end for want of clients, and ends both
/// when it ends.
#[test]
fn a_daemon_with_duties_stays() {
    let short = |socket: &Path| ServeOptions {
        exit: Some(Duration::from_millis(40)),
        ..options(socket, Duration::from_millis(1))
    };
    let (mut server, held, _) = counting(short);
    held.waiting.store(1, Ordering::SeqCst);
    thread::sleep(Duration::from_millis(200));
    assert!(Client::connect(&server.socket).is_ok(), "it ended with a job to do");
    held.watched.store(1, Ordering::SeqCst);
    held.waiting.store(0, Ordering::SeqCst);
    thread::sleep(Duration::from_millis(200));
    assert!(Client::connect(&server.socket).is_ok(), "it ended with a repository to watch");
    assert_eq!(held.stopped.load(Ordering::SeqCst), 0);
    held.watched.store(0, Ordering::SeqCst);
    server.thread.take().expect("running").join().expect("no panic").expect("it ended by itself");
    assert_eq!(held.stopped.load(Ordering::SeqCst), 1);
    let gone = held.models.lock().expect("lock").take().expect("started");
    assert!(gone.background(Some("m"), Path::new("/a")).is_err(), "the server is gone");
}
