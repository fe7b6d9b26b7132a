//! DeepSeek-V2: attention over a latent of keys and values, and a mixture of experts.

use super::rope::{Yarn, frequencies};
use super::{Need, Spec, float, float32, unsigned};
use crate::error::ImportError;
use crate::gguf::Gguf;
use crate::tensor::TensorInfo;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The settings of DeepSeek-V2 beside those of any decoder. In a [`Spec`] with it, a head is `nope` elements and then
/// `rope` rotated ones, and there are as many key-value heads as heads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeepSeek {
    /// Rank of the queries' projection, where they have two.
    pub(crate) q_lora_rank: Option<u64>,
    /// Elements of the latent that keys and values are computed from.
    pub(crate) kv_lora_rank: u64,
    /// Elements of a head of queries and keys without position.
    pub(crate) nope: u64,
    /// Elements of a head of queries and keys that are rotated.
    pub(crate) rope: u64,
    /// Elements of a head of values.
    pub(crate) value: u64,
    /// The factor of the scores, YaRN's share included.
    pub(crate) scale: f64,
    /// The factor of cos and sin.
    pub(crate) cos_sin_scale: f64,
    /// Layers before the first with experts.
    pub(crate) first_dense: u64,
    pub(crate) moe: Moe,
}

/// The experts of a layer and how they are chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moe {
    pub(crate) experts: u64,
    /// Experts that every token goes through; stored as one of as many times the size.
    pub(crate) shared_experts: u64,
    /// Experts that a token is routed to.
    pub(crate) top_k: u64,
    /// Feed-forward size of one expert.
    pub(crate) intermediate: u64,
    /// Groups of experts, and how many of them a token's experts come from; all with `group_limited` false.
    pub(crate) groups: u64,
    pub(crate) top_groups: u64,
    pub(crate) group_limited: bool,
    /// The factor of the chosen experts' weights.
    pub(crate) routed_scale: f64,
    /// Whether the weights of the chosen are made to add up to 1 before that.
    pub(crate) normalise: bool,
}

/// The settings that both kinds of source have, before they are checked.
struct Raw {
    spec: Spec,
    base: f64,
    yarn: Option<Yarn>,
}

/// The settings in a GGUF's metadata.
pub(super) fn from_gguf(gguf: &Gguf) -> Result<Spec, ImportError> {
    let key = |name: &str| format!("deepseek2.{name}");
    let optional = |name: &str| gguf.unsigned(&key(name));
    let need = |name: &str| optional(name).ok_or_else(|| ImportError::missing(key(name)));
    if optional("expert_gating_func").is_some_and(|n| n > 1) {
        return Err(unsupported("routing with sigmoid scores, as in DeepSeek-V3"));
    }
    if optional("nextn_predict_layers").is_some_and(|n| n > 0) {
        return Err(unsupported("layers that predict further tokens, as in DeepSeek-V3"));
    }
    let rope = need("rope.dimension_count")?;
    // Files from before keys and values were kept apart have only the lengths without `_mla`.
    let length = |name: &str| match optional(&format!("{name}_mla")) {
        Some(n) => Ok(n),
        None => need(name),
    };
    let (head_dim, value) = (length("attention.key_length")?, length("attention.value_length")?);
    let groups = optional("expert_group_count").filter(|n| *n > 1);
    let number = |name: &str, default: f64| gguf.float(&key(name)).unwrap_or(default);
    let yarn = match gguf.text(&key("rope.scaling.type")) {
        None | Some("none") => None,
        Some("yarn") => {
            let factor = gguf.float(&key("rope.scaling.factor"));
            // The file holds a tenth of `mscale_all_dim`, and takes it that `mscale` is the same.
            let mscale = number("rope.scaling.yarn_log_multiplier", 0.0) * 10.0;
            Some(Yarn {
                factor: factor.ok_or_else(|| ImportError::missing(key("rope.scaling.factor")))?,
                original: whole(need("rope.scaling.original_context_length")?),
                fast: number("rope.scaling.yarn_beta_fast", 32.0),
                slow: number("rope.scaling.yarn_beta_slow", 1.0),
                mscale,
                mscale_all: mscale,
            })
        }
        Some(other) => return Err(ImportError::Unsupported(format!("rotary scaling `{other}`"))),
    };
    let deepseek = DeepSeek {
        q_lora_rank: optional("attention.q_lora_rank").filter(|n| *n > 0),
        kv_lora_rank: need("attention.kv_lora_rank")?,
        nope: head_dim.saturating_sub(rope),
        rope,
        value,
        scale: 0.0,
        cos_sin_scale: 0.0,
        first_dense: optional("leading_dense_block_count").unwrap_or(0),
        moe: Moe {
            experts: need("expert_count")?,
            shared_experts: optional("expert_shared_count").unwrap_or(0),
            top_k: need("expert_used_count")?,
            intermediate: need("expert_feed_forward_length")?,
            groups: groups.unwrap_or(1),
            top_groups: if groups.is_some() { need("expert_group_used_count")? } else { 1 },
            group_limited: groups.is_some(),
            // 0 is how a missing scale is written.
            routed_scale: Some(number("expert_weights_scale", 1.0)).filter(|s| *s != 0.0).unwrap_or(1.0),
            normalise: gguf.boolean(&key("expert_weights_norm")).unwrap_or(false),
        },
    };
    let heads = need("attention.head_count")?;
    let embedding = gguf.tensors.get("token_embd.weight");
    let epsilon = gguf.float(&key("attention.layer_norm_rms_epsilon"));
    let spec = Spec {
        architecture: "deepseek2".to_owned(),
        layers: need("block_count")?,
        hidden: need("embedding_length")?,
        heads,
        kv_heads: heads,
        head_dim,
        feed_forward: need("feed_forward_length")?,
        vocabulary: embedding.ok_or_else(|| ImportError::MissingTensor("token_embd.weight".to_owned()))?.rows(),
        context: need("context_length")?,
        epsilon: float32(epsilon.ok_or_else(|| ImportError::missing(key("attention.layer_norm_rms_epsilon")))?),
        rope: Vec::new(),
        interleaved: true,
        deepseek: Some(deepseek),
    };
    Raw { spec, base: number("rope.freq_base", 10000.0), yarn }.checked()
}

