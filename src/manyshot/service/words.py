"""The service's words in English and Chinese. One rule: both tables have the same keys (a test compares them)."""

from __future__ import annotations

import re

from manyshot.types import Language

EN: dict[str, str] = {
    "lang": "en",
    "title": "Help desk",
    "other_language": "中文",
    "write": "Write to us",
    "send": "Send",
    "again": "New conversation",
    "welcome": "Hello! What can I do for you?",
    "you": "You",
    "assistant": "Assistant",
    "person": "Colleague",
    "working": "One moment, I am looking into it",
    "doing": "Working on it: {tool}",
    "done": "Done: {tool}",
    "failed": "Did not work: {tool}",
    "made": "Your ticket",
    "number": "Number",
    "queue": "A colleague will take over. You can write on; nothing gets lost.",
    "joined": "A colleague has taken over.",
    "back": "The assistant goes on from here.",
    "closed": "This conversation is closed.",
    "ask_yes": "May I do this?",
    "ask_person": "A colleague has to agree to this first. One moment, please.",
    "yes": "Yes",
    "no": "No",
    "agreed": "agreed",
    "refused": "not agreed",
    "not_agreed": "the customer did not agree",
    "offline": "The connection is lost. What you wrote is kept and is sent when it is back.",
    "not_sent": "This could not be sent:",
    "too_long": "at most {most} characters",
    "why_model": "the model does not answer",
    "why_broken": "the assistant broke",
    "why_time": "it takes too long",
    "why_long": "the conversation is too long for the assistant",
    "why_changed": "the assistant was changed since",
    "staff_title": "Conversations for people",
    "nothing": "Nobody waits.",
    "customer": "Customer",
    "since": "Since",
    "reason": "Why",
    "first_words": "First words",
    "known": "Known so far",
    "tickets": "Tickets",
    "state": "State",
    "state_open": "with the assistant",
    "state_queue": "waits for a person",
    "state_person": "with {by}",
    "state_closed": "closed",
    "wants_yes": "wants your yes",
    "take": "Take over",
    "answer": "Answer the customer",
    "give_back": "Give back to the assistant",
    "close": "Close",
    "all": "Back to the list",
    "trace": "What the assistant did",
    "think": "Thinks",
    "action": "Does",
    "observation": "Answer of the system",
    "reply": "Says",
    "key": "key",
    "gone": "There is no such page here",
}

ZH: dict[str, str] = {
    "lang": "zh-CN",
    "title": "服务台",
    "other_language": "English",
    "write": "请输入您的问题",
    "send": "发送",
    "again": "新的对话",
    "welcome": "您好！请问有什么可以帮您？",
    "you": "您",
    "assistant": "助手",
    "person": "人工客服",
    "working": "请稍候，正在为您处理",
    "doing": "正在办理：{tool}",
    "done": "已办理：{tool}",
    "failed": "没有办成：{tool}",
    "made": "您的工单",
    "number": "编号",
    "queue": "人工客服将为您继续办理。您可以继续留言，内容不会丢失。",
    "joined": "人工客服已接手。",
    "back": "接下来由助手继续为您服务。",
    "closed": "本次对话已结束。",
    "ask_yes": "可以为您办理吗？",
    "ask_person": "这一步需要同事先确认，请稍候。",
    "yes": "可以",
    "no": "不",
    "agreed": "已同意",
    "refused": "未同意",
    "not_agreed": "客户没有同意",
    "offline": "连接已断开。您写的内容已保留，恢复后会自动发送。",
    "not_sent": "这条没有发出：",
    "too_long": "最多 {most} 个字",
    "why_model": "模型没有响应",
    "why_broken": "助手出了故障",
    "why_time": "处理时间过长",
    "why_long": "对话太长，助手无法继续",
    "why_changed": "助手在此期间更新过",
    "staff_title": "待人工处理的对话",
    "nothing": "没有等待的对话。",
    "customer": "客户",
    "since": "开始时间",
    "reason": "原因",
    "first_words": "客户的话",
    "known": "已知信息",
    "tickets": "工单",
    "state": "状态",
    "state_open": "由助手处理",
    "state_queue": "等待人工",
    "state_person": "由{by}处理",
    "state_closed": "已结束",
    "wants_yes": "等您确认",
    "take": "接手",
    "answer": "回复客户",
    "give_back": "交还助手",
    "close": "结束对话",
    "all": "返回列表",
    "trace": "助手的处理过程",
    "think": "思考",
    "action": "行动",
    "observation": "系统的回答",
    "reply": "答复",
    "key": "键",
    "gone": "没有这个页面",
}
_WORDS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}
_YES = re.compile(
    r"\s*(?:好|好的|好吧|行|可以|是|是的|对|对的|嗯|同意|确认|确定|没问题"
    r"|yes|yes please|yeah|yep|ok|okay|sure|please do|go ahead|agreed?)[\s。！!.，,]*",
    re.IGNORECASE,
)


def words(language: Language) -> dict[str, str]:
    return _WORDS[language]


def say(language: Language, key: str, /, **parts: object) -> str:
    """The words for a key, with its parts in them."""
    return _WORDS[language][key].format(**parts)


def said_yes(text: str) -> bool:
    """Whether a message is a plain yes and nothing else; whatever else it is, the call is not made."""
    return _YES.fullmatch(text) is not None
