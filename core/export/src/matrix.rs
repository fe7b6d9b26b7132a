//! Matrices: packed row by row into the weights' file, then read by one `MatMulNBits`.

use crate::error::ImportError;
use crate::quant::{Layout, Scratch, pack_row};
use crate::source::Source;
use crate::tensor::TensorInfo;
use crate::weights::{Place, Weights};
use std::sync::{Mutex, PoisonError};

/// Bytes of the source that are read at a time.
pub(crate) const CHUNK: u64 = 16 << 20;

/// A packed matrix.
pub(crate) struct Packed {
    pub(crate) codes: Place,
    pub(crate) scales: Place,
    /// Offsets of all blocks, one row of blocks after the other; empty without them.
    pub(crate) offsets: Vec<f32>,
}

/// Called with the bytes of the source that were done; stops the work by an error.
pub(crate) type Step<'a> = dyn FnMut(u64) -> Result<(), ImportError> + 'a;

/// Packs the rows of `parts`, one part below the other.
pub(crate) fn pack(
    source: &Source,
    weights: &mut Weights,
    parts: &[(&str, &TensorInfo)],
    layout: Layout,
    step: &mut Step<'_>,
) -> Result<Packed, ImportError> {
    let (mut scales, mut offsets) = (Vec::new(), Vec::new());
    let (mut input, mut output) = (Vec::new(), Vec::new());
    weights.begin()?;
    for (name, info) in parts {
        let columns = usize::try_from(info.columns()).unwrap_or(usize::MAX);
        let row_bytes = info.bytes / info.rows();
        let rows_at_once = (CHUNK / row_bytes.max(1)).max(1);
        let mut first = 0;
        while first < info.rows() {
            let rows = rows_at_once.min(info.rows() - first);
            source.read_rows(info, first, rows, &mut input)?;
            let count = usize::try_from(rows).unwrap_or(0);
            output.resize(count * layout.row_bytes(columns), 0);
            let start = scales.len();
            scales.resize(start + count * columns / layout.block, 0f32);
            offsets.resize(scales.len(), 0f32);
            let (scales, offsets) = (&mut scales[start..], &mut offsets[start..]);
            pack_rows(info, columns, &input, layout, &mut output, scales, offsets);
            if !scales.iter().chain(offsets.iter()).all(|s| s.is_finite()) {
                return Err(ImportError::NotFinite((*name).to_owned()));
            }
            weights.append(&output)?;
            first += rows;
            step(rows * row_bytes)?;
        }
    }
    let codes = weights.end();
    let scales = weights.write_floats(&scales)?;
    if !layout.offsets {
        offsets = Vec::new();
    }
    Ok(Packed { codes, scales, offsets })
}

/// Shares the rows among the processor's cores. Threads are only a help: where the system refuses them, the caller's
/// own does all the work.
fn pack_rows(
    info: &TensorInfo,
    columns: usize,
    input: &[u8],
    layout: Layout,
    output: &mut [u8],
    scales: &mut [f32],
    offsets: &mut [f32],
) {
    let in_row = info.kind.block_bytes() * (columns / info.kind.block());
    let (out_row, blocks) = (layout.row_bytes(columns), columns / layout.block);
    let rows = input.len() / in_row;
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
    let share = rows.div_ceil(workers * 4).max(1);
    let shares = input
        .chunks(share * in_row)
        .zip(output.chunks_mut(share * out_row))
        .zip(scales.chunks_mut(share * blocks).zip(offsets.chunks_mut(share * blocks)));
    let shares = Mutex::new(shares);
    let work = || {
        let mut scratch = Scratch::default();
        loop {
            let next = shares.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(((input, output), (scales, offsets))) = next else { return };
            let rows = input
                .chunks_exact(in_row)
                .zip(output.chunks_exact_mut(out_row))
                .zip(scales.chunks_exact_mut(blocks).zip(offsets.chunks_exact_mut(blocks)));
            for ((row, codes), (scales, offsets)) in rows {
                pack_row(info.kind, row, layout, &mut scratch, codes, scales, offsets);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}
