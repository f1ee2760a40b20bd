"""Tries to get in. A mechanism is one way to try; each try must fail, and `control`, the same way with right papers,
must not: else the failing would mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.access.building import Building
from tests.desk.databases import Running

R = TypeVar("R")


@dataclass(frozen=True)
class Grounds:
    """Where tries are made: a service behind its door, a desk, a folder to work in."""

    service: Building
    desk: Running
    folder: Path


#: Whether it got in, or did harm.
Attempt = Callable[[Grounds], bool]


@dataclass(frozen=True)
class Mechanism:
    name: str
    tries: Mapping[str, Attempt]
    #: The same way with right papers; True when that works.
    control: Attempt


def each(values: Mapping[str, R] | Sequence[R], attempt: Callable[[Grounds, R], bool]) -> dict[str, Attempt]:
    """One attempt for each value, by its name."""
    named = values if isinstance(values, Mapping) else {f"{n} {str(v)[:30]!r}": v for n, v in enumerate(values, 1)}
    return {name: (lambda grounds, value=value: attempt(grounds, value)) for name, value in named.items()}  # type: ignore[misc]


def every_mechanism() -> tuple[Mechanism, ...]:
    from tests.access.tries import auditing, browsers, desks, leaks, logins, programs, tokens

    modules = (tokens, browsers, logins, programs, desks, auditing, leaks)
    return tuple(mechanism for module in modules for mechanism in module.MECHANISMS)
