"""What a tool does, told by its name and its description: makes, finds, changes, closes or declines.

One rule: a word that can only be a verb (cancel, 查询) outweighs one that is a noun as well (order, report, 预约).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from manyshot.types import REJECT, Tool

Verb = Literal["make", "find", "change", "note", "close", "decline", "other"]

#: Words that are verbs wherever they stand in a name. `note` adds to a row that may be closed already.
_SURE: Mapping[Verb, str] = {
    "close": "cancel delete remove revoke terminate void refund unsubscribe checkout quxiao",
    "change": "update change modify edit reschedule postpone extend renew upgrade downgrade rename assign reassign "
    "adjust correct reset replace confirm approve gaiqi xiugai",
    "find": "get query list search find lookup check fetch read retrieve browse track trace show view chaxun",
    "make": "create add book reserve submit register apply open new make send buy enroll enrol xinjian tijiao",
}  # fmt: skip
#: Words that are nouns as well: they count where no sure one stands.
_UNSURE: Mapping[Verb, str] = {
    "close": "close end stop return release drop withdraw",
    "change": "move set switch transfer swap exchange shift pay freeze resume topup top recharge accept",
    "find": "see status progress balance quote estimate",
    "make": "order place request schedule report file log rent hire hold start post claim complain yuyue baoming "
    "baoxiu shenqing",
    "note": "rate rating review feedback",
}
_CHINESE: Mapping[Verb, str] = {
    "close": "取消|撤销|撤回|删除|注销|关闭|作废|终止|退订|退货|退款|退租",
    "change": "修改|更改|改约|改期|改签|改到|更新|变更|调整|延长|延期|续|更换|支付|缴|确认|转让|设置|充值",
    "find": "查|搜索|检索|列出|获取|跟踪|浏览",
    "make": "新建|创建|新增|添加|预订|预约|下单|提交|登记|申请|报修|报名|报案|上报|办理|租用|购买|发起|投诉|安排|开具",
    "note": "评价|评分|打分",
}
_NEW = re.compile("新建|创建|新增|登记")
_LEADS: Mapping[str, Verb] = {"look": "find", "looks": "find", "put": "change"}
_TABLE: Mapping[str, tuple[Verb, bool]] = {
    word: (verb, sure)
    for words, sure in ((_UNSURE, False), (_SURE, True))
    for verb, line in words.items()
    for word in line.split()
}
_PARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^0-9A-Za-z\u4e00-\u9fff]+")
_CLAUSE = re.compile(r"[,，。.;；:：(（]")


def words_of(name: str) -> list[str]:
    """The words of a tool's or a field's name in lower case: "orders_trackOrder" -> orders, track, order."""
    return [part.lower() for part in _PARTS.split(name) if part]


def verb_of(tool: Tool) -> Verb:
    """By a name that declines, or a sure word of it; else by the description's first words, or an unsure word."""
    if REJECT.search(tool.name):
        return "decline"
    words = words_of(tool.name)
    found = [_TABLE[word] for word in words if word in _TABLE]
    for verb, sure in found:
        if sure:
            return verb
    if ("note", False) in found:
        return "note"
    return _chinese(tool.name) or _lead(tool.description) or (found[0][0] if found else "other")


def verb_word(tool: Tool) -> str:
    """The word of the name that says what is done; "" when none does."""
    known = [word for word in words_of(tool.name) if word in _TABLE]
    return next((word for word in known if _TABLE[word][1]), known[0] if known else "")


def nouns_of(tool: Tool) -> list[str]:
    """The words of the name that say what it is done to, in order."""
    verb = verb_word(tool)
    return [word for word in words_of(tool.name) if word != verb and not _is_sure(word)]


def brings_its_id(tool: Tool) -> bool:
    """Whether a tool that makes something, and takes an id, takes the new one's (CreateUser), not a known one's."""
    return verb_word(tool) in ("create", "register", "new") or _NEW.match(tool.description) is not None


def _is_sure(word: str) -> bool:
    return _TABLE.get(word, ("other", False))[1]


def _lead(description: str) -> Verb | None:
    clause = _CLAUSE.split(description.strip(), maxsplit=1)[0]
    if verb := _chinese(clause):
        return verb
    first = (clause.lower().split() or [""])[0]
    return _LEADS.get(first) or next((_TABLE[word][0] for word in _bases(first) if word in _TABLE), None)


def _chinese(text: str) -> Verb | None:
    found = [(match.start(), verb) for verb, words in _CHINESE.items() if (match := re.search(words, text))]
    return min(found)[1] if found else None


def _bases(word: str) -> Iterator[str]:
    """cancels -> cancel, files -> file, applies -> apply, searches -> search."""
    yield word
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s"):
        yield word[:-1]
