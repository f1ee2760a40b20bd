"""The page under an address of this machine, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

from manyshot.errors import SpecError
from manyshot.shotbook import Shotbook

#: Seconds that requests under way get when it is stopped.
_GRACE = 2


def serve(opened: Callable[[], Shotbook], host: str, port: int, by: str, tell: Callable[[str], object]) -> None:
    """Serve the page of a domain. SpecError where the address cannot be had, or the extra is not installed."""
    try:
        import uvicorn

        from manyshot.approving.app import application
    except ModuleNotFoundError as error:
        raise SpecError(f"the page needs {error.name}, which is not installed: pip install 'manyshot[serve]'") from None
    app = application(opened, by, [host])
    with listening(host, port) as listener:
        here = listener.getsockname()
        name = f"[{host}]" if ":" in host else host
        tell(f"http://{name}:{here[1]}/   (Ctrl-C ends)")
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE, lifespan="off")
        )
        # Ctrl-C ends it either way: asyncio takes the interrupt for itself when it comes late.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        tell("ended")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; SpecError where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SpecError(
            f"{host}:{port} cannot be listened at: {error.strerror or error}; end what uses it, or give another --port"
        ) from None
