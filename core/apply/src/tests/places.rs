//! Repositories that move, that several people share, whose files are filtered, or whose parts are apart.

use super::*;
use crate::{LogState, UndoError};
use deepcoder_test_support::skip;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Another user and group than the one that tests run as.
const MEMBER: u32 = 1234;
const GROUP: u32 = 4321;

fn applier(root: &Path, state: &Path) -> Applier {
    Applier::open(&Workspace::open(root).unwrap(), state).unwrap()
}

/// Protects undo from `mv`: the history follows the repository, with what it knows of each edit, and a copy has its own.
#[test]
fn the_history_follows_a_repository_that_moves() {
    let (bench, place) = (Bench::mixed(), tempfile::tempdir().unwrap());
    let (one, two, three) = (place.path().join("r"), place.path().join("r2"), place.path().join("copy"));
    std::fs::rename(bench.repo.copy_below(place.path()).path(), &one).unwrap();
    let state = bench.state.path();
    let first = applier(&one, state);
    apply(&first, &mixed("e1")).unwrap();
    apply(&first, &set("e2", vec![change("e", Some("e"), Some("f"))])).unwrap();
    first.undo(Some("e2"), NOW, &Cancel::new()).unwrap();
    drop(first);
    std::fs::rename(&one, &two).unwrap();

    let moved = applier(&two, state);
    assert_eq!(moved.recovered().rebuilt, 0, "it was moved, not lost");
    let states: Vec<_> = moved.log(9).unwrap().into_iter().map(|entry| (entry.id, entry.state)).collect();
    assert!(states.contains(&("e1".into(), LogState::Applied)), "{states:?}");
    assert!(states.contains(&("e2".into(), LogState::Undone)), "{states:?}");
    drop(moved);

    // A copy is another repository: each can be undone, and neither takes the other's history.
    assert!(Command::new("cp").arg("-a").args([&two, &three]).status().unwrap().success());
    for root in [&three, &two] {
        applier(root, state).undo(Some("e1"), NOW, &Cancel::new()).unwrap();
        assert_eq!(std::fs::read(root.join("a.txt")).unwrap(), b"one\r\ntwo\n", "{}", root.display());
    }
    let none = applier(&two, state).undo(Some("e1"), NOW, &Cancel::new()).unwrap_err();
    assert!(matches!(none, UndoError::NotInEffect(_)), "{none}");
}

/// Protects what was interrupted: a repository that is moved before anybody has recovered it is brought to an end in its
/// new place.
#[test]
fn what_was_interrupted_is_recovered_in_another_place() {
    struct Fails;
    impl Steps for Fails {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            // From the first exchange on nothing can be written any more.
            let late = ["exchanged", "published", "reverted", "revert"].contains(&step);
            if late { Err(std::io::Error::from_raw_os_error(5)) } else { Ok(()) }
        }
    }
    let (bench, place) = (Bench::mixed(), tempfile::tempdir().unwrap());
    let (one, two) = (place.path().join("r"), place.path().join("r2"));
    std::fs::rename(bench.repo.copy_below(place.path()).path(), &one).unwrap();
    let options = ApplierOptions { steps: Box::new(Fails), ..ApplierOptions::default() };
    let applier = Applier::open_with(&Workspace::open(&one).unwrap(), bench.state.path(), options).unwrap();
    let error = apply(&applier, &mixed("e1")).unwrap_err();
    assert!(matches!(error, ApplyError::Interrupted { .. }), "{error}");
    drop(applier);
    std::fs::rename(&one, &two).unwrap();
    let moved = Applier::open(&Workspace::open(&two).unwrap(), bench.state.path()).unwrap();
    let recovered = moved.recovered();
    assert_eq!(recovered.completed.len() + recovered.reverted.len(), 1, "{recovered:?}");
    let text = std::fs::read(two.join("a.txt")).unwrap();
    assert_eq!(text == b"one\r\n2\n", recovered.completed == ["e1"]);
}

/// Everything below `path` that is ours or of our refs, with its mode and group.
fn modes(path: &Path, found: &mut Vec<(std::path::PathBuf, u32)>) {
    let Ok(meta) = path.symlink_metadata() else { return };
    found.push((path.to_owned(), meta.permissions().mode() & 0o7777));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        modes(&entry.path(), found);
    }
}

