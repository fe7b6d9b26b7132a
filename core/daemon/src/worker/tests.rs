//! Workers that are processes: this test binary, started again.

use super::link::WorkerModel;
use super::*;
use crate::server::{ServeOptions, Services, serve};
use deepcoder_protocol::client::Client;
use deepcoder_protocol::{ModelLoader, WorkerCommand};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, Priority,
    Prompt, Timing, TokenEvent, Usage,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts upwards, a number a millisecond, or does what the prompt says. Requests that are to `meet` wait for two
/// others.
struct Counter(ModelInfo, AtomicUsize);

impl Counter {
    fn named(name: &str) -> Self {
        let info = ModelInfo {
            name: name.into(),
            context_length: 7,
            supports_fill: false,
            fill_warning: None,
            fingerprint: format!("{name}-1"),
            warnings: vec!["careful".into()],
        };
        Self(info, AtomicUsize::new(0))
    }
}

impl LanguageModel for Counter {
    fn info(&self) -> &ModelInfo {
        &self.0
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
        match &request.prompt {
            Prompt::Text(text) if text == "panic" => panic!("as asked"),
            Prompt::Text(text) if text == "fail" => return Err(GenerateError::NoFill("m".into())),
            Prompt::Text(text) if text == "gobble" => {
                let hoard: Vec<Vec<u8>> = (0..10_000).map(|_| vec![1u8; 1 << 20]).collect();
                return Err(GenerateError::Invalid(format!("{} MiB were to be had", hoard.len())));
            }
            Prompt::Text(text) if text == "meet" => {
                self.1.fetch_add(1, Ordering::SeqCst);
                while self.1.load(Ordering::SeqCst) < 3 && !cancel.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Prompt::Text(text) if text == "stuck" => std::thread::sleep(Duration::from_secs(600)),
            _ => {}
        }
        let (mut text, mut finish) = (String::new(), FinishReason::Length);
        for id in 0..request.max_tokens {
            std::thread::sleep(Duration::from_millis(1));
            if cancel.is_cancelled() {
                finish = FinishReason::Cancelled;
                break;
            }
            let token = TokenEvent { text: format!("{id} "), id, logprob: None, top: Vec::new() };
            text.push_str(&token.text);
            on_token(&token);
        }
        Ok(Generation { text, finish, usage: Usage::default(), timing: Timing::default() })
    }

    fn choose(&self, _: &Prompt, options: &[String], _: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        let of =
            |option: &String| Likelihood { option: 0, logprob: -1.5, tokens: self.count_tokens(option).expect("few") };
        Ok(options.iter().map(of).collect())
    }
}

struct Counters;

impl ModelLoader for Counters {
    fn load(&self, name: &str, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        match name {
            "deadly" => std::process::abort(),
            "slow" => std::thread::sleep(Duration::from_secs(600)),
            "broken" => return Err(GenerateError::Load { message: "damaged".into(), hint: Some("pull it".into()) }),
            _ => {}
        }
        Ok(Arc::new(Counter::named(name)))
    }

    fn describe(&self, name: &str) -> Result<ModelInfo, GenerateError> {
        Ok(Counter::named(name).0)
    }
}

/// Not a test: the process that the others start.
#[test]
#[ignore = "started by the other tests"]
fn child_worker() {
    let parent = std::env::args().next_back().and_then(|pid| pid.parse().ok()).expect("the parent's id");
    let options = WorkOptions { parent, memory: Some(512 << 20) };
    let Err(error) = work(Arc::new(Counters), &options);
    panic!("{error}");
}

/// Not a test: a daemon that is killed, with a worker that is in the middle of something.
#[test]
#[ignore = "started by nobody_outlives_the_daemon"]
fn child_daemon() {
    let workers = workers();
    let model = workers.load("m", &Cancel::new()).expect("loaded");
    eprintln!("worker {}", workers.worker().and_then(|w| w.pid).expect("runs"));
    let stuck = GenerateRequest::greedy(Prompt::Text("stuck".into()), 1);
    let Err(error) = model.generate(&stuck, &Cancel::new(), &mut |_| {}) else { return };
    panic!("{error}");
}

fn this_test(name: &str) -> WorkerCommand {
    let args = ["--exact", name, "--ignored", "--nocapture", "--"];
    WorkerCommand {
        program: std::env::current_exe().expect("test binary"),
        name: None,
        args: args.map(Into::into).into(),
        env: Vec::new(),
        patience: Duration::from_secs(20),
    }
}

fn workers() -> Workers {
    Workers::new(this_test("worker::tests::child_worker"), Arc::new(Counters))
}

fn ask(text: &str, max_tokens: u32) -> GenerateRequest {
    GenerateRequest::greedy(Prompt::Text(text.into()), max_tokens)
}

fn load(workers: &Workers) -> Arc<dyn LanguageModel> {
    workers.load("m", &Cancel::new()).expect("loaded")
}

fn pid(workers: &Workers) -> Pid {
    let pid = workers.worker().and_then(|w| w.pid).expect("it runs");
    Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id")
}

fn is_gone(pid: Pid) -> bool {
    // The process that inherits the children may notice their end late.
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        stat.is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
    };
    let start = Instant::now();
    while lives() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(2));
    }
    !lives()
}

