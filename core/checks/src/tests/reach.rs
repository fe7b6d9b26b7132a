//! Whether a test runs the code that changed.

use super::Bench;
use deepcoder_types::CheckOutcome;

const CODE: &str = "LIMIT = 3\n\n\ndef tested(x):\n    return x + 1\n\n\ndef untested(x):\n    return x - 1\n";

const TESTS: &str = "import unittest\nimport code_a\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        \
                     self.assertEqual(code_a.tested(1), 2)\n";

const CONFIG: &str = "[check.unit]\ncommand = [\"/usr/bin/python3\", \"-m\", \"unittest\", \"-q\"]\n";

fn python() -> Bench {
    Bench::new(CONFIG, &[("code_a.py", CODE), ("test_a.py", TESTS), ("other.py", "def f():\n    return 1\n")])
}

/// Protects trust in a passing test: it counts as evidence for what it runs, and for nothing else.
#[test]
fn a_test_reaches_what_it_runs() {
    let bench = python();
    let (tested, untested) = (CODE.replace("x + 1", "1 + x"), CODE.replace("x - 1", "-1 + x"));
    let both = tested.replace("x - 1", "-1 + x");
    let helper = CODE.replace("x + 1", "helper(x)") + "\n\ndef helper(x):\n    return x + 1\n";
    for (path, text, reaches) in [
        ("code_a.py", &tested, true),
        ("code_a.py", &untested, false),
        ("code_a.py", &both, false),
        ("code_a.py", &helper, true),
        ("code_a.py", &CODE.replace("LIMIT = 3", "LIMIT = 4"), true),
        ("other.py", &"def f():\n    return 2\n".to_owned(), false),
        ("new.py", &"X = 1\n".to_owned(), false),
    ] {
        let report = bench.report(&[(path, Some(text))]);
        assert_eq!((&report.outcome, report.reaches), (&CheckOutcome::Passed, reaches), "{path}: {text}");
    }
    let wrong = CODE.replace("x + 1", "x + 2");
    let report = bench.report(&[("code_a.py", Some(&wrong))]);
    assert_eq!((&report.outcome, report.added.len()), (&CheckOutcome::Failed, 1), "{report:?}");
    assert!(report.added[0].message.contains("test_it"), "{report:?}");
}

/// Protects against a false proof of reach: in a compiled language a failure counts only if the program says that it came by the
/// canary. A canary that does not compile fails as well and shows nothing.
#[test]
fn a_failure_without_the_canarys_mark_shows_nothing() {
    let code = "pub fn one() -> u32 {\n    1\n}\n";
    for (says, reaches) in [("cat code.rs", true), ("echo 'error: could not compile'", false)] {
        let script = format!("grep -q canary code.rs || exit 0\n{says}\nexit 1\n");
        let bench = Bench::script("test", "", &script, &[("code.rs", code)]);
        let report = bench.report(&[("code.rs", Some("pub fn one() -> u32 {\n    2 - 1\n}\n"))]);
        assert_eq!((&report.outcome, report.reaches), (&CheckOutcome::Passed, reaches), "{says}");
    }
}

/// Protects linters and type checkers from claiming files that they never look at.
#[test]
fn a_linter_reaches_the_files_of_its_language() {
    let config = "[check.types]\ncommand = [\"./mypy\"]\n";
    let bench = Bench::new(config, &[("a.py", "x = 1\n"), ("a.txt", "a\n"), ("mypy", "#!/bin/sh\nexit 0\n")]);
    std::fs::set_permissions(bench.repo.join("mypy"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("mode");
    assert!(bench.report(&[("a.py", Some("x = 2\n"))]).reaches);
    assert!(!bench.report(&[("a.txt", Some("b\n"))]).reaches);
}
