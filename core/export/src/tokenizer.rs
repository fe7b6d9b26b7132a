//! The vocabulary of a source: `tokenizer.json`, the chat template, and the tokens with a meaning.

use crate::error::ImportError;
use crate::gguf::{Array, Gguf, Value};
use crate::safetensors::{read_json, read_small};
use deepcoder_types::FimTokens;
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// The tokens of a source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vocabulary {
    pub(crate) tokenizer_json: Vec<u8>,
    pub(crate) chat_template: Option<String>,
    pub(crate) eos: Vec<u32>,
    pub(crate) bos: Option<u32>,
    pub(crate) fim: Option<FimTokens>,
}

/// Control tokens that end a turn, whatever the metadata says: models are published with only one of theirs named.
const ENDS: [&str; 10] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|EOT|>",
    "<｜end▁of▁sentence｜>",
    "<|file_sep|>",
    "<|repo_name|>",
    "<|fim_pad|>",
];

/// Known names of the tokens around a hole: prefix, suffix, middle.
const HOLES: [[&str; 3]; 4] = [
    ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
    ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
    ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
    ["▁<PRE>", "▁<SUF>", "▁<MID>"],
];

/// The cased letters of an old Unicode, as DeepSeek's tokenizer lists them: newer ones, and those without case, are
/// cut differently. Escaped, since some would be others after normalisation.
const CASED: &str = "\
    A-Za-z\u{b5}\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{1ba}\u{1bc}-\u{1bf}\u{1c4}-\u{293}\u{295}-\u{2af}\u{370}-\u{373}\
    \u{376}\u{377}\u{37b}-\u{37d}\u{37f}\u{386}\u{388}-\u{38a}\u{38c}\u{38e}-\u{3a1}\u{3a3}-\u{3f5}\u{3f7}-\u{481}\
    \u{48a}-\u{52f}\u{531}-\u{556}\u{10a0}-\u{10c5}\u{13a0}-\u{13f5}\u{13f8}-\u{13fd}\u{1c90}-\u{1cba}\
    \u{1cbd}-\u{1cbf}\u{1d00}-\u{1d2b}\u{1d6b}-\u{1d77}\u{1d79}-\u{1d9a}\u{1e00}-\u{1f15}\u{1f18}-\u{1f1d}\
    \u{1f20}-\u{1f45}\u{1f48}-\u{1f4d}\u{1f50}-\u{1f57}\u{1f59}\u{1f5b}\u{1f5d}\u{1f5f}-\u{1f7d}\u{1f80}-\u{1fb4}\
    \u{1fb6}-\u{1fbc}\u{1fbe}\u{1fc2}-\u{1fc4}\u{1fc6}-\u{1fcc}\u{1fd0}-\u{1fd3}\u{1fd6}-\u{1fdb}\u{1fe0}-\u{1fec}\
    \u{1ff2}-\u{1ff4}\u{1ff6}-\u{1ffc}\u{2102}\u{2107}\u{210a}-\u{2113}\u{2115}\u{2119}-\u{211d}\u{2124}\u{2126}\
    \u{2128}\u{212a}-\u{212d}\u{212f}-\u{2134}\u{2139}\u{213c}-\u{213f}\u{2145}-\u{2149}\u{214e}\u{2183}\u{2184}\
    \u{2c00}-\u{2c7b}\u{2c7e}-\u{2ce4}\u{2ceb}-\u{2cee}\u{2cf2}\u{2cf3}\u{a640}-\u{a66d}\u{a680}-\u{a69b}\
    \u{a722}-\u{a76f}\u{a771}-\u{a787}\u{a78b}-\u{a78e}\u{ab70}-\u{abbf}\u{fb00}-\u{fb06}\u{fb13}-\u{fb17}\
    \u{ff21}-\u{ff3a}\u{ff41}-\u{ff5a}\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\
    \u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}";

/// DeepSeek-V2's chat, for sources without a template. There is no space after the last `Assistant:`: with one, the
/// model answers in another language or with nonsense.
const DEEPSEEK_CHAT: &str = "{{ bos_token }}{% for message in messages %}\
    {% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n\\n' }}\
    {% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}\
    {% elif message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}{% endif %}{% endfor %}\
    {% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

const NORMAL: i64 = 1;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

struct Tokens<'a> {
    texts: &'a [String],
    kinds: Vec<i64>,
    ids: HashMap<&'a str, u32>,
}

