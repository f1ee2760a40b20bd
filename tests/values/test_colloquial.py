"""Hours, amounts and numbers of places as people type them."""

import random
from datetime import datetime

import pytest

from manyshot.types import Context
from manyshot.values import field_for
from manyshot.values.say import surfaces
from tests.values.said import a_field, found, read, seen

AT = a_field("zh", "2026-03-12", "time", "时间", format="time")
AT_EN = a_field("en", "2026-06-09", "time", "Time", format="time")
PAID = a_field("zh", "2026-03-12", "amount", "金额(元)", type="number")
AMOUNT = a_field("zh", "2026-03-12", "amount", "退款金额", type="number")
PAID_EN = a_field("en", "2026-06-09", "amount", "Amount in GBP", type="number")
COUNT = a_field("zh", "2026-03-12", "count", "数量", type="integer")
BUILDING = a_field("zh", "2026-03-12", "building", "楼栋号", type="integer")
UNIT = a_field("zh", "2026-03-12", "unitNo", "单元号", type="integer")
DAY = a_field("zh", "2026-03-12", "date", "日期", format="date")
WEIGHT = a_field("en", "2026-06-09", "weight", "Weight in kg", type="number")
BILL = a_field("en", "2025-07-16", "month", "Billing month, YYYY-MM", pattern=r"^\d{4}-\d{2}$")
WEEKS = a_field("en", "2026-06-09", "weeks", "How many weeks", type="integer")
OUT = a_field("zh", "2026-03-12", "check_out", "离店日期", format="date")
OUT_EN = a_field("en", "2026-06-09", "check_out", "Day of departure", format="date")
OPEN = a_field("en", "2026-06-09", "start", "Start; the shop is open 08:00 to 18:00", format="date-time")
LEAST = a_field("zh", "2026-03-12", "minQuantity", "至少需要的数量", type="integer")
DAY_EN = a_field("en", "2026-06-09", "date", "Day", format="date")
PAIN = a_field("en", "2026-06-09", "score", "0 to 10", type="integer")
MILES = a_field("en", "2026-06-09", "mileage", "Reading", type="integer")
POWER = a_field("zh", "2026-03-12", "power", "功率(瓦)", type="number")
BOOKED = a_field("en", "2026-06-09", "booked_for", "When, ISO date-time", format="date-time")


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        (AT, "八点半晚上", ["20:30"]),
        (AT, "十点的上午也行", ["10:00"]),
        (AT, "八点,晚上九点", ["08:00", "21:00"]),
        (AT_EN, "friday 1300 please", ["13:00"]),
        (AT_EN, "thurs 11th 0930", ["09:30"]),
        (AT_EN, "at 3ish in the afternoon", ["15:00"]),
        (AT_EN, "3 this arvo", ["15:00"]),
        (AT_EN, "appt half ten, i walk", ["10:30"]),
        (AT_EN, "half two or half three suits", ["14:30", "15:30"]),
        (AT_EN, "half eight people left", []),
        (AT_EN, "cardiology, 11 sharp", ["11:00"]),
        (AT_EN, "any time after two", ["14:00"]),
        (AT_EN, "after two days", []),
        (AT_EN, "friday 1300, no, 1400.", ["13:00", "14:00"]),
        (AT_EN, "not 1400 of them", []),
        (AT_EN, "each morning at half seven", ["07:30"]),
        (AT_EN, "is to have it nightly at nine", ["21:00"]),
        (AT_EN, "at ten each morning", ["10:00"]),
        (AT_EN, "8 every night", ["20:00"]),
        (AT_EN, "in the evening at 8", ["20:00"]),
        (AT_EN, "for 2 nights", []),
        (AT_EN, "it's Friday at eleven now and not Thursday", ["11:00"]),
        (AT_EN, "order 1300 of them", []),
        (AT_EN, "on Friday 2024 of us", []),
        (PAID, "壹仟贰佰元整", [1200]),
        (PAID, "三百五十块五", [350.5]),
        (PAID, "1.5w", [15000]),
        (PAID, "转5k过来", [5000]),
        (AMOUNT, "三百五十块五", [350.5]),
        (AMOUNT, "退12块", [12]),
        (AMOUNT, "十块零五毛", [10.5]),
        (PAID_EN, "twelve fifty", [12.5]),
        (PAID_EN, "nineteen pounds ninety nine", [19.99]),
        (PAID_EN, "£3.2k", [3200]),
        (PAID_EN, "twenty five", [25]),
        (COUNT, "要一打", [12]),
        (COUNT, "半打", [6]),
        (COUNT, "两张打印纸", [2]),
        (BUILDING, "12栋3单元602室", [12]),
        (UNIT, "12栋3单元602室", [3]),
        (BUILDING, "我住十一栋", [11]),
        (DAY, "叁月拾捌日", ["2026-03-18"]),
        (WEIGHT, "eleven stone", [69.853226]),
        (POWER, "60w的灯", [60]),
        (AT_EN, "send my husband down at three", ["15:00"]),
        (AT_EN, "we need it by eleven", ["11:00"]),
        (AT_EN, "someone will grab them 2.45", ["14:45"]),
        (AT_EN, "at seven Elm Street", []),
        (AT_EN, "a table at seven", []),
        (BOOKED, "client late, push to 4.15 today", ["2026-06-09T16:15:00+00:00"]),
        (DAY_EN, "missed 10/6", ["2026-06-10"]),
        (DAY_EN, "12/6/26", ["2026-06-12"]),
        (DAY_EN, "10/12", ["2026-10-12"]),
        (DAY_EN, "2026-06-10", ["2026-06-10"]),
        (DAY_EN, "2 moro", ["2026-06-10"]),
        (BILL, "send me last months bill again", ["2025-06"]),
        (BILL, "inv jan 25 itemised", ["2025-01"]),
        (BILL, "send May's with every line", ["2025-05"]),
        (WEEKS, "a time-out of nine weeks", [9]),
        (DAY, "10.5进,10.8出", ["2026-10-05", "2026-10-08"]),
        (DAY, "价格10.5进货", []),
        (OUT, "11月22号进，23号走", ["2026-11-23"]),
        (OUT_EN, "arriving 22 November, leaving the 23rd", ["2026-11-23"]),
        (BOOKED, "friday 1300, no, 1400", ["2026-06-12T14:00:00+00:00"]),
        (OPEN, "monday at 10am", ["2026-06-15T10:00:00+00:00"]),
        (LEAST, "要五盒,够不够", [5]),
        (PAIN, "I'd call it a nine.", [9]),
        (PAIN, "maybe a three out of ten", [3]),
        (PAIN, "ring rd, mon 8am, MA22 OLK, x2", [2]),
        (MILES, "about nine and a half thousand on the clock", [9500]),
    ],
)
def test_said_so_and_read_so(field, text, values):
    assert list(seen(field, text).values()) == pytest.approx(values)


