"""The teacher's client against a real endpoint: what it sends, what it repeats, what stops it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from manyshot.errors import BudgetError, ModelError, SpecError, TeacherError
from manyshot.parts import teacher_of
from manyshot.plugs.endpoint import Endpoint as OpenAIEndpoint
from manyshot.plugs.teachers.openai import OpenAITeacher
from manyshot.plugs.teachers.prompts import instructions_prompt, read_answer
from manyshot.plugs.token_budget import TokenBudget
from manyshot.protocols import Lesson, Wish
from manyshot.types import Tool
from tests.data.desks import TICKET, plain
from tests.endpoint import Endpoint, Json, Reply, asked, completion, endpoint, faithful, prompt, refusal

TOOL = Tool.model_validate(TICKET)
LESSON = Lesson(
    TOOL, {"userName": ("张三",), "visitDate": ("后天", "10月12日")}, ("problem",), ("terse", "polite"), ("一",)
)


def test_several_calls_are_worded_in_one_request() -> None:
    with endpoint(faithful) as there:
        teacher = OpenAITeacher(there.config(), "secret-key")
        made = teacher.instructions([LESSON, LESSON], "zh", 7)
    assert made == [["您好，张三，后天，谢谢", "麻烦，张三，10月12日，尽快"]] * 2
    greeting, request = there.requests
    assert (request["model"], request["temperature"], request["seed"]) == ("scripted", 0.8, 7)
    assert not asked(greeting)
    assert asked(request)[1] == {
        "n": 2, "tool": "TicketCreate", "values": {"userName": ["张三"], "visitDate": ["后天", "10月12日"]},
        "without": ["problem"], "styles": ["terse", "polite"],
    }  # fmt: skip
    assert prompt(request).count("创建服务工单") == 1
    assert set(there.keys) == {"Bearer secret-key"}
    usage = teacher.usage
    assert (usage.calls, usage.retries, usage.tokens_in, usage.tokens_out) == (2, 0, 200, 20)


def test_values_of_several_fields_in_one_request() -> None:
    with endpoint(faithful) as there:
        made = OpenAITeacher(there.config()).values([Wish(TOOL, "problem", ("跳闸",), 5)] * 2, "zh", 0)
    assert made == [["problem 1-0", "problem 1-1", "problem 1-2"], ["problem 2-0", "problem 2-1", "problem 2-2"]]
    assert asked(there.requests[1])[0]["about"] == "故障现象"


def _first(*replies: Reply) -> tuple[list[Reply], object]:
    """After the greeting these replies, then the faithful teacher's."""
    left = list(replies)

    def answer(request: Json) -> Reply:
        return left.pop(0) if left and asked(request) else faithful(request)

    return left, answer


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again_and_counted(status: int) -> None:
    left, answer = _first(refusal(status, "slow down", {"Retry-After": "0"}))
    with endpoint(answer) as there:  # type: ignore[arg-type]
        teacher = OpenAITeacher(there.config())
        assert len(teacher.instructions([LESSON], "zh", 0)[0]) == 2
    assert not left
    assert (teacher.usage.calls, teacher.usage.retries) == (3, 1)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refusal(400, "bad request"), "answered 400: .*bad request"),
        (refusal(429, "you owe us money", code="insufficient_quota"), "answered 429: .*you owe us money"),
        ((200, "<html>welcome</html>", {"Content-Type": "text/html"}), "no chat completion"),
        ((200, '{"choices": null}', {}), "no chat completion"),
        ((200, '{"choices": [', {}), "not JSON"),
        (completion("Sure! Here they are: 1. Hello"), "no line of JSON"),
        (completion(""), "no line of JSON"),
    ],
)
def test_what_does_not_pass_is_no_answer_and_not_repeated(reply: Reply, reason: str) -> None:
    _, answer = _first(reply)
    with endpoint(answer) as there:  # type: ignore[arg-type]
        teacher = OpenAITeacher(there.config())
        with pytest.raises(TeacherError, match=reason):
            teacher.instructions([LESSON], "zh", 0)
    assert (teacher.usage.calls, teacher.usage.retries) == (2, 0)


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        (refusal(401, "bad key k-123"), r"got 401 \(.*bad key \*\*\*.*\); check the key in TEACH_KEY"),
        (refusal(404, "no such model"), r"wanted answers of scripted at http.*got 404 .*; check base_url and model"),
        (refusal(400, "Model Not Exist"), r"got 400 .*Model Not Exist"),
    ],
)
def test_a_wrong_key_or_model_stops_when_it_is_opened(reply: Reply, wanted: str) -> None:
    with endpoint(lambda _: reply) as there, pytest.raises(ModelError, match=wanted):
        OpenAITeacher(there.config(key_env="TEACH_KEY"), "k-123")
    assert len(there.requests) == 1


def test_a_key_that_is_withdrawn_later_stops_too() -> None:
    _, answer = _first(refusal(401, "expired"))
    with endpoint(answer) as there:  # type: ignore[arg-type]
        teacher = OpenAITeacher(there.config())
        with pytest.raises(ModelError, match="got 401"):
            teacher.instructions([LESSON], "zh", 0)


def test_a_model_that_takes_no_temperature_goes_without() -> None:
    def answer(request: Json) -> Reply:
        if "temperature" in request:
            return refusal(400, "unsupported", param="temperature")
        return faithful(request)

    with endpoint(answer) as there:
        teacher = OpenAITeacher(there.config())
        teacher.instructions([LESSON], "zh", 3)
    assert (teacher.usage.retries, there.requests[-1]["seed"]) == (1, 3)


