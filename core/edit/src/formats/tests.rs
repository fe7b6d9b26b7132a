//! Replies as models write them.

use super::locate::{Fit, LocateError, find};
use super::{FormatError, envelope, fenced, lazy, patch, region, search_replace};
use crate::Adoption;
use proptest::prelude::*;

const FILE: &str = "import os\n\n\ndef f(a):\n    # one\n    return a\n\n\ndef g(a):\n    return a\n";

fn block(search: &str, replace: &str) -> String {
    format!("a.py\n```python\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n```\n")
}

fn edited(text: &str, reply: &str) -> Result<String, FormatError> {
    search_replace::apply(text, &search_replace::parse(reply)?).map(|a| a.text)
}

/// Protects from guessing: a stricter fit wins, a looser one counts only when it is unique, and nothing else is changed.
#[test]
fn the_strictest_fit_wins() {
    assert_eq!(find(FILE, "def f(a):\n").map(|p| p.fit), Ok(Fit::Exact));
    assert_eq!(find(FILE, "def f(a):  \n    # one\n").map(|p| p.fit), Ok(Fit::TrailingSpace));
    assert_eq!(find(FILE, "# one\nreturn a\n").map(|p| p.fit), Ok(Fit::Indentation));
    assert_eq!(find("s = “x”\n", "s = \"x\"\n").map(|p| p.fit), Ok(Fit::Typography));
    assert_eq!(find("x  =  1\n", "x = 1\n").map(|p| p.fit), Ok(Fit::Typography));
    assert_eq!(find(FILE, "    return a\n"), Err(LocateError::Ambiguous { lines: vec![6, 10] }));
    assert_eq!(find(FILE, "return a\n"), Err(LocateError::Ambiguous { lines: vec![6, 10] }));
    assert_eq!(find(FILE, " \n"), Err(LocateError::Empty));
    let Err(LocateError::NotFound { nearest: Some(near) }) = find(FILE, "def f(b):\n    # one\n    return b\n") else {
        panic!("not in the file")
    };
    assert_eq!((near.line, near.text.as_str()), (4, "def f(a):\n    # one\n    return a\n"));
}

/// Protects indentation: a block written at another depth is put where the file has it.
#[test]
fn a_replacement_is_indented_like_the_file() {
    let reply = block("# one\nreturn a\n", "# two\nif a:\n    return a\n");
    let wanted = FILE.replace("    # one\n    return a\n", "    # two\n    if a:\n        return a\n");
    assert_eq!(edited(FILE, &reply), Ok(wanted));
}

/// Protects line endings: in a CRLF file the model's lines become CRLF, and the others keep what they have.
#[test]
fn blocks_keep_line_endings() {
    let file = FILE.replace('\n', "\r\n").replacen("import os\r\n", "import os\n", 1);
    let wanted = file.replace("# one\r\n", "# two\r\n    # three\r\n");
    assert_eq!(edited(&file, &block("    # one\n", "    # two\n    # three\n")), Ok(wanted));
    assert_eq!(edited("a\nb", &block("b\n", "c\n")), Ok("a\nc".into()));
    assert_eq!(edited("\u{feff}a\nb\n", &block("a\n", "c\n")), Ok("\u{feff}c\nb\n".into()));
}

/// Protects equal places: as many equal blocks as places change them all, one block for two places is ambiguous.
#[test]
fn equal_blocks_change_equal_places() {
    let one = block("    return a\n", "    return 1\n");
    assert_eq!(edited(FILE, &one.repeat(2)), Ok(FILE.replace("return a", "return 1")));
    assert!(matches!(edited(FILE, &one), Err(FormatError::Locate { block: 1, .. })));
    let hinted = one.replace("SEARCH\n", "SEARCH\n:start_line:10\n-------\n");
    let wanted = "import os\n\n\ndef f(a):\n    # one\n    return a\n\n\ndef g(a):\n    return 1\n";
    assert_eq!(edited(FILE, &hinted).as_deref(), Ok(wanted));
}

/// Protects listings with line numbers: the numbers are not part of the text, unless the text itself has them.
#[test]
fn line_numbers_are_not_text() {
    let reply = "<<<<<<< SEARCH\n 4 | def f(a):\n 5 |     # one\n=======\n 4 | def f(b):\n>>>>>>> REPLACE\n";
    assert_eq!(edited(FILE, reply), Ok(FILE.replace("def f(a):\n    # one\n", "def f(b):\n")));
    let table = "<<<<<<< SEARCH\n1 | a\n=======\nx | b\n>>>>>>> REPLACE\n";
    assert_eq!(edited("1 | a\n", table).as_deref(), Ok("x | b\n"));
}

