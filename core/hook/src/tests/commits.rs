//! What is staged, checked and fixed.

use super::{Bench, FIXES};
use crate::{InTree, Job};
use std::process::Command;

/// Protects work that is not staged: the fix is in the index and in the file, the rest of the file stays as it was.
#[test]
fn a_fix_goes_beside_changes_that_are_not_staged() {
    let bench = Bench::new(FIXES, &[("a.txt", b"1\n2\n3\n4\n"), ("b.txt", b"1\n"), ("c.txt", b"1\n")]);
    bench.stage("a.txt", b"1 \n2\n3\n4\n");
    bench.repo.write("a.txt", b"1 \n2\n3\n4 \nmine \n");
    bench.stage("b.txt", b"1\n2 \n");
    bench.repo.write("b.txt", b"1\nother \n");
    bench.stage("c.txt", b"1\n2 \n");
    std::fs::remove_file(bench.repo.join("c.txt")).expect("removed");
    bench.stage("d.txt", b"new \n");
    let report = bench.staged();
    assert!(report.passed, "{report:?}");
    let index = |path| bench.in_index(path);
    assert_eq!(
        [index("a.txt"), index("b.txt"), index("c.txt"), index("d.txt")],
        ["1\n2\n3\n4\n", "1\n2\n", "1\n2\n", "new\n"]
    );
    assert_eq!(bench.repo.read("a.txt"), b"1\n2\n3\n4 \nmine \n");
    assert_eq!(bench.repo.read("b.txt"), b"1\nother \n");
    assert!(!bench.repo.join("c.txt").exists());
    assert_eq!(bench.repo.read("d.txt"), b"new\n");
    let tree: Vec<_> = report.fixed.iter().map(|fixed| &fixed.tree).collect();
    assert!(matches!(tree.as_slice(), [InTree::Merged, InTree::Left(_), InTree::Left(_), InTree::Fixed]), "{tree:?}");
    // What was staged before is kept.
    let kept = report.kept.expect("a ref");
    assert_eq!(bench.repo.git(&["cat-file", "blob", &format!("{kept}:d.txt")]), "new \n");
    assert!(bench.staged().fixed.is_empty());
}

/// Protects the user's say: a finding refuses the commit, and then nothing is changed, not even what could be fixed.
#[test]
fn a_finding_leaves_everything_as_it_is() {
    let bench = Bench::new(FIXES, &[]);
    bench.stage("a.txt", b"x \n");
    bench.stage("key.py", format!("k = 'AKIA{}'\n", "QWERTYUIOPASDFGH").as_bytes());
    let report = bench.staged();
    assert!(!report.passed && report.fixed.is_empty());
    assert_eq!((report.findings[0].path.as_str(), report.findings[0].line), ("key.py", Some(1)));
    assert_eq!((bench.in_index("a.txt"), bench.repo.read("a.txt")), ("x \n".into(), b"x \n".to_vec()));
}

/// Protects what is not text of this commit: entries that were only announced, links, submodules, names that are not
/// UTF-8, and modes.
#[test]
fn only_staged_regular_files_are_looked_at() {
    let bench = Bench::new(FIXES, &[]);
    bench.repo.write("later.txt", b"x \n");
    bench.repo.git(&["add", "-N", "later.txt"]);
    std::os::unix::fs::symlink("nowhere ", bench.repo.join("link")).expect("a link");
    bench.repo.git(&["add", "link"]);
    let head = bench.repo.git(&["rev-parse", "HEAD"]);
    bench.repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},module", head.trim())]);
    let odd = std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9.txt".to_vec());
    let odd: std::ffi::OsString = odd;
    std::fs::write(bench.repo.path().join(&odd), b"x \n").expect("written");
    bench.repo.git(&["add", "."]);
    bench.repo.git(&["reset", "-q", "later.txt"]);
    bench.repo.git(&["add", "-N", "later.txt"]);
    bench.stage("with\nline end", b"x \n");
    bench.stage("run.sh", b"x \n");
    bench.repo.git(&["update-index", "--chmod=+x", "run.sh"]);
    let report = bench.staged();
    let fixed: Vec<_> = report.fixed.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(fixed, ["run.sh", "with\nline end"], "{report:?}");
    assert_eq!(report.skipped.len(), 1);
    assert!(bench.repo.git(&["ls-files", "-s", "run.sh"]).starts_with("100755 "));
    assert_eq!(bench.repo.read("later.txt"), b"x \n");
}

