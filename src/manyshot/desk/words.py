"""What the desk says, in its two languages. One rule: no message repeats what the caller sent."""

from __future__ import annotations

from typing import Literal

from manyshot.desk.states import State

Language = Literal["zh", "en"]

_SAYINGS: dict[str, tuple[str, str]] = {
    "required": ("缺少 {field}", "{field} is required"),
    "misfit": ("{field} 不符合要求：{rule}", "{field} does not fit: {rule}"),
    "no_json": ("请求内容不是 JSON", "the body is no JSON"),
    "no_token": ("缺少或无效的令牌", "the token is missing or not valid"),
    "not_allowed": ("这个令牌不能做这件事", "this token may not do that"),
    "no_customer": ("要写明为哪位客户办理", "say for which customer the call is"),
    "unknown_customer": ("没有这位客户", "there is no such customer"),
    "no_ticket": ("没有这张工单", "there is no such ticket"),
    "closed": ("工单{state}，不能再改", "the ticket is {state} and can no longer be changed"),
    "no_move": ("工单{state}，不能改为{wanted}", "the ticket is {state} and cannot become {wanted}"),
    "not_done": ("工单{state}，完成后才能评价", "the ticket is {state}; it can be rated once it is done"),
    "rated": ("已经评价过了", "the ticket has been rated already"),
    "no_day": ("没有这一天", "there is no such day"),
    "no_time": ("没有这个时间", "there is no such time"),
    "past": ("这个时间已经过去", "that is in the past"),
    "too_far": ("只能约 {days} 天以内", "a visit can be booked at most {days} days ahead"),
    "no_shift": ("师傅没有这一班", "no technician works at that time"),
    "full": ("这个时间已经约满", "that time is booked out"),
    "day_full": ("今天不能再建工单了", "no more tickets can be made today"),
    "key_reused": ("这个幂等键已用于另一个请求", "this idempotency key was used for another request"),
    "busy": ("系统繁忙，请稍后再试", "the desk is busy; try again"),
    "broken": ("系统出错", "the desk failed"),
    "too_large": ("请求内容超过 {bytes} 字节", "the body is larger than {bytes} bytes"),
    "too_slow": ("请求内容没有按时到达", "the body did not arrive in time"),
}
_STATES: dict[State, tuple[str, str]] = {
    State.WAITING: ("待派单", "waiting"),
    State.ASSIGNED: ("已派单", "assigned"),
    State.IN_PROGRESS: ("处理中", "in progress"),
    State.DONE: ("已完成", "done"),
    State.CANCELLED: ("已取消", "cancelled"),
}


def say(language: Language, name: str, **parts: object) -> str:
    return _SAYINGS[name][language == "en"].format(**parts)


def state_word(language: Language, state: State) -> str:
    return _STATES[state][language == "en"]


def state_of(word: str) -> State:
    """The state that a word of either language means. Raises KeyError."""
    return next((state for state, words in _STATES.items() if word in words), None) or State(word)
