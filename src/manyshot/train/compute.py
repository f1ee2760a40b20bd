"""Which number type this machine multiplies faster. One rule: measured, not guessed from CPU flags.

bf16 is four times as fast as fp32 where the matrix units (AMX) are there, and half as fast on some hosts that have only
avx512_bf16.
"""

from __future__ import annotations

import time
from typing import Literal

import torch

_SHAPE = (1024, 640, 2048)


def compute_dtype(wanted: Literal["auto", "bf16", "fp32"]) -> torch.dtype:
    """The torch type for a setting; "auto" takes bf16 if its products are not slower than fp32's."""
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bf16" else torch.float32
    return torch.bfloat16 if gflops(torch.bfloat16) >= gflops(torch.float32) else torch.float32


def gflops(dtype: torch.dtype, repeats: int = 5) -> float:
    """The rate of a typical product of a step, in GFLOP/s: the best of `repeats` (some 10 ms each)."""
    rows, inner, columns = _SHAPE
    a, b = torch.ones(rows, inner, dtype=dtype), torch.ones(columns, inner, dtype=dtype)
    best = float("inf")
    for _ in range(repeats + 1):
        began = time.perf_counter()
        torch.nn.functional.linear(a, b)
        best = min(best, time.perf_counter() - began)
    return 2e-9 * rows * inner * columns / best
