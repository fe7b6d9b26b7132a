//! The form of an answer: which tokens may come next.
//!
//! A [`Compiler`] makes a [`Constraint`] of a [`Grammar`](deepcoder_types::Grammar); the sampler asks the constraint for
//! a mask at each token and tells it the token that was chosen. JSON schemas, patterns and Lark grammars are the business
//! of llguidance (`guided`); choices and scopes, which consist of long literal parts, are automata of this crate
//! (`chains`), which follow a text without a state for each of its bytes.
//!
//! What cannot be built is an error, and so is a place at which no token is allowed: there is no way from a request with a
//! form to an answer without it.

mod automaton;
mod chains;
mod compiler;
mod constraint;
mod error;
mod guided;
mod machine;
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