impl Tokens<'_> {
    fn is_special(&self, id: u32) -> bool {
        self.kinds.get(id as usize).is_some_and(|&k| k == CONTROL || k == USER_DEFINED)
    }

    /// The id of the special token `text`.
    fn special(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied().filter(|&id| self.is_special(id))
    }

    /// The tokens in the order of their ids, so that an import writes the same file again.
    fn vocabulary(&self) -> Json {
        self.texts.iter().cloned().zip((0u32..).map(Json::from)).collect()
    }
}

/// Reads the vocabulary in a GGUF's metadata, which must not be longer than the embedding has `rows`.
pub(crate) fn from_gguf(gguf: &Gguf, rows: u64) -> Result<Vocabulary, ImportError> {
    let texts = gguf.texts("tokenizer.ggml.tokens").ok_or_else(|| ImportError::missing("tokenizer.ggml.tokens"))?;
    if texts.is_empty() || texts.len() as u64 > rows {
        return Err(ImportError::setting("tokenizer.ggml.tokens", format!("has {} for {rows} rows", texts.len())));
    }
    let kinds = match gguf.metadata.get("tokenizer.ggml.token_type") {
        Some(Value::Array(Array::Integers(kinds))) if kinds.len() == texts.len() => kinds.clone(),
        None => vec![NORMAL; texts.len()],
        Some(_) => return Err(ImportError::setting("tokenizer.ggml.token_type", "does not fit the tokens")),
    };
    let mut ids = HashMap::new();
    for (id, text) in (0u32..).zip(texts) {
        if ids.insert(text.as_str(), id).is_some() {
            return Err(ImportError::Tokenizer(format!("the token `{text}` occurs twice")));
        }
    }
    let tokens = Tokens { texts, kinds, ids };
    let kind = gguf.text("tokenizer.ggml.model").ok_or_else(|| ImportError::missing("tokenizer.ggml.model"))?;
    let tokenizer = match kind {
        "gpt2" => byte_level(gguf, &tokens)?,
        "llama" => sentence_piece(gguf, &tokens)?,
        other => return Err(ImportError::Tokenizer(format!("the kind `{other}` is not supported"))),
    };
    let id = |key: &str| {
        let key = format!("tokenizer.ggml.{key}");
        // Some write -1 for none.
        let id = gguf.unsigned(&key).filter(|id| *id != u64::from(u32::MAX));
        id.map(|id| known(&key, id, texts.len() as u64)).transpose()
    };
    let mut eos = Vec::new();
    for key in ["eos_token_id", "eot_token_id", "eom_token_id"] {
        eos.extend(id(key)?);
    }
    eos.extend(ENDS.iter().filter_map(|text| tokens.special(text)));
    let deepseek = gguf.text("general.architecture") == Some("deepseek2");
    let with_bos = gguf
        .boolean("tokenizer.ggml.add_bos_token")
        .unwrap_or(kind == "llama" || deepseek || gguf.text("tokenizer.ggml.pre") == Some("llama-bpe"));
    let named = |keys: [&str; 2]| -> Result<Option<String>, ImportError> {
        let found = match id(keys[0])? {
            None => id(keys[1])?,
            found => found,
        };
        Ok(found.and_then(|id| texts.get(id as usize).cloned()))
    };
    let fim = (
        named(["fim_pre_token_id", "prefix_token_id"])?,
        named(["fim_suf_token_id", "suffix_token_id"])?,
        named(["fim_mid_token_id", "middle_token_id"])?,
    );
    let fim = match fim {
        (Some(prefix), Some(suffix), Some(middle)) => Some(FimTokens { prefix, suffix, middle }),
        _ => known_hole(|text| tokens.special(text).is_some()),
    };
    Ok(Vocabulary {
        tokenizer_json: tokenizer.to_string().into_bytes(),
        chat_template: gguf
            .text("tokenizer.chat_template")
            .or(deepseek.then_some(DEEPSEEK_CHAT))
            .map(ToOwned::to_owned),
        eos: ends(eos)?,
        bos: id("bos_token_id")?.filter(|_| with_bos),
        fim,
    })
}

/// The id of a token that a setting names; an error where the vocabulary of `tokens` has it not.
fn known(key: &str, id: u64, tokens: u64) -> Result<u32, ImportError> {
    let known = u32::try_from(id).ok().filter(|_| id < tokens);
    known.ok_or_else(|| ImportError::setting(key, format!("names the token {id}, and the vocabulary has {tokens}")))
}

