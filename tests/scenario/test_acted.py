"""A customer that a model plays: good ones talk as the script would, bad ones are found out and cost the assistant
nothing."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manyshot.assistants import workflow_of
from manyshot.config import find_domain
from manyshot.errors import ModelError
from manyshot.plugs.models.openai import OpenAIChat
from manyshot.progress import Silent
from manyshot.scenario.acted import HANG_UP
from manyshot.scenario.customer import Customer, asked_together, moments_of, words_of_keys
from manyshot.scenario.play import Stage, pass_power, play
from manyshot.scenario.slips import Watch, choices_of, told
from manyshot.simulate import TOO_LATE, casting, judged, simulate
from manyshot.simulate import told as lines
from manyshot.spec.load import load_domain, load_flows, load_scenarios
from manyshot.types import Json, Scenario
from manyshot.world.opening import opener
from tests.dialogue.inn import Inn, inn_folder
from tests.endpoint import Reply, completion, endpoint, refusal
from tests.scenario.test_play import BOOK, GOOD, LOOK, TELL, WHO, assistant
from tests.test_cli_flow import ran

THOUGHTS = (LOOK, WHO, BOOK, TELL)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("inn") / "inn"
    inn_folder(folder)
    return Stage("en", load_flows(folder), load_domain(folder).tools, Inn)


def hung_up() -> Reply:
    status, body, headers = completion("")
    row = json.loads(body)
    call = {"id": "1", "type": "function", "function": {"name": HANG_UP, "arguments": "{}"}}
    row["choices"][0]["message"]["tool_calls"] = [call]
    return status, json.dumps(row), headers


def says(*texts: str) -> Callable[[Json], Reply]:
    """Answers each question with the next text, and hangs up when there is none."""

    def answer(request: Json) -> Reply:
        turn = sum(message["role"] == "assistant" for message in request["messages"]) - 1
        return completion(texts[turn]) if turn < len(texts) else hung_up()

    return answer


def acted(
    stage: Stage, answer: Callable[[Json], Reply], tmp_path: Path, *, again: int = 1, seconds: float = 5.0,
    scenario: Json = GOOD, thoughts: Sequence[Any] = THOUGHTS,
) -> tuple[Json, list[Json]]:  # fmt: skip
    """The row of one conversation, and what the endpoint was asked."""
    with endpoint(answer) as there:
        chat = OpenAIChat(there.url, "m", temperature=0.7, seconds=seconds)
        with casting(chat, "m", tmp_path / "kept.jsonl", stage) as cast:
            row = play(
                Scenario.model_validate(scenario), replace(stage, casting=cast, again=again), assistant(*thoughts)
            )
        chat.close()
        return row, there.requests


def test_a_good_customer_is_told_its_goal_and_profile_and_passes(stage: Stage, tmp_path: Path) -> None:
    row, asked = acted(stage, says("Ann Lee, there are two of us"), tmp_path)
    assert (row["pass"], row["slips"], row["customer_error"]) == (True, [], None)
    said = [turn["text"] for turn in row["dialogue"] if turn["role"] == "user"]
    assert said == [GOOD["opening"], "Ann Lee, there are two of us"]
    assert '"guest": "Ann Lee"' in asked[0]["messages"][0]["content"]
    assert asked[0]["messages"][-1] == {"role": "user", "content": WHO.reply}
    assert asked[0]["seed"] > 0


BAD: list[tuple[str, Callable[[Json], Reply], str]] = [
    ("invented", says("Ann Lee, 2 guests, call me on 020 7946 0123"), "02079460123"),
    ("invented", says("Ann Lee, 2, mail to ann@example.org"), "ann@example.org"),
    ("invented", says("Ann Lee, for seven"), "7 is neither"),
    ("false", says("Bob Miller is my name"), "guest"),
    ("false", says("I have no idea"), "guest"),
    ("gave_up", says(), "guest"),
    ("left_role", says("As an AI language model I have no name, but 2 guests"), "As an AI"),
    ("left_role", says(WHO.reply), "repeats"),
    ("left_role", says("Assistant: Ann Lee, 2"), "Assistant:"),
    ("refused", says("I'm sorry, but I can't help with that."), "sorry"),
    ("refused", lambda _: refusal(400, "content filter"), "content filter"),
    ("garbage", says("  ...  "), "wrote nothing"),
    ("garbage", says('{"guest": "Ann Lee", "guests": 2}'), "markup"),
    ("garbage", says("Ann Lee, 2 " * 80), "879 characters"),
    ("garbage", says("Ann Lee\u0007\u0000, 2"), "no text"),
]


@pytest.mark.parametrize(("kind", "answer", "why"), BAD)
def test_a_bad_customer_is_found_out_and_its_conversation_is_not_judged(
    kind: str, answer: Callable[[Json], Reply], why: str, stage: Stage, tmp_path: Path
) -> None:
    row, asked = acted(stage, answer, tmp_path, again=2)
    assert (row["pass"], row["customer_error"], row["violations"]) == (None, kind, [])
    assert [slip["kind"] for slip in row["slips"]] == [kind] * 3
    assert why in row["slips"][0]["why"]
    assert len({request["seed"] for request in asked}) == 3  # another try is another
    assert json.loads(json.dumps(row)) == row


def test_a_customer_that_changes_its_mind_is_found_out(stage: Stage, tmp_path: Path) -> None:
    both = {**GOOD, "profile": {**GOOD["profile"], "phone": "020 7946 0123"}}
    texts = says("Ann Lee, 2", "020 7946 0123 it is")
    row, _ = acted(stage, texts, tmp_path, again=0, scenario=both, thoughts=(LOOK, WHO, WHO, BOOK, TELL))
    assert (row["customer_error"], row["slips"][0]["said"]) == ("contradiction", "020 7946 0123 it is")


def test_a_customer_that_comes_too_late_is_a_time_out(stage: Stage, tmp_path: Path) -> None:
    def slow(_: Json) -> Reply:
        time.sleep(0.3)
        return completion("Ann Lee, 2")

    row, _ = acted(stage, slow, tmp_path, again=0, seconds=0.1)
    assert row["customer_error"] == "timeout"


def test_an_endpoint_that_is_gone_is_no_error_of_a_customers(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="401"):
        acted(stage, lambda _: refusal(401, "no such key"), tmp_path)


def test_a_spoilt_conversation_is_played_again_and_the_good_one_counts(stage: Stage, tmp_path: Path) -> None:
    seeds: list[int] = []

    def second_time(request: Json) -> Reply:
        if request["seed"] not in seeds:
            seeds.append(request["seed"])
        return says("Ann Lee, 2")(request) if len(seeds) > 1 else completion("I am Bob")

    row, _ = acted(stage, second_time, tmp_path)
    assert (row["pass"], row["customer_error"]) == (True, None)
    assert [(slip["kind"], slip["said"]) for slip in row["slips"]] == [("false", "I am Bob")]


def test_what_was_said_once_is_not_asked_again(stage: Stage, tmp_path: Path) -> None:
    first, asked = acted(stage, says("Ann Lee, 2"), tmp_path)
    again, more = acted(stage, says("never asked"), tmp_path)
    assert (first, len(asked), more) == (again, 1, [])


def test_the_assistants_faults_stay_its_own(stage: Stage, tmp_path: Path) -> None:
    row, _ = acted(stage, says("Ann Lee, 2"), tmp_path, thoughts=(WHO, TELL))
    assert (row["pass"], row["slips"]) == (False, [])


def test_unjudged_conversations_are_counted_apart(stage: Stage, tmp_path: Path) -> None:
    scenarios = [Scenario.model_validate({**GOOD, "id": name, "goal": name}) for name in ("good", "bad")]

    def answer(request: Json) -> Reply:
        bad = "want: bad" in request["messages"][0]["content"]
        return completion("I am Bob") if bad else says("Ann Lee, 2")(request)

    with endpoint(answer) as there:
        chat = OpenAIChat(there.url, "m", temperature=0.7)
        with casting(chat, "m", tmp_path / "kept.jsonl", stage) as cast:
            played = replace(stage, casting=cast, again=1)
            rows = simulate(
                scenarios, played, assistant(*THOUGHTS), tmp_path / "rows.jsonl", Silent(), trials=2, key="k"
            )
        chat.close()
    assert [(row["id"], row["pass"]) for row in rows] == [("good", True), ("bad", None)] * 2
    assert pass_power(rows, 2) == {1: (1.0, 1), 2: (1.0, 1)}  # the other scenario has no complete trials
    assert [row["id"] for row in judged(rows)] == ["good", "good"]
    said = lines(rows, 2)
    assert said[0].startswith("2 of 2 passed")
    assert said[2] == "errors of the customer's own, not counted: 4 (false 4); 2 conversations not judged"


def test_a_customers_model_that_is_always_late_stops_the_work_and_is_tried_again(stage: Stage, tmp_path: Path) -> None:
    scenarios = [Scenario.model_validate({**GOOD, "id": f"s{n}"}) for n in range(TOO_LATE + 1)]

    def run(answer: Callable[[Json], Reply], seconds: float) -> list[Json]:
        with endpoint(answer) as there:
            chat = OpenAIChat(there.url, "m", seconds=seconds)
            try:
                with casting(chat, "m", tmp_path / "kept.jsonl", stage) as cast:
                    out = tmp_path / "rows.jsonl"
                    played = replace(stage, casting=cast, again=0)
                    return simulate(scenarios, played, assistant(*THOUGHTS), out, Silent(), trials=1, key="k")
            finally:
                chat.close()

    def slow(_: Json) -> Reply:
        time.sleep(0.2)
        return hung_up()

    with pytest.raises(ModelError, match="too late in 3 conversations"):
        run(slow, 0.05)
    assert all(row["pass"] for row in run(says("Ann Lee, 2"), 5.0))


# -- what the watch sees ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "yes"),
    [
        ("it's Ann Lee here", "Ann Lee", True),
        ("for two", 2, True),
        ("on the 15th of October", "2024-10-15", True),
        ("我的充电桩没电", "充电桩不通电", False),
        ("这个充电桩不通电了", "充电桩不通电", True),
        ("明天下午3点", "下午三点", True),
        ("是的", True, True),
        ("不是", True, False),
        ("Bob", "Ann Lee", False),
        ("上海", "北京市朝阳区", False),
    ],
)
def test_values_are_told_to_the_letter_by_numbers_or_by_words(text: str, value: Any, yes: bool) -> None:
    assert told(text, value) is yes


def _watched(scenario: Scenario, folder: Path) -> tuple[Customer, Watch]:
    domain, flows = load_domain(folder), load_flows(folder)
    words, together = words_of_keys(scenario, flows, domain.tools), asked_together(scenario, flows)
    script = Customer(scenario, domain.context.language, words, together, moments_of(domain.tools))
    choices = choices_of(scenario.profile, flows, domain.tools)
    return script, Watch(replace(script), domain.context.language, choices)


class _Watched:
    """The script, each of whose messages is looked at; fits scenario.customer.Talker."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.script, self.watch = _watched(scenario, folder)
        self.slips: list[Any] = []

    def open(self) -> str:
        self.watch.opened(self.script.scenario.opening)
        return self.script.open()

    def answer(self, reply: str, *, over: bool) -> str | None:
        said = self.script.answer(reply, over=over)
        slip = self.watch.left(reply) if said is None and not over else self.watch.slip(reply, said) if said else None
        if slip:
            self.slips.append((self.script.scenario.id, reply, said, slip))
        return said


