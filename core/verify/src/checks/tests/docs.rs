use super::{NONE, edit, path};
use crate::{Policy, Severity, verify};
use deepcoder_types::{Constraint, EditSet, FileChange, FileImage};
use deepcoder_workspace::Memory;

const OLD: &str = "\"\"\"The module.\"\"\"\n\n\ndef f(a):\n    \"\"\"The function.\"\"\"\n    # first this one\n    b = call(a)\n    c = other(b)  # then that one\n    return c\n\n\ndef call(x): return x\n\n\ndef other(x): return x\n";

/// Protects what people wrote about their code from an instruction that is about something else.
#[test]
fn deleted_comments_are_told() {
    let without =
        |part: &str| edit("change f", "a.py", OLD, &OLD.replacen(part, "", 1).replace("return c", "return c + 1"));
    let unasked = "is deleted, and the instruction does not speak of it";
    assert_eq!(without("\"\"\"The module.\"\"\"\n"), [format!("R a.py: the docstring of the module {unasked}")]);
    assert_eq!(without("    \"\"\"The function.\"\"\"\n"), [format!("R a.py: the docstring of `f` {unasked}")]);
    let said = |text: &str, line| {
        [format!("R a.py: the comment `{text}` (line {line} before the edit) is deleted, and its code stays")]
    };
    assert_eq!(without("    # first this one\n"), said("# first this one", 6));
    assert_eq!(without("  # then that one"), said("# then that one", 8));
}

/// Protects from false alarms: what is asked for, reworded, or goes with its code.
#[test]
fn comments_may_change() {
    let bare = OLD.replace("    # first this one\n", "").replace("    \"\"\"The function.\"\"\"\n", "");
    for prompt in ["remove all comments", "delete the docstring of f", "clean up the documentation"] {
        assert_eq!(edit(prompt, "a.py", OLD, &bare), NONE, "{prompt}");
    }
    for (from, to) in [
        ("# first this one", "# call it first"),
        ("    # first this one\n    b = call(a)\n", "    b = call(call(a))\n"),
        ("\"\"\"The function.\"\"\"", "\"\"\"What it does.\"\"\""),
        ("\"\"\"The module.\"\"\"", "\"\"\"Another module.\"\"\""),
        ("  # then that one", ""),
    ] {
        let new = OLD.replace(from, to).replace("c = other(b)", "c = other(b + 1)");
        assert_eq!(edit("change f", "a.py", OLD, &new), NONE, "{from}");
    }
    let mark = concat!("    # TO", "DO: return two\n");
    let marked = format!("def f():\n{mark}    value = compute(1)\n    return value\n\n\ndef compute(n): return n\n");
    assert_eq!(edit("return two", "a.py", &marked, &marked.replace(mark, "")), NONE);
    let script = "// Adds.\nfunction add(a) { return a; }\n";
    let found = edit("change add()", "a.js", script, "function add(a) { return a + 1; }\n");
    assert_eq!(found, ["R a.js: the comment of `add` is deleted, and the instruction does not speak of it"]);
}

/// Protects from a false alarm about a type that has an implementation without a comment.
#[test]
fn an_implementation_is_not_its_type() {
    let old = "/// A unit.\n#[derive(PartialEq)]\npub enum Unit {\n    Second,\n}\n\nimpl Default for Unit {\n    fn default() -> Self {\n        Self::Second\n    }\n}\n";
    assert_eq!(edit("derive Eq", "a.rs", old, &old.replace("PartialEq", "PartialEq, Eq")), NONE);
    assert_eq!(edit("derive Eq", "a.rs", old, &old.replace("/// A unit.\n", "")).len(), 1);
}

