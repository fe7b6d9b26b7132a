//! Trust, the scratch copy, before and after.

use super::{Bench, reason};
use crate::Checks;
use deepcoder_pipeline::ProjectChecks as _;
use deepcoder_types::{Cancel, CheckOutcome};

/// Fails for each line of `a.txt` with `bad` in it, as a compiler would.
const GREP: &str = "n=0\nwhile read -r line; do n=$((n+1)); case $line in *bad*) echo \"a.txt:$n:1: error: $line [-Wbad]\"; \
                    f=1;; esac; done < a.txt\nexit ${f:-0}\n";

/// Protects the user from a repository's programs: nothing runs before its text is trusted, and nothing runs once that text
/// changes, be it by a byte of another table; trust in hooks is not trust in checks.
#[test]
fn nothing_runs_before_it_is_trusted() {
    let bench = Bench::script("test", "", "touch ran; exit 0\n", &[("a.txt", "a\n")]);
    let checks = bench.open(Bench::machine());
    let untrusted = |report: &deepcoder_types::CheckReport| reason(report).contains("deepcoder checks trust");
    assert!(!checks.is_trusted());
    assert!(bench.reports(&checks, &[("a.txt", Some("b\n"))]).iter().all(untrusted));
    // As `deepcoder checks run`, which has no edit.
    let now = |checks: &Checks| checks.run_now(&[], &Cancel::new(), &|_, _| {}, &mut |_| {}).expect("reports");
    assert!(now(&checks).iter().all(untrusted) && !bench.own.path().join("cache").exists());
    let hooks =
        crate::trust::Trust::new(&bench.own.path().join("state"), bench.repo.path(), crate::trust::Purpose::Hooks);
    hooks.record(&bench.repo.read("deepcoder.toml")).expect("recorded");
    assert!(!bench.open(Bench::machine()).is_trusted());
    checks.trust().expect("recorded");
    assert_eq!(bench.reports(&checks, &[("a.txt", Some("b\n"))])[0].outcome, CheckOutcome::Passed);
    assert!(bench.own.path().join("cache").exists());
    // The text that is run is the text that was read; a new one is another one.
    let text = String::from_utf8(bench.repo.read("deepcoder.toml")).expect("text");
    bench.repo.write("deepcoder.toml", format!("{text}[hook]\nstrict = true\n").as_bytes());
    assert_eq!(bench.reports(&checks, &[("a.txt", Some("b\n"))])[0].outcome, CheckOutcome::Passed);
    assert!(bench.reports(&bench.open(Bench::machine()), &[("a.txt", Some("b\n"))]).iter().all(untrusted));
}

/// Protects the decision: what an edit adds fails, what was there says nothing, what goes counts, at whatever line it is.
#[test]
fn only_what_an_edit_adds_fails() {
    let bench = Bench::script("build", "", GREP, &[("a.txt", "good\nbad 1\n")]);
    for (text, outcome, added, removed) in [
        ("good\ngood\nbad 1\n", CheckOutcome::Unknown, 0, 0),
        ("good\n", CheckOutcome::Passed, 0, 1),
        ("bad 1\nbad idea\n", CheckOutcome::Failed, 1, 0),
        ("bad 2\nbad 1\n", CheckOutcome::Failed, 1, 0),
    ] {
        let report = bench.report(&[("a.txt", Some(text))]);
        assert_eq!(
            (&report.outcome, report.added.len(), report.removed),
            (&outcome, added, removed),
            "{text}: {report:?}"
        );
    }
    let report = bench.report(&[("a.txt", Some("good\nbad 1\nso bad\n"))]);
    let [added] = report.added.as_slice() else { panic!("{report:?}") };
    assert_eq!((added.rule.as_str(), added.line, added.message.as_str()), ("-Wbad", 3, "so bad"));
    assert_eq!(added.path.as_ref().map(deepcoder_types::RepoPath::as_str), Some("a.txt"));
}

/// Protects the time of the user: the tree as it is is checked once, by whichever process, until it changes. The script counts
/// its runs in a directory that stays.
#[test]
fn the_tree_as_it_is_is_checked_once() {
    let count = "echo x >> \"$XDG_CACHE_HOME/runs\"; echo \"runs: $(wc -l < \"$XDG_CACHE_HOME/runs\")\"; exit 1\n";
    let bench = Bench::script("lint", "", count, &[("a.txt", "a\n")]);
    let runs = |bench: &Bench| {
        let checks = bench.trusted();
        let report =
            checks.run_now(&[], &Cancel::new(), &|_, _| {}, &mut |_| {}).expect("runs").pop().expect("a report");
        report.added[0].message.clone()
    };
    assert_eq!((runs(&bench), runs(&bench)), ("exit code 1: runs: 1".to_owned(), "exit code 1: runs: 1".to_owned()));
    bench.report(&[("a.txt", Some("b\n"))]);
    bench.repo.write("a.txt", b"new\n");
    // The edit was the second one.
    assert_eq!(runs(&bench), "exit code 1: runs: 3");
}

