"""The leaderboard as a benchmark: its data are read where they lie, any model answers, and the columns are its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manyshot import benchmark as room
from manyshot.benchmark import Benched, Terms
from manyshot.bfcl import CATEGORIES
from manyshot.bfcl.columns import Tally, columns
from manyshot.candidates import Candidate
from manyshot.cli import main
from manyshot.errors import DataError, EvalError, ManyshotError
from manyshot.progress import Silent
from manyshot.records import read_manifest, read_rows
from manyshot.scoring.benchmark import FETCH, offered, read_benchmark
from tests.endpoint import Json, Reply, completion, endpoint, refusal
from tests.scripted import Counting


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def tool(name: str, **types: str) -> Json:
    properties = {key: {"type": kind, "description": f"The {key}."} for key, kind in types.items()}
    return {
        "name": name, "description": f"Does {name}.",
        "parameters": {"type": "dict", "properties": properties, "required": list(types)},
    }  # fmt: skip


LAMP = tool("lamp.dim", room="string", percent="integer")
BELL = tool("bell.ring", times="integer")
#: category -> its one question, the functions, what is right (None: no answers are kept for it).
CASES: dict[str, tuple[str, list[Json], list[Json] | None]] = {
    "simple_python": ("Dim the hall to 30.", [LAMP], [{"lamp.dim": {"room": ["hall"], "percent": [30]}}]),
    "simple_java": ("Dim by level 7L.", [tool("Lamp.dim", level="long")], [{"Lamp.dim": {"level": [7]}}]),
    "simple_javascript": ("Ring on: true.", [tool("ring", on="Boolean")], [{"ring": {"on": [True]}}]),
    "multiple": ("Ring 2 times.", [LAMP, BELL], [{"bell.ring": {"times": [2]}}]),
    "parallel": ("Ring 3 times, then 4.", [BELL], [{"bell.ring": {"times": [3]}}, {"bell.ring": {"times": [4]}}]),
    "parallel_multiple": ("Ring 5 times.", [LAMP, BELL], [{"bell.ring": {"times": [5]}}]),
    "irrelevance": ("Who painted this?", [BELL], None),
    "live_simple": ("Ring 6 times.", [BELL], [{"bell.ring": {"times": [6]}}]),
    "live_multiple": ("Ring 7 times.", [LAMP, BELL], [{"bell.ring": {"times": [7]}}]),
    "live_parallel": ("Ring 8 times.", [BELL], [{"bell.ring": {"times": [8]}}]),
    "live_parallel_multiple": ("Ring 9 times.", [LAMP, BELL], [{"bell.ring": {"times": [9]}}]),
    "live_irrelevance": ("Who built this?", [BELL], None),
    "live_relevance": ("Make a sound.", [BELL], None),
}
#: Question -> [(function, arguments)] of a model that is always right, names with underscores.
RIGHT: dict[str, list[tuple[str, Json]]] = {
    "Dim the hall to 30.": [("lamp_dim", {"room": "hall", "percent": 30})],
    "Dim by level 7L.": [("Lamp_dim", {"level": "7L"})],
    "Ring on: true.": [("ring", {"on": "true"})],
    "Ring 3 times, then 4.": [("bell_ring", {"times": 3}), ("bell_ring", {"times": 4})],
    **{f"Ring {n} times.": [("bell_ring", {"times": n})] for n in (2, 5, 6, 7, 8, 9)},
    "Make a sound.": [("bell_ring", {"times": 1})],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked package with one entry a category, in the leaderboard's files."""
    root = tmp_path_factory.mktemp("bfcl")
    folder = root / "bfcl_eval" / "data"
    (folder / "possible_answer").mkdir(parents=True)
    (root / "bfcl_eval-2026.3.23.dist-info").mkdir()
    for category, (question, functions, answer) in CASES.items():
        row = {"id": f"{category}_0", "question": [[{"role": "user", "content": question}]], "function": functions}
        name = f"BFCL_v4_{category}.json"
        (folder / name).write_text(json.dumps(row) + "\n")
        if answer is not None:
            (folder / "possible_answer" / name).write_text(json.dumps({"id": row["id"], "ground_truth": answer}) + "\n")
    return root


