//! Free text until a trigger.

use super::*;

fn after(trigger: &str, form: Form) -> Grammar {
    Grammar { form, after: Some(trigger.into()) }
}

/// Protects answers that think first: any token is allowed before the trigger, an end token too, and only the grammar
/// after it.
#[test]
fn the_form_begins_behind_the_trigger() {
    let compiler = compiler(false);
    let grammar = after("<t>", Form::Regex(r#"\{"ab"\}"#.into()));
    for (text, fits) in [
        ("no trigger at all", true),
        ("<t> is", false),
        ("<<t>{\"ab\"}", true),
        ("<t<t>{\"ab\"}", true),
        ("x<t>{\"ab\"", false),
        ("x<t>{\"ab\"} more", false),
        ("<t>{\"abc\"}", false),
    ] {
        let mut constraint = compiler.compile(&grammar).expect("a form");
        let fed = feed(&mut constraint, text).is_ok() && constraint.accept(ENDS[0]).is_ok();
        assert_eq!(fed, fits, "{text}");
    }
    for seed in 0..30 {
        let (text, end) = answer(&mut compiler.compile(&grammar).expect("a form"), seed, 400);
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!end || text.split_once("<t>").is_none_or(|(_, form)| form == "{\"ab\"}"), "{text}");
    }
}

/// Protects the border: a token that extends beyond the trigger is allowed if its rest begins a match.
#[test]
fn a_token_may_go_beyond_the_trigger() {
    let id = |text: &[u8]| u32::try_from(tokens().iter().position(|t| t == text).expect("a token")).expect("few");
    for form in [Form::Json(r#"{"enum": [{"ab": 123}]}"#.into()), Form::Choices(vec![r#"{"ab": 123}"#.into()])] {
        let compiler = compiler(false);
        let mut constraint = compiler.compile(&after("<t>", form)).expect("a form");
        assert!(constraint.allows(id(b"<t>{")) && constraint.allows(id(b"<t>")) && constraint.allows(id(b">x")));
        feed(&mut constraint, "text <t").expect("free");
        assert!(constraint.allows(id(b">{\"")) && !constraint.allows(id(b">x")) && constraint.allows(u32::from(b'x')));
        constraint.accept(id(b">{\"")).expect("it fits");
        assert!(!constraint.is_complete() && !constraint.allows(u32::from(b'x')));
        feed(&mut constraint, "ab\": 123}").expect("it fits");
        assert!(constraint.is_done());
    }
}

/// Protects code blocks, whose trigger ends with a character that many tokens begin with, and forced tokens behind it.
#[test]
fn forced_tokens_follow_a_trigger() {
    let compiler = compiler(true);
    let mut constraint =
        compiler.compile(&after("```json\n", Form::Json(r#"{"const": {"name": true}}"#.into()))).expect("a form");
    assert_eq!(constraint.forced(), Vec::<u32>::new());
    feed(&mut constraint, "Here it is:\n```json\n").expect("free");
    let mut text = Vec::new();
    while !constraint.is_done() {
        let forced = constraint.forced();
        let id = forced.first().copied().unwrap_or_else(|| allowed(&mut constraint).expect("a token")[0]);
        constraint.accept(id).expect("it is allowed");
        text.extend_from_slice(&tokens()[id as usize]);
    }
    assert_eq!(String::from_utf8_lossy(&text), r#"{"name": true}"#);
}
