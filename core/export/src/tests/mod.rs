//! Tests of the whole crate; each module says what it protects.

mod deepseek;
mod hostile;
mod numbers;
mod resume;
mod whole;
mod words;
