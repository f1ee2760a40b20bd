"""`manyshot dataset`: training data in and out, checked and shown. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

import json as json_lines
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from manyshot.dataset.check import Report
    from manyshot.dataset.files import Tally
    from manyshot.dataset.spans import Reading
    from manyshot.datasource import Source

app = typer.Typer(
    name="dataset",
    help="Take training data in and out, check, split and show it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
#: Exit code when some rows were not carried over; the others were.
INCOMPLETE = 3
#: Rows left out, and examples of a finding, that are printed.
_SHOWN, EXAMPLES = 10, 3

What = Annotated[
    str, typer.Argument(metavar="WHAT", help="A domain (its approved shots), a data folder, or a file of records.")
]
DomainOption = Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Whose tools the records call.")]
FormOption = Annotated[
    Literal["openai", "sharegpt", "alpaca", "fireact", "parquet"], typer.Option("--format", help="The other form.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides sides and samples.")]
Limit = Annotated[int, typer.Option(min=1, metavar="TOKENS", help="Longer samples are counted.")]
BaseOption = Annotated[str, typer.Option("--base", metavar="BASE", help="Whose tokens; the domain's without it.")]
#: The embedded base, for files that belong to no domain.
_BASE = "gemma-3-270m"


@app.command()
def check(
    what: What,
    domain: DomainOption = "",
    limit: Limit = 2048,
    base: BaseOption = "",
    tokens: Annotated[bool, typer.Option("--tokens/--no-tokens", help="Count tokens, or not.")] = True,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Count second copies, wordings, personal data and tokens."""
    from manyshot.curate import look_over
    from manyshot.datasource import open_source

    source = open_source(what, domain)
    report = look_over(source, _tokenizer(source, base) if tokens else None, limit=limit, seed=seed)
    if json:
        typer.echo(json_lines.dumps(report.rows(), ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(_lines(report)))


def _tokenizer(source: Source, base: str) -> Reading:
    from manyshot.parts import embedded

    parts = embedded()
    return parts.tokenizer(parts.find_base(base or (source.domain.base if source.domain else _BASE)))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.records} records, {report.groups} groups, {len(report.units)} paths or tools"
    yield f"near-duplicates: {len(report.near)}"
    yield from (f"  {place} is like {first} ({alike:.2f})" for place, first, alike in report.near[:EXAMPLES])
    yield f"nearest similarity, median: {'-' if report.nearest is None else report.nearest}"
    if report.wordings:
        yield f"wordings a turn of a path: {report.wordings[0]} or more, median {report.wordings[1]:g}"
    yield "personal data:" if report.personal else "personal data: none found"
    for kind, one in sorted(report.personal.items()):
        yield (f"  {kind:<9} {one.finds} in {one.records} records, {len(one.texts)} different, "
               f"{one.declared} made up by the domain")  # fmt: skip
        yield from (f"    {place}: {text}" for place, text in one.examples)
    if report.lengths:
        yield f"\n{'tokens':<12}{'p50':>7}{'p90':>7}{'p99':>7}{'max':>7}   over {report.limit}"
    for row in report.lengths:
        yield f"{row.name:<12}{row.p50:>7}{row.p90:>7}{row.p99:>7}{row.most:>7}   {row.over} of {row.samples}"


@app.command()
def show(
    what: What,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Page to write.")] = Path("dataset.html"),
    domain: DomainOption = "",
    number: Annotated[int, typer.Option("-n", min=1, help="Samples on the page, at most.")] = 5000,
    limit: Limit = 2048,
    base: BaseOption = "",
) -> None:
    """Write a page that shows any sample with its loss mask."""
    from manyshot.curate import look_over, page
    from manyshot.datasource import open_source

    source = open_source(what, domain)
    tokenizer = _tokenizer(source, base)
    report = look_over(source, tokenizer, limit=limit)
    count = page(source, out, tokenizer, report, number)
    more = f" of {report.records}" if count < report.records else ""
    typer.echo(f"{out}: {count}{more} samples; open it in a browser")


@app.command()
def split(
    what: What,
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the three files.")],
    test: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the wordings that are held in for tests.")
    ] = 0.05,
    paths: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the paths (tools) that are held out.")] = 0.1,
    held_out: Annotated[str, typer.Option(metavar="NAME,...", help="Paths (tools) to hold out besides.")] = "",
    seed: Seed = 0,
) -> None:
    """Split into training and test rows, by group."""
    from manyshot.curate import split as divide
    from manyshot.datasource import open_source

    names = tuple(name.strip() for name in held_out.split(",") if name.strip())
    made = divide(open_source(what), out, groups=test, units=paths, held_out=names, seed=seed)
    typer.echo(f"{out}: {made['train']} to train on, {made['held_in']} held in, {made['held_out']} held out")
    away = made["held_out_units"]
    typer.echo(f"held out {len(away)} of {made['units']} paths or tools: {', '.join(away) or 'none'}")
    if made["tests_near_training"]:
        typer.echo(f"{made['tests_near_training']} test rows are near-duplicates of training rows")


@app.command()
def redact(
    what: What,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
) -> None:
    """Write the records with marks in place of personal data."""
    from manyshot.curate import redact as clean
    from manyshot.datasource import open_source

    count, taken = clean(open_source(what), out)
    kinds = ", ".join(f"{kind} {n}" for kind, n in taken.most_common()) or "nothing"
    typer.echo(f"{out}: {count} records; taken out: {kinds}; read it over, unannounced names are not found")


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
