"""Files -> edit pairs that were checked."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import random
from collections.abc import Iterator

from ..data.files import File
from . import behaves, expressions, kinds, lexical, names, signatures, statements
from .kinds import Kind, Made
from .source import units

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        signatures.TYPES,
        signatures.DOCSTRING,
        signatures.COMMENTS,
        signatures.MODERN,
        expressions.F_STRINGS,
        expressions.NONE,
        expressions.COMPREHENSION,
        names.RENAME,
        names.CONSTANT,
        statements.ERRORS,
        statements.PYTEST,
    )
}
LEXICAL = Kind(
    "rename, other languages",
    lambda source, rng: iter(()),
    lexical.is_rename,
    names.RENAME.phrases,
    lambda before, answer, after, slots: lexical.is_rename(before, answer, slots),
)
KINDS[LEXICAL.name] = LEXICAL


@dataclasses.dataclass(frozen=True)
class Pair:
    """One edit that was checked, and how it is asked for."""

    kind: str
    language: str
    path: str
    form: str
    instruction: str
    before: str
    after: str
    slots: dict[str, str]


def rng_of(*words: str) -> random.Random:
    """A generator that depends on these words only: a pair does not change with what else is in the set."""
    return random.Random(hashlib.sha256("\0".join(words).encode()).digest())


def _form(rng: random.Random) -> str:
    way = rng.random()
    return "whole" if way < 0.7 else "region" if way < 0.9 else "short"


def _pair(kind: Kind, made: Made, file: File, path: str, rng: random.Random, held_out: bool, counts: collections.Counter[str]) -> Pair | None:
    counts[f"{kind.name}: made"] += 1
    if made.before == made.after or not kind.check(made.before, made.after, made.slots):
        counts[f"{kind.name}: not what was meant"] += 1
        return None
    if file.language == "python" and behaves.unchanged(made.before, made.after) is False:
        counts[f"{kind.name}: tests fail after it"] += 1
        return None
    counts[f"{kind.name}: kept"] += 1
    instruction = kinds.worded(kind, made, rng, held_out)
    return Pair(kind.name, file.language, path, _form(rng), instruction, made.before, made.after, made.slots)


def pairs(file: File, seed: int, held_out: bool, counts: collections.Counter[str]) -> Iterator[Pair]:
    """The pairs of one file."""
    rng = rng_of(str(seed), file.package, file.path)
    name = file.path.rsplit("/", 1)[-1] if rng.random() < 0.5 else file.path
    if file.language == "python":
        for source in units(file.text, name):
            for kind in KINDS.values():
                for made in _tried(kind, source, rng, counts):
                    if pair := _pair(kind, made, file, name, rng, held_out, counts):
                        yield pair
    else:
        for unit in lexical.units(file.text):
            for made in lexical.made(unit, file.language, rng):
                if pair := _pair(LEXICAL, made, file, name, rng, held_out, counts):
                    yield pair


def _tried(kind: Kind, source: object, rng: random.Random, counts: collections.Counter[str]) -> Iterator[Made]:
    """What a kind makes; a text that it cannot handle (odd layout, tokens that do not come out) is counted, not fatal."""
    try:
        yield from list(kind.make(source, rng))
    except (ValueError, SyntaxError, IndexError, AttributeError) as error:
        counts[f"{kind.name}: {type(error).__name__}"] += 1


def balanced(found: list[Pair], most: int, seed: int) -> list[Pair]:
    """At most so many of each kind and language, chosen by a hash."""
    groups: dict[tuple[str, str], list[Pair]] = collections.defaultdict(list)
    for pair in found:
        groups[pair.kind, pair.language].append(pair)
    out: list[Pair] = []
    for key in sorted(groups):
        members = groups[key]
        members.sort(key=lambda p: hashlib.sha256(f"{seed}{p.instruction}{p.before}".encode()).digest())
        out += members[:most]
    return out
