"""What a model is good for: `python -m train.evaluate`.

Loss per language, one-line holes filled in to the letter, and edits that were held out, each judged by its kind; of a
checkpoint, or of the imported model (`--model`), which is what is shipped and much faster. The numbers of the product (FIM
with the plugin's trimming, HumanEval-Infilling, EditEval) are measured on the imported model by `deepcoder eval`.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import gzip
import json
import pathlib
import sys
from typing import Any

import torch

from .config import StageConfig, load
from .data import shards
from .model import Cache, DeepseekV2
from .pairs import fim, prompts
from .pairs.make import KINDS, Pair, rng_of
from .samples import EOS, Encoder, read_pairs
from .train import languages, precision, restored, validation


@torch.no_grad()
def continued(model: DeepseekV2, ids: list[int], most: int, stop: int = EOS) -> list[int]:
    """The likeliest tokens, one after the other, up to the end token, `most`, or the model's context."""
    device = next(model.parameters()).device
    cache, out = Cache([], []), []
    fed = torch.tensor([ids], device=device)
    with precision(device, device.type == "cuda"):
        while len(out) < most and len(ids) + len(out) < model.config.context:
            hidden = model.hidden(fed, cache)[:, -1:]
            token = int(model.lm_head(hidden).argmax(-1))
            if token == stop:
                break
            out.append(token)
            fed = torch.tensor([[token]], device=device)
    return out


class Trained:
    """A checkpoint, in PyTorch: any step of a run can be looked at, slowly."""

    def __init__(self, model: DeepseekV2, encoder: Encoder) -> None:
        self.model, self.encoder = model.eval(), encoder
        self.context = model.config.context

    def answer(self, pair: Pair, most: int) -> str:
        return self.encoder.tokenizer.decode(continued(self.model, self.encoder.pair(pair)[0], most))

    def fill(self, prefix: str, suffix: str, most: int) -> str:
        return self.encoder.tokenizer.decode(continued(self.model, self.encoder.fill(prefix, suffix), most))


class Imported:
    """The model as it is used: imported, at its few bits, on our engine, with the text before as the draft of the text after."""

    def __init__(self, model: Any) -> None:
        self.model, self.context = model, model.context_length

    def answer(self, pair: Pair, most: int) -> str:
        question = prompts.question(pair.form, pair.path, pair.before, pair.instruction)
        begun, _ = prompts.begun(pair.path, pair.before)
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": begun}]
        return self.model.generate(turns, max_tokens=most, draft=pair.before).text

    def fill(self, prefix: str, suffix: str, most: int) -> str:
        return self.model.generate(prefix, suffix=suffix, max_tokens=most).text


Writer = Trained | Imported


def score(right: int, of: int) -> dict[str, float]:
    return {"right": right, "of": of, "share": round(right / of, 4) if of else 0.0}


def edits(writer: Writer, encoder: Encoder, data: pathlib.Path, most: int, tokens: int) -> dict[str, dict[str, float]]:
    """Held-out pairs: the answer is right if its kind's judge says so; whether it is our text to the letter, too."""
    right: collections.Counter[str] = collections.Counter()
    seen: collections.Counter[str] = collections.Counter()
    letter = 0
    for pair in read_pairs(data, "validation"):
        if seen[pair.kind] >= most:
            continue
        question, answer = encoder.pair(pair)
        if len(question) + len(answer) > writer.context:
            continue
        seen[pair.kind] += 1
        wanted = encoder.tokenizer.decode(answer[:-1])
        room = writer.context - len(question)
        said = writer.answer(pair, min(tokens, 2 * len(answer) + 32, room))
        letter += said == wanted
        fence = wanted[len(wanted.rstrip("`")) :]
        # Without the fence that ends it: an answer that does not end is none.
        if said.endswith("\n" + fence):
            text = said[: -len(fence)]
            right[pair.kind] += KINDS[pair.kind].right(pair.before, text, pair.after, pair.slots)
    out = {kind: score(right[kind], seen[kind]) for kind in sorted(seen)}
    out["all"] = score(sum(right.values()), sum(seen.values()))
    out["to the letter"] = score(letter, sum(seen.values()))
    return out


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].rstrip()


