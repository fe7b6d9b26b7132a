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
        "fn f() { let Some(⟦x⟧) = y else { ⟦x→outside⟧; return () }; ⟦x⟧; for ⟦2:x⟧ in ⟦x⟧ { ⟦2:x⟧; } |⟦3:x⟧: u8| ⟦3:x⟧ + ⟦z→outside⟧; }",
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
        "struct S { a: u8 } impl S { fn new() -> Self { panic!() } fn g(&self) { self.⟦a→value of instance of S, ?, else dynamic (UnknownReceiver)⟧; } }
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

/// Protects that implementations say what they fulfil: a method of a trait is one with those that implement it, an inherent
/// method and a field of that name are others; and the paths of modules over files.
#[test]
fn symbols_over_files() {
    use crate::{Memory, Project, Resolution};
    use deepcoder_types::RepoPath;
    use std::collections::BTreeMap;
    let path = |path: &str| RepoPath::new(path).expect("a path");
    let files = [
        ("src/lib.rs", "mod shapes; mod draw; pub use shapes::Square as Sq;"),
        (
            "src/shapes.rs",
            "pub trait Area { fn area(&self) -> u8; } pub struct Square { pub area: u8 } impl Square { pub fn size(&self) -> u8 { self.area } }",
        ),
        (
            "src/draw/mod.rs",
            "use crate::shapes::{Area, Square}; use super::shapes as s; impl Area for Square { fn area(&self) -> u8 { self.size() } } fn f(q: &s::Square) { q.area(); q.area; Vec::area(); }",
        ),
    ];
    let files =
        Memory::new(files.into_iter().map(|(name, text)| (path(name), text.into())).collect::<BTreeMap<_, _>>());
    let project = Project::new(&files);
    let found = |word: &str, nth: usize| {
        let shapes = files_text(&files, "src/shapes.rs");
        let at = shapes.match_indices(word).nth(nth).expect("it is there").0 as u32;
        let mut names = project.names_at(&path("src/shapes.rs"), at);
        let Resolution::Exact(symbol) = names.remove(0).1 else { panic!("{word} is exact") };
        let all = project.occurrences(&symbol).found;
        all.into_iter()
            .map(|o| format!("{}:{}{}", o.place.path, o.place.at.start, if o.doubt.is_some() { "?" } else { "" }))
            .collect::<Vec<_>>()
    };
    let draw = files_text(&files, "src/draw/mod.rs");
    let shapes = files_text(&files, "src/shapes.rs");
    let at = |text: &str, shift: usize| format!("src/draw/mod.rs:{}", draw.find(text).expect("it is there") + shift);
    let own = |text: &str, shift: usize| format!("src/shapes.rs:{}", shapes.find(text).expect("it is there") + shift);
    // The method, its implementation, its call, and perhaps that of another crate's type.
    let method = found("area", 0);
    assert_eq!(method, [at("fn area", 3), at("q.area()", 2), at("Vec::area", 5) + "?", own("fn area", 3)]);
    let field = found("area:", 0);
    assert_eq!(field, [at("q.area;", 2), own("pub area", 4), own("self.area", 5)]);
    assert_eq!(found("size", 0), [at("self.size", 5), own("fn size", 3)]);
    let square = found("Square", 0);
    assert!(
        square.iter().any(|o| o.starts_with("src/lib.rs:")) && square.iter().all(|o| !o.ends_with('?')),
        "{square:?}"
    );
}

fn files_text(files: &crate::Memory, path: &str) -> std::sync::Arc<str> {
    use crate::Files;
    files.text(&deepcoder_types::RepoPath::new(path).expect("a path")).expect("a text")
}

/// Protects that no import of imports, and no nesting, takes the stack or the day.
#[test]
fn hostile_texts_are_bound() {
    let globs: String = (0..40)
        .map(|n| {
            format!("mod m{n} {{ {} }}\n", (0..40).map(|o| format!("pub use super::m{o}::*; ")).collect::<String>())
        })
        .collect();
    let aliases: String = (0..200).map(|n| format!("use a{n} as a{};\n", n + 1)).collect();
    let deep = format!("fn f() {{ {}x{} }}", "(".repeat(20_000), ")".repeat(20_000));
    let calls = format!("fn f() {{ a{}; }}", ".b()".repeat(5_000));
    for text in [
        globs + "fn f() { nothing(); }",
        "use *; use a::*; mod a { use super::*; }".into(),
        aliases + "fn f() { a9(); a200(); }",
        deep,
        calls,
    ] {
        if let Some(bindings) = crate::bind(Language::Rust, &text) {
            crate::tests::marked::consistent(&bindings, &text);
        }
    }
}

/// Protects every reader from a text that imports a name by way of itself: it means nothing, and is no endless search.
#[test]
fn an_import_by_way_of_itself_ends() {
    use crate::{Memory, Project};
    let path = deepcoder_types::RepoPath::new("src/lib.rs").expect("a path");
    let text = "use crate::x::x;\nfn f() { x(); }\n";
    let files = Memory::new([(path.clone(), std::sync::Arc::from(text))].into());
    let project = Project::new(&files);
    let bindings = project.bindings(&path).expect("bound");
    for reference in bindings.references.iter().filter(|r| r.name == "x") {
        assert!(project.meant(&path, reference).len() <= 1);
    }
}
