#![expect(clippy::disallowed_methods, reason = "these files are in temporary folders of the tests")]

use crate::{OpenError, ReadError, ResolveError, Tree as _, Visibility, Workspace, beneath};
use deepcoder_test_support::{TestRepo, skip};
use deepcoder_types::{ContentHash, Hint as _, RepoPath};
use rustix::fd::AsFd as _;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::os::unix::fs::symlink;
use std::path::Path;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

fn open(repo: &TestRepo) -> Workspace {
    Workspace::open(repo.path()).expect("opens")
}

fn names(files: &[RepoPath]) -> Vec<&str> {
    files.iter().map(RepoPath::as_str).collect()
}

/// Protects discovery: a subfolder finds its root; no repository, a bare one and a false `core.worktree` are told apart.
#[test]
fn opening_finds_the_root_or_says_why_not() {
    let repo = TestRepo::new(&[("a/b/c.txt", b"x")]);
    let root = std::fs::canonicalize(repo.path()).expect("root");
    assert_eq!(Workspace::open(&repo.join("a/b")).expect("opens").root(), root);
    assert_eq!(Workspace::open(&repo.join("a/b/c.txt")).expect("opens").root(), root);

    let empty = tempfile::tempdir().expect("folder");
    let error = Workspace::open(empty.path()).expect_err("no repository");
    assert!(matches!(error, OpenError::NotARepository(_)) && error.hint().is_some());

    repo.git(&["init", "-q", "--bare", "bare.git"]);
    assert!(matches!(Workspace::open(&repo.join("bare.git")), Err(OpenError::Bare(_))));
    assert!(matches!(Workspace::open(&repo.join("absent")), Err(OpenError::Start { .. })));

    let elsewhere = empty.path().to_str().expect("UTF-8");
    repo.git(&["config", "core.worktree", elsewhere]);
    assert!(matches!(Workspace::open(repo.path()), Err(OpenError::ForeignWorkTree { .. })));
}

/// Protects linked work trees and submodules, whose `.git` is a file: they open as themselves, with the exclude file of
/// the main repository, and the outer tree does not list them.
#[test]
fn linked_work_trees_and_submodules_are_their_own() {
    let repo = TestRepo::new(&[("a.txt", b"x"), ("hidden.log", b"x")]);
    repo.git(&["rm", "-q", "--cached", "hidden.log"]);
    repo.git(&["commit", "-q", "-m", "untrack"]);
    repo.git(&["worktree", "add", "-q", "linked"]);
    repo.write(".git/info/exclude", b"*.log\n");
    repo.write("linked/other.log", b"x");
    let linked = Workspace::open(&repo.join("linked")).expect("opens");
    assert!(linked.git_dir().ends_with(".git/worktrees/linked"));
    assert_eq!(names(&linked.files().expect("lists")), ["a.txt"]);
    let outer = open(&repo);
    assert_eq!(names(&outer.files().expect("lists")), ["a.txt"]);
    assert_eq!(outer.visibility(&path("linked/a.txt")), Visibility::Ignored);
    let typed = outer.resolve(outer.root(), "linked/a.txt");
    assert!(matches!(typed, Err(ResolveError::NestedRepository { .. })), "{typed:?}");
}

