"""The Dify workflow DSL. The two files were written for these tests with the node kinds of exported ones."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyshot.config import find_domain
from manyshot.errors import SpecError
from manyshot.flow.paths import paths
from manyshot.flow.steps import Ask, Branch, CallTool, End, Flow, Say
from manyshot.spec.check import check_flows
from manyshot.spec.faults import Findings
from manyshot.spec.flow_write import write_flow
from manyshot.spec.imports.dify import import_dify
from manyshot.spec.imports.guess import Desk
from manyshot.spec.imports.run import import_flow
from manyshot.spec.load import load_flows
from tests.spec.test_spec_fuzz import _any, _places, _replaced

FILES = Path(__file__).parent / "dify"
CHAT, WORKFLOW = FILES / "fault_chat.yml", FILES / "review_workflow.yml"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """ticket_desk without its flows."""
    folder = tmp_path / "desk"
    shutil.copytree(find_domain("ticket_desk"), folder, ignore=shutil.ignore_patterns("flows"))
    return folder


def test_a_chatflow_becomes_a_sound_flow(desk: Path) -> None:
    made = import_flow(CHAT, desk)
    assert made.left == ()
    assert check_flows(desk).faults == ()
    (flow,) = load_flows(desk)
    assert (flow.name, flow.about, flow.given) == ("fault_chat", "充电桩报修助手", ("query",))
    intent = flow.by_id[flow.start]
    assert isinstance(intent, Branch)
    assert [arm.when for arm in intent.arms] == ["意图 == 设备故障", "意图 == 查询进度", "意图 == 其他"]
    assert flow.slots["意图"].judged
    calls = {step.tool: step for step in flow.steps if isinstance(step, CallTool)}
    assert calls.keys() == {"SearchSolution", "TicketQuery", "TicketCreate"}
    assert calls["SearchSolution"].arguments == {"problem": "{query}"}
    assert list(calls["SearchSolution"].fills.values()) == ["result"]
    assert calls["TicketQuery"].arguments == {"ticketId": "{取工单号_ticketId}"}
    assert isinstance(flow.by_id[calls["TicketQuery"].failed], Say)
    assert calls["TicketCreate"].arguments == {
        "userName": "{userName}", "address": "{address}", "serveTime": "{serveTime}", "problem": "{query}"
    }  # fmt: skip
    assert [step.slots for step in flow.steps if isinstance(step, Ask)] == [("userName", "address", "serveTime")]
    said = {step.id: step.text for step in flow.steps if isinstance(step, Say)}
    assert said["回复办法"] == "办法：{组织答案_text}"
    assert flow.slots["组织答案_text"].judged
    assert {path.steps[-1].words for path in paths(flow)} == {
        "回复办法",
        "回复进度",
        "查询失败",
        "转人工",
        "回复工单号",
    }


def test_what_cannot_be_carried_over_is_listed_with_its_line(desk: Path) -> None:
    made = import_flow(CHAT, desk)
    notes = {note.message: note.line for note in made.notes}
    lines = CHAT.read_text("utf-8").split("\n")
    for message, place in [
        ('not carried over: llm "组织答案": its prompt; values that it makes are judged by the assistant', "'1005'"),
        ('not carried over: code "取工单号": its code; values that it makes are judged by the assistant', "'1008'"),
        ('not carried over: the field color of "提交工单", which TicketCreate does not have', "'1013'"),
        ('not carried over: the data sets and ranking of "查询故障解决知识库"', "'1003'"),
    ]:
        assert lines[notes[message] - 1].strip() == f"- id: {place}"
    every = " ".join(notes)
    for part in (
        "the opening statement", "the notes on the canvas (1)", 'assigner "记下结果"', "URL, headers and authorization",
        "the model and the instruction of", 'the comparison "query start with 急"',
    ):  # fmt: skip
        assert part in every
    text = made.path.read_text("utf-8")
    assert all(f"{CHAT.name}:{line}: {message}" in text for message, line in notes.items() if line)
    assert "secret" not in text
    assert "example.com" not in text


def test_a_workflow_of_the_first_version(desk: Path) -> None:
    made = import_flow(WORKFLOW, desk, "reviews")
    (left,) = made.left
    assert left.message.startswith('there is no tool "File_complaint"; known: SearchSolution, QueryTechnicianSlots')
    findings = Findings()
    flow = import_dify(FILES, WORKFLOW.name, "reviews", Desk({}), findings)
    assert flow is not None
    check = flow.by_id["Is_it_bad"]
    assert isinstance(check, Branch)
    assert [arm.when for arm in check.arms] == ['score <= 2 or review contains "never again" or kind is filled', None]
    call = flow.by_id["File_complaint"]
    assert isinstance(call, CallTool)
    assert call.arguments == {"text": "{review}", "score": "{score}"}
    assert call.fills == {"File_complaint_body": "body"}
    assert flow.slots["kind"].values == ("food", "room")
    assert [step.outcome for step in flow.steps if isinstance(step, End)] == ["Thanked", "Filed"]
    notes = " ".join(hint.message for hint in findings.hints)
    assert 'iteration "Each line" with the 1 nodes in it: its loop over a list' in notes
    assert 'the parallel way to "File complaint"; a flow goes one way at a time' in notes


def exported(tmp_path: Path, change: Any) -> tuple[Flow | None, Findings]:
    value = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    change(value)
    (tmp_path / "x.yml").write_text(yaml.safe_dump(value, allow_unicode=True), "utf-8")
    findings = Findings()
    return import_dify(tmp_path, "x.yml", "x", Desk({}), findings), findings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(version="9.9.9"), 'DSL version "9.9.9" is not known, 0.1 to 0.6 are; export the app'),
        (lambda v: v.update(version="1.0.0"), 'DSL version "1.0.0" is not known'),
        (lambda v: v.update(version=7), 'DSL version "7" is not known'),
        (lambda v: v.update(kind="snippet"), "wanted an app exported from Dify (kind: app)"),
        (lambda v: v.pop("app"), "wanted an app exported from Dify (kind: app)"),
        (lambda v: v["app"].update(mode="agent-chat"), "wanted an app of mode workflow or advanced-chat, found"),
        (lambda v: v["workflow"].pop("graph"), "the workflow has no nodes"),
        (lambda v: v["workflow"]["graph"]["nodes"].pop(0), "the workflow has no start node"),
    ],
)
def test_what_is_no_drawn_flow_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    flow, findings = exported(tmp_path, change)
    assert flow is None
    assert said in findings.faults[0].message


def test_an_unknown_version_names_file_and_line_and_writes_nothing(desk: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.dify.yml"
    file.write_text(WORKFLOW.read_text("utf-8").replace("version: 0.1.0", "version: 4.0.0"), "utf-8")
    with pytest.raises(SpecError, match=re.escape(f'{file}:6: DSL version "4.0.0" is not known')):
        import_flow(file, desk)
    assert not (desk / "flows").exists()


def test_an_export_without_a_version_is_the_first(tmp_path: Path) -> None:
    flow, findings = exported(tmp_path, lambda v: v.pop("version"))
    assert flow is not None
    assert findings.faults == []


def test_ends_with_one_title_stay_different_paths(tmp_path: Path) -> None:
    def same_titles(value: Any) -> None:
        for node in value["workflow"]["graph"]["nodes"][-2:]:
            node["data"]["title"] = "End"

    flow, _ = exported(tmp_path, same_titles)
    assert flow is not None
    assert [step.outcome for step in flow.steps if isinstance(step, End)] == ["End", "End_2"]


def test_routes_of_an_openapi_domain_name_the_tool(tmp_path: Path) -> None:
    desk = tmp_path / "api"
    (desk / "shots").mkdir(parents=True)
    (desk / "domain.toml").write_text('name = "api"\nlanguage = "en"\ntoday = 2024-10-10\n')
    (desk / "openapi.yaml").write_text(
        "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /guests/{guest}/complaints:\n    post:\n"
        "      operationId: fileComplaint\n      parameters:\n"
        "      - {name: guest, in: path, required: true, schema: {type: string}}\n"
        "      requestBody: {content: {application/json: {schema: {type: object, properties: "
        "{text: {type: string}, score: {type: string}}}}}}\n      responses: {'200': {description: ok}}\n"
    )
    file = tmp_path / "x.yml"
    url = "https://api.example.com/v2/guests/{{#start.kind#}}/complaints"
    file.write_text(WORKFLOW.read_text("utf-8").replace("https://api.example.com/complaints", url), "utf-8")
    import_flow(file, desk)
    (call,) = (step for step in load_flows(desk)[0].steps if isinstance(step, CallTool))
    assert call.tool == "fileComplaint"
    assert call.arguments == {"guest": "{kind}", "text": "{review}", "score": "{score}"}


_good = yaml.safe_load(CHAT.read_text("utf-8"))
_old = yaml.safe_load(WORKFLOW.read_text("utf-8"))


@pytest.mark.parametrize("good", [_good, _old], ids=["chat", "workflow"])
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_change_makes_the_reader_fail(tmp_path: Path, good: Any, data: st.DataObject) -> None:
    value = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 3))):
        value = _replaced(value, data.draw(st.sampled_from(_places(value))), data.draw(_any))
    (tmp_path / "x.yml").write_text(yaml.safe_dump(value, allow_unicode=True), "utf-8")
    findings = Findings()
    flow = import_dify(tmp_path, "x.yml", "x", Desk({}), findings)
    assert (flow is None) == bool(findings.faults)
    if flow is not None:
        assert write_flow(flow)


def test_a_variable_called_as_a_word_of_conditions_gets_another_name(tmp_path: Path) -> None:
    """Dify allows a variable "in"; a condition could not name a slot so called."""
    text = (
        WORKFLOW.read_text("utf-8").replace("variable: score", "variable: in").replace("[start, score]", "[start, in]")
    )
    (tmp_path / "x.yml").write_text(text, "utf-8")
    flow = import_dify(tmp_path, "x.yml", "x", Desk({}), Findings())
    assert flow is not None
    check = flow.by_id["Is_it_bad"]
    assert isinstance(check, Branch)
    assert check.arms[0].when is not None
    assert check.arms[0].when.startswith("in_ <= 2 or ")


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.text(alphabet="{}[]:-,\n ab1#&*!?|>\"'", max_size=80))
def test_no_text_makes_the_reader_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yml").write_bytes(text.encode("utf-8", "replace"))
    findings = Findings()
    assert import_dify(tmp_path, "x.yml", "x", Desk({}), findings) is None
    assert findings.faults
