use crate::tests::marked::{check, declarations};
use crate::tests::tree::Tree;
use deepcoder_syntax::Language::Go;

/// `:=` gives what the block has a value and declares the rest; the new names are visible after the statement.
#[test]
fn short_declarations() {
    check(Go, "package p\nfunc f() {\n\t⟦x⟧, ⟦2:err⟧ := 1, 2\n\t⟦3:y⟧, ⟦2:err⟧ := ⟦x⟧, ⟦2:err⟧\n\t_ = ⟦3:y⟧\n}\n");
    check(
        Go,
        "package p\nfunc f(⟦x⟧ int) {\n\t⟦x⟧, y := 1, 2\n\tif ⟦2:x⟧ := ⟦x⟧ + y; ⟦2:x⟧ > 0 {\n\t\t⟦3:x⟧ := ⟦2:x⟧\n\t\t_ = ⟦3:x⟧\n\t} else {\n\t\t_ = ⟦2:x⟧\n\t}\n\t_ = ⟦x⟧\n}\n",
    );
    check(
        Go,
        "package p\nfunc f(⟦x⟧ []int) {\n\tfor ⟦2:i⟧, ⟦3:x⟧ := range ⟦x⟧ {\n\t\t_ = ⟦3:x⟧ + ⟦2:i⟧\n\t}\n\tfor ⟦4:i⟧ := 0; ⟦4:i⟧ < 2; ⟦4:i⟧++ {\n\t}\n}\n",
    );
    check(
        Go,
        "package p\nfunc f(c chan int) {\n\tselect {\n\tcase ⟦v⟧, ⟦2:ok⟧ := <-c:\n\t\t_, _ = ⟦v⟧, ⟦2:ok⟧\n\tcase ⟦3:v⟧ := <-c:\n\t\t_ = ⟦3:v⟧\n\t}\n}\n",
    );
}

/// Names of the package are visible before their declarations; parameters hide them in the body and not in the signature.
#[test]
fn packages_and_parameters() {
    check(Go, "package p\nvar a = ⟦b⟧\nvar ⟦b⟧ = 1\nfunc g() int { return ⟦b⟧ }\n");
    check(Go, "package p\ntype ⟦T⟧ int\nfunc f(⟦2:T⟧ ⟦T⟧) (⟦3:r⟧ ⟦T⟧) {\n\t⟦3:r⟧ = ⟦2:T⟧\n\treturn\n}\n");
    check(Go, "package p\nfunc m[⟦K⟧ comparable, V any](k ⟦K⟧) (v V) { var x ⟦K⟧; _ = x; panic(v) }\n");
    check(Go, "package p\nfunc f() {\n\t⟦x⟧ := 1\n\tg := func(⟦2:x⟧ int) int { return ⟦2:x⟧ }\n\t_ = g(⟦x⟧)\n}\n");
}

/// The variable of a type switch is one symbol; in a clause of one type it is of that type.
#[test]
fn type_switches() {
    check(
        Go,
        "package p\ntype A struct{ ⟦2:f⟧ int }\nfunc f(v any) {\n\tswitch ⟦x⟧ := v.(type) {\n\tcase *A:\n\t\t_ = ⟦x⟧.⟦2:f→member of instance of A⟧\n\tcase nil, int:\n\t\t_ = ⟦x⟧\n\tdefault:\n\t\t_ = ⟦x⟧\n\t}\n}\n",
    );
}

/// Labels are of the function and have a space of their own.
#[test]
fn labels() {
    check(
        Go,
        "package p\nfunc f() {\n⟦2:L⟧:\n\tfor ⟦L⟧ := 0; ; {\n\t\t_ = ⟦L⟧\n\t\tcontinue ⟦2:L⟧\n\t}\n\tgoto ⟦2:L⟧\n}\n",
    );
}

