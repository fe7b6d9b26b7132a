"""DeepSeek-V2 in PyTorch (1.13 or newer): latent attention and a mixture of experts, as `modeling_deepseek.py` computes them.

The names of the parameters are those of the checkpoint, but for the experts of a layer, which are one tensor here
(`mlp.experts.gate_proj`, …) and one each there; `export` and `imported` go from one to the other.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import ModelConfig


class RMSNorm(nn.Module):
    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * wide.to(x.dtype)


def _temperature(factor: float, share: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * share * math.log(factor) + 1.0


def frequencies(config: ModelConfig) -> Tensor:
    """Angles a position of each pair, stretched where the config says so."""
    pairs = config.rope // 2
    plain = config.rope_theta ** -(torch.arange(pairs, dtype=torch.float64) / pairs)
    yarn = config.yarn
    if yarn is None:
        return plain

    def pair(turns: float) -> float:
        return config.rope * math.log(yarn.original / (turns * math.tau)) / (2 * math.log(config.rope_theta))

    low = max(math.floor(pair(yarn.beta_fast)), 0)
    high = min(math.ceil(pair(yarn.beta_slow)), config.rope - 1)
    ramp = ((torch.arange(pairs, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
    return plain / yarn.factor * ramp + plain * (1 - ramp)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Neighbours are a pair: DeepSeek's rotary embedding is interleaved."""
    even, odd = x[..., 0::2].float(), x[..., 1::2].float()
    out = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return out.flatten(-2).to(x.dtype)


@dataclasses.dataclass
class Cache:
    """Keys and values of a sequence so far, layer by layer."""

    keys: list[Tensor]
    values: list[Tensor]

    @property
    def length(self) -> int:
        return self.keys[0].shape[2] if self.keys else 0


class Attention(nn.Module):
    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.c = c
        width = c.heads * (c.nope + c.rope)
        if c.q_lora_rank:
            self.q_a_proj = nn.Linear(c.hidden, c.q_lora_rank, bias=False)
            self.q_a_layernorm = RMSNorm(c.q_lora_rank, c.epsilon)
            self.q_b_proj = nn.Linear(c.q_lora_rank, width, bias=False)
        else:
            self.q_proj = nn.Linear(c.hidden, width, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(c.hidden, c.kv_lora_rank + c.rope, bias=False)
        self.kv_a_layernorm = RMSNorm(c.kv_lora_rank, c.epsilon)
        self.kv_b_proj = nn.Linear(c.kv_lora_rank, c.heads * (c.nope + c.value), bias=False)
        self.o_proj = nn.Linear(c.heads * c.value, c.hidden, bias=False)
        self.scale = (c.nope + c.rope) ** -0.5
        if c.yarn is not None:
            self.scale *= _temperature(c.yarn.factor, c.yarn.mscale_all_dim) ** 2

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        c, (batch, length, _) = self.c, x.shape
        if c.q_lora_rank:
            q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        else:
            q = self.q_proj(x)
        q = q.view(batch, length, c.heads, c.nope + c.rope).transpose(1, 2)
        q = torch.cat([q[..., : c.nope], rotated(q[..., c.nope :], cos, sin)], dim=-1)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split([c.kv_lora_rank, c.rope], dim=-1)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent)).view(batch, length, c.heads, c.nope + c.value).transpose(1, 2)
        k_rope = rotated(k_rope[:, None], cos, sin).expand(-1, c.heads, -1, -1)
        k = torch.cat([kv[..., : c.nope], k_rope], dim=-1)
        v = kv[..., c.nope :]
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        out = self.attend(q, k, v)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, c.heads * c.value)), k, v

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        length, total = q.shape[2], k.shape[2]
        fused = hasattr(F, "scaled_dot_product_attention") and (q.is_cuda or q.dtype == torch.bfloat16)
        if fused and length == total and q.shape[-1] >= v.shape[-1]:
            # The fused kernels want one size; zeros beside the values come out as zeros.
            size = q.shape[-1]
            wide = F.pad(v, (0, size - v.shape[-1])) if v.shape[-1] < size else v
            # Their scale is a fixed one before PyTorch 2.1.
            q = q * (self.scale * math.sqrt(size))
            return F.scaled_dot_product_attention(q, k, wide, is_causal=True)[..., : v.shape[-1]]
        scores = torch.matmul(q, k.transpose(-1, -2)).float() * self.scale
        mask = torch.ones(length, total, dtype=torch.bool, device=q.device).triu(total - length + 1)
        scores = scores.masked_fill(mask, float("-inf"))
        return torch.matmul(scores.softmax(-1).to(v.dtype), v)


