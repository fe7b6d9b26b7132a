//! How matrices are stored, and the operations that multiply by them.

use crate::error::ImportError;
use crate::grid;
use crate::matrix::{self, Packed};
use crate::native;
use crate::onnx::{Attribute, Element};
use crate::quant::{Layout, Precision};
use crate::tensor::{TensorInfo, TensorType};
use crate::transformer::{Builder, signed};
use crate::weights::Place;
use deepcoder_kernels::Format;

/// How a matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// For the runtime's operators.
    Packed(Layout),
    /// For the engine's own: blocks of this format, the source's where it has them.
    Tiles(Format),
    /// 32-bit floats, for the runtime's operators.
    Float,
}

/// A matrix in the weights' file.
pub(crate) enum Stored {
    Packed(Layout, Packed),
    Tiles(Format, Place),
    Float(Place),
}

impl Stored {
    pub(crate) fn storage(&self) -> Storage {
        match self {
            Self::Packed(layout, _) => Storage::Packed(*layout),
            Self::Tiles(format, _) => Storage::Tiles(*format),
            Self::Float(_) => Storage::Float,
        }
    }
}

/// The role of a matrix in the model, as far as its precision depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// One of a layer's.
    Inner,
    /// The embedding and the output layer: small models suffer most there, so that 4 bits are never chosen for them.
    Outer,
    /// Expands or absorbs the latents of the cache. It is small, and its errors are in every key and value.
    Latent,
}

impl Role {
    /// The role of the tensor `name`.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "token_embd.weight" | "output.weight" => Self::Outer,
            _ if ["attn_kv_b", "attn_k_b", "attn_v_b"].iter().any(|part| name.contains(part)) => Self::Latent,
            _ => Self::Inner,
        }
    }
}

impl Storage {
    /// How a matrix of `kind` with `columns` is stored in a model with a latent cache (`latent`) or another; `None` if
    /// nothing fits.
    pub(crate) fn choose(
        kind: TensorType,
        columns: usize,
        precision: Precision,
        role: Role,
        latent: bool,
    ) -> Option<Self> {
        let rounded = |bits| match role {
            Role::Inner if bits == 4 => Format::Q4_0,
            Role::Outer if bits == 4 && columns.is_multiple_of(Format::Q6_K.block()) => Format::Q6_K,
            Role::Inner | Role::Outer | Role::Latent => Format::Q8_0,
        };
        let tiles = |format: Format| columns.is_multiple_of(format.block()).then_some(Self::Tiles(format));
        let packed = |precision| Layout::choose(kind, columns, precision).map(Self::Packed);
        match precision {
            Precision::Native => match Format::from_name(kind.name()) {
                Some(format) => tiles(format),
                // A model as large as these is not wanted in 8 bits; what is neither is rare.
                None if latent => tiles(if kind.is_float() { rounded(4) } else { Format::Q8_0 }),
                None => packed(precision),
            },
            Precision::Blocks { bits } => tiles(rounded(bits)),
            // A table of minima cannot be looked up.
            Precision::Exact if latent && (kind.is_float() || (role == Role::Outer && affine(kind))) => {
                Some(Self::Float)
            }
            Precision::Near if latent && kind.is_float() && role == Role::Inner => {
                packed(Precision::Requantised { bits: 4, block: crate::quant::NEAR_BLOCK })
            }
            Precision::Requantised { bits: 4, .. } if role != Role::Inner => packed(Precision::Near),
            Precision::Exact | Precision::Near | Precision::Requantised { .. } => packed(precision),
        }
    }

    /// Bytes that a matrix takes in the weights' file.
    pub(crate) fn bytes(self, rows: u64, columns: u64) -> u64 {
        match self {
            Self::Packed(layout) => {
                let per_block = if layout.offsets { 8 } else { 4 };
                rows * (columns * u64::from(layout.bits) / 8 + columns / layout.block as u64 * per_block)
            }
            Self::Tiles(format) => {
                let size = |n| usize::try_from(n).unwrap_or(0);
                format.matrix_bytes(size(rows), size(columns)).map_or(0, |bytes| bytes as u64)
            }
            Self::Float => rows * columns * 4,
        }
    }

    /// For the manifest.
    pub(crate) fn describe(self, kind: TensorType) -> String {
        match self {
            Self::Packed(layout) => layout.describe(),
            Self::Tiles(format) if format.name() == kind.name() => "the same blocks".to_owned(),
            Self::Tiles(format) => format!("blocks of {}, rounded", format.name()),
            Self::Float => "32-bit floats".to_owned(),
        }
    }
}

