"""What a set of tools keeps: which of them make, find, change and close the rows of one table.

One rule: an id tells what belongs together. Tools that need the same id (by name and pattern) work on one table; a tool
that makes something without an id makes rows of the table whose name it shares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from manyshot.data.slots import ToolSlots
from manyshot.values import Kind

Verb = Literal["make", "find", "change", "close", "other"]

_VERBS: Mapping[Verb, re.Pattern[str]] = {
    "close": re.compile(
        r"\b(?:cancel|delete|remove|close|end|stop|terminate|revoke|withdraw|return|void)"
        r"|取消|撤销|删除|注销|关闭|作废|终止|退订|退货"
    ),
    "change": re.compile(
        r"\b(?:update|change|modify|edit|reschedule|move|set|extend|renew|upgrade|rename|transfer|assign|rate|review|pay"
        r"|confirm|approve)|修改|更改|改约|改期|改签|更新|变更|调整|延长|续|转|评价|评分|支付|确认"
    ),
    "find": re.compile(
        r"\b(?:get|query|list|search|find|look ?up|check|view|show|track|fetch|read|see|status|browse)"
        r"|查询|查看|查找|搜索|检索|列出|获取|跟踪|进度"
    ),
    "make": re.compile(
        r"\b(?:create|add|new|book|reserve|open|submit|report|register|order|place|request|schedule|make|apply|log|file"
        r"|rent|buy|start|send|post)|新建|创建|新增|预订|预约|下单|提交|登记|申请|报修|报名|办理|租|购买|发起|投诉"
    ),
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.]+")
#: Endings of an id's name that say nothing of what it is the id of.
_ID_ENDINGS = frozenset({"id", "no", "number", "num", "code", "ref", "reference", "key"})


@dataclass(frozen=True, slots=True)
class Member:
    """A tool that works on a family's rows; `key`: its field with the row's id, "" where it has none."""

    tool: ToolSlots
    verb: Verb
    key: str


@dataclass(frozen=True, slots=True)
class Family:
    """One table and the tools that work on it. `key`: the column of the id; `pattern` of its values, "" for none."""

    table: str
    key: str
    pattern: str
    members: tuple[Member, ...]


def verb_of(tool: ToolSlots) -> Verb:
    """What a tool does: by its name, else by the first clause of its description."""
    for text in (_split(tool.tool.name), re.split(r"[,，。.;；]", tool.tool.description)[0].lower()):
        found = [(match.start(), verb) for verb, pattern in _VERBS.items() if (match := pattern.search(text))]
        if found:
            return min(found)[1]
    return "other"


def families(tools: Sequence[ToolSlots]) -> tuple[Family, ...]:
    """The families of a domain's tools; tools that belong to none are left out."""
    keys: dict[tuple[str, str], list[ToolSlots]] = {}
    for tool in tools:
        if (owned := _key(tool)) is not None:
            keys.setdefault(owned, []).append(tool)
    made = [tool for tool in tools if _key(tool) is None and verb_of(tool) == "make"]
    found: list[Family] = []
    for (key, pattern), owners in keys.items():
        stem = _stem(key)
        makers = [tool for tool in made if stem and stem in _split(tool.tool.name).split()]
        if not makers and len(keys) == 1:
            makers = made
        members = [*(Member(tool, "make", "") for tool in makers), *(Member(t, verb_of(t), key) for t in owners)]
        found.append(Family(_table(stem or key), key, pattern, tuple(members)))
    taken = {member.tool.tool.name for family in found for member in family.members}
    for tool in made:
        if tool.tool.name not in taken:
            found.append(Family(_table(_noun(tool)), "id", "", (Member(tool, "make", ""),)))
    return tuple(_named_apart(found))


def _key(tool: ToolSlots) -> tuple[str, str] | None:
    """(name, pattern) of the required id that a tool works on; None for a tool without one."""
    for slot in tool.slots:
        if slot.required and len(slot.path) == 1 and slot.field.kind is Kind.ID:
            return slot.name, str(slot.field.schema.get("pattern", ""))
    return None


def _split(name: str) -> str:
    return " ".join(part.lower() for part in _CAMEL.split(name) if part)


def _stem(key: str) -> str:
    words = _split(key).split()
    while words and words[-1] in _ID_ENDINGS:
        words.pop()
    return words[-1] if words else ""


def _noun(tool: ToolSlots) -> str:
    words = [word for word in _split(tool.tool.name).split() if not any(p.search(word) for p in _VERBS.values())]
    return words[-1] if words else tool.tool.name.lower()


def _table(stem: str) -> str:
    return stem if stem.endswith("s") or not stem.isascii() else f"{stem}s"


def _named_apart(found: Sequence[Family]) -> Iterator[Family]:
    seen: dict[str, int] = {}
    for family in found:
        seen[family.table] = n = seen.get(family.table, 0) + 1
        table = family.table if n == 1 else f"{family.table}{n}"
        yield Family(table, family.key, family.pattern, family.members)
