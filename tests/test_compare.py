"""compare and gate as they are used: real runs on the scripted model, a real endpoint, kills, exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from manyshot import compare as room
from manyshot import pipeline
from manyshot.candidates import Candidate, candidates, read_word
from manyshot.chat_agent import HAND_OVER
from manyshot.chat_calls import ASK
from manyshot.cli import main
from manyshot.compare import Compared, Terms
from manyshot.config import find_domain
from manyshot.errors import DataError, ModelError, SpecError
from manyshot.evaluate.standings import Result, Standing
from manyshot.pipeline import RunConfig
from manyshot.progress import Silent
from manyshot.records import read_jsonl, read_manifest, read_rows
from manyshot.spec.load import load_scenarios
from manyshot.train.settings import TrainConfig
from tests.endpoint import Json, Reply, endpoint, refusal
from tests.scripted import Counting, gold, starter

SMALL = RunConfig(minutes=None, pairs=60, checks=2, tries=1, train=TrainConfig(batch=8))


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a desk (bistro) and a finished run of it (run)."""
    folder = tmp_path_factory.mktemp("compare")
    domain = starter(folder / "bistro")
    pipeline.run(SMALL, domain, folder / "run", Counting(folder, gold(domain)).parts(), Silent())
    return folder


def parts(made: Path) -> Counting:
    return Counting(made, gold(made / "bistro"))


def compared(
    made: Path,
    found: Sequence[Candidate],
    out: Path,
    scripted: Counting | None = None,
    terms: Terms = Terms(),  # noqa: B008
) -> Compared:
    return room.compare(made / "bistro", found, out, Silent(), terms, (scripted or parts(made)).parts())


def rights(found: Compared, suite: str = "calls") -> dict[str, int]:
    return {s.candidate: s.tally.right for s in found.standings if s.suite == suite}


def function(name: str, arguments: Json | str, text: str | None = None, **used: int) -> Reply:
    """A completion that calls a function."""
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": written}}
    message = {"role": "assistant", "content": text, "tool_calls": [call] if name else None}
    body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 20, "total_tokens": 220, **used},
    }  # fmt: skip
    return 200, json.dumps(body), {}


def clever(request: Json) -> Reply:
    """An endpoint that is right on the four tests of the starter."""
    said = request["messages"][-1]["content"]
    if "Julia" in said:
        return function("BookTable", {"guest_name": "Julia Novak", "date": "2024-10-11", "guests": 7, "area": None})
    if "B 30" in said:
        return function("CancelBooking", {"booking_id": "B30118"})
    if "have to cancel" in said:
        return function(ASK, {"fields": ["booking_id"]})
    return function("", "", "none")


def test_runs_bases_adapters_and_an_endpoint_answer_the_same_tests(made: Path, tmp_path: Path) -> None:
    with endpoint(clever) as there:
        words = ["base", str(made / "run"), f"free@{made / 'run'}", f"adapter={made / 'run' / 'train'}", "fewshot"]
        found = candidates([*words, f"fewshot@{made / 'run'}", f"big@{there.url}"], None, price_hour=1.0)
        out = compared(made, found, tmp_path / "out")
    assert rights(out) == {
        "base": 1, "run": 4, "free@run": 4, "adapter": 4, "fewshot": 1, "fewshot@run": 1, "big": 4,
    }  # fmt: skip
    base, run, *_ = out.standings
    assert (base.against, run.against, run.verdict) == ("", "base", "not_enough_cases")
    assert run.needed is not None
    assert (base.tokens_in > 100, base.per_thousand is not None) == (True, True)
    big = out.standings[-1]
    assert (big.tokens_in, big.tokens_out, big.per_thousand) == (200, 20, None)
    assert out.report is not None
    assert "big" in out.report.read_text("utf-8")
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    assert manifest.numbers["calls"]["run"]["right"] == 4
    assert len(list(read_jsonl(tmp_path / "out" / "results.jsonl", Result))) == 28


