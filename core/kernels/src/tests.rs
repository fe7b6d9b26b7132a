#[cfg(target_arch = "x86_64")]
mod amx;
mod grouped;
mod latent;
mod moe;
mod paged;

use crate::input::Block;
use crate::multiply::round_row;
use crate::{Format, Level, Matrix, Scratch, TILE_ROWS, multiply};

/// Blocks of `rows` rows with sane scales, as GGUF has them.
fn blocks(format: Format, rows: usize, k: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut bytes = vec![0u8; rows * k / format.block() * format.block_bytes()];
    bytes.iter_mut().for_each(|b| *b = (next() >> 9) as u8);
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        let halves: &[usize] = match format {
            Format::Q6_K => &[208],
            Format::Q4_K | Format::Q5_K => &[0, 2],
            _ => &[0],
        };
        for at in halves {
            let scale = half::f16::from_f32((next() % 1000) as f32 / 50_000.0 - 0.004);
            block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
    }
    bytes
}

fn tiles(format: Format, rows: usize, k: usize, blocks: &[u8]) -> Vec<u8> {
    let row_bytes = blocks.len() / rows;
    let mut out = vec![1u8; format.matrix_bytes(rows, k).unwrap()];
    for (rows, tile) in blocks.chunks(row_bytes * TILE_ROWS).zip(out.chunks_exact_mut(format.tile_bytes(k).unwrap())) {
        format.tile(k, rows, tile).unwrap();
    }
    out
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 % 1009) as f32 - 500.0) / if i % 97 == 0 { 50.0 } else { 400.0 }).collect()
}

fn product(level: Level, matrix: &Matrix<'_>, input: &[f32], bias: Option<&[f32]>, threads: usize) -> Vec<f32> {
    let mut out = vec![f32::NAN; input.len() / matrix.columns() * matrix.rows()];
    multiply(level, matrix, input, bias, &mut out, &mut Scratch::default(), &on(threads)).unwrap();
    out
}

/// Calls on so many threads.
fn on(threads: usize) -> impl Fn(&(dyn Fn() + Sync)) {
    move |work| {
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| {
                scope.spawn(work);
            });
            work();
        });
    }
}

/// Numbers between -1 and 1 without a pattern.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// How far `got` is from `exact`, as a part of the usual size of `exact`.
fn distance(got: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(got.len(), exact.len());
    let error: f64 = got.iter().zip(exact).map(|(g, e)| (f64::from(*g) - e).powi(2)).sum();
    (error / exact.iter().map(|e| e * e).sum::<f64>()).sqrt()
}

/// A matrix's rows as numbers.
fn weights(matrix: &Matrix<'_>) -> Vec<Vec<f64>> {
    let row = |row| {
        let mut out = vec![0f32; matrix.columns()];
        matrix.row(row, &mut out);
        out.into_iter().map(f64::from).collect()
    };
    (0..matrix.rows()).map(row).collect()
}

fn dot(row: &[f64], x: &[f64]) -> f64 {
    row.iter().zip(x).map(|(a, b)| a * b).sum()
}

const SHAPES: [(usize, usize); 3] = [(16, 256), (37, 512), (5, 768)];

/// Protects losslessness: a tile has all of its blocks' bytes.
#[test]
fn tiles_give_back_their_blocks() {
    for format in Format::ALL {
        for (n, k) in SHAPES {
            let blocks = blocks(format, n, k, 11);
            let tiles = tiles(format, n, k, &blocks);
            let matrix = Matrix::new(format, n, k, &tiles).unwrap();
            for (row, expected) in blocks.chunks_exact(blocks.len() / n).enumerate() {
                assert_eq!(matrix.blocks(row), expected, "{format:?} {n}×{k} row {row}");
            }
            assert!(Matrix::new(format, n + TILE_ROWS, k, &tiles).is_err());
        }
    }
}

