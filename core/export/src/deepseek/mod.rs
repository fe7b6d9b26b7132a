//! The layers of DeepSeek-V2, in two forms. With the engine's own operators a layer is about seven nodes: one for the
//! whole attention over pages of latents and one for all experts. Without them it is some dozens of ONNX Runtime's,
//! which mean the same.

mod experts;
mod latents;
mod stock;

use crate::arch::{DeepSeek, Spec};
use crate::error::ImportError;
use crate::onnx::{Attribute, Dim, Element};
use crate::transformer::{Builder, PAGED_INPUTS, signed};
use deepcoder_types::CacheTensor;

#[expect(clippy::cast_possible_truncation, reason = "operators take 32 bits")]
fn float32(value: f64) -> f32 {
    value as f32
}

fn int(value: u64) -> Attribute {
    Attribute::Int(signed(value))
}

impl Builder<'_> {
    pub(crate) fn latent_layers(
        &mut self,
        spec: &Spec,
        deepseek: &DeepSeek,
        residual: &mut Option<String>,
        delta: &mut String,
    ) -> Result<(), ImportError> {
        if self.paged {
            self.declare_pages(spec.layers * (deepseek.kv_lora_rank + deepseek.rope));
        } else {
            self.independent_rows = false;
        }
        for layer in 0..spec.layers {
            let at = |part: &str| format!("layer.{layer}.{part}");
            let name = |part: &str| format!("blk.{layer}.{part}");
            let normed = self.norm(&name("attn_norm.weight"), residual, delta, true)?;
            let (queries, latent) = self.projections(spec, deepseek, layer, &normed)?;
            if self.paged {
                self.latent_attention(spec, deepseek, layer, &queries, &latent)?;
            } else {
                self.cache(deepseek, layer);
                self.stock_attention(spec, deepseek, layer, &queries, &latent)?;
            }
            *delta = self.one(&at("attention"), &at("projected"), &name("attn_output"), 3)?;
            let normed = self.norm(&name("ffn_norm.weight"), residual, delta, true)?;
            *delta = if layer < deepseek.first_dense {
                self.feed_forward(layer, &normed)?
            } else {
                self.experts(spec, &deepseek.moe, layer, &normed)?
            };
        }
        Ok(())
    }

    /// The queries of all heads, and the latent of keys and values with its rotated part, both as the matrices give
    /// them.
    fn projections(
        &mut self,
        spec: &Spec,
        deepseek: &DeepSeek,
        layer: u64,
        input: &str,
    ) -> Result<(String, String), ImportError> {
        let at = |part: &str| format!("layer.{layer}.{part}");
        let name = |part: &str| format!("blk.{layer}.{part}");
        let first = if deepseek.q_lora_rank.is_some() { "attn_q_a" } else { "attn_q" };
        let outputs = self.linear(input, &at("qkv"), &[name(first), name("attn_kv_a_mqa")], 3)?;
        let (mut queries, latent) = match &outputs[..] {
            [queries, latent] => (queries.clone(), latent.clone()),
            _ => {
                let sizes = [
                    signed(deepseek.q_lora_rank.unwrap_or(spec.heads * spec.head_dim)),
                    signed(deepseek.kv_lora_rank + deepseek.rope),
                ];
                self.graph.integers(&at("qkv.sizes"), &[2], &sizes);
                let outputs = [at("queries"), at("latent")];
                let axis = [("axis", Attribute::Int(-1))];
                self.graph.op("Split", &[&at("qkv"), &at("qkv.sizes")], &[&outputs[0], &outputs[1]], &axis);
                outputs.into()
            }
        };
        if deepseek.q_lora_rank.is_some() {
            let normed = self.norm(&name("attn_q_a_norm.weight"), &mut None, &queries, false)?;
            queries = self.one(&normed, &at("heads"), &name("attn_q_b"), 3)?;
        }
        Ok((queries, latent))
    }

    /// The layer's contiguous cache: for each token its normalised latent, then its rotated key, once for all heads.
    fn cache(&mut self, deepseek: &DeepSeek, layer: u64) {
        let width = deepseek.kv_lora_rank + deepseek.rope;
        let (input, output) = (format!("past_latent.{layer}"), format!("present_latent.{layer}"));
        let dims = [Dim::Fixed(1), Dim::Fixed(1), Dim::Named("capacity"), Dim::Fixed(width)];
        self.graph.input(&input, Element::F32, &dims);
        self.graph.output(&output, Element::F32, &dims);
        self.cache.push(CacheTensor {
            input,
            output,
            dtype: "float32".to_owned(),
            shape: vec![1, 1, -1, signed(width)],
        });
    }

    /// The whole attention in the engine's own operator.
    fn latent_attention(
        &mut self,
        spec: &Spec,
        deepseek: &DeepSeek,
        layer: u64,
        queries: &str,
        latent: &str,
    ) -> Result<(), ImportError> {
        let at = |part: &str| format!("layer.{layer}.{part}");
        let norm = format!("blk.{layer}.attn_kv_a_norm.weight");
        let values = self.source.floats(&norm)?;
        self.weights.floats(&norm, &[values.len() as u64], &values)?;
        let [keys, values] = self.absorbed(spec, deepseek, layer)?;
        let matrices = [at("keys"), at("values")];
        let own = [queries, latent, &norm, "rope.cos", "rope.sin", &matrices[0], &matrices[1]];
        self.graph.own(
            "PagedLatentAttention",
            &[&own[..], &PAGED_INPUTS].concat(),
            &[&at("attention")],
            &[
                ("heads", int(spec.heads)),
                ("nope", int(deepseek.nope)),
                ("rope", int(deepseek.rope)),
                ("value", int(deepseek.value)),
                ("rank", int(deepseek.kv_lora_rank)),
                ("scale", Attribute::Float(float32(deepseek.scale))),
                ("epsilon", Attribute::Float(spec.epsilon)),
                ("layer", int(layer)),
                ("layers", int(spec.layers)),
                ("k_type", Attribute::Text(keys)),
                ("v_type", Attribute::Text(values)),
            ],
        );
        Ok(())
    }
}
