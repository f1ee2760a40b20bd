"""`manyshot audit`: the log of who saw or did what. One rule: it parses and calls, as `cli` does; it changes no log."""

from __future__ import annotations

import json as json_lines
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.errors import SpecError

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    name="audit",
    help="Verify and show the log of who saw or did what.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
#: Exit code when the log is not what was written.
BROKEN = 3

Database = Annotated[
    str, typer.Argument(metavar="[DATABASE]", help="sqlite:///FILE or postgresql://...; else that of --access.")
]
Access = Annotated[Path, typer.Option("--access", metavar="FILE", help="Settings, as manyshot access init makes them.")]


@app.command()
def verify(
    database: Database = "",
    head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A head that was kept: shows a cut end, or a log written anew.")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Keep the newest head there, when all is well.")] = False,
    access: Access = Path("access.toml"),
) -> None:
    """Find the first record that is not as it was written.

    Exits with 3 when there is one.
    """
    from manyshot.access import audit

    if renew and head is None:
        raise SpecError("--renew: wanted --head FILE too, the place where the head is kept")
    engine = _engine(database, access)
    kept = audit.read_head(head) if head is not None and (head.exists() or not renew) else None
    found = audit.verify(engine, kept)
    if isinstance(found, audit.Break):
        typer.echo(f"broken at record {found.seq}: {found.why}", err=True)
        raise typer.Exit(BROKEN)
    if renew and head is not None:
        audit.keep_head(head, found)
    typer.echo(f"whole: {found.seq} records, head {found.hash}")


@app.command()
def show(
    database: Database = "",
    number: Annotated[int, typer.Option("-n", min=1, help="The newest records, so many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    access: Access = Path("access.toml"),
) -> None:
    """Print the newest records."""
    from manyshot.access import audit

    for row in audit.records(_engine(database, access), newest=number):
        typer.echo(json_lines.dumps(row, ensure_ascii=True) if json else audit.line(row))


def _engine(database: str, access: Path) -> Engine:
    """A database as it is: nothing is made, no table changed. Raises SpecError."""
    try:
        from sqlalchemy import inspect
        from sqlalchemy.exc import DatabaseError

        from manyshot.access.settings import read
        from manyshot.desk.database import open_database, shown
    except ModuleNotFoundError as error:
        raise SpecError(f"manyshot audit needs {error.name}; pip install 'manyshot[serve]'") from None
    engine = open_database(database or read(access).database)
    name = shown(engine)
    file = engine.url.database or ""
    if engine.dialect.name == "sqlite" and not Path(file).is_file():
        raise SpecError(f"{name}: there is no such file; name the database of manyshot access init")
    try:
        there = inspect(engine).has_table("access_audit")
    except DatabaseError as error:
        raise SpecError(f"{name}: cannot be read: {' '.join(str(error.orig).split())[:200]}") from None
    if not there:
        raise SpecError(f"{name}: there is no audit log in it; name the database of manyshot access init")
    return engine
