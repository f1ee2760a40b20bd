"""domain.toml -> settings. The one rule: every key is known and of its type, or a fault says what to write instead."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from manyshot.spec.documents import check_keys, read_text
from manyshot.spec.faults import Findings, near, show
from manyshot.spec.rules import read_rules
from manyshot.spec.teacher import read_teacher
from manyshot.types import DIALOGUE_KINDS, PAIR_KINDS, Context, Language, Rule, TeacherConfig

FILE = "domain.toml"
LANGUAGES: dict[str, Language] = {"zh": "zh", "zh-CN": "zh", "en": "en", "en-US": "en"}
BASE = "gemma-3-270m"
_NEEDED = ("name", "language", "today")
_OPTIONAL = (
    "timezone",
    "base",
    "require_approval",
    "shares",
    "weights",
    "teacher",
    "strength",
    "rules",
    "dialogue_shares",
)
#: Tables of shares -> the classes that they may name, and of what these are.
_KINDS = {"shares": (PAIR_KINDS, "pairs"), "dialogue_shares": (DIALOGUE_KINDS, "dialogues")}
#: Covering arrays of more than this are as long as the full product.
STRONGEST = 6
#: The hour taken when `today` is a date only: customers write during the day.
_MORNING = time(9, 0)


@dataclass(frozen=True, slots=True)
class Settings:
    """What domain.toml says. `weights_file` is what stands under [weights] file, relative to the domain folder."""

    name: str
    context: Context
    base: str = BASE
    require_approval: bool = False
    shares: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    weights_file: str | None = None
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    teacher: TeacherConfig | None = None
    strength: int = 2
    #: With the lines on which they begin.
    rules: tuple[tuple[Rule, int], ...] = ()
    dialogue_shares: dict[str, float] = field(default_factory=dict)


def read_settings(folder: Path, findings: Findings) -> Settings | None:
    """The settings; None after a fault."""
    text = read_text(folder, FILE, findings)
    if text is None:
        return None
    try:
        # tomllib reads a lone carriage return as an error of its own, so the text goes in as it is.
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        findings.fault(FILE, line, f"bad TOML: {error}; text needs double quotes")
        return None
    lines = _lines(text)
    before = len(findings.faults)
    for key, message in check_keys(table, _NEEDED, _OPTIONAL, FILE):
        findings.fault(FILE, lines.get((key,), 1), message)
    settings = _settings(table, lines, text, findings)
    return settings if len(findings.faults) == before else None


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Lines of tables and keys, by their looks; enough for hand-written files."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, row in enumerate(text.split("\n"), 1):
        if found := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", row):
            table = tuple(part.strip().strip("\"'") for part in found[1].split("."))
            lines.setdefault(table, number)
        elif found := re.match(r"""\s*("[^"]*"|'[^']*'|[^\s#="']+)\s*=""", row):
            lines.setdefault((*table, *found[1].strip("\"'").split(".")), number)
            lines.setdefault((*table, found[1].strip("\"'")), number)
    return lines


