"""`manyshot promote`: a served conversation becomes a draft shot. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manyshot.config import find_domain


def promote(
    turns: Annotated[Path, typer.Argument(metavar="TURNS", help="The conversation: a turn a line, as JSON.")],
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")],
    name: Annotated[str, typer.Option("--id", metavar="ID", help="Of the draft; else one is made.")] = "",
    flow: Annotated[str, typer.Option(metavar="FLOW", help="The flow it follows; decides the file.")] = "",
    known: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names and the like that are in it for sure, one a line.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the draft and write nothing.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")] = False,
) -> None:
    """Redact a served conversation and write it as a draft shot.

    Names, phones, ids, addresses and the like become marks as [phone 1]. An expert puts made-up values in their place
    and approves it; a name that nothing announces is not found, so read it.
    """
    from functools import partial

    from manyshot import promoting
    from manyshot.shotbook import open_book
    from manyshot.world.opening import opener

    found = promoting.read_turns(turns)
    pieces = promoting.read_known(known) if known is not None else ()
    book = open_book(find_domain(domain), partial(opener, trust=trust))
    made = promoting.promote(book, found, name, flow, pieces, keep=not dry_run)
    if dry_run:
        typer.echo(promoting.text(made), nl=False)
        return
    taken = ", ".join(f"{kind} {count}" for kind, count in sorted(made.taken.items())) or "nothing was found"
    typer.echo(f"{made.file}: {made.draft.id} (draft); taken out: {taken}")
    if made.problems:
        typer.echo(f"not true yet, {len(made.problems)} problems, the first: {made.problems[0]}")
    typer.echo(
        f"read it, put made-up values in the place of marks, then: manyshot shots approve {domain} {made.draft.id}"
    )
