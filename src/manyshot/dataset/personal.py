# ruff: noqa: E501 - a rule stays on one line
"""Personal data in text and records: found, counted, redacted. One rule: rather a word too much than a person.

Found are mail addresses, phone numbers, identity numbers and bank cards (with their check digits), plates, network
addresses, keys, ids, accounts of messengers, birthdays, long numbers, also said sign by sign; addresses with a road and a
house, or behind a label; names behind a label or words that announce one. A name that nothing announces is not found:
what comes from logs is still to be read by a person.

Source: GB 11643 and ISO 7064 MOD 11-2 (identity numbers), ISO/IEC 7812 (Luhn); the other patterns are those that
values are read with.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

from manyshot.types import CallPair, Trajectory
from manyshot.values.ids import EMAIL, PHONE, PHONE_EN, PLATE, PLATE_UK

R = TypeVar("R", bound=Trajectory | CallPair)
_SURNAMES = (
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐|夏侯|"
    "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付傅"
    "方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁]"
)
_TITLES = "先生|女士|小姐|太太|师傅|老师|经理|医生|阿姨|大爷"
#: Names of fields, and labels in text, whose value is a person's name or a place where one lives.
_NAME_KEY = re.compile(
    r"(?:user|customer|client|contact|guest|patient|tenant|owner|real|full|first|last|technician|person|member|sender|"
    r"receiver|recipient|payee)[_-]?name|姓名|联系人|收件人|收货人|户主|客户名|technician|contact|name",
    re.IGNORECASE,
)
_ADDRESS_KEY = re.compile(r"(?:\w*[_-])?address|\w*Address|住址|地址|\w+地址", re.IGNORECASE)
#: Words that begin as surnames do and stand before 师傅 and the like.
_WORD = re.compile(
    "周[一二三四五六日天末]|安排|安装|安全|施工|金牌|黄金|高级|高压|白天|方便|万一|于是|常用|常见|温馨|康复|范围|江苏|任何|应急|向导"
)
#: Digits as they are said; 一 and 两 alone stand in many words, so it takes seven in a row, and several different ones.
_SAID = "[零〇洞一幺二两三四五六七拐八九]"
_SPOKEN = "(?:zero|oh|o|one|two|three|four|five|six|seven|eight|nine|(?:double|triple) (?:zero|oh|o|one|two|three|four|five|six|seven|eight|nine))"
_DATE = r"\d{4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}日?|\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ,]{1,2}\d{2,4}|[A-Za-z]{3,9} \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2}月\d{1,2}[日号]"
#: What stands behind a house's number: building, unit, floor, room.
_ROOMS = r"(?:[A-Za-z]?\d{0,4}[A-Za-z]?(?:院|号楼|号|栋|幢|座|单元|层|楼|室|房)){0,5}(?:[A-Za-z]?\d{2,4}[A-Za-z]?)?(?:室|房)?"
_END = r"[^\s,，?？!！。；;、\"“”'：:()（）\[\]{}]"


class _Rule(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    #: What it must be besides.
    holds: Callable[[str], bool] = lambda _: True


class Found(NamedTuple):
    """One piece of a text, from `start` to before `end`."""

    kind: str
    start: int
    end: int
    text: str


def _identity(text: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(d) * w for d, w in zip(text, weights, strict=False)) % 11] == text[-1].upper()


def _luhn(text: str) -> bool:
    digits = [int(d) for d in text if d.isdigit()][::-1]
    return sum(d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits)) % 10 == 0


def _network(text: str) -> bool:
    return all(int(part) < 256 for part in text.split("."))


def _iban(text: str) -> bool:
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _letters(text: str) -> bool:
    """A network address and no time of day: a gap, or many parts with hexadecimal letters."""
    return "::" in text or (text.count(":") > 4 and re.search("[a-fA-F]", text) is not None)


def _several(text: str) -> bool:
    """Digits of a number, and not the same sign over and over."""
    return len(set(text)) > 2


def _unmarked(text: str) -> bool:
    return not MARK.fullmatch(text)


def _person(text: str) -> bool:
    """A surname first, and no other word of two signs."""
    return re.match(_SURNAMES, text) is not None and not _WORD.fullmatch(text)


def _place(text: str) -> bool:
    return _unmarked(text) and re.search(r"\d|[省市区县镇村路街巷弄号楼栋幢室]", text) is not None


#: What the redactor puts in place of a piece.
MARK = re.compile(r"\[[a-z]+ \d+\]")
#: In the order in which they are tried; where two overlap the earlier one counts. A group in a pattern is the piece.
#: All are bounded, or begin where no longer piece could: a long text takes time in proportion.
_RULES: Final[Sequence[_Rule]] = (
    _Rule("key", re.compile(r"(?:ms[dk]|sk|pk|rk|ghp|gho|xox[abp]|AKIA)[-_]?[A-Za-z0-9_-]{16,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
    _Rule("key", re.compile(r"(?i:bearer\s{1,9}|(?:api[_-]?key|token|password|passwd|pwd|secret|密码|口令)(?:\W{1,4}|\W{0,2}(?:is|是|为)\W{0,2}))([\w.~+/!@#$%^&*-]{6,}=*)")),
    _Rule("mail", re.compile(rf"(?<![A-Za-z0-9._%+-]){EMAIL.pattern}")),
    _Rule("identity", re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])"), _identity),
    _Rule("identity", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])|(?<![A-Za-z0-9])[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])")),
    _Rule("card", re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"), _iban),
    _Rule("id", re.compile(r"(?<![0-9A-Za-z-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z-])")),
    _Rule("birthday", re.compile(rf"(?i:出生日期|出生年月|生日|出生于|date of birth|d\.?o\.?b\.?|birthday|born(?: on)?)(?i:\s{{0,3}}(?:[:：]|is|是|为))?\s{{0,3}}({_DATE})")),
    _Rule("phone", PHONE),
    _Rule("card", re.compile(r"(?<![0-9A-Za-z-])\d(?:[ -]?\d){12,18}(?![0-9A-Za-z-])"), _luhn),
    _Rule("network", re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), _network),
    _Rule("network", re.compile(r"(?<![0-9A-Za-z:])(?:[0-9a-fA-F]{1,4}:){1,7}(?::?[0-9a-fA-F]{1,4}){1,7}(?![0-9A-Za-z:])"), _letters),
    _Rule("plate", PLATE),
    _Rule("plate", PLATE_UK),
    _Rule("id", re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]{1,8}[-_]?|[A-Z]{1,8} )\d{5,}(?![A-Za-z0-9])")),
    _Rule("phone", PHONE_EN, lambda text: not text.isdigit()),
    _Rule("number", re.compile(r"(?<!\d)(?<!\d\.)\d{7,}(?!\d)")),
    _Rule("number", re.compile(rf"(?<!{_SAID})(?:{_SAID}[ 、，,-]?){{6}}{_SAID}(?:[ 、，,-]?{_SAID}){{0,13}}"), _several),
    _Rule("number", re.compile(rf"(?i:(?<!\w)(?:{_SPOKEN}[ ,-]{{1,2}}){{6,20}}{_SPOKEN}(?!\w))")),
    _Rule("account", re.compile(r"(?i:微信号?|wechat(?: id)?|企鹅号?|QQ号?)\s{0,3}(?i:[:：]|是|为|is)?\s{0,3}([A-Za-z0-9][\w-]{4,30})")),
    _Rule("name", re.compile(rf'"(?:{_NAME_KEY.pattern})"\s{{0,9}}:\s{{0,9}}"([^"\\]{{1,40}})"', re.IGNORECASE), _unmarked),
    _Rule("address", re.compile(rf'"(?:{_ADDRESS_KEY.pattern})"\s{{0,9}}:\s{{0,9}}"([^"\\]{{2,100}})"', re.IGNORECASE), _unmarked),
    _Rule("name", re.compile(rf"(?:姓名|联系人|收件人|收货人|户主|称呼)\s{{0,9}}(?:[:：]|是|为|叫)?\s{{0,9}}({_END}{{2,4}})"), _person),
    _Rule("name", re.compile(rf"(?:我叫|名叫|名字叫|名字是|本人)\s{{0,9}}((?:{_SURNAMES})[一-鿿·]{{1,2}})")),
    _Rule("name", re.compile(rf"((?:{_SURNAMES})[一-鿿]{{0,2}})(?:{_TITLES})"), _person),
    _Rule("name", re.compile(rf"(?:我是|这里是|[叫找]|联系)((?:{_SURNAMES})[一-鿿·]{{1,2}})(?=$|[\s，。,.;；!！?？、])"), _person),
    _Rule("name", re.compile(
        r"(?:(?i:my name is|name is|name['’]s|name\s{0,9}:|contact\s{0,9}:|this is|i am|i['’]m|call me|ask for|speak to|regards,|sincerely,)\s{1,9}|\b(?:Mr|Mrs|Ms|Miss|Dr)\.?\s{1,9})"
        r"([A-Z][\w'’-]+(?:\s{1,9}[A-Z][\w'’-]+){0,2})"
    )),
    _Rule("name", re.compile(r"(?i:my name is|my name['’]s)\s{1,9}(?!(?:on|in|not|the|a|already|there|under|spelled|spelt)\b)([a-z][\w'’-]+(?: [a-z][\w'’-]+)?)(?=\s{0,3}(?:$|[,.;!?\n]|and\b))")),
    _Rule("address", re.compile(rf"(?:地址|住址|住在)\s{{0,9}}(?:[:：]|是|为|写|在)?\s{{0,9}}({_END}{{4,60}})"), _place),
    _Rule("address", re.compile(
        r"[一-鿿]{2,4}(?:路|街|大道|道|巷|胡同|弄)[东南西北中]?(?:\d{1,5}|[一二三四五六七八九十百]{1,5})(?:号院|号楼|号|弄)"
        rf"(?:之\d{{1,3}})?{_ROOMS}"
    )),
    _Rule("address", re.compile(
        rf"[一-鿿]{{2,6}}(?:花园|小区|家园|公寓|大厦|新村|广场|苑|嘉园|城|府)(?:[A-Za-z]|\d{{1,4}}|[一二三四五六七八九十]{{1,3}})(?:号楼|号院|栋|幢|座|期|号|区|单元){_ROOMS}"
    )),
    _Rule("address", re.compile(
        r"(?<![\w-])\d{1,5}[A-Za-z]? (?:(?:[A-Z][\w.'’-]{0,20} ){1,4}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Court|Ct|Boulevard|Blvd|Way|Place|Pl|Square|Sq|"
        r"Terrace|Close|Crescent|Gardens|Grove|Parkway|Highway|Hwy)|(?:[a-z]{3,20} ){1,2}(?:street|avenue|lane|road))(?![\w-])(?:,? (?i:apt|apartment|unit|flat|suite|#)\.? ?\w{1,6})?"
    )),
    _Rule("address", re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2})(?![A-Za-z0-9])")),
    _Rule("address", re.compile(r"(?i:address\s{0,9}(?::|is)\s{0,9})([^\n;\[]{6,80})")),
)  # fmt: skip


def find(text: str) -> list[Found]:
    """All personal data of a text, in its order, without overlaps."""
    found: list[Found] = []
    taken = bytearray(len(text))  # 1 for each character that is part of a piece
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            group = 1 if rule.pattern.groups and match.group(1) else 0
            start, end = match.span(group)
            piece = match.group(group)
            if not any(taken[start:end]) and rule.holds(piece):
                found.append(Found(rule.kind, start, end, piece))
                taken[start:end] = b"\1" * (end - start)
    return sorted(found, key=lambda one: one.start)


def scan(one: Trajectory | CallPair) -> list[Found]:
    """All personal data of a record: of its texts, of its calls and answers by the names of their fields too."""
    found: dict[tuple[str, str], Found] = {}
    for value in _contents(one).values():
        for piece in _scan(value, ""):
            found.setdefault((piece.kind, piece.text), piece)
    return list(found.values())


def _contents(one: Trajectory | CallPair) -> dict[str, Any]:
    """The parts of a record that say what somebody said; ids, paths and places in files are ours."""
    if isinstance(one, CallPair):
        return one.model_dump(mode="json", include={"action", "call", "surfaces", "history"})
    return one.model_dump(mode="json", include={"turns", "setup", "expected"})


def _scan(value: Any, key: str) -> Iterator[Found]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not _of_tool(value, name):
                yield from _scan(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _scan(inner, key)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from find(str(value))
    elif isinstance(value, str) and value.strip() and _unmarked(value):
        if _NAME_KEY.fullmatch(key) and len(value) <= 40:
            yield Found("name", 0, len(value), value)
        elif _ADDRESS_KEY.fullmatch(key):
            yield Found("address", 0, len(value), value)
        else:
            yield from find(value)


def _of_tool(around: dict[str, Any], key: str) -> bool:
    """Whether it is the name of a tool in a call."""
    return key == "name" and around.keys() == {"name", "arguments"}


#: Where two pieces overlap the rest of one is found when the other has its mark.
_ROUNDS = 5


class Redactor:
    """Puts marks as [phone 1] in place of personal data; the same piece has the same mark wherever it stands."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._marks: dict[str, str] = {}
        self._numbers: dict[str, int] = defaultdict(int)

    def text(self, text: str) -> str:
        """A text without what `find` finds, and without what was found before."""
        return str(self.value(text))

    def value(self, value: Any) -> Any:
        """JSON of any kind, by the names of its fields too; numbers that are personal become their marks."""
        for _ in range(_ROUNDS):
            found = list(_scan(value, ""))
            for piece in found:
                self._mark(piece)
            value = self._walk(value)
            if not found:
                break
        return value

    def know(self, pieces: Iterable[str]) -> None:
        """Pieces that are personal for sure: each gets the mark of what it is found to be, or of something known."""
        for piece in filter(None, pieces):
            found = next((one.kind for one in find(piece) if one.text == piece), "known")
            self._mark(Found(found, 0, len(piece), piece))

    def _mark(self, piece: Found) -> None:
        key = piece.text
        if key not in self._marks:
            self._numbers[piece.kind] += 1
            self._marks[key] = f"[{piece.kind} {self._numbers[piece.kind]}]"

    def _replaced(self, text: str) -> str:
        if not self._marks:
            return text
        pattern = "|".join(map(_whole, sorted(self._marks, key=len, reverse=True)))

        def mark(match: re.Match[str]) -> str:
            found = self._marks[match.group()]
            self.counts[found[1:].split(" ")[0]] += 1
            return found

        return re.sub(pattern, mark, text)

    def _walk(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: inner if _of_tool(value, name) else self._walk(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._walk(inner) for inner in value]
        if isinstance(value, int) and not isinstance(value, bool):
            changed = self._replaced(str(value))
            return value if changed == str(value) else changed
        return self._replaced(value) if isinstance(value, str) else value


def _whole(piece: str) -> str:
    """The pattern of a piece: a word of letters alone, as Ann, does not stand inside another, as annual or Joann."""
    word = re.fullmatch(r"[A-Za-z\u00C0-\u024F]+", piece)
    return rf"(?<![^\W\d_]){piece}(?![a-z\u00DF-\u024F])" if word else re.escape(piece)


def redact(one: R, known: Iterable[str] = ()) -> tuple[R, Counter[str]]:
    """A record without personal data, and how many pieces of each kind were taken out. known: pieces that are personal
    for sure, as a customer's name."""
    redactor = Redactor()
    redactor.know(known)
    contents = redactor.value(_contents(one))
    return cast(R, type(one).model_validate({**one.model_dump(), **contents})), redactor.counts
