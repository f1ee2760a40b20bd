"""Days that lie behind, days of this week, corrections and stretches that leave parts out."""

import pytest

from manyshot.values.sense import Sense
from tests.values.said import a_field, found, read, seen

# 6 November 2025 is a Thursday.
VISIT = a_field("zh", "2025-11-06", "visit_date", "上门日期", format="date")
PUNCH = a_field("zh", "2025-11-06", "fix_punch_date", "漏打卡的日期", format="date")
CRASH = a_field("zh", "2025-11-06", "time", "事故时间，YYYY-MM-DD HH:MM")
VISIT_EN = a_field("en", "2025-11-06", "visit_date", "Day of the visit", format="date")
LOST = a_field("en", "2025-11-06", "lost_on", "Day of the loss, YYYY-MM-DD.", format="date")


@pytest.mark.parametrize(
    ("name", "description", "sense"),
    [
        ("lost_on", "", Sense(past=True)),
        ("accidentDate", "", Sense(past=True)),
        ("date", "Day it happened, YYYY-MM-DD.", Sense(past=True)),
        ("date", "补卡日期", Sense(past=True)),
        ("riqi", "丢失日期,没说不填", Sense(past=True)),
        ("visit_date", "Day of the visit after the accident", Sense()),
        ("date", "事故后的预约日期", Sense()),
        ("date", "Day to look at, YYYY-MM-DD.", Sense()),
        ("date", "日期，发生变化请说明", Sense()),
        ("startDate", "", Sense(edge="start")),
        ("from_date", "", Sense(edge="start")),
        ("to_date", "", Sense(edge="end")),
        ("date", "Last day of the pause, YYYY-MM-DD", Sense(edge="end")),
        ("zhongZhi", "停到哪天为止", Sense(edge="end")),
        ("x", "截止日期", Sense(edge="end")),
        ("start_date", "结束日期", Sense(edge="start")),
        ("date", "开始日期到结束日期", Sense()),
    ],
)
def test_sense_of_a_field(name, description, sense):
    assert a_field("en", "2025-11-06", name, description, format="date").sense == sense


@pytest.mark.parametrize(
    ("field", "surface", "value"),
    [
        (VISIT, "这周一", "2025-11-03"),
        (VISIT, "本周一", "2025-11-03"),
        (VISIT, "这个星期三", "2025-11-05"),
        (VISIT, "这周五", "2025-11-07"),
        (VISIT, "周一", "2025-11-10"),
        (VISIT, "下周一", "2025-11-10"),
        (VISIT, "4号", "2025-12-04"),
        (VISIT_EN, "this Monday", "2025-11-10"),
        (VISIT_EN, "Monday", "2025-11-10"),
        (VISIT_EN, "Monday this week", "2025-11-10"),
        (PUNCH, "周一", "2025-11-03"),
        (PUNCH, "周五", "2025-10-31"),
        (PUNCH, "周四", "2025-11-06"),
        (PUNCH, "这周五", "2025-11-07"),
        (PUNCH, "下周一", "2025-11-10"),
        (PUNCH, "4号", "2025-11-04"),
        (PUNCH, "6号", "2025-11-06"),
        (PUNCH, "20号", "2025-10-20"),
        (PUNCH, "31号", "2025-10-31"),
        (PUNCH, "12月28号", "2024-12-28"),
        (PUNCH, "2月3号", "2025-02-03"),
        (PUNCH, "11/4", "2025-11-04"),
        (PUNCH, "明天", "2025-11-07"),
        (PUNCH, "2026年1月3日", "2026-01-03"),
        (PUNCH, "国庆节", "2025-10-01"),
        (CRASH, "周一早上八点", "2025-11-03 08:00"),
        (LOST, "Monday", "2025-11-03"),
        (LOST, "on Friday", "2025-10-31"),
        (LOST, "the 4th", "2025-11-04"),
        (LOST, "the 20th", "2025-10-20"),
        (LOST, "December 28", "2024-12-28"),
        (LOST, "next Monday", "2025-11-10"),
        (LOST, "this Monday", "2025-11-10"),
        (LOST, "last Monday", "2025-10-27"),
    ],
)
def test_reads_a_day(field, surface, value):
    assert read(field, surface) == value


