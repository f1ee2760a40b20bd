# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""What a name and a description tell about the moments of a field. The one rule: what they do not say is not assumed."""

from __future__ import annotations

import re
from typing import NamedTuple

_PAST = re.compile(
    r"\b(?:lost|loss|stolen|theft|accident|incident|occurr?(?:ed|ence)|happened|noticed|purchased?|bought|birth(?:day|date)?|dob|punch(?:ed)?|crash|transaction|missed|should have been"
    r"|(?:was|were) (?:first )?(?:lost|stolen|read|seen|found|taken|made|damaged|missed|bought)|went (?:off|out|wrong|missing))\b"
    r"|发生|丢失|遗失|丢卡|丢的|被盗|失窃|事故|出险|出事|案发|补卡|补签|漏打卡|漏卡|忘打卡|购买|购机|出生|受伤|起病|发病"
)
#: Words for visits and the like: a day to come, whatever stands beside them.
_AHEAD = re.compile(r"\b(?:visit|appointment|booking|new|next|deadline|by)\b|预约|上门|计划|新的|之后|最晚|到期")
_BILLS = re.compile(
    r"\b(?:bill(?:ing)?|statement|payslip|pay ?slip|salary|wages?|usage|consumption|invoice|payroll)\b|账单|对账|流水|工资|薪|用量|话费|电费|水费|燃气费|发票"
)
_START = re.compile(
    r"\b(?:start(?:s|ing)?|begin(?:s|ning)?|since|first (?:day|date|month|payment)|check ?in)\b|开始|起始|起期|起点|从哪|入住"
)
_END = re.compile(
    r"\b(?:end(?:s|ing)?|until|till|last (?:day|date|month|payment)|expir\w*|check ?out)\b|结束|截止|截至|终止|为止|到哪|离店|退房"
)


class Sense(NamedTuple):
    """How the moments of a field lie."""

    #: They lie behind: the day of a loss, the time of an accident.
    past: bool = False
    #: They are the "start" or the "end" of a stretch of time.
    edge: str = ""


#: Names as paid_on and seenAt: of 94 such days in corpus desks all lay behind.
_DONE = re.compile(
    r"\b(?:given|done|paid|read|seen|born|found|taken|received|ordered|reported|sent|posted|used|issued|administered"
    r"|visited|attended|signed|stayed) (?:on|at|date|day)\b"
)


def of(words: tuple[str, ...], about: str, monthly: bool = False) -> Sense:
    """The sense of a field by its name (in words) and, where that says nothing, the first clause of its description.

    A month of bills, pay or usage lies behind too.
    """
    name, clause = " ".join(words), re.split(r"[,，。.;；(（]", about.lower())[0]
    both = f"{name} {clause}"
    past = bool(_PAST.search(name) or _DONE.search(name) or (_PAST.search(clause) and not _AHEAD.search(both)))
    past = past or (monthly and bool(_BILLS.search(f"{name} {about.lower()}")))
    return Sense(
        past,
        _edge(_START.search(name) or "from" in words, _END.search(name) or "to" in words)
        or _edge(_START.search(clause), _END.search(clause)),
    )


def _edge(start: object, end: object) -> str:
    return "" if bool(start) == bool(end) else "start" if start else "end"
