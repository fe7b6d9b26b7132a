use crate::CompletePlugin;
use deepcoder_plugin_api::{ErrorCode, Plugin, PluginError};
use deepcoder_test_cases::{Files, Hosted};
use deepcoder_test_support::{FakeModel, Reply};
use deepcoder_types::{GenerateRequest, Instruction, Outcome, Prompt, RepoPath, TextRange};
use serde_json::json;
use std::sync::Arc;

struct Ran {
    outcome: Result<Outcome, PluginError>,
    requests: Vec<GenerateRequest>,
}

fn run(text: &str, options: serde_json::Value, reply: Reply) -> Ran {
    run_all(text, options, vec![reply])
}

fn instruction(selection: Option<TextRange>, options: serde_json::Value) -> Instruction {
    Instruction {
        id: "1".into(),
        verb: "complete".into(),
        prompt: String::new(),
        targets: vec![RepoPath::new("a.py").expect("path")],
        reads: Vec::new(),
        selection,
        options,
        seed: 3,
    }
}

/// `options` may have `line` and `column`, from 1, for the cursor, which is otherwise at the end of the line.
fn run_all(text: &str, mut options: serde_json::Value, replies: Vec<Reply>) -> Ran {
    let mut number = |name: &str| options.as_object_mut().and_then(|options| options.remove(name)?.as_u64());
    let (line, column) = (number("line"), number("column"));
    let selection = line.map(|line| {
        let start: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
        let content = text[start..].split(['\r', '\n']).next().unwrap_or_default();
        let before = column.map_or(content.len(), |c| content.chars().take(c as usize - 1).map(char::len_utf8).sum());
        let at = u32::try_from(start + before).expect("small");
        TextRange::new(at, at)
    });
    let path = RepoPath::new("a.py").expect("path");
    let files = Files::from([(path, text.as_bytes().to_vec())]);
    let plugin: Arc<dyn Plugin> = Arc::new(CompletePlugin::new());
    let instruction = instruction(selection, options);
    let ran = Hosted::new(&plugin, &files, FakeModel::new(replies)).run(&instruction);
    Ran { requests: ran.model.requests(), outcome: ran.outcome }
}

fn inserted(ran: &Ran) -> &str {
    match &ran.outcome {
        Ok(Outcome::Answer(answer)) => &answer.text,
        other => panic!("{other:?}"),
    }
}

fn prefix_of(request: &GenerateRequest) -> &str {
    match &request.prompt {
        Prompt::Fill { prefix, .. } => prefix,
        other => panic!("{other:?}"),
    }
}

fn said(text: &str) -> Reply {
    Reply::Text(text.into())
}

/// Protects the place of the insertion: lines and columns count characters from 1, and what the model sees is exactly
/// what stands before and after the cursor.
#[test]
fn the_hole_is_where_the_cursor_is() {
    let ran = run("é = f(\nb\n", json!({"line": 1, "column": 7}), said("x)"));
    let Prompt::Fill { prefix, suffix } = &ran.requests[0].prompt else { panic!("a hole") };
    assert_eq!((prefix.as_str(), suffix.as_str()), ("é = f(", "\nb\n"));
    assert_eq!(inserted(&ran), "x)");
    let ran = run("a\n", json!({"line": 2}), said("b"));
    assert!(matches!(&ran.requests[0].prompt, Prompt::Fill { prefix, suffix } if prefix == "a\n" && suffix.is_empty()));
}

/// Protects users from a completion in the wrong place: a cursor outside of the file or within a character is an error.
#[test]
fn a_cursor_outside_of_the_file_is_refused() {
    let ran = run("abc\n", json!({}), said("x"));
    assert!(matches!(&ran.outcome, Err(e) if e.code == ErrorCode::Invalid) && ran.requests.is_empty(), "no cursor");
    for (text, at, inside) in [("abc\n", 4, true), ("abc\n", 5, false), ("é\n", 1, false)] {
        let files = Files::from([(RepoPath::new("a.py").expect("path"), text.as_bytes().to_vec())]);
        let plugin: Arc<dyn Plugin> = Arc::new(CompletePlugin::new());
        let instruction = instruction(Some(TextRange::new(at, at)), json!({}));
        let ran = Hosted::new(&plugin, &files, FakeModel::new([said("x")])).run(&instruction);
        assert_eq!(ran.outcome.is_ok(), inside, "{text:?} at {at}");
    }
}

/// Protects code from answers that do not fit where the cursor is: they are asked for again, with the blanks before it.
#[test]
fn what_does_not_fit_behind_the_blanks_is_asked_for_again() {
    let ran = run_all("def f():\n    return \n", json!({"line": 2, "column": 12}), vec![said("ed"), said("1")]);
    assert_eq!(inserted(&ran), "1");
    let prefixes: Vec<_> = ran.requests.iter().map(prefix_of).collect();
    assert_eq!(prefixes, ["def f():\n    return", "def f():\n    return "]);
}

/// Protects line endings and the byte order mark: the model sees neither, and what is inserted has the file's own.
#[test]
fn crlf_files_get_crlf() {
    let ran = run("\u{feff}def f():\r\n    \r\n", json!({"line": 2, "column": 5}), said("    a = 1\n    return a"));
    let Prompt::Fill { prefix, suffix } = &ran.requests[0].prompt else { panic!("a hole") };
    assert_eq!((prefix.as_str(), suffix.as_str()), ("def f():\n", "\n"));
    assert_eq!(inserted(&ran), "a = 1\r\n    return a");
}

/// Protects the line after the cursor: with text behind the cursor only the line is filled, unless asked otherwise.
#[test]
fn text_after_the_cursor_means_one_line() {
    let text = "x = max()\ny = 2\n";
    let ran = run(text, json!({"line": 1, "column": 9}), said("1, 2)\ny = 3"));
    assert_eq!(ran.requests[0].stop, ["\n"]);
    assert_eq!(inserted(&ran), "1, 2");
    let ran = run(text, json!({"line": 1, "column": 9, "extent": "block"}), said("1,\n2"));
    assert_eq!(inserted(&ran), "1,\n2");
    assert!(run(text, json!({"line": 1, "extent": "page"}), said("x")).outcome.is_err());
}

/// Protects speed: of a large file only a window around the cursor is sent, cut between lines.
#[test]
fn a_large_file_is_windowed() {
    let text: String = (0..5_000).map(|i| format!("line {i} of many\n")).collect();
    let ran = run(&text, json!({"line": 2_500, "column": 1, "context_tokens": 400}), said("x"));
    let Prompt::Fill { prefix, suffix } = &ran.requests[0].prompt else { panic!("a hole") };
    let words = |t: &str| t.split_inclusive(char::is_whitespace).count();
    assert!(words(prefix) + words(suffix) <= 400);
    assert!(words(prefix) > 200 && words(suffix) > 50, "{} {}", words(prefix), words(suffix));
    assert!(prefix.starts_with("line ") && prefix.ends_with("line 2498 of many\n"));
    assert!(suffix.starts_with("line 2499 of many\n") && suffix.ends_with("of many\n"));
}

/// Protects the buffer from rubbish: nothing to insert is no answer, and half a line is dropped.
#[test]
fn nothing_and_halves_are_not_inserted() {
    assert_eq!(run("a = 1\n", json!({"line": 1}), said("\n")).outcome, Ok(Outcome::Unchanged));
    let cut = Reply::CutOff("    b = 1\n    c = (1,".into());
    assert_eq!(inserted(&run("def f():\n    \n", json!({"line": 2}), cut)), "b = 1");
}
