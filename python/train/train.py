"""Training: `python -m train.train pretrain|finetune`. Both stages are one loop with other settings.

A run is a folder: `metrics.jsonl`, `checkpoint.pt`, and `DONE` when the stage is at its end. The same command goes on from
the checkpoint, so that a run of any length is made of pieces (`--minutes`). What a step trains on depends on the seed and
the step's number only; on a CPU a run in pieces has the bits of one without.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .config import Config, StageConfig, load
from .model import DeepseekV2
from .optim import Optimizer, rate
from .sets import EOS, Set, read


def save(path: pathlib.Path, value: object) -> None:
    """The checkpoint is the old one or the new one, whenever this is cut off."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as handle:
        torch.save(value, handle)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)


def restored(path: pathlib.Path, device: torch.device) -> dict:
    # Written by `save`: tensors, numbers and texts only. Older versions of PyTorch cannot be told so.
    options = {"weights_only": True} if torch.__version__ >= "2" else {}
    return torch.load(path, map_location=device, **options)


class Batches:
    """The windows of each step: all of them in a random order, then all again in another."""

    def __init__(self, data: Set, config: StageConfig) -> None:
        self.data, self.config = data, config
        self.count = data.windows(config.length)
        if self.count < 1:
            raise ValueError(f"the data has no window of {config.length} tokens")
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, dtype=np.int64))

    def _index(self, number: int) -> int:
        turn, place = divmod(number, self.count)
        if self._order[0] != turn:
            random = np.random.RandomState([self.config.seed, turn])
            self._order = (turn, random.permutation(self.count))
        return int(self._order[1][place])

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Tokens [batch, length + 1] and which of them are learnt."""
        first = step * self.config.batch
        windows = [self.data.window(self._index(first + i), self.config.length) for i in range(self.config.batch)]
        tokens = np.stack([w[0] for w in windows]).astype(np.int64)
        return torch.from_numpy(tokens), torch.from_numpy(np.stack([w[1] for w in windows]))


def validation(model: DeepseekV2, sets: dict[str, Set], config: StageConfig, device: torch.device, half: bool) -> dict[str, float]:
    """The loss of each set in nats a token, on its first windows."""
    out = {}
    with torch.no_grad(), precision(device, half):
        for name, data in sorted(sets.items()):
            total, count = 0.0, 0
            for index in range(min(data.windows(config.length), config.validate_batches)):
                tokens, learnt = data.window(index, config.length)
                ids = torch.from_numpy(tokens.astype(np.int64))[None].to(device)
                mask = torch.from_numpy(learnt[1:].copy())[None].to(device)
                loss, _ = model.loss(ids[:, :-1], ids[:, 1:], mask)
                total, count = total + loss.item(), count + int(mask.sum())
            if count:
                out[name] = total / count
    return out


def precision(device: torch.device, half: bool) -> contextlib.AbstractContextManager:
    """Products in bf16, or everything in 32 bits."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if half else contextlib.nullcontext()


