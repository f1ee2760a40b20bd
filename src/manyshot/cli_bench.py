"""`manyshot bench`: public benchmarks. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from manyshot.benchmark import Benched

app = typer.Typer(
    name="bench",
    help="Public benchmarks.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


@app.callback()
def _main() -> None:
    """One command yet, but a name of its own."""


@app.command()
def bfcl(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Unpacked bfcl-eval, or its wheel.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="Folder; a stopped benchmark is gone on with.")],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="base, base@BASE, RUN, base@RUN, an adapter, MODEL@URL.")
    ] = "base",
    categories: Annotated[
        str, typer.Option(metavar="NAME,...", help="Categories; all single-turn ones without it.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Entries a category; all without it.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which entries, with --limit.")] = 0,
    key_env: Annotated[str, typer.Option(metavar="NAME", help="Variable with the key of MODEL@URL.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask the Berkeley leaderboard's single-turn categories.

    The data stay where you put them: pip download --no-deps bfcl-eval
    """
    from rich.console import Console

    from manyshot import benchmark as room
    from manyshot.candidates import read_word
    from manyshot.progress import Silent, Terminal

    names = tuple(name.strip() for name in categories.split(",") if name.strip())
    terms = room.Terms(names, limit, seed) if names else room.Terms(limit=limit, seed=seed)
    console = Console(highlight=False)
    found = room.bench(data, read_word(model, key_env), out, Silent() if json else Terminal(console), terms)
    if json:
        import json as json_lines

        typer.echo(json_lines.dumps(room.numbers(found), ensure_ascii=False, indent=1))
        return
    console.print(_table(found))
    for text in room.told(found, terms):
        console.print(text, markup=False, soft_wrap=True)
    console.print(f"rows: {out / 'rows.jsonl'}", markup=False, soft_wrap=True)


def _table(found: Benched) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=f"BFCL V4 (bfcl-eval {found.version or 'unknown'})", box=SIMPLE_HEAD, title_justify="left")
    table.add_column("column")
    table.add_column("accuracy", justify="right")
    table.add_column("asked", justify="right")
    for one in found.columns:
        table.add_row(one.name, "N/A" if one.rate is None else f"{one.rate:.2%}", str(one.asked))
    return table
