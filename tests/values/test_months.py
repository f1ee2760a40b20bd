"""Fields that hold a month: read, found and said; a day, a stretch of months or a word that is no month is refused."""

import random

import pytest

from manyshot.values import Kind
from tests.values.said import a_field, found, read, seen

PATTERN = r"^\d{4}-\d{2}$"
ZH = a_field("zh", "2026-01-20", "zhangdan_yue", "账单月份，格式 YYYY-MM")
ZH_PLAIN = a_field("zh", "2025-11-06", "kaishi_yuefen", "从哪个月起", pattern=r"^20\d{2}-(0[1-9]|1[0-2])$")
EN = a_field("en", "2025-11-04", "period", "Month of the payslip", pattern=PATTERN)
EN_PLAIN = a_field("en", "2025-11-04", "start_month", "First month of the plan, YYYY-MM.")


def test_kind_and_form():
    for field in (ZH, ZH_PLAIN, EN, EN_PLAIN):
        assert field.kind is Kind.DATE
        assert field.form == "%Y-%m"
    assert a_field("en", "2025-11-04", "month", pattern=r"^\d{4}-\d{2}-\d{2}$").form == "%Y-%m-%d"
    assert a_field("en", "2025-11-04", "account_no", pattern=r"^\d{4}-\d{4}$").kind is Kind.ID
    assert a_field("zh", "2025-11-04", "yue", "YYYY年MM月").resolve("2025年6月") == "2025年06月"


@pytest.mark.parametrize(
    ("field", "surface", "value"),
    [
        (ZH, "2025-02", "2025-02"),
        (ZH, "2025年6月", "2025-06"),
        (ZH, "2025年6月份", "2025-06"),
        (ZH, "二零二五年六月", "2025-06"),
        (ZH, "2025/11", "2025-11"),
        (ZH, "去年12月", "2025-12"),
        (ZH, "去年十二月份", "2025-12"),
        (ZH, "今年1月", "2026-01"),
        (ZH, "上个月", "2025-12"),
        (ZH, "上月的", "2025-12"),
        (ZH, "上上个月", "2025-11"),
        (ZH, "这个月", "2026-01"),
        (ZH, "本月", "2026-01"),
        (ZH, "当月", "2026-01"),
        (ZH, "下个月", "2026-02"),
        (ZH, "七月份", "2025-07"),
        (ZH, "11月", "2025-11"),
        (ZH, "十一月", "2025-11"),
        (ZH, "1月份", "2026-01"),
        (ZH_PLAIN, "七月份", "2025-07"),
        (ZH_PLAIN, "12月", "2025-12"),
        (ZH_PLAIN, "三月", "2026-03"),
        (ZH_PLAIN, "明年3月", "2026-03"),
        (ZH_PLAIN, "2026-03-09", "2026-03"),
        (EN, "October 2025", "2025-10"),
        (EN, "sept 2025", "2025-09"),
        (EN, "Oct. 2025", "2025-10"),
        (EN, "oct, 2025", "2025-10"),
        (EN, "04/2024", "2024-04"),
        (EN, "4/2024", "2024-04"),
        (EN, "2024-04", "2024-04"),
        (EN, "last month", "2025-10"),
        (EN, "last month's", "2025-10"),
        (EN, "this month", "2025-11"),
        (EN, "next month", "2025-12"),
        (EN, "last December", "2024-12"),
        (EN, "last November", "2024-11"),
        (EN, "this March", "2025-03"),
        (EN, "March this year", "2025-03"),
        (EN, "August last year", "2024-08"),
        (EN, "the month before last", "2025-09"),
        (EN, "December", "2024-12"),
        (EN, "in May", "2025-05"),
        (EN_PLAIN, "December", "2025-12"),
        (EN_PLAIN, "next January", "2026-01"),
        (EN_PLAIN, "March", "2026-03"),
    ],
)
def test_reads(field, surface, value):
    assert read(field, surface) == value


@pytest.mark.parametrize(
    ("field", "surface"),
    [
        (ZH, "2025年13月"),
        (ZH, "三个月"),
        (ZH, "6月5号"),
        (ZH, "上个月20号"),
        (ZH, "每个月"),
        (ZH, "近三个月"),
        (ZH, "月底"),
        (ZH, "去年"),
        (ZH, "明天"),
        (EN, "13/2024"),
        (EN, "three months"),
        (EN, "14 October 2025"),
        (EN, "October 14"),
        (EN, "last year"),
        (EN, "last week"),
        (EN, "monthly"),
        (EN, "2024"),
        (EN, "next December"),
        (EN, "tomorrow"),
    ],
)
def test_refuses(field, surface):
    assert read(field, surface) is None


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (ZH, "帮我打一份2025年6月的账单", {"2025年6月": "2025-06"}),
        (ZH, "上个月20号交的费，查一下去年12月的账单", {"去年12月": "2025-12"}),
        (ZH, "查11月份话费，11月3号办的卡", {"11月份": "2025-11"}),
        (ZH, "近三个月都没收到账单，就要上个月的", {"上个月": "2025-12"}),
        (ZH, "用户编号2025-0213，本月账单", {"本月": "2026-01"}),
        (EN, "Send me the payslip for sept 2025 please", {"sept 2025": "2025-09"}),
        (EN, "my payslip from last month", {"last month": "2025-10"}),
        (EN, "may I have the october payslip? I asked on 3 May", {"october": "2025-10"}),
        (EN, "the statement for May, sent on May 3", {"May": "2025-05"}),
        (EN, "June Carter here, payslip 04/2024", {"04/2024": "2024-04"}),
        (EN, "We march on: ring me on 12/04/2024", {}),
    ],
)
def test_spots(field, text, expected):
    assert seen(field, text) == expected


@pytest.mark.parametrize("field", [ZH, ZH_PLAIN, EN, EN_PLAIN])
@pytest.mark.parametrize("value", ["2025-10", "2025-12", "2026-01", "2026-02", "2024-05"])
def test_what_is_said_reads_again(field, value):
    said = field.surfaces(value, random.Random(1), 20)
    assert len(said) >= 4
    for surface in said:
        assert field.resolve(surface) == value
        text = (
            f"查一下{surface}的账单" if field.context.language == "zh" else f"Please send the bill for {surface} today"
        )
        assert found(field, text, value), text


def test_an_id_of_digits_is_no_date():
    field = a_field("zh", "2026-05-09", "CardNo", "会员卡号，8 位数字", pattern=r"^\d{8}$")
    assert field.kind is Kind.ID
    assert read(field, "88014273") == "88014273"
    assert read(field, "20260509") == "20260509"
    assert read(field, "7742 0185") == "77420185"
    assert read(field, "明天") is None
    assert seen(field, "查余额,88014273") == {"88014273": "88014273"}
    assert a_field("zh", "2026-05-09", "meter", "表号", pattern=r"^20\d{6}$").kind is Kind.ID
    assert a_field("zh", "2026-05-09", "meter", "表号", pattern=r"^\d{14}$").kind is Kind.ID


def test_a_date_of_digits_stays_a_date():
    for name, about in (("visit_date", ""), ("riqi", "上门日期"), ("day_code", "Day as YYYYMMDD")):
        field = a_field("zh", "2026-05-09", name, about, pattern=r"^\d{8}$")
        assert field.kind is Kind.DATE, name
        assert read(field, "明天") == "20260510"
    assert a_field("zh", "2026-05-09", "x", pattern=r"^20\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$").kind is Kind.DATE