def _settings(
    table: dict[str, Any], lines: dict[tuple[str, ...], int], text: str, findings: Findings
) -> Settings | None:
    def bad(key: str, message: str) -> None:
        findings.fault(FILE, lines.get((key,), 1), message)

    name = table.get("name", "domain")
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        bad("name", f"wanted a name of letters, digits and _ . - in quotes, found {show(name)}")
        name = "domain"
    given = table.get("language", "en")
    if not isinstance(given, str) or given not in LANGUAGES:
        bad("language", f"wanted one of {', '.join(LANGUAGES)} as language, found {show(given)}; correct it")
    language = LANGUAGES.get(str(given), "en")
    zone = _zone(table.get("timezone", "+08:00" if language == "zh" else "+00:00"))
    if zone is None:
        bad("timezone", f'wanted an offset as "+08:00" or a name as "Asia/Shanghai", found {show(table["timezone"])}')
    today = _today(table.get("today", date(2000, 1, 1)), zone or UTC)
    if today is None:
        bad("today", f'wanted a date as 2024-10-10 or "2024-10-10T09:00", found {show(str(table["today"]))}')
    base, approval = table.get("base", BASE), table.get("require_approval", False)
    if not isinstance(base, str) or not base.strip():
        bad("base", f'wanted the name or the path of a model in quotes, found {show(base)}; leave it out for "{BASE}"')
    if not isinstance(approval, bool):
        bad("require_approval", f"wanted true or false, found {show(approval)}; write it without quotes")
    weights, file = _weights(table, lines, findings)
    shares = _numbers(table, "shares", lines, findings)
    dialogues = _numbers(table, "dialogue_shares", lines, findings)
    teacher = read_teacher(table["teacher"], FILE, lines, findings) if "teacher" in table else None
    strength = table.get("strength", 2)
    if not isinstance(strength, int) or isinstance(strength, bool) or not 1 <= strength <= STRONGEST:
        bad("strength", f"wanted a whole number from 1 to {STRONGEST} as strength, found {show(strength)}")
        strength = 2
    rules = read_rules(table["rules"], text, FILE, findings) if "rules" in table else ()
    if not isinstance(base, str) or today is None:
        return None
    context = Context(today=today, language=language)
    return Settings(
        name, context, base, approval is True, shares, weights, file, lines, teacher, strength, rules, dialogues
    )


def _zone(value: Any) -> tzinfo | None:
    if not isinstance(value, str):
        return None
    if value in ("Z", "UTC"):
        return UTC
    if found := re.fullmatch(r"([+-])(\d{2}):?(\d{2})", value):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset) if offset < timedelta(hours=24) else None
    try:
        return ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        return None


def _today(value: Any, zone: tzinfo) -> datetime | None:
    """The moment with its offset; None when the value is no date."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, _MORNING)
        if not isinstance(value, datetime):
            return None
        placed = value if value.tzinfo else value.replace(tzinfo=zone)
        # A fixed offset, since records are stored and a zone's name would not be.
        return placed.replace(tzinfo=timezone(placed.utcoffset() or timedelta()))
    except (ValueError, OverflowError):
        return None


def _weights(
    table: dict[str, Any], lines: dict[tuple[str, ...], int], findings: Findings
) -> tuple[dict[str, float], str | None]:
    given = table.get("weights", {})
    file = given.get("file") if isinstance(given, dict) else None
    if not isinstance(file, str):
        return _numbers(table, "weights", lines, findings), None
    if len(given) > 1:
        other = next(k for k in given if k != "file")
        findings.fault(FILE, lines.get(("weights", other), 1), "wanted file or tool = weight in [weights], found both")
    return {}, file


def _numbers(
    table: dict[str, Any], name: str, lines: dict[tuple[str, ...], int], findings: Findings
) -> dict[str, float]:
    given = table.get(name, {})
    if not isinstance(given, dict):
        findings.fault(FILE, lines.get((name,), 1), f"wanted a table [{name}] of name = number, found {show(given)}")
        return {}
    good: dict[str, float] = {}
    for key, value in given.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            good[key] = float(value)
        else:
            line = lines.get((name, key), lines.get((name,), 1))
            findings.fault(FILE, line, f"wanted a number from 0 for {key} in [{name}], found {show(value)}")
    kinds, what = _KINDS.get(name, ((), ""))
    for key in (k for k in given if kinds and k not in kinds):
        message = f'[{name}] names "{key}", which is no class of {what}; {near(key, kinds)}'
        findings.fault(FILE, lines.get((name, key), lines.get((name,), 1)), message)
    # Shares that are left out keep their usual value.
    every = len(good) == len(given) and set(good) >= set(kinds)
    if good and every and not any(good.values()):
        findings.fault(FILE, lines.get((name,), 1), f"all numbers in [{name}] are 0; give at least one more than 0")
    return good


def check_weights(settings: Settings, tools: list[str], findings: Findings) -> None:
    """Every weight names a tool."""
    for name in settings.weights:
        if name not in tools:
            line = settings.lines.get(("weights", name), 1)
            findings.fault(FILE, line, f'[weights] names "{name}", which is no tool; {near(name, tools)}')
