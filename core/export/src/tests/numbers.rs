//! That weights come out as what they are.

use crate::blocks;
use crate::grid::{dequantize, grid};
use crate::quant::{Layout, Precision, Scratch, pack_row};
use crate::tensor::TensorType;
use deepcoder_kernels::Format;

const GOLDEN: &[u8] = include_bytes!("../../golden/dequant.bin");

struct Record {
    kind: TensorType,
    bytes: Vec<u8>,
    floats: Vec<f32>,
}

fn golden() -> Vec<Record> {
    let word = |at: usize| u32::from_le_bytes(GOLDEN[at..at + 4].try_into().unwrap());
    let (mut at, mut out) = (0, Vec::new());
    while at < GOLDEN.len() {
        let (kind, bytes, floats) = (word(at), word(at + 4) as usize, word(at + 8) as usize);
        let start = at + 12 + bytes;
        out.push(Record {
            kind: TensorType::from_gguf(kind).unwrap(),
            bytes: GOLDEN[at + 12..start].to_vec(),
            floats: (0..floats).map(|i| f32::from_bits(word(start + 4 * i))).collect(),
        });
        at = start + 4 * floats;
    }
    assert_eq!(out.len(), 13);
    out
}

/// What the kernel computes for a packed row.
fn unpack(layout: Layout, codes: &[u8], scales: &[f32], offsets: &[f32]) -> Vec<f32> {
    let code = |i: usize| match layout.bits {
        8 => f32::from(codes[i]) - 128.0,
        _ => f32::from((codes[i / 2] >> (4 * (i % 2))) & 15) - 8.0,
    };
    (0..scales.len() * layout.block).map(|i| code(i) * scales[i / layout.block] + offsets[i / layout.block]).collect()
}

fn pack(kind: TensorType, row: &[u8], columns: usize, layout: Layout) -> Vec<f32> {
    let blocks = columns / layout.block;
    let (mut codes, mut scales, mut offsets) =
        (vec![0; layout.row_bytes(columns)], vec![0.0; blocks], vec![0.0; blocks]);
    pack_row(kind, row, layout, &mut Scratch::default(), &mut codes, &mut scales, &mut offsets);
    unpack(layout, &codes, &scales, &offsets)
}

/// Protects every import: each storage type reads as the reference implementation reads it, bit for bit.
#[test]
fn dequantising_equals_the_reference() {
    for record in golden() {
        let mut out = vec![0.0; record.floats.len()];
        dequantize(record.kind, &record.bytes, &mut out);
        let bits = |v: &[f32]| v.iter().map(|f| f.to_bits()).collect::<Vec<_>>();
        // Minus zero and zero are the same weight.
        let clean = |v: &[f32]| v.iter().map(|f| f + 0.0).collect::<Vec<_>>();
        assert_eq!(bits(&clean(&out)), bits(&clean(&record.floats)), "{}", record.kind.name());
    }
}

/// Protects `exact`: the kernel's codes, scales and offsets give the source's weights back (without offsets bit for
/// bit; with them up to the rounding of one addition).
#[test]
fn exact_layouts_lose_nothing() {
    for record in golden().into_iter().filter(|r| grid(r.kind).is_some()) {
        let columns = record.floats.len();
        let layout = Layout::choose(record.kind, columns, Precision::Exact).unwrap();
        assert!(layout.exact);
        let packed = pack(record.kind, &record.bytes, columns, layout);
        let size = record.floats.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (a, b) in packed.iter().zip(&record.floats) {
            if layout.offsets {
                assert!((a - b).abs() <= size * 1e-6, "{}: {a} {b}", record.kind.name());
            } else {
                assert_eq!(a + 0.0, b + 0.0, "{}", record.kind.name());
            }
        }
    }
}

fn error(packed: &[f32], weights: &[f32]) -> f32 {
    let square: f32 = packed.iter().zip(weights).map(|(a, b)| (a - b) * (a - b)).sum();
    (square / weights.iter().map(|w| w * w).sum::<f32>()).sqrt()
}

