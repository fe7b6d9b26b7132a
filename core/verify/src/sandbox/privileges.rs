//! Takes every privilege from the thread that starts a program. It matters when root runs us, in a container for example:
//! root's capabilities read the environment of others, raise limits that are set, and pass by the modes of files.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
};
use std::io;

/// Give up all capabilities and supplementary groups, so that nothing the thread starts has or regains any. An error
/// when something is left.
pub(super) fn drop_all() -> io::Result<()> {
    // A later exec gains no privileges: not by set-user-id, not by capabilities of files, and not by being root.
    set_no_new_privs(true)?;
    let held = capabilities(None)?.effective;
    if held.contains(CapabilitySet::SETGID) {
        set_thread_groups(&[])?;
    }
    if held.contains(CapabilitySet::SETPCAP) {
        for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
            match capability_is_in_bounding_set(capability) {
                Ok(true) => remove_capability_from_bounding_set(capability)?,
                Ok(false) => {}
                // The kernel has no more of them.
                Err(_) => break,
            }
        }
    }
    match clear_ambient_capability_set() {
        // Before Linux 4.3 there are none.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    let left = capabilities(None)?;
    if left.effective.union(left.permitted).union(left.inheritable).is_empty() {
        Ok(())
    } else {
        Err(io::Error::other("capabilities cannot be dropped"))
    }
}
