//! A folder as model hubs have it: `config.json`, `tokenizer.json`, and safetensors in one file or in several.

use crate::arch;
use crate::error::ImportError;
use crate::source::{Source, SourceFile};
use crate::tensor::{TensorInfo, TensorType};
use crate::tokenizer;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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
    for name in shards(folder)? {
        let file = SourceFile::open(&folder.join(&name))?;
        for (name, mut info) in read_header(&file)? {
            let Some(name) = canonical(&name) else { continue };
            info.file = files.len();
            if tensors.insert(name.clone(), info).is_some() {
                return Err(ImportError::folder(&file.path, format!("the tensor `{name}` occurs twice")));
            }
        }
        files.push(file);
    }
    if config["tie_word_embeddings"].as_bool() == Some(true) {
        tensors.remove("output.weight");
    }
    let embedding = tensors.get("token_embd.weight");
    let vocabulary =
        embedding.ok_or_else(|| ImportError::MissingTensor("model.embed_tokens.weight".to_owned()))?.rows();
    let spec = arch::from_config(&config, vocabulary)?;
    let vocabulary = tokenizer::from_folder(folder, &config)?;
    Ok(Source { format: "safetensors", files, tensors, spec, vocabulary, license: None })
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

/// Names of the weight files; the index comes from outside, so a name may not leave the folder.
fn shards(folder: &Path) -> Result<Vec<String>, ImportError> {
    let index = folder.join("model.safetensors.index.json");
    if !index.is_file() {
        return if folder.join("model.safetensors").is_file() {
            Ok(vec!["model.safetensors".to_owned()])
        } else {
            Err(ImportError::UnknownFormat(folder.to_owned()))
        };
    }
    let json = read_json(&index)?;
    let map = json["weight_map"].as_object().ok_or_else(|| ImportError::folder(&index, "it has no `weight_map`"))?;
    let names: BTreeSet<&str> = map.values().filter_map(Json::as_str).collect();
    match names.iter().find(|name| !is_plain(name)) {
        Some(name) => Err(ImportError::folder(&index, format!("`{name}` is not a plain file name"))),
        None => Ok(names.into_iter().map(ToOwned::to_owned).collect()),
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
    let mut ranges: Vec<_> = out.iter().map(|(name, t)| (t.offset, t.offset + t.bytes, name)).collect();
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
    Ok(TensorInfo { kind, shape, offset: end - bytes, bytes, file: 0 })
}

/// GGUF's name of a tensor; `None` for what the graph computes itself.
fn canonical(name: &str) -> Option<String> {
    let outer = match name {
        "model.embed_tokens.weight" => "token_embd.weight",
        "model.norm.weight" => "output_norm.weight",
        "lm_head.weight" => "output.weight",
        "lm_head.bias" => "output.bias",
        _ => "",
    };
    if !outer.is_empty() {
        return Some(outer.to_owned());
    }
    if name.ends_with("rotary_emb.inv_freq") {
        return None;
    }
    let inner = || {
        let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let (module, part) = rest.rsplit_once('.')?;
        let module = match module {
            "input_layernorm" => "attn_norm",
            "post_attention_layernorm" => "ffn_norm",
            "self_attn.q_proj" => "attn_q",
            "self_attn.k_proj" => "attn_k",
            "self_attn.v_proj" => "attn_v",
            "self_attn.o_proj" => "attn_output",
            "mlp.gate_proj" => "ffn_gate",
            "mlp.up_proj" => "ffn_up",
            "mlp.down_proj" => "ffn_down",
            _ => return None,
        };
        Some(format!("blk.{layer}.{module}.{part}"))
    };
    // An unknown name stays as it is, and the check of all names reports it.
    Some(inner().unwrap_or_else(|| name.to_owned()))
}
