"""The smallest domain that is sound, and ways to break it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOML = 'name = "desk"\nlanguage = "en"\ntoday = 2024-10-10\n'
BOOK: dict[str, Any] = {
    "name": "Book",
    "description": "Books a table.",
    "parameters": {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "guests": {"type": "integer", "minimum": 1, "maximum": 20},
            "area": {"type": "string", "enum": ["inside", "terrace"]},
            "wine": {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]},
        },
        "required": ["day", "guests"],
    },
}
CANCEL: dict[str, Any] = {
    "name": "Cancel",
    "description": "Cancels a booking.",
    "parameters": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^B\\d{3}$"},
            "fee": {"type": "number", "default": 0},
        },
        "required": ["id", "fee"],
    },
}
SHOT: dict[str, Any] = {
    "action": "For 2 on 2024-10-11.",
    "call": {"name": "Book", "arguments": {"day": "2024-10-11", "guests": 2}},
}


class Desk:
    """A domain folder whose files a test rewrites."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("domain.toml", TOML)
        self.tools([BOOK, CANCEL])
        self.shots([SHOT])

    def write(self, file: str, text: str | bytes) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def tools(self, tools: list[Any]) -> None:
        self.write("tools.json", json.dumps([{"type": "function", "function": t} for t in tools], indent=1))

    def rows(self, file: str, rows: list[Any]) -> None:
        self.write(file, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))

    def shots(self, rows: list[Any]) -> None:
        self.rows("shots/calls.jsonl", rows)

    def tests(self, rows: list[Any]) -> None:
        self.rows("tests/calls.jsonl", rows)

    def line_of(self, file: str, text: str) -> int:
        """The first line that holds a text, counted from 1."""
        lines = (self.folder / file).read_text(encoding="utf-8").split("\n")
        return next(n for n, line in enumerate(lines, 1) if text in line)
