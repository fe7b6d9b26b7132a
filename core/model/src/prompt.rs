//! Prompts → the tokens that the model sees.

use crate::folder::LoadError;
use crate::template::ChatTemplate;
use crate::vocab::Vocabulary;
use deepcoder_types::{GenerateError, Manifest, Message, Prompt};

/// The ways to ask a model.
pub(crate) struct Prompts {
    name: String,
    template: Option<ChatTemplate>,
    fim: Option<[u32; 3]>,
    bos: Option<u32>,
    vocab_size: u32,
}

impl Prompts {
    /// The ways that a manifest names. The template is tried on a short chat: one that cannot render that can do nothing.
    pub(crate) fn new(
        manifest: &Manifest,
        vocabulary: &Vocabulary,
        template: Option<String>,
    ) -> Result<Self, LoadError> {
        let damaged = |reason: String| LoadError::Damaged {
            name: manifest.name.clone(),
            reason: format!("its chat template cannot be used: {reason}"),
        };
        let text = |id: Option<u32>| id.and_then(|id| vocabulary.control_text(id)).unwrap_or_default().to_owned();
        let (bos, eos) = (text(manifest.bos_id), text(manifest.eos_ids.first().copied()));
        let template = template.map(|source| ChatTemplate::new(source, bos, eos)).transpose().map_err(damaged)?;
        let prompts = Self {
            name: manifest.name.clone(),
            template,
            fim: fim_tokens(manifest, vocabulary)?,
            bos: manifest.bos_id,
            vocab_size: manifest.vocab_size,
        };
        if prompts.template.is_some() {
            let chat = Prompt::Chat { messages: vec![Message::user("x")], prefill: String::new() };
            prompts.render(&chat, vocabulary).map_err(|e| match e {
                GenerateError::Template(reason) | GenerateError::Engine(reason) => damaged(reason),
                other => damaged(other.to_string()),
            })?;
        }
        Ok(prompts)
    }

    /// The tokens of a prompt; never none.
    pub(crate) fn render(&self, prompt: &Prompt, vocabulary: &Vocabulary) -> Result<Vec<u32>, GenerateError> {
        let tokenize = |text: &str| vocabulary.encode(text).map_err(GenerateError::Engine);
        let mut ids = match prompt {
            Prompt::Chat { messages, prefill } => {
                let template = self
                    .template
                    .as_ref()
                    .ok_or_else(|| GenerateError::Template("the model has none: it only continues text".into()))?;
                let text = template.render(messages, prefill, vocabulary)?;
                vocabulary.encode_marked(&text).map_err(GenerateError::Engine)?
            }
            Prompt::Fill { prefix, suffix } => {
                let [begin, hole, middle] = self.fim.ok_or_else(|| GenerateError::NoFill(self.name.clone()))?;
                let mut ids = vec![begin];
                ids.extend(tokenize(prefix)?);
                ids.push(hole);
                ids.extend(tokenize(suffix)?);
                ids.push(middle);
                ids
            }
            Prompt::Text(text) => tokenize(text)?,
        };
        // Templates of models that want one mostly write it themselves.
        if let Some(bos) = self.bos.filter(|bos| ids.first() != Some(bos)) {
            ids.insert(0, bos);
        }
        if ids.is_empty() {
            return Err(GenerateError::Invalid("the prompt is empty".into()));
        }
        if let Some(id) = ids.iter().find(|id| **id >= self.vocab_size) {
            let problem = format!("the prompt has the token {id}, and the model knows {}", self.vocab_size);
            return Err(GenerateError::Engine(problem));
        }
        Ok(ids)
    }
}