/// Protects ignore rules: nested files, negation, tracked files, `.aiignore`, `.deepcoderignore`, hidden files, links
/// and secrets; and that the listing and the answer for one path agree.
#[test]
fn listing_respects_every_rule_and_agrees_with_visibility() {
    let repo = TestRepo::new(&[
        (".gitignore", b"*.tmp\nbuild/\n/only_root.txt\n"),
        ("sub/.gitignore", "\u{feff}!keep.tmp\nlocal.txt\n".as_bytes()),
        (".aiignore", b"private/\n"),
        ("sub/.deepcoderignore", b"mine.txt\n"),
        ("src/main.rs", b""),
    ]);
    let all = [
        "a.tmp",
        "build/x.txt",
        "only_root.txt",
        "sub/only_root.txt",
        "sub/keep.tmp",
        "sub/drop.tmp",
        "sub/local.txt",
        "sub/deep/local.txt",
        "private/p.txt",
        "sub/mine.txt",
        "mine.txt",
        ".hidden",
        ".env",
        "conf/.env.local",
        ".env.example",
        "deploy/id_rsa",
        "deploy/id_rsa.pub",
        ".ssh/config",
        "src/credentials.rs",
        "cfg/credentials.json",
        "secrets.py",
        "build/tracked.txt",
    ];
    for file in all {
        repo.write(file, b"x");
    }
    repo.git(&["add", "-f", "build/tracked.txt"]);
    symlink("src/main.rs", repo.join("link.rs")).expect("link");
    symlink("src", repo.join("linked_dir")).expect("link");
    let workspace = open(&repo);
    let files = workspace.files().expect("lists");
    let expected = [
        ".aiignore",
        ".env.example",
        ".gitignore",
        ".hidden",
        "build/tracked.txt",
        "deploy/id_rsa.pub",
        "mine.txt",
        "src/credentials.rs",
        "src/main.rs",
        "sub/.deepcoderignore",
        "sub/.gitignore",
        "sub/keep.tmp",
        "sub/only_root.txt",
    ];
    assert_eq!(names(&files), expected);
    for file in all {
        let visible = workspace.visibility(&path(file)) == Visibility::Visible;
        assert_eq!(visible, expected.contains(&file), "{file}");
    }
    assert_eq!(workspace.visibility(&path("conf/.env.local")), Visibility::Secret);
}

/// Protects the bytes: what is read is what is there, and what cannot be read says why, with a place.
#[test]
fn reading_keeps_bytes_and_names_the_trouble() {
    let repo = TestRepo::new(&[
        ("crlf.txt", b"\xEF\xBB\xBFa\r\nb"),
        ("empty.txt", b""),
        ("binary.bin", b"ab\0c"),
        ("latin.txt", b"ok\ncaf\xE9\n"),
        ("wide.txt", b"\xFF\xFEa\0"),
        ("folder/main.py", b"x"),
    ]);
    let workspace = open(&repo);
    let text = |name: &str| workspace.read_text(&path(name));
    let crlf = text("crlf.txt").expect("text");
    assert_eq!(crlf.text, "\u{feff}a\r\nb");
    assert_eq!(crlf.hash, ContentHash::of(b"\xEF\xBB\xBFa\r\nb"));
    assert_eq!(text("empty.txt").expect("text").text, "");
    assert!(matches!(text("binary.bin"), Err(ReadError::Binary { offset: 2, .. })));
    assert!(matches!(text("latin.txt"), Err(ReadError::NotUtf8 { offset: 6, line: 2, .. })));
    assert!(matches!(text("wide.txt"), Err(ReadError::Utf16 { encoding: "UTF-16LE", .. })));
    assert!(matches!(text("folder"), Err(ReadError::Directory(_))));
    match text("folder/mian.py") {
        Err(ReadError::Missing { similar, .. }) => assert_eq!(similar, ["folder/main.py"]),
        other => panic!("{other:?}"),
    }
    let large = std::fs::File::create(repo.join("large.txt")).expect("file");
    large.set_len(crate::MAX_FILE + 1).expect("length");
    assert!(matches!(text("large.txt"), Err(ReadError::TooLarge { size, .. }) if size == crate::MAX_FILE + 1));
}

/// Protects rule 1 of the threat model: no link, at the end or on the way, and no FIFO is ever opened for its content,
/// with `openat2` and without it.
#[test]
fn links_and_fifos_are_refused_with_and_without_openat2() {
    let repo = TestRepo::new(&[("dir/file.txt", b"inside")]);
    let outside = tempfile::tempdir().expect("folder");
    std::fs::write(outside.path().join("secret"), "outside").expect("file");
    symlink(outside.path(), repo.join("out")).expect("link");
    symlink("dir/file.txt", repo.join("link.txt")).expect("link");
    let made = std::process::Command::new("mkfifo").arg(repo.join("fifo")).status().expect("mkfifo");
    assert!(made.success());
    let workspace = open(&repo);
    for (file, link) in [("out/secret", "out"), ("link.txt", "link.txt")] {
        match workspace.read(&path(file)) {
            Err(ReadError::Symlink { link: found, .. }) => assert_eq!(found, link),
            other => panic!("{file}: {other:?}"),
        }
        assert!(matches!(workspace.resolve(workspace.root(), file), Err(ResolveError::Symlink { .. })));
        assert!(!workspace.exists(&path(file)));
        for flags in [OFlags::RDONLY, OFlags::PATH] {
            let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let opened = beneath::open_step_by_step(workspace.inner.root_fd.as_fd(), file, flags);
            assert!(matches!(opened, Err(Errno::LOOP)), "{file} {opened:?}");
        }
    }
    assert!(matches!(workspace.read(&path("fifo")), Err(ReadError::NotRegular(_))));
    let plain = beneath::open_step_by_step(workspace.inner.root_fd.as_fd(), "dir/file.txt", OFlags::NOFOLLOW);
    assert!(plain.is_ok());
}

