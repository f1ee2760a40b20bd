"""Tiny random models and passes for the trainer's tests."""

from __future__ import annotations

import random
from typing import Any

import torch

from manyshot.train.tree import Branch, Pass

KINDS = ("gemma3", "llama", "qwen2", "qwen3")


def tiny_model(kind: str, window: int | None = None, vocab: int = 97) -> Any:
    """A random 3-layer fp32 model; with `window` its layers slide (where the family has that)."""
    from transformers import (
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        LlamaConfig,
        LlamaForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    torch.manual_seed(7)
    common: dict[str, Any] = {
        "vocab_size": vocab,
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2 if kind != "gemma3" else 1,
        "max_position_embeddings": 512,
        "tie_word_embeddings": kind != "qwen3",
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "attn_implementation": "eager",
    }
    sliding = ["sliding_attention", "full_attention", "sliding_attention"]
    if kind == "gemma3":
        config = Gemma3TextConfig(
            **common, head_dim=16, query_pre_attn_scalar=16, sliding_window=window or 512, layer_types=sliding
        )
        model = Gemma3ForCausalLM(config)
    elif kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(**common))
    else:
        extra = {"use_sliding_window": True, "sliding_window": window, "layer_types": sliding} if window else {}
        model = (
            Qwen2ForCausalLM(Qwen2Config(**common, **extra))
            if kind == "qwen2"
            else Qwen3ForCausalLM(Qwen3Config(**common, head_dim=16, **extra))
        )
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():  # default biases and norms are trivial: make them count
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.float().eval()


def random_pass(seed: int, prefix: int = 23, branches: int = 7, vocab: int = 97, longest: int = 17) -> Pass:
    """Branches of 3 to `longest` tokens; loss from a random place, in one of them by an explicit mask."""
    rng = random.Random(seed)
    made = []
    for number in range(branches):
        ids = [rng.randrange(vocab) for _ in range(rng.randint(3, longest))]
        if number == 1:
            made.append(Branch(ids, loss_mask=[True, *[rng.random() < 0.5 for _ in ids[1:]]]))
        else:
            made.append(Branch(ids, loss_from=rng.randint(0 if prefix else 1, len(ids) - 1)))
    if not prefix:
        made[1] = Branch(made[1].ids, loss_from=2)
    return Pass([rng.randrange(vocab) for _ in range(prefix)], made)
