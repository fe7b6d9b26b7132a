//! Repositories of every kind, and hostile ones.

use super::*;
use crate::{OpenError, Refusal};
use deepcoder_types::Hint as _;
use std::os::unix::fs::symlink;
use std::process::Command;

fn git(dir: &Path, args: &[&str]) {
    let output = Command::new("git")
        .current_dir(dir)
        .args(["-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=a@b"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn apply_and_undo(root: &Path) {
    let state = tempfile::tempdir().unwrap();
    let applier = Applier::open(&Workspace::open(root).unwrap(), state.path()).unwrap();
    apply(&applier, &mixed("e1")).unwrap();
    let commit = applier.log(1).unwrap().remove(0).commit;
    git(root, &["cat-file", "-e", &format!("{commit}:old/a.txt")]);
    git(root, &["fsck", "--connectivity-only"]);
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(std::fs::read(root.join("a.txt")).unwrap(), b"one\r\ntwo\n");
}

/// Protects users of submodules, shallow and borrowing clones, packed refs, and folders of git that are links or elsewhere.
#[test]
fn clones_of_every_kind() {
    let bench = Bench::mixed();
    let place = tempfile::tempdir().unwrap();
    let origin = bench.repo.path().to_str().unwrap();
    let url = format!("file://{origin}");
    let at = |name: &str| place.path().join(name);
    let kinds: [&[&str]; 5] = [
        &["clone", "-q", "--depth=1", &url, "shallow"],
        &["clone", "-q", "--shared", origin, "shared"],
        &["clone", "-q", "--reference", origin, &url, "reference"],
        &["clone", "-q", "--separate-git-dir", "elsewhere", origin, "separate"],
        &["clone", "-q", "--filter=blob:none", &url, "partial"],
    ];
    for args in kinds {
        git(place.path(), args);
        apply_and_undo(&at(args.last().unwrap()));
    }
    git(place.path(), &["init", "-q", "super"]);
    git(&at("super"), &["submodule", "--quiet", "add", &url, "part"]);
    apply_and_undo(&at("super/part"));
    git(place.path(), &["clone", "-q", "--bare", origin, "bare"]);
    git(&at("bare"), &["worktree", "add", "-q", "../beside", "main"]);
    apply_and_undo(&at("beside"));
    // As the tools do it that share one object store between clones.
    std::fs::rename(at("shallow/.git"), at("moved")).unwrap();
    symlink(at("moved"), at("shallow/.git")).unwrap();
    git(&at("shallow"), &["pack-refs", "--all"]);
    apply_and_undo(&at("shallow"));
}

/// Protects users of large repositories: split and sparse indices are read by git itself, also for a commit, and say what
/// is unmerged or another repository.
#[test]
fn indices_that_only_git_reads() {
    for forms in
        [&["update-index", "--split-index"][..], &["sparse-checkout", "set", "--cone", "--sparse-index", "sub"]]
    {
        let bench = Bench::mixed();
        bench.repo.write("far/f", b"f");
        bench.repo.git(&["add", "-A"]);
        bench.repo.git(&["commit", "-qm", "far"]);
        bench.repo.git(forms);
        bench.repo.git(&["config", "user.name", "Jo"]);
        bench.repo.git(&["config", "user.email", "jo@example.org"]);
        let applier = bench.open();
        let edit = mixed("e1");
        let paths: Vec<RepoPath> = edit.files.iter().map(|file| file.path.clone()).collect();
        applier.check_commit(&paths, None, &Cancel::new()).unwrap();
        apply(&applier, &edit).unwrap();
        let options = crate::CommitOptions { message: "m".into(), branch: None };
        // New files outside of a sparse checkout are not for git to add.
        if forms[0] == "update-index" {
            applier.commit("e1", &options, &Cancel::new()).unwrap();
            assert_eq!(bench.repo.git(&["show", "HEAD:new/deep/b.txt"]), "fresh\n");
            assert_eq!(bench.repo.git(&["status", "--porcelain"]), "");
        } else {
            applier.commit("e1", &options, &Cancel::new()).unwrap_err();
        }
        applier.undo(None, NOW, &Cancel::new()).unwrap();

        bench.repo.git(&["init", "-q", "sub/other"]);
        git(&bench.repo.join("sub/other"), &["commit", "-q", "--allow-empty", "-m", "x"]);
        bench.repo.git(&["add", "-f", "sub/other"]);
        std::fs::remove_dir_all(bench.repo.join("sub/other/.git")).unwrap();
        let inside = apply(&applier, &set("e2", vec![change("sub/other/f", None, Some("x"))])).unwrap_err();
        assert!(matches!(inside, ApplyError::Refused(Refusal::Submodule(_))), "{inside}");
    }
}

/// Protects users of repositories that we cannot write to: a clear error, and nothing touched.
#[test]
fn what_we_cannot_use_is_said() {
    let place = tempfile::tempdir().unwrap();
    git(place.path(), &["init", "-q", "--object-format=sha256", "."]);
    let error = Workspace::open(place.path()).err().unwrap();
    assert!(error.to_string().contains("sha256") && error.hint().unwrap().contains("SHA-1"), "{error}");

    let reftable = place.path().join("reftable");
    git(place.path(), &["init", "-q", "--ref-format=reftable", "reftable"]);
    let error = Workspace::open(&reftable).err().unwrap();
    assert!(error.to_string().contains("refstorage") && error.hint().unwrap().contains("ref-format"), "{error}");

    let bench = Bench::mixed();
    let applier = bench.open();
    let before = bench.snapshot();
    std::fs::remove_dir_all(bench.repo.join(".git/deepcoder")).ok();
    // Whatever rights we have, a folder cannot be made below a file.
    std::fs::write(bench.repo.join(".git/deepcoder"), "a file").unwrap();
    let error = apply(&applier, &mixed("e1")).unwrap_err();
    assert!(error.to_string().contains(".git/deepcoder/lock"), "{error}");
    assert_eq!(bench.snapshot(), before);
}

/// Protects against repositories from strangers (S1): no folder of git that is a link leads a write of ours elsewhere.
#[test]
fn links_inside_git_lead_nowhere() {
    let links = ["deepcoder", "deepcoder/lock", "deepcoder/displaced", "refs/deepcoder", "refs/deepcoder/undo"];
    for link in links.into_iter().chain(["deepcoder/kept"]) {
        let bench = Bench::mixed();
        // So that images are kept beside git's objects as well.
        bench.repo.write(".git/info/attributes", b"a.txt filter=crypt\n");
        let outside = tempfile::tempdir().unwrap();
        let path = bench.repo.join(".git").join(link);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(outside.path(), &path).unwrap();
        let before = bench.snapshot();
        let applier = bench.open();
        // The displaced files come last, when the edit is in the tree; they stay beside it then.
        if apply(&applier, &mixed("e1")).is_err() {
            assert_eq!(bench.snapshot(), before, "{link}");
        } else {
            assert_eq!(link, "deepcoder/displaced");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0, "{link} leads out");
    }
}

/// The same for the folders that git itself would follow a link to.
#[test]
fn moved_folders_of_git_are_not_written_to() {
    for link in ["objects", "objects/pack", "refs"] {
        let bench = Bench::mixed();
        let outside = tempfile::tempdir().unwrap();
        let path = bench.repo.join(".git").join(link);
        std::fs::rename(&path, outside.path().join("moved")).unwrap();
        symlink(outside.path().join("moved"), &path).unwrap();
        let names = || {
            let mut all = BTreeMap::new();
            walk(outside.path(), "", &mut all);
            all
        };
        let (before, there) = (bench.snapshot(), names());
        let error = apply(&bench.open(), &mixed("e1")).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("link")), "{link}: {error}");
        assert!(bench.snapshot() == before && names() == there, "{link} leads out");
    }
}

/// The same when what was written is forgotten: a folder of refs that has become a link is not deleted from, and nothing is
/// made in it on the way.
#[test]
fn refs_are_not_deleted_through_a_link() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let (path, moved) = (bench.repo.join(".git/refs/deepcoder"), outside.path().join("moved"));
    std::fs::rename(&path, &moved).unwrap();
    symlink(&moved, &path).unwrap();
    let made = || std::fs::metadata(moved.join("undo")).unwrap().modified().unwrap();
    let before = made();
    assert!(applier.prune(u64::MAX, 0).is_err());
    assert_eq!(made(), before, "something was made or deleted there");
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&moved, &path).unwrap();
    // Refs that git has packed go as well.
    bench.repo.git(&["pack-refs", "--all"]);
    assert_eq!(applier.prune(u64::MAX, 0).unwrap().sets, 1);
    assert_eq!(bench.repo.git(&["for-each-ref", "refs/deepcoder"]), "");
}

