//! The graph of Llama and Qwen2: one `GroupQueryAttention` for each layer on a cache that is updated in place, fused
//! projections, and an output layer that sees only the rows whose logits are wanted.

use crate::arch::Spec;
use crate::error::ImportError;
use crate::graph::Graph;
use crate::matrix::{self, Packed, Step};
use crate::native;
use crate::onnx::{Attribute, Dim, Element};
use crate::quant::{Layout, Precision};
use crate::source::Source;
use crate::tensor::TensorInfo;
use crate::weights::{Place, Weights};
use deepcoder_kernels::Format;
use deepcoder_types::CacheTensor;
use std::collections::BTreeMap;

/// The largest table of angles: 2^26 numbers are 256 MiB.
const MOST_ANGLES: u64 = 1 << 26;

/// Builds the graph and writes the weights.
pub(crate) struct Builder<'a> {
    source: &'a Source,
    weights: Weights,
    graph: Graph,
    precision: Precision,
    step: &'a mut Step<'a>,
    mapping: BTreeMap<String, String>,
}

/// How a matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Storage {
    /// For the runtime's operators.
    Packed(Layout),
    /// For the engine's own.
    Native(Format),
}

/// A matrix in the weights' file.
enum Stored {
    Packed(Layout, Packed),
    Native(Format, Place),
}

impl Stored {
    fn storage(&self) -> Storage {
        match self {
            Self::Packed(layout, _) => Storage::Packed(*layout),
            Self::Native(format, _) => Storage::Native(*format),
        }
    }
}

