"""An approval is for one text: an edit, however small, takes it away."""

from __future__ import annotations

from datetime import UTC, datetime

from manyshot.dialogue.approval import approved, fingerprint, state
from manyshot.dialogue.markdown import parse
from manyshot.dialogue.writing import write
from manyshot.types import Approval, Trajectory, Verdict

TEXT = "## a\nflow: table\n\n**User**: hello there\n\n**Action**: greet\nGood evening.\n"


def shot(text: str = TEXT) -> Trajectory:
    (one,), problems = parse(text, "shots/a.md")
    assert problems == []
    return one


def said(one: Trajectory, verdict: Verdict = "approved") -> Approval:
    return Approval(
        shot=one.id, verdict=verdict, by="Li", when=datetime(2024, 10, 10, tzinfo=UTC), text=fingerprint(one)
    )


def test_nobody_said_anything() -> None:
    assert state(shot(), []) == "draft"
    assert state(shot(), [said(shot(TEXT.replace("## a", "## b")))]) == "draft"


def test_an_approved_shot_is_used_until_it_is_edited() -> None:
    one = shot()
    assert approved([one], [said(one)]) == [one]
    for edited in (
        TEXT.replace("hello", "hallo"),
        TEXT.replace("flow: table", "flow: other"),
        TEXT.replace("greet", "Greet"),
    ):
        assert state(shot(edited), [said(one)]) == "edited"
        assert approved([shot(edited)], [said(one)]) == []


def test_layout_and_place_do_not_count() -> None:
    moved = "# title\n\n" + TEXT.replace("**User**: hello", "\n**用户**：hello")
    assert fingerprint(shot(moved)) == fingerprint(shot())
    assert fingerprint(shot(write([shot()]))) == fingerprint(shot())


def test_the_last_word_counts_and_an_edit_taken_back_is_approved_again() -> None:
    one, other = shot(), shot(TEXT.replace("hello", "hallo"))
    assert state(one, [said(one), said(one, "rejected")]) == "rejected"
    assert state(one, [said(one, "rejected"), said(one)]) == "approved"
    assert state(one, [said(one), said(other)]) == "approved"
