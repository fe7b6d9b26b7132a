use crate::{GitTree, GitTreeError, MAX_FILE, Memory, Overlay, ReadError, Tree, Visibility, Workspace};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{ContentHash, EditSet, FileChange, FileImage, Hint as _, RepoPath};
use std::sync::Arc;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

fn names(tree: &dyn Tree) -> Vec<String> {
    tree.files().expect("lists").into_iter().map(String::from).collect()
}

fn memory(files: &[(&str, &[u8])]) -> Memory {
    files.iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect()
}

fn text(tree: &dyn Tree, name: &str) -> Option<String> {
    tree.read_text(&path(name)).ok().map(|file| file.text)
}

/// Everything that a tree says about its files, and about some that it does not have.
fn answers(tree: &dyn Tree, known: &[&str]) -> Vec<String> {
    let asked = known.iter().copied().chain([
        "absent.py",
        "src/mian.py",
        "src",
        "sr",
        "src/main.py/x",
        "absent.tmp",
        "private/absent.txt",
        "id_rsa",
    ]);
    let mut out = names(tree);
    for name in asked {
        let path = path(name);
        let read = tree.read_text(&path).map(|file| (file.text, file.hash)).map_err(|error| error.to_string());
        let hint = tree.read(&path).err().and_then(|error| error.hint());
        let (seen, there) = (tree.visibility(&path), tree.exists(&path));
        let image = tree.image(&path).map(|image| image.map(|image| image.bytes)).map_err(|error| error.to_string());
        out.push(format!("{name}: {seen:?} {there} {read:?} {hint:?} {image:?}"));
    }
    out
}

/// Protects readers from differences between the places that files are kept in: the same files give the same answers on the
/// disk, in memory, as changes on top of others, in a commit and in an index, rules and errors included.
#[test]
fn every_tree_gives_the_same_answers() {
    let files: &[(&str, &[u8])] = &[
        (".aiignore", b"private/\n*.gen.py\n"),
        (".gitignore", b"*.tmp\n"),
        ("src/.deepcoderignore", b"mine.txt\n"),
        ("a-b.txt", b"sorts before a/"),
        ("a/b.txt", b"x"),
        ("binary.bin", b"ab\0c"),
        ("conf/.env", b"KEY=1\n"),
        ("crlf.txt", b"\xEF\xBB\xBFa\r\nb"),
        ("empty.txt", b""),
        ("latin.txt", b"ok\ncaf\xE9\n"),
        ("private/p.txt", b"x"),
        ("src/main.py", b"x = 1\n"),
        ("src/made.gen.py", b"x"),
        ("src/mine.txt", b"x"),
        ("tracked.tmp", b"ignored, and tracked"),
        ("wide.txt", b"\xFF\xFEa\0"),
    ];
    let known: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let repo = TestRepo::new(files);
    repo.git(&["add", "-f", "tracked.tmp"]);
    repo.git(&["commit", "-q", "-m", "all"]);
    let disk = Workspace::open(repo.path()).expect("opens");
    let wanted = answers(&disk, &known);
    for hidden in ["private/p.txt", "src/made.gen.py", "src/mine.txt", "conf/.env"] {
        assert!(!wanted.contains(&hidden.to_owned()) && disk.visibility(&path(hidden)) != Visibility::Visible);
    }
    assert!(wanted.contains(&"tracked.tmp".to_owned()));

    // The rules are below, and everything else was something else there.
    let rules = files.iter().filter(|(name, _)| name.ends_with("ignore")).copied();
    let base: Vec<(&str, &[u8])> = rules.chain([("src/main.py", b"old".as_slice()), ("gone.py", b"old")]).collect();
    let mut overlay = Overlay::new(memory(&base));
    overlay.remove(&path("gone.py")).expect("removes");
    for (name, bytes) in files {
        overlay.write(&path(name), *bytes).expect("writes");
    }
    let commit = GitTree::commit(&disk, "HEAD").expect("a commit");
    let index = GitTree::index(&disk, None).expect("an index");
    let trees: [(&str, &dyn Tree); 6] = [
        ("memory", &memory(files)),
        ("overlay", &overlay),
        ("unchanged overlay", &Overlay::new(&disk)),
        ("commit", &commit),
        ("index", &index),
        ("shared", &Arc::new(disk.clone())),
    ];
    for (kind, tree) in trees {
        let found = answers(tree, &known);
        // A file that is tracked on the disk and not in the overlay's base is new to git.
        let skip = |line: &String| kind == "overlay" && line.starts_with("tracked.tmp");
        let cut = |lines: &[String]| lines.iter().filter(|line| !skip(line)).cloned().collect::<Vec<_>>();
        assert_eq!(cut(&found), cut(&wanted), "{kind}");
    }
    let hashes = [(path("a/b.txt"), ContentHash::of(b"x"))];
    assert_eq!(commit.snapshot_id(&hashes), disk.snapshot_id(&hashes));
}