fn known_hole(has: impl Fn(&str) -> bool) -> Option<FimTokens> {
    let [prefix, suffix, middle] = HOLES.into_iter().find(|names| names.iter().all(|n| has(n)))?;
    Some(FimTokens { prefix: prefix.to_owned(), suffix: suffix.to_owned(), middle: middle.to_owned() })
}

/// Keeps the order: the metadata's own come first.
fn ends(ids: Vec<u32>) -> Result<Vec<u32>, ImportError> {
    let mut seen = BTreeSet::new();
    let ids: Vec<u32> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
    if ids.is_empty() {
        return Err(ImportError::Tokenizer("there is no token that ends a text".to_owned()));
    }
    Ok(ids)
}

/// Special tokens stay in the vocabulary as well: that is what fixes their ids.
fn added_tokens(tokens: &Tokens<'_>) -> Vec<Json> {
    (0u32..)
        .zip(tokens.texts)
        .filter(|(id, _)| tokens.is_special(*id))
        .map(|(id, text)| {
            json!({
                "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": tokens.kinds[id as usize] == CONTROL,
            })
        })
        .collect()
}

fn split(pattern: &str) -> Json {
    json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false })
}

/// How text is cut before merging, by the name in `tokenizer.ggml.pre`.
fn pre_tokenizer(name: &str) -> Result<Json, ImportError> {
    let digits = json!({ "type": "Digits", "individual_digits": true });
    // `Regex`es of the published tokenizer.json files.
    let steps = match name {
        "qwen2" => vec![split(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )],
        "llama-bpe" | "llama3" | "llama-v3" => vec![split(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )],
        "deepseek-coder" => {
            vec![split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), digits]
        }
        "deepseek-llm" => vec![
            split("[\r\n]"),
            split(&format!(r"\s?[{CASED}]+")),
            split("\\s?[!-/:-~\u{ff01}-\u{ff0f}\u{ff1a}-\u{ff5e}\u{2018}-\u{201f}\u{3000}-\u{3002}]+"),
            split(r"\s+$"),
            split("[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}\u{ac00}-\u{d7ff}]+"),
            digits,
        ],
        "default" | "gpt-2" | "gpt2" => {
            vec![split(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
        }
        other => return Err(ImportError::Tokenizer(format!("the pre-tokenizer `{other}` is not known here"))),
    };
    let mut steps = steps;
    steps.push(byte_level_step());
    Ok(json!({ "type": "Sequence", "pretokenizers": steps }))
}

fn byte_level_step() -> Json {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false })
}

/// Byte-level BPE. There is no normaliser, not even Unicode's NFC where the original has it: the model must see, and
/// copy, the bytes that are in the file.
fn byte_level(gguf: &Gguf, tokens: &Tokens<'_>) -> Result<Json, ImportError> {
    let merges = gguf.texts("tokenizer.ggml.merges").ok_or_else(|| ImportError::missing("tokenizer.ggml.merges"))?;
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in merges {
        let Some((left, right)) = merge.split_once(' ') else {
            return Err(ImportError::Tokenizer(format!("the merge `{merge}` has no space")));
        };
        if !tokens.ids.contains_key(left)
            || !tokens.ids.contains_key(right)
            || !tokens.ids.contains_key(format!("{left}{right}").as_str())
        {
            return Err(ImportError::Tokenizer(format!("the merge `{merge}` is not of tokens")));
        }
        pairs.push([left, right]);
    }
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    let whole_words = matches!(pre, "llama-bpe" | "llama3" | "llama-v3");
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added_tokens(tokens),
        "normalizer": null,
        "pre_tokenizer": pre_tokenizer(pre)?,
        "post_processor": byte_level_step(),
        "decoder": byte_level_step(),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": whole_words,
            "vocab": tokens.vocabulary(), "merges": pairs,
        },
    }))
}

