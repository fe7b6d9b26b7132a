"""The one config file: sections `smoke`, `cpu` and `nano`, each a whole run."""

from __future__ import annotations

import dataclasses
import pathlib
import tomllib

HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Yarn:
    """How the context is stretched; as DeepSeek-V2's config has it."""

    factor: float
    original: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    mscale: float = 0.707
    mscale_all_dim: float = 0.707


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The sizes of a DeepSeek-V2."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_lora_rank: int
    nope: int
    rope: int
    value: int
    dense: int
    expert: int
    experts: int
    shared: int
    top_k: int
    context: int
    q_lora_rank: int = 0
    first_dense: int = 1
    rope_theta: float = 10_000.0
    routed_scale: float = 1.0
    epsilon: float = 1e-6
    yarn: Yarn | None = None

    def __post_init__(self) -> None:
        if self.rope % 2 or not 0 <= self.first_dense <= self.layers or self.top_k > self.experts:
            raise ValueError(f"sizes that do not fit: {self}")

    def hf(self) -> dict[str, object]:
        """As `config.json` says it."""
        scaling = None
        if self.yarn is not None:
            y = dataclasses.asdict(self.yarn)
            scaling = {"type": "yarn", "original_max_position_embeddings": y.pop("original")} | y
        return {
            "architectures": ["DeepseekV2ForCausalLM"],
            "model_type": "deepseek_v2",
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.dense,
            "moe_intermediate_size": self.expert,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "n_shared_experts": self.shared,
            "n_routed_experts": self.experts,
            "routed_scaling_factor": self.routed_scale,
            "kv_lora_rank": self.kv_lora_rank,
            "q_lora_rank": self.q_lora_rank or None,
            "qk_rope_head_dim": self.rope,
            "qk_nope_head_dim": self.nope,
            "v_head_dim": self.value,
            "topk_method": "greedy",
            "n_group": 1,
            "topk_group": 1,
            "num_experts_per_tok": self.top_k,
            "first_k_dense_replace": self.first_dense,
            "moe_layer_freq": 1,
            "norm_topk_prob": False,
            "scoring_func": "softmax",
            "hidden_act": "silu",
            "max_position_embeddings": self.context,
            "rms_norm_eps": self.epsilon,
            "rope_theta": self.rope_theta,
            "rope_scaling": scaling,
            "tie_word_embeddings": False,
            "attention_bias": False,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "torch_dtype": "float32",
        }

    @classmethod
    def of_hf(cls, c: dict) -> ModelConfig:
        """The sizes in a `config.json`; what this model does not do is refused."""
        if c["topk_method"] != "greedy" or c["norm_topk_prob"] or c["scoring_func"] != "softmax":
            raise ValueError("routing that is not done here")
        yarn = None
        if c["rope_scaling"]:
            y = {k: v for k, v in c["rope_scaling"].items() if k != "type"}
            yarn = Yarn(original=y.pop("original_max_position_embeddings"), **y)
        return cls(
            vocabulary=c["vocab_size"], hidden=c["hidden_size"], layers=c["num_hidden_layers"],
            heads=c["num_attention_heads"], kv_lora_rank=c["kv_lora_rank"], nope=c["qk_nope_head_dim"],
            rope=c["qk_rope_head_dim"], value=c["v_head_dim"], dense=c["intermediate_size"],
            expert=c["moe_intermediate_size"], experts=c["n_routed_experts"], shared=c["n_shared_experts"],
            top_k=c["num_experts_per_tok"], context=c["max_position_embeddings"], q_lora_rank=c["q_lora_rank"] or 0,
            first_dense=c["first_k_dense_replace"], rope_theta=c["rope_theta"],
            routed_scale=c["routed_scaling_factor"], epsilon=c["rms_norm_eps"], yarn=yarn,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class SamplesConfig:
    """How text becomes tokens to train on."""

    seed: int = 1
    #: Share of the files that are shown with a hole.
    fim: float = 0.6
    #: How often each file is used, each time with other holes.
    passes: int = 1
    #: Of the samples of the second stage: how many holes and plain files go with one edit pair.
    replay: float = 0.3


@dataclasses.dataclass(frozen=True)
class StageConfig:
    """One stage of training."""

    steps: int
    #: Sequences of a step, and how many of them go through the model at once.
    batch: int
    length: int
    lr: float
    micro: int = 0
    #: Of matrices of hidden layers under Muon; `lr` is then of everything else.
    muon_lr: float = 0.02
    optimizer: str = "muon"
    schedule: str = "wsd"
    warmup: int = 20
    #: Share of the steps in which the rate goes down, under `wsd`.
    decay: float = 0.3
    floor: float = 0.02
    weight_decay: float = 0.05
    clip: float = 1.0
    #: Weight of the loss of a prompt's tokens where an answer's have 1. A short run learns from prompts as well (arXiv:2405.14394).
    prompt_weight: float = 0.0
    #: Weight of the loss that balances the experts.
    balance: float = 0.003
    seed: int = 1
    log_every: int = 10
    check_every: int = 200
    validate_every: int = 200
    validate_batches: int = 8

    def __post_init__(self) -> None:
        if self.optimizer not in ("muon", "adamw") or self.schedule not in ("wsd", "cosine"):
            raise ValueError(f"no such optimizer or schedule: {self.optimizer}, {self.schedule}")
        if self.micro and self.batch % self.micro:
            raise ValueError(f"a batch of {self.batch} is not made of {self.micro} at once")


@dataclasses.dataclass(frozen=True)
class Config:
    name: str
    model: ModelConfig
    samples: SamplesConfig
    pretrain: StageConfig
    finetune: StageConfig

    def stage(self, name: str) -> StageConfig:
        if name not in ("pretrain", "finetune"):
            raise ValueError(f"no such stage: {name}")
        return getattr(self, name)


def load(name: str, path: pathlib.Path = HERE / "config.toml") -> Config:
    """A section of the file. A key that is not known is an error, so that no setting is silently without effect."""
    sections = tomllib.loads(path.read_text("utf-8"))
    if name not in sections:
        raise ValueError(f"{path.name} has no section {name}; it has {', '.join(sections)}")
    section = sections[name]
    model = dict(section["model"])
    yarn = model.pop("yarn", None)
    return Config(
        name,
        ModelConfig(**model, yarn=Yarn(**yarn) if yarn else None),
        SamplesConfig(**section.get("samples", {})),
        StageConfig(**section["pretrain"]),
        StageConfig(**section["finetune"]),
    )
