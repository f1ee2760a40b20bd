"""The file of verdicts: {"id", "valid", "stage", "error_type", "message"} a line, in the order of the entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from manyshot.errors import EvalError
from manyshot.formats import Format, read_calls
from manyshot.oneline import storable
from manyshot.records import write_jsonl
from manyshot.scoring.entries import Entry, Fault, Judged, read_entries
from manyshot.scoring.judges import RULES, Rules, judge_unreadable
from manyshot.types import Json


@dataclass(slots=True)
class Scored:
    """What became of a file."""

    right: int = 0
    judged: int = 0
    #: Entries in the output whose verdict is null.
    undecided: int = 0
    #: Lines that are not in the output.
    faults: int = 0
    #: stage -> wrong answers that failed there.
    stages: Counter[str] = field(default_factory=Counter)

    @property
    def whole(self) -> bool:
        """Every line got a verdict."""
        return not self.undecided and not self.faults


def score_file(
    source: Path,
    out: Path,
    rules: Rules,
    say: Callable[[str], None],
    *,
    form: Format | None = None,
    repair: bool = False,
) -> Scored:
    """Judge every line of `source` into `out`, which appears when complete.

    Args:
        source: JSON lines, as `read_entries` takes them; gzip allowed.
        out: the new file.
        rules: which rules.
        form: how outputs that are texts are written; without it a text is wrong in form.
        repair: see `read_calls`.
        say: told of every line that could not be judged, with its place.

    Raises:
        EvalError: the source cannot be read or holds no line, or `out` is the source.
        DataError: `out` cannot be written.
    """
    if out.exists() and source.exists() and out.samefile(source):
        raise EvalError(f"{out}: would overwrite what is to be scored; choose another --out")
    scored = Scored()

    def rows() -> Iterator[Json]:
        for entry in read_entries(source):
            if isinstance(entry, Fault):
                scored.faults += 1
                say(storable(entry.message))
                continue
            found = _judge(entry, rules, form, repair=repair)
            _count(scored, found)
            if found.valid is None:
                say(storable(f"{entry.where}: {found.error_type or 'not judged'}: {found.message}"))
            yield _row(entry, found)
        if not scored.judged and not scored.undecided and not scored.faults:
            raise EvalError(f"{source}: holds no line; wanted JSON lines with id, category, functions, ...")

    write_jsonl(out, rows())
    return scored


def _judge(entry: Entry, rules: Rules, form: Format | None, *, repair: bool) -> Judged:
    if form is None or not isinstance(entry.output, str):
        return RULES[rules](entry)
    try:
        calls = read_calls(entry.output, form, repair=repair).calls
    except ValueError as error:
        return judge_unreadable(entry, rules, str(error))
    return RULES[rules](replace(entry, output=[{call.name: call.arguments} for call in calls]))


def _count(scored: Scored, found: Judged) -> None:
    if found.valid is None:
        scored.undecided += 1
        return
    scored.judged += 1
    scored.right += found.valid
    if found.stage:
        scored.stages[found.stage] += 1


def _row(entry: Entry, found: Judged) -> Json:
    return {
        "id": entry.id,
        "valid": found.valid,
        "stage": found.stage,
        "error_type": found.error_type,
        "message": storable(found.message),
    }
