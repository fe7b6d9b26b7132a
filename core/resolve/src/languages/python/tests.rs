//! Python's scopes, as texts with marks (see `tests::marked`).

mod members;
mod oracle;
mod scopes;
mod tree;
