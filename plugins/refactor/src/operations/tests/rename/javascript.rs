use super::answers;

/// Protects types by structure: an interface that is fulfilled without a word, objects, unions, mapped types, `keyof`.
#[test]
fn structure() {
    answers(&[
        (
            "== a.ts\ninterface P { ‸x: number }\nclass Q { x = 1 }\nfunction f(p: P) { return p.x; }\nf(new Q());\n",
            "y",
            "review",
        ),
        (
            "== a.ts\ninterface P { ‸x: number }\nfunction f(p: P) { return p.x; }\nf({ x: 1 });\n",
            "y",
            "review|safe f({ y: 1 });",
        ),
        (
            "== a.ts\ninterface P { ‸x: number }\nconst q = { x: 1 };\nfunction f(p: P) { return p.x; }\nf(q);\n",
            "y",
            "review|safe const q = { y: 1 };",
        ),
        (
            "== a.ts\ninterface P { ‸x: number }\nfunction f(p: P, k: keyof P) { return p[k]; }\nf({ x: 1 }, 'x');\n",
            "y",
            "review",
        ),
        ("== a.ts\ninterface P { ‸x: number }\ntype K = Pick<P, 'x'>;\n", "y", "review|safe Pick<P, 'y'>"),
        (
            "== a.ts\ninterface P { ‸x: number }\ntype O = Omit<P, 'x'>;\nconst p: P = JSON.parse('{\"x\": 1}');\n",
            "y",
            "review",
        ),
        (
            "== a.ts\ninterface P { ‸x: number }\ntype N = P['x'];\nfunction f(p: P) { return p['x']; }\n",
            "y",
            "review|safe type N = P['y'];\nfunction f(p: P) { return p['y']; }",
        ),
        (
            "== a.ts\ntype A = { kind: 'a'; ‸v: number } | { kind: 'b'; v: string };\nfunction f(a: A) { return a.v; }\n",
            "w",
            "review|safe | { kind: 'b'; w: string };\nfunction f(a: A) { return a.w; }",
        ),
        ("== a.ts\nenum E { ‸A, B }\nconst x = E.A, y = E['A'], z = E[0];\n", "C", "safe y = E['C']"),
        ("== a.ts\nenum E { ‸A = 'a' }\nconst x: E = E.A;\n", "C", "safe enum E { C = 'a' }\nconst x: E = E.C;"),
        ("== a.js\nclass A { ‸m() {} }\nfunction f(a, k) { a[k](); }\nf(new A(), 'm');\n", "n", "review"),
        ("== a.js\nconst o = { ‸m() {}, n: 1 };\nObject.keys(o).forEach(k => o[k]);\n", "k", "review"),
        (
            "== a.ts\nclass A { private ‸x = 1; get y() { return this.x; } static f(a: A) { return a.x; } }\n",
            "z",
            "safe class A { private z = 1; get y() { return this.z; } static f(a: A) { return a.z; } }",
        ),
        (
            "== a.ts\nclass A { #‸x = 1; y() { return this.#x; } static f(a: A) { return #x in a; } }\n",
            "z",
            "refused|safe class A { #z = 1; y() { return this.#z; } static f(a: A) { return #z in a; } }",
        ),
        (
            "== a.ts\nclass A { constructor(private ‸x: number) {} f() { return this.x; } }\n",
            "y",
            "safe class A { constructor(private y: number) {} f() { return this.y; } }",
        ),
        (
            "== a.ts\nabstract class A { abstract ‸m(): void; }\nclass B extends A { override m() {} }\nfunction f(a: A) { a.m(); }\n",
            "k",
            "safe class B extends A { override k() {} }\nfunction f(a: A) { a.k(); }",
        ),
        ("== a.js\nclass A { n() { this.m(); } }\nclass B extends A { ‸m() {} }\n", "k", "review"),
        ("== a.js\nclass A extends HTMLElement { ‸connectedCallback() {} }\n", "k", "review"),
        ("== a.js\nclass A { ‸toString() { return ''; } }\n", "text", "review"),
        ("== a.js\nclass A { ‸toJSON() { return 1; } then() {} }\n", "text", "review"),
    ]);
}

