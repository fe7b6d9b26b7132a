//! What is known of what stands before a dot, of values and of members.

use crate::bind;
use crate::tests::marked::{check, declarations};
use deepcoder_syntax::Language;

fn all(texts: &[&str]) {
    for text in texts {
        check(Language::Python, text);
    }
}

/// Protects `self`: what methods set are fields of the class, once each, and other objects' attributes are not.
#[test]
fn methods_make_fields() {
    let text = "class A(B, p.C[T], metaclass=M):\n    x: int = 1\n    def __init__(self, k):\n        self.x = k\n        self.y = D()\n        k.z = 1\n    def m(self): self.y = None\n";
    let expected = [
        "Class A (^B, ^p.C)",
        "Field x: instance of 'int'",
        "Method __init__: 'None' | ?",
        "Parameter self: instance of A",
        "Parameter k",
        "Field y: ^D() | 'None'",
        "Method m: 'None' | ?",
        "Parameter self: instance of A",
    ];
    assert_eq!(declarations(Language::Python, text), expected);
    all(&[
        "class A:\n    def m(self):\n        self.⟦x→declares x#3⟧ = 1\n        self.⟦x→writes member of instance of A⟧ = self.⟦x→member of instance of A⟧\n",
        "class A:\n    @classmethod\n    def m(cls): cls.⟦x→member of A⟧\n    @staticmethod\n    def s(a): a.⟦x→member of a⟧\n",
        "class A:\n    def m(self):\n        self = f()\n        self.⟦x→member of self⟧\n",
        "class B: pass\nclass A(B):\n    def m(self): super().⟦m→member of instance of B, else dynamic (UnknownReceiver)⟧()\n",
        "class A:\n    __slots__ = (\"⟦x→member of instance of A Quoted⟧\",)\n    def __init__(self): self.x = 1\n",
        "class A:\n    __slots__ = {\"⟦x→member of instance of A Quoted⟧\": \"⟦x→nothing⟧\"}\n",
        "class A:\n    def m(self):\n        def f(): return self.⟦x→member of instance of A⟧\n",
    ]);
}

/// Protects what is known of values: annotations, constructors, results, and doubt where several are possible.
#[test]
fn values_are_known_as_far_as_the_text_tells() {
    let rows = [
        ("class A: pass\nx = A()", "Variable x: A()"),
        ("class A: pass\nx: A = f()", "Variable x: instance of A"),
        ("class A: pass\nx: A | None", "Variable x: instance of A | 'None'"),
        ("class A: pass\nx: \"A\"", "Variable x: instance of A"),
        ("class A: pass\nx: Optional[A]", "Variable x: instance of A | 'None'"),
        ("class A: pass\nx: type[A]", "Variable x: A"),
        ("class A: pass\nx = A() if y else None", "Variable x: A() | 'None'"),
        ("class A: pass\nx = A()\nx = 1", "Variable x: A() | 'int'"),
        ("class A: pass\nfor x in y: pass\nx = A()", "Variable x: ? | A()"),
        ("class A: pass\ndef x() -> A: pass", "Function x: instance of A"),
        ("class A: pass\ndef x(): return A()", "Function x: A()"),
        ("class A: pass\nasync def x() -> A: pass", "Function x"),
        ("class A: pass\n@f\ndef x() -> A: pass", "Function x"),
        ("class A: pass\nwith A() as x: pass", "Variable x: A().__enter__()"),
        ("import m\nx = m.A()", "Variable x: m.A()"),
        ("x = [1]", "Variable x: 'list'"),
        ("x = len(y)", "Variable x: 'len'()"),
        (
            "class A:\n    @property\n    def x(self) -> A: pass\n    @x.setter\n    def x(self, v): pass",
            "Field x: instance of A",
        ),
        ("class A:\n    def x(self): return self", "Method x: instance of A"),
        ("class x(dict, ValueError, object): pass", "Class x (^dict, 'ValueError', 'object')"),
        ("from a import x", "Import x from a x"),
        ("try:\n    from a import x\nexcept ImportError:\n    from b import x", "Variable x: <a>.x | <b>.x"),
        ("try:\n    from a import x\nexcept ImportError:\n    class x: pass", "Class x: <a>.x"),
    ];
    for (text, expected) in rows {
        let found = declarations(Language::Python, text);
        assert!(found.iter().any(|line| line == expected), "{expected} is not among {found:#?}\nin\n{text}");
    }
}

/// Protects keyword arguments: each names a parameter of what is called.
#[test]
fn keywords_name_parameters() {
    all(&[
        "def f(a): pass\nf(⟦a→keyword member of f⟧=1)\n",
        "class C: pass\nC(⟦a→keyword member of C⟧=1)\n",
        "dict(⟦a→keyword member of 'dict'⟧=1)\n",
        "x.f(⟦a→keyword member of ^x.f⟧=1)\n",
        "class C(B, ⟦key→keyword member of ?.__init_subclass__⟧=1): pass\n",
    ]);
}

/// Protects what only a run can tell: it is noted with the name that it reaches, where the text says which.
#[test]
fn reflection_is_noted() {
    let rows: [(&str, &[Option<&str>]); 11] = [
        ("partial(f, p=1)", &[Some("p")]),
        ("f(**{\"p\": 1}, **k)", &[Some("p")]),
        ("getattr(x, \"name\")", &[Some("name")]),
        ("getattr(x, name)", &[None]),
        ("globals()[k] = 1", &[None]),
        ("def globals(): pass\nglobals()", &[]),
        ("eval(s)", &[None]),
        ("x.__dict__", &[None]),
        ("class C:\n    def __getattr__(self, k): pass", &[None]),
        ("@parametrize(\"a,b\")\ndef f(a, c): pass", &[Some("a")]),
        ("x: \"C |\"", &[Some("C")]),
    ];
    for (text, expected) in rows {
        let bindings = bind(Language::Python, text).expect("bound");
        let found: Vec<Option<&str>> = bindings.hazards.iter().map(|hazard| hazard.name.as_deref()).collect();
        assert_eq!(found, expected, "{text}");
    }
}

/// Protects the process: no text overflows the stack, and errors are places and no names.
#[test]
fn hostile_texts_are_bound() {
    let deep = 20_000;
    let texts = [
        format!("x = {}1{}", "(".repeat(deep), ")".repeat(deep)),
        format!("x{}", ".a".repeat(deep)),
        format!("x = {}1", "lambda: ".repeat(deep)),
        format!("x{}", "()".repeat(deep)),
        format!("x = {}y", "not ".repeat(deep)),
        format!("x = a{}", " or a".repeat(deep)),
        format!("{}x", "[".repeat(deep)),
        "def f(:\n  class\n x = = 1\n\0".to_owned(),
        "from . import\nimport\nfrom import x\n".to_owned(),
        "class :\n    def (self): self.\n".to_owned(),
    ];
    for text in texts {
        if let Some(bindings) = bind(Language::Python, &text) {
            crate::tests::marked::consistent(&bindings, &text);
        }
    }
}