/// Protects callers from noticing: a model in another process says what it would say in this one, errors included,
/// and its memory is free when it is dropped.
#[test]
fn a_model_in_a_process_is_like_any_other() {
    let workers = workers();
    let model = load(&workers);
    assert_eq!(model.info(), &Counter::named("m").0);
    assert_eq!(model.count_tokens("four").expect("counted"), 4);
    let mut seen = Vec::new();
    let generation = model.generate(&ask("", 20), &Cancel::new(), &mut |t| seen.push(t.id)).expect("generated");
    assert_eq!(generation, Counter::named("m").generate(&ask("", 20), &Cancel::new(), &mut |_| {}).expect("as here"));
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert_eq!(model.generate(&ask("fail", 1), &Cancel::new(), &mut |_| {}), Err(GenerateError::NoFill("m".into())));
    let (prompt, options) = (Prompt::Text(String::new()), ["yes".to_owned(), "no".to_owned()]);
    let compared = model.choose(&prompt, &options, &Cancel::new());
    assert_eq!(compared, Counter::named("m").choose(&prompt, &options, &Cancel::new()));
    assert_eq!(compared.expect("compared").len(), 2);
    let cancel = Cancel::new();
    let cut = model.generate(&ask("", 5000), &cancel, &mut |token| {
        if token.id == 3 {
            cancel.cancel();
        }
    });
    assert_eq!(cut.expect("cancelled").finish, FinishReason::Cancelled);
    let status = workers.worker().expect("a status");
    assert!(status.memory.is_some_and(|bytes| bytes > 0) && status.deaths == 0, "{status:?}");
    let pid = pid(&workers);
    drop(model);
    assert!(test_kill_process(pid).is_err(), "it is gone when the drop returns");
    assert_eq!(workers.worker().expect("a status").deaths, 0, "unloading is no death");
    let error = workers.load("broken", &Cancel::new()).map(drop).expect_err("fails");
    assert_eq!(error, GenerateError::Load { message: "damaged".into(), hint: Some("pull it".into()) });
}

/// Protects the batch: the requests of several callers are in the process at once, each gets its own answer, and where
/// the process dies each is told how.
#[test]
fn requests_share_the_process() {
    let workers = workers();
    let model = load(&workers);
    let mut seen = [0; 3];
    let all =
        model.generate_all(&[ask("meet", 3), ask("meet", 2), ask("meet", 1)], &Cancel::new(), &mut |at, token| {
            assert_eq!(token.id, seen[at]);
            seen[at] += 1;
        });
    let texts: Vec<_> = all.into_iter().map(|result| result.expect("answered").text).collect();
    assert_eq!((texts, seen), (vec!["0 1 2 ".into(), "0 1 ".into(), "0 ".to_owned()], [3, 2, 1]));
    let pid = pid(&workers);
    let mut begun = [false; 8];
    let all = model.generate_all(&vec![ask("", 60_000); 8], &Cancel::new(), &mut |at, _| {
        begun[at] = true;
        if begun == [true; 8] {
            kill_process(pid, Signal::KILL).unwrap_or_default();
        }
    });
    for result in all {
        assert!(matches!(&result, Err(GenerateError::Died { reason }) if reason.contains("signal 9")), "{result:?}");
    }
    assert_eq!(workers.worker().expect("a status").deaths, 1);
    assert_eq!(load(&workers).generate(&ask("", 2), &Cancel::new(), &mut |_| {}).expect("answered").text, "0 1 ");
}

/// Protects the memory of a daemon that runs for months: nothing stays of requests that are over, however they ended.
#[test]
fn nothing_stays_of_a_request() {
    let command = this_test("worker::tests::child_worker");
    let model = WorkerModel::start(&command, "m", &Cancel::new(), &Arc::default()).expect("started");
    for n in 0..20 {
        let cancel = Cancel::new();
        let cut = model.generate(&ask("", 1000), &cancel, &mut |token| {
            if token.id == n % 4 {
                cancel.cancel();
            }
        });
        assert_eq!(cut.expect("cancelled").finish, FinishReason::Cancelled);
        model.generate(&ask("fail", 1), &Cancel::new(), &mut |_| {}).expect_err("as asked");
        model.generate(&ask("", 2), &Cancel::new(), &mut |_| {}).expect("answered");
        assert_eq!(model.count_tokens("four").expect("counted"), 4);
    }
    assert_eq!(model.waiting(), 0);
}

