use super::{Import, free_names, imports, surface};
use crate::Language;

fn free(text: &str) -> Vec<String> {
    let free = free_names(Language::Python, text).expect("it is known");
    free.into_iter().map(|free| format!("{}:{}", free.line, free.name)).collect()
}

/// Protects valid Python from false alarms: whatever binds a name, in its scope and those inside.
#[test]
fn everything_that_binds_a_name_in_python() {
    for text in [
        "import a.b, c as d\nfrom e import f as g, h\na, d, g, h\n",
        "x = y = 1\nx, y\n(p, [q, *r]) = 1\np, q, r\n",
        "for i, (j, k) in []:\n    pass\nelse:\n    i, j, k\n",
        "with open('a') as f, open('b') as (g, h):\n    f, g, h\n",
        "with (open('a') as f, open('b') as g):\n    f, g\n",
        "try:\n    pass\nexcept* OSError as e:\n    e\nexcept (KeyError, ValueError) as d:\n    d\n",
        "def f(a, /, b: int = 1, *args: int, c, d=2, **kw) -> str:\n    return a, b, args, c, d, kw, f\n",
        "g = lambda a, *b, c=1, **d: (a, b, c, d)\n",
        "def f():\n    return later()\n\n\ndef later():\n    pass\n",
        "class A:\n    n = 1\n    m = [n for _ in range(n)]\n    def f(self):\n        return __class__, A\n",
        "[x + y for x in range(3) for y in range(x) if x]\n{k: v for k, v in {}.items()}\n",
        "if (n := 1) > 2:\n    n\nany((m := i) for i in [])\nm\n",
        "def f():\n    global G\n    G = 1\n\n\ndef g():\n    return G\n",
        "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n += 1\n    return g\n",
        "match [1]:\n    case [x, *rest] if x:\n        x, rest\n    case {'a': y, **more}:\n        y, more\n    case int(z) | str(z):\n        z\n    case (1 as one):\n        one\n    case object(real=w):\n        w\n    case _:\n        pass\n",
        "def f[T: int, *Ts, **P](a: T) -> T:\n    b: Ts = a\n    return b\n\n\nclass A[U](list[U]):\n    v: U\n\n\ntype B[W] = list[W]\nB\n",
        "def f(a: 'Missing') -> \"list[Missing]\":\n    pass\n",
        "import os\nprint(f'{os.name!r:>{len(os.name)}} {{no}}')\n",
        "try:\n    unicode\nexcept NameError:\n    unicode = str\n",
        "try:\n    raw_input(1)\nexcept NameError:\n    pass\n",
        "import sys\nif sys.version_info[0] < 3:\n    long(1)\n",
        "x = 1\ndel x\n__name__, __file__, __doc__, __path__, WindowsError\n",
        "async def f():\n    async with a() as b:\n        return [c async for c in b]\n\n\ndef a(): pass\n",
        "f(keyword=1, **{})\n\n\ndef f(**k): pass\n",
        "@decorate\ndef f(): pass\n\n\ndef decorate(g): return g\n",
        "print = 1\nmatch = case = type = 1\nmatch, case, type\n",
        "x: int\nx\n",
    ] {
        assert_eq!(free(text), Vec::<String>::new(), "{text}");
    }
}

/// Protects from code that cannot run: uses outside of the scope that binds the name, and uses that nothing binds.
#[test]
fn what_nothing_binds_in_python() {
    for (text, found) in [
        ("x\n\n\nx\n", "1:x"),
        ("def f():\n    y = 1\n\n\ny\n", "5:y"),
        ("class A:\n    n = 1\n    def f(self):\n        return n\n", "4:n"),
        ("class A:\n    n = 1\n    class B:\n        m = n\n", "4:n"),
        ("[i for i in []]\ni\n", "2:i"),
        ("def f(a=b): pass\n", "1:b"),
        ("def f(a: Missing): pass\n", "1:Missing"),
        ("def f() -> Missing: pass\n", "1:Missing"),
        ("class A(Base): pass\n", "1:Base"),
        ("@missing\ndef f(): pass\n", "1:missing"),
        ("x = 1\nx.a.b(c)\n", "2:c"),
        ("print(f'{missing}')\n", "1:missing"),
        ("match 1:\n    case Missing(): pass\n", "2:Missing"),
        ("match 1:\n    case missing.x: pass\n", "2:missing"),
        ("try:\n    missing\nexcept ValueError:\n    pass\n", "2:missing"),
        ("import a.b\nb\n", "2:b"),
        ("from a import b as c\nb\n", "2:b"),
        ("missing += 1\nother[0] = 1\n", "2:other"),
        ("f = lambda a: b\n", "1:b"),
        ("def f[T](): pass\n\n\nT\n", "4:T"),
    ] {
        assert_eq!(free(text), [found], "{text}");
    }
}

