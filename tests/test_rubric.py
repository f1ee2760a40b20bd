"""A judge's scores are shown only where it agrees with people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.metrics import cohen_kappa_score

from manyshot.errors import DataError, EvalError
from manyshot.rubric import read_labels, read_rubric
from manyshot.stats import kappa
from tests.endpoint import Json, Reply, completion, endpoint, refusal
from tests.test_cli_flow import ran

RUBRIC = '[[question]]\nname = "polite"\nask = "Polite?"\n\n[[question]]\nname = "short"\nask = "Short?"\n'


def files(folder: Path, count: int, label: Callable[[int], Json]) -> tuple[Path, Path, Path]:
    """Rows whose reply is the number of the conversation, a rubric, and labels."""
    rows, rubric, labels = folder / "rows.jsonl", folder / "rubric.toml", folder / "labels.jsonl"
    rubric.write_text(RUBRIC)
    rows.write_text(
        "".join(
            json.dumps({"id": f"s{n}", "trial": 0, "pass": True, "dialogue": [
                {"role": "user", "text": "Hello"}, {"role": "think", "text": "secret thought"},
                {"role": "reply", "text": f"number {n}."}]}) + "\n"
            for n in range(count)
        )
    )  # fmt: skip
    labels.write_text("".join(json.dumps({"id": f"s{n}", "trial": 0, **label(n)}) + "\n" for n in range(count)))
    return rows, rubric, labels


def number(request: Json) -> int:
    return int(request["messages"][-1]["content"].split("number ")[1].split(".")[0])


def judged(answers: Json | str) -> Reply:
    body = json.loads(completion("")[1])
    written = answers if isinstance(answers, str) else json.dumps(answers)
    body["choices"][0]["message"]["tool_calls"] = [
        {"id": "c", "type": "function", "function": {"name": "judge", "arguments": written}}
    ]
    return 200, json.dumps(body), {}


def fair(request: Json) -> Reply:
    """Right about politeness, a coin about length."""
    n = number(request)
    return judged({"polite": n % 3 > 0, "short": n % 2 > 0})


def command(folder: Path, url: str, places: tuple[Path, Path, Path]) -> list[str | Path]:
    rows, rubric, labels = places
    where: list[str | Path] = ["--rubric", rubric, "--labels", labels, "--out", folder / "out.jsonl"]
    return ["judge", rows, *where, "--model", f"m@{url}"]


@pytest.mark.parametrize(
    "pair", [([1, 1, 0, 0, 1], [1, 0, 0, 0, 1]), ([1, 0, 1, 0], [0, 1, 0, 1]), ([1, 1, 1, 0], [1, 1, 0, 1])]
)
def test_kappa_is_that_of_scikit_learn(pair: tuple[list[int], list[int]]) -> None:
    first, second = ([bool(one) for one in side] for side in pair)
    assert kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_of_one_answer_for_all_is_unknown() -> None:
    assert kappa([True, True], [True, False]) is None
    assert kappa([], []) is None


def test_a_score_is_shown_only_where_people_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = files(tmp_path, 24, lambda n: {"polite": n % 3 > 0, "short": n % 3 == 0})
    with endpoint(fair) as there:
        code, said, _ = ran(command(tmp_path, there.url, places), capsys)
        asked = there.requests[0]["messages"][-1]["content"]
    assert code == 3
    assert "polite: 16 of 24 (47% to 82%); kappa 1.00 on 24 labels" in said
    assert "short: not shown: kappa" in said
    assert "12 of 24" not in said
    assert "secret thought" not in asked
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 24


def test_few_labels_show_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = files(tmp_path, 6, lambda n: {"polite": n % 3 > 0})
    with endpoint(fair) as there:
        code, said, _ = ran(command(tmp_path, there.url, places), capsys)
    assert code == 3
    assert "polite: not shown: 6 labels, wanted 20" in said
    assert "short: not shown: 0 labels, wanted 20" in said


def test_what_is_no_judgement_is_not_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def odd(request: Json) -> Reply:
        n = number(request)
        replies = {0: judged("{no json"), 1: judged({"polite": True}), 2: completion("polite!"), 3: refusal(400, "no")}
        return replies.get(n) or judged({"polite": n % 2 > 0, "short": n % 2 > 0})

    places = files(tmp_path, 26, lambda n: {"polite": n % 2 > 0, "short": n % 2 > 0})
    with endpoint(odd) as there:
        code, said, _ = ran(command(tmp_path, there.url, places), capsys)
    assert code == 3
    assert "4 conversations could not be judged" in said
    assert "polite: 11 of 22" in said


def test_a_stopped_judge_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = files(tmp_path, 22, lambda n: {"polite": n % 3 > 0, "short": n % 2 > 0})
    with endpoint(lambda r: fair(r) if number(r) != 5 or len(there.requests) > 20 else refusal(404, "gone")) as there:
        assert ran(command(tmp_path, there.url, places), capsys)[0] == 2
        assert len(there.requests) == 6
        assert not (tmp_path / "out.jsonl").exists()
        there.requests.extend([{}] * 20)
        code, said, _ = ran(command(tmp_path, there.url, places), capsys)
        assert len(there.requests) == 6 + 20 + 17
    assert code == 0
    assert "kappa 1.00" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found none"),
        ("[[question]]\nname = 'a'", "wanted name and ask"),
        ("[[question]]\nname = 'a b'\nask = 'x'", "letters, digits and _"),
        ("[[question", "bad TOML"),
    ],
)
def test_a_rubric_that_is_none_is_told(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(EvalError, match=words):
        read_rubric(tmp_path / "r.toml")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "a", "kind": true}', "no question 'kind'"),
        ('{"id": "a", "polite": "yes"}', "true or false"),
        ('{"id": "a"}\n{"id": "a"}', "labels.jsonl:2: conversation a .* was labelled before"),
    ],
)
def test_labels_that_cannot_be_used_are_told_with_their_line(line: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RUBRIC)
    (tmp_path / "labels.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=words):
        read_labels(tmp_path / "labels.jsonl", read_rubric(tmp_path / "r.toml"))
