//! The `explain` plugin.
