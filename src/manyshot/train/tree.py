"""One training pass over a tree: a shared prefix and its branches. Exact loss and exact LoRA gradients.

One rule: the result is that of training on prefix + branch one sample at a time (`plain.py` is that, and the tests
compare every gradient); the prefix is only computed once. No autograd: each layer's backward is written beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from manyshot.errors import TrainError
from manyshot.train.adapter import Adapter
from manyshot.train.arch import Frozen
from manyshot.train.attend import KEEP_BYTES, Attention, Span
from manyshot.train.blocks import Block
from manyshot.train.head import cross_entropy
from manyshot.train.ops import norm, norm_backward
from manyshot.train.pool import Pool


@dataclass(frozen=True, slots=True)
class Branch:
    """A sample's own tokens. Loss is taken on ids[loss_from:], or where `loss_mask` is true if that is given. `id`: of
    the record it is made from, by which it is named when it cannot be trained on."""

    ids: Sequence[int]
    loss_from: int = 0
    loss_mask: Sequence[bool] | None = None
    id: str = ""

    def targets(self) -> list[int]:
        """Indices into `ids` on which there is loss."""
        if self.loss_mask is None:
            return list(range(self.loss_from, len(self.ids)))
        return [i for i, on in enumerate(self.loss_mask) if on]


@dataclass(frozen=True, slots=True)
class Pass:
    """Samples that share their first tokens: sample i is prefix + branches[i].ids. No loss falls on the prefix."""

    prefix: Sequence[int]
    branches: Sequence[Branch]


@dataclass(frozen=True, slots=True)
class PassLoss:
    """Losses of one pass in nats: summed over loss tokens, and their counts. `objective` is what was minimised."""

    objective: float
    total: float
    loss_tokens: int
    samples: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A pass as flat rows: ids and positions (rows,), spans, and for each loss the row that predicts, id and weight."""

    ids: Tensor
    positions: Tensor
    spans: tuple[Span, ...]
    predictors: Tensor
    targets: Tensor
    weights: Tensor
    samples: int
    tokens: int


def lay_out(batch: Pass, loss_norm: Literal["token", "sample"]) -> Layout:
    """Order the rows of a pass: the prefix, then groups of branches of like length, padded to their longest."""
    prefix = list(batch.prefix)
    order = sorted((b for b in batch.branches if b.targets()), key=lambda b: -len(b.ids))
    if not order:
        raise TrainError("a training pass has no token with loss; give it branches that have targets")
    total = sum(len(b.targets()) for b in order)
    ids, positions = list(prefix), list(range(len(prefix)))
    spans = [Span(0, 1, len(prefix), 0)] if prefix else []
    predictors: list[int] = []
    targets: list[int] = []
    weights: list[float] = []
    for group in _groups(order):
        length = len(group[0].ids)
        spans.append(Span(len(ids), len(group), length, len(prefix)))
        for branch in group:
            start, wanted = len(ids), branch.targets()
            if wanted[0] == 0 and not prefix:
                raise TrainError("loss on the first token of a sample without prefix: nothing predicts it; mask it")
            predictors += [start + i - 1 if i else len(prefix) - 1 for i in wanted]
            targets += [branch.ids[i] for i in wanted]
            share = 1.0 / total if loss_norm == "token" else 1.0 / (len(order) * len(wanted))
            weights += [share] * len(wanted)
            ids += [*branch.ids, *[0] * (length - len(branch.ids))]
            positions += range(len(prefix), len(prefix) + length)
    return Layout(
        torch.tensor(ids),
        torch.tensor(positions),
        tuple(spans),
        torch.tensor(predictors),
        torch.tensor(targets),
        torch.tensor(weights, dtype=torch.float32),
        len(order),
        len(prefix) + sum(len(b.ids) for b in order),
    )


def _groups(order: Sequence[Branch]) -> list[list[Branch]]:
    """Cut branches, longest first, where padding to the group's longest would pass an eighth."""
    groups: list[list[Branch]] = []
    for branch in order:
        longest = len(groups[-1][0].ids) if groups else 0
        if groups and longest - len(branch.ids) <= max(2, longest // 8):
            groups[-1].append(branch)
        else:
            groups.append([branch])
    return groups


class Engine:
    """A frozen base with an adapter that learns. `loss_and_grad` adds gradients to `adapter.grad`."""

    def __init__(self, base: Frozen, adapter: Adapter, pool: Pool | None = None) -> None:
        self.base, self.adapter, self.pool = base, adapter, pool or Pool()
        self.blocks = [Block(base, adapter, number, self.pool) for number in range(len(base.layers))]

    @torch.no_grad()
    def loss_and_grad(
        self,
        batch: Pass,
        *,
        loss_norm: Literal["token", "sample"] = "token",
        seen: Tensor | None = None,
        backward: bool = True,
        scale: float = 1.0,
    ) -> PassLoss:
        """The loss of `batch`; with `backward`, `scale` times its gradient is added to `adapter.grad`.

        `seen`: sorted ids to which the soft-max is restricted (all targets must be among them), None for all.
        """
        plan = lay_out(batch, loss_norm)
        arch = self.base.arch
        x = self.pool.take("x.embed", (len(plan.ids), arch.hidden), torch.float32)
        x.copy_(self.base.embedding[plan.ids])
        if arch.embed_scale != 1.0:
            # transformers rounds the scale to the weights' type before it multiplies
            x.mul_(torch.tensor(arch.embed_scale).to(self.base.dtype).float())
        attention = Attention(plan.spans, self.pool, self.base.dtype, self._keep(plan))
        tables = self.base.rope_tables(plan.positions)
        for block, kind in zip(self.blocks, arch.rope, strict=True):
            x = block.forward(x, attention, tables[kind])
        losses, dx = self._head(x, plan, seen, scale if backward else 0.0)
        if backward:
            for block, kind in zip(reversed(self.blocks), reversed(arch.rope), strict=True):
                block.backward(dx, attention, tables[kind])
        return PassLoss(
            float((losses * plan.weights).sum()), float(losses.sum()), len(losses), plan.samples, plan.tokens
        )

    def _keep(self, plan: Layout) -> bool:
        size = 2 if self.base.dtype == torch.bfloat16 else 4
        scores = sum(s.count * s.length * (s.prefix + s.length) for s in plan.spans)
        return scores * self.base.arch.heads * size * len(self.blocks) <= KEEP_BYTES

    def _head(self, x: Tensor, plan: Layout, seen: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
        """Losses at the loss positions and the gradient of the last layer's output (rows, hidden) fp32."""
        base = self.base
        rows = x[plan.predictors]
        hidden = torch.empty(rows.shape, dtype=base.dtype)
        rstd = norm(rows, base.final_norm, base.arch.eps, hidden)
        head, targets = base.head, plan.targets
        if seen is not None:
            targets = torch.searchsorted(seen, targets)
            head = base.head[seen]
        losses, dhidden = cross_entropy(hidden, head, targets, plan.weights * scale, self.pool)
        drows = torch.empty_like(rows)
        norm_backward(dhidden, rows, base.final_norm, rstd, drows, accumulate=False)
        dx = self.pool.take("dx", tuple(x.shape), torch.float32).zero_()
        return losses, dx.index_add_(0, plan.predictors, drows)
