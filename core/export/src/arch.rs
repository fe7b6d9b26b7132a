//! What a model is made of: the settings of the supported architectures, and the tensors they need.

use crate::error::ImportError;
use crate::gguf::Gguf;
use crate::tensor::TensorInfo;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The settings of a decoder of the Llama family.
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
    /// Angle per position of each pair of a head's elements.
    pub(crate) rope: Vec<f64>,
    /// Pairs are neighbours (as GGUF permutes Llama's heads), not half a head apart.
    pub(crate) interleaved: bool,
}

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
        if !self.head_dim.is_multiple_of(2) || self.rope.len() as u64 * 2 != self.head_dim {
            return Err(ImportError::Unsupported("rotary embedding of only a part of each head".to_owned()));
        }
        let angles = self.rope.iter().all(|f| f.is_finite() && *f > 0.0);
        if !(self.epsilon > 0.0 && self.epsilon < 1.0 && angles) {
            return Err(ImportError::setting("normalisation or rotary settings", "are out of range"));
        }
        Ok(self)
    }
}

fn supported(architecture: &str) -> Result<(), ImportError> {
    match architecture {
        "qwen2" | "llama" => Ok(()),
        other => Err(ImportError::Architecture(other.to_owned())),
    }
}

/// The settings in a GGUF's metadata. `factors` are the divisors of `rope_freqs.weight`.
pub(crate) fn from_gguf(gguf: &Gguf, factors: Option<&[f32]>) -> Result<Spec, ImportError> {
    let architecture = gguf.text("general.architecture").ok_or_else(|| ImportError::missing("general.architecture"))?;
    supported(architecture)?;
    let key = |name: &str| format!("{architecture}.{name}");
    let need = |name: &str| gguf.unsigned(&key(name)).ok_or_else(|| ImportError::missing(key(name)));
    if gguf.unsigned(&key("expert_count")).is_some_and(|n| n > 0) {
        return Err(ImportError::Unsupported("mixture of experts in this architecture".to_owned()));
    }
    let (hidden, heads) = (need("embedding_length")?, need("attention.head_count")?);
    let head_dim = match gguf.unsigned(&key("attention.key_length")) {
        Some(n) => n,
        None => hidden.checked_div(heads).unwrap_or(0),
    };
    if gguf.unsigned(&key("attention.value_length")).is_some_and(|n| n != head_dim)
        || gguf.unsigned(&key("rope.dimension_count")).is_some_and(|n| n != head_dim)
    {
        return Err(ImportError::Unsupported("keys, values and rotary embedding of different sizes".to_owned()));
    }
    let base = gguf.float(&key("rope.freq_base")).unwrap_or(10000.0);
    let scale = match gguf.text(&key("rope.scaling.type")) {
        None | Some("none") => 1.0,
        Some("linear") => gguf.float(&key("rope.scaling.factor")).unwrap_or(1.0),
        Some(other) => return Err(ImportError::Unsupported(format!("rotary scaling `{other}`"))),
    };
    // Before `rope.scaling.type` there was only this.
    let scale = gguf.float(&key("rope.scale_linear")).unwrap_or(scale);
    let embedding = gguf.tensors.get("token_embd.weight");
    Spec {
        layers: need("block_count")?,
        hidden,
        heads,
        kv_heads: gguf.unsigned(&key("attention.head_count_kv")).unwrap_or(heads),
        head_dim,
        feed_forward: need("feed_forward_length")?,
        vocabulary: embedding.ok_or_else(|| ImportError::MissingTensor("token_embd.weight".to_owned()))?.rows(),
        context: need("context_length")?,
        epsilon: float32(
            gguf.float(&key("attention.layer_norm_rms_epsilon"))
                .ok_or_else(|| ImportError::missing(key("attention.layer_norm_rms_epsilon")))?,
        ),
        rope: frequencies(head_dim, base, scale, factors)?,
        interleaved: architecture == "llama",
        architecture: architecture.to_owned(),
    }
    .checked()
}

