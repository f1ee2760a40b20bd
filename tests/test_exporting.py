"""Adapters in the forms that serve them: the same model comes out, whole or not at all, and only for its own base."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from manyshot import exporting
from manyshot.candidates import Candidate
from manyshot.errors import DataError, ModelError
from manyshot.exporting import Trained, export, open_trained, parity, prompts_of, refuse_differing
from manyshot.opened import Opened
from manyshot.parts import Parts
from manyshot.plugs.bases import Base, check_tokenizer, locate
from manyshot.plugs.merge import merge
from manyshot.plugs.reference import Reference
from manyshot.plugs.tokenizer import FolderTokenizer
from manyshot.records import write_manifest
from manyshot.spec.load import load_domain
from manyshot.train.adapter import Adapter
from manyshot.train.arch import load_frozen
from manyshot.train.stage import CARD, LORA
from tests.courses import acting, dialogue, pair, thinking, tiny_base
from tests.scripted import Counting, starter


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return locate(str(tiny_base(tmp_path_factory.mktemp("base"))))


@pytest.fixture(scope="module")
def folder(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes something, with its card."""
    out = tmp_path_factory.mktemp("adapter")
    adapter = Adapter(load_frozen(base.folder, torch.float32), 4, 8, 0)
    adapter.flat.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    adapter.save(out, base.name)
    card = {"id": "a1", "domain": "bistro", "role": "acting", "base": {"name": base.name, "sha256": base.sha256}}
    (out / CARD).write_text(json.dumps(card))
    write_manifest(out, "train", {}, {}, {})
    return out


def parts(base: Base) -> Parts:
    return replace(Counting(base.folder, {}).parts(), find_base=lambda _: base)


