//! Counts the bytes that are allocated.
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static NOW: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

fn add(bytes: usize) {
    let bytes = isize::try_from(bytes).unwrap_or(isize::MAX);
    MOST.fetch_max(NOW.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the caller of `alloc` promises.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as the caller of `dealloc` promises.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(isize::try_from(layout.size()).unwrap_or(isize::MAX), Relaxed);
        // SAFETY: the system's allocator gave it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Counts anew.
pub(super) fn reset() {
    NOW.store(0, Relaxed);
    MOST.store(0, Relaxed);
}

/// The most bytes at a time since then.
pub(super) fn most() -> usize {
    usize::try_from(MOST.load(Relaxed)).unwrap_or(0)
}
