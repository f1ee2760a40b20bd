"""A sound domain folder to break, and what its check says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manyshot.spec.check import check
from tests.spec.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def said(desk: Desk) -> Callable[[], list[str]]:
    """What the check of the desk says, a fault a line."""
    return lambda: [str(f) for f in check(desk.folder).faults]
