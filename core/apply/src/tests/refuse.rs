//! What is refused, with nothing written.

use super::*;
use crate::Refusal;

fn refusal(bench: &Bench, files: Vec<FileChange>) -> Refusal {
    let before = bench.snapshot();
    let applier = bench.open();
    let edit = set("e", files);
    let preview = applier.preview_conflicts(&edit, &options()).unwrap();
    let error = apply(&applier, &edit).unwrap_err();
    assert_eq!(bench.snapshot(), before);
    assert!(applier.log(9).unwrap().is_empty());
    let ApplyError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!(preview.first(), Some(&refusal));
    refusal
}

/// Protects the user's bytes: whatever is not as the edit expects is refused before anything is written, also when
/// another file of the set is fine.
#[test]
fn stale_missing_existing() {
    let bench = Bench::mixed();
    let fine = || change("a.txt", Some("one\r\ntwo\n"), Some("x"));
    assert!(matches!(refusal(&bench, vec![fine(), change("e", Some("other"), Some("x"))]), Refusal::Stale(_)));
    assert!(matches!(refusal(&bench, vec![fine(), change("none", Some("a"), Some("x"))]), Refusal::Missing(_)));
    assert!(matches!(refusal(&bench, vec![fine(), change("e", None, Some("x"))]), Refusal::Exists(_)));
    assert!(matches!(refusal(&bench, vec![change("e/x", None, Some("x"))]), Refusal::NotAFolder(_)));
    assert!(matches!(refusal(&bench, vec![change("sub", None, Some("x"))]), Refusal::NotAFile(_)));
    assert!(matches!(refusal(&bench, vec![fine(), fine()]), Refusal::Duplicate(_)));
    let both = vec![change("n", None, Some("x")), change("n/m", None, Some("x"))];
    assert!(matches!(refusal(&bench, both), Refusal::Overlap(_)));
}

/// Protects what lies outside the tree and files with two names: links are never followed, hard links never parted.
#[test]
fn links() {
    let bench = Bench::mixed();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("f"), "f").unwrap();
    std::os::unix::fs::symlink(outside.path(), bench.repo.join("out")).unwrap();
    std::os::unix::fs::symlink("a.txt", bench.repo.join("link")).unwrap();
    std::fs::hard_link(bench.repo.join("e"), bench.repo.join("e2")).unwrap();
    let applier = bench.open();
    // Where `openat2` is missing, the same is refused, and nothing leads up.
    struct Plain;
    impl Steps for Plain {
        fn at(&self, _: &'static str) -> std::io::Result<()> {
            Ok(())
        }
        fn plain_opens(&self) -> bool {
            true
        }
    }
    for applier in [applier, bench.open_with(Plain).unwrap()] {
        let refused = |file| match apply(&applier, &set("e", vec![file])) {
            Err(ApplyError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
        assert!(matches!(refused(change("out/f", Some("f"), Some("x"))), Refusal::Link(_)));
        assert!(matches!(refused(change("out/new", None, Some("x"))), Refusal::Link(_)));
        assert!(matches!(refused(change("link", Some("one\r\ntwo\n"), Some("x"))), Refusal::Link(_)));
        assert!(matches!(refused(change("e", Some("e"), Some("x"))), Refusal::HardLink(_)));
        assert_eq!(applier.tree.folder("out").err(), Some(rustix::io::Errno::LOOP));
        assert!(applier.tree.folder("..").is_err() && applier.tree.folder("sub").is_ok());
    }
    assert_eq!(std::fs::read(outside.path().join("f")).unwrap(), b"f");
}

/// Protects what git holds in special ways, and the files that steer tools, unless they are allowed.
#[test]
fn submodules_pointers_merges_protected() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let bench = Bench::new(&[("p", pointer.as_bytes()), ("u", b"base"), ("m/f", b"f")]);
    TestRepo::git(&bench.repo, &["init", "-q", "m"]);
    assert!(matches!(refusal(&bench, vec![change("p", Some(pointer), Some("x"))]), Refusal::LfsPointer(_)));
    assert!(matches!(refusal(&bench, vec![change("m/f", Some("f"), Some("x"))]), Refusal::Submodule(_)));
    let steer = || vec![change(".github/workflows/x.yml", None, Some("x"))];
    assert!(matches!(refusal(&bench, steer()), Refusal::Protected { .. }));
    let allowed = ApplyOptions { allow_protected: true, ..options() };
    bench.open().apply(&set("e", steer()), &allowed, &Cancel::new()).unwrap();

    bench.repo.git(&["checkout", "-qb", "other"]);
    bench.repo.write("u", b"theirs");
    bench.repo.git(&["commit", "-qam", "theirs"]);
    bench.repo.git(&["checkout", "-q", "main"]);
    bench.repo.write("u", b"ours");
    bench.repo.git(&["commit", "-qam", "ours"]);
    let merge =
        std::process::Command::new("git").current_dir(bench.repo.path()).args(["merge", "-q", "other"]).output();
    assert!(!merge.unwrap().status.success());
    let text = String::from_utf8(bench.repo.read("u")).unwrap();
    let error = apply(&bench.open(), &set("e2", vec![change("u", Some(&text), Some("x"))])).unwrap_err();
    assert!(matches!(error, ApplyError::Refused(Refusal::Unmerged(_))), "{error}");
}
