//! That an import which says that a model is ready is right.

use super::whole::{folder, write};
use crate::{ImportError, ImportOptions, import, import_checked, inspect};
use deepcoder_test_support::{GgufWriter, tiny_model};
use deepcoder_types::{Cancel, Hint as _};
use serde_json::{Value as Json, json};
use std::path::Path;

fn options() -> ImportOptions {
    ImportOptions { name: "tiny".into(), ..ImportOptions::default() }
}

/// The error of an import of `source`, which leaves nothing behind.
fn refused(source: &Path) -> ImportError {
    let models = tempfile::tempdir().unwrap();
    let error = import(source, &models.path().join("m"), &options(), &mut |_| {}, &Cancel::new()).unwrap_err();
    assert_eq!(std::fs::read_dir(models.path()).unwrap().count(), 0, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error
}

fn edit(path: &Path, change: impl FnOnce(&mut Json)) {
    let mut json: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut json);
    write(path, json.to_string());
}

/// A folder with one change, and what an import of it says.
fn with(shards: usize, change: impl FnOnce(&Path)) -> ImportError {
    let guard = tempfile::tempdir().unwrap();
    folder(guard.path(), shards);
    assert!(inspect(guard.path()).is_ok());
    change(guard.path());
    refused(guard.path())
}

/// The tiny model with one change, and what an import of it says.
fn gguf(change: impl FnOnce(&mut GgufWriter)) -> ImportError {
    let guard = tempfile::tempdir().unwrap();
    let mut file = tiny_model("qwen2", 3);
    change(&mut file);
    let source = guard.path().join("tiny.gguf");
    write(&source, file.finish());
    refused(&source)
}

/// Protects users from a model that is another than it says: an output layer of its own that is missing is not taken to
/// be the embedding, and a tensor that the index promises is in its file.
#[test]
fn no_tensor_is_guessed() {
    let config = |value: Json| {
        move |path: &Path| edit(&path.join("config.json"), |config| config["tie_word_embeddings"] = value)
    };
    let error = with(1, config(json!(false)));
    assert!(matches!(&error, ImportError::MissingTensor(name) if name == "lm_head.weight"), "{error}");
    let index = |change: fn(&mut Json)| {
        move |path: &Path| edit(&path.join("model.safetensors.index.json"), |index| change(&mut index["weight_map"]))
    };
    for (change, says) in [
        ((|map| map["lm_head.weight"] = json!("model-1.safetensors")) as fn(&mut Json), "lm_head.weight"),
        (|map| map["model.norm.weight"] = json!("model-7.safetensors"), "model-7"),
        (|map| map["model.norm.weight"] = json!(7), "model.norm.weight"),
        (|map| *map = json!({}), "empty"),
    ] {
        let error = with(3, index(change));
        assert!(matches!(&error, ImportError::Folder { .. }) && error.to_string().contains(says), "{error}");
    }
    // In another file than the index says.
    let error = with(3, |path| {
        edit(&path.join("model.safetensors.index.json"), |index| {
            let map = &mut index["weight_map"];
            let other = if map["model.norm.weight"] == "model-0.safetensors" { "model-1" } else { "model-0" };
            map["model.norm.weight"] = json!(format!("{other}.safetensors"));
        });
    });
    assert!(matches!(&error, ImportError::Folder { .. }) && error.to_string().contains("model.norm.weight"), "{error}");
}

/// Protects generations from text that is made of nothing: vectors are checked for what is no number like matrices are.
#[test]
fn every_number_is_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for name in ["blk.0.attn_norm.weight", "blk.1.ffn_norm.weight", "output_norm.weight", "token_embd.weight"] {
            let error = gguf(|file| {
                let rows = if name.starts_with("token") { 265 } else { 1 };
                let mut values = vec![1.0f32; 64 * rows];
                values[63] = bad;
                let shape: &[u64] = if rows == 1 { &[64] } else { &[64, 265] };
                file.tensor_f32(name, shape, &values);
            });
            assert!(
                matches!(&error, ImportError::NotFinite(found) if name.starts_with(found.as_str())),
                "{name}: {error}"
            );
        }
    }
}

