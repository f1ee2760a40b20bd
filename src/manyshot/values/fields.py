"""One parameter of a tool as the readers know it: kind, form, unit, words. The one rule: built once, never changed."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from manyshot.types import Context
from manyshot.values import choices, forms, ids, kinds, sense, units, years
from manyshot.values.kinds import Kind
from manyshot.values.sense import Sense
from manyshot.values.text import Span
from manyshot.values.units import Unit

_TEMPORAL = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME})
_DEFAULT_FORMS = {Kind.DATE: "%Y-%m-%d", Kind.TIME: "%H:%M", Kind.DATETIME: "%Y-%m-%d %H:%M"}


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One parameter, array item or object property."""

    name: str
    schema: dict[str, Any]
    kind: Kind
    #: strftime pattern of a date, time or date-time (see `forms`), else None.
    form: str | None
    context: Context
    #: What people call it, from the description and the name: ("联系电话", "phone").
    labels: tuple[str, ...] = ()
    #: The schema's pattern, or the shape that all example values share.
    pattern: re.Pattern[str] | None = None
    unit: Unit | None = None
    #: Enum values (or the one const).
    values: tuple[Any, ...] = ()
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Array: the item. Object: the properties. Union: the alternatives after the first.
    children: tuple[Field, ...] = ()
    others: tuple[Field, ...] = ()
    nullable: bool = False
    #: How the moments of a date or time lie.
    sense: Sense = field(default_factory=Sense)

    def resolve(self, surface: Any) -> Any:
        """The typed final value of what was said. ValueError(reason) when it cannot be read."""
        from manyshot.values.read import resolve

        return resolve(self, surface)

    def surfaces(self, value: Any, rng: random.Random, limit: int = 8) -> list[str]:
        """Ways to say `value`, at most `limit`, in an order drawn from `rng`; each resolves to `value`."""
        from manyshot.values.say import surfaces

        return surfaces(self, value, rng, limit)

    def find(self, text: str, value: Any) -> list[Span]:
        """All places of `text` that say `value`, the longest first."""
        from manyshot.values.spot import find

        return find(self, text, value)

    def spot(self, text: str) -> list[Span]:
        """All places of `text` that say some value of this kind, in order, none inside another; none for free text."""
        from manyshot.values.spot import spot

        return spot(self, text)


def read_enum(field: Field, surface: Any) -> Any:
    """The enum value that is said; see `choices.read_enum`."""
    return choices.read_enum(field.values, field.synonyms, surface)


