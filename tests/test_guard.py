"""Questions of benchmarks are kept out of training, by hashes of them alone.

The questions here are made up: those of the benchmark are not in this repository.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from manyshot import generalist, guard, pipeline
from manyshot.data import stage
from manyshot.errors import DataError
from manyshot.generalist import Corpus
from manyshot.guard import question_in
from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.progress import Silent
from manyshot.records import read_rows
from manyshot.spec.load import load_domain
from manyshot.train.settings import TrainConfig
from tests.data.desks import SHOTS, TICKET, plain, write
from tests.scripted import Counting, gold, starter
from tests.test_cli_flow import ran

LONG = (
    "My neighbour's tortoise, called Bertram, escaped on 14 March; please file a report for the allotment "
    "committee and ask them to search the greenhouse."
)
SHORT = "How many tortoises fit into a wheelbarrow?"
CHINESE = "请帮我查一下邻居家名叫伯特伦的乌龟三月十四日跑到哪个菜园里去了"
QUESTIONS = {"long_1": LONG, "short_2": SHORT, "zh_3": CHINESE}


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The guard with the made-up questions in place of the benchmark's."""
    file = tmp_path / "made.gz"
    file.write_bytes(gzip.compress("".join(guard.hashed(QUESTIONS.items())).encode()))
    monkeypatch.setattr(guard, "FILE", file)
    guard._benchmark.cache_clear()
    yield
    guard._benchmark.cache_clear()


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (LONG, "BFCL long_1"),
        (LONG.upper().replace(",", " -").replace("'", "’"), "BFCL long_1"),
        (LONG.replace("14", "27"), "BFCL long_1"),
        (LONG.replace("14 March", "１４ March"), "BFCL long_1"),
        (f"You are an assistant. {LONG} Answer in one sentence.", "BFCL long_1"),
        (LONG.replace("allotment", "parish"), "BFCL long_1"),
        (SHORT, "BFCL short_2"),
        ("how many tortoises fit, into a wheelbarrow", "BFCL short_2"),
        (CHINESE, "BFCL zh_3"),
        (f"{CHINESE}？谢谢！", "BFCL zh_3"),
        ("My neighbour's tortoise, called Bertram, escaped; where is the next vet?", None),
        ("Please file a report for the allotment committee about the noise at night.", None),
        ("How many tortoises fit into a bathtub?", None),
        ("请帮我查一下我的订单到哪里了", None),
        ("", None),
        ("!?" * 50, None),
        ("\ud800 half a pair " * 5, None),
    ],
)
def test_equal_and_nearly_equal_questions_are_known(text: str, entry: str | None) -> None:
    assert question_in(text) == entry


def test_a_hash_that_is_equal_by_chance_makes_no_question() -> None:
    """With five thousand hashes of 32 bits, one of a million generated sentences has one of them."""
    known = guard.known_of(QUESTIONS.items(), "test")
    other = "The kettle on the second floor hums whenever somebody calls the lift, is that normal?"
    (question,) = [q for q in known.whole.values() if q.entry == "test long_1"]
    known.whole[zlib.crc32(b" ".join(guard.words_of(other)))] = question
    assert question_in(other, known) is None
    assert question_in(LONG, known) == "test long_1"


def test_everyday_sentences_are_not_guarded() -> None:
    assert not list(guard.hashed([("a", "Where is my order?"), ("b", "How are you today?"), ("c", "你好，在吗？")]))


def test_the_shipped_file_holds_names_and_hashes_and_no_text() -> None:
    lines = gzip.decompress(guard.FILE.read_bytes()).decode("ascii").splitlines()
    assert len(lines) > 5000
    assert all(re.fullmatch(r"[\w-]+ [0-9a-f]{8}( [0-9a-f]{10}){1,4} ([0-9a-f]{2}){6,64}", line) for line in lines)
    assert guard.FILE.stat().st_size < 320_000


