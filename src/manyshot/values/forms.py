# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Written forms of dates and times: found in a schema or in examples, and written from a moment.

The one rule: a form is a strftime pattern, with ``%z`` for an offset as +08:00 and ``%Z`` for UTC as Z, and with
``%-m`` ``%-d`` ``%-H`` for numbers without a leading zero (written here, so that it is the same on every system).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%Y年%-m月%-d日", "%m月%d日", "%-m月%-d日", "%m-%d",
          "%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")  # fmt: skip
_MONTHS = ("%Y-%m", "%Y/%m", "%Y.%m", "%Y年%m月", "%Y年%-m月", "%m/%Y", "%m-%Y")
_TIMES = ("%H:%M", "%H:%M:%S", "%H%M", "%-H:%M", "%H时%M分", "%-H点%M分")
_CANDIDATES = (
    *_DATES,
    *_MONTHS,
    *_TIMES,
    *(f"{d}{sep}{t}" for d in _DATES[:6] for sep in (" ", "T") for t in _TIMES[:3]),
    *(f"%Y-%m-%dT%H:%M{s}{z}" for s in ("", ":%S", ":%S.000") for z in ("%z", "%Z")),
    "%Y%m%d%H%M%S",
)
_SAMPLES = (datetime(2031, 11, 23, 19, 45, 50, tzinfo=UTC), datetime(2029, 2, 3, 4, 5, 6, tzinfo=UTC))
_CODE = re.compile(r"%(-?[YmdHMSzZ])")
_EXAMPLE = re.compile(
    r"(?P<date>\d{4}([-/.年])\d{1,2}([-/.月])\d{1,2}日?|(?<!\d)\d{1,2}月\d{1,2}日)?"
    r"(?P<sep>[T ]?)(?P<time>\d{1,2}[:：]\d{2}(?P<sec>:\d{2}(?:\.\d+)?)?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_WORDS = re.compile(
    r"(?P<date>[Yy]{4}(?P<s>[-/.年]?)[Mm]{1,2}(?:[-/.月]?)[Dd]{1,2}日?|[Yy]{4}[-/.年][Mm]{1,2}月?|MM[-/][Yy]{4}|MM月DD日|M月D日|MM[-/]DD(?:[-/]YYYY)?|DD[-/.]MM[-/.]YYYY)?"
    r"(?P<sep>'?T'?| )?(?P<time>[Hh]{1,2}[:：][Mm]{2}(?P<sec>[:：][Ss]{2})?)?(?P<zone>Z|\+\d\d:\d\d|XXX|[±+-][Hh]{2}:[Mm]{2})?"
)


def write(form: str, moment: datetime) -> str:
    """`moment` in `form`."""

    def part(match: re.Match[str]) -> str:
        code = match[1]
        if code == "Z":
            return "Z"
        if code == "z":
            text = moment.strftime("%z") or "+0000"
            return f"{text[:3]}:{text[3:5]}"
        number = {"Y": moment.year, "m": moment.month, "d": moment.day, "H": moment.hour, "M": moment.minute,
                  "S": moment.second}[code[-1]]  # fmt: skip
        return str(number) if code[0] == "-" else f"{number:0{4 if code == 'Y' else 2}d}"

    if "%Z" in form:
        moment = moment.astimezone(UTC)
    return _CODE.sub(part, form)


def has_date(form: str) -> bool:
    return "d" in form or "Y" in form


def is_month(form: str | None) -> bool:
    """Whether the form writes a month and no day."""
    return form is not None and "Y" in form and "d" not in form


def has_time(form: str) -> bool:
    return "H" in form


def of_pattern(pattern: str, told: bool = False) -> str | None:
    """The form whose writings match a schema's pattern; the earliest in the table where several do.

    Eight digits are an id as well as a date: unless it is `told` otherwise, a pattern of digits that takes what is no
    date is not a date's.
    """
    try:
        compiled = re.compile(pattern)
    except re.error:
        return None
    for form in _CANDIDATES:
        if all(compiled.fullmatch(write(form, s)) for s in _SAMPLES):
            odd = ["9999", "1", "x", "12345678901"]
            if not told and re.fullmatch("(?:%[YmdHMS])+", form):
                odd += [re.sub("(?<=..).", "9", write(form, s)) for s in _SAMPLES]
            return None if any(compiled.fullmatch(o) for o in odd) else form
    return None


def _of_date(text: str) -> str:
    def part(match: re.Match[str]) -> str:
        return next(names)[1 if len(match[0]) == 1 else 0]

    codes = [("%Y", "%Y"), ("%m", "%-m"), ("%d", "%-d")]
    names = iter(codes if re.match(r"\d{4}", text) else codes[1:])
    return re.sub(r"\d+", part, text)


def of_example(text: str, whole: bool = True) -> str | None:
    """The form in which an example value is written, or None when it is neither date nor time."""
    matches = [_EXAMPLE.fullmatch(text)] if whole else list(_EXAMPLE.finditer(text))
    for match in matches:
        if not match or not (match["date"] or match["time"]):
            continue
        form = _of_date(match["date"]) if match["date"] else ""
        if match["time"]:
            hour = "%-H" if len(re.split("[:：]", match["time"])[0]) == 1 else "%H"
            form += (match["sep"] if form else "") + hour + ":%M"
            form += (":%S" + ".000" * ("." in match["sec"])) if match["sec"] else ""
            form += {None: "", "Z": "%Z"}.get(match["zone"], "%z")
        elif match["zone"]:
            continue
        return form
    return None


def of_words(text: str) -> str | None:
    """The form that a description names: YYYY-MM-DD HH:MM, HH:MM, MM月DD日; else that of an example in it."""
    for match in _WORDS.finditer(text):
        if not (match["date"] or match["time"]):
            continue
        form = re.sub("[Yy]{4}", "%Y", match["date"] or "")
        form = re.sub(r"[Dd]{2}", "%d", re.sub(r"[Mm]{2}", "%m", form))
        form = re.sub(r"(?<![%-])D(?![a-z])", "%-d", re.sub(r"(?<![%-])M", "%-m", form))
        if match["time"]:
            form += (("T" if "T" in (match["sep"] or "") else " ") if form else "") + "%H:%M"
            form += ":%S" if match["sec"] else ""
            form += {None: "", "Z": "%Z"}.get(match["zone"], "%z")
        return form
    return of_example(text, whole=False)


def of_examples(values: Iterable[Any]) -> str | None:
    """The form that all text values share (the first one's, where leading zeros hide the rest); None when mixed."""
    seen = [v for v in values if v not in ("", None)]
    if seen and all(isinstance(v, str) and re.fullmatch(r"20\d\d-(?:0[1-9]|1[0-2])", v) for v in seen):
        return "%Y-%m"
    forms = [of_example(v) if isinstance(v, str) else None for v in seen]
    if not forms or None in forms:
        return None
    widths = {form.replace("%-", "%") for form in forms if form}
    return next((f for f in forms if f and "%-" in f), forms[0]) if len(widths) == 1 else None
