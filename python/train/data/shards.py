"""Shards: xz-compressed files of at most so many bytes, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import lzma
import os
import pathlib
from collections.abc import Iterable, Iterator

from .files import File

#: Bytes of text in one shard; compressed they come to about a fifth.
TEXT_BYTES = 48 << 20


def atomically(path: pathlib.Path, data: bytes) -> None:
    """The file is the old one or the new one, also after a crash."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)


def write_files(folder: pathlib.Path, split: str, files: Iterable[File]) -> list[pathlib.Path]:
    """Files as JSON lines in shards `SPLIT-000.jsonl.xz`; shards of an earlier run are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{split}-*.jsonl.xz"):
        old.unlink()
    out: list[pathlib.Path] = []
    rows: list[str] = []
    size = 0

    def flush() -> None:
        nonlocal size
        path = folder / f"{split}-{len(out):03}.jsonl.xz"
        atomically(path, lzma.compress("".join(rows).encode(), preset=6))
        out.append(path)
        rows.clear()
        size = 0

    for file in files:
        rows.append(json.dumps(dataclasses.asdict(file), ensure_ascii=False) + "\n")
        size += len(rows[-1])
        if size >= TEXT_BYTES:
            flush()
    if rows:
        flush()
    return out


def read_files(folder: pathlib.Path, split: str) -> Iterator[File]:
    """The files of a split, in the order that they were written in."""
    paths = sorted(folder.glob(f"{split}-*.jsonl.xz"))
    if not paths:
        raise FileNotFoundError(f"{folder}: there is no shard of `{split}`")
    for path in paths:
        with lzma.open(path, "rt", encoding="utf-8") as handle:
            for line in handle:
                yield File(**json.loads(line))
