use super::answers;

const CARGO: &str = "== Cargo.toml\n[package]\nname = \"k\"\n";

fn answers_in_a_crate(rows: &[(&str, &str, &str)]) {
    let rows: Vec<(String, &str, &str)> =
        rows.iter().map(|(tree, new, wanted)| (format!("{CARGO}{tree}"), *new, *wanted)).collect();
    answers(&rows.iter().map(|(tree, new, wanted)| (tree.as_str(), *new, *wanted)).collect::<Vec<_>>());
}

/// Protects traits and what is generated from names.
#[test]
fn traits_and_derives() {
    answers_in_a_crate(&[
        (
            "== src/lib.rs\ntrait T { fn ‸m(&self); }\nstruct A;\nimpl T for A { fn m(&self) {} }\nimpl A { fn m2(&self) { self.m(); T::m(self); <A as T>::m(self); } }\n",
            "k",
            "safe impl T for A { fn k(&self) {} }\nimpl A { fn m2(&self) { self.k(); T::k(self); <A as T>::k(self); } }",
        ),
        (
            "== src/lib.rs\ntrait T { fn ‸m(&self); }\nstruct A;\nimpl T for A { fn m(&self) {} }\nimpl A { fn m(&self) {} }\nfn f(a: &A) { a.m(); }\nfn g<X: T>(x: X) { x.m(); }\nfn h(x: &dyn T) { x.m(); }\n",
            "k",
            "review|safe fn f(a: &A) { a.m(); }\nfn g<X: T>(x: X) { x.k(); }\nfn h(x: &dyn T) { x.k(); }",
        ),
        (
            "== src/lib.rs\nuse std::fmt;\nstruct A;\nimpl fmt::Display for A { fn ‸fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { Ok(()) } }\n",
            "show",
            "review|refused",
        ),
        ("== src/lib.rs\nuse serde::Serialize;\n#[derive(Serialize)]\nstruct A { ‸name: String }\n", "title", "review"),
        ("== src/lib.rs\nuse serde::Serialize;\n#[derive(Serialize)]\nenum A { ‸Name }\n", "Title", "review"),
        (
            "== src/lib.rs\n#[derive(Debug, Clone, PartialEq)]\nstruct A { ‸name: String }\nfn f(a: &A) -> &str { &a.name }\n",
            "title",
            "safe|review fn f(a: &A) -> &str { &a.title }",
        ),
        ("== src/lib.rs\n#[derive(Parser)]\nstruct A { ‸name: String }\n", "title", "review"),
        (
            "== src/lib.rs\n#[serde(default = \"make\")]\nstruct A;\nfn ‸make() -> A { A }\n",
            "build",
            "review|safe default = \"build\"",
        ),
        (
            "== src/lib.rs\nuse std::ops::Deref;\nstruct In { ‸x: i32 }\nstruct Out(In);\nimpl Deref for Out { type Target = In; fn deref(&self) -> &In { &self.0 } }\nfn f(o: Out) -> i32 { o.x }\n",
            "y",
            "review|safe fn f(o: Out) -> i32 { o.y }",
        ),
        (
            "== src/lib.rs\nstruct A { ‸x: i32 }\nfn f(v: Vec<A>) -> i32 { v[0].x + v.iter().map(|a| a.x).sum::<i32>() }\n",
            "y",
            "review|safe v[0].y + v.iter().map(|a| a.y)",
        ),
        (
            "== src/lib.rs\nenum E { ‸A(i32), B { x: i32 } }\nuse E::*;\nfn f(e: E) -> i32 { match e { A(n) => n, B { x } => x } }\n",
            "C",
            "review|safe fn f(e: E) -> i32 { match e { C(n) => n",
        ),
        (
            "== src/lib.rs\nenum E { A, B }\nfn f(e: E) -> i32 { use E::A; match e { A => 1, ‸other => 2 } }\n",
            "B",
            "safe|review|refused",
        ),
        ("== src/lib.rs\nconst X: i32 = 1;\nfn f(n: i32) -> i32 { match n { ‸other => other } }\n", "X", "refused"),
        (
            "== src/lib.rs\nmod m { pub fn ‸f() {} }\npub use m::f;\npub use m::f as g;\nfn h() { f(); g(); crate::f(); self::m::f(); }\n",
            "k",
            "review|safe pub use m::k;\npub use m::k as g;\nfn h() { k(); g(); crate::k(); self::m::k(); }",
        ),
        ("== src/lib.rs\n#[no_mangle]\npub extern \"C\" fn ‸f() {}\n", "g", "review"),
        ("== src/lib.rs\nextern \"C\" { fn ‸f(); }\n", "h", "review|refused"),
        ("== src/main.rs\nfn ‸main() {}\n", "run", "review|refused"),
    ]);
}