/// Protects the limits of readers: no tree gives out a file that is larger than the largest one on the disk.
#[test]
fn no_tree_gives_out_a_file_that_is_too_large() {
    let large = vec![b'x'; usize::try_from(MAX_FILE).expect("fits") + 1];
    let repo = TestRepo::new(&[("large.txt", &large)]);
    let disk = Workspace::open(repo.path()).expect("opens");
    let mut overlay = Overlay::new(Memory::default());
    overlay.write(&path("large.txt"), large.clone()).expect("writes");
    let commit = GitTree::commit(&disk, "HEAD").expect("a commit");
    let trees: [&dyn Tree; 4] = [&disk, &memory(&[("large.txt", &large)]), &overlay, &commit];
    for tree in trees {
        let read = tree.read(&path("large.txt"));
        assert!(matches!(read, Err(ReadError::TooLarge { size, .. }) if size == MAX_FILE + 1), "{read:?}");
    }
}

/// Protects against links in git's objects: as on the disk none is followed, and a submodule is a folder.
#[test]
fn links_and_submodules_in_git_are_not_followed() {
    let repo = TestRepo::new(&[("dir/file.txt", b"inside"), ("tool.sh", b"#!/bin/sh\n")]);
    std::os::unix::fs::symlink("dir", repo.join("link")).expect("link");
    let id = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["add", "-A"]);
    repo.git(&["update-index", "--chmod=+x", "tool.sh"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},module", id.trim())]);
    repo.git(&["commit", "-q", "-m", "link and module"]);
    let disk = Workspace::open(repo.path()).expect("opens");
    for tree in [GitTree::commit(&disk, "main").expect("a commit"), GitTree::index(&disk, None).expect("an index")] {
        assert_eq!(names(&tree), ["dir/file.txt", "tool.sh"]);
        for name in ["link", "link/file.txt"] {
            let read = tree.read(&path(name));
            assert!(matches!(&read, Err(ReadError::Symlink { link, .. }) if link == "link"), "{read:?}");
            assert!(!tree.exists(&path(name)));
        }
        assert!(matches!(tree.read(&path("module")), Err(ReadError::Directory(_))));
        assert_eq!(tree.read(&path("tool.sh")).expect("reads").mode, Some(0o755));
    }
    let error = GitTree::commit(&disk, "absent").err().expect("no commit");
    assert!(matches!(error, GitTreeError::NoCommit(_)) && error.hint().is_some());
}

/// Protects what git keeps from what the work tree has: a commit and an index show their own bytes, hide what the user
/// hides today, and of a file in a conflict show none.
#[test]
fn commits_and_indexes_show_their_own_bytes() {
    let repo = TestRepo::new(&[("a.py", b"committed\n"), ("b.py", b"x\n"), ("c.py", b"base\n")]);
    repo.write("a.py", b"staged\n");
    repo.git(&["add", "a.py"]);
    repo.write("a.py", b"on the disk\n");
    let blob = |text: &str| {
        repo.write("blob", text.as_bytes());
        repo.git(&["hash-object", "-w", "blob"]).trim().to_owned()
    };
    let sides = [blob("ours\n"), blob("theirs\n")];
    repo.write(
        "sides",
        format!("0 {0} 0\tc.py\n100644 {1} 2\tc.py\n100644 {2} 3\tc.py\n", "0".repeat(40), sides[0], sides[1])
            .as_bytes(),
    );
    let input = std::fs::File::open(repo.join("sides")).expect("opens");
    let git = std::process::Command::new("git")
        .current_dir(repo.path())
        .args(["update-index", "--index-info"])
        .stdin(input)
        .status();
    assert!(git.expect("git runs").success());
    repo.write(".aiignore", b"b.py\n");
    let disk = Workspace::open(repo.path()).expect("opens");
    let (commit, index) =
        (GitTree::commit(&disk, "HEAD").expect("a commit"), GitTree::index(&disk, None).expect("an index"));
    assert_eq!(text(&commit, "a.py").as_deref(), Some("committed\n"));
    assert_eq!(text(&index, "a.py").as_deref(), Some("staged\n"));
    assert_eq!((text(&commit, "c.py").as_deref(), text(&index, "c.py")), (Some("base\n"), None));
    assert_eq!((names(&commit), names(&index)), (vec!["a.py".into(), "c.py".into()], vec!["a.py".to_owned()]));
    // A commit that is being made may have an index of its own.
    repo.write("other", &repo.read(".git/index"));
    repo.git(&["reset", "-q"]);
    let other = GitTree::index(&disk, Some(&repo.join("other"))).expect("an index");
    assert_eq!(text(&other, "a.py").as_deref(), Some("staged\n"));
}