fn native_attributes(format: Format, rows: u64, columns: u64) -> [(&'static str, Attribute); 3] {
    [
        ("type", Attribute::Text(format.name())),
        ("N", Attribute::Int(signed(rows))),
        ("K", Attribute::Int(signed(columns))),
    ]
}

/// What [`Builder::build`] has made.
pub(crate) struct Built {
    pub(crate) model: Vec<u8>,
    pub(crate) weights: Weights,
    pub(crate) cache: Vec<CacheTensor>,
    pub(crate) mapping: BTreeMap<String, String>,
}

/// The precision of the embedding and of the output layer: small models suffer most there, so that 4 bits are never
/// used for them.
pub(crate) fn outer_precision(precision: Precision) -> Precision {
    match precision {
        Precision::Requantised { bits: 4, .. } => Precision::Near,
        other => other,
    }
}

fn dims(spec: &Spec) -> [Dim; 4] {
    [Dim::Fixed(1), Dim::Fixed(spec.kv_heads), Dim::Named("capacity"), Dim::Fixed(spec.head_dim)]
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl<'a> Builder<'a> {
    pub(crate) fn new(source: &'a Source, weights: Weights, precision: Precision, step: &'a mut Step<'a>) -> Self {
        Self { source, weights, graph: Graph::default(), precision, step, mapping: BTreeMap::new() }
    }

    pub(crate) fn build(mut self) -> Result<Built, ImportError> {
        let spec = &self.source.spec;
        self.inputs(spec)?;
        let mut cache = Vec::new();
        let embedded = self.embedding()?;
        let (mut residual, mut delta) = (None, "embedding".to_owned());
        for layer in 0..spec.layers {
            let at = |part: &str| format!("layer.{layer}.{part}");
            let normed = self.norm(&format!("blk.{layer}.attn_norm.weight"), &mut residual, &delta, true)?;
            let names = ["attn_q", "attn_k", "attn_v"].map(|n| format!("blk.{layer}.{n}"));
            let mut packed = self.linear(&normed, &at("qkv"), &names, 3)?;
            if packed.len() > 1 {
                let inputs: Vec<&str> = packed.iter().map(String::as_str).collect();
                self.graph.op("Concat", &inputs, &[&at("qkv")], &[("axis", Attribute::Int(-1))]);
                packed = vec![at("qkv")];
            }
            self.attention(spec, layer, &packed[0], &at("attention"), &mut cache);
            delta = self.one(&at("attention"), &at("projected"), &format!("blk.{layer}.attn_output"), 3)?;
            let normed = self.norm(&format!("blk.{layer}.ffn_norm.weight"), &mut residual, &delta, true)?;
            let names = ["ffn_gate", "ffn_up"].map(|n| format!("blk.{layer}.{n}"));
            let mut both = self.linear(&normed, &at("gate_up"), &names, 3)?;
            if both.len() == 1 {
                let halves = [at("gate"), at("up")];
                let attributes = [("axis", Attribute::Int(-1)), ("num_outputs", Attribute::Int(2))];
                self.graph.op("Split", &[&both[0]], &[&halves[0], &halves[1]], &attributes);
                both = halves.to_vec();
            }
            let alpha = [("alpha", Attribute::Float(1.0))];
            self.graph.contrib("QuickGelu", &[&both[0]], &[&at("silu")], &alpha);
            self.graph.op("Mul", &[&at("silu"), &both[1]], &[&at("gated")], &[]);
            delta = self.one(&at("gated"), &at("down"), &format!("blk.{layer}.ffn_down"), 3)?;
        }
        let normed = self.norm("output_norm.weight", &mut residual, &delta, false)?;
        self.graph.op("Gather", &[&normed, "logit_rows"], &["wanted"], &[("axis", Attribute::Int(1))]);
        self.graph.op("Squeeze", &["wanted", "zero"], &["wanted_rows"], &[]);
        self.head(embedded)?;
        self.graph.output("logits", Element::F32, &[Dim::Named("rows"), Dim::Fixed(spec.vocabulary)]);
        let model = self.graph.finish(std::mem::take(&mut self.weights.initializers));
        Ok(Built { model, weights: self.weights, cache, mapping: self.mapping })
    }

    /// Inputs, and what every layer derives from them: the number of tokens before and after this run, the angles.
    fn inputs(&mut self, spec: &Spec) -> Result<(), ImportError> {
        self.graph.input("input_ids", Element::I64, &[Dim::Fixed(1), Dim::Named("tokens")]);
        self.graph.input("past_len", Element::I64, &[Dim::Fixed(1)]);
        self.graph.input("logit_rows", Element::I64, &[Dim::Named("rows")]);
        self.graph.integers("zero", &[1], &[0]);
        self.graph.integers("one", &[1], &[1]);
        let axes = [("start", Attribute::Int(1)), ("end", Attribute::Int(2))];
        let to_i32 = [("to", Attribute::Int(Element::I32 as i64))];
        self.graph.op("Shape", &["input_ids"], &["new_len"], &axes);
        self.graph.op("Add", &["past_len", "new_len"], &["total_len"], &[]);
        self.graph.op("Sub", &["total_len", "one"], &["last"], &[]);
        self.graph.op("Cast", &["last"], &["seqlens_k"], &to_i32);
        self.graph.op("Squeeze", &["total_len", "zero"], &["total_scalar"], &[]);
        self.graph.op("Cast", &["total_scalar"], &["total_sequence_length"], &to_i32);
        let pairs = spec.head_dim / 2;
        if spec.context * pairs > MOST_ANGLES {
            return Err(ImportError::Unsupported(format!("a context of {} tokens", spec.context)));
        }
        for (name, function) in [("rope.cos", f64::cos as fn(f64) -> f64), ("rope.sin", f64::sin)] {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "below 2^26; f32 is wanted"
            )]
            let table: Vec<f32> = (0..spec.context)
                .flat_map(|position| spec.rope.iter().map(move |f| function(position as f64 * f) as f32))
                .collect();
            self.weights.floats(name, &[spec.context, pairs], &table)?;
        }
        Ok(())
    }

    fn norm(
        &mut self,
        name: &str,
        residual: &mut Option<String>,
        delta: &str,
        more: bool,
    ) -> Result<String, ImportError> {
        let values = self.source.floats(name)?;
        self.weights.floats(name, &[values.len() as u64], &values)?;
        let (out, sum) = (format!("{name}.out"), format!("{name}.residual"));
        let epsilon = ("epsilon", Attribute::Float(self.source.spec.epsilon));
        match residual {
            None => {
                let attributes = [("axis", Attribute::Int(-1)), epsilon];
                self.graph.op("SimplifiedLayerNormalization", &[delta, name], &[&out], &attributes);
                *residual = Some(delta.to_owned());
            }
            Some(before) => {
                let outputs = [out.as_str(), "", "", sum.as_str()];
                let outputs = if more { &outputs[..] } else { &outputs[..1] };
                let op = "SkipSimplifiedLayerNormalization";
                self.graph.contrib(op, &[before, delta, name], outputs, &[epsilon]);
                *residual = Some(sum);
            }
        }
        Ok(out)
    }

    fn attention(&mut self, spec: &Spec, layer: u64, qkv: &str, out: &str, cache: &mut Vec<CacheTensor>) {
        let mut names = Vec::new();
        for part in ["key", "value"] {
            let (input, output) = (format!("past_{part}.{layer}"), format!("present_{part}.{layer}"));
            self.graph.input(&input, Element::F32, &dims(spec));
            self.graph.output(&output, Element::F32, &dims(spec));
            names.push((input.clone(), output.clone()));
            cache.push(CacheTensor {
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

    /// The layout of `info`, noted for the manifest.
    fn layout(&mut self, name: &str, info: &TensorInfo, precision: Precision) -> Result<Layout, ImportError> {
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let layout = Layout::choose(info.kind, columns, precision);
        layout.ok_or_else(|| ImportError::Unsupported(format!("`{name}` with rows of {columns} elements")))
    }

    /// How `info` is stored, noted for the manifest.
    fn storage(&mut self, name: &str, info: &TensorInfo, precision: Precision) -> Result<Storage, ImportError> {
        let storage = match native::format(info, precision) {
            Some(format) => Storage::Native(format),
            None => Storage::Packed(self.layout(name, info, precision)?),
        };
        match storage {
            Storage::Native(_) => self.note(info, "the same blocks"),
            Storage::Packed(layout) => self.note(info, &layout.describe()),
        }
        Ok(storage)
    }

    fn store(&mut self, members: &[(&str, &TensorInfo)], storage: Storage) -> Result<Stored, ImportError> {
        Ok(match storage {
            Storage::Packed(layout) => {
                Stored::Packed(layout, matrix::pack(self.source, &mut self.weights, members, layout, self.step)?)
            }
            Storage::Native(format) => {
                Stored::Native(format, native::pack(self.source, &mut self.weights, members, format, self.step)?)
            }
        })
    }

    fn multiply_stored(
        &mut self,
        input: &str,
        output: &str,
        members: &[(&str, &TensorInfo)],
        stored: &Stored,
        rank: usize,
    ) -> Result<(), ImportError> {
        let bias = self.bias(members)?;
        let (format, place) = match stored {
            Stored::Packed(layout, packed) => {
                return self.multiply(input, output, members, *layout, packed, &bias, rank);
            }
            Stored::Native(format, place) => (*format, place),
        };
        let rows: u64 = members.iter().map(|(_, info)| info.rows()).sum();
        let columns = members.first().map_or(0, |(_, info)| info.columns());
        let (tiles, biases) = (format!("{output}.tiles"), format!("{output}.bias"));
        self.weights.declare_bytes(&tiles, place);
        let mut inputs = vec![input, tiles.as_str()];
        if !bias.is_empty() {
            self.weights.floats(&biases, &[rows], &bias)?;
            inputs.push(biases.as_str());
        }
        self.graph.own("GgufMatMul", &inputs, &[output], &native_attributes(format, rows, columns));
        Ok(())
    }

    fn note(&mut self, info: &TensorInfo, description: &str) {
        let how = self.mapping.entry(info.kind.name().to_owned()).or_default();
        if !how.contains(description) {
            how.push_str(if how.is_empty() { "" } else { "; " });
            how.push_str(description);
        }
    }

    fn one(&mut self, input: &str, output: &str, tensor: &str, rank: usize) -> Result<String, ImportError> {
        let names = self.linear(input, output, &[tensor.to_owned()], rank)?;
        names.into_iter().next().ok_or_else(|| ImportError::MissingTensor(tensor.to_owned()))
    }

    /// Multiplies `input`, of `rank` axes, by the matrices `tensors` (names without `.weight`): in one operation and
    /// with one output where their layouts are the same, else each with its own.
    fn linear(
        &mut self,
        input: &str,
        output: &str,
        tensors: &[String],
        rank: usize,
    ) -> Result<Vec<String>, ImportError> {
        let source = self.source;
        let mut parts = Vec::new();
        for name in tensors {
            let info = source.tensor(&format!("{name}.weight"))?;
            let storage = self.storage(name, info, self.precision)?;
            parts.push((name.as_str(), info, storage));
        }
        let all: Vec<(&str, &TensorInfo)> = parts.iter().map(|(name, info, _)| (*name, *info)).collect();
        let same = parts.windows(2).all(|w| w[0].2 == w[1].2);
        let one = same && (matches!(parts[0].2, Storage::Packed(_)) || native::joins(&all));
        let groups: Vec<&[_]> = if one { vec![&parts[..]] } else { parts.chunks(1).collect() };
        let mut outputs = Vec::new();
        for group in &groups {
            let output = if groups.len() == 1 { output.to_owned() } else { format!("{output}.{}", group[0].0) };
            let members: Vec<(&str, &TensorInfo)> = group.iter().map(|(name, info, _)| (*name, *info)).collect();
            let stored = self.store(&members, group[0].2)?;
            self.multiply_stored(input, &output, &members, &stored, rank)?;
            outputs.push(output);
        }
        Ok(outputs)
    }

    /// The biases of `members` one after the other, zeros where one has none; empty if none has.
    fn bias(&mut self, members: &[(&str, &TensorInfo)]) -> Result<Vec<f32>, ImportError> {
        let mut out = Vec::new();
        let mut any = false;
        for (name, info) in members {
            let name = format!("{name}.bias");
            if self.source.tensors.contains_key(&name) {
                any = true;
                out.extend(self.source.floats(&name)?);
            } else {
                out.resize(out.len() + usize::try_from(info.rows()).unwrap_or(0), 0.0);
            }
        }
        Ok(if any { out } else { Vec::new() })
    }

    #[expect(clippy::too_many_arguments, reason = "one operation's parts, given once")]
    fn multiply(
        &mut self,
        input: &str,
        output: &str,
        members: &[(&str, &TensorInfo)],
        layout: Layout,
        packed: &Packed,
        bias: &[f32],
        rank: usize,
    ) -> Result<(), ImportError> {
        let rows: u64 = members.iter().map(|(_, info)| info.rows()).sum();
        let columns = members.first().map_or(0, |(_, info)| info.columns());
        let blocks = columns / layout.block as u64;
        let blob = layout.block as u64 * u64::from(layout.bits) / 8;
        let (codes, scales, biases) = (format!("{output}.codes"), format!("{output}.scales"), format!("{output}.bias"));
        self.weights.declare(&codes, Element::U8, &[rows, blocks, blob], &packed.codes);
        self.weights.declare(&scales, Element::F32, &[rows, blocks], &packed.scales);
        let mut inputs = vec![input, codes.as_str(), scales.as_str()];
        if !bias.is_empty() {
            self.weights.floats(&biases, &[rows], bias)?;
            inputs.extend(["", "", biases.as_str()]);
        }
        let product = format!("{output}.product");
        let target = if layout.offsets { product.as_str() } else { output };
        self.graph.contrib(
            "MatMulNBits",
            &inputs,
            &[target],
            &[
                ("K", Attribute::Int(signed(columns))),
                ("N", Attribute::Int(signed(rows))),
                ("bits", Attribute::Int(i64::from(layout.bits))),
                ("block_size", Attribute::Int(signed(layout.block as u64))),
                ("accuracy_level", Attribute::Int(4)),
            ],
        );
        if layout.offsets {
            self.add_offsets(input, output, rows, blocks, layout.block, &packed.offsets, rank)?;
        }
        Ok(())
    }

    /// `output = output.product + (sums of the input's blocks) · offsets`: the part of a grid with minima that
    /// `MatMulNBits` cannot express at speed.
    #[expect(clippy::too_many_arguments, reason = "one operation's parts, given once")]
    fn add_offsets(
        &mut self,
        input: &str,
        output: &str,
        rows: u64,
        blocks: u64,
        block: usize,
        offsets: &[f32],
        rank: usize,
    ) -> Result<(), ImportError> {
        let (count, width) = (usize::try_from(rows).unwrap_or(0), usize::try_from(blocks).unwrap_or(0));
        let mut transposed = vec![0f32; offsets.len()];
        for row in 0..count {
            for column in 0..width {
                transposed[column * count + row] = offsets[row * width + column];
            }
        }
        let name = |part: &str| format!("{output}.{part}");
        self.weights.floats(&name("offsets"), &[blocks, rows], &transposed)?;
        let mut shape = vec![0; rank - 1];
        shape.extend([-1, signed(block as u64)]);
        self.graph.integers(&name("shape"), &[shape.len() as u64], &shape);
        self.graph.integers(&name("axis"), &[1], &[-1]);
        self.graph.op("Reshape", &[input, &name("shape")], &[&name("blocks")], &[]);
        let keep = [("keepdims", Attribute::Int(0))];
        self.graph.op("ReduceSum", &[&name("blocks"), &name("axis")], &[&name("sums")], &keep);
        self.graph.op("MatMul", &[&name("sums"), &name("offsets")], &[&name("correction")], &[]);
        self.graph.op("Add", &[&name("product"), &name("correction")], &[output], &[]);
        Ok(())
    }

    /// The embedding. Returns how it is stored, since an output layer with tied weights reads the same bytes.
    fn embedding(&mut self) -> Result<Stored, ImportError> {
        let source = self.source;
        let info = source.tensor("token_embd.weight")?;
        if let Some(format) = native::format(info, self.precision) {
            self.note(info, "the same blocks");
            let stored = self.store(&[("token_embd", info)], Storage::Native(format))?;
            if let Stored::Native(_, place) = &stored {
                self.weights.declare_bytes("embedding.tiles", place);
            }
            let attributes = native_attributes(format, info.rows(), info.columns());
            self.graph.own("GgufGather", &["embedding.tiles", "input_ids"], &["embedding"], &attributes);
            return Ok(stored);
        }
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let layout = self.layout("token_embd", info, outer_precision(self.precision))?.without_offsets(columns);
        let layout = layout.ok_or_else(|| ImportError::Unsupported(format!("embeddings of {columns} elements")))?;
        self.note(info, &layout.describe());
        let packed = matrix::pack(source, &mut self.weights, &[("token_embd", info)], layout, self.step)?;
        let blocks = info.columns() / layout.block as u64;
        let width = layout.row_bytes(columns) as u64;
        self.weights.declare("embedding.codes", Element::U8, &[info.rows(), width], &packed.codes);
        self.weights.declare("embedding.scales", Element::F32, &[info.rows(), blocks], &packed.scales);
        self.graph.contrib(
            "GatherBlockQuantized",
            &["embedding.codes", "input_ids", "embedding.scales"],
            &["embedding"],
            &[
                ("gather_axis", Attribute::Int(0)),
                ("quantize_axis", Attribute::Int(1)),
                ("block_size", Attribute::Int(signed(layout.block as u64))),
                ("bits", Attribute::Int(i64::from(layout.bits))),
            ],
        );
        Ok(Stored::Packed(layout, packed))
    }

    /// The output layer, over the wanted rows only.
    fn head(&mut self, embedded: Stored) -> Result<(), ImportError> {
        let source = self.source;
        let tied = !source.tensors.contains_key("output.weight");
        let info = source.tensor(if tied { "token_embd.weight" } else { "output.weight" })?;
        let storage = self.storage("output", info, outer_precision(self.precision))?;
        let members = [("output", info)];
        let stored = if tied && embedded.storage() == storage { embedded } else { self.store(&members, storage)? };
        self.multiply_stored("wanted_rows", "logits", &members, &stored, 2)
    }
}
