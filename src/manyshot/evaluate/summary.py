"""From rows to the figures of a table: rates, stages, classes, tools, cost. One rule: pure, and only from rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from manyshot import stats
from manyshot.evaluate.records import Evaluation, Row
from manyshot.score import CALL_STAGES
from manyshot.types import Json, Stage

#: All stages in the order of a report: the call's five, then the two that judge the choice not to call.
STAGES: tuple[Stage, ...] = ("parse", *CALL_STAGES, "no_tool", "ask")
#: Group -> its classes, in the order of a report.
CLASSES: dict[str, tuple[str, ...]] = {
    "kind": ("call", "ask", "none"),
    "fields": ("simple", "complex"),
    "held": ("in", "out"),
    "likeness": ("far", "middle", "near"),
}
#: Limits of the classes of `likeness`: similarity to the nearest shot, 0..100.
FAR, NEAR = 40.0, 60.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of how many."""

    right: int
    total: int

    @property
    def rate(self) -> float | None:
        """0..1, None without cases: not scored is not zero."""
        return self.right / self.total if self.total else None

    @property
    def interval(self) -> stats.Interval:
        """Wilson, 95%."""
        return stats.wilson(self.right, self.total)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger against a baseline on the same cases."""

    baseline: str
    challenger: str
    pairs: stats.Pairs

    @property
    def p(self) -> float:
        return stats.mcnemar(self.pairs)

    @property
    def verdict(self) -> stats.Verdict:
        return stats.verdict(self.pairs)


@dataclass(frozen=True, slots=True)
class ModeSummary:
    """The figures of one mode."""

    mode: str
    overall: Tally
    failed: dict[Stage, int]
    """Stage -> cases that failed there; every stage of STAGES is present."""
    tools: dict[str, Tally]
    classes: dict[str, dict[str, Tally]]
    """Group -> class -> tally; classes without cases are left out."""
    against_base: Comparison | None
    """None for the baseline itself and where the baseline was not run."""
    tokens_in: float | None
    tokens_out: float | None
    """Mean tokens a case."""
    ms_p50: float | None
    ms_p95: float | None
    failures: tuple[Row, ...]


def summarise(evaluation: Evaluation) -> tuple[ModeSummary, ...]:
    """The figures of every mode, in the order of the evaluation's modes."""
    return tuple(_summary(evaluation, mode) for mode in evaluation.modes)


def compare(evaluation: Evaluation, baseline: str, challenger: str) -> Comparison:
    """Pair two modes case by case. Raises KeyError for a mode that was not run."""
    for mode in (baseline, challenger):
        if mode not in evaluation.modes:
            raise KeyError(f"no mode {mode!r}; there are {', '.join(evaluation.modes) or 'none'}")
    right = {mode: {r.id: r.right for r in evaluation.of(mode)} for mode in (baseline, challenger)}
    ids = list(right[baseline])
    pairs = stats.pair_up([right[baseline][i] for i in ids], [right[challenger][i] for i in ids])
    return Comparison(baseline, challenger, pairs)


def class_of(row: Row) -> dict[str, str]:
    """Group -> the class a row belongs to; groups that say nothing about this row are left out."""
    out: dict[str, str] = {"kind": row.kind}
    if row.simple is not None:
        out["fields"] = "simple" if row.simple else "complex"
    if row.held_out is not None:
        out["held"] = "out" if row.held_out else "in"
    if row.similarity is not None:
        out["likeness"] = "far" if row.similarity < FAR else "near" if row.similarity >= NEAR else "middle"
    return out


def numbers(evaluation: Evaluation) -> Json:
    """The headline figures as plain JSON, for a manifest."""
    out: Json = {}
    for s in summarise(evaluation):
        low, high = s.overall.interval
        figures: Json = {
            "right": s.overall.right,
            "total": s.overall.total,
            "rate": s.overall.rate,
            "low": low,
            "high": high,
            "failed": {stage: n for stage, n in s.failed.items() if n},
            "tokens_in": s.tokens_in,
            "tokens_out": s.tokens_out,
            "ms_p50": s.ms_p50,
            "ms_p95": s.ms_p95,
        }
        if s.against_base:
            figures["p_against_" + s.against_base.baseline] = s.against_base.p
            figures["verdict"] = s.against_base.verdict
        out[s.mode] = figures
    return out


def _summary(evaluation: Evaluation, mode: str) -> ModeSummary:
    rows = evaluation.of(mode)
    failures = tuple(r for r in rows if not r.right)
    failed = Counter(r.stage for r in failures)
    paired = evaluation.baseline in evaluation.modes and mode != evaluation.baseline
    return ModeSummary(
        mode=mode,
        overall=_tally(rows),
        failed={stage: failed[stage] for stage in STAGES},
        tools={
            name: _tally([r for r in rows if name in r.tools]) for name in sorted({t for r in rows for t in r.tools})
        },
        classes={group: _group(rows, group, names) for group, names in CLASSES.items()},
        against_base=compare(evaluation, evaluation.baseline, mode) if paired else None,
        tokens_in=_mean(rows, lambda r: r.tokens_in),
        tokens_out=_mean(rows, lambda r: r.tokens_out),
        ms_p50=stats.percentile([r.ms for r in rows], 50),
        ms_p95=stats.percentile([r.ms for r in rows], 95),
        failures=failures,
    )


def _group(rows: Sequence[Row], group: str, names: Iterable[str]) -> dict[str, Tally]:
    tallies = {name: _tally([r for r in rows if class_of(r).get(group) == name]) for name in names}
    return {name: tally for name, tally in tallies.items() if tally.total}


def _tally(rows: Sequence[Row]) -> Tally:
    return Tally(sum(r.right for r in rows), len(rows))


def _mean(rows: Sequence[Row], read: Callable[[Row], float]) -> float | None:
    return sum(map(read, rows)) / len(rows) if rows else None
