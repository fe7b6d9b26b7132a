//! Matrices: packed row by row into the weights' file, then read by one `MatMulNBits`.

use crate::error::ImportError;
use crate::native;
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
    // Offsets go to the graph, which is made anew.
    if !layout.offsets {
        let sum = |bytes: &dyn Fn(usize) -> usize| -> u64 {
            parts.iter().map(|(_, p)| p.rows() * bytes(usize::try_from(p.columns()).unwrap_or(0)) as u64).sum()
        };
        let lengths = [sum(&|columns| layout.row_bytes(columns)), sum(&|columns| columns / layout.block * 4)];
        if let Some([codes, scales]) = weights.kept(lengths)? {
            parts.iter().try_for_each(|(_, info)| step(info.bytes))?;
            return Ok(Packed { codes, scales, offsets: Vec::new() });
        }
    }
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

/// Packs two tensors of the same shape, a row of the one and a row of the other in turn.
pub(crate) fn interleave(
    source: &Source,
    weights: &mut Weights,
    pair: [(&str, &TensorInfo); 2],
    layout: Layout,
    step: &mut Step<'_>,
) -> Result<Packed, ImportError> {
    let columns = usize::try_from(pair[0].1.columns()).unwrap_or(usize::MAX);
    let (out_row, blocks) = (layout.row_bytes(columns), columns / layout.block);
    let lengths = [out_row, blocks * 4].map(|bytes| 2 * pair[0].1.rows() * bytes as u64);
    if let Some([codes, scales]) = weights.kept(lengths)? {
        pair.iter().try_for_each(|(_, info)| step(info.bytes))?;
        return Ok(Packed { codes, scales, offsets: Vec::new() });
    }
    let (mut input, mut output, mut scales) = (Vec::new(), Vec::new(), Vec::new());
    weights.begin()?;
    let mut first = 0;
    while first < pair[0].1.rows() {
        let rows = rows_at_once(&pair).min(pair[0].1.rows() - first);
        let count = usize::try_from(rows).unwrap_or(0);
        let mut halves = [const { (Vec::new(), Vec::new()) }; 2];
        for ((name, info), (codes, scales)) in pair.iter().zip(&mut halves) {
            source.read_rows(info, first, rows, &mut input)?;
            codes.resize(count * out_row, 0);
            scales.resize(count * blocks, 0f32);
            let mut offsets = vec![0f32; count * blocks];
            pack_rows(info, columns, &input, layout, codes, scales, &mut offsets);
            if !scales.iter().all(|s| s.is_finite()) {
                return Err(ImportError::NotFinite((*name).to_owned()));
            }
            step(input.len() as u64)?;
        }
        output.clear();
        for row in 0..count {
            for (codes, row_scales) in &halves {
                output.extend_from_slice(&codes[row * out_row..(row + 1) * out_row]);
                scales.extend_from_slice(&row_scales[row * blocks..(row + 1) * blocks]);
            }
        }
        weights.append(&output)?;
        first += rows;
    }
    let codes = weights.end();
    let scales = weights.write_floats(&scales)?;
    Ok(Packed { codes, scales, offsets: Vec::new() })
}

/// As [`interleave`], as 32-bit floats.
pub(crate) fn interleave_floats(
    source: &Source,
    weights: &mut Weights,
    pair: [(&str, &TensorInfo); 2],
    step: &mut Step<'_>,
) -> Result<Place, ImportError> {
    let columns = usize::try_from(pair[0].1.columns()).unwrap_or(1).max(1);
    let mut output = Vec::new();
    weights.begin()?;
    let mut first = 0;
    while first < pair[0].1.rows() {
        let rows = rows_at_once(&pair).min(pair[0].1.rows() - first);
        let [a, b] = pair.map(|(name, info)| native::floats(source, name, info, first, rows));
        let (a, b) = (a?, b?);
        output.clear();
        for (a, b) in a.chunks_exact(columns).zip(b.chunks_exact(columns)) {
            output.extend(a.iter().chain(b).flat_map(|v| v.to_le_bytes()));
        }
        weights.append(&output)?;
        first += rows;
        step(pair.iter().map(|(_, info)| info.bytes / info.rows().max(1) * rows).sum())?;
    }
    Ok(weights.end())
}

fn rows_at_once(pair: &[(&str, &TensorInfo); 2]) -> u64 {
    let row = pair.iter().map(|(_, info)| info.bytes / info.rows().max(1)).max().unwrap_or(0);
    (CHUNK / 2 / row.max(1)).max(1)
}

/// Shares the rows among the processor's cores.
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
    let rows = input
        .chunks_exact(in_row)
        .zip(output.chunks_exact_mut(out_row))
        .zip(scales.chunks_exact_mut(blocks).zip(offsets.chunks_exact_mut(blocks)));
    share(rows, Scratch::default, |scratch, ((row, codes), (scales, offsets))| {
        pack_row(info.kind, row, layout, scratch, codes, scales, offsets);
    });
}

/// Does `work` with every item, on all of the processor's cores, each with a scratch of its own. Threads are only a
/// help: where the system refuses them, the caller's own does everything.
pub(crate) fn share<T: Send, S>(
    items: impl Iterator<Item = T> + Send,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) + Sync,
) {
    /// Items that are taken at a time.
    const TAKEN: usize = 16;
    let items = Mutex::new(items.fuse());
    let run = || {
        let mut scratch = scratch();
        let mut taken = Vec::with_capacity(TAKEN);
        loop {
            taken.extend(items.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(TAKEN));
            if taken.is_empty() {
                return;
            }
            taken.drain(..).for_each(|item| work(&mut scratch, item));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
    std::thread::scope(|scope| {
        for _ in 1..workers {
            if std::thread::Builder::new().spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
}
