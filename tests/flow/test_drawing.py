"""The picture of a flow: everything in it, nothing on top of anything, the way that is shown on the left."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from manyshot.config import find_domain
from manyshot.flow.drawing import WIDTH, Drawing, draw
from manyshot.flow.paths import paths
from manyshot.flow.steps import Flow
from manyshot.spec.load import load_flows

FLOWS = load_flows(find_domain("ticket_desk"))


def overlaps(drawing: Drawing) -> list[str]:
    return [
        f"{one.step.id} {other.step.id}"
        for one, other in combinations(drawing.boxes, 2)
        if abs(one.x - other.x) < WIDTH and one.y < other.y + other.height and other.y < one.y + one.height
    ]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_path_is_drawn_whole_and_straight_down(flow: Flow) -> None:
    for path in paths(flow):
        walk = path.walks[0]
        drawn = draw(flow, walk)
        assert {box.step.id for box in drawn.boxes} == {step.id for step in flow.steps}
        assert {box.step.id for box in drawn.boxes if box.lit} == {step.id for step in walk.steps}
        assert sum(line.lit for line in drawn.lines) == len(set(pairwise(step.id for step in walk.steps)))
        assert overlaps(drawn) == []
        assert all(box.x + WIDTH / 2 <= drawn.width and box.y + box.height <= drawn.height for box in drawn.boxes)
        if len({step.id for step in walk.steps}) == len(walk.steps):
            assert len({box.x for box in drawn.boxes if box.lit}) == 1
            assert min(box.x for box in drawn.boxes) == next(box.x for box in drawn.boxes if box.lit)


def test_lines_of_loops_are_marked_and_all_others_run_down() -> None:
    back = {flow.name: sum(line.back for line in draw(flow).lines) for flow in FLOWS}
    assert back["progress_query"] == 1
    for line in (line for flow in FLOWS for line in draw(flow).lines):
        heights = [float(number) for number in re.findall(r"[\d.]+", line.d)][1::2]
        assert heights == sorted(heights)
        assert heights[0] < heights[-1]


def test_long_words_are_cut_and_kept_whole_beside() -> None:
    words = {box.words: box.lines for flow in FLOWS for box in draw(flow).boxes}
    assert all(1 <= len(lines) <= 3 for lines in words.values())
    assert any(lines[-1].endswith("…") for lines in words.values())
    assert not any(line[:1] in "，。？" for lines in words.values() for line in lines[1:])