@dataclasses.dataclass
class Run:
    """One stage in its folder."""

    config: Config
    stage: str
    folder: pathlib.Path
    data: Set
    validation: dict[str, Set]
    device: torch.device
    #: The weights that the stage begins with, for the second one.
    start: dict | None = None
    #: Products in bf16.
    half: bool = False
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.settings = self.config.stage(self.stage)
        self.model = DeepseekV2(self.config.model).initialise(self.settings.seed)
        if self.start is not None:
            self.model.load_state_dict(self.start)
        self.model.to(self.device).use("blocks" if self.half else "loop")
        self.optimizer = Optimizer(self.model, self.settings, self.half)
        self.batches = Batches(self.data, self.settings)
        self.step = 0
        self.identity = json.dumps(dataclasses.asdict(self.config.model) | {"stage": self.stage}, sort_keys=True)

    @property
    def checkpoint(self) -> pathlib.Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> bool:
        """Goes on from the checkpoint, if there is one."""
        if not self.checkpoint.is_file():
            return False
        state = restored(self.checkpoint, self.device)
        if state["identity"] != self.identity:
            raise ValueError(f"{self.folder}: its checkpoint is of another model or stage")
        self.model.load_state_dict(state["model"])
        self.optimizer.load(state["optimizer"])
        self.step = state["step"]
        # What was logged after the checkpoint was taken is done again.
        log = self.folder / "metrics.jsonl"
        if log.is_file():
            rows = [r for r in log.read_text().splitlines() if r and json.loads(r)["step"] <= self.step]
            log.write_text("".join(r + "\n" for r in rows))
        return True

    def save(self) -> None:
        state = {"identity": self.identity, "step": self.step, "model": self.model.state_dict()}
        save(self.checkpoint, state | {"optimizer": self.optimizer.state()})

    def log(self, **row: object) -> None:
        with (self.folder / "metrics.jsonl").open("a") as handle:
            handle.write(json.dumps({"stage": self.stage, "step": self.step} | row) + "\n")

    def train_step(self) -> dict[str, float]:
        s = self.settings
        tokens, learnt = self.batches.at(self.step)
        tokens, learnt = tokens.to(self.device), learnt.to(self.device)
        # EOS behind what is learnt fills the window up, and is nothing to learn.
        weights = (learnt + s.prompt_weight * (~learnt & (tokens != EOS)))[:, 1:]
        micro = s.micro or s.batch
        count = weights.sum().clamp(min=1)
        for parameter in self.optimizer.parameters():
            parameter.grad = None
        total, balances = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        for first in range(0, s.batch, micro):
            ids, mask = tokens[first : first + micro], weights[first : first + micro]
            with precision(self.device, self.half):
                loss, balance = self.model.loss(ids[:, :-1], ids[:, 1:], mask)
            (loss / count + s.balance * balance * micro / s.batch).backward()
            total += loss.detach()
            balances += balance.detach() * micro / s.batch
        norm = torch.nn.utils.clip_grad_norm_(list(self.optimizer.parameters()), s.clip)
        share = rate(s, self.step)
        self.optimizer.step(share)
        self.step += 1
        if self.step % s.log_every and self.step != s.steps:
            return {}
        return {
            "loss": (total / count).item(), "balance": balances.item(), "gradient": float(norm), "rate": share,
            "busiest": self.model.busiest(),
        }  # fmt: skip

    def run(self, minutes: float | None = None, until: int | None = None) -> bool:
        """Trains to the end of the stage, of the minutes, or up to a step; whether the stage is at its end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        began, s = self.clock(), self.settings
        end = s.steps if until is None else min(until, s.steps)
        last, at = began, self.step
        slowest = 0.0
        while self.step < end:
            row = self.train_step()
            now = self.clock()
            if row:
                if not row["loss"] == row["loss"]:
                    raise FloatingPointError(f"the loss is no number at step {self.step}; the checkpoint before it is kept")
                tokens = (self.step - at) * s.batch * s.length
                slowest = max(slowest, (now - last) / max(self.step - at, 1))
                self.log(**row, tokens=self.step * s.batch * s.length, tokens_per_second=tokens / max(now - last, 1e-9))
                last, at = now, self.step
            if self.step % s.validate_every == 0 or self.step == s.steps:
                for name, loss in validation(self.model, self.validation, s, self.device, self.half).items():
                    self.log(set=name, validation=loss)
                last, at = self.clock(), self.step
            if self.step % s.check_every == 0 and self.step < end:
                self.save()
            # One more round of logging and half a minute to save must fit.
            if minutes is not None and self.clock() - began + slowest * s.log_every + 30 > 60 * minutes:
                break
        self.save()
        done = self.step >= s.steps
        if done:
            (self.folder / "DONE").write_text(f"{self.step}\n")
        return done


def languages(folder: pathlib.Path) -> dict[str, Set]:
    """Code that was held out, by language."""
    return {p.name.removeprefix("validation-").removesuffix(".xz"): read([p]) for p in sorted(folder.glob("validation-*.xz"))}


def sets(folder: pathlib.Path, stage: str) -> tuple[Set, dict[str, Set]]:
    """What a stage trains on, and what it is validated with."""
    held = languages(folder)
    if stage == "finetune":
        held["held-out"] = read([folder / "held-out.xz"])
    return read(sorted(folder.glob(f"{stage}-*.xz"))), held


def reproducible(device: torch.device) -> None:
    """The same bits in every run on a CPU with the same threads. On a GPU only the order of the data is the same: its
    deterministic kernels take too much of the time that there is."""
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)
        if hasattr(torch.utils, "deterministic"):
            # Nothing here reads what it has not written.
            torch.utils.deterministic.fill_uninitialized_memory = False
    else:
        torch.backends.cuda.matmul.allow_tf32 = True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.train", description=__doc__)
    parser.add_argument("stage", choices=("pretrain", "finetune"))
    parser.add_argument("--config", default="nano", help="a section of config.toml")
    parser.add_argument("--tokens", type=pathlib.Path, required=True, help="folder with the sets of train.samples")
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the run; each stage gets one in it")
    parser.add_argument("--minutes", type=float, help="stop after so long; the same command goes on")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--precision", choices=("bf16", "fp32"), help="of products: bf16 on a GPU if it is not said; a CPU gains if it has AMX"
    )
    args = parser.parse_args()
    config, device = load(args.config), torch.device(args.device)
    reproducible(device)
    start = None
    if args.stage == "finetune":
        start = restored(args.run / "pretrain/checkpoint.pt", torch.device("cpu"))["model"]
    train, held = sets(args.tokens, args.stage)
    half = (args.precision or ("fp32" if device.type == "cpu" else "bf16")) == "bf16"
    run = Run(config, args.stage, args.run / args.stage, train, held, device, start, half)
    print(f"{'going on' if run.resume() else 'beginning'} at step {run.step} of {run.settings.steps}", file=sys.stderr)
    done = run.run(args.minutes)
    print(f"{'done' if done else 'stopped'} at step {run.step}", file=sys.stderr)
    return 0 if done else 3


if __name__ == "__main__":
    sys.exit(main())