class CrossEntropy(torch.autograd.Function):
    """The sum of the losses of the tokens that are learnt. `hidden` is [tokens, hidden], `weight` [vocabulary, hidden].

    Logits are made, and their gradient taken, for some tokens at a time: those of all would be the largest tensors of a
    step, and going through memory for them half of its time on a CPU (Liger Kernel, arXiv:2410.10989, section 3.2)."""

    ROWS = 256

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, learnt: Tensor) -> Tensor:
        kind = hidden.device.type
        dtype = _autocast(kind) or weight.dtype
        with torch.autocast(kind, enabled=False):
            x, w = hidden.to(dtype), weight.to(dtype)
            total = torch.zeros((), device=hidden.device)
            wanted = any(ctx.needs_input_grad)
            of_hidden, of_weight = (torch.zeros_like(hidden), torch.zeros_like(weight)) if wanted else (None, None)
            buffer = torch.empty(min(CrossEntropy.ROWS, len(x)), len(w), device=x.device)
            for rows, aim, mask, first in zip(
                x.split(CrossEntropy.ROWS),
                targets.split(CrossEntropy.ROWS),
                learnt.split(CrossEntropy.ROWS),
                range(0, len(x), CrossEntropy.ROWS),
            ):
                # In place, as far as it goes: new memory of that size is most of what this would cost.
                product = F.linear(rows, w)
                scores = buffer[: len(rows)].copy_(product)
                mask, aim = mask.to(scores.dtype)[:, None], aim[:, None]
                wanted_score = scores.gather(1, aim)
                top = scores.amax(-1, keepdim=True)
                sums = scores.sub_(top).exp_().sum(-1, keepdim=True)
                total -= ((wanted_score - top - sums.log()) * mask).sum()
                if of_hidden is not None and of_weight is not None:
                    scores.mul_(mask / sums).scatter_add_(1, aim, -mask)
                    change = product.copy_(scores)
                    of_hidden[first : first + len(rows)] = change @ w
                    of_weight += change.T @ rows
        if of_hidden is not None and of_weight is not None:
            ctx.save_for_backward(of_hidden, of_weight)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        of_hidden, of_weight = ctx.saved_tensors
        return of_hidden * gradient, of_weight * gradient, None, None


def _autocast(kind: str) -> torch.dtype | None:
    """What products are computed in where that is not what their factors have."""
    if hasattr(torch, "get_autocast_dtype"):
        return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    # PyTorch before 2.4.
    if kind == "cuda":
        return torch.get_autocast_gpu_dtype() if torch.is_autocast_enabled() else None
    return torch.get_autocast_cpu_dtype() if torch.is_autocast_cpu_enabled() else None


