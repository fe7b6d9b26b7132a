"""The data set: files of all sources, filtered, deduplicated, decontaminated and split, with the account of it."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import pathlib

from . import dedup, files, licences, shards
from .decontaminate import Benchmarks
from .fetch import Cache
from .files import File
from .sources import Source

#: One file in so many is kept for validation, whatever its package.
VALIDATION = 64


@dataclasses.dataclass
class Account:
    """What was done, for the card."""

    packages: list[tuple[Source, str, int, int]] = dataclasses.field(default_factory=list)
    refused: list[tuple[Source, str]] = dataclasses.field(default_factory=list)
    files: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    duplicates: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    contaminated: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    contaminated_files: int = 0
    benchmarks: dict[str, int] = dataclasses.field(default_factory=dict)
    benchmark_runs: int = 0
    languages: dict[str, dict[str, tuple[int, int]]] = dataclasses.field(default_factory=dict)
    shards: list[tuple[str, int]] = dataclasses.field(default_factory=list)


def split_of(file: File) -> str:
    """By a hash of the file's name, so that it never depends on what else is in the set."""
    digest = hashlib.sha256(f"{file.package}\0{file.path}".encode()).digest()
    return "validation" if int.from_bytes(digest[:4], "big") % VALIDATION == 0 else "train"


def gathered(sources: list[Source], cache: Cache, account: Account) -> list[File]:
    """The files that are fit to be learnt from, of packages whose licence is."""
    out: list[File] = []
    for source in sources:
        package = files.opened(source, cache.data(source))
        licence, why = licences.judged(package.expression, package.licence_texts)
        if licence is None:
            account.refused.append((source, why))
            continue
        found = list(files.kept(source, package, licence, account.files))
        account.packages.append((source, licence, len(found), sum(len(f.text.encode()) for f in found)))
        out.extend(found)
    return out


def cleaned(found: list[File], benchmarks: Benchmarks, account: Account) -> list[File]:
    """Without duplicates, and without what is in a benchmark."""
    account.benchmarks = dict(benchmarks.files)
    account.benchmark_runs = len(benchmarks.runs)
    # Python first, and within a language the order of the list: of two copies the earlier is kept.
    order = {"python": 0, "rust": 1, "typescript": 2, "javascript": 2}
    found = sorted(found, key=lambda f: (order.get(f.language, 3), f.package, f.path))
    twins = dedup.duplicates([f.text for f in found])
    account.duplicates.update(kind for _, kind in twins.values())
    out = []
    for index, file in enumerate(found):
        if index in twins:
            continue
        if shared := benchmarks.shared(file.text):
            account.contaminated.update(shared.keys())
            account.contaminated_files += 1
            continue
        out.append(file)
    return out


def written(kept: list[File], folder: pathlib.Path, account: Account) -> None:
    """The shards, and what is in them."""
    parts: dict[str, list[File]] = {"train": [], "validation": []}
    for file in kept:
        parts[split_of(file)].append(file)
    for split, members in parts.items():
        for file in members:
            row = account.languages.setdefault(file.language, {})
            count, size = row.get(split, (0, 0))
            row[split] = (count + 1, size + len(file.text.encode()))
        # Shuffled by a hash, so that a shard is like any other.
        members.sort(key=lambda f: hashlib.sha256(f"{f.path}\0{f.package}".encode()).digest())
        for path in shards.write_files(folder, split, members):
            account.shards.append((path.name, path.stat().st_size))
