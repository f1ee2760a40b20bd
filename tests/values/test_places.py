"""Where a value stands in a sentence: rows (field, text, value, words), and rows of what must not be read."""

import pytest

from manyshot.values import Kind
from tests.values.said import a_field, found, read, seen

ZH, EN = "2025-05-15", "2025-03-19"  # a Thursday, a Wednesday
DAY = a_field("zh", ZH, "visit_date", "到店日期", format="date")
TO = a_field("zh", ZH, "end_date", "结束日期", format="date")
MOMENT = a_field("zh", ZH, "arrive_time", "到店时间,YYYY-MM-DD HH:MM")
DAY_EN = a_field("en", EN, "visit_date", "Day of the visit", format="date")
BORN = a_field("en", EN, "birth_date", "Date of birth", format="date")
MISSED = a_field("en", EN, "missed_on", "Day on which it should have been emptied", format="date")
MOMENT_EN = a_field("en", EN, "arrive_time", "YYYY-MM-DD HH:MM")
CLOCK_EN = a_field("en", EN, "time", "HH:MM")


@pytest.mark.parametrize(
    ("field", "text", "value", "words"),
    [
        (DAY, "兔子5.22进店", "2025-05-22", "5.22"),
        (DAY, "请事假1天，6.12", "2025-06-12", "6.12"),
        (DAY, "定在11.25号", "2025-11-25", "11.25号"),
        (DAY, "6.1号过来", "2025-06-01", "6.1号"),
        (DAY, "6.20-6.24请假", "2025-06-20", "6.20"),
        (TO, "6.20-6.24请假", "2025-06-24", "6.24"),
        (MOMENT, "5.22 下午三点到", "2025-05-22 15:00", "5.22 下午三点"),
        (DAY, "查一下周三有没有位", "2025-05-21", "周三"),
        (DAY, "改到下周三", "2025-05-21", "下周三"),
        (DAY, "订Nov 21的票", "2025-11-21", "Nov 21"),
        (DAY, "21 Nov出发", "2025-11-21", "21 Nov"),
        (MOMENT, "密码管到元月三号中午十二点", "2025-01-03 12:00", "元月三号中午十二点"),
        (MOMENT, "这周一早高峰,八点零五,出不了闸", "2025-05-12 08:05", "这周一早高峰,八点零五"),
        (MOMENT, "明天下午，三点", "2025-05-16 15:00", "明天下午，三点"),
        (MOMENT, "先说好十七号，改十八号吧，下午五点", "2025-05-18 17:00", "十八号吧，下午五点"),
        (MOMENT, "明天下午三点，算了还是四点", "2025-05-16 16:00", "明天下午三点，算了还是四点"),
        (
            MOMENT,
            "16号去漫展，P6，下午1点，不对是上午10点半到",
            "2025-05-16 10:30",
            "16号去漫展，P6，下午1点，不对是上午10点半",
        ),
        (DAY_EN, "VO64 SKB, a week today, 7:45", "2025-03-26", "a week today"),
        (DAY_EN, "Rebook it for a week on Friday.", "2025-03-28", "a week on Friday."),
        (DAY_EN, "two weeks tomorrow would do", "2025-04-03", "two weeks tomorrow"),
        (DAY_EN, "on the 28th, no, 29th, two cartons", "2025-03-29", "the 28th, no, 29th"),
        (DAY_EN, "rental, day after tmrw, 2 days", "2025-03-21", "day after tmrw"),
        (DAY_EN, "tour on November 6: three of us", "2025-11-06", "November 6"),
        (
            BORN,
            "the second of January nineteen seventy-five, phone",
            "1975-01-02",
            "the second of January nineteen seventy-five",
        ),
        (BORN, "born May 3rd two thousand and nine", "2009-05-03", "May 3rd two thousand and nine"),
        (BORN, "june 2 twenty oh four.", "2004-06-02", "june 2 twenty oh four"),
        (a_field("zh", ZH, "time", "HH:MM"), "发现时间：08:20", "08:20", "08:20"),
        (BORN, "Bogdan, born 27.01.1990.", "1990-01-27", "27.01.1990"),
        (MISSED, "You missed the recycling on Monday", "2025-03-17", "Monday"),
        (
            MOMENT_EN,
            "Monday then, at eleven in the morning",
            "2025-03-24 11:00",
            "Monday then, at eleven in the morning",
        ),
        (MOMENT_EN, "ride on 16 Oct at 13.45", "2025-10-16 13:45", "16 Oct at 13.45"),
        (CLOCK_EN, "be there at 18.30 please", "18:30", "18.30"),
        (CLOCK_EN, "we'll take the 22.45 please", "22:45", "22.45"),
        (CLOCK_EN, "half nine in the morning suits", "09:30", "half nine in the morning"),
        (CLOCK_EN, "at half five this afternoon", "17:30", "half five this afternoon"),
    ],
)
def test_days_and_hours(field, text, value, words):
    assert found(field, text, value) == words


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (DAY, "升级到v3.12", {}),
        (DAY, "版本3.12", {}),
        (DAY, "python 3.12", {}),
        (DAY, "3.12版", {}),
        (DAY, "一共3.12元", {}),
        (DAY, "价格5.22", {}),
        (DAY, "5.22万公里", {}),
        (DAY, "1.5小时", {}),
        (DAY, "评分4.5", {}),
        (DAY, "涨了5.12%", {}),
        (DAY, "10.0.5.22", {}),
        (DAY, "每月20元月租", {}),
        (DAY, "看一下下周三", {"下周三": "2025-05-21"}),
        (DAY, "MAY 5楼", {}),
        (MOMENT, "明天下午三点还是四点", {"明天下午三点": "2025-05-16 15:00", "四点": "2025-05-15 16:00"}),
        (DAY_EN, "once a week on Friday", {"Friday": "2025-03-21"}),
        (DAY_EN, "two days on Friday", {"Friday": "2025-03-21"}),
        (DAY_EN, "I have been waiting a week today", {"today": "2025-03-19"}),
        (DAY_EN, "the 28th, no, 29 boxes", {"the 28th": "2025-03-28"}),
        (DAY_EN, "version 27.13.1990", {}),
        (CLOCK_EN, "at 3.50 each", {}),
        (CLOCK_EN, "the MAC is 00:1A:2B:3C:12:34", {}),
        (CLOCK_EN, "it answers at fe80::12:34", {}),
        (DAY_EN, "deliver June 3 two thousand bricks", {"June 3": "2025-06-03"}),
        (DAY_EN, "May 5 twenty ten kilo bags", {"May 5": "2025-05-05"}),
        (DAY_EN, "the 14th of May nineteen thirty o'clock", {"the 14th of May": "2025-05-14"}),
        (CLOCK_EN, "at 18.30 pounds", {}),
        (CLOCK_EN, "half one and half the other", {}),
        (CLOCK_EN, "a quarter past life", {}),
        (MOMENT_EN, "20 Oct, two adults", {}),
        (MOMENT_EN, "tomorrow afternoon, two boxes.", {}),
        (MOMENT_EN, "tomorrow, two please", {"tomorrow, two": "2025-03-20 14:00"}),
        (MOMENT_EN, "tomorrow at two with my son", {"tomorrow at two": "2025-03-20 14:00"}),
    ],
)
def test_no_such_days_or_hours(field, text, expected):
    assert seen(field, text) == expected


