"""What TRL is given: our ids with our mask, and a script that stands alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from manyshot.errors import TrainError
from manyshot.plugs.trainers.lora import LoraConfig
from manyshot.plugs.trainers.trl import DATA, FOLDER, SCRIPT, SETTINGS, Trl
from tests.courses import acting, dialogue, pair, thinking, tiny_tokenizer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_tokenizer(tmp_path_factory.mktemp("base"))


def test_rows_are_ids_with_their_mask(base: Path, tmp_path: Path) -> None:
    for course in (acting(base, [pair(0), pair(1, "<eos> is no end here")]), thinking(base, [dialogue(0)])):
        folder = tmp_path / course.role
        kept, gone = Trl(LoraConfig(), 2, None).write(course, folder)
        assert gone == 0
        found = [json.loads(row) for row in (folder / DATA).read_text().splitlines()]
        assert [row["id"] for row in found] == [one.record.id for one in kept.samples]
        for one, row in zip(kept.samples, found, strict=True):
            assert row["input_ids"] == [*course.prefix_ids, *one.ids]
            assert row["completion_mask"] == [0] * len(course.prefix_ids) + [int(on) for on in one.loss]
        settings = json.loads((folder / SETTINGS).read_text())
        assert settings["epochs"] == 2
        assert settings["base"] == str(base)


def test_the_script_needs_nothing_of_ours(base: Path, tmp_path: Path) -> None:
    Trl(LoraConfig(), 1, None).write(acting(base, [pair(0)]), tmp_path)
    tree = ast.parse((tmp_path / SCRIPT).read_text())
    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in named} <= {
        "__future__", "json", "pathlib", "typing", "torch", "datasets", "peft", "transformers", "trl",
    }  # fmt: skip


def test_not_installed_is_one_line_and_the_files_are_there(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="TRL is not installed") as error:
        Trl(LoraConfig(python=str(tmp_path / "none")), 1, None).make(acting(base, [pair(0)]), tmp_path, lambda *_: None)
    assert "\n" not in str(error.value)
    assert (tmp_path / FOLDER / SCRIPT).is_file()
