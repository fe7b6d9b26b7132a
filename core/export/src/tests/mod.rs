//! Tests of the whole crate; each module says what it protects.

mod deepseek;
mod deepseek_files;
mod hostile;
mod numbers;
mod ready;
mod resume;
mod whole;
mod words;
