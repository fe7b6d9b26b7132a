"""Writes dequant.bin: for each storage type of GGUF two random blocks and what the `gguf` package makes of them.

Records: u32 GGUF type, u32 bytes, u32 floats, the bytes, the floats (all little-endian). Run: python make.py
"""

import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

HALVES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82], T.Q3_K: [108],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
rng = np.random.default_rng(7)
with open("dequant.bin", "wb") as out:
    for kind in [T.F32, T.F16, T.BF16, *HALVES]:
        size, length = GGML_QUANT_SIZES[kind]
        count = 2 if size > 1 else 8
        if kind == T.F32:
            data = rng.standard_normal(count).astype("<f4").view(np.uint8)
        elif kind == T.F16:
            data = rng.standard_normal(count).astype("<f2").view(np.uint8)
        elif kind == T.BF16:
            data = (rng.standard_normal(count).astype("<f4").view("<u4") >> 16).astype("<u2").view(np.uint8)
        else:
            blocks = rng.integers(0, 256, (count, length), dtype=np.uint8)
            for at in HALVES[kind]:
                blocks[:, at : at + 2] = (rng.standard_normal(count) * 0.01).astype("<f2").view(np.uint8).reshape(-1, 2)
            data = blocks.reshape(-1)
        floats = np.asarray(dequantize(data.reshape(1, -1), kind)).reshape(-1).astype("<f4")
        out.write(struct.pack("<III", kind, data.nbytes, floats.size) + data.tobytes() + floats.tobytes())
