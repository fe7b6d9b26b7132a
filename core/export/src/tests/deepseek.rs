//! That DeepSeek-V2 is read as its makers meant it, from both kinds of source, or refused by name.

use crate::arch::{self, Spec, deepseek::Moe};
use crate::gguf::{Gguf, Value};
use crate::source::Source;
use crate::{ImportError, TensorInfo, TensorType, inspect};
use deepcoder_test_support::{GgufWriter, tiny_model};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The settings of DeepSeek-Coder-V2-Lite, as published.
fn lite() -> Json {
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

const HIDDEN: u64 = 64;
const EXPERTS: u64 = 4;

/// A model of two layers, the second with experts: GGUF's names, and shapes with the slowest axis first.
fn tensors(newer: bool) -> Vec<(String, Vec<u64>)> {
    let mut all = vec![("token_embd", vec![265, HIDDEN]), ("output_norm", vec![HIDDEN]), ("output", vec![265, HIDDEN])];
    let kv: &[(&str, Vec<u64>)] = if newer {
        &[("attn_k_b", vec![4, 32, 16]), ("attn_v_b", vec![4, 16, 32])]
    } else {
        &[("attn_kv_b", vec![4 * 32, 32])]
    };
    let mut named: Vec<(String, Vec<u64>)> = all.drain(..).map(|(n, s)| (format!("{n}.weight"), s)).collect();
    for layer in 0..2 {
        let mut add = |part: &str, shape: Vec<u64>| named.push((format!("blk.{layer}.{part}.weight"), shape));
        add("attn_norm", vec![HIDDEN]);
        add("ffn_norm", vec![HIDDEN]);
        add("attn_q", vec![4 * 24, HIDDEN]);
        add("attn_kv_a_mqa", vec![40, HIDDEN]);
        add("attn_kv_a_norm", vec![32]);
        kv.iter().for_each(|(part, shape)| add(part, shape.clone()));
        add("attn_output", vec![HIDDEN, 4 * 16]);
        if layer == 0 {
            add("ffn_gate", vec![96, HIDDEN]);
            add("ffn_up", vec![96, HIDDEN]);
            add("ffn_down", vec![HIDDEN, 96]);
        } else {
            add("ffn_gate_inp", vec![EXPERTS, HIDDEN]);
            add("ffn_gate_exps", vec![EXPERTS, 32, HIDDEN]);
            add("ffn_up_exps", vec![EXPERTS, 32, HIDDEN]);
            add("ffn_down_exps", vec![EXPERTS, HIDDEN, 32]);
            add("ffn_gate_shexp", vec![32, HIDDEN]);
            add("ffn_up_shexp", vec![32, HIDDEN]);
            add("ffn_down_shexp", vec![HIDDEN, 32]);
        }
    }
    named
}

/// Values that tell every row of every tensor from every other.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn values(number: usize, count: u64) -> Vec<f32> {
    (0..count).map(|i| number as f32 + i as f32 / 65536.0).collect()
}

fn gguf(newer: bool) -> GgufWriter {
    let mut file = tiny_model("deepseek2", 1);
    for name in tensors_of(&file) {
        file.drop_tensor(&name);
    }
    for (i, (name, shape)) in tensors(newer).iter().enumerate() {
        let stored: Vec<u64> = shape.iter().rev().copied().collect();
        file.tensor_f32(name, &stored, &values(i, shape.iter().product()));
    }
    for (key, value) in [
        ("attention.kv_lora_rank", 32),
        ("feed_forward_length", 96),
        ("leading_dense_block_count", 1),
        ("expert_feed_forward_length", 32),
        ("expert_count", 4),
        ("expert_shared_count", 1),
        ("expert_used_count", 2),
        ("rope.dimension_count", 8),
        ("attention.key_length", if newer { 40 } else { 24 }),
        ("attention.value_length", if newer { 32 } else { 16 }),
    ] {
        file.unsigned(&format!("deepseek2.{key}"), value);
    }
    if newer {
        file.unsigned("deepseek2.attention.key_length_mla", 24).unsigned("deepseek2.attention.value_length_mla", 16);
    }
    file
}

fn tensors_of(file: &GgufWriter) -> Vec<String> {
    let bytes = file.finish();
    Gguf::read(&bytes[..], bytes.len() as u64).unwrap().tensors.into_keys().collect()
}

#[expect(clippy::disallowed_methods, reason = "a test's folder")]
fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
}

