//! The parts of a model: the settings of the supported architectures, and the tensors they need.

pub(crate) mod deepseek;
mod llama;
mod rope;

pub(crate) use deepseek::DeepSeek;

use crate::error::ImportError;
use crate::gguf::{Gguf, Value};
use crate::tensor::TensorInfo;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The settings of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    pub(crate) architecture: String,
    pub(crate) layers: u64,
    pub(crate) hidden: u64,
    pub(crate) heads: u64,
    pub(crate) kv_heads: u64,
    pub(crate) head_dim: u64,
    pub(crate) feed_forward: u64,
    pub(crate) vocabulary: u64,
    pub(crate) context: u64,
    pub(crate) epsilon: f32,
    /// Angle per position of each pair of a head's rotated elements.
    pub(crate) rope: Vec<f64>,
    /// Pairs are neighbours (as GGUF permutes Llama's heads), not half a head apart.
    pub(crate) interleaved: bool,
    /// The settings that only DeepSeek-V2 has.
    pub(crate) deepseek: Option<DeepSeek>,
}

/// A tensor: its name, its shape, and whether it may be missing.
type Need = (String, Vec<u64>, bool);

/// Bounds that no real model reaches and that keep every product below within 64 bits.
const MOST: [(&str, u64); 8] = [
    ("layers", 1024),
    ("hidden size", 1 << 17),
    ("heads", 4096),
    ("key-value heads", 4096),
    ("head size", 4096),
    ("feed-forward size", 1 << 20),
    ("vocabulary", 1 << 22),
    ("context length", 1 << 21),
];

