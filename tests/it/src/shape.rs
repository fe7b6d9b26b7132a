//! Models with the shape of a published one and random weights.

use crate::setup::{library, options};
use deepcoder_export::{ImportOptions, Shape, import};
use deepcoder_model::{BenchOptions, Engine, runtime};
use deepcoder_types::Cancel;

/// Protects `deepcoder bench --shape`: a model of random weights is imported and measured as a real one is.
#[test]
fn a_shape_is_a_model_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["qwen2.5-coder-tiny", "deepseek-coder-v2-lite-tiny"] {
        let (file, model) = (folder.path().join("model.gguf"), folder.path().join(name));
        Shape::named(name).unwrap().write(&file, 0, &mut |_, _| {}, &Cancel::new()).unwrap();
        let recipe = ImportOptions { name: name.into(), ..ImportOptions::default() };
        import(&file, &model, &recipe, &mut |_| {}, &Cancel::new()).unwrap();
        runtime::init(&library()).unwrap();
        let engine = Engine::load(&model, &options()).unwrap();
        let wanted = BenchOptions { prefill: 64, decode: 4, contexts: vec![0, 1000], repeat: 1, ..Default::default() };
        let report = engine.bench(&wanted, &Cancel::new()).unwrap();
        assert_eq!((report.decode.len(), report.verify.len()), (2, 3));
        // The weights keep the size of what they multiply: no token is certain, and none impossible.
        let tokens: Vec<u32> = (0..256).map(|i| i * 7 % 480).collect();
        let scores = engine.score(&tokens, &Cancel::new()).unwrap();
        assert!(scores.iter().all(|s| (-40.0..-0.01).contains(s)), "{name}: {scores:?}");
    }
}
