"""Problems in the expert's own language: every lie that the replay finds is told in Chinese, with its values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from manyshot.approving.telling import changed, told
from manyshot.dialogue.company import Company
from tests.dialogue.inn import inn
from tests.dialogue.test_replay import FAILING, GOOD, LIES, played

MORE = [
    (GOOD, "2024-10-15 please", "2024-10-15 please, on the 16th"),
    (GOOD, "Sorry, we are full", "Sorry, B777777 is full"),
    (GOOD, '{"id": "B100002"}\n\n', "\n\n**Observation**: again\n\n"),
    (GOOD, '`Book{"guest":"Ann Lee","day":"2024-10-15","guests":4}`\n', ""),
    (GOOD, '**Observation**: {"id": "B100002"}\n', ""),
    (GOOD, "expected: ", 'expected: {"created": [{"table": "rooms"}]}\nauthor: '),
    (FAILING, "Hand over to a person: the system is down.\nI am putting you through to a colleague.", "Say bye.\nBye."),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return inn(Path(tmp_path_factory.mktemp("inn")))


@pytest.mark.parametrize(("text", "true", "lie"), [*((GOOD, *lie[:2]) for lie in LIES), *MORE])
def test_every_lie_is_told_in_chinese(text: str, true: str, lie: str, house: Company) -> None:
    assert true in text
    for problem in played(text.replace(true, lie, 1), house).problems:
        said = told(problem.message, "zh")
        assert re.search("[\u4e00-\u9fff]", said), problem.message
        assert "manyshot" not in said + told(problem.message, "en")
        numbers = re.findall(r"B\d{6}", problem.message)
        assert re.findall(r"B\d{6}", said) == numbers


def test_changes_are_told_too_and_what_nobody_translated_stays() -> None:
    assert changed("bookings: created id = B1", "zh") == "bookings：新增 id = B1"
    assert changed("bookings: created id = B1", "en") == "bookings: created id = B1"
    assert (
        told("Book.guests: wanted maximum 20, found 40", "zh")
        == "Book.guests 不合接口的规定：要求 不超过 20，现在是 40"
    )
    assert told("something new", "zh") == "something new"
