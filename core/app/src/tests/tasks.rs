//! Tasks: their events, their results, and their ends.

use super::{Bench, CALLER, DOUBTFUL, NEW, OLD, done, follow, root};
use crate::{TaskError, request_for};
use deepcoder_apply::{Applier, ApplierOptions, ApplyOptions, Steps};
use deepcoder_protocol::{Failure, Refusal, Tasks as _};
use deepcoder_test_support::FakeModel;
use deepcoder_types::{
    Cancel, Consent, Decision, Delivery, EXPLAIN, EditSet, Event, FileChange, FileImage, GenerateError,
    GenerateRequest, Generation, JobState, LanguageModel, ModelInfo, RepoPath, Request, TokenEvent, Verdict,
};
use deepcoder_workspace::Workspace;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// A model that tells when it is asked, and answers when it is let go or cancelled.
struct Gated {
    inner: FakeModel,
    asked: Sender<()>,
    gate: Mutex<Receiver<()>>,
    open: Sender<()>,
}

impl Gated {
    fn new(text: &str) -> (Arc<Self>, Receiver<()>) {
        let ((asked, is_asked), (open, gate)) = (channel(), channel());
        let inner = FakeModel::saying([format!("{text}```\n")]);
        (Arc::new(Self { inner, asked, gate: Mutex::new(gate), open }), is_asked)
    }
}

impl LanguageModel for Gated {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        self.inner.count_tokens(text)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        let open = self.open.clone();
        let _waiting = cancel.on_cancel(move || _ = open.send(()));
        self.asked.send(()).expect("the test waits");
        self.gate.lock().expect("no panic").recv().expect("the gate is held");
        self.inner.generate(request, cancel, on_token)
    }
}

/// Protects clients that come back: events are numbered from 1 without gaps, two callers see the same ones, and one that
/// was away goes on where it was.
#[test]
fn events_are_numbered_and_can_be_followed_from_anywhere() {
    let bench = Bench::new();
    let (model, asked) = Gated::new(NEW);
    let app = bench.app(Arc::clone(&model) as _);
    let id = app.submit(bench.request("add type hints", Delivery::Show)).expect("it is taken").id;
    asked.recv().expect("the model is asked");
    // One follows while it runs, the other one when it is over.
    let (app, id) = (&app, &id);
    let live = std::thread::scope(|scope| {
        let live = scope.spawn(move || follow(app, id));
        model.open.send(()).expect("the model waits");
        live.join().expect("no panic")
    });
    let (task, events) = follow(app, id);
    assert_eq!((&live.0, &live.1), (&task, &events));
    assert!(events.iter().map(|event| event.seq).eq(1..=task.events), "{events:?}");
    assert!(events.iter().any(|event| matches!(event.event, Event::Token(_))), "{events:?}");
    let mut rest = Vec::new();
    app.follow(id, 2, &Cancel::new(), &mut |event| rest.push(event)).expect("it is followed");
    assert_eq!(rest, events[2..]);
    let mut beyond = 0;
    app.follow(id, u64::MAX, &Cancel::new(), &mut |_| beyond += 1).expect("it is followed");
    assert_eq!(beyond, 0);
}

/// Protects work from a closed terminal: a follower that goes away ends nothing.
#[test]
fn a_task_survives_its_follower() {
    let bench = Bench::new();
    let (model, asked) = Gated::new(NEW);
    let app = bench.app(Arc::clone(&model) as _);
    let id = app.submit(bench.request("add type hints", Delivery::Apply)).expect("it is taken").id;
    asked.recv().expect("the model is asked");
    let gone = Cancel::new();
    gone.cancel();
    assert_eq!(app.follow(&id, 0, &gone, &mut |_| {}), Err(Failure::Cancelled));
    assert_eq!(app.get(&id).expect("it is known").state, JobState::Running);
    model.open.send(()).expect("the model waits");
    assert_eq!(follow(&app, &id).0.state, JobState::Done);
    assert_eq!(bench.text(), NEW);
}

/// Protects files from a task that the user took back: it ends, and nothing of it is written or kept.
#[test]
fn a_cancelled_task_changes_nothing() {
    let bench = Bench::new();
    let (model, asked) = Gated::new(NEW);
    let app = bench.app(model);
    let id = app.submit(bench.request("add type hints", Delivery::Apply)).expect("it is taken").id;
    asked.recv().expect("the model is asked");
    app.cancel(&id).expect("it is cancelled");
    let (task, _) = follow(&app, &id);
    assert_eq!((task.state, task.result), (JobState::Cancelled, None));
    assert_eq!((bench.text().as_str(), bench.kept(), app.running()), (OLD, 0, 0));
}