/// The settings in a `config.json`. `vocabulary` is the number of rows of the embedding.
pub(crate) fn from_config(config: &Json, vocabulary: u64) -> Result<Spec, ImportError> {
    let architecture = config["model_type"].as_str().ok_or_else(|| ImportError::missing("model_type"))?;
    supported(architecture)?;
    let need = |key: &str| config[key].as_u64().ok_or_else(|| ImportError::missing(key));
    if config["use_sliding_window"].as_bool() == Some(true) {
        return Err(ImportError::Unsupported("sliding-window attention".to_owned()));
    }
    if config["hidden_act"].as_str().is_some_and(|act| act != "silu") {
        return Err(ImportError::Unsupported(format!("the activation {}", config["hidden_act"])));
    }
    let (hidden, heads) = (need("hidden_size")?, need("num_attention_heads")?);
    let head_dim = config["head_dim"].as_u64().or(hidden.checked_div(heads)).unwrap_or(0);
    // Newer files keep everything in `rope_parameters`.
    let rope = ["rope_parameters", "rope_scaling"].iter().map(|k| &config[*k]).find(|v| v.is_object());
    let base = config["rope_theta"].as_f64().or_else(|| rope?["rope_theta"].as_f64()).unwrap_or(10000.0);
    let kind = rope.and_then(|r| r["rope_type"].as_str().or_else(|| r["type"].as_str())).unwrap_or("default");
    let number = |key: &str| {
        rope.and_then(|r| r[key].as_f64()).ok_or_else(|| ImportError::missing(format!("rope_scaling.{key}")))
    };
    let rope = match kind {
        "default" => frequencies(head_dim, base, 1.0, None)?,
        "linear" => frequencies(head_dim, base, number("factor")?, None)?,
        "llama3" => {
            let plain = frequencies(head_dim, base, 1.0, None)?;
            llama3(
                plain,
                number("factor")?,
                number("low_freq_factor")?,
                number("high_freq_factor")?,
                number("original_max_position_embeddings")?,
            )
        }
        other => return Err(ImportError::Unsupported(format!("rotary scaling `{other}`"))),
    };
    Spec {
        layers: need("num_hidden_layers")?,
        hidden,
        heads,
        kv_heads: config["num_key_value_heads"].as_u64().unwrap_or(heads),
        head_dim,
        feed_forward: need("intermediate_size")?,
        vocabulary,
        context: need("max_position_embeddings")?,
        epsilon: float32(config["rms_norm_eps"].as_f64().ok_or_else(|| ImportError::missing("rms_norm_eps"))?),
        rope,
        interleaved: false,
        architecture: architecture.to_owned(),
    }
    .checked()
}

#[expect(clippy::cast_possible_truncation, reason = "the kernels compute in 32 bits")]
fn float32(value: f64) -> f32 {
    value as f32
}

fn frequencies(head_dim: u64, base: f64, scale: f64, factors: Option<&[f32]>) -> Result<Vec<f64>, ImportError> {
    let pairs = u32::try_from(head_dim.min(4096) / 2).unwrap_or(0);
    if factors.is_some_and(|f| f.len() != pairs as usize) {
        return Err(ImportError::setting("rope_freqs.weight", "has not half a head's elements"));
    }
    Ok((0..pairs)
        .map(|i| {
            let factor = factors.and_then(|f| f.get(i as usize)).map_or(1.0, |f| f64::from(*f));
            base.powf(-f64::from(i) / f64::from(pairs)) / scale / factor
        })
        .collect())
}

/// Llama 3.1's scaling: long waves are stretched by `factor`, short ones not, those between in part.
fn llama3(plain: Vec<f64>, factor: f64, low: f64, high: f64, original: f64) -> Vec<f64> {
    let stretch = |frequency: f64| {
        let wave = 2.0 * std::f64::consts::PI / frequency;
        if wave < original / high {
            frequency
        } else if wave > original / low {
            frequency / factor
        } else {
            let smooth = (original / wave - low) / (high - low);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    };
    plain.into_iter().map(stretch).collect()
}

/// Names of the tensors of layer `layer`, with their shapes, and whether each may be missing.
fn layer_tensors(spec: &Spec, layer: u64) -> Vec<(String, Vec<u64>, bool)> {
    let (q, kv) = (spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim);
    let matrices = [
        ("attn_q", q, spec.hidden),
        ("attn_k", kv, spec.hidden),
        ("attn_v", kv, spec.hidden),
        ("attn_output", spec.hidden, q),
        ("ffn_gate", spec.feed_forward, spec.hidden),
        ("ffn_up", spec.feed_forward, spec.hidden),
        ("ffn_down", spec.hidden, spec.feed_forward),
    ];
    let mut out = Vec::new();
    for norm in ["attn_norm", "ffn_norm"] {
        out.push((format!("blk.{layer}.{norm}.weight"), vec![spec.hidden], false));
    }
    for (name, rows, columns) in matrices {
        out.push((format!("blk.{layer}.{name}.weight"), vec![rows, columns], false));
        out.push((format!("blk.{layer}.{name}.bias"), vec![rows], true));
    }
    out
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
    for (name, shape, optional) in outer.into_iter().chain((0..spec.layers).flat_map(|i| layer_tensors(spec, i))) {
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