/// What is known of a receiver: its declared type, a literal, a result, an element of a written type; pointers do not matter.
#[test]
fn selectors() {
    let text = |body: &str| {
        format!(
            "package p\ntype T struct{{ f int; n *T; l []T; m map[string]*T }}\nfunc (t *T) M() T {{ return *t }}\nfunc N() (*T, error) {{ return nil, nil }}\nfunc f(p *T, q []T) {{\n{body}\n}}\n"
        )
    };
    check(Go, &text("_ = p.⟦f→member of p⟧"));
    check(Go, &text("x := &T{}\n_ = x.⟦M→member of x⟧().⟦f→member of x.M()⟧"));
    check(Go, &text("_ = new(T).⟦f→member of instance of T⟧"));
    check(Go, &text("_ = q[0].⟦f→member of instance of T⟧"));
    check(Go, &text("for _, v := range q { _ = v.⟦f→member of v⟧ }"));
    check(Go, &text("_ = p.n.⟦f→member of p.n⟧"));
    check(Go, &text("_ = p.m[\"\"].⟦f→member of instance of T⟧"));
    check(Go, &text("var a struct{ ⟦f⟧ int }\na.⟦f⟧ = 1"));
    check(Go, &text("_ = any(p).(interface{ F() }).⟦F→member of ?⟧"));
    let found = declarations(Go, &text("x, err := N()\nfor k, v := range p.m { _, _ = k, v }"));
    assert!(found.contains(&"Variable x: N().0".to_owned()), "{found:?}");
    assert!(found.contains(&"Variable v: instance of T".to_owned()), "{found:?}");
    assert!(found.contains(&"Function N: (instance of T, 'error')".to_owned()), "{found:?}");
}

/// Names before a colon are fields where the type is a struct, and expressions in a map.
#[test]
fn literals() {
    check(
        Go,
        "package p\ntype T struct{ ⟦f⟧ int }\nvar f = 1\nvar _ = T{⟦f⟧: f}\nvar _ = []*T{{⟦f⟧: 1}}\nvar _ = map[int]T{2: {⟦f⟧: 1}}\n",
    );
    check(
        Go,
        "package p\nconst ⟦k⟧ = 1\nvar _ = map[int]int{⟦k⟧: 2}\nvar _ = [...]int{⟦k⟧: 2}\ntype M map[int]int\nvar _ = M{⟦k⟧: 1}\n",
    );
    check(Go, "package p\nimport \"q\"\nvar k = 1\nvar _ = q.S{⟦k→keyword member of instance of q.S, else k#1⟧: 2}\n");
}

/// Methods are members of the type of their receiver, also where it is declared in another file; embedded types are bases.
#[test]
fn members() {
    check(Go, "package p\ntype ⟦T⟧ struct{}\nfunc (t ⟦T⟧) f() { ⟦2:f⟧() }\nfunc ⟦2:f⟧() {}\ntype S struct{ *⟦T⟧ }\n");
    let found = declarations(
        Go,
        "package p\nimport \"m/q\"\ntype S struct { T; *q.U; V[int] }\ntype I interface { fmt.J; M(a int) S }\ntype D S\ntype A = S\n",
    );
    let expected = [
        "Import q from m/q",
        "Class S (^T, q.U, ^V)",
        "Interface I (^fmt.J)",
        "Method M: instance of S",
        "Parameter a: 'int'",
        "Class D (S)",
        "TypeAlias A: S",
    ];
    assert_eq!(found, expected);
}

/// Imports are named after their packages or as the text says.
#[test]
fn imports() {
    let found = declarations(
        Go,
        "package p\nimport (\n\ta \"x/b\"\n\t\"x/c/v2\"\n\t. \"x/d\"\n\t_ \"x/e\"\n\t\"gopkg.in/yaml.v3\"\n)\n",
    );
    assert_eq!(found, ["Import a from x/b", "Import c from x/c/v2", "Import yaml from gopkg.in/yaml.v3"]);
    check(Go, "package p\nimport ⟦q⟧ \"x/b\"\nvar _ = ⟦q⟧.⟦F→member of q⟧\nvar _ ⟦q⟧.⟦T→member of q⟧\n");
}

