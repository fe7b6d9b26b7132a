"""Muon for the matrices of hidden layers, AdamW for everything else, in one optimiser whose state is saved as one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .config import StageConfig


def orthogonal(matrix: Tensor, half: bool = False, steps: int = 5) -> Tensor:
    """Newton and Schulz: about the nearest matrix whose singular values are 1, of each of a stack of matrices.

    The coefficients are Keller Jordan's; they end between 0.7 and 1.2, which is as good and much faster."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.to(torch.bfloat16) if half else matrix
    turned = x.shape[-2] > x.shape[-1]
    if turned:
        x = x.transpose(-1, -2)
    x = x / (x.pow(2).sum((-2, -1), keepdim=True).sqrt() + 1e-7)
    for _ in range(steps):
        square = torch.matmul(x, x.transpose(-1, -2))
        x = a * x + torch.matmul(b * square + c * torch.matmul(square, square), x)
    return (x.transpose(-1, -2) if turned else x).to(matrix.dtype)


def is_hidden(name: str, parameter: Tensor) -> bool:
    """Whether Muon is for it: matrices between the layers. Embedding, output, norms and routers are not."""
    return parameter.dim() >= 2 and not name.startswith(("model.embed_tokens", "lm_head")) and not name.endswith("mlp.gate.weight")


class Optimizer:
    """Both rules, with decoupled weight decay on matrices. Rates are given with each step."""

    BETAS, MOMENTUM, EPSILON = (0.9, 0.95), 0.95, 1e-9

    def __init__(self, model: nn.Module, config: StageConfig, half: bool = False) -> None:
        #: Muon's products are in bf16 where the model's are.
        self.config, self.half = config, half
        self.muon: dict[str, Tensor] = {}
        self.adam: dict[str, Tensor] = {}
        for name, parameter in model.named_parameters():
            muon = config.optimizer == "muon" and is_hidden(name, parameter)
            (self.muon if muon else self.adam)[name] = parameter
        self.steps = 0
        self.momentum = {n: torch.zeros_like(p) for n, p in self.muon.items()}
        self.first = {n: torch.zeros_like(p) for n, p in self.adam.items()}
        self.second = {n: torch.zeros_like(p) for n, p in self.adam.items()}

    def parameters(self) -> Iterator[Tensor]:
        yield from self.muon.values()
        yield from self.adam.values()

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step; `rate` is the share of the stage's rates."""
        self.steps += 1
        lr, decay = self.config.lr * rate, self.config.weight_decay
        for name, parameter in self.muon.items():
            if parameter.grad is None:
                continue
            momentum = self.momentum[name]
            momentum.mul_(self.MOMENTUM).add_(parameter.grad)
            update = orthogonal(parameter.grad.add(momentum, alpha=self.MOMENTUM), self.half)
            muon = self.config.muon_lr * rate
            # The same size of step for a wide and a tall matrix.
            size = math.sqrt(max(1.0, parameter.shape[-2] / parameter.shape[-1]))
            parameter.mul_(1 - muon * decay).add_(update, alpha=-muon * size)
        one, two = self.BETAS
        for name, parameter in self.adam.items():
            if parameter.grad is None:
                continue
            self.first[name].mul_(one).add_(parameter.grad, alpha=1 - one)
            self.second[name].mul_(two).addcmul_(parameter.grad, parameter.grad, value=1 - two)
            first = self.first[name] / (1 - one**self.steps)
            second = self.second[name] / (1 - two**self.steps)
            if parameter.dim() >= 2:
                parameter.mul_(1 - lr * decay)
            parameter.addcdiv_(first, second.sqrt().add_(self.EPSILON), value=-lr)

    def state(self) -> dict[str, object]:
        return {"steps": self.steps, "momentum": self.momentum, "first": self.first, "second": self.second}

    def load(self, state: dict) -> None:
        self.steps = state["steps"]
        for name in ("momentum", "first", "second"):
            ours = getattr(self, name)
            if ours.keys() != state[name].keys():
                raise ValueError("the checkpoint is of another model or optimiser")
            for key, tensor in state[name].items():
                ours[key].copy_(tensor)


def rate(config: StageConfig, step: int) -> float:
    """The share of the rate at a step, from 0: up, then level and down (wsd) or down along a cosine."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - config.warmup) / max(config.steps - config.warmup, 1)
    if config.schedule == "cosine":
        return config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    left = (1 - done) / config.decay if config.decay else 1.0
    # Down as one minus a square root, which does better than a line.
    return 1.0 if left >= 1 else config.floor + (1 - config.floor) * (1 - math.sqrt(1 - max(left, 0.0)))