/// Protects groups that share a repository: what an edit makes inside git's folder has the permissions that git gives, so
/// that the next member can edit and git can tidy up, whatever the umask.
#[test]
fn a_shared_repository_stays_everybodys() {
    let bench = Bench::mixed();
    bench.repo.git(&["init", "-q", "--shared=group"]);
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    let mut found = Vec::new();
    for folder in ["deepcoder", "refs/deepcoder", "objects/pack"] {
        modes(&bench.repo.join(".git").join(folder), &mut found);
    }
    assert!(found.len() > 8, "{found:?}");
    for (path, mode) in &found {
        let displaced = path.parent().is_some_and(|parent| parent.ends_with("displaced"));
        let wanted = match path.is_dir() {
            true => 0o2070,
            // Git never writes to a pack again; a displaced file has the mode that it had in the tree.
            false if path.starts_with(bench.repo.join(".git/objects")) || displaced => 0o040,
            false => 0o060,
        };
        assert_eq!(mode & wanted, wanted, "{} has {mode:o}", path.display());
    }
}

/// The same, with two members: the second one edits, takes back what the first one did, and git tidies up. Only root can
/// be two users.
#[test]
fn the_second_member_edits_and_tidies_up() {
    const CHILD: &str = "DEEPCODER_TEST_MEMBER";
    if let Ok(root) = std::env::var(CHILD) {
        let state = tempfile::tempdir().unwrap();
        let applier = applier(Path::new(&root), state.path());
        apply(&applier, &set("e2", vec![change("e", Some("e"), Some("f"))])).unwrap();
        applier.undo(Some("e1"), NOW, &Cancel::new()).unwrap();
        return;
    }
    if !rustix::process::geteuid().is_root() {
        skip!("root", "only root can be two users");
    }
    let bench = Bench::mixed();
    bench.repo.git(&["init", "-q", "--shared=group"]);
    let chown = |args: &[&str]| {
        assert!(Command::new("chown").args(args).arg(bench.repo.path()).status().unwrap().success());
    };
    chown(&["-R", &format!("0:{GROUP}")]);
    let open = ["-R", "g+rwX"];
    assert!(Command::new("chmod").args(open).arg(bench.repo.path()).status().unwrap().success());
    assert!(
        Command::new("find")
            .arg(bench.repo.path())
            .args(["-type", "d", "-exec", "chmod", "g+s", "{}", "+"])
            .status()
            .unwrap()
            .success()
    );
    let edit = |id| set(id, vec![change("a.txt", Some("one\r\ntwo\n"), Some("one\r\n2\n"))]);
    apply(&bench.open(), &edit("e1")).unwrap();
    let member = |mut command: Command| {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        command.env("HOME", home.path()).env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory");
        command.env("GIT_CONFIG_VALUE_0", "*").env(CHILD, bench.repo.path()).uid(MEMBER).gid(GROUP);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
    };
    // The build may lie in a home folder, which only its owner enters.
    let open_to_all = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open_to_all.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = open_to_all.path().join("member");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut second = Command::new(program);
    second.current_dir(bench.repo.path()).args([
        "tests::places::the_second_member_edits_and_tidies_up",
        "--exact",
        "--nocapture",
    ]);
    member(second);
    assert_eq!(bench.repo.read("a.txt"), b"one\r\ntwo\n");
    let mut gc = Command::new("git");
    gc.current_dir(bench.repo.path()).args(["gc", "--quiet"]);
    member(gc);
    // And the first one again, with what the second one has made.
    let applier = bench.open();
    assert_eq!(applier.log(9).unwrap().len(), 3);
    apply(&applier, &edit("e3")).unwrap();
}

