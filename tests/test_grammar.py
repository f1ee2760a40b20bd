"""Grammars are tried on llama.cpp's own engine: what the tools allow is accepted, everything else refused."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyshot.errors import SpecError
from manyshot.grammar import copy_rules, for_tools, literal
from manyshot.parse import read_call, write_call
from manyshot.types import Tool
from tests.gbnf import accepts, states

calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INK = TEXT.filter(lambda t: t and t == t.strip() and all(c >= " " for c in t))
KEYS = st.lists(st.sampled_from(["a", "b", '"', "名\\", "d-e", "🙂", "a]", "x^"]), unique=True, max_size=5)

TOOL = {
    "type": "object",
    "properties": {
        "date": {"type": "string", "format": "date"},
        "count": {"type": ["integer", "null"]},
        "mode": {"enum": ["photo", "影\"像\\", 3, None]},
        "vip": {"type": "boolean"},
        "at": {"$ref": "#/$defs/point"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "free": {"type": "object"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "extra": {"type": "object", "additionalProperties": {"type": "integer"}},
        "whole": {"allOf": [{"$ref": "#/$defs/point"}, {"properties": {"name": {"type": "string"}}}]},
        "tree": {"$ref": "#/$defs/tree"},
        "fixed": {"const": "x"},
    },
    "required": ["date", "mode"],
    "$defs": {
        "point": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
        "tree": {"properties": {"leaf": {"type": "string"}, "kids": {"items": {"$ref": "#/$defs/tree"}}}},
    },
}  # fmt: skip
NOTE = Tool(name="t", parameters={"properties": {"x": {"type": "string"}}})
TOOLS = [Tool(name="Shop.book-1", parameters=TOOL), Tool(name="stop")]


def says(grammar: str, call: str) -> bool:
    return accepts(grammar, " " + call)


@pytest.mark.parametrize(
    "call",
    [
        "none{}",
        "stop{}",
        "Shop.book-1{}",
        'Shop.book-1{"date":"后天","count":"三个","mode":"photo","vip":true}',
        'Shop.book-1{"mode":"影\\"像\\\\","vip":false}',
        'Shop.book-1{"mode":3}',
        'Shop.book-1{"mode":null,"at":{"lon":"3.5"}}',
        'Shop.book-1{"at":{},"tags":["a","b c"],"free":{"k":["x",true,{"y":"z"}]}}',
        'Shop.book-1{"note":"说 \\"好\\"","extra":{"m":"two","n":"3"},"whole":{"lat":"1","name":"家"}}',
        'Shop.book-1{"tree":{"leaf":"a","kids":[{"kids":[]},{"leaf":"b"}]},"fixed":"x"}',
    ],
)
def test_span_form_accepts(call):
    assert says(for_tools(TOOLS, values="span"), call)
    read_call(call)


@pytest.mark.parametrize(
    "call",
    [
        "",
        "none",
        "none{} ",
        "other{}",
        'stop{"a":"1"}',
        "Shop.book-1{,}",
        'Shop.book-1{"date":"a",}',
        'Shop.book-1{"date": "a"}',
        'Shop.book-1{"count":"1","date":"a"}',
        'Shop.book-1{"date":"a","date":"a"}',
        'Shop.book-1{"date":""}',
        'Shop.book-1{"date":" a"}',
        'Shop.book-1{"date":"a "}',
        'Shop.book-1{"date":"a\u3000"}',
        'Shop.book-1{"count":3}',
        'Shop.book-1{"count":null}',
        'Shop.book-1{"note":null}',
        'Shop.book-1{"vip":"true"}',
        'Shop.book-1{"mode":"phot"}',
        'Shop.book-1{"tags":[]}',
        'Shop.book-1{"fixed":"y"}',
    ],
)
def test_span_form_refuses(call):
    assert not says(for_tools(TOOLS, values="span"), call)


def test_final_form_has_the_types_of_the_schema():
    grammar = for_tools(TOOLS, values="final")
    values = {"date": "2024-10-10", "count": -12, "mode": 3, "at": {"lat": 1.5e-07, "lon": 0}, "tags": ["", "\n"]}
    assert says(grammar, write_call("Shop.book-1", values))
    assert says(grammar, 'Shop.book-1{"count":null,"free":{"k":[1,null,"",{"z":-0.5}]},"note":null,"extra":{"n":3}}')
    for bad in ('{"count":1.5}', '{"count":"3"}', '{"count":03}', '{"at":{"lat":"1"}}', '{"extra":{"n":"3"}}'):
        assert not says(grammar, "Shop.book-1" + bad)


def test_require_forces_the_required_keys_and_no_others():
    grammar = for_tools(TOOLS, values="span", require=True, none=False)
    assert says(grammar, 'Shop.book-1{"date":"a","mode":3}')
    assert says(grammar, 'Shop.book-1{"date":"a","count":"1","mode":3,"fixed":"x"}')
    for bad in ("Shop.book-1{}", 'Shop.book-1{"date":"a"}', 'Shop.book-1{"mode":3}', "none{}"):
        assert not says(grammar, bad)


@calm
@given(st.text("ab1é. @_'’龘卝 -", min_size=1, max_size=12).filter(lambda text: re.search(r"\w", text)), st.data())
def test_copied_spans_are_exactly_the_pieces_of_whole_words(action, data):
    grammar = for_tools(
        [Tool(name="t", parameters={"properties": {"x": {"type": "integer"}}})], values="span", spans_of=action
    )
    a, b = sorted((data.draw(st.integers(0, len(action))), data.draw(st.integers(0, len(action)))))
    for piece in (action[a:b], action[a:b][::-1], data.draw(TEXT)):
        places = [at for at in range(len(action)) if piece and action.startswith(piece, at)]
        whole = [at for at in places if _whole_words(action, at, at + len(piece))]
        right = piece == piece.strip() and not piece.startswith(".") and bool(whole)
        assert says(grammar, write_call("t", {"x": piece})) == right


def _whole_words(text: str, start: int, end: int) -> bool:
    """The rule as people would say it: no word or number is cut, nor a name of several joined by dots and the like."""
    word = r"[0-9A-Za-zé](?:[._@'’]?[0-9A-Za-zé])*"
    cut = {i for m in re.finditer(word, text) for i in range(m.start() + 1, m.end())}
    seams = {i for i in cut if text[i - 1 : i + 1].isalnum() and text[i - 1].isdigit() != text[i].isdigit()}
    return not {start, end} & (cut - seams)


def test_a_chinese_copy_cuts_no_word_of_the_dictionary():
    action = "给我妈买开塞露，送到金桂苑3栋，明天下午三点医院门口"
    grammar = for_tools([NOTE], values="span", spans_of=action)
    for words in ("开塞露", "金桂苑3栋", "桂苑3栋", "医院门口", "我妈"):
        assert says(grammar, write_call("t", {"x": words})), words
    for words in ("塞露", "开塞", "院门口", "医", "明"):
        assert not says(grammar, write_call("t", {"x": words})), words
    walled = for_tools([NOTE], values="span", spans_of="十点五十万达广场", walls=[(0, 4)])
    assert says(walled, write_call("t", {"x": "万达广场"})), "a word that reaches into a wall ends there"


@pytest.mark.parametrize(
    ("action", "right", "wrong"),
    [
        ("the note says for the attention of Bob, please", ["the attention of Bob"], ["for the", "of Bob", "Bob,"]),
        (
            'a song, "for the road", in On Golden Pond',
            ["for the road", "On Golden Pond"],
            ["song,", ", in", 'a song, "for'],
        ),
        ("refund so 620075 and as 204", ["so 620075", "as 204"], ["refund so 620075 and"]),
        (
            "联系人是覃浩的，要两个，在和平支行",
            ["覃浩", "两", "两个", "和平支行"],
            ["的", "覃浩的，", "是覃浩", "在和平支行"],
        ),
    ],
)
def test_copies_do_not_begin_or_end_with_words_that_only_lead_on(action, right, wrong):
    grammar = for_tools([NOTE], values="span", spans_of=action)
    for words in right:
        assert says(grammar, write_call("t", {"x": words})), words
    for words in wrong:
        assert not says(grammar, write_call("t", {"x": words})), words


@pytest.mark.parametrize("action", [".", "for", "，", "at", "的"])
def test_where_no_whole_word_can_be_copied_anything_can(action):
    assert says(for_tools([NOTE], values="span", spans_of=action, walls=[(3, 4)]), write_call("t", {"x": action}))


def test_words_and_joined_names_are_copied_whole():
    grammar = for_tools([NOTE], values="span", spans_of="mail kim.alvarez@example.org in 30min, 改到三点 ok.")
    for words in (
        "kim.alvarez@example.org",
        "30",
        "min",
        "三点",
        "三点 ok.",
        "ok",
        "in 30min",
        "mail kim.alvarez@example.org",
    ):
        assert says(grammar, write_call("t", {"x": words})), words
    whole = for_tools([NOTE], values="span", spans_of="José O'Brien, Priya's desk")
    assert all(says(whole, write_call("t", {"x": words})) for words in ("José", "O'Brien", "Priya", "Priya's desk"))
    assert not any(says(whole, write_call("t", {"x": words})) for words in ("Jos", "O", "Brien", "Pri"))
    for words in ("kim", "alvarez", "alvarez@example.org", "mai", "0min", "3", "k"):
        assert not says(grammar, write_call("t", {"x": words})), words


def test_no_copied_piece_reaches_into_a_wall():
    action = "room 4 on Friday at noon"
    grammar = for_tools([NOTE], values="span", spans_of=action, walls=[(10, 16), (8, 9)])
    for words in ("room 4", "room", "noon"):
        assert says(grammar, write_call("t", {"x": words})), words
    for words in ("room 4 on", "on Friday", "Friday", "Fri", "y at", "on"):
        assert not says(grammar, write_call("t", {"x": words})), words
    assert says(for_tools([NOTE], values="span", spans_of="ab", walls=[(0, 2)]), write_call("t", {"x": "ab"}))


def test_a_field_with_choices_takes_no_other_value_and_without_any_is_left_out():
    point = {"properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}}
    tool = Tool(
        name="t",
        parameters={"properties": {"day": {"type": "string"}, "level": {"enum": ["low", "high"]}, "at": point}},
    )
    choices = {"t": {("day",): ("the 3rd", 'a "b"'), ("level",): ("low",), ("at", "lat"): ("3",), ("at", "lon"): ()}}
    grammar = for_tools([tool], values="span", choices=choices, stated={"t": {("level",)}})
    for said in ({"day": 'a "b"', "level": "low"}, {"level": "low", "at": {"lat": "3"}}, {"level": "low", "at": {}}):
        assert says(grammar, write_call("t", said)), said
    wrong = (
        {"day": "the 4th", "level": "low"},
        {"level": "high"},
        {"day": "the 3rd"},
        {"level": "low", "at": {"lon": "3"}},
    )
    for said in wrong:
        assert not says(grammar, write_call("t", said)), said
    none = for_tools([NOTE], values="span", choices={"t": {("x",): ()}})
    assert says(none, "t{}")
    assert not says(none, write_call("t", {"x": "a"}))


def test_fields_of_the_items_of_a_list_have_choices_under_its_path():
    item = {"type": "object", "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}
    tool = Tool(name="t", parameters={"properties": {"items": {"type": "array", "items": item}}})
    grammar = for_tools([tool], values="span", choices={"t": {("items", "count"): ("two",)}})
    assert says(grammar, write_call("t", {"items": [{"name": "cup", "count": "two"}, {"name": "pen"}]}))
    assert not says(grammar, write_call("t", {"items": [{"name": "cup", "count": "one"}]}))


def test_copying_keeps_few_states_and_stays_linear():
    action = "请在明天下午三点把一号楼的会议室订给张三。" * 20
    rules = copy_rules(action)
    assert len(rules) <= len(action) + 1
    assert sum(map(len, rules.values())) < 45 * len(action)
    grammar = for_tools(TOOLS, values="span", spans_of=action)
    assert states(grammar, ' Shop.book-1{"date":"明天下午三')[0] <= 2 * 20


def test_size_grows_in_step_with_the_number_of_keys():
    def size(count: int) -> int:
        properties = {f"key_{i:03}": {"type": "string"} for i in range(count)}
        return len(for_tools([Tool(name="t", parameters={"properties": properties})], values="span"))

    assert size(200) < 2.4 * size(100) < 5 * size(50)


@pytest.mark.parametrize(
    "text", ["a", '"', "\\", "\n\t\r", "]^-[", "\x00\x7f\x85\xa0", "中文", "🙂", "\u2028\ufeff\u200b", "é"]
)
def test_literals_are_escaped(text):
    assert accepts(f"root ::= {literal(text)}\n", text)
    assert not accepts(f"root ::= {literal(text)}\n", text + text)


@st.composite
def schema_and_values(draw, level: int = 2):
    """A schema with a value in final form and one in span form."""
    kind = draw(st.sampled_from(["string", "integer", "number", "boolean", "enum"] + ["array", "object"] * (level > 0)))
    if kind == "enum":
        options = draw(st.lists(TEXT | st.integers(-99, 99), min_size=1, max_size=4, unique_by=str))
        chosen = draw(st.sampled_from(options))
        return {"enum": options}, chosen, chosen
    if kind == "boolean":
        value = draw(st.booleans())
        return {"type": kind}, value, value
    if kind == "array":
        schema, final, span = draw(schema_and_values(level - 1))
        length = draw(st.integers(0, 2))
        return {"type": kind, "items": schema}, [final] * length, [span] * length
    if kind == "object":
        return draw(objects(level - 1))
    finals = {"string": TEXT, "integer": st.integers(), "number": st.floats(allow_nan=False, allow_infinity=False)}
    return {"type": kind}, draw(finals[kind]), draw(INK)


@st.composite
def objects(draw, level: int = 2):
    schema, final, span = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}, {}, {}
    for key in draw(KEYS):
        schema["properties"][key], one, other = draw(schema_and_values(level))
        if draw(st.booleans()):
            schema["required"].append(key)
        if key in schema["required"] or draw(st.booleans()):
            final[key], span[key] = one, other
    return schema, final, span


@calm
@given(objects())
def test_every_value_of_a_schema_is_accepted_and_its_fragments_are_not(made):
    schema, final, span = made
    tools = [Tool(name="tool", parameters=schema), Tool(name="tool_2")]
    for values, arguments in (("final", final), ("span", span)):
        for require in (False, True):
            grammar = for_tools(tools, values=values, require=require)
            text = write_call("tool", arguments)
            assert says(grammar, text)
            assert not says(grammar, text[:-1])
            assert not says(grammar, text + "}")
            assert not says(grammar, f'{text[:-1]}{"," if arguments else ""}"unknown":true}}')


@calm
@given(objects(), st.randoms(use_true_random=False))
def test_damaged_texts_that_are_accepted_still_parse(made, rnd: random.Random):
    schema, _, span = made
    grammar = for_tools([Tool(name="tool", parameters=schema)], values="span")
    text = list(write_call("tool", span))
    for _ in range(rnd.randint(1, 3)):
        text[rnd.randrange(len(text)) :][:1] = []
        text.insert(rnd.randrange(len(text) + 1), rnd.choice('"\\{}[],:a1 \n'))
    if says(grammar, "".join(text)):
        json.dumps(read_call("".join(text)))


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"type": "date"}, "wanted a JSON Schema type, got 'date'"),
        ({"$ref": "#/$defs/none"}, r"wanted a \$ref inside"),
        ({"$ref": "http://else.where/x"}, r"wanted a \$ref inside"),
        (["string"], "wanted a JSON Schema object"),
    ],
)
def test_schemas_that_cannot_be_read(schema, what):
    with pytest.raises(SpecError, match=f"^tool t: {what}"):
        for_tools([Tool(name="t", parameters={"properties": {"x": schema}})], values="span")


def test_impossible_demands():
    with pytest.raises(SpecError, match="at least one tool"):
        for_tools([], values="span", none=False)
    for values, text in (("span", " "), ("final", "text")):
        with pytest.raises(ValueError, match="spans_of"):
            for_tools(TOOLS, values=values, spans_of=text)
