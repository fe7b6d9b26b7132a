"""Nothing of a benchmark is trained on: a file that shares 13 tokens in a row with one is left out."""

from __future__ import annotations

import collections
import gzip
import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator

from .dedup import tokens

LENGTH = 13
#: A run with fewer different words than this is punctuation or a table of numbers, and says nothing of its origin.
LEAST_WORDS = 4


def _runs(text: str) -> Iterator[bytes]:
    words = tokens(text)
    for start in range(len(words) - LENGTH + 1):
        run = words[start : start + LENGTH]
        if len({w for w in run if w[0].isalpha() or w[0] == "_"}) >= LEAST_WORDS:
            yield hashlib.blake2b(" ".join(run).encode(), digest_size=8).digest()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _texts(path: pathlib.Path) -> Iterator[str]:
    """The strings of a benchmark's file: of JSON and JSON lines each string by itself, of others the whole."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    text = data.decode("utf-8", "replace")
    if not any(suffix in (".json", ".jsonl") for suffix in path.suffixes):
        yield text
        return
    try:
        yield from _strings(json.loads(text))
    except ValueError:
        for line in text.splitlines():
            if line.strip():
                yield from _strings(json.loads(line))


class Benchmarks:
    """The runs of tokens of all benchmarks below some folders, by the folder that each is in."""

    def __init__(self) -> None:
        #: Which benchmarks have a run: a bit for each, by its place in `names`.
        self.runs: dict[bytes, int] = {}
        self.names: list[str] = []
        self.files: collections.Counter[str] = collections.Counter()

    @classmethod
    def read(cls, folders: Iterable[pathlib.Path]) -> Benchmarks:
        out = cls()
        for folder in folders:
            paths = [p for p in sorted(folder.rglob("*")) if p.is_file()]
            if not paths:
                raise ValueError(f"{folder.name}: there is no benchmark in it")
            for path in paths:
                # Licences and descriptions are not what is asked.
                if path.name.startswith(("LICENSE", "README", "SOURCE")):
                    continue
                parts = path.relative_to(folder).parts
                name = parts[0] if len(parts) > 1 else folder.name
                for text in _texts(path):
                    out.add(name, text)
                out.files[name] += 1
        return out

    def add(self, name: str, text: str) -> None:
        if name not in self.names:
            self.names.append(name)
        bit = 1 << self.names.index(name)
        for run in _runs(text):
            self.runs[run] = self.runs.get(run, 0) | bit

    def shared(self, text: str) -> collections.Counter[str]:
        """How many runs of `text` are in which benchmark."""
        found = collections.Counter(bits for run in set(_runs(text)) if (bits := self.runs.get(run)))
        out: collections.Counter[str] = collections.Counter()
        for bits, count in found.items():
            out.update({name: count for at, name in enumerate(self.names) if bits >> at & 1})
        return out
