"""`manyshot registry`: where a domain's calls really go. One rule: it parses and calls, as `cli` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from manyshot.config import find_domain
from manyshot.errors import SpecError

if TYPE_CHECKING:
    from manyshot.protocols import LiveTools, World
    from manyshot.registry.load import Registry
    from manyshot.types import Call, Tool

app = typer.Typer(
    name="registry",
    help="Where a domain's calls really go.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="Registry file, as tools.toml.")]
_EXAMPLE = Path(__file__).parent / "registry" / "examples" / "ticket_desk.toml"


@app.command()
def check(
    file: File,
    domain: Annotated[
        str, typer.Option(metavar="DOMAIN", help="Say which of this domain's tools have a call, and which have not.")
    ] = "",
) -> None:
    """Check a registry file; print every fault with file and line.

    Nothing is asked of the services.
    """
    from manyshot.registry.load import read_registry
    from manyshot.spec.faults import Findings
    from manyshot.spec.load import load_domain

    findings = Findings()
    tools = load_domain(find_domain(domain)).tools if domain else None
    registry = read_registry(file, tools, findings)
    for fault in sorted(findings.faults):
        typer.echo(fault.within(file.parent))
    for hint in sorted(findings.hints):
        typer.echo(f"hint: {hint.within(file.parent)}")
    for line in _lines(registry):
        typer.echo(line)
    for name in registry.uncovered if not findings.faults else ():
        typer.echo(f"{file}: no call for {name}; add [tools.{name}]")
    total = len(registry.routes) + len(registry.uncovered)
    faults = f", {len(findings.faults)} faults" if findings.faults else ""
    typer.echo(f"{file}: {len(registry.routes)} of {total} tools have a call{faults}")
    if findings.faults or registry.uncovered:
        raise typer.Exit(2)


def _lines(registry: Registry) -> list[str]:
    """A line a tool: what is called, whether it is sent again, whose yes it needs, what is bound."""
    rows = []
    for name, route in registry.routes.items():
        how = "reads" if route.reads else "writes, with a key" if route.keyed else "writes, never sent twice"
        bound = ", ".join(str(target) for target, _ in route.bound)
        notes = [how, f"customer in {bound}" if bound else "", f"needs the {route.consent}'s yes" * bool(route.consent)]
        where = f"{route.method} {route.path}" if route.method else route.operation
        rows.append((name, f"{route.source}: {where}", "; ".join(filter(None, notes))))
    widths = [max((len(row[n]) for row in rows), default=0) for n in (0, 1)]
    return [f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows]


@app.command()
def tools(
    file: File,
    source: Annotated[str, typer.Option(metavar="NAME", help="Only this API, MCP server or LangChain module.")] = "",
) -> None:
    """Print the tools that the sources of a registry offer, as a tools.json.

    OpenAPI files are read; MCP servers are started or asked; LangChain modules are imported.
    """
    from manyshot.registry.offers import offers

    found = offers(file, source)
    rows = [{"type": "function", "function": tool.model_dump()} for tool in found]
    typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))


@app.command()
def example() -> None:
    """Print the registry of ticket_desk on `manyshot desk`, to begin from."""
    typer.echo(_EXAMPLE.read_text("utf-8"), nl=False)


def live_world(tools: LiveTools, customer: str) -> World:
    """The live company for a talk in the terminal, where the person who types gives the yes that a call needs."""
    from manyshot.registry.world import LiveWorld

    return LiveWorld(tools, customer, _agrees)


def _agrees(call: Call, who: Literal["customer", "person"]) -> bool:
    typer.echo(f"  {call.name} needs the {who}'s yes; make the call? [y/N] ", nl=False)
    answer = sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        typer.echo(answer)
    return answer.lower() in ("y", "yes", "是", "好", "同意")


def open_tools(file: Path, tools: tuple[Tool, ...], customer: str) -> LiveTools:
    """What --registry and --customer mean. Raises SpecError."""
    if not customer.strip():
        raise SpecError("--registry: wanted --customer ID, for whom calls are made, found none")
    from manyshot.registry.live import open_live

    return open_live(file, tools)
