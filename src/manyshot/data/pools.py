"""Values for a parameter, in the order of who knows best: `values.yaml`, the schema, the shots, then invention.

Invention goes by what the field's kind means: dates around the domain's today, ids in the shape of the shots' ids,
names and addresses from Faker, free text from the lexicon of the language. Everything is fictional.
"""

from __future__ import annotations

import math
import random
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import rstr
from faker import Faker

from manyshot.data import coin, lexicon
from manyshot.data.slots import Path, Slot, ToolSlots, get, nest
from manyshot.types import Domain
from manyshot.values import Kind

#: Lexicon texts that fit a kind of free text.
_TEXTS = {
    Kind.PROBLEM: ("problem",),
    Kind.REASON: ("reason",),
    Kind.NOTE: ("note",),
    Kind.TITLE: ("title",),
    Kind.PRODUCT: ("product", "item"),
    Kind.AREA: ("area", "place"),
    Kind.PERSON: ("person",),
    Kind.ADDRESS: ("place",),
    Kind.TEXT: ("query", "title", "product", "item", "org"),
}
#: Kinds of free text whose values may be names, and how often such a name is one that nobody has heard.
_NAMED = (Kind.PRODUCT, Kind.TITLE, Kind.AREA, Kind.TEXT)
COINED = 0.5
#: How often free text is one of the values that a teacher thought of, where there are any.
TAUGHT = 0.5
#: Parts of a pattern that go on without end, take any character or only look ahead.
_OPEN = re.compile(r"(?<!\\)(?:[+*.]|\{\d+,\}|\(\?[=!])|\\[SWwD]")
_PAST = re.compile(r"birth|dob|purchase|bought|since|issued|出生|生日|购买|发生|起病|上次")


