"""`python -m train.pairs --data FOLDER`: edit pairs of the shards in FOLDER, beside them."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import json
import lzma
import pathlib
import sys

from ..data import shards
from . import make


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.pairs", description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with the shards of train.data")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=12_000, help="pairs of one kind and language at most")
    parser.add_argument("--most-held-out", type=int, default=100)
    parser.add_argument("--files", type=int, help="look at so many files of each split only; shards are shuffled")
    args = parser.parse_args()
    summary: dict[str, dict[str, int]] = {}
    for split, most in (("train", args.most), ("validation", args.most_held_out)):
        counts: collections.Counter[str] = collections.Counter()
        found = [
            pair
            for file in itertools.islice(shards.read_files(args.data, split), args.files)
            for pair in make.pairs(file, args.seed, split == "validation", counts)
        ]
        kept = make.balanced(found, most, args.seed)
        rows = "".join(json.dumps(dataclasses.asdict(p), ensure_ascii=False) + "\n" for p in kept)
        shards.atomically(args.data / f"pairs-{split}.jsonl.xz", lzma.compress(rows.encode(), preset=6))
        summary[split] = dict(sorted(counts.items())) | {"in the set": len(kept)}
        print(f"{split}: {len(kept)} of {len(found)} pairs", file=sys.stderr)
    shards.atomically(args.data / "pairs.json", (json.dumps(summary, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
