"""Small courses for the tests of trainers: a tiny base with a real tokenizer, pairs and dialogues of a starter desk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from manyshot.plugs.tokenizer import FolderTokenizer
from manyshot.plugs.trainers.course import Course, Role, Sample
from manyshot.render import branch_text, opening_ids, sample, target_text
from manyshot.transcript import Piece, pieces
from manyshot.types import Call, CallPair, Tool, Trajectory, Turn

TOOLS = (
    Tool(
        name="Book",
        description="Books a table.",
        parameters={"type": "object", "properties": {"guest": {"type": "string"}}, "required": ["guest"]},
    ),
)
PREFIX = (
    "Turn what the customer says into one call. Tools:\n- Book(guest*:string) Books a table.\n- none() no tool fits\n"
)


def tiny_base(folder: Path, kind: str = "llama") -> Path:
    """A random model of `kind` with `tiny_tokenizer`."""
    from tests.train.tiny import tiny_model

    tiny_tokenizer(folder)
    tiny_model(kind, vocab=320).save_pretrained(folder)
    return folder


def tiny_tokenizer(folder: Path) -> Path:
    """A byte-level BPE tokenizer that has <bos>, <eos> and <|im_start|>."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<pad>", "<bos>", "<eos>", "<|im_start|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator([PREFIX, "Action: Call: Think: User: Reply:"], made)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def pair(number: int, action: str = "", **more: Any) -> CallPair:
    guest = f"Guest {number}"
    call = Call(name="Book", arguments={"guest": guest})
    fields = {"call": call, "surfaces": {"guest": guest}, **more}
    return CallPair(
        id=f"p{number}", kind="plain", action=action or f"A table for {guest} please", group=f"g{number}", **fields
    )


def dialogue(number: int) -> Trajectory:
    call = Call(name="Book", arguments={"guest": f"Guest {number}"})
    return Trajectory(
        id=f"d{number}",
        flow="booking",
        turns=(
            Turn(role="user", text=f"I am Guest {number} and want a table"),
            Turn(role="think", text="A table is wanted."),
            Turn(role="action", text=f"Book for Guest {number}.", call=call),
            Turn(role="observation", text="done"),
            Turn(role="reply", text="It is booked."),
        ),
    )


def acting(folder: Path, found: Sequence[CallPair]) -> Course:
    tokenizer = FolderTokenizer(folder)
    samples = []
    for one in found:
        made = sample(tokenizer, one.action, one.call, one.surfaces, one.history, "span")
        asked = Piece(branch_text(one.action, one.history), learned=False)
        answer = Piece(target_text(one.call, one.surfaces, "span"), learned=True)
        loss = tuple(n >= made.loss_from for n in range(len(made.ids)))
        samples.append(Sample(one, (asked, answer), tuple(made.ids), loss))
    return _course(folder, "acting", tokenizer, samples)


def thinking(folder: Path, found: Sequence[Trajectory]) -> Course:
    tokenizer = FolderTokenizer(folder)
    samples = []
    for one in found:
        parts = tuple(pieces(one.turns))
        ids = [tokenizer.encode(part.text) for part in parts]
        loss = tuple(chain.from_iterable([p.learned] * len(own) for p, own in zip(parts, ids, strict=True)))
        samples.append(Sample(one, parts, tuple(chain.from_iterable(ids)), loss))
    return _course(folder, "thinking", tokenizer, samples)


def _course(folder: Path, role: Role, tokenizer: FolderTokenizer, samples: list[Sample]) -> Course:
    return Course("bistro", role, "tiny", folder, PREFIX, tuple(opening_ids(tokenizer, PREFIX)), tuple(samples), TOOLS)
