//! Failing and dying at every step.

use super::*;
use crate::UndoError;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fails, or ends the process, when the `nth` step is reached.
#[derive(Clone, Default)]
struct Trap {
    nth: usize,
    kill: bool,
    plain: bool,
    count: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Steps for Trap {
    fn at(&self, step: &'static str) -> io::Result<()> {
        self.seen.lock().unwrap().push(step);
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 != self.nth {
            return Ok(());
        }
        if self.kill {
            std::process::abort();
        }
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn plain_renames(&self) -> bool {
        self.plain
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Doing {
    Apply,
    Undo,
}

/// What is to be done, and what it looks like when it goes well.
struct Scene {
    doing: Doing,
    plain: bool,
    template: TestRepo,
    state: tempfile::TempDir,
    before: Snapshot,
    after: Snapshot,
    steps: Vec<&'static str>,
}

impl Scene {
    fn new(doing: Doing, plain: bool) -> Self {
        let bench = Bench::mixed();
        let template = bench.repo.copy_below(memory());
        drop(bench.open());
        let (before, after) = (Snapshot::new(), Snapshot::new());
        let mut scene = Self { doing, plain, template, state: bench.state, before, after, steps: Vec::new() };
        let bench = scene.fresh();
        scene.before = bench.snapshot();
        let trap = Trap { plain, ..Trap::default() };
        act(&bench.open_with(trap.clone()).unwrap(), doing).unwrap();
        scene.after = bench.snapshot();
        scene.steps = std::mem::take(&mut *trap.seen.lock().unwrap());
        scene
    }

    /// A repository where the thing is about to be done.
    fn fresh(&self) -> Bench {
        let state = tempfile::tempdir_in(memory()).unwrap();
        std::fs::copy(self.state.path().join("history.db"), state.path().join("history.db")).unwrap();
        let bench = Bench { repo: self.template.copy_below(memory()), state };
        if self.doing == Doing::Undo {
            apply(&bench.open(), &mixed("e1")).unwrap();
        }
        bench
    }

    /// What [`child`] is told.
    fn word(&self) -> &'static str {
        match (self.doing, self.plain) {
            (Doing::Undo, _) => "undo",
            (Doing::Apply, false) => "apply",
            (Doing::Apply, true) => "plain",
        }
    }

    /// Where the `skip`-th step called `name` is.
    fn nth_of(&self, name: &str, skip: usize) -> usize {
        let mut places = self.steps.iter().enumerate().filter(|(_, step)| **step == name);
        places.nth(skip).map(|(n, _)| n + 1).unwrap()
    }

    /// Opens the tree again. History and tree agree then, and nothing of ours is left; returns whether it is done.
    fn settle(&self, bench: &Bench, what: &str) -> bool {
        let applier = bench.open();
        let now = bench.snapshot();
        assert!(now == self.before || now == self.after, "{what}: between: {:?}", now.keys());
        let log = applier.log(99).unwrap();
        let entries = log.len() - usize::from(self.doing == Doing::Undo);
        assert_eq!(entries, usize::from(now == self.after), "{what}: the history is wrong: {log:?}");
        assert!(applier.recover().unwrap().is_empty(), "{what}: recovery did not come to an end");
        now == self.after
    }
}

fn act(applier: &Applier, doing: Doing) -> Result<(), ApplyError> {
    match doing {
        Doing::Apply => apply(applier, &mixed("e1")).map(drop),
        Doing::Undo => match applier.undo(None, NOW + 5, &Cancel::new()) {
            Ok(_) => Ok(()),
            Err(UndoError::Apply(error)) => Err(error),
            Err(error) => panic!("{error}"),
        },
    }
}

fn fail_everywhere(doing: Doing, plain: bool) {
    let scene = Scene::new(doing, plain);
    for (nth, step) in (1..).zip(&scene.steps) {
        let what = format!("failing at {nth}, {step}");
        let bench = scene.fresh();
        let result = act(&bench.open_with(Trap { nth, plain, ..Trap::default() }).unwrap(), doing);
        if let Err(error) = &result
            && !matches!(error, ApplyError::Interrupted { .. })
        {
            assert_eq!(bench.snapshot(), scene.before, "{what}: {error}");
        }
        assert_eq!(scene.settle(&bench, &what), result.is_ok(), "{what}: {result:?}");
    }
}

/// Protects against errors of the system at any step: the call fails and the tree is as before, or it succeeds.
#[test]
fn an_error_at_any_step_leaves_the_tree_as_before() {
    fail_everywhere(Doing::Apply, false);
}

/// The same while undoing.
#[test]
fn an_error_at_any_step_of_an_undo() {
    fail_everywhere(Doing::Undo, false);
}

/// The same where files cannot be exchanged.
#[test]
fn an_error_at_any_step_with_plain_renames() {
    fail_everywhere(Doing::Apply, true);
}

const REPO: &str = "DEEPCODER_TEST_REPO";
const STATE: &str = "DEEPCODER_TEST_STATE";
const NTH: &str = "DEEPCODER_TEST_NTH";
const DOING: &str = "DEEPCODER_TEST_DOING";

/// Dies at the `nth` step. `open` alone for recovery, which is done by whatever opens the tree.
fn die(bench: &Bench, doing: &str, nth: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["tests::crash::child", "--exact", "--ignored", "--test-threads=1"])
        .env(REPO, bench.repo.path())
        .env(STATE, bench.state.path())
        .env(NTH, nth.to_string())
        .env(DOING, doing)
        .output()
        .unwrap()
        .status;
    // Aborted, or a success because there was no such step.
    assert!(status.success() || std::os::unix::process::ExitStatusExt::signal(&status).is_some(), "{status}");
    !status.success()
}

/// Runs only when called by the tests below.
#[test]
#[ignore = "a child process of other tests"]
fn child() {
    let Ok(repo) = std::env::var(REPO) else { return };
    let doing = std::env::var(DOING).unwrap();
    let nth = std::env::var(NTH).unwrap().parse().unwrap();
    let trap = Trap { nth, kill: true, plain: doing == "plain", ..Trap::default() };
    let options = ApplierOptions { steps: Box::new(trap), ..ApplierOptions::default() };
    let workspace = Workspace::open(Path::new(&repo)).unwrap();
    let applier = Applier::open_with(&workspace, Path::new(&std::env::var(STATE).unwrap()), options).unwrap();
    match doing.as_str() {
        "apply" | "plain" => act(&applier, Doing::Apply).unwrap(),
        "undo" => act(&applier, Doing::Undo).unwrap(),
        _ => {}
    }
}

fn die_everywhere(doing: Doing, plain: bool) {
    let scene = Scene::new(doing, plain);
    let mut outcomes = [0, 0];
    for (nth, step) in (1..).zip(&scene.steps) {
        let what = format!("dying at {nth}, {step}");
        let bench = scene.fresh();
        assert!(die(&bench, scene.word(), nth), "{what}: lived on");
        outcomes[usize::from(scene.settle(&bench, &what))] += 1;
        if outcomes.iter().sum::<usize>() % 8 == 0 {
            bench.repo.git(&["fsck", "--strict", "--no-dangling"]);
        }
    }
    // Both ends were seen: recovery neither always reverts nor always completes.
    assert!(outcomes[0] > 5 && outcomes[1] > 5, "{outcomes:?}");
}

/// Protects R1: a process killed at any step leaves a tree that is before or after once it is opened again.
#[test]
fn dying_at_any_step_leaves_before_or_after() {
    die_everywhere(Doing::Apply, false);
}

/// The same while undoing.
#[test]
fn dying_at_any_step_of_an_undo() {
    die_everywhere(Doing::Undo, false);
}

/// The same where files cannot be exchanged.
#[test]
fn dying_at_any_step_with_plain_renames() {
    die_everywhere(Doing::Apply, true);
}

/// Protects recovery itself: killing it, at any of its steps and again and again, changes nothing in the end.
#[test]
fn dying_during_recovery_changes_nothing() {
    let scene = Scene::new(Doing::Apply, false);
    // Half staged; committed with nothing published; half published; all published.
    let points = [("temp-written", 1), ("committing", 0), ("exchanged", 1), ("published", 0)];
    let points = points.map(|(name, skip)| scene.nth_of(name, skip));
    for first in points {
        for nth in 1.. {
            let bench = scene.fresh();
            die(&bench, "apply", first);
            let died = die(&bench, "open", nth);
            die(&bench, "open", nth);
            let what = format!("dying at {first} and again at {nth}");
            assert_eq!(scene.settle(&bench, &what), first >= points[1], "{what}");
            if !died {
                break;
            }
        }
    }
}

/// Protects recovery from taking back what a user did in the meantime: that file stays, the others go back.
#[test]
fn recovery_leaves_a_third_state_alone() {
    let scene = Scene::new(Doing::Apply, false);
    let bench = scene.fresh();
    die(&bench, "apply", scene.nth_of("published", 0));
    bench.repo.write("a.txt", b"mine");
    let applier = bench.open();
    let conflicts = &applier.recovered().conflicts;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].1.iter().map(RepoPath::as_str).collect::<Vec<_>>(), ["a.txt"]);
    let mut expected = scene.before.clone();
    expected.get_mut("a.txt").unwrap().as_mut().unwrap().0 = b"mine".to_vec();
    assert_eq!(bench.snapshot(), expected);
    assert_eq!(applier.log(1).unwrap()[0].state, crate::LogState::Conflict);
}

/// Protects recovery where the new bytes are gone: a set that was decided goes back as a whole, from what git keeps.
#[test]
fn recovery_reverts_where_new_bytes_are_missing() {
    let scene = Scene::new(Doing::Apply, false);
    let bench = scene.fresh();
    die(&bench, "apply", scene.nth_of("exchanged", 1));
    // Somebody tidies up, originals included.
    for path in bench.snapshot().keys().filter(|path| path.contains(".deepcoder-")) {
        if !path.ends_with("1.old") {
            std::fs::remove_file(bench.repo.join(path)).unwrap();
        }
    }
    assert_eq!(bench.open().recovered().reverted, ["e1"]);
    assert_eq!(bench.snapshot(), scene.before);
}