/// Protects the default: 8 bits stay within half a step of the block's largest weight; and `--bits 4`: the searched
/// scale is no worse than the plain one.
#[test]
fn rounding_is_as_good_as_it_can_be() {
    let weights: Vec<f32> = (0..256u16).map(|i| (f32::from(i) * 0.37).sin() * (1.0 + f32::from(i % 7))).collect();
    let row: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
    let near = Layout::choose(TensorType::F32, 256, Precision::Near).unwrap();
    assert_eq!((near.bits, near.block), (8, 64));
    let packed = pack(TensorType::F32, &row, 256, near);
    assert!(packed.iter().zip(&weights).all(|(a, b)| (a - b).abs() <= 7.0 / 127.0 * 0.501));
    let four = Layout::choose(TensorType::F32, 256, Precision::Requantised { bits: 4, block: 32 }).unwrap();
    let searched = error(&pack(TensorType::F32, &row, 256, four), &weights);
    let plain: Vec<f32> = weights
        .chunks(32)
        .flat_map(|block| {
            let most = block.iter().fold(0f32, |m, &w| if w.abs() > m.abs() { w } else { m });
            let scale = most / -8.0;
            block.iter().map(move |w| (w / scale).round().clamp(-8.0, 7.0) * scale)
        })
        .collect();
    assert!(searched <= error(&plain, &weights), "{searched} {}", error(&plain, &weights));
}

/// Protects the blocks that are made of floats: read back by the reference's grid they are as near as their bits allow,
/// the searched scales are better than the plain one, zeros stay zeros, and what cannot be written is refused.
#[test]
fn new_blocks_are_as_near_as_they_can_be() {
    let weights: Vec<f32> = (0..2048u16).map(|i| (f32::from(i) * 0.37).sin() * (1.0 + f32::from(i % 7))).collect();
    let read = |format: Format, weights: &[f32]| {
        let mut bytes = Vec::new();
        blocks::encode(format, 512, weights, &mut bytes)?;
        let kind = match format {
            Format::Q4_0 => TensorType::Q4_0,
            Format::Q8_0 => TensorType::Q8_0,
            _ => TensorType::Q6_K,
        };
        let mut out = vec![0f32; weights.len()];
        dequantize(kind, &bytes, &mut out);
        Some(out)
    };
    let plain: Vec<f32> = weights
        .chunks(32)
        .flat_map(|block| {
            let most = block.iter().fold(0f32, |m, &w| if w.abs() > m.abs() { w } else { m });
            let scale = half::f16::from_f32(most / -8.0).to_f32();
            block.iter().map(move |w| (w / scale).round().clamp(-8.0, 7.0) * scale)
        })
        .collect();
    let found = error(&read(Format::Q4_0, &weights).unwrap(), &weights);
    assert!(found < error(&plain, &weights) * 0.95, "{found} {}", error(&plain, &weights));
    for (format, most) in [(Format::Q8_0, 0.005), (Format::Q6_K, 0.025)] {
        let found = error(&read(format, &weights).unwrap(), &weights);
        assert!(found < most, "{format:?}: {found}");
    }
    for format in [Format::Q4_0, Format::Q8_0, Format::Q6_K] {
        assert!(read(format, &[0.0; 512]).unwrap() == [0.0; 512]);
        for wrong in [f32::NAN, f32::INFINITY, 1e30] {
            let mut weights = weights.clone();
            weights[700] = wrong;
            assert!(read(format, &weights).is_none(), "{format:?} {wrong}");
        }
    }
    assert_eq!(read(Format::Q4_K, &weights), None);
}

/// Protects against division by zero and garbage codes: rows of zeros stay zeros.
#[test]
fn zeros_stay_zeros() {
    for bits in [4, 8] {
        let layout = Layout { bits, block: 32, exact: false, offsets: false };
        assert!(pack(TensorType::F32, &[0; 256], 64, layout).iter().all(|w| *w == 0.0));
    }
}

/// Protects the choice of layouts: 4-bit grids without minima stay as they are, blocks always divide the row, and a
/// row that no block divides is refused.
#[test]
fn layouts_fit_the_row() {
    let q4 = Layout::choose(TensorType::Q4_0, 896, Precision::Near).unwrap();
    assert_eq!((q4.bits, q4.block, q4.exact), (4, 32, true));
    assert_eq!(Layout::choose(TensorType::F16, 96, Precision::Near).unwrap().block, 32);
    assert_eq!(Layout::choose(TensorType::F16, 100, Precision::Near), None);
    let affine = Layout::choose(TensorType::Q4_K, 512, Precision::Exact).unwrap();
    assert!(affine.offsets && affine.without_offsets(512).is_some_and(|l| !l.offsets && l.bits == 8));
}
