use crate::tests::marked::{check, declarations};
use deepcoder_syntax::Language;

fn js(marked: &str) {
    check(Language::JavaScript, marked);
    check(Language::TypeScript, marked);
}

/// Members are no variables: only a receiver reaches them.
#[test]
fn members_need_a_receiver() {
    js("class A { ⟦m⟧() { ⟦m→outside⟧(); this.⟦m→member of instance of A⟧(); } }");
    js("class A { static ⟦s⟧() { this.⟦s→member of A⟧(); A.⟦s→member of A⟧(); } }");
    js("class A { m() { const f = () => this.⟦m→member of instance of A⟧; function g() { this.⟦m→member of ?⟧; } } }");
    js("class A { f = 1; g = this.⟦f→member of instance of A⟧; }");
}

/// Getters and setters of a name are one member; private names belong to the nearest class that declares them.
#[test]
fn accessors_and_private_names() {
    js("class A { get ⟦v⟧() { return this.⟦2:#x⟧; } set ⟦v⟧(n) { this.⟦2:#x⟧ = n; } ⟦2:#x⟧ = 1; }");
    js("class A { #x; m(o) { class B { ⟦#x⟧; n(p) { return p.⟦#x⟧; } } return ⟦#x→#x#1⟧ in o; } }");
}

/// In JavaScript a class without bases declares the fields that it assigns.
#[test]
fn assigned_fields_are_declared() {
    check(Language::JavaScript, "class A { constructor() { this.⟦x⟧ = 1; } m() { this.⟦x⟧ = 2; } }");
    check(Language::JavaScript, "class A extends B { m() { this.⟦x→writes member of instance of A⟧ = 2; } }");
}

/// A parameter property is a parameter and a field at once.
#[test]
fn parameter_properties() {
    check(
        Language::TypeScript,
        "class A { constructor(private ⟦x⟧: B, y) { ⟦x⟧; this.⟦x→member of instance of A⟧; } }",
    );
}

/// A pattern is no field, whatever stands before it.
#[test]
fn patterns_are_no_fields() {
    let told = declarations(Language::TypeScript, "class A { constructor(private { x }) { x; } }");
    assert_eq!(told, ["Class A", "Parameter x"]);
}

/// An object literal that a variable begins with declares its members; one that goes elsewhere names those of its type.
#[test]
fn object_literals() {
    js("const o = { ⟦a⟧: 1, m() { return this.⟦a→member of instance of ⟧; } }; o.⟦a→member of o⟧;");
    check(Language::TypeScript, "const o: I = { ⟦a→keyword member of instance of I⟧: 1 }; interface I { a }");
    check(Language::TypeScript, "function f(o: I) {} f({ ⟦a→keyword member of instance of I⟧: 1 }); interface I { a }");
    check(
        Language::TypeScript,
        "function f(): I { return { ⟦a→keyword member of instance of I⟧: 1 }; } interface I { a }",
    );
    js("f({ ⟦a→keyword member of ?⟧: 1 });");
}

/// Patterns name members of what they take apart, and shorthand stands for both names.
#[test]
fn destructuring() {
    check(
        Language::TypeScript,
        "interface I { a; b } declare const o: I; const { ⟦a→member of o First(\": \"); declares a#4 Second(\": \")⟧, ⟦b→member of o⟧: c } = o;",
    );
    js("let x, y; ({ ⟦x→member of ? First(\": \"); writes x#0 Second(\": \")⟧, b: ⟦y→writes y#1⟧ } = f());");
}

/// What the text tells of values: annotations, constructors, results.
#[test]
fn values_are_known() {
    let told = declarations(
        Language::TypeScript,
        "class A extends B implements I { f: A; m(): A { } n() { return new A() } }\nclass B {}\ninterface I {}\nconst a = new A();\nlet b: A | null;\nfunction g() { return a }\nconst h = () => a.f;\nconst i = a.m().n();",
    );
    assert_eq!(
        told,
        [
            "Class A (B, I)",
            "Field f: instance of A",
            "Method m: instance of A",
            "Method n: instance of A",
            "Class B",
            "Interface I",
            "Constant a: instance of A",
            "Variable b: instance of A",
            "Function g: a",
            "Function h: a.f",
            "Constant i: a.m().n()",
        ]
    );
}

/// A variable that is given several values in JavaScript is known to be none of them.
#[test]
fn written_twice_is_unknown() {
    let told = declarations(Language::JavaScript, "class A {} let a = new A(); a = f(); const b = new A();");
    assert_eq!(told, ["Class A", "Variable a", "Constant b: instance of A"]);
}

/// Attributes of a component are members that the text cannot follow; a tag in lower case is an element of JSX.
#[test]
fn tags_and_attributes() {
    check(
        Language::Tsx,
        "const ⟦Foo⟧ = (p) => <div>{p}</div>; const x = <⟦Foo⟧ ⟦a→keyword member of ?⟧={1}><b/></⟦Foo⟧>;",
    );
    check(
        Language::Tsx,
        "namespace JSX { export interface IntrinsicElements { b: { c } } } <⟦b→member of instance of JSX.IntrinsicElements⟧/>;",
    );
    check(Language::Tsx, "<⟦b→member of instance of ^JSX.IntrinsicElements⟧/>;");
}