/// Protects candidates from each other: each is checked on the tree with itself in place only, files that it makes and
/// removes included, and what a check leaves behind is gone before the next run.
#[test]
fn candidates_do_not_see_each_other() {
    let script = "[ -e left ] && echo 'left.x:1: error: leftover'; touch left; for f in *.txt; do echo \"$f:1: error: $(cat $f)\"; \
                  done; exit 1\n";
    let bench = Bench::script("build", "", script, &[("a.txt", "one"), ("b.txt", "two")]);
    let checks = bench.trusted();
    let added = |files: &[(&str, Option<&str>)]| {
        let report = bench.reports(&checks, files).pop().expect("a report");
        let messages: Vec<_> = report.added.iter().map(|d| d.message.clone()).collect();
        (messages, report.removed)
    };
    for _ in 0..2 {
        assert_eq!(added(&[("a.txt", Some("new"))]), (vec!["new".to_owned()], 1));
        assert_eq!(added(&[("c.txt", Some("three"))]), (vec!["three".to_owned()], 0));
        assert_eq!(added(&[("b.txt", None)]), (vec![], 1));
    }
}

/// Protects results from caches that know files by their seconds and sizes, as Python does: two contents of one length never
/// have the same time, however quickly they follow one another.
#[test]
fn contents_are_told_apart_by_their_seconds() {
    let script = "echo \"a.txt:1: error: $(stat -c %Y.%s a.txt) $(cat a.txt)\"; echo \"$(stat -c %Y a.txt)\" >> \
                  \"$XDG_CACHE_HOME/times\"; sort \"$XDG_CACHE_HOME/times\" | uniq -d | grep . && exit 9; exit 1\n";
    let bench = Bench::script("build", "", script, &[("a.txt", "a")]);
    let checks = bench.trusted();
    for text in ["b", "c", "d", "e"] {
        let report = bench.reports(&checks, &[("a.txt", Some(text))]).pop().expect("a report");
        assert!(report.added.iter().all(|d| !d.message.contains("exit code 9")), "{report:?}");
        assert_eq!(report.outcome, CheckOutcome::Failed);
    }
}

/// Protects from tests that fail now and then: one that is unstable before the edit is told as such, and one that fails once
/// after it does not fail the edit.
#[test]
fn an_unstable_test_is_told() {
    // Each run prints another failure.
    let before = "n=$(cat \"$XDG_CACHE_HOME/n\" 2>/dev/null || echo a); echo \"${n}b\" > \"$XDG_CACHE_HOME/n\"; \
                  echo \"a.txt:1: error: $n\"; exit 1\n";
    let bench = Bench::script("test", "", before, &[("a.txt", "a\n")]);
    assert!(reason(&bench.report(&[("a.txt", Some("b\n"))])).contains("unstable"));
    let after = "grep -q new a.txt || exit 0; [ -e \"$XDG_CACHE_HOME/once\" ] && exit 0; touch \"$XDG_CACHE_HOME/once\"; exit 1\n";
    let bench = Bench::script("test", "", after, &[("a.txt", "a\n")]);
    assert!(reason(&bench.report(&[("a.txt", Some("new\n"))])).contains("unstable"));
    let always = "grep -q new a.txt && exit 1; exit 0\n";
    let bench = Bench::script("test", "", always, &[("a.txt", "a\n")]);
    assert_eq!(bench.report(&[("a.txt", Some("new\n"))]).outcome, CheckOutcome::Failed);
}

