"""From what month to what month, as people say it."""

import pytest

from tests.values.said import a_field, seen

FROM = a_field("zh", "2025-05-12", "fromMonth", "起始月份", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
TO = a_field("zh", "2025-05-12", "toMonth", "截止月份", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
ONE = a_field("zh", "2025-05-12", "month", "月份", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
FROM_EN = a_field("en", "2025-05-12", "start_month", "First month", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
TO_EN = a_field("en", "2025-05-12", "end_month", "Last month", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")


@pytest.mark.parametrize(
    ("fields", "text", "surface", "first", "last"),
    [
        ((FROM, TO), "2024年1月至6月完税", "2024年1月至6月", "2024-01", "2024-06"),
        ((FROM, TO), "22年5月到23年4月,房产税", "22年5月到23年4月", "2022-05", "2023-04"),
        ((FROM, TO), "24年10月~25年2月,只列VAT", "24年10月~25年2月", "2024-10", "2025-02"),
        ((FROM, TO), "今年一到三月增值税", "今年一到三月", "2025-01", "2025-03"),
        ((FROM, TO), "开完税证明,去年全年", "去年全年", "2024-01", "2024-12"),
        ((FROM, TO), "去年下半年交的所得税", "去年下半年", "2024-07", "2024-12"),
        ((FROM, TO), "二〇二四年第二季度完税证明", "二〇二四年第二季度", "2024-04", "2024-06"),
        ((FROM, TO), "11月到2月", "11月到2月", "2025-11", "2026-02"),
        ((FROM_EN, TO_EN), "jan 2025 to mar 2025, bilingual", "jan 2025 to mar 2025", "2025-01", "2025-03"),
        ((FROM_EN, TO_EN), "October to February 2025", "October to February 2025", "2024-10", "2025-02"),
        ((FROM_EN, TO_EN), "for Q2 2024 please", "Q2 2024", "2024-04", "2024-06"),
        ((FROM_EN, TO_EN), "the second half of last year", "the second half of last year", "2024-07", "2024-12"),
        ((FROM_EN, TO_EN), "all of 2023", "all of 2023", "2023-01", "2023-12"),
    ],
)
def test_both_ends_of_a_stretch(fields, text, surface, first, last):
    assert seen(fields[0], text) == {surface: first}
    assert seen(fields[1], text) == {surface: last}


@pytest.mark.parametrize("text", ["去年下半年", "第二季度", "2024年3月到1月前", "6到8个", "3-4月嫂"])
def test_a_stretch_is_no_month(text):
    assert all("到" not in said and "季" not in said and "半年" not in said for said in seen(ONE, text))


def test_one_month_stays_one() -> None:
    assert seen(FROM, "从2024年3月开始") == {"2024年3月": "2024-03"}
    assert seen(ONE, "2024年8月的账单") == {"2024年8月": "2024-08"}
