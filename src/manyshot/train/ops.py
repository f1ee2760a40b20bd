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
    """`out` = x W' + s (x A') B' + bias. `wide_input` (rows, inputs + R) holds x; the last R columns are filled."""
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
    """RMS norm of x (rows, width) into `out`, plus `add` when given. Returns 1 / rms (rows,) in fp32."""
    rstd = torch.empty(x.shape[:-1], dtype=torch.float32)
    for rows in slices(x.shape[0], x.shape[1]):
        scaled = _scaled(x[rows].float(), eps, rstd, rows)
        if add is None:
            torch.mul(scaled, weight, out=out[rows])
        else:
            torch.addcmul(add[rows], scaled, weight, out=out[rows])
    return rstd


def _scaled(x: Tensor, eps: float, rstd: Tensor, rows: slice) -> Tensor:
    """x / rms, a new tensor; 1 / rms goes to `rstd[rows]`."""
    root: Tensor = torch.linalg.vector_norm(x, dim=-1).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    rstd[rows] = root
    return x * root.unsqueeze(-1)


def norm_backward(dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor, out: Tensor, accumulate: bool) -> None:
    """The gradient of x, put into `out` or added to it (then `out` is fp32)."""
    for rows in slices(x.shape[0], x.shape[1]):
        inner, dot, part = _norm_terms(dy[rows].float(), x[rows].float(), weight, rstd[rows])
        if accumulate:
            out[rows].addcmul_(inner, rstd[rows, None]).addcmul_(part, dot)
        else:
            torch.addcmul(inner.mul_(rstd[rows, None]), part, dot, out=out[rows])


def _norm_terms(dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """i, d and x, so that the gradient is rstd i + d x (d with a last dimension of 1)."""
    inner = dy * weight
    dot = (inner * x).sum(-1).mul_(rstd.pow(3)).div_(-x.shape[-1])
    return inner, dot.unsqueeze(-1), x


def rope_heads(
    y: Tensor, tables: tuple[Tensor, Tensor], weight: Tensor | None, eps: float, out: Tensor
) -> Tensor | None:
    """Norm (if `weight`) and rotate heads: y (rows, ..., D) -> out of the same shape, any strides.

    `tables` (rows, D): cos and sin. Returns 1 / rms (rows, ...) or None. The rotation pairs dimension i with
    i + D/2, as transformers does.
    """
    rstd = None if weight is None else torch.empty(y.shape[:-1], dtype=torch.float32)
    for rows in slices(y.shape[0], y[0].numel()):
        part = y[rows].float()
        if weight is not None and rstd is not None:
            part = _scaled(part, eps, rstd, rows).mul_(weight)
        _turn(part, tables, rows, 1.0, out[rows])
    return rstd


def rope_heads_backward(
    dout: Tensor, y: Tensor, tables: tuple[Tensor, Tensor], weight: Tensor | None, rstd: Tensor | None, dy: Tensor
) -> None:
    """The gradient of `rope_heads` from `dout` into `dy`, all of shape (rows, ..., D)."""
    for rows in slices(y.shape[0], y[0].numel()):
        if weight is None or rstd is None:
            _turn(dout[rows].float(), tables, rows, -1.0, dy[rows])
            continue
        part = _turn(dout[rows].float(), tables, rows, -1.0, torch.empty(y[rows].shape, dtype=torch.float32))
        inner, dot, x = _norm_terms(part, y[rows].float(), weight, rstd[rows])
        torch.addcmul(inner.mul_(rstd[rows].unsqueeze(-1)), x, dot, out=dy[rows])


def _turn(x: Tensor, tables: tuple[Tensor, Tensor], rows: slice, sign: float, out: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    shape = (x.shape[0], *[1] * (x.ndim - 2), half)
    cos, sin = (table[rows, :half].view(shape) for table in tables)
    for here, there, sense in ((slice(half), slice(half, None), -sign), (slice(half, None), slice(half), sign)):
        torch.addcmul(x[..., here] * cos, x[..., there], sin, value=sense, out=out[..., here])
    return out


def gate(kind: str, gate_up: Tensor, out: Tensor) -> None:
    """act(g) * u into `out` (rows, F), for `gate_up` (rows, 2F) = [g | u].

    GELU's tanh form is x sigmoid(2z): the same function, and sigmoid is four times as fast as tanh here.
    """
    width = out.shape[1]
    for rows in slices(out.shape[0], 2 * width):
        g, u = gate_up[rows, :width].float(), gate_up[rows, width:].float()
        torch.mul(_sigmoid_part(kind, g).mul_(g), u, out=out[rows])


def _sigmoid_part(kind: str, g: Tensor) -> Tensor:
    return torch.sigmoid(g) if kind == "silu" else _poly(g, _GELU * _CUBE).mul_(g).sigmoid_()


def _poly(g: Tensor, cube: float) -> Tensor:
    """GELU's 2 sqrt(2 / pi) + cube g^2 in one go over memory."""
    return torch.addcmul(torch.full((1, 1), _GELU), g, g, value=cube)


def gate_backward(kind: str, dout: Tensor, gate_up: Tensor, dgate_up: Tensor) -> None:
    """The gradient of `gate` into `dgate_up` (rows, 2F). With s the sigmoid: act' = s + g s (1 - s) z'."""
    width = dout.shape[1]
    for rows in slices(dout.shape[0], 2 * width):
        g, u, d = gate_up[rows, :width].float(), gate_up[rows, width:].float(), dout[rows].float()
        s = _sigmoid_part(kind, g)
        value = g * s
        torch.mul(value, d, out=dgate_up[rows, width:])
        value.addcmul_(value, s, value=-1.0)
        slope = s.add_(value) if kind == "silu" else s.addcmul_(value, _poly(g, 3 * _GELU * _CUBE))
        torch.mul(slope.mul_(u), d, out=dgate_up[rows, :width])
