"""`manyshot compare` and `manyshot gate`. One rule: they parse and call, as `cli` does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

#: Exit codes of the gate, for release scripts; 0 lets pass, 2 is a person's fault.
WORSE, CANNOT_TELL = 1, 3

EPILOG = (
    "CANDIDATE: RUN (as served), free@RUN (no grammar, no guidance), base@RUN, fewshot@RUN, generalist, base, fewshot, "
    "a folder that manyshot train wrote, workflow, MODEL@https://host/v1; NAME= before any. The first is what the "
    "others are tested against."
)


def compare(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="CANDIDATE...", help="See below.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="OUT", help="Folder; a stopped comparison is gone on with.")],
    file: Annotated[
        Path | None, typer.Option("--candidates", metavar="FILE", help="TOML with [[candidate]] tables.")
    ] = None,
    scenarios: Annotated[Path | None, typer.Option(metavar="FILE", help="Play these scenarios, too; JSONL.")] = None,
    calls: Annotated[bool, typer.Option("--calls/--no-calls", help="Ask the domain's tests of calls, or not.")] = True,
    sample: Annotated[int | None, typer.Option(min=1, help="Tests; all without it.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Conversations a scenario; right: all passed.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Decides the sample.")] = 0,
    key_env: Annotated[str, typer.Option(metavar="NAME", help="Variable with the key of MODEL@URL.")] = "",
    price_hour: Annotated[
        float | None, typer.Option(min=0.0, help="Price of an hour of this machine, for the cost of local ones.")
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Set several candidates beside each other."""
    from rich.console import Console

    from manyshot import compare as room
    from manyshot.candidates import candidates
    from manyshot.config import find_domain
    from manyshot.evaluate.standings import render_standings, standing_numbers
    from manyshot.progress import Silent, Terminal
    from manyshot.spec.load import load_domain, load_scenarios

    console = Console(highlight=False)
    folder = find_domain(domain)
    found = candidates(words or [], file, key_env, price_hour)
    played = load_scenarios(scenarios, folder) if scenarios else ()
    terms = room.Terms(calls, played, sample, trials, seed, trust)
    made = room.compare(folder, found, out, Silent() if json else Terminal(console), terms)
    if json:
        typer.echo(_json(standing_numbers(made.standings)))
        return
    console.print()
    console.print(render_standings(made.standings, load_domain(folder).context.language))
    for name, suite in made.skipped:
        console.print(f"{name}: not made for {suite}, left out there", markup=False)
    console.print(f"results: {out}" + (f", report: {made.report}" if made.report else ""), markup=False, soft_wrap=True)


def gate(
    new: Annotated[str, typer.Argument(metavar="NEW", help="RUN, or OUT of compare; :CANDIDATE behind it.")],
    against: Annotated[str, typer.Option(metavar="OLD", help="As NEW: what is in service.")],
    loss: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Loss of the rate that is tolerated; 0.05: five points.")
    ] = 0.05,
    minimum: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Rate that is required, as 0.8.")] = None,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Level of the tests and intervals.")] = 0.05,
    suite: Annotated[Literal["calls", "scenarios"] | None, typer.Option(help="Only this; both without it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether NEW may replace OLD.

    Exit code 0: it may; 1: it is worse; 3: the cases cannot tell; 2: a fault.
    """
    from manyshot import compare as room
    from manyshot.errors import EvalError
    from manyshot.evaluate import gate as judge

    mine, theirs = ([row for row in room.results_of(word) if suite in (None, row.suite)] for word in (new, against))
    if not mine and not theirs:
        raise EvalError(f"neither was tried on {suite}")
    found = judge.gate(mine, theirs, judge.Demand(loss, minimum, alpha))
    if json:
        typer.echo(_json(judge.numbers(found)))
    else:
        for one in found:
            typer.echo("\n".join(judge.lines(one)))
        typer.echo({"pass": "pass", "worse": "fail", "cannot_tell": "cannot tell"}[judge.overall(found)])
    if code := {"pass": 0, "worse": WORSE, "cannot_tell": CANNOT_TELL}[judge.overall(found)]:
        raise typer.Exit(code)


def _json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=1)
