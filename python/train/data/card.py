"""The data card, from the account that the build kept: no number in it is written by hand."""

from __future__ import annotations

from .build import VALIDATION, Account
from .decontaminate import LEAST_WORDS, LENGTH
from .dedup import BANDS, ROWS, SAME, SHINGLE

_HEAD = """\
# Data card of deepcoder-nano

Written by `python -m train.data build`; do not edit it by hand. README.md says how to run that.

Source code in published packages, and edits and holes that programs make of it (`train.pairs`). No text was written by a
model. The packages are pinned with their hashes in `sources.tsv`; their licences stay theirs, and each file keeps the
name of its package and licence in the shards. Code may hold names and addresses of its authors: these were not taken out.
"""


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in row) + " |" for row in lines) + "\n"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f}"


def render(account: Account) -> str:
    out = [_HEAD]
    rows: list[tuple[object, ...]] = []
    order = sorted(account.languages.items(), key=lambda item: -item[1].get("train", (0, 0))[1])
    for language, splits in order:
        train, held = splits.get("train", (0, 0)), splits.get("validation", (0, 0))
        rows.append((language, train[0], _megabytes(train[1]), held[0], _megabytes(held[1])))
    total = [sum(s.get(k, (0, 0))[i] for s in account.languages.values()) for k in ("train", "validation") for i in (0, 1)]
    rows.append(("all", total[0], _megabytes(total[1]), total[2], _megabytes(total[3])))
    out.append("## What is in it\n")
    out.append(_table(("language", "files", "MB", "validation files", "MB"), rows))
    out.append(f"One file in {VALIDATION}, by a hash of its name, is for validation and never trained on. Shards:\n")
    out.append(_table(("shard", "bytes"), [(name, f"{size:,}") for name, size in account.shards]))

    out.append("## What was left out\n")
    out.append("Files of the languages above, in packages whose licence is fit, by the first reason that held:\n")
    out.append(_table(("reason", "files"), [(why, n) for why, n in account.files.most_common() if why != "kept"]))
    out.append(
        f"Then duplicates: {account.duplicates['exact']} files that are another one but for blanks, and "
        f"{account.duplicates['near']} whose sets of {SHINGLE} tokens in a row are at least {SAME:.0%} the same (found by "
        f"MinHash, {BANDS} bands of {ROWS}; then measured).\n"
    )
    out.append("## Benchmarks\n")
    out.append(
        f"Then {account.contaminated_files} files that share at least one run of {LENGTH} tokens, with {LEAST_WORDS} "
        f"different words or more in it, with any string of a benchmark ({account.benchmark_runs:,} such runs). A file "
        "counts once for each benchmark that it touches:\n"
    )
    rows = [(name, n, account.contaminated[name]) for name, n in sorted(account.benchmarks.items())]
    out.append(_table(("benchmark", "its files that were read", "source files left out"), rows))
    out.append(
        "Benchmarks of which there was no copy (CanItEdit, Exercism's, RefactorBench and others) could not be compared "
        "with. No package in the list is one of theirs.\n"
    )
    out.append("## Packages\n")
    out.append(
        "A package is taken if its metadata and its own licence file both say MIT, Apache-2.0, BSD or 0BSD, and no "
        "licence file of it speaks of another. `debian-source` has no such metadata in the archive, so that there the "
        "file alone decides.\n"
    )
    rows = [
        (s.registry, s.name, s.version, licence, s.language, files, _megabytes(size))
        for s, licence, files, size in sorted(account.packages, key=lambda p: (p[0].registry, p[0].name))
    ]
    out.append(_table(("registry", "package", "version", "licence", "language", "files", "MB"), rows))
    if account.refused:
        out.append("Fetched and left out, because of the licence:\n")
        refused = [(s.registry, s.name, s.version, why) for s, why in account.refused]
        out.append(_table(("registry", "package", "version", "why"), refused))
    return "\n".join(out)
