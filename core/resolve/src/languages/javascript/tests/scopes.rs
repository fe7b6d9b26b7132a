use crate::tests::marked::{check, consistent};
use crate::{HazardKind, bind, is_name};
use deepcoder_syntax::Language;

fn js(marked: &str) {
    check(Language::JavaScript, marked);
    check(Language::TypeScript, marked);
}

/// A `var` belongs to its function wherever it is written; `let` and `const` belong to their block.
#[test]
fn var_is_hoisted_and_let_is_not() {
    js("function f() { ⟦x⟧ = 1; if (a) { var ⟦x⟧ = 2; } return ⟦x⟧; } ⟦x→outside⟧;");
    js("let ⟦x⟧ = 1; { let ⟦2:x⟧ = 2; ⟦2:x⟧; } ⟦x⟧;");
    js("for (let ⟦i⟧ = 0; ⟦i⟧ < 9; ⟦i⟧++) { ⟦i⟧; } ⟦i→outside⟧;");
    js("for (var ⟦i⟧ = 0; ⟦i⟧ < 9; ⟦i⟧++) {} ⟦i⟧;");
    js("const ⟦x⟧ = []; for (const ⟦2:x⟧ of all) { ⟦2:x⟧; } ⟦x⟧;");
    js("switch (⟦x⟧) { case 1: let ⟦2:x⟧ = 1; ⟦2:x⟧; } var ⟦x⟧;");
}

/// The dead zone belongs to the inner name: what stands before `let` in the block means it, not the outer one.
#[test]
fn a_block_shadows_from_its_beginning() {
    js("let ⟦x⟧ = 1; { ⟦2:x⟧; let ⟦2:x⟧ = ⟦2:x⟧; }");
}

/// Parameters' default values see the parameters and not the body's variables.
#[test]
fn default_values_do_not_see_the_body() {
    js("let ⟦x⟧ = 1; function f(a = ⟦x⟧) { var ⟦2:x⟧ = 2; return ⟦2:x⟧ + a; }");
    js("function f(⟦a⟧, b = ⟦a⟧) { var ⟦a⟧; return ⟦a⟧; }");
    js("const f = (⟦a⟧, {b: [⟦2:b⟧ = ⟦a⟧], ...⟦3:rest⟧}) => ⟦2:b⟧ + ⟦3:rest⟧;");
}

/// A function expression's name is seen by the function alone.
#[test]
fn names_of_expressions_are_their_own() {
    js("function ⟦f⟧() {} const g = function ⟦2:f⟧() { return ⟦2:f⟧; }; ⟦f⟧();");
    js("class ⟦A⟧ {} const b = class ⟦2:A⟧ { m() { return ⟦2:A⟧; } }; new ⟦A⟧();");
    js("try { } catch (⟦e⟧) { ⟦e⟧; } ⟦e→outside⟧;");
    js("try { } catch ({ message: ⟦m⟧ }) { ⟦m⟧; }");
}

/// A function in a block is a variable of the function around it in sloppy scripts, and the block's in modules.
#[test]
fn functions_in_blocks() {
    check(Language::JavaScript, "if (a) { function ⟦f⟧() {} ⟦f⟧(); } ⟦f⟧();");
    check(Language::JavaScript, "export {}; if (a) { function ⟦f⟧() {} ⟦f⟧(); } ⟦f→outside⟧();");
}

/// Labels have a space of their own.
#[test]
fn labels_are_not_variables() {
    js("var ⟦x⟧; ⟦2:x⟧: for (;;) { ⟦2:x⟧: for (;;) { break ⟦x→x#2⟧; } continue ⟦x→x#1⟧; } ⟦x⟧;"
        .replace("⟦2:x⟧", "x")
        .as_str());
}

/// `arguments` and `this` are no names, and a key is no variable.
#[test]
fn words_of_the_language() {
    js("var ⟦key⟧; const o = { ⟦key→declares key#3⟧: ⟦key⟧, [⟦key⟧]: 1 }; function f() { return ⟦this→nothing⟧; }");
    js("var ⟦a→declares a#0⟧; ({ ⟦a→keyword member of ? First(\": \"); a#0 Second(\": \")⟧ }).b;"
        .replace("({", "f({")
        .as_str());
}

/// Code that builds names at run time is told.
#[test]
fn hazards_are_told() {
    let kinds = |text: &str| -> Vec<HazardKind> {
        bind(Language::JavaScript, text).expect("bound").hazards.iter().map(|hazard| hazard.kind).collect()
    };
    assert_eq!(kinds("eval('x')"), [HazardKind::Eval]);
    assert_eq!(kinds("new Function('x')"), [HazardKind::Eval]);
    assert_eq!(kinds("with (o) { x }"), [HazardKind::Scope]);
    assert_eq!(kinds("o[k]"), [HazardKind::Reflection]);
    assert_eq!(kinds("for (let i = 0; i < 3; i++) o[i] = o[0] + o[i + 1]"), []);
}

/// Reserved words are no names, contextual ones are, and letters of all scripts are.
#[test]
fn which_texts_are_names() {
    for name in ["a", "$", "_x1", "of", "type", "async", "größe", "变量", "#x"] {
        assert!(is_name(Language::TypeScript, name), "{name}");
    }
    for name in ["", "1a", "a-b", "class", "let", "a b", "enum", "#", "this"] {
        assert!(!is_name(Language::JavaScript, name), "{name}");
    }
}

/// Hostile nesting neither overflows the stack nor takes long, and broken code binds as well as it can.
#[test]
fn any_text_is_bound() {
    let deep = [
        "{".repeat(20_000),
        "(".repeat(20_000),
        format!("x{}", ".a".repeat(20_000)),
        format!("x = {}", "[{a:".repeat(5_000)),
        format!("const {}b{} = x", "{a:".repeat(3_000), "}".repeat(3_000)),
        format!("x = {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        "class { #a( } import { from export {".to_owned(),
        "f(…) ⇒ \u{feff} \"".to_owned(),
    ];
    for text in deep {
        for language in [Language::JavaScript, Language::TypeScript, Language::Tsx] {
            if let Some(bindings) = bind(language, &text) {
                consistent(&bindings, &text);
            }
        }
    }
}

/// Comments of documentation name parameters and types; other words in them are prose.
#[test]
fn documentation_names_things() {
    check(
        Language::TypeScript,
        "class ⟦2:E⟧ {}\n/**\n * x of E\n * @param ⟦x⟧ is x\n * @throws {⟦2:E⟧} where {@link ⟦2:E⟧} says so\n */\nexport async function f(⟦x⟧) { return ⟦x⟧; }",
    );
    check(
        Language::JavaScript,
        "class ⟦2:E⟧ { /** @param {Array<⟦2:E⟧|null>} [⟦x⟧=1] - x */ m(⟦x⟧) {} }\n/** @param y */ var y, g = (y) => 1;",
    );
}