def a_code(pattern, language="en"):
    return a_field(language, EN, "code", "", pattern=pattern)


PLATE = a_field("en", EN, "plate", "Registration plate", pattern=r"^[A-Z]{2}\d{2} [A-Z]{3}$")
CLOSE_PLATE = a_field("en", EN, "plate", "Registration plate", pattern=r"^[A-Z0-9]{5,10}$")
PLATE_ZH = a_field("zh", ZH, "plateNo", "车牌号", pattern=r"^[\u4e00-\u9fa5][A-Z][A-Z0-9]{5,6}$")
PHONE_UK = a_field("en", EN, "phone", "", pattern=r"^\d{10,11}$")


@pytest.mark.parametrize(
    ("field", "text", "value", "words"),
    [
        (a_code(r"^NS\d{5}$"), "delete n s 3 0 5 1 6", "NS30516", "n s 3 0 5 1 6"),
        (a_code(r"^[A-Z]\d{5}[A-Z]$"), "it is r 84 209 m.", "R84209M", "r 84 209 m"),
        (a_code(r"^[A-Z]{2}\d{2}[A-Z]{2}$"), "the reservation is VN 07 EK, thank you", "VN07EK", "VN 07 EK"),
        (a_code(r"^\d{4}$"), "the card ending with 7752", "7752", "7752"),
        (a_code(r"^\d{1,2}[A-K]$"), "can I have seat 15A?", "15A", "15A"),
        (a_code(r"^RX-\d{5}$"), "it is RX three zero nine one five", "RX-30915", "RX three zero nine one five"),
        (
            PHONE_UK,
            "March 2001, oh two oh seven nine four six oh eight one two",
            "02079460812",
            "oh two oh seven nine four six oh eight one two",
        ),
        (a_code(r"^[A-Z]{2}\d{2}[A-Z]{2}$"), "Reservation EK 20 WM.", "EK20WM", "EK 20 WM"),
        (a_code(r"^\d{1,2}[A-K]$"), "All I want is 31 K on it", "31K", "31 K"),
        (a_code(r"^[A-H]\d{2}-\d$"), "from a 17-2 over to f 05-1?", "A17-2", "a 17-2"),
        (a_code(r"^[A-H]\d{2}-\d$"), "from a 17-2 over to f 05-1?", "F05-1", "f 05-1"),
        (a_code(r"^\d{4}-[A-Z]{2}$"), "do we have 6420 ya in stock", "6420-YA", "6420 ya"),
        (a_code(r"^[A-Z]{2,3}-\d{2}$"), "The CNC-03 is down", "CNC-03", "CNC-03"),
        (a_code(r"^\d{10}$"), "Number: (555) 017-2604. Carrier", "5550172604", "(555) 017-2604"),
        (a_code(r"^\+?\d{10,13}$"), "Message +44 7700 900677.", "+447700900677", "+44 7700 900677"),
        (a_code(r"^\+44\d{10}$"), "Message +44 7700 900677.", "+447700900677", "+44 7700 900677"),
        (a_code(r"^\d{1,2}排\d{1,2}座$", "zh"), "座位在五排七座、五排八座", "5排8座", "五排八座"),
        (a_code(r"^L\d{4}$", "zh"), "编号是L零九七五六月二十三号", "L0975", "L零九七五"),
        (PLATE, "bd67hfy wont start", "BD67 HFY", "bd67hfy"),
        (PLATE, "blowing on NL20 TQV, noticed", "NL20 TQV", "NL20 TQV"),
        (CLOSE_PLATE, "new car RJ24 HBE", "RJ24HBE", "RJ24 HBE"),
        (CLOSE_PLATE, "it's the Polo, WV12 TES. The clutch", "WV12TES", "WV12 TES"),
        (PLATE_ZH, "换机油，桂C 5J 739，5/27", "桂C5J739", "桂C 5J 739"),
        (PLATE_ZH, "川B 6H 02T停车", "川B6H02T", "川B 6H 02T"),
        (PHONE_UK, "Tel: 020 7946 0812.", "02079460812", "020 7946 0812"),
    ],
)
def test_ids(field, text, value, words):
    assert found(field, text, value) == words


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (a_code(r"^\d{1,2}[A-K]$"), "row 12 a bit further", {}),
        (a_code(r"^\d{1,2}[A-K]$"), "I paid 20 a head", {}),
        (a_code(r"^\d{4}-[A-Z]{2}$"), "we met in 2024 in Leeds", {}),
        (a_code(r"^[A-Z]{2}\d{2}[A-Z]{2}$"), "go by 20 at most", {}),
        (CLOSE_PLATE, "permit to park from 2024", {}),
        (CLOSE_PLATE, "permit PP4410927", {}),
        (CLOSE_PLATE, "be there in 20 min", {}),
        (PLATE_ZH, "粤B12345 2号位", {"粤B12345": "粤B12345"}),
        (a_code(r"^L\d{4}$", "zh"), "L零九七五六", {}),
        (a_code(r"^[A-Z]{2}\d{5}$"), "ref NS70063.", {"NS70063": "NS70063"}),
        (a_code(r"^[A-Z]\d$"), "that's 2 of them", {}),
        (a_code(r"^[A-Z]{2}\d{5}$"), "call me at five five five one two", {}),
        (a_code(r"^[0-9A-Z]{15,20}$"), "T27716050 T27716051", {}),
    ],
)
def test_no_such_ids(field, text, expected):
    assert seen(field, text) == expected


