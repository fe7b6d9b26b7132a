//! The tensors of a shape, in the types that `llama-quantize` gives them for Q4_0.

use super::random::Spread;
use super::{Attention, Experts, Shape};
use crate::tensor::TensorType;

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// Slowest axis first.
    pub(super) shape: Vec<u64>,
    pub(super) kind: TensorType,
    pub(super) spread: Spread,
    /// Which part of it is read for one token: numerator and denominator.
    pub(super) read: (u64, u64),
}

impl Tensor {
    pub(super) fn bytes(&self) -> u64 {
        // Every shape of the table is a product far below 64 bits, and `new` sees to the blocks.
        self.kind.bytes_of(self.shape.iter().product()).unwrap_or(0)
    }

    fn new(name: String, shape: &[u64], wanted: TensorType, deviation: f64) -> Self {
        let columns = shape.last().copied().unwrap_or(1);
        let fits = |kind: TensorType| columns.is_multiple_of(kind.block() as u64);
        let kind = [wanted, TensorType::Q8_0].into_iter().find(|kind| fits(*kind)).unwrap_or(TensorType::F32);
        #[expect(clippy::cast_possible_truncation, reason = "a spread needs no more")]
        let spread = Spread { mean: 0.0, deviation: deviation as f32 };
        Self { name, shape: shape.to_vec(), kind, spread, read: (1, 1) }
    }

    fn norm(name: String, size: u64) -> Self {
        let spread = Spread { mean: 1.0, deviation: 0.05 };
        Self { spread, ..Self::new(name, &[size], TensorType::F32, 0.0) }
    }
}

/// All tensors of `shape`, in the order of the file.
pub(super) fn of(shape: &Shape) -> Vec<Tensor> {
    let outer = [shape.vocabulary, shape.hidden];
    let kind = if shape.is_tied() { TensorType::Q6_K } else { TensorType::Q4_0 };
    let mut embedding = Tensor::new("token_embd.weight".into(), &outer, kind, embedded(shape));
    let mut out = Vec::new();
    if !shape.is_tied() {
        embedding.read = (1, shape.vocabulary);
        out.push(Tensor::new("output.weight".into(), &outer, TensorType::Q6_K, per_input(shape.hidden)));
    }
    out.push(embedding);
    out.push(Tensor::norm("output_norm.weight".into(), shape.hidden));
    for layer in 0..shape.layers {
        let mut list = List { out: &mut out, layer };
        list.norm("attn_norm", shape.hidden);
        list.norm("ffn_norm", shape.hidden);
        list.attention(shape);
        match &shape.experts {
            Some(experts) if layer >= experts.dense_layers => list.experts(shape, experts),
            _ => list.feed_forward(shape, ["ffn_gate", "ffn_up", "ffn_down"], shape.feed_forward),
        }
    }
    out
}

/// Keeps the size of what is multiplied.
fn per_input(columns: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "columns are few")]
    let columns = columns as f64;
    columns.sqrt().recip()
}

/// The tensors of one layer.
struct List<'a> {
    out: &'a mut Vec<Tensor>,
    layer: u64,
}

impl List<'_> {
    fn name(&self, name: &str, ending: &str) -> String {
        format!("blk.{}.{name}.{ending}", self.layer)
    }

    fn norm(&mut self, name: &str, size: u64) {
        self.out.push(Tensor::norm(self.name(name, "weight"), size));
    }

    fn add(&mut self, name: &str, shape: &[u64], deviation: f64) -> &mut Tensor {
        let at = self.out.len();
        self.out.push(Tensor::new(self.name(name, "weight"), shape, TensorType::Q4_0, deviation));
        &mut self.out[at]
    }

    fn attention(&mut self, shape: &Shape) {
        let Shape { hidden, heads, .. } = *shape;
        let value = match shape.attention {
            Attention::Latent { q_rank, rank, nope, rope, value, .. } => {
                let query = heads * (nope + rope);
                match q_rank {
                    None => _ = self.add("attn_q", &[query, hidden], per_input(hidden)),
                    Some(low) => {
                        self.add("attn_q_a", &[low, hidden], per_input(hidden));
                        self.norm("attn_q_a_norm", low);
                        self.add("attn_q_b", &[query, low], per_input(low));
                    }
                }
                self.add("attn_kv_a_mqa", &[rank + rope, hidden], per_input(hidden));
                self.norm("attn_kv_a_norm", rank);
                // Transposed: what it makes of the latents is what keeps its size.
                self.add("attn_k_b", &[heads, rank, nope], per_input(rank));
                self.add("attn_v_b", &[heads, value, rank], per_input(rank));
                value
            }
            Attention::Grouped { kv_heads, .. } => {
                let size = hidden / heads;
                for (name, heads) in [("attn_q", heads), ("attn_k", kv_heads), ("attn_v", kv_heads)] {
                    self.add(name, &[heads * size, hidden], per_input(hidden));
                    let bias = self.name(name, "bias");
                    self.out.push(Tensor::new(bias, &[heads * size], TensorType::F32, 0.1));
                }
                size
            }
        };
        self.add("attn_output", &[hidden, heads * value], residual(shape, heads * value));
    }

    fn feed_forward(&mut self, shape: &Shape, names: [&str; 3], size: u64) {
        let [gate, up, down] = names;
        self.add(gate, &[size, shape.hidden], per_input(shape.hidden));
        self.add(up, &[size, shape.hidden], per_input(shape.hidden));
        self.add(down, &[shape.hidden, size], residual(shape, size));
    }

    fn experts(&mut self, shape: &Shape, experts: &Experts) {
        let (count, size, hidden) = (experts.count, experts.intermediate, shape.hidden);
        let router = self.name("ffn_gate_inp", "weight");
        self.out.push(Tensor::new(router, &[count, hidden], TensorType::F32, per_input(hidden)));
        let read = (experts.used, count);
        self.add("ffn_gate_exps", &[count, size, hidden], per_input(hidden)).read = read;
        self.add("ffn_up_exps", &[count, size, hidden], per_input(hidden)).read = read;
        self.add("ffn_down_exps", &[count, hidden, size], residual(shape, size)).read = read;
        self.feed_forward(shape, ["ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"], experts.shared * size);
    }
}

/// As [`per_input`], and so much less that all layers together add about as much as the embedding holds: what a token is
/// stays visible in every layer, and tokens go on to different experts.
fn residual(shape: &Shape, columns: u64) -> f64 {
    per_input(columns) * per_input(2 * shape.layers) * embedded(shape)
}

/// The size of embeddings: one, or what suits the output layer where that is the same matrix.
fn embedded(shape: &Shape) -> f64 {
    if shape.is_tied() { per_input(shape.hidden) } else { 1.0 }
}
