//! Many requests run on the model at once.

use super::*;
use deepcoder_types::{Form, Grammar, Likelihood, Priority};

/// Holds its requests until it is opened: before the first token where the prompt is `prefill`, and behind it
/// otherwise.
#[derive(Clone)]
struct Gate {
    info: ModelInfo,
    open: Cancel,
    asked: Arc<Mutex<Vec<GenerateRequest>>>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Gate {
    fn new(name: &str) -> Self {
        let info = ModelInfo { name: name.to_owned(), ..Chatterbox::new(Duration::ZERO).info };
        let (open, asked, running, most) = (Cancel::new(), Arc::default(), Arc::default(), Arc::default());
        Self { info, open, asked, running, most }
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

impl LanguageModel for Gate {
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
        self.asked.lock().expect("lock").push(request.clone());
        self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let held = || {
            while !cancel.is_cancelled() && !self.open.is_cancelled() {
                _ = cancel.wait_timeout(Duration::from_millis(2));
            }
        };
        if request.prompt == Prompt::Text("prefill".into()) {
            held();
        }
        let mut text = String::new();
        for id in (0..request.max_tokens).take_while(|_| !cancel.is_cancelled()) {
            let token = TokenEvent { text: format!("{id} "), id, logprob: None, top: Vec::new() };
            text.push_str(&token.text);
            on_token(&token);
            if id == 0 {
                held();
            }
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        let finish = if cancel.is_cancelled() { FinishReason::Cancelled } else { FinishReason::Length };
        Ok(Generation { text, finish, usage: Usage::default(), timing: Timing::default() })
    }

    fn choose(&self, _: &Prompt, options: &[String], _: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        let likelihood = |(option, text): (usize, &String)| Likelihood {
            option: u32::try_from(option).expect("few"),
            logprob: if text.is_empty() { f32::NEG_INFINITY } else { -0.5 },
            tokens: u32::try_from(text.len()).expect("short"),
        };
        Ok(options.iter().enumerate().map(likelihood).collect())
    }
}

fn short(text: &str) -> GenerateRequest {
    GenerateRequest { max_tokens: 3, ..ask(text) }
}

/// Protects batching: requests run on the model at once, up to the limit of a client; more of them wait.
#[test]
fn requests_run_at_once_up_to_the_bound() {
    let gate = Gate::new("g");
    let model: Arc<dyn LanguageModel> = Arc::new(gate.clone());
    let four = |socket: &Path| ServeOptions { at_once: 5, ..options(socket, Duration::from_secs(60)) };
    let server = Server::start_with(four, Services::default(), move |_| Ok(Arc::clone(&model)));
    // Of five places, one is kept for another client; two are for the background.
    thread::scope(|scope| {
        let server = &server;
        let call = move |priority| {
            let request = GenerateRequest { priority, ..short("") };
            server.client().generate("g", &request, &Cancel::new(), &mut |_| {})
        };
        let asking: Vec<_> = (0..6).map(|_| scope.spawn(move || call(Priority::Interactive))).collect();
        let mut client = server.client();
        eventually("four run and two wait", || gate.running() == 4 && client.status().expect("status").queued == 2);
        let behind = scope.spawn(move || call(Priority::Background));
        eventually("the background waits", || client.status().expect("status").background_queued == 1);
        // Once some are answered, the background may take the place that is kept for others.
        assert_eq!(gate.most.load(Ordering::SeqCst), 4);
        gate.open.cancel();
        for asking in asking.into_iter().chain([behind]) {
            assert_eq!(asking.join().expect("no panic").expect("served").text, "0 1 2 ");
        }
    });
}

/// Threads of this process that run requests.
fn threads() -> usize {
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
    // The kernel keeps 15 bytes of a name.
    tasks.filter_map(|task| name(task.ok()?)).filter(|name| name.trim() == "deepcoder-reque").count()
}

/// Protects clients from each other: 200 clients at once are all answered, most of them after waiting, with a bounded
/// number of threads, of which none is left. A request beyond the queue's limit is refused.
#[test]
fn two_hundred_clients_are_answered() {
    let gate = Gate::new("g");
    let server = Server::with(gate.clone());
    thread::scope(|scope| {
        let server = &server;
        let call = move || server.client().generate("g", &short(""), &Cancel::new(), &mut |_| {});
        let asking: Vec<_> = (0..200).map(|_| scope.spawn(call)).collect();
        let mut client = server.client();
        // They are one process, which has three quarters of the places.
        eventually("48 run and 152 wait", || client.status().expect("status").queued == 152 && gate.running() == 48);
        assert_eq!(threads(), 48);
        gate.open.cancel();
        for asking in asking {
            assert_eq!(asking.join().expect("no panic").expect("served").text, "0 1 2 ");
        }
    });
    eventually("no thread is left", || threads() == 0);
    let mut clients = Vec::new();
    let told = loop {
        match Client::connect(&server.socket) {
            Ok(client) => clients.push(client),
            Err(told) => break told,
        }
    };
    assert!(matches!(&told, ConnectError::Refused(Failure::Busy(m)) if m.contains("too many clients")), "{told}");
    assert!(clients.len() > 200, "{}", clients.len());
}

/// Protects the engine's fairness: it hears who asks. A process is one client, whatever it calls itself and however
/// many connections it has, and the form of the answer and the priority arrive too.
#[test]
fn the_engine_hears_who_asks() {
    let gate = Gate::new("g");
    gate.open.cancel();
    let server = Server::with(gate.clone());
    let grammar = Some(Grammar::of(Form::Choices(vec!["a".into()])));
    let request = GenerateRequest { client: "another".into(), grammar, priority: Priority::Background, ..short("") };
    for _ in 0..2 {
        server.client().generate("g", &request, &Cancel::new(), &mut |_| {}).expect("served");
    }
    let expected = GenerateRequest { client: format!("process {}", std::process::id()), ..request };
    assert_eq!(*gate.asked.lock().expect("lock"), [expected.clone(), expected]);
}

/// Protects callers of `choose` and of `generate_all`: both give the same through the daemon as in the process.
#[test]
fn options_are_compared_and_requests_go_together() {
    let gate = Gate::new("g");
    let server = Server::with(gate.clone());
    let remote = RemoteModel::new(&server.socket, "g").expect("model");
    let (prompt, cancel) = (Prompt::Text("?".into()), Cancel::new());
    let options = ["yes".to_owned(), "no".to_owned(), String::new()];
    let mut here = gate.choose(&prompt, &options, &cancel).expect("compared");
    // JSON has no infinity.
    here[2].logprob = f32::MIN;
    assert_eq!(remote.choose(&prompt, &options, &cancel), Ok(here));
    let error = remote.choose(&prompt, &[], &cancel).expect_err("nothing to choose from");
    assert!(matches!(&error, GenerateError::Invalid(m) if m.contains("0 options")), "{error}");
    let requests = [short("a"), short("b"), short("c")];
    let mut seen = [0; 3];
    let results = remote.generate_all(&requests, &cancel, &mut |at, _| {
        seen[at] += 1;
        // No one goes on before all have begun.
        if seen == [1; 3] {
            gate.open.cancel();
        }
    });
    assert_eq!(results.len(), 3);
    assert!(results.into_iter().all(|result| result.expect("served").text == "0 1 2 "));
    assert_eq!(seen, [3; 3]);
}

/// Protects capacity: cancelling a request and closing its connection both free it, during prefill and during decode,
/// and the other requests continue.
#[test]
fn a_request_ends_in_each_phase() {
    let gate = Gate::new("g");
    let server = Server::with(gate.clone());
    thread::scope(|scope| {
        let other = scope.spawn(|| server.client().generate("g", &short(""), &Cancel::new(), &mut |_| {}));
        eventually("the other one runs", || gate.running() == 1);
        for phase in ["prefill", "decode"] {
            let cancel = Cancel::new();
            let (mut client, wanted) = (server.client(), cancel.clone());
            let asking = scope.spawn(move || client.generate("g", &short(phase), &wanted, &mut |_| {}));
            eventually("it runs", || gate.running() == 2);
            cancel.cancel();
            let done = asking.join().expect("no panic").expect("cancelled is no error");
            assert_eq!(done.finish, FinishReason::Cancelled, "{phase}");
            eventually("its place is free", || gate.running() == 1);
            let mut leaver = server.raw();
            leaver.get_mut().write_all(HELLO).expect("sent");
            let request = serde_json::to_string(&short(phase)).expect("json");
            let text = format!("{{\"id\":2,\"do\":{{\"generate\":{{\"model\":\"g\",\"request\":{request}}}}}}}\n");
            leaver.get_mut().write_all(text.as_bytes()).expect("sent");
            eventually("it runs", || gate.running() == 2);
            drop(leaver);
            eventually("its place is free", || gate.running() == 1);
        }
        gate.open.cancel();
        assert_eq!(other.join().expect("no panic").expect("served").text, "0 1 2 ");
    });
}

/// Protects a client that reads slowly, and the others from it: what it has not read waits for it, up to a limit, and
/// no other request waits.
#[test]
fn a_slow_reader_gets_everything_and_keeps_nobody_waiting() {
    const TOKENS: u32 = 3000;
    let gate = Gate::new("g");
    gate.open.cancel();
    let server = Server::with(gate.clone());
    let mut slow = server.raw();
    slow.get_mut().write_all(HELLO).expect("sent");
    let request = serde_json::to_string(&GenerateRequest { max_tokens: TOKENS, ..ask("") }).expect("json");
    let text = format!("{{\"id\":2,\"do\":{{\"generate\":{{\"model\":\"g\",\"request\":{request}}}}}}}\n");
    slow.get_mut().write_all(text.as_bytes()).expect("sent");
    let mut client = server.client();
    for _ in 0..20 {
        client.generate("g", &short(""), &Cancel::new(), &mut |_| {}).expect("served");
    }
    eventually("its place is free before it has read a token", || client.status().expect("status").served == 21);
    assert!(line(&mut slow).contains("\"hello\""));
    for id in 0..TOKENS {
        assert!(line(&mut slow).contains(&format!("\"text\":\"{id} \"")));
    }
    assert!(line(&mut slow).contains("\"done\""));
}

/// Protects users who want different models: those at the loaded one finish, later ones for it wait behind the one that
/// wants another model, and all are served.
#[test]
fn models_change_in_the_order_of_the_requests() {
    let gates = [Gate::new("a"), Gate::new("b")];
    let make = gates.clone();
    let server = Server::start(Duration::from_secs(60), move |name| {
        Ok(Arc::new(make[usize::from(name == "b")].clone()) as Arc<dyn LanguageModel>)
    });
    let [a, b] = &gates;
    thread::scope(|scope| {
        let server = &server;
        let call = |name| move || server.client().generate(name, &short(""), &Cancel::new(), &mut |_| {});
        let mut client = server.client();
        let mut asking = vec![scope.spawn(call("a")), scope.spawn(call("a"))];
        eventually("both run", || a.running() == 2);
        for (waiting, name) in [(1, "b"), (2, "a")] {
            asking.push(scope.spawn(call(name)));
            eventually("it waits", || client.status().expect("status").queued == waiting);
        }
        assert_eq!(client.status().expect("status").model.as_deref(), Some("a"));
        assert_eq!((a.running(), b.running()), (2, 0));
        a.open.cancel();
        eventually("the other model runs", || b.running() == 1);
        assert_eq!(client.status().expect("status").queued, 1);
        b.open.cancel();
        for asking in asking {
            assert_eq!(asking.join().expect("no panic").expect("served").text, "0 1 2 ");
        }
    });
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 3);
}

/// Protects requests for a model that cannot be loaded: all get the error of one load, and the next request tries
/// again.
#[test]
fn a_load_that_fails_is_told_to_all_who_wait_for_it() {
    let release = Cancel::new();
    let released = release.clone();
    let server = Server::start(Duration::from_secs(60), move |_| {
        _ = released.wait_timeout(Duration::from_secs(20));
        Err(GenerateError::Load { message: "damaged".into(), hint: Some("pull it".into()) })
    });
    let error = GenerateError::Load { message: "damaged".into(), hint: Some("pull it".into()) };
    thread::scope(|scope| {
        let call = || server.client().generate("m", &short(""), &Cancel::new(), &mut |_| {});
        let asking: Vec<_> = (0..5).map(|_| scope.spawn(call)).collect();
        eventually("all wait", || server.client().status().expect("status").queued == 5);
        release.cancel();
        for asking in asking {
            assert_eq!(asking.join().expect("no panic"), Err(error.clone()));
        }
        assert_eq!(server.loader.loads.load(Ordering::SeqCst), 1);
        assert_eq!(call(), Err(error.clone()));
    });
    assert_eq!(server.loader.loads.load(Ordering::SeqCst), 2);
}
