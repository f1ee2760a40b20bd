"""The recombiner: a call -> a sentence that a person might say for it, with every value's words known.

Sentences are built as pieces, words and said values, never searched afterwards, so the surface of each value is exact.
Whole shots, their clauses, the carriers they teach and the lexicon's general ways of talking are mixed freely: any
subset of fields, any order, any opener.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from manyshot.data import lexicon
from manyshot.data.delex import Clause, Hole, Template, drop, templates_of
from manyshot.data.saying import Piece, Said, Sayer
from manyshot.data.slots import Path, Slot, ToolSlots
from manyshot.data.tongue import Tongue, words
from manyshot.types import Domain
from manyshot.values import Kind

#: Kinds whose value tells by itself what it is, so that people often say it bare.
_BARE = {Kind.PHONE, Kind.DATE, Kind.DATETIME, Kind.EMAIL, Kind.ADDRESS, Kind.PLATE, Kind.ID, Kind.TIME, Kind.AREA}
_CORRECTABLE = {
    Kind.PHONE,
    Kind.DATE,
    Kind.DATETIME,
    Kind.TIME,
    Kind.ID,
    Kind.INTEGER,
    Kind.NUMBER,
    Kind.PERSON,
    Kind.ADDRESS,
    Kind.PLATE,
    Kind.AREA,
}
_CARRIER_OF = {Kind.DURATION: "duration", Kind.TEXT: "text", Kind.AREA: "area"}
#: Carriers of a role that a field's name tells, whatever its kind.
_ROLES = {
    "origin": re.compile(r"\borigin\b|departure_(?:city|station)|from_(?:city|station)|出发地|出发城市|始发"),
    "destination": re.compile(r"\bdestination\b|arrival_(?:city|station)|to_(?:city|station)|目的地|到达城市"),
}
_MONEY = re.compile(r"amount|price|fee|cost|budget|金额|价|费|元|钱", re.I)
_COUNT = re.compile(r"count|quantity|number_of|num|qty|人数|数量|件数|个数|passengers|guests|people", re.I)

#: After one of these no other one may follow.
_STOPS = " ,，、。;；:："

#: A label that tells a form ("YYYY-MM-DD", "five digits") is nothing that people say.
_FORMAT = re.compile(r"YYYY|MM|HH|NNN|\\d|\d|digit|格式|位数|\bor\b|或")


@dataclass(frozen=True, slots=True)
class Sentence:
    """An action with the surfaces of its values, flat by path; `wording` names what it was made from."""

    text: str
    surfaces: dict[Path, Any]
    wording: str
    shots: tuple[str, ...]


@dataclass(slots=True)
class Composer:
    """Everything learned from a domain's shots about how to say its calls."""

    domain: Domain
    slots: Mapping[str, ToolSlots]
    tongues: Mapping[str, Tongue]
    draw: Callable[[ToolSlots, Slot], Any]
    templates: dict[str, list[Template]] = field(default_factory=lambda: defaultdict(list))
    carriers: dict[str, list[Clause]] = field(default_factory=lambda: defaultdict(list))
    cues: dict[tuple[str, Path, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        verbs = {name: t.verbs for name, t in self.tongues.items()}
        for template in templates_of(self.domain, dict(self.slots), verbs):
            self.templates[template.tool].append(template)
            self._learn(template)

    @property
    def sayer(self) -> Sayer:
        return Sayer(self.domain.context.language)

    @property
    def lexicon(self) -> lexicon.Lexicon:
        return lexicon.load(self.domain.context.language)

    @property
    def chinese(self) -> bool:
        return self.domain.context.language == "zh"

    # -- learning ---------------------------------------------------------------------------------

    def _learn(self, template: Template) -> None:
        for i, clause in enumerate(template.clauses):
            holes = [p for p in clause if isinstance(p, Hole)]
            if i not in template.intent and len(holes) == 1:
                self.carriers[holes[0].path[-1]].append(clause)
            if i not in template.intent and not holes:
                self._learn_cue(template, "".join(str(p) for p in clause).strip())

    def _learn_cue(self, template: Template, clause: str) -> None:
        """A clause without values in a shot with implied values probably says one of them: the one it names."""
        slots = self.slots[template.tool]
        implied = [(p, v) for p, v in template.fixed if slots.slot(p).field.kind in (Kind.BOOLEAN, Kind.ENUM)]
        if len(implied) == 1:
            path, value = implied[0]
            self.cues[(template.tool, path, str(value))].append(clause)

    # -- carriers ---------------------------------------------------------------------------------

    def carry(self, tool: ToolSlots, slot: Slot, value: Any, rng: random.Random) -> list[Piece] | None:
        """A clause that brings a value in."""
        if slot.field.kind is Kind.BOOLEAN:
            return self._boolean(tool, slot, bool(value), rng)
        cues = self.cues.get((tool.tool.name, slot.path, str(value)))
        if cues and rng.random() < 0.4:
            return [Said(rng.choice(cues), slot.path, value)]
        said = self._corrected(tool, slot, value, rng) if rng.random() < 0.05 else self.sayer.say(slot, value, rng)
        if not said:
            return None
        learned = self.carriers.get(slot.name)
        if learned and rng.random() < 0.4:
            clause = rng.choice(learned)
            return [piece for p in clause for piece in (said if isinstance(p, Hole) else [p])]
        if slot.field.kind in _BARE and rng.random() < 0.25:
            return said
        if slot.field.kind is Kind.ID and rng.random() < 0.08 and (other := self._other(tool, slot, value, rng)):
            pattern = rng.choice(self.lexicon.two_ids).replace("{y}", other).replace("{n}", self._noun(tool, rng))
        else:
            pattern = rng.choice(self._patterns(slot))
        return _fill(pattern.replace("{l}", self._label(slot, rng)), said)

    def _patterns(self, slot: Slot) -> list[str]:
        carriers = self.lexicon.carriers
        about = f"{slot.name} {slot.description}"
        for role, mark in _ROLES.items():
            if role in carriers and mark.search(about):
                return carriers[role]
        kind = _CARRIER_OF.get(slot.field.kind, str(slot.field.kind.value))
        if slot.field.kind in (Kind.INTEGER, Kind.NUMBER):
            kind = "amount" if _MONEY.search(about) else "quantity" if _COUNT.search(about) else kind
        if slot.field.kind is Kind.ARRAY:
            kind = "product" if slot.items else "text"
        return carriers.get(kind) or carriers["text"]

    def _label(self, slot: Slot, rng: random.Random) -> str:
        values = {str(v) for v in slot.field.schema.get("enum", ())}
        labels = [
            x for x in slot.field.labels
            if not _FORMAT.search(x) and len(x) <= 24 and x not in values and not (self.chinese and x.isascii())
        ]  # fmt: skip
        return rng.choice(labels) if labels else "" if self.chinese else " ".join(words(slot.name))

    @staticmethod
    def _labels(tool: ToolSlots) -> dict[Path, tuple[str, ...]]:
        return {s.path: s.field.labels for s in tool.slots}

    def _noun(self, tool: ToolSlots, rng: random.Random) -> str:
        nouns = self.tongues[tool.tool.name].nouns
        return rng.choice(nouns) if nouns else ("这个" if self.chinese else "this")

    def _boolean(self, tool: ToolSlots, slot: Slot, value: bool, rng: random.Random) -> list[Piece] | None:
        said = list(self.cues.get((tool.tool.name, slot.path, str(value)), ()))
        name = {*words(slot.name), "".join(words(slot.name)), slot.name.lower()}
        about = slot.description.lower()
        for cue in self.lexicon.boolean_cues:
            if any((k in name) if k.isascii() else (k in about) for k in cue.keys):
                said += cue.true if value else cue.false
                break
        if not said or rng.random() < 0.35:
            whether = re.search(r"是否(?:需要|要)?([\u4e00-\u9fff]{1,9})", about)
            if whether:
                patterns = self.lexicon.whether[value] if len(whether.group(1)) > 2 else self.lexicon.booleans[value]
                said = [rng.choice(patterns).replace("{l}", whether.group(1))]
            else:
                label = self._label(slot, rng) or " ".join(words(slot.name))
                said = [rng.choice(self.lexicon.booleans[value]).replace("{l}", label)]
        return [Said(rng.choice(said), slot.path, value)]

    def _other(self, tool: ToolSlots, slot: Slot, value: Any, rng: random.Random) -> str | None:
        """Words of another value of the same field."""
        for _ in range(4):
            other = self.draw(tool, slot)
            if other != value:
                said = self.sayer.say(slot, other, rng)
                if said and isinstance(said[0], Said):
                    return said[0].text
        return None

    def _corrected(self, tool: ToolSlots, slot: Slot, value: Any, rng: random.Random) -> list[Piece] | None:
        said = self.sayer.say(slot, value, rng)
        if not said or slot.field.kind not in _CORRECTABLE:
            return said
        other = self._other(tool, slot, value, rng)
        if other is None:
            return said
        return _fill(rng.choice(self.lexicon.corrections).replace("{y}", other), said)

    # -- sentences --------------------------------------------------------------------------------

    def compose(self, name: str, values: Mapping[Path, Any], rng: random.Random) -> Sentence | None:
        """One sentence for a tool and the values to be said; None when some value cannot be said."""
        tool = self.slots[name]
        rest = dict(values)
        templates = self.templates.get(name, [])
        style = rng.random()
        clauses: list[list[Piece]] = []
        wording = ""
        shots: tuple[str, ...] = ()
        if templates and style < 0.45:
            template = rng.choice(templates)
            taken = self._from_template(tool, template, rest, rng, whole=style < 0.2)
            if taken is not None:
                clauses, wording, shots = taken, f"shot:{template.shot}", (template.shot,)
        if not clauses:
            intent = self._intent(tool, rest, rng)
            if intent is None:
                return None
            clauses = [intent] if intent else []
            wording = "says:" + "".join(p if isinstance(p, str) else "*" for p in intent)
        for path in rng.sample(list(rest), len(rest)):
            clause = self._carry_left(tool, tool.slot(path), rest, rng)
            if clause is None:
                return None
            if clause:
                clauses.insert(rng.randint(0, len(clauses)) if rng.random() < 0.5 else len(clauses), clause)
        if not clauses:
            return None
        return self.finish(clauses, wording, shots, rng)

    def _carry_left(self, tool: ToolSlots, slot: Slot, rest: dict[Path, Any], rng: random.Random) -> list[Piece] | None:
        """Carry one of the values left over; [] when a neighbour already said it."""
        if slot.path not in rest:
            return []
        value = rest.pop(slot.path)
        siblings = [s for s in tool.slots if len(s.path) > 1 and s.path[:-1] == slot.path[:-1] and s.path in rest]
        if len(slot.path) > 1 and siblings and rng.random() < 0.5:
            return self._pair(
                tool, [slot, *siblings], {slot.path: value, **{s.path: rest.pop(s.path) for s in siblings}}, rng
            )
        return self.carry(tool, slot, value, rng)

    def _pair(
        self, tool: ToolSlots, slots: Sequence[Slot], values: Mapping[Path, Any], rng: random.Random
    ) -> list[Piece] | None:
        """Inner fields of one object in one breath, in schema order: "37.7, -122.4"."""
        pieces: list[Piece] = []
        labelled = rng.random() < 0.5
        for slot in sorted(slots, key=tool.slots.index):
            said = self.sayer.say(slot, values[slot.path], rng)
            if not said:
                return None
            if pieces:
                pieces.append(rng.choice((", ", " ", " and ")) if not self.chinese else rng.choice(("，", " ", "、")))
            pieces += [f"{self._label(slot, rng)} ", *said] if labelled else said
        return pieces

    def _from_template(
        self, tool: ToolSlots, template: Template, rest: dict[Path, Any], rng: random.Random, *, whole: bool
    ) -> list[list[Piece]] | None:
        """Clauses of a shot with this call's values in its holes; takes what it says out of `rest`."""
        for path, value in template.fixed:
            kind = tool.slot(path).field.kind
            # An implied value is in the shot's wording: it must be what this call has.
            if kind in (Kind.BOOLEAN, Kind.ENUM) and rest.get(path) != value:
                return None
            if kind not in (Kind.BOOLEAN, Kind.ENUM):
                return None
        keep = frozenset(rest)
        verbs = self.tongues[tool.tool.name].verbs
        out: list[list[Piece]] = []
        said: set[Path] = set()
        for i, clause in enumerate(template.clauses):
            if not whole and i not in template.intent and not template.fixed:
                continue
            left = drop(clause, keep, verbs, self._labels(tool))
            if left is None:
                continue
            pieces: list[Piece] = []
            for part in left:
                if isinstance(part, str):
                    pieces.append(part)
                    continue
                words_ = self.sayer.say(tool.slot(part.path), rest[part.path], rng)
                if words_ is None or part.path in said:
                    return None
                said.add(part.path)
                pieces += words_
            if pieces:
                out.append(pieces)
        if not out:
            return None
        for path, value in template.fixed:
            out[0] = [*out[0], Said("", path, value)]
            said.add(path)
        for path in said:
            rest.pop(path, None)
        return out

    def _intent(self, tool: ToolSlots, rest: dict[Path, Any], rng: random.Random) -> list[Piece] | None:
        """A clause that asks for the tool in the lexicon's general ways; may take a value along.

        [] when a stated problem asks by itself, None when there are no words for what is wanted.
        """
        tongue = self.tongues[tool.tool.name]
        free = [p for p in rest if tool.slot(p).field.kind in (Kind.PROBLEM, Kind.TEXT, Kind.TITLE, Kind.NOTE)]
        concepts = {c.concept for c in tongue.clusters}
        if len(free) == 1 and _searching(concepts) and rng.random() < 0.6:
            said = self.sayer.say(tool.slot(free[0]), rest[free[0]], rng)
            if said:
                rest.pop(free[0])
                return _fill(rng.choice(self.lexicon.asking), said)
        problem = [p for p in rest if tool.slot(p).field.kind is Kind.PROBLEM]
        if problem and rng.random() < 0.25:
            return []
        templates = self.templates.get(tool.tool.name)
        if templates and (not tongue.clusters or not tongue.nouns or rng.random() < 0.2):
            bare = self._bare_intent(tool, rng.choice(templates))
            if bare is not None or not tongue.clusters or not tongue.nouns:
                return bare
        if not tongue.clusters or not tongue.nouns:
            return None
        cluster = tongue.clusters[0] if rng.random() < 0.75 else rng.choice(tongue.clusters)
        noun = rng.choice(tongue.nouns)
        if cluster.patterns and rng.random() < 0.4:
            return [rng.choice(cluster.patterns).replace("{n}", noun)]
        frames = self.lexicon.frames
        if self.lexicon.frames_ba and rng.random() < 0.25:
            frames = self.lexicon.frames_ba
        verb = rng.choice(cluster.say or cluster.keys)
        return [rng.choice(frames).replace("{v}", verb).replace("{n}", noun)]

    def _bare_intent(self, tool: ToolSlots, template: Template) -> list[Piece] | None:
        verbs = self.tongues[tool.tool.name].verbs
        clause = template.clauses[min(template.intent)]
        left = drop(clause, frozenset(), verbs, self._labels(tool))
        return [p for p in left if isinstance(p, str)] if left else None

    def finish(self, clauses: list[list[Piece]], wording: str, shots: tuple[str, ...], rng: random.Random) -> Sentence:
        lex = self.lexicon
        if rng.random() < 0.12:
            clauses.insert(rng.randint(0, len(clauses)), [rng.choice(lex.contexts)])
        pieces: list[Piece] = []
        casual = rng.random() < 0.3
        for i, clause in enumerate(clauses):
            if i:
                pieces.append(self._joint(rng, casual))
                if rng.random() < 0.06:
                    pieces.append(rng.choice(lex.fillers) + ("" if self.chinese else " "))
            pieces += clause
        if rng.random() < 0.25:
            pieces.insert(0, rng.choice(lex.openers) + ("" if self.chinese else " "))
        if rng.random() < 0.2:
            pieces.append(_before(rng.choice(lex.closers), self.chinese))
        pieces.append(rng.choice(("", "", "。", "！", "？") if self.chinese else ("", ".", ".", "!")))
        pieces = _tidy(pieces, self.chinese, lower=not self.chinese and rng.random() < 0.25)
        text = "".join(p if isinstance(p, str) else p.text for p in pieces)
        surfaces = {p.path: p.surface for p in pieces if isinstance(p, Said)}
        return Sentence(text, surfaces, wording, shots)

    def _joint(self, rng: random.Random, casual: bool) -> str:
        if self.chinese:
            return rng.choice((" ", "，", "")) if casual else rng.choice(("，", "，", "，", "。", ",", "；", "，"))
        return rng.choice((" ", ", ", " ")) if casual else rng.choice((", ", ", ", ". ", ", ", " - ", "; ", " and "))


def _searching(concepts: set[str]) -> bool:
    return any(re.search(r"query|search|look|find|consult", c) for c in concepts)


def _fill(pattern: str, said: Sequence[Piece]) -> list[Piece]:
    """A pattern with what is said in its first place, and the value of it alone in those after: "of A and B, B"."""
    first, *others = pattern.split("{x}")
    value = next((piece for piece in reversed(said) if isinstance(piece, Said)), "")
    again = [piece for text in others[1:] for piece in (value, text)]
    return [piece for piece in (first, *said, *others[:1], *again) if piece != ""]


def _before(closer: str, chinese: bool) -> str:
    return closer if chinese or closer[:1] in ",.!?" else f" {closer}"


def _tidy(pieces: Sequence[Piece], chinese: bool, *, lower: bool) -> list[Piece]:
    """Spaces and capitals of the words between values; values stay as they are."""
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Said):
            out.append(piece)
            continue
        text = piece.lower() if lower else piece
        text = re.sub(r"[,，]\s*(?=[,，。.!！?？;；])", "", text)
        text = re.sub(r"\s{2,}", " ", text)
        tail = (out[-1] if isinstance(out[-1], str) else out[-1].text) if out else ""
        if not tail or tail[-1] in _STOPS:
            text = text.lstrip(_STOPS if chinese else _STOPS.replace(" ", ""))
        if tail[-1:] in ("", " "):
            text = text.lstrip()
        out.append(text)
    return out