/// The weights of [`gguf`] as a hub has them: experts apart, in `shards` files. `skip` is left out.
fn folder(path: &Path, shards: usize, skip: &str) {
    let mut parts: Vec<(String, Vec<u64>, Vec<f32>)> = Vec::new();
    for (i, (name, shape)) in tensors(false).iter().enumerate() {
        let all = values(i, shape.iter().product());
        let hub = hub_name(name);
        match shape[..] {
            [experts, rows, columns] => {
                let one = usize::try_from(rows * columns).unwrap();
                for (e, values) in all.chunks(one).take(usize::try_from(experts).unwrap()).enumerate() {
                    parts.push((
                        hub.replace("experts.", &format!("experts.{e}.")),
                        vec![rows, columns],
                        values.to_vec(),
                    ));
                }
            }
            _ => parts.push((hub, shape.clone(), all)),
        }
    }
    parts.push(("model.layers.0.self_attn.rotary_emb.inv_freq".to_owned(), vec![4], vec![0.0; 4]));
    parts.retain(|(name, ..)| name != skip);
    let mut files: Vec<(Map<String, Json>, Vec<u8>)> = vec![Default::default(); shards];
    let mut index = Map::new();
    for (i, (name, shape, values)) in parts.iter().enumerate() {
        let (header, data) = &mut files[i % shards];
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        header.insert(name.clone(), json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] }));
        index.insert(name.clone(), json!(format!("model-{}.safetensors", i % shards)));
    }
    for (i, (header, data)) in files.into_iter().enumerate() {
        let header = serde_json::to_vec(&header).unwrap();
        let bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
        write(&path.join(format!("model-{i}.safetensors")), bytes);
    }
    write(&path.join("model.safetensors.index.json"), json!({ "weight_map": index }).to_string());
    let small = [
        ("hidden_size", 64),
        ("intermediate_size", 96),
        ("kv_lora_rank", 32),
        ("max_position_embeddings", 512),
        ("moe_intermediate_size", 32),
        ("n_routed_experts", 4),
        ("n_shared_experts", 1),
        ("num_attention_heads", 4),
        ("num_experts_per_tok", 2),
        ("num_hidden_layers", 2),
        ("num_key_value_heads", 4),
        ("qk_nope_head_dim", 16),
        ("qk_rope_head_dim", 8),
        ("v_head_dim", 16),
        ("eos_token_id", 0),
    ];
    let mut config = lite();
    small.iter().for_each(|(key, value)| config[*key] = json!(value));
    write(&path.join("config.json"), config.to_string());
    write(&path.join("tokenizer.json"), json!({ "added_tokens": [] }).to_string());
}

fn hub_name(name: &str) -> String {
    let outer = [("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head")];
    if let Some((_, hub)) = outer.iter().find(|(gguf, _)| name == format!("{gguf}.weight")) {
        return format!("{hub}.weight");
    }
    let parts: Vec<&str> = name.split('.').collect();
    let module = match parts[2] {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_kv_a_mqa" => "self_attn.kv_a_proj_with_mqa",
        "attn_kv_a_norm" => "self_attn.kv_a_layernorm",
        "attn_kv_b" => "self_attn.kv_b_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        "ffn_gate_inp" => "mlp.gate",
        "ffn_gate_exps" => "mlp.experts.gate_proj",
        "ffn_up_exps" => "mlp.experts.up_proj",
        "ffn_down_exps" => "mlp.experts.down_proj",
        "ffn_gate_shexp" => "mlp.shared_experts.gate_proj",
        "ffn_up_shexp" => "mlp.shared_experts.up_proj",
        "ffn_down_shexp" => "mlp.shared_experts.down_proj",
        other => panic!("{other}"),
    };
    format!("model.layers.{}.{module}.weight", parts[1])
}

fn all_rows(source: &Source, name: &str) -> Vec<u8> {
    let info = source.tensor(name).unwrap();
    let (mut out, mut piece) = (Vec::new(), Vec::new());
    // Pieces that begin and end within an expert.
    let mut first = 0;
    while first < info.rows() {
        let rows = 7.min(info.rows() - first);
        source.read_rows(info, first, rows, &mut piece).unwrap();
        out.extend_from_slice(&piece);
        first += rows;
    }
    out
}