/// Protects macros: what they generate, take apart and capture.
#[test]
fn macros() {
    answers_in_a_crate(&[
        (
            "== src/lib.rs\nmacro_rules! make { ($n:ident) => { fn $n() {} } }\nmake!(f);\nfn g() { ‸f(); }\n",
            "h",
            "review|refused",
        ),
        (
            "== src/lib.rs\nfn ‸f() {}\nmacro_rules! call { () => { f() } }\nfn g() { call!(); }\n",
            "h",
            "review|safe => { h() }",
        ),
        (
            "== src/lib.rs\nstruct A { ‸x: i32 }\nmacro_rules! get { ($a:expr) => { $a.x } }\nfn g(a: A) -> i32 { get!(a) }\n",
            "y",
            "review|safe => { $a.y }",
        ),
        (
            "== src/lib.rs\nfn g(‸a: i32) { println!(\"{a} {} {a:?} {0}\", a); format!(\"{}\", a + 1); assert_eq!(a, 1, \"{a}\"); vec![a; 2]; }\n",
            "b",
            "safe println!(\"{b} {} {b:?} {0}\", b); format!(\"{}\", b + 1); assert_eq!(b, 1, \"{b}\"); vec![b; 2];",
        ),
        (
            "== src/lib.rs\nfn g(‸a: Option<i32>) -> bool { matches!(a, Some(n) if n > 1) }\n",
            "b",
            "safe matches!(b, Some(n) if n > 1)",
        ),
        (
            "== src/lib.rs\nfn g(‸a: i32) { log::info!(\"{} {a}\", a); anyhow::bail!(\"no {a} {}\", a); }\n",
            "b",
            "safe|review log::info!(\"{} {b}\", b); anyhow::bail!(\"no {b} {}\", b);",
        ),
        ("== src/lib.rs\nfn g(‸a: i32) { unknown!(a => 1); }\n", "b", "review|refused"),
        ("== src/lib.rs\nfn g(‸a: i32) -> String { stringify!(a).to_owned() }\n", "b", "review|refused"),
        ("== src/lib.rs\nfn g(a: i32) { println!(\"{‸a}\"); }\n", "b", "safe fn g(b: i32) { println!(\"{b}\"); }"),
        (
            "== src/lib.rs\n#[test]\nfn t() { let ‸x = 1; assert!(matches!(x, 1 | 2)); write!(w, \"{x}\").ok(); }\n",
            "y",
            "safe assert!(matches!(y, 1 | 2)); write!(w, \"{y}\").ok();",
        ),
    ]);
}

/// Protects conditional compilation, shorthand, shadowing, lifetimes and modules with their files.
#[test]
fn places() {
    answers_in_a_crate(&[
        (
            "== src/lib.rs\n#[cfg(unix)]\nfn ‸f() {}\n#[cfg(not(unix))]\nfn f() {}\nfn g() { f(); }\n",
            "h",
            "review|safe #[cfg(unix)]\nfn h() {}\n#[cfg(not(unix))]\nfn h() {}",
        ),
        (
            "== src/lib.rs\nstruct S { ‸a: i32 }\nfn f(a: i32) -> S { let s = S { a }; let S { a } = s; S { a: a + 1 } }\n",
            "b",
            "safe struct S { b: i32 }\nfn f(a: i32) -> S { let s = S { b: a }; let S { b: a } = s; S { b: a + 1 } }",
        ),
        (
            "== src/lib.rs\nfn f(‸a: i32) -> i32 { let a = a + 1; let b = |a: i32| a; a + b(a) }\n",
            "c",
            "safe fn f(c: i32) -> i32 { let a = c + 1; let b = |a: i32| a; a + b(a) }",
        ),
        (
            "== src/lib.rs\nmod ‸m;\nuse m::f;\nfn g() { crate::m::f(); f(); }\n== src/m.rs\npub fn f() {}\n",
            "n",
            "safe == src/lib.rs\nmod n;\nuse n::f;\nfn g() { crate::n::f(); f(); }\n== src/n.rs\n",
        ),
        (
            "== src/lib.rs\n#[path = \"other.rs\"]\nmod ‸m;\nfn g() { m::f(); }\n== src/other.rs\npub fn f() {}\n",
            "n",
            "safe|review mod n;\nfn g() { n::f(); }\n== src/other.rs",
        ),
        ("== src/lib.rs\npub fn ‸f() {}\n== tests/t.rs\n#[test]\nfn t() { k::f(); }\n", "g", "safe fn t() { k::g(); }"),
        (
            "== src/lib.rs\n/// Calls [`f`].\n///\n/// ```\n/// k::f();\n/// ```\npub fn ‸f() {}\n",
            "g",
            "review|safe /// k::g();",
        ),
        (
            "== src/lib.rs\nimpl A { const ‸N: usize = 1; fn f() -> [u8; Self::N] { [0; A::N] } }\nstruct A;\n",
            "M",
            "safe fn f() -> [u8; Self::M] { [0; A::M] }",
        ),
        (
            "== src/lib.rs\ntrait T { type ‸Out; fn f() -> Self::Out; }\nimpl T for u8 { type Out = u8; fn f() -> Self::Out { 1 } }\nfn g<X: T<Out = u8>>() -> X::Out { X::f() }\n",
            "Res",
            "review|safe fn g<X: T<Res = u8>>() -> X::Res { X::f() }",
        ),
    ]);
}

