"""What dialogues are held against: the flows of a domain with their paths, its tools, and a way to open its world."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

from manyshot.data.slots import Slot, ToolSlots, get
from manyshot.dialogue.changes import State, snapshot
from manyshot.flow.paths import Path, paths
from manyshot.flow.steps import PLACE, CallTool, Flow
from manyshot.protocols import World
from manyshot.types import Call, Context, Domain, Json, Language, Observation, Setup
from manyshot.values import Field, Kind
from manyshot.values.text import Span

#: Digits in a row that nobody says by chance: ids and phone numbers.
_LONG = re.compile(r"\d{5,}")
_GAPS = re.compile(r"(?<=\d)[ -](?=\d)")

#: Setups of which the rows are kept.
_KEPT = 64
#: Answers of `found_in` that are kept.
_FOUND = 4_000

#: A fresh world, set up for one episode.
OpenWorld = Callable[[Setup], World]
#: How worlds of a domain with these flows are opened; WorldError where they cannot be.
OpenerOf = Callable[[Domain, Sequence[Flow]], OpenWorld]


@dataclass(frozen=True, slots=True)
class Company:
    """One domain as dialogues meet it."""

    context: Context
    flows: Mapping[str, Flow]
    #: Flow -> its paths by id.
    paths: Mapping[str, Mapping[str, Path]]
    tools: Mapping[str, ToolSlots]
    open: OpenWorld
    _begun: dict[str, State] = field_of(default_factory=dict, repr=False, compare=False)

    def begun(self, setup: Setup) -> State:
        """The rows of a world as it begins, read once for setups that differ in their faults alone; not to be changed.
        WorldError where it cannot be opened."""
        key = setup.model_dump_json(exclude={"faults"})
        if key not in self._begun:
            while len(self._begun) >= _KEPT:
                del self._begun[next(iter(self._begun))]
            self._begun[key] = snapshot(self.open(setup.model_copy(update={"faults": ()})))
        return self._begun[key]

    @property
    def all_paths(self) -> tuple[Path, ...]:
        return tuple(path for found in self.paths.values() for path in found.values())

    def field_of(self, flow: Flow, slot: str) -> Field | None:
        """How values of a flow's slot are said and read: as the field of the first call that takes it; None for a slot
        that no call takes."""
        for step in (step for step in flow.steps if isinstance(step, CallTool)):
            for name, template in step.arguments.items():
                if isinstance(template, str) and (whole := PLACE.fullmatch(template)) and whole[1] == slot:
                    return next((s.field for s in self.tools[step.tool].slots if s.path == (name,)), None)
        return None

    def unsaid(self, call: Call, text: str) -> Iterator[tuple[Slot, Any]]:
        """The slots of a call whose values a text does not say, with the values; truth values can be said in any words.

        The acting model sees nothing but an Action's text, so what is missing there it can only invent.
        """
        for slot in self.tools[call.name].slots:
            value = get(call.arguments, slot.path)
            if value is not None and not says(slot, text, value):
                yield slot, value


def company(context: Context, flows: Iterable[Flow], tools: Mapping[str, ToolSlots], open_world: OpenWorld) -> Company:
    """Put together; lists all paths of the flows once."""
    by_name = {flow.name: flow for flow in flows}
    found = {name: {path.id: path for path in paths(flow)} for name, flow in by_name.items()}
    return Company(context, by_name, found, tools, open_world)


def says(slot: Slot, text: str, value: Any) -> bool:
    """Whether words say a value of a slot."""
    if slot.field.kind in (Kind.BOOLEAN, Kind.OBJECT) or isinstance(value, bool | dict):
        return True
    if isinstance(value, list):
        return all(says(slot.items[0], text, one) if len(slot.items) == 1 else True for one in value)
    return bool(found_in(text, slot.field, value))


_found: dict[tuple[int, str, type, Any], tuple[Field, list[Span]]] = {}


def found_in(text: str, field: Field, value: Any) -> list[Span]:
    """As `field.find`. While a dialogue is made and checked the same is asked again and again, so it is kept."""
    if isinstance(value, list | dict):
        return field.find(text, value)
    key = (id(field), text, type(value), value)
    kept = _found.get(key)
    if kept is not None and kept[0] is field:
        return kept[1]
    if len(_found) >= _FOUND:
        _found.clear()
    spans = field.find(text, value)
    _found[key] = (field, spans)
    return spans


def invented_numbers(text: str, heard: Sequence[str]) -> list[str]:
    """Long numbers in a text that neither the customer nor a tool said; blanks within numbers do not count."""
    known = _GAPS.sub("", "\n".join(heard))
    return [number for number in dict.fromkeys(_LONG.findall(_GAPS.sub("", text))) if number not in known]


def field_of_answer(body: Any, path: str) -> Any:
    """The value at a dotted path of an answer, as a flow's `fills` names it; None where there is none."""
    here = body
    for key in path.split("."):
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            return None
    return here


def filled(step: CallTool, answered: Observation) -> Json | None:
    """The slots that a call fills, from its answer; None when it failed."""
    return {slot: field_of_answer(answered.body, at) for slot, at in step.fills.items()} if answered.ok else None


def sentence(text: str, values: Json, language: Language) -> str:
    """A flow's own words with the slots' values in them; lists are told one after the other."""
    joint = "、" if language == "zh" else ", "
    shown = {slot: joint.join(map(str, v)) if isinstance(v, list) else v for slot, v in values.items()}
    return str(PLACE.sub(lambda found: str(shown.get(found[1], found[0])), text))


def written_out(template: Any, values: Json) -> Any:
    """A flow's argument with the slots' values in it: "{slot}" alone keeps the value's type."""
    if isinstance(template, str):
        if whole := PLACE.fullmatch(template):
            return values.get(whole[1])
        return PLACE.sub(lambda found: str(values.get(found[1], found[0])), template)
    if isinstance(template, dict):
        return {key: written_out(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [written_out(part, values) for part in template]
    return template
