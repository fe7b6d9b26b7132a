//! A folder as model hubs have it: `config.json`, `tokenizer.json`, and safetensors in one file or in several.

use crate::arch;
use crate::error::ImportError;
use crate::source::{Source, SourceFile};
use crate::tensor::{TensorInfo, TensorType};
use crate::tokenizer;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const INDEX: &str = "model.safetensors.index.json";
const MOST_HEADER: u64 = 100 << 20;
const MOST_JSON: u64 = 64 << 20;

/// Opens the folder.
pub(crate) fn open(folder: &Path) -> Result<Source, ImportError> {
    let config_path = folder.join("config.json");
    if !config_path.is_file() {
        return Err(ImportError::UnknownFormat(folder.to_owned()));
    }
    let config = read_json(&config_path)?;
    let mut files = Vec::new();
    let mut tensors = BTreeMap::new();
    let mut experts = Experts::new();
    for (name, indexed) in shards(folder)? {
        let file = open_shard(folder, &name)?;
        let header = read_header(&file)?;
        let held: BTreeSet<&str> = header.iter().map(|(original, _)| original.as_str()).collect();
        if let Some(lost) = indexed.iter().find(|tensor| !held.contains(tensor.as_str())) {
            let reason = format!("it names the tensor `{lost}` in `{name}`, which has it not");
            return Err(ImportError::folder(&folder.join(INDEX), reason));
        }
        for (original, mut info) in header {
            info.parts.iter_mut().for_each(|part| part.file = files.len());
            let twice = match canonical(&original) {
                Name::Nothing => false,
                Name::Tensor(name) => tensors.insert(name, info).is_some(),
                Name::Expert(name, i) => experts.entry(name).or_default().insert(i, (original.clone(), info)).is_some(),
            };
            if twice {
                return Err(ImportError::folder(&file.path, format!("the tensor `{original}` occurs twice")));
            }
        }
        files.push(file);
    }
    for (name, parts) in experts {
        let joined = join(parts, &name)?;
        if tensors.insert(name.clone(), joined).is_some() {
            return Err(ImportError::folder(folder, format!("the tensor `{name}` occurs twice")));
        }
    }
    match config["tie_word_embeddings"].as_bool() {
        Some(true) => drop(tensors.remove("output.weight")),
        // To take the embedding for it would give a wrong model.
        Some(false) if !tensors.contains_key("output.weight") => {
            return Err(ImportError::MissingTensor("lm_head.weight".to_owned()));
        }
        _ => {}
    }
    let embedding = tensors.get("token_embd.weight");
    let rows = embedding.ok_or_else(|| ImportError::MissingTensor("model.embed_tokens.weight".to_owned()))?.rows();
    let spec = arch::from_config(&config, rows)?;
    let vocabulary = tokenizer::from_folder(folder, &config, rows)?;
    let title = config["_name_or_path"].as_str().unwrap_or_default().to_owned();
    Ok(Source { format: "safetensors", files, tensors, spec, vocabulary, license: None, title })
}

/// Parses a JSON file of a bounded size.
pub(crate) fn read_json(path: &Path) -> Result<Json, ImportError> {
    serde_json::from_slice(&read_small(path)?).map_err(|e| ImportError::folder(path, e.to_string()))
}

/// Reads a file of a bounded size.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, ImportError> {
    let file = SourceFile::open(path)?;
    if file.len > MOST_JSON {
        return Err(ImportError::folder(path, format!("{} MiB are too much", file.len >> 20)));
    }
    let mut bytes = vec![0; usize::try_from(file.len).unwrap_or(0)];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Names of the weight files, and the tensors that the index says are in each; it comes from outside, so a name may not
