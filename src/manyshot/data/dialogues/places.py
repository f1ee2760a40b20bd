"""Values in a dialogue's words: taken out of an expert's sentence, put into it again with others.

The one rule: a sentence is used with other values only when nothing of the old ones is left in it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from manyshot.data.slots import Slot, slots_of
from manyshot.dialogue.company import Company
from manyshot.dialogue.follow import words_of
from manyshot.dialogue.wording import words
from manyshot.flow.steps import PLACE, CallTool, Flow
from manyshot.flow.words import grams
from manyshot.types import Context, Json, Tool
from manyshot.values import Kind
from manyshot.values.aloud import hour
from manyshot.values.kinds import name_words

#: How much of a moment stands in a place.
Style = Literal["whole", "clock"]
_DIGIT, _DIGITS = re.compile(r"\d"), re.compile(r"\d+")
_LATIN = re.compile(r"[A-Za-z]+")
#: Words in names of yes-nos that say nothing of what is asked.
_EMPTY = frozenset(("has", "was", "can", "does", "need", "the", "with"))
_BETWEEN = re.compile(r"[\s,、，;；和及或and]*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stood: a slot of the flow, or `tool.path` of a tool's last answer."""

    key: str
    style: Style = "whole"


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with places. `bound`: values that its other words speak of; it says nothing else."""

    parts: tuple[str | Place, ...]
    bound: Mapping[str, Any]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(part.key for part in self.parts if isinstance(part, Place))

    @property
    def literal(self) -> str:
        return "\n".join(part for part in self.parts if isinstance(part, str))


@dataclass(slots=True)
class Places:
    """The values of one flow, and how they are said."""

    flow: Flow
    company: Company
    _slots: dict[str, Slot] = field(default_factory=dict)
    _common: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for step in (step for step in self.flow.steps if isinstance(step, CallTool)):
            for name, template in step.arguments.items():
                whole = PLACE.fullmatch(template) if isinstance(template, str) else None
                slot = next((s for s in self.company.tools[step.tool].slots if s.path == (name,)), None)
                if whole and slot and whole[1] not in self._slots:
                    self._slots[whole[1]] = slot
        own = " ".join(one.tool.description for one in self.company.tools.values())
        said = " ".join(text for step in self.flow.steps if (text := words_of(step)))
        self._common = grams(f"{own} {said} {self.flow.about} {' '.join(s.about for s in self.flow.slots.values())}")

    def slot(self, key: str, value: Any) -> Slot:
        """How a value is read and said: as the field that takes it, else as its kind shows."""
        if key not in self._slots or (isinstance(value, list) and self._slots[key].field.kind is not Kind.ARRAY):
            example = next((one for one in value if one is not None), "") if isinstance(value, list) else value
            return _by_example(key.rpartition(".")[2], example, self.company.context)
        return self._slots[key]

    def may_be(self, key: str, kinds: Container[Kind]) -> bool:
        """Whether a slot is of such a kind, or of none that is known before its values."""
        if key in self._slots:
            return self._slots[key].field.kind in kinds
        return key not in self.flow.slots or not self.flow.slots[key].values

    def own_words(self, text: str) -> set[str]:
        """Words that are neither the flow's nor the tools': somebody's story."""
        return grams(text) - self._common

    # out of a sentence

    def template(self, text: str, values: Json, own: str | None = None) -> Template | None:
        """A sentence without its values; None when a number is left that is none of them.

        own: what was said in the dialogue. Numbers that do not stand there are the expert's own (call 119, 1 to 5).
        """
        spans: list[tuple[int, int, Place]] = []
        for start, end, place in sorted(self._spans(text, values), key=lambda s: (s[0] - s[1], "." in s[2].key)):
            if all(end <= a or b <= start for a, b, _ in spans):
                spans.append((start, end, place))
        parts: list[str | Place] = []
        last = 0
        for start, end, place in sorted(spans, key=lambda s: s[0]):
            parts += [text[last:start], place]
            last = end
        made = [part for part in (*parts, text[last:]) if part != ""]
        literal = "\n".join(part for part in made if isinstance(part, str))
        if (left := set(_DIGITS.findall(literal))) and (own is None or left & set(_DIGITS.findall(own))):
            return None
        return Template(tuple(made), dict(self._bound(literal, values)))

    def _spans(self, text: str, values: Json) -> Iterator[tuple[int, int, Place]]:
        for key, value in values.items():
            if value is None or isinstance(value, bool | dict):
                continue
            if isinstance(value, list):
                yield from self._list_span(text, key, value)
                continue
            for start, end, style in self._found(text, key, value):
                yield start, end, Place(key, style)

    def _found(self, text: str, key: str, value: Any) -> Iterator[tuple[int, int, Style]]:
        plain = str(value)
        if len(plain) > 1:
            yield from ((at, at + len(plain), "whole") for at in _stands(text, plain))
        slot = self.slot(key, value)
        if slot.field.kind in (Kind.BOOLEAN, Kind.ENUM):
            return
        yield from ((span.start, span.end, "whole") for span in slot.field.find(text, value))
        if slot.parts and (clock := _clock(value)):
            yield from ((span.start, span.end, "clock") for span in slot.parts[1].find(text, clock))

    def _list_span(self, text: str, key: str, value: Sequence[Any]) -> Iterator[tuple[int, int, Place]]:
        """The stretch in which all of a list stands, one after the other."""
        found = [next(iter(self._found(text, key, one)), None) for one in value]
        spans = [one for one in found if one is not None]
        if not spans or len(spans) < len(value):
            return
        ordered = sorted(spans)
        between = (text[a[1] : b[0]] for a, b in pairwise(ordered))
        if all(_BETWEEN.fullmatch(gap) for gap in between):
            yield ordered[0][0], ordered[-1][1], Place(key, ordered[0][2])

    def _bound(self, literal: str, values: Json) -> Iterator[tuple[str, Any]]:
        """Values that the other words of a sentence speak of."""
        said = grams(literal)
        for name, about in self.flow.slots.items():
            told = (choice for choice in about.values if len(str(choice)) > 1)
            yield from ((name, choice) for choice in told if next(_stands(literal, str(choice)), None) is not None)
        for key, value in values.items():
            if isinstance(value, bool):
                if any(word in literal.lower() for word in self._names(key)):
                    yield key, value
            elif isinstance(value, str) and not _DIGIT.search(value) and (grams(value) - self._common) & said:
                yield key, value

    def _names(self, key: str) -> list[str]:
        """Words by which a yes-no is called: those of its name, and foreign ones of what it is about."""
        about = self.flow.slots[key].about if key in self.flow.slots else ""
        found = (*name_words(key.rpartition(".")[2]), *_LATIN.findall(about))
        return [word.lower() for word in found if len(word) > 2 and word.lower() not in _EMPTY]

    # into a sentence

    def fits(self, template: Template, values: Json) -> bool:
        """Whether a sentence can be said with these values."""
        return all(_sayable(values.get(key)) for key in template.keys) and all(
            values.get(key) == value for key, value in template.bound.items()
        )

    def by_customer(self, template: Template, values: Json, rng: random.Random) -> str:
        """As a customer says it: each value in any of its forms."""

        def say(key: str, value: Any, style: Style) -> str:
            slot = self.slot(key, value)
            if style == "clock" and slot.parts and (clock := _clock(value)):
                return rng.choice(slot.parts[1].surfaces(clock, rng, limit=6) or [clock])
            if slot.field.kind in (Kind.BOOLEAN, Kind.ENUM):
                return str(value)
            return rng.choice(slot.field.surfaces(value, rng, limit=6) or [str(value)])

        return self._filled(template, values, say)

    def by_assistant(
        self, template: Template, values: Json, before: Sequence[str], rng: random.Random, *, alike: bool = False
    ) -> str:
        """As the assistant says it: values in the words in which they were said last. alike: hours are all said in the
        same form, as to a customer; else in any, as in data to learn from."""

        def say(key: str, value: Any, style: Style) -> str:
            slot = self.slot(key, value)
            if style == "clock" and slot.parts and (clock := _clock(value)):
                if alike:
                    return hour(clock, self.company.context.language)
                return rng.choice(slot.parts[1].surfaces(clock, rng, limit=4) or [clock])
            return words(slot, value, before) if slot.field.kind not in (Kind.BOOLEAN, Kind.ENUM) else str(value)

        return self._filled(template, values, say)

    def _filled(self, template: Template, values: Json, say: Any) -> str:
        between = "、" if self.company.context.language == "zh" else ", "
        out = []
        for part in template.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            value = values[part.key]
            many = value if isinstance(value, list) else [value]
            out.append(between.join(say(part.key, one, part.style) for one in many))
        return "".join(out)


