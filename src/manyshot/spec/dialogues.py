"""shots/*.md and shots/approvals.jsonl -> Trajectories and Approvals.

The one rule: an id stands for one dialogue of the whole domain; whether a dialogue is true is `replay`'s part.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from manyshot.dialogue import approval as approvals
from manyshot.dialogue.markdown import parse
from manyshot.spec.documents import read_rows, read_text
from manyshot.spec.faults import Findings, near
from manyshot.types import Approval, Trajectory

FOLDER = "shots"
ENDING = ".md"
#: Shots that a hint names before it says "and others".
_NAMED = 6


def read_dialogues(folder: Path, findings: Findings) -> list[Trajectory]:
    """The dialogues of a domain folder, by file and line; [] when it has none."""
    place = Path(folder) / FOLDER
    found: list[Trajectory] = []
    seen: dict[str, Trajectory] = {}
    for path in sorted(place.glob(f"*{ENDING}")) if place.is_dir() else ():
        if path.name.startswith("."):
            continue
        for one in read_file(folder, f"{FOLDER}/{path.name}", findings):
            first = seen.setdefault(one.id, one)
            if first is one:
                found.append(one)
            elif one.source:
                message = f'the id "{one.id}" stands already at {first.source}; give another'
                findings.fault(one.source.file, one.source.line, message)
    return found


def read_file(folder: Path, file: str, findings: Findings) -> list[Trajectory]:
    """The dialogues of one file, named relative to the folder."""
    text = read_text(folder, file, findings)
    if text is None:
        return []
    found, problems = parse(text, file, Path(file).stem)
    for problem in problems:
        findings.fault(file, problem.line, problem.message)
    return found


def read_approvals(folder: Path, findings: Findings) -> list[Approval]:
    """What people said of the shots, oldest first; [] when nobody said anything."""
    if not (Path(folder) / approvals.FILE).exists():
        return []
    found: list[Approval] = []
    for line, row in read_rows(folder, approvals.FILE, findings):
        try:
            found.append(Approval.model_validate(row))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            findings.fault(approvals.FILE, line, f"no approval: {where}: {first['msg'].lower()}; remove the line, and "
                                                 "approve again with manyshot shots approve")  # fmt: skip
    return found


def check_approvals(found: Sequence[Trajectory], said: Sequence[Approval], findings: Findings) -> None:
    """Hints for shots that nobody approved as they are now, and for approvals of nothing."""
    ids = {one.id for one in found}
    for unknown in dict.fromkeys(approval.shot for approval in said if approval.shot not in ids):
        findings.hint(approvals.FILE, 0, f'an approval of "{unknown}", which is in no file; {near(unknown, ids)}')
    drafts = [one for one in found if approvals.state(one, said) == "draft"]
    if drafts:
        names = ", ".join(one.id for one in drafts[:_NAMED]) + (" and others" if len(drafts) > _NAMED else "")
        findings.hint(FOLDER, 0, f"not approved, so not used: {names}; see manyshot shots list")
    for one in found:
        if one.source and approvals.state(one, said) == "edited":
            message = f'"{one.id}" was edited since it was looked at, so it is not used; approve it again'
            findings.hint(one.source.file, one.source.line, message)
