use super::answers;

/// Protects overloads: methods of one name are one only where they take the same types, and a call that may mean several of
/// them is for a person.
#[test]
fn overloads() {
    answers(&[
        (
            "== A.java\nclass A { void m(int a) {} }\nclass B extends A { void ‸m(String s) {} }\n",
            "k",
            "safe class A { void m(int a) {} }\nclass B extends A { void k(String s) {} }",
        ),
        (
            "== A.java\nclass A { void m(int a) {} }\nclass B extends A { void ‸m(String s) {} void n() { m(1); } }\n",
            "k",
            "review",
        ),
        (
            "== A.java\nclass A { void m(int a) {} }\nclass B extends A { void ‸m(String s) {} }\nclass C { void n(B b) { b.m(1); } }\n",
            "k",
            "review",
        ),
        (
            "== A.java\nabstract class A<T> { abstract void ‸m(T a); }\nclass B extends A<String> { void m(String s) {} void m(int i) {} }\n",
            "k",
            "review",
        ),
        (
            "== A.java\ninterface A { void ‸m(java.util.List<String> a); }\nclass B implements A { public void m(List<String> s) {} }\n",
            "k",
            "safe public void k(List<String> s)",
        ),
        (
            "== A.java\nclass A { void ‸m(int... a) {} void n() { m(); m(1, 2); } void m(String s) {} }\n",
            "k",
            "safe void n() { k(); k(1, 2); }",
        ),
        ("== A.java\nclass A { void ‸m(int... a) {} void n() { m(1); } void m(int s) {} }\n", "k", "review"),
    ]);
}

/// Protects names that Java looks up in other ways: static imports, nested classes, constants of enumerations, records,
/// annotations, lambdas and anonymous classes.
#[test]
fn ways_of_naming() {
    answers(&[
        (
            "== p/A.java\npackage p;\npublic class A { public static int ‸f(int x) { return x; } }\n== q/B.java\npackage q;\nimport static p.A.f;\nclass B { int g() { return f(1); } }\n",
            "h",
            "safe import static p.A.h;\nclass B { int g() { return h(1); } }",
        ),
        (
            "== p/A.java\npackage p;\npublic class A { public static int ‸f(int x) { return x; } public static int f(String x) { return 1; } }\n== q/B.java\npackage q;\nimport static p.A.f;\nclass B { int g() { return f(1); } }\n",
            "h",
            "review|refused",
        ),
        (
            "== p/A.java\npackage p;\npublic class A { public static int ‸f(int x) { return x; } }\n== q/B.java\npackage q;\nimport static p.A.*;\nclass B { int g() { return f(1); } }\n",
            "h",
            "safe class B { int g() { return h(1); } }",
        ),
        (
            "== A.java\nenum E { ‸X, Y }\nclass A { int m(E e) { switch (e) { case X: return 1; case Y: return 2; } return 0; } int n(E e) { return switch (e) { case X -> 1; default -> 2; }; } E o = E.valueOf(\"X\"); }\n",
            "Z",
            "review",
        ),
        (
            "== A.java\nenum E { ‸X, Y }\nclass A { int m(E e) { switch (e) { case X: return 1; default: return 2; } } }\n",
            "Z",
            "safe case Z: return 1;",
        ),
        (
            "== A.java\nrecord R(int ‸x) { int twice() { return x + x() + this.x; } }\nclass A { int m(R r) { return r.x() + new R(1).x(); } }\n",
            "y",
            "safe return r.y() + new R(1).y();",
        ),
        (
            "== A.java\nrecord R(int ‸x) { public int x() { return x; } }\nclass A { int m(Object o) { return o instanceof R(int x) ? x : 0; } }\n",
            "y",
            "safe record R(int y) { public int y() { return y; } }\nclass A { int m(Object o) { return o instanceof R(int x) ? x : 0; } }",
        ),
        (
            "== A.java\ninterface I { int ‸run(int a); }\nclass A { I i = a -> a + 1; int m() { return i.run(2); } I j = new I() { public int run(int a) { return a; } }; }\n",
            "go",
            "safe return i.go(2); } I j = new I() { public int go(int a)",
        ),
        (
            "== A.java\nclass A { int ‸x; class B { int x; int m() { return x + A.this.x; } } static class C extends A { int n() { return x + super.x; } } }\n",
            "y",
            "safe return x + A.this.y; } } static class C extends A { int n() { return y + super.y; } }",
        ),
        (
            "== A.java\nclass A { class ‸B {} B b = new B(); A.B c = this.new B(); }\n",
            "D",
            "safe class D {} D b = new D(); A.D c = this.new D();",
        ),
        (
            "== A.java\nclass A { void m() throws Exception { A.class.getMethod(\"go\").invoke(this); } public void ‸go() {} }\n",
            "run",
            "review",
        ),
        (
            "== A.java\npublic class A { public void m(String n) throws Exception { A.class.getMethod(n).invoke(this); } public void ‸go() {} }\n",
            "run",
            "review",
        ),
        (
            "== A.java\nclass A { void m() throws Exception { Class.forName(\"p.Old\"); } }\n== p/Old.java\npackage p;\npublic class ‸Old {}\n",
            "New",
            "review",
        ),
        (
            "== module-info.java\nmodule m { provides p.I with p.Impl; }\n== p/Impl.java\npackage p;\npublic class ‸Impl implements I {}\n== p/I.java\npackage p;\npublic interface I {}\n",
            "Other",
            "review",
        ),
        (
            "== META-INF/services/p.I\np.Impl\n== p/Impl.java\npackage p;\npublic class ‸Impl implements I {}\n== p/I.java\npackage p;\npublic interface I {}\n",
            "Other",
            "review",
        ),
        (
            "== p/A.java\npackage p;\nclass A { protected void ‸m() {} }\nclass B extends A { void n() { Runnable r = this::m; Runnable s = super::m; r.run(); } }\n",
            "k",
            "safe Runnable r = this::k; Runnable s = super::k;",
        ),
    ]);
}

/// Protects what is inherited from code that is not there, and what the language forbids.
#[test]
fn inherited() {
    answers(&[
        ("== A.java\nclass A extends Foreign { void ‸m() {} }\n", "k", "review"),
        ("== A.java\nclass A extends Foreign { void m() {} void ‸n() { m(); } }\n", "k", "review"),
        ("== A.java\nclass A { public String ‸toString() { return \"\"; } }\n", "k", "review|refused"),
        ("== A.java\nclass A { void m() {} }\nclass B extends A { void ‸m() {} }\n", "k", "refused declared in line 1"),
        ("== A.java\nabstract class A { abstract void m(); }\nclass B extends A { void ‸m() {} }\n", "k", "review"),
        ("== A.java\nclass A { native void ‸m(); }\n", "k", "refused native"),
        ("== A.java\nclass A { void ‸m() {} }\nclass B extends A { private void k() {} }\n", "k", "refused"),
        ("== A.java\nclass A { int j; void m() { j = 0; int ‸i = 1; } }\n", "j", "refused"),
        ("== A.java\nclass A { int ‸x; } class B extends A { int y; int m() { return x; } }\n", "y", "review|refused"),
        ("== A.java\nclass A { int x = 1; class B { int m(int ‸a) { return x + a; } } }\n", "x", "refused"),
    ]);
}
