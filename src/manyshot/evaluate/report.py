"""report.html: one file that opens offline and tells a product manager whether it worked, and an engineer why not.

One rule: it shows what the rows say and requests nothing from anywhere (its own policy forbids it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from manyshot import stats
from manyshot.evaluate import diff, plots
from manyshot.evaluate.records import CurvePoint, Evaluation, LossPoint, Row, RunInfo
from manyshot.evaluate.summary import CLASSES, STAGES, Comparison, ModeSummary, Tally, compare, summarise
from manyshot.evaluate.table import p_value, percent
from manyshot.evaluate.words import name_of, words
from manyshot.records import write_aside
from manyshot.templating import speaker, templates
from manyshot.types import Language

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed row and its difference, for the template."""

    row: Row
    line: int
    """Where the row stands in the file of rows, from 1."""
    lines: tuple[diff.Line, ...]


@dataclass(frozen=True, slots=True)
class Versus:
    """A comparison and the rate of its baseline, for the headline."""

    comparison: Comparison
    rate: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a small bar list: width 0..100."""

    name: str
    text: str
    width: float


def write_report(
    path: Path,
    evaluation: Evaluation,
    *,
    info: RunInfo,
    loss: Sequence[LossPoint] = (),
    curve: Sequence[CurvePoint] = (),
    language: Language = "en",
) -> None:
    """Write the report; it appears under its name only when it is whole. The last mode is the headline's.

    Raises:
        DataError: the file cannot be written.
    """
    html = render(evaluation, info=info, loss=loss, curve=curve, language=language)
    with write_aside(path) as stream:
        stream.write(html.encode("utf-8", "replace").decode())  # a lone surrogate in a model's JSON cannot be stored


def render(
    evaluation: Evaluation,
    *,
    info: RunInfo,
    loss: Sequence[LossPoint] = (),
    curve: Sequence[CurvePoint] = (),
    language: Language = "en",
) -> str:
    """The report as HTML text."""
    w = words(language)

    def mode_name(mode: str) -> str:
        return w.get(f"mode_{mode}", mode)

    environment = templates(_TEMPLATES, percent=percent, p=p_value, ms=_ms)
    modes = summarise(evaluation) if evaluation.rows else ()
    at = {(row.mode, row.id): line for line, row in enumerate(evaluation.rows, 1)}
    return environment.get_template("report.html.j2").render(
        say=speaker(w),
        mode_name=mode_name,
        duration=_duration,
        stage_counts=lambda mode, stages: [(s, mode.failed[s]) for s in stages],
        language=language,
        info=info,
        modes=modes,
        best=modes[-1] if modes else None,
        versus=_versus(evaluation, modes),
        baseline=mode_name(evaluation.baseline),
        stages=[s for s in STAGES if s != "parse" or any(m.failed[s] for m in modes)],
        groups=_groups(modes),
        tools=_tools(modes),
        held_out=sorted({t for r in evaluation.rows if r.held_out for t in r.tools}),
        likeness=_likeness(evaluation),
        failures=[Failure(r, at[r.mode, r.id], diff.lines(r)) for m in reversed(modes) for r in m.failures],
        loss=plots.loss_chart(loss),
        has_held_loss=any(p.held_out is not None for p in loss),
        curve=plots.learning_chart(curve),
        data=_bars(info.data, language),
        rejects=_bars(info.rejects, language),
        seconds=_bars(info.seconds, language, _duration),
        css=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup((_TEMPLATES / "report.js").read_text(encoding="utf-8")),
    )


def _versus(evaluation: Evaluation, modes: Sequence[ModeSummary]) -> list[Versus]:
    """The last mode against the baseline and against the best prompting: what a buyer would use instead."""
    if len(modes) < 2:
        return []
    others = [m for m in modes[:-1] if m.mode == evaluation.baseline or m.mode.startswith("fewshot")]
    return [Versus(compare(evaluation, m.mode, modes[-1].mode), m.overall.rate) for m in others]


def _groups(modes: Sequence[ModeSummary]) -> list[tuple[str, list[tuple[str, list[Tally]]]]]:
    """Group -> class -> a tally for each mode. A group of one class says nothing and is left out."""
    out = []
    for group, names in CLASSES.items():
        present = [n for n in names if modes and n in modes[0].classes[group]]
        if len(present) > 1:
            out.append((group, [(n, [m.classes[group][n] for m in modes]) for n in present]))
    return out


def _tools(modes: Sequence[ModeSummary]) -> list[tuple[str, list[Tally]]]:
    if not modes:
        return []
    names = sorted(modes[-1].tools, key=lambda n: (modes[-1].tools[n].rate or 0.0, n))
    return [(n, [m.tools[n] for m in modes]) for n in names]


def _likeness(evaluation: Evaluation) -> tuple[str, str] | None:
    if not evaluation.modes:
        return None
    values = [r.similarity for r in evaluation.of(evaluation.modes[0]) if r.similarity is not None]
    return (f"{stats.percentile(values, 50):.0f}", f"{max(values):.0f}") if values else None


def _bars(counts: Mapping[str, float], language: Language, text: Callable[[float], str] = "{:,}".format) -> list[Bar]:
    top = max(counts.values(), default=0) or 1
    return [Bar(name_of(k, language), text(v), 100 * v / top) for k, v in counts.items()]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"
