"""What the plain words of a chart mean in this domain: a tool, a field, a kind of step.

The one rule: a guess is made from the domain's own words (descriptions of tools and fields, the experts' shots) and
a few verbs; it is a proposal, which the importer says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from manyshot.flow.words import hands_over, held
from manyshot.spec.imports.names import identifier
from manyshot.spec.weights import Route
from manyshot.types import Json, Tool

#: So much of the words of a node must stand in a tool's description or in one of its shots for it to be proposed.
ALIKE = 0.5
#: Words that begin or mark a question to the customer, and those that begin something told.
_ASKING = ("ask", "collect", "request", "询问", "请问", "收集", "确认", "提供", "了解", "核实", "追问")
_TELLING = (
    "tell", "inform", "notify", "reply", "explain", "greet", "thank", "告诉", "告知", "通知", "回复", "答复", "提醒",
    "安抚", "致歉", "道歉", "感谢",
)  # fmt: skip
#: What the customer alone knows or wants; a decision with such a word is a question to the customer.
_CUSTOMER = (
    "customer", "user", "caller", "agree", "accept", "satisfied", "客户", "用户", "您", "同意", "接受", "愿意", "满意",
)  # fmt: skip
_AND = re.compile(r"\s*(?:[,，、和与及&/]|\band\b)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Desk:
    """What an importer may know of the domain: its tools, and how experts word their calls (actions by tool)."""

    tools: Mapping[str, Tool]
    actions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Where the operations of an OpenAPI domain are called.
    routes: tuple[Route, ...] = ()

    def nearest_tool(self, words: str) -> str | None:
        """The tool whose description or shots hold most of these words; None when no one stands out."""
        scores = {name: max(held(words, text) for text in self._texts(name)) for name in self.tools}
        ranked = sorted(scores, key=lambda name: -scores[name])
        if not ranked or scores[ranked[0]] < ALIKE:
            return None
        alone = len(ranked) == 1 or scores[ranked[1]] < scores[ranked[0]]
        return ranked[0] if alone else None

    def _texts(self, name: str) -> list[str]:
        return [name, self.tools[name].description, *self.actions.get(name, ())]

    def nearest_field(self, words: str) -> str | None:
        """The field of any tool whose name or description holds most of these words; None when there is none."""
        fields = {field: str(schema.get("description", "")) for field, schema in self.fields().items()}
        best = max(fields, key=lambda name: max(held(words, name), held(words, fields[name])), default=None)
        if best is None or max(held(words, best), held(words, fields[best])) < ALIKE:
            return None
        return best

    def fields(self) -> dict[str, Json]:
        """Every field of every tool by name; the first tool that has it counts."""
        found: dict[str, Json] = {}
        for tool in self.tools.values():
            for name, schema in tool.properties.items():
                found.setdefault(name, schema if isinstance(schema, dict) else {})
        return found


def mentions_customer(words: str) -> bool:
    """Whether words speak of the customer, or of what only the customer can say."""
    return any(word in words.lower() for word in _CUSTOMER)


def kind_of(words: str, desk: Desk, *, closed: bool, otherwise: str) -> tuple[str, str]:
    """(kind of step, what its exact words would be) for plain words.

    `closed`: nothing follows them. `otherwise` names a slot that no field of a tool can name.
    """
    folded, tool = words.lower(), desk.nearest_tool(words)
    if closed and hands_over(words):
        return "handoff", words
    if folded.startswith(_TELLING):
        return "say", words
    if any(word in folded for word in _ASKING) and (
        tool is None or folded.startswith(_ASKING) or mentions_customer(words)
    ):
        return "ask", f"{', '.join(_slots_in(words, desk, otherwise))}\n{words}"
    if tool:
        return "call", tool
    return ("end" if closed else "say"), words


def _slots_in(words: str, desk: Desk, otherwise: str) -> list[str]:
    """The slots that plain words ask for: fields of tools, or a new one named after the words."""
    bare = re.sub("|".join((*_ASKING, *_CUSTOMER, "的", r"\b(?:the|for)\b")), " ", words, flags=re.IGNORECASE)
    parts = [part for part in _AND.split(bare.strip(" ?？:：")) if part.strip()]
    found = [name for part in parts if (name := desk.nearest_field(part))]
    return list(dict.fromkeys(found)) or [identifier(bare if len(bare.strip()) <= 12 else "", otherwise)]