/// Protects line endings: a file that git writes with CRLF is fixed with CRLF, one whose user keeps LF with LF, and a
/// file with a filter of its own is only looked at.
#[test]
fn the_form_of_a_file_in_the_tree_is_kept() {
    let bench = Bench::new(FIXES, &[(".gitattributes", b"*.crlf text eol=crlf\n*.bin filter=own\n")]);
    bench.stage("a.crlf", b"1 \r\n2\r\n");
    bench.stage("b.crlf", b"1 \r\n2\r\n3\r\n");
    bench.repo.write("b.crlf", b"1 \r\n2\r\n3\r\nmine\r\n");
    let report = bench.staged();
    assert_eq!(bench.in_index("a.crlf"), "1\n2\n");
    assert_eq!(bench.repo.read("a.crlf"), b"1\r\n2\r\n");
    assert_eq!(bench.repo.read("b.crlf"), b"1\r\n2\r\n3\r\nmine\r\n", "{report:?}");
    bench.stage("c.bin", b"1 \n");
    let report = bench.staged();
    assert!(!report.passed && report.findings[0].message.contains("`filter`"), "{report:?}");
    assert_eq!(bench.in_index("c.bin"), "1 \n");
}

/// Protects files in other encodings and in no language at all: a fix of their line ends needs no verification of text.
#[test]
fn a_file_that_is_not_utf8_is_fixed_in_the_tree_too() {
    let bench = Bench::new(FIXES, &[]);
    bench.stage("a.py", b"# caf\xe9 \nx = 1");
    let report = bench.staged();
    assert!(matches!(report.fixed[0].tree, InTree::Fixed), "{report:?}");
    assert_eq!(bench.repo.read("a.py"), b"# caf\xe9\nx = 1\n");
}

/// Protects what only git may decide: during a merge, in a repository that our library cannot read and with an index
/// of its own, a hook looks and does not touch.
#[test]
fn what_is_not_understood_is_only_looked_at() {
    let bench = Bench::new(FIXES, &[]);
    bench.stage("a.txt", b"x \n");
    std::fs::write(bench.repo.join(".git/CHERRY_PICK_HEAD"), bench.repo.git(&["rev-parse", "HEAD"])).expect("written");
    let report = bench.staged();
    assert!(!report.passed && report.findings[0].message.contains("cherry-pick"), "{report:?}");
    assert_eq!(bench.in_index("a.txt"), "x \n");
    std::fs::remove_file(bench.repo.join(".git/CHERRY_PICK_HEAD")).expect("removed");
    let index = bench.repo.join("own-index");
    std::fs::copy(bench.repo.join(".git/index"), &index).expect("copied");
    let around = crate::Surroundings { in_hook: true, index_file: Some(index.into()), ..bench.around() };
    let report = crate::run(&Job::Staged, &around).expect("it runs");
    assert!(!report.passed && report.findings[0].message.contains("not the repository's own"), "{report:?}");

    let other = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str]| {
        let done = Command::new("git").current_dir(other.path()).args(args).output().expect("git runs");
        String::from_utf8(done.stdout).expect("text")
    };
    git(&["init", "-q", "--object-format=sha256"]);
    std::fs::write(other.path().join("deepcoder.toml"), FIXES).expect("written");
    std::fs::write(other.path().join("a.txt"), "x \n").expect("written");
    git(&["add", "."]);
    let around = crate::Surroundings { cwd: other.path().to_owned(), ..bench.around() };
    let report = crate::run(&Job::Staged, &around).expect("it runs");
    assert_eq!(git(&["cat-file", "blob", ":a.txt"]), if report.passed { "x\n" } else { "x \n" });
    assert!(report.passed || !report.findings.is_empty());
}

/// Protects the first commit of a repository, and one with nothing in it.
#[test]
fn an_unborn_branch_and_an_empty_commit_are_fine() {
    let bench = Bench::new(FIXES, &[]);
    assert!(bench.staged().passed);
    bench.repo.git(&["checkout", "-q", "--orphan", "fresh"]);
    bench.stage("a.txt", b"x \n");
    let report = bench.staged();
    assert!(report.passed, "{report:?}");
    assert_eq!(bench.in_index("a.txt"), "x\n");
}