fn affine(kind: TensorType) -> bool {
    grid::grid(kind).is_some_and(|grid| grid.affine)
}

/// The attributes of the engine's products.
pub(crate) fn tile_attributes(format: Format, rows: u64, columns: u64) -> [(&'static str, Attribute); 3] {
    [
        ("type", Attribute::Text(format.name())),
        ("N", Attribute::Int(signed(rows))),
        ("K", Attribute::Int(signed(columns))),
    ]
}

impl Builder<'_> {
    /// How `info` is stored, noted for the manifest.
    pub(crate) fn storage(&mut self, name: &str, info: &TensorInfo, role: Role) -> Result<Storage, ImportError> {
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let storage = Storage::choose(info.kind, columns, self.precision, role, self.latent());
        let storage =
            storage.ok_or_else(|| ImportError::Unsupported(format!("`{name}` with rows of {columns} elements")))?;
        self.note(info, &storage.describe(info.kind));
        Ok(storage)
    }

    pub(crate) fn store(&mut self, members: &[(&str, &TensorInfo)], storage: Storage) -> Result<Stored, ImportError> {
        Ok(match storage {
            Storage::Packed(layout) => {
                Stored::Packed(layout, matrix::pack(self.source, &mut self.weights, members, layout, self.step)?)
            }
            Storage::Tiles(format) => {
                Stored::Tiles(format, native::pack(self.source, &mut self.weights, members, format, self.step)?)
            }
            Storage::Float => Stored::Float(native::pack_floats(self.source, &mut self.weights, members, self.step)?),
        })
    }

    pub(crate) fn multiply_stored(
        &mut self,
        input: &str,
        output: &str,
        members: &[(&str, &TensorInfo)],
        stored: &Stored,
        rank: usize,
    ) -> Result<(), ImportError> {
        let bias = self.bias(members)?;
        let rows: u64 = members.iter().map(|(_, info)| info.rows()).sum();
        let columns = members.first().map_or(0, |(_, info)| info.columns());
        let biases = format!("{output}.bias");
        match stored {
            Stored::Packed(layout, packed) => {
                self.independent_rows = false;
                self.multiply(input, output, members, *layout, packed, &bias, rank)
            }
            Stored::Tiles(format, place) => {
                let tiles = format!("{output}.tiles");
                self.weights.declare_bytes(&tiles, place);
                let mut inputs = vec![input, tiles.as_str()];
                if !bias.is_empty() {
                    self.weights.floats(&biases, &[rows], &bias)?;
                    inputs.push(biases.as_str());
                }
                self.graph.own("GgufMatMul", &inputs, &[output], &tile_attributes(*format, rows, columns));
                Ok(())
            }
            Stored::Float(place) => {
                self.independent_rows = false;
                let weights = format!("{output}.weights");
                self.weights.declare(&weights, Element::F32, &[rows, columns], place);
                let product = if bias.is_empty() { output.to_owned() } else { format!("{output}.product") };
                let transposed = [("transB", Attribute::Int(1))];
                self.graph.contrib("FusedMatMul", &[input, &weights], &[&product], &transposed);
                if !bias.is_empty() {
                    self.weights.floats(&biases, &[rows], &bias)?;
                    self.graph.op("Add", &[&product, &biases], &[output], &[]);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn note(&mut self, info: &TensorInfo, description: &str) {
        let how = self.mapping.entry(info.kind.name().to_owned()).or_default();
        if !how.contains(description) {
            how.push_str(if how.is_empty() { "" } else { "; " });
            how.push_str(description);
        }
    }

    pub(crate) fn one(&mut self, input: &str, output: &str, tensor: &str, rank: usize) -> Result<String, ImportError> {
        let names = self.linear(input, output, &[tensor.to_owned()], rank)?;
        names.into_iter().next().ok_or_else(|| ImportError::MissingTensor(tensor.to_owned()))
    }

    /// Multiplies `input`, of `rank` axes, by the matrices `tensors` (names without `.weight`): in one operation and
    /// with one output where their layouts are the same, else each with its own.
    pub(crate) fn linear(
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
            let storage = self.storage(name, info, Role::Inner)?;
            parts.push((name.as_str(), info, storage));
        }
        let all: Vec<(&str, &TensorInfo)> = parts.iter().map(|(name, info, _)| (*name, *info)).collect();
        let same = parts.windows(2).all(|w| w[0].2 == w[1].2);
        let one = same && (!matches!(parts[0].2, Storage::Tiles(_)) || native::joins(&all));
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
                ("accuracy_level", Attribute::Int(self.accuracy())),
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
}
