"""Paths as lines to be read in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from manyshot.flow.paths import Path, PathStep
from manyshot.flow.steps import ELSE

#: Words of a step that are shown; a path is to be recognised, not read out.
_WIDTH = 40


def listing(found: Sequence[Path]) -> str:
    """One paragraph a path: its id, then its steps; no line break at the end."""
    return "\n".join(line for path in found for line in _lines(path))


def _lines(path: Path) -> list[str]:
    more = f"  ({len(path.walks)} ways)" if len(path.walks) > 1 else ""
    return [f"{path.id}{more}", *(f"  {_what(step):8} {_cut(step.words)}" for step in path.steps), ""]


def _what(step: PathStep) -> str:
    return step.kind if step.kind != "branch" else "" if step.words == ELSE else "if"


def _cut(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."
