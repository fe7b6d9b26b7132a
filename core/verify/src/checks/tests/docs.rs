use super::{NONE, edit};

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