def test_past_days_in_a_sentence():
    text = "On Monday I sat in coach C and left my bag there"
    assert seen(LOST, text) == {"Monday": "2025-11-03"}
    assert found(LOST, text, "2025-11-03") == "Monday"
    assert seen(LOST, "lost it on sat 1 nov, the sun was out") == {"sat 1 nov": "2025-11-01"}
    assert seen(VISIT, "查一下下周一能来吗") == {"下周一": "2025-11-10"}
    assert seen(VISIT, "角色号五六一八零") == {}


@pytest.mark.parametrize(
    ("field", "surface", "value"),
    [
        (a_field("en", "2025-11-06", "d", format="date"), "14-Nov-2025", "2025-11-14"),
        (a_field("en", "2025-11-06", "d", format="date"), "14-Nov", "2025-11-14"),
        (a_field("en", "2025-11-06", "d", format="date"), "14/Nov/25", "2025-11-14"),
        (a_field("en", "2025-11-06", "d", format="date"), "16.02.2026,", "2026-02-16"),
        (a_field("en", "2025-11-06", "d", format="date"), "12.03.2026", "2026-03-12"),
        (a_field("en", "2025-11-06", "d", format="date"), "1.3.2026", "2026-03-01"),
        (a_field("en", "2025-11-06", "d", format="date"), "12.25.2026", None),
        (a_field("en", "2025-11-06", "d", format="date"), "31.02.2026", None),
        (a_field("en", "2025-11-06", "d", format="date"), "1.12.3.2026", None),
        (a_field("en", "2025-11-06", "d", format="date"), "3/12/2026", "2026-03-12"),
        (a_field("en", "2025-11-06", "t", "YYYY-MM-DD HH:MM"), "16.02.2026 at 4 pm", "2026-02-16 16:00"),
    ],
)
def test_reads_written_days(field, surface, value):
    assert read(field, surface) == value


ARRIVE = a_field("zh", "2025-11-06", "arrive_time", "到店时间，YYYY-MM-DD HH:MM")
ARRIVE_EN = a_field("en", "2025-11-06", "arrive_time", "YYYY-MM-DD HH:MM")
CLOCK = a_field("zh", "2025-11-06", "time", "HH:MM")
CLOCK_EN = a_field("en", "2025-11-06", "time", "HH:MM")


