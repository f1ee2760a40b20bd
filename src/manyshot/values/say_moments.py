# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Ways to say a date, a time and both. The one rule: offers only; `say.surfaces` checks that each reads as the value."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta

from manyshot.values.festivals import FIXED
from manyshot.values.say_numbers import en_ordinal, en_words, zh_words

ZH_DAYS = "一二三四五六日"
EN_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
EN_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_ZH_NEAR = {0: ["今天", "今日", "今儿"], 1: ["明天", "明日", "明儿"], 2: ["后天"], 3: ["大后天"], -1: ["昨天", "昨日"],
            -2: ["前天"], -3: ["大前天"]}  # fmt: skip
_EN_NEAR = {0: ["today"], 1: ["tomorrow"], 2: ["the day after tomorrow", "day after tomorrow"], -1: ["yesterday"],
            -2: ["the day before yesterday"]}  # fmt: skip


def dates(day: date, today: date, language: str, rng: random.Random) -> list[str]:
    """Ways to say a day as seen from today, the near and colloquial ones first."""
    return _zh_dates(day, today, rng) if language == "zh" else _en_dates(day, today, rng)


def _weeks(day: date, today: date) -> int:
    monday = today - timedelta(today.weekday())
    return (day - timedelta(day.weekday()) - monday).days // 7


def _zh_dates(day: date, today: date, rng: random.Random) -> list[str]:
    gap, weeks = (day - today).days, _weeks(day, today)
    out = list(_ZH_NEAR.get(gap, []))
    week = rng.choice(["周", "星期", "礼拜"])
    name = ZH_DAYS[day.weekday()] if day.weekday() < 6 or week == "周" else rng.choice("日天")
    prefixes = {0: ["这", "本", ""], 1: ["下", "下个" if week != "周" else "下"], 2: ["下下"], -1: ["上"]}.get(
        weeks, []
    )
    out += [p + week + name for p in prefixes if p != "本" or week == "周"]
    if 1 < gap <= 10:
        out += [
            f"{rng.choice([zh_words(gap, True), str(gap)])}天{rng.choice(['后', '之后', '以后'])}",
            *([f"再过{zh_words(gap, True)}天"] if gap > 2 else []),
        ]
    if -10 <= gap < 0:
        out.append(f"{zh_words(-gap, True)}天前")
    if gap in (7, 14, 21):
        out.append(f"{zh_words(gap // 7, True)}{rng.choice(['周', '个星期'])}后")
    year = f"{day.year}年" if day.year != today.year else ""
    later = {1: "明年", -1: "去年", 0: ""}.get(day.year - today.year)
    out += [f"{year}{day.month}月{day.day}{s}" for s in "号日"] + [
        f"{zh_words(day.month)}月{zh_words(day.day)}{s}" for s in "号日"
    ]
    if later:
        out += [f"{later}{day.month}月{day.day}号", f"{later}{zh_words(day.month)}月{zh_words(day.day)}号"]
    months = (day.year - today.year) * 12 + day.month - today.month
    out += [f"{day.day}号", f"{zh_words(day.day)}号"]
    out += {0: [f"本月{day.day}号", f"这个月{day.day}号"], 1: [f"下个月{day.day}号", f"下月{zh_words(day.day)}号"]}.get(
        months, []
    )
    if (day + timedelta(1)).day == 1:
        out += {0: ["月底", "这个月底"], 1: ["下月底", "下个月底"]}.get(months, [])
    out += [h for h, when in FIXED.items() if not h[0].isascii() and when == (day.month, day.day)]
    out += [
        f"{day.year}-{day.month:02d}-{day.day:02d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.month}/{day.day}",
        f"{day.year}/{day.month}/{day.day}",
    ]
    return [*out, f"{day.month}月{day.day}号周{ZH_DAYS[day.weekday()]}"]