def a_number(language, name="quantity", description="", kind="integer", **more):
    return a_field(language, ZH if language == "zh" else EN, name, description, type=kind, **more)


MONEY = a_number("zh", "amount", "有异议的金额,元;没有说就不填", "number")
WAN = a_number("zh", "downPayment", "首付,单位万元;没说不填", "number")
LIGHT = a_number("zh", "brightness", "亮度,百分数 1 到 100;最亮 100,一半 50", minimum=1, maximum=100)
LIGHT_EN = a_number("en", "brightness", "Percent of full light, 0 to 100")
METRES = a_number("en", "distance_m", "Distance in metres", "number")
ML = a_number("en", "doseMl", "Amount, in millilitres", "number")
LITRES = a_number("en", "potLitres", "Size in litres", "number")
ANGLE = a_number("en", "angle", "Angle in degrees: a quarter turn is 90, a half turn 180, a full circle 360")
BAGS = a_number("en", "bags", "Number of checked bags in all; 0 = hand luggage only.", minimum=0, maximum=12)
ALONE = a_number("zh", "companions", "陪同几个人,没人陪填 0;没有说就不填")
MONTHS = a_number("zh", "months", "办几个月,没有说就是 1 个月")
MONTHS_EN = a_number("en", "months", "Length in months (a year is 12)")
WEEKS = a_number("en", "weeks", "By how many weeks")
FLOOR = a_number("en", "floor", "Floor of the club")
COUNT, COUNT_EN = a_number("zh"), a_number("en")