/// Protects from half an answer: unfinished blocks, several dividers and lazy replacements are errors with their line.
#[test]
fn broken_blocks_are_refused() {
    let parse = search_replace::parse;
    assert!(matches!(parse("no block"), Err(FormatError::Nothing { .. })));
    assert!(matches!(parse("<<<<<<< SEARCH\na\n=======\nb\n"), Err(FormatError::Unfinished { line: 1, .. })));
    let next = "<<<<<<< SEARCH\na\n=======\nb\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
    assert!(matches!(parse(next), Err(FormatError::Unfinished { line: 1, .. })));
    assert!(matches!(parse("<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n"), Err(FormatError::Unfinished { .. })));
    let two = "<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n";
    assert!(matches!(parse(two), Err(FormatError::SeveralDividers { line: 1 })));
    let heading = "<<<<<<< SEARCH\nTitle\n=====\n=======\nTitle\n======\n>>>>>>> REPLACE\n";
    assert_eq!(parse(heading).map(|b| b[0].search.clone()), Ok("Title\n=====\n".into()));
    let lazy = block("def f(a):\n    # one\n    return a\n", "def f(a, b):\n    # ... existing code ...\n");
    assert!(matches!(edited(FILE, &lazy), Err(FormatError::LeftOut { line: 2, .. })));
}

/// Protects file names: with and without fence, decoration, and for the second block of a file.
#[test]
fn blocks_find_their_file() {
    let body = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
    for head in [
        "src/a.py\n",
        "src/a.py\n```python\n",
        "**`src/a.py`**:\n\n```\n",
        "### src/a.py\n",
        "```python src/a.py\n",
        "# src/a.py\n",
    ] {
        let blocks = search_replace::parse(&format!("Some words.\n\n{head}{body}\nMore.\n\n{body}")).expect("blocks");
        let paths: Vec<_> = blocks.iter().map(|b| b.path.as_deref()).collect();
        assert_eq!(paths, [Some("src/a.py"), Some("src/a.py")], "{head}");
    }
    let blocks = search_replace::parse(&format!("Some words, e.g. this.\n{body}")).expect("blocks");
    assert_eq!(blocks[0].path, None);
}

/// Protects Markdown files: a longer fence holds shorter ones, and an open fence is an answer that was cut off.
#[test]
fn fences_nest_and_must_close() {
    let reply = "Here:\n\n````markdown\n# T\n```\ncode\n```\n````\nBye.";
    assert_eq!(fenced::whole_file(reply, "t.md").as_deref(), Ok("# T\n```\ncode\n```\n"));
    assert!(matches!(fenced::whole_file("```\na\n", "t.md"), Err(FormatError::Unfinished { .. })));
    assert!(matches!(fenced::whole_file("words", "t.md"), Err(FormatError::Nothing { .. })));
    let two = "a.py\n```\n1\n```\nb.py\n```\n2\n```\n";
    assert_eq!(fenced::whole_file(two, "x/b.py").as_deref(), Ok("2\n"));
    assert!(matches!(fenced::whole_file(two, "c.py"), Err(FormatError::SeveralBlocks { count: 2 })));
    assert_eq!(fenced::fence_for("a\n  ````\n"), "`````");
    assert_eq!(fenced::fence_for("def f():\n    ```\n"), "```");
}

/// Protects code from lazy models: what a marker stands for is filled in when both of its neighbours are certain.
#[test]
fn left_out_code_is_filled_in_or_refused() {
    let expand = |new: &str| lazy::expand(FILE, new);
    let new = "import os\nimport sys\n\n\ndef f(a):\n    # ... existing code ...\n\n\ndef g(a):\n    return 2\n";
    let wanted = "import os\nimport sys\n\n\ndef f(a):\n    # one\n    return a\n\n\n\n\ndef g(a):\n    return 2\n";
    assert_eq!(expand(new).as_deref(), Ok(wanted));
    assert_eq!(
        expand("import sys\nimport os\n# rest of the code remains unchanged\n").map(|t| t.ends_with(&FILE[10..])),
        Ok(true)
    );
    for unclear in [
        "import sys\n# ... existing code ...\ndef g(a):\n    return 2\n",
        "import os\n# ... rest of code ...\n    return a\n",
        "def g(a):\n    return 2\n# ... existing code ...\ndef f(a):\n    return 3\n",
        "import os\n# ...\n# ...\ndef g(a):\n    return 2\n",
    ] {
        assert!(matches!(expand(unclear), Err(FormatError::LeftOut { .. })), "{unclear}");
    }
}

