//! Tiny DeepSeek-V2 checkpoints, whose weights are hashes of their names, and what transformers computes with them
//! (`tests/golden/deepseek_v2.py`).

#![expect(clippy::disallowed_methods, reason = "folders of the tests' own")]

use deepcoder_export::{ImportOptions, import};
use deepcoder_model::{Engine, EngineOptions, runtime};
use deepcoder_test_support::GgufWriter;
use deepcoder_types::{Cancel, Manifest};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One checkpoint with its logits.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) config: serde_json::Value,
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, String, f32)>,
    pub(crate) tokens: Vec<u32>,
    /// The columns of the logits that are kept.
    pub(crate) columns: Vec<usize>,
    pub(crate) logits: Vec<Vec<f32>>,
}

fn hashed(name: &str) -> impl Iterator<Item = u64> + use<> {
    let mut state =
        name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn number(bits: u64) -> f32 {
    bits as f32
}

/// The scales of 32 weights and their codes from 0 to 15, as in Q4_0.
pub(crate) fn blocks(name: &str, count: usize, size: f32) -> Vec<(f32, Vec<u8>)> {
    let codes: Vec<u8> = hashed(name).take(count).map(|h| (h >> 60).to_le_bytes()[0]).collect();
    let scales = hashed(&format!("{name}#scale")).map(|h| size * (1.0 + number(h >> 61) / 8.0));
    scales.zip(codes.chunks_exact(32).map(<[u8]>::to_vec)).collect()
}

/// The values of a tensor.
pub(crate) fn values(name: &str, count: usize, kind: &str, size: f32) -> Vec<f32> {
    if kind == "blocks" {
        let blocks = blocks(name, count, size).into_iter();
        return blocks.flat_map(|(s, codes)| codes.into_iter().map(move |c| (f32::from(c) - 8.0) * s)).collect();
    }
    let units = hashed(name).map(|h| number(h >> 40) / number(1 << 23) - 1.0);
    let offset = if kind == "norm" { 1.0 } else { 0.0 };
    units.take(count).map(|unit| rounded(unit * size + offset, kind == "bf16")).collect()
}

fn rounded(value: f32, bf16: bool) -> f32 {
    let bits = value.to_bits();
    let half = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000;
    if bf16 { f32::from_bits(half) } else { value }
}

fn bytes_of(values: &[f32], kind: &str) -> Vec<u8> {
    let bytes = values.iter().map(|v| v.to_le_bytes());
    if kind == "bf16" { bytes.flat_map(|b| [b[2], b[3]]).collect() } else { bytes.flatten().collect() }
}

/// Blocks of Q4_0, exactly: their scales have few bits.
fn q4_0(name: &str, count: usize, size: f32) -> Vec<u8> {
    let mut out = Vec::new();
    for (scale, codes) in blocks(name, count, size) {
        // A float of 16 bits: five of exponent, ten of mantissa.
        let bits = scale.to_bits();
        let half = (((bits >> 23) - 112) << 10) | ((bits >> 13) & 0x3FF);
        out.extend(u16::try_from(half).expect("a normal number").to_le_bytes());
        out.extend((0..16).map(|i| codes[i] | codes[i + 16] << 4));
    }
    out
}

/// GGUF's name of a tensor.
fn gguf_name(name: &str) -> String {
    let mut out = name.replace("model.layers.", "blk.");
    if let Some((before, after)) = out.split_once(".mlp.experts.") {
        let part = after.split_once('.').map_or(after, |(_, part)| part);
        out = format!("{before}.{}", part.replace("_proj", "_exps").replace("gate", "ffn_gate"));
        out = out.replace(".up_", ".ffn_up_").replace(".down_", ".ffn_down_");
        return out;
    }
    for (from, to) in [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_a_layernorm", "attn_q_a_norm"),
        ("self_attn.kv_a_layernorm", "attn_kv_a_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.q_a_proj", "attn_q_a"),
        ("self_attn.q_b_proj", "attn_q_b"),
        ("self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"),
        ("self_attn.kv_b_proj", "attn_kv_b"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate.weight", "ffn_gate_inp.weight"),
        ("mlp.shared_experts.gate_proj", "ffn_gate_shexp"),
        ("mlp.shared_experts.up_proj", "ffn_up_shexp"),
        ("mlp.shared_experts.down_proj", "ffn_down_shexp"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ] {
        out = out.replace(from, to);
    }
    out
}

impl Checkpoint {
    pub(crate) fn all() -> Vec<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/deepseek_v2.json");
        serde_json::from_slice(&std::fs::read(path).expect("the golden file is there")).expect("it is as described")
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::all().into_iter().find(|c| c.name == name).expect("there is a checkpoint of that name")
    }

    pub(crate) fn size(&self, key: &str) -> usize {
        usize::try_from(self.config[key].as_u64().unwrap_or(0)).expect("a small number")
    }

    pub(crate) fn values(&self, name: &str) -> Vec<f32> {
        let (shape, kind, size) = &self.tensors[name];
        values(name, shape.iter().product(), kind, *size)
    }

    /// Writes it as it is published: a configuration, a vocabulary, and two shards.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, json: &serde_json::Value| {
            std::fs::write(folder.join(name), serde_json::to_vec(json).unwrap()).unwrap();
        };
        write("config.json", &self.config);
        let alphabet = deepcoder_test_support::byte_alphabet();
        let vocabulary: serde_json::Map<_, _> = (0u32..).zip(alphabet).map(|(id, t)| (t, id.into())).collect();
        write(
            "tokenizer.json",
            &json!({
                "version": "1.0",
                "added_tokens": [],
                "pre_tokenizer": {
                    "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
                },
                "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true },
                "model": { "type": "BPE", "vocab": vocabulary, "merges": [] },
            }),
        );
        let mut map = serde_json::Map::new();
        // Neighbours in different shards, as it happens to experts of one layer.
        for shard in 0..2 {
            let file = format!("model-0000{}-of-00002.safetensors", shard + 1);
            let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
            for (name, (shape, kind, _)) in self.tensors.iter().skip(shard).step_by(2) {
                let start = data.len();
                data.extend(bytes_of(&self.values(name), kind));
                let dtype = if kind == "bf16" { "BF16" } else { "F32" };
                header.insert(
                    name.clone(),
                    json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, data.len()] }),
                );
                map.insert(name.clone(), file.clone().into());
            }
            let header = serde_json::to_vec(&header).unwrap();
            let bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
            std::fs::write(folder.join(file), bytes).unwrap();
        }
        write("model.safetensors.index.json", &json!({ "weight_map": map }));
    }

    /// The same as a GGUF file, with one matrix of keys and values or with one for each (`apart`).
    pub(crate) fn gguf(&self, apart: bool) -> GgufWriter {
        let mut file = GgufWriter::new();
        file.text("general.architecture", "deepseek2");
        let (nope, rope, value) =
            (self.size("qk_nope_head_dim"), self.size("qk_rope_head_dim"), self.size("v_head_dim"));
        let (heads, rank) = (self.size("num_attention_heads"), self.size("kv_lora_rank"));
        let is_grouped = self.config["topk_method"] == "group_limited_greedy";
        let mut set = |key: &str, value: usize| {
            file.unsigned(&format!("deepseek2.{key}"), u32::try_from(value).expect("a small number"));
        };
        for (key, name) in [
            ("block_count", "num_hidden_layers"),
            ("context_length", "max_position_embeddings"),
            ("embedding_length", "hidden_size"),
            ("feed_forward_length", "intermediate_size"),
            ("attention.head_count", "num_attention_heads"),
            ("attention.kv_lora_rank", "kv_lora_rank"),
            ("rope.dimension_count", "qk_rope_head_dim"),
            ("leading_dense_block_count", "first_k_dense_replace"),
            ("expert_count", "n_routed_experts"),
            ("expert_used_count", "num_experts_per_tok"),
            ("expert_shared_count", "n_shared_experts"),
            ("expert_feed_forward_length", "moe_intermediate_size"),
        ] {
            set(key, self.size(name));
        }
        if self.size("q_lora_rank") > 0 {
            set("attention.q_lora_rank", self.size("q_lora_rank"));
        }
        if is_grouped {
            set("expert_group_count", self.size("n_group"));
            set("expert_group_used_count", self.size("topk_group"));
        }
        if apart {
            set("attention.head_count_kv", 1);
            set("attention.key_length", rank + rope);
            set("attention.value_length", rank);
            set("attention.key_length_mla", nope + rope);
            set("attention.value_length_mla", value);
        } else {
            set("attention.head_count_kv", heads);
            set("attention.key_length", nope + rope);
            set("attention.value_length", value);
        }
        #[expect(clippy::cast_possible_truncation, reason = "GGUF has 32 bits")]
        let number = |value: &serde_json::Value| value.as_f64().unwrap_or(0.0) as f32;
        file.float("deepseek2.attention.layer_norm_rms_epsilon", number(&self.config["rms_norm_eps"]))
            .float("deepseek2.rope.freq_base", number(&self.config["rope_theta"]))
            .float("deepseek2.expert_weights_scale", number(&self.config["routed_scaling_factor"]))
            .boolean("deepseek2.expert_weights_norm", self.config["norm_topk_prob"] == true);
        let rope = &self.config["rope_scaling"];
        if rope.is_object() {
            file.text("deepseek2.rope.scaling.type", "yarn")
                .float("deepseek2.rope.scaling.factor", number(&rope["factor"]))
                .float("deepseek2.rope.scaling.yarn_log_multiplier", number(&rope["mscale_all_dim"]) * 0.1);
            let original = rope["original_max_position_embeddings"].as_u64().unwrap_or(0);
            file.unsigned(
                "deepseek2.rope.scaling.original_context_length",
                u32::try_from(original).expect("a small number"),
            );
        }
        file.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "qwen2");
        file.texts("tokenizer.ggml.tokens", &deepcoder_test_support::byte_alphabet());
        file.texts("tokenizer.ggml.merges", &[]).unsigned("tokenizer.ggml.eos_token_id", 1);
        file.boolean("tokenizer.ggml.add_bos_token", false);
        let mut tensors: BTreeMap<String, (Vec<usize>, u32, Vec<u8>)> = BTreeMap::new();
        let mut names: Vec<&String> = self.tensors.keys().collect();
        // Experts by number, not by name.
        names.sort_by_key(|name| (name.len(), *name));
        for name in names {
            let (shape, kind, size) = &self.tensors[name];
            let canonical = gguf_name(name);
            if apart && canonical.contains("attn_kv_b") {
                let all = self.values(name);
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                for head in all.chunks_exact((nope + value) * rank) {
                    let (k, v) = head.split_at(nope * rank);
                    keys.extend((0..rank).flat_map(|r| (0..nope).map(move |n| k[n * rank + r])));
                    values.extend_from_slice(v);
                }
                let name = |part| canonical.replace("attn_kv_b", part);
                tensors.insert(name("attn_k_b"), (vec![heads, rank, nope], 0, bytes_of(&keys, "f32")));
                tensors.insert(name("attn_v_b"), (vec![heads, value, rank], 0, bytes_of(&values, "f32")));
                continue;
            }
            let (number, bytes) = match kind.as_str() {
                "blocks" => (2, q4_0(name, shape.iter().product(), *size)),
                "bf16" => (30, bytes_of(&self.values(name), kind)),
                _ => (0, bytes_of(&self.values(name), kind)),
            };
            if canonical.contains("_exps.") {
                let all = tensors.entry(canonical).or_insert_with(|| (shape.clone(), number, Vec::new()));
                all.0 = vec![self.size("n_routed_experts"), shape[0], shape[1]];
                all.2.extend(bytes);
            } else {
                tensors.insert(canonical, (shape.clone(), number, bytes));
            }
        }
        for (name, (shape, kind, bytes)) in tensors {
            let shape: Vec<u64> = shape.iter().rev().map(|d| *d as u64).collect();
            file.tensor(&name, &shape, kind, bytes);
        }
        file
    }

    /// The largest difference of the engine's logits, with the tokens run in pieces.
    pub(crate) fn apart(&self, engine: &Engine, runs: &[usize]) -> f32 {
        let logits = engine.logits(&self.tokens, runs, &Cancel::new()).expect("it runs");
        let rows = logits.chunks_exact(self.size("vocab_size")).zip(&self.logits);
        rows.flat_map(|(row, wanted)| self.columns.iter().zip(wanted).map(|(c, w)| (row[*c] - w).abs()))
            .fold(0f32, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
    }
}