def test_a_teacher_that_is_down_opens_and_gives_no_answer() -> None:
    with endpoint(faithful) as there:
        pass
    teacher = OpenAITeacher(there.config())
    with pytest.raises(TeacherError, match=there.url):
        teacher.instructions([LESSON], "zh", 0)
    assert teacher.usage.retries == 0


def test_answers_are_read_with_fences_thoughts_and_rubbish_around() -> None:
    text = '<think>{"n": 1, "text": "no"}</think>\n```json\n[\n{"n": 1, "text": "a\\n b"},\n{"n": 9, "text": "x"}\n'
    assert read_answer(text + '{"n": 2}\n{"n": 2, "text": " "}\n[1]\n{"n": "2", "text": "x"}\n```', 2) == [["a b"], []]


def test_the_prompt_holds_each_tool_and_example_once() -> None:
    text = instructions_prompt([LESSON] * 3, "en")
    assert text.count('"fields"') == text.count('"一"') == 1
    assert "in English" in text


def test_the_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(faithful) as there:
        extra = f'[teacher]\nbase_url = "{there.url}"\nmodel = "m"\nkey_env = "MANYSHOT_TEST_KEY"\n'
        domain = plain(tmp_path, extra)
        with pytest.raises(SpecError, match=r"domain.toml: \[teacher\] key_env: .* MANYSHOT_TEST_KEY, it is not set"):
            teacher_of(domain)
        monkeypatch.setenv("MANYSHOT_TEST_KEY", "k")
        assert teacher_of(domain) is not None
    assert there.keys == ["Bearer k"]


def test_a_missing_package_names_the_pip_line(tmp_path: Path) -> None:
    domain = plain(tmp_path, '[teacher]\nbase_url = "http://127.0.0.1:9"\nmodel = "m"\n')
    code = (
        "import sys\nsys.modules['stamina'] = None\nfrom manyshot.cli import main\n"
        f"main(['data', {str(domain.folder)!r}, '--out', {str(tmp_path / 'out')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "package stamina, which is not installed: pip install openai stamina" in done.stderr


def costing(tokens_in: int, tokens_out: int) -> Reply:
    status, body, headers = completion("ok")
    return status, json.dumps({**json.loads(body), "usage": {
        "prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out,
    }}), headers  # fmt: skip


def at_once(there: OpenAIEndpoint, calls: int) -> list[bool]:
    """Whether each of so many calls, of at most some 1,100 tokens, was made."""

    def call(_: int) -> bool:
        try:
            there.ask(most=1000, messages=[{"role": "user", "content": "hello"}])
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(call, range(calls)))


def budgeted(there: Endpoint, tokens: int) -> OpenAIEndpoint:
    return OpenAIEndpoint(there.url, "scripted", "", "", "test", {}, budget=TokenBudget(tokens))


def test_calls_at_once_cannot_spend_more_together_than_there_is() -> None:
    """A look at what was spent before each call would let all sixteen through."""
    with endpoint(lambda request: costing(50, request["max_tokens"])) as there:
        teacher = budgeted(there, 5_000)
        assert sum(at_once(teacher, 16)) == len(there.requests) == 4
    assert teacher.usage.tokens <= 5_000


def test_what_was_held_back_and_not_spent_is_there_for_others() -> None:
    with endpoint(lambda _: costing(50, 10)) as there:
        assert all(at_once(budgeted(there, 3_000), 16))


def test_of_a_lost_answer_all_that_it_may_have_cost_is_spent_and_an_error_costs_nothing() -> None:
    answers = iter([refusal(500, "down"), refusal(429, "slow"), (200, "{", {})])
    with endpoint(lambda _: next(answers, costing(50, 10))) as there:
        teacher = budgeted(there, 1_500)
        for error in (openai.InternalServerError, openai.RateLimitError, ValueError):
            with pytest.raises(error):
                teacher.ask(most=1000, messages=[{"role": "user", "content": "hello"}])
        with pytest.raises(BudgetError, match="its budget of 1500 tokens is spent"):
            teacher.ask(most=1000, messages=[{"role": "user", "content": "hello"}])
    down = OpenAIEndpoint("http://127.0.0.1:9/v1", "scripted", "", "", "test", {}, budget=TokenBudget(1_500))
    for _ in range(3):
        with pytest.raises(openai.APIConnectionError):
            down.ask(most=1000, messages=[{"role": "user", "content": "hello"}])


def test_a_budget_of_zero_stops_before_the_first_call() -> None:
    with endpoint(faithful) as there:
        teacher = OpenAITeacher(there.config(), budget=0)
        with pytest.raises(BudgetError):
            teacher.values([Wish(TOOL, "problem", ("跳闸",), 5)], "zh", 0)
        assert not there.requests
        assert teacher.usage.calls == 0


def test_the_limit_of_an_answer_is_named_as_the_endpoint_wants_it() -> None:
    def newer(request: Json) -> Reply:
        if "max_tokens" in request:
            return refusal(400, "use max_completion_tokens", param="max_tokens")
        return faithful(request)

    with endpoint(newer) as there:
        teacher = OpenAITeacher(there.config(), budget=100_000)
        teacher.values([Wish(TOOL, "problem", ("跳闸",), 5)], "zh", 0)
        assert "max_completion_tokens" in there.requests[-1]
