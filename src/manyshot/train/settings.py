"""How a training run is done. Small, frozen, stored with the adapter; every field says what it means."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    """Settings of one LoRA run. A step is one optimiser update of `accumulate` passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(16, ge=1, description="LoRA rank r, on all linear layers")
    alpha: float = Field(32.0, gt=0, description="LoRA alpha; the update is scaled by alpha / rank")
    lr: float | None = Field(
        None, gt=0, description="peak learning rate; without one 2e-3 from nothing, 6e-4 from a finished adapter"
    )
    final_lr: float = Field(0.0, ge=0, le=1, description="share of the peak rate that is left at the end of the cosine")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the run in which the rate rises linearly from 0")
    steps: int = Field(100, ge=1, description="optimiser steps; the most that are made under a deadline")
    accumulate: int = Field(1, ge=1, description="passes whose gradients are averaged in one step")
    batch: int = Field(16, ge=1, description="branches a pass; read by whoever builds the passes")
    seed: int = Field(0, ge=0, description="decides the start values of the adapter")
    dtype: Literal["auto", "bf16", "fp32"] = Field("auto", description="compute type; auto takes the faster one here")
    head: Literal["full", "seen"] = Field("full", description="seen: soft-max over the ids that occur, another loss")
    loss_norm: Literal["token", "sample"] = Field("token", description="mean over tokens, or over samples")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW")
    beta2: float = Field(0.99, ge=0, lt=1, description="AdamW")
    weight_decay: float = Field(0.0, ge=0, description="AdamW, decoupled")
    clip: float = Field(1.0, ge=0, description="largest L2 norm of the whole gradient; 0 for none")
    checkpoint_every: int = Field(0, ge=0, description="steps between checkpoints; 0 for none but the last")
    limit: int = Field(
        0,
        ge=0,
        description="tokens of a sample, prefix included; longer ones are set aside; 0: what the base was made for",
        exclude_if=lambda limit: limit == 0,
    )
    blend: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the trained weights in the result, the rest those that training began from",
        exclude_if=lambda blend: blend == 1,
    )
    replay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a desk's passes that are other desks', of the corpus; read by whoever builds the passes",
        exclude_if=lambda replay: replay == 0,
    )
    threads: int = Field(0, ge=0, description="CPU threads; 0 leaves torch's own choice")

    def peak(self, *, adapting: bool) -> float:
        """The peak learning rate; `adapting`: training begins from a finished adapter, which high rates wreck."""
        return self.lr or (6e-4 if adapting else 2e-3)