def test_nothing_that_this_project_ships_is_a_benchmarks_question() -> None:
    root = Path(__file__).parents[1]
    files = [*root.glob("corpus/**/*.jsonl"), *root.glob("src/manyshot/domains/**/*.jsonl")]
    said = [row.get("action") or row.get("opening") or "" for file in files for _, row in read_rows(file)]
    assert len(said) > 10_000
    assert [text for text in said if question_in(text)] == []
    held_out = generalist.held_out_tests([root / "bench/held_out"])
    assert held_out is not None
    assert [text for text in said if question_in(text, held_out)] == []


@pytest.mark.usefixtures("known")
def test_an_import_leaves_such_rows_out_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"instruction": text, "input": "", "output": "none{}"} for text in ("Hello there", LONG, "Bye")]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["dataset", "import", file, "--format", "alpaca", "--pairs", "--out", tmp_path / "out"]
    code, said, err = ran(words, capsys)
    assert code == 3
    assert "2 rows" in said
    assert f"{file}:2: equals or nearly equals the question of BFCL long_1" in err


@pytest.mark.usefixtures("known")
def test_a_dialogue_with_such_a_question_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = [{"role": "user", "content": "Good morning"}, {"role": "assistant", "content": "Good morning!"}]
    bad = [*said, {"role": "user", "content": LONG}, {"role": "assistant", "content": "At once."}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"messages": row}) + "\n" for row in (said, bad)))
    code, _, err = ran(["dataset", "import", file, "--format", "openai", "--out", tmp_path / "out"], capsys)
    assert code == 3
    assert "BFCL long_1" in err


@pytest.mark.usefixtures("known")
def test_a_shot_that_is_such_a_question_stops_the_data_with_its_line(tmp_path: Path) -> None:
    domain = load_domain(write(tmp_path / "desk", [TICKET], [*SHOTS[:2], {"action": CHINESE, "call": None}]))
    with pytest.raises(DataError, match=r"shots/calls\.jsonl:3: equals or nearly equals the question of BFCL zh_3"):
        stage.run(domain, tmp_path / "out", count=20, seed=1)


@pytest.mark.usefixtures("known")
def test_training_refuses_pairs_of_any_source(tmp_path: Path) -> None:
    folder = starter(tmp_path / "bistro")
    data, domain = tmp_path / "data", load_domain(folder)
    stage.run(domain, data, count=40, seed=1)
    lines = (data / "pairs.jsonl").read_text("utf-8").splitlines()
    lines[6] = json.dumps({**json.loads(lines[6]), "action": LONG})
    (data / "pairs.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    parts = Counting(tmp_path, gold(folder)).parts()
    with pytest.raises(DataError, match=r"pairs\.jsonl:7: equals or nearly equals the question of BFCL long_1"):
        pipeline.train_folder(
            TrainConfig(batch=8), domain, parts.find_base("b"), data, tmp_path / "out", parts, Silent()
        )


@pytest.mark.usefixtures("known")
def test_the_generalists_corpus_is_guarded_too(tmp_path: Path) -> None:
    domain = plain(tmp_path)
    bad = domain.shots[0].model_copy(update={"action": CHINESE, "call": None})
    corpus = Corpus((domain.model_copy(update={"shots": (*domain.shots, bad)}),))
    with pytest.raises(DataError, match="BFCL zh_3"):
        generalist.corpus_passes(corpus, ByteTokenizer(), TrainConfig(steps=20, batch=8), Silent())


def test_the_generalists_corpus_holds_nothing_that_is_held_out(tmp_path: Path) -> None:
    desk = starter(tmp_path / "held" / "bistro")
    test = {"id": "t1", "action": f"Good morning! {LONG}", "expected": []}
    (desk / "tests" / "calls.jsonl").write_text(json.dumps(test) + "\n")
    held_out = generalist.held_out_tests([tmp_path / "held"])
    domain = plain(tmp_path)
    bad = domain.shots[0].model_copy(
        update={"action": f"Good morning! {LONG}".replace("Bertram", "Bert"), "call": None}
    )
    corpus = Corpus((domain.model_copy(update={"shots": (*domain.shots, bad)}),))
    config = TrainConfig(steps=20, batch=8)
    with pytest.raises(DataError, match="the held-out test bistro/t1"):
        generalist.corpus_passes(corpus, ByteTokenizer(), config, Silent(), held_out)
    assert generalist.corpus_passes(corpus, ByteTokenizer(), config, Silent())
