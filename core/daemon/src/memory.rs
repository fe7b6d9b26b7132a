//! The memory of a process that is left running.

/// Have glibc's allocator keep what many threads use together, instead of in as many arenas as there are threads, each with
/// holes of its own that are given to nobody. To be called before there are threads.
pub fn keep_memory_together() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it sets a number.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// What was used and freed stays with glibc's allocator: give the pages back that nobody has. A daemon that is left running
/// is to be small when it has nothing to do.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it may be called at any time, from any thread, and frees only pages that nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
}
