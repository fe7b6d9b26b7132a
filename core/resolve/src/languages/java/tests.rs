use crate::tests::marked::{check, declarations};
use crate::tests::tree::Tree;
use deepcoder_syntax::Language::Java;

/// Locals hide fields, `this` does not; each block has its own.
#[test]
fn fields_and_locals() {
    check(
        Java,
        "class A { int ⟦x⟧; void m(int ⟦2:x⟧) { ⟦2:x⟧ = ⟦2:x⟧ + 1; this.⟦x→writes value of instance of A, else dynamic (UnknownReceiver)⟧ = 2; } int g() { return ⟦x⟧; } }",
    );
    check(
        Java,
        "class A { void m() { for (int ⟦i⟧ = 0; ⟦i⟧ < 2; ⟦i⟧++) {} for (String ⟦2:i⟧ : l) { f(⟦2:i⟧); } try (R ⟦3:i⟧ = o()) { f(⟦3:i⟧); } catch (E ⟦4:i⟧) { f(⟦4:i⟧); } } }",
    );
    check(
        Java,
        "class A { int ⟦x⟧; Runnable r = () -> f(⟦x⟧); F g = ⟦2:x⟧ -> ⟦2:x⟧ + 1; G h = (⟦3:x⟧, y) -> { return ⟦3:x⟧; }; }",
    );
    check(Java, "class A { void m() { ⟦x⟧: for (int ⟦2:x⟧ : l) { if (⟦2:x⟧ > 1) break ⟦x⟧; } } }");
}

/// A field and a method may have one name; overloads are told apart by the number of arguments.
#[test]
fn methods() {
    check(Java, "class A { int ⟦m⟧; int ⟦2:m⟧() { return ⟦m⟧ + ⟦2:m⟧() + ⟦3:m⟧(1); } int ⟦3:m⟧(int a) { return 1; } }");
    check(
        Java,
        "class A { void m(int a) {} void m(String a) {} void n() { ⟦m→several m#1 m#3 (SeveralDeclarations)⟧(1); } }",
    );
    check(
        Java,
        "class A extends B { void n() { ⟦m→method/1 of instance of A, else outside⟧(1); super.⟦n→method/0 of instance of ^B, else dynamic (UnknownReceiver)⟧(); } }",
    );
    check(
        Java,
        "class A { void n(A a) { a.⟦n→method/1 of a, else dynamic (UnknownReceiver)⟧(a); F f = a::⟦n→method of a, else dynamic (UnknownReceiver)⟧; } }",
    );
}

/// What a class inherits comes before what is around it.
#[test]
fn inherited() {
    check(
        Java,
        "class A { int x; class B extends C { int g() { return ⟦x→value of instance of B, else x#1⟧; } } class D { int g() { return ⟦x→x#1⟧; } } }",
    );
    let found = declarations(
        Java,
        "class A<T> extends B<T> implements I, p.J { T f; A<T> g() { return new A<T>() { int h; }; } }",
    );
    assert_eq!(
        found,
        [
            "Class A (^B, ^I, ^p.J)",
            "TypeParameter T",
            "Field f: instance of T",
            "Method g: instance of A",
            "Class  (A)",
            "Field h: 'int'"
        ]
    );
}

/// `A.super.x` is no member of A itself.
#[test]
fn outer_super() {
    check(
        Java,
        "class A extends Z { int x; class B { int g() { return A.super.⟦x→value of instance of ^Z, else dynamic (UnknownReceiver)⟧; } } }",
    );
    check(
        Java,
        "interface I { default void m() {} } class C implements I { void n() { I.super.⟦m→method/0 of instance of I, else dynamic (UnknownReceiver)⟧(); } }",
    );
}

/// A constructor has the name of its class.
#[test]
fn constructors() {
    check(
        Java,
        "class ⟦A⟧ { ⟦A⟧() {} ⟦A⟧(int x) { this(); } static ⟦A⟧ of() { return new ⟦A⟧(); } Object o = (⟦A⟧) null; }",
    );
}

/// A record's component is a field, a method and a parameter.
#[test]
fn records() {
    check(Java, "record R(int ⟦x⟧, int y) { R { if (⟦x⟧ > 1) throw e(); } int g() { return ⟦x⟧ + ⟦x⟧(); } }");
    check(Java, "record R(int ⟦x⟧) { R(int ⟦x⟧) { this.x = ⟦x⟧; } }");
}

