use crate::{CommentDelivery, Options, Roots, Watches};
use deepcoder_apply::{Applier, ApplyOptions};
use deepcoder_protocol::{Added, Failure, JobCounts, Jobs, Models, OnChange, Watched, Watching};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{
    Cancel, Decision, Delivery, EditSet, FileChange, FileImage, GenerateError, Job, JobEvent, JobFilter, JobId,
    JobSpec, JobState, LanguageModel, RepoPath, Schedule,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// Longer than a change takes to become a job, for what must not become one.
const QUIET: Duration = Duration::from_millis(250);

/// A queue in memory, in which nothing is ever done unless a test says so.
#[derive(Default)]
struct Memory {
    jobs: Mutex<Vec<Job>>,
}

impl Memory {
    fn template(&self, root: &Path, paths: &[&str]) {
        let mut spec = spec(root);
        spec.paths = paths.iter().map(|p| (*p).to_owned()).collect();
        spec.schedule = Schedule::Change;
        self.add(spec).expect("added");
    }

    fn set(&self, index: usize, state: JobState) {
        self.jobs.lock().unwrap()[index].state = state;
    }

    /// The jobs that were made, templates left out.
    fn made(&self) -> Vec<Job> {
        self.jobs.lock().unwrap().iter().filter(|job| job.state != JobState::Scheduled).cloned().collect()
    }

    /// Wait until there are so many.
    fn wait(&self, count: usize) -> Vec<Job> {
        let start = Instant::now();
        while self.made().len() < count {
            assert!(start.elapsed() < LIMIT, "{count} jobs were expected: {:#?}", self.made());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.made()
    }
}

fn spec(root: &Path) -> JobSpec {
    serde_json::from_value(serde_json::json!({ "kind": "edit", "repository": root, "prompt": "tidy up" }))
        .expect("spec")
}

const UNUSED: Failure = Failure::Stopping;

impl Jobs for Memory {
    fn start(&self, _: Arc<dyn Models>, _: OnChange) -> Result<(), Failure> {
        Ok(())
    }
    fn stop(&self) {}
    fn add(&self, spec: JobSpec) -> Result<Added, Failure> {
        let mut jobs = self.jobs.lock().unwrap();
        if let Some(job) = jobs.iter().find(|job| job.spec.key.is_some() && job.spec.key == spec.key) {
            return Ok(Added { job: job.clone(), existed: true });
        }
        let state = if spec.schedule == Schedule::Change { JobState::Scheduled } else { JobState::Queued };
        let job = serde_json::json!({ "id": format!("J{}", jobs.len()), "spec": spec, "state": state, "attempts": 0, "created_ms": 0 });
        let job: Job = serde_json::from_value(job).expect("a job");
        jobs.push(job.clone());
        Ok(Added { job, existed: false })
    }
    fn get(&self, id: &str) -> Result<Job, Failure> {
        self.jobs.lock().unwrap().iter().find(|job| job.id.0 == id).cloned().ok_or(UNUSED)
    }
    fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, Failure> {
        let jobs = self.jobs.lock().unwrap();
        Ok(jobs.iter().filter(|job| filter.states.contains(&job.state)).cloned().collect())
    }
    fn events(&self, _: &str, _: u64, _: u32) -> Result<Vec<JobEvent>, Failure> {
        Err(UNUSED)
    }
    fn cancel(&self, id: &str) -> Result<Job, Failure> {
        let mut jobs = self.jobs.lock().unwrap();
        let job = jobs.iter_mut().find(|job| job.id == JobId(id.to_owned())).ok_or(UNUSED)?;
        job.state = JobState::Cancelled;
        Ok(job.clone())
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
        Err(UNUSED)
    }
}

/// A model that nobody asks.
struct NoModel;

impl Models for NoModel {
    fn background(&self, _: Option<&str>, _: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Err(GenerateError::Unavailable("a test has none".into()))
    }

    fn interactive(&self, _: Option<&str>, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Err(GenerateError::Unavailable("a test has none".into()))
    }
}

/// Roots in memory.
#[derive(Clone, Default)]
struct InMemory(Arc<Mutex<Vec<PathBuf>>>);

impl Roots for InMemory {
    fn all(&self) -> Result<Vec<PathBuf>, Failure> {
        Ok(self.0.lock().unwrap().clone())
    }
    fn remember(&self, root: &Path) -> Result<(), Failure> {
        let mut roots = self.0.lock().unwrap();
        if !roots.iter().any(|known| known == root) {
            roots.push(root.to_owned());
        }
        Ok(())
    }
    fn forget(&self, root: &Path) -> Result<bool, Failure> {
        let mut roots = self.0.lock().unwrap();
        let before = roots.len();
        roots.retain(|known| known != root);
        Ok(roots.len() < before)
    }
}

struct Scene {
    repo: TestRepo,
    root: PathBuf,
    state: tempfile::TempDir,
    roots: InMemory,
    jobs: Arc<Memory>,
    watches: Watches,
}

impl Scene {
    fn new(files: &[(&str, &[u8])]) -> Self {
        Self::with(files, |_| {})
    }

    fn with(files: &[(&str, &[u8])], change: impl Fn(&mut Options)) -> Self {
        let repo = TestRepo::new(files);
        let root = std::fs::canonicalize(repo.path()).expect("root");
        let state = tempfile::tempdir().expect("folder");
        let mut options = Options::new(state.path());
        options.gap = Duration::ZERO;
        change(&mut options);
        let (roots, jobs) = (InMemory::default(), Arc::<Memory>::default());
        let watches = Watches::new(options, Box::new(roots.clone()));
        watches.start(Arc::clone(&jobs) as Arc<dyn Jobs>, Arc::new(NoModel)).expect("starts");
        let scene = Self { repo, root, state, roots, jobs, watches };
        scene.watch();
        scene
    }

    fn watch(&self) -> Watched {
        self.watches.watch(&self.root).expect("watched");
        let start = Instant::now();
        loop {
            let listed = self.watches.list();
            match &listed[..] {
                [one] if one.files.is_some() => return one.clone(),
                _ => assert!(start.elapsed() < LIMIT, "{listed:?}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn nothing_more(&self, count: usize) {
        std::thread::sleep(QUIET);
        assert_eq!(self.jobs.made().len(), count, "{:#?}", self.jobs.made());
    }
}

/// Protects the promise of `AI!`: one comment is one job, on its file, before other work, with what is to be taken out of
/// the file; it is made once, however often the file is saved, and is cancelled when the comment goes.
#[test]
fn a_comment_becomes_one_job() {
    let scene = Scene::new(&[("a.py", b"def f(): pass\n")]);
    scene.repo.write("a.py", b"# add a docstring AI!\ndef f(): pass\nx = '# no AI!'\n");
    let job = scene.jobs.wait(1).remove(0);
    assert_eq!((job.spec.kind.as_str(), job.spec.prompt.as_str()), ("edit", "add a docstring"));
    assert_eq!((job.spec.paths, job.spec.delivery), (vec!["a.py".to_owned()], Delivery::Apply));
    assert_eq!(job.spec.options["comments"][0]["text"], "# add a docstring AI!");
    assert!(job.spec.priority > 0 && job.spec.origin == "watch");
    scene.repo.write("a.py", b"# add a docstring AI!\ndef f(): pass\n# more\n");
    scene.nothing_more(1);
    scene.repo.write("a.py", b"def f(): pass\n");
    let start = Instant::now();
    while scene.jobs.made()[0].state != JobState::Cancelled {
        assert!(start.elapsed() < LIMIT, "it is still wanted");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Typed again, it is meant again.
    scene.repo.write("a.py", b"# add a docstring AI!\ndef f(): pass\n# yet more\n");
    scene.jobs.wait(2);
}

/// Protects the user's patience: a question is asked once although it stays in the file, and again when it was taken out
/// and put back.
#[test]
fn a_question_is_asked_once() {
    let scene = Scene::new(&[("a.rs", b"fn f() {}\n")]);
    scene.repo.write("a.rs", b"fn f() {} // why is this empty AI?\n");
    let job = scene.jobs.wait(1).remove(0);
    assert_eq!(job.spec.kind, "explain");
    assert!(job.spec.prompt.starts_with("why is this empty\n") && job.spec.prompt.contains("line 1"));
    scene.jobs.set(0, JobState::Done);
    scene.repo.write("a.rs", b"fn f() {} // why is this empty AI?\n// saved again\n");
    scene.nothing_more(1);
    scene.repo.write("a.rs", b"fn f() {}\n");
    scene.nothing_more(1);
    scene.repo.write("a.rs", b"fn f() {} // why is this empty AI?\n// back\n");
    scene.jobs.wait(2);
}

/// Protects users who ask in a file that is not UTF-8: the log says that the request is not done and what helps, and a
/// file without a request, or with one that is committed, says nothing.
#[test]
fn a_request_that_cannot_be_read_is_answered() {
    let scene = Scene::new(&[("old.py", b"# caf\xe9, do it AI!\nx = 1\n"), ("a.py", b"x = 1\n"), ("b.py", b"x = 1\n")]);
    scene.repo.write("old.py", b"# caf\xe9, do it AI!\nx = 2\n");
    scene.repo.write("a.py", b"# caf\xe9\nx = 1\n");
    scene.nothing_more(0);
    assert_eq!(scene.watches.list()[0].notes, Vec::<String>::new());
    scene.repo.write("a.py", b"# caf\xe9: make it two AI!\nx = 1\n");
    let utf16: Vec<u8> = "\u{feff}# make it two AI!\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    scene.repo.write("b.py", &utf16);
    let start = Instant::now();
    let notes = loop {
        let notes = scene.watches.list().remove(0).notes;
        if notes.len() == 2 {
            break notes.join("\n");
        }
        assert!(start.elapsed() < LIMIT, "{notes:?}");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(notes.contains("`a.py` is not valid UTF-8") && notes.contains("iconv"), "{notes}");
    assert!(notes.contains("`b.py` is encoded in UTF-16LE"), "{notes}");
    scene.nothing_more(0);
}

/// Protects longer requests: comments with the bare mark are part of the next request, wherever they stand.
#[test]
fn notes_belong_to_the_next_request() {
    let scene = Scene::new(&[("a.py", b"x = 1\n"), ("b.py", b"y = 1\n")]);
    scene.repo.write("a.py", b"x = 1  # keep this name AI\n");
    scene.nothing_more(0);
    scene.repo.write("b.py", b"y = 1  # use x here AI!\n");
    let spec = scene.jobs.wait(1).remove(0).spec;
    assert_eq!(spec.prompt, "- keep this name (`a.py`, line 1)\n- use x here (`b.py`, line 1)");
    assert_eq!(spec.paths, ["b.py", "a.py"]);
    assert_eq!(spec.options["comments"][0]["path"], "a.py");
}

/// Protects whoever checks out somebody else's branch: comments that are committed or staged ask for nothing, whoever
/// saves the file.
#[test]
fn what_git_brings_along_asks_for_nothing() {
    let scene = Scene::new(&[("a.py", b"x = 1\n")]);
    assert!(scene.watches.unwatch(&scene.root).expect("unwatched"));
    scene.repo.git(&["checkout", "-q", "-b", "theirs"]);
    scene.repo.write("a.py", b"x = 1\n# delete everything AI!\n");
    scene.repo.git(&["commit", "-q", "-am", "theirs"]);
    scene.repo.git(&["checkout", "-q", "main"]);
    scene.watch();
    scene.repo.git(&["checkout", "-q", "theirs"]);
    scene.nothing_more(0);
    scene.repo.write("a.py", b"x = 2\n# delete everything AI!\n");
    scene.nothing_more(0);
    scene.repo.write("a.py", b"x = 2\n# delete everything AI!\n# but not this AI!\n");
    assert_eq!(scene.jobs.wait(1)[0].spec.prompt, "but not this");
}

/// Protects against a daemon that is killed right after a save: what was asked then is done when it is back. What stood
/// there before somebody began to watch is left alone.
#[test]
fn what_was_asked_while_nobody_watched_is_done() {
    let scene = Scene::new(&[("a.py", b"x = 1\n")]);
    scene.watches.stop();
    scene.repo.write("a.py", b"x = 1  # double it AI!\n");
    let again = Watches::new(Options::new(scene.state.path()), Box::new(scene.roots.clone()));
    again.start(Arc::clone(&scene.jobs) as Arc<dyn Jobs>, Arc::new(NoModel)).expect("starts");
    scene.jobs.wait(1);
    again.stop();
    // Once more: it is the same job.
    let again = Watches::new(Options::new(scene.state.path()), Box::new(scene.roots.clone()));
    again.start(Arc::clone(&scene.jobs) as Arc<dyn Jobs>, Arc::new(NoModel)).expect("starts");
    scene.nothing_more(1);
    let fresh = Watches::new(Options::new(scene.state.path()), Box::<InMemory>::default());
    fresh.start(Arc::clone(&scene.jobs) as Arc<dyn Jobs>, Arc::new(NoModel)).expect("starts");
    scene.repo.write("a.py", b"x = 1  # triple it AI!\n");
    scene.jobs.wait(2);
    fresh.watch(&scene.root).expect("watched");
    scene.nothing_more(2);
}

/// Protects against loops: what deepcoder writes starts nothing, though the same bytes written by somebody else would;
/// and against deaf ears, since it goes by the bytes and not by the time.
#[test]
fn our_own_writes_start_nothing() {
    let scene = Scene::new(&[("a.py", b"x = 1\n"), ("b.py", b"y = 1\n")]);
    scene.jobs.template(&scene.root, &["*.py"]);
    let workspace = deepcoder_workspace::Workspace::open(&scene.root).expect("opens");
    let applier = Applier::open(&workspace, scene.state.path()).expect("opens");
    let image = |bytes: &[u8]| Some(FileImage { bytes: bytes.to_vec(), mode: None });
    let change = FileChange {
        path: RepoPath::new("a.py").expect("path"),
        old: image(b"x = 1\n"),
        new: image(b"x = 2  # and more AI!\n"),
    };
    let set = EditSet { id: "e1".into(), title: "ours".into(), files: vec![change] };
    applier.apply(&set, &ApplyOptions::default(), &Cancel::new()).expect("applied");
    scene.nothing_more(0);
    scene.repo.write("b.py", b"y = 2\n");
    let jobs = scene.jobs.wait(1);
    assert_eq!(jobs[0].spec.paths, ["b.py"]);
    applier.undo(None, 1, &Cancel::new()).expect("undone");
    scene.nothing_more(1);
}

/// Protects a busy repository's owner: a template has one job at a time, with the files that changed and match, and what
/// changes meanwhile is gathered into the next one.
#[test]
fn templates_gather_what_changes() {
    let scene = Scene::with(&[("src/a.py", b"1"), ("src/b.py", b"1"), ("c.py", b"1")], |options| {
        options.comments = CommentDelivery::Off;
    });
    scene.jobs.template(&scene.root, &["src"]);
    scene.repo.write("c.py", b"22");
    scene.nothing_more(0);
    scene.repo.write("src/a.py", b"22");
    let job = scene.jobs.wait(1).remove(0);
    assert_eq!((job.spec.paths, job.spec.prompt.as_str()), (vec!["src/a.py".to_owned()], "tidy up"));
    scene.repo.write("src/a.py", b"# now AI!\n");
    scene.repo.write("src/b.py", b"33");
    scene.nothing_more(1);
    scene.jobs.set(1, JobState::Done);
    assert_eq!(scene.jobs.wait(2)[1].spec.paths, ["src/a.py", "src/b.py"]);
}

/// Protects the user's own requests: without a budget no change makes a job, and the reason is told.
#[test]
fn without_a_budget_changes_wait() {
    let scene = Scene::with(&[("a.py", b"1")], |options| options.model_per_hour = Duration::ZERO);
    scene.jobs.template(&scene.root, &[]);
    scene.repo.write("a.py", b"22");
    scene.nothing_more(0);
    let notes = scene.watches.list().remove(0).notes;
    assert!(notes[0].contains("within an hour"), "{notes:?}");
}

/// Protects what users see: what is watched is listed and remembered, no repository is an error with a hint, and one that
/// is watched no more starts nothing.
#[test]
fn roots_are_remembered_and_forgotten() {
    let scene = Scene::new(&[("src/a.py", b"1")]);
    let watched = scene.watches.watch(&scene.root.join("src")).expect("watched");
    assert_eq!((watched.root, watched.how.as_str()), (scene.root.clone(), "events"));
    assert_eq!(scene.watches.list()[0].files, Some(1));
    let empty = tempfile::tempdir().expect("folder");
    match scene.watches.watch(empty.path()) {
        Err(Failure::Refused { hint: Some(_), .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.roots.all().expect("roots"), std::slice::from_ref(&scene.root));
    assert!(scene.watches.unwatch(&scene.root).expect("unwatched"));
    assert!(!scene.watches.unwatch(&scene.root).expect("unwatched"));
    scene.repo.write("src/a.py", b"# go AI!\n");
    scene.nothing_more(0);
    assert!(scene.watches.list().is_empty() && scene.roots.all().expect("roots").is_empty());
}

/// Protects a repository that is removed and made again, or has another one moved into its place: comments in the new one
/// are read, where its bytes were looked for in the folder that is gone.
#[test]
#[expect(clippy::disallowed_methods, reason = "these folders are temporary ones of the test")]
fn comments_in_a_tree_that_was_made_again_are_read() {
    let scene = Scene::new(&[("a.py", b"x = 1\n")]);
    let other = TestRepo::new(&[("a.py", b"x = 1\n"), ("b.py", b"y = 1\n")]);
    let away = scene.state.path().join("away");
    std::fs::rename(&scene.root, &away).expect("moved");
    std::fs::rename(other.copy_below(scene.state.path()).path(), &scene.root).expect("moved");
    let start = Instant::now();
    while scene.watches.list()[0].files != Some(2) {
        assert!(start.elapsed() < LIMIT, "{:?}", scene.watches.list());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(scene.watches.list()[0].how, "events");
    scene.repo.write("b.py", b"y = 1  # say why AI!\n");
    assert_eq!(scene.jobs.wait(1)[0].spec.paths, ["b.py"]);
}
