//! Searches on repositories in temporary folders.
#![expect(clippy::disallowed_methods, reason = "the folders are temporary ones of the test")]

use crate::{FEW, Found, Hit, Term, Words, parts_of, search, stem};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{Cancel, RepoPath};
use deepcoder_workspace::{Overlay, Workspace};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

fn quiet(_: usize, _: usize) {}

/// The files that have each of `words`.
fn with(tree: &dyn deepcoder_workspace::Tree, words: &[&str]) -> Vec<String> {
    let terms: Vec<Term> = words.iter().map(|word| Term::word(word)).collect();
    let found = search(tree, &terms, &quiet, &Cancel::new()).expect("searches");
    let all = |file: &&Found| !file.hits.is_empty() && file.hits.iter().all(|hit| *hit != Hit::default());
    found.iter().filter(all).map(|file| file.path.to_string()).collect()
}

/// A repository with more files than are read at each search, all older than a change can hide.
fn many(cache: &std::path::Path) -> (TestRepo, Workspace) {
    let repo = TestRepo::new(&[(".gitignore", b"hidden.py\n"), ("hidden.py", b"zebra = 1\n")]);
    for number in 0..FEW + 20 {
        repo.write(&format!("src/m{number}.py"), format!("def handle_{number}(x):\n    return zebra\n").as_bytes());
    }
    let key = format!("KEY = \"{}{}\"\nunicorn = 1\n", "AKIA", "Q7X2M4ZK5R3TVB6W");
    repo.write("src/token.py", key.as_bytes());
    age(&repo);
    let workspace = Workspace::open(repo.path()).expect("a repository").with_cache(cache);
    (repo, workspace)
}

/// Waits until the kernel's times tell the files' changes from later ones.
fn age(repo: &TestRepo) {
    let newest = |folder: &str| {
        let files = std::fs::read_dir(repo.path().join(folder)).expect("a folder");
        files.map(|file| file.expect("an entry").metadata().expect("there").ctime()).max().unwrap_or(0)
    };
    let newest = newest("src").max(newest(""));
    while rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec < newest + 4 {
        std::thread::yield_now();
    }
}

fn index_file(cache: &std::path::Path) -> PathBuf {
    let mut files = std::fs::read_dir(cache).expect("the folder").map(|entry| entry.expect("an entry").path());
    files.next().expect("an index")
}

/// Protects the ranking from the forms of words: what people write of a name leads to it.
#[test]
fn forms_of_a_word_are_one() {
    for (a, b) in [
        ("discounts", "Discount"),
        ("parsing", "parser"),
        ("validate", "validation"),
        ("entries", "entry"),
        ("formatting", "format"),
        ("cached", "caches"),
        ("classes", "class"),
        ("withdrawals", "withdraw"),
    ] {
        assert_eq!(Term::word(a), Term::word(b), "{a} {b}: {} {}", stem(a), stem(b));
    }
    for (a, b) in [("cart", "card"), ("index", "indent"), ("status", "stat"), ("port", "portal")] {
        assert_ne!(Term::word(a), Term::word(b), "{a} {b}");
    }
    assert_eq!(parts_of("applyDiscount_to2x").collect::<Vec<_>>(), ["apply", "Discount", "to2x"]);
    assert_eq!(parts_of("__").count(), 0);
}

/// Protects what the index is for: a file is found by its path, what it defines and its text, and each counts apart.
#[test]
fn a_file_is_found_by_path_definitions_and_text() {
    let repo = TestRepo::new(&[
        ("shop/cart.py", b"class Basket:\n    def add_item(self, item):\n        return discount(item)\n"),
        ("a.go", b"package a\n\nfunc (s *Shop) ApplyDiscount(n int) int {\n\treturn n\n}\n"),
    ]);
    let workspace = Workspace::open(repo.path()).expect("a repository");
    let terms = ["carts", "baskets", "item", "discounts", "apply"].map(Term::word);
    let found = search(&workspace, &terms, &quiet, &Cancel::new()).expect("searches");
    let hit = |text, defined, path| Hit { text, defined, path };
    assert_eq!(found[1].path.as_str(), "shop/cart.py");
    assert_eq!(found[1].hits, [hit(0, 0, 1), hit(1, 1, 0), hit(3, 1, 0), hit(1, 0, 0), hit(0, 0, 0)]);
    assert_eq!(found[0].hits[3..], [hit(1, 1, 0), hit(1, 1, 0)]);
    let name = search(&workspace, &[Term::name("ApplyDiscount"), Term::name("applyDiscount")], &quiet, &Cancel::new());
    assert_eq!(name.expect("searches")[0].hits, [hit(1, 1, 0), hit(0, 0, 0)]);
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(search(&workspace, &terms, &quiet, &cancel).is_err());
}

