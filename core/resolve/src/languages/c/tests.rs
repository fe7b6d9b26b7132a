use crate::tests::marked::{check, declarations};
use crate::tests::tree::Tree;
use deepcoder_syntax::Language::{C, Cpp};

/// Tags, labels, members and other names are apart from each other.
#[test]
fn name_spaces() {
    check(
        C,
        "struct ⟦x⟧ { int ⟦2:x⟧; };\nint ⟦3:x⟧;\nint f(struct ⟦x⟧ *p) {\n⟦4:x⟧:\n  if (⟦3:x⟧) goto ⟦4:x⟧;\n  return p->⟦x→member of p⟧ + sizeof(struct ⟦x⟧);\n}\n",
    );
    check(
        C,
        "typedef struct ⟦s⟧ { int a; } ⟦2:s⟧;\n⟦2:s⟧ v;\nstruct ⟦s⟧ w;\nenum ⟦3:e⟧ { ⟦4:A⟧, ⟦5:B⟧ = ⟦4:A⟧ + 1 };\nenum ⟦3:e⟧ z = ⟦5:B⟧;\n",
    );
}

/// A name is visible from its declarator on, in its block; a parameter in the whole body.
#[test]
fn block_scopes() {
    check(
        C,
        "int ⟦x⟧;\nint f(int ⟦2:a⟧) {\n  int y = ⟦x⟧;\n  int ⟦3:x⟧ = ⟦2:a⟧, z = ⟦3:x⟧;\n  for (int ⟦4:x⟧ = 0; ⟦4:x⟧ < 3; ⟦4:x⟧++) { int ⟦5:x⟧; ⟦5:x⟧ = 1; }\n  return ⟦3:x⟧;\n}\n",
    );
    // The old way to declare parameters.
    check(C, "int f(⟦a⟧, ⟦2:b⟧)\n  int ⟦a⟧;\n  char *⟦2:b⟧;\n{\n  return ⟦a⟧ + *⟦2:b⟧;\n}\n");
    check(C, "int (*⟦f⟧(int ⟦2:n⟧))(int);\nint g(int (*⟦3:cb⟧)(int ⟦4:n⟧)) { return ⟦3:cb⟧(1) + ⟦f⟧(2)(3); }\n");
}

/// Both branches of a condition are bound, and a name that both declare is one.
#[test]
fn conditions() {
    check(
        C,
        "#ifdef A\nint ⟦f⟧(void) { return 1; }\n#else\nlong ⟦f⟧(void) { return 2; }\n#endif\nint g(void) { return ⟦f⟧(); }\n",
    );
    check(C, "#define ⟦N⟧ 1\n#if ⟦N⟧ > 0 && defined(⟦N⟧)\nint a[⟦N⟧];\n#endif\n#undef ⟦N⟧\n");
}

/// Parameters of macros are names of their bodies only; other names in a body mean what they mean where it is used.
#[test]
fn macros() {
    check(C, "#define ⟦M⟧(⟦2:a⟧, b) ((⟦2:a⟧) + (b) + ⟦a_→expanded⟧)\nint a = ⟦M⟧(1, 2);\n");
    check(C, "#define T(n) int ⟦n→n#1⟧##_t = #⟦n→n#1⟧\n");
}

/// Members are those of what is initialised, what a call gives, what a pointer points to.
#[test]
fn members() {
    check(
        C,
        "struct p { int x; struct { int y; } q; union { int z; }; };\nstruct p v = { .⟦x→keyword member of instance of p⟧ = 1, .q = { .⟦y→keyword member of instance of p.q⟧ = 2 } };\nstruct p w[] = { { .⟦x→keyword member of instance of p⟧ = 1 }, [1].⟦z→keyword member of instance of p⟧ = 2 };\nint n = sizeof(((struct p *)0)->⟦x→member of instance of p⟧);\nstruct p *mk(void);\nint m(void) { return mk()->q.⟦y→member of mk().q⟧ + v.⟦z→member of v⟧ + (&w[0])->⟦x→member of w⟧; }\n",
    );
    assert_eq!(
        declarations(C, "typedef struct { int a : 3; } s;\nstatic s *v;\nint (*cb)(s *);\n"),
        ["Class ", "Field a: 'int'", "TypeAlias s: ", "Variable v: instance of s", "Variable cb"]
    );
}

/// Types, namespaces, lambdas and loops of C++.
#[test]
fn cpp() {
    check(
        Cpp,
        "namespace ⟦n⟧ {\nclass ⟦2:A⟧ {\npublic:\n  ⟦2:A⟧(int ⟦3:v⟧) : ⟦v_→writes member of instance of A, else v_#4⟧(⟦3:v⟧) {}\n  ~⟦2:A⟧();\n  int get() const { return v_; }\n  int v_;\n};\n}\n⟦n⟧::⟦A→member of n⟧ a(1);\n",
    );
    check(
        Cpp,
        "enum class ⟦E⟧ { ⟦2:X⟧ };\ntemplate <typename ⟦3:T⟧> ⟦3:T⟧ id(⟦3:T⟧ ⟦4:v⟧) { return ⟦4:v⟧; }\nint f() {\n  int ⟦5:k⟧ = 1;\n  auto g = [⟦5:k⟧, ⟦6:m⟧ = ⟦5:k⟧](int ⟦7:k⟧) { return ⟦7:k⟧ + ⟦6:m⟧; };\n  for (auto &⟦8:k⟧ : xs) use(⟦8:k⟧);\n  auto [⟦9:p⟧, q] = pair();\n  return g(⟦5:k⟧) + ⟦9:p⟧ + (⟦E⟧::⟦X→member of E⟧ == ⟦E⟧{});\n}\n",
    );
    check(
        Cpp,
        "struct ⟦A⟧ { int ⟦2:f⟧(int); int ⟦3:x⟧; };\nint ⟦A⟧::f(int a) { return ⟦x→member of A, else outside⟧ + this->⟦x→member of instance of A⟧ + a; }\n",
    );
}

/// A function is one with its prototype and with what other files call; names of other files stay.
#[test]
fn files() {
    let tree = Tree::new(&[
        (
            "include/a.h",
            "#ifndef A_H\n#define A_H\nstruct s { int len; };\nint f(struct s *p);\nextern int n;\n#endif\n",
        ),
        (
            "src/a.c",
            "#include \"a.h\"\nint n;\nint f(struct s *p) { return p->len + n; }\nstatic int g(void) { return 0; }\n",
        ),
        (
            "src/b.c",
            "#include <a.h>\nstatic int g(void) { struct s v; v.len = 1; return f(&v); }\nint h(int len) { return g() + len; }\n",
        ),
    ]);
    assert_eq!(tree.occurrences("src/a.c", "int |f("), ["include/a.h:51", "src/a.c:26", "src/b.c:66"]);
    assert_eq!(tree.occurrences("src/a.c", "p->|len"), ["include/a.h:39", "src/a.c:53", "src/b.c:50"]);
    assert_eq!(tree.occurrences("src/b.c", "int |g(").len(), 2);
    assert_eq!(tree.occurrences("include/a.h", "int |n;"), ["include/a.h:78", "src/a.c:19", "src/a.c:59"]);
    assert_eq!(
        tree.occurrences("include/a.h", "struct |s {"),
        ["include/a.h:31", "include/a.h:60", "src/a.c:35", "src/b.c:43"]
    );
}
