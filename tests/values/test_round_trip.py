"""Whatever is said of a value reads as the value, and is found again in a sentence."""

import contextlib
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.types import Context
from manyshot.values import field_for

ZH = Context(today=datetime(2024, 10, 10, tzinfo=timezone(timedelta(hours=8))), language="zh")
EN = Context(today=datetime(2025, 3, 18, tzinfo=UTC), language="en")
contexts = st.sampled_from([ZH, EN])
days = st.integers(-30, 300)
minutes = st.integers(0, 24 * 60 - 1)


def _check(field, value, seed, at_least=1):
    said = field.surfaces(value, random.Random(seed), 12)
    assert len(said) >= at_least
    assert said == field.surfaces(value, random.Random(seed), 12)
    for surface in said:
        assert field.resolve(surface) == value


@settings(max_examples=150, deadline=None)
@given(contexts, days, st.integers(0, 99))
def test_dates(context, ahead, seed):
    field = field_for("visit_date", {"type": "string", "format": "date"}, context)
    _check(field, (context.today + timedelta(ahead)).strftime("%Y-%m-%d"), seed, at_least=4)


@settings(max_examples=150, deadline=None)
@given(contexts, minutes, st.integers(0, 99))
def test_times(context, minute, seed):
    field = field_for("t", {"type": "string", "description": "HH:MM"}, context)
    _check(field, f"{minute // 60:02d}:{minute % 60:02d}", seed, at_least=2)


@settings(max_examples=150, deadline=None)
@given(contexts, days, minutes, st.integers(0, 99))
def test_date_times(context, ahead, minute, seed):
    field = field_for("t", {"type": "string", "description": "YYYY-MM-DD HH:MM"}, context)
    moment = context.today + timedelta(days=ahead, minutes=minute)
    _check(field, moment.strftime("%Y-%m-%d %H:%M"), seed, at_least=2)


@settings(max_examples=200, deadline=None)
@given(contexts, st.integers(-500, 200_000), st.integers(0, 99))
def test_integers(context, value, seed):
    _check(field_for("quantity", {"type": "integer"}, context), value, seed, at_least=2)


@settings(max_examples=150, deadline=None)
@given(
    contexts,
    st.integers(1, 3000),
    st.sampled_from(["in minutes", "（米）", "in US dollars", "单位：秒", "percent"]),
    st.integers(0, 99),
)
def test_measures(context, value, about, seed):
    _check(field_for("amount", {"type": "number", "description": about}, context), value, seed, at_least=2)


@settings(max_examples=100, deadline=None)
@given(contexts, st.from_regex(r"\A1[3-9]\d{9}\Z"), st.from_regex(r"\A[A-Z]{2}\d{4,8}\Z"), st.integers(0, 99))
def test_phones_and_ids(context, phone, order, seed):
    phone = phone.translate({ord(c): str(int(c)) for c in set(phone)})
    _check(field_for("phone", {"type": "string", "pattern": r"^1\d{10}$"}, context), phone, seed, at_least=3)
    if order.isascii():
        _check(
            field_for("order_no", {"type": "string", "pattern": r"^[A-Z]{2}\d{4,8}$"}, context), order, seed, at_least=3
        )


@settings(max_examples=300, deadline=None)
@given(
    contexts,
    st.sampled_from(["date", "time", "integer", "number", "phone", "id", "email", "enum"]),
    st.text(max_size=24),
)
def test_any_text_is_read_or_refused(context, name, text):
    schema = {"date": {"type": "string", "format": "date"}, "integer": {"type": "integer"},
              "number": {"type": "number", "description": "in minutes"}, "enum": {"enum": ["on", "off"]}}  # fmt: skip
    field = field_for(name, schema.get(name, {"type": "string"}), context)
    for span in field.spot(text):
        assert text[span.start : span.end] == span.surface
        field.resolve(span.surface)
    with contextlib.suppress(ValueError):
        field.resolve(text)


@pytest.mark.parametrize(
    ("context", "name", "schema", "value", "sentence"),
    [
        (ZH, "visit", {"description": "YYYY-MM-DD HH:MM", "type": "string"}, "2024-10-13 15:00", "麻烦安排在{}上门"),
        (
            EN,
            "visit",
            {"description": "YYYY-MM-DD HH:MM", "type": "string"},
            "2025-03-22 15:00",
            "Please come {}, thanks",
        ),
        (ZH, "visit_date", {"format": "date", "type": "string"}, "2024-10-15", "改到{}吧"),
        (ZH, "distance", {"type": "integer", "description": "距离（米）"}, 150, "往前飞{}就停"),
        (EN, "duration", {"type": "integer", "description": "Length in seconds"}, 90, "Record for {} please"),
        (ZH, "phone", {"type": "string"}, "13812345678", "电话{}，谢谢"),
    ],
)
def test_what_is_said_is_found(context, name, schema, value, sentence):
    field = field_for(name, schema, context)
    for surface in field.surfaces(value, random.Random(0), 40):
        text = sentence.format(surface)
        assert field.find(text, value), text
