"""Sets of tokens in files: a line of JSON, uint16 tokens, and one bit for each that says whether it is learnt; then xz.

What a trainer reads, so that a machine with PyTorch and numpy is enough.
"""

from __future__ import annotations

import dataclasses
import json
import lzma
import pathlib

import numpy as np

from .data import shards

#: Ids of the special tokens. What is left of a window is filled up with EOS.
BOS, EOS, HOLE, BEGIN, END = range(5)


@dataclasses.dataclass
class Set:
    """What a stage reads: windows of tokens, and which of them are learnt."""

    tokens: np.ndarray
    learnt: np.ndarray | None

    def windows(self, length: int) -> int:
        return len(self.tokens) if self.tokens.ndim == 2 else max((len(self.tokens) - 1) // length, 0)

    def window(self, index: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        if self.tokens.ndim == 2:
            tokens = self.tokens[index]
            return tokens, self.learnt[index] if self.learnt is not None else np.ones(len(tokens), dtype=bool)
        tokens = self.tokens[index * length : (index + 1) * length + 1]
        return tokens, np.ones(len(tokens), dtype=bool)


def write(path: pathlib.Path, tokens: np.ndarray, learnt: np.ndarray | None) -> None:
    """A set in one file: a line of JSON, the tokens, the bits."""
    head = {"shape": list(tokens.shape), "masked": learnt is not None}
    data = json.dumps(head).encode() + b"\n" + tokens.astype("<u2").tobytes()
    if learnt is not None:
        data += np.packbits(learnt).tobytes()
    shards.atomically(path, lzma.compress(data, preset=4))


def read(paths: list[pathlib.Path]) -> Set:
    """The set in some files."""
    tokens, masks = [], []
    for path in paths:
        data = lzma.decompress(path.read_bytes())
        line, _, data = data.partition(b"\n")
        head = json.loads(line)
        count = int(np.prod(head["shape"]))
        tokens.append(np.frombuffer(data, "<u2", count).reshape(head["shape"]))
        if head["masked"]:
            bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=2 * count), count=count)
            masks.append(bits.reshape(head["shape"]).astype(bool))
    if not tokens:
        raise FileNotFoundError("no tokens")
    return Set(np.concatenate(tokens), np.concatenate(masks) if masks else None)
