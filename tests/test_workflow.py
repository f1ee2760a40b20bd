"""The fixed workflow: what it hears fills the flow's slots, and what it cannot read ends with a person."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from manyshot.errors import SpecError
from manyshot.shotbook import open_book
from manyshot.types import Setup
from manyshot.workflow import FILE, Workflow, read_rules
from manyshot.world.opening import opener
from tests.shared import __file__ as _here

DESK = Path(_here).parents[1] / "src" / "manyshot" / "domains" / "ticket_desk"


def begun() -> Workflow:
    desk = open_book(DESK, partial(opener, trust=True)).company
    return Workflow(desk, read_rules(DESK), desk.open(Setup()))


def test_a_ticket_is_cancelled_only_when_the_customer_is_sure() -> None:
    for answer, cancelled in (("家里没人，确定", True), ("家里没人，算了先不取消", False)):
        one = begun()
        one.hear("CHB20241003006 帮我撤销")
        one.hear(answer)
        assert any(turn.call and turn.call.name == "TicketCancel" for turn in one.turns) is cancelled
        assert one.over == "ended"


def test_what_it_cannot_read_is_asked_again_and_then_goes_to_a_person() -> None:
    one = begun()
    one.hear("查一下进度")
    for _ in range(3):
        one.hear("呃")
    assert one.over == "handoff"
    assert not any(turn.call for turn in one.turns)


@pytest.mark.parametrize("text", ["[flows]\na = '('\n", "[words]\n", "flows"])
def test_rules_that_cannot_be_read_name_their_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="there is none"):
        read_rules(tmp_path)
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(SpecError, match=FILE):
        read_rules(tmp_path)
