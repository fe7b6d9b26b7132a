"""Text -> tokens to train on, in the shape that a trainer needs and nothing more: `python -m train.samples`.

A set is a file of uint16 tokens and, for the second stage, one bit for each that says whether it is learnt, compressed with
xz. Pre-training reads one long stream; fine-tuning reads samples packed into windows that none of them leaves.
"""

from __future__ import annotations

import argparse
import json
import lzma
import pathlib
import random
import sys
from collections.abc import Iterator

import numpy as np
from tokenizers import Tokenizer

from .config import Config, load
from .data import shards
from .data.files import File
from .pairs import fim, prompts
from .pairs.make import Pair, rng_of
from .sets import BEGIN, BOS, END, EOS, HOLE, write

#: Tokens in one file: 48 MB of tokens, which xz takes down to less than 64 MB in any case.
PIECE = 24_000_000


def read_pairs(folder: pathlib.Path, split: str) -> Iterator[Pair]:
    with lzma.open(folder / f"pairs-{split}.jsonl.xz", "rt", encoding="utf-8") as handle:
        for line in handle:
            yield Pair(**json.loads(line))


def rendered(pair: Pair) -> tuple[str, str]:
    """The prompt and the answer of a pair as text."""
    before, fence = prompts.chat(
        prompts.question(pair.form, pair.path, pair.before, pair.instruction), pair.path, pair.before
    )
    return before, prompts.ended(pair.after) + fence


class Encoder:
    """Pieces of text by themselves, as the engine encodes them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, folder: pathlib.Path) -> Encoder:
        return cls(Tokenizer.from_file(str(folder / "tokenizer.json")))

    def text(self, text: str) -> list[int]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        # The tokenizer finds control tokens in text, and the engine makes none of it. Files with them are left out.
        if ids and min(ids) <= END:
            raise ValueError("a text has a control token in it")
        return ids

    def plain(self, text: str) -> list[int]:
        return [BOS, *self.text(text), EOS]

    def hole(self, hole: fim.Hole) -> list[int]:
        return self.fill(hole.prefix, hole.suffix) + [*self.text(hole.middle), EOS]

    def fill(self, prefix: str, suffix: str) -> list[int]:
        return [BOS, BEGIN, *self.text(prefix), HOLE, *self.text(suffix), END]

    def pair(self, pair: Pair) -> tuple[list[int], list[int]]:
        question, answer = rendered(pair)
        return [BOS, *self.text(question)], [*self.text(answer), EOS]


def with_hole(file: File, encoder: Encoder, rng: random.Random, share: float) -> list[int]:
    """A file as it is, or with a hole somewhere."""
    if rng.random() < share:
        for _ in range(4):
            if found := fim.hole(file.text, rng):
                return encoder.hole(found)
    return encoder.plain(file.text)


def stream(folder: pathlib.Path, split: str, config: Config, encoder: Encoder, language: str = "") -> np.ndarray:
    """The tokens of a split one file after the other; of one language, where it is named. A long file with a hole is shown
    around it only, so that it is shown as it is as well."""
    out: list[np.ndarray] = []
    settings = config.samples
    for turn in range(settings.passes if split == "train" else 1):
        for file in shards.read_files(folder, split):
            if language and file.language != language:
                continue
            rng = rng_of(str(settings.seed), str(turn), file.package, file.path)
            if split != "train":
                out.append(np.array(encoder.plain(file.text), dtype=np.uint16))
                continue
            ids = with_hole(file, encoder, rng, settings.fim)
            if len(file.text) > fim.PREFIX + fim.SUFFIX and turn == 0 and ids[1] == BEGIN:
                out.append(np.array(encoder.plain(file.text), dtype=np.uint16))
            out.append(np.array(ids, dtype=np.uint16))
    order = np.random.RandomState(settings.seed).permutation(len(out))
    return np.concatenate([out[i] for i in order]) if out else np.zeros(0, np.uint16)


def packed(samples: list[tuple[list[int], list[int]]], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of `length + 1` tokens, each sample whole in one, and which tokens are learnt: only those of answers. The
    fullest window that still has room takes a sample."""
    windows: list[tuple[list[int], list[bool]]] = []
    open_: list[tuple[list[int], list[bool]]] = []
    for question, answer in sorted(samples, key=lambda s: -len(s[0]) - len(s[1])):
        size = len(question) + len(answer)
        if size > length + 1:
            continue
        place = next((w for w in open_ if len(w[0]) + size <= length + 1), None)
        if place is None:
            place = ([], [])
            windows.append(place)
            open_.append(place)
            # Old windows are nearly full; a search of all of them would take the square of their number.
            if len(open_) > 64:
                open_.pop(0)
        place[0].extend(question + answer)
        place[1].extend([False] * len(question) + [True] * len(answer))
    tokens = np.full((len(windows), length + 1), EOS, dtype=np.uint16)
    learnt = np.zeros((len(windows), length + 1), dtype=bool)
    for row, (ids, mask) in enumerate(windows):
        tokens[row, : len(ids)] = ids
        learnt[row, : len(mask)] = mask
    return tokens, learnt


def tuning(folder: pathlib.Path, split: str, config: Config, encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """Edit pairs, and among them holes and plain code, so that neither is forgotten."""
    samples = [encoder.pair(pair) for pair in read_pairs(folder, split)]
    wanted = int(len(samples) * config.samples.replay)
    limit = config.finetune.length * 3
    for file in shards.read_files(folder, split):
        if wanted <= 0:
            break
        rng = rng_of("replay", str(config.samples.seed), file.package, file.path)
        found = fim.hole(file.text, rng)
        if found and len(found.prefix) + len(found.suffix) < limit:
            ids = encoder.hole(found)
            at = ids.index(END) + 1
            samples.append((ids[:at], ids[at:]))
            wanted -= 1
    tokens, learnt = packed(samples, config.finetune.length)
    order = np.random.RandomState(config.samples.seed).permutation(len(tokens))
    return tokens[order], learnt[order]


def write_all(config: Config, data: pathlib.Path, out: pathlib.Path, encoder: Encoder) -> dict[str, int]:
    """All sets of a run; the number of tokens in each."""
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    train = stream(data, "train", config, encoder)
    counts["pretrain"] = len(train)
    for number, start in enumerate(range(0, len(train), PIECE)):
        write(out / f"pretrain-{number:03}.xz", train[start : start + PIECE], None)
    languages = sorted({file.language for file in shards.read_files(data, "validation")})
    for language in languages:
        tokens = stream(data, "validation", config, encoder, language)
        counts[f"validation-{language}"] = len(tokens)
        write(out / f"validation-{language}.xz", tokens, None)
    if (data / "pairs-train.jsonl.xz").is_file():
        for split, name in (("train", "finetune-000"), ("validation", "held-out")):
            tokens, learnt = tuning(data, split, config, encoder)
            counts[name] = int(tokens.size)
            counts[f"{name}, learnt"] = int(learnt.sum())
            write(out / f"{name}.xz", tokens, learnt)
    shards.atomically(out / "tokens.json", (json.dumps(counts, indent=1) + "\n").encode())
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.samples", description=__doc__)
    parser.add_argument("--config", default="nano")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with shards and pairs")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    counts = write_all(load(args.config), args.data, args.out, Encoder.load(args.tokenizer))
    print(json.dumps(counts, indent=1), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
