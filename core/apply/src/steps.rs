//! Named points in the order of the writes, where tests make it fail or die.

use std::io;

/// Is told of every step before the next thing happens. An error counts as a failure of the system at that point.
pub trait Steps: Send + Sync {
    /// The work has come to `step`.
    fn at(&self, step: &'static str) -> io::Result<()>;

    /// Whether to do without `renameat2`, as on file systems that lack it.
    fn plain_renames(&self) -> bool {
        false
    }
}

/// Lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSteps;

impl Steps for NoSteps {
    fn at(&self, _: &'static str) -> io::Result<()> {
        Ok(())
    }
}
