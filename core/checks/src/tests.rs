//! Checks in real repositories.
