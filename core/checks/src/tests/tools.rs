//! The real tools, where they are installed.

use super::Bench;
use crate::Checks;
use deepcoder_test_support::skip;
use deepcoder_types::{CheckOutcome, CheckReport};

/// The report of the only check, with a machine that has `extra` programs.
fn report(bench: &Bench, checks: &Checks, files: &[(&str, Option<&str>)]) -> CheckReport {
    bench.reports(checks, files).pop().expect("a report")
}

fn installed(path: &str) -> bool {
    std::path::Path::new(path).exists()
}

/// Protects projects in C: a build by gcc has its messages, and reaches what it compiles.
#[test]
fn gcc_builds() {
    if !installed("/usr/bin/gcc") {
        skip!("gcc", "there is no gcc");
    }
    let config = "[check.build]\ncommand = [\"gcc\", \"-Wall\", \"-o\", \"prog\", \"a.c\"]\n";
    let code = "int f(int x) { return x; }\nint main(void) { return f(0); }\n";
    let bench = Bench::new(config, &[("a.c", code), ("b.c", "int g(void) { return 1; }\n")]);
    let checks = bench.trusted();
    let good = report(&bench, &checks, &[("a.c", Some(&code.replace("return x", "return x + 0")))]);
    assert!(good.outcome == CheckOutcome::Passed && good.reaches, "{good:?}");
    let other = report(&bench, &checks, &[("b.c", Some("int g(void) { return 2; }\n"))]);
    assert!(other.outcome == CheckOutcome::Passed && !other.reaches, "{other:?}");
    let bad = report(&bench, &checks, &[("a.c", Some(&code.replace("return x", "return y")))]);
    assert_eq!(bad.outcome, CheckOutcome::Failed);
    let error = bad.added.iter().find(|d| d.message.contains("undeclared")).expect("a message");
    assert_eq!((error.line, error.range.map(|r| r.start)), (1, Some(22)), "{error:?}");
}

/// Protects projects in Java.
#[test]
fn javac_builds() {
    if !installed("/usr/bin/javac") {
        skip!("javac", "there is no javac");
    }
    let config = "[check.build]\ncommand = [\"javac\", \"-d\", \"out\", \"A.java\"]\n";
    let code = "class A {\n    int f() { return 1; }\n}\n";
    let bench = Bench::new(config, &[("A.java", code)]);
    let checks = bench.trusted();
    let good = report(&bench, &checks, &[("A.java", Some(&code.replace('1', "2")))]);
    assert!(good.outcome == CheckOutcome::Passed && good.reaches, "{good:?}");
    let bad = report(&bench, &checks, &[("A.java", Some(&code.replace('1', "\"x\"")))]);
    assert_eq!((&bad.outcome, bad.added.len()), (&CheckOutcome::Failed, 1), "{bad:?}");
    assert_eq!(bad.added[0].line, 2);
}

/// Protects projects in JavaScript: the runner of node, with the tests that fail by their names.
#[test]
fn node_tests() {
    if !installed("/usr/bin/node") {
        skip!("node", "there is no node");
    }
    let config = "[check.unit]\ncommand = [\"node\", \"--test\"]\n";
    let code = "export function add(a, b) {\n  return a + b;\n}\nexport const twice = (x) => {\n  return 2 * x;\n};\n";
    let tests = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from './add.mjs';\n\
                 test('adds', () => assert.strictEqual(add(1, 2), 3));\n";
    let bench = Bench::new(config, &[("add.mjs", code), ("add.test.mjs", tests)]);
    let checks = bench.trusted();
    let good = report(&bench, &checks, &[("add.mjs", Some(&code.replace("a + b", "b + a")))]);
    assert!(good.outcome == CheckOutcome::Passed && good.reaches, "{good:?}");
    let other = report(&bench, &checks, &[("add.mjs", Some(&code.replace("2 * x", "x * 2")))]);
    assert!(other.outcome == CheckOutcome::Passed && !other.reaches, "{other:?}");
    let bad = report(&bench, &checks, &[("add.mjs", Some(&code.replace("a + b", "a - b")))]);
    assert_eq!(bad.outcome, CheckOutcome::Failed, "{bad:?}");
    assert!(bad.added.iter().any(|d| d.message.contains("adds fails")), "{bad:?}");
}

/// Protects projects in Rust: cargo's build is in the scratch directory and its messages are read, with no network.
#[test]
fn cargo_tests() {
    let mut machine = Bench::machine();
    let Some(home) = option_env!("HOME").map(std::path::PathBuf::from).filter(|h| h.join(".cargo/bin/cargo").exists())
    else {
        skip!("cargo", "cargo is not in the home directory");
    };
    machine.path.push(home.join(".cargo/bin"));
    machine.home = Some(home);
    let config = "[check.unit]\ncommand = [\"cargo\", \"test\", \"--lib\"]\n";
    let code = "pub fn add(a: u8, b: u8) -> u8 { a + b }\npub fn other() -> u8 { 1 }\n#[cfg(test)]\nmod tests {\n    \
                #[test]\n    fn adds() { assert_eq!(super::add(1, 2), 3); }\n}\n";
    let manifest = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let bench = Bench::new(config, &[("Cargo.toml", manifest), ("src/lib.rs", code)]);
    let checks = bench.open(machine);
    checks.trust().expect("recorded");
    let good = report(&bench, &checks, &[("src/lib.rs", Some(&code.replace("a + b", "b + a")))]);
    assert!(good.outcome == CheckOutcome::Passed && good.reaches, "{good:?}");
    let other = report(&bench, &checks, &[("src/lib.rs", Some(&code.replace("{ 1 }", "{ 2 }")))]);
    assert!(other.outcome == CheckOutcome::Passed && !other.reaches, "{other:?}");
    let bad = report(&bench, &checks, &[("src/lib.rs", Some(&code.replace("a + b", "a * b")))]);
    assert_eq!(bad.outcome, CheckOutcome::Failed, "{bad:?}");
    assert!(bad.added[0].message.contains("tests::adds fails"), "{bad:?}");
    let broken = report(&bench, &checks, &[("src/lib.rs", Some(&code.replace("a + b", "c")))]);
    assert!(broken.added.iter().any(|d| d.rule == "E0425" && d.line == 1), "{broken:?}");
}
