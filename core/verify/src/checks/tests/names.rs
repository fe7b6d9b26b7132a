use super::{NONE, edit, findings};

/// Protects from code that cannot run: a name that the edit uses and that nothing gives a meaning.
#[test]
fn names_without_a_meaning_are_told() {
    let old = "import os\n\n\ndef f(a):\n    return a\n";
    let with = |body: &str| edit("change f", "a.py", old, &old.replace("return a", body));
    assert_eq!(with("return Decimal(a)"), ["R a.py: line 5 uses `Decimal`, which nothing defines or imports"]);
    assert_eq!(with("return [b for c in a]"), ["R a.py: line 5 uses `b`, which nothing defines or imports"]);
    for body in ["return os.path.join(a)", "b = a\n    return b", "return [b for b in a]", "return len(a)"] {
        assert_eq!(with(body), NONE, "{body}");
    }
    let new = findings("create it", &[], &[("b.py", Some("class A(Base):\n    pass\n"))]);
    assert_eq!(new, ["R b.py: line 1 uses `Base`, which nothing defines or imports"]);
}

/// Protects from false alarms about what was there before, and where names cannot be known.
#[test]
fn only_new_names_are_told() {
    let old = "def f():\n    return missing\n";
    assert_eq!(edit("x", "a.py", old, "def f():\n    return missing + 1\n"), NONE);
    let star = "from os import *\n\n\ndef f():\n    return path\n";
    assert_eq!(edit("x", "a.py", star, &star.replace("path", "sep")), NONE);
    // The star import goes: what the old text used may come from anywhere.
    assert_eq!(edit("x", "a.py", star, "def f():\n    return path\n"), NONE);
}

/// Protects the same in scripts.
#[test]
fn names_of_scripts_are_told() {
    let old = "export function pad(text) {\n  return String(text);\n}\n";
    let new = old.replace("String(text)", "leftPad(text)");
    assert_eq!(edit("x", "a.js", old, &new), ["R a.js: line 2 uses `leftPad`, which nothing defines or imports"]);
    assert_eq!(edit("x", "a.ts", old, &old.replace("String(text)", "text as Missing")), NONE);
    // A script of a page may use what another one defines.
    assert_eq!(edit("x", "a.js", "f();\n", "g();\n"), NONE);
}

/// Protects what a module offers: a name in `__all__` that it does not have.
#[test]
fn names_that_a_module_lists_are_defined() {
    let old = "__all__ = [\"a\", 'b']\n\n\ndef a():\n    pass\n\n\nb = 1\n";
    let more = old.replace("'b'", "'b', 'c'");
    assert_eq!(edit("x", "a.py", old, &more), ["R a.py: line 1 lists `c`, which nothing defines or imports"]);
    assert_eq!(edit("x", "a.py", &more, &more.replace("1", "2")), NONE);
    assert_eq!(edit("x", "a.py", old, &format!("{more}\n\ndef c():\n    pass\n")), NONE);
    assert_eq!(edit("x", "a.py", old, &more.replace("b = 1", "b = 1\ndef __getattr__(name): pass")), NONE);
    let package = findings("x", &[("p/c.py", ""), ("p/__init__.py", old)], &[("p/__init__.py", Some(&more))]);
    assert_eq!(package, NONE);
}

/// Protects Go and Java, whose packages have several files, from names that none of them has.
#[test]
fn names_of_packages_are_told() {
    let go = "package a\n\nimport \"fmt\"\n\ntype T struct{ Name string }\n\nfunc F[K comparable](in []K) (n int, err error) {\n\tfor i, v := range in {\n\t\tfmt.Println(i, v)\n\t}\n\tt := T{Name: \"x\"}\n\tswitch u := any(t).(type) {\n\tcase T:\n\t\t_ = u\n\t}\n\treturn helper(n), nil\n}\n";
    let other = "package a\n\nfunc helper(n int) int { return n }\n";
    let tree = [("a/a.go", go), ("a/b.go", other)];
    let found = |new: &str| findings("x", &tree, &[("a/a.go", Some(new))]);
    assert_eq!(found(&go.replace("(i, v)", "(v, i)")), NONE);
    assert_eq!(
        found(&go.replace("helper(n)", "len(strings.TrimSpace(missing))")),
        [
            "R a/a.go: line 16 uses `missing`, which nothing defines or imports",
            "R a/a.go: line 16 uses `strings`, which nothing defines or imports"
        ]
    );
    let java = "package a;\n\nimport java.util.List;\n\npublic class A<T> {\n    private final B b = new B();\n    List<T> all(String s) throws java.io.IOException {\n        return Math.max(1, 2) > 1 ? null : List.of();\n    }\n}\n";
    let tree = [("a/A.java", java), ("a/B.java", "package a;\n\nclass B {}\n")];
    let found = |new: &str| findings("x", &tree, &[("a/A.java", Some(new))]);
    assert_eq!(found(&java.replace("null", "List.of()")), NONE);
    let told = |name: &str| [format!("R a/A.java: line 8 uses `{name}`, which nothing defines or imports")];
    assert_eq!(found(&java.replace("null", "new ArrayList<>()")), told("ArrayList"));
    assert_eq!(found(&java.replace("null", "Arrays.asList()")), told("Arrays"));
    assert_eq!(found(&java.replace("util.List;", "util.*;").replace("null", "new ArrayList<>()")), NONE);
}
