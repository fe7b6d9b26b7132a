//! Matrices whose blocks are kept as they are, in the order that the engine's own operators read them.

use crate::error::ImportError;
use crate::matrix::{CHUNK, Step};
use crate::quant::Precision;
use crate::source::Source;
use crate::tensor::TensorInfo;
use crate::weights::{Place, Weights};
use deepcoder_kernels::{Format, TILE_ROWS};

/// The format in which a matrix is kept; `None` if it is packed for the runtime's operators.
pub(crate) fn format(info: &TensorInfo, precision: Precision) -> Option<Format> {
    let wanted = precision == Precision::Native && info.shape.len() > 1;
    Format::from_name(info.kind.name()).filter(|_| wanted)
}

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
    let (mut input, mut tile) = (Vec::new(), Vec::new());
    weights.begin()?;
    for (name, info) in parts {
        let columns = usize::try_from(info.columns()).unwrap_or(0);
        let unsupported = || ImportError::Unsupported(format!("`{name}` with rows of {columns} elements"));
        tile.resize(format.tile_bytes(columns).ok_or_else(unsupported)?, 0);
        let row_bytes = info.bytes / info.rows();
        let sixteen_rows = columns / format.block() * format.block_bytes() * TILE_ROWS;
        let rows_at_once = (CHUNK / row_bytes.max(1)).max(1).next_multiple_of(TILE_ROWS as u64);
        let mut first = 0;
        while first < info.rows() {
            let rows = rows_at_once.min(info.rows() - first);
            source.read_rows(info, first, rows, &mut input)?;
            for rows in input.chunks(sixteen_rows) {
                format.tile(columns, rows, &mut tile).map_err(|_| unsupported())?;
                weights.append(&tile)?;
            }
            first += rows;
            step(rows * row_bytes)?;
        }
    }
    Ok(weights.end())
}
