"""Conversations of a scripted customer with an assistant, and what is said of them: only what happened counts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.agent import Agent
from manyshot.errors import DataError, ModelError, SpecError, WorldError
from manyshot.progress import Silent
from manyshot.protocols import World
from manyshot.scenario.customer import Customer, words_of_keys
from manyshot.scenario.play import TURNS, Stage, pass_power, play
from manyshot.simulate import simulate, told
from manyshot.spec.load import load_domain, load_flows, load_scenarios
from manyshot.spec.scenarios import misplaced
from manyshot.transcript import Thought
from manyshot.types import Json, Scenario, Setup
from tests.dialogue.inn import Inn, inn_folder
from tests.test_agent import BOOK, GIVE_UP, LOOK, TELL, Acting, Script

GOOD: Json = {
    "id": "evening",
    "flow": "table",
    "opening": "A table for 2024-10-15, please",
    "profile": {"guest": "Ann Lee", "guests": 2, "day": "2024-10-15"},
    "expected": {
        "created": [{"table": "bookings", "guest": ["Ann Lee"], "guests": [2]}],
        "must_call": ["FreeTables", "Book"],
        "reply_must_mention": ["B100002"],
    },
    "forbidden": [{"kind": "call", "name": "Cancel"}, {"kind": "call_before", "name": "Book", "before": "FreeTables"}],
}
WHO = Thought("Who?", "Ask for name and number.", "reply", "What is the name of the guest, and how many guests?")
CANCEL = Thought("t", 'Cancel{"id":"B100001"}', "call")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("inn") / "inn"
    inn_folder(folder)
    return Stage("en", load_flows(folder), load_domain(folder).tools, Inn)


def assistant(*thoughts: Thought) -> Callable[[World, int], Agent]:
    return lambda world, _: Agent(Script(thoughts), Acting(), world, "en")


def played(stage: Stage, scenario: Json, *thoughts: Thought) -> Json:
    return play(Scenario.model_validate(scenario), stage, assistant(*thoughts))


def test_a_good_conversation_passes_and_its_row_tells_all(stage: Stage) -> None:
    row = played(stage, GOOD, LOOK, WHO, BOOK, TELL)
    assert (row["pass"], row["violations"], row["handoff"], row["turns"]) == (True, [], False, 2)
    assert row["final_state"]["created"][0]["id"] == ["B100002"]
    said = [turn["text"] for turn in row["dialogue"] if turn["role"] == "user"]
    assert said == ["A table for 2024-10-15, please", "Ann Lee, 2"]
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize(
    ("change", "thoughts", "violation"),
    [
        ({}, [TELL], "expected created"),
        ({}, [LOOK, WHO, GIVE_UP], "handed over to a person, which was not due"),
        ({"expected": {"handoff": True}}, [TELL], "not handed over to a person, which was due"),
        ({"expected": {}}, [LOOK, WHO, BOOK, TELL], "not expected: bookings: created"),
        ({"opening": "Cancel B100001, please"}, [CANCEL, TELL], "called Cancel, which is forbidden"),
        ({}, [BOOK, TELL], "called Book before FreeTables"),
        (
            {"forbidden": [{"kind": "say", "words": ["your Number is"]}]},
            [LOOK, WHO, BOOK, TELL],
            "said your Number is, which is forbidden",
        ),
        ({"expected": {"must_call": ["Cancel"]}}, [TELL], "Cancel was not called"),
        (
            {"expected": {"must_call": ["Book", "FreeTables"]}},
            [LOOK, WHO, BOOK, TELL],
            "FreeTables was not called in its",
        ),
        (
            {"expected": {"reply_must_mention": [["tomorrow", "Friday"]]}},
            [TELL],
            "no reply mentions tomorrow or Friday",
        ),
        ({"faults": [{"call": "FreeTables", "kind": "error"}]}, [LOOK, BOOK, TELL], "called Book before FreeTables"),
    ],
)
def test_what_is_wrong_is_named(stage: Stage, change: Json, thoughts: list[Thought], violation: str) -> None:
    opening = {"opening": f"{GOOD['opening']}; Ann Lee, two. About B100002"}
    row = played(stage, {**GOOD, **opening, **change}, *thoughts)
    assert not row["pass"]
    assert any(said.startswith(violation) for said in row["violations"]), row["violations"]


def test_a_call_may_wait_for_what_the_customer_tells(stage: Stage) -> None:
    forbidden = {"forbidden": [{"kind": "call_before", "name": "Book", "before": "guest"}]}
    assert played(stage, {**GOOD, **forbidden}, LOOK, WHO, BOOK, TELL)["pass"]
    early = played(stage, {**GOOD, **forbidden}, LOOK, BOOK, TELL)
    assert early["violations"] == ["called Book before guest"]


def test_a_handoff_that_is_due_passes(stage: Stage) -> None:
    due = {**GOOD, "expected": {"handoff": True}, "faults": [{"call": "FreeTables", "kind": "timeout"}]}
    assert played(stage, due, LOOK, GIVE_UP)["pass"]


def test_a_customer_tires_of_an_assistant_that_asks_for_ever(stage: Stage) -> None:
    for reply in ("What is the name of the guest?", "Hm.", "Which colour?"):
        row = played(stage, GOOD, Thought("t", "Ask.", "reply", reply))
        assert not row["pass"]
        assert row["turns"] < TURNS


def test_a_world_that_cannot_be_set_up_is_a_failure_with_its_reason(stage: Stage) -> None:
    def broken(_: Setup) -> World:
        raise WorldError("there is no table of cakes")

    row = play(Scenario.model_validate(GOOD), Stage("en", stage.flows, stage.tools, broken), assistant(TELL))
    assert (row["pass"], row["violations"]) == (False, ["there is no table of cakes"])


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=5))
def test_pass_power_is_the_chance_that_k_trials_pass(outcomes: list[list[bool]]) -> None:
    rows = [{"id": str(n), "pass": one} for n, trials in enumerate(outcomes) for one in trials]
    found = pass_power(rows, 3)
    assert found[1][0] == pytest.approx(sum(map(sum, outcomes)) / (3 * len(outcomes)))
    assert found[3][0] == pytest.approx(sum(all(one) for one in outcomes) / len(outcomes))
    assert found[1][0] >= found[2][0] >= found[3][0]
    assert math.isclose(found[2][0], sum(sum(one) * (sum(one) - 1) / 6 for one in outcomes) / len(outcomes))


# -- the file of rows ----------------------------------------------------------------------------------


def _scenarios(count: int) -> list[Scenario]:
    return [Scenario.model_validate({**GOOD, "id": f"s{n}"}) for n in range(count)]


class Dying:
    """Opens assistants; the nth of them breaks as a killed process would."""

    def __init__(self, dies_at: int, *thoughts: Thought) -> None:
        self.opened, self._dies_at, self._thoughts = 0, dies_at, thoughts

    def __call__(self, world: World, trial: int) -> Agent:
        self.opened += 1
        if self.opened == self._dies_at:
            raise ModelError("gone")
        return assistant(*self._thoughts)(world, trial)


def test_a_stopped_simulation_goes_on_and_appears_when_it_is_whole(stage: Stage, tmp_path: Path) -> None:
    out, good = tmp_path / "new" / "rows.jsonl", (LOOK, WHO, BOOK, TELL)

    def run(opens: Dying, key: str = "tuned") -> list[Json]:
        return simulate(_scenarios(3), stage, opens, out, Silent(), trials=2, key=key)

    with pytest.raises(ModelError):
        run(Dying(5, *good))
    assert not out.exists()
    later = Dying(0, *good)
    rows = run(later)
    assert later.opened == 2
    assert [(row["id"], row["trial"]) for row in rows] == [(f"s{n}", trial) for trial in (0, 1) for n in range(3)]
    assert [json.loads(text) for text in out.open(encoding="utf-8")] == rows
    assert [p.name for p in out.parent.iterdir()] == ["rows.jsonl"]
    assert told(rows, 2)[:2] == ["6 of 6 passed (100%, 95% 61%-100%)", "pass^1 100%, pass^2 100%"]
    with pytest.raises(DataError, match="is there already"):
        run(Dying(0, *good))


def test_rows_of_another_assistant_are_not_kept(stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    with pytest.raises(ModelError):
        simulate(_scenarios(2), stage, Dying(2, TELL), out, Silent(), trials=1, key="base")
    tuned = Dying(0, LOOK, WHO, BOOK, TELL)
    rows = simulate(_scenarios(2), stage, tuned, out, Silent(), trials=1, key="tuned")
    assert tuned.opened == 2
    assert all(row["pass"] for row in rows)


def test_failures_are_counted_by_reason(stage: Stage) -> None:
    rows = [played(stage, GOOD, TELL), played(stage, GOOD, GIVE_UP)]
    lines = told(rows, 1)
    assert lines[0].startswith("0 of 2 passed")
    assert any("FreeTables was not called" in text and text.split()[0] == "2" for text in lines)


# -- scenarios.jsonl -----------------------------------------------------------------------------------


def _read(folder: Path, rows: Sequence[Any]) -> tuple[Scenario, ...]:
    desk = inn_folder(folder)
    desk.rows("tests/scenarios.jsonl", list(rows))
    return load_scenarios(folder / "tests" / "scenarios.jsonl", folder)


def test_scenarios_are_read_with_their_world(tmp_path: Path) -> None:
    (one,) = _read(tmp_path / "inn", [{**GOOD, "world": {"bookings": []}, "seed": 3}])
    assert one.setup == Setup(rows={"bookings": []}, seed=3)
    assert one.source is not None
    assert (one.source.file, one.source.line) == ("scenarios.jsonl", 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"opening": " "}, "opening"),
        ({"flow": "tabel"}, 'unknown flow "tabel"; did you mean "table"'),
        ({"path": "table-1"}, 'unknown path "table-1"'),
        ({"expected": {"must_call": ["Bok"]}}, 'unknown tool "Bok"; did you mean "Book"'),
        ({"forbidden": [{"kind": "say"}]}, 'wanted "words"'),
        ({"forbidden": [{"kind": "call"}]}, 'wanted the "name"'),
        ({"forbidden": [{"kind": "call_before", "name": "Book"}]}, 'wanted "before"'),
        ({"faults": [{"call": "Book", "kind": "fire"}]}, "kind"),
        ({"expected": {"created": [{"guest": ["x"]}]}}, "wanted a row as"),
        ({"goals": "x"}, "goals"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, change: Json, said: str) -> None:
    with pytest.raises(SpecError) as error:
        _read(tmp_path / "inn", [GOOD, {**GOOD, "id": "two", **change}])
    assert "scenarios.jsonl:2" in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"table": "bookings", "guest": ["x"]}, []),
        ({"table": "empty", "anything": ["x"]}, []),
        ({"table": "booking"}, ['expected: unknown table "booking"; did you mean "bookings"']),
        (
            {"table": "bookings", "gest": ["x"]},
            ['expected: the table bookings has no field "gest"; did you mean "guest"'],
        ),
    ],
)
def test_expected_rows_stand_in_tables_and_fields_that_exist(row: Json, said: list[str]) -> None:
    one = Scenario.model_validate({**GOOD, "expected": {"changed": [row]}})
    found = list(misplaced(one, {"bookings": [{"id": "B1", "guest": "Ann"}], "empty": []}))
    assert [message.removesuffix("?") for message in found] == said


def test_two_scenarios_with_one_id_and_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"scenarios.jsonl:2: .*stands already on line 1"):
        _read(tmp_path / "a", [GOOD, GOOD])
    with pytest.raises(SpecError, match="found none"):
        _read(tmp_path / "b", [])
    with pytest.raises(SpecError, match="there is none"):
        load_scenarios(tmp_path / "c.jsonl", tmp_path / "a")


def test_asking_beside_the_point_gets_no_profile(stage: Stage) -> None:
    row = played(stage, GOOD, Thought("t", "Ask.", "reply", "Fine weather today."), TELL)
    said = [turn["text"] for turn in row["dialogue"] if turn["role"] == "user"]
    assert said[1] == "That's all, thank you"


@pytest.mark.parametrize(
    ("opening", "value", "told"),
    [
        ("A table for 2024-10-15", 2, False),
        ("A table for 2, please", 2, True),
        ("请查CHB20240930009", "4", False),
        ("打4分", "4分", True),
        ("单号 chb 20240930009", "CHB20240930009", True),
        ("I am ann  lee", "Ann Lee", True),
        ("I am Annabel", "Ann", False),
        ("anything", "", False),
    ],
)
def test_an_opening_tells_a_value_only_where_it_says_it(stage: Stage, opening: str, value: Any, told: bool) -> None:
    scenario = Scenario(id="s", opening=opening, profile={"guests": value, "day": "2024-12-24"})
    one = Customer(scenario, "en", words_of_keys(scenario, stage.flows, stage.tools))
    one.open()
    answer = one.answer("How many guests, and for which day?", over=False)
    assert answer == ("2024-12-24" if told else f"{value}, 2024-12-24")