/// leave the folder.
fn shards(folder: &Path) -> Result<BTreeMap<String, Vec<String>>, ImportError> {
    let index = folder.join(INDEX);
    if !index.is_file() {
        if folder.join("model.safetensors").is_file() {
            return Ok(BTreeMap::from([("model.safetensors".to_owned(), Vec::new())]));
        }
        let entries = std::fs::read_dir(folder).map_err(ImportError::io("read", folder))?;
        let shard = entries.flatten().any(|e| e.file_name().to_str().is_some_and(is_plain));
        return Err(if shard {
            ImportError::folder(&index, "it is missing, and there is no `model.safetensors` either")
        } else {
            ImportError::UnknownFormat(folder.to_owned())
        });
    }
    let json = read_json(&index)?;
    let map = json["weight_map"].as_object().ok_or_else(|| ImportError::folder(&index, "it has no `weight_map`"))?;
    let mut shards: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tensor, shard) in map {
        match shard.as_str() {
            Some(name) if is_plain(name) => shards.entry(name.to_owned()).or_default().push(tensor.clone()),
            Some(name) => return Err(ImportError::folder(&index, format!("`{name}` is not a plain file name"))),
            None => return Err(ImportError::folder(&index, format!("the place of `{tensor}` is not a file name"))),
        }
    }
    if shards.is_empty() { Err(ImportError::folder(&index, "its `weight_map` is empty")) } else { Ok(shards) }
}

fn open_shard(folder: &Path, name: &str) -> Result<SourceFile, ImportError> {
    match SourceFile::open(&folder.join(name)) {
        Err(ImportError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(ImportError::folder(&folder.join(INDEX), format!("it names `{name}`, which is missing")))
        }
        other => other,
    }
}

fn is_plain(name: &str) -> bool {
    name.ends_with(".safetensors") && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn read_header(file: &SourceFile) -> Result<Vec<(String, TensorInfo)>, ImportError> {
    let wrong = |reason: String| ImportError::Folder { path: file.path.clone(), reason };
    let mut len = [0u8; 8];
    if file.len < 8 {
        return Err(wrong("the file is too short".to_owned()));
    }
    file.read_at(&mut len, 0)?;
    let len = u64::from_le_bytes(len);
    if len > MOST_HEADER || len > file.len - 8 {
        return Err(wrong(format!("a header of {len} bytes is more than the file can hold or than is allowed")));
    }
    let mut header = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_at(&mut header, 8)?;
    let header: BTreeMap<String, Json> =
        serde_json::from_slice(&header).map_err(|e| wrong(format!("the header is not JSON: {e}")))?;
    let mut out = Vec::new();
    for (name, entry) in header {
        if name == "__metadata__" {
            continue;
        }
        match tensor(&entry, 8 + len, file.len) {
            Ok(info) => out.push((name, info)),
            Err(reason) => return Err(wrong(format!("tensor `{name}` {reason}"))),
        }
    }
    let mut ranges: Vec<_> =
        out.iter().flat_map(|(name, t)| t.parts.iter().map(move |p| (p.offset, p.offset + p.bytes, name))).collect();
    ranges.sort_unstable();
    match ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        Some(pair) => Err(wrong(format!("tensors `{}` and `{}` overlap", pair[0].2, pair[1].2))),
        None => Ok(out),
    }
}

fn tensor(entry: &Json, base: u64, file_len: u64) -> Result<TensorInfo, String> {
    let kind = match entry["dtype"].as_str() {
        Some("F32") => TensorType::F32,
        Some("F16") => TensorType::F16,
        Some("BF16") => TensorType::BF16,
        _ => return Err(format!("has the type {}, and F32, F16 and BF16 are supported", entry["dtype"])),
    };
    let numbers = |value: &Json| value.as_array().and_then(|a| a.iter().map(Json::as_u64).collect::<Option<Vec<_>>>());
    let shape = numbers(&entry["shape"]).filter(|s| !s.is_empty() && s.len() <= 4).ok_or("has no usable shape")?;
    let elements = shape.iter().try_fold(1u64, |all, &d| if d == 0 { None } else { all.checked_mul(d) });
    let bytes = elements.and_then(|n| kind.bytes_of(n)).ok_or("has an impossible shape")?;
    let range = numbers(&entry["data_offsets"]).filter(|r| r.len() == 2).ok_or("has no offsets")?;
    let end = base.checked_add(range[1]).filter(|&end| end <= file_len).ok_or("lies outside the file")?;
    if range[1].checked_sub(range[0]) != Some(bytes) {
        return Err("has not as many bytes as its shape needs".to_owned());
    }
    Ok(TensorInfo::at(kind, shape, end - bytes, bytes))
}