/// The settings in a `config.json`. `vocabulary` is the number of rows of the embedding.
pub(super) fn from_config(config: &Json, vocabulary: u64) -> Result<Spec, ImportError> {
    let need = |key: &str| unsigned(config, key)?.ok_or_else(|| ImportError::missing(key));
    refuse(config, "hidden_act", "silu", |v| v == "silu")?;
    refuse(config, "scoring_func", "softmax", |v| v == "softmax")?;
    refuse(config, "moe_layer_freq", "1", |v| v == 1)?;
    refuse(config, "attention_bias", "false", |v| v == false)?;
    refuse(config, "mlp_bias", "false", |v| v == false)?;
    refuse(config, "num_nextn_predict_layers", "0", |v| v == 0)?;
    if !config["quantization_config"].is_null() {
        return Err(unsupported("safetensors that are quantised; take those in bf16, f16 or f32, or a GGUF"));
    }
    let heads = need("num_attention_heads")?;
    if unsigned(config, "num_key_value_heads")?.is_some_and(|n| n != heads) {
        return Err(unsupported("fewer key-value heads than heads in this architecture"));
    }
    let group_limited = match &config["topk_method"] {
        Json::Null => false,
        Json::String(method) if method == "greedy" => false,
        Json::String(method) if method == "group_limited_greedy" => true,
        other => return Err(ImportError::Unsupported(format!("the choice of experts {other}"))),
    };
    let (nope, rope) = (need("qk_nope_head_dim")?, need("qk_rope_head_dim")?);
    let deepseek = DeepSeek {
        q_lora_rank: unsigned(config, "q_lora_rank")?,
        kv_lora_rank: need("kv_lora_rank")?,
        nope,
        rope,
        value: need("v_head_dim")?,
        scale: 0.0,
        cos_sin_scale: 0.0,
        first_dense: need("first_k_dense_replace")?,
        moe: Moe {
            experts: need("n_routed_experts")?,
            shared_experts: unsigned(config, "n_shared_experts")?.unwrap_or(0),
            top_k: need("num_experts_per_tok")?,
            intermediate: need("moe_intermediate_size")?,
            groups: if group_limited { need("n_group")? } else { 1 },
            top_groups: if group_limited { need("topk_group")? } else { 1 },
            group_limited,
            routed_scale: float(config, "routed_scaling_factor")?
                .ok_or_else(|| ImportError::missing("routed_scaling_factor"))?,
            normalise: match &config["norm_topk_prob"] {
                Json::Null => false,
                Json::Bool(yes) => *yes,
                other => return Err(ImportError::setting("norm_topk_prob", format!("is {other}, not true or false"))),
            },
        },
    };
    let (base, yarn) = scaling(config)?;
    let spec = Spec {
        architecture: "deepseek2".to_owned(),
        layers: need("num_hidden_layers")?,
        hidden: need("hidden_size")?,
        heads,
        kv_heads: heads,
        head_dim: nope.saturating_add(rope),
        feed_forward: need("intermediate_size")?,
        vocabulary,
        context: need("max_position_embeddings")?,
        epsilon: float32(float(config, "rms_norm_eps")?.ok_or_else(|| ImportError::missing("rms_norm_eps"))?),
        rope: Vec::new(),
        interleaved: true,
        deepseek: Some(deepseek),
    };
    Raw { spec, base, yarn }.checked()
}