/// Protects what users type: relative to where they are, absolute, through a linked folder above the root, and never
/// outside or in git's folder.
#[test]
fn typed_paths_resolve_against_the_folder_they_are_typed_in() {
    let repo = TestRepo::new(&[("a/b.txt", b"x"), ("c.txt", b"x")]);
    let workspace = open(&repo);
    let base = workspace.root().join("a");
    let resolved = |typed: &str| workspace.resolve(&base, typed).map(String::from);
    assert_eq!(resolved("b.txt").expect("resolves"), "a/b.txt");
    assert_eq!(resolved("../c.txt").expect("resolves"), "c.txt");
    assert_eq!(resolved("new/file.txt").expect("need not exist"), "a/new/file.txt");
    let other = tempfile::tempdir().expect("folder");
    symlink(workspace.root(), other.path().join("alias")).expect("link");
    let aliased = other.path().join("alias/a/./b.txt");
    assert_eq!(resolved(aliased.to_str().expect("UTF-8")).expect("resolves"), "a/b.txt");
    for outside in ["../../etc", "/etc/passwd"] {
        assert!(matches!(resolved(outside), Err(ResolveError::Outside { .. })), "{outside}");
    }
    assert!(matches!(resolved("../.git/config"), Err(ResolveError::Path(_))));
    assert!(matches!(resolved(""), Err(ResolveError::Path(_))));
}

/// Protects target selection: folders and globs give visible files only, and what matches nothing is an error with the
/// likely name, not an edit of something else.
#[test]
fn folders_and_globs_expand_to_visible_files() {
    let repo = TestRepo::new(&[
        (".gitignore", b"*.log\n"),
        ("src/a.py", b""),
        ("src/deep/b.py", b""),
        ("src/[x].py", b""),
        ("top.py", b""),
    ]);
    repo.write("src/x.log", b"");
    repo.write("src/.env", b"");
    let workspace = open(&repo);
    let base = workspace.root().join("src");
    let expand = |typed: &[&str]| {
        let typed: Vec<_> = typed.iter().map(|t| (*t).to_owned()).collect();
        workspace.expand(&base, &typed).map(|files| names(&files).join(" "))
    };
    assert_eq!(expand(&["."]).expect("expands"), "src/[x].py src/a.py src/deep/b.py");
    assert_eq!(expand(&["*.py"]).expect("expands"), "src/[x].py src/a.py");
    assert_eq!(expand(&["**/b.py", "a.py", "./a.py"]).expect("expands"), "src/a.py src/deep/b.py");
    assert_eq!(expand(&["[x].py", "../*.py"]).expect("expands"), "src/[x].py top.py");
    assert_eq!(expand(&["../"]).expect("expands"), ".gitignore src/[x].py src/a.py src/deep/b.py top.py");
    assert!(matches!(expand(&["x.log"]), Err(ResolveError::Ignored(_))));
    assert!(matches!(expand(&[".env"]), Err(ResolveError::Secret(_))));
    let error = expand(&["a.py", "deep/c.py", "*.rs"]).expect_err("nothing");
    assert_eq!(error.to_string(), "no visible file matches any of `deep/c.py`, `*.rs`");
    assert_eq!(error.hint().as_deref(), Some("did you mean `src/deep/b.py` or `src/a.py`"));
}

