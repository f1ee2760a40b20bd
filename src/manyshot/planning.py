"""What training a data set would take on some machines: the `plan` command. One rule: lengths are counted with a real
tokenizer, this machine's rate is measured, and all else is manyshot.sizing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from manyshot.config import find_domain
from manyshot.curate import prefix_of, spans_of
from manyshot.dataset.spans import Span
from manyshot.datasource import open_source
from manyshot.errors import DataError, SpecError
from manyshot.parts import Parts
from manyshot.plugs.bases import Base
from manyshot.sizing import (
    SHAPES,
    Estimate,
    Lengths,
    Machine,
    Shape,
    Way,
    estimate,
    read_machine,
    read_shape,
    scaled_shape,
)
from manyshot.types import CallPair, Json

#: Samples whose lengths are counted, pairs that are made of a domain, and those that `manyshot data` makes by itself.
COUNTED, MADE, DATA_USUAL = 2000, 200, 8000
#: The base whose tokens are counted where nobody names another.
USUAL = "gemma-3-270m"
_UNITS = {"m": 1e6, "b": 1e9}


@dataclass(frozen=True, slots=True)
class Row:
    """One way of training on one machine."""

    machine: Machine
    way: Way
    estimate: Estimate

    @property
    def json(self) -> Json:
        e, way = self.estimate, self.way
        return {
            "hardware": self.machine.name,
            "sharing": way.sharing,
            "weights": way.weights,
            "rank": way.rank,
            "checkpointing": way.checkpointing,
            "fits": e.batch > 0,
            "batch": e.batch,
            "memory_gb": round(e.memory / 1e9, 1),
            "samples_per_second": round(e.rate, 3),
            "hours": round(e.seconds / 3600, 3),
            "price": None if e.price is None else round(e.price, 2),
        }


def find_shape(word: str) -> Shape:
    """A shape by a published name, a config.json or its folder, or parameters (7B, 500M). Raises SpecError."""
    if word.lower() in SHAPES:
        return SHAPES[word.lower()]
    path = Path(word).expanduser()
    if path.exists():
        return read_shape(path)
    number, unit = word[:-1], word[-1:].lower()
    try:
        parameters = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise SpecError(
            f"--base {word}: wanted one of {', '.join(SHAPES)}, the path of a config.json, or parameters as 7B"
        ) from None
    if not 1e6 <= parameters <= 1e13:
        raise SpecError(f"--base {word}: wanted between 1M and 10000B parameters")
    return scaled_shape(parameters)


def measure_lengths(what: str, parts: Parts, *, domain: str = "", samples: int | None = None) -> tuple[Lengths, str]:
    """Lengths of a data set, or of what a domain's data would be, and in words what was counted.

    samples: how many there will be; without it those that are there. Raises SpecError, DataError.
    """
    if (made := _made(what, parts)) is not None:
        found, shared = made
        count, told = DATA_USUAL, f"{len(found)} pairs made of the shots of {what}"
    else:
        source = open_source(what, domain)
        of = source.domain
        tokenizer = parts.tokenizer(_weights(parts, of.base if of else USUAL))
        found = [spans_of(one, tokenizer) for one in islice(source.records(), COUNTED)]
        shared = len(prefix_of(source, tokenizer))
        count = sum(1 for _ in source.records())
        told = f"{count} {'pairs' if source.kind is CallPair else 'dialogues'} of {source.name}"
    own = [sum(span.tokens or 0 for span in spans) for spans in found]
    loss = [sum(span.tokens or 0 for span in spans if span.loss) for spans in found]
    if not sum(loss):
        raise DataError(f"{what}: no token of it has loss, so there is nothing to train on")
    mean = 1 / len(own)
    return Lengths(shared, sum(own) * mean, sum(loss) * mean, samples or count, max(own)), told


def _made(what: str, parts: Parts) -> tuple[list[list[Span]], int] | None:
    """Spans of pairs made of a domain's shots, and the tokens they share; None for what is no domain."""
    from manyshot.data.build import Builder
    from manyshot.render import prefix_ids
    from manyshot.spec.load import load_domain

    try:
        folder = find_domain(what)
    except SpecError:
        return None
    if not (folder / "domain.toml").is_file():
        return None
    domain = load_domain(folder)
    tokenizer = parts.tokenizer(_weights(parts, domain.base))
    pairs = islice(Builder(domain, 0).pairs(MADE), MADE)
    shared = len(prefix_ids(tokenizer, domain.tools, domain.context.language))
    return [spans_of(one, tokenizer) for one in pairs], shared