@pytest.mark.parametrize(
    ("field", "text", "value", "words"),
    [
        (MONEY, "那六块五超时费退回来", 6.5, "六块五"),
        (MONEY, "早上7点50坐的,差我一块五", 1.5, "一块五"),
        (MONEY, "你们退我二十六块八", 26.8, "二十六块八"),
        (MONEY, "扣了九块三,其中多扣七块三", 7.3, "七块三"),
        (MONEY, "多收了八毛", 0.8, "八毛"),
        (WAN, "首付八万，分期", 8, "八万"),
        (WAN, "首付掏十万五", 10.5, "十万五"),
        (WAN, "首付8万元", 8, "8万元"),
        (LIGHT, "客厅灯光暗点,三成就够了", 30, "三成"),
        (LIGHT, "降到两成亮", 20, "两成"),
        (LIGHT, "变成一半亮吗", 50, "一半"),
        (LIGHT, "灯开到最亮,用白光", 100, "最亮"),
        (LIGHT_EN, "the lamp at sixty percent", 60, "sixty percent"),
        (LIGHT_EN, "dim it to half", 50, "half"),
        (
            a_number("en", "value", "The number that was read", "number"),
            "oil level of lt-19 sixty percent",
            60,
            "sixty",
        ),
        (METRES, "pls move fwd 15m", 15, "15m"),
        (METRES, "Ahead 150m full tilt!", 150, "150m"),
        (ML, "ibuprofen 5ml for theo at two", 5, "5ml"),
        (LITRES, "a crab apple in a seven litre pot", 7, "seven litre"),
        (ANGLE, "half turn right", 180, "half turn"),
        (ANGLE, "half a turn please", 180, "half a turn"),
        (ANGLE, "full circle left", 360, "full circle"),
        (ANGLE, "Quarter turn to the left", 90, "Quarter turn"),
        (BAGS, "Passenger is Ingrid Aas, hand luggage only.", 0, "hand luggage only"),
        (ALONE, "我一个人来没人陪", 0, "没人陪"),
        (MONTHS, "停车场 包一个季度", 3, "一个季度"),
        (MONTHS_EN, "for half... no, for a full year.", 12, "a full year"),
        (WEEKS, "hold on to it for another week?", 1, "another week"),
        (FLOOR, "broken on the third floor.", 3, "third"),
        (FLOOR, "a frayed rope, 5th floor", 5, "5th"),
        (COUNT_EN, "3x death certificate", 3, "3"),
        (COUNT_EN, "20 Oct, two adults, guide", 2, "two adults"),
        (COUNT_EN, "tonight, two of us, 8 pm", 2, "two of us"),
        (COUNT_EN, "tomorrow afternoon, two boxes.", 2, "two boxes"),
        (COUNT_EN, "15 november, one bag", 1, "one bag"),
        (COUNT_EN, "make TB-66401 three people instead", 3, "three people"),
        (COUNT_EN, "display the first ten work orders", 10, "ten"),
        (COUNT, "在校证明x5", 5, "5"),
        (COUNT, "《今晚不加班》周六两张", 2, "两"),
        (COUNT, "出库AB3030十八箱", 18, "十八"),
        (COUNT, "下午三点五个人", 5, "五"),
    ],
)
def test_numbers(field, text, value, words):
    place = found(field, text, value)
    assert place is not None
    assert words.startswith(place)
    assert read(field, words) == value


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (COUNT, "宝马X5要保养", 5),
        (COUNT, "1x5的板子", 5),
        (COUNT_EN, "a 2x4 plank", 2),
        (COUNT_EN, "a 2x4 plank", 4),
        (COUNT_EN, "third time", 3),
        (COUNT_EN, "room 0933 please", 933),
        (COUNT, "麻烦来接一下", 1),
        (FLOOR, "third time on the floor", 3),
        (COUNT, "内存14，512GB", 14512),
        (COUNT, "内存14，512GB", 14.512),
        (a_number("zh", "distance", "距离（米）"), "三点五公里", 5000),
        (COUNT, "三点五分", 5),
        (MONEY, "我们一块去", 10),
        (WAN, "首付8万元", 80000),
        (LIGHT, "完成一半工作量", 1),
        (COUNT, "三成", 30),
        (COUNT_EN, "half turn", 180),
        (ALONE, "没有说", 0),
        (MONTHS, "第三季度", 9),
        (METRES, "15mg", 15),
        (BAGS, "luggage", 0),
        (LIGHT_EN, "Half a minute of fading", 50),
        (LIGHT_EN, "at half past two", 50),
        (WEEKS, "from the 5th of May", 5),
        (COUNT_EN, "fetch it from A04-2", 2),
        (COUNT_EN, "fetch it from A04-2", -2),
        (COUNT, "从C07-11搬到C02-01，150件", -11),
        (WEEKS, "a two-person studio", 2),
        (COUNT_EN, "a five star hotel", 5),
    ],
)
def test_no_such_numbers(field, text, value):
    assert found(field, text, value) is None


