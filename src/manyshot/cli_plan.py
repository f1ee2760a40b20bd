"""The command line's `plan`. One rule: it parses and calls."""

from __future__ import annotations

import json as json_lines
from typing import Annotated

import typer


def plan(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A domain, a data folder, or a file of records.")],
    base: Annotated[
        str, typer.Option(metavar="BASE", help="A published name (llama-3.1-8b), a config.json, or parameters (7B).")
    ] = "gemma-3-270m",
    hardware: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:KEY=VALUE,...]", help="cpu, or a GPU: memory, tflops, share, price, count."),
    ] = None,
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Whose tools the records call.")] = "",
    samples: Annotated[int | None, typer.Option(min=1, help="How many samples there will be.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times that all are seen.")] = 1,
    rank: Annotated[int, typer.Option(min=1, help="LoRA rank.")] = 32,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate memory, time and price of a training."""
    from manyshot import planning as room
    from manyshot.parts import embedded

    shape = room.find_shape(base)
    lengths, counted = room.measure_lengths(what, embedded(), domain=domain, samples=samples)
    rows = list(room.plan(shape, lengths, room.machines(hardware or []), rank=rank, epochs=epochs))
    if json:
        typer.echo(json_lines.dumps([row.json for row in rows], ensure_ascii=False, indent=1))
        return
    typer.echo(
        f"{shape.name}: {shape.parameters / 1e9:.3g}B parameters, {shape.adapter(rank) / 1e6:.3g}M in the adapter "
        f"(rank {rank})"
    )
    typer.echo(
        f"{counted}: {lengths.shared} shared tokens, {lengths.own:.0f} own, {lengths.loss:.0f} with loss; "
        f"{lengths.samples * epochs} samples\n"
    )
    for text in room.told(rows):
        typer.echo(text)
    typer.echo("\nEstimates: docs/plan.md has the formulas and what they were checked against. No GPU was measured.")
