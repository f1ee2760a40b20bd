"""Values in a customer's message -> slots of a flow.

The one rule: a value is what stands in the message. Days, hours, ids and numbers are read by `manyshot.values`; free
text is whole pieces of what was said, each given to the slot whose values it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from manyshot.dialogue.company import Company
from manyshot.flow.steps import Ask, Flow
from manyshot.flow.walker import Walker
from manyshot.people import named
from manyshot.types import Json
from manyshot.understanding import NONE, Pieces, clauses
from manyshot.values import Kind
from manyshot.values.fields import Field, field_for
from manyshot.values.kinds import FREE

#: Kinds whose values are read only where they are asked for: a number may count anything. Those of other kinds that are
#: not free text (dates, ids, phones) are known by their form wherever they stand.
_COUNTED = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION, Kind.ENUM, Kind.BOOLEAN})
_MOMENTS = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME})
#: Kinds that stand in a message for no other reason than to be told.
PLAIN = frozenset({Kind.ID, Kind.PHONE, Kind.EMAIL, Kind.URL, Kind.PLATE})
#: Nats by which a slot that is told is likelier the owner of a piece than another, and by which a piece must look like
#: nobody's to be left out.
OPEN, NOBODY = 2.0, 2.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Fitted to one desk. Methods take what is asked for (`asked`) and what a reading says is told (`tells`)."""

    company: Company
    pieces: Pieces

    def values(self, said: str, walker: Walker, tells: Collection[str], *, insist: bool) -> Json:
        """The slots that a message tells. `insist`: the question was put before, so that any words answer it."""
        asked = walker.asks()
        typed = self.typed(said, walker, asked, tells)
        return typed | self._free(said, walker.flow, asked, tells, insist=insist)

    def typed(self, said: str, walker: Walker, asked: Sequence[str], tells: Collection[str] = ()) -> Json:
        """Slots of values with a form of their own that a message tells. Ids, days and such are taken wherever they are
        told; a day that nobody asked for must lie ahead: it is wished, others belong to a story."""
        found: Json = {}
        for slot, form in self.forms(walker.flow):
            wanted = slot in asked or slot in tells
            if not (_formed(form) or (form.kind in _COUNTED and wanted)):
                continue
            offered = offered_for(walker, slot) if slot in asked else []
            value = moment_in(form, said, offered) if offered else value_in(form, said)
            ahead = form.kind not in _MOMENTS or str(value)[:10] > form.context.today.strftime("%Y-%m-%d")
            if value is not None and (wanted or (ahead and form.kind is not Kind.TIME)):
                found[slot] = value
        return found

    def forms(self, flow: Flow) -> Iterator[tuple[str, Field]]:
        """Slots without a list of values that calls take, with how they are read."""
        for slot, about in flow.slots.items():
            if not about.values and (form := self.company.field_of(flow, slot)) is not None:
                yield slot, form

    def chosen(self, said: Sequence[str], walker: Walker, missing: Collection[str]) -> Json:
        """Moments on offer that the customer named before they were asked for: day and hour in any message, or an hour
        in the last one."""
        found: Json = {}
        for slot, form in self.forms(walker.flow):
            if slot not in missing or form.kind is not Kind.DATETIME or not (offered := offered_for(walker, slot)):
                continue
            whole = [value for text in said if str(value := value_in(form, text)) in offered]
            value = whole[-1] if whole else moment_in(form, said[-1], offered)
            if value is not None:
                found[slot] = value
        return found

    def _free(self, said: str, flow: Flow, asked: Sequence[str], tells: Collection[str], *, insist: bool) -> Json:
        """Free texts that a message tells: of one the whole message without what belongs to others, of several each its
        pieces. What no call takes is told by the whole message."""
        taken = {slot for slot, form in self.forms(flow) if form.kind in FREE and not _formed(form)}
        found: Json = {s: said for s in tells if s not in dict(self.forms(flow)) and not flow.slots[s].values}
        if not taken:
            return found
        some = [slot for slot in asked if slot in taken]
        open_ = {slot for slot in taken if slot in tells or (slot in some and (len(some) > 1 or insist))}
        parts = [piece for piece in clauses(said) if not self._only_typed(piece, flow)]
        counted = [form for slot, form in self.forms(flow) if slot in asked and form.kind in _COUNTED]
        parts = [piece for piece in parts if not any(form.spot(piece) for form in counted)] or parts
        pieces: dict[str, list[tuple[float, str]]] = {slot: [] for slot in sorted(taken)}
        unclear: list[str] = []
        for piece in parts:
            likely = self.pieces.likely(piece, pieces)
            slot = max(pieces, key=lambda one: likely[one].nats + OPEN * (one in open_))
            value = likely[slot]
            if value.cued or (slot in open_ and value.nats > likely[NONE].nats - NOBODY * (len(some) > 1)):
                pieces[slot].append((value.nats, value.text))
            elif likely[NONE].nats < value.nats + NOBODY:
                unclear.append(piece)
        if len(open_) == 1 and not pieces[slot := next(iter(open_))]:
            # The reading has it that it is told, in whatever words.
            pieces[slot] = [(0.0, part) for part in unclear or (parts if slot in tells or insist else [])]
        found |= {slot: _joined(own, said) for slot, own in pieces.items() if own}
        if (name := named(said, self.company.context.language)) is not None:
            found |= {slot: name for slot, form in self.forms(flow) if form.kind is Kind.PERSON}
        return found

    def _only_typed(self, piece: str, flow: Flow) -> bool:
        """Whether hardly more than dates, ids and such stands in a piece."""
        rest = piece
        for _, form in self.forms(flow):
            if _formed(form):
                for span in form.spot(piece):
                    rest = rest.replace(span.surface, "")
        return len(rest.strip()) * 2 < len(piece)