/// A doc comment names what it documents, and links are names; other comments are not.
#[test]
fn comments() {
    check(
        Go,
        "package p\n\n// f is not it.\n\n// ⟦f⟧ does it, ⟦f⟧ does; see [⟦f⟧] and [T.⟦M→member of T Quoted⟧], not ff.\nfunc ⟦f⟧() {} // f\n\n// a f\ntype T int\n",
    );
    check(Go, "package p\n\n//go:linkname ⟦f⟧ runtime.f\nfunc ⟦f⟧()\n");
}

/// Texts that do not parse, and nesting of any depth, are bound as well as they can be.
#[test]
fn hostile() {
    for text in ["package p\nfunc f( {", "func", "package p\nvar x = T{{{{", "\u{0}", ""] {
        declarations(Go, text);
    }
    let deep =
        format!("package p\nvar x = {}1{}\nvar y = x{}\n", "(".repeat(3000), ")".repeat(3000), ".f()".repeat(3000));
    declarations(Go, &deep);
}

/// A package is the files of a folder with one package clause; an import finds it by the module's path.
#[test]
fn packages() {
    let tree = Tree::new(&[
        ("go.mod", "module example.com/m // m\n"),
        ("a.go", "package m\n"),
        ("a_test.go", "package m_test\n"),
        ("b_test.go", "/* package x */\npackage m\n"),
        ("p/q/c.go", "package q\n"),
        ("p/q/c_test.go", "package q\n"),
        ("p/q/r/d.go", "package r\n"),
        ("other/go.mod", "module example.com/m/other\n"),
        ("other/z/z.go", "package z\n"),
    ]);
    assert_eq!(tree.siblings(Go, "a.go"), ["b_test.go"]);
    assert_eq!(tree.module(Go, "a.go", "example.com/m/p/q"), ["p/q/c.go"]);
    assert_eq!(tree.module(Go, "p/q/c.go", "example.com/m"), ["a.go"]);
    assert_eq!(tree.module(Go, "other/z/z.go", "example.com/m/p/q"), ["p/q/c.go"]);
    assert!(tree.module(Go, "a.go", "example.com/mm/p").is_empty() && tree.module(Go, "a.go", "fmt").is_empty());
}

/// A block, a package and a type have a name once, over all files of the package.
#[test]
fn clashes() {
    let tree = Tree::new(&[
        (
            "a.go",
            "package p\n\nfunc F() { var a int; var b int }\n\ntype T struct{ x, y int }\n\nfunc (t T) M() {}\n\nfunc (u T) N() {}\n",
        ),
        ("b.go", "package p\n\nimport q \"x/q\"\n\nfunc G() {}\n\nfunc (t *T) P() {}\n"),
    ]);
    let package = "!the package has this name already";
    assert_eq!(tree.clashes("a.go", "var |a", "b"), ["!the block has this name already"]);
    assert_eq!(tree.clashes("a.go", "func |F", "G"), [package]);
    assert_eq!(tree.clashes("a.go", "func |F", "q"), [package]);
    assert_eq!(tree.clashes("a.go", "|x, y", "P"), ["!the type has this name already"]);
    assert_eq!(tree.clashes("b.go", "T) |P", "y"), ["!the type has this name already"]);
    assert!(tree.clashes("a.go", "(|u T", "t").is_empty());
    assert!(tree.clashes("a.go", "var |a", "c").is_empty() && tree.clashes("a.go", "|x, y", "F").is_empty());
}

/// An embedded type is a field by its name and is renamed with it, also where the struct has no name.
#[test]
fn embedded() {
    let tree = Tree::new(&[
        ("a.go", "package p\n\ntype E struct{}\n\ntype S struct{ *E }\n\nvar v struct{ E }\n"),
        ("b.go", "package p\n\nfunc f(s S) { _ = s.E; _ = v.E; _ = S{E: nil} }\n"),
    ]);
    assert_eq!(
        tree.occurrences("a.go", "type |E"),
        ["a.go:16", "a.go:44", "a.go:63", "b.go:31", "b.go:40?", "b.go:49"]
    );
    assert_eq!(tree.clashes("b.go", "s.|E", "G"), ["!the field is this embedded type"]);
}
