"""What tools keep, told by their names, descriptions and ids: the right rows are made, found, changed and closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from manyshot.errors import WorldError
from manyshot.spec.load import load_domain, load_flows
from manyshot.types import Call, Json, Setup, Tool
from manyshot.world.opening import opener
from manyshot.world.verbs import nouns_of, verb_of, words_of
from tests.spec.desk import Desk

CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.mark.parametrize(
    ("name", "about", "verb"),
    [
        ("TicketCancel", "Cancels a ticket.", "close"),
        ("orders_trackOrder", "Where an order is.", "find"),
        ("requests_check_status", "", "find"),
        ("Rental_Cancel", "", "close"),
        ("BookTable", "Books a table.", "make"),
        ("room-book", "Holds a room.", "make"),
        ("rental_extend", "", "change"),
        ("yuyue_quxiao", "取消预约", "close"),
        ("gongdan", "查询工单进度,不能修改。", "find"),
        ("baoxiu", "登记报修。", "make"),
        ("order_review", "", "note"),
        ("transfer_to_human", "Hands over.", "decline"),
        ("zhuan_rengong", "转人工", "decline"),
        ("HTTPStatusGet", "", "find"),
        ("Fly", "Flies.", "other"),
        ("", "", "other"),
    ],
)
def test_a_sure_word_tells_what_a_tool_does(name: str, about: str, verb: str) -> None:
    assert verb_of(Tool(name=name, description=about)) == verb


def test_names_are_cut_into_words_in_any_spelling() -> None:
    assert words_of("orders_trackOrder") == ["orders", "track", "order"]
    assert words_of("HTTPStatusGet") == ["http", "status", "get"]
    assert nouns_of(Tool(name="hr-leave.cancel")) == ["hr", "leave"]


ORDER = {"type": "integer", "minimum": 100, "maximum": 999, "description": "order number"}
HOUSE = {"type": "string", "pattern": "^\\d-\\d{3}$", "description": "house number"}
TEXT = {"type": "string", "minLength": 1}


def _tool(name: str, about: str, **fields: Json) -> Json:
    parameters = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"name": name, "description": about, "parameters": parameters}


TOOLS = [
    _tool("PlaceOrder", "Orders a thing.", item=TEXT),
    _tool("GetOrder", "Looks up an order.", order_no=ORDER),
    _tool("ListOrders", "Lists orders.", item=TEXT),
    _tool("CancelOrder", "Cancels an order.", order_no=ORDER),
    _tool("OrderReview", "Reviews an order.", order_no=ORDER, words=TEXT),
    _tool("GetHouse", "Looks up a house.", houseNo=HOUSE),
    _tool("RequestRepair", "Requests a repair.", houseNo=HOUSE, what=TEXT),
    _tool("SetHeating", "Sets the heating.", state=TEXT),
    _tool("reject_request", "Declines.", why=TEXT),
]
SHOTS = [
    {"action": "Order a lamp.", "call": {"name": "PlaceOrder", "arguments": {"item": "lamp"}}},
    {"action": "Cancel order 123.", "call": {"name": "CancelOrder", "arguments": {"order_no": 123}}},
    {
        "action": "A repair for 1-101: the tap.",
        "call": {"name": "RequestRepair", "arguments": {"houseNo": "1-101", "what": "the tap"}},
    },
    {"action": "Set the heating to warm.", "call": {"name": "SetHeating", "arguments": {"state": "warm"}}},
]
FLOW = """about: how far an order is
slots: {order_no: number, how: {about: how far, values: [packed, cancelled]}}
steps:
  ask: {ask: order_no, text: Number?, next: look}
  look: {call: GetOrder, with: {order_no: "{order_no}"}, fills: {how: status}, next: told}
  told: {end: told}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    desk = Desk(tmp_path)
    desk.tools(TOOLS)
    desk.shots(SHOTS)
    desk.write("flows/far.yaml", FLOW)
    return tmp_path


def _open(folder: Path, **setup: Any) -> Any:
    return opener(load_domain(folder), load_flows(folder))(Setup(**setup))


def _call(name: str, **arguments: Any) -> Call:
    return Call(name=name, arguments=arguments)


def test_ids_that_are_numbers_stay_numbers(shop: Path) -> None:
    world = _open(shop)
    assert world.call(_call("GetOrder", order_no=123)).ok
    made = world.call(_call("PlaceOrder", item="bed")).body["order_no"]
    assert isinstance(made, int)
    assert world.call(_call("CancelOrder", order_no=made)).ok


def test_what_is_made_for_something_has_a_table_of_its_own_and_refers(shop: Path) -> None:
    world = _open(shop)
    house = world.call(_call("GetHouse", houseNo="1-101")).body
    for what in ("the tap", "the door"):
        assert world.call(_call("RequestRepair", houseNo="1-101", what=what)).ok
    assert [row["what"] for row in world.state()["repairs"]] == ["the tap", "the door"]
    assert world.call(_call("GetHouse", houseNo="1-101")).body == house
    unknown = world.call(_call("RequestRepair", houseNo="9-999", what="the tap"))
    assert (unknown.status, unknown.body["field"]) == (404, "houseNo")


