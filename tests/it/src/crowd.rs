//! Several requests at once, on models with pages; and prefixes that outlive the engine.

use crate::checkpoint::{Checkpoint, Imported};
use crate::setup::{Tiny, options, text};
use deepcoder_export::ImportOptions;
use deepcoder_model::{Engine, EngineOptions, PrefixCache};
use deepcoder_types::{
    Cancel, Form, GenerateError, GenerateRequest, Generation, Grammar, LanguageModel as _, Priority, Sampling,
};

const PROMPT: &str = "def area(width, height):\n    return width * height\n\n# the area of a rectangle in\n";

fn asked(n: usize) -> GenerateRequest {
    // A shared beginning of one to three groups, and an end of its own.
    let prompt = format!("{}{}", PROMPT.repeat(1 + n % 3), &PROMPT[n * 5 % 60..]);
    let sampling = if n.is_multiple_of(2) {
        Sampling::GREEDY
    } else {
        Sampling { temperature: 0.9, top_p: 0.95, seed: n as u64, ..Sampling::GREEDY }
    };
    let draft = n.is_multiple_of(4).then(|| PROMPT.to_owned());
    let priority = if n % 5 == 4 { Priority::Background } else { Priority::Interactive };
    GenerateRequest { sampling, draft, priority, logprobs: Some(1), ..GenerateRequest::greedy(text(&prompt), 40) }
}

/// Tokens with their log-probabilities.
type Tokens = Vec<(u32, Option<f32>)>;

fn all(engine: &Engine, requests: &[GenerateRequest]) -> Vec<(Generation, Tokens)> {
    let mut events = vec![Vec::new(); requests.len()];
    let done = engine.generate_all(requests, &Cancel::new(), &mut |i, event| events[i].push((event.id, event.logprob)));
    done.into_iter().map(|done| done.expect("it generates")).zip(events).collect()
}

/// Tokens and log-probabilities of each request alone, on an engine that has computed nothing before.
fn alone(engine: &Engine, requests: &[GenerateRequest]) -> Vec<(String, Tokens)> {
    let one = |request: &GenerateRequest| {
        engine.forget();
        let (done, events) = all(engine, std::slice::from_ref(request)).remove(0);
        (done.text, events)
    };
    requests.iter().map(one).collect()
}

/// Protects every user of a shared model: the tokens of a request and their log-probabilities are to the last bit what
/// they are alone, among eight others, with drafts and without, and with the beginnings of the others' prompts.
#[test]
fn a_request_among_others_is_what_it_is_alone() {
    let tiny = Tiny::of_blocks(true);
    let large = Imported::of(&Checkpoint::named("large"), ImportOptions::default());
    let engines: [&dyn Fn(&EngineOptions) -> Engine; 2] = [&|o| tiny.engine(o), &|o| large.engine(o)];
    for (model, engine) in engines.iter().enumerate() {
        let plain = engine(&EngineOptions { draft: false, ..options() });
        let requests: Vec<_> = (0..9).map(asked).collect();
        let wanted = alone(&plain, &requests);
        assert!(wanted.iter().map(|w| w.1.len()).sum::<usize>() > 100, "{wanted:?}");
        let drafting = engine(&options());
        for crowd in [&plain, &drafting] {
            crowd.forget();
            for ((done, events), (text, alone)) in all(crowd, &requests).into_iter().zip(&wanted) {
                assert_eq!((&done.text, &events), (text, alone), "model {model}");
            }
        }
        // The background waits for the users', so its part of the prompt is there already.
        let shared = all(&drafting, &requests).iter().map(|(done, _)| done.usage.cached_tokens).sum::<u32>();
        assert!(shared > 0);
    }
}

