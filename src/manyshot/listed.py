"""Which items of a list of choices an action names: photos of the hull for `hull_photos`, 投影不要 for none.

The one rule: an item counts as named where all words of its code or of its description stand in the action, in any
order, and nothing denies it. Of 804 items of the corpus's lists that are named so 792 are meant; 54% of all that are
meant are named (docs/log.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from manyshot.data.slots import Path, Slot, ToolSlots
from manyshot.evidence import denied
from manyshot.render import fold
from manyshot.types import Language
from manyshot.values import Kind
from manyshot.values.choices import glosses
from manyshot.values.kinds import name_words

#: Words that stand anywhere, and those of a description that is a sentence.
_EMPTY, LONGEST = frozenset(["the", "and", "for", "with", "that", "than", "not", "such", "any", "all", "own"]), 3
_WORD = re.compile(r"[a-z]{3,}")
_ZH = re.compile("[\u4e00-\u9fff]{2,}")
#: Letters by which two words are the same: polish and polishing, prop and propeller.
_STEM, _SHORT = 5, 4


class Listed:
    """The lists of choices of one domain's tools."""

    def __init__(self, slots: Mapping[str, ToolSlots], language: Language) -> None:
        self._lists: dict[tuple[str, Path], dict[Any, list[list[re.Pattern[str]]]]] = {
            (name, slot.path): {value: list(_ways(value, slot, language)) for value in slot.items[0].field.values}
            for name, tool in slots.items()
            for slot in tool.slots
            if slot.field.kind is Kind.ARRAY and slot.chosen and slot.items[0].field.kind is Kind.ENUM
            if len(slot.path) == 1
        }

    def named(self, name: str, path: Path, action: str) -> dict[Any, int]:
        """Item of a tool's list that the action names -> where it does."""
        text = fold(action).lower()
        found: dict[Any, int] = {}
        for value, ways in self._lists.get((name, path), {}).items():
            for words in ways:
                places = [match.start() for word in words if (match := word.search(text))]
                if len(places) == len(words) and not any(denied(word, text) for word in words):
                    found[value] = min(places)
        return found

    def decide(self, name: str, action: str, written: str, given: Mapping[Path, bool]) -> dict[Path, list[Any]]:
        """Lists that are others than a model wrote, by their fields: what is named takes the place of what nothing
        speaks for. A list that the model left out is made where `given` says that there is one."""
        out: dict[Path, list[Any]] = {}
        call = _arguments(written)
        for (tool, path), items in self._lists.items():
            if tool != name or call is None or not (path[0] in call or given.get(path)):
                continue
            named = self.named(name, path, action)
            said = call.get(path[0], [])
            told = [value for value in items if value in said] if isinstance(said, list) else []
            missing = named.keys() - set(told)
            if not missing:
                continue
            text = fold(action).lower()
            silent = [v for v in told if not any(word.search(text) for words in items[v] for word in words)]
            gone = silent[-len(missing) :]
            whole = [*(v for v in told if v not in gone), *(v for v in named if v in missing)]
            out[path] = sorted(whole, key=lambda value: named.get(value, len(text)))
        return out


def _ways(value: Any, slot: Slot, language: Language) -> Iterator[list[re.Pattern[str]]]:
    """Words that name an item when all of them are said: those of its code, of its description, a synonym."""
    item = slot.items[0].field
    gloss = glosses(item.values, str(item.schema.get("description", ""))).get(str(value), "")
    said: Collection[str] = (*item.synonyms.get(str(value), ()), gloss)
    for words in (name_words(str(value)), *(_WORD.findall(text.lower()) for text in said)):
        content = [word for word in words if _WORD.fullmatch(word) and word not in _EMPTY]
        if content and len(content) <= LONGEST:
            yield [_alike(word) for word in content]
    if language == "zh":
        yield from ([re.compile(re.escape(run))] for text in said for run in _ZH.findall(text))


def _alike(word: str) -> re.Pattern[str]:
    """Words that begin as this one does, or that are a beginning of it."""
    shorter = "|".join(word[:n] for n in range(len(word) - 1, _SHORT - 1, -1))
    return re.compile(rf"\b(?:{re.escape(word[:_STEM])}[a-z]*{f'|(?:{shorter})s?' if shorter else ''})\b")


def _arguments(written: str) -> dict[str, Any] | None:
    """The arguments of a call as a model wrote it; None for anything else."""
    try:
        found = json.loads(written[written.index("{") :])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
