"""All that `manyshot shots` does with a domain: its flows, its world, its dialogues and what people said of them.

The one rule: files are changed one at a time, aside and renamed, and only where somebody asked for it; nothing is
approved that does not replay true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from manyshot.data.slots import domain_slots
from manyshot.dialogue import approval
from manyshot.dialogue.changes import expected_of
from manyshot.dialogue.company import Company, OpenerOf, company
from manyshot.dialogue.draft import draft
from manyshot.dialogue.markdown import ID, Problem, parse
from manyshot.dialogue.replay import Replay, replay
from manyshot.dialogue.writing import rewrite, write
from manyshot.errors import DataError, SpecError, at
from manyshot.flow.paths import Path as FlowPath
from manyshot.records import read_jsonl, write_aside, write_jsonl
from manyshot.shots import coverage, sheet
from manyshot.shots.propose import Proposal, propose
from manyshot.spec.faults import near
from manyshot.spec.load import load_dialogues, load_domain, load_flows
from manyshot.types import Approval, Domain, Trajectory, Verdict

#: Where generated dialogues lie in the folder of a data stage.
GENERATED = "trajectories.jsonl"


#: Dialogues -> the same ones in other words.
Worded = Callable[[list[Trajectory]], list[Trajectory]]


@dataclass(slots=True)
class Shotbook:
    """The dialogues of one domain. Replays are made once each, when they are asked for."""

    folder: Path
    domain: Domain
    company: Company
    shots: tuple[Trajectory, ...]
    approvals: tuple[Approval, ...]
    _replays: dict[str, Replay] = field(default_factory=dict)

    def replay(self, one: Trajectory) -> Replay:
        key = f"{one.source} {one.id} {approval.fingerprint(one)}"  # the place too: problems name lines
        if key not in self._replays:
            self._replays[key] = replay(one, self.company)
        return self._replays[key]

    def state(self, one: Trajectory) -> approval.State:
        return approval.state(one, self.approvals)

    def find(self, ids: Iterable[str]) -> list[Trajectory]:
        """The dialogues with these ids; SpecError names one that there is not."""
        by_id = {one.id: one for one in self.shots}
        for wanted in ids:
            if wanted not in by_id:
                raise SpecError(f"{self.folder}: there is no shot {wanted!r}; {near(wanted, by_id)}")
        return [by_id[wanted] for wanted in ids]

    @property
    def usable(self) -> list[Trajectory]:
        """Shots that are approved as they are, and true."""
        return [one for one in approval.approved(self.shots, self.approvals) if self.replay(one).true]

    def problems(self, found: Iterable[Trajectory]) -> Iterator[tuple[str, Problem]]:
        """(file, problem) for everything that is not true."""
        for one in found:
            for problem in self.replay(one).problems:
                yield one.source.file if one.source else "", problem

    # coverage

    def coverage(self, data: Path | None = None) -> list[coverage.Row]:
        """Paths x (drafted, approved, generated). data: folder of generated dialogues."""
        paths = {one.id: self.replay(one).path for one in self.shots if self.replay(one).true}
        generated = [one.path for one in read_jsonl(data / GENERATED, Trajectory)] if data else []
        return coverage.coverage(self.company.all_paths, paths, [one.id for one in self.usable], generated)

    def reread(self) -> None:
        """Read dialogues and approvals again. SpecError where they cannot be read; then all stays as it was."""
        self.shots, self.approvals = load_dialogues(self.folder)

    # changes to files

    def edit(self, changed: Trajectory) -> None:
        """Write one dialogue of the files anew; what was said of its old text does not count any more.

        Raises DataError, before anything is written, for what would not read back the same.
        """
        text = write([changed])
        again, problems = parse(text)
        if problems or [write([one]) for one in again] != [text]:
            first = problems[0].message if problems else "it would read back as another dialogue"
            raise DataError(f"{changed.id} was not written: {first}")
        self._rewrite([changed])
        self.reread()

    def draft(
        self,
        wanted: Sequence[str],
        seed: int,
        worded: Worded | None = None,
    ) -> tuple[list[Trajectory], list[str]]:
        """First drafts for these paths, or for all without a shot, written into shots/FLOW.md; ids of paths for which
        none was found. worded: puts them into other words before they are written."""
        have = {self.replay(one).path or one.path for one in self.shots}
        paths = {path.id: path for path in self.company.all_paths}
        for name in wanted:
            if name not in paths:
                raise SpecError(f"{self.folder}: there is no path {name!r}; {near(name, paths)}")
        chosen = [paths[name] for name in wanted] or [path for name, path in paths.items() if name not in have]
        made = [(path, draft(path, self.company, self.domain.values, self._new_id(path), seed)) for path in chosen]
        drafts = [one for _, one in made if one is not None]
        if worded is not None:
            drafts = worded(drafts)
        for flow in dict.fromkeys(one.flow for one in drafts):
            self._append(self.folder / "shots" / f"{flow}.md", [one for one in drafts if one.flow == flow])
        return drafts, [path.id for path, one in made if one is None]

    def _new_id(self, path: FlowPath) -> str:
        return self.free_id(path.id if ID.fullmatch(path.id) else path.id.replace(" ", "_"))

    def free_id(self, name: str, *, exact: bool = False) -> str:
        """An id that no shot and no approval has: `name`, else with a number behind it; exact: else SpecError."""
        taken = {one.id for one in self.shots} | {said.shot for said in self.approvals}
        if not ID.fullmatch(name):
            raise SpecError(f"{name!r} is no id for a dialogue; wanted letters, digits, _, - and .")
        if exact and name in taken:
            raise SpecError(f"{self.folder}: {name} is taken; give another id")
        return next(n for n in (name, *(f"{name}-{k}" for k in range(2, len(taken) + 3))) if n not in taken)

    def take_in(self, one: Trajectory, *, keep: bool = True) -> Trajectory:
        """Append a dialogue that somebody else made, as a draft; as it reads back. keep: write it, else only read it.

        Raises DataError, before anything is written, for what would not read back the same.
        """
        text = write([one])
        again, problems = parse(text)
        if problems or [write([back]) for back in again] != [text]:
            first = problems[0].message if problems else "it would read back as another dialogue"
            raise DataError(f"{one.id} was not written: {first}")
        if not keep:
            return again[0]
        self._append(self.folder / "shots" / f"{one.flow or one.author or 'drafts'}.md", [one])
        self.reread()
        return next(back for back in self.shots if back.id == one.id)

    def _append(self, file: Path, found: Sequence[Trajectory]) -> None:
        before = file.read_text("utf-8").rstrip("\n") + "\n\n" if file.exists() else ""
        with write_aside(file) as stream:
            stream.write(before + write(found))

    def fill(self, found: Iterable[Trajectory]) -> list[Trajectory]:
        """Write the world's answers and what they change into these dialogues; those that got something new."""
        changed = []
        for one in found:
            played = self.replay(one)
            expected = one.expected or expected_of(played.changes)
            full = played.trajectory.model_copy(update={"expected": expected})
            changed += [full] if approval.fingerprint(full) != approval.fingerprint(one) else []
        self._rewrite(changed)
        return changed

    def propose(self, found: Iterable[Trajectory], *, keep: bool = False) -> list[Proposal]:
        """Completed wordings; with `keep` they are written into the files, to be approved there."""
        actions: dict[str, list[str]] = {}
        for shot in self.domain.shots:
            if shot.call:
                actions.setdefault(shot.call.name, []).append(shot.action)
        made = [propose(one, self.company, actions) for one in found]
        if keep:
            self._rewrite([one.trajectory for one in made])
        return made

    def _rewrite(self, changed: Sequence[Trajectory]) -> None:
        for file in dict.fromkeys(one.source.file for one in changed if one.source):
            path = self.folder / file
            here = {one.id: one for one in changed if one.source and one.source.file == file}
            text = rewrite(path.read_text("utf-8"), path.stem, here)
            with write_aside(path) as stream:
                stream.write(text)

    # what people say

    def judge(self, found: Sequence[Trajectory], verdict: Verdict, by: str, reason: str = "") -> list[Approval]:
        """Record a verdict on these shots. SpecError for approving what is not true, or rejecting without a reason."""
        if not by.strip():
            raise SpecError("nobody is named as the one who looked; give --by NAME")
        if verdict == "rejected" and not reason.strip():
            raise SpecError("a shot is rejected without a reason; give --reason, so that it can be mended")
        now = datetime.now(UTC).replace(microsecond=0)
        said = [
            Approval(shot=one.id, verdict=verdict, by=by, when=now, text=approval.fingerprint(one), reason=reason)
            for one in found
        ]
        self.add(said)
        return said

    def add(self, said: Sequence[Approval]) -> None:
        """Append approvals to their file, all or none."""
        by_id = {one.id: one for one in self.shots}
        for one in said:
            shot = by_id[one.shot]
            if one.verdict == "approved" and not (played := self.replay(shot)).true:
                first = played.problems[0]
                file = self.folder / shot.source.file if shot.source else self.folder
                raise SpecError(f"{at(file, first.line)}: {one.shot} cannot be approved: {first.message}")
        self.approvals = (*self.approvals, *said)
        write_jsonl(self.folder / approval.FILE, self.approvals)

    def export(self, path: Path, found: Iterable[Trajectory]) -> int:
        """Write shots into a spreadsheet; how many."""
        rows = [self._row(one) for one in found]
        sheet.export(path, rows, self.domain.context.language)
        return len(rows)

    def _row(self, one: Trajectory) -> sheet.SheetRow:
        played = self.replay(one)
        dialogue = write([one]).split("\n\n", 1)[-1].strip()
        return sheet.SheetRow(
            shot=one.id, flow=one.flow, path=played.path or one.path, dialogue=dialogue,
            changes="\n".join(map(str, played.changes)), state=self._state_in_words(one),
            text=approval.fingerprint(one),
        )  # fmt: skip

    def _state_in_words(self, one: Trajectory) -> str:
        played, last = self.replay(one), approval.latest(one, self.approvals)
        if not played.true:
            return "untrue: " + "; ".join(problem.message for problem in played.problems)
        said = f" ({last.by}{': ' + last.reason if last.reason else ''})" if last else ""
        return self.state(one) + said

    def import_sheet(self, path: Path, by: str) -> tuple[list[Approval], list[str]]:
        """Take over the verdicts of a spreadsheet that came back; what could not be taken over, a row each."""
        texts = {one.id: approval.fingerprint(one) for one in self.shots}
        said, problems = sheet.read(path, texts, by)
        by_id = {one.id: one for one in self.shots}
        good = []
        for one in said:
            played = self.replay(by_id[one.shot])
            if one.verdict == "approved" and not played.true:
                problems.append(f"{path}: {one.shot} cannot be approved: {played.problems[0].message}")
            elif not self._known(one):
                good.append(one)
        self.add(good)
        return good, problems

    def _known(self, said: Approval) -> bool:
        """Whether the same person said the same of the same text last: a sheet may be imported twice."""
        last = next((a for a in reversed(self.approvals) if a.shot == said.shot), None)
        return last is not None and (last.verdict, last.by, last.text, last.reason) == (
            said.verdict, said.by, said.text, said.reason,
        )  # fmt: skip


def open_book(folder: Path, world: OpenerOf) -> Shotbook:
    """The dialogues of a domain folder. Raises SpecError for what cannot be read, WorldError for what is no world."""
    folder = Path(folder)
    domain, flows = load_domain(folder), load_flows(folder)
    shots, said = load_dialogues(folder)
    desk = company(domain.context, flows, domain_slots(domain), world(domain, flows))
    return Shotbook(folder, domain, desk, shots, said)


__all__ = ["Shotbook", "open_book"]