/// Protects from guesses: with a star import, `exec` or errors nothing is known.
#[test]
fn some_names_cannot_be_known() {
    for text in
        ["from a import *\nx\n", "exec('x = 1')\nx\n", "globals()['x'] = 1\nx\n", "print 'a'\nx\n", "def (\nx\n"]
    {
        assert_eq!(free_names(Language::Python, text), None, "{text}");
    }
}

/// Protects the check of imports: modules with their dots, what is taken from them, and whether the program needs them.
#[test]
fn imports_of_python_are_read() {
    let text = "import a.b, c as d\nfrom .e import (\n    f as g,\n    h,\n)\ntry:\n    from . import i\nexcept ImportError:\n    import j\nfrom k import *\n";
    let import = |module: &str, names: &[&str], line, optional| Import {
        module: module.into(),
        names: names.iter().map(|n| (*n).to_owned()).collect(),
        line,
        optional,
    };
    let found = [
        import("a.b", &[], 1, false),
        import("c", &[], 1, false),
        import(".e", &["f", "h"], 2, false),
        import(".", &["i"], 7, true),
        import("j", &[], 9, true),
        import("k", &[], 10, false),
    ];
    assert_eq!(imports(Language::Python, text), found);
    let surface = surface(Language::Python, text).expect("it parses");
    assert!(surface.open && ["a", "d", "g", "h", "i", "j"].iter().all(|n| surface.names.contains(*n)));
}

/// Protects the check of imports in the other languages.
#[test]
fn imports_of_other_languages_are_read() {
    let script = "import a, { b as c, d } from './e.js';\nimport * as f from \"f\";\nimport 'g';\nexport { h } from './h';\nconst i = require('i');\ntry { import('j'); } catch {}\n";
    let read = |language, text: &str| -> Vec<String> {
        let told =
            |i: Import| format!("{}:{}[{}]{}", i.line, i.module, i.names.join(" "), if i.optional { "?" } else { "" });
        imports(language, text).into_iter().map(told).collect()
    };
    let found = ["1:./e.js[b d default]", "2:f[]", "3:g[]", "4:./h[h]", "5:i[]", "6:j[]?"];
    assert_eq!(read(Language::JavaScript, script), found);
    assert_eq!(read(Language::TypeScript, script), found);
    let go = "package a\n\nimport (\n\t\"fmt\"\n\tx \"a.b/c/v2\"\n)\n";
    assert_eq!(read(Language::Go, go), ["4:fmt[]", "5:a.b/c/v2[]"]);
    let rust = "use a::b;\nuse {c::d, e as f, ::g::h};\nuse crate::i::{j, k};\nuse l::*;\nuse m;\n";
    let mut found = read(Language::Rust, rust);
    found.sort();
    assert_eq!(found, ["1:a[]", "2:c[]", "2:e[]", "2:g[]", "3:crate[]", "4:l[]", "5:m[]"]);
}

/// Protects the check of names that a script takes from another: all ways to export, and those that cannot be known.
#[test]
fn exports_of_scripts_are_read() {
    let text = "export const a = 1, b = 2;\nexport function c() {}\nexport class D {}\nexport { e as f, g };\nexport default 1;\nexport * as h from './h';\nlet e, g;\n";
    let names = |s: super::Surface| s.names.into_iter().collect::<Vec<_>>().join(" ");
    for language in [Language::JavaScript, Language::TypeScript] {
        let found = surface(language, text).expect("it parses");
        assert!(!found.open);
        assert_eq!(names(found), "D a b c default f g h");
    }
    let types = surface(
        Language::TypeScript,
        "export interface A {}\nexport type B = A;\nexport enum C {}\nexport abstract class D {}\n",
    );
    assert_eq!(names(types.expect("it parses")), "A B C D");
    for text in ["module.exports = { a };\n", "exports.a = 1;\n", "export * from './b';\n", "export const { a } = b;\n"]
    {
        assert!(surface(Language::JavaScript, text).expect("it parses").open, "{text}");
    }
}

fn script_free(language: Language, text: &str) -> Vec<String> {
    let free = free_names(language, text).expect("a module");
    free.iter().map(|name| format!("{}:{}", name.line, name.name)).collect()
}