def test_merging_is_what_peft_does(base: Base, folder: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    told = export(open_trained(folder, "acting", parts(base)), "merged", tmp_path / "out", "q8_0")
    assert "vllm serve" in told[0]
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(model, folder).merge_and_unload().state_dict()
    got = load_file(tmp_path / "out" / "model.safetensors")
    plain = load_file(base.folder / "model.safetensors")
    assert all(torch.allclose(got[name], wanted[name], atol=1e-5) for name in got)
    assert not torch.allclose(got["model.layers.0.mlp.up_proj.weight"], plain["model.layers.0.mlp.up_proj.weight"])
    check_tokenizer(tmp_path / "out")
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert record["adapter"] == "a1"
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(record["files"])
    with pytest.raises(DataError, match="wanted a new or empty folder"):
        export(open_trained(folder, "acting", parts(base)), "merged", tmp_path / "out", "q8_0")


def test_an_adapter_for_another_base_is_refused_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    other = locate(str(tiny_base(tmp_path / "other", "gemma3")))
    with pytest.raises(ModelError, match="an adapter fits no other base"):
        open_trained(folder, "acting", parts(other))
    with pytest.raises(ModelError, match=r"is for another base than .*: model.layers.0"):
        merge(other.folder, folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]


def test_an_adapter_is_not_compared_on_another_base(base: Base, folder: Path, tmp_path: Path) -> None:
    domain = load_domain(starter(tmp_path / "bistro"))
    (folder / LORA).write_bytes(b"lora")
    other = replace(parts(base), find_base=lambda _: replace(base, sha256="1" * 64))
    one = Candidate(name="a", adapter=folder)
    with (
        pytest.raises(ModelError, match="fits no other base"),
        Opened(one, domain, other).answering(),
    ):
        pass


def test_an_interrupted_save_leaves_nothing_that_looks_whole(base: Base, folder: Path, tmp_path: Path) -> None:
    """The base's weights are cut off, as by a copy that was stopped."""
    torn = tmp_path / "torn"
    torn.mkdir()
    for path in base.folder.iterdir():
        (torn / path.name).write_bytes(path.read_bytes())
    whole = (torn / "model.safetensors").read_bytes()
    (torn / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelError, match="damaged"):
        merge(torn, folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["torn"]


def test_a_saved_adapter_stays_when_the_next_save_fails(base: Base, tmp_path: Path) -> None:
    adapter = Adapter(load_frozen(base.folder, torch.float32), 4, 8, 0)
    adapter.save(tmp_path, "tiny")
    before = (tmp_path / "adapter_model.safetensors").read_bytes()
    adapter.flat.add_(1.0)
    (tmp_path / ".adapter_model.safetensors.part").mkdir()
    with pytest.raises(SafetensorError):
        adapter.save(tmp_path, "tiny")
    assert (tmp_path / "adapter_model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [({"use_dora": True}, "found use_dora"), ({"peft_type": "IA3"}, "found IA3"), ({"r": "x"}, "wanted an adapter")],
)
def test_what_is_no_plain_lora(base: Base, folder: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=said):
        merge(base.folder, tmp_path, tmp_path / "out")


def test_a_vllm_folder_has_pefts_names_and_its_command(base: Base, folder: Path, tmp_path: Path) -> None:
    (told,) = export(open_trained(folder, "acting", parts(base)), "vllm", tmp_path / "v", "q8_0")
    assert "--enable-lora --max-lora-rank 8 --lora-modules bistro-acting=" in told
    there, here = (load_file(place / "adapter_model.safetensors") for place in (tmp_path / "v", folder))
    assert there.keys() == here.keys()
    assert "vllm serve BASE --enable-lora" in (tmp_path / "v" / "README.md").read_text()


def test_without_a_gguf_of_the_base_there_is_none_to_write(base: Base, folder: Path, tmp_path: Path) -> None:
    for form in ("gguf", "gguf-lora", "ollama"):
        with pytest.raises(ModelError, match="wanted a GGUF of it beside its weights"):
            export(open_trained(folder, "acting", parts(base)), form, tmp_path / form, "q8_0")  # type: ignore[arg-type]


def test_what_is_no_finished_adapter(base: Base, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted a finished adapter"):
        open_trained(tmp_path, "acting", parts(base))
    write_manifest(tmp_path, "train", {}, {}, {})
    with pytest.raises(DataError, match="wanted the adapter's card"):
        open_trained(tmp_path, "acting", parts(base))
    card = json.loads((folder / CARD).read_text()) | {"model": "ft:x"}
    (tmp_path / CARD).write_text(json.dumps(card))
    with pytest.raises(DataError, match="stay with the service as ft:x"):
        open_trained(tmp_path, "acting", parts(base))


def test_transformers_reads_prompts_as_training_did(base: Base) -> None:
    reference = Reference(base.folder)
    for course in (
        acting(base.folder, [pair(0), pair(1, "<eos> 中文 🙂"), pair(2, "  two  blanks\n")]),
        thinking(base.folder, [dialogue(n) for n in range(3)]),
    ):
        prompts = prompts_of(course, 200)
        assert len(prompts) == 3
        assert all(one.ids[: len(course.prefix_ids)] == course.prefix_ids for one in prompts)
        found = parity("transformers", prompts, reference.tokenize, reference.read)
        assert found.differ == 0
        refuse_differing([found], as_text=False)


def test_another_tokenizer_is_refused(base: Base, tmp_path: Path) -> None:
    prompts = prompts_of(acting(base.folder, [pair(n) for n in range(5)]), 3)
    strange = FolderTokenizer(tiny_strange(tmp_path / "strange"))
    found = parity("strange", prompts, strange.encode, strange.encode)
    assert (found.prompts, found.differ, found.first) == (3, 3, "p0")
    with pytest.raises(ModelError, match="strange: reads 3 of 3 prompts as other ids than training did"):
        refuse_differing([found], as_text=False)


def tiny_strange(folder: Path) -> Path:
    """A tokenizer of single bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer: Any = Tokenizer(models.BPE({letter: n for n, letter in enumerate(["<bos>", "<eos>", *letters])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<bos>", "eos_token": "<eos>"}')
    return folder


def test_a_form_that_is_only_sent_text_is_refused_where_texts_differ() -> None:
    found = exporting.Parity("llama.cpp + adapter", 200, 0, 7, "")
    refuse_differing([found], as_text=False)
    refuse_differing([replace(found, form="transformers")], as_text=True)  # Ollama is llama.cpp
    with pytest.raises(ModelError, match="7 of 200 prompts as other ids when they are sent as text"):
        refuse_differing([found], as_text=True)


def test_greedy_answers_are_laid_side_by_side(base: Base, folder: Path, tmp_path: Path) -> None:
    trained = open_trained(folder, "acting", parts(base))
    assert isinstance(trained, Trained)
    merged = merge(base.folder, folder, tmp_path / "merged")
    prompts = prompts_of(acting(base.folder, [pair(0)]), 1)
    one, other = Reference(merged), Reference(base.folder)
    assert one.answer(prompts[0].ids, 8) == one.answer(prompts[0].ids, 8)
    assert one.answer(prompts[0].ids, 8) != other.answer(prompts[0].ids, 8)  # the adapter changes something