/// Protects what is below an overlay: files that are changed, added and removed are so here and nowhere else, links are not
/// written through, and no ignore file in it shows what is hidden below.
#[test]
fn an_overlay_changes_nothing_below() {
    let repo =
        TestRepo::new(&[("a.py", b"a\n"), ("b.py", b"b\n"), (".aiignore", b"hidden.py\n"), ("hidden.py", b"h\n")]);
    std::os::unix::fs::symlink("a.py", repo.join("link.py")).expect("link");
    let disk = Workspace::open(repo.path()).expect("opens");
    let mut overlay = Overlay::new(&disk);
    assert!(overlay.is_empty());
    overlay.write(&path("a.py"), "changed\n").expect("writes");
    overlay.write(&path("new/c.py"), "new\n").expect("writes");
    overlay.write(&path(".aiignore"), "").expect("writes");
    overlay.remove(&path("b.py")).expect("removes");
    assert!(matches!(overlay.write(&path("link.py"), "x"), Err(ReadError::Symlink { .. })));
    assert_eq!(names(&overlay), [".aiignore", "a.py", "new/c.py"]);
    assert_eq!(text(&overlay, "a.py").as_deref(), Some("changed\n"));
    assert!(matches!(overlay.read(&path("b.py")), Err(ReadError::Missing { .. })) && !overlay.exists(&path("b.py")));
    assert_eq!(overlay.image(&path("b.py")).expect("reads"), None);
    assert_eq!(overlay.visibility(&path("hidden.py")), Visibility::Ignored);
    assert_eq!(overlay.read(&path("a.py")).expect("reads").mode, disk.read(&path("a.py")).expect("reads").mode);
    assert_eq!(names(&disk), [".aiignore", "a.py", "b.py"]);
    // On top of each other.
    let mut upper = Overlay::new(&overlay);
    upper.write(&path("b.py"), "again\n").expect("writes");
    upper.remove(&path("new/c.py")).expect("removes");
    assert_eq!(names(&upper), [".aiignore", "a.py", "b.py"]);
}

/// Protects the user's bytes where a set was made on an overlay: rebased, it starts from the files of the base as they were
/// when the overlay was made, has the overlay's changes, and leaves out a file that ends as it began.
#[test]
fn a_set_made_on_an_overlay_is_rebased_onto_its_base() {
    let base = memory(&[("a.py", b"# AI!\na\n"), ("b.py", b"b\n"), ("c.py", b"c\n"), ("d.py", b"# AI!\nd\n")]);
    let image = |text: &str| Some(FileImage { bytes: text.as_bytes().to_vec(), mode: None });
    let change = |name: &str, old, new| FileChange { path: path(name), old, new };
    let mut overlay = Overlay::new(&base);
    overlay.write(&path("a.py"), "a\n").expect("writes");
    overlay.write(&path("d.py"), "d\n").expect("writes");
    overlay.remove(&path("c.py")).expect("removes");
    let files = vec![
        change("a.py", image("a\n"), image("A\n")),
        change("b.py", image("b\n"), image("B\n")),
        change("d.py", image("d\n"), image("# AI!\nd\n")),
    ];
    let mut set = EditSet { id: "x".into(), title: "x".into(), files };
    overlay.rebase(&mut set);
    let wanted = [
        change("a.py", image("# AI!\na\n"), image("A\n")),
        change("b.py", image("b\n"), image("B\n")),
        change("c.py", image("c\n"), None),
    ];
    assert_eq!(set.files, wanted);
    // The same set, as changes on top.
    let mut result = Overlay::new(&base);
    result.apply(&set);
    assert_eq!(names(&result), ["a.py", "b.py", "d.py"]);
    assert_eq!(text(&result, "a.py").as_deref(), Some("A\n"));
    let mut again = EditSet { files: Vec::new(), ..set.clone() };
    result.rebase(&mut again);
    assert_eq!(again, set);
}
