"""What code reads in an action narrows what the model may write, and never more than is sure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from manyshot import evidence
from manyshot.data.slots import ToolSlots, resolve, slots_of
from manyshot.evidence import Reading
from manyshot.types import Context, Json, Language, Tool

CONTEXT = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="en")
REF: Json = {"type": "string", "pattern": r"^AB\d{5}$"}
MAIL: Json = {"type": "string", "format": "email"}
PHONE: Json = {"type": "string", "description": "phone number"}
DAY: Json = {"type": "string", "format": "date"}


def slots(name: str, required: list[str], **properties: Json) -> ToolSlots:
    return slots_of(Tool(name=name, parameters={"properties": properties, "required": required}), CONTEXT)


MOVE = slots("MoveBooking", ["ref", "day"], ref=REF, day=DAY, phone=PHONE)
SEND = slots("SendSlip", ["ref", "to"], ref=REF, to=MAIL)
HIRE = slots(
    "HireCar",
    ["day"],
    day=DAY,
    hours={"type": "integer", "description": "for how many hours"},
    size={"enum": ["small", "large"]},
    seats={"type": "integer"},
    childSeat={"type": "boolean", "description": "whether a child seat is wanted"},
    garage={"type": "string", "description": "garage where it is fetched"},
)


@pytest.mark.parametrize(
    ("tool", "action", "wanted"),
    [
        (MOVE, "ab 12345 to Friday, not AB99999", {"ref": ("ab 12345",), "day": ("Friday",), "phone": ()}),
        (SEND, "mail me the slip", {"ref": (), "to": ()}),
        # A number that has the field's unit is meant before any other; a choice that is named leaves no other.
        (HIRE, "2 of us, a large one, 3 hours today", {"hours": ("3 hours",), "size": ("large",), "day": ("today",)}),
        (HIRE, "a car today", {"hours": (), "day": ("today",)}),
    ],
)  # fmt: skip
def test_what_a_field_may_be_given_stands_in_the_action(tool: ToolSlots, action: str, wanted: dict[str, Any]) -> None:
    found = {path[0]: said for path, said in evidence.choices(tool, action).items()}
    assert {name: found.get(name) for name in wanted} == wanted
    assert "garage" not in found
    assert "childSeat" not in found


@pytest.mark.parametrize(
    ("schema", "action", "said"),
    [
        ({"enum": ["A", "B"]}, "send a blouse for B", ("B",)),
        ({"enum": ["S", "M", "L"]}, "I'm booking a size L, it's for a friend's kid", ("L",)),
        ({"enum": ["S", "M", "L"]}, "that's me, I'm late", None),
        ({"enum": [15, 30, 60]}, "order 30 boxes", None),
        ({"enum": ["yes", "no"]}, "I have no idea", None),
        ({"enum": ["express", "standard"]}, "standard, not express", ("standard",)),
        ({"type": "string", "format": "email"}, "ann at example dot org", None),
        ({"type": "string", "format": "time"}, "a table at seven", None),
        ({"type": "integer"}, "for both of us", None),
        ({"type": "integer"}, "add 05 pens", ("05",)),
        ({"type": "string", "pattern": "^[A-Z]{3}$", "description": "currency code"}, "pay in EUR", None),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "the corner suite", None),
    ],
)
def test_where_a_reader_may_be_wrong_or_miss_something_the_model_is_left_free(
    schema: Json, action: str, said: tuple[Any, ...] | None
) -> None:
    assert evidence.choices(slots("T", ["x"], x=schema), action).get(("x",)) == said


@pytest.mark.parametrize("action", ["", "from 0001-01-01T00:00+14:00 on", "9" * 4000, "一二三，" * 1000, "1," * 2000])
def test_odd_actions_are_read_in_time_and_without_a_fault(action: str) -> None:
    assert len(evidence.read({t.tool.name: t for t in (MOVE, SEND, HIRE)}, action)) == 3


def test_values_of_one_kind_are_not_strange_where_another_field_takes_the_words() -> None:
    extend = slots("Extend", ["days"], days={"type": "integer", "description": "number of days"})
    visit = slots("Visit", ["day"], day=DAY)
    assert evidence.read({"Extend": extend, "Visit": visit}, "come in 3 days")["Visit"].strangers == 0


def overlooked(tool: ToolSlots, surfaces: Json, action: str, **values: Any) -> dict[str, Any]:
    known = {(name,): value for name, value in values.items()}
    return {path[0]: value for path, value in evidence.overlooked(tool, surfaces, known, action)}


def test_a_value_that_the_model_left_out_is_filled_where_only_one_reading_is_left() -> None:
    assert overlooked(MOVE, {}, "AB12345 to Friday please") == {"ref": "AB12345", "day": "2024-10-11"}
    assert overlooked(MOVE, {}, "AB12345 or AB99999?") == {}
    # The same value in two wordings is one reading; words copied for another field are taken.
    assert overlooked(MOVE, {}, "AB12345, I repeat, ab-12345") == {"ref": "AB12345"}
    assert overlooked(SEND, {"to": "AB12345@example.org"}, "to AB12345@example.org", to="AB12345@example.org") == {}
    assert overlooked(HIRE, {}, "a large car for 3 hours today") == {"day": "2024-10-10", "size": "large", "hours": 3}


def test_a_bare_number_does_not_fill_an_optional_field() -> None:
    assert overlooked(HIRE, {}, "today, there are 3 of us", day="2024-10-10") == {}


def test_a_field_that_is_called_by_its_own_name_is_not_to_be_left_out() -> None:
    named = evidence.names(HIRE)
    assert evidence.called(named, "a car with a child seat from the north garage") == {("childSeat",), ("garage",)}
    assert evidence.called(named, "a car for today with an unchilded orangarage") == frozenset()
    assert ("day",) not in named


def test_a_word_that_the_tool_or_another_field_has_too_calls_no_field() -> None:
    tool = slots(
        "RenewTicket", [], renewReason={"type": "string"}, ticketNote={"type": "string", "description": "note"}
    )
    assert evidence.called(evidence.names(tool), "renew my ticket") == frozenset()


def test_tools_are_told_apart_by_what_is_missing_and_what_they_have_no_field_for() -> None:
    tools = {t.tool.name: t for t in (MOVE, SEND, HIRE)}
    assert evidence.read(tools, "AB12345 to ann@example.org") == {
        "MoveBooking": Reading(missing=1, filled=1, strangers=1, named=0),
        "SendSlip": Reading(missing=0, filled=2, strangers=0, named=0),
        "HireCar": Reading(missing=1, filled=0, strangers=2, named=0),
    }
    assert evidence.read(tools, "a small one tomorrow")["HireCar"] == Reading(0, 1, 0, 1)
    assert evidence.read({}, "anything") == {}


def test_a_tool_that_takes_ids_of_any_shape_finds_none_strange() -> None:
    find = slots("Find", ["order_no"], order_no={"type": "string", "description": "order number"})
    assert evidence.read({"Find": find, "MoveBooking": MOVE}, "where is AB12345")["Find"].strangers == 0


def test_free_text_does_not_reach_into_what_code_reads_for_sure() -> None:
    def walled(tool: ToolSlots, action: str) -> list[str]:
        return [action[start:end] for start, end in evidence.walls(tool, action)]

    assert walled(MOVE, "AB12345 to Friday, 312-555-0141") == ["AB12345", "Friday", "312-555-0141"]
    # Which of two is meant is not sure, and an optional date may be a part of what is said.
    assert walled(MOVE, "AB12345 or AB99999 to Friday") == ["Friday"]
    # Lists and ids of any shape are copied too; between a day and an hour said apart one may copy.
    assert walled(slots("Mail", ["to"], to=MAIL, cc={"type": "array", "items": MAIL}), "to a@x.org, cc b@x.org") == []
    when: Json = {"type": "string", "description": "YYYY-MM-DD HH:MM"}
    fix = slots("Fix", ["at"], at=when, problem={"type": "string"})
    assert walled(fix, "someone on Tuesday to fix the boiler at 3 pm") == ["Tuesday", "3 pm"]
    assert walled(slots("Note", [], day=DAY, text={"type": "string"}), "remember the Friday club") == []


def test_a_thing_that_is_denied_leaves_only_no() -> None:
    def seat(action: str) -> tuple[Any, ...] | None:
        return evidence.choices(HIRE, action).get(("childSeat",))

    for action in ("a car today, no child seat", "don't need a child seat", "size: small, child seat: no"):
        assert seat(action) == (False,), action
    for action in ("a car today with a child seat", "no idea which car, but a child seat please", "a car today"):
        assert seat(action) is None, action
    zh = Context(today=CONTEXT.today, language="zh")
    fields = {"helmet": {"type": "boolean", "description": "是否借头盔"}, "day": DAY}
    bike = slots_of(Tool(name="RentBike", parameters={"properties": fields}), zh)
    said = {a: evidence.choices(bike, a).get(("helmet",)) for a in ("头盔不用", "不要头盔", "头盔：无", "借个头盔")}
    assert said == {"头盔不用": (False,), "不要头盔": (False,), "头盔：无": (False,), "借个头盔": None}


def test_a_number_of_people_fills_the_field_that_counts_them() -> None:
    fields = {"guests": {"type": "integer", "description": "number of guests"}, "children": {"type": "integer"}}
    table = slots("BookTable", [], **fields, stars={"type": "integer"})
    assert overlooked(table, {}, "a table, there are three of us") == {"guests": 3}
    assert overlooked(table, {}, "a table, number three") == {}


def test_numbers_in_the_items_of_a_list_are_those_that_are_said() -> None:
    item: Json = {"type": "object", "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}
    order = slots("Order", ["items"], items={"type": "array", "items": item})
    assert evidence.choices(order, "two towels and 3 cups to room 1204")[("items", "count")] == ("two", "3")
    assert evidence.choices(order, "towels")[("items", "count")] == ()


COUNTED_EN: Json = {"type": "integer", "description": "number of boxes"}
COUNTED_ZH: Json = {"type": "integer", "description": "设备台数"}


@pytest.mark.parametrize(
    ("schema", "language", "action", "said"),
    [
        (COUNTED_EN, "en", "gate 4, three boxes", ("three",)),
        (COUNTED_EN, "en", "gate 4, boxes: 3", ("3",)),
        (COUNTED_ZH, "zh", "白塔河路21号2702,三台都坏了", ("三",)),
        (COUNTED_ZH, "zh", "三个都坏了,充到八成", ("三", "八")),
    ],
)
def test_a_number_of_what_the_field_counts_is_meant_before_any_other(
    schema: Json, language: Language, action: str, said: tuple[str, ...]
) -> None:
    context = Context(today=CONTEXT.today, language=language)
    tool = slots_of(Tool(name="T", parameters={"properties": {"n": schema}, "required": ["n"]}), context)
    assert evidence.choices(tool, action)[("n",)] == said


def test_a_latin_name_in_a_chinese_description_is_called_and_denied() -> None:
    context = Context(today=CONTEXT.today, language="zh")
    vip: Json = {"type": "boolean", "description": "是否 VIP(贵宾)客户"}
    tool = slots_of(Tool(name="T", parameters={"properties": {"isVIP": vip}}), context)
    assert evidence.called(evidence.names(tool), "我是vip") == {("isVIP",)}
    assert evidence.choices(tool, "我不是什么VIP") == {("isVIP",): (False,)}


def test_free_text_that_is_a_piece_of_a_day_strayed() -> None:
    garage, action = HIRE.slot(("garage",)), "a car on 14 October at Mill Lane 14"
    assert evidence.strayed(HIRE, garage, "October", action)
    assert not evidence.strayed(HIRE, garage, "Mill Lane 14", action)


@pytest.mark.parametrize(
    ("action", "ref", "day"),
    [
        ("AB12345, sorry, AB12346 on Friday, hmm actually no, Sunday", ("AB12346",), ("Sunday",)),
        ("it's AB12345 and not AB12346, on Friday", ("AB12345",), ("Friday",)),
        ("AB12345 or AB12346, Friday or Sunday", ("AB12345", "AB12346"), ("Friday", "Sunday")),
        ("not AB12345", ("AB12345",), ()),
        ("move AB12345 from Friday to Sunday", ("AB12345",), ("Sunday",)),
        ("AB12345, shift it from Friday on to Sunday", ("AB12345",), ("Sunday",)),
        ("AB12345 on Friday, no wait, Friday is full, Sunday", ("AB12345",), ("Sunday",)),
        ("AB12345 any day from Friday to Sunday", ("AB12345",), ("Friday", "Sunday")),
    ],
)
def test_what_is_taken_back_denied_or_moved_away_from_is_not_meant(
    action: str, ref: tuple[str, ...], day: tuple[str, ...]
) -> None:
    found = evidence.choices(MOVE, action)
    assert (found.get(("ref",)), found.get(("day",))) == (ref, day)


def test_me_and_the_wife_are_two_adults() -> None:
    book = slots(
        "Book", ["adults"], adults={"type": "integer", "description": "Number of adults"}, pets={"type": "integer"}
    )
    can = evidence.choices(book, "two dogs, me and the wife, at 8:15")
    assert can[("adults",)] == ("me and the wife",)
    assert resolve(book.slot(("adults",)), "me and the wife") == 2


def test_the_one_port_that_is_named_is_not_both() -> None:
    port = {"enum": ["dover", "calais"]}
    sail = slots("Sail", ["start", "goal"], start=port, goal=port)
    one, both = (evidence.choices(sail, action) for action in ("boats to Calais", "Dover to Calais"))
    assert evidence.chosen(sail, one) == frozenset()
    assert evidence.chosen(sail, both) == {("start",), ("goal",)}


def test_nothing_is_chosen_twice_for_a_list() -> None:
    needs = slots("Help", ["needs"], needs={"type": "array", "items": {"enum": ["wheelchair", "luggage"]}})
    assert resolve(needs.slot(("needs",)), ["wheelchair", "wheelchair", "luggage"]) == ["wheelchair", "luggage"]


def test_a_choice_that_is_named_is_given() -> None:
    assert evidence.chosen(HIRE, {("size",): ("large",), ("hours",): ("3",)}) == {("size",)}
    assert evidence.chosen(HIRE, {("size",): ()}) == frozenset()


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("丢了一副手套，按一百五赔", "一百五"),
        ("赔我四百块", "四百块"),
        ("扣子坏了两颗，赔六十五块五", "六十五块五"),
        ("丢了2只，赔两千", "两千"),
    ],
)
def test_a_sum_of_money_is_told_from_a_count(action: str, said: str) -> None:
    """The description says the unit in passing, the customer often none."""
    amount = {"type": "number", "description": "客户要求赔多少元；没有说就不填"}
    context = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="zh")
    tool = slots_of(Tool(name="Claim", parameters={"properties": {"amount": amount}}), context)
    assert evidence.choices(tool, action)["amount",] == (said,)
    (span,) = evidence.spots(tool.slots[0], action)
    assert evidence.fitting(tool.slots[0], span, action)


def test_the_day_behind_a_verb_of_moving_is_the_new_one() -> None:
    move = slots_of(
        Tool(name="Move", parameters={"properties": {"day": {"type": "string", "format": "date"}}}),
        Context(today=CONTEXT.today, language="zh"),
    )
    assert evidence.choices(move, "师傅定的周四，我加班，改这周日下午") == {("day",): ("这周日",)}
    assert evidence.choices(move, "改十六号，哎十六号出差，十七号")[("day",)][-1] == "十七号"


@pytest.mark.parametrize(
    ("action", "seats"),
    [
        ("car for Friday, AB 123 45, 4 seats", ("4",)),
        ("car for Friday, 4 seats, sorry no, 5", ("5",)),
        ("car for Friday, booking AB12345", ()),
    ],
)
def test_digits_of_a_code_are_no_number_and_a_unit_that_is_taken_back_is_gone(
    action: str, seats: tuple[str, ...]
) -> None:
    hire = slots("Hire", [], ref=REF, seats={"type": "integer", "description": "number of seats"})
    assert evidence.choices(hire, action)[("seats",)] == seats
