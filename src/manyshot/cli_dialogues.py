"""`manyshot dialogues`: approved shots to many dialogues. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.config import find_domain

if TYPE_CHECKING:
    from manyshot.multiply import OpenTeacher
    from manyshot.progress import Screen


class Where(StrEnum):
    """Where dialogues are made."""

    inline = "inline"
    processes = "processes"
    ray = "ray"


def dialogues(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for them.")],
    count: Annotated[
        int, typer.Option(min=1, help="How many, shared among the paths that have an approved shot.")
    ] = 2400,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives others.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Paths made at once; the result does not depend on it.")] = 2,
    engine: Annotated[
        Where,
        typer.Option(help="Make them in this process, in several, or on a Ray cluster (RAY_ADDRESS, or its own)."),
    ] = Where.processes,
    teacher: Annotated[
        bool,
        typer.Option("--teacher/--no-teacher", help="Let the teacher of domain.toml word a share of them, if any."),
    ] = True,
    budget: Annotated[
        int | None, typer.Option(min=0, metavar="TOKENS", help="Tokens that the teacher may cost in all, at most.")
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")] = False,
) -> None:
    """Multiply a domain's approved dialogues.

    Values and words change, and customers do more than answer.
    Every call is really made in the simulated company, and every dialogue is played again before it is kept.
    """
    from rich.console import Console

    from manyshot import multiply
    from manyshot.progress import Terminal

    screen = Terminal(Console())
    folder = find_domain(domain)
    made = multiply.run(
        folder, out, screen, count=count, seed=seed, trust=trust, workers=workers, engine=engine.value,
        teacher=_teacher(folder, budget, screen) if teacher else None, budget=budget,
    )  # fmt: skip
    numbers = made.numbers
    covered, paths = numbers["paths"]
    pairs, possible = numbers["path_classes"]
    kinds = ", ".join(f"{n} {kind}" for kind, n in numbers["kinds"].items())
    screen.say(f"{numbers['dialogues']} dialogues ({kinds})")
    screen.say(
        f"{covered} of {paths} paths, {pairs} of {possible} pairs of path and class (the others have no room there), "
        f"nearest neighbour {numbers['nearest_similarity']}, {numbers['rows_per_second']} a second -> {out}"
    )
    for path in numbers["uncovered"]:
        screen.say(f"  no approved shot of {path}: manyshot shots draft {domain}, then manyshot shots approve")


def _teacher(folder: Path, budget: int | None, screen: Screen) -> OpenTeacher | None:
    """How the domain's teacher is opened; None where there is none, or nothing to spend."""
    from manyshot.parts import teacher_opener
    from manyshot.spec.load import load_domain

    opened = teacher_opener(load_domain(folder))
    if opened is not None and budget == 0:
        screen.say("a budget of 0 tokens: the teacher is not asked, all words are the experts'")
        return None
    return opened
