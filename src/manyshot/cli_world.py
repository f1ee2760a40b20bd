"""`manyshot world`: try a domain's simulated company. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

import json as json_lines
from collections.abc import Sequence
from typing import Annotated

import typer

from manyshot.config import find_domain
from manyshot.errors import SpecError


def world(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")],
    call: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help='A call: {"name": ..., "arguments": {...}}; repeatable.')
    ] = None,
    setup: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='Rows and faults to begin with: {"rows": {...}, "faults": [...]}.'),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the rows that are there at the beginning.")] = 0,
    trust: Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: answers, state and digest.")] = False,
) -> None:
    """Make calls in a domain's simulated company; print its answers and what stands in its tables."""
    from pydantic import ValidationError

    from manyshot.spec.load import load_domain, load_flows
    from manyshot.types import Call, Setup
    from manyshot.world.opening import opener

    try:
        calls = [Call.model_validate_json(text) for text in call or ()]
        start = Setup.model_validate_json(setup or "{}").model_copy(update={"seed": seed})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        raise SpecError(f"--{'setup' if error.title == 'Setup' else 'call'}: {where}: {first['msg']}") from None
    folder = find_domain(domain)
    opened = opener(load_domain(folder), load_flows(folder), trust=trust)(start)
    answers = [opened.call(one) for one in calls]
    state = opened.state()
    if json:
        rows = [{"call": c.model_dump(), "answer": a.model_dump()} for c, a in zip(calls, answers, strict=True)]
        typer.echo(json_lines.dumps({"answers": rows, "state": state, "digest": opened.digest()}, ensure_ascii=False))
        return
    for one, answer in zip(calls, answers, strict=True):
        typer.echo(f"{one.name} {_line(one.arguments)}\n  {answer.status or 'no answer'} {_line(answer.body)}")
    for table, found in state.items():
        typer.echo(f"\n{table} ({len(found)})")
        _rows(found)
    typer.echo(f"\nstate {opened.digest()}")


#: Rows of a table that are printed; the last ones, which calls added, are among them.
_SHOWN = 8


def _rows(found: Sequence[object]) -> None:
    hidden = max(0, len(found) - _SHOWN)
    if hidden:
        typer.echo(f"  ... {hidden} more before (all with --json)")
    for row in found[hidden:]:
        typer.echo(f"  {_line(row)}")


def _line(value: object) -> str:
    return json_lines.dumps(value, ensure_ascii=False)