def test_an_endpoint_is_told_day_functions_and_examples_and_no_key_is_kept(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIG_KEY", "sk-very-secret")
    with endpoint(clever) as there:
        one = Candidate(
            name="big", model="m", base_url=there.url, key_env="BIG_KEY", shots=4, price_in=10.0, price_out=100.0
        )
        out = compared(made, [one], tmp_path / "out")
    assert out.standings[0].per_thousand == pytest.approx(1000 * (200 * 10 + 20 * 100) / 1e6)
    assert set(there.keys) == {"Bearer sk-very-secret"}
    request = there.requests[0]
    assert (request["temperature"], request["seed"], request["model"]) == (0.0, 0, "m")
    assert [t["function"]["name"] for t in request["tools"]] == ["BookTable", "CancelBooking", ASK]
    system = request["messages"][0]["content"]
    assert "2024-10-10" in system
    assert "Thursday" in system
    assert system.count("\n- ") == 4
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"sk-very-secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("reply", "right", "detail"),
    [
        (function("CancelBooking", {}), 1, ""),  # a call without its required field asks for it
        (function("CancelBooking", {"booking_id": "B30118", "colour": "red"}), 0, "colour"),
        (function("CancelBooking", '{"booking_id": '), 0, ""),
        (function("CancelBooking", '["B30118"]'), 0, ""),
        (function("DropTables", {}), 0, ""),
        (function(ASK, {"fields": "booking_id"}), 0, ""),
        (function("CancelBooking", '{"booking_id": NaN}'), 0, ""),
        (function("CancelBooking", "[" * 5000), 0, ""),
        (refusal(400, "content filter"), 0, ""),  # this test is not answered, the others are
    ],
)
def test_whatever_an_endpoint_writes_is_an_answer(
    reply: Reply, right: int, detail: str, made: Path, tmp_path: Path
) -> None:
    with endpoint(lambda _: reply) as there:
        out = compared(made, [read_word(f"m@{there.url}")], tmp_path / "out")
    # Calls are read as they stand: one without what it needs asks, one that cannot be read is wrong everywhere.
    assert rights(out)["m"] == right
    if detail:
        rows = [row for _, row in read_rows(tmp_path / "out" / "rows.jsonl")]
        assert any(detail in row["detail"] for row in rows)


def test_an_endpoint_without_temperature_and_seed_is_asked_without(made: Path, tmp_path: Path) -> None:
    def picky(request: Json) -> Reply:
        for option in ("temperature", "seed"):
            if option in request:
                return refusal(400, "unsupported", param=option)
        return clever(request)

    with endpoint(picky) as there:
        out = compared(made, [read_word(f"m@{there.url}")], tmp_path / "out")
    assert rights(out) == {"m": 4}
    assert len(there.requests) == 6  # two to find out, then four


def test_a_comparison_that_was_killed_asks_only_what_is_left(made: Path, tmp_path: Path) -> None:
    scripted = parts(made)
    scripted.on_call = lambda *_: _die() if len(scripted.asked) == 4 else None  # the first is to warm up
    with pytest.raises(Killed):
        compared(made, [read_word("base")], tmp_path / "out", scripted)
    assert read_manifest(tmp_path / "out") is None
    (file,) = (tmp_path / "out" / "answers").iterdir()
    kept = file.read_text("utf-8")
    file.write_text(kept + '{"case": "half a li')
    again = parts(made)
    out = compared(made, [read_word("base")], tmp_path / "out", again)
    tests = 4
    assert 0 < kept.count("\n") < tests
    assert len({action for action, _ in again.asked} - {""}) == tests - kept.count("\n")
    assert file.read_text("utf-8").startswith(kept)
    whole = compared(made, [read_word("base")], tmp_path / "whole")
    assert rights(out) == rights(whole)


def _die() -> None:
    raise Killed


def test_a_candidate_more_asks_only_that_one_and_edited_tests_are_asked_anew(made: Path, tmp_path: Path) -> None:
    domain = tmp_path / "bistro"
    shutil.copytree(made / "bistro", domain)
    shutil.copytree(made / "run", tmp_path / "run")
    with endpoint(clever) as there:
        one = read_word(f"m@{there.url}")
        compared(tmp_path, [one], tmp_path / "out")
        compared(tmp_path, [one, read_word(str(tmp_path / "run"))], tmp_path / "out", parts(made))
        assert len(there.requests) == 4
        tests = domain / "tests" / "calls.jsonl"
        # What is right decides no answer: it is judged anew, not asked anew.
        tests.write_text(tests.read_text("utf-8").replace('Julia Novak"]', 'Julia"]'), "utf-8")
        assert rights(compared(tmp_path, [one], tmp_path / "out")) == {"m": 3}
        assert len(there.requests) == 4
        tests.write_text(tests.read_text("utf-8").replace("seven people", "seven friends"), "utf-8")
        compared(tmp_path, [one], tmp_path / "out")
        assert len(there.requests) == 5


