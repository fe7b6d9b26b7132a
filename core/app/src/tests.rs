//! Tests of the application.

mod land;
mod tasks;

use crate::{App, OneModel};
use deepcoder_profile::{Overrides, Profile, Vars};
use deepcoder_protocol::Tasks;
use deepcoder_test_support::{FakeModel, TestRepo};
use deepcoder_types::{Cancel, Delivery, EDIT, LanguageModel, Request, Task, TaskEvent};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const OLD: &str = "def f(a):\n    return a\n";
const NEW: &str = "def f(a: int) -> int:\n    return a\n";
/// Another signature, which `b.py` does not know.
const DOUBTFUL: &str = "def f(a, b):\n    return a * b\n";
const CALLER: &str = "from a import f\n\nprint(f(1))\n";

/// A repository with `a.py` and a caller of it, and a folder of ours.
struct Bench {
    repo: TestRepo,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let repo = TestRepo::new(&[("a.py", OLD.as_bytes()), ("b.py", CALLER.as_bytes())]);
        Self { repo, home: tempfile::tempdir().expect("a folder") }
    }

    fn profile(&self) -> Profile {
        let vars = Vars::new([("DEEPCODER_HOME".into(), self.home.path().as_os_str().to_owned())]);
        // A script has one answer for each edit.
        let overrides = Overrides { config: vec!["effort=quick".into()], ..Overrides::default() };
        Profile::open(vars, self.home.path(), &overrides, None).expect("a profile")
    }

    /// An application with a clock of its own.
    fn app(&self, model: Arc<dyn LanguageModel>) -> App {
        let clock = AtomicU64::new(1_700_000_000_000);
        App::here(self.profile(), Arc::new(OneModel(model)), Arc::new(move || clock.fetch_add(1, Ordering::SeqCst)))
    }

    /// One whose model writes these files.
    fn writing(&self, texts: &[&str]) -> App {
        self.app(Arc::new(FakeModel::saying(texts.iter().map(|text| format!("{text}```\n")))))
    }

    fn request(&self, prompt: &str, delivery: Delivery) -> Request {
        Request {
            verb: EDIT.into(),
            prompt: prompt.into(),
            directory: self.repo.path().to_owned(),
            paths: vec!["a.py".into()],
            delivery,
            ..Request::default()
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.repo.read("a.py")).expect("text")
    }

    /// The results that are kept in files.
    fn kept(&self) -> usize {
        let files = std::fs::read_dir(self.profile().folders().state.join("tasks"));
        files.into_iter().flatten().count()
    }
}

/// Follow a task from its beginning to its end.
fn follow(app: &App, id: &str) -> (Task, Vec<TaskEvent>) {
    let mut events = Vec::new();
    let task = app.follow(id, 0, &Cancel::new(), &mut |event| events.push(event)).expect("it is followed");
    (task, events)
}

fn done(app: &App, request: Request) -> Task {
    let task = app.submit(request).expect("it is taken");
    follow(app, &task.id).0
}

fn root(path: &Path) -> std::path::PathBuf {
    path.canonicalize().expect("a root")
}
