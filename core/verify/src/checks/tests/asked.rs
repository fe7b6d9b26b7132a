use super::{NONE, edit, findings};

const TWO: &str = "class A:\n    def load_all(self):\n        return 1\n\n    def save_all(self):\n        return 2\n\n\ndef get_total(n):\n    return n\n";

/// Protects from edits of something else than the definition that the instruction is about.
#[test]
fn the_object_of_an_instruction_changes() {
    let other = TWO.replace("return 2", "return 3");
    for prompt in [
        "rewrite get_total with sum()",
        "fix the function `get_total`",
        "document get_total",
        "add a docstring to get_total",
        "add a parameter m to the method load_all",
        "simplify A.load_all",
    ] {
        let found = edit(prompt, "a.py", TWO, &other);
        assert!(found.len() == 1 && found[0].starts_with("R a.py: the instruction is about `"), "{prompt}: {found:?}");
    }
    for prompt in [
        "call get_total in save_all",
        "add a test for get_total",
        "add a call to get_total to save_all",
        "use get_total",
        "fix the total",
        "fix save_all",
        "rewrite A",
        "write a function like get_total",
    ] {
        assert_eq!(edit(prompt, "a.py", TWO, &other), NONE, "{prompt}");
    }
    assert_eq!(edit("fix get_total", "a.py", TWO, &TWO.replace("return n", "return n + 1")), NONE);
    let plain = "def mean(v):\n    return 1\n\n\ndef median(v):\n    return 2\n";
    let wrong = plain.replace("return 1", "return 3");
    let found = edit("fix median: an even number of values has a mean", "a.py", plain, &wrong);
    assert!(found.len() == 1 && found[0].contains("about `median`"), "{found:?}");
}

/// Protects those who import a new module: what it was asked to export is there to be imported.
#[test]
fn a_new_module_exports_what_is_asked() {
    let made =
        |text: &str| findings("create a module that exports clamp", &[("a.js", "x();\n")], &[("b.js", Some(text))]);
    assert_eq!(
        made("function clamp(v) {\n  return v;\n}\n"),
        ["R b.js: the instruction speaks of what is exported, and nothing is"]
    );
    assert_eq!(made("export function clamp(v) {\n  return v;\n}\n"), NONE);
    let common = "function clamp(v) {\n  return v;\n}\nmodule.exports = { clamp };\n";
    assert_eq!(made(common), NONE);
    let es = [("package.json", "{\"type\": \"module\"}\n"), ("src/a.js", "x();\n")];
    let found = findings("create a module that exports clamp", &es, &[("src/b.js", Some(common))]);
    assert!(found.len() == 1 && found[0].contains("exports nothing here"), "{found:?}");
}

/// Protects callers from a renaming that leaves them behind, in the set and outside of it.
#[test]
fn the_old_name_is_told_after_a_renaming() {
    let tree = [
        ("a.py", TWO),
        ("b.py", "from a import get_total\n\nprint(get_total(1))\n"),
        ("c.py", "import a\n\nprint(a.get_total(1))\n"),
        ("d.py", "def f(get_total=1):\n    return get_total\n\n\n# get_total\n'get_total'\nf(get_total=2)\n"),
        ("e.py", "def get_total():\n    pass\n\n\nget_total()\n"),
    ];
    let new = TWO.replace("get_total", "sum_up");
    let found = findings("rename get_total to sum_up", &tree, &[("a.py", Some(&new))]);
    assert!(
        found.contains(&"R a.py: `get_total` is `sum_up` now, and `b.py`, `c.py` still use the old name".to_owned()),
        "{found:?}"
    );
    let b = ("b.py", Some("from a import sum_up\n\nprint(sum_up(1))\n"));
    let c = ("c.py", Some("import a\n\nprint(a.sum_up(1))\n"));
    let all = findings("rename get_total to sum_up", &tree, &[("a.py", Some(&new)), b, c]);
    assert!(!all.iter().any(|f| f.starts_with('R')), "{all:?}");
    let half = ("c.py", Some("import a\n\nprint(a.get_total(2))\n"));
    let found = findings("rename get_total to sum_up", &tree, &[("a.py", Some(&new)), b, half]);
    assert!(found.contains(&"R c.py: line 3 still says `get_total`, which is `sum_up` now".to_owned()), "{found:?}");
    let not = edit("rename get_total to sum_up", "a.py", TWO, &TWO.replace("return n", "return n + 0"));
    assert_eq!(not, ["R a.py: `get_total` was to become `sum_up`, and it is still defined under its old name"]);
    // An alias for those who still use it, and a variable of a function.
    let alias = format!("{new}\n\nget_total = sum_up\n");
    assert_eq!(findings("rename get_total to sum_up", &tree, &[("a.py", Some(&alias))]), NONE);
    assert_eq!(
        edit("rename n to count", "a.py", TWO, &TWO.replace("(n)", "(count)").replace("return n", "return count")),
        NONE
    );
}

/// Protects "every" and "all": definitions that were passed over are named.
#[test]
fn all_means_all() {
    let one = TWO.replace("(n):\n", "(n):\n    \"\"\"The total.\"\"\"\n");
    let said = "R a.py: the instruction is about all of them, and `A.load_all`, `A.save_all` have no docstring";
    for prompt in [
        "add a docstring to every function",
        "document all of the functions",
        "add docstrings to all functions and methods",
    ] {
        assert_eq!(edit(prompt, "a.py", TWO, &one), [said], "{prompt}");
    }
    for prompt in ["add docstrings", "add a docstring to every function that returns n", "document all classes but A"] {
        assert_eq!(edit(prompt, "a.py", TWO, &one), NONE, "{prompt}");
    }
    let hinted = TWO.replace("(n):", "(n: int) -> int:").replace("load_all(self):", "load_all(self) -> int:");
    let found = edit("add type hints to every function", "a.py", TWO, &hinted);
    assert_eq!(found, ["R a.py: the instruction is about all of them, and `A.save_all` has no type hints"]);
    let script = "// One.\nexport function a() {}\n\nfunction b() {}\n";
    let found = edit("document every function", "a.js", script, &script.replace("{}", "{ }"));
    assert_eq!(found, ["R a.js: the instruction is about all of them, and `b` has no docstring"]);
}

/// Protects from a second copy of what a module beside already has.
#[test]
fn twins_are_told() {
    let util = ("pkg/util.py", "def slugify(s):\n    return s\n");
    let other = ("pkg/main.py", "import util\n");
    let new = "import util\n\n\ndef slugify(s):\n    return s.lower()\n\n\ndef main():\n    pass\n";
    let found = findings("make links", &[util, other], &[("pkg/main.py", Some(new))]);
    assert_eq!(found, ["R pkg/main.py: line 4 defines `slugify`, which `pkg/util.py` has already"]);
    assert_eq!(findings("define slugify here", &[util, other], &[("pkg/main.py", Some(new))]), NONE);
    let third = ("pkg/third.py", "def slugify(s):\n    return s\n");
    assert_eq!(findings("make links", &[util, third, other], &[("pkg/main.py", Some(new))]), NONE);
    let moved = [("pkg/main.py", Some(new)), ("pkg/util.py", Some("x = 1\n"))];
    assert_eq!(findings("move it", &[util, other], &moved), NONE);
}
