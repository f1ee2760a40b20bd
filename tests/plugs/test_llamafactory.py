"""What LLaMA-Factory is given: its own way of reading a data set, followed here step by step, comes to our ids."""

from __future__ import annotations

import json
import stat
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from manyshot.errors import TrainError
from manyshot.plugs.trainers.course import Course, Sample
from manyshot.plugs.trainers.llamafactory import FOLDER, LlamaFactory, LlamaFactoryConfig
from manyshot.types import Call, Refusal
from tests.courses import PREFIX, acting, dialogue, pair, thinking, tiny_tokenizer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_tokenizer(tmp_path_factory.mktemp("base"))


def trainer(**settings: Any) -> LlamaFactory:
    return LlamaFactory(LlamaFactoryConfig(**settings), 1, 60)


def rows(folder: Path, course: Course) -> list[dict[str, Any]]:
    info = json.loads((folder / "dataset_info.json").read_text())
    (name,) = info
    assert name == yaml.safe_load((folder / "train.yaml").read_text())["dataset"] == f"bistro_{course.role}"
    assert info[name]["formatting"] == "sharegpt"
    found: list[dict[str, Any]] = json.loads((folder / info[name]["file_name"]).read_text())
    return found


def read_as_they_do(base: Path, row: dict[str, Any]) -> tuple[list[int], list[bool]]:
    """LLaMA-Factory's `empty` template: each message tokenised on its own by transformers, loss on gpt's."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    system, *said = row["conversations"]
    parts = [tokenizer.encode(one["value"], add_special_tokens=False) for one in (system, *said)]
    own = [False] * len(parts[0]) + list(
        chain.from_iterable([one["from"] == "gpt"] * len(ids) for one, ids in zip(said, parts[1:], strict=True))
    )
    return list(chain.from_iterable(parts)), own


def same(base: Path, course: Course, one: Sample, row: dict[str, Any]) -> bool:
    ids, loss = read_as_they_do(base, row)
    return ids == [*course.prefix_ids, *one.ids] and loss == [False] * len(course.prefix_ids) + list(one.loss)


def test_prompts_are_read_as_our_ids_with_our_loss(base: Path, tmp_path: Path) -> None:
    refused = pair(2, history=(Refusal(call=Call(name="Book", arguments={"guest": "x"}), error="no such guest"),))
    for course in (
        acting(base, [pair(0), pair(1, "中文也行 🙂"), refused, pair(3, call=None, surfaces={})]),
        thinking(base, [dialogue(0), dialogue(1)]),
    ):
        folder = tmp_path / course.role
        kept, gone = trainer().write(course, folder)
        assert gone == 0
        found = rows(folder, kept)
        assert len(found) == len(course.samples)
        assert all(same(base, kept, one, row) for one, row in zip(kept.samples, found, strict=True))


def test_what_it_would_read_otherwise_is_set_aside(base: Path, tmp_path: Path) -> None:
    course = acting(base, [pair(0), pair(1, "A table for <eos> Guest 1"), pair(2, "soon " * 900)])
    kept, gone = trainer(limit=512).write(course, tmp_path)
    assert [one.record.id for one in kept.samples] == ["p0"]
    assert gone == 2
    why = {row["id"]: row["why"] for row in map(json.loads, (tmp_path / "set_aside.jsonl").read_text().splitlines())}
    assert "special token" in why["p1"]
    assert "the limit is 512" in why["p2"]


def test_the_chat_form_keeps_the_thought_beside_a_call(base: Path, tmp_path: Path) -> None:
    course = thinking(base, [dialogue(0)])
    trainer(form="chat", template="qwen").write(course, tmp_path)
    (row,) = rows(tmp_path, course)
    kinds = [one["from"] for one in row["conversations"]]
    assert kinds == ["human", "function_call", "observation", "gpt"]
    assert "A table is wanted." in row["conversations"][1]["value"]
    assert json.loads(row["tools"])[0]["name"] == "Book"
    pairs = acting(base, [pair(0)])
    trainer(form="chat", template="qwen").write(pairs, tmp_path / "pairs")
    (row,) = rows(tmp_path / "pairs", pairs)
    assert json.loads(row["conversations"][1]["value"]) == {"name": "Book", "arguments": {"guest": "Guest 0"}}


def test_a_template_that_the_tokenizer_cannot_write_is_refused(base: Path, tmp_path: Path) -> None:
    course = acting(base, [pair(0)])
    trainer(form="chat", template="qwen3").write(course, tmp_path)
    for template, token in (("llama3", r"<\|start_header_id\|>"), ("gemma3", "<start_of_turn>")):
        with pytest.raises(TrainError, match=f"{token}, which this base's tokenizer does not have"):
            trainer(form="chat", template=template).write(course, tmp_path)


def test_the_chat_form_counts_tools_too(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="with tools and template, the limit is 400"):
        trainer(form="chat", template="qwen", limit=400).write(acting(base, [pair(0)]), tmp_path)


def test_a_template_goes_with_the_chat_form_alone() -> None:
    for settings in ({"form": "chat"}, {"template": "qwen"}):
        with pytest.raises(TrainError, match="form=chat wants"):
            trainer(**settings)


def test_the_settings_stand_in_the_yaml(base: Path, tmp_path: Path) -> None:
    trainer(rank=8, alpha=16, bits=4, steps=7, dtype="fp32").write(acting(base, [pair(0)]), tmp_path)
    said = yaml.safe_load((tmp_path / "train.yaml").read_text())
    assert (said["lora_rank"], said["lora_alpha"], said["max_steps"], said["bf16"]) == (8, 16, 7, False)
    assert said["quantization_bit"] == 4
    assert said["template"] == "empty"


def test_not_installed_is_one_line_and_the_files_are_there(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="make llamafactory") as error:
        trainer(python=str(tmp_path / "none")).make(acting(base, [pair(0)]), tmp_path, lambda *_: None)
    assert "\n" not in str(error.value)
    assert (tmp_path / FOLDER / "train.yaml").is_file()


def program(folder: Path, does: str) -> str:
    """An interpreter that finds llamafactory and does this when it is to train."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then exit 0; fi\n{does}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def peft_folder(folder: Path, value: float = 1.0) -> None:
    folder.mkdir(parents=True)
    state = {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": torch.full((2, 3), value)}
    save_file(state, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "/a/b"}))