/// Protects the queue from a request that never ends: where the process cannot read one, the one whose id it finds
/// fails, and all that it has where it finds none. The process stays, and answers the next one.
#[test]
fn a_request_that_the_process_cannot_read_fails() {
    let command = this_test("worker::tests::child_worker");
    let model = WorkerModel::start(&command, "m", &Cancel::new(), &Arc::default()).expect("started");
    for (line, fails) in [("dance", true), (r#"{"id":ID,"do":"dance"}"#, true), (r#"{"id":9999,"do":"dance"}"#, false)]
    {
        let result = model.generate(&ask("", if fails { 60_000 } else { 20 }), &Cancel::new(), &mut |token| {
            if token.id == 5 {
                model.confuse(line);
            }
        });
        assert_eq!(
            matches!(&result, Err(GenerateError::Invalid(m)) if m.contains("not a request")),
            fails,
            "{result:?}"
        );
        assert_eq!(model.generate(&ask("", 2), &Cancel::new(), &mut |_| {}).expect("answered").text, "0 1 ");
    }
}

/// Protects the daemon and every client's next request: however the process dies, the request says what it was, and the
/// next one is answered.
#[test]
fn a_process_that_dies_costs_one_request() {
    let workers = workers();
    for (n, (signal, words)) in
        [(Signal::KILL, "signal 9"), (Signal::ABORT, "aborted"), (Signal::SEGV, "crashed"), (Signal::TERM, "signal 15")]
            .into_iter()
            .enumerate()
    {
        let (model, pid) = (load(&workers), pid(&workers));
        let result = model.generate(&ask("", 5000), &Cancel::new(), &mut |token| {
            // Rust's own handler lets the first of a kind pass that was not a fault.
            if token.id >= 5 {
                kill_process(pid, signal).unwrap_or_default();
            }
        });
        let Err(GenerateError::Died { reason }) = result else { panic!("it lived on") };
        assert!(reason.contains(words), "{reason}");
        assert!(!workers.is_alive() && is_gone(pid));
        let status = workers.worker().expect("a status");
        assert_eq!((status.deaths, status.last_death.as_deref()), (n as u64 + 1, Some(reason.as_str())));
        let model = load(&workers);
        assert_eq!(model.generate(&ask("", 3), &Cancel::new(), &mut |_| {}).expect("answered").text, "0 1 2 ");
    }
}

/// Protects the machine: a process takes no more memory than it may, and one that panics is not asked again.
#[test]
fn memory_and_panics_end_the_process_only() {
    let workers = workers();
    let model = load(&workers);
    let result = model.generate(&ask("gobble", 1), &Cancel::new(), &mut |_| {});
    assert!(matches!(&result, Err(GenerateError::Died { reason }) if reason.contains("memory")), "{result:?}");
    let (model, pid) = (load(&workers), pid(&workers));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "a dump would hold the user's code");
    let result = model.generate(&ask("panic", 1), &Cancel::new(), &mut |_| {});
    assert!(matches!(&result, Err(GenerateError::Engine(m)) if m.contains("as asked")), "{result:?}");
    assert!(is_gone(pid));
    assert_eq!(load(&workers).generate(&ask("", 2), &Cancel::new(), &mut |_| {}).expect("answered").text, "0 1 ");
}

/// Protects the queue from a process that is there and does nothing: it is ended, and said to have hung.
#[test]
fn a_process_that_hangs_is_ended() {
    let patience = Duration::from_millis(400);
    let command = WorkerCommand { patience, ..this_test("worker::tests::child_worker") };
    let workers = Workers::new(command, Arc::new(Counters));
    let (model, pid) = (load(&workers), pid(&workers));
    let result = model.generate(&ask("", 5000), &Cancel::new(), &mut |token| {
        if token.id == 5 {
            kill_process(pid, Signal::STOP).expect("stopped");
        }
    });
    assert!(matches!(&result, Err(GenerateError::Died { reason }) if reason.contains("hung")), "{result:?}");
    assert!(is_gone(pid));
    // A long step is none: the process still answers.
    let model = load(&workers);
    let cancel = Cancel::new();
    let result = std::thread::scope(|scope| {
        let stuck = scope.spawn(|| model.generate(&ask("stuck", 1), &cancel, &mut |_| {}));
        std::thread::sleep(patience * 3);
        assert!(!stuck.is_finished(), "it was ended in a long step");
        // One that does not let go is ended after a while, which is too long for this test.
        kill_process(self::pid(&workers), Signal::KILL).expect("killed");
        stuck.join().expect("no panic")
    });
    assert!(matches!(result, Err(GenerateError::Died { .. })));
}

/// Protects processor and log: a process that dies again and again is not started again and again.
#[test]
fn deaths_in_a_row_are_answered_by_pauses() {
    let workers = workers();
    let mut reasons = Vec::new();
    let starts = (0..).take_while(|_| {
        let Err(GenerateError::Died { reason }) = workers.load("deadly", &Cancel::new()) else { return false };
        reasons.push(reason);
        !reasons.last().is_some_and(|reason| reason.contains("in a row"))
    });
    assert_eq!(starts.count(), 5, "{reasons:?}");
    assert_eq!(workers.worker().expect("a status").deaths, 5);
    // A cancel ends the loading of a model at once, and is no death.
    let workers = self::workers();
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| workers.load("slow", &cancel).map(drop));
        while workers.worker().and_then(|w| w.pid).is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        cancel.cancel();
        loading.join().expect("no panic").expect_err("cancelled");
    });
    assert_eq!(workers.worker().expect("a status").deaths, 0);
}

