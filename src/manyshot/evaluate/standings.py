"""Results of several candidates on the same cases -> one table: right, interval, paired test, cost, time, tokens.

One rule: a candidate is only set against the first on cases that both were given, and all verdicts of a suite hold at
once (Holm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from manyshot import stats
from manyshot.errors import EvalError
from manyshot.evaluate.records import Row
from manyshot.evaluate.summary import Tally
from manyshot.evaluate.table import p_value, percent, plain_table
from manyshot.records import digest
from manyshot.types import Json, Language, Record

#: calls: one Action, one answer. scenarios: whole conversations in the simulated company.
Suite = Literal["calls", "scenarios"]
SUITES: tuple[Suite, ...] = ("calls", "scenarios")


class Result(Record):
    """One candidate on one case."""

    suite: Suite
    candidate: str
    id: str
    case: str
    """Hash of what was asked and wanted: the same id with another one is another case."""
    right: bool
    """Of a scenario: every trial of it passed."""
    ms: float
    """A call's answer; of a scenario the mean over all messages of the customer."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    """In the currency of the price that was given; None without a price."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The figures of one candidate in one suite."""

    suite: Suite
    candidate: str
    tally: Tally
    against: str
    """The first candidate of the suite; "" for itself."""
    pairs: stats.Pairs | None
    p: float | None
    """Exact McNemar against the first, corrected by Holm."""
    verdict: stats.Verdict | None
    difference: stats.Interval | None
    """Rate minus the first's, 95%, this comparison alone."""
    needed: stats.Needed | None
    """Cases that would tell, where these do not."""
    ms_p50: float | None
    tokens_in: float
    tokens_out: float
    """Mean tokens a case."""
    per_thousand: float | None
    """Cost of 1,000 cases; None where some have no price."""


def case_of(row: Row) -> str:
    """Hash of what a row's test asks and wants."""
    return digest([row.action, [e.model_dump(mode="json") for e in row.expected], sorted(row.expected_ask)])


def paired(first: Sequence[Result], other: Sequence[Result]) -> stats.Pairs:
    """The verdicts of two candidates on the cases that both were given. Raises EvalError where cases differ."""
    before, after = ({r.id: r for r in results} for results in (first, other))
    shared = [i for i in before if i in after]
    if strange := [i for i in shared if before[i].case != after[i].case]:
        raise EvalError(
            f"case {strange[0]}: it was edited between the two ({len(strange)} such cases); answer the tests as they "
            "are now with both"
        )
    return stats.pair_up([before[i].right for i in shared], [after[i].right for i in shared])


def standings(results: Iterable[Result], alpha: float = 0.05) -> tuple[Standing, ...]:
    """All candidates in all suites, in the order in which they first appear."""
    by_suite: dict[Suite, dict[str, list[Result]]] = {suite: {} for suite in SUITES}
    for result in results:
        by_suite[result.suite].setdefault(result.candidate, []).append(result)
    return tuple(one for found in by_suite.values() if found for one in _suite(found, alpha))


def _suite(found: dict[str, list[Result]], alpha: float) -> list[Standing]:
    baseline, *others = found
    pairs = {name: paired(found[baseline], found[name]) for name in others}
    said = dict(zip(pairs, stats.compared(list(pairs.values()), alpha), strict=True))
    return [
        _standing(rows, name, baseline, pairs.get(name), said.get(name), alpha / max(1, len(others)))
        for name, rows in found.items()
    ]


def _standing(
    rows: Sequence[Result],
    name: str,
    baseline: str,
    pairs: stats.Pairs | None,
    said: stats.Compared | None,
    alpha: float,
) -> Standing:
    open_ = pairs is not None and said is not None and said.verdict in ("cannot_tell", "not_enough_cases")
    costs = [r.cost for r in rows if r.cost is not None]
    return Standing(
        suite=rows[0].suite,
        candidate=name,
        tally=Tally(sum(r.right for r in rows), len(rows)),
        against=baseline if pairs is not None else "",
        pairs=pairs,
        p=said.p if said else None,
        verdict=said.verdict if said else None,
        difference=stats.difference(pairs) if pairs is not None else None,
        needed=stats.needed(pairs, alpha) if pairs is not None and open_ else None,
        ms_p50=stats.percentile([r.ms for r in rows], 50),
        tokens_in=sum(r.tokens_in for r in rows) / len(rows),
        tokens_out=sum(r.tokens_out for r in rows) / len(rows),
        per_thousand=1000 * sum(costs) / len(rows) if len(costs) == len(rows) else None,
    )


