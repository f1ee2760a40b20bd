"""One error type a boundary. A fault of the user's is one line: what was wanted, what was there, where, what to do."""

from __future__ import annotations

from pathlib import Path


class ManyshotError(Exception):
    """Base of all errors that the command line prints without a traceback (exit code 2)."""


class SpecError(ManyshotError):
    """A domain folder, a tool schema, a shot or a test is not what it must be."""


class DataError(ManyshotError):
    """Shots cannot be multiplied, or stored records are damaged or missing."""


class ModelError(ManyshotError):
    """A base or an adapter cannot be found, loaded or run."""


class SlowError(ModelError):
    """A model behind an endpoint did not answer one request in time; it may answer others."""


class TeacherError(ManyshotError):
    """A teacher gave no answer that can be used; what it was asked for becomes rejects, and the run goes on."""


class BudgetError(TeacherError):
    """What a request may cost is more than is left to spend; it was not made."""


class GarbledError(TeacherError):
    """A teacher answered, but not in the form that was asked for: garbage, or words of refusal."""


class RefusedError(TeacherError):
    """An endpoint does not answer one request, whatever is tried; it may answer others."""


class WorldError(ManyshotError):
    """A simulated or live tool failed outside of what the domain allows."""


class TrainError(ManyshotError):
    """Training cannot start or go on."""


class EvalError(ManyshotError):
    """An evaluation cannot be carried out."""


def at(path: Path | str, line: int | None = None) -> str:
    """Format a place as ``file:line`` for an error message."""
    return f"{path}:{line}" if line else f"{path}"
