mod after;
mod bad;
mod forms;
mod hostile;
mod memory;

use crate::{Compiler, Constraint, Encode, GrammarError, Vocabulary};
use deepcoder_types::{Form, Free, Grammar};
use std::sync::Arc;

/// A token without text, and two that end an answer.
const CONTROL: u32 = 256;
const ENDS: [u32; 2] = [257, 258];

/// Tokens of several bytes: words, punctuation that crosses the borders of literals, and parts of characters.
const WORDS: &[&[u8]] = &[
    b"ab",
    b"abc",
    b"bc",
    b"true",
    b"null",
    b"\": ",
    b"\", \"",
    b"{\"",
    b"\"}",
    b"}\n",
    b"return",
    b"    ",
    b"name",
    b"<t>{",
    b"<t>",
    b">{\"",
    b">x",
    b"```",
    b"```json",
    b"json\n",
    "é".as_bytes(),
    "né".as_bytes(),
    b"\xe2\x82",
    b"\xac!",
    b"\xf0\x9f",
    b"def ",
    b"():",
    b"\"\"\"",
    b"\"\"\"\n",
    b"\"\"\"A",
    b"123",
    b"45",
];

fn tokens() -> Vec<Vec<u8>> {
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    bytes
        .chain([b"<|control|>".to_vec(), b"<|end|>".to_vec(), Vec::new()])
        .chain(WORDS.iter().map(|w| w.to_vec()))
        .collect()
}

/// The longest token at each position. It is the tokeniser of these tests.
fn encode(text: &str) -> Vec<u32> {
    let (all, mut rest, mut ids) = (tokens(), text.as_bytes(), Vec::new());
    while !rest.is_empty() {
        let fits = |id: &usize| !matches!(id, 256..=258) && rest.starts_with(&all[*id]);
        let id = (0..all.len()).filter(fits).max_by_key(|id| all[*id].len()).expect("every byte is a token");
        ids.push(u32::try_from(id).expect("few tokens"));
        rest = &rest[all[id].len()..];
    }
    ids
}

fn compiler(canonical: bool) -> Compiler {
    let own: Encode = Box::new(|text| Some(encode(text)));
    let vocabulary = Vocabulary::new(&tokens(), |id| id == CONTROL, &ENDS, canonical.then_some(own));
    Compiler::new(Arc::new(vocabulary.expect("a vocabulary")))
}

fn start(form: Form) -> Result<Constraint, GrammarError> {
    compiler(false).compile(&Grammar::of(form))
}

fn allowed(constraint: &mut Constraint) -> Result<Vec<u32>, GrammarError> {
    let mut logits = vec![0.0; tokens().len() + 5];
    constraint.mask(&mut logits)?;
    let ids = (0..).zip(logits).filter(|(_, logit)| *logit == 0.0).map(|(id, _)| id);
    Ok(ids.collect())
}

/// The text of an answer that a model of random numbers gives, and whether it has ended. Checks at each token that the
/// mask is what `allows` says.
fn answer(constraint: &mut Constraint, seed: u64, most: usize) -> (Vec<u8>, bool) {
    let (all, mut state, mut text) = (tokens(), seed * 2 + 1, Vec::new());
    for _ in 0..most {
        let ids = allowed(constraint).expect("a token is allowed");
        for id in 0..u32::try_from(all.len()).expect("few tokens") + 2 {
            assert_eq!(
                constraint.allows(id),
                ids.contains(&id),
                "token {id} behind {:?}",
                String::from_utf8_lossy(&text)
            );
        }
        let complete = constraint.is_complete();
        assert_eq!(ENDS.map(|id| ids.contains(&id)), [complete; 2], "the ends behind {text:?}");
        assert!(!constraint.is_done() || ids == ENDS, "{ids:?}");
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let end = complete && state >> 60 == 0;
        let id = if end { ENDS[0] } else { ids[usize::try_from(state >> 33).expect("31 bits") % ids.len()] };
        constraint.accept(id).expect("it was allowed");
        if ENDS.contains(&id) {
            return (text, true);
        }
        text.extend_from_slice(&all[id as usize]);
    }
    (text, false)
}

fn feed(constraint: &mut Constraint, text: &str) -> Result<(), GrammarError> {
    encode(text).into_iter().try_for_each(|id| constraint.accept(id))
}

/// Whether a form has a text: token by token, with an end behind it.
fn has(form: &Form, text: &str) -> bool {
    let mut constraint = start(form.clone()).expect("a form");
    feed(&mut constraint, text).is_ok() && constraint.accept(ENDS[1]).is_ok()
}

fn free(text: &str, at: &str, regex: &str) -> Free {
    let start = text.find(at).expect("it is there");
    Free { start, end: start + at.len(), regex: regex.into() }
}
