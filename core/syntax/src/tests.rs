use crate::{Kept, Language, MAX_PARSE, RawSymbol, enclosing, errors, parses, symbols};
use deepcoder_types::{RepoPath, TextRange};

pub(crate) fn outline(language: Language, text: &str) -> Vec<String> {
    symbols(language, text).iter().map(|s| format!("{} {}", s.kind, s.qualified)).collect()
}

fn find<'s>(found: &'s [RawSymbol], qualified: &str) -> &'s RawSymbol {
    found.iter().find(|s| s.qualified == qualified).unwrap_or_else(|| panic!("no {qualified} in {found:#?}"))
}

const PYTHON: &str = "#!/usr/bin/env python\nimport os\n\nLIMIT = 3  # not a lead\ndef plain(a, b=1) -> int:\n    x = 1\n    def inner():\n        pass\n    return a\n\n# About C.\n@decorated\nclass C(Base):\n    field: int = 0\n\n    @property\n    def size(self):\n        return 1\n\n\nasync def last():\n    # note\n    pass\n";

const RUST: &str = "//! File.\n\n/// A point.\n#[derive(Debug)]\npub struct Point<T> {\n    x: T,\n}\n\nimpl<T> Point<T> {\n    /// Makes one.\n    pub fn new(x: T) -> Self {\n        const INNER: u8 = 1;\n        Self { x }\n    }\n}\n\ntrait Area { fn area(&self) -> f64; }\nenum E { A }\nmod m { pub const N: usize = 1; }\nmacro_rules! go { () => {} }\ntype T = u8;\n";

const SCRIPT: &str = "/** Adds. */\nexport function add(a, b) { return a + b }\nexport const twice = (x) => { const y = 2; return x * y }\nconst LIMIT = 3\nexport default class Shape extends Base {\n  #name = 1\n  // The area.\n  area() { return 0 }\n  handler = () => { }\n}\nfor (let i = 0; i < 3; i++) { const z = i }\n";

const TYPED: &str = "export interface Box<T> { get(): T; size: number }\nexport type Id = string | number;\nenum Color { Red }\nnamespace Inner { export const x = 1; export function f(): void {} }\nabstract class A { @dec() private run<T>(x: T): void {} abstract stop(): void }\ndeclare function g(x: number): string;\n";

const GO: &str = "package main\n\n// Server serves.\ntype Server[T any] struct {\n\taddr string\n}\n\ntype (\n\tA int\n\tR interface{ Read() }\n)\n\nconst (\n\tX = 1\n\tY = 2\n)\n\nvar global = 3\n\n// Run runs.\nfunc (s *Server[T]) Run(ctx int) error {\n\tvar local = 1\n\treturn nil\n}\n\nfunc main() {}\n";

const JAVA: &str = "package p;\n/** A shape. */\n@Entity\npublic class Shape implements X {\n  private static final int N = 1;\n  public Shape() {}\n  @Override\n  public int area(int a) throws E { int local = 1; return 0; }\n  enum Kind { A }\n}\ninterface X { void f(); }\nrecord P(int x) {}\n";

const C: &str = "#ifndef H\n#define H\n#define MAX(a, b) ((a) > (b))\n/* A node. */\nstruct node { int v; void (*cb)(int); };\ntypedef struct { int x; } point_t;\nenum color { RED };\nstatic int *table[3];\nint sum(const int *v, int n);\n// Sums.\nint *sum(const int *v, int n)\n{\n  int local = 0;\n  return 0;\n}\n#endif\n";

const CPP: &str = "namespace a::b {\ntemplate <typename T>\nclass Box : Base {\n public:\n  Box();\n  ~Box() {}\n  T get() const { return v; }\n  int v;\n};\n}\nint a::b::Box<int>::get(int x) { return x; }\nusing Id = int;\nbool operator==(const A& x, const A& y) { return true; }\n";

