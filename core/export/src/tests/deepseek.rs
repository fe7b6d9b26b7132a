//! That the settings of DeepSeek-V2 are understood as its makers meant them, from both kinds of source.

use crate::arch::{self, Spec, deepseek::Moe};
use crate::gguf::{Gguf, Value};
use crate::{ImportError, TensorInfo, TensorType};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The settings of DeepSeek-Coder-V2-Lite, as published.
pub(super) fn lite() -> Json {
    json!({
        "architectures": ["DeepseekV2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "aux_loss_alpha": 0.001, "bos_token_id": 100_000, "eos_token_id": 100_001, "first_k_dense_replace": 1,
        "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 10944, "kv_lora_rank": 512,
        "max_position_embeddings": 163_840, "model_type": "deepseek_v2", "moe_intermediate_size": 1408,
        "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2, "norm_topk_prob": false,
        "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
        "q_lora_rank": null, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-6,
        "rope_scaling": { "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
            "original_max_position_embeddings": 4096, "type": "yarn" },
        "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": true,
        "tie_word_embeddings": false, "topk_group": 1, "topk_method": "greedy", "torch_dtype": "bfloat16",
        "use_cache": true, "v_head_dim": 128, "vocab_size": 102_400
    })
}

fn with(config: &Json, changes: &[(&str, Json)]) -> Json {
    let mut config = config.clone();
    for (key, value) in changes {
        config[*key] = value.clone();
    }
    config
}

/// The settings of the model with 236B weights.
fn large() -> Json {
    let mut config = with(
        &lite(),
        &[
            ("hidden_size", json!(5120)),
            ("intermediate_size", json!(12288)),
            ("moe_intermediate_size", json!(1536)),
            ("n_group", json!(8)),
            ("n_routed_experts", json!(160)),
            ("num_attention_heads", json!(128)),
            ("num_hidden_layers", json!(60)),
            ("num_key_value_heads", json!(128)),
            ("q_lora_rank", json!(1536)),
            ("routed_scaling_factor", json!(16.0)),
            ("topk_group", json!(3)),
            ("topk_method", json!("group_limited_greedy")),
        ],
    );
    config["rope_scaling"]["mscale"] = json!(1.0);
    config["rope_scaling"]["mscale_all_dim"] = json!(1.0);
    config
}

fn read(config: &Json) -> Result<Spec, ImportError> {
    arch::from_config(config, 102_400)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

/// Protects every number that the model computes: the settings of the published models, YaRN's angles among them, are
/// what DeepSeek's own code makes of them.
#[test]
fn published_settings_are_understood() {
    let spec = read(&lite()).unwrap();
    assert_eq!((spec.layers, spec.hidden, spec.heads, spec.kv_heads, spec.head_dim), (27, 2048, 16, 16, 192));
    assert_eq!((spec.feed_forward, spec.context, spec.interleaved), (10944, 163_840, true));
    let own = spec.deepseek.as_ref().unwrap();
    assert_eq!((own.q_lora_rank, own.kv_lora_rank, own.nope, own.rope, own.value), (None, 512, 128, 64, 128));
    assert!(close(own.scale, 0.114_721_386_792_926_1) && own.cos_sin_scale == 1.0, "{own:?}");
    let moe = Moe {
        experts: 64,
        shared_experts: 2,
        top_k: 6,
        intermediate: 1408,
        groups: 1,
        top_groups: 1,
        group_limited: false,
        routed_scale: 1.0,
        normalise: false,
    };
    assert_eq!((own.first_dense, &own.moe), (1, &moe));
    // Pairs that are not stretched, in part, and whole.
    let angles = [
        (1, 0.749_894_209_332_455_9),
        (10, 0.056_234_132_519_034_905),
        (11, 0.039_006_926_567_143_86),
        (16, 0.0055),
        (22, 0.000_177_827_941_003_892_3),
        (31, 3.333_803_580_408_31e-6),
    ];
    assert!(spec.rope.len() == 32 && angles.iter().all(|(i, f)| close(spec.rope[*i], *f)), "{:?}", spec.rope);

    let spec = read(&large()).unwrap();
    let own = spec.deepseek.unwrap();
    assert!(close(own.scale, 0.135_233_778_860_880_1) && own.cos_sin_scale == 1.0, "{own:?}");
    assert_eq!((own.q_lora_rank, own.moe.routed_scale), (Some(1536), 16.0));
    assert_eq!((own.moe.group_limited, own.moe.groups, own.moe.top_groups), (true, 8, 3));
}

/// Protects models that are saved anew: `rope_parameters` holds the same as `rope_theta` and `rope_scaling`.
#[test]
fn newer_files_mean_the_same() {
    let mut config = lite();
    let mut rope = config["rope_scaling"].take();
    rope["rope_type"] = rope["type"].take();
    rope.as_object_mut().unwrap().remove("type");
    rope["rope_theta"] = config["rope_theta"].take();
    config["rope_parameters"] = rope;
    assert_eq!(read(&config).unwrap(), read(&lite()).unwrap());
    let plain = with(&lite(), &[("rope_scaling", Json::Null)]);
    let spec = read(&plain).unwrap();
    assert!(close(spec.deepseek.unwrap().scale, 192f64.powf(-0.5)) && close(spec.rope[16], 0.01));
    let normal = read(&with(&large(), &[("norm_topk_prob", json!(true))])).unwrap().deepseek.unwrap().moe;
    assert_eq!((normal.normalise, normal.routed_scale), (true, 1.0), "DeepSeek scales only what is not normalised");
}

/// Protects users from another model than they asked for: what is missing, unknown or impossible is named.
#[test]
fn wrong_settings_are_named() {
    for key in [
        "first_k_dense_replace",
        "hidden_size",
        "intermediate_size",
        "kv_lora_rank",
        "max_position_embeddings",
        "moe_intermediate_size",
        "n_routed_experts",
        "num_attention_heads",
        "num_experts_per_tok",
        "num_hidden_layers",
        "qk_nope_head_dim",
        "qk_rope_head_dim",
        "rms_norm_eps",
        "routed_scaling_factor",
        "v_head_dim",
        "model_type",
    ] {
        let mut config = lite();
        config.as_object_mut().unwrap().remove(key);
        assert_eq!(read(&config).unwrap_err().to_string(), format!("the setting `{key}` is missing"));
    }
    for (key, value, message) in [
        ("model_type", json!("deepseek_v3"), "the architecture `deepseek_v3` is not supported"),
        ("hidden_size", json!("2048"), "the setting `hidden_size` is \"2048\", not a count"),
        ("num_hidden_layers", json!(2000), "the setting `layers` is 2000, not between 1 and 1024"),
        ("scoring_func", json!("sigmoid"), "not supported: `scoring_func` \"sigmoid\" (only softmax is)"),
        ("topk_method", json!("noaux_tc"), "not supported: the choice of experts \"noaux_tc\""),
        ("moe_layer_freq", json!(2), "not supported: `moe_layer_freq` 2 (only 1 is)"),
        ("attention_bias", json!(true), "not supported: `attention_bias` true (only false is)"),
        ("num_experts_per_tok", json!(65), "the setting `experts of a token` is 65, not between 1 and 64"),
        ("n_routed_experts", json!(1_u64 << 40), "the setting `experts` is 1099511627776, not between 1 and 4096"),
        ("routed_scaling_factor", json!(-1.0), "the setting `scale of the experts' weights` is out of range"),
        ("norm_topk_prob", json!(1), "the setting `norm_topk_prob` is 1, not true or false"),
        ("rope_scaling", json!(4), "the setting `rope_scaling` is neither null nor an object"),
        ("rope_scaling", json!({ "type": "dynamic" }), "not supported: rotary scaling `dynamic`"),
        ("rope_scaling", json!({ "type": "yarn" }), "the setting `rope_scaling.factor` is missing"),
        ("rope_scaling", json!({ "type": "yarn", "ramp": 1 }), "the setting `rope_scaling.ramp` is not known here"),
        (
            "quantization_config",
            json!({ "quant_method": "fp8" }),
            "not supported: safetensors that are quantised; take those in bf16, f16 or f32, or a GGUF",
        ),
    ] {
        assert_eq!(read(&with(&lite(), &[(key, value)])).unwrap_err().to_string(), message);
    }
    let groups = read(&with(&large(), &[("n_group", json!(7))])).unwrap_err();
    assert_eq!(groups.to_string(), "the setting `experts` is not a multiple of their groups");
}

/// The metadata that converters write for Lite, with the heads' sizes of the older or the newer layout.
fn metadata(newer: bool) -> Gguf {
    let mut metadata = BTreeMap::new();
    let mut set = |key: &str, value| drop(metadata.insert(format!("deepseek2.{key}"), value));
    for (key, value) in [
        ("block_count", 27),
        ("context_length", 163_840),
        ("embedding_length", 2048),
        ("feed_forward_length", 10944),
        ("attention.head_count", 16),
        ("attention.kv_lora_rank", 512),
        ("leading_dense_block_count", 1),
        ("vocab_size", 102_400),
        ("expert_feed_forward_length", 1408),
        ("expert_count", 64),
        ("expert_shared_count", 2),
        ("expert_used_count", 6),
        ("rope.dimension_count", 64),
        ("rope.scaling.original_context_length", 4096),
    ] {
        set(key, Value::Unsigned(value));
    }
    let sizes: &[(&str, u64)] = if newer {
        &[
            ("head_count_kv", 1),
            ("key_length", 576),
            ("value_length", 512),
            ("key_length_mla", 192),
            ("value_length_mla", 128),
        ]
    } else {
        &[("head_count_kv", 16), ("key_length", 192), ("value_length", 128)]
    };
    sizes.iter().for_each(|(key, value)| set(&format!("attention.{key}"), Value::Unsigned(*value)));
    for (key, value) in [
        ("attention.layer_norm_rms_epsilon", 1e-6),
        ("rope.freq_base", 10000.0),
        ("rope.scaling.factor", 40.0),
        ("rope.scaling.yarn_log_multiplier", 0.0707),
        ("expert_weights_scale", 1.0),
    ] {
        set(key, Value::Float(value));
    }
    set("rope.scaling.type", Value::Text("yarn".into()));
    metadata.insert("general.architecture".into(), Value::Text("deepseek2".into()));
    let embedding = TensorInfo::at(TensorType::Q4_0, vec![102_400, 2048], 0, 0);
    Gguf { metadata, tensors: BTreeMap::from([("token_embd.weight".to_owned(), embedding)]) }
}

/// Protects GGUF files: both layouts say the same as the `config.json` that they were made from, and files from before
/// groups and sigmoid scores were written down are read as those that have neither.
#[test]
fn metadata_say_the_same_as_the_config() {
    let config = read(&lite()).unwrap();
    for newer in [false, true] {
        let spec = arch::from_gguf(&metadata(newer), None).unwrap();
        let (a, b) = (spec.deepseek.clone().unwrap(), config.deepseek.clone().unwrap());
        assert!(close(a.scale, b.scale), "{} {}", a.scale, b.scale);
        let same = Spec { deepseek: Some(arch::DeepSeek { scale: b.scale, ..a }), ..spec };
        assert_eq!(same, config);
    }
    let set = |key: &str, value| {
        let mut gguf = metadata(true);
        gguf.metadata.insert(format!("deepseek2.{key}"), value);
        arch::from_gguf(&gguf, None)
    };
    let mut grouped = metadata(true);
    grouped.metadata.insert("deepseek2.expert_group_count".into(), Value::Unsigned(8));
    grouped.metadata.insert("deepseek2.expert_group_used_count".into(), Value::Unsigned(3));
    let moe = arch::from_gguf(&grouped, None).unwrap().deepseek.unwrap().moe;
    assert_eq!((moe.group_limited, moe.groups, moe.top_groups), (true, 8, 3));
    assert!(
        matches!(set("expert_gating_func", Value::Unsigned(2)), Err(ImportError::Unsupported(m)) if m.contains("V3"))
    );
    assert!(
        matches!(set("nextn_predict_layers", Value::Unsigned(1)), Err(ImportError::Unsupported(m)) if m.contains("V3"))
    );
    assert_eq!(set("expert_weights_scale", Value::Float(0.0)).unwrap().deepseek.unwrap().moe.routed_scale, 1.0);
    for key in ["attention.kv_lora_rank", "expert_count", "rope.dimension_count", "rope.scaling.factor"] {
        let mut gguf = metadata(false);
        gguf.metadata.remove(&format!("deepseek2.{key}"));
        let error = arch::from_gguf(&gguf, None).unwrap_err();
        assert_eq!(error.to_string(), format!("the setting `deepseek2.{key}` is missing"));
    }
}
