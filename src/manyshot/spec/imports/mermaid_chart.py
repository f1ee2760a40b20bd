"""Mermaid flowchart text -> nodes and edges.

Grammar: packages/mermaid/src/diagrams/flowchart/parser/flow.jison of mermaid-js (MIT), read for its forms: node shapes,
`@{...}`, links with and without text, `&`, chains, subgraphs, comments, directives, front matter. The one rule: the
text is gone through once from front to end, so that no text makes the reader slow; what is only looks (classDef,
style, click, ...) is passed over and said.
"""

from __future__ import annotations

import bisect
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from manyshot.spec.faults import Findings

#: A chart with more edges than this was not drawn by hand (`A & B --> C & D` multiplies).
MAX_EDGES = 2_000
#: Opening -> closing signs of node shapes with the shape's name; longer ones first.
SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("(((", (")))",), "double circle"),
    ("([", ("])",), "stadium"),
    ("((", ("))",), "circle"),
    ("(-", ("-)",), "ellipse"),
    ("[[", ("]]",), "subroutine"),
    ("[(", (")]",), "cylinder"),
    ("[/", ("/]", "\\]"), "slanted"),
    ("[\\", ("\\]", "/]"), "slanted"),
    ("{{", ("}}",), "hexagon"),
    ("[", ("]",), "box"),
    ("(", (")",), "round"),
    ("{", ("}",), "diamond"),
    (">", ("]",), "flag"),
)
_NAMED_SHAPES = {
    "diam": "diamond", "diamond": "diamond", "decision": "diamond", "question": "diamond", "hex": "hexagon",
    "hexagon": "hexagon", "stadium": "stadium", "terminal": "stadium", "pill": "stadium", "circle": "circle",
    "circ": "circle", "start": "circle", "dbl-circ": "double circle", "stop": "double circle",
    "double-circle": "double circle", "fr-circ": "double circle",
}  # fmt: skip
#: Statements that change how a chart looks and not what it says.
LOOKS = ("classDef", "class", "style", "linkStyle", "click", "direction", "accTitle", "accDescr")
_HEADER = re.compile(r"(?:graph|flowchart(?:-elk)?)\b[ \t]*(?:TB|TD|BT|RL|LR|BR|[<>^v])?[ \t]*(?=[\n;]|%%|$)")
_WORD = re.compile(r"[A-Za-z]+")
_LINK = re.compile(r"(?P<back>[xo<]?)(?:--+[-xo>]|==+[=xo>]|-?\.+-[xo>]?|~~~+)")
_LINK_OPEN = re.compile(r"(?P<back>[xo<]?)(?P<sign>--|==|-\.)")
_LINK_CLOSE = {"--": re.compile(r"--+[-xo>]"), "==": re.compile(r"==+[=xo>]"), "-.": re.compile(r"\.+-[xo>]?")}
_LINK_ID = re.compile(r"[\w.]+@(?=[-=<.~xo])")
#: Properties of a link, which change its looks only.
_LINK_LOOKS = re.compile(r"([\w.]+)@\{[^}\n]*\}")
_CLASS = re.compile(r":::\w+(?:-\w+)*")
_PROPERTY = re.compile(r'([A-Za-z]+)[ \t]*:[ \t]*("[^"]*"|[^,}\n"]*)')
_ENTITY = re.compile(r"#(\w{1,10});")


@dataclass(slots=True)
class Node:
    """A node: its words, "" when only its id is known, and the line where it was first met."""

    id: str
    line: int
    words: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    label: str
    line: int


@dataclass(slots=True)
class Chart:
    """Nodes in the order in which they are met, edges, and the comments with their lines."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    #: Nodes of each subgraph, by its id, in the order in which they are met.
    groups: dict[str, list[str]] = field(default_factory=dict)


class _Bad(Exception):
    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


def read_chart(file: str, text: str, findings: Findings) -> Chart | None:
    """The chart; None after a fault."""
    chart = Chart()
    plain = _without_comments(text, chart)
    reader = _Reader(file, plain, chart, findings)
    try:
        reader.read()
    except _Bad as error:
        findings.fault(file, reader.line(error.at), str(error))
        return None
    if not chart.nodes:
        findings.fault(file, 1, "the chart has no nodes; write as: A[say: hello] --> B[end: done]")
        return None
    return chart


def _without_comments(text: str, chart: Chart) -> str:
    """The text with front matter, fences, directives and comments blanked; lines keep their numbers."""
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if lines[first].strip() == "---":
        end = next((n for n in range(first + 1, len(lines)) if lines[n].strip() == "---"), None)
        if end is not None:
            lines[first : end + 1] = [""] * (end + 1 - first)
    inside = False
    for number, line in enumerate(lines):
        bare = line.strip()
        if inside or bare.startswith("%%{"):
            inside = "}%%" not in bare
            lines[number] = ""
        elif bare.startswith("%%"):
            chart.comments.append((number + 1, bare[2:].strip()))
            lines[number] = ""
        elif bare.startswith("```"):
            lines[number] = ""
    return "\n".join(lines)


def decoded(label: str) -> str:
    """A label's words: entities read, `<br>` as line breaks, the signs of Markdown strings taken off."""
    text = label.strip()
    if len(text) > 1 and text[0] == text[-1] == "`":
        text = text[1:-1]
    text = re.sub(r"<br[ \t]*/?>", "\n", text)
    text = _ENTITY.sub(lambda found: html.unescape(f"&{'#' * found[1].isdecimal()}{found[1]};"), text)
    return "\n".join(line.strip() for line in text.strip().split("\n"))


