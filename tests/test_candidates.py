"""Candidates as a person names them: words, tables of a file, and what is wrong with them in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyshot.candidates import Candidate, candidates, read_word
from manyshot.errors import SpecError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "my"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


def test_words_name_runs_bases_workflows_and_endpoints(run: Path, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    assert read_word(str(run)) == Candidate(name="my", run=run)
    assert read_word(str(run)).how == "tuned"
    assert read_word(f"fewshot@{run}") == Candidate(name="fewshot@my", mode="fewshot", run=run)
    assert read_word(f"old=free@{run}") == Candidate(name="old", mode="free", run=run)
    assert read_word("base").how == "base"
    assert read_word("small=base@smollm2-135m") == Candidate(name="small", mode="base", base="smollm2-135m")
    assert read_word(str(tmp_path)).adapter == tmp_path
    assert read_word("workflow").workflow
    assert (read_word("generalist").generalist, read_word("generalist").how) == (True, "tuned")
    assert read_word("plain=generalist").name == "plain"
    there = read_word("org/model-7b@http://localhost:8000/v1", "KEY")
    assert (there.name, there.model, there.base_url) == ("org-model-7b", "org/model-7b", "http://localhost:8000/v1")
    assert there.key_env == "KEY"
    named = read_word("big=m@https://host/v1?a=b")
    assert (named.name, named.base_url) == ("big", "https://host/v1?a=b")


def test_who_can_do_what(run: Path) -> None:
    found = candidates([str(run), "base", "workflow", "m@http://h/v1"], None)
    assert [one.calls for one in found] == [True, True, False, True]
    assert [one.talks for one in found] == [True, False, True, True]


def test_cost_is_by_tokens_at_an_endpoint_and_by_time_here() -> None:
    there = Candidate(name="x", model="m", base_url="http://h/v1", price_in=1.0, price_out=4.0, price_hour=9.0)
    assert there.cost(500_000, 250_000, 1e9) == pytest.approx(1.5)
    assert read_word("m@http://h/v1").cost(10, 10, 10.0) is None
    (here,) = candidates(["base"], None, price_hour=0.36)
    assert here.cost(10, 10, 1000.0) == pytest.approx(0.0001)
    assert read_word("base").cost(10, 10, 10.0) is None


def test_a_file_gives_tables_and_its_folders_lie_beside_it(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[[candidate]]\nname = "mine"\nrun = "runs/my"\n'
        '[[candidate]]\nname = "big"\nbase_url = "https://h/v1"\nmodel = "m"\nshots = 8\nprice_in = 0.5\n'
    )
    base, mine, big = candidates(["base"], file)
    assert (base.name, mine.run, big.shots, big.price_in) == ("base", run, 8, 0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[candidate]\n", r"c\.toml: bad TOML"),
        ('name = "x"\n', r"c\.toml: wanted \[\[candidate\]\] tables and nothing else, found name"),
        (
            '[[candidate]]\nname = "a"\nmode = "base"\n\n[[candidate]]\nname = "b"\nmod = "base"\n',
            r"c\.toml:5: .*'mod'",
        ),
        ('[[candidate]]\nname = "a"\nmodel = "m"\n', r"c\.toml:1: an endpoint has both"),
        ('[[candidate]]\nname = "a"\nrun = "r"\nworkflow = true\n', r"c\.toml:1: wanted one of"),
        ('[[candidate]]\nname = "a b"\nmode = "base"\n', r"c\.toml:1: the name 'a b'"),
        ('[[candidate]]\nname = "../a"\nmode = "base"\n', r"c\.toml:1: the name"),
        ('[[candidate]]\nname = "a"\nmode = "tuned"\n', r"c\.toml:1: mode tuned needs"),
        ('[[candidate]]\nname = "a"\n', r"c\.toml:1: wanted run, adapter"),
        ('[[candidate]]\nname = "a"\nmodel = "m"\nbase_url = "file:///x"\n', r"c\.toml:1: base_url is 'file"),
        ('[[candidate]]\nname = "a"\nmode = "base"\nprice_in = -1\n', r"c\.toml:1: price_in: "),
        (
            '[[candidate]]\nname = "a"\nmode = "base"\n[[candidate]]\nname = "a"\nmode = "base"\n',
            "two candidates .* 'a'",
        ),
    ],
)
def test_faults_of_a_file_are_named_with_their_line(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(SpecError, match=said):
        candidates([], file)


@pytest.mark.parametrize("word", ["nowhere", "tuned@nowhere", "", "free", "fewshoot@runs/x", "=base"])
def test_a_word_that_names_nothing_says_what_is_wanted(word: str) -> None:
    with pytest.raises(SpecError, match=r"candidate .* wanted"):
        candidates([word], None)


def test_none_at_all_is_a_fault() -> None:
    with pytest.raises(SpecError, match="wanted candidates"):
        candidates([], None)