/// Protects honest comments and Python's ellipsis from being taken for markers.
#[test]
fn ordinary_lines_are_no_markers() {
    let text =
        "def f(): ...\n    ...\n# wait for the rest to arrive\n# the existing users stay\n...args,\n# e.g. 1, 2, ...\n";
    assert_eq!(lazy::markers(text, ""), []);
    for marker in [
        "# ...",
        "// ... rest of the file ...",
        "/* ... existing code ... */",
        "<!-- ... unchanged ... -->",
        "# rest of the code remains unchanged",
        "... (rest of the code remains the same)",
    ] {
        assert_eq!(lazy::markers(marker, "").len(), 1, "{marker}");
        assert_eq!(lazy::markers(marker, marker), [], "{marker} is in the file");
    }
}

/// Protects from wrong line numbers: hunks fit by their lines, and a number only decides between equal places.
#[test]
fn diffs_fit_by_their_lines() {
    let apply = |reply: &str| patch::apply(FILE, &patch::parse(reply)?.remove(0).hunks).map(|a| a.text);
    let reply = "```diff\n--- a/a.py\n+++ b/a.py\n@@ -99,3 +99,3 @@\n def f(a):\n-    # one\n+    # two\n     return a\n@@ -1,1 +1,2 @@\n def g(a):\n-    return a\n+    return 2\n```\n";
    let wanted = FILE.replace("# one", "# two").replace("def g(a):\n    return a\n", "def g(a):\n    return 2\n");
    assert_eq!(apply(reply), Ok(wanted));
    let twice = |line: usize| format!("--- a.py\n+++ a.py\n@@ -{line} +{line} @@\n-    return a\n+    return 1\n");
    assert_eq!(apply(&twice(10)).map(|t| t.ends_with("def g(a):\n    return 1\n")), Ok(true));
    assert!(matches!(apply(&twice(7)), Err(FormatError::Locate { source: LocateError::Ambiguous { .. }, .. })));
    assert!(matches!(patch::parse("words"), Err(FormatError::Nothing { .. })));
    assert!(matches!(patch::parse("@@ -1 +1 @@\n a\nwords\n"), Err(FormatError::Malformed { line: 3, .. })));
    let new = "--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x = 1\n";
    let files = patch::parse(new).expect("patch");
    assert_eq!((files[0].old.as_deref(), files[0].new.as_deref()), (None, Some("n.py")));
    assert_eq!(patch::apply("", &files[0].hunks).map(|a| a.text).as_deref(), Ok("x = 1\n"));
}

/// Protects the lines around a region, and its indentation.
#[test]
fn a_region_is_put_back_in_its_place() {
    let start = FILE.find("    # one").expect("there");
    let range = start..start + "    # one\n    return a\n".len();
    let new = region::replace(FILE, range, "# two\nreturn a + 1", Adoption::default());
    assert_eq!(new, Ok(FILE.replace("    # one\n    return a\n", "    # two\n    return a + 1\n")));
}

fn patched(text: &str, body: &str) -> Result<String, FormatError> {
    let reply = format!("Here:\n```\n*** Begin Patch\n*** Update File: a.py\n{body}*** End Patch\n```\n");
    let Some(envelope::FileOp::Update { chunks, .. }) = envelope::parse(&reply)?.pop() else { panic!("an update") };
    envelope::apply(text, &chunks).map(|a| a.text)
}

