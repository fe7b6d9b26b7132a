"""What an edit of some kind is: how it is made, how it is checked, and in which words it is asked for."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator

from .source import Source, parsed, same


@dataclasses.dataclass(frozen=True)
class Made:
    """An edit before it is checked: both texts, and what the instruction names."""

    before: str
    after: str
    slots: dict[str, str]
    #: Which list of phrases asks for it, where a kind has several.
    phrases: str = "default"


def is_the_same(before: str, answer: str, after: str) -> bool:
    """For edits with one right outcome: the tree of the answer is that of `after`."""
    return same(parsed(answer), parsed(after))


@dataclasses.dataclass(frozen=True)
class Kind:
    """`make` yields edits of a text; `check` says of (before, after, slots) whether nothing changed but what should;
    `judge` says of (before, answer, after, slots) whether a model's answer is right, however it differs from ours."""

    name: str
    make: Callable[[Source, random.Random], Iterator[Made]]
    check: Callable[[str, str, dict[str, str]], bool]
    phrases: dict[str, tuple[str, ...]]
    judge: Callable[[str, str, str, dict[str, str]], bool] | None = None

    def right(self, before: str, answer: str, after: str, slots: dict[str, str]) -> bool:
        if self.judge is not None:
            return self.judge(before, answer, after, slots)
        return is_the_same(before, answer, after)


def worded(kind: Kind, made: Made, rng: random.Random, held_out: bool) -> str:
    """The instruction. The last phrase of each list is kept for held-out edits, which use it half of the time."""
    phrases = kind.phrases[made.phrases]
    if held_out and rng.random() < 0.5:
        phrase = phrases[-1]
    else:
        phrase = rng.choice(phrases[:-1])
    slots = dict(made.slots)
    # Names stand in backticks, or do not.
    mark = rng.choice(["`", "`", ""])
    text = phrase.format_map({key: mark + value + mark for key, value in slots.items()} | {"mark": mark})
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.3:
        text += "."
    elif rng.random() < 0.1:
        text = "Please " + text[0].lower() + text[1:]
    return text
