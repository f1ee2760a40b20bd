"""Dify workflow DSL -> a flow.

| node | becomes |
|---|---|
| start | slots that are given |
| question-classifier, if-else | a branch; classes are a slot that the assistant judges |
| http-request, tool, knowledge-retrieval | a call, with the way of its failure |
| parameter-extractor | an ask |
| answer, end | something said; an end |
| llm, agent, code, template-transform, ... | no step: what they make is a slot that the assistant judges |

The one rule: whatever has no place in a flow (prompts, code, parallel ways, headers, loops over lists) is named with
its line, never left out unsaid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from manyshot.flow.conditions import write_value
from manyshot.flow.steps import PLACE, Arm, Ask, Branch, CallTool, End, Flow, Handoff, Say, Scalar
from manyshot.flow.words import hands_over
from manyshot.spec.documents import parse_json
from manyshot.spec.faults import Findings
from manyshot.spec.imports.dify_graph import FAIL, SOURCE, Graph, Link, Node, items, mapping, read_graph, text
from manyshot.spec.imports.dify_values import Variables
from manyshot.spec.imports.draft import Draft
from manyshot.spec.imports.guess import Desk
from manyshot.spec.imports.names import identifier
from manyshot.types import Json, Source

#: What stands before the path of a URL: a server's address, also one that is kept in a variable.
_SERVER = re.compile(r"^\{\{#\s*env\.[\w.-]+?\s*#\}\}")
#: Comparisons of Dify -> ours; the value is put for {value}, the slot for {slot}.
_COMPARISONS: Mapping[str, str] = {
    "=": "{slot} == {value}", "is": "{slot} == {value}", "equals": "{slot} == {value}",
    "≠": "{slot} != {value}", "is not": "{slot} != {value}", "not equals": "{slot} != {value}",
    ">": "{slot} > {value}", "<": "{slot} < {value}", "≥": "{slot} >= {value}", "≤": "{slot} <= {value}",
    ">=": "{slot} >= {value}", "<=": "{slot} <= {value}",
    "contains": "{slot} contains {value}", "not contains": "not {slot} contains {value}",
    "empty": "{slot} is empty", "is empty": "{slot} is empty", "null": "{slot} is empty",
    "not exists": "{slot} is empty", "not empty": "{slot} is filled", "is not empty": "{slot} is filled",
    "not null": "{slot} is filled", "exists": "{slot} is filled",
}  # fmt: skip
#: Nodes that make values and say nothing to anybody; in a flow, what they make is judged.
_MAKING = {
    "llm": "its prompt", "agent": "its prompt and tools", "code": "its code", "template-transform": "its template",
    "variable-aggregator": "which of the variables it takes", "variable-assigner": "which of the variables it takes",
    "assigner": "what it writes into variables", "list-operator": "its filter", "document-extractor": "its extraction",
    "iteration": "its loop over a list", "loop": "its loop", "human-input": "its form",
}  # fmt: skip


def import_dify(folder: Path, file: str, name: str, desk: Desk, findings: Findings) -> Flow | None:
    """The flow of an exported app; None after a fault. Proposals and what was left out are hints."""
    graph = read_graph(folder, file, findings)
    if graph is None:
        return None
    importer = _Importer(file, graph, desk, findings)
    if importer.start is None:
        findings.fault(file, 1, "the workflow has no start node; add one in Dify and export it again")
        return None
    return importer.flow(name, importer.start)


class _Importer:
    """Turns nodes into steps. `entry` is the step of each node that has one; the others are passed through."""

    def __init__(self, file: str, graph: Graph, desk: Desk, findings: Findings) -> None:
        self.graph = graph
        self.draft = Draft(file, desk, findings)
        self.draft.about = graph.about
        self.outgoing: dict[str, list[Link]] = {name: [] for name in graph.nodes}
        for link in graph.links:
            self.outgoing[link.source].append(link)
        self.start = next((node for node in graph.nodes.values() if node.kind == "start"), None)
        self.entry = {n.id: self.draft.fresh(n.title, n.kind) for n in graph.nodes.values() if n.kind in _MAKERS}
        self.values = Variables(graph.nodes, self.draft, frozenset(_MAKERS))

    def flow(self, name: str, start: Node) -> Flow:
        self._around(start)
        for node in self.graph.nodes.values():
            made = len(self.draft.steps)
            if (maker := _MAKERS.get(node.kind)) is not None:
                maker(self, node)
                self.draft.put_first(self.entry[node.id], made)
            elif node.kind != "start":
                self._passed(node)
        first = self._follow(start, self._targets(start, SOURCE))
        self.values.fill(self.entry)
        return self.draft.flow(name, first)

    # what stands around the nodes

    def _around(self, start: Node) -> None:
        for row in map(mapping, items(start.data.get("variables"))):
            if text(row.get("variable")):
                options = [text(one) for one in items(row.get("options")) if text(one)]
                self.draft.slot(self.values.slot(start.id, text(row.get("variable"))), text(row.get("label")), options)
        if self.graph.opening:
            self.draft.lost(self.graph.line, "the opening statement; put a say step first")
        if self.graph.notes:
            self.draft.lost(0, f"the notes on the canvas ({self.graph.notes})")

    def _passed(self, node: Node) -> None:
        what = _MAKING.get(node.kind, "what it does: this kind of node is not known")
        inner = self.graph.inner.get(node.id, 0)
        more = f" with the {inner} nodes in it" if inner else ""
        self.draft.lost(
            node.line, f'{node.kind} "{node.title}"{more}: {what}; values that it makes are judged by the assistant'
        )
        for link in self.outgoing[node.id]:
            if link.handle == FAIL:
                self.draft.lost(link.line, f'the way of a failing {node.kind} "{node.title}"')

    # ways

    def _source(self, node: Node) -> Source:
        return Source(file=self.draft.file, line=node.line)

    def _targets(self, node: Node, handles: Sequence[str]) -> list[Link]:
        return [link for link in self.outgoing[node.id] if link.handle in handles]

    def _follow(self, node: Node, links: Sequence[Link]) -> str:
        """The step that a way leads to, past nodes that have none; an end where there is no further way."""
        seen: set[str] = set()
        while links:
            for other in links[1:]:
                title = self.graph.nodes[other.target].title
                self.draft.lost(other.line, f'the parallel way to "{title}"; a flow goes one way at a time')
            target = self.graph.nodes[links[0].target]
            if target.id in self.entry:
                return self.entry[target.id]
            if target.id in seen:
                break
            seen.add(target.id)
            links = self._targets(target, SOURCE) or [link for link in self.outgoing[target.id] if link.handle != FAIL]
        end = self.draft.fresh(f"{identifier(node.title)}_end")
        self.draft.add(End(id=end, source=self._source(node), outcome=self._outcome(node)))
        return end

    def _outcome(self, node: Node) -> str:
        """A node's title; of several with one title the step, as paths are told apart by how they end."""
        twins = [other for other in self.graph.nodes.values() if other.title == node.title]
        return node.title if len(twins) == 1 else self.entry.get(node.id, node.id)

    # nodes that become steps

    def answer(self, node: Node) -> None:
        words = self.values.worded(node.data.get("answer")) or node.title
        links = self._targets(node, SOURCE)
        if not links and hands_over(f"{node.title} {words}"):
            following = self.draft.fresh(f"{self.entry[node.id]}_person")
            self.draft.add(Handoff(id=following, source=self._source(node), reason=self._outcome(node)))
            self.draft.proposed(node.line, f'after "{node.title}" a person takes over')
        else:
            following = self._follow(node, links)
        self.draft.add(Say(id=self.entry[node.id], source=self._source(node), text=words, next=following))

    def end(self, node: Node) -> None:
        outputs = [self.values.selected(mapping(row).get("value_selector")) for row in items(node.data.get("outputs"))]
        told = "\n".join(f"{{{slot}}}" for slot in dict.fromkeys(outputs) if slot)
        here = self.entry[node.id]
        if told:
            end = self.draft.fresh(f"{here}_end")
            self.draft.add(Say(id=here, source=self._source(node), text=told, next=end))
            here = end
        self.draft.add(End(id=here, source=self._source(node), outcome=self._outcome(node)))

    def extract(self, node: Node) -> None:
        names = []
        for row in map(mapping, items(node.data.get("parameters"))):
            if text(row.get("name")):
                slot = self.values.slot(node.id, text(row.get("name")))
                names.append(self.draft.slot(slot, text(row.get("description")), map(text, items(row.get("options")))))
        if not names:
            names = [self.values.slot(node.id, node.title)]
        self.draft.proposed(
            node.line, f'"{node.title}" takes values out of a text; here the customer is asked for them'
        )
        following = self._follow(node, self._targets(node, SOURCE))
        asked = tuple(dict.fromkeys(names))
        self.draft.add(Ask(id=self.entry[node.id], source=self._source(node), slots=asked, next=following))

    def classify(self, node: Node) -> None:
        rows = [row for row in map(mapping, items(node.data.get("classes"))) if text(row.get("id"))]
        slot = self.values.slot(node.id, "class_name")
        names = {text(row.get("id")): text(row.get("name")) or text(row.get("id")) for row in rows}
        # A class without a name of its own would make two ways look the same.
        values = {key: name if list(names.values()).count(name) == 1 else key for key, name in names.items()}
        self.draft.slot(slot, values=values.values())
        self.draft.lost(
            node.line, f'the model and the instruction of "{node.title}"; {slot} is judged by the assistant'
        )
        arms = [
            Arm(when=f"{slot} == {write_value(value)}", go=self._follow(node, self._targets(node, (key,))))
            for key, value in values.items()
        ] or [Arm(when=None, go=self._follow(node, self.outgoing[node.id]))]
        self.draft.add(Branch(id=self.entry[node.id], source=self._source(node), arms=tuple(arms)))

    def decide(self, node: Node) -> None:
        arms = []
        for number, (key, case) in enumerate(_cases(node.data), 1):
            joined = f" {'or' if text(case.get('logical_operator')) == 'or' else 'and'} "
            parts = [
                self._compared(node, f"{number}_{n}", mapping(row))
                for n, row in enumerate(items(case.get("conditions")), 1)
            ]
            condition = joined.join(parts) or self._judged(node, str(number), node.title)
            arms.append(Arm(when=condition, go=self._follow(node, self._targets(node, (key,)))))
        arms.append(Arm(when=None, go=self._follow(node, self._targets(node, ("false",)))))
        self.draft.add(Branch(id=self.entry[node.id], source=self._source(node), arms=tuple(arms)))

    def _compared(self, node: Node, number: str, row: Json) -> str:
        """One comparison; one that our conditions do not know becomes a slot that the assistant judges."""
        sign, raw = text(row.get("comparison_operator")), row.get("value")
        slot = self.values.selected(row.get("variable_selector"))
        words = f"{slot or 'a value'} {sign} {text(raw)}".strip()
        form = _COMPARISONS.get(sign)
        if slot is None or form is None or "{{#" in text(raw) or isinstance(raw, list | dict):
            return self._judged(node, number, self.values.worded(words))
        if not text(raw) and form.endswith("{value}"):
            form = _COMPARISONS["is empty" if form == _COMPARISONS["is"] else "is not empty"]
        numeric = text(row.get("varType")) == "number" or sign in (">", "<", "≥", "≤", ">=", "<=")
        return form.format(slot=slot, value=write_value(_scalar(raw, numeric, text(row.get("varType")) == "boolean")))

    def _judged(self, node: Node, number: str, words: str) -> str:
        slot = self.values.slot(node.id, number)
        self.draft.slots[slot] = self.draft.slots[slot].model_copy(
            update={"about": PLACE.sub(r"\1", words), "values": ("yes", "no"), "judged": True}
        )
        self.draft.lost(node.line, f'the comparison "{words}" of "{node.title}"; {slot} is judged by the assistant')
        return f"{slot} == yes"

    # calls

    def tool(self, node: Node) -> None:
        named = text(node.data.get("tool_name")) or node.title
        given = {**mapping(node.data.get("tool_configurations")), **mapping(node.data.get("tool_parameters"))}
        self._call(node, self._tool(node, named), {key: self.values.argument(value) for key, value in given.items()})

    def request(self, node: Node) -> None:
        # Variables first: the # in them would begin a URL's fragment.
        method, url = (
            text(node.data.get("method")).upper(),
            self.values.worded(_SERVER.sub("", text(node.data.get("url")))),
        )
        path = urlsplit(url).path if _splits(url) else url
        for route in self.draft.desk.routes:
            if route.matches(method, path):
                arguments = {**_path_values(route.path, path), **self._body(node)}
                self._call(node, route.tool, arguments)
                return
        last = next((part for part in reversed(path.split("/")) if part and "{" not in part), node.title)
        self._call(node, self._tool(node, node.title, last), self._body(node))

    def retrieve(self, node: Node) -> None:
        name = self._tool(node, node.title)
        query = self.values.selected(node.data.get("query_variable_selector"))
        known = self.draft.desk.tools.get(name)
        self.draft.lost(node.line, f'the data sets and ranking of "{node.title}"')
        field = known.required[0] if known and len(known.required) == 1 else "query"
        self._call(node, name, {field: f"{{{query}}}"} if query else {})

    def _tool(self, node: Node, *named: str) -> str:
        """The domain's tool that a node means: by a name, else by the words of its title and description."""
        tools = self.draft.desk.tools
        for word in (*named, node.title):
            for name in tools:
                if _bare(word) == _bare(name):
                    return name
        found = self.draft.desk.nearest_tool(node.title) or self.draft.desk.nearest_tool(text(node.data.get("desc")))
        if found:
            self.draft.proposed(node.line, f'"{node.title}" calls {found}')
            return found
        name = identifier(named[0], node.title)
        self.draft.proposed(node.line, f'the domain has no tool for "{node.title}"; add {name} to it, or name another')
        return name

    def _call(self, node: Node, tool: str, arguments: Json) -> None:
        known = self.draft.desk.tools.get(tool)
        for name in [name for name in arguments if known and name not in known.properties]:
            self.draft.lost(node.line, f'the field {name} of "{node.title}", which {tool} does not have')
            del arguments[name]
        for name in known.required if known else ():
            if name not in arguments:
                self.draft.proposed(node.line, f"{name} of {tool} is taken from a slot of this name")
                arguments[name] = f"{{{self.draft.slot(name)}}}"
        if node.kind == "http-request" and (text(node.data.get("headers")) or mapping(node.data.get("authorization"))):
            self.draft.lost(
                node.line, f'URL, headers and authorization of "{node.title}"; they belong to the live tools'
            )
        failing = self._targets(node, (FAIL,))
        following = self._follow(node, self._targets(node, SOURCE))
        self.draft.add(
            CallTool(
                id=self.entry[node.id], source=self._source(node), tool=tool, arguments=arguments, next=following,
                failed=self._follow(node, failing) if failing else "",
            )
        )  # fmt: skip

    def _body(self, node: Node) -> Json:
        """Fields of a request's parameters and body; what cannot be read as fields is named."""
        pairs = [line.partition(":") for line in text(node.data.get("params")).split("\n")]
        fields: Json = {
            key.strip(): self.values.worded(value.strip()) for key, colon, value in pairs if colon and key.strip()
        }
        data = mapping(node.data.get("body")).get("data")
        rows = [mapping(row) for row in items(data)]
        fields |= {text(row.get("key")): self.values.worded(row.get("value")) for row in rows if text(row.get("key"))}
        loose = text(data) or next((text(row.get("value")) for row in rows if not text(row.get("key"))), "")
        if loose:
            # A variable may stand bare in a JSON body; as text it can be read.
            worded = re.sub(r"([:\[,]\s*)(\{\w+\})(?=\s*[,}\]])", r'\1"\2"', self.values.worded(loose))
            value, _, _, problem = parse_json(worded)
            if problem or not isinstance(value, dict):
                self.draft.lost(node.line, f'the body of "{node.title}", which is no JSON object')
            else:
                fields |= value
        return fields


