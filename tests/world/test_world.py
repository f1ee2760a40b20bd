"""Worlds: what is kept, refused, broken on purpose, and that all of it is the same in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import manyshot
from manyshot.cli import app
from manyshot.dialogue.sound import unsound
from manyshot.errors import WorldError
from manyshot.flow.steps import CallTool
from manyshot.spec.load import load_domain, load_flows
from manyshot.types import Call, CallFault, Json, Setup
from manyshot.world.opening import opener
from tests.spec.desk import Desk

TICKET_DESK = Path(manyshot.__file__).parent / "domains" / "ticket_desk"
ID = {"type": "string", "pattern": "^B\\d{6}$", "description": "number of the booking"}


def _tool(name: str, about: str, required: Json, **optional: Json) -> Json:
    parameters = {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }
    return {"name": name, "description": about, "parameters": parameters}


TOOLS = [
    _tool("BookRoom", "Books a room.", {"guest": {"type": "string"}, "nights": {"type": "integer", "minimum": 1}}),
    _tool("GetBooking", "Looks up a booking.", {"booking_id": ID}),
    _tool("ChangeBooking", "Changes a booking.", {"booking_id": ID}, nights={"type": "integer", "minimum": 1}),
    _tool("CancelBooking", "Cancels a booking.", {"booking_id": ID}),
    _tool("FindOffers", "Looks up offers.", {"day": {"type": "string", "format": "date"}}),
]


def _shot(action: str, tool: str, **arguments: Any) -> Json:
    return {"action": action, "call": {"name": tool, "arguments": arguments}}


SHOTS = [
    _shot("Book for Ann Lee, 2 nights.", "BookRoom", guest="Ann Lee", nights=2),
    _shot("Cancel B100001.", "CancelBooking", booking_id="B100001"),
    _shot("Show me B100002.", "GetBooking", booking_id="B100002"),
    _shot("Make B100002 3 nights.", "ChangeBooking", booking_id="B100002", nights=3),
    _shot("Offers on 2024-10-12?", "FindOffers", day="2024-10-12"),
]
FLOW = """about: offers
slots: {day: day, offers: rooms that are free}
steps:
  ask: {ask: day, text: Which day?, next: look}
  look: {call: FindOffers, with: {day: "{day}"}, fills: {offers: data.rooms}, next: any}
  any:
    branch:
      - if: offers is filled
        go: some
      - else: none
  some: {end: told}
  none: {end: nothing free}
