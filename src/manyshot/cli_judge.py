"""`manyshot judge`. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Tongue(StrEnum):
    """Language of a page."""

    zh = "zh"
    en = "en"


#: Exit code when some question has no score that may be shown, or some conversation no judgement.
INCOMPLETE = 3


def judge(
    rows: Annotated[Path, typer.Argument(metavar="ROWS", help="Conversations that manyshot simulate wrote.")],
    rubric: Annotated[Path, typer.Option(metavar="FILE", help="TOML: [[question]] with name and ask.")],
    labels: Annotated[Path, typer.Option(metavar="FILE", help="JSONL of people's answers: id, trial, questions.")],
    model: Annotated[str, typer.Option(metavar="MODEL@URL", help="The judge, behind an OpenAI-compatible endpoint.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="New file: a judgement a line.")],
    key_env: Annotated[str, typer.Option(metavar="NAME", help="Variable with the judge's key.")] = "",
    least: Annotated[float, typer.Option("--kappa", min=0.0, max=1.0, help="Least agreement with people.")] = 0.6,
    labelled: Annotated[int, typer.Option("--least-labels", min=1, help="Least labels of a question.")] = 20,
    language: Annotated[Tongue, typer.Option(help="Of the page.")] = Tongue.en,
) -> None:
    """Let a model judge conversations by a rubric.

    Its scores are shown only where it agrees with people's labels. A page beside OUT shows how far it does.
    """
    from datetime import UTC, datetime

    from rich.console import Console

    from manyshot import rubric as room
    from manyshot.candidates import read_word
    from manyshot.errors import DataError, SpecError, at
    from manyshot.evaluate.judging import Judgement, write_judging
    from manyshot.opened import chat_of
    from manyshot.progress import Terminal
    from manyshot.records import read_rows

    one = read_word(model, key_env)
    if one.base_url is None:
        raise SpecError(f"--model {model!r}: wanted MODEL@URL of an OpenAI-compatible endpoint")
    questions = room.read_rubric(rubric)
    said = room.read_labels(labels, questions)
    found = []
    for number, row in read_rows(rows):
        if not all(key in row for key in ("id", "trial", "dialogue")):
            raise DataError(f"{at(rows, number)}: wanted id, trial and dialogue, as manyshot simulate writes them")
        found.append(row)
    who = f"{one.model}@{one.base_url}"
    screen = Terminal(Console(highlight=False))
    with chat_of(one) as chat:
        judged = room.judge(found, questions, said, chat, who, out, screen, least=least, labelled=labelled)
    for text in room.told(judged):
        typer.echo(text)
    page = out.with_suffix(".html")
    heading = Judgement(one.model or "", datetime.now(UTC).astimezone(), least, labelled)
    write_judging(page, judged, found, questions, said, heading, language.value)
    typer.echo(f"judgements: {out}, page: {page}")
    if judged.unjudged or not all(score.shown for score in judged.scores):
        raise typer.Exit(INCOMPLETE)
