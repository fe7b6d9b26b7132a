//! The torture suites with few rounds. `make torture` runs them in full.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper of tests")]

use deepcoder_test_support::{INSTALL_POSTGRES, skip};
use std::process::Command;

/// The last line of a suite's output, and whether it found nothing lost.
fn torture(args: &[&str]) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_torture")).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{text}{said}");
    (text.lines().last().unwrap_or_default().to_owned(), output.status.success())
}

/// The part of a result that says that a suite was run in a file only.
const NO_SERVER: &str = "SKIPPED on a server";

/// Nothing is lost by ours, and something by a writer without the guards, or the suite would find nothing anywhere.
fn bites(suite: &str, rounds: &str, other: &str, other_rounds: &str) {
    let (line, good) = torture(&[suite, "--rounds", rounds]);
    assert!(good, "{line}");
    if let Some((_, why)) = line.split_once(": skipped: ") {
        skip!("mounts", "{why}");
    }
    assert!(line.contains(" 0 lost"), "{line}");
    let without_server = line.contains(NO_SERVER);
    let (line, good) = torture(&[suite, "--rounds", other_rounds, "--writer", other]);
    assert!(!good, "nothing was lost by `{other}`: {line}");
    if without_server {
        skip!("postgresql", "{INSTALL_POSTGRES}; in a file it passed");
    }
}

/// Protects R1: a process killed at any moment leaves a tree before or after its set.
#[test]
fn r1_kills() {
    bites("r1", "20", "plain", "40");
}

/// Protects R2: after a power cut, what was said to be done is there, and can be taken back.
#[test]
fn r2_power_cuts() {
    bites("r2", "4", "no-sync", "4");
}

/// Protects R4: what somebody else writes at the same moment is never lost.
#[test]
fn r4_races() {
    bites("r4", "200", "plain", "1500");
}

/// Protects R3: every byte string that an edit has touched can be had again, in whatever order things are done.
#[test]
fn r3_histories() {
    bites("r3", "60", "plain", "10");
}

/// Protects R5: a hook commits what is staged and nothing else, and dying at any step it loses nothing.
#[test]
fn r5_hooks() {
    bites("r5", "16", "plain", "30");
}

/// Protects R6: whatever fails, the tree is before or after, and the error says what to do.
#[test]
fn r6_failures() {
    bites("r6", "40", "plain", "40");
}

/// Protects S1: nothing is written outside the root, whatever a repository does.
#[test]
fn s1_hostile_repositories() {
    bites("s1", "20", "plain", "20");
}

/// Protects R7: what is known of a watched tree is what a scan finds, whatever the system leaves out.
#[test]
fn r7_storms() {
    bites("r7", "8", "plain", "2");
}

/// Protects R8: no job is lost and no effect comes twice, whoever dies or sleeps, in a file and on a server.
#[test]
fn r8_queue() {
    bites("r8", "400", "plain", "400");
}

/// Protects R9: clients that leave, cancel, read slowly and send too much cost the daemon nothing that lasts.
#[test]
fn r9_soak() {
    bites("r9", "4", "plain", "4");
}

/// Protects R10: the daemon outlives its models, and every request says what became of it.
#[test]
fn r10_deaths() {
    bites("r10", "12", "plain", "3");
}
