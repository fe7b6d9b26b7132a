//! That an import gives a whole model folder or nothing.

use crate::import::precision_on;
use crate::{ImportError, ImportOptions, ImportStage, import, inspect};
use deepcoder_test_support::tiny_model;
use deepcoder_types::{Cancel, ContentHash, MANIFEST_FILE, Manifest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_methods, reason = "a test's folder")]
pub(super) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
}

fn setup() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (source, dest) = (folder.path().join("tiny.gguf"), folder.path().join("models/tiny"));
    write(&source, tiny_model("qwen2", 3).finish());
    (folder, source, dest)
}

fn options() -> ImportOptions {
    ImportOptions { name: "tiny".into(), portable: true, ..ImportOptions::default() }
}

/// The fields of a protobuf message: field number, and the value of integers or the bytes of the rest.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (value, len) = match key & 7 {
            0 => (varint(&mut bytes), 0),
            5 => (0, 4),
            2 => (0, usize::try_from(varint(&mut bytes)).unwrap()),
            other => panic!("wire type {other}"),
        };
        out.push((key >> 3, value, &bytes[..len]));
        bytes = &bytes[len..];
    }
    out
}

fn all(message: &[u8], field: u64) -> Vec<&[u8]> {
    fields(message).into_iter().filter(|f| f.0 == field).map(|f| f.2).collect()
}

fn text(message: &[u8], field: u64) -> String {
    String::from_utf8(all(message, field)[0].to_vec()).unwrap()
}

/// Protects the engine and `models verify`: every file is listed with its true size and hash, the manifest names what
/// the graph has, and weights lie page-aligned within their file.
#[test]
fn the_folder_is_complete_and_as_described() {
    let (_guard, source, dest) = setup();
    let mut last = None;
    let manifest = import(&source, &dest, &options(), &mut |p| last = Some(p), &Cancel::new()).unwrap();
    let last = last.unwrap();
    assert!(last.stage == ImportStage::Finishing && last.done == last.total && last.total > 0);
    let stored: Manifest = serde_json::from_slice(&std::fs::read(dest.join(MANIFEST_FILE)).unwrap()).unwrap();
    assert_eq!(stored, manifest);
    let mut names: Vec<_> =
        std::fs::read_dir(&dest).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|n| n != MANIFEST_FILE);
    names.sort();
    assert_eq!(names, manifest.files.keys().cloned().collect::<Vec<_>>());
    for (name, entry) in &manifest.files {
        let bytes = std::fs::read(dest.join(name)).unwrap();
        assert_eq!((bytes.len() as u64, ContentHash::of(&bytes)), (entry.size, entry.sha256), "{name}");
    }
    assert_eq!(manifest.source.sha256, ContentHash::of(&std::fs::read(&source).unwrap()));

    let model = std::fs::read(dest.join("model.onnx")).unwrap();
    let graph = all(&model, 7)[0];
    let named = |field| all(graph, field).into_iter().map(|m| text(m, 1)).collect::<Vec<_>>();
    let mut inputs = vec!["input_ids".to_owned(), "past_len".into(), "logit_rows".into()];
    inputs.extend(manifest.graph.cache.iter().map(|c| c.input.clone()));
    assert_eq!(named(11), inputs);
    let mut outputs: Vec<_> = manifest.graph.cache.iter().map(|c| c.output.clone()).collect();
    outputs.push("logits".into());
    assert_eq!(named(12), outputs);
    let size = manifest.files["model.onnx.data"].size;
    let mut known: Vec<String> = inputs;
    for tensor in all(graph, 5) {
        known.push(text(tensor, 8));
        let place: BTreeMap<_, _> = all(tensor, 13).iter().map(|e| (text(e, 1), text(e, 2))).collect();
        if let (Some(offset), Some(length)) = (place.get("offset"), place.get("length")) {
            let (offset, length): (u64, u64) = (offset.parse().unwrap(), length.parse().unwrap());
            assert!(offset % 4096 == 0 && offset + length <= size);
        }
    }
    // Nodes are in an order that can be run, and nothing is missing.
    for node in all(graph, 1) {
        for input in all(node, 1).into_iter().filter(|i| !i.is_empty()) {
            assert!(known.iter().any(|k| k.as_bytes() == input), "{}", String::from_utf8_lossy(input));
        }
        known.extend(all(node, 2).into_iter().map(|o| String::from_utf8(o.to_vec()).unwrap()));
    }
    assert!(outputs_known(&manifest, &known));
}