/// Protects the machine from orphaned processes: with the daemon, however it ends, its workers end, in the
/// middle of a step too.
#[test]
fn nobody_outlives_the_daemon() {
    use std::io::{BufRead as _, BufReader};
    let mut command = std::process::Command::new(std::env::current_exe().expect("test binary"));
    command.args(["--exact", "worker::tests::child_daemon", "--ignored", "--nocapture"]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut daemon = command.spawn().expect("started");
    let said = BufReader::new(daemon.stderr.take().expect("piped"));
    let pid = said.lines().find_map(|line| line.expect("text").strip_prefix("worker ")?.parse().ok());
    let pid = Pid::from_raw(pid.expect("an id")).expect("an id");
    test_kill_process(pid).expect("it runs");
    std::thread::sleep(Duration::from_millis(50));
    daemon.kill().expect("killed");
    assert!(is_gone(pid));
    daemon.wait().expect("reaped");
}

/// Protects the machine's memory: a model that neither people nor background work ask for anything is let go in time,
/// and that is the end of its process. One that is at work, if only in the background, is not.
#[test]
fn idleness_ends_the_process() {
    let dir = tempfile::tempdir().expect("dir");
    let idle = Duration::from_millis(300);
    let options = ServeOptions { idle, handle_signals: false, ..ServeOptions::new(dir.path().join("run/d.sock")) };
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| serve(&options, Arc::new(workers()), Services::default(), &cancel));
        let start = Instant::now();
        let mut client = loop {
            match Client::connect(&options.socket) {
                Ok(client) => break client,
                Err(e) => assert!(start.elapsed() < Duration::from_secs(10), "{e}"),
            }
        };
        client.generate("m", &ask("", 2), &Cancel::new(), &mut |_| {}).expect("answered");
        let pid = |client: &mut Client| client.status().expect("status").worker.and_then(|worker| worker.pid);
        let first = pid(&mut client).expect("it runs");
        // Much longer than the limit.
        let long = GenerateRequest { priority: Priority::Background, ..ask("", 1000) };
        client.generate("m", &long, &Cancel::new(), &mut |_| {}).expect("not ended");
        assert_eq!(pid(&mut client), Some(first));
        let (done, ended) = (Instant::now(), Pid::from_raw(i32::try_from(first).expect("an id")).expect("an id"));
        while pid(&mut client).is_some() {
            assert!(done.elapsed() < idle + Duration::from_secs(10), "it stays");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(done.elapsed() > idle / 2, "it went too early, after {:?}", done.elapsed());
        assert!(is_gone(ended));
        let status = client.status().expect("status");
        assert_eq!((status.model, status.worker.map_or(1, |worker| worker.deaths)), (None, 0));
        client.generate("m", &ask("", 2), &Cancel::new(), &mut |_| {}).expect("answered");
        assert!(pid(&mut client).is_some_and(|next| next != first));
        drop(client);
        cancel.cancel();
        server.join().expect("no panic").expect("served");
    });
}

/// Protects descriptors that the daemon, or the program that started it, has open: the model's process, where a library
/// of others runs, gets its own streams and nothing else.
#[test]
fn a_worker_inherits_no_descriptors() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().canonicalize().expect("dir").join("outside");
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
    let _inherited = rustix::fs::open(&path, flags, rustix::fs::Mode::RWXU).expect("file");
    let workers = workers();
    let model = load(&workers);
    let open = |process: &str| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(format!("/proc/{process}/fd")).expect("descriptors");
        entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).collect()
    };
    assert!(open("self").contains(&path));
    let theirs = open(&pid(&workers).as_raw_nonzero().to_string());
    assert!(theirs.len() > 2 && !theirs.contains(&path), "{theirs:?}");
    drop(model);
}
