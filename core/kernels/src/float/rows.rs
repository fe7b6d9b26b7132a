//! Views of matrices: rows of one width at a fixed stride.

use crate::Level;

/// A matrix of 32-bit floats whose rows are `stride` numbers apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(super) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) stride: usize,
}

/// Whether `rows` rows lie within `len` numbers.
fn fits(len: usize, rows: usize, width: usize, stride: usize) -> bool {
    rows == 0 || ((rows - 1).checked_mul(stride)).and_then(|n| n.checked_add(width)).is_some_and(|n| n <= len)
}

impl<'a> Rows<'a> {
    pub(crate) fn new(data: &'a [f32], rows: usize, width: usize, stride: usize) -> Self {
        assert!(fits(data.len(), rows, width, stride), "rows outside of their memory");
        Self { data, rows, width, stride }
    }

    /// The first rows.
    pub(crate) fn first(self, rows: usize) -> Self {
        Self { rows: rows.min(self.rows), ..self }
    }

    /// The first columns.
    pub(crate) fn left(self, width: usize) -> Self {
        Self { width: width.min(self.width), ..self }
    }

    /// One of them.
    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.stride..][..self.width]
    }

    /// Rows that follow each other.
    pub(crate) fn dense(data: &'a [f32], width: usize) -> Self {
        Self::new(data, data.len() / width.max(1), width, width)
    }
}

/// A matrix of 16-bit floats whose rows are `stride` numbers apart, and the address to prefetch meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Halves<'a> {
    data: &'a [u16],
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(super) stride: usize,
    pub(super) next: *const u16,
}

impl<'a> Halves<'a> {
    /// Rows without gaps. `next` is prefetched while they are read, and may be any address.
    pub(crate) fn dense(data: &'a [u16], width: usize, next: *const u16) -> Self {
        let rows = data.len() / width.max(1);
        assert!(fits(data.len(), rows, width, width), "rows outside of their memory");
        Self { data, rows, width, stride: width, next }
    }

    pub(super) const fn as_ptr(&self) -> *const u16 {
        self.data.as_ptr()
    }
}

/// Rows of the KV cache, as 16-bit floats or converted to 32 bits. Both give the same bits; which is faster depends on
/// the number of rows that they are multiplied with.
#[derive(Clone, Copy)]
pub(crate) enum Cached<'a> {
    Floats(Rows<'a>),
    Halves(Halves<'a>),
}

impl Cached<'_> {
    /// The first rows.
    pub(crate) fn first(self, rows: usize) -> Self {
        match self {
            Self::Floats(all) => Self::Floats(all.first(rows)),
            Self::Halves(all) => Self::Halves(Halves { rows: rows.min(all.rows), ..all }),
        }
    }

    /// The first columns.
    pub(crate) fn left(self, width: usize) -> Self {
        match self {
            Self::Floats(all) => Self::Floats(all.left(width)),
            Self::Halves(all) => Self::Halves(Halves { width: width.min(all.width), ..all }),
        }
    }

    /// [`super::mix`] of these rows.
    pub(crate) fn mix(self, level: Level, a: Rows<'_>, out: &mut RowsMut<'_>) {
        match self {
            Self::Floats(b) => super::mix(level, a, b, false, out),
            Self::Halves(b) => super::mix_halves(level, a, b, out),
        }
    }

    /// [`super::dots`] with these rows.
    pub(crate) fn dots(self, level: Level, a: Rows<'_>, out: &mut RowsMut<'_>) {
        match self {
            Self::Floats(b) => super::dots(level, a, b, out),
            Self::Halves(b) => super::dots_halves(level, a, b, out),
        }
    }
}

/// The same as [`Rows`], to be written.
pub(crate) struct RowsMut<'a> {
    pub(super) data: *mut f32,
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) stride: usize,
    lifetime: std::marker::PhantomData<&'a mut [f32]>,
}

impl<'a> RowsMut<'a> {
    pub(crate) fn new(data: &'a mut [f32], rows: usize, width: usize, stride: usize) -> Self {
        assert!(fits(data.len(), rows, width, stride), "rows outside of their memory");
        Self { data: data.as_mut_ptr(), rows, width, stride, lifetime: std::marker::PhantomData }
    }
}

impl RowsMut<'_> {
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// One of them.
    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "no such row");
        // SAFETY: the row is within the memory, which is borrowed for as long.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.stride), self.width) }
    }
}

/// Memory that several threads write to, each to places of its own.
pub(crate) struct Shared<'a, T = f32> {
    data: *mut T,
    len: usize,
    lifetime: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: it gives out its memory through unsafe functions only, whose callers keep the threads apart.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl Shared<'_> {
    /// # Safety
    /// No other thread may use these rows meanwhile.
    pub(crate) unsafe fn rows(&self, at: usize, rows: usize, width: usize, stride: usize) -> RowsMut<'_> {
        assert!(at <= self.len && fits(self.len - at, rows, width, stride), "rows outside of their memory");
        // SAFETY: `at` is within the memory.
        RowsMut { data: unsafe { self.data.add(at) }, rows, width, stride, lifetime: std::marker::PhantomData }
    }
}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(data: &'a mut [T]) -> Self {
        Self { data: data.as_mut_ptr(), len: data.len(), lifetime: std::marker::PhantomData }
    }

    /// # Safety
    /// No other thread may use these numbers meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller keeps the threads apart")]
    pub(crate) unsafe fn slice(&self, at: usize, len: usize) -> &mut [T] {
        assert!(at <= self.len && len <= self.len - at, "a slice outside of its memory");
        // SAFETY: within the memory, and as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(at), len) }
    }
}
