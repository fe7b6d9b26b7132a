//! Statistics about texts and numbers.

pub mod parse;
pub mod stats;
