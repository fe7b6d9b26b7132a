#![expect(clippy::disallowed_methods, reason = "the files are in temporary folders")]

use super::{Answer, CaseRecord, Grade, Report, evaluate, score::grade, wish::Wish};
use crate::refactor::case::{Case, Texts, relative};
use deepcoder_plugin_refactor::{Request, Source};
use deepcoder_types::TextRange;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

fn tree(texts: &[(&str, &str)]) -> Texts {
    texts.iter().map(|(name, text)| (relative(name).expect("a path"), Arc::from(*text))).collect()
}

fn one(name: &str, before: &str, ours: &str, expected: &str, new: bool) -> Grade {
    grade(&tree(&[(name, before)]), &tree(&[(name, ours)]), &tree(&[(name, expected)]), new)
}

fn case(value: Value) -> Case {
    serde_json::from_value(value).expect("a case")
}

/// Protects the score from layout: whitespace at line ends is no difference, other layout is one of lines only, and what a
/// program does is never a matter of layout.
#[test]
fn layout_is_no_difference_and_the_program_is() {
    let old = "x = 1\n";
    assert_eq!(one("a.py", old, "y = 1  \n\n", "y = 1\n", false), Grade::Exact);
    assert_eq!(one("a.py", old, "y = f( 1,2 )\n", "y = f(1, 2)\n", false), Grade::Tokens);
    assert_eq!(one("a.py", old, "if x:\n    f()\ng()\n", "if x:\n    f()\n    g()\n", false), Grade::Wrong);
    assert_eq!(one("a.py", old, "s = 'a b'\n", "s = 'a  b'\n", false), Grade::Wrong);
    assert_eq!(one("a.txt", old, "y  = 1\n", "y = 1\n", false), Grade::Wrong);
    let moved = grade(&tree(&[("a.py", old)]), &tree(&[("b.py", old)]), &tree(&[("a.py", old)]), false);
    assert_eq!(moved, Grade::Wrong);
}

/// Protects the score from taste: an extracted function may stand anywhere at its level, with its own text and the same text
/// around it.
#[test]
fn a_new_definition_may_stand_anywhere_at_its_level() {
    let old = "def f():\n    a()\n\ndef g():\n    b()\n";
    let below = "def f():\n    new()\n\ndef new():\n    a()\n\ndef g():\n    b()\n";
    let above = "def new():\n    a()\n\ndef f():\n    new()\n\ndef g():\n    b()\n";
    assert_eq!(one("a.py", old, below, above, true), Grade::Tokens);
    assert_eq!(one("a.py", old, below, above, false), Grade::Wrong);
    let inner = "def f():\n    def new():\n        a()\n    new()\n\ndef g():\n    b()\n";
    assert_eq!(one("a.py", old, inner, above, true), Grade::Wrong);
    assert_eq!(one("a.py", old, &below.replace("a()", "c()"), above, true), Grade::Wrong);
    assert_eq!(one("a.py", old, &below.replace("b()", "c()"), above, true), Grade::Wrong);
}

/// Protects the places of requests: bytes where a case has them, rope's characters, and paths from a root.
#[test]
fn every_form_of_a_place_is_read() {
    let text = "é = 1\na = é\n";
    let wish = |more: Value| {
        let mut value =
            json!({ "id": "x/1", "operation": "extract-variable", "before": { "/a.py": text }, "after": {} });
        value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Wish::of(&case(value))
    };
    let path = relative("a.py").expect("a path");
    let by_bytes = wish(json!({ "at": { "file": "/a.py", "start": 11, "end": 13 }, "params": { "name": "n" } }));
    assert_eq!(by_bytes.at, Some((path.clone(), TextRange::new(11, 13))));
    let args = json!(["<Project>", { "path": "a.py" }, 10, 11]);
    let by_characters = wish(json!({ "at": null, "params": { "args": args, "name": "n", "similar": true } }));
    assert_eq!((by_characters.at.clone(), by_characters.all), (by_bytes.at.clone(), true));
    let scope = wish(json!({ "params": { "action": "constant_scope_1", "name": "n" } }));
    assert_eq!((scope.scope, scope.name.as_deref(), scope.at), (Some(1), Some("n"), None));
}

/// Protects false-safe from requests that we cannot make: what a tool's options ask beyond a rename is not supported, and is
/// neither right nor wrong.
#[test]
fn requests_beyond_ours_are_not_supported() {
    let wish = |params: Value, at: Value| {
        let before = json!({ "a.py": "x = 1\n", "b.py": "" });
        Wish::of(&case(json!({ "id": "x/1", "operation": "rename", "before": before, "at": at, "params": params })))
    };
    let at = json!({ "file": "a.py", "start": 0, "end": 1 });
    assert!(wish(json!({ "new_name": "y" }), at.clone()).request().is_some());
    for params in [
        json!({ "new_name": "y", "docs": true }),
        json!({ "new_name": "y", "options": { "findInComments": "true" } }),
        json!({ "new_name": "y", "resources": [{ "path": "a.py" }] }),
        json!({ "new_name": "y", "old_name": "typing.List" }),
    ] {
        assert!(wish(params.clone(), at.clone()).request().is_none(), "{params}");
    }
    assert!(wish(json!({ "new_name": "y" }), json!({ "file": "a.py" })).request().is_none());
    assert!(wish(json!({ "new_name": "y" }), Value::Null).request().is_none());
}

fn record(answer: Answer, refuse: bool, grade: Option<Grade>) -> CaseRecord {
    let case = case(json!({ "id": "t/1", "operation": "rename", "before": {}, "floor": false }));
    let mut record = super::judge("t", &case);
    (record.answer, record.grade, record.refuse) = (answer, grade, refuse.then(|| "taken".to_owned()));
    record
}

