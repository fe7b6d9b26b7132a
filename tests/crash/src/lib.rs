//! Suites that try to make deepcoder lose something: a byte of somebody's, a request, a process. Each does what a bad day
//! does, many times and at random, and ends in one line: what was tried, what was lost, how long it took. docs/lab/torture.md
//! has the results and says how to read them.
//!
//! Every suite can be run against `--writer plain`, a writer that does what careful tools do (compare, write beside, sync,
//! rename) or a daemon without its guards, and one against `--writer no-sync`, which is ours on a system that syncs nothing. Both must lose something:
//! a suite that finds nothing there would find nothing anywhere.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test program: it fails loudly, and destroys nothing but its own scratch folder"
)]

mod child;
mod daemon;
mod mount;
mod options;
mod r1;
mod r10;
mod r2;
mod r3;
mod r4;
mod r5;
mod r6;
mod r7;
mod r8;
mod r9;
mod report;
mod s1;
mod scene;
mod settle;
mod trend;
mod writer;

pub use options::main;
