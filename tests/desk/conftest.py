from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the desk needs manyshot[serve]")

from tests.desk.databases import Postgres, Running, binaries, postgres, running


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    if binaries() is None:
        pytest.skip("PostgreSQL's initdb is not there; on Debian: apt install postgresql")
    with postgres() as found:
        yield found


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'desk.db'}"
    found: Postgres = request.getfixturevalue("server")
    return found.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of either kind."""
    return new_database(request, tmp_path)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def steady(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A desk for tests that leave nothing in the way of others."""
    with running(new_database(request, tmp_path_factory.mktemp("desk"))) as found:
        yield found


@pytest.fixture
def desk(db: str) -> Iterator[Running]:
    with running(db) as found:
        yield found