/// Protects from a missing tool that looks like a passing one, and from a check of other files.
#[test]
fn what_does_not_run_does_not_pass() {
    let config = "[check.none]\ncommand = [\"no-such-tool\"]\nkind = \"lint\"\n\
                  [check.own]\ncommand = [\"./no-such-file\"]\nkind = \"lint\"\n\
                  [check.py]\ncommand = [\"true\"]\nkind = \"lint\"\nfiles = [\"**/*.py\"]\n";
    let bench = Bench::new(config, &[("a.txt", "a\n")]);
    let reports = bench.reports(&bench.trusted(), &[("a.txt", Some("b\n"))]);
    let reasons: Vec<_> = reports.iter().map(reason).collect();
    assert_eq!(reasons[0], "before the edit: `no-such-tool` is not installed");
    assert_eq!(reasons[1], "before the edit: `./no-such-file` is no program of the repository");
    assert_eq!(reasons[2], "none of its files changes");
    let cancel = Cancel::new();
    cancel.cancel();
    let checks = bench.trusted();
    let set = bench.set(&[("a.py", Some("1\n"))]);
    assert!(checks.run(&set, &cancel).iter().all(|report| matches!(report.outcome, CheckOutcome::NotRun(_))));
}

/// Protects projects that keep their tools beside their code: an ignored directory of packages is there, read and not
/// written, and a package that is a part of the repository is that of the copy.
#[test]
fn ignored_tools_are_there_and_are_not_written() {
    let script = "cat node_modules/dep/index.js node_modules/@s/own/index.js node_modules/@s/far/index.js; \
                  echo x > node_modules/dep/index.js && exit 7; echo x > node_modules/.cache || exit 8; exit 1\n";
    let files = [(".gitignore", "node_modules\n"), ("package.json", "{}"), ("packages/own/index.js", "own-old\n")];
    let bench = Bench::script("lint", "", script, &files);
    for (path, text) in [("node_modules/dep/index.js", "dep\n"), ("node_modules/@s/far/index.js", "far\n")] {
        bench.repo.write(path, text.as_bytes());
    }
    std::os::unix::fs::symlink("../../packages/own", bench.repo.join("node_modules/@s/own")).expect("a link");
    let report = bench.report(&[("packages/own/index.js", Some("own-new\n"))]);
    assert_eq!(report.outcome, CheckOutcome::Unknown, "{report:?}");
    let now = bench.trusted().run_now(&[], &Cancel::new(), &|_, _| {}, &mut |_| {}).expect("runs");
    assert!(now[0].added[0].message.starts_with("exit code 1"), "{now:?}");
    assert_eq!(bench.repo.read("node_modules/dep/index.js"), b"dep\n");
    // What it printed last, with the edit in place.
    let shown = Bench::script(
        "lint",
        "",
        "cat node_modules/own/x; exit 1\n",
        &[(".gitignore", "node_modules\n"), ("package.json", "{}"), ("own/x", "a.txt:1: error: old\n"), ("a.txt", "")],
    );
    shown.repo.write("node_modules/.keep", b"");
    std::os::unix::fs::symlink("../own", shown.repo.join("node_modules/own")).expect("a link");
    let report = shown.report(&[("own/x", Some("a.txt:1: error: new\n"))]);
    assert_eq!(report.added.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(), ["new"]);
}

/// Protects large repositories: a tree of 20,000 files is copied with progress, and the second run copies what changed.
#[test]
fn a_large_tree_is_copied_once() {
    let script = "find src -type f | wc -l > \"$TMPDIR/n\"; read n < \"$TMPDIR/n\"; [ \"$n\" -ge 20000 ]\n";
    let bench = Bench::script("lint", "", script, &[("a.txt", "a\n")]);
    for folder in 0..200 {
        let path = bench.repo.join(&format!("src/d{folder}"));
        std::fs::create_dir_all(&path).expect("folders");
        (0..100).for_each(|n| std::fs::write(path.join(format!("f{n}.txt")), "x").expect("written"));
    }
    let steps = std::sync::Mutex::new(Vec::new());
    let progress = |done: usize, all: usize| steps.lock().expect("unpoisoned").push((done, all));
    let checks = bench.trusted();
    let reports = checks.run_now(&[], &Cancel::new(), &progress, &mut |_| {}).expect("runs");
    assert_eq!(reports[0].outcome, CheckOutcome::Passed);
    let first = std::mem::take(&mut *steps.lock().expect("unpoisoned"));
    assert!(first.len() > 50 && first.iter().all(|(done, all)| done < all && *all >= 20_000), "{}", first.len());
    bench.repo.write("src/d7/f3.txt", b"y");
    let reports = checks.run_now(&[], &Cancel::new(), &progress, &mut |_| {}).expect("runs");
    assert_eq!(reports[0].outcome, CheckOutcome::Passed);
    assert_eq!(steps.lock().expect("unpoisoned").len(), 1, "only the changed file is copied");
}