/// Protects against repositories from strangers whose refs describe sets of their own making: names that lead elsewhere
/// are not followed, be it to move or to remove.
#[test]
fn refs_cannot_name_files_elsewhere() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    let commit = applier.log(1).unwrap().remove(0).commit;
    let message = bench.repo.git(&["log", "-1", "--format=%B", &commit]);
    let ulid = bench.repo.git(&["for-each-ref", "--format=%(refname:lstrip=3)", "refs/deepcoder/undo"]);
    let ulid = ulid.trim();
    drop(applier);
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    let up = format!("../../../../../../../../../..{}", victim.display());
    let hostile = [
        (format!(".deepcoder-{ulid}-0.tmp"), up.clone()),
        (format!(".deepcoder-{ulid}-0.old"), up),
        ("\"made_dirs\":[\"new\"".into(), format!("\"made_dirs\":[\"../{}\"", "new")),
        (format!("\"ulid\":\"{ulid}\""), "\"ulid\":\"../../../../x\"".into()),
    ];
    for (from, to) in hostile {
        assert!(message.contains(&from), "{from}: {message}");
        std::fs::write(&victim, "precious").unwrap();
        let forged =
            bench.repo.git(&["commit-tree", "-m", &message.replace(&from, &to), &format!("{commit}^{{tree}}")]);
        bench.repo.git(&["update-ref", &format!("refs/deepcoder/undo/{ulid}"), forged.trim()]);
        let state = tempfile::tempdir().unwrap();
        let applier = Applier::open(&Workspace::open(bench.repo.path()).unwrap(), state.path()).unwrap();
        assert_eq!(applier.recovered().rebuilt, 0, "{to} was taken for ours");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }
}

