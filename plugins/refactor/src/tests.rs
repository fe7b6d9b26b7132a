use crate::{ApplyError, Changes, Verdict, gate};
use deepcoder_plugin_api::Plugin;
use deepcoder_resolve::{Memory, Project};
use deepcoder_test_cases::{Case, Files, Hosted, check};
use deepcoder_test_support::FakeModel;
use deepcoder_types::{Applicability, Outcome, RepoPath, TextRange};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

fn files(texts: &[(&str, &str)]) -> Memory {
    Memory::new(texts.iter().map(|(name, text)| (path(name), Arc::from(*text))).collect::<BTreeMap<_, _>>())
}

/// Protects users from broken files: a result with an error that was not there before is refused, and the reason names the
/// line; an error that was there before stays the user's.
#[test]
fn what_would_not_parse_is_refused() {
    let files = files(&[("a.py", "x = 1\ny = x\n"), ("b.py", "x = (\ny = 1\n")]);
    let project = Project::new(&files);
    let mut broken = Changes::default();
    broken.replace(&path("a.py"), TextRange::new(10, 11), "(x");
    let refusal = gate::pass(&project, broken).expect_err("a bracket is open");
    assert!(refusal.message.contains("would not parse in line 2 of `a.py`"), "{refusal}");
    assert_eq!(refusal.place.expect("a place").path, path("a.py"));
    let mut kept = Changes::default();
    kept.replace(&path("b.py"), TextRange::new(6, 7), "z");
    assert_eq!(gate::pass(&project, kept).expect("as broken as before").verdict(), Verdict::Safe);
}

/// Protects files' bytes: edits come in any order, new lines end as the others of the file do, and edits that change
/// nothing are no edits.
#[test]
fn edits_are_put_in_order_and_keep_line_endings() {
    let files = files(&[("a.py", "x = 1\r\ny = x\r\n")]);
    let project = Project::new(&files);
    let mut changes = Changes::default();
    changes.replace(&path("a.py"), TextRange::new(11, 12), "z");
    changes.replace(&path("a.py"), TextRange::new(0, 1), "z");
    changes.replace(&path("a.py"), TextRange::new(4, 5), "1");
    changes.insert(&path("a.py"), 0, "# one\n# two\n");
    let changes = gate::pass(&project, changes).expect("fits");
    assert_eq!(changes.edits[&path("a.py")].len(), 3);
    let after = changes.apply(&files).expect("fits");
    assert_eq!(after[&path("a.py")], "# one\r\n# two\r\nz = 1\r\ny = z\r\n");
}

/// Protects other files: nothing is moved or created over a file that is there, and two edits of the same bytes are a defect
/// that is said and not made.
#[test]
fn changes_that_do_not_fit_are_refused() {
    let files = files(&[("a.py", "x = 1\n"), ("b.py", "y = 1\n")]);
    let project = Project::new(&files);
    let over = Changes { renamed: vec![(path("a.py"), path("b.py"))], ..Changes::default() };
    assert_eq!(over.apply(&files), Err(ApplyError::Exists(path("b.py"))));
    let created = Changes { created: [(path("b.py"), String::new())].into(), ..Changes::default() };
    assert_eq!(created.apply(&files), Err(ApplyError::Exists(path("b.py"))));
    let swapped =
        Changes { renamed: vec![(path("a.py"), path("b.py")), (path("b.py"), path("a.py"))], ..Changes::default() };
    assert_eq!(swapped.apply(&files).expect("both move")[&path("b.py")], "x = 1\n");
    let mut twice = Changes::default();
    twice.replace(&path("a.py"), TextRange::new(0, 5), "z");
    twice.replace(&path("a.py"), TextRange::new(4, 5), "2");
    assert!(gate::pass(&project, twice).expect_err("they overlap").message.contains("overlap"));
}

