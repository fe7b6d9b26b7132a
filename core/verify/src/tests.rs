use super::*;
use deepcoder_types::{FileImage, RepoPath};

fn image(text: &[u8]) -> FileImage {
    FileImage { bytes: text.to_vec(), mode: Some(0o644) }
}

fn change(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> FileChange {
    FileChange { path: RepoPath::new(path).expect("path"), old: old.map(image), new: new.map(image) }
}

fn checked(files: Vec<FileChange>, globs: &[&str]) -> Vec<String> {
    let set = EditSet { id: "x".into(), title: "x".into(), files };
    let verification = verify(&set, &Policy::new(globs.iter().copied()));
    assert_eq!(verification.passed, verification.errors().next().is_none());
    let mark = |f: &Finding| if f.severity == Severity::Error { "E" } else { "W" };
    verification.findings.iter().map(|f| format!("{} {f}", mark(f))).collect()
}

/// One file, old and new, checked without a limit on where.
fn edit(path: &str, old: &str, new: &str) -> Vec<String> {
    checked(vec![change(path, Some(old.as_bytes()), Some(new.as_bytes()))], &["**"])
}

fn create(path: &str, new: &str) -> Vec<String> {
    checked(vec![change(path, None, Some(new.as_bytes()))], &["**"])
}

const NONE: [&str; 0] = [];

/// Protects S1 and the grants of plugins: a file outside of the globs is never written, whatever kind of change it is,
/// and a glob that is not understood allows nothing.
#[test]
fn only_matching_files_may_change() {
    let file = |path| vec![change(path, Some(b"a\n"), Some(b"b\n"))];
    assert_eq!(checked(file("src/a.txt"), &["src/**"]), NONE);
    assert_eq!(checked(file("src/deep/a.txt"), &["src/**"]), NONE);
    let outside = |path: &str| format!("E {path}: this file is outside of what may be written");
    for (path, globs) in
        [("lib/a.txt", &["src/**"][..]), ("src/deep/a.txt", &["src/*"]), ("a.txt", &[]), ("src2/a.txt", &["src/**"])]
    {
        assert_eq!(checked(file(path), globs), [outside(path)], "{globs:?}");
    }
    assert_eq!(checked(vec![change("a.txt", None, Some(b"x\n"))], &["b*"]), [outside("a.txt")]);
    assert_eq!(checked(vec![change("a.txt", Some(b"x\n"), None)], &["b*"])[0], outside("a.txt"));
    let findings = checked(file("a.txt"), &["a[", "*.txt"]);
    assert_eq!(findings, ["E a.txt: the write pattern `a[` is not a glob"]);
}

/// Protects `apply`, which takes a set as sorted with each path once.
#[test]
fn sets_are_sorted_and_without_duplicates() {
    let file = |path| change(path, Some(b"a\n"), Some(b"b\n"));
    assert_eq!(checked(vec![file("a"), file("b")], &["**"]), NONE);
    for set in [vec![file("a"), file("a")], vec![file("b"), file("a")]] {
        assert_eq!(checked(set, &["**"]), ["E a: the set of edits names this file twice, or is not sorted"]);
    }
    assert_eq!(checked(vec![change("a", None, None)], &["**"]), ["E a: the change has neither an old nor a new file"]);
}

/// Protects R3 and users' complaints about encodings: a text stays the text that it was, BOM included.
#[test]
fn encoding_is_kept() {
    let bytes = |old: Option<&[u8]>, new: &[u8]| checked(vec![change("a.txt", old, Some(new))], &["**"]);
    assert_eq!(bytes(Some("\u{feff}a\r\n".as_bytes()), "\u{feff}b\r\n".as_bytes()), NONE);
    for (old, new, message) in [
        (Some("\u{feff}a\n".as_bytes()), &b"a\n"[..], "the byte order mark at the start of the file is lost"),
        (Some(b"a\n"), "\u{feff}a\n".as_bytes(), "a byte order mark appears at the start of the file"),
        (None, "\u{feff}a\n".as_bytes(), "a byte order mark appears at the start of the file"),
        (Some(b"a\n"), b"a\0\n", "the result contains a NUL character"),
        (None, b"a\0\n", "the result contains a NUL character"),
        (Some(b"a\n"), b"a\xff\n", "the result is not UTF-8 (at byte 1)"),
        (Some(b"caf\xe9\n"), b"cafe\n", "the file is not UTF-8, so its edit cannot be checked"),
    ] {
        assert_eq!(bytes(old, new), [format!("E a.txt: {message}")]);
    }
    assert_eq!(edit("a.txt", "a\r\nb\r\n", "a\nb\n"), ["W a.txt: the line endings change from CRLF to LF"]);
    assert_eq!(edit("a.txt", "a\nb\n", "a\nb\r\n"), ["W a.txt: the line endings become mixed"]);
    assert_eq!(edit("a.txt", "a\r\nb\n", "a\r\nc\n"), NONE);
}

/// Protects the disk and the file's permissions.
#[test]
fn size_and_mode_are_limited() {
    let mut set = EditSet { id: "x".into(), title: "x".into(), files: vec![change("a", None, Some(&[b'x'; 11]))] };
    let mut policy = Policy::new(["**"]);
    policy.max_file_bytes = 10;
    assert!(!verify(&set, &policy).passed);
    policy.max_file_bytes = 11;
    assert!(verify(&set, &policy).passed);
    for (mode, passed, findings) in [(0o4755, false, 1), (0o755, true, 1), (0o600, true, 0)] {
        set.files[0].new = Some(FileImage { bytes: b"x".to_vec(), mode: Some(mode) });
        let verification = verify(&set, &policy);
        assert_eq!((verification.passed, verification.findings.len()), (passed, findings), "{mode:o}");
    }
}

/// Protects code from edit formats that leak into it, and from models that write "the rest stays" and thereby delete it.
/// Lines that were there before, underlines, and sentences that people write are not touched.
#[test]
fn leftovers_of_models_are_refused() {
    for line in [
        "<<<<<<< SEARCH",
        ">>>>>>> REPLACE",
        "||||||| base",
        "<<<<<<<",
        "# ... existing code ...",
        "    # ... rest of the code ...",
        "# ...",
        "# (rest of the file remains unchanged)",
        "# … other methods unchanged …",
        "# existing code here",
        "# Rest of the function is the same as before",
    ] {
        let count = |found: Vec<String>, line: &str| {
            let of_line = |f: &&String| f.starts_with("E") && f.contains(line) && !f.contains("not valid");
            found.iter().filter(of_line).count()
        };
        assert_eq!(count(edit("a.py", "x = 1\n", &format!("x = 2\n{line}\n")), "line 2 "), 1, "{line}");
        assert_eq!(count(create("b.py", &format!("{line}\n")), "line 1 "), 1, "{line}");
        // It was there before.
        let again = format!("x = 1\n{line}\n");
        assert_eq!(count(edit("a.py", &again, &again.replace('1', "2")), ""), 0, "{line}");
    }
    for line in ["// ... existing code ...", "/* rest of the code unchanged */", "// ..."] {
        assert_eq!(edit("a.rs", "fn a() {}\n", &format!("fn a() {{}}\n{line}\n")).len(), 1, "{line}");
    }
    for line in [
        "# the rest of the arguments are passed on to the original function, which may return ...",
        "# skip existing files",
        "# Loading...",
        "# this class keeps the same order",
        "print('# ... existing code ...')",
        "...",
        "# wait for the remaining workers",
        "# =======",
    ] {
        assert_eq!(edit("a.py", "x = 1\n", &format!("x = 2\n{line}\n")), NONE, "{line}");
    }
    // Prose may say what it likes, but a conflict is one anywhere.
    assert_eq!(edit("a.md", "a\n", "Title\n=======\n<!-- ... existing code ... -->\n"), NONE);
    assert_eq!(edit("a.md", "a\n", "<<<<<<< HEAD\na\n").len(), 1);
}

/// Protects from silent losses: a file that shrinks to a part, becomes empty, goes, or tests that check less are shown
/// to the user. Moving lines, and rewriting them, is no loss.
#[test]
fn losses_are_warned_about() {
    let lines = |range: std::ops::Range<u32>| range.map(|i| format!("line {i}\n")).collect::<String>();
    assert_eq!(edit("a.txt", &lines(0..20), &lines(0..5)), ["W a.txt: 15 of 20 lines are removed"]);
    assert_eq!(edit("a.txt", &lines(0..20), &lines(0..15)), NONE);
    assert_eq!(edit("a.txt", &lines(0..20), &(lines(10..20) + &lines(0..10))), NONE);
    assert_eq!(edit("a.txt", &lines(0..20), &lines(100..120)), NONE);
    assert_eq!(edit("a.txt", "a\nb\n", "\n"), ["W a.txt: the file becomes empty"]);
    assert_eq!(checked(vec![change("a.txt", Some(b"a"), None)], &["**"]), ["W a.txt: the file is deleted"]);
    let weaker = edit("tests/a.txt", "assert 1\nassert 2\n", "assert 1\npass\n");
    assert_eq!(weaker, ["W tests/a.txt: the tests have fewer assertions than before: 1 instead of 2"]);
    assert_eq!(edit("src/a.txt", "assert 1\nassert 2\n", "assert 1\npass\n"), NONE);
}

/// Protects the promise that what parsed still parses; what was broken before may stay so, and only that.
#[test]
fn results_parse_where_the_original_did() {
    for (path, good, bad) in [
        ("a.py", "def f():\n    return 1\n", "def f(:\n    return 1\n"),
        ("a.rs", "fn f() -> u8 { 1 }\n", "fn f() -> u8 { 1 \n"),
        ("a.js", "function f() { return 1; }\n", "function f() { return 1;\n"),
        ("a.ts", "const f = (a: number): number => a;\n", "const f = (a: number: number => a;\n"),
        ("a.go", "package a\n\nfunc f() int { return 1 }\n", "package a\n\nfunc f( int { return 1 }\n"),
        ("A.java", "class A { int f() { return 1; } }\n", "class A { int f() { return 1; }\n"),
        ("a.c", "int f(void) { return 1; }\n", "int f(void) { return 1;\n"),
        ("a.cpp", "int f() { return 1; }\n", "int f( { return 1; }\n"),
    ] {
        assert_eq!(edit(path, good, &good.replace('1', "2")), NONE, "{path}");
        assert_eq!(create(path, good), NONE, "{path}");
        let broken = edit(path, good, bad);
        assert!(
            broken.iter().any(|f| f.starts_with("E") && f.contains("and the file parsed before")),
            "{path} {broken:?}"
        );
        assert!(create(path, bad).iter().any(|f| f.starts_with("E")), "{path}");
        // Broken before: repairing is fine, and so is leaving it.
        assert!(edit(path, bad, good).iter().all(|f| f.starts_with("W")), "{path}");
        assert!(edit(path, bad, &format!("{bad}\n")).iter().all(|f| f.starts_with("W")), "{path}");
    }
    assert_eq!(edit("a.txt", "plain\n", "def f(:\n"), NONE);
    let large = "x = 1\n".repeat(200_000);
    let findings = edit("a.py", &large, &large.replacen('1', "2", 1));
    assert_eq!(findings, ["W a.py: the file is too large to be parsed, so its syntax is not checked"]);
}

/// Protects from over-editing: definitions that disappear are named.
#[test]
fn lost_definitions_are_named() {
    let old = "def a():\n    pass\n\n\ndef b():\n    pass\n";
    assert_eq!(edit("a.py", old, "def a():\n    pass\n"), ["W a.py: no longer defined: `b`"]);
    assert_eq!(edit("a.py", old, &old.replace("pass", "return 1")), NONE);
}
