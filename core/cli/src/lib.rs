//! The deepcoder command.
