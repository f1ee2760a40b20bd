"""Dialogues and call pairs go out to other trainers' forms and come back; what a form cannot hold is listed."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from manyshot.config import find_domain
from manyshot.dataset import alpaca, fireact, openai, sharegpt
from manyshot.dataset import pairs as pair_forms
from manyshot.dataset.forms import Form, Setting, read_row, write_row
from manyshot.dataset.table import DIALOGUES, PAIRS
from manyshot.records import digest
from manyshot.spec.load import load_dialogues
from manyshot.types import Call, CallPair, Observation, Trajectory, Turn
from tests.dataset.made import TOOLS, pairs, trajectories
from tests.shared import shared
from tests.shipped import SHIPPED_DIALOGUES

SETTING = Setting(TOOLS, "Tools: Book, Find")


def _written(form: Form[Any], one: Any) -> tuple[dict[str, Any], list[str]]:
    """A row; what the form cannot hold at all is no example."""
    try:
        return write_row(form, one, SETTING)
    except ValueError:
        reject()


def _same(a: Any, b: Any) -> bool:
    return json.dumps(a.model_dump(mode="json")) == json.dumps(b.model_dump(mode="json"))


@pytest.mark.parametrize("name", ["sharegpt", "alpaca", "fireact", "parquet"])
@settings(max_examples=150, deadline=None)
@given(one=trajectories)
def test_a_form_with_room_for_meta_holds_any_dialogue_or_says_that_it_cannot(name: str, one: Trajectory) -> None:
    form = DIALOGUES[name]
    row, lost = _written(form, one)
    back = read_row(form, json.loads(json.dumps(row)))
    assert lost == []
    assert _same(back.record, one)
    assert back.left == []
    assert name == "fireact" or back.tools == TOOLS


@settings(max_examples=200, deadline=None)
@given(one=trajectories)
def test_openai_rows_keep_the_turns_and_list_all_that_is_lost(one: Trajectory) -> None:
    row, lost = _written(openai.OPENAI, one)
    assert row.keys() <= {"messages", "tools"}
    back = read_row(openai.OPENAI, json.loads(json.dumps(row))).record
    for name in Trajectory.model_fields:
        if json.dumps(back.model_dump(mode="json").get(name)) != json.dumps(one.model_dump(mode="json").get(name)):
            assert any(entry.split(".")[0] == name for entry in lost), name
    said = [m for m in row["messages"] if m["role"] == "assistant"]
    assert row["messages"][-1]["role"] == "assistant"
    assert sum(t.role in ("think", "reply", "action") for t in back.turns) >= len(said)
    ids = [call["id"] for m in said for call in m.get("tool_calls", ())]
    answered = [m["tool_call_id"] for m in row["messages"] if m["role"] == "tool"]
    assert len(set(ids)) == len(ids)
    assert answered == ids[: len(answered)]
    assert len(ids) - len(answered) <= 1  # only the last call may wait for its answer


@pytest.mark.parametrize("name", list(PAIRS))
@settings(max_examples=150, deadline=None)
@given(one=pairs)
def test_call_pairs_come_back(name: str, one: CallPair) -> None:
    form = PAIRS[name]
    row, lost = _written(form, one)
    back = read_row(form, json.loads(json.dumps(row))).record
    if form.has_meta:
        assert lost == []
        assert _same(back, one)
    else:
        assert _same(back.model_copy(update={f: getattr(one, f) for f in {e.split(".")[0] for e in lost}}), one)


@pytest.mark.parametrize("name", list(DIALOGUES))
def test_the_shipped_shots_lose_nothing_but_what_openai_has_no_place_for(name: str) -> None:
    shots, _ = load_dialogues(find_domain("ticket_desk"))
    assert len(shots) == SHIPPED_DIALOGUES
    lost = {entry for one in shots for entry in write_row(DIALOGUES[name], one, SETTING)[1]}
    allowed = {"id", "flow", "path", "author", "source", "setup.seed", "setup.faults", "expected", "turns.line"}
    assert lost == (allowed if name == "openai" else set())


def test_text_and_call_of_one_turn_are_both_kept() -> None:
    one = _stay()
    row = write_row(openai.OPENAI, one, SETTING)[0]
    first = row["messages"][1]
    assert first["content"] == "Thought: A room is wanted.\nAction: Book for Li."
    assert json.loads(first["tool_calls"][0]["function"]["arguments"]) == {"guest": "Li"}
    row = write_row(sharegpt.SHAREGPT, one, SETTING)[0]
    assert row["conversations"][1] == {
        "from": "function_call",
        "value": '<think>\nThought: A room is wanted.\nAction: Book for Li.\n</think>\n\n'
                 '{"name": "Book", "arguments": {"guest": "Li"}}',
    }  # fmt: skip
    row = write_row(alpaca.ALPACA, one, SETTING)[0]
    assert row["history"] == [
        ["A room for Li", 'Thought: A room is wanted.\nAction: Book for Li.\nCall: Book{"guest":"Li"}']
    ]
    assert (row["instruction"], row["output"]) == ('Observation: {"room": 7}', "Room 7 is yours.")


def test_a_call_without_words_stands_alone_and_with_a_thought_alone() -> None:
    call = Turn(role="action", text="", call=Call(name="Find"))
    for before, said in (([], None), ([Turn(role="think", text="Look.")], "Look.")):
        one = Trajectory(id="a", turns=(Turn(role="user", text="hi"), *before, call))
        row, lost = write_row(openai.OPENAI, one, SETTING)
        assert (row["messages"][1]["content"], lost) == (said, ["id"])
        row, lost = write_row(sharegpt.SHAREGPT, one, SETTING)
        exact = '{"name": "Find", "arguments": {}}'
        assert row["conversations"][1]["value"] == (f"<think>\n{said}\n</think>\n\n{exact}" if said else exact)


def _stay() -> Trajectory:
    return Trajectory(
        id="stay",
        turns=(
            Turn(role="user", text="A room for Li"),
            Turn(role="think", text="A room is wanted."),
            Turn(role="action", text="Book for Li.", call=Call(name="Book", arguments={"guest": "Li"})),
            Turn(role="observation", text='{"room": 7}', answered=Observation(body={"room": 7})),
            Turn(role="reply", text="Room 7 is yours."),
        ),
    )


@settings(max_examples=200, deadline=None)
@given(one=trajectories)
def test_llama_factory_would_take_every_row(one: Trajectory) -> None:
    """From SharegptDatasetConverter and FunctionFormatter: sides alternate, calls are JSON behind thoughts."""
    row, _ = _written(sharegpt.SHAREGPT, one)
    said = row["conversations"]
    assert len(said) % 2 == 0
    for n, message in enumerate(said):
        assert message["from"] in (("gpt", "function_call") if n % 2 else ("human", "observation"))
        if message["from"] == "function_call":
            exact = message["value"].split("\n</think>\n\n")[-1]
            assert json.loads(exact).keys() == {"name", "arguments"}
    assert isinstance(json.loads(row["tools"]), list)


def test_fireacts_published_trajectories_come_back_to_the_letter() -> None:
    lines = shared("fireact/hotpotqa.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 500
    for line in lines:
        found = read_row(fireact.FIREACT, json.loads(line))
        row, lost = write_row(fireact.FIREACT, found.record, Setting())
        assert (json.dumps(row), lost, found.left) == (line, [], [])
        assert {turn.role for turn in found.record.turns} == {"user", "think", "action", "observation"}
        assert all(turn.call and turn.call.name in ("search", "finish") for turn in found.record.turns
                   if turn.role == "action")  # fmt: skip


def test_fireacts_alpaca_file_holds_the_same_dialogues() -> None:
    rows = json.loads(shared("fireact/hotpotqa_alpaca.json").read_text("utf-8"))
    lines = shared("fireact/hotpotqa.jsonl").read_text("utf-8").splitlines()
    for row, line in zip(rows, lines, strict=True):
        mine = read_row(alpaca.ALPACA, row).record.turns
        theirs = read_row(fireact.FIREACT, json.loads(line)).record.turns
        assert [(t.role, t.text.strip(), t.call) for t in mine] == [(t.role, t.text.strip(), t.call) for t in theirs]


def test_a_file_that_others_made_is_read_and_what_has_no_place_is_listed() -> None:
    row = {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [_part("Two "), _part("rooms")], "name": "Li"},
            {"role": "assistant", "tool_calls": [_called("a", "Book", '{"guest":"Li"}'), _called("b", "Find", "{}")]},
            {"role": "tool", "tool_call_id": "b", "content": "none"},
            {"role": "tool", "tool_call_id": "a", "content": '{"room": 1}'},
            {"role": "assistant", "content": "Done.", "weight": 1},
        ],
        "parallel_tool_calls": True,
    }  # fmt: skip
    found = read_row(openai.OPENAI, row)
    assert [(t.role, t.text, t.call and t.call.name) for t in found.record.turns] == [
        ("user", "Two rooms", None), ("action", "", "Book"), ("observation", '{"room": 1}', None),
        ("action", "", "Find"), ("observation", "none", None), ("reply", "Done.", None),
    ]  # fmt: skip
    assert found.record.id == digest(row)
    assert found.left == [
        "parallel_tool_calls", "messages: system message", "messages.name",
        "messages: calls at the same time (they follow one another now)", "messages.weight",
    ]  # fmt: skip


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _called(name: str, tool: str, arguments: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": tool, "arguments": arguments}}


def _messages(*found: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(found)}


def _calling(arguments: str) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [_called("a", "F", arguments)]}


_USER = {"role": "user", "content": "x"}
_HUMAN = {"from": "human", "value": ""}
_TURN = {"instruction": "x", "output": "y"}
_BAD: list[tuple[Form[Any], dict[str, Any], str]] = [
    (openai.OPENAI, {}, "messages: wanted a list of objects, found None"),
    (openai.OPENAI, _messages({"role": "user"}), "messages[0].content: wanted a text, found None"),
    (openai.OPENAI, _messages({"role": "robot"}), "messages[0].role: wanted system, user, assistant or tool"),
    (openai.OPENAI, _messages(_USER, {"role": "tool"}), "messages[1].role: a tool's answer without a call"),
    (openai.OPENAI, _messages(_calling("{")), "F: arguments: bad JSON"),
    (openai.OPENAI, _messages(_calling("3")), "F: arguments: wanted an object, found 3"),
    (
        openai.OPENAI,
        _messages(_calling("{}"), {"role": "tool", "tool_call_id": "z"}),
        "answer to each of a; found one to z",
    ),
    (sharegpt.SHAREGPT, {"conversations": [{"from": "gpt", "value": ""}]}, "wanted human or observation, found gpt"),
    (sharegpt.SHAREGPT, {"conversations": [_HUMAN, {"from": "function_call", "value": "x"}]}, "wanted a call as JSON"),
    (alpaca.ALPACA, {"instruction": "x"}, "output: wanted a text, found nothing"),
    (alpaca.ALPACA, {**_TURN, "history": [["a"]]}, "history: wanted pairs of texts"),
    (alpaca.ALPACA, {**_TURN, "output": "Action: a\nCall: nonsense"}, "wanted"),
    (alpaca.ALPACA, {**_TURN, "meta": "[1]"}, "meta: wanted a JSON object as text"),
    (alpaca.ALPACA, {**_TURN, "meta": '{"lines": [1]}'}, "meta: wanted 2 lines"),
    (alpaca.ALPACA, {**_TURN, "meta": '{"turns": 3}'}, "turns: "),
    (alpaca.ALPACA, {**_TURN, "tools": "[3]"}, "tools: wanted functions with a name"),
    (fireact.FIREACT, {"messages": [], "tools": True}, "tools: wanted a list of functions, found True"),
    (fireact.FIREACT, _messages({"role": "tool", "content": ""}), "wanted system, user or assistant, found tool"),
    (pair_forms.OPENAI, _messages(_USER), "wanted a user's message and the assistant's answer"),
    (pair_forms.ALPACA, {**_TURN, "output": "I will"}, "wanted"),
]


@pytest.mark.parametrize(("form", "row", "said"), _BAD)
def test_a_row_that_is_none_says_where_and_what_was_wanted(form: Form[Any], row: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011  the text is what is tested
        read_row(form, row)
    assert said in str(error.value)


_KEYS = [
    *("messages", "conversations", "role", "from", "value", "content", "tool_calls", "function", "name", "arguments"),
    *("instruction", "input", "output", "history", "meta", "tools", "turns", "lines"),
]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=14,
)
_FORMS = [*DIALOGUES.values(), *PAIRS.values()]


@pytest.mark.parametrize("form", _FORMS, ids=lambda form: f"{form.kind.__name__}-{form.name}")
@settings(max_examples=60, deadline=None)
@given(row=st.dictionaries(st.sampled_from(_KEYS), _json))
def test_no_row_of_anybodys_is_more_than_a_value_error(form: Form[Any], row: dict[str, Any]) -> None:
    with suppress(ValueError):
        read_row(form, row)
