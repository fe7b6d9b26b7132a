//! The attention from ONNX Runtime's operators.
//!
//! A few tokens: the queries take in the keys' matrix, so that all heads' are multiplied with the latents themselves,
//! and the values' matrix is applied to what comes out. A prompt: keys and values of all heads are made of the latents
//! first. The graph chooses by the number of tokens.

use super::latents::{Latents, bytes_of, transposed};
use super::{float32, int};
use crate::arch::{DeepSeek, Spec};
use crate::error::ImportError;
use crate::graph::Graph;
use crate::onnx::{Attribute, Dim, Element, Message, Opset};
use crate::transformer::{Builder, signed};

/// From this many tokens on, keys and values are expanded.
const PREFILL: i64 = 64;

impl Builder<'_> {
    /// The nodes that all layers' attentions need, from the inputs.
    fn stock_inputs(&mut self, spec: &Spec, deepseek: &DeepSeek) {
        let graph = &mut self.graph;
        graph.opset = Opset::V24;
        for (name, value) in [("zero.scalar", 0), ("one.scalar", 1), ("prefill.least", PREFILL)] {
            graph.integers(name, &[], &[value]);
        }
        graph.floats("masked", &[], &[-1e30]);
        let shape = |graph: &mut Graph, of: &str, axis: i64, out: &str| {
            let axes = [("start", Attribute::Int(axis)), ("end", Attribute::Int(axis + 1))];
            graph.op("Shape", &[of], &[out], &axes);
        };
        shape(graph, "input_ids", 1, "new_len");
        shape(graph, "past_latent.0", 2, "capacity_len");
        graph.op("Squeeze", &["new_len", "zero"], &["new_scalar"], &[]);
        graph.op("Squeeze", &["capacity_len", "zero"], &["capacity_scalar"], &[]);
        graph.op("Range", &["zero.scalar", "new_scalar", "one.scalar"], &["new_positions"], &[]);
        graph.op("Add", &["new_positions", "past_len"], &["row_positions"], &[]);
        graph.op("Unsqueeze", &["row_positions", "zero"], &["position_ids"], &[]);
        // Each token sees those before it and itself.
        graph.op("Range", &["zero.scalar", "capacity_scalar", "one.scalar"], &["column_positions"], &[]);
        graph.op("Unsqueeze", &["row_positions", "one"], &["rows_down"], &[]);
        graph.op("Greater", &["column_positions", "rows_down"], &["is_later"], &[]);
        graph.floats("zero.float", &[], &[0.0]);
        graph.op("Where", &["is_later", "masked", "zero.float"], &["mask"], &[]);
        graph.op("GreaterOrEqual", &["new_scalar", "prefill.least"], &["is_prefill"], &[]);
        let (heads, rank, rope) = (signed(spec.heads), signed(deepseek.kv_lora_rank), signed(deepseek.rope));
        graph.integers("shape.heads", &[4], &[0, 0, heads, -1]);
        graph.integers("shape.latent", &[4], &[1, 1, -1, rank + rope]);
        graph.integers("shape.joined", &[3], &[1, -1, heads * signed(deepseek.value)]);
        graph.integers("sizes.head", &[2], &[signed(deepseek.nope), rope]);
        graph.integers("sizes.latent", &[2], &[rank, rope]);
        graph.integers("heads.batch", &[2], &[1, heads]);
        graph.integers("rope.size", &[1], &[rope]);
        graph.integers("fold", &[3], &[1, 1, -1]);
        graph.integers("shape.unfolded", &[4], &[1, heads, -1, rank]);
        graph.integers("rank", &[1], &[rank]);
        graph.integers("axis.last", &[1], &[3]);
        let axis = [("axis", Attribute::Int(0))];
        graph.op("Concat", &["heads.batch", "new_len", "capacity_len"], &["shape.scores"], &axis);
        graph.op("Concat", &["fold", "capacity_len"], &["shape.folded"], &axis);
        graph.op("Concat", &["heads.batch", "capacity_len", "rope.size"], &["shape.rotated"], &axis);
    }

    pub(super) fn stock_attention(
        &mut self,
        spec: &Spec,
        deepseek: &DeepSeek,
        layer: u64,
        queries: &str,
        latent: &str,
    ) -> Result<(), ImportError> {
        if layer == 0 {
            self.stock_inputs(spec, deepseek);
        }
        self.stock_matrices(spec, deepseek, layer)?;
        let at = |part: &str| format!("layer.{layer}.{part}");
        let last = [("axis", Attribute::Int(-1))];
        let swap = [("perm", Attribute::Ints(&[0, 2, 1, 3]))];
        let rotary = |heads: u64| {
            [
                ("interleaved", Attribute::Int(1)),
                ("num_heads", int(heads)),
                ("rotary_embedding_dim", int(deepseek.rope)),
            ]
        };
        let graph = &mut self.graph;
        graph.op("Reshape", &[queries, "shape.heads"], &[&at("queries.heads")], &[]);
        graph.op("Transpose", &[&at("queries.heads")], &[&at("queries.turned")], &swap);
        let halves = [at("queries.plain"), at("queries.unrotated")];
        graph.op("Split", &[&at("queries.turned"), "sizes.head"], &[&halves[0], &halves[1]], &last);
        let angles = ["position_ids", "rope.cos", "rope.sin"];
        let rotated = [&[halves[1].as_str()][..], &angles].concat();
        graph.contrib("RotaryEmbedding", &rotated, &[&at("queries.rotated")], &rotary(spec.heads));
        let halves = [at("latent.raw"), at("latent.unrotated")];
        graph.op("Split", &[latent, "sizes.latent"], &[&halves[0], &halves[1]], &last);
        let norm = self.norm(&format!("blk.{layer}.attn_kv_a_norm.weight"), &mut None, &halves[0], false)?;
        let graph = &mut self.graph;
        let rotated = [&[halves[1].as_str()][..], &angles].concat();
        graph.contrib("RotaryEmbedding", &rotated, &[&at("latent.rotated")], &rotary(1));
        graph.op("Concat", &[&norm, &at("latent.rotated")], &[&at("latent.new")], &last);
        graph.op("Reshape", &[&at("latent.new"), "shape.latent"], &[&at("latent.rows")], &[]);
        let (past, present) = (format!("past_latent.{layer}"), format!("present_latent.{layer}"));
        let scatter = [("axis", Attribute::Int(2)), ("mode", Attribute::Text("linear"))];
        graph.op("TensorScatter", &[&past, &at("latent.rows"), "past_len"], &[&present], &scatter);
        let branches = [
            ("then_branch", Attribute::Graph(expanded(spec, deepseek, layer, &present))),
            ("else_branch", Attribute::Graph(absorbed(spec, deepseek, layer, &present))),
        ];
        graph.op("If", &["is_prefill"], &[&at("attended")], &branches);
        graph.op("Transpose", &[&at("attended")], &[&at("attended.turned")], &swap);
        graph.op("Reshape", &[&at("attended.turned"), "shape.joined"], &[&at("attention")], &[]);
        Ok(())
    }

    /// `layer.N.keys`, for each head `nope` rows of `rank`, and `layer.N.values`, `rank` rows of `value`.
    fn stock_matrices(&mut self, spec: &Spec, deepseek: &DeepSeek, layer: u64) -> Result<(), ImportError> {
        let latents = Latents::new(self.source, deepseek, layer)?;
        let DeepSeek { kv_lora_rank: rank, nope, value, .. } = *deepseek;
        for (part, rows, columns) in [("keys", nope, rank), ("values", rank, value)] {
            self.weights.begin()?;
            for head in 0..spec.heads {
                let floats = match part {
                    "keys" => latents.keys(head, false)?,
                    _ => transposed(&latents.values(head)?, rank),
                };
                self.weights.append(&bytes_of(&floats))?;
            }
            let place = self.weights.end();
            let name = format!("layer.{layer}.{part}");
            self.weights.declare(&name, Element::F32, &[spec.heads, rows, columns], &place);
        }
        (self.step)(latents.bytes())
    }
}

