//! Whether the instructions give what AVX-512 gives, on this very machine.

use super::{Hardware, hardware, tile};
use crate::format::{Format, TILE_ROWS};
use crate::input::{Block, GROUP, MOST_ROWS};
use crate::kernel;
use std::sync::OnceLock;

/// Columns of the products that are compared: two blocks of 256, and groups of rows.
const COLUMNS: usize = 512;
const GROUPS: usize = 2;

/// Whether this machine can use the tiles of AMX: it has them, the system lets the process use them, and random
/// products of every format have the same bits as those of AVX-512. Found out once.
///
/// # Safety
/// The processor must have AVX-512 with VNNI.
pub(crate) unsafe fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        // SAFETY: as the caller promises, and the tiles are asked for first.
        hardware::is_usable() && Format::ALL.into_iter().all(|format| unsafe { is_same(format, 7 + format as u64) })
    })
}

/// Compares the products of one format.
///
/// # Safety
/// The processor must have AVX-512 with VNNI and AMX, which the process may use.
unsafe fn is_same(format: Format, seed: u64) -> bool {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        state >> 33
    };
    let row = COLUMNS / format.block() * format.block_bytes();
    let mut rows: Vec<u8> = (0..TILE_ROWS * row).map(|_| next().to_le_bytes()[0]).collect();
    // Any bits are weights, but numbers that are not finite would hide differences: the scales get small exponents.
    let scales: &[usize] = match format {
        Format::Q6_K => &[209],
        Format::Q4_K | Format::Q5_K => &[1, 3],
        _ => &[1],
    };
    for block in rows.chunks_exact_mut(format.block_bytes()) {
        scales.iter().for_each(|at| block[*at] &= 0xbf);
    }
    let mut bytes = vec![0; format.tile_bytes(COLUMNS).unwrap_or(0)];
    if format.tile(COLUMNS, &rows, &mut bytes).is_err() {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "random numbers")]
    let input: Vec<f32> = (0..GROUPS * MOST_ROWS * COLUMNS).map(|_| next() as f32 / 1e9 - 1.0).collect();
    let per_row = COLUMNS / GROUP;
    let mut blocks = vec![Block::default(); GROUPS * MOST_ROWS * per_row];
    for (group, blocks) in blocks.chunks_exact_mut(MOST_ROWS * per_row).enumerate() {
        for m in 0..MOST_ROWS {
            let row = &input[(group * MOST_ROWS + m) * COLUMNS..][..COLUMNS];
            crate::input::round(row, &mut blocks[m..], MOST_ROWS);
        }
    }
    let (mut got, mut wanted) = ([[0f32; TILE_ROWS]; GROUPS * MOST_ROWS], [[0f32; TILE_ROWS]; GROUPS * MOST_ROWS]);
    // SAFETY: the tile and the blocks have the sizes of their shapes, and the processor has both sets of instructions.
    unsafe {
        tile(&mut Hardware, format, bytes.as_ptr(), COLUMNS, blocks.as_ptr(), &mut got);
        for (group, wanted) in wanted.as_chunks_mut::<MOST_ROWS>().0.iter_mut().enumerate() {
            let blocks = blocks[group * MOST_ROWS * per_row..].as_ptr();
            kernel::avx512::tile(format, bytes.as_ptr(), COLUMNS, blocks, MOST_ROWS, wanted);
        }
    }
    got.iter().zip(&wanted).all(|(got, wanted)| got.map(f32::to_bits) == wanted.map(f32::to_bits))
}
