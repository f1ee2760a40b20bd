"""Domain folders that the data tests make or find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from manyshot.spec.load import load_domain
from manyshot.types import Domain

ROOT = Path(__file__).parents[2]
#: Every domain of the tree.
FOLDERS = sorted(
    p.parent for place in ("src/manyshot/domains", "bench/domains") for p in (ROOT / place).glob("*/domain.toml")
)

NAMES = ["张三", "李小龙", "王芳", "赵敏", "孙大伟", "周杰", "吴桐", "郑爽", "钱多多", "冯唐"]
PROBLEMS = [
    "充电桩跳闸", "充电枪拔不出来", "充电很慢", "屏幕不亮", "无法启动充电", "空调不制冷", "车机黑屏", "刹车异响",
]  # fmt: skip
DATES = ["2024-10-11", "2024-10-12", "2024-10-13", "2024-10-15", "2024-10-20", "2024-11-01"]

TICKET: dict[str, Any] = {
    "name": "TicketCreate",
    "description": "创建服务工单",
    "parameters": {
        "type": "object",
        "properties": {
            "userName": {"type": "string", "description": "用户姓名"},
            "problem": {"type": "string", "description": "故障现象"},
            "visitDate": {"type": "string", "format": "date", "description": "上门日期"},
            "isVIP": {"type": "boolean", "description": "是否VIP客户"},
        },
        "required": ["userName", "problem", "visitDate", "isVIP"],
    },
}
CANCEL: dict[str, Any] = {
    "name": "TicketCancel",
    "description": "取消工单",
    "parameters": {
        "type": "object",
        "properties": {
            "ticketId": {"type": "string", "description": "工单号", "pattern": "^TK\\d{6}$"},
            "reason": {"type": "string", "description": "取消原因"},
        },
        "required": ["ticketId"],
    },
}
SHOTS: list[dict[str, Any]] = [
    {
        "action": "为VIP客户张三创建工单，故障是充电桩跳闸，10月12日上门。",
        "call": {"name": "TicketCreate", "arguments": {
            "userName": "张三", "problem": "充电桩跳闸", "visitDate": "2024-10-12", "isVIP": True}},
    },
    {
        "action": "普通客户王芳报修空调不制冷，请后天派人去看看。",
        "call": {"name": "TicketCreate", "arguments": {
            "userName": "王芳", "problem": "空调不制冷", "visitDate": "2024-10-12", "isVIP": False}},
    },
    {
        "action": "请把工单TK000123取消掉，原因是已经修好了。",
        "call": {"name": "TicketCancel", "arguments": {"ticketId": "TK000123", "reason": "已经修好了"}},
    },
    {"action": "今天天气怎么样？", "call": None},
]  # fmt: skip


def write(
    folder: Path,
    tools: list[dict[str, Any]],
    shots: list[dict[str, Any]],
    values: dict[str, list[Any]] | None = None,
    extra: str = "",
    language: str = "zh",
) -> Path:
    """A domain folder; without `values` it holds domain.toml, tools.json and shots/calls.jsonl and nothing else."""
    (folder / "shots").mkdir(parents=True)
    (folder / "domain.toml").write_text(f'name = "desk"\nlanguage = "{language}"\ntoday = 2024-10-10\n{extra}', "utf-8")
    (folder / "tools.json").write_text(json.dumps([{"type": "function", "function": t} for t in tools]), "utf-8")
    lines = (json.dumps(s, ensure_ascii=False) + "\n" for s in shots)
    (folder / "shots" / "calls.jsonl").write_text("".join(lines), "utf-8")
    if values:
        (folder / "values.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    return folder


def lesson(folder: Path) -> Domain:
    """The lesson's desk: 10 names x 8 problems x 6 dates x VIP or not."""
    values: dict[str, list[Any]] = {"userName": NAMES, "problem": PROBLEMS, "visitDate": DATES}
    return load_domain(write(folder / "lesson", [TICKET], [s for s in SHOTS if _of(s, "TicketCreate")], values))


def plain(folder: Path, extra: str = "") -> Domain:
    """Two tools, four shots, nothing more."""
    return load_domain(write(folder / "plain", [TICKET, CANCEL], SHOTS, extra=extra))


def _of(shot: dict[str, Any], name: str) -> bool:
    return bool(shot["call"]) and shot["call"]["name"] == name


def leaves(value: Any) -> Iterator[Any]:
    """The leaves of nested objects and lists, in order."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value