@pytest.mark.parametrize(
    ("field", "text", "numbers"),
    [
        (COUNT_EN, "flat 4, gate 7, two of us", [2]),
        (COUNT, "我住12栋3单元602室，来三个", [3]),
        (COUNT, "六栋一单元五零二，登记一下", []),
        (COUNT, "送到学院路9777号，两箱", [2]),
        (FLOOR, "flat 4 on the third floor", [3, 4]),
    ],
)
def test_numbers_of_places_are_not_spotted_as_counts(field, text, numbers):
    assert sorted(set(seen(field, text).values())) == numbers


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("phone_tail", {"description": "手机号后四位", "pattern": r"^\d{4}$"}, Kind.ID),
        ("phone", {"description": "手机号", "pattern": r"^1\d{10}$"}, Kind.PHONE),
        ("phone", {"description": "", "pattern": r"^\+44\d{10}$"}, Kind.PHONE),
        ("meet_at", {"description": "Where staff should be waiting"}, Kind.ADDRESS),
        ("meet_at", {"description": "Gate or entrance"}, Kind.TEXT),
        ("meet_at", {"description": ""}, Kind.DATETIME),
        ("meet_at", {"description": "When to meet"}, Kind.DATETIME),
        ("deadline", {"description": "Latest delivery"}, Kind.DATETIME),
        ("From", {"description": "Shelf, e.g. A17-2", "pattern": r"^[A-H]\d{2}-\d$"}, Kind.ID),
        ("From", {"pattern": r"^[A-H]\d{2}-\d$"}, Kind.ID),
        ("From", {"pattern": r"^\d{4}-\d{2}-\d{2}$"}, Kind.DATE),
        ("from", {}, Kind.DATETIME),
    ],
)
def test_kind_of_a_text(name, schema, kind):
    assert a_field("en", EN, name, **schema).kind is kind


def test_a_letter_takes_the_case_of_its_pattern():
    zone = a_field("en", EN, "zone", "Zone letter", pattern="^[A-H]$")
    assert found(zone, "Health and safety, in zone h only", "H") == "h"
    assert read(zone, "z") == "z"


def test_words_of_choices_in_a_description():
    costs = a_field("zh", ZH, "category", "费用类别:outpatient 门诊费,exam 检查费", enum=["outpatient", "exam"])
    assert seen(costs, "门诊费320元、检查费90") == {"门诊费": "outpatient", "检查费": "exam"}
    meals = a_field("en", EN, "meal", "VGML = vegan, GFML = gluten-free.", enum=["VGML", "GFML"])
    assert seen(meals, "2 gluten free, 3 vegans") == {"gluten free": "GFML", "vegans": "VGML"}
    assert seen(meals, "2 gluten free, 3 vegan") == {"gluten free": "GFML", "vegan": "VGML"}
