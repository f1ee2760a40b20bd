"""Scenarios through a run's assistant, as rows in a file.

One rule: rows are kept as they come, so a stopped simulation goes on; the file appears under its name when it is whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from manyshot.errors import DataError
from manyshot.evaluate.talks import Heading, write_talks
from manyshot.journal import going_on, whole_rows
from manyshot.progress import Screen
from manyshot.records import digest, write_jsonl
from manyshot.scenario.play import Opener, Stage, pass_power, play, plays
from manyshot.scenario.spoil import INVENTED, LEFT
from manyshot.stats import wilson
from manyshot.types import Domain, Json, Scenario


def simulate(
    scenarios: Sequence[Scenario],
    stage: Stage,
    open_assistant: Opener,
    out: Path,
    screen: Screen,
    *,
    trials: int,
    key: str,
) -> list[Json]:
    """Play all scenarios `trials` times into `out`. `key`: what else decides the result; rows of another are not kept.

    Raises DataError when `out` is there or cannot be written, ModelError when the model is gone.
    """
    if out.exists():
        raise DataError(f"{out}: is there already; choose another --out")
    mark = digest([key, trials, [one.model_dump(mode="json", exclude={"source"}) for one in scenarios]])
    part = out.with_name(f"{out.name}.part")
    done = _kept(part, mark)
    total = trials * len(scenarios)
    with going_on(part, [{"simulation": mark}, *done.values()]) as add, screen.bar("scenarios") as bar:
        for one, trial in plays(scenarios, trials, dict(done)):
            done[one.id, trial] = row = play(one, stage, open_assistant, trial)
            add(row)
            passed = sum(row["pass"] for row in done.values())
            bar.update(len(done) / total, f"{passed} of {len(done)} passed")
    order = [(one.id, trial) for trial in range(trials) for one in scenarios]
    write_jsonl(out, (done[key] for key in order))
    part.unlink()
    return [done[key] for key in order]


def report(
    out: Path, rows: Sequence[Json], scenarios: Sequence[Scenario], domain: Domain, trials: int, how: str
) -> Path:
    """Write the page of the rows in `out` beside it, and return where. Raises DataError."""
    page = out.with_suffix(".html")
    heading = Heading(domain.name, how, datetime.now(UTC).astimezone())
    write_talks(page, rows, scenarios, trials, heading, domain.context.language)
    return page


def _kept(part: Path, mark: str) -> dict[tuple[str, int], Json]:
    """Rows of a simulation that was stopped; none of another one's."""
    rows = whole_rows(part)
    if not rows or rows[0] != {"simulation": mark}:
        return {}
    return {(row["id"], row["trial"]): row for row in rows[1:]}


def told(rows: Sequence[Json], trials: int) -> list[str]:
    """What came out, in lines: how many passed, and why the others did not."""
    passed, total = sum(bool(row["pass"]) for row in rows), len(rows)
    low, high = wilson(passed, total)
    lines = [f"{passed} of {total} passed ({passed / max(1, total):.0%}, 95% {low:.0%}-{high:.0%})"]
    if trials > 1:
        powers = pass_power(rows, trials)
        lines.append(", ".join(f"pass^{k} {share:.0%}" for k, (share, _) in powers.items()))
    if spoilt := [row for row in rows if row.get("spoilt")]:
        invented = sum(said.startswith(INVENTED) for row in spoilt for said in row["violations"])
        left = sum(LEFT in row["violations"] for row in spoilt)
        handed = sum(row["handoff"] for row in spoilt)
        lines.append(
            f"{len(spoilt)} with spoilt calls: {invented} invented values, {handed} handed over to a person, "
            f"{left} neither ended rightly nor handed over"
        )
    reasons = Counter(_short(violation) for row in rows for violation in row["violations"])
    lines += [f"  {count:3} {reason}" for reason, count in reasons.most_common(12)]
    return lines


def _short(violation: str) -> str:
    return violation.split(":")[0].split("{")[0].strip()[:70]
