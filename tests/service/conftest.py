from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("langgraph", reason="the service needs manyshot[serve]")

from manyshot.desk.run import listen
from manyshot.service.app import application
from manyshot.service.run import make_server
from tests.desk.conftest import server
from tests.service.hotel import House, house, opener

__all__ = ["server"]


@pytest.fixture
def hotel(tmp_path: Path) -> Iterator[House]:
    with house(f"sqlite:///{tmp_path / 'talks.db'}") as found:
        yield found


@pytest.fixture
def home(hotel: House) -> Iterator[str]:
    """The address of the whole service, on a real server in a thread."""
    with listen("127.0.0.1", 0) as listening:
        server = make_server(application(hotel.service, opener))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        server.force_exit = True
        thread.join(20)
