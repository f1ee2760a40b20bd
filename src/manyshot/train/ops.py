"""The arithmetic of a decoder layer, each with its derivative: linear with adapters, RMS norm, rope, gated activation.

One rule: element-wise work runs over slices of rows that stay in the core's cache, in fp32 whatever the compute type.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from manyshot.train.adapter import Product

#: Values a slice, 1 MB in fp32: half of a core's level-2 cache on current servers.
_SLICE = 1 << 18
_GELU = 2.0 * math.sqrt(2.0 / math.pi)
_CUBE = 0.044715


def slices(rows: int, width: int) -> Iterator[slice]:
    """Row slices of about `_SLICE` values."""
    step = max(8, _SLICE // width)
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


def linear(product: Product, wide_input: Tensor, out: Tensor) -> Tensor:
    """`out` = x W' + s (x A') B' + bias. `wide_input` (rows, inputs + R) holds x; its last R columns are filled here."""
    x, u = wide_input[:, : product.inputs], wide_input[:, product.inputs :]
    torch.mm(x, product.down.t(), out=u)
    torch.mm(wide_input, product.wide.t(), out=out)
    return out if product.bias is None else out.add_(product.bias)


def linear_backward(product: Product, dy: Tensor, wide_input: Tensor, dwide: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of A (R, inputs) and s B (outs, rank); the input's gradient ends in `dwide[:, :inputs]`."""
    torch.mm(dy, product.wide, out=dwide)
    dx, du = dwide[:, : product.inputs], dwide[:, product.inputs :]
    dx.addmm_(du, product.down)
    return du.t() @ wide_input[:, : product.inputs], _up_gradient(product, dy, wide_input)


def linear_backward_last(product: Product, dy: Tensor, wide_input: Tensor) -> tuple[Tensor, Tensor]:
    """As `linear_backward`, where nothing below the input learns: its gradient is not computed."""
    du = dy @ product.wide[:, product.inputs :]
    return du.t() @ wide_input[:, : product.inputs], _up_gradient(product, dy, wide_input)


def _up_gradient(product: Product, dy: Tensor, wide_input: Tensor) -> Tensor:
    parts, first = [], 0
    for number, out in enumerate(product.outs):
        column = product.inputs + number * product.rank
        parts.append(dy[:, first : first + out].t() @ wide_input[:, column : column + product.rank])
        first += out
    return torch.cat(parts)


def norm(x: Tensor, weight: Tensor, eps: float, out: Tensor, add: Tensor | None = None) -> Tensor:
    """RMS norm over the last dimension into `out`, plus `add` when given. Returns 1 / rms, fp32, shape x without last."""
    width = x.shape[-1]
    rstd = torch.empty(x.shape[:-1], dtype=torch.float32)
    for rows in slices(x.shape[0], x[0].numel()):
        part = x[rows].float()
        root = torch.linalg.vector_norm(part, dim=-1).square_().div_(width).add_(eps).rsqrt_()
        rstd[rows] = root
        scaled = (part * root.unsqueeze(-1)).mul_(weight)
        out[rows] = scaled if add is None else scaled.add_(add[rows])
    return rstd


def norm_backward(dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor, out: Tensor, accumulate: bool) -> None:
    """The gradient of x, put into `out` or added to it."""
    for rows in slices(x.shape[0], x[0].numel()):
        part = _norm_backward(dy[rows].float(), x[rows].float(), weight, rstd[rows])
        if accumulate:
            out[rows] += part
        else:
            out[rows] = part


def _norm_backward(dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor) -> Tensor:
    inner = dy * weight
    dot = (inner * x).sum(-1).mul_(rstd.pow(3)).div_(x.shape[-1])
    return inner.mul_(rstd.unsqueeze(-1)).addcmul_(x, dot.unsqueeze(-1), value=-1.0)


def rope_heads(
    y: Tensor, tables: tuple[Tensor, Tensor], weight: Tensor | None, eps: float, scale: float, out: Tensor
) -> Tensor | None:
    """Norm (if `weight`), rotate and scale heads: y (rows, ..., D) -> out of the same shape, any strides.

    Returns 1 / rms (rows, ...) or None. The rotation pairs dimension i with i + D/2, as transformers does.
    """
    rstd = None if weight is None else torch.empty(y.shape[:-1], dtype=torch.float32)
    for rows in slices(y.shape[0], y[0].numel()):
        part = y[rows].float()
        if weight is not None and rstd is not None:
            root = torch.linalg.vector_norm(part, dim=-1).square_().div_(y.shape[-1]).add_(eps).rsqrt_()
            rstd[rows] = root
            part = (part * root.unsqueeze(-1)).mul_(weight)
        turned = _turn(part, tables, rows, 1.0)
        out[rows] = turned if scale == 1.0 else turned.mul_(scale)
    return rstd


def rope_heads_backward(
    dout: Tensor,
    y: Tensor,
    tables: tuple[Tensor, Tensor],
    weight: Tensor | None,
    rstd: Tensor | None,
    scale: float,
    dy: Tensor,
) -> None:
    """The gradient of `rope_heads` from `dout` into `dy`, all of shape (rows, ..., D)."""
    for rows in slices(y.shape[0], y[0].numel()):
        part = _turn(dout[rows].float(), tables, rows, -1.0)
        if scale != 1.0:
            part.mul_(scale)
        if weight is not None and rstd is not None:
            part = _norm_backward(part, y[rows].float(), weight, rstd[rows])
        dy[rows] = part


def _turn(x: Tensor, tables: tuple[Tensor, Tensor], rows: slice, sign: float) -> Tensor:
    half = x.shape[-1] // 2
    shape = (x.shape[0], *[1] * (x.ndim - 2), half)
    cos, sin = (table[rows, :half].view(shape) for table in tables)
    first, second = x[..., :half], x[..., half:]
    out = torch.empty(x.shape, dtype=torch.float32)
    torch.mul(first, cos, out=out[..., :half]).addcmul_(second, sin, value=-sign)
    torch.mul(second, cos, out=out[..., half:]).addcmul_(first, sin, value=sign)
    return out


def gate(kind: str, gate_up: Tensor, out: Tensor) -> None:
    """act(g) * u into `out` (rows, F), for `gate_up` (rows, 2F) = [g | u].

    GELU's tanh form is x sigmoid(2z): the same function, and sigmoid is four times as fast as tanh here.
    """
    width = out.shape[1]
    for rows in slices(out.shape[0], 2 * width):
        g, u = gate_up[rows, :width].float(), gate_up[rows, width:].float()
        out[rows] = _sigmoid_part(kind, g).mul_(g).mul_(u)


def _sigmoid_part(kind: str, g: Tensor) -> Tensor:
    if kind == "silu":
        return torch.sigmoid(g)
    return g.square().mul_(_GELU * _CUBE).add_(_GELU).mul_(g).sigmoid_()


def gate_backward(kind: str, dout: Tensor, gate_up: Tensor, dgate_up: Tensor) -> None:
    """The gradient of `gate` into `dgate_up` (rows, 2F)."""
    width = dout.shape[1]
    for rows in slices(dout.shape[0], 2 * width):
        g, u, d = gate_up[rows, :width].float(), gate_up[rows, width:].float(), dout[rows].float()
        s = _sigmoid_part(kind, g)
        value = g * s
        dgate_up[rows, width:] = value * d
        slope = value.mul_(1.0 - s)
        if kind == "gelu":
            slope.mul_(g.square().mul_(3 * _GELU * _CUBE).add_(_GELU))
        dgate_up[rows, :width] = slope.add_(s).mul_(u).mul_(d)
