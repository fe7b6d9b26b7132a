//! DeepSeek-V2 against transformers, and its forms against each other.

use crate::checkpoint::{Checkpoint, Imported};
use crate::setup::options;
use deepcoder_export::ImportOptions;

/// Single steps, a draft, and what is left: a prompt that is expanded where there are 64 tokens.
const RUNS: [&[usize]; 3] = [&[], &[17, 1, 1, 3], &[1, 2, 70, 1]];
const EXACT: f32 = 1e-4;

fn exact(portable: bool) -> ImportOptions {
    ImportOptions { exact: true, portable, ..ImportOptions::default() }
}

/// Protects the meaning of the graph: with the weights as they are, ONNX Runtime's operators compute what transformers
/// does, for every variant of the architecture, in prompts, in pieces and in single steps.
#[test]
fn stock_operators_are_the_reference() {
    let mut wrong = Vec::new();
    for checkpoint in Checkpoint::all() {
        let imported = Imported::of(&checkpoint, exact(true));
        let engine = imported.engine(&options());
        for runs in RUNS {
            let apart = checkpoint.apart(&engine, runs);
            wrong.push((checkpoint.name.clone(), runs, apart));
        }
    }
    wrong.retain(|(.., apart)| *apart > EXACT);
    assert!(wrong.is_empty(), "{wrong:?}");
}