/// Protects the promise of a rename: every place that means the name and no other, over files, and what would be captured is
/// refused with the line.
#[test]
fn a_name_is_replaced_where_it_means_the_same() {
    let files = files(&[
        (
            "bank.py",
            "def transfer(a):\n    total = a\n    return total\n\n\nclass Book:\n    def transfer(self):\n        pass\n",
        ),
        ("main.py", "from bank import transfer\nfrom other import total\n\nprint(transfer(1), \"transfer\")\n"),
    ]);
    let project = Project::new(&files);
    let rename = |at: u32, new: &str| {
        let target = crate::Target { path: path("bank.py"), range: TextRange::new(at, at) };
        crate::run(&project, &crate::Request::Rename { target, new_name: new.to_owned() })
    };
    let changes = rename(4, "move_money").expect("a function");
    assert_eq!(changes.verdict(), Verdict::Safe, "{:?}", changes.doubts);
    let after = changes.apply(&files).expect("fits");
    assert!(after[&path("bank.py")].starts_with("def move_money(a):"), "{after:?}");
    assert!(after[&path("bank.py")].contains("    def transfer(self)"));
    assert_eq!(
        after[&path("main.py")],
        "from bank import move_money\nfrom other import total\n\nprint(move_money(1), \"transfer\")\n"
    );
    let local = rename(21, "a").expect_err("the parameter has the name");
    assert!(local.message.contains("taken"), "{local}");
    assert!(rename(21, "class").expect_err("a keyword").message.contains("cannot be a name"));
}

/// Protects inheritance: a method does not get the name of one that it would override, even where nothing calls either.
#[test]
fn a_new_name_overrides_nothing() {
    let files = files(&[
        ("a.py", "class A:\n    def run(self):\n        pass\n"),
        ("b.py", "from a import A\n\n\nclass B(A):\n    def walk(self):\n        pass\n"),
    ]);
    let project = Project::new(&files);
    let rename = |new: &str| {
        let target = crate::Target { path: path("b.py"), range: TextRange::new(38, 38) };
        crate::run(&project, &crate::Request::Rename { target, new_name: new.to_owned() })
    };
    let refusal = rename("run").expect_err("A has it");
    assert!(refusal.message.contains("`run` is taken in line 2 of `a.py`"), "{refusal}");
    assert_eq!(rename("stroll").expect("free").verdict(), Verdict::Safe);
}

/// Protects what the plugin promises in `cases/*.md`, and what every plugin owes on each of them: determinism, clean
/// cancellation, the base hash.
#[test]
fn cases_hold() {
    let plugin: Arc<dyn Plugin> = Arc::new(crate::RefactorPlugin::new());
    let cases = Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"));
    cases.iter().for_each(|case| check(&plugin, case));
}

/// Protects programs that cannot be read: one in another encoding may use the name, so that a person is told of it.
#[test]
fn a_file_that_cannot_be_read_is_a_doubt() {
    let plugin: Arc<dyn Plugin> = Arc::new(crate::RefactorPlugin::new());
    let case = Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).remove(0);
    let run = |other: &[u8]| {
        let tree: Files = [("bank.py", &b"def pay():\n    return 0\n"[..]), ("old.py", other)]
            .map(|(name, bytes)| (path(name), bytes.to_vec()))
            .into();
        let instruction = deepcoder_types::Instruction {
            prompt: "rename bank.pay settle".to_owned(),
            targets: Vec::new(),
            ..case.instruction.clone()
        };
        let outcome = Hosted::new(&plugin, &tree, FakeModel::new(Vec::new())).run(&instruction).outcome;
        let Ok(Outcome::Proposals(mut proposals)) = outcome else { panic!("{outcome:?}") };
        proposals.remove(0)
    };
    let doubtful = run(b"from bank import pay  # caf\xe9\n");
    assert_eq!(doubtful.applicability, Applicability::NeedsReview);
    assert!(doubtful.rationale.contains("old.py:1:1: this file may use `pay`"), "{}", doubtful.rationale);
    assert_eq!(run(b"x = 1\n").applicability, Applicability::Safe);
}