def _weights(parts: Parts, name: str) -> Base:
    return (parts.find_weights or parts.find_base)(name)


def this_machine(price: float | None = None) -> Machine:
    """This machine: its memory, and the rate of a typical product, measured (0.1 s)."""
    import torch

    from manyshot.train.compute import gflops

    rates = {dtype: gflops(dtype) for dtype in (torch.bfloat16, torch.float32)}
    name = "this CPU, bf16" if rates[torch.bfloat16] >= rates[torch.float32] else "this CPU, fp32"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(name, memory, max(rates.values()) * 1e9, price=price, cpu=True)


def machines(words: Sequence[str]) -> list[Machine]:
    """Machines by their words; `cpu` (also cpu:price=0.1) is this one. Raises SpecError."""
    found = []
    for word in words or ["cpu"]:
        name, _, rest = word.partition(":")
        if name.lower() != "cpu":
            found.append(read_machine(word))
        elif not rest:
            found.append(this_machine())
        else:
            key, _, value = rest.partition("=")
            if key != "price" or not value.replace(".", "", 1).isdecimal():
                raise SpecError(
                    f"--hardware {word}: of this CPU only the price of an hour can be given, as cpu:price=0.1"
                )
            found.append(this_machine(float(value)))
    return found


def plan(shape: Shape, lengths: Lengths, found: Sequence[Machine], *, rank: int, epochs: int) -> Iterator[Row]:
    """All ways on all machines: with and without sharing, LoRA and, on GPUs, QLoRA."""
    for machine in found:
        plain = ("fp32" if machine.name.endswith("fp32") else "bf16") if machine.cpu else "bf16"
        for sharing in (True, False):
            for weights in ("bf16", "nf4") if not machine.cpu else (plain,):
                # Activations are made again where that is how anything fits at all.
                ways = [Way(sharing, weights, rank, again) for again in (False, True)]
                tried = [(way, estimate(shape, lengths, way, machine, epochs=epochs)) for way in ways]
                tried = tried[:1] if machine.cpu and sharing else tried  # our own step always keeps them
                fitting = [one for one in tried if one[1].batch]
                yield Row(machine, *(max(fitting, key=lambda one: one[1].rate) if fitting else tried[-1]))


def told(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as a table of text."""
    yield f"{'':<16}{'how':<22}{'GB':>8}{'batch':>7}{'samples/s':>11}{'time':>10}{'price':>10}"
    for row in rows:
        e, way = row.estimate, row.way
        how = f"{'QLoRA' if way.weights == 'nf4' else 'LoRA'}, {'shared' if way.sharing else 'ordinary'}"
        how += ", again" if way.checkpointing else ""
        head = f"{row.machine.name[:15]:<16}{how:<22}{e.memory / 1e9:>8.1f}"
        if not e.batch:
            parts = -(-e.memory // (row.machine.memory * 0.92)) if not row.machine.cpu else 0
            yield head + (f"   does not fit; {parts:.0f} of them would hold it" if parts else "   does not fit")
            continue
        price = "-" if e.price is None else f"{e.price:.2f}"
        yield f"{head}{e.batch:>7}{e.rate:>11.2f}{_time(e.seconds):>10}{price:>10}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
