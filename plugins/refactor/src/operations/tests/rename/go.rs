use super::answers;

/// Protects interfaces, which a type fulfils without saying so, and what a struct embeds.
#[test]
fn interfaces_and_embedding() {
    answers(&[
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype I interface{ M() }\ntype T struct{}\n\nfunc (T) ‸M() {}\n\nvar _ I = T{}\n",
            "K",
            "review|refused",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype I interface{ ‸M() }\ntype T struct{}\n\nfunc (T) M() {}\n\nfunc f(i I) { i.M() }\n",
            "K",
            "review|refused|safe func (T) K() {}\n\nfunc f(i I) { i.K() }",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype T struct{}\n\nfunc (T) ‸String() string { return \"\" }\n",
            "Text",
            "review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype T struct{}\n\nfunc (T) ‸Close() error { return nil }\n",
            "Shut",
            "review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype B struct{ ‸x int }\ntype T struct{ B }\n\nfunc f(t T) int { return t.x + t.B.x + T{B: B{x: 1}}.x }\n",
            "y",
            "safe return t.y + t.B.y + T{B: B{y: 1}}.y",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype ‸B struct{ x int }\ntype T struct{ *B }\n\nfunc f(t T) int { return t.B.x + T{B: &B{x: 1}}.x }\n",
            "C",
            "safe type T struct{ *C }\n\nfunc f(t T) int { return t.C.x + T{C: &C{x: 1}}.x }",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype A struct{ ‸x int }\ntype B struct{ y int }\ntype T struct{ A; B }\n\nfunc f(t T) int { return t.y }\n",
            "y",
            "review|refused",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype A struct{ ‸x int }\ntype T struct{ A; y int }\n\nfunc f(t T) int { return t.y + t.x }\n",
            "y",
            "review|refused",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nimport \"sort\"\n\ntype L []int\n\nfunc (l L) Len() int { return 0 }\nfunc (l L) ‸Less(i, j int) bool { return true }\nfunc (l L) Swap(i, j int) {}\nfunc f(l L) { sort.Sort(l) }\n",
            "Below",
            "review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype T struct{ ‸N int }\n\nfunc f(a any) int { return a.(interface{ N() int }).N() }\nfunc g(t *T) int { return t.N }\n",
            "K",
            "review|safe func g(t *T) int { return t.K }",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nfunc f[T interface{ M() }](t T) { t.M() }\n\ntype A struct{}\n\nfunc (A) ‸M() {}\n",
            "K",
            "review",
        ),
    ]);
}

/// Protects names that run time and tools look up: tags, templates, JSON, reflection, tests, `main`, `init`, linknames.
#[test]
fn names_at_run_time() {
    answers(&[
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nimport \"encoding/json\"\n\ntype T struct {\n\t‸Name string\n}\n\nfunc f(t T) { json.Marshal(t) }\n",
            "Title",
            "review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype T struct {\n\t‸Name string `json:\"name\"`\n}\n\nfunc f(t T) string { return t.Name }\n",
            "Title",
            "safe|review Title string `json:\"name\"`",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype T struct {\n\t‸Name string `xml:\",attr\"`\n}\n",
            "Title",
            "review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nimport \"text/template\"\n\ntype T struct{ ‸Name string }\n\nvar t = template.Must(template.New(\"\").Parse(\"{{.Name}}\"))\n",
            "Title",
            "review",
        ),
        ("== go.mod\nmodule m\n== a.go\npackage main\n\nfunc ‸main() {}\n", "run", "review|refused"),
        ("== go.mod\nmodule m\n== a.go\npackage p\n\nfunc ‸init() {}\n", "run", "review|refused"),
        (
            "== go.mod\nmodule m\n== a_test.go\npackage p\n\nimport \"testing\"\n\nfunc ‸TestX(t *testing.T) {}\n",
            "check",
            "review",
        ),
        ("== go.mod\nmodule m\n== a.go\npackage p\n\n//go:linkname ‸f runtime.f\nfunc f()\n", "g", "review|refused"),
        (
            "== go.mod\nmodule m\n== a_linux.go\npackage p\n\nfunc ‸f() {}\n== a_windows.go\npackage p\n\nfunc f() {}\n== b.go\npackage p\n\nfunc g() { f() }\n",
            "h",
            "review|safe == a_windows.go\npackage p\n\nfunc h() {}",
        ),
        (
            "== go.mod\nmodule m\n== a.go\n//go:build linux\n\npackage p\n\nfunc ‸f() {}\n== b.go\n//go:build !linux\n\npackage p\n\nfunc f() {}\n== c.go\npackage p\n\nfunc g() { f() }\n",
            "h",
            "review|safe == b.go\n//go:build !linux\n\npackage p\n\nfunc h() {}",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nfunc ‸F() {}\n== a_test.go\npackage p_test\n\nimport \"m\"\n\nfunc g() { p.F() }\n",
            "G",
            "safe func g() { p.G() }",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nfunc ‸F() {}\n== b/b.go\npackage b\n\nimport . \"m\"\n\nfunc g() { F() }\n",
            "G",
            "safe func g() { G() }",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\nfunc ‸F() {}\n== b/b.go\npackage b\n\nimport \"m\"\n\nfunc g() { p.F() }\n",
            "f",
            "refused|review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype T struct{ ‸F int }\n== b/b.go\npackage b\n\nimport \"m\"\n\nfunc g(t p.T) int { return t.F }\n",
            "f",
            "refused|review",
        ),
        (
            "== go.mod\nmodule m\n== a.go\npackage p\n\ntype ‸T struct{}\n\nfunc (T) M() {}\n== a_test.go\npackage p\n\nfunc ExampleT_M() {}\n",
            "U",
            "review",
        ),
    ]);
}

