//! The memory of a process that is left running.

/// From this size on a piece of memory is one of its own, given back at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 128 << 10;

/// Have glibc's allocator keep what many threads use together, instead of in as many arenas as there are threads, each with
/// holes of its own that are given to nobody; and large pieces apart, also after one of 100 MB was freed, when it would begin
/// to put pieces of up to 32 MB among the small ones. To be called before there are threads.
pub fn keep_memory_together() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it sets numbers.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// What was used and freed stays with glibc's allocator: give the pages back that nobody has. A daemon that is left running
/// is to be small when it has nothing to do.
pub(crate) fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it may be called at any time, from any thread, and frees only pages that nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
}
