//! Durable history.
