"""Shots taken apart: every value is found where it stands, and a dropped one takes its own words along."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from manyshot.data.delex import Clause, Hole, alone, drop, item_places, locate, take_apart, templates_of
from manyshot.data.slots import ToolSlots, domain_slots, slots_of
from manyshot.data.tongue import tongues_of
from manyshot.spec.load import load_domain
from manyshot.types import Call, Context, Json, Language, Shot, Source, Tool
from tests.data.desks import FOLDERS

TODAY = datetime(2024, 10, 10, tzinfo=UTC)  # a Thursday


def slots(language: Language, **properties: Json) -> ToolSlots:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return slots_of(Tool(name="Book", parameters=parameters), Context(today=TODAY, language=language))


def text(**more: Any) -> Json:
    return {"type": "string", **more}


def found(language: Language, action: str, schema: Json, value: Any) -> list[str]:
    placed, _ = locate(action, {"it": value}, slots(language, it=schema))
    return [action[p.start : p.end] for p in placed]


@pytest.mark.parametrize(
    ("language", "action", "schema", "value", "said"),
    [
        ("zh", "给张三报修", text(description="姓名"), "张三", "张三"),
        ("zh", "后天下午三点上门", text(description="上门时间 YYYY-MM-DD HH:MM"), "2024-10-12 15:00", "后天下午三点"),
        ("zh", "10月12日来一趟", text(format="date"), "2024-10-12", "10月12日"),
        ("zh", "下周一过来", text(format="date"), "2024-10-14", "下周一"),
        ("zh", "要三个房间", {"type": "integer"}, 3, "三"),
        ("zh", "电话139 0000 0622", text(description="联系电话"), "13900000622", "139 0000 0622"),
        ("en", "book me in for this Saturday", text(format="date"), "2024-10-12", "this Saturday"),
        ("en", "come at quarter past nine am", text(description="time HH:MM"), "09:15", "quarter past nine am"),
        ("en", "a table for three people", {"type": "integer", "description": "number of people"}, 3, "three"),
        ("en", "cancel order ab 12 34", text(pattern="^AB\\d{4}$"), "AB1234", "ab 12 34"),
    ],
)
def test_values_are_found_also_when_normalised(
    language: Language, action: str, schema: Json, value: Any, said: str
) -> None:
    assert found(language, action, schema, value) == [said]


def test_what_stands_nowhere_is_loose() -> None:
    tool = slots("en", name=text(), vip={"type": "boolean"}, fee={"type": "number"})
    placed, loose = locate("Ticket for Ann, she is important", {"name": "Ann", "vip": True, "fee": 12.5}, tool)
    assert [p.path for p in placed] == [("name",)]
    assert loose == {("vip",): True, ("fee",): 12.5}


def test_a_short_number_is_not_looked_for_inside_another_value() -> None:
    tool = slots("en", day=text(format="date"), guests={"type": "integer"}, room=text())
    action = "On 2024-10-12 room 12, for 12 guests"
    placed, loose = locate(action, {"day": "2024-10-12", "guests": 12, "room": "room 12"}, tool)
    assert not loose
    assert [(p.path[0], action[p.start : p.end]) for p in placed] == [
        ("day", "2024-10-12"), ("room", "room 12"), ("guests", "12")]  # fmt: skip
    assert all(a.end <= b.start for a, b in itertools.pairwise(placed))


def test_a_value_may_share_the_words_of_another() -> None:
    tool = slots("en", machine=text(pattern=r"^[A-Z]{3}-\d{2}$"), symptom=text(), count={"type": "integer"})
    action = "The spindle on CNC-03 grinds 3 times"
    values = {"machine": "CNC-03", "symptom": "The spindle on CNC-03 grinds 3 times", "count": 3}
    placed, loose = locate(action, values, tool)
    assert loose == {("count",): 3}
    assert [(p.path[0], action[p.start : p.end]) for p in placed] == [("symptom", action), ("machine", "CNC-03")]
    assert alone(placed) == []
    leave = slots("en", start_date=text(format="date"), end_date=text(format="date"))
    placed, loose = locate("Off on Friday", {"start_date": "2024-10-11", "end_date": "2024-10-11"}, leave)
    assert not loose
    assert len(placed) == 2


def test_an_address_is_no_date_and_an_article_counts_one() -> None:
    tool = slots("zh", address=text(description="地址"), day=text(format="date"))
    action = "地址:朝阳大街12号 时间:后天"
    placed, _ = locate(action, {"address": "朝阳大街12号", "day": "2024-10-12"}, tool)
    assert [action[p.start : p.end] for p in placed] == ["朝阳大街12号", "后天"]
    item = {"type": "object", "properties": {"name": text(), "count": {"type": "integer"}}}
    bags = slots("en", items={"type": "array", "items": item})
    action = "Get her a lunch box and both labels"
    value = [{"name": "lunch box", "count": 1}, {"name": "labels", "count": 2}]
    places = item_places(action, bags.slots[0], value)
    assert places is not None
    assert [action[p.start : p.end] for item in places for p in item] == ["lunch box", "a", "labels", "both"]
    assert item_places(action, bags.slots[0], [{"name": "lunch box", "count": 2}]) is None


def test_each_number_of_a_list_is_found_beside_its_name() -> None:
    item = {
        "type": "object",
        "properties": {"name": text(), "count": {"type": "integer"}},
        "required": ["name", "count"],
    }
    tool = slots("zh", items={"type": "array", "items": item})
    action = "送两条毛巾和三瓶水到302"
    value = [{"name": "毛巾", "count": 2}, {"name": "水", "count": 3}]
    places = item_places(action, tool.slots[0], value)
    assert places is not None
    assert [{p.path[0]: action[p.start : p.end] for p in item} for item in places] == [
        {"name": "毛巾", "count": "两"}, {"name": "水", "count": "三"}]  # fmt: skip
    (placed,), loose = locate(action, {"items": value}, tool)
    assert not loose
    assert action[placed.start : placed.end].endswith("水")


def shot(action: str, arguments: Json) -> Shot:
    return Shot(id="s1", action=action, call=Call(name="Book", arguments=arguments), source=Source(file="x", line=1))


def test_a_shot_becomes_clauses_with_holes() -> None:
    tool = slots("en", name=text(), day=text(format="date"), vip={"type": "boolean"})
    action = "Book a room for Ann Lee, she arrives on October 12. She is a VIP."
    made = take_apart(shot(action, {"name": "Ann Lee", "day": "2024-10-12", "vip": True}), tool, ["book"])
    assert made is not None
    assert made.clauses == (
        ("Book a room for ", Hole(("name",))),
        ("she arrives on ", Hole(("day",))),
        ("She is a VIP",),
    )
    assert made.intent == {0}
    assert made.fixed == ((("vip",), True),)
    assert made.paths == {("name",), ("day",)}


def test_punctuation_inside_a_value_cuts_no_clause() -> None:
    tool = slots("en", name=text(), where=text())
    made = take_apart(
        shot("Book Ann, at 5 Elm St., Unit 2, please", {"name": "Ann", "where": "5 Elm St., Unit 2"}), tool, ["book"]
    )
    assert made is not None
    assert made.clauses == (("Book ", Hole(("name",))), ("at ", Hole(("where",))), ("please",))


H = {name: Hole((name,)) for name in "abc"}


@pytest.mark.parametrize(
    ("clause", "keep", "left"),
    [
        (("Book a room for ", H["a"], " on ", H["b"]), "ab", ("Book a room for ", H["a"], " on ", H["b"])),
        (("Book a room for ", H["a"], " on ", H["b"]), "a", ("Book a room for ", H["a"])),
        (("Book a room for ", H["a"], " on ", H["b"]), "b", ("Book a room", " on ", H["b"])),
        (("Book a room for ", H["a"], " on ", H["b"]), "", ("Book a room",)),
        (("Book a room under the name ", H["a"]), "", ("Book a room",)),
        (("she arrives on ", H["b"]), "", None),
        (("给", H["a"], "预订房间", H["b"], "入住"), "b", ("预订房间", H["b"], "入住")),
        (("预订", H["b"], "个房间"), "", None),
        (("电话是", H["c"]), "a", None),
    ],
)
def test_a_dropped_hole_takes_its_words_along(clause: Clause, keep: str, left: Clause | None) -> None:
    kept = frozenset(H[name].path for name in keep)
    done = drop(clause, kept, ["book", "预订"], {("c",): ["电话"]})
    if left is None:
        assert done is None or not re.search(r"[给为在于]$", str(done[-1]))
    else:
        assert done is not None
        assert _joined(done) == _joined(left)


def _joined(clause: Clause) -> str:
    return re.sub(r"\s+", " ", "".join(p if isinstance(p, str) else f"<{p.path[0]}>" for p in clause)).strip()


#: A clause that ends so, or goes on with a stop, has lost what the word was for.
_ORPHAN = re.compile(r"(?i)(?:\b(?:for|at|on|to|from|with|under|named|because of)\s*$)|(?:[给为替在于从由因至向把将]$)")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_shot_leaves_orphan_words_when_a_value_is_dropped(folder: Any) -> None:
    domain = load_domain(folder)
    slots_by, tongues = domain_slots(domain), tongues_of(domain)
    orphans, tried = [], 0
    for template in templates_of(domain, slots_by, {n: t.verbs for n, t in tongues.items()}):
        labels = {s.path: s.field.labels for s in slots_by[template.tool].slots}
        for clause in template.clauses:
            paths = [p.path for p in clause if isinstance(p, Hole)]
            for gone in paths:
                done = drop(clause, frozenset(paths) - {gone}, tongues[template.tool].verbs, labels)
                tried += 1
                ends = "".join(p if isinstance(p, str) else "<x>" for p in done or ())
                if _ORPHAN.search(ends):
                    orphans.append((template.shot, ends))
    assert tried > 20
    assert len(orphans) <= 0.02 * tried, orphans
