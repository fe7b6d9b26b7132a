//! The `complete` plugin.
