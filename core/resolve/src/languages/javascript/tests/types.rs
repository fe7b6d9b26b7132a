use crate::tests::marked::check;
use deepcoder_syntax::Language;

fn ts(marked: &str) {
    check(Language::TypeScript, marked);
}

/// Types and values are looked up apart; what has one name in one scope is one symbol.
#[test]
fn spaces() {
    ts("type ⟦T⟧ = number; function f(T: ⟦T⟧) { let x: ⟦T⟧; }");
    ts("interface ⟦A⟧ {} const ⟦A⟧ = 1; let x: ⟦A⟧ = ⟦A⟧;");
    ts("interface ⟦A⟧ { x } interface ⟦A⟧ { y } class ⟦A⟧ {}");
    ts("let ⟦x⟧ = 1; type T = typeof ⟦x⟧; type K = keyof typeof ⟦x⟧;");
}

/// Type parameters are seen in their definition alone.
#[test]
fn type_parameters() {
    ts("class A<⟦T⟧> { x: ⟦T⟧; m<⟦2:T⟧>(a: ⟦2:T⟧): ⟦2:T⟧ {} } let y: ⟦T→outside⟧;");
    ts("type M<⟦T⟧> = { [⟦2:K⟧ in keyof ⟦T⟧]: ⟦T⟧[⟦2:K⟧] };");
    ts("type U<⟦T⟧> = ⟦T⟧ extends (infer ⟦2:V⟧)[] ? ⟦2:V⟧ : ⟦V→outside⟧;");
    ts("function is(⟦x⟧): ⟦x⟧ is string { return ⟦x⟧; } function as(⟦2:x⟧): asserts ⟦2:x⟧ {}");
    ts("type F = (⟦a⟧: number) => typeof ⟦a⟧;");
}

/// Overloads are one declaration with their implementation.
#[test]
fn overloads_are_one() {
    ts("function ⟦f⟧(a: string): void; function ⟦f⟧(a) {} ⟦f⟧('');");
    ts("class A { ⟦m⟧(a: string): void; ⟦m⟧(a) {} }");
}

/// Members of an enumeration see each other; namespaces see what their other parts export.
#[test]
fn enums_and_namespaces() {
    ts("enum ⟦E⟧ { ⟦2:A⟧, B = ⟦2:A⟧ } ⟦E⟧.⟦A→member of E⟧;");
    ts("namespace ⟦N⟧ { export const ⟦2:a⟧ = 1; const b = 1; } namespace ⟦N⟧ { ⟦2:a⟧; ⟦b→outside⟧; }");
    ts("namespace N { export interface I {} } let x: N.⟦I→member of N⟧;");
    ts("namespace ⟦A⟧.⟦2:B⟧ {} import ⟦3:C⟧ = ⟦A⟧.⟦B→member of A⟧; ⟦3:C⟧;");
}

/// Decorators are uses of their functions.
#[test]
fn decorators() {
    ts("function ⟦d⟧() {} @⟦d⟧ class A { @⟦d⟧() x; m(@⟦d⟧ p) {} }");
}