/// Protects results from a process that ends: another one finds what waits, and it is accepted there once.
#[test]
fn a_held_result_is_accepted_by_another_process_once() {
    let bench = Bench::new();
    let id = done(&bench.writing(&[NEW]), bench.request("add type hints", Delivery::Review)).id;
    assert_eq!((bench.text().as_str(), bench.kept()), (OLD, 1));
    let other = bench.writing(&[]);
    let waits = other.list(Some(&root(bench.repo.path()))).expect("a list");
    assert_eq!(
        waits.iter().map(|task| (task.id.as_str(), task.state)).collect::<Vec<_>>(),
        [(id.as_str(), JobState::Review)]
    );
    let wanted = RepoPath::new("a.py").expect("a path");
    assert_eq!(other.text(&id[..4], &wanted), Ok(Some(NEW.to_owned())));
    let task = other.decide(&id[..4], &Decision::accept(Consent::REVIEWED)).expect("it lands");
    assert!(task.result.expect("a result").landed.expect("it landed").edit.is_some());
    assert_eq!((bench.text().as_str(), bench.kept()), (NEW, 0));
    let again = other.decide(&id, &Decision::accept(Consent::REVIEWED)).expect_err("it is over");
    assert!(matches!(again, Failure::Refused { reason: Refusal::State, .. }), "{again:?}");
    let third = bench.writing(&[]).get(&id).expect_err("nothing is left");
    assert!(matches!(third, Failure::Refused { reason: Refusal::NotFound, .. }), "{third:?}");
}

/// Protects what a person wrote meanwhile: a result for other bytes is refused, says so, and still waits.
#[test]
fn a_result_for_a_file_that_changed_is_stale_and_waits() {
    let bench = Bench::new();
    let app = bench.writing(&[NEW]);
    let id = done(&app, bench.request("add type hints", Delivery::Review)).id;
    bench.repo.write("a.py", b"x = 1\n");
    let stale = app.decide(&id, &Decision::accept(Consent::REVIEWED)).expect_err("the file is another one");
    assert!(matches!(stale, Failure::Refused { reason: Refusal::Stale, .. }), "{stale:?}");
    assert_eq!((bench.text().as_str(), bench.kept()), ("x = 1\n", 1));
    assert_eq!(app.get(&id).expect("it waits").state, JobState::Review);
    bench.repo.write("a.py", OLD.as_bytes());
    app.decide(&id, &Decision::accept(Consent::REVIEWED)).expect("it fits again");
    assert_eq!(bench.text(), NEW);
}

/// Protects the disk and the user's list: what is rejected or only shown leaves no file.
#[test]
fn nothing_is_kept_of_what_is_rejected_or_shown() {
    let bench = Bench::new();
    let app = bench.writing(&[NEW, NEW, DOUBTFUL, DOUBTFUL]);
    let id = done(&app, bench.request("add type hints", Delivery::Review)).id;
    assert_eq!(bench.kept(), 1);
    assert_eq!(app.decide(&id, &Decision::Reject).expect("it is rejected").state, JobState::Rejected);
    assert_eq!(bench.kept(), 0);
    assert!(app.content(&id).is_err());
    let shown = done(&app, bench.request("add type hints", Delivery::Show));
    assert_eq!(shown.result.expect("a result").verdict, Verdict::Shown);
    assert_eq!((shown.state, bench.kept()), (JobState::Done, 0));
    // Neither is a doubtful one.
    assert_eq!(done(&app, bench.request("multiply by a second number", Delivery::Show)).state, JobState::Done);
    assert_eq!((bench.text().as_str(), bench.kept()), (OLD, 0));
}

