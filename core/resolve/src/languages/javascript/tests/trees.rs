use crate::{Form, Memory, Project, Resolution, Why};
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tree with the name at `⟦…⟧` replaced by `new` wherever it is named, and the doubts.
fn renamed(files: &[(&str, &str)]) -> (Vec<String>, usize) {
    let mut texts: BTreeMap<RepoPath, Arc<str>> = BTreeMap::new();
    let mut target = None;
    for (path, text) in files {
        let path = RepoPath::new(*path).expect("a path");
        if let Some(at) = text.find('⟦') {
            target = Some((path.clone(), at as u32));
        }
        texts.insert(path, Arc::from(text.replace(['⟦', '⟧'], "")));
    }
    let (path, offset) = target.expect("a mark");
    let memory = Memory::new(texts.clone());
    let project = Project::new(&memory);
    let exact = |(_, resolution)| if let Resolution::Exact(symbol) = resolution { Some(symbol) } else { None };
    let symbol = project.names_at(&path, offset).into_iter().filter_map(exact).next_back().expect("an exact name");
    let mut doubts = 0;
    let mut edits: BTreeMap<&RepoPath, BTreeMap<(u32, u32), Vec<Form>>> = BTreeMap::new();
    let occurrences = project.occurrences(&symbol);
    for found in &occurrences.found {
        doubts += usize::from(found.doubt.is_some());
        let at = (found.place.at.start, found.place.at.end);
        edits.entry(&found.place.path).or_default().entry(at).or_default().push(found.form);
    }
    let mut out = Vec::new();
    for (path, text) in &texts {
        let mut text = text.to_string();
        for ((start, end), forms) in edits.get(path).into_iter().flatten().rev() {
            let old = &text[*start as usize..*end as usize];
            let new = match forms.as_slice() {
                [Form::First(joint)] => format!("new{joint}{old}"),
                [Form::Second(joint)] => format!("{old}{joint}new"),
                _ => "new".to_owned(),
            };
            text.replace_range(*start as usize..*end as usize, &new);
        }
        out.push(text);
    }
    (out, doubts)
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let (found, doubts) = renamed(files);
    assert_eq!(found, expected);
    assert_eq!(doubts, 0);
}

/// A declaration's new name goes to all who import it without another one; an import's stays in its file.
#[test]
fn an_import_can_have_a_name_of_its_own() {
    check(
        &[("a.ts", "export const ⟦x⟧ = 1;"), ("b.ts", "import { x } from './a'; f({ x });")],
        &["export const new = 1;", "import { new } from './a'; f({ x: new });"],
    );
    check(
        &[("a.ts", "export const x = 1;"), ("b.ts", "import { x } from './a'; f(⟦x⟧);")],
        &["export const x = 1;", "import { x as new } from './a'; f(new);"],
    );
    check(
        &[("a.ts", "export const ⟦x⟧ = 1;"), ("b.ts", "import { x as y } from './a'; y;")],
        &["export const new = 1;", "import { new as y } from './a'; y;"],
    );
    check(
        &[("a.ts", "export const ⟦x⟧ = 1;"), ("b.ts", "import { x as x } from './a'; x;")],
        &["export const new = 1;", "import { new as x } from './a'; x;"],
    );
}

/// What a file passes on keeps its name for others.
#[test]
fn an_exported_name_is_one_of_its_own() {
    check(
        &[
            ("a.ts", "const ⟦x⟧ = 1; export { x };"),
            ("b.ts", "export { x } from './a';"),
            ("c.ts", "import { x } from './b'; x;"),
        ],
        &["const new = 1; export { new as x };", "export { x } from './a';", "import { x } from './b'; x;"],
    );
    check(
        &[
            ("a.ts", "export const x = 1;"),
            ("b.ts", "export { ⟦x⟧ } from './a';"),
            ("c.ts", "import { x } from './b'; x;"),
        ],
        &["export const x = 1;", "export { x as new } from './a';", "import { new } from './b'; new;"],
    );
    check(
        &[("a.js", "class ⟦A⟧ {} module.exports = { A };"), ("b.js", "const { A } = require('./a'); new A();")],
        &["class new {} module.exports = { A: new };", "const { A } = require('./a'); new A();"],
    );
    check(
        &[("a.js", "exports.⟦f⟧ = () => 1;"), ("b.js", "const { f } = require('./a'); f();")],
        &["exports.new = () => 1;", "const { new } = require('./a'); new();"],
    );
}