/// Matrices of single experts, by GGUF's name of all and their number, with their own name.
type Experts = BTreeMap<String, BTreeMap<u64, (String, TensorInfo)>>;

/// The experts `parts` as one tensor.
fn join(parts: BTreeMap<u64, (String, TensorInfo)>, name: &str) -> Result<TensorInfo, ImportError> {
    let mut joined: Option<TensorInfo> = None;
    for (expected, (i, (original, info))) in (0u64..).zip(parts) {
        if i != expected {
            return Err(ImportError::MissingTensor(original.replace(&format!(".{i}."), &format!(".{expected}."))));
        }
        let Some(all) = &mut joined else {
            joined = Some(TensorInfo { shape: [&[1], &info.shape[..]].concat(), ..info });
            continue;
        };
        if all.shape[1..] != info.shape {
            return Err(ImportError::Shape { name: original, found: info.shape, expected: all.shape[1..].to_vec() });
        }
        if all.kind != info.kind {
            let (kind, first) = (info.kind.name(), all.kind.name());
            return Err(ImportError::Unsupported(format!("`{original}` in {kind} beside experts in {first}")));
        }
        all.shape[0] += 1;
        all.bytes += info.bytes;
        all.parts.extend(info.parts);
    }
    joined.ok_or_else(|| ImportError::MissingTensor(name.to_owned()))
}

/// The name of a tensor in GGUF.
enum Name {
    Tensor(String),
    /// One of many that are one tensor there.
    Expert(String, u64),
    /// The graph computes it itself.
    Nothing,
}

fn canonical(name: &str) -> Name {
    let outer = match name {
        "model.embed_tokens.weight" => "token_embd.weight",
        "model.norm.weight" => "output_norm.weight",
        "lm_head.weight" => "output.weight",
        "lm_head.bias" => "output.bias",
        _ => "",
    };
    if !outer.is_empty() {
        return Name::Tensor(outer.to_owned());
    }
    if name.ends_with("rotary_emb.inv_freq") {
        return Name::Nothing;
    }
    let inner = || {
        let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let (module, part) = rest.rsplit_once('.')?;
        if let Some(expert) = module.strip_prefix("mlp.experts.") {
            let (i, module) = expert.split_once('.')?;
            let module = match module {
                "gate_proj" => "ffn_gate_exps",
                "up_proj" => "ffn_up_exps",
                "down_proj" => "ffn_down_exps",
                _ => return None,
            };
            // Only the usual way to write a number: two spellings of one would be one expert twice.
            let i = i.parse().ok().filter(|n: &u64| n.to_string() == i)?;
            return Some(Name::Expert(format!("blk.{layer}.{module}.{part}"), i));
        }
        let module = match module {
            "input_layernorm" => "attn_norm",
            "post_attention_layernorm" => "ffn_norm",
            "self_attn.q_proj" => "attn_q",
            "self_attn.k_proj" => "attn_k",
            "self_attn.v_proj" => "attn_v",
            "self_attn.o_proj" => "attn_output",
            "self_attn.q_a_proj" => "attn_q_a",
            "self_attn.q_a_layernorm" => "attn_q_a_norm",
            "self_attn.q_b_proj" => "attn_q_b",
            "self_attn.kv_a_proj_with_mqa" => "attn_kv_a_mqa",
            "self_attn.kv_a_layernorm" => "attn_kv_a_norm",
            "self_attn.kv_b_proj" => "attn_kv_b",
            "mlp.gate_proj" => "ffn_gate",
            "mlp.up_proj" => "ffn_up",
            "mlp.down_proj" => "ffn_down",
            "mlp.gate" => "ffn_gate_inp",
            "mlp.shared_experts.gate_proj" => "ffn_gate_shexp",
            "mlp.shared_experts.up_proj" => "ffn_up_shexp",
            "mlp.shared_experts.down_proj" => "ffn_down_shexp",
            _ => return None,
        };
        Some(Name::Tensor(format!("blk.{layer}.{module}.{part}")))
    };
    // An unknown name stays as it is, and the check of all names reports it.
    inner().unwrap_or_else(|| Name::Tensor(name.to_owned()))
}
