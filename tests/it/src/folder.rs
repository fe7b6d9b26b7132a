//! Model folders that are not as they should be.

#![expect(clippy::disallowed_methods, reason = "the tests damage folders of their own")]

use crate::setup::{Tiny, library, options};
use deepcoder_model::{Device, Engine, EngineOptions, LoadError, runtime, why_not_cuda};
use deepcoder_test_support::skip;
use deepcoder_types::{Hint as _, MANIFEST_FILE};
use std::path::Path;

fn load(folder: &Path) -> LoadError {
    runtime::init(&library()).expect("ONNX Runtime starts");
    match Engine::load(folder, &options()) {
        Ok(_) => panic!("a damaged folder was loaded"),
        Err(error) => error,
    }
}

fn edit_manifest(folder: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join(MANIFEST_FILE);
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
}

/// Damage, what the error is, and a part of what it says.
type Case = (fn(&Path), fn(&LoadError) -> bool, &'static str);

const DAMAGED: fn(&LoadError) -> bool = |e| matches!(e, LoadError::Damaged { .. });

const CASES: &[Case] = &[
    (|f| std::fs::remove_dir_all(f).unwrap(), |e| matches!(e, LoadError::NotFound { .. }), "there is no model"),
    (|f| std::fs::remove_file(f.join(MANIFEST_FILE)).unwrap(), |e| matches!(e, LoadError::Manifest { .. }), "manifest"),
    (|f| std::fs::write(f.join(MANIFEST_FILE), "{").unwrap(), |e| matches!(e, LoadError::Manifest { .. }), "manifest"),
    (
        |f| edit_manifest(f, |m| m["format"] = 99.into()),
        |e| matches!(e, LoadError::Format { format: 99, .. }),
        "format 99",
    ),
    (
        |f| edit_manifest(f, |m| m["recipe"]["onnxruntime_min"] = "9.1".into()),
        |e| matches!(e, LoadError::RuntimeTooOld { .. }),
        "needs ONNX Runtime 9.1",
    ),
    (|f| std::fs::remove_file(f.join("tokenizer.json")).unwrap(), DAMAGED, "tokenizer.json"),
    (
        |f| {
            let data = std::fs::read(f.join("model.onnx.data")).unwrap();
            std::fs::write(f.join("model.onnx.data"), &data[..data.len() / 2]).unwrap();
        },
        DAMAGED,
        "bytes instead of",
    ),
    (
        |f| {
            std::fs::rename(f.join("model.onnx.data"), f.join("../elsewhere")).unwrap();
            std::os::unix::fs::symlink(f.join("../elsewhere"), f.join("model.onnx.data")).unwrap();
        },
        DAMAGED,
        "not a regular file",
    ),
    (
        |f| edit_manifest(f, |m| m["files"]["../../etc/passwd"] = m["files"]["model.onnx"].clone()),
        DAMAGED,
        "not a plain file name",
    ),
    (
        |f| {
            let size = std::fs::metadata(f.join("model.onnx")).unwrap().len();
            std::fs::write(f.join("model.onnx"), vec![0xFFu8; usize::try_from(size).unwrap()]).unwrap();
        },
        |e| matches!(e, LoadError::Runtime { .. }),
        "cannot be loaded",
    ),
    (
        |f| {
            let size = std::fs::metadata(f.join("tokenizer.json")).unwrap().len();
            std::fs::write(f.join("tokenizer.json"), vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
        },
        DAMAGED,
        "tokenizer",
    ),
    (|f| edit_manifest(f, |m| m["graph"]["cache"][0]["input"] = "nothing".into()), DAMAGED, "no input `nothing`"),
    (|f| edit_manifest(f, |m| m["graph"]["cache"][1]["dtype"] = "float16".into()), DAMAGED, "another type"),
    (|f| edit_manifest(f, |m| m["graph"]["cache"][1]["shape"] = serde_json::json!([1, -1, -1, 16])), DAMAGED, "shape"),
    (|f| edit_manifest(f, |m| m["vocab_size"] = 7.into()), DAMAGED, "and the model knows 7"),
    (|f| edit_manifest(f, |m| m["eos_ids"] = serde_json::json!([265])), DAMAGED, "beyond its vocabulary"),
    (
        |f| {
            let size = std::fs::metadata(f.join("chat_template.jinja")).unwrap().len();
            std::fs::write(f.join("chat_template.jinja"), "{".repeat(usize::try_from(size).unwrap())).unwrap();
        },
        DAMAGED,
        "chat template",
    ),
];

/// Protects users from a damaged or hostile model folder: each kind of damage is a typed error that says what is wrong
/// and what to do, before anything of the folder is used, and never a panic.
#[test]
fn damage_is_told() {
    for (i, (damage, is_right, says)) in CASES.iter().enumerate() {
        let tiny = Tiny::new();
        damage(&tiny.folder());
        let error = load(&tiny.folder());
        assert!(is_right(&error), "case {i}: {error:?}");
        assert!(error.to_string().contains(says), "case {i}: {error}");
        assert!(error.hint().is_some(), "case {i}");
    }
}

/// Protects machines without CUDA: `auto` runs on the processor without a complaint about what was never there, `cuda`
/// is an error.
#[test]
fn cuda_is_optional() {
    let tiny = Tiny::new();
    if runtime::providers(&library()).unwrap().iter().any(|p| p == "CUDAExecutionProvider") {
        skip!("cpu-only-runtime", "this ONNX Runtime was built with CUDA");
    }
    let engine = tiny.engine(&EngineOptions { device: Device::Auto, ..options() });
    assert!(engine.warnings().is_empty(), "{:?}", engine.warnings());
    let cuda = Engine::load(&tiny.folder(), &EngineOptions { device: Device::Cuda, ..options() });
    assert!(matches!(cuda, Err(LoadError::Cuda(_))));
}

/// Protects people with a GPU from a model that hands every step back to the processor: what is made of our operators is
/// not given to CUDA, what is portable is, and `doctor` has the reason.
#[test]
fn own_operators_are_for_the_processor() {
    let providers = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let cuda = providers(&["CUDAExecutionProvider", "CPUExecutionProvider"]);
    let without = providers(&["CPUExecutionProvider"]);
    for (native, reason) in [(true, Some("own operators")), (false, None)] {
        let tiny = Tiny::of_blocks(native);
        let manifest = tiny.engine(&options()).manifest().clone();
        assert_eq!(manifest.graph.own_operators, native);
        let found = why_not_cuda(&manifest, &cuda);
        assert_eq!(found.is_some(), reason.is_some());
        assert!(found.is_none_or(|found| reason.is_some_and(|r| found.contains(r))), "{found:?}");
        assert!(why_not_cuda(&manifest, &without).is_some_and(|found| found.contains("built without")));
    }
}