"""


@pytest.fixture
def inn(tmp_path: Path) -> Path:
    desk = Desk(tmp_path)
    desk.tools(TOOLS)
    desk.shots(SHOTS)
    desk.write("flows/offers.yaml", FLOW)
    return tmp_path


def _open(folder: Path, trust: bool = False, **setup: Any) -> Any:
    return opener(load_domain(folder), load_flows(folder), trust=trust)(Setup(**setup))


def _call(name: str, **arguments: Any) -> Call:
    return Call(name=name, arguments=arguments)


def test_what_is_made_can_be_found_changed_and_closed_once(inn: Path) -> None:
    world = _open(inn)
    made = world.call(_call("BookRoom", guest="Bo", nights=2)).body["booking_id"]
    assert world.call(_call("GetBooking", booking_id=made)).body["guest"] == "Bo"
    world.call(_call("ChangeBooking", booking_id=made, nights=5))
    assert world.call(_call("GetBooking", booking_id=made)).body["nights"] == 5
    assert world.call(_call("CancelBooking", booking_id=made)).ok
    assert world.call(_call("CancelBooking", booking_id=made)).status == 409
    assert world.call(_call("ChangeBooking", booking_id=made, nights=1)).status == 409
    assert [row["state"] for row in world.state()["bookings"] if row["booking_id"] == made] == ["closed"]


def test_ids_that_shots_name_are_there_and_others_are_not(inn: Path) -> None:
    world = _open(inn)
    assert all(world.call(_call("GetBooking", booking_id=one)).ok for one in ("B100001", "B100002"))
    missing = world.call(_call("GetBooking", booking_id="B999999"))
    assert (missing.status, missing.body["field"]) == (404, "booking_id")


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (_call("BookRoom", guest="Bo"), "nights"),
        (_call("BookRoom", guest="Bo", nights=0), "nights"),
        (_call("GetBooking", booking_id="7"), "booking_id"),
        (_call("GetBooking", booking_id="B100001", colour="red"), None),
        (_call("Fly"), None),
    ],
)
def test_a_wrong_call_is_answered_with_its_field_and_changes_nothing(inn: Path, call: Call, field: str | None) -> None:
    world = _open(inn)
    before = world.digest()
    answer = world.call(call)
    assert answer.status in (404, 422)
    assert answer.body.get("field") == field
    assert world.digest() == before


def test_what_a_flow_reads_stands_in_the_answer_both_ways(inn: Path) -> None:
    world = _open(inn)
    days = [f"2024-10-{n}" for n in range(10, 30)]
    found = [world.call(_call("FindOffers", day=day)).body["data"]["rooms"] for day in days]
    assert {value is None for value in found} == {True, False}
    assert found == [world.call(_call("FindOffers", day=day)).body["data"]["rooms"] for day in days]


def test_rows_of_a_setup_take_the_place_of_the_usual_ones(inn: Path) -> None:
    world = _open(inn, rows={"bookings": [{"booking_id": "B777777", "guest": "Ida", "state": "open"}]})
    assert world.call(_call("GetBooking", booking_id="B777777")).body["guest"] == "Ida"
    assert world.call(_call("GetBooking", booking_id="B100001")).status == 404


@pytest.mark.parametrize(
    ("kind", "status"), [("timeout", 0), ("error", 503), ("refused", 422), ("garbage", 200), ("empty", 200)]
)
def test_a_fault_hits_the_nth_call_and_changes_nothing(inn: Path, kind: Any, status: int) -> None:
    world = _open(inn, faults=(CallFault(call="BookRoom", nth=2, kind=kind),))
    book = _call("BookRoom", guest="Bo", nights=2)
    assert world.call(book).body["booking_id"]
    before = world.digest()
    broken = world.call(book)
    assert broken.status == status
    assert world.digest() == before
    assert kind == "refused" or not isinstance(broken.body, dict) or "booking_id" not in broken.body
    assert world.call(book).body["booking_id"]


def test_a_fault_of_a_tool_that_is_none_is_told(inn: Path) -> None:
    with pytest.raises(WorldError, match="a fault of BookRom, which is no tool"):
        _open(inn, faults=(CallFault(call="BookRom", kind="error"),))


@pytest.mark.parametrize("kind", ["error", "timeout", "refused", "empty", "garbage"])
def test_a_fault_leaves_other_calls_and_later_ones_alone(kind: Any) -> None:
    world = _open(TICKET_DESK, faults=(CallFault(call="SearchSolution", nth=2, kind=kind),))
    plain = _open(TICKET_DESK)
    call, other = _call("SearchSolution", problem="充电桩跳闸"), _call("QueryTechnicianSlots", date="2024-10-11")
    for n, one in enumerate((call, other, call, other, call), 1):
        assert (world.call(one) == plain.call(one)) == (n != 3)
    assert world.reads("SearchSolution")
    assert not world.reads("TicketCreate")


def test_an_order_stands_beside_a_true_answer() -> None:
    call = _call("TicketQuery", ticketId="CHB20241008001")
    for made in (
        call,
        _call("TicketQuery", ticketId="CHB00000000000"),
        _call("QueryTechnicianSlots", date="2024-10-11"),
    ):
        world = _open(TICKET_DESK, faults=(CallFault(call=made.name, kind="injected"),))
        true, told = _open(TICKET_DESK).call(made), world.call(made)
        assert told.status == true.status
        assert {key: value for key, value in told.body.items() if key != "remark"} == true.body
        assert told.body["remark"]


@pytest.mark.parametrize("seed", range(12))
def test_an_impossible_answer_cannot_be_meant_and_changes_nothing(seed: int) -> None:
    calls = (
        _call("TicketQuery", ticketId="CHB20241008001"),
        _call("TicketQuery", ticketId="CHB00000000000"),
        _call("SearchSolution", problem="充电桩跳闸"),
        _call("QueryTechnicianSlots", date="2024-10-11"),
        _call("TicketCancel", ticketId="CHB20241008001"),
    )
    for call in calls:
        world = _open(TICKET_DESK, faults=(CallFault(call=call.name, kind="impossible"),), seed=seed)
        before = world.digest()
        told = world.call(call)
        assert told.ok
        assert unsound(call, told)
        assert world.digest() == before
        true = world.call(call)
        assert not unsound(call, true)


def test_an_empty_answer_has_the_form_of_a_true_one() -> None:
    world = _open(TICKET_DESK, faults=(CallFault(call="QueryTechnicianSlots", kind="empty"),))
    call = _call("QueryTechnicianSlots", date="2024-10-11")
    empty, true = world.call(call), world.call(call)
    assert empty.ok
    assert empty.body["slots"] == []
    assert empty.body.keys() == true.body.keys()


MINE = """
from manyshot.world import Desk, Refused, read, write
TABLES = "create table bookings (booking_id text primary key, guest text)"
def fill(desk):
    desk.insert("bookings", {"booking_id": "B100001", "guest": desk.random.choice(["Ann", "Bo"])})
