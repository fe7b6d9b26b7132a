use super::{edit, findings};

/// Protects from an answer in which a model wrote several files, each below its path, that is taken for one.
#[test]
fn an_answer_that_holds_several_files_is_told() {
    let tree =
        [("src/lib.rs", "pub mod stats;\n"), ("src/stats.rs", "pub fn mean() {}\n"), ("docs/a.md", "# A\n\nOne.\n")];
    let line = |n, name: &str| format!("line {n} names another file, `{name}`: the answer may hold several files");
    let new = "// src/palindrome.rs\n\npub fn p() {}\n\n// src/lib.rs\n\npub mod stats;\n";
    let found = findings("create a module with p", &tree, &[("src/palindrome.rs", Some(new))]);
    assert!(found.contains(&format!("R src/palindrome.rs: {}", line(5, "src/lib.rs"))), "{found:?}");
    for comment in ["// File: src/lib.rs", "// lib.rs", "/* ./src/lib.rs */", "// ---- `src/lib.rs` ----"] {
        let new = format!("pub fn mean() {{}}\n\n{comment}\nfn p() {{}}\n");
        let found = findings("add p", &tree, &[("src/stats.rs", Some(&new))]);
        assert_eq!(found.len(), 1, "{comment}: {found:?}");
        assert!(found[0].starts_with("R src/stats.rs: line 3 names another file"), "{found:?}");
    }
    let found = findings("extend b", &tree, &[("docs/b.md", Some("# B\n\n<!-- docs/a.md -->\n\nOne more word.\n"))]);
    assert_eq!(found, [format!("R docs/b.md: {}", line(3, "docs/a.md"))]);
    // The other file need not exist yet where the instruction asks for it.
    let old = "A = 1\n\n\ndef f():\n    return A\n";
    let found = edit("move A to a new file constants.py", "prices.py", old, &format!("# constants.py\n\n{old}"));
    assert_eq!(found, [format!("R prices.py: {}", line(1, "constants.py"))]);
}

/// Protects from false alarms: a file's own name, a path in a comment that says more, and one that was there.
#[test]
fn paths_that_comments_speak_of_are_fine() {
    let old = "import os\n\n# b.py\n\n\ndef f():\n    return os\n";
    let tree = [("pkg/a.py", old), ("pkg/b.py", "def g():\n    return 1\n"), ("README.md", "# T\n\nText.\n")];
    let fine = |path: &str, new: &str| {
        let found = findings("extend f", &tree, &[(path, Some(new))]);
        assert!(!found.iter().any(|f| f.contains("several files")), "{new}: {found:?}");
    };
    fine("pkg/a.py", &old.replace("return os", "return os.name"));
    for lines in [
        "# a.py",
        "# pkg/a.py",
        "# see pkg/b.py",
        "# The rest is in\n# pkg/b.py\nX = 1",
        "# b.py\nfrom b import g",
        "TEXT = \"\"\"\n# README.md\n\"\"\"",
        "# unknown.py",
        "# 3.12",
        "x = 1  # b.py",
        "# pkg/b.py\n# pkg/b.py\n",
    ] {
        fine("pkg/a.py", &format!("{lines}\n\n{}", old.replace("# b.py\n", "")));
    }
    fine(
        "README.md",
        "# T\n\nText and more.\n\n# a.py\n\n```python\n# pkg/a.py\nf()\n```\n\n```html\n<!-- pkg/a.py -->\n```\n",
    );
    // Code that moves takes its comments with it.
    let moved =
        [("pkg/a.py", Some("import os\n")), ("pkg/c.py", Some("import os\n\n# b.py\n\n\ndef f():\n    return os\n"))];
    let found = findings("move f to c.py", &tree, &moved);
    assert!(!found.iter().any(|f| f.contains("several files")), "{found:?}");
}
