"""The no-abstraction twin of `tree.py`: transformers + peft, one sample at a time. The oracle of the tests.

One rule: nothing clever. Same passes, same loss, same gradient under PEFT's names; some 20 times slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from manyshot.train.tree import Pass


def with_lora(model: Any, rank: int, alpha: float, state: dict[str, Tensor]) -> Any:
    """Wrap a transformers model with PEFT's LoRA on all linear layers and give it the parameters `state`."""
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=rank, lora_alpha=int(alpha), target_modules=targets, task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    set_peft_model_state_dict(wrapped, state)
    return wrapped


def loss_and_grad(
    model: Any, batch: Pass, loss_norm: Literal["token", "sample"] = "token", seen: Tensor | None = None
) -> tuple[float, dict[str, Tensor]]:
    """The loss of a pass in nats, and the gradient of every LoRA matrix under PEFT's names."""
    model.zero_grad()
    counts = [len(branch.targets()) for branch in batch.branches]
    loss_sum = 0.0
    for branch, count in zip(batch.branches, counts, strict=True):
        if not count:
            continue
        ids = torch.tensor([[*batch.prefix, *branch.ids]])
        logits = model(input_ids=ids).logits[0].float()
        wanted = torch.tensor(branch.targets()) + len(batch.prefix)
        targets = ids[0, wanted]
        if seen is not None:
            logits, targets = logits[:, seen], torch.searchsorted(seen, targets)
        losses = torch.nn.functional.cross_entropy(logits[wanted - 1], targets, reduction="sum")
        used = sum(1 for c in counts if c)
        loss = losses / sum(counts) if loss_norm == "token" else losses / (used * count)
        torch.autograd.backward(loss)
        loss_sum += float(loss.detach())
    grads = {
        name.replace(".default", ""): parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is not None
    }
    return loss_sum, grads