@pytest.mark.parametrize(
    ("field", "text", "surface", "value"),
    [
        (ARRIVE, "帮我约16号下午两点，不，下午三点", "16号下午两点，不，下午三点", "2025-11-16 15:00"),
        (ARRIVE, "16号下午两点，哦不，三点吧", "16号下午两点，哦不，三点", "2025-11-16 15:00"),
        (ARRIVE, "明天11点,不对,12点到", "明天11点,不对,12点", "2025-11-07 12:00"),
        (ARRIVE, "明天晚上七点，不，八点", "明天晚上七点，不，八点", "2025-11-07 20:00"),
        (ARRIVE, "明天下午三点，不对，后天", "明天下午三点，不对，后天", "2025-11-08 15:00"),
        (ARRIVE, "下周三下午三点，说错了，周四下午四点", "下周三下午三点，说错了，周四下午四点", "2025-11-13 16:00"),
        (VISIT, "上个月20号，不对，是25号", "上个月20号，不对，是25号", "2025-10-25"),
        (VISIT, "下周三，不不，周四", "下周三，不不，周四", "2025-11-13"),
        (VISIT, "去年12月1号，错了，12月3号", "去年12月1号，错了，12月3号", "2024-12-03"),
        (CLOCK, "晚上七点，不，八点", "晚上七点，不，八点", "20:00"),
        (ARRIVE_EN, "Book me tomorrow at 1 pm, sorry, 2 pm", "tomorrow at 1 pm, sorry, 2 pm", "2025-11-07 14:00"),
        (ARRIVE_EN, "tomorrow at 1 pm, no wait, 2 pm", "tomorrow at 1 pm, no wait, 2 pm", "2025-11-07 14:00"),
        (ARRIVE_EN, "Friday 3pm, I mean Saturday", "Friday 3pm, I mean Saturday", "2025-11-08 15:00"),
        (
            ARRIVE_EN,
            "next Friday at 3pm - make that 4pm please",
            "next Friday at 3pm - make that 4pm",
            "2025-11-14 16:00",
        ),
        (VISIT_EN, "3 March 2027, sorry, the 5th", "3 March 2027, sorry, the 5th", "2027-03-05"),
        (VISIT_EN, "next Wednesday, no, Thursday", "next Wednesday, no, Thursday", "2025-11-13"),
    ],
)
def test_corrections_that_leave_parts_out(field, text, surface, value):
    assert read(field, surface) == value
    assert found(field, text, value) == surface
    assert surface in seen(field, text)


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        # Whole corrections stand for themselves.
        (VISIT, "14号，哦不，15号", {"14号": "2025-11-14", "15号": "2025-11-15"}),
        (
            ARRIVE,
            "明天下午三点，不，后天下午四点",
            {"明天下午三点": "2025-11-07 15:00", "后天下午四点": "2025-11-08 16:00"},
        ),
        # What is denied, asked or listed is no correction.
        (ARRIVE, "16号下午两点，不是下午三点", {"16号下午两点": "2025-11-16 14:00", "下午三点": "2025-11-06 15:00"}),
        (ARRIVE, "16号下午两点，不要下午三点", {"16号下午两点": "2025-11-16 14:00", "下午三点": "2025-11-06 15:00"}),
        (ARRIVE, "16号下午两点，下午三点", {"16号下午两点": "2025-11-16 14:00", "下午三点": "2025-11-06 15:00"}),
        (ARRIVE_EN, "tomorrow at 1 pm, not 2 pm", {"tomorrow at 1 pm": "2025-11-07 13:00", "2 pm": "2025-11-06 14:00"}),
        (ARRIVE_EN, "tomorrow at 1 pm, sorry, 2 people", {"tomorrow at 1 pm": "2025-11-07 13:00"}),
        (VISIT, "16号下午两点，不，下午三点", {"16号": "2025-11-16"}),
    ],
)
def test_what_is_no_such_correction(field, text, expected):
    assert seen(field, text) == expected


FROM, TO = (
    a_field("zh", "2026-01-20", n, d, format="date") for n, d in (("startDate", "开始日期"), ("endDate", "结束日期"))
)
FIRST, LAST = (a_field("en", "2025-11-04", n, format="date") for n in ("start_date", "end_date"))
CLOSE = a_field("zh", "2025-03-04", "end_time", "结束时间,HH:MM", pattern=r"^\d{2}:\d{2}$")
UNTIL = a_field("zh", "2025-03-04", "end", "结束时间，YYYY-MM-DD HH:MM")


@pytest.mark.parametrize(
    ("field", "text", "surface", "value"),
    [
        (TO, "查去年12月1日至12月31日的流水", "去年12月1日至12月31日", "2025-12-31"),
        (FROM, "查去年12月1日至12月31日的流水", "去年12月1日", "2025-12-01"),
        (TO, "2024年11月5号到次日，不,11月20号", None, "2024-11-20"),
        (TO, "2024年12月28日到1月3日", "2024年12月28日到1月3日", "2025-01-03"),
        (TO, "3月1号到15号", "3月1号到15号", "2026-03-15"),
        (TO, "下周一到周三", "下周一到周三", "2026-01-28"),
        (TO, "下周五到周一", "下周五到周一", "2026-02-02"),
        (FROM, "10到14号请假", "10到14号", "2026-02-10"),
        (FROM, "2月10-14号请假", "2月10", "2026-02-10"),
        (FIRST, "I'd like annual leave from 10 to 14 November please", "10 to 14 November", "2025-11-10"),
        (LAST, "I'd like annual leave from 10 to 14 November please", "14 November", "2025-11-14"),
        (FIRST, "vacation 24-28 nov", "24-28 nov", "2025-11-24"),
        (LAST, "vacation 24-28 nov", "28 nov", "2025-11-28"),
        (FIRST, "off 24th to 28th of November 2026", "24th to 28th of November 2026", "2026-11-24"),
        (FIRST, "Nov 24-28", "Nov 24", "2025-11-24"),
        (LAST, "Nov 24-28", "Nov 24-28", "2025-11-28"),
        (LAST, "Nov 24 to the 28th", "Nov 24 to the 28th", "2025-11-28"),
        (LAST, "3 March 2024 to 5 April", "3 March 2024 to 5 April", "2024-04-05"),
        (CLOSE, "后天晚上六点半到八点，班会用", "晚上六点半到八点", "20:00"),
        (CLOSE, "晚上七点到九点借教室", "晚上七点到九点", "21:00"),
        (CLOSE, "明天晚上七点一刻到八点三刻", "晚上七点一刻到八点三刻", "20:45"),
        (UNTIL, "明天下午两点到四点", "明天下午两点到四点", "2025-03-05 16:00"),
    ],
)
def test_stretches_that_leave_parts_out(field, text, surface, value):
    assert found(field, text, value) == surface
    if surface:
        assert read(field, surface) == value


