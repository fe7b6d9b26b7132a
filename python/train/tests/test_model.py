"""The model against logits of transformers' DeepseekV2, and its own forms against each other."""

import json
import pathlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pytorch: it is not installed, so nothing that trains is tested")

from train import model as m
from train.config import ModelConfig

GOLDEN = json.loads((pathlib.Path(__file__).parents[3] / "tests/golden/deepseek_v2.json").read_text())
CASES = {case["name"]: case for case in GOLDEN if case["config"]["topk_method"] == "greedy" and not case["config"]["norm_topk_prob"]}
M64 = (1 << 64) - 1


def _hashed(name, count):
    """As tests/golden/deepseek_v2.py makes its weights."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & M64
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _weights(name, shape, kind, size):
    count = int(np.prod(shape))
    if kind == "blocks":
        codes = (_hashed(name, count) >> np.uint64(60)).astype(np.float32) - 8
        steps = (_hashed(name + "#scale", count // 32) >> np.uint64(61)).astype(np.float32)
        values = (codes.reshape(-1, 32) * (np.float32(size) * (1 + steps / 8))[:, None]).astype(np.float32)
        return torch.from_numpy(values.reshape(shape))
    values = ((_hashed(name, count) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23)) - np.float32(1)
    values = values * np.float32(size) + np.float32(1 if kind == "norm" else 0)
    if kind == "bf16":
        bits = values.view(np.uint32).astype(np.uint64)
        values = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return torch.from_numpy(values.reshape(shape).copy())


def _model(case):
    model = m.DeepseekV2(ModelConfig.of_hf(case["config"]))
    return m.imported(model, {name: _weights(name, *t) for name, t in case["tensors"].items()}).eval()


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_the_model_is_deepseek_v2(name):
    """Protects the architecture: the logits are those of transformers, to 1e-3 of weights that amplify every mistake."""
    case = CASES[name]
    logits = _model(case)(torch.tensor([case["tokens"]]))[0][:, case["columns"]]
    wanted = torch.tensor(case["logits"])
    assert wanted.std() > 0.5 and (logits - wanted).abs().max() < 1e-3


@torch.no_grad()
def test_a_cache_and_both_forms_of_experts_change_nothing(monkeypatch):
    """Protects evaluation and the form that trains: in pieces, and with all experts in blocks, it is the same model."""
    monkeypatch.setattr(m.Experts, "ROWS", 4)
    case = CASES["lite"]
    model, ids = _model(case), torch.tensor([case["tokens"]])
    whole = model(ids)
    cache = m.Cache([], [])
    pieces = torch.cat([model(ids[:, a:b], cache) for a, b in ((0, 17), (17, 18), (18, 40))], dim=1)
    assert (pieces - whole).abs().max() < 1e-4
    assert (model.use("blocks")(ids) - whole).abs().max() < 1e-4


@pytest.mark.parametrize("rows", [4, 128])
def test_both_forms_have_the_same_gradient(monkeypatch, rows):
    """Protects training in bf16: experts in blocks, several of them for an expert or one that is nearly empty, learn the same."""
    monkeypatch.setattr(m.Experts, "ROWS", rows)
    config = ModelConfig(
        vocabulary=97, hidden=32, layers=2, heads=2, kv_lora_rank=16, nope=8, rope=8, value=8, dense=48, expert=16,
        experts=6, shared=1, top_k=2, context=64,
    )  # fmt: skip
    gradients = []
    ids = torch.randint(0, 97, (2, 21), generator=torch.Generator().manual_seed(1))
    for form in ("loop", "blocks"):
        model = m.DeepseekV2(config).initialise(3).use(form)
        loss, balance = model.loss(ids[:, :-1], ids[:, 1:], torch.ones(2, 20))
        (loss + balance).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert gradients[0].abs().max() > 0 and (gradients[0] - gradients[1]).abs().max() < 1e-4


def test_half_the_bits_are_enough():
    """Protects the GPU's way to compute, as far as a CPU can show it: with bf16 products and experts in blocks the loss is
    about the same, and every weight gets a gradient."""
    config = ModelConfig(
        vocabulary=97, hidden=32, layers=2, heads=2, kv_lora_rank=16, nope=8, rope=8, value=8, dense=48, expert=16,
        experts=4, shared=1, top_k=2, context=64,
    )  # fmt: skip
    model = m.DeepseekV2(config).initialise(3).use("blocks")
    ids = torch.randint(0, 97, (2, 41), generator=torch.Generator().manual_seed(1))
    whole = model.loss(ids[:, :-1], ids[:, 1:], torch.ones(2, 40))[0].item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half, balance = model.loss(ids[:, :-1], ids[:, 1:], torch.ones(2, 40))
    (half + balance).backward()
    assert abs(half.item() - whole) < 0.02 * whole
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_checkpoint_goes_out_and_in():
    """Protects names: what is exported is read again, and a checkpoint with other tensors is refused."""
    case = CASES["lite"]
    model = _model(case)
    tensors = m.exported(model)
    assert set(tensors) == set(case["tensors"])
    other = m.imported(m.DeepseekV2(model.config), tensors)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values()))
    with pytest.raises(ValueError, match="has not"):
        m.imported(model, tensors | {"model.more.weight": torch.zeros(1)})


def test_the_loss_in_pieces_is_the_loss(monkeypatch):
    """Protects training: loss and gradients, made for some tokens at a time, are those of all logits at once; and bf16 on a
    CPU is near them."""
    config = ModelConfig(
        vocabulary=96, hidden=32, layers=2, heads=2, kv_lora_rank=16, nope=8, rope=8, value=16, dense=48, expert=16, experts=4, shared=1,
        top_k=2, context=64,
    )  # fmt: skip
    model = m.DeepseekV2(config).initialise(3)
    ids = torch.randint(0, 96, (5, 41), generator=torch.Generator().manual_seed(1))
    learnt = torch.rand(5, 40, generator=torch.Generator().manual_seed(2)) > 0.3
    monkeypatch.setattr(m.CrossEntropy, "ROWS", 64)
    found = {}
    for half in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss, _ = model.loss(ids[:, :-1], ids[:, 1:], learnt)
        loss.backward()
        found[half] = loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    each = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    wanted = (each * learnt.flatten()).sum()
    wanted.backward()
    assert abs(found[False][0] - wanted.item()) < 1e-3 and abs(found[True][0] / wanted.item() - 1) < 0.02
    for name, parameter in model.named_parameters():
        assert (found[False][1][name] - parameter.grad).abs().max() < 1e-4 * parameter.grad.abs().max() + 1e-7, name
