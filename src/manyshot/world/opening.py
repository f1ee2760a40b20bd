"""A domain -> how its worlds are opened: its own `world.py` where that is trusted, else one made from its schemas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from manyshot.errors import WorldError
from manyshot.flow.steps import Flow
from manyshot.types import Domain, Setup
from manyshot.world.faults import FaultyWorld, MarkedWorld
from manyshot.world.functions import FILE, FunctionCompany
from manyshot.world.made import MadeCompany

_SHIPPED = Path(__file__).resolve().parent.parent / "domains"


def _ours(path: Path) -> bool:
    """Whether a world.py is one that comes with the package, or a copy of one to the byte, as runs have."""
    return any(path.read_bytes() == known.read_bytes() for known in _SHIPPED.glob(f"*/{FILE}"))


def opener(domain: Domain, flows: Sequence[Flow] = (), *, trust: bool = False) -> Callable[[Setup], MarkedWorld]:
    """A function that opens a fresh world for a setup, its faults included.

    trust: `world.py` is code and runs only when that was asked for; those that come with the package are part of it.
    Raises WorldError for one that is there and may not run, or cannot.
    """
    path = domain.folder / FILE
    if path.is_file() and not trust and not _ours(path):
        raise WorldError(f"{path} is code and was not run; read it, and add --trust")
    company = (
        FunctionCompany(path, domain.tools, domain.context.today) if path.is_file() else MadeCompany(domain, flows)
    )

    names = {tool.name for tool in domain.tools}

    def open_world(setup: Setup) -> MarkedWorld:
        for fault in setup.faults:
            if fault.call not in names:
                raise WorldError(f"a fault of {fault.call}, which is no tool; the tools are {', '.join(sorted(names))}")
        world: MarkedWorld = company.open(setup)
        return FaultyWorld(world, setup.faults, setup.seed, domain.context.language) if setup.faults else world

    return open_world