def _cases(data: Json) -> list[tuple[str, Json]]:
    """(handle, case) of an if-else node; exports before 0.1.1 hold one case without a frame."""
    cases = [mapping(row) for row in items(data.get("cases"))]
    rows = [mapping(row) for row in items(data.get("conditions"))]
    if not cases and any("conditions" in row for row in rows):
        cases = rows
    if cases:
        return [(text(row.get("case_id")) or text(row.get("id")), row) for row in cases]
    return [("true", {"logical_operator": data.get("logical_operator"), "conditions": rows})]


def _scalar(raw: Any, numeric: bool, boolean: bool) -> Scalar:
    word = text(raw)
    if boolean and word.lower() in ("true", "false"):
        return word.lower() == "true"
    if numeric and re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", word):
        return float(word) if "." in word else int(word)
    return word


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _splits(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def _path_values(pattern: str, path: str) -> Json:
    """Values of a route's {names} in a path, which may have the server's base path in front."""
    named, given = pattern.strip("/").split("/"), path.strip("/").split("/")
    pairs = zip(named, given[-len(named) :], strict=False)
    return {name[1:-1]: value for name, value in pairs if name.startswith("{") and name.endswith("}")}


_MAKERS: Mapping[str, Callable[[_Importer, Node], None]] = {
    "answer": _Importer.answer,
    "end": _Importer.end,
    "question-classifier": _Importer.classify,
    "if-else": _Importer.decide,
    "http-request": _Importer.request,
    "tool": _Importer.tool,
    "knowledge-retrieval": _Importer.retrieve,
    "parameter-extractor": _Importer.extract,
}
