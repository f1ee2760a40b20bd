"""An ask-back shot that names no tool -> which tool was meant, and what was said already.

The one rule: nothing is guessed. A tool counts when all its required fields but the asked ones are read from the words;
between several, only clearly nearer shots decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rapidfuzz import fuzz

from manyshot.data.slots import Path, ToolSlots, nest, resolve
from manyshot.types import Json, Shot
from manyshot.values import Kind
from manyshot.values.text import Span

#: How near (of 100) the nearest shot of a tool must be, and by how much nearer than another tool's.
NEAR, MARGIN = 50.0, 5.0


def meant(shot: Shot, tools: Sequence[ToolSlots], shots: Sequence[Shot]) -> tuple[ToolSlots, Json] | None:
    """The tool that an ask-back is about and the words of what it says (nested); None when that is not clear."""
    asked = set(shot.ask)
    found = []
    for tool in tools:
        required = {s.name for s in tool.required}
        if not asked <= required:
            continue
        said = _said(shot.action, tool, asked)
        if required - asked <= {path[-1] for path in said}:
            found.append((_nearness(shot.action, tool, shots), tool, said))
    found.sort(key=lambda f: -f[0])
    if not found or (len(found) > 1 and (found[0][0] < NEAR or found[0][0] - found[1][0] < MARGIN)):
        return None
    _, tool, said = found[0]
    return tool, nest(said, tool.slots)


def _said(action: str, tool: ToolSlots, asked: set[str]) -> dict[Path, Any]:
    """Words of the fields that stand in the action just once and in no longer words of another field."""
    spans = {s.path: s.field.spot(action) for s in tool.slots if s.name not in asked}
    out: dict[Path, Any] = {}
    for slot in tool.slots:
        mine = [s for s in spans.get(slot.path, ()) if not _inside_another(s, slot.path, spans)]
        if len(mine) == 1:
            with suppress(ValueError):
                value = resolve(slot, mine[0].surface)
                out[slot.path] = value if slot.field.kind is Kind.ENUM else mine[0].surface
    return out


def _inside_another(span: Span, path: Path, spans: dict[Path, list[Span]]) -> bool:
    """Whether another field reads the same words, or longer ones around them."""
    return any(
        other.start <= span.start and span.end <= other.end
        for key, found in spans.items()
        if key != path
        for other in found
    )


def _nearness(action: str, tool: ToolSlots, shots: Sequence[Shot]) -> float:
    """How like the tool's nearest shot the action is, 0 to 100."""
    own = (s.action for s in shots if s.call and s.call.name == tool.tool.name)
    return max((fuzz.ratio(action, text) for text in own), default=0.0)