/// The base of the angles, and how they are stretched. Newer files keep both in `rope_parameters`.
fn scaling(config: &Json) -> Result<(f64, Option<Yarn>), ImportError> {
    /// A key that is not known could change the result.
    const KNOWN: [&str; 11] = [
        "type",
        "rope_type",
        "rope_theta",
        "factor",
        "original_max_position_embeddings",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "attention_factor",
        "truncate",
    ];
    let found = ["rope_parameters", "rope_scaling"].into_iter().find(|k| !config[*k].is_null());
    let Some(name) = found else { return Ok((float(config, "rope_theta")?.unwrap_or(10000.0), None)) };
    let Some(rope) = config[name].as_object() else {
        return Err(ImportError::setting(name, "is neither null nor an object"));
    };
    if let Some(key) = rope.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(ImportError::setting(format!("{name}.{key}"), "is not known here"));
    }
    let rope = &config[name];
    refuse(rope, "truncate", "true", |v| v == true)?;
    let at = |key: &str| float(rope, key).map_err(|_| ImportError::setting(format!("{name}.{key}"), "is no number"));
    let need = |key: &str| at(key)?.ok_or_else(|| ImportError::missing(format!("{name}.{key}")));
    let base = float(config, "rope_theta")?.or(at("rope_theta")?).unwrap_or(10000.0);
    let yarn = match rope["rope_type"].as_str().or_else(|| rope["type"].as_str()) {
        Some("default") => None,
        Some("yarn") if !rope["attention_factor"].is_null() => {
            return Err(unsupported("`attention_factor` in this architecture"));
        }
        Some("yarn") => Some(Yarn {
            factor: need("factor")?,
            original: need("original_max_position_embeddings")?,
            fast: at("beta_fast")?.unwrap_or(32.0),
            slow: at("beta_slow")?.unwrap_or(1.0),
            mscale: at("mscale")?.unwrap_or(1.0),
            mscale_all: at("mscale_all_dim")?.unwrap_or(0.0),
        }),
        Some(other) => return Err(ImportError::Unsupported(format!("rotary scaling `{other}`"))),
        None => return Err(ImportError::missing(format!("{name}.rope_type"))),
    };
    Ok((base, yarn))
}

impl Raw {
    fn checked(self) -> Result<Spec, ImportError> {
        let Self { mut spec, base, yarn } = self;
        let Some(mut deepseek) = spec.deepseek.take() else { return spec.checked() };
        let moe = &mut deepseek.moe;
        let bounds = [
            ("rank of the queries", deepseek.q_lora_rank.unwrap_or(1), 1, 1 << 16),
            ("rank of keys and values", deepseek.kv_lora_rank, 1, 1 << 14),
            ("size of heads without position", deepseek.nope, 1, 4096),
            ("rotated size of heads", deepseek.rope, 2, 4096),
            ("size of values", deepseek.value, 1, 4096),
            ("experts", moe.experts, 1, 4096),
            ("shared experts", moe.shared_experts, 0, 64),
            ("experts of a token", moe.top_k, 1, moe.experts),
            ("feed-forward size of experts", moe.intermediate, 1, 1 << 18),
            ("groups of experts", moe.groups, 1, moe.experts),
            ("groups of a token", moe.top_groups, 1, moe.groups),
            ("layers before the experts", deepseek.first_dense, 0, spec.layers),
        ];
        for (name, value, least, most) in bounds {
            if value < least || value > most {
                return Err(ImportError::setting(name, format!("is {value}, not between {least} and {most}")));
            }
        }
        if !moe.experts.is_multiple_of(moe.groups) {
            return Err(ImportError::setting("experts", "is not a multiple of their groups"));
        }
        if moe.experts / moe.groups * moe.top_groups < moe.top_k {
            return Err(ImportError::setting("experts of a token", "are more than its groups have"));
        }
        if !(moe.routed_scale.is_finite() && moe.routed_scale > 0.0) {
            return Err(ImportError::setting("scale of the experts' weights", "is out of range"));
        }
        // DeepSeek's own code scales only weights that it has not normalised.
        if moe.normalise && moe.top_k > 1 {
            moe.routed_scale = 1.0;
        }
        moe.normalise &= moe.top_k > 1;
        if moe.groups == 1 {
            moe.group_limited = false;
        }
        if !deepseek.rope.is_multiple_of(2) {
            return Err(ImportError::setting("rotated size of heads", "is odd"));
        }
        let plain = frequencies(deepseek.rope, base, 1.0, None)?;
        (spec.rope, deepseek.cos_sin_scale, deepseek.scale) = match yarn {
            None => (plain, 1.0, 1.0),
            Some(yarn) => (yarn.stretch(plain, base)?, yarn.on_angles(), yarn.on_scores()),
        };
        deepseek.scale /= whole(spec.head_dim).sqrt();
        spec.deepseek = Some(deepseek);
        spec.checked()
    }
}

