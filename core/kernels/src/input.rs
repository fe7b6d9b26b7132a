//! The input of a multiplication, rounded to eight bits in blocks of 32 with a scale each.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;

/// Weights that share one scale of the input.
pub(crate) const GROUP: usize = 32;
/// Rows that lie together, block by block; what is left over makes smaller groups.
pub(crate) const MOST_ROWS: usize = 8;

/// 32 numbers of a row.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(16))]
pub(crate) struct Block {
    /// Signed bytes, four in each.
    pub(crate) bytes: [i32; 8],
    pub(crate) scale: f32,
    /// The sum of the bytes, times the scale.
    pub(crate) sum: f32,
    /// The sum of the bytes, and of those in the first half, with the other sign.
    pub(crate) less: [i32; 2],
}

/// The sizes of the groups of `rows` rows, with the first row of each.
pub(crate) fn groups(rows: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = rows - first;
        let size = match left {
            0 => return None,
            1..=4 | 6 => left,
            5 => 3,
            7 => 4,
            _ => MOST_ROWS,
        };
        first += size;
        Some((first - size, size))
    })
}

/// Rows of input that are computed one after the other for a tile: so many as the second cache holds.
pub(crate) const PANEL_ROWS: usize = 8 * MOST_ROWS;

/// `rows` rows in panels. Each has the groups that [`groups`] of its rows gives.
pub(crate) fn panels(rows: usize) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> {
    (0..rows).step_by(PANEL_ROWS).map(move |from| from..rows.min(from + PANEL_ROWS))
}

/// Rounds one row; its blocks are `stride` apart.
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "small integers")]
pub(crate) fn round(row: &[f32], blocks: &mut [Block], stride: usize) {
    let (chunks, _) = row.as_chunks::<GROUP>();
    for (chunk, block) in chunks.iter().zip(blocks.iter_mut().step_by(stride)) {
        // As integers: the order is the same, and what is not a number is larger than any, so that it spoils the scale.
        let most = chunk.iter().fold(0u32, |most, v| most.max(v.to_bits() & 0x7fff_ffff));
        let most = f32::from_bits(most);
        block.scale = most / 127.0;
        let inverse = if most > f32::MIN_POSITIVE * 256.0 { 127.0 / most } else { 0.0 };
        let mut rounded = [0i32; GROUP];
        for (r, v) in rounded.iter_mut().zip(chunk) {
            // Adding 1.5 · 2^23 leaves the nearest integer, ties to even, in the lowest bits.
            *r = (v * inverse + 12_582_912.0).to_bits().wrapping_sub(0x4b40_0000).cast_signed();
            // What is not a number gives any byte: it must be the same one for the sums.
            *r = *r << 24 >> 24;
        }
        let (low, high) = rounded.split_at(GROUP / 2);
        let [first, second] = [low, high].map(|half| half.iter().sum::<i32>());
        let all = first + second;
        block.less = [-all, -first];
        block.sum = block.scale * all as f32;
        for (word, r) in block.bytes.iter_mut().zip(rounded.as_chunks::<4>().0) {
            *word = (r[0] & 0xff) | (r[1] & 0xff) << 8 | (r[2] & 0xff) << 16 | r[3] << 24;
        }
    }
}

/// [`round`] with wider vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn round_avx2(row: &[f32], blocks: &mut [Block], stride: usize) {
    round(row, blocks, stride);
}
