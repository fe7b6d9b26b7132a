//! Prefixes of prompts that were computed before: in memory by their tokens, and on the disk.

pub(crate) mod disk;
pub(crate) mod tree;
