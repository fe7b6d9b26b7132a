"""How far model folders are from the GGUF that they were made from: perplexity, divergence, same first choice.

    python compare.py FOLDER... --text FILE [--tokens 1536] [--gguf MODEL.gguf]

The first folder is the reference and should be made with `--exact`; it is run with activations in 32 bits, which is
the GGUF itself up to the rounding of float addition. All folders are then run as they are; with --gguf (and
llama-cpp-python) also llama.cpp. Needs onnx, onnxruntime >= 1.32, numpy, tokenizers.
"""

import argparse
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from tokenizers import Tokenizer

WINDOW, CHUNK = 512, 256


def exact_activations(folder: pathlib.Path) -> str:
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "accuracy_level":
                attribute.i = 0
    path = folder / ".reference.onnx"  # beside the weights, which it names by a relative path
    onnx.save(model, path)
    return str(path)


def logits(path: str, manifest: dict, ids: list[int]) -> np.ndarray:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    keep = []
    for tensor in manifest["graph"]["cache"]:
        buffer = np.zeros([WINDOW if d == -1 else d for d in tensor["shape"]], tensor["dtype"])
        keep.append(buffer)
        place = ("cpu", 0, buffer.dtype.type, list(buffer.shape), buffer.ctypes.data)
        binding.bind_input(tensor["input"], *place)
        binding.bind_output(tensor["output"], *place)
    out = []
    for start in range(0, len(ids), WINDOW):
        window = ids[start : start + WINDOW]
        for past in range(0, len(window), CHUNK):
            part = np.array([window[past : past + CHUNK]], np.int64)
            binding.bind_cpu_input("input_ids", part)
            binding.bind_cpu_input("past_len", np.array([past], np.int64))
            binding.bind_cpu_input("logit_rows", np.arange(part.shape[1], dtype=np.int64))
            binding.bind_output("logits")
            session.run_with_iobinding(binding)
            out.append(binding.get_outputs()[-1].numpy().copy())
    return np.concatenate(out)


def llama_logits(gguf: str, ids: list[int]) -> np.ndarray:
    import llama_cpp

    model = llama_cpp.Llama(gguf, n_ctx=WINDOW, n_batch=WINDOW, logits_all=True, verbose=False)
    out = []
    for start in range(0, len(ids), WINDOW):
        window = ids[start : start + WINDOW]
        model.reset()
        model.eval(window)
        out.append(np.array(model.scores[: len(window)], np.float32))
    return np.concatenate(out)


def log_softmax(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    rows -= rows.max(-1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(-1, keepdims=True))


def report(name: str, rows: np.ndarray, reference: np.ndarray, ids: list[int]) -> None:
    loss = divergence = same = count = 0.0
    for i in range(len(ids) - 1):
        if i % WINDOW == WINDOW - 1:
            continue  # the next token is in the next window
        ours, theirs = log_softmax(rows[i]), log_softmax(reference[i])
        loss -= ours[ids[i + 1]]
        divergence += (np.exp(theirs) * (theirs - ours)).sum()
        same += ours.argmax() == theirs.argmax()
        count += 1
    print(f"{name:40} perplexity {np.exp(loss / count):.4f}  divergence {divergence / count:.6f}  "
          f"same first choice {100 * same / count:.2f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--text", required=True, type=pathlib.Path)
    parser.add_argument("--tokens", type=int, default=1536)
    parser.add_argument("--gguf")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.folders[0] / "tokenizer.json"))
    ids = tokenizer.encode(args.text.read_text(), add_special_tokens=False).ids[: args.tokens]
    manifests = [json.loads((folder / "deepcoder.json").read_text()) for folder in args.folders]
    path = exact_activations(args.folders[0])
    try:
        reference = logits(path, manifests[0], ids)
    finally:
        pathlib.Path(path).unlink()
    report("reference", reference, reference, ids)
    for folder, manifest in zip(args.folders, manifests):
        report(folder.name, logits(str(folder / "model.onnx"), manifest, ids), reference, ids)
    if args.gguf:
        report("llama.cpp", llama_logits(args.gguf, ids), reference, ids)


if __name__ == "__main__":
    main()
