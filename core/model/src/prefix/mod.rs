//! Cached prefixes: a tree of pages in memory, and a store on the disk.

pub(crate) mod disk;
pub(crate) mod tree;