def wheel(data: Path, where: Path) -> Path:
    file = where / "bfcl_eval-2026.3.23-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path in data.rglob("*.json"):
            archive.write(path, path.relative_to(data))
    return file


def called(*calls: tuple[str, Json | str]) -> Reply:
    asked = [
        {"id": f"c{n}", "type": "function",
         "function": {"name": name, "arguments": words if isinstance(words, str) else json.dumps(words)}}
        for n, (name, words) in enumerate(calls)
    ]  # fmt: skip
    body = json.loads(completion("")[1])
    body["choices"][0]["message"]["tool_calls"] = asked or None
    return 200, json.dumps(body), {}


def clever(request: Json) -> Reply:
    return called(*RIGHT.get(request["messages"][-1]["content"], []))


def rates(found: Benched) -> dict[str, float | None]:
    return {one.name: one.rate for one in found.columns}


def asked_of(answer: Callable[[Json], Reply], data: Path, out: Path, terms: Terms = Terms()) -> Benched:  # noqa: B008
    with endpoint(answer) as there:
        return room.bench(data, Candidate(name="big", model="m", base_url=there.url), out, Silent(), terms)


def rows(out: Path) -> dict[str, Json]:
    return {row["category"]: row for _, row in read_rows(out / "rows.jsonl")}


def test_an_endpoint_that_is_right_has_every_column_full_and_thirty_percent_overall(data: Path, tmp_path: Path) -> None:
    found = asked_of(clever, data, tmp_path / "out")
    shown = rates(found)
    assert shown.pop("Overall Acc") == pytest.approx(0.3)
    assert set(shown.values()) == {1.0}
    assert (found.version, found.stages, found.crashed) == ("2026.3.23", {}, 0)
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    assert manifest.numbers["categories"]["parallel"] == {"right": 1, "asked": 1, "size": 1}


def test_functions_are_offered_as_the_reference_offers_them(data: Path, tmp_path: Path) -> None:
    with endpoint(clever) as there:
        one = Candidate(name="big", model="m", base_url=there.url)
        room.bench(data, one, tmp_path / "out", Silent(), Terms(("simple_java", "simple_python")))
    java, python = (request["tools"][0]["function"] for request in there.requests)
    assert java["name"] == "Lamp_dim"
    assert java["parameters"]["properties"]["level"]["type"] == "string"
    assert "Java long" in java["parameters"]["properties"]["level"]["description"]
    assert (python["name"], python["parameters"]["type"]) == ("lamp_dim", "object")
    assert python["parameters"]["properties"]["percent"]["type"] == "integer"


def test_types_inside_lists_and_objects_are_those_of_json_schema() -> None:
    schema: Json = {
        "type": "dict", "required": [],
        "properties": {
            "a": {"type": "array", "items": {"type": "tuple", "items": {"type": "float"}}},
            "b": {"type": "dict", "properties": {"c": {"type": "any"}}},
            "d": {"description": "no type"},
        },
    }  # fmt: skip
    case = read_case("simple_python", {"name": "f", "parameters": schema})
    a, b, d = (offered(case)[0].properties[name] for name in "abd")
    assert a["items"] == {"type": "array", "items": {"type": "number", "format": "float"}}
    assert b == {"type": "object", "properties": {"c": {"type": "string"}}}
    assert d["type"] == "string"


def read_case(category: str, function: Json) -> Any:
    from manyshot.scoring.benchmark import Case

    return Case("1", category, (), [function], [])


def test_what_is_no_call_is_right_only_where_none_is_due(data: Path, tmp_path: Path) -> None:
    def odd(request: Json) -> Reply:
        said = request["messages"][-1]["content"]
        if "6" in said:
            return called(("bell_ring", "{not json"))
        if "7" in said:
            return refusal(400, "filtered")
        return completion("I would rather talk.")

    found = asked_of(odd, data, tmp_path / "out")
    judged = rows(tmp_path / "out")
    assert {name for name, row in judged.items() if row["valid"]} == {"irrelevance", "live_irrelevance"}
    assert judged["live_simple"]["message"] == "bell_ring: arguments are no JSON object"
    assert "filtered" in judged["live_multiple"]["message"]
    assert found.stages == {"decode": 11}


