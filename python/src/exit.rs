//! The end of a forked child.
//!
//! ONNX Runtime takes its threads down in an exit handler of the C library, which waits for them. A forked child has no such
//! threads, so it would wait for ever.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an engine was loaded in this process or in one that it was forked from.
static ENGINE: AtomicBool = AtomicBool::new(false);

/// Remember that this process has the runtime.
pub(crate) fn engine_loaded() {
    ENGINE.store(true, Ordering::Relaxed);
}

/// In a forked child: end without the exit handlers of the parent, where the parent had the runtime.
pub(crate) fn in_child() {
    if ENGINE.load(Ordering::Relaxed) {
        leave_early();
    }
}

/// The handler that is registered last runs first. Python has written and closed everything by then.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library tells the status to a handler only")]
fn leave_early() {
    use std::ffi::{c_int, c_void};

    // SAFETY: the declaration is that of glibc's <stdlib.h>.
    unsafe extern "C" {
        fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    }

    extern "C" fn leave(status: c_int, _argument: *mut c_void) {
        // SAFETY: a null stream means all streams, and `_exit` takes any status. Neither rests on the parent's threads: a
        // fork leaves the locks of streams open.
        unsafe {
            libc::fflush(std::ptr::null_mut());
            libc::_exit(status)
        }
    }

    // SAFETY: the handler is a function of this library, which Python never unloads, and does not use its argument. A
    // failure, for want of memory, leaves the handlers as they are.
    _ = unsafe { on_exit(leave, std::ptr::null_mut()) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn leave_early() {}
