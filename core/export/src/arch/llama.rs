//! Llama and Qwen2: grouped-query attention and one feed-forward network a layer.

use super::rope::{frequencies, llama3};
use super::{Need, Spec, float, float32, unsigned};
use crate::error::ImportError;
use crate::gguf::Gguf;
use serde_json::Value as Json;

/// The settings in a GGUF's metadata. `factors` are the divisors of `rope_freqs.weight`.
pub(super) fn from_gguf(gguf: &Gguf, factors: Option<&[f32]>) -> Result<Spec, ImportError> {
    let architecture = gguf.text("general.architecture").ok_or_else(|| ImportError::missing("general.architecture"))?;
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
        deepseek: None,
    }
    .checked()
}

/// The settings in a `config.json`. `vocabulary` is the number of rows of the embedding.
pub(super) fn from_config(config: &Json, vocabulary: u64) -> Result<Spec, ImportError> {
    let architecture = config["model_type"].as_str().ok_or_else(|| ImportError::missing("model_type"))?;
    let need = |key: &str| config[key].as_u64().ok_or_else(|| ImportError::missing(key));
    if config["use_sliding_window"].as_bool() == Some(true) {
        return Err(ImportError::Unsupported("sliding-window attention".to_owned()));
    }
    if config["hidden_act"].as_str().is_some_and(|act| act != "silu") {
        return Err(ImportError::Unsupported(format!("the activation {}", config["hidden_act"])));
    }
    let (hidden, heads) = (need("hidden_size")?, need("num_attention_heads")?);
    let head_dim = unsigned(config, "head_dim")?.or(hidden.checked_div(heads)).unwrap_or(0);
    // Newer files keep everything in `rope_parameters`.
    let rope = ["rope_parameters", "rope_scaling"].iter().map(|k| &config[*k]).find(|v| v.is_object());
    let inner = |key: &str| rope.map_or(Ok(None), |rope| float(rope, key));
    let base = float(config, "rope_theta")?.or(inner("rope_theta")?).unwrap_or(10000.0);
    let kind = rope.and_then(|r| r["rope_type"].as_str().or_else(|| r["type"].as_str())).unwrap_or("default");
    let number = |key: &str| inner(key)?.ok_or_else(|| ImportError::missing(format!("rope_scaling.{key}")));
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
        kv_heads: unsigned(config, "num_key_value_heads")?.unwrap_or(heads),
        head_dim,
        feed_forward: need("intermediate_size")?,
        vocabulary,
        context: need("max_position_embeddings")?,
        epsilon: float32(float(config, "rms_norm_eps")?.ok_or_else(|| ImportError::missing("rms_norm_eps"))?),
        rope,
        interleaved: false,
        architecture: architecture.to_owned(),
        deepseek: None,
    }
    .checked()
}

/// The tensors of layer `layer`.
pub(super) fn layer_tensors(spec: &Spec, layer: u64) -> Vec<Need> {
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
