from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="access needs manyshot[serve]")
pytest.importorskip("jwt", reason="access needs manyshot[serve]")
pytest.importorskip("argon2", reason="access needs manyshot[serve]")

from tests.access.building import Building, open_building
from tests.access.tries import Grounds
from tests.desk.conftest import new_database, server
from tests.desk.databases import running


@pytest.fixture(scope="session")
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of changes wait for no disk."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="manyshot-", dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def building(quick: Path) -> Iterator[Building]:
    """A service behind its door, for tests that leave it as it was."""
    with open_building(quick / "access") as found:
        yield found


@pytest.fixture(scope="session")
def grounds(building: Building, quick: Path) -> Iterator[Grounds]:
    folder = quick / "tries"
    folder.mkdir()
    with running(f"sqlite:///{folder / 'desk.db'}") as desk:
        yield Grounds(building, desk, folder)


__all__ = ["new_database", "server"]
