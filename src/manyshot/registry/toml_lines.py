"""Lines of a TOML file's tables and keys, for messages; the standard parser tells none."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEADING = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_KEY = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_PART = re.compile(_KEY)
_SET = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")
_INLINE = re.compile(rf"[{{,]\s*({_KEY})\s*=")


class TomlLines:
    """Which line a table or a key stands on."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, row in enumerate(text.split("\n"), 1):
            if found := _HEADING.match(row):
                table = tuple(_parts(found[1]))
                self._lines.setdefault(table, number)
            elif found := _SET.match(row):
                key = (*table, *_parts(found[1]))
                self._lines.setdefault(key, number)
                for inner in _INLINE.findall(row[found.end() :]):
                    self._lines.setdefault((*key, *_parts(inner)), number)

    def line(self, *path: str) -> int:
        """Line of the key at a path, or of the nearest table around it; 1 where none is."""
        for end in range(len(path), 0, -1):
            if (found := self._lines.get(path[:end])) is not None:
                return found
        return 1


def _parts(text: str) -> Iterator[str]:
    for word in _PART.findall(text):
        yield word[1:-1] if word[0] in "\"'" else word