def test_an_hour_in_four_digits_beside_its_day():
    assert list(seen(BOOKED, "friday 1300").values()) == ["2026-06-12T13:00:00+00:00"]


def test_an_hour_of_morning_or_evening_is_found_where_it_is_known():
    assert found(AT_EN, "a table at seven", "07:00") == "seven"


def test_an_hour_of_an_evening_that_is_named_apart_is_one_of_the_evening() -> None:
    said = "nine o'clock on Saturday night"
    assert seen(AT_EN, said) == {said: "21:00"}
    assert seen(BOOKED, said)[said] == "2026-06-13T21:00:00+00:00"
    assert seen(DAY_EN, said) == {"Saturday": "2026-06-13"}


def test_hours_beside_one_past_noon_are_those_of_24() -> None:
    times = a_field("en", "2026-06-09", "times", "Times", type="array", items={"type": "string", "format": "time"})
    assert read(times, ["6:00", "14:00", "22:00"]) == ["06:00", "14:00", "22:00"]
    assert read(times, ["6:00", "9:00"]) == ["18:00", "09:00"]


def test_what_leads_on_to_a_further_item_is_no_part_of_it() -> None:
    goods = a_field("zh", "2026-03-12", "medicines", "药品", type="array", items={"type": "string"})
    assert read(goods, ["美托洛尔", "还有利伐沙班"]) == ["美托洛尔", "利伐沙班"]
    assert read(goods, ["gauze", "and plasters", "还有"]) == ["gauze", "plasters", "还有"]


def test_days_on_which_something_was_done_lie_behind() -> None:
    given = a_field("en", "2026-06-09", "givenOn", "Day", format="date")
    assert seen(given, "on Saturday") == {"Saturday": "2026-06-06"}
    assert seen(DAY_EN, "on Saturday") == {"Saturday": "2026-06-13"}


def test_an_hour_of_either_half_is_found_where_the_value_is_known() -> None:
    assert found(AT_EN, "appt half nine, i walk", "09:30") == "half nine"
    assert found(AT_EN, "cardiology, 9 sharp", "09:00") == "9"


@pytest.mark.parametrize(
    ("zone", "day"),
    [("+01:00", "2026-07-05"), ("+10:00", "2026-07-05"), ("-03:00", "2026-07-05"), ("-05:00", "2026-05-07"),
     ("-08:00", "2026-05-07"), ("+00:00", "2026-07-05")],
)  # fmt: skip
def test_which_of_two_numbers_is_the_month_is_the_zones_to_say(zone: str, day: str) -> None:
    """5/7 on the ninth of June: without a zone the nearer one; months first are written in North America alone."""
    today = datetime.fromisoformat(f"2026-06-09T09:00:00{zone}")
    field = field_for("date", {"type": "string", "format": "date"}, Context(today=today, language="en"))
    assert field.resolve("5/7") == day
    assert field.resolve("5/7/2026") == day
    assert field.resolve("22/6") == "2026-06-22"
    assert {field.resolve(said) for said in surfaces(field, day, random.Random(0), 60)} == {day}
