"""Adapters as GGUF: the file holds the numbers that PEFT saved, in the base's order; merging adds scale * B A."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch
from gguf.quants import dequantize, quantize
from safetensors.torch import save_file

from manyshot.errors import ModelError
from manyshot.plugs.gguf_lora import build_gguf, write_lora

Q8 = gguf.GGMLQuantizationType.Q8_0
BF16 = gguf.GGMLQuantizationType.BF16
WIDTH, HEADS, RANK = 64, 4, 2
MODULES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "mlp.down_proj": "ffn_down"}


@pytest.fixture(params=["gemma3", "llama"])
def base(request, tmp_path):
    """A GGUF of one block with random weights."""
    random = np.random.default_rng(0)
    path = tmp_path / "base.gguf"
    writer = gguf.GGUFWriter(path, request.param)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_token_list(["a", "general.file_type", "中"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_tensor("token_embd.weight", quantize(matrix(random, 3, WIDTH), Q8), raw_dtype=Q8)
    for name, rows in (("attn_q", WIDTH), ("attn_k", WIDTH // 2), ("ffn_down", WIDTH)):
        writer.add_tensor(f"blk.0.{name}.weight", matrix(random, rows, WIDTH))
    writer.add_tensor("output_norm.weight", np.arange(5, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def adapter(tmp_path):
    """A PEFT folder with alpha 3 on three matrices; returns the folder and its arrays."""
    random = np.random.default_rng(1)
    halves = {m: (matrix(random, RANK, WIDTH), matrix(random, WIDTH // (1 + ("k_" in m)), RANK)) for m in MODULES}
    folder = tmp_path / "adapter"
    folder.mkdir()
    settings(folder, lora_alpha=3)
    prefix = "base_model.model.model.layers.0"
    tensors = {
        f"{prefix}.{m}.lora_{x}.weight": torch.from_numpy(w)
        for m, ab in halves.items()
        for x, w in zip("AB", ab, strict=True)
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder, halves


def matrix(random, rows, columns):
    return random.standard_normal((rows, columns)).astype(np.float32)


def settings(folder, **changes):
    whole = {"peft_type": "LORA", "r": RANK, "lora_alpha": 3, "bias": "none", **changes}
    (folder / "adapter_config.json").write_text(json.dumps(whole))


def tensors(path):
    return {t.name: t for t in gguf.GGUFReader(path).tensors}


def interleaved(rows, heads):
    """Row order of Q and K in a llama GGUF: the two halves of each head alternate."""
    order = [h * (rows // heads) + half * (rows // heads // 2) + i
             for h in range(heads) for i in range(rows // heads // 2) for half in (0, 1)]  # fmt: skip
    return np.array(order)


def wanted_b(path, name, b):
    architecture = gguf.GGUFReader(path).get_field("general.architecture").contents()
    if architecture == "gemma3" or name == "ffn_down":
        return b
    return b[interleaved(len(b), HEADS // (1 + (name == "attn_k")))]


@pytest.mark.parametrize(("changes", "scale"), [({}, 3 / RANK), ({"use_rslora": True}, 3 / RANK**0.5)])
def test_the_adapter_file_holds_the_same_product(base, adapter, tmp_path, changes, scale):
    folder, halves = adapter
    settings(folder, **changes)
    out = write_lora(base, folder, tmp_path / "sub" / "lora.gguf")
    reader, found = gguf.GGUFReader(out), tensors(out)
    assert reader.get_field("general.type").contents() == "adapter"
    assert reader.get_field("adapter.type").contents() == "lora"
    factor = reader.get_field("adapter.lora.alpha").contents() / RANK
    assert len(found) == 2 * len(MODULES)
    for module, name in MODULES.items():
        a, b = (found[f"blk.0.{name}.weight.lora_{x}"].data for x in "ab")
        np.testing.assert_array_equal(a, halves[module][0])
        np.testing.assert_allclose(factor * b, scale * wanted_b(base, name, halves[module][1]), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16", "q8_0", "q4_0"])
def test_merging_adds_the_product_to_the_weights_as_trained(base, adapter, tmp_path, dtype):
    folder, halves = adapter
    out = build_gguf(base, folder, tmp_path / "merged.gguf", dtype)
    before, after, kind = tensors(base), tensors(out), gguf.GGMLQuantizationType[dtype.upper()]
    for module, name in MODULES.items():
        a, b = halves[module]
        start = dequantize(quantize(before[f"blk.0.{name}.weight"].data, BF16), BF16)
        whole = quantize(start + 3 / RANK * (wanted_b(base, name, b) @ a), kind)
        got = after[f"blk.0.{name}.weight"]
        assert got.tensor_type == kind
        np.testing.assert_allclose(dequantize(got.data, kind), dequantize(whole, kind), rtol=1e-5, atol=1e-5)


def test_what_no_adapter_touches_is_kept(base, tmp_path):
    out = build_gguf(base, None, tmp_path / "plain.gguf", "q8_0")
    before, after = tensors(base), tensors(out)
    assert list(before) == list(after)
    for name in ("token_embd.weight", "output_norm.weight"):
        assert after[name].tensor_type == before[name].tensor_type
        np.testing.assert_array_equal(after[name].data, before[name].data)
    old, new = gguf.GGUFReader(base), gguf.GGUFReader(out)
    assert list(old.fields) == list(new.fields)
    assert new.get_field("tokenizer.ggml.tokens").contents() == ["a", "general.file_type", "中"]
    assert new.get_field("general.file_type").contents() == gguf.LlamaFileType.MOSTLY_Q8_0


@pytest.mark.parametrize(
    "changes",
    [
        {"use_dora": True},
        {"bias": "all"},
        {"alpha_pattern": {"q": 1}},
        {"modules_to_save": ["x"]},
        {"peft_type": "IA3"},
    ],
)
def test_adapters_that_llama_cpp_cannot_apply_are_refused(base, adapter, tmp_path, changes):
    settings(adapter[0], **changes)
    with pytest.raises(ModelError, match=r"adapter_config.json: "):
        write_lora(base, adapter[0], tmp_path / "lora.gguf")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter", "base.gguf"]


def test_an_adapter_of_another_base_is_refused_and_the_old_file_stays(base, adapter, tmp_path):
    folder, _ = adapter
    out = tmp_path / "lora.gguf"
    out.write_text("old")
    save_file({"model.layers.0.mlp.down_proj.lora_A.weight": torch.zeros(2, 3)}, folder / "adapter_model.safetensors")
    for write in (write_lora, build_gguf):
        with pytest.raises(ModelError, match="wanted A and B that fit the base for model"):
            write(base, folder, out)
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter", "base.gguf", "lora.gguf"]


def test_a_folder_without_an_adapter(base, tmp_path):
    with pytest.raises(ModelError, match="wanted a PEFT adapter's settings"):
        write_lora(base, tmp_path, tmp_path / "lora.gguf")
