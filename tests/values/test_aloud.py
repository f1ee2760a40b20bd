"""Days and moments that customers are told read as people say them, and mean the same when they are read back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.types import Context
from manyshot.values import field_for
from manyshot.values.aloud import aloud

ZH = Context(today=datetime(2024, 10, 10, tzinfo=timezone(timedelta(hours=8))), language="zh")
EN = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="en")


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("2024-10-11", "10月11日(周五)", "Friday 11 October"),
        ("2024-10-11 14:00", "10月11日(周五)下午2点", "Friday 11 October, 2 pm"),
        ("2024-10-11T10:30:00", "10月11日(周五)上午10点半", "Friday 11 October, 10:30 am"),
        ("2024-10-11 14:00-16:00", "10月11日(周五)下午2点到4点", "Friday 11 October, 2 to 4 pm"),
        ("2024-10-11 09:00-10:30", "10月11日(周五)上午9点到10点半", "Friday 11 October, 9 to 10:30 am"),
        ("2024-10-11T10:00/2024-10-11T14:15", "10月11日(周五)上午10点到下午2点15分",
         "Friday 11 October, 10 am to 2:15 pm"),
        ("2024-10-11 22:00 - 2024-10-12 02:00", "10月11日(周五)晚上10点到10月12日(周六)凌晨2点",
         "Friday 11 October, 10 pm to Saturday 12 October, 2 am"),
        ("2025-12-30", "2025年12月30日(周二)", "Tuesday 30 December 2025"),
        ("2024-13-45 09:00", "2024-13-45 09:00", "2024-13-45 09:00"),
        ("CHB2024-10-11 x-2024-10-11 2024-10-11-1", *["CHB2024-10-11 x-2024-10-11 2024-10-11-1"] * 2),
    ],
)  # fmt: skip
def test_as_people_say_it(text: str, zh: str, en: str) -> None:
    assert (aloud(text, ZH), aloud(text, EN)) == (zh, en)
    assert aloud(zh, ZH) == zh


def test_of_moments_of_one_day_the_first_alone_names_it() -> None:
    free = ["2024-10-12 09:00", "2024-10-12 10:30", "2024-10-12 14:00", "2024-10-13 09:00"]
    zh = aloud(f"当天可以上门的时间有：{'、'.join(free)}。", ZH)
    assert zh == "当天可以上门的时间有：10月12日(周六)上午9点、10点半、下午2点、10月13日(周日)上午9点。"
    assert aloud(f"Free: {', '.join(free[:3])}.", EN) == "Free: Saturday 12 October, 9 am, 10:30 am, 2 pm."
    assert aloud("从2024-10-12 09:00改到2024-10-12 14:00", ZH) == "从10月12日(周六)上午9点改到10月12日(周六)下午2点"


def test_a_moment_of_another_zone_is_told_in_the_desks() -> None:
    assert aloud("2024-10-11T06:00:00Z", ZH) == "10月11日(周五)下午2点"
    assert aloud("2024-10-11T14:00-05:00", EN) == "Friday 11 October, 7 pm"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([ZH, EN]), st.integers(-500, 500), st.integers(0, 24 * 60 - 1))
def test_read_back_it_is_the_same(context: Context, ahead: int, minute: int) -> None:
    day = field_for("date", {"type": "string", "format": "date"}, context)
    moment = field_for("at", {"type": "string", "description": "YYYY-MM-DD HH:MM"}, context)
    when = context.today + timedelta(days=ahead, minutes=minute)
    for field, value in ((day, f"{when:%Y-%m-%d}"), (moment, f"{when:%Y-%m-%d %H:%M}")):
        said = aloud(value, context)
        assert value not in said
        assert field.resolve(said) == value