def test_it_is_run_and_its_adapter_taken_over(base: Path, tmp_path: Path) -> None:
    peft_folder(tmp_path / "made")
    (tmp_path / "made" / "train_results.json").write_text('{"train_loss": 0.5, "train_runtime": 3.0}')
    log = '{"current_steps": 3, "total_steps": 4, "loss": 0.25}'
    does = f"mkdir run; echo '{log}' > run/trainer_log.jsonl; sleep 1.5; cp {tmp_path}/made/* run/"
    told: list[tuple[float, str]] = []
    made = trainer(python=program(tmp_path, does)).make(
        acting(base, [pair(0)]), tmp_path / "out", lambda *x: told.append(x)
    )
    assert (0.75, "step 3 of 4, loss 0.250") in told
    assert made.numbers == {"set_aside": 0, "loss_token": 0.5, "seconds": 3.0}
    assert load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("echo ValueError: no memory; exit 3", "ended with code 3: ValueError: no memory"),
        ("mkdir run", "wanted an adapter in PEFT's form"),
        ("sleep 30", "took more than 1 s"),
    ],
)
def test_a_run_that_goes_wrong_says_so(base: Path, tmp_path: Path, does: str, said: str) -> None:
    maker = LlamaFactory(LlamaFactoryConfig(python=program(tmp_path, does)), 1, 1.0)
    with pytest.raises(TrainError, match=said):
        maker.make(acting(base, [pair(0)]), tmp_path / "out", lambda *_: None)
    assert not (tmp_path / "out" / "adapter_model.safetensors").exists()


def test_an_adapter_that_is_no_number_is_not_taken_over(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    peft_folder(out / FOLDER / "run", float("nan"))
    with pytest.raises(TrainError, match="is not a number"):
        trainer().make(acting(base, [pair(0)]), out, lambda *_: None)
    assert not (out / "adapter_model.safetensors").exists()


def test_the_beginning_of_the_prompt_is_ours(base: Path, tmp_path: Path) -> None:
    course = acting(base, [pair(0)])
    trainer().write(course, tmp_path)
    assert rows(tmp_path, course)[0]["conversations"][0]["value"] == f"<bos>{PREFIX}"