/// Protects the loader, which refuses them, and generations that would never end: each token that a setting names is one
/// of the vocabulary.
#[test]
fn every_named_token_is_known() {
    for key in ["eos_token_id", "eot_token_id", "bos_token_id", "fim_pre_token_id", "middle_token_id"] {
        for id in [265, 1 << 31] {
            let error = gguf(|file| {
                file.unsigned(&format!("tokenizer.ggml.{key}"), id);
            });
            assert!(matches!(&error, ImportError::Setting { key: found, .. } if found.ends_with(key)), "{error}");
        }
    }
    for (file, key) in
        [("generation_config.json", "eos_token_id"), ("config.json", "eos_token_id"), ("config.json", "bos_token_id")]
    {
        for ids in [json!(265), json!([261, 265]), json!(u64::MAX), json!([1u64 << 32])] {
            let error = with(1, |path| edit(&path.join(file), |config| config[key] = ids));
            let ImportError::Setting { key: found, problem } = &error else { panic!("{error}") };
            assert!(found.starts_with(key) && problem.contains("the vocabulary has 265"), "{error}");
        }
    }
}

/// Protects the meaning of a model: a setting that has a default is not taken to be missing where it has another type or
/// an impossible value.
#[test]
fn a_setting_that_cannot_be_read_is_no_default() {
    type Change = fn(&mut GgufWriter, &str);
    let changes: [(&str, Change); 8] = [
        ("rope.freq_base", |f, key| _ = f.text(key, "10000")),
        ("rope.freq_base", |f, key| _ = f.unsigned(key, 10_000)),
        ("rope.freq_base", |f, key| _ = f.float(key, f32::NAN)),
        ("rope.scale_linear", |f, key| _ = f.float(key, f32::INFINITY)),
        ("rope.scaling.type", |f, key| _ = f.unsigned(key, 1)),
        ("attention.head_count_kv", |f, key| _ = f.float(key, 2.0)),
        ("attention.head_count_kv", |f, key| _ = f.ints(key, &[2, 2])),
        ("attention.layer_norm_rms_epsilon", |f, key| _ = f.float(key, f32::NAN)),
    ];
    for (key, change) in changes {
        let key = format!("qwen2.{key}");
        let error = gguf(|file| change(file, &key));
        assert!(matches!(&error, ImportError::Setting { key: found, .. } if *found == key), "{key}: {error}");
    }
    // Of the right type, and out of range.
    for base in [0.0, -1.0, 1e-45] {
        let error = gguf(|file| _ = file.float("qwen2.rope.freq_base", base));
        assert!(matches!(&error, ImportError::Setting { .. }), "{base}: {error}");
    }
    for (key, value) in [
        ("rope_theta", json!("10000")),
        ("rope_theta", json!(0)),
        ("rope_scaling", json!({ "rope_type": "linear", "factor": "2" })),
        ("rope_scaling", json!({ "rope_type": "linear", "factor": 0 })),
        (
            "rope_scaling",
            json!({ "rope_type": "llama3", "factor": 8, "low_freq_factor": 0, "high_freq_factor": 0,
            "original_max_position_embeddings": 0 }),
        ),
        ("num_key_value_heads", json!("2")),
        ("head_dim", json!(-1)),
        ("rms_norm_eps", json!("0")),
    ] {
        let error = with(1, |path| edit(&path.join("config.json"), |config| config[key] = value.clone()));
        assert!(matches!(&error, ImportError::Setting { .. }), "{key} {value}: {error}");
    }
}

/// Protects the promise of a model that is ready: the caller is asked about the words before a weight is converted, with
/// what the manifest will say of them.
#[test]
fn the_words_are_checked_first() {
    let guard = tempfile::tempdir().unwrap();
    let (source, dest) = (guard.path().join("tiny.gguf"), guard.path().join("models/tiny"));
    write(&source, tiny_model("qwen2", 3).finish());
    let (seen, steps) = (std::cell::RefCell::new(None), std::cell::Cell::new(0));
    let run = |verdict: Result<(), String>| {
        let check = |words: &crate::Words<'_>| {
            assert_eq!(steps.get(), 0);
            seen.replace(Some((words.manifest.clone(), words.tokenizer.to_vec(), words.template.map(str::to_owned))));
            verdict.clone()
        };
        let mut progress = |_| steps.set(steps.get() + 1);
        import_checked(&source, &dest, &options(), &check, &mut progress, &Cancel::new())
    };
    let error = run(Err("no".into())).unwrap_err();
    assert!(matches!(&error, ImportError::Unusable(reason) if reason == "no") && error.hint().is_some());
    assert!(!guard.path().join("models").exists());
    let manifest = run(Ok(())).unwrap();
    let (words, tokenizer, template) = seen.take().unwrap();
    assert_eq!((words.vocab_size, &words.eos_ids), (manifest.vocab_size, &manifest.eos_ids));
    assert_eq!((words.bos_id, &words.fim), (manifest.bos_id, &manifest.fim));
    assert_eq!(tokenizer, std::fs::read(dest.join("tokenizer.json")).unwrap());
    assert_eq!(template, std::fs::read_to_string(dest.join("chat_template.jinja")).ok());
}