/// Protects models and people from a half-written tree: what an interrupted edit left is brought to an end before a task
/// reads a file, also for a task that only answers.
#[test]
fn a_half_written_tree_is_recovered_before_a_task_reads_it() {
    struct Fails;
    impl Steps for Fails {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            // From the first exchange on nothing can be written any more.
            let late = ["exchanged", "published", "reverted", "revert"].contains(&step);
            if late { Err(std::io::Error::from_raw_os_error(5)) } else { Ok(()) }
        }
    }
    let bench = Bench::new();
    let workspace = Workspace::open(bench.repo.path()).expect("opens");
    let image = |text: &str| Some(FileImage { bytes: text.as_bytes().to_vec(), mode: None });
    let file = |path: &str, old: &str, new: &str| {
        let path = RepoPath::new(path).expect("a path");
        let mode = workspace.read(&path).expect("a file").mode;
        let both = [image(old), image(new)].map(|image| image.map(|image| FileImage { mode, ..image }));
        let [old, new] = both;
        FileChange { path, old, new }
    };
    let (half, caller) = ("def g(a):\n    return a\n", "from a import g\n\nprint(g(1))\n");
    let files = vec![file("a.py", OLD, half), file("b.py", CALLER, caller)];
    let set = EditSet { id: "e1".into(), title: "rename".into(), files };
    let options = ApplierOptions { steps: Box::new(Fails), ..ApplierOptions::default() };
    let state = bench.profile().folders().state.clone();
    let applier = Applier::open_with(&workspace, &state, options).expect("opens");
    applier.apply(&set, &ApplyOptions::default(), &Cancel::new()).expect_err("it is interrupted");
    drop(applier);
    let tree =
        || [bench.repo.read("a.py"), bench.repo.read("b.py")].map(|bytes| String::from_utf8(bytes).expect("text"));
    let whole = [[OLD, CALLER], [half, caller]];
    assert!(!whole.iter().any(|whole| tree() == *whole), "the tree is half-written: {:?}", tree());

    let model = Arc::new(FakeModel::saying(["it prints one"]));
    let app = bench.app(Arc::clone(&model) as _);
    let paths = vec!["a.py".into(), "b.py".into()];
    let asked = Request { verb: EXPLAIN.into(), paths, ..bench.request("what is it?", Delivery::Show) };
    let task = done(&app, asked);
    assert_eq!(task.state, JobState::Done, "{task:?}");
    let now = tree();
    assert!(whole.iter().any(|whole| now == *whole), "{now:?}");
    let seen = format!("{:?}", model.requests()[0].prompt);
    for text in &now {
        let text = text.escape_debug().to_string();
        assert!(seen.contains(&text), "the model saw something else:\n{seen}\nwithout {text}");
    }
}

/// Protects programs that look whether they have applied an edit already: the same request on the same files has the same
/// id, whichever task carries it out.
#[test]
fn the_same_request_has_the_same_id() {
    let bench = Bench::new();
    let app = bench.writing(&[NEW, NEW, NEW]);
    let id = |request: Request| {
        let task = done(&app, request);
        (task.id, task.result.expect("a result").id.expect("a change"))
    };
    let (first, second) =
        (id(bench.request("add type hints", Delivery::Show)), id(bench.request("add type hints", Delivery::Show)));
    assert_ne!(first.0, second.0, "they are two tasks");
    assert_eq!(first.1, second.1);
    assert_ne!(first.1, id(Request { seed: 7, ..bench.request("add type hints", Delivery::Show) }).1);
}

/// Protects every surface that takes a verb by its name: what the manifest does not know is refused before anything runs.
#[test]
fn a_request_is_checked_against_the_manifest() {
    let ask = |verb: &str, words: &str, params: serde_json::Value| {
        request_for(verb, words, vec!["a.py".into()], None, params).map_err(|error: TaskError| error.to_string())
    };
    let good = ask("edit", " add types ", serde_json::json!({ "format": "whole", "max_tokens": 9 })).expect("good");
    assert_eq!((good.prompt.as_str(), good.params["max_tokens"].as_u64()), ("add types", Some(9)));
    assert!(ask("explain", "", serde_json::Value::Null).is_ok(), "files speak for themselves");
    for (verb, words, params, says) in [
        ("edit", " ", serde_json::json!({}), "the instruction is empty"),
        ("edit", "x", serde_json::json!({ "fromat": "whole" }), "has no option `fromat`"),
        ("edit", "x", serde_json::json!({ "max_tokens": "many" }), "cannot be \"many\""),
        ("edit", "x", serde_json::json!([1]), "are not an object"),
        ("complete", "", serde_json::json!({}), "needs a position"),
        ("dance", "x", serde_json::json!({}), "dance"),
    ] {
        let error = ask(verb, words, params).expect_err(says);
        assert!(error.contains(says), "{error}");
    }
}

/// Protects the user from a check that is lost in silence, and from a check that keeps every edit away: a mistake in
/// `deepcoder.toml` is told with its line and its correction, and the edit goes on.
#[test]
fn a_wrong_check_is_told_and_keeps_nobody_from_editing() {
    let bench = Bench::new();
    bench.repo.write("deepcoder.toml", b"[check.a]\ncommand = \"pytest\"\n");
    let app = bench.writing(&[NEW]);
    let task = app.submit(bench.request("add type hints", Delivery::Apply)).expect("it is taken");
    let (_, events) = follow(&app, &task.id);
    let told = events.iter().any(|event| {
        let text = format!("{event:?}");
        text.contains("no checks are run: deepcoder.toml:2: ") && text.contains("command = [")
    });
    assert!(told, "{events:?}");
    assert_eq!(bench.text(), NEW);
}