def test_names_with_dots_are_wrong_of_an_endpoint_that_was_shown_none(data: Path, tmp_path: Path) -> None:
    asked_of(lambda _: called(("bell.ring", {"times": 2})), data, tmp_path / "out", Terms(("multiple",)))
    assert rows(tmp_path / "out")["multiple"]["stage"] == "function"


def test_a_local_base_writes_values_and_keeps_dots(data: Path, tmp_path: Path) -> None:
    local = Counting(tmp_path, {}).parts()
    found = room.bench(data, Candidate(name="base", mode="base"), tmp_path / "out", Silent(), Terms(), local)
    assert rates(found)["Irrelevance Detection"] == 1.0  # its script calls nothing
    assert found.stages == {"count": 10, "decode": 1}


def test_an_adapter_copies_words_that_code_reads_and_asks_back_for_what_it_misses(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "adapter.gguf").write_bytes(b"weights")
    (folder / "card.json").write_text(json.dumps({"base": {"name": "gemma-3-270m"}}))
    table = {
        "Dim the hall to 30.": ' lamp.dim{"room":"hall","percent":"30"}',
        "Dim by level 7L.": " Lamp.dim{}",
        "Ring 6 times.": ' bell.ring{"times":"6"}',
    }
    local = Counting(tmp_path, table).parts()
    one = Candidate(name="mine", adapter=folder)
    room.bench(data, one, tmp_path / "out", Silent(), Terms(), local)
    judged = rows(tmp_path / "out")
    assert judged["simple_python"]["calls"] == [{"lamp.dim": {"room": "hall", "percent": 30}}]
    assert {name for name, row in judged.items() if row["valid"] and row["calls"]} == {"simple_python", "live_simple"}
    assert (judged["simple_java"]["calls"], judged["simple_java"]["stage"]) == ([], "count")


def test_a_stopped_benchmark_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    local = Counting(tmp_path, {})

    def stop(_: str, __: str | None) -> None:
        if len(local.asked) == 4:
            raise Killed

    local.on_call = stop
    one = Candidate(name="base", mode="base")
    with pytest.raises(Killed):
        room.bench(data, one, tmp_path / "out", Silent(), Terms(), local.parts())
    assert read_manifest(tmp_path / "out") is None
    local.on_call = lambda *_: None
    room.bench(data, one, tmp_path / "out", Silent(), Terms(), local.parts())
    assert len(local.asked) == len(CASES)
    room.bench(data, one, tmp_path / "out", Silent(), Terms(), local.parts())
    assert local.opened == 2


