//! A writer of GGUF files, and a tiny random model in one: for tests of import and engine that need no download.

/// A GGUF file under construction. It writes what it is told, so that tests can write wrong files too.
#[derive(Debug, Clone, Default)]
pub struct GgufWriter {
    metadata: Vec<(String, u32, Vec<u8>)>,
    tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

const UNSIGNED: u32 = 4;
const FLOAT: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;
const INT: u32 = 5;

fn text_bytes(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl GgufWriter {
    /// An empty file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value in its stored form; a key that is there already is replaced.
    pub fn raw(&mut self, key: &str, kind: u32, bytes: Vec<u8>) -> &mut Self {
        self.metadata.retain(|(k, ..)| k != key);
        self.metadata.push((key.to_owned(), kind, bytes));
        self
    }

    /// Sets an unsigned integer.
    pub fn unsigned(&mut self, key: &str, value: u32) -> &mut Self {
        self.raw(key, UNSIGNED, value.to_le_bytes().to_vec())
    }

    /// Sets a floating-point number.
    pub fn float(&mut self, key: &str, value: f32) -> &mut Self {
        self.raw(key, FLOAT, value.to_le_bytes().to_vec())
    }

    /// Sets a boolean.
    pub fn boolean(&mut self, key: &str, value: bool) -> &mut Self {
        self.raw(key, BOOL, vec![u8::from(value)])
    }

    /// Sets a string.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.raw(key, TEXT, text_bytes(value))
    }

    /// Sets an array of strings.
    pub fn texts(&mut self, key: &str, values: &[String]) -> &mut Self {
        let mut bytes = [&TEXT.to_le_bytes()[..], &(values.len() as u64).to_le_bytes()].concat();
        values.iter().for_each(|v| bytes.extend(text_bytes(v)));
        self.raw(key, ARRAY, bytes)
    }

    /// Sets an array of integers.
    pub fn ints(&mut self, key: &str, values: &[i32]) -> &mut Self {
        let mut bytes = [&INT.to_le_bytes()[..], &(values.len() as u64).to_le_bytes()].concat();
        values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        self.raw(key, ARRAY, bytes)
    }

    /// Sets an array of floating-point numbers.
    pub fn floats(&mut self, key: &str, values: &[f32]) -> &mut Self {
        let mut bytes = [&FLOAT.to_le_bytes()[..], &(values.len() as u64).to_le_bytes()].concat();
        values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        self.raw(key, ARRAY, bytes)
    }

    /// Removes a value.
    pub fn without(&mut self, key: &str) -> &mut Self {
        self.metadata.retain(|(k, ..)| k != key);
        self
    }

    /// Adds a tensor, `shape` with the fastest axis first as GGUF has it; one of the same name is replaced.
    pub fn tensor(&mut self, name: &str, shape: &[u64], kind: u32, bytes: Vec<u8>) -> &mut Self {
        self.drop_tensor(name);
        self.tensors.push((name.to_owned(), shape.to_vec(), kind, bytes));
        self
    }

    /// Removes a tensor.
    pub fn drop_tensor(&mut self, name: &str) -> &mut Self {
        self.tensors.retain(|(n, ..)| n != name);
        self
    }

    /// Adds a tensor of 32-bit floats.
    pub fn tensor_f32(&mut self, name: &str, shape: &[u64], values: &[f32]) -> &mut Self {
        self.tensor(name, shape, 0, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Rounds all matrices of 32-bit floats to Q8_0, with powers of two as scales.
    pub fn matrices_to_q8_0(&mut self) -> &mut Self {
        for (_, shape, kind, bytes) in &mut self.tensors {
            if *kind != 0 || shape.len() != 2 {
                continue;
            }
            *kind = 8;
            let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            bytes.clear();
            for block in values.as_chunks::<32>().0 {
                let most = block.iter().fold(0f32, |most, v| most.max(v.abs()));
                let exponent = (-14..0i16).find(|e| f32::from(*e).exp2() * 127.0 >= most).unwrap_or(0);
                bytes.extend(((exponent + 15) << 10).to_le_bytes());
                let scale = f32::from(exponent).exp2();
                #[expect(clippy::cast_possible_truncation, reason = "the scale makes them fit")]
                bytes.extend(block.iter().map(|v| ((v / scale).round() as i8).cast_unsigned()));
            }
        }
        self
    }

    /// The file's bytes.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let mut out = b"GGUF\x03\0\0\0".to_vec();
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, kind, bytes) in &self.metadata {
            out.extend(text_bytes(key));
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        }
        let mut offset = 0u64;
        for (name, shape, kind, bytes) in &self.tensors {
            out.extend(text_bytes(name));
            out.extend(u32::try_from(shape.len()).unwrap_or(u32::MAX).to_le_bytes());
            shape.iter().for_each(|d| out.extend(d.to_le_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += (bytes.len() as u64).next_multiple_of(32);
        }
        for (.., bytes) in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(bytes);
        }
        out
    }
}

/// The characters by which byte-level BPE writes the 256 bytes.
#[must_use]
pub fn byte_alphabet() -> Vec<String> {
    let mut spare = 256u32;
    (0u32..256)
        .map(|b| {
            let shown = matches!(b, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
            let code = if shown {
                b
            } else {
                spare += 1;
                spare - 1
            };
            char::from_u32(code).unwrap_or('?').to_string()
        })
        .collect()
}

/// A random Qwen2 or Llama model of 2 layers (hidden size 64, 4 heads, 2 key-value heads, 512 tokens of context) with
/// a byte-level vocabulary, ChatML template and FIM tokens. The same `seed` gives the same bytes.
#[must_use]
pub fn tiny_model(architecture: &str, seed: u64) -> GgufWriter {
    const HIDDEN: u64 = 64;
    const KV: u64 = 32;
    const FEED_FORWARD: u64 = 128;
    let mut tokens = byte_alphabet();
    tokens.extend(["he", "ll", "hell"].map(str::to_owned));
    let specials =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"];
    let mut kinds = vec![1; tokens.len()];
    tokens.extend(specials.map(str::to_owned));
    kinds.resize(tokens.len(), 3);
    let vocabulary = tokens.len() as u64;
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut random = move |count: u64, size: f32| -> Vec<f32> {
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
                let unit = (state >> 40) as f32 / (1u64 << 24) as f32;
                (unit - 0.5) * 2.0 * size
            })
            .collect()
    };
    let mut file = GgufWriter::new();
    file.text("general.architecture", architecture).text("general.name", "tiny");
    let key = |name: &str| format!("{architecture}.{name}");
    for (name, value) in [
        ("block_count", 2),
        ("context_length", 512),
        ("embedding_length", 64),
        ("feed_forward_length", 128),
        ("attention.head_count", 4),
        ("attention.head_count_kv", 2),
    ] {
        file.unsigned(&key(name), value);
    }
    file.float(&key("rope.freq_base"), 10000.0).float(&key("attention.layer_norm_rms_epsilon"), 1e-6);
    file.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "qwen2");
    let first_special = u32::try_from(vocabulary).unwrap_or(0) - 6;
    file.texts("tokenizer.ggml.tokens", &tokens).ints("tokenizer.ggml.token_type", &kinds);
    file.texts("tokenizer.ggml.merges", &["h e", "l l", "he ll"].map(str::to_owned));
    file.unsigned("tokenizer.ggml.eos_token_id", first_special + 2).boolean("tokenizer.ggml.add_bos_token", false);
    file.text(
        "tokenizer.chat_template",
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
         {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    );
    let matrix = |file: &mut GgufWriter, name: &str, rows: u64, columns: u64, values: Vec<f32>| {
        file.tensor_f32(name, &[columns, rows], &values);
    };
    matrix(&mut file, "token_embd.weight", vocabulary, HIDDEN, random(vocabulary * HIDDEN, 1.0));
    file.tensor_f32("output_norm.weight", &[HIDDEN], &vec![1.0; 64]);
    for layer in 0..2 {
        let name = |part: &str| format!("blk.{layer}.{part}");
        for norm in ["attn_norm.weight", "ffn_norm.weight"] {
            let values: Vec<f32> = random(HIDDEN, 0.3).iter().map(|v| 1.0 + v).collect();
            file.tensor_f32(&name(norm), &[HIDDEN], &values);
        }
        for (part, rows, columns) in [
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", KV, HIDDEN),
            ("attn_v", KV, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", FEED_FORWARD, HIDDEN),
            ("ffn_up", FEED_FORWARD, HIDDEN),
            ("ffn_down", HIDDEN, FEED_FORWARD),
        ] {
            matrix(&mut file, &name(&format!("{part}.weight")), rows, columns, random(rows * columns, 0.2));
            if architecture == "qwen2" && matches!(part, "attn_q" | "attn_k" | "attn_v") {
                file.tensor_f32(&name(&format!("{part}.bias")), &[rows], &random(rows, 0.2));
            }
        }
    }
    file
}
