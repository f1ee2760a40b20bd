"""Generated dialogues in a teacher's words.

The one rule: a teacher changes how things are said and nothing else. What was told stays told where it was, nothing new
is told, and the dialogue is played again; what fails is a counted reject, and the dialogue keeps the words it had.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from manyshot.data.asking import Asking
from manyshot.data.dialogues.build import Rejects, without_values
from manyshot.data.dialogues.detours import PERSONAS
from manyshot.data.slots import get
from manyshot.data.variety import NearDuplicates
from manyshot.dialogue.company import Company, found_in, says
from manyshot.dialogue.replay import replay
from manyshot.errors import GarbledError, RefusedError, TeacherError
from manyshot.evidence import leaves
from manyshot.protocols import Line, Script
from manyshot.records import digest
from manyshot.types import Language, Trajectory, Turn
from manyshot.values import Kind

AUTHOR = "teacher"
#: Roles whose words the teacher writes.
WORDED = ("user", "think", "reply")
#: Requests for one dialogue, and dialogues in a row of which nothing could be kept before the teacher is left alone.
TRIES, GIVE_UP = 2, 12
#: New words are at most so much longer than the old ones: a factor, and characters.
_LONGER, _MORE = 3, 60
#: Ids, numbers, days and hours: what may neither be added nor left out.
_MARKS: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(
        r"[A-Za-z]*\d(?:[\w:：./-]*\w)?|[今明昨后前]天|(?:上|下下|下|这)?(?:周|星期|礼拜)[一二三四五六日天末]"
        r"|[一二三四五六七八九十两半]+(?:点半?|号|月|日)|上午|下午|晚上|早上|中午|凌晨", re.ASCII,
    ),
    "en": re.compile(
        r"\b[A-Za-z]*\d(?:[\w:./-]*\w)?|\b(?:today|tomorrow|yesterday|noon|midnight|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
        r"\b|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) o'clock", re.ASCII | re.IGNORECASE,
    ),
}  # fmt: skip
#: What turns a yes into a no.
_NOT: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(r"不|没|别|无|未|算了|拒绝"),
    "en": re.compile(r"\b(?:no|not|never|none|nothing|without|nope|refuse\w*)\b|n't\b|n’t\b", re.IGNORECASE),
}


def reworded(
    rows: Sequence[Trajectory],
    company: Company,
    asking: Asking,
    rejects: Rejects,
    progress: Callable[[int, int], None],
    *,
    share: float,
    styles: Sequence[str] = (),
) -> list[Trajectory]:
    """The dialogues, a `share` of them in the teacher's words where those are true and new.

    progress: how many of how many the teacher was asked for.
    """
    chosen = [n for n, one in enumerate(rows) if random.Random(f"{one.id} taught").random() < share]
    out, near = list(rows), NearDuplicates()
    for n in sorted(set(range(len(rows))) - set(chosen)):
        near.keep(_text(rows[n]))
    open_, wanted = chosen, len(chosen)
    for attempt in range(TRIES):
        again: list[int] = []
        scripts = {n: script_of(rows[n], company, styles or PERSONAS) for n in open_}

        def request(n: int, _: int, scripts: dict[int, Script] = scripts, attempt: int = attempt) -> list[str]:
            # The same for the same dialogue, whatever was asked before: so that a kept answer is found again.
            seed = int(digest(rows[n].id), 16) % (1 << 30) + attempt
            return asking.teacher.dialogue(scripts[n], company.context.language, seed)

        for n, answer in asking.ask(open_, request):
            new = _failed(answer) if isinstance(answer, TeacherError) else judged(rows[n], answer, company)
            if isinstance(new, Trajectory) and not near.is_new(_text(new)):
                new = "near-duplicate"
            if isinstance(new, Trajectory):
                out[n] = new
            else:
                said = str(answer) if isinstance(answer, TeacherError) else "\n".join(answer)
                rejects.add(f"teacher: {new}", rows[n].path, rows[n].kind, said=said)
                again.append(n)
            asking.note(kept=isinstance(new, Trajectory))
            progress(wanted - len(open_) + len(again) if attempt else chosen.index(n) + 1, wanted)
        open_ = again
    if asking.closed:
        rejects.add(f"teacher: {asking.closed}", "", "")
    return out


def script_of(one: Trajectory, company: Company, styles: Sequence[str]) -> Script:
    """What a teacher is told of a dialogue."""
    style = random.Random(f"{one.id} style").choice(styles)
    lines = tuple(Line(turn.role, turn.text, _keep(turn, one, company), open=turn.role in WORDED) for turn in one.turns)
    return Script(lines, style)


def judged(one: Trajectory, texts: Sequence[str], company: Company) -> Trajectory | str:
    """The dialogue in these words for its customer, thoughts and replies; why not, where they are not as good."""
    new = iter(texts)
    turns: list[Turn] = []
    for turn in one.turns:
        if turn.role in WORDED:
            text = next(new, "")
            if why := _worse(turn, text, one, company):
                return why
            turn = turn.model_copy(update={"text": text})
        turns.append(turn)
    made = one.model_copy(update={"turns": tuple(turns), "author": AUTHOR})
    if [turn.text for turn in turns] == [turn.text for turn in one.turns]:
        return "the same words"
    checked = replay(made, company)
    return made if checked.true else f"not true any more: {without_values(checked.problems[0].message)}"


def _worse(turn: Turn, text: str, one: Trajectory, company: Company) -> str:
    language = company.context.language
    if not text:
        return "a line did not come"
    if len(text) > _LONGER * len(turn.text) + _MORE:
        return "a line is far too long"
    old, new = (set(_MARKS[language].findall(words)) for words in (turn.text, text))
    if new - old:
        return f"a {turn.role} line names what was not told there"
    if turn.role == "think":
        return ""
    if old - new:
        return f"a {turn.role} line leaves out a number, a day or an hour"
    if any(piece not in text for piece in _told(turn, one)):
        return f"a {turn.role} line leaves out a value"
    if turn.role == "user":
        if any(not says(slot, text, value) for slot, value, _ in _said(turn, one, company)):
            return "a value cannot be read any more"
        if bool(_NOT[language].search(text)) != bool(_NOT[language].search(turn.text)):
            return "a yes may have become a no"
    return ""


def _keep(turn: Turn, one: Trajectory, company: Company) -> tuple[str, ...]:
    """Pieces of a line that have to stand in any other wording."""
    if turn.role not in ("user", "reply"):
        return ()
    marks = _MARKS[company.context.language].findall(turn.text)
    said = [piece for _, _, piece in _said(turn, one, company)] if turn.role == "user" else []
    return tuple(dict.fromkeys([*said, *_told(turn, one), *marks]))


def _said(turn: Turn, one: Trajectory, company: Company) -> Iterator[tuple[Any, Any, str]]:
    """Slot, value and words of what a line says of any call of the dialogue."""
    for call in (other.call for other in one.turns if other.call is not None):
        for slot in company.tools[call.name].slots if call.name in company.tools else ():
            value = get(call.arguments, slot.path)
            if value is None or isinstance(value, bool | list | dict) or slot.field.kind is Kind.OBJECT:
                continue
            for span in found_in(turn.text, slot.field, value)[:1]:
                yield slot, value, span.surface


def _told(turn: Turn, one: Trajectory) -> list[str]:
    """Pieces of a reply that a tool answered or a call was made with, as they stand there."""
    if turn.role != "reply":
        return []
    values = [other.answered.body for other in one.turns if other.answered is not None]
    values += [other.call.arguments for other in one.turns if other.call is not None]
    return [text for text in dict.fromkeys(leaves(values)) if len(text) > 1 and text in turn.text]


def _failed(error: TeacherError) -> str:
    if isinstance(error, GarbledError):
        return "an answer that cannot be read"
    return "refused by the endpoint" if isinstance(error, RefusedError) else "no answer"


def _text(one: Trajectory) -> str:
    return " ".join(turn.text for turn in one.turns)