fn branch(spec: &Spec, deepseek: &DeepSeek, graph: Graph, output: &str) -> Message {
    let dims = [Dim::Fixed(1), Dim::Fixed(spec.heads), Dim::Named("tokens"), Dim::Fixed(deepseek.value)];
    graph.branch(output, Element::F32, &dims)
}

/// Attention in the space of the latents; all heads' rows are one matrix.
fn absorbed(spec: &Spec, deepseek: &DeepSeek, layer: u64, cache: &str) -> Message {
    let at = |part: &str| format!("layer.{layer}.{part}");
    let mine = |part: &str| format!("layer.{layer}.absorbed.{part}");
    let last = [("axis", Attribute::Int(-1))];
    let mut graph = Graph::default();
    graph.op("MatMul", &[&at("queries.plain"), &at("keys")], &[&mine("queries.latent")], &[]);
    graph.op("Concat", &[&mine("queries.latent"), &at("queries.rotated")], &[&mine("queries")], &last);
    graph.op("Reshape", &[&mine("queries"), "shape.latent"], &[&mine("queries.folded")], &[]);
    let scale = [("transB", Attribute::Int(1)), ("alpha", Attribute::Float(float32(deepseek.scale)))];
    graph.contrib("FusedMatMul", &[&mine("queries.folded"), cache], &[&mine("scores.folded")], &scale);
    graph.op("Reshape", &[&mine("scores.folded"), "shape.scores"], &[&mine("scores")], &[]);
    graph.op("Add", &[&mine("scores"), "mask"], &[&mine("scores.masked")], &[]);
    graph.op("Softmax", &[&mine("scores.masked")], &[&mine("weights")], &last);
    graph.op("Reshape", &[&mine("weights"), "shape.folded"], &[&mine("weights.folded")], &[]);
    graph.op("MatMul", &[&mine("weights.folded"), cache], &[&mine("sums")], &[]);
    graph.op("Slice", &[&mine("sums"), "zero", "rank", "axis.last"], &[&mine("latents")], &[]);
    graph.op("Reshape", &[&mine("latents"), "shape.unfolded"], &[&mine("latents.heads")], &[]);
    graph.op("MatMul", &[&mine("latents.heads"), &at("values")], &[&mine("out")], &[]);
    branch(spec, deepseek, graph, &mine("out"))
}

