"""Geometry of the line charts, for the template to draw as SVG. One rule: numbers here, looks in the template."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from manyshot import stats
from manyshot.evaluate.records import CurvePoint, LossPoint

T = TypeVar("T")
WIDTH, HEIGHT = 440, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 12, 34


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in pixels, and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point with its interval, all in pixels, and what to say about it."""

    x: float
    y: float
    low: float
    high: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready to draw. `lines` are (style, polyline points)."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[tuple[str, str], ...]
    dots: tuple[Dot, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def loss_chart(points: Sequence[LossPoint]) -> Chart | None:
    """Loss by step: each step thin, a running mean bold, held-out dashed. None with fewer than two points."""
    points = [p for p in points if math.isfinite(p.loss)]
    if len(points) < 2:
        return None
    held = [(p.step, p.held_out) for p in points if p.held_out is not None and math.isfinite(p.held_out)]
    y_ticks = _nice_ticks(max([p.loss for p in points] + [v for _, v in held]))
    first, last, top = points[0].step, points[-1].step, y_ticks[-1]

    def place(step: float, loss: float) -> tuple[float, float]:
        return _x((step - first) / max(1, last - first)), _y(loss / top)

    lines = [
        ("raw", _path(place(p.step, p.loss) for p in _thin(points))),
        ("main", _path(place(s, v) for s, v in _thin(_smooth(points)))),
    ]
    if held:
        lines.append(("held", _path(place(s, v) for s, v in held)))
    steps = [s for s in _nice_ticks(last) if first <= s <= last]
    return Chart(
        x_ticks=tuple(Tick(place(s, 0)[0], f"{s:,.10g}") for s in steps),
        y_ticks=tuple(Tick(_y(v / top), f"{v:g}") for v in y_ticks),
        lines=tuple(lines),
    )


def learning_chart(points: Sequence[CurvePoint]) -> Chart | None:
    """Rate right by number of training pairs (logarithmic), with Wilson's intervals. None without points."""
    points = sorted((p for p in points if p.total and p.pairs > 0), key=lambda p: p.pairs)
    if not points:
        return None
    low, high = math.log(points[0].pairs), math.log(points[-1].pairs)
    pad = 0.06 if high > low else 0.5

    def across(pairs: int) -> float:
        return _x(pad + (1 - 2 * pad) * ((math.log(pairs) - low) / (high - low) if high > low else 0))

    dots = []
    for p in points:
        interval = stats.wilson(p.right, p.total)
        rate = p.right / p.total
        title = f"{p.pairs:,}: {p.right}/{p.total} = {rate:.1%}"
        dots.append(Dot(across(p.pairs), _y(rate), _y(interval.low), _y(interval.high), title))
    return Chart(
        x_ticks=_apart([Tick(across(p.pairs), f"{p.pairs:,}") for p in points]),
        y_ticks=tuple(Tick(_y(v / 100), f"{v}%") for v in (0, 25, 50, 75, 100)),
        lines=(("main", _path((d.x, d.y) for d in dots)),),
        dots=tuple(dots),
    )


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _path(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _smooth(points: Sequence[LossPoint]) -> list[tuple[int, float]]:
    """Running mean over about a thirtieth of the run on either side."""
    reach = max(1, len(points) // 30)
    out = []
    for i, p in enumerate(points):
        window = points[max(0, i - reach) : i + reach + 1]
        out.append((p.step, sum(w.loss for w in window) / len(window)))
    return out


def _thin(values: Sequence[T], most: int = 400) -> Sequence[T]:
    """At most about `most` values, evenly taken, the last one kept: more would not be seen."""
    stride = max(1, -(-len(values) // most))
    return [v for i, v in enumerate(values) if i % stride == 0 or i == len(values) - 1]


def _nice_ticks(top: float) -> list[float]:
    """0 .. at least `top` in three to six round steps."""
    rough = max(top, 1e-9) / 4
    scale = 10 ** math.floor(math.log10(rough))
    step = next(m * scale for m in (1, 2, 2.5, 5, 10) if m * scale >= rough * 0.999)
    return [round(i * step, 10) for i in range(math.ceil(top / step - 1e-9) + 1)]


def _apart(ticks: Sequence[Tick], gap: float = 38) -> tuple[Tick, ...]:
    """Leave out labels that would run into the one before."""
    out: list[Tick] = []
    for tick in ticks:
        out.append(tick if not out or tick.at - max(t.at for t in out if t.label) >= gap else Tick(tick.at, ""))
    return tuple(out)