/// Names after `case` are constants of what is switched on.
#[test]
fn enums() {
    check(Java, "enum E { ⟦A⟧, B { int v() { return 2; } }; static E d = ⟦A⟧; int v() { return 1; } }");
    check(
        Java,
        "class C { void m(E e) { switch (e) { case ⟦A→value of e, else value of , else outside⟧: break; } switch (1) { case ⟦K→value of , else outside⟧ -> m(e); default -> {} } } }",
    );
}

/// The variable of a pattern is in scope where the test has come out true.
#[test]
fn patterns() {
    check(
        Java,
        "class C { void m(Object o) { if (o instanceof A ⟦a⟧ && ⟦a⟧.ok()) { f(⟦a⟧); } else if (o instanceof B ⟦2:a⟧) { f(⟦2:a⟧); } } }",
    );
    check(
        Java,
        "class C { int a; void m(Object o) { if (!(o instanceof A a)) { throw e(); } f(⟦a→several a#4 a#1 (SeveralDeclarations)⟧); } }",
    );
    check(
        Java,
        "class C { int m(Object o) { return switch (o) { case P(int ⟦x⟧, var y) -> ⟦x⟧; case Q ⟦2:x⟧ when ⟦2:x⟧.b() -> 1; default -> 0; }; } }",
    );
}

/// Imports name types of other files; so do the types on the way.
#[test]
fn imports() {
    let found = declarations(
        Java,
        "package a.b;\nimport java.util.List;\nimport p.Outer.Inner;\nimport static q.C.f;\nimport r.*;\nclass A {}",
    );
    let expected = [
        "Import List from java.util List",
        "Import Outer from p Outer",
        "Import Inner from p.Outer Inner",
        "Import C from q C",
        "Import f from q.C f",
        "Class A",
    ];
    assert_eq!(found, expected);
    check(Java, "import static q.C.⟦f⟧;\nimport p.⟦2:L⟧;\nclass A { ⟦2:L⟧<A> l = ⟦f⟧(); int n = ⟦2:L⟧.of(⟦f⟧); }");
}

/// What a documentation comment names.
#[test]
fn documentation() {
    check(
        Java,
        "class A {\n/** f with @param\n * @param ⟦x⟧ the x\n * @see A#⟦f→method/1 of A, else dynamic (UnknownReceiver) Quoted⟧(int)\n */\nvoid f(int ⟦x⟧) {} }",
    );
    check(
        Java,
        "/** {@link ⟦A⟧} and {@link #⟦y→member of A, else dynamic (UnknownReceiver) Quoted⟧} */\nclass ⟦A⟧ { int y; }",
    );
}

/// Annotations and their elements.
#[test]
fn annotations() {
    check(
        Java,
        "@interface ⟦N⟧ { int ⟦2:v⟧() default 1; }\n@⟦N⟧(⟦v→keyword method/0 of instance of N, else dynamic (UnknownReceiver)⟧ = 2) class A {}",
    );
}

/// Texts that do not parse, and nesting of any depth, are bound as well as they can be.
#[test]
fn hostile() {
    for text in
        ["class A { void m( {", "class", "import ;", "record R(", "\u{0}", "", "class A { A( } }", "enum E { A( { }"]
    {
        declarations(Java, text);
    }
    let deep = format!(
        "class A {{ int x = {}1{}; Object y = x{}; }}",
        "(".repeat(3000),
        ")".repeat(3000),
        ".f()".repeat(3000)
    );
    declarations(Java, &deep);
}

