//! Model text to edits.
