"""Makes deepseek_v2.json: logits of tiny DeepSeek-V2 checkpoints, computed by transformers in 32-bit floats.

    pip install torch "transformers>=5.24" safetensors numpy
    python tests/golden/deepseek_v2.py

The weights are a hash of each tensor's name, so that tests/it makes the same checkpoints and only logits are kept.
transformers' own model is the reference. It is DeepSeek's published modeling_deepseek.py in all but one thing: it has no
`norm_topk_prob`. With it, DeepSeek's code divides the weights of the chosen experts by their sum and then does not
scale them; the router of that case is replaced here by one that does so.
"""

import json
import pathlib
import tempfile

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import DeepseekV2ForCausalLM
from transformers.models.deepseek_v2 import modeling_deepseek_v2

HERE = pathlib.Path(__file__).parent
M64 = (1 << 64) - 1


def fnv(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & M64
    return h


def hashed(name, count):
    """splitmix64 of the name's hash plus the index."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def unit(bits):
    """The upper 24 bits as a number from -1 to below 1, exactly."""
    return ((bits >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23)) - np.float32(1)


def bf16(values):
    bits = values.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def weights(name, shape, kind, size):
    count = int(np.prod(shape))
    if kind == "blocks":  # on the grid of Q4_0: a scale for 32, codes from -8 to 7
        codes = (hashed(name, count) >> np.uint64(60)).astype(np.float32) - 8
        steps = (hashed(name + "#scale", count // 32) >> np.uint64(61)).astype(np.float32)
        scales = np.float32(size) * (1 + steps / 8)
        return (codes.reshape(-1, 32) * scales[:, None]).reshape(shape).astype(np.float32)
    values = unit(hashed(name, count)) * np.float32(size)
    if kind == "norm":
        values = values + np.float32(1)
    return (bf16(values) if kind == "bf16" else values).reshape(shape)


def tensors(c, kind):
    """Name -> [shape, kind, size] of a checkpoint as it is published: one tensor for each expert."""
    h, heads, rank = c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"]
    nope, rope, value = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
    out = {}

    def matrix(name, rows, columns, kind=kind, gain=1.7):
        size = gain / columns**0.5
        if kind == "blocks":
            size = 2.0 ** round(np.log2(size / 6))
        out[name] = [[rows, columns], kind, size]

    def norm(name, count):
        out[name] = [[count], "norm", 0.5]

    def mlp(prefix, inner):
        matrix(prefix + "gate_proj.weight", inner, h)
        matrix(prefix + "up_proj.weight", inner, h)
        matrix(prefix + "down_proj.weight", h, inner)

    plain = "f32" if kind == "blocks" else kind
    out["model.embed_tokens.weight"] = [[c["vocab_size"], h], plain, 1.0]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        norm(p + "input_layernorm.weight", h)
        norm(p + "post_attention_layernorm.weight", h)
        if c["q_lora_rank"]:
            matrix(p + "self_attn.q_a_proj.weight", c["q_lora_rank"], h)
            norm(p + "self_attn.q_a_layernorm.weight", c["q_lora_rank"])
            matrix(p + "self_attn.q_b_proj.weight", heads * (nope + rope), c["q_lora_rank"], gain=3)
        else:
            matrix(p + "self_attn.q_proj.weight", heads * (nope + rope), h, gain=3)
        matrix(p + "self_attn.kv_a_proj_with_mqa.weight", rank + rope, h)
        norm(p + "self_attn.kv_a_layernorm.weight", rank)
        matrix(p + "self_attn.kv_b_proj.weight", heads * (nope + value), rank, plain)
        matrix(p + "self_attn.o_proj.weight", h, heads * value)
        if i < c["first_k_dense_replace"]:
            mlp(p + "mlp.", c["intermediate_size"])
            continue
        matrix(p + "mlp.gate.weight", c["n_routed_experts"], h, "f32", 3)
        for e in range(c["n_routed_experts"]):
            mlp(f"{p}mlp.experts.{e}.", c["moe_intermediate_size"])
        mlp(p + "mlp.shared_experts.", c["moe_intermediate_size"] * c["n_shared_experts"])
    norm("model.norm.weight", h)
    matrix("lm_head.weight", c["vocab_size"], h, plain, 3)
    return out


LITE = {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "moe_intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "n_shared_experts": 2,
    "n_routed_experts": 8,
    "routed_scaling_factor": 1.0,
    "kv_lora_rank": 64,
    "q_lora_rank": None,
    "qk_rope_head_dim": 16,
    "v_head_dim": 32,
    "qk_nope_head_dim": 32,
    "topk_method": "greedy",
    "n_group": 1,
    "topk_group": 1,
    "num_experts_per_tok": 3,
    "first_k_dense_replace": 1,
    "norm_topk_prob": False,
    "scoring_func": "softmax",
    "hidden_act": "silu",
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000,
    "rope_scaling": None,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "torch_dtype": "bfloat16",
}
YARN = {
    "type": "yarn",
    "factor": 8,
    "original_max_position_embeddings": 64,
    "beta_fast": 32,
    "beta_slow": 1,
    "mscale": 0.707,
    "mscale_all_dim": 0.707,
}
LARGE = {
    "q_lora_rank": 32,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "n_routed_experts": 16,
    "topk_method": "group_limited_greedy",
    "n_group": 4,
    "topk_group": 2,
    "num_experts_per_tok": 4,
    "routed_scaling_factor": 16.0,
    "first_k_dense_replace": 1,
    "num_hidden_layers": 2,
}
# Name, what differs from LITE, kind of the matrices, tokens.
CASES = [
    ("lite", {}, "bf16", 40),
    ("large", LARGE, "f32", 40),
    ("yarn", {"rope_scaling": YARN, "num_hidden_layers": 2}, "f32", 150),
    ("yarn with a factor on the angles", {"rope_scaling": YARN | {"mscale": 1.0}, "num_hidden_layers": 2}, "f32", 90),
    ("normalised", {"norm_topk_prob": True, "routed_scaling_factor": 16.0, "num_hidden_layers": 2}, "f32", 24),
    ("blocks", {"rope_scaling": YARN}, "blocks", 80),
]


def normalised(self, hidden):
    hidden = hidden.view(-1, self.hidden_dim)
    logits = torch.nn.functional.linear(hidden.float(), self.weight.float())
    weights, chosen = torch.topk(logits.softmax(dim=-1, dtype=torch.float32), k=self.top_k, dim=-1)
    return logits, weights / (weights.sum(dim=-1, keepdim=True) + 1e-20), chosen


def main():
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    router = modeling_deepseek_v2.DeepseekV2TopkRouter
    original = router.forward
    cases = []
    for name, changes, kind, count in CASES:
        config = LITE | changes
        wanted = tensors(config, kind)
        router.forward = normalised if config["norm_topk_prob"] else original
        with tempfile.TemporaryDirectory() as folder:
            save_file({n: weights(n, *t) for n, t in wanted.items()}, f"{folder}/model.safetensors", {"format": "pt"})
            pathlib.Path(folder, "config.json").write_text(json.dumps(config))
            model, info = DeepseekV2ForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
            )
        assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
        ids = [int(v) for v in hashed(name + "#tokens", count) % np.uint64(config["vocab_size"])]
        whole = model(torch.tensor([ids])).logits[0]
        # The reference itself gives the same in pieces.
        cache, pieces, at = None, [], 0
        for size in (17, 1, 1, 3, count):
            part = model(torch.tensor([ids[at : at + size]]), cache=cache, use_cache=True)
            cache, at = part.cache, at + size
            pieces.append(part.logits[0])
            if at >= count:
                break
        apart = (torch.cat(pieces) - whole).abs().max().item()
        assert apart < 4e-5, apart
        assert torch.isfinite(whole).all() and whole.std() > 0.5
        print(f"{name}: std {whole.std():.2f}, in pieces {apart:.1e}, scale {model.model.layers[0].self_attn.scaling:.4f}")
        columns = list(range(0, config["vocab_size"], 13))
        cases.append(
            {
                "name": name,
                "config": config,
                "tensors": wanted,
                "tokens": ids,
                "columns": columns,
                "logits": [[float(f"{v:.6g}") for v in row[columns].tolist()] for row in whole],
            }
        )
    (HERE / "deepseek_v2.json").write_text(
        "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n"
    )


main()
