"""Attention by branch: the prefix attends to itself once, every branch attends to [prefix keys, its own keys].

One rule: no score between two branches is ever computed. Branches of like length share a batched product, padded on
the right; a padded key lies after every real query, so the causal mask hides it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from manyshot.train.pool import Pool

#: Bytes of attention weights that are kept for the backward pass in all layers; beyond, they are computed again.
KEEP_BYTES = 3 << 30


@dataclass(frozen=True, slots=True)
class Span:
    """Rows [start, start + count * length): `count` sequences of `length` rows, after `prefix` shared rows."""

    start: int
    count: int
    length: int
    prefix: int

    def first_key(self, window: int | None) -> int:
        """The first prefix row that any of its queries can see."""
        return 0 if window is None else min(self.prefix, max(0, self.prefix - window + 1))


@dataclass(frozen=True, slots=True)
class Heads:
    """Queries (KH, rows * rep, D), scaled; keys (KH, rows, D); values (KH, rows, D), any strides."""

    q: Tensor
    k: Tensor
    v: Tensor

    @property
    def rep(self) -> int:
        return self.q.shape[1] // self.k.shape[1]


class Attention:
    """Attention over the spans of one pass. `spans[0]` is the prefix when there is one; its masks are made once."""

    def __init__(self, spans: tuple[Span, ...], pool: Pool, dtype: torch.dtype, keep: bool) -> None:
        self.spans, self.pool, self.dtype, self.keep = spans, pool, dtype, keep
        self._masks: dict[tuple[int, int | None, int], tuple[Tensor | None, Tensor]] = {}

    def forward(self, heads: Heads, window: int | None, tag: str, out: Tensor) -> None:
        """Attend into `out` (KH, rows * rep, D). `tag` names the layer for what is kept."""
        for number, span in enumerate(self.spans):
            for head in range(heads.k.shape[0]):
                weights = self._weights(heads, number, head, window, tag)
                rows = _rows(span, heads.rep)
                past = _past(span, window)
                flat = weights.view(-1, weights.shape[-1])
                own = out[head, rows].view(span.count, -1, out.shape[-1])
                torch.bmm(weights[..., past.stop - past.start :], _own(heads.v[head], span), out=own)
                if past.stop > past.start:
                    out[head, rows].addmm_(flat[:, : past.stop - past.start], heads.v[head, past])

    def _weights(self, heads: Heads, number: int, head: int, window: int | None, tag: str) -> Tensor:
        """The soft-maxed scores (count, length * rep, visible prefix + length)."""
        span, rep = self.spans[number], heads.rep
        past = _past(span, window)
        before = past.stop - past.start
        name = f"{tag}.p{number}.{head}" if self.keep else f"p{number}"
        scores = self.pool.take(name, (span.count, span.length * rep, before + span.length), self.dtype)
        q = heads.q[head, _rows(span, rep)]
        if before:
            torch.mm(q, heads.k[head, past].t(), out=scores.view(-1, scores.shape[-1])[:, :before])
        own = scores[..., before:]
        torch.bmm(q.view(span.count, -1, q.shape[-1]), _own(heads.k[head], span).transpose(1, 2), out=own)
        old_mask, own_mask = self._mask(number, window, rep)
        own.add_(own_mask)
        if old_mask is not None:
            scores[..., :before].add_(old_mask)
        return torch.softmax(scores, dim=-1, out=scores)

    def _mask(self, number: int, window: int | None, rep: int) -> tuple[Tensor | None, Tensor]:
        """Additive masks (length * rep, keys) for prefix keys (None when all are seen) and own keys."""
        key = (number, window, rep)
        if key not in self._masks:
            span = self.spans[number]
            query = torch.arange(span.length).repeat_interleave(rep)[:, None] + span.prefix
            own = torch.arange(span.length)[None] + span.prefix
            old = torch.arange(span.first_key(window), span.prefix)[None]
            near = window if window is not None else 1 << 60
            hide_old = query - old >= near
            hide_own = (own > query) | (query - own >= near)
            self._masks[key] = (self._additive(hide_old) if bool(hide_old.any()) else None, self._additive(hide_own))
        return self._masks[key]

    def _additive(self, hide: Tensor) -> Tensor:
        return torch.zeros(hide.shape, dtype=self.dtype).masked_fill_(hide, float("-inf"))

    def backward(self, heads: Heads, window: int | None, tag: str, out: Tensor, dout: Tensor, grads: Heads) -> None:
        """Gradients of `forward` into `grads` (all rows are written). `out` is what `forward` made."""
        shared = self.spans[0].length if self.spans[0].count == 1 and self.spans[0].prefix == 0 else 0
        for head in range(heads.k.shape[0]):
            dk = self.pool.take("dk.prefix", (shared, out.shape[-1]), torch.float32).zero_()
            dv = self.pool.take("dv.prefix", (shared, out.shape[-1]), torch.float32).zero_()
            for number in reversed(range(len(self.spans))):
                self._span_backward(heads, number, head, window, tag, out[head], dout[head], grads, dk, dv)
            # The prefix's own rows were written by its span; what the branches sent back is added.
            if len(self.spans) > 1:
                grads.k[head, :shared] += dk
                grads.v[head, :shared] += dv

    def _span_backward(
        self,
        heads: Heads,
        number: int,
        head: int,
        window: int | None,
        tag: str,
        out: Tensor,
        dout: Tensor,
        grads: Heads,
        dk: Tensor,
        dv: Tensor,
    ) -> None:
        span, rows, past = self.spans[number], _rows(self.spans[number], heads.rep), _past(self.spans[number], window)
        before = past.stop - past.start
        if self.keep:
            shape = (span.count, span.length * heads.rep, before + span.length)
            weights = self.pool.take(f"{tag}.p{number}.{head}", shape, self.dtype)
        else:
            weights = self._weights(heads, number, head, window, tag)
        d = self.pool.take(f"dp{number}", tuple(weights.shape), self.dtype)
        flat_w, flat_d = weights.view(-1, weights.shape[-1]), d.view(-1, d.shape[-1])
        do = dout[rows]
        do3 = do.view(span.count, -1, do.shape[-1])
        torch.bmm(weights[..., before:].transpose(1, 2), do3, out=_own(grads.v[head], span))
        torch.bmm(do3, _own(heads.v[head], span).transpose(1, 2), out=d[..., before:])
        if before:
            dv[past] += flat_w[:, :before].t() @ do
            torch.mm(do, heads.v[head, past].t(), out=flat_d[:, :before])
        dot = (do.float() * out[rows].float()).sum(-1, keepdim=True)
        flat_d.sub_(dot).mul_(flat_w)
        q = heads.q[head, rows]
        q3, dq = q.view(span.count, -1, q.shape[-1]), grads.q[head, rows]
        torch.bmm(d[..., before:].transpose(1, 2), q3, out=_own(grads.k[head], span))
        torch.bmm(d[..., before:], _own(heads.k[head], span), out=dq.view(span.count, -1, q.shape[-1]))
        if before:
            dk[past] += flat_d[:, :before].t() @ q
            dq.addmm_(flat_d[:, :before], heads.k[head, past])


def _rows(span: Span, rep: int) -> slice:
    return slice(span.start * rep, (span.start + span.count * span.length) * rep)


def _past(span: Span, window: int | None) -> slice:
    return slice(span.first_key(window), span.prefix)


def _own(rows: Tensor, span: Span) -> Tensor:
    """The span's rows of (rows, D) as (count, length, D)."""
    part = rows[span.start : span.start + span.count * span.length]
    return torch.unflatten(part, 0, (span.count, span.length))