/// The tensors of layer `layer`. Keys and values come from one matrix, or from one each.
pub(super) fn layer_tensors(
    spec: &Spec,
    deepseek: &DeepSeek,
    layer: u64,
    tensors: &BTreeMap<String, TensorInfo>,
) -> Vec<Need> {
    let DeepSeek { kv_lora_rank: rank, nope, rope, value, moe, .. } = deepseek;
    let (heads, hidden) = (spec.heads, spec.hidden);
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let mut out = Vec::new();
    let mut add = |part: &str, shape: &[u64]| out.push((name(part), shape.to_vec(), false));
    add("attn_norm", &[hidden]);
    add("ffn_norm", &[hidden]);
    match deepseek.q_lora_rank {
        None => add("attn_q", &[heads * spec.head_dim, hidden]),
        Some(q) => {
            add("attn_q_a", &[q, hidden]);
            add("attn_q_a_norm", &[q]);
            add("attn_q_b", &[heads * spec.head_dim, q]);
        }
    }
    add("attn_kv_a_mqa", &[rank + rope, hidden]);
    add("attn_kv_a_norm", &[*rank]);
    if tensors.contains_key(&name("attn_k_b")) {
        add("attn_k_b", &[heads, *rank, *nope]);
        add("attn_v_b", &[heads, *value, *rank]);
    } else {
        add("attn_kv_b", &[heads * (nope + value), *rank]);
    }
    add("attn_output", &[hidden, heads * value]);
    if layer < deepseek.first_dense {
        add("ffn_gate", &[spec.feed_forward, hidden]);
        add("ffn_up", &[spec.feed_forward, hidden]);
        add("ffn_down", &[hidden, spec.feed_forward]);
        return out;
    }
    add("ffn_gate_inp", &[moe.experts, hidden]);
    add("ffn_gate_exps", &[moe.experts, moe.intermediate, hidden]);
    add("ffn_up_exps", &[moe.experts, moe.intermediate, hidden]);
    add("ffn_down_exps", &[moe.experts, hidden, moe.intermediate]);
    if moe.shared_experts > 0 {
        let shared = moe.shared_experts * moe.intermediate;
        add("ffn_gate_shexp", &[shared, hidden]);
        add("ffn_up_shexp", &[shared, hidden]);
        add("ffn_down_shexp", &[hidden, shared]);
    }
    out
}

/// Names what belongs to a later model of the family, and what is stored in a way that is not read.
pub(super) fn check_tensors(tensors: &BTreeMap<String, TensorInfo>) -> Result<(), ImportError> {
    for (name, info) in tensors {
        if name.contains("exp_probs_b") || name.ends_with("e_score_correction_bias") {
            return Err(unsupported("routing with a correction bias, as in DeepSeek-V3"));
        }
        if name.contains(".nextn.") || name.contains("eh_proj") {
            return Err(unsupported("layers that predict further tokens, as in DeepSeek-V3"));
        }
        if name.ends_with(".ffn_gate_inp.weight") && !info.kind.is_float() {
            return Err(ImportError::Unsupported(format!("the quantised router `{name}`")));
        }
    }
    Ok(())
}

fn unsupported(what: &str) -> ImportError {
    ImportError::Unsupported(what.to_owned())
}

/// A setting that has only one value here, if it is there.
fn refuse(config: &Json, key: &str, wanted: &str, right: impl Fn(&Json) -> bool) -> Result<(), ImportError> {
    match &config[key] {
        Json::Null => Ok(()),
        value if right(value) => Ok(()),
        value => Err(ImportError::Unsupported(format!("`{key}` {value} (only {wanted} is)"))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of elements and tokens")]
fn whole(value: u64) -> f64 {
    value as f64
}
