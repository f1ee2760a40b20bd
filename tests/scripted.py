"""Real parts of a run without weights: a scripted model, a trainer that takes steps in no time, a starter domain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from manyshot.answering import THINKING, answering_of
from manyshot.config import find_domain
from manyshot.parts import Parts
from manyshot.plugs.bases import Base
from manyshot.plugs.models.scripted import ByteTokenizer, Scripted
from manyshot.protocols import Model
from manyshot.render import target_text
from manyshot.spec.init import init
from manyshot.spec.load import load_domain, load_tests
from manyshot.train.loop import Step, TrainResult
from manyshot.train.settings import TrainConfig
from manyshot.train.tree import Pass


def starter(folder: Path, *, tests: bool = True) -> Path:
    """The domain that `manyshot init` writes, with its four tests or none."""
    init(folder, name="bistro", language="en", today=date(2024, 10, 10))
    if not tests:
        (folder / "tests" / "calls.jsonl").unlink()
        (folder / "tests").rmdir()
    return folder


#: What a perfect model writes for the starter's tests; the words stand in their actions.
_TESTS = {
    "Julia Novak": ' BookTable{"guest_name":"Julia Novak","date":"tomorrow","guests":"seven"}',
    "B 30 118": ' CancelBooking{"booking_id":"B 30 118","reason":"our car broke down"}',
    "I have to cancel": " CancelBooking{}",
}


def thinking_desk(folder: Path) -> Path:
    """ticket_desk with one of its flows, the approved dialogues of that flow, and few tests."""
    flow = "complaint"
    shutil.copytree(find_domain("ticket_desk"), folder)
    for path in [*folder.glob("flows/*"), *folder.glob("shots/*.md"), *folder.glob("tests/scenarios*")]:
        if path.stem != flow:
            path.unlink()
    (folder / "sayings.yaml").unlink()  # it names the other flows
    tests = folder / "tests" / "calls.jsonl"
    tests.write_text("".join(tests.open(encoding="utf-8").readlines()[:2]), "utf-8")
    return folder


def gold(folder: Path) -> dict[str, str]:
    """Action -> what a perfect model writes, for the shots and the tests of a starter domain."""
    pairs = answering_of(load_domain(folder)).examples
    table = {p.action: target_text(p.call, p.surfaces, "span") for p in pairs}
    for case in load_tests(folder):
        for words in filter(case.action.__contains__, _TESTS):
            table[case.action] = _TESTS[words]
    return table


class Counting:
    """Parts that count what they do; `on_step` and `on_call` may raise, as a kill would."""

    def __init__(self, folder: Path, table: Mapping[str, str], steps: int = 4) -> None:
        self._folder, self._table, self._steps = folder, table, steps
        #: What the thinking adapter writes.
        self.thought = " none"
        self.trained = self.opened = 0
        self.asked: list[tuple[str, str | None]] = []
        self.passes: list[Pass] = []
        self.deadlines: list[float | None] = []
        self.on_step: Callable[[int], None] = lambda _: None
        self.on_call: Callable[[str, str | None], None] = lambda *_: None

    def parts(self) -> Parts:
        return Parts(self._find, lambda _: ByteTokenizer(), self._open, self._train, self._convert)

    def _find(self, name: str) -> Base:
        return Base(name, self._folder, None, "0" * 64)

    def _open(self, base: Base, adapters: Mapping[str, Path]) -> Model:  # noqa: ARG002
        self.opened += 1
        assert all(path.is_file() for path in adapters.values())
        return Scripted(self._answer)

    def _answer(self, action: str, adapter: str | None) -> str:
        self.on_call(action, adapter)
        self.asked.append((action, adapter))
        if adapter == THINKING:
            return self.thought
        return self._table.get(action, " none{}") if adapter else " none{}"

    def _train(
        self,
        base: Base,  # noqa: ARG002
        passes: Sequence[Pass],
        config: TrainConfig,
        out: Path,
        *,
        progress: Callable[[Step], None] | None,
        deadline: float | None,
        start: Path | None = None,  # noqa: ARG002
    ) -> TrainResult:
        """Steps that only count, with a log and a checkpoint after each, as the real loop leaves them."""
        self.passes, self.trained = list(passes), self.trained + 1
        self.deadlines.append(deadline)
        log = out / "log.jsonl"
        done = len(log.read_text("utf-8").splitlines()) if log.exists() else 0
        step = None
        for number in range(done + 1, self._steps + 1):
            self.on_step(number)
            step = Step(number, 0.1, 1.0, config.batch, 100, 8.0, 800.0, 1e-3, 0.5, float(number), number / self._steps)
            (out / "checkpoint").mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(step)) + "\n")
            if progress is not None:
                progress(step)
        (out / "adapter_model.safetensors").write_bytes(b"weights")
        return TrainResult(out, self._steps, self._steps * config.batch, 1.0, step, "float32")

    def _convert(self, base: Base, folder: Path, out: Path) -> Path:  # noqa: ARG002
        out.write_bytes((folder / "adapter_model.safetensors").read_bytes())
        return out
