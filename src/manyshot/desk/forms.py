"""What is sent to the desk and what comes back. One rule: the OpenAPI file says all that is checked here.

Names, patterns and bounds are those of the shipped domain ticket_desk; a test holds the tools imported from the file
against that domain's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from manyshot.desk.guard import PROBLEM
from manyshot.desk.work import Period


def _given(value: Any) -> Any:
    if value is None:
        raise ValueError("leave it out instead of null")
    return value


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


T = TypeVar("T")
#: A field that may be left out. Null is no value of it, so no tool is told that it could be.
Optional = Annotated[T | SkipJsonSchema[None], BeforeValidator(_given), Field(json_schema_extra=_no_default)]


def _printable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("no NUL")
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Address = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]
Words = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_printable)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$")]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, max_length=10)]
Phone = Annotated[str, Field(pattern=r"^1[3-9]\d{9}$")]
Number = Annotated[str, Field(pattern=r"^CHB\d{11}$")]
TICKET = "工单号，大写字母 CHB 加 11 位数字"


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(_Query):
    """An error, in the form of RFC 9457. `field` names what is to blame, where there is one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["title", "status", "detail"]})
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str = ""


_PROBLEM = {"content": {PROBLEM: {"schema": Problem.model_json_schema()}}}
#: What a route answers besides what it is for, in an OpenAPI file.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "refused; field names what is to blame", **_PROBLEM},
    "5XX": {"description": "busy or broken; the same key makes it safe to try again", **_PROBLEM},
}


class SolutionQuery(_Query):
    problem: Words = Field(description="故障现象，照原话")
    limit: int = Field(3, ge=1, le=10, description="最多返回几条办法")


class SlotQuery(_Query):
    date: Day = Field(description="要查询的日期，格式 YYYY-MM-DD")
    area: Optional[Line] = Field(None, description="服务区域（区、县）")
    period: Optional[Period] = Field(None, description="时段：morning 上午，afternoon 下午，evening 晚上")


class CustomerQuery(_Query):
    phone: Phone = Field(description="客户手机号，11 位数字")


class NewTicket(_Body):
    userName: Line = Field(description="联系人姓名")
    problem: Words = Field(description="故障现象，照原话")
    address: Address = Field(description="上门地址")
    serveTime: Moment = Field(description="上门时间，格式 YYYY-MM-DD HH:MM，24 小时制")
    phone: Optional[Phone] = Field(None, description="联系电话；不填就用客户档案里的手机号")
    isVIP: Optional[bool] = Field(None, description="客户自称是否 VIP；以客户档案为准")
    quantity: int = Field(1, ge=1, le=1000, description="需要维修的设备台数")


class Cancellation(_Body):
    reason: Optional[Words] = Field(None, description="取消原因")


class Visit(_Body):
    newTime: Moment = Field(description="新的上门时间，格式 YYYY-MM-DD HH:MM，24 小时制")


class Rating(_Body):
    score: float = Field(ge=1, le=5, multiple_of=0.5, allow_inf_nan=False, description="评分，1 到 5 分，可以有半分")
    comment: Optional[Words] = Field(None, description="评语")


class Step(_Body):
    state: Literal["in_progress", "done", "cancelled"]


# -- answers -----------------------------------------------------------------------------------------------------------


class Solutions(BaseModel):
    solutions: list[str]


class Slots(BaseModel):
    date: str
    slots: list[str]


class Made(BaseModel):
    ticketId: str
    status: str
    serveTime: str
    technician: str | None


class Whole(Made):
    userName: str
    problem: str
    address: str


class Ended(BaseModel):
    ticketId: str
    status: str


class Moved(BaseModel):
    ticketId: str
    serveTime: str
    technician: str | None


class Rated(BaseModel):
    ticketId: str
    score: float


class Profile(BaseModel):
    phone: str
    userName: str
    isVIP: bool
    car: str
    charger: str
    warranty: str | None
