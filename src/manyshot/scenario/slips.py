"""What a customer that a chat model plays does wrong: found by code, so that it is not counted against the assistant.

One rule: a message is wrong by what stands in it. A value is known where profile, goal, opening or assistant named it;
who rewords its profile so far that nothing of it can be found again errs, too: nobody could hold an assistant to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from manyshot.flow.steps import Flow
from manyshot.flow.words import grams
from manyshot.scenario.customer import Customer, tells
from manyshot.types import Language, Tool
from manyshot.values.numbers import read_en, read_zh
from manyshot.values.text import fold

SlipKind = Literal[
    "invented", "false", "contradiction", "gave_up", "left_role", "garbage", "refused", "timeout"
]  # fmt: skip
#: Characters of the longest message that a customer writes; how often it may write the same one.
LONGEST, OFTEN = 400, 2
#: Part of a value's words that tell it.
_ENOUGH = 0.5
_MARKUP = re.compile(r"\s*(?:[\[{<]|```|<\|)")
_REFUSAL = re.compile(
    r"\bI(?:'m| am) (?:sorry|unable)\b.{0,40}\b(?:can(?:no|')t|unable|assist|help|comply)"
    r"|\bI can(?:no|')t (?:assist|help|comply)\b"
    r"|(?:抱歉|对不起)[，,]?\s*我(?:无法|不能)|我(?:无法|不能)(?:协助|满足|完成|提供)",
    re.IGNORECASE,
)
_OUT_OF_ROLE = re.compile(
    r"\bas an? (?:AI|artificial|language model|assistant)\b|\blanguage model\b|\bsystem prompt\b|\brole-?play"
    r"|how (?:can|may) I (?:help|assist) you|\bmy profile\b|(?m:^\s*(?:assistant|customer|user|agent)\s*[:：])"
    r"|作为(?:一[个名])?(?:AI|人工智能|语言模型|助手|客服)|语言模型|系统提示|扮演|有什么可以(?:帮|为)您|我的资料(?:里|中)|(?m:^\s*(?:助手|客服|客户|用户)\s*[:：])",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[a-z0-9][\w.+-]*@[a-z0-9.-]+[a-z0-9]")
_DATE = re.compile(r"(\d{4})[-/.](\d\d?)[-/.](\d\d?)")
#: A number written in groups, as a phone's.
_GROUPS = re.compile(r"[+(]?\d{1,4}[)]?(?:[ .-]{1,2}\(?\d{2,4}\)?)+(?![\w])")
_CODE = re.compile(r"[a-z0-9]*\d[a-z0-9]*")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|am|pm|h|k)")
_ZH_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百千]+(?=点|号|月|日|个|位|楼|层|元|块|人|台|件|年|室|栋|单元)")
_EN_NUMBER = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|"
    r"six|seven|eight|nine))?)\b"
)
_YES = re.compile(r"\b(?:yes|yeah|yep|sure|correct|right)\b|是的?|对|好的?|可以|行", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|nope|not|never)\b|n't\b|不|没|否|别", re.IGNORECASE)
#: What a profile may say for a yes or no.
_PLAIN: Mapping[str, bool] = {"true": True, "yes": True, "是": True, "false": False, "no": False, "否": False}


class Slip(NamedTuple):
    """One error of a customer, and what shows it."""

    kind: SlipKind
    why: str


@dataclass(slots=True)
class Watch:
    """What one customer knows, and what it has said so far.

    script: tells which keys of the profile a reply asks for. choices: key -> texts of which it has one.
    """

    script: Customer
    language: Language
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _heard: list[str] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    _answers: dict[tuple[str, ...], str] = field(default_factory=dict)

    def opened(self, opening: str) -> None:
        """The scenario's own first message."""
        self._note(opening, ())

    def wants(self, reply: str) -> list[str]:
        """Keys of the profile that a reply surely asks for and that were not told yet."""
        return [key for key in self.script.surely_asked(reply) if key not in self._told]

    def slip(self, reply: str, text: str) -> Slip | None:
        """What is wrong with a message, an answer to `reply`; a good one is noted."""
        asked = tuple(self.script.surely_asked(reply))
        self._heard.append(reply)
        found = (
            self._unreadable(text) or self._strange(reply, text) or self._invented(text)
            or self._false(text, asked) or self._contrary(reply, text, asked)
        )  # fmt: skip
        if found is None:
            self._note(text, asked)
        return found

    def left(self, reply: str) -> Slip | None:
        """Whether it may go after a reply: not while something of its profile is asked for that it did not tell."""
        missing = self.wants(reply)
        return Slip("gave_up", f"left while {', '.join(missing)} was asked for") if missing else None

    def _note(self, text: str, asked: tuple[str, ...]) -> None:
        self._said.append(text)
        self._told |= {key for key, value in self.script.scenario.profile.items() if told(text, value)}
        if asked:
            self._answers[asked] = text

    @property
    def _own(self) -> str:
        """What it may say of itself."""
        scenario = self.script.scenario
        profile = (
            " ".join(map(str, value)) if isinstance(value, list) else value for value in scenario.profile.values()
        )
        return "\n".join([scenario.opening, scenario.goal, *map(str, profile)])

    def _unreadable(self, text: str) -> Slip | None:
        if not any(char.isalnum() for char in text):
            return Slip("garbage", "wrote nothing")
        if len(text) > LONGEST:
            return Slip("garbage", f"wrote {len(text)} characters, at most {LONGEST} are a customer's")
        if _MARKUP.match(text):
            return Slip("garbage", "wrote markup or data")
        if sum(char == "\ufffd" or not (char.isprintable() or char.isspace()) for char in text):
            return Slip("garbage", "wrote signs that are no text")
        if len(text) >= 40 and self.language == "zh" and not re.search(r"[\u4e00-\u9fff]", text):
            return Slip("garbage", "wrote no Chinese")
        if self._said.count(text) >= OFTEN:
            return Slip("garbage", f"wrote the same more than {OFTEN} times")
        return None

    def _strange(self, reply: str, text: str) -> Slip | None:
        own = self._own
        if (found := _REFUSAL.search(text)) and found[0] not in own:
            return Slip("refused", f"{found[0]!r}")
        if (found := _OUT_OF_ROLE.search(text)) and found[0] not in own:
            return Slip("left_role", f"{found[0].strip()!r}")
        if len(text) >= 12 and _plain(text) == _plain(reply):
            return Slip("left_role", "repeats the assistant's message")
        return None

    def _invented(self, text: str) -> Slip | None:
        known = _Known("\n".join([self._own, *self._heard]))
        strange = next((value for value in _values(text) if not known.has(value)), None)
        return Slip("invented", f"{strange} is neither in its profile nor was it named to it") if strange else None

    def _false(self, text: str, asked: tuple[str, ...]) -> Slip | None:
        profile, own = self.script.scenario.profile, self._own
        for key, choices in self.choices.items():
            right = [one for one in choices if tells(str(profile[key]), one)]
            others = [one for one in choices if tells(text, one) and not tells(own, one)]
            if right and others and not any(tells(text, one) for one in right):
                return Slip("false", f"{key}: said {others[0]}, its profile has {profile[key]}")
        if len(asked) == 1 and (due := _PLAIN.get(str(profile[asked[0]]).strip().lower())) is not None:
            if (said := _polarity(text)) is not None and said != due:
                return Slip("false", f"{asked[0]}: said {'yes' if said else 'no'}, its profile has {profile[asked[0]]}")
            return None
        fresh = [key for key in asked if key not in self._told]
        if fresh and not re.search(r"[?？]", text) and not any(told(text, value) for value in profile.values()):
            return Slip("false", f"was asked for {', '.join(fresh)} and told nothing of its profile")
        return None

    def _contrary(self, reply: str, text: str, asked: tuple[str, ...]) -> Slip | None:
        before = self._answers.get(asked) if asked else None
        if before is None:
            return None
        for choices in (self.choices[key] for key in asked if key in self.choices):
            then, now = ({one for one in choices if tells(said, one)} for said in (before, text))
            if then and now and then.isdisjoint(now) and not any(tells(reply, one) for one in now):
                return Slip("contradiction", f"said {min(now)}, before {min(then)}")
        then, now = set(_values(before)), set(_values(text))
        if then and now and then.isdisjoint(now) and now.isdisjoint(_values(reply)):
            return Slip("contradiction", f"said {min(now)}, before {min(then)}")
        if not then and not now and {_polarity(before), _polarity(text)} == {True, False}:
            return Slip("contradiction", f"said {text!r}, before {before!r}")
        return None