class _Reader:
    def __init__(self, file: str, text: str, chart: Chart, findings: Findings) -> None:
        self.file, self.text, self.chart, self.findings = file, text, chart, findings
        self.breaks = [n for n, sign in enumerate(text) if sign == "\n"]
        self.at = 0
        self.open_groups: list[str] = []
        self.looks: dict[str, int] = {}
        self.link_ids: set[str] = set()

    def line(self, at: int) -> int:
        return bisect.bisect_left(self.breaks, at) + 1

    def bad(self, message: str) -> NoReturn:
        raise _Bad(self.at, message)

    def read(self) -> None:
        self._header()
        while self._skip(" \t\n;\r"):
            if not self._comment():
                self._statement()
        if self.open_groups:
            self.bad(f'subgraph "{self.open_groups[-1]}" is not closed; add: end')
        for word, at in self.looks.items():
            self.findings.hint(self.file, self.line(at), f"not carried over: {word}, which only changes looks")
        for group in self.chart.groups:
            self.findings.hint(
                self.file, 0, f'not carried over: the frame of subgraph "{group}"; its steps are, without it'
            )

    def _header(self) -> None:
        self._skip(" \t\n\r")
        found = _HEADER.match(self.text, self.at)
        if found is None:
            there = self.text[self.at : self.at + 30].split("\n")[0] or "nothing"
            self.bad(f'wanted "flowchart TD" or "graph LR" as the first line, found {there}; only flowcharts are read')
        self.at = found.end()

    def _skip(self, signs: str) -> bool:
        """Pass over signs; False at the end of the text."""
        while self.at < len(self.text) and self.text[self.at] in signs:
            self.at += 1
        return self.at < len(self.text)

    def _rest(self) -> str:
        """The rest of the line, which is passed over."""
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        rest, self.at = self.text[self.at : end], end
        return rest

    def _comment(self) -> bool:
        """Pass over a comment behind something else, which older versions of Mermaid allow; whether there was one."""
        if not self.text.startswith("%%", self.at):
            return False
        self.chart.comments.append((self.line(self.at), self._rest()[2:].strip()))
        return True

    def _statement(self) -> None:
        found = _WORD.match(self.text, self.at)
        word = found[0] if found else ""
        after = self.text[self.at + len(word) : self.at + len(word) + 1]
        if word in LOOKS and (after in (" ", "\t") or word.startswith("acc")):
            self._pass_over(word)
        elif word == "subgraph" and after in (" ", "\t", "\n", ""):
            self._open_group()
        elif word == "end" and after in (" ", "\t", "\n", ";", ""):
            if not self.open_groups:
                self.bad('"end" closes no subgraph; a node cannot be called end, write End')
            self.at += len(word)
            self.open_groups.pop()
        elif (found := _LINK_LOOKS.match(self.text, self.at)) and found[1] in self.link_ids:
            self.looks.setdefault("the look of a link", self.at)
            self.at = found.end()
        else:
            self._chain()

    def _pass_over(self, word: str) -> None:
        self.looks.setdefault(word, self.at)
        rest = self._rest()
        if word == "accDescr" and "{" in rest and "}" not in rest:
            end = self.text.find("}", self.at)
            self.at = len(self.text) if end < 0 else end + 1

    def _open_group(self) -> None:
        self.at += len("subgraph")
        name = re.split(r"[\[;]", self._rest())[0].strip().strip('"') or f"group {len(self.chart.groups) + 1}"
        self.chart.groups.setdefault(name, [])
        self.open_groups.append(name)

    def _chain(self) -> None:
        group = self._group()
        while (link := self._link()) is not None:
            label, back, shown = link
            following = self._group()
            if len(self.chart.edges) + len(group) * len(following) > MAX_EDGES:
                self.bad(f"more than {MAX_EDGES:,} edges; split the chart")
            line = self.line(self.at)
            if shown:
                self.chart.edges += [Edge(a, b, label, line) for a in group for b in following]
                self.chart.edges += [Edge(b, a, label, line) for a in group for b in following if back]
            else:
                self.findings.hint(self.file, line, "not carried over: an invisible link (~~~)")
            group = following
        self._comment()
        if self.at < len(self.text) and self.text[self.at] not in "\n;\r":
            self.bad(f"wanted an arrow or the end of the line, found {self._there()}; quote words that hold signs")

    def _there(self) -> str:
        return self.text[self.at : self.at + 20].split("\n")[0] or "the end of the line"

    def _group(self) -> list[str]:
        names = [self._node()]
        while True:
            before = self.at
            self._skip(" \t")
            if self.text[self.at : self.at + 1] != "&":
                self.at = before
                return names
            self.at += 1
            names.append(self._node())

    def _node(self) -> str:
        self._skip(" \t\n\r")
        name = "".join(self._id())
        if not name:
            self.bad(f"wanted a node, found {self._there()}; write as: A[words] --> B[words]")
        node = self.chart.nodes.get(name)
        if node is None and name not in self.chart.groups:
            node = self.chart.nodes[name] = Node(name, self.line(self.at))
            for group in self.open_groups:
                self.chart.groups[group].append(name)
        self._shape(node or Node(name, 0))
        if found := _CLASS.match(self.text, self.at):
            self.at = found.end()
        return name

    def _id(self) -> Iterator[str]:
        while self.at < len(self.text):
            sign, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
            if sign.isspace() or sign in '[](){}<>|"&;@~' or (sign == "=" and following == "="):
                return
            if (sign == "-" and following in ("-", ".", ">", "")) or self.text.startswith(":::", self.at):
                return
            yield sign
            self.at += 1

    def _shape(self, node: Node) -> None:
        if self.text.startswith("@{", self.at):
            self.at += 2
            properties = dict(_PROPERTY.findall(self._until(("}",))))
            node.words = decoded(properties.get("label", node.words).strip().strip('"'))
            shape = properties.get("shape", "").strip().strip('"')
            node.shape = _NAMED_SHAPES.get(shape, shape)
            return
        for opening, closing, name in SHAPES:
            if self.text.startswith(opening, self.at):
                self.at += len(opening)
                node.words, node.shape = decoded(self._words(closing)), name
                return

    def _words(self, closing: tuple[str, ...]) -> str:
        """Words up to a closing sign, quoted or not; the sign is passed over."""
        before = self.at
        self._skip(" \t\n\r")
        if self.text[self.at : self.at + 1] == '"':
            end = self.text.find('"', self.at + 1)
            if end < 0:
                self.at = before
                self.bad('a " is not closed; add it')
            words, self.at = self.text[self.at + 1 : end], end + 1
            rest = self._until(closing)
            if rest.strip():
                self.bad(f"wanted {closing[0]} after the closing quote, found {rest.strip()[:20]}; quote all of it")
            return words
        self.at = before
        return self._until(closing)

    def _until(self, closing: tuple[str, ...]) -> str:
        ends = [(end, sign) for sign in closing if (end := self.text.find(sign, self.at)) >= 0]
        if not ends:
            self.bad(f"{closing[0]} is missing; close the words")
        end, sign = min(ends)
        words, self.at = self.text[self.at : end], end + len(sign)
        return words

    def _link(self) -> tuple[str, bool, bool] | None:
        """(label, whether it also points back, whether it is drawn) of the link here, or None."""
        before = self.at
        self._skip(" \t")
        if found := _LINK_ID.match(self.text, self.at):
            self.at = found.end()
            self.link_ids.add(found[0].rstrip("@"))
        if found := _LINK.match(self.text, self.at):
            self.at = found.end()
            return self._label(), found["back"] == "<", not found[0].startswith("~")
        if found := _LINK_OPEN.match(self.text, self.at):
            self.at = found.end()
            return self._inner_label(found["sign"]), found["back"] == "<", True
        self.at = before
        self._skip(" \t")
        return None

    def _label(self) -> str:
        self._skip(" \t")
        if self.text[self.at : self.at + 1] != "|":
            return ""
        self.at += 1
        return decoded(self._words(("|",)))

    def _inner_label(self, sign: str) -> str:
        """The words of a link as `-- words -->`."""
        start = self.at
        self._skip(" \t")
        quoted = self.text[self.at : self.at + 1] == '"'
        if quoted:
            end = self.text.find('"', self.at + 1)
            if end < 0:
                self.bad('a " is not closed; add it')
            start, self.at = self.at + 1, end + 1
        line_end = self.text.find("\n", self.at)
        found = _LINK_CLOSE[sign].search(self.text, self.at, len(self.text) if line_end < 0 else line_end)
        if found is None:
            self.bad(f'the arrow "{sign}" has no end; write as: A {sign} words {sign.replace("-.", ".-")}> B')
        words = self.text[start : self.at - 1] if quoted else self.text[start : found.start()]
        self.at = found.end()
        return decoded(words)