/// Protects history from commits that say nothing: where the fixes take back all that was staged, git is not let go on.
#[test]
fn fixes_that_leave_nothing_refuse_the_commit() {
    let bench = Bench::new(FIXES, &[("a.txt", b"x\n")]);
    bench.stage("a.txt", b"x \n");
    let report = bench.staged();
    assert!(!report.passed && report.warnings[0].contains("nothing to commit"), "{report:?}");
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "");
}

/// Protects files that steer tools: a hook does not change them either, it says what is wrong.
#[test]
fn protected_files_are_not_changed() {
    let bench = Bench::new(FIXES, &[]);
    bench.stage(".github/workflows/ci.yml", b"on: push \n");
    let report = bench.staged();
    assert!(!report.passed && report.findings[0].message.contains("continuous integration"), "{report:?}");
    assert_eq!(bench.in_index(".github/workflows/ci.yml"), "on: push \n");
}

/// Protects whoever stages something while the hook runs: their entry stands, and the hook says so.
#[test]
fn what_is_staged_meanwhile_wins() {
    struct Meanwhile(std::path::PathBuf, std::sync::Mutex<bool>);
    impl crate::Steps for Meanwhile {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            let mut done = self.1.lock().expect("no panic");
            if step == "index-made" && !*done {
                *done = true;
                std::fs::write(self.0.join("a.txt"), "y \n")?;
                assert!(Command::new("git").current_dir(&self.0).args(["add", "a.txt"]).status()?.success());
            }
            Ok(())
        }
    }
    let bench = Bench::new(FIXES, &[]);
    bench.stage("a.txt", b"x \n");
    bench.stage("b.txt", b"x \n");
    let steps = std::sync::Arc::new(Meanwhile(bench.repo.path().to_owned(), std::sync::Mutex::new(false)));
    let report = crate::run(&Job::Staged, &crate::Surroundings { steps, ..bench.around() }).expect("it runs");
    assert_eq!((bench.in_index("a.txt"), bench.in_index("b.txt")), ("y \n".into(), "x\n".into()));
    assert!(report.warnings[0].contains("staged meanwhile"), "{report:?}");
    assert!(!bench.repo.join(".git/index.lock").exists());
}

/// Protects frameworks that run hooks themselves: files are changed, the index never, and the exit says so.
#[test]
fn named_files_are_changed_and_the_index_is_not() {
    let bench = Bench::new(FIXES, &[("a.txt", b"old \n")]);
    bench.stage("b.txt", b"x \n");
    let before = std::fs::read(bench.repo.join(".git/index")).expect("an index");
    let report = bench.run(&Bench::files(&["a.txt", "b.txt", "../outside", "gone.txt"]));
    assert!(!report.passed);
    assert_eq!((report.fixed.len(), report.skipped.len()), (2, 2));
    assert_eq!((bench.repo.read("a.txt"), bench.repo.read("b.txt")), (b"old\n".to_vec(), b"x\n".to_vec()));
    assert_eq!(std::fs::read(bench.repo.join(".git/index")).expect("an index"), before);
    assert!(bench.run(&Bench::files(&["a.txt", "b.txt"])).passed);
}

/// Protects what leaves the machine: a secret in any commit that is pushed is found, also one that a later commit took
/// away again; so is one in a message, but not below what git itself writes there.
#[test]
fn pushes_and_messages_are_looked_at() {
    let bench = Bench::new(FIXES, &[]);
    let start = bench.repo.git(&["rev-parse", "HEAD"]);
    let secret = format!("k = 'AKIA{}'\n", "QWERTYUIOPASDFGH");
    bench.stage("a.py", secret.as_bytes());
    bench.repo.git(&["commit", "-qm", "a"]);
    bench.stage("a.py", b"k = load()\n");
    bench.repo.git(&["commit", "-qm", "b"]);
    let head = bench.repo.git(&["rev-parse", "HEAD"]);
    let push = |from: &str| {
        let line = format!("refs/heads/main {} refs/heads/main {}\n", head.trim(), from.trim());
        bench.run(&Job::Pushed { remote: "origin".into(), lines: line.into_bytes() })
    };
    assert!(!push(&start).passed && !push(&"0".repeat(40)).passed);
    assert!(push(&head).passed);
    let message = bench.state.path().join("message");
    let look = |text: &str| {
        std::fs::write(&message, text).expect("written");
        bench.run(&Job::Message(message.clone()))
    };
    assert_eq!(look(&format!("title\n\n{secret}")).findings[0].line, Some(3));
    assert!(
        look(&format!(
            "title\n# ------------------------ >8 ------------------------\n# Below.\ndiff --git a b\n+{secret}"
        ))
        .passed
    );
}

