"""`manyshot dataset`: training data in and out, checked and shown. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from manyshot.dataset.files import Tally

app = typer.Typer(
    name="dataset",
    help="Take training data in and out, check, split and show it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
#: Exit code when some rows were not carried over; the others were.
INCOMPLETE = 3
#: Rows left out that are printed.
_SHOWN = 10

What = Annotated[
    str, typer.Argument(metavar="WHAT", help="A domain (its approved shots), a data folder, or a file of records.")
]
DomainOption = Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Whose tools the records call.")]
FormOption = Annotated[
    Literal["openai", "sharegpt", "alpaca", "fireact", "parquet"], typer.Option("--format", help="The other form.")
]


@app.command()
def export(
    what: What,
    form: FormOption,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write; .json is one list, else a row a line.")],
    domain: DomainOption = "",
) -> None:
    """Write dialogues or call pairs for another trainer."""
    from manyshot.dataset.files import export as write
    from manyshot.dataset.table import DIALOGUES, pair_form
    from manyshot.datasource import open_source
    from manyshot.types import Trajectory

    source = open_source(what, domain)
    if source.kind is Trajectory:
        tally = write(source.dialogues(), DIALOGUES[form], source.setting, out)
    else:
        tally = write(source.pairs(), pair_form(form), source.setting, out)
    if not source.setting.tools and form != "fireact":
        typer.echo("no tools are known, so none are written; name their --domain", err=True)
    _told(tally, str(out))


@app.command(name="import")
def import_rows(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, a JSON list, or Parquet.")],
    form: FormOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the records and their tools.")],
    pairs: Annotated[bool, typer.Option("--pairs", help="The rows are call pairs, not dialogues.")] = False,
) -> None:
    """Read another trainer's file into a data folder."""
    from manyshot.datasource import import_file

    _told(import_file(file, form, out, pairs=pairs), str(out))


def _told(tally: Tally, where: str) -> None:
    """Print what became of the rows; exit with INCOMPLETE when some were left out."""
    typer.echo(f"{where}: {tally.rows} rows")
    for name, count in tally.lost.most_common():
        typer.echo(f"  not held by this form: {name} ({count} rows)")
    if tally.left_out:
        typer.echo(f"{len(tally.left_out)} rows were left out:", err=True)
        for name, why in tally.left_out[:_SHOWN]:
            typer.echo(f"  {name}: {why}", err=True)
        if len(tally.left_out) > _SHOWN:
            typer.echo(f"  and {len(tally.left_out) - _SHOWN} more", err=True)
        raise typer.Exit(INCOMPLETE)
