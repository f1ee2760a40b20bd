"""`manyshot simulate`: scenarios through an assistant. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Mode(StrEnum):
    """Which assistant."""

    base = "base"
    fewshot = "fewshot"
    tuned = "tuned"
    workflow = "workflow"


def simulate(
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="Folder of a run.")],
    scenarios: Annotated[Path, typer.Option(metavar="FILE", help="Scenarios, one JSON object a line.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="New file: one row a conversation; a report beside it.")],
    mode: Annotated[
        Mode, typer.Option(help="The base, with examples, with its adapters, or the flows by fixed rules.")
    ] = Mode.tuned,
    guided: Annotated[
        bool, typer.Option("--guided/--free", help="Keep its place in the flows, or let the model write all thoughts.")
    ] = True,
    weigh: Annotated[
        bool, typer.Option("--weigh", help="Guided: ask the thinking model where words leave open what is meant.")
    ] = False,
    trials: Annotated[int, typer.Option(min=1, help="Conversations a scenario; the first takes no chances.")] = 1,
    spoil: Annotated[
        float, typer.Option(min=0, max=1, help="Share of calls answered with rubbish; nothing may be made up then.")
    ] = 0.0,
    trust: Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")] = False,
) -> None:
    """Play scenarios through a run's assistant.

    A scripted customer talks with it in the simulated company.
    Judged are the final state, forbidden acts, calls that must be made, and whether a person took over when due.
    """
    from dataclasses import replace
    from functools import partial

    from rich.console import Console

    from manyshot import simulate as simulation
    from manyshot.assistants import assistants
    from manyshot.progress import Terminal
    from manyshot.records import read_manifest
    from manyshot.runfolder import RunFolder, files_id
    from manyshot.scenario.spoil import Spoil
    from manyshot.shotbook import open_book
    from manyshot.spec.load import load_domain, load_scenarios
    from manyshot.world.opening import opener

    place, screen = RunFolder(run), Terminal(Console())
    place.read()
    found = load_scenarios(scenarios, place.domain)
    made = [m.id for folder in (place.train, place.think) if (m := read_manifest(folder))]
    # Rows of an edited domain are not gone on with.
    made.append(files_id(place.domain))
    with assistants(place, mode.value, guided=guided, weigh=weigh, trust=trust) as (stage, open_assistant):
        if spoil:
            company = open_book(place.domain, partial(opener, trust=trust)).company
            stage = replace(stage, spoil=Spoil(spoil, company))
        rows = simulation.simulate(
            found,
            stage,
            open_assistant,
            out,
            screen,
            trials=trials,
            key=f"{mode.value} {guided} {weigh} {' '.join(made)}{f' {spoil}' if spoil else ''}",
        )
    for text in simulation.told(rows, trials):
        screen.say(text)
    page = simulation.report(out, rows, found, load_domain(place.domain), trials, _how(mode, guided, weigh))
    screen.say(f"-> {out}, report: {page}")


def _how(mode: Mode, guided: bool, weigh: bool) -> str:
    """The assistant in words, for the report."""
    if mode is Mode.workflow:
        return mode.value
    return f"{mode.value}, {'guided' if guided else 'free'}{', weighing' if guided and weigh else ''}"