def _stands(text: str, word: str) -> Iterator[int]:
    """Where a word stands in a text; a Latin one not as a part of another ("no" in "another")."""
    for found in re.finditer(re.escape(word), text):
        before, after = text[: found.start()][-1:], text[found.end() : found.end() + 1]
        if not (_letter(before) and _letter(word[0])) and not (_letter(word[-1]) and _letter(after)):
            yield found.start()


def _letter(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _sayable(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str | int | float) for one in value)
    return isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) != ""


def _clock(value: Any) -> str:
    found = re.search(r"(\d\d:\d\d)", str(value))
    return found[1] if found else ""


@lru_cache(4096, typed=True)
def _by_example(name: str, example: Any, context: Context) -> Slot:
    kind = "integer" if isinstance(example, int) else "number" if isinstance(example, float) else "string"
    tool = Tool(name=name, parameters={"type": "object", "properties": {name: {"type": kind}}})
    return slots_of(tool, context, {(name,): [example]}).slots[0]


def scalars(tool: str, body: Any) -> Iterator[tuple[str, Any]]:
    """(`tool.path`, value) for every single value in an answer, lists of them whole."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, f"{path}.{key}")
        elif not isinstance(value, list) or all(not isinstance(one, dict | list) for one in value):
            yield path, value

    yield from walk(body, tool)