/// Protects bindings: shorthand, destructuring, JSX, hoisting, defaults, exports.
#[test]
fn bindings() {
    answers(&[
        (
            "== a.js\nfunction f(‸a) { const o = { a, b: a }; const { a: c = a } = o; return `${a}`; }\n",
            "x",
            "safe function f(x) { const o = { a: x, b: x }; const { a: c = x } = o; return `${x}`; }",
        ),
        (
            "== a.tsx\nfunction ‸Item(p: { t: string }) { return <b>{p.t}</b>; }\nconst x = <Item t=\"a\"></Item>;\n",
            "Row",
            "safe const x = <Row t=\"a\"></Row>;",
        ),
        (
            "== a.tsx\nfunction ‸Item(p: { t: string }) { return <b>{p.t}</b>; }\nconst x = <Item t=\"a\"></Item>;\n",
            "row",
            "refused|review",
        ),
        (
            "== a.tsx\ninterface P { ‸t: string }\nfunction Item({ t }: P) { return <b>{t}</b>; }\nconst x = <Item t=\"a\" />;\n",
            "u",
            "review|safe function Item({ u: t }: P) { return <b>{t}</b>; }\nconst x = <Item u=\"a\" />;",
        ),
        (
            "== a.js\nexport function ‸f() {}\n== b.js\nexport { f } from './a.js';\nexport * from './a.js';\n== c.js\nimport { f } from './b.js';\nf();\n",
            "g",
            "safe == b.js\nexport { g as f } from './a.js';",
        ),
        (
            "== a.js\nmodule.exports = { ‸f };\nfunction f() {}\n== b.js\nconst { f } = require('./a');\nf();\n== c.js\nconst a = require('./a');\na.f();\n",
            "g",
            "safe module.exports = { f: g };\nfunction g() {}",
        ),
        (
            "== a.js\nfunction ‸f() {}\nmodule.exports = { f };\n== b.js\nconst { f } = require('./a');\nf();\n== c.js\nconst a = require('./a');\na.f();\n",
            "g",
            "safe|review function g() {}\nmodule.exports = { f: g };",
        ),
        (
            "== a.js\nexports.‸f = function () {};\n== c.js\nconst a = require('./a');\na.f();\n",
            "g",
            "review|safe a.g()",
        ),
        (
            "== a.js\nexport default function ‸f() {}\n== b.js\nimport f from './a.js';\nf();\n",
            "g",
            "safe export default function g() {}",
        ),
        (
            "== a.js\nexport const ‸f = 1;\n== b.js\nimport * as a from './a.js';\na.f; a['f']; const { f } = a;\n",
            "g",
            "safe|review export const g = 1;",
        ),
        ("== a.js\nexport const ‸f = 1;\n== b.js\nimport('./a.js').then(a => a.f);\n", "g", "review"),
        (
            "== a.js\nexport const ‸f = 1;\n== b.js\nasync function g() { const { f } = await import('./a.js'); return f; }\n",
            "h",
            "review|safe const { h: f } = await import",
        ),
        ("== a.js\nexport const ‸f = 1;\n== b.test.js\njest.mock('./a.js', () => ({ f: 2 }));\n", "h", "review"),
        ("== a.js\nvar ‸f = 1;\neval('f');\n", "h", "review"),
        ("== a.js\nvar ‸f = 1;\nwindow.f;\n", "h", "review"),
        ("== a.js\nfunction g(h) { return f + h; }\nvar ‸f = 1;\n", "h", "refused"),
        (
            "== a.js\nfunction g() { return typeof x === 'undefined'; }\nfunction k(‸a) { return a; }\n",
            "x",
            "safe function k(x) { return x; }",
        ),
        ("== a.js\nfunction k(‸a) { return x + a; }\n", "x", "refused"),
        ("== a.js\nfunction f() { let a = 1; { let ‸b = 2; return a + b; } }\n", "a", "refused"),
        ("== a.js\nfunction f(‸a) { return arguments[0] + a; }\n", "arguments", "refused"),
        (
            "== a.ts\nimport { Injectable } from 'x';\n@Injectable()\nclass A { @Input() ‸name = ''; }\n",
            "title",
            "review",
        ),
        ("== a.ts\ndeclare module 'x' { interface ‸R { a: number } }\n", "S", "review"),
        ("== a.ts\ndeclare global { interface Window { ‸a: number } }\nwindow.a;\n", "b", "review|safe window.b"),
        (
            "== a.vue\n<template><p>{{ total }}</p></template>\n<script>\nexport default { data() { return { total: 1 } } }\n</script>\n== a.js\nexport const ‸total = 1;\n",
            "sum",
            "safe|review",
        ),
        ("== index.html\n<button onclick=\"go()\">x</button>\n== a.js\nfunction ‸go() {}\n", "run", "review"),
        (
            "== package.json\n{ \"name\": \"a\", \"main\": \"a.js\" }\n== a.js\nexport const ‸f = 1;\n== test.js\nimport { f } from 'a';\nf;\n",
            "g",
            "safe|review == test.js\nimport { g } from 'a';\ng;",
        ),
    ]);
}

/// Protects scopes and classes from two declarations of one name, which nothing need use.
#[test]
fn taken_names() {
    answers(&[
        ("== a.js\nfunction ‸f() {}\nfunction g() {}\n", "g", "refused taken"),
        ("== a.ts\nclass A { ‸f() {} g() {} static h() {} }\n", "g", "refused taken"),
    ]);
}