@pytest.mark.parametrize(("status", "said"), [(401, "candidate 'm': wanted answers .* got 401"), (404, "got 404")])
def test_an_endpoint_that_will_never_answer_stops_at_once(status: int, said: str, made: Path, tmp_path: Path) -> None:
    with endpoint(lambda _: refusal(status, "no")) as there, pytest.raises(ModelError, match=said):
        compared(made, [read_word(f"m@{there.url}")], tmp_path / "out")
    assert len(there.requests) == 1


def test_an_endpoint_that_goes_down_is_no_wrong_answer(made: Path, tmp_path: Path) -> None:
    with endpoint(clever) as there:
        one = read_word(f"m@{there.url}")
        left = 2

        def failing(request: Json) -> Reply:
            nonlocal left
            left -= 1
            return clever(request) if left >= 0 else refusal(402, "pay first")

    with endpoint(failing) as there:
        one = one.model_copy(update={"base_url": there.url})
        with pytest.raises(ModelError, match=r"answered 402.*kept, the same command goes on"):
            compared(made, [one], tmp_path / "out")
        left = 4
        assert rights(compared(made, [one], tmp_path / "out")) == {"m": 4}
        assert len(there.requests) == 2 + 1 + 2


def test_faults_stop_before_anything_is_asked(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)
    with endpoint(clever) as there:
        fine = read_word(f"m@{there.url}")
        for other, kind, said in (
            (fine.model_copy(update={"name": "k", "key_env": "NO_KEY"}), SpecError, "NO_KEY"),
            (read_word("workflow"), SpecError, "workflow.toml"),
        ):
            with pytest.raises(kind, match=said):
                compared(made, [fine, other], tmp_path / "out")
        strange = tmp_path / "strange"
        strange.mkdir()
        (strange / "thesis.txt").write_text("years")
        with pytest.raises(DataError, match=r"found thesis\.txt"):
            compared(made, [fine], strange)
        with pytest.raises(DataError, match="is a run of bistro, not of ticket_desk"):
            room.compare(
                find_domain("ticket_desk"), [fine, read_word(str(made / "run"))], tmp_path / "o", Silent(), Terms()
            )
        assert not there.requests
    bare = starter(tmp_path / "bare", tests=False)
    with pytest.raises(SpecError, match="has no tests"):
        room.compare(bare, [read_word("base")], tmp_path / "out", Silent(), Terms())


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of ticket_desk's scenarios; the last is due to end with a person."""
    shipped = find_domain("ticket_desk") / "tests" / "scenarios.jsonl"
    chosen = [row for _, row in read_rows(shipped) if row["id"] in ("change-01", "change-04", "repair-05")]
    file = tmp_path_factory.mktemp("scenarios") / "few.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen), "utf-8")
    return file


def _searching(request: Json) -> Reply:
    """Looks something up, then hands over."""
    if request["messages"][-1]["role"] == "tool":
        return function(HAND_OVER, {"why": "x"}, "我帮您转人工")
    return function("SearchSolution", {"problem": "不通电"})


def test_workflow_and_endpoint_play_scenarios_in_the_same_company(few: Path, tmp_path: Path) -> None:
    domain = find_domain("ticket_desk")
    terms = Terms(calls=False, scenarios=load_scenarios(few, domain), trials=2)
    with endpoint(_searching) as there:
        found = [read_word("workflow"), read_word(f"m@{there.url}"), read_word("base")]
        out = room.compare(domain, found, tmp_path / "out", Silent(), terms)
    assert out.skipped == (("base", "scenarios"),)
    assert rights(out, "scenarios") == {"workflow": 3, "m": 1}
    flow, chat = out.standings
    assert (flow.tokens_in, flow.per_thousand, chat.tokens_in) == (0, None, 2 * 2 * 200)  # two trials of two requests
    assert chat.ms_p50 is not None
    assert out.report is None
    last = there.requests[-1]["messages"]
    assert [m["role"] for m in last] == ["system", "user", "assistant", "tool"]
    assert "flowchart TD" in last[0]["content"]
    assert last[3]["tool_call_id"] == last[2]["tool_calls"][0]["id"]
    rows = [row for _, row in read_rows(next((tmp_path / "out" / "answers").glob("m.*")))]
    assert len(rows) == 6
    assert rows[0]["dialogue"][1]["call"]["name"] == "SearchSolution"
    # A second time nothing is asked: the answers are there.
    asked = len(there.requests)
    again = room.compare(domain, found[:2], tmp_path / "out", Silent(), terms)
    assert len(there.requests) == asked
    assert [_figures(s) for s in again.standings] == [_figures(s) for s in out.standings]