/// Attention with keys and values of each head.
fn expanded(spec: &Spec, deepseek: &DeepSeek, layer: u64, cache: &str) -> Message {
    let at = |part: &str| format!("layer.{layer}.{part}");
    let mine = |part: &str| format!("layer.{layer}.expanded.{part}");
    let last = [("axis", Attribute::Int(-1))];
    let mut graph = Graph::default();
    let halves = [mine("latents"), mine("rotated")];
    graph.op("Split", &[cache, "sizes.latent"], &[&halves[0], &halves[1]], &last);
    let transposed = [("transB", Attribute::Int(1))];
    graph.contrib("FusedMatMul", &[&halves[0], &at("keys")], &[&mine("keys.plain")], &transposed);
    graph.op("MatMul", &[&halves[0], &at("values")], &[&mine("values")], &[]);
    graph.op("Expand", &[&halves[1], "shape.rotated"], &[&mine("keys.rotated")], &[]);
    graph.op("Concat", &[&mine("keys.plain"), &mine("keys.rotated")], &[&mine("keys")], &last);
    graph.op("Concat", &[&at("queries.plain"), &at("queries.rotated")], &[&mine("queries")], &last);
    let scale = [("scale", Attribute::Float(float32(deepseek.scale)))];
    let inputs = [&mine("queries"), &mine("keys"), &mine("values"), "mask"];
    graph.op("Attention", &inputs, &[&mine("out")], &scale);
    branch(spec, deepseek, graph, &mine("out"))
}