/// Protects the weights: experts that lie apart, in several files and in any order, are one tensor with the same rows
/// as in a GGUF file, however it is read.
#[test]
fn experts_of_many_files_are_one_tensor() {
    let guard = tempfile::tempdir().unwrap();
    let file = guard.path().join("m.gguf");
    write(&file, gguf(false).finish());
    let whole = Source::open(&file).unwrap();
    for shards in [1, 3] {
        let path = guard.path().join(format!("{shards}"));
        std::fs::create_dir(&path).unwrap();
        folder(&path, shards, "");
        let parts = Source::open(&path).unwrap();
        assert!(parts.tensors.keys().eq(whole.tensors.keys()));
        for (name, info) in &parts.tensors {
            assert_eq!((&info.shape, info.bytes), (&whole.tensors[name].shape, whole.tensors[name].bytes), "{name}");
            assert_eq!(all_rows(&parts, name), all_rows(&whole, name), "{name}");
        }
        assert_eq!(parts.tensors["blk.1.ffn_up_exps.weight"].parts.len(), 4);
        assert_eq!(
            parts.floats("blk.1.ffn_gate_inp.weight").unwrap(),
            whole.floats("blk.1.ffn_gate_inp.weight").unwrap()
        );
        let info = &parts.tensors["blk.1.ffn_up_exps.weight"];
        assert!(parts.read_rows(info, info.rows() - 1, 2, &mut Vec::new()).is_err(), "beyond the last row");
    }
}

/// Protects both layouts of GGUF, and users of files of DeepSeek-V3: those are refused by name.
#[test]
fn layouts_and_relatives_are_told_apart() {
    let guard = tempfile::tempdir().unwrap();
    let file = guard.path().join("m.gguf");
    let open = |change: &dyn Fn(&mut GgufWriter), newer| {
        let mut writer = gguf(newer);
        change(&mut writer);
        write(&file, writer.finish());
        inspect(&file)
    };
    for newer in [false, true] {
        let summary = open(&|_| {}, newer).unwrap();
        assert_eq!((summary.architecture.as_str(), summary.layers, summary.context_length), ("deepseek2", 2, 512));
    }
    type Change = fn(&mut GgufWriter);
    let cases: [(Change, &str); 7] = [
        (
            |f| {
                f.tensor_f32("blk.1.exp_probs_b.bias", &[4], &[0.0; 4]);
            },
            "DeepSeek-V3",
        ),
        (
            |f| {
                f.tensor_f32("blk.2.nextn.eh_proj.weight", &[4], &[0.0; 4]);
            },
            "DeepSeek-V3",
        ),
        (
            |f| {
                f.drop_tensor("blk.1.ffn_down_exps.weight");
            },
            "the tensor `blk.1.ffn_down_exps.weight` is missing",
        ),
        (
            |f| {
                f.drop_tensor("blk.0.attn_v_b.weight");
            },
            "the tensor `blk.0.attn_v_b.weight` is missing",
        ),
        (
            |f| {
                f.tensor_f32("blk.0.attn_k_b.weight", &[32, 16, 4], &[0.0; 2048]);
            },
            "blk.0.attn_k_b.weight",
        ),
        (
            |f| {
                f.tensor("blk.1.ffn_gate_inp.weight", &[64, 4], 8, vec![0; 272]);
            },
            "the quantised router",
        ),
        (
            |f| {
                f.unsigned("deepseek2.expert_count", 5);
            },
            "blk.1.ffn_gate_inp.weight",
        ),
    ];
    for (change, message) in cases {
        let error = open(&|f| change(f), true).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Protects against half downloads and foreign files: what is missing, cut or of another shape is named.
#[test]
fn damaged_folders_are_refused() {
    let guard = tempfile::tempdir().unwrap();
    let path = guard.path();
    let error = || inspect(path).unwrap_err().to_string();
    let expert = "model.layers.1.mlp.experts.2.up_proj.weight";
    folder(path, 2, expert);
    assert_eq!(error(), format!("the tensor `{expert}` is missing"));
    folder(path, 2, "model.layers.1.mlp.experts.3.up_proj.weight");
    assert!(error().contains("`blk.1.ffn_up_exps.weight` has the shape [3, 32, 64] where [4, 32, 64] is needed"));
    folder(path, 2, "model.layers.1.mlp.gate.weight");
    assert_eq!(error(), "the tensor `blk.1.ffn_gate_inp.weight` is missing");
    folder(path, 2, "");
    assert!(inspect(path).is_ok());
    let shard = path.join("model-1.safetensors");
    let bytes = std::fs::read(&shard).unwrap();
    write(&shard, &bytes[..bytes.len() - 4]);
    assert!(error().contains("lies outside the file"), "{}", error());
    #[expect(clippy::disallowed_methods, reason = "a test's folder")]
    std::fs::remove_file(&shard).unwrap();
    assert!(error().contains("it names `model-1.safetensors`, which is missing"), "{}", error());
    #[expect(clippy::disallowed_methods, reason = "a test's folder")]
    std::fs::remove_file(path.join("model.safetensors.index.json")).unwrap();
    assert!(error().contains("model.safetensors.index.json`: it is missing"), "{}", error());
}
