"""The generalist: a corpus becomes passes with many lists of tools, a run begins from the shipped one when it fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from manyshot import generalist
from manyshot.errors import DataError, SpecError, TrainError
from manyshot.plugs.bases import Base
from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.progress import Silent
from manyshot.records import read_manifest, write_manifest
from manyshot.spec.init import init
from manyshot.train.adapter import Adapter
from manyshot.train.arch import freeze
from tests.scripted import Counting
from tests.train.tiny import tiny_model

CONFIG = generalist.TRAINING.model_copy(update={"steps": 24, "batch": 4, "rank": 4, "alpha": 8.0})
BASE = Base("tiny", Path(), None, "0" * 64)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name, language in (("bistro", "en"), ("garage", "en"), ("xiaoguan", "zh")):
        init(tmp_path / "corpus" / language / name, name=name, language=language)
    return tmp_path / "corpus"


def test_every_domain_has_its_share_under_many_lists(corpus: Path) -> None:
    read = generalist.read_corpus([corpus])
    assert [d.name for d in read.domains] == ["bistro", "garage", "xiaoguan"]
    made = generalist.corpus_passes(read, ByteTokenizer(), CONFIG, Silent())
    assert len(made) == 24
    assert all(len(p.branches) == 4 for p in made)
    prefixes = [bytes(i for i in p.prefix if i < 256).decode() for p in made]
    chinese = sum("可用工具" in text for text in prefixes)
    assert chinese == 8
    assert len(set(prefixes)) > 6  # shuffled, cut and mixed lists beside the domains' own
    assert made == generalist.corpus_passes(read, ByteTokenizer(), CONFIG, Silent())


def test_other_desks_passes_lie_evenly_between_a_desks_own(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = generalist.corpus_passes(generalist.read_corpus([corpus / "zh"]), ByteTokenizer(), CONFIG, Silent())
    config = CONFIG.model_copy(update={"replay": 0.25})
    monkeypatch.setattr(generalist, "CORPUS", corpus)
    mixed = generalist.replayed(own, "en", ByteTokenizer(), config, Silent())
    assert [one for one in mixed if one in own] == own
    assert len(mixed) == 32
    assert all(sum(one not in own for one in mixed[n : n + 4]) == 1 for n in range(0, 32, 4))
    assert generalist.replayed(own, "en", ByteTokenizer(), CONFIG, Silent()) == own
    monkeypatch.setattr(generalist, "CORPUS", tmp_path / "nothing")
    with pytest.raises(DataError, match="set replay=0"):
        generalist.replayed(own, "en", ByteTokenizer(), config, Silent())


def test_training_leaves_an_adapter_with_what_it_was_made_from(corpus: Path, tmp_path: Path) -> None:
    read, made = generalist.read_corpus([corpus]), Counting(tmp_path, {})
    done = generalist.build(read, BASE, CONFIG, tmp_path / "out", made.parts(), Silent())
    assert (done.inputs["base"], done.inputs["corpus"]) == (BASE.sha256, read.id)
    assert (done.numbers["domains"], done.numbers["steps"]) == (3, 4)
    with pytest.raises(TrainError, match="finished adapter"):
        generalist.build(read, BASE, CONFIG, tmp_path / "out", made.parts(), Silent())


def test_the_card_names_the_adapter_that_it_was_started_from(corpus: Path, tmp_path: Path) -> None:
    read, made = generalist.read_corpus([corpus]), Counting(tmp_path, {})
    alone = generalist.build(read, BASE, CONFIG, tmp_path / "first", made.parts(), Silent())
    assert "| start | the base alone |" in (tmp_path / "first" / "README.md").read_text("utf-8")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "adapter_model.safetensors").write_bytes(b"weights")
    done = generalist.build(read, BASE, CONFIG, tmp_path / "next", made.parts(), Silent(), start=tmp_path / "given")
    card = (tmp_path / "next" / "README.md").read_text("utf-8")
    assert f"| start | an adapter (sha256 of its weights {done.inputs['start']}...) |" in card
    assert "--start ADAPTER" in card
    assert "start" not in alone.inputs


def test_a_corpus_that_is_none_or_unsound_stops_before_any_work(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"found no domain\.toml"):
        generalist.read_corpus([tmp_path / "empty"])
    shots = corpus / "en" / "garage" / "shots" / "calls.jsonl"
    shots.write_text(shots.read_text("utf-8") + '{"action": "x", "call": {"name": "Fly"}}\n', "utf-8")
    with pytest.raises(SpecError, match=r"shots/calls\.jsonl:\d+"):
        generalist.read_corpus([corpus])
    init(tmp_path / "more" / "bistro", name="bistro", language="en")
    with pytest.raises(DataError, match="two domains of one name"):
        generalist.read_corpus([corpus, tmp_path / "more"])


def test_the_shipped_one_is_only_for_the_weights_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generalist, "SHIPPED", tmp_path)
    assert generalist.shipped(BASE) is None
    made = write_manifest(tmp_path / "tiny", "generalist", {"base": BASE.sha256, "corpus": "c"}, {}, {})
    found = generalist.shipped(BASE)
    assert found is not None
    assert (found.folder, found.id) == (tmp_path / "tiny", made.id)
    assert generalist.shipped(Base("tiny", Path(), None, "1" * 64)) is None


def test_installing_halves_the_numbers_and_keeps_what_the_adapter_is(corpus: Path, tmp_path: Path) -> None:
    out, made = tmp_path / "out", Counting(tmp_path, {})
    with pytest.raises(TrainError, match="wanted a finished generalist"):
        generalist.install(out, tmp_path / "shipped")
    done = generalist.build(generalist.read_corpus([corpus]), BASE, CONFIG, out, made.parts(), Silent())
    frozen = freeze(tiny_model("llama"), torch.float32)
    saved = Adapter(frozen, 4, 8.0, 0)
    saved.save(out, BASE.name)
    target = generalist.install(out, tmp_path / "shipped")
    assert target == tmp_path / "shipped" / "tiny"
    assert read_manifest(target) == done
    assert (target / "README.md").read_text("utf-8").startswith("---\nlibrary_name: peft")
    whole, half = (load_file(folder / "adapter_model.safetensors") for folder in (out, target))
    assert all(half[k].dtype == torch.float16 and torch.equal(half[k], v.half()) for k, v in whole.items())
    again = Adapter(frozen, 4, 8.0, 1)
    again.load(target)
    assert torch.allclose(again.flat, saved.flat, atol=1e-3)


def test_what_is_shipped_fits_the_embedded_base_and_the_default_training() -> None:
    from manyshot.pipeline import TRAINING
    from manyshot.plugs.bases import PACKAGED

    for folder in generalist.SHIPPED.iterdir() if generalist.SHIPPED.exists() else ():
        made = read_manifest(folder)
        assert made is not None
        assert made.inputs["base"] == PACKAGED[folder.name].sha256
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        assert (config["r"], config["lora_alpha"]) == (TRAINING.rank, TRAINING.alpha)
        assert (folder / "adapter_model.safetensors").stat().st_size < 32 << 20
