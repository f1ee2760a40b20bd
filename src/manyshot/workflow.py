"""A fixed workflow: the flows run as rules, without a model. An honest opponent for the trained assistant.

The one rule: everything it knows about people's words stands in the desk's `workflow.toml`, written by hand:

    [flows]                      # the first flow whose pattern is found in the first message; else the first flow
    complaint = "投诉|人工"
    [slots.solved]               # a slot with values: value -> pattern; the first that is found counts
    "否" = "没|不行"
    [texts]                      # a slot of free text -> pattern of its piece of an answer to several questions
    address = "[市区路号]"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from manyshot.dialogue.company import Company, filled, sentence, written_out
from manyshot.dialogue.exact import write_observation
from manyshot.dialogue.sound import unsound
from manyshot.errors import SpecError, at
from manyshot.flow.steps import Ask, CallTool, End, Handoff
from manyshot.flow.walker import LostError, Walker
from manyshot.listening import moment_in, offered_for, value_in
from manyshot.protocols import World
from manyshot.types import Call, Turn
from manyshot.values.fields import Field
from manyshot.values.kinds import Kind

FILE = "workflow.toml"
#: Times one question is asked before a person takes over.
ASKED = 2
_TYPED = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.INTEGER, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Rules:
    """The words of one desk."""

    flows: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Slots whose words count in any message, also before they are asked for.
    anywhere: Sequence[str] = ()


def read_rules(folder: Path) -> Rules:
    """The rules of a domain folder. Raises SpecError where there are none, or they cannot be read."""
    path = folder / FILE
    try:
        rules = Rules(**tomllib.loads(path.read_text("utf-8")))
        for pattern in (
            *rules.flows.values(),
            *rules.texts.values(),
            *(p for s in rules.slots.values() for p in s.values()),
        ):
            re.compile(pattern)
    except OSError:
        raise SpecError(
            f"{path}: there is none; write the words of the flows and slots as docs/dialogues.md shows"
        ) from None
    except (ValueError, TypeError, AttributeError, re.error) as error:
        raise SpecError(f"{at(path)}: {error}; wanted [flows], [slots.NAME] and [texts] with patterns") from None
    return rules


@dataclass(slots=True)
class Workflow:
    """One conversation; fits protocols.Assistant."""

    desk: Company
    rules: Rules
    world: World
    turns: list[Turn] = field(default_factory=list)
    over: Literal["", "ended", "handoff"] = ""
    _walker: Walker | None = None
    #: How often the question that waits for an answer was put.
    _put: int = 0

    def hear(self, said: str) -> Sequence[Turn]:
        """See protocols.Assistant."""
        first = len(self.turns)
        self.turns.append(Turn(role="user", text=said))
        if self._walker is None or self.over == "ended":
            self._walker = self._begin(said)
        else:
            self._walker.hear()
            self._take(self._walker, said, self._walker.asks())
        self.over = ""
        self._run(self._walker)
        return self.turns[first:]

    def _begin(self, said: str) -> Walker:
        flows = self.desk.flows
        named = (flows[name] for name, p in self.rules.flows.items() if name in flows and re.search(p, said))
        walker = Walker(next(named, next(iter(flows.values()))))
        walker.hear()
        free = [slot for slot in walker.asks() if not walker.flow.slots[slot].values and not self._typed(walker, slot)]
        self._take(walker, said, free[:1])
        self._choose(walker, said, [name for name, slot in walker.flow.slots.items() if slot.judged])
        return walker

    def _take(self, walker: Walker, said: str, asked: Sequence[str]) -> None:
        """Fill slots: those asked for, and ids, days and wishes wherever they are said."""
        slots = walker.flow.slots
        for name in slots:
            if (form := self._typed(walker, name)) is not None:
                offered = offered_for(walker, name)
                value = moment_in(form, said, offered) if form.kind is Kind.DATETIME else value_in(form, said)
                # A moment is one of those that were offered.
                if value is not None and (form.kind is not Kind.DATETIME or value in offered):
                    walker.put(name, value)
        choices = [name for name in asked if slots[name].values]
        early = [name for name in self.rules.anywhere if name in slots and name not in walker.values]
        self._choose(walker, said, [*choices, *early])
        pieces = [p for p in re.split(r"[，,；;。]\s*", said) if p.strip()]
        for name in (n for n in asked if n not in choices and self._typed(walker, n) is None):
            wanted = self.rules.texts.get(name, "")
            fit = said if len(asked) == 1 else next((p for p in pieces if re.search(wanted, p)), None)
            if fit is not None:
                walker.put(name, fit.strip())
                pieces = [p for p in pieces if p != fit]

    def _choose(self, walker: Walker, said: str, names: Sequence[str]) -> None:
        for name in names:
            found = next((v for v, p in self.rules.slots.get(name, {}).items() if re.search(p, said)), None)
            if found is not None:
                walker.put(name, found)

    def _typed(self, walker: Walker, slot: str) -> Field | None:
        """How a slot's values are read, where they have a form that can be told from other words."""
        form = self.desk.field_of(walker.flow, slot)
        return form if form is not None and (form.kind in _TYPED or form.pattern) else None

    def _run(self, walker: Walker) -> None:
        """Step by step until the customer is to speak."""
        language = self.desk.context.language
        try:
            while isinstance((stop := walker.next()).step, CallTool):
                self._call(walker, stop.step)
        except LostError:
            return self._end("handoff", ["转人工"])
        words = [sentence(step.text, walker.values, language) for step in stop.told]
        match stop.step:
            case Ask():
                self._put = self._put + 1 if stop.again else 1
                if self._put > ASKED:
                    return self._end("handoff", [*words, "为您转接人工客服。"])
                return self._end("", [*words, sentence(stop.step.text, walker.values, language)])
            case Handoff():
                return self._end("handoff", [*words, stop.step.reason])
            case End():
                return self._end("ended", [*words, stop.step.outcome])

    def _call(self, walker: Walker, step: CallTool) -> None:
        given = written_out(step.arguments, walker.values)
        call = Call(name=step.tool, arguments={k: v for k, v in given.items() if v is not None})
        answered = self.world.call(call)
        self.turns += [
            Turn(role="action", text=step.tool, call=call),
            Turn(role="observation", text=write_observation(answered), answered=answered),
        ]
        if answered.ok and (wrong := unsound(call, answered)):
            raise LostError(f"an answer that cannot be meant: {wrong}")
        walker.answered(step, filled(step, answered))

    def _end(self, over: Literal["", "ended", "handoff"], words: Sequence[str]) -> None:
        self.over = over
        self.turns.append(Turn(role="reply", text=" ".join(words)))
