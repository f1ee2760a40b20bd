"""Mermaid charts: what is read and proposed, and the way there and back. All charts were written for these tests."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from manyshot.config import find_domain
from manyshot.errors import SpecError
from manyshot.flow.conditions import write_value
from manyshot.flow.mermaid import RESERVED, draw
from manyshot.flow.paths import paths
from manyshot.flow.steps import Arm, Ask, Branch, CallTool, End, Flow, FlowSlot, Handoff, Say, Step, places
from manyshot.spec.check import check_flows
from manyshot.spec.faults import Findings
from manyshot.spec.flow_files import read_flow
from manyshot.spec.flow_write import write_flow
from manyshot.spec.imports.guess import Desk
from manyshot.spec.imports.mermaid import import_mermaid
from manyshot.spec.imports.mermaid_chart import Chart, read_chart
from manyshot.spec.imports.run import import_flow
from manyshot.spec.load import load_flows, read_any_tools
from tests.spec import desk as small

SHIPPED = load_flows(find_domain("ticket_desk"))
TOOLS = {tool.name: tool for tool in read_any_tools(find_domain("ticket_desk"), Findings())[0]}


def chart(text: str) -> tuple[Chart | None, Findings]:
    findings = Findings()
    return read_chart("x.mmd", text, findings), findings


def imported(folder: Path, text: str, desk: Desk | None = None) -> tuple[Flow | None, Findings]:
    (folder / "x.mmd").write_text(text, encoding="utf-8", newline="\n")
    findings = Findings()
    return import_mermaid(folder, "x.mmd", "x", desk or Desk(TOOLS), findings), findings


def plain(flow: Flow) -> Any:
    """A flow without the places where it was read; the order of steps does not count."""
    row = flow.model_dump(exclude={"source", "name"})
    return {**row, "steps": {step["id"]: {k: v for k, v in step.items() if k != "source"} for step in row["steps"]}}


SYNTAX = """\
---
title: all kinds of things
---
%%{init: {"theme": "dark"}}%%
graph LR %% left to right
    A([Start]) --> B{"sure?"}
    B --yes--> C[Do it]:::big-one & D(("x"))
    B -->|no| E>flag]; E -.-> F
    E -. "say #quot;so#quot;" .-> F[/one<br/>two/]
    F ==>|thick| G[[sub]]
    G == words ==> H@{ shape: diamond, label: "H it" }
    A e1@--> B %% a comment at the end
    e1@{ animate: true }
    subgraph one [A title]
        direction TB
        H --o I & J
        x-y --- K
    end
    %% a comment
    classDef big fill:#f9f,stroke:#333;
    class A,B big
    style A fill:#bbf
    click A "https://example.org" _blank
    K <--> L
    L ~~~ A
    L --> M[("store")] --> N{{hex}} --> O[\\back\\] --> P(((end))) --> Q(- round -)
    Q ----> 开始 --> z.1
