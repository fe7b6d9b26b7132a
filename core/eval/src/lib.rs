//! Benchmarks, scored: HumanEval ([`humaneval`]), instructed edits ([`edits`]) and what they
//! say of a model ([`calibrate`]), refactorings ([`refactor`]), fixes ([`fix`]), infilling ([`fim`]) and perplexity
//! ([`perplexity`]).
//!
//! A model or an edit comes in as a value or a callback, data files as texts; programs that a model wrote run in
//! [`deepcoder_verify::sandbox`], on their own thread, while the model writes the next answer. Results can be kept in a
//! JSON-lines file, from which an interrupted run goes on.
//!
//! **Invariant:** the tests of a task never enter a prompt.

pub mod calibrate;
mod code;
mod data;
pub mod edits;
mod error;
pub mod fim;
pub mod fix;
mod harness;
pub mod humaneval;
pub mod perplexity;
mod record;
pub mod refactor;
mod runner;
mod tools;

pub use error::EvalError;
pub use harness::Harness;
pub use record::{Record, Report, Verdict};
pub use runner::{Progress, RunOptions};

#[cfg(test)]
mod tests;
