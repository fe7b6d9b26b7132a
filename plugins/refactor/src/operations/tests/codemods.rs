use crate::{Changes, CodemodRequest, Refusal, Request, Source, Verdict, run};
use deepcoder_resolve::{Memory, Project};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::sync::Arc;

fn memory(texts: &[(&str, &str)]) -> Memory {
    let path = |name: &str| RepoPath::new(name).expect("a path");
    Memory::new(texts.iter().map(|(name, text)| (path(name), Arc::from(*text))).collect::<BTreeMap<_, _>>())
}

fn request(pattern: &str, replacement: &str) -> CodemodRequest {
    let source = Source::Pattern { pattern: pattern.into(), replacement: replacement.into(), condition: None };
    CodemodRequest { source, language: None, files: Vec::new(), most: None, learned: false }
}

fn done(files: &Memory, request: &CodemodRequest) -> Result<Changes, Refusal> {
    run(&Project::new(files), &Request::Codemod(Box::new(request.clone())))
}

/// The text of the only file after a codemod, and its doubts.
fn one(name: &str, text: &str, pattern: &str, replacement: &str) -> (String, Vec<String>) {
    let files = memory(&[(name, text)]);
    let changes = done(&files, &request(pattern, replacement)).expect("it matches");
    let after = changes.apply(&files).expect("it fits").into_values().next().unwrap_or_default();
    (after, changes.doubts.into_iter().map(|doubt| doubt.why).collect())
}

/// Protects the word *safe*: it is said where every inserted name is declared and means what it says.
#[test]
fn exact_replacements_are_safe() {
    for (name, text, pattern, replacement, expected) in [
        (
            "a.py",
            "def new(b, a):\n    return a\n\n\ndef f(x):\n    return old(x, g(1)) + old(2, 3)\n\n\ndef g(y):\n    return y\n\n\ndef old(a, b):\n    return b\n",
            "old($A, $B)",
            "new($B, $A)",
            "new(g(1), x) + new(3, 2)",
        ),
        ("b.py", "def f(x):\n    return len(list(x))\n", "list($A)", "tuple($A)", "len(tuple(x))"),
        (
            "c.js",
            "const a = 1\nconsole.log(a); console.log(a + 1)\n",
            "console.log($A)",
            "console.error($A)",
            "console.error(a); console.error(a + 1)",
        ),
        (
            "d.rs",
            "fn f(v: Option<u8>) -> u8 {\n    match v { Some(x) => x, None => 0 }\n}\n",
            "match $V { Some($X) => $X, None => $D }",
            "if let Some($X) = $V { $X } else { $D }",
            "if let Some(x) = v { x } else { 0 }",
        ),
    ] {
        let (after, doubts) = one(name, text, pattern, replacement);
        assert!(after.contains(expected), "{after}");
        let member = name == "c.js";
        assert_eq!(doubts.is_empty(), !member, "{name}: {doubts:?}");
    }
}

/// Protects programs: what a person should look at waits, each with its reason.
#[test]
fn doubtful_replacements_wait() {
    for (name, text, pattern, replacement, why) in [
        ("a.py", "x = old(1)\n", "old($A)", "unknown($A)", "`unknown` is not declared here"),
        ("b.py", "def f(x):\n    return 2 * old(x)\n", "old($A)", "$A + 1", "brackets may be missing"),
        ("c.py", "def f(x):\n    return old(x + 1)\n", "old($A)", "$A * 2", "`x + 1` is torn apart"),
        ("d.py", "def f(x):\n    return old(x)\n", "old($A)", "[$A for x in $A]", "`x` means something else here"),
        ("e.py", "y = f(  # why\n    1)\n", "f($A)", "$A", "the comment `# why` would be lost"),
        ("g.py", "import a\nx = old(a)\n", "old($A)", "$A.b", "it is not known whether there is a `b`"),
        ("h.py", "import a\nprint(a.x)\n", "import a", "import b", "`a` means nothing any more"),
        ("i.rb", "old(1)\n", "old($A)", "new($A)", "names of ruby are not followed"),
        ("j.py", "x = old(1)\ny = (\n", "old($A)", "int($A)", "the file does not parse"),
        (
            "k.py",
            "def f(x):\n    if x:\n        print(x)\n    y = 1\n    return y\n",
            "print($A)",
            "y = $A",
            "`y` means something else",
        ),
    ] {
        let (after, doubts) = one(name, text, pattern, replacement);
        assert_ne!(after, text);
        assert!(doubts.iter().any(|doubt| doubt.contains(why)), "{name}: {doubts:?}\n{after}");
    }
}