def _en_dates(day: date, today: date, rng: random.Random) -> list[str]:
    gap, weeks = (day - today).days, _weeks(day, today)
    out = list(_EN_NEAR.get(gap, []))
    name = EN_DAYS[day.weekday()]
    out += {
        0: [f"this {name}", name, f"this coming {name}"],
        1: [f"next {name}", f"{name} next week"],
        -1: [f"last {name}"],
    }.get(weeks, [])
    if 0 < gap < 7:
        out.append(name)
    if 1 < gap <= 10:
        out += [f"in {rng.choice([en_words(gap), str(gap)])} days", f"{en_words(gap)} days from now"]
    if -10 <= gap < -1:
        out.append(f"{en_words(-gap)} days ago")
    if gap in (7, 14, 21):
        out += ["in a week", "a week from today"] if gap == 7 else [f"in {en_words(gap // 7)} weeks"]
    month, nth = EN_MONTHS[day.month - 1], en_ordinal(day.day)
    short = month[:3] if len(month) > 4 else month
    core = [f"{short} {day.day}", f"{day.day} {month}", f"{month} {nth}", f"{month} {day.day}", f"the {nth} of {month}", f"{nth} {short}",
            f"{name}, {month} {day.day}", f"{name[:3]} {day.day} {short}", f"{month} the {nth}"]  # fmt: skip
    out += core if day.year == today.year else []
    out += [f"{month} {day.day}, {day.year}", f"{day.day} {month} {day.year}", f"{short} {day.day} {day.year}"]
    out += core[:4] if day.year != today.year else []
    months = (day.year - today.year) * 12 + day.month - today.month
    out += [f"the {nth}", f"{name} the {nth}"] if months in (0, 1) else []
    out += [f"the {nth} of next month"] if months == 1 else []
    if (day + timedelta(1)).day == 1 and months in (0, 1):
        out.append("the end of the month" if months == 0 else "the end of next month")
    out += [{"christmas": "Christmas", "christmas day": "Christmas Day", "new year's day": "New Year's Day", "halloween": "Halloween"}[h]
            for h in ("christmas", "christmas day", "new year's day", "halloween") if FIXED[h] == (day.month, day.day)]  # fmt: skip
    digits = [
        f"{a}/{b}{year}" for a, b in ((day.month, day.day), (day.day, day.month)) for year in ("", f"/{day.year}")
    ]
    return [*out, day.isoformat(), *digits]  # which of the two orders is read is the zone's to say


def months(first: date, today: date, language: str) -> list[str]:
    """Ways to say the month that begins on `first`, as seen from today."""
    gap = (first.year - today.year) * 12 + first.month - today.month
    year, number = first.year, first.month
    if language == "zh":
        near = {-2: ["上上个月"], -1: ["上个月", "上月"], 0: ["这个月", "本月"], 1: ["下个月", "下月"]}.get(gap, [])
        later = {-1: "去年", 0: "今年", 1: "明年"}.get(year - today.year)
        named = [f"{n}月{tail}" for n in (number, zh_words(number)) for tail in ("", "份")]
        return [*near, *named, *(later + n for n in named if later), *(f"{year}年{n}" for n in named[:2]),
                f"{year}-{number:02d}", f"{year}/{number}"]  # fmt: skip
    near = {-2: ["the month before last"], -1: ["last month"], 0: ["this month"], 1: ["next month"]}.get(gap, [])
    name = EN_MONTHS[number - 1]
    names = [name, name[:3]] if number not in (5, 9) else [name, "Sept"] if number == 9 else [name]
    step = {-1: "last", 0: "this", 1: "next"}.get(year - today.year)
    near += [f"last {name}"] if -12 <= gap < 0 else []
    near += [f"{name} {step} year"] if step else []
    return [*near, *names, *(f"{n} {year}" for n in names), f"{number:02d}/{year}", f"{year}-{number:02d}"]


def _zh_period(hour: int, rng: random.Random) -> str:
    names = [
        (5, ["凌晨"]),
        (9, ["早上", "早晨", "早上"]),
        (11, ["上午", "早上"]),
        (13, ["中午"]),
        (17, ["下午"]),
        (19, ["傍晚", "下午", "晚上"]),
    ]
    return rng.choice(next((n for limit, n in names if hour < limit), ["晚上"]))


def times(when: time, language: str, rng: random.Random) -> list[str]:
    """Ways to say a time of day."""
    return _zh_times(when, rng) if language == "zh" else _en_times(when)


