//! Constrained decoding: which tokens may come next, so that an answer matches a grammar.
//!
//! A [`Compiler`] turns a [`Grammar`](deepcoder_types::Grammar) into a [`Constraint`]. For each token, the sampler
//! applies the constraint's mask to the logits and then tells it the token that it sampled. The library llguidance
//! handles JSON schemas, regular expressions and Lark grammars (`parser`). Choices and scopes consist of long literal
//! parts; automata of this crate handle these without a state for each byte (`chains`).
//!
//! A grammar that cannot be compiled is an error, and so is a position at which no token is allowed: a request with a
//! grammar never gets an answer that leaves it.

mod automaton;
mod chains;
mod compiler;
mod constraint;
mod error;
mod matcher;
mod parser;
mod scope;
mod trigger;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use compiler::{Compiler, check};
pub use constraint::Constraint;
pub use error::GrammarError;
pub use scope::scope;
pub use vocabulary::{Encode, Vocabulary};
