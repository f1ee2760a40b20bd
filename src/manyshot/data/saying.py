"""A value -> the words people say for it, and what the model has to write: the same words, or a choice.

The one rule: what is to be copied is a piece of the sentence, to the letter.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from manyshot.data import lexicon
from manyshot.data.slots import Path, Slot, get, nest, resolve
from manyshot.types import Language
from manyshot.values import Kind


@dataclass(frozen=True, slots=True)
class Said:
    """A value in a sentence: its words, and what the model has to write for it (the same words, or a choice)."""

    text: str
    path: Path
    surface: Any


Piece = str | Said

#: What stands before the last item of a list.
_LAST_ZH = ("、", "和", "，", "、", "还有", "，还有", "加")
_LAST_EN = (" and ", ", ", " and ", ", plus ", " & ")
#: Common Chinese counters, said between a number and a thing.
_COUNTERS = "个条瓶份包盒件张套把双支"


@dataclass(frozen=True, slots=True)
class Sayer:
    """Says values in one language."""

    language: Language

    def say(self, slot: Slot, value: Any, rng: random.Random) -> list[Piece] | None:
        """The words of one value, without a carrier; None when there is no way to say it."""
        kind = slot.field.kind
        if kind is Kind.ARRAY:
            return self._list(slot, value, rng)
        if kind is Kind.ENUM:
            said = self.choices(slot, value)
            return [Said(rng.choice(said), slot.path, value)] if said else None
        text = self._apart(slot, value, rng) if slot.parts and rng.random() < 0.12 else self.surface(slot, value, rng)
        return [Said(text, slot.path, text)] if text else None

    def _apart(self, slot: Slot, value: Any, rng: random.Random) -> str | None:
        """Day and time of day with words between them, as in "Friday works, say half past three"."""
        assert slot.parts is not None
        day, clock = slot.parts
        moment = datetime.fromisoformat(str(value)) if re.match(r"\d{4}-\d\d-\d\d", str(value)) else None
        if moment is None:
            return None
        days = day.surfaces(f"{moment:%Y-%m-%d}", rng, limit=6)
        clocks = clock.surfaces(f"{moment:%H:%M}", rng, limit=6)
        text = rng.choice(days) + rng.choice(lexicon.load(self.language).between) + rng.choice(clocks)
        try:
            return text if resolve(slot, text) == value else None
        except ValueError:
            return None

    @staticmethod
    def surface(slot: Slot, value: Any, rng: random.Random) -> str | None:
        """One way to say a value in one breath."""
        options = slot.field.surfaces(value, rng, limit=6)
        return rng.choice(options) if options else None

    def choices(self, slot: Slot, value: Any) -> list[str]:
        """Ways to say an enum value: its own name, hints of the description, the lexicon's synonyms."""
        said = list(slot.field.synonyms.get(str(value), ())) if slot.field.synonyms else []
        plain = str(value).replace("_", " ").replace("-", " ")
        own = [plain if plain.isupper() else plain.lower()]
        hints = _hints(slot.description, str(value))
        if self.language == "zh" and plain.isascii() and (said or hints) and len(plain) > 2:
            own = []
        return [*own, *hints * 3, *said]

    def _list(self, slot: Slot, value: list[Any], rng: random.Random) -> list[Piece] | None:
        """A list in one breath; its surface is the list of its items' surfaces."""
        between, last = ("、", _LAST_ZH) if self.language == "zh" else (", ", _LAST_EN)
        count_first = rng.random() < 0.7
        said = [self._item(slot, item, rng, count_first) for item in value]
        texts = [s[0] for s in said if s is not None]
        if not texts or len(texts) < len(said):
            return None
        text = between.join(texts[:-1]) + (rng.choice(last) if texts[1:] else "") + texts[-1]
        return [Said(text, slot.path, [s[1] for s in said if s is not None])]

    def _item(self, slot: Slot, item: Any, rng: random.Random, count_first: bool) -> tuple[str, Any] | None:
        """(words, surface) of one item: a plain value, or an object such as {name, quantity}."""
        if len(slot.items) == 1 and not slot.items[0].path:
            return self._leaf(slot.items[0], item, rng)
        counts: list[str] = []
        others: list[str] = []
        said: dict[Path, Any] = {}
        for inner in slot.items:
            if (value := get(item, inner.path)) is None:
                continue
            leaf = self._leaf(inner, value, rng)
            if leaf is None:
                return None
            text, said[inner.path] = leaf
            (counts if inner.field.kind in (Kind.INTEGER, Kind.NUMBER) else others).append(text)
        surface = nest(said, slot.items)
        if self.language == "en":
            return " ".join([*counts, *others] if count_first else [*others, *counts]), surface
        count, name = "".join(counts), "".join(others)
        if count_first and re.search(r"[\d一二两三四五六七八九十]$", count):
            count += rng.choice(_COUNTERS)
        return (count + name if count_first else name + count), surface

    def _leaf(self, slot: Slot, value: Any, rng: random.Random) -> tuple[str, Any] | None:
        said = self.say(slot, value, rng)
        return (said[0].text, said[0].surface) if said and isinstance(said[0], Said) else None


def _hints(description: str, value: str) -> list[str]:
    """Words that a description gives for an enum value: "morning 上午", "1=普通", "economy (经济舱)"."""
    out = []
    token = re.escape(value)
    for pattern in (
        rf"(?<![\w-]){token}\s*[:=:=((为表示是代表-]*\s*([\u4e00-\u9fff]{{1,8}})",
        rf"([\u4e00-\u9fff]{{1,6}})\s*[((:=:]\s*{token}(?![\w-])",
    ):
        out += re.findall(pattern, description)
    return out
