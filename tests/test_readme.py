"""The tree that the READMEs show is the tree that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_every_place_in_the_tree_exists(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    tree = next(block for block in text.split("```")[1::2] if "src/manyshot/\n" in block).strip()
    places, inside = [], Path()
    for line in tree.splitlines():
        words = re.match(r"((?:[\w./]+\s?)+)", line.strip())
        assert words, line
        if not line.startswith(" "):
            inside = Path()
        places += [inside / word for word in words.group(1).split() if re.fullmatch(r"[\w/]+/|\w+\.py", word)]
        if line.rstrip().endswith("manyshot/"):
            inside = places[-1]
    assert len(places) > 15
    assert not [str(place) for place in places if not (ROOT / place).exists()]
