"""A page that shows any sample of a data set as it is rendered, with its loss mask. One rule: the page is one file
that needs nothing else, and what stands in the data is only ever text on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from manyshot.dataset.spans import Span
from manyshot.records import write_aside
from manyshot.types import Json


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample on the page. `about`: names and values of what is known of it; `unit`: its path or tool."""

    id: str
    place: str
    unit: str
    about: dict[str, str]
    spans: list[Span]


def write_page(out: Path, title: str, samples: Iterable[Shown], prefix: str = "", report: Json | None = None) -> int:
    """Write the page; returns how many samples it has. prefix: what all samples begin with. Raises DataError."""
    rows = [_row(one) for one in samples]
    data = {"title": title, "prefix": prefix, "report": report, "samples": rows}
    # in a script element only "<" could end what is data
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    folder = files("manyshot.dataset") / "templates"
    page = (folder / "page.html").read_text("utf-8")
    parts = {"/*style*/": "page.css", "/*script*/": "page.js"}
    for mark, name in parts.items():
        page = page.replace(mark, (folder / name).read_text("utf-8"), 1)
    with write_aside(out) as stream:
        stream.write(page.replace("/*data*/", text.encode("utf-8", "replace").decode(), 1))
    return len(rows)


def _row(one: Shown) -> Json:
    return {
        "id": one.id,
        "place": one.place,
        "unit": one.unit,
        "about": one.about,
        "spans": [
            {"kind": s.kind, "text": s.text, "loss": s.loss, "tokens": s.tokens, "pieces": list(s.pieces)}
            for s in one.spans
        ],
    }