/// Protects blocks: what `:=` makes anew, what a `switch` on a type declares, labels, receivers and built-in names.
#[test]
fn blocks() {
    answers(&[
        (
            "== a.go\npackage p\n\nfunc f() {\n\t‸x := 1\n\tif x := 2; x > 1 {\n\t\t_ = x\n\t}\n\t_ = x\n}\n",
            "y",
            "safe \ty := 1\n\tif x := 2; x > 1 {\n\t\t_ = x\n\t}\n\t_ = y\n",
        ),
        (
            "== a.go\npackage p\n\nfunc f(a any) {\n\tswitch ‸v := a.(type) {\n\tcase int:\n\t\t_ = v\n\tcase string:\n\t\t_ = v\n\t}\n}\n",
            "w",
            "safe switch w := a.(type) {\n\tcase int:\n\t\t_ = w\n\tcase string:\n\t\t_ = w",
        ),
        (
            "== a.go\npackage p\n\nfunc f() (int, error) {\n\t‸a, err := g()\n\tb, err := g()\n\treturn a + b, err\n}\n",
            "b",
            "refused",
        ),
        ("== a.go\npackage p\n\nfunc f(‸a int) int { return len(\"\") + a }\n", "len", "refused"),
        ("== a.go\npackage p\n\nfunc f(‸a int) string { return string(rune(a)) }\n", "string", "refused"),
        ("== a.go\npackage p\n\nimport \"fmt\"\n\nfunc f(‸a int) { fmt.Println(a) }\n", "fmt", "refused"),
        ("== a.go\npackage p\n\nfunc ‸f(a int) {}\n\nfunc g() { h := 1; f(h) }\n", "h", "refused"),
        (
            "== a.go\npackage p\n\ntype T struct{ ‸a int }\n\nvar t = []T{{a: 1}, {2}}\nvar m = map[string]*T{\"a\": {a: 2}}\n",
            "b",
            "safe var t = []T{{b: 1}, {2}}\nvar m = map[string]*T{\"a\": {b: 2}}",
        ),
    ]);
}

/// Protects packages: their directory, clauses, tests, importers and `replace` lines change together, and a name that is taken
/// in an importer is written as an alias.
#[test]
fn packages() {
    let tree = "== go.mod\nmodule x.y/m\n\nreplace x.y/z => ./a/b\n== a/b/b.go\npackage ‸b\n\nfunc F() {}\n== a/b/b_test.go\npackage b_test\n\nimport \"x.y/m/a/b\"\n\nfunc g() { b.F() }\n== c/c.go\npackage c\n\nimport \"x.y/m/a/b\"\n\nfunc d() { b.F() }\n== e/e.go\npackage e\n\nimport (\n\tq \"x.y/m/a/b\"\n)\n\nvar _ = q.F\n== f/f.go\npackage f\n\nimport \"x.y/m/a/b\"\n\nfunc d() { k := 1; _ = k; b.F() }\n";
    answers(&[
        (tree, "d", "safe == a/d/b.go\npackage d\n\nfunc F() {}"),
        (tree, "d", "safe == a/d/b_test.go\npackage d_test\n\nimport \"x.y/m/a/d\"\n\nfunc g() { d.F() }"),
        (tree, "h", "safe == c/c.go\npackage c\n\nimport \"x.y/m/a/h\"\n\nfunc d() { h.F() }"),
        (tree, "h", "safe \tq \"x.y/m/a/h\"\n)\n\nvar _ = q.F"),
        (tree, "d", "safe import d1 \"x.y/m/a/d\"\n\nfunc d() { d1.F() }"),
        (tree, "k", "safe import k1 \"x.y/m/a/k\"\n\nfunc d() { k := 1; _ = k; k1.F() }"),
        (tree, "h", "safe replace x.y/z => ./a/h"),
        (tree, "x.y/m/n/h", "safe == n/h/b.go\npackage h"),
        (tree, "x.y/m/c", "refused has a package already"),
        (tree, "x.y/other/h", "refused another module"),
        (tree, "x.y/m/c/internal/h", "refused cannot be imported"),
        (tree, "x.y/m/func", "refused cannot be a name"),
    ]);
}

/// Protects names of imports: one is asked for by its path too, and an alias that says nothing new goes. All receivers of a type
/// get the name, but for those whose methods use it.
#[test]
fn imports_and_receivers() {
    answers(&[
        ("== a.go\npackage p\n\nimport \"x.y/‸b\"\n\nvar _ = b.B\n", "c", "safe import c \"x.y/b\"\n\nvar _ = c.B"),
        (
            "== a.go\npackage p\n\nimport lg \"log\"\n\nvar _ = ‸lg.Print\n",
            "log",
            "review|safe import \"log\"\n\nvar _ = log.Print",
        ),
        (
            "== a.go\npackage p\n\ntype T int\n\nfunc (‸t T) A() {}\nfunc (u *T) B() { _ = u }\nfunc (_ T) C() {}\nfunc (v T) D() { print(v) }\n",
            "x",
            "safe func (x T) A() {}\nfunc (x *T) B() { _ = x }\nfunc (_ T) C() {}\nfunc (x T) D() { print(x) }",
        ),
        (
            "== a.go\npackage p\n\ntype T int\n\nfunc (‸t T) A() {}\nfunc (v T) D() { print(v) }\n",
            "print",
            "safe func (print T) A() {}\nfunc (v T) D() { print(v) }",
        ),
    ]);
}
