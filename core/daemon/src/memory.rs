//! The memory of a process that is left running.

/// What was used and freed stays with glibc's allocator, scattered over as many arenas as there were threads: give the
/// pages back that nobody has. A daemon that is left running is to be small when it has nothing to do.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a function of the C library")]
    // SAFETY: it may be called at any time, from any thread, and frees only pages that nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
}
