//! The `edit` plugin.