/// A package may have folders under several roots; a module may also be a type.
#[test]
fn packages() {
    let tree = Tree::new(&[
        ("src/main/java/a/b/A.java", "package a.b;\nclass A {}"),
        ("src/test/java/a/b/T.java", "/* package c; */ package a.b;\nclass T {}"),
        ("src/main/java/a/C.java", "package a;\nclass C { class D {} }"),
        ("x/b/A.java", "package x.b;\nclass A {}"),
    ]);
    assert_eq!(tree.siblings(Java, "src/main/java/a/b/A.java"), ["src/test/java/a/b/T.java"]);
    assert_eq!(tree.module(Java, "x/b/A.java", "a.b"), ["src/main/java/a/b/A.java", "src/test/java/a/b/T.java"]);
    assert_eq!(tree.module(Java, "x/b/A.java", "a.C"), ["src/main/java/a/C.java"]);
    assert_eq!(tree.module(Java, "x/b/A.java", "a.C.D"), ["src/main/java/a/C.java"]);
    assert!(tree.module(Java, "x/b/A.java", "java.util").is_empty());
}

/// Two declarations of one place cannot have one name: variables of a method, members of a type and of those that it inherits
/// from, types in each other and of one package. What hides another one is for a person to see.
#[test]
fn clashes() {
    let tree = Tree::new(&[
        (
            "a/A.java",
            "package a; class A { int f; int h; void m(int i, int j) {} void k() {} void k(int o, int p) {} class In {} }",
        ),
        ("a/B.java", "package a; class B extends A { void n(int a, int b) { int z; } int u; native void w(); }"),
    ]);
    let taken = "!it has this name already";
    assert_eq!(tree.clashes("a/A.java", "int |i", "j"), [taken]);
    assert_eq!(tree.clashes("a/B.java", "int |a", "z"), [taken]);
    assert_eq!(tree.clashes("a/A.java", "int |f", "h"), [taken]);
    assert_eq!(tree.clashes("a/A.java", "void |m", "k"), [taken]);
    assert_eq!(tree.clashes("a/A.java", "void |m", "n"), ["!one of the methods would override the other"]);
    assert_eq!(tree.clashes("a/B.java", "void |n", "m"), ["!one of the methods would override the other"]);
    assert_eq!(tree.clashes("a/A.java", "void |k()", "toString"), ["!every object has a method of this name"]);
    assert_eq!(tree.clashes("a/A.java", "class |A", "B"), ["!the package has this name already"]);
    assert_eq!(tree.clashes("a/A.java", "class |In", "A"), [taken]);
    assert_eq!(tree.clashes("a/A.java", "int |i", "f"), ["the variable would hide this field"]);
    assert_eq!(tree.clashes("a/B.java", "int |u", "f"), ["one of the fields would hide the other"]);
    for (at, new) in [("int |i", "k"), ("void |m", "f"), ("void |k()", "m"), ("int |f", "m"), ("class |In", "f2")] {
        let forbidden: Vec<String> =
            tree.clashes("a/A.java", at, new).into_iter().filter(|why| why.starts_with('!')).collect();
        assert!(forbidden.is_empty(), "{at} {new}: {forbidden:?}");
    }
}

/// Names over files: of the package, of packages named in full, of static imports; private methods do not override, and a
/// class that takes a method from one interface for that of another joins them.
#[test]
fn over_files() {
    let tree = Tree::new(&[
        ("p/A.java", "package p; public class A { public static int s() { return 1; } public static int s2; }"),
        ("p/C.java", "package p; class C { A a; p.A b; }"),
        ("q/D.java", "package q; import static p.A.s; import p.A; class D { int x = s() + p.A.s2; A a; }"),
        (
            "r/E.java",
            "package r; interface I { void m(); } interface J { void m(); } abstract class K implements I, J {} class N { private void g() {} } class O extends N { void g() {} }",
        ),
    ]);
    assert_eq!(
        tree.occurrences("p/A.java", "class |A"),
        ["p/A.java:24", "p/C.java:21", "p/C.java:28", "q/D.java:27", "q/D.java:41", "q/D.java:70", "q/D.java:76"]
    );
    assert_eq!(tree.occurrences("p/A.java", "int |s()"), ["p/A.java:46", "q/D.java:29", "q/D.java:62"]);
    assert_eq!(tree.occurrences("r/E.java", "I { void |m"), ["r/E.java:30", "r/E.java:56"]);
    assert_eq!(tree.occurrences("r/E.java", "private void |g").len(), 1);
    let tree = Tree::new(&[("R.java", "interface I { int x(); } record R(int x) implements I {}")]);
    assert_eq!(tree.occurrences("R.java", "int |x()"), ["R.java:18", "R.java:38"]);
}
