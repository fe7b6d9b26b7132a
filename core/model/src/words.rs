//! Whether a model's tokenizer and template can be used, before there is a folder with the model.

use crate::folder::LoadError;
use crate::prompt::Prompts;
use crate::vocab::Vocabulary;
use deepcoder_types::Manifest;

/// Checks a manifest, as far as it is about tokens, with its `tokenizer.json` and its chat template. Loading a folder
/// checks the same, by the same code: an import asks here before it says that a model is ready.
pub fn check_words(manifest: &Manifest, tokenizer: &[u8], template: Option<&str>) -> Result<(), LoadError> {
    let vocabulary = Vocabulary::parse(tokenizer, manifest)?;
    Prompts::new(manifest, &vocabulary, template.map(str::to_owned)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::{FimTokens, Hint as _};
    use serde_json::{Value as Json, json};

    /// Eight rows, five of them tokens; the last two are added.
    fn parts() -> (Manifest, Json) {
        let manifest = serde_json::from_value(json!({
            "format": 1, "name": "m", "architecture": "llama", "context_length": 64, "vocab_size": 8, "eos_ids": [4],
            "bos_id": 3, "fim": null, "license": null, "graph": { "file": "model.onnx", "cache": [], "chunk": 512 },
            "source": { "format": "gguf", "file": "x", "sha256": "0".repeat(64) },
            "recipe": { "bits": null, "block": 32, "mapping": {}, "deepcoder": "0", "onnxruntime_min": "1.32.0" },
            "files": {},
        }));
        let tokenizer = json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [added(3, "<s>", true), added(4, "</s>", true)],
            "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
            "model": { "type": "BPE", "vocab": { "x": 0, "y": 1, "xy": 2 }, "merges": ["x y"] },
        });
        (manifest.unwrap(), tokenizer)
    }

    fn added(id: u64, content: &str, special: bool) -> Json {
        json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": special })
    }

    const CHAT: &str = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}";

    type Change = fn(&mut Manifest, &mut Json);

    fn check(change: Change, template: &str) -> Result<(), LoadError> {
        let (mut manifest, mut tokenizer) = parts();
        change(&mut manifest, &mut tokenizer);
        check_words(&manifest, tokenizer.to_string().as_bytes(), Some(template))
    }

    /// Protects imports and loads: what cannot be used is named, with a hint, and nothing panics.
    #[test]
    fn words_that_cannot_be_used_are_named() {
        assert!(check(|_, _| {}, CHAT).is_ok());
        let cases: [(Change, &str, &str); 15] = [
            (|m, _| m.eos_ids = vec![4, 8], CHAT, "token 8 is beyond"),
            (|m, _| m.bos_id = Some(u32::MAX), CHAT, "is beyond"),
            (|m, _| m.vocab_size = 2, CHAT, "has 3 tokens"),
            (|m, _| m.fim = Some(fim("nothing")), CHAT, "no token `nothing`"),
            (|_, t| *t = json!([]), CHAT, "tokenizer cannot be read"),
            (|_, t| t["model"]["merges"] = json!(["x q"]), CHAT, "tokenizer cannot be read"),
            (|_, t| t["pre_tokenizer"] = split("("), CHAT, "tokenizer cannot be read"),
            (|_, t| t["pre_tokenizer"] = split("((a{900}){900}){900}"), CHAT, "tokenizer cannot be read"),
            // A template that writes what the model does not know.
            (|m, t| (m.vocab_size, t["model"]["vocab"]["x"]) = (5, json!(7)), CHAT, "has the token 7"),
            (|m, t| plain(m, t, 5000), CHAT, "5000 added tokens"),
            (|_, _| {}, "{% if %}", "chat template cannot be used"),
            (|_, _| {}, "{{ messages[0].content.nothing.at_all }}", "chat template cannot be used"),
            (|_, _| {}, "{{ nothing(1) }}", "chat template cannot be used"),
            (|m, _| m.bos_id = None, "", "the prompt is empty"),
            (|_, _| {}, "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "fuel"),
        ];
        for (at, (change, template, says)) in cases.into_iter().enumerate() {
            let error = check(change, template).expect_err(says);
            assert!(error.to_string().contains(says) && error.hint().is_some(), "case {at}: {error}");
        }
    }

    /// Protects models as they are published: an added token without a row in the model is text like any other, and no
    /// reason to refuse it.
    #[test]
    fn added_tokens_without_a_row_are_text() {
        let change: Change = |m, t| {
            t["added_tokens"].as_array_mut().unwrap().push(added(8, "<x>", true));
            m.bos_id = None;
        };
        assert!(check(change, "{{ '<x>' }}x").is_ok());
    }

    fn fim(prefix: &str) -> FimTokens {
        FimTokens { prefix: prefix.into(), suffix: "x".into(), middle: "y".into() }
    }

    fn split(pattern: &str) -> Json {
        json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false })
    }

    fn plain(manifest: &mut Manifest, tokenizer: &mut Json, count: u64) {
        manifest.vocab_size = 10_000;
        let list = tokenizer["added_tokens"].as_array_mut().unwrap();
        list.extend((5..5 + count).map(|id| added(id, &format!("word {id}"), false)));
    }
}
