//! Formats of weights, and how their blocks are laid out for the kernels.
//!
//! Sixteen rows make a *tile*. In a tile the blocks of the sixteen rows are cut into words of four bytes, and word `i` of
//! all rows lies together, so that one vector holds the same place of sixteen rows and no kernel ever adds across a
//! vector. Nothing is rounded or added: a tile has the bytes of its blocks in another order (and [`Matrix::blocks`] puts
//! them back). Rows that are missing in the last tile are zeros.

use crate::LayoutError;

/// Rows of a tile.
pub const TILE_ROWS: usize = 16;
const WORD_PLANE: usize = 4 * TILE_ROWS;
const HALF_PLANE: usize = 2 * TILE_ROWS;

/// How weights are stored: types of GGUF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, non_camel_case_types, reason = "these are the names that GGUF and its tools use")]
#[repr(u8)]
pub enum Format {
    Q4_0,
    Q5_0,
    Q8_0,
    Q4_K,
    Q5_K,
    Q6_K,
}

/// A run of bytes of a block, and what is done to its words.
struct Part {
    at: usize,
    bytes: usize,
    change: Change,
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    None,
    /// Bit `4 i + j` becomes bit `8 j + i`: the bit of each byte of word `i` where that byte is.
    Bits,
    /// Signed bytes become unsigned ones that are 128 larger.
    Sign,
}

const fn part(at: usize, bytes: usize) -> Part {
    Part { at, bytes, change: Change::None }
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Q4_0, Self::Q5_0, Self::Q8_0, Self::Q4_K, Self::Q5_K, Self::Q6_K];

    /// GGUF's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q5_0 => "Q5_0",
            Self::Q8_0 => "Q8_0",
            Self::Q4_K => "Q4_K",
            Self::Q5_K => "Q5_K",
            Self::Q6_K => "Q6_K",
        }
    }

    /// The format with GGUF's name `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Weights of a block.
    #[must_use]
    pub const fn block(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 => 32,
            Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
        }
    }

    /// Bytes of a block.
    #[must_use]
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q5_0 => 22,
            Self::Q8_0 => 34,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// The part before all blocks of a tile, so that the rest keeps to cache lines.
    const fn head(self) -> Option<Part> {
        match self {
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 => Some(part(0, 2)),
            Self::Q4_K | Self::Q5_K => None,
            Self::Q6_K => Some(part(208, 2)),
        }
    }

    const fn body(self) -> &'static [Part] {
        match self {
            Self::Q4_0 => const { &[part(2, 16)] },
            Self::Q5_0 => const { &[Part { at: 2, bytes: 4, change: Change::Bits }, part(6, 16)] },
            Self::Q8_0 => const { &[Part { at: 2, bytes: 32, change: Change::Sign }] },
            Self::Q4_K => const { &[part(0, 2), part(2, 2), part(4, 12), part(16, 128)] },
            Self::Q5_K => const { &[part(0, 2), part(2, 2), part(4, 12), part(16, 32), part(48, 128)] },
            Self::Q6_K => const { &[part(192, 16), part(128, 64), part(0, 128)] },
        }
    }

    pub(crate) const fn body_bytes(self) -> usize {
        TILE_ROWS * (self.block_bytes() - if self.head().is_some() { 2 } else { 0 })
    }

    pub(crate) const fn head_bytes(self, columns: usize) -> usize {
        if self.head().is_some() { (columns / self.block() * HALF_PLANE).next_multiple_of(WORD_PLANE) } else { 0 }
    }

    /// Bytes of one tile of rows of `columns` weights; `None` if blocks do not divide them.
    #[must_use]
    pub fn tile_bytes(self, columns: usize) -> Option<usize> {
        if columns == 0 || !columns.is_multiple_of(self.block()) {
            return None;
        }
        (columns / self.block()).checked_mul(self.body_bytes())?.checked_add(self.head_bytes(columns))
    }

    /// Bytes of the tiles of a matrix; `None` if blocks do not divide the columns.
    #[must_use]
    pub fn matrix_bytes(self, rows: usize, columns: usize) -> Option<usize> {
        self.tile_bytes(columns)?.checked_mul(rows.div_ceil(TILE_ROWS))
    }

    /// Lays out at most sixteen rows, given as GGUF has them, as one tile.
    pub fn tile(self, columns: usize, rows: &[u8], tile: &mut [u8]) -> Result<(), LayoutError> {
        let row_bytes = columns / self.block() * self.block_bytes();
        let wrong = LayoutError { format: self.name(), rows: TILE_ROWS, columns, bytes: tile.len() };
        if self.tile_bytes(columns) != Some(tile.len())
            || !rows.len().is_multiple_of(row_bytes)
            || rows.len() > TILE_ROWS * row_bytes
        {
            return Err(wrong);
        }
        tile.fill(0);
        if self == Self::Q8_0 {
            tile[self.head_bytes(columns)..].fill(0x80);
        }
        for (lane, row) in rows.chunks_exact(row_bytes).enumerate() {
            self.each_word(columns, lane, |from, to, width, change| {
                tile[to..to + width].copy_from_slice(&row[from..from + width]);
                if change != Change::None {
                    forward(change, &mut tile[to..to + width]);
                }
            });
        }
        Ok(())
    }

    /// Every word of a row of blocks: where it is there, where in the tile, its width and its change.
    fn each_word(self, columns: usize, lane: usize, mut f: impl FnMut(usize, usize, usize, Change)) {
        let head = self.head_bytes(columns);
        for block in 0..columns / self.block() {
            let from = block * self.block_bytes();
            if let Some(part) = self.head() {
                f(from + part.at, block * HALF_PLANE + 2 * lane, 2, part.change);
            }
            let mut to = head + block * self.body_bytes();
            for part in self.body() {
                let width = part.bytes.min(4);
                for word in 0..part.bytes / width {
                    f(from + part.at + word * width, to + width * lane, width, part.change);
                    to += width * TILE_ROWS;
                }
            }
        }
    }
}