/// Protects the numbers: they are those of the weights, but for what rounding the input to 255 levels may change.
#[test]
fn products_are_those_of_the_weights() {
    for format in Format::ALL {
        for (n, k) in SHAPES {
            let tiles = tiles(format, n, k, &blocks(format, n, k, 5));
            let matrix = Matrix::new(format, n, k, &tiles).unwrap();
            let (input, bias) = (numbers(3 * k), numbers(n));
            let out = product(Level::best(), &matrix, &input, Some(&bias), 1);
            let mut weights = vec![0f32; k];
            for row in 0..n {
                matrix.row(row, &mut weights);
                for (m, input) in input.chunks_exact(k).enumerate() {
                    let (mut exact, mut bound) = (f64::from(bias[row]), 0f64);
                    for (x, w) in input.chunks_exact(32).zip(weights.chunks_exact(32)) {
                        let half_step = f64::from(x.iter().fold(0f32, |a, v| a.max(v.abs()))) / 254.0;
                        for (x, w) in x.iter().zip(w) {
                            exact += f64::from(*x) * f64::from(*w);
                            bound += half_step * f64::from(w.abs());
                        }
                    }
                    let got = f64::from(out[m * n + row]);
                    assert!((got - exact).abs() <= bound * 1.001 + 1e-4, "{format:?} {got} {exact} {bound}");
                    // The bound is a worst case: a wrong minimum or sign would hide in it for a single row.
                    assert!((got - exact).abs() <= bound * 0.4 + 1e-4, "{format:?} {got} {exact} {bound}");
                }
            }
        }
    }
}

/// Protects chunked prompts, cached prefixes and drafts: a row's bits depend on nothing but the row.
#[test]
fn a_row_has_the_same_bits_in_any_company() {
    for format in Format::ALL {
        let (n, k) = (37, 512);
        let tiles = tiles(format, n, k, &blocks(format, n, k, 3));
        let matrix = Matrix::new(format, n, k, &tiles).unwrap();
        let input = numbers(33 * k);
        let alone: Vec<u32> = input
            .chunks_exact(k)
            .flat_map(|row| product(Level::best(), &matrix, row, None, 1))
            .map(f32::to_bits)
            .collect();
        for level in Level::available() {
            for count in [1, 2, 3, 5, 8, 15, 16, 33] {
                for threads in [1, 3] {
                    let out = product(level, &matrix, &input[..count * k], None, threads);
                    let out: Vec<u32> = out.into_iter().map(f32::to_bits).collect();
                    assert!(out == alone[..count * n], "{format:?} {level:?} {count} rows {threads} threads");
                }
            }
        }
    }
}

/// Protects the same bits everywhere where the input is at the edge: every level rounds to the same blocks.
#[test]
fn every_level_rounds_alike() {
    let edges =
        [0.0, -0.0, 1e-42, -1e-38, 3e-36, 1.0, -127.5, 65504.0, 3e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let mut row = noise(64 * 32, 3);
    for (i, chunk) in row.chunks_exact_mut(32).enumerate() {
        let factor = 10f32.powi(i as i32 - 40);
        chunk.iter_mut().for_each(|v| *v *= factor);
        chunk[i % 32] = edges[i % edges.len()];
    }
    row[..32].fill(0.0);
    let rounded = |level| {
        let mut blocks = vec![Block::default(); 64];
        round_row(level, &row, &mut blocks, 1);
        let number = |v: f32| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() };
        blocks.iter().map(|b| (b.bytes, b.less, number(b.scale), number(b.sum))).collect::<Vec<_>>()
    };
    for level in Level::available() {
        assert_eq!(rounded(level), rounded(Level::Scalar), "{level:?}");
    }
}

/// Protects against silence: an input that is not finite must not come out as an ordinary number.
#[test]
fn what_is_not_a_number_stays_none() {
    let (format, n, k) = (Format::Q8_0, 16, 256);
    let tiles = tiles(format, n, k, &blocks(format, n, k, 7));
    let matrix = Matrix::new(format, n, k, &tiles).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut input = numbers(k);
        input[100] = bad;
        assert!(product(Level::best(), &matrix, &input, None, 1).iter().all(|v| !v.is_finite()), "{bad}");
    }
    assert!(product(Level::best(), &matrix, &vec![0.0; k], None, 1).iter().all(|v| *v == 0.0));
    assert!(product(Level::best(), &matrix, &vec![1e-42; k], None, 1).iter().all(|v| v.is_finite()));
}
