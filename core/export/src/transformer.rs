//! The graph of a decoder: embedding, layers, and an output layer that sees only the rows whose logits are wanted. What
//! the architectures share is here; their attention is in [`crate::grouped`] and [`crate::deepseek`].

use crate::arch::Spec;
use crate::error::ImportError;
use crate::graph::Graph;
use crate::linear::{Role, Storage, Stored, tile_attributes};
use crate::matrix::Step;
use crate::onnx::{Attribute, Dim, Element};
use crate::quant::Precision;
use crate::source::Source;
use crate::weights::Weights;
use deepcoder_kernels::{GROUP_ROWS, PAGE_TOKENS};
use deepcoder_types::{CacheTensor, Pages};
use std::collections::BTreeMap;

/// The largest table of angles: 2^26 numbers are 256 MiB.
const MOST_ANGLES: u64 = 1 << 26;

/// The last inputs of every paged attention node.
pub(crate) const PAGED_INPUTS: [&str; 4] = ["positions", "sequences", "tables", "cache"];

/// Builds the graph and writes the weights.
pub(crate) struct Builder<'a> {
    pub(crate) source: &'a Source,
    pub(crate) weights: Weights,
    pub(crate) graph: Graph,
    pub(crate) precision: Precision,
    /// Whether the graph is paged ([`is_paged`]).
    pub(crate) paged: bool,
    /// Whether a token's result is the same to the last bit whichever tokens are computed with it.
    pub(crate) independent_rows: bool,
    pub(crate) step: &'a mut Step<'a>,
    pub(crate) mapping: BTreeMap<String, String>,
    pub(crate) cache: Vec<CacheTensor>,
    pub(crate) pages: Option<Pages>,
}

/// The result of [`Builder::build`].
pub(crate) struct Built {
    pub(crate) model: Vec<u8>,
    pub(crate) weights: Weights,
    pub(crate) cache: Vec<CacheTensor>,
    pub(crate) pages: Option<Pages>,
    pub(crate) independent_rows: bool,
    pub(crate) own_operators: bool,
    pub(crate) mapping: BTreeMap<String, String>,
}

/// Whether the graph gets a paged KV cache: if all matrices become tiles for deepcoder's own products. Only then is a
/// row's result independent of the other rows in a step, which batching relies on.
pub(crate) fn is_paged(source: &Source, precision: Precision) -> bool {
    let latent = source.spec.deepseek.is_some();
    source.tensors.iter().filter(|(name, info)| info.shape.len() >= 2 && !is_exempt(name)).all(|(name, info)| {
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let storage = Storage::choose(info.kind, columns, precision, Role::of(name), latent);
        matches!(storage, Some(Storage::Tiles(_)))
    })
}

