# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""What kind of value a parameter takes, from its name and description. The one rule: the table decides, top down."""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise


class Kind(StrEnum):
    """The kinds of values that are read and said in different ways."""

    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    INTEGER = "integer"
    NUMBER = "number"
    DURATION = "duration"
    PHONE = "phone"
    EMAIL = "email"
    ID = "id"
    PERSON = "person"
    ADDRESS = "address"
    AREA = "area"
    PLATE = "plate"
    URL = "url"
    REASON = "reason"
    PROBLEM = "problem"
    TITLE = "title"
    NOTE = "note"
    PRODUCT = "product"
    TEXT = "text"
    ENUM = "enum"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"


#: Kinds whose values are copied as they are said.
FREE = frozenset(
    {Kind.PERSON, Kind.ADDRESS, Kind.AREA, Kind.REASON, Kind.PROBLEM, Kind.TITLE, Kind.NOTE, Kind.PRODUCT, Kind.TEXT}
)
_FORMATS = {"date": Kind.DATE, "time": Kind.TIME, "date-time": Kind.DATETIME, "email": Kind.EMAIL, "idn-email": Kind.EMAIL,
            "uri": Kind.URL, "url": Kind.URL, "iri": Kind.URL, "phone": Kind.PHONE, "uuid": Kind.ID}  # fmt: skip
# In this order: the first row with a word of the name wins; then the first with a word of the description.
_TABLE: tuple[tuple[Kind, str, str], ...] = (
    (Kind.EMAIL, "email mail", "邮箱|电邮|邮件地址|e-?mail"),
    (Kind.URL, "url uri link website homepage", "网址|链接|\\burl\\b"),
    (Kind.PLATE, "plate licenseplate carno", "车牌|licen[cs]e plate|number plate"),
    (Kind.PHONE, "phone mobile tel telephone cell cellphone contactnumber phonenumber", "电话|手机|联系方式|phone|mobile number"),
    (Kind.DATETIME, "datetime timestamp", "日期时间|日期和时间|date and time"),
    (Kind.DATE, "date day birthday dob", "日期|生日|哪一天|\\bdate\\b"),
    (Kind.ID, "id no number code sku serial vin imei zip zipcode postcode uuid ref account card flight order barcode pnr",
     "编号|单号|房号|工号|序列号|邮编|卡号|账号|航班号|车次|编码|代码|号码|条码|订单号|\\bid\\b|identifier|number of the|serial number|postal code"),
    (Kind.TIME, "time clock", "时间|时刻|几点|\\btime\\b"),
    (Kind.REASON, "reason cause why", "原因|理由|reason"),
    (Kind.PROBLEM, "problem issue fault symptom complaint defect failure", "故障|问题|症状|投诉|problem|issue|fault|what is wrong"),
    (Kind.TITLE, "title subject topic headline", "标题|主题|抬头|title|subject line"),
    (Kind.NOTE, "note notes remark remarks comment comments message memo description details detail content instructions text body query",
     "备注|留言|说明|内容|描述|note|remark|comment|message"),
    (Kind.PRODUCT, "product item goods model brand device dish part material package", "商品|产品|物品|型号|菜名|品名|配件|物料|product|item"),
    (Kind.AREA, "city area district province region country county town state", "城市|区域|地区|省份|哪个市|city|district|region|country"),
    (Kind.ADDRESS, "address addr street location place destination origin venue site pickup dropoff room", "地址|地点|位置|住址|场所|address|location|place|where"),
    (Kind.PERSON, "person contact customer guest user recipient passenger owner technician doctor patient applicant employee assignee attendee host visitor driver who fullname firstname lastname surname",
     "姓名|联系人|收件人|称呼|客人|负责人|申请人|人名|名字|name of the (?:person|guest|customer|contact)|full name|person|who"),
)  # fmt: skip
_NAMED = {"customer", "guest", "contact", "user", "person", "recipient", "passenger", "owner", "full", "first", "last",
          "patient", "applicant", "employee", "driver", "visitor", "technician", "doctor", "host", "receiver", "sender",
          "caller", "client", "member", "student", "teacher", "holder", "booker"}  # fmt: skip
_GENERIC = {"no", "number", "num", "nr"}
#: Words of a description that speak of a moment.
_MOMENT = re.compile(
    r"时间|时刻|日期|几点|何时|什么时候|[年月日天]|\b(?:when|time|date|day|hour|clock|moment|month|year|yyyy|hh)\b|yyyy|hh:",
    re.IGNORECASE,
)
_AT_END = {"at", "start", "end", "deadline", "when", "begin", "from", "until", "due", "eta", "etd", "timeslot", "slot"}


def name_words(name: str) -> tuple[str, ...]:
    """contactName, contact_name, ContactName -> ("contact", "name")."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^0-9A-Za-z\u4e00-\u9fff]+", " ", name)
    return tuple(spaced.lower().split())


def of_format(name: str | None) -> Kind | None:
    return _FORMATS.get(name or "")


def of_words(words: tuple[str, ...], description: str) -> Kind:
    """The kind of a text parameter; TEXT where no word is known."""
    core = words[:-1] if len(words) > 1 and words[-1] in _GENERIC else words
    if core[:-1] and core[-1] == "address" and core[-2] in ("mail", "email", "web"):
        core = core[:-1]
    for kind, names, _ in _TABLE[:4]:
        if core and core[-1] in names.split():
            return kind
    joined = {a + b for a, b in pairwise(words)}
    if words and words[-1] == "name" and (set(words[:-1]) & _NAMED):
        return Kind.PERSON
    order = [*words[::-1][:1], *words[:-1][::-1]]
    for word in [*joined, *order]:
        for kind, names, _ in _TABLE:
            if word in names.split():
                return kind
    about = _of_description(description)
    if words and words[-1] in _AT_END and (not description or _MOMENT.search(description)):
        return Kind.DATETIME
    # "At" and "from" are of places too, a deadline and a start are of time unless something else is named.
    if words and words[-1] in _AT_END - {"at", "from"} and about is Kind.TEXT:
        return Kind.DATETIME
    return about


def _of_description(description: str) -> Kind:
    text = description.lower()
    for clause in (re.split(r"[,，。.;；(（]", text)[0], text):
        # The words that come last in a phrase say what it is (联系人电话), the earliest row breaks ties.
        found = [(m.end(), -i, kind) for i, (kind, _, rule) in enumerate(_TABLE) for m in re.finditer(rule, clause)]
        if found and (clause != text or len(text) < 60):
            return max(found)[2]
    return Kind.TEXT
