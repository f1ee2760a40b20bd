"""`manyshot simulate`: scenarios through an assistant. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from manyshot.candidates import Candidate

#: Exit code when the customer spoilt some conversation in every try.
INCOMPLETE = 3
#: How freely a model plays a customer, so that another try is another; seconds that one message may take.
TEMPERATURE, SECONDS = 0.7, 60.0


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
    customer: Annotated[
        str, typer.Option(metavar="WHO", help="Who plays the customer: script, teacher (domain.toml), or MODEL@URL.")
    ] = "script",
    key_env: Annotated[
        str, typer.Option(metavar="NAME", help="Variable with the key of the customer's MODEL@URL.")
    ] = "",
    again: Annotated[
        int, typer.Option(min=0, max=20, help="How often a conversation that such a customer spoils is played again.")
    ] = 2,
    spoil: Annotated[
        float, typer.Option(min=0, max=1, help="Share of calls answered with rubbish; nothing may be made up then.")
    ] = 0.0,
    trust: Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")] = False,
) -> None:
    """Play scenarios through a run's assistant.

    A scripted customer, or one that a model plays, talks with it in the simulated company.
    Judged are the final state, forbidden acts, calls that must be made, and whether a person took over when due.
    Exit code 3: some conversations were spoilt by the customer in every try and not judged.
    """
    from contextlib import ExitStack
    from dataclasses import replace
    from functools import partial

    from rich.console import Console

    from manyshot import simulate as simulation
    from manyshot.assistants import assistants
    from manyshot.opened import chat_of
    from manyshot.progress import Terminal
    from manyshot.records import read_manifest
    from manyshot.runfolder import RunFolder, files_id
    from manyshot.scenario.spoil import Spoil
    from manyshot.shotbook import open_book
    from manyshot.spec.load import load_domain, load_scenarios
    from manyshot.world.opening import opener

    place, screen = RunFolder(run), Terminal(Console())
    place.read()
    actor = _actor(customer, key_env, place.domain)
    found = load_scenarios(scenarios, place.domain)
    made = [m.id for folder in (place.train, place.think) if (m := read_manifest(folder))]
    # Rows of an edited domain are not gone on with.
    made.append(files_id(place.domain))
    with ExitStack() as open_:
        stage, open_assistant = open_.enter_context(
            assistants(place, mode.value, guided=guided, weigh=weigh, trust=trust)
        )
        if spoil:
            company = open_book(place.domain, partial(opener, trust=trust)).company
            stage = replace(stage, spoil=Spoil(spoil, company))
        if actor:
            chat = open_.enter_context(chat_of(actor, temperature=TEMPERATURE, seconds=SECONDS))
            who = f"{actor.model}@{actor.base_url} {TEMPERATURE}"
            played = simulation.casting(chat, who, out.with_suffix(".customer.jsonl"), stage)
            stage = replace(stage, casting=open_.enter_context(played), again=again)
            made.append(f"{who} {again}")
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
    how = _how(mode, guided, weigh) + (f", customer {actor.model}" if actor else "")
    page = simulation.report(out, rows, found, load_domain(place.domain), trials, how)
    screen.say(f"-> {out}, report: {page}")
    if len(simulation.judged(rows)) < len(rows):
        raise typer.Exit(INCOMPLETE)


def _actor(word: str, key_env: str, domain: Path) -> Candidate | None:
    """The endpoint that plays the customer; None for the script."""
    from manyshot.candidates import Candidate, read_word
    from manyshot.errors import SpecError
    from manyshot.opened import key_of
    from manyshot.spec.load import load_domain

    if word == "script":
        return None
    if word == "teacher":
        teacher = load_domain(domain).teacher
        if teacher is None:
            raise SpecError(f"--customer teacher: {domain / 'domain.toml'} has no [teacher]; name MODEL@URL instead")
        found = Candidate(name="customer", model=teacher.model, base_url=teacher.base_url, key_env=teacher.key_env)
    elif "@http" in word:
        found = read_word(word, key_env).model_copy(update={"name": "customer"})
    else:
        raise SpecError(f"--customer {word!r}: wanted script, teacher, or MODEL@URL of an OpenAI-compatible endpoint")
    key_of(found)  # before anything is played
    return found


def _how(mode: Mode, guided: bool, weigh: bool) -> str:
    """The assistant in words, for the report."""
    if mode is Mode.workflow:
        return mode.value
    return f"{mode.value}, {'guided' if guided else 'free'}{', weighing' if guided and weigh else ''}"
