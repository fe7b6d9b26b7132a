"""The recipe of deepcoder-nano: from source packages to a checkpoint that `deepcoder import` reads. See README.md."""
