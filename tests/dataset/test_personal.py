"""Personal data is found and taken out, and a record stays a record."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.config import find_domain
from manyshot.dataset.personal import Redactor, find, redact, scan
from manyshot.dialogue.exact import write_observation
from manyshot.records import read_jsonl, write_jsonl
from manyshot.spec.load import load_dialogues
from manyshot.types import Call, CallPair, Observation, Trajectory, Turn
from tests.test_cli_flow import ran

TEXTS = [
    ("我的电话138 1234 5678，也可打010-62345678", "我的电话[phone 1]，也可打[phone 2]"),
    ("call +1 415-555-2671 or 020 7946 0958", "call [phone 1] or [phone 2]"),
    ("写信到 li.na@example.com.cn 就行", "写信到 [mail 1] 就行"),
    ("车牌是京A·12345", "车牌是[plate 1]"),
    ("身份证11010519491231002X", "身份证[identity 1]"),
    ("卡号6222021001116245702，账号6222021001116245703", "卡号[card 1]，账号[number 1]"),  # the check digit tells
    ("card 4111 1111 1111 1111 please", "card [card 1] please"),
    ("工单CHB20241008001 明天10点", "工单[id 1] 明天10点"),
    ("我叫欧阳倩，姓名：王伟", "我叫[name 1]，姓名：[name 2]"),
    ("帮王先生问问，李女士也在", "帮[name 1]先生问问，[name 2]女士也在"),
    ("My name is John Smith. Mrs Jones is out", "My name is [name 1]. Mrs [name 2] is out"),
    ("地址是北京市丰台区南四环西路186号，明天来", "地址是[address 1]，明天来"),
    ("Bearer abc.def-123456", "Bearer [key 1]"),
    ("key sk-abcdefghijklmnopqrstuv", "key [key 1]"),
    ("from 192.168.10.1", "from [network 1]"),
    ("from 2001:db8::ff00:42:8329 at 12:30:45", "from [network 1] at 12:30:45"),
    ("打一三八一二三四五六七八", "打[number 1]"),
    ("it is five five five oh one two double seven", "it is [number 1]"),
    ("我是王小明，来报修", "我是[name 1]，来报修"),
    ("Hi, I’m Zoe Miller. Kind regards, Priya Shah", "Hi, I’m [name 1]. Kind regards, [name 2]"),
    ("住阳光花园3栋2单元501", "[address 1]"),
    ("I live at 221B Baker Street, SW1A 1AA", "I live at [address 1], [address 2]"),
    ("ssn 123-45-6789, iban GB29 NWBK 6016 1331 9268 19", "ssn [identity 1], iban [card 1]"),
    ("出生日期：1990年1月2日，微信号wx_lina88", "出生日期：[birthday 1]，微信号[account 1]"),
    ("token msd_abcdefghijklmnopqrstuvwxyz", "token [key 1]"),
    ('{"userName": "蒋丽华", "problem": "不通电"}', '{"userName": "[name 1]", "problem": "不通电"}'),
]
HARMLESS = [
    "充电桩不通电，功率7.5kW，2024-10-11 09:00上门",
    "请安排师傅周三上门，姓名和地址是什么？您怎么称呼",
    "a tour of 35000 seats, version 1.2.3 and 999.999.1.1, 12 of 40, room 1204",
    "这张单目前是“待派单”，周一师傅有空",
    "我是客户，是白天在家，不是安装；一二三四五；二三十分钟",
    "open 09:00:00 to 18:30:00, five minutes drive down the main road, one two three",
    "GB12 model, batch AB12CD, born ready, my name is on the order",
]


@pytest.mark.parametrize(("text", "clean"), TEXTS)
def test_what_is_personal_gets_a_mark(text: str, clean: str) -> None:
    assert Redactor().text(text) == clean


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_not_stays(text: str) -> None:
    assert find(text) == []


_words = st.lists(
    st.sampled_from([*(text for text, _ in TEXTS), *HARMLESS, "[name 1]", "\n", " ", "1", "x", "。", "李", "138"]),
    max_size=5,
).map("".join)


@settings(deadline=None)
@given(_words)
def test_nothing_is_found_in_what_was_redacted(text: str) -> None:
    clean = Redactor().text(text)
    assert Redactor().text(clean) == clean


@given(st.text(max_size=60))
def test_findings_lie_in_the_text_without_overlap(text: str) -> None:
    found = find(text)
    assert all(text[one.start : one.end] == one.text for one in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_a_record_stays_true_to_itself() -> None:
    shots, _ = load_dialogues(find_domain("ticket_desk"))
    for one in shots:
        clean, taken = redact(one)
        assert scan(clean) == []
        assert [t.role for t in clean.turns] == [t.role for t in one.turns]
        assert [t.call and t.call.name for t in clean.turns] == [t.call and t.call.name for t in one.turns]
        assert (clean.id, clean.path, clean.source) == (one.id, one.path, one.source)
        for turn, was in zip(clean.turns, one.turns, strict=True):
            if was.answered is not None and was.text == write_observation(was.answered):
                assert turn.answered is not None
                assert turn.text == write_observation(turn.answered)
        text = clean.model_dump_json()
        assert not any(piece.text in text for piece in scan(one))
        assert sum(taken.values()) >= len(scan(one))


def test_one_value_has_one_mark_wherever_it_stands() -> None:
    one = Trajectory(
        id="a",
        turns=(
            Turn(role="user", text="我叫王伟，13812345678"),
            Turn(role="action", text="Look up 王伟.", call=Call(name="Find", arguments={"phone": 13812345678, "n": 3})),
            Turn(role="observation", text="", answered=Observation(body={"userName": "王伟", "ok": True})),
        ),
    )
    clean, taken = redact(one)
    assert clean.turns[0].text == "我叫[name 1]，[phone 1]"
    assert clean.turns[1].text == "Look up [name 1]."
    assert clean.turns[1].call == Call(name="Find", arguments={"phone": "[phone 1]", "n": 3})
    assert clean.turns[2].answered == Observation(body={"userName": "[name 1]", "ok": True})
    assert taken == {"name": 3, "phone": 2}


def test_call_pairs_are_redacted_in_all_their_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = CallPair(
        id="p", kind="plain", action="给138 1234 5678打电话", group="Call/says",
        call=Call(name="Call", arguments={"phone": "13812345678"}), surfaces={"phone": "138 1234 5678"},
    )  # fmt: skip
    file, out = tmp_path / "pairs.jsonl", tmp_path / "clean.jsonl"
    write_jsonl(file, [pair])
    code, said, _ = ran(["dataset", "redact", file, "--out", out], capsys)
    assert code == 0
    assert "1 records; taken out: phone 3" in said
    (clean,) = read_jsonl(out, CallPair)
    assert "1234" not in json.dumps(clean.model_dump(mode="json"))
    assert clean.call is not None
    assert clean.call.name == "Call"


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "eyJ",
        "姓名",
        "地址",
        "王",
        "Mr ",
        " ",
        "a@",
        "a.",
        "bearer ",
        "京A",
        "A1",
        "a-",
        "1.",
        '"name" ',
    ],
)
def test_a_long_text_takes_time_in_proportion(piece: str) -> None:
    def seconds(times: int) -> float:
        text, began = piece * times, time.process_time()
        find(text)
        return time.process_time() - began

    assert seconds(16_000) < 0.1 + 12 * seconds(4_000)  # in proportion 4, quadratic 16


def test_labels_may_stand_apart_from_what_they_announce() -> None:
    assert Redactor().text('"userName" : "Li Na"') == '"userName" : "[name 1]"'
    assert Redactor().text("姓名 ： 王伟") == "姓名 ： [name 1]"
    assert Redactor().text("Address: 5 Long Lane") == "Address: [address 1]"


def test_a_known_name_is_not_cut_out_of_longer_words() -> None:
    redactor = Redactor()
    redactor.know(["Ann", "Ann Lee", "小雨"])
    said = "Ann's annual check, Annual cover, Joann and AnnLee: Ann Lee, 张小雨"
    assert redactor.text(said) == (
        "[known 1]'s annual check, Annual cover, Joann and [known 1]Lee: [known 2], 张[known 3]"
    )
