//! DeepSeek-V2 against transformers, and its forms against each other.

use crate::checkpoint::{Checkpoint, Imported};
use crate::setup::{options, run, text};
use deepcoder_export::ImportOptions;
use deepcoder_model::{Engine, EngineOptions};
use deepcoder_types::{Cancel, FinishReason, GenerateRequest, LanguageModel as _};

/// Single steps, a draft, and what is left: a prompt that is expanded where there are 64 tokens.
const RUNS: [&[usize]; 3] = [&[], &[17, 1, 1, 3], &[1, 2, 70, 1]];
const EXACT: f32 = 1e-4;

fn exact(portable: bool) -> ImportOptions {
    ImportOptions { exact: true, portable, ..ImportOptions::default() }
}

const PROMPT: &str = "def area(width, height):\n    return width * height\n\n# the area of a rectangle in\n";

fn assert_exact(checkpoint: &Checkpoint, engine: &Engine) {
    for runs in RUNS {
        let apart = checkpoint.apart(engine, runs);
        assert!(apart <= EXACT, "{}, {runs:?}: {apart}", checkpoint.name);
    }
}

/// Protects the meaning of the graph: with the weights as they are, ONNX Runtime's operators compute what transformers
/// does, for every variant of the architecture, in prompts, in pieces and in single steps.
#[test]
fn stock_operators_are_the_reference() {
    for checkpoint in Checkpoint::all() {
        assert_exact(&checkpoint, &Imported::of(&checkpoint, exact(true)).engine(&options()));
    }
}

/// Protects the engine's attention in the same way: it takes the place of some dozens of operators and changes nothing.
#[test]
fn the_attention_operator_is_the_reference() {
    for checkpoint in Checkpoint::all() {
        assert_exact(&checkpoint, &Imported::of(&checkpoint, exact(false)).engine(&options()));
    }
}

/// Protects imports of GGUF: both layouts of the keys' and values' matrices, and safetensors, are one model, to the last
/// bit, and where the weights are blocks of 4 bits they are these blocks' values.
#[test]
fn every_source_is_the_same_model() {
    for name in ["lite", "large", "yarn", "normalised", "blocks"] {
        let checkpoint = Checkpoint::named(name);
        let engines =
            [false, true].map(|apart| Imported::of_gguf(&checkpoint.gguf(apart), exact(true)).engine(&options()));
        engines.iter().for_each(|engine| assert_exact(&checkpoint, engine));
        let [joint, apart] = engines.map(|e| e.logits(&checkpoint.tokens, &[], &Cancel::new()).unwrap());
        assert_eq!(joint, apart, "{name}");
        if name != "blocks" {
            let folder = Imported::of(&checkpoint, exact(true)).engine(&options());
            assert_eq!(folder.logits(&checkpoint.tokens, &[], &Cancel::new()).unwrap(), joint, "{name}");
        }
    }
}

/// Differences of logits in standard deviations of the reference's: their mean, and the share of positions where the
/// likeliest token (of those that are kept) is the same.
fn nearness(checkpoint: &Checkpoint, engine: &Engine) -> (f32, f32) {
    let vocabulary = checkpoint.size("vocab_size");
    let logits = engine.logits(&checkpoint.tokens, &[], &Cancel::new()).unwrap();
    let (mut sum, mut square, mut count, mut same) = (0f32, 0f32, 0f32, 0f32);
    for (row, wanted) in logits.chunks_exact(vocabulary).zip(&checkpoint.logits) {
        let kept: Vec<f32> = checkpoint.columns.iter().map(|c| row[*c]).collect();
        assert!(kept.iter().all(|v| v.is_finite()));
        let best = |values: &[f32]| (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b]));
        same += if best(&kept) == best(wanted) { 1.0 } else { 0.0 };
        for (a, b) in kept.iter().zip(wanted) {
            (sum, square, count) = (sum + (a - b).abs(), square + b * b, count + 1.0);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    let rows = checkpoint.logits.len() as f32;
    (sum / count / (square / count).sqrt(), same / rows)
}