/// Protects symbol search and context: what every language defines, under which names, and nothing from function bodies.
#[test]
fn every_language_gives_its_definitions() {
    let cases: [(Language, &str, &[&str]); 8] = [
        (
            Language::Python,
            PYTHON,
            &[
                "constant LIMIT",
                "function plain",
                "function plain.inner",
                "class C",
                "variable C.field",
                "method C.size",
                "function last",
            ],
        ),
        (
            Language::Rust,
            RUST,
            &[
                "struct Point",
                "impl Point",
                "method Point.new",
                "trait Area",
                "method Area.area",
                "enum E",
                "module m",
                "constant m.N",
                "macro go",
                "type T",
            ],
        ),
        (
            Language::JavaScript,
            SCRIPT,
            &[
                "function add",
                "function twice",
                "constant LIMIT",
                "class Shape",
                "field Shape.#name",
                "method Shape.area",
                "method Shape.handler",
            ],
        ),
        (
            Language::TypeScript,
            TYPED,
            &[
                "interface Box",
                "method Box.get",
                "type Id",
                "enum Color",
                "module Inner",
                "constant Inner.x",
                "function Inner.f",
                "class A",
                "method A.run",
                "method A.stop",
                "function g",
            ],
        ),
        (
            Language::Go,
            GO,
            &[
                "struct Server",
                "type A",
                "interface R",
                "constant X",
                "constant Y",
                "variable global",
                "method Server.Run",
                "function main",
            ],
        ),
        (
            Language::Java,
            JAVA,
            &[
                "class Shape",
                "field Shape.N",
                "method Shape.Shape",
                "method Shape.area",
                "enum Shape.Kind",
                "interface X",
                "method X.f",
                "class P",
            ],
        ),
        (
            Language::C,
            C,
            &[
                "macro H",
                "macro MAX",
                "struct node",
                "field node.v",
                "field node.cb",
                "type point_t",
                "field point_t.x",
                "enum color",
                "variable table",
                "function sum",
                "function sum",
            ],
        ),
        (
            Language::Cpp,
            CPP,
            &[
                "module a.b",
                "class a.b.Box",
                "method a.b.Box.Box",
                "method a.b.Box.~Box",
                "method a.b.Box.get",
                "field a.b.Box.v",
                "method a.b.Box.get",
                "type Id",
                "function operator==",
            ],
        ),
    ];
    for (language, text, expected) in cases {
        assert_eq!(outline(language, text), expected, "{}", language.name());
        assert_eq!(errors(language, text), [], "{}", language.name());
    }
}

/// Protects edits of whole symbols: a range has the decorators, attributes and comments that belong to it, and not the
/// comment of the line before; a signature ends before the body.
#[test]
fn ranges_have_what_belongs_to_the_definition() {
    let cases = [
        (Language::Python, PYTHON, "plain", "def plain(a, b=1) -> int:", "return a"),
        (Language::Python, PYTHON, "C", "# About C.\n@decorated\nclass C(Base):", "return 1"),
        (Language::Python, PYTHON, "last", "async def last():", "pass"),
        (Language::Python, PYTHON, "C.size", "@property\n    def size(self):", "return 1"),
        (Language::Rust, RUST, "Point.new", "/// Makes one.\n    pub fn new(x: T) -> Self", "}"),
        (Language::JavaScript, SCRIPT, "add", "/** Adds. */\nexport function add(a, b)", "}"),
        (Language::JavaScript, SCRIPT, "twice", "export const twice = (x) =>", "}"),
        (Language::JavaScript, SCRIPT, "Shape.area", "// The area.\n  area()", "}"),
        (Language::TypeScript, TYPED, "A.run", "@dec() private run<T>(x: T): void", "}"),
        (Language::Go, GO, "Server", "// Server serves.\ntype Server[T any] struct", "}"),
        (Language::Go, GO, "Server.Run", "// Run runs.\nfunc (s *Server[T]) Run(ctx int) error", "}"),
        (Language::Java, JAVA, "Shape", "/** A shape. */\n@Entity\npublic class Shape implements X", "}"),
        (Language::Java, JAVA, "Shape.area", "@Override\n  public int area(int a) throws E", "}"),
        (Language::C, C, "node", "/* A node. */\nstruct node", "};"),
        (Language::Cpp, CPP, "a.b.Box", "template <typename T>\nclass Box : Base", "};"),
    ];
    for (language, text, name, signature, ending) in cases {
        let found = symbols(language, text);
        let symbol = find(&found, name);
        let whole = &text[symbol.range.as_range()];
        assert_eq!(&text[symbol.range.start as usize..symbol.signature_end as usize], signature);
        assert!(whole.ends_with(ending), "{name}: {whole:?}");
    }
    let found = symbols(Language::Rust, RUST);
    let point = find(&found, "Point");
    assert!(RUST[point.range.as_range()].starts_with("/// A point.\n#[derive(Debug)]\npub struct"));
    assert!(RUST[point.signature_start as usize..].starts_with("pub struct"));
}