/// Protects the answer from what the index remembers: changed, new, deleted and overlaid files are as they are now.
#[test]
fn an_answer_is_of_the_files_as_they_are() {
    let cache = tempfile::tempdir().expect("a folder");
    let (repo, workspace) = many(cache.path());
    assert_eq!(with(&workspace, &["zebra"]).len(), FEW + 20);
    let written = index_file(cache.path());
    assert_eq!(std::fs::metadata(&written).expect("there").permissions().mode() & 0o777, 0o600);
    // From the index: nothing is read.
    assert_eq!(with(&workspace, &["zebra", "handle"]).len(), FEW + 20);
    repo.write("src/m3.py", b"def other():\n    return giraffe\n");
    repo.write("src/new.py", b"def handle(): return zebra\n");
    std::fs::remove_file(repo.path().join("src/m4.py")).expect("removed");
    let found = with(&workspace, &["zebra"]);
    assert_eq!(found.len(), FEW + 19);
    assert!(found.contains(&"src/new.py".to_owned()) && !found.contains(&"src/m3.py".to_owned()));
    assert_eq!(with(&workspace, &["giraffe"]), ["src/m3.py"]);
    let mut overlay = Overlay::new(workspace.clone());
    overlay.write(&RepoPath::new("src/m5.py").expect("a path"), "llama = 1\n").expect("written");
    assert_eq!(with(&overlay, &["llama"]), ["src/m5.py"]);
    assert_eq!(with(&workspace, &["llama"]), Vec::<String>::new());
    // Ignored files and texts with a secret are no part of it.
    assert!(!found.contains(&"hidden.py".to_owned()));
    assert_eq!(with(&workspace, &["unicorn"]), Vec::<String>::new());
    assert_eq!(with(&workspace, &["token"]), ["src/token.py"], "its path may be known");
}

/// Protects the time of a search: what is in the index is not read again.
#[test]
fn what_is_kept_is_not_read_again() {
    let cache = tempfile::tempdir().expect("a folder");
    let (_repo, workspace) = many(cache.path());
    let reads = AtomicUsize::new(0);
    let counting = Counting { inner: workspace, reads: &reads };
    let first = with(&counting, &["zebra"]);
    assert!(reads.swap(0, Ordering::Relaxed) >= FEW + 20);
    assert_eq!(with(&counting, &["zebra"]), first);
    assert_eq!(reads.load(Ordering::Relaxed), 0);
}

struct Counting<'c> {
    inner: Workspace,
    reads: &'c AtomicUsize,
}

impl deepcoder_workspace::Tree for Counting<'_> {
    fn read(&self, path: &RepoPath) -> Result<deepcoder_types::FileImage, deepcoder_workspace::ReadError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.read(path)
    }

    fn files(&self) -> Result<Vec<RepoPath>, deepcoder_workspace::ListError> {
        self.inner.files()
    }

    fn stamped_files(
        &self,
    ) -> Result<Vec<(RepoPath, Option<deepcoder_workspace::FileStamp>)>, deepcoder_workspace::ListError> {
        self.inner.stamped_files()
    }

    fn cache(&self) -> Option<(&std::path::Path, &std::path::Path)> {
        deepcoder_workspace::Tree::cache(&self.inner)
    }

    fn visibility(&self, path: &RepoPath) -> deepcoder_workspace::Visibility {
        self.inner.visibility(path)
    }

    fn revision(&self) -> String {
        String::new()
    }
}

/// Protects from a file that is not what was written: whatever is there, the answer is right, and nothing panics.
#[test]
fn a_damaged_index_is_a_miss() {
    let cache = tempfile::tempdir().expect("a folder");
    let (_repo, workspace) = many(cache.path());
    let right = with(&workspace, &["zebra", "handle"]);
    let file = index_file(cache.path());
    let whole = std::fs::read(&file).expect("read");
    let step = (whole.len() / 150).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        std::fs::write(&file, &bytes).expect("written");
        assert_eq!(with(&workspace, &["zebra", "handle"]), right, "byte {at}");
        std::fs::write(&file, &whole[..at]).expect("written");
        assert_eq!(with(&workspace, &["zebra", "handle"]), right, "cut at {at}");
    }
    // Another tree's index, under this one's name.
    let (_other, foreign) = many(cache.path());
    _ = with(&foreign, &["zebra"]);
    let files: Vec<PathBuf> =
        std::fs::read_dir(cache.path()).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    let other = files.iter().find(|path| **path != file).expect("two indexes");
    std::fs::copy(other, &file).expect("copied");
    assert_eq!(with(&workspace, &["zebra", "handle"]), right);
    // A folder that cannot be written costs the speed only.
    let nowhere = workspace.clone().with_cache("/dev/null/none");
    assert_eq!(with(&nowhere, &["zebra", "handle"]), right);
}

