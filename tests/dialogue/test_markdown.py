"""Dialogues as text: what is written reads back the same, and slips are faults with their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.dialogue.exact import read_observation, write_observation
from manyshot.dialogue.markdown import parse
from manyshot.dialogue.writing import rewrite, write
from manyshot.errors import DataError
from manyshot.types import Call, CallFault, Json, Observation, Setup, Trajectory, Turn
from tests.shared import shared

#: The lesson's form, with a case of our own: answers stand as Observations, Actions name no values, quotes around the
#: reply, no id.
LESSON_FORM = """**User**: 家里的充电桩充不进电了,想报修

**Think**: 先到知识库里找找办法,不行就得上门,所以也要看看师傅的时间。
**Action**: 到知识库查找充电桩充不进电的办法。
**Observation**: 知识库里说,充电桩充不进电一般要师傅到现场检修。

**Think**: 还不知道客户住在哪里、什么时候方便。
**Action**: 问客户的地址和方便的时间。
**Observation**: 杭州市西湖区文三路259号2幢1503

**Think**: 可以确认了。
**Action**: 告诉客户工单已经提交。
"已经为您安排好了:
工单号:CHB20241010009
请保持电话畅通。"
"""
#: Text made of what could be taken for structure, and of ordinary signs.
PIECES = ("**User**: ", "**Reply**:", "## x", "\\", "`", "```", '"', "“", "”", "{", "}", "Cancel{}", "404 {}",
          "timeout", "flow: a", "\n", "\n\n", " ", "好", "a", "：", "\r", "\u2028", "*", "#")  # fmt: skip
words = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map(lambda p: "".join(p).strip())
filled = words.filter(bool).filter(lambda text: text.isprintable() or "\ud800" not in text)
line = filled.map(lambda text: " ".join(text.split("\n")).strip()).filter(bool)
names = st.from_regex(r"[\w.-]{1,8}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5)
objects = st.dictionaries(st.text(max_size=4), scalars | st.lists(scalars, max_size=2), max_size=3)
calls = st.builds(Call, name=st.sampled_from(["Book", "取消", "a.b-c"]), arguments=objects)
answers = st.builds(Observation, status=st.sampled_from([200, 204, 404, 503]), body=objects | scalars) | st.just(
    Observation(status=0)
)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    role = draw(st.sampled_from(["user", "think", "action", "observation", "reply"]))
    if role == "action":
        return Turn(role=role, text=draw(line), call=draw(st.none() | calls))
    if role == "observation":
        return Turn(role=role, text=draw(filled), answered=draw(st.none() | answers))
    return Turn(role=role, text=draw(filled))


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    return Trajectory(
        id=draw(names), flow=draw(st.just("") | line), path=draw(st.just("") | names), author=draw(st.just("") | line),
        turns=tuple(draw(st.lists(turns(), min_size=1, max_size=6))), expected=draw(objects),
        setup=Setup(
            rows=draw(st.dictionaries(names, st.lists(objects, max_size=2), max_size=2)),
            faults=tuple(draw(st.lists(st.builds(CallFault, call=names, nth=st.integers(1, 3),
                                                 kind=st.sampled_from(["error", "timeout"])), max_size=2))),
            seed=draw(st.integers(0, 9)),
        ),
    )  # fmt: skip


def bare(one: Trajectory) -> Json:
    """All but the places."""
    row = one.model_dump(exclude={"source"})
    return {**row, "turns": [{**turn, "line": 0} for turn in row["turns"]]}


@given(st.lists(trajectories(), min_size=1, max_size=3))
def test_what_is_written_reads_back_the_same(given: list[Trajectory]) -> None:
    text = write(given)
    read, problems = parse(text, "shots/a.md")
    assert problems == []
    assert [bare(one) for one in read] == [bare(one) for one in given]
    assert write(read) == text


def test_words_that_look_like_an_exact_answer_read_back() -> None:
    turns = (Turn(role="user", text="hi"), Turn(role="action", text="ask"), Turn(role="observation", text="x\n\r`"))
    one = Trajectory(id="x", turns=(*turns, Turn(role="reply", text="ok")))
    read, problems = parse(write([one]))
    assert problems == []
    assert bare(read[0]) == bare(one)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join))
def test_any_text_is_read_or_refused_with_a_line_of_its_own(text: str) -> None:
    read, problems = parse(text, "x.md", "x")
    assert read or problems
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in problems)


@given(answers)
def test_answers_read_back(answer: Observation) -> None:
    assert read_observation(write_observation(answer)) == answer


def test_the_lessons_form_keeps_its_lines_and_roles() -> None:
    (read,), problems = parse(LESSON_FORM, "shots/charger.md", "charger")
    assert problems == []
    assert read.id == "charger"
    assert [turn.role for turn in read.turns] == (
        ["user", "think", "action", "observation", "think", "action", "observation", "think", "action", "reply"]
    )
    assert [turn.line for turn in read.turns] == [1, 3, 4, 5, 7, 8, 9, 11, 12, 13]
    assert read.turns[6].text == "杭州市西湖区文三路259号2幢1503"
    assert read.turns[6].answered is None
    assert read.turns[-1].text == "已经为您安排好了:\n工单号:CHB20241010009\n请保持电话畅通。"


FULL = """# 报修
写给审核人的话。

