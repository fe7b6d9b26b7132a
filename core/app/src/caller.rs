//! What of the calling process matters where another one may carry its request out.

use deepcoder_types::{Caller, Request};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The state of this process, for a request about `directory`.
pub(crate) fn caller_at(directory: &Path) -> Option<Caller> {
    let meta = std::fs::metadata(directory).ok()?;
    // Setting it is the only other way to read it, and races with other threads.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    Some(Caller { umask: u32::from_str_radix(digits.trim(), 8).ok()?, directory: (meta.dev(), meta.ino()) })
}

/// Whether the directory of `request` is the one that its caller sees, with the caller's umask.
pub(crate) fn is_callers(request: &Request) -> bool {
    request.caller.is_none_or(|caller| caller_at(&request.directory) == Some(caller))
}

/// Whether the path of `request` still names the directory that its caller saw.
pub(crate) fn is_same_directory(request: &Request) -> bool {
    let now = || std::fs::metadata(&request.directory).ok().map(|meta| (meta.dev(), meta.ino()));
    request.caller.is_none_or(|caller| now() == Some(caller.directory))
}
