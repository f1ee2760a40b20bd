"""A flow as a picture: where its steps stand and how its lines run, in layers from the start down.

The one rule: the way that is shown runs straight down the left edge; what it does not take branches off to the right.
Only geometry is worked out here, in pixels; colours and fonts are the page's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from manyshot.flow.paths import Walk
from manyshot.flow.steps import FAILED, Ask, Branch, CallTool, End, Flow, Handoff, Say, Step

#: A box, its text, and the room around it.
WIDTH, LINE, PAD = 168.0, 17.0, 9.0
_GAP_X, _GAP_Y, _MARGIN = 22.0, 46.0, 8.0
#: Width of a bend, where a line passes a layer.
_BEND = 6.0
#: Lines of text in a box, and what fits on one: a Chinese character is 2, any other 1.
_LINES, _FITS, _LABEL = 3, 22, 20
_ROUNDS = 6
#: Signs with which no line begins.
_CLOSING = "，。、；：？！）》”’,.;:?!)"


@dataclass(frozen=True, slots=True)
class Box:
    """A step: its middle and top, its size, its words cut to fit. `lit`: the way leads through it."""

    step: Step
    x: float
    y: float
    height: float
    lines: tuple[str, ...]
    words: str
    lit: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An exit: the `d` of an SVG path, its label and where that stands."""

    d: str
    label: str
    whole_label: str
    x: float
    y: float
    lit: bool
    failed: bool
    #: It leads back up; `d` runs down all the same.
    back: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Spot:
    """A step, or the bend of a line in a layer that it passes."""

    layer: int
    width: float = _BEND
    lit: bool = False
    x: float = 0.0
    above: list[_Spot] = field(default_factory=list)
    below: list[_Spot] = field(default_factory=list)


@dataclass(slots=True)
class _Edge:
    """All exits from one step to another. `spots`: from the upper one down, bends between."""

    source: str
    target: str
    labels: list[str]
    back: bool = False
    lit: bool = False
    spots: list[_Spot] = field(default_factory=list)


def draw(flow: Flow, walk: Walk | None = None) -> Drawing:
    """The picture of a flow, with one way through it lit."""
    edges, order = _edges(flow, walk)
    layers = _layers(order, edges)
    lit = {step.id for step in walk.steps} if walk else set()
    spots = {name: _Spot(layers[name], WIDTH, name in lit) for name in order}
    rows: list[list[_Spot]] = [[] for _ in range(max(layers.values()) + 1)]
    for name in order:
        rows[layers[name]].append(spots[name])
    for edge in edges:
        _bend(edge, spots, rows)
    _arrange(rows)
    texts = {step.id: _wrapped(_words(step, flow)) for step in flow.steps}
    tall = [0.0] * len(rows)
    for name in order:
        tall[layers[name]] = max(tall[layers[name]], len(texts[name]) * LINE + LINE + 2 * PAD)
    tops = [_MARGIN + sum(tall[:n]) + n * _GAP_Y for n in range(len(rows))]
    left = _MARGIN + WIDTH / 2 - min(spot.x for row in rows for spot in row)
    for spot in (spot for row in rows for spot in row):
        spot.x += left
    boxes = tuple(
        Box(
            step, spots[step.id].x, tops[layers[step.id]], len(texts[step.id]) * LINE + LINE + 2 * PAD,
            tuple(texts[step.id]), _words(step, flow), step.id in lit,
        )
        for step in flow.steps
    )  # fmt: skip
    heights = {box.step.id: box.height for box in boxes}
    lines = tuple(_line(edge, heights, tops, tall) for edge in sorted(edges, key=lambda edge: edge.lit))
    right = max(spot.x + spot.width / 2 for row in rows for spot in row)
    return Drawing(right + _MARGIN, tops[-1] + tall[-1] + _MARGIN, boxes, lines)


def _edges(flow: Flow, walk: Walk | None) -> tuple[list[_Edge], list[str]]:
    """The lines of a flow with those marked that lead back, and its steps in the order of a walk in depth."""
    steps, taken = flow.by_id, set(walk.taken) if walk else set()
    joined: dict[tuple[str, str], _Edge] = {}
    for step in flow.steps:
        for way in step.exits:
            edge = joined.setdefault((step.id, way.go), _Edge(step.id, way.go, []))
            edge.labels += [way.label] if way.label else []
            edge.lit = edge.lit or (step.id, way.label) in taken
    order: list[str] = []
    inside: set[str] = set()
    for first in (flow.start, *steps):
        trail = [(first, iter(steps[first].exits))] if first not in order else []
        order += [first] if trail else []
        inside |= {first} if trail else set()
        while trail:
            name, ways = trail[-1]
            there = next((way.go for way in ways), None)
            if there is None:
                inside.discard(trail.pop()[0])
            elif there in inside:
                joined[name, there].back = True
            elif there not in order:
                order.append(there)
                inside.add(there)
                trail.append((there, iter(steps[there].exits)))
    return list(joined.values()), order


def _layers(order: Sequence[str], edges: Iterable[_Edge]) -> Mapping[str, int]:
    """Each step one layer below the lowest that leads to it, lines that lead back left aside."""
    forward = [edge for edge in edges if not edge.back]
    layers = dict.fromkeys(order, 0)
    for _ in order:
        moved = False
        for edge in forward:
            if layers[edge.target] <= layers[edge.source]:
                layers[edge.target], moved = layers[edge.source] + 1, True
        if not moved:
            break
    return layers


