//! The memory of a process that is left running.

/// From this size on a piece of memory is one of its own, given back at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 128 << 10;

/// Limit glibc's allocator to one arena, because the free pages of an arena per thread cannot be reused by other
/// threads. And fix the size from which it maps memory, because after freeing 100 MB it would put pieces of up to 32 MB
/// among the small ones. Call it before there are threads.
pub fn keep_memory_together() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it sets numbers.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Return free pages to the system, because glibc's allocator keeps them: an idle daemon must be small.
pub(crate) fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it may be called at any time, from any thread, and frees only pages that hold no allocation.
    unsafe {
        libc::malloc_trim(0);
    }
}
