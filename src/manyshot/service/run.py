"""Starting and stopping the service. One rule: whatever would stop it stops it before it takes the first request."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from socket import socket
from typing import Any, Literal

import uvicorn

from manyshot.assistants import assistants
from manyshot.desk.guard import Guard
from manyshot.desk.run import listen
from manyshot.errors import DataError, SpecError
from manyshot.flow.steps import CallTool, Flow
from manyshot.protocols import LiveTools
from manyshot.runfolder import RunFolder
from manyshot.service.app import application
from manyshot.service.door import Door
from manyshot.service.graph import Graph, Opener
from manyshot.service.hands import Hands, LiveHands, SimulatedHands
from manyshot.service.saver import open_saver
from manyshot.service.sessions import Service
from manyshot.service.store import open_store
from manyshot.service.talks import Talks
from manyshot.service.telemetry import Telemetry
from manyshot.spec.load import load_domain
from manyshot.types import Language, Tool

#: Seconds that running requests have to end when the service is stopped; open event streams are cut then.
GRACE = 3
#: Conversations that are thought about at the same time.
WORKERS = 8


@dataclass(frozen=True, slots=True)
class Desk:
    """What is served. tools, labels: as in sessions.Service; simulated: a company of its own for each conversation."""

    name: str
    language: Language
    tools: dict[str, str]
    labels: dict[str, str]
    opener: Opener
    simulated: Callable[[], Hands]


@contextmanager
def desk_of(place: RunFolder, *, free: bool, live: bool, trust: bool) -> Iterator[Desk]:
    """A run's assistants, ready. live: they live today, and not on the day of the run's data. Raises as `assistants`,
    DataError for a run that does not think."""
    if not place.thought:
        raise DataError(
            f"{place.path}: has no thinking adapter, so it holds no conversation; a run makes one when the domain has "
            "flows and approved dialogues (manyshot shots list), and --no-thinking was not given"
        )
    zone = load_domain(place.domain).context.today.tzinfo
    clock = (lambda: datetime.now(zone)) if live else None
    with assistants(place, "tuned", guided=not free, trust=trust, clock=clock) as (stage, open_assistant):
        yield Desk(
            name=_model_name(place),
            language=stage.language,
            tools={tool.name: re.split(r"[。\n]|\.\s", tool.description, maxsplit=1)[0] for tool in stage.tools},
            labels=labels(stage.tools, stage.flows),
            opener=lambda seed: open_assistant(Nowhere(), seed),  # type: ignore[arg-type, return-value]
            simulated=lambda: SimulatedHands(stage.open_world),
        )


def labels(tools: Sequence[Tool], flows: Sequence[Flow]) -> dict[str, str]:
    """Field of a call or an answer -> what it is, as the schemas and the flows' slots say."""
    steps = [(flow, step) for flow in flows for step in flow.steps if isinstance(step, CallTool)]
    said = {at.split(".")[-1]: flow.slots[slot].about for flow, step in steps for slot, at in step.fills.items()}
    for tool in tools:
        said |= {name: str(field.get("description", "")) for name, field in tool.properties.items()}
    plain = {name: re.sub(r"[（(][^()（）]*[)）]", "", text) for name, text in said.items()}
    return {name: re.split(r"[，,。.;；\n]", text, maxsplit=1)[0].strip() for name, text in plain.items() if text}


class Nowhere:
    """No world: an assistant in service lets others make its calls."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"an assistant in service asked for its world's {name}")


def _model_name(place: RunFolder) -> str:
    return re.sub(r"[^\w.-]+", "-", place.path.resolve().name) or "manyshot"


@contextmanager
def served(
    desk: Desk,
    hands: Hands,
    door: Door,
    db: str,
    telemetry: Telemetry,
) -> Iterator[tuple[Guard, Talks]]:
    """The application on a database, its workers running. Raises SpecError for a database that cannot be used."""
    with ExitStack() as ends:
        store = open_store(db)
        ends.callback(store.close)
        ends.enter_context(store.alone())
        saver = ends.enter_context(open_saver(db))
        talks = Talks(store, Graph(store, saver, desk.opener, hands, telemetry), telemetry, WORKERS)
        ends.callback(talks.close)
        talks.start()
        service = Service(talks, door, desk.name, desk.language, desk.tools, desk.labels)
        yield application(service, desk.opener), talks


def serve(
    place: RunFolder,
    host: str,
    port: int,
    db: str,
    door: Door,
    tell: Callable[[str], None],
    *,
    tools: LiveTools | None,
    free: bool = False,
    trust: bool = False,
    telemetry: Telemetry | None = None,
) -> None:
    """Answer until SIGTERM or Ctrl-C. tools: the company's own; None for a simulated company. Raises SpecError,
    DataError, ModelError."""
    door.opens(host)
    with listen(host, port) as listening, ExitStack() as ends:
        desk = ends.enter_context(desk_of(place, free=free, live=tools is not None, trust=trust))
        hands = LiveHands(tools) if tools is not None else desk.simulated()
        ends.callback(hands.close)
        app, _ = ends.enter_context(served(desk, hands, door, db, telemetry or Telemetry()))
        address = f"http://{host if ':' not in host else f'[{host}]'}:{listening.getsockname()[1]}"
        world = "the company's own tools" if tools is not None else "a simulated company"
        tell(f"{desk.name}: {address}/  people: {address}/staff  model: {address}/v1; {world}; Ctrl-C ends")
        answer(app, listening)


def answer(app: Guard, listening: socket) -> None:
    """Answer at a socket until SIGTERM or Ctrl-C."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: None)  # the server takes them while it runs and gives them back at its end
    make_server(app).run(sockets=[listening])


def make_server(app: Guard) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE,
            limit_concurrency=1000,
            h11_max_incomplete_event_size=16 * 1024,
        )
    )


World = Literal["desk", "simulated"]


def check_world(world: World, registry: Path | None) -> None:
    """Raises SpecError where it is not said where the tools are."""
    if world == "desk" and registry is None:
        raise SpecError("--world desk: wanted --registry FILE, which says where the tools are; or --world simulated")
