//! Instructions that only rename.

use super::*;
use crate::NameServers;
use deepcoder_types::{Meant, NameAnswer, NameQuestion, REFACTOR};
use std::sync::atomic::AtomicUsize;

/// Protects every user of a name: an instruction that only renames goes to the verb that knows what names mean, which asks no
/// model; what it cannot tell waits, and what is taken, absent or ambiguous is told.
#[test]
fn a_name_is_given_everywhere() {
    let plugins = || deepcoder_plugins::all();
    let repo = TestRepo::new(&[
        ("bank.py", b"def transfer(a):\n    return a\n\ndef taken():\n    return 0\n"),
        ("main.py", b"import bank\nfrom bank import transfer\n\nprint(transfer(1), bank.transfer(2))\n"),
        ("README.md", b"Call `transfer`.\n"),
    ]);
    let run = on(&repo, plugins(), &[], "rename transfer to move_money everywhere").expect("a run");
    assert_eq!((changed(&run), run.applicability), (vec!["bank.py", "main.py"], Applicability::Safe));
    assert!(run.diff.contains("+print(move_money(1), bank.move_money(2))"), "{}", run.diff);
    assert!(run.rationale.contains("README.md:1"), "{}", run.rationale);
    assert!(run.record.plugin.starts_with("refactor ") && run.record.stats.calls == 0, "{:?}", run.record);
    let refused = |prompt: &str| match on(&repo, plugins(), &[], prompt) {
        Err(RunError::Plugin(error)) => error.message,
        other => panic!("{other:?}"),
    };
    let taken = refused("rename transfer to taken");
    assert!(taken.contains("`taken` is taken"), "{taken}");
    assert!(refused("rename absent to present").contains("declares `absent`"));
    repo.write("other.py", b"def transfer():\n    return 1\n");
    assert!(refused("rename transfer to move_money").contains("declared in 2 places: bank.py:1:5, other.py:1:5"));
    let one = on(&repo, plugins(), &["other.py"], "rename transfer to move_money").expect("a run");
    assert_eq!((changed(&one), one.applicability), (vec!["other.py"], Applicability::Safe));
    let beyond = on(&repo, plugins(), &["bank.py"], "rename transfer to move_money").expect("a run");
    assert_eq!((changed(&beyond), beyond.applicability), (vec!["bank.py"], Applicability::NeedsReview));
    assert!(beyond.rationale.contains("main.py:2:18: this file needs the change as well"), "{}", beyond.rationale);
    for (other, why) in [
        ("import bank\nbank.transfer(\n", "does not parse"),
        ("def f(a):\n    a.pay()\n", "the type of what stands before the dot is not known"),
    ] {
        let bank = b"def transfer(a):\n    return a\n\nclass A:\n    def pay(self):\n        pass\n";
        let strange = TestRepo::new(&[("bank.py", &bank[..]), ("c.py", other.as_bytes())]);
        let name = if other.contains("pay") { "pay" } else { "transfer" };
        let strange = on(&strange, plugins(), &[], &format!("rename {name} to settle")).expect("a run");
        assert!(strange.applicability == Applicability::NeedsReview && strange.rationale.contains(why), "{strange:?}");
    }
}

/// A language server that says that each doubtful name is what is asked about.
struct Agrees(AtomicUsize);

impl NameServers for Agrees {
    fn ask(
        &self,
        question: &NameQuestion,
        text: &(dyn Fn(&RepoPath) -> Option<String> + Sync),
        _: &Cancel,
    ) -> Option<NameAnswer> {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(question.doubtful.iter().all(|spot| text(&spot.path).is_some()));
        let meant = question.doubtful.iter().map(|_| Meant::Declared(question.declared.clone())).collect();
        Some(NameAnswer { by: "agrees".into(), meant, references: None })
    }
}

/// Protects renames of members: a language server settles what waits without one, the result says so, and it is not asked where
/// the user wants none, where nothing is in doubt, or where only a list of what is possible is wanted.
#[test]
fn a_language_server_settles_what_waits() {
    let bank =
        b"class Book:\n    def pay(self):\n        pass\n\n\ndef one(a):\n    a.pay()\n\n\ndef two():\n    pass\n";
    let repo = TestRepo::new(&[("bank.py", &bank[..])]);
    let workspace = Workspace::open(repo.path()).expect("a repository");
    let agrees = Agrees(AtomicUsize::new(0));
    let ask = |prompt: &str, options: serde_json::Value| {
        let instruction =
            Instruction { verb: REFACTOR.into(), prompt: prompt.into(), targets: Vec::new(), options, ..instruction() };
        let names = Some(&agrees as &dyn NameServers);
        let pipeline = Pipeline::new(&workspace, Arc::new(FakeModel::saying(Vec::<String>::new())));
        let options = RunOptions { names, ..RunOptions::default() };
        let run = pipeline.run(&instruction, &options, &Cancel::new(), &mut |_| {}).expect("a run");
        (run, agrees.0.swap(0, Ordering::Relaxed))
    };
    let (waits, asked) = ask("rename Book.pay settle", serde_json::json!({ "language_servers": false }));
    assert_eq!((waits.applicability, asked), (Applicability::NeedsReview, 0));
    let (settled, asked) = ask("rename Book.pay settle", serde_json::json!({}));
    assert_eq!((settled.applicability, asked), (Applicability::Safe, 1));
    assert!(settled.diff.contains("+    a.settle()") && settled.rationale.contains("agrees: bank.py:7"), "{settled:?}");
    assert_eq!(ask("rename two three", serde_json::json!({})).1, 0);
    assert_eq!(ask("list bank.py:2:9", serde_json::json!({})).1, 0);
}
