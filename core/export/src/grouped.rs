//! The layers of Llama and Qwen2: one attention node for each, and fused projections. Deepcoder's own operator,
//! `PagedGroupedAttention`, uses a paged KV cache; ONNX Runtime's, `GroupQueryAttention`, a contiguous one for each
//! layer that it updates in place.

use crate::arch::Spec;
use crate::error::ImportError;
use crate::onnx::{Attribute, Dim, Element};
use crate::transformer::{Builder, PAGED_INPUTS, signed};
use deepcoder_types::CacheTensor;

fn dims(spec: &Spec) -> [Dim; 4] {
    [Dim::Fixed(1), Dim::Fixed(spec.kv_heads), Dim::Named("capacity"), Dim::Fixed(spec.head_dim)]
}

impl Builder<'_> {
    pub(crate) fn grouped_layers(
        &mut self,
        spec: &Spec,
        residual: &mut Option<String>,
        delta: &mut String,
    ) -> Result<(), ImportError> {
        if self.paged {
            self.declare_pages(spec.layers * 2 * spec.kv_heads * spec.head_dim);
        } else {
            // The attention's rounding depends on the number of rows.
            self.independent_rows = false;
            self.lengths();
        }
        for layer in 0..spec.layers {
            let at = |part: &str| format!("layer.{layer}.{part}");
            let normed = self.norm(&format!("blk.{layer}.attn_norm.weight"), residual, delta, true)?;
            let names = ["attn_q", "attn_k", "attn_v"].map(|n| format!("blk.{layer}.{n}"));
            let mut packed = self.linear(&normed, &at("qkv"), &names, 3)?;
            if packed.len() > 1 {
                let inputs: Vec<&str> = packed.iter().map(String::as_str).collect();
                self.graph.op("Concat", &inputs, &[&at("qkv")], &[("axis", Attribute::Int(-1))]);
                packed = vec![at("qkv")];
            }
            if self.paged {
                self.paged_grouped_attention(spec, layer, &packed[0], &at("attention"));
            } else {
                self.grouped_attention(spec, layer, &packed[0], &at("attention"));
            }
            *delta = self.one(&at("attention"), &at("projected"), &format!("blk.{layer}.attn_output"), 3)?;
            let normed = self.norm(&format!("blk.{layer}.ffn_norm.weight"), residual, delta, true)?;
            *delta = self.feed_forward(layer, &normed)?;
        }
        Ok(())
    }

    /// The number of tokens before and after this run.
    fn lengths(&mut self) {
        let axes = [("start", Attribute::Int(1)), ("end", Attribute::Int(2))];
        let to_i32 = [("to", Attribute::Int(Element::I32 as i64))];
        self.graph.op("Shape", &["input_ids"], &["new_len"], &axes);
        self.graph.op("Add", &["past_len", "new_len"], &["total_len"], &[]);
        self.graph.op("Sub", &["total_len", "one"], &["last"], &[]);
        self.graph.op("Cast", &["last"], &["seqlens_k"], &to_i32);
        self.graph.op("Squeeze", &["total_len", "zero"], &["total_scalar"], &[]);
        self.graph.op("Cast", &["total_scalar"], &["total_sequence_length"], &to_i32);
    }

    fn paged_grouped_attention(&mut self, spec: &Spec, layer: u64, qkv: &str, out: &str) {
        let inputs = [&[qkv, "rope.cos", "rope.sin"][..], &PAGED_INPUTS].concat();
        let int = |value: u64| Attribute::Int(signed(value));
        self.graph.own(
            "PagedGroupedAttention",
            &inputs,
            &[out],
            &[
                ("heads", int(spec.heads)),
                ("kv_heads", int(spec.kv_heads)),
                ("head_dim", int(spec.head_dim)),
                ("interleaved", int(u64::from(spec.interleaved))),
                ("layer", int(layer)),
                ("layers", int(spec.layers)),
            ],
        );
    }

    fn grouped_attention(&mut self, spec: &Spec, layer: u64, qkv: &str, out: &str) {
        let mut names = Vec::new();
        for part in ["key", "value"] {
            let (input, output) = (format!("past_{part}.{layer}"), format!("present_{part}.{layer}"));
            self.graph.input(&input, Element::F32, &dims(spec));
            self.graph.output(&output, Element::F32, &dims(spec));
            names.push((input.clone(), output.clone()));
            self.cache.push(CacheTensor {
                input,
                output,
                dtype: "float32".to_owned(),
                shape: vec![1, signed(spec.kv_heads), -1, signed(spec.head_dim)],
            });
        }
        self.graph.contrib(
            "GroupQueryAttention",
            &[qkv, "", "", &names[0].0, &names[1].0, "seqlens_k", "total_sequence_length", "rope.cos", "rope.sin"],
            &[out, &names[0].1, &names[1].1],
            &[
                ("num_heads", Attribute::Int(signed(spec.heads))),
                ("kv_num_heads", Attribute::Int(signed(spec.kv_heads))),
                ("do_rotary", Attribute::Int(1)),
                ("rotary_interleaved", Attribute::Int(i64::from(spec.interleaved))),
            ],
        );
    }
}