def _figures(s: Standing) -> tuple[object, ...]:
    return s.candidate, s.tally, s.p, s.ms_p50


def test_an_endpoint_that_never_comes_to_an_end_hands_over(few: Path, tmp_path: Path) -> None:
    domain = find_domain("ticket_desk")
    terms = Terms(calls=False, scenarios=load_scenarios(few, domain)[1:2])
    with endpoint(lambda _: function("SearchSolution", '{"problem"')) as there:
        out = room.compare(domain, [read_word(f"m@{there.url}")], tmp_path / "out", Silent(), terms)
    assert rights(out, "scenarios") == {"m": 0}
    assert len(there.requests) == 10


def code(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.fixture(scope="module")
def out(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate") / "out"
    compared(made, [read_word("base"), read_word(str(made / "run"))], folder)
    return folder


@pytest.mark.parametrize(
    ("words", "wanted", "said"),
    [
        (("{out}:run", "--against", "{out}:base"), 3, "cannot tell"),
        (("{out}:run", "--against", "{out}:base", "--loss", "0.5"), 0, "pass"),
        (("{out}:run", "--against", "{out}:run", "--loss", "0.9"), 0, "pass"),
        (("{out}:base", "--against", "{out}:run", "--loss", "0.9", "--minimum", "0.95"), 1, "FAIL: right 25.0%"),
        (("{run}", "--against", "{out}:run", "--loss", "0.9"), 0, "pass"),
        (("{run}:base", "--against", "{run}", "--loss", "0.9"), 3, "new 1, old 4 of 4"),
        (("{out}", "--against", "{run}"), 2, "holds base, run; say which"),
        (("{out}:nobody", "--against", "{run}"), 2, "has no answers of nobody; it has base, run"),
        (("{made}", "--against", "{run}"), 2, "wanted the folder of a run or of manyshot compare"),
        (("{run}", "--against", "{out}:run", "--suite", "scenarios"), 2, "neither was tried on scenarios"),
        (("{run}", "--against", "{out}:run", "--loss", "7"), 2, "Invalid value"),
    ],
)
def test_exit_codes_of_the_gate(
    words: Sequence[str], wanted: int, said: str, made: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(out=out, run=made / "run", made=made) for word in words]
    assert code("gate", *given) == wanted
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_the_gate_tells_programs_what_it_found(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code("gate", f"{out}:run", "--against", f"{out}:base", "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["suites"]["calls"]["gained"]) == ("cannot_tell", 3)


def test_an_unfinished_comparison_is_no_ground_for_a_release(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(made, [read_word("base")], tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    assert code("gate", tmp_path / "out", "--against", made / "run") == 2
    assert "is not finished" in capsys.readouterr().err


def test_the_command_prints_the_table(
    made: Path, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(clever) as there:
        done = code("compare", made / "bistro", f"one@{there.url}", f"two@{there.url}", "--out", tmp_path / "out")
        text = capsys.readouterr().out
        assert done == 0
        assert "Calls (4 tests)" in text
        assert "two  " in text
        assert code("compare", made / "bistro", f"one@{there.url}", "--out", tmp_path / "out", "--json") == 0
        assert json.loads(capsys.readouterr().out)["calls"]["one"]["right"] == 4
    assert code("compare", "ticket_desk", "workflow", "--no-calls", "--scenarios", few, "--out", tmp_path / "s") == 0
    assert "场景（3 个" in capsys.readouterr().out
    assert code("compare", made / "bistro", "nowhere", "--out", tmp_path / "x") == 2
