//! That the vocabulary is the model's own.

use crate::gguf::Gguf;
use crate::tokenizer::{Vocabulary, from_gguf};
use deepcoder_test_support::{GgufWriter, tiny_model};
use deepcoder_types::FimTokens;
use serde_json::{Value as Json, json};

fn read(file: &GgufWriter) -> (Vocabulary, Json) {
    let bytes = file.finish();
    let vocabulary = from_gguf(&Gguf::read(&bytes[..], bytes.len() as u64).unwrap(), 265).unwrap();
    let json = serde_json::from_slice(&vocabulary.tokenizer_json).unwrap();
    (vocabulary, json)
}

/// Protects generation: it must end where the model ends a turn, and holes must be marked with the model's tokens.
#[test]
fn special_tokens_are_found() {
    let (vocabulary, json) = read(&tiny_model("qwen2", 1));
    assert_eq!(vocabulary.eos, [261, 259], "the metadata's own first, then <|endoftext|>");
    assert_eq!(vocabulary.bos, None);
    let fim = ["prefix", "suffix", "middle"].map(|n| format!("<|fim_{n}|>"));
    let [prefix, suffix, middle] = fim;
    assert_eq!(vocabulary.fim, Some(FimTokens { prefix, suffix, middle }));
    let added = json["added_tokens"].as_array().unwrap();
    assert_eq!(added.len(), 6);
    assert!(
        added.iter().all(|t| t["special"] == true && json["model"]["vocab"][t["content"].as_str().unwrap()] == t["id"])
    );
    assert_eq!(json["model"]["merges"][2], json!(["he", "ll"]));
    assert!(json["normalizer"].is_null(), "the model sees the file's own bytes");
}

/// Protects models whose metadata name their FIM tokens otherwise, or that want a first token.
#[test]
fn metadata_win_over_known_names() {
    let mut file = tiny_model("llama", 1);
    for (key, id) in [("fim_pre", 256), ("fim_suf", 257), ("fim_mid", 258)] {
        file.unsigned(&format!("tokenizer.ggml.{key}_token_id"), id);
    }
    file.boolean("tokenizer.ggml.add_bos_token", true).unsigned("tokenizer.ggml.bos_token_id", 260);
    let (vocabulary, _) = read(&file);
    assert_eq!(vocabulary.bos, Some(260));
    assert_eq!(vocabulary.fim.unwrap().prefix, "he");
}

/// Protects SentencePiece models: their merges are not stored, and must come out in the order of the scores.
#[test]
fn sentence_piece_merges_follow_the_scores() {
    let tokens = ["<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "b", "ab", "▁a", "▁ab"].map(str::to_owned);
    let mut file = tiny_model("llama", 1);
    file.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", &tokens);
    file.ints("tokenizer.ggml.token_type", &[2, 3, 3, 6, 1, 1, 1, 1, 1, 1]);
    file.floats("tokenizer.ggml.scores", &[0.0, 0.0, 0.0, 0.0, -9.0, -8.0, -7.0, -1.0, -2.0, -3.0]);
    file.unsigned("tokenizer.ggml.eos_token_id", 2).unsigned("tokenizer.ggml.bos_token_id", 1);
    file.without("tokenizer.ggml.add_bos_token");
    let (vocabulary, json) = read(&file);
    assert_eq!(json["model"]["merges"], json!([["a", "b"], ["▁", "a"], ["▁", "ab"], ["▁a", "b"]]));
    assert_eq!(
        (json["model"]["byte_fallback"].clone(), json["model"]["unk_token"].clone()),
        (json!(true), json!("<unk>"))
    );
    assert_eq!(json["normalizer"]["normalizers"][0]["prepend"], "▁");
    assert_eq!((vocabulary.bos, vocabulary.eos), (Some(1), vec![2]));
    file.boolean("tokenizer.ggml.add_space_prefix", false);
    assert_eq!(read(&file).1["normalizer"]["normalizers"].as_array().unwrap().len(), 1);
}

/// Protects DeepSeek's GGUFs: text is cut by the expressions of the published tokenizer.json, character by character;
/// the chat is DeepSeek's even where the file has no template; BOS begins every prompt.
#[test]
fn deepseek_is_read_as_it_was_published() {
    let golden: Json = serde_json::from_str(include_str!("../../../../tests/golden/deepseek_tokens.json")).unwrap();
    let mut file = tiny_model("deepseek2", 1);
    let specials =
        ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"];
    let mut tokens = deepcoder_test_support::byte_alphabet();
    tokens.extend(specials.map(str::to_owned));
    let kinds: Vec<i32> = (0..261).map(|i| if i < 256 { 1 } else { 3 }).collect();
    file.texts("tokenizer.ggml.tokens", &tokens).ints("tokenizer.ggml.token_type", &kinds);
    file.texts("tokenizer.ggml.merges", &[]).text("tokenizer.ggml.pre", "deepseek-llm");
    file.unsigned("tokenizer.ggml.bos_token_id", 256).unsigned("tokenizer.ggml.eos_token_id", 257);
    file.without("tokenizer.chat_template").without("tokenizer.ggml.add_bos_token");
    let (vocabulary, json) = read(&file);
    let regexes = |json: &Json| -> Vec<Json> {
        json["pretokenizers"].as_array().unwrap().iter().map(|step| step["pattern"]["Regex"].clone()).collect()
    };
    assert_eq!(regexes(&json["pre_tokenizer"]), regexes(&golden["pre_tokenizer"]));
    assert_eq!(json["pre_tokenizer"]["pretokenizers"][5]["individual_digits"], true);
    assert_eq!((vocabulary.bos, vocabulary.eos), (Some(256), vec![257]));
    let [prefix, suffix, middle] = ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"].map(str::to_owned);
    assert_eq!(vocabulary.fim, Some(FimTokens { prefix, suffix, middle }));
    // The published template first says what a missing argument means; the engine always gives it.
    let published = golden["chat_template"].as_str().unwrap();
    let published = published.split_once("{% endif %}").unwrap().1.replace('\n', "\\n");
    assert_eq!(vocabulary.chat_template.unwrap(), published);
}