/// A default export has no name outside, so that who calls it by the same name follows.
#[test]
fn default_exports() {
    check(
        &[
            ("a.ts", "export default class ⟦A⟧ { m() {} }"),
            ("b.ts", "import A from './a'; new A();"),
            ("c.ts", "import B from './a'; new B();"),
        ],
        &["export default class new { m() {} }", "import new from './a'; new new();", "import B from './a'; new B();"],
    );
    check(
        &[("a.ts", "export default class A { ⟦m⟧() {} }"), ("b.ts", "import B from './a'; new B().m();")],
        &["export default class A { new() {} }", "import B from './a'; new B().new();"],
    );
}

/// Files that are no modules share their names, and modules may be declared within files.
#[test]
fn scripts_and_ambient_modules() {
    check(
        &[("a.ts", "var ⟦x⟧ = 1;"), ("b.ts", "x++;"), ("c.ts", "import 'd'; { let x = 1; x; } x;")],
        &["var new = 1;", "new++;", "import 'd'; { let x = 1; x; } new;"],
    );
    check(
        &[("a.ts", "export {}; declare global { interface ⟦I⟧ {} } let x: I;"), ("b.ts", "export let y: I;")],
        &["export {}; declare global { interface new {} } let x: new;", "export let y: new;"],
    );
    check(
        &[("a.d.ts", "declare module \"m\" { export class ⟦C⟧ {} }"), ("b.ts", "import { C } from 'm'; new C();")],
        &["declare module \"m\" { export class new {} }", "import { new } from 'm'; new new();"],
    );
}

/// A namespace in front of what is taken from it, through `export =` and `import =`.
#[test]
fn whole_modules() {
    check(
        &[
            ("a.ts", "namespace N { export class ⟦C⟧ {} } export = N;"),
            ("b.ts", "import M = require('./a'); import D = M.C; new D();"),
        ],
        &["namespace N { export class new {} } export = N;", "import M = require('./a'); import D = M.new; new D();"],
    );
    check(
        &[("a.ts", "export class ⟦C⟧ {}"), ("b.ts", "import * as a from './a'; new a.C();")],
        &["export class new {}", "import * as a from './a'; new a.new();"],
    );
    check(
        &[("a.ts", "export class ⟦C⟧ {}"), ("b.ts", "export * from './a';"), ("c.ts", "import { C } from './b'; C;")],
        &["export class new {}", "export * from './a';", "import { new } from './b'; new;"],
    );
}

/// A type that has all members of another one can stand for it without saying so; one that lacks some cannot.
#[test]
fn types_that_are_alike_are_told() {
    let open = |text: &str| {
        let path = RepoPath::new("a.ts").expect("a path");
        let memory = Memory::new(BTreeMap::from([(path.clone(), Arc::from(text))]));
        let project = Project::new(&memory);
        let at = text.find("m()").expect("a member") as u32;
        let (_, resolution) = project.names_at(&path, at).pop().expect("a name");
        let Resolution::Exact(symbol) = resolution else { panic!("{resolution:?}") };
        symbol.open
    };
    assert_eq!(open("interface I { m(); n() } class A { m() {} o() {} }"), None);
    assert_eq!(open("interface I { m(); n() } class A implements I { m() {} n() {} o() {} }"), None);
    assert_eq!(open("interface I { m(); n() } class A { m() {} n() {} o() {} }"), Some(Why::SeveralDeclarations));
}