fn outputs_known(manifest: &Manifest, known: &[String]) -> bool {
    manifest.graph.cache.iter().all(|c| known.contains(&c.output)) && known.contains(&"logits".to_owned())
}

/// Protects disk space: tied weights are stored once, in the default as in other precisions.
#[test]
fn tied_weights_are_stored_once() {
    let (guard, source, dest) = setup();
    let tied = import(&source, &dest, &options(), &mut |_| {}, &Cancel::new()).unwrap();
    let untied = guard.path().join("untied.gguf");
    let mut file = tiny_model("qwen2", 3);
    file.tensor_f32("output.weight", &[64, 265], &vec![0.5; 64 * 265]);
    write(&untied, file.finish());
    let untied = import(&untied, &guard.path().join("models/two"), &options(), &mut |_| {}, &Cancel::new()).unwrap();
    let size = |m: &Manifest| m.files["model.onnx.data"].size;
    assert!(size(&untied) >= size(&tied) + 64 * 265);
}

/// Protects the promise of no half model: cancelled at any point, failed, or cut off by a crash before.
#[test]
fn cancelled_imports_leave_nothing() {
    let (guard, source, dest) = setup();
    for after in 0..3 {
        let cancel = Cancel::new();
        let mut seen = 0;
        let mut progress = |_| {
            if seen == after {
                cancel.cancel();
            }
            seen += 1;
        };
        let result = import(&source, &dest, &options(), &mut progress, &cancel);
        assert!(matches!(result, Err(ImportError::Cancelled)));
        assert_eq!(std::fs::read_dir(guard.path().join("models")).unwrap().count(), 0);
    }
    let crashed = guard.path().join("models/.tiny.importing");
    std::fs::create_dir_all(&crashed).unwrap();
    write(&crashed.join("model.onnx.data"), "half");
    write(&crashed.join("old"), "");
    import(&source, &dest, &options(), &mut |_| {}, &Cancel::new()).unwrap();
    assert!(!crashed.exists() && !dest.join("old").exists());
    let again = import(&source, &dest, &options(), &mut |_| {}, &Cancel::new());
    assert!(matches!(again, Err(ImportError::Exists(_))));
}

/// Protects a running import from a second one: it must not clear the first one's folder.
#[test]
fn two_imports_do_not_meet() {
    let (_guard, source, dest) = setup();
    let mut inner = None;
    let mut progress = |_| {
        inner.get_or_insert_with(|| import(&source, &dest, &options(), &mut |_| {}, &Cancel::new()).map(drop));
    };
    import(&source, &dest, &options(), &mut progress, &Cancel::new()).unwrap();
    assert!(matches!(inner, Some(Err(ImportError::Running(_)))));
}

/// Protects the command line: contradicting options are errors, not guesses.
#[test]
fn options_are_checked() {
    let (_guard, source, dest) = setup();
    for (bits, block, exact) in
        [(Some(3), None, false), (Some(4), Some(48), false), (None, Some(32), false), (Some(8), None, true)]
    {
        let options = ImportOptions { bits, block, exact, ..options() };
        let result = import(&source, &dest, &options, &mut |_| {}, &Cancel::new());
        assert!(matches!(result, Err(ImportError::Options(_))));
    }
}

