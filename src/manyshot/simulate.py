"""Scenarios through a run's assistant, as rows in a file.

One rule: rows are kept as they come, so a stopped simulation goes on; the file appears under its name when it is whole.
What a customer spoilt that a model played is counted apart, never against the assistant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from manyshot.errors import DataError, ModelError
from manyshot.evaluate.talks import Heading, write_talks
from manyshot.journal import going_on, kept_answers, whole_rows
from manyshot.plugs.kept_chat import KeptChat
from manyshot.progress import Screen
from manyshot.protocols import Chat
from manyshot.records import digest, write_jsonl
from manyshot.scenario.acted import ActedCustomer, Casting
from manyshot.scenario.customer import Customer
from manyshot.scenario.play import Opener, Stage, pass_power, play, plays
from manyshot.scenario.slips import Watch, choices_of
from manyshot.scenario.spoil import INVENTED, LEFT
from manyshot.stats import wilson
from manyshot.types import Domain, Json, Scenario

#: Conversations in a row in which the customer's model came too late in every try, after which it counts as gone.
TOO_LATE = 3


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
        late = 0
        for one, trial in plays(scenarios, trials, dict(done)):
            done[one.id, trial] = row = play(one, stage, open_assistant, trial)
            add(row)
            passed = sum(bool(row["pass"]) for row in done.values())
            bar.update(len(done) / total, f"{passed} of {len(done)} passed")
            late = late + 1 if _late(row) else 0
            if late == TOO_LATE:
                raise ModelError(
                    f"the customer's model came too late in {late} conversations in a row ({row['slips'][-1]['why']})"
                )
    order = [(one.id, trial) for trial in range(trials) for one in scenarios]
    write_jsonl(out, (done[key] for key in order))
    part.unlink()
    return [done[key] for key in order]


def report(
    out: Path, rows: Sequence[Json], scenarios: Sequence[Scenario], domain: Domain, trials: int, how: str
) -> Path:
    """Write the page of the rows in `out` beside it, and return where. Raises DataError."""
    page = out.with_suffix(".html")
    heading = Heading(domain.name, how, datetime.now(UTC).astimezone(), out.name)
    write_talks(page, rows, scenarios, trials, heading, domain.context.language)
    return page


def _kept(part: Path, mark: str) -> dict[tuple[str, int], Json]:
    """Rows of a simulation that was stopped; none of another one's."""
    rows = whole_rows(part)
    if not rows or rows[0] != {"simulation": mark}:
        return {}
    return {(row["id"], row["trial"]): row for row in rows[1:] if not _late(row)}


def _late(row: Json) -> bool:
    """Whether nothing but time-outs came of a conversation, so that it is worth another try."""
    return bool(row.get("customer_error")) and all(slip["kind"] == "timeout" for slip in row["slips"])


@contextmanager
def casting(chat: Chat, who: str, file: Path, stage: Stage) -> Iterator[Casting]:
    """Lets `chat` play the customers of a stage. `who`: names it; what it said is kept in `file`, by content."""
    with kept_answers(file) as answers:
        kept = KeptChat(chat, answers, who)

        def play_one(scenario: Scenario, script: Customer, trial: int, attempt: int) -> ActedCustomer:
            watch = Watch(script, stage.language, choices_of(scenario.profile, stage.flows, stage.tools))
            # what endpoints take as a seed is a number of 31 bits
            seed = 1 + int(digest([scenario.id, trial, attempt]), 16) % (2**31 - 1)
            return ActedCustomer(scenario, stage.language, kept, watch, seed)

        yield play_one


def judged(rows: Iterable[Json]) -> list[Json]:
    """Rows that tell something about the assistant: not those that the customer spoilt."""
    return [row for row in rows if row["pass"] is not None]


def told(rows: Sequence[Json], trials: int) -> list[str]:
    """What came out, in lines: how many passed, and why the others did not."""
    slips, spoilt_by = [slip for row in rows for slip in row.get("slips", ())], len(rows) - len(judged(rows))
    rows = judged(rows)
    passed, total = sum(bool(row["pass"]) for row in rows), len(rows)
    low, high = wilson(passed, total)
    lines = [f"{passed} of {total} passed ({passed / max(1, total):.0%}, 95% {low:.0%}-{high:.0%})"]
    if trials > 1:
        powers = pass_power(rows, trials)
        lines.append(", ".join(f"pass^{k} {share:.0%}" for k, (share, _) in powers.items()))
    if slips:
        kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(slip["kind"] for slip in slips).most_common())
        lines.append(
            f"errors of the customer's own, not counted: {len(slips)} ({kinds}); {spoilt_by} conversations not judged"
        )
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