/// An imported model, removed when dropped.
pub(crate) struct Imported {
    dir: tempfile::TempDir,
    pub(crate) manifest: Manifest,
}

impl Imported {
    pub(crate) fn new(write: impl FnOnce(&Path) -> PathBuf, options: ImportOptions) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let source = write(dir.path());
        let options = ImportOptions { name: "tiny".into(), ..options };
        let manifest = import(&source, &dir.path().join("model"), &options, &mut |_| {}, &Cancel::new());
        Self { manifest: manifest.expect("it imports"), dir }
    }

    pub(crate) fn of(checkpoint: &Checkpoint, options: ImportOptions) -> Self {
        let write = |dir: &Path| {
            checkpoint.write(&dir.join("source"));
            dir.join("source")
        };
        Self::new(write, options)
    }

    pub(crate) fn of_gguf(file: &GgufWriter, options: ImportOptions) -> Self {
        let write = |dir: &Path| {
            std::fs::write(dir.join("tiny.gguf"), file.finish()).unwrap();
            dir.join("tiny.gguf")
        };
        Self::new(write, options)
    }

    pub(crate) fn engine(&self, options: &EngineOptions) -> Engine {
        runtime::init(&crate::setup::library()).expect("ONNX Runtime starts");
        Engine::load(&self.dir.path().join("model"), options).expect("it loads")
    }
}