def _bend(edge: _Edge, spots: Mapping[str, _Spot], rows: Sequence[list[_Spot]]) -> None:
    """A bend in each layer between the ends of a line."""
    upper, lower = (edge.target, edge.source) if edge.back else (edge.source, edge.target)
    if upper == lower:
        return
    bends = [_Spot(n, lit=edge.lit and not edge.back) for n in range(spots[upper].layer + 1, spots[lower].layer)]
    edge.spots = [spots[upper], *bends, spots[lower]]
    for bend in bends:
        rows[bend.layer].append(bend)
    for above, below in pairwise(edge.spots):
        above.below.append(below)
        below.above.append(above)


def _arrange(rows: Sequence[list[_Spot]]) -> None:
    """Order within the layers, then places from the left: each near its neighbours, none on another."""
    for row in rows:
        row.sort(key=lambda spot: not spot.lit)
        _place(row, [float(n) * (WIDTH + _GAP_X) for n in range(len(row))])
    for turn in range(_ROUNDS):
        down = turn % 2 == 0
        for row in rows if down else reversed(rows):
            near = {id(spot): _middle(spot.above if down else spot.below, spot.x) for spot in row}
            row.sort(key=lambda spot: (not spot.lit, near[id(spot)]))
            _place(row, [near[id(spot)] for spot in row])


def _middle(others: Sequence[_Spot], usual: float) -> float:
    return median(other.x for other in others) if others else usual


def _place(row: Sequence[_Spot], wanted: Sequence[float]) -> None:
    """As near to the wanted places as the room allows: halfway between what pushing right and pushing left give."""
    apart = [(a.width + b.width) / 2 + _GAP_X for a, b in pairwise(row)]
    right, left = list(wanted), list(wanted)
    for n, room in enumerate(apart):
        right[n + 1] = max(right[n + 1], right[n] + room)
    for n in range(len(apart) - 1, -1, -1):
        left[n] = min(left[n], left[n + 1] - apart[n])
    least = 0.0
    for n, spot in enumerate(row):
        spot.x = max(least, 0.0 if spot.lit else (right[n] + left[n]) / 2)
        least = spot.x + apart[n] if n < len(apart) else least


def _line(edge: _Edge, heights: Mapping[str, float], tops: Sequence[float], tall: Sequence[float]) -> Line:
    """Down from box to box, straight through the layers between; a line back is drawn the other way round."""
    label = " / ".join(edge.labels)
    short = label if _size(label) <= _LABEL else _cut(label, _LABEL)
    failed = edge.labels == [FAILED]
    if not edge.spots:
        return Line("", short, label, 0, 0, edge.lit, failed, edge.back)
    first, *others = edge.spots
    aside = WIDTH / 4 if edge.back else 0.0  # so that it does not meet the lines that run down
    here = (first.x + aside, tops[first.layer] + heights[edge.target if edge.back else edge.source])
    parts, labels = [f"M{here[0]:.1f} {here[1]:.1f}"], []
    for spot in others:
        x, top = spot.x + (aside if spot is others[-1] else 0.0), tops[spot.layer]
        middle = (here[1] + top) / 2
        parts.append(f"C{here[0]:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {top:.1f}")
        on = (0.73, 0.62) if abs(x - here[0]) > _BEND and not edge.back else (0.5, 0.5)  # a place on the curve
        labels.append((here[0] + on[0] * (x - here[0]), here[1] + on[1] * (top - here[1]) + 4))
        here = (x, top)
        if spot is not others[-1]:
            here = (spot.x, top + tall[spot.layer])
            parts.append(f"L{here[0]:.1f} {here[1]:.1f}")
    x, y = labels[-1 if edge.back else 0]  # near the step that it leads from
    return Line("".join(parts), short, label, x, y, edge.lit, failed, edge.back)


# words


def _words(step: Step, flow: Flow) -> str:
    match step:
        case Say():
            return step.text
        case Ask():
            return step.text or ", ".join(_named(step.slots, flow))
        case CallTool():
            return step.tool
        case Branch():
            return ", ".join(_named(step.needs, flow)) + "?"
        case End():
            return step.outcome
        case Handoff():
            return step.reason
    raise AssertionError(step)


def _named(slots: Iterable[str], flow: Flow) -> Iterable[str]:
    """Slots in the words that the flow has for them."""
    return (flow.slots[slot].about or slot if slot in flow.slots else slot for slot in slots)


def _size(text: str) -> int:
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)


def _cut(text: str, room: int) -> str:
    """As much as fits, with a sign that there is more."""
    while _size(text) > room - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _wrapped(text: str) -> list[str]:
    """Lines that fit into a box: words whole where they can be, Chinese anywhere."""
    lines = [""]
    for word in _pieces(" ".join(text.split())):
        if _size((lines[-1] + word).rstrip()) > _FITS and lines[-1]:
            lines.append("")
        lines[-1] += word if lines[-1] else word.lstrip()
        while _size(lines[-1].rstrip()) > _FITS:
            whole = lines[-1]
            while _size(lines[-1]) > _FITS:
                lines[-1] = lines[-1][:-1]
            lines.append(whole[len(lines[-1]) :])
    lines = [line.rstrip() for line in lines]
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], _cut(lines[_LINES - 1] + "  ", _FITS)]
    return lines


def _pieces(text: str) -> list[str]:
    """Words with the blank before them, single Chinese characters with what closes them."""
    pieces = [""]
    for sign in text:
        if sign in _CLOSING:
            pass
        elif ord(sign) > 0x2E7F or (pieces[-1] and (pieces[-1][-1] == " " or ord(pieces[-1][-1]) > 0x2E7F)):
            pieces.append("")
        pieces[-1] += sign
    return pieces


__all__ = ["Box", "Drawing", "Line", "draw"]