@pytest.mark.parametrize(
    ("field", "surface"),
    [
        (VISIT_EN, "10 to 14 November"),
        (VISIT_EN, "24-28 nov"),
        (FIRST, "14 to 10 November"),
        (FIRST, "10 or 14 November"),
        (FROM, "14到10号"),
        (VISIT, "去年12月1日至12月31日"),
        (CLOCK, "晚上七点到九点"),
        (FIRST, "10 to 14 people"),
    ],
)
def test_a_stretch_is_no_single_day(field, surface):
    assert read(field, surface) is None


def test_languages_mixed_and_parts_apart():
    assert read(ARRIVE, "tomorrow下午五点半") == "2025-11-07 17:30"
    assert seen(ARRIVE, "订个位tomorrow下午五点半,4位") == {"tomorrow下午五点半": "2025-11-07 17:30"}
    assert seen(VISIT, "Friday上门，找Sun先生") == {"Friday": "2025-11-07"}
    text = "客户明天过来，人数六位，晚上六点"
    assert found(ARRIVE, text, "2025-11-07 18:00") == "明天过来，人数六位，晚上六点"
    assert seen(ARRIVE, text) == {"明天过来，人数六位，晚上六点": "2025-11-07 18:00"}
    assert (
        found(ARRIVE_EN, "Tomorrow works for us all, say 6 pm", "2025-11-07 18:00")
        == "Tomorrow works for us all, say 6 pm"
    )
    # Two days, two hours or a day that lies behind leave it open.
    assert found(ARRIVE, "明天或者后天过来，晚上六点", "2025-11-07 18:00") is None
    assert found(ARRIVE, "明天过来，晚上六点或者七点半", "2025-11-07 18:00") is None
    assert found(ARRIVE, "昨天说好的，晚上六点", "2025-11-05 18:00") is None
    assert seen(VISIT, text) == {"明天": "2025-11-07"}


@pytest.mark.parametrize(
    ("language", "text", "last"),
    [
        ("en", "the 20th for a fortnight", "2025-12-04"),
        ("en", "Friday, staying three nights", "2025-11-10"),
        ("en", "two nights from Friday", "2025-11-09"),
        ("en", "Friday for three days", "2025-11-07"),
        ("en", "Friday for two people", "2025-11-07"),
        ("zh", "20号入住，住三晚", "2025-11-23"),
        ("zh", "明天送来寄养两个晚上", "2025-11-09"),
        ("zh", "住五晚从下周一", "2025-11-15"),
        ("zh", "20号晚上到", "2025-11-20"),
        ("zh", "明天起租两个星期", "2025-11-21"),
    ],
)
def test_nights_and_weeks_after_the_first_day_make_the_last(language, text, last):
    """Only for a field that is the end of a stretch; three days from a day may end on either of two."""
    leaving, coming = (a_field(language, "2025-11-06", name, "", format="date") for name in ("check_out", "check_in"))
    assert [leaving.resolve(span.surface) for span in leaving.spot(text)] == [last]
    assert len(coming.spot(text)) == 1
    assert len(coming.spot(text)[0].surface) <= len(leaving.spot(text)[0].surface)