"""


def test_the_syntax_of_charts() -> None:
    made, findings = chart(SYNTAX)
    assert made is not None, findings.faults
    shapes = {node.id: (node.words, node.shape) for node in made.nodes.values()}
    assert shapes["A"] == ("Start", "stadium")
    assert shapes["D"] == ("x", "circle")
    assert shapes["E"] == ("flag", "flag")
    assert shapes["F"] == ("one\ntwo", "slanted")
    assert shapes["G"] == ("sub", "subroutine")
    assert shapes["H"] == ("H it", "diamond")
    assert shapes["M"] == ("store", "cylinder")
    assert shapes["N"] == ("hex", "hexagon")
    assert shapes["P"] == ("end", "double circle")
    assert {"x-y", "开始", "z.1"} <= shapes.keys()
    edges = {(e.source, e.target, e.label) for e in made.edges}
    assert {("B", "C", "yes"), ("B", "D", "yes"), ("B", "E", "no"), ("E", "F", 'say "so"')} <= edges
    assert {("F", "G", "thick"), ("G", "H", "words"), ("H", "J", ""), ("K", "L", ""), ("L", "K", "")} <= edges
    assert ("L", "A", "") not in edges
    assert made.groups == {"one": ["I", "J", "x-y", "K"]}
    assert made.comments == [(19, "a comment"), (5, "left to right"), (12, "a comment at the end")]
    assert [e.line for e in made.edges if e.source == "K"] == [24]
    left = " ".join(hint.message for hint in findings.hints)
    for word in ("classDef", "class", "style", "click", "direction", "invisible link", 'subgraph "one"'):
        assert word in left


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, 'wanted "flowchart TD" or "graph LR" as the first line, found nothing'),
        ("sequenceDiagram\n A->>B: hi", 1, "only flowcharts are read"),
        ("flowchart TD\n\nA --> ", 3, "wanted a node, found the end of the line"),
        ("flowchart TD\nA[words --> B", 2, "] is missing"),
        ('flowchart TD\nA["words] --> B', 2, 'a " is not closed'),
        ('flowchart TD\nA["a" b] --> B', 2, "quote all of it"),
        ("flowchart TD\nA -- words B", 2, 'the arrow "--" has no end; write as: A -- words --> B'),
        ("flowchart TD\nA -> B", 2, "wanted an arrow or the end of the line, found -> B"),
        ("flowchart TD\nsubgraph s\nA --> B", 3, 'subgraph "s" is not closed'),
        ("flowchart TD\nA --> B\nend", 3, '"end" closes no subgraph'),
        ("flowchart TD\n%% nothing", 1, "the chart has no nodes"),
        ("flowchart TD\n" + " & ".join("a" + str(n) for n in range(60)) + " --> " +
         " & ".join("b" + str(n) for n in range(60)), 2, "more than 2,000 edges; split the chart"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_its_line(text: str, line: int, said: str) -> None:
    made, findings = chart(text)
    assert made is None
    assert findings.faults[0].line == line
    assert said in findings.faults[0].message


EXACT = """\
flowchart TD
    ask_id[/"ask: ticketId<br/>Which ticket?"/] --> find
    find["call: TicketQuery<br/>status → status"] --> done{done?}
    find -. failed .-> person[["handoff: not found"]]
    done -->|status == 已完成| bye
    done -->|else| tell["say: It is {status}."]
    tell --> bye(["end: told"])
"""


def test_exact_words_are_taken_as_they_stand(tmp_path: Path) -> None:
    flow, findings = imported(tmp_path, EXACT)
    assert flow is not None
    steps = flow.by_id
    asked, call, done = steps["ask_id"], steps["find"], steps["done"]
    assert isinstance(asked, Ask)
    assert (asked.slots, asked.text) == (("ticketId",), "Which ticket?")
    assert isinstance(call, CallTool)
    assert (call.tool, call.arguments, call.fills) == ("TicketQuery", {"ticketId": "{ticketId}"}, {"status": "status"})
    assert (call.next, call.failed) == ("done", "person")
    assert isinstance(done, Branch)
    assert [(arm.when, arm.go) for arm in done.arms] == [("status == 已完成", "bye"), (None, "tell")]
    assert flow.slots["ticketId"].about.startswith("工单号")
    assert findings.hints == []
    assert len(paths(flow)) == 2


def test_a_call_may_name_its_values_in_brackets(tmp_path: Path) -> None:
    flow, _ = imported(
        tmp_path, 'flowchart TD\na[ask: ticketId, reason] --> b["call: TicketCancel(ticketId, reason = {reason})"]'
    )
    assert flow is not None
    call = flow.by_id["b"]
    assert isinstance(call, CallTool)
    assert (call.tool, call.arguments) == ("TicketCancel", {"ticketId": "{ticketId}", "reason": "{reason}"})
    assert isinstance(flow.by_id[call.next], End)


PLAIN = """\
flowchart TD
    S([开始]) --> A[询问客户的故障现象]
    A --> B[查询故障解决知识库]
    B --> C{知识库能解决吗?}
    C -->|能| D[告诉客户处理办法]
    D --> E{问题排除了吗?}
    E -->|是| F([自行解决])
    E -->|否| G[查询技术人员的可用时间]
    C -->|不能| G
    G --> H[与客户确认上门时间和地址]
    H --> I[总结信息并提交工单]
    I --> J[告诉客户工单号]
    G -->|失败| K[转人工]