def test_a_tool_that_brings_the_new_id_makes_it_once(shop: Path) -> None:
    who = {"type": "string", "pattern": "^U\\d{4}$", "description": "id of the user"}
    desk = Desk(shop)
    desk.shots(SHOTS)
    desk.tools(
        [*TOOLS, _tool("CreateUser", "Creates a user.", user_id=who), _tool("GetUser", "Shows one.", user_id=who)]
    )
    world = _open(shop)
    assert world.call(_call("GetUser", user_id="U0000")).status == 404
    assert world.call(_call("CreateUser", user_id="U0000")).ok
    assert world.call(_call("GetUser", user_id="U0000")).ok
    assert world.call(_call("CreateUser", user_id="U0000")).status == 409


def test_a_list_holds_what_the_call_asks_for(shop: Path) -> None:
    world = _open(shop)
    made = world.call(_call("PlaceOrder", item="bed")).body["order_no"]
    assert [row["order_no"] for row in world.call(_call("ListOrders", item="bed")).body["orders"]] == [made]
    assert world.call(_call("ListOrders", item="boat")).body["orders"] == []


def test_what_changes_something_without_an_id_leaves_a_trace(shop: Path) -> None:
    world = _open(shop)
    before = world.digest()
    world.call(_call("SetHeating", state="warm"))
    (row,) = world.state()["heatings"]
    assert row["state"] == "warm"
    assert world.digest() != before


def test_looking_and_declining_change_nothing_and_are_marked_so(shop: Path) -> None:
    world = _open(shop)
    before = world.digest()
    for call in (
        _call("GetOrder", order_no=123),
        _call("ListOrders", item="lamp"),
        _call("GetHouse", houseNo="1-101"),
        _call("reject_request", why="no"),
    ):
        assert world.call(call).ok
        assert world.reads(call.name)
    assert world.digest() == before
    assert not any(world.reads(name) for name in ("PlaceOrder", "CancelOrder", "RequestRepair", "SetHeating"))


def test_a_closed_row_is_told_in_the_flows_own_word_and_may_still_be_reviewed(shop: Path) -> None:
    world = _open(shop)
    made = world.call(_call("PlaceOrder", item="bed")).body["order_no"]
    assert world.call(_call("GetOrder", order_no=made)).body["status"] == "packed"
    world.call(_call("CancelOrder", order_no=made))
    assert world.call(_call("GetOrder", order_no=made)).body["status"] == "cancelled"
    assert world.call(_call("CancelOrder", order_no=made)).status == 409
    assert world.call(_call("OrderReview", order_no=made, words="fine")).ok


def test_seeds_differ_and_what_shots_name_is_always_there(shop: Path) -> None:
    one, two = _open(shop, seed=1), _open(shop, seed=2)
    assert one.digest() != two.digest()
    assert one.digest() == _open(shop, seed=1).digest()
    assert all(world.call(_call("GetOrder", order_no=123)).ok for world in (one, two))


def test_episodes_share_nothing(shop: Path) -> None:
    open_world = opener(load_domain(shop), load_flows(shop))
    first, before = open_world(Setup()), open_world(Setup()).digest()
    first.call(_call("CancelOrder", order_no=123))
    first.call(_call("PlaceOrder", item="bed"))
    assert open_world(Setup()).digest() == before != first.digest()


@pytest.mark.parametrize(
    ("rows", "said"),
    [({"boats": []}, "no table 'boats'; it has .*orders"), ({"orders": [{"item": "lamp"}]}, "has no order_no")],
)
def test_rows_that_do_not_fit_are_refused(shop: Path, rows: Json, said: str) -> None:
    with pytest.raises(WorldError, match=said):
        _open(shop, rows=rows)


def test_the_id_of_a_given_row_comes_first_and_its_state_is_kept(shop: Path) -> None:
    world = _open(shop, rows={"orders": [{"item": "lamp", "order_no": 500, "status": "closed", "row_state": "closed"}]})
    (row,) = world.state()["orders"]
    assert next(iter(row)) == "order_no"
    assert world.call(_call("CancelOrder", order_no=500)).status == 409


@pytest.mark.parametrize("desk", ["en/rail_desk", "en/broadband_support", "en/warehouse_robots", "zh/gov_desk"])
def test_experts_calls_are_carried_out_and_reading_changes_nothing(desk: str) -> None:
    domain = load_domain(CORPUS / desk)
    world = opener(domain)(Setup())
    calls = [shot.call for shot in domain.shots if shot.call and not shot.ask]
    assert len(calls) > 50
    for call in calls:
        before = world.digest()
        answer = world.call(call)
        assert answer.status in (200, 409), (call, answer)  # 409: an earlier call closed it
        assert (world.digest() == before) == (world.reads(call.name) or not answer.ok), call


def test_an_id_that_nothing_fits_is_an_error_not_a_loop(shop: Path) -> None:
    nothing = {"type": "string", "pattern": "^A$", "minLength": 3, "description": "order number"}
    desk = Desk(shop)
    desk.tools([_tool("GetOrder", "Looks up an order.", order_no=nothing)])
    desk.shots([{"action": "Sing.", "call": None}])
    desk.write("flows/far.yaml", FLOW)
    with pytest.raises(WorldError, match="order_no"):
        opener(load_domain(shop), ())(Setup())
