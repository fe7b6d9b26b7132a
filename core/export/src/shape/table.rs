//! The shapes that are known: numbers of published models, and small ones for tests.

use super::{Attention, Experts, Shape, Words, Yarn};

/// In the order in which they are listed.
pub(super) const SHAPES: [Shape; 7] = [
    Shape {
        name: "deepseek-coder-v2-lite",
        layers: 27,
        hidden: 2048,
        heads: 16,
        feed_forward: 10944,
        vocabulary: 102_400,
        context: 163_840,
        epsilon: 1e-6,
        rope_base: 10_000.0,
        attention: Attention::Latent {
            q_rank: None,
            rank: 512,
            nope: 128,
            rope: 64,
            value: 128,
            yarn: Yarn { factor: 40.0, original: 4096, mscale: 0.707 },
        },
        experts: Some(Experts {
            count: 64,
            used: 6,
            shared: 2,
            intermediate: 1408,
            dense_layers: 1,
            groups: 1,
            top_groups: 1,
            scale: 1.0,
        }),
        words: Words { pre: "deepseek-llm", normal: 100_000, special: &DEEPSEEK },
    },
    Shape {
        name: "deepseek-coder-v2",
        layers: 60,
        hidden: 5120,
        heads: 128,
        feed_forward: 12288,
        vocabulary: 102_400,
        context: 163_840,
        epsilon: 1e-6,
        rope_base: 10_000.0,
        attention: Attention::Latent {
            q_rank: Some(1536),
            rank: 512,
            nope: 128,
            rope: 64,
            value: 128,
            yarn: Yarn { factor: 40.0, original: 4096, mscale: 1.0 },
        },
        experts: Some(Experts {
            count: 160,
            used: 6,
            shared: 2,
            intermediate: 1536,
            dense_layers: 1,
            groups: 8,
            top_groups: 3,
            scale: 16.0,
        }),
        words: Words { pre: "deepseek-llm", normal: 100_000, special: &DEEPSEEK },
    },
    // As many layers as Lite: llama.cpp tells by their number that there is no rank for queries.
    Shape {
        name: "deepseek-coder-v2-lite-tiny",
        layers: 27,
        hidden: 256,
        heads: 4,
        feed_forward: 512,
        vocabulary: 512,
        context: 4096,
        epsilon: 1e-6,
        rope_base: 10_000.0,
        attention: Attention::Latent {
            q_rank: None,
            rank: 64,
            nope: 32,
            rope: 16,
            value: 32,
            yarn: Yarn { factor: 4.0, original: 1024, mscale: 0.707 },
        },
        experts: Some(Experts {
            count: 8,
            used: 2,
            shared: 2,
            intermediate: 64,
            dense_layers: 1,
            groups: 1,
            top_groups: 1,
            scale: 1.0,
        }),
        words: Words { pre: "deepseek-llm", normal: 480, special: &DEEPSEEK },
    },
    qwen("qwen2.5-coder-0.5b", 24, 896, [14, 2], 4864, QWEN_SMALL),
    qwen("qwen2.5-coder-1.5b", 28, 1536, [12, 2], 8960, QWEN_SMALL),
    qwen("qwen2.5-coder-7b", 28, 3584, [28, 4], 18944, Outer { vocabulary: 152_064, ..QWEN_SMALL }.untied()),
    qwen(
        "qwen2.5-coder-tiny",
        2,
        256,
        [4, 2],
        512,
        Outer { vocabulary: 512, normal: 480, context: 2048, ..QWEN_SMALL },
    ),
];

/// Control tokens of DeepSeek-V2, in the order of their ids.
const DEEPSEEK: [&str; 5] =
    ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"];

/// Control tokens of Qwen2.5, in the order of their ids.
const QWEN: [&str; 6] =
    ["<|endoftext|>", "<|im_end|>", "<|im_start|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"];

/// The differences between the sizes of Qwen besides their layers.
#[derive(Clone, Copy)]
struct Outer {
    vocabulary: u64,
    normal: u64,
    context: u64,
    tied: bool,
}

const QWEN_SMALL: Outer = Outer { vocabulary: 151_936, normal: 151_643, context: 32_768, tied: true };

impl Outer {
    const fn untied(self) -> Self {
        Self { tied: false, ..self }
    }
}

const fn qwen(name: &'static str, layers: u64, hidden: u64, heads: [u64; 2], feed_forward: u64, outer: Outer) -> Shape {
    Shape {
        name,
        layers,
        hidden,
        heads: heads[0],
        feed_forward,
        vocabulary: outer.vocabulary,
        context: outer.context,
        epsilon: 1e-6,
        rope_base: 1_000_000.0,
        attention: Attention::Grouped { kv_heads: heads[1], tied: outer.tied },
        experts: None,
        words: Words { pre: "qwen2", normal: outer.normal, special: &QWEN },
    }
}