/// Protects the number that must be zero, and those beside it: each kind of answer counts in one place.
#[test]
fn each_answer_counts_where_it_belongs() {
    let mut report = Report::default();
    for (answer, refuse, grade) in [
        (Answer::Safe, false, Some(Grade::Exact)),
        (Answer::Safe, false, Some(Grade::Wrong)),
        (Answer::Safe, true, None),
        (Answer::NeedsReview, false, Some(Grade::Isomorphic)),
        (Answer::NeedsReview, false, Some(Grade::Wrong)),
        (Answer::NeedsReview, true, None),
        (Answer::Refused, true, None),
        (Answer::Refused, false, None),
        (Answer::Refused, false, Some(Grade::Exact)),
        (Answer::NotSupported, false, None),
    ] {
        report.add(&record(answer, refuse, grade));
    }
    let row = &report.rows["t"]["rename"];
    assert_eq!((row.cases, row.possible, row.refusals, row.not_supported), (10, 7, 3, 1));
    assert_eq!((row.exact, row.same_tokens, row.isomorphic), (2, 2, 3));
    assert_eq!((row.refused, row.refusals_in_review, row.refused_though_possible), (1, 1, 1));
    assert_eq!((row.review_right, row.review_wrong, row.false_safe), (1, 1, 2));
    assert_eq!(report.hard["t"]["rename"], *row);
    assert!(report.lines()[1].ends_with('2'), "{:?}", report.lines());
}

/// Protects the way from a gzipped file to a row: the file names the tool, operations can be chosen, and a file without any
/// of them is an error.
#[test]
fn a_file_becomes_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.jsonl.gz");
    let mut zip =
        flate2::write::GzEncoder::new(std::fs::File::create(&path).expect("a file"), flate2::Compression::fast());
    let at = json!({ "file": "a.py", "start": 4, "end": 4 });
    let before = json!({ "a.py": "x = 1\n" });
    let refused = json!({ "id": "mine/1", "operation": "rename", "before": before, "at": at, "params": { "new_name": "y" },
        "refuse": "no name" });
    let other = json!({ "id": "mine/2", "operation": "tidy", "before": before, "after": before });
    write!(zip, "{refused}\n{other}\n").expect("writes");
    zip.finish().expect("writes");
    let mut seen = Vec::new();
    let data = [path];
    let report = evaluate(&data, &[], &mut |record| seen.push((record.id.clone(), record.answer))).expect("runs");
    assert_eq!(report.rows["mine"]["rename"].refused, 1);
    assert_eq!(report.rows["mine"]["tidy"].not_supported, 1);
    assert_eq!(seen, [("mine/1".to_owned(), Answer::Refused), ("mine/2".to_owned(), Answer::NotSupported)]);
    let some = evaluate(&data, &["rename".to_owned()], &mut |_| {}).expect("runs");
    assert_eq!(some.rows["mine"].len(), 1);
    assert!(evaluate(&data, &["nothing".to_owned()], &mut |_| {}).is_err());
}

/// Protects the score from names that a tool made up: what is new may have another name, what was there may not, and the
/// names must mean corresponding declarations.
#[test]
fn new_names_are_a_matter_of_taste() {
    let old = "def f(a):\n    return g(a + 1)\n";
    let ours = "def f(a):\n    x = a + 1\n    return g(x)\n";
    let expected = ours.replace('x', "extracted");
    assert_eq!(one("a.py", old, ours, &expected, false), Grade::Isomorphic);
    assert_eq!(one("a.py", old, &ours.replace("g(x)", "g(a)"), &expected, false), Grade::Wrong);
    assert_eq!(one("a.py", old, &ours.replace('+', "-"), &expected, false), Grade::Wrong);
    assert_eq!(one("a.py", old, &old.replace('a', "b"), &old.replace('a', "f"), false), Grade::Wrong);
}

/// Protects the scores of codemods: the patterns of each tool are read in its own syntax, what has no pattern is beyond, and a
/// limit of the case is kept.
#[test]
fn codemods_are_read_in_the_syntax_of_the_tool() {
    let wish = |params: Value, before: &str| {
        let before = json!({ "src": before });
        Wish::of(&case(
            json!({ "id": "x/1", "language": "python", "operation": "codemod", "before": before, "params": params }),
        ))
    };
    let request = |params: Value| match wish(params, "x").request() {
        Some(Request::Codemod(request)) => *request,
        other => panic!("{other:?}"),
    };
    let comby = request(json!({ "dialect": "comby", "match": "f(:[a])", "rewrite": "g", "first_only": true }));
    assert!(matches!(&comby.source, Source::Template { template, .. } if template == "f(:[a])"));
    assert_eq!((comby.most, comby.files.as_slice()), (Some(1), &["src".to_owned()][..]));
    assert_eq!(request(json!({ "dialect": "ast-grep", "rule": "id: a" })).source, Source::Rules("id: a".into()));
    let rope = request(json!({ "pattern": "${a_b} + ${c}\n", "goal": "f(${c}, ${a_b})" }));
    let wanted = Source::Pattern { pattern: "$A_B + $C".into(), replacement: "f($C, $A_B)".into(), condition: None };
    assert_eq!((rope.source, rope.most), (wanted, None));
    for beyond in [
        json!({}),
        json!({ "pattern": "${a}", "goal": "1", "args": {} }),
        json!({ "pattern": "x", "goal": "y", "imports": ["import y"] }),
    ] {
        let wish = wish(beyond, "x");
        assert!(wish.beyond.is_some() && wish.request().is_none(), "{wish:?}");
    }
}