def test_a_benchmark_killed_with_kill_9_goes_on_with_what_was_answered(data: Path, tmp_path: Path) -> None:
    running: list[subprocess.Popen[bytes]] = []

    def answer(request: Json) -> Reply:
        if len(there.requests) == 6 and running[-1].poll() is None:
            running[-1].kill()  # while it waits for this answer
            running[-1].wait()
        return clever(request)

    def command(out: str) -> list[str]:
        words = ["bench", "bfcl", "--data", str(data), "--model", f"big@{there.url}", "--out", str(tmp_path / out)]
        return [sys.executable, "-m", "manyshot", *words]

    with endpoint(answer) as there:
        for _ in range(2):
            running.append(subprocess.Popen(command("out"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            ended = running[-1].wait(240)
            if len(running) == 1:
                assert ended == -signal.SIGKILL
                assert read_manifest(tmp_path / "out") is None
                (file,) = (tmp_path / "out" / "answers").iterdir()
                assert len(file.read_text("utf-8").splitlines()) == 5
                with file.open("a", encoding="utf-8") as stream:
                    stream.write('{"case": "half a li')  # what a kill amid a write leaves
        assert ended == 0
        asked = [request["messages"][-1]["content"] for request in there.requests]
        assert len(asked) == len(CASES) + 1  # the one that was not heard is asked again, and no other
        assert asked[5] == asked[6]
        found = rows(tmp_path / "out")
        subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL)
    whole = rows(tmp_path / "whole")
    assert [{**row, "ms": 0} for row in found.values()] == [{**row, "ms": 0} for row in whole.values()]
    assert all(row["valid"] for row in found.values())


def test_another_models_answers_are_never_taken(data: Path, tmp_path: Path) -> None:
    asked_of(clever, data, tmp_path / "out", Terms(("multiple",)))
    wrong = asked_of(lambda _: called(), data, tmp_path / "out", Terms(("multiple",)))  # another port, another model
    assert rates(wrong)["Non-Live Multiple AST"] == 0.0


def test_the_wheel_will_do_or_the_folder_it_lies_in(data: Path, tmp_path: Path) -> None:
    file = wheel(data, tmp_path)
    for place in (file, tmp_path, data / "bfcl_eval", data / "bfcl_eval" / "data"):
        found = read_benchmark(place)
        assert found.version == "2026.3.23", place
        assert {name: len(cases) for name, cases in found.cases.items()} == dict.fromkeys(CATEGORIES, 1)


def test_wrong_data_are_told_with_the_command_that_fetches_them(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"PK\x03\x04 cut off")
    short = tmp_path / "short"
    for path in data.rglob("*.json"):
        copy = short / path.relative_to(data)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    folder = short / "bfcl_eval" / "data"
    for place in (tmp_path / "empty", tmp_path / "absent", broken):
        with pytest.raises(EvalError, match="pip download --no-deps bfcl-eval"):
            read_benchmark(place)
    (folder / "possible_answer" / "BFCL_v4_multiple.json").write_text("")
    with pytest.raises(EvalError, match="multiple: wanted an answer a question, got 0 for 1"):
        read_benchmark(short)
    (folder / "BFCL_v4_multiple.json").write_text("{\n")
    with pytest.raises(EvalError, match=r"BFCL_v4_multiple\.json:1: bad JSON"):
        read_benchmark(short)
    assert FETCH.startswith("pip download --no-deps bfcl-eval==")


@pytest.mark.parametrize(
    ("one", "terms", "words"),
    [
        (Candidate(name="rules", workflow=True), Terms(), "a workflow calls no functions"),
        (Candidate(name="few", mode="fewshot"), Terms(), "no examples"),
        (Candidate(name="base", mode="base"), Terms(("simple",)), "unknown category 'simple'"),
    ],
)
def test_what_cannot_be_asked_is_refused_first(
    one: Candidate, terms: Terms, words: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ManyshotError, match=words):
        room.bench(data, one, tmp_path / "out", Silent(), terms, Counting(tmp_path, {}).parts())


def test_a_folder_of_something_else_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match=r"thesis\.txt"):
        asked_of(clever, data, tmp_path / "out")


def test_averages_are_the_leaderboards_on_a_case_worked_by_hand() -> None:
    found = {
        "simple_python": Tally(1, 2, 2), "simple_java": Tally(1, 1, 1), "simple_javascript": Tally(0, 1, 1),
        "multiple": Tally(1, 4, 4), "parallel": Tally(1, 1, 1), "parallel_multiple": Tally(0, 0, 5),
        "live_simple": Tally(1, 2, 2), "live_multiple": Tally(0, 0, 6), "irrelevance": Tally(3, 4, 4),
        "live_irrelevance": Tally(1, 4, 4),
    }  # fmt: skip
    shown = {one.name: one.rate for one in columns(found)}
    assert shown["Non-Live Simple AST"] == pytest.approx(0.5)  # of 50%, 100%, 0%, each of one weight
    assert shown["Non-Live AST Acc"] is None  # one of its categories was not asked
    assert shown["Live Acc"] == pytest.approx(1 / 8)  # by the number of entries, those not asked as 0
    assert shown["Irrelevance Detection"] == pytest.approx(0.5)
    non_live = (0.5 + 0.25 + 1.0 + 0.0) / 4
    assert shown["Overall Acc"] == pytest.approx(0.1 * non_live + 0.1 / 8 + 0.1 * 0.5)


def test_the_command_prints_the_columns_and_faults_are_exit_code_2(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(clever) as there:
        words = ["bench", "bfcl", "--data", str(data), "--model", f"big@{there.url}", "--limit", "1"]
        with pytest.raises(SystemExit) as ended:
            main([*words, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "BFCL V4 (bfcl-eval 2026.3.23)" in said
    assert "Overall Acc                        30.00%" in said
    assert "not comparable" in said
    with pytest.raises(SystemExit) as ended:
        main(["bench", "bfcl", "--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "two")])
    assert ended.value.code == 2
    assert "pip download" in capsys.readouterr().err