/// Every object that a ref of this repository names, as text.
fn published(bench: &Bench) -> String {
    let mirror = tempfile::tempdir().unwrap();
    bench.repo.git(&["init", "-q", "--bare", mirror.path().to_str().unwrap()]);
    bench.repo.git(&["push", "-q", "--mirror", mirror.path().to_str().unwrap()]);
    let git = |args: &[&str]| {
        let out = Command::new("git").current_dir(mirror.path()).args(args).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let all = git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"]);
    let plain = |line: &str| {
        line.split_once(' ').filter(|(_, kind)| *kind != "tree").map(|(id, kind)| git(&["cat-file", kind, id]))
    };
    all.lines().filter_map(plain).collect()
}

/// Protects what a clean filter keeps out of git (git-crypt): neither its text nor its hash is where `git push --mirror`
/// takes it from, and the edit can be undone all the same, also after the history is lost.
#[test]
fn filtered_files_are_kept_where_no_push_reaches() {
    let bench = Bench::new(&[("a.txt", b"plain old\n"), ("key.txt", b"")]);
    bench.repo.git(&["config", "filter.crypt.clean", "tr a-z n-za-m"]);
    bench.repo.git(&["config", "filter.crypt.smudge", "tr a-z n-za-m"]);
    bench.repo.write(".gitattributes", b"key* filter=crypt\n");
    bench.repo.write("key.txt", b"secret old\n");
    bench.repo.git(&["add", "-A"]);
    bench.repo.git(&["commit", "-qm", "key"]);
    let edit = || {
        let key = change("key.txt", Some("secret old\n"), Some("secret new\n"));
        set(
            "e1",
            vec![
                key,
                change("key2.txt", None, Some("secret new\n")),
                change("a.txt", Some("plain old\n"), Some("b\n")),
            ],
        )
    };
    let applier = bench.open();
    apply(&applier, &edit()).unwrap();
    let text = published(&bench);
    assert!(text.contains("plain old") && text.contains("frperg"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let hash = deepcoder_types::ContentHash::of(b"secret old\n").to_string();
    assert!(!text.contains(&hash), "its hash is published");
    // The message does not refer to git, which does not have the bytes.
    bench.repo.write("key.txt", b"changed\n");
    let error = applier.undo(None, NOW, &Cancel::new()).unwrap_err();
    assert!(deepcoder_types::Hint::hint(&error).is_some_and(|hint| !hint.contains("git show")), "{error}");
    bench.repo.write("key.txt", b"secret new\n");
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("key.txt"), b"secret old\n");
    assert!(!bench.repo.join("key2.txt").exists());
    apply(&applier, &edit()).unwrap();
    drop(applier);

    let fresh = tempfile::tempdir().unwrap();
    let applier = super::places::applier(bench.repo.path(), fresh.path());
    assert_eq!(applier.recovered().rebuilt, 3);
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("key.txt"), b"secret old\n");
    // Pruning removes these files too.
    applier.prune(u64::MAX, 0).unwrap();
    assert_eq!(std::fs::read_dir(bench.repo.join(".git/deepcoder/kept")).unwrap().count(), 0);
}

/// Protects managers of dotfiles: a repository whose folder and work tree are named apart is edited, committed to and
/// undone in, and its own folder is no file of it.
#[test]
fn a_repository_that_is_named_in_two_parts() {
    let (home, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, root) = (home.path().join(".dotfiles"), home.path());
    let git = |args: &[&str]| {
        let out = Command::new("git")
            .current_dir(root)
            .arg("--git-dir")
            .arg(&dir)
            .arg("--work-tree")
            .arg(root)
            .args(args)
            .output();
        let out = out.unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    assert!(Command::new("git").args(["init", "-q", "--bare"]).arg(&dir).status().unwrap().success());
    git(&["config", "user.name", "Jo"]);
    git(&["config", "user.email", "jo@example.org"]);
    std::fs::write(root.join("a.txt"), "one\n").unwrap();
    git(&["add", "a.txt"]);
    git(&["commit", "-qm", "start"]);
    assert!(Workspace::open(root).is_err(), "nothing there says that it is one");
    let workspace = Workspace::open_named(root, &dir, root).unwrap();
    let names: Vec<String> = workspace.files().unwrap().into_iter().map(String::from).collect();
    assert_eq!(names, ["a.txt"]);
    let applier = Applier::open(&workspace, state.path()).unwrap();
    let edit = set("e1", vec![change("a.txt", Some("one\n"), Some("two\n"))]);
    applier.check_commit(&[RepoPath::new("a.txt").unwrap()], None, &Cancel::new()).unwrap();
    apply(&applier, &edit).unwrap();
    let options = crate::CommitOptions { message: "m".into(), branch: None };
    applier.commit("e1", &options, &Cancel::new()).unwrap();
    assert_eq!(git(&["show", "HEAD:a.txt"]), "two\n");
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(std::fs::read(root.join("a.txt")).unwrap(), b"one\n");
    let hook = set("e2", vec![change(".dotfiles/hooks/post-commit", None, Some("#!/bin/sh\n"))]);
    let how = ApplyOptions { allow_protected: true, ..super::options() };
    let error = applier.apply(&hook, &how, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ApplyError::Refused(crate::Refusal::Protected { .. })), "{error}");
}

/// Protects users of containers: a file that something is mounted on is not called a failing disk.
#[test]
fn a_mount_point_is_named_as_one() {
    use deepcoder_types::Hint as _;
    let error = ApplyError::io("`a.txt`", rustix::io::Errno::BUSY);
    let hint = error.hint().unwrap();
    assert!(hint.contains("mounted") && !hint.contains("disk"), "{hint}");
}