## repair-1
流程: fault_repair
path: fault_repair-46ed5d63
作者： 王工
world: {"tickets": [{"ticketId": "CHB20241010001"}]}
faults: [{"call": "TicketCreate", "nth": 2, "kind": "timeout"}]

**用户**：充电桩坏了
**思考**：先查。
**行动**：查询明天师傅的时间。
```
QueryTechnicianSlots {
  "date": "2024-10-11"
}
```
**观察**：明天都满了。
`{"slots": []}`

**Think**: x
**Action**: 建单。
`TicketCreate{"a":1}`
**Observation**: timeout

**回复**：**工单号**：没有
\\## 不是标题
## repair-2
**User**: 在吗
**Reply**: 在的
"""


def test_chinese_labels_calls_and_answers() -> None:
    (first, second), problems = parse(FULL, "shots/a.md")
    assert problems == []
    assert (first.flow, first.path, first.author) == ("fault_repair", "fault_repair-46ed5d63", "王工")
    assert first.setup.rows == {"tickets": [{"ticketId": "CHB20241010001"}]}
    assert first.setup.faults == (CallFault(call="TicketCreate", nth=2, kind="timeout"),)
    action, seen = first.turns[2:4]
    assert action.call == Call(name="QueryTechnicianSlots", arguments={"date": "2024-10-11"})
    assert (seen.text, seen.answered) == ("明天都满了。", Observation(body={"slots": []}))
    assert first.turns[6].answered == Observation(status=0)
    assert first.turns[-1].text == "**工单号**：没有\n## 不是标题"
    assert str(second.source) == "shots/a.md:29"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "no dialogue"),
        ("# only a title\n", 1, "no dialogue"),
        ("## a b\n**User**: x\n", 1, "wanted an id"),
        ("## a\n", 1, "has no blocks"),
        ("## a\nflaw: x\n**User**: x\n", 2, 'did you mean "flow"'),
        ("## a\nflow: x\nflow: y\n**User**: x\n", 3, "already on line 2"),
        ("## a\nseed: x\n**User**: x\n", 2, "bad JSON"),
        ('## a\nfaults: [{"call": "A", "kind": "boom"}]\n**User**: x\n', 2, "faults.0.kind"),
        ("## a\nexpected: []\n**User**: x\n", 2, "wanted expected as an object"),
        ("## a\n**User**: x\n**Obsevation**: y\n", 3, 'did you mean "Observation"'),
        ("## a\n**User**:\n", 2, "the User is empty"),
        ("## a\n**User**: x\n**Action**:\n`A{}`\n", 3, "has no words"),
        ("## a\n**User**: x\n**Action**: y\n`A{1}`\n", 4, "bad call"),
        ("## a\n**User**: x\n**Action**: y\n```\nA{\n```\n", 4, "bad call"),
        ("## a\n**User**: x\n**Observation**: y\n`404`\n", 4, "wanted an answer"),
        ('## a\n**User**: x\n**Action**: y\n"bye"\nand more\n', 5, "behind the closing quote"),
    ],
)
def test_a_slip_is_a_fault_with_its_line(text: str, line: int, said: str) -> None:
    read, problems = parse(text, "x.md", "x")
    assert [problem.line for problem in problems] == [line]
    assert said in problems[0].message
    assert read == []


def test_a_broken_dialogue_does_not_take_the_next_one_with_it() -> None:
    read, problems = parse("## a\nflaw: x\n**User**: x\n## b\n**User**: y\n", "x.md")
    assert ([one.id for one in read], len(problems)) == (["b"], 1)


@pytest.mark.parametrize("start", ["## a", "##", "**", "**User", "## a\n**User**: x\n**Action**: y\na", "## a\na"])
def test_long_lines_cost_no_more_than_their_length(start: str) -> None:
    parse(f"{start}{' ' * 20_000}x{'#' * 20_000}{'{' * 20_000}!", "x.md", "x")


@pytest.mark.parametrize(
    "turn", [Turn(role="action", text="a\nb"), Turn(role="user", text=" a"), Turn(role="think", text="")]
)
def test_what_would_not_read_back_is_not_written(turn: Turn) -> None:
    with pytest.raises(DataError):
        write([Trajectory(id="a", turns=(turn,))])


def test_the_lessons_own_dialogue_is_read() -> None:
    text = shared("seed/lesson-13.txt").read_text("utf-8")
    start = text.index("**User**:")
    (read,), problems = parse(text[start : text.index('您的工单号。"', start) + len('您的工单号。"')], "l.md", "lesson")
    assert problems == []
    assert [turn.role for turn in read.turns].count("action") == 6
    assert read.turns[-1].role == "reply"


@given(st.lists(trajectories(), min_size=1, max_size=3, unique_by=lambda one: one.id), st.integers(0, 2))
def test_rewriting_one_dialogue_leaves_the_others_and_the_prose(given: list[Trajectory], at: int) -> None:
    text = "# Title\n\nfor readers\n\n" + write(given)
    assert rewrite(text, "x", {}) == text
    chosen = given[at % len(given)]
    changed = chosen.model_copy(update={"author": "somebody else"})
    read, problems = parse(rewrite(text, "x", {chosen.id: changed}))
    assert problems == []
    assert [bare(one) for one in read] == [bare(changed if one is chosen else one) for one in given]