def value_in(form: Field, said: str) -> Any:
    """The last value of a field that stands in a message, None without: who corrects himself does it afterwards."""
    for span in sorted(form.spot(said), key=lambda one: -one.start):
        try:
            value = form.resolve(span.surface)
        except ValueError:
            continue
        if form.kind is not Kind.DATETIME or any(char in str(value) for char in "T "):
            return value
    return None


def offered_for(walker: Walker, slot: str) -> list[str]:
    """Moments that a tool named for the question of a slot."""
    step = next((s for s in walker.flow.steps if isinstance(s, Ask) and slot in s.slots), None)
    lists = (walker.values.get(name) for name in (step.needs if step else ()))
    return [str(one) for found in lists if isinstance(found, list) for one in found]


def moment_in(form: Field, said: str, offered: Sequence[str]) -> Any:
    """One of the offered moments, by the hour that is said; half a day later where only that was offered."""
    whole = value_in(form, said)
    if form.kind is not Kind.DATETIME or (whole is not None and str(whole) in offered):
        return whole
    for clock in _clocks(form, said):
        later = f"{(int(clock[:2]) + 12) % 24:02}{clock[2:]}"
        for wanted in (clock, later):
            begins = re.compile(rf"(?:^|[ T]){wanted}")
            if found := next((one for one in offered if begins.search(one)), None):
                return found
    return None


def _formed(form: Field) -> bool:
    """Whether values are known by their form, wherever they stand."""
    return form.pattern is not None or (form.kind not in FREE and form.kind not in _COUNTED)


def _joined(pieces: Sequence[tuple[float, str]], said: str) -> str:
    """Pieces that belong to one value: from the first to the last where they follow each other, else the likeliest."""
    texts = [text for _, text in pieces]
    start = said.find(texts[0])
    end = said.find(texts[-1], max(start, 0))
    whole = said[start : end + len(texts[-1])] if 0 <= start <= end else ""
    if whole and len(clauses(whole)) == len(texts):
        return whole
    return max(pieces)[1]


def _clocks(form: Field, said: str) -> list[str]:
    """Hours that stand in a message, as HH:MM."""
    clock = field_for("time", {"type": "string", "format": "time"}, form.context)
    found = []
    for span in clock.spot(said):
        try:
            found.append(str(clock.resolve(span.surface))[:5])
        except ValueError:
            continue
    return found
