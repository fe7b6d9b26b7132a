use super::*;
use crate::files::is_header;
use crate::units::read;

fn found(path: &str, text: &str) -> Vec<String> {
    let path = RepoPath::new(path).expect("a path");
    let language = Language::program(&path).expect("a program");
    let source = read(language, text, is_header(&path)).expect("it parses");
    let all = problems(&path, text, &source, &Scope::default(), &BTreeSet::new());
    all.into_iter().map(|p| format!("{} {} {}{}", p.line, p.name, p.rule, if p.is_doubt { "?" } else { "" })).collect()
}

/// Protects the list of what is undocumented in Python: what is offered to others, and nothing that has its documentation
/// elsewhere.
#[test]
fn python_tells_what_is_public() {
    let text = "\"\"\"Bank.\"\"\"\nfrom typing import overload\n\n\ndef pay(a):\n    def inner():\n        pass\n    return a\n\n\nclass Book:\n    x = 1\n\n    def __init__(self):\n        pass\n\n    @property\n    def size(self):\n        return 1\n\n    @size.setter\n    def size(self, value):\n        pass\n\n    @overload\n    def get(self): ...\n\n    def _own(self):\n        pass\n\n\nclass _Own:\n    def seen(self):\n        pass\n\n\ndef told():\n    # so\n    'Known.'\n";
    assert_eq!(found("bank.py", text), ["5 pay undocumented", "11 Book undocumented", "18 Book.size undocumented"]);
    assert_eq!(found("bank.py", "x = 1\n"), ["1 bank undocumented"]);
    assert!(found("_bank.py", "x = 1\n").is_empty() && found("bank.py", "# nothing\n").is_empty());
}

/// Protects the comparison of documentation with signatures in Python.
#[test]
fn python_is_compared_with_its_signatures() {
    let with = |signature: &str, doc: &str, body: &str| {
        found("a.py", &format!("\"\"\"A.\"\"\"\ndef f({signature}):\n    \"\"\"Do.\n\n{doc}    \"\"\"\n    {body}\n"))
    };
    let args = "    Args:\n        a: One.\n        b: Two.\n";
    assert!(with("a, b=1, *rest, **kw", args, "pass").is_empty());
    assert_eq!(with("a, bb", args, "pass"), ["3 f missing-parameter", "7 f unknown-parameter"]);
    assert!(with("a, **kw", args, "pass").is_empty(), "a key of **kw");
    let returns = "    Returns:\n        The sum.\n";
    assert_eq!(with("", returns, "print(1)"), ["6 f returns-nothing"]);
    assert_eq!(with("", returns, "g = lambda: 1"), ["6 f returns-nothing"]);
    for fine in ["return 1", "yield 1", "raise NotImplementedError", "...", "pass"] {
        assert!(with("", returns, fine).is_empty(), "{fine}");
    }
    let raises = "    Raises:\n        LateError: If late.\n";
    assert_eq!(with("", raises, "return 1 + 1"), ["6 f doubtful-error?"]);
    for fine in ["raise LateError", "raise errors.LateError('x')", "g()", "raise x"] {
        assert!(with("", raises, fine).is_empty(), "{fine}");
    }
    let init = "\"\"\"A.\"\"\"\nclass C:\n    \"\"\"Do.\n\n    Args:\n        size: One.\n    \"\"\"\n    def __init__(self, siz):\n        pass\n";
    assert_eq!(found("a.py", init), ["3 C missing-parameter", "6 C unknown-parameter"]);
}

/// Protects the check of scripts: what is exported, by whatever statement, and tags that do not fit.
#[test]
fn scripts_tell_what_they_export() {
    let text = "export function a(x) { return x; }\nfunction b() {}\nexport const c = (y) => y;\n/** Known. */\nexport class D {\n  run(z) {}\n  _own() {}\n  constructor() {}\n}\nfunction e() {}\nexport { e };\n// no\nexport default class F {}\n";
    assert_eq!(
        found("a.js", text),
        ["1 a undocumented", "3 c undocumented", "6 D.run undocumented", "10 e undocumented", "13 F undocumented"]
    );
    let text = "/**\n * Adds.\n * @param {number} a - one\n * @param {number} c - two\n * @returns {number} the sum\n * @throws {RangeError} never\n */\nexport function add(a: number, b = 1, { d } = {}): void {\n  a + b;\n}\n";
    assert_eq!(found("a.ts", text), ["1 add missing-parameter", "5 add returns-nothing", "6 add doubtful-error?"]);
    assert!(found("a.js", "module.exports = { f };\n/** Is. */\nfunction f() {}\n").is_empty());
}