/// Protects the default form, in which the engine's operators round their input to 8 bits and the cache has 16: it is as
/// near to the reference as ONNX Runtime's own operators are, which round their input too, with the same number of bits
/// for the weights. The models are random, so that a small error may choose another expert: it is the hardest case.
#[test]
fn blocks_are_as_near_to_the_reference_as_the_runtimes() {
    let bits = |bits, portable| ImportOptions { bits, portable, ..ImportOptions::default() };
    let compare = |checkpoint: &Checkpoint, ours: &Imported, theirs: &Imported| {
        assert!(ours.manifest.graph.independent_rows && !theirs.manifest.graph.independent_rows);
        let [ours, theirs] = [ours, theirs].map(|imported| nearness(checkpoint, &imported.engine(&options())));
        assert!(ours.0 <= theirs.0 * 1.1 && ours.0 < 0.4, "{}: {ours:?} {theirs:?}", checkpoint.name);
        assert!(ours.1 >= theirs.1 - 0.1, "{}: {ours:?} {theirs:?}", checkpoint.name);
    };
    let checkpoint = Checkpoint::named("blocks");
    for apart in [false, true] {
        let [ours, theirs] = [false, true].map(|p| Imported::of_gguf(&checkpoint.gguf(apart), bits(None, p)));
        compare(&checkpoint, &ours, &theirs);
    }
    for name in ["lite", "large", "yarn", "normalised"] {
        let checkpoint = Checkpoint::named(name);
        for n in [8, 4] {
            let [ours, theirs] = [false, true].map(|p| Imported::of(&checkpoint, bits(Some(n), p)));
            compare(&checkpoint, &ours, &theirs);
        }
    }
}

/// Protects the promise that caching, chunks and drafts change nothing: in the default form, where runs are not filled
/// up, the bits of a token's logits are the same in any company of fewer than a prompt's.
#[test]
fn tokens_do_not_depend_on_their_company() {
    let checkpoint = Checkpoint::named("large");
    let imported = Imported::of(&checkpoint, ImportOptions::default());
    let plain = imported.engine(&EngineOptions { draft: false, ..options() });
    let logits = |runs: &[usize]| plain.logits(&checkpoint.tokens, runs, &Cancel::new()).unwrap();
    let whole = logits(&[]);
    for runs in [&[1; 40][..], &[17, 1, 1, 3], &[2, 5, 8, 16]] {
        assert!(logits(runs) == whole, "{runs:?}");
    }
    let request = GenerateRequest::greedy(text(PROMPT), 60);
    let (done, events) = run(&plain, &request);
    assert!(events.len() >= 20, "{:?}", done.text);
    let drafting = imported.engine(&EngineOptions { threads: Some(1), ..options() });
    let (drafted, with_draft) = run(&drafting, &GenerateRequest { draft: Some(done.text.clone()), ..request });
    assert!(drafted.usage.accepted_tokens > 0);
    assert_eq!(with_draft.iter().map(|e| e.id).collect::<Vec<_>>(), events.iter().map(|e| e.id).collect::<Vec<_>>());
}

/// Protects memory: a token takes its latent and the rotated part of its keys in each layer, in 16 bits, once for all
/// heads; and users of a cancel during a long prompt.
#[test]
fn the_cache_holds_latents_and_a_prompt_can_be_cancelled() {
    let checkpoint = Checkpoint::named("lite");
    let imported = Imported::of(&checkpoint, ImportOptions::default());
    let pages = imported.manifest.graph.pages.expect("its cache is paged");
    assert_eq!(pages.numbers, (checkpoint.size("num_hidden_layers") * 80) as u64 * u64::from(pages.tokens));
    let engine = imported.engine(&options());
    let cancel = Cancel::new();
    cancel.cancel();
    let request = GenerateRequest::greedy(text(&PROMPT.repeat(4)), 20);
    let done = engine.generate(&request, &cancel, &mut |_| {}).unwrap();
    assert_eq!((done.finish, done.usage.completion_tokens), (FinishReason::Cancelled, 0));
    assert!(!run(&engine, &request).1.is_empty());
}
