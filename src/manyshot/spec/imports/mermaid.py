"""A Mermaid flowchart -> a flow.

The one rule: exact words (`ask: slot`, `call: Tool`, `say: text`, `handoff: why`, `end: outcome`, conditions on edges)
are taken as they stand, which is how `flow.mermaid` draws; for plain words a kind, a tool and slots are proposed and
every proposal is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyshot.flow.conditions import ConditionError, parse, slots_of, write_value
from manyshot.flow.mermaid import ARROW, step_id
from manyshot.flow.steps import Arm, Ask, Branch, CallTool, End, Flow, FlowSlot, Handoff, Say, Scalar, places
from manyshot.spec.documents import parse_json, read_text
from manyshot.spec.faults import Findings
from manyshot.spec.imports.draft import Draft
from manyshot.spec.imports.guess import Desk, kind_of, mentions_customer
from manyshot.spec.imports.mermaid_chart import Chart, Edge, Node, decoded, read_chart
from manyshot.spec.imports.names import slot_name
from manyshot.types import Json, Source

_EXACT = re.compile(r"(ask|call|say|handoff|end)\s*[:：]\s*(.*)", re.DOTALL | re.IGNORECASE)
#: Tool(slot, field = value), which is short for lines of `field = {slot}` and `field = value`.
_BRACKETS = re.compile(r"([\w.-]+)\s*[(（](.*)[)）]")
_COMMA = re.compile(r"[,，]")
_COMMENT = re.compile(r"(?:(about|given)|(slot|judged)\s+(\w+))\s*:(.*)", re.DOTALL)
_ELSE = ("else", "otherwise", "default", "other", "others", "其他", "其它", "否则")
_FAILED = ("failed", "fails", "failure", "error", "timeout", "失败", "出错", "异常", "超时", "报错")
_START = ("start", "begin", "开始", "起点", "入口")


def import_mermaid(folder: Path, file: str, name: str, desk: Desk, findings: Findings) -> Flow | None:
    """The flow that a chart draws; None after a fault. Proposals and what was left out are hints."""
    text = read_text(folder, file, findings)
    chart = read_chart(file, text, findings) if text is not None else None
    return _Importer(file, chart, desk, findings).flow(name) if chart is not None else None


class _Importer:
    """Turns nodes into steps. `entry` is the step that edges into a node lead to, before all steps are made."""

    def __init__(self, file: str, chart: Chart, desk: Desk, findings: Findings) -> None:
        self.chart = chart
        self.draft = Draft(file, desk, findings)
        self._read_comments()
        self._resolve_groups()
        self.outgoing: dict[str, list[Edge]] = {name: [] for name in chart.nodes}
        self.incoming: dict[str, list[Edge]] = {name: [] for name in chart.nodes}
        for edge in chart.edges:
            self.outgoing[edge.source].append(edge)
            self.incoming[edge.target].append(edge)
        self.skipped = self._start_node()
        self.entry = {name: self.draft.fresh(step_id(name)) for name in chart.nodes if name != self.skipped}

    def flow(self, name: str) -> Flow:
        for node in self.chart.nodes.values():
            if node.id != self.skipped:
                self._step(node, self.outgoing[node.id])
        return self.draft.flow(name, self.entry[self._first()])

    # what stands around the nodes

    def _read_comments(self) -> None:
        for _, text in self.chart.comments:
            found = _COMMENT.fullmatch(text)
            if found is None:
                continue
            rest = found[4].strip()
            if found[1] == "about":
                self.draft.about = decoded(rest)
            elif found[1] == "given":
                self.draft.given = [self.draft.slot(word.strip()) for word in _COMMA.split(rest) if word.strip()]
            else:
                about, *values = (decoded(part) for part in rest.split("|"))
                self.draft.slots[slot_name(found[3])] = FlowSlot(
                    about=about, values=tuple(_value(value) for value in values), judged=found[2] == "judged"
                )

    def _resolve_groups(self) -> None:
        """An edge to a subgraph leads to its first node; one out of it cannot be carried over."""
        edges = []
        for edge in self.chart.edges:
            if edge.source in self.chart.groups:
                self.draft.lost(edge.line, f'the arrow out of subgraph "{edge.source}"; draw it from its last step')
                continue
            target, inside = edge.target, self.chart.groups.get(edge.target)
            if inside is not None:
                target = next((name for name in inside if name not in self.chart.groups), "")
                if not target:
                    self.draft.lost(edge.line, f'the arrow to subgraph "{edge.target}", which is empty')
                    continue
                self.draft.proposed(edge.line, f'the arrow to subgraph "{edge.target}" leads to its first step')
            edges.append(Edge(edge.source, target, edge.label, edge.line))
        self.chart.edges = edges
        for group in self.chart.groups:
            if len(self.chart.nodes) > 1:
                self.chart.nodes.pop(group, None)
        self.chart.edges = [e for e in edges if e.source in self.chart.nodes and e.target in self.chart.nodes]

    def _start_node(self) -> str | None:
        """A node that only says where the chart starts; it is no step."""
        for node in self.chart.nodes.values():
            plain = (node.words or node.id).strip().lower()
            if plain in _START and not self.incoming[node.id] and len(self.outgoing[node.id]) == 1:
                return node.id
        return None

    def _first(self) -> str:
        if self.skipped is not None:
            return self.outgoing[self.skipped][0].target
        roots = [name for name in self.chart.nodes if not self.incoming[name]]
        if len(roots) > 1:
            self.draft.proposed(
                self.chart.nodes[roots[0]].line,
                f'the flow starts at "{roots[0]}"; nothing leads to {", ".join(roots[1:])}',
            )
        return roots[0] if roots else next(iter(self.chart.nodes))

    # steps

    def _step(self, node: Node, edges: Sequence[Edge]) -> None:
        words = node.words or node.id
        exact = _EXACT.fullmatch(words)
        if not exact and ((len(edges) > 1 and not self._calls(edges)) or self._is_branch(node, edges)):
            self._decision(node, words, edges)
            return
        kind, rest = self._kind(node)
        if not exact:
            self._say_proposal(node, kind, rest)
        made = len(self.draft.steps)
        _MAKERS[kind](self, node, rest, list(edges))
        self.draft.put_first(self.entry[node.id], made)

    def _is_branch(self, node: Node, edges: Sequence[Edge]) -> bool:
        return node.shape in ("diamond", "hexagon") and bool(edges) and self._conditions(edges) is not None

    @staticmethod
    def _calls(edges: Sequence[Edge]) -> bool:
        return len(edges) == 2 and sum(edge.label.strip().lower() in _FAILED for edge in edges) == 1

    def _kind(self, node: Node) -> tuple[str, str]:
        """(kind, what follows its colon) of a node that is no decision; for plain words as `kind_of` guesses."""
        words = node.words or node.id
        if exact := _EXACT.fullmatch(words):
            return exact[1].lower(), exact[2].strip()
        return kind_of(words, self.draft.desk, closed=not self.outgoing[node.id], otherwise=node.id.lower())

    def _say_proposal(self, node: Node, kind: str, rest: str) -> None:
        what = {"ask": f"asks for {rest.partition(chr(10))[0]}", "call": f"calls {rest}"}.get(
            kind, f"is read as {kind}"
        )
        self.draft.proposed(
            node.line,
            f'"{_short(node.words or node.id)}" {what}; to change it write ask: SLOT, call: TOOL, say: text, ...',
        )

    def _source(self, node: Node) -> Source:
        return Source(file=self.draft.file, line=node.line)

    def _next(self, node: Node, edges: Sequence[Edge], words: str) -> str:
        """The step after a node: its one target, a decision between several, or an end when there is none."""
        if len(edges) == 1:
            return self.entry[edges[0].target]
        after = self.draft.fresh(f"{self.entry[node.id]}_{'next' if edges else 'end'}")
        if edges:
            self._branch(after, node, f"after {_short(words)}", edges)
        else:
            self.draft.proposed(node.line, f'nothing follows "{_short(words)}", so the flow ends there')
            self.draft.add(End(id=after, source=self._source(node), outcome=_short(words)))
        return after

    def say(self, node: Node, rest: str, edges: list[Edge]) -> None:
        text = rest or node.id
        following = self._next(node, edges, text)
        self.draft.add(Say(id=self.entry[node.id], source=self._source(node), text=text, next=following))

    def ask(self, node: Node, rest: str, edges: list[Edge]) -> None:
        first, _, text = rest.partition("\n")
        names = [word for word in re.split(r"[,，、]\s*", first) if word.strip()] or [node.id]
        slots = tuple(dict.fromkeys(self._asked(word.strip()) for word in names))
        if len(edges) > 1 and len(slots) == 1:
            following = self.draft.fresh(f"{self.entry[node.id]}_next")
            self._branch(following, node, slots[0], edges)
        else:
            following = self._next(node, edges, first)
        self.draft.add(
            Ask(id=self.entry[node.id], source=self._source(node), slots=slots, text=text.strip(), next=following)
        )

    def _asked(self, word: str) -> str:
        return self.draft.slot(word, "" if word.isidentifier() else word)

    def call(self, node: Node, rest: str, edges: list[Edge]) -> None:
        tool, *lines = (line.strip() for line in rest.split("\n"))
        if inner := _BRACKETS.fullmatch(tool):
            tool, names = inner[1], [name.strip() for name in _COMMA.split(inner[2]) if name.strip()]
            lines = [*(name if " = " in name else f"{name} = {{{slot_name(name)}}}" for name in names), *lines]
        arguments, fills = self._details(node, lines)
        known = self.draft.desk.tools.get(tool)
        if known is None:
            self.draft.proposed(node.line, f'the domain has no tool "{tool}"; add it to the tools, or name another')
        elif not arguments and known.required:
            arguments = {name: f"{{{name}}}" for name in known.required}
        broken = [edge for edge in edges if edge.label.strip().lower() in _FAILED]
        following = self._next(node, [edge for edge in edges if edge not in broken[:1]], tool)
        self.draft.add(
            CallTool(
                id=self.entry[node.id], source=self._source(node), tool=tool, arguments=arguments, fills=fills,
                next=following, failed=self.entry[broken[0].target] if broken else "",
            )
        )  # fmt: skip
        for slot in fills:
            self.draft.slot(slot)

    def _details(self, node: Node, lines: Sequence[str]) -> tuple[Json, dict[str, str]]:
        """Arguments (`field = value`) and fills (`field → slot`) of a call."""
        arguments: Json = {}
        fills: dict[str, str] = {}
        for line in lines:
            field, equals, value = line.partition(" = ")
            answer, arrow, slot = line.rpartition(ARROW)
            if equals:
                arguments[field.strip()] = _value(value.strip())
            elif arrow:
                fills[slot_name(slot)] = answer.strip()
            elif line:
                self.draft.lost(node.line, f'"{_short(line)}" beside a call; write field = value or field{ARROW}slot')
        return arguments, fills

    def end(self, node: Node, rest: str, edges: list[Edge]) -> None:
        for edge in edges:
            self.draft.lost(edge.line, f'the arrow out of the end "{_short(rest)}"')
        self.draft.add(End(id=self.entry[node.id], source=self._source(node), outcome=rest or node.id))

    def handoff(self, node: Node, rest: str, edges: list[Edge]) -> None:
        for edge in edges:
            self.draft.lost(edge.line, f'the arrow out of the handoff "{_short(rest)}"')
        self.draft.add(Handoff(id=self.entry[node.id], source=self._source(node), reason=rest or node.id))

    # decisions

    def _decision(self, node: Node, words: str, edges: Sequence[Edge]) -> None:
        """A node with several ways out. Where the customer has to be asked, an ask step is put before it."""
        here, plain = self.entry[node.id], words.strip().rstrip("?？")
        asked = self._asked_before(node)
        if plain in self.draft.slots or asked or self._conditions(edges):
            self._branch(here, node, plain if plain in self.draft.slots else asked or words, edges)
        elif self._asks_customer(node, words):
            slot = self._new_slot(node, words)
            after = self.draft.fresh(f"{here}_answer")
            self.draft.add(Ask(id=here, source=self._source(node), slots=(slot,), text=words, next=after))
            self.draft.proposed(node.line, f'the customer is asked "{_short(words)}", which fills {slot}')
            self._branch(after, node, slot, edges)
        else:
            self._branch(here, node, words, edges)

    def _asks_customer(self, node: Node, words: str) -> bool:
        """Whether what is decided has to come from the customer: it says so, or all before it was only told."""
        before = [self.chart.nodes[edge.source] for edge in self.incoming[node.id] if edge.source != self.skipped]
        told = all(len(self.outgoing[one.id]) == 1 and self._kind(one)[0] == "say" for one in before)
        return mentions_customer(words) or (told and bool(before))

    def _asked_before(self, node: Node) -> str | None:
        """The one slot that is asked for right before a node on every way to it."""
        slots = set()
        for edge in self.incoming[node.id]:
            before = self.chart.nodes[edge.source]
            exact = _EXACT.fullmatch(before.words)
            if exact is None or exact[1].lower() != "ask" or len(self.outgoing[edge.source]) > 1:
                return None
            slots.add(exact[2].split("\n")[0].strip())
        name = slots.pop() if len(slots) == 1 else ""
        return name if name.isidentifier() else None

    def _new_slot(self, node: Node, words: str, *, judged: bool = False) -> str:
        plain = words.strip().rstrip("?？")
        name = plain if plain.isidentifier() and len(plain) <= 12 else node.id.lower()
        while slot_name(name) in self.draft.slots or slot_name(name) in self.draft.desk.fields():
            name += "_"
        return self.draft.slot(name, words, judged=judged)

    @staticmethod
    def _conditions(edges: Sequence[Edge]) -> list[str | None] | None:
        """The conditions on edges, None for else; None when one edge has something else on it."""
        found: list[str | None] = []
        for edge in edges:
            label = edge.label.strip()
            try:
                parse(label)
            except ConditionError:
                if label.lower() not in _ELSE:
                    return None
                label = ""
            found.append(label or None)
        return found

    def _branch(self, here: str, node: Node, words: str, edges: Sequence[Edge]) -> None:
        """A branch step. `words`: a declared slot, or what is decided."""
        conditions = self._conditions(edges)
        if conditions is None:
            conditions = self._compared(node, words, edges)
        for condition in conditions:
            for slot in sorted(slots_of(parse(condition))) if condition else ():
                self.draft.slot(slot)
        arms = [Arm(when=when, go=self.entry[edge.target]) for when, edge in zip(conditions, edges, strict=True)]
        last = [arm for arm in arms if arm.when is None]
        for arm in last[1:]:
            self.draft.lost(node.line, f'a second "else" out of "{_short(words)}", to {arm.go}')
        made = (*(arm for arm in arms if arm.when is not None), *last[:1])
        self.draft.add(Branch(id=here, source=self._source(node), arms=made))

    def _compared(self, node: Node, words: str, edges: Sequence[Edge]) -> list[str | None]:
        """Conditions made of plain labels: a slot is compared with each; where a label is missing, with the target."""
        slot = words if words in self.draft.slots else self._new_slot(node, words, judged=True)
        found: list[str | None] = []
        for edge in edges:
            target = self.chart.nodes[edge.target]
            label = edge.label.strip() or _short(target.words or target.id)
            found.append(None if label.lower() in _ELSE else f"{slot} == {write_value(_value(label))}")
            if found[-1] is not None:
                self.draft.slot(slot, values=[_value(label)])
        kind = "is judged by the assistant" if self.draft.slots[slot].judged else "is what the customer answered"
        self.draft.proposed(node.line, f'"{_short(words)}" is decided by the slot {slot}, which {kind}')
        return found


def _value(text: str) -> Any:
    """What `flow.mermaid.literal` wrote: JSON where it begins like that, else what conditions make of the word."""
    if text[:1] in ('"', "[") or (text[:1] == "{" and not any(places(text))):
        value, _, _, problem = parse_json(text)
        return text if problem else value
    try:
        condition: Any = parse(f"x == {text}")
    except ConditionError:
        return text
    values: tuple[Scalar, ...] = getattr(condition, "values", (text,))
    return values[0]


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= 40 else line[:37] + "..."


_MAKERS = {
    "say": _Importer.say,
    "ask": _Importer.ask,
    "call": _Importer.call,
    "end": _Importer.end,
    "handoff": _Importer.handoff,
}
