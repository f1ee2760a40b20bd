"""What an evaluation stores: a row for each mode and case. One rule: rows are facts; every other number is derived."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from manyshot.types import Call, Expected, Json, Record, Stage

#: What the right answer of a case is: a call, a question back, or no tool (also through a declared reject tool).
Kind = Literal["call", "ask", "none"]


class Row(Record):
    """One case answered in one mode, and the verdict."""

    mode: str
    id: str
    action: str
    kind: Kind
    tools: tuple[str, ...] = ()
    """Names of the expected tools; empty for `ask` and for `none` without a reject tool."""
    simple: bool | None = None
    """For kind `call`: at most one argument must be given. None for the other kinds."""
    held_out: bool | None = None
    """Whether an expected tool was kept out of training. None when no tool is expected."""
    nearest_shot: str | None = None
    """Id of the shot whose words are most like the action's."""
    similarity: float | None = None
    """Likeness to that shot, 0..100 (normalised indel similarity). None without shots."""
    expected: tuple[Expected, ...] = ()
    expected_ask: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    ask: tuple[str, ...] = ()
    right: bool
    stage: Stage | None = None
    detail: str = ""
    ms: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


class Evaluation(Record):
    """All rows of one comparison: the same cases, in the same order, in every mode."""

    version: int = 1
    baseline: str = "base"
    """The mode that the others are tested against."""
    modes: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    def of(self, mode: str) -> tuple[Row, ...]:
        """The rows of one mode, in the order of the cases."""
        return tuple(r for r in self.rows if r.mode == mode)

    def to_rows(self) -> tuple[Row, ...]:
        """What goes to disk, one JSON line a row; `from_rows` reads it back."""
        return self.rows

    @classmethod
    def from_rows(cls, rows: tuple[Row, ...], baseline: str = "base") -> Evaluation:
        """Rebuild an evaluation from stored rows; the modes keep the order in which they first appear."""
        return cls(baseline=baseline, modes=tuple(dict.fromkeys(r.mode for r in rows)), rows=rows)


class LossPoint(Record):
    """One line of the loss log. `held_out` is the loss on pairs that were kept out of training, where it was taken."""

    step: int
    loss: float
    held_out: float | None = None

    @classmethod
    def from_log(cls, row: Json) -> LossPoint:
        """Read a line of the trainer's log: {"step", "loss_token", ...}; `loss` and `held_out` are understood, too."""
        held = row.get("held_out")
        return cls(step=row["step"], loss=row["loss_token"] if "loss_token" in row else row["loss"], held_out=held)


class CurvePoint(Record):
    """One point of the learning curve: an adapter trained on `pairs` pairs, right on `right` of `total` tests."""

    pairs: int
    right: int
    total: int


class RunInfo(Record):
    """What a report says about the run beside the verdicts."""

    domain: str
    date: datetime
    machine: str
    """In words a reader can compare with: cores, memory, system. No host name."""
    base: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    """Anything else worth a line: adapter id, seed, data id, samples/s."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Stage -> seconds."""
    data: dict[str, int] = Field(default_factory=dict)
    """Class of training pair -> how many."""
    rejects: dict[str, int] = Field(default_factory=dict)
    """Reason -> how many generated pairs were thrown away for it."""
    coverage: dict[str, str] = Field(default_factory=dict)
    """Figure -> value as it should be read, e.g. "pairs of field values": "100% by 84 combinations"."""
    note: str = ""
    """One sentence above everything, e.g. that the tests are a sample."""
    rows: str = ""
    """The file of the rows, as seen from the report; "" where there is none."""