/// Protects the first answer after a restart: an engine that has never seen a prompt takes its pages from the disk, and
/// answers what the first one did; without the right to the directory it computes them.
#[test]
fn a_restarted_engine_knows_its_prompts() {
    let tiny = Tiny::of_blocks(true);
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path().join("prefixes");
    let with = || {
        let prefix_cache = Some(PrefixCache { folder: folder.clone(), bytes: 1 << 30 });
        tiny.engine(&EngineOptions { prefix_cache, ..options() })
    };
    let request = GenerateRequest::greedy(text(&PROMPT.repeat(3)), 30);
    let first = with();
    let (cold, _) = all(&first, std::slice::from_ref(&request)).remove(0);
    assert_eq!(cold.usage.cached_tokens, 0);
    // Its end writes what waits.
    drop(first);
    let second = with();
    let (warm, _) = all(&second, std::slice::from_ref(&request)).remove(0);
    let whole = (cold.usage.prompt_tokens - 1) / 64 * 64;
    assert_eq!((warm.text, warm.usage.cached_tokens), (cold.text.clone(), whole));
    drop(second);
    assert!(deepcoder_model::forget_prefixes(&folder).expect("deleted").pages > 0);
    let (again, _) = all(&with(), std::slice::from_ref(&request)).remove(0);
    assert_eq!((again.text, again.usage.cached_tokens), (cold.text, 0));
}

/// Protects callers that rely on a grammar: every answer matches it, greedy or sampled, drafted or not, alone or in a
/// batch; and a wrong grammar is an error.
#[test]
fn every_answer_has_its_form() {
    let tiny = Tiny::of_blocks(true);
    let engine = tiny.engine(&options());
    let choices = Grammar::of(Form::Choices(vec!["alpha beta gamma".into(), "alpha beta delta".into(), "else".into()]));
    let schema = r#"{"type":"object","properties":{"name":{"type":"string","maxLength":5},"ok":{"type":"boolean"}},
        "required":["name","ok"],"additionalProperties":false}"#;
    let json = Grammar::of(Form::Json(schema.into()));
    let regex = Grammar::of(Form::Regex("[0-9]{3}-[a-f]{4}".into()));
    let requests: Vec<_> = (0..9)
        .map(|n| {
            let grammar = Some([&choices, &json, &regex][n % 3].clone());
            let sampling = Sampling { temperature: 1.0, seed: n as u64, ..Sampling::GREEDY };
            let draft = Some("alpha beta gamma {\"name\": \"x\", \"ok\": true} 123-abcd".to_owned());
            GenerateRequest { grammar, sampling, draft, ..GenerateRequest::greedy(text(PROMPT), 200) }
        })
        .collect();
    for (n, (done, events)) in all(&engine, &requests).into_iter().enumerate() {
        let text = done.text.as_str();
        match n % 3 {
            0 => assert!(["alpha beta gamma", "alpha beta delta", "else"].contains(&text), "{text:?}"),
            1 => {
                let value: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
                assert!(value["name"].is_string() && value["ok"].is_boolean(), "{text:?}");
            }
            _ => {
                assert_eq!((text.len(), text.as_bytes()[3]), (8, b'-'), "{text:?}");
            }
        }
        assert_eq!(events.len(), done.usage.completion_tokens as usize);
    }
    let impossible = Grammar::of(Form::Regex("(".into()));
    let request = GenerateRequest { grammar: Some(impossible), ..GenerateRequest::greedy(text(PROMPT), 5) };
    let error = engine.generate(&request, &Cancel::new(), &mut |_| {}).expect_err("no form");
    assert!(matches!(error, GenerateError::Grammar(_)), "{error}");
}

/// Protects memory: a request that exceeds the whole cache is refused with the numbers.
#[test]
fn a_request_beyond_all_memory_is_refused() {
    let tiny = Tiny::of_blocks(true);
    let engine = tiny.engine(&EngineOptions { cache_bytes: Some(1 << 16), ..options() });
    let request = GenerateRequest::greedy(text(&PROMPT.repeat(4)), 100);
    let error = engine.generate(&request, &Cancel::new(), &mut |_| {}).expect_err("too large");
    assert!(matches!(error, GenerateError::NoRoom { allowed_mib: 1, .. }), "{error}");
    assert_eq!(
        engine.generate(&GenerateRequest::greedy(text("x"), 5), &Cancel::new(), &mut |_| {}).map(|_| ()),
        Ok(())
    );
}