/// Protects places that only their context tells apart, and that a context which leaves two of them decides nothing.
#[test]
fn a_patch_goes_below_its_context() {
    let body = "@@ def g(a):\n-    return a\n+    return 2\n";
    let wanted = "import os\n\n\ndef f(a):\n    # one\n    return a\n\n\ndef g(a):\n    return 2\n";
    assert_eq!(patched(FILE, body).as_deref(), Ok(wanted));
    let without = body.replace(" def g(a):", "");
    assert!(matches!(patched(FILE, &without), Err(FormatError::Locate { source: LocateError::Ambiguous { .. }, .. })));
    let at_end = without.replace("+    return 2\n", "+    return 2\n*** End of File\n");
    assert_eq!(patched(FILE, &at_end).as_deref(), Ok(wanted));
    let nowhere = patched(FILE, &body.replace("def g", "def h")).expect_err("not there");
    assert!(nowhere.feedback().contains("has no line `def h(a):`"), "{nowhere}");
    let nested = "class A:\n    def f(self):\n        pass\n\n\nclass B:\n    def f(self):\n        pass\n";
    let chunk = "@@ class B:\n@@     def f(self):\n-        pass\n+        return 1\n";
    let wanted = "class A:\n    def f(self):\n        pass\n\n\nclass B:\n    def f(self):\n        return 1\n";
    assert_eq!(patched(nested, chunk).as_deref(), Ok(wanted));
    let outer = chunk.replace("@@ class B:\n", "");
    assert!(matches!(patched(nested, &outer), Err(FormatError::Locate { source: LocateError::Ambiguous { .. }, .. })));
    assert_eq!(patched("a\r\nb", "@@\n+c\n").as_deref(), Ok("a\r\nb\r\nc"));
    assert!(matches!(patched("a\nb\n", "@@ a\n+c\n"), Err(FormatError::Locate { source: LocateError::Empty, .. })));
}

/// Protects files with tabs: a block written with blanks fits where each of its indentations always stands for the same
/// one, and what is new gets tabs too.
#[test]
fn blanks_become_the_tabs_of_the_file() {
    let file = "class A {\n\tf() {\n\t\treturn 1;\n\t}\n}\n";
    let reply = block(
        "    f() {\n        return 1;\n    }\n",
        "    f() {\n        if (x) {\n            return 2;\n        }\n    }\n",
    );
    let wanted = "class A {\n\tf() {\n\t\tif (x) {\n\t\t\treturn 2;\n\t\t}\n\t}\n}\n";
    assert_eq!(edited(file, &reply).as_deref(), Ok(wanted));
    let blocks = search_replace::parse(&reply).expect("blocks");
    let notes = search_replace::apply(file, &blocks).expect("fits").notes();
    assert_eq!(notes, ["block 1 of the answer matched with another indentation, and was indented like the file"]);
    let uneven = block("f() {\nreturn 1;\n", "f() {\nreturn 2;\n");
    assert!(matches!(edited(file, &uneven), Err(FormatError::Locate { .. })));
}

/// Protects empty lines: those that only the block has are not added by its second half.
#[test]
fn empty_lines_of_the_block_alone_are_not_added() {
    let reply = block("\n    # one\n    return a\n\n\n\n", "\n    # two\n    return a\n\n\n\n");
    assert_eq!(edited("x\n    # one\n    return a\ny\n", &reply).as_deref(), Ok("x\n    # two\n    return a\ny\n"));
}

/// Protects the second attempt: the model is told the nearest lines, their numbers and the first difference.
#[test]
fn a_missing_piece_says_what_differs() {
    let error = edited(FILE, &block("def f(a):\n    # One\n    return a\n", "x\n")).expect_err("not there");
    let told = error.feedback();
    assert!(told.contains("from line 4, are:\ndef f(a):\n    # one\n    return a\n"), "{told}");
    assert!(told.contains("But line 5 of the file is `    # one`, not `    # One`."), "{told}");
    assert!(
        error.to_string().ends_with("the nearest is at line 4: line 5 of the file is `    # one`, not `    # One`")
    );
}

/// Protects lines that a loosely fitting piece repeats: they keep the bytes of the file, also beside new lines like them.
#[test]
fn repeated_lines_keep_their_bytes() {
    let diff = "--- a.py\n+++ a.py\n@@ -1,3 +1,4 @@\n a  \n+b\n b  \n-c\n+d\n";
    let hunks = patch::parse(diff).expect("a diff").remove(0).hunks;
    assert_eq!(patch::apply("a\nb\nc  \n", &hunks).map(|a| a.text).as_deref(), Ok("a\nb\nb\nd\n"));
    assert_eq!(edited("a \r\nb\nc", &block("a\nb\n", "a\nx\nb\n")).as_deref(), Ok("a \r\nx\nb\nc"));
}

/// Protects insertions: without lines to replace only a line number says where, and a missing one is an error.
#[test]
fn an_empty_search_needs_a_line() {
    let hinted = |n: usize| format!("<<<<<<< SEARCH\n:start_line:{n}\n-------\n=======\nnew\n>>>>>>> REPLACE\n");
    assert_eq!(edited("a\nb", &hinted(2)).as_deref(), Ok("a\nnew\nb"));
    assert_eq!(edited("a\r\nb", &hinted(3)).as_deref(), Ok("a\r\nb\r\nnew"));
    assert!(edited("a\nb", &hinted(4)).is_err() && edited("a\nb", &hinted(0)).is_err());
    assert!(edited("a\nb", "<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n").is_err());
}

