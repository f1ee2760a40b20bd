"""The evaluation in a terminal of 80 columns. One rule: readable without colour; colour only repeats what words say."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from manyshot.evaluate.records import Evaluation
from manyshot.evaluate.summary import CLASSES, STAGES, ModeSummary, Tally, summarise
from manyshot.stats import percentile

_VERDICTS = {
    "better": ("better", "green"),
    "worse": ("worse", "red"),
    "cannot_tell": ("cannot tell", "yellow"),
    "not_enough_cases": ("too few cases", "yellow"),
}
_CLASS_NAMES = {
    "call": "call",
    "ask": "ask back",
    "none": "no tool",
    "simple": "one field",
    "complex": "several fields",
    "in": "tools trained on",
    "out": "tools held out",
    "far": "far from shots",
    "middle": "middling",
    "near": "near to shots",
}


def render_tables(evaluation: Evaluation) -> RenderableType:
    """Headline, stages and classes as rich tables; print with `rich.console.Console().print`."""
    modes = summarise(evaluation)
    if not evaluation.rows:
        return Text("No tests: nothing was measured. Write tests/calls.jsonl to find out how good the assistant is.")
    parts: list[RenderableType] = [_headline(modes, evaluation.baseline), Text(_similarity(evaluation)), Text("")]
    parts += [_stages(modes), Text(""), _classes(modes)]
    return Group(*parts)


def percent(rate: float | None) -> str:
    """A rate as `94.0%`, a dash where there is none."""
    return "-" if rate is None else f"{rate:.1%}"


def p_value(p: float) -> str:
    """A p value as it is usually printed: `p<0.001` or `p=0.013`."""
    return "p<0.001" if p < 0.001 else f"p={p:.3f}"


def plain_table(title: str) -> Table:
    """A table without lines, as all of the evaluation are."""
    return Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False)


def _headline(modes: Sequence[ModeSummary], baseline: str) -> Table:
    table = plain_table(f"Right answers ({modes[0].overall.total} tests)")
    table.add_column("mode", no_wrap=True, max_width=14)
    for name in ("right", "95%", f"against {baseline}", "tok in/out", "ms p50/p95"):
        table.add_column(name, justify="right" if name != f"against {baseline}" else "left")
    for s in modes:
        low, high = s.overall.interval
        table.add_row(
            s.mode,
            f"{s.overall.right} {percent(s.overall.rate)}",
            f"{low * 100:.0f}-{high * 100:.0f}%",
            _against(s),
            f"{s.tokens_in:.0f}/{s.tokens_out:.0f}",
            f"{s.ms_p50:.0f}/{s.ms_p95:.0f}",
        )
    return table


def _against(s: ModeSummary) -> Text:
    if s.against_base is None:
        return Text("")
    word, colour = _VERDICTS[s.against_base.verdict]
    p = "" if s.against_base.verdict == "not_enough_cases" else f" {p_value(s.against_base.p)}"
    return Text.assemble((word, colour), p)


def _stages(modes: Sequence[ModeSummary]) -> Table:
    table = plain_table("Where the wrong ones failed first")
    table.add_column("mode", no_wrap=True, max_width=14)
    shown = [stage for stage in STAGES if stage != "parse" or any(s.failed[stage] for s in modes)]
    for stage in shown:
        table.add_column(stage.replace("_", " "), justify="right")
    for s in modes:
        table.add_row(s.mode, *(str(s.failed[stage] or ".") for stage in shown))
    return table


def _classes(modes: Sequence[ModeSummary]) -> Table:
    """Classes down, modes across; modes that do not fit into 80 columns are cut by rich, the names first."""
    table = plain_table("By class (right of all)")
    table.add_column("class", no_wrap=True)
    for s in modes:
        table.add_column(s.mode, justify="right", max_width=14, overflow="fold")
    for group, names in CLASSES.items():
        for name in names:
            if name in modes[0].classes[group]:
                table.add_row(_CLASS_NAMES[name], *(_cell(s.classes[group].get(name)) for s in modes))
    return table


def _cell(tally: Tally | None) -> str:
    return f"{tally.right}/{tally.total}" if tally else "-"


def _similarity(evaluation: Evaluation) -> str:
    likeness = [r.similarity for r in evaluation.of(evaluation.modes[0]) if r.similarity is not None]
    if not likeness:
        return ""
    middle, top = percentile(likeness, 50), max(likeness)
    return f"likeness of a test to its nearest shot: median {middle:.0f}, highest {top:.0f} (0 to 100)"
