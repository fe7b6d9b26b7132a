//! Reads a work tree.
