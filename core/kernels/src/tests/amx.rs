use super::{blocks, noise, tiles};
use crate::amx::{self, emulator::Emulator};
use crate::input::{Block, GROUP, groups, round};
use crate::multiply::products;
use crate::{Format, Level, Matrix, TILE_ROWS};

/// Protects prompts on processors with AMX: what the tiles' code computes, on a model of their instructions, has the
/// bits of AVX-512, for every format, for widths that fill no chunk of blocks, and for as many groups of rows as there
/// may be; rows that make no group are left to the other code. Where there are no such vectors there is nothing to
/// compare.
#[test]
fn tiles_give_the_bits_of_vectors() {
    let vectors = Level::available().into_iter().filter(|level| *level == Level::Avx512);
    for (level, format) in vectors.flat_map(|level| Format::ALL.map(|format| (level, format))) {
        let columns = if format.block() == 32 { [32, 96, 256, 416] } else { [256, 512, 768, 1024] };
        for k in columns {
            let n = 37;
            let tiles = tiles(format, n, k, &blocks(format, n, k, 13));
            let matrix = Matrix::new(format, n, k, &tiles).unwrap();
            for rows in [7, 8, 13, 16, 29, 64] {
                let input = noise(rows * k, 3);
                let mut rounded = vec![Block::default(); rows * (k / GROUP)];
                for (first, size) in groups(rows) {
                    for m in 0..size {
                        let row = &input[(first + m) * k..(first + m + 1) * k];
                        round(row, &mut rounded[first * (k / GROUP) + m..], size);
                    }
                }
                for tile in 0..n.div_ceil(TILE_ROWS) {
                    let mut wanted = vec![[f32::NAN; TILE_ROWS]; rows];
                    products(level, &matrix, tile, &rounded, &mut wanted);
                    let mut got = vec![[f32::NAN; TILE_ROWS]; rows];
                    // SAFETY: the processor has AVX-512.
                    #[expect(unsafe_code, reason = "instructions that not every processor has")]
                    let done = unsafe { amx::products(&mut Emulator::default(), &matrix, tile, &rounded, &mut got) };
                    assert_eq!(done, rows / 8 * 8);
                    let bits =
                        |rows: &[[f32; TILE_ROWS]]| rows.concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    assert!(bits(&got[..done]) == bits(&wanted[..done]), "{format:?} {rows} × {k}, tile {tile}");
                    assert!(got[done..].concat().iter().all(|v| v.is_nan()), "{format:?} {rows} × {k}, tile {tile}");
                }
            }
        }
    }
}
