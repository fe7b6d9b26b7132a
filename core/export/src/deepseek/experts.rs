//! A layer's experts: the engine's operator for all of them, or ONNX Runtime's for those that are chosen and products
//! for those that are shared.

use super::{float32, int};
use crate::arch::Spec;
use crate::arch::deepseek::Moe;
use crate::error::ImportError;
use crate::linear::{Role, Storage};
use crate::matrix;
use crate::native;
use crate::onnx::{Attribute, Element};
use crate::quant::{Layout, Precision, block_for};
use crate::tensor::TensorInfo;
use crate::transformer::{Builder, signed};
use deepcoder_kernels::Format;

/// The matrices of the experts, in the order of the operators' inputs.
const ROUTED: [&str; 3] = ["ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"];
const SHARED: [&str; 3] = ["ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"];

impl Builder<'_> {
    pub(super) fn experts(&mut self, spec: &Spec, moe: &Moe, layer: u64, input: &str) -> Result<String, ImportError> {
        let router = format!("blk.{layer}.ffn_gate_inp.weight");
        let values = self.source.floats(&router)?;
        self.weights.floats(&router, &[moe.experts, spec.hidden], &values)?;
        match self.expert_formats(moe, layer)? {
            Some(formats) => self.own_experts(spec, moe, layer, input, &formats),
            None => self.stock_experts(spec, moe, layer, input),
        }
    }

    /// The formats of the routed and then the shared experts' matrices, if all are for the engine's operator.
    fn expert_formats(&self, moe: &Moe, layer: u64) -> Result<Option<Vec<Format>>, ImportError> {
        let shared = if moe.shared_experts > 0 { &SHARED[..] } else { &[] };
        let mut out = Vec::new();
        for part in ROUTED.iter().chain(shared) {
            let info = self.source.tensor(&format!("blk.{layer}.{part}.weight"))?;
            let columns = usize::try_from(info.columns()).unwrap_or(0);
            match Storage::choose(info.kind, columns, self.precision, Role::Inner, true) {
                Some(Storage::Tiles(format)) => out.push(format),
                _ => return Ok(None),
            }
        }
        Ok(Some(out))
    }

    fn own_experts(
        &mut self,
        spec: &Spec,
        moe: &Moe,
        layer: u64,
        input: &str,
        formats: &[Format],
    ) -> Result<String, ImportError> {
        const TYPES: [&str; 6] =
            ["gate_type", "up_type", "down_type", "shared_gate_type", "shared_up_type", "shared_down_type"];
        let source = self.source;
        let output = format!("layer.{layer}.experts");
        let router = format!("blk.{layer}.ffn_gate_inp.weight");
        let mut tiles = Vec::new();
        for (part, format) in ROUTED.iter().chain(&SHARED).zip(formats) {
            let name = format!("blk.{layer}.{part}");
            let info = source.tensor(&format!("{name}.weight"))?;
            self.note(info, &Storage::Tiles(*format).describe(info.kind));
            let place = match info.shape.len() {
                3 => native::pack_each(source, &mut self.weights, &name, info, *format, self.step)?,
                _ => native::pack(source, &mut self.weights, &[(&name, info)], *format, self.step)?,
            };
            let name = format!("{name}.tiles");
            self.weights.declare_bytes(&name, &place);
            tiles.push(name);
        }
        let mut inputs = vec![input, &router];
        inputs.extend(tiles.iter().map(String::as_str));
        let mut attributes = vec![
            ("E", int(moe.experts)),
            ("H", int(spec.hidden)),
            ("I", int(moe.intermediate)),
            ("shared", int(moe.shared_experts * moe.intermediate)),
            ("top_k", int(moe.top_k)),
            ("groups", int(moe.groups)),
            ("top_groups", int(moe.top_groups)),
            ("group_limited", int(u64::from(moe.group_limited))),
            ("scale", Attribute::Float(float32(moe.routed_scale))),
            ("normalise", int(u64::from(moe.normalise))),
        ];
        attributes.extend(TYPES.iter().zip(formats).map(|(name, format)| (*name, Attribute::Text(format.name()))));
        self.graph.own("GgufMoe", &inputs, &[&output], &attributes);
        Ok(output)
    }

    fn stock_experts(&mut self, spec: &Spec, moe: &Moe, layer: u64, input: &str) -> Result<String, ImportError> {
        self.independent_rows = false;
        let at = |part: &str| format!("layer.{layer}.experts.{part}");
        if layer == spec.deepseek.as_ref().map_or(0, |d| d.first_dense) {
            self.graph.integers("shape.rows", &[2], &[-1, signed(spec.hidden)]);
            self.graph.integers("shape.tokens", &[3], &[1, -1, signed(spec.hidden)]);
            self.graph.integers("top_k", &[1], &[signed(moe.top_k)]);
            self.graph.floats("routed_scale", &[], &[float32(moe.routed_scale)]);
        }
        self.graph.op("Reshape", &[input, "shape.rows"], &[&at("rows")], &[]);
        let router = format!("blk.{layer}.ffn_gate_inp.weight");
        let transposed = [("transB", Attribute::Int(1))];
        self.graph.contrib("FusedMatMul", &[&at("rows"), &router], &[&at("logits")], &transposed);
        let logits = if moe.group_limited { self.limited(moe, layer, &at("logits")) } else { at("logits") };
        let chosen = self.chosen(spec, moe, layer, &at("rows"), &logits)?;
        // The operators divide the weights of the chosen by their sum.
        let mut routed = chosen;
        if !moe.normalise {
            let last = [("axis", Attribute::Int(-1))];
            self.graph.op("Softmax", &[&at("logits")], &[&at("scores")], &last);
            self.graph.op("TopK", &[&logits, "top_k"], &[&at("top.logits"), &at("top.experts")], &last);
            self.graph.op("GatherElements", &[&at("scores"), &at("top.experts")], &[&at("top.scores")], &last);
            self.graph.integers(&at("axis"), &[1], &[-1]);
            self.graph.op("ReduceSum", &[&at("top.scores"), &at("axis")], &[&at("sum")], &[]);
            self.graph.op("Mul", &[&routed, &at("sum")], &[&at("weighted")], &[]);
            routed = at("weighted");
        }
        if (moe.routed_scale - 1.0).abs() > f64::EPSILON {
            self.graph.op("Mul", &[&routed, "routed_scale"], &[&at("scaled")], &[]);
            routed = at("scaled");
        }
        self.graph.op("Reshape", &[&routed, "shape.tokens"], &[&at("routed")], &[]);
        if moe.shared_experts == 0 {
            return Ok(at("routed"));
        }
        let names = SHARED.map(|part| format!("blk.{layer}.{part}"));
        let shared = self.gated(&format!("layer.{layer}.shared"), input, &names)?;
        self.graph.op("Add", &[&at("routed"), &shared], &[&at("sums")], &[]);
        Ok(at("sums"))
    }

    /// The logits with those of all but the best groups masked: a group is as good as its best expert.
    fn limited(&mut self, moe: &Moe, layer: u64, logits: &str) -> String {
        let at = |part: &str| format!("layer.{layer}.groups.{part}");
        let (groups, size) = (signed(moe.groups), signed(moe.experts / moe.groups));
        let last = [("axis", Attribute::Int(-1))];
        self.graph.integers(&at("shape"), &[3], &[-1, groups, size]);
        self.graph.integers(&at("flat"), &[2], &[-1, groups * size]);
        self.graph.integers(&at("axis"), &[1], &[-1]);
        self.graph.integers(&at("count"), &[1], &[signed(moe.top_groups)]);
        self.graph.integers(&at("worst"), &[1], &[signed(moe.top_groups) - 1]);
        self.graph.floats(&at("masked"), &[], &[-1e30]);
        self.graph.op("Reshape", &[logits, &at("shape")], &[&at("logits")], &[]);
        let keep = [("keepdims", Attribute::Int(0))];
        self.graph.op("ReduceMax", &[&at("logits"), &at("axis")], &[&at("best")], &keep);
        self.graph.op("TopK", &[&at("best"), &at("count")], &[&at("top"), &at("indices")], &last);
        self.graph.op("Gather", &[&at("top"), &at("worst")], &[&at("least")], &last);
        self.graph.op("GreaterOrEqual", &[&at("best"), &at("least")], &[&at("is_chosen")], &[]);
        self.graph.op("Unsqueeze", &[&at("is_chosen"), &at("axis")], &[&at("are_chosen")], &[]);
        self.graph.op("Where", &[&at("are_chosen"), &at("logits"), &at("masked")], &[&at("limited")], &[]);
        self.graph.op("Reshape", &[&at("limited"), &at("flat")], &[&at("out")], &[]);
        at("out")
    }

    /// The chosen experts' outputs, weighted by shares that add up to 1.
    fn chosen(&mut self, spec: &Spec, moe: &Moe, layer: u64, rows: &str, logits: &str) -> Result<String, ImportError> {
        let source = self.source;
        let at = |part: &str| format!("layer.{layer}.experts.{part}");
        let tensors = ROUTED.map(|part| format!("blk.{layer}.{part}.weight"));
        let infos = [source.tensor(&tensors[0])?, source.tensor(&tensors[1])?, source.tensor(&tensors[2])?];
        let named = |i: usize| (tensors[i].as_str(), infos[i]);
        let mut attributes = vec![
            ("k", int(moe.top_k)),
            ("activation_type", Attribute::Text("swiglu")),
            ("swiglu_fusion", Attribute::Int(1)),
            ("activation_alpha", Attribute::Float(1.0)),
            ("activation_beta", Attribute::Float(0.0)),
            ("normalize_routing_weights", Attribute::Int(1)),
        ];
        let (experts, inner, hidden) = (moe.experts, moe.intermediate, spec.hidden);
        let Some(layout) = expert_layout(infos, self.precision) else {
            infos.iter().for_each(|info| self.note(info, &Storage::Float.describe(info.kind)));
            let place = matrix::interleave_floats(source, &mut self.weights, [named(0), named(1)], self.step)?;
            self.weights.declare(&at("gate_up"), Element::F32, &[experts, 2 * inner, hidden], &place);
            let place = native::pack_floats(source, &mut self.weights, &[named(2)], self.step)?;
            self.weights.declare(&at("down"), Element::F32, &[experts, hidden, inner], &place);
            let inputs = [rows, logits, &at("gate_up"), "", &at("down")];
            self.graph.contrib("MoE", &inputs, &[&at("chosen")], &attributes);
            return Ok(at("chosen"));
        };
        infos.iter().for_each(|info| self.note(info, &layout.describe()));
        let parts = [
            ("gate_up", matrix::interleave(source, &mut self.weights, [named(0), named(1)], layout, self.step)?),
            ("down", matrix::pack(source, &mut self.weights, &[named(2)], layout, self.step)?),
        ];
        let mut inputs = vec![rows.to_owned(), logits.to_owned()];
        for ((part, packed), (rows, columns)) in parts.iter().zip([(2 * inner, hidden), (hidden, inner)]) {
            let (codes, scales) = (at(&format!("{part}.codes")), at(&format!("{part}.scales")));
            let bytes = columns * u64::from(layout.bits) / 8;
            self.weights.declare(&codes, Element::U8, &[experts, rows, bytes], &packed.codes);
            let blocks = columns / layout.block as u64;
            self.weights.declare(&scales, Element::F32, &[experts, rows, blocks], &packed.scales);
            inputs.extend([codes, scales, String::new()]);
        }
        inputs.pop();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        attributes.extend([
            ("expert_weight_bits", Attribute::Int(i64::from(layout.bits))),
            ("block_size", int(layout.block as u64)),
            ("accuracy_level", Attribute::Int(self.accuracy())),
        ]);
        self.graph.contrib("QMoE", &inputs, &[&at("chosen")], &attributes);
        Ok(at("chosen"))
    }
}

/// The layout that the runtime's operator wants to be the same for all matrices; `None` if they are best floats.
fn expert_layout(infos: [&TensorInfo; 3], precision: Precision) -> Option<Layout> {
    let mut layouts = infos.iter().map(|info| {
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        match Storage::choose(info.kind, columns, precision, Role::Inner, true) {
            Some(Storage::Packed(layout)) => Some(layout),
            _ => None,
        }
    });
    let all = [layouts.next()??, layouts.next()??, layouts.next()??];
    let bits = all.iter().map(|l| l.bits).max()?;
    let block = all.iter().map(|l| l.block).min()?;
    let exact = all.iter().all(|l| l.exact && l.block == block);
    if precision == Precision::Exact {
        // There is no place for minima, and blocks of 16 are not read.
        return (exact && block >= 32 && !all.iter().any(|l| l.offsets)).then_some(Layout {
            bits,
            block,
            exact,
            offsets: false,
        });
    }
    let block = infos.iter().try_fold(block, |block, info| {
        block_for(usize::try_from(info.columns()).unwrap_or(0), block).filter(|b| *b >= 32)
    })?;
    Some(Layout { bits, block, exact: exact && bits == 4, offsets: false })
}
