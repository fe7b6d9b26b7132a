"""Byte-level BPE, trained on the shards: `python -m train.tokenizer`.

Text is cut as Qwen2's tokenizer cuts it: a word with the blank before it, digits one by one, runs of blanks before a word
as one piece, so that an indentation is one token. There is no normaliser: the model must see and copy the file's bytes.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import sys
from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from .config import load
from .data import shards
from .pairs.prompts import BOS, EOS, SPECIAL

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

#: DeepSeek-V2's chat.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + "
    "'\n\n' }}{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def trained(texts: Iterable[str], size: int) -> Tokenizer:
    """A vocabulary of exactly `size` tokens, the special ones first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != size:
        raise ValueError(f"the text gives {tokenizer.get_vocab_size()} tokens and not {size}: take more text")
    if [tokenizer.token_to_id(t) for t in SPECIAL] != list(range(len(SPECIAL))):
        raise ValueError("the special tokens are not the first ones")
    return tokenizer


def sampled(folder: pathlib.Path, most: int, seed: int = 1) -> Iterator[str]:
    """Files for the vocabulary, up to so many characters of each language: more of one would crowd out the others."""
    left: dict[str, int] = {}
    rng = random.Random(seed)
    for file in shards.read_files(folder, "train"):
        share = left.setdefault(file.language, most if file.language == "python" else most // 4)
        if share > 0 and rng.random() < 0.7:
            left[file.language] = share - len(file.text)
            yield file.text
    # The words of the prompts.
    pairs = folder / "pairs-train.jsonl.xz"
    if pairs.is_file():
        from .samples import read_pairs, rendered

        for pair in list(read_pairs(folder, "train"))[:20_000]:
            yield rendered(pair)[0]


def save(tokenizer: Tokenizer, folder: pathlib.Path) -> None:
    """`tokenizer.json` and what says how it is used."""
    folder.mkdir(parents=True, exist_ok=True)
    shards.atomically(folder / "tokenizer.json", tokenizer.to_str().encode())
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": EOS,
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    shards.atomically(folder / "tokenizer_config.json", (json.dumps(settings, indent=1, ensure_ascii=False) + "\n").encode())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.tokenizer", description=__doc__)
    parser.add_argument("--config", default="nano")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--most", type=int, default=40_000_000, help="characters of Python; a quarter of each other")
    args = parser.parse_args()
    size = load(args.config).model.vocabulary
    tokenizer = trained(sampled(args.data, args.most), size)
    save(tokenizer, args.out)
    counts: dict[str, list[int]] = {}
    for file in shards.read_files(args.data, "validation"):
        row = counts.setdefault(file.language, [0, 0])
        row[0] += len(file.text.encode())
        row[1] += len(tokenizer.encode(file.text, add_special_tokens=False).ids)
    for language, (size_in_bytes, tokens) in sorted(counts.items()):
        print(f"{language}: {size_in_bytes / max(tokens, 1):.2f} bytes a token", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
