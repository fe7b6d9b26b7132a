use super::*;
use deepcoder_types::{Constraint, FileImage, Renaming, RepoPath};
use deepcoder_workspace::Memory;

fn image(text: &[u8]) -> FileImage {
    FileImage { bytes: text.to_vec(), mode: Some(0o644) }
}

fn change(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> FileChange {
    FileChange { path: RepoPath::new(path).expect("path"), old: old.map(image), new: new.map(image) }
}

fn checked(files: Vec<FileChange>, globs: &[&str]) -> Vec<String> {
    let set = EditSet { id: "x".into(), title: "x".into(), files };
    let verification = verify(&set, &Policy::new(globs.iter().copied()), &Memory::default());
    assert_eq!(verification.passed, verification.errors().next().is_none());
    let mark = |f: &Finding| match f.severity {
        Severity::Error => "E",
        Severity::Review => "R",
        Severity::Warning => "W",
    };
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
    for (old, new, what) in [
        ("a\rb\r", "a\nc\n", "change from CR to LF"),
        ("a\rb\r", "a\r\nc\r\n", "change from CR to CRLF"),
        ("a\rb\r", "a\rc\n", "become mixed"),
        ("a\nb\n", "a\rb\r", "change from LF to CR"),
        ("a\nb\n", "a\nb\rc\n", "become mixed"),
    ] {
        assert_eq!(edit("a.txt", old, new), [format!("W a.txt: the line endings {what}")], "{old:?} {new:?}");
    }
    assert_eq!(edit("a.txt", "a\rb\r", "a\rb\rc\r"), NONE);
    assert_eq!(edit("a.txt", "a\r\nb\n", "a\r\nc\n"), NONE);
}

/// Protects the disk and the file's permissions.
#[test]
fn size_and_mode_are_limited() {
    let mut set = EditSet { id: "x".into(), title: "x".into(), files: vec![change("a", None, Some(&[b'x'; 11]))] };
    let mut policy = Policy::new(["**"]);
    policy.max_file_bytes = 10;
    assert!(!verify(&set, &policy, &Memory::default()).passed);
    policy.max_file_bytes = 11;
    assert!(verify(&set, &policy, &Memory::default()).passed);
    for (mode, passed, findings) in [(0o4755, false, 1), (0o755, true, 1), (0o600, true, 0)] {
        set.files[0].new = Some(FileImage { bytes: b"x".to_vec(), mode: Some(mode) });
        let verification = verify(&set, &policy, &Memory::default());
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
    let little = ["W a.txt: 15 of 20 lines are removed", "R a.txt: 5 of 20 lines of the file are left"];
    assert_eq!(edit("a.txt", &lines(0..20), &lines(0..5)), little);
    assert_eq!(edit("a.txt", &lines(0..20), &lines(0..15)), NONE);
    assert_eq!(edit("a.txt", &lines(0..20), &(lines(10..20) + &lines(0..10))), NONE);
    assert_eq!(edit("a.txt", &lines(0..20), &lines(100..120)), NONE);
    assert_eq!(edit("a.txt", "a\nb\n", "\n"), ["R a.txt: the file becomes empty"]);
    let deleted = checked(vec![change("a.txt", Some(b"a"), None)], &["**"]);
    let unnamed = "R a.txt: the file is deleted, and the instruction does not name it";
    assert_eq!(deleted, ["W a.txt: the file is deleted", unnamed]);
    let weaker = edit("tests/a.txt", "assert 1\nassert 2\n", "assert 1\npass\n");
    assert_eq!(weaker, ["E tests/a.txt: the tests have fewer assertions than before: 1 instead of 2"]);
    assert_eq!(edit("src/a.txt", "assert 1\nassert 2\n", "assert 1\npass\n"), NONE);
}

/// Protects from results that say what is to be done in place of doing it.
#[test]
fn work_is_not_left_to_others() {
    let old = "def f(x):\n    return x\n";
    for comment in ["# TO\u{44}O: implement this", "# your logic here", "# Implementation goes here"] {
        let new = format!("{old}\n\ndef g(x):\n    {comment}\n    return x\n");
        assert_eq!(edit("a.py", old, &new), [format!("R a.py: line 6 leaves the work to be done: `{comment}`")]);
        assert_eq!(edit("a.py", &new, &new.replace("return x", "return x + 1")), NONE);
    }
    assert_eq!(edit("a.py", old, &format!("{old}# TO\u{44}O: cache\n# implements f\n")), NONE);
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

fn held(constraint: &Constraint, path: &str, old: &str, new: &str) -> Vec<String> {
    let policy = Policy { constraint: Some(constraint.clone()), ..Policy::new(["**"]) };
    let files = vec![change(path, Some(old.as_bytes()), Some(new.as_bytes()))];
    let verification = verify(&EditSet { id: "x".into(), title: "x".into(), files }, &policy, &Memory::default());
    verification.errors().map(|f| f.message.clone()).collect()
}

const CLASS: &str = "import os\n\n\nclass A:\n    def area(self, x, y=1):\n        # one\n        return self.x * x\n\n    def f(self): pass\n";

/// Protects code from an instruction about comments: docstrings and comments come and go, and nothing else changes, not
/// even the block that a statement is in.
#[test]
fn an_edit_of_comments_leaves_the_code() {
    let held = |new: &str| held(&Constraint::Comments, "a.py", CLASS, new);
    let documented =
        CLASS.replace("        # one\n", "        \"\"\"The area.\n\n        More.\n        \"\"\"\n        # two\n");
    assert_eq!(held(&documented), NONE);
    assert_eq!(held(&documented.replace("self): pass", "self):\n        '''Nothing.'''")), NONE);
    let said = "only comments or docstrings were asked for, and line";
    assert_eq!(held(&documented.replace("self.x", "self.y")), [format!("{said} 11 makes `y` of `x`")]);
    assert_eq!(held(&documented.replace(", y=1", "")), [format!("{said} 5 removes `, y=1`")]);
    assert_eq!(held(&CLASS.replace("# one\n", "print(1)\n")), [format!("{said} 6 adds `print(1)`")]);
    let (before, after) = ("if a:\n    b\n    c\n", "if a:\n    b\nc\n");
    let moved = super::tests::held(&Constraint::Comments, "a.py", before, after);
    assert_eq!(moved.len(), 1, "{moved:?}");
    let interpolated = super::tests::held(&Constraint::Comments, "a.py", "x = 1\n", "x = 1\nf\"{x()}\"\n");
    assert_eq!(interpolated.len(), 1, "an f-string runs: {interpolated:?}");
    let escapes = super::tests::held(&Constraint::Comments, "a.py", "x = '\\n \\n'\n", "x = '\\n  \\n'\n");
    assert_eq!(escapes.len(), 1, "blanks in a string are code: {escapes:?}");
}

/// Protects comments from an instruction that asks for docstrings only.
#[test]
fn docstrings_are_no_comments() {
    let checked = |instruction: &str, new: &str| {
        let constraint = Some(Constraint::Comments);
        let policy = Policy { constraint, instruction: instruction.into(), ..Policy::new(["**"]) };
        let files = vec![change("a.py", Some(CLASS.as_bytes()), Some(new.as_bytes()))];
        let verification = verify(&EditSet { id: "x".into(), title: "x".into(), files }, &policy, &Memory::default());
        verification.errors().map(|f| f.message.clone()).collect::<Vec<_>>()
    };
    let documented = CLASS.replace("        # one\n", "        \"\"\"The area.\"\"\"\n        # one\n");
    let changed = documented.replace("# one", "# two");
    let said = "only comments or docstrings were asked for, and this";
    assert_eq!(checked("add docstrings to every method", &documented), NONE);
    assert_eq!(checked("add docstrings to every method", &changed), [format!("{said} makes `# two` of `# one`")]);
    assert_eq!(checked("add docstrings and comments", &changed), NONE);
    assert_eq!(checked("explain the code", &changed), NONE);
}

/// Protects the same in the other languages: each has code that its comments do not touch.
#[test]
fn comments_are_known_in_every_language() {
    for (path, old, new) in [
        ("a.rs", "fn f() -> u8 { 1 }\n", "/// One.\nfn f() -> u8 { /* 1 */ 1 }\n"),
        ("a.js", "function f() { return 1; }\n", "/** One. */\nfunction f() { return 1; // 1\n}\n"),
        ("a.ts", "const a: number = 1\n", "// one\nconst a: number = 1\n"),
        ("a.tsx", "const a = <p>x</p>;\n", "// one\nconst a = <p>x</p>;\n"),
        ("a.go", "package a\n\nfunc F() int { return 1 }\n", "package a\n\n// F is one.\nfunc F() int { return 1 }\n"),
        ("A.java", "class A { int f() { return 1; } }\n", "/** One. */\nclass A { int f() { return 1; } }\n"),
        ("a.c", "int f(void) { return 1; }\n", "/* one */\nint f(void) { return 1; }\n"),
        ("a.cpp", "int f() { return 1; }\n", "// one\nint f() { return 1; }\n"),
    ] {
        assert_eq!(held(&Constraint::Comments, path, old, new), NONE, "{path}");
        let changed =
            new.replace("return 1", "return 2").replace("= 1", "= 2").replace(" 1 }", " 2 }").replace(">x<", ">y<");
        assert_eq!(held(&Constraint::Comments, path, old, &changed).len(), 1, "{path}");
    }
}

/// Protects code from an instruction about types: annotations and their imports come, other imports stay, and a field
/// that a dataclass would see is no annotation.
#[test]
fn an_edit_of_annotations_leaves_the_code() {
    let held = |new: &str| held(&Constraint::Annotations, "a.py", CLASS, new);
    let typed = CLASS.replace("x, y=1)", "x: int,\n             y: Optional[int] = 1,\n             ) -> int");
    let typed = format!(
        "from __future__ import annotations\nfrom typing import Optional\nfrom decimal import Decimal\n{typed}"
    );
    assert_eq!(held(&typed), NONE);
    assert_eq!(held(&typed.replace("import os\n", "")).len(), 1);
    assert_eq!(held(&typed.replace("class A:\n", "class A:\n    n: int\n")).len(), 1);
    assert_eq!(held(&typed.replace("= 1", "= None")).len(), 1);
    assert_eq!(held(&typed.replace("return self.x * x", "return int(self.x * x)")).len(), 1);
    // Docstrings and comments go beyond the instruction. A directive for a type checker does not.
    let said = "only type annotations were asked for";
    let documented =
        typed.replace("    def f(self): pass\n", "    def f(self) -> None:\n        \"\"\"Nothing.\"\"\"\n");
    assert_eq!(held(&documented), [format!("{said}, and line 15 adds `\"\"\"Nothing.\"\"\"`")]);
    assert_eq!(held(&typed.replace("# one", "# two")), [format!("{said}, and this makes `# two` of `# one`")]);
    assert_eq!(held(&typed.replace("        # one\n", "")), [format!("{said}, and this removes `# one`")]);
    assert_eq!(held(&typed.replace("import os\n", "import os  # type: ignore\n")), NONE);
    let script =
        |new: &str| super::tests::held(&Constraint::Annotations, "a.ts", "function f(a, b = 1) { return a }\n", new);
    assert_eq!(script("interface A { n: number }\nfunction f(a: A, b: number = 1): A { return a }\n"), NONE);
    assert_eq!(script("function f(a: number, b = 1): number { return b }\n").len(), 1);
}

/// Protects bodies from a renaming: only the one name becomes the other, in code, comments and strings, and some places
/// may keep it.
#[test]
fn a_renaming_changes_one_name() {
    let rename = Constraint::Rename(Renaming { name: "x".into(), new_name: "size".into() });
    let held = |old: &str, new: &str| held(&rename, "a.py", old, new);
    let old = "def f(x, b):\n    # x is big\n    print(f\"{x} x\")\n    return b.x + x\n";
    let new = "def f(size, b):\n    # size is big\n    print(f\"{size} x\")\n    return b.x + size\n";
    assert_eq!(held(old, new), NONE);
    assert_eq!(held(old, &new.replace("is big", "is small")).len(), 1);
    assert_eq!(held(old, &new.replace("+ size", "* size")).len(), 1);
    assert_eq!(held(old, &new.replace("b)", "c)")).len(), 1);
    let found = held(old, &new.replace("    return b.x + size\n", "    pass\n"));
    assert_eq!(found, ["only a new name was asked for, `size` for `x`, and line 4 makes `pass` of `return b.x + x`"]);
}

/// Protects code from a formatter that rewrites: lines, trailing commas and quotes may change, blocks and words not.
#[test]
fn another_layout_is_the_same_code() {
    let held = |old: &str, new: &str| held(&Constraint::Layout, "a.py", old, new);
    assert_eq!(held("f( a,b )\nx='s'\n", "f(\n    a,\n    b,\n)\nx = \"s\"\n"), NONE);
    assert_eq!(held("if a:\n  b\n  c\n", "if a:\n    b\n    c\n"), NONE);
    assert_eq!(held("if a:\n  b\n  c\n", "if a:\n    b\nc\n").len(), 1);
    assert_eq!(held("x = (1,)\n", "x = (1)\n").len(), 1);
    assert_eq!(held("x = 's'\n", "x = 't'\n").len(), 1);
    assert_eq!(held("f()\n(a)\n", "f()(a)\n").len(), 1);
    assert_eq!(held("# a\nx = 1\n", "x = 1\n").len(), 1);
}

/// Protects what cannot be judged: new files are refused, a file that did not parse needs a person, and text without a
/// grammar keeps its lines.
#[test]
fn what_a_constraint_cannot_judge() {
    let policy = Policy { constraint: Some(Constraint::Comments), ..Policy::new(["**"]) };
    let found = |change: FileChange| {
        verify(&EditSet { id: "x".into(), title: "x".into(), files: vec![change] }, &policy, &Memory::default())
    };
    assert!(!found(change("a.py", None, Some(b"x = 1\n"))).passed);
    assert!(!found(change("a.py", Some(b"x = 1\n"), None)).passed);
    let broken = found(change("a.py", Some(b"def f(:\n"), Some(b"# a\ndef f(:\n")));
    assert!(broken.passed && broken.reviews().any(|f| f.message.contains("is not checked")), "{broken:?}");
    // Without a grammar the lines tell: each stays, and is not behind a comment mark.
    assert!(!found(change("a.txt", Some(b"a\n"), Some(b"b\n"))).passed);
    let script: &[u8] = b"set -e\nrm -rf build\n";
    assert!(found(change("a.sh", Some(script), Some(b"# Clean.\nset -e\nrm -rf build  # all\n"))).passed);
    assert!(!found(change("a.sh", Some(script), Some(b"set -e\n# rm -rf build\n"))).passed);
}

/// Protects commits: `git diff --check` and linters fail on blanks at the end of lines, which generated docstrings have.
/// Old lines, strings and Markdown's line breaks keep theirs.
#[test]
fn added_lines_have_no_blanks_at_their_ends() {
    let stripped = |path: &str, old: Option<&str>, new: &str| {
        without_added_blanks(&RepoPath::new(path).expect("a path"), old, new)
    };
    let old = "def f():  \n    return 1\n";
    let new = "def f():  \n    \"\"\"One.   \n    \n    Two.\t\n    \"\"\"  \n    return 1\n\n    \n\nx = 1 ";
    let bare = "def f():  \n    \"\"\"One.\n\n    Two.\n    \"\"\"\n    return 1\n\n\n\nx = 1";
    assert_eq!(stripped("a.py", Some(old), new), bare);
    assert_eq!(stripped("a.py", None, "x = 1  \r\ny = 2\r\n"), "x = 1\r\ny = 2\r\n");
    for (path, text) in [
        ("a.py", "x = \"\"\"a  \nb\"\"\"\n"),
        ("a.js", "const x = `a  \nb`;\n"),
        ("a.rs", "const X: &str = \"a  \nb\";\nconst Y: &str = r#\"a  \nb\"#;\n"),
        ("a.go", "package a\n\nvar x = `a  \nb`\n"),
        ("A.java", "class A { String x = \"\"\"\n  a  \n  \"\"\"; }\n"),
        ("a.cpp", "auto x = R\"(a  \nb)\";\n"),
        ("a.sh", "cat <<EOF\na  \nb\t\nEOF\n"),
        ("a.sh", "cat <<'EOF'\na  \nEOF\n"),
        ("a.sh", "x=$'a  \nb'\n"),
        ("a.rb", "x = <<~EOF\n  a  \nEOF\n"),
        ("a.js", "f(() => {\n  `a  \n  b`;\n});\n"),
        ("a.ts", "type A = `a  \nb`;\nconst x = tag`a ${b}  \n c`;\n"),
        ("a.md", "One  \ntwo\n"),
        ("a.tsv", "a\t\n"),
        ("a.patch", " \n"),
        ("a.py", "def (:  \n"),
    ] {
        assert_eq!(stripped(path, None, text), text, "{path}");
    }
    assert_eq!(stripped("a.md", None, "One \n  \ntwo\n"), "One\n\ntwo\n");
    assert_eq!(stripped("a.rs", None, "/// One.  \nfn f() { }  \n"), "/// One.\nfn f() { }\n");
}