/// A folder as hubs have it, with the weights of the tiny model.
pub(super) fn folder(path: &Path, shards: usize) {
    use serde_json::json;
    let gguf = tiny_model("qwen2", 3).finish();
    let header = crate::Gguf::read(&gguf[..], gguf.len() as u64).unwrap();
    let mut files: Vec<(serde_json::Map<String, serde_json::Value>, Vec<u8>)> = vec![Default::default(); shards];
    let mut index = serde_json::Map::new();
    for (i, (name, info)) in header.tensors.iter().enumerate() {
        let name = match name.split_once('.').unwrap() {
            ("token_embd", _) => "model.embed_tokens.weight".to_owned(),
            ("output_norm", _) => "model.norm.weight".to_owned(),
            (_, rest) => {
                let rest = [
                    ("attn_norm", "input_layernorm"),
                    ("ffn_norm", "post_attention_layernorm"),
                    ("attn_q", "self_attn.q_proj"),
                    ("attn_k", "self_attn.k_proj"),
                    ("attn_v", "self_attn.v_proj"),
                    ("attn_output", "self_attn.o_proj"),
                    ("ffn_gate", "mlp.gate_proj"),
                    ("ffn_up", "mlp.up_proj"),
                    ("ffn_down", "mlp.down_proj"),
                ]
                .iter()
                .fold(rest.to_owned(), |r, (a, b)| r.replace(a, b));
                format!("model.layers.{rest}")
            }
        };
        let shard = i % shards;
        let (json, data) = &mut files[shard];
        let start = data.len();
        let at = usize::try_from(info.parts[0].offset).unwrap();
        data.extend(&gguf[at..at + usize::try_from(info.bytes).unwrap()]);
        json.insert(name.clone(), json!({ "dtype": "F32", "shape": info.shape, "data_offsets": [start, data.len()] }));
        index.insert(name, json!(format!("model-{shard}.safetensors")));
    }
    for (shard, (header, data)) in files.into_iter().enumerate() {
        let header = serde_json::to_vec(&header).unwrap();
        let name = if shards == 1 { "model.safetensors".to_owned() } else { format!("model-{shard}.safetensors") };
        write(&path.join(name), [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat());
    }
    if shards > 1 {
        write(&path.join("model.safetensors.index.json"), json!({ "weight_map": index }).to_string());
    }
    let config = json!({
        "model_type": "qwen2", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "max_position_embeddings": 512, "tie_word_embeddings": true, "eos_token_id": 261,
    });
    write(&path.join("config.json"), config.to_string());
    write(
        &path.join("tokenizer.json"),
        json!({ "added_tokens": [{ "id": 259, "content": "<|endoftext|>" }] }).to_string(),
    );
    write(&path.join("tokenizer_config.json"), json!({ "chat_template": "T" }).to_string());
    write(&path.join("generation_config.json"), json!({ "eos_token_id": [261, 259] }).to_string());
}

/// Protects the second format: the same weights give the same bytes, from one file or from several.
#[test]
fn safetensors_give_the_same_weights() {
    let (guard, source, dest) = setup();
    let from_gguf = import(&source, &dest, &options(), &mut |_| {}, &Cancel::new()).unwrap();
    for shards in [1, 3] {
        let path = guard.path().join(format!("hub{shards}"));
        std::fs::create_dir(&path).unwrap();
        folder(&path, shards);
        let dest = guard.path().join(format!("models/st{shards}"));
        let manifest = import(&path, &dest, &options(), &mut |_| {}, &Cancel::new()).unwrap();
        assert_eq!(manifest.files["model.onnx.data"], from_gguf.files["model.onnx.data"]);
        assert_eq!(manifest.files["model.onnx"], from_gguf.files["model.onnx"]);
        assert_eq!((manifest.eos_ids, manifest.bos_id), (vec![261, 259], None));
        assert_eq!(std::fs::read(dest.join("chat_template.jinja")).unwrap(), b"T");
        assert_eq!(inspect(&path).unwrap().tensors, BTreeMap::from([("F32".to_owned(), 26)]));
    }
}

/// Protects against damaged or malicious folders: names that lead elsewhere, headers that lie.
#[test]
fn hostile_folders_are_refused() {
    let guard = tempfile::tempdir().unwrap();
    folder(guard.path(), 1);
    let weights = guard.path().join("model.safetensors");
    let good = std::fs::read(&weights).unwrap();
    let header = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 64]].concat();
    for bytes in [
        Vec::new(),
        good[..good.len() - 1].to_vec(),
        [&u64::MAX.to_le_bytes()[..], b"{}"].concat(),
        header("[]"),
        header(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}"#),
        header(r#"{"a":{"dtype":"F32","shape":[18446744073709551615,9],"data_offsets":[0,8]}}"#),
        header(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615]}}"#),
        header(r#"{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}"#),
        header(
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
        ),
    ] {
        write(&weights, bytes);
        assert!(matches!(inspect(guard.path()), Err(ImportError::Folder { .. })));
    }
    write(&weights, &good);
    assert!(inspect(guard.path()).is_ok());
    write(&guard.path().join("model.safetensors.index.json"), r#"{"weight_map":{"a":"../x.safetensors"}}"#);
    assert!(matches!(inspect(guard.path()), Err(ImportError::Folder { .. })));
}

