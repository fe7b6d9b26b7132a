"""Holes in code, as the plugin `complete` asks for them: prefix, suffix, middle."""

from __future__ import annotations

import dataclasses
import random

#: Bytes around the cursor, as the plugin's window of tokens shows about so many.
PREFIX, SUFFIX = 3600, 1200
MOST_MIDDLE = 900


@dataclasses.dataclass(frozen=True)
class Hole:
    kind: str
    prefix: str
    suffix: str
    middle: str


def without_blanks(prefix: str, middle: str) -> tuple[str, str]:
    """The blanks before the cursor are the model's to write: the plugin shows the text without them."""
    shown = prefix.rstrip(" \t")
    return (shown, prefix[len(shown) :] + middle) if shown else (prefix, middle)


def windowed(prefix: str, suffix: str, tail: int = PREFIX, head: int = SUFFIX) -> tuple[str, str]:
    """The end of the prefix and the beginning of the suffix, cut between lines."""
    if len(prefix) > tail:
        at = prefix.find("\n", len(prefix) - tail)
        prefix = prefix[at + 1 :] if at >= 0 else prefix[-tail:]
    if len(suffix) > head:
        at = suffix.rfind("\n", 0, head)
        suffix = suffix[: at + 1] if at >= 0 else suffix[:head]
    return prefix, suffix


def hole(text: str, rng: random.Random) -> Hole | None:
    """One hole: the rest of a line or a whole one (half of the time), some lines, or any span."""
    if len(text) < 80:
        return None
    way = rng.random()
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n" and i + 1 < len(text))]
    if way < 0.5:
        kind, line = "line", rng.choice(starts)
        end = text.find("\n", line)
        end = len(text) if end < 0 else end
        content = text[line:end]
        if not content.strip():
            return None
        indent = len(content) - len(content.lstrip())
        # Where people stop to type: at the beginning, or behind any character of the line.
        start = line + (indent if rng.random() < 0.5 else rng.randrange(indent, len(content)))
    elif way < 0.8:
        kind, index = "lines", rng.randrange(len(starts))
        last = min(index + rng.randint(1, 8), len(starts))
        line = starts[index]
        end = starts[last] - 1 if last < len(starts) else len(text.rstrip("\n"))
        content = text[line:end]
        if end <= line or not content.strip():
            return None
        start = line + (len(content) - len(content.lstrip()) if "\n" not in content[: len(content) - len(content.lstrip())] else 0)
    else:
        kind = "span"
        start = rng.randrange(len(text) - 1)
        end = min(len(text), start + 1 + min(int(rng.expovariate(1 / 120)), MOST_MIDDLE))
    if not 0 < end - start <= MOST_MIDDLE:
        return None
    prefix, suffix = windowed(text[:start], text[end:])
    middle = text[start:end]
    # Mostly as the plugin asks first, and sometimes as it asks again.
    if rng.random() < 0.85:
        prefix, middle = without_blanks(prefix, middle)
    return Hole(kind, prefix, suffix, middle)
