//! The metadata of a GGUF file: the keys that llama.cpp and the importer want, and a vocabulary.

use super::{Attention, Shape};

/// A file's metadata: entries one after the other.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: u64,
}

impl Metadata {
    pub(super) fn of(shape: &Shape, seed: u64) -> Self {
        let mut out = Self::default();
        out.text("general.architecture", shape.architecture());
        out.text("general.name", &shape.title(seed));
        out.text("general.license", "none: random weights");
        out.number("general.quantization_version", 2);
        // Mostly Q4_0.
        out.number("general.file_type", 2);
        out.settings(shape);
        out.vocabulary(shape);
        out
    }

    fn settings(&mut self, shape: &Shape) {
        let prefix = shape.architecture();
        let key = |name: &str| format!("{prefix}.{name}");
        self.number(&key("block_count"), shape.layers);
        self.number(&key("context_length"), shape.context);
        self.number(&key("embedding_length"), shape.hidden);
        self.number(&key("feed_forward_length"), shape.feed_forward);
        self.number(&key("vocab_size"), shape.vocabulary);
        self.number(&key("attention.head_count"), shape.heads);
        self.float(&key("attention.layer_norm_rms_epsilon"), shape.epsilon);
        self.float(&key("rope.freq_base"), shape.rope_base);
        match &shape.attention {
            Attention::Grouped { kv_heads, .. } => self.number(&key("attention.head_count_kv"), *kv_heads),
            Attention::Latent { q_rank, rank, nope, rope, value, yarn } => {
                // One head of keys, the latents, as the newer layout has it.
                self.number(&key("attention.head_count_kv"), 1);
                if let Some(q_rank) = q_rank {
                    self.number(&key("attention.q_lora_rank"), *q_rank);
                }
                self.number(&key("attention.kv_lora_rank"), *rank);
                self.number(&key("attention.key_length"), rank + rope);
                self.number(&key("attention.value_length"), *rank);
                self.number(&key("attention.key_length_mla"), nope + rope);
                self.number(&key("attention.value_length_mla"), *value);
                self.number(&key("rope.dimension_count"), *rope);
                self.text(&key("rope.scaling.type"), "yarn");
                self.float(&key("rope.scaling.factor"), yarn.factor);
                self.number(&key("rope.scaling.original_context_length"), yarn.original);
                self.float(&key("rope.scaling.yarn_log_multiplier"), 0.1 * yarn.mscale);
            }
        }
        if let Some(experts) = &shape.experts {
            self.number(&key("leading_dense_block_count"), experts.dense_layers);
            self.number(&key("expert_count"), experts.count);
            self.number(&key("expert_used_count"), experts.used);
            self.number(&key("expert_shared_count"), experts.shared);
            self.number(&key("expert_feed_forward_length"), experts.intermediate);
            self.number(&key("expert_group_count"), experts.groups);
            self.number(&key("expert_group_used_count"), experts.top_groups);
            self.float(&key("expert_weights_scale"), experts.scale);
            // Softmax.
            self.number(&key("expert_gating_func"), 1);
        }
    }

    /// Byte-level BPE: all bytes, then all pairs of them, then pairs with a third. Any text becomes tokens and any token
    /// text, which is all that speed needs.
    fn vocabulary(&mut self, shape: &Shape) {
        let words = &shape.words;
        let letters = letters();
        let mut tokens: Vec<String> = letters.iter().map(char::to_string).collect();
        let mut merges = Vec::new();
        let mut left = 0;
        while (tokens.len() as u64) < words.normal {
            let first = tokens[left].clone();
            for letter in &letters {
                if tokens.len() as u64 == words.normal {
                    break;
                }
                merges.push(format!("{first} {letter}"));
                tokens.push(format!("{first}{letter}"));
            }
            left += 1;
        }
        let (normal, control, unused) = (1, 3, 5);
        let mut kinds = vec![normal; tokens.len()];
        let special = tokens.len() as u64;
        tokens.extend(words.special.iter().map(ToString::to_string));
        kinds.resize(tokens.len(), control);
        tokens.extend((tokens.len() as u64..shape.vocabulary).map(|id| format!("[PAD{id}]")));
        kinds.resize(tokens.len(), unused);

        self.text("tokenizer.ggml.model", "gpt2");
        self.text("tokenizer.ggml.pre", words.pre);
        self.texts("tokenizer.ggml.tokens", &tokens);
        self.integers("tokenizer.ggml.token_type", &kinds);
        self.texts("tokenizer.ggml.merges", &merges);
        self.number("tokenizer.ggml.bos_token_id", special);
        self.number("tokenizer.ggml.eos_token_id", special + 1);
        self.number("tokenizer.ggml.padding_token_id", special + 1);
        self.boolean("tokenizer.ggml.add_bos_token", matches!(shape.attention, Attention::Latent { .. }));
    }

    fn entry(&mut self, key: &str, kind: u32) {
        self.string(key);
        self.bytes.extend(kind.to_le_bytes());
        self.entries += 1;
    }

    fn string(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn number(&mut self, key: &str, value: u64) {
        self.entry(key, 4);
        // llama.cpp wants 32 bits, and every number of the table has fewer.
        self.bytes.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn float(&mut self, key: &str, value: f32) {
        self.entry(key, 6);
        self.bytes.extend(value.to_le_bytes());
    }

    fn boolean(&mut self, key: &str, value: bool) {
        self.entry(key, 7);
        self.bytes.push(u8::from(value));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.entry(key, 8);
        self.string(value);
    }

    fn array(&mut self, key: &str, kind: u32, count: usize) {
        self.entry(key, 9);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((count as u64).to_le_bytes());
    }

    fn integers(&mut self, key: &str, values: &[i32]) {
        self.array(key, 5, values.len());
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn texts(&mut self, key: &str, values: &[String]) {
        self.array(key, 8, values.len());
        values.iter().for_each(|value| self.string(value));
    }
}

/// The letters that stand for the bytes 0 to 255 in byte-level vocabularies: the visible ones for themselves, the rest
/// from U+0100 on.
fn letters() -> Vec<char> {
    let mut next = 0x100;
    (0..=255u8)
        .map(|byte| match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
            _ => {
                next += 1;
                char::from_u32(next - 1).unwrap_or(' ')
            }
        })
        .collect()
}
