"""The command line's `export`. One rule: it parses and calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from manyshot.config import find_domain


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of an adapter with its card.")],
    form: Annotated[
        Literal["merged", "gguf", "ollama", "vllm", "gguf-lora"] | None, typer.Option("--as", help="What to write.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for it.")] = None,
    quantisation: Annotated[
        Literal["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "bf16", "f16", "f32"], typer.Option(help="Of a merged GGUF.")
    ] = "q8_0",
    role: Annotated[Literal["acting", "thinking"], typer.Option(help="Which adapter of a run.")] = "acting",
    check: Annotated[
        bool, typer.Option("--check", help="Compare what every form reads with what training read.")
    ] = False,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Data for --check; a run has its own.")] = None,
    domain: Annotated[str, typer.Option(metavar="DOMAIN", help="Domain for --check; a run has its own.")] = "",
    prompts: Annotated[int, typer.Option(min=1, help="Prompts that --check renders.")] = 200,
    answers: Annotated[int, typer.Option(min=0, help="Prompts that all forms answer.")] = 4,
) -> None:
    """Write a trained adapter in a form that serves it."""
    from manyshot import exporting as room
    from manyshot.errors import SpecError
    from manyshot.parts import embedded
    from manyshot.runfolder import RUN, RunFolder

    if form is None and not check:
        raise SpecError("wanted --as and --out, or --check; see manyshot export --help")
    if (form is None) != (out is None):
        raise SpecError("--as and --out go together")
    parts = embedded()
    trained = room.open_trained(run, role, parts)
    if check:
        place = RunFolder(run) if (run / RUN).exists() else None
        if place is None and (data is None or not domain):
            raise SpecError(f"{run}: --check wants --data and --domain, since this is no run")
        own = place and (place.data if role == "acting" else place.dialogues)
        where = find_domain(domain) if domain or place is None else place.domain
        course = room.data_course(trained, where, data or own or Path(), parts)
        found = []
        for one in room.checked(trained, form, quantisation, room.prompts_of(course, prompts), parts, answers=answers):
            if isinstance(one, str):
                typer.echo(one)
                continue
            found.append(one)
            typer.echo(
                f"{one.form}: {one.prompts - one.differ} of {one.prompts} prompts read as in training, "
                f"{one.prompts - one.differ_as_text} of them also when sent as one text"
            )
        room.refuse_differing(found, as_text=form == "ollama")
    if form and out:
        for text in room.export(trained, form, out, quantisation):
            typer.echo(text)
        typer.echo(f"{out}: written")
