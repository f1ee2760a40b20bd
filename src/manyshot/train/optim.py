"""AdamW on one flat vector (Loshchilov and Hutter 2019, arXiv:1711.05101). One rule: all its state is three facts."""

from __future__ import annotations

import torch
from torch import Tensor

from manyshot.train.settings import TrainConfig

_EPS = 1e-8


class AdamW:
    """State: `first` and `second` moments (like the parameters, fp32) and `count` of steps made."""

    def __init__(self, flat: Tensor, config: TrainConfig) -> None:
        self.first, self.second, self.count = torch.zeros_like(flat), torch.zeros_like(flat), 0
        self.beta1, self.beta2, self.decay = config.beta1, config.beta2, config.weight_decay

    def step(self, flat: Tensor, grad: Tensor, lr: float) -> None:
        """Change `flat` in place by one step at rate `lr`."""
        self.count += 1
        self.first.lerp_(grad, 1.0 - self.beta1)
        self.second.mul_(self.beta2).addcmul_(grad, grad, value=1.0 - self.beta2)
        if self.decay:
            flat.mul_(1.0 - lr * self.decay)
        root = (self.second / (1.0 - self.beta2**self.count)).sqrt_().add_(_EPS)
        flat.addcdiv_(self.first, root, value=-lr / (1.0 - self.beta1**self.count))
