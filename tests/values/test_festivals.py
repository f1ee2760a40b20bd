"""Festivals that move, days of the Chinese calendar, days reckoned from either, and the n-th weekday of a month."""

from datetime import date

import pytest

from manyshot.values import festivals
from tests.values.said import a_field, seen

# 12 March 2026 is a Thursday.
VISIT = a_field("zh", "2026-03-12", "visit_date", "上门日期", format="date")
BROKEN = a_field("zh", "2026-11-06", "fault_date", "故障发生日期", format="date")
VISIT_EN = a_field("en", "2026-03-12", "visit_date", "Day of the visit", format="date")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (VISIT, "清明那天来", "2026-04-05"),
        (VISIT, "端午能上门吗", "2026-06-19"),
        (VISIT, "中秋节前一天送到", "2026-09-24"),
        (VISIT, "国庆后两天", "2026-10-03"),
        (VISIT, "明年春节", "2027-02-06"),
        (VISIT, "除夕之前一天", "2027-02-04"),
        (VISIT, "农历八月十五办酒", "2026-09-25"),
        (VISIT, "腊月廿三", "2027-01-30"),
        (VISIT, "五月初五", "2026-06-19"),
        (VISIT, "四月的第一个周六", "2026-04-04"),
        (VISIT, "下个月第二个星期天", "2026-04-12"),
        (VISIT, "这个月最后一个周五", "2026-03-27"),
        (VISIT, "母亲节当天", "2026-05-10"),
        (BROKEN, "中秋那天坏的", "2026-09-25"),
        (BROKEN, "春节坏的", "2026-02-17"),
        (VISIT_EN, "on Good Friday", "2026-04-03"),
        (VISIT_EN, "the day after easter monday", "2026-04-07"),
        (VISIT_EN, "two days before xmas", "2026-12-23"),
        (VISIT_EN, "first monday in july please", "2026-07-06"),
        (VISIT_EN, "the last friday of this month", "2026-03-27"),
        (VISIT_EN, "the 3rd tues of next month", "2026-04-21"),
        (VISIT_EN, "xmas eve", "2026-12-24"),
        (VISIT_EN, "thanksgiving", "2026-11-26"),
        (VISIT_EN, "Friday week", "2026-03-20"),
        (VISIT_EN, "this arvo", "2026-03-12"),
    ],
)
def test_a_day_named_by_the_calendar(field, text, value):
    assert list(seen(field, text).values()) == [value]


@pytest.mark.parametrize("text", ["二月三十日", "孩子上初三", "元宵两盒"])
def test_no_such_day(text):
    assert seen(VISIT, text) == {}


def test_what_moves_falls_where_published_calendars_say():
    assert [festivals.on("春节", year) for year in (2024, 2025, 2028)] == [
        date(2024, 2, 10), date(2025, 1, 29), date(2028, 1, 26)
    ]  # fmt: skip
    assert festivals.on("清明", 2024) == date(2024, 4, 4)
    assert festivals.on("easter", 2025) == date(2025, 4, 20)


def test_what_no_calendar_has():
    with pytest.raises(ValueError, match="no weekday number 5"):
        festivals.nth_weekday(2026, 2, 0, 5)
    with pytest.raises(ValueError, match="only 29 days"):
        festivals.lunar(2026, 8, 30)
