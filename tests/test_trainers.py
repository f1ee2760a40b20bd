"""All trainers from one data folder: the same samples, the same card, one line where something is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stamina

from manyshot import single
from manyshot.errors import DataError, SpecError, TrainError
from manyshot.parts import Parts
from manyshot.plugs.bases import Base
from manyshot.plugs.tokenizer import FolderTokenizer
from manyshot.progress import Silent
from manyshot.records import read_jsonl, read_manifest
from manyshot.spec.load import load_domain
from manyshot.train.stage import CARD, LORA, held_back
from manyshot.trainers import BEGUN, Terms, course_of, open_trainer
from manyshot.types import CallPair
from tests.courses import tiny_tokenizer
from tests.finetuning import service
from tests.plugs.test_llamafactory import peft_folder
from tests.scripted import Counting, starter


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A domain, its data, a base with a real tokenizer."""
    place = tmp_path_factory.mktemp("desk")
    domain = starter(place / "bistro")
    single.data_folder(domain, place / "data", 40, 0, (), force=False)
    base = tiny_tokenizer(place / "base")
    (base / "config.json").write_text(json.dumps({"vocab_size": 320, "max_position_embeddings": 4096}))
    return domain, place / "data", base


def parts(base: Path) -> Parts:
    made = Counting(base, {}).parts()
    gguf = base / "base.gguf"
    return replace(
        made, find_base=lambda name: Base(name, base, gguf, "0" * 64), tokenizer=lambda b: FolderTokenizer(b.folder)
    )


def opened(
    name: Any, desk: tuple[Path, Path, Path], *words: str, resume: bool = False, seconds: float | None = 30
) -> Any:
    return open_trainer(name, words, None, Terms(desk[0], parts(desk[2]), Silent(), seconds=seconds, resume=resume))


def test_others_see_what_our_own_training_sees(desk: tuple[Path, Path, Path]) -> None:
    domain, data, base = desk
    source = read_manifest(data)
    assert source is not None
    found = parts(base).find_base("x")
    course = course_of(load_domain(domain), found, FolderTokenizer(base), data, source)
    pairs = [pair for pair in read_jsonl(data / "pairs.jsonl", CallPair) if not held_back(pair)]
    assert [one.record.id for one in course.samples] == [pair.id for pair in pairs]
    assert course.role == "acting"
    assert course.prefix_ids[0] == FolderTokenizer(base).bos_token_id
    assert all(one.ids[-1] == FolderTokenizer(base).eos_token_id and one.loss[-1] for one in course.samples)


def test_a_hosted_training_leaves_a_card_with_the_models_name(
    desk: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIR_KEY", "sk-secret")
    with service() as there, stamina.set_testing(True, attempts=3, cap=True):
        words = (f"base_url={there.url}", "model=small", "key_env=THEIR_KEY", "poll=0.01")
        made = opened("openai", desk, *words).train(desk[1], tmp_path / "a")
    card = json.loads((tmp_path / "a" / CARD).read_text())
    assert card["model"] == "ft:small:bistro"
    assert card["config"]["trainer"] == "openai"
    assert made.numbers["samples"] == made.numbers["pairs"] > 20
    assert "stay with the service" in (tmp_path / "a" / "README.md").read_text()
    assert not (tmp_path / "a" / LORA).exists()
    with pytest.raises(TrainError, match="holds a finished adapter"):
        opened("openai", desk, *words, resume=True).train(desk[1], tmp_path / "a")


def test_an_adapter_from_another_machine_is_taken_over(desk: tuple[Path, Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "a"
    with pytest.raises(TrainError, match="LLaMA-Factory is not installed"):
        opened("llamafactory", desk, "python=/nowhere", "limit=4000").train(desk[1], out)
    assert read_manifest(out) is None
    with pytest.raises(TrainError, match="or --resume to go on"):
        opened("llamafactory", desk, "limit=4000").train(desk[1], out)
    peft_folder(out / "llamafactory" / "run")
    made = opened("llamafactory", desk, "limit=4000", resume=True).train(desk[1], out)
    assert (out / LORA).is_file()
    assert made.config["trainer"] == "llamafactory"
    assert json.loads((out / CARD).read_text())["base"]["sha256"] == "0" * 64


def test_a_stopped_training_is_not_gone_on_with_under_other_settings(
    desk: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "a"
    with pytest.raises(TrainError, match="not installed"):
        opened("trl", desk, "python=/nowhere", "limit=4000").train(desk[1], out)
    with pytest.raises(TrainError, match="a training with another rank"):
        opened("trl", desk, "rank=8", "python=/nowhere", "limit=4000", resume=True).train(desk[1], out)
    with pytest.raises(TrainError, match="a training with another trainer"):
        opened("llamafactory", desk, "python=/nowhere", "limit=4000", resume=True).train(desk[1], out)
    (out / BEGUN).write_text("[")
    with pytest.raises(TrainError, match="damaged"):
        opened("trl", desk, "python=/nowhere", "limit=4000", resume=True).train(desk[1], out)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("openai", ("key_env=NO_SUCH_KEY_HERE",), "NO_SUCH_KEY_HERE, it is not set"),
        ("openai", ("rank=3",), "there is no setting 'rank'"),
        ("trl", ("ranks=3",), "did you mean rank"),
        ("llamafactory", ("bits=5",), "bits is: 4: QLoRA"),
        ("llamafactory", ("form=chat",), "form=chat wants"),
        ("peft", ("bits=4",), "there is no setting 'bits'"),
    ],
)
def test_settings_are_looked_at_before_any_work(
    desk: tuple[Path, Path, Path], name: str, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises((SpecError, TrainError), match=said):
        opened(name, desk, *words)


def test_all_samples_too_long(desk: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"none of .* samples can be trained on"):
        opened("trl", desk, "limit=16").train(desk[1], tmp_path / "a")


def test_data_that_is_not_finished(desk: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted finished training data"):
        opened("trl", desk).train(tmp_path / "none", tmp_path / "a")
