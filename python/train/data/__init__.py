"""Source packages -> clean, deduplicated, decontaminated text in shards, and the data card that says what was done."""
