//! The matrices that make keys and values of latents: one of both for all heads in older files, one for each in newer.

use crate::arch::{DeepSeek, Spec};
use crate::error::ImportError;
use crate::linear::{Role, Storage};
use crate::native::{self, Tiles};
use crate::onnx::Element;
use crate::source::Source;
use crate::tensor::TensorInfo;
use crate::transformer::Builder;
use deepcoder_kernels::Format;
use std::ops::Range;

/// Where they are.
enum Place<'a> {
    /// Rows of the keys and then of the values, head by head.
    Joint(&'a TensorInfo),
    /// The keys' are transposed: as they are multiplied with the queries.
    Apart(&'a TensorInfo, &'a TensorInfo),
}

/// Reads them.
pub(super) struct Latents<'a> {
    source: &'a Source,
    place: Place<'a>,
    rank: u64,
    nope: u64,
    value: u64,
}

impl<'a> Latents<'a> {
    pub(super) fn new(source: &'a Source, deepseek: &DeepSeek, layer: u64) -> Result<Self, ImportError> {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let place = match source.tensors.get(&name("attn_kv_b")) {
            Some(joint) => Place::Joint(joint),
            None => Place::Apart(source.tensor(&name("attn_k_b"))?, source.tensor(&name("attn_v_b"))?),
        };
        let DeepSeek { kv_lora_rank: rank, nope, value, .. } = *deepseek;
        Ok(Self { source, place, rank, nope, value })
    }

    /// A head's keys: `nope` rows of `rank`, or with `absorbed` the other way round.
    pub(super) fn keys(&self, head: u64, absorbed: bool) -> Result<Vec<f32>, ImportError> {
        let Self { source, rank, nope, value, .. } = *self;
        let (keys, columns, is_absorbed) = match self.place {
            Place::Joint(info) => {
                (native::floats(source, "attn_kv_b", info, head * (nope + value), nope)?, rank, false)
            }
            Place::Apart(info, _) => (native::floats(source, "attn_k_b", info, head * rank, rank)?, nope, true),
        };
        Ok(if absorbed == is_absorbed { keys } else { transposed(&keys, columns) })
    }

    /// A head's values: `value` rows of `rank`.
    pub(super) fn values(&self, head: u64) -> Result<Vec<f32>, ImportError> {
        let (info, rows) = self.value_rows(head);
        native::floats(self.source, "attn_v_b", info, rows.start, self.value)
    }

    /// Bytes of both in the source.
    pub(super) fn bytes(&self) -> u64 {
        match self.place {
            Place::Joint(info) => info.bytes,
            Place::Apart(keys, values) => keys.bytes + values.bytes,
        }
    }

    fn value_rows(&self, head: u64) -> (&'a TensorInfo, Range<u64>) {
        let (info, first) = match self.place {
            Place::Joint(info) => (info, head * (self.nope + self.value) + self.nope),
            Place::Apart(_, info) => (info, head * self.value),
        };
        (info, first..first + self.value)
    }

    fn key_rows(&self, head: u64) -> Option<(&'a TensorInfo, Range<u64>)> {
        match self.place {
            Place::Joint(_) => None,
            Place::Apart(info, _) => Some((info, head * self.rank..(head + 1) * self.rank)),
        }
    }
}

/// A matrix of rows of `columns`, transposed.
pub(super) fn transposed(values: &[f32], columns: u64) -> Vec<f32> {
    let columns = usize::try_from(columns).unwrap_or(1).max(1);
    let rows = values.len() / columns;
    let mut out = vec![0.0; values.len()];
    for (r, row) in values.chunks_exact(columns).enumerate() {
        for (c, value) in row.iter().enumerate() {
            out[c * rows + r] = *value;
        }
    }
    out
}

/// Floats as they are in the weights' file.
pub(super) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl Builder<'_> {
    /// Writes the matrices as the engine's operator reads them, `layer.N.keys` and `layer.N.values`, and gives the names
    /// of their types.
    pub(super) fn absorbed(
        &mut self,
        spec: &Spec,
        deepseek: &DeepSeek,
        layer: u64,
    ) -> Result<[&'static str; 2], ImportError> {
        let latents = Latents::new(self.source, deepseek, layer)?;
        let DeepSeek { kv_lora_rank: rank, nope, value, .. } = *deepseek;
        let (value_info, _) = latents.value_rows(0);
        let values = self.latent_storage(value_info, rank);
        let keys = match latents.key_rows(0) {
            Some((info, _)) => self.latent_storage(info, nope),
            // Transposing takes the blocks apart.
            None if values.is_none() => None,
            None => blocks_for(nope),
        };
        for (part, format, rows, columns) in [("keys", keys, rank, nope), ("values", values, value, rank)] {
            let name = format!("layer.{layer}.{part}");
            let mut tiles = format.map(Tiles::new);
            self.weights.begin()?;
            for head in 0..spec.heads {
                let stored = if part == "keys" { latents.key_rows(head) } else { Some(latents.value_rows(head)) };
                let floats = || if part == "keys" { latents.keys(head, true) } else { latents.values(head) };
                match (&mut tiles, stored) {
                    (Some(tiles), Some((info, rows))) => {
                        tiles.append(self.source, &mut self.weights, &name, info, rows, self.step)?;
                    }
                    (Some(tiles), None) => {
                        let columns = usize::try_from(columns).unwrap_or(0);
                        tiles.append_floats(&mut self.weights, &name, columns, &floats()?)?;
                    }
                    (None, _) => self.weights.append(&bytes_of(&floats()?))?,
                }
            }
            let place = self.weights.end();
            match format {
                Some(_) => self.weights.declare_bytes(&name, &place),
                None => self.weights.declare(&name, Element::F32, &[spec.heads, rows, columns], &place),
            }
        }
        Ok([keys, values].map(|format| format.map_or("F32", Format::name)))
    }

    /// The format for rows of `columns` weights out of `info`; `None` for floats.
    fn latent_storage(&mut self, info: &TensorInfo, columns: u64) -> Option<Format> {
        let width = usize::try_from(columns).unwrap_or(0);
        let storage = match Storage::choose(info.kind, width, self.precision, Role::Latent, true) {
            Some(Storage::Tiles(format)) => Some(format),
            Some(Storage::Float) => None,
            _ => blocks_for(columns),
        };
        self.note(info, &storage.map_or(Storage::Float, Storage::Tiles).describe(info.kind));
        storage
    }
}

/// Eight bits where they fit.
fn blocks_for(columns: u64) -> Option<Format> {
    columns.is_multiple_of(Format::Q8_0.block() as u64).then_some(Format::Q8_0)
}
