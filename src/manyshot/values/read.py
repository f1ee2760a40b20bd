"""What was said -> the typed value. The one rule: the whole surface is read, or ValueError says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from manyshot.values import choices, forms, ids, moments, months, named, units, years
from manyshot.values.kinds import FREE, Kind
from manyshot.values.numbers import tidy
from manyshot.values.signs import signed
from manyshot.values.text import bare, fold, fold_amount, free

if TYPE_CHECKING:
    from manyshot.values.clock import Moment
    from manyshot.values.fields import Field


def resolve(field: Field, surface: Any) -> Any:
    """The final value. Alternatives of a union are tried in order; null only where the schema allows it."""
    if surface is None:
        if field.nullable:
            return None
        raise ValueError(f"{field.name}: a value was wanted, null was given")
    try:
        return _READERS[field.kind](field, surface)
    except (ValueError, RecursionError) as first:  # words without end are no value either
        for other in field.others:
            try:
                return resolve(other, surface)
            except ValueError:
                continue
        raise ValueError(f"{field.name}: {first}") from None


def _said(surface: Any) -> str:
    if isinstance(surface, bool) or not isinstance(surface, str | int | float):
        raise ValueError(f"words were wanted, {type(surface).__name__} was given")
    text = str(surface).strip()
    if not text:
        raise ValueError("nothing was said")
    return text


def _moment(field: Field, surface: Any) -> str:
    text = bare(fold(_said(surface)))
    now = field.context.today
    source = months if forms.is_month(field.form) else moments
    for moment in source.whole(text, now, field.context.language, field.sense.past):
        if (value := written(field, moment)) is not None:
            return value
    if field.kind is Kind.DATETIME and (moment := moments.apart(text, now, field.context.language, field.sense.past)):
        return written(field, moment) or ""
    raise ValueError(f"{surface!r} does not name one {field.kind.value}")


def written(field: Field, moment: Moment) -> str | None:
    """The moment in the field's form; None where a part is missing or too much is said."""
    form, now = field.form or "", field.context.today
    day: date | None = moment.date
    clock: time | None = moment.time
    if moment.edge and moment.edge != field.sense.edge:
        return None
    if field.kind is Kind.DATE and (day is None or clock is not None):
        return None
    if field.kind is Kind.TIME and (clock is None or (day is not None and day - now.date() > timedelta(1))):
        return None
    if field.kind is Kind.TIME and day is not None and day != now.date() and clock != time():
        return None
    if field.kind is Kind.DATETIME and (clock is None or (day is None and moment.day is not None)):
        return None
    if moment.zoned is not None:
        return forms.write(form, moment.zoned if "z" in form.lower() else moment.zoned.astimezone(now.tzinfo))
    shift = timedelta(moment.shift) if field.kind is Kind.DATETIME and moment.date is None else timedelta()
    return forms.write(form, datetime.combine(day or now.date(), clock or time(), now.tzinfo) + shift)


def _number(field: Field, surface: Any) -> int | float:
    if isinstance(surface, int | float) and not isinstance(surface, bool):
        value: int | float = surface
    else:
        text = bare(fold_amount(_said(surface)))
        value = number_of(field, text)
    whole = field.schema.get("type") == "integer"
    if whole and value != int(value):
        raise ValueError(f"a whole number was wanted, {surface!r} is {value}")
    return int(value) if whole else value


def _year(field: Field, text: str) -> int:
    year = years.read(field, text)
    if year is None and re.fullmatch(r"\d{4}", text):
        year = int(text)
    if year is None or not years.FIRST <= year <= years.LAST:
        raise ValueError(f"{text!r} is no year")
    return year


def number_of(field: Field, text: str) -> int | float:
    """The number that a folded surface says, in the field's unit and with the sign of its direction."""
    if field.unit is not None and field.unit.dimension == "time":
        whole = (0, len(text))
        for *place, minutes in moments.lasting(text, field.context.today, field.context.language):
            if tuple(place) == whole:
                return tidy(minutes * 60 / field.unit.factor)
    if years.wanted(field.schema):
        return _year(field, text)
    about = str(field.schema.get("description", ""))
    if (said := named.number_for(text, about)) is not None:
        return said
    if (paid := units.price(text, field.unit)) is not None:
        return paid
    text, sign = signed(text, about)
    measure = units.read(text, field.context.language)
    if measure is None:
        raise ValueError(f"{text!r} does not read as one number")
    percent = bool(measure.units) and measure.units[0].dimension == "percent"
    if percent and field.unit is None:
        fraction = field.schema.get("type") == "number" and field.schema.get("maximum", 1) <= 1
        value = tidy(measure.value / 100) if fraction else measure.value
    else:
        value = units.convert(units.understood(measure, text, field.unit), field.unit)
    return -abs(value) if sign < 0 else value


