//! Grammars that cannot be compiled: each is an error with the reason.

use super::*;
use crate::check;

/// Protects users from unconstrained answers: wrong and unsupported grammars are refused, with the reason.
#[test]
fn bad_grammars_are_refused_in_words() {
    let scoped = |start, end, regex: &str| Form::Scope {
        text: "né x".into(),
        free: vec![Free { start, end, regex: regex.into() }],
    };
    let two = Form::Scope {
        text: "abcd".into(),
        free: [(2, 3), (1, 2)].map(|(start, end)| Free { start, end, regex: "x".into() }).to_vec(),
    };
    let rows: Vec<(Form, &str)> = vec![
        (Form::Json("{".into()), "not valid JSON"),
        (Form::Json("[1]".into()), "not an object"),
        (Form::Json("false".into()), "not an object"),
        (Form::Json(r#"{"type": "array", "uniqueItems": true}"#.into()), "uniqueItems"),
        (Form::Json(r#"{"not": {"type": "string"}}"#.into()), "not"),
        (Form::Json(r#"{"if": {}, "then": {}}"#.into()), "if"),
        (Form::Json(r#"{"type": "strng"}"#.into()), "strng"),
        (Form::Json(r#"{"type": "string", "format": "no such"}"#.into()), "format"),
        (Form::Json(r#"{"type": "string", "pattern": "("}"#.into()), "("),
        (Form::Json(r##"{"$ref": "#/$defs/none"}"##.into()), "none"),
        (Form::Json(r#"{"$ref": "https://example.com/schema"}"#.into()), "example.com"),
        (Form::Json(r#"{"type": "integer", "minimum": 5, "maximum": 4}"#.into()), "minimum"),
        (Form::Json(r#"{"x-guidance": {"lenient": true}, "uniqueItems": true}"#.into()), "uniqueItems"),
        (Form::Regex("(".into()), "unclosed group"),
        (Form::Regex("a(?=b)".into()), "look"),
        (Form::Regex(r"(a)\1".into()), "backreferences"),
        (Form::Regex("".into()), "empty"),
        (Form::Regex("^$".into()), "empty"),
        (Form::Regex("a^b".into()), "a^b"),
        (Form::Lark("start: x".into()), "x"),
        (Form::Lark("start: \"a\"\nstart: b c )".into()), "2("),
        (Form::Lark("other: \"a\"".into()), "start"),
        (Form::Lark("".into()), ""),
        (Form::Lark("start: <|control|>".into()), "names control tokens"),
        (Form::Choices(vec![]), "0 options"),
        (Form::Choices(vec!["a".into(); 1025]), "1025 options"),
        (Form::Choices(vec!["a".into(), String::new()]), "empty"),
        (scoped(2, 3, "x"), "cuts a character"),
        (scoped(3, 2, "x"), "ends before"),
        (scoped(3, 9, "x"), "goes beyond"),
        (scoped(3, 3, "("), "unclosed"),
        (scoped(3, 3, "a&&(?=b)"), "look"),
        (two, "not in order"),
    ];
    let compiler = compiler(false);
    let mut wrong = Vec::new();
    for (form, reason) in rows {
        let grammar = Grammar::of(form);
        for result in [compiler.compile(&grammar).map(|_| ()), check(&grammar)] {
            let error = result.map_or_else(|error| error.to_string(), |()| "it is built".into());
            if !error.contains(reason) || error.len() > 800 || error == "it is built" {
                wrong.push(format!("{grammar:?}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    check(&Grammar::of(Form::Json("true".into()))).expect("any JSON");
}

/// Protects requests whose grammar matches no text of the vocabulary: an error before the first token, or at the token
/// where no token is allowed.
#[test]
fn a_form_without_a_text_is_an_error() {
    for schema in [r##"{"$ref": "#"}"##, r##"{"allOf": [{"$ref": "#"}]}"##] {
        assert_eq!(start(Form::Json(schema.into())).map(|_| ()), Err(GrammarError::Stuck));
    }
    // A vocabulary of a few letters.
    let letters = Vocabulary::new(&["a", "b", ""], |_| false, &[2], None).expect("a vocabulary");
    let compiler = Compiler::new(Arc::new(letters));
    for form in [Form::Regex("c".into()), Form::Choices(vec!["c".into()])] {
        assert_eq!(compiler.compile(&Grammar::of(form)).map(|_| ()), Err(GrammarError::Stuck));
    }
    for form in [Form::Regex("ac".into()), Form::Choices(vec!["ac".into()])] {
        let mut constraint = compiler.compile(&Grammar::of(form)).expect("it begins");
        constraint.accept(0).expect("`a`");
        assert_eq!(constraint.mask(&mut [0.0; 3]), Err(GrammarError::Stuck));
    }
}

/// Protects templates: a grammar cannot name control tokens by their ids, and an end token is allowed only where the
/// grammar is complete.
#[test]
fn control_tokens_are_never_part_of_a_form() {
    for (lark, first) in [("start: <[256]>", None), ("start: <[257]> \"a\"", None), ("start: <[97-98]>", Some(97))] {
        let constraint = start(Form::Lark(lark.into()));
        let ids = constraint.and_then(|mut constraint| allowed(&mut constraint)).unwrap_or_default();
        assert!(ids.iter().all(|id| *id < CONTROL) && ids.first().copied() == first, "{lark}: {ids:?}");
    }
}

/// Protects the engine from models whose vocabulary cannot be used.
#[test]
fn bad_vocabularies_are_refused() {
    let make = |tokens: &[Vec<u8>], ends: &[u32]| Vocabulary::new(tokens, |_| false, ends, None).map(|_| ());
    assert!(make(&[vec![b'a']], &[]).is_err() && make(&[vec![b'a']], &[1]).is_err());
    assert!(make(&[vec![b'a'; 2000], vec![]], &[1]).is_err());
    make(&[vec![b'a'], vec![], vec![0xff], vec![0xff, b'['], vec![b'a']], &[1, 2]).expect("odd, and usable");
}