"""


def test_plain_words_are_read_with_proposals_and_give_a_sound_flow(tmp_path: Path) -> None:
    file, desk = tmp_path / "repair.mmd", tmp_path / "desk"
    file.write_text(PLAIN, encoding="utf-8")
    desk.mkdir()
    shipped = find_domain("ticket_desk")
    for name in ("domain.toml", "tools.json", "shots/calls.jsonl"):
        (desk / name).parent.mkdir(exist_ok=True)
        (desk / name).write_text((shipped / name).read_text("utf-8"), "utf-8")
    made = import_flow(file, desk)
    assert made.left == ()
    assert check_flows(desk).faults == ()
    (flow,) = load_flows(desk)
    assert {step.tool for step in flow.steps if isinstance(step, CallTool)} == {
        "SearchSolution", "QueryTechnicianSlots", "TicketCreate"
    }  # fmt: skip
    asked = [step.slots for step in flow.steps if isinstance(step, Ask)]
    assert ("problem",) in asked
    assert ("serveTime", "address") in asked
    assert ("userName",) in asked  # TicketCreate needs it and the chart asks for it nowhere
    assert flow.slots["知识库能解决吗"].judged  # decided from what the call brought
    assert not flow.slots["问题排除了吗"].judged  # decided after the customer was told something
    assert isinstance(flow.by_id["K"], Handoff)
    text = made.path.read_text("utf-8")
    assert '# repair.mmd:3: proposed: "查询故障解决知识库" calls SearchSolution' in text
    assert len(paths(flow)) >= 3


def test_subgraphs_loops_and_several_roots(tmp_path: Path) -> None:
    flow, findings = imported(
        tmp_path,
        "flowchart TD\nA[say: hi] --> one\nsubgraph one\nB[ask: problem] --> C{again}\nend\n"
        "C -->|yes| B\nC -->|no| D[end: done]\none --> D\nX[end: lost]\n",
    )
    assert flow is not None
    assert [step.id for step in flow.steps] == ["A", "B", "C", "D"]
    said = " ".join(hint.message for hint in findings.hints)
    assert 'the arrow to subgraph "one" leads to its first step' in said
    assert 'the arrow out of subgraph "one"' in said
    assert 'the flow starts at "A"; nothing leads to X' in said
    assert '"X", which no way from the start leads to' in said


@pytest.mark.parametrize("flow", SHIPPED, ids=lambda flow: flow.name)
def test_shipped_flows_come_back_from_their_charts(tmp_path: Path, flow: Flow) -> None:
    back, findings = imported(tmp_path, draw(flow))
    assert back is not None
    assert plain(back) == plain(flow)
    assert findings.hints == []
    assert [path.steps for path in paths(back)] == [path.steps for path in paths(flow)]


_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('\n"#<>{}|`;:,&-=~ '),
    max_size=20,
).map(lambda text: "\n".join(line.strip() for line in text.strip().split("\n")).strip())
_words = _text.filter(bool)
_scalar = st.booleans() | st.integers(-999, 999) | _words
_slots = ("a", "b", "等级")
_value = st.one_of(_scalar, st.sampled_from(["{a}", "x {b} y"]), st.lists(_scalar, max_size=2))


@st.composite
def flows(draw_: st.DrawFn) -> Flow:
    """Flows all of whose steps can be reached: each step leads to the next, some also elsewhere."""
    size = draw_(st.integers(1, 6))
    ids = draw_(st.lists(st.sampled_from([*RESERVED, "end_", "o1", "x2", "s", "步骤", "v"]), min_size=size + 1,
                         max_size=size + 1, unique=True))  # fmt: skip
    anywhere = st.sampled_from(ids)
    steps: list[Step] = []
    for name, following in itertools.pairwise(ids):
        steps.append(
            draw_(
                st.one_of(
                    _words.map(lambda text, n=name, f=following: Say(id=n, text=text, next=f)),
                    _text.map(lambda text, n=name, f=following: Ask(id=n, slots=("a", "等级"), text=text, next=f)),
                    st.builds(
                        CallTool, id=st.just(name), tool=st.just("TicketQuery"), next=st.just(following),
                        arguments=st.dictionaries(st.sampled_from(["ticketId", "limit"]), _value, min_size=1),
                        fills=st.dictionaries(st.sampled_from(_slots), st.sampled_from(["x", "y.z"])),
                        failed=anywhere | st.just(""),
                    ),
                    st.tuples(_scalar, anywhere).map(
                        lambda arm, n=name, f=following: Branch(id=n, arms=(
                            Arm(when=f"a == {write_value(arm[0])}", go=arm[1]), Arm(when=None, go=f)
                        ))
                    ),
                )
            )
        )  # fmt: skip
    closing = draw_(st.one_of(
        _words.map(lambda text: End(id=ids[-1], outcome=text)),
        _words.map(lambda text: Handoff(id=ids[-1], reason=text)),
    ))  # fmt: skip
    slots = {
        name: FlowSlot(about=draw_(_text), values=tuple(draw_(st.lists(_scalar, max_size=3, unique_by=repr))))
        for name in _slots
    }
    return Flow(name="x", about=draw_(_text), start=ids[0], given=_slots, slots=slots, steps=(*steps, closing))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(flow=flows())
def test_any_flow_comes_back_from_its_chart_and_from_its_file(tmp_path: Path, flow: Flow) -> None:
    # A chart declares whatever slot its words name: here only those the flow has, and none at its end.
    named = [set(places(step.model_dump(exclude={"source"}))) for step in flow.steps]
    assume(set().union(*named) <= set(_slots) and not named[-1])
    back, findings = imported(tmp_path, draw(flow))
    assert back is not None, (findings.faults, draw(flow))
    assert plain(back) == plain(flow), draw(flow)
    (tmp_path / "flows").mkdir(exist_ok=True)
    (tmp_path / "flows/x.yaml").write_text(write_flow(flow, ["a note"]), "utf-8", newline="\n")
    findings = Findings()
    read = read_flow(tmp_path, "flows/x.yaml", TOOLS, findings)
    assert read is not None or findings.faults
    if read is not None:
        assert plain(read) == plain(flow)


_pieces = st.sampled_from(
    ["flowchart TD\n", "graph LR;", "A", "B", "[", "]", "(", ")", "{", "}", '"', "-->", "---", "-.->", "==>", "--",
     "==", "-.", "|", "&", "\n", " ", ";", "subgraph x\n", "end\n", "%%", "@{", ":::c", "ask: a", "call: B", "a == 1",
     "else", "~~~", "style A x\n", "#quot;", "<br/>", "`", ">", "<", "开始", "%% slot a: b | c\n", " = [", " → "]
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.lists(_pieces, max_size=40).map(lambda parts: "flowchart TD\n" + "".join(parts)))
def test_no_text_makes_the_reader_fail(tmp_path: Path, text: str) -> None:
    flow, findings = imported(tmp_path, text.encode("utf-8", "replace").decode("utf-8"))
    assert (flow is None) == bool(findings.faults)
    if flow is not None:
        assert draw(flow)
        assert write_flow(flow)


@pytest.mark.parametrize("piece", ["A[", "A-->", 'A["', "((", "-- a ", "A & ", "%%{", "@{", "subgraph x\n", "A;" * 3])
def test_long_texts_are_read_in_no_time(tmp_path: Path, piece: str) -> None:
    flow, findings = imported(tmp_path, "flowchart TD\n" + piece * 20_000)
    assert flow is not None or findings.faults


def test_import_refuses_and_writes_nothing(tmp_path: Path) -> None:
    desk = small.Desk(tmp_path / "desk")
    file = tmp_path / "x.mmd"
    file.write_text("flowchart TD\nA[ask: day] --> B[call: Cancle] --> C[end: done]", "utf-8")
    for words, name, said in [
        (tmp_path / "x.png", "", "wanted a Mermaid chart (.mmd) or a Dify workflow (.yml), found .png"),
        (tmp_path / "none.mmd", "", "wanted this file, it is not there"),
        (file, "a b", 'wanted letters, digits and _; write "a_b"'),
    ]:
        with pytest.raises(SpecError) as error:
            import_flow(words, desk.folder, name)
        assert said in str(error.value)
    assert not (desk.folder / "flows").exists()
    made = import_flow(file, desk.folder)
    assert [fault.message for fault in made.left] == ['there is no tool "Cancle"; did you mean "Cancel"?']
    with pytest.raises(SpecError, match="there is a flow of this name; choose another with --name"):
        import_flow(file, desk.folder)
    assert import_flow(file, desk.folder, "other").path.name == "other.yaml"
