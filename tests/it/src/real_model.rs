//! The engine on a real model: `DEEPCODER_TEST_MODEL` names the folder of an imported Qwen2.5-Coder. Without the variable
//! these tests are skipped; with it, a folder that does not load is a failure.

use crate::setup::{library, options, run, variable};
use deepcoder_model::{Engine, EngineOptions, WeightPlace, runtime};
use deepcoder_test_support::skip;
use deepcoder_types::{Cancel, FinishReason, GenerateRequest, Message, Prompt};

/// Why there is no model.
const UNSET: &str = "DEEPCODER_TEST_MODEL does not name a folder; `make test` sets it";

/// A file to be edited.
const FILE: &str = r#"import os
import re


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as handle:
        for line in lines:
            handle.write(line + "\n")


def count_words(text):
    words = re.findall(r"\w+", text.lower())
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
"#;

fn engine(options: &EngineOptions) -> Option<Engine> {
    let folder = variable("DEEPCODER_TEST_MODEL")?;
    runtime::init(&library()).expect("ONNX Runtime starts");
    Some(Engine::load(&folder, options).expect("DEEPCODER_TEST_MODEL loads"))
}

fn chat(ask: &str, prefill: &str) -> Prompt {
    Prompt::Chat { messages: vec![Message::user(ask)], prefill: prefill.to_owned() }
}

/// Protects what the model reads: tokens of code, Unicode, CRLF, tabs, digits and indentation are those of llama.cpp's
/// tokeniser for the same vocabulary (special tokens not parsed), and all bytes come back.
#[test]
fn tokens_are_the_reference_s() {
    let Some(engine) = engine(&options()) else { skip!("real-model", "{UNSET}") };
    let golden: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../golden/qwen2_tokens.json")).expect("golden file");
    assert!(golden.len() >= 28);
    for case in &golden {
        let text = case["text"].as_str().expect("text");
        let want: Vec<u32> = serde_json::from_value(case["ids"].clone()).expect("ids");
        assert_eq!(engine.tokenize(text).unwrap(), want, "{text:?}");
        assert_eq!(engine.detokenize(&want), text);
    }
}

/// Protects the chat: the template gives the tokens that the model was trained on, and the model answers.
#[test]
fn the_template_is_the_model_s() {
    let Some(engine) = engine(&options()) else { skip!("real-model", "{UNSET}") };
    let ids = engine.render(&chat("hi", "Sure")).unwrap();
    let want = "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n\
                <|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nSure";
    assert_eq!(engine.detokenize(&ids), want);
    assert_eq!((ids[0], ids[1]), (151_644, 8948));
    let ask = "What is 2 + 3? Answer with the number only.";
    let (done, _) = run(&engine, &GenerateRequest::greedy(chat(ask, ""), 20));
    assert_eq!((done.text.trim(), done.finish), ("5", FinishReason::End));
}

/// Protects completion: a hole is filled, and the answer ends where the hole does.
#[test]
fn holes_are_filled() {
    let Some(engine) = engine(&options()) else { skip!("real-model", "{UNSET}") };
    let fill = Prompt::Fill {
        prefix: "def mul(a, b):\n    return a * b\n\n\ndef add(a, b):\n    return ".into(),
        suffix: "\n\n\nprint(add(2, 3))\n".into(),
    };
    let (done, _) = run(&engine, &GenerateRequest::greedy(fill, 24));
    assert!(done.text.starts_with("a + b"), "{:?}", done.text);
}

/// Protects speed and exactness of edits at once: a file that is repeated with a change takes a fraction of the runs,
/// and has the same tokens as without drafts, also behind a cached prefix.
#[test]
fn an_edit_is_drafted_and_exact() {
    let file = FILE;
    let Some(plain) = engine(&EngineOptions { draft: false, ..options() }) else { skip!("real-model", "{UNSET}") };
    let ask =
        format!("Add type hints to `count_words`. Rewrite this file, and change nothing else.\n```python\n{file}```");
    let request = GenerateRequest {
        stop: vec!["```".into()],
        draft: Some(file.to_owned()),
        ..GenerateRequest::greedy(chat(&ask, "```python\n"), 110)
    };
    let (want, _) = run(&plain, &request);
    drop(plain);
    let engine = engine(&options()).expect("as before");
    for turn in 0..2 {
        let (got, _) = run(&engine, &request);
        assert_eq!((&got.text, got.finish), (&want.text, want.finish));
        assert_eq!(got.usage.cached_tokens > 0, turn == 1);
        let runs = got.usage.completion_tokens - got.usage.accepted_tokens;
        assert!(runs * 3 < got.usage.completion_tokens, "{:?}", got.usage);
    }
    let tokens = engine.tokenize(&file.repeat(2)).unwrap();
    let scores = engine.score(&tokens, &Cancel::new()).unwrap();
    let mean = |s: &[f32]| s.iter().sum::<f32>() / s.iter().map(|_| 1.0).sum::<f32>();
    let half = scores.len() / 2;
    assert!(mean(&scores[half + 1..]) > -0.2, "a repeated file is expected: {}", mean(&scores[half + 1..]));
    assert!(mean(&scores[..half]) > -2.5);
}

/// Protects weights in memory of the process: pages are exchanged under a session that goes on with the same bits.
#[test]
fn weights_in_memory_give_the_same_bits() {
    let Some(folder) = variable("DEEPCODER_TEST_MODEL") else { skip!("real-model", "{UNSET}") };
    let mapped = || -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
        let of_file = |line: &&str| line.ends_with(".data");
        let length = |line: &str| {
            let (start, end) = line.split_once(' ')?.0.split_once('-')?;
            Some(usize::from_str_radix(end, 16).ok()? - usize::from_str_radix(start, 16).ok()?)
        };
        maps.lines().filter(of_file).filter_map(length).sum()
    };
    let scores = |weights| {
        let engine = engine(&EngineOptions { weights, ..options() }).expect("set");
        let tokens = engine.tokenize(FILE).unwrap();
        (engine.score(&tokens, &Cancel::new()).unwrap(), mapped())
    };
    let (in_file, whole) = scores(WeightPlace::Mapped);
    let size = std::fs::metadata(folder.join("model.onnx.data")).unwrap().len();
    assert!(whole as u64 >= size * 9 / 10, "the file is mapped: {whole} of {size}");
    let (in_memory, left) = scores(WeightPlace::InMemory);
    assert_eq!(in_memory, in_file);
    // Each tensor is mapped by itself here, and what is less than a large page stays.
    assert!(left < whole / 2, "{left} of {whole} are still the file's");
    assert_eq!(mapped(), 0, "what was exchanged went with its session");
}
