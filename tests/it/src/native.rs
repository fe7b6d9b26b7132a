//! Models whose weights are the source's blocks, multiplied by the engine's own operators.

use crate::setup::{Tiny, options, run, text};
use deepcoder_model::EngineOptions;
use deepcoder_types::{Cancel, GenerateRequest};

const PROMPT: &str = "def area(width, height):\n    return width * height\n\n# the area of a rectangle in\n";

/// Protects the operators: the same weights give nearly the same probabilities as with the runtime's own, which round
/// the input in the same way, add in another order and have a cache of 32 bits instead of 16.
#[test]
fn blocks_as_they_are_mean_the_same() {
    let (native, packed) = (Tiny::of_blocks(true), Tiny::of_blocks(false));
    let scores = |tiny: &Tiny| {
        let engine = tiny.engine(&options());
        let tokens = engine.tokenize(PROMPT).unwrap();
        engine.score(&tokens, &Cancel::new()).unwrap()
    };
    let (ours, theirs) = (scores(&native), scores(&packed));
    let apart: Vec<f32> = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).collect();
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    let mean = apart.iter().sum::<f32>() / apart.len() as f32;
    let most = apart.iter().fold(0f32, |most, v| most.max(*v));
    assert!(mean < 0.08 && most < 0.4, "{mean} {most}");
    assert!(ours.iter().all(|s| s.is_finite()) && ours.len() > 50);
}

/// Protects the promise of the operators: steps, one pass, cached prefixes and drafts give the same bits.
#[test]
fn blocks_as_they_are_give_the_same_tokens_in_any_split() {
    let tiny = Tiny::of_blocks(true);
    let plain = tiny.engine(&EngineOptions { draft: false, ..options() });
    let request = GenerateRequest { logprobs: Some(2), ..GenerateRequest::greedy(text(PROMPT), 60) };
    let (done, events) = run(&plain, &request);
    assert!(events.len() >= 20, "{:?}", done.text);
    let mut tokens = plain.tokenize(PROMPT).unwrap();
    let from = tokens.len() - 1;
    tokens.extend(events.iter().map(|e| e.id));
    let scores = plain.score(&tokens, &Cancel::new()).unwrap();
    for (event, score) in events.iter().zip(&scores[from..]) {
        assert_eq!(event.logprob, Some(*score));
    }
    let (again, warm) = run(&plain, &request);
    assert!(again.usage.cached_tokens > 0);
    assert_eq!(warm, events);
    let drafting = tiny.engine(&EngineOptions { threads: Some(1), ..options() });
    let (drafted, with_draft) = run(&drafting, &GenerateRequest { draft: Some(done.text.clone()), ..request });
    assert!(drafted.usage.accepted_tokens > 0);
    assert_eq!(with_draft.iter().map(|e| e.id).collect::<Vec<_>>(), events.iter().map(|e| e.id).collect::<Vec<_>>());
}
