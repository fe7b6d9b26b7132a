use super::{NONE, edit};

/// Protects from an answer that repeats what the file has, so that the later definition wins.
#[test]
fn what_is_defined_again_is_told() {
    for (name, old, more, line, again) in [
        ("a.py", "RATES = {\"DE\": 19}\n", "RATES = {\"DE\": 20}\n", 3, "RATES"),
        ("a.py", "def f(a):\n    return a\n", "def f(a):\n    return 2\n", 4, "f"),
        ("a.py", "class A:\n    x = 1\n", "@dataclass\nclass A:\n    y: int\n", 4, "A"),
        ("a.js", "export function f() { return 1; }\n", "function f() { return 2; }\n", 3, "f"),
        ("a.js", "var x = 1;\n", "var f = 1;\nlet g = () => { return 1; };\nlet g = () => { return 2; };\n", 5, "g"),
        ("a.ts", "class A { x = 1; }\n", "class A { y = 1; }\n", 3, "A"),
        ("a.rs", "fn f() {}\n", "fn f() -> u8 { 1 }\n", 3, "f"),
        ("a.rs", "struct A;\n", "enum A { B }\n", 3, "A"),
        ("a.go", "package a\n\nfunc f() {}\n", "func f() int { return 1 }\n", 5, "f"),
        ("a.c", "int f(int);\nint f(int a) { return a; }\n", "int f(int b) { return b; }\n", 4, "f"),
        ("a.cpp", "int f(int a) { return a; }\n", "int f(int  a) { return 2; }\n", 3, "f"),
        ("a.java", "class A { }\n", "class A { int x; }\n", 3, "A"),
    ] {
        let found = edit("change it", name, old, &format!("{old}\n{more}"));
        let wanted = format!("R {name}: line {line} defines `{again}` again");
        assert!(found.contains(&wanted), "{name} {more}: {found:?}");
    }
    // That it was there twice is not the edit's doing; a third one is.
    let old = "def f():\n    return 1\n\n\ndef f():\n    return 2\n";
    let twice = |new: &str| edit("change it", "a.py", old, new).iter().any(|f| f.contains("again"));
    assert!(!twice(&old.replace("return 2", "return 3")));
    assert!(twice(&format!("{old}\n\ndef f():\n    return 3\n")));
}

/// Protects from false alarms: several definitions of a name that belong together, or of which a condition chooses one.
#[test]
fn what_may_be_defined_again() {
    for (name, old, more) in [
        (
            "a.py",
            "@overload\ndef f(a: int) -> int: ...\n",
            "@overload\ndef f(a: str) -> str: ...\ndef f(a):\n    return a\n",
        ),
        ("a.py", "@singledispatch\ndef f(a):\n    return a\n", "@f.register\ndef f(a: int):\n    return a\n"),
        ("a.py", "@property\ndef f(a):\n    return a\n", "# Sets.\n@f.setter\ndef f(a, b):\n    a.b = b\n"),
        ("a.py", "if A:\n    def f(): return 1\n", "try:\n    def f(): return 1\nexcept E:\n    def f(): return 2\n"),
        ("a.py", "if TYPE_CHECKING:\n    X = 1\n", "X = 2\n"),
        ("a.py", "PATH = here()\n", "PATH = PATH / \"x\"\n"),
        ("a.py", "x = 1\n", "x = 2\n"),
        ("a.py", "class A:\n    def f(self): return 1\n", "class B:\n    def f(self): return 1\n"),
        ("a.ts", "function f(a: string): void;\n", "function f(a: number): void;\nfunction f(a: any): void { a(); }\n"),
        ("a.ts", "export interface A { x: number }\n", "export interface A { y: number }\nexport const A = 1;\n"),
        ("a.ts", "export type A = number;\n", "export const A = 1;\n"),
        ("a.js", "var x = 1;\n", "var x = 2;\n"),
        ("a.rs", "#[cfg(unix)]\nfn f() {}\n", "#[cfg(not(unix))]\nfn f() { g() }\n"),
        (
            "a.rs",
            "struct A;\n",
            "impl A {}\nimpl A { fn f() {} }\nimpl B for A { fn f() {} }\nfn g() {}\nmod m { fn g() {} }\n",
        ),
        ("a.rs", "const _: () = ();\n", "const _: u8 = 1;\n"),
        ("a.go", "package a\n\nfunc init() {}\n", "func init() { f() }\nfunc (A) g() {}\nfunc (B) g() {}\n"),
        ("a.c", "int f(int);\n", "int f(int);\nint f(int a) { return a; }\n"),
        ("a.c", "#if A\nint f(void) { return 1; }\n", "#else\nint f(void) { return 2; }\n#endif\n"),
        ("a.c", "typedef struct A { int x; } A;\n", "struct A *make(void);\n"),
        (
            "a.cpp",
            "int f(int a) { return a; }\n",
            "int f(long a) { return a; }\ntemplate <class T> int f(T a) { return 1; }\n",
        ),
        (
            "a.cpp",
            "namespace a { int f() { return 1; } }\n",
            "namespace a { int g() { return 1; } }\nint f() { return 1; }\n",
        ),
        ("a.java", "class A { void f(int a) {} }\n", "class B { void f(int a) {} void f(long a) {} }\n"),
    ] {
        let found = edit("change it", name, old, &format!("{old}\n{more}"));
        let again: Vec<&String> = found.iter().filter(|f| f.contains("again")).collect();
        assert!(again.is_empty(), "{name} {more}: {again:?}");
    }
    assert_eq!(edit("change f", "a.py", "def f():\n    return 1\n", "def f():\n    return 2\n"), NONE);
}
