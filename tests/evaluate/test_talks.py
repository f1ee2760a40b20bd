"""The page of scenarios shows what the rows say, in both languages, and loads nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from manyshot.assistants import workflow_of
from manyshot.config import find_domain
from manyshot.evaluate.talk_words import EN, ZH
from manyshot.evaluate.talks import Heading, classes_of, render
from manyshot.progress import Silent
from manyshot.scenario.play import Stage
from manyshot.simulate import report, simulate
from manyshot.spec.load import load_domain, load_flows, load_scenarios
from manyshot.types import CallFault, Json, Outcome, Scenario
from manyshot.world.opening import opener

HEADING = Heading("desk", "tuned, guided", datetime(2024, 10, 10, 9, 30, tzinfo=UTC))
SCENARIOS = (
    Scenario(
        id="s1", flow="repair", path="fixed", goal="A <visit>", opening="Hello",
        expected=Outcome(created=[{"table": "tickets", "name": ["Anna", "Anne"], "place": {"contains": ["Rome"]}}]),
    ),
    Scenario(id="s2", flow="repair", path="person", opening="Help", expected=Outcome(handoff=True)),
    Scenario(
        id="s3", flow="query", opening="Where?", faults=(CallFault(call="Find", nth=1, kind="error"),)
    ),
)  # fmt: skip


def row(name: str, trial: int, passed: bool, *, handoff: bool = False, turns: int = 2, **more: object) -> Json:
    violations = [] if passed else ["Find was not called"]
    return {
        "id": name, "trial": trial, "pass": passed, "violations": violations, "handoff": handoff, "turns": turns,
        "final_state": {}, "dialogue": [], **more,
    }  # fmt: skip


FAILED = row(
    "s1", 1, False, turns=4, final_state={"created": [{"table": "tickets", "name": "Bob"}]},
    dialogue=[
        {"role": "user", "text": "I am <b>Anna</b>"},
        {"role": "action", "text": "Find", "call": {"name": "Find", "arguments": {"name": "Anna"}}},
        {"role": "observation", "text": "{}"},
        {"role": "reply", "text": "Done."},
    ],
)  # fmt: skip
ROWS = [
    row("s1", 0, True), row("s2", 0, True, handoff=True), row("s3", 0, False),
    FAILED, row("s2", 1, False), row("s3", 1, False),
]  # fmt: skip


def text(html: str) -> str:
    """What is read, in one line."""
    body = html[html.index("<body>") :]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    assert EN.keys() == ZH.keys()
    places = re.compile(r"{\w+}")
    assert {key for key in EN if sorted(places.findall(EN[key])) != sorted(places.findall(ZH[key]))} == set()


def test_the_figures_are_those_of_the_rows() -> None:
    said = text(render(ROWS, SCENARIOS, 2, HEADING, "en"))
    assert "0 of 3 scenarios pass in all 2 conversations." in said
    assert "pass^1 = 33.3%" in said
    assert "pass^2 = 0.0%" in said
    assert "handed over to a person 1 / 6" in said
    assert "handed over wrongly, or wrongly not 1" in said
    assert "repair / fixed" in said
    assert "conversation 2" in said


def test_a_single_conversation_each_needs_no_powers() -> None:
    said = text(render(ROWS[:3], SCENARIOS, 1, HEADING, "en"))
    assert "2 of 3 scenarios pass." in said
    assert "pass^" not in said


def test_a_failure_shows_words_state_and_dialogue_escaped() -> None:
    html = render(ROWS, SCENARIOS, 2, HEADING, "en")
    said = text(html)
    assert "I am &lt;b&gt;Anna&lt;/b&gt;" in html
    assert "A &lt;visit&gt;" in html
    assert "tickets: name = Anna | Anne, place = {&#34;contains&#34;: [&#34;Rome&#34;]}" in html
    assert "tickets: name = Bob" in said
    assert "Find(name=Anna)" in said
    assert "Find was not called" in said
    assert html.count('<article class="fail') == 4


def test_the_weakest_paths_come_first() -> None:
    html = render(ROWS[:3], SCENARIOS, 1, HEADING, "en")
    assert html.index(">query<") < html.index(">repair / fixed<")


def test_classes_tell_what_is_asked() -> None:
    assert [classes_of(one) for one in SCENARIOS] == [["changes"], ["handoff", "unchanged"], ["unchanged", "faults"]]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_loads_nothing(language: str) -> None:
    html = render(ROWS, SCENARIOS, 2, HEADING, language)  # type: ignore[arg-type]
    assert f'<html lang="{language}">' in html
    assert "default-src 'none'" in html
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "")


def test_no_rows_are_said_to_be_none() -> None:
    assert "No conversation was judged." in render([], SCENARIOS, 1, HEADING, "en")


def test_a_simulation_writes_its_page_beside_the_rows(tmp_path: Path) -> None:
    folder = find_domain("ticket_desk")
    domain, flows = load_domain(folder), load_flows(folder)
    scenarios = load_scenarios(folder / "tests" / "scenarios.jsonl", folder)[:4]
    stage = Stage("zh", flows, domain.tools, opener(domain, flows, trust=True))
    out = tmp_path / "results.jsonl"
    rows = simulate(scenarios, stage, workflow_of(folder, trust=True), out, Silent(), trials=1, key="w")
    page = report(out, rows, scenarios, domain, 1, "workflow")
    assert page == tmp_path / "results.html"
    html = page.read_text("utf-8")
    failed = [one for one in rows if not one["pass"]]
    assert html.count('<article class="fail') == len(failed)
    assert "ticket_desk · 助手把事办成了吗？" in html