def _zh_times(when: time, rng: random.Random) -> list[str]:
    hour, minute = when.hour, when.minute
    if when.second:
        return [when.strftime("%H:%M:%S")]
    half = hour % 12 or 12
    part = _zh_period(hour, rng)
    words = zh_words(half, True)
    tails = {0: ["", "整", "钟"], 15: ["一刻", "十五"], 30: ["半"], 45: ["三刻", "四十五"]}.get(
        minute,
        [("零" if minute < 10 else "") + zh_words(minute), ("零" if minute < 10 else "") + zh_words(minute) + "分"],
    )
    out = [f"{part}{words}点{t}" for t in tails] + [f"{words}点{t}" for t in tails]
    digits = ["", "整"] if minute == 0 else ["半", "30", "30分"] if minute == 30 else [f"{minute:02d}", f"{minute}分"]
    out += [f"{part}{half}点{t}" for t in digits] + [f"{half}点{t}" for t in digits] + [f"{hour}点{t}" for t in digits]
    out += [f"{hour:02d}:{minute:02d}", f"{hour}:{minute:02d}", f"{part}{half}:{minute:02d}"]
    if minute in (45, 50, 55):
        back = {45: "一刻", 50: "十分", 55: "五分"}[minute]
        out.append(f"{part}差{back}{zh_words(half % 12 + 1, True)}点")
    if minute == 0 and hour in (0, 12):
        out += ["中午"] if hour == 12 else ["零点", "凌晨零点", "0点"]
    return out


def _en_times(when: time) -> list[str]:
    hour, minute = when.hour, when.minute
    if when.second:
        return [when.strftime("%H:%M:%S")]
    half = hour % 12 or 12
    ap = "am" if hour < 12 else "pm"
    part = (
        "in the morning"
        if hour < 12
        else "in the afternoon"
        if hour < 18
        else "in the evening"
        if hour < 21
        else "at night"
    )
    word = en_words(half)
    out = [f"{hour:02d}:{minute:02d}", f"{half}:{minute:02d} {ap}", f"{half}:{minute:02d}{ap}", f"{half}:{minute:02d}", f"{half}:{minute:02d} {part}",
           f"{half}:{minute:02d} {ap[0]}.m."]  # fmt: skip
    if minute == 0:
        out += [
            f"{half}{ap}",
            f"{half} {ap}",
            f"{word} {part}",
            f"{half} {part}",
            f"{word} o'clock",
            f"{half} o'clock",
            f"{word} {ap}",
            f"{half} {ap[0]}.m.",
        ]
        out += ["noon", "midday"] if hour == 12 else ["midnight"] if hour == 0 else []
    said = {15: "quarter past", 30: "half past", 45: "quarter to", 20: "twenty past", 10: "ten past", 5: "five past", 50: "ten to",
            40: "twenty to", 55: "five to", 25: "twenty-five past", 35: "twenty-five to"}.get(minute)  # fmt: skip
    if said:
        base = en_words((half % 12) + 1) if minute > 30 else word
        out += [
            f"{said} {base}",
            f"{said} {base} {part}",
            f"a {said} {base}" if said.startswith("quarter") else f"{said} {base}",
        ]
    if minute >= 10:
        out += [f"{word} {en_words(minute)}", f"{word} {en_words(minute)} {part}", f"{word} {en_words(minute)} {ap}"]
    elif minute:
        out += [f"{word} oh {en_words(minute)}", f"{word} oh {en_words(minute)} {ap}"]
    return out


def both(moment: datetime, today: date, language: str, rng: random.Random) -> list[str]:
    """A date and a time in the orders that people use."""
    days, clocks = dates(moment.date(), today, language, rng), times(moment.time(), language, rng)
    out = []
    for _ in range(28):
        # The near and colloquial days stand first; they are said more often.
        day, clock = days[min(rng.randrange(len(days)), rng.randrange(len(days)))], rng.choice(clocks)
        if language == "zh":
            out.append(day + rng.choice(["", "", "", "的", " "]) + clock)
        elif rng.random() < 0.6:
            out.append(f"{day}{rng.choice([' at ', ' at ', ' ', ', '])}{clock}")
        else:
            link = " on " if day[0].isupper() or day.startswith("the ") else " "
            out.append(f"{clock}{link}{day}")
    if language == "zh" and moment.date() in (today, today + timedelta(1)) and moment.hour >= 5:
        fused = ("今" if moment.date() == today else "明") + ("早" if moment.hour < 11 else "晚")
        if moment.hour < 11 or moment.hour >= 18:
            out += [fused + c for c in clocks if not any(p in c for p in ("早", "晚", "上午", "傍晚", "下午"))][:3]
    if language == "en" and moment.date() == today and moment.hour >= 18:
        out += [f"tonight at {c}" for c in clocks if not c.endswith(("evening", "night"))][:3]
    return out