class Pools:
    """Draws values for slots. Deterministic for a seed; never ends for open kinds."""

    def __init__(self, domain: Domain, seed: int) -> None:
        self._domain, self._rng = domain, random.Random(seed)
        self._faker = Faker("zh_CN" if domain.context.language == "zh" else "en_US")
        self._faker.seed_instance(seed)
        self._taught: dict[tuple[str, Path], list[str]] = {}

    def teach(self, tool: ToolSlots, slot: Slot, values: list[str]) -> None:
        """Take in free text that a teacher thought of; it comes last, after what people gave and Faker knows."""
        self._taught[tool.tool.name, slot.path] = values

    def given(self, tool: ToolSlots, slot: Slot) -> list[Any]:
        """Values that people gave, best source first: values.yaml, schema, shots."""
        domain, schema = self._domain, slot.field.schema
        if (key := self._key(tool, slot)) is not None:
            return list(domain.values[key])
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            return list(schema["enum"])
        if slot.field.kind is Kind.BOOLEAN:
            return [True, False]
        listed = list(schema.get("examples", ()))
        seen = [get(s.call.arguments, slot.path) for s in domain.shots if s.call and s.call.name == tool.tool.name]
        unique: list[Any] = []
        for value in [*listed, *seen]:
            if value is not None and value not in unique:
                unique.append(value)
        return unique

    def _key(self, tool: ToolSlots, slot: Slot) -> str | None:
        names = (f"{tool.tool.name}.{'.'.join(slot.path)}", ".".join(slot.path), slot.name)
        return next((k for k in names if k in self._domain.values), None)

    def listed(self, tool: ToolSlots, slot: Slot) -> bool:
        """Whether values.yaml lists values of this field."""
        return self._key(tool, slot) is not None

    def draw(self, tool: ToolSlots, slot: Slot) -> Any:
        """One value; open kinds are mostly invented, so that the model copies instead of remembering."""
        given = self.given(tool, slot)
        closed = slot.field.kind in (Kind.ENUM, Kind.BOOLEAN) or "const" in slot.field.schema
        if given and (closed or self._rng.random() < 0.3):
            return self._rng.choice(given)
        return self._invent(tool, slot, given)

    def _invent(self, tool: ToolSlots, slot: Slot, given: list[Any]) -> Any:
        kind, rng = slot.field.kind, self._rng
        if kind is Kind.ARRAY:
            return self._array(tool, slot)
        if kind in (Kind.DATE, Kind.TIME, Kind.DATETIME):
            return slot.field.resolve(self._moment(slot))
        if kind in (Kind.INTEGER, Kind.NUMBER, Kind.DURATION):
            return self._number(slot, given)
        if kind in (Kind.ID, Kind.PHONE, Kind.PLATE, Kind.EMAIL, Kind.URL):
            return self._code(slot, given)
        if kind is Kind.PERSON and rng.random() < 0.6:
            return self._faker.name()
        if kind is Kind.ADDRESS and rng.random() < 0.7:
            return self._address()
        taught = self._taught.get((tool.tool.name, slot.path))
        if taught and rng.random() < TAUGHT:
            return rng.choice(taught)
        return self._text(kind, given)

    def _text(self, kind: Kind, given: list[Any]) -> Any:
        """Free text: of the lexicon, but no longer or shorter than what the shots show, or in the shots' shape."""
        rng, texts = self._rng, lexicon.load(self._domain.context.language).texts
        seen = [g for g in given if isinstance(g, str) and g]
        if kind is Kind.TEXT and seen and all(re.fullmatch(r"[\w.@-]+", g) and g.isascii() for g in seen):
            return self._handle(rng.choice(seen))
        if kind in _NAMED and rng.random() < COINED and (like := coin.names(seen)):
            return coin.coined(like, rng)
        options = [t for n in _TEXTS.get(kind, _TEXTS[Kind.TEXT]) for t in texts.get(n, ())]
        if seen and kind is Kind.TEXT:
            low, high = min(map(len, seen)) * 0.6, max(map(len, seen)) * 1.5
            options = [t for t in options if low <= len(t) <= high] or options
            if rng.random() < 0.35:
                return self._blend(rng.choice(seen), rng.choice(seen))
        return rng.choice(options or seen or ["x"])

    def _handle(self, like: str) -> str:
        """A made-up login or code in the shape of a seen one: isaac.bell -> mara.quinn."""
        parts = re.split(r"([._@-])", like)
        return "".join(
            p
            if i % 2
            else "".join(_like(c, self._rng) for c in p)
            if any(c.isdigit() for c in p)
            else self._name_like(p)
            for i, p in enumerate(parts)
        )

    def _name_like(self, part: str) -> str:
        word = self._faker.first_name() if self._rng.random() < 0.5 else self._faker.last_name()
        word = re.sub(r"[^A-Za-z]", "", word) or rstr.Rstr(self._rng).xeger(f"[a-z]{{{max(1, len(part))}}}")
        return word.lower() if part.islower() else word.upper() if part.isupper() else word

    @staticmethod
    def _blend(first: str, second: str) -> str:
        """The beginning of one value with the end of another: "audit archive" + "research portal" -> "audit portal"."""
        head, tail = first.split(), second.split()
        if len(head) > 1 and len(tail) > 1:
            return " ".join([*head[:-1], tail[-1]])
        return first

    def _address(self) -> str:
        return (
            re.sub(r"\s+", " ", self._faker.address()).removesuffix(" ").split(" 邮")[0]
            if self._zh
            else (self._faker.street_address())
        )

    @property
    def _zh(self) -> bool:
        return self._domain.context.language == "zh"

    def _moment(self, slot: Slot) -> str:
        rng, today = self._rng, self._domain.context.today
        words = f"{slot.name} {slot.field.schema.get('description', '')}".lower()
        days = rng.choice((0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 33))
        if _PAST.search(words):
            days = -days
        moment = datetime(
            today.year,
            today.month,
            today.day,
            rng.randint(7, 21),
            rng.choice((0, 0, 0, 15, 30, 30, 45, 10, 20, 40, 50, 5, 25)),
        )
        moment += timedelta(days=days)
        return {
            Kind.DATE: f"{moment:%Y-%m-%d}",
            Kind.TIME: f"{moment:%H:%M}",
            Kind.DATETIME: f"{moment:%Y-%m-%d %H:%M}",
        }[slot.field.kind]

    def _number(self, slot: Slot, given: list[Any]) -> Any:
        rng, schema = self._rng, slot.field.schema
        numbers = [g for g in given if isinstance(g, (int, float)) and not isinstance(g, bool)]
        integer, step = schema.get("type") == "integer", schema.get("multipleOf")
        # A bound that is itself excluded: the next number that is not.
        next_ = step or (1 if integer else 0.1)
        low = schema.get("minimum", min([*numbers, 1]))
        if (above := schema.get("exclusiveMinimum")) is not None:
            low = max(above + next_, schema.get("minimum", above))
        high = schema.get("maximum", max([2 * n for n in numbers] + [low + 9, 9]))
        if (below := schema.get("exclusiveMaximum")) is not None:
            high = min(below - next_, schema.get("maximum", below))
        least = math.ceil(low)
        if integer or (least <= high and all(float(n).is_integer() for n in numbers)):
            value: Any = rng.randint(least, max(least, int(high)))
            if high - low > 60 and rng.random() < 0.6:
                value = min(max(least, round(value, -1)), int(high))
        else:
            value = round(rng.uniform(low, high), rng.choice((1, 1, 2)))
        if step:
            value -= value % step
            value += step if value < low else 0
        return value

    def _code(self, slot: Slot, given: list[Any]) -> Any:
        schema, rng = slot.field.schema, self._rng
        if schema.get("type") == "integer":
            return self._number(slot, given)
        strings = [g for g in given if isinstance(g, str)]
        if pattern := schema.get("pattern"):
            # What a pattern leaves open (how long, which of all characters) the experts' own values tell.
            if strings and _OPEN.search(pattern):
                like = "".join(_like(c, rng) for c in rng.choice(strings))
                if re.search(pattern, like):
                    return like
            return rstr.Rstr(rng).xeger(pattern).strip()
        if schema.get("format") == "uuid":
            return str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if strings:
            return (
                "".join(_like(c, rng) for c in rng.choice(strings))
                if slot.field.kind is not Kind.EMAIL
                else (self._faker.ascii_safe_email())
            )
        made = {
            Kind.PHONE: lambda: (
                f"1{rng.choice('3578')}{rng.randint(0, 9)}0000{rng.randint(0, 9999):04}"
                if self._zh
                else f"555-{rng.randint(100, 999)}-{rng.randint(0, 9999):04}"
            ),
            Kind.EMAIL: self._faker.ascii_safe_email,
            Kind.URL: lambda: f"https://example.com/{self._faker.slug()}",
            Kind.PLATE: self._faker.license_plate,
        }.get(slot.field.kind)
        return (
            made()
            if made
            else f"{rng.choice('ABCDEFGHKMNPRSTW')}{rng.choice('ABCDEFGHKMNPRSTW')}{rng.randint(100, 99999)}"
        )

    def _array(self, tool: ToolSlots, slot: Slot) -> list[Any]:
        count = self._rng.choice((1, 1, 2, 2, 3))
        items: list[Any] = []
        for _ in range(count):
            if len(slot.items) == 1 and not slot.items[0].path:
                item: Any = self._item(tool, slot, slot.items[0])
            else:
                kept = [s for s in slot.items if s.required or self._rng.random() < 0.5]
                item = nest({s.path: self._item(tool, slot, s) for s in kept}, slot.items)
            if item not in items:
                items.append(item)
        return items

    def _item(self, tool: ToolSlots, slot: Slot, inner: Slot) -> Any:
        if "enum" in inner.field.schema:
            return self._rng.choice(inner.field.schema["enum"])
        seen = [v for value in self.given(tool, slot) if isinstance(value, list) for v in value]
        given = [get(v, inner.path) if inner.path else v for v in seen]
        given = [g for g in given if g is not None]
        free = inner.field.kind in _TEXTS or inner.field.kind is Kind.TEXT
        if given and (self._rng.random() < 0.4):
            return self._rng.choice(given)
        if free and inner.field.kind is not Kind.PERSON:
            if self._rng.random() < COINED and (like := coin.names(given)):
                return coin.coined(like, self._rng)
            return self._rng.choice(lexicon.load(self._domain.context.language).texts["item"])
        return self._invent(tool, inner, given)


def _like(char: str, rng: random.Random) -> str:
    if char.isdigit():
        return rng.choice("0123456789")
    if char.isascii() and char.isalpha() and rng.random() < 0.15:
        return rng.choice("ABCDEFGHKMNPRSTW") if char.isupper() else rng.choice("abcdefghkmnprstw")
    return char
