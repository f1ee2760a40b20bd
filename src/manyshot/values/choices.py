# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Enum values and booleans from words. The one rule: a word that could mean two values means none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from manyshot.values.text import bare, fold

_YES = [
    "true",
    "yes",
    "y",
    "yeah",
    "yep",
    "sure",
    "ok",
    "okay",
    "please",
    "是",
    "是的",
    "要",
    "要的",
    "需要",
    "可以",
    "好",
    "好的",
    "对",
    "对的",
    "行",
    "允许",
    "同意",
    "能",
    "有",
    "嗯",
    "没问题",
    "没事",
    "开",
    "of",
    "course",
    "definitely",
]
_YES += ["yes please", "of course", "go ahead", "please do"]
_NO = [
    "false",
    "no",
    "n",
    "nope",
    "nah",
    "never",
    "not",
    "否",
    "不",
    "不是",
    "不要",
    "不用",
    "不需要",
    "不可以",
    "不行",
    "不能",
    "不必",
    "别",
    "没有",
    "无",
    "不允许",
    "不同意",
    "禁止",
    "关",
    "without",
]
_NO += ["no thanks", "no thank you", "not needed", "no need"]


def key(text: str) -> str:
    """A value or word as it is compared: folded, without spaces, underscores, dashes and quotes."""
    return re.sub(r"[\s_\-·/]+", "", bare(fold(text)))


def from_description(values: Sequence[Any], description: str) -> dict[str, list[str]]:
    """Words that a description gives for enum values: "normal=普通发票，special: 增值税专用发票"."""
    out: dict[str, list[str]] = {}
    for value in values:
        word = re.escape(str(value))
        match = re.search(
            rf"(?<![\w]){word}[\"'`]?\s*(?:=|:|：|->|—|表示|代表|是|means|is)\s*(?P<said>[^,，;；。.、)）/|\n]+)",
            description,
        )
        match = match or re.search(rf"(?<![\w]){word}\s*[(（](?P<said>[^)）]+)[)）]", description)
        # "outpatient 门诊费,exam 检查费"
        match = match or re.search(
            rf"(?<![\w-]){word} +(?P<said>[\u4e00-\u9fff]{{2,8}})(?=[,，;；。、(（)）]|$)", description
        )
        if match and (said := match["said"].strip().strip("\"'`")):
            out[str(value)] = [said]
    return out or {
        value: [re.split(r"[(（]", said)[0].strip()] for value, said in in_order(values, description).items()
    }


#: What parts the choices of a list that stands in a description; in brackets it does not.
_LISTED = {
    "、": re.compile(r"、|或者?|和(?=[^、或和]+$)"),
    ",": re.compile(r"\s*,\s*(?:or\s+|and\s+)?|\s+(?:or|and)\s+"),
}


def in_order(values: Sequence[Any], description: str) -> dict[str, str]:
    """What a description says of each enum value where it lists just as many things and names none of the values:
    "钢琴房、鼓房、排练房" of piano, drum, band. In English the list has to stand behind a colon."""
    if len(values) < 2 or any(re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", description) for value in values):
        return {}
    for clause in re.split(r"[;；。\n]|\.(?:\s|$)", description):
        _, colon, listed = clause.rpartition("：" if "：" in clause else ":")
        sign = "、" if "、" in clause or "或" in clause else ","
        if sign == "," and not colon:
            continue
        kept = re.sub(r"[(（][^)）]*[)）]", lambda match: "\0" * len(match[0]), listed)
        ends = [(match.start(), match.end()) for match in _LISTED[sign].finditer(kept)]
        starts, stops = [0, *(end for _, end in ends)], [*(start for start, _ in ends), len(listed)]
        said = [listed[a:b].strip() for a, b in zip(starts, stops, strict=True)]
        if len(said) == len(values) and all(said):
            return dict(zip(map(str, values), said, strict=True))
    return {}


def glosses(values: Sequence[Any], description: str) -> dict[str, str]:
    """All that a description says of each enum value: what stands behind it, up to the next value or the end of the list.

    "torn 破损撕裂，shrunk 缩水变形；没有说就不填" has 破损撕裂 for torn, 缩水变形 for shrunk.
    """
    found = []
    for value in map(str, values):
        word = r"(?<![A-Za-z0-9_-])" + re.escape(value) + r"(?![A-Za-z0-9_-])" if value.isascii() else re.escape(value)
        if match := re.search(word, description):
            found.append((match.start(), match.end(), value))
    found.sort()
    out: dict[str, str] = {}
    for number, (_, end, value) in enumerate(found, 1):
        said = description[end : found[number][0] if number < len(found) else None]
        if number == len(found):
            said = re.split(r"[;；。]|\.(?!\d)", said, maxsplit=1)[0]
        out[value] = said.strip(" =:：,，;；、.。()（）\"'`—-")
    return out or in_order(values, description)


def read_enum(values: Sequence[Any], synonyms: Mapping[str, Sequence[str]], surface: Any) -> Any:
    """The value: itself, else the same without case, spaces and underscores, else by a synonym. ValueError if none or two."""
    if any(surface == v and type(surface) is type(v) for v in values):
        return surface
    text = str(surface)
    if found := next((v for v in values if str(v) == text.strip()), None):
        return found
    said = key(text)
    table = {v: {key(str(v)), *(key(w) for w in synonyms.get(str(v), ()))} for v in values}
    for test in (
        lambda k: k == said,
        lambda k: len(said) > 1 and said in k,
        lambda k: len(k) > 1 and k in said and len(k) * 2 > len(said),
    ):
        hits = [v for v, keys in table.items() if any(test(k) for k in keys)]
        if len(hits) == 1:
            return hits[0]
        if len(hits) > 1:
            break
    shown = ", ".join(map(str, values))
    raise ValueError(f"one of {shown} was wanted, {text!r} was said")


def read_boolean(surface: Any) -> bool:
    """True or False from itself or a yes or no word."""
    if isinstance(surface, bool):
        return surface
    said = bare(fold(str(surface)))
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise ValueError(f"yes or no was wanted, {surface!r} was said")