/// Protects a set whose row a power cut took: the ref, which was durable before, brings it to an end.
#[test]
fn a_lost_row_is_found_by_its_ref() {
    struct Dies;
    impl Steps for Dies {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            if step == "staged" { std::process::abort() } else { Ok(()) }
        }
    }
    const CHILD: &str = "DEEPCODER_TEST_LOST_ROW";
    if let Ok(place) = std::env::var(CHILD) {
        let (repo, state) = place.split_once('|').unwrap();
        let options = ApplierOptions { steps: Box::new(Dies), ..ApplierOptions::default() };
        let applier =
            Applier::open_with(&Workspace::open(Path::new(repo)).unwrap(), Path::new(state), options).unwrap();
        apply(&applier, &mixed("e2")).unwrap();
        return;
    }
    let bench = Bench::mixed();
    let before = bench.snapshot();
    // The history knows the tree, and not the set.
    drop(bench.open());
    let history = std::fs::read(bench.state.path().join("history.db")).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["tests::repos::a_lost_row_is_found_by_its_ref", "--exact"])
        .env(CHILD, format!("{}|{}", bench.repo.path().display(), bench.state.path().display()))
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    for name in ["history.db-wal", "history.db-shm"] {
        let _ = std::fs::remove_file(bench.state.path().join(name));
    }
    std::fs::write(bench.state.path().join("history.db"), history).unwrap();
    assert_ne!(bench.snapshot(), before, "nothing was staged");
    let applier = bench.open();
    assert_eq!(applier.recovered().rebuilt, 1);
    // All was staged and nothing of the old has changed, so that it is completed.
    assert_eq!(applier.recovered().completed, ["e2"]);
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), before);
}

/// Protects two state folders that serve one repository: each takes up what the other did, and forgets nothing of it.
#[test]
fn histories_share_what_git_keeps() {
    let bench = Bench::mixed();
    let other = tempfile::tempdir().unwrap();
    let second = || Applier::open(&Workspace::open(bench.repo.path()).unwrap(), other.path()).unwrap();
    drop(second());
    let first = bench.open();
    apply(&first, &mixed("e1")).unwrap();
    let second = second();
    assert_eq!((second.recovered().rebuilt, second.log(9).unwrap().len()), (1, 1));
    second.undo(Some("e1"), NOW, &Cancel::new()).unwrap();
    let first = bench.open();
    assert_eq!(first.log(9).unwrap().iter().filter(|e| e.state == crate::LogState::Undone).count(), 1);
}

/// Protects programs that lend rights: they are refused, and no edit can make one.
#[test]
fn setuid_files_are_refused() {
    let bench = Bench::mixed();
    std::fs::set_permissions(bench.repo.join("e"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let applier = bench.open();
    let refused = |change| match apply(&applier, &set("e", vec![change])) {
        Err(ApplyError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(change("e", Some("e"), Some("x"))), Refusal::Privileged(_)));
    let mut lends = change("n", None, Some("x"));
    lends.new.as_mut().unwrap().mode = Some(0o2755);
    assert!(matches!(refused(lends), Refusal::Privileged(_)));
}

/// Protects files that are not plain text with one kind of line end: marks, encodings, endings and emptiness are bytes.
#[test]
fn bytes_are_bytes() {
    let odd: [&[u8]; 6] = [b"", b"\xef\xbb\xbfbom\r\nmixed\nno end", b"\xff\xfeu\0\r\0", b"a\rb\r", b"\n", b"\0"];
    let names = ["0", "1", "2", "3", "4", "5"];
    let files: Vec<_> = names.into_iter().zip(odd).collect();
    let bench = Bench::new(&files);
    let before = bench.snapshot();
    let applier = bench.open();
    let image = |bytes: &[u8]| Some(FileImage { bytes: bytes.to_vec(), mode: None });
    let change = |n: usize| FileChange {
        path: RepoPath::new(names[n]).unwrap(),
        old: image(odd[n]),
        new: image(odd[(n + 1) % odd.len()]),
    };
    apply(&applier, &set("e1", (0..odd.len()).map(change).collect())).unwrap();
    for (n, name) in names.into_iter().enumerate() {
        assert_eq!(bench.repo.read(name), odd[(n + 1) % odd.len()]);
    }
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), before);
}

/// Protects the error for a history that cannot be opened from naming anything else.
#[test]
fn a_state_folder_that_is_a_file() {
    let bench = Bench::mixed();
    let file = bench.state.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Applier::open(&Workspace::open(bench.repo.path()).unwrap(), &file).err().unwrap();
    assert!(matches!(error, OpenError::History(_)) && error.to_string().contains("file"), "{error}");
}