/// Protects the enclosing symbol of a selection: the innermost function, not the variable in it or the class around it.
#[test]
fn the_innermost_definition_encloses_an_offset() {
    let at = |needle: &str| u32::try_from(PYTHON.find(needle).expect("in the text")).expect("small");
    let name = |needle| enclosing(Language::Python, PYTHON, at(needle)).map(|s| s.qualified);
    assert_eq!(name("return 1").as_deref(), Some("C.size"));
    assert_eq!(name("field").as_deref(), Some("C"));
    assert_eq!(name("pass").as_deref(), Some("plain.inner"));
    assert_eq!(name("import os"), None);
}

/// Protects verification: broken text is found broken, at its line, and what is around the break still has symbols.
#[test]
fn broken_text_has_errors_with_lines() {
    let broken = "def good():\n    pass\n\ndef bad(:\n    pass\n";
    let found = errors(Language::Python, broken);
    assert!(found.iter().any(|e| e.line == 4), "{found:?}");
    assert_eq!(parses(Language::Python, broken), Some(false));
    assert!(outline(Language::Python, broken).contains(&"function good".to_owned()));
    let missing = errors(Language::Java, "class A { int x = 1 }");
    assert_eq!(missing.first().and_then(|e| e.missing.as_deref()), Some(";"));
    for language in Language::ALL {
        assert_eq!(parses(language, ""), Some(true), "{}", language.name());
        assert_eq!(parses(language, "\u{feff}"), Some(true), "{}", language.name());
    }
}

/// Protects the process: nesting that overflows a recursive walk, unclosed brackets, and size come back quickly.
#[test]
fn hostile_nesting_and_size_are_survived() {
    let deep = 10_000;
    for (language, text) in [
        (Language::Python, "(".repeat(deep)),
        (Language::Rust, format!("fn f() {{ {}{} }}", "{".repeat(deep), "}".repeat(deep))),
        (Language::JavaScript, "[".repeat(deep) + &"]".repeat(deep)),
        (Language::C, format!("int {}x;", "*".repeat(deep))),
        (Language::Cpp, "a<b<".repeat(2_000)),
        (Language::Java, "class A { ".repeat(2_000)),
        (Language::Go, "\0\u{1}€".repeat(5_000)),
    ] {
        let _ = (symbols(language, &text), errors(language, &text), enclosing(language, &text, 7));
    }
    for language in Language::ALL {
        for piece in
            ["(", "{", "[", "<a>", "$(", "- ", "a: ", "<<A\n", "if a; then\n", "<?php {", "\"${", "&a *", "\t[a"]
        {
            let text = piece.repeat(400);
            let _ =
                (symbols(language, &text), crate::comments(language, &text), crate::tokens(language, &text, Kept::All));
        }
    }
    assert_eq!(parses(Language::Python, &"a".repeat(MAX_PARSE + 1)), None);
}

/// Protects language detection for every extension that a grammar has.
#[test]
fn languages_are_known_by_extension_and_name() {
    let of = |name: &str| Language::of(&RepoPath::new(name).expect("a path"));
    assert_eq!(of("a/b.PY"), Some(Language::Python));
    assert_eq!(of("x.d.ts"), Some(Language::TypeScript));
    assert_eq!(of("x.h"), Some(Language::Cpp));
    assert_eq!((of("Makefile"), of(".rs"), of("x.txt")), (None, None, None));
    for language in Language::ALL {
        assert_eq!(Language::from_name(language.name()), Some(language));
    }
    assert_eq!(Language::from_name("C++"), Some(Language::Cpp));
}

