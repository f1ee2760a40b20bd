"""What a guided assistant says of itself, whatever the desk, and the wish for a person, by which it stops.

One rule: nothing here is of one desk; experts' words stand in its dialogues.
"""

from __future__ import annotations

import re

from manyshot.types import Language

#: A wish to talk to a person, in the middle of a flow: nobody is kept from one.
_PERSON = re.compile(
    r"(?<![不没别])(?:转|找|要|换|接|叫)(?:个|一下|一个|到|给)?(?:人工|真人|活人)|人工(?:客服|服务|坐席)"
    r"|\b(?:talk|speak|put me through|connect me|transfer me)\s+(?:to|with)\s+(?:an?\s+|your\s+)?"
    r"(?:real |actual |live |human )*(?:person|human|agent|someone real|operator|representative)\b"
    r"|\b(?:want|need|get me|give me)\s+(?:an?\s+)?(?:real |actual |live )*"
    r"(?:person|human(?: being| agent)?|live agent)\b",
    re.IGNORECASE,
)
_NO_PERSON = re.compile(
    r"(?:不用|不要|不必|别|无需)[^，,。]{0,4}(?:人工|真人|活人)"
    r"|\b(?:don't|do not|no need)\b[^.,]{0,20}\b(?:person|human|agent)\b",
    re.IGNORECASE,
)


def wants_person(said: str) -> bool:
    """Whether a customer asks for a person."""
    return bool(_PERSON.search(said)) and not _NO_PERSON.search(said)


def person_words(language: Language) -> tuple[str, str, str]:
    """Thought, action and reply for who wants a person."""
    if language == "zh":
        return "客户要找人工。", "转人工：客户要求。", "好的，现在为您转接人工客服，请稍候。"
    return (
        "The customer asks for a person.",
        "Hand over to a person: the customer asks for one.",
        "Of course, I will put you through to a person.",
    )


def hand_over_words(language: Language) -> tuple[str, str, str]:
    """Thought, action and reply where the flow leads nowhere."""
    if language == "zh":
        return (
            "按流程没有下一步可走，要由人工接手。", "转人工：这件事需要人工继续办理。",
            "抱歉，这件事我没能办好，现在为您转接人工客服，请稍候。",
        )  # fmt: skip
    return (
        "The flow leads nowhere from here; a person has to take over.",
        "Hand over to a person: the flow leads nowhere.",
        "I am sorry, I could not get this done. I will put you through to a person.",
    )


def left_words(language: Language) -> str:
    """Before a reply, where a flow was dropped."""
    return "好的，刚才那件事先不办了。" if language == "zh" else "All right, I leave that."


def back_words(language: Language, question: str) -> tuple[str, str]:
    """Action and reply with which a flow that was put aside is gone on with."""
    if language == "zh":
        return "回到刚才的事，再问一次。", f"我们回到刚才的事：{question}"
    return "Go back to what was begun, and ask again.", f"Now back to what we were doing. {question}"