def standing_numbers(found: Sequence[Standing]) -> Json:
    """The figures as plain JSON: suite -> candidate -> figure."""
    out: Json = {}
    for s in found:
        low, high = s.tally.interval
        figures: Json = {
            "right": s.tally.right, "total": s.tally.total, "rate": s.tally.rate, "low": low, "high": high,
            "ms_p50": s.ms_p50, "tokens_in": s.tokens_in, "tokens_out": s.tokens_out,
            "cost_per_thousand": s.per_thousand,
        }  # fmt: skip
        if s.pairs and s.difference:
            figures |= {
                "against": s.against, "gained": s.pairs.gained, "lost": s.pairs.lost, "paired": s.pairs.total,
                "p_holm": s.p, "verdict": s.verdict, "difference": list(s.difference),
                "cases_needed": s.needed.cases if s.needed else None,
            }  # fmt: skip
        out.setdefault(s.suite, {})[s.candidate] = figures
    return out


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "calls": "Calls ({total} tests)", "scenarios": "Scenarios ({total}; right: every trial passed)",
        "candidate": "candidate", "right": "right", "against": "against {first}",
        "cost": "cost/1000", "ms": "ms p50", "tokens": "tok in/out",
        "better": "better", "worse": "worse", "cannot_tell": "cannot tell", "not_enough_cases": "too few cases",
        "needed": "{name}: some {cases} cases would tell from {first}, if the rates are {apart:.1%} apart",
        "never": "{name}: no number of cases that people write would tell it from {first}",
    },
    "zh": {
        "calls": "调用（{total} 条测试）", "scenarios": "场景（{total} 个；每次试验都通过才算对）",
        "candidate": "候选", "right": "正确", "against": "与 {first} 相比",
        "cost": "千次成本", "ms": "毫秒 p50", "tokens": "词元 入/出",
        "better": "更好", "worse": "更差", "cannot_tell": "无法判断", "not_enough_cases": "用例太少",
        "needed": "{name}：若正确率相差 {apart:.1%}，约需 {cases} 个用例才能与 {first} 分出高下",
        "never": "{name}：人工能写出的用例数都不足以与 {first} 分出高下",
    },
}  # fmt: skip


_COLOURS = {"better": "green", "worse": "red"}


def render_standings(found: Sequence[Standing], language: Language) -> RenderableType:
    """A rich table for each suite, and below it how many cases would tell where these do not."""
    w = _WORDS[language]
    parts: list[RenderableType] = []
    for suite in dict.fromkeys(s.suite for s in found):
        rows = [s for s in found if s.suite == suite]
        parts += [_table(rows, w), *(Text(text) for s in rows if (text := _needed(s, w))), Text("")]
    return Group(*parts)


def _table(rows: Sequence[Standing], w: Mapping[str, str]) -> Table:
    table = plain_table(w[rows[0].suite].format(total=max(s.tally.total for s in rows)))
    table.add_column(w["candidate"], overflow="fold", max_width=20)
    for name in ("right", "95%", "against", "cost", "ms", "tokens"):
        text = w.get(name, name).format(first=rows[0].candidate)
        table.add_column(text, justify="left" if name == "against" else "right", overflow="fold")
    for s in rows:
        low, high = s.tally.interval
        table.add_row(
            s.candidate,
            f"{s.tally.right} {percent(s.tally.rate)}",
            f"{low * 100:.0f}-{high * 100:.0f}%",
            _against(s, w),
            "-" if s.per_thousand is None else f"{s.per_thousand:.3g}",
            "-" if s.ms_p50 is None else f"{s.ms_p50:.0f}",
            f"{s.tokens_in:.0f}/{s.tokens_out:.0f}",
        )
    return table


def _against(s: Standing, w: Mapping[str, str]) -> Text:
    if s.verdict is None or s.p is None or s.pairs is None:
        return Text("")
    told = f"{w[s.verdict]} +{s.pairs.gained} -{s.pairs.lost} {p_value(s.p)}"
    return Text(told, _COLOURS.get(s.verdict, "yellow"))


def _needed(s: Standing, w: Mapping[str, str]) -> str:
    if s.needed is None:
        return ""
    key = "never" if s.needed.cases is None else "needed"
    return w[key].format(name=s.candidate, cases=s.needed.cases, apart=s.needed.apart, first=s.against)
