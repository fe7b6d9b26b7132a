//! Benchmarks others made, scored.
