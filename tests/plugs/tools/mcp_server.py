"""An MCP server for tests: python mcp_server.py, or with a port as its argument over streamable HTTP."""

from __future__ import annotations

import os
import sys
import time

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("desk")
made: list[str] = []


@server.tool()
def find_ticket(number: str, owner: str = "") -> dict[str, str]:
    """Find a ticket."""
    if number == "missing":
        raise ToolError("there is no such ticket")
    return {"number": number, "owner": owner, "cost": "internal", "token": os.environ.get("DESK_SECRET", "")}


@server.tool()
def make_ticket(problem: str, seconds: float = 0.0) -> str:
    """Make a ticket."""
    made.append(problem)
    time.sleep(seconds)
    return f"made {len(made)}"


@server.tool()
def crash(problem: str) -> str:  # noqa: ARG001
    """End without an answer."""
    os._exit(3)


@server.tool()
def long(size: int) -> str:
    """Talk a lot."""
    return "x" * size


if __name__ == "__main__":
    if sys.argv[1:]:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