def holes(writer: Writer, data: pathlib.Path, most: int, tokens: int) -> dict[str, float]:
    """Holes of one line in files that were held out, filled in to the letter."""
    right = of = 0
    for file in shards.read_files(data, "validation"):
        if of >= most:
            break
        rng = rng_of("evaluate", file.package, file.path)
        found = next((h for _ in range(20) if (h := fim.hole(file.text, rng)) and h.kind == "line"), None)
        if found is None:
            continue
        of += 1
        right += _first_line(writer.fill(found.prefix, found.suffix, tokens)) == found.middle.rstrip()
    return score(right, of)


def fim_lines(writer: Writer, path: pathlib.Path, most: int, tokens: int) -> dict[str, dict[str, float]]:
    """SantaCoder's benchmark: one line, exact match, by language."""
    right: collections.Counter[str] = collections.Counter()
    seen: collections.Counter[str] = collections.Counter()
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            task = json.loads(line)
            language = task["language"]
            if seen[language] >= most:
                continue
            # The hole is a whole line; its line ends are in neither part of the task.
            said = writer.fill(*fim.windowed(task["prompt"] + "\n", "\n" + task["suffix"]), tokens)
            seen[language] += 1
            right[language] += _first_line(said).strip() == task["canonical_solution"].strip()
    return {language: score(right[language], seen[language]) for language in sorted(seen)}


def losses(model: DeepseekV2, sets: pathlib.Path) -> dict[str, float]:
    """Nats a token, by language."""
    device = next(model.parameters()).device
    settings = dataclasses.replace(_WINDOWS, length=min(_WINDOWS.length, model.config.context))
    found = validation(model.eval(), languages(sets), settings, device, device.type == "cuda")
    return {language: round(loss, 4) for language, loss in found.items()}


def report(
    writer: Writer, encoder: Encoder, data: pathlib.Path, lines: pathlib.Path | None, most: int, tokens: int = 512
) -> dict[str, object]:
    out: dict[str, object] = {
        "edits": edits(writer, encoder, data, most, tokens),
        "holes": holes(writer, data, most, min(tokens, 96)),
    }
    if lines is not None:
        out["fim-lines"] = fim_lines(writer, lines, most, 96)
    return out


#: How losses are measured, whatever the stage was trained with.
_WINDOWS = StageConfig(steps=1, batch=1, length=1024, lr=0.0, validate_batches=64)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("--config", default="nano")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="of a run: its losses, and without --model what it writes")
    parser.add_argument("--model", help="name of the imported model, for what it writes; needs the package deepcoder")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=pathlib.Path, help="folder with the sets of train.samples, for the losses")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with shards and pairs")
    parser.add_argument("--fim-lines", type=pathlib.Path, help="santacoder_fim_task.jsonl.gz")
    parser.add_argument("--most", type=int, default=100, help="tasks of each kind")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    if not args.checkpoint and not args.model:
        parser.error("give --checkpoint, --model or both")
    encoder = Encoder.load(args.tokenizer)
    found: dict[str, object] = {}
    if args.checkpoint:
        model = DeepseekV2(load(args.config).model)
        model.load_state_dict(restored(args.checkpoint, torch.device("cpu"))["model"])
        model.to(args.device)
        if args.tokens:
            found["loss"] = losses(model, args.tokens)
    if args.model:
        try:
            import deepcoder
        except ImportError as error:
            parser.error(f"--model needs the package deepcoder, and it cannot be imported: {error}\nhint: `make test` builds it")
        writer: Writer = Imported(deepcoder.Model.load(args.model))
    else:
        writer = Trained(model, encoder)
    found |= report(writer, encoder, args.data, args.fim_lines, args.most)
    json.dump(found, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
