"""`manyshot shots`: dialogues of a domain, drafted, shown, approved. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

import getpass
import json as json_lines
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from manyshot.config import find_domain
from manyshot.errors import SpecError, at

if TYPE_CHECKING:
    from manyshot.shotbook import Shotbook, Worded
    from manyshot.types import Trajectory

app = typer.Typer(
    name="shots",
    help="Draft, show and approve the dialogues of a domain.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
#: Exit code when a gate is not met: some path lacks what was asked for.
UNMET = 4

DomainName = Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Shots, by id.")]
All = Annotated[bool, typer.Option("--all", help="All shots that are not approved as they are.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who looked; the login name without it.")]
Trust = Annotated[bool, typer.Option("--trust", help="Run the domain's world.py.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Gate = Annotated[
    Literal["drafted", "approved", "generated"] | None,
    typer.Option(help=f"Exit with {UNMET} unless every path has one."),
]


def _book(domain: str, trust: bool) -> Shotbook:
    from functools import partial

    from manyshot.shotbook import open_book
    from manyshot.world.opening import opener

    return open_book(find_domain(domain), partial(opener, trust=trust))


@app.command("list")
def list_shots(
    domain: DomainName,
    gate: Gate = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Count the generated dialogues of this folder.")
    ] = None,
    json: AsJson = False,
    trust: Trust = False,
) -> None:
    """List shots with their state, and how they cover the paths."""
    from manyshot.shots.coverage import missing, table

    book = _book(domain, trust)
    rows = book.coverage(data)
    if json:
        typer.echo(_json({"shots": [_entry(book, one) for one in book.shots], "coverage": [row.row for row in rows]}))
    else:
        for one in book.shots:
            played = book.replay(one)
            typer.echo(f"{book.state(one) if played.true else 'untrue':9} {one.id:32} {played.path or one.path}")
        typer.echo(("\n" if book.shots else "") + table(rows))
        _faults(book, book.shots)
    if gate and (lacking := missing(rows, gate)):
        typer.echo(f"{len(lacking)} of {len(rows)} paths have nothing {gate}: {', '.join(lacking)}", err=True)
        raise typer.Exit(UNMET)


@app.command()
def draft(
    domain: DomainName,
    path: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A path's id, may be repeated; else all without a shot.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the values.")] = 0,
    teacher: Annotated[
        bool, typer.Option("--teacher/--no-teacher", help="Let the teacher of domain.toml word them, if any.")
    ] = True,
    budget: Annotated[
        int | None, typer.Option(min=0, metavar="TOKENS", help="Tokens that the teacher may cost in all, at most.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Write a first shot of each path from flow and world, into shots/FLOW.md."""
    book = _book(domain, trust)
    worded = _words_of_teacher(book, seed, budget) if teacher and book.domain.teacher and budget != 0 else None
    made, none = book.draft(path or [], seed, worded)
    for one in made:
        typer.echo(f"{book.folder / 'shots' / one.flow}.md: {one.id}")
    typer.echo(f"{len(made)} drafted; make them sound like people, then: manyshot shots approve {domain} ID")
    if none:
        raise SpecError(
            f"{book.folder}: no values were found that lead along {', '.join(none)}; give values.yaml more of them, or "
            "write these shots by hand"
        )


def _words_of_teacher(book: Shotbook, seed: int, budget: int | None) -> Worded:
    from rich.console import Console

    from manyshot.multiply import drafts_worded
    from manyshot.parts import teacher_of
    from manyshot.progress import Terminal

    found = teacher_of(book.domain, budget=budget)
    assert found is not None
    return drafts_worded(book, found, Terminal(Console()), seed)


@app.command()
def show(domain: DomainName, shot: Annotated[str, typer.Argument(metavar="ID")], trust: Trust = False) -> None:
    """Show a shot: its text, the steps it takes, what it changes, what is wrong."""
    from manyshot.dialogue.writing import write

    book = _book(domain, trust)
    (one,) = book.find([shot])
    played = book.replay(one)
    typer.echo(write([one]))
    typer.echo(f"state: {book.state(one)}\npath:  {played.path or 'none'}")
    for n, turn in enumerate(one.turns):
        if step := played.step_of(n):
            typer.echo(f"  {step:16} {turn.text}")
    for change in played.changes:
        typer.echo(f"changes {change}")
    _faults(book, [one])


