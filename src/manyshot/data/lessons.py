"""A call -> what a teacher is asked, and what it wrote -> a sentence or the reason why not.

One rule: an instruction counts when every value of its call is read back from it and no other sure value is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from manyshot.data.compose import Composer, Sentence
from manyshot.data.delex import locate
from manyshot.data.readback import reads_back, spoken
from manyshot.data.saying import Said
from manyshot.data.slots import Path, Slot, ToolSlots, nest
from manyshot.protocols import Lesson
from manyshot.records import digest
from manyshot.types import Shot
from manyshot.values import Kind
from manyshot.values.text import fold

#: Forms of a value that a teacher may choose from; shots of the tool that it is shown.
FORMS, SHOWN = 4, 3
#: Words drawn for a choice, to know nearly all that say it.
DRAWS = 64
#: The longest instruction and the longest value of free text, in characters.
LONGEST, LONGEST_VALUE = 400, 60
#: Kinds that are recognised without knowing the value, so that one too many is seen.
_SURE = (Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.PHONE, Kind.EMAIL)


@dataclass(frozen=True, slots=True)
class Task:
    """A row of a tool's plan with its values, the lesson made of it, and what its instructions are checked by."""

    tool: ToolSlots
    row: int
    values: dict[Path, Any]
    lesson: Lesson
    #: Words that say a yes/no or a choice, and words that say another one.
    right: Mapping[Path, Sequence[str]]
    wrong: Mapping[Path, Sequence[str]]
    shots: tuple[str, ...]

    @property
    def wording(self) -> str:
        """All instructions of one call are one group: they share their values' words."""
        return "teacher:" + digest([[*path, value] for path, value in self.values.items()])


def task_of(
    tool: ToolSlots,
    row: int,
    values: dict[Path, Any],
    composer: Composer,
    shots: Sequence[Shot],
    styles: Sequence[str],
    rng: random.Random,
) -> Task | None:
    """A call to be worded once in each style; None when some value cannot be said."""
    forms = {path: _forms(tool, tool.slot(path), value, composer, rng) for path, value in values.items()}
    if not all(forms.values()):
        return None
    chosen = [s for s in tool.slots if s.path in values and s.field.kind in (Kind.BOOLEAN, Kind.ENUM)]
    right = {s.path: forms[s.path] for s in chosen}
    wrong = {
        s.path: [said for other in _others(s, values[s.path]) for said in _forms(tool, s, other, composer, rng)]
        for s in chosen
    }
    forms = {path: said[:FORMS] for path, said in forms.items()}
    shown = rng.sample(list(shots), min(SHOWN, len(shots)))
    lesson = Lesson(
        tool.tool,
        {".".join(path): said for path, said in forms.items()},
        tuple(".".join(s.path) for s in tool.slots if s.path not in values),
        tuple(styles),
        tuple(s.action for s in shown),
    )
    return Task(tool, row, values, lesson, right, wrong, tuple(s.id for s in shown))


def _forms(tool: ToolSlots, slot: Slot, value: Any, composer: Composer, rng: random.Random) -> tuple[str, ...]:
    """Ways to say a value, the first `FORMS` as good as any; of a choice nearly all."""
    if slot.field.kind not in (Kind.BOOLEAN, Kind.ENUM, Kind.ARRAY):
        return tuple(slot.field.surfaces(value, rng, limit=FORMS))
    boolean, draws = slot.field.kind is Kind.BOOLEAN, 2 * FORMS if slot.field.kind is Kind.ARRAY else DRAWS
    said = (
        composer.carry(tool, slot, value, rng) if boolean else composer.sayer.say(slot, value, rng)
        for _ in range(draws)
    )
    texts = (piece.text for pieces in said for piece in pieces or () if isinstance(piece, Said) and piece.text)
    return tuple(dict.fromkeys(texts))


def _others(slot: Slot, value: Any) -> list[Any]:
    return [not value] if slot.field.kind is Kind.BOOLEAN else [v for v in slot.field.values if v != value]


def judge(task: Task, text: str) -> Sentence | str:
    """The sentence with its surfaces, or the reason why it is none."""
    if len(text) > LONGEST:
        return "teacher: too long"
    tool = task.tool
    surfaces, loose = spoken(text, nest(task.values, tool.slots), tool)
    for path in task.right:
        said = _choices(text, task.right[path], task.wrong[path])
        if False in said:
            return "teacher: another choice was said"
        if True in said and path in loose:
            surfaces[path] = loose.pop(path)
    if loose:
        return "teacher: a value was not said"
    for path, value in task.values.items():
        if not reads_back(tool.slot(path), surfaces[path], value):
            return "teacher: a value reads back as another"
    if any(_strange(text, task)):
        return "teacher: a value was said that the call does not have"
    return Sentence(text, surfaces, task.wording, task.shots)


def _choices(text: str, right: Sequence[str], wrong: Sequence[str]) -> set[bool]:
    """Which of right (True) and wrong (False) words stand in the text; those inside of longer ones do not count."""
    folded = fold(text)
    found = [(m.start(), m.end(), True) for w in right for m in _word(w).finditer(folded)]
    found += [(m.start(), m.end(), False) for w in wrong if w not in right for m in _word(w).finditer(folded)]
    kept: list[tuple[int, int, bool]] = []
    for start, end, good in sorted(found, key=lambda f: (f[0] - f[1], f[0], not f[2])):
        if all(end <= s or start >= e for s, e, _ in kept):
            kept.append((start, end, good))
    return {good for *_, good in kept}


def _word(words: str) -> re.Pattern[str]:
    """The words as a whole: "vip" is no part of "vips"."""
    return re.compile(
        rf"(?<![a-z0-9])(?:{re.escape(fold(words))})(?![a-z0-9])" if words.isascii() else re.escape(fold(words))
    )


def _strange(text: str, task: Task) -> Iterator[bool]:
    """Values of sure kinds outside of the call's own: of a field left out, or a second one."""
    placed, _ = locate(text, nest(task.values, task.tool.slots), task.tool)
    for slot in task.tool.slots:
        if slot.field.kind in _SURE or (slot.field.kind is Kind.ID and slot.field.pattern is not None):
            for span in slot.field.spot(text):
                yield all(span.end <= p.start or span.start >= p.end for p in placed)


def fits(slot: Slot, value: str, seen: Sequence[Any]) -> bool:
    """Whether a value that a teacher thought of is one: new, short, as the schema wants it, and read back as itself."""
    if value in seen or len(value) > LONGEST_VALUE:
        return False
    return Draft202012Validator(slot.field.schema).is_valid(value) and reads_back(slot, value, value)