class _Known:
    """Values of a text, to be looked up."""

    def __init__(self, text: str) -> None:
        self._squeezed = re.sub(r"[\s().+-]", "", fold(text))
        self._values = set(_values(text))
        self._half = bool(re.search(r"半|\bhalf\b", text))

    def has(self, value: str) -> bool:
        if value in self._values or (len(value) >= 4 and value in self._squeezed):
            return True
        if not value.isdecimal() or len(value) > 2:
            return False
        number = int(value)  # 14:00 is 2:00; its minutes are no value of their own
        return (
            number == 0
            or (number == 30 and self._half)
            or not self._values.isdisjoint((str(number + 12), str(number - 12)))
        )


def told(text: str, value: Any) -> bool:
    """Whether a text tells a value of a profile: to the letter, by its numbers, or by half of its words."""
    if isinstance(value, list):
        return any(told(text, one) for one in value)
    if isinstance(value, bool):
        return _polarity(text) is value
    said = str(value)
    if tells(text, said) or not set(_values(said)).isdisjoint(_values(text)):
        return True
    words = grams(said)
    return bool(words) and len(words & grams(text)) >= _ENOUGH * len(words)


def choices_of(profile: Mapping[str, Any], flows: Sequence[Flow], tools: Sequence[Tool]) -> dict[str, tuple[str, ...]]:
    """The choices of each key of a profile that has some, as texts: of the flow's slot, or of a tool's field.

    Choices of one sign are left out: they stand in too many words.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key in profile:
        slots = (flow.slots[key].values for flow in flows if key in flow.slots)
        fields = (tool.properties[key].get("enum") for tool in tools if key in tool.properties)
        for values in (*slots, *fields):
            if values and all(isinstance(one, str) and len(one) > 1 for one in values):
                found.setdefault(key, tuple(map(str, values)))
    return found


def _values(text: str) -> Iterator[str]:
    """Numbers, ids and addresses of a text, each in one form: 07 and seven are 7."""
    text = fold(text)
    yield from _MAIL.findall(text)
    text = _MAIL.sub(" ", text)
    text = _DATE.sub(r" \1 \n \2 \n \3 \n ", text)
    for groups in _GROUPS.findall(text):
        digits = re.sub(r"\D", "", groups)
        if len(digits) >= 7:
            yield digits
            text = text.replace(groups, " ")
    for code in _CODE.findall(text):
        ordinal = _ORDINAL.fullmatch(code)
        plain = ordinal[1] if ordinal else code
        yield plain.lstrip("0") or "0"
    for number in _ZH_NUMBER.findall(text):
        value = read_zh(number)
        if value is not None and value >= 2:
            yield str(value)
    for number in _EN_NUMBER.findall(text):
        yield str(read_en(number))


def _polarity(text: str) -> bool | None:
    """Yes, no, or neither; "not wrong" counts as no."""
    if _NO.search(text):
        return False
    return True if _YES.search(text) else None


def _plain(text: str) -> str:
    return "".join(char for char in fold(text) if char.isalnum())
