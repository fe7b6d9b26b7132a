//! Fakes for the tests of every crate: a model that says what a script says and asserts on what it was asked, and
//! repositories in temporary folders.

#![expect(clippy::expect_used, reason = "fakes fail loudly: a test that cannot be set up must not pass")]

mod fake_model;
mod gguf;
mod git;
mod postgres;
mod skip;

pub use fake_model::{FakeModel, Reply};
pub use gguf::{GgufWriter, byte_alphabet, tiny_model};
pub use git::TestRepo;
pub use postgres::{INSTALL_POSTGRES, PostgresServer, Stop};
pub use skip::skipped;
