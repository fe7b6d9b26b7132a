"""Exact and near duplicates. Near ones by MinHash with locality-sensitive hashing; a match is then measured."""

from __future__ import annotations

import collections
import hashlib
import re
from collections.abc import Sequence

import numpy as np

_TOKEN = re.compile(r"\w+|[^\w\s]")
_PRIME = np.uint64((1 << 61) - 1)
SHINGLE = 5
BANDS, ROWS = 16, 4
#: Files whose sets of shingles are this much the same are one file.
SAME = 0.7


def tokens(text: str) -> list[str]:
    """Words and single signs, without regard to layout."""
    return _TOKEN.findall(text)


def shingles(text: str) -> np.ndarray:
    """Hashes of the sets of five tokens in a row."""
    words = tokens(text)
    rows = {" ".join(words[i : i + SHINGLE]) for i in range(max(len(words) - SHINGLE + 1, 1))}
    digests = (hashlib.blake2b(row.encode(), digest_size=8).digest() for row in rows)
    return np.frombuffer(b"".join(digests), dtype="<u8")


class MinHash:
    """Signatures with fixed permutations, so that two runs find the same duplicates."""

    def __init__(self, seed: int = 1) -> None:
        random = np.random.RandomState(seed)
        count = BANDS * ROWS
        # Multipliers below 2^29 and values below 2^32 keep a * x + b within 64 bits.
        self.a = random.randint(1, 1 << 29, count).astype(np.uint64)
        self.b = random.randint(0, 1 << 30, count).astype(np.uint64)

    def signature(self, hashes: np.ndarray) -> np.ndarray:
        low = hashes & np.uint64(0xFFFFFFFF)
        least = np.full(len(self.a), np.iinfo(np.uint64).max, dtype=np.uint64)
        for start in range(0, len(low), 4096):
            part = (self.a[:, None] * low[None, start : start + 4096] + self.b[:, None]) % _PRIME
            # The lower bits decide: the products themselves keep the order of x.
            part = (part * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
            least = np.minimum(least, part.min(axis=1))
        return least


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Jaccard's: how much of both sets is in both."""
    both = len(np.intersect1d(a, b))
    return both / max(len(a) + len(b) - both, 1)


def duplicates(texts: Sequence[str]) -> dict[int, tuple[int, str]]:
    """The texts to leave out: index -> (the one that is kept, `exact` or `near`). The first of its kind is kept."""
    out: dict[int, tuple[int, str]] = {}
    seen: dict[bytes, int] = {}
    buckets: dict[tuple[int, bytes], list[int]] = collections.defaultdict(list)
    sets: dict[int, np.ndarray] = {}
    minhash = MinHash()
    for index, text in enumerate(texts):
        exact = hashlib.sha256("".join(text.split()).encode()).digest()
        if exact in seen:
            out[index] = (seen[exact], "exact")
            continue
        seen[exact] = index
        hashes = np.unique(shingles(text))
        signature = minhash.signature(hashes)
        keys = [(band, signature[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS)]
        candidates = sorted({other for key in keys for other in buckets[key][:8]})
        twin = next((other for other in candidates if likeness(hashes, sets[other]) >= SAME), None)
        if twin is not None:
            out[index] = (twin, "near")
            continue
        sets[index] = hashes
        for key in keys:
            buckets[key].append(index)
    return out
