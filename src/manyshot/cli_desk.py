"""`manyshot desk`: the ticket back end. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from manyshot.errors import SpecError


def desk(
    db: Annotated[
        str,
        typer.Option(metavar="URL", help="sqlite:///FILE or postgresql://...; else MANYSHOT_DESK_DB, else desk.db."),
    ] = "",
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")] = 8070,
    seed_demo: Annotated[bool, typer.Option("--seed-demo", help="Fill an empty desk; prints a token.")] = False,
    language: Annotated[Literal["zh", "en"], typer.Option(help="Language of answers.")] = "zh",
    timezone: Annotated[str, typer.Option(metavar="OFFSET", help="The desk's local time.")] = "+08:00",
    new_token: Annotated[str, typer.Option(metavar="NAME", help="Print a new token for this caller and end.")] = "",
    staff: Annotated[bool, typer.Option("--staff", help="The new token is a technician's.")] = False,
) -> None:
    """Run a small ticket back end to serve against.

    Customers, knowledge base, technicians' calendars, tickets, on SQLite or PostgreSQL.
    """
    from manyshot.config import desk_database

    try:
        from manyshot.desk.run import Place, let_in, serve
    except ModuleNotFoundError as error:
        raise SpecError(f"manyshot desk needs {error.name}; pip install 'manyshot[serve]'") from None
    place = Place(desk_database(db), timezone)
    if new_token:
        typer.echo(let_in(place, new_token, "staff" if staff else "assistant"))
        return
    serve(place, host, port, language, typer.echo, seed_demo=seed_demo)