/// Protects whoever acts on comments: they are found in every language, beside code that does not parse too, and never in
/// strings.
#[test]
fn comments_are_found_and_strings_are_not() {
    let said = |language, text: &str| {
        let cut = |r: &TextRange| text[r.as_range()].to_owned();
        crate::comments(language, text).iter().map(cut).collect::<Vec<_>>()
    };
    for language in Language::ALL {
        // PHP begins as HTML.
        let Some(mark) = language.line_comment().filter(|_| language != Language::Php) else { continue };
        let text = format!("{mark} one\nx = \"{mark} no\"\n{mark} two AI!\n");
        assert_eq!(said(language, &text), [format!("{mark} one"), format!("{mark} two AI!")], "{language:?}");
    }
    assert_eq!(said(Language::Python, "def f(:\n    x = '# no'  # yes\n"), ["# yes"]);
    assert_eq!(said(Language::Rust, "/// doc\nfn f() { /* in */ }\n//! x\n"), ["/// doc", "/* in */", "//! x"]);
    assert_eq!(said(Language::C, "int a; // last"), ["// last"]);
}

/// Protects Python files from functions without a body, which the grammar lets pass.
#[test]
fn a_block_without_a_statement_is_an_error() {
    for text in ["def f():\n", "class A:\n    # nothing\n\nx = 1\n", "if x:\nelse:\n    pass\n"] {
        assert_eq!(errors(Language::Python, text).len(), 1, "{text}");
    }
    for text in ["def f():\n    pass\n", "def f(): ...\n", "class A:\n    \"\"\"A.\"\"\"\n", "for x in y: pass\n"] {
        assert_eq!(errors(Language::Python, text), Vec::new(), "{text}");
    }
}
/// Protects the queries: each is well-formed, by tree-sitter's own reader as well, which knows the kinds and fields of the
/// grammar.
#[test]
fn queries_are_about_nodes_that_exist() {
    for language in Language::ALL {
        assert!(language.tags().is_some(), "{}", language.name());
        let source = language.spec().tags.concat();
        if let Err(error) = tree_sitter::Query::new(&language.grammar(), &source) {
            panic!("{}: {error}", language.name());
        }
    }
}

/// What the test of a language says about a text: its definitions, and its comments to the letter. No beginning of it, no end
/// and no hole makes anything panic.
pub(crate) fn describes(language: Language, text: &str, definitions: &[&str], said: &[&str]) {
    assert_eq!(outline(language, text), definitions);
    let cut = |range: TextRange| &text[range.as_range()];
    assert_eq!(crate::comments(language, text).into_iter().map(cut).collect::<Vec<_>>(), said);
    assert_eq!(parses(language, text), Some(true), "{:?}", errors(language, text));
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)).step_by(29) {
        let hole: String = text.chars().enumerate().filter(|(n, _)| n % 7 != at % 7).map(|(_, c)| c).collect();
        for broken in [&text[..at], &text[at..], hole.as_str()] {
            let _ = (symbols(language, broken), errors(language, broken), crate::comments(language, broken));
            let _ = (crate::tokens(language, broken, Kept::Code), crate::import_statements(language, broken));
            let _ = (crate::multiline_strings(language, broken), crate::imports(language, broken));
        }
    }
}

/// The file, the shebang and the name that people use are known, and what is a test of the language.
pub(crate) fn is_known(language: Language, files: &[&str], names: &[&str], tests: &[&str]) {
    let path = |name: &&str| RepoPath::new(*name).expect("a path");
    for file in files {
        assert_eq!(Language::of(&path(file)), Some(language), "{file}");
        assert!(!crate::is_test(&path(file)), "{file}");
    }
    for name in names {
        assert_eq!(Language::from_name(name), Some(language), "{name}");
    }
    for file in tests {
        assert!(crate::is_test(&path(file)), "{file}");
    }
}
