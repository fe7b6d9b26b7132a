//! The parts that the history of edits and the queue of jobs share: opening a database file so that what is committed
//! to it is on the disk, and asynchronous connections behind calls that block.
//!
//! **Invariant:** every connection begins with `synchronous=FULL`, which is read back, because WAL with `NORMAL` loses
//! committed rows in a power cut. A damaged file is moved aside and never thrown away.

mod blocking;
mod error;
mod open;

pub use blocking::{off_runtime, wait};
pub use error::{FileFault, OpenError};
pub use open::{Migrations, Opened, Schema, migrator, open};