impl Spec {
    fn checked(self) -> Result<Self, ImportError> {
        let values = [
            self.layers,
            self.hidden,
            self.heads,
            self.kv_heads,
            self.head_dim,
            self.feed_forward,
            self.vocabulary,
            self.context,
        ];
        for ((name, most), value) in MOST.into_iter().zip(values) {
            if value == 0 || value > most {
                return Err(ImportError::setting(name, format!("is {value}, not between 1 and {most}")));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(ImportError::setting("heads", "is not a multiple of the key-value heads"));
        }
        let rotated = self.deepseek.as_ref().map_or(self.head_dim, |d| d.rope);
        if !rotated.is_multiple_of(2) || self.rope.len() as u64 * 2 != rotated {
            return Err(ImportError::Unsupported("rotary embedding of only a part of each head".to_owned()));
        }
        let angles = self.rope.iter().all(|f| f.is_finite() && *f > 0.0);
        if !(self.epsilon > 0.0 && self.epsilon < 1.0 && angles) {
            return Err(ImportError::setting("normalisation or rotary settings", "are out of range"));
        }
        Ok(self)
    }
}

/// A type of value in words, a test for it, and the settings that have it.
type Typed = (&'static str, fn(&Value) -> bool, &'static [&'static str]);

/// Settings of a GGUF file by the type of their values, as far as they have defaults: one of another type would be taken
/// for one that is missing.
const TYPED: [Typed; 4] = [
    (
        "a finite number",
        |value| matches!(value, Value::Float(x) if x.is_finite()),
        &[
            "rope.freq_base",
            "rope.scaling.factor",
            "rope.scale_linear",
            "rope.scaling.yarn_log_multiplier",
            "rope.scaling.yarn_beta_fast",
            "rope.scaling.yarn_beta_slow",
            "attention.layer_norm_rms_epsilon",
            "expert_weights_scale",
        ],
    ),
    (
        "a count",
        |value| matches!(value, Value::Unsigned(_) | Value::Signed(0..)),
        &[
            "attention.head_count_kv",
            "attention.key_length",
            "attention.value_length",
            "attention.q_lora_rank",
            "rope.dimension_count",
            "expert_count",
            "expert_shared_count",
            "expert_group_count",
            "expert_gating_func",
            "leading_dense_block_count",
            "nextn_predict_layers",
        ],
    ),
    ("text", |value| matches!(value, Value::Text(_)), &["rope.scaling.type"]),
    ("true or false", |value| matches!(value, Value::Bool(_)), &["expert_weights_norm"]),
];

fn check_types(gguf: &Gguf, architecture: &str) -> Result<(), ImportError> {
    for (what, fits, names) in TYPED {
        for key in names.iter().map(|name| format!("{architecture}.{name}")) {
            if gguf.metadata.get(&key).is_some_and(|value| !fits(value)) {
                return Err(ImportError::setting(key, format!("is not {what}")));
            }
        }
    }
    Ok(())
}

/// The settings in a GGUF's metadata. `factors` are the divisors of `rope_freqs.weight`.
pub(crate) fn from_gguf(gguf: &Gguf, factors: Option<&[f32]>) -> Result<Spec, ImportError> {
    check_types(gguf, gguf.text("general.architecture").unwrap_or_default())?;
    match gguf.text("general.architecture") {
        Some("qwen2" | "llama") => llama::from_gguf(gguf, factors),
        Some("deepseek2") => deepseek::from_gguf(gguf),
        Some(other) => Err(ImportError::Architecture(other.to_owned())),
        None => Err(ImportError::missing("general.architecture")),
    }
}

/// The settings in a `config.json`. `vocabulary` is the number of rows of the embedding.
pub(crate) fn from_config(config: &Json, vocabulary: u64) -> Result<Spec, ImportError> {
    match config["model_type"].as_str() {
        Some("qwen2" | "llama") => llama::from_config(config, vocabulary),
        Some("deepseek_v2") => deepseek::from_config(config, vocabulary),
        Some(other) => Err(ImportError::Architecture(other.to_owned())),
        None => Err(ImportError::missing("model_type")),
    }
}

pub(super) fn unsigned(config: &Json, key: &str) -> Result<Option<u64>, ImportError> {
    match &config[key] {
        Json::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or_else(|| ImportError::setting(key, format!("is {value}, not a count"))),
    }
}

pub(super) fn float(config: &Json, key: &str) -> Result<Option<f64>, ImportError> {
    match &config[key] {
        Json::Null => Ok(None),
        value => value.as_f64().map(Some).ok_or_else(|| ImportError::setting(key, format!("is {value}, not a number"))),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the kernels compute in 32 bits")]
fn float32(value: f64) -> f32 {
    value as f32
}

/// Checks that every tensor that is needed is there with the right shape, and that there is none besides.
pub(crate) fn check_tensors(spec: &Spec, tensors: &BTreeMap<String, TensorInfo>) -> Result<(), ImportError> {
    let mut known = BTreeSet::new();
    let outer = [
        ("token_embd.weight".to_owned(), vec![spec.vocabulary, spec.hidden], false),
        ("output_norm.weight".to_owned(), vec![spec.hidden], false),
        ("output.weight".to_owned(), vec![spec.vocabulary, spec.hidden], true),
        ("output.bias".to_owned(), vec![spec.vocabulary], true),
    ];
    let layer = |i| match &spec.deepseek {
        None => llama::layer_tensors(spec, i),
        Some(deepseek) => deepseek::layer_tensors(spec, deepseek, i, tensors),
    };
    if spec.deepseek.is_some() {
        deepseek::check_tensors(tensors)?;
    }
    for (name, shape, optional) in outer.into_iter().chain((0..spec.layers).flat_map(layer)) {
        match tensors.get(&name) {
            None if optional => {}
            None => return Err(ImportError::MissingTensor(name)),
            Some(info) if info.shape != shape => {
                return Err(ImportError::Shape { name, found: info.shape.clone(), expected: shape });
            }
            Some(info) if shape.len() == 1 && !info.kind.is_float() => {
                return Err(ImportError::Unsupported(format!("the quantised vector `{name}`")));
            }
            Some(_) => drop(known.insert(name)),
        }
    }
    match tensors.keys().find(|name| !known.contains(*name)) {
        Some(name) => Err(ImportError::UnknownTensor(name.clone())),
        None => Ok(()),
    }
}