/// What a rename asks: the files with a word, from the index and from those that it does not know whole.
fn holding(tree: &dyn deepcoder_workspace::Tree, word: &str) -> Vec<String> {
    let words = Words::open(tree, tree.stamped_files().expect("lists").into(), &quiet, &Cancel::new()).expect("opens");
    let found = words.files_with(tree, word, &Cancel::new()).expect("searches");
    found.iter().map(ToString::to_string).collect()
}

/// Protects renames from files that they do not see: whatever the index leaves out of a file, its words are found, in a first
/// search, from the kept index and after changes, as a search through every text finds them.
#[test]
fn every_file_with_a_word_is_found() {
    let cache = tempfile::tempdir().expect("a folder");
    let (repo, workspace) = many(cache.path());
    let words: String = (0..5_000).map(|number| format!("w{number}x = 1\n")).collect();
    repo.write("src/long.py", format!("{words}walrus = 1\n").as_bytes());
    repo.write("src/large.py", format!("# {}\nwalrus = 1\n", "a b ".repeat(200_000)).as_bytes());
    repo.write("src/odd.js", b"let $walrus = 1; let walruses = 2; record = type; a-walrus;\n");
    repo.write("src/latin.py", b"walrus = '\xe9'\n");
    repo.write("src/latin.txt", b"walrus \xe9\n");
    repo.write("src/plain.txt", "the walrus; Größe walrus_2\n".as_bytes());
    let long = "z".repeat(80);
    repo.write("src/z.py", format!("{long} = _ = __ = 1\n").as_bytes());
    age(&repo);
    let with = |expected: &[&str]| {
        let mut all: Vec<String> = expected.iter().map(ToString::to_string).collect();
        all.push("src/latin.py".to_owned());
        all.sort();
        all
    };
    let walrus = with(&["src/large.py", "src/long.py", "src/odd.js", "src/plain.txt"]);
    for _ in 0..2 {
        assert_eq!(holding(&workspace, "walrus"), walrus);
        assert_eq!(holding(&workspace, "$walrus"), with(&["src/odd.js"]));
        assert_eq!(holding(&workspace, "a-walrus"), with(&["src/odd.js"]));
        assert_eq!(holding(&workspace, "Größe"), with(&["src/plain.txt"]));
        assert_eq!(holding(&workspace, "record"), with(&["src/odd.js"]));
        assert_eq!(holding(&workspace, &long), with(&["src/z.py"]));
        assert_eq!(holding(&workspace, "__"), with(&["src/z.py"]));
        assert_eq!(holding(&workspace, "walr"), with(&[]));
        // A text with a secret is never indexed, and its words are found all the same.
        assert_eq!(holding(&workspace, "unicorn"), with(&["src/token.py"]));
        assert_eq!(holding(&workspace, "zebra").len(), FEW + 21);
    }
    repo.write("src/m3.py", b"walrus = 1\n");
    std::fs::remove_file(repo.path().join("src/odd.js")).expect("removed");
    let now = with(&["src/large.py", "src/long.py", "src/m3.py", "src/plain.txt"]);
    assert_eq!(holding(&workspace, "walrus"), now);
    let mut overlay = Overlay::new(workspace.clone());
    overlay.write(&RepoPath::new("src/m5.py").expect("a path"), "walrus = 1\n").expect("written");
    assert_eq!(holding(&overlay, "walrus").len(), now.len() + 1);
}

/// Protects a rename from an index that is not what was written: the answer is right, and the index is made anew.
#[test]
fn words_do_not_rest_on_a_damaged_index() {
    let cache = tempfile::tempdir().expect("a folder");
    let (_repo, workspace) = many(cache.path());
    let right = holding(&workspace, "zebra");
    assert_eq!(right.len(), FEW + 20);
    let file = index_file(cache.path());
    let whole = std::fs::read(&file).expect("read");
    let step = (whole.len() / 60).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        std::fs::write(&file, &bytes).expect("written");
        assert_eq!(holding(&workspace, "zebra"), right, "byte {at}");
        std::fs::write(&file, &whole[..at]).expect("written");
        assert_eq!(holding(&workspace, "zebra"), right, "cut at {at}");
    }
    _ = holding(&workspace, "zebra");
    let reads = AtomicUsize::new(0);
    let counting = Counting { inner: workspace, reads: &reads };
    assert_eq!(holding(&counting, "zebra"), right);
    assert_eq!(reads.load(Ordering::Relaxed), 1, "the text with a secret alone is read again");
}
