//! Tests that this machine cannot run.

use std::io::Write as _;

/// Set, to anything but `0`: a skip fails, unless `tests/skips.txt` allows it.
const STRICT: &str = "DEEPCODER_TEST_STRICT";

/// A file that gets a line for each skip: the runner may show the output of failed tests only.
const LOG: &str = "DEEPCODER_TEST_SKIPS";

/// The skips that are allowed everywhere, with their reasons.
const ALLOWED: &str = include_str!("../../skips.txt");

/// End a test that needs `$what`, which this machine does not have: `skip!("postgresql", "it is not installed")`. Says so,
/// and fails under `DEEPCODER_TEST_STRICT` unless `tests/skips.txt` lists `$what`.
#[macro_export]
macro_rules! skip {
    ($what:literal, $($why:tt)+) => {
        return $crate::skipped($what, &format!($($why)+))
    };
}

/// Records a skip; [`skip!`] calls it before it returns.
///
/// # Panics
/// Where the skip is not allowed.
#[expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a skipped test says so, and the runner says how strict it is"
)]
pub fn skipped(what: &str, why: &str) {
    let line = line(std::thread::current().name().unwrap_or("a test"), what, why);
    eprintln!("{line}");
    if let Some(log) = std::env::var_os(LOG) {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("the log of skips");
        writeln!(log, "{line}").expect("the log of skips");
    }
    let strict = std::env::var_os(STRICT).is_some_and(|value| !value.is_empty() && value != "0");
    assert!(!strict || is_allowed(what), "{line}; hint: give this machine `{what}`, or list it in tests/skips.txt");
}

fn line(test: &str, what: &str, why: &str) -> String {
    format!("SKIPPED {test}: needs {what}: {why}")
}

/// Whether `tests/skips.txt` lists it.
fn is_allowed(what: &str) -> bool {
    allowed().any(|(name, _)| name == what)
}

fn allowed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = ALLOWED.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").expect("a line of tests/skips.txt is NAME: REASON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects strict runs: what the list names may be skipped there, and nothing else; every name has a reason.
    #[test]
    fn only_the_list_is_allowed() {
        assert!(is_allowed("pytorch"));
        for other in ["postgresql", "pytorch: ", "", "#", "real-model"] {
            assert!(!is_allowed(other), "{other}");
        }
        assert!(allowed().all(|(name, reason)| !name.contains(' ') && reason.len() > 20));
    }

    /// Protects strict runs: a test that skips without leave fails, in a process of its own that is strict. Elsewhere the
    /// same test passes, and says that it was skipped.
    #[test]
    fn a_skip_without_leave_fails() {
        let run = |strict: &str| {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "skip::tests::a_test_that_skips", "--ignored", "--nocapture"])
                .env(STRICT, strict)
                .env_remove(LOG)
                .output()
                .unwrap()
        };
        for (strict, passes) in [("1", false), ("0", true), ("", true)] {
            let output = run(strict);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("SKIPPED skip::tests::a_test_that_skips: needs the-moon: it is far"), "{said}");
            assert_eq!(output.status.success(), passes, "{strict}: {said}");
        }
    }

    /// Protects nothing by itself: the test above runs it.
    #[test]
    #[ignore = "run by a_skip_without_leave_fails"]
    fn a_test_that_skips() {
        skip!("the-moon", "it is {}", "far");
    }
}
