"""Shots -> wording with holes: finds where each argument's value stands in the action and takes the words apart.

A shot becomes a `Template`: its action cut into clauses, each a run of words and holes. A clause that only brings one
field in is a *carrier* of that field and can serve any sentence; a clause with the tool's verb is an *intent*.
Values that stand nowhere (a boolean or an enum implied by the wording, a default) stay fixed to the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from manyshot.data.slots import Path, Slot, ToolSlots, get
from manyshot.types import Domain, Json, Shot
from manyshot.values import Kind, Span


class Hole(NamedTuple):
    """A place in a clause that a slot's words fill."""

    path: Path


#: A clause: words and holes in order.
Clause = tuple[str | Hole, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One shot taken apart. `fixed` are values that no words of the shot carry (implied or default)."""

    shot: str
    tool: str
    clauses: tuple[Clause, ...]
    intent: frozenset[int]
    fixed: tuple[tuple[Path, Any], ...]
    joints: tuple[str, ...]

    @property
    def paths(self) -> frozenset[Path]:
        return frozenset(p.path for c in self.clauses for p in c if isinstance(p, Hole))


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a slot's value stands in a shot's action."""

    path: Path
    start: int
    end: int


_CUT = re.compile(r"[,，。;；!！?？：\n]+\s*|:\s|\.\s+|\.$|\s+-\s+")


_RANK = {Kind.TIME: 1, Kind.INTEGER: 2, Kind.NUMBER: 2, Kind.DURATION: 2}


def locate(action: str, arguments: Json, slots: ToolSlots) -> tuple[list[Placed], dict[Path, Any]]:
    """Place every value of a call in the action; what stands nowhere is returned apart.

    A value that has no words of its own may share those of another: an id in a description of what is wrong, the last
    day of a leave of one day (see `alone`).
    """
    placed: list[Placed] = []
    loose: dict[Path, Any] = {}
    values = [(s, v) for s in slots.slots if (v := get(arguments, s.path)) is not None]
    spans = {s.path: _span(action, s, v, ()) for s, v in values}
    # Long places first: they are the surest. Then hours, so that the day beside one stays free for a date, then
    # numbers, so that a short one does not sit inside another value.
    values.sort(key=lambda sv: (_RANK.get(sv[0].field.kind, 0), -_length(spans[sv[0].path])))
    for slot, value in values:
        span = _span(action, slot, value, placed)
        if span is None:
            loose[slot.path] = value
        else:
            placed.append(Placed(slot.path, *span))
    for path in [p for p in loose if (span := spans[p]) and _may_share(slots.slot(p), action[span[0] : span[1]])]:
        shared = spans[path]
        assert shared is not None
        placed.append(Placed(path, *shared))
        del loose[path]
    return sorted(placed, key=lambda p: (p.start, -p.end)), loose


def _outermost(placed: Sequence[Placed]) -> list[Placed]:
    """Of places that share words the longest, in order."""
    kept: list[Placed] = []
    for place in sorted(placed, key=lambda p: p.start - p.end):
        if all(place.end <= k.start or place.start >= k.end for k in kept):
            kept.append(place)
    return sorted(kept, key=lambda p: p.start)


def alone(placed: Sequence[Placed]) -> list[Placed]:
    """The places that share no words with another."""
    return [p for p in placed if all(p is q or p.end <= q.start or p.start >= q.end for q in placed)]


def _length(span: tuple[int, int] | None) -> int:
    return span[1] - span[0] if span else 0


def _may_share(slot: Slot, said: str) -> bool:
    """Not a choice, which any words may imply, nor a list; a number only with its unit: 12 stands in many words."""
    if slot.chosen or slot.field.kind is Kind.ARRAY:
        return False
    if slot.field.kind in (Kind.INTEGER, Kind.NUMBER, Kind.DURATION):
        return slot.field.unit is not None and any(not c.isdigit() for c in said[1:])
    return len(said) > 1


def _span(action: str, slot: Slot, value: Any, taken: Sequence[Placed]) -> tuple[int, int] | None:
    if slot.field.kind is Kind.BOOLEAN:
        return None
    if slot.field.kind is Kind.ARRAY:
        return _array_span(action, slot, value, taken)
    for span in slot.field.find(action, value):
        if all(span.end <= t.start or span.start >= t.end for t in taken):
            return span.start, span.end
    return None


#: Words before a name that say how many: a lunch box, both stools.
_FEW = re.compile(r"(?<![a-z])(?P<n>an?|both)\s+(?:[a-z-]+\s+)?$", re.IGNORECASE)


def item_places(action: str, slot: Slot, value: list[Any], taken: Sequence[Placed] = ()) -> list[list[Placed]] | None:
    """Places of each item's leaves in order, or None when one stands nowhere."""
    out, used = [], list(taken)
    for item in value:
        places: list[Placed] = []
        # Names before numbers: the number is then looked for beside its name.
        for inner in sorted(slot.items, key=lambda s: s.field.kind in (Kind.INTEGER, Kind.NUMBER)):
            leaf = get(item, inner.path) if inner.path else item
            if leaf is None:
                continue
            near = places[0].start if places else -1
            free = [
                s for s in inner.field.find(action, leaf) if all(s.end <= t.start or s.start >= t.end for t in used)
            ]
            if not free and places and (match := _FEW.search(action, 0, places[0].start)):
                few = Span(*match.span("n"), match["n"])
                free = [few] if _reads(inner, few.surface, leaf) else []
            if not free:
                return None
            best = min(free, key=lambda s: abs(s.start - near)) if near >= 0 else free[0]
            places.append(Placed(inner.path, best.start, best.end))
            used.append(places[-1])
        out.append(places)
    return out


def _reads(slot: Slot, said: str, value: Any) -> bool:
    try:
        return bool(slot.field.resolve(said) == value)
    except ValueError:
        return False


def _array_span(action: str, slot: Slot, value: Any, taken: Sequence[Placed]) -> tuple[int, int] | None:
    items = item_places(action, slot, value, taken) if isinstance(value, list) and value else None
    flat = [p for places in items or () for p in places]
    return (min(p.start for p in flat), max(p.end for p in flat)) if flat else None


def take_apart(shot: Shot, slots: ToolSlots, verbs: Sequence[str]) -> Template | None:
    """A shot with a call -> its template; `verbs` are words that tell the tool's intent."""
    assert shot.call is not None
    every, loose = locate(shot.action, shot.call.arguments, slots)
    placed = _outermost(every)
    loose |= {p.path: get(shot.call.arguments, p.path) for p in every if p not in placed}
    clauses: list[Clause] = []
    joints: list[str] = []
    for start, end, joint in _cuts(shot.action, placed):
        clause = tuple(_parts(shot.action, start, end, placed))
        if clause:
            clauses.append(clause)
            joints.append(joint)
    if not clauses:
        return None
    intent = [i for i, c in enumerate(clauses) if _has_verb(c, verbs)]
    if not intent:
        intent = [max(range(len(clauses)), key=lambda i: _own_words(clauses[i]))]
    return Template(shot.id, slots.tool.name, tuple(clauses), frozenset(intent), tuple(loose.items()), tuple(joints))


def _cuts(action: str, placed: Sequence[Placed]) -> Iterator[tuple[int, int, str]]:
    """Clause borders: punctuation outside of every hole."""
    at = 0
    for match in _CUT.finditer(action):
        if any(p.start < match.end() and match.start() < p.end for p in placed):
            continue
        yield at, match.start(), match.group()
        at = match.end()
    if at < len(action):
        yield at, len(action), ""


def _parts(action: str, start: int, end: int, placed: Sequence[Placed]) -> Iterator[str | Hole]:
    at = start
    for place in placed:
        if start <= place.start and place.end <= end:
            if place.start > at:
                yield action[at : place.start]
            yield Hole(place.path)
            at = place.end
    if at < end:
        yield action[at:end]


def _own_words(clause: Clause) -> int:
    return sum(len(p) for p in clause if isinstance(p, str))


def _has_verb(clause: Clause, verbs: Sequence[str]) -> bool:
    words = "\0".join(p for p in clause if isinstance(p, str)).lower()
    return any(v in words if not v.isascii() else re.search(rf"\b{re.escape(v)}", words) for v in verbs)


_PREPOSITION = re.compile(
    r"(?:^|\s)(?:(?:and|with|the|an?|is|it's|his|her|my|their|its|in)\s+)*"
    r"(?:on|at|for|to|from|in|with|under|by|about|because of|because|named|of|as|until|since|via|into|around|near|over|"
    r"number|no\.?|id|ref|reference|code)\s+(?:[\w-]+\s+){0,2}$",
    re.I,
)
_LEAD_ZH = re.compile(r"(?:并且|并|和|及|同时)?(?:给|为|替|帮|在|于|到|从|由|按|因为|因|至|向|用|以|约|把|将)?(?:的)?$")
#: What follows a value in Chinese and goes with it: counters and the words that close its phrase.
_TAIL_ZH = re.compile(r"^(?:号|房间|房|件|个|人|位|名|台|的|时|前|后|之前|之后|抵达|到达|落地|出发)+")


def drop(
    clause: Clause, keep: frozenset[Path], verbs: Sequence[str], labels: Mapping[Path, Sequence[str]]
) -> Clause | None:
    """The clause without the holes that are not kept; the words that only served a dropped hole go too.

    `labels` are the names people give a field; None when nothing sensible is left.
    """
    holes = [p.path for p in clause if isinstance(p, Hole)]
    if holes and not _has_verb(clause, verbs) and not any(h in keep for h in holes):
        return None
    out: list[str | Hole] = []
    dropped = False
    for part in clause:
        if isinstance(part, str):
            out.append(_TAIL_ZH.sub("", part) if dropped else part)
            dropped = False
        elif part.path in keep:
            out.append(part)
            dropped = False
        else:
            if out and isinstance(out[-1], str):
                out[-1] = _trim(out[-1], verbs, labels.get(part.path, ()))
            dropped = True
    merged = tuple(p for p in out if p)
    text = "".join(p for p in merged if isinstance(p, str)).strip()
    whole = len(merged) == len(clause) and all(isinstance(p, str) or p.path in keep for p in merged)
    if not whole and len(text) < 2:
        return None
    return merged or None


def _trim(lead: str, verbs: Sequence[str], labels: Sequence[str]) -> str:
    """Cut from the words before a dropped hole those that bring it in."""
    if not re.search(r"[\u4e00-\u9fff]", lead):
        match = _PREPOSITION.search(lead)
        return lead[: match.start()] if match else lead.rstrip()
    for label in sorted(labels, key=len, reverse=True):
        lead = re.sub(rf"(?:的|其)?{re.escape(label)}(?:是|为|号|号码)?\s*$", "", lead)
    # Up to six characters without the tool's verb are a carrier; more are words of their own.
    return _LEAD_ZH.sub("", lead) if _has_verb((lead,), verbs) or len(lead) > 6 else ""


def templates_of(domain: Domain, slots: dict[str, ToolSlots], verbs: dict[str, list[str]]) -> list[Template]:
    """All shots with a call, taken apart."""
    out = (take_apart(s, slots[s.call.name], verbs[s.call.name]) for s in domain.shots if s.call)
    return [t for t in out if t is not None]
