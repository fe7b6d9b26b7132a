//! `deepcoder refactor`, from places and names to files, without a model.

use crate::workbench::Workbench;
use serde_json::Value;

const BANK: &str =
    "def transfer(a):\n    total = a\n    return total\n\n\nclass Book:\n    def transfer(self):\n        return 0\n";
const MAIN: &str = "from src.bank import transfer\n\nprint(transfer(1))\n";

fn bench() -> Workbench {
    Workbench::new(&[("src/bank.py", BANK.as_bytes()), ("main.py", MAIN.as_bytes())])
}

fn said(bench: &Workbench, folder: &str, args: &[&str], code: i32) -> (String, String) {
    let args = [&["refactor"], args].concat();
    let output = bench.command(&args).current_dir(bench.repo.join(folder)).output().expect("it runs");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
    (out, err)
}

fn text(bench: &Workbench, path: &str) -> String {
    std::fs::read_to_string(bench.repo.join(path)).expect("there")
}

/// Protects the whole way: no model is installed, a safe rename lands with --yes in every file, and undo brings back the
/// very bytes.
#[test]
fn a_rename_lands_and_is_undone_without_a_model() {
    let bench = bench();
    let (_, err) = said(&bench, ".", &["rename", "src/bank.py:1:5", "move_money", "--yes"], 0);
    assert!(err.contains("safe: every name means what it meant") && err.contains("changed 2 files"), "{err}");
    assert_eq!(text(&bench, "main.py"), MAIN.replace("transfer", "move_money"));
    assert_eq!(text(&bench, "src/bank.py"), BANK.replacen("transfer", "move_money", 1));
    let output = bench.command(&["undo"]).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!((text(&bench, "main.py"), text(&bench, "src/bank.py")), (MAIN.to_owned(), BANK.to_owned()));
}

/// Protects people in a subdirectory: paths are theirs, names are those of the whole tree, and a sentence does as well.
#[test]
fn places_names_and_sentences_mean_the_same() {
    let bench = bench();
    let diff = |folder: &str, args: &[&str]| said(&bench, folder, &[args, &["--dry-run"]].concat(), 1).0;
    let wanted = diff(".", &["rename", "src/bank.py:1:5", "pay"]);
    assert!(wanted.contains("+print(pay(1))"), "{wanted}");
    assert_eq!(diff("src", &["rename", "bank.py:1:5", "pay"]), wanted);
    assert_eq!(diff("src", &["rename", "bank.py:1", "pay"]), wanted);
    assert_eq!(diff("src", &["rename", "bank.transfer", "pay"]), wanted);
    assert_eq!(diff(".", &["please rename the function `bank.transfer` to `pay` everywhere"]), wanted);
    assert_eq!(text(&bench, "main.py"), MAIN);
}

/// Protects people from guesses and dead ends: each error names the place or the choice, and a next step.
#[test]
fn errors_name_places_and_next_steps() {
    let bench = bench();
    for (args, error, hint) in [
        (
            &["rename", "transfer", "pay"][..],
            "declared in 2 places: src/bank.py:1:5, src/bank.py:7:9",
            "rename src/bank.py:1:5",
        ),
        (&["rename", "src/bank.py:2:5", "a"], "src/bank.py:", "choose another name"),
        (&["rename", "src/bank.py:99:1", "pay"], "`src/bank.py` has 9 lines, not 99", "FILE:LINE:COL"),
        (&["rename", "src/bank.py:1:99", "pay"], "line 1 of `src/bank.py` has 17 columns, not 99", "FILE:LINE:COL"),
        (&["rename", "src/none.py:1:1", "pay"], "`src/none.py` is no text file", "from the root of the repository"),
        (&["rename", "absent", "pay"], "declares `absent`", "case-sensitive"),
        (&["rename", "src/bank.py:1:5", "class"], "cannot be a name", "another name"),
        (&["make it faster"], "`make` is no refactoring", "rename src/util.py:12:9"),
        (&["rename", "transfer"], "needs what to rename and the new name", "rename bank.transfer move_money"),
    ] {
        let (_, err) = said(&bench, ".", args, 2);
        assert!(err.contains(error) && err.contains(hint), "{args:?}: {err}");
    }
    assert_eq!(text(&bench, "src/bank.py"), BANK);
}