/// Protects the scheduler and the reference beside it: a graph whose products are all the engine's own has pages and nothing
/// of the cache of one sequence, and any other graph has that cache only.
#[test]
fn pages_are_for_graphs_of_own_products() {
    let (_guard, source, dest) = setup();
    let wanted = |options: ImportOptions| {
        let manifest = import(&source, &dest, &options, &mut |_| {}, &Cancel::new()).unwrap();
        let graph = std::fs::read(dest.join(&manifest.graph.file)).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's folder")]
        std::fs::remove_dir_all(&dest).unwrap();
        let graph = all(&graph, 7)[0].to_vec();
        let names = |field| all(&graph, field).iter().map(|value| text(value, 1)).collect::<Vec<_>>();
        (manifest.graph, names(11), names(12))
    };
    let own = ImportOptions { bits: Some(8), portable: false, ..options() };
    let (info, inputs, outputs) = wanted(own.clone());
    let inspected = inspect(&source).unwrap();
    let pages = info.pages.unwrap();
    // Two heads of keys and as many of values, each 16 wide.
    assert_eq!((pages.tokens, pages.numbers), (64, u64::from(inspected.layers) * 2 * 2 * 16 * 64));
    assert!(info.cache.is_empty() && info.independent_rows && info.own_operators);
    assert_eq!(inputs, ["input_ids", "logit_rows", "positions", "sequences", "tables", "cache"]);
    assert_eq!(outputs, ["logits"]);
    let others = [
        ImportOptions { portable: true, ..own.clone() },
        ImportOptions { block: Some(32), ..own.clone() },
        ImportOptions { bits: None, exact: true, ..own },
    ];
    for options in others {
        let (info, inputs, outputs) = wanted(options);
        assert!(info.pages.is_none() && !info.cache.is_empty() && !info.independent_rows && !info.own_operators);
        assert!(inputs.contains(&"past_len".to_owned()) && !inputs.contains(&"tables".to_owned()), "{inputs:?}");
        assert_eq!(outputs.len(), 1 + info.cache.len());
    }
}

/// Protects other processors: where there is no kernel of ours, models are made for the runtime's operators, whatever the
/// recipe, and the recipes that ask for those anyway are the same everywhere.
#[test]
fn other_processors_get_the_runtimes_operators() {
    for (bits, block, exact) in [
        (None, None, false),
        (None, None, true),
        (Some(4), None, false),
        (Some(8), None, false),
        (Some(8), Some(64), false),
    ] {
        let recipe = |portable| ImportOptions { bits, block, exact, portable, ..options() };
        let [here, there] = [true, false].map(|own| precision_on(&recipe(false), own).unwrap());
        assert_eq!(there, precision_on(&recipe(true), true).unwrap());
        assert_eq!(here == there, exact || block.is_some());
    }
}