/// Protects what leaves the machine with a merge: a secret that only its resolution brings is found, when it is committed
/// and when it is pushed; one that a side had before is not this merge's.
#[test]
fn a_merge_is_looked_at_for_what_it_brings_itself() {
    let bench = Bench::new(FIXES, &[("a.txt", b"base\n")]);
    let secret = |n: u8| format!("k = 'AKIA{}{n}'\n", "QWERTYUIOPASDFG").replace('0', "X");
    let commit = |text: &str| {
        bench.stage("a.txt", text.as_bytes());
        bench.repo.git(&["commit", "-qm", "a"]);
    };
    bench.repo.git(&["checkout", "-qb", "side"]);
    let theirs = secret(2);
    commit(&format!("{theirs}theirs\n"));
    bench.repo.git(&["checkout", "-q", "main"]);
    let start = bench.repo.git(&["rev-parse", "side"]);
    commit("ours\n");
    let before = bench.repo.git(&["rev-parse", "HEAD"]);
    let _ =
        Command::new("git").current_dir(bench.repo.path()).args(["merge", "-q", "side"]).output().expect("git runs");
    let resolve = |text: &str| bench.stage("a.txt", text.as_bytes());
    resolve(&format!("{theirs}both\n"));
    assert!(bench.staged().passed, "what a side brings is not the merge's");
    resolve(&format!("{theirs}both\n{}", secret(3)));
    let report = bench.staged();
    assert_eq!(report.findings.iter().map(|f| f.line).collect::<Vec<_>>(), [Some(3)], "{report:?}");
    bench.repo.git(&["commit", "-qm", "merged"]);
    let head = bench.repo.git(&["rev-parse", "HEAD"]);
    // The remote has both sides.
    bench.repo.git(&["update-ref", "refs/remotes/origin/side", start.trim()]);
    let lines = format!("refs/heads/main {} refs/heads/main {}\n", head.trim(), before.trim()).into_bytes();
    let report = bench.run(&Job::Pushed { remote: "origin".into(), lines });
    assert_eq!(report.findings.iter().map(|f| f.line).collect::<Vec<_>>(), [Some(3)], "{report:?}");
}

/// Protects what goes to one remote from what another has: only the branches of the remote that is pushed to count. Messages
/// of commits and tags go along, and so do versions of a file that only its mode was changed after.
#[test]
fn each_remote_is_looked_at_by_itself() {
    let bench = Bench::new(FIXES, &[]);
    let secret = format!("k = 'AKIA{}'\n", "QWERTYUIOPASDFGH");
    let start = bench.repo.git(&["rev-parse", "HEAD"]);
    let push = |remote: &str, from: &str| {
        let head = bench.repo.git(&["rev-parse", "HEAD"]);
        let lines = format!("refs/heads/main {} refs/heads/main {}\n", head.trim(), from.trim());
        bench.run(&Job::Pushed { remote: remote.into(), lines: lines.into_bytes() })
    };
    let zero = "0".repeat(40);
    bench.stage("a.py", secret.as_bytes());
    bench.repo.git(&["commit", "-qm", "a"]);
    bench.repo.git(&["update-ref", "refs/remotes/private/main", "HEAD"]);
    assert!(push("private", &zero).passed);
    for other in ["public", "https://host/public.git", "private/../x*", ""] {
        assert!(!push(other, &zero).passed, "{other}");
    }
    // The newest commit names the same bytes.
    bench.repo.git(&["update-index", "--chmod=+x", "a.py"]);
    bench.repo.git(&["commit", "-qm", "b"]);
    assert!(!push("public", &start).passed);
    bench.repo.git(&["update-ref", "refs/remotes/public/main", "HEAD"]);
    bench.repo.git(&["commit", "-q", "--allow-empty", "-m", &format!("c\n\n{secret}")]);
    let report = push("public", &zero);
    assert_eq!((report.findings.len(), report.findings[0].line), (1, Some(3)), "{report:?}");
    bench.repo.git(&["update-ref", "refs/remotes/public/main", "HEAD"]);
    bench.repo.git(&["tag", "-am", &format!("v1\n\n{secret}"), "v1"]);
    let tag = bench.repo.git(&["rev-parse", "v1"]);
    let lines = format!("refs/tags/v1 {} refs/tags/v1 {zero}\n", tag.trim()).into_bytes();
    let report = bench.run(&Job::Pushed { remote: "public".into(), lines });
    assert_eq!((report.findings.len(), report.findings[0].line), (1, Some(3)), "{report:?}");
}

