//! What tests of every language share. The tests of a language are beside it: `languages/LANG/tests.rs`.

pub(crate) mod marked;
pub(crate) mod tree;
mod witness;
