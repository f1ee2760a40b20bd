"""Variables of a Dify workflow -> slots.

The one rule: a variable of a node is one slot, wherever it is named; who knows its value follows from the node: the
start and the outside give it, calls fill it, extractors ask for it, and what other nodes make is judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from manyshot.flow.steps import PLACE, CallTool
from manyshot.spec.imports.dify_graph import Node, items, mapping, text
from manyshot.spec.imports.draft import Draft
from manyshot.spec.imports.names import slot_name

_VARIABLE = re.compile(r"\{\{#\s*([\w.-]+?)\s*#\}\}")
#: Variables that a node has about itself: whether it worked, and why not.
_ABOUT_ITSELF = ("__", "error_message", "error_type")


class Variables:
    """The slots of a draft by the node and the variable that they stand for. `stepping`: kinds that become steps."""

    def __init__(self, nodes: Mapping[str, Node], draft: Draft, stepping: frozenset[str]) -> None:
        self.nodes, self.draft, self.stepping = nodes, draft, stepping
        self.slots: dict[tuple[str, str], str] = {}
        self.taken: set[str] = set()

    def slot(self, node: str, variable: str) -> str:
        """The slot that stands for a variable of a node; it is declared when it is first met."""
        key = (node, variable)
        if key not in self.slots:
            source = self.nodes.get(node)
            name = base = slot_name(self._words(variable, source).replace(".", "_"), "value")
            number = 1
            while name in self.taken:
                number += 1
                name = f"{base}_{number}"
            self.taken.add(name)
            self.slots[key] = name
            self._declare(name, node, variable, source)
        return self.slots[key]

    @staticmethod
    def _words(variable: str, source: Node | None) -> str:
        if source is None or source.kind in ("start", "parameter-extractor"):
            return variable
        return source.title if source.kind == "question-classifier" else f"{source.title}_{variable}"

    def _declare(self, name: str, node: str, variable: str, source: Node | None) -> None:
        if source is None or source.kind == "start":
            self.draft.slot(name)
            self.draft.given.append(name)
            if source is None and node != "sys":
                self.draft.proposed(0, f"{node}.{name} is given from outside; ask for it or fill it instead")
            return
        classified = source.kind == "question-classifier"
        judged = source.kind not in self.stepping or classified or variable.startswith(_ABOUT_ITSELF)
        self.draft.slot(name, source.title, judged=judged)

    def selected(self, selector: Any) -> str | None:
        """The slot of a selector as [node, variable]; None when it is none."""
        parts = [text(part) for part in items(selector)]
        return self.slot(parts[0], ".".join(parts[1:])) if len(parts) > 1 and all(parts) else None

    def worded(self, value: Any) -> str:
        """Text whose variables are {slot}s. Braces that Dify does not read are made brackets, as they mean nothing."""
        parts = _VARIABLE.split(text(value))
        plain = [PLACE.sub(r"(\1)", part) for part in parts[::2]]
        named = ["{" + self._named(path) + "}" for path in parts[1::2]]
        return "".join(part for pair in zip(plain, [*named, ""], strict=True) for part in pair)

    def _named(self, path: str) -> str:
        node, _, variable = path.partition(".")
        return self.slot(node, variable or "value")

    def argument(self, value: Any) -> Any:
        """A tool's argument: {type, value} whose value is a selector, a text with variables or a constant."""
        row = mapping(value)
        inner = row.get("value") if row else value
        if isinstance(inner, list) and (slot := self.selected(inner)):
            return f"{{{slot}}}"
        return self.worded(inner) if isinstance(inner, str) else inner

    def fill(self, entry: Mapping[str, str]) -> None:
        """Let calls fill the slots that stand for what they answered. `entry`: the step of each node that has one."""
        for (node, variable), slot in self.slots.items():
            step = self.draft.steps.get(entry.get(node, ""))
            if isinstance(step, CallTool) and not self.draft.slots[slot].judged:
                fills = {**step.fills, slot: variable}
                self.draft.steps[step.id] = step.model_copy(update={"fills": fills})
