//! Edits, diffs and proposals; the formats have their own tests.

use crate::{
    Adoption, EditError, MaterialiseError, adopt, apply_edits, edits_between, invert, materialise, unified_diff,
};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{
    Applicability, Change, ContentHash, EditSet, FileChange, FileEdit, FileImage, MovedFile, NewFile, Proposal,
    RepoPath, TextEdit, TextRange,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn edit(start: u32, end: u32, replacement: &str) -> TextEdit {
    TextEdit { range: TextRange::new(start, end), replacement: replacement.into() }
}

/// Protects every file: edits that do not fit the text are refused, each with its reason.
#[test]
fn edits_that_do_not_fit_are_refused() {
    let wrong = |edits: &[TextEdit]| apply_edits("aä\nb", edits).expect_err("refused");
    assert!(matches!(wrong(&[edit(0, 9, "")]), EditError::OutOfRange { end: 9, len: 5, .. }));
    assert!(matches!(wrong(&[edit(3, 1, "")]), EditError::OutOfRange { .. }));
    assert!(matches!(wrong(&[edit(2, 3, "")]), EditError::NotACharBoundary { offset: 2 }));
    assert!(matches!(wrong(&[edit(0, 3, ""), edit(1, 4, "")]), EditError::Overlap { first: 0, second: 1 }));
    assert!(matches!(wrong(&[edit(3, 4, ""), edit(0, 1, "")]), EditError::Unsorted { first: 3, second: 0 }));
    assert_eq!(apply_edits("ab", &[edit(1, 1, "x"), edit(1, 1, "y"), edit(1, 2, "")]).as_deref(), Ok("axy"));
}

/// Protects small diffs: a changed word is one edit of that word, and a changed block is one edit of whole lines.
#[test]
fn edits_are_as_small_as_they_read_well() {
    assert_eq!(edits_between("let total = count(a);\nx\n", "let total = sum(a);\nx\n"), [edit(12, 17, "sum")]);
    assert_eq!(edits_between("a\r\nb\r\n", "a\r\nc\r\nb\r\n"), [edit(3, 3, "c\r\n")]);
    assert_eq!(edits_between("one two\n", "return 3 * x\n"), [edit(0, 8, "return 3 * x\n")]);
    assert!(edits_between("same\n", "same\n").is_empty());
}

/// Protects response times: two large files with nothing in common, and one that is shuffled, are compared quickly.
#[test]
fn large_texts_are_compared_in_bounded_time() {
    let lines = |from: usize| (from..from + 40_000).map(|i| format!("line {i}\n")).collect::<String>();
    let (old, new) = (lines(0), lines(1_000_000));
    assert_eq!(edits_between(&old, &new).len(), 1);
    let shuffled: String = (0..40_000).map(|i| format!("line {}\n", i * 7_919 % 40_000)).collect();
    assert_eq!(apply_edits(&old, &edits_between(&old, &shuffled)).as_deref(), Ok(shuffled.as_str()));
}

fn text() -> impl Strategy<Value = String> {
    let piece =
        prop::sample::select(vec!["a", "b", "foo", " ", "  ", "\n", "\r\n", "é", "(", ")", "\u{feff}", "x = 1\n"]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Protects every edit: the differences give exactly the new text, and their inverse gives back the old one.
    #[test]
    fn differences_apply_and_invert(old in text(), new in text()) {
        let edits = edits_between(&old, &new);
        prop_assert_eq!(apply_edits(&old, &edits), Ok(new.clone()));
        let back = invert(&old, &edits).expect("valid edits");
        prop_assert_eq!(apply_edits(&new, &back), Ok(old));
    }

    /// Protects what nobody asked to change: a text that the model repeats with other line endings, without the byte
    /// order mark, without blanks at line ends, and without the last newline, comes out as it was.
    #[test]
    fn a_repeated_text_is_unchanged(old in text()) {
        let plain = old.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let lines: Vec<&str> = plain.trim_matches('\n').split('\n').map(str::trim_end).collect();
        let copied = lines.join("\n");
        if !copied.trim().is_empty() && old.matches('\u{feff}').count() == usize::from(old.starts_with('\u{feff}')) {
            prop_assert_eq!(adopt(&old, &copied, Adoption::default()), old);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Protects the diff that users see and store: git turns the old file into the new one with it, byte for byte.
    #[test]
    fn git_applies_random_diffs(old in text(), new in text()) {
        apply_with_git(&[("f.txt", Some((&old, 0o644)), Some((&new, 0o644)))]);
    }
}

/// Protects mixed files: new lines get the ending that most lines have, and the others keep theirs.
#[test]
fn new_lines_get_the_files_line_ending() {
    let old = "\u{feff}one\r\ntwo\nthree\r\n";
    assert_eq!(adopt(old, "one\ntwo\nnew\nthree", Adoption::default()), "\u{feff}one\r\ntwo\nnew\r\nthree\r\n");
    assert_eq!(adopt("a\nb", "a\nb\nc\n", Adoption::default()), "a\nb\nc");
    assert_eq!(adopt("a\nb", "b\n", Adoption::default()), "b");
    let exact = Adoption { trailing_space: false, blank_lines: false, outer_lines: false };
    assert_eq!(adopt("a  \n\n\nb", "a\n\nb\n", exact), "a\n\nb\n");
    assert_eq!(adopt("a  \n\n\nb", "a\n\nb\n", Adoption::default()), "a  \n\n\nb");
}

/// Protects the line ends of old systems and of conversions made twice: a model writes plain ones.
#[test]
fn odd_line_endings_are_kept() {
    let all = |text: &str, ending: &str| text.replace('\n', ending);
    for ending in ["\r", "\r\r\n", "\r\n", "\n"] {
        let adopted = adopt(&all("one\ntwo\nthree\n", ending), "one\nnew\nthree\nfour\n", Adoption::default());
        assert_eq!(adopted, all("one\nnew\nthree\nfour\n", ending), "{ending:?}");
        let unfinished = adopt(&all("one\ntwo", ending), "one\ntwo\nthree\n", Adoption::default());
        assert_eq!(unfinished, all("one\ntwo\nthree", ending), "{ending:?}");
    }
    assert_eq!(adopt("10%\r20%\nend\n", "10%\n20%\nEND\n", Adoption::default()), "10%\r20%\nEND\n");
}

/// Protects files that indent by tabs from models that write blanks, and the other way round; lines that did not change
/// keep their bytes.
#[test]
fn the_character_of_the_indentation_is_kept() {
    let adopted = |old: &str, new: &str| adopt(old, new, Adoption::default());
    let go = "func f() {\n\tif a {\n\t\tb()\n\t}\n}\n";
    assert_eq!(adopted(go, &go.replace('\t', "    ")), go);
    assert_eq!(adopted(go, &go.replace('\t', "  ").replace("b()", "c()")), go.replace("b()", "c()"));
    let more = "func f() {\n\tif a {\n        c()\n\t}\n    d()\n}\n";
    assert_eq!(adopted(go, more), "func f() {\n\tif a {\n\t\tc()\n\t}\n\td()\n}\n");
    let nested = "func f() {\n    if a {\n        for x {\n            b()\n        }\n    }\n}\n";
    assert_eq!(adopted(go, nested), "func f() {\n\tif a {\n\t\tfor x {\n\t\t\tb()\n\t\t}\n\t}\n}\n");
    let aligned = "\t/**\n\t * One.\n\t */\n\tint a;\n";
    assert_eq!(adopted(aligned, "    /**\n     * Two.\n     */\n    int a;\n"), aligned.replace("One", "Two"));
    let python = "def f():\n  if a:\n    b()\n";
    assert_eq!(adopted(python, "def f():\n\tif a:\n\t\tc()\n"), python.replace("b()", "c()"));
    assert_eq!(
        adopted("all:\n\tcc a.c\n", "all:\n\tcc a.c\n\nclean:\n    rm a\n"),
        "all:\n\tcc a.c\n\nclean:\n\trm a\n"
    );
    // The model knows of the tabs: its blanks mean something. And a file of both is left alone.
    let mixed = "var s = `\n  a: 1\n`\nfunc g() {\n\tc()\n}\n";
    assert_eq!(adopted(go, &format!("{go}{mixed}")), format!("{go}{mixed}"));
    let both = "a:\n\tb\n  c\n";
    assert_eq!(adopted(both, "a:\n\tb\n  c\n    d\n"), "a:\n\tb\n  c\n    d\n");
}

type Side<'a> = Option<(&'a str, u32)>;

fn set(files: &[(&str, Side<'_>, Side<'_>)]) -> EditSet {
    let image = |side: Side<'_>| side.map(|(t, mode)| FileImage { bytes: t.as_bytes().to_vec(), mode: Some(mode) });
    let change = |(path, old, new): &(&str, Side<'_>, Side<'_>)| FileChange {
        path: RepoPath::new(*path).expect("path"),
        old: image(*old),
        new: image(*new),
    };
    let mut files: Vec<FileChange> = files.iter().map(change).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    EditSet { id: "x".into(), title: "x".into(), files }
}

/// Have git apply the diff to the old files, and compare what comes out, in the work tree and in the index.
fn apply_with_git(files: &[(&str, Side<'_>, Side<'_>)]) -> String {
    let repo = TestRepo::new(&[]);
    for (path, old, _) in files {
        if let Some((text, mode)) = old {
            repo.write(path, text.as_bytes());
            let chmod = std::process::Command::new("chmod").arg(format!("{mode:o}")).arg(repo.join(path)).status();
            assert!(chmod.expect("chmod").success());
        }
    }
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "old"]);
    let diff = unified_diff(&set(files));
    if diff.is_empty() {
        return diff;
    }
    repo.write(".git/our.patch", diff.as_bytes());
    repo.git(&["apply", "--index", "--whitespace=nowarn", ".git/our.patch"]);
    for (path, _, new) in files {
        match new {
            Some((text, mode)) => {
                assert_eq!(repo.read(path), text.as_bytes(), "{path}\n{diff}");
                let listed = repo.git(&["-c", "core.quotePath=false", "ls-files", "-s", "--", path]);
                let wanted = if mode & 0o111 == 0 { "100644" } else { "100755" };
                assert!(listed.starts_with(wanted), "{path}: {listed}");
            }
            None => assert!(!repo.join(path).exists(), "{path} is still there"),
        }
    }
    diff
}

/// Protects the diff that users see and store: git accepts it and comes to the same bytes, for every kind of change.
#[test]
fn git_applies_our_diffs() {
    let long: String = (1..=30).map(|i| format!("line {i}\n")).collect();
    let changed =
        long.replace("line 3\n", "line three\n").replace("line 20\n", "").replace("line 28\n", "line 28\nnew\n");
    let crlf = long.replace('\n', "\r\n");
    let mixed = crlf.replacen("line 9\r\n", "line 9\n", 1);
    let diff = apply_with_git(&[
        ("changed.txt", Some((&long, 0o644)), Some((&changed, 0o644))),
        ("crlf.txt", Some((&crlf, 0o644)), Some((&mixed, 0o644))),
        ("unfinished.txt", Some(("a\nb", 0o644)), Some(("a\nc", 0o644))),
        ("finished.txt", Some(("a\nb", 0o644)), Some(("a\nb\n", 0o644))),
        ("unfinish.txt", Some(("a\nb\n", 0o644)), Some(("a\nb", 0o644))),
        ("emptied.txt", Some(("a\n", 0o644)), Some(("", 0o644))),
        ("filled.txt", Some(("", 0o644)), Some(("a\n", 0o644))),
        ("new/file.txt", None, Some(("hello\n", 0o644))),
        ("new/empty.txt", None, Some(("", 0o644))),
        ("new/run.sh", None, Some(("#!/bin/sh", 0o755))),
        ("gone.txt", Some(("bye\n", 0o644)), None),
        ("gone-empty.txt", Some(("", 0o644)), None),
        ("mode.sh", Some(("echo\n", 0o644)), Some(("echo\n", 0o755))),
        ("both.sh", Some(("echo\n", 0o755)), Some(("echo 2\n", 0o644))),
        ("with space.txt", Some(("a\n", 0o644)), Some(("b\n", 0o644))),
        ("new space.txt", None, Some(("b\n", 0o644))),
        ("naïve/日本.txt", Some(("a\n", 0o644)), Some(("b\n", 0o644))),
        ("quo\"te\tand\nmore.txt", Some(("a\n", 0o644)), Some(("b\n", 0o644))),
        ("moved from.txt", Some((&long.replace("line", "row"), 0o644)), None),
        ("moved to.txt", None, Some((&long.replace("line", "row").replace("row 7\n", "row seven\n"), 0o755))),
        ("old name.txt", Some(("exactly the same\n", 0o644)), None),
        ("other/ü.txt", None, Some(("exactly the same\n", 0o644))),
        ("--option", Some(("a\n", 0o644)), Some(("b\n", 0o644))),
    ]);
    assert!(diff.contains("rename from moved from.txt\nrename to moved to.txt\n"), "{diff}");
    assert!(diff.contains("rename to \"other/\\303\\274.txt\"\n"), "{diff}");
    assert!(diff.contains("--- a/with space.txt\t\n"), "{diff}");
    assert!(diff.contains("\\ No newline at end of file\n"), "{diff}");
}

/// Protects terminals and diffs: what is not text is named, not printed.
#[test]
fn binary_files_are_only_named() {
    let diff = unified_diff(&set(&[("a.bin", Some(("a\0b", 0o644)), Some(("a\0c", 0o644)))]));
    assert_eq!(diff, "diff --git a/a.bin b/a.bin\nBinary files a/a.bin and b/a.bin differ\n");
}

/// Protects the reader: hunks have three lines of context, changes close together share one, and the heading says where.
#[test]
fn hunks_look_as_git_prints_them() {
    let old = "def f():\n    a\n    b\n    c\n    d\n    e\n    g\n";
    let new = old.replace("    e\n", "    E\n");
    let diff = unified_diff(&set(&[("a.py", Some((old, 0o644)), Some((&new, 0o644)))]));
    let wanted = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -3,5 +3,5 @@ def f():\n     b\n     c\n     d\n-    e\n+    E\n     g\n";
    assert_eq!(diff, wanted);
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("path")
}

fn proposal(changes: Vec<Change>) -> Proposal {
    Proposal {
        snapshot: "s".into(),
        title: "t".into(),
        rationale: String::new(),
        applicability: Applicability::Safe,
        changes,
        checks: Vec::new(),
        constraint: None,
    }
}

fn modify(name: &str, old: &str, new: &str) -> Change {
    let edits = edits_between(old, new);
    Change::Modify(FileEdit { path: path(name), base_hash: ContentHash::of(old.as_bytes()), edits })
}

fn create(name: &str) -> Change {
    Change::Create(NewFile { path: path(name), text: "new\n".into() })
}

fn rename(from: &str, to: &str) -> Change {
    Change::Rename(MovedFile { source: path(from), target: path(to) })
}

fn on_tree(changes: Vec<Change>) -> Result<BTreeMap<String, Option<String>>, MaterialiseError> {
    let tree = BTreeMap::from([(path("a"), "a\n"), (path("b"), "b\n"), (path("dir/c"), "c\n")]);
    let read = |p: &RepoPath| {
        let image = |t: &&str| FileImage { bytes: t.as_bytes().to_vec(), mode: Some(0o755) };
        Ok(tree.get(p).map(image))
    };
    let set = materialise(&proposal(changes), "id", &read)?;
    assert!(set.files.is_sorted_by(|x, y| x.path < y.path));
    let text = |image: &FileImage| String::from_utf8_lossy(&image.bytes).into_owned();
    Ok(set.files.iter().map(|f| (f.path.to_string(), f.new.as_ref().map(text))).collect())
}

/// Protects the tree: a proposal that contradicts itself or the tree never becomes bytes.
#[test]
fn contradictory_proposals_are_refused() {
    use MaterialiseError as E;
    let wrong = |changes: Vec<Change>| on_tree(changes).expect_err("refused");
    assert!(matches!(wrong(vec![modify("a", "A\n", "x\n")]), E::Stale { .. }));
    assert!(matches!(wrong(vec![modify("z", "", "x")]), E::Missing(_)));
    assert!(matches!(wrong(vec![create("a")]), E::Exists(_)));
    assert!(matches!(wrong(vec![rename("a", "b")]), E::Exists(_)));
    assert!(matches!(wrong(vec![rename("a", "a")]), E::MovedOntoItself(_)));
    assert!(matches!(wrong(vec![rename("a", "x"), rename("a", "y")]), E::Duplicate(_)));
    assert!(matches!(wrong(vec![rename("a", "x"), rename("b", "x")]), E::Duplicate(_)));
    assert!(matches!(wrong(vec![create("x"), create("x")]), E::Duplicate(_)));
    assert!(matches!(wrong(vec![modify("a", "a\n", "x\n"), modify("a", "a\n", "y\n")]), E::Duplicate(_)));
    assert!(matches!(wrong(vec![modify("a", "a\n", "x\n"), Change::Delete(path("a"))]), E::Duplicate(_)));
    assert!(matches!(wrong(vec![Change::Delete(path("a")), create("a")]), E::Duplicate(_)));
    assert!(matches!(wrong(vec![Change::Delete(path("z"))]), E::Missing(_)));
    assert!(matches!(wrong(vec![create("a/x")]), E::FileAndFolder { .. }));
    assert!(matches!(wrong(vec![create("x"), create("x/y")]), E::FileAndFolder { .. }));
}

/// Protects moves: chains, swaps, and edits of files that also move come to what they say.
#[test]
fn moves_and_edits_happen_together() {
    let some = |t: &str| Some(t.to_owned());
    let chain = on_tree(vec![rename("a", "b"), rename("b", "new"), modify("b", "b\n", "B\n")]).expect("chain");
    assert_eq!(chain, BTreeMap::from([("a".into(), None), ("b".into(), some("a\n")), ("new".into(), some("B\n"))]));
    let swap = on_tree(vec![rename("a", "b"), rename("b", "a")]).expect("swap");
    assert_eq!(swap, BTreeMap::from([("a".into(), some("b\n")), ("b".into(), some("a\n"))]));
    assert!(on_tree(vec![modify("a", "a\n", "a\n")]).expect("nothing").is_empty());
    let reused = on_tree(vec![rename("a", "x"), create("a")]).expect("the name is free");
    assert_eq!(reused, BTreeMap::from([("a".into(), some("new\n")), ("x".into(), some("a\n"))]));
}

/// Protects the file's permissions: an edited file keeps its mode.
#[test]
fn an_edit_keeps_the_mode() {
    let read = |_: &RepoPath| Ok(Some(FileImage { bytes: b"a\n".to_vec(), mode: Some(0o4755) }));
    let set = materialise(&proposal(vec![modify("a", "a\n", "b\n")]), "id", &read).expect("fits");
    assert_eq!(set.files[0].new.as_ref().and_then(|n| n.mode), Some(0o4755));
}
