//! x
pub mod config;
pub mod file;
pub mod tool;
pub mod trust;
