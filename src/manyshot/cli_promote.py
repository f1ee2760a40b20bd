"""`manyshot promote`: a served conversation becomes a draft shot. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.config import find_domain, service_database
from manyshot.errors import SpecError

if TYPE_CHECKING:
    from manyshot.types import Turn


def promote(
    talk: Annotated[
        str, typer.Argument(metavar="SESSION", help="Id of a conversation; or a file, a turn a line as JSON.")
    ],
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")],
    run: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="The run that is served, where --db is in its folder.")
    ] = None,
    db: Annotated[
        str, typer.Option(metavar="URL", help="Conversations, as given to manyshot serve; else MANYSHOT_SERVE_DB.")
    ] = "",
    desk: Annotated[
        str, typer.Option(metavar="URL", help="Database of manyshot desk: what it knows of the customer goes too.")
    ] = "",
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

    file = Path(talk)
    if file.suffix or file.is_file():  # ids of conversations have no dot
        if desk or db:
            raise SpecError(
                f"{talk}: is a file, which belongs to no database; leave out --db and --desk, or use --known"
            )
        turns, pieces = promoting.read_turns(file), tuple[str, ...]()
    else:
        turns, pieces = _served(talk, run, db, desk)
    if known is not None:
        pieces = (*pieces, *promoting.read_known(known))
    book = open_book(find_domain(domain), partial(opener, trust=trust))
    made = promoting.promote(book, turns, name, flow, pieces, keep=not dry_run)
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


def _served(name: str, run: Path | None, db: str, desk: str) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """A conversation's turns, and what in it is personal for sure. Raises SpecError, DataError."""
    import os

    from manyshot import promoting

    if run is None and not db and not os.environ.get("MANYSHOT_SERVE_DB"):
        raise SpecError(
            f"{name}: is no file, and in which database is a conversation of that id? wanted --run RUN or --db URL"
        )
    try:
        from manyshot.service.kept import read_kept
    except ModuleNotFoundError as error:
        raise SpecError(f"manyshot promote SESSION needs {error.name}; pip install 'manyshot[serve]'") from None
    kept = read_kept(service_database(db, run or Path()), name)
    known = kept.known
    if desk:
        from manyshot.desk.known import personal_values

        known += personal_values(desk, kept.customer)
    return kept.turns, promoting.said_otherwise(known)
