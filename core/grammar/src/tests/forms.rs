//! The texts that each kind of grammar allows.

use super::*;
use crate::scope;
use serde_json::Value;

const SCHEMA: &str = r##"{"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 8}, "kind": {"enum": ["ab", "abc", "né"]}, "n": {"type": "integer", "minimum": 3},
    "list": {"type": "array", "items": {"$ref": "#/$defs/leaf"}, "maxItems": 2}, "ok": {"type": "boolean"}},
  "required": ["name", "kind", "n", "list", "ok"], "additionalProperties": false,
  "$defs": {"leaf": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"const": "bc"}}, "required": ["x"],
    "additionalProperties": false}]}}}"##;

/// Protects callers that parse JSON: with random logits, an answer that ends is valid under the schema, in the schema's
/// order of properties.
#[test]
fn json_fits_its_schema() {
    let compiler = compiler(false);
    let mut ended = 0;
    for seed in 0..40 {
        let mut constraint = compiler.compile(&Grammar::of(Form::Json(SCHEMA.into()))).expect("a schema");
        let (text, end) = answer(&mut constraint, seed, 600);
        if !end {
            continue;
        }
        ended += 1;
        let text = String::from_utf8(text).expect("whole characters");
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert!(value["name"].as_str().is_some_and(|name| name.chars().count() <= 8), "{text}");
        assert!(["ab", "abc", "né"].iter().any(|kind| value["kind"] == *kind), "{text}");
        assert!(value["n"].as_i64().is_none_or(|n| n >= 3) && value["n"].is_number(), "{text}");
        let list = value["list"].as_array().expect("a list");
        assert!(list.len() <= 2 && list.iter().all(|v| v.is_null() || v["x"] == "bc"), "{text}");
        assert!(
            value["ok"].is_boolean() && text.starts_with(r#"{"name": "#) && text.contains(r#", "kind": "#),
            "{text}"
        );
    }
    assert!(ended >= 10, "{ended} answers ended");
}

/// Protects regular expressions: an end token is allowed exactly where the whole text matches, anchors at the ends
/// change nothing, and characters are complete although tokens may be parts of them.
#[test]
fn patterns_match_as_a_whole() {
    let form = Form::Regex("^(ab){2,3}c?$".into());
    let texts = ["abab", "ababab", "ababc", "abababc", "ab", "ababa", "ababcc", "abababab", ""];
    assert_eq!(texts.map(|text| has(&form, text)), [true, true, true, true, false, false, false, false, false]);
    let form = Form::Regex(r"\$$".into());
    assert_eq!(["$", ""].map(|text| has(&form, text)), [true, false]);
    let form = Form::Regex(r"a/b\n|\x22".into());
    assert_eq!(["a/b\n", "\"", "a/b"].map(|text| has(&form, text)), [true, true, false]);
    let compiler = compiler(false);
    for seed in 0..20 {
        let mut constraint = compiler.compile(&Grammar::of(Form::Regex("[€é🦀]{1,6}".into()))).expect("a pattern");
        let (text, end) = answer(&mut constraint, seed, 100);
        let text = String::from_utf8(text).expect("whole characters");
        assert!(end && (1..=6).contains(&text.chars().count()) && text.chars().all(|c| "€é🦀".contains(c)), "{text}");
    }
}

/// Protects Lark grammars, recursive ones too.
#[test]
fn lark_grammars_nest() {
    let text = "start: sum\nsum: product (\"+\" product)*\nproduct: value (\"*\" value)*\nvalue: NUMBER | \"(\" sum \")\"\nNUMBER: /[0-9]+/";
    let form = Form::Lark(text.into());
    let texts = ["1", "1+2*(3+45)", "((123))", "1+", "(1", "1)", "+1"];
    assert_eq!(texts.map(|text| has(&form, text)), [true, true, true, false, false, false, false]);
}

/// Protects choices: exactly the options are allowed, also if one is a prefix of another, or contains characters that
/// are special in a regular expression.
#[test]
fn a_choice_is_one_of_its_options() {
    let options = ["ab", "abc", "a.*", "né", "def f():"].map(str::to_owned).to_vec();
    let form = Form::Choices(options.clone());
    assert!(options.iter().all(|option| has(&form, option)));
    assert!(["a", "abab", "axx", "def ", "", "n"].iter().all(|text| !has(&form, text)));
    let compiler = compiler(false);
    for seed in 0..30 {
        let (text, end) = answer(&mut compiler.compile(&Grammar::of(form.clone())).expect("a choice"), seed, 50);
        assert!(end && options.iter().any(|option| option.as_bytes() == text), "{}", String::from_utf8_lossy(&text));
    }
}

const CODE: &str = "def f():\n    \"\"\"old\"\"\"\n    return 1\n\n# note\ndef g():\n    return 2\n";

fn code() -> Vec<Free> {
    vec![free(CODE, "old", r#"[^"\\]*"#), free(CODE, "# note\n", r"(#[^\n]*\n)*")]
}

/// Protects the code around a docstring: with random logits, fixed text is reproduced to the byte, and free ranges
/// match their regular expressions, also with tokens that cross their borders.
#[test]
fn a_scope_changes_its_free_ranges_only() {
    let grammar = scope(CODE, code()).expect("a scope");
    for text in [
        CODE.to_owned(),
        CODE.replace("old", "A né text.\n    Two lines."),
        CODE.replace("old", ""),
        CODE.replace("# note\n", ""),
        CODE.replace("# note\n", "# one\n# two\n"),
    ] {
        assert!(has(&grammar.form, &text), "{text}");
    }
    for text in [
        CODE.replace("return 1", "return 3"),
        CODE.replace("old", "a \"quote\""),
        CODE.replace("# note\n", "note\n"),
        CODE.replace("# note\n", "# note"),
        CODE.trim_end().to_owned(),
        format!("{CODE}\n"),
    ] {
        assert!(!has(&grammar.form, &text), "{text}");
    }
    let compiler = compiler(false);
    for seed in 0..20 {
        let (text, end) = answer(&mut compiler.compile(&grammar).expect("a scope"), seed, 2000);
        let text = String::from_utf8(text).expect("whole characters");
        assert!(text.starts_with("def f():\n    \"\"\""), "{text}");
        assert!(
            !end || text.contains("\"\"\"\n    return 1\n\n") && text.ends_with("def g():\n    return 2\n"),
            "{text}"
        );
    }
}

/// Protects speed: if only one text can follow, it is forced in the tokeniser's own tokens, the mask agrees, and a
/// token that depends on later text is left to the model.
#[test]
fn forced_text_needs_no_model() {
    let compiler = compiler(true);
    let forms = [
        (Form::Json(SCHEMA.into()), r#"{"name": ""#),
        (Form::Choices(vec!["def f():\n    return 123".into()]), "def f():\n    return 123"),
        (scope(CODE, code()).expect("a scope").form, "def f():\n    "),
    ];
    for (form, text) in forms {
        let mut constraint = compiler.compile(&Grammar::of(form)).expect("a form");
        let (forced, mut written) = (constraint.forced(), Vec::new());
        for id in &forced {
            assert_eq!(allowed(&mut constraint).expect("a token"), [*id]);
            assert_eq!([constraint.allows(*id), constraint.allows(ENDS[0])], [true, false]);
            constraint.accept(*id).expect("it is forced");
            written.extend_from_slice(&tokens()[*id as usize]);
        }
        let written = String::from_utf8(written).expect("text");
        assert!(text.starts_with(&written) && written.len() + 4 >= text.len(), "{written:?} of {text:?}");
        assert_eq!(forced, encode(&written));
    }
    let mut constraint = compiler.compile(&Grammar::of(Form::Regex("abc?".into()))).expect("a pattern");
    assert_eq!(constraint.forced(), Vec::<u32>::new(), "`ab` may be the beginning of `abc`");
    let mut without = start(Form::Choices(vec!["name".into()])).expect("a choice");
    assert_eq!(without.forced(), Vec::<u32>::new(), "there is no tokeniser");
}

/// Protects forced text from a tokeniser that normalises text, such as one that composes characters.
#[test]
fn a_tokeniser_that_changes_texts_forces_nothing_else() {
    let composing: Encode = Box::new(|text| Some(encode(&text.replace("e\u{301}", "é"))));
    let vocabulary = Vocabulary::new(&tokens(), |id| id == CONTROL, &ENDS, Some(composing)).expect("a vocabulary");
    let compiler = Compiler::new(Arc::new(vocabulary));
    for form in
        [Form::Choices(vec!["ne\u{301}e\u{301}".into()]), Form::Json("{\"const\": \"ne\u{301}e\u{301}\"}".into())]
    {
        let (text, end) = answer(&mut compiler.compile(&Grammar::of(form)).expect("a form"), 1, 40);
        assert!(end && String::from_utf8(text).expect("text").contains("ne\u{301}e\u{301}"));
    }
}

/// Protects long files: their literals are forced in pieces, and each piece costs its own length.
#[test]
fn a_long_scope_is_forced_in_pieces() {
    let text = "    return name\n".repeat(1000);
    let mut constraint = compiler(true).compile(&scope(text.clone(), vec![]).expect("a scope")).expect("a scope");
    let mut written = Vec::new();
    while !constraint.is_done() {
        let forced = constraint.forced();
        assert!(!forced.is_empty() && forced.len() <= 2048, "{} tokens", forced.len());
        for id in forced {
            constraint.accept(id).expect("it is forced");
            written.extend_from_slice(&tokens()[id as usize]);
        }
    }
    assert_eq!(String::from_utf8(written), Ok(text));
}

/// Protects candidates and requests from each other: clones and constraints of the same grammar are independent, and a
/// cached grammar gives the same masks as a new one.
#[test]
fn constraints_go_on_by_themselves() {
    let compiler = compiler(false);
    for form in [
        Form::Json(SCHEMA.into()),
        scope(CODE, code()).expect("a scope").form,
        Form::Choices(vec!["ab".into(), "abc".into()]),
    ] {
        let grammar = Grammar::of(form);
        let mut first = compiler.compile(&grammar).expect("a form");
        let start = allowed(&mut first).expect("tokens");
        first.accept(start[0]).expect("it was allowed");
        let mut fork = first.clone();
        let here = allowed(&mut first).expect("tokens");
        assert_eq!(allowed(&mut fork), Ok(here.clone()));
        first.accept(*here.last().expect("a token")).expect("it was allowed");
        assert_eq!(allowed(&mut fork), Ok(here), "the clone stays where it was");
        assert_eq!(
            allowed(&mut compiler.compile(&grammar).expect("a form")),
            Ok(start),
            "a new one begins at the start"
        );
    }
}

/// Protects the sampler: a disallowed token is refused and changes nothing, and no token is allowed after an end token.
#[test]
fn what_does_not_fit_is_refused() {
    for form in [Form::Regex("ab?c".into()), Form::Choices(vec!["abc".into(), "ac".into()])] {
        let mut constraint = start(form).expect("a form");
        for wrong in [u32::from(b'b'), CONTROL, ENDS[0], 100_000] {
            assert_eq!(constraint.accept(wrong), Err(GrammarError::Refused(wrong)));
        }
        feed(&mut constraint, "abc").expect("it fits");
        assert!(constraint.is_done() && constraint.is_complete());
        constraint.accept(ENDS[1]).expect("the end");
        assert_eq!(allowed(&mut constraint), Err(GrammarError::Stuck));
        assert_eq!(constraint.accept(ENDS[1]), Err(GrammarError::Refused(ENDS[1])));
        assert!(constraint.is_done() && !constraint.allows(u32::from(b'a')));
    }
}
