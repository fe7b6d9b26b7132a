//! That files of a shape are what other programs expect, and cost what a real model costs.

use super::random::Spread;
use super::*;
use crate::grid::dequantize;
use crate::{Gguf, inspect};
use std::collections::BTreeSet;

fn tiny(name: &str) -> (tempfile::TempDir, PathBuf, &'static Shape) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    let shape = Shape::named(name).unwrap();
    shape.write(&path, 7, &mut |_, _| {}, &Cancel::new()).unwrap();
    (folder, path, shape)
}

/// Protects what is said before the work: the sizes of every shape that is offered, to the byte for those that a test
/// can write, and within what is published for the others.
#[test]
fn sizes_are_known_before_the_file_is_there() {
    for name in ["deepseek-coder-v2-lite-tiny", "qwen2.5-coder-tiny"] {
        let (_folder, path, shape) = tiny(name);
        assert_eq!(std::fs::metadata(path).unwrap().len(), shape.file_bytes(7), "{name}");
    }
    let lite = Shape::named("deepseek-coder-v2-lite").unwrap();
    // 15.7B, of which 2.4B for a token; a token of context is 27 layers of 576 halves.
    assert_eq!(lite.parameters() / 10_000_000, 1570);
    assert!((8_800_000_000..9_000_000_000).contains(&lite.file_bytes(0)), "{}", lite.file_bytes(0));
    assert!((1_430_000_000..1_570_000_000).contains(&lite.bytes_per_token()), "{}", lite.bytes_per_token());
    assert_eq!(lite.cache_bytes_per_token(), 31_104);
    assert_eq!(Shape::named("deepseek-coder-v2").unwrap().parameters() / 1_000_000_000, 235);
    assert_eq!(Shape::named("qwen2.5-coder-7b").unwrap().parameters() / 100_000_000, 76);
}

/// Protects the header: another reader finds every tensor where it is, with the shapes of the architecture, and the
/// vocabulary loads.
#[test]
fn a_file_is_read_as_a_model() {
    for (name, architecture) in [("qwen2.5-coder-tiny", "qwen2"), ("deepseek-coder-v2-lite-tiny", "deepseek2")] {
        let (_folder, path, shape) = tiny(name);
        let summary = inspect(&path).unwrap();
        assert_eq!((summary.architecture.as_str(), u64::from(summary.vocab_size)), (architecture, shape.vocabulary));
        assert_eq!(summary.parameters, shape.parameters());
        assert!(summary.fim.is_some());
    }
    let (_folder, path, _) = tiny("deepseek-coder-v2-lite-tiny");
    let file = File::open(&path).unwrap();
    let gguf = Gguf::read(std::io::BufReader::new(&file), file.metadata().unwrap().len()).unwrap();
    assert_eq!(gguf.tensors["blk.1.ffn_down_exps.weight"].shape, [8, 256, 64]);
    assert_eq!(gguf.tensors["blk.0.attn_k_b.weight"].shape, [4, 64, 32]);
    assert!(!gguf.tensors.contains_key("blk.0.ffn_gate_inp.weight"), "the first layer is dense");
}

/// Protects the measurement from being too good: no page of the weights occurs twice, whatever merges or caches pages.
#[test]
fn no_page_repeats() {
    let (_folder, path, _) = tiny("deepseek-coder-v2-lite-tiny");
    let bytes = std::fs::read(path).unwrap();
    let header = Gguf::read(&bytes[..], bytes.len() as u64).unwrap();
    let weights = header.tensors.values().map(|tensor| tensor.parts[0].offset).min().unwrap();
    let pages: Vec<_> = bytes[usize::try_from(weights).unwrap()..].chunks_exact(512).collect();
    let distinct: BTreeSet<_> = pages.iter().collect();
    assert_eq!(distinct.len(), pages.len());
}

/// Protects the numbers in the model from growing or vanishing: weights have the deviation that keeps sizes, in every
/// type, and no direction that all rows share.
#[test]
fn weights_are_spread_as_asked() {
    for kind in [TensorType::F32, TensorType::Q4_0, TensorType::Q8_0, TensorType::Q6_K] {
        let elements = 1 << 18;
        let mut bytes = vec![0; usize::try_from(kind.bytes_of(elements).unwrap()).unwrap()];
        let spread = Spread { mean: 0.0, deviation: 0.02 };
        random::fill(kind, spread, &mut Random::new(1, 2), &mut bytes);
        let mut values = vec![0f32; 1 << 18];
        dequantize(kind, &bytes, &mut values);
        let mean = |f: &dyn Fn(f64) -> f64| values.iter().map(|v| f(f64::from(*v))).sum::<f64>() / values.len() as f64;
        assert!(mean(&|v| v).abs() < 2e-4, "{kind:?}: mean {}", mean(&|v| v));
        let deviation = mean(&|v| v * v).sqrt();
        assert!((deviation / 0.02 - 1.0).abs() < 0.02, "{kind:?}: deviation {deviation}");
    }
}

/// Protects large tensors: they are made in parts, and how large the parts are changes no byte and moves no tensor.
#[test]
fn parts_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let shape = Shape::named("deepseek-coder-v2-lite-tiny").unwrap();
    let made = |chunk: usize| {
        shape.write_by(chunk, &path, 3, &mut |_, _| {}, &Cancel::new()).unwrap();
        std::fs::read(&path).unwrap()
    };
    let whole = made(CHUNK);
    for chunk in [1, 5000, 20_000] {
        assert!(made(chunk) == whole, "in parts of {chunk}");
    }
}

/// Protects comparisons: the same seed is the same model, another seed another one.
#[test]
fn a_seed_decides_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape::named("qwen2.5-coder-tiny").unwrap();
    let made = |seed: u64| {
        let path = folder.path().join("model.gguf");
        shape.write(&path, seed, &mut |_, _| {}, &Cancel::new()).unwrap();
        std::fs::read(path).unwrap()
    };
    let first = made(1);
    assert_eq!(first, made(1));
    assert_ne!(first, made(2));
}

/// Protects the disk: a cancelled file leaves nothing.
#[test]
fn a_cancelled_file_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::new();
    let shape = Shape::named("deepseek-coder-v2-lite-tiny").unwrap();
    let result = shape.write(&folder.path().join("x.gguf"), 0, &mut |_, _| cancel.cancel(), &cancel);
    assert!(matches!(result, Err(ShapeError::Cancelled(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
