"""What the `dataset` commands work on: approved shots of a domain, a folder of generated data, or a file of records.

The one rule: only approved shots are data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from manyshot.config import find_domain
from manyshot.dataset.files import Import, Tally
from manyshot.dataset.forms import Setting, read_tools, write_tools
from manyshot.dataset.table import DIALOGUES, FormName, pair_form
from manyshot.dialogue.approval import approved
from manyshot.errors import DataError, SpecError, at
from manyshot.records import line, read_numbered, read_rows, write_aside, write_jsonl, write_manifest
from manyshot.render import prefix_text
from manyshot.spec.load import load_dialogues, load_domain
from manyshot.types import CallPair, Domain, Json, Tool, Trajectory

TRAJECTORIES, PAIRS, TOOLS = "trajectories.jsonl", "pairs.jsonl", "tools.json"


@dataclass(frozen=True, slots=True)
class Source:
    """Records of one kind, read anew each time they are asked for."""

    name: str
    kind: type[Trajectory] | type[CallPair]
    #: (file:line, record).
    numbered: Callable[[], Iterator[tuple[str, Trajectory | CallPair]]]
    setting: Setting
    domain: Domain | None

    def records(self) -> Iterator[Trajectory | CallPair]:
        return (one for _, one in self.numbered())

    def dialogues(self) -> Iterator[Trajectory]:
        return (one for one in self.records() if isinstance(one, Trajectory))

    def pairs(self) -> Iterator[CallPair]:
        return (one for one in self.records() if isinstance(one, CallPair))


def open_source(what: str, domain: str = "") -> Source:
    """what: a domain, a folder with trajectories.jsonl or pairs.jsonl, or a file of such lines.

    domain: whose tools the records call; without it those of tools.json beside the file, or none. Raises SpecError,
    DataError.
    """
    path = Path(what).expanduser()
    read = load_domain(find_domain(domain)) if domain else None
    if path.is_file():
        return _of_file(path, read)
    for name in (TRAJECTORIES, PAIRS):
        if (path / name).is_file():
            return _of_file(path / name, read)
    if path.suffix in (".jsonl", ".json", ".parquet") and not path.exists():
        raise DataError(f"{path}: no such file")
    if path.is_dir() and not (path / "domain.toml").exists():
        raise DataError(f"{path}: wanted a domain, or a folder with {TRAJECTORIES} or {PAIRS}; none of these is there")
    folder = find_domain(what)
    found, said = load_dialogues(folder)
    read = read or load_domain(folder)
    kept = approved(found, said)
    if not kept:
        raise SpecError(f"{folder}: none of its {len(found)} shots is approved; see manyshot shots list {what}")
    return Source(what, Trajectory, lambda: ((str(one.source), one) for one in kept), _setting(read), read)


def _of_file(path: Path, domain: Domain | None) -> Source:
    first = next(read_rows(path), None)
    if first is None:
        raise DataError(f"{path}: is empty; wanted a line a record")
    kind: type[Trajectory] | type[CallPair] = Trajectory if "turns" in first[1] else CallPair
    if "turns" not in first[1] and "action" not in first[1]:
        raise DataError(
            f"{path}:{first[0]}: wanted a dialogue (turns) or a call pair (action), found {', '.join(first[1])[:80]}; "
            "other forms come in with manyshot dataset import"
        )
    setting = _setting(domain) if domain else Setting(_tools_beside(path))

    def numbered() -> Iterator[tuple[str, Trajectory | CallPair]]:
        for number, one in read_numbered(path, kind):
            try:
                line(one).encode()
            except UnicodeEncodeError as error:
                raise DataError(f"{at(path, number)}: wanted text that UTF-8 can hold, got "
                                f"{error.object[error.start]!r}; remove it") from None  # fmt: skip
            yield at(path.name, number), one

    return Source(str(path), kind, numbered, setting, domain)


def _setting(domain: Domain) -> Setting:
    return Setting(domain.tools, prefix_text(domain.tools, domain.context.language).rstrip("\n"))


def _tools_beside(path: Path) -> tuple[Tool, ...]:
    beside = path.with_name(TOOLS)
    try:
        return read_tools(beside.read_text("utf-8")) if beside.exists() else ()
    except (OSError, ValueError) as error:
        raise DataError(f"{beside}: {error}; correct it, or name the tools' domain with --domain") from None


def import_file(file: Path, form: FormName, out: Path, *, pairs: bool) -> Tally:
    """Write the records of another tool's file into a new folder, with their tools and a manifest. Raises DataError."""
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise DataError(f"{out}: wanted a new or empty folder; choose another --out")
    chosen: Import[CallPair] | Import[Trajectory]
    chosen = Import(file, pair_form(form)) if pairs else Import(file, DIALOGUES[form])
    records = iter(chosen.records())
    first = next(records, None)
    if first is None:
        why = f": {chosen.tally.left_out[0][0]}: {chosen.tally.left_out[0][1]}" if chosen.tally.left_out else ""
        raise DataError(f"{file}: no row of it could be read as {form}{why}")
    write_jsonl(out / (PAIRS if pairs else TRAJECTORIES), chain([first], records))
    if chosen.tools:
        with write_aside(out / TOOLS) as stream:
            stream.write(json.dumps(write_tools(list(chosen.tools.values())), ensure_ascii=False, indent=1) + "\n")
    numbers: Json = {"rows": chosen.tally.rows, "left_out": len(chosen.tally.left_out), "lost": chosen.tally.lost}
    write_manifest(out, "import", {"file": file.name}, {"form": form, "pairs": pairs}, numbers)
    return chosen.tally