def test_no_message_of_the_scripted_customer_counts_as_an_error() -> None:
    folder = find_domain("ticket_desk")
    domain, flows = load_domain(folder), load_flows(folder)
    stage = Stage(domain.context.language, flows, domain.tools, opener(domain, flows, trust=True))
    scenarios = load_scenarios(folder / "tests" / "scenarios.jsonl", folder)[::3]  # all 40 were clean, in 6 s
    watched = [_Watched(one, folder) for one in scenarios]
    by_id = {one.script.scenario.id: one for one in watched}
    open_ = workflow_of(folder, trust=True)
    cast = replace(stage, casting=lambda scenario, *_: by_id[scenario.id])  # type: ignore[arg-type, return-value]
    for one in scenarios:
        play(one, cast, open_)
    assert [slip for one in watched for slip in one.slips] == []


# -- the command ---------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What the fixed rules need of a run of ticket_desk, with one scenario."""
    desk = find_domain("ticket_desk")
    run = tmp_path / "run"
    shutil.copytree(desk, run / "domain", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    (run / "run.json").write_text(json.dumps({"from": "ticket_desk", "settings": {}}))
    first = (desk / "tests" / "scenarios.jsonl").read_text("utf-8").splitlines()[0]
    (tmp_path / "one.jsonl").write_text(first + "\n", "utf-8")
    return tmp_path


def command(place: Path, *more: str) -> list[str | Path]:
    where: list[str | Path] = ["--run", place / "run", "--scenarios", place / "one.jsonl", "--out", place / "out.jsonl"]
    return ["simulate", *where, "--mode", "workflow", "--trust", *more]


def test_the_command_marks_what_its_customer_spoilt_and_says_so_with_exit_code_3(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(lambda _: completion("我的电话是 13912345678")) as there:
        code, said, _ = ran(command(place, "--customer", f"m@{there.url}", "--again", "1"), capsys)
        assert len(there.requests) == 2
    assert code == 3
    assert "errors of the customer's own, not counted: 2 (invented 2); 1 conversations not judged" in said
    (row,) = (json.loads(text) for text in (place / "out.jsonl").read_text("utf-8").splitlines())
    assert (row["pass"], row["customer_error"]) == (None, "invented")
    page = (place / "out.html").read_text("utf-8")
    assert "客户方自身的错误" in page
    assert "13912345678" in page
    assert len((place / "out.customer.jsonl").read_text("utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--customer", "teacher"), r"has no \[teacher\]"),
        (("--customer", "somebody"), "wanted script, teacher, or MODEL@URL"),
        (("--customer", "m@http://127.0.0.1:9/v1", "--key-env", "NO_SUCH_KEY"), "NO_SUCH_KEY"),
    ],
)
def test_a_customer_that_cannot_be_had_is_one_line(
    more: tuple[str, ...], words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(command(place, *more), capsys)
    assert code == 2
    assert re.search(words, " ".join(err.split()))
    assert "Traceback" not in err
    assert not (place / "out.jsonl").exists()
