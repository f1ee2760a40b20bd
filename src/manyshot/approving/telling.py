"""What the replay says, for people who have the page and no command line, and in Chinese where that is their language.

The one rule: only wording changes here. What no line of the tables fits is shown as the replay says it.
"""

from __future__ import annotations

import re

from manyshot.types import Language

#: What only a command line can do is left out; on the page a button does it.
_ADVICE = (
    r": manyshot shots fill writes it$",
    r"; manyshot shots fill writes it as expected: \.\.\., to be looked over$",
    r": manyshot shots propose completes it$",
    r"; manyshot shots propose lays calls beside its Actions$",
    r"; see manyshot flow paths$",
    r"; see docs/\w+\.md$",
)
#: Keywords of schemas that a person may meet.
_KEYWORDS = {
    "maximum": "不超过", "minimum": "不小于", "enum": "取值", "const": "取值", "pattern": "格式", "format": "格式",
    "type": "类型", "required": "必填", "minLength": "最短", "maxLength": "最长", "additionalProperties": "多余的字段",
}  # fmt: skip
_CHANGE = ((": created ", "：新增 "), (": changed ", "：改动 "), (": removed ", "：删除 "))
_ZH = (
    (r"an Observation, but no Action of this dialogue calls a tool", "有系统的回答，但整段对话没有任何一次调用"),
    (r"the customer speaks first; found (\w+),.*", r"应当由客户先开口，这里却是 \1"),
    (r"the last word is the assistant's reply; found (\w+),.*", r"最后一句应当是对客户的答复，这里却是 \1"),
    (r"an Observation without an Action above it;.*", "系统的回答上面没有行动；请补上行动，或改成客户的话"),
    (r"the answer of a tool, but the Action above calls none;.*", "这是接口的回答，但上面的行动没有调用接口"),
    (r"a call without an Observation below it;.*", "调用下面没有系统的回答"),
    (r'there is no tool "(.*)"; known: .*', r"没有叫“\1”的接口"),
    (r"(\S+): wanted (\w+) (.*), found (.*)", r"\1 不合接口的规定：要求 \2 \3，现在是 \4"),
    (r"no exact answer; the world says (.*)", r"没有系统的确切回答；系统实际回答 \1"),
    (r"an empty Observation; the world says (.*)", r"系统的回答是空的；系统实际回答 \1"),
    (r"the world answers (.*), found (.*); correct one of them", r"系统实际回答 \1，这里写的是 \2；请改正其中之一"),
    (r"the words name (.*), which the answer below them does not: (.*)", r"文字里提到 \1，而下面的回答里没有：\2"),
    (r"the Action does not name (.*); the acting model sees only the Action",
     r"行动里没有写出 \1；执行模型只看得到行动这一句，请把它写进去"),
    (r"(\S+) has (\S+) = (.*), which neither the customer nor a tool said before",
     r"\1 的 \2 = \3，但客户和系统此前都没有说过"),
    (r"the reply names (.*), which neither the customer nor a tool said before",
     r"答复里提到 \1，但客户和系统此前都没有说过"),
    (r'there is no flow "(.*?)";.*', r"没有叫“\1”的流程"),
    (r'there is no path "(.*?)".*', r"没有叫“\1”的路径"),
    (r"no path of (.*) makes these calls: (.*)", r"流程 \1 没有一条路径是这样调用的：\2"),
    (r"the path (.*) never makes these calls: (.*)", r"路径 \1 不是这样调用的：\2"),
    (r"it fits (\d+) paths: (.*); write the one .*", r"它符合 \1 条路径：\2；请在下面选定要走的那一条"),
    (r'the path ends with a hand-over \("(.*)"\), but the last Action and reply do not say so',
     r"这条路径以转人工结束（\1），但最后的行动和答复里没有说"),
    (r"the last Action hands over to a person, but the path ends without one",
     "最后的行动转了人工，但这条路径不转人工"),
    (r'(\S+) lacks "(.*)", which the flow\'s step (\S+) gives', r"\1 缺少 \2，流程的步骤 \3 要求填写"),
    (r"(\S+) has (\S+) = (.*), but the (\S+) known here is (.*)", r"\1 的 \2 = \3，但此处已知的 \4 是 \5"),
    (r"(\S+) has (\S+) = (.*), but the flow gives (.*)", r"\1 的 \2 = \3，但流程规定填 \4"),
    (r'(\S+) has "(.*)", which the flow does not give at (\S+);.*', r"\1 填了 \2，但流程的步骤 \3 不填它"),
    (r'the path takes "(.*)" at (\S+), but (.*)', r"路径在步骤 \2 走“\1”，但 \3"),
    (r"the dialogue changes the world \((.*)\) and does not say that it should",
     r"这段对话会改变系统（\1），但没有写明应当如此；采用系统的回答，就会写上"),
    (r"expected created (.*), but nothing changed", r"应当新增 \1，实际没有变化"),
    (r"expected changed (.*), but nothing changed", r"应当改动 \1，实际没有变化"),
    (r"expected cancelled (.*), but nothing changed", r"应当取消 \1，实际没有变化"),
    (r"expected created (.*?}), but (.*)", r"应当新增 \1，实际是 \2"),
    (r"expected changed (.*?}), but (.*)", r"应当改动 \1，实际是 \2"),
    (r"expected cancelled (.*?}), but (.*)", r"应当取消 \1，实际是 \2"),
    (r"not expected: (.*)", r"没有写明会有的变化：\1"),
)  # fmt: skip


def told(message: str, language: Language) -> str:
    """A problem in the words of the page."""
    for advice in _ADVICE:
        message = re.sub(advice, "", message)
    return changed(_chinese(message), language) if language == "zh" else message


def changed(change: str, language: Language) -> str:
    """A change of the systems, or words with one in them."""
    for pattern, words in _CHANGE if language == "zh" else ():
        change = change.replace(pattern, words)
    return change


def _chinese(message: str) -> str:
    for pattern, words in _ZH:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            said = found.expand(words)
            return re.sub(r"(?<=要求 )\w+", lambda keyword: _KEYWORDS.get(keyword[0], keyword[0]), said)
    return message
