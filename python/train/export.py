"""A run -> the folder of a published checkpoint: `python -m train.export`, then `deepcoder import FOLDER`."""

from __future__ import annotations

import argparse
import json
import pathlib
import struct
import sys

import torch

from .config import load
from .data import shards
from .model import DeepseekV2, exported
from .tokenizer import TEMPLATE
from .train import restored

_TYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


def safetensors(tensors: dict[str, torch.Tensor]) -> bytes:
    """The format is a header of JSON and the tensors behind it, so that no package is needed for it."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    parts, at = [], 0
    for name, tensor in sorted(tensors.items()):
        tensor = tensor.detach().cpu().contiguous()
        # As bytes: numpy has no bf16.
        data = tensor.view(torch.int16 if tensor.element_size() == 2 else torch.int32).numpy().tobytes()
        header[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + b"".join(parts)


def write(model: DeepseekV2, tokenizer: pathlib.Path, out: pathlib.Path) -> None:
    """`config.json`, weights, tokenizer and chat template, as transformers and the importer read them."""
    out.mkdir(parents=True, exist_ok=True)
    shards.atomically(out / "model.safetensors", safetensors(exported(model)))
    shards.atomically(out / "config.json", (json.dumps(model.config.hf(), indent=1) + "\n").encode())
    generation = {"bos_token_id": 0, "eos_token_id": 1, "do_sample": False}
    shards.atomically(out / "generation_config.json", (json.dumps(generation, indent=1) + "\n").encode())
    shards.atomically(out / "chat_template.jinja", TEMPLATE.encode())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shards.atomically(out / name, (tokenizer / name).read_bytes())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("--config", default="nano")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    model = DeepseekV2(load(args.config).model)
    model.load_state_dict(restored(args.checkpoint, torch.device("cpu"))["model"])
    write(model, args.tokenizer, args.out)
    print(f"deepcoder import {args.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