/// SentencePiece BPE with bytes for what is not in the vocabulary. Its merges are not stored: they are all ways to
/// put a piece together from two others, in the order of the pieces' scores.
fn sentence_piece(gguf: &Gguf, tokens: &Tokens<'_>) -> Result<Json, ImportError> {
    let scores = match gguf.metadata.get("tokenizer.ggml.scores") {
        Some(Value::Array(Array::Floats(scores))) if scores.len() == tokens.texts.len() => scores,
        _ => return Err(ImportError::missing("tokenizer.ggml.scores")),
    };
    let mut merges = Vec::new();
    for (id, piece) in tokens.texts.iter().enumerate() {
        if tokens.kinds[id] != NORMAL && tokens.kinds[id] != USER_DEFINED {
            continue;
        }
        let mut ways: Vec<_> = piece
            .char_indices()
            .skip(1)
            .filter_map(|(at, _)| {
                let (left, right) = piece.split_at(at);
                Some((*tokens.ids.get(left)?, *tokens.ids.get(right)?, [left, right]))
            })
            .collect();
        ways.sort_unstable();
        merges.extend(ways.into_iter().map(|(.., pair)| (scores[id], pair)));
    }
    // Stable, so that pieces of equal scores keep the order of their ids.
    merges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let merges: Vec<_> = merges.into_iter().map(|(_, pair)| pair).collect();
    let prefix = gguf.boolean("tokenizer.ggml.add_space_prefix").unwrap_or(true);
    let replace = |from: &str, to: &str| json!({ "type": "Replace", "pattern": { "String": from }, "content": to });
    let mut normalizers = vec![replace(" ", "▁")];
    let mut decoders = vec![replace("▁", " "), json!({ "type": "ByteFallback" }), json!({ "type": "Fuse" })];
    if prefix {
        normalizers.insert(0, json!({ "type": "Prepend", "prepend": "▁" }));
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    let unknown = tokens.kinds.iter().position(|&k| k == 2).map(|id| &tokens.texts[id]);
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added_tokens(tokens),
        "normalizer": { "type": "Sequence", "normalizers": normalizers },
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": { "type": "Sequence", "decoders": decoders },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": tokens.vocabulary(), "merges": merges,
        },
    }))
}

/// Reads the vocabulary of a folder of safetensors: its `tokenizer.json` as it is, and the settings around it.
/// The embedding has `rows`.
pub(crate) fn from_folder(folder: &Path, config: &Json, rows: u64) -> Result<Vocabulary, ImportError> {
    let path = folder.join("tokenizer.json");
    if !path.is_file() {
        return Err(ImportError::Tokenizer("there is no tokenizer.json".to_owned()));
    }
    let tokenizer_json = read_small(&path)?;
    let tokenizer: Json =
        serde_json::from_slice(&tokenizer_json).map_err(|e| ImportError::folder(&path, e.to_string()))?;
    let optional = |name: &str| {
        let path = folder.join(name);
        if path.is_file() { read_json(&path) } else { Ok(Json::Null) }
    };
    let settings = optional("tokenizer_config.json")?;
    let generation = optional("generation_config.json")?;
    let added: HashMap<&str, u32> = tokenizer["added_tokens"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| Some((t["content"].as_str()?, u32::try_from(t["id"].as_u64()?).ok()?)))
        // Some list a token that the model has no row for, and that it therefore never sees.
        .filter(|(_, id)| u64::from(*id) < rows)
        .collect();
    // Some name none by `null`, or by -1.
    let listed = |key: &str, value: &Json| -> Result<Vec<u32>, ImportError> {
        let all = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        all.iter().filter_map(Json::as_u64).map(|id| known(key, id, rows)).collect()
    };
    let mut eos = listed("eos_token_id of generation_config.json", &generation["eos_token_id"])?;
    eos.extend(listed("eos_token_id", &config["eos_token_id"])?);
    eos.extend(ENDS.iter().filter_map(|text| added.get(text).copied()));
    // Where the setting is missing, the post-processor is what adds the token.
    let deepseek = config["model_type"] == "deepseek_v2";
    let with_bos = settings["add_bos_token"].as_bool().unwrap_or_else(|| {
        let tokens = &tokenizer["post_processor"];
        let nested = tokens["processors"].as_array().into_iter().flatten().any(|p| p["special_tokens"].is_object());
        deepseek || nested || tokens["special_tokens"].is_object()
    });
    let template = folder.join("chat_template.jinja");
    let chat_template = if template.is_file() {
        let text = String::from_utf8(read_small(&template)?);
        Some(text.map_err(|_| ImportError::folder(&template, "it is not UTF-8"))?)
    } else {
        let named = settings["chat_template"].as_array().into_iter().flatten();
        let default = named.clone().find(|t| t["name"] == "default").map(|t| &t["template"]);
        let found = settings["chat_template"].as_str().or(default.and_then(Json::as_str));
        found.or(deepseek.then_some(DEEPSEEK_CHAT)).map(ToOwned::to_owned)
    };
    Ok(Vocabulary {
        chat_template,
        eos: ends(eos)?,
        bos: listed("bos_token_id", &config["bos_token_id"])?.first().copied().filter(|_| with_bos),
        fim: known_hole(|text| added.contains_key(text)),
        tokenizer_json,
    })
}