/// Protects messages whose lines look like comments: `commit -m` keeps them, and which letter begins one can be set.
#[test]
fn lines_that_look_like_comments_are_looked_at() {
    let bench = Bench::new(FIXES, &[]);
    let secret = format!("AKIA{}", "QWERTYUIOPASDFGH");
    let message = bench.state.path().join("message");
    let scissors = format!("{} >8 {0}", "-".repeat(24));
    let line = |text: &str| {
        std::fs::write(&message, text).expect("written");
        bench.run(&Job::Message(message.clone())).findings.first().and_then(|finding| finding.line)
    };
    assert_eq!(line(&format!("#12 use {secret}\n")), Some(1));
    assert_eq!(line(&format!("a\n\n; use {secret}\n")), Some(3));
    bench.repo.git(&["config", "core.commentChar", ";"]);
    assert_eq!(line(&format!("; use {secret}\n")), Some(1));
    // The part below git's scissors line is not in the message; the part below a line that the user wrote may be.
    assert_eq!(line(&format!("a\n; {scissors}\n; Do not modify\ndiff --git a/a b/a\n-{secret}\n")), None);
    assert_eq!(line(&format!("a\n// {scissors}\n// Do not\ndiff --git a/a b/a\n-{secret}\n")), None);
    assert_eq!(line(&format!("a\n; {scissors}\n{secret}\n")), Some(3));
}

/// Protects against secrets that a reader of the diff does not see: in wide encodings, in files that get a new name, over several
/// lines of which only one is new; and what is packed is not said to be clean.
#[test]
fn what_is_not_understood_is_not_clean() {
    let secret = format!("AKIA{}", "QWERTYUIOPASDFGH");
    let wide: Vec<u8> =
        format!("\u{feff}a = 1\r\nkey = \"{secret}\"\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bench = Bench::new(
        FIXES,
        &[("settings.txt", b"x = 1\n"), ("w.txt", &wide), ("m.py", b"password = (\n    'none'\n)\n")],
    );
    let findings = |path: &str, bytes: &[u8]| {
        bench.stage(path, bytes);
        let report = bench.staged();
        bench.repo.git(&["reset", "-q", "--hard"]);
        report.findings.iter().map(|finding| finding.line).collect::<Vec<_>>()
    };
    assert_eq!(findings("new.txt", &wide), [Some(2)]);
    assert_eq!(findings("big.txt", &wide.chunks_exact(2).flat_map(|p| [p[1], p[0]]).collect::<Vec<_>>()), [Some(2)]);
    let more: Vec<u8> = wide.iter().copied().chain("b = 2\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert!(findings("w.txt", &more).is_empty(), "the line was there before");
    assert_eq!(findings("m.py", b"password = (\n    'tG4#kQ9z!xW2'\n)\n"), [Some(2)]);
    bench.repo.git(&["mv", "settings.txt", ".env"]);
    assert!(!bench.staged().passed);
    bench.repo.git(&["reset", "-q", "--hard"]);
    bench.stage("a.zip", b"PK\x03\x04 and more");
    let report = bench.staged();
    assert!(report.skipped.iter().any(|s| s.path == "a.zip" && s.reason.contains("packed")), "{report:?}");
}
