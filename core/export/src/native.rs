//! Matrices in the blocks of the engine's own operators, in the order that these read them.

use crate::blocks;
use crate::error::ImportError;
use crate::grid;
use crate::matrix::{CHUNK, Step};
use crate::source::Source;
use crate::tensor::{TensorInfo, TensorType};
use crate::weights::{Place, Weights};
use deepcoder_kernels::{Format, TILE_ROWS};

/// Whether the matrices can be one, with their rows one below the other: tiles are not shared.
pub(crate) fn joins(parts: &[(&str, &TensorInfo)]) -> bool {
    parts.iter().all(|(_, info)| info.rows().is_multiple_of(TILE_ROWS as u64))
}

/// Writes the tiles of `parts`, one part below the other.
pub(crate) fn pack(
    source: &Source,
    weights: &mut Weights,
    parts: &[(&str, &TensorInfo)],
    format: Format,
    step: &mut Step<'_>,
) -> Result<Place, ImportError> {
    if let Some(place) = kept(weights, parts, format, 1, step)? {
        return Ok(place);
    }
    let mut tiles = Tiles::new(format);
    weights.begin()?;
    for (name, info) in parts {
        let rows = info.rows();
        tiles.append(source, weights, name, info, 0..rows, step)?;
    }
    Ok(weights.end())
}

/// Writes the tiles of the matrices that make up a tensor of three axes, one after the other.
pub(crate) fn pack_each(
    source: &Source,
    weights: &mut Weights,
    name: &str,
    info: &TensorInfo,
    format: Format,
    step: &mut Step<'_>,
) -> Result<Place, ImportError> {
    let rows = info.shape.get(1).copied().unwrap_or(1).max(1);
    if let Some(place) = kept(weights, &[(name, info)], format, info.rows() / rows, step)? {
        return Ok(place);
    }
    let mut tiles = Tiles::new(format);
    weights.begin()?;
    for first in (0..info.rows()).step_by(usize::try_from(rows).unwrap_or(1)) {
        tiles.append(source, weights, name, info, first..first + rows, step)?;
    }
    Ok(weights.end())
}

/// The tiles of `parts`, each of `matrices` matrices, as an import that was killed had written them.
fn kept(
    weights: &mut Weights,
    parts: &[(&str, &TensorInfo)],
    format: Format,
    matrices: u64,
    step: &mut Step<'_>,
) -> Result<Option<Place>, ImportError> {
    let bytes = |info: &TensorInfo| {
        let rows = usize::try_from(info.rows() / matrices.max(1)).ok()?;
        let bytes = format.matrix_bytes(rows, usize::try_from(info.columns()).ok()?)?;
        (bytes as u64).checked_mul(matrices)
    };
    let Some(length) = parts.iter().map(|(_, info)| bytes(info)).sum::<Option<u64>>() else { return Ok(None) };
    let Some([place]) = weights.kept([length])? else { return Ok(None) };
    parts.iter().try_for_each(|(_, info)| step(info.bytes))?;
    Ok(Some(place))
}

/// Writes `parts` as 32-bit floats, one below the other.
pub(crate) fn pack_floats(
    source: &Source,
    weights: &mut Weights,
    parts: &[(&str, &TensorInfo)],
    step: &mut Step<'_>,
) -> Result<Place, ImportError> {
    let (mut input, mut values, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    weights.begin()?;
    for (name, info) in parts {
        let row_bytes = (info.bytes / info.rows().max(1)).max(1);
        let at_once = (CHUNK / 4 / row_bytes).max(1);
        let mut first = 0;
        while first < info.rows() {
            let rows = at_once.min(info.rows() - first);
            source.read_rows(info, first, rows, &mut input)?;
            floats_of(name, info.kind, rows * info.columns(), &input, &mut values)?;
            bytes.clear();
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            weights.append(&bytes)?;
            first += rows;
            step(rows * row_bytes)?;
        }
    }
    Ok(weights.end())
}

/// The weights of `rows` rows of `info` from `first` on.
pub(crate) fn floats(
    source: &Source,
    name: &str,
    info: &TensorInfo,
    first: u64,
    rows: u64,
) -> Result<Vec<f32>, ImportError> {
    let (mut input, mut values) = (Vec::new(), Vec::new());
    source.read_rows(info, first, rows, &mut input)?;
    floats_of(name, info.kind, rows * info.columns(), &input, &mut values)?;
    Ok(values)
}

fn floats_of(name: &str, kind: TensorType, count: u64, input: &[u8], values: &mut Vec<f32>) -> Result<(), ImportError> {
    values.resize(usize::try_from(count).unwrap_or(0), 0.0);
    grid::dequantize(kind, input, values);
    if values.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(ImportError::NotFinite(name.to_owned())) }
}

/// Makes tiles of rows, in memory that is reused.
pub(crate) struct Tiles {
    format: Format,
    input: Vec<u8>,
    values: Vec<f32>,
    blocks: Vec<u8>,
    tile: Vec<u8>,
}

impl Tiles {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, input: Vec::new(), values: Vec::new(), blocks: Vec::new(), tile: Vec::new() }
    }

    /// Appends the tiles of some rows of a tensor: of its own blocks where they have the format, else of new ones.
    pub(crate) fn append(
        &mut self,
        source: &Source,
        weights: &mut Weights,
        name: &str,
        info: &TensorInfo,
        range: std::ops::Range<u64>,
        step: &mut Step<'_>,
    ) -> Result<(), ImportError> {
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let row_bytes = info.bytes / info.rows().max(1);
        let at_once = (CHUNK / row_bytes.max(1)).max(1).next_multiple_of(TILE_ROWS as u64);
        let mut first = range.start;
        while first < range.end {
            let rows = at_once.min(range.end - first);
            let mut input = std::mem::take(&mut self.input);
            source.read_rows(info, first, rows, &mut input)?;
            if self.format.name() == info.kind.name() {
                self.append_blocks(weights, name, columns, &input)?;
            } else {
                let mut values = std::mem::take(&mut self.values);
                floats_of(name, info.kind, rows * info.columns(), &input, &mut values)?;
                self.append_floats(weights, name, columns, &values)?;
                self.values = values;
            }
            self.input = input;
            first += rows;
            step(rows * row_bytes)?;
        }
        Ok(())
    }

    /// Appends the tiles of rows of weights.
    pub(crate) fn append_floats(
        &mut self,
        weights: &mut Weights,
        name: &str,
        columns: usize,
        values: &[f32],
    ) -> Result<(), ImportError> {
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks::encode(self.format, columns, values, &mut blocks)
            .ok_or_else(|| ImportError::NotFinite(name.to_owned()))?;
        self.append_blocks(weights, name, columns, &blocks)?;
        self.blocks = blocks;
        Ok(())
    }

    fn append_blocks(
        &mut self,
        weights: &mut Weights,
        name: &str,
        columns: usize,
        blocks: &[u8],
    ) -> Result<(), ImportError> {
        let unsupported = || ImportError::Unsupported(format!("`{name}` with rows of {columns} elements"));
        self.tile.resize(self.format.tile_bytes(columns).ok_or_else(unsupported)?, 0);
        for rows in blocks.chunks(columns / self.format.block() * self.format.block_bytes() * TILE_ROWS) {
            self.format.tile(columns, rows, &mut self.tile).map_err(|_| unsupported())?;
            weights.append(&self.tile)?;
        }
        Ok(())
    }
}
