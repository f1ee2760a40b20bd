"""Years, and amounts in tens of thousands, as people say them to fields that hold nothing else."""

import pytest

from tests.values.said import a_field, found, read, seen

PLATE = a_field("zh", "2026-03-12", "plateYear", "上牌年份", type="integer", minimum=2000, maximum=2026)
BORN = a_field("zh", "2026-03-12", "year", "出生年份", type="integer", minimum=1920, maximum=2026)
YEAR_EN = a_field("en", "2026-03-12", "year", "Tax year", type="integer", minimum=2018, maximum=2027)
COUNT = a_field("zh", "2026-03-12", "count", "数量", type="integer")
DRIVEN = a_field("zh", "2026-03-12", "mileage", "已跑多少万公里", type="number", minimum=0.1)
PRICE = a_field("zh", "2026-03-12", "price", "出价,万元", type="number")
MONTH = a_field("zh", "2025-10-15", "month", "账单月份", pattern=r"^\d{4}-\d{2}$")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (PLATE, "19年的朗逸,跑了7万公里", 2019),
        (PLATE, "雅阁,一七年上的牌", 2017),
        (PLATE, "二零二三年上的汉EV", 2023),
        (PLATE, "去年上牌", 2025),
        (PLATE, "2021年上牌的哈弗H6", 2021),
        (BORN, "我是85年的", 1985),
        (YEAR_EN, "the return for last year", 2025),
        (YEAR_EN, "tax year 2024 please", 2024),
        (DRIVEN, "六万两千公里,有点小剐蹭", 6.2),
        (DRIVEN, "九万多公里按九万五算", 9.5),
        (DRIVEN, "跑了12.3万公里", 12.3),
        (PRICE, "我出七万八", 7.8),
        (MONTH, "编号:Y556203 月份:2025年8月 项目:园车费", "2025-08"),
        (MONTH, "22年5月到现在的", "2022-05"),
    ],
)
def test_said_so_and_found(field, text, value):
    assert found(field, text, value)


def test_what_lasts_so_long_is_no_year() -> None:
    assert seen(PLATE, "开了10年了") == {}
    assert seen(PLATE, "用了十年左右") == {}
    assert read(COUNT, "19年") != 2019
