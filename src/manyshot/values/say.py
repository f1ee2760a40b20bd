"""Ways to say a value. The one rule: what is said resolves to the value again, or it is not returned."""

from __future__ import annotations

import random
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from manyshot.values import forms, moments, months, say_moments, say_numbers
from manyshot.values.kinds import FREE, Kind
from manyshot.values.numbers import EN_SMALL
from manyshot.values.text import bare, fold

if TYPE_CHECKING:
    from manyshot.values.fields import Field

_DIGITS = "零幺二三四五六七八九"
_EN_DIGITS = ["oh", *[w for w, v in sorted(EN_SMALL.items(), key=lambda p: p[1]) if 0 < v < 10]]


def surfaces(field: Field, value: Any, rng: random.Random, limit: int) -> list[str]:
    """At most `limit` checked ways to say `value`, in an order drawn from `rng`."""
    if value is None or isinstance(value, bool | dict) or field.kind is Kind.OBJECT:
        return []
    offers = list(dict.fromkeys(_offers(field, value, rng)))
    rng.shuffle(offers)
    kept: list[str] = []
    for said in offers:
        if len(kept) == limit:
            break
        if _means(field, said, value):
            kept.append(said)
    return kept


def _means(field: Field, said: str, value: Any) -> bool:
    try:
        return bool(field.resolve(said) == value)
    except ValueError:
        return False


def _offers(field: Field, value: Any, rng: random.Random) -> list[str]:
    kind, language = field.kind, field.context.language
    if kind in (Kind.DATE, Kind.TIME, Kind.DATETIME):
        return [*_moments(field, str(value), rng), str(value)]
    if kind in (Kind.INTEGER, Kind.NUMBER, Kind.DURATION) and isinstance(value, int | float):
        if field.unit is not None:
            return say_numbers.measured(value, field.unit, language, rng)
        return say_numbers.plain(value, language)
    if kind is Kind.PHONE:
        return _phones(str(value), language)
    if kind in (Kind.ID, Kind.PLATE):
        return _ids(str(value), language)
    if kind is Kind.ENUM:
        text = str(value)
        return [text, text.lower(), text.replace("_", " "), *field.synonyms.get(text, ())]
    if kind is Kind.ARRAY and isinstance(value, list):
        return _lists(value, language)
    if kind in FREE or kind in (Kind.EMAIL, Kind.URL):
        return [str(value)]
    return [str(value)]


def _moments(field: Field, value: str, rng: random.Random) -> list[str]:
    now, language = field.context.today, field.context.language
    source = months if forms.is_month(field.form) else moments
    moment = next((m for m in source.whole(bare(fold(value)), now, language)), None)
    if moment is None:
        return []
    if source is months:
        return say_moments.months(moment.date, now.date(), language) if moment.date else []
    if field.kind is Kind.DATE:
        return say_moments.dates(moment.date, now.date(), language, rng) if moment.date else []
    if moment.time is None:
        return []
    if field.kind is Kind.TIME:
        return say_moments.times(moment.time, language, rng)
    whole = datetime.combine(moment.date or now.date(), moment.time, now.tzinfo)
    return say_moments.both(whole, now.date(), language, rng)


def _phones(value: str, language: str) -> list[str]:
    out = [value]
    digits = re.sub(r"\D", "", value)
    groups = (3, 7) if len(digits) == 11 else (3, 6)
    parts = [digits[: groups[0]], digits[groups[0] : groups[1]], digits[groups[1] :]]
    out += [" ".join(parts), "-".join(parts), " ".join([parts[0], "".join(parts[1:])])]
    if language == "zh":
        spoken = ["".join(_DIGITS[int(d)] for d in p) for p in parts]
        out += ["".join(spoken), "，".join(spoken), "+86 " + digits]
    else:
        spoken = [" ".join(_EN_DIGITS[int(d)] for d in p) for p in parts]
        out += [", ".join(spoken), f"({parts[0]}) {parts[1]}-{parts[2]}"]
    return out


def _ids(value: str, language: str) -> list[str]:
    out = [value, value.lower()]
    head = re.fullmatch(r"([A-Za-z]+)-?(\d+)", value)
    if head:
        letters, digits = head.groups()
        out += [
            f"{letters} {digits}",
            f"{letters}-{digits}",
            f"{letters.lower()}{digits}",
            f"{letters.lower()} {digits}",
        ]
    if value.isdigit() and len(value) <= 6:
        out.append(
            "".join(_DIGITS[int(d)].replace("幺", "一") for d in value)
            if language == "zh"
            else " ".join(_EN_DIGITS[int(d)] for d in value)
        )
    if value.isdigit() and len(value) >= 8:
        out += [f"{value[:4]} {value[4:]}", f"{value[:4]}-{value[4:]}"]
    if re.match(r"[\u4e00-\u9fff][A-Z]", value):
        out += [f"{value[:2]}·{value[2:]}", f"{value[:2]} {value[2:]}", value[:2] + value[2:].lower()]
    return out


def _lists(value: list[Any], language: str) -> list[str]:
    words = [str(w) if not isinstance(w, dict) else "" for w in value]
    if not words or "" in words:
        return []
    links = ("、", "，") if language == "zh" else (", ",)
    last = ("和", "、") if language == "zh" else (" and ", ", and ")
    return [link.join(words[:-1]) + (end if len(words) > 1 else "") + words[-1] for link in links for end in last]
