use crate::languages::rules;
use crate::tests::marked::{check, declarations};
use crate::{Files, Paths, bind};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::sync::Arc;

fn ts(marked: &str) {
    check(Language::TypeScript, marked);
}

/// An import without `as` stands for the other file's name and for the own one.
#[test]
fn imports() {
    ts("import { ⟦a→imports member of <./a> First(\" as \"); declares a#0 Second(\" as \")⟧ } from './a'; ⟦a→a#0⟧;");
    ts("import { ⟦a→imports member of <./a>⟧ as ⟦b→declares b#0⟧ } from './a'; ⟦b→b#0⟧;");
    ts("import ⟦d⟧, * as ⟦2:ns⟧ from './a'; ⟦d⟧; ⟦2:ns⟧.⟦x→member of ns⟧; let t: ⟦2:ns⟧.⟦T→member of ns⟧;");
    let told = declarations(
        Language::TypeScript,
        "import d, { a as b, default as c } from './a';\nimport * as ns from 'n';\nimport e = require('./e');\nimport type { T } from 't';\nexport import f = require('./f');",
    );
    assert_eq!(
        told,
        [
            "Import d from ./a default",
            "Import b from ./a a",
            "Import c from ./a default",
            "Import ns from n",
            "Import e from ./e",
            "Import T from t T",
            "Import f from ./f",
        ]
    );
}

/// The names that a file gives to others.
fn exported(language: Language, text: &str) -> Vec<String> {
    let bindings = bind(language, text).expect("bound");
    let mut names = Vec::new();
    for found in &bindings.declarations {
        if found.public && found.exported_as.is_empty() && found.scope == crate::ScopeId(0) {
            names.push(found.name.clone());
        }
        names.extend(found.exported_as.iter().map(|outer| format!("{} as {outer}", found.name)));
    }
    names
}

/// Every way to export a name.
#[test]
fn exports() {
    ts("const ⟦a→declares a#0⟧ = 1; export { ⟦a→a#0 First(\" as \"); exports a#1 Second(\" as \")⟧ };");
    ts("const a = 1; export { ⟦a→a#0⟧ as ⟦b→exports b#1⟧ };");
    ts("export { ⟦a→imports member of <./a>⟧ as ⟦b→exports b#0⟧ } from './a'; ⟦b→outside⟧;");
    let told = exported(
        Language::TypeScript,
        "export const a = 1, b = 2; export default class C {} export function f() {} const d = 1; export { d as e, d as default };\nexport * as ns from 'n'; export { x } from 'x'; const hidden = 1;",
    );
    assert_eq!(told, ["a", "b", "C as default", "f", "d as default", "e as e", "ns as ns", "x as x"]);
    let bindings = bind(Language::TypeScript, "export * from './all';").expect("bound");
    assert_eq!(bindings.wildcards.len(), 1);
}

/// CommonJS has the same in other words.
#[test]
fn commonjs() {
    let told = declarations(
        Language::JavaScript,
        "const a = require('./a');\nconst { b, c: d } = require('./b');\nconst e = require('./e').f;",
    );
    assert_eq!(told, ["Import a from ./a", "Import b from ./b b", "Import d from ./b c", "Import e from ./e f"]);
    let told = exported(
        Language::JavaScript,
        "const a = 1; function b() {} module.exports = { a, c: b, d: 2, e() {} }; exports.g = () => {};",
    );
    assert_eq!(told, ["a as a", "c as c", "d as d", "e as e", "g as g"]);
    check(Language::JavaScript, "exports.⟦a⟧ = 1; exports.⟦a⟧; function f(exports) { exports.⟦a→member of exports⟧ }");
}

struct Tree(Paths, BTreeMap<RepoPath, Arc<str>>);

impl Files for Tree {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.1.get(path).cloned()
    }

    fn paths(&self) -> &Paths {
        &self.0
    }

    fn mentions(&self, _word: &str) -> Vec<RepoPath> {
        Vec::new()
    }
}

/// A module's words go to the file that the compiler would take.
#[test]
fn files_of_modules() {
    let config = r#"{ // comments are allowed
        "compilerOptions": { "baseUrl": "./src", "paths": { "@lib/*": ["lib/*"], "app": ["main.ts"] } } }"#;
    let texts: BTreeMap<RepoPath, Arc<str>> = [
        ("tsconfig.json", config),
        ("src/main.ts", ""),
        ("src/a.ts", ""),
        ("src/b/index.tsx", ""),
        ("src/lib/c.js", ""),
        ("src/d.d.ts", ""),
        ("node_modules/pkg/index.d.ts", ""),
    ]
    .into_iter()
    .map(|(path, text)| (RepoPath::new(path).expect("a path"), Arc::from(text)))
    .collect();
    let tree = Tree(Paths::new(texts.keys().cloned()), texts);
    let rules = rules(Language::TypeScript).expect("rules");
    let found = |module: &str| {
        let from = RepoPath::new("src/main.ts").expect("a path");
        rules.module_files(&tree, &from, module).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("./a"), "src/a.ts");
    assert_eq!(found("./a.js"), "src/a.ts");
    assert_eq!(found("./b"), "src/b/index.tsx");
    assert_eq!(found("./d"), "src/d.d.ts");
    assert_eq!(found("@lib/c"), "src/lib/c.js");
    assert_eq!(found("app"), "src/main.ts");
    assert_eq!(found("lib/c"), "src/lib/c.js");
    assert_eq!(found("pkg"), "node_modules/pkg/index.d.ts");
    assert_eq!(found("../../outside"), "");
    assert_eq!(found("react"), "");
}