/// Protects the tree: files are chosen by language, by name, directory and glob; a result that would not parse is left out,
/// and a pattern that is code of two languages is not run on both.
#[test]
fn the_right_files_change() {
    let files = memory(&[
        ("src/a.py", "f(1)\n"),
        ("src/b.py", "f(2)\n"),
        ("web/c.js", "f(3)\n"),
        ("web/d.txt", "f(4) \"f(5)\"\n"),
        ("web/deep/e.js", "f(6)\n"),
    ]);
    let changed = |request: &CodemodRequest| -> Vec<String> {
        let changes = done(&files, request).expect("it runs");
        changes.edits.keys().map(ToString::to_string).collect()
    };
    let mut asked = request("f($A)", "f($A, 1)");
    let refusal = done(&files, &asked).expect_err("two languages");
    assert!(refusal.message.contains("python, javascript"), "{refusal}");
    asked.language = Some(Language::Python);
    assert_eq!(changed(&asked), ["src/a.py", "src/b.py"]);
    asked.files = vec!["src/b.py".into()];
    assert_eq!(changed(&asked), ["src/b.py"]);
    let mut asked = request("f($A)", "f($A, 1)");
    for (named, expected) in [
        ("web", vec!["web/c.js", "web/deep/e.js"]),
        ("web/*/*.js", vec!["web/deep/e.js"]),
        ("./src/a.py", vec!["src/a.py"]),
        (".", vec!["src/a.py", "src/b.py", "web/c.js", "web/deep/e.js"]),
    ] {
        asked.files = vec![named.into()];
        assert_eq!(changed(&asked), expected, "{named}");
    }
    let mut asked = request("f(:[a])", "g(:[a])");
    assert!(done(&files, &asked).expect_err("which files").hint.is_some_and(|hint| hint.contains("--language")));
    asked.files = vec!["web/d.txt".into()];
    let changes = done(&files, &asked).expect("a template");
    assert_eq!(changes.apply(&files).expect("fits")[&RepoPath::new("web/d.txt").expect("a path")], "g(4) \"f(5)\"\n");
    assert_eq!(changes.verdict(), Verdict::NeedsReview, "no grammar tells what a name means");
    for (named, error) in
        [("[", "not a glob"), ("sr", "no file, directory or glob"), ("*.go", "no file, directory or glob")]
    {
        asked.files = vec![named.into()];
        assert!(done(&files, &asked).expect_err(named).message.contains(error), "{named}");
    }
}

/// Protects files from broken code: one whose result would not parse is left out and told, the others change.
#[test]
fn a_result_that_does_not_parse_is_left_out() {
    let files = memory(&[("a.py", "x = old(1)\n"), ("b.py", "if old(1): pass\n")]);
    let changes = done(&files, &request("old($A)", "y = $A")).expect("one file is left");
    assert_eq!(changes.edits.keys().map(ToString::to_string).collect::<Vec<_>>(), ["a.py"]);
    assert!(changes.doubts.iter().any(|doubt| doubt.why.contains("left out")), "{:?}", changes.doubts);
    let files = memory(&[("b.py", "if old(1): pass\n")]);
    assert!(done(&files, &request("old($A)", "y = $A")).expect_err("none is left").message.contains("would parse"));
}

/// Protects what is asked for: no more matches than were said, the line endings of the file, a second run that changes nothing,
/// and a learned pattern that waits until a person has seen its matches.
#[test]
fn limits_endings_and_second_runs() {
    let files = memory(&[("a.py", "def f(x):\r\n    old(x)\r\n    old(1)\r\n\r\n\r\ndef old(x):\r\n    pass\r\n")]);
    let mut asked = request("old($A)", "if $A:\n    print($A)");
    asked.most = Some(1);
    let changes = done(&files, &asked).expect("it matches");
    let after = changes.apply(&files).expect("fits").into_values().next().expect("a file");
    assert_eq!(
        after,
        "def f(x):\r\n    if x:\r\n        print(x)\r\n    old(1)\r\n\r\n\r\ndef old(x):\r\n    pass\r\n"
    );
    assert_eq!(changes.verdict(), Verdict::Safe, "{:?}", changes.doubts);
    asked.most = None;
    let all = done(&files, &asked).expect("it matches").apply(&files).expect("fits");
    let again = Memory::new(all.into_iter().map(|(path, text)| (path, Arc::from(text))).collect());
    assert!(done(&again, &asked).expect("it runs").is_empty());
    asked.learned = true;
    let learned = done(&files, &asked).expect("it matches");
    assert_eq!(learned.verdict(), Verdict::NeedsReview);
    assert!(learned.doubts[0].why.contains("look at its 2 matches"), "{:?}", learned.doubts);
}