def field_for(
    name: str,
    schema: Mapping[str, Any],
    context: Context,
    examples: Sequence[Any] = (),
    synonyms: Mapping[str, Sequence[str]] | None = None,
) -> Field:
    """The field of a parameter. `examples`: values seen in shots; `synonyms`: ways to say an enum value."""
    full = dict(schema)
    options = [o for o in _options(full) if o.get("type") != "null"] or [{}]
    nullable = len(options) < len(_options(full)) or (None in full.get("enum", ()))
    fields = [_single(name, o, context, examples, synonyms or {}) for o in options]
    first = fields[0]
    if len(fields) == 1 and not nullable and options[0] == full:
        return first
    return Field(
        name, full, first.kind, first.form, context, first.labels, first.pattern, first.unit, first.values,
        first.synonyms, first.children, tuple(fields[1:]), nullable, first.sense,
    )  # fmt: skip


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a union, each with what stands beside it."""
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            rest = {k: v for k, v in schema.items() if k != word}
            return [o for s in schema[word] for o in _options({**rest, **s})]
    if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
        return _options({**{k: v for k, v in schema.items() if k != "allOf"}, **schema["allOf"][0]})
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": t} for t in schema["type"]]
    return [schema]


def _single(
    name: str, schema: dict[str, Any], context: Context, examples: Sequence[Any], synonyms: Mapping[str, Sequence[str]]
) -> Field:
    about = str(schema.get("description", "") or schema.get("title", ""))
    words = kinds.name_words(name)
    labels = _labels(words, about)
    values = tuple(v for v in schema.get("enum", (schema["const"],) if "const" in schema else ()) if v is not None)
    kind_of = schema.get("type") or _guess_type(schema, examples)
    if values and kind_of != "boolean":
        known = {k: list(v) for k, v in choices.from_description(values, about).items()}
        for value, said in synonyms.items():
            known[value] = [*known.get(value, ()), *said]
        return Field(name, schema, Kind.ENUM, None, context, labels, values=values, synonyms=known)
    if kind_of == "boolean":
        return Field(name, schema, Kind.BOOLEAN, None, context, labels)
    if kind_of == "array":
        flat = [x for e in examples if isinstance(e, list) for x in e]
        child = field_for(name, {"description": about, **schema.get("items", {})}, context, flat, synonyms)
        return Field(name, schema, Kind.ARRAY, None, context, labels, children=(child,))
    if kind_of == "object":
        children = tuple(
            field_for(key, sub, context, [e[key] for e in examples if isinstance(e, dict) and key in e])
            for key, sub in schema.get("properties", {}).items()
        )
        return Field(name, schema, Kind.OBJECT, None, context, labels, children=children)
    if kind_of in ("integer", "number"):
        unit = None if years.wanted(schema) else units.of_field(words, about)
        kind = Kind.DURATION if unit and unit.dimension in ("time", "month", "night") else Kind(kind_of)
        return Field(name, schema, kind, None, context, labels, unit=unit)
    return _text(name, schema, context, examples, words, about, labels)


def _text(
    name: str,
    schema: dict[str, Any],
    context: Context,
    examples: Sequence[Any],
    words: tuple[str, ...],
    about: str,
    labels: tuple[str, ...],
) -> Field:
    kind, shown = _text_kind(schema, words, about, examples)
    form = shown
    pattern = _pattern(schema)
    if kind in _TEMPORAL:
        form = form or _DEFAULT_FORMS[kind]
        if kind is Kind.DATETIME and schema.get("format") == "date-time" and not shown:
            form = "%Y-%m-%dT%H:%M:%S%z"
        sensed = sense.of(words, about, forms.is_month(form))
        return Field(name, schema, kind, form, context, labels, sense=sensed)
    seen = [*_schema_examples(schema), *examples]
    if pattern is None and kind in (Kind.ID, Kind.TEXT, Kind.PHONE, Kind.PLATE, Kind.ADDRESS):
        pattern = ids.shape_of(seen)
        if pattern and kind in (Kind.TEXT, Kind.ADDRESS):
            kind = Kind.ID
    elif pattern and kind in kinds.FREE and re.search(r"\\d|0-9", pattern.pattern) and "\u4e00" not in pattern.pattern:
        kind = Kind.ID
    return Field(name, schema, kind, None, context, labels, pattern)


def _text_kind(
    schema: dict[str, Any], words: tuple[str, ...], about: str, examples: Sequence[Any]
) -> tuple[Kind, str | None]:
    """The kind, and for dates and times the form that is shown: by pattern, description, schema examples, shots."""
    kind = kinds.of_format(schema.get("format")) or kinds.of_words(words, about)
    compiled = _pattern(schema)
    if kind is Kind.PHONE and compiled and not ids.takes_phones(compiled):
        return Kind.ID, None  # the last digits of one, say
    if kind in (Kind.EMAIL, Kind.URL, Kind.PHONE, Kind.PLATE):
        return kind, None
    pattern = schema.get("pattern")
    told = forms.of_words(about)
    if told and schema.get("format") == "date-time" and not (forms.has_date(told) and forms.has_time(told)):
        told = None  # "the shop is open 08:00 to 18:00" is no form of it
    shown = forms.of_pattern(pattern, told=kind in _TEMPORAL or told is not None) if pattern else None
    if pattern and not shown and kind not in _TEMPORAL:
        return kind, None
    if not shown and schema.get("format") == "date":
        return Kind.DATE, "%Y-%m-%d"
    if not shown and (kind in _TEMPORAL or re.search(r"[Yy]{4}|[Hh]{2}:", about)):
        shown = told
    shown = shown or forms.of_examples(_schema_examples(schema)) or forms.of_examples(examples)
    if compiled and not shown and kind in _TEMPORAL and not schema.get("format"):
        return Kind.TEXT, None  # "from" a shelf: what the pattern takes is no moment
    if kind is Kind.ID and not pattern and forms.is_month(shown):
        return kind, None
    if shown:
        both = forms.has_date(shown), forms.has_time(shown)
        kind = {(True, True): Kind.DATETIME, (True, False): Kind.DATE, (False, True): Kind.TIME}[both]
    elif kind is Kind.TIME and not schema.get("format"):
        # A "time" of which no written form is known is an appointment: date and time.
        kind = Kind.DATETIME
    return kind, shown


def _pattern(schema: dict[str, Any]) -> re.Pattern[str] | None:
    try:
        return re.compile(schema["pattern"]) if schema.get("pattern") else None
    except re.error:
        return None


def _schema_examples(schema: dict[str, Any]) -> list[Any]:
    seen = list(schema.get("examples", ())) if isinstance(schema.get("examples"), list) else []
    return [*seen, *(schema[k] for k in ("example", "default") if schema.get(k) not in (None, ""))]


def _guess_type(schema: dict[str, Any], examples: Sequence[Any]) -> str:
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    names = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(examples[0]), "string") if examples else "string"


def _labels(words: tuple[str, ...], about: str) -> tuple[str, ...]:
    """The head of the description (up to the first stop or bracket) when it is short, then the name in words."""
    head = re.split(r"[,，。.;；:：(（、\n=]", about.strip())[0].strip()
    head = re.sub(r"^(?:the|a|an)\s+", "", head, flags=re.IGNORECASE)
    short = len(head) <= 12 if re.search("[\u4e00-\u9fff]", head) else len(head.split()) <= 4
    named = " ".join(words)
    return tuple(dict.fromkeys(label for label in ((head if short else ""), named) if label))
