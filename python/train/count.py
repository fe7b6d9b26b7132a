"""What a run comes to before it is begun: parameters, bytes, floating-point operations, time. `python -m train.count nano`.

Needs no PyTorch. What is counted are the products, two operations for each weight and token, and attention's own; a step of
training is three times a step forward.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys

from .config import Config, ModelConfig, StageConfig, load

#: Dense bf16, in operations a second, as the vendor says, and bytes of memory.
GPUS = {
    "h100": (989e12, 80e9),
    "h200": (989e12, 141e9),
    "a100": (312e12, 80e9),
    "l4": (121e12, 24e9),
}
#: Bytes of a weight when it is imported at 4 bits: blocks of 32 with a scale of 16 bits; embedding and output in Q6_K where
#: their width allows, else 8 bits; what makes keys and values of the latent 8 bits; the router and norms 32.
INNER, OUTER, LATENT = 18 / 32, 210 / 256, 34 / 32


@dataclasses.dataclass(frozen=True)
class Parameters:
    outer: int
    latent: int
    inner: int
    plain: int
    #: What one token goes through, without the embedding, which is looked up.
    active: int

    @property
    def total(self) -> int:
        return self.outer + self.latent + self.inner + self.plain

    @property
    def packed(self) -> int:
        """Bytes at 4 bits."""
        return round(self.outer * OUTER + self.latent * LATENT + self.inner * INNER + self.plain * 4)


def parameters(c: ModelConfig) -> Parameters:
    width = c.heads * (c.nope + c.rope)
    query = c.q_lora_rank * (c.hidden + width) if c.q_lora_rank else c.hidden * width
    attention = query + c.hidden * (c.kv_lora_rank + c.rope) + c.heads * c.value * c.hidden
    latent = c.kv_lora_rank * c.heads * (c.nope + c.value)
    expert = 3 * c.hidden * c.expert
    sparse = c.layers - c.first_dense
    router = c.hidden * c.experts
    dense = c.first_dense * 3 * c.hidden * c.dense
    outer = 2 * c.vocabulary * c.hidden
    inner = c.layers * attention + dense + sparse * (c.experts + c.shared) * expert
    norms = c.hidden + c.layers * (2 * c.hidden + c.kv_lora_rank + c.q_lora_rank)
    active = c.layers * (attention + latent) + dense + sparse * ((c.top_k + c.shared) * expert + router)
    return Parameters(outer, c.layers * latent, inner, sparse * router + norms, active + outer // 2)


def operations(c: ModelConfig, length: int) -> float:
    """Of one token, forward, in a sequence of `length`: it sees half of it on average."""
    attention = c.layers * c.heads * (c.nope + c.rope + c.value) * length / 2
    return 2 * (parameters(c).active + attention)


def training(c: ModelConfig, stage: StageConfig) -> float:
    tokens = stage.steps * stage.batch * stage.length
    work = 3 * operations(c, stage.length) * tokens
    if stage.optimizer == "muon":
        # Five rounds of Newton and Schulz: for m by n with m the smaller, 4 m m n and 2 m m m each.
        shapes = [(c.expert, c.hidden, 3 * (c.layers - c.first_dense) * c.experts), (c.hidden, c.hidden, 4 * c.layers)]
        work += stage.steps * sum(5 * n * (4 * a * a * b + 2 * a**3) for a, b, n in shapes)
    return work


def memory(c: ModelConfig, stage: StageConfig) -> float:
    """Bytes on the GPU, roughly: weights, gradients and up to two states in 32 bits, and what a step keeps for the way
    back: about 34 numbers of 16 bits for each of a layer's hidden elements, and the logits three times in 32 bits."""
    tokens = (stage.micro or stage.batch) * stage.length
    states = 16 * parameters(c).total
    kept = tokens * c.layers * c.hidden * 34 * 2 * (1 + c.top_k * c.expert / c.hidden / 2)
    return states + kept + tokens * c.vocabulary * 4 * 3


def report(config: Config, gpu: str, share: float, tokens: pathlib.Path | None) -> dict[str, object]:
    found = parameters(config.model)
    peak, room = GPUS[gpu]
    out: dict[str, object] = {
        "parameters": found.total,
        "parameters of a token": found.active,
        "MB at 4 bits": round(found.packed / 1e6, 1),
        "MB read a token at 4 bits": round(found.active * INNER / 1e6, 1),
        "bytes of cache a token, 16 bits": 2 * config.model.layers * (config.model.kv_lora_rank + config.model.rope),
        "GFLOP of a token, forward, at 2,048": round(operations(config.model, 2048) / 1e9, 3),
    }
    total = 0.0
    for name in ("pretrain", "finetune"):
        stage = config.stage(name)
        work = training(config.model, stage)
        minutes = work / (peak * share) / 60
        total += minutes
        out[name] = {
            "tokens": stage.steps * stage.batch * stage.length,
            "PFLOP": round(work / 1e15, 2),
            f"minutes on one {gpu} at {share:.0%} of its peak": round(minutes, 1),
            "GB of memory, about": round(memory(config.model, stage) / 1e9, 1),
            "fits": memory(config.model, stage) < 0.9 * room,
        }
        # A checkpoint: weights, and one state or two.
        out[f"{name}: MB of a checkpoint"] = round(found.total * (8 if stage.optimizer == "muon" else 12) / 1e6)
    out["minutes"] = round(total, 1)
    out["pieces of 10 minutes"] = -(-int(total * 60) // 540)
    if tokens is not None:
        sizes = {p.name: p.stat().st_size for p in sorted(tokens.glob("*.xz"))}
        out["bytes to carry"] = sizes
        out["largest piece is at most 64 MiB"] = max(sizes.values(), default=0) <= 64 << 20
    return out


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.count", description=__doc__)
    parser.add_argument("config", nargs="?", default="nano")
    parser.add_argument("--gpu", choices=GPUS, default="h100")
    parser.add_argument("--share", type=float, default=0.15, help="of the peak that is reached; measure it and say it here")
    parser.add_argument("--tokens", type=pathlib.Path, help="folder with the sets, to count what is carried")
    args = parser.parse_args()
    json.dump(report(load(args.config), args.gpu, args.share, args.tokens), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
