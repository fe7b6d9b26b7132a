//! The cases of plugins, and single runs of a plugin, on the pipeline's own host over files in memory.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail loudly: a case that cannot be read must not pass")]

mod case;
mod checks;
mod hosted;

pub use case::{Case, Expected, Files};
pub use checks::check;
pub use hosted::{Hosted, Ran};