@app.command()
def approve(domain: DomainName, ids: Ids = None, every: All = False, by: By = "", trust: Trust = False) -> None:
    """Approve shots as they are now; only such are used."""
    book = _book(domain, trust)
    if bool(ids) == every:
        raise SpecError("wanted ids of shots, or --all; see manyshot shots list")
    found = book.find(ids or []) if ids else [one for one in book.shots if book.state(one) != "approved"]
    said = book.judge(found, "approved", by or getpass.getuser())
    typer.echo(f"{len(said)} approved")


@app.command()
def reject(
    domain: DomainName,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Shots, by id.")],
    reason: Annotated[str, typer.Option(help="What is to be mended.")],
    by: By = "",
    trust: Trust = False,
) -> None:
    """Reject shots, with a reason."""
    book = _book(domain, trust)
    said = book.judge(book.find(ids), "rejected", by or getpass.getuser(), reason)
    typer.echo(f"{len(said)} rejected")


@app.command()
def fill(domain: DomainName, ids: Ids = None, trust: Trust = False) -> None:
    """Write the world's answers into the shots, where they lack or differ."""
    book = _book(domain, trust)
    changed = book.fill(book.find(ids) if ids else book.shots)
    for one in changed:
        typer.echo(f"{_place(book, one)}: {one.id} filled")
    typer.echo(f"{len(changed)} changed")


@app.command()
def propose(
    domain: DomainName,
    ids: Ids = None,
    keep: Annotated[bool, typer.Option("--write", help="Put the proposals into the files.")] = False,
    trust: Trust = False,
) -> None:
    """Propose calls, and Actions that name their values."""
    from manyshot.dialogue.approval import fingerprint
    from manyshot.dialogue.writing import write

    book = _book(domain, trust)
    found = book.find(ids) if ids else list(book.shots)
    for one, made in zip(found, book.propose(found, keep=keep), strict=True):
        if fingerprint(one) != fingerprint(made.trajectory):
            typer.echo(write([made.trajectory]))
        for gap in made.gaps:
            typer.echo(f"{_place(book, one)}: {gap}")


@app.command()
def export(
    domain: DomainName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Spreadsheet to write, .xlsx.")],
    ids: Ids = None,
    trust: Trust = False,
) -> None:
    """Write shots into a spreadsheet for an expert to approve."""
    book = _book(domain, trust)
    count = book.export(file, book.find(ids) if ids else book.shots)
    typer.echo(f"{file}: {count} shots; when it comes back: manyshot shots import {domain} {file}")


@app.command("import")
def import_sheet(
    domain: DomainName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Spreadsheet that came back.")],
    by: By = "",
    trust: Trust = False,
) -> None:
    """Take over the verdicts of a spreadsheet."""
    book = _book(domain, trust)
    said, problems = book.import_sheet(file, by)
    for problem in problems:
        typer.echo(problem, err=True)
    approved = sum(one.verdict == "approved" for one in said)
    typer.echo(f"{approved} approved, {len(said) - approved} rejected, {len(problems)} not taken over")
    if problems:
        raise typer.Exit(2)


@app.command()
def page(
    domain: DomainName,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; only this machine without it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who looks; can be changed on the page.")] = "",
    trust: Trust = False,
) -> None:
    """Show, edit and approve the dialogues in a browser."""
    from manyshot.approving import serving

    serving.serve(lambda: _book(domain, trust), host, port, by, typer.echo)


def _place(book: Shotbook, one: Trajectory) -> str:
    return at(book.folder / one.source.file, one.source.line) if one.source else str(book.folder)


def _faults(book: Shotbook, found: Iterable[Trajectory]) -> None:
    for file, problem in book.problems(found):
        typer.echo(f"{at(book.folder / file, problem.line)}: {problem.message}")


def _entry(book: Shotbook, one: Trajectory) -> dict[str, object]:
    played = book.replay(one)
    return {
        "id": one.id, "flow": one.flow, "path": played.path or one.path, "state": book.state(one),
        "file": one.source.file if one.source else "", "line": one.source.line if one.source else 0,
        "problems": [{"line": problem.line, "message": problem.message} for problem in played.problems],
    }  # fmt: skip


def _json(value: object) -> str:
    return json_lines.dumps(value, ensure_ascii=False, indent=1)