def _id(field: Field, surface: Any) -> str:
    return ids.read_id(_said(surface), field.pattern)


def _phone(field: Field, surface: Any) -> str:
    return ids.read_phone(_said(surface), field.pattern)


def _free(field: Field, surface: Any) -> str:
    text = free(_said(surface))
    if not text:
        raise ValueError("nothing was said")
    if field.pattern and not field.pattern.search(text) and field.pattern.search(text.upper()):
        return text.upper()
    return text


def _array(field: Field, surface: Any) -> list[Any]:
    item = field.children[0]
    if isinstance(surface, str):
        try:
            return [item.resolve(surface)] if item.kind is not Kind.OBJECT else []
        except ValueError:
            parts = [p for p in re.split(r"\s*(?:[,，、;；]|和|与|以及|\band\b|&)\s*", surface) if p.strip()]
            return [item.resolve(p) for p in parts]
    if not isinstance(surface, list | tuple):
        raise ValueError(f"a list was wanted, {type(surface).__name__} was given")
    if item.kind is Kind.TIME and any(isinstance(s, str) and _PAST_NOON.match(s) for s in surface):
        surface = [f"0{s}" if isinstance(s, str) and _EARLY.fullmatch(s) else s for s in surface]
    if item.kind in FREE:
        surface = [_AND.sub("", s) if n and isinstance(s, str) else s for n, s in enumerate(surface)]
    return [item.resolve(s) for s in surface]


#: What leads on to a further item and is no part of it: gauze, 还有创可贴.
_AND = re.compile(r"^(?:(?:还有|以及|外加|再加上?|加上|另外)\s*|(?:and|plus|also)\s+)(?=\S)")
#: 6:00, 14:00 and 22:00: hours beside one past noon are those of 24, whatever 6:00 is alone.
_PAST_NOON, _EARLY = re.compile(r"(?:1[3-9]|2[0-3])[:：]\d\d"), re.compile(r"\d[:：]\d\d")


def _object(field: Field, surface: Any) -> dict[str, Any]:
    if not isinstance(surface, dict):
        raise ValueError(f"an object was wanted, {type(surface).__name__} was given")
    known = {child.name: child for child in field.children}
    if known and (odd := [k for k in surface if k not in known]) and field.schema.get("additionalProperties") is False:
        raise ValueError(f"unknown {', '.join(odd)}; there are {', '.join(known)}")
    return {k: known[k].resolve(v) if k in known else v for k, v in surface.items()}


def _enum(field: Field, surface: Any) -> Any:
    try:
        return choices.read_enum(field.values, field.synonyms, surface)
    except ValueError:
        # "T1航站楼", "terminal T1": the name of the field beside its value.
        said = fold(surface) if isinstance(surface, str) else ""
        for label in (fold(label) for label in field.labels):
            if said.startswith(label) or said.endswith(label):
                shorter = said.removeprefix(label).removesuffix(label).strip(" :：")
                if shorter:
                    return choices.read_enum(field.values, field.synonyms, shorter)
        raise


_READERS: dict[Kind, Callable[[Field, Any], Any]] = {
    Kind.DATE: _moment,
    Kind.TIME: _moment,
    Kind.DATETIME: _moment,
    Kind.INTEGER: _number,
    Kind.NUMBER: _number,
    Kind.DURATION: _number,
    Kind.ID: _id,
    Kind.PHONE: _phone,
    Kind.EMAIL: lambda _, surface: ids.read_email(_said(surface)),
    Kind.URL: lambda _, surface: ids.read_url(_said(surface)),
    Kind.PLATE: lambda field, surface: ids.read_plate(_said(surface), field.pattern),
    Kind.ENUM: _enum,
    Kind.BOOLEAN: lambda _, surface: choices.read_boolean(surface),
    Kind.ARRAY: _array,
    Kind.OBJECT: _object,
    **dict.fromkeys(FREE, _free),
}