/// Protects the comments that there are from an instruction that wants one more.
#[test]
fn who_adds_comments_keeps_the_others() {
    let license = "# SPDX-License-Identifier: MIT";
    let new = OLD.replace("\"\"\"The module.\"\"\"", license);
    let prompt = format!("put the comment '{license}' on the first line of each file");
    let adds = "is deleted, and the instruction only adds some";
    assert_eq!(edit(&prompt, "a.py", OLD, &new), [format!("R a.py: the docstring of the module {adds}")]);
    assert_eq!(edit(&prompt, "a.py", OLD, &format!("{license}\n{OLD}")), NONE);
    let without = |part: &str| OLD.replacen(part, "", 1).replace("def other(x)", "# Another.\ndef other(x)");
    let found = edit("add comments", "a.py", OLD, &without("    \"\"\"The function.\"\"\"\n"));
    assert_eq!(found, [format!("R a.py: the docstring of `f` {adds}")]);
    let found = edit("write a comment for other", "a.py", OLD, &without("    # first this one\n"));
    assert!(found.iter().any(|f| f.contains("`# first this one` (line 6 before the edit) is deleted")), "{found:?}");
    // Under a constraint there is no other word for it.
    let mut policy = Policy { instruction: prompt, ..Policy::new(["**"]) };
    policy.constraint = Some(Constraint::Comments);
    let image = |text: &str| Some(FileImage { bytes: text.as_bytes().to_vec(), mode: None });
    let change = FileChange { path: path("a.py"), old: image(OLD), new: image(&new) };
    let set = EditSet { id: "x".into(), title: "x".into(), files: vec![change] };
    let found = verify(&set, &policy, &Memory::default()).findings;
    assert!(found.iter().any(|f| f.severity == Severity::Review && f.message.contains(adds)), "{found:?}");
}

/// Protects from false alarms: an instruction that may mean that comments go, in whatever words.
#[test]
fn comments_go_where_that_may_be_meant() {
    let bare = OLD.replace("    # first this one\n", "").replace("    \"\"\"The function.\"\"\"\n", "");
    for prompt in [
        "replace the docstrings with a license header",
        "add a license header and remove the comments",
        "write better docs instead of the comments",
        "shorter comments please",
        "turn the comments into documentation",
        "update the docs",
    ] {
        assert_eq!(edit(prompt, "a.py", OLD, &bare), NONE, "{prompt}");
    }
    let reworded = OLD.replace("# first this one", "# call it first").replace("The function", "What it does");
    assert_eq!(edit("add comments", "a.py", OLD, &reworded), NONE);
}

/// Protects documentation from becoming comments that no tool shows.
#[test]
fn documentation_stays_documentation() {
    let old = "//! Statistics.\n\npub mod parse;\n\n/// Adds.\npub fn add() {}\n";
    let found = |new: &str| edit("add a module p", "src/lib.rs", old, new);
    let added = old.replace("pub mod parse;\n", "pub mod p;\npub mod parse;\n");
    let of_module = "R src/lib.rs: the doc comment of the module is deleted, and the instruction does not speak of it";
    assert_eq!(found(&added.replace("//! S", "// S")), [of_module]);
    assert_eq!(found(&added.replace("//! Statistics.\n\n", "")), [of_module]);
    let of_add = "R src/lib.rs: the comment of `add` is deleted, and the instruction does not speak of it";
    assert_eq!(found(&added.replace("/// Adds.", "// Adds it.")), [of_add]);
    for new in [
        added.replace("Statistics", "Numbers").replace("Adds", "Adds nothing"),
        added.replace("//! Statistics.", "#![doc = include_str!(\"../README.md\")]"),
        format!("// A licence.\n\n{added}"),
        added.replace("/// Adds.", "/** Adds. */"),
    ] {
        assert_eq!(found(&new), NONE, "{new}");
    }
    let plain = "// A licence.\n\n// Adds.\npub fn add() {}\n";
    assert_eq!(edit("change it", "a.rs", plain, &plain.replace("Adds", "Adds all")), NONE);
}

/// Protects a docstring from an import that is put above it: it is a string without a meaning there.
#[test]
fn a_docstring_stays_in_front() {
    let found = edit("use os", "a.py", OLD, &format!("import os\n{OLD}").replace("return c", "return os, c"));
    let told = "R a.py: the docstring of the module is below other statements now, where it is only a string";
    assert_eq!(found, [told]);
    let below =
        OLD.replace(".\"\"\"\n\n\ndef f", ".\"\"\"\n\nimport os\n\n\ndef f").replace("return c", "return os, c");
    assert_eq!(edit("use os", "a.py", OLD, &below), NONE);
    assert_eq!(edit("use os", "a.py", OLD, &format!("# A licence.\n{below}")), NONE);
}
