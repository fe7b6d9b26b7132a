//! That the weights of DeepSeek-V2 are found wherever they lie, and what is damaged or foreign is refused.

use super::deepseek::lite;
use crate::gguf::Gguf;
use crate::inspect;
use crate::source::Source;
use deepcoder_test_support::{GgufWriter, tiny_model};
use serde_json::{Map, Value as Json, json};
use std::path::Path;

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
        ("bos_token_id", 1),
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

/// Writes [`gguf`] in three files; `change` may spoil them.
fn split(path: &Path, change: &dyn Fn(usize, &mut GgufWriter)) -> Vec<std::path::PathBuf> {
    let all = tensors(false);
    let names: Vec<_> = (1..=3).map(|i| path.join(format!("big-{i:05}-of-00003.gguf"))).collect();
    for (i, name) in names.iter().enumerate() {
        let mut file = if i == 0 { gguf(false) } else { GgufWriter::new() };
        for (t, (tensor, shape)) in all.iter().enumerate() {
            file.drop_tensor(tensor);
            if t % 3 == i {
                let stored: Vec<u64> = shape.iter().rev().copied().collect();
                file.tensor_f32(tensor, &stored, &values(t, shape.iter().product()));
            }
        }
        let count = u32::try_from(all.len()).unwrap();
        file.unsigned("split.no", u32::try_from(i).unwrap()).unsigned("split.count", 3);
        file.unsigned("split.tensors.count", count);
        change(i, &mut file);
        write(name, file.finish());
    }
    names
}

/// Protects the large models, which are published in several files: any of them stands for all, and what is missing,
/// mixed up or there twice is named.
#[test]
fn a_model_in_several_files_is_one_model() {
    let guard = tempfile::tempdir().unwrap();
    let file = guard.path().join("m.gguf");
    write(&file, gguf(false).finish());
    let whole = Source::open(&file).unwrap();
    let names = split(guard.path(), &|_, _| {});
    for name in [&names[0], &names[2]] {
        let parts = Source::open(name).unwrap();
        assert!(parts.tensors.keys().eq(whole.tensors.keys()) && parts.files.len() == 3);
        for tensor in parts.tensors.keys() {
            assert_eq!(all_rows(&parts, tensor), all_rows(&whole, tensor), "{tensor}");
        }
    }
    let error = || inspect(&names[0]).unwrap_err().to_string();
    split(guard.path(), &|i, f| {
        if i == 1 {
            f.unsigned("split.no", 2);
        }
    });
    assert!(error().contains("it does not say that it is file 2 of 3"), "{}", error());
    split(guard.path(), &|i, f| {
        if i == 1 {
            f.tensor_f32("token_embd.weight", &[64, 265], &[0.0; 64 * 265]);
        }
    });
    assert!(error().contains("`token_embd.weight` is in another file too"), "{}", error());
    split(guard.path(), &|i, f| {
        if i == 2 {
            f.drop_tensor("output.weight");
        }
    });
    assert!(error().contains("tensors, not"), "{}", error());
    split(guard.path(), &|_, _| {});
    let renamed = guard.path().join("renamed.gguf");
    #[expect(clippy::disallowed_methods, reason = "a test's folder")]
    std::fs::rename(&names[0], &renamed).unwrap();
    assert!(inspect(&renamed).unwrap_err().to_string().contains("not named like one"));
    assert!(inspect(&names[1]).unwrap_err().to_string().contains("big-00001-of-00003.gguf` is missing"));
}
