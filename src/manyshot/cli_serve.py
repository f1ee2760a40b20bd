"""`manyshot serve`: a run's assistant in service. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from manyshot.cli_shots import Trust
from manyshot.errors import SpecError

if TYPE_CHECKING:
    from manyshot.protocols import LiveTools
    from manyshot.service.door import Door
    from manyshot.service.telemetry import Telemetry


def serve(
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="Folder of a run.")],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")] = 8080,
    world: Annotated[
        Literal["desk", "simulated"] | None,
        typer.Option(help="What answers calls; desk with --registry, else simulated."),
    ] = None,
    registry: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the company's own tools are.")] = None,
    db: Annotated[
        str,
        typer.Option(metavar="URL", help="sqlite:///FILE or postgresql://...; else MANYSHOT_SERVE_DB, else in RUN."),
    ] = "",
    customer: Annotated[
        str, typer.Option(metavar="ID", help="Who a new browser is, as the tools know customers; else made up.")
    ] = "",
    access: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Who may come in (manyshot access init); else this machine alone, as anybody."
        ),
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="The thinking model writes all thoughts itself.")] = False,
    traces: Annotated[
        str, typer.Option(metavar="URL", help="Send traces to this OpenTelemetry collector (OTLP over HTTP).")
    ] = "",
    trust: Trust = False,
) -> None:
    """Serve a run's assistant: pages, sessions, OpenAI API.

    Conversations survive a restart and a kill; people take over at /staff.
    """
    from manyshot.config import service_database
    from manyshot.runfolder import RunFolder

    place = RunFolder(run)
    place.read()
    try:
        from manyshot.service.run import check_world, serve
        from manyshot.service.telemetry import Telemetry
        from manyshot.service.tracing import tracer
    except ModuleNotFoundError as error:
        raise SpecError(f"manyshot serve needs {error.name}; pip install 'manyshot[serve]'") from None
    world = world or ("desk" if registry else "simulated")
    check_world(world, registry)
    telemetry = Telemetry()
    if traces:
        telemetry.trace(tracer(traces))
    door = _door(access, customer, telemetry)
    tools = _live(registry, run) if registry is not None and world == "desk" else None
    serve(
        place, host, port, service_database(db, run), door, typer.echo,
        tools=tools, free=free, trust=trust, telemetry=telemetry,
    )  # fmt: skip


def _door(access: Path | None, customer: str, telemetry: Telemetry) -> Door:
    """Who may come in. Raises SpecError."""
    from manyshot.service.door import OpenDoor

    if access is None:
        return OpenDoor(
            lambda who, what, about: telemetry.log.write("audit", who=who, what=what, about=about), customer
        )
    if customer:
        raise SpecError("--customer: with --access a customer is who the token says; leave it out")
    from manyshot.access.door import open_door

    return open_door(access)


def _live(registry: Path, run: Path) -> LiveTools:
    """The company's own tools. Raises SpecError for a registry that does not fit the run's tools."""
    from manyshot.runfolder import RunFolder
    from manyshot.spec.load import load_domain

    try:
        from manyshot.registry.live import open_live
    except ModuleNotFoundError as error:
        raise SpecError(f"--registry needs {error.name}; pip install 'manyshot[serve]'") from None
    return open_live(registry, load_domain(RunFolder(run).domain).tools)