class MLP(nn.Module):
    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Reordered(torch.autograd.Function):
    """Rows of `x` by `order`, where `inverse` undoes it; an index behind the last row is a row of zeros. Its gradient is read
    too, and not added up place by place, which is slow on a CPU and without a fixed order on a GPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return Reordered.rows(x, order, len(inverse) < len(order))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return Reordered.rows(gradient, inverse, len(gradient) < len(inverse)), None, None

    @staticmethod
    def rows(x: Tensor, order: Tensor, zeros: bool) -> Tensor:
        return (F.pad(x, (0, 0, 0, 1)) if zeros else x).index_select(0, order)


class Experts(nn.Module):
    """The routed experts of a layer. Tokens are sorted by their expert, so that each expert is one product."""

    #: Rows of a block, in the form of that name.
    ROWS = 128

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Parameter(torch.empty(c.experts, c.expert, c.hidden))
        self.up_proj = nn.Parameter(torch.empty(c.experts, c.expert, c.hidden))
        self.down_proj = nn.Parameter(torch.empty(c.experts, c.hidden, c.expert))
        #: `loop`: one product after the other. `blocks`: all at once, in blocks of rows that have one expert each.
        self.form = "loop"

    def forward(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """`x` is [tokens, hidden]; `chosen` and `weights` are [tokens, top_k]."""
        top_k, experts, dtype = chosen.shape[1], self.gate_proj.shape[0], x.dtype
        flat = chosen.reshape(-1)
        order = flat.argsort(stable=True)
        counts = torch.bincount(flat, minlength=experts)
        if self.form == "blocks":
            # Routing is in 32 bits; what comes of it is as exact as the products are.
            x = x.to(_autocast(x.device.type) or x.dtype)
            blocks = (counts + self.ROWS - 1).div(self.ROWS, rounding_mode="floor")
            # Always as many, and so much memory, whatever the tokens are.
            most = len(flat) // self.ROWS + experts
            first = (blocks.cumsum(0) - blocks) * self.ROWS - (counts.cumsum(0) - counts)
            place = torch.arange(len(flat), device=x.device) + first[flat[order]]
            owner = torch.searchsorted(blocks.cumsum(0), torch.arange(most, device=x.device), right=True).clamp(max=experts - 1)
            there = place.new_full((most * self.ROWS,), len(flat))
            there[place] = order
        else:
            place, there = torch.arange(len(flat), device=x.device), order
        back = torch.empty_like(order)
        back[order] = place
        rows = Reordered.apply(x.repeat_interleave(top_k, 0), there, back)
        out = self.blocks(rows, owner) if self.form == "blocks" else self.looped(rows, counts)
        # Back to the tokens' order and a sum over `top_k`: the same bits every time, which index_add has not on a GPU.
        out = Reordered.apply(out, back, there).view(-1, top_k, x.shape[1])
        return (out * weights[..., None].to(x.dtype)).sum(1).to(dtype)

    def looped(self, rows: Tensor, counts: Tensor) -> Tensor:
        out = []
        matrices = (p.to(rows.dtype).unbind(0) for p in (self.gate_proj, self.up_proj, self.down_proj))
        for part, gate, up, down in zip(rows.split(counts.tolist()), *matrices):
            out.append(F.linear(F.silu(F.linear(part, gate)) * F.linear(part, up), down))
        return torch.cat(out)

    def blocks(self, rows: Tensor, owner: Tensor) -> Tensor:
        """Every block with the matrices of its expert, which a product with ones chooses: the gradient of that is a product
        as well (MegaBlocks, arXiv:2211.15841, has kernels for it)."""
        experts = len(self.gate_proj)
        one = F.one_hot(owner, experts).to(rows.dtype)

        def chosen(p: Tensor) -> Tensor:
            return torch.matmul(one, p.to(rows.dtype).view(experts, -1)).view(len(owner), *p.shape[1:]).transpose(1, 2)

        wide = rows.view(len(owner), self.ROWS, -1)
        inner = F.silu(torch.bmm(wide, chosen(self.gate_proj))) * torch.bmm(wide, chosen(self.up_proj))
        return torch.bmm(inner, chosen(self.down_proj)).view(len(rows), -1)


class MoE(nn.Module):
    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.c = c
        self.gate = nn.Linear(c.hidden, c.experts, bias=False)
        self.experts = Experts(c)
        self.shared_experts = MLP(c.hidden, c.expert * c.shared) if c.shared else None
        self.balance: Tensor | None = None
        self.load: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        c, flat = self.c, x.reshape(-1, x.shape[-1])
        with torch.autocast(flat.device.type, enabled=False):
            scores = F.linear(flat.float(), self.gate.weight.float()).softmax(-1)
        weights, chosen = scores.topk(c.top_k, dim=-1)
        share = torch.bincount(chosen.reshape(-1), minlength=c.experts).float() / chosen.numel()
        # 1 where every expert gets the same; the share itself has no gradient.
        self.balance = c.experts * (share * scores.mean(0)).sum()
        self.load = share.detach()
        out = self.experts(flat, chosen, weights * c.routed_scale)
        if self.shared_experts is not None:
            out = out + self.shared_experts(flat)
        return out.view_as(x)


class Layer(nn.Module):
    def __init__(self, c: ModelConfig, index: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(c.hidden, c.epsilon)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c.hidden, c.epsilon)
        self.mlp = MLP(c.hidden, c.dense) if index < c.first_dense else MoE(c)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        attended, k, v = self.self_attn(self.input_layernorm(x), cos, sin, past)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), k, v


class Decoder(nn.Module):
    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(c.vocabulary, c.hidden)
        self.layers = nn.ModuleList(Layer(c, i) for i in range(c.layers))
        self.norm = RMSNorm(c.hidden, c.epsilon)


class DeepseekV2(nn.Module):
    """`DeepseekV2ForCausalLM`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden, config.vocabulary, bias=False)
        self._angles: tuple[Tensor, Tensor] | None = None

    def initialise(self, seed: int) -> DeepseekV2:
        """Normal weights of 0.006 to 0.02 by size; what adds to the residual is smaller with the number of layers."""
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                continue
            deviation = min(0.02, parameter.shape[-1] ** -0.5 * 0.5)
            if name.endswith(("o_proj.weight", "down_proj.weight", "experts.down_proj")):
                deviation /= math.sqrt(2 * self.config.layers)
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * deviation)
        return self

    def use(self, form: str) -> DeepseekV2:
        """How the experts are computed: `loop` or `blocks`."""
        for module in self.modules():
            if isinstance(module, Experts):
                module.form = form
        return self

    def angles(self, start: int, end: int, device: torch.device) -> tuple[Tensor, Tensor]:
        if self._angles is None or self._angles[0].shape[0] < end or self._angles[0].device != device:
            angles = torch.arange(max(end, self.config.context), dtype=torch.float64)[:, None] * frequencies(self.config)
            yarn = self.config.yarn
            factor = 1.0
            if yarn is not None:
                factor = _temperature(yarn.factor, yarn.mscale) / _temperature(yarn.factor, yarn.mscale_all_dim)
            self._angles = ((angles.cos() * factor).float().to(device), (angles.sin() * factor).float().to(device))
        return self._angles[0][start:end], self._angles[1][start:end]

    def hidden(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        start = cache.length if cache else 0
        x = self.model.embed_tokens(ids)
        cos, sin = self.angles(start, start + ids.shape[1], ids.device)
        for index, layer in enumerate(self.model.layers):
            past = (cache.keys[index], cache.values[index]) if cache and start else None
            x, k, v = layer(x, cos, sin, past)
            if cache is not None:
                if start:
                    cache.keys[index], cache.values[index] = k, v
                else:
                    cache.keys.append(k)
                    cache.values.append(v)
        return self.model.norm(x)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        return self.lm_head(self.hidden(ids, cache)).float()

    def loss(self, ids: Tensor, targets: Tensor, learnt: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the losses of the tokens that are learnt, and how unevenly the experts are used (1 is even)."""
        hidden = self.hidden(ids).flatten(0, 1)
        total = CrossEntropy.apply(hidden, self.lm_head.weight, targets.flatten(), learnt.flatten())
        balances = [layer.mlp.balance for layer in self.model.layers if isinstance(layer.mlp, MoE)]
        balance = torch.stack(balances).mean() if balances else total.new_ones(())
        return total, balance

    def busiest(self) -> float:
        """The share of the busiest expert of any layer, in units of an even one."""
        loads = [l.mlp.load.max().item() for l in self.model.layers if isinstance(l.mlp, MoE) and l.mlp.load is not None]
        return max(loads, default=1 / self.config.experts) * self.config.experts


def exported(model: DeepseekV2) -> dict[str, Tensor]:
    """The tensors as a checkpoint names them: each expert for itself."""
    out: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if ".mlp.experts." in name:
            prefix, part = name.rsplit(".", 1)
            out.update({f"{prefix}.{e}.{part}.weight": tensor[e] for e in range(tensor.shape[0])})
        else:
            out[name] = tensor
    return out


def imported(model: DeepseekV2, tensors: dict[str, Tensor]) -> DeepseekV2:
    """The model with the weights of a checkpoint; one that lacks any or has others is refused."""
    left = dict(tensors)
    state = {}
    for name, tensor in model.state_dict().items():
        if ".mlp.experts." in name:
            prefix, part = name.rsplit(".", 1)
            state[name] = torch.stack([left.pop(f"{prefix}.{e}.{part}.weight") for e in range(tensor.shape[0])])
        else:
            state[name] = left.pop(name)
    if left:
        raise ValueError(f"tensors that the model has not: {sorted(left)[:4]}")
    model.load_state_dict(state)
    return model