/// Protects from false alarms: every way in which a script gives a name a meaning.
#[test]
fn what_a_script_binds() {
    for text in [
        "a();\nfunction a() { b(); var c; { var d = 1; function e() {} } return c + d + e; }\nfunction b() {}\n",
        "import d, * as n from 'm';\nimport { x, y as z } from 'm';\nd(n, x, z);\n",
        "const { p, q: { r }, s = 1, ...t } = {};\nconst [u, , v = u] = [];\np, r, s, t, u, v;\n",
        "for (const k of []) k;\nfor (var m in {}) {}\nm;\nfor (let i = 0; i < 1; i++) {}\nlet o;\nfor (o of []) o;\n",
        "try {} catch ({ message }) { message; }\ntry {} catch (e) { e; }\ntry {} catch {}\n",
        "out: for (;;) { break out; }\n",
        "class A extends B { #p = 1; static q = A; [B.name]() { return this.#p; } get r() { return 1; } }\nclass B { static { B; } }\n",
        "const f = (g, { h }) => g + h;\nconst j = k => k;\nconst l = async function m() { return m(arguments); };\nf, j, l;\n",
        "window.x = document.title;\nprocess.env.NODE_ENV;\ndescribe('x', () => { it('y', () => expect(1)); });\n",
        "if (typeof Missing !== 'undefined') Missing();\n",
        "({ key: 1, method() {}, 'a': 2 }).key;\nnew.target;\nimport.meta.url;\n",
        "assigned = 1;\nassigned;\n",
        "const x = <div className=\"a\" data-b={1}><Fragment.Item key=\"k\" /></div>;\nimport Fragment from 'f';\nx;\n",
        "/* global jQ, $x */\njQ($x);\n",
        "export { c as default };\nconst c = 1;\nexport * from 'm';\nexport { other } from 'm';\n",
        "switch (1) { case 1: let w = 1; w; }\n`${Math.PI}`;\n/re/.test('');\n",
    ] {
        let module = format!("{text}export const module_ = 1;\n");
        assert_eq!(script_free(Language::JavaScript, &module), Vec::<String>::new(), "{text}");
    }
    for text in [
        "interface I { a: Missing }\ntype T = Missing<I>;\nfunction f<U extends Missing>(this: Window, a?: U, ...b: T[]): a is Missing { return a as Missing; }\nf;\n",
        "enum E { A, B = A }\nE.A;\nconst x = <Missing>E;\nconst y = x satisfies Missing;\nlet z!: typeof x;\nz; y;\n",
        "class A<T> extends B<T> implements Missing { constructor(private a: Missing, readonly b = a) { super(); } declare c: Missing; [key: string]: unknown; }\nclass B<T> {}\nnew A<Missing>(1);\n",
        "declare const G: Missing;\ndeclare function h(a: Missing): void;\nabstract class C { abstract m(a: Missing): void }\nG; h; C;\n",
        "import type { X } from 'x';\nimport fs = require('fs');\nexport type { X };\nfs;\nfunction f(x: any): asserts x is X {}\nf;\n",
    ] {
        let module = format!("{text}export const module_ = 1;\n");
        assert_eq!(script_free(Language::TypeScript, &module), Vec::<String>::new(), "{text}");
    }
    for text in ["x;\n", "with (a) { x; }\nexport {};\n", "eval('var x');\nx;\nexport {};\n"] {
        assert_eq!(free_names(Language::JavaScript, text), None, "{text}");
    }
}

/// Protects from scripts that cannot run: uses that nothing binds, or that are outside of what binds them.
#[test]
fn what_nothing_binds_in_a_script() {
    for (text, found) in [
        ("missing();\n", "1:missing"),
        ("{ let a = 1; }\na;\n", "2:a"),
        ("function f() { var b = 1; }\nf(b);\n", "2:b"),
        ("const f = (c) => c;\nf(c);\n", "2:c"),
        ("new Missing();\n", "1:Missing"),
        ("class A extends Missing {}\nA;\n", "1:Missing"),
        ("const o = { missing };\no;\n", "1:missing"),
        ("const { a: missing2 } = {};\na; missing2;\n", "2:a"),
        ("const x = <Missing a={b} />;\nconst b = 1; x;\n", "1:Missing"),
        ("const x = `${missing}`;\nx;\n", "1:missing"),
        ("for (const i of missing) i;\n", "1:missing"),
        ("try {} catch (e) {}\ne;\n", "2:e"),
        ("function f(a = missing) {}\nf;\n", "1:missing"),
        ("import { x as y } from 'm';\nx; y;\n", "2:x"),
    ] {
        let module = format!("{text}export const module_ = 1;\n");
        assert_eq!(script_free(Language::JavaScript, &module), [found], "{text}");
    }
    assert_eq!(script_free(Language::TypeScript, "const a = missing as Missing;\nexport { a };\n"), ["1:missing"]);
}
