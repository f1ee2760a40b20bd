from __future__ import annotations

from collections.abc import Iterator

import pytest

for package in ("fastapi", "jwt", "argon2"):
    pytest.importorskip(package, reason="access needs manyshot[serve]")

from tests.access.building import Building, open_building
from tests.access.tries import Grounds
from tests.desk.conftest import new_database, server
from tests.desk.databases import running


@pytest.fixture(scope="session")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    """A service behind its door, for tests that leave it as it was."""
    with open_building(tmp_path_factory.mktemp("access")) as found:
        yield found


@pytest.fixture(scope="session")
def grounds(building: Building, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    folder = tmp_path_factory.mktemp("tries")
    with running(f"sqlite:///{folder / 'desk.db'}") as desk:
        yield Grounds(building, desk, folder)


__all__ = ["new_database", "server"]