/// Protects what looks like a name: `self` becomes a parameter and a parameter `self`, a lifetime that is left out is declared, and
/// an import gets a name alone where it is asked for there.
#[test]
fn receivers_lifetimes_and_imports() {
    answers_in_a_crate(&[
        (
            "== src/lib.rs\nstruct A(i32);\nimpl A { fn f(&‸self) -> i32 { self.0 + (|| self.0)() } }\n",
            "this",
            "safe fn f(this: &Self) -> i32 { this.0 + (|| this.0)() }",
        ),
        (
            "== src/lib.rs\nstruct A(i32);\nimpl A { fn f(mut ‸self) { self.0 = 1; } }\n",
            "a",
            "safe fn f(mut a: Self) { a.0 = 1; }",
        ),
        (
            "== src/lib.rs\nstruct A;\nimpl A { fn f(‸self: Box<Self>) { g(self) } }\n",
            "a",
            "safe fn f(a: Box<Self>) { g(a) }",
        ),
        (
            "== src/lib.rs\nstruct A;\nimpl A { fn f(&‸self) {} fn g(&self) { self.f() } }\n",
            "a",
            "refused called as a method",
        ),
        ("== src/lib.rs\nstruct A;\nimpl A { fn f(&‸self, a: i32) -> i32 { a } }\n", "a", "refused taken"),
        (
            "== src/lib.rs\nstruct A;\nimpl Clone for A { fn clone(&‸self) -> A { A } }\n",
            "a",
            "refused `impl` of a type itself",
        ),
        (
            "== src/lib.rs\nstruct A(i32);\nimpl A { fn f(‸a: &Self, b: i32) -> i32 { a.0 + b } }\nfn g(a: A) { A::f(&a, 1); }\n",
            "self",
            "safe fn f(&self, b: i32) -> i32 { self.0 + b } }\nfn g(a: A) { A::f(&a, 1); }",
        ),
        ("== src/lib.rs\nstruct A(i32);\nimpl A { fn f(b: i32, ‸a: &A) {} }\n", "self", "refused first parameter"),
        ("== src/lib.rs\nstruct A(i32);\nimpl A { fn f(‸a: i32) {} }\n", "self", "refused type"),
        ("== src/lib.rs\nfn f<T>(x: &'‸_ str, y: T) {}\n", "'a", "safe fn f<'a, T>(x: &'a str, y: T) {}"),
        (
            "== src/lib.rs\nstruct S<'b>(&'b str);\nimpl S<'‸_> { fn f(&self) {} }\n",
            "'a",
            "safe impl<'a> S<'a> { fn f(&self) {} }",
        ),
        ("== src/lib.rs\nfn f<'a>(x: &'‸_ str, y: &'a str) {}\n", "'a", "refused taken"),
        (
            "== src/lib.rs\nmod m { pub struct A; }\nuse m::‸A;\nfn f(_: A, _: m::A) {}\n",
            "B",
            "review use m::A as B;\nfn f(_: B, _: m::A) {}",
        ),
        ("== src/lib.rs\nfn ‸f() {}\nfn g() {}\n", "g", "refused taken"),
        ("== src/lib.rs\nstruct A;\nimpl A { fn ‸f(&self) {} }\nimpl A { fn g(&self) {} }\n", "g", "review|refused"),
        ("== src/lib.rs\nstruct A { ‸x: i32, y: i32 }\n", "y", "refused taken"),
        (
            "== src/lib.rs\nstruct A { ‸x: i32 }\nimpl A { fn y(&self) -> i32 { self.x } }\n",
            "y",
            "safe fn y(&self) -> i32 { self.y }",
        ),
        ("== src/lib.rs\nuse std::fmt::Debug;\n#[derive(‸Debug)]\nstruct A;\n", "D", "refused only its import"),
    ]);
}