/// Protects scripts: what needs a review does not land with --yes, the places are named, and JSON says the same.
#[test]
fn what_is_in_doubt_waits() {
    let bench =
        Workbench::new(&[("a.py", b"class A:\n    def pay(self):\n        pass\n\n\ndef f(a):\n    a.pay()\n")]);
    let (out, err) = said(&bench, ".", &["rename", "A.pay", "settle", "--yes", "--json"], 1);
    assert!(err.contains("a.py:7:7: the type of what stands before the dot is not known"), "{err}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&report["applicability"], &report["applied"]), (&"needs-review".into(), &false.into()));
    assert!(text(&bench, "a.py").contains("a.pay()"));
    said(&bench, ".", &["rename", "A.pay", "settle", "--yes", "--unreviewed"], 0);
    assert!(text(&bench, "a.py").contains("a.settle()"));
}

/// Protects editors and people: what is possible at a place is an answer on standard output.
#[test]
fn what_is_possible_is_listed() {
    let bench = bench();
    let (out, _) = said(&bench, ".", &["list", "src/bank.py:1:5"], 0);
    assert!(out.contains("rename: 3 places in 2 files\n"), "{out}");
    assert!(out.contains("inline-variable: no, "), "{out}");
}

/// Protects patterns from the way to the plugin: what a shell passes arrives, whatever quotes and spaces it has, the paths are
/// those of the directory, and undo brings back every byte.
#[test]
fn a_pattern_lands_and_is_undone() {
    let old = "log(\"a, `b`\", 1)\nx = log('it''s', x)\n";
    let bench = Workbench::new(&[("src/a.py", old.as_bytes()), ("src/b.py", b"log(\"c\", 1)\n")]);
    let (out, _) = said(&bench, "src", &["codemod", "log($A, 1)", "str($A)", "a.py", "--dry-run"], 1);
    assert!(out.contains("+str(\"a, `b`\")") && !out.contains("b.py"), "{out}");
    let (_, err) = said(&bench, ".", &["codemod", "log(\"a, `b`\", $N)", "str(\"`\", $N)", "--yes"], 0);
    assert!(err.contains("changed 1 file"), "{err}");
    assert_eq!(text(&bench, "src/a.py"), old.replace("log(\"a, `b`\", 1)", "str(\"`\", 1)"));
    assert!(bench.command(&["undo"]).output().expect("it runs").status.success());
    assert_eq!(text(&bench, "src/a.py"), old);
    let (_, err) = said(&bench, ".", &["codemod", "log($A, 1)", "absent($A)", "--yes"], 1);
    assert!(err.contains("src/a.py:1:1: `absent` is not declared here"), "{err}");
    let (_, err) = said(&bench, ".", &["codemod", "log(", "x", "--language", "python"], 2);
    assert!(err.contains("cannot be read as python") && err.contains("hint: "), "{err}");
    let (_, err) = said(&bench, ".", &["codemod", "log($A)"], 2);
    assert!(err.contains("needs a pattern and what it becomes") && err.contains("--rule FILE"), "{err}");
}

/// Protects rules: the file may be anywhere, and one that cannot be read is told by its name.
#[test]
fn a_rule_is_read_from_a_file() {
    let bench = Workbench::new(&[("a.py", b"x = int(1)\n")]);
    let rule = bench.home().join("rule.yml");
    std::fs::write(&rule, "id: a\nlanguage: python\nrule: { pattern: int($A) }\nfix: float($A)\n").expect("a rule");
    said(&bench, ".", &["codemod", "--rule", rule.to_str().expect("UTF-8"), "--yes"], 0);
    assert_eq!(text(&bench, "a.py"), "x = float(1)\n");
    let (_, err) = said(&bench, ".", &["codemod", "--rule", "none.yml"], 2);
    assert!(err.contains("cannot read none.yml"), "{err}");
}

/// Protects people from what they have not seen: a pattern learned from an edit is told with the command that runs it, waits
/// for a review even with --yes, and lands once that is waived.
#[test]
fn a_pattern_is_learned_from_an_edit() {
    let bench = Workbench::new(&[("a.py", b"int(1)\n"), ("b.py", b"y = [int(2), int(z)]\n")]);
    said(&bench, ".", &["codemod", "int(1)", "float(1)", "--yes"], 0);
    let learn = |args: &[&str], code: i32| {
        let output = bench.command(&[&["codemod", "learn"], args].concat()).output().expect("it runs");
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
        (out, err)
    };
    let (out, err) = learn(&["--dry-run"], 1);
    let command = "learned from 1 change: deepcoder refactor codemod 'int($A)' 'float($A)' --language python";
    assert!(err.contains(command) && out.contains("+y = [float(2), float(z)]"), "{out}{err}");
    let (_, err) = learn(&["--yes"], 1);
    assert!(err.contains("learned from an edit: look at its 2 matches"), "{err}");
    assert_eq!(text(&bench, "b.py"), "y = [int(2), int(z)]\n");
    learn(&["--yes", "--unreviewed"], 0);
    assert_eq!(text(&bench, "b.py"), "y = [float(2), float(z)]\n");
    let (_, err) = learn(&["nothing"], 2);
    assert!(err.contains("there is no edit `nothing`") && err.contains("deepcoder log"), "{err}");
    for (name, code) in [("old.py", "f(1, 2)\n"), ("new.py", "g(2, 1)\n")] {
        std::fs::write(bench.home().join(name), code).expect("a file");
    }
    std::fs::write(bench.repo.join("c.py"), "f(a, b)\n").expect("a file");
    let [before, after] = ["old.py", "new.py"].map(|name| bench.home().join(name).to_string_lossy().into_owned());
    let (out, _) = learn(&["--before", &before, "--after", &after, "--path", "c.py", "--dry-run"], 1);
    assert!(out.contains("+g(b, a)"), "{out}");
}
