"""Dialogues in the lesson's form: Actions without values get a wording with them, and roles come right."""

from __future__ import annotations

import pytest

from manyshot.config import find_domain
from manyshot.data.slots import domain_slots
from manyshot.dialogue.company import Company, company
from manyshot.dialogue.markdown import parse
from manyshot.shots.propose import Proposal, propose
from manyshot.spec.load import load_domain, load_flows
from manyshot.types import Call
from tests.dialogue.inn import Inn
from tests.shared import shared

#: A case of our own in the form of the lesson: no calls, no values, answers in Observations.
TOLD = """**User**: 充电枪拔不出来,想让人来修

**Think**: 先查一查知识库里有没有充电枪拔不出来的办法。
**Action**: 在知识库里查找充电枪拔不出来的处理办法。
**Observation**: 没有找到客户自己能用的办法,充电枪拔不出来要由师傅现场处理。

**Think**: 得先知道师傅哪天有空。
**Action**: 查询维修师傅可以上门的时间。
**Observation**: 后天上午和下午都有空。

**Think**: 还缺时间、姓名和地址。
**Action**: 询问客户选哪个时间。
**Observation**: 后天下午3点吧

**Think**: 还缺姓名。
**Action**: 询问客户的联系人姓名。
**Observation**: 孙晓梅

**Think**: 还缺地址。
**Action**: 询问客户的上门地址。
**Observation**: 南京市鼓楼区中山北路30号8栋602

**Think**: 都齐了。
**Action**: 汇总以上信息,新建维修工单。
**Observation**: 工单提交成功。

**Think**: 告诉客户。
**Action**: 把预约结果告诉客户。
"孙女士,已经为您约好了后天下午3点,师傅会准时上门。"
"""


@pytest.fixture(scope="module")
def desk() -> Company:
    folder = find_domain("ticket_desk")
    domain = load_domain(folder)
    return company(domain.context, load_flows(folder), domain_slots(domain), Inn)


@pytest.fixture(scope="module")
def actions() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for shot in load_domain(find_domain("ticket_desk")).shots:
        if shot.call:
            found.setdefault(shot.call.name, []).append(shot.action)
    return found


def proposed(text: str, desk: Company, actions: dict[str, list[str]]) -> Proposal:
    (one,), problems = parse(text, name="told")
    assert problems == []
    return propose(one, desk, actions)


def test_slotless_actions_name_their_values(desk: Company, actions: dict[str, list[str]]) -> None:
    made = proposed(TOLD, desk, actions)
    assert made.gaps == []
    assert made.path is not None
    assert made.path.flow == "fault_repair"
    calls = [turn.call for turn in made.trajectory.turns if turn.call]
    assert calls == [
        Call(name="SearchSolution", arguments={"problem": "充电枪拔不出来"}),
        Call(name="QueryTechnicianSlots", arguments={"date": "2024-10-12"}),
        Call(
            name="TicketCreate",
            arguments={
                "userName": "孙晓梅", "problem": "充电枪拔不出来", "address": "南京市鼓楼区中山北路30号8栋602",
                "serveTime": "2024-10-12 15:00",
            },
        ),
    ]  # fmt: skip
    for turn in made.trajectory.turns:
        if turn.call:
            assert list(desk.unsaid(turn.call, turn.text)) == []


def test_answers_become_the_customers_own_turns(desk: Company, actions: dict[str, list[str]]) -> None:
    turns = proposed(TOLD, desk, actions).trajectory.turns
    said = [turn.text for turn in turns if turn.role == "user"]
    assert said[1:] == ["后天下午3点吧", "孙晓梅", "南京市鼓楼区中山北路30号8栋602"]
    assert [turn.role for turn in turns].count("observation") == 3


def test_what_nobody_said_is_a_gap_and_not_made_up(desk: Company, actions: dict[str, list[str]]) -> None:
    told = TOLD.replace("**Action**: 询问客户的联系人姓名。\n**Observation**: 孙晓梅\n\n**Think**: 还缺地址。\n", "")
    made = proposed(told.replace("孙女士,", ""), desk, actions)
    assert [gap.split(":")[0] for gap in made.gaps] == ["TicketCreate"]
    assert '"userName"' in made.gaps[0]
    assert all("userName" not in turn.call.arguments for turn in made.trajectory.turns if turn.call)


def test_an_action_that_names_all_its_values_stays(desk: Company, actions: dict[str, list[str]]) -> None:
    text = '## a\n**User**: x\n**Action**: 查询工单CHB20241010001的进度。\n`TicketQuery{"ticketId":"CHB20241010001"}`\n'
    made = proposed(text + "**Observation**: timeout\n**Reply**: y\n", desk, actions)
    assert made.trajectory.turns[1].text == "查询工单CHB20241010001的进度。"
    made = proposed(text.replace("工单CHB20241010001的进度", "进度") + "**Observation**: timeout\n", desk, actions)
    assert made.trajectory.turns[1].text == "查询进度：工单号CHB20241010001。"
    made = proposed(text.replace("工单CHB20241010001的进度", "：进度") + "**Observation**: timeout\n", desk, actions)
    assert made.trajectory.turns[1].text == "查询：进度，工单号CHB20241010001。"


def test_the_lessons_own_submit_action_is_completed(desk: Company, actions: dict[str, list[str]]) -> None:
    text, end = shared("seed/lesson-13.txt").read_text("utf-8"), '您的工单号。"'
    start = text.index("**User**:")
    made = proposed(text[start : text.index(end, start) + len(end)], desk, actions)
    create = next(turn for turn in made.trajectory.turns if turn.call and turn.call.name == "TicketCreate")
    assert create.call is not None
    assert create.call.arguments["serveTime"] == "2024-10-11 09:00"
    assert list(desk.unsaid(create.call, create.text)) == []
    assert len(made.gaps) == 1  # nobody in it says a name