@write
def BookRoom(desk, guest, nights):
    desk.insert("bookings", {"booking_id": "B2", "guest": guest})
    if nights > 10:
        raise Refused(409, "too long", "nights")
    return {"booking_id": "B2"}
@read
def GetBooking(desk, booking_id):
    return desk.row("select * from bookings where booking_id = ?", booking_id)["guest"]
@write
def ChangeBooking(desk, booking_id, nights=1):
    return {}
@write
def CancelBooking(desk, booking_id):
    return {}
@read
def FindOffers(desk, day):
    return {"rooms": []}
"""


def test_a_world_of_its_own_runs_only_when_trusted(inn: Path) -> None:
    (inn / "world.py").write_text(MINE, "utf-8")
    with pytest.raises(WorldError, match="--trust"):
        _open(inn)
    assert _open(inn, trust=True).call(_call("GetBooking", booking_id="B100001")).body in ("Ann", "Bo")


def test_a_refused_call_leaves_nothing_behind(inn: Path) -> None:
    (inn / "world.py").write_text(MINE, "utf-8")
    world = _open(inn, trust=True)
    before = world.digest()
    assert world.call(_call("BookRoom", guest="Bo", nights=11)).body == {"error": "too long", "field": "nights"}
    assert world.digest() == before


def test_an_error_in_world_py_is_named_with_its_line(inn: Path) -> None:
    (inn / "world.py").write_text(MINE, "utf-8")
    line = MINE[: MINE.index("    return desk.row")].count("\n") + 1
    with pytest.raises(WorldError, match=rf"world\.py:{line}: GetBooking failed"):
        _open(inn, trust=True).call(_call("GetBooking", booking_id="B424242"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("@read\ndef FindOffers", "def FindOffers", "@read or @write"),
        ("def FindOffers", "def FindOffer", "def FindOffers"),
        ("TABLES = ", "TABLE = ", "wanted TABLES"),
        ("create table", "create tabel", "cannot be filled"),
        ("def fill(desk):", "def fill(desk)", "world.py:4"),
        ('"guest": desk', '"name": desk', "cannot be filled"),
    ],
)
def test_a_world_py_that_is_none_is_refused_with_the_reason(inn: Path, old: str, new: str, said: str) -> None:
    (inn / "world.py").write_text(MINE.replace(old, new), "utf-8")
    with pytest.raises(WorldError, match=said):
        _open(inn, trust=True)


def test_rows_of_a_setup_must_fit_the_tables(inn: Path) -> None:
    (inn / "world.py").write_text(MINE, "utf-8")
    for rows, said in (({"rooms": []}, "no table"), ({"bookings": [{"colour": 1}]}, "cannot be added")):
        with pytest.raises(WorldError, match=said):
            _open(inn, trust=True, rows=rows)


def test_ticket_desk_answers_with_what_its_flows_read() -> None:
    world = _open(TICKET_DESK)
    state = world.state()
    ticket = next(row for row in state["tickets"] if row["status"] == "已派单")
    known: Json = {
        "ticketId": ticket["ticketId"],
        "problem": "充电桩跳闸",
        "date": "2024-10-25",
        "phone": state["customers"][0]["phone"],
        "userName": "王磊",
        "address": "望京西路50号",
        "serveTime": "2024-10-25 09:00",
    }
    steps = [s for flow in load_flows(TICKET_DESK) for s in flow.steps if isinstance(s, CallTool) and s.fills]
    assert len(steps) >= 5
    for step in steps:
        arguments = {key: known[str(slot).strip("{}")] for key, slot in step.arguments.items()}
        answer = world.call(Call(name=step.tool, arguments=arguments))
        assert answer.ok, answer
        assert set(step.fills.values()) <= answer.body.keys()


def test_a_slot_is_taken_by_tickets_and_freed_by_cancelling() -> None:
    world = _open(TICKET_DESK, rows={"tickets": [], "days_off": []})

    def create() -> Any:
        return world.call(
            _call("TicketCreate", userName="王磊", problem="跳闸", address="望京", serveTime="2024-10-11 09:00")
        )

    made = [create() for _ in range(4)]
    assert [one.status for one in made] == [200, 200, 200, 409]
    assert "2024-10-11 09:00" not in world.call(_call("QueryTechnicianSlots", date="2024-10-11")).body["slots"]
    world.call(_call("TicketCancel", ticketId=made[0].body["ticketId"]))
    assert create().ok
    assert world.call(_call("TicketCancel", ticketId=made[0].body["ticketId"])).status == 409


def test_a_new_ticket_never_takes_the_number_of_a_given_one() -> None:
    ticket = {
        "userName": "李娜",
        "problem": "离线",
        "address": "望京",
        "serveTime": "2024-10-11 09:00",
        "status": "处理中",
    }
    world = _open(TICKET_DESK, rows={"tickets": [{"ticketId": "CHB20241010007", **ticket}]})
    made = world.call(
        _call("TicketCreate", userName="王磊", problem="跳闸", address="望京", serveTime="2024-10-11 09:00")
    )
    assert made.body["ticketId"] == "CHB20241010008"


def test_a_ticket_moves_to_a_free_slot_only_and_frees_its_own() -> None:
    world = _open(TICKET_DESK, rows={"tickets": [], "days_off": []})
    slot, other = "2024-10-11 09:00", "2024-10-12 09:00"
    made = [
        world.call(_call("TicketCreate", userName="王磊", problem="跳闸", address="望京", serveTime=slot))
        for _ in range(3)
    ]
    ids = [one.body["ticketId"] for one in made]
    assert slot not in world.call(_call("QueryTechnicianSlots", date="2024-10-11")).body["slots"]
    assert world.call(_call("TicketReschedule", ticketId=ids[0], newTime=other)).ok
    assert slot in world.call(_call("QueryTechnicianSlots", date="2024-10-11")).body["slots"]
    refused = world.call(_call("TicketReschedule", ticketId=ids[1], newTime="2024-10-13 18:30"))  # a Sunday evening
    assert refused.status == 409
    for wrong in ("2024-10-09 09:00", "2024-13-01 09:00", "2024-10-12 03:00", "2025-10-12 09:00"):
        answer = world.call(_call("TicketReschedule", ticketId=ids[1], newTime=wrong))
        assert (answer.status, answer.body["field"]) == (422, "newTime")
    assert world.call(_call("TicketQuery", ticketId=ids[1])).body["serveTime"] == slot


def test_only_finished_tickets_are_rated_and_only_once() -> None:
    world = _open(TICKET_DESK)
    by_status = {row["status"]: row["ticketId"] for row in world.state()["tickets"]}
    assert world.call(_call("TicketRate", ticketId=by_status["处理中"], score=5)).status == 409
    assert world.call(_call("TicketRate", ticketId=by_status["已完成"], score=4.5)).ok
    assert world.call(_call("TicketRate", ticketId=by_status["已完成"], score=1)).status == 409
    for tool, more in (("TicketCancel", {}), ("TicketReschedule", {"newTime": "2024-10-28 09:00"})):
        assert world.call(_call(tool, ticketId=by_status["已完成"], **more)).status == 409


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 500))
def test_any_seed_opens_a_company_in_which_every_kind_of_ticket_stands(seed: int) -> None:
    state = _open(TICKET_DESK, seed=seed).state()
    assert {row["status"] for row in state["tickets"]} == {"待派单", "已派单", "处理中", "已完成", "已取消"}
    assert len({row["phone"] for row in state["customers"]}) == 8


def _played(folder: str) -> list[str]:
    """Digests on the way through an episode, of whatever ids there are."""
    domain = load_domain(Path(folder))
    world = opener(domain, load_flows(Path(folder)))(
        Setup(seed=7, faults=(CallFault(call=domain.tools[0].name, nth=2, kind="garbage"),))
    )
    told = [world.digest()]
    for shot in domain.shots:
        if shot.call and not shot.ask:
            answer = world.call(shot.call)
            told += [world.digest(), answer.model_dump_json()]
    return told


@pytest.mark.parametrize("made", [True, False])
def test_the_same_setup_is_the_same_world_in_another_process(inn: Path, made: bool) -> None:
    folder = inn if made else TICKET_DESK
    script = f"from tests.world.test_world import _played\nprint('\\n'.join(_played({str(folder)!r})))"
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert ran.stdout.splitlines() == _played(str(folder))


def test_the_seed_of_a_setup_counts_unless_another_is_given(inn: Path) -> None:
    def state(*words: str) -> Any:
        return json.loads(CliRunner().invoke(app, ["world", str(inn), "--json", *words]).stdout)["digest"]

    assert state("--setup", '{"seed": 5}') == state("--seed", "5") != state()
    assert state("--setup", '{"seed": 5}', "--seed", "3") == state("--seed", "3")


def test_the_command_prints_answers_and_state(inn: Path) -> None:
    call = json.dumps({"name": "CancelBooking", "arguments": {"booking_id": "B100001"}})
    shown = CliRunner().invoke(app, ["world", str(inn), "--call", call, "--json"])
    told = json.loads(shown.stdout)
    assert told["answers"][0]["answer"]["status"] == 200
    assert told["state"]["bookings"][0]["state"] == "closed"
    plain = CliRunner().invoke(app, ["world", str(inn), "--call", call])
    assert "200" in plain.stdout
    assert "bookings (6)" in plain.stdout
