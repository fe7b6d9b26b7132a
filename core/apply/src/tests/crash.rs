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

/// A repository where the thing is about to be done.
fn prepare(doing: Doing) -> Bench {
    let bench = Bench::mixed();
    let applier = bench.open();
    if doing == Doing::Undo {
        apply(&applier, &mixed("e1")).unwrap();
    }
    bench
}

/// The trees before and after.
fn ends(doing: Doing) -> (Snapshot, Snapshot) {
    let bench = prepare(doing);
    let before = bench.snapshot();
    act(&bench.open(), doing).unwrap();
    (before, bench.snapshot())
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

/// The steps of a run that goes well.
fn steps_of(doing: Doing, plain: bool) -> Vec<&'static str> {
    let bench = prepare(doing);
    let trap = Trap { plain, ..Trap::default() };
    act(&bench.open_with(trap.clone()).unwrap(), doing).unwrap();
    std::mem::take(&mut *trap.seen.lock().unwrap())
}

/// Whether history and tree agree, and nothing of ours is left in the tree; returns whether it is done.
fn settled(bench: &Bench, doing: Doing, before: &Snapshot, after: &Snapshot, what: &str) -> bool {
    let applier = bench.open();
    let now = bench.snapshot();
    assert!(now == *before || now == *after, "{what}: between: {:?}", now.keys());
    let log = applier.log(99).unwrap();
    let entries = if doing == Doing::Apply { log.len() } else { log.len() - 1 };
    assert_eq!(entries, usize::from(now == *after), "{what}: the history is wrong: {log:?}");
    assert!(applier.recover().unwrap().is_empty(), "{what}: recovery did not come to an end");
    bench.repo.git(&["fsck", "--strict", "--no-dangling"]);
    now == *after
}

fn fail_everywhere(doing: Doing, plain: bool) {
    let (steps, (before, after)) = (steps_of(doing, plain), ends(doing));
    for nth in 1..=steps.len() {
        let what = format!("failing at {nth}, {}", steps[nth - 1]);
        let bench = prepare(doing);
        let applier = bench.open_with(Trap { nth, plain, ..Trap::default() }).unwrap();
        let result = act(&applier, doing);
        let now = bench.snapshot();
        match &result {
            Ok(()) => {}
            Err(ApplyError::Interrupted { .. }) => {}
            Err(_) => assert_eq!(now, before, "{what}: {result:?}"),
        }
        drop(applier);
        assert_eq!(settled(&bench, doing, &before, &after, &what), result.is_ok(), "{what}: {result:?}");
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

fn die_everywhere(doing: Doing, word: &str) {
    let (steps, (before, after)) = (steps_of(doing, word == "plain"), ends(doing));
    let mut outcomes = [0, 0];
    for nth in 1..=steps.len() {
        let what = format!("dying at {nth}, {}", steps[nth - 1]);
        let bench = prepare(doing);
        assert!(die(&bench, word, nth), "{what}: lived on");
        outcomes[usize::from(settled(&bench, doing, &before, &after, &what))] += 1;
    }
    // Both ends were seen: recovery neither always reverts nor always completes.
    assert!(outcomes[0] > 5 && outcomes[1] > 5, "{outcomes:?}");
}

/// Protects R1: a process killed at any step leaves a tree that is before or after once it is opened again.
#[test]
fn dying_at_any_step_leaves_before_or_after() {
    die_everywhere(Doing::Apply, "apply");
}

/// The same while undoing.
#[test]
fn dying_at_any_step_of_an_undo() {
    die_everywhere(Doing::Undo, "undo");
}

/// The same where files cannot be exchanged.
#[test]
fn dying_at_any_step_with_plain_renames() {
    die_everywhere(Doing::Apply, "plain");
}

/// Protects recovery itself: killing it, at any of its steps and again and again, changes nothing in the end.
#[test]
fn dying_during_recovery_changes_nothing() {
    let (steps, (before, after)) = (steps_of(Doing::Apply, false), ends(Doing::Apply));
    let nth_of = |name: &str, skip: usize| {
        steps.iter().enumerate().filter(|(_, s)| **s == name).nth(skip).map(|(n, _)| n + 1).unwrap()
    };
    // Half staged; committed with nothing published; half published; all published.
    let points = [nth_of("temp-written", 1), nth_of("committing", 0), nth_of("exchanged", 1), nth_of("published", 0)];
    for first in points {
        for nth in 1.. {
            let bench = prepare(Doing::Apply);
            die(&bench, "apply", first);
            let died = die(&bench, "open", nth);
            die(&bench, "open", nth);
            let what = format!("dying at {first} and again at {nth}");
            let done = settled(&bench, Doing::Apply, &before, &after, &what);
            assert_eq!(done, first >= points[1], "{what}");
            if !died {
                break;
            }
        }
    }
}

/// Protects recovery from taking back what a user did in the meantime: that file stays, the others go back.
#[test]
fn recovery_leaves_a_third_state_alone() {
    let steps = steps_of(Doing::Apply, false);
    let bench = prepare(Doing::Apply);
    let before = bench.snapshot();
    die(&bench, "apply", steps.iter().position(|s| *s == "published").unwrap() + 1);
    bench.repo.write("a.txt", b"mine");
    let applier = bench.open();
    let conflicts = &applier.recovered().conflicts;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].1.iter().map(RepoPath::as_str).collect::<Vec<_>>(), ["a.txt"]);
    let mut expected = before;
    expected.get_mut("a.txt").unwrap().as_mut().unwrap().0 = b"mine".to_vec();
    assert_eq!(bench.snapshot(), expected);
    assert_eq!(applier.log(1).unwrap()[0].state, crate::LogState::Conflict);
}
