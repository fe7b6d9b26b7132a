//! Structured output: grammars reach the model, and wrong ones are refused before a model is loaded.

use crate::fake_daemon::FakeDaemon;
use crate::workbench::Workbench;
use deepcoder_test_support::{FakeModel, Reply};
use deepcoder_types::{Form, Grammar};
use insta::assert_snapshot;
use std::sync::Arc;

const SCHEMA: &str = r#"{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}"#;

/// Protects scripts: each form reaches the model as it was given, files are read from the directory of -C, and an
/// answer that was cut off before its grammar was complete is no success.
#[test]
fn a_form_reaches_the_model() {
    let bench = Workbench::new(&[
        ("forms/schema.json", SCHEMA.as_bytes()),
        ("forms/sum.lark", b"start: \"1\" (\"+\" \"1\")*\n"),
    ]);
    let replies = ["{\"name\": \"x\"}", "-7", "b", "1+1", "{\"name\": \"x\"}"].map(|text| Reply::Text(text.into()));
    let model = Arc::new(FakeModel::new(replies.into_iter().chain([Reply::CutOff("{\"name\":".into())])));
    let _daemon = FakeDaemon::start(&bench, Arc::clone(&model) as _);
    let code = |args: &[&str]| bench.command(args).output().expect("it runs").status.code();
    let schema = Form::Json(SCHEMA.into());
    for (args, form, after) in [
        (&["-C", "forms", "generate", "x", "--schema", "schema.json"][..], schema.clone(), None),
        (&["generate", "x", "--regex", r"-?\d+"], Form::Regex(r"-?\d+".into()), None),
        (
            &["generate", "x", "--choices", "a, b", "--choices", "c"],
            Form::Choices(["a", "b", "c"].map(str::to_owned).into()),
            None,
        ),
        (&["generate", "x", "--grammar", "forms/sum.lark"], Form::Lark("start: \"1\" (\"+\" \"1\")*\n".into()), None),
        (
            &["generate", "x", "--schema", "forms/schema.json", "--after", "</think>"],
            schema,
            Some("</think>".to_owned()),
        ),
    ] {
        assert_eq!(code(args), Some(0), "{args:?}");
        let asked = model.requests().pop().expect("it was asked");
        assert_eq!(asked.grammar, Some(Grammar { form, after }), "{args:?}");
    }
    let cut = bench.command(&["generate", "x", "--schema", "forms/schema.json"]).output().expect("it runs");
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&cut.stderr).contains("before its grammar was complete"));
    assert_eq!(model.requests().len(), 6);
}

/// Protects users from a model that is loaded for nothing, and from answers without the form: what cannot be built is
/// refused at once, with the reason and the place.
#[test]
fn a_form_that_cannot_be_is_refused_before_a_model_is_loaded() {
    let bench = Workbench::new(&[
        ("not.json", b"{\"type\": "),
        ("unique.json", br#"{"type": "array", "uniqueItems": true}"#),
        ("bad.lark", b"start: item+\nitem: \"a\" |\nother: (\"b\"\n"),
        ("large.json", &[b' '; 300 << 10]),
        ("latin.lark", b"start: \"caf\xe9\""),
    ]);
    let commands: [&[&str]; 11] = [
        &["generate", "x", "--schema", "missing.json"],
        &["generate", "x", "--schema", "not.json"],
        &["generate", "x", "--schema", "unique.json"],
        &["generate", "x", "--schema", "large.json"],
        &["generate", "x", "--regex", "(a"],
        &["generate", "x", "--regex", "a(?=b)"],
        &["generate", "x", "--choices", "a,,b"],
        &["generate", "x", "--grammar", "bad.lark"],
        &["generate", "x", "--grammar", "latin.lark"],
        &["generate", "x", "--regex", "a", "--choices", "b"],
        &["generate", "x", "--after", "then"],
    ];
    // No model is installed here: what asks for one says so.
    let transcripts = commands.iter().map(|args| bench.transcript(args));
    assert_snapshot!(transcripts.collect::<Vec<_>>().join("\n"));
}
