use crate::tests::marked::check;
use deepcoder_syntax::Language;

fn rust(marked: &str) {
    check(Language::Rust, marked);
}

/// Protects the sequential shadowing of variables, and items that are visible before their text.
#[test]
fn variables_shadow_in_order_and_items_everywhere() {
    rust("fn f() { let ⟦x⟧ = 1; let ⟦2:x⟧ = ⟦x⟧ + 1; g(⟦2:x⟧); fn ⟦3:h⟧() {} ⟦3:h⟧(); }");
    rust("fn f(⟦x⟧: i32) { { let ⟦2:x⟧ = ⟦x⟧; ⟦2:x⟧; } ⟦x⟧; fn g() { ⟦x→outside⟧; } }");
    rust("fn f() { if let Some(⟦x⟧) = y && ⟦x⟧ > 0 { ⟦x⟧; } else { ⟦x→outside⟧; } }");
    rust(
        "fn f() { let Some(⟦x⟧) = y else { ⟦x→outside⟧; return }; ⟦x⟧; for ⟦2:x⟧ in ⟦x⟧ { ⟦2:x⟧; } |⟦3:x⟧: u8| ⟦3:x⟧ + ⟦z→outside⟧; }",
    );
}

/// Protects names in patterns: constants are used, everything else is bound, alternatives bind one variable.
#[test]
fn patterns_bind_or_name() {
    rust("const ⟦A⟧: u8 = 1; fn f(v: u8) { match v { ⟦A⟧ => 1, ⟦2:n⟧ if ⟦2:n⟧ > 2 => ⟦2:n⟧, ⟦None→outside⟧ => 0 }; }");
    rust("fn f((⟦a⟧ | ⟦a⟧): u8) { ⟦a⟧; let ⟦2:a⟧; }");
    rust("enum E { ⟦A⟧, B } use E::*; fn f(e: E) { match e { ⟦A⟧ => E::⟦A⟧, other => other }; }");
    rust("struct S { a: u8 } fn f(S { ⟦a→keyword a#1 First(\": \"); declares a#3 Second(\": \")⟧ }: S) {}");
}

/// Protects fields, shorthands, and what is known before a dot.
#[test]
fn fields_and_members() {
    rust("struct S { ⟦a⟧: u8 } fn f(b: u8) -> S { S { ⟦a⟧: b } }");
    rust(
        "struct S { a: u8 } impl S { fn new() -> Self { todo!() } fn g(&self) { self.⟦a→value of instance of S, ?, else dynamic (UnknownReceiver)⟧; } }
        fn f(p: &S) { let s = S::⟦new→member of S⟧(); s.⟦a→value of s, ?, else dynamic (UnknownReceiver)⟧; p.⟦a→method of p, ?, else dynamic (UnknownReceiver)⟧(); }",
    );
}

/// Protects type parameters, lifetimes and labels, which have spaces of their own.
#[test]
fn generics_lifetimes_and_labels() {
    rust("fn f<'⟦a⟧, ⟦2:T⟧: Into<⟦2:T⟧>>(x: &'⟦a⟧ ⟦2:T⟧) -> &'⟦a⟧ ⟦2:T⟧ { '⟦3:a⟧: loop { break '⟦3:a⟧; } x }");
    rust("impl<⟦T⟧> S<⟦T⟧> { fn f<⟦2:U⟧>(t: ⟦T⟧, u: ⟦2:U⟧) { fn g(x: ⟦U→outside⟧) {} } }");
}

/// Protects imports of the file's own modules, and paths.
#[test]
fn imports_and_paths() {
    rust("mod ⟦m⟧ { pub fn ⟦2:f⟧() {} } use ⟦m⟧::⟦2:f⟧; fn g() { ⟦2:f⟧(); self::⟦m⟧::⟦2:f⟧(); }");
    rust("use a::b::{⟦c⟧, d as ⟦2:e⟧}; fn f() { ⟦2:e⟧(); ⟦c⟧::x(); }");
    rust("fn ⟦f⟧() {} mod tests { use super::*; fn g() { ⟦f⟧(); } }");
}

/// Protects arguments of well-known macros, which are expressions with names in format strings.
#[test]
fn arguments_of_macros() {
    rust(
        "fn f(⟦x⟧: u8, ⟦2:w⟧: usize) { println!(\"{⟦x⟧} {{x}} {⟦x⟧:⟦2:w⟧$}\", ⟦x⟧); vec![⟦x⟧; 3]; format!(\"{⟦3:x⟧}\", ⟦3:x⟧ = ⟦x⟧); }",
    );
    rust("fn f(x: u8) { other!(⟦x→several x#1 (Macro)⟧); }");
}