/// Protects the snapshot's name: it follows HEAD and the bytes, not the order of the list.
#[test]
fn snapshots_follow_head_and_bytes() {
    let repo = TestRepo::new(&[("a", b"1"), ("b", b"2")]);
    let workspace = open(&repo);
    let a = (path("a"), ContentHash::of(b"1"));
    let b = (path("b"), ContentHash::of(b"2"));
    let first = workspace.snapshot_id(&[a.clone(), b.clone()]);
    assert_eq!(first, workspace.snapshot_id(&[b.clone(), a.clone()]));
    assert_ne!(first, workspace.snapshot_id(&[a.clone(), (path("b"), ContentHash::of(b"3"))]));
    repo.git(&["commit", "-q", "--allow-empty", "-m", "next"]);
    assert_ne!(first, workspace.snapshot_id(&[a, b]));
}

/// Protects users of repositories that belong to others: they open where git accepts them, in every way in which
/// `safe.directory` can be said, and nowhere else. Only root can own what is another's.
#[test]
fn git_decides_whose_repositories_are_trusted() {
    const CHILD: &str = "DEEPCODER_TEST_OWNER";
    if let Ok(place) = std::env::var(CHILD) {
        let (wanted, root) = place.split_once('|').expect("two parts");
        match Workspace::open(Path::new(root)) {
            Ok(_) => assert_eq!(wanted, "trusted"),
            Err(error) => {
                assert!(wanted == "refused" && matches!(error, OpenError::Owner(_)), "{error:?}");
                assert!(error.hint().is_some_and(|hint| hint.contains("safe.directory")));
            }
        }
        return;
    }
    if !rustix::process::geteuid().is_root() {
        skip!("root", "only root can own what is another's");
    }
    let (place, home) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let place = std::fs::canonicalize(place.path()).expect("real");
    let repo = TestRepo::new(&[("a.txt", b"x")]).copy_below(&place);
    let (root, link) = (repo.path().to_owned(), home.path().join("link"));
    std::os::unix::fs::symlink(&root, &link).expect("link");
    assert!(std::process::Command::new("chown").args(["-R", "1234"]).arg(&root).status().expect("chown").success());
    let try_with = |wanted: &str, at: &Path, vars: &[(&str, &str)]| {
        let mut child = std::process::Command::new(std::env::current_exe().expect("itself"));
        child.args(["tests::git_decides_whose_repositories_are_trusted", "--exact", "--nocapture"]);
        child.env_remove("SUDO_UID").env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        child.env(CHILD, format!("{wanted}|{}", at.display())).envs(vars.iter().copied());
        let output = child.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{wanted} {vars:?}: {}", String::from_utf8_lossy(&said));
    };
    try_with("refused", &root, &[]);
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    for value in [text(&root), format!("{}/", text(&root)), format!("{}/*", text(&place)), "*".into()] {
        let count = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", &value)];
        // A setting that this git does not understand need not be accepted.
        let git = std::process::Command::new("git").current_dir(&root).args(["rev-parse"]).envs(count).output();
        let accepted = git.expect("git").status.success();
        try_with(if accepted { "trusted" } else { "refused" }, &root, &count);
        try_with(if accepted { "trusted" } else { "refused" }, &link, &count);
    }
    let file = home.path().join("other.gitconfig");
    std::fs::write(&file, format!("[safe]\n\tdirectory = {}\n", text(&root))).expect("written");
    try_with("trusted", &root, &[("GIT_CONFIG_GLOBAL", file.to_str().expect("text"))]);
}

/// Protects what is to stay hidden from rules that nobody expects: deep braces end no process, and neither they nor
/// thousands of odd patterns in one file cost the other rules their effect, the last one first as ever.
#[test]
fn odd_rules_cost_no_other_rule_its_effect() {
    let many: String = (0..12_000).map(|n| format!("a*b{n}*c\n")).collect();
    let deep = format!("{}x{}", "{a,".repeat(5_000), "}".repeat(5_000));
    let repo = TestRepo::new(&[("a.py", b"x = 1\n")]);
    repo.write(".gitignore", format!("hidden.py\n!shown.py\n{deep}\n{many}kept/\n*.log\n!good.log\n").as_bytes());
    for path in ["hidden.py", "shown.py", "a1b7x2c", "ab11999c", "kept/x.py", "bad.log", "good.log"] {
        repo.write(path, b"x\n");
    }
    let start = std::time::Instant::now();
    let workspace = Workspace::open(repo.path()).expect("opened");
    let seen: Vec<String> = workspace.files().expect("listed").iter().map(ToString::to_string).collect();
    assert_eq!(seen, [".gitignore", "a.py", "good.log", "shown.py"]);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
