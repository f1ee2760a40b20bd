"""sayings.yaml: read where it names what exists; each fault with its line and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from manyshot.errors import SpecError
from manyshot.spec.check import check
from manyshot.spec.load import load_flows, load_sayings
from tests.dialogue.inn import inn_folder

GOOD = """table:
  opening:
    - says: ["a table for {day}, please", I need a table]
  ask_other:
    - when: {agreed: no}
      says: [that is the only day I have]
cancel: {}
"""


def _sayings(folder: Path, text: str) -> None:
    inn_folder(folder).write("sayings.yaml", text)


def test_sayings_are_read_by_place(tmp_path: Path) -> None:
    _sayings(tmp_path, GOOD)
    opening, other = load_sayings(tmp_path, load_flows(tmp_path))
    assert (opening.flow, opening.at, len(opening.says)) == ("table", "", 2)
    assert (other.at, other.when) == ("ask_other", {"agreed": "no"})
    assert check(tmp_path).counts["sayings"] == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table:", "tabel:", r'sayings.yaml:1: "tabel" names no flow; did you mean "table"'),
        ("ask_other:", "ask_othr:", r'sayings.yaml:4: "ask_othr" is no question of table'),
        ("agreed: no", "agreed: maybe", r'sayings.yaml:5: "maybe" is no value of agreed; choose from "yes", "no"'),
        ("agreed: no", "greed: no", r'sayings.yaml:5: "greed" is no slot of table'),
        ("agreed: no", "day: monday", r'"day" has no list of values'),
        ("{day}", "{date}", r'sayings.yaml:3: "{date}" is no slot of table'),
        ("says: [that is the only day I have]", "say: [no]", 'unknown key "say"'),
        ("[that is the only day I have]", "no way", "wanted says as a list"),
        ("cancel: {}", "cancel: [x]", "wanted question: "),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    _sayings(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SpecError) as error:
        load_sayings(tmp_path, load_flows(tmp_path))
    assert re.search(message, str(error.value)), str(error.value)
