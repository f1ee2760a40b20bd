"""Scenarios through a run's assistant, as rows in a file.

One rule: rows are kept as they come, so a stopped simulation goes on; the file appears under its name when it is whole.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from manyshot.errors import DataError
from manyshot.progress import Screen
from manyshot.records import digest, line
from manyshot.scenario.play import Opener, Stage, pass_power, play, plays
from manyshot.stats import wilson
from manyshot.types import Json, Scenario


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
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as stream, screen.bar("scenarios") as bar:
            stream.writelines(text + "\n" for text in (line({"simulation": mark}), *map(line, done.values())))
            stream.flush()
            for one, trial in plays(scenarios, trials, dict(done)):
                done[one.id, trial] = play(one, stage, open_assistant, trial)
                stream.write(line(done[one.id, trial]) + "\n")
                stream.flush()
                passed = sum(row["pass"] for row in done.values())
                bar.update(len(done) / total, f"{passed} of {len(done)} passed")
        order = [(one.id, trial) for trial in range(trials) for one in scenarios]
        with part.open("w", encoding="utf-8") as stream:
            stream.writelines(line(done[key]) + "\n" for key in order)
        part.replace(out)
    except OSError as error:
        raise DataError(
            f"{out}: cannot be written ({error.strerror}); free some space or choose another --out"
        ) from None
    return [done[key] for key in order]


def _kept(part: Path, mark: str) -> dict[tuple[str, int], Json]:
    """Rows of a simulation that was stopped; none of another one's. A half-written last line does not count."""
    try:
        texts = part.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return {}
    rows: list[Json] = []
    for text in texts:
        try:
            rows.append(json.loads(text))
        except ValueError:
            break
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
    reasons = Counter(_short(violation) for row in rows for violation in row["violations"])
    lines += [f"  {count:3} {reason}" for reason, count in reasons.most_common(12)]
    return lines


def _short(violation: str) -> str:
    return violation.split(":")[0].split("{")[0].strip()[:70]