fn forward(change: Change, word: &mut [u8]) {
    match change {
        Change::None => {}
        Change::Sign => word.iter_mut().for_each(|b| *b ^= 0x80),
        Change::Bits => permute(word, |bit| 8 * (bit % 4) + bit / 4),
    }
}

fn backward(change: Change, word: &mut [u8]) {
    match change {
        Change::None | Change::Sign => forward(change, word),
        Change::Bits => permute(word, |bit| 4 * (bit % 8) + bit / 8),
    }
}

fn permute(word: &mut [u8], to: impl Fn(usize) -> usize) {
    let mut out = [0u8; 4];
    for bit in 0..32 {
        let target = to(bit);
        out[target / 8] |= ((word[bit / 8] >> (bit % 8)) & 1) << (target % 8);
    }
    word.copy_from_slice(&out);
}

/// A matrix whose rows are weights of outputs, as tiles.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub(crate) format: Format,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) tiles: &'a [u8],
}

impl<'a> Matrix<'a> {
    /// Views `tiles`, whose length is checked.
    pub fn new(format: Format, rows: usize, columns: usize, tiles: &'a [u8]) -> Result<Self, LayoutError> {
        if format.matrix_bytes(rows, columns) == Some(tiles.len()) {
            Ok(Self { format, rows, columns, tiles })
        } else {
            Err(LayoutError { format: format.name(), rows, columns, bytes: tiles.len() })
        }
    }

    /// Number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn tile_bytes(&self) -> usize {
        self.tiles.len() / self.rows.div_ceil(TILE_ROWS).max(1)
    }

    /// The bytes of tile `index`.
    pub(crate) fn tile(&self, index: usize) -> &'a [u8] {
        let bytes = self.tile_bytes();
        &self.tiles[index * bytes..(index + 1) * bytes]
    }

    /// Row `row` as GGUF has it.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn blocks(&self, row: usize) -> Vec<u8> {
        assert!(row < self.rows, "a matrix of {} rows has no row {row}", self.rows);
        let mut out = vec![0; self.columns / self.format.block() * self.format.block_bytes()];
        let tile = &self.tiles[row / TILE_ROWS * self.tile_bytes()..];
        self.format.each_word(self.columns, row % TILE_ROWS, |from, to, width, change| {
            out[from..from + width].copy_from_slice(&tile[to..to + width]);
            backward(change, &mut out[from..from + width]);
        });
        out
    }

    /// The weights of row `row`, which has [`Matrix::columns`] of them.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        crate::dequantise::blocks(self.format, &self.blocks(row), out);
    }
}

/// Matrices of one shape, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Stack<'a> {
    pub(crate) count: usize,
    // The tiles are those of all.
    first: Matrix<'a>,
}

impl<'a> Stack<'a> {
    /// Views the tiles of `count` matrices, whose length is checked.
    pub fn new(
        format: Format,
        count: usize,
        rows: usize,
        columns: usize,
        tiles: &'a [u8],
    ) -> Result<Self, LayoutError> {
        let each = format.matrix_bytes(rows, columns);
        if count > 0 && rows > 0 && each.and_then(|bytes| bytes.checked_mul(count)) == Some(tiles.len()) {
            Ok(Self { count, first: Matrix { format, rows, columns, tiles } })
        } else {
            Err(LayoutError { format: format.name(), rows: rows.saturating_mul(count), columns, bytes: tiles.len() })
        }
    }

    /// Matrix `index`.
    pub(crate) fn matrix(&self, index: usize) -> Matrix<'a> {
        let bytes = self.first.tiles.len() / self.count;
        Matrix { tiles: &self.first.tiles[index * bytes..(index + 1) * bytes], ..self.first }
    }

    pub(crate) fn rows(&self) -> usize {
        self.first.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.first.columns
    }
}
