"""How long something takes, said by its two ends."""

import pytest

from tests.values.said import a_field

ZH = a_field("zh", "2026-05-12", "duration_minutes", "使用时长，单位分钟", type="integer")
EN = a_field("en", "2026-05-12", "hours", "for how many hours", type="number")


@pytest.mark.parametrize(
    ("field", "text", "surface", "value"),
    [
        (ZH, "鼓房 20号 19:15 到 21:00 就我自己", "19:15 到 21:00", 105),
        (ZH, "明天下午两点到四点半，三个人", "下午两点到四点半", 150),
        (EN, "court from 2pm to 4.30pm on Friday", "2pm to 4.30pm", 2.5),
        (EN, "23:00-01:00 please", "23:00-01:00", 2),
    ],
)
def test_two_hours_say_how_long(field, text, surface, value):
    assert surface in {span.surface for span in field.spot(text)}
    assert field.resolve(surface) == value


def test_what_would_last_more_than_half_a_day_is_not_believed():
    assert "晚上十点到一点" not in {span.surface for span in ZH.spot("晚上十点到一点")}


def test_half_a_year_is_not_joined_with_the_month_of_a_date():
    months = a_field("zh", "2026-05-12", "months", "租期，单位月", type="integer")
    assert next(months.resolve(s.surface) for s in months.spot("古筝 租半年 6月1号开始")) == 6
