use super::{NONE, edit, findings};

/// Protects texts from characters that a broken decoding leaves behind. Characters that were there before, or that only
/// move, are no finding.
#[test]
fn foreign_characters_are_told() {
    let said = |what: &str| [format!("E a.txt: line 2 has {what}, which was not there")].to_vec();
    for (c, what) in [
        ("\u{fffd}", "the replacement character U+FFFD"),
        ("\u{8}", "the control character U+0008"),
        ("\u{1b}", "the control character U+001B"),
        ("\u{85}", "the control character U+0085"),
    ] {
        assert_eq!(edit("x", "a.txt", "a\n", &format!("a\nb{c}{c}\n")), said(what));
        assert_eq!(edit("x", "a.txt", &format!("{c}a\n"), &format!("{c}b\n")), NONE);
    }
    assert_eq!(edit("x", "a.txt", "a\n", "a\tb\n\u{c}\nüß\u{200d}\n"), NONE);
    let tree = [("a.txt", "a\n\u{1b}[0m\n"), ("b.txt", "b\n")];
    assert_eq!(findings("x", &tree, &[("a.txt", Some("a\n")), ("b.txt", Some("b\n\u{1b}[0m\n"))]), NONE);
    let marked = edit("x", "a.txt", "a\n", "a\u{202e}b\n");
    assert_eq!(marked, ["R a.txt: line 1 has the invisible direction mark U+202E, which was not there"]);
}

const PROSE: &str = "# Title\n\nThe first line.\nThe second line says more.\nA third one.\n\n- one\n- two\n- three\n";

/// Protects text files of every kind from being replaced.
#[test]
fn little_that_is_left_is_told() {
    for name in ["a.md", "a.txt", "a.yml.j2", "a.csv", "Dockerfile", ".gitignore"] {
        let found = edit("fix the title", name, PROSE, "zorg blib\nqua\nkrell\nqua zip\nnom\nvek\n");
        assert_eq!(found, [format!("R {name}: 0 of 7 lines of the file are left")]);
    }
    let reworded =
        "# The title\n\nThis is the first line.\nThe second says more.\nThe third one.\n\n* one\n* two\n* three\n";
    assert_eq!(edit("reword it", "a.md", PROSE, reworded), NONE);
    let (head, tail) = PROSE.split_at(10);
    assert_eq!(findings("split it", &[("a.md", PROSE)], &[("a.md", Some(head)), ("b.md", Some(tail))]), NONE);
}

/// Protects from a model that has lost the thread.
#[test]
fn repetition_is_told() {
    let found = edit("x", "a.md", "a\n", &format!("a\n{}", "the same line\n".repeat(9)));
    assert_eq!(found, ["R a.md: from line 2 on, the line `the same line` is there 9 times in a row"]);
    let found = edit("x", "a.md", "a\n", &format!("a\n{}\n", "again ".repeat(12)));
    assert_eq!(found, ["R a.md: from line 2 on, the word `again` is there 12 times in a row"]);
    let found = edit("x", "a.md", "a\n", &format!("a\n{}", "first line\nsecond line\nthird line\n".repeat(11)));
    assert_eq!(found, ["R a.md: the 33 added lines are 3 lines again and again"]);
    let table = "0 0 0 0 0 0 0 0 0 0 0\n".repeat(20);
    assert_eq!(edit("x", "a.txt", "a\n", &format!("a\n{table}")), NONE);
    let before = format!("a\n{}", "the same line\n".repeat(9));
    assert_eq!(edit("x", "a.md", &before, &before.replacen('a', "b", 1)), NONE);
}

/// Protects people from a model that falls into another language than theirs and their code's.
#[test]
fn other_scripts_need_a_person() {
    let (old, new) = ("def f():\n    return 1\n", "def f():\n    \"\"\"返回一。\"\"\"\n    return 1\n");
    let said = "R a.py: line 2 has Chinese or Japanese letters, and neither the instruction nor the file has any";
    assert_eq!(edit("add a docstring to f", "a.py", old, new), [said]);
    assert_eq!(edit("add a docstring to f: 返回", "a.py", old, new), NONE);
    assert_eq!(edit("add a Chinese docstring to f", "a.py", old, new), NONE);
    let known = format!("# 一\n{old}");
    assert_eq!(edit("add a docstring to f", "a.py", &known, &format!("# 一\n{new}")), NONE);
}