fn fim_tokens(manifest: &Manifest, vocabulary: &Vocabulary) -> Result<Option<[u32; 3]>, LoadError> {
    let Some(fim) = &manifest.fim else { return Ok(None) };
    let id = |text: &str| {
        vocabulary.id_of(text).filter(|id| *id < manifest.vocab_size).ok_or_else(|| LoadError::Damaged {
            name: manifest.name.clone(),
            reason: format!("its vocabulary has no token `{text}`"),
        })
    };
    Ok(Some([id(&fim.prefix)?, id(&fim.suffix)?, id(&fim.middle)?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    const GOLDEN: &str = include_str!("../../../tests/golden/deepseek_tokens.json");

    struct DeepSeek {
        golden: Json,
        vocabulary: Vocabulary,
        prompts: Prompts,
    }

    /// DeepSeek-V2's ways to ask, on the part of its vocabulary that the golden file has.
    fn deepseek() -> DeepSeek {
        let golden: Json = serde_json::from_str(GOLDEN).unwrap();
        let special = golden["special"].as_object().unwrap();
        let added: Vec<Json> = special
            .iter()
            .map(|(id, text)| {
                json!({ "id": id.parse::<u32>().unwrap(), "content": text, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": true })
            })
            .collect();
        let mut vocab = golden["vocab"].as_object().unwrap().clone();
        vocab.extend(
            special.iter().map(|(id, text)| (text.as_str().unwrap().to_owned(), json!(id.parse::<u32>().unwrap()))),
        );
        let step = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false });
        let tokenizer = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
            "pre_tokenizer": golden["pre_tokenizer"], "post_processor": step, "decoder": step,
            "model": { "type": "BPE", "vocab": vocab, "merges": golden["merges"] },
        });
        let manifest: Manifest = serde_json::from_value(json!({
            "format": 1, "name": "deepseek", "architecture": "deepseek2", "context_length": 4096, "vocab_size": 102_400,
            "eos_ids": [100_001], "bos_id": 100_000, "license": null,
            "fim": { "prefix": "<｜fim▁begin｜>", "suffix": "<｜fim▁hole｜>", "middle": "<｜fim▁end｜>" },
            "graph": { "file": "model.onnx", "cache": [], "chunk": 512 },
            "source": { "format": "gguf", "file": "x", "sha256": "0".repeat(64) },
            "recipe": { "bits": null, "block": 32, "mapping": {}, "deepcoder": "0", "onnxruntime_min": "1.32.0" },
            "files": {},
        }))
        .unwrap();
        let vocabulary = Vocabulary::parse(tokenizer.to_string().as_bytes(), &manifest).unwrap();
        let template = golden["chat_template"].as_str().unwrap().to_owned();
        let prompts = Prompts::new(&manifest, &vocabulary, Some(template)).unwrap();
        DeepSeek { golden, vocabulary, prompts }
    }

    fn ids(json: &Json) -> Vec<u32> {
        serde_json::from_value(json.clone()).unwrap()
    }

    fn text(json: &Json) -> String {
        json.as_str().unwrap().to_owned()
    }

    /// Protects every prompt of the model: text is cut and merged as its own tokenizer does, digit by digit, without
    /// normalisation, and what looks like a control token in it is none.
    #[test]
    fn deepseek_text_has_its_own_ids() {
        let DeepSeek { golden, vocabulary, .. } = deepseek();
        let texts = golden["texts"].as_array().unwrap();
        assert!(texts.len() >= 20);
        for case in texts {
            assert_eq!(vocabulary.encode(case["text"].as_str().unwrap()).unwrap(), ids(&case["ids"]), "{case}");
        }
    }

    /// Protects chats: one token BOS in front, the end token behind each answer, and nothing after the last
    /// `Assistant:`, where a space makes the model answer in another language.
    #[test]
    fn deepseek_chats_have_the_golden_ids() {
        let DeepSeek { golden, vocabulary, prompts } = deepseek();
        for case in golden["chats"].as_array().unwrap() {
            let messages = case["messages"].as_array().unwrap().iter().map(|m| {
                let content = text(&m["content"]);
                match m["role"].as_str() {
                    Some("system") => Message::system(content),
                    Some("user") => Message::user(content),
                    _ => Message::assistant(content),
                }
            });
            let prompt = Prompt::Chat { messages: messages.collect(), prefill: String::new() };
            let rendered = prompts.render(&prompt, &vocabulary).unwrap();
            assert_eq!(rendered, ids(&case["ids"]), "{case}");
            assert_eq!(rendered.iter().filter(|id| **id == 100_000).count(), 1);
            assert_eq!(vocabulary.bytes_of(rendered[rendered.len() - 1]), b":");
        }
    }

    /// Protects completions: BOS, begin, prefix, hole, suffix, end, as the base model was trained.
    #[test]
    fn deepseek_holes_have_the_golden_ids() {
        let DeepSeek { golden, vocabulary, prompts } = deepseek();
        for case in golden["fills"].as_array().unwrap() {
            let prompt = Prompt::Fill { prefix: text(&case["prefix"]), suffix: text(&case["suffix"]) };
            assert_eq!(prompts.render(&prompt, &vocabulary).unwrap(), ids(&case["ids"]), "{case}");
        }
    }
}