/// Protects the check of Rust: what `pub` offers, and the contract of unsafe functions.
#[test]
fn rust_tells_what_is_public() {
    let text = "//! A.\npub struct P;\npub(crate) fn a() {}\nimpl P {\n    pub fn b(&self) {}\n    fn c(&self) {}\n}\nimpl Clone for P {\n    fn clone(&self) -> Self { P }\n}\n/// Reads.\n///\n/// # Arguments\n///\n/// * `q` - where\npub UNSAFE fn d(p: *const u8) -> u8 { *p }\n#[doc = \"x\"]\npub fn e() {}\n#[cfg(test)]\nmod tests {\n    pub fn f() {}\n}\npub trait T {\n    fn g();\n}\nstruct O;\nimpl O {\n    pub fn h() {}\n}\n";
    let text = &text.replace("UNSAFE", "unsafe");
    assert_eq!(
        found("src/lib.rs", text),
        [
            "2 P undocumented",
            "5 P.b undocumented",
            "11 d missing-parameter",
            "11 d missing-safety",
            "15 d unknown-parameter",
            "23 T undocumented",
            "24 T.g undocumented"
        ]
    );
    assert_eq!(found("src/lib.rs", "fn a() {}\n"), ["1 src undocumented"]);
}

/// Protects the check of Go: capitals are public, and the documentation begins with the name.
#[test]
fn go_documentation_begins_with_the_name() {
    let text = "package a\n\n// A Box holds.\ntype Box struct{}\n\n// Puts it.\nfunc (b *Box) Put(x int) {}\n\nfunc (b *Box) Get() int { return 1 }\n\nfunc own() {}\n\n//go:noinline\nfunc Bare() {}\n\n// Deprecated: no.\nfunc Old() {}\n";
    assert_eq!(found("a.go", text), ["6 Box.Put name-first", "9 Box.Get undocumented", "14 Bare undocumented"]);
}

/// Protects the check of Java: public members, and neither overriding methods nor thrown types that are declared.
#[test]
fn java_tells_what_is_public() {
    let text = "/** A. */\npublic class A {\n  public int get(int x) { return x; }\n  @Override\n  public String toString() { return \"\"; }\n  int own() { return 1; }\n  /**\n   * Sets.\n   * @param <T> a type\n   * @param y it\n   * @return it\n   * @throws IOException if late\n   */\n  public <T> void set(T x) throws IOException { }\n  interface I { void in(); }\n}\n";
    assert_eq!(
        found("A.java", text),
        ["3 A.get undocumented", "7 A.set missing-parameter", "10 A.set unknown-parameter", "11 A.set returns-nothing"]
    );
}

/// Protects the check of C and C++: headers offer what they declare, files what is not static, classes what is not private.
#[test]
fn c_tells_what_is_public() {
    let text = "int sum(int a, int b);\n\n/**\n * Copies.\n * \\param[in] from it\n * \\return how many\n */\nvoid copy(const char *src);\n\nstruct point { int x; };\n";
    assert_eq!(
        found("a.h", text),
        [
            "1 sum undocumented",
            "3 copy missing-parameter",
            "5 copy unknown-parameter",
            "6 copy returns-nothing",
            "10 point undocumented"
        ]
    );
    assert_eq!(
        found("a.c", "static int own(void) { return 1; }\nint sum(void) { return 1; }\n"),
        ["2 sum undocumented"]
    );
    let text = "/// A.\nclass A {\n  void own();\npublic:\n  int get(int x);\n  ~A();\nprivate:\n  int hidden();\n};\n";
    assert_eq!(found("a.hpp", text), ["5 A.get undocumented"]);
}
