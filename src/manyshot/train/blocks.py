"""One decoder layer, forward and backward, with everything kept by name in the pool.

One rule: the residual stream and its gradient are fp32, the gradient changed in place; products run in the base's type.
"""

from __future__ import annotations

import torch
from torch import Tensor

from manyshot.train import ops
from manyshot.train.adapter import Adapter, Product
from manyshot.train.arch import Frozen
from manyshot.train.attend import Attention, Heads
from manyshot.train.pool import Pool

Tables = tuple[Tensor, Tensor]


class Block:
    """Layer `number` of `base` with its adapters. `backward` must follow the `forward` of the same pass."""

    def __init__(self, base: Frozen, adapter: Adapter, number: int, pool: Pool) -> None:
        self.arch, self.layer, self.dtype = base.arch, base.layers[number], base.dtype
        self.adapter, self.products, self.number, self.pool = adapter, adapter.products[number], number, pool
        self.places = adapter.places_of(number)
        self.rep = self.arch.heads // self.arch.kv_heads
        self.kept: dict[str, Tensor] = {}
        self.heads: Heads

    def _take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        return self.pool.take(f"{self.number}.{name}", shape, dtype or self.dtype)

    def _scratch(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        return self.pool.take(name, shape, dtype or self.dtype)

    def _input(self, key: str, rows: int) -> Tensor:
        """The kept input of a product, with room for x A' beside it."""
        return self._take(f"in.{key}", rows, self.products[key].wide.shape[1])

    def forward(self, x: Tensor, attention: Attention, tables: Tables) -> Tensor:
        """Residual stream in (rows, hidden) fp32, residual stream out, another tensor."""
        middle = self._attend(x, attention, tables)
        return self._mlp(middle)

    def _residual(self, name: str, y: Tensor, x: Tensor) -> Tensor:
        """x + y, or x + norm(y) in sandwich form; y is kept for that."""
        out = self._take(f"x.{name}", *x.shape, dtype=torch.float32)
        if self.arch.sandwich:
            self.kept[f"{name}.rstd"] = ops.norm(y, self.layer.norms[f"{name}_out"], self.arch.eps, out, add=x)
            return out
        return torch.add(x, y, out=out)

    def _attend(self, x: Tensor, attention: Attention, tables: Tables) -> Tensor:
        rows = x.shape[0]
        qkv, out = self.products["qkv"], self.products["out"]
        wide = self._input("qkv", rows)
        self.kept["attn.x"] = x
        self.kept["attn_in.rstd"] = ops.norm(x, self.layer.norms["attn_in"], self.arch.eps, wide[:, : qkv.inputs])
        self.kept["qkv"] = y = ops.linear(qkv, wide, self._take("qkv", rows, qkv.wide.shape[0]))
        self.heads = self._heads(y, tables)
        self.kept["mixed"] = mixed = self._take("mixed", *self.heads.q.shape)
        attention.forward(self.heads, self.arch.window[self.number], str(self.number), mixed)
        wide = self._input("out", rows)
        torch.unflatten(wide[:, : out.inputs], 1, (self.arch.kv_heads, self.rep, -1)).copy_(self._by_row(mixed))
        self.kept["attn.y"] = z = ops.linear(out, wide, self._take("attn.y", rows, self.arch.hidden))
        return self._residual("attn", z, x)

    def _by_row(self, flat: Tensor) -> Tensor:
        """Queries or outputs by head (KH, rows * rep, D) seen as (rows, KH, rep, D)."""
        return torch.unflatten(flat, 1, (-1, self.rep)).transpose(0, 1)

    def _parts(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Views of the fused product's output: q (rows, KH, rep, D), k and v (rows, KH, D)."""
        a = self.arch
        q, k, v = torch.split(y, [n * a.head_dim for n in (a.heads, a.kv_heads, a.kv_heads)], dim=1)
        shape = (a.kv_heads, a.head_dim)
        queries = torch.unflatten(q, 1, (a.kv_heads, self.rep, a.head_dim))
        return queries, torch.unflatten(k, 1, shape), torch.unflatten(v, 1, shape)

    def _scaled(self, tables: Tables) -> Tables:
        """Rope tables that scale the queries too: one pass over them less."""
        return tables[0] * self.arch.scale, tables[1] * self.arch.scale

    def _heads(self, y: Tensor, tables: Tables) -> Heads:
        a, rows, norms = self.arch, y.shape[0], self.layer.norms
        q, k, v = self._parts(y)
        queries = self._take("q", a.kv_heads, rows * self.rep, a.head_dim)
        keys = self._take("k", a.kv_heads, rows, a.head_dim)
        q_rstd = ops.rope_heads(q, self._scaled(tables), norms.get("q"), a.eps, self._by_row(queries))
        k_rstd = ops.rope_heads(k, tables, norms.get("k"), a.eps, keys.transpose(0, 1))
        if q_rstd is not None and k_rstd is not None:
            self.kept["q.rstd"], self.kept["k.rstd"] = q_rstd, k_rstd
        return Heads(queries, keys, v.transpose(0, 1))

    def _mlp(self, x: Tensor) -> Tensor:
        rows = x.shape[0]
        up, down = self.products["gate_up"], self.products["down"]
        wide = self._input("gate_up", rows)
        self.kept["mlp.x"] = x
        self.kept["mlp_in.rstd"] = ops.norm(x, self.layer.norms["mlp_in"], self.arch.eps, wide[:, : up.inputs])
        self.kept["gu"] = both = ops.linear(up, wide, self._take("gu", rows, up.wide.shape[0]))
        wide = self._input("down", rows)
        ops.gate(self.arch.activation, both, wide[:, : down.inputs])
        self.kept["mlp.y"] = y = ops.linear(down, wide, self._take("mlp.y", rows, self.arch.hidden))
        return self._residual("mlp", y, x)

    def backward(self, dx: Tensor, attention: Attention, tables: Tables) -> None:
        """Turn the gradient of the layer's output into that of its input, in place; add to the adapter's gradient."""
        self._mlp_backward(dx)
        self._attend_backward(dx, attention, tables)

    def _branch_gradient(self, name: str, dx: Tensor) -> Tensor:
        """The gradient of the product that ends a half layer: through the sandwich norm, in the compute type."""
        dy = self._scratch("dy", *dx.shape)
        if not self.arch.sandwich:
            return dy.copy_(dx)
        y, rstd = self.kept[f"{name}.y"], self.kept[f"{name}.rstd"]
        ops.norm_backward(dx, y, self.layer.norms[f"{name}_out"], rstd, dy, accumulate=False)
        return dy

    def _product_backward(self, key: str, dy: Tensor) -> Tensor:
        """Gradients of a product: the adapter's are added, the input's is returned (rows, inputs)."""
        product = self.products[key]
        wide = self._input(key, dy.shape[0])
        dwide = self._scratch("dwide", *wide.shape)
        self._collect(key, product, *ops.linear_backward(product, dy, wide, dwide))
        return dwide[:, : product.inputs]

    def _collect(self, key: str, product: Product, down: Tensor, up: Tensor) -> None:
        """Add the gradients of the stacked A and of s B to the flat gradient."""
        first = 0
        for part, out in enumerate(product.outs):
            a, b = (self.adapter.view(self.places[key][part][m], self.adapter.grad) for m in "AB")
            a += down[part * product.rank : (part + 1) * product.rank]
            b.add_(up[first : first + out], alpha=self.adapter.scale)
            first += out

    def _mlp_backward(self, dx: Tensor) -> None:
        dh = self._product_backward("down", self._branch_gradient("mlp", dx))
        both = self.kept["gu"]
        dboth = self._scratch("dgu", *both.shape)
        ops.gate_backward(self.arch.activation, dh, both, dboth)
        dn = self._product_backward("gate_up", dboth)
        ops.norm_backward(dn, self.kept["mlp.x"], self.layer.norms["mlp_in"], self.kept["mlp_in.rstd"], dx, True)

    def _attend_backward(self, dx: Tensor, attention: Attention, tables: Tables) -> None:
        rows, heads, norms = dx.shape[0], self.heads, self.layer.norms
        dwide = self._product_backward("out", self._branch_gradient("attn", dx))
        dmixed = self._scratch("dmixed", *heads.q.shape)
        self._by_row(dmixed).copy_(torch.unflatten(dwide, 1, (self.arch.kv_heads, self.rep, -1)))
        y = self.kept["qkv"]
        dy = self._scratch("dqkv", *y.shape)
        (q, k, _), (dq, dk, dv) = self._parts(y), self._parts(dy)
        grads = Heads(self._scratch("dq", *heads.q.shape), self._scratch("dk", *heads.k.shape), dv.transpose(0, 1))
        window = self.arch.window[self.number]
        attention.backward(heads, window, str(self.number), self.kept["mixed"], dmixed, grads)
        q_norm, k_norm = norms.get("q"), norms.get("k")
        q_rstd, k_rstd = self.kept.get("q.rstd"), self.kept.get("k.rstd")
        ops.rope_heads_backward(self._by_row(grads.q), q, self._scaled(tables), q_norm, q_rstd, dq)
        ops.rope_heads_backward(grads.k.transpose(0, 1), k, tables, k_norm, k_rstd, dk)
        if self.number == 0:
            wide = self._input("qkv", rows)
            self._collect("qkv", self.products["qkv"], *ops.linear_backward_last(self.products["qkv"], dy, wide))
            return
        dn = self._product_backward("qkv", dy)
        ops.norm_backward(dn, self.kept["attn.x"], norms["attn_in"], self.kept["attn_in.rstd"], dx, True)
