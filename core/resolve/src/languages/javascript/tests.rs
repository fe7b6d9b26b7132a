//! What JavaScript's and TypeScript's names mean, as texts with marks.

mod members;
mod modules;
mod oracle;
mod scopes;
mod trees;
mod types;