/// Protects replies that close a block with a second divider: read where it is certain that the block ends there.
#[test]
fn a_second_divider_ends_a_block() {
    let both = "a.py\n```\n<<<<<<< SEARCH\na\n=======\nb\n=======\n>>>>>>> REPLACE\n```\n";
    assert_eq!(edited("a\n", both).as_deref(), Ok("b\n"));
    let fence = "a.py\n```\n<<<<<<< SEARCH\na\n=======\nb\n=======\n```\n";
    assert_eq!(edited("a\n", fence).as_deref(), Ok("b\n"));
    let open = "<<<<<<< SEARCH\na\n=======\nb\n=======\n\nThat was it.\n";
    assert!(matches!(edited("a\n", open), Err(FormatError::Unfinished { .. })));
}

fn reply() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a.py\n",
        "```python\n",
        "```\n",
        "<<<<<<< SEARCH\n",
        "=======\n",
        ">>>>>>> REPLACE\n",
        "def f(a):\n",
        "    return a\n",
        "    # one\n",
        "\r\n",
        "é",
        "# ... existing code ...\n",
        "--- a/a.py\n",
        "+++ b/a.py\n",
        "@@ -4,2 +4 @@\n",
        "+",
        "-",
        " ",
        "\n",
        "\u{feff}",
        "4 | ",
        ":start_line:4\n",
        "*** Begin Patch\n",
        "*** Update File: a.py\n",
        "*** Add File: b.py\n",
        "*** End of File\n",
        "*** End Patch\n",
        "@@ def f(a):\n",
        "\\ No newline at end of file\n",
        "\t",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Protects the program from models: no reply makes a parser panic, and a file that a reply does not fit is not
    /// changed by halves (each parser returns a whole text or an error).
    #[test]
    fn no_reply_makes_a_parser_panic(reply in reply(), file in reply()) {
        if let Ok(blocks) = search_replace::parse(&reply) {
            let _ = search_replace::apply(&file, &blocks);
        }
        if let Ok(ops) = envelope::parse(&reply) {
            for op in ops {
                if let envelope::FileOp::Update { chunks, .. } = op {
                    let _ = envelope::apply(&file, &chunks);
                }
            }
        }
        if let Ok(files) = patch::parse(&reply) {
            files.iter().for_each(|f| _ = patch::apply(&file, &f.hunks));
        }
        let _ = fenced::whole_file(&reply, "a.py");
        let _ = lazy::expand(&file, &reply);
        let _ = region::replace(&file, 0..file.len(), &reply, Adoption::default());
        let _ = find(&file, &reply);
    }

    /// Protects lines that no block names: the text around a replaced piece keeps its bytes.
    #[test]
    fn text_around_a_block_keeps_its_bytes(before in reply(), after in reply()) {
        let before = if before.is_empty() || before.ends_with('\n') { before } else { before + "\n" };
        let file = format!("{before}the one line\n{after}");
        let blocks = search_replace::parse("<<<<<<< SEARCH\nthe one line\n=======\nanother\n>>>>>>> REPLACE\n").expect("a block");
        let new = search_replace::apply(&file, &blocks).expect("fits").text;
        prop_assert!(new.starts_with(&before) && new.ends_with(&after));
        prop_assert!(["another\n", "another\r\n"].contains(&&new[before.len()..new.len() - after.len()]));
    }
}

/// Protects files whose lines end with `\\r` alone: a piece of them is found, and the result has the same line ends.
#[test]
fn old_line_ends_are_found_and_kept() {
    let text = "one\rtwo\r  three\rfour";
    let reply = "<<<<<<< SEARCH\ntwo\n  three\n=======\ntwo\n  3\n  more\n>>>>>>> REPLACE\n";
    let blocks = search_replace::parse(reply).expect("blocks");
    let applied = search_replace::apply(text, &blocks).expect("applied");
    assert_eq!(applied.text, "one\rtwo\r  3\r  more\rfour");
    let patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    let hunks = patch::parse(patch).expect("a patch").remove(0).hunks;
    assert_eq!(patch::apply(text, &hunks).expect("applied").text, "one\r2\r  three\rfour");
}
