//! Prefixes of prompts that were computed before.

pub(crate) mod disk;
