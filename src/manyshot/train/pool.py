"""Memory that is kept between steps.

One rule: every large tensor of a step is taken from here by name. A fresh allocation of more than 32 MB costs a page
fault for every 4 KB (glibc maps and unmaps it each time), which took longer than the arithmetic on it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Pool:
    """Named flat buffers that only grow. A name's content lasts until the name is asked for again."""

    def __init__(self) -> None:
        self._flat: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A contiguous tensor of `shape`, a view of the buffer `name`: zeros at first, later what was left there.

        Never uninitialised: oneDNN's bf16 product on AMX reads up to 31 values past the end of a row and multiplies
        them by zero (uxlfoundation/oneDNN#5717), so a NaN that happens to lie there would spread.
        """
        size = math.prod(shape)
        flat = self._flat.get((name, dtype))
        if flat is None or flat.numel() < size:
            # An eighth of room to spare: passes differ a little in size.
            flat = torch.zeros(size + size // 8, dtype=dtype)
            self._flat[name, dtype] = flat
        return flat[:size].view(shape)

    @property
    def bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in self._flat.values())