/// Whether an operator also takes this matrix as floats: the router, and the matrices of latent attention.
fn is_exempt(name: &str) -> bool {
    name.ends_with("ffn_gate_inp.weight") || Role::of(name) == Role::Latent
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl<'a> Builder<'a> {
    pub(crate) fn new(source: &'a Source, weights: Weights, precision: Precision, step: &'a mut Step<'a>) -> Self {
        Self {
            source,
            weights,
            graph: Graph::default(),
            precision,
            paged: is_paged(source, precision),
            independent_rows: true,
            step,
            mapping: BTreeMap::new(),
            cache: Vec::new(),
            pages: None,
        }
    }

    pub(crate) fn build(mut self) -> Result<Built, ImportError> {
        let spec = &self.source.spec;
        self.inputs(spec)?;
        let embedded = self.embedding()?;
        let (mut residual, mut delta) = (None, "embedding".to_owned());
        match &spec.deepseek {
            Some(deepseek) => self.latent_layers(spec, deepseek, &mut residual, &mut delta)?,
            None => self.grouped_layers(spec, &mut residual, &mut delta)?,
        }
        let normed = self.norm("output_norm.weight", &mut residual, &delta, false)?;
        self.graph.op("Gather", &[&normed, "logit_rows"], &["wanted"], &[("axis", Attribute::Int(1))]);
        self.graph.op("Squeeze", &["wanted", "zero"], &["wanted_rows"], &[]);
        self.head(embedded)?;
        self.graph.output("logits", Element::F32, &[Dim::Named("rows"), Dim::Fixed(spec.vocabulary)]);
        let own_operators = self.graph.has_own;
        let model = self.graph.finish(std::mem::take(&mut self.weights.initializers));
        let Self { weights, cache, pages, independent_rows, mapping, .. } = self;
        Ok(Built { model, weights, cache, pages, independent_rows, own_operators, mapping })
    }

    /// Whether the cache holds latents.
    pub(crate) fn latent(&self) -> bool {
        self.source.spec.deepseek.is_some()
    }

    /// How exactly the runtime's products round their input: not at all where the weights are exact too, to 8 bits
    /// otherwise.
    pub(crate) fn accuracy(&self) -> i64 {
        if self.precision == Precision::Exact && self.latent() { 0 } else { 4 }
    }

    /// Inputs, and the table of angles.
    fn inputs(&mut self, spec: &Spec) -> Result<(), ImportError> {
        self.graph.input("input_ids", Element::I64, &[Dim::Fixed(1), Dim::Named("tokens")]);
        if !self.paged {
            self.graph.input("past_len", Element::I64, &[Dim::Fixed(1)]);
        }
        self.graph.input("logit_rows", Element::I64, &[Dim::Named("rows")]);
        self.graph.integers("zero", &[1], &[0]);
        self.graph.integers("one", &[1], &[1]);
        let pairs = spec.rope.len() as u64;
        if spec.context * pairs > MOST_ANGLES {
            return Err(ImportError::Unsupported(format!("a context of {} tokens", spec.context)));
        }
        let factor = spec.deepseek.as_ref().map_or(1.0, |d| d.cos_sin_scale);
        for (name, function) in [("rope.cos", f64::cos as fn(f64) -> f64), ("rope.sin", f64::sin)] {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "below 2^26; f32 is wanted"
            )]
            let table: Vec<f32> = (0..spec.context)
                .flat_map(|position| spec.rope.iter().map(move |f| (function(position as f64 * f) * factor) as f32))
                .collect();
            self.weights.floats(name, &[spec.context, pairs], &table)?;
        }
        Ok(())
    }

    /// Declare the inputs of a paged graph, whose cache has `numbers` numbers for each token of all layers.
    pub(crate) fn declare_pages(&mut self, numbers: u64) {
        let numbers = numbers * PAGE_TOKENS as u64;
        let [positions, sequences, tables, cache] = PAGED_INPUTS;
        self.graph.input(positions, Element::I64, &[Dim::Named("tokens")]);
        self.graph.input(sequences, Element::I64, &[Dim::Named("tokens")]);
        self.graph.input(tables, Element::I64, &[Dim::Named("batch"), Dim::Named("table")]);
        self.graph.input(cache, Element::F16, &[Dim::Named("pages"), Dim::Fixed(numbers)]);
        let group = if self.latent() { GROUP_ROWS as u32 } else { 1 };
        self.pages = Some(Pages { tokens: PAGE_TOKENS as u32, numbers, group });
    }

    /// Adds `delta` to `residual` and normalises the sum; `more` says whether the sum is needed afterwards.
    pub(crate) fn norm(
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

    /// A layer's dense feed-forward network.
    pub(crate) fn feed_forward(&mut self, layer: u64, input: &str) -> Result<String, ImportError> {
        let names = ["ffn_gate", "ffn_up", "ffn_down"].map(|n| format!("blk.{layer}.{n}"));
        self.gated(&format!("layer.{layer}"), input, &names)
    }

    /// `down(silu(gate(input)) * up(input))`, with the matrices `names` in the order gate, up, down.
    pub(crate) fn gated(&mut self, prefix: &str, input: &str, names: &[String; 3]) -> Result<String, ImportError> {
        if let Some(output) = self.own_network(prefix, input, names)? {
            return Ok(output);
        }
        let at = |part: &str| format!("{prefix}.{part}");
        let mut both = self.linear(input, &at("gate_up"), &names[..2], 3)?;
        if both.len() == 1 {
            let halves = [at("gate"), at("up")];
            let attributes = [("axis", Attribute::Int(-1)), ("num_outputs", Attribute::Int(2))];
            self.graph.op("Split", &[&both[0]], &[&halves[0], &halves[1]], &attributes);
            both = halves.to_vec();
        }
        self.graph.contrib("QuickGelu", &[&both[0]], &[&at("silu")], &[("alpha", Attribute::Float(1.0))]);
        self.graph.op("Mul", &[&at("silu"), &both[1]], &[&at("gated")], &[]);
        self.one(&at("gated"), &at("down"), &names[2], 3)
    }

    /// The same as one node of deepcoder's own, if all three matrices are tiles and none has a bias.
    fn own_network(&mut self, prefix: &str, input: &str, names: &[String; 3]) -> Result<Option<String>, ImportError> {
        let source = self.source;
        let has_bias = |name: &String| source.tensors.contains_key(&format!("{name}.bias"));
        if !self.paged || names.iter().any(has_bias) {
            return Ok(None);
        }
        let output = format!("{prefix}.network");
        let (mut inputs, mut attributes) = (vec![input.to_owned()], Vec::new());
        for (part, name) in ["gate_type", "up_type", "down_type"].into_iter().zip(names) {
            let info = source.tensor(&format!("{name}.weight"))?;
            let storage = self.storage(name, info, Role::Inner)?;
            // A graph has pages if all matrices are tiles.
            let Stored::Tiles(format, place) = self.store(&[(name, info)], storage)? else { return Ok(None) };
            let tiles = format!("{name}.tiles");
            self.weights.declare_bytes(&tiles, &place);
            inputs.push(tiles);
            attributes.push((part, Attribute::Text(format.name())));
        }
        let gate = source.tensor(&format!("{}.weight", names[0]))?;
        attributes.extend([("H", gate.columns()), ("I", gate.rows())].map(|(n, v)| (n, Attribute::Int(signed(v)))));
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.graph.own("GgufFeedForward", &inputs, &[&output], &attributes);
        Ok(Some(output))
    }

    /// The embedding. Returns how it is stored, since an output layer with tied weights reads the same bytes.
    fn embedding(&mut self) -> Result<Stored, ImportError> {
        let source = self.source;
        let info = source.tensor("token_embd.weight")?;
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let unsupported = || ImportError::Unsupported(format!("embeddings of {columns} elements"));
        let storage = Storage::choose(info.kind, columns, self.precision, Role::Outer, self.latent());
        let storage = match storage.ok_or_else(unsupported)? {
            Storage::Packed(layout) => Storage::Packed(layout.without_offsets(columns).ok_or_else(unsupported)?),
            other => other,
        };
        self.note(info, &storage.describe(info.kind));
        let stored = self.store(&[("token_embd", info)], storage)?;
        match &stored {
            Stored::Tiles(format, place) => {
                self.weights.declare_bytes("embedding.tiles", place);
                let attributes = tile_attributes(*format, info.rows(), info.columns());
                self.graph.own("GgufGather", &["embedding.tiles", "input_ids"], &["embedding"], &attributes);
            }
            Stored::Packed(layout, packed) => {
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
            }
            Stored::Float(place) => {
                self.weights.declare("embedding.weights", Element::F32, &[info.rows(), info.columns()], place);
                let inputs = ["embedding.weights", "input_ids"];
                self.graph.op("Gather", &inputs, &["embedding"], &[("axis", Attribute::Int(0))]);
            }
        }
        Ok(stored)
    }

    /// The output layer, over the wanted rows only.
    fn head(&mut self, embedded: Stored) -> Result<(), ImportError> {
        let source = self.source;
        let tied = !source.tensors.contains_key("output.weight");
        let info = source.tensor(if tied { "token_embd.weight" } else { "output.weight" })?;
        let storage = self.storage("output", info, Role::Outer)?;
        let members = [("output", info)];
        let stored = if tied && embedded.storage() == storage { embedded } else { self.store(&members, storage)? };
        self.multiply_stored("wanted_rows", "logits", &members, &stored, 2)
    }
}
